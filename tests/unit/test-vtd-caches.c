/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nyx-vtd caches and for how long: entries that are not present, with
 * and without caching mode; the tempers hardware, sticky and off.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"
#include "vtd-fixture.h"

#define LEVELS 4

static NyxVtdCfg cfg_cache(bool caching_mode, NyxCacheTemper temper)
{
    NyxVtdCfg cfg = fx_cfg();

    cfg.caching_mode = caching_mode;
    cfg.cache = temper;
    return cfg;
}

/* Tempers that cache at all. */
static const NyxCacheTemper caching[] = {
    NYX_CACHE_HARDWARE, NYX_CACHE_STICKY,
};

/* --- Entries that are not present ----------------------------------------- */

static uint64_t reads_of(Fx *f, unsigned access, uint64_t iova)
{
    uint64_t before = f->mem.reads;

    fx_dma(f, access, iova);
    return f->mem.reads - before;
}

/* CM = 1: a hole stays a hole until its page is flushed. */
static void hole_with_cm(NyxCacheTemper temper, unsigned level)
{
    NyxVtdCfg cfg = cfg_cache(true, temper);
    g_autofree char *row = g_strdup_printf("temper %u, level %u", temper,
                                           level);
    uint64_t ss, at;
    Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

    fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
    at = fx_entry(f, ss, LEVELS, 0x3000, level);
    fx_mem_poke(&f->mem, at, fx_mem_peek(&f->mem, at) & ~3ULL);
    FX_CHECK(row, fx_dma(f, FX_W, 0x3000), FX_REFUSED);
    FX_CHECK(row, fx_take_code(f), 5);
    fx_mem_poke(&f->mem, at, fx_mem_peek(&f->mem, at) | 3);
    /* Present now, and still not there: reads, writes, questions. */
    FX_CHECK(row, reads_of(f, FX_R, 0x3000), 0);
    FX_CHECK(row, fx_take_code(f), 6);
    FX_CHECK(row, reads_of(f, FX_W, 0x3ffc), 0);
    FX_CHECK(row, fx_take_code(f), 5);
    FX_CHECK(row, fx_request(f, 0, NYX_ACCESS_NONE, 0x3000).ok, false);
    /* Other pages', other domains' flushes do not help. */
    fx_flush_pages(f, FX_DID, 1ULL << 46, 0, false);
    fx_flush_pages(f, FX_DID + 1, 0x3000, 0, false);
    FX_CHECK(row, reads_of(f, FX_R, 0x3000), 0);
    fx_flush_pages(f, FX_DID, 0x3000, 0, false);
    FX_CHECK(row, fx_dma(f, FX_R, 0x3000), 0x9000);
    fx_free(f);
}

/* The hole is as large as the entry that is missing. */
static void test_hole_sizes(void)
{
    static const unsigned lg2[] = { 12, 21, 30, 39 };

    for (unsigned level = 1; level <= 4; level++) {
        NyxVtdCfg cfg = cfg_cache(true, NYX_CACHE_HARDWARE);
        uint64_t ss, at, size = 1ULL << lg2[level - 1];
        Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

        fx_map(f, ss, LEVELS, 0, 0x9000, 12, FX_RW);
        at = fx_entry(f, ss, LEVELS, 0, level);
        fx_mem_poke(&f->mem, at, 0);
        g_assert_cmpuint(reads_of(f, FX_R, 0), >, 0);
        g_assert_cmpuint(reads_of(f, FX_R, size - 1), ==, 0);
        g_assert_cmpuint(reads_of(f, FX_R, size), >, 0);
        /* Any page of it drops it. */
        fx_flush_pages(f, FX_DID, size - 0x1000, 0, true);
        g_assert_cmpuint(reads_of(f, FX_R, 0), >, 0);
        fx_free(f);
    }
}

/* CM = 0: what was missing is looked for again. */
static void hole_without_cm(NyxCacheTemper temper, unsigned level)
{
    NyxVtdCfg cfg = cfg_cache(false, temper);
    g_autofree char *row = g_strdup_printf("temper %u, level %u", temper,
                                           level);
    uint64_t ss, at;
    Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

    fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
    at = fx_entry(f, ss, LEVELS, 0x3000, level);
    fx_mem_poke(&f->mem, at, fx_mem_peek(&f->mem, at) & ~3ULL);
    FX_CHECK(row, fx_dma(f, FX_W, 0x3000), FX_REFUSED);
    fx_mem_poke(&f->mem, at, fx_mem_peek(&f->mem, at) | 3);
    FX_CHECK(row, fx_dma(f, FX_W, 0x3000), 0x9000);
    fx_free(f);
}

static void test_holes(void)
{
    for (unsigned level = 1; level <= 4; level++) {
        for (unsigned i = 0; i < ARRAY_SIZE(caching); i++) {
            hole_with_cm(caching[i], level);
            hole_without_cm(caching[i], level);
        }
        hole_without_cm(NYX_CACHE_OFF, level);
    }
}

/* A context entry that is not present is cached under domain 0. */
static void test_context_with_cm(void)
{
    static const struct {
        const char *name;
        uint64_t ccmd;
        bool drops;
    } rows[] = {
        { "global", 0xa000000000000000ULL, true },
        { "domain 0", 0xc000000000000000ULL, true },
        { "its domain", 0xc000000000000000ULL | FX_DID, false },
        { "device, domain 0", 0xe000000000000000ULL | FX_SID << 16, true },
        { "device, its domain",
          0xe000000000000000ULL | FX_SID << 16 | FX_DID, false },
        { "other device", 0xe000000000000000ULL | 0x18 << 16, false },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxVtdCfg cfg = cfg_cache(true, caching[i % 2]);
        uint64_t ss, lo;
        Fx *f = fx_new_domain(&cfg, LEVELS, &ss);
        uint64_t ctx = fx_context_addr(f, FX_SID);

        fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
        lo = fx_mem_peek(&f->mem, ctx);
        fx_mem_poke(&f->mem, ctx, 0);
        FX_CHECK(rows[i].name, fx_dma(f, FX_R, 0x3000), FX_REFUSED);
        FX_CHECK(rows[i].name, fx_take_code(f), 2);
        fx_mem_poke(&f->mem, ctx, lo);
        FX_CHECK(rows[i].name, reads_of(f, FX_R, 0x3000), 0);
        FX_CHECK(rows[i].name, fx_take_code(f), 2);
        /* IOTLB commands are about something else. */
        fx_flush_iotlb_global(f);
        FX_CHECK(rows[i].name, reads_of(f, FX_R, 0x3000), 0);
        fx_clear_faults(f);
        fx_write64(f, 0x28, rows[i].ccmd);
        FX_CHECK(rows[i].name, fx_dma(f, FX_R, 0x3000),
                 rows[i].drops ? 0x9000 : FX_REFUSED);
        fx_free(f);
    }
}

/* FPD is cached with it. */
static void test_context_fpd_with_cm(void)
{
    NyxVtdCfg cfg = cfg_cache(true, NYX_CACHE_HARDWARE);
    uint64_t ss;
    Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

    fx_mem_poke(&f->mem, fx_context_addr(f, FX_SID), 2);
    fx_dma(f, FX_R, 0x3000);
    fx_mem_poke(&f->mem, fx_context_addr(f, FX_SID), 0);
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmphex(fx_read32(f, 0x34), ==, 0);
    fx_flush_context_global(f);
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmpuint(fx_take_code(f), ==, 2);
    fx_free(f);
}

static void test_context_without_cm(void)
{
    for (unsigned i = 0; i < NYX_CACHE_TEMPER_COUNT; i++) {
        NyxVtdCfg cfg = cfg_cache(false, i);
        uint64_t ss, lo;
        Fx *f = fx_new_domain(&cfg, LEVELS, &ss);
        uint64_t ctx = fx_context_addr(f, FX_SID);

        fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
        lo = fx_mem_peek(&f->mem, ctx);
        fx_mem_poke(&f->mem, ctx, 0);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, FX_REFUSED);
        fx_mem_poke(&f->mem, ctx, lo);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x9000);
        fx_free(f);
    }
}

/* Root entries are never cached. */
static void test_root(void)
{
    NyxVtdCfg cfg = cfg_cache(true, NYX_CACHE_STICKY);
    uint64_t ss, root;
    Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

    fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
    root = fx_mem_peek(&f->mem, f->root);
    fx_mem_poke(&f->mem, f->root, 0);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, FX_REFUSED);
    g_assert_cmpuint(fx_take_code(f), ==, 1);
    fx_mem_poke(&f->mem, f->root, root);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x9000);
    fx_free(f);
}

/* Interrupt entries: a missing one is cached in caching mode alone. */
static void irte_missing(bool caching_mode, NyxCacheTemper temper)
{
    NyxVtdCfg cfg = cfg_cache(caching_mode, temper);
    bool cached = caching_mode && temper != NYX_CACHE_OFF;
    Fx *f = fx_new(&cfg);
    FxMessage msg;

    fx_ir_start(f, 3, true);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(3), 0, &msg), ==,
                     0x22);
    fx_irte(f, 3, 1 | 0x30 << 16, 0);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(3), 0, &msg), ==,
                     cached ? 0x22 : 0);
    fx_submit(f, 0x14 | 4ULL << 32, 0);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(3), 0, &msg), ==,
                     cached ? 0x22 : 0);
    fx_submit(f, 0x14 | 3ULL << 32, 0);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(3), 0, &msg), ==, 0);
    fx_free(f);
}

static void test_irte_missing(void)
{
    for (unsigned i = 0; i < 2 * NYX_CACHE_TEMPER_COUNT; i++) {
        irte_missing(i % 2, i / 2);
    }
}

/* An entry that is there but wrong is no more cached than one that is not. */
static void irte_wrong(bool caching_mode, uint64_t lo, uint64_t hi)
{
    NyxVtdCfg cfg = cfg_cache(caching_mode, NYX_CACHE_HARDWARE);
    Fx *f = fx_new(&cfg);
    FxMessage msg;

    fx_ir_start(f, 3, true);
    fx_irte(f, 3, lo, hi);
    FX_CHECK("wrong", fx_interrupt(f, 0x10, fx_irq_addr(3), 0, &msg), 0x24);
    fx_irte(f, 3, 1 | 0x30 << 16, 0);
    FX_CHECK("mended", fx_interrupt(f, 0x10, fx_irq_addr(3), 0, &msg),
             caching_mode ? 0x24 : 0);
    fx_submit(f, 0x14 | 3ULL << 32, 0);
    FX_CHECK("flushed", fx_interrupt(f, 0x10, fx_irq_addr(3), 0, &msg), 0);
    fx_free(f);
}

static void test_irte_wrong(void)
{
    for (unsigned cm = 0; cm < 2; cm++) {
        irte_wrong(cm, 1 | 1 << 12, 0);
        irte_wrong(cm, 1 | 1 << 15, 0);
        irte_wrong(cm, 1 | 3 << 5, 0);
        irte_wrong(cm, 1, 3 << 18);
        irte_wrong(cm, 1, 1ULL << 63);
    }
}

/* One that only another requester may use is a good entry, and cached. */
static void test_irte_foreign(void)
{
    Fx *f = fx_new(NULL);
    FxMessage msg;

    fx_ir_start(f, 3, true);
    fx_irte(f, 3, 1 | 0x30 << 16, 1 << 18 | 0x18);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(3), 0, &msg), ==,
                     0x26);
    fx_irte(f, 3, 1 | 0x30 << 16, 1 << 18 | 0x10);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(3), 0, &msg), ==,
                     0x26);
    fx_submit(f, 0x14 | 3ULL << 32, 0);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(3), 0, &msg), ==, 0);
    fx_free(f);
}

/* --- Tempers -------------------------------------------------------------- */

#define MANY 4096

/*
 * Access many pages, change all, and count those that are still stale.  No
 * pages are neighbours in a way that lets them share an entry.
 */
static unsigned stale_of(Fx *f, uint64_t ss, unsigned n)
{
    unsigned stale = 0;

    for (unsigned i = 0; i < n; i++) {
        fx_map(f, ss, LEVELS, i << 12, 0x40001000 + (i << 12), 12, FX_RW);
        g_assert_cmphex(fx_dma(f, FX_R, i << 12), ==,
                        0x40001000 + (i << 12));
    }
    for (unsigned i = 0; i < n; i++) {
        fx_map(f, ss, LEVELS, i << 12, 0x80001000 + (i << 12), 12, FX_RW);
    }
    /* A probe may evict, never bring back: each is asked once. */
    for (unsigned i = n; i--; ) {
        uint64_t addr = fx_dma(f, FX_R, i << 12);

        g_assert_cmphex(addr & 0xfffffff, ==, (i + 1) << 12);
        stale += addr >> 30 == 1;
    }
    return stale;
}

static void test_hardware(void)
{
    NyxVtdRequesterStats stats;
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss);
    unsigned stale = stale_of(f, ss, MANY);

    /* Bounded at 256 entries, and one goes at a time: it stays full. */
    g_assert_cmpuint(stale, <=, 256);
    g_assert_cmpuint(stale, >=, 128);
    stats = nyx_vtd_requester_stats(f->r);
    g_assert_cmpuint(stats.iotlb.evictions, >=, MANY - 256);
    g_assert_cmpuint(stats.iotlb.evictions, <=, 2 * MANY);
    fx_free(f);
}

/* What fits into the cache stays: all of it if pages are in a row. */
static void test_hardware_fits(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss);

    g_assert_cmpuint(stale_of(f, ss, 256), ==, 256);
    g_assert_cmpuint(nyx_vtd_requester_stats(f->r).iotlb.evictions, ==, 0);
    fx_free(f);
}

/* The same seed evicts the same pages, another one others. */
static void test_seed(void)
{
    g_autofree uint8_t *first = g_malloc0(MANY);
    unsigned same = 0;

    for (unsigned run = 0; run < 3; run++) {
        NyxVtdCfg cfg = fx_cfg();
        uint64_t ss;
        Fx *f;

        cfg.cache_seed = run < 2 ? 77 : 12345;
        f = fx_new_domain(&cfg, LEVELS, &ss);
        for (unsigned i = 0; i < MANY; i++) {
            fx_map(f, ss, LEVELS, i << 12, 0x100000, 12, FX_RW);
            fx_dma(f, FX_R, i << 12);
        }
        /* The last first: what is asked evicts what was there longest. */
        for (unsigned i = MANY; i--; ) {
            uint8_t hit = !reads_of(f, FX_R, i << 12);

            if (run == 0) {
                first[i] = hit;
            } else if (run == 1) {
                g_assert_cmpuint(first[i], ==, hit);
            } else {
                same += first[i] == hit;
            }
        }
        fx_free(f);
    }
    g_assert_cmpuint(same, <, MANY);
}

static void test_sticky(void)
{
    NyxVtdCfg cfg = cfg_cache(false, NYX_CACHE_STICKY);
    uint64_t ss;
    Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

    g_assert_cmpuint(stale_of(f, ss, MANY), ==, MANY);
    g_assert_cmpuint(nyx_vtd_requester_stats(f->r).iotlb.evictions, ==, 0);
    /* And goes when it is told to. */
    fx_flush_pages(f, FX_DID, 0, 3, true);
    for (unsigned i = 0; i < MANY; i++) {
        g_assert_cmphex(fx_dma(f, FX_R, i << 12) >> 30, ==, i < 8 ? 2 : 1);
    }
    fx_flush_iotlb_global(f);
    g_assert_cmphex(fx_dma(f, FX_R, 0x100000), ==, 0x80101000);
    fx_free(f);
}

static void test_off(void)
{
    NyxVtdCfg cfg = cfg_cache(true, NYX_CACHE_OFF);
    uint64_t ss;
    Fx *f = fx_new_domain(&cfg, LEVELS, &ss);
    NyxVtdRequesterStats stats;

    g_assert_cmpuint(stale_of(f, ss, 64), ==, 0);
    /* Root, context, four levels: each time. */
    g_assert_cmpuint(reads_of(f, FX_R, 0x3000), ==, 6);
    g_assert_cmpuint(reads_of(f, FX_R, 0x3000), ==, 6);
    /* Holes and contexts neither, whatever caching mode says. */
    g_assert_cmpuint(reads_of(f, FX_R, 0x7fff000), >, 0);
    g_assert_cmpuint(reads_of(f, FX_R, 0x7fff000), >, 0);
    stats = nyx_vtd_requester_stats(f->r);
    g_assert_cmpuint(stats.iotlb.hits, ==, 0);
    g_assert_cmpuint(stats.context.hits, ==, 0);
    g_assert_cmpuint(stats.paging.hits, ==, 0);
    fx_free(f);
}

/* Interrupt entries under each temper, many more than are held. */
static void test_iec_tempers(void)
{
    static const struct {
        NyxCacheTemper temper;
        unsigned least, most;
    } rows[] = {
        { NYX_CACHE_HARDWARE, 512, 1024 },
        { NYX_CACHE_STICKY, MANY, MANY },
        { NYX_CACHE_OFF, 0, 0 },
    };

    for (unsigned t = 0; t < ARRAY_SIZE(rows); t++) {
        NyxVtdCfg cfg = cfg_cache(false, rows[t].temper);
        Fx *f = fx_new(&cfg);
        unsigned stale = 0;
        FxMessage msg;

        fx_ir_start(f, 11, true);
        for (unsigned i = 0; i < MANY; i++) {
            fx_irte(f, i, 1 | 0x30 << 16, 0);
            fx_interrupt(f, 0x10, fx_irq_addr(i), 0, &msg);
            g_assert_cmphex(msg.data, ==, 0x30);
            fx_irte(f, i, 1 | 0x40 << 16, 0);
        }
        for (unsigned i = MANY; i--; ) {
            fx_interrupt(f, 0x10, fx_irq_addr(i), 0, &msg);
            stale += msg.data == 0x30;
        }
        g_assert_cmpuint(stale, >=, rows[t].least);
        g_assert_cmpuint(stale, <=, rows[t].most);
        fx_free(f);
    }
}

/* --- Runs of leaves ------------------------------------------------------- */

#define RUN_IOVA 0x40020000u
#define RUN_PAGES 16

typedef struct RunRow {
    const char *name;
    uint64_t gpa;            /* of the first page */
    unsigned odd;            /* the page that is different */
    uint64_t flip;           /* bits of its entry that are */
    unsigned lg2;            /* of the block that page 5 is answered with */
} RunRow;

static const RunRow run_rows[] = {
    { "whole", 0x70000000, 0, 0, 16 },
    { "in the middle of 128 KiB", 0x70010000, 0, 0, 16 },
    { "not aligned", 0x70001000, 0, 0, 12 },
    { "half aligned", 0x70008000, 0, 0, 12 },
    { "first is missing", 0x70000000, 0, 0x3, 12 },
    { "last is missing", 0x70000000, 15, 0x3, 12 },
    { "one may not be written", 0x70000000, 9, 0x2, 12 },
    { "one is elsewhere", 0x70000000, 8, 1ULL << 30, 12 },
    { "one has a reserved bit", 0x70000000, 12, 1ULL << 62, 12 },
    { "one has another ignored bit", 0x70000000, 3, 1ULL << 52, 12 },
    { "two addresses changed over", 0x70000000, 6, 0x1000, 12 },
    { "up to the interrupt range", 0xfedf0000, 0, 0, 16 },
    { "in the interrupt range", 0xfeef1000, 0, 0, 12 },
    { "behind the interrupt range", 0xfef00000, 0, 0, 16 },
};

static void make_run(Fx *f, uint64_t ss, const RunRow *row)
{
    uint64_t at;

    for (unsigned i = 0; i < RUN_PAGES; i++) {
        fx_map(f, ss, LEVELS, RUN_IOVA + (i << 12), row->gpa + (i << 12), 12,
               FX_RW);
    }
    at = fx_entry(f, ss, LEVELS, RUN_IOVA + (row->odd << 12), 1);
    fx_mem_poke(&f->mem, at, fx_mem_peek(&f->mem, at) ^ row->flip);
}

/* One entry for sixteen pages, if nothing tells it from sixteen entries. */
static void test_runs(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(run_rows); i++) {
        const RunRow *row = &run_rows[i];
        uint64_t iova = RUN_IOVA + 0x5678, ss;
        Fx *f = fx_new_domain(NULL, LEVELS, &ss);
        NyxReply reply;

        make_run(f, ss, row);
        reply = fx_request(f, 0, FX_R, iova);
        if (row->gpa == 0xfeef1000) {
            FX_CHECK(row->name, reply.ok, false);
            fx_free(f);
            continue;
        }
        FX_CHECK(row->name, reply.addr, row->gpa + 0x5678);
        FX_CHECK(row->name, reply.addr_mask, (1u << row->lg2) - 1);
        FX_CHECK(row->name, reply.access, 3);
        /* The answer is what is cached. */
        FX_CHECK(row->name, reads_of(f, FX_R, RUN_IOVA + 0xa000) == 0,
                 row->lg2 == 16);
        FX_CHECK(row->name, fx_request(f, 0, FX_R, iova).addr_mask,
                 (1u << row->lg2) - 1);
        fx_free(f);
    }
}

/* What names one page of a block takes the block. */
static void test_run_dropped(void)
{
    const RunRow *row = &run_rows[0];

    for (unsigned i = 0; i < RUN_PAGES; i++) {
        uint64_t iova = RUN_IOVA + (i << 12), ss;
        Fx *f = fx_new_domain(NULL, LEVELS, &ss);

        make_run(f, ss, row);
        fx_dma(f, FX_R, RUN_IOVA);
        fx_map(f, ss, LEVELS, iova, 0x90000000, 12, FX_RW);
        /* Not invalidated: any page may be cached already. */
        g_assert_cmphex(fx_dma(f, FX_R, iova), ==, row->gpa + (i << 12));
        fx_flush_pages(f, FX_DID, RUN_IOVA - 0x1000, 0, false);
        fx_flush_pages(f, FX_DID, RUN_IOVA + 0x10000, 0, false);
        g_assert_cmphex(fx_dma(f, FX_R, iova), ==, row->gpa + (i << 12));
        fx_flush_pages(f, FX_DID, iova, 0, true);
        g_assert_cmphex(fx_dma(f, FX_R, iova), ==, 0x90000000);
        iova ^= 0x1000;
        g_assert_cmphex(fx_dma(f, FX_R, iova), ==,
                        row->gpa + iova - RUN_IOVA);
        fx_free(f);
    }
}

/* `sticky` keeps exactly what was used, `off` nothing: neither has blocks. */
static void test_run_tempers(void)
{
    static const NyxCacheTemper tempers[] = {
        NYX_CACHE_STICKY, NYX_CACHE_OFF,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(tempers); i++) {
        NyxVtdCfg cfg = cfg_cache(false, tempers[i]);
        uint64_t ss;
        Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

        make_run(f, ss, &run_rows[0]);
        g_assert_cmphex(fx_request(f, 0, FX_R, RUN_IOVA).addr_mask, ==,
                        0xfff);
        g_assert_cmpuint(reads_of(f, FX_R, RUN_IOVA + 0x1000), >, 0);
        fx_free(f);
    }
}

/* Larger leaves have no runs. */
static void test_run_of_large(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss);

    for (unsigned i = 0; i < RUN_PAGES; i++) {
        fx_map(f, ss, LEVELS, (uint64_t)i << 21, 0x80000000 + ((uint64_t)i
               << 21), 21, FX_RW);
    }
    g_assert_cmphex(fx_request(f, 0, FX_R, 0x200000).addr_mask, ==, 0x1fffff);
    g_assert_cmpuint(reads_of(f, FX_R, 0x400000), >, 0);
    fx_free(f);
}

/*
 * 3.14: a leaf with the interrupt range in it is handled page by page, and is
 * still one: a command for any of its pages drops all of them.
 */
static void test_leaf_with_interrupts(void)
{
    const uint64_t iova = 1ULL << 30;

    for (unsigned i = 0; i < ARRAY_SIZE(caching); i++) {
        NyxVtdCfg cfg = cfg_cache(false, caching[i]);
        uint64_t ss;
        Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

        fx_map(f, ss, LEVELS, iova, 0xc0000000, 30, FX_RW);
        FX_CHECK("before", fx_dma(f, FX_R, iova + 0x1000), 0xc0001000);
        fx_map(f, ss, LEVELS, iova, 0x100000000, 30, FX_RW);
        fx_flush_pages(f, FX_DID, iova + 0x5000, 0, false);
        FX_CHECK("after", fx_dma(f, FX_R, iova + 0x1000), 0x100001000);
        fx_free(f);
    }
}

/* The paging-structure caches of `sticky` keep everything, too. */
static void test_sticky_paging(void)
{
    NyxVtdCfg cfg = cfg_cache(false, NYX_CACHE_STICKY);
    unsigned n = 3000;
    uint64_t ss;
    Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

    for (unsigned i = 0; i < n; i++) {
        uint64_t iova = (uint64_t)i << 21;

        fx_map(f, ss, LEVELS, iova, 0x1000, 12, FX_RW);
        fx_map(f, ss, LEVELS, iova + 0x1000, 0x2000, 12, FX_RW);
        fx_dma(f, FX_R, iova);
    }
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmpuint(reads_of(f, FX_R, ((uint64_t)i << 21) + 0x1000), ==,
                         1);
    }
    fx_free(f);
}

/* Latching new pointers drops nothing by itself: ESRTPS, ESIRTPS are 0. */
static void test_latch_keeps(void)
{
    uint64_t ss, old_root;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss);
    FxMessage msg;

    fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x9000);
    fx_ir_start(f, 3, true);
    fx_irte(f, 0, 1 | 0x30 << 16, 0);
    fx_interrupt(f, 0x10, fx_irq_addr(0), 0, &msg);
    old_root = f->root;
    f->root = fx_mem_pages(&f->mem, 1);
    g_assert_cmphex(f->root, !=, old_root);
    fx_write64(f, 0x20, f->root);
    fx_gcmd(f, 30, true);
    fx_write64(f, 0xb8, fx_mem_pages(&f->mem, 1) | 3);
    fx_gcmd(f, 24, true);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x9000);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(0), 0, &msg), ==, 0);
    fx_submit(f, 0x11, 0);
    fx_submit(f, 0x4, 0);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, FX_REFUSED);
    g_assert_cmpuint(fx_take_code(f), ==, 1);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(0), 0, &msg), ==,
                     0x22);
    fx_free(f);
}

/* After each kind of flush the caches fill again and are used. */
static void test_refill(void)
{
    static const struct {
        const char *name;
        uint64_t iva, iotlb, ccmd;
    } rows[] = {
        { "page", 0x3000, 0xb000000000000000ULL, 0 },
        { "page, leaf only", 0x3040, 0xb000000000000000ULL, 0 },
        { "domain", 0, 0xa000000000000000ULL, 0 },
        { "global", 0, 0x9000000000000000ULL, 0 },
        { "context, device", 0, 0,
          0xe000000000000000ULL | FX_SID << 16 | FX_DID },
        { "context, global", 0, 0, 0xa000000000000000ULL },
    };

    for (unsigned i = 0; i < 3 * ARRAY_SIZE(rows); i++) {
        const char *name = rows[i / 3].name;
        uint64_t ss;
        Fx *f = fx_new_domain(NULL, LEVELS, &ss);

        fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
        fx_map(f, ss, LEVELS, 0x4000, 0xa000, 12, FX_RW);
        fx_dma(f, FX_R, 0x3000);
        /* More than one, so that no ticket is the first. */
        for (unsigned n = 0; n <= i % 3; n++) {
            if (rows[i / 3].iotlb) {
                fx_write64(f, 0x500, rows[i / 3].iva);
                fx_write64(f, 0x508, rows[i / 3].iotlb |
                                     (uint64_t)FX_DID << 32);
            } else {
                fx_write64(f, 0x28, rows[i / 3].ccmd);
            }
        }
        fx_dma(f, FX_R, 0x3000);
        FX_CHECK(name, reads_of(f, FX_R, 0x3000), 0);
        FX_CHECK(name, reads_of(f, FX_R, 0x4000), 1);
        FX_CHECK(name, reads_of(f, FX_R, 0x4000), 0);
        fx_free(f);
    }
}

/* Dropped paging structures are counted. */
static void test_paging_dropped(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss);

    fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
    fx_dma(f, FX_R, 0x3000);
    fx_flush_pages(f, FX_DID, 0x3000, 0, false);
    g_assert_cmpuint(nyx_vtd_requester_stats(f->r).paging.dropped, ==, 3);
    g_assert_cmpuint(nyx_vtd_requester_stats(f->r).iotlb.dropped, ==, 1);
    fx_free(f);
}

/*
 * A generation comes round after 2^32 flushes.  Long before, everything is
 * really emptied, so that nothing old comes to life.
 */
static void test_generation_wraps(void)
{
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(caching); i++) {
        NyxVtdCfg cfg = cfg_cache(false, caching[i / 2]);
        bool global = i % 2;
        uint32_t *gen, was;
        uint64_t ss;
        Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

        gen = global ? &f->vtd->tags.global_gen
                     : &f->vtd->tags.domain_gen[FX_DID];
        fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x9000);
        /* Another page table: neither the page nor the way to it is good. */
        fx_mem_poke(&f->mem, fx_entry(f, ss, LEVELS, 0x3000, 2), 0);
        fx_map(f, ss, LEVELS, 0x3000, 0xa000, 12, FX_RW);
        fx_map(f, ss, LEVELS, 0x4000, 0xb000, 12, FX_RW);
        was = *gen;
        f->vtd->tags.bumps = (1u << 31) - 1;
        fx_write64(f, 0x508, 1ULL << 63 | (global ? 1ULL : 2ULL) << 60 |
                             (uint64_t)FX_DID << 32);
        g_assert_cmpuint(f->vtd->tags.bumps, ==, 0);
        /* As if the other 2^32 - 1 flushes had come. */
        *gen = was;
        g_assert_cmphex(fx_dma(f, FX_R, 0x4000), ==, 0xb000);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0xa000);
        fx_free(f);
    }
}

/* Reset empties everything, whatever the temper. */
static void test_reset(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(caching); i++) {
        NyxVtdCfg cfg = cfg_cache(true, caching[i]);
        uint64_t ss;
        Fx *f = fx_new_domain(&cfg, LEVELS, &ss);

        fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
        fx_dma(f, FX_R, 0x3000);
        fx_dma(f, FX_R, 0x8000);
        nyx_vtd_reset(f->vtd);
        fx_write64(f, 0x20, f->root);
        fx_gcmd(f, 30, true);
        fx_gcmd(f, 31, true);
        fx_map(f, ss, LEVELS, 0x3000, 0xa000, 12, FX_RW);
        fx_map(f, ss, LEVELS, 0x8000, 0xb000, 12, FX_RW);
        g_assert_cmpuint(reads_of(f, FX_R, 0x3000), ==, 6);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0xa000);
        g_assert_cmphex(fx_dma(f, FX_R, 0x8000), ==, 0xb000);
        fx_free(f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/caches/" name, fn)
    ADD("holes", test_holes);
    ADD("hole-sizes", test_hole_sizes);
    ADD("context-with-cm", test_context_with_cm);
    ADD("context-fpd-with-cm", test_context_fpd_with_cm);
    ADD("context-without-cm", test_context_without_cm);
    ADD("root", test_root);
    ADD("irte-missing", test_irte_missing);
    ADD("irte-wrong", test_irte_wrong);
    ADD("irte-foreign", test_irte_foreign);
    ADD("hardware", test_hardware);
    ADD("hardware-fits", test_hardware_fits);
    ADD("seed", test_seed);
    ADD("sticky", test_sticky);
    ADD("sticky-paging", test_sticky_paging);
    ADD("off", test_off);
    ADD("runs", test_runs);
    ADD("run-dropped", test_run_dropped);
    ADD("run-tempers", test_run_tempers);
    ADD("run-of-large", test_run_of_large);
    g_test_add_func("/nyx-vtd/caches/leaf-with-interrupts",
                    test_leaf_with_interrupts);
    ADD("iec-tempers", test_iec_tempers);
    ADD("latch-keeps", test_latch_keeps);
    ADD("refill", test_refill);
    ADD("paging-dropped", test_paging_dropped);
    ADD("generation-wraps", test_generation_wraps);
    ADD("reset", test_reset);
    return g_test_run();
}
