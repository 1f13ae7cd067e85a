/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Performance counters (3.4.18 and on): banks of counters, each with a
 * source and with matches of PASID, domain and device id.
 *
 * Events come from any thread and are added where they happen; NyxAmd.mode
 * has a bit that keeps everybody away as long as no counter has a source.
 * What a counter that wrapped has to tell is told from the serialized side.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

#define COUNTERS   (NAMD_PC_BANKS * NAMD_PC_COUNTERS)
#define FN(offset) ((offset) / 8)
#define LOCKS      3

/* --- Counting; from any thread -------------------------------------------- */

/* Mask bits that are one are compared. */
static bool matches(uint64_t match, uint32_t id, uint32_t none)
{
    uint32_t mask = FIELD_EX64(match, NAMD_PCM, MASK);

    return !(match & R_NAMD_PCM_EN_MASK) ||
           (id != none &&
            !((id ^ FIELD_EX64(match, NAMD_PCM, VALUE)) & mask));
}

static bool counts(const uint64_t regs[NAMD_PC_FNS], NyxAmdPerfSource source,
                   uint16_t sid, uint32_t did, uint32_t pasid)
{
    uint64_t setup = qatomic_read(&regs[FN(NAMD_PC_FN_SOURCE)]);

    return FIELD_EX64(setup, NAMD_PC8, SOURCE) == source &&
           !(setup & R_NAMD_PC8_CAC_MASK) &&
           matches(qatomic_read(&regs[FN(NAMD_PC_FN_PASID)]), pasid,
                   NAMD_NO_PASID) &&
           matches(qatomic_read(&regs[FN(NAMD_PC_FN_DOMAIN)]), did,
                   NAMD_NO_DOMAIN) &&
           matches(qatomic_read(&regs[FN(NAMD_PC_FN_DEVID)]), sid,
                   UINT32_MAX);
}

void nyx_amd_perf_add(NyxAmd *amd, NyxAmdPerfSource source, uint64_t n,
                      uint16_t sid, uint32_t did, uint32_t pasid)
{
    NyxAmdPerf *perf = &amd->perf;
    uint32_t running = qatomic_read(&perf->running);

    for (unsigned i = 0; n && i < COUNTERS; i++) {
        uint64_t old;

        if (!(running & BIT(i)) ||
            !counts(perf->regs[i], source, sid, did, pasid)) {
            continue;
        }
        old = qatomic_fetch_add(&perf->count[i], n);
        if ((old ^ (old + n)) >> R_NAMD_PC0_COUNT_LENGTH) {
            qatomic_or(&perf->wrapped, BIT(i));
            amd->host.kick(amd->host.opaque);
        }
    }
}

bool nyx_amd_perf_wanted(const NyxAmd *amd, NyxAmdPerfSource source)
{
    uint32_t running = qatomic_read(&amd->perf.running);

    for (unsigned i = 0; running && i < COUNTERS; i++) {
        uint64_t setup = qatomic_read(&amd->perf.regs[i]
                                      [FN(NAMD_PC_FN_SOURCE)]);

        if (running & BIT(i) &&
            FIELD_EX64(setup, NAMD_PC8, SOURCE) == source) {
            return true;
        }
    }
    return false;
}

void nyx_amd_perf_drain(NyxAmd *amd)
{
    uint32_t wrapped = qatomic_xchg(&amd->perf.wrapped, 0);

    for (unsigned i = 0; wrapped && i < COUNTERS; i++) {
        uint64_t report = amd->perf.regs[i][FN(NAMD_PC_FN_REPORT)];

        if (!(wrapped & BIT(i))) {
            continue;
        }
        amd->stats.counter_overflows++;
        if (report & R_NAMD_PC28_CERE_MASK) {
            nyx_amd_counter_event(amd, report & R_NAMD_PC28_NOTE_MASK);
        }
    }
}

/* --- Registers ------------------------------------------------------------ */

/* Functions of a counter, and which lock guards them. */
static const struct {
    const char *name;
    uint64_t rw;
    int lock;
} functions[NAMD_PC_FNS] = {
    [FN(NAMD_PC_FN_COUNT)] = { "PC_COUNT", R_NAMD_PC0_COUNT_MASK, -1 },
    [FN(NAMD_PC_FN_SOURCE)] = {
        "PC_SOURCE",
        R_NAMD_PC8_SOURCE_MASK | R_NAMD_PC8_UNITS_MASK | R_NAMD_PC8_CAC_MASK,
        -1,
    },
    [FN(NAMD_PC_FN_PASID)] = {
        "PC_PASID",
        R_NAMD_PCM_VALUE_MASK | R_NAMD_PCM_EN_MASK | R_NAMD_PCM_MASK_MASK, 0,
    },
    [FN(NAMD_PC_FN_DOMAIN)] = {
        "PC_DOMAIN",
        R_NAMD_PCM_VALUE_MASK | R_NAMD_PCM_EN_MASK | R_NAMD_PCM_MASK_MASK, 1,
    },
    [FN(NAMD_PC_FN_DEVID)] = {
        "PC_DEVID",
        R_NAMD_PCM_VALUE_MASK | R_NAMD_PCM_EN_MASK | R_NAMD_PCM_MASK_MASK, 2,
    },
    [FN(NAMD_PC_FN_REPORT)] = {
        "PC_REPORT", R_NAMD_PC28_NOTE_MASK | R_NAMD_PC28_CERE_MASK, -1,
    },
};

static const char *const lock_names[LOCKS] = {
    "PCPASID", "PCDOMAIN", "PCDEVID",
};

#define LOCKS_RW MAKE_64BIT_MASK(0, NAMD_PC_BANKS)

static uint64_t config(void)
{
    uint64_t value = FIELD_DP64(0, NAMD_PCCFG, COUNTERS, NAMD_PC_COUNTERS);

    return FIELD_DP64(value, NAMD_PCCFG, BANKS, NAMD_PC_BANKS);
}

/* A register of ours: NULL if there is none, rw 0 if it is read-only. */
typedef struct PerfReg {
    uint64_t *at;
    uint64_t rw;
    int counter;             /* -1: none */
    unsigned fn;
} PerfReg;

static PerfReg find(NyxAmd *amd, uint64_t offset)
{
    uint64_t at = offset & ~7ULL;
    uint64_t bank = (at - A_NAMD_PC(0, 0, 0)) >> 12;
    unsigned counter = extract64(at, 8, 4);
    unsigned fn = FN(extract64(at, 0, 8));
    PerfReg reg = { .counter = -1 };

    if (at >= A_NAMD_PCPASID && at <= A_NAMD_PCDEVID) {
        reg.at = &amd->perf.locks[(at - A_NAMD_PCPASID) / 8];
        reg.rw = LOCKS_RW;
    } else if (at >= A_NAMD_PC(0, 0, 0) && bank < NAMD_PC_BANKS &&
               counter < NAMD_PC_COUNTERS && fn < NAMD_PC_FNS) {
        reg.counter = bank * NAMD_PC_COUNTERS + counter;
        reg.fn = fn;
        reg.at = fn == FN(NAMD_PC_FN_COUNT)
                 ? &amd->perf.count[reg.counter]
                 : &amd->perf.regs[reg.counter][fn];
        reg.rw = functions[fn].rw;
        if (functions[fn].lock >= 0 &&
            amd->perf.locks[functions[fn].lock] & BIT_ULL(bank)) {
            reg.rw = 0;
        }
    }
    return reg;
}

static uint64_t value_of(NyxAmd *amd, uint64_t offset)
{
    PerfReg reg = find(amd, offset);
    uint64_t value;

    if ((offset & ~7ULL) == A_NAMD_PCCFG) {
        return config();
    }
    if (!reg.at) {
        return 0;
    }
    value = qatomic_read(reg.at);
    return reg.counter >= 0 ? value & functions[reg.fn].rw : value;
}

uint64_t nyx_amd_perf_read(NyxAmd *amd, uint64_t offset, unsigned size)
{
    /* What is misaligned ends with its register. */
    return extract64(value_of(amd, offset), 8 * (offset & 7),
                     8 * MIN(size, 8 - (offset & 7)));
}

/* Count as long as some counter has a source. */
static void update_running(NyxAmd *amd)
{
    uint32_t running = 0;

    for (unsigned i = 0; i < COUNTERS; i++) {
        uint64_t setup = amd->perf.regs[i][FN(NAMD_PC_FN_SOURCE)];

        running |= FIELD_EX64(setup, NAMD_PC8, SOURCE) ? BIT(i) : 0;
    }
    qatomic_set(&amd->perf.running, running);
    if (running) {
        qatomic_or(&amd->mode, NAMD_MODE_COUNT);
    } else {
        qatomic_and(&amd->mode, ~NAMD_MODE_COUNT);
    }
}

void nyx_amd_perf_write(NyxAmd *amd, uint64_t offset, uint64_t value,
                        unsigned size)
{
    unsigned shift = 8 * (offset & 7);
    PerfReg reg = find(amd, offset);
    NyxWhere where = nyx_amd_at_reg(offset, value);
    uint64_t mask;

    if ((size != 4 && size != 8) || offset & (size - 1)) {
        nyx_amd_finding(amd, NAMD_RULE_REG_UNALIGNED, where);
        return;
    }
    if (!reg.rw) {
        nyx_amd_finding(amd, reg.at || offset >> 3 == A_NAMD_PCCFG >> 3
                             ? NAMD_RULE_REG_READ_ONLY
                             : NAMD_RULE_REG_UNKNOWN, where);
        return;
    }
    mask = MAKE_64BIT_MASK(shift, 8 * size);
    value = (value << shift) & mask;
    if (value & ~reg.rw) {
        nyx_amd_finding(amd, NAMD_RULE_REG_RESERVED, where);
    }
    mask &= reg.rw;
    qatomic_set(reg.at, (qatomic_read(reg.at) & reg.rw & ~mask) |
                        (value & mask));
    if (reg.counter >= 0 && reg.fn == FN(NAMD_PC_FN_SOURCE)) {
        update_running(amd);
    }
}

void nyx_amd_perf_reset(NyxAmd *amd)
{
    for (unsigned i = 0; i < COUNTERS; i++) {
        qatomic_set(&amd->perf.count[i], 0);
        for (unsigned fn = 0; fn < NAMD_PC_FNS; fn++) {
            qatomic_set(&amd->perf.regs[i][fn], 0);
        }
    }
    memset(amd->perf.locks, 0, sizeof(amd->perf.locks));
    qatomic_set(&amd->perf.wrapped, 0);
    update_running(amd);
}

void nyx_amd_perf_foreach(NyxAmd *amd, NyxAmdRegVisit *visit, void *opaque)
{
    NyxReg reg = { "PCCFG", A_NAMD_PCCFG, 8, .ro = UINT64_MAX };

    if (!amd->cfg.counters) {
        return;
    }
    visit(&reg, config(), opaque);
    for (unsigned i = 0; i < LOCKS; i++) {
        reg = (NyxReg) { lock_names[i], A_NAMD_PCPASID + 8 * i, 8,
                         .rw = LOCKS_RW };
        visit(&reg, amd->perf.locks[i], opaque);
    }
    for (unsigned i = 0; i < COUNTERS * NAMD_PC_FNS; i++) {
        unsigned counter = i / NAMD_PC_FNS, fn = i % NAMD_PC_FNS;

        reg = (NyxReg) {
            functions[fn].name,
            A_NAMD_PC(counter / NAMD_PC_COUNTERS, counter % NAMD_PC_COUNTERS,
                      8 * fn),
            8, .rw = functions[fn].rw,
        };
        visit(&reg, value_of(amd, reg.offset), opaque);
    }
}

/* --- Saved state ---------------------------------------------------------- */

void nyx_amd_perf_save(const NyxAmd *amd, NyxAmdSaved *saved)
{
    for (unsigned i = 0; i < COUNTERS; i++) {
        uint64_t *to = &saved->counters[i * NAMD_PC_FNS];

        memcpy(to, amd->perf.regs[i], sizeof(amd->perf.regs[i]));
        to[FN(NAMD_PC_FN_COUNT)] = qatomic_read(&amd->perf.count[i]) &
                                   R_NAMD_PC0_COUNT_MASK;
    }
    memcpy(saved->locks, amd->perf.locks, sizeof(saved->locks));
}

void nyx_amd_perf_load(NyxAmd *amd, const NyxAmdSaved *saved)
{
    for (unsigned i = 0; i < COUNTERS; i++) {
        const uint64_t *from = &saved->counters[i * NAMD_PC_FNS];

        qatomic_set(&amd->perf.count[i], from[FN(NAMD_PC_FN_COUNT)]);
        for (unsigned fn = FN(NAMD_PC_FN_SOURCE); fn < NAMD_PC_FNS; fn++) {
            qatomic_set(&amd->perf.regs[i][fn], from[fn]);
        }
    }
    memcpy(amd->perf.locks, saved->locks, sizeof(saved->locks));
    qatomic_set(&amd->perf.wrapped, 0);
    update_running(amd);
}

bool nyx_amd_perf_saved_ok(const NyxAmd *amd, const NyxAmdSaved *saved)
{
    bool there = amd->cfg.counters;

    for (unsigned i = 0; i < COUNTERS * NAMD_PC_FNS; i++) {
        if (saved->counters[i] & ~(there ? functions[i % NAMD_PC_FNS].rw : 0)) {
            return false;
        }
    }
    for (unsigned i = 0; i < LOCKS; i++) {
        if (saved->locks[i] & ~(there ? LOCKS_RW : 0)) {
            return false;
        }
    }
    return true;
}
