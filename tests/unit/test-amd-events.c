/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events of nyx-amdvi: every reason's entry bit by bit, suppression, the
 * hardware event registers, faults that other threads report.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"
#include "amd-fixture.h"

/* Flags of 8.2, as they stand in an entry. */
#define GN (1ULL << 48)
#define NX (1ULL << 49)
#define US (1ULL << 50)
#define I  (1ULL << 51)
#define PR (1ULL << 52)
#define RW (1ULL << 53)
#define PE (1ULL << 54)
#define RZ (1ULL << 55)
#define TR (1ULL << 56)
#define TYPE(n) ((uint64_t)(n) << 57)
#define CODE(n) ((uint64_t)(n) << 60)

/* --- Every reason --------------------------------------------------------- */

/* What an entry has of a write with these attributes. */
typedef struct ReasonRow {
    const char *name;
    NyxAmdFaultCode code;
    uint64_t want;           /* code, flags that the reason decides, type */
} ReasonRow;

#define REASON(name, want) { #name, NAMD_FAULT_##name, want }
#define TARGET_ABORT TYPE(2)

static const ReasonRow reasons[] = {
    REASON(DTE_RANGE, CODE(2)),
    REASON(DTE_READ, CODE(3) | TARGET_ABORT),
    REASON(DTE_RSVD, CODE(1) | RZ),
    REASON(DTE_TV, CODE(2)),
    REASON(DTE_GV, CODE(2) | GN),
    REASON(IDENTITY, CODE(2) | PR | PE),
    REASON(HOST_WIDTH, CODE(2)),
    REASON(HOST_EMPTY, CODE(2)),
    REASON(HOST_DENIED, CODE(2) | PR | PE),
    REASON(HOST_RSVD, CODE(2) | PR | RZ),
    REASON(HOST_READ, CODE(4) | TARGET_ABORT),
    REASON(PASID_RANGE, CODE(2) | GN),
    REASON(GCR3_EMPTY, CODE(2) | GN),
    REASON(GCR3_RSVD, CODE(2) | GN | PR | RZ),
    REASON(GCR3_READ, CODE(4) | GN | TARGET_ABORT),
    REASON(CANONICAL, CODE(2) | GN),
    REASON(GUEST_EMPTY, CODE(2) | GN),
    REASON(GUEST_DENIED, CODE(2) | GN | PR | PE),
    REASON(GUEST_RSVD, CODE(2) | GN | PR | RZ),
    REASON(GUEST_READ, CODE(4) | GN | TARGET_ABORT),
    REASON(MARC, CODE(2) | PR | PE),
    REASON(INTR_READ, CODE(8) | TYPE(0)),
    REASON(TRANSLATED, CODE(8) | TYPE(1)),
    REASON(PORT_IO, CODE(8) | TYPE(2)),
    REASON(SYSMGT, CODE(8) | TYPE(3)),
    REASON(INTR_RANGE, CODE(8) | TYPE(4)),
    REASON(INTCTL, CODE(8) | TYPE(5)),
    REASON(HT_RANGE, CODE(8) | TYPE(6)),
    REASON(ATS_RANGE, CODE(8) | TYPE(0)),
    REASON(ATS_BLOCKED, CODE(8) | TYPE(1)),
    REASON(IRQ_INDEX, CODE(2)),
    REASON(IRQ_OFF, CODE(2)),
    REASON(IRQ_RSVD, CODE(2) | PR | RZ),
    REASON(IRQ_READ, CODE(4) | TARGET_ABORT),
    REASON(IRQ_VAPIC, CODE(4) | TARGET_ABORT),
    REASON(IRQ_SMI, CODE(2)),
    REASON(PPR_REFUSED, CODE(9)),
};

/* Flags that the event has room for, of those the request decides. */
static uint64_t request_flags(unsigned code)
{
    switch (code) {
    case 1:
        return I | RW | TR;
    case 2:
        return NX | US | I | RW | TR;
    case 3:
        return I | RW | TR;
    case 4:
        return I | RW | TR;
    case 8:
        return US | TR;
    default:
        return 0;
    }
}

/* Whether the PASID fields of an event follow the request, not the reason. */
static bool pasid_of_request(unsigned code)
{
    return code == 1 || code == 8;
}

static void check_reason(Ax *f, const ReasonRow *row, bool pasid,
                         NyxRequestType type, unsigned access, bool interrupt)
{
    const NyxAmdFault fault = {
        .code = row->code, .sid = 0xabcd, .did = 0x5678,
        .addr = 0x123456789abcdef7ULL, .pasid = 0xfedcb, .has_pasid = pasid,
        .interrupt = interrupt, .type = type, .access = access,
    };
    unsigned code = row->want >> 60;
    uint64_t want = row->want | 0xabcd, addr = fault.addr;
    uint64_t flags = 0;
    bool gn = pasid_of_request(code) ? pasid : !!(row->want & GN);
    g_autofree char *name = g_strdup_printf(
        "%s, pasid %d, type %d, access 0x%x, interrupt %d", row->name, pasid,
        type, access, interrupt);
    AxEvent event;

    if (gn) {
        want |= GN | 0xfULL << 16 | 0xedcbULL << 32;
    } else if (code == 2 || code == 4) {
        want |= 0x5678ULL << 32;
    }
    flags |= access & NYX_ACCESS_EXEC ? NX : 0;
    flags |= gn && !(access & NYX_ACCESS_PRIV) ? US : 0;
    flags |= interrupt ? I : 0;
    flags |= access & NYX_ACCESS_WRITE && !interrupt ? RW : 0;
    flags |= type == NYX_REQ_TRANSLATION && !interrupt ? TR : 0;
    want |= flags & request_flags(code);
    if (code == 1) {
        addr &= ~3ULL;
    }
    nyx_amd_report(f->amd, &fault);
    event = ax_take_event(f);
    FX_CHECK(name, event.lo, want);
    FX_CHECK(name, event.hi, addr);
    FX_CHECK(name, ax_take_event(f).valid, false);
}

/* 16.1 to 16.3, 16.47: places of RW, DeviceID, DomainID, PASID, GN. */
static void test_reasons(void)
{
    static const unsigned accesses[] = {
        FX_R, FX_W, FX_RW, FX_RW | NYX_ACCESS_ATOMIC,
        FX_R | NYX_ACCESS_EXEC, FX_R | NYX_ACCESS_PRIV,
    };
    Ax *f = ax_new_started(NULL);

    FX_CHECK("all reasons", ARRAY_SIZE(reasons), NAMD_FAULT_COUNT - 1);
    for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (reasons[i].code == NAMD_FAULT_PPR_REFUSED) {
            continue;
        }
        for (unsigned j = 0; j < ARRAY_SIZE(accesses) * 8; j++) {
            check_reason(f, &reasons[i], j & 1,
                         j & 2 ? NYX_REQ_TRANSLATION : NYX_REQ_UNTRANSLATED,
                         accesses[j / 8], j & 4);
        }
    }
    ax_free(f);
}

/* GIoV: no PASID in the request, but a guest's table: PASID 0. */
static void test_no_pasid_guest(void)
{
    Ax *f = ax_new_started(NULL);
    const NyxAmdFault fault = {
        .code = NAMD_FAULT_GUEST_EMPTY, .sid = 1, .did = 0x5678,
        .addr = 0x1000, .access = FX_R,
    };

    nyx_amd_report(f->amd, &fault);
    FX_CHECK(NULL, ax_take_event(f).lo, CODE(2) | GN | US | 1);
    ax_free(f);
}

typedef struct PprRow {
    const char *name;
    NyxAmdFault fault;
    uint64_t want;
} PprRow;

/* 8.1 and 9: PASID 15:0 at 31:16, 19:16 at 45:42, group and last 41:32. */
static const PprRow ppr_rows[] = {
    { "plain, last", { .sid = 0xabcd, .group = 0x1ff, .last = true,
                       .access = FX_R },
      0x900403ff0000abcdULL },
    { "not last", { .sid = 0xabcd, .group = 0x1, .access = FX_W },
      0x902100010000abcdULL },
    { "PASID, user", { .sid = 1, .last = true, .has_pasid = true,
                       .pasid = 0xfedcb, .access = FX_RW },
      0x91643e00edcb0001ULL },
    { "PASID, privileged, execute",
      { .sid = 1, .last = true, .has_pasid = true, .pasid = 1,
        .access = FX_R | NYX_ACCESS_EXEC | NYX_ACCESS_PRIV },
      0x9106020000010001ULL },
};

static void test_ppr(void)
{
    Ax *f = ax_new_started(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(ppr_rows); i++) {
        NyxAmdFault fault = ppr_rows[i].fault;
        AxEvent event;

        fault.code = NAMD_FAULT_PPR_REFUSED;
        fault.type = NYX_REQ_PAGE;
        fault.addr = 0x7fffabcdefffULL;
        nyx_amd_report(f->amd, &fault);
        event = ax_take_event(f);
        FX_CHECK(ppr_rows[i].name, event.lo, ppr_rows[i].want);
        FX_CHECK(ppr_rows[i].name, event.hi, 0x7fffabcde000ULL);
    }
    ax_free(f);
}

/* --- Suppression ---------------------------------------------------------- */

static NyxAmdFault fault_of(NyxAmdFaultCode code, uint16_t sid)
{
    return (NyxAmdFault) { .code = code, .sid = sid, .addr = 0x1000 };
}

/* SA and IG are about page faults only. */
static void test_suppressed(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++) {
        Ax *f = ax_new_started(NULL);
        NyxAmdFault fault = fault_of(reasons[i].code, 5);
        bool page_fault = reasons[i].want >> 60 == 2;

        fault.suppressed = true;
        nyx_amd_report(f->amd, &fault);
        FX_CHECK(reasons[i].name, ax_take_event(f).valid, !page_fault);
        FX_CHECK(reasons[i].name, nyx_amd_stats(f->amd).events_suppressed,
                 page_fault);
        FX_CHECK("counted", nyx_amd_fault_count(f->amd, NULL,
                                                reasons[i].code), 1);
        FX_CHECK("told", ax_findings(f, NAMD_RULE_DMA_FAULT), 1);
        ax_free(f);
    }
}

static bool report_se(Ax *f, NyxAmdFaultCode code, uint16_t sid)
{
    NyxAmdFault fault = fault_of(code, sid);

    fault.suppress_after = true;
    nyx_amd_report(f->amd, &fault);
    return ax_take_event(f).valid;
}

/* SE: the first of a device, until its entry is invalidated. */
static void test_suppress_after(void)
{
    static const uint16_t sids[] = { 0, 63, 64, 0x1234, 0xffff };
    Ax *f = ax_new_started(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(sids); i++) {
        uint16_t sid = sids[i];

        FX_CHECK("others", report_se(f, NAMD_FAULT_DTE_RSVD, sid), true);
        FX_CHECK("first", report_se(f, NAMD_FAULT_HOST_EMPTY, sid), true);
        FX_CHECK("second", report_se(f, NAMD_FAULT_HOST_EMPTY, sid), false);
        FX_CHECK("another", report_se(f, NAMD_FAULT_DTE_TV, sid), false);
        FX_CHECK("others", report_se(f, NAMD_FAULT_DTE_RSVD, sid), true);
    }
    ax_inv_devtab(f, 0x1234);
    for (unsigned i = 0; i < ARRAY_SIZE(sids); i++) {
        FX_CHECK("after the command",
                 report_se(f, NAMD_FAULT_HOST_EMPTY, sids[i]),
                 sids[i] == 0x1234);
    }
    ax_inv_pages(f, 0, 0, 64);
    FX_CHECK("pages are not it", report_se(f, NAMD_FAULT_HOST_EMPTY, 63),
             false);
    ax_inv_all(f);
    FX_CHECK("everything", report_se(f, NAMD_FAULT_HOST_EMPTY, 63), true);
    ax_control_clear(f, AX_IOMMUEN);
    ax_control_set(f, AX_IOMMUEN);
    FX_CHECK("off and on", report_se(f, NAMD_FAULT_HOST_EMPTY, 63), true);
    ax_free(f);
}

/* What had no place was not the first. */
static void test_suppress_lost(void)
{
    Ax *f = ax_new_started(NULL);

    ax_control_clear(f, AX_EVENTLOGEN);
    FX_CHECK("no log", report_se(f, NAMD_FAULT_HOST_EMPTY, 5), false);
    FX_CHECK("no log", nyx_amd_stats(f->amd).events_lost, 1);
    ax_control_set(f, AX_EVENTLOGEN);
    FX_CHECK("the first", report_se(f, NAMD_FAULT_HOST_EMPTY, 5), true);
    ax_free(f);
}

/* --- Hardware events ------------------------------------------------------ */

/* 2.10: codes 3, 4 and 6, also without a log; the first one stays. */
static void test_hardware(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++) {
        unsigned code = reasons[i].want >> 60;
        bool hardware = code == 3 || code == 4;
        Ax *f = ax_new_started(NULL);
        NyxAmdFault fault = fault_of(reasons[i].code, 0x77);
        AxEvent event;

        nyx_amd_report(f->amd, &fault);
        event = ax_take_event(f);
        FX_CHECK(reasons[i].name, ax_read64(f, 0x50), hardware);
        FX_CHECK(reasons[i].name, ax_read64(f, 0x40), hardware ? event.lo : 0);
        FX_CHECK(reasons[i].name, ax_read64(f, 0x48), hardware ? event.hi : 0);
        ax_free(f);
    }
}

static void test_hardware_overflow(void)
{
    NyxAmdCfg cfg = ax_cfg();
    Ax *f = ax_new_started(NULL);
    NyxAmdFault fault = fault_of(NAMD_FAULT_DTE_READ, 0x11);

    ax_control_clear(f, AX_EVENTLOGEN);
    nyx_amd_report(f->amd, &fault);
    FX_CHECK("no log", ax_read64(f, 0x50), 1);
    FX_CHECK("no log", ax_read64(f, 0x40), CODE(3) | TARGET_ABORT | 0x11);
    FX_CHECK("no log", ax_read64(f, 0x48), 0x1000);
    fault.sid = 0x22;
    nyx_amd_report(f->amd, &fault);
    FX_CHECK("second", ax_read64(f, 0x50), 3);
    FX_CHECK("second", ax_read64(f, 0x40), CODE(3) | TARGET_ABORT | 0x11);
    ax_write64(f, 0x50, 0);
    FX_CHECK("zero clears nothing", ax_read64(f, 0x50), 3);
    ax_write64(f, 0x50, 2);
    FX_CHECK("one bit", ax_read64(f, 0x50), 1);
    ax_write64(f, 0x50, 1);
    nyx_amd_report(f->amd, &fault);
    FX_CHECK("cleared", ax_read64(f, 0x50), 1);
    FX_CHECK("cleared", ax_read64(f, 0x40), CODE(3) | TARGET_ABORT | 0x22);
    /* COMMAND_HARDWARE_ERROR is the third. */
    ax_write64(f, 0x50, 3);
    fx_mem_hole(&f->mem, f->commands, f->commands + 15);
    ax_submit(f, 0, 0);
    FX_CHECK("command", ax_read64(f, 0x50), 1);
    FX_CHECK("command", ax_read64(f, 0x40), CODE(6) | TARGET_ABORT);
    FX_CHECK("command", ax_read64(f, 0x48), f->commands);
    ax_free(f);

    cfg.hw_events = false;
    f = ax_new_started(&cfg);
    nyx_amd_report(f->amd, &fault);
    FX_CHECK("not there", ax_read64(f, 0x50) | ax_read64(f, 0x40), 0);
    FX_CHECK("but logged", ax_take_code(f), 3);
    ax_free(f);
}

/* --- Counters' events ----------------------------------------------------- */

static void test_counter_event(void)
{
    Ax *f = ax_new_started(NULL);
    AxEvent event;

    nyx_amd_counter_event(f->amd, 0xabcde12345678ULL);
    event = ax_take_event(f);
    FX_CHECK(NULL, event.lo, CODE(0xa));
    /* Note 51:32 at 83:64, note 31:0 at 127:96. */
    FX_CHECK(NULL, event.hi, 0x12345678000abcdeULL);
    ax_free(f);
}

/* --- Other threads -------------------------------------------------------- */

static void test_elsewhere(void)
{
    Ax *f = ax_new_started(NULL);
    uint64_t tail;

    f->elsewhere = true;
    for (unsigned i = 0; i < 5; i++) {
        NyxAmdFault fault = fault_of(NAMD_FAULT_HOST_EMPTY, i);

        fault.r = f->r;
        nyx_amd_report(f->amd, &fault);
    }
    f->elsewhere = false;
    FX_CHECK("one kick", f->kicks, 1);
    tail = nyx_amd_reg64(f->amd, A_NAMD_EVTTAIL);
    FX_CHECK("not yet", tail, 0);
    ax_settle(f);
    for (unsigned i = 0; i < 5; i++) {
        FX_CHECK("in order", ax_take_event(f).lo & 0xffff, i);
    }
    FX_CHECK("counted", nyx_amd_fault_count(f->amd, f->r,
                                            NAMD_FAULT_HOST_EMPTY), 5);
    FX_CHECK("counted", nyx_amd_requester_stats(f->r).requests_refused, 5);
    ax_free(f);
}

/* An own report comes after those that wait; a register access sees all. */
static void test_elsewhere_order(void)
{
    Ax *f = ax_new_started(NULL);
    NyxAmdFault fault = fault_of(NAMD_FAULT_HOST_EMPTY, 1);

    f->elsewhere = true;
    nyx_amd_report(f->amd, &fault);
    f->elsewhere = false;
    fault.sid = 2;
    nyx_amd_report(f->amd, &fault);
    FX_CHECK(NULL, ax_take_event(f).lo & 0xffff, 1);
    FX_CHECK(NULL, ax_take_event(f).lo & 0xffff, 2);
    f->elsewhere = true;
    nyx_amd_report(f->amd, &fault);
    f->elsewhere = false;
    FX_CHECK(NULL, ax_read32(f, AX_STATUS) & AX_EVENTLOGINT, AX_EVENTLOGINT);
    FX_CHECK(NULL, ax_read32(f, AX_EVTTAIL), 0x30);
    ax_free(f);
}

/* More than there is room for: an overflow, and it is restarted as one. */
static void test_elsewhere_lost(void)
{
    Ax *f = ax_new_started(NULL);

    ax_control_set(f, AX_EVENTINTEN);
    f->elsewhere = true;
    for (unsigned i = 0; i < 1000; i++) {
        NyxAmdFault fault = fault_of(NAMD_FAULT_HOST_EMPTY, i);

        nyx_amd_report(f->amd, &fault);
    }
    f->elsewhere = false;
    ax_settle(f);
    FX_CHECK(NULL, ax_read32(f, AX_EVTTAIL), NAMD_FAULT_RING * 16);
    FX_CHECK(NULL, ax_read32(f, AX_STATUS) &
                   (AX_EVENTOVERFLOW | AX_EVENTLOGRUN), AX_EVENTOVERFLOW);
    FX_CHECK("event and overflow", f->signals->len, 2);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_LOG_OVERFLOW), 1);
    ax_write32(f, AX_EVTHEAD, NAMD_FAULT_RING * 16);
    ax_write32(f, AX_STATUS, AX_EVENTOVERFLOW);
    ax_control_clear(f, AX_EVENTLOGEN);
    ax_control_set(f, AX_EVENTLOGEN);
    f->elsewhere = true;
    nyx_amd_report(f->amd, &(NyxAmdFault) { .code = NAMD_FAULT_DTE_TV });
    f->elsewhere = false;
    FX_CHECK("goes on", ax_take_code(f), 2);
    /* Nobody listens: what is lost is lost. */
    ax_control_clear(f, AX_EVENTLOGEN);
    f->elsewhere = true;
    for (unsigned i = 0; i < 100; i++) {
        nyx_amd_report(f->amd, &(NyxAmdFault) { .code = NAMD_FAULT_DTE_TV });
    }
    f->elsewhere = false;
    ax_settle(f);
    FX_CHECK("off", ax_read32(f, AX_STATUS) & AX_EVENTOVERFLOW, 0);
    ax_free(f);
}

/* --- Statistics and findings ---------------------------------------------- */

static void test_counts(void)
{
    Ax *f = ax_new_started(NULL);
    NyxAmdFault fault = fault_of(NAMD_FAULT_HOST_EMPTY, 3);
    NyxFinding finding;

    fault.r = f->r;
    nyx_amd_report(f->amd, &fault);
    fault = fault_of(NAMD_FAULT_IRQ_OFF, 4);
    fault.interrupt = true;
    nyx_amd_report(f->amd, &fault);
    FX_CHECK(NULL, nyx_amd_fault_count(f->amd, f->r, NAMD_FAULT_HOST_EMPTY),
             1);
    FX_CHECK(NULL, nyx_amd_fault_count(f->amd, f->r, NAMD_FAULT_IRQ_OFF), 0);
    FX_CHECK(NULL, nyx_amd_fault_count(f->amd, NULL, NAMD_FAULT_IRQ_OFF), 1);
    FX_CHECK(NULL, nyx_amd_stats(f->amd).events[2], 2);
    finding = nyx_findings_get(nyx_amd_findings(f->amd),
                               NAMD_RULE_DMA_FAULT);
    FX_CHECK(NULL, finding.count, 1);
    FX_CHECK(NULL, finding.last.where.sid, 3);
    FX_CHECK(NULL, finding.last.where.addr, 0x1000);
    FX_CHECK(NULL, finding.last.where.value, NAMD_FAULT_HOST_EMPTY);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_IRQ_FAULT), 1);
    FX_CHECK(NULL, f->traces[NYX_AMD_EV_FAULT], 2);
    FX_CHECK(NULL, f->last_trace[NYX_AMD_EV_FAULT].a, NAMD_FAULT_IRQ_OFF);
    ax_free(f);
}

/* Each reason has a name of its own. */
static void test_names(void)
{
    GHashTable *ids = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 1; i < NAMD_FAULT_COUNT; i++) {
        g_assert_nonnull(nyx_amd_faults[i].text);
        g_assert_true(g_hash_table_add(ids, (void *)nyx_amd_faults[i].id));
    }
    g_hash_table_destroy(ids);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amd/events/reasons", test_reasons);
    g_test_add_func("/amd/events/no-pasid-guest", test_no_pasid_guest);
    g_test_add_func("/amd/events/ppr", test_ppr);
    g_test_add_func("/amd/events/suppressed", test_suppressed);
    g_test_add_func("/amd/events/suppress-after", test_suppress_after);
    g_test_add_func("/amd/events/suppress-lost", test_suppress_lost);
    g_test_add_func("/amd/events/hardware", test_hardware);
    g_test_add_func("/amd/events/hardware-overflow", test_hardware_overflow);
    g_test_add_func("/amd/events/counter", test_counter_event);
    g_test_add_func("/amd/events/elsewhere", test_elsewhere);
    g_test_add_func("/amd/events/elsewhere-order", test_elsewhere_order);
    g_test_add_func("/amd/events/elsewhere-lost", test_elsewhere_lost);
    g_test_add_func("/amd/events/counts", test_counts);
    g_test_add_func("/amd/events/names", test_names);
    return g_test_run();
}
