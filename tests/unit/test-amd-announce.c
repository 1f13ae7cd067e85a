/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which mappings the IOMMU announces to which requester: device table
 * entries, domains, IommuEn, windows, reset and saved state.  Each
 * requester's consumer keeps what it is told and checks that nothing is
 * mapped twice or cut.
 */
#include "qemu/osdep.h"
#include "amd-fixture.h"
#include "container.h"
#include "naive-walk.h"

#define PAGE 4096ull
#define IOVA 0x40000000ull
#define CONSUMERS 4

/* Device table entries. */
#define DTE_V    (1ULL << 0)
#define DTE_TV   (1ULL << 1)
#define DTE_MODE(n) ((uint64_t)(n) << 9)
#define DTE_GIOV (1ULL << 54)
#define DTE_GV   (1ULL << 55)
#define DTE_IR   (1ULL << 61)
#define DTE_IW   (1ULL << 62)
#define DTE_RW   (DTE_V | DTE_TV | DTE_IR | DTE_IW)

/* Page table entries. */
#define PTE_RW   (1ULL << 0 | 1ULL << 61 | 1ULL << 62)

typedef struct Consumer {
    NyxAmdRequester *r;
    uint16_t sid;
    bool no_bus;
    Container has;
} Consumer;

typedef struct Bench {
    Ax *f;
    Consumer c[CONSUMERS];
    NvTables t[2];           /* of domains 10 and 11, four levels */
} Bench;

static Consumer *consumer_of(Ax *f, NyxAmdRequester *r)
{
    Bench *b = f->opaque;

    for (unsigned i = 0; i < CONSUMERS; i++) {
        if (b->c[i].r == r) {
            return &b->c[i];
        }
    }
    g_assert_not_reached();
}

static void on_map(Ax *f, NyxAmdRequester *r, const NyxBlock *block)
{
    container_map(&consumer_of(f, r)->has, block);
}

static void on_unmap(Ax *f, NyxAmdRequester *r, uint64_t first, uint64_t last,
                     const NyxBlock *only)
{
    container_unmap(&consumer_of(f, r)->has, first, last, only);
}

static bool sid_of(Ax *f, NyxAmdRequester *r, uint16_t *sid)
{
    *sid = consumer_of(f, r)->sid;
    return !consumer_of(f, r)->no_bus;
}

/* The words of an entry for domain 10 or 11. */
static void context(Bench *b, unsigned i, unsigned domain, uint64_t w0)
{
    ax_dte(b->f, b->c[i].sid, w0, 10 + domain, 0, 0);
}

static uint64_t translated(const Bench *b, unsigned domain)
{
    return DTE_RW | DTE_MODE(4) | b->t[domain].root;
}

/* Tables, the device table, registers; all consumers have domain 10. */
static Bench *bench_new(void)
{
    Bench *b = g_new0(Bench, 1);
    NyxAmdCfg cfg = ax_cfg();

    cfg.np_cache = true;
    cfg.coalesce = true;
    b->f = ax_new_started(&cfg);
    b->f->opaque = b;
    b->f->on_map = on_map;
    b->f->on_unmap = on_unmap;
    b->f->sid_of = sid_of;
    for (unsigned i = 0; i < 2; i++) {
        nv_init(&b->t[i], &b->f->mem, false, 4, 48);
        b->t[i].amd = true;
    }
    for (unsigned i = 0; i < CONSUMERS; i++) {
        b->c[i].r = i ? nyx_amd_requester_new(b->f->amd, b->f) : b->f->r;
        b->c[i].sid = AX_SID + 8 * i;
        container_init(&b->c[i].has);
        context(b, i, 0, translated(b, 0));
    }
    return b;
}

static void bench_free(Bench *b)
{
    ax_free(b->f);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        container_destroy(&b->c[i].has);
    }
    g_free(b);
}

/* What the glue does when a listener comes: register, then replay. */
static void follow(Bench *b, unsigned i)
{
    unsigned maps = b->f->map_events, unmaps = b->f->unmap_events;
    Container *has = &b->c[i].has;

    nyx_amd_requester_follow(b->c[i].r, true);
    FX_CHECK("silent", b->f->map_events - maps + b->f->unmap_events - unmaps,
             0);
    maps = has->maps;
    container_clear(has);
    nyx_amd_requester_replay(b->c[i].r, container_map, has);
    has->maps = maps;
}

static void expect(Bench *b, unsigned i, const char *row, unsigned maps,
                   unsigned unmaps, unsigned blocks)
{
    Container *has = &b->c[i].has;

    FX_CHECK(row, has->maps, maps);
    FX_CHECK(row, has->unmaps, unmaps);
    FX_CHECK(row, has->blocks->len, blocks);
    has->maps = has->unmaps = 0;
}

static const NyxBlock *block(Bench *b, unsigned i)
{
    return &g_array_index(b->c[i].has.blocks, NyxBlock, 0);
}

static void map(Bench *b, unsigned domain, uint64_t iova, uint64_t gpa)
{
    nv_leaf(&b->t[domain], iova, 1, gpa, PTE_RW);
}

static void unmap(Bench *b, unsigned domain, uint64_t iova)
{
    nv_leaf(&b->t[domain], iova, 1, 0, 0);
}

/* --- Domains -------------------------------------------------------------- */

static void test_domains(void)
{
    Bench *b = bench_new();

    context(b, 2, 1, translated(b, 1));
    for (unsigned i = 0; i < 3; i++) {
        follow(b, i);
    }
    map(b, 0, IOVA, 0x1000);
    map(b, 1, IOVA, 0x5000);
    ax_inv_pages(b->f, 12, IOVA, 12);
    ax_inv_pages(b->f, 10, IOVA + PAGE, 12);
    expect(b, 0, "elsewhere", 0, 0, 0);
    ax_control_set(b->f, AX_GTEN);
    ax_inv_pages_gn(b->f, 10, 0, IOVA, 12);
    expect(b, 0, "the guest's", 0, 0, 0);
    ax_inv_pages(b->f, 10, IOVA, 12);
    expect(b, 0, "A", 1, 0, 1);
    expect(b, 1, "A too", 1, 0, 1);
    expect(b, 2, "B", 0, 0, 0);
    ax_inv_pages(b->f, 11, 0, 64);
    expect(b, 2, "B", 1, 0, 1);
    expect(b, 3, "does not listen", 0, 0, 0);
    FX_CHECK("shadows", nyx_amd_stats(b->f->amd).shadows, 2);
    FX_CHECK("blocks", nyx_amd_stats(b->f->amd).shadow_blocks, 2);
    unmap(b, 0, IOVA);
    unmap(b, 1, IOVA);
    ax_inv_all(b->f);
    for (unsigned i = 0; i < 3; i++) {
        expect(b, i, "all", 0, 1, 0);
    }
    /* Nobody writes there but through the window. */
    map(b, 0, IOVA, 0xfee00000);
    map(b, 0, IOVA + PAGE, 0xfef00000);
    ax_inv_pages(b->f, 10, IOVA, 13);
    expect(b, 0, "not the interrupts", 1, 0, 1);
    nyx_amd_requester_follow(b->c[2].r, false);
    FX_CHECK("shadows", nyx_amd_stats(b->f->amd).shadows, 1);
    bench_free(b);
}

/* A large page of an encoded size is one mapping; so is a table left out. */
static void test_sizes(void)
{
    Bench *b = bench_new();

    follow(b, 0);
    for (unsigned i = 0; i < 8; i++) {
        nv_leaf(&b->t[0], IOVA + i * PAGE, 1, 0,
                nv_encoded(0x80000, 15) | PTE_RW);
    }
    ax_inv_pages(b->f, 10, IOVA + 3 * PAGE, 12);
    expect(b, 0, "32 KiB", 1, 0, 1);
    FX_CHECK("32 KiB", block(b, 0)->iova, IOVA);
    FX_CHECK("32 KiB", block(b, 0)->lg2, 15);
    nv_skip(&b->t[0], 1ULL << 39, 4, 1);
    nv_leaf(&b->t[0], (1ULL << 39) + 5 * PAGE, 1, 0x7000, PTE_RW);
    ax_inv_pages(b->f, 10, 1ULL << 39, 39);
    expect(b, 0, "left out", 1, 0, 2);
    bench_free(b);
}

/* What the entry withholds, nobody is given; the tables are walked twice. */
static void test_rights(void)
{
    Bench *b = bench_new();

    map(b, 0, IOVA, 0x1000);
    context(b, 1, 0, translated(b, 0) & ~DTE_IW);
    context(b, 2, 0, translated(b, 0) & ~(DTE_IR | DTE_IW));
    for (unsigned i = 0; i < 3; i++) {
        follow(b, i);
    }
    FX_CHECK("all", block(b, 0)->permission, NYX_ACCESS_RW);
    FX_CHECK("IR", block(b, 1)->permission, NYX_ACCESS_READ);
    FX_CHECK("neither", b->c[2].has.blocks->len, 0);
    FX_CHECK("shadows", nyx_amd_stats(b->f->amd).shadows, 3);
    bench_free(b);
}

/* One that comes later gets what the others have, walked or not. */
static void test_late_comer(void)
{
    Bench *b = bench_new();

    map(b, 0, IOVA, 0x1000);
    follow(b, 0);
    FX_CHECK("replayed", b->c[0].has.blocks->len, 1);
    map(b, 0, IOVA + 8 * PAGE, 0x2000);
    follow(b, 1);
    FX_CHECK("the same", b->c[1].has.blocks->len, 1);
    ax_inv_pages(b->f, 10, IOVA + 8 * PAGE, 12);
    expect(b, 0, "both", 1, 0, 2);
    expect(b, 1, "both", 1, 0, 2);
    bench_free(b);
}

/* --- Device table entries ------------------------------------------------- */

static void test_contexts(void)
{
    Bench *b = bench_new();

    map(b, 0, IOVA, 0x1000);
    map(b, 1, IOVA, 0x5000);
    map(b, 1, IOVA + PAGE, 0x8000);
    follow(b, 0);
    FX_CHECK("A", b->c[0].has.blocks->len, 1);

    context(b, 0, 1, translated(b, 1));
    ax_inv_devtab(b->f, b->c[1].sid);
    ax_inv_pages(b->f, 11, 0, 64);
    expect(b, 0, "others' entries", 0, 0, 1);
    ax_inv_devtab(b->f, AX_SID);
    expect(b, 0, "to B", 2, 1, 2);
    ax_inv_devtab(b->f, AX_SID);
    expect(b, 0, "still B", 0, 0, 2);

    /* The function's number changes: its entry is another one. */
    b->c[0].sid = AX_SID + 0x100;
    ax_inv_devtab(b->f, b->c[3].sid);
    expect(b, 0, "another bus", 0, 1, 0);
    /* V = 0 there, which is memory as it is. */
    FX_CHECK("another bus", nyx_amd_requester_direct(b->c[0].r), true);
    b->c[0].sid = AX_SID;
    ax_inv_devtab(b->f, b->c[3].sid);
    expect(b, 0, "back", 2, 0, 2);
    b->c[0].no_bus = true;
    ax_inv_devtab(b->f, b->c[3].sid);
    expect(b, 0, "no bus", 0, 1, 0);
    b->c[0].no_bus = false;
    ax_inv_all(b->f);
    expect(b, 0, "a bus", 2, 0, 2);

    /* An illegal entry is not remembered at all. */
    context(b, 0, 1, translated(b, 1) | 1ULL << 63);
    ax_inv_devtab(b->f, AX_SID);
    expect(b, 0, "illegal", 0, 1, 0);
    context(b, 0, 1, translated(b, 1));
    ax_inv_devtab(b->f, b->c[3].sid);
    expect(b, 0, "any command", 2, 0, 2);

    /* TV = 0 is, like everything else. */
    context(b, 0, 1, DTE_V);
    ax_inv_devtab(b->f, AX_SID);
    expect(b, 0, "blocked", 0, 1, 0);
    FX_CHECK("blocked", nyx_amd_requester_direct(b->c[0].r), false);
    context(b, 0, 1, translated(b, 1));
    ax_inv_devtab(b->f, b->c[3].sid);
    expect(b, 0, "not asked", 0, 0, 0);
    ax_inv_devtab(b->f, AX_SID);
    expect(b, 0, "valid", 2, 0, 2);
    bench_free(b);
}

/* Translations go with the entry: the same tables are looked at again. */
static void test_devtab_compares(void)
{
    Bench *b = bench_new();

    map(b, 0, IOVA, 0x1000);
    follow(b, 0);
    unmap(b, 0, IOVA);
    map(b, 0, IOVA + 4 * PAGE, 0x2000);
    ax_inv_devtab(b->f, b->c[1].sid);
    expect(b, 0, "another's", 0, 0, 1);
    ax_inv_devtab(b->f, AX_SID);
    expect(b, 0, "its own", 1, 1, 1);
    FX_CHECK("its own", block(b, 0)->iova, IOVA + 4 * PAGE);
    bench_free(b);
}

/* What requests without a PASID get, for every kind of entry. */
static const struct {
    const char *name;
    uint64_t w0;
    bool direct;
} kind_rows[] = {
    { "V = 0", 0, true },
    { "V = 0, the rest is anything", DTE_TV | DTE_MODE(7), true },
    { "TV = 0", DTE_V | DTE_IR | DTE_IW, false },
    { "Mode 0", DTE_RW, true },
    { "Mode 0, IR only", DTE_RW & ~DTE_IW, false },
    { "Mode 0, IW only", DTE_RW & ~DTE_IR, false },
    { "Mode 0, blocked", DTE_V | DTE_TV, false },
    { "Mode 0, guest", DTE_RW | DTE_GV, true },
    { "Mode 0, GIoV", DTE_RW | DTE_GV | DTE_GIOV, false },
    { "Mode 7", DTE_RW | DTE_MODE(7), false },
};

static void test_kinds(void)
{
    Bench *b = bench_new();

    ax_control_set(b->f, AX_GTEN);
    nyx_amd_requester_expect(b->c[1].r, true);
    for (unsigned i = 0; i < ARRAY_SIZE(kind_rows); i++) {
        unsigned changes = b->f->direct_changes;

        context(b, 1, 0, kind_rows[i].w0);
        ax_inv_devtab(b->f, b->c[1].sid);
        FX_CHECK(kind_rows[i].name, nyx_amd_requester_direct(b->c[1].r),
                 kind_rows[i].direct);
        context(b, 1, 0, translated(b, 0));
        ax_inv_devtab(b->f, b->c[1].sid);
        FX_CHECK(kind_rows[i].name, nyx_amd_requester_direct(b->c[1].r),
                 false);
        FX_CHECK(kind_rows[i].name, b->f->direct_changes - changes,
                 2 * kind_rows[i].direct);
    }
    /* Host tables are followed, unless requests go to a guest's. */
    map(b, 0, IOVA, 0x1000);
    follow(b, 1);
    expect(b, 1, "host", 0, 0, 1);
    context(b, 1, 0, translated(b, 0) | DTE_GV);
    ax_inv_devtab(b->f, b->c[1].sid);
    expect(b, 1, "guest", 0, 0, 1);
    context(b, 1, 0, translated(b, 0) | DTE_GV | DTE_GIOV);
    ax_inv_devtab(b->f, b->c[1].sid);
    expect(b, 1, "GIoV", 0, 1, 0);
    bench_free(b);
}

/* A listener that was not expected: from the main loop. */
static void test_surprise(void)
{
    Bench *b = bench_new();
    NyxAmdRequester *r = b->c[0].r;

    context(b, 0, 0, DTE_RW);
    ax_inv_devtab(b->f, AX_SID);
    FX_CHECK("nobody", nyx_amd_requester_direct(r), false);
    ax_forget(b->f);
    follow(b, 0);
    FX_CHECK("surprise", nyx_amd_requester_direct(r), true);
    FX_CHECK("surprise", b->f->direct_changes, 0);
    FX_CHECK("kicked", b->f->kicks, 1);
    ax_settle(b->f);
    FX_CHECK("done", b->f->direct_changes, 1);
    nyx_amd_requester_follow(r, false);
    nyx_amd_requester_expect(r, false);
    ax_settle(b->f);
    FX_CHECK("gone", nyx_amd_requester_direct(r), false);
    FX_CHECK("gone", b->f->direct_changes, 2);
    bench_free(b);
}

/* --- On and off ----------------------------------------------------------- */

static void test_enable(void)
{
    Bench *b = bench_new();

    ax_control_clear(b->f, AX_IOMMUEN);
    map(b, 0, IOVA, 0x1000);
    context(b, 1, 0, DTE_RW);
    follow(b, 0);
    FX_CHECK("off", b->c[0].has.blocks->len, 0);
    nyx_amd_requester_expect(b->c[1].r, true);
    FX_CHECK("off", nyx_amd_requester_direct(b->c[1].r), false);
    ax_control_set(b->f, AX_IOMMUEN);
    expect(b, 0, "on", 1, 0, 1);
    FX_CHECK("known beforehand", nyx_amd_requester_direct(b->c[1].r), true);
    FX_CHECK("by the mode", b->f->direct_changes, 0);
    map(b, 0, IOVA + PAGE, 0x4000);
    ax_control_clear(b->f, AX_IOMMUEN);
    expect(b, 0, "off", 0, 1, 0);
    FX_CHECK("off", nyx_amd_requester_direct(b->c[1].r), false);
    ax_control_set(b->f, AX_IOMMUEN);
    expect(b, 0, "on", 2, 0, 2);
    nyx_amd_reset(b->f->amd);
    expect(b, 0, "reset", 0, 1, 0);
    FX_CHECK("reset", nyx_amd_stats(b->f->amd).shadows, 0);
    bench_free(b);
}

/* The exclusion range cannot be cut out: only V = 0 goes by it. */
static void test_window(void)
{
    Bench *b = bench_new();
    unsigned modes;

    map(b, 0, IOVA, 0x1000);
    context(b, 1, 0, DTE_RW);
    context(b, 2, 0, 0);
    follow(b, 0);
    nyx_amd_requester_expect(b->c[1].r, true);
    nyx_amd_requester_expect(b->c[2].r, true);
    ax_inv_all(b->f);
    FX_CHECK("Mode 0", nyx_amd_requester_direct(b->c[1].r), true);
    ax_write64(b->f, 0x28, 0x90000000);
    modes = b->f->mode_changes;
    ax_write64(b->f, 0x20, 0x80000000 | 3);
    expect(b, 0, "on", 0, 1, 0);
    FX_CHECK("on", b->f->mode_changes - modes, 1);
    FX_CHECK("on", nyx_amd_requester_direct(b->c[1].r), false);
    FX_CHECK("on", nyx_amd_requester_direct(b->c[2].r), true);
    ax_write64(b->f, 0x20, 0x80000000);
    expect(b, 0, "off", 1, 0, 1);
    FX_CHECK("off", nyx_amd_requester_direct(b->c[1].r), true);
    bench_free(b);
}

/* A state is loaded over a running IOMMU: memory is another one. */
static void test_load(void)
{
    Bench *b = bench_new();
    g_autofree NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);
    unsigned modes;

    map(b, 0, IOVA, 0x1000);
    follow(b, 0);
    nyx_amd_save(b->f->amd, saved);
    unmap(b, 0, IOVA);
    map(b, 0, IOVA + 4 * PAGE, 0x9000);
    modes = b->f->mode_changes;
    g_assert_null(nyx_amd_load(b->f->amd, saved));
    expect(b, 0, "loaded", 1, 1, 1);
    FX_CHECK("loaded", block(b, 0)->iova, IOVA + 4 * PAGE);
    FX_CHECK("regions", b->f->mode_changes > modes, true);
    bench_free(b);
}

/* --- Bounds --------------------------------------------------------------- */

/*
 * Hostile tables, 2^27 of them in four pages: a command reads only so many,
 * and the main loop gets a turn before the next command.
 */
static void test_bounds(void)
{
    Bench *b = bench_new();
    Ax *f = b->f;
    uint64_t table[4] = { b->t[0].root };
    uint64_t read;

    for (unsigned i = 1; i < 4; i++) {
        table[i] = fx_mem_pages(&f->mem, 1);
        for (unsigned j = 0; j < 512; j++) {
            fx_mem_poke(&f->mem, table[i - 1] + j * 8,
                        table[i] | PTE_RW | NV_NEXT(4 - i));
        }
    }
    follow(b, 0);
    FX_CHECK("found", ax_findings(f, NAMD_RULE_SHADOW_FULL), 1);
    read = nyx_amd_stats(f->amd).shadow_tables;
    FX_CHECK("tables", read, 256 * 1024);
    for (unsigned i = 0; i < 3; i++) {
        ax_command(f, 3ULL << 60 | 10ULL << 32,
                   0x7ffffffffffff000ULL | 3);
    }
    f->kicks = 0;
    ax_doorbell(f);
    FX_CHECK("a turn", f->kicks, 1);
    FX_CHECK("one command", nyx_amd_stats(f->amd).shadow_tables, 2 * read);
    ax_settle(f);
    FX_CHECK("all", nyx_amd_stats(f->amd).shadow_tables, 4 * read);

    /* What is there is still exact: a page of it. */
    fx_mem_poke(&f->mem, table[3] + 7 * 8, 0x5000 | PTE_RW);
    ax_inv_pages(f, 10, (5ULL << 39) + 7 * PAGE, 12);
    expect(b, 0, "a page", 1, 0, 1);
    bench_free(b);
}

/* Requests have their own caches, which are as stale as the shadow. */
static void test_beside_requests(void)
{
    Bench *b = bench_new();

    map(b, 0, IOVA, 0x1000);
    follow(b, 0);
    FX_CHECK("DMA", ax_dma(b->f, NYX_ACCESS_WRITE, IOVA + 5), 0x1005);
    map(b, 0, IOVA, 0x2000);
    FX_CHECK("stale", ax_dma(b->f, NYX_ACCESS_WRITE, IOVA + 5), 0x1005);
    FX_CHECK("stale", block(b, 0)->addr, 0x1000);
    ax_inv_pages(b->f, 10, IOVA, 12);
    FX_CHECK("DMA", ax_dma(b->f, NYX_ACCESS_WRITE, IOVA + 5), 0x2005);
    expect(b, 0, "moved", 1, 1, 1);
    FX_CHECK("moved", block(b, 0)->addr, 0x2000);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amd/announce/domains", test_domains);
    g_test_add_func("/amd/announce/sizes", test_sizes);
    g_test_add_func("/amd/announce/rights", test_rights);
    g_test_add_func("/amd/announce/late-comer", test_late_comer);
    g_test_add_func("/amd/announce/contexts", test_contexts);
    g_test_add_func("/amd/announce/devtab-compares", test_devtab_compares);
    g_test_add_func("/amd/announce/kinds", test_kinds);
    g_test_add_func("/amd/announce/surprise", test_surprise);
    g_test_add_func("/amd/announce/enable", test_enable);
    g_test_add_func("/amd/announce/window", test_window);
    g_test_add_func("/amd/announce/load", test_load);
    g_test_add_func("/amd/announce/bounds", test_bounds);
    g_test_add_func("/amd/announce/beside-requests", test_beside_requests);
    return g_test_run();
}
