/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Root and context entries of legacy mode: fetched, checked in the order of
 * the manual (7.1.3), decoded.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

/* Addresses at or above the host address width are reserved. */
static uint64_t beyond_haw(const NyxVtd *vtd)
{
    return ~MAKE_64BIT_MASK(0, vtd->cfg.haw_bits);
}

static NyxVtdFaultCode root_fetch(NyxVtd *vtd, uint8_t bus, uint64_t *ctp)
{
    uint64_t root = qatomic_read(&vtd->latched.rtaddr);
    uint64_t entry[2];

    root &= R_NVTD_RTADDR_RTA_MASK;
    if (!nyx_mem_read_le64(&vtd->host.mem, root + bus * sizeof(entry),
                           entry, 2)) {
        return NVTD_FAULT_ROOT_READ;
    }
    if (!FIELD_EX64(entry[0], NVTD_ROOT, P)) {
        return NVTD_FAULT_ROOT_P;
    }
    if ((entry[0] & (NYX_MBZ_MASK(NVTD_ROOT_W0) | beyond_haw(vtd))) ||
        entry[1]) {
        return NVTD_FAULT_ROOT_RSVD;
    }
    *ctp = entry[0] & R_NVTD_ROOT_CTP_MASK;
    return NVTD_FAULT_NONE;
}

/* 9.3: AW must be offered, and be the widest one for pass-through. */
static bool context_width_ok(const NyxVtd *vtd, const NyxVtdContext *ctx)
{
    if (ctx->aw < 1 || NVTD_AW_BITS(ctx->aw) > vtd->cfg.aw_bits) {
        return false;
    }
    return ctx->kind != NYX_VTD_KIND_PASS ||
           NVTD_AW_BITS(ctx->aw) == vtd->cfg.aw_bits;
}

static bool context_type_ok(const NyxVtd *vtd, unsigned tt)
{
    switch (tt) {
    case NVTD_TT_UNTRANSLATED:
        return true;
    case NVTD_TT_DEVICE_TLB:
        return vtd->cfg.device_iotlb;
    case NVTD_TT_PASS_THROUGH:
        return vtd->cfg.pass_through;
    default:
        return false;
    }
}

static void context_check_domain(NyxVtd *vtd, uint16_t sid,
                                 const NyxVtdContext *ctx)
{
    if (ctx->kind == NYX_VTD_KIND_SECOND &&
        !nyx_tags_use(&vtd->tags, ctx->did, ctx->ssptptr)) {
        nyx_vtd_finding(vtd, NVTD_RULE_DID_SHARED, (NyxWhere) {
            .has_sid = true, .sid = sid, .value = ctx->did,
        });
    }
}

NyxVtdFaultCode nyx_vtd_context_look(NyxVtd *vtd, uint16_t sid,
                                     NyxVtdContext *ctx)
{
    uint64_t ctp, entry[2];
    uint8_t devfn = sid & 0xff;
    NyxVtdFaultCode code;
    unsigned tt;

    *ctx = (NyxVtdContext) { };
    if (FIELD_EX64(qatomic_read(&vtd->latched.rtaddr), NVTD_RTADDR, TTM) !=
        NVTD_TTM_LEGACY) {
        return NVTD_FAULT_TTM;
    }
    code = root_fetch(vtd, sid >> 8, &ctp);
    if (code != NVTD_FAULT_NONE) {
        return code;
    }
    if (!nyx_mem_read_le64(&vtd->host.mem, ctp + devfn * sizeof(entry),
                           entry, 2)) {
        return NVTD_FAULT_CTX_READ;
    }
    ctx->fpd = FIELD_EX64(entry[0], NVTD_CTX0, FPD);
    if (!FIELD_EX64(entry[0], NVTD_CTX0, P)) {
        return NVTD_FAULT_CTX_P;
    }
    tt = FIELD_EX64(entry[0], NVTD_CTX0, TT);
    ctx->ats = tt == NVTD_TT_DEVICE_TLB;
    ctx->kind = tt == NVTD_TT_PASS_THROUGH ? NYX_VTD_KIND_PASS
                                           : NYX_VTD_KIND_SECOND;
    ctx->aw = FIELD_EX64(entry[1], NVTD_CTX1, AW);
    ctx->did = FIELD_EX64(entry[1], NVTD_CTX1, DID);
    ctx->ssptptr = entry[0] & R_NVTD_CTX0_SSPTPTR_MASK;
    if ((entry[0] & NYX_MBZ_MASK(NVTD_CTX_W0)) ||
        (entry[1] & NYX_MBZ_MASK(NVTD_CTX_W1)) ||
        (ctx->did & ~nyx_vtd_did_mask(&vtd->cfg)) ||
        (ctx->kind == NYX_VTD_KIND_SECOND && ctx->ssptptr & beyond_haw(vtd))) {
        return NVTD_FAULT_CTX_RSVD;
    }
    if (!context_width_ok(vtd, ctx) || !context_type_ok(vtd, tt)) {
        return NVTD_FAULT_CTX_INV;
    }
    ctx->present = true;
    return NVTD_FAULT_NONE;
}

NyxVtdFaultCode nyx_vtd_context_read(NyxVtd *vtd, uint16_t sid,
                                     NyxVtdContext *ctx)
{
    NyxVtdFaultCode code = nyx_vtd_context_look(vtd, sid, ctx);

    if (code == NVTD_FAULT_NONE && vtd->cfg.caching_mode && ctx->did == 0) {
        nyx_vtd_finding(vtd, NVTD_RULE_CM_DID0, (NyxWhere) {
            .has_sid = true, .sid = sid, .value = ctx->did,
        });
    }
    return code;
}

NyxVtdFaultCode nyx_vtd_context_fetch(NyxVtd *vtd, uint16_t sid,
                                      NyxVtdContext *ctx)
{
    NyxVtdFaultCode code = nyx_vtd_context_read(vtd, sid, ctx);

    if (code == NVTD_FAULT_NONE) {
        context_check_domain(vtd, sid, ctx);
    }
    return code;
}
