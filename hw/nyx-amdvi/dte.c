/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device table entries (2.2.2): where they are, what they say of memory
 * requests, and what makes one illegal.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

/* Entries in each 4 KiB of the table, which is what Size counts. */
#define ENTRIES_PER_PAGE (4096 / NAMD_DTE_BYTES)

/* 2.2.2.1: the highest bits of the id choose the segment. */
NyxAmdFaultCode nyx_amd_dte_address(const NyxAmd *amd, uint16_t sid,
                                    uint64_t *addr)
{
    unsigned lg2 = FIELD_EX64(nyx_amd_control(amd), NAMD_CTRL, DEVTBLSEG);
    unsigned index_bits = 16 - MIN(lg2, amd->cfg.segments_lg2);
    uint32_t index = sid & MAKE_64BIT_MASK(0, index_bits);
    uint64_t reg = qatomic_read(&amd->devtab[sid >> index_bits]);
    uint32_t pages = FIELD_EX64(reg, NAMD_DEVTAB, SIZE) + 1;

    *addr = (reg & R_NAMD_DEVTAB_BASE_MASK) + index * NAMD_DTE_BYTES;
    return index < pages * ENTRIES_PER_PAGE ? NAMD_FAULT_NONE
                                            : NAMD_FAULT_DTE_RANGE;
}

NyxAmdFaultCode nyx_amd_dte_fetch(const NyxAmd *amd, uint16_t sid,
                                  uint64_t words[NAMD_DTE_WORDS],
                                  uint64_t *addr)
{
    NyxAmdFaultCode code = nyx_amd_dte_address(amd, sid, addr);

    if (code == NAMD_FAULT_NONE &&
        !nyx_mem_read_entry(&amd->host.mem, *addr, words, NAMD_DTE_WORDS)) {
        code = NAMD_FAULT_DTE_READ;
    }
    return code;
}

/* Bits that stand for what this IOMMU does not have. */
static uint64_t absent_features(const NyxAmd *amd)
{
    const NyxAmdCfg *cfg = &amd->cfg;
    uint64_t bits = 0;

    if (!cfg->guest_levels) {
        bits |= R_NAMD_DTE0_GV_MASK | R_NAMD_DTE0_GLX_MASK |
                R_NAMD_DTE0_GCR3_LO_MASK;
    } else if (!FIELD_EX64(nyx_amd_control(amd), NAMD_CTRL, GTEN)) {
        bits |= R_NAMD_DTE0_GV_MASK;
    }
    if (!cfg->gio) {
        bits |= R_NAMD_DTE0_GIOV_MASK;
    }
    if (!cfg->eph) {
        bits |= R_NAMD_DTE0_PPR_MASK | R_NAMD_DTE0_GPRP_MASK;
    }
    if (!cfg->host_accessed && !cfg->host_dirty) {
        bits |= R_NAMD_DTE0_HAD_MASK;
    }
    return bits;
}

static bool had_ok(const NyxAmdCfg *cfg, unsigned had)
{
    switch (had) {
    case NAMD_HAD_OFF:
        return true;
    case NAMD_HAD_ACCESSED:
        return cfg->host_accessed;
    case NAMD_HAD_BOTH:
        return cfg->host_accessed && cfg->host_dirty;
    default:
        return false;
    }
}

/* What has a meaning only with TV = 1. */
static bool host_ok(const NyxAmdCfg *cfg, const NyxAmdContext *ctx)
{
    if (!cfg->host_levels && ctx->host_root) {
        return false;
    }
    return ctx->mode <= cfg->host_levels && had_ok(cfg, ctx->had);
}

/* GATS is at most 5 levels, which leaves out the reserved paging modes. */
static bool guest_ok(const NyxAmdCfg *cfg, const NyxAmdContext *ctx)
{
    return !ctx->guest ||
           (ctx->glx != NAMD_GLX_RESERVED && ctx->glx <= cfg->glx &&
            ctx->guest_levels <= cfg->guest_levels);
}

static uint8_t kind_of(const NyxAmdContext *ctx, bool tv)
{
    if (!tv) {
        return NYX_AMD_KIND_BLOCKED;
    }
    return ctx->mode ? NYX_AMD_KIND_HOST : NYX_AMD_KIND_IDENTITY;
}

static void decode_fields(const NyxAmd *amd, const uint64_t *words,
                          NyxAmdContext *ctx)
{
    uint64_t w0 = words[0], w1 = words[1], w3 = words[3];
    bool tv = FIELD_EX64(w0, NAMD_DTE0, TV);

    *ctx = (NyxAmdContext) {
        .host_root = w0 & R_NAMD_DTE0_ROOT_MASK,
        .gcr3 = FIELD_EX64(w0, NAMD_DTE0, GCR3_LO) << NAMD_GCR3_LO_SHIFT |
                FIELD_EX64(w1, NAMD_DTE1, GCR3_MID) << NAMD_GCR3_MID_SHIFT |
                FIELD_EX64(w1, NAMD_DTE1, GCR3_HI) << NAMD_GCR3_HI_SHIFT,
        .did = FIELD_EX64(w1, NAMD_DTE1, DOMAIN),
        .mode = FIELD_EX64(w0, NAMD_DTE0, MODE),
        .guest_levels = 4 + FIELD_EX64(words[2], NAMD_DTE2, GPM),
        .glx = FIELD_EX64(w0, NAMD_DTE0, GLX),
        .rights = (FIELD_EX64(w0, NAMD_DTE0, IR) ? NYX_ACCESS_READ : 0) |
                  (FIELD_EX64(w0, NAMD_DTE0, IW) ? NYX_ACCESS_WRITE : 0),
        .had = FIELD_EX64(w0, NAMD_DTE0, HAD),
        .io_ctl = FIELD_EX64(w1, NAMD_DTE1, IOCTL),
        .sys_mgt = FIELD_EX64(w1, NAMD_DTE1, SYSMGT),
        .guest = tv && FIELD_EX64(w0, NAMD_DTE0, GV),
        .giov = tv && FIELD_EX64(w0, NAMD_DTE0, GV) &&
                FIELD_EX64(w0, NAMD_DTE0, GIOV),
        .ats = FIELD_EX64(w1, NAMD_DTE1, I),
        .ppr = FIELD_EX64(w0, NAMD_DTE0, PPR),
        .gprp = FIELD_EX64(w0, NAMD_DTE0, GPRP),
        .suppress_all = FIELD_EX64(w1, NAMD_DTE1, SA),
        .suppress_after = FIELD_EX64(w1, NAMD_DTE1, SE),
        .exclusion = FIELD_EX64(w1, NAMD_DTE1, EX),
        .snoop_disable = FIELD_EX64(w1, NAMD_DTE1, SD),
        .mode0_fc = amd->cfg.attr_fw && FIELD_EX64(w3, NAMD_DTE3, ATTRV) &&
                    FIELD_EX64(w3, NAMD_DTE3, MODE0FC),
    };
    ctx->kind = kind_of(ctx, tv);
}

/*
 * V guards the first two words, IV the others, of which memory requests use
 * the guest's paging mode and the attributes of Mode 0.  What there is of an
 * illegal entry stays in @ctx: the event wants the domain.
 */
NyxAmdFaultCode nyx_amd_dte_decode(const NyxAmd *amd,
                                   const uint64_t words[NAMD_DTE_WORDS],
                                   NyxAmdContext *ctx)
{
    const NyxAmdCfg *cfg = &amd->cfg;
    uint64_t reserved = NYX_MBZ_MASK(NAMD_DTE_W0) | absent_features(amd);

    if (!FIELD_EX64(words[0], NAMD_DTE0, V)) {
        *ctx = (NyxAmdContext) { .kind = NYX_AMD_KIND_PASS };
        return NAMD_FAULT_NONE;
    }
    decode_fields(amd, words, ctx);
    if ((words[0] & reserved) ||
        /* SATSSup is not offered. */
        (words[1] & R_NAMD_DTE1_SATS_MASK) ||
        ctx->io_ctl == NAMD_IOCTL_RESERVED) {
        return NAMD_FAULT_DTE_RSVD;
    }
    if (ctx->kind != NYX_AMD_KIND_BLOCKED &&
        (!host_ok(cfg, ctx) || !guest_ok(cfg, ctx))) {
        return NAMD_FAULT_DTE_RSVD;
    }
    return NAMD_FAULT_NONE;
}
