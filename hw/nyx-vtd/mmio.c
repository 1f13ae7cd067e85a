/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The register map (11.2) as rows, and what writing to each register does.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-vtd/internal.h"

static void finding_at(NyxVtd *vtd, NyxVtdRule rule, uint64_t offset,
                       uint64_t value)
{
    nyx_vtd_finding(vtd, rule, nyx_vtd_at_reg(offset, value));
}

/* 11.4.4: GCMD fields.  The order is that in which a write takes effect. */
typedef struct GcmdField {
    uint32_t mask;
    bool one_shot;
    /* Why it cannot be done, if so: one of these capabilities is missing. */
    bool (*offered)(const NyxVtdCfg *cfg);
    void (*act)(NyxVtd *vtd, bool on);
} GcmdField;

static void gsts_set(NyxVtd *vtd, uint32_t mask, bool on)
{
    uint32_t gsts = nyx_vtd_reg32(vtd, A_NVTD_GSTS);

    nyx_reg_set(&vtd->regs, A_NVTD_GSTS, 4, on ? gsts | mask : gsts & ~mask);
}

static bool offered_never(const NyxVtdCfg *cfg)
{
    return false;
}

/* Writes are in memory at once; there is nothing to flush. */
static bool offered_wbf(const NyxVtdCfg *cfg)
{
    return cfg->write_buffer;
}

static bool offered_queue(const NyxVtdCfg *cfg)
{
    return cfg->queue;
}

static bool offered_ir(const NyxVtdCfg *cfg)
{
    return cfg->intremap;
}

static bool offered_dma(const NyxVtdCfg *cfg)
{
    return cfg->dma_translation;
}

static bool any_context(uint64_t word, const void *opaque)
{
    return true;
}

/* Those who keep translations have some that are not right any more. */
static void tell_consumers(NyxVtd *vtd)
{
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        NyxVtdRequester *r = g_ptr_array_index(vtd->requesters, i);

        if (r->notify) {
            vtd->host.unmapped(vtd->host.opaque, r, 0, 64);
        }
    }
}

/*
 * 6.6: a new root pointer takes effect with nothing left of the old one.
 * Contexts go first: a request that still has one from before is too late
 * with what it finds in the tables (see walk_tables()).  The generation is
 * for what we know of domains; it moves as often as software likes, so the
 * entries really go.
 */
static void drop_translations(NyxVtd *vtd)
{
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        nyx_vtd_requester_drop_context(
            g_ptr_array_index(vtd->requesters, i), NULL, NULL);
    }
    nyx_tags_drop_all(&vtd->tags);
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        NyxVtdRequester *r = g_ptr_array_index(vtd->requesters, i);

        nyx_tlbs_clear(&r->tlbs);
    }
    tell_consumers(vtd);
    vtd->latched.need_context_flush = false;
    vtd->latched.need_iotlb_flush = false;
    nyx_vtd_announce_contexts(vtd, any_context, NULL);
    nyx_announce_pages(vtd->announce, true, 0, 0, UINT64_MAX);
}

/* Whether the unit has the translation table mode of the root pointer. */
static void act_srtp(NyxVtd *vtd, bool on)
{
    NyxVtdLatched *latched = &vtd->latched;
    uint64_t rtaddr = nyx_vtd_reg64(vtd, A_NVTD_RTADDR);

    /* Xen writes GSTS back and so repeats SRTP: the same is no change. */
    if (!latched->root_set || latched->rtaddr != rtaddr) {
        latched->need_context_flush = true;
        latched->need_iotlb_flush = true;
    }
    if (nyx_vtd_mode_of(vtd, rtaddr) == NVTD_TTM_RESERVED) {
        finding_at(vtd, NVTD_RULE_RTADDR_TTM, A_NVTD_RTADDR, rtaddr);
    }
    latched->root_set = true;
    qatomic_set(&latched->rtaddr, rtaddr);
    /* Abort mode has no use for the caches: nothing in them may hit. */
    if (vtd->cfg.esrtps || nyx_vtd_aborting(vtd)) {
        drop_translations(vtd);
    }
    gsts_set(vtd, R_NVTD_GCMD_SRTP_MASK, true);
}

static void act_sirtp(NyxVtd *vtd, bool on)
{
    NyxVtdLatched *latched = &vtd->latched;
    uint64_t irta = nyx_vtd_reg64(vtd, A_NVTD_IRTA);

    if (!vtd->cfg.esirtps &&
        (!latched->irt_set || latched->irta != irta)) {
        latched->need_iec_flush = true;
    }
    latched->irt_set = true;
    latched->irta = irta;
    if (vtd->cfg.esirtps) {
        vtd->iec_gen++;
        vtd->host.iec_changed(vtd->host.opaque, true, 0, 0);
    }
    gsts_set(vtd, R_NVTD_GCMD_SIRTP_MASK, true);
}

static void act_qie(NyxVtd *vtd, bool on)
{
    gsts_set(vtd, R_NVTD_GCMD_QIE_MASK, on);
    if (on) {
        vtd->latched.iqa = nyx_vtd_reg64(vtd, A_NVTD_IQA);
        nyx_vtd_queue_run(vtd);
        return;
    }
    if (nyx_vtd_reg64(vtd, A_NVTD_IQH) != nyx_vtd_reg64(vtd, A_NVTD_IQT)) {
        finding_at(vtd, NVTD_RULE_IQ_BUSY, A_NVTD_IQH,
                   nyx_vtd_reg64(vtd, A_NVTD_IQH));
    }
    nyx_reg_set(&vtd->regs, A_NVTD_IQH, 8, 0);
}

static void act_cfi(NyxVtd *vtd, bool on)
{
    gsts_set(vtd, R_NVTD_GCMD_CFI_MASK, on);
    vtd->host.iec_changed(vtd->host.opaque, true, 0, 0);
}

static void act_ire(NyxVtd *vtd, bool on)
{
    if (on && !vtd->latched.irt_set) {
        finding_at(vtd, NVTD_RULE_IRE_NO_TABLE, A_NVTD_GCMD, 0);
    } else if (on && vtd->latched.need_iec_flush) {
        finding_at(vtd, NVTD_RULE_SIRTP_NO_FLUSH, A_NVTD_GCMD, 0);
    }
    gsts_set(vtd, R_NVTD_GCMD_IRE_MASK, on);
    vtd->host.iec_changed(vtd->host.opaque, true, 0, 0);
}

static void act_te(NyxVtd *vtd, bool on)
{
    if (on && !vtd->latched.root_set) {
        finding_at(vtd, NVTD_RULE_TE_NO_ROOT, A_NVTD_GCMD, 0);
    } else if (on && (vtd->latched.need_context_flush ||
                      vtd->latched.need_iotlb_flush)) {
        finding_at(vtd, NVTD_RULE_SRTP_NO_FLUSH, A_NVTD_GCMD, 0);
    }
    gsts_set(vtd, R_NVTD_GCMD_TE_MASK, on);
    nyx_vtd_mode_update(vtd);
}

static const GcmdField gcmd_fields[] = {
    { R_NVTD_GCMD_SRTP_MASK,  true,  NULL,          act_srtp },
    { R_NVTD_GCMD_SIRTP_MASK, true,  offered_ir,    act_sirtp },
    { R_NVTD_GCMD_SFL_MASK,   true,  offered_never, NULL },
    { R_NVTD_GCMD_EAFL_MASK,  false, offered_never, NULL },
    { R_NVTD_GCMD_WBF_MASK,   true,  offered_wbf,   NULL },
    { R_NVTD_GCMD_QIE_MASK,   false, offered_queue, act_qie },
    { R_NVTD_GCMD_CFI_MASK,   false, offered_ir,    act_cfi },
    { R_NVTD_GCMD_IRE_MASK,   false, offered_ir,    act_ire },
    { R_NVTD_GCMD_TE_MASK,    false, offered_dma,   act_te },
};

uint32_t nyx_vtd_gsts_possible(const NyxVtdCfg *cfg)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(gcmd_fields); i++) {
        const GcmdField *field = &gcmd_fields[i];

        if (field->act && (!field->offered || field->offered(cfg))) {
            bits |= field->mask;
        }
    }
    return bits;
}

/* Whether a one-shot asks for something that is not so already. */
static bool one_shot_is_news(const NyxVtd *vtd, const GcmdField *field)
{
    switch (field->mask) {
    case R_NVTD_GCMD_SRTP_MASK:
        return !vtd->latched.root_set ||
               vtd->latched.rtaddr != nyx_vtd_reg64(vtd, A_NVTD_RTADDR);
    case R_NVTD_GCMD_SIRTP_MASK:
        return !vtd->latched.irt_set ||
               vtd->latched.irta != nyx_vtd_reg64(vtd, A_NVTD_IRTA);
    default:
        return true;
    }
}

/* 11.4.4: one field a write, and persistent enables are carried along. */
static void gcmd_judge(NyxVtd *vtd, uint32_t written)
{
    uint32_t gsts = nyx_vtd_reg32(vtd, A_NVTD_GSTS);
    unsigned changes = 0, sets = 0, drops = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(gcmd_fields); i++) {
        const GcmdField *field = &gcmd_fields[i];
        bool on = written & field->mask;
        bool was = gsts & field->mask;

        if (on && field->offered && !field->offered(&vtd->cfg)) {
            finding_at(vtd, NVTD_RULE_GCMD_NO_CAP, A_NVTD_GCMD, written);
            continue;
        }
        if (field->one_shot ? on && one_shot_is_news(vtd, field)
                            : on != was) {
            changes++;
            sets += on;
            drops += !on;
        }
    }
    if (sets && drops) {
        finding_at(vtd, NVTD_RULE_GCMD_DROPS_ENABLE, A_NVTD_GCMD, written);
    } else if (changes > 1) {
        finding_at(vtd, NVTD_RULE_GCMD_SEVERAL, A_NVTD_GCMD, written);
    }
}

static void gcmd_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask)
{
    NyxVtd *vtd = dev;

    vtd->stats.commands++;
    gcmd_judge(vtd, written);
    for (unsigned i = 0; i < ARRAY_SIZE(gcmd_fields); i++) {
        const GcmdField *field = &gcmd_fields[i];
        bool on = written & field->mask;
        bool was = nyx_vtd_reg32(vtd, A_NVTD_GSTS) & field->mask;

        if (!field->act || (field->offered && !field->offered(&vtd->cfg))) {
            continue;
        }
        if (field->one_shot ? on : on != was) {
            field->act(vtd, on);
        }
    }
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_COMMAND,
        .a = written,
        .b = nyx_vtd_reg32(vtd, A_NVTD_GSTS),
    });
}

/* Latch a protected range; a base above the limit protects nothing. */
static void latch_range(NyxVtdRange *range, bool on, uint64_t base,
                        uint64_t limit)
{
    qatomic_set(&range->first, on ? base : 1);
    qatomic_set(&range->last,
                on ? limit | MAKE_64BIT_MASK(0, NVTD_PMR_LG2) : 0);
}

void nyx_vtd_mode_update(NyxVtd *vtd)
{
    bool protect = nyx_vtd_reg32(vtd, A_NVTD_PMEN) & R_NVTD_PMEN_EPM_MASK;
    bool on = nyx_vtd_reg32(vtd, A_NVTD_GSTS) & R_NVTD_GCMD_TE_MASK;
    uint32_t mode = (on ? NVTD_MODE_TRANSLATE : 0) |
                    (protect ? NVTD_MODE_PROTECT : 0) |
                    (vtd->mode & NVTD_MODE_COUNT);

    latch_range(&vtd->protected[0], protect && vtd->cfg.protected_low,
                nyx_vtd_reg32(vtd, A_NVTD_PLMBASE),
                nyx_vtd_reg32(vtd, A_NVTD_PLMLIMIT));
    latch_range(&vtd->protected[1], protect && vtd->cfg.protected_high,
                nyx_vtd_reg64(vtd, A_NVTD_PHMBASE),
                nyx_vtd_reg64(vtd, A_NVTD_PHMLIMIT));
    qatomic_store_release(&vtd->mode, mode);
    nyx_announce_mode(vtd->announce);
    vtd->host.mode_changed(vtd->host.opaque);
    tell_consumers(vtd);
}

/* 11.4.16: PRS follows EPM, and the ranges in force change with it. */
static void pmen_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask)
{
    NyxVtd *vtd = dev;
    uint32_t pmen = nyx_vtd_reg32(vtd, A_NVTD_PMEN);

    pmen = FIELD_DP32(pmen, NVTD_PMEN, PRS, FIELD_EX32(pmen, NVTD_PMEN, EPM));
    nyx_reg_set(&vtd->regs, A_NVTD_PMEN, 4, pmen);
    nyx_vtd_mode_update(vtd);
}

/* 11.4.9: a queue that stopped goes on when its error bit is cleared. */
static void fsts_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask)
{
    NyxVtd *vtd = dev;

    nyx_vtd_status_update(vtd, NVTD_EVENT_FAULT);
    if (written & (R_NVTD_FSTS_IQE_MASK | R_NVTD_FSTS_ITE_MASK)) {
        nyx_vtd_queue_run(vtd);
    }
}

static void frcd_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask)
{
    nyx_vtd_status_update(dev, NVTD_EVENT_FAULT);
}

/* Control and status registers of an event block: arg is the block. */
static void event_written(void *dev, const NyxReg *reg, uint64_t written,
                          uint64_t mask)
{
    nyx_vtd_status_update(dev, reg->arg);
}

/* 11.4.23: the queue's address is locked while the queue is enabled. */
static void iqa_written(void *dev, const NyxReg *reg, uint64_t written,
                        uint64_t mask)
{
    NyxVtd *vtd = dev;

    if (nyx_vtd_reg32(vtd, A_NVTD_GSTS) & R_NVTD_GCMD_QIE_MASK) {
        finding_at(vtd, NVTD_RULE_IQ_LOCKED, A_NVTD_IQA, written);
        nyx_reg_set(&vtd->regs, A_NVTD_IQA, 8, vtd->latched.iqa);
    }
}

static void iva_written(void *dev, const NyxReg *reg, uint64_t written,
                        uint64_t mask)
{
    NyxVtd *vtd = dev;

    vtd->iva = ((vtd->iva & ~mask) | written) & reg->wo;
}

#define EVENT_REGS(prefix, ctl_, block)                                     \
    { #prefix "CTL", ctl_, 4, .reset = R_NVTD_EVCTL_IM_MASK,                \
      .rw = R_NVTD_EVCTL_IM_MASK, .ro = R_NVTD_EVCTL_IP_MASK,               \
      .written = event_written, .arg = block },                             \
    { #prefix "DATA", ctl_ + 4, 4, .rw = 0xffff },                          \
    { #prefix "ADDR", ctl_ + 8, 4, .rw = 0xfffffffc },                      \
    { #prefix "UADDR", ctl_ + 12, 4, .rw = 0xffffffff }

static const NyxReg rows[] = {
    { "VER", A_NVTD_VER, 4, .ro = 0xff },
    { "CAP", A_NVTD_CAP, 8, .ro = UINT64_MAX },
    { "ECAP", A_NVTD_ECAP, 8, .ro = UINT64_MAX },
    { "GCMD", A_NVTD_GCMD, 4, .wo = 0xff800000, .written = gcmd_written },
    { "GSTS", A_NVTD_GSTS, 4, .ro = 0xff800000 },
    { "RTADDR", A_NVTD_RTADDR, 8,
      .rw = R_NVTD_RTADDR_TTM_MASK | R_NVTD_RTADDR_RTA_MASK },
    { "CCMD", A_NVTD_CCMD, 8,
      .rw = R_NVTD_CCMD_DID_MASK | R_NVTD_CCMD_CIRG_MASK |
            R_NVTD_CCMD_ICC_MASK,
      .wo = NVTD_CCMD_WO_MASK,
      .ro = R_NVTD_CCMD_CAIG_MASK, .written = nyx_vtd_ccmd_written },
    /* Bits 2, 3 and 7 belonged to features that are not there: software
     * that clears everything it knows is not wrong. */
    { "FSTS", A_NVTD_FSTS, 4,
      .w1c = R_NVTD_FSTS_PFO_MASK | R_NVTD_FSTS_IQE_MASK |
             R_NVTD_FSTS_ICE_MASK | R_NVTD_FSTS_ITE_MASK,
      .ro = R_NVTD_FSTS_PPF_MASK | R_NVTD_FSTS_FRI_MASK |
            R_NVTD_FSTS_AFO_MASK | R_NVTD_FSTS_APF_MASK |
            R_NVTD_FSTS_DEP7_MASK,
      .written = fsts_written },
    EVENT_REGS(FE, A_NVTD_FECTL, NVTD_EVENT_FAULT),
    { "PMEN", A_NVTD_PMEN, 4, .rw = R_NVTD_PMEN_EPM_MASK,
      .ro = R_NVTD_PMEN_PRS_MASK, .written = pmen_written },
    { "PLMBASE", A_NVTD_PLMBASE, 4, .rw = 0xffe00000, .ro = 0x1fffff },
    { "PLMLIMIT", A_NVTD_PLMLIMIT, 4, .rw = 0xffe00000, .ro = 0x1fffff },
    { "PHMBASE", A_NVTD_PHMBASE, 8, .ro = UINT64_MAX },
    { "PHMLIMIT", A_NVTD_PHMLIMIT, 8, .ro = UINT64_MAX },
    { "IQH", A_NVTD_IQH, 8, .ro = R_NVTD_IQHT_Q_MASK },
    { "IQT", A_NVTD_IQT, 8, .rw = R_NVTD_IQHT_Q_MASK,
      .written = nyx_vtd_iqt_written },
    { "IQA", A_NVTD_IQA, 8, .rw = R_NVTD_IQA_QS_MASK | R_NVTD_IQA_IQA_MASK,
      .written = iqa_written },
    { "ICS", A_NVTD_ICS, 4, .w1c = R_NVTD_ICS_IWC_MASK,
      .written = event_written, .arg = NVTD_EVENT_INV_COMPLETION },
    EVENT_REGS(IE, A_NVTD_IECTL, NVTD_EVENT_INV_COMPLETION),
    { "IQERCD", A_NVTD_IQERCD, 8, .ro = UINT64_MAX },
    { "IRTA", A_NVTD_IRTA, 8,
      .rw = R_NVTD_IRTA_S_MASK | R_NVTD_IRTA_EIME_MASK |
            R_NVTD_IRTA_IRTA_MASK },
    { "IVA", A_NVTD_IVA, 8,
      .wo = R_NVTD_IVA_AM_MASK | R_NVTD_IVA_IH_MASK | R_NVTD_IVA_ADDR_MASK,
      .written = iva_written },
    { "IOTLB", A_NVTD_IOTLB, 8,
      .rw = R_NVTD_IOTLB_DID_MASK | R_NVTD_IOTLB_DW_MASK |
            R_NVTD_IOTLB_DR_MASK | R_NVTD_IOTLB_IIRG_MASK |
            R_NVTD_IOTLB_IVT_MASK,
      .ro = R_NVTD_IOTLB_IAIG_MASK, .written = nyx_vtd_iotlb_written },
};

static const NyxReg perf_event_rows[] = {
    EVENT_REGS(PERFINTR, A_NVTD_PERFINTRCTL, NVTD_EVENT_PERFMON),
    { "PERFINTRSTS", A_NVTD_PERFINTRSTS, 4,
      .w1c = R_NVTD_PERFINTRSTS_PIS_MASK, .written = event_written,
      .arg = NVTD_EVENT_PERFMON },
};

static const NyxReg page_rows[] = {
    { "PQH", A_NVTD_PQH, 8, .rw = R_NVTD_PQHT_Q_MASK },
    { "PQT", A_NVTD_PQT, 8, .rw = R_NVTD_PQHT_Q_MASK },
    { "PQA", A_NVTD_PQA, 8, .rw = R_NVTD_PQA_PQS_MASK | R_NVTD_PQA_PQA_MASK,
      .written = nyx_vtd_pqa_written },
    { "PRS", A_NVTD_PRS, 4,
      .w1c = R_NVTD_PRS_PPR_MASK | R_NVTD_PRS_PRO_MASK,
      .written = event_written, .arg = NVTD_EVENT_PAGE },
    EVENT_REGS(PE, A_NVTD_PECTL, NVTD_EVENT_PAGE),
};

static const NyxReg frcd_rows[] = {
    { "FRCD_LO", 0, 8, .ro = UINT64_MAX },
    { "FRCD_HI", 8, 8, .w1c = R_NVTD_FRCD_HI_F_MASK,
      .ro = ~R_NVTD_FRCD_HI_F_MASK, .written = frcd_written },
};

/* Of a feature that is not there: it reads as zero. */
static void row_blank(NyxReg *reg)
{
    reg->rw = reg->w1c = reg->ro = reg->reset = 0;
}

/* Make the general row fit the unit's capabilities. */
static void row_fit(const NyxVtdCfg *cfg, NyxReg *reg)
{
    uint64_t haw = MAKE_64BIT_MASK(0, cfg->haw_bits);
    uint64_t did = nyx_vtd_did_mask(cfg);

    switch (reg->offset) {
    case A_NVTD_VER:
        reg->reset = cfg->version ? cfg->version : 0x10;
        break;
    case A_NVTD_CAP:
        reg->reset = nyx_vtd_cap(cfg);
        break;
    case A_NVTD_ECAP:
        reg->reset = nyx_vtd_ecap(cfg);
        break;
    case A_NVTD_CCMD:
        reg->rw &= ~(uint64_t)R_NVTD_CCMD_DID_MASK | did;
        break;
    case A_NVTD_IOTLB:
        reg->rw &= ~R_NVTD_IOTLB_DID_MASK | did << R_NVTD_IOTLB_DID_SHIFT;
        break;
    case A_NVTD_PMEN:
        reg->rw = cfg->protected_low || cfg->protected_high ? reg->rw : 0;
        break;
    case A_NVTD_PLMBASE:
    case A_NVTD_PLMLIMIT:
        reg->rw = cfg->protected_low ? reg->rw : 0;
        break;
    case A_NVTD_PHMBASE:
    case A_NVTD_PHMLIMIT:
        reg->rw = cfg->protected_high
                  ? haw & ~MAKE_64BIT_MASK(0, NVTD_PMR_LG2) : 0;
        break;
    case A_NVTD_FEUADDR:
    case A_NVTD_IEUADDR:
    case A_NVTD_PEUADDR:
    case A_NVTD_PERFINTRCTL + 12:
        /* RsvdZ unless 32-bit APIC ids can be targets. */
        reg->rw = cfg->eim ? reg->rw : 0;
        break;
    case A_NVTD_IQH ... A_NVTD_IQT:
    case A_NVTD_ICS ... A_NVTD_IEADDR:
    case A_NVTD_IQERCD:
        if (!cfg->queue) {
            row_blank(reg);
        }
        break;
    case A_NVTD_IQA:
        if (!cfg->queue) {
            row_blank(reg);
        }
        reg->rw |= cfg->scalable_mode || cfg->abort_dma ? R_NVTD_IQA_DW_MASK
                                                         : 0;
        break;
    case A_NVTD_IRTA:
        if (!cfg->intremap) {
            reg->rw = 0;
        } else if (!cfg->eim) {
            reg->rw &= ~R_NVTD_IRTA_EIME_MASK;
        }
        break;
    }
}

static void mistake(void *dev, NyxRegMistake kind, uint64_t offset,
                    uint64_t value)
{
    static const NyxVtdRule rule[] = {
        [NYX_REG_UNALIGNED] = NVTD_RULE_REG_UNALIGNED,
        [NYX_REG_UNKNOWN] = NVTD_RULE_REG_UNKNOWN,
        [NYX_REG_READ_ONLY] = NVTD_RULE_REG_READ_ONLY,
        [NYX_REG_RESERVED] = NVTD_RULE_REG_RESERVED,
    };

    /* Zero in a register that reads as zero asks for nothing. */
    if (kind != NYX_REG_READ_ONLY || value) {
        finding_at(dev, rule[kind], offset, value);
    }
}

static void add_rows(NyxVtd *vtd, const NyxReg *row, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        row_fit(&vtd->cfg, nyx_regfile_add(&vtd->regs, &row[i]));
    }
}

void nyx_vtd_regs_init(NyxVtd *vtd)
{
    nyx_regfile_init(&vtd->regs, vtd, nyx_vtd_mmio_size(&vtd->cfg), mistake);
    add_rows(vtd, rows, ARRAY_SIZE(rows));
    if (vtd->cfg.page_requests) {
        add_rows(vtd, page_rows, ARRAY_SIZE(page_rows));
    }
    for (unsigned i = 0; i < vtd->cfg.fault_records; i++) {
        for (unsigned j = 0; j < ARRAY_SIZE(frcd_rows); j++) {
            NyxReg row = frcd_rows[j];

            row.offset += nyx_vtd_frcd(&vtd->cfg, i);
            nyx_regfile_add(&vtd->regs, &row);
        }
    }
    nyx_vtd_vcmd_init(vtd);
    if (vtd->cfg.perfmon) {
        add_rows(vtd, perf_event_rows, ARRAY_SIZE(perf_event_rows));
        nyx_vtd_perf_init(vtd);
    }
}

uint64_t nyx_vtd_mmio_read(NyxVtd *vtd, uint64_t offset, unsigned size)
{
    nyx_vtd_catch_up(vtd);
    nyx_vtd_perf_sync(vtd);
    if ((size != 4 && size != 8) || offset & (size - 1)) {
        finding_at(vtd, NVTD_RULE_REG_UNALIGNED, offset, 0);
    }
    return nyx_regfile_read(&vtd->regs, offset, size);
}

void nyx_vtd_mmio_write(NyxVtd *vtd, uint64_t offset, uint64_t value,
                        unsigned size)
{
    nyx_vtd_catch_up(vtd);
    nyx_vtd_perf_sync(vtd);
    nyx_regfile_write(&vtd->regs, offset, value, size);
}
