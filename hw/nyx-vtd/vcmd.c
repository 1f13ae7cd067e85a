/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual command interface (11.4.45 and on): a guest asks for PASIDs
 * instead of choosing them.
 *
 * Revision 3.3 moved the registers and the fields in them.  A unit has the
 * older layout if its VER says less than 3.3.  Commands are done when the
 * write returns: VCRSP.IP is never seen on.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-vtd/internal.h"

/* Where registers and fields are. */
typedef struct VcmdLayout {
    uint32_t vcmd, vcrsp, vccap;
    uint8_t operand_shift;   /* VCMD; up to bit 63 */
    uint8_t result_shift;    /* VCRSP: the PASID */
    uint8_t sc_length;       /* VCRSP.SC, which starts at bit 1 */
    uint8_t sc_no_pasid;     /* none left, or not one that can be freed */
} VcmdLayout;

static const VcmdLayout *layout(const NyxVtdCfg *cfg)
{
    static const VcmdLayout older = {
        .vcmd = A_NVTD_OLD_VCMD, .vcrsp = A_NVTD_OLD_VCRSP,
        .vccap = A_NVTD_OLD_VCCAP, .operand_shift = 8, .result_shift = 8,
        .sc_length = 2, .sc_no_pasid = 2,
    };
    static const VcmdLayout newer = {
        .vcmd = A_NVTD_VCMD, .vcrsp = A_NVTD_VCRSP, .vccap = A_NVTD_VCCAP,
        .operand_shift = 16, .result_shift = 16,
        .sc_length = 7, .sc_no_pasid = 16,
    };

    return cfg->version >= NVTD_VCMD_NEW_VERSION ? &newer : &older;
}

/* The lowest PASID that is free, or 0.  0 itself is never handed out. */
static uint32_t pasid_alloc(NyxVtd *vtd)
{
    for (unsigned i = 0; i < NVTD_VCMD_WORDS; i++) {
        uint64_t *word = &vtd->vcmd_pasids[i];
        uint64_t free = ~*word & ~(i ? 0 : 1ULL);

        if (free) {
            unsigned bit = ctz64(free);

            *word |= BIT_ULL(bit);
            return i * 64 + bit;
        }
    }
    return 0;
}

static bool pasid_free(NyxVtd *vtd, uint64_t pasid)
{
    uint64_t *word = &vtd->vcmd_pasids[pasid / 64 % NVTD_VCMD_WORDS];

    if (pasid >= NVTD_VCMD_PASIDS || !(*word & BIT_ULL(pasid % 64))) {
        return false;
    }
    *word &= ~BIT_ULL(pasid % 64);
    return true;
}

/* Status and, if it is 0, result of a command. */
static unsigned run(NyxVtd *vtd, unsigned command, uint64_t operand,
                    uint32_t *result)
{
    const VcmdLayout *at = layout(&vtd->cfg);

    *result = 0;
    switch (command) {
    case NVTD_VCMD_ALLOC:
        *result = pasid_alloc(vtd);
        return *result ? NVTD_VCMD_SC_OK : at->sc_no_pasid;
    case NVTD_VCMD_FREE:
        if (pasid_free(vtd, operand)) {
            return NVTD_VCMD_SC_OK;
        }
        nyx_vtd_finding(vtd, NVTD_RULE_VCMD_FREE,
                        nyx_vtd_at_reg(at->vcmd, operand));
        return at->sc_no_pasid;
    default:
        nyx_vtd_finding(vtd, NVTD_RULE_VCMD_UNKNOWN,
                        nyx_vtd_at_reg(at->vcmd, command));
        return NVTD_VCMD_SC_UNSUPPORTED;
    }
}

/* The byte with the command starts it; the operand may come before. */
static void vcmd_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask)
{
    NyxVtd *vtd = dev;
    const VcmdLayout *at = layout(&vtd->cfg);
    uint64_t vcmd = nyx_vtd_reg64(vtd, at->vcmd);
    unsigned command = FIELD_EX64(vcmd, NVTD_VCMD, CMD);
    uint64_t operand = vcmd >> at->operand_shift;
    unsigned status;
    uint32_t result;

    if (!(mask & R_NVTD_VCMD_CMD_MASK)) {
        return;
    }
    status = run(vtd, command, operand, &result);
    nyx_reg_set(&vtd->regs, at->vcrsp, 8,
                (uint64_t)result << at->result_shift |
                (uint64_t)status << NVTD_VCRSP_SC_SHIFT);
    vtd->stats.virtual_commands++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_VCMD, .addr = operand, .gran = command,
        .a = result, .b = status,
    });
}

void nyx_vtd_vcmd_init(NyxVtd *vtd)
{
    const VcmdLayout *at = layout(&vtd->cfg);
    const uint64_t operand = MAKE_64BIT_MASK(at->operand_shift,
                                             64 - at->operand_shift);
    const NyxReg rows[] = {
        { "VCCAP", at->vccap, 8, .reset = R_NVTD_VCCAP_PAS_MASK,
          .ro = UINT64_MAX },
        { "VCMD", at->vcmd, 8, .rw = R_NVTD_VCMD_CMD_MASK | operand,
          .written = vcmd_written },
        { "VCRSP", at->vcrsp, 8, .ro = UINT64_MAX },
        { "VCMD_EO", A_NVTD_VCMD_EO, 8, .rw = UINT64_MAX },
    };

    if (!vtd->cfg.vcmd) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        /* The second operand came with the newer layout. */
        if (rows[i].offset != A_NVTD_VCMD_EO ||
            at->vcmd == A_NVTD_VCMD) {
            nyx_regfile_add(&vtd->regs, &rows[i]);
        }
    }
}

static bool nobody_has_any(const NyxVtdSaved *saved)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < NVTD_VCMD_WORDS; i++) {
        any |= saved->vcmd_pasids[i];
    }
    return !any;
}

/* A response that some command gives, and PASIDs that can be handed out. */
bool nyx_vtd_vcmd_saved_ok(const NyxVtdCfg *cfg, const NyxVtdSaved *saved)
{
    const VcmdLayout *at = layout(cfg);
    uint64_t vcrsp = ldq_le_p(saved->regs + at->vcrsp);
    unsigned status = extract64(vcrsp, NVTD_VCRSP_SC_SHIFT, at->sc_length);
    uint64_t result = extract64(vcrsp, at->result_shift, 20);
    uint64_t defined = (uint64_t)result << at->result_shift |
                       status << NVTD_VCRSP_SC_SHIFT;

    if (!cfg->vcmd) {
        return nobody_has_any(saved);
    }
    if (ldq_le_p(saved->regs + at->vccap) != R_NVTD_VCCAP_PAS_MASK ||
        vcrsp != defined || saved->vcmd_pasids[0] & 1) {
        return false;
    }
    return status == NVTD_VCMD_SC_OK ? result < NVTD_VCMD_PASIDS :
           !result && (status == NVTD_VCMD_SC_UNSUPPORTED ||
                       status == at->sc_no_pasid);
}
