/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translations beside invalidations: once an invalidation is complete, no
 * translation that starts later uses what it took away.
 *
 * First with every interleaving made by hand: the fake memory runs the
 * invalidation at a chosen read of a walk.  Then with threads.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define LEVELS 4

/* --- Interleavings by hand ------------------------------------------------ */

#define PAGE_X 0x3000
#define PAGE_Y 0x5000       /* same page table */
#define PAGE_Z 0x200000     /* same directory */
#define OLD 0x100000000ULL
#define NEW 0x200000000ULL

typedef struct Scene Scene;

/* A change of tables and the commands that have to follow it. */
typedef struct Change {
    const char *name;
    void (*run)(Scene *s);
} Change;

struct Scene {
    Fx *f;
    uint64_t ss;             /* tables that lead to OLD */
    uint64_t other;          /* tables that lead to NEW */
    const Change *change;
    unsigned at;             /* read after which the change is made */
    unsigned reads;
};

static const uint64_t scene_pages[] = { PAGE_X, PAGE_Y, PAGE_Z };

static void map_all(Fx *f, uint64_t ss, uint64_t base)
{
    for (unsigned i = 0; i < ARRAY_SIZE(scene_pages); i++) {
        fx_map(f, ss, LEVELS, scene_pages[i], base | scene_pages[i], 12,
               FX_RW);
    }
}

static void leaves_by_page(Scene *s)
{
    map_all(s->f, s->ss, NEW);
    for (unsigned i = 0; i < ARRAY_SIZE(scene_pages); i++) {
        fx_submit(s->f, FX_DID << 16 | 0x32, scene_pages[i] | 0x40);
    }
}

static void leaves_by_range(Scene *s)
{
    map_all(s->f, s->ss, NEW);
    fx_submit(s->f, FX_DID << 16 | 0x32, 0x40 | 18);
}

static void leaves_by_domain(Scene *s)
{
    map_all(s->f, s->ss, NEW);
    fx_submit(s->f, FX_DID << 16 | 0x22, 0);
}

static void leaves_by_global(Scene *s)
{
    map_all(s->f, s->ss, NEW);
    fx_submit(s->f, 0x12, 0);
}

/* An entry of @level now points at the other tables. */
static void swap_table(Scene *s, unsigned level)
{
    for (unsigned i = 0; i < ARRAY_SIZE(scene_pages); i++) {
        uint64_t from = fx_entry(s->f, s->other, LEVELS, scene_pages[i],
                                 level);

        fx_mem_poke(&s->f->mem,
                    fx_entry(s->f, s->ss, LEVELS, scene_pages[i], level),
                    fx_mem_peek(&s->f->mem, from));
    }
}

static void tables_by_page(Scene *s)
{
    swap_table(s, 2);
    fx_submit(s->f, FX_DID << 16 | 0x32, PAGE_X);
    fx_submit(s->f, FX_DID << 16 | 0x32, PAGE_Y);
    fx_submit(s->f, FX_DID << 16 | 0x32, PAGE_Z);
}

static void tables_by_range(Scene *s)
{
    swap_table(s, 3);
    fx_submit(s->f, FX_DID << 16 | 0x32, 18);
}

static void tables_by_domain(Scene *s)
{
    swap_table(s, 4);
    fx_submit(s->f, FX_DID << 16 | 0x22, 0);
}

static void tables_by_global(Scene *s)
{
    swap_table(s, 4);
    fx_submit(s->f, 0x12, 0);
}

static void set_context(Scene *s, uint64_t ss, uint16_t did)
{
    fx_context(s->f, FX_SID, fx_context_lo(ss, 0, false),
               fx_context_hi(LEVELS, did));
}

/* Other tables for the same domain, and the order that 6.5.2 asks for. */
static void context_by_device(Scene *s)
{
    set_context(s, s->other, FX_DID);
    fx_submit(s->f, (uint64_t)FX_SID << 32 | FX_DID << 16 | 0x31, 0);
    fx_submit(s->f, FX_DID << 16 | 0x22, 0);
}

static void context_by_domain(Scene *s)
{
    set_context(s, s->other, FX_DID);
    fx_submit(s->f, FX_DID << 16 | 0x21, 0);
    fx_submit(s->f, FX_DID << 16 | 0x22, 0);
}

static void context_by_global(Scene *s)
{
    set_context(s, s->other, FX_DID);
    fx_submit(s->f, 0x11, 0);
    fx_submit(s->f, 0x12, 0);
}

/* To another domain and back: the old domain was flushed when it was left. */
static void context_and_back(Scene *s)
{
    set_context(s, s->other, FX_DID + 1);
    fx_submit(s->f, (uint64_t)FX_SID << 32 | FX_DID << 16 | 0x31, 0);
    fx_submit(s->f, FX_DID << 16 | 0x22, 0);
    set_context(s, s->other, FX_DID);
    fx_submit(s->f, (uint64_t)FX_SID << 32 | (FX_DID + 1) << 16 | 0x31, 0);
    fx_submit(s->f, (FX_DID + 1) << 16 | 0x22, 0);
}

static const Change changes[] = {
    { "leaves, by page", leaves_by_page },
    { "leaves, by range", leaves_by_range },
    { "leaves, by domain", leaves_by_domain },
    { "leaves, global", leaves_by_global },
    { "tables, by page", tables_by_page },
    { "tables, by range", tables_by_range },
    { "tables, by domain", tables_by_domain },
    { "tables, global", tables_by_global },
    { "context, by device", context_by_device },
    { "context, by domain", context_by_domain },
    { "context, global", context_by_global },
    { "context, other domain and back", context_and_back },
};

static void change_on_read(void *opaque, uint64_t gpa)
{
    Scene *s = opaque;

    if (s->reads++ == s->at) {
        s->f->mem.on_read = NULL;
        s->change->run(s);
    }
}

/* Reads of a miss: root, context, four levels. */
#define READS 6

static void interleave(const Change *change, unsigned at, bool warm,
                       NyxCacheTemper temper)
{
    NyxVtdCfg cfg = fx_cfg();
    Scene s = { .change = change, .at = at };
    g_autofree char *row = g_strdup_printf(
        "%s, after read %u, warm %u, temper %u", change->name, at, warm,
        temper);
    uint64_t addr;

    cfg.cache = temper;
    s.f = fx_new_domain(&cfg, LEVELS, &s.ss);
    fx_queue_start(s.f, 0);
    s.other = fx_mem_pages(&s.f->mem, 1);
    map_all(s.f, s.ss, OLD);
    map_all(s.f, s.other, NEW);
    if (warm) {
        /* The context is known, and the directory of the page. */
        fx_dma(s.f, FX_R, PAGE_Z);
    }
    s.f->mem.on_read = change_on_read;
    s.f->mem.on_read_opaque = &s;
    /* This one began before the change: it may be either. */
    addr = fx_dma(s.f, FX_R, PAGE_X);
    FX_CHECK(row, addr == (OLD | PAGE_X) || addr == (NEW | PAGE_X), true);
    if (!s.f->mem.on_read) {
        for (unsigned i = 0; i < 2 * ARRAY_SIZE(scene_pages); i++) {
            addr = scene_pages[i / 2];
            FX_CHECK(row, fx_dma(s.f, FX_R, addr), NEW | addr);
        }
    }
    fx_free(s.f);
}

static void test_interleave(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        for (unsigned at = 0; at < READS; at++) {
            for (unsigned t = 0; t < NYX_CACHE_TEMPER_COUNT; t++) {
                interleave(&changes[i], at, false, t);
                interleave(&changes[i], at, true, t);
            }
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-vtd/race/interleave", test_interleave);
    return g_test_run();
}
