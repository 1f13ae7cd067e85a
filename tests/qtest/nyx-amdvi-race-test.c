/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translations beside invalidations, through nyx-amdvi: threads of nyx-testdev
 * write without the big lock while tables change under them.
 *
 * Memory is taken away from them, the IOMMU told, completion waited for.  From
 * then on no request may start that goes there.  Those that were under way are
 * waited for, by the threads' counts of requests; then the memory gets a
 * canary, which has to live until the threads are given that memory again.
 *
 * A change and its invalidation have to be close together to meet a walk that
 * is under way, closer than two commands of the qtest protocol are.  So the
 * IOMMU makes the change itself, by the store of a COMPLETION_WAIT.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi.h"

#define LEVELS      4
#define REGIONS     4           /* of 2M: a page table, or one leaf */
#define PAGES       4           /* of a region that are written */
#define STRIDE      (2 * NYX_MIB / PAGES)
/* A leaf, of 2M too, and an entry that leads to a table of level 1 */
#define LEAF        (QAMD_PR | QAMD_RW)
#define DIRECTORY   (LEAF | 1 << 9)

/* Commands; INVALIDATE_IOMMU_PAGES with PDE, and of a region or all */
#define STORE       (1ull << 60 | 1)
#define DEVTAB      (2ull << 60)
#define INV_PAGES   (3ull << 60)
#define INV_ALL     (8ull << 60)
#define PDE         2ull
#define REGION      (0xff000ull | 1)
#define EVERYTHING  0x7ffffffffffff003ull

/* Where the areas of 2M begin that the threads get; each other is in use. */
#define AREAS       (64 * NYX_MIB)

#define MARK        0x6d61726b6d61726bull
#define CANARY      0x63616e6172796361ull

/* Commands of one step, at most; the buffer has 256. */
#define BATCH       128

/* Seconds of racing, of all scenarios together; NYX_RACE_SECONDS. */
#define DEFAULT_SECONDS 9.0
#define MAX_SECONDS     400.0   /* of one; a run has a limit */

/* Looks at a thread or a page, a millisecond apart when it gets long. */
#define LOOKS       30000

#define FUNCTIONS   3
#define DOMAINS     2

/* Each thread writes at an offset of its function's; the first two share. */
static const struct {
    uint32_t op;
    uint32_t threads;
    unsigned domain;
    uint64_t offset;
} functions[FUNCTIONS] = {
    { NYX_TD_OP_FILL, 2, 0, 0 },
    { NYX_TD_OP_FETCH_ADD, 1, 0, 8 },
    { NYX_TD_OP_FILL, 1, 1, 0 },
};

typedef struct Domain {
    QAmdDomain tables[2];       /* of two, which is in use */
    unsigned root;
    uint16_t did;
    uint64_t pde[2][REGIONS];   /* addresses of directory entries */
    uint64_t pt[2][REGIONS][2];
    unsigned pt_used[2][REGIONS];
    bool large[2][REGIONS];
    bool other_did;             /* of the change of entries under way */
    uint64_t area[REGIONS][2];  /* memory of a region */
    unsigned area_used[REGIONS];
} Domain;

typedef struct World {
    QAmd *v;
    QTestState *qts;
    NyxTestdev td[FUNCTIONS];
    Domain dom[DOMAINS];
    uint64_t next_area;
    uint64_t trap;              /* where tables lead that were given up */
    GRand *rng;
    uint64_t batch[BATCH][2];   /* commands to come */
    unsigned batched;
    unsigned steps;
} World;

static uint16_t sid_of(unsigned function)
{
    return NYX_SID(0, 4 + function, 0);
}

static bool flip(World *w, unsigned one_in)
{
    return g_rand_int_range(w->rng, 0, one_in) == 0;
}

/* --- Memory --------------------------------------------------------------- */

static void lay_canary(World *w, uint64_t area)
{
    static const uint64_t canary[2] = { CANARY, CANARY };

    for (unsigned page = 0; page < PAGES; page++) {
        qtest_memwrite(w->qts, area + page * STRIDE, canary, sizeof(canary));
    }
}

static void check_canary(World *w, uint64_t area)
{
    for (unsigned page = 0; page < PAGES; page++) {
        uint64_t seen[2];

        qtest_memread(w->qts, area + page * STRIDE, seen, sizeof(seen));
        g_assert_cmphex(seen[0], ==, CANARY);
        g_assert_cmphex(seen[1], ==, CANARY);
    }
}

static uint64_t new_area(World *w)
{
    uint64_t area = w->next_area;

    w->next_area += 2 * NYX_MIB;
    g_assert_cmpuint(w->next_area, <=, NYX_PC_RAM);
    lay_canary(w, area);
    return area;
}

static uint64_t area_in_use(Domain *d, unsigned region)
{
    return d->area[region][d->area_used[region]];
}

/* --- Threads -------------------------------------------------------------- */

static void start_thread_runs(World *w)
{
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        const NyxTdRun run = {
            .req = {
                .op = functions[n].op,
                .len = 8,
                .addr = functions[n].offset,
                .operand = functions[n].op == NYX_TD_OP_FILL ? MARK : 1,
            },
            .threads = functions[n].threads,
            .slots = REGIONS * PAGES,
            .stride = STRIDE,
            .pattern = NYX_TD_PATTERN_RANDOM,
            .count = NYX_TD_MAX_COUNT,
            .time_ms = NYX_TD_MAX_TIME_MS,
            .seed = n,
        };

        g_assert_cmphex(nyx_td_run_start(&w->td[n], &run), ==,
                        NYX_TD_RUN_ST_BUSY);
    }
}

static uint64_t requests_of(World *w, unsigned function, unsigned thread)
{
    if (functions[function].threads > 1) {
        nyx_td_w32(&w->td[function], NYX_TD_RUN_SELECT, thread);
    }
    return nyx_td_r64(&w->td[function], NYX_TD_RUN_SEL_OPS);
}

static void wait_for_move(World *w, unsigned function, unsigned thread,
                          uint64_t before)
{
    for (unsigned look = 0; look < LOOKS; look++) {
        if (requests_of(w, function, thread) > before) {
            return;
        }
        if (look > 100) {
            g_usleep(1000);
        }
    }
    g_error("thread %u of function %u stands still", thread, function);
}

/* Requests that are under way now end. */
static void quiesce(World *w)
{
    uint64_t before[FUNCTIONS][NYX_TD_MAX_THREADS_VALUE];

    for (unsigned n = 0; n < FUNCTIONS; n++) {
        for (unsigned t = 0; t < functions[n].threads; t++) {
            before[n][t] = requests_of(w, n, t);
        }
    }
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        for (unsigned t = 0; t < functions[n].threads; t++) {
            wait_for_move(w, n, t, before[n][t]);
        }
    }
}

/* The functions of a domain write to a region's memory. */
static void wait_for_writes(World *w, unsigned domain, unsigned region)
{
    uint64_t at = area_in_use(&w->dom[domain], region);

    for (unsigned n = 0; n < FUNCTIONS; n++) {
        unsigned look = 0;

        if (functions[n].domain != domain) {
            continue;
        }
        while (qtest_readq(w->qts, at + functions[n].offset) == CANARY) {
            g_assert_cmpuint(++look, <, LOOKS);
            if (look > 100) {
                g_usleep(1000);
            }
        }
    }
}

static void stop_thread_runs(World *w)
{
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        NyxTestdev *td = &w->td[n];

        nyx_td_w32(td, NYX_TD_RUN_CTRL, NYX_TD_RUN_STOP);
        while (nyx_td_r32(td, NYX_TD_RUN_STATUS) & NYX_TD_RUN_ST_BUSY) {
            g_usleep(1000);
        }
        g_test_message("function %u: %" PRIu64 " requests, %" PRIu64
                       " refused", n, nyx_td_r64(td, NYX_TD_RUN_OPS),
                       nyx_td_r64(td, NYX_TD_RUN_ERRORS));
    }
}

/* --- Commands ------------------------------------------------------------- */

static void put(World *w, uint64_t lo, uint64_t hi)
{
    g_assert_cmpuint(w->batched, <, BATCH);
    w->batch[w->batched][0] = cpu_to_le64(lo);
    w->batch[w->batched++][1] = cpu_to_le64(hi);
}

/* The IOMMU is to store an entry. */
static void put_store(World *w, uint64_t gpa, uint64_t value)
{
    put(w, STORE | gpa, value);
}

static void put_flush_all(World *w, Domain *d)
{
    if (flip(w, 2)) {
        put(w, INV_PAGES | (uint64_t)d->did << 32, EVERYTHING);
    } else {
        put(w, INV_ALL, 0);
    }
}

static void put_flush_entries(World *w, Domain *d)
{
    if (flip(w, 3)) {
        put(w, INV_ALL, 0);
        return;
    }
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        if (&w->dom[functions[n].domain] == d) {
            put(w, DEVTAB | sid_of(n), 0);
        }
    }
}

/* Put it all into the buffer; completion is seen when this returns. */
static void commit(World *w)
{
    QAmd *v = w->v;
    unsigned first = MIN(w->batched, (v->command_bytes - v->tail) / 16);

    qtest_memwrite(w->qts, v->commands + v->tail, w->batch, first * 16);
    qtest_memwrite(w->qts, v->commands, w->batch[first],
                   (w->batched - first) * 16);
    v->tail = (v->tail + w->batched * 16) % v->command_bytes;
    w->batched = 0;
    g_assert_true(qamd_wait(v));
}

/* --- Tables --------------------------------------------------------------- */

static uint64_t table_in_use(Domain *d, unsigned region)
{
    return d->pt[d->root][region][d->pt_used[d->root][region]];
}

static uint64_t pte_at(uint64_t pt, unsigned page)
{
    return pt + page * STRIDE / NYX_PAGE * 8;
}

static void fill_table(World *w, uint64_t pt, uint64_t area)
{
    for (unsigned page = 0; page < PAGES; page++) {
        qtest_writeq(w->qts, pte_at(pt, page), (area + page * STRIDE) | LEAF);
    }
}

/* By the test itself: nothing of it is cached. */
static void set_leaves(World *w, Domain *d, unsigned region, uint64_t area)
{
    if (d->large[d->root][region]) {
        qtest_writeq(w->qts, d->pde[d->root][region], area | LEAF);
    } else {
        fill_table(w, table_in_use(d, region), area);
    }
}

/* Tables that nobody may use any more lead into the trap. */
static void set_trap(World *w, Domain *d, unsigned root)
{
    for (unsigned region = 0; region < REGIONS; region++) {
        if (d->large[root][region]) {
            qtest_writeq(w->qts, d->pde[root][region], w->trap | LEAF);
        } else {
            fill_table(w, d->pt[root][region][d->pt_used[root][region]],
                       w->trap);
        }
    }
}

/* The first word of the domain's entries; without TV nothing gets through. */
static uint64_t entry_word(Domain *d, bool tv)
{
    return 1 | tv << 1 | QAMD_RW | LEVELS << 9 | d->tables[d->root].root;
}

static void attach(World *w, Domain *d)
{
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        if (&w->dom[functions[n].domain] == d) {
            qamd_set_dte_word(w->v, sid_of(n), 1, d->did);
            qamd_set_dte_word(w->v, sid_of(n), 0, entry_word(d, true));
        }
    }
}

/* --- Changes: what the IOMMU is to do ------------------------------------- */

/* What a step does with a region, and what it takes away. */
typedef struct Change {
    bool hole;                  /* not mapped for a while */
    uint64_t old;               /* area that must not be written any more */
    uint64_t old_table;         /* that must not be read any more, or 0 */
} Change;

static uint64_t page_command(Domain *d)
{
    return INV_PAGES | (uint64_t)d->did << 32;
}

/*
 * Other leaves, or none where @area is 0, and what has to follow.  Each page
 * has its own command, or all of them share one.
 */
static void put_leaves(World *w, Domain *d, unsigned region, uint64_t area)
{
    uint64_t iova = region * 2 * NYX_MIB;
    bool large = d->large[d->root][region];
    unsigned how = g_rand_int_range(w->rng, 0, 8);

    for (unsigned page = 0; page < (large ? 1 : PAGES); page++) {
        uint64_t at = large ? d->pde[d->root][region]
                            : pte_at(table_in_use(d, region), page);
        uint64_t leaf = (area + page * STRIDE) | LEAF;

        put_store(w, at, area ? leaf : 0);
        if (how > 2) {
            put(w, page_command(d), iova + page * STRIDE);
        }
    }
    if (how == 0) {
        put_flush_all(w, d);
    } else if (how <= 2) {
        put(w, page_command(d), iova | REGION);
    }
}

/* Another directory entry, page table or leaf. */
static void put_table(World *w, Domain *d, unsigned region, uint64_t entry)
{
    uint64_t iova = region * 2 * NYX_MIB;
    unsigned how = g_rand_int_range(w->rng, 0, 8);

    put_store(w, d->pde[d->root][region], entry);
    if (how == 0) {
        put_flush_all(w, d);
    } else if (how <= 4) {
        put(w, page_command(d), iova | REGION | PDE);
    } else {
        for (unsigned page = 0; page < PAGES; page++) {
            put(w, page_command(d), (iova + page * STRIDE) | PDE);
        }
    }
}

static void put_entries(World *w, Domain *d, bool tv)
{
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        if (&w->dom[functions[n].domain] == d) {
            put_store(w, w->v->devtab + sid_of(n) * 32, entry_word(d, tv));
        }
    }
    put_flush_entries(w, d);
    put_flush_all(w, d);
}

/* The threads are to go to the region's other area; the one they leave. */
static uint64_t other_area(World *w, Domain *d, unsigned region)
{
    uint64_t old = area_in_use(d, region);

    d->area_used[region] ^= 1;
    check_canary(w, area_in_use(d, region));
    return old;
}

static void begin_table(World *w, Domain *d, unsigned region, Change *change)
{
    bool *large = &d->large[d->root][region];
    uint64_t entry = area_in_use(d, region) | LEAF;

    change->old_table = *large ? 0 : table_in_use(d, region);
    *large = flip(w, 4);
    if (!*large) {
        d->pt_used[d->root][region] ^= 1;
        fill_table(w, table_in_use(d, region), area_in_use(d, region));
        entry = table_in_use(d, region) | DIRECTORY;
    }
    put_table(w, d, region, entry);
}

static void begin_region(World *w, Domain *d, unsigned region, Change *change)
{
    *change = (Change) { .old = other_area(w, d, region) };
    /* So that all walk while it changes. */
    if (flip(w, 2)) {
        put(w, INV_ALL, 0);
    }
    switch (g_rand_int_range(w->rng, 0, 8)) {
    case 0:
        change->hole = true;
        put_leaves(w, d, region, 0);
        break;
    case 1:
    case 2:
    case 3:
        begin_table(w, d, region, change);
        break;
    default:
        put_leaves(w, d, region, area_in_use(d, region));
        break;
    }
}

/* Other tables; under another domain id there are none in between. */
static void begin_entries(World *w, Domain *d, Change *changes)
{
    d->root ^= 1;
    d->other_did = flip(w, 2);
    for (unsigned region = 0; region < REGIONS; region++) {
        changes[region] = (Change) { .old = other_area(w, d, region) };
        set_leaves(w, d, region, area_in_use(d, region));
    }
    put_entries(w, d, !d->other_did);
}

/* --- What must not happen after them -------------------------------------- */

/* Memory and tables that were taken away: nobody is there any more. */
static void take_away(World *w, const Change *change)
{
    lay_canary(w, change->old);
    if (change->old_table) {
        fill_table(w, change->old_table, w->trap);
    }
}

static void end_hole(World *w, Domain *d, unsigned region,
                     const Change *change)
{
    check_canary(w, change->old);
    check_canary(w, area_in_use(d, region));
    set_leaves(w, d, region, area_in_use(d, region));
}

static void end_entries(World *w, Domain *d)
{
    set_trap(w, d, d->root ^ 1);
    if (d->other_did) {
        d->did ^= 1;
        attach(w, d);
        put_flush_entries(w, d);
        commit(w);
    }
}

/* Every region of both domains changes. */
static void step(World *w)
{
    Change changes[DOMAINS][REGIONS];
    bool entries[DOMAINS];

    if (flip(w, 4)) {
        wait_for_writes(w, g_rand_int_range(w->rng, 0, DOMAINS),
                        g_rand_int_range(w->rng, 0, REGIONS));
    }
    put(w, INV_ALL, 0);
    for (unsigned n = 0; n < DOMAINS; n++) {
        entries[n] = flip(w, 4);
        if (entries[n]) {
            begin_entries(w, &w->dom[n], changes[n]);
        } else {
            for (unsigned region = 0; region < REGIONS; region++) {
                begin_region(w, &w->dom[n], region, &changes[n][region]);
            }
        }
    }
    commit(w);
    quiesce(w);
    for (unsigned n = 0; n < DOMAINS; n++) {
        for (unsigned region = 0; region < REGIONS; region++) {
            take_away(w, &changes[n][region]);
        }
        if (entries[n]) {
            end_entries(w, &w->dom[n]);
        }
    }
    for (unsigned n = 0; n < DOMAINS; n++) {
        for (unsigned region = 0; region < REGIONS; region++) {
            if (changes[n][region].hole) {
                end_hole(w, &w->dom[n], region, &changes[n][region]);
            }
        }
    }
    qamd_control(w->v, QAMD_EVENTLOGEN, 0);
    qamd_clear_events(w->v);
    qamd_control(w->v, 0, QAMD_EVENTLOGEN);
    check_canary(w, w->trap);
    w->steps++;
}

/* --- The test ------------------------------------------------------------- */

static void domain_init(World *w, unsigned n)
{
    Domain *d = &w->dom[n];

    d->did = 2 * n + 2;
    for (unsigned region = 0; region < REGIONS; region++) {
        d->area[region][0] = new_area(w);
        d->area[region][1] = new_area(w);
    }
    for (unsigned root = 0; root < 2; root++) {
        d->tables[root] = qamd_domain(w->v, d->did, LEVELS);
        for (unsigned region = 0; region < REGIONS; region++) {
            uint64_t *pt = d->pt[root][region];

            pt[0] = nyx_pc_pages(w->v->pc, 1);
            pt[1] = nyx_pc_pages(w->v->pc, 1);
            fill_table(w, pt[0], root ? w->trap : d->area[region][0]);
            fill_table(w, pt[1], w->trap);
            d->pde[root][region] = qamd_entry(w->v, &d->tables[root],
                                              region * 2 * NYX_MIB, 2);
            qtest_writeq(w->qts, d->pde[root][region], pt[0] | DIRECTORY);
        }
    }
    attach(w, d);
}

typedef struct Scenario {
    const char *path;
    const char *options;
} Scenario;

static const Scenario scenarios[] = {
    { "/nyx-amdvi/race/small", ",iotlb-entries=16" },
    { "/nyx-amdvi/race/default", "" },
    { "/nyx-amdvi/race/sticky", ",cache=sticky,iotlb-entries=16" },
};

static int64_t end_time(void)
{
    const char *text = g_getenv("NYX_RACE_SECONDS");
    double seconds = text ? g_ascii_strtod(text, NULL) : DEFAULT_SECONDS;

    seconds = MIN(seconds / ARRAY_SIZE(scenarios), MAX_SECONDS);
    return g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
}

static void world_init(World *w, const char *options)
{
    *w = (World) {
        .next_area = AREAS,
        .rng = g_rand_new_with_seed(12345),
        .v = qamd_start("-M q35 -device nyx-amdvi,id=iommu%s "
                        "-device nyx-testdev,addr=4 "
                        "-device nyx-testdev,addr=5 "
                        "-device nyx-testdev,addr=6", options),
    };
    w->qts = w->v->qts;
    w->trap = new_area(w);
    qamd_enable(w->v, 0);
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        w->td[n] = nyx_td_get(w->v->pc->pci, sid_of(n));
    }
    for (unsigned n = 0; n < DOMAINS; n++) {
        domain_init(w, n);
    }
    qamd_flush(w->v);
}

static void test_race(gconstpointer data)
{
    const Scenario *scenario = data;
    int64_t end;
    World w;

    world_init(&w, scenario->options);
    start_thread_runs(&w);
    end = end_time();
    while (g_get_monotonic_time() < end || w.steps < 20) {
        step(&w);
    }
    for (unsigned n = 0; n < DOMAINS; n++) {
        for (unsigned region = 0; region < REGIONS; region++) {
            wait_for_writes(&w, n, region);
            other_area(&w, &w.dom[n], region);
        }
    }
    stop_thread_runs(&w);
    g_test_message("%u steps", w.steps);
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        nyx_td_put(&w.td[n]);
    }
    g_rand_free(w.rng);
    qamd_end(w.v);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(scenarios); i++) {
        qtest_add_data_func(scenarios[i].path, &scenarios[i], test_race);
    }
    return g_test_run();
}
