/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Performance counters (11.4.40 and on) and the enhanced commands that run
 * them.
 *
 * Events come from any thread and are added where they happen; NyxVtd.mode
 * has a bit that keeps everybody away as long as no counter runs.  The
 * registers are brought up to date when software looks, and an overflow is
 * told from the serialized side.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

#define COUNT_MASK MAKE_64BIT_MASK(0, NVTD_PERF_WIDTH)
#define ALL_COUNTERS MAKE_64BIT_MASK(0, NVTD_PERF_COUNTERS)

/* Group and bit of each event. */
static const struct {
    uint8_t group;
    uint32_t bit;
} events[NVTD_PERF_EVENTS] = {
    [NVTD_PERF_REQUEST] = { 0, 0x002 },
    [NVTD_PERF_TABLE_READ] = { 1, 0x001 },
    [NVTD_PERF_BLOCKED] = { 1, 0x020 },
    [NVTD_PERF_CONTEXT_LOOKUP] = { 2, 0x001 },
    [NVTD_PERF_CONTEXT_HIT] = { 2, 0x002 },
    [NVTD_PERF_TABLE_LOOKUP] = { 2, 0x010 },
    [NVTD_PERF_TABLE_HIT] = { 2, 0x020 },
    [NVTD_PERF_IOTLB_LOOKUP] = { 3, 0x001 },
    [NVTD_PERF_IOTLB_HIT] = { 3, 0x002 },
    [NVTD_PERF_IRQ_LOOKUP] = { 4, 0x001 },
    [NVTD_PERF_IRQ_HIT] = { 4, 0x002 },
    [NVTD_PERF_IRQ_HIT_POSTED] = { 4, 0x004 },
    [NVTD_PERF_ATS_BLOCKED] = { 0, 0x008 },
    [NVTD_PERF_PAGE_REQUEST] = { 1, 0x040 },
    [NVTD_PERF_PASID_LOOKUP] = { 2, 0x004 },
    [NVTD_PERF_PASID_HIT] = { 2, 0x008 },
};

static bool event_offered(const NyxVtdCfg *cfg, NyxVtdPerfEvent event)
{
    switch (event) {
    case NVTD_PERF_IRQ_LOOKUP:
    case NVTD_PERF_IRQ_HIT:
        return cfg->intremap;
    case NVTD_PERF_IRQ_HIT_POSTED:
        return cfg->posted_interrupts;
    case NVTD_PERF_ATS_BLOCKED:
        return cfg->dma_translation && cfg->device_iotlb;
    case NVTD_PERF_PAGE_REQUEST:
        return cfg->page_requests;
    case NVTD_PERF_PASID_LOOKUP:
    case NVTD_PERF_PASID_HIT:
        return cfg->pasid_bits;
    default:
        return cfg->dma_translation;
    }
}

/* PERFEVNTCAP of a group. */
static uint32_t group_events(const NyxVtdCfg *cfg, unsigned group)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < NVTD_PERF_EVENTS; i++) {
        if (events[i].group == group && event_offered(cfg, i)) {
            bits |= events[i].bit;
        }
    }
    return bits;
}

/* --- Counting; from any thread -------------------------------------------- */

static bool filter_passes(uint32_t filter, uint32_t id)
{
    return !FIELD_EX32(filter, NVTD_PERFFILT, EN) ||
           FIELD_EX32(filter, NVTD_PERFFILT, ID) == id;
}

static bool counts(const NyxVtdPerf *perf, unsigned i, NyxVtdPerfEvent event,
                   uint16_t sid, uint32_t did)
{
    uint64_t config = qatomic_read(&perf->config[i]);

    return FIELD_EX64(config, NVTD_PERFCFG, EGI) == events[event].group &&
           FIELD_EX64(config, NVTD_PERFCFG, ES) & events[event].bit &&
           filter_passes(qatomic_read(&perf->sid[i]), sid) &&
           filter_passes(qatomic_read(&perf->did[i]), did);
}

void nyx_vtd_perf_add(NyxVtd *vtd, NyxVtdPerfEvent event, unsigned n,
                      uint16_t sid, uint32_t did)
{
    NyxVtdPerf *perf = &vtd->perf;
    uint32_t running = qatomic_read(&perf->running);
    uint64_t old;

    for (unsigned i = 0; n && i < NVTD_PERF_COUNTERS; i++) {
        if (!(running & BIT(i)) || !counts(perf, i, event, sid, did)) {
            continue;
        }
        old = qatomic_fetch_add(&perf->count[i], n);
        if ((old ^ (old + n)) >> NVTD_PERF_WIDTH) {
            qatomic_or(&perf->overflowed, BIT(i));
            vtd->host.kick(vtd->host.opaque);
        }
    }
}

uint32_t nyx_vtd_known_domain(const NyxVtdRequester *r, uint16_t sid)
{
    uint64_t word = qatomic_read(&r->ctx_word);

    if (!FIELD_EX64(word, NYX_CTX, VALID) ||
        !FIELD_EX64(word, NYX_CTX, PRESENT) ||
        FIELD_EX64(word, NYX_CTX, SID) != sid) {
        return NVTD_NO_DOMAIN;
    }
    return FIELD_EX64(word, NYX_CTX, DID);
}

void nyx_vtd_perf_request(NyxVtdRequester *r, uint16_t sid,
                          const NyxRequest *req, bool looked_up, bool hit)
{
    uint32_t did = nyx_vtd_known_domain(r, sid);

    /* Who only asks is no request. */
    if (req->type != NYX_REQ_UNTRANSLATED || req->access != NYX_ACCESS_NONE) {
        nyx_vtd_perf_add(r->vtd, NVTD_PERF_REQUEST, 1, sid, did);
    }
    nyx_vtd_perf_add(r->vtd, NVTD_PERF_IOTLB_LOOKUP, looked_up, sid, did);
    nyx_vtd_perf_add(r->vtd, NVTD_PERF_IOTLB_HIT, hit, sid, did);
}

/* --- Registers ------------------------------------------------------------ */

/* Overflows since the last time: status bits, and the event if asked for. */
static void tell_overflows(NyxVtd *vtd)
{
    uint32_t bits = qatomic_xchg(&vtd->perf.overflowed, 0);
    bool interrupt = false;

    if (!bits) {
        return;
    }
    nyx_reg_set(&vtd->regs, A_NVTD_PERFOVF, 8,
                nyx_vtd_reg64(vtd, A_NVTD_PERFOVF) | bits);
    for (unsigned i = 0; i < NVTD_PERF_COUNTERS; i++) {
        if (bits & BIT(i)) {
            vtd->stats.counter_overflows++;
            interrupt |= FIELD_EX64(vtd->perf.config[i], NVTD_PERFCFG, INT);
        }
    }
    if (interrupt) {
        nyx_vtd_status_set(vtd, NVTD_EVENT_PERFMON,
                           R_NVTD_PERFINTRSTS_PIS_MASK);
    }
}

void nyx_vtd_perf_sync(NyxVtd *vtd)
{
    if (!vtd->cfg.perfmon) {
        return;
    }
    for (unsigned i = 0; i < NVTD_PERF_COUNTERS; i++) {
        nyx_reg_set(&vtd->regs, A_NVTD_PERFCNTR(i), 8,
                    qatomic_read(&vtd->perf.count[i]) & COUNT_MASK);
    }
    tell_overflows(vtd);
}

/* Run what is enabled, unless all is frozen. */
static void update_running(NyxVtd *vtd)
{
    bool frozen = nyx_vtd_reg64(vtd, A_NVTD_PERFFRZ);
    uint32_t running = frozen ? 0 : vtd->perf.enabled;

    qatomic_set(&vtd->perf.running, running);
    if (running) {
        qatomic_or(&vtd->mode, NVTD_MODE_COUNT);
    } else {
        qatomic_and(&vtd->mode, ~NVTD_MODE_COUNT);
    }
}

void nyx_vtd_perf_update(NyxVtd *vtd)
{
    NyxVtdPerf *perf = &vtd->perf;

    if (!vtd->cfg.perfmon) {
        return;
    }
    for (unsigned i = 0; i < NVTD_PERF_COUNTERS; i++) {
        qatomic_set(&perf->count[i], nyx_vtd_reg64(vtd, A_NVTD_PERFCNTR(i)));
        qatomic_set(&perf->config[i], nyx_vtd_reg64(vtd, A_NVTD_PERFCFG(i)));
        qatomic_set(&perf->sid[i], nyx_vtd_reg32(vtd, A_NVTD_PERFSID(i)));
        qatomic_set(&perf->did[i], nyx_vtd_reg32(vtd, A_NVTD_PERFDID(i)));
    }
    qatomic_set(&perf->overflowed, 0);
    update_running(vtd);
}

/* arg is the counter. */
static void counter_written(void *dev, const NyxReg *reg, uint64_t written,
                            uint64_t mask)
{
    NyxVtd *vtd = dev;

    qatomic_set(&vtd->perf.count[reg->arg],
                nyx_vtd_reg64(vtd, reg->offset));
}

static void config_written(void *dev, const NyxReg *reg, uint64_t written,
                           uint64_t mask)
{
    NyxVtd *vtd = dev;
    uint64_t config = nyx_vtd_reg64(vtd, reg->offset);
    unsigned group = FIELD_EX64(config, NVTD_PERFCFG, EGI);

    if (FIELD_EX64(config, NVTD_PERFCFG, ES) &
        ~group_events(&vtd->cfg, group)) {
        nyx_vtd_finding(vtd, NVTD_RULE_PERF_EVENT,
                        nyx_vtd_at_reg(reg->offset, config));
    }
    qatomic_set(&vtd->perf.config[reg->arg], config);
}

static void filter_written(void *dev, const NyxReg *reg, uint64_t written,
                           uint64_t mask)
{
    NyxVtd *vtd = dev;
    uint32_t *filter = reg->offset == A_NVTD_PERFSID(reg->arg) ?
                       vtd->perf.sid : vtd->perf.did;

    qatomic_set(&filter[reg->arg], nyx_vtd_reg32(vtd, reg->offset));
}

/* --- Enhanced commands ---------------------------------------------------- */

static unsigned enable(NyxVtd *vtd, uint64_t counter, bool on)
{
    if (counter >= NVTD_PERF_COUNTERS) {
        nyx_vtd_finding(vtd, NVTD_RULE_ECMD_OPERAND,
                        nyx_vtd_at_reg(A_NVTD_ECMD, counter));
        return NVTD_ECMD_SC_OPERAND;
    }
    vtd->perf.enabled = deposit32(vtd->perf.enabled, counter, 1, on);
    return NVTD_ECMD_SC_OK;
}

static unsigned run(NyxVtd *vtd, unsigned command, uint64_t operand)
{
    switch (command) {
    case NVTD_ECMD_ENABLE:
    case NVTD_ECMD_DISABLE:
        return enable(vtd, operand, command == NVTD_ECMD_ENABLE);
    case NVTD_ECMD_FREEZE:
    case NVTD_ECMD_UNFREEZE:
        nyx_reg_set(&vtd->regs, A_NVTD_PERFFRZ, 8,
                    command == NVTD_ECMD_FREEZE ? ALL_COUNTERS : 0);
        return NVTD_ECMD_SC_OK;
    default:
        nyx_vtd_finding(vtd, NVTD_RULE_ECMD_UNKNOWN,
                        nyx_vtd_at_reg(A_NVTD_ECMD, command));
        return NVTD_ECMD_SC_UNSUPPORTED;
    }
}

/* The byte with the command starts it, and it is done at once. */
static void ecmd_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask)
{
    NyxVtd *vtd = dev;
    uint64_t ecmd = nyx_vtd_reg64(vtd, A_NVTD_ECMD);
    unsigned status;

    if (!(mask & R_NVTD_ECMD_CMD_MASK)) {
        return;
    }
    status = run(vtd, FIELD_EX64(ecmd, NVTD_ECMD, CMD),
                 FIELD_EX64(ecmd, NVTD_ECMD, OA));
    nyx_reg_set(&vtd->regs, A_NVTD_ECRSP, 8, status << NVTD_ECRSP_SC_SHIFT);
    vtd->stats.enhanced_commands++;
    update_running(vtd);
}

/* --- Rows ----------------------------------------------------------------- */

static uint64_t perfcap(void)
{
    uint64_t cap = 0;

    cap = FIELD_DP64(cap, NVTD_PERFCAP, NCNTR, NVTD_PERF_COUNTERS);
    cap = FIELD_DP64(cap, NVTD_PERFCAP, CW, NVTD_PERF_WIDTH);
    cap = FIELD_DP64(cap, NVTD_PERFCAP, NEG, NVTD_PERF_GROUPS);
    cap = FIELD_DP64(cap, NVTD_PERFCAP, FILT,
                     NVTD_PERF_FILTER_SID | NVTD_PERF_FILTER_DID);
    return FIELD_DP64(cap, NVTD_PERFCAP, IOS, 1);
}

/* Each counter has the events of all groups: PCC is 0. */
static uint32_t cntrcap(void)
{
    uint32_t cap = FIELD_DP32(0, NVTD_PERFCNTRCAP, CW, NVTD_PERF_WIDTH);

    return FIELD_DP32(cap, NVTD_PERFCNTRCAP, IOS, 1);
}

static uint64_t eccap3(void)
{
    return BIT_ULL(NVTD_ECMD_ENABLE % 64) | BIT_ULL(NVTD_ECMD_DISABLE % 64) |
           BIT_ULL(NVTD_ECMD_FREEZE % 64) | BIT_ULL(NVTD_ECMD_UNFREEZE % 64);
}

static void add_constant(NyxVtd *vtd, const char *name, uint32_t offset,
                         unsigned size, uint64_t value)
{
    const NyxReg row = {
        name, offset, size, .reset = value,
        .ro = MAKE_64BIT_MASK(0, 8 * size),
    };

    nyx_regfile_add(&vtd->regs, &row);
}

static void add_counter(NyxVtd *vtd, unsigned i)
{
    const uint64_t filter = R_NVTD_PERFFILT_EN_MASK | R_NVTD_PERFFILT_ID_MASK;
    const NyxReg rows[] = {
        { "PERFCFG", A_NVTD_PERFCFG(i), 8,
          .rw = R_NVTD_PERFCFG_INT_MASK | R_NVTD_PERFCFG_EGI_MASK |
                R_NVTD_PERFCFG_ES_MASK, .written = config_written, .arg = i },
        { "PERFSID", A_NVTD_PERFSID(i), 4, .rw = filter,
          .written = filter_written, .arg = i },
        { "PERFDID", A_NVTD_PERFDID(i), 4, .rw = filter,
          .written = filter_written, .arg = i },
        { "PERFCNTR", A_NVTD_PERFCNTR(i), 8, .rw = COUNT_MASK,
          .written = counter_written, .arg = i },
    };

    for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
        nyx_regfile_add(&vtd->regs, &rows[n]);
    }
    add_constant(vtd, "PERFCNTRCAP", A_NVTD_PERFCNTRCAP(i), 4, cntrcap());
}

void nyx_vtd_perf_init(NyxVtd *vtd)
{
    static const NyxReg rows[] = {
        { "PERFFRZ", A_NVTD_PERFFRZ, 8, .ro = ALL_COUNTERS },
        { "PERFOVF", A_NVTD_PERFOVF, 8, .w1c = ALL_COUNTERS },
        { "ECMD", A_NVTD_ECMD, 8,
          .rw = R_NVTD_ECMD_CMD_MASK | R_NVTD_ECMD_OA_MASK,
          .written = ecmd_written },
        { "ECEO", A_NVTD_ECEO, 8, .rw = UINT64_MAX },
        { "ECRSP", A_NVTD_ECRSP, 8, .ro = UINT64_MAX },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        nyx_regfile_add(&vtd->regs, &rows[i]);
    }
    add_constant(vtd, "PERFCAP", A_NVTD_PERFCAP, 8, perfcap());
    add_constant(vtd, "PERFCFGOFF", A_NVTD_PERFCFGOFF, 4, A_NVTD_PERFCFG(0));
    add_constant(vtd, "PERFFRZOFF", A_NVTD_PERFFRZOFF, 4, A_NVTD_PERFFRZ);
    add_constant(vtd, "PERFOVFOFF", A_NVTD_PERFOVFOFF, 4, A_NVTD_PERFOVF);
    add_constant(vtd, "PERFCNTROFF", A_NVTD_PERFCNTROFF, 4,
                 A_NVTD_PERFCNTR(0));
    for (unsigned i = 0; i < NVTD_PERF_GROUPS; i++) {
        add_constant(vtd, "PERFEVNTCAP", A_NVTD_PERFEVNTCAP(i), 8,
                     group_events(&vtd->cfg, i));
    }
    for (unsigned i = 0; i < 4; i++) {
        add_constant(vtd, "ECCAP", A_NVTD_ECCAP(i), 8, i == 3 ? eccap3() : 0);
    }
    for (unsigned i = 0; i < NVTD_PERF_COUNTERS; i++) {
        add_counter(vtd, i);
    }
}

/* --- Saved state ---------------------------------------------------------- */

static bool in(const NyxReg *reg, uint32_t first, uint32_t end)
{
    return reg->offset >= first && reg->offset < end;
}

/* What a unit says of itself is the same on both sides. */
static bool constants_ok(const NyxVtd *vtd, const NyxVtdSaved *saved)
{
    for (unsigned i = 0; i < vtd->regs.n_regs; i++) {
        const NyxReg *reg = &vtd->regs.regs[i];
        bool ours = in(reg, A_NVTD_PERFCAP,
                       A_NVTD_PERFEVNTCAP(NVTD_PERF_GROUPS)) ||
                    in(reg, A_NVTD_ECCAP(0), A_NVTD_ECCAP(4)) ||
                    in(reg, A_NVTD_PERFCFG(0),
                       A_NVTD_PERFCFG(NVTD_PERF_COUNTERS));

        if (ours && reg->ro == MAKE_64BIT_MASK(0, 8 * reg->size) &&
            ldn_le_p(saved->regs + reg->offset, reg->size) != reg->reset) {
            return false;
        }
    }
    return true;
}

bool nyx_vtd_perf_saved_ok(const NyxVtd *vtd, const NyxVtdSaved *saved)
{
    uint64_t frozen = ldq_le_p(saved->regs + A_NVTD_PERFFRZ);
    uint64_t ecrsp = ldq_le_p(saved->regs + A_NVTD_ECRSP);

    if (!vtd->cfg.perfmon) {
        return !saved->perf_enabled;
    }
    return constants_ok(vtd, saved) &&
           !(saved->perf_enabled & ~ALL_COUNTERS) &&
           (!frozen || frozen == ALL_COUNTERS) &&
           !(ecrsp & 1) &&
           ecrsp >> NVTD_ECRSP_SC_SHIFT <= NVTD_ECMD_SC_OPERAND;
}
