/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Invalidation (6.5): what a command drops, the register interface and the
 * queue.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

/* Descriptors worked through before the main loop gets a turn. */
#define QUEUE_SLICE 256
/* Tables read and mappings announced that count as one more of them */
#define QUEUE_WORK 256

/* Ranges up to the whole address space, last inclusive. */
typedef struct PageRange {
    uint64_t first;
    uint64_t last;
    uint8_t lg2;
    bool leaf_only;          /* IH: tables were not changed */
} PageRange;

typedef void RequesterFn(NyxVtdRequester *r, uint16_t did,
                         const PageRange *range);

static void foreach_requester(NyxVtd *vtd, RequesterFn *fn, uint16_t did,
                              const PageRange *range)
{
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        fn(g_ptr_array_index(vtd->requesters, i), did, range);
    }
}

/* 6.5.2.3: which devices' consumers have to forget what they know. */
static void notify(NyxVtdRequester *r, uint16_t did, const PageRange *range)
{
    uint64_t word = qatomic_read(&r->ctx_word);

    /* A context that is not known may be of any domain. */
    if (r->notify &&
        (!FIELD_EX64(word, NYX_CTX, VALID) ||
         FIELD_EX64(word, NYX_CTX, DID) == did)) {
        r->vtd->host.unmapped(r->vtd->host.opaque, r, range->first,
                              range->lg2);
    }
}

static void notify_any(NyxVtdRequester *r, uint16_t did,
                       const PageRange *range)
{
    if (r->notify) {
        r->vtd->host.unmapped(r->vtd->host.opaque, r, range->first,
                              range->lg2);
    }
}

static void drop_pages(NyxVtdRequester *r, uint16_t did,
                       const PageRange *range)
{
    uint32_t gen = nyx_vtd_gen(r->vtd, NYX_ASID(did));

    if (!(qatomic_read(&r->domains) & NYX_VTD_DOMAIN_BIT(did))) {
        return;
    }
    /*
     * Tables first: a walk that starts from one that is about to go has its
     * ticket for the IOTLB already, and is refused there.
     */
    if (!range->leaf_only) {
        nyx_iotlb_drop_range(r->tables, NYX_ASID(did), gen, range->first,
                             range->last);
    }
    nyx_iotlb_drop_range(r->tlb, NYX_ASID(did), gen, range->first,
                         range->last);
}

static void clear_requester(NyxVtdRequester *r, uint16_t did,
                            const PageRange *range)
{
    nyx_iotlb_clear(r->tables);
    nyx_iotlb_clear(r->tlb);
}

/* A generation moved; long before one can come round, really clear. */
static void gen_moved(NyxVtd *vtd)
{
    if (++vtd->bumps == 1u << 31) {
        vtd->bumps = 0;
        foreach_requester(vtd, clear_requester, 0, NULL);
    }
}

static const PageRange everything = { 0, UINT64_MAX, 64, false };

static void iotlb_global(NyxVtd *vtd)
{
    qatomic_store_release(&vtd->global_gen, vtd->global_gen + 1);
    gen_moved(vtd);
    vtd->latched.need_iotlb_flush = false;
    foreach_requester(vtd, notify_any, 0, &everything);
    nyx_vtd_announce_pages(vtd, true, 0, 0, UINT64_MAX);
}

static void iotlb_domain(NyxVtd *vtd, uint16_t did)
{
    qatomic_store_release(&vtd->domain_gen[did], vtd->domain_gen[did] + 1);
    gen_moved(vtd);
    foreach_requester(vtd, notify, did, &everything);
    nyx_vtd_announce_pages(vtd, false, did, 0, UINT64_MAX);
}

static void iotlb_pages(NyxVtd *vtd, uint16_t did, uint64_t addr, uint8_t am,
                        bool leaf_only)
{
    uint64_t mask = MAKE_64BIT_MASK(0, 12 + am);
    const PageRange range = {
        .first = addr & ~mask,
        .last = addr | mask,
        .lg2 = 12 + am,
        .leaf_only = leaf_only,
    };

    if (addr & mask & ~0xfffULL) {
        nyx_vtd_finding(vtd, NVTD_RULE_INV_ALIGN, (NyxWhere) {
            .has_addr = true, .addr = addr, .value = am,
        });
    }
    /*
     * A barrier between software's writes to its tables and our look at the
     * requesters' domains (an atomic operation, because the thread sanitizer
     * knows no fences).
     */
    qatomic_inc(&vtd->page_invalidations);
    foreach_requester(vtd, drop_pages, did, &range);
    foreach_requester(vtd, notify, did, &range);
    nyx_vtd_announce_pages(vtd, false, did, range.first, range.last);
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
        iotlb_pages(vtd, did, addr, am, leaf_only);
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

void nyx_vtd_caches_clear(NyxVtd *vtd)
{
    qatomic_store_release(&vtd->global_gen, vtd->global_gen + 1);
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        NyxVtdRequester *r = g_ptr_array_index(vtd->requesters, i);

        nyx_vtd_requester_drop_context(r, NULL, NULL);
        clear_requester(r, 0, NULL);
    }
    vtd->iec_gen++;
    nyx_cache_clear(&vtd->iec);
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
    } else if (gran == NVTD_GRAN_PAGE && am > NVTD_MAMV) {
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

/* 6.5.2.10: record the reason of the first error; the queue stops. */
static void queue_error(NyxVtd *vtd, unsigned iqei, NyxVtdRule rule,
                        uint64_t value)
{
    uint64_t head = nyx_vtd_reg64(vtd, A_NVTD_IQH);
    uint64_t record = nyx_vtd_reg64(vtd, A_NVTD_IQERCD);

    record = FIELD_DP64(record, NVTD_IQERCD, IQEI, iqei);
    nyx_reg_set(&vtd->regs, A_NVTD_IQERCD, 8, record);
    vtd->stats.queue_errors++;
    nyx_vtd_finding(vtd, rule, nyx_vtd_at_reg(A_NVTD_IQH, value));
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

static DescResult desc_context(NyxVtd *vtd, const uint64_t desc[2])
{
    unsigned gran = FIELD_EX64(desc[0], NVTD_D1, G);

    if (gran == NVTD_GRAN_RESERVED) {
        return DESC_ILLEGAL;
    }
    context_invalidate(vtd, gran, FIELD_EX64(desc[0], NVTD_D1, DID),
                       FIELD_EX64(desc[0], NVTD_D1, SID),
                       FIELD_EX64(desc[0], NVTD_D1, FM));
    return DESC_DONE;
}

static DescResult desc_iotlb(NyxVtd *vtd, const uint64_t desc[2])
{
    unsigned gran = FIELD_EX64(desc[0], NVTD_D2, G);
    unsigned am = FIELD_EX64(desc[1], NVTD_D2H, AM);

    /* AM has a meaning for pages only. */
    if (gran == NVTD_GRAN_RESERVED ||
        (gran == NVTD_GRAN_PAGE && am > NVTD_MAMV)) {
        return DESC_ILLEGAL;
    }
    iotlb_invalidate(vtd, gran, FIELD_EX64(desc[0], NVTD_D2, DID),
                     desc[1] & R_NVTD_D2H_ADDR_MASK, am,
                     FIELD_EX64(desc[1], NVTD_D2H, IH));
    return DESC_DONE;
}

/* 6.5.2.5: with S, the trailing ones of the address give the size. */
static void ats_range(uint64_t word, uint64_t *addr, uint8_t *lg2)
{
    uint64_t pages = word >> 12;

    *lg2 = 12;
    if (FIELD_EX64(word, NVTD_D3H, S)) {
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

static DescResult desc_device_tlb(NyxVtd *vtd, const uint64_t desc[2])
{
    uint16_t sid = FIELD_EX64(desc[0], NVTD_D3, SID);
    NyxVtdAtsAnswer reply;
    uint64_t addr;
    uint8_t lg2;

    ats_range(desc[1], &addr, &lg2);
    vtd->stats.inv_device_tlb++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_INV_DEVTLB, .sid = sid, .addr = addr, .lg2 = lg2,
    });
    reply = vtd->host.device_tlb(vtd->host.opaque, sid, addr, lg2);
    if (reply == NYX_VTD_ATS_SILENT) {
        nyx_vtd_finding(vtd, NVTD_RULE_DEVTLB_SILENT, (NyxWhere) {
            .has_sid = true, .sid = sid, .has_addr = true, .addr = addr,
        });
        vtd->latched.ats_silent = true;
        vtd->latched.ats_silent_sid = sid;
    } else if (reply == NYX_VTD_ATS_BAD) {
        set_queue_sid(vtd, R_NVTD_FSTS_ICE_MASK, R_NVTD_IQERCD_ICESID_SHIFT,
                      sid);
    }
    return DESC_DONE;
}

/* A device-TLB invalidation ran out of time: the waits behind it are lost. */
static void invalidation_timeout(NyxVtd *vtd)
{
    vtd->latched.ats_silent = false;
    set_queue_sid(vtd, R_NVTD_FSTS_ITE_MASK, R_NVTD_IQERCD_ITESID_SHIFT,
                  vtd->latched.ats_silent_sid);
}

static DescResult desc_iec(NyxVtd *vtd, const uint64_t desc[2])
{
    bool by_index = FIELD_EX64(desc[0], NVTD_D4, G);
    unsigned im = FIELD_EX64(desc[0], NVTD_D4, IM);
    uint32_t index = FIELD_EX64(desc[0], NVTD_D4, IIDX);
    uint32_t count = 1u << MIN(im, 16);

    if (by_index && im > NVTD_MHMV) {
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
    }
    vtd->host.iec_changed(vtd->host.opaque, !by_index, index, count);
    return DESC_DONE;
}

static DescResult desc_wait(NyxVtd *vtd, const uint64_t desc[2])
{
    uint64_t addr = desc[1] & R_NVTD_D5H_ADDR_MASK;
    uint32_t data = FIELD_EX64(desc[0], NVTD_D5, DATA);
    bool store = FIELD_EX64(desc[0], NVTD_D5, SW);
    bool interrupt = FIELD_EX64(desc[0], NVTD_D5, IF);

    if (vtd->latched.ats_silent) {
        invalidation_timeout(vtd);
        return DESC_STOP;
    }
    vtd->stats.waits++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_WAIT, .addr = addr, .a = data,
        .b = desc[0] & 0x70,
    });
    if (!store && !interrupt && !FIELD_EX64(desc[0], NVTD_D5, FN)) {
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

static bool with_ir(const NyxVtdCfg *cfg)
{
    return cfg->intremap;
}

/* 6.5.2: the descriptor types, their reserved bits, what they need. */
typedef struct DescKind {
    uint64_t mbz[2];
    bool (*offered)(const NyxVtdCfg *cfg);
    DescResult (*run)(NyxVtd *vtd, const uint64_t desc[2]);
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
};

static unsigned desc_type(uint64_t lo)
{
    return extract64(lo, 0, NVTD_DESC_TYPE_LO_LEN) |
           extract64(lo, NVTD_DESC_TYPE_HI_SHIFT, NVTD_DESC_TYPE_HI_LEN)
           << NVTD_DESC_TYPE_LO_LEN;
}

/* Fetch and run the descriptor at @head.  False if the queue stops there. */
static bool queue_step(NyxVtd *vtd, uint64_t head, DescResult *result)
{
    uint64_t addr = (vtd->latched.iqa & R_NVTD_IQA_IQA_MASK) + head;
    const DescKind *kind = NULL;
    uint64_t desc[2];
    unsigned type;

    if (!nyx_mem_read_le64(&vtd->host.mem, addr, desc, 2)) {
        queue_error(vtd, NVTD_IQEI_FETCH, NVTD_RULE_IQ_FETCH, addr);
        return false;
    }
    type = desc_type(desc[0]);
    if (type < NVTD_DESC_TYPES && desc_kinds[type].run) {
        kind = &desc_kinds[type];
    }
    if (!kind || (kind->offered && !kind->offered(&vtd->cfg))) {
        queue_error(vtd, NVTD_IQEI_TYPE, NVTD_RULE_IQ_TYPE, desc[0]);
        return false;
    }
    if ((desc[0] & kind->mbz[0]) || (desc[1] & kind->mbz[1])) {
        queue_error(vtd, NVTD_IQEI_RESERVED, NVTD_RULE_IQ_RESERVED, desc[0]);
        return false;
    }
    *result = kind->run(vtd, desc);
    if (*result == DESC_ILLEGAL) {
        queue_error(vtd, NVTD_IQEI_RESERVED, NVTD_RULE_IQ_RESERVED, desc[0]);
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

void nyx_vtd_queue_run(NyxVtd *vtd)
{
    uint64_t size = 4096ULL << FIELD_EX64(vtd->latched.iqa, NVTD_IQA, QS);
    uint64_t budget = vtd->announce_work / QUEUE_WORK + QUEUE_SLICE;
    unsigned done = 0;
    DescResult result = DESC_DONE;

    while (!queue_stopped(vtd)) {
        uint64_t head = nyx_vtd_reg64(vtd, A_NVTD_IQH);
        uint64_t tail = nyx_vtd_reg64(vtd, A_NVTD_IQT);

        if (tail >= size) {
            queue_error(vtd, NVTD_IQEI_BAD_TAIL, NVTD_RULE_IQ_TAIL, tail);
            return;
        }
        if (head == tail) {
            if (vtd->latched.ats_silent) {
                invalidation_timeout(vtd);
            }
            return;
        }
        if (vtd->announce_work / QUEUE_WORK + done++ >= budget) {
            vtd->host.kick(vtd->host.opaque);
            return;
        }
        if (!queue_step(vtd, head, &result)) {
            return;
        }
        nyx_reg_set(&vtd->regs, A_NVTD_IQH, 8, (head + 16) % size);
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
