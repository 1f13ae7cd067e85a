/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's life: creation, features, configuration, reset, statistics.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/virtio-iommu-ext/internal.h"

#define RULE_ROW(name, id, sev, section, title, fix) \
    { id, NYX_SEVERITY_##sev, section, title, fix },

static const NyxRule rules[NVIO_RULE_COUNT] = {
    NVIO_RULE_LIST(RULE_ROW)
};

static const char *regions_error(const NyxVioCfg *cfg)
{
    bool msi = false;

    if (cfg->n_regions > NVIO_REGIONS_MAX) {
        return "reserved-regions: there can be 16 regions at most";
    }
    for (unsigned i = 0; i < cfg->n_regions; i++) {
        const NyxVioRegion *region = &cfg->regions[i];

        if (region->subtype > NVIO_RESV_MEM_MSI) {
            return "reserved-regions: a type is 0 (reserved) or 1 (MSI)";
        }
        if (region->last < region->first ||
            (i && region->first <= region[-1].last)) {
            return "reserved-regions: regions must not overlap, and end "
                   "where they start or above";
        }
        if (region->subtype == NVIO_RESV_MEM_MSI) {
            if (msi) {
                return "reserved-regions: only one region can be of type 1 "
                       "(MSI)";
            }
            msi = true;
        }
    }
    return NULL;
}

const char *nyx_vio_cfg_error(const NyxVioCfg *cfg)
{
    if (cfg->input_bits < 32 || cfg->input_bits > 64) {
        return "aw-bits must be 32 to 64";
    }
    if (!cfg->page_size_mask || nyx_vio_granule_mask(cfg) < 0xfff) {
        return "granule must be 4k or larger";
    }
    if (!cfg->max_domains || cfg->max_domains > NVIO_DOMAINS_MAX) {
        return "max-domains must be 1 to 65535";
    }
    if (!cfg->max_mappings || cfg->max_mappings > NVIO_MAPPINGS_MAX) {
        return "max-mappings must be 1 to 67108864";
    }
    if (cfg->iotlb_entries < 16 || cfg->iotlb_entries > 1048576) {
        return "iotlb-entries must be 16 to 1048576";
    }
    if (cfg->pasid && !cfg->attach_table) {
        return "x-pasid needs tables of the guest: set x-attach-table=on";
    }
    if (cfg->page_requests && !cfg->attach_table) {
        return "x-page-requests needs tables of the guest: set "
               "x-attach-table=on";
    }
    if (cfg->attach_table && (cfg->addr_bits < 32 || cfg->addr_bits > 52)) {
        return "x-attach-table needs addresses of 32 to 52 bits";
    }
    if (cfg->pasid && (!cfg->pasid_bits || cfg->pasid_bits > 20)) {
        return "x-pasid-bits must be 1 to 20";
    }
    return regions_error(cfg);
}

NyxVio *nyx_vio_new(const NyxVioCfg *cfg, const NyxVioHost *host)
{
    NyxVio *vio = g_new0(NyxVio, 1);

    vio->cfg = *cfg;
    vio->host = *host;
    vio->bypass = cfg->boot_bypass;
    vio->words = g_new0(uint64_t, NVIO_SIDS);
    nyx_tags_init(&vio->tags);
    nyx_vio_domains_init(vio);
    vio->requesters = g_ptr_array_new();
    vio->findings = nyx_findings_new(rules, NVIO_RULE_COUNT, host->now_ns,
                                     host->finding, host->opaque);
    nyx_handoff_init(&vio->faults, sizeof(NyxVioFault), NVIO_FAULT_RING);
    nyx_vio_pages_init(vio);
    nyx_vio_announce_init(vio);
    return vio;
}

void nyx_vio_free(NyxVio *vio)
{
    if (!vio) {
        return;
    }
    while (vio->requesters->len) {
        nyx_vio_requester_free(g_ptr_array_index(vio->requesters, 0));
    }
    g_ptr_array_free(vio->requesters, TRUE);
    nyx_announce_free(vio->announce);
    nyx_vio_domains_destroy(vio);
    nyx_handoff_destroy(&vio->faults);
    nyx_vio_pages_destroy(vio);
    nyx_findings_free(vio->findings);
    nyx_tags_destroy(&vio->tags);
    g_free(vio->words);
    g_free(vio);
}

const NyxVioCfg *nyx_vio_cfg(const NyxVio *vio)
{
    return &vio->cfg;
}

bool nyx_vio_narrow(NyxVio *vio, uint64_t mask)
{
    uint64_t both = vio->cfg.page_size_mask & mask;

    if (!both) {
        return false;
    }
    vio->cfg.page_size_mask = both;
    return true;
}

/* --- 5.13.3: features ----------------------------------------------------- */

uint64_t nyx_vio_features(const NyxVio *vio)
{
    const NyxVioCfg *cfg = &vio->cfg;
    uint64_t features = BIT_ULL(NVIO_F_INPUT_RANGE) |
                        BIT_ULL(NVIO_F_DOMAIN_RANGE) |
                        BIT_ULL(NVIO_F_MAP_UNMAP) |
                        BIT_ULL(NVIO_F_PROBE) |
                        BIT_ULL(NVIO_F_MMIO) |
                        BIT_ULL(NVIO_F_BYPASS_CONFIG);

    if (cfg->attach_table) {
        features |= BIT_ULL(NVIO_F_ATTACH_TABLE);
    }
    if (cfg->pasid) {
        features |= BIT_ULL(NVIO_F_PASID);
    }
    if (cfg->page_requests) {
        features |= BIT_ULL(NVIO_F_PAGE_REQUEST);
    }
    return features;
}

void nyx_vio_set_features(NyxVio *vio, uint64_t features)
{
    features &= nyx_vio_features(vio);
    if (!(features & BIT_ULL(NVIO_F_ATTACH_TABLE))) {
        features &= ~(BIT_ULL(NVIO_F_PASID) | BIT_ULL(NVIO_F_PAGE_REQUEST));
    }
    vio->features = features;
    qatomic_set(&vio->pasids, nyx_vio_has(vio, NVIO_F_PASID));
}

/* --- 5.13.4: configuration space ------------------------------------------ */

void nyx_vio_config_read(const NyxVio *vio, uint8_t *config)
{
    const NyxVioCfg *cfg = &vio->cfg;

    memset(config, 0, NVIO_CFG_SIZE);
    stq_le_p(config + NVIO_CFG_PAGE_SIZE_MASK, cfg->page_size_mask);
    stq_le_p(config + NVIO_CFG_INPUT_END, nyx_vio_input_last(cfg));
    stl_le_p(config + NVIO_CFG_DOMAIN_END, UINT32_MAX);
    stl_le_p(config + NVIO_CFG_PROBE_SIZE, NVIO_PROBE_SPACE);
    config[NVIO_CFG_BYPASS] = qatomic_read(&vio->bypass);
}

/* Who is in no domain goes another way now. */
static void set_bypass(NyxVio *vio, bool on)
{
    if (on == qatomic_read(&vio->bypass)) {
        return;
    }
    /* A barrier, as set_word() is. */
    qatomic_xchg(&vio->bypass, on);
    nyx_vio_trace(vio, (NyxVioTrace) { .kind = NYX_VIO_EV_BYPASS, .a = on });
    nyx_vio_changed_all(vio);
}

void nyx_vio_config_write(NyxVio *vio, const uint8_t *config)
{
    uint8_t now[NVIO_CFG_SIZE], value = config[NVIO_CFG_BYPASS];
    unsigned at = 0;

    nyx_vio_config_read(vio, now);
    while (at < NVIO_CFG_SIZE &&
           (at == NVIO_CFG_BYPASS || config[at] == now[at])) {
        at++;
    }
    if (at == NVIO_CFG_SIZE && value == now[NVIO_CFG_BYPASS]) {
        return;
    }
    if (at < NVIO_CFG_SIZE || value > 1 ||
        !nyx_vio_has(vio, NVIO_F_BYPASS_CONFIG)) {
        at = at < NVIO_CFG_SIZE ? at : NVIO_CFG_BYPASS;
        nyx_vio_finding(vio, NVIO_RULE_CONFIG, (NyxWhere) {
            .has_addr = true, .addr = at, .value = config[at],
        });
        return;
    }
    set_bypass(vio, value);
}

/* --- Reset ---------------------------------------------------------------- */

void nyx_vio_device_reset(NyxVio *vio)
{
    nyx_vio_report_forget(vio, NULL);
    nyx_vio_pages_forget(vio, NULL);
    nyx_vio_set_features(vio, 0);
    nyx_vio_domains_clear(vio);
}

void nyx_vio_reset(NyxVio *vio)
{
    nyx_vio_device_reset(vio);
    set_bypass(vio, vio->cfg.boot_bypass);
}

void nyx_vio_continue(NyxVio *vio)
{
    nyx_vio_report_drain(vio);
    nyx_vio_pages_drain(vio);
    nyx_announce_late(vio->announce);
}

/* --- Findings and statistics ---------------------------------------------- */

void nyx_vio_finding(NyxVio *vio, NyxVioRule rule, NyxWhere where)
{
    nyx_findings_add(vio->findings, rule, where);
}

NyxFindings *nyx_vio_findings(NyxVio *vio)
{
    return vio->findings;
}

static void add_domain(const NyxVioDomainInfo *domain, void *opaque)
{
    NyxVioStats *stats = opaque;

    stats->domains++;
    stats->endpoints += domain->n_endpoints;
    stats->mapping_runs += domain->runs;
}

NyxVioStats nyx_vio_stats(NyxVio *vio)
{
    NyxAnnounceStats announced = nyx_announce_stats(vio->announce);
    NyxVioStats stats;

    nyx_vio_report_drain(vio);
    nyx_vio_pages_drain(vio);
    stats = vio->stats;
    stats.mappings = vio->mappings;
    nyx_vio_foreach_domain(vio, add_domain, &stats);
    for (unsigned i = 0; i < vio->n_slots; i++) {
        stats.mapping_bytes += vio->slots[i]->maps.bytes;
    }
    stats.map_events = announced.map_events;
    stats.unmap_events = announced.unmap_events;
    stats.shadows = announced.shadows;
    stats.shadow_blocks = announced.blocks;
    return stats;
}

NyxVioRequesterStats nyx_vio_requester_stats(NyxVioRequester *r)
{
    return (NyxVioRequesterStats) {
        .sid = qatomic_read(&r->last_sid),
        .requests_refused = qatomic_read(&r->refused),
        .lookups = qatomic_read(&r->lookups),
        .walks = qatomic_read(&r->walks),
        .walk_reads = qatomic_read(&r->walk_reads),
        .iotlb = nyx_iotlb_stats(r->tlbs.tlb),
        .paging = nyx_iotlb_stats(r->tlbs.tables),
    };
}

uint64_t nyx_vio_fault_count(NyxVio *vio, NyxVioRequester *r,
                             NyxVioFaultCode code)
{
    uint64_t sum = 0;

    if (r) {
        return qatomic_read(&r->faults[code]);
    }
    for (unsigned i = 0; i < vio->requesters->len; i++) {
        r = g_ptr_array_index(vio->requesters, i);
        sum += qatomic_read(&r->faults[code]);
    }
    return sum;
}

void nyx_vio_foreach_requester(NyxVio *vio, NyxVioRequesterVisit *visit,
                               void *opaque)
{
    for (unsigned i = 0; i < vio->requesters->len; i++) {
        visit(g_ptr_array_index(vio->requesters, i), opaque);
    }
}
