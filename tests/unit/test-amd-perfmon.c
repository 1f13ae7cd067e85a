/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Performance counters of nyx-amdvi: registers, sources, matches, locks, the
 * event of a counter that wraps, counting from threads.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"
#include "amd-fixture.h"

#define PC(bank, counter, fn) \
    (0x40000 + ((bank) << 12) + ((counter) << 8) + (fn))
#define COUNT_MAX 0xffffffffffffULL

typedef struct FnRow {
    const char *name;
    unsigned fn;
    uint64_t rw;
} FnRow;

static const FnRow functions[] = {
    { "count", 0x00, COUNT_MAX },
    { "source", 0x08, 0xc00000ff },
    { "pasid", 0x10, 0x0000ffff8000ffffULL },
    { "domain", 0x18, 0x0000ffff8000ffffULL },
    { "device", 0x20, 0x0000ffff8000ffffULL },
    { "report", 0x28, 0x800fffffffffffffULL },
};

/* Bits, halves, and that each register of each counter is one of its own. */
static void test_registers(void)
{
    Ax *f = ax_new(NULL);

    FX_CHECK("config", ax_read64(f, 0x4000), 4 << 7 | 4 << 12);
    ax_write64(f, 0x4000, 0);
    FX_CHECK("config", ax_read32(f, 0x4000), 0x4200);
    for (unsigned i = 0; i < 16 * 6; i++) {
        const FnRow *row = &functions[i % 6];
        uint32_t at = PC(i / 24, i / 6 % 4, row->fn);
        uint64_t value = 0x0123456789abcdefULL * (i + 1);

        FX_CHECK(row->name, ax_read64(f, at), 0);
        ax_write64(f, at, UINT64_MAX);
        FX_CHECK(row->name, ax_read64(f, at), row->rw);
        ax_write32(f, at, value);
        FX_CHECK(row->name, ax_read64(f, at),
                 (row->rw >> 32 << 32) | (uint32_t)(value & row->rw));
        ax_write32(f, at + 4, value >> 32);
        FX_CHECK(row->name, ax_read64(f, at), value & row->rw);
        FX_CHECK(row->name, ax_read32(f, at + 4), (value & row->rw) >> 32);
    }
    for (unsigned i = 0; i < 16 * 6; i++) {
        const FnRow *row = &functions[i % 6];

        FX_CHECK(row->name, ax_read64(f, PC(i / 24, i / 6 % 4, row->fn)),
                 0x0123456789abcdefULL * (i + 1) & row->rw);
    }
    nyx_amd_reset(f->amd);
    for (unsigned i = 0; i < 16 * 6; i++) {
        FX_CHECK("reset", ax_read64(f, PC(i / 24, i / 6 % 4, 8 * (i % 6))), 0);
    }
    ax_free(f);
}

static void test_absent(void)
{
    static const uint32_t offsets[] = {
        0x4020, 0x3fff8, PC(0, 4, 0), PC(0, 15, 0), PC(4, 0, 0),
        PC(0, 0, 0x30), PC(0, 0, 0xf8), PC(3, 4, 0), 0x7fff8,
    };
    Ax *f = ax_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
        ax_forget(f);
        ax_write64(f, offsets[i], UINT64_MAX);
        FX_CHECK(NULL, ax_read64(f, offsets[i]), 0);
        FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_UNKNOWN), 1);
    }
    ax_forget(f);
    nyx_amd_mmio_write(f->amd, PC(0, 0, 0), 1, 1);
    nyx_amd_mmio_write(f->amd, PC(0, 0, 0) + 4, 1, 8);
    nyx_amd_mmio_write(f->amd, PC(0, 0, 0) + 2, 1, 4);
    FX_CHECK(NULL, ax_read64(f, PC(0, 0, 0)), 0);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_UNALIGNED), 3);
    ax_write64(f, PC(0, 0, 0), 0x123456789abcULL);
    FX_CHECK(NULL, nyx_amd_mmio_read(f->amd, PC(0, 0, 0) + 4, 8), 0x1234);
    FX_CHECK(NULL, nyx_amd_mmio_read(f->amd, PC(0, 0, 0) + 1, 1), 0x9a);
    ax_write64(f, 0x4000, 1);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_READ_ONLY), 1);
    ax_write64(f, PC(0, 0, 8), 0x100);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_RESERVED), 1);
    ax_free(f);
}

/* A bank's lock makes one match register of its counters read-only. */
static void test_locks(void)
{
    Ax *f = ax_new(NULL);

    for (unsigned lock = 0; lock < 3; lock++) {
        ax_write64(f, 0x4008 + 8 * lock, UINT64_MAX);
        FX_CHECK("lock", ax_read64(f, 0x4008 + 8 * lock), 0xf);
        ax_write64(f, 0x4008 + 8 * lock, 0x4);
        FX_CHECK("lock", ax_read64(f, 0x4008 + 8 * lock), 0x4);
        for (unsigned bank = 0; bank < 4; bank++) {
            for (unsigned fn = 0; fn < 6; fn++) {
                uint32_t at = PC(bank, 3, 8 * fn);
                bool locked = bank == 2 && fn == 2 + lock;

                ax_forget(f);
                ax_write64(f, at, 0);
                ax_write64(f, at, 0x15);
                FX_CHECK("locked", ax_read64(f, at), locked ? 0 : 0x15);
                FX_CHECK("locked", ax_findings(f, NAMD_RULE_REG_READ_ONLY),
                         locked ? 2 : 0);
                if (!locked) {
                    ax_write64(f, at, 0);
                }
            }
        }
        ax_write64(f, 0x4008 + 8 * lock, 0);
    }
    ax_free(f);
}

/* --- Counting ------------------------------------------------------------- */

static uint64_t count(Ax *f)
{
    return ax_read64(f, PC(1, 2, 0));
}

static void source(Ax *f, unsigned number)
{
    ax_write64(f, PC(1, 2, 8), number);
    ax_write64(f, PC(1, 2, 0), 0);
}

static void happen(Ax *f, unsigned number, uint16_t sid, uint32_t did,
                   uint32_t pasid)
{
    nyx_amd_perf_count(f->amd, number, 1, sid, did, pasid);
}

/* Each source counts what it is for; no counter, no mode bit. */
static void test_sources(void)
{
    Ax *f = ax_new(NULL);

    for (unsigned number = 1; number <= 0x18; number++) {
        FX_CHECK("off", f->amd->mode & NAMD_MODE_COUNT, 0);
        happen(f, number, 0, 0, 0);
        source(f, number);
        g_assert_cmphex(f->amd->mode & NAMD_MODE_COUNT, !=, 0);
        for (unsigned other = 1; other <= 0x18; other++) {
            happen(f, other, 0, 0, 0);
        }
        FX_CHECK(NULL, count(f), 1);
        /* IommuEn and windows do not turn it off. */
        ax_control_set(f, AX_IOMMUEN);
        ax_control_clear(f, AX_IOMMUEN);
        g_assert_cmphex(f->amd->mode & NAMD_MODE_COUNT, !=, 0);
        source(f, 0);
    }
    /* The counter's own groups are not there. */
    source(f, 0x80000005);
    happen(f, 5, 0, 0, 0);
    FX_CHECK("CAC", count(f), 0);
    ax_free(f);
}

typedef struct MatchRow {
    const char *name;
    uint64_t match;
    uint32_t id;
    bool counted;
} MatchRow;

/* Value 15:0, enable 31, mask 47:32: ones of the mask are compared. */
static const MatchRow matches[] = {
    { "disabled", 0x0000ffff00001234ULL, 0x9999, true },
    { "equal", 0x0000ffff80001234ULL, 0x1234, true },
    { "unequal", 0x0000ffff80001234ULL, 0x1235, false },
    { "not compared", 0x0000fffe80001234ULL, 0x1235, true },
    { "compared", 0x0000000180001234ULL, 0xffff, false },
    { "no mask", 0x0000000080001234ULL, 0xffff, true },
    { "upper byte", 0x0000ff0080001234ULL, 0x12ff, true },
    { "upper byte unequal", 0x0000ff0080001234ULL, 0x1334, false },
};

static void test_matches(void)
{
    for (unsigned which = 0; which < 3; which++) {
        Ax *f = ax_new(NULL);

        source(f, 0x05);
        for (unsigned i = 0; i < ARRAY_SIZE(matches); i++) {
            const MatchRow *row = &matches[i];
            uint32_t id = row->id;

            ax_write64(f, PC(1, 2, 0x10 + 8 * which), row->match);
            ax_write64(f, PC(1, 2, 0), 0);
            happen(f, 5, which == 2 ? id : 7, which == 1 ? id : 7,
                   which == 0 ? id : 7);
            FX_CHECK(row->name, count(f), row->counted);
        }
        /* Who has no such id is not meant. */
        ax_write64(f, PC(1, 2, 0x10 + 8 * which), 0x80000000);
        ax_write64(f, PC(1, 2, 0), 0);
        happen(f, 5, 0, NAMD_NO_DOMAIN, NAMD_NO_PASID);
        FX_CHECK("none", count(f), which == 2);
        ax_free(f);
    }
}

/* All counters with the source count, and each for itself. */
static void test_many(void)
{
    Ax *f = ax_new(NULL);

    for (unsigned i = 0; i < 16; i++) {
        ax_write64(f, PC(i / 4, i % 4, 8), i & 1 ? 5 : 6);
    }
    nyx_amd_perf_count(f->amd, 5, 1000, 0, 0, 0);
    for (unsigned i = 0; i < 16; i++) {
        FX_CHECK(NULL, ax_read64(f, PC(i / 4, i % 4, 0)), i & 1 ? 1000 : 0);
    }
    /* Linux reads and writes halves. */
    ax_write32(f, PC(0, 1, 0), 0);
    ax_write32(f, PC(0, 1, 4), 0);
    FX_CHECK(NULL, ax_read64(f, PC(0, 1, 0)), 0);
    ax_free(f);
}

/* --- Wrapping ------------------------------------------------------------- */

static void test_wrap(void)
{
    Ax *f = ax_new_started(NULL);
    AxEvent event;

    source(f, 5);
    ax_write64(f, PC(1, 2, 0), COUNT_MAX - 1);
    ax_write64(f, PC(1, 2, 0x28), 1ULL << 63 | 0xabcde12345678ULL);
    f->elsewhere = true;
    happen(f, 5, 0, 0, 0);
    FX_CHECK("not yet", f->kicks, 0);
    happen(f, 5, 0, 0, 0);
    f->elsewhere = false;
    FX_CHECK("kicked", f->kicks, 1);
    ax_settle(f);
    event = ax_take_event(f);
    FX_CHECK("event", event.lo, 0xaULL << 60);
    FX_CHECK("event", event.hi, 0x12345678000abcdeULL);
    FX_CHECK("count", count(f), 0);
    FX_CHECK("stats", nyx_amd_stats(f->amd).counter_overflows, 1);
    FX_CHECK("once", ax_take_event(f).valid, false);
    /* Without CERE nobody is told. */
    ax_write64(f, PC(1, 2, 0), COUNT_MAX);
    ax_write64(f, PC(1, 2, 0x28), 0xabcde12345678ULL);
    happen(f, 5, 0, 0, 0);
    ax_settle(f);
    FX_CHECK("count", count(f), 0);
    FX_CHECK("no event", ax_take_event(f).valid, false);
    FX_CHECK("stats", nyx_amd_stats(f->amd).counter_overflows, 2);
    ax_free(f);
}

/* The register access itself tells, before it reads. */
static void test_wrap_at_access(void)
{
    Ax *f = ax_new_started(NULL);

    source(f, 5);
    ax_write64(f, PC(1, 2, 0), COUNT_MAX);
    ax_write64(f, PC(1, 2, 0x28), 1ULL << 63);
    happen(f, 5, 0, 0, 0);
    FX_CHECK(NULL, ax_read32(f, AX_STATUS) & AX_EVENTLOGINT, AX_EVENTLOGINT);
    FX_CHECK(NULL, ax_take_code(f), 0xa);
    ax_free(f);
}

/* --- What is counted here ------------------------------------------------- */

static void test_commands(void)
{
    Ax *f = ax_new_started(NULL);

    ax_write64(f, PC(0, 0, 8), 0x11);
    ax_write64(f, PC(0, 1, 8), 0x12);
    ax_write64(f, PC(0, 2, 8), 0x13);
    ax_inv_devtab(f, 1);
    ax_inv_pages(f, 1, 0, 64);
    ax_inv_irt(f, 1);
    ax_inv_all(f);
    ax_submit(f, 4ULL << 60, 0);
    ax_submit(f, 6ULL << 60, 0);
    ax_wait(f);
    FX_CHECK("commands", ax_read64(f, PC(0, 0, 0)), 7);
    FX_CHECK("invalidations", ax_read64(f, PC(0, 1, 0)), 5);
    FX_CHECK("of translations", ax_read64(f, PC(0, 2, 0)), 2);
    ax_free(f);
}

/* Source 14h: accesses to a register that is there for them. */
static void test_1ff8(void)
{
    Ax *f = ax_new(NULL);

    source(f, 0x14);
    ax_read64(f, 0x1ff8);
    ax_read32(f, 0x1ffc);
    ax_write32(f, 0x1ff8, 0);
    ax_read64(f, 0x1ff0);
    ax_read64(f, 0x2000);
    FX_CHECK(NULL, count(f), 3);
    ax_free(f);
}

static void test_not_there(void)
{
    NyxAmdCfg cfg = ax_cfg();
    Ax *f;

    cfg.counters = false;
    f = ax_new(&cfg);
    ax_write64(f, PC(0, 0, 8), 5);
    FX_CHECK(NULL, f->amd->mode & NAMD_MODE_COUNT, 0);
    FX_CHECK(NULL, ax_read64(f, PC(0, 0, 8)), 0);
    FX_CHECK(NULL, ax_read64(f, 0x4000), 0);
    ax_free(f);
}

/* --- Threads -------------------------------------------------------------- */

#define THREADS 4
#define TIMES 100000

static void *count_thread(void *opaque)
{
    Ax *f = opaque;

    for (unsigned i = 0; i < TIMES; i++) {
        nyx_amd_perf_count(f->amd, 5, 1, 1, 2, 3);
    }
    return NULL;
}

static void test_threads(void)
{
    Ax *f = ax_new(NULL);
    pthread_t threads[THREADS];

    source(f, 5);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, count_thread, f);
    }
    /* Setting up others meanwhile disturbs nothing. */
    for (unsigned i = 0; i < 1000; i++) {
        ax_write64(f, PC(0, 0, 8), i & 7);
        ax_write64(f, PC(0, 0, 0x20), i);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    FX_CHECK(NULL, count(f), THREADS * TIMES);
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amd/perfmon/registers", test_registers);
    g_test_add_func("/amd/perfmon/absent", test_absent);
    g_test_add_func("/amd/perfmon/locks", test_locks);
    g_test_add_func("/amd/perfmon/sources", test_sources);
    g_test_add_func("/amd/perfmon/matches", test_matches);
    g_test_add_func("/amd/perfmon/many", test_many);
    g_test_add_func("/amd/perfmon/wrap", test_wrap);
    g_test_add_func("/amd/perfmon/wrap-at-access", test_wrap_at_access);
    g_test_add_func("/amd/perfmon/commands", test_commands);
    g_test_add_func("/amd/perfmon/1ff8", test_1ff8);
    g_test_add_func("/amd/perfmon/not-there", test_not_there);
    g_test_add_func("/amd/perfmon/threads", test_threads);
    return g_test_run();
}
