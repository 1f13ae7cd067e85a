/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Root, context, PASID directory and PASID table entries of scalable mode:
 * fetched, checked in the order of the manual (7.1.3), decoded.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"
#include "hw/nyx-vtd/tables-scalable.h"

static uint64_t beyond_haw(const NyxVtd *vtd)
{
    return ~MAKE_64BIT_MASK(0, vtd->cfg.haw_bits);
}

/* 9.2: the table for the function, of which there are two a bus. */
static NyxVtdFaultCode root_fetch(NyxVtd *vtd, uint16_t sid, uint64_t *ctp)
{
    uint64_t root = qatomic_read(&vtd->latched.rtaddr);
    unsigned upper = (sid & 0xff) >> 7;
    uint64_t entry[2];

    root &= R_NVTD_RTADDR_RTA_MASK;
    if (!nyx_mem_read_le64(&vtd->host.mem, root + (sid >> 8) * sizeof(entry),
                           entry, 2)) {
        return NVTD_FAULT_SROOT_READ;
    }
    /* Both halves have the same layout. */
    if (!FIELD_EX64(entry[upper], NVTD_SROOT0, LP)) {
        return NVTD_FAULT_SROOT_P;
    }
    if (entry[upper] & (NYX_MBZ_MASK(NVTD_SROOT_W0) | beyond_haw(vtd))) {
        return NVTD_FAULT_SROOT_RSVD;
    }
    *ctp = entry[upper] & R_NVTD_SROOT0_LCTP_MASK;
    return NVTD_FAULT_NONE;
}

/* Bits of the context entry's first word that are reserved with our options. */
static uint64_t function_reserved(const NyxVtdCfg *cfg)
{
    return NYX_MBZ_MASK(NVTD_SCTX_W0) |
           (cfg->device_iotlb ? 0 : R_NVTD_SCTX0_DTE_MASK) |
           (cfg->pasid_bits ? 0 : R_NVTD_SCTX0_PASIDE_MASK) |
           (cfg->page_requests ? 0 : R_NVTD_SCTX0_PRE_MASK);
}

/* The same of the second. */
static uint64_t rid_reserved(const NyxVtdCfg *cfg)
{
    return NYX_MBZ_MASK(NVTD_SCTX_W1) |
           (cfg->rid_pasid ? 0 : R_NVTD_SCTX1_RID_PASID_MASK) |
           (cfg->rid_priv ? 0 : R_NVTD_SCTX1_RID_PRIV_MASK);
}

NyxVtdFaultCode nyx_vtd_function_fetch(NyxVtd *vtd, uint16_t sid,
                                       NyxVtdFunction *fn)
{
    uint64_t ctp = 0, entry[4];
    NyxVtdFaultCode code = root_fetch(vtd, sid, &ctp);

    *fn = (NyxVtdFunction) { };
    if (code != NVTD_FAULT_NONE) {
        return code;
    }
    if (!nyx_mem_read_le64(&vtd->host.mem, ctp + (sid & 0x7f) * sizeof(entry),
                           entry, 4)) {
        return NVTD_FAULT_SCTX_READ;
    }
    fn->fpd = FIELD_EX64(entry[0], NVTD_SCTX0, FPD);
    if (!FIELD_EX64(entry[0], NVTD_SCTX0, P)) {
        return NVTD_FAULT_SCTX_P;
    }
    if ((entry[0] & (function_reserved(&vtd->cfg) | beyond_haw(vtd))) ||
        (entry[1] & rid_reserved(&vtd->cfg)) || entry[2] || entry[3]) {
        return NVTD_FAULT_SCTX_RSVD;
    }
    fn->ats = FIELD_EX64(entry[0], NVTD_SCTX0, DTE);
    fn->pasid = FIELD_EX64(entry[0], NVTD_SCTX0, PASIDE);
    fn->page_requests = FIELD_EX64(entry[0], NVTD_SCTX0, PRE);
    fn->pdts = FIELD_EX64(entry[0], NVTD_SCTX0, PDTS);
    fn->directory = entry[0] & R_NVTD_SCTX0_PASIDDIRPTR_MASK;
    fn->rid_pasid = FIELD_EX64(entry[1], NVTD_SCTX1, RID_PASID);
    fn->rid_priv = FIELD_EX64(entry[1], NVTD_SCTX1, RID_PRIV);
    if (!nyx_vtd_function_has(fn, fn->rid_pasid) ||
        (fn->page_requests && !fn->ats)) {
        return NVTD_FAULT_SCTX_INV;
    }
    fn->present = true;
    return NVTD_FAULT_NONE;
}

static NyxVtdFaultCode directory_fetch(NyxVtd *vtd, const NyxVtdFunction *fn,
                                       uint32_t pasid, NyxVtdContext *ctx,
                                       uint64_t *table)
{
    uint64_t entry;

    if (!nyx_mem_read_le64(&vtd->host.mem, fn->directory +
                           (pasid >> 6) * sizeof(entry), &entry, 1)) {
        return NVTD_FAULT_PDIR_READ;
    }
    ctx->fpd |= FIELD_EX64(entry, NVTD_PDIR, FPD);
    if (!FIELD_EX64(entry, NVTD_PDIR, P)) {
        return NVTD_FAULT_PDIR_P;
    }
    if (entry & (NYX_MBZ_MASK(NVTD_PDIR_W0) | beyond_haw(vtd))) {
        return NVTD_FAULT_PDIR_RSVD;
    }
    *table = entry & R_NVTD_PDIR_SMPTBLPTR_MASK;
    return NVTD_FAULT_NONE;
}

/* Whether the translation type uses the second stage. */
static bool uses_second(unsigned pgtt)
{
    return pgtt == NVTD_PGTT_SECOND || pgtt == NVTD_PGTT_NESTED;
}

/* 9.6: bits that are reserved always, with our options, or with the type. */
static bool entry_reserved_ok(const NyxVtd *vtd, const uint64_t entry[8])
{
    const NyxVtdCfg *cfg = &vtd->cfg;
    unsigned pgtt = FIELD_EX64(entry[0], NVTD_PTE0, PGTT);
    uint64_t w0 = NYX_MBZ_MASK(NVTD_PTE_W0), w1 = NYX_MBZ_MASK(NVTD_PTE_W1);
    uint64_t w2 = NYX_MBZ_MASK(NVTD_PTE_W2);

    w0 |= cfg->second_ad ? 0 : R_NVTD_PTE0_SSADE_MASK;
    w0 |= uses_second(pgtt) ? beyond_haw(vtd) : 0;
    w1 |= R_NVTD_PTE1_DID_MASK & ~(uint64_t)nyx_vtd_did_mask(cfg);
    w1 |= cfg->snoop_control ? 0 : R_NVTD_PTE1_PGSNP_MASK;
    /* Memory types (ECAP.MTS) are not offered. */
    w1 |= R_NVTD_PTE1_CD_MASK | R_NVTD_PTE1_EMTE_MASK | R_NVTD_PTE1_EMT_MASK;
    /* Whatever the type: drivers set SRE for the second stage as well. */
    w2 |= (cfg->supervisor ? 0 : R_NVTD_PTE2_SRE_MASK) |
          (cfg->execute ? 0 : R_NVTD_PTE2_ERE_MASK) |
          (cfg->extended_accessed ? 0 : R_NVTD_PTE2_EAFE_MASK);
    /* With two stages it is a guest address; SPT.4.4 is for that. */
    w2 |= pgtt == NVTD_PGTT_FIRST ? beyond_haw(vtd) : 0;
    return !(entry[0] & w0) && !(entry[1] & w1) && !(entry[2] & w2) &&
           !entry[3] && !entry[4] && !entry[5] && !entry[6] && !entry[7];
}

static bool second_ok(const NyxVtdCfg *cfg, const NyxVtdContext *ctx)
{
    return ctx->aw >= 1 && NVTD_AW_BITS(ctx->aw) <= cfg->aw_bits;
}

static bool first_ok(const NyxVtdCfg *cfg, unsigned fspm)
{
    return fspm == NVTD_FSPM_4_LEVELS ||
           (fspm == NVTD_FSPM_5_LEVELS && cfg->first_5_levels);
}

/* SPT.4: the type, and the widths that it uses, have to be offered. */
static bool entry_programming_ok(const NyxVtdCfg *cfg, unsigned pgtt,
                                 unsigned fspm, const NyxVtdContext *ctx)
{
    switch (pgtt) {
    case NVTD_PGTT_FIRST:
        return cfg->first_stage && first_ok(cfg, fspm);
    case NVTD_PGTT_SECOND:
        return cfg->second_stage && second_ok(cfg, ctx);
    case NVTD_PGTT_NESTED:
        return cfg->nested && first_ok(cfg, fspm) && second_ok(cfg, ctx) &&
               !(ctx->fsptptr >> NVTD_AW_BITS(ctx->aw));
    case NVTD_PGTT_PASS_THROUGH:
        return cfg->pass_through && NVTD_AW_BITS(ctx->aw) == cfg->aw_bits;
    default:
        return false;
    }
}

static const uint8_t kind_of_pgtt[] = {
    [NVTD_PGTT_FIRST] = NYX_VTD_KIND_FIRST,
    [NVTD_PGTT_SECOND] = NYX_VTD_KIND_SECOND,
    [NVTD_PGTT_NESTED] = NYX_VTD_KIND_NESTED,
    [NVTD_PGTT_PASS_THROUGH] = NYX_VTD_KIND_PASS,
};

static void entry_decode(const uint64_t entry[8], NyxVtdContext *ctx)
{
    unsigned pgtt = FIELD_EX64(entry[0], NVTD_PTE0, PGTT);

    ctx->kind = kind_of_pgtt[pgtt];
    ctx->ssptptr = entry[0] & R_NVTD_PTE0_SSPTPTR_MASK;
    ctx->second_ad = uses_second(pgtt) &&
                     FIELD_EX64(entry[0], NVTD_PTE0, SSADE);
    ctx->fs_levels = 4 + FIELD_EX64(entry[2], NVTD_PTE2, FSPM);
    ctx->supervisor = FIELD_EX64(entry[2], NVTD_PTE2, SRE);
    ctx->execute = FIELD_EX64(entry[2], NVTD_PTE2, ERE);
    ctx->write_protect = FIELD_EX64(entry[2], NVTD_PTE2, WPE);
    ctx->no_execute = FIELD_EX64(entry[2], NVTD_PTE2, NXE);
    ctx->smep = FIELD_EX64(entry[2], NVTD_PTE2, SMEP);
    ctx->extended_accessed = FIELD_EX64(entry[2], NVTD_PTE2, EAFE);
    ctx->page_snoop = FIELD_EX64(entry[1], NVTD_PTE1, PGSNP);
    ctx->present = true;
}

NyxVtdFaultCode nyx_vtd_pasid_fetch(NyxVtd *vtd, const NyxVtdFunction *fn,
                                    uint32_t pasid, NyxVtdContext *ctx)
{
    uint64_t table = 0, entry[8];
    NyxVtdFaultCode code;

    *ctx = (NyxVtdContext) {
        .scalable = true, .pasid = pasid, .ats = fn->ats,
        .page_requests = fn->page_requests, .fpd = fn->fpd,
    };
    code = directory_fetch(vtd, fn, pasid, ctx, &table);
    if (code != NVTD_FAULT_NONE) {
        return code;
    }
    if (!nyx_mem_read_le64(&vtd->host.mem, table +
                           (pasid & 0x3f) * sizeof(entry), entry, 8)) {
        return NVTD_FAULT_PTE_READ;
    }
    ctx->fpd |= FIELD_EX64(entry[0], NVTD_PTE0, FPD);
    ctx->did = FIELD_EX64(entry[1], NVTD_PTE1, DID);
    if (!FIELD_EX64(entry[0], NVTD_PTE0, P)) {
        return NVTD_FAULT_PTE_P;
    }
    if (!entry_reserved_ok(vtd, entry)) {
        return NVTD_FAULT_PTE_RSVD;
    }
    ctx->aw = FIELD_EX64(entry[0], NVTD_PTE0, AW);
    ctx->fsptptr = entry[2] & R_NVTD_PTE2_FSPTPTR_MASK;
    if (!entry_programming_ok(&vtd->cfg,
                              FIELD_EX64(entry[0], NVTD_PTE0, PGTT),
                              FIELD_EX64(entry[2], NVTD_PTE2, FSPM), ctx)) {
        return NVTD_FAULT_PTE_INV;
    }
    entry_decode(entry, ctx);
    return NVTD_FAULT_NONE;
}
