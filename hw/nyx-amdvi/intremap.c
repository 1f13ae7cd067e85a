/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt remapping (2.2.5): request, device table entry, interrupt table
 * entry, message; virtual APICs' memory is in vapic.c.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

/* An interrupt request as it came, and what is known of it. */
typedef struct IrqRequest {
    uint16_t sid;
    uint64_t addr;
    uint32_t data;
    uint32_t index;
    uint64_t control;        /* the register */
    uint64_t dte;            /* word 2 of the device table entry */
    uint16_t did;
    uint64_t where;          /* of what could not be read or written */
    bool suppressed;         /* its page fault */
    bool route;              /* there is no interrupt to post */
} IrqRequest;

/* --- Events --------------------------------------------------------------- */

/* What field reports of real parts show as the address. */
static uint64_t ht_address(const IrqRequest *irq)
{
    /* 0 fixed, 1 arbitrated, 2 SMI, 3 NMI, 4 INIT, 6 ExtINT */
    static const uint8_t type[8] = { 0, 1, 2, 7, 3, 4, 7, 6 };
    uint32_t data = irq->data;
    uint64_t ht = FIELD_DP64(0, NAMD_HTIRQ, RANGE, NAMD_HTIRQ_RANGE);

    ht = FIELD_DP64(ht, NAMD_HTIRQ, MT, type[FIELD_EX32(data, NAMD_IRQD, DLM)]);
    ht = FIELD_DP64(ht, NAMD_HTIRQ, LEVEL, FIELD_EX32(data, NAMD_IRQD, TM));
    ht = FIELD_DP64(ht, NAMD_HTIRQ, DM, FIELD_EX64(irq->addr, NAMD_IRQA, DM));
    ht = FIELD_DP64(ht, NAMD_HTIRQ, DEST,
                    FIELD_EX64(irq->addr, NAMD_IRQA, DEST));
    return FIELD_DP64(ht, NAMD_HTIRQ, VECTOR,
                      FIELD_EX32(data, NAMD_IRQD, VECTOR));
}

static bool in_range(uint64_t addr)
{
    return addr >= NAMD_INTR_FIRST && addr <= NAMD_INTR_LAST;
}

static uint64_t event_address(const IrqRequest *irq, NyxAmdEventCode event)
{
    if (event == NAMD_EVENT_DEV_TAB_HARDWARE_ERROR ||
        event == NAMD_EVENT_PAGE_TAB_HARDWARE_ERROR) {
        return irq->where;
    }
    return in_range(irq->addr) ? ht_address(irq) : irq->addr;
}

static NyxAmdFaultCode refused(NyxAmd *amd, const IrqRequest *irq,
                               NyxAmdFaultCode code)
{
    const NyxAmdFault fault = {
        .code = code,
        .sid = irq->sid,
        .did = irq->did,
        .addr = event_address(irq, nyx_amd_faults[code].event),
        .interrupt = true,
        .suppressed = irq->suppressed,
        .access = NYX_ACCESS_WRITE,
    };

    /* Nothing was sent: a route is looked at whenever an entry may change. */
    if (irq->route) {
        return code;
    }
    nyx_amd_perf_count(amd, NAMD_PERF_ABORT, 1, irq->sid, irq->did,
                       NAMD_NO_PASID);
    amd->host.target_abort(amd->host.opaque);
    nyx_amd_report(amd, &fault);
    return code;
}

/* --- Device table entry --------------------------------------------------- */

/* 2.2.2: what may not be in bits 255:128 of an entry with IV = 1. */
static bool dte_legal(const NyxAmd *amd, const uint64_t words[NAMD_DTE_WORDS])
{
    unsigned int_ctl = FIELD_EX64(words[2], NAMD_DTE2, INTCTL);

    if ((words[2] & NYX_MBZ_MASK(NAMD_DTE_W2)) ||
        (words[3] & NYX_MBZ_MASK(NAMD_DTE_W3)) ||
        int_ctl == NAMD_INTCTL_RESERVED) {
        return false;
    }
    return int_ctl != NAMD_INTCTL_REMAP ||
           (FIELD_EX64(words[2], NAMD_DTE2, INTTABLEN) <= NAMD_INTTABLEN_MAX &&
            !((words[2] & R_NAMD_DTE2_INTROOT_MASK) >> amd->cfg.pa_bits));
}

/* Software invalidates any change of an entry, so IV = 0 is kept as well. */
static NyxAmdFaultCode dte_fetch(NyxAmd *amd, NyxCacheKey key, IrqRequest *irq)
{
    uint64_t words[NAMD_DTE_WORDS];
    NyxAmdFaultCode code = nyx_amd_dte_fetch(amd, irq->sid, words,
                                             &irq->where);

    if (code != NAMD_FAULT_NONE) {
        return code;
    }
    irq->dte = words[2];
    if (FIELD_EX64(words[0], NAMD_DTE0, V)) {
        irq->did = FIELD_EX64(words[1], NAMD_DTE1, DOMAIN);
    }
    if (FIELD_EX64(words[2], NAMD_DTE2, IV) && !dte_legal(amd, words)) {
        return NAMD_FAULT_DTE_RSVD;
    }
    nyx_cache_insert(&amd->int_dte, key, amd->int_gen, irq->dte, irq->did);
    return NAMD_FAULT_NONE;
}

/* From the cache, or from the table into it. */
static NyxAmdFaultCode dte_get(NyxAmd *amd, IrqRequest *irq)
{
    const NyxCacheKey key = { .addr = irq->sid };
    const NyxCacheRecord *record = nyx_cache_lookup(&amd->int_dte, key,
                                                    amd->int_gen);

    nyx_amd_perf_count(amd, record ? NAMD_PERF_INT_DTE_HIT
                                   : NAMD_PERF_INT_DTE_MISS, 1, irq->sid,
                       NAMD_NO_DOMAIN, NAMD_NO_PASID);
    if (!record) {
        return dte_fetch(amd, key, irq);
    }
    irq->dte = record->data[0];
    irq->did = record->data[1];
    return NAMD_FAULT_NONE;
}

/* --- Interrupt table entry ------------------------------------------------ */

static bool wide(const IrqRequest *irq)
{
    return FIELD_EX64(irq->control, NAMD_CTRL, GAEN);
}

/* 2.2.5.2: what may not be in an entry for a virtual APIC. */
static bool guest_entry_legal(const NyxAmd *amd, const IrqRequest *irq,
                              const uint64_t irte[2])
{
    return amd->cfg.vapic &&
           FIELD_EX64(irq->control, NAMD_CTRL, GAMEN) == NAMD_GAM_VAPIC &&
           !(irte[0] & NYX_MBZ_MASK(NAMD_IRTEG_W0)) &&
           !(irte[1] & NYX_MBZ_MASK(NAMD_IRTEG_W1)) &&
           (amd->cfg.gappi_dis ||
            !FIELD_EX64(irte[0], NAMD_IRTEG0, GAPPIDIS)) &&
           !((irte[1] & R_NAMD_IRTEG1_ROOT_MASK) >> amd->cfg.pa_bits);
}

/* What may not be in an entry with RemapEn = 1. */
static bool entry_legal(const NyxAmd *amd, const IrqRequest *irq,
                        const uint64_t irte[2])
{
    if (!wide(irq)) {
        return !(irte[0] & NYX_MBZ_MASK(NAMD_IRTE_FIELDS)) &&
               !FIELD_EX64(irte[0], NAMD_IRTE, GUESTMODE) &&
               FIELD_EX64(irte[0], NAMD_IRTE, INTTYPE) <=
               NAMD_INTTYPE_ARBITRATED;
    }
    if (FIELD_EX64(irte[0], NAMD_IRTEX0, GUESTMODE)) {
        return guest_entry_legal(amd, irq, irte);
    }
    return !(irte[0] & NYX_MBZ_MASK(NAMD_IRTEX_W0)) &&
           !(irte[1] & NYX_MBZ_MASK(NAMD_IRTEX_W1)) &&
           FIELD_EX64(irte[0], NAMD_IRTEX0, INTTYPE) <= NAMD_INTTYPE_ARBITRATED;
}

bool nyx_amd_interrupt_entry_read(const NyxMem *mem, uint64_t addr, bool wide,
                                  uint64_t irte[2])
{
    uint32_t narrow;

    if (wide) {
        return nyx_mem_read_entry(mem, addr, irte, 2);
    }
    if (!nyx_mem_read_le32(mem, addr, &narrow)) {
        return false;
    }
    irte[0] = narrow;
    irte[1] = 0;
    return true;
}

static bool entry_read(const NyxAmd *amd, const IrqRequest *irq,
                       uint64_t irte[2])
{
    return nyx_amd_interrupt_entry_read(&amd->host.mem, irq->where, wide(irq),
                                        irte);
}

/*
 * 2.2.5.2: hypervisors move a virtual processor without a command, so these
 * fields of a guest's entry are never cached.
 */
static bool entry_refresh(const NyxAmd *amd, const IrqRequest *irq,
                          uint64_t irte[2])
{
    static const uint64_t live[2] = {
        R_NAMD_IRTEG0_DEST_MASK | R_NAMD_IRTEG0_ISRUN_MASK |
        R_NAMD_IRTEG0_GALOGINTR_MASK | R_NAMD_IRTEG0_GAPPIDIS_MASK |
        R_NAMD_IRTEG0_GATAG_MASK,
        R_NAMD_IRTEG1_DEST_HI_MASK,
    };
    uint64_t now[2];

    if (!entry_read(amd, irq, now)) {
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        irte[i] = (irte[i] & ~live[i]) | (now[i] & live[i]);
    }
    return true;
}

/* From the cache, or from the table into it. */
static NyxAmdFaultCode entry_get(NyxAmd *amd, IrqRequest *irq,
                                 uint64_t irte[2])
{
    const NyxCacheKey key = {
        .addr = irq->index | (uint64_t)wide(irq) << 32, .tag = irq->sid,
    };
    uint32_t gen = amd->int_gen + amd->irt_gen[irq->sid];
    bool caching = !FIELD_EX64(irq->control, NAMD_CTRL, IRTCACHEDIS);
    const NyxCacheRecord *record;

    irq->where = (irq->dte & R_NAMD_DTE2_INTROOT_MASK) +
                 irq->index * (wide(irq) ? NAMD_IRTEX_BYTES : NAMD_IRTE_BYTES);
    record = caching ? nyx_cache_lookup(&amd->irt, key, gen) : NULL;
    if (record) {
        irte[0] = record->data[0];
        irte[1] = record->data[1];
        if (wide(irq) && FIELD_EX64(irte[0], NAMD_IRTEX0, GUESTMODE) &&
            !entry_refresh(amd, irq, irte)) {
            return NAMD_FAULT_IRQ_READ;
        }
        return NAMD_FAULT_NONE;
    }
    if (!entry_read(amd, irq, irte)) {
        return NAMD_FAULT_IRQ_READ;
    }
    /* Absent and wrong entries stay out unless NpCache says otherwise. */
    if (caching && (amd->cfg.np_cache ||
                    (FIELD_EX64(irte[0], NAMD_IRTEX0, REMAPEN) &&
                     entry_legal(amd, irq, irte)))) {
        nyx_cache_insert(&amd->irt, key, gen, irte[0], irte[1]);
    }
    return NAMD_FAULT_NONE;
}

static NyxAmdFaultCode find_entry(NyxAmd *amd, IrqRequest *irq,
                                  uint64_t irte[2])
{
    unsigned entries = 1u << FIELD_EX64(irq->dte, NAMD_DTE2, INTTABLEN);
    NyxAmdFaultCode code;

    irq->index = irq->data & (BIT(NAMD_INTTABLEN_MAX) - 1);
    irq->suppressed = FIELD_EX64(irq->dte, NAMD_DTE2, IG);
    if (irq->index >= entries) {
        return NAMD_FAULT_IRQ_INDEX;
    }
    code = entry_get(amd, irq, irte);
    if (code != NAMD_FAULT_NONE) {
        return code;
    }
    irq->suppressed |= FIELD_EX64(irte[0], NAMD_IRTEX0, SUPIOPF);
    if (!FIELD_EX64(irte[0], NAMD_IRTEX0, REMAPEN)) {
        return NAMD_FAULT_IRQ_OFF;
    }
    return entry_legal(amd, irq, irte) ? NAMD_FAULT_NONE : NAMD_FAULT_IRQ_RSVD;
}

/* --- Messages ------------------------------------------------------------- */

static uint64_t message_addr(uint32_t dest, bool logical)
{
    uint64_t addr = FIELD_DP64(0, NAMD_IRQA, FEE, NAMD_INTR_FIRST >> 20);

    addr = FIELD_DP64(addr, NAMD_IRQA, DM, logical);
    addr = FIELD_DP64(addr, NAMD_IRQA, DEST, dest & 0xff);
    return FIELD_DP64(addr, NAMD_IRQA, DEST_HI, dest >> 8);
}

/* Destinations have 32 bits with XTEn, and 8 without, whatever is above. */
static uint32_t entry_dest(const IrqRequest *irq, const uint64_t irte[2])
{
    uint32_t dest = FIELD_EX64(irte[0], NAMD_IRTEX0, DEST) |
                    FIELD_EX64(irte[1], NAMD_IRTEX1, DEST_HI) << 24;

    return wide(irq) && FIELD_EX64(irq->control, NAMD_CTRL, XTEN)
           ? dest : dest & 0xff;
}

/* Level and trigger mode are the request's. */
static void deliver(NyxAmd *amd, const IrqRequest *irq,
                    const uint64_t irte[2], uint64_t *addr, uint32_t *data)
{
    uint8_t vector = wide(irq) ? FIELD_EX64(irte[1], NAMD_IRTEX1, VECTOR)
                               : FIELD_EX64(irte[0], NAMD_IRTE, VECTOR);

    *addr = message_addr(entry_dest(irq, irte),
                         FIELD_EX64(irte[0], NAMD_IRTEX0, DM));
    *data = irq->data & (R_NAMD_IRQD_LEVEL_MASK | R_NAMD_IRQD_TM_MASK);
    *data = FIELD_DP32(*data, NAMD_IRQD, VECTOR, vector);
    *data = FIELD_DP32(*data, NAMD_IRQD, DLM,
                       FIELD_EX64(irte[0], NAMD_IRTEX0, INTTYPE));
    amd->stats.interrupts++;
    if (FIELD_EX64(irq->control, NAMD_CTRL, GAMEN)) {
        nyx_amd_perf_count(amd, NAMD_PERF_VAPIC_OTHER, 1, irq->sid, irq->did,
                           NAMD_NO_PASID);
    }
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = NYX_AMD_EV_INTERRUPT,
        .sid = irq->sid,
        .addr = *addr,
        .a = *data,
        .b = irq->index,
    });
}

/* --- Virtual APICs -------------------------------------------------------- */

/*
 * What a hypervisor is told of a processor that does not run.  To one that
 * runs goes a doorbell, a signal between processor and IOMMU that is no
 * interrupt: processors without AVIC have nothing that takes it, and one that
 * is about to enter the guest sees the request.
 */
static void notify(NyxAmd *amd, const IrqRequest *irq, const uint64_t irte[2],
                   bool first, uint64_t *addr, uint32_t *data, bool *send)
{
    uint32_t tag = FIELD_EX64(irte[0], NAMD_IRTEG0, GATAG);

    if (FIELD_EX64(irte[0], NAMD_IRTEG0, ISRUN)) {
        return;
    }
    if (amd->cfg.gappi && FIELD_EX64(irq->control, NAMD_CTRL, GAPPIEN)) {
        /* 2.2.5.5: an interrupt in place of a log entry, for the first. */
        if (first && !FIELD_EX64(irte[0], NAMD_IRTEG0, GAPPIDIS)) {
            *addr = message_addr(entry_dest(irq, irte), false);
            *data = FIELD_DP32(0, NAMD_IRQD, VECTOR, tag & 0xff);
            *send = true;
        }
    } else if (FIELD_EX64(irte[0], NAMD_IRTEG0, GALOGINTR)) {
        uint64_t word = FIELD_DP64(0, NAMD_GA0, TAG, tag);

        word = FIELD_DP64(word, NAMD_GA0, DEVID, irq->sid);
        nyx_amd_log_ga(amd, FIELD_DP64(word, NAMD_GA0, CODE,
                                       NAMD_GA_GUEST_NR));
    }
}

/* 2.2.5.2: a request in the virtual APIC, before anybody is told. */
static NyxAmdFaultCode post(NyxAmd *amd, IrqRequest *irq,
                            const uint64_t irte[2], uint64_t *addr,
                            uint32_t *data, bool *send)
{
    uint64_t page = irte[1] & R_NAMD_IRTEG1_ROOT_MASK;
    uint8_t vector = FIELD_EX64(irte[1], NAMD_IRTEG1, VECTOR);
    bool first;

    *send = false;
    if (irq->route) {
        return NAMD_FAULT_NONE;
    }
    if (!nyx_amd_vapic_request(&amd->host.mem, page, vector, &first,
                               &irq->where)) {
        return NAMD_FAULT_IRQ_VAPIC;
    }
    amd->stats.vapic_interrupts++;
    nyx_amd_perf_count(amd, NAMD_PERF_VAPIC_GUEST, 1, irq->sid, irq->did,
                       NAMD_NO_PASID);
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = NYX_AMD_EV_VAPIC,
        .sid = irq->sid,
        .addr = page,
        .a = vector,
        .b = FIELD_EX64(irte[0], NAMD_IRTEG0, ISRUN),
    });
    notify(amd, irq, irte, first, addr, data, send);
    return NAMD_FAULT_NONE;
}

/* --- Requests ------------------------------------------------------------- */

/* Only devices that a register of the SMI filter names may send one. */
static bool smi_allowed(const NyxAmd *amd, const IrqRequest *irq)
{
    if (!amd->cfg.smi_filter ||
        !FIELD_EX64(irq->control, NAMD_CTRL, SMIFEN)) {
        return true;
    }
    for (unsigned i = 0; i < 1u << amd->cfg.smi_filters_lg2; i++) {
        uint64_t filter = nyx_amd_reg64(amd, A_NAMD_SMI(i));

        if (FIELD_EX64(filter, NAMD_SMI, DV) &&
            FIELD_EX64(filter, NAMD_SMI, DID) == irq->sid) {
            return true;
        }
    }
    return false;
}

/* It goes on as it came. */
static NyxAmdFaultCode pass(NyxAmd *amd, IrqRequest *irq)
{
    if (FIELD_EX32(irq->data, NAMD_IRQD, DLM) == NAMD_DLM_SMI) {
        nyx_amd_perf_count(amd, NAMD_PERF_SMI, 1, irq->sid, irq->did,
                           NAMD_NO_PASID);
        if (!smi_allowed(amd, irq)) {
            nyx_amd_perf_count(amd, NAMD_PERF_SMI_BLOCKED, 1, irq->sid,
                               irq->did, NAMD_NO_PASID);
            irq->suppressed = !FIELD_EX64(irq->control, NAMD_CTRL, SMIFLOGEN);
            return NAMD_FAULT_IRQ_SMI;
        }
    }
    amd->stats.passed_interrupts++;
    return NAMD_FAULT_NONE;
}

static NyxAmdFaultCode remap_by_table(NyxAmd *amd, IrqRequest *irq,
                                      uint64_t *addr, uint32_t *data,
                                      bool *send)
{
    uint64_t irte[2];
    NyxAmdFaultCode code = find_entry(amd, irq, irte);

    if (code != NAMD_FAULT_NONE) {
        return code;
    }
    if (wide(irq) && FIELD_EX64(irte[0], NAMD_IRTEX0, GUESTMODE)) {
        return post(amd, irq, irte, addr, data, send);
    }
    deliver(amd, irq, irte, addr, data);
    return NAMD_FAULT_NONE;
}

/* Those that no table remaps: a bit of the entry lets them pass, or not. */
static NyxAmdFaultCode pass_or_refuse(NyxAmd *amd, IrqRequest *irq)
{
    /* Lint0Pass and Lint1Pass are for messages that MSI has no form for. */
    static const uint64_t pass_bit[8] = {
        [NAMD_DLM_SMI] = UINT64_MAX,
        [NAMD_DLM_NMI] = R_NAMD_DTE2_NMIPASS_MASK,
        [NAMD_DLM_INIT] = R_NAMD_DTE2_INITPASS_MASK,
        [NAMD_DLM_EXTINT] = R_NAMD_DTE2_EINTPASS_MASK,
    };
    uint64_t bit = pass_bit[FIELD_EX32(irq->data, NAMD_IRQD, DLM)];

    /* A reserved mode, or one that has no logical destination */
    if (!bit || FIELD_EX64(irq->addr, NAMD_IRQA, DM)) {
        return NAMD_FAULT_INTR_RANGE;
    }
    return irq->dte & bit ? pass(amd, irq) : NAMD_FAULT_INTCTL;
}

static NyxAmdFaultCode remap_by_entry(NyxAmd *amd, IrqRequest *irq,
                                      uint64_t *addr, uint32_t *data,
                                      bool *send)
{
    unsigned int_ctl = FIELD_EX64(irq->dte, NAMD_DTE2, INTCTL);
    /* An index of eleven bits leaves none for the delivery mode. */
    bool long_index = int_ctl == NAMD_INTCTL_REMAP &&
                      FIELD_EX64(irq->control, NAMD_CTRL, NUMINTREMAP) ==
                      NAMD_INTREMAP_2048;

    if (!long_index && FIELD_EX32(irq->data, NAMD_IRQD, DLM) >
                       NAMD_DLM_ARBITRATED) {
        return pass_or_refuse(amd, irq);
    }
    switch (int_ctl) {
    case NAMD_INTCTL_FORWARD:
        return pass(amd, irq);
    case NAMD_INTCTL_REMAP:
        return remap_by_table(amd, irq, addr, data, send);
    default:
        return NAMD_FAULT_INTCTL;
    }
}

static NyxAmdFaultCode remap(NyxAmd *amd, IrqRequest *irq, uint64_t *addr,
                             uint32_t *data, bool *send)
{
    NyxAmdFaultCode code;

    *send = true;
    irq->control = nyx_amd_control(amd);
    if (!amd->cfg.intremap || !FIELD_EX64(irq->control, NAMD_CTRL, IOMMUEN)) {
        return NAMD_FAULT_NONE;
    }
    code = dte_get(amd, irq);
    if (code != NAMD_FAULT_NONE) {
        return code;
    }
    if (!FIELD_EX64(irq->dte, NAMD_DTE2, IV)) {
        return pass(amd, irq);
    }
    return in_range(irq->addr) ? remap_by_entry(amd, irq, addr, data, send)
                               : NAMD_FAULT_INTR_RANGE;
}

static NyxAmdFaultCode remap_or_report(NyxAmd *amd, IrqRequest *irq,
                                       uint64_t *addr, uint32_t *data,
                                       bool *send)
{
    NyxAmdFaultCode code = remap(amd, irq, addr, data, send);

    return code == NAMD_FAULT_NONE ? code : refused(amd, irq, code);
}

NyxAmdFaultCode nyx_amd_remap_interrupt(NyxAmd *amd, uint16_t sid,
                                        uint64_t *addr, uint32_t *data,
                                        bool *send)
{
    IrqRequest irq = { .sid = sid, .addr = *addr, .data = *data };

    return remap_or_report(amd, &irq, addr, data, send);
}

NyxAmdFaultCode nyx_amd_route_interrupt(NyxAmd *amd, uint16_t sid,
                                        uint64_t *addr, uint32_t *data,
                                        bool *send)
{
    IrqRequest irq = {
        .sid = sid, .addr = *addr, .data = *data, .route = true,
    };

    return remap_or_report(amd, &irq, addr, data, send);
}

/* --- Invalidation --------------------------------------------------------- */

void nyx_amd_inv_int_dte(NyxAmd *amd, uint16_t sid)
{
    nyx_cache_drop(&amd->int_dte, (NyxCacheKey) { .addr = sid });
    amd->host.irt_changed(amd->host.opaque, false, sid);
}

void nyx_amd_inv_irt(NyxAmd *amd, uint16_t sid)
{
    amd->irt_gen[sid]++;
    amd->host.irt_changed(amd->host.opaque, false, sid);
}

void nyx_amd_inv_int_all(NyxAmd *amd)
{
    amd->int_gen++;
    amd->host.irt_changed(amd->host.opaque, true, 0);
}

void nyx_amd_int_caches_clear(NyxAmd *amd)
{
    amd->int_gen++;
    nyx_cache_clear(&amd->int_dte);
    nyx_cache_clear(&amd->irt);
}
