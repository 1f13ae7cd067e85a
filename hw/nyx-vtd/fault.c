/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults (chapter 7): from a value to a fault-recording register, and the
 * event messages of the unit with their mask and pending rules.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

#define NVTD_FAULT_ROW(name, code, manual, qual, text) \
    { code, manual, qual, text },

const NyxVtdFaultInfo nyx_vtd_faults[] = {
    NVTD_FAULT_LIST(NVTD_FAULT_ROW)
};
const unsigned nyx_vtd_n_faults = ARRAY_SIZE(nyx_vtd_faults);

QEMU_BUILD_BUG_ON(ARRAY_SIZE(nyx_vtd_faults) > NVTD_N_FAULTS);

unsigned nyx_vtd_fault_index(NyxVtdFaultCode code)
{
    unsigned index = 0;

    while (nyx_vtd_faults[index].code != code) {
        index++;
    }
    return index;
}

/* 7.3: the registers of an event, and the status bits that belong to it. */
typedef struct EventBlock {
    uint32_t ctl;            /* data, address, upper address follow */
    uint32_t status;
    uint32_t status_bits;
} EventBlock;

static const EventBlock event_blocks[] = {
    [NVTD_EVENT_FAULT] = {
        A_NVTD_FECTL, A_NVTD_FSTS,
        R_NVTD_FSTS_PFO_MASK | R_NVTD_FSTS_PPF_MASK | R_NVTD_FSTS_AFO_MASK |
        R_NVTD_FSTS_APF_MASK | R_NVTD_FSTS_IQE_MASK | R_NVTD_FSTS_ICE_MASK |
        R_NVTD_FSTS_ITE_MASK,
    },
    [NVTD_EVENT_INV_COMPLETION] = {
        A_NVTD_IECTL, A_NVTD_ICS, R_NVTD_ICS_IWC_MASK,
    },
    [NVTD_EVENT_PERFMON] = {
        A_NVTD_PERFINTRCTL, A_NVTD_PERFINTRSTS, R_NVTD_PERFINTRSTS_PIS_MASK,
    },
    [NVTD_EVENT_PAGE] = {
        A_NVTD_PECTL, A_NVTD_PRS, R_NVTD_PRS_PPR_MASK | R_NVTD_PRS_PRO_MASK,
    },
};

static void event_send(NyxVtd *vtd, const EventBlock *block)
{
    uint64_t addr = nyx_vtd_reg32(vtd, block->ctl + 8) |
                    (uint64_t)nyx_vtd_reg32(vtd, block->ctl + 12) << 32;
    uint32_t data = nyx_vtd_reg32(vtd, block->ctl + 4);

    vtd->stats.messages++;
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_MESSAGE, .addr = addr, .a = data,
    });
    vtd->host.send_msi(vtd->host.opaque, addr, data);
}

/* PPF is no storage: it is the OR of the F bits (11.4.9). */
static void update_ppf(NyxVtd *vtd)
{
    uint32_t fsts = nyx_vtd_reg32(vtd, A_NVTD_FSTS) & ~R_NVTD_FSTS_PPF_MASK;

    for (unsigned i = 0; i < vtd->cfg.fault_records; i++) {
        uint64_t hi = nyx_vtd_reg64(vtd, nyx_vtd_frcd(&vtd->cfg, i) + 8);

        if (hi & R_NVTD_FRCD_HI_F_MASK) {
            fsts |= R_NVTD_FSTS_PPF_MASK;
        }
    }
    nyx_reg_set(&vtd->regs, A_NVTD_FSTS, 4, fsts);
}

void nyx_vtd_status_update(NyxVtd *vtd, NyxVtdEventBlock which)
{
    const EventBlock *block = &event_blocks[which];
    uint32_t ctl;

    if (which == NVTD_EVENT_FAULT) {
        update_ppf(vtd);
    }
    ctl = nyx_vtd_reg32(vtd, block->ctl);
    if (!(ctl & R_NVTD_EVCTL_IP_MASK)) {
        return;
    }
    if (!(nyx_vtd_reg32(vtd, block->status) & block->status_bits)) {
        /* Software has seen it all: nothing left to tell. */
        nyx_reg_set(&vtd->regs, block->ctl, 4, ctl & ~R_NVTD_EVCTL_IP_MASK);
    } else if (!(ctl & R_NVTD_EVCTL_IM_MASK)) {
        nyx_reg_set(&vtd->regs, block->ctl, 4, ctl & ~R_NVTD_EVCTL_IP_MASK);
        event_send(vtd, block);
    }
}

void nyx_vtd_status_set(NyxVtd *vtd, NyxVtdEventBlock which, uint32_t bits)
{
    const EventBlock *block = &event_blocks[which];
    uint32_t status = nyx_vtd_reg32(vtd, block->status);
    uint32_t ctl = nyx_vtd_reg32(vtd, block->ctl);

    nyx_reg_set(&vtd->regs, block->status, 4, status | bits);
    if (status & block->status_bits) {
        /* A condition of the group is pending: no second message. */
        return;
    }
    nyx_reg_set(&vtd->regs, block->ctl, 4, ctl | R_NVTD_EVCTL_IP_MASK);
    nyx_vtd_status_update(vtd, which);
}

static uint64_t record_low(const NyxVtdFault *fault)
{
    return fault->interrupt ? fault->addr
                            : fault->addr & R_NVTD_FRCD_LO_FI_MASK;
}

/*
 * 11.4.14: (T1, T2) is 00 write, 10 read, 01 page request, 11 AtomicOp; DMA
 * faults only.  A page request is a message and has no address type.
 */
static uint64_t record_high(const NyxVtd *vtd, const NyxVtdFault *fault)
{
    uint64_t hi = R_NVTD_FRCD_HI_F_MASK;
    bool atomic = fault->access & NYX_ACCESS_ATOMIC;
    bool read = !(fault->access & NYX_ACCESS_WRITE);
    bool page = fault->type == NYX_REQ_PAGE;

    hi = FIELD_DP64(hi, NVTD_FRCD_HI, SID, fault->sid);
    hi = FIELD_DP64(hi, NVTD_FRCD_HI, FR, fault->code);
    if (fault->interrupt) {
        return hi;
    }
    hi = FIELD_DP64(hi, NVTD_FRCD_HI, T1, !page && (read || atomic));
    hi = FIELD_DP64(hi, NVTD_FRCD_HI, T2, page || atomic);
    if (vtd->cfg.device_iotlb && !page) {
        hi = FIELD_DP64(hi, NVTD_FRCD_HI, AT, fault->type);
    }
    if (fault->has_pasid) {
        hi = FIELD_DP64(hi, NVTD_FRCD_HI, PP, 1);
        hi = FIELD_DP64(hi, NVTD_FRCD_HI, PV, fault->pasid);
        hi = FIELD_DP64(hi, NVTD_FRCD_HI, EXE,
                        !!(fault->access & NYX_ACCESS_EXEC));
        hi = FIELD_DP64(hi, NVTD_FRCD_HI, PRIV,
                        !!(fault->access & NYX_ACCESS_PRIV));
    }
    return hi;
}

/* 7.2.1: the same fault again, still unread, needs no second record. */
static bool already_recorded(const NyxVtd *vtd, uint64_t lo, uint64_t hi)
{
    for (unsigned i = 0; i < vtd->cfg.fault_records; i++) {
        if (nyx_vtd_reg64(vtd, nyx_vtd_frcd(&vtd->cfg, i)) == lo &&
            nyx_vtd_reg64(vtd, nyx_vtd_frcd(&vtd->cfg, i) + 8) == hi) {
            return true;
        }
    }
    return false;
}

/* 7.2.1, Primary Fault Logging.  True if it got a record. */
static bool record(NyxVtd *vtd, const NyxVtdFault *fault)
{
    uint32_t next = vtd->latched.frcd_next;
    uint32_t at = nyx_vtd_frcd(&vtd->cfg, next);
    uint32_t fsts = nyx_vtd_reg32(vtd, A_NVTD_FSTS);
    uint64_t lo = record_low(fault);
    uint64_t hi = record_high(vtd, fault);

    if (fsts & R_NVTD_FSTS_PFO_MASK || already_recorded(vtd, lo, hi)) {
        return false;
    }
    if (nyx_vtd_reg64(vtd, at + 8) & R_NVTD_FRCD_HI_F_MASK) {
        nyx_vtd_finding(vtd, NVTD_RULE_FAULT_OVERFLOW, (NyxWhere) {
            .has_sid = true, .sid = fault->sid, .value = fault->code,
        });
        nyx_vtd_status_set(vtd, NVTD_EVENT_FAULT, R_NVTD_FSTS_PFO_MASK);
        return false;
    }
    nyx_reg_set(&vtd->regs, at, 8, lo);
    nyx_reg_set(&vtd->regs, at + 8, 8, hi);
    vtd->latched.frcd_next = (next + 1) % vtd->cfg.fault_records;
    if (!(fsts & R_NVTD_FSTS_PPF_MASK)) {
        fsts = FIELD_DP32(fsts, NVTD_FSTS, FRI, next);
        nyx_reg_set(&vtd->regs, A_NVTD_FSTS, 4, fsts);
    }
    nyx_vtd_status_set(vtd, NVTD_EVENT_FAULT, R_NVTD_FSTS_PPF_MASK);
    return true;
}

/* 7.1.3: FPD keeps the qualified ones out of the registers. */
static bool is_hidden(const NyxVtdFault *fault, unsigned index)
{
    return fault->fpd && nyx_vtd_faults[index].qualified;
}

/* The serialized half of a report. */
static void report_now(NyxVtd *vtd, NyxVtdRequester *r,
                       const NyxVtdFault *fault)
{
    unsigned index = nyx_vtd_fault_index(fault->code);
    bool recorded = !is_hidden(fault, index) && record(vtd, fault);

    if (r) {
        r->refused++;
        r->faults[index]++;
    } else {
        vtd->interrupt_faults[index]++;
    }
    if (recorded) {
        vtd->stats.faults_recorded++;
    } else {
        vtd->stats.faults_dropped++;
    }
    nyx_vtd_finding(vtd,
                    fault->interrupt ? NVTD_RULE_IRQ_FAULT
                                     : NVTD_RULE_DMA_FAULT,
                    (NyxWhere) {
                        .has_sid = true,
                        .sid = fault->sid,
                        .has_addr = true,
                        .addr = fault->addr,
                        .value = fault->code,
                    });
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_FAULT,
        .sid = fault->sid,
        .addr = fault->addr,
        .a = fault->code,
        .b = recorded,
    });
}

void nyx_vtd_report(NyxVtd *vtd, NyxVtdRequester *r, const NyxVtdFault *fault)
{
    const NyxVtdLeft left = { *fault, r };
    bool kick;

    if (!fault->interrupt) {
        uint32_t did = nyx_vtd_known_domain(r, fault->sid);

        nyx_vtd_perf_count(vtd, NVTD_PERF_BLOCKED, 1, fault->sid, did);
        if (fault->type != NYX_REQ_UNTRANSLATED) {
            nyx_vtd_perf_count(vtd, NVTD_PERF_ATS_BLOCKED, 1, fault->sid, did);
        }
    }
    if (fault->code == NVTD_FAULT_ABORT) {
        qatomic_inc(&vtd->aborted);
    }
    if (vtd->host.serialized(vtd->host.opaque)) {
        nyx_vtd_report_drain(vtd);
        report_now(vtd, r, fault);
        return;
    }
    /* One that the registers would not show is no loss that they tell. */
    if (is_hidden(fault, nyx_vtd_fault_index(fault->code))) {
        nyx_handoff_offer(&vtd->faults, &left, &kick);
    } else {
        nyx_handoff_put(&vtd->faults, &left, &kick);
    }
    if (kick) {
        vtd->host.kick(vtd->host.opaque);
    }
}

void nyx_vtd_report_drain(NyxVtd *vtd)
{
    NyxVtdLeft left[NVTD_FAULT_RING];
    bool overflow;
    unsigned len = nyx_handoff_take(&vtd->faults, left, &overflow);

    for (unsigned i = 0; i < len; i++) {
        report_now(vtd, left[i].r, &left[i].fault);
    }
    if (overflow) {
        /* More came than the ring and so the registers can hold. */
        vtd->stats.faults_dropped++;
        nyx_vtd_status_set(vtd, NVTD_EVENT_FAULT, R_NVTD_FSTS_PFO_MASK);
    }
}
