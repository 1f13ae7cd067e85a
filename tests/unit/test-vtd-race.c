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

/* --- Threads -------------------------------------------------------------- */

#define FUNCTIONS 2         /* each with a domain of its own */
#define REQUESTERS 2        /* of a function, in the same domain */
#define REGIONS 4           /* of 2M: a page table, or one leaf */
#define REGION_PAGES 16
#define TRANSLATORS 4
#define VERSIONS (1ULL << 27)

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
    NyxVtdRequester *r[REQUESTERS];
    uint16_t sid;                         /* of the first requester */
    uint16_t did;
    unsigned root;                        /* of two, which is in use */
    uint64_t ss[2];
    uint64_t pt[2][REGIONS][2];           /* page tables, two for each */
    unsigned pt_used[2][REGIONS];
    bool large[2][REGIONS];               /* a 2M leaf is in use instead */
    uint64_t floor[REGIONS];              /* atomic */
    uint64_t holes[REGIONS];              /* atomic; odd: may be unmapped */
    uint64_t reused[REGIONS];             /* atomic; tables given up */
} Function;

typedef struct World {
    Fx *f;
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

static uint64_t region_iova(unsigned region, unsigned page)
{
    /* Two regions to a directory, two directories. */
    return (uint64_t)(region / 2) << 30 | (region % 2) << 21 | page << 12;
}

/*
 * What a region is mapped to, by one leaf or page by page.  Bit 50 keeps all
 * of them out of the interrupt range.
 */
static uint64_t region_target(uint64_t version, unsigned region)
{
    return 1ULL << 50 | version << 23 | region << 21;
}

static void fill_table(World *w, uint64_t pt, unsigned region,
                       uint64_t version)
{
    /* Odd ones have neighbours changed over: no run of leaves is in a row. */
    unsigned swap = version & 1;

    for (unsigned page = 0; page < REGION_PAGES; page++) {
        uint64_t leaf = region_target(version, region) |
                        (page ^ swap) << 12 | 3;

        fx_mem_poke(&w->f->mem, pt + page * 8, version ? leaf : 0);
    }
}

static uint64_t pde_of(World *w, Function *fn, unsigned root,
                       unsigned region)
{
    return fx_entry(w->f, fn->ss[root], LEVELS, region_iova(region, 0), 2);
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
        fill_table(w, table_in_use(fn, region), region, version);
    } else {
        fx_mem_poke(&w->f->mem, pde_of(w, fn, fn->root, region),
                    version ? region_target(version, region) | 0x83 : 0);
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
    };
    uint64_t holes = counter_read(&fn->holes[region]);
    uint64_t reused = counter_read(&fn->reused[region]);
    uint64_t floor = counter_read(&fn->floor[region]);
    NyxReply reply;

    if (nyx_vtd_translate(fn->r[which], fn->sid + which, &req, &reply)) {
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

    if (!pthread_equal(((Fx *)opaque)->serial, pthread_self()) &&
        nyx_random(&rng) % 16 == 0) {
        sched_yield();
    }
}

/* --- Changes -------------------------------------------------------------- */

static void flush_all_of(World *w, Function *fn)
{
    if (nyx_random(&w->rng) & 1) {
        fx_submit(w->f, fn->did << 16 | 0x22, 0);
    } else {
        fx_submit(w->f, 0x12, 0);
    }
}

/* @ih: tables were not changed. */
static void flush_region(World *w, Function *fn, unsigned region, bool ih)
{
    uint64_t hint = ih ? 0x40 : 0;

    switch (nyx_random(&w->rng) % 4) {
    case 0:
        flush_all_of(w, fn);
        break;
    case 1:
        fx_submit(w->f, fn->did << 16 | 0x32,
                  region_iova(region, 0) | hint | 9);
        break;
    default:
        for (unsigned page = 0; page < REGION_PAGES; page++) {
            fx_submit(w->f, fn->did << 16 | 0x32,
                      region_iova(region, page) | hint);
        }
        break;
    }
}

static void flush_context(World *w, Function *fn)
{
    switch (nyx_random(&w->rng) % 3) {
    case 0:
        fx_submit(w->f, 0x11, 0);
        break;
    case 1:
        fx_submit(w->f, fn->did << 16 | 0x21, 0);
        break;
    default:
        for (unsigned i = 0; i < REQUESTERS; i++) {
            fx_submit(w->f, (uint64_t)(fn->sid + i) << 32 | fn->did << 16 |
                      0x31, 0);
        }
        break;
    }
}

/* @ss 0: absent. */
static void set_contexts(World *w, Function *fn, uint64_t ss)
{
    for (unsigned i = 0; i < REQUESTERS; i++) {
        uint64_t ctx = fx_context_addr(w->f, fn->sid + i);

        if (ss) {
            fx_mem_poke(&w->f->mem, ctx + 8, fx_context_hi(LEVELS, fn->did));
        }
        fx_mem_poke(&w->f->mem, ctx, ss ? ss | 1 : 0);
    }
}

static void change_leaves(World *w, Function *fn, unsigned region)
{
    uint64_t version = ++w->version;

    set_leaves(w, fn, region, version);
    flush_region(w, fn, region, true);
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
                    table_in_use(fn, region) | 3);
    }
    flush_region(w, fn, region, false);
    set_floor(fn, region, version);
    if (!was_large) {
        /* Whoever still comes here is caught. */
        counter_add(&fn->reused[region]);
        fill_table(w, old, region, 1);
    }
}

static void change_hole(World *w, Function *fn, unsigned region)
{
    counter_add(&fn->holes[region]);
    set_leaves(w, fn, region, 0);
    flush_region(w, fn, region, true);
    set_floor(fn, region, ++w->version);
    set_leaves(w, fn, region, w->version);
    counter_add(&fn->holes[region]);
}

static void poison_root(World *w, Function *fn, unsigned root)
{
    for (unsigned region = 0; region < REGIONS; region++) {
        counter_add(&fn->reused[region]);
        fill_table(w, fn->pt[root][region][0], region, 1);
        fill_table(w, fn->pt[root][region][1], region, 1);
        if (fn->large[root][region]) {
            fx_mem_poke(&w->f->mem, pde_of(w, fn, root, region),
                        region_target(1, region) | 0x83);
        }
    }
}

/* Other tables; under another domain id the entry is absent in between. */
static void change_context(World *w, Function *fn)
{
    uint64_t version = ++w->version;
    bool other_did = nyx_random(&w->rng) & 1;

    fn->root ^= 1;
    for (unsigned region = 0; region < REGIONS; region++) {
        set_leaves(w, fn, region, version);
        if (other_did) {
            counter_add(&fn->holes[region]);
        }
    }
    set_contexts(w, fn, other_did ? 0 : fn->ss[fn->root]);
    flush_context(w, fn);
    flush_all_of(w, fn);
    if (other_did) {
        fn->did ^= 1;
        set_contexts(w, fn, fn->ss[fn->root]);
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
        change_context(w, fn);
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

static void function_init(World *w, unsigned n)
{
    Function *fn = &w->fn[n];

    fn->sid = FX_SID + n * REQUESTERS;
    fn->did = 2 * n + 2;
    for (unsigned i = 0; i < REQUESTERS; i++) {
        fn->r[i] = nyx_vtd_requester_new(w->f->vtd, NULL);
    }
    for (unsigned i = 0; i < 2 * REGIONS; i++) {
        unsigned root = i / REGIONS, region = i % REGIONS;

        fn->ss[root] = region ? fn->ss[root] : fx_mem_pages(&w->f->mem, 1);
        fn->pt[root][region][0] = fx_mem_pages(&w->f->mem, 1);
        fn->pt[root][region][1] = fx_mem_pages(&w->f->mem, 1);
        fx_mem_poke(&w->f->mem, pde_of(w, fn, root, region),
                    fn->pt[root][region][0] | 3);
        fill_table(w, fn->pt[root][region][0], region, 1);
    }
    set_contexts(w, fn, fn->ss[0]);
}

typedef struct Scenario {
    const char *path;
    NyxCacheTemper cache;
    uint32_t entries;
    bool evicts;
} Scenario;

static const Scenario scenarios[] = {
    { "/nyx-vtd/race/threads/small", NYX_CACHE_HARDWARE, 16, true },
    { "/nyx-vtd/race/threads/large", NYX_CACHE_HARDWARE, 4096, false },
    { "/nyx-vtd/race/threads/sticky", NYX_CACHE_STICKY, 16, false },
    { "/nyx-vtd/race/threads/off", NYX_CACHE_OFF, 16, false },
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
    NyxVtdCfg cfg = fx_cfg();

    *w = (World) { .version = 1, .rng = 12345 };
    cfg.haw_bits = 52;
    cfg.cache = scenario->cache;
    cfg.iotlb_entries = scenario->entries;
    w->f = fx_new(&cfg);
    w->f->mem.on_read = yield_on_read;
    w->f->mem.on_read_opaque = w->f;
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        function_init(w, n);
    }
    fx_start(w->f);
    fx_queue_start(w->f, 0);
}

/* On a busy machine a thread can come late. */
static bool all_translate(Translator *translators)
{
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        if (!__atomic_load_n(&translators[i].translated, __ATOMIC_RELAXED)) {
            return false;
        }
    }
    return true;
}

/* The scenario did what it is there for. */
static void check_caches(World *w, const Scenario *scenario)
{
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        for (unsigned i = 0; i < REQUESTERS; i++) {
            NyxIotlbStats stats =
                nyx_vtd_requester_stats(w->fn[n].r[i]).iotlb;

            g_test_message("hits %" PRIu64 " misses %" PRIu64 " evictions %"
                           PRIu64 " dropped %" PRIu64 " refused %" PRIu64,
                           stats.hits, stats.misses, stats.evictions,
                           stats.dropped, stats.refused);
            g_assert_cmpuint(stats.misses, >, 0);
            g_assert_cmpint(stats.hits > 0, ==,
                            scenario->cache != NYX_CACHE_OFF);
            if (scenario->evicts) {
                g_assert_cmpuint(stats.evictions, >, 0);
            }
        }
    }
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
        nyx_vtd_continue(w.f->vtd);
        if (++changes_made % 64 == 0) {
            fx_clear_faults(w.f);
            nyx_vtd_requester_stats(w.fn[0].r[0]);
            nyx_vtd_stats(w.f->vtd);
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
    fx_settle(w.f);
    fx_free(w.f);
}

/* --- Reset under threads -------------------------------------------------- */

/* Mapped or identity; what is refused found a unit half reset. */
static void *reset_translator(void *opaque)
{
    Translator *t = opaque;
    uint64_t rng = t->n + 1;

    while (!__atomic_load_n(&t->w->stop, __ATOMIC_RELAXED)) {
        Function *fn = &t->w->fn[nyx_random(&rng) % FUNCTIONS];
        NyxRequest req = {
            .access = FX_R,
            .iova = region_iova(nyx_random(&rng) % REGIONS, 0),
        };
        NyxReply reply;

        if (nyx_vtd_translate(fn->r[0], fn->sid, &req, &reply)) {
            __atomic_fetch_add(&t->translated, 1, __ATOMIC_RELAXED);
            g_assert_true(reply.addr == req.iova || reply.addr >> 50 == 1);
        }
    }
    return NULL;
}

static void test_reset(void)
{
    Translator translators[TRANSLATORS];
    GThread *threads[TRANSLATORS];
    int64_t end = end_time();
    NyxVtdSaved saved;
    World w;

    world_init(&w, &scenarios[0]);
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        translators[i] = (Translator) { .w = &w, .n = i };
        threads[i] = g_thread_new("translator", reset_translator,
                                  &translators[i]);
    }
    for (unsigned i = 0; i < 500 || g_get_monotonic_time() < end; i++) {
        nyx_vtd_save(w.f->vtd, &saved);
        nyx_vtd_reset(w.f->vtd);
        if (i % 2) {
            g_assert_null(nyx_vtd_load(w.f->vtd, &saved));
        } else {
            fx_start(w.f);
        }
        fx_settle(w.f);
    }
    __atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        g_thread_join(threads[i]);
    }
    fx_free(w.f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-vtd/race/interleave", test_interleave);
    for (unsigned i = 0; i < ARRAY_SIZE(scenarios); i++) {
        g_test_add_data_func(scenarios[i].path, &scenarios[i], test_threads);
    }
    g_test_add_func("/nyx-vtd/race/reset", test_reset);
    return g_test_run();
}
