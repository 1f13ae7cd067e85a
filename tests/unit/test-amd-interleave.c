/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translations beside invalidations, with every interleaving made by hand:
 * the fake memory runs a change and its commands at a chosen read of a walk.
 * What starts after that is translated by the new tables.
 */
#include "qemu/osdep.h"
#include "amd-tables.h"

#define MODE 4
#define GUEST_LEVELS 4

#define PAGE_X 0x3000
#define PAGE_Y 0x5000       /* same page table */
#define PAGE_Z 0x200000     /* same directory */
#define OLD 0x100000000ULL
#define NEW 0x200000000ULL
#define PASID 3

static const uint64_t scene_pages[] = { PAGE_X, PAGE_Y, PAGE_Z };

/* Whose tables the request goes by. */
typedef enum Kind {
    HOST,
    GUEST,                   /* with a PASID */
    GIOV,
    NESTED,                  /* the host's tables change */
    KINDS,
} Kind;

typedef struct Scene Scene;

/* A change of tables and the commands that have to follow it. */
typedef struct Change {
    const char *name;
    void (*run)(Scene *s);
    unsigned kinds;          /* a bit for each that it is for */
} Change;

struct Scene {
    Ax *f;
    Kind kind;
    uint64_t root;           /* tables that lead to OLD: host's or guest's */
    uint64_t other;          /* tables that lead to NEW */
    uint64_t gcr3;
    uint64_t gcr3_other;     /* leads to NEW as well */
    uint64_t guest[2];       /* NESTED: tables in front of them, and to NEW */
    const Change *change;
    unsigned at;             /* read after which the change is made */
    unsigned reads;
};

static bool is_guest(const Scene *s)
{
    return s->kind == GUEST || s->kind == GIOV;
}

static uint32_t pasid_of(const Scene *s)
{
    return s->kind == GIOV ? 0 : PASID;
}

static uint64_t scene_entry(Scene *s, uint64_t root, uint64_t iova,
                            unsigned level)
{
    return is_guest(s) ? at_guest_entry(s->f, root, GUEST_LEVELS, iova, level,
                                        0)
                       : at_entry(s->f, root, MODE, iova, level);
}

static void map_all(Scene *s, uint64_t root, uint64_t base)
{
    for (unsigned i = 0; i < ARRAY_SIZE(scene_pages); i++) {
        uint64_t iova = scene_pages[i];

        fx_mem_poke(&s->f->mem, scene_entry(s, root, iova, 1),
                    base | iova | (is_guest(s) ? 0x67 : AT_RIGHTS(3) | 1));
    }
}

/* Of the domain's pages, or the PASID's; PDE. */
static void flush(Scene *s, uint64_t range, bool tables)
{
    uint64_t lo = 3ULL << 60 | (uint64_t)AX_DID << 32;

    if (is_guest(s)) {
        ax_submit(s->f, lo | pasid_of(s), range | 4 | (tables ? 2 : 0));
    } else {
        ax_submit(s->f, lo, range | (tables ? 2 : 0));
    }
}

static void leaves_by_page(Scene *s)
{
    map_all(s, s->root, NEW);
    for (unsigned i = 0; i < ARRAY_SIZE(scene_pages); i++) {
        flush(s, scene_pages[i], false);
    }
}

static void leaves_by_range(Scene *s)
{
    map_all(s, s->root, NEW);
    flush(s, ax_range(0, 30), false);
}

static void leaves_everywhere(Scene *s)
{
    map_all(s, s->root, NEW);
    flush(s, 0x7ffffffffffff001, false);
}

static void leaves_by_domain(Scene *s)
{
    map_all(s, s->root, NEW);
    at_inv_domain(s->f, AX_DID);
}

static void leaves_by_all(Scene *s)
{
    map_all(s, s->root, NEW);
    ax_inv_all(s->f);
}

/* Entries of @level now point at the other tables. */
static void swap_table(Scene *s, unsigned level)
{
    for (unsigned i = 0; i < ARRAY_SIZE(scene_pages); i++) {
        uint64_t from = scene_entry(s, s->other, scene_pages[i], level);

        fx_mem_poke(&s->f->mem, scene_entry(s, s->root, scene_pages[i], level),
                    fx_mem_peek(&s->f->mem, from));
    }
}

static void tables_by_page(Scene *s)
{
    swap_table(s, 2);
    for (unsigned i = 0; i < ARRAY_SIZE(scene_pages); i++) {
        flush(s, scene_pages[i], true);
    }
}

static void tables_by_range(Scene *s)
{
    swap_table(s, 3);
    flush(s, ax_range(0, 30), true);
}

static void tables_everywhere(Scene *s)
{
    swap_table(s, 4);
    flush(s, 0x7ffffffffffff001, true);
}

static void tables_by_all(Scene *s)
{
    swap_table(s, 4);
    ax_inv_all(s->f);
}

/* The entry of the device as it is, but with other tables. */
static void set_dte(Scene *s, uint64_t root, uint16_t did)
{
    Ax *f = s->f;
    uint64_t w0 = AT_OPEN, w1 = did;

    if (s->kind == HOST || s->kind == NESTED) {
        w0 |= AT_MODE(MODE) | root;
    }
    if (s->kind != HOST) {
        w0 |= AT_GV | at_gcr3_0(s->gcr3, 0) |
              (s->kind == GIOV ? AT_GIOV : 0);
        w1 |= at_gcr3_1(s->gcr3);
    }
    at_dte(f, AX_SID, w0, w1, 0, 0);
}

/* Other tables for the same domain. */
static void entry_by_device(Scene *s)
{
    set_dte(s, s->other, AX_DID);
    ax_inv_devtab(s->f, AX_SID);
    at_inv_domain(s->f, AX_DID);
}

/* INVALIDATE_DEVTAB_ENTRY takes the translations with it (digest 12). */
static void entry_alone(Scene *s)
{
    set_dte(s, s->other, AX_DID);
    ax_inv_devtab(s->f, AX_SID);
}

static void entry_by_all(Scene *s)
{
    set_dte(s, s->other, AX_DID);
    ax_inv_all(s->f);
}

/* To another domain and back: the old domain was flushed when it was left. */
static void entry_and_back(Scene *s)
{
    set_dte(s, s->other, AX_DID + 1);
    ax_inv_devtab(s->f, AX_SID);
    at_inv_domain(s->f, AX_DID);
    set_dte(s, s->other, AX_DID);
    ax_inv_devtab(s->f, AX_SID);
    at_inv_domain(s->f, AX_DID + 1);
}

static void set_gcr3(Scene *s, uint64_t gcr3, uint64_t cr3)
{
    fx_mem_poke(&s->f->mem, at_gcr3_entry(s->f, gcr3, 0, pasid_of(s)),
                cr3 | 1);
}

static uint64_t other_cr3(const Scene *s)
{
    return s->kind == NESTED ? s->guest[1] : s->other;
}

static void gcr3_by_pasid(Scene *s)
{
    set_gcr3(s, s->gcr3, other_cr3(s));
    ax_inv_pages_gn(s->f, AX_DID, pasid_of(s), 0, 64);
}

static void gcr3_by_entry(Scene *s)
{
    set_gcr3(s, s->gcr3, other_cr3(s));
    ax_inv_devtab(s->f, AX_SID);
}

/* Another GCR3 table in the entry. */
static void gcr3_table(Scene *s)
{
    s->gcr3 = s->gcr3_other;
    set_dte(s, s->root, AX_DID);
    ax_inv_devtab(s->f, AX_SID);
}

static void gcr3_table_by_all(Scene *s)
{
    s->gcr3 = s->gcr3_other;
    set_dte(s, s->root, AX_DID);
    ax_inv_all(s->f);
}

#define ALL (BIT(KINDS) - 1)
#define OF_HOST (BIT(HOST) | BIT(NESTED))
#define OF_GUEST (BIT(GUEST) | BIT(GIOV) | BIT(NESTED))

static const Change changes[] = {
    { "leaves, by page", leaves_by_page, ALL },
    { "leaves, by range", leaves_by_range, ALL },
    { "leaves, everywhere", leaves_everywhere, ALL },
    { "leaves, by domain", leaves_by_domain, ALL },
    { "leaves, all", leaves_by_all, ALL },
    { "tables, by page", tables_by_page, ALL },
    { "tables, by range", tables_by_range, ALL },
    { "tables, everywhere", tables_everywhere, ALL },
    { "tables, all", tables_by_all, ALL },
    { "entry, by device", entry_by_device, OF_HOST },
    { "entry, alone", entry_alone, OF_HOST },
    { "entry, all", entry_by_all, OF_HOST },
    { "entry, other domain and back", entry_and_back, OF_HOST },
    { "GCR3, by PASID", gcr3_by_pasid, OF_GUEST },
    { "GCR3, by entry", gcr3_by_entry, OF_GUEST },
    { "GCR3 table", gcr3_table, OF_GUEST },
    { "GCR3 table, all", gcr3_table_by_all, OF_GUEST },
};

static void change_on_read(void *opaque, uint64_t gpa)
{
    Scene *s = opaque;

    if (s->reads++ == s->at) {
        s->f->mem.on_read = NULL;
        s->change->run(s);
    }
}

static uint64_t scene_dma(Scene *s, uint64_t iova)
{
    NyxReply reply;

    if (s->kind == HOST || s->kind == GIOV) {
        return at_dma(s->f, FX_R, iova);
    }
    reply = at_pasid(s->f, PASID, FX_R, iova);
    return reply.ok ? reply.addr : AX_REFUSED;
}

/* Where memory is for a nested guest, and guest addresses that lead to NEW. */
#define GUEST_AT (1ULL << 35)
#define GUEST_NEW 0x80000000ULL

/* A guest's tables that take the pages to @to and above. */
static uint64_t nested_guest(Scene *s, uint64_t to)
{
    uint64_t cr3 = fx_mem_pages(&s->f->mem, 1) + GUEST_AT;

    for (unsigned i = 0; i < ARRAY_SIZE(scene_pages); i++) {
        at_guest_map(s->f, cr3, GUEST_LEVELS, scene_pages[i],
                     to + scene_pages[i], 12, 0x62, -GUEST_AT);
    }
    return cr3;
}

static void nested_init(Scene *s)
{
    /* Both of the host's tables let the guest's own be reached. */
    at_map(s->f, s->root, MODE, GUEST_AT, 0, 28, FX_RW);
    at_map(s->f, s->other, MODE, GUEST_AT, 0, 28, FX_RW);
    for (unsigned i = 0; i < ARRAY_SIZE(scene_pages); i++) {
        at_map(s->f, s->root, MODE, GUEST_NEW + scene_pages[i],
               NEW | scene_pages[i], 12, FX_RW);
    }
    s->guest[0] = nested_guest(s, 0);
    s->guest[1] = nested_guest(s, GUEST_NEW);
}

static void scene_init(Scene *s, const NyxAmdCfg *cfg)
{
    s->f = at_new(cfg);
    s->root = fx_mem_pages(&s->f->mem, 1);
    s->other = fx_mem_pages(&s->f->mem, 1);
    s->gcr3 = fx_mem_pages(&s->f->mem, 1);
    s->gcr3_other = fx_mem_pages(&s->f->mem, 1);
    map_all(s, s->root, OLD);
    map_all(s, s->other, NEW);
    if (s->kind == NESTED) {
        nested_init(s);
    }
    set_gcr3(s, s->gcr3, s->kind == NESTED ? s->guest[0] : s->root);
    set_gcr3(s, s->gcr3_other, other_cr3(s));
    set_dte(s, s->root, AX_DID);
}

/* More than a nested miss has, which reads for its marks, too. */
#define READS 80

/* False if the walk has fewer reads than @at. */
static bool interleave(const Change *change, Kind kind, unsigned at,
                       bool warm, NyxCacheTemper temper)
{
    NyxAmdCfg cfg = at_cfg();
    Scene s = { .change = change, .kind = kind, .at = at };
    g_autofree char *row = g_strdup_printf(
        "%s, kind %u, after read %u, warm %u, temper %u", change->name, kind,
        at, warm, temper);
    uint64_t addr;
    bool changed;

    cfg.cache = temper;
    scene_init(&s, &cfg);
    if (warm) {
        /* The entry is known, and the directory of the page. */
        scene_dma(&s, PAGE_Z);
    }
    s.f->mem.on_read = change_on_read;
    s.f->mem.on_read_opaque = &s;
    /* This one began before the change: it may be either. */
    addr = scene_dma(&s, PAGE_X);
    FX_CHECK(row, addr == (OLD | PAGE_X) || addr == (NEW | PAGE_X), true);
    changed = !s.f->mem.on_read;
    s.f->mem.on_read = NULL;
    for (unsigned i = 0; changed && i < 2 * ARRAY_SIZE(scene_pages); i++) {
        addr = scene_pages[i / 2];
        FX_CHECK(row, scene_dma(&s, addr), NEW | addr);
    }
    ax_free(s.f);
    return changed;
}

static void test_interleave(gconstpointer data)
{
    Kind kind = GPOINTER_TO_UINT(data);
    unsigned tempers = kind == NESTED ? 1 : NYX_CACHE_TEMPER_COUNT;

    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        for (unsigned n = 0; n < 2 * tempers; n++) {
            unsigned at = 0;

            if (!(changes[i].kinds & BIT(kind))) {
                continue;
            }
            while (at < READS &&
                   interleave(&changes[i], kind, at, n & 1, n / 2)) {
                at++;
            }
            g_assert_cmpuint(at, >, n & 1 && n < 4 ? 0 : 4);
            g_assert_cmpuint(at, <, READS);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/nyx-amdvi/interleave/host",
                         GUINT_TO_POINTER(HOST), test_interleave);
    g_test_add_data_func("/nyx-amdvi/interleave/guest",
                         GUINT_TO_POINTER(GUEST), test_interleave);
    g_test_add_data_func("/nyx-amdvi/interleave/giov",
                         GUINT_TO_POINTER(GIOV), test_interleave);
    g_test_add_data_func("/nyx-amdvi/interleave/nested",
                         GUINT_TO_POINTER(NESTED), test_interleave);
    return g_test_run();
}
