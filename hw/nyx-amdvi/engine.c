/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's life: creation, reset, statistics.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

/* Interrupt entries that the `hardware` temper holds at most. */
#define IRT_ENTRIES     1024
#define INT_DTE_ENTRIES 256
#define DEVICE_IDS      65536

#define RULE_ROW(name, id, sev, section, title, fix) \
    { id, NYX_SEVERITY_##sev, section, title, fix },

static const NyxRule rules[NAMD_RULE_COUNT] = {
    NAMD_RULE_LIST(RULE_ROW)
};

static void cache_init(NyxCache *cache, const NyxAmdCfg *cfg,
                       uint32_t entries)
{
    const NyxCacheCfg cache_cfg = {
        .temper = cfg->cache,
        .entries = entries,
        .ways = 4,
        .sticky_max = DEVICE_IDS,
        .seed = cfg->cache_seed,
    };

    nyx_cache_init(cache, &cache_cfg);
}

/* What a register can have been before anybody wrote to it. */
static void power_on(NyxAmd *amd)
{
    nyx_regfile_reset(&amd->regs);
    amd->command_halted = false;
    amd->event_stopped = false;
    amd->ppr_stopped = false;
    amd->ga_stopped = false;
    nyx_amd_suppressed_clear(amd, true, 0);
    nyx_amd_perf_reset(amd);
}

NyxAmd *nyx_amd_new(const NyxAmdCfg *cfg, const NyxAmdHost *host)
{
    NyxAmd *amd = g_new0(NyxAmd, 1);

    amd->cfg = *cfg;
    amd->host = *host;
    nyx_tags_init(&amd->tags);
    amd->irt_gen = g_new0(uint32_t, DEVICE_IDS);
    amd->suppressed = g_new0(uint64_t, NAMD_SAVED_SUPPRESSED);
    amd->requesters = g_ptr_array_new();
    nyx_amd_announce_init(amd);
    amd->findings = nyx_findings_new(rules, NAMD_RULE_COUNT, host->now_ns,
                                     host->finding, host->opaque);
    cache_init(&amd->irt, cfg, IRT_ENTRIES);
    cache_init(&amd->int_dte, cfg, INT_DTE_ENTRIES);
    nyx_handoff_init(&amd->faults, sizeof(NyxAmdFault), NAMD_FAULT_RING);
    nyx_handoff_init(&amd->pages, sizeof(NyxAmdPage), NAMD_PAGE_RING);
    nyx_amd_regs_init(amd);
    power_on(amd);
    nyx_amd_mode_update(amd);
    return amd;
}

void nyx_amd_free(NyxAmd *amd)
{
    if (!amd) {
        return;
    }
    while (amd->requesters->len) {
        nyx_amd_requester_free(g_ptr_array_index(amd->requesters, 0));
    }
    g_ptr_array_free(amd->requesters, TRUE);
    nyx_announce_free(amd->announce);
    nyx_handoff_destroy(&amd->faults);
    nyx_handoff_destroy(&amd->pages);
    nyx_cache_destroy(&amd->irt);
    nyx_cache_destroy(&amd->int_dte);
    nyx_regfile_destroy(&amd->regs);
    nyx_findings_free(amd->findings);
    nyx_tags_destroy(&amd->tags);
    g_free(amd->irt_gen);
    g_free(amd->suppressed);
    g_free(amd);
}

const NyxAmdCfg *nyx_amd_cfg(const NyxAmd *amd)
{
    return &amd->cfg;
}

void nyx_amd_reset(NyxAmd *amd)
{
    nyx_amd_catch_up(amd);
    power_on(amd);
    /* Off first, or requests of other threads find no table. */
    nyx_amd_mode_update(amd);
    nyx_amd_caches_clear(amd);
    amd->host.irt_changed(amd->host.opaque, true, 0);
}

void nyx_amd_continue(NyxAmd *amd)
{
    nyx_amd_catch_up(amd);
    nyx_amd_perf_drain(amd);
    nyx_announce_late(amd->announce);
    nyx_amd_commands_run(amd);
}

bool nyx_amd_enabled(const NyxAmd *amd)
{
    return nyx_amd_control(amd) & R_NAMD_CTRL_IOMMUEN_MASK;
}

bool nyx_amd_dma_checked(const NyxAmd *amd)
{
    return qatomic_read(&amd->mode) & NAMD_MODE_ENABLED;
}

void nyx_amd_finding(NyxAmd *amd, NyxAmdRule rule, NyxWhere where)
{
    nyx_findings_add(amd->findings, rule, where);
}

NyxFindings *nyx_amd_findings(NyxAmd *amd)
{
    return amd->findings;
}

NyxAmdStats nyx_amd_stats(NyxAmd *amd)
{
    NyxAnnounceStats announced;
    NyxAmdStats stats;

    nyx_amd_catch_up(amd);
    nyx_amd_perf_drain(amd);
    stats = amd->stats;
    announced = nyx_announce_stats(amd->announce);
    stats.map_events = announced.map_events;
    stats.unmap_events = announced.unmap_events;
    stats.shadow_tables = announced.tables_read;
    stats.shadows = announced.shadows;
    stats.shadow_blocks = announced.blocks;
    stats.irt = amd->irt.stats;
    stats.int_dte = amd->int_dte.stats;
    return stats;
}

NyxAmdRequesterStats nyx_amd_requester_stats(NyxAmdRequester *r)
{
    NyxAmdRequesterStats stats;

    nyx_amd_report_drain(r->amd);
    pthread_mutex_lock(&r->lock);
    stats = (NyxAmdRequesterStats) {
        .sid = qatomic_read(&r->last_sid),
        .requests_refused = r->refused,
        .walks = qatomic_read(&r->walks),
        .walk_reads = qatomic_read(&r->walk_reads),
        .dte.hits = qatomic_read(&r->ctx_hits),
        .dte.misses = qatomic_read(&r->ctx_misses),
        .dte.dropped = r->ctx_dropped,
        .gcr3 = r->gcr3_stats,
    };
    pthread_mutex_unlock(&r->lock);
    stats.iotlb = nyx_iotlb_stats(r->tlbs.tlb);
    stats.paging = nyx_iotlb_stats(r->tlbs.tables);
    return stats;
}

uint64_t nyx_amd_fault_count(NyxAmd *amd, NyxAmdRequester *r,
                             NyxAmdFaultCode code)
{
    uint64_t sum = 0;

    nyx_amd_report_drain(amd);
    if (r) {
        return r->faults[code];
    }
    for (unsigned i = 0; i < amd->requesters->len; i++) {
        r = g_ptr_array_index(amd->requesters, i);
        sum += r->faults[code];
    }
    return sum + amd->interrupt_faults[code];
}

void nyx_amd_foreach_requester(NyxAmd *amd, NyxAmdRequesterVisit *visit,
                               void *opaque)
{
    for (unsigned i = 0; i < amd->requesters->len; i++) {
        visit(g_ptr_array_index(amd->requesters, i), opaque);
    }
}

void nyx_amd_foreach_register(NyxAmd *amd, NyxAmdRegVisit *visit,
                              void *opaque)
{
    nyx_amd_catch_up(amd);
    nyx_amd_perf_drain(amd);
    for (unsigned i = 0; i < amd->regs.n_regs; i++) {
        const NyxReg *reg = &amd->regs.regs[i];

        visit(reg, nyx_reg_get(&amd->regs, reg->offset, reg->size), opaque);
    }
    nyx_amd_perf_foreach(amd, visit, opaque);
}
