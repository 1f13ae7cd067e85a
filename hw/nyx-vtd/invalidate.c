/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Invalidation (6.5): what a command drops, the register interface and the
 * queue.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

/* Descriptors worked through before the main loop gets a turn. */
#define QUEUE_SLICE 256
/* Tables read, mappings announced, entries dropped that count as one more */
#define QUEUE_WORK 256

/* Ranges up to the whole address space, last inclusive. */
typedef struct PageRange {
    uint64_t first;
    uint64_t last;
    uint8_t lg2;
    bool leaf_only;          /* IH: tables were not changed */
} PageRange;

/* @am may be as large as its field. */
static PageRange page_range(uint64_t addr, uint8_t am, bool leaf_only)
{
    uint8_t lg2 = MIN(12 + am, 64);
    uint64_t mask = MAKE_64BIT_MASK(0, lg2);

    return (PageRange) {
        .first = addr & ~mask,
        .last = addr | mask,
        .lg2 = lg2,
        .leaf_only = leaf_only,
    };
}

/* @asid: NYX_ASID() of a domain, or NYX_ASID_PASID() of a PASID of it. */
typedef void RequesterFn(NyxVtdRequester *r, NyxAsid asid,
                         const PageRange *range);

static void foreach_requester(NyxVtd *vtd, RequesterFn *fn, NyxAsid asid,
                              const PageRange *range)
{
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        fn(g_ptr_array_index(vtd->requesters, i), asid, range);
    }
}

/* Whether requests without a PASID, which is what consumers make, are meant. */
static bool context_meant(uint64_t word, NyxAsid asid)
{
    /* A context that is not known may be of any domain. */
    if (!FIELD_EX64(word, NYX_CTX, VALID)) {
        return true;
    }
    if (asid & NYX_ASID_HAS_PASID) {
        return (nyx_ctx_word_asid(word) & ~NYX_ASID_PRIVILEGED) == asid;
    }
    return FIELD_EX64(word, NYX_CTX, DID) == asid;
}

/* 6.5.2.3: which devices' consumers have to forget what they know. */
static void notify(NyxVtdRequester *r, NyxAsid asid, const PageRange *range)
{
    if (r->notify && context_meant(qatomic_read(&r->ctx_word), asid)) {
        r->vtd->host.unmapped(r->vtd->host.opaque, r, range->first,
                              range->lg2);
    }
}

static void notify_any(NyxVtdRequester *r, NyxAsid asid,
                       const PageRange *range)
{
    if (r->notify) {
        r->vtd->host.unmapped(r->vtd->host.opaque, r, range->first,
                              range->lg2);
    }
}

static void drop_pages(NyxVtdRequester *r, NyxAsid asid,
                       const PageRange *range)
{
    nyx_tlbs_drop_pages(&r->tlbs, &r->vtd->tags, asid, range->first,
                        range->last, range->leaf_only);
}

void nyx_vtd_requester_drop_page(NyxVtdRequester *r, NyxAsid asid,
                                 uint64_t iova)
{
    const PageRange range = page_range(iova, 0, false);

    nyx_tags_pages(&r->vtd->tags);
    drop_pages(r, asid & ~NYX_ASID_PRIVILEGED, &range);
}

static void clear_requester(NyxVtdRequester *r, NyxAsid asid,
                            const PageRange *range)
{
    nyx_tlbs_clear(&r->tlbs);
}

/* @wrapping: a generation moved, and is about to come round. */
static void gen_moved(NyxVtd *vtd, bool wrapping)
{
    if (wrapping) {
        foreach_requester(vtd, clear_requester, 0, NULL);
    }
}

static const PageRange everything = { 0, UINT64_MAX, 64, false };

static void iotlb_global(NyxVtd *vtd)
{
    gen_moved(vtd, nyx_tags_drop_all(&vtd->tags));
    vtd->latched.need_iotlb_flush = false;
    foreach_requester(vtd, notify_any, 0, &everything);
    nyx_announce_pages(vtd->announce, true, 0, 0, UINT64_MAX);
}

static void drop_domain(NyxVtd *vtd, uint16_t did)
{
    gen_moved(vtd, nyx_tags_drop_domain(&vtd->tags, did));
    foreach_requester(vtd, notify, NYX_ASID(did), &everything);
}

static void iotlb_domain(NyxVtd *vtd, uint16_t did)
{
    drop_domain(vtd, did);
    nyx_announce_pages(vtd->announce, false, did, 0, UINT64_MAX);
}

/* 6.5.2.4: all of a PASID; others that share its generation go with it. */
static void iotlb_pasid(NyxVtd *vtd, NyxAsid asid)
{
    gen_moved(vtd, nyx_tags_drop_pasid(&vtd->tags, asid));
    foreach_requester(vtd, notify, asid, &everything);
}

/*
 * 6.5.2.3 for a domain: pages of the second stage.  Of nested translations
 * these are guest-physical ones, and the IOTLB knows those by what comes
 * before the first stage: which of them used the pages cannot be told, so
 * that all of a domain that nests have to go.
 */
static bool domain_nests(NyxVtd *vtd, NyxAsid asid)
{
    return !(asid & NYX_ASID_HAS_PASID) &&
           nyx_tags_nests(&vtd->tags, asid);
}

static void iotlb_pages(NyxVtd *vtd, NyxAsid asid, uint64_t addr, uint8_t am,
                        bool leaf_only)
{
    const PageRange range = page_range(addr, am, leaf_only);

    if (addr != range.first) {
        nyx_vtd_finding(vtd, NVTD_RULE_INV_ALIGN, (NyxWhere) {
            .has_addr = true, .addr = addr, .value = am,
        });
    }
    nyx_tags_pages(&vtd->tags);
    if (domain_nests(vtd, asid)) {
        drop_domain(vtd, asid);
    } else {
        foreach_requester(vtd, drop_pages, asid, &range);
        foreach_requester(vtd, notify, asid, &range);
    }
    if (!(asid & NYX_ASID_HAS_PASID)) {
        nyx_announce_pages(vtd->announce, false, asid, range.first,
                           range.last);
    }
}

/*
 * 6.5.2.3.  @gran is not NVTD_GRAN_RESERVED; @am is at most MAMV.
 */
static void iotlb_invalidate(NyxVtd *vtd, unsigned gran, uint16_t did,
                             uint64_t addr, uint8_t am, bool leaf_only)
{
    vtd->stats.inv_iotlb[gran]++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_INV_IOTLB,
        .gran = gran,
        .did = did,
        .addr = gran == NVTD_GRAN_PAGE ? addr : 0,
        .lg2 = gran == NVTD_GRAN_PAGE ? 12 + am : 64,
    });
    if (gran == NVTD_GRAN_GLOBAL) {
        iotlb_global(vtd);
    } else if (gran == NVTD_GRAN_DOMAIN) {
        iotlb_domain(vtd, did);
    } else {
        iotlb_pages(vtd, NYX_ASID(did), addr, am, leaf_only);
    }
}

typedef struct ContextCommand {
    unsigned gran;
    uint16_t did;
    uint16_t sid;
    unsigned fm;
} ContextCommand;

/* Entries are tagged with the domain they were loaded with. */
static bool command_names(uint64_t word, const void *opaque)
{
    const ContextCommand *command = opaque;

    if (command->gran == NVTD_GRAN_GLOBAL) {
        return true;
    }
    /* A context entry of scalable mode has no domain. */
    return (FIELD_EX64(word, NYX_CTX, SCALABLE) ||
            FIELD_EX64(word, NYX_CTX, DID) == command->did) &&
           (command->gran == NVTD_GRAN_DOMAIN ||
            nyx_vtd_sid_matches(FIELD_EX64(word, NYX_CTX, SID), command->sid,
                                command->fm));
}

static void context_invalidate(NyxVtd *vtd, unsigned gran, uint16_t did,
                               uint16_t sid, unsigned fm)
{
    const ContextCommand command = { gran, did, sid, fm };

    vtd->stats.inv_context[gran]++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_INV_CONTEXT, .gran = gran, .did = did, .sid = sid,
    });
    if (gran == NVTD_GRAN_GLOBAL) {
        vtd->latched.need_context_flush = false;
    }
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        NyxVtdRequester *r = g_ptr_array_index(vtd->requesters, i);

        /*
         * Its consumers may hold pages of the old tables.  They hear of it
         * now: when the old domain is flushed, @r may be known as one of the
         * new domain.
         */
        if (nyx_vtd_requester_drop_context(r, command_names, &command)) {
            notify_any(r, did, &everything);
        }
    }
    nyx_vtd_announce_contexts(vtd, command_names, &command);
}

/* Whose entry of the PASID table changed: reading one too many does no harm. */
static bool any_context(uint64_t word, const void *opaque)
{
    return true;
}

/* 6.5.2.2.  @gran is one of NVTD_PASID_GRAN_*. */
static void pasid_invalidate(NyxVtd *vtd, unsigned gran, uint16_t did,
                             uint32_t pasid)
{
    vtd->stats.inv_pasid_cache[gran]++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_INV_PASID_CACHE, .gran = gran, .did = did,
        .a = pasid,
    });
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        NyxVtdRequester *r = g_ptr_array_index(vtd->requesters, i);

        /* As with context_invalidate(). */
        if (nyx_vtd_requester_drop_pasid(r, gran, did, pasid)) {
            notify_any(r, NYX_ASID(did), &everything);
        }
    }
    nyx_vtd_announce_contexts(vtd, any_context, NULL);
}

void nyx_vtd_caches_clear(NyxVtd *vtd)
{
    nyx_tags_drop_all(&vtd->tags);
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        NyxVtdRequester *r = g_ptr_array_index(vtd->requesters, i);

        nyx_vtd_requester_drop_context(r, NULL, NULL);
        clear_requester(r, 0, NULL);
    }
    vtd->iec_gen++;
    nyx_cache_clear(&vtd->iec);
}

/*
 * CAP.PSI and CAP.MAMV: whether a command for pages can be done.  Where no
 * command is page-selective it becomes one for the domain, which is more.
 */
static bool pages_ok(NyxVtd *vtd, unsigned *gran, unsigned am,
                     NyxWhere where)
{
    if (*gran != NVTD_GRAN_PAGE) {
        return true;
    }
    if (!vtd->cfg.psi) {
        nyx_vtd_finding(vtd, NVTD_RULE_INV_NO_PAGES, where);
        *gran = NVTD_GRAN_DOMAIN;
        return true;
    }
    return am <= vtd->cfg.mamv;
}

/* CAP.ND: the rest of a domain id is ignored. */
static uint16_t known_did(NyxVtd *vtd, unsigned did)
{
    uint16_t mask = nyx_vtd_did_mask(&vtd->cfg);

    if (did & ~mask) {
        nyx_vtd_finding(vtd, NVTD_RULE_INV_DOMAIN,
                        nyx_vtd_at_reg(A_NVTD_IQH, did));
    }
    return did & mask;
}

/* 6.5.1: the registers are for units whose queue is off, in legacy mode. */
static bool register_interface_ok(NyxVtd *vtd, uint32_t offset,
                                  uint64_t written)
{
    if (nyx_vtd_reg32(vtd, A_NVTD_GSTS) & R_NVTD_GCMD_QIE_MASK) {
        nyx_vtd_finding(vtd, NVTD_RULE_CMD_WITH_QI,
                        nyx_vtd_at_reg(offset, written));
        return false;
    }
    return FIELD_EX64(vtd->latched.rtaddr, NVTD_RTADDR, TTM) ==
           NVTD_TTM_LEGACY;
}

void nyx_vtd_ccmd_written(void *dev, const NyxReg *reg, uint64_t written,
                          uint64_t mask)
{
    NyxVtd *vtd = dev;
    uint64_t ccmd = nyx_vtd_reg64(vtd, A_NVTD_CCMD);
    unsigned gran = FIELD_EX64(ccmd, NVTD_CCMD, CIRG);
    unsigned done = NVTD_GRAN_RESERVED;

    vtd->ccmd = ((vtd->ccmd & ~mask) | written) & NVTD_CCMD_WO_MASK;
    if (!(written & R_NVTD_CCMD_ICC_MASK)) {
        return;
    }
    if (gran == NVTD_GRAN_RESERVED) {
        nyx_vtd_finding(vtd, NVTD_RULE_CCMD_GRAN,
                        nyx_vtd_at_reg(A_NVTD_CCMD, ccmd));
    } else if (register_interface_ok(vtd, A_NVTD_CCMD, ccmd)) {
        context_invalidate(vtd, gran, FIELD_EX64(ccmd, NVTD_CCMD, DID),
                           FIELD_EX64(vtd->ccmd, NVTD_CCMD, SID),
                           FIELD_EX64(vtd->ccmd, NVTD_CCMD, FM));
        done = gran;
    }
    ccmd &= ~R_NVTD_CCMD_ICC_MASK;
    ccmd = FIELD_DP64(ccmd, NVTD_CCMD, CAIG, done);
    nyx_reg_set(&vtd->regs, A_NVTD_CCMD, 8, ccmd);
}

void nyx_vtd_iotlb_written(void *dev, const NyxReg *reg, uint64_t written,
                           uint64_t mask)
{
    NyxVtd *vtd = dev;
    uint64_t cmd = nyx_vtd_reg64(vtd, A_NVTD_IOTLB);
    unsigned gran = FIELD_EX64(cmd, NVTD_IOTLB, IIRG);
    unsigned am = FIELD_EX64(vtd->iva, NVTD_IVA, AM);
    unsigned done = NVTD_GRAN_RESERVED;

    if (!(written & R_NVTD_IOTLB_IVT_MASK)) {
        return;
    }
    if (gran == NVTD_GRAN_RESERVED) {
        nyx_vtd_finding(vtd, NVTD_RULE_IOTLB_GRAN,
                        nyx_vtd_at_reg(A_NVTD_IOTLB, cmd));
    } else if (!pages_ok(vtd, &gran, am, nyx_vtd_at_reg(A_NVTD_IOTLB, cmd))) {
        nyx_vtd_finding(vtd, NVTD_RULE_INV_MASK,
                        nyx_vtd_at_reg(A_NVTD_IVA, vtd->iva));
    } else if (register_interface_ok(vtd, A_NVTD_IOTLB, cmd)) {
        iotlb_invalidate(vtd, gran, FIELD_EX64(cmd, NVTD_IOTLB, DID),
                         vtd->iva & R_NVTD_IVA_ADDR_MASK, am,
                         FIELD_EX64(vtd->iva, NVTD_IVA, IH));
        done = gran;
    }
    cmd &= ~R_NVTD_IOTLB_IVT_MASK;
    cmd = FIELD_DP64(cmd, NVTD_IOTLB, IAIG, done);
    nyx_reg_set(&vtd->regs, A_NVTD_IOTLB, 8, cmd);
}

/* The mistake that each IQEI stands for. */
static const NyxVtdRule iqei_rules[] = {
    [NVTD_IQEI_BAD_TAIL] = NVTD_RULE_IQ_TAIL,
    [NVTD_IQEI_FETCH] = NVTD_RULE_IQ_FETCH,
    [NVTD_IQEI_TYPE] = NVTD_RULE_IQ_TYPE,
    [NVTD_IQEI_RESERVED] = NVTD_RULE_IQ_RESERVED,
    [NVTD_IQEI_WIDTH] = NVTD_RULE_IQ_WIDTH,
    [NVTD_IQEI_TAIL_ALIGN] = NVTD_RULE_IQ_TAIL_ALIGN,
    [NVTD_IQEI_TTM] = NVTD_RULE_IQ_MODE,
};

/* 6.5.2.10: record the reason of the first error; the queue stops. */
static void queue_error(NyxVtd *vtd, unsigned iqei, uint64_t value)
{
    uint64_t head = nyx_vtd_reg64(vtd, A_NVTD_IQH);
    uint64_t record = nyx_vtd_reg64(vtd, A_NVTD_IQERCD);

    record = FIELD_DP64(record, NVTD_IQERCD, IQEI, iqei);
    nyx_reg_set(&vtd->regs, A_NVTD_IQERCD, 8, record);
    vtd->stats.queue_errors++;
    nyx_vtd_finding(vtd, iqei_rules[iqei], nyx_vtd_at_reg(A_NVTD_IQH, value));
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_QUEUE_ERROR, .a = iqei, .b = head,
    });
    nyx_vtd_status_set(vtd, NVTD_EVENT_FAULT, R_NVTD_FSTS_IQE_MASK);
}

/* What a descriptor's handler found. */
typedef enum DescResult {
    DESC_DONE,
    DESC_ILLEGAL,            /* a value that is not allowed: IQE */
    DESC_STOP,               /* done, and nothing more is fetched (ITE) */
} DescResult;

static DescResult desc_context(NyxVtd *vtd, const uint64_t *desc)
{
    unsigned gran = FIELD_EX64(desc[0], NVTD_D1, G);

    if (gran == NVTD_GRAN_RESERVED) {
        return DESC_ILLEGAL;
    }
    context_invalidate(vtd, gran,
                       gran == NVTD_GRAN_GLOBAL ? 0 :
                       known_did(vtd, FIELD_EX64(desc[0], NVTD_D1, DID)),
                       FIELD_EX64(desc[0], NVTD_D1, SID),
                       FIELD_EX64(desc[0], NVTD_D1, FM));
    return DESC_DONE;
}

static DescResult desc_iotlb(NyxVtd *vtd, const uint64_t *desc)
{
    unsigned gran = FIELD_EX64(desc[0], NVTD_D2, G);
    unsigned am = FIELD_EX64(desc[1], NVTD_D2H, AM);

    /* AM has a meaning for pages only. */
    if (gran == NVTD_GRAN_RESERVED ||
        !pages_ok(vtd, &gran, am, nyx_vtd_at_reg(A_NVTD_IQH, desc[0]))) {
        return DESC_ILLEGAL;
    }
    iotlb_invalidate(vtd, gran,
                     gran == NVTD_GRAN_GLOBAL ? 0 :
                     known_did(vtd, FIELD_EX64(desc[0], NVTD_D2, DID)),
                     desc[1] & R_NVTD_D2H_ADDR_MASK, am,
                     FIELD_EX64(desc[1], NVTD_D2H, IH));
    return DESC_DONE;
}

static DescResult desc_pasid_cache(NyxVtd *vtd, const uint64_t *desc)
{
    unsigned gran = FIELD_EX64(desc[0], NVTD_D7, G);

    if (gran != NVTD_PASID_GRAN_DOMAIN && gran != NVTD_PASID_GRAN_PASID &&
        gran != NVTD_PASID_GRAN_GLOBAL) {
        return DESC_ILLEGAL;
    }
    pasid_invalidate(vtd, gran,
                     gran == NVTD_PASID_GRAN_GLOBAL ? 0 :
                     known_did(vtd, FIELD_EX64(desc[0], NVTD_D7, DID)),
                     FIELD_EX64(desc[0], NVTD_D7, PASID));
    return DESC_DONE;
}

/* 6.5.2.4: unlike elsewhere MAMV is no limit of AM. */
static DescResult desc_pasid_iotlb(NyxVtd *vtd, const uint64_t *desc)
{
    unsigned gran = FIELD_EX64(desc[0], NVTD_D6, G);
    uint16_t did = FIELD_EX64(desc[0], NVTD_D6, DID);
    uint32_t pasid = FIELD_EX64(desc[0], NVTD_D6, PASID);
    unsigned am = FIELD_EX64(desc[1], NVTD_D6H, AM);
    uint64_t addr = desc[1] & R_NVTD_D6H_ADDR_MASK;
    bool by_page = gran == NVTD_PIOTLB_GRAN_PAGE;

    if (!by_page && gran != NVTD_PIOTLB_GRAN_PASID) {
        return DESC_ILLEGAL;
    }
    did = known_did(vtd, did);
    vtd->stats.inv_pasid_iotlb[gran]++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_INV_PASID_IOTLB,
        .gran = gran,
        .did = did,
        .a = pasid,
        .addr = by_page ? addr : 0,
        .lg2 = by_page ? MIN(12 + am, 64) : 64,
    });
    if (by_page) {
        iotlb_pages(vtd, NYX_ASID_PASID(did, pasid), addr, am,
                    FIELD_EX64(desc[1], NVTD_D6H, IH));
    } else {
        iotlb_pasid(vtd, NYX_ASID_PASID(did, pasid));
    }
    return DESC_DONE;
}

/* 6.5.2.5: with S, the trailing ones of the address give the size. */
static void ats_range(uint64_t word, bool s, uint64_t *addr, uint8_t *lg2)
{
    uint64_t pages = word >> 12;

    *lg2 = 12;
    if (s) {
        *lg2 = 13 + cto64(pages);
    }
    *lg2 = MIN(*lg2, 64);
    *addr = *lg2 == 64 ? 0 : (word & ~MAKE_64BIT_MASK(0, *lg2));
}

static void set_queue_sid(NyxVtd *vtd, uint32_t fsts_bit, uint64_t shift,
                          uint16_t sid)
{
    uint64_t record = nyx_vtd_reg64(vtd, A_NVTD_IQERCD);

    if (!(nyx_vtd_reg32(vtd, A_NVTD_FSTS) & fsts_bit)) {
        record = deposit64(record, shift, 16, sid);
        nyx_reg_set(&vtd->regs, A_NVTD_IQERCD, 8, record);
    }
    nyx_vtd_status_set(vtd, NVTD_EVENT_FAULT, fsts_bit);
}

static void device_tlb_send(NyxVtd *vtd, const NyxVtdDeviceTlb *inv)
{
    NyxVtdAtsAnswer reply = vtd->host.device_tlb(vtd->host.opaque, inv);

    if (reply == NYX_VTD_ATS_SILENT) {
        nyx_vtd_finding(vtd, NVTD_RULE_DEVTLB_SILENT, (NyxWhere) {
            .has_sid = true, .sid = inv->sid,
            .has_addr = true, .addr = inv->addr,
        });
        vtd->latched.ats_silent = true;
        vtd->latched.ats_silent_sid = inv->sid;
    } else if (reply == NYX_VTD_ATS_BAD) {
        set_queue_sid(vtd, R_NVTD_FSTS_ICE_MASK, R_NVTD_IQERCD_ICESID_SHIFT,
                      inv->sid);
    }
}

static DescResult desc_device_tlb(NyxVtd *vtd, const uint64_t *desc)
{
    NyxVtdDeviceTlb inv = { .sid = FIELD_EX64(desc[0], NVTD_D3, SID) };

    ats_range(desc[1], FIELD_EX64(desc[1], NVTD_D3H, S), &inv.addr, &inv.lg2);
    vtd->stats.inv_device_tlb++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_INV_DEVTLB, .sid = inv.sid, .addr = inv.addr,
        .lg2 = inv.lg2,
    });
    device_tlb_send(vtd, &inv);
    return DESC_DONE;
}

static DescResult desc_pasid_device_tlb(NyxVtd *vtd, const uint64_t *desc)
{
    NyxVtdDeviceTlb inv = {
        .sid = FIELD_EX64(desc[0], NVTD_D8, SID),
        .has_pasid = true,
        .pasid = FIELD_EX64(desc[0], NVTD_D8, PASID),
        .global = FIELD_EX64(desc[1], NVTD_D8H, G),
    };

    ats_range(desc[1], FIELD_EX64(desc[1], NVTD_D8H, S), &inv.addr, &inv.lg2);
    vtd->stats.inv_pasid_device_tlb++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_INV_PASID_DEVTLB, .sid = inv.sid,
        .addr = inv.addr, .lg2 = inv.lg2, .a = inv.pasid, .b = inv.global,
    });
    device_tlb_send(vtd, &inv);
    return DESC_DONE;
}

/* 7.6.1 */
static DescResult desc_page_response(NyxVtd *vtd, const uint64_t *desc)
{
    const NyxVtdPageResponse response = {
        .sid = FIELD_EX64(desc[0], NVTD_D9, RID),
        .has_pasid = FIELD_EX64(desc[0], NVTD_D9, PP),
        .pasid = FIELD_EX64(desc[0], NVTD_D9, PASID),
        .group = FIELD_EX64(desc[1], NVTD_D9H, PRGI),
        .code = FIELD_EX64(desc[0], NVTD_D9, RC),
    };

    if (response.code != NYX_VTD_PAGE_SUCCESS &&
        response.code != NYX_VTD_PAGE_INVALID &&
        response.code != NYX_VTD_PAGE_FAILURE) {
        return DESC_ILLEGAL;
    }
    nyx_vtd_page_respond(vtd, &response, false);
    return DESC_DONE;
}

/* A device-TLB invalidation ran out of time: the waits behind it are lost. */
static void invalidation_timeout(NyxVtd *vtd)
{
    vtd->latched.ats_silent = false;
    set_queue_sid(vtd, R_NVTD_FSTS_ITE_MASK, R_NVTD_IQERCD_ITESID_SHIFT,
                  vtd->latched.ats_silent_sid);
}

static DescResult desc_iec(NyxVtd *vtd, const uint64_t *desc)
{
    bool by_index = FIELD_EX64(desc[0], NVTD_D4, G);
    unsigned im = FIELD_EX64(desc[0], NVTD_D4, IM);
    uint32_t index = FIELD_EX64(desc[0], NVTD_D4, IIDX);
    uint32_t count = 1u << MIN(im, 16);

    if (by_index && im > vtd->cfg.mhmv) {
        return DESC_ILLEGAL;
    }
    index &= ~(count - 1);
    vtd->stats.inv_iec[by_index]++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_INV_IEC, .gran = by_index, .a = index, .b = im,
    });
    if (!by_index) {
        vtd->iec_gen++;
        vtd->latched.need_iec_flush = false;
    }
    for (uint32_t i = 0; by_index && i < count; i++) {
        nyx_cache_drop(&vtd->iec, (NyxCacheKey) { .addr = index + i });
        vtd->entries_dropped++;
    }
    vtd->host.iec_changed(vtd->host.opaque, !by_index, index, count);
    return DESC_DONE;
}

static DescResult desc_wait(NyxVtd *vtd, const uint64_t *desc)
{
    uint64_t addr = desc[1] & R_NVTD_D5H_ADDR_MASK;
    uint32_t data = FIELD_EX64(desc[0], NVTD_D5, DATA);
    bool store = FIELD_EX64(desc[0], NVTD_D5, SW);
    bool interrupt = FIELD_EX64(desc[0], NVTD_D5, IF);
    bool pages = FIELD_EX64(desc[0], NVTD_D5, PD);

    if (pages && !vtd->cfg.page_requests) {
        return DESC_ILLEGAL;
    }
    if (vtd->latched.ats_silent) {
        invalidation_timeout(vtd);
        return DESC_STOP;
    }
    vtd->stats.waits++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_WAIT, .addr = addr, .a = data,
        .b = desc[0] & 0xf0,
    });
    if (pages) {
        /* 7.10: what has arrived is in the queue when the wait is over. */
        nyx_vtd_pages_drain(vtd);
    }
    if (!store && !interrupt && !pages && !FIELD_EX64(desc[0], NVTD_D5, FN)) {
        nyx_vtd_finding(vtd, NVTD_RULE_IQ_WAIT_IDLE,
                        nyx_vtd_at_reg(A_NVTD_IQH, desc[0]));
    }
    /* The store comes first, then the event (6.5.2.8). */
    if (store && !nyx_mem_write_le32(&vtd->host.mem, addr, data)) {
        nyx_vtd_finding(vtd, NVTD_RULE_IQ_WAIT_STORE, (NyxWhere) {
            .has_addr = true, .addr = addr, .value = data,
        });
    }
    if (interrupt) {
        nyx_vtd_status_set(vtd, NVTD_EVENT_INV_COMPLETION,
                           R_NVTD_ICS_IWC_MASK);
    }
    return DESC_DONE;
}

static bool with_device_tlb(const NyxVtdCfg *cfg)
{
    return cfg->device_iotlb;
}

static bool with_page_requests(const NyxVtdCfg *cfg)
{
    return cfg->page_requests;
}

static bool with_ir(const NyxVtdCfg *cfg)
{
    return cfg->intremap;
}

/* 6.5.2: the descriptor types, their reserved bits, what they need. */
typedef struct DescKind {
    uint64_t mbz[2];
    bool (*offered)(const NyxVtdCfg *cfg);
    DescResult (*run)(NyxVtd *vtd, const uint64_t *desc);
    bool scalable;           /* of units, and in the mode */
} DescKind;

static const DescKind desc_kinds[NVTD_DESC_TYPES] = {
    [NVTD_DESC_CONTEXT] = {
        { NYX_MBZ_MASK(NVTD_D1_W0), UINT64_MAX }, NULL, desc_context,
    },
    [NVTD_DESC_IOTLB] = {
        { NYX_MBZ_MASK(NVTD_D2_W0), NYX_MBZ_MASK(NVTD_D2_W1) },
        NULL, desc_iotlb,
    },
    [NVTD_DESC_DEVICE_TLB] = {
        { NYX_MBZ_MASK(NVTD_D3_W0), NYX_MBZ_MASK(NVTD_D3_W1) },
        with_device_tlb, desc_device_tlb,
    },
    [NVTD_DESC_IEC] = {
        { NYX_MBZ_MASK(NVTD_D4_W0), UINT64_MAX }, with_ir, desc_iec,
    },
    [NVTD_DESC_WAIT] = {
        { NYX_MBZ_MASK(NVTD_D5_W0), NYX_MBZ_MASK(NVTD_D5_W1) },
        NULL, desc_wait,
    },
    [NVTD_DESC_PASID_IOTLB] = {
        { NYX_MBZ_MASK(NVTD_D6_W0), NYX_MBZ_MASK(NVTD_D6_W1) },
        NULL, desc_pasid_iotlb, .scalable = true,
    },
    [NVTD_DESC_PASID_CACHE] = {
        { NYX_MBZ_MASK(NVTD_D7_W0), UINT64_MAX },
        NULL, desc_pasid_cache, .scalable = true,
    },
    [NVTD_DESC_PASID_DEVICE_TLB] = {
        { NYX_MBZ_MASK(NVTD_D8_W0), NYX_MBZ_MASK(NVTD_D8_W1) },
        with_device_tlb, desc_pasid_device_tlb, .scalable = true,
    },
    [NVTD_DESC_PAGE_RESPONSE] = {
        { NYX_MBZ_MASK(NVTD_D9_W0), NYX_MBZ_MASK(NVTD_D9_W1) },
        with_page_requests, desc_page_response, .scalable = true,
    },
};

static unsigned desc_type(uint64_t lo)
{
    return extract64(lo, 0, NVTD_DESC_TYPE_LO_LEN) |
           extract64(lo, NVTD_DESC_TYPE_HI_SHIFT, NVTD_DESC_TYPE_HI_LEN)
           << NVTD_DESC_TYPE_LO_LEN;
}

static unsigned desc_bytes(const NyxVtd *vtd)
{
    return NVTD_DESC_BYTES(FIELD_EX64(vtd->latched.iqa, NVTD_IQA, DW));
}

/* 6.5.2.10: whether the descriptor may be run; else *@kind is NULL. */
static unsigned desc_check(const NyxVtd *vtd,
                           const uint64_t desc[NVTD_DESC_MAX_WORDS],
                           const DescKind **kind)
{
    unsigned type = desc_type(desc[0]);
    const DescKind *k = type < NVTD_DESC_TYPES ? &desc_kinds[type] : NULL;

    *kind = NULL;
    if (!k || !k->run || (k->offered && !k->offered(&vtd->cfg)) ||
        (k->scalable && !vtd->cfg.scalable_mode)) {
        return NVTD_IQEI_TYPE;
    }
    if (k->scalable && !nyx_vtd_scalable(vtd) && !nyx_vtd_aborting(vtd)) {
        return NVTD_IQEI_TTM;
    }
    if ((desc[0] & k->mbz[0]) || (desc[1] & k->mbz[1]) || desc[2] || desc[3]) {
        return NVTD_IQEI_RESERVED;
    }
    *kind = k;
    return NVTD_IQEI_NONE;
}

/* Fetch and run the descriptor at @head.  False if the queue stops there. */
static bool queue_step(NyxVtd *vtd, uint64_t head, DescResult *result)
{
    uint64_t addr = (vtd->latched.iqa & R_NVTD_IQA_IQA_MASK) + head;
    uint64_t desc[NVTD_DESC_MAX_WORDS] = { };
    unsigned bytes = desc_bytes(vtd);
    const DescKind *kind;
    unsigned iqei;

    if (bytes == NVTD_DESC_BYTES(0) &&
        (nyx_vtd_scalable(vtd) || nyx_vtd_aborting(vtd))) {
        queue_error(vtd, NVTD_IQEI_WIDTH, vtd->latched.iqa);
        return false;
    }
    if (!nyx_mem_read_le64(&vtd->host.mem, addr, desc,
                           bytes / sizeof(desc[0]))) {
        queue_error(vtd, NVTD_IQEI_FETCH, addr);
        return false;
    }
    iqei = desc_check(vtd, desc, &kind);
    if (kind) {
        *result = kind->run(vtd, desc);
        iqei = *result == DESC_ILLEGAL ? NVTD_IQEI_RESERVED : NVTD_IQEI_NONE;
    }
    if (iqei != NVTD_IQEI_NONE) {
        queue_error(vtd, iqei, desc[0]);
        return false;
    }
    return true;
}

static bool queue_stopped(const NyxVtd *vtd)
{
    return !(nyx_vtd_reg32(vtd, A_NVTD_GSTS) & R_NVTD_GCMD_QIE_MASK) ||
           (nyx_vtd_reg32(vtd, A_NVTD_FSTS) &
            (R_NVTD_FSTS_IQE_MASK | R_NVTD_FSTS_ITE_MASK));
}

/* What commands took so far, beside being commands. */
static uint64_t work_done(const NyxVtd *vtd)
{
    return (nyx_announce_work(vtd->announce) + vtd->entries_dropped) /
           QUEUE_WORK;
}

void nyx_vtd_queue_run(NyxVtd *vtd)
{
    uint64_t size = 4096ULL << FIELD_EX64(vtd->latched.iqa, NVTD_IQA, QS);
    uint64_t budget = work_done(vtd) + QUEUE_SLICE;
    unsigned bytes = desc_bytes(vtd);
    unsigned done = 0;
    DescResult result = DESC_DONE;

    while (!queue_stopped(vtd)) {
        uint64_t head = nyx_vtd_reg64(vtd, A_NVTD_IQH);
        uint64_t tail = nyx_vtd_reg64(vtd, A_NVTD_IQT);

        if (tail >= size) {
            queue_error(vtd, NVTD_IQEI_BAD_TAIL, tail);
            return;
        }
        if (tail % bytes) {
            queue_error(vtd, NVTD_IQEI_TAIL_ALIGN, tail);
            return;
        }
        if (head == tail) {
            if (vtd->latched.ats_silent) {
                invalidation_timeout(vtd);
            }
            return;
        }
        if (work_done(vtd) + done++ >= budget) {
            vtd->host.kick(vtd->host.opaque);
            return;
        }
        if (!queue_step(vtd, head, &result)) {
            return;
        }
        nyx_reg_set(&vtd->regs, A_NVTD_IQH, 8, (head + bytes) % size);
        if (result == DESC_STOP) {
            return;
        }
    }
}

void nyx_vtd_iqt_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask)
{
    /* The upper half holds no tail bits: a doorbell is the lower one. */
    if (mask & R_NVTD_IQHT_Q_MASK) {
        nyx_vtd_queue_run(dev);
    }
}
