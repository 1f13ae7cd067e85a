/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accessed, extended-accessed and dirty: where they are set, where they are
 * not, and what happens when software changes the entry meanwhile.
 */
#include "qemu/osdep.h"
#include <pthread.h>
#include <sched.h>
#include "naive-walk.h"

/* First stage: A 5, D 6, EA 10.  Second stage: A 8, D 9. */
#define FS_A  (1ULL << 5)
#define FS_D  (1ULL << 6)
#define FS_EA (1ULL << 10)
#define SS_A  (1ULL << 8)
#define SS_D  (1ULL << 9)

#define ADDR_51_12 0x000ffffffffff000ULL
#define IOVA 0x7654321000ULL

/* A page at IOVA that everybody may use. */
static void one_page(NvTables *t, FxMem *mem, bool first, unsigned levels,
                     unsigned level)
{
    fx_mem_reset(mem);
    nv_init(t, mem, first, levels, 46);
    t->ad = true;
    nv_leaf(t, IOVA, level, 0x40000000, first ? 7 : 3);
}

static NyxWalk walk_and_mark(const NvTables *t, unsigned need)
{
    NyxWalkCtx ctx = nv_ctx(t);
    NyxWalk walk;

    nyx_walk_and_mark(&ctx, IOVA, need, NULL, &walk);
    return walk;
}

/* --- Where ---------------------------------------------------------------- */

static void marks_of(NvTables *t, unsigned level, unsigned need)
{
    uint64_t a = t->first ? FS_A | (t->ea ? FS_EA : 0) : t->ad ? SS_A : 0;
    uint64_t d = t->first ? FS_D : t->ad ? SS_D : 0;
    uint64_t before[5], *entry = before;
    g_autofree char *row = g_strdup_printf(
        "stage %d, %u levels, leaf at %u, A/D %d, EA %d, need %x",
        2 - t->first, t->levels, level, t->ad, t->ea, need);
    NyxWalk walk;

    for (unsigned l = t->levels; l >= level; l--) {
        *entry++ = fx_mem_peek(t->mem, nv_entry(t, IOVA, l));
    }
    if (!(need & NYX_NEED_DIRTY)) {
        nv_compare(row, t, IOVA, need);
    }
    walk = walk_and_mark(t, need);
    FX_CHECK(row, walk.status, NYX_WALK_OK);
    for (unsigned i = 0; i < walk.steps; i++) {
        uint64_t now = fx_mem_peek(t->mem, nv_entry(t, IOVA, t->levels - i));
        bool dirty = i + 1 == walk.steps &&
                     (need & (NV_W | NYX_NEED_DIRTY));

        FX_CHECK(row, now, before[i] | a | (dirty ? d : 0));
        FX_CHECK(row, walk.trail[i].entry, now);
    }
    FX_CHECK(row, walk.level, level - 1);
}

static void test_where(void)
{
    static const unsigned needs[] = {
        0, NV_R, NV_W, NV_R | NV_W, NV_R | NV_X, NV_R | NYX_NEED_DIRTY,
        NYX_NEED_DIRTY,
    };
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < ARRAY_SIZE(needs) * 3 * 2 * 2 * 2; i++) {
        unsigned level = 1 + i / ARRAY_SIZE(needs) % 3;
        unsigned rest = i / ARRAY_SIZE(needs) / 3;

        one_page(&t, &mem, rest & 1, rest & 2 ? 5 : 4, level);
        /* For the second stage, marks on and off. */
        t.ea = t.first && (rest & 4);
        t.ad = rest & 4;
        marks_of(&t, level, needs[i % ARRAY_SIZE(needs)]);
    }
    fx_mem_destroy(&mem);
}

/* What is there is not stored again: whatever is marked, the rest follows. */
static void test_missing_ones(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 2 * 1024; i++) {
        bool first = i & 1;
        unsigned bits = i / 2;

        one_page(&t, &mem, first, 4, 1);
        t.ea = true;
        for (unsigned level = 1; level <= 4; level++) {
            uint64_t at = nv_entry(&t, IOVA, level);
            unsigned mine = bits >> (2 * (level - 1)) & 3;
            uint64_t marks = (mine & 1 ? first ? FS_A : SS_A : 0) |
                             (mine & 2 ? first ? FS_EA : SS_D : 0);

            fx_mem_poke(&mem, at, fx_mem_peek(&mem, at) | marks);
        }
        if (bits & 256) {
            uint64_t at = nv_entry(&t, IOVA, 1);

            fx_mem_poke(&mem, at, fx_mem_peek(&mem, at) |
                        (first ? FS_D : SS_D));
        }
        nv_compare("some marks", &t, IOVA, bits & 512 ? NV_W : NV_R);
    }
    fx_mem_destroy(&mem);
}

/* A request that is refused leaves no trace. */
static void test_refused(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned first = 0; first < 2; first++) {
        for (unsigned level = 1; level <= 4; level++) {
            static const uint64_t spoils[] = { 0, 1, 5, 1ULL << 50 };

            for (unsigned i = 0; i < ARRAY_SIZE(spoils); i++) {
                NvImage before;
                NyxWalk walk;
                uint64_t at;

                one_page(&t, &mem, first, 4, 1);
                at = nv_entry(&t, IOVA, level);
                fx_mem_poke(&mem, at, (fx_mem_peek(&mem, at) & ~7ULL) |
                            spoils[i] | (spoils[i] >> 50 ? 7 : 0));
                before = nv_save(&mem);
                walk = walk_and_mark(&t, NV_W);
                FX_CHECK("refused", walk.status != NYX_WALK_OK, true);
                FX_CHECK("refused", nv_same(&mem, &before), true);
                nv_drop(&before);
            }
        }
    }
    /* Granted nothing, by a request that only asks. */
    one_page(&t, &mem, true, 4, 1);
    nv_leaf(&t, IOVA, 1, 0x5000, 3);
    FX_CHECK("ask", walk_and_mark(&t, NYX_NEED_DIRTY).status, NYX_WALK_OK);
    FX_CHECK("ask", fx_mem_peek(&mem, nv_entry(&t, IOVA, 1)), 0x5003);
    /* No write granted: accessed, but not dirty. */
    nv_leaf(&t, IOVA, 1, 0x5000, 5);
    FX_CHECK("ask", walk_and_mark(&t, NYX_NEED_DIRTY).status, NYX_WALK_OK);
    FX_CHECK("ask", fx_mem_peek(&mem, nv_entry(&t, IOVA, 1)), 0x5005 | FS_A);
    fx_mem_destroy(&mem);
}

/* --- Clean pages ---------------------------------------------------------- */

static void test_clean(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 4; i++) {
        NyxWalkCtx ctx;
        NyxWalk walk;

        one_page(&t, &mem, i & 1, 4, 1);
        t.ad = i & 2;
        ctx = nv_ctx(&t);
        FX_CHECK("marks", nyx_walk_marks(&ctx), i != 0);
        walk = walk_and_mark(&t, NV_R);
        FX_CHECK("read", nyx_walk_clean(&ctx, &walk), i != 0);
        FX_CHECK("read", walk.permission & NV_W, NV_W);
        walk = walk_and_mark(&t, NV_W);
        FX_CHECK("write", nyx_walk_clean(&ctx, &walk), false);
        walk = walk_and_mark(&t, NV_R);
        FX_CHECK("read again", nyx_walk_clean(&ctx, &walk), false);
    }
    fx_mem_destroy(&mem);
}

/* Tables on the way of a refused walk are cached only if they have A. */
static void test_step_marked(void)
{
    FxMem mem;
    NvTables t;
    NyxWalkCtx ctx;
    NyxWalk walk;

    fx_mem_init(&mem);
    for (unsigned first = 0; first < 2; first++) {
        one_page(&t, &mem, first, 4, 1);
        ctx = nv_ctx(&t);
        walk = walk_and_mark(&t, NV_R);
        g_assert_true(nyx_walk_step_marked(&ctx, &walk.trail[2]));
        fx_mem_poke(&mem, nv_entry(&t, IOVA, 1), 0);
        walk = walk_and_mark(&t, NV_R);
        g_assert_cmpint(walk.status, ==, NYX_WALK_EMPTY);
        g_assert_true(nyx_walk_step_marked(&ctx, &walk.trail[2]));
        one_page(&t, &mem, first, 4, 1);
        fx_mem_poke(&mem, nv_entry(&t, IOVA, 1), 0);
        walk = walk_and_mark(&t, NV_R);
        g_assert_false(nyx_walk_step_marked(&ctx, &walk.trail[2]));
    }
    t.first = t.ad = false;
    ctx = nv_ctx(&t);
    g_assert_true(nyx_walk_step_marked(&ctx, &walk.trail[2]));
    fx_mem_destroy(&mem);
}

/* --- Software at the same entry ------------------------------------------- */

/*
 * Memory that changes an entry just before a compare-exchange of it: each
 * time it does the next thing, until it has done them all.
 */
typedef struct Race {
    FxMem *mem;
    NyxMem ops;
    uint64_t at;
    uint64_t values[3];      /* what software stores there */
    unsigned n;
    unsigned done;
    bool forever;            /* a bit that nobody looks at flips */
    unsigned stores;         /* compare-exchanges at @at */
} Race;

static bool race_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
    Race *race = opaque;

    return race->mem->ops.read(race->mem, gpa, buf, len);
}

static bool race_cmpxchg64(void *opaque, uint64_t gpa, uint64_t *expected,
                           uint64_t desired)
{
    Race *race = opaque;

    if (gpa == race->at) {
        race->stores++;
        if (race->forever) {
            fx_mem_poke(race->mem, gpa,
                        fx_mem_peek(race->mem, gpa) ^ 1ULL << 60);
        } else if (race->done < race->n) {
            fx_mem_poke(race->mem, gpa, race->values[race->done++]);
        }
    }
    return race->mem->ops.cmpxchg64(race->mem, gpa, expected, desired);
}

static void race_init(Race *race, const NvTables *t, unsigned level)
{
    *race = (Race) {
        .mem = t->mem,
        .ops = { .read = race_read, .cmpxchg64 = race_cmpxchg64,
                 .opaque = race },
        .at = nv_entry(t, IOVA, level),
    };
}

static NyxWalk race_walk(Race *race, const NvTables *t, unsigned need)
{
    NyxWalkCtx ctx = nv_ctx(t);
    NyxWalk walk;

    ctx.mem = &race->ops;
    nyx_walk_and_mark(&ctx, IOVA, need, NULL, &walk);
    return walk;
}

/* The page is another one meanwhile: the answer is the new one, marked. */
static void test_moved(void)
{
    FxMem mem;
    NvTables t;
    Race race;
    NyxWalk walk;

    fx_mem_init(&mem);
    for (unsigned first = 0; first < 2; first++) {
        uint64_t bits = first ? 7 : 3;
        uint64_t marks = first ? FS_A | FS_D : SS_A | SS_D;

        one_page(&t, &mem, first, 4, 1);
        race_init(&race, &t, 1);
        race.n = 2;
        race.values[0] = 0x111000 | bits;
        race.values[1] = 0x222000 | bits;
        walk = race_walk(&race, &t, NV_W);
        FX_CHECK("moved", walk.status, NYX_WALK_OK);
        FX_CHECK("moved", walk.addr, 0x222000);
        FX_CHECK("moved", race.stores, 3);
        FX_CHECK("moved", fx_mem_peek(&mem, race.at),
                 0x222000 | bits | marks);
        /* Gone meanwhile: nothing is stored. */
        one_page(&t, &mem, first, 4, 1);
        race_init(&race, &t, 1);
        race.n = 1;
        race.values[0] = 0x5550 & ~3ULL;
        walk = race_walk(&race, &t, NV_W);
        FX_CHECK("gone", walk.status, NYX_WALK_EMPTY);
        FX_CHECK("gone", fx_mem_peek(&mem, race.at), 0x5550);
        /* Read-only meanwhile. */
        one_page(&t, &mem, first, 4, 1);
        race_init(&race, &t, 1);
        race.n = 1;
        race.values[0] = 0x111000 | (bits & ~2ULL);
        walk = race_walk(&race, &t, NV_W);
        FX_CHECK("read-only", walk.status, NYX_WALK_DENIED);
        FX_CHECK("read-only", fx_mem_peek(&mem, race.at), race.values[0]);
        /* Marked by somebody else meanwhile: nothing to store any more. */
        one_page(&t, &mem, first, 4, 1);
        race_init(&race, &t, 1);
        race.n = 1;
        race.values[0] = fx_mem_peek(&mem, race.at) | marks;
        walk = race_walk(&race, &t, NV_W);
        FX_CHECK("marked", walk.status, NYX_WALK_OK);
        FX_CHECK("marked", race.stores, 1);
    }
    fx_mem_destroy(&mem);
}

/* A table is another one: all of the walk is done again, from the root. */
static void test_moved_table(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 2 * 3; i++) {
        bool first = i & 1;
        unsigned level = 2 + i / 2;
        uint64_t other, entry;
        NyxWalk walk;
        Race race;

        one_page(&t, &mem, first, 4, 1);
        race_init(&race, &t, level);
        /* The same path, but for another table and another page. */
        entry = fx_mem_peek(&mem, race.at);
        fx_mem_poke(&mem, race.at, 0);
        nv_leaf(&t, IOVA, 1, 0x999000, first ? 7 : 3);
        other = fx_mem_peek(&mem, race.at);
        fx_mem_poke(&mem, race.at, entry);
        race.values[0] = other;
        race.n = 1;
        walk = race_walk(&race, &t, NV_R);
        FX_CHECK("table", walk.status, NYX_WALK_OK);
        FX_CHECK("table", walk.addr, 0x999000);
        FX_CHECK("table", walk.steps, 4);
        /* What is behind the old table was not touched. */
        fx_mem_poke(&mem, race.at, entry);
        FX_CHECK("table", fx_mem_peek(&mem, nv_entry(&t, IOVA, 1)),
                 0x40000000 | (first ? 7 : 3));
    }
    fx_mem_destroy(&mem);
}

/* Begun at a cached table whose entries move: from the root then. */
static void test_moved_start(void)
{
    FxMem mem;
    NvTables t;
    Race race;
    NyxWalkCtx ctx;
    NyxWalk walk;

    fx_mem_init(&mem);
    for (unsigned first = 0; first < 2; first++) {
        NyxWalkStart start = { .level = 0, .permission = 0xff };

        one_page(&t, &mem, first, 4, 1);
        race_init(&race, &t, 1);
        start.table = race.at & ADDR_51_12;
        ctx = nv_ctx(&t);
        ctx.mem = &race.ops;
        nyx_walk_and_mark(&ctx, IOVA, NV_R, &start, &walk);
        FX_CHECK("start", walk.steps, 1);
        /* The table is not there any more. */
        one_page(&t, &mem, first, 4, 1);
        race.n = 1;
        race.values[0] = 0x1007;
        fx_mem_poke(&mem, nv_entry(&t, IOVA, 2), 0);
        nyx_walk_and_mark(&ctx, IOVA, NV_R, &start, &walk);
        FX_CHECK("start", walk.status, NYX_WALK_EMPTY);
        FX_CHECK("start", walk.level, 1);
    }
    fx_mem_destroy(&mem);
}

/* It changes for ever: bounded, refused, and never marked behind its back. */
static void test_forever(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 2 * 4; i++) {
        bool first = i & 1;
        unsigned level = 1 + i / 2;
        NyxWalk walk;
        Race race;

        one_page(&t, &mem, first, 4, 1);
        race_init(&race, &t, level);
        race.forever = true;
        walk = race_walk(&race, &t, NV_W);
        FX_CHECK("forever", walk.status, NYX_WALK_MARK_ERROR);
        FX_CHECK("forever", walk.level, level - 1);
        FX_CHECK("forever", race.stores, 256);
        FX_CHECK("forever", fx_mem_peek(&mem, race.at) &
                 (first ? FS_A : SS_A), 0);
        /* With the marks in place it is no matter. */
        race.forever = false;
        walk = race_walk(&race, &t, NV_W);
        FX_CHECK("after", walk.status, NYX_WALK_OK);
        race.forever = true;
        walk = race_walk(&race, &t, NV_W);
        FX_CHECK("marked", walk.status, NYX_WALK_OK);
    }
    fx_mem_destroy(&mem);
}

/* --- Software in another thread ------------------------------------------- */

#define WALKS 100000

typedef struct Driver {
    const NvTables *t;
    uint64_t at;
    bool stop;               /* atomic */
    unsigned swaps;          /* atomic */
    unsigned lost;           /* entries that were not what was stored */
    unsigned dirty;          /* pages found dirty when they were taken away */
} Driver;

/* Puts one page in the place of another, as drivers do, and looks back. */
static void *driver(void *opaque)
{
    Driver *d = opaque;
    uint64_t marks = d->t->first ? FS_A | FS_D : SS_A | SS_D;
    uint64_t dirty = d->t->first ? FS_D : SS_D;
    uint64_t bits = d->t->first ? 7 : 3, old = 0x111000 | bits;
    uint64_t *entry = (uint64_t *)(d->t->mem->bytes + d->at);
    bool stop;

    do {
        unsigned n = __atomic_fetch_add(&d->swaps, 1, __ATOMIC_RELAXED);
        uint64_t next = (n & 1 ? 0x111000 : 0x222000) | bits;
        uint64_t was;

        /* Once more when there are no walks any more: it has their mark. */
        stop = __atomic_load_n(&d->stop, __ATOMIC_ACQUIRE);
        was = __atomic_exchange_n(entry, next, __ATOMIC_SEQ_CST);
        d->lost += (was & ~marks) != old;
        d->dirty += (was & dirty) != 0;
        old = next;
    } while (!stop);
    return NULL;
}

/* Neither a change by software nor a mark is lost, whoever comes first. */
static void test_threads(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned first = 0; first < 2; first++) {
        Driver d = { .t = &t };
        unsigned gave_up = 0;
        pthread_t thread;

        one_page(&t, &mem, first, 4, 1);
        nv_leaf(&t, IOVA, 1, 0x111000, first ? 7 : 3);
        d.at = nv_entry(&t, IOVA, 1);
        g_assert_cmpint(pthread_create(&thread, NULL, driver, &d), ==, 0);
        while (!__atomic_load_n(&d.swaps, __ATOMIC_RELAXED)) {
            sched_yield();
        }
        for (unsigned i = 0; i < WALKS; i++) {
            NyxWalk walk = walk_and_mark(&t, NV_W);

            if (walk.status == NYX_WALK_OK) {
                FX_CHECK("threads", walk.addr == 0x111000 ||
                         walk.addr == 0x222000, true);
                FX_CHECK("threads", walk.trail[3].entry &
                         (first ? FS_D : SS_D), first ? FS_D : SS_D);
            } else {
                FX_CHECK("threads", walk.status, NYX_WALK_MARK_ERROR);
                gave_up++;
            }
        }
        __atomic_store_n(&d.stop, true, __ATOMIC_RELEASE);
        pthread_join(thread, NULL);
        g_test_message("%u swaps, %u found dirty; %u walks gave up", d.swaps,
                       d.dirty, gave_up);
        FX_CHECK("threads", d.lost, 0);
        FX_CHECK("threads", d.dirty != 0 || gave_up, true);
        FX_CHECK("threads", d.dirty <= WALKS, true);
    }
    fx_mem_destroy(&mem);
}

/* --- Memory that cannot be written to ------------------------------------- */

static bool rom_cmpxchg64(void *opaque, uint64_t gpa, uint64_t *expected,
                          uint64_t desired)
{
    Race *race = opaque;

    return gpa != race->at &&
           race->mem->ops.cmpxchg64(race->mem, gpa, expected, desired);
}

static void test_store_failure(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 2 * 4; i++) {
        bool first = i & 1;
        unsigned level = 1 + i / 2;
        uint64_t entry;
        NyxWalk walk;
        Race rom;

        one_page(&t, &mem, first, 4, 1);
        race_init(&rom, &t, level);
        rom.ops.cmpxchg64 = rom_cmpxchg64;
        entry = fx_mem_peek(&mem, rom.at);
        mem.reads = 0;
        walk = race_walk(&rom, &t, NV_R);
        FX_CHECK("ROM", walk.status, NYX_WALK_MARK_ERROR);
        FX_CHECK("ROM", walk.level, level - 1);
        /* Trying again would not help. */
        FX_CHECK("ROM", mem.reads, 4);
        /* Tables in ROM work if they have the marks. */
        fx_mem_poke(&mem, rom.at, entry | (first ? FS_A : SS_A));
        walk = race_walk(&rom, &t, NV_R);
        FX_CHECK("marked ROM", walk.status, NYX_WALK_OK);
        /* Those without marks never store. */
        one_page(&t, &mem, false, 4, 1);
        t.ad = false;
        walk = race_walk(&rom, &t, NV_W);
        FX_CHECK("no marks", walk.status, NYX_WALK_OK);
    }
    fx_mem_destroy(&mem);
}

/* --- Runs of leaves ------------------------------------------------------- */

#define RUN 16

static NyxWalk widened(const NvTables *t, unsigned need)
{
    NyxWalkCtx ctx = nv_ctx(t);
    NyxWalk walk = walk_and_mark(t, need);

    FX_CHECK("run", walk.status, NYX_WALK_OK);
    nyx_walk_widen(&ctx, &walk);
    return walk;
}

/* Sixteen pages are one block only if their marks are the same. */
static void test_runs(void)
{
    const uint64_t base = IOVA & ~0xffffULL;
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned first = 0; first < 2; first++) {
        uint64_t a = first ? FS_A : SS_A, d = first ? FS_D : SS_D;
        uint64_t bits = first ? 7 : 3;
        NyxWalk walk;

        one_page(&t, &mem, first, 4, 1);
        for (unsigned i = 0; i < RUN; i++) {
            nv_leaf(&t, base + i * 0x1000, 1, 0x800000 + i * 0x1000,
                    bits | a | d);
        }
        walk = widened(&t, NV_W);
        FX_CHECK("same", walk.lg2, 16);
        FX_CHECK("same", walk.addr, 0x800000);
        for (unsigned i = 0; i < RUN; i++) {
            if (base + i * 0x1000 == IOVA) {
                continue;
            }
            nv_leaf(&t, base + i * 0x1000, 1, 0x800000 + i * 0x1000,
                    bits | a);
            FX_CHECK("clean one", widened(&t, NV_R).lg2, 12);
            nv_leaf(&t, base + i * 0x1000, 1, 0x800000 + i * 0x1000,
                    bits | d);
            FX_CHECK("unused one", widened(&t, NV_R).lg2, 12);
            nv_leaf(&t, base + i * 0x1000, 1, 0x800000 + i * 0x1000,
                    bits | a | d);
        }
        /* All of them clean is the same, too: a read may have them all. */
        for (unsigned i = 0; i < RUN; i++) {
            nv_leaf(&t, base + i * 0x1000, 1, 0x800000 + i * 0x1000,
                    bits | a);
        }
        FX_CHECK("clean", widened(&t, NV_R).lg2, 16);
        FX_CHECK("now dirty", widened(&t, NV_W).lg2, 12);
        /* Another address is another run. */
        nv_leaf(&t, IOVA, 1, 0x900000, bits | a);
        FX_CHECK("elsewhere", widened(&t, NV_R).lg2, 12);
    }
    fx_mem_destroy(&mem);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/walk-mark/where", test_where);
    g_test_add_func("/nyx/walk-mark/missing-ones", test_missing_ones);
    g_test_add_func("/nyx/walk-mark/refused", test_refused);
    g_test_add_func("/nyx/walk-mark/clean", test_clean);
    g_test_add_func("/nyx/walk-mark/step-marked", test_step_marked);
    g_test_add_func("/nyx/walk-mark/moved", test_moved);
    g_test_add_func("/nyx/walk-mark/moved-table", test_moved_table);
    g_test_add_func("/nyx/walk-mark/moved-start", test_moved_start);
    g_test_add_func("/nyx/walk-mark/forever", test_forever);
    g_test_add_func("/nyx/walk-mark/threads", test_threads);
    g_test_add_func("/nyx/walk-mark/store-failure", test_store_failure);
    g_test_add_func("/nyx/walk-mark/runs", test_runs);
    return g_test_run();
}
