/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accessed and dirty bits beside software that changes the same entries, with
 * threads: no change of software's is lost, no write goes by without its mark,
 * and none comes to a page that has been taken away from it.
 */
#include "qemu/osdep.h"
#include "vtd-scalable.h"

#define TYPES       3           /* first stage, second stage, both */
#define PAGES       4           /* of each */
#define TRANSLATORS 2
#define DEFAULT_SECONDS 1.0

#define BASE        0x40000000ULL
/* Bits 61:52 are software's in both stages. */
#define COUNT_SHIFT 52
#define COUNT_MASK  (0x3ffULL << COUNT_SHIFT)
#define RW          2           /* W of both stages */

/* A page is changing while its state is odd. */
enum {
    WRITABLE = 0,
    PROTECTED = 2,
};

typedef struct Page {
    uint64_t *entry;            /* atomic, as software has it */
    uint64_t iova;
    uint32_t state;             /* atomic; mod 4: WRITABLE, PROTECTED */
    uint32_t count;             /* atomic: increments of COUNT */
} Page;

typedef struct World {
    SmScene s;
    Page page[TYPES][PAGES];
    bool stop;                  /* atomic */
    uint32_t wrong;             /* atomic: what no thread may see */
} World;

typedef struct Worker {
    World *w;
    unsigned n;
    uint64_t granted;           /* atomic */
    uint64_t refused;
    uint64_t rounds;
} Worker;

/* PASIDs are 1 to 3, the type is that of its number. */
static uint64_t accessed(unsigned type)
{
    return type + 1 == SM_SECOND ? 1 << 8 : 1 << 5;
}

static uint64_t dirty(unsigned type)
{
    return type + 1 == SM_SECOND ? 1 << 9 : 1 << 6;
}

static uint64_t load(const Page *page)
{
    return __atomic_load_n(page->entry, __ATOMIC_SEQ_CST);
}

static uint32_t state_of(const Page *page)
{
    return __atomic_load_n(&page->state, __ATOMIC_SEQ_CST);
}

static void check_granted(World *w, unsigned type, const Page *page,
                          uint32_t state)
{
    uint64_t marks = accessed(type) | dirty(type);
    uint64_t entry = load(page);

    /* Unless software has been there in the meantime */
    if (state_of(page) == state &&
        (state % 4 != WRITABLE || (entry & marks) != marks)) {
        __atomic_fetch_add(&w->wrong, 1, __ATOMIC_SEQ_CST);
    }
}

/* Writes to any page. */
static void *translator(void *opaque)
{
    Worker *t = opaque;
    World *w = t->w;
    uint64_t rng = t->n + 1;

    while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
        unsigned type = nyx_random(&rng) % TYPES;
        Page *page = &w->page[type][nyx_random(&rng) % PAGES];
        uint32_t state = state_of(page);
        const NyxRequest req = {
            .access = nyx_random(&rng) % 4 ? FX_W : FX_R,
            .iova = page->iova, .has_pasid = true, .pasid = type + 1,
        };
        NyxReply reply;
        bool ok = nyx_vtd_translate(w->s.f->r, FX_SID, &req, &reply);

        if (req.access == FX_R || state % 2) {
            continue;
        }
        if (ok) {
            __atomic_fetch_add(&t->granted, 1, __ATOMIC_RELAXED);
            check_granted(w, type, page, state);
        } else {
            t->refused++;
            if (state % 4 == WRITABLE && state_of(page) == state) {
                __atomic_fetch_add(&w->wrong, 1, __ATOMIC_SEQ_CST);
            }
        }
    }
    return NULL;
}

/* Counts in software's bits of any entry. */
static void *counter(void *opaque)
{
    Worker *c = opaque;
    uint64_t rng = 77;

    while (!__atomic_load_n(&c->w->stop, __ATOMIC_RELAXED)) {
        Page *page = &c->w->page[nyx_random(&rng) % TYPES]
                                [nyx_random(&rng) % PAGES];
        uint64_t old = load(page), new;

        do {
            new = (old & ~COUNT_MASK) |
                  ((old + (1ULL << COUNT_SHIFT)) & COUNT_MASK);
        } while (!__atomic_compare_exchange_n(page->entry, &old, new, false,
                                              __ATOMIC_SEQ_CST,
                                              __ATOMIC_SEQ_CST));
        __atomic_fetch_add(&page->count, 1, __ATOMIC_RELAXED);
        c->rounds++;
        sched_yield();
    }
    return NULL;
}

/* 6.5.2: what a driver sends after it has changed the page's entry. */
static void invalidate(World *w, unsigned type, const Page *page)
{
    uint64_t did = SC_DID + type + 1, pasid = type + 1;

    if (pasid == SM_SECOND) {
        fx_submit(w->s.f, did << 16 | 0x32, page->iova);
    } else {
        fx_submit(w->s.f, pasid << 32 | did << 16 | 0x36, page->iova);
    }
}

/* Dirty tracking: take the marks away. */
static void clean(World *w, unsigned type, Page *page)
{
    __atomic_fetch_add(&page->state, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(page->entry, ~(accessed(type) | dirty(type)),
                       __ATOMIC_SEQ_CST);
    invalidate(w, type, page);
    __atomic_fetch_add(&page->state, 3, __ATOMIC_SEQ_CST);
}

/* Once W is gone, the page stays clean; then it is writable again. */
static void protect(World *w, unsigned type, Page *page)
{
    __atomic_fetch_add(&page->state, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(page->entry, ~(RW | dirty(type)), __ATOMIC_SEQ_CST);
    invalidate(w, type, page);
    __atomic_fetch_add(&page->state, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < 20; i++) {
        sched_yield();
    }
    FX_CHECK("protected", load(page) & (dirty(type) | RW), 0);
    __atomic_fetch_add(&page->state, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_or(page->entry, RW, __ATOMIC_SEQ_CST);
    invalidate(w, type, page);
    __atomic_fetch_add(&page->state, 1, __ATOMIC_SEQ_CST);
}

static void world_init(World *w)
{
    NyxVtdCfg cfg = sm_cfg();

    *w = (World) { };
    sc_init(&w->s, &cfg);
    for (unsigned type = 0; type < TYPES; type++) {
        const SmSpace *space = &w->s.space[type + 1];
        uint64_t w0 = fx_mem_peek(&w->s.f->mem, space->at);

        /* SSADE; FPD, because refusals are no news here */
        fx_mem_poke(&w->s.f->mem, space->at,
                    w0 | 2 | (space->ss_levels ? 1 << 9 : 0));
        for (unsigned i = 0; i < PAGES; i++) {
            Page *page = &w->page[type][i];
            uint64_t at;

            page->iova = BASE + i * 0x1000;
            sm_map(space, page->iova, 0x100000000 + i * 0x5000, 12);
            at = space->pgtt == SM_SECOND
                 ? sm_ss_entry(space, page->iova, 1)
                 : sm_fs_entry(space, page->iova, 1);
            page->entry = (uint64_t *)(w->s.f->mem.bytes + at);
        }
    }
    sm_flush(w->s.f);
}

static int64_t end_time(void)
{
    const char *text = g_getenv("NYX_RACE_SECONDS");
    double seconds = text ? g_ascii_strtod(text, NULL) / 4 : DEFAULT_SECONDS;

    return g_get_monotonic_time() + MIN(seconds, 60) * G_USEC_PER_SEC;
}

static void check_counts(const World *w)
{
    for (unsigned type = 0; type < TYPES; type++) {
        for (unsigned i = 0; i < PAGES; i++) {
            const Page *page = &w->page[type][i];

            FX_CHECK("count", (load(page) & COUNT_MASK) >> COUNT_SHIFT,
                     page->count & (COUNT_MASK >> COUNT_SHIFT));
        }
    }
}

static void test_race(void)
{
    Worker workers[TRANSLATORS + 1];
    GThread *threads[TRANSLATORS + 1];
    int64_t end = end_time();
    uint64_t rng = 5, changes = 0;
    World w;

    world_init(&w);
    for (unsigned i = 0; i <= TRANSLATORS; i++) {
        workers[i] = (Worker) { .w = &w, .n = i };
        threads[i] = g_thread_new("worker", i < TRANSLATORS ? translator
                                                            : counter,
                                  &workers[i]);
    }
    while (g_get_monotonic_time() < end ||
           !__atomic_load_n(&workers[0].granted, __ATOMIC_RELAXED)) {
        unsigned type = nyx_random(&rng) % TYPES;
        Page *page = &w.page[type][nyx_random(&rng) % PAGES];

        if (nyx_random(&rng) % 4) {
            clean(&w, type, page);
        } else {
            protect(&w, type, page);
        }
        nyx_vtd_continue(w.s.f->vtd);
        changes++;
    }
    __atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i <= TRANSLATORS; i++) {
        g_thread_join(threads[i]);
        g_test_message("%" PRIu64 " granted, %" PRIu64 " refused, %" PRIu64
                       " counted", workers[i].granted, workers[i].refused,
                       workers[i].rounds);
    }
    g_test_message("%" PRIu64 " changes", changes);
    FX_CHECK("wrong", w.wrong, 0);
    check_counts(&w);
    fx_settle(w.s.f);
    sc_free(&w.s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-vtd/marks/race", test_race);
    return g_test_run();
}
