/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt remapping (5.1): request, entry, source validation, message; the
 * posting of interrupts is in posting.c.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

/* An interrupt request as it came, and what is known of it. */
typedef struct IrqRequest {
    uint16_t sid;
    uint64_t addr;
    uint32_t data;
    uint32_t index;
    bool fpd;
    bool route;              /* there is no interrupt to post */
} IrqRequest;

static bool eime(const NyxVtd *vtd)
{
    return FIELD_EX64(vtd->latched.irta, NVTD_IRTA, EIME);
}

static NyxVtdFaultCode blocked(NyxVtd *vtd, const IrqRequest *irq,
                               NyxVtdFaultCode code)
{
    const NyxVtdFault fault = {
        .code = code,
        .sid = irq->sid,
        .addr = (uint64_t)irq->index << NVTD_FI_IR_INDEX_SHIFT,
        .fpd = irq->fpd,
        .interrupt = true,
    };

    /* Nothing was sent: a route is looked at whenever an entry may change. */
    if (!irq->route) {
        nyx_vtd_report(vtd, NULL, &fault);
    }
    return code;
}

/* 5.1.3: the table has 2^(S+1) entries. */
static NyxVtdFaultCode request_index(const NyxVtd *vtd, IrqRequest *irq)
{
    uint32_t addr = irq->addr;
    uint32_t entries = 2u << FIELD_EX64(vtd->latched.irta, NVTD_IRTA, S);
    uint32_t index = FIELD_EX32(addr, NVTD_IRQ, HANDLE) |
                     FIELD_EX32(addr, NVTD_IRQ, HANDLE15) << 15;

    if (FIELD_EX32(addr, NVTD_IRQ, SHV)) {
        if (irq->data >> 16) {
            return NVTD_FAULT_IR_REQ;
        }
        index += irq->data & 0xffff;
    }
    irq->index = index & 0xffff;
    return irq->index < entries ? NVTD_FAULT_NONE : NVTD_FAULT_IR_INDEX;
}

static uint64_t descriptor_addr(const uint64_t irte[2])
{
    return FIELD_EX64(irte[0], NVTD_IRTEP0, PDAL) << NVTD_PDAL_SHIFT |
           FIELD_EX64(irte[1], NVTD_IRTEP1, PDAH) << 32;
}

/* 9.11: the same for one in posted format. */
static bool posted_entry_legal(const NyxVtd *vtd, const uint64_t irte[2])
{
    return vtd->cfg.posted_interrupts &&
           !(irte[0] & NYX_MBZ_MASK(NVTD_IRTEP_W0)) &&
           !(irte[1] & NYX_MBZ_MASK(NVTD_IRTEP_W1)) &&
           !(descriptor_addr(irte) >> vtd->cfg.haw_bits) &&
           FIELD_EX64(irte[1], NVTD_IRTEP1, SVT) != 3;
}

/* 9.10: what may not be set in a present entry. */
static bool entry_legal(const NyxVtd *vtd, const uint64_t irte[2])
{
    static const bool mode_legal[8] = {
        true, true, true, false, true, true, false, true,
    };
    uint32_t dst = FIELD_EX64(irte[0], NVTD_IRTE0, DST);

    if (FIELD_EX64(irte[0], NVTD_IRTE0, IM)) {
        return posted_entry_legal(vtd, irte);
    }
    return !(irte[0] & NYX_MBZ_MASK(NVTD_IRTE_W0)) &&
           !(irte[1] & NYX_MBZ_MASK(NVTD_IRTE_W1)) &&
           mode_legal[FIELD_EX64(irte[0], NVTD_IRTE0, DLM)] &&
           FIELD_EX64(irte[1], NVTD_IRTE1, SVT) != 3 &&
           (eime(vtd) || !(dst & ~NVTD_IRTE_DST_XAPIC_MASK));
}

/* From the interrupt entry cache, or from the table into it. */
static NyxVtdFaultCode entry_fetch(NyxVtd *vtd, uint16_t sid,
                                   uint32_t index, uint64_t irte[2])
{
    const NyxCacheKey key = { .addr = index };
    const NyxCacheRecord *record = nyx_cache_lookup(&vtd->iec, key,
                                                    vtd->iec_gen);
    uint64_t table = vtd->latched.irta & R_NVTD_IRTA_IRTA_MASK;
    uint64_t addr = table + index * 16;

    nyx_vtd_perf_count(vtd, NVTD_PERF_IRQ_LOOKUP, 1, sid, NVTD_NO_DOMAIN);
    if (record) {
        nyx_vtd_perf_count(vtd, FIELD_EX64(record->data[0], NVTD_IRTE0, IM) ?
                           NVTD_PERF_IRQ_HIT_POSTED : NVTD_PERF_IRQ_HIT, 1,
                           sid, NVTD_NO_DOMAIN);
        irte[0] = record->data[0];
        irte[1] = record->data[1];
        return NVTD_FAULT_NONE;
    }
    if ((table | addr) >> vtd->cfg.haw_bits) {
        return NVTD_FAULT_IR_INDEX;
    }
    if (!nyx_mem_read_entry(&vtd->host.mem, addr, irte, 2)) {
        return NVTD_FAULT_IR_READ;
    }
    /* 6.1: absent and wrong entries stay out unless in caching mode. */
    if ((FIELD_EX64(irte[0], NVTD_IRTE0, P) && entry_legal(vtd, irte)) ||
        vtd->cfg.caching_mode) {
        nyx_cache_insert(&vtd->iec, key, vtd->iec_gen, irte[0], irte[1]);
    }
    return NVTD_FAULT_NONE;
}

/* 5.1.1, Source validation */
static bool source_valid(const uint64_t irte[2], uint16_t requester)
{
    uint16_t sid = FIELD_EX64(irte[1], NVTD_IRTE1, SID);
    uint8_t bus = requester >> 8;

    switch (FIELD_EX64(irte[1], NVTD_IRTE1, SVT)) {
    case 1:
        return nyx_vtd_sid_matches(requester, sid,
                                   FIELD_EX64(irte[1], NVTD_IRTE1, SQ));
    case 2:
        /* Start bus in the high byte, end bus in the low one. */
        return bus >= sid >> 8 && bus <= (sid & 0xff);
    default:
        return true;
    }
}

static NyxVtdFaultCode find_entry(NyxVtd *vtd, IrqRequest *irq,
                                  uint64_t irte[2])
{
    NyxVtdFaultCode code = request_index(vtd, irq);

    if (code == NVTD_FAULT_NONE) {
        code = entry_fetch(vtd, irq->sid, irq->index, irte);
    }
    if (code != NVTD_FAULT_NONE) {
        return code;
    }
    irq->fpd = FIELD_EX64(irte[0], NVTD_IRTE0, FPD);
    if (!FIELD_EX64(irte[0], NVTD_IRTE0, P)) {
        return NVTD_FAULT_IR_P;
    }
    if (!entry_legal(vtd, irte)) {
        return NVTD_FAULT_IR_RSVD;
    }
    return source_valid(irte, irq->sid) ? NVTD_FAULT_NONE : NVTD_FAULT_IR_SID;
}

/* Where a message goes: DST as in an entry, NDST as in a descriptor. */
static uint64_t message_addr(bool x2apic, uint32_t dst)
{
    uint64_t addr = FIELD_DP64(0, NVTD_MSI, FEE, NVTD_INTR_FIRST >> 20);

    if (!x2apic) {
        dst = (dst & NVTD_IRTE_DST_XAPIC_MASK) >> NVTD_IRTE_DST_XAPIC_SHIFT;
    }
    addr = FIELD_DP64(addr, NVTD_MSI, DST, dst & 0xff);
    return FIELD_DP64(addr, NVTD_MSI, DST_HI, dst >> 8);
}

/* 5.1.5: the message that the entry describes. */
static void build_message(const NyxVtd *vtd, const uint64_t irte[2],
                          uint64_t *addr, uint32_t *data)
{
    bool level = FIELD_EX64(irte[0], NVTD_IRTE0, TM);
    uint32_t dst = FIELD_EX64(irte[0], NVTD_IRTE0, DST);

    *addr = message_addr(eime(vtd), dst);
    *addr = FIELD_DP64(*addr, NVTD_MSI, DM,
                       FIELD_EX64(irte[0], NVTD_IRTE0, DM));
    *addr = FIELD_DP64(*addr, NVTD_MSI, RH,
                       FIELD_EX64(irte[0], NVTD_IRTE0, RH));
    *data = FIELD_DP32(0, NVTD_MSID, V, FIELD_EX64(irte[0], NVTD_IRTE0, V));
    *data = FIELD_DP32(*data, NVTD_MSID, DLM,
                       FIELD_EX64(irte[0], NVTD_IRTE0, DLM));
    *data = FIELD_DP32(*data, NVTD_MSID, LEVEL, level);
    *data = FIELD_DP32(*data, NVTD_MSID, TM, level);
}

static void deliver(NyxVtd *vtd, const IrqRequest *irq,
                    const uint64_t irte[2], uint64_t *addr, uint32_t *data)
{
    build_message(vtd, irte, addr, data);
    vtd->stats.interrupts++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_INTERRUPT,
        .sid = irq->sid,
        .addr = *addr,
        .a = *data,
        .b = irq->index,
    });
}

/* 5.2.3: a bit in the descriptor; the message is its notification. */
static NyxVtdFaultCode post(NyxVtd *vtd, const IrqRequest *irq,
                            const uint64_t irte[2], uint64_t *addr,
                            uint32_t *data, bool *send)
{
    const NyxVtdPost request = {
        .pda = descriptor_addr(irte),
        .vector = FIELD_EX64(irte[0], NVTD_IRTEP0, V),
        .urgent = FIELD_EX64(irte[0], NVTD_IRTEP0, URG),
        .eime = eime(vtd),
    };
    uint64_t control = 0;
    NyxVtdFaultCode code;

    *send = false;
    if (irq->route) {
        return NVTD_FAULT_NONE;
    }
    code = nyx_vtd_post(&vtd->host.mem, &request, &control, send);
    if (code != NVTD_FAULT_NONE) {
        *send = false;
        return code;
    }
    vtd->stats.posted_interrupts++;
    vtd->stats.notifications += *send;
    if (*send) {
        *addr = message_addr(request.eime,
                             FIELD_EX64(control, NVTD_PD4, NDST));
        *data = FIELD_EX64(control, NVTD_PD4, NV);
    }
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_POST,
        .sid = irq->sid,
        .addr = request.pda,
        .a = request.vector,
        .b = *send,
    });
    return NVTD_FAULT_NONE;
}

static NyxVtdFaultCode remap(NyxVtd *vtd, IrqRequest *irq, uint64_t *addr,
                             uint32_t *data, bool *send)
{
    uint32_t gsts = nyx_vtd_reg32(vtd, A_NVTD_GSTS);
    uint64_t irte[2];
    NyxVtdFaultCode code;

    *send = true;
    if (!(gsts & R_NVTD_GCMD_IRE_MASK)) {
        return NVTD_FAULT_NONE;
    }
    if (irq->addr >> 20 != NVTD_INTR_FIRST >> 20) {
        /* 5.1.5: the upper half of the address is reserved. */
        return NVTD_FAULT_IR_REQ;
    }
    if (!FIELD_EX32((uint32_t)irq->addr, NVTD_IRQ, FORMAT)) {
        /* 5.1.4: x2APIC mode has no compatibility format. */
        if (eime(vtd) || !(gsts & R_NVTD_GCMD_CFI_MASK)) {
            return NVTD_FAULT_IR_COMPAT;
        }
        vtd->stats.compat_interrupts++;
        return NVTD_FAULT_NONE;
    }
    code = find_entry(vtd, irq, irte);
    if (code != NVTD_FAULT_NONE) {
        return code;
    }
    if (FIELD_EX64(irte[0], NVTD_IRTE0, IM)) {
        return post(vtd, irq, irte, addr, data, send);
    }
    deliver(vtd, irq, irte, addr, data);
    return NVTD_FAULT_NONE;
}

static NyxVtdFaultCode remap_or_report(NyxVtd *vtd, IrqRequest *irq,
                                       uint64_t *addr, uint32_t *data,
                                       bool *send)
{
    NyxVtdFaultCode code = remap(vtd, irq, addr, data, send);

    return code == NVTD_FAULT_NONE ? code : blocked(vtd, irq, code);
}

NyxVtdFaultCode nyx_vtd_remap_interrupt(NyxVtd *vtd, uint16_t sid,
                                        uint64_t *addr, uint32_t *data,
                                        bool *send)
{
    IrqRequest irq = { .sid = sid, .addr = *addr, .data = *data };

    return remap_or_report(vtd, &irq, addr, data, send);
}

NyxVtdFaultCode nyx_vtd_route_interrupt(NyxVtd *vtd, uint16_t sid,
                                        uint64_t *addr, uint32_t *data,
                                        bool *send)
{
    IrqRequest irq = {
        .sid = sid, .addr = *addr, .data = *data, .route = true,
    };

    return remap_or_report(vtd, &irq, addr, data, send);
}
