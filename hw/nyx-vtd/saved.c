/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a saved state is one that a unit with our options can have come
 * to, whatever its software did.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

static uint32_t saved32(const NyxVtdSaved *saved, uint32_t offset)
{
    return ldl_le_p(saved->regs + offset);
}

static uint64_t saved64(const NyxVtdSaved *saved, uint32_t offset)
{
    return ldq_le_p(saved->regs + offset);
}

/* Bits of a register that can be on between two accesses. */
static uint64_t possible_bits(const NyxVtd *vtd, const NyxReg *reg)
{
    uint64_t defined = reg->rw | reg->w1c | reg->wo | reg->ro;

    switch (reg->offset) {
    case A_NVTD_GSTS:
        return nyx_vtd_gsts_possible(&vtd->cfg);
    case A_NVTD_CCMD:
        return defined & ~R_NVTD_CCMD_ICC_MASK;
    case A_NVTD_IOTLB:
        return defined & ~R_NVTD_IOTLB_IVT_MASK;
    case A_NVTD_FSTS:
        return defined & ~(uint64_t)(R_NVTD_FSTS_AFO_MASK |
                                     R_NVTD_FSTS_APF_MASK |
                                     R_NVTD_FSTS_DEP7_MASK |
                                     (vtd->cfg.queue ? 0 :
                                      R_NVTD_FSTS_IQE_MASK |
                                      R_NVTD_FSTS_ICE_MASK |
                                      R_NVTD_FSTS_ITE_MASK));
    case A_NVTD_PLMBASE:
    case A_NVTD_PLMLIMIT:
    case A_NVTD_PHMBASE:
    case A_NVTD_PHMLIMIT:
        return reg->rw;
    default:
        return defined;
    }
}

static bool registers_ok(const NyxVtd *vtd, const NyxVtdSaved *saved)
{
    for (unsigned i = 0; i < vtd->regs.n_regs; i++) {
        const NyxReg *reg = &vtd->regs.regs[i];
        uint64_t value = ldn_le_p(saved->regs + reg->offset, reg->size);

        if ((value & ~possible_bits(vtd, reg)) ||
            (reg->offset == A_NVTD_VER && value != reg->reset) ||
            (reg->offset == A_NVTD_RTADDR && saved->rtaddr & ~reg->rw) ||
            (reg->offset == A_NVTD_IRTA && saved->irta & ~reg->rw)) {
            return false;
        }
    }
    return true;
}

/* A pointer is latched when the status says so. */
static bool latched_ok(const NyxVtdSaved *saved)
{
    uint32_t gsts = saved32(saved, A_NVTD_GSTS);
    bool root = saved->flags & NYX_VTD_SAVED_ROOT_SET;
    bool irt = saved->flags & NYX_VTD_SAVED_IRT_SET;

    return root == !!(gsts & R_NVTD_GCMD_SRTP_MASK) &&
           irt == !!(gsts & R_NVTD_GCMD_SIRTP_MASK) &&
           (root || !saved->rtaddr) && (irt || !saved->irta);
}

/* Flushes that a pointer made due; with some options it never does. */
static bool flushes_ok(const NyxVtd *vtd, const NyxVtdSaved *saved)
{
    const uint32_t translations = NYX_VTD_SAVED_NEED_CONTEXT |
                                  NYX_VTD_SAVED_NEED_IOTLB;

    return !(vtd->cfg.esrtps && saved->flags & translations) &&
           !(vtd->cfg.esirtps && saved->flags & NYX_VTD_SAVED_NEED_IEC);
}

static bool queue_ok(const NyxVtdSaved *saved)
{
    uint64_t head = saved64(saved, A_NVTD_IQH);
    uint64_t iqa = saved64(saved, A_NVTD_IQA);
    unsigned dw = FIELD_EX64(iqa, NVTD_IQA, DW);

    if (saved32(saved, A_NVTD_GSTS) & R_NVTD_GCMD_QIE_MASK) {
        return head < 4096ULL << FIELD_EX64(iqa, NVTD_IQA, QS) &&
               head % NVTD_DESC_BYTES(dw) == 0;
    }
    return head == 0;
}

static bool faults_ok(const NyxVtd *vtd, const NyxVtdSaved *saved)
{
    uint32_t fsts = saved32(saved, A_NVTD_FSTS);
    bool pending = false;

    for (unsigned i = 0; i < vtd->cfg.fault_records; i++) {
        pending |= saved64(saved, nyx_vtd_frcd(&vtd->cfg, i) + 8) >>
                   R_NVTD_FRCD_HI_F_SHIFT;
    }
    return pending == !!(fsts & R_NVTD_FSTS_PPF_MASK) &&
           FIELD_EX32(fsts, NVTD_FSTS, FRI) < vtd->cfg.fault_records &&
           saved->frcd_next < vtd->cfg.fault_records;
}

/* 7.3: only a masked event can be pending, and only for a condition. */
static bool event_ok(const NyxVtdSaved *saved, uint32_t ctl, uint32_t status,
                     uint32_t status_bits)
{
    uint32_t value = saved32(saved, ctl);

    return !(value & R_NVTD_EVCTL_IP_MASK) ||
           ((value & R_NVTD_EVCTL_IM_MASK) &&
            (saved32(saved, status) & status_bits));
}

static bool protection_ok(const NyxVtdSaved *saved)
{
    uint32_t pmen = saved32(saved, A_NVTD_PMEN);

    return FIELD_EX32(pmen, NVTD_PMEN, PRS) ==
           FIELD_EX32(pmen, NVTD_PMEN, EPM);
}

/* Registers that options decide: what a guest has read there stays true. */
static bool same_options(const NyxVtd *vtd, const NyxVtdSaved *saved)
{
    return saved32(saved, A_NVTD_VER) == nyx_vtd_reg32(vtd, A_NVTD_VER) &&
           saved64(saved, A_NVTD_CAP) == nyx_vtd_cap(&vtd->cfg) &&
           saved64(saved, A_NVTD_ECAP) == nyx_vtd_ecap(&vtd->cfg);
}

const char *nyx_vtd_saved_error(const NyxVtd *vtd, const NyxVtdSaved *saved)
{
    if (!same_options(vtd, saved)) {
        return "the version or capability registers differ: give both sides "
               "the same options";
    }
    if (saved->flags & ~NYX_VTD_SAVED_ALL || !registers_ok(vtd, saved) ||
        !latched_ok(saved) || !flushes_ok(vtd, saved) ||
        !nyx_vtd_vcmd_saved_ok(&vtd->cfg, saved) ||
        !nyx_vtd_perf_saved_ok(vtd, saved) ||
        !queue_ok(saved) || !faults_ok(vtd, saved) ||
        !event_ok(saved, A_NVTD_FECTL, A_NVTD_FSTS, 0xff) ||
        !event_ok(saved, A_NVTD_IECTL, A_NVTD_ICS, R_NVTD_ICS_IWC_MASK) ||
        !event_ok(saved, A_NVTD_PECTL, A_NVTD_PRS,
                  R_NVTD_PRS_PPR_MASK | R_NVTD_PRS_PRO_MASK) ||
        !event_ok(saved, A_NVTD_PERFINTRCTL, A_NVTD_PERFINTRSTS,
                  R_NVTD_PERFINTRSTS_PIS_MASK) ||
        !protection_ok(saved)) {
        return "values that the device cannot have";
    }
    return NULL;
}
