/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads translate beside requests: once an UNMAP, ATTACH or DETACH, a write
 * of bypass or a reset is done, no translation that starts later goes by what
 * was before.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define PAGE 0x1000ULL
#define ENDPOINTS 4
#define DOMAINS 3            /* with mappings; one more is a bypass domain */
#define IN_BYPASS DOMAINS
#define NOWHERE (DOMAINS + 1)
#define BYPASS_ID 1000
#define REGIONS 4
#define REGION_PAGES 16
#define TRANSLATORS 4

/* Translations of a thread, and of all, that belong to a change. */
#define BURST 32
#define PACE 8

/* Seconds of racing, of all scenarios together; NYX_RACE_SECONDS. */
#define DEFAULT_SECONDS 4.0

/*
 * Each time that a region is mapped it gets a version, which is in the
 * addresses.  The floor is the version that is sure to be in use: what was
 * before is gone.
 */
typedef struct Domain {
    uint64_t floor[REGIONS];              /* atomic */
    uint64_t holes[REGIONS];              /* atomic; odd: may be unmapped */
    unsigned members;
} Domain;

typedef struct Endpoint {
    NyxVioRequester *r;
    uint64_t changes;                     /* atomic; odd: on the way */
    unsigned domain;                      /* atomic */
} Endpoint;

typedef struct World {
    Vx *f;
    Domain domain[DOMAINS];
    Endpoint endpoint[ENDPOINTS];
    uint64_t bypass_changes;              /* atomic */
    bool bypass;                          /* atomic */
    unsigned changes;                     /* atomic */
    uint64_t version;
    uint64_t rng;
    bool stop;                            /* atomic */
} World;

typedef struct Translator {
    World *w;
    unsigned n;
    uint64_t translated;                  /* atomic */
    uint64_t refused;                     /* atomic */
} Translator;

#define GET(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define SET(x, value) __atomic_store_n(&(x), value, __ATOMIC_SEQ_CST)
#define INC(x) __atomic_fetch_add(&(x), 1, __ATOMIC_SEQ_CST)

static uint64_t region_iova(unsigned region, unsigned page)
{
    return (uint64_t)(region / 2) << 30 | (region % 2) << 21 | page << 12;
}

/* No identity looks like that. */
static uint64_t target(uint64_t version, unsigned domain, unsigned region)
{
    return 1ULL << 62 | (uint64_t)domain << 58 | version << 26 |
           region << 21;
}

/* --- What threads see ----------------------------------------------------- */

typedef struct Seen {
    uint64_t changes;
    unsigned domain;
    uint64_t bypass_changes;
    bool bypass;
    uint64_t holes;
    uint64_t floor[DOMAINS];
} Seen;

static Seen look(World *w, Endpoint *e, unsigned region)
{
    Seen seen = { .changes = GET(e->changes) };

    seen.domain = GET(e->domain);
    seen.bypass_changes = GET(w->bypass_changes);
    seen.bypass = GET(w->bypass);
    for (unsigned i = 0; i < DOMAINS; i++) {
        seen.floor[i] = GET(w->domain[i].floor[region]);
    }
    if (seen.domain < DOMAINS) {
        seen.holes = GET(w->domain[seen.domain].holes[region]);
    }
    return seen;
}

/* Nothing has changed since, so that there is only one answer. */
static void check_exactly(World *w, Endpoint *e, unsigned region,
                          const Seen *seen, uint64_t iova,
                          const NyxReply *reply)
{
    if (seen->domain < DOMAINS) {
        g_assert_true(!reply->ok ||
                      (reply->addr >> 58 & 15) == seen->domain);
        g_assert_true(reply->ok || seen->holes & 1 ||
                      GET(w->domain[seen->domain].holes[region]) !=
                      seen->holes);
    } else if (seen->domain == IN_BYPASS) {
        g_assert_true(reply->ok);
        g_assert_cmphex(reply->addr, ==, iova);
    } else if (!(seen->bypass_changes & 1) &&
               GET(w->bypass_changes) == seen->bypass_changes) {
        g_assert_cmpint(reply->ok, ==, seen->bypass);
    }
}

static void check_one(Translator *t, uint64_t *rng)
{
    World *w = t->w;
    Endpoint *e = &w->endpoint[nyx_random(rng) % ENDPOINTS];
    unsigned region = nyx_random(rng) % REGIONS;
    unsigned page = nyx_random(rng) % REGION_PAGES;
    NyxRequest req = {
        .type = nyx_random(rng) % 16 ? NYX_REQ_UNTRANSLATED
                                     : NYX_REQ_TRANSLATION,
        .access = nyx_random(rng) % 2 ? FX_R : FX_RW,
        .iova = region_iova(region, page),
    };
    Seen seen = look(w, e, region);
    NyxReply reply;

    nyx_vio_translate(e->r, vx_sid(e->r), &req, &reply);
    if (reply.ok && !reply.access) {
        reply.ok = false;
    }
    if (!reply.ok) {
        __atomic_fetch_add(&t->refused, 1, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_add(&t->translated, 1, __ATOMIC_RELAXED);
    }
    if (reply.ok && reply.addr >> 62) {
        unsigned domain = reply.addr >> 58 & 15;

        g_assert_cmpuint(domain, <, DOMAINS);
        g_assert_cmpuint(reply.addr >> 26 & UINT32_MAX, >=,
                         seen.floor[domain]);
        g_assert_cmphex(reply.addr & 0x3ffffff, ==,
                        region << 21 | page << 12);
    } else if (reply.ok) {
        g_assert_cmphex(reply.addr, ==, req.iova);
    }
    if (!(seen.changes & 1) && GET(e->changes) == seen.changes) {
        check_exactly(w, e, region, &seen, req.iova, &reply);
    }
}

static void *translator(void *opaque)
{
    Translator *t = opaque;
    uint64_t rng = t->n * 0x9e3779b97f4a7c15ULL + 1;

    while (!GET(t->w->stop)) {
        unsigned changes = GET(t->w->changes);

        for (unsigned i = 0; i < BURST; i++) {
            check_one(t, &rng);
        }
        while (GET(t->w->changes) == changes && !GET(t->w->stop)) {
            sched_yield();
        }
    }
    return NULL;
}

/* --- Changes -------------------------------------------------------------- */

static void map_region(World *w, unsigned d, unsigned region)
{
    uint64_t addr = target(++w->version, d, region);
    unsigned pages = 1u << nyx_random(&w->rng) % 5;

    g_assert_cmpuint(w->version, <, UINT32_MAX);
    for (unsigned page = 0; page < REGION_PAGES; page += pages) {
        uint64_t first = region_iova(region, page);

        g_assert_cmpuint(vx_map(w->f, d, first, first + pages * PAGE - 1,
                                addr + page * PAGE, FX_RW), ==, VX_OK);
    }
    SET(w->domain[d].floor[region], w->version);
    INC(w->domain[d].holes[region]);
}

static void unmap_region(World *w, unsigned d, unsigned region)
{
    uint64_t first = region_iova(region, 0);
    uint64_t last = region_iova(region, REGION_PAGES) - 1;

    INC(w->domain[d].holes[region]);
    switch (nyx_random(&w->rng) % 3) {
    case 0:
        /* More than there is. */
        first = region ? region_iova(region, 0) - PAGE : 0;
        last += PAGE;
        break;
    case 1:
        /* If it was not one mapping, in halves. */
        vx_unmap(w->f, d, first, first + REGION_PAGES / 2 * PAGE - 1);
        break;
    }
    g_assert_cmpuint(vx_unmap(w->f, d, first, last), ==, VX_OK);
    SET(w->domain[d].floor[region], w->version + 1);
}

/* Its mappings are gone when the last one has left. */
static void domain_ended(World *w, unsigned d)
{
    for (unsigned region = 0; region < REGIONS; region++) {
        SET(w->domain[d].floor[region], w->version + 1);
    }
}

static void left(World *w, unsigned d)
{
    if (d < DOMAINS && !--w->domain[d].members) {
        domain_ended(w, d);
    }
}

/* Threads may find a hole from here, until all is mapped. */
static void will_leave(World *w, unsigned d)
{
    if (d < DOMAINS && w->domain[d].members == 1) {
        for (unsigned region = 0; region < REGIONS; region++) {
            INC(w->domain[d].holes[region]);
        }
    }
}

static void joined(World *w, unsigned d)
{
    if (d < DOMAINS && !w->domain[d].members++) {
        for (unsigned region = 0; region < REGIONS; region++) {
            map_region(w, d, region);
        }
    }
}

static void move(World *w, unsigned n, unsigned to)
{
    Endpoint *e = &w->endpoint[n];
    unsigned from = e->domain, status;
    uint16_t sid = vx_sid(e->r);

    INC(e->changes);
    if (to != from) {
        will_leave(w, from);
    }
    if (to == NOWHERE) {
        status = vx_detach(w->f, from == IN_BYPASS ? BYPASS_ID : from, sid);
        g_assert_cmpuint(status, ==, from == NOWHERE ? VX_INVAL : VX_OK);
    } else {
        status = to == IN_BYPASS ? vx_attach_bypass(w->f, BYPASS_ID, sid)
                                 : vx_attach(w->f, to, sid);
        g_assert_cmpuint(status, ==, VX_OK);
    }
    if (to != from) {
        left(w, from);
        joined(w, to);
    }
    SET(e->domain, to);
    INC(e->changes);
}

static void flip_bypass(World *w)
{
    bool on = nyx_random(&w->rng) & 1;

    INC(w->bypass_changes);
    vx_set_bypass(w->f, on);
    SET(w->bypass, on);
    INC(w->bypass_changes);
}

static void reset(World *w)
{
    for (unsigned n = 0; n < ENDPOINTS; n++) {
        INC(w->endpoint[n].changes);
        will_leave(w, w->endpoint[n].domain);
        if (w->endpoint[n].domain < DOMAINS &&
            w->domain[w->endpoint[n].domain].members > 1) {
            /* So that the last one is seen as such. */
            w->domain[w->endpoint[n].domain].members--;
        }
    }
    nyx_vio_device_reset(w->f->vio);
    for (unsigned n = 0; n < ENDPOINTS; n++) {
        unsigned d = w->endpoint[n].domain;

        if (d < DOMAINS && w->domain[d].members) {
            w->domain[d].members = 0;
            domain_ended(w, d);
        }
        SET(w->endpoint[n].domain, NOWHERE);
        INC(w->endpoint[n].changes);
    }
    nyx_vio_set_features(w->f->vio, nyx_vio_features(w->f->vio));
}

static void change_something(World *w)
{
    unsigned n = nyx_random(&w->rng) % ENDPOINTS;
    unsigned d = w->endpoint[n].domain;
    unsigned region = nyx_random(&w->rng) % REGIONS;

    switch (nyx_random(&w->rng) % 32) {
    case 0:
        reset(w);
        break;
    case 1:
    case 2:
        flip_bypass(w);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        move(w, n, nyx_random(&w->rng) % (NOWHERE + 1));
        break;
    default:
        if (d < DOMAINS) {
            unmap_region(w, d, region);
            map_region(w, d, region);
        } else {
            move(w, n, nyx_random(&w->rng) % DOMAINS);
        }
        break;
    }
}

/* --- Scenarios ------------------------------------------------------------ */

typedef struct Scenario {
    const char *path;
    NyxCacheTemper cache;
    uint32_t entries;
} Scenario;

static const Scenario scenarios[] = {
    { "/nyx-virtio/race/small", NYX_CACHE_HARDWARE, 16 },
    { "/nyx-virtio/race/large", NYX_CACHE_HARDWARE, 4096 },
    { "/nyx-virtio/race/sticky", NYX_CACHE_STICKY, 16 },
    { "/nyx-virtio/race/off", NYX_CACHE_OFF, 16 },
};

/* When a scenario that begins now is over. */
static int64_t end_time(void)
{
    const char *text = g_getenv("NYX_RACE_SECONDS");
    double seconds = text ? g_ascii_strtod(text, NULL) : DEFAULT_SECONDS;

    return g_get_monotonic_time() +
           seconds * G_USEC_PER_SEC / ARRAY_SIZE(scenarios);
}

static void world_init(World *w, const Scenario *scenario)
{
    NyxVioCfg cfg = vx_cfg();

    *w = (World) { .rng = 12345, .bypass = true };
    cfg.cache = scenario->cache;
    cfg.iotlb_entries = scenario->entries;
    w->f = vx_new_started(&cfg);
    for (unsigned d = 0; d < DOMAINS; d++) {
        for (unsigned region = 0; region < REGIONS; region++) {
            w->domain[d].holes[region] = 1;
        }
    }
    for (unsigned n = 0; n < ENDPOINTS; n++) {
        w->endpoint[n].r = vx_requester(w->f, 0x20 + n);
        w->endpoint[n].domain = NOWHERE;
    }
}

/* On a busy machine a thread can come late, and get little done. */
#define TRANSLATIONS_MIN 1000

static uint64_t all_translated(Translator *translators, bool *each)
{
    uint64_t sum = 0;

    *each = true;
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        uint64_t n = __atomic_load_n(&translators[i].translated,
                                     __ATOMIC_RELAXED);

        *each &= n >= TRANSLATIONS_MIN;
        sum += n + __atomic_load_n(&translators[i].refused, __ATOMIC_RELAXED);
    }
    return sum;
}

/* Threads get a turn, so that there is something in the caches. */
static void keep_pace(World *w, Translator *translators)
{
    bool each;
    uint64_t sum = all_translated(translators, &each);

    INC(w->changes);
    while (all_translated(translators, &each) < sum + PACE) {
        sched_yield();
    }
}

static void check_caches(World *w, const Scenario *scenario)
{
    for (unsigned n = 0; n < ENDPOINTS; n++) {
        NyxVioRequesterStats stats =
            nyx_vio_requester_stats(w->endpoint[n].r);

        g_test_message("lookups %" PRIu64 " hits %" PRIu64 " evictions %"
                       PRIu64 " dropped %" PRIu64 " refused %" PRIu64,
                       stats.lookups, stats.iotlb.hits,
                       stats.iotlb.evictions, stats.iotlb.dropped,
                       stats.iotlb.refused);
        g_assert_cmpuint(stats.lookups, >, 0);
        g_assert_cmpint(stats.iotlb.hits > 0, ==,
                        scenario->cache != NYX_CACHE_OFF);
        g_assert_cmpint(stats.iotlb.dropped > 0, ==,
                        scenario->cache != NYX_CACHE_OFF);
    }
}

static void test_threads(gconstpointer data)
{
    const Scenario *scenario = data;
    Translator translators[TRANSLATORS];
    GThread *threads[TRANSLATORS];
    int64_t end = end_time();
    bool each = false;
    World w;

    world_init(&w, scenario);
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        translators[i] = (Translator) { .w = &w, .n = i };
        threads[i] = g_thread_new("translator", translator, &translators[i]);
    }
    while (g_get_monotonic_time() < end || !each) {
        change_something(&w);
        nyx_vio_continue(w.f->vio);
        keep_pace(&w, translators);
        all_translated(translators, &each);
        if (w.changes % 64 == 0) {
            vx_forget_calls(w.f);
            nyx_vio_requester_stats(w.endpoint[0].r);
            nyx_vio_stats(w.f->vio);
        }
    }
    SET(w.stop, true);
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        g_thread_join(threads[i]);
        g_test_message("%" PRIu64 " translated, %" PRIu64 " refused",
                       translators[i].translated, translators[i].refused);
    }
    g_test_message("%u changes", w.changes);
    check_caches(&w, scenario);
    vx_settle(w.f);
    vx_free(w.f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(scenarios); i++) {
        g_test_add_data_func(scenarios[i].path, &scenarios[i], test_threads);
    }
    return g_test_run();
}
