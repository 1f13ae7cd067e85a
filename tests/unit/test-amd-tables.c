/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random tables, host's, guest's and one over the other, that software edits
 * and then invalidates what it has to, no more: after that the IOMMU always
 * says what a naive walk of memory says.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "amd-tables.h"
#include "naive-walk.h"

#define MODE 4
#define GUEST_LEVELS 4
#define HAW 48
#define PASID 5
#define OPERATIONS 4000
#define SEEDS 12

#define FLAG_GN (1ULL << 48)
#define FLAG_PR (1ULL << 52)
#define FLAG_PE (1ULL << 54)
#define FLAG_RZ (1ULL << 55)

/* Where a nested guest's tables are for the guest: what is in memory, here. */
#define BIAS (1ULL << 41)

typedef enum Kind {
    HOST,
    GUEST,                   /* PASID */
    GIOV,
    NESTED,                  /* PASID */
    KINDS,
} Kind;

typedef struct Space {
    Kind kind;
    uint16_t sid;
    uint16_t did;
    unsigned rights;         /* of the device table entry */
    uint64_t gcr3;
    NvTables host;           /* HOST and NESTED */
    NvTables guest;          /* the others, and NESTED */
    GHashTable *tables;      /* addresses of tables that are as they should */
} Space;

typedef struct World {
    Ax *f;
    uint64_t rng;
    Space space[KINDS];
    uint64_t granted;
    uint64_t refused[4];     /* nothing, permission, reserved, hardware */
} World;

static unsigned below(World *w, unsigned n)
{
    return (nyx_random(&w->rng) >> 16) % n;
}

/* --- Addresses ------------------------------------------------------------ */

/* Few enough that requests and edits meet. */
static uint64_t some_iova(World *w)
{
    return (uint64_t)below(w, 2) << 39 | (uint64_t)below(w, 2) << 30 |
           below(w, 3) << 21 | (below(w, 4) ? below(w, 4) : below(w, 20)) << 12;
}

static bool has_pasid(const Space *s)
{
    return s->kind == GUEST || s->kind == NESTED;
}

static uint32_t pasid_of(const Space *s)
{
    return has_pasid(s) ? PASID : 0;
}

/* --- Edits ---------------------------------------------------------------- */

/* Guest addresses of a nested one lie in the host's few. */
static uint64_t some_target(World *w, const Space *s, bool guest,
                            unsigned lg2)
{
    uint64_t addr = guest && s->kind == NESTED
                    ? some_iova(w) : (nyx_random(&w->rng) & 0x7ffffffff000ULL);

    return addr & ~((1ULL << lg2) - 1);
}

static uint64_t some_leaf(World *w, const Space *s, bool guest,
                          unsigned level)
{
    unsigned lg2 = 12 + 9 * (level - 1);
    uint64_t leaf = some_target(w, s, guest, lg2) | 1;

    if (!guest) {
        return leaf | AT_RIGHTS(below(w, 4) ? 3 : below(w, 4));
    }
    /* R/W, U/S, NX; the size. */
    return leaf | (below(w, 4) ? 2 : 0) | (below(w, 6) ? 4 : 0) |
           (below(w, 6) ? 0 : 1ULL << 63) | (level > 1 ? 0x80 : 0);
}

static uint64_t some_rubbish(World *w, const Space *s, bool guest,
                             unsigned level)
{
    uint64_t leaf = some_leaf(w, s, guest, level);

    switch (below(w, 4)) {
    case 0:
        return leaf | (guest ? 1ULL << 50 : 1ULL << (52 + below(w, 7)));
    case 1:
        /* A level that is not below its own; or a page too large. */
        return guest ? leaf | (level > 2 ? 0x2000 : 0)
                     : (leaf & ~0xe00ULL) | (uint64_t)MAX(level, 2) << 9;
    case 2:
        /* A table that is not RAM. */
        return level == 1 ? 0 : 1ULL << 45 | (guest ? 7 : AT_RIGHTS(3) | 1 |
                                              (uint64_t)(level - 1) << 9);
    default:
        return 0;
    }
}

static uint64_t new_table(World *w, Space *s, bool guest, unsigned level,
                          uint64_t *memory)
{
    const NvTables *t = guest ? &s->guest : &s->host;

    *memory = fx_mem_pages(&w->f->mem, 1);
    if (guest) {
        return (*memory + t->bias) | (below(w, 8) ? 7 : 5);
    }
    return *memory | (uint64_t)level << 9 | 1 |
           AT_RIGHTS(below(w, 8) ? 3 : below(w, 4));
}

/*
 * The entry for @iova at @level; tables above it are made where there is
 * something else, and *@top is the highest level that changed.
 */
static uint64_t entry_for(World *w, Space *s, bool guest, uint64_t iova,
                          unsigned level, unsigned *top)
{
    const NvTables *t = guest ? &s->guest : &s->host;
    uint64_t table = t->root - t->bias;

    *top = level;
    for (unsigned l = t->levels; ; l--) {
        uint64_t at = table + (iova >> (12 + 9 * (l - 1)) & 511) * 8;
        uint64_t entry = fx_mem_peek(&w->f->mem, at);
        uint64_t next = (entry & 0x000ffffffffff000ULL) - t->bias;

        if (l == level) {
            return at;
        }
        if (!(entry & 1) ||
            g_hash_table_lookup(s->tables, GSIZE_TO_POINTER(next)) !=
            GUINT_TO_POINTER(l - 1)) {
            entry = new_table(w, s, guest, l - 1, &next);
            g_hash_table_insert(s->tables, GSIZE_TO_POINTER(next),
                                GUINT_TO_POINTER(l - 1));
            fx_mem_poke(&w->f->mem, at, entry);
            *top = MAX(*top, l);
        }
        table = next;
    }
}

static void invalidate(World *w, const Space *s, bool guest, uint64_t iova,
                       unsigned lg2, bool tables)
{
    uint64_t lo = 3ULL << 60 | (uint64_t)s->did << 32;
    uint64_t hi = ax_range(iova, lg2) | (tables ? 2 : 0);

    switch (below(w, 16)) {
    case 0:
        ax_inv_all(w->f);
        return;
    case 1:
        ax_inv_devtab(w->f, s->sid);
        return;
    case 2:
        at_inv_domain(w->f, s->did);
        return;
    }
    ax_submit(w->f, guest ? lo | pasid_of(s) : lo, guest ? hi | 4 : hi);
}

/* Sixteen pages in a row, which a cache may make one of. */
static void edit_run(World *w, Space *s, bool guest, uint64_t iova)
{
    uint64_t leaf = some_leaf(w, s, guest, 1) & ~0xf000ULL;
    unsigned top, any = 0;

    iova &= ~0xffffULL;
    for (unsigned i = 0; i < 16; i++) {
        fx_mem_poke(&w->f->mem,
                    entry_for(w, s, guest, iova + i * 0x1000, 1, &top),
                    leaf + i * 0x1000);
        any = MAX(any, top);
    }
    invalidate(w, s, guest, iova, any == 1 ? 16 : 12 + 9 * (any - 1),
               any > 1);
}

static void edit(World *w, Space *s)
{
    bool guest = s->kind == NESTED ? below(w, 2) : s->kind != HOST;
    unsigned level = below(w, 4) ? 1 : 1 + below(w, 3), top;
    uint64_t iova = some_iova(w), at;

    if (!below(w, 8)) {
        edit_run(w, s, guest, iova);
        return;
    }
    at = entry_for(w, s, guest, iova, level, &top);
    if (level == 3 && !guest && !below(w, 3)) {
        /* Straight to a page table. */
        uint64_t memory, entry = new_table(w, s, false, 1, &memory);

        fx_mem_poke(&w->f->mem, memory + (iova >> 12 & 511) * 8,
                    some_leaf(w, s, false, 1));
        fx_mem_poke(&w->f->mem, at, entry);
    } else {
        fx_mem_poke(&w->f->mem, at, below(w, 4)
                    ? some_leaf(w, s, guest, level)
                    : some_rubbish(w, s, guest, level));
    }
    invalidate(w, s, guest, iova, 12 + 9 * (top - 1), top > 1);
}

static void set_entry(World *w, Space *s, unsigned rights)
{
    uint64_t w0 = AT_V | AT_TV | AT_RIGHTS(rights), w1 = s->did;

    s->rights = rights;
    s->host.withheld = s->guest.withheld = 0;
    if (s->kind == HOST || s->kind == NESTED) {
        w0 |= AT_MODE(MODE) | s->host.root;
    }
    if (s->kind != HOST) {
        w0 |= AT_GV | at_gcr3_0(s->gcr3, 0) | (s->kind == GIOV ? AT_GIOV : 0);
        w1 |= at_gcr3_1(s->gcr3);
    }
    at_dte(w->f, s->sid, w0, w1, 0, 0);
    ax_inv_devtab(w->f, s->sid);
}

/* --- Requests ------------------------------------------------------------- */

/* What the event of a walk says: PR, PE and RZ; the code. */
static uint64_t event_of(NyxWalkStatus status)
{
    switch (status) {
    case NYX_WALK_EMPTY:
    case NYX_WALK_WIDTH:
        return 2ULL << 60;
    case NYX_WALK_PRIVILEGE:
    case NYX_WALK_DENIED:
        return 2ULL << 60 | FLAG_PR | FLAG_PE;
    case NYX_WALK_RESERVED:
        return 2ULL << 60 | FLAG_PR | FLAG_RZ;
    default:
        return 4ULL << 60;
    }
}

/*
 * The entry's rights are taken from every level: a page without them is
 * refused before what comes below it is seen.
 */
static bool rights_matter(const Space *s, unsigned need)
{
    /* Who may read may execute. */
    return (need & ~s->rights & (NV_R | NV_W)) ||
           (need & NV_X && !(s->rights & NV_R));
}

/* The naive answer: the address, or the event. */
static bool expected(Space *s, uint64_t iova, unsigned need, bool privileged,
                     uint64_t *addr, uint64_t *event)
{
    NvWalk walk;

    s->guest.priv = privileged;
    if (s->kind == NESTED) {
        NvNested nested = nv_nested(&s->guest, &s->host, 64, iova, need);
        bool guest = nested.status == NYX_NESTED_FIRST;

        *addr = nested.addr | (iova & ((1ULL << nested.lg2) - 1));
        *event = guest ? event_of(nested.first.status) | FLAG_GN
                       : event_of(nested.second.status);
        if (nested.status != NYX_NESTED_OK) {
            return false;
        }
    } else {
        walk = nv_walk(s->kind == HOST ? &s->host : &s->guest, iova, need,
                       false);
        *addr = walk.addr | (iova & ((1ULL << walk.lg2) - 1));
        *event = event_of(walk.status) | (s->kind == HOST ? 0 : FLAG_GN);
        if (walk.status != NYX_WALK_OK) {
            return false;
        }
    }
    if (rights_matter(s, need)) {
        *event = event_of(NYX_WALK_DENIED) |
                 (s->kind == GUEST || s->kind == GIOV ? FLAG_GN : 0);
        return false;
    }
    return true;
}

static void ask(World *w, Space *s)
{
    unsigned need = 1 + below(w, 3) + (has_pasid(s) && !below(w, 4) ? NV_X : 0);
    bool privileged = has_pasid(s) && !below(w, 4);
    const NyxRequest req = {
        .access = need | (privileged ? NYX_ACCESS_PRIV : 0),
        .iova = some_iova(w) | below(w, 4096),
        .has_pasid = has_pasid(s),
        .pasid = pasid_of(s),
    };
    NyxReply reply = { };
    uint64_t addr, want, event[2] = { };
    const uint64_t mask = 15ULL << 60 | FLAG_GN | FLAG_PR | FLAG_PE | FLAG_RZ;
    bool ok = expected(s, req.iova, need, privileged, &addr, &want);
    g_autofree char *row = g_strdup_printf(
        "kind %u, %" PRIx64 ", need %u, privileged %u, rights %u", s->kind,
        req.iova, need, privileged, s->rights);

    nyx_amd_translate(w->f->r, s->sid, &req, &reply);
    FX_CHECK(row, reply.ok, ok);
    if (ok) {
        w->granted++;
        FX_CHECK(row, reply.addr, addr);
        return;
    }
    FX_CHECK(row, at_event(w->f, event), true);
    if (!rights_matter(s, need)) {
        FX_CHECK(row, event[0] & mask, want);
    }
    w->refused[want >> 60 == 4 ? 3 : want & FLAG_RZ ? 2 :
               want & FLAG_PE ? 1 : 0]++;
}

/* --- All of it ------------------------------------------------------------ */

static void space_init(World *w, Kind kind)
{
    Space *s = &w->space[kind];

    s->kind = kind;
    s->sid = AX_SID + kind;
    s->did = 10 + kind;
    s->tables = g_hash_table_new(NULL, NULL);
    s->gcr3 = fx_mem_pages(&w->f->mem, 1);
    nv_init(&s->host, &w->f->mem, false, MODE, HAW);
    s->host.amd = true;
    nv_init(&s->guest, &w->f->mem, true, GUEST_LEVELS,
            kind == NESTED ? 52 : HAW);
    s->guest.amd = true;
    s->guest.us = true;
    if (kind == NESTED) {
        s->guest.root += BIAS;
        s->guest.bias = BIAS;
        s->guest.ad = true;
        at_map(w->f, s->host.root, MODE, BIAS, 0, 28, FX_RW);
    }
    fx_mem_poke(&w->f->mem, s->gcr3 + pasid_of(s) * 8, s->guest.root | 1);
    set_entry(w, s, FX_RW);
}

static void run(World *w, uint64_t seed)
{
    NyxAmdCfg cfg = at_cfg();

    cfg.cache = seed % NYX_CACHE_TEMPER_COUNT;
    cfg.cache_seed = seed;
    cfg.np_cache = seed & 1;
    cfg.iotlb_entries = 16 << seed % 5;
    w->f = at_new(&cfg);
    w->rng = seed * 0x9e3779b97f4a7c15ULL | 1;
    for (unsigned i = 0; i < KINDS; i++) {
        space_init(w, i);
    }
    for (unsigned i = 0; i < OPERATIONS; i++) {
        Space *s = &w->space[below(w, KINDS)];

        if (!below(w, 64)) {
            set_entry(w, s, below(w, 2) ? FX_RW : below(w, 4));
        } else if (!below(w, 4)) {
            edit(w, s);
        } else {
            ask(w, s);
        }
    }
    for (unsigned i = 0; i < KINDS; i++) {
        g_hash_table_unref(w->space[i].tables);
    }
    ax_free(w->f);
}

static void test_random(void)
{
    World w = { };

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run(&w, seed);
    }
    g_test_message("%" PRIu64 " granted; refused %" PRIu64 " %" PRIu64 " %"
                   PRIu64 " %" PRIu64, w.granted, w.refused[0], w.refused[1],
                   w.refused[2], w.refused[3]);
    /* All of it was met. */
    g_assert_cmpuint(w.granted, >, 1000);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(w.refused[i], >, 50);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-amdvi/tables/random", test_random);
    return g_test_run();
}
