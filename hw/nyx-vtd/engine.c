/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's life: creation, reset, saved state, statistics.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-vtd/internal.h"

/* Interrupt entries that the `hardware` temper holds at most. */
#define IEC_ENTRIES 1024

#define RULE_ROW(name, id, sev, section, title, fix) \
    { id, NYX_SEVERITY_##sev, section, title, fix },

static const NyxRule rules[NVTD_RULE_COUNT] = {
    NVTD_RULE_LIST(RULE_ROW)
};

const NyxRule *nyx_vtd_rules(void)
{
    return rules;
}

NyxVtd *nyx_vtd_new(const NyxVtdCfg *cfg, const NyxVtdHost *host)
{
    NyxVtd *vtd = g_new0(NyxVtd, 1);
    const NyxCacheCfg iec = {
        .temper = cfg->cache,
        .entries = IEC_ENTRIES,
        .ways = 4,
        .sticky_max = 65536,
        .seed = cfg->cache_seed,
    };

    vtd->cfg = *cfg;
    vtd->host = *host;
    nyx_tags_init(&vtd->tags);
    vtd->requesters = g_ptr_array_new();
    nyx_vtd_announce_init(vtd);
    vtd->findings = nyx_findings_new(rules, NVTD_RULE_COUNT, host->now_ns,
                                     host->finding, host->opaque);
    nyx_handoff_init(&vtd->faults, sizeof(NyxVtdLeft), NVTD_FAULT_RING);
    nyx_handoff_init(&vtd->pages, sizeof(NyxVtdPage), NVTD_PAGE_RING);
    nyx_cache_init(&vtd->iec, &iec);
    nyx_vtd_regs_init(vtd);
    nyx_regfile_reset(&vtd->regs);
    return vtd;
}

void nyx_vtd_free(NyxVtd *vtd)
{
    if (!vtd) {
        return;
    }
    while (vtd->requesters->len) {
        nyx_vtd_requester_free(g_ptr_array_index(vtd->requesters, 0));
    }
    g_ptr_array_free(vtd->requesters, TRUE);
    nyx_announce_free(vtd->announce);
    nyx_cache_destroy(&vtd->iec);
    nyx_regfile_destroy(&vtd->regs);
    nyx_findings_free(vtd->findings);
    nyx_handoff_destroy(&vtd->faults);
    nyx_handoff_destroy(&vtd->pages);
    nyx_tags_destroy(&vtd->tags);
    g_free(vtd);
}

const NyxVtdCfg *nyx_vtd_cfg(const NyxVtd *vtd)
{
    return &vtd->cfg;
}

/* Set all of it; only the root pointer is looked at by other threads. */
static void latched_set(NyxVtd *vtd, const NyxVtdLatched *to)
{
    const size_t rest = offsetof(NyxVtdLatched, irta);

    QEMU_BUILD_BUG_ON(offsetof(NyxVtdLatched, rtaddr) != 0 ||
                      rest != sizeof(to->rtaddr));
    qatomic_set(&vtd->latched.rtaddr, to->rtaddr);
    memcpy((char *)&vtd->latched + rest, (const char *)to + rest,
           sizeof(*to) - rest);
}

void nyx_vtd_reset(NyxVtd *vtd)
{
    const NyxVtdLatched nothing = { };

    nyx_regfile_reset(&vtd->regs);
    /* Off first, or requests of other threads find no root. */
    nyx_vtd_mode_update(vtd);
    /* What they left meets a unit that is off, and which tells nobody. */
    nyx_vtd_catch_up(vtd);
    nyx_regfile_reset(&vtd->regs);
    latched_set(vtd, &nothing);
    vtd->iva = 0;
    vtd->ccmd = 0;
    memset(vtd->vcmd_pasids, 0, sizeof(vtd->vcmd_pasids));
    vtd->perf.enabled = 0;
    nyx_vtd_perf_update(vtd);
    nyx_vtd_caches_clear(vtd);
}

void nyx_vtd_continue(NyxVtd *vtd)
{
    nyx_vtd_catch_up(vtd);
    nyx_vtd_perf_sync(vtd);
    nyx_announce_late(vtd->announce);
    nyx_vtd_queue_run(vtd);
}

bool nyx_vtd_dma_checked(const NyxVtd *vtd)
{
    return qatomic_read(&vtd->mode) &
           (NVTD_MODE_TRANSLATE | NVTD_MODE_PROTECT);
}

bool nyx_vtd_translating(const NyxVtd *vtd)
{
    return qatomic_read(&vtd->mode) & NVTD_MODE_TRANSLATE;
}

bool nyx_vtd_remapping(const NyxVtd *vtd)
{
    return nyx_vtd_reg32(vtd, A_NVTD_GSTS) & R_NVTD_GCMD_IRE_MASK;
}

void nyx_vtd_finding(NyxVtd *vtd, NyxVtdRule rule, NyxWhere where)
{
    nyx_findings_add(vtd->findings, rule, where);
}

NyxFindings *nyx_vtd_findings(NyxVtd *vtd)
{
    return vtd->findings;
}

/* Saved flags and the latched booleans they stand for. */
typedef struct SavedFlag {
    uint32_t flag;
    size_t offset;
} SavedFlag;

static const SavedFlag saved_flags[] = {
    { NYX_VTD_SAVED_ROOT_SET, offsetof(NyxVtdLatched, root_set) },
    { NYX_VTD_SAVED_IRT_SET, offsetof(NyxVtdLatched, irt_set) },
    { NYX_VTD_SAVED_NEED_CONTEXT,
      offsetof(NyxVtdLatched, need_context_flush) },
    { NYX_VTD_SAVED_NEED_IOTLB, offsetof(NyxVtdLatched, need_iotlb_flush) },
    { NYX_VTD_SAVED_NEED_IEC, offsetof(NyxVtdLatched, need_iec_flush) },
    { NYX_VTD_SAVED_ATS_SILENT, offsetof(NyxVtdLatched, ats_silent) },
};

static bool *latched_bool(NyxVtdLatched *latched, const SavedFlag *row)
{
    return (bool *)((char *)latched + row->offset);
}

void nyx_vtd_save(NyxVtd *vtd, NyxVtdSaved *saved)
{
    nyx_vtd_report_drain(vtd);
    nyx_vtd_perf_sync(vtd);
    *saved = (NyxVtdSaved) {
        .rtaddr = vtd->latched.rtaddr,
        .irta = vtd->latched.irta,
        .frcd_next = vtd->latched.frcd_next,
        .ats_silent_sid = vtd->latched.ats_silent_sid,
        .perf_enabled = vtd->perf.enabled,
    };
    memcpy(saved->regs, vtd->regs.bytes, vtd->regs.size);
    memcpy(saved->vcmd_pasids, vtd->vcmd_pasids, sizeof(saved->vcmd_pasids));
    stq_le_p(saved->regs + A_NVTD_IVA, vtd->iva);
    stq_le_p(saved->regs + A_NVTD_CCMD,
             nyx_vtd_reg64(vtd, A_NVTD_CCMD) | vtd->ccmd);
    for (unsigned i = 0; i < ARRAY_SIZE(saved_flags); i++) {
        if (*latched_bool(&vtd->latched, &saved_flags[i])) {
            saved->flags |= saved_flags[i].flag;
        }
    }
}

const char *nyx_vtd_load(NyxVtd *vtd, const NyxVtdSaved *saved)
{
    const char *error = nyx_vtd_saved_error(vtd, saved);
    NyxVtdLatched latched;

    if (error) {
        return error;
    }
    /* Every byte outside the registers' own bits reads as zero. */
    for (unsigned i = 0; i < vtd->regs.n_regs; i++) {
        const NyxReg *reg = &vtd->regs.regs[i];
        uint64_t value = ldn_le_p(saved->regs + reg->offset, reg->size);

        nyx_reg_set(&vtd->regs, reg->offset, reg->size,
                    value & (reg->rw | reg->w1c | reg->ro));
    }
    latched = (NyxVtdLatched) {
        .rtaddr = saved->rtaddr,
        .irta = saved->irta,
        .iqa = nyx_vtd_reg64(vtd, A_NVTD_IQA),
        .frcd_next = saved->frcd_next,
        .ats_silent_sid = saved->ats_silent_sid,
    };
    for (unsigned i = 0; i < ARRAY_SIZE(saved_flags); i++) {
        *latched_bool(&latched, &saved_flags[i]) =
            saved->flags & saved_flags[i].flag;
    }
    latched_set(vtd, &latched);
    memcpy(vtd->vcmd_pasids, saved->vcmd_pasids, sizeof(saved->vcmd_pasids));
    vtd->perf.enabled = saved->perf_enabled;
    nyx_vtd_perf_update(vtd);
    vtd->iva = ldq_le_p(saved->regs + A_NVTD_IVA);
    vtd->ccmd = ldq_le_p(saved->regs + A_NVTD_CCMD) & NVTD_CCMD_WO_MASK;
    nyx_vtd_caches_clear(vtd);
    nyx_announce_forget(vtd->announce);
    nyx_vtd_mode_update(vtd);
    /* A queue that was being worked through goes on. */
    vtd->host.kick(vtd->host.opaque);
    return NULL;
}

NyxVtdStats nyx_vtd_stats(NyxVtd *vtd)
{
    NyxAnnounceStats announced;
    NyxVtdStats stats;

    nyx_vtd_catch_up(vtd);
    announced = nyx_announce_stats(vtd->announce);
    stats = vtd->stats;
    for (unsigned i = 0; i < NVTD_VCMD_WORDS; i++) {
        stats.vcmd_pasids += ctpop64(vtd->vcmd_pasids[i]);
    }
    stats.iec = vtd->iec.stats;
    stats.aborted = qatomic_read(&vtd->aborted);
    stats.map_events = announced.map_events;
    stats.unmap_events = announced.unmap_events;
    stats.shadow_tables = announced.tables_read;
    stats.shadows = announced.shadows;
    stats.shadow_blocks = announced.blocks;
    return stats;
}

NyxVtdRequesterStats nyx_vtd_requester_stats(NyxVtdRequester *r)
{
    NyxVtdRequesterStats stats;

    nyx_vtd_report_drain(r->vtd);
    pthread_mutex_lock(&r->lock);
    stats = (NyxVtdRequesterStats) {
        .sid = qatomic_read(&r->last_sid),
        .requests_refused = r->refused,
        .walks = qatomic_read(&r->walks),
        .walk_reads = qatomic_read(&r->walk_reads),
        .context.hits = qatomic_read(&r->ctx_hits),
        .context.misses = qatomic_read(&r->ctx_misses),
        .context.dropped = r->ctx_dropped,
        .pasid = r->pasid_stats,
    };
    pthread_mutex_unlock(&r->lock);
    stats.iotlb = nyx_iotlb_stats(r->tlbs.tlb);
    stats.paging = nyx_iotlb_stats(r->tlbs.tables);
    return stats;
}

uint64_t nyx_vtd_fault_count(NyxVtd *vtd, NyxVtdRequester *r, unsigned index)
{
    uint64_t sum = 0;

    nyx_vtd_report_drain(vtd);
    if (r) {
        return r->faults[index];
    }
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        r = g_ptr_array_index(vtd->requesters, i);
        sum += r->faults[index];
    }
    return sum + vtd->interrupt_faults[index];
}

void nyx_vtd_foreach_requester(NyxVtd *vtd, NyxVtdRequesterVisit *visit,
                               void *opaque)
{
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        visit(g_ptr_array_index(vtd->requesters, i), opaque);
    }
}

void nyx_vtd_foreach_register(NyxVtd *vtd, NyxVtdRegVisit *visit,
                              void *opaque)
{
    nyx_vtd_report_drain(vtd);
    nyx_vtd_perf_sync(vtd);
    for (unsigned i = 0; i < vtd->regs.n_regs; i++) {
        const NyxReg *reg = &vtd->regs.regs[i];

        visit(reg, nyx_reg_get(&vtd->regs, reg->offset, reg->size), opaque);
    }
}
