/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events (2.5): from a refused request, a command or a counter to an entry
 * of the event log and to the hardware event registers.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

#define FAULT_ROW(name, event, flags, type, id, text) \
    [NAMD_FAULT_##name] = { id, text, NAMD_EVENT_##event, flags, type },

const NyxAmdFaultInfo nyx_amd_faults[NAMD_FAULT_COUNT] = {
    NAMD_FAULT_LIST(FAULT_ROW)
};

/* --- Encoding ------------------------------------------------------------- */

#define E(field) R_NAMD_EVT0_##field##_MASK
#define E_ALL    (E(CODE) | E(DEVID))
#define E_PASID  (E(PASID_HI) | E(ID) | E(GN))

/* 2.5: what of the first word an event uses, and of the address. */
typedef struct Format {
    uint64_t used;
    uint64_t addr;
    bool domain;             /* in the place of a PASID, if GN = 0 */
} Format;

static const Format formats[] = {
    [NAMD_EVENT_ILLEGAL_DEV_TABLE_ENTRY] = {
        E_ALL | E_PASID | E(I) | E(RW) | E(RZ) | E(TR), ~3ULL,
    },
    [NAMD_EVENT_IO_PAGE_FAULT] = {
        E_ALL | E_PASID | E(NX) | E(US) | E(I) | E(PR) | E(RW) | E(PE) |
        E(RZ) | E(TR), UINT64_MAX, true,
    },
    [NAMD_EVENT_DEV_TAB_HARDWARE_ERROR] = {
        E_ALL | E(I) | E(RW) | E(TR) | E(TYPE), UINT64_MAX,
    },
    [NAMD_EVENT_PAGE_TAB_HARDWARE_ERROR] = {
        E_ALL | E_PASID | E(I) | E(RW) | E(TR) | E(TYPE), UINT64_MAX, true,
    },
    [NAMD_EVENT_INVALID_DEVICE_REQUEST] = {
        E_ALL | E_PASID | E(US) | E(TR) | E(TYPE), UINT64_MAX,
    },
};

/* INVALID_PPR_REQUEST looks like the request, with RX. */
static void encode_ppr(const NyxAmdFault *fault, uint64_t words[2])
{
    uint64_t word = FIELD_DP64(0, NAMD_EVTP0, CODE,
                               NAMD_EVENT_INVALID_PPR_REQUEST);
    unsigned access = fault->access;

    word = FIELD_DP64(word, NAMD_EVTP0, DEVID, fault->sid);
    word = FIELD_DP64(word, NAMD_EVTP0, TAG,
                      fault->group | (fault->last ? NAMD_PPR_TAG_LAST : 0));
    word = FIELD_DP64(word, NAMD_EVTP0, RX, !fault->last);
    word = FIELD_DP64(word, NAMD_EVTP0, R, !!(access & NYX_ACCESS_READ));
    word = FIELD_DP64(word, NAMD_EVTP0, W, !!(access & NYX_ACCESS_WRITE));
    if (fault->has_pasid) {
        word = FIELD_DP64(word, NAMD_EVTP0, GN, 1);
        word = FIELD_DP64(word, NAMD_EVTP0, PASID_LO, fault->pasid & 0xffff);
        word = FIELD_DP64(word, NAMD_EVTP0, PASID_HI, fault->pasid >> 16);
        word = FIELD_DP64(word, NAMD_EVTP0, X, !!(access & NYX_ACCESS_EXEC));
        word = FIELD_DP64(word, NAMD_EVTP0, US, !(access & NYX_ACCESS_PRIV));
    }
    words[0] = word;
    words[1] = fault->addr & ~0xfffULL;
}

static void encode(const NyxAmdFault *fault, uint64_t words[2])
{
    const NyxAmdFaultInfo *info = &nyx_amd_faults[fault->code];
    const Format *format = &formats[info->event];
    bool gn = format->domain ? info->flags & NAMD_FLAG_GN : fault->has_pasid;
    uint16_t id = gn ? fault->pasid : format->domain ? fault->did : 0;
    unsigned access = fault->access;
    uint64_t word = FIELD_DP64(0, NAMD_EVT0, CODE, info->event);

    word = FIELD_DP64(word, NAMD_EVT0, DEVID, fault->sid);
    word = FIELD_DP64(word, NAMD_EVT0, PASID_HI, gn ? fault->pasid >> 16 : 0);
    word = FIELD_DP64(word, NAMD_EVT0, ID, id);
    word = FIELD_DP64(word, NAMD_EVT0, GN, gn);
    word = FIELD_DP64(word, NAMD_EVT0, NX, !!(access & NYX_ACCESS_EXEC));
    word = FIELD_DP64(word, NAMD_EVT0, US, gn && !(access & NYX_ACCESS_PRIV));
    word = FIELD_DP64(word, NAMD_EVT0, I, fault->interrupt);
    word = FIELD_DP64(word, NAMD_EVT0, PR, !!(info->flags & NAMD_FLAG_PR));
    word = FIELD_DP64(word, NAMD_EVT0, PE, !!(info->flags & NAMD_FLAG_PE));
    word = FIELD_DP64(word, NAMD_EVT0, RZ, !!(info->flags & NAMD_FLAG_RZ));
    word = FIELD_DP64(word, NAMD_EVT0, TYPE, info->type);
    if (!fault->interrupt) {
        word = FIELD_DP64(word, NAMD_EVT0, RW,
                          !!(access & NYX_ACCESS_WRITE));
        word = FIELD_DP64(word, NAMD_EVT0, TR,
                          fault->type == NYX_REQ_TRANSLATION);
    }
    words[0] = word & format->used;
    words[1] = fault->addr & format->addr;
}

/* --- Where they go -------------------------------------------------------- */

/* 3.4.9: the first hardware error stays, a later one is only noted. */
static void hardware_event(NyxAmd *amd, const uint64_t words[2])
{
    uint64_t status = nyx_amd_reg64(amd, A_NAMD_HWEVT_STATUS);

    if (!amd->cfg.hw_events) {
        return;
    }
    if (status & R_NAMD_HWEVTS_HEV_MASK) {
        status |= R_NAMD_HWEVTS_HEO_MASK;
    } else {
        status |= R_NAMD_HWEVTS_HEV_MASK;
        nyx_reg_set(&amd->regs, A_NAMD_HWEVT_LO, 8, words[0]);
        nyx_reg_set(&amd->regs, A_NAMD_HWEVT_HI, 8, words[1]);
    }
    nyx_reg_set(&amd->regs, A_NAMD_HWEVT_STATUS, 8, status);
}

static bool log_words(NyxAmd *amd, const uint64_t words[2])
{
    switch (FIELD_EX64(words[0], NAMD_EVT0, CODE)) {
    case NAMD_EVENT_DEV_TAB_HARDWARE_ERROR:
    case NAMD_EVENT_PAGE_TAB_HARDWARE_ERROR:
    case NAMD_EVENT_COMMAND_HARDWARE_ERROR:
        hardware_event(amd, words);
        break;
    }
    return nyx_amd_log_event(amd, words);
}

void nyx_amd_suppressed_clear(NyxAmd *amd, bool any, uint16_t sid)
{
    for (unsigned i = 0; any && i < NAMD_SAVED_SUPPRESSED; i++) {
        qatomic_set(&amd->suppressed[i], 0);
    }
    if (!any) {
        qatomic_and(&amd->suppressed[sid / 64], ~BIT_ULL(sid % 64));
    }
}

/* SA, SE and IG are about IO_PAGE_FAULT only. */
static bool suppressed(const NyxAmd *amd, const NyxAmdFault *fault)
{
    if (nyx_amd_faults[fault->code].event != NAMD_EVENT_IO_PAGE_FAULT) {
        return false;
    }
    return fault->suppressed ||
           (fault->suppress_after &&
            qatomic_read(&amd->suppressed[fault->sid / 64]) &
            BIT_ULL(fault->sid % 64));
}

static bool log_fault(NyxAmd *amd, const NyxAmdFault *fault)
{
    NyxAmdEventCode event = nyx_amd_faults[fault->code].event;
    uint64_t words[2];

    if (suppressed(amd, fault)) {
        amd->stats.events_suppressed++;
        return false;
    }
    if (event == NAMD_EVENT_INVALID_PPR_REQUEST) {
        encode_ppr(fault, words);
    } else {
        encode(fault, words);
    }
    if (!log_words(amd, words)) {
        return false;
    }
    if (fault->suppress_after && event == NAMD_EVENT_IO_PAGE_FAULT) {
        qatomic_or(&amd->suppressed[fault->sid / 64], BIT_ULL(fault->sid % 64));
    }
    return true;
}

/* --- Reports -------------------------------------------------------------- */

/* The serialized half of a report. */
static void report_now(NyxAmd *amd, const NyxAmdFault *fault)
{
    bool logged = log_fault(amd, fault);

    if (fault->r) {
        fault->r->refused++;
        fault->r->faults[fault->code]++;
    } else {
        amd->interrupt_faults[fault->code]++;
    }
    nyx_amd_finding(amd,
                    fault->interrupt ? NAMD_RULE_IRQ_FAULT
                                     : NAMD_RULE_DMA_FAULT,
                    (NyxWhere) {
                        .has_sid = true,
                        .sid = fault->sid,
                        .has_addr = true,
                        .addr = fault->addr,
                        .value = fault->code,
                    });
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = NYX_AMD_EV_FAULT,
        .sid = fault->sid,
        .addr = fault->addr,
        .a = fault->code,
        .b = logged,
    });
}

void nyx_amd_report(NyxAmd *amd, const NyxAmdFault *fault)
{
    bool first;

    if (amd->host.serialized(amd->host.opaque)) {
        nyx_amd_report_drain(amd);
        report_now(amd, fault);
        return;
    }
    nyx_handoff_put(&amd->faults, fault, &first);
    if (first) {
        amd->host.kick(amd->host.opaque);
    }
}

void nyx_amd_report_drain(NyxAmd *amd)
{
    NyxAmdFault faults[NAMD_FAULT_RING];
    bool lost;
    unsigned n = nyx_handoff_take(&amd->faults, faults, &lost);

    for (unsigned i = 0; i < n; i++) {
        report_now(amd, &faults[i]);
    }
    if (lost) {
        amd->stats.events_lost++;
        nyx_amd_log_overflow(amd);
    }
}

void nyx_amd_command_event(NyxAmd *amd, NyxAmdEventCode code, uint16_t sid,
                           uint64_t addr)
{
    uint64_t words[2] = { FIELD_DP64(0, NAMD_EVT0, CODE, code), addr };

    words[0] = FIELD_DP64(words[0], NAMD_EVT0, DEVID, sid);
    if (code == NAMD_EVENT_COMMAND_HARDWARE_ERROR) {
        words[0] = FIELD_DP64(words[0], NAMD_EVT0, TYPE,
                              NAMD_ERROR_TARGET_ABORT);
    }
    log_words(amd, words);
}

/* The note's upper bits come first: 83:64, and 127:96 are the lower ones. */
void nyx_amd_counter_event(NyxAmd *amd, uint64_t note)
{
    const uint64_t words[2] = {
        FIELD_DP64(0, NAMD_EVT0, CODE, NAMD_EVENT_EVENT_COUNTER_ZERO),
        extract64(note, 32, 20) | extract64(note, 0, 32) << 32,
    };

    log_words(amd, words);
}
