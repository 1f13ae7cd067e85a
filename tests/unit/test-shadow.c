/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of a range and the shadow of page tables, against obvious models
 * of each: nyx_walk() for each page, and a consumer with the rules of VFIO.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/shadow.h"
#include "hw/nyx-iommu/walk-range.h"
#include "vtd-fixture.h"

#define PAGE 4096ull
#define LG2_MASK(lg2) (((uint64_t)1 << (lg2)) - 1)

static uint32_t rnd(GRand *rand, uint32_t n)
{
    return g_rand_int_range(rand, 0, n);
}

/* A seed that is told, so that a failure can be repeated: NYX_SEED=n. */
static GRand *rand_new(void)
{
    const char *given = g_getenv("NYX_SEED");
    uint32_t seed = given ? g_ascii_strtoull(given, NULL, 0) : g_random_int();

    g_test_message("NYX_SEED=%u", seed);
    return g_rand_new_with_seed(seed);
}

/* --- Tables --------------------------------------------------------------- */

/* What the tests' tables are for: 64 MiB at the end of 4 GiB, and beyond. */
#define AREA    0xfd000000ull
#define PAGES   16384u

typedef struct Tables {
    FxMem mem;
    NyxWalkCtx ctx;
    GRand *rand;
} Tables;

static Tables *tables_new(unsigned levels)
{
    Tables *t = g_new0(Tables, 1);

    fx_mem_init(&t->mem);
    t->rand = rand_new();
    t->ctx = (NyxWalkCtx) {
        .fmt = &nyx_fmt_vtdss,
        .mem = &t->mem.ops,
        .root = fx_mem_pages(&t->mem, 1),
        .top = levels - 1,
        .addr_bits = 46,
        .features = NYX_VTDSS_2M | NYX_VTDSS_1G,
    };
    return t;
}

static void tables_free(Tables *t)
{
    g_rand_free(t->rand);
    fx_mem_destroy(&t->mem);
    g_free(t);
}

static uint64_t entry_at(Tables *t, uint64_t iova, unsigned level)
{
    return fx_mem_ss_entry(&t->mem, t->ctx.root, t->ctx.top + 1, iova, level);
}

/* An entry at any level: mostly right, at times in error or read only. */
static uint64_t random_leaf(Tables *t, unsigned level)
{
    uint64_t addr = (uint64_t)rnd(t->rand, 1u << 10) << (12 + 9 * (level - 1));
    uint64_t entry = addr | (level > 1 ? 0x80 : 0) | FX_RW;

    switch (rnd(t->rand, 16)) {
    case 0:
        return entry & ~(uint64_t)FX_W;
    case 1:
        return entry | 1ULL << 62;
    case 2:
        return entry | 1ULL << 50;
    case 3:
        return 0;
    default:
        return entry;
    }
}

/* Contiguous pages, sometimes with a break. */
static void write_run(Tables *t, uint64_t iova, unsigned n)
{
    uint64_t addr = (uint64_t)rnd(t->rand, 1u << 16) << 12;
    unsigned rw = rnd(t->rand, 4) ? FX_RW : FX_R;

    for (unsigned i = 0; i < n; i++) {
        fx_mem_poke(&t->mem, entry_at(t, iova + i * PAGE, 1),
                    (addr + i * PAGE) | rw);
    }
}

/* --- The walk of a range -------------------------------------------------- */

typedef struct Visits {
    Tables *t;
    uint64_t first, last;    /* asked for */
    uint64_t next;           /* below it all has been compared */
    unsigned n, stop_after;
} Visits;

/* What nyx_walk() says of a page: where it goes, or FX_REFUSED. */
static uint64_t page_of(Tables *t, uint64_t iova, unsigned *permission)
{
    NyxWalk walk;

    nyx_walk(&t->ctx, iova, 0, NULL, &walk);
    *permission = walk.permission & FX_RW;
    if (walk.status != NYX_WALK_OK || !*permission) {
        *permission = 0;
        return FX_REFUSED;
    }
    return walk.addr + (iova & LG2_MASK(walk.lg2));
}

static void expect_empty(Visits *v, uint64_t end)
{
    unsigned permission;

    for (; v->next < end; v->next += PAGE) {
        FX_CHECK("left out", page_of(v->t, v->next, &permission), FX_REFUSED);
    }
}

static bool visit_page(void *opaque, const NyxLeaf *leaf)
{
    Visits *v = opaque;
    uint64_t end = MIN(leaf->iova + LG2_MASK(leaf->lg2), v->last) + 1;
    unsigned permission;

    FX_CHECK("aligned", (leaf->iova | leaf->addr) & LG2_MASK(leaf->lg2), 0);
    FX_CHECK("in range", end > v->first && leaf->iova <= v->last, true);
    FX_CHECK("order", leaf->iova >= v->next || leaf->iova < v->first, true);
    expect_empty(v, MAX(leaf->iova, v->first));
    for (; v->next < end; v->next += PAGE) {
        FX_CHECK("page", page_of(v->t, v->next, &permission),
                 leaf->addr + (v->next - leaf->iova));
        FX_CHECK("permission", leaf->permission, permission);
    }
    return ++v->n != v->stop_after;
}

static void test_range(void)
{
    Tables *t = tables_new(4);

    for (unsigned round = 0; round < 400; round++) {
        uint64_t first = AREA + (uint64_t)rnd(t->rand, PAGES) * PAGE;
        uint64_t iova = AREA + (uint64_t)rnd(t->rand, PAGES) * PAGE;
        Visits v = { .t = t, .first = first, .next = first };
        uint32_t tables = 1000;

        if (round % 8 == 0) {
            fx_mem_poke(&t->mem, entry_at(t, iova, 2), random_leaf(t, 2));
        } else if (round % 64 == 1) {
            fx_mem_poke(&t->mem, entry_at(t, iova, 2), 0);
        } else if (!(fx_mem_peek(&t->mem, entry_at(t, iova, 2)) &
                     (0x80 | 1ULL << 62 | 1ULL << 50))) {
            fx_mem_poke(&t->mem, entry_at(t, iova, 1), random_leaf(t, 1));
        }
        v.last = first + (uint64_t)rnd(t->rand, 3000) * PAGE + PAGE - 1;
        FX_CHECK("all", nyx_walk_range(&t->ctx, v.first, v.last, &tables,
                                       visit_page, &v), true);
        expect_empty(&v, v.last + 1);
        FX_CHECK("tables", 1000 - tables <= 3 + 10, true);
    }
    tables_free(t);
}

static void test_range_limits(void)
{
    Tables *t = tables_new(3);
    const uint64_t top = (1ULL << 39) - 1;
    Visits v = { .t = t, .first = top - PAGE + 1, .last = UINT64_MAX,
                 .next = top - PAGE + 1 };
    uint32_t tables = 3;

    FX_CHECK("limit", nyx_walk_limit(&t->ctx), top);
    fx_mem_poke(&t->mem, entry_at(t, top, 1), 0x7000 | FX_RW);
    v.last = top;
    FX_CHECK("last page", nyx_walk_range(&t->ctx, v.first, UINT64_MAX, &tables,
                                         visit_page, &v), true);
    FX_CHECK("last page", v.n, 1);
    FX_CHECK("one read a table", tables, 0);
    FX_CHECK("no table left", nyx_walk_range(&t->ctx, v.first, top, &tables,
                                             visit_page, &v), false);
    tables = 2;
    FX_CHECK("too few", nyx_walk_range(&t->ctx, v.first, top, &tables,
                                       visit_page, &v), false);
    FX_CHECK("too few", v.n, 1);
    tables = 9;
    FX_CHECK("beyond", nyx_walk_range(&t->ctx, top + 1, UINT64_MAX, &tables,
                                      visit_page, &v), true);
    FX_CHECK("beyond", tables, 9);

    /* A visitor that has enough. */
    v = (Visits) { .t = t, .last = PAGE * 4 - 1, .stop_after = 2 };
    for (unsigned i = 0; i < 4; i++) {
        fx_mem_poke(&t->mem, entry_at(t, i * PAGE, 1), 0x7000 | FX_RW);
    }
    FX_CHECK("stopped", nyx_walk_range(&t->ctx, 0, PAGE * 4 - 1, &tables,
                                       visit_page, &v), false);
    FX_CHECK("stopped", v.n, 2);

    /* A table that is not in RAM maps nothing, and that is no failure. */
    fx_mem_poke(&t->mem, entry_at(t, 0, 2), 0x3ffffff000ull | FX_RW);
    v = (Visits) { .t = t, .last = PAGE * 4 - 1 };
    FX_CHECK("unreadable", nyx_walk_range(&t->ctx, 0, PAGE * 4 - 1, &tables,
                                          visit_page, &v), true);
    FX_CHECK("unreadable", v.n, 0);
    tables_free(t);
}

static uint8_t four_pages(const NyxWalkCtx *ctx, unsigned level,
                          uint64_t entry)
{
    return level ? nyx_level_lg2(ctx->fmt, level) : 14;
}

/* A format whose leaves take several entries. */
static void test_range_wide_leaf(void)
{
    Tables *t = tables_new(3);
    NyxFormat fmt = nyx_fmt_vtdss;
    Visits v = { .t = t, .last = 8 * PAGE - 1 };
    uint32_t tables = 9;

    fmt.leaf_lg2 = four_pages;
    fmt.walk = NULL;
    t->ctx.fmt = &fmt;
    for (unsigned i = 0; i < 8; i++) {
        fx_mem_poke(&t->mem, entry_at(t, i * PAGE, 1),
                    0x10000ull << (i / 4) | FX_RW);
    }
    nyx_walk_range(&t->ctx, 0, v.last, &tables, visit_page, &v);
    FX_CHECK("once", v.n, 2);
    v = (Visits) { .t = t, .first = 2 * PAGE, .last = 3 * PAGE - 1,
                   .next = 2 * PAGE };
    nyx_walk_range(&t->ctx, v.first, v.last, &tables, visit_page, &v);
    FX_CHECK("from inside", v.n, 1);
    tables_free(t);
}

/* A table that names itself at every level: bounded, not endless. */
static void test_range_loop(void)
{
    Tables *t = tables_new(4);
    Visits v = { .t = t, .first = 1, .last = 0 };
    uint32_t tables = 10000;

    for (unsigned i = 0; i < 512; i++) {
        fx_mem_poke(&t->mem, t->ctx.root + i * 8, t->ctx.root | FX_R | 1ULL
                    << 62);
    }
    FX_CHECK("reserved", nyx_walk_range(&t->ctx, 0, UINT64_MAX, &tables,
                                        visit_page, &v), true);
    FX_CHECK("reserved", tables, 9999);
    for (unsigned i = 0; i < 512; i++) {
        fx_mem_poke(&t->mem, t->ctx.root + i * 8, t->ctx.root | FX_R);
    }
    v = (Visits) { .t = t, .last = UINT64_MAX, .stop_after = 600 };
    FX_CHECK("stopped", nyx_walk_range(&t->ctx, 0, UINT64_MAX, &tables,
                                       visit_page, &v), false);
    tables_free(t);
}

/* --- A consumer ----------------------------------------------------------- */

#define WIN_FIRST 0xfee00000ull
#define WIN_LAST  0xfeefffffull

/*
 * What it has, page by page: the address with the permission in the low bits,
 * zero for none; and which mapping the page belongs to.
 */
typedef struct Consumer {
    uint64_t page[PAGES];
    uint32_t mapping[PAGES];
    uint32_t next_mapping;
    unsigned maps, unmaps;
    uint64_t only_addr;      /* of the last UNMAP */
    uint8_t largest;
    bool each;               /* wants an UNMAP for each mapping */
} Consumer;

static unsigned page_index(uint64_t iova)
{
    g_assert_cmphex(iova, >=, AREA);
    g_assert_cmphex(iova, <, AREA + PAGES * PAGE);
    return (iova - AREA) / PAGE;
}

static void consumer_map(void *opaque, const NyxBlock *block)
{
    Consumer *c = opaque;
    unsigned first = page_index(block->iova);
    unsigned n = 1u << (block->lg2 - 12);

    page_index(nyx_block_last(block));
    FX_CHECK("aligned", (block->iova | block->addr) & LG2_MASK(block->lg2), 0);
    FX_CHECK("rights", block->permission & ~FX_RW, 0);
    FX_CHECK("some right", block->permission != 0, true);
    c->maps++;
    c->next_mapping++;
    c->largest = MAX(c->largest, block->lg2);
    for (unsigned i = 0; i < n; i++) {
        FX_CHECK("double map", c->page[first + i], 0);
        c->page[first + i] = (block->addr + i * PAGE) | block->permission;
        c->mapping[first + i] = c->next_mapping;
    }
}

static void consumer_unmap(void *opaque, uint64_t first, uint64_t last,
                           const NyxBlock *only)
{
    Consumer *c = opaque;
    unsigned a = page_index(first), b = page_index(last);
    unsigned mappings = 0;

    c->unmaps++;
    c->only_addr = only ? only->addr : 0;
    FX_CHECK("something", c->page[a] != 0 && c->page[b] != 0, true);
    FX_CHECK("cut below", a && c->page[a - 1] &&
             c->mapping[a - 1] == c->mapping[a], false);
    FX_CHECK("cut above", b + 1 < PAGES && c->page[b + 1] &&
             c->mapping[b + 1] == c->mapping[b], false);
    if (only) {
        FX_CHECK("only", only->iova, first);
        FX_CHECK("only", nyx_block_last(only), last);
        FX_CHECK("only", c->page[a] & ~LG2_MASK(12), only->addr);
    }
    for (unsigned i = a; i <= b; i++) {
        if (c->page[i] && (i == a || c->mapping[i] != c->mapping[i - 1])) {
            mappings++;
        }
        c->page[i] = 0;
    }
    FX_CHECK("only", only != NULL, mappings == 1);
}

/* What the tables say of every page. */
static void expectation(Tables *t, uint64_t *page)
{
    for (unsigned i = 0; i < PAGES; i++) {
        unsigned permission;
        uint64_t addr = page_of(t, AREA + i * PAGE, &permission);

        page[i] = addr == FX_REFUSED || (addr >= WIN_FIRST && addr <= WIN_LAST)
                  ? 0 : addr | permission;
    }
}

static NyxTableShadow *shadow_new(bool coalesce, uint32_t max_blocks)
{
    const NyxShadowCfg cfg = {
        .coalesce = coalesce,
        .hole_first = WIN_FIRST,
        .hole_last = WIN_LAST,
        .max_tables = 10000,
        .max_blocks = max_blocks,
    };

    return nyx_table_shadow_new(&cfg);
}

static NyxShadowResult sync_range(NyxTableShadow *shadow, Tables *t,
                                  Consumer *c, uint64_t first, uint64_t last)
{
    const NyxShadowSink sink = {
        consumer_unmap, consumer_map, c, c->each,
    };

    return nyx_table_shadow_sync(shadow, &t->ctx, first, last, &sink);
}

static void see_mapping(void *opaque, const NyxBlock *block)
{
    Consumer *c = opaque;
    unsigned first = page_index(block->iova);

    FX_CHECK("remembered", c->page[first],
             block->addr | block->permission);
    FX_CHECK("whole", c->mapping[first],
             c->mapping[page_index(nyx_block_last(block))]);
    c->maps--;
}

/* The shadow remembers just what the consumer has. */
static void check_remembered(NyxTableShadow *shadow, Consumer *c)
{
    unsigned maps = c->maps, n = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        n += c->page[i] && (!i || !c->page[i - 1] ||
                            c->mapping[i] != c->mapping[i - 1]);
    }
    nyx_table_shadow_foreach(shadow, see_mapping, c);
    FX_CHECK("as many", maps - c->maps, n);
    FX_CHECK("as many", nyx_table_shadow_count(shadow), n);
    c->maps = maps;
}

/* --- Random edits --------------------------------------------------------- */

typedef struct Edit {
    uint64_t first, last;    /* what has to be invalidated */
} Edit;

static bool is_table(Tables *t, uint64_t iova)
{
    uint64_t entry = fx_mem_peek(&t->mem, entry_at(t, iova, 2));

    return (entry & 3) && !(entry & (0x80 | 1ULL << 62 | 1ULL << 50));
}

/* One change that a driver could make, and what it has to flush for it. */
static Edit random_edit(Tables *t)
{
    uint64_t iova = AREA + (uint64_t)rnd(t->rand, PAGES) * PAGE;
    uint64_t big = iova & ~LG2_MASK(21);
    unsigned n = MIN(1 + rnd(t->rand, rnd(t->rand, 4) ? 16 : 700),
                     (AREA + PAGES * PAGE - iova) / PAGE);
    unsigned kind = rnd(t->rand, 12);

    if (kind == 0) {
        fx_mem_poke(&t->mem, entry_at(t, iova, 2), random_leaf(t, 2));
        return (Edit) { big, big + LG2_MASK(21) };
    }
    if (kind == 1 && !is_table(t, iova)) {
        uint64_t entry = fx_mem_peek(&t->mem, entry_at(t, iova, 2));
        uint64_t table = fx_mem_pages(&t->mem, 1);
        unsigned leaf;

        page_of(t, iova, &leaf);
        /* The same pages in a table, or none: any address in it is enough. */
        for (unsigned i = 0; i < 512 && rnd(t->rand, 600); i++) {
            fx_mem_poke(&t->mem, table + i * 8,
                        ((entry & 0x3fffffe00000ull) + i * PAGE) | FX_RW);
        }
        fx_mem_poke(&t->mem, entry_at(t, iova, 2), table | FX_RW);
        return leaf ? (Edit) { iova, iova + PAGE - 1 }
                    : (Edit) { big, big + LG2_MASK(21) };
    }
    while (n > 1 && !is_table(t, iova + (n - 1) * PAGE)) {
        n /= 2;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!is_table(t, iova + i * PAGE)) {
            n = 0;
        }
    }
    if (kind < 7) {
        write_run(t, iova, n);
    } else if (kind < 9) {
        for (unsigned i = 0; i < n; i++) {
            fx_mem_poke(&t->mem, entry_at(t, iova + i * PAGE, 1), 0);
        }
    } else if (n) {
        n = 1;
        fx_mem_poke(&t->mem, entry_at(t, iova, 1), random_leaf(t, 1));
    }
    return (Edit) { iova, iova + MAX(n, 1) * PAGE - 1 };
}

/* The smallest flush commands that hold the range: 2^AM pages each. */
static void flush(NyxTableShadow *shadow, Tables *t, Consumer *c, Edit e)
{
    unsigned lg2 = 12;

    if (!rnd(t->rand, 20)) {
        sync_range(shadow, t, c, 0, UINT64_MAX);
        return;
    }
    while ((e.first >> lg2) != (e.last >> lg2)) {
        lg2++;
    }
    if (lg2 > 12 && rnd(t->rand, 2)) {
        /* Page by page. */
        for (uint64_t iova = e.first; iova <= e.last; iova += PAGE) {
            sync_range(shadow, t, c, iova, iova + PAGE - 1);
        }
        return;
    }
    sync_range(shadow, t, c, e.first & ~LG2_MASK(lg2),
               e.first | LG2_MASK(lg2));
}

static void compare(Tables *t, const Consumer *c, uint64_t *want)
{
    expectation(t, want);
    for (unsigned i = 0; i < PAGES; i++) {
        FX_CHECK("page", c->page[i], want[i]);
    }
}

/* A mapping that was right before the flush has not been touched by it. */
static void check_untouched(const Consumer *before, const Consumer *c,
                            const uint64_t *want)
{
    for (unsigned i = 0; i < PAGES; ) {
        unsigned n = 1, right = before->page[i] == want[i];

        while (i + n < PAGES && before->page[i + n] && before->page[i] &&
               before->mapping[i + n] == before->mapping[i]) {
            right += before->page[i + n] == want[i + n];
            n++;
        }
        if (before->page[i] && right == n) {
            FX_CHECK("untouched", c->page[i] != 0, true);
            FX_CHECK("untouched", c->mapping[i], before->mapping[i]);
        }
        i += n;
    }
}

static void random_edits(bool coalesce)
{
    Tables *t = tables_new(3);
    g_autofree Consumer *c = g_new0(Consumer, 1);
    g_autofree Consumer *before = g_new0(Consumer, 1);
    g_autofree uint64_t *want = g_new(uint64_t, PAGES);
    NyxTableShadow *shadow = shadow_new(coalesce, 100000);

    write_run(t, AREA, PAGES);
    sync_range(shadow, t, c, 0, UINT64_MAX);
    for (unsigned round = 0; round < 3000; round++) {
        Edit edit = random_edit(t);

        *before = *c;
        flush(shadow, t, c, edit);
        if (round % 10 == 0) {
            compare(t, c, want);
            check_untouched(before, c, want);
            check_remembered(shadow, c);
        }
        if (t->mem.next_page > FX_MEM_SIZE / 2) {
            break;
        }
    }
    compare(t, c, want);
    /* Nothing is left to say. */
    c->maps = c->unmaps = 0;
    sync_range(shadow, t, c, 0, UINT64_MAX);
    FX_CHECK("quiet", c->maps + c->unmaps, 0);
    nyx_table_shadow_free(shadow);
    tables_free(t);
}

static void test_edits(void)
{
    random_edits(true);
}

static void test_edits_apart(void)
{
    random_edits(false);
}

/*
 * Software that flushes what it likes.  A mapping that is announced was in
 * the tables at one time or another; rules hold, and a flush of everything
 * mends all.
 */
static void test_wrong_sequences(void)
{
    Tables *t = tables_new(3);
    g_autofree Consumer *c = g_new0(Consumer, 1);
    g_autofree uint64_t *want = g_new(uint64_t, PAGES);
    GHashTable *justified = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_autofree uint64_t *keys = NULL;
    NyxTableShadow *shadow = shadow_new(true, 100000);
    const unsigned rounds = 150;
    size_t n = 0;

    keys = g_new(uint64_t, (size_t)rounds * PAGES);
    write_run(t, AREA, PAGES);
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t iova = AREA + (uint64_t)rnd(t->rand, PAGES) * PAGE;

        for (unsigned i = 0; i < 20; i++) {
            random_edit(t);
        }
        expectation(t, want);
        for (unsigned i = 0; i < PAGES; i++) {
            /* Page and target in one number: targets have 46 bits. */
            keys[n] = want[i] ^ ((uint64_t)i << 46);
            if (want[i] && !g_hash_table_contains(justified, &keys[n])) {
                g_hash_table_add(justified, &keys[n++]);
            }
        }
        sync_range(shadow, t, c, iova & ~LG2_MASK(12 + rnd(t->rand, 14)),
                   iova | LG2_MASK(12 + rnd(t->rand, 10)));
        for (unsigned i = 0; i < PAGES; i++) {
            uint64_t key = c->page[i] ^ ((uint64_t)i << 46);

            FX_CHECK("justified", !c->page[i] ||
                     g_hash_table_contains(justified, &key), true);
        }
    }
    check_remembered(shadow, c);
    sync_range(shadow, t, c, 0, UINT64_MAX);
    compare(t, c, want);
    g_hash_table_destroy(justified);
    nyx_table_shadow_free(shadow);
    tables_free(t);
}

/* --- By hand -------------------------------------------------------------- */

static void pages(Tables *t, uint64_t iova, unsigned n, uint64_t entry,
                  uint64_t step)
{
    for (unsigned i = 0; i < n; i++) {
        fx_mem_poke(&t->mem, entry_at(t, iova + i * PAGE, 1),
                    entry + i * step);
    }
}

static void expect_events(Consumer *c, const char *row, unsigned maps,
                          unsigned unmaps)
{
    FX_CHECK(row, c->maps, maps);
    FX_CHECK(row, c->unmaps, unmaps);
    c->maps = c->unmaps = 0;
}

static void test_by_hand(void)
{
    Tables *t = tables_new(3);
    g_autofree Consumer *c = g_new0(Consumer, 1);
    NyxTableShadow *shadow = shadow_new(true, 100000);

    pages(t, AREA, 512, 0x200000 | FX_RW, PAGE);
    sync_range(shadow, t, c, AREA, AREA + LG2_MASK(21));
    expect_events(c, "coalesced", 1, 0);
    sync_range(shadow, t, c, AREA + PAGE, AREA + 2 * PAGE - 1);
    expect_events(c, "as it was", 0, 0);

    /* A page in the middle goes; the rest is not walked again. */
    pages(t, AREA, 512, 0, 0);
    sync_range(shadow, t, c, AREA + 256 * PAGE, AREA + 257 * PAGE - 1);
    expect_events(c, "middle", 9, 1);
    FX_CHECK("old address", c->only_addr, 0x200000);
    FX_CHECK("remembered", c->page[255], 0x2ff000 | FX_RW);
    FX_CHECK("gone", c->page[256], 0);
    FX_CHECK("remembered", c->page[257], 0x301000 | FX_RW);
    sync_range(shadow, t, c, AREA, AREA + LG2_MASK(21));
    expect_events(c, "one range", 0, 1);

    /* The last of three blocks reaches out of the range. */
    pages(t, AREA, 2, 0x800000 | FX_RW, 2 * PAGE);
    pages(t, AREA + 2 * PAGE, 2, 0x900000 | FX_RW, PAGE);
    sync_range(shadow, t, c, AREA, AREA + LG2_MASK(21));
    expect_events(c, "three", 3, 0);
    sync_range(shadow, t, c, AREA, AREA + 3 * PAGE - 1);
    expect_events(c, "as they were", 0, 0);
    pages(t, AREA, 4, 0, 0);
    sync_range(shadow, t, c, AREA, AREA + LG2_MASK(21));
    expect_events(c, "three at once", 0, 1);

    /* Scattered pages are each their own; together they go. */
    pages(t, AREA, 512, 0x200000 | FX_RW, 2 * PAGE);
    sync_range(shadow, t, c, AREA, AREA + LG2_MASK(21));
    expect_events(c, "scattered", 512, 0);
    pages(t, AREA, 200, 0, 0);
    pages(t, AREA + 201 * PAGE, 311, 0, 0);
    sync_range(shadow, t, c, AREA, AREA + LG2_MASK(21));
    expect_events(c, "around the one that stays", 0, 2);
    nyx_table_shadow_free(shadow);
    tables_free(t);
}

/* Without coalescing each leaf is a mapping, of its size. */
static void test_apart(void)
{
    Tables *t = tables_new(3);
    g_autofree Consumer *c = g_new0(Consumer, 1);
    NyxTableShadow *shadow = shadow_new(false, 100000);

    pages(t, AREA, 512, 0x200000 | FX_RW, PAGE);
    fx_mem_poke(&t->mem, entry_at(t, AREA + (2 << 20), 2),
                0x400000 | 0x80 | FX_RW);
    fx_mem_poke(&t->mem, entry_at(t, AREA + (4 << 20), 2),
                0x600000 | 0x80 | FX_RW);
    sync_range(shadow, t, c, 0, UINT64_MAX);
    expect_events(c, "each", 514, 0);
    FX_CHECK("largest", c->largest, 21);
    pages(t, AREA + 9 * PAGE, 1, 0, 0);
    sync_range(shadow, t, c, AREA + 9 * PAGE, AREA + 10 * PAGE - 1);
    expect_events(c, "one", 0, 1);
    nyx_table_shadow_free(shadow);
    tables_free(t);
}

/* For who has to learn which memory each of them was. */
static void test_each(void)
{
    Tables *t = tables_new(3);
    g_autofree Consumer *c = g_new0(Consumer, 1);
    NyxTableShadow *shadow = shadow_new(true, 100000);

    for (unsigned each = 0; each < 2; each++) {
        c->each = each;
        pages(t, AREA, 8, 0x200000 | FX_RW, 2 * PAGE);
        pages(t, AREA + 8 * PAGE, 8, 0x300000 | FX_RW, PAGE);
        sync_range(shadow, t, c, AREA, AREA + LG2_MASK(21));
        expect_events(c, "map", 9, 0);
        pages(t, AREA, 16, 0, 0);
        sync_range(shadow, t, c, AREA, AREA + LG2_MASK(21));
        expect_events(c, "unmap", 0, each ? 9 : 1);
        FX_CHECK("the last", c->only_addr, each ? 0x300000 : 0);
    }
    nyx_table_shadow_free(shadow);
    tables_free(t);
}

/* Leaves of one size only make a block, though their pages continue. */
static void test_leaf_sizes(void)
{
    Tables *t = tables_new(3);
    g_autofree Consumer *c = g_new0(Consumer, 1);
    NyxTableShadow *shadow = shadow_new(true, 100000);
    uint64_t table = fx_mem_pages(&t->mem, 1);

    fx_mem_poke(&t->mem, entry_at(t, AREA, 2), 0x1000000 | 0x80 | FX_RW);
    pages(t, AREA + (2 << 20), 512, 0x1200000 | FX_RW, PAGE);
    sync_range(shadow, t, c, 0, UINT64_MAX);
    expect_events(c, "two sizes", 2, 0);

    /* The leaf becomes a table without its page 9: any flush of it does. */
    for (unsigned i = 0; i < 512; i++) {
        fx_mem_poke(&t->mem, table + i * 8,
                    i == 9 ? 0 : (0x1000000 + i * PAGE) | FX_RW);
    }
    fx_mem_poke(&t->mem, entry_at(t, AREA, 2), table | FX_RW);
    sync_range(shadow, t, c, AREA + 77 * PAGE, AREA + 78 * PAGE - 1);
    FX_CHECK("hole", c->page[9], 0);
    FX_CHECK("rest", c->page[8], 0x1008000 | FX_RW);
    FX_CHECK("rest", c->page[511], 0x11ff000 | FX_RW);
    FX_CHECK("neighbour", c->page[512], 0x1200000 | FX_RW);

    /* A new leaf over pages that are right, and one that is not. */
    fx_mem_poke(&t->mem, entry_at(t, AREA, 2), 0x1000000 | 0x80 | FX_RW);
    c->maps = c->unmaps = 0;
    sync_range(shadow, t, c, AREA, AREA + PAGE - 1);
    expect_events(c, "page 9 is back", 1, 0);

    /* The same pages in a table: from now on each is its own. */
    fx_mem_poke(&t->mem, table + 9 * 8, 0x1009000 | FX_RW);
    fx_mem_poke(&t->mem, entry_at(t, AREA, 2), table | FX_RW);
    sync_range(shadow, t, c, AREA, AREA + PAGE - 1);
    expect_events(c, "as it was", 0, 0);
    fx_mem_poke(&t->mem, table + 10 * 8, 0);
    fx_mem_poke(&t->mem, table + 11 * 8, 0);
    sync_range(shadow, t, c, AREA + 10 * PAGE, AREA + 11 * PAGE - 1);
    FX_CHECK("named", c->page[10], 0);
    FX_CHECK("not named", c->page[11], 0x100b000 | FX_RW);
    nyx_table_shadow_free(shadow);
    tables_free(t);
}

/* A table with the pages of a leaf of 2 MiB at @addr, but for one. */
static void table_for_leaf(Tables *t, uint64_t iova, uint64_t addr,
                           unsigned without)
{
    uint64_t table = fx_mem_pages(&t->mem, 1);

    for (unsigned i = 0; i < 512; i++) {
        fx_mem_poke(&t->mem, table + i * 8,
                    i == without ? 0 : (addr + i * PAGE) | FX_RW);
    }
    fx_mem_poke(&t->mem, entry_at(t, iova, 2), table | FX_RW);
}

/* One half of a block gets smaller leaves: the other has large ones still. */
static void test_half(void)
{
    Tables *t = tables_new(3);
    g_autofree Consumer *c = g_new0(Consumer, 1);
    NyxTableShadow *shadow = shadow_new(true, 100000);
    const uint64_t upper = AREA + (2 << 20);

    fx_mem_poke(&t->mem, entry_at(t, AREA, 2), 0x1000000 | 0x80 | FX_RW);
    fx_mem_poke(&t->mem, entry_at(t, upper, 2), 0x1200000 | 0x80 | FX_RW);
    sync_range(shadow, t, c, 0, UINT64_MAX);
    expect_events(c, "one block", 1, 0);
    table_for_leaf(t, AREA, 0x1000000, UINT_MAX);
    sync_range(shadow, t, c, AREA, AREA + PAGE - 1);
    expect_events(c, "as it was", 0, 0);
    table_for_leaf(t, upper, 0x1200000, 9);
    sync_range(shadow, t, c, upper + 77 * PAGE, upper + 78 * PAGE - 1);
    FX_CHECK("gone", c->page[512 + 9], 0);
    FX_CHECK("rest", c->page[512 + 10], 0x120a000 | FX_RW);
    nyx_table_shadow_free(shadow);
    tables_free(t);
}

/* The interrupt range is cut out of a leaf that reaches over it. */
static void test_hole(void)
{
    Tables *t = tables_new(3);
    g_autofree Consumer *c = g_new0(Consumer, 1);
    g_autofree uint64_t *want = g_new(uint64_t, PAGES);
    NyxTableShadow *shadow = shadow_new(true, 100000);

    fx_mem_poke(&t->mem, entry_at(t, AREA, 2), 0xfee00000 | 0x80 | FX_RW);
    sync_range(shadow, t, c, 0, UINT64_MAX);
    FX_CHECK("hole", c->page[255], 0);
    FX_CHECK("above", c->page[256], 0xfef00000 | FX_RW);
    compare(t, c, want);
    /* A page in the hole is one of the leaf. */
    fx_mem_poke(&t->mem, entry_at(t, AREA, 2),
                fx_mem_pages(&t->mem, 1) | FX_RW);
    sync_range(shadow, t, c, AREA + 5 * PAGE, AREA + 6 * PAGE - 1);
    compare(t, c, want);
    FX_CHECK("gone", c->page[256], 0);
    fx_mem_poke(&t->mem, entry_at(t, AREA, 2), 0xfec00000 | 0x80 | FX_RW);
    sync_range(shadow, t, c, AREA + 511 * PAGE, AREA + 512 * PAGE - 1);
    compare(t, c, want);
    fx_mem_poke(&t->mem, entry_at(t, AREA, 2), 0);
    pages(t, AREA, 512, 0xfed80000 | FX_RW, PAGE);
    sync_range(shadow, t, c, 0, UINT64_MAX);
    compare(t, c, want);
    FX_CHECK("both sides", c->page[0x7f] && !c->page[0x80] && !c->page[0x17f] &&
             c->page[0x180], true);
    nyx_table_shadow_free(shadow);
    tables_free(t);
}

/* Bounds: what does not fit is not mapped, and the rest is right. */
static void test_full(void)
{
    Tables *t = tables_new(3);
    g_autofree Consumer *c = g_new0(Consumer, 1);
    NyxTableShadow *shadow = shadow_new(true, 100);
    NyxShadowResult result;

    pages(t, AREA, 100, 0x200000 | FX_RW, 2 * PAGE);
    result = sync_range(shadow, t, c, 0, UINT64_MAX);
    FX_CHECK("fits", result.full, false);
    FX_CHECK("fits", nyx_table_shadow_count(shadow), 100);
    pages(t, AREA + 1000 * PAGE, 100, 0x800000 | FX_RW, 2 * PAGE);
    result = sync_range(shadow, t, c, AREA + 1000 * PAGE,
                        AREA + 1001 * PAGE - 1);
    FX_CHECK("one more", result.full, true);
    FX_CHECK("one more", c->page[1000], 0);
    pages(t, AREA, 1, 0, 0);
    sync_range(shadow, t, c, AREA, AREA + PAGE - 1);
    result = sync_range(shadow, t, c, AREA + 1000 * PAGE,
                        AREA + 1001 * PAGE - 1);
    FX_CHECK("room again", result.full, false);
    FX_CHECK("room again", c->page[1000], 0x800000 | FX_RW);
    result = sync_range(shadow, t, c, 0, UINT64_MAX);
    FX_CHECK("all at once", result.full, true);
    FX_CHECK("all at once", nyx_table_shadow_count(shadow) <= 100, true);
    check_remembered(shadow, c);
    nyx_table_shadow_free(shadow);
    tables_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/shadow/range", test_range);
    g_test_add_func("/shadow/range-limits", test_range_limits);
    g_test_add_func("/shadow/range-wide-leaf", test_range_wide_leaf);
    g_test_add_func("/shadow/range-loop", test_range_loop);
    g_test_add_func("/shadow/by-hand", test_by_hand);
    g_test_add_func("/shadow/apart", test_apart);
    g_test_add_func("/shadow/each", test_each);
    g_test_add_func("/shadow/leaf-sizes", test_leaf_sizes);
    g_test_add_func("/shadow/half", test_half);
    g_test_add_func("/shadow/hole", test_hole);
    g_test_add_func("/shadow/full", test_full);
    g_test_add_func("/shadow/edits", test_edits);
    g_test_add_func("/shadow/edits-apart", test_edits_apart);
    g_test_add_func("/shadow/wrong-sequences", test_wrong_sequences);
    return g_test_run();
}
