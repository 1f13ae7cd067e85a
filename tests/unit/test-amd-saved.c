/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state that migrates: all of it travels, nothing else does, and what no
 * IOMMU with these options can have come to is refused.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"
#include "amd-fixture.h"

static uint64_t get(const NyxAmdSaved *saved, uint32_t offset)
{
    return ldq_le_p(saved->regs + offset);
}

static void put(NyxAmdSaved *saved, uint32_t offset, uint64_t value)
{
    stq_le_p(saved->regs + offset, value);
}

/* --- There and back ------------------------------------------------------- */

/* Something in everything that there is. */
static void make_busy(Ax *f)
{
    ax_start(f);
    ax_write64(f, AX_PPRBASE, ax_ring(0x70000, 9));
    ax_write64(f, 0x20, 0x10001);
    ax_write64(f, 0x28, 0x20000);
    ax_write64(f, 0x68, 0x30010);
    ax_write64(f, 0x100, 0x800000 | 0xff);
    ax_write64(f, 0x170, 0x0000003100000500ULL);
    ax_write64(f, 0x208, 0x30001);
    ax_write64(f, 0x210, 0x1000);
    ax_write64(f, 0x2088, 0x80000005);
    ax_write64(f, 0x4008, 3);
    ax_write64(f, 0x41008, 5);
    ax_write64(f, 0x41000, 0x123456789abcULL);
    ax_write64(f, 0x43328, 1ULL << 63 | 77);
    ax_control_set(f, AX_PPRLOGEN | AX_PPREN | AX_GTEN | AX_EVENTINTEN |
                      1ULL << 40);
    nyx_amd_report(f->amd, &(NyxAmdFault) {
        .code = NAMD_FAULT_DTE_READ, .sid = 0x123, .addr = 0x4560,
    });
    nyx_amd_report(f->amd, &(NyxAmdFault) {
        .code = NAMD_FAULT_HOST_EMPTY, .sid = 0x1234, .suppress_after = true,
    });
    ax_submit(f, 1ULL << 60 | 2, 0);
    /* A command engine that stopped, with a command waiting. */
    ax_command(f, 0, 0);
    ax_command(f, 2ULL << 60, 0);
    ax_doorbell(f);
    ax_settle(f);
}

static void test_round_trip(void)
{
    NyxAmdSaved *a = g_new0(NyxAmdSaved, 1), *b = g_new0(NyxAmdSaved, 1);
    Ax *f = ax_new(NULL), *g = ax_new(NULL);

    /* Configuration space travels by itself, whether software has looked. */
    f->msi[0] = g->msi[0] = 0x00860005;
    f->msi[4] = g->msi[4] = 0xa8030008;
    make_busy(f);
    FX_CHECK("mirror", ax_read32(f, 0x168), 0xa8030008);
    nyx_amd_save(f->amd, a);
    ax_forget(g);
    g_assert_cmpstr(nyx_amd_load(g->amd, a), ==, NULL);
    nyx_amd_save(g->amd, b);
    g_assert_cmpmem(a, sizeof(*a), b, sizeof(*b));
    for (uint32_t at = 0; at < 0x2100; at += 8) {
        FX_CHECK("register", ax_read64(g, at), ax_read64(f, at));
    }
    for (uint32_t at = 0x40000; at < 0x44000; at += 8) {
        FX_CHECK("counter", ax_read64(g, at), ax_read64(f, at));
    }
    FX_CHECK("told", g->mode_changes > 0, true);
    FX_CHECK("told", g->irt->len > 0, true);
    FX_CHECK("goes on", g->kicks, 1);
    FX_CHECK("silent", g->signals->len + g->messages->len, 0);
    FX_CHECK("findings", ax_all_findings(g), 0);
    ax_free(f);
    ax_free(g);
    g_free(a);
    g_free(b);
}

/* 16.50: what is in no register. */
static void test_hidden_state(void)
{
    NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);
    Ax *f = ax_new(NULL), *g = ax_new(NULL);
    NyxAmdFault fault = {
        .code = NAMD_FAULT_HOST_EMPTY, .sid = 0x1234, .suppress_after = true,
    };
    uint64_t tail;

    make_busy(f);
    nyx_amd_save(f->amd, saved);
    g_assert_cmpstr(nyx_amd_load(g->amd, saved), ==, NULL);
    g_assert_true(nyx_amd_enabled(g->amd));
    g_assert_true(nyx_amd_dma_checked(g->amd));
    FX_CHECK("window", g->amd->exclusion.first, 0x10000);
    FX_CHECK("window", g->amd->exclusion.last, 0x20fff);
    FX_CHECK("window", g->amd->marc[0].last, 0xfff);
    FX_CHECK("window", g->amd->marc[0].to, 0x30000);
    FX_CHECK("segment", g->amd->devtab[1], 0x8000ff);
    FX_CHECK("mode", g->amd->mode, NAMD_MODE_ENABLED | NAMD_MODE_WINDOWS |
                                   NAMD_MODE_COUNT);
    /* SE: one was logged; a lock; an SMI filter that is locked. */
    tail = ax_read32(g, AX_EVTTAIL);
    nyx_amd_report(g->amd, &fault);
    FX_CHECK("SE", ax_read32(g, AX_EVTTAIL), tail);
    fault.sid = 0x1235;
    nyx_amd_report(g->amd, &fault);
    FX_CHECK("SE of others", ax_read32(g, AX_EVTTAIL), tail + 16);
    ax_write64(g, 0x41010, 1);
    FX_CHECK("lock", ax_read64(g, 0x41010), 0);
    ax_write64(g, 0x68, 0);
    FX_CHECK("lock", ax_read64(g, 0x68), 0x30010);
    nyx_amd_perf_count(g->amd, 5, 1, 0, 0, 0);
    FX_CHECK("counter", ax_read64(g, 0x41000), 0x123456789abdULL);
    /* Halted until software restarts it: then the command that waited. */
    ax_settle(g);
    FX_CHECK("halted", ax_read32(g, AX_STATUS) & AX_CMDBUFRUN, 0);
    memcpy(g->mem.bytes, f->mem.bytes, f->mem.next_page);
    ax_control_clear(g, AX_CMDBUFEN);
    ax_control_set(g, AX_CMDBUFEN);
    FX_CHECK("restarted", ax_read32(g, AX_CMDHEAD), 0x30);
    FX_CHECK("restarted", ax_read32(g, AX_CMDTAIL), 0x30);
    ax_free(f);
    ax_free(g);
    g_free(saved);
}

/* Memory has been saved before: no entry is added, and no tail moves. */
static void test_memory_is_saved(void)
{
    const NyxAmdFault fault = {
        .code = NAMD_FAULT_HOST_EMPTY, .sid = 0x1234,
    };
    NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);
    Ax *f = ax_new_started(NULL);
    uint64_t entry = f->events;

    ax_write64(f, 0x40028, 1ULL << 63 | 77);
    ax_write64(f, 0x40008, 5);
    ax_write64(f, 0x40000, 0xffffffffffff);
    f->elsewhere = true;
    nyx_amd_report(f->amd, &fault);
    nyx_amd_perf_count(f->amd, 5, 1, 0, 0, 0);
    f->elsewhere = false;
    nyx_amd_save(f->amd, saved);
    FX_CHECK("tail", get(saved, AX_EVTTAIL), 0);
    FX_CHECK("status", get(saved, AX_STATUS) & AX_EVENTLOGINT, 0);
    FX_CHECK("memory", fx_mem_peek(&f->mem, entry), 0);
    /* It goes on here after all. */
    nyx_amd_continue(f->amd);
    nyx_amd_save(f->amd, saved);
    FX_CHECK("tail", get(saved, AX_EVTTAIL), 0x20);
    FX_CHECK("memory", fx_mem_peek(&f->mem, entry) >> 60, 2);
    FX_CHECK("memory", fx_mem_peek(&f->mem, entry + 16) >> 60, 0xa);
    ax_free(f);
    g_free(saved);
}

/* A buffer that is being worked through goes on over there. */
static void test_in_between(void)
{
    NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);
    Ax *f = ax_new_started(NULL), *g = ax_new(NULL);

    for (unsigned i = 0; i < 400; i++) {
        ax_command(f, 2ULL << 60, 0);
    }
    ax_doorbell(f);
    nyx_amd_save(f->amd, saved);
    FX_CHECK("in between", get(saved, AX_CMDHEAD), 256 * 16);
    memcpy(g->mem.bytes, f->mem.bytes, f->mem.next_page);
    g_assert_cmpstr(nyx_amd_load(g->amd, saved), ==, NULL);
    FX_CHECK("not by itself", ax_read32(g, AX_CMDHEAD), 256 * 16);
    ax_settle(g);
    FX_CHECK("done", ax_read32(g, AX_CMDHEAD), 400 * 16);
    ax_free(f);
    ax_free(g);
    g_free(saved);
}

/* Stopped logs stay stopped, with or without their status bit. */
static void test_stopped_logs(void)
{
    static const struct {
        uint32_t base;
        uint64_t enable;
        uint32_t run;
        uint32_t overflow;
    } logs[] = {
        { 0x10, AX_EVENTLOGEN, AX_EVENTLOGRUN, AX_EVENTOVERFLOW },
        { 0x38, AX_PPRLOGEN, AX_PPRLOGRUN, AX_PPROVERFLOW },
        { 0xe0, AX_GALOGEN, AX_GALOGRUN, AX_GALOVERFLOW },
    };
    const uint64_t words[] = { 2ULL << 60, 0 };
    NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);

    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        Ax *f = ax_new(NULL), *g = ax_new(NULL);

        ax_write64(f, logs[i].base, ax_ring(0x100000, 8));
        ax_control_set(f, AX_IOMMUEN | logs[i].enable);
        while (ax_read32(f, AX_STATUS) & logs[i].run) {
            if (i == 0) {
                nyx_amd_log_event(f->amd, words);
            } else if (i == 1) {
                nyx_amd_log_ppr(f->amd, words);
            } else {
                nyx_amd_log_ga(f->amd, words[0]);
            }
        }
        ax_write32(f, AX_STATUS, logs[i].overflow);
        nyx_amd_save(f->amd, saved);
        g_assert_cmpstr(nyx_amd_load(g->amd, saved), ==, NULL);
        ax_control_set(g, AX_CMDBUFEN);
        FX_CHECK("stopped", ax_read32(g, AX_STATUS) & logs[i].run, 0);
        ax_control_clear(g, logs[i].enable);
        ax_control_set(g, logs[i].enable);
        FX_CHECK("restarted", ax_read32(g, AX_STATUS) & logs[i].run,
                 logs[i].run);
        ax_free(f);
        ax_free(g);
    }
    g_free(saved);
}

static const NyxAmdCfg plain_cfg = {
    .pa_bits = 40, .va_bits = 48, .dma_remap = true, .host_levels = 4,
    .iotlb_entries = 16,
};

/* --- What is refused ------------------------------------------------------ */

typedef struct BadRow {
    const char *name;
    uint32_t offset;
    uint64_t flip;           /* of a state that is fine */
    uint32_t flags;
} BadRow;

/* A started IOMMU with everything, nothing stopped. */
static const BadRow bad_rows[] = {
    { "other features", 0x30, 1, 0 },
    { "other features 2", 0x1a0, 1, 0 },
    { "reserved bit", 0x00, 0x200, 0 },
    { "no register's", 0x20, 0x4, 0 },
    { "reserved control bit", 0x18, 1ULL << 57, 0 },
    { "absent control bit", 0x18, 1ULL << 60, 0 },
    { "GAMEn 2", 0x18, 2ULL << 25, 0 },
    { "DualEventLogEn 3", 0x18, 3ULL << 32, 0 },
    { "DevTblSegEn 4", 0x18, 4ULL << 34, 0 },
    { "command head outside", 0x2000, 0x2000, 0 },
    { "command tail outside", 0x2008, 0x2000, 0 },
    { "event tail outside", 0x2018, 0x2000, 0 },
    { "event head misaligned", 0x2010, 0x8, 0 },
    { "ppr tail outside", 0x2038, 0x1000, 0 },
    { "ga tail outside", 0x2048, 0x1000, 0 },
    { "event tail b outside", 0x2078, 0x1000, 0 },
    { "status bit reserved", 0x2020, 0x2000, 0 },
    { "not running, but enabled", 0x2020, AX_CMDBUFRUN, 0 },
    { "log not running", 0x2020, AX_EVENTLOGRUN, 0 },
    { "running, but not enabled", 0x2020, AX_PPRLOGRUN, 0 },
    { "ga running", 0x2020, AX_GALOGRUN, 0 },
    { "B in use", 0x2020, AX_EVENTLOGACTIVE, 0 },
    { "ppr B in use", 0x2020, AX_PPRLOGACTIVE, 0 },
    { "halted and running", 0x00, 0, NYX_AMD_SAVED_COMMAND_HALTED },
    { "stopped and running", 0x00, 0, NYX_AMD_SAVED_EVENT_STOPPED },
    { "unknown flag", 0x00, 0, 0x10 },
    { "hardware event status", 0x50, 4, 0 },
    { "dsfx", 0x138, 1, 0 },
    { "msi vector", 0x150, 1, 0 },
    { "xt", 0x170, 1, 0 },
};

static void test_refused(void)
{
    NyxAmdSaved *good = g_new0(NyxAmdSaved, 1);
    NyxAmdSaved *bad = g_new0(NyxAmdSaved, 1);
    NyxAmdSaved *after = g_new0(NyxAmdSaved, 1);
    Ax *f = ax_new_started(NULL), *g = ax_new(NULL);

    nyx_amd_save(f->amd, good);
    g_assert_cmpstr(nyx_amd_load(g->amd, good), ==, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_rows); i++) {
        const BadRow *row = &bad_rows[i];

        *bad = *good;
        put(bad, row->offset, get(bad, row->offset) ^ row->flip);
        bad->flags ^= row->flags;
        FX_CHECK(row->name, nyx_amd_load(g->amd, bad) != NULL, true);
        /* Nothing has been changed. */
        nyx_amd_save(g->amd, after);
        FX_CHECK(row->name, memcmp(after, good, sizeof(*good)), 0);
    }
    ax_free(f);
    f = ax_new(&plain_cfg);
    g_assert_nonnull(strstr(nyx_amd_load(f->amd, good), "same options"));
    ax_free(f);
    ax_free(g);
    g_free(good);
    g_free(bad);
    g_free(after);
}

static void test_refused_counters(void)
{
    NyxAmdCfg cfg = ax_cfg();
    NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);
    Ax *f = ax_new(NULL);

    for (unsigned fn = 0; fn < 6; fn++) {
        static const uint64_t bits[] = {
            1ULL << 48, 1u << 8, 1u << 16, 1ULL << 48, 1u << 30, 1ULL << 52,
        };

        nyx_amd_save(f->amd, saved);
        saved->counters[15 * 6 + fn] = bits[fn];
        FX_CHECK(NULL, nyx_amd_load(f->amd, saved) != NULL, true);
        saved->counters[15 * 6 + fn] = 1;
        FX_CHECK(NULL, nyx_amd_load(f->amd, saved) != NULL, false);
    }
    nyx_amd_save(f->amd, saved);
    saved->locks[1] = 0x10;
    FX_CHECK(NULL, nyx_amd_load(f->amd, saved) != NULL, true);
    ax_free(f);

    cfg.counters = false;
    f = ax_new(&cfg);
    nyx_amd_save(f->amd, saved);
    saved->counters[0] = 1;
    FX_CHECK("no counters", nyx_amd_load(f->amd, saved) != NULL, true);
    saved->counters[0] = 0;
    saved->locks[0] = 1;
    FX_CHECK("no counters", nyx_amd_load(f->amd, saved) != NULL, true);
    saved->locks[0] = 0;
    FX_CHECK("no counters", nyx_amd_load(f->amd, saved) != NULL, false);
    ax_free(f);
    g_free(saved);
}

static void test_refused_stops(void)
{
    NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);
    Ax *f = ax_new(&plain_cfg);

    nyx_amd_save(f->amd, saved);
    saved->flags = NYX_AMD_SAVED_PPR_STOPPED;
    FX_CHECK("no log", nyx_amd_load(f->amd, saved) != NULL, true);
    saved->flags = NYX_AMD_SAVED_GA_STOPPED;
    FX_CHECK("no log", nyx_amd_load(f->amd, saved) != NULL, true);
    saved->flags = NYX_AMD_SAVED_COMMAND_HALTED;
    FX_CHECK("halted and off", nyx_amd_load(f->amd, saved) != NULL, false);
    /* Status bits of logs that are there, and of those that are not. */
    for (unsigned bit = 0; bit < 64; bit++) {
        put(saved, 0x2020, 1ULL << bit);
        FX_CHECK("status", nyx_amd_load(f->amd, saved) == NULL,
                 bit < 3);
    }
    ax_free(f);
    g_free(saved);
}

/* Whatever is in a stream: refused, or a state that can be saved again. */
static void test_random(void)
{
    NyxAmdSaved *good = g_new0(NyxAmdSaved, 1), *bad = g_new0(NyxAmdSaved, 1);
    Ax *f = ax_new_started(NULL), *g = ax_new(NULL);
    uint64_t state = 99;
    unsigned taken = 0;

    nyx_amd_save(f->amd, good);
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t at = nyx_random(&state) % sizeof(bad->regs);

        *bad = *good;
        bad->regs[at] ^= 1u << (nyx_random(&state) % 8);
        if (!nyx_amd_load(g->amd, bad)) {
            ax_settle(g);
            nyx_amd_save(g->amd, bad);
            g_assert_cmpstr(nyx_amd_load(g->amd, bad), ==, NULL);
            taken++;
        }
    }
    g_assert_cmpuint(taken, >, 100);
    ax_free(f);
    ax_free(g);
    g_free(good);
    g_free(bad);
}

/* --- Hostile software ----------------------------------------------------- */

/* Registers, mostly; sometimes a place between them. */
static uint32_t random_offset(uint64_t *state)
{
    static const uint32_t bases[] = {
        0x0000, 0x0000, 0x2000, 0x2000, 0x2000, 0x4000, 0x40000, 0x43300,
    };
    static const uint32_t hot[] = { AX_CMDBASE, AX_CONTROL, AX_CMDTAIL };
    uint64_t random = nyx_random(state);

    if (random >> 32 & 1) {
        return hot[random % ARRAY_SIZE(hot)];
    }
    return bases[random % ARRAY_SIZE(bases)] + (random >> 8) % 0x280;
}

static uint64_t random_value(Ax *f, uint64_t *state)
{
    uint64_t value = nyx_random(state);

    switch (nyx_random(state) % 6) {
    case 0:
        return value;
    case 1:
        return value & 0x7fff0;
    case 2:
        return 1ULL << value % 64;
    case 3:
        /* A buffer of what may be commands. */
        return (value & 0xff000) | (value >> 60) << 56;
    case 4:
        return ~(1ULL << value % 64);
    default:
        return 0x10002005 | (value & 0xfffff00001000ULL);
    }
}

/*
 * Whatever it writes: it ends, within bounds, and in a state that migrates.
 */
static void test_hostile(void)
{
    NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);
    Ax *f = ax_new_started(NULL), *g = ax_new(NULL);
    uint64_t state = 4711;

    for (unsigned i = 0; i < 0x100000; i += 8) {
        fx_mem_poke(&f->mem, i, nyx_random(&state) &
                                (i % 16 ? 0 : 0xf00000000000ffffULL));
    }
    for (unsigned i = 0; i < 100000; i++) {
        uint32_t offset = random_offset(&state);
        unsigned size = nyx_random(&state) % 8 ? 8 : 4;

        nyx_amd_mmio_write(f->amd, nyx_random(&state) % 16 ? offset & ~7u
                                                           : offset,
                           random_value(f, &state), size);
        if (!(nyx_random(&state) % 8)) {
            NyxAmdFault fault = {
                .code = 1 + nyx_random(&state) % (NAMD_FAULT_COUNT - 1),
                .sid = nyx_random(&state),
                .suppress_after = nyx_random(&state) % 2,
            };

            nyx_amd_report(f->amd, &fault);
            nyx_amd_log_ppr(f->amd, saved->suppressed);
            nyx_amd_log_ga(f->amd, state);
        }
        f->kicks = 0;
        if (i % 16 == 0) {
            nyx_amd_continue(f->amd);
            nyx_amd_save(f->amd, saved);
            FX_CHECK("migrates", nyx_amd_load(g->amd, saved) == NULL, true);
        }
        g_array_set_size(f->signals, 0);
        g_array_set_size(f->messages, 0);
        g_array_set_size(f->irt, 0);
        g_array_set_size(f->devtlb, 0);
        g_array_set_size(f->responses, 0);
        g_array_set_size(g->irt, 0);
    }
    /* Otherwise it was no test. */
    g_assert_cmpuint(nyx_amd_stats(f->amd).events[2], >, 100);
    g_assert_cmpuint(nyx_amd_stats(f->amd).command_errors, >, 100);
    g_assert_cmpuint(nyx_amd_stats(f->amd).commands[2], >, 10);
    g_assert_cmpuint(ax_findings(f, NAMD_RULE_LOG_OVERFLOW), >, 0);
    ax_free(f);
    ax_free(g);
    g_free(saved);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amd/saved/round-trip", test_round_trip);
    g_test_add_func("/amd/saved/hidden-state", test_hidden_state);
    g_test_add_func("/amd/saved/memory-is-saved", test_memory_is_saved);
    g_test_add_func("/amd/saved/in-between", test_in_between);
    g_test_add_func("/amd/saved/stopped-logs", test_stopped_logs);
    g_test_add_func("/amd/saved/refused", test_refused);
    g_test_add_func("/amd/saved/refused-counters", test_refused_counters);
    g_test_add_func("/amd/saved/refused-stops", test_refused_stops);
    g_test_add_func("/amd/saved/random", test_random);
    g_test_add_func("/amd/saved/hostile", test_hostile);
    return g_test_run();
}
