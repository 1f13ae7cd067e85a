/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The set of mappings of a domain, case by case; test-vio-mappings-random.c
 * has the rest.
 */
#include "qemu/osdep.h"
#include "hw/virtio-iommu-ext/mappings.h"
#include "fixture.h"

#define PAGE 4096ull
#define RW 3

#define MAP(first_, last_, addr_)                                           \
    (&(NyxVioRun) { .first = (first_), .last = (last_), .addr = (addr_),    \
                    .unit = (uint64_t)(last_) - (first_) + 1, .flags = RW })

/* Page @page to page @to. */
#define MAP_PAGE(page, to)                                                  \
    MAP((page) * PAGE, (page) * PAGE + PAGE - 1, (to) * PAGE)

static bool add_page(NyxVioMappings *m, uint64_t page, uint64_t to)
{
    return nyx_vio_mappings_add(m, MAP_PAGE(page, to));
}

/* How many were removed, or -1. */
static int64_t remove_range(NyxVioMappings *m, uint64_t first, uint64_t last)
{
    uint64_t n = 12345;

    return nyx_vio_mappings_remove(m, first, last, &n) ? (int64_t)n : -1;
}

static int64_t remove_pages(NyxVioMappings *m, uint64_t first, uint64_t last)
{
    return remove_range(m, first * PAGE, last * PAGE + PAGE - 1);
}

/* Where @iova goes to, or all ones. */
static uint64_t goes_to(const NyxVioMappings *m, uint64_t iova)
{
    NyxVioRun run;

    if (!nyx_vio_mappings_lookup(m, iova, &run)) {
        return UINT64_MAX;
    }
    FX_CHECK("in run", run.first <= iova && iova <= run.last, true);
    FX_CHECK("flags", run.flags, RW);
    return run.addr + (iova - run.first);
}

static void check_empty(const char *row, NyxVioMappings *m)
{
    FX_CHECK(row, m->count, 0);
    FX_CHECK(row, m->runs, 0);
    FX_CHECK(row, m->bytes, 0);
    FX_CHECK(row, m->root == NULL, true);
    FX_CHECK(row, nyx_vio_mappings_overlaps(m, 0, UINT64_MAX), false);
    FX_CHECK(row, goes_to(m, 0), UINT64_MAX);
}

/* All runs, as an array. */
static bool collect_run(void *opaque, const NyxVioRun *run)
{
    g_array_append_val((GArray *)opaque, *run);
    return true;
}

static GArray *runs_of(const NyxVioMappings *m)
{
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(NyxVioRun));

    nyx_vio_mappings_foreach(m, 0, UINT64_MAX, collect_run, runs);
    return runs;
}

static void check_runs_equal(const char *row, const NyxVioMappings *m,
                             const GArray *want)
{
    g_autoptr(GArray) got = runs_of(m);

    FX_CHECK(row, got->len, want->len);
    for (unsigned i = 0; i < MIN(got->len, want->len); i++) {
        const NyxVioRun *a = &g_array_index(got, NyxVioRun, i);
        const NyxVioRun *b = &g_array_index(want, NyxVioRun, i);

        FX_CHECK(row, a->first, b->first);
        FX_CHECK(row, a->last, b->last);
        FX_CHECK(row, a->addr, b->addr);
        FX_CHECK(row, a->unit, b->unit);
        FX_CHECK(row, a->flags, b->flags);
    }
}

/* --- 5.13.6.6: UNMAP requests -------------------------------------------- */

typedef struct UnmapRow {
    const char *name;
    unsigned n_before;
    uint64_t before[2][2];
    uint64_t unmap[2];
    int64_t removed;         /* -1: refused */
    unsigned n_left;
    uint64_t left[2][2];
} UnmapRow;

static const UnmapRow unmap_rows[] = {
    { "nothing", 0, { }, { 0, 4 }, 0, 0, { } },
    { "all", 1, { { 0, 9 } }, { 0, 9 }, 1, 0, { } },
    { "two", 2, { { 0, 4 }, { 5, 9 } }, { 0, 9 }, 2, 0, { } },
    { "part", 1, { { 0, 9 } }, { 0, 4 }, -1, 1, { { 0, 9 } } },
    { "upper part", 1, { { 0, 9 } }, { 5, 9 }, -1, 1, { { 0, 9 } } },
    { "inside", 1, { { 0, 9 } }, { 2, 6 }, -1, 1, { { 0, 9 } } },
    { "first of two", 2, { { 0, 4 }, { 5, 9 } }, { 0, 4 }, 1, 1,
      { { 5, 9 } } },
    { "second of two", 2, { { 0, 4 }, { 5, 9 } }, { 5, 9 }, 1, 1,
      { { 0, 4 } } },
    { "more than there is", 1, { { 0, 4 } }, { 0, 9 }, 1, 0, { } },
    { "hole", 2, { { 0, 4 }, { 10, 14 } }, { 0, 14 }, 2, 0, { } },
    { "in the hole", 2, { { 0, 4 }, { 10, 14 } }, { 5, 9 }, 0, 2,
      { { 0, 4 }, { 10, 14 } } },
    { "one and a half", 2, { { 0, 4 }, { 5, 9 } }, { 0, 7 }, -1, 2,
      { { 0, 4 }, { 5, 9 } } },
    { "half and one", 2, { { 0, 4 }, { 5, 9 } }, { 2, 9 }, -1, 2,
      { { 0, 4 }, { 5, 9 } } },
    { "two halves", 2, { { 0, 4 }, { 5, 9 } }, { 2, 7 }, -1, 2,
      { { 0, 4 }, { 5, 9 } } },
};

/* A unit of the table is @scale bytes, from @base on. */
static void check_unmap_row(const UnmapRow *row, uint64_t base, uint64_t scale,
                            bool joined)
{
    NyxVioMappings m;
    unsigned there = 0;

    nyx_vio_mappings_init(&m);
    for (unsigned i = 0; i < row->n_before; i++) {
        uint64_t first = base + row->before[i][0] * scale;
        uint64_t last = base + row->before[i][1] * scale + (scale - 1);
        uint64_t addr = joined ? row->before[i][0] * scale : PAGE * 16 * i;

        FX_CHECK(row->name, nyx_vio_mappings_add(&m, MAP(first, last, addr)),
                 true);
    }
    FX_CHECK(row->name,
             remove_range(&m, base + row->unmap[0] * scale,
                          base + row->unmap[1] * scale + (scale - 1)),
             row->removed);
    FX_CHECK(row->name, m.count, row->n_left);
    for (unsigned i = 0; i < 16; i++) {
        bool want = false;

        for (unsigned j = 0; j < row->n_left; j++) {
            want |= i >= row->left[j][0] && i <= row->left[j][1];
        }
        there += want;
        FX_CHECK(row->name, goes_to(&m, base + i * scale) != UINT64_MAX, want);
        FX_CHECK(row->name,
                 goes_to(&m, base + i * scale + (scale - 1)) != UINT64_MAX,
                 want);
    }
    if (!there) {
        check_empty(row->name, &m);
    }
    nyx_vio_mappings_clear(&m);
    check_empty(row->name, &m);
}

static void test_unmap_table(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(unmap_rows); i++) {
        const UnmapRow *row = &unmap_rows[i];

        check_unmap_row(row, 0, 1, false);
        check_unmap_row(row, 0, PAGE, false);
        check_unmap_row(row, 0, PAGE, true);
        check_unmap_row(row, PAGE * 1000, PAGE, true);
        check_unmap_row(row, -(PAGE * 16), PAGE, false);
        check_unmap_row(row, -(PAGE * 16), PAGE, true);
    }
}

/* --- Edges --------------------------------------------------------------- */

static void test_run_count(void)
{
    static const struct {
        const char *name;
        NyxVioRun run;
        uint64_t count;
    } rows[] = {
        { "byte", { 0, 0, 0, 1, RW }, 1 },
        { "bytes", { 5, 9, 0, 1, RW }, 5 },
        { "page", { 0x1000, 0x1fff, 0, 0x1000, RW }, 1 },
        { "pages", { 0x1000, 0x8fff, 0, 0x1000, RW }, 8 },
        { "odd", { 0x1000, 0x9fff, 0, 0x3000, RW }, 3 },
        { "top", { 0xfffffffffffff000, 0xffffffffffffffff, 0, 0x1000, RW }, 1 },
        { "halves", { 0, 0xffffffffffffffff, 0, 0x8000000000000000, RW }, 2 },
        { "all pages", { 0, 0xffffffffffffffff, 0, 0x1000, RW },
          0x10000000000000 },
        { "all", { 0, 0xffffffffffffffff, 0, 0, RW }, 1 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        FX_CHECK(rows[i].name, nyx_vio_run_count(&rows[i].run),
                 rows[i].count);
    }
}

static void test_whole_space(void)
{
    NyxVioMappings m;
    NyxVioRun run;

    nyx_vio_mappings_init(&m);
    FX_CHECK(NULL, nyx_vio_mappings_add(&m, MAP(0, UINT64_MAX, 0)), true);
    FX_CHECK(NULL, m.count, 1);
    FX_CHECK(NULL, goes_to(&m, 0), 0);
    FX_CHECK(NULL, goes_to(&m, UINT64_MAX - 1), UINT64_MAX - 1);
    FX_CHECK(NULL, nyx_vio_mappings_lookup(&m, UINT64_MAX, &run), true);
    FX_CHECK(NULL, run.first, 0);
    FX_CHECK(NULL, run.last, UINT64_MAX);
    FX_CHECK(NULL, run.unit, 0);
    FX_CHECK(NULL, nyx_vio_mappings_extent(&m, 5, &run), true);
    FX_CHECK(NULL, run.last, UINT64_MAX);
    FX_CHECK(NULL, nyx_vio_mappings_add(&m, MAP(0, UINT64_MAX, 0)), false);
    FX_CHECK(NULL, add_page(&m, 7, 7), false);
    FX_CHECK(NULL, remove_range(&m, 0, UINT64_MAX - 1), -1);
    FX_CHECK(NULL, remove_range(&m, 1, UINT64_MAX), -1);
    FX_CHECK(NULL, remove_range(&m, PAGE, 2 * PAGE - 1), -1);
    FX_CHECK(NULL, remove_range(&m, 0, 0), -1);
    FX_CHECK(NULL, remove_range(&m, UINT64_MAX, UINT64_MAX), -1);
    FX_CHECK(NULL, m.count, 1);
    FX_CHECK(NULL, remove_range(&m, 0, UINT64_MAX), 1);
    check_empty("whole", &m);

    /* Two halves are one run, and all of it goes at once or by halves. */
    FX_CHECK(NULL, nyx_vio_mappings_add(&m, MAP(1ull << 63, UINT64_MAX,
                                                1ull << 63)), true);
    FX_CHECK(NULL, nyx_vio_mappings_add(&m, MAP(0, (1ull << 63) - 1, 0)),
             true);
    FX_CHECK(NULL, m.count, 2);
    FX_CHECK(NULL, m.runs, 1);
    FX_CHECK(NULL, remove_range(&m, 0, UINT64_MAX - PAGE), -1);
    FX_CHECK(NULL, remove_range(&m, 0, (1ull << 63) - 1), 1);
    FX_CHECK(NULL, goes_to(&m, (1ull << 63) - 1), UINT64_MAX);
    FX_CHECK(NULL, goes_to(&m, 1ull << 63), 1ull << 63);
    FX_CHECK(NULL, remove_range(&m, 0, UINT64_MAX), 1);
    check_empty("halves", &m);
}

static void test_edges(void)
{
    const uint64_t top = UINT64_MAX - PAGE + 1;
    NyxVioMappings m;

    nyx_vio_mappings_init(&m);
    FX_CHECK("empty", remove_range(&m, 0, UINT64_MAX), 0);
    check_empty("empty", &m);
    FX_CHECK("top", nyx_vio_mappings_add(&m, MAP(top, UINT64_MAX, PAGE)),
             true);
    FX_CHECK("bottom", nyx_vio_mappings_add(&m, MAP(0, PAGE - 1, 0)), true);
    FX_CHECK("bottom", goes_to(&m, 0), 0);
    FX_CHECK("bottom", goes_to(&m, PAGE - 1), PAGE - 1);
    FX_CHECK("behind", goes_to(&m, PAGE), UINT64_MAX);
    FX_CHECK("before", goes_to(&m, top - 1), UINT64_MAX);
    FX_CHECK("top", goes_to(&m, top), PAGE);
    FX_CHECK("top", goes_to(&m, UINT64_MAX), 2 * PAGE - 1);
    FX_CHECK("between", nyx_vio_mappings_overlaps(&m, PAGE, top - 1), false);
    FX_CHECK("low", nyx_vio_mappings_overlaps(&m, PAGE - 1, top - 1), true);
    FX_CHECK("high", nyx_vio_mappings_overlaps(&m, PAGE, top), true);
    FX_CHECK("all", nyx_vio_mappings_overlaps(&m, 0, UINT64_MAX), true);
    /* They touch only if the end of the space is taken for its start. */
    FX_CHECK("apart", m.runs, 2);
    FX_CHECK("between", remove_range(&m, PAGE, top - 1), 0);
    FX_CHECK("cut", remove_range(&m, PAGE - 1, top - 1), -1);
    FX_CHECK("cut", remove_range(&m, PAGE, top), -1);
    FX_CHECK("cut", remove_range(&m, 0, UINT64_MAX - 1), -1);
    FX_CHECK("top", remove_range(&m, PAGE, UINT64_MAX), 1);
    FX_CHECK("bottom", remove_range(&m, 0, PAGE - 1), 1);
    check_empty("edges", &m);

    /* Single bytes at both ends. */
    FX_CHECK("byte", nyx_vio_mappings_add(&m, MAP(UINT64_MAX, UINT64_MAX, 0)),
             true);
    FX_CHECK("byte", nyx_vio_mappings_add(&m, MAP(0, 0, 0)), true);
    FX_CHECK("byte", nyx_vio_mappings_add(&m, MAP(UINT64_MAX, UINT64_MAX, 0)),
             false);
    FX_CHECK("byte", goes_to(&m, UINT64_MAX), 0);
    FX_CHECK("byte", goes_to(&m, UINT64_MAX - 1), UINT64_MAX);
    FX_CHECK("byte", goes_to(&m, 1), UINT64_MAX);
    FX_CHECK("byte", remove_range(&m, 1, UINT64_MAX), 1);
    FX_CHECK("byte", remove_range(&m, 0, UINT64_MAX), 1);
    check_empty("bytes", &m);
}

/* QEMU's own device translates the byte before a mapping. */
static void test_bytes_beside(void)
{
    NyxVioMappings m;

    nyx_vio_mappings_init(&m);
    add_page(&m, 10, 50);
    add_page(&m, 11, 70);
    add_page(&m, 13, 90);
    FX_CHECK(NULL, goes_to(&m, 10 * PAGE - 1), UINT64_MAX);
    FX_CHECK(NULL, goes_to(&m, 10 * PAGE), 50 * PAGE);
    FX_CHECK(NULL, goes_to(&m, 11 * PAGE - 1), 51 * PAGE - 1);
    FX_CHECK(NULL, goes_to(&m, 11 * PAGE), 70 * PAGE);
    FX_CHECK(NULL, goes_to(&m, 12 * PAGE - 1), 71 * PAGE - 1);
    FX_CHECK(NULL, goes_to(&m, 12 * PAGE), UINT64_MAX);
    FX_CHECK(NULL, goes_to(&m, 13 * PAGE - 1), UINT64_MAX);
    FX_CHECK(NULL, goes_to(&m, 13 * PAGE), 90 * PAGE);
    FX_CHECK(NULL, nyx_vio_mappings_overlaps(&m, 0, 10 * PAGE - 1), false);
    FX_CHECK(NULL, nyx_vio_mappings_overlaps(&m, 0, 10 * PAGE), true);
    FX_CHECK(NULL, nyx_vio_mappings_overlaps(&m, 12 * PAGE, 13 * PAGE - 1),
             false);
    FX_CHECK(NULL, nyx_vio_mappings_overlaps(&m, 12 * PAGE - 1,
                                             12 * PAGE - 1), true);
    nyx_vio_mappings_clear(&m);
}

/* --- Runs ---------------------------------------------------------------- */

#define JOIN_PAGES 6

/* All orders of the pages, one after the other: Heap's algorithm. */
static void each_order(unsigned *order, unsigned n,
                       void (*visit)(const unsigned *order))
{
    if (n == 1) {
        visit(order);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned other = n % 2 ? 0 : i, was;

        each_order(order, n - 1, visit);
        was = order[other];
        order[other] = order[n - 1];
        order[n - 1] = was;
    }
}

static void check_join_order(const unsigned *order)
{
    NyxVioMappings m;
    unsigned there = 0;

    nyx_vio_mappings_init(&m);
    for (unsigned i = 0; i < JOIN_PAGES; i++) {
        unsigned starts;

        FX_CHECK(NULL, add_page(&m, 100 + order[i], 200 + order[i]), true);
        there |= 1u << order[i];
        /* Each run of ones starts where the bit before is clear. */
        starts = there & ~(there << 1);
        FX_CHECK("runs", m.runs, __builtin_popcount(starts));
        FX_CHECK("count", m.count, i + 1);
        for (unsigned page = 0; page < JOIN_PAGES; page++) {
            FX_CHECK("page", goes_to(&m, (100 + page) * PAGE + 5),
                     there >> page & 1 ? (200 + page) * PAGE + 5
                                       : UINT64_MAX);
        }
    }
    /* And away, in another order. */
    for (unsigned i = 0; i < JOIN_PAGES; i++) {
        unsigned page = order[(i * 5 + 3) % JOIN_PAGES];

        FX_CHECK(NULL, remove_pages(&m, 100 + page, 100 + page), 1);
        there &= ~(1u << page);
        FX_CHECK("runs", m.runs, __builtin_popcount(there & ~(there << 1)));
        for (unsigned other = 0; other < JOIN_PAGES; other++) {
            FX_CHECK("page", goes_to(&m, (100 + other) * PAGE + 5),
                     there >> other & 1 ? (200 + other) * PAGE + 5
                                        : UINT64_MAX);
        }
    }
    check_empty("order", &m);
}

static void test_join_orders(void)
{
    unsigned order[JOIN_PAGES];

    for (unsigned i = 0; i < JOIN_PAGES; i++) {
        order[i] = i;
    }
    each_order(order, JOIN_PAGES, check_join_order);
}

static void test_join_refused(void)
{
    static const struct {
        const char *name;
        NyxVioRun other;
        unsigned runs;
    } rows[] = {
        { "goes on", { 0x11000, 0x11fff, 0x81000, 0x1000, RW }, 1 },
        { "comes before", { 0xf000, 0xffff, 0x7f000, 0x1000, RW }, 1 },
        { "other address", { 0x11000, 0x11fff, 0x82000, 0x1000, RW }, 2 },
        { "same address", { 0x11000, 0x11fff, 0x80000, 0x1000, RW }, 2 },
        { "other flags", { 0x11000, 0x11fff, 0x81000, 0x1000, 1 }, 2 },
        { "highest flag", { 0x11000, 0x11fff, 0x81000, 0x1000, 0x803 }, 2 },
        { "larger", { 0x11000, 0x12fff, 0x81000, 0x2000, RW }, 2 },
        { "two at once", { 0x11000, 0x12fff, 0x81000, 0x1000, RW }, 1 },
        { "gap", { 0x12000, 0x12fff, 0x82000, 0x1000, RW }, 2 },
        { "address before", { 0xf000, 0xffff, 0x81000, 0x1000, RW }, 2 },
        { "flags before", { 0xf000, 0xffff, 0x7f000, 0x1000, 2 }, 2 },
        { "larger before", { 0xe000, 0xffff, 0x7e000, 0x2000, RW }, 2 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const NyxVioRun *other = &rows[i].other;
        NyxVioMappings m;
        NyxVioRun run;

        nyx_vio_mappings_init(&m);
        FX_CHECK(rows[i].name, add_page(&m, 0x10, 0x80), true);
        FX_CHECK(rows[i].name, nyx_vio_mappings_add(&m, other), true);
        FX_CHECK(rows[i].name, m.runs, rows[i].runs);
        FX_CHECK(rows[i].name, m.count, 1 + nyx_vio_run_count(other));
        nyx_vio_mappings_lookup(&m, other->first, &run);
        FX_CHECK(rows[i].name, run.flags, other->flags);
        FX_CHECK(rows[i].name, run.addr + (other->first - run.first),
                 other->addr);
        FX_CHECK(rows[i].name, goes_to(&m, 0x10000), 0x80000);
        nyx_vio_mappings_clear(&m);
    }
}

/* What goes on behind the end of physical addresses is another place. */
static void test_join_wrap(void)
{
    const uint64_t top = UINT64_MAX - PAGE + 1;
    NyxVioMappings m;
    NyxVioRun run;

    nyx_vio_mappings_init(&m);
    nyx_vio_mappings_add(&m, MAP(PAGE, 2 * PAGE - 1, top));
    nyx_vio_mappings_add(&m, MAP(2 * PAGE, 3 * PAGE - 1, 0));
    FX_CHECK(NULL, m.runs, 2);
    FX_CHECK(NULL, nyx_vio_mappings_extent(&m, PAGE, &run), true);
    FX_CHECK(NULL, run.last, 2 * PAGE - 1);
    FX_CHECK(NULL, nyx_vio_mappings_extent(&m, 2 * PAGE, &run), true);
    FX_CHECK(NULL, run.first, 2 * PAGE);
    FX_CHECK(NULL, run.addr, 0);
    nyx_vio_mappings_clear(&m);
}

/* Every part of a run of @n mappings of @unit bytes, and every other cut. */
static void check_splits(unsigned n, uint64_t unit)
{
    const uint64_t base = 0x40000, end = base + n * unit;
    const int64_t jitter[] = { -1, 0, 1, (int64_t)unit / 2 };

    for (unsigned i = 0; i < n * n * 16; i++) {
        uint64_t first = base + i / 16 / n * unit + jitter[i % 4];
        uint64_t last = base + (i / 16 % n + 1) * unit - 1 + jitter[i / 4 % 4];
        bool cut = (first > base && (first - base) % unit) ||
                   (last + 1 < end && (last + 1 - base) % unit);
        uint64_t from = first > base ? (first - base) / unit : 0;
        uint64_t to = last + 1 < end ? (last + 1 - base) / unit : n;
        NyxVioMappings m;
        NyxVioRun run;

        if (first > last) {
            continue;
        }
        nyx_vio_mappings_init(&m);
        nyx_vio_mappings_add(&m, &(NyxVioRun) { base, end - 1, 0x900000,
                                                unit, RW });
        FX_CHECK("split", remove_range(&m, first, last),
                 cut ? -1 : (int64_t)(to - from));
        if (cut) {
            from = to = 0;
        }
        FX_CHECK("left", m.count, n - (to - from));
        FX_CHECK("runs", m.runs, from == to ? 1 : (from > 0) + (to < n));
        for (unsigned j = 0; j < n; j++) {
            uint64_t iova = base + j * unit;
            bool gone = j >= from && j < to;

            FX_CHECK("first", goes_to(&m, iova),
                     gone ? UINT64_MAX : 0x900000 + j * unit);
            FX_CHECK("last", goes_to(&m, iova + unit - 1),
                     gone ? UINT64_MAX : 0x900000 + (j + 1) * unit - 1);
            FX_CHECK("unit", !gone && nyx_vio_mappings_lookup(&m, iova, &run)
                             ? run.unit : unit, unit);
        }
        nyx_vio_mappings_clear(&m);
    }
}

static void test_splits(void)
{
    check_splits(1, PAGE);
    check_splits(2, PAGE);
    check_splits(6, PAGE);
    check_splits(5, 3 * PAGE);
    check_splits(4, 1ull << 30);
}

/* A long chain is one run, whichever way it was made. */
static void test_chain(void)
{
    NyxVioMappings m;
    const unsigned n = 100000;
    uint64_t bytes;

    nyx_vio_mappings_init(&m);
    add_page(&m, 0, 0);
    bytes = m.bytes;
    for (unsigned i = 1; i < n; i++) {
        FX_CHECK("up", add_page(&m, i, i), true);
    }
    FX_CHECK("up", m.runs, 1);
    FX_CHECK("up", m.count, n);
    FX_CHECK("up", m.bytes, bytes);
    FX_CHECK("up", remove_pages(&m, 0, n - 1), n);
    for (unsigned i = n; i--; ) {
        FX_CHECK("down", add_page(&m, i, i), true);
    }
    FX_CHECK("down", m.runs, 1);
    FX_CHECK("down", m.count, n);
    FX_CHECK("down", m.bytes, bytes);
    /* Every second goes, so that it is cut and cut again, and comes back. */
    for (unsigned i = 1; i < n; i += 2) {
        FX_CHECK("cut", remove_pages(&m, i, i), 1);
    }
    FX_CHECK("cut", m.runs, n / 2);
    FX_CHECK("cut", m.count, n / 2);
    for (unsigned i = 0; i < n; i += 997) {
        FX_CHECK("cut", goes_to(&m, i * PAGE), i % 2 ? UINT64_MAX : i * PAGE);
    }
    for (unsigned i = 1; i < n; i += 2) {
        /* 7919 is a prime: all odd ones, far from each other. */
        unsigned page = 1 + 2 * (i / 2 * 7919ull % (n / 2));

        FX_CHECK("mend", add_page(&m, page, page), true);
    }
    FX_CHECK("mend", m.runs, 1);
    FX_CHECK("mend", m.count, n);
    FX_CHECK("mend", m.bytes, bytes);
    nyx_vio_mappings_clear(&m);
    check_empty("chain", &m);
}

/* --- Refusals ------------------------------------------------------------ */

static void test_refusal(void)
{
    NyxVioMappings m;
    g_autoptr(GArray) before = NULL;
    NyxVioMappings was;

    nyx_vio_mappings_init(&m);
    /* Pairs of pages, pages of their own, and chains. */
    for (unsigned i = 0; i < 3000; i++) {
        nyx_vio_mappings_add(&m, MAP(i * 8 * PAGE, (i * 8 + 2) * PAGE - 1,
                                     i * 64 * PAGE));
        add_page(&m, i * 8 + 3, i * 64 + 20);
        add_page(&m, i * 8 + 4, i * 64 + 21);
        add_page(&m, i * 8 + 5, i * 64 + 31);
    }
    before = runs_of(&m);
    was = m;
    for (unsigned i = 0; i < 3000; i += 13) {
        uint64_t base = i * 8 * PAGE;

        FX_CHECK("add", add_page(&m, i * 8, 0), false);
        FX_CHECK("add", add_page(&m, i * 8 + 1, 0), false);
        FX_CHECK("add", add_page(&m, i * 8 + 3, i * 64 + 20), false);
        FX_CHECK("add", nyx_vio_mappings_add(&m, MAP(base, UINT64_MAX, 0)),
                 false);
        FX_CHECK("add", nyx_vio_mappings_add(&m, MAP(0, base, 0)), false);
        FX_CHECK("add", nyx_vio_mappings_add(&m, MAP(base + 2 * PAGE,
                                                     base + 4 * PAGE - 1, 0)),
                 false);
        FX_CHECK("add", nyx_vio_mappings_add(&m, MAP(base + 6 * PAGE,
                                                     base + 9 * PAGE - 1, 0)),
                 i == 2999);
        FX_CHECK("end", remove_range(&m, 0, base), -1);
        FX_CHECK("end", remove_range(&m, 0, base + PAGE - 1), -1);
        FX_CHECK("end", remove_range(&m, 0, base + 5 * PAGE - 2), -1);
        FX_CHECK("start", remove_range(&m, base + PAGE, UINT64_MAX), -1);
        FX_CHECK("start", remove_range(&m, base + 1, UINT64_MAX), -1);
        FX_CHECK("start", remove_range(&m, base + 3 * PAGE + 1, UINT64_MAX),
                 -1);
        FX_CHECK("both", remove_range(&m, base + 1, base + 2 * PAGE - 2), -1);
    }
    /* By one byte, wherever a node begins. */
    for (unsigned i = 1; i < 3000; i++) {
        uint64_t base = i * 8 * PAGE;

        FX_CHECK("last byte", nyx_vio_mappings_add(&m, MAP(base - PAGE, base,
                                                           0)), false);
        FX_CHECK("first byte",
                 nyx_vio_mappings_add(&m, MAP(base - 2 * PAGE - 1,
                                              base - PAGE - 1, 0)), false);
        FX_CHECK("last byte", remove_range(&m, base - 3 * PAGE, base), -1);
        FX_CHECK("first byte", remove_range(&m, base - 2 * PAGE - 1,
                                            base - PAGE), -1);
        FX_CHECK("last byte", nyx_vio_mappings_overlaps(&m, base - PAGE,
                                                        base), true);
    }
    FX_CHECK("count", m.count, was.count);
    FX_CHECK("runs", m.runs, was.runs);
    FX_CHECK("bytes", m.bytes, was.bytes);
    check_runs_equal("refusal", &m, before);
    nyx_vio_mappings_clear(&m);
}

/* Whole nodes go at once, and all of the hole can be used again. */
static void test_holes(void)
{
    const unsigned n = 20000;
    NyxVioMappings m;

    nyx_vio_mappings_init(&m);
    for (unsigned i = 0; i < n; i++) {
        add_page(&m, 2 * i, 2 * i);
    }
    for (unsigned i = 0; i < n; i += 29) {
        unsigned len = MIN(40 + i % 4200, n - i);
        uint64_t first = 2 * i * PAGE, last = first + (2 * len - 1) * PAGE - 1;

        FX_CHECK("gone", remove_range(&m, first, last), len);
        FX_CHECK("free", nyx_vio_mappings_overlaps(&m, first, last), false);
        FX_CHECK("hole", nyx_vio_mappings_add(&m, MAP(first, last, first)),
                 true);
        FX_CHECK("hole", goes_to(&m, first), first);
        FX_CHECK("hole", goes_to(&m, last), last);
        FX_CHECK("before", goes_to(&m, first - PAGE), UINT64_MAX);
        FX_CHECK("behind", goes_to(&m, last + PAGE), UINT64_MAX);
        FX_CHECK("count", m.count, n - len + 1);
        FX_CHECK("hole", remove_range(&m, first, last), 1);
        for (unsigned j = i; j < i + len; j++) {
            add_page(&m, 2 * j, 2 * j);
        }
        FX_CHECK("runs", m.runs, n);
    }
    nyx_vio_mappings_clear(&m);
    check_empty("holes", &m);
}

/* --- Memory -------------------------------------------------------------- */

typedef enum { UP, DOWN, MIXED } Order;

static const char *const order_name[] = { "up", "down", "mixed" };

/* Every second page, so that none joins another. */
static uint64_t page_of(Order order, unsigned i, unsigned n)
{
    return 2 * (order == UP ? i : order == DOWN ? n - 1 - i : i * 7919ull % n);
}

static void test_memory(void)
{
    const unsigned n = 200000;
    NyxVioMappings m;

    nyx_vio_mappings_init(&m);
    for (Order in = UP; in <= MIXED; in++) {
        for (Order out = UP; out <= MIXED; out++) {
            const char *row = order_name[in];
            uint64_t node = 0;

            for (unsigned i = 0; i < n; i++) {
                uint64_t page = page_of(in, i, n);

                FX_CHECK(row, add_page(&m, page, page), true);
                node = i ? node : m.bytes;
            }
            FX_CHECK(row, m.runs, n);
            /* A run takes 32 bytes; those that come in order fill nodes. */
            FX_CHECK(row, m.bytes <= n * (in == MIXED ? 64ull : 35), true);
            for (unsigned i = 0; i < n; i++) {
                uint64_t page = page_of(out, i, n);

                FX_CHECK(row, remove_pages(&m, page, page), 1);
                /* What is left may be spread out; still, 7/16 are in use. */
                FX_CHECK(order_name[out],
                         m.bytes <= (n - i) * 80ull + 8 * node, true);
            }
            check_empty(row, &m);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        add_page(&m, page_of(MIXED, i, n), 0);
    }
    FX_CHECK("at once", remove_range(&m, 0, UINT64_MAX), n);
    check_empty("at once", &m);
    for (unsigned i = 0; i < n; i++) {
        add_page(&m, page_of(MIXED, i, n), 0);
    }
    nyx_vio_mappings_clear(&m);
    check_empty("clear", &m);
}

/* A few mappings that come and go do not take more and more. */
static void test_churn(void)
{
    const unsigned ring = 500;
    NyxVioMappings m;
    uint64_t most = 0;

    nyx_vio_mappings_init(&m);
    for (unsigned i = 0; i < 300000; i++) {
        uint64_t page = 2 * (i * 7919ull % 100003);

        FX_CHECK("add", add_page(&m, page, i), true);
        if (i >= ring) {
            page = 2 * ((i - ring) * 7919ull % 100003);
            FX_CHECK("remove", remove_pages(&m, page, page), 1);
        }
        most = MAX(most, m.bytes);
    }
    FX_CHECK("count", m.count, ring);
    FX_CHECK("bounded", most <= ring * 96, true);
    FX_CHECK("rest", remove_range(&m, 0, UINT64_MAX), ring);
    check_empty("churn", &m);
}

/* --- Visits and extents -------------------------------------------------- */

typedef struct Visits {
    unsigned n;
    unsigned stop_after;
    uint64_t next_page;
} Visits;

static bool visit_run(void *opaque, const NyxVioRun *run)
{
    Visits *v = opaque;

    FX_CHECK("in order", run->first, v->next_page * PAGE);
    FX_CHECK("whole", run->last, v->next_page * PAGE + 2 * PAGE - 1);
    FX_CHECK("unit", run->unit, PAGE);
    v->next_page += 3;
    return ++v->n != v->stop_after;
}

static void check_visits(const char *row, const NyxVioMappings *m,
                         uint64_t first, uint64_t last, Visits v,
                         unsigned want)
{
    nyx_vio_mappings_foreach(m, first, last, visit_run, &v);
    FX_CHECK(row, v.n, want);
}

/* Runs of two pages, with one page between. */
static void test_foreach(void)
{
    const unsigned n = 1000;
    NyxVioMappings m;

    nyx_vio_mappings_init(&m);
    check_visits("none", &m, 0, UINT64_MAX, (Visits) { }, 0);
    for (unsigned i = 0; i < n; i++) {
        add_page(&m, 3 * i, 3 * i);
        add_page(&m, 3 * i + 1, 3 * i + 1);
    }
    FX_CHECK(NULL, m.runs, n);
    check_visits("all", &m, 0, UINT64_MAX, (Visits) { }, n);
    check_visits("stop", &m, 0, UINT64_MAX, (Visits) { .stop_after = 1 }, 1);
    check_visits("stop", &m, 0, UINT64_MAX, (Visits) { .stop_after = 500 },
                 500);
    for (unsigned i = 0; i < n; i++) {
        uint64_t first = 3 * i * PAGE, last = first + 2 * PAGE - 1;
        const Visits from = { .next_page = 3 * i };

        check_visits("one", &m, first, last, from, 1);
        check_visits("first byte", &m, first, first, from, 1);
        check_visits("last byte", &m, last, last, from, 1);
        check_visits("hole", &m, last + 1, last + PAGE, from, 0);
        check_visits("rest", &m, last, UINT64_MAX, from, n - i);
        check_visits("five", &m, first + 5, last + 12 * PAGE, from,
                     MIN(5, n - i));
    }
    nyx_vio_mappings_clear(&m);
}

/* Neighbours of other sizes, across nodes too. */
static void test_extent(void)
{
    const unsigned n = 3000;
    NyxVioMappings m;

    nyx_vio_mappings_init(&m);
    /* Groups of three that go on, of one, two and one pages. */
    for (unsigned i = 0; i < n; i++) {
        uint64_t base = i * 8 * PAGE;

        nyx_vio_mappings_add(&m, MAP(base, base + PAGE - 1, base));
        nyx_vio_mappings_add(&m, MAP(base + PAGE, base + 3 * PAGE - 1,
                                     base + PAGE));
        nyx_vio_mappings_add(&m, MAP(base + 3 * PAGE, base + 4 * PAGE - 1,
                                     base + 3 * PAGE));
        /* Touches, but goes elsewhere. */
        nyx_vio_mappings_add(&m, MAP(base + 4 * PAGE, base + 5 * PAGE - 1,
                                     base));
        /* Goes on behind a gap. */
        nyx_vio_mappings_add(&m, MAP(base + 6 * PAGE, base + 7 * PAGE - 1,
                                     base + 2 * PAGE));
    }
    FX_CHECK("runs", m.runs, 5 * n);
    for (unsigned i = 0; i < n * 8; i++) {
        uint64_t iova = i * PAGE + i % PAGE, base = iova & ~(8 * PAGE - 1);
        unsigned page = i % 8;
        NyxVioRun run = { };
        bool there = nyx_vio_mappings_extent(&m, iova, &run);

        FX_CHECK("there", there, page != 5 && page != 7);
        if (!there) {
            continue;
        }
        FX_CHECK("flags", run.flags, RW);
        FX_CHECK("first", run.first,
                 page < 4 ? base : base + page * PAGE);
        FX_CHECK("last", run.last, page < 4 ? base + 4 * PAGE - 1
                                            : base + (page + 1) * PAGE - 1);
        FX_CHECK("addr", run.addr,
                 page < 4 ? base : page == 4 ? base : base + 2 * PAGE);
    }
    nyx_vio_mappings_clear(&m);

    /* Other flags are another extent. */
    add_page(&m, 1, 1);
    nyx_vio_mappings_add(&m, &(NyxVioRun) { 2 * PAGE, 4 * PAGE - 1, 2 * PAGE,
                                            2 * PAGE, 1 });
    for (unsigned page = 1; page < 4; page++) {
        NyxVioRun run;

        FX_CHECK("flags", nyx_vio_mappings_extent(&m, page * PAGE, &run),
                 true);
        FX_CHECK("flags", run.flags, page == 1 ? RW : 1);
        FX_CHECK("flags", run.last - run.first + 1,
                 page == 1 ? PAGE : 2 * PAGE);
    }
    nyx_vio_mappings_clear(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vio-mappings/unmap-table", test_unmap_table);
    g_test_add_func("/vio-mappings/run-count", test_run_count);
    g_test_add_func("/vio-mappings/whole-space", test_whole_space);
    g_test_add_func("/vio-mappings/edges", test_edges);
    g_test_add_func("/vio-mappings/bytes-beside", test_bytes_beside);
    g_test_add_func("/vio-mappings/join/orders", test_join_orders);
    g_test_add_func("/vio-mappings/join/refused", test_join_refused);
    g_test_add_func("/vio-mappings/join/wrap", test_join_wrap);
    g_test_add_func("/vio-mappings/splits", test_splits);
    g_test_add_func("/vio-mappings/chain", test_chain);
    g_test_add_func("/vio-mappings/refusal", test_refusal);
    g_test_add_func("/vio-mappings/holes", test_holes);
    g_test_add_func("/vio-mappings/memory", test_memory);
    g_test_add_func("/vio-mappings/churn", test_churn);
    g_test_add_func("/vio-mappings/foreach", test_foreach);
    g_test_add_func("/vio-mappings/extent", test_extent);
    return g_test_run();
}
