/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shadow of mappings that are in no page table: of any size and anywhere,
 * against a consumer with the rules of VFIO.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/shadow.h"
#include "fixture.h"

#define PAGE 4096ull

static uint32_t rnd(GRand *rand, uint32_t n)
{
    return g_rand_int_range(rand, 0, n);
}

/* --- Pieces, and who is told of them -------------------------------------- */

typedef struct Bench {
    GArray *pieces;          /* NyxPiece, in order */
    GArray *blocks;          /* NyxBlock, as they came */
    unsigned maps, unmaps;
    NyxBlock only;           /* of the last UNMAP; lg2 0: of several */
    NyxTableShadow *shadow;
} Bench;

static NyxPiece *piece_at(Bench *b, unsigned i)
{
    return &g_array_index(b->pieces, NyxPiece, i);
}

static bool visit_pieces(void *source, uint64_t first, uint64_t last,
                         NyxPieceVisit *visit, void *opaque)
{
    Bench *b = source;

    for (unsigned i = 0; i < b->pieces->len; i++) {
        const NyxPiece *piece = piece_at(b, i);

        if (piece->last >= first && piece->first <= last &&
            !visit(opaque, piece)) {
            return false;
        }
    }
    return true;
}

static void on_map(void *opaque, const NyxBlock *block)
{
    Bench *b = opaque;

    b->maps++;
    FX_CHECK("aligned", (block->iova | block->addr) &
             MAKE_64BIT_MASK(0, block->lg2), 0);
    for (unsigned i = 0; i < b->blocks->len; i++) {
        const NyxBlock *has = &g_array_index(b->blocks, NyxBlock, i);

        FX_CHECK("double map", nyx_block_last(has) < block->iova ||
                 has->iova > nyx_block_last(block), true);
    }
    g_array_append_vals(b->blocks, block, 1);
}

static void on_unmap(void *opaque, uint64_t first, uint64_t last,
                     const NyxBlock *only)
{
    Bench *b = opaque;
    unsigned gone = 0;

    b->unmaps++;
    b->only = only ? *only : (NyxBlock) { };
    for (unsigned i = 0; i < b->blocks->len; ) {
        const NyxBlock *has = &g_array_index(b->blocks, NyxBlock, i);

        if (nyx_block_last(has) < first || has->iova > last) {
            i++;
            continue;
        }
        FX_CHECK("cut", has->iova < first || nyx_block_last(has) > last,
                 false);
        g_array_remove_index_fast(b->blocks, i);
        gone++;
    }
    FX_CHECK("something", gone > 0, true);
    FX_CHECK("only", only != NULL, gone == 1);
}

static Bench *bench_new(bool coalesce, uint32_t max_blocks)
{
    Bench *b = g_new0(Bench, 1);
    const NyxShadowCfg cfg = {
        .coalesce = coalesce,
        .hole_first = 1,
        .max_blocks = max_blocks,
    };

    b->pieces = g_array_new(FALSE, FALSE, sizeof(NyxPiece));
    b->blocks = g_array_new(FALSE, FALSE, sizeof(NyxBlock));
    b->shadow = nyx_table_shadow_new(&cfg);
    return b;
}

static void bench_free(Bench *b)
{
    nyx_table_shadow_free(b->shadow);
    g_array_free(b->blocks, TRUE);
    g_array_free(b->pieces, TRUE);
    g_free(b);
}

static NyxShadowResult sync_range(Bench *b, uint64_t first, uint64_t last)
{
    const NyxShadowSink sink = { on_unmap, on_map, b, false };

    return nyx_table_shadow_sync_pieces(b->shadow, visit_pieces, b, first,
                                        last, &sink);
}

static void add(Bench *b, uint64_t first, uint64_t last, uint64_t addr,
                uint8_t permission)
{
    const NyxPiece piece = { first, last, addr, permission };
    unsigned i = 0;

    while (i < b->pieces->len && piece_at(b, i)->first < first) {
        i++;
    }
    g_array_insert_val(b->pieces, i, piece);
}

static void del(Bench *b, uint64_t first, uint64_t last)
{
    for (unsigned i = b->pieces->len; i-- > 0; ) {
        if (piece_at(b, i)->first >= first && piece_at(b, i)->last <= last) {
            g_array_remove_index(b->pieces, i);
        }
    }
}

static void expect_events(Bench *b, const char *row, unsigned maps,
                          unsigned unmaps)
{
    FX_CHECK(row, b->maps, maps);
    FX_CHECK(row, b->unmaps, unmaps);
    b->maps = b->unmaps = 0;
}

/* --- Shapes --------------------------------------------------------------- */

static const struct {
    const char *name;
    uint64_t first, last, addr;
    unsigned maps;
} shape_rows[] = {
    { "page", 0x1000, 0x1fff, 0x7000, 1 },
    { "five pages", 0x1000, 0x5fff, 0x1000, 3 },
    { "five pages, odd", 0x1000, 0x5fff, 0x2000, 5 },
    { "2 MiB", 0x200000, 0x3fffff, 0x40000000, 1 },
    { "2 MiB to the wrong place", 0x200000, 0x3fffff, 0x40001000, 512 },
    { "2 MiB beside its place", 0x201000, 0x400fff, 0x201000, 10 },
    { "the last page", 0xfffffffffffff000, UINT64_MAX, 0x3000, 1 },
    { "all but a page", 0x1000, UINT64_MAX, 0x1000, 52 },
    { "all", 0, UINT64_MAX, 0, 2 },
    { "upper half", 1ULL << 63, UINT64_MAX, 0, 1 },
    { "lower half", 0, INT64_MAX, 1ULL << 63, 1 },
};

static void test_shapes(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(shape_rows); i++) {
        for (unsigned coalesce = 0; coalesce < 2; coalesce++) {
            Bench *b = bench_new(coalesce, 10000);
            uint64_t first = shape_rows[i].first, last = shape_rows[i].last;
            uint64_t low, high;

            add(b, first, last, shape_rows[i].addr, NYX_ACCESS_RW);
            sync_range(b, first, last);
            expect_events(b, shape_rows[i].name, shape_rows[i].maps, 0);
            FX_CHECK(shape_rows[i].name,
                     nyx_table_shadow_bounds(b->shadow, &low, &high), true);
            FX_CHECK(shape_rows[i].name, low, first);
            FX_CHECK(shape_rows[i].name, high, last);
            sync_range(b, 0, UINT64_MAX);
            expect_events(b, shape_rows[i].name, 0, 0);
            del(b, 0, UINT64_MAX);
            sync_range(b, first, last);
            expect_events(b, shape_rows[i].name, 0, 1);
            FX_CHECK(shape_rows[i].name, b->only.lg2 != 0,
                     shape_rows[i].maps == 1);
            bench_free(b);
        }
    }
}

/* 512 pieces of a page each that follow each other; all seen at once. */
static void test_coalesce(void)
{
    for (unsigned coalesce = 0; coalesce < 2; coalesce++) {
        Bench *b = bench_new(coalesce, 10000);

        for (unsigned i = 0; i < 512; i++) {
            add(b, 0x200000 + i * PAGE, 0x200000 + i * PAGE + PAGE - 1,
                0x600000 + i * PAGE, NYX_ACCESS_RW);
        }
        sync_range(b, 0, UINT64_MAX);
        expect_events(b, "all", coalesce ? 1 : 512, 0);
        del(b, 0x203000, 0x203fff);
        sync_range(b, 0x203000, 0x203fff);
        expect_events(b, "one goes", coalesce ? 9 : 0, 1);
        FX_CHECK("one goes", b->only.addr, coalesce ? 0x600000 : 0x603000);
        /* What is announced is not merged with what comes later. */
        add(b, 0x203000, 0x203fff, 0x603000, NYX_ACCESS_RW);
        sync_range(b, 0x203000, 0x203fff);
        expect_events(b, "and comes", 1, 0);
        /* Another permission: away and back. */
        piece_at(b, 3)->permission = NYX_ACCESS_READ;
        sync_range(b, 0x203000, 0x203fff);
        expect_events(b, "read only", 1, 1);
        bench_free(b);
    }
}

/* Neighbours that differ in permission, or do not go on, stay apart. */
static void test_neighbours(void)
{
    Bench *b = bench_new(true, 10000);

    add(b, 0x0000, 0x0fff, 0x0000, NYX_ACCESS_RW);
    add(b, 0x1000, 0x1fff, 0x1000, NYX_ACCESS_READ);
    add(b, 0x2000, 0x2fff, 0x8000, NYX_ACCESS_READ);
    add(b, 0x3000, 0x3fff, 0x9000, NYX_ACCESS_READ);
    sync_range(b, 0, UINT64_MAX);
    expect_events(b, "neighbours", 3, 0);
    FX_CHECK("one mapping", g_array_index(b->blocks, NyxBlock, 2).lg2, 13);
    bench_free(b);
}

static void test_full(void)
{
    Bench *b = bench_new(true, 8);
    NyxShadowResult result;
    uint64_t first, last;

    /* Four blocks, and more than another four. */
    add(b, 0x1000, 0x8fff, 0x1000, NYX_ACCESS_RW);
    result = sync_range(b, 0x1000, 0x8fff);
    FX_CHECK("fits", result.full, false);
    add(b, 0x11000, 0x3efff, 0x11000, NYX_ACCESS_RW);
    result = sync_range(b, 0x11000, 0x3efff);
    FX_CHECK("full", result.full, true);
    FX_CHECK("full", nyx_table_shadow_count(b->shadow), 8);
    del(b, 0x11000, 0x3efff);
    result = sync_range(b, 0x11000, 0x3efff);
    FX_CHECK("room again", result.full, false);
    FX_CHECK("room again", nyx_table_shadow_count(b->shadow), 4);
    /* More pieces than blocks: those that come first. */
    del(b, 0, UINT64_MAX);
    for (unsigned i = 0; i < 9; i++) {
        add(b, i * 2 * PAGE, i * 2 * PAGE + PAGE - 1, 0, NYX_ACCESS_READ);
    }
    result = sync_range(b, 0, UINT64_MAX);
    FX_CHECK("too many", result.full, true);
    FX_CHECK("too many", nyx_table_shadow_count(b->shadow), 8);
    FX_CHECK("too many", nyx_table_shadow_bounds(b->shadow, &first, &last),
             true);
    FX_CHECK("too many", last, 14 * PAGE + PAGE - 1);
    bench_free(b);
}

/* --- Random --------------------------------------------------------------- */

/* A small part of the address space, so that neighbours are frequent. */
#define AREA_PAGES 1024u

static void model(Bench *b, uint64_t base, uint64_t *page)
{
    memset(page, 0, AREA_PAGES * sizeof(*page));
    for (unsigned i = 0; i < b->pieces->len; i++) {
        const NyxPiece *piece = piece_at(b, i);
        uint64_t size = piece->last - piece->first + 1;

        for (uint64_t at = 0; at < size; at += PAGE) {
            page[(piece->first - base + at) / PAGE] =
                (piece->addr + at) | piece->permission;
        }
    }
}

static void compare(Bench *b, uint64_t base, uint64_t *page)
{
    model(b, base, page);
    for (unsigned i = 0; i < b->blocks->len; i++) {
        const NyxBlock *block = &g_array_index(b->blocks, NyxBlock, i);

        for (unsigned j = 0; j < 1u << (block->lg2 - 12); j++) {
            unsigned at = (block->iova - base) / PAGE + j;

            FX_CHECK("page", page[at], (block->addr + j * PAGE) |
                     block->permission);
            page[at] = 0;
        }
    }
    for (unsigned i = 0; i < AREA_PAGES; i++) {
        FX_CHECK("left out", page[i], 0);
    }
    FX_CHECK("as many", nyx_table_shadow_count(b->shadow), b->blocks->len);
}

static bool overlaps(Bench *b, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < b->pieces->len; i++) {
        if (piece_at(b, i)->first <= last && piece_at(b, i)->last >= first) {
            return true;
        }
    }
    return false;
}

/* A piece comes, mostly where one would go on; or some go. */
static void random_change(Bench *b, GRand *rand, uint64_t base)
{
    unsigned n = 1 + rnd(rand, rnd(rand, 4) ? 8 : 100);
    uint64_t first = base + (uint64_t)rnd(rand, AREA_PAGES - n) * PAGE;
    uint64_t last = first + n * PAGE - 1;

    if (rnd(rand, 3)) {
        uint64_t addr = first - base + (rnd(rand, 4) ? 0x40000000 : PAGE);

        if (overlaps(b, first, last)) {
            return;
        }
        add(b, first, last, addr,
            rnd(rand, 6) ? NYX_ACCESS_RW : NYX_ACCESS_READ);
    } else {
        /* Whole ones, as software has to name them, with space around. */
        for (unsigned i = 0; i < b->pieces->len; i++) {
            const NyxPiece *piece = piece_at(b, i);

            if (piece->first < first && piece->last >= first) {
                first = piece->first;
            }
            if (piece->first <= last && piece->last > last) {
                last = piece->last;
            }
        }
        del(b, first, last);
    }
    if (!rnd(rand, 50)) {
        first = 0;
        last = UINT64_MAX;
    }
    sync_range(b, first, last);
}

static void random_changes(bool coalesce, uint64_t base)
{
    Bench *b = bench_new(coalesce, 100000);
    const char *given = g_getenv("NYX_SEED");
    uint32_t seed = given ? g_ascii_strtoull(given, NULL, 0) : g_random_int();
    GRand *rand = g_rand_new_with_seed(seed);
    g_autofree uint64_t *page = g_new(uint64_t, AREA_PAGES);

    g_test_message("NYX_SEED=%u", seed);
    for (unsigned round = 0; round < 3000; round++) {
        random_change(b, rand, base);
        if (!rnd(rand, 300)) {
            /* A new consumer: everything at once. */
            g_array_set_size(b->blocks, 0);
            nyx_table_shadow_free(b->shadow);
            b->shadow = nyx_table_shadow_new(&(NyxShadowCfg) {
                .coalesce = coalesce, .hole_first = 1, .max_blocks = 100000,
            });
            sync_range(b, 0, UINT64_MAX);
        }
        compare(b, base, page);
    }
    g_rand_free(rand);
    bench_free(b);
}

static void test_random(void)
{
    random_changes(true, 0x80000000);
    random_changes(true, -(uint64_t)AREA_PAGES * PAGE);
}

static void test_random_apart(void)
{
    random_changes(false, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/shadow-pieces/shapes", test_shapes);
    g_test_add_func("/shadow-pieces/coalesce", test_coalesce);
    g_test_add_func("/shadow-pieces/neighbours", test_neighbours);
    g_test_add_func("/shadow-pieces/full", test_full);
    g_test_add_func("/shadow-pieces/random", test_random);
    g_test_add_func("/shadow-pieces/random-apart", test_random_apart);
    return g_test_run();
}
