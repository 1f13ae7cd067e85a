/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the unit advertises (11.4.2, 11.4.3), from its options, and the
 * combinations of options that cannot be.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

/* CAP.SAGAW: bit 1 is 39 bits, bit 2 is 48, bit 3 is 57; all up to ours. */
static unsigned sagaw(const NyxVtdCfg *cfg)
{
    unsigned bits = 0;

    if (!cfg->dma_translation) {
        return 0;
    }
    for (unsigned aw = 1; NVTD_AW_BITS(aw) <= cfg->aw_bits; aw++) {
        bits |= 1u << aw;
    }
    return bits;
}

unsigned nyx_vtd_second_sizes(const NyxVtdCfg *cfg)
{
    return (cfg->second_lg2 >= 21 ? NYX_VTDSS_2M : 0) |
           (cfg->second_lg2 >= 30 ? NYX_VTDSS_1G : 0);
}

uint64_t nyx_vtd_cap(const NyxVtdCfg *cfg)
{
    uint64_t cap = 0;

    cap = FIELD_DP64(cap, NVTD_CAP, ND, (cfg->domain_bits - 4) / 2);
    cap = FIELD_DP64(cap, NVTD_CAP, RWBF, cfg->write_buffer);
    cap = FIELD_DP64(cap, NVTD_CAP, PLMR, cfg->protected_low);
    cap = FIELD_DP64(cap, NVTD_CAP, PHMR, cfg->protected_high);
    cap = FIELD_DP64(cap, NVTD_CAP, CM, cfg->caching_mode);
    cap = FIELD_DP64(cap, NVTD_CAP, SAGAW, sagaw(cfg));
    cap = FIELD_DP64(cap, NVTD_CAP, MGAW, cfg->aw_bits - 1);
    cap = FIELD_DP64(cap, NVTD_CAP, ZLR, cfg->zero_length);
    cap = FIELD_DP64(cap, NVTD_CAP, FRO, nyx_vtd_frcd(cfg, 0) / 16);
    cap = FIELD_DP64(cap, NVTD_CAP, SSLPS, nyx_vtd_second_sizes(cfg));
    cap = FIELD_DP64(cap, NVTD_CAP, PSI, cfg->psi);
    cap = FIELD_DP64(cap, NVTD_CAP, NFR, cfg->fault_records - 1);
    cap = FIELD_DP64(cap, NVTD_CAP, MAMV, cfg->psi ? cfg->mamv : 0);
    cap = FIELD_DP64(cap, NVTD_CAP, DWD, cfg->dma_drain);
    cap = FIELD_DP64(cap, NVTD_CAP, DRD, cfg->dma_drain);
    cap = FIELD_DP64(cap, NVTD_CAP, FS1GP, cfg->first_1g);
    cap = FIELD_DP64(cap, NVTD_CAP, FS5LP, cfg->first_5_levels);
    cap = FIELD_DP64(cap, NVTD_CAP, PI, cfg->posted_interrupts);
    cap = FIELD_DP64(cap, NVTD_CAP, ECMDS, cfg->perfmon);
    cap = FIELD_DP64(cap, NVTD_CAP, ESIRTPS, cfg->esirtps);
    cap = FIELD_DP64(cap, NVTD_CAP, ESRTPS, cfg->esrtps);
    return cap;
}

uint64_t nyx_vtd_ecap(const NyxVtdCfg *cfg)
{
    uint64_t ecap = 0;

    ecap = FIELD_DP64(ecap, NVTD_ECAP, C, cfg->coherent);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, QI, cfg->queue);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, DT, cfg->device_iotlb);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, IR, cfg->intremap);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, EIM, cfg->eim);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, PT, cfg->pass_through);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, SC, cfg->snoop_control);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, IRO, NVTD_IOTLB_OFFSET / 16);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, MHMV, cfg->intremap ? cfg->mhmv : 0);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, SMTS, cfg->scalable_mode);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, SMPWCS,
                      cfg->scalable_mode && cfg->scalable_coherent);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, FSTS, cfg->first_stage);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, SSTS, cfg->second_stage);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, NEST, cfg->nested);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, SSADS, cfg->second_ad);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, EAFS, cfg->extended_accessed);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, SRS, cfg->supervisor);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, ERS, cfg->execute);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, PRS, cfg->page_requests);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, PDS, cfg->page_requests);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, NWFS, cfg->no_write_flag);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, RPS, cfg->rid_pasid);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, RPRIVS, cfg->rid_priv);
    if (cfg->pasid_bits) {
        ecap = FIELD_DP64(ecap, NVTD_ECAP, PASID, 1);
        ecap = FIELD_DP64(ecap, NVTD_ECAP, PSS, cfg->pasid_bits - 1);
    }
    ecap = FIELD_DP64(ecap, NVTD_ECAP, ADMS, cfg->abort_dma);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, VCS, cfg->vcmd);
    ecap = FIELD_DP64(ecap, NVTD_ECAP, PMS, cfg->perfmon);
    return ecap;
}

uint32_t nyx_vtd_mmio_size(const NyxVtdCfg *cfg)
{
    return cfg->perfmon ? NVTD_MMIO_SIZE_MAX : NVTD_MMIO_SIZE;
}

/* What cannot do without the invalidation queue. */
static const char *queue_error(const NyxVtdCfg *cfg)
{
    if (cfg->intremap) {
        return "intremap=on needs qi=on: set qi=on or intremap=off";
    }
    if (cfg->device_iotlb) {
        return "device-iotlb=on needs qi=on: set qi=on or device-iotlb=off";
    }
    if (cfg->scalable_mode) {
        return "scalable-mode=on needs qi=on: set qi=on or scalable-mode=off";
    }
    if (cfg->abort_dma) {
        return "abort-dma=on needs qi=on: set qi=on or abort-dma=off";
    }
    return NULL;
}

/* Numbers that have to fit their fields. */
static const char *number_error(const NyxVtdCfg *cfg)
{
    if (cfg->domain_bits < 4 || cfg->domain_bits > 16 ||
        cfg->domain_bits % 2) {
        return "domain-bits must be 4, 6, 8, 10, 12, 14 or 16";
    }
    if (cfg->mamv > NVTD_MAMV_MAX) {
        return "mamv must be 0 to 52";
    }
    if (cfg->mhmv > NVTD_MHMV_MAX) {
        return "mhmv must be 0 to 15";
    }
    if (cfg->pasid_bits > 20) {
        return "pasid-bits must be 0 to 20";
    }
    if (cfg->fault_records < 1 || cfg->fault_records > NVTD_FRCD_MAX) {
        return "fault-records must be 1 to 16";
    }
    if (cfg->iotlb_entries < 16 || cfg->iotlb_entries > 1048576) {
        return "iotlb-entries must be 16 to 1048576";
    }
    return NULL;
}

const char *nyx_vtd_cfg_error(const NyxVtdCfg *cfg)
{
    if (cfg->aw_bits != 39 && cfg->aw_bits != 48 && cfg->aw_bits != 57) {
        return "aw-bits must be 39, 48 or 57";
    }
    if (cfg->eim && !cfg->intremap) {
        return "eim=on needs intremap=on: set intremap=on or eim=off";
    }
    if (cfg->posted_interrupts && !cfg->intremap) {
        return "posted-interrupts=on needs intremap=on: set intremap=on or "
               "posted-interrupts=off";
    }
    if (cfg->esirtps && !cfg->intremap) {
        return "esirtps=on needs intremap=on: set intremap=on or esirtps=off";
    }
    if (cfg->abort_dma && !cfg->dma_translation) {
        return "abort-dma=on needs dma-translation=on: set "
               "dma-translation=on or abort-dma=off";
    }
    if (cfg->version && (cfg->version >> 4 < 1 || cfg->version >> 4 > 5)) {
        return "version must be 0 (default) or 0x10 to 0x5f (major version 1 "
               "to 5; later ones have no register-based invalidation)";
    }
    if (cfg->scalable_mode && !cfg->dma_translation) {
        return "scalable-mode=on needs dma-translation=on: set "
               "dma-translation=on or scalable-mode=off";
    }
    if (cfg->scalable_mode && !cfg->dma_drain) {
        return "scalable-mode=on needs dma-drain=on";
    }
    if (cfg->scalable_mode && !cfg->first_stage && !cfg->second_stage) {
        return "scalable-mode=on needs a stage: set flts=on or ssts=on";
    }
    if (cfg->page_requests && (!cfg->scalable_mode || !cfg->device_iotlb)) {
        return "page-requests=on needs scalable-mode=on and device-iotlb=on: "
               "set both, or page-requests=off";
    }
    if (cfg->no_write_flag && !cfg->device_iotlb) {
        return "nwfs=on needs device-iotlb=on: set device-iotlb=on or nwfs=off";
    }
    if (!cfg->queue && queue_error(cfg)) {
        return queue_error(cfg);
    }
    return number_error(cfg);
}
