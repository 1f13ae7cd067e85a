/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads translate by tables of the guest beside requests: once an
 * INVALIDATE, ATTACH_TABLE, DETACH or reset is done, no translation that
 * starts later goes by what was before.
 */
#include "qemu/osdep.h"
#include "vio-drafts.h"

#define IOVA 0x40000000ULL
#define PAGES 24
#define PASIDS 3
#define SPACES (PASIDS + 1)  /* number 0 is without a PASID */
#define TRANSLATORS 3
#define BURST 32
#define PACE 8

/* Seconds of racing; NYX_RACE_SECONDS. */
#define DEFAULT_SECONDS 2.0

#define GET(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define SET(x, value) __atomic_store_n(&(x), value, __ATOMIC_SEQ_CST)
#define INC(x) __atomic_fetch_add(&(x), 1, __ATOMIC_SEQ_CST)

/*
 * An address space.  Leaves have versions in their addresses; the floor of a
 * page is the version that is sure to be in use.  It has two sets of tables,
 * of which one is attached.
 */
typedef struct Space {
    VdSpace tables[2];
    unsigned used;
    uint64_t floor[PAGES];   /* atomic */
    uint64_t changes;        /* atomic; odd: may come or go */
    bool there;              /* atomic */
} Space;

typedef struct World {
    Vx *f;
    Space space[SPACES];
    uint32_t domain;
    uint64_t version;
    uint64_t rng;
    unsigned changes;        /* atomic */
    bool stop;               /* atomic */
} World;

typedef struct Translator {
    World *w;
    unsigned n;
    uint64_t translated;     /* atomic */
    uint64_t refused;        /* atomic */
} Translator;

static uint32_t pasid_of(unsigned space)
{
    return space ? space : VD_NO_PASID;
}

static uint64_t address(unsigned space, unsigned page, uint64_t version)
{
    return version << 24 | (uint64_t)space << 20 | page << 12;
}

/* --- What threads see ----------------------------------------------------- */

static void check_one(Translator *t, uint64_t *rng)
{
    World *w = t->w;
    unsigned n = nyx_random(rng) % SPACES, page = nyx_random(rng) % PAGES;
    Space *space = &w->space[n];
    uint64_t changes = GET(space->changes);
    bool there = GET(space->there);
    uint64_t floor = GET(space->floor[page]);
    NyxReply reply = vd_request(w->f->r, pasid_of(n),
                                nyx_random(rng) % 16 ? NYX_REQ_UNTRANSLATED
                                                     : NYX_REQ_TRANSLATION,
                                nyx_random(rng) % 2 ? FX_R : FX_RW,
                                IOVA + page * 0x1000);

    __atomic_fetch_add(reply.ok ? &t->translated : &t->refused, 1,
                       __ATOMIC_RELAXED);
    if (reply.ok) {
        g_assert_cmphex(reply.addr & 0xffffff, ==, address(n, page, 0));
        g_assert_cmpuint(reply.addr >> 24, >=, floor);
    }
    if (!(changes & 1) && GET(space->changes) == changes) {
        g_assert_cmpint(reply.ok, ==, there);
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

static void write_page(World *w, unsigned n, unsigned set, unsigned page)
{
    g_assert_cmpuint(w->version, <, 1u << 27);
    vd_map(&w->space[n].tables[set], IOVA + page * 0x1000, 1,
           address(n, page, ++w->version), FX_RW);
}

static void write_all(World *w, unsigned n, unsigned set)
{
    for (unsigned page = 0; page < PAGES; page++) {
        write_page(w, n, set, page);
    }
}

/* All that was before is gone. */
static void raise_all(World *w, unsigned n, uint64_t version)
{
    for (unsigned page = 0; page < PAGES; page++) {
        SET(w->space[n].floor[page], version);
    }
}

static void remap(World *w, unsigned n)
{
    Space *space = &w->space[n];
    unsigned page = nyx_random(&w->rng) % PAGES, status;

    if (!space->there) {
        return;
    }
    write_page(w, n, space->used, page);
    switch (nyx_random(&w->rng) % 4) {
    case 0:
        status = vd_inv_domain(w->f, w->domain, VD_C_IOTLB);
        break;
    case 1:
        status = n ? vd_inv_pasid(w->f, w->domain, n, VD_C_IOTLB)
                   : vd_inv_domain(w->f, w->domain, VD_C_IOTLB);
        break;
    default:
        status = vd_inv_pages(w->f, w->domain, pasid_of(n),
                              IOVA + page * 0x1000,
                              1 + nyx_random(&w->rng) % 4);
    }
    g_assert_cmpuint(status, ==, VX_OK);
    SET(space->floor[page], w->version);
}

/* The other tables, whose pages are all newer. */
static void swap(World *w, unsigned n)
{
    Space *space = &w->space[n];
    uint64_t before = w->version;

    if (!n || !space->there) {
        return;
    }
    space->used ^= 1;
    write_all(w, n, space->used);
    g_assert_cmpuint(vd_give(&space->tables[space->used], w->domain, VX_SID,
                             n), ==, VX_OK);
    raise_all(w, n, before + 1);
}

/* Gone without a word, so that what comes is newer. */
static void went(World *w, unsigned n)
{
    SET(w->space[n].there, false);
    raise_all(w, n, w->version + 1);
    w->space[n].used ^= 1;
    write_all(w, n, w->space[n].used);
}

static void toggle(World *w, unsigned n)
{
    Space *space = &w->space[n];
    const VdAttach none = {
        .domain = w->domain, .endpoint = VX_SID, .flags = VD_HAS_PASID,
        .pasid = n,
    };

    if (!n) {
        return;
    }
    INC(space->changes);
    if (space->there) {
        g_assert_cmpuint(vd_attach(w->f, &none), ==, VX_OK);
        went(w, n);
    } else {
        g_assert_cmpuint(vd_give(&space->tables[space->used], w->domain,
                                 VX_SID, n), ==, VX_OK);
        SET(space->there, true);
    }
    INC(space->changes);
}

/* Another domain, or none for a moment. */
static void move(World *w)
{
    unsigned how = nyx_random(&w->rng) % 3;

    for (unsigned n = 0; n < SPACES; n++) {
        INC(w->space[n].changes);
    }
    if (how == 0) {
        nyx_vio_device_reset(w->f->vio);
        nyx_vio_set_features(w->f->vio, nyx_vio_features(w->f->vio));
    } else if (how == 1) {
        g_assert_cmpuint(vx_detach(w->f, w->domain, VX_SID), ==, VX_OK);
    }
    if (how < 2) {
        for (unsigned n = 0; n < SPACES; n++) {
            went(w, n);
        }
    } else {
        /* Those of the domain that is left are still in use. */
        w->space[0].used ^= 1;
        write_all(w, 0, w->space[0].used);
    }
    w->domain = w->domain % 5 + 1;
    g_assert_cmpuint(vd_give(&w->space[0].tables[w->space[0].used], w->domain,
                             VX_SID, VD_NO_PASID), ==, VX_OK);
    SET(w->space[0].there, true);
    for (unsigned n = 1; n < SPACES && how == 2; n++) {
        went(w, n);
    }
    for (unsigned n = 0; n < SPACES; n++) {
        INC(w->space[n].changes);
    }
}

static void change_something(World *w)
{
    unsigned n = nyx_random(&w->rng) % SPACES;

    switch (nyx_random(&w->rng) % 32) {
    case 0:
        move(w);
        break;
    case 1:
    case 2:
        swap(w, n);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        toggle(w, n);
        break;
    default:
        remap(w, n);
    }
}

/* --- The race ------------------------------------------------------------- */

static void world_init(World *w, NyxCacheTemper temper, uint32_t flags)
{
    NyxVioCfg cfg = vd_cfg();

    *w = (World) { .domain = 1, .rng = 42 };
    cfg.cache = temper;
    cfg.addr_bits = 52;
    cfg.boot_bypass = false;
    w->f = vx_new_started(&cfg);
    w->f->buffers = 0;
    for (unsigned n = 0; n < SPACES; n++) {
        for (unsigned set = 0; set < 2; set++) {
            w->space[n].tables[set] = vd_space(w->f, n == 1 ? VD_AMD_V1
                                                            : VD_VTD_SECOND,
                                               4, flags);
        }
        write_all(w, n, 0);
    }
    g_assert_cmpuint(vd_give(&w->space[0].tables[0], 1, VX_SID, VD_NO_PASID),
                     ==, VX_OK);
    w->space[0].there = true;
}

static double seconds(void)
{
    const char *text = g_getenv("NYX_RACE_SECONDS");

    return (text ? g_ascii_strtod(text, NULL) : DEFAULT_SECONDS) / 3;
}

static void race(NyxCacheTemper temper, uint32_t flags)
{
    gint64 end = g_get_monotonic_time() + seconds() * 1e6;
    pthread_t threads[TRANSLATORS];
    Translator t[TRANSLATORS];
    uint64_t translated = 0, refused = 0;
    World w;

    world_init(&w, temper, flags);
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        t[i] = (Translator) { .w = &w, .n = i };
        pthread_create(&threads[i], NULL, translator, &t[i]);
    }
    while (g_get_monotonic_time() < end && w.version < (1u << 27) - 1000) {
        for (unsigned i = 0; i < PACE; i++) {
            change_something(&w);
        }
        vx_settle(w.f);
        vx_forget_calls(w.f);
        INC(w.changes);
        sched_yield();
    }
    SET(w.stop, true);
    for (unsigned i = 0; i < TRANSLATORS; i++) {
        pthread_join(threads[i], NULL);
        translated += t[i].translated;
        refused += t[i].refused;
    }
    g_test_message("%" PRIu64 " translated, %" PRIu64 " refused, %u changes",
                   translated, refused, w.changes * PACE);
    g_assert_cmpuint(translated, >, 0);
    g_assert_cmpuint(refused, >, 0);
    vx_free(w.f);
}

static void test_race(void)
{
    race(NYX_CACHE_HARDWARE, 0);
}

static void test_race_marks(void)
{
    race(NYX_CACHE_HARDWARE, VD_AD);
}

static void test_race_sticky(void)
{
    race(NYX_CACHE_STICKY, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vio/tables/race", test_race);
    g_test_add_func("/vio/tables/race/marks", test_race_marks);
    g_test_add_func("/vio/tables/race/sticky", test_race_sticky);
    return g_test_run();
}
