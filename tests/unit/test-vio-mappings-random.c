/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The set of mappings of a domain against a plain list of them, by random
 * requests.
 */
#include "qemu/osdep.h"
#include "hw/virtio-iommu-ext/mappings.h"
#include "fixture.h"

#define PAGE 4096ull

/* How many runs on each side extent() may add at most. */
#define EXTENT_RUNS 4

static uint32_t rnd(GRand *rand, uint32_t n)
{
    return g_rand_int_range(rand, 0, n);
}

/* --- A list of single mappings, in order --------------------------------- */

typedef struct Single {
    uint64_t first;
    uint64_t last;
    uint64_t addr;
    uint32_t flags;
} Single;

static Single *single(GArray *list, unsigned i)
{
    return &g_array_index(list, Single, i);
}

/* The first one that ends at @iova or above. */
static unsigned list_find(GArray *list, uint64_t iova)
{
    unsigned i = 0;

    while (i < list->len && single(list, i)->last < iova) {
        i++;
    }
    return i;
}

static bool list_overlaps(GArray *list, uint64_t first, uint64_t last)
{
    unsigned i = list_find(list, first);

    return i < list->len && single(list, i)->first <= last;
}

/* How many there were, or -1 if one would be cut. */
static int64_t list_remove(GArray *list, uint64_t first, uint64_t last)
{
    unsigned from = list_find(list, first), to = from;

    while (to < list->len && single(list, to)->first <= last) {
        if (single(list, to)->first < first || single(list, to)->last > last) {
            return -1;
        }
        to++;
    }
    if (from < to) {
        g_array_remove_range(list, from, to - from);
    }
    return to - from;
}

static bool goes_on(const Single *low, const Single *high)
{
    return low->last + 1 == high->first && low->flags == high->flags &&
           low->addr + (high->first - low->first) == high->addr;
}

/* What the list has to look like as runs. */
static GArray *list_runs(GArray *list)
{
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(NyxVioRun));

    for (unsigned i = 0; i < list->len; i++) {
        Single *s = single(list, i);
        NyxVioRun run = { s->first, s->last, s->addr, s->last - s->first + 1,
                          s->flags };

        if (i && goes_on(s - 1, s) && s[-1].last - s[-1].first + 1 ==
                                      run.unit) {
            g_array_index(runs, NyxVioRun, runs->len - 1).last = s->last;
        } else {
            g_array_append_val(runs, run);
        }
    }
    return runs;
}

/* --- Both, and comparisons ----------------------------------------------- */

typedef struct Both {
    GRand *rand;
    NyxVioMappings m;
    GArray *list;
    uint64_t base;           /* the range in use, in bytes and in pages */
    unsigned pages;
    unsigned largest;        /* mapping, in pages */
    unsigned adds;           /* of 10 requests */
    unsigned straight;       /* of 10 mappings: go to where they come from */
} Both;

static void check_run(const char *row, const NyxVioRun *got,
                      const NyxVioRun *want)
{
    FX_CHECK(row, got->first, want->first);
    FX_CHECK(row, got->last, want->last);
    FX_CHECK(row, got->addr, want->addr);
    FX_CHECK(row, got->flags, want->flags);
}

static bool run_goes_on(const NyxVioRun *low, const NyxVioRun *high)
{
    const Single a = { low->first, low->last, low->addr, low->flags };
    const Single b = { high->first, high->last, high->addr, high->flags };

    return goes_on(&a, &b);
}

/* Run @i of @runs with those beside it. */
static NyxVioRun extent_of(GArray *runs, unsigned i)
{
    const NyxVioRun *run = (const NyxVioRun *)runs->data;
    NyxVioRun extent = run[i];
    unsigned low = i, high = i;

    while (high + 1 < runs->len && high - i < EXTENT_RUNS &&
           run_goes_on(&run[high], &run[high + 1])) {
        high++;
    }
    while (low && i - low < EXTENT_RUNS &&
           run_goes_on(&run[low - 1], &run[low])) {
        low--;
    }
    extent.first = run[low].first;
    extent.addr = run[low].addr;
    extent.last = run[high].last;
    return extent;
}

static void check_at(Both *b, GArray *runs, uint64_t iova)
{
    const NyxVioRun *run = (const NyxVioRun *)runs->data;
    NyxVioRun got = { };
    unsigned i = 0;
    bool there;

    while (i < runs->len && run[i].last < iova) {
        i++;
    }
    there = i < runs->len && run[i].first <= iova;
    FX_CHECK("overlaps", nyx_vio_mappings_overlaps(&b->m, iova, iova), there);
    FX_CHECK("lookup", nyx_vio_mappings_lookup(&b->m, iova, &got), there);
    if (there) {
        check_run("lookup", &got, &run[i]);
        FX_CHECK("unit", got.unit, run[i].unit);
    }
    FX_CHECK("extent", nyx_vio_mappings_extent(&b->m, iova, &got), there);
    if (there) {
        const NyxVioRun extent = extent_of(runs, i);

        check_run("extent", &got, &extent);
    }
}

typedef struct Visits {
    const NyxVioRun *next;
    const NyxVioRun *end;
} Visits;

static bool visit_run(void *opaque, const NyxVioRun *run)
{
    Visits *v = opaque;

    FX_CHECK("visits", v->next < v->end, true);
    if (v->next < v->end) {
        check_run("visit", run, v->next);
        FX_CHECK("visit", run->unit, v->next->unit);
        v->next++;
    }
    return v->next < v->end;
}

static void check_visits(Both *b, GArray *runs, uint64_t first, uint64_t last)
{
    const NyxVioRun *run = (const NyxVioRun *)runs->data;
    unsigned from = 0, to = 0;
    Visits v;

    while (from < runs->len && run[from].last < first) {
        from++;
    }
    while (to < runs->len && run[to].first <= last) {
        to++;
    }
    to = MAX(from, to);
    v = (Visits) { run + from, run + to };
    nyx_vio_mappings_foreach(&b->m, first, last, visit_run, &v);
    FX_CHECK("visits", v.end - v.next, 0);
    FX_CHECK("overlaps", nyx_vio_mappings_overlaps(&b->m, first, last),
             from < to);
}

static void random_range(Both *b, unsigned most, uint64_t *first,
                         uint64_t *last)
{
    unsigned page = rnd(b->rand, b->pages);
    unsigned n = 1 + rnd(b->rand, MIN(most, b->pages - page));

    *first = b->base + page * PAGE;
    *last = *first + (n * PAGE - 1);
}

static void check_all(Both *b)
{
    g_autoptr(GArray) runs = list_runs(b->list);
    uint64_t first, last;

    FX_CHECK("count", b->m.count, b->list->len);
    FX_CHECK("runs", b->m.runs, runs->len);
    FX_CHECK("empty", b->m.bytes == 0, runs->len == 0);
    check_visits(b, runs, 0, UINT64_MAX);
    random_range(b, b->pages, &first, &last);
    check_visits(b, runs, first + rnd(b->rand, PAGE), last);
    for (unsigned i = 0; i < 4; i++) {
        random_range(b, 1, &first, &last);
        check_at(b, runs, first);
        check_at(b, runs, first + rnd(b->rand, PAGE));
        check_at(b, runs, last);
    }
    check_at(b, runs, 0);
    check_at(b, runs, UINT64_MAX);
}

/* --- Requests ------------------------------------------------------------ */

static void random_add(Both *b)
{
    Single s;
    NyxVioRun run;
    bool want;

    random_range(b, b->largest, &s.first, &s.last);
    s.flags = 1 + (rnd(b->rand, 16) == 0);
    s.addr = rnd(b->rand, 10) < b->straight ? s.first - b->base + (1 << 30)
                                            : rnd(b->rand, 1 << 16) * PAGE;
    run = (NyxVioRun) { s.first, s.last, s.addr, s.last - s.first + 1,
                        s.flags };
    want = !list_overlaps(b->list, s.first, s.last);
    FX_CHECK("overlaps",
             nyx_vio_mappings_overlaps(&b->m, s.first, s.last), !want);
    FX_CHECK("add", nyx_vio_mappings_add(&b->m, &run), want);
    if (want) {
        g_array_insert_val(b->list, list_find(b->list, s.first), s);
    }
}

static void random_remove(Both *b)
{
    uint64_t first, last, removed = 99;
    int64_t want;
    bool done;

    random_range(b, rnd(b->rand, 8) ? 2 * b->largest : b->pages / 8 + 1,
                 &first, &last);
    if (b->list->len && rnd(b->rand, 4) == 0) {
        /* From one that is there to another. */
        unsigned from = rnd(b->rand, b->list->len);
        unsigned to = MIN(from + rnd(b->rand, 4), b->list->len - 1);

        first = single(b->list, from)->first;
        last = single(b->list, to)->last;
    }
    if (rnd(b->rand, 16) == 0) {
        first += rnd(b->rand, PAGE);
    }
    if (rnd(b->rand, 16) == 0) {
        last = MAX(first, last - rnd(b->rand, PAGE));
    }
    want = list_remove(b->list, first, last);
    done = nyx_vio_mappings_remove(&b->m, first, last, &removed);
    FX_CHECK("remove", done ? (int64_t)removed : -1, want);
    FX_CHECK("removed", done || !removed, true);
}

/* Other habits now and then, so that the set is small, large, joined, not. */
static void random_habits(Both *b)
{
    b->largest = 1 + rnd(b->rand, 5);
    b->adds = 1 + rnd(b->rand, 9);
    b->straight = rnd(b->rand, 11);
}

typedef struct Case {
    unsigned pages;
    unsigned steps;
    unsigned full_check;     /* every how many steps */
    bool top;                /* of the address space */
} Case;

static void run_case(const Case *c, uint32_t seed)
{
    Both b = {
        .rand = g_rand_new_with_seed(seed),
        .list = g_array_new(FALSE, FALSE, sizeof(Single)),
        .base = c->top ? -(c->pages * PAGE) : 0,
        .pages = c->pages,
    };
    uint64_t removed;

    nyx_vio_mappings_init(&b.m);
    for (unsigned i = 0; i < c->steps && !g_test_failed(); i++) {
        if (i % (c->steps / 16) == 0) {
            random_habits(&b);
        }
        if (rnd(b.rand, 10) < b.adds) {
            random_add(&b);
        } else {
            random_remove(&b);
        }
        FX_CHECK("count", b.m.count, b.list->len);
        if (i % c->full_check == 0) {
            check_all(&b);
        }
    }
    FX_CHECK("all", nyx_vio_mappings_remove(&b.m, 0, UINT64_MAX, &removed),
             true);
    FX_CHECK("all", removed, b.list->len);
    g_array_set_size(b.list, 0);
    check_all(&b);
    nyx_vio_mappings_clear(&b.m);
    g_array_free(b.list, TRUE);
    g_rand_free(b.rand);
}

/* Five fixed seeds and one that is told: NYX_SEED=n repeats it. */
static void test_random(gconstpointer data)
{
    const char *given = g_getenv("NYX_SEED");
    uint32_t seed = given ? g_ascii_strtoull(given, NULL, 0) : g_random_int();

    g_test_message("NYX_SEED=%u", seed);
    run_case(data, seed);
    for (seed = 1; seed <= 5; seed++) {
        run_case(data, seed);
    }
}

/* Fill, thin out and mend a tree of some levels, in random order. */
static void test_fill(gconstpointer data)
{
    const Case *c = data;
    Both b = {
        .rand = g_rand_new_with_seed(c->pages),
        .list = g_array_new(FALSE, FALSE, sizeof(Single)),
        .base = c->top ? -(c->pages * PAGE) : 0,
        .pages = c->pages,
        .largest = 2,
        .straight = 5,
    };

    nyx_vio_mappings_init(&b.m);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < c->steps && !g_test_failed(); i++) {
            random_add(&b);
            if (i % c->full_check == 0) {
                check_all(&b);
            }
        }
        for (unsigned i = 0; b.list->len > c->pages / 64 &&
                             !g_test_failed(); i++) {
            random_remove(&b);
            if (i % c->full_check == 0) {
                check_all(&b);
            }
        }
    }
    nyx_vio_mappings_clear(&b.m);
    g_array_set_size(b.list, 0);
    check_all(&b);
    g_array_free(b.list, TRUE);
    g_rand_free(b.rand);
}

int main(int argc, char **argv)
{
    static const Case small = { 40, 4000, 1, false };
    static const Case small_top = { 40, 4000, 1, true };
    static const Case middle = { 500, 8000, 4, false };
    static const Case middle_top = { 500, 8000, 4, true };
    static const Case large = { 12000, 12000, 256, false };
    static const Case fill = { 12000, 12000, 512, false };
    static const Case fill_top = { 8000, 8000, 512, true };

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/vio-mappings/small", &small, test_random);
    g_test_add_data_func("/vio-mappings/small-top", &small_top, test_random);
    g_test_add_data_func("/vio-mappings/middle", &middle, test_random);
    g_test_add_data_func("/vio-mappings/middle-top", &middle_top,
                         test_random);
    g_test_add_data_func("/vio-mappings/large", &large, test_random);
    g_test_add_data_func("/vio-mappings/fill", &fill, test_fill);
    g_test_add_data_func("/vio-mappings/fill-top", &fill_top, test_fill);
    return g_test_run();
}
