/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads translate beside invalidations: once a command for what changed is
 * complete, no translation that starts later uses what it took away.
 * test-amd-interleave.c has the interleavings made by hand.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "amd-tables.h"

#define MODE 4
#define GUEST_LEVELS 4
#define PASID 3
/* Where memory is for a nested guest. */
#define GUEST_AT (1ULL << 35)

/* Whose tables the requests go by. */
typedef enum Kind {
    HOST,
    GUEST,                   /* with a PASID */
    GIOV,
    NESTED,                  /* the host's tables change */
    KINDS,
} Kind;

#define FUNCTIONS KINDS     /* each with a domain of its own */
#define REQUESTERS 2        /* of a function, in the same domain */
#define REGIONS 4           /* of 2M: a page table, or one leaf */
#define REGION_PAGES 16
#define TRANSLATORS 4
#define VERSIONS (1ULL << 24)

/* Seconds of racing, of all scenarios together; NYX_RACE_SECONDS. */
#define DEFAULT_SECONDS 5.0

/*
 * Each change of a region gets a version, and the pages' addresses hold it.
 * The floor is the version of the last change whose invalidation is
 * complete: a translation that starts then is of that version or newer.
 * Tables that are given up get version 1; a walk that is in one of them then
 * started before.
 */
typedef struct Function {
    NyxAmdRequester *r[REQUESTERS];
    Kind kind;
    uint16_t sid;                         /* of the first requester */
    uint16_t did;
    unsigned root;                        /* of two, which is in use */
    uint64_t top[2];
    uint64_t gcr3;
    uint64_t pt[2][REGIONS][2];           /* page tables, two for each */
    unsigned pt_used[2][REGIONS];
    bool large[2][REGIONS];               /* a 2M leaf is in use instead */
    uint64_t floor[REGIONS];              /* atomic */
    uint64_t holes[REGIONS];              /* atomic; odd: may be unmapped */
    uint64_t reused[REGIONS];             /* atomic; tables given up */
} Function;

typedef struct World {
    Ax *f;
    Function fn[FUNCTIONS];
    uint64_t version;
    uint64_t rng;
    bool stop;                            /* atomic */
} World;

typedef struct Translator {
    World *w;
    unsigned n;
    uint64_t translated;                  /* atomic */
    uint64_t refused;
} Translator;

static bool of_guest(const Function *fn)
{
    return fn->kind == GUEST || fn->kind == GIOV;
}

static uint32_t function_pasid(const Function *fn)
{
    return fn->kind == GIOV ? 0 : PASID;
}

static uint64_t region_iova(unsigned region, unsigned page)
{
    /* Two regions to a directory, two directories. */
    return (uint64_t)(region / 2) << 30 | (region % 2) << 21 | page << 12;
}

/* What a region is mapped to, by one leaf or page by page. */
static uint64_t region_target(uint64_t version, unsigned region)
{
    return 1ULL << 47 | version << 23 | region << 21;
}

/* Accessed and dirty from the start: the walks do not change them. */
static uint64_t leaf_bits(const Function *fn, bool large)
{
    return of_guest(fn) ? 0x67 | (large ? 0x80 : 0) : AT_RIGHTS(3) | 1;
}

static uint64_t table_bits(const Function *fn)
{
    return of_guest(fn) ? 0x27 : AT_RIGHTS(3) | 1 << 9 | 1;
}

static void fill_table(World *w, Function *fn, uint64_t pt, unsigned region,
                       uint64_t version)
{
    /* Odd ones have neighbours changed over: no run of leaves is in a row. */
    unsigned swap = version & 1;

    for (unsigned page = 0; page < REGION_PAGES; page++) {
        uint64_t leaf = region_target(version, region) |
                        (page ^ swap) << 12 | leaf_bits(fn, false);

        fx_mem_poke(&w->f->mem, pt + page * 8, version ? leaf : 0);
    }
}

static uint64_t pde_of(World *w, Function *fn, unsigned root,
                       unsigned region)
{
    uint64_t iova = region_iova(region, 0);

    return of_guest(fn)
           ? at_guest_entry(w->f, fn->top[root], GUEST_LEVELS, iova, 2, 0)
           : at_entry(w->f, fn->top[root], MODE, iova, 2);
}

static uint64_t table_in_use(Function *fn, unsigned region)
{
    return fn->pt[fn->root][region][fn->pt_used[fn->root][region]];
}

/* Version 0: not mapped. */
static void set_leaves(World *w, Function *fn, unsigned region,
                       uint64_t version)
{
    if (!fn->large[fn->root][region]) {
        fill_table(w, fn, table_in_use(fn, region), region, version);
    } else {
        fx_mem_poke(&w->f->mem, pde_of(w, fn, fn->root, region),
                    version ? region_target(version, region) |
                              leaf_bits(fn, true) : 0);
    }
}

static void set_floor(Function *fn, unsigned region, uint64_t version)
{
    __atomic_store_n(&fn->floor[region], version, __ATOMIC_RELEASE);
}

static uint64_t counter_read(uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static void counter_add(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

static void check_one(Translator *t, uint64_t *rng)
{
    unsigned region = nyx_random(rng) % REGIONS;
    unsigned page = nyx_random(rng) % REGION_PAGES;
    unsigned which = nyx_random(rng) % REQUESTERS;
    Function *fn = &t->w->fn[nyx_random(rng) % FUNCTIONS];
    NyxRequest req = {
        .access = nyx_random(rng) & 1 ? FX_R : FX_W,
        .iova = region_iova(region, page),
        .has_pasid = fn->kind == GUEST || fn->kind == NESTED,
        .pasid = function_pasid(fn),
    };
    uint64_t holes = counter_read(&fn->holes[region]);
    uint64_t reused = counter_read(&fn->reused[region]);
    uint64_t floor = counter_read(&fn->floor[region]);
    NyxReply reply;

    if (nyx_amd_translate(fn->r[which], fn->sid + which, &req, &reply)) {
        uint64_t version = reply.addr >> 23 & (VERSIONS - 1);

        __atomic_fetch_add(&t->translated, 1, __ATOMIC_RELAXED);
        g_assert_cmpuint((reply.addr >> 12 & 0x1ff) | (version & 1), ==,
                         page | (version & 1));
        g_assert_cmpuint(reply.addr >> 21 & 3, ==, region);
        if (version != 1 || counter_read(&fn->reused[region]) == reused) {
            g_assert_cmpuint(version, >=, floor);
        }
    } else {
        t->refused++;
        g_assert_true(holes & 1 || counter_read(&fn->holes[region]) != holes);
    }
}

static void *translator(void *opaque)
{
    Translator *t = opaque;
    uint64_t rng = t->n * 0x9e3779b97f4a7c15ULL + 1;

    while (!__atomic_load_n(&t->w->stop, __ATOMIC_RELAXED)) {
        check_one(t, &rng);
    }
    return NULL;
}

/* Translators give way in the middle of walks. */
static void yield_on_read(void *opaque, uint64_t gpa)
{
    static __thread uint64_t rng = 1;

    if (!pthread_equal(((Ax *)opaque)->serial, pthread_self()) &&
        nyx_random(&rng) % 16 == 0) {
        sched_yield();
    }
}

/* --- Changes -------------------------------------------------------------- */

static void flush_function(World *w, Function *fn, uint64_t range,
                           bool tables)
{
    uint64_t lo = 3ULL << 60 | (uint64_t)fn->did << 32;

    range |= tables ? 2 : 0;
    if (of_guest(fn)) {
        ax_submit(w->f, lo | function_pasid(fn), range | 4);
    } else {
        ax_submit(w->f, lo, range);
    }
}

static void flush_all_of(World *w, Function *fn)
{
    switch (nyx_random(&w->rng) % 4) {
    case 0:
        at_inv_domain(w->f, fn->did);
        break;
    case 1:
        ax_inv_all(w->f);
        break;
    default:
        flush_function(w, fn, 0x7ffffffffffff001, true);
        break;
    }
}

static void flush_region(World *w, Function *fn, unsigned region, bool tables)
{
    switch (nyx_random(&w->rng) % 4) {
    case 0:
        flush_all_of(w, fn);
        break;
    case 1:
        flush_function(w, fn, ax_range(region_iova(region, 0), 21), tables);
        break;
    default:
        for (unsigned page = 0; page < REGION_PAGES; page++) {
            flush_function(w, fn, region_iova(region, page), tables);
        }
        break;
    }
}

static void flush_entry(World *w, Function *fn)
{
    if (nyx_random(&w->rng) % 3 == 0) {
        ax_inv_all(w->f);
        return;
    }
    for (unsigned i = 0; i < REQUESTERS; i++) {
        ax_inv_devtab(w->f, fn->sid + i);
    }
}

static void set_entries(World *w, Function *fn, bool valid)
{
    uint64_t w0 = AT_OPEN, w1 = fn->did;

    if (fn->kind != HOST) {
        w0 |= AT_GV | at_gcr3_0(fn->gcr3, 0) |
              (fn->kind == GIOV ? AT_GIOV : 0);
        w1 |= at_gcr3_1(fn->gcr3);
    }
    if (!of_guest(fn)) {
        w0 |= AT_MODE(MODE) | fn->top[fn->root];
    }
    for (unsigned i = 0; i < REQUESTERS; i++) {
        at_dte(w->f, fn->sid + i, valid ? w0 : AT_V, w1, 0, 0);
    }
}

static void change_leaves(World *w, Function *fn, unsigned region)
{
    uint64_t version = ++w->version;

    set_leaves(w, fn, region, version);
    flush_region(w, fn, region, false);
    set_floor(fn, region, version);
}

/* The other page table, or a leaf. */
static void change_table(World *w, Function *fn, unsigned region)
{
    uint64_t version = ++w->version, old = table_in_use(fn, region);
    bool *large = &fn->large[fn->root][region], was_large = *large;

    *large = nyx_random(&w->rng) % 4 == 0;
    if (!*large) {
        fn->pt_used[fn->root][region] ^= 1;
    }
    set_leaves(w, fn, region, version);
    if (!*large) {
        fx_mem_poke(&w->f->mem, pde_of(w, fn, fn->root, region),
                    table_in_use(fn, region) | table_bits(fn));
    }
    flush_region(w, fn, region, true);
    set_floor(fn, region, version);
    if (!was_large) {
        /* Whoever still comes here is caught. */
        counter_add(&fn->reused[region]);
        fill_table(w, fn, old, region, 1);
    }
}

static void change_hole(World *w, Function *fn, unsigned region)
{
    counter_add(&fn->holes[region]);
    set_leaves(w, fn, region, 0);
    flush_region(w, fn, region, false);
    set_floor(fn, region, ++w->version);
    set_leaves(w, fn, region, w->version);
    /* Not present may be kept, too. */
    flush_region(w, fn, region, false);
    counter_add(&fn->holes[region]);
}

static void poison_root(World *w, Function *fn, unsigned root)
{
    for (unsigned region = 0; region < REGIONS; region++) {
        counter_add(&fn->reused[region]);
        fill_table(w, fn, fn->pt[root][region][0], region, 1);
        fill_table(w, fn, fn->pt[root][region][1], region, 1);
        if (fn->large[root][region]) {
            fx_mem_poke(&w->f->mem, pde_of(w, fn, root, region),
                        region_target(1, region) | leaf_bits(fn, true));
        }
    }
}

static void set_cr3(World *w, Function *fn)
{
    if (of_guest(fn)) {
        fx_mem_poke(&w->f->mem, fn->gcr3 + function_pasid(fn) * 8,
                    fn->top[fn->root] | 1);
    }
}

/* Other tables; under another domain id there are none in between. */
static void change_entry(World *w, Function *fn)
{
    uint64_t version = ++w->version;
    bool other_did = nyx_random(&w->rng) & 1;
    bool by_cr3 = of_guest(fn) && !other_did;

    fn->root ^= 1;
    for (unsigned region = 0; region < REGIONS; region++) {
        set_leaves(w, fn, region, version);
        if (other_did) {
            counter_add(&fn->holes[region]);
        }
    }
    set_cr3(w, fn);
    if (by_cr3) {
        /* Only a command for all of the PASID, or what is more. */
        flush_function(w, fn, 0x7ffffffffffff001, nyx_random(&w->rng) & 1);
    } else {
        set_entries(w, fn, !other_did);
        flush_entry(w, fn);
        flush_all_of(w, fn);
    }
    if (other_did) {
        fn->did ^= 1;
        set_entries(w, fn, true);
        flush_entry(w, fn);
    }
    for (unsigned region = 0; region < REGIONS; region++) {
        set_floor(fn, region, version);
        if (other_did) {
            counter_add(&fn->holes[region]);
        }
    }
    poison_root(w, fn, fn->root ^ 1);
}

static void change_something(World *w)
{
    Function *fn = &w->fn[nyx_random(&w->rng) % FUNCTIONS];
    unsigned region = nyx_random(&w->rng) % REGIONS;

    switch (nyx_random(&w->rng) % 8) {
    case 0:
        change_entry(w, fn);
        break;
    case 1:
        change_hole(w, fn, region);
        break;
    case 2:
    case 3:
    case 4:
        change_table(w, fn, region);
        break;
    default:
        change_leaves(w, fn, region);
        break;
    }
}

/* In front of the host's tables: what a guest has does not change. */
static void nest_function(World *w, Function *fn)
{
    uint64_t cr3 = fx_mem_pages(&w->f->mem, 1) + GUEST_AT;

    for (unsigned i = 0; i < REGIONS * REGION_PAGES; i++) {
        uint64_t iova = region_iova(i / REGION_PAGES, i % REGION_PAGES);

        at_guest_map(w->f, cr3, GUEST_LEVELS, iova, iova, 12, 0x62,
                     -GUEST_AT);
    }
    at_map(w->f, fn->top[0], MODE, GUEST_AT, 0, 28, FX_RW);
    at_map(w->f, fn->top[1], MODE, GUEST_AT, 0, 28, FX_RW);
    fx_mem_poke(&w->f->mem, fn->gcr3 + PASID * 8, cr3 | 1);
}

static void function_init(World *w, unsigned n)
{
    Function *fn = &w->fn[n];

    fn->kind = n;
    fn->sid = AX_SID + n * REQUESTERS;
    fn->did = 2 * n + 2;
    fn->gcr3 = fx_mem_pages(&w->f->mem, 1);
    for (unsigned i = 0; i < REQUESTERS; i++) {
        fn->r[i] = nyx_amd_requester_new(w->f->amd, NULL);
    }
    for (unsigned i = 0; i < 2 * REGIONS; i++) {
        unsigned root = i / REGIONS, region = i % REGIONS;

        fn->top[root] = region ? fn->top[root] : fx_mem_pages(&w->f->mem, 1);
        fn->pt[root][region][0] = fx_mem_pages(&w->f->mem, 1);
        fn->pt[root][region][1] = fx_mem_pages(&w->f->mem, 1);
        fx_mem_poke(&w->f->mem, pde_of(w, fn, root, region),
                    fn->pt[root][region][0] | table_bits(fn));
        fill_table(w, fn, fn->pt[root][region][0], region, 1);
    }
    if (fn->kind == NESTED) {
        nest_function(w, fn);
    }
    set_cr3(w, fn);
    set_entries(w, fn, true);
}

typedef struct Scenario {
    const char *path;
    NyxCacheTemper cache;
    uint32_t entries;
    bool np_cache;
    bool evicts;
} Scenario;

static const Scenario scenarios[] = {
    { "/nyx-amdvi/race/threads/small", NYX_CACHE_HARDWARE, 16, false, true },
    { "/nyx-amdvi/race/threads/large", NYX_CACHE_HARDWARE, 4096, false,
      false },
    { "/nyx-amdvi/race/threads/np-cache", NYX_CACHE_HARDWARE, 4096, true,
      false },
    { "/nyx-amdvi/race/threads/sticky", NYX_CACHE_STICKY, 16, false, false },
    { "/nyx-amdvi/race/threads/off", NYX_CACHE_OFF, 16, false, false },
};

/* When a scenario that begins now is over; the reset is one more. */
static int64_t end_time(void)
{
    const char *text = g_getenv("NYX_RACE_SECONDS");
    double seconds = text ? g_ascii_strtod(text, NULL) : DEFAULT_SECONDS;

    return g_get_monotonic_time() +
           seconds * G_USEC_PER_SEC / (ARRAY_SIZE(scenarios) + 1);
}

static void world_init(World *w, const Scenario *scenario)
{
    NyxAmdCfg cfg = at_cfg();

    *w = (World) { .version = 1, .rng = 12345 };
    cfg.pa_bits = 52;
    cfg.cache = scenario->cache;
    cfg.iotlb_entries = scenario->entries;
    cfg.np_cache = scenario->np_cache;
    w->f = at_new(&cfg);
    w->f->mem.on_read = yield_on_read;
    w->f->mem.on_read_opaque = w->f;
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        function_init(w, n);
    }
}

/* On a busy machine a thread can come late, and get little done. */
#define TRANSLATIONS_MIN 1000

static bool all_translate(Translator *translators)
{
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        if (__atomic_load_n(&translators[i].translated, __ATOMIC_RELAXED) <
            TRANSLATIONS_MIN) {
            return false;
        }
    }
    return true;
}

/* The scenario did what it is there for. */
static void check_caches(World *w, const Scenario *scenario)
{
    uint64_t gcr3_hits = 0;

    for (unsigned n = 0; n < FUNCTIONS; n++) {
        for (unsigned i = 0; i < REQUESTERS; i++) {
            NyxAmdRequesterStats stats =
                nyx_amd_requester_stats(w->fn[n].r[i]);

            g_test_message("hits %" PRIu64 " misses %" PRIu64 " evictions %"
                           PRIu64 " dropped %" PRIu64 " refused %" PRIu64,
                           stats.iotlb.hits, stats.iotlb.misses,
                           stats.iotlb.evictions, stats.iotlb.dropped,
                           stats.iotlb.refused);
            gcr3_hits += stats.gcr3.hits;
            g_assert_cmpuint(stats.iotlb.misses, >, 0);
            g_assert_cmpint(stats.iotlb.hits > 0, ==,
                            scenario->cache != NYX_CACHE_OFF);
            if (scenario->evicts) {
                g_assert_cmpuint(stats.iotlb.evictions, >, 0);
            }
        }
    }
    g_assert_cmpint(gcr3_hits > 0, ==, scenario->cache != NYX_CACHE_OFF);
}

/* Translations for each change: fewer, and the caches are always empty. */
#define PACE 8

/* On a busy machine the others get no turn unless it is left to them. */
static void keep_pace(Translator *translators, unsigned changes)
{
    uint64_t sum;

    do {
        sum = 0;
        for (unsigned i = 0; i < TRANSLATORS; i++) {
            sum += __atomic_load_n(&translators[i].translated,
                                   __ATOMIC_RELAXED);
        }
        if (sum < PACE * (uint64_t)changes) {
            sched_yield();
        }
    } while (sum < PACE * (uint64_t)changes);
}

static void test_threads(gconstpointer data)
{
    const Scenario *scenario = data;
    Translator translators[TRANSLATORS];
    GThread *threads[TRANSLATORS];
    int64_t end = end_time();
    unsigned changes_made = 0;
    World w;

    world_init(&w, scenario);
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        translators[i] = (Translator) { .w = &w, .n = i };
        threads[i] = g_thread_new("translator", translator, &translators[i]);
    }
    while (g_get_monotonic_time() < end || !all_translate(translators)) {
        change_something(&w);
        g_assert_cmpuint(w.version, <, VERSIONS);
        nyx_amd_continue(w.f->amd);
        keep_pace(translators, ++changes_made);
        if (changes_made % 64 == 0) {
            at_forget_events(w.f);
            nyx_amd_requester_stats(w.fn[0].r[0]);
            nyx_amd_stats(w.f->amd);
        }
    }
    __atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        g_thread_join(threads[i]);
        g_test_message("%" PRIu64 " translated, %" PRIu64 " refused",
                       translators[i].translated, translators[i].refused);
    }
    g_test_message("%u changes", changes_made);
    check_caches(&w, scenario);
    ax_settle(w.f);
    ax_free(w.f);
}

/* --- Reset under threads -------------------------------------------------- */

/* Mapped or identity; what is refused found an IOMMU half reset. */
static void *reset_translator(void *opaque)
{
    Translator *t = opaque;
    uint64_t rng = t->n + 1;

    while (!__atomic_load_n(&t->w->stop, __ATOMIC_RELAXED)) {
        Function *fn = &t->w->fn[HOST];
        NyxRequest req = {
            .access = FX_R,
            .iova = region_iova(nyx_random(&rng) % REGIONS, 0),
        };
        NyxReply reply;

        if (nyx_amd_translate(fn->r[0], fn->sid, &req, &reply)) {
            __atomic_fetch_add(&t->translated, 1, __ATOMIC_RELAXED);
            g_assert_true(reply.addr == req.iova || reply.addr >> 47 == 1);
        }
    }
    return NULL;
}

static void test_reset(void)
{
    Translator translators[TRANSLATORS];
    GThread *threads[TRANSLATORS];
    int64_t end = end_time();
    NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);
    World w;

    world_init(&w, &scenarios[0]);
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        translators[i] = (Translator) { .w = &w, .n = i };
        threads[i] = g_thread_new("translator", reset_translator,
                                  &translators[i]);
    }
    for (unsigned i = 0; i < 200 || g_get_monotonic_time() < end; i++) {
        nyx_amd_save(w.f->amd, saved);
        nyx_amd_reset(w.f->amd);
        g_assert_null(nyx_amd_load(w.f->amd, saved));
        ax_settle(w.f);
    }
    __atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        g_thread_join(threads[i]);
        g_assert_cmpuint(translators[i].translated, >, 0);
    }
    g_free(saved);
    ax_free(w.f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(scenarios); i++) {
        g_test_add_data_func(scenarios[i].path, &scenarios[i], test_threads);
    }
    g_test_add_func("/nyx-amdvi/race/reset", test_reset);
    return g_test_run();
}
