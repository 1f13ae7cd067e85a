/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the IOMMU advertises (3.2, 3.4.8, 3.4.20), from its options, and the
 * combinations of options that cannot be.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

/* HATS: 0 to 2 are 4 to 6 levels. */
static unsigned hats(const NyxAmdCfg *cfg)
{
    return cfg->host_levels ? cfg->host_levels - 4 : NAMD_HATS_NONE;
}

/* What guest translation brings along. */
static uint64_t efr_guest(const NyxAmdCfg *cfg, uint64_t efr)
{
    if (!cfg->guest_levels) {
        return efr;
    }
    efr = FIELD_DP64(efr, NAMD_EFR, GTSUP, 1);
    efr = FIELD_DP64(efr, NAMD_EFR, GATS, cfg->guest_levels - 4);
    efr = FIELD_DP64(efr, NAMD_EFR, GLXSUP, cfg->glx);
    return FIELD_DP64(efr, NAMD_EFR, PASMAX, cfg->pasid_bits - 1);
}

uint64_t nyx_amd_efr(const NyxAmdCfg *cfg)
{
    uint64_t efr = efr_guest(cfg, 0);

    efr = FIELD_DP64(efr, NAMD_EFR, PREFSUP, cfg->prefetch);
    efr = FIELD_DP64(efr, NAMD_EFR, PPRSUP, cfg->page_requests);
    efr = FIELD_DP64(efr, NAMD_EFR, XTSUP, cfg->xt);
    efr = FIELD_DP64(efr, NAMD_EFR, NXSUP, cfg->no_execute);
    efr = FIELD_DP64(efr, NAMD_EFR, GAPPISUP, cfg->gappi);
    efr = FIELD_DP64(efr, NAMD_EFR, IASUP, cfg->invalidate_all);
    efr = FIELD_DP64(efr, NAMD_EFR, GASUP, cfg->ga);
    efr = FIELD_DP64(efr, NAMD_EFR, HESUP, cfg->hw_events);
    efr = FIELD_DP64(efr, NAMD_EFR, PCSUP, cfg->counters);
    efr = FIELD_DP64(efr, NAMD_EFR, HATS, hats(cfg));
    efr = FIELD_DP64(efr, NAMD_EFR, SMIFSUP, cfg->smi_filter);
    efr = FIELD_DP64(efr, NAMD_EFR, SMIFRC,
                     cfg->smi_filter ? cfg->smi_filters_lg2 : 0);
    efr = FIELD_DP64(efr, NAMD_EFR, GAMSUP, cfg->vapic);
    efr = FIELD_DP64(efr, NAMD_EFR, DUALPPRSUP, cfg->dual_ppr);
    efr = FIELD_DP64(efr, NAMD_EFR, DUALEVENTSUP, cfg->dual_event);
    efr = FIELD_DP64(efr, NAMD_EFR, USSUP, cfg->user_supervisor);
    efr = FIELD_DP64(efr, NAMD_EFR, DEVTBLSEGSUP, cfg->segments_lg2);
    efr = FIELD_DP64(efr, NAMD_EFR, PPREARLYSUP, cfg->ppr_early);
    efr = FIELD_DP64(efr, NAMD_EFR, PPRAUTOSUP, cfg->ppr_auto);
    efr = FIELD_DP64(efr, NAMD_EFR, MARCSUP, cfg->marc);
    efr = FIELD_DP64(efr, NAMD_EFR, BLKSTOPMRKSUP, cfg->block_stop_mark);
    efr = FIELD_DP64(efr, NAMD_EFR, PERFOPTSUP, cfg->perf_opt);
    efr = FIELD_DP64(efr, NAMD_EFR, MSICAPMMIOSUP, cfg->msi_mmio);
    efr = FIELD_DP64(efr, NAMD_EFR, GIOSUP, cfg->gio);
    efr = FIELD_DP64(efr, NAMD_EFR, HASUP, cfg->host_accessed);
    efr = FIELD_DP64(efr, NAMD_EFR, EPHSUP, cfg->eph);
    efr = FIELD_DP64(efr, NAMD_EFR, ATTRFWSUP, cfg->attr_fw);
    efr = FIELD_DP64(efr, NAMD_EFR, HDSUP, cfg->host_dirty);
    efr = FIELD_DP64(efr, NAMD_EFR, INVIOTLBTYPESUP, cfg->inv_iotlb_type);
    return FIELD_DP64(efr, NAMD_EFR, GAUPDATEDISSUP, cfg->ga_update_dis);
}

uint64_t nyx_amd_efr2(const NyxAmdCfg *cfg)
{
    uint64_t efr2 = 0;

    efr2 = FIELD_DP64(efr2, NAMD_EFR2, GCR3TRPSUP, cfg->gcr3_trp);
    efr2 = FIELD_DP64(efr2, NAMD_EFR2, GAPPIDISSUP, cfg->gappi_dis);
    efr2 = FIELD_DP64(efr2, NAMD_EFR2, NUMINTREMAPSUP, cfg->int_remap_2k);
    return FIELD_DP64(efr2, NAMD_EFR2, HTRANGEIGNORE, cfg->ht_range_ignore);
}

uint32_t nyx_amd_cap_header(const NyxAmdCfg *cfg)
{
    uint32_t header = 0;

    header = FIELD_DP32(header, NAMD_CAPH, ID, NAMD_CAP_ID);
    header = FIELD_DP32(header, NAMD_CAPH, TYPE, NAMD_CAP_TYPE_IOMMU);
    header = FIELD_DP32(header, NAMD_CAPH, REV, NAMD_CAP_REVISION);
    header = FIELD_DP32(header, NAMD_CAPH, IOTLBSUP, cfg->device_iotlb);
    header = FIELD_DP32(header, NAMD_CAPH, NPCACHE, cfg->np_cache);
    header = FIELD_DP32(header, NAMD_CAPH, EFRSUP, 1);
    return FIELD_DP32(header, NAMD_CAPH, CAPEXT, 1);
}

#define GVASIZE_48 2

uint32_t nyx_amd_cap_misc0(const NyxAmdCfg *cfg)
{
    uint32_t misc = 0;

    misc = FIELD_DP32(misc, NAMD_MISC0, MSINUM, NAMD_MSG_GENERAL);
    misc = FIELD_DP32(misc, NAMD_MISC0, GVASIZE,
                      cfg->guest_levels ? GVASIZE_48 : 0);
    misc = FIELD_DP32(misc, NAMD_MISC0, PASIZE, cfg->pa_bits);
    misc = FIELD_DP32(misc, NAMD_MISC0, VASIZE, cfg->va_bits);
    return FIELD_DP32(misc, NAMD_MISC0, MSINUMPPR,
                      cfg->page_requests ? NAMD_MSG_PPR : 0);
}

uint32_t nyx_amd_cap_misc1(const NyxAmdCfg *cfg)
{
    return FIELD_DP32(0, NAMD_MISC1, MSINUMGA, cfg->vapic ? NAMD_MSG_GA : 0);
}

uint32_t nyx_amd_mmio_size(const NyxAmdCfg *cfg)
{
    return cfg->counters ? NAMD_MMIO_SIZE_PC : NAMD_MMIO_SIZE;
}

/* --- What cannot be ------------------------------------------------------- */

/* Numbers that have to fit their fields. */
static const char *number_error(const NyxAmdCfg *cfg)
{
    if (cfg->pa_bits < 32 || cfg->pa_bits > 52) {
        return "pa-bits must be 32 to 52";
    }
    if (cfg->va_bits < 32 || cfg->va_bits > 64) {
        return "va-bits must be 32 to 64";
    }
    if (cfg->host_levels && (cfg->host_levels < 4 || cfg->host_levels > 6)) {
        return "host-levels must be 0 (no host tables), 4, 5 or 6";
    }
    if (cfg->guest_levels && cfg->guest_levels != 4 &&
        cfg->guest_levels != 5) {
        return "guest-levels must be 0 (no guest tables), 4 or 5";
    }
    if (cfg->segments_lg2 > 3) {
        return "device-table-segments must be 1, 2, 4 or 8";
    }
    if (cfg->dual_ppr > NAMD_DUAL_SWAP || cfg->dual_event > NAMD_DUAL_SWAP) {
        return "dual-ppr and dual-event must be 0 (one log), 1 (two) or "
               "2 (two, with automatic swap)";
    }
    if (cfg->smi_filter && 1u << cfg->smi_filters_lg2 > NAMD_SMI_FILTERS) {
        return "smi-filters must be 1, 2, 4, 8 or 16";
    }
    if (cfg->cache >= NYX_CACHE_TEMPER_COUNT) {
        return "cache must be hardware, sticky or off";
    }
    if (cfg->iotlb_entries < 16 || cfg->iotlb_entries > 1048576) {
        return "iotlb-entries must be 16 to 1048576";
    }
    return NULL;
}

static const char *guest_error(const NyxAmdCfg *cfg)
{
    if (!cfg->guest_levels) {
        return NULL;
    }
    if (!cfg->dma_remap) {
        return "guest-levels needs dma-remap=on: set dma-remap=on or "
               "guest-levels=0";
    }
    if (cfg->glx > 2) {
        return "glx must be 0, 1 or 2";
    }
    /* 5.2 of the digest: what a table of that many levels can hold. */
    if (cfg->pasid_bits < 1 || cfg->pasid_bits > NAMD_PASID_BITS) {
        return "pasid-bits must be 1 to 20 with guest-levels";
    }
    if (cfg->pasid_bits > NAMD_GCR3_INDEX_BITS * (cfg->glx + 1)) {
        return "pasid-bits is more than the GCR3 table can hold: set "
               "glx=1 for up to 18, glx=2 for up to 20";
    }
    return NULL;
}

/* One option that is nothing without another one. */
typedef struct Need {
    size_t option;
    size_t needs;
    const char *error;
} Need;

#define NEED(option, needs, error) \
    { offsetof(NyxAmdCfg, option), offsetof(NyxAmdCfg, needs), error }

static const Need needs[] = {
    NEED(host_levels, dma_remap,
         "host-levels needs dma-remap=on: set dma-remap=on or host-levels=0"),
    NEED(device_iotlb, dma_remap,
         "device-iotlb=on needs dma-remap=on: set dma-remap=on or "
         "device-iotlb=off"),
    NEED(page_requests, device_iotlb,
         "page-requests=on needs device-iotlb=on: set device-iotlb=on or "
         "page-requests=off"),
    NEED(page_requests, eph,
         "page-requests=on needs eph=on: set eph=on or page-requests=off"),
    NEED(eph, page_requests,
         "eph=on needs page-requests=on: set page-requests=on or eph=off"),
    NEED(dual_ppr, page_requests,
         "dual-ppr needs page-requests=on: set page-requests=on or "
         "dual-ppr=0"),
    NEED(ppr_early, page_requests,
         "ppr-early=on needs page-requests=on: set page-requests=on or "
         "ppr-early=off"),
    NEED(ppr_auto, page_requests,
         "ppr-auto=on needs page-requests=on: set page-requests=on or "
         "ppr-auto=off"),
    NEED(block_stop_mark, page_requests,
         "block-stop-mark=on needs page-requests=on: set page-requests=on or "
         "block-stop-mark=off"),
    NEED(inv_iotlb_type, device_iotlb,
         "inv-iotlb-type=on needs device-iotlb=on: set device-iotlb=on or "
         "inv-iotlb-type=off"),
    NEED(no_execute, guest_levels,
         "nx=on needs guest tables: set guest-levels=4 or nx=off"),
    NEED(user_supervisor, guest_levels,
         "us=on needs guest tables: set guest-levels=4 or us=off"),
    NEED(gio, guest_levels,
         "gio=on needs guest tables: set guest-levels=4 or gio=off"),
    NEED(ga_update_dis, guest_levels,
         "ga-update-dis=on needs guest tables: set guest-levels=4 or "
         "ga-update-dis=off"),
    NEED(gcr3_trp, guest_levels,
         "gcr3-trp=on needs guest tables: set guest-levels=4 or "
         "gcr3-trp=off"),
    NEED(gcr3_trp, host_levels,
         "gcr3-trp=on needs host tables: set host-levels=6 or gcr3-trp=off"),
    NEED(host_accessed, host_levels,
         "host-accessed=on needs host tables: set host-levels=6 or "
         "host-accessed=off"),
    NEED(host_dirty, host_accessed,
         "host-dirty=on needs host-accessed=on: set host-accessed=on or "
         "host-dirty=off"),
    NEED(np_cache, dma_remap,
         "np-cache=on needs dma-remap=on: set dma-remap=on or np-cache=off"),
    NEED(marc, dma_remap,
         "marc=on needs dma-remap=on: set dma-remap=on or marc=off"),
    NEED(attr_fw, dma_remap,
         "attr-fw=on needs dma-remap=on: set dma-remap=on or attr-fw=off"),
    NEED(ga, intremap,
         "ga=on needs intremap=on: set intremap=on or ga=off"),
    NEED(xt, ga, "xtsup=on needs ga=on: set ga=on or xtsup=off"),
    NEED(vapic, ga, "vapic=on needs ga=on: set ga=on or vapic=off"),
    NEED(gappi, vapic, "gappi=on needs vapic=on: set vapic=on or gappi=off"),
    NEED(gappi_dis, gappi,
         "gappi-dis=on needs gappi=on: set gappi=on or gappi-dis=off"),
    NEED(int_remap_2k, ga,
         "int-remap-2k=on needs ga=on: set ga=on or int-remap-2k=off"),
    NEED(irt_cache_dis, intremap,
         "irt-cache-dis=on needs intremap=on: set intremap=on or "
         "irt-cache-dis=off"),
    NEED(smi_filter, intremap,
         "smi-filters needs intremap=on: set intremap=on or smi-filters=0"),
};

/* Numbers and booleans of one byte alike. */
static bool has(const NyxAmdCfg *cfg, size_t option)
{
    return *((const uint8_t *)cfg + option);
}

const char *nyx_amd_cfg_error(const NyxAmdCfg *cfg)
{
    const char *error = number_error(cfg);

    QEMU_BUILD_BUG_ON(sizeof(bool) != 1);
    for (unsigned i = 0; !error && i < ARRAY_SIZE(needs); i++) {
        if (has(cfg, needs[i].option) && !has(cfg, needs[i].needs)) {
            error = needs[i].error;
        }
    }
    return error ? error : guest_error(cfg);
}
