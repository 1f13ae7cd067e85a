/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The logs in memory (2.5 to 2.7): event, peripheral page request and guest
 * virtual APIC log, the first two with a second buffer; the Status register
 * and the messages that its bits cause.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-amdvi/internal.h"

const NyxAmdRing nyx_amd_rings[NAMD_RINGS] = {
    [NAMD_RING_COMMANDS] = {
        A_NAMD_CMDBASE, A_NAMD_CMDHEAD, A_NAMD_CMDTAIL, A_NAMD_CMDHEAD,
        R_NAMD_STS_CMDBUFRUN_MASK, NAMD_ENTRY_BYTES,
    },
    [NAMD_RING_EVENTS] = {
        A_NAMD_EVTBASE, A_NAMD_EVTHEAD, A_NAMD_EVTTAIL, A_NAMD_EVTTAIL,
        R_NAMD_STS_EVENTLOGRUN_MASK, NAMD_ENTRY_BYTES,
    },
    [NAMD_RING_EVENTS_B] = {
        A_NAMD_EVTBASE_B, A_NAMD_EVTHEAD_B, A_NAMD_EVTTAIL_B,
        A_NAMD_EVTTAIL_B, R_NAMD_STS_EVENTLOGRUN_MASK, NAMD_ENTRY_BYTES,
    },
    [NAMD_RING_PPR] = {
        A_NAMD_PPRBASE, A_NAMD_PPRHEAD, A_NAMD_PPRTAIL, A_NAMD_PPRTAIL,
        R_NAMD_STS_PPRLOGRUN_MASK, NAMD_ENTRY_BYTES,
    },
    [NAMD_RING_PPR_B] = {
        A_NAMD_PPRBASE_B, A_NAMD_PPRHEAD_B, A_NAMD_PPRTAIL_B,
        A_NAMD_PPRTAIL_B, R_NAMD_STS_PPRLOGRUN_MASK, NAMD_ENTRY_BYTES,
    },
    [NAMD_RING_GA] = {
        A_NAMD_GALOGBASE, A_NAMD_GALOGHEAD, A_NAMD_GALOGTAILPTR,
        A_NAMD_GALOGTAILPTR, R_NAMD_STS_GALOGRUN_MASK, NAMD_GA_ENTRY_BYTES,
    },
};

/* Lengths below 8 are reserved: the buffer is a page then. */
uint64_t nyx_amd_ring_bytes(uint64_t base)
{
    unsigned len = FIELD_EX64(base, NAMD_RING, LEN);

    return (uint64_t)NAMD_ENTRY_BYTES << MAX(len, NAMD_RING_LEN_MIN);
}

/* --- Status and messages -------------------------------------------------- */

/* Bits of Status that ask for a message, and what allows it. */
typedef struct Cause {
    uint32_t bits;
    uint32_t enable;         /* register */
    uint32_t enable_mask;
    uint32_t xt;             /* register of the message with IntCapXTEn */
    uint8_t message;
} Cause;

static const Cause causes[] = {
    { R_NAMD_STS_EVENTLOGINT_MASK | R_NAMD_STS_EVENTOVERFLOW_MASK |
      R_NAMD_STS_EVENTOVERFLOWB_MASK,
      A_NAMD_CONTROL, R_NAMD_CTRL_EVENTINTEN_MASK,
      A_NAMD_XT_GENERAL, NAMD_MSG_GENERAL },
    { R_NAMD_STS_COMWAITINT_MASK,
      A_NAMD_CONTROL, R_NAMD_CTRL_COMWAITINTEN_MASK,
      A_NAMD_XT_GENERAL, NAMD_MSG_GENERAL },
    { R_NAMD_STS_PPRINT_MASK | R_NAMD_STS_PPROVERFLOW_MASK |
      R_NAMD_STS_PPROVERFLOWB_MASK,
      A_NAMD_CONTROL, R_NAMD_CTRL_PPRINTEN_MASK,
      A_NAMD_XT_PPR, NAMD_MSG_PPR },
    { R_NAMD_STS_PPREARLY_MASK,
      A_NAMD_PPREARLY, R_NAMD_PPREARLY_INTEN_MASK,
      A_NAMD_XT_PPR, NAMD_MSG_PPR },
    { R_NAMD_STS_PPREARLYB_MASK,
      A_NAMD_PPREARLY_B, R_NAMD_PPREARLY_INTEN_MASK,
      A_NAMD_XT_PPR, NAMD_MSG_PPR },
    { R_NAMD_STS_GAINT_MASK | R_NAMD_STS_GALOVERFLOW_MASK,
      A_NAMD_CONTROL, R_NAMD_CTRL_GAINTEN_MASK,
      A_NAMD_XT_GA, NAMD_MSG_GA },
};

/* Vectors below are the processor's own: how software masks a cause. */
#define FIRST_VECTOR 16

/* False if the register has no message. */
static bool send_xt(NyxAmd *amd, uint32_t offset)
{
    uint64_t xt = nyx_amd_reg64(amd, offset);
    uint32_t dest = FIELD_EX64(xt, NAMD_XT, DEST);
    uint8_t vector = FIELD_EX64(xt, NAMD_XT, VECTOR);
    uint64_t addr = NAMD_INTR_FIRST;
    uint32_t data = FIELD_DP32(vector, NAMD_IRQD, DLM,
                               FIELD_EX64(xt, NAMD_XT, DLM));

    if (vector < FIRST_VECTOR) {
        return false;
    }
    addr = FIELD_DP64(addr, NAMD_IRQA, DM, FIELD_EX64(xt, NAMD_XT, DM));
    addr = FIELD_DP64(addr, NAMD_IRQA, DEST, dest & 0xff);
    addr = FIELD_DP64(addr, NAMD_IRQA, DEST_HI,
                      dest >> 8 | FIELD_EX64(xt, NAMD_XT, DEST_HI) << 16);
    amd->host.send_msi(amd->host.opaque, addr, data);
    return true;
}

static void send_message(NyxAmd *amd, const Cause *cause)
{
    bool xt = nyx_amd_control(amd) & R_NAMD_CTRL_INTCAPXTEN_MASK;

    if (xt && !send_xt(amd, cause->xt)) {
        return;
    }
    amd->stats.messages++;
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = NYX_AMD_EV_SIGNAL, .a = cause->message, .b = xt,
    });
    if (!xt) {
        amd->host.signal(amd->host.opaque, cause->message);
    }
}

void nyx_amd_status_set(NyxAmd *amd, uint64_t bits)
{
    uint64_t status = nyx_amd_reg64(amd, A_NAMD_STATUS);
    uint64_t rising = bits & ~status;

    nyx_reg_set(&amd->regs, A_NAMD_STATUS, 8, status | bits);
    for (unsigned i = 0; i < ARRAY_SIZE(causes); i++) {
        const Cause *cause = &causes[i];

        if (rising & cause->bits &&
            nyx_amd_reg64(amd, cause->enable) & cause->enable_mask) {
            send_message(amd, cause);
        }
    }
}

void nyx_amd_status_enabled(NyxAmd *amd, uint64_t enabled)
{
    uint64_t status = nyx_amd_reg64(amd, A_NAMD_STATUS);

    for (unsigned i = 0; i < ARRAY_SIZE(causes); i++) {
        if (causes[i].enable == A_NAMD_CONTROL &&
            enabled & causes[i].enable_mask && status & causes[i].bits) {
            send_message(amd, &causes[i]);
        }
    }
}

/* --- Logs ----------------------------------------------------------------- */

/* A log: its buffers, its bits in Control and Status. */
typedef struct Log {
    uint8_t ring[2];         /* NAMD_RING_*: A and B */
    uint64_t enable;         /* Control */
    uint64_t dual;           /* Control: which buffer; none: 0 */
    uint32_t interrupt;      /* Status */
    uint32_t overflow[2];
    uint32_t active;
    size_t stopped;          /* in NyxAmd */
} Log;

static const Log event_log = {
    .ring = { NAMD_RING_EVENTS, NAMD_RING_EVENTS_B },
    .enable = R_NAMD_CTRL_EVENTLOGEN_MASK,
    .dual = R_NAMD_CTRL_DUALEVENT_MASK,
    .interrupt = R_NAMD_STS_EVENTLOGINT_MASK,
    .overflow = { R_NAMD_STS_EVENTOVERFLOW_MASK,
                  R_NAMD_STS_EVENTOVERFLOWB_MASK },
    .active = R_NAMD_STS_EVENTLOGACTIVE_MASK,
    .stopped = offsetof(NyxAmd, event_stopped),
};

static const Log ppr_log = {
    .ring = { NAMD_RING_PPR, NAMD_RING_PPR_B },
    .enable = R_NAMD_CTRL_PPRLOGEN_MASK,
    .dual = R_NAMD_CTRL_DUALPPR_MASK,
    .interrupt = R_NAMD_STS_PPRINT_MASK,
    .overflow = { R_NAMD_STS_PPROVERFLOW_MASK, R_NAMD_STS_PPROVERFLOWB_MASK },
    .active = R_NAMD_STS_PPRLOGACTIVE_MASK,
    .stopped = offsetof(NyxAmd, ppr_stopped),
};

static const Log ga_log = {
    .ring = { NAMD_RING_GA, NAMD_RING_GA },
    .enable = R_NAMD_CTRL_GALOGEN_MASK,
    .interrupt = R_NAMD_STS_GAINT_MASK,
    .overflow = { R_NAMD_STS_GALOVERFLOW_MASK, R_NAMD_STS_GALOVERFLOW_MASK },
    .stopped = offsetof(NyxAmd, ga_stopped),
};

static const Log *const logs[] = { &event_log, &ppr_log, &ga_log };

static bool *stopped(NyxAmd *amd, const Log *log)
{
    return (bool *)((char *)amd + log->stopped);
}

static uint32_t run_bit(const Log *log)
{
    return nyx_amd_rings[log->ring[0]].run;
}

static unsigned dual_mode(const NyxAmd *amd, const Log *log)
{
    uint64_t mode = nyx_amd_control(amd) & log->dual;

    return log->dual ? mode >> ctz64(log->dual) : NAMD_DUAL_A;
}

static void status_change(NyxAmd *amd, uint64_t clear, uint64_t set)
{
    uint64_t status = nyx_amd_reg64(amd, A_NAMD_STATUS);

    nyx_reg_set(&amd->regs, A_NAMD_STATUS, 8, (status & ~clear) | set);
}

static void run_update(NyxAmd *amd, const Log *log)
{
    uint64_t control = nyx_amd_control(amd);
    bool run = control & R_NAMD_CTRL_IOMMUEN_MASK && control & log->enable &&
               !*stopped(amd, log);

    status_change(amd, run_bit(log), run ? run_bit(log) : 0);
}

/*
 * 3.4.16, EventOverflow: nothing is written while the bit is set, so it does
 * no good to enable the log before it has been cleared.
 */
static void log_enabled(NyxAmd *amd, const Log *log)
{
    uint64_t status = nyx_amd_reg64(amd, A_NAMD_STATUS);

    *stopped(amd, log) = status & log->overflow[!!(status & log->active)];
}

void nyx_amd_logs_update(NyxAmd *amd, uint64_t enabled)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        const Log *log = logs[i];
        unsigned dual = dual_mode(amd, log);

        /* Those that swap begin with A. */
        if (dual != NAMD_DUAL_SWAP || enabled & log->enable) {
            status_change(amd, log->active,
                          dual == NAMD_DUAL_B ? log->active : 0);
        }
        if (enabled & log->enable) {
            log_enabled(amd, log);
        }
        run_update(amd, log);
    }
}

static bool log_full(const NyxAmd *amd, const NyxAmdRing *ring)
{
    uint64_t bytes = nyx_amd_ring_bytes(nyx_amd_reg64(amd, ring->base));
    uint64_t tail = nyx_amd_reg64(amd, ring->tail);

    return ((tail + ring->entry) & (bytes - 1)) ==
           nyx_amd_reg64(amd, ring->head);
}

/* Whether the buffer that is not in use can take over. */
static bool can_swap(const NyxAmd *amd, const Log *log, unsigned to)
{
    const NyxAmdRing *ring = &nyx_amd_rings[log->ring[to]];

    return dual_mode(amd, log) == NAMD_DUAL_SWAP &&
           !(nyx_amd_reg64(amd, A_NAMD_STATUS) & log->overflow[to]) &&
           nyx_amd_reg64(amd, ring->head) == nyx_amd_reg64(amd, ring->tail);
}

/* Entries are lost until software has cleared up. */
static void log_stop(NyxAmd *amd, const Log *log, unsigned which)
{
    const NyxAmdRing *ring = &nyx_amd_rings[log->ring[which]];

    *stopped(amd, log) = true;
    run_update(amd, log);
    nyx_amd_finding(amd, NAMD_RULE_LOG_OVERFLOW,
                    nyx_amd_at_reg(ring->tail,
                                   nyx_amd_reg64(amd, ring->tail)));
    nyx_amd_status_set(amd, log->overflow[which]);
}

/* No room in buffer @which: the other one, or stop.  False if it stops. */
static bool log_overflow(NyxAmd *amd, const Log *log, unsigned which)
{
    if (!can_swap(amd, log, !which)) {
        log_stop(amd, log, which);
        return false;
    }
    status_change(amd, log->active, which ? 0 : log->active);
    nyx_amd_status_set(amd, log->overflow[which]);
    return true;
}

static bool log_lost(NyxAmd *amd, const uint64_t *words, unsigned n)
{
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = NYX_AMD_EV_LOST, .a = words[0], .b = n > 1 ? words[1] : 0,
    });
    return false;
}

/*
 * 2.5: all of the entry is in memory, then the tail moves; the caller sets
 * the status bit.  *@which: the buffer that it went to.
 */
static bool append(NyxAmd *amd, const Log *log, const uint64_t *words,
                   unsigned n, unsigned *which)
{
    const NyxAmdRing *ring;
    uint64_t le[2], base, tail, addr;

    *which = !!(nyx_amd_reg64(amd, A_NAMD_STATUS) & log->active);
    ring = &nyx_amd_rings[log->ring[*which]];
    if (!(nyx_amd_reg64(amd, A_NAMD_STATUS) & run_bit(log))) {
        return log_lost(amd, words, n);
    }
    if (log_full(amd, ring)) {
        if (!log_overflow(amd, log, *which)) {
            return log_lost(amd, words, n);
        }
        *which = !*which;
        ring = &nyx_amd_rings[log->ring[*which]];
    }
    base = nyx_amd_reg64(amd, ring->base);
    tail = nyx_amd_reg64(amd, ring->tail);
    addr = (base & R_NAMD_RING_BASE_MASK) + tail;
    for (unsigned i = 0; i < n; i++) {
        le[i] = cpu_to_le64(words[i]);
    }
    if (!amd->host.mem.write(amd->host.mem.opaque, addr, le, n * sizeof(*le))) {
        nyx_amd_finding(amd, NAMD_RULE_LOG_MEMORY,
                        nyx_amd_at_reg(ring->base, addr));
        return log_lost(amd, words, n);
    }
    nyx_reg_set(&amd->regs, ring->tail, 8,
                (tail + ring->entry) & (nyx_amd_ring_bytes(base) - 1));
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = NYX_AMD_EV_LOG, .addr = addr, .a = words[0],
        .b = n > 1 ? words[1] : 0,
    });
    return true;
}

bool nyx_amd_log_event(NyxAmd *amd, const uint64_t words[2])
{
    unsigned which;

    if (!append(amd, &event_log, words, 2, &which)) {
        amd->stats.events_lost++;
        return false;
    }
    amd->stats.events[FIELD_EX64(words[0], NAMD_EVT0, CODE)]++;
    nyx_amd_status_set(amd, event_log.interrupt);
    return true;
}

void nyx_amd_log_overflow(NyxAmd *amd)
{
    uint64_t status = nyx_amd_reg64(amd, A_NAMD_STATUS);

    if (status & run_bit(&event_log)) {
        log_stop(amd, &event_log, !!(status & event_log.active));
    }
}

/* Entries in use have reached the limit that software set. */
static bool early(const NyxAmd *amd, unsigned which)
{
    const NyxAmdRing *ring = &nyx_amd_rings[ppr_log.ring[which]];
    uint64_t limit = nyx_amd_reg64(amd, which ? A_NAMD_PPREARLY_B
                                              : A_NAMD_PPREARLY);
    uint64_t bytes = nyx_amd_ring_bytes(nyx_amd_reg64(amd, ring->base));
    uint64_t used = (nyx_amd_reg64(amd, ring->tail) -
                     nyx_amd_reg64(amd, ring->head)) & (bytes - 1);

    return FIELD_EX64(limit, NAMD_PPREARLY, EN) &&
           used / ring->entry >= FIELD_EX64(limit, NAMD_PPREARLY, LIMIT);
}

bool nyx_amd_log_ppr(NyxAmd *amd, const uint64_t words[2])
{
    uint64_t bits = ppr_log.interrupt;
    unsigned which;

    if (!append(amd, &ppr_log, words, 2, &which)) {
        return false;
    }
    if (early(amd, which)) {
        bits |= which ? R_NAMD_STS_PPREARLYB_MASK : R_NAMD_STS_PPREARLY_MASK;
    }
    nyx_amd_status_set(amd, bits);
    return true;
}

bool nyx_amd_log_ga(NyxAmd *amd, uint64_t word)
{
    uint64_t to = nyx_amd_reg64(amd, A_NAMD_GALOGTAIL);
    uint64_t tail;
    unsigned which;

    if (!append(amd, &ga_log, &word, 1, &which)) {
        return false;
    }
    amd->stats.ga_entries++;
    tail = cpu_to_le64(nyx_amd_reg64(amd, A_NAMD_GALOGTAILPTR));
    if (to && !amd->host.mem.write(amd->host.mem.opaque, to, &tail,
                                   sizeof(tail))) {
        nyx_amd_finding(amd, NAMD_RULE_LOG_MEMORY,
                        nyx_amd_at_reg(A_NAMD_GALOGTAIL, to));
    }
    nyx_amd_status_set(amd, ga_log.interrupt);
    return true;
}
