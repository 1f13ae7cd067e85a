/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-amdvi's event log: each event that can be, in memory, as a message and
 * in the hardware event registers; overflow and restart; two logs.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi-guest.h"
#include "nyx-amdvi-fixture.h"

#define MSI         0xfee00000ull
/* Beyond RAM, within 40 bits */
#define NOWHERE     0x7000000000ull
#define UNMAPPED    0x1000ull

/* HyperTransport's form of a fixed interrupt for APIC 0 */
#define HT(vector)  (0xfffffffdf8000000ull | (uint64_t)(vector) << 16)

#define CODE(n)     ((uint64_t)(n) << 60)
#define TYPE(n)     ((uint64_t)(n) << 57)
/* Type of a hardware error */
#define ABORT       TYPE(2)

#define HWEVT_LO        0x40
#define HWEVT_HI        0x48
#define HWEVT_STATUS    0x50
#define EVTBASE_B       0xf8
#define EVTTAIL_B       0x2078

#define DUAL(mode)      ((uint64_t)(mode) << 32)
#define OVERFLOW_B      (1u << 15)
#define ACTIVE          (1u << 16)

/* An event with all of it: the IOMMU's own, of commands and of counters. */
#define EVERYTHING ",device-iotlb=on,guest-levels=4,perfmon=on"

static Fixture start_all(const char *options)
{
    g_autofree char *all = g_strdup_printf(EVERYTHING "%s", options);
    Fixture f = start(all);

    qamd_control(f.v, 0, QAMD_GTEN);
    nyx_td_ats(f.v->pc, SID, true);
    return f;
}

/* The device's entry, and what else a row may have spoilt. */
static void mend(Fixture *f)
{
    qamd_w64(f->v, QAMD_DEVTAB, f->v->devtab | 0x1ff);
    qamd_dte(f->v, SID, 0, 0, 0, 0);
    qamd_attach(f->v, SID, &f->dom, 0);
    qamd_restart_commands(f->v);
    qamd_flush(f->v);
    nyx_td_w32(&f->td, NYX_TD_INV_ANSWER, NYX_TD_INV_DONE);
}

/* --- Each event ----------------------------------------------------------- */

typedef struct Row {
    const char *name;
    /* Has the event happen; returns its second word. */
    uint64_t (*make)(Fixture *f, uint64_t arg);
    uint64_t arg;
    uint64_t lo;             /* its first word */
} Row;

static void dma(Fixture *f, uint32_t op, uint32_t attr, uint64_t addr)
{
    nyx_td_request(&f->td, (NyxTdReq) {
        .op = op, .attr = attr, .addr = addr, .len = 4,
        .pasid = attr & NYX_TD_ATTR_PASID ? 3 : 0,
    });
}

/* The entry with @w0 in its first word besides. */
static uint64_t make_entry(Fixture *f, uint64_t w0)
{
    qamd_set_dte_word(f->v, SID, 0, qamd_dte_word(f->v, SID, 0) | w0);
    qamd_flush_dte(f->v, SID);
    dma(f, NYX_TD_OP_FILL, 0, UNMAPPED + 8);
    return UNMAPPED + 8;
}

static uint64_t make_entry_irq(Fixture *f, uint64_t w2)
{
    qamd_set_dte_word(f->v, SID, 2, w2);
    qamd_flush_dte(f->v, SID);
    nyx_td_msi(&f->td, MSI, 0x22);
    return HT(0x22);
}

static uint64_t make_entry_ats(Fixture *f, uint64_t w0)
{
    qamd_set_dte_word(f->v, SID, 0, qamd_dte_word(f->v, SID, 0) | w0);
    qamd_flush_dte(f->v, SID);
    dma(f, NYX_TD_OP_TRANSLATE, NYX_TD_ATTR_NO_WRITE, UNMAPPED);
    return UNMAPPED;
}

/* An interrupt table of one page; word 0 of entry 0 is @irte. */
static uint64_t make_irte(Fixture *f, uint64_t irte)
{
    uint64_t table = qamd_irt(f->v, SID, 0, false);

    qtest_writel(f->v->qts, table, irte);
    qamd_flush_dte(f->v, SID);
    nyx_td_msi(&f->td, MSI, 0);
    return HT(0);
}

static uint64_t make_devtab(Fixture *f, uint64_t irq)
{
    qamd_w64(f->v, QAMD_DEVTAB, NOWHERE | 0x1ff);
    qamd_flush(f->v);
    if (irq) {
        nyx_td_msi(&f->td, MSI, 0x22);
    } else {
        dma(f, NYX_TD_OP_FILL, 0, UNMAPPED);
    }
    return NOWHERE + SID * 32;
}

static uint64_t make_table(Fixture *f, uint64_t write)
{
    uint64_t at = qamd_entry(f->v, &f->dom, 0x8000000000, 4);

    qtest_writeq(f->v->qts, at, NOWHERE | QAMD_PR | QAMD_RW | 3 << 9);
    qamd_flush(f->v);
    dma(f, write ? NYX_TD_OP_FILL : NYX_TD_OP_READ, 0, 0x80c0000000);
    return NOWHERE + 3 * 8;
}

static uint64_t make_gcr3(Fixture *f, uint64_t root)
{
    const QAmdGuest guest = {
        .v = f->v, .gcr3 = NOWHERE + 0x5000, .levels = 4,
    };

    qamd_guest_attach(&guest, SID, DID, 0, 0);
    qamd_flush_dte(f->v, SID);
    dma(f, NYX_TD_OP_FILL, NYX_TD_ATTR_PASID, UNMAPPED);
    return NOWHERE + 0x5000 + 3 * 8;
}

static uint64_t make_int_table(Fixture *f, uint64_t arg)
{
    qamd_set_dte_word(f->v, SID, 2, NOWHERE | 9 << 1 | QAMD_DTE2_IV |
                      QAMD_DTE2_REMAP);
    qamd_flush_dte(f->v, SID);
    nyx_td_msi(&f->td, MSI, 5);
    return NOWHERE + 5 * 4;
}

static uint64_t make_command(Fixture *f, uint64_t lo)
{
    uint64_t at = f->v->commands + f->v->tail;

    qamd_submit(f->v, lo, 0);
    return at;
}

static uint64_t make_command_base(Fixture *f, uint64_t arg)
{
    qamd_control(f->v, QAMD_CMDBUFEN, 0);
    qamd_w64(f->v, QAMD_CMDBASE, NOWHERE | 8ull << 56);
    qamd_control(f->v, 0, QAMD_CMDBUFEN);
    qamd_w64(f->v, QAMD_CMDTAIL, 0x10);
    qamd_control(f->v, QAMD_CMDBUFEN, 0);
    qamd_w64(f->v, QAMD_CMDBASE, f->v->commands | 8ull << 56);
    return NOWHERE;
}

static uint64_t make_timeout(Fixture *f, uint64_t arg)
{
    nyx_td_w32(&f->td, NYX_TD_INV_ANSWER, NYX_TD_INV_SILENT);
    qamd_control(f->v, 0, 1 << 5);
    return make_command(f, CODE(4) | SID);
}

static uint64_t make_read(Fixture *f, uint64_t addr)
{
    dma(f, NYX_TD_OP_READ, 0, addr);
    return addr;
}

static uint64_t make_write(Fixture *f, uint64_t addr)
{
    dma(f, NYX_TD_OP_FILL, 0, addr);
    return addr;
}

static uint64_t make_translated(Fixture *f, uint64_t addr)
{
    dma(f, NYX_TD_OP_READ, NYX_TD_ATTR_AT_TRANSLATED, addr);
    return addr;
}

static uint64_t make_translate(Fixture *f, uint64_t addr)
{
    dma(f, NYX_TD_OP_TRANSLATE, 0, addr);
    return addr;
}

static uint64_t make_pasid(Fixture *f, uint64_t addr)
{
    dma(f, NYX_TD_OP_TRANSLATE, NYX_TD_ATTR_PASID, addr);
    return addr;
}

static uint64_t make_page_request(Fixture *f, uint64_t flags)
{
    nyx_td_page_request(&f->td, IOVA, flags, 0x12345, 0x155);
    return IOVA;
}

/*
 * Counter 1 of bank 2 counts commands, and has room for one.  The note's
 * lower half comes last.
 */
static uint64_t make_counter(Fixture *f, uint64_t note)
{
    const unsigned at = 0x42100;

    qamd_w64(f->v, at + 0x28, 1ull << 63 | note);
    qamd_w64(f->v, at, 0xffffffffffff);
    qamd_w64(f->v, at + 8, 0x11);
    qamd_flush(f->v);
    qamd_w64(f->v, at + 8, 0);
    return note << 32 | note >> 32;
}

#define R NYX_TD_ACCESS_READ
#define W NYX_TD_ACCESS_WRITE

static const Row rows[] = {
    { "illegal entry", make_entry, 1 << 2,
      CODE(1) | SID | QAMD_EV_RW | QAMD_EV_RZ },
    { "illegal entry, interrupt", make_entry_irq, 3ull << 60 | 1,
      CODE(1) | SID | QAMD_EV_I | QAMD_EV_RZ },
    { "illegal entry, ATS", make_entry_ats, 7 << 9,
      CODE(1) | SID | QAMD_EV_RZ | QAMD_EV_TR },
    { "page fault", make_write, UNMAPPED, PAGE_FAULT(DID) | QAMD_EV_RW },
    { "page fault, read", make_read, UNMAPPED + 4, PAGE_FAULT(DID) },
    { "RemapEn = 0", make_irte, 0, PAGE_FAULT(DID) | QAMD_EV_I },
    { "IntType 2", make_irte, 1 | 2 << 2,
      PAGE_FAULT(DID) | QAMD_EV_I | QAMD_EV_PR | QAMD_EV_RZ },
    { "device table", make_devtab, 0, CODE(3) | SID | QAMD_EV_RW | ABORT },
    { "device table, interrupt", make_devtab, 1,
      CODE(3) | SID | QAMD_EV_I | ABORT },
    { "page table", make_table, 1,
      CODE(4) | SID | (uint64_t)DID << 32 | QAMD_EV_RW | ABORT },
    { "page table, read", make_table, 0,
      CODE(4) | SID | (uint64_t)DID << 32 | ABORT },
    { "GCR3 table", make_gcr3, 0,
      CODE(4) | SID | 3ull << 32 | QAMD_EV_GN | QAMD_EV_RW | ABORT },
    { "interrupt table", make_int_table, 0,
      CODE(4) | SID | (uint64_t)DID << 32 | QAMD_EV_I | ABORT },
    { "illegal command", make_command, CODE(15), CODE(5) },
    { "command fetch", make_command_base, 0, CODE(6) | ABORT },
    { "command store", make_command, CODE(1) | NOWHERE | 1,
      CODE(6) | ABORT },
    { "IOTLB time-out", make_timeout, 0, CODE(7) | SID },
    { "read of the interrupt range", make_read, MSI, CODE(8) | SID },
    { "translated, I = 0", make_translated, UNMAPPED,
      CODE(8) | SID | TYPE(1) },
    { "port I/O", make_write, 0xfdfc000000, CODE(8) | SID | TYPE(2) },
    { "system management", make_write, 0xfdf9100000,
      CODE(8) | SID | TYPE(3) },
    { "HT interrupt range", make_write, 0xfdf8000000,
      CODE(8) | SID | TYPE(4) },
    { "IntCtl = 0", make_entry_irq, 1, CODE(8) | SID | TYPE(5) },
    { "HT reserved", make_write, 0xfe00000000, CODE(8) | SID | TYPE(6) },
    { "ATS of the interrupt range", make_translate, MSI,
      CODE(8) | SID | QAMD_EV_TR },
    { "ATS, I = 0", make_translate, UNMAPPED,
      CODE(8) | SID | QAMD_EV_TR | TYPE(1) },
    { "ATS, I = 0, PASID", make_pasid, UNMAPPED,
      CODE(8) | SID | 3ull << 32 | QAMD_EV_GN | 1ull << 50 | QAMD_EV_TR |
      TYPE(1) },
    /* RX is for those to which nobody owes a response. */
    { "page request", make_page_request, R | NYX_TD_PRI_F_LAST,
      CODE(9) | SID | 0x355ull << 32 | 1ull << 50 },
    { "page request, PASID", make_page_request, W | NYX_TD_PRI_F_PASID,
      CODE(9) | SID | 0x2345 << 16 | 1ull << 42 | 0x155ull << 32 |
      1ull << 48 | 1ull << 53 | 1ull << 54 | 1ull << 56 },
    { "counter", make_counter, 0x9876512345678, CODE(10) },
};

static void test_each(void)
{
    Fixture f = start_all("");

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t hi = rows[i].make(&f, rows[i].arg);

        NYX_CHECK(rows[i].name, qamd_r32(f.v, QAMD_STATUS) & 3,
                  QAMD_EVENTLOGINT);
        expect_event(&f, rows[i].name, rows[i].lo, hi);
        mend(&f);
    }
    end(&f);
}

/* --- Messages ------------------------------------------------------------- */

/* Vectors are used once: what is requested at an APIC stays so. */
#define FIRST   0x30

static void expect_vector(Fixture *f, const char *row, unsigned vector,
                          bool sent)
{
    NYX_CHECK(row, nyx_apic_irr(f->v->pc, 0, vector),
              sent ? NYX_IRR_EDGE : NYX_IRR_NONE);
}

static void check_messages(const char *options, uint64_t control)
{
    Fixture f = start_all(options);

    qamd_control(f.v, 0, QAMD_EVENTINTEN | control);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned vector = FIRST + 2 * i;

        qamd_msi(f.v, control ? 0xff : vector, 0);
        if (control) {
            qamd_w64(f.v, QAMD_XT_GENERAL, (uint64_t)vector << 32);
        }
        expect_vector(&f, rows[i].name, vector, false);
        rows[i].make(&f, rows[i].arg);
        expect_vector(&f, rows[i].name, vector, true);
        qamd_clear_events(f.v);
        mend(&f);
    }
    expect_vector(&f, "MSI", 0xff, false);
    end(&f);
}

static void test_msi(void)
{
    check_messages("", 0);
}

/* 170h; interrupt entries have 32 bits all the same. */
static void test_xt(void)
{
    check_messages(",xtsup=on", QAMD_INTCAPXTEN);
}

/* A message when the bit goes to 1, or when it is enabled then. */
static void test_when(void)
{
    Fixture f = start("");

    qamd_msi(f.v, FIRST, 0);
    make_write(&f, UNMAPPED);
    expect_vector(&f, "not enabled", FIRST, false);
    qamd_control(f.v, 0, QAMD_EVENTINTEN);
    expect_vector(&f, "enabled", FIRST, true);
    qamd_msi(f.v, FIRST + 1, 0);
    make_write(&f, UNMAPPED);
    expect_vector(&f, "still set", FIRST + 1, false);
    qamd_w32(f.v, QAMD_STATUS, QAMD_EVENTLOGINT);
    expect_vector(&f, "cleared", FIRST + 1, false);
    make_write(&f, UNMAPPED);
    expect_vector(&f, "set again", FIRST + 1, true);
    /* A write of zeros clears nothing, and RO bits are not to be set. */
    qamd_w32(f.v, QAMD_STATUS, 0);
    NYX_CHECK("status", qamd_r32(f.v, QAMD_STATUS) & 7, QAMD_EVENTLOGINT);
    qamd_control(f.v, QAMD_EVENTLOGEN, 0);
    qamd_w32(f.v, QAMD_STATUS, QAMD_EVENTLOGRUN);
    NYX_CHECK("status", qamd_r32(f.v, QAMD_STATUS) & 0xf, QAMD_EVENTLOGINT);
    end(&f);
}

/* Vectors below 16 are how software masks a cause. */
static void test_xt_masked(void)
{
    Fixture f = start(",xtsup=on");

    qamd_control(f.v, 0, QAMD_EVENTINTEN | QAMD_INTCAPXTEN);
    for (unsigned vector = 0; vector < 17; vector++) {
        qamd_w64(f.v, QAMD_XT_GENERAL, (uint64_t)vector << 32);
        make_write(&f, UNMAPPED);
        qamd_clear_events(f.v);
        NYX_CHECK("messages", nyx_apic_irrs(f.v->pc, 0), vector == 16);
    }
    end(&f);
}

/* --- The log -------------------------------------------------------------- */

static void fill(Fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        make_write(f, UNMAPPED + i * 4);
    }
}

static void expect_status(Fixture *f, const char *row, uint32_t status)
{
    /* All but CmdBufRun */
    NYX_CHECK(row, qamd_r32(f->v, QAMD_STATUS) & ~QAMD_CMDBUFRUN, status);
}

/* Each length: the last place, then the first. */
static void test_lengths(void)
{
    Fixture f = start("");
    uint64_t log = nyx_pc_pages(f.v->pc, 128);

    for (uint64_t len = 8; len < 16; len++) {
        g_autofree char *row = g_strdup_printf("Len %u", (unsigned)len);
        uint64_t bytes = 16ull << len;

        qamd_control(f.v, QAMD_EVENTLOGEN, 0);
        qamd_w64(f.v, QAMD_EVTBASE, log | len << 56);
        qamd_w64(f.v, QAMD_EVTHEAD, bytes - 16);
        qamd_w64(f.v, QAMD_EVTTAIL, bytes - 16);
        f.v->events = log;
        f.v->event_bytes = bytes;
        qamd_control(f.v, 0, QAMD_EVENTLOGEN);
        make_write(&f, UNMAPPED);
        NYX_CHECK(row, qamd_r64(f.v, QAMD_EVTTAIL), 0);
        make_write(&f, UNMAPPED + 4);
        NYX_CHECK(row, qamd_r64(f.v, QAMD_EVTTAIL), 16);
        NYX_CHECK(row, qamd_take(f.v).hi, UNMAPPED);
        expect_event(&f, row, PAGE_FAULT(DID) | QAMD_EV_RW, UNMAPPED + 4);
        /* It does not turn round before that. */
        qamd_control(f.v, QAMD_EVENTLOGEN, 0);
        qamd_w64(f.v, QAMD_EVTHEAD, bytes / 2 - 16);
        qamd_w64(f.v, QAMD_EVTTAIL, bytes / 2 - 16);
        qamd_control(f.v, 0, QAMD_EVENTLOGEN);
        make_write(&f, UNMAPPED);
        NYX_CHECK(row, qamd_r64(f.v, QAMD_EVTTAIL), bytes / 2);
        qamd_clear_events(f.v);
    }
    end(&f);
}

static void test_overflow(void)
{
    Fixture f = start("");
    uint64_t next;

    qamd_msi(f.v, FIRST, 0);
    qamd_control(f.v, 0, QAMD_EVENTINTEN);
    fill(&f, 255);
    expect_vector(&f, "first", FIRST, true);
    qamd_msi(f.v, FIRST + 1, 0);
    next = qtest_readq(f.v->qts, f.v->events + 0xff0);
    fill(&f, 3);
    expect_status(&f, "overflow", QAMD_EVENTOVERFLOW | QAMD_EVENTLOGINT);
    expect_vector(&f, "overflow", FIRST + 1, true);
    NYX_CHECK("tail", qamd_r64(f.v, QAMD_EVTTAIL), 0xff0);
    NYX_CHECK("nothing", qtest_readq(f.v->qts, f.v->events + 0xff0), next);
    /* The first of them is still the first. */
    NYX_CHECK("kept", qamd_take(f.v).hi, UNMAPPED);
    /* Room, and no bit set: that alone does not start it. */
    qamd_clear_events(f.v);
    expect_status(&f, "cleared", 0);
    fill(&f, 1);
    expect_status(&f, "stopped", 0);
    NYX_CHECK("lost", qamd_stat(f.v, "events-lost"), 4);
    /* As Xen does: all to 0, then on. */
    qamd_control(f.v, QAMD_EVENTLOGEN, 0);
    qamd_w64(f.v, QAMD_EVTHEAD, 0);
    qamd_w64(f.v, QAMD_EVTTAIL, 0);
    qamd_control(f.v, 0, QAMD_EVENTLOGEN);
    expect_status(&f, "on", QAMD_EVENTLOGRUN);
    fill(&f, 1);
    NYX_CHECK("tail", qamd_r64(f.v, QAMD_EVTTAIL), 16);
    expect_event(&f, "on", PAGE_FAULT(DID) | QAMD_EV_RW, UNMAPPED);
    NYX_CHECK("finding", qamd_mistakes(f.v, "amdvi.log.overflow"), 1);
    end(&f);
}

/* Off: what happens is lost, and is no overflow. */
static void test_off(void)
{
    Fixture f = start("");

    qamd_control(f.v, QAMD_EVENTLOGEN, 0);
    fill(&f, 300);
    expect_status(&f, "off", 0);
    qamd_control(f.v, 0, QAMD_EVENTLOGEN);
    expect_silence(&f, "on");
    /* Without IommuEn there is no engine at all. */
    qamd_control(f.v, QAMD_IOMMUEN, 0);
    expect_status(&f, "IommuEn = 0", 0);
    end(&f);
}

/* Faults of threads, more than there is room for. */
static void test_threads(void)
{
    const NyxTdRun run = {
        .req = { .op = NYX_TD_OP_READ, .len = 4, .addr = UNMAPPED },
        .threads = 4,
        .slots = 16,
        .stride = NYX_PAGE,
        .pattern = NYX_TD_PATTERN_RANDOM,
        .count = 20000,
    };
    Fixture f = start("");

    nyx_td_run(&f.td, &run);
    expect_status(&f, "overflow", QAMD_EVENTOVERFLOW | QAMD_EVENTLOGINT);
    for (unsigned i = 0; qamd_r64(f.v, QAMD_EVTHEAD) !=
                         qamd_r64(f.v, QAMD_EVTTAIL); i++) {
        QAmdEvent event = qamd_take(f.v);

        g_assert_cmpuint(i, <, 256);
        NYX_CHECK("event", event.lo, PAGE_FAULT(DID));
        NYX_CHECK("address", event.hi & 0xfff, 0);
        g_assert_cmphex(event.hi, <, UNMAPPED + 16 * NYX_PAGE);
    }
    NYX_CHECK("lost", qamd_stat(f.v, "events-lost") > 0, true);
    end(&f);
}

/* --- Two logs ------------------------------------------------------------- */

/* With a second log, which is where @mode says. */
static Fixture start_dual(unsigned mode, uint64_t *log_b)
{
    Fixture f = start(",dual-event=2");

    *log_b = nyx_pc_pages(f.v->pc, 1);
    qamd_control(f.v, QAMD_EVENTLOGEN, DUAL(mode));
    qamd_w64(f.v, EVTBASE_B, *log_b | 8ull << 56);
    qamd_control(f.v, 0, QAMD_EVENTLOGEN);
    return f;
}

static void expect_tails(Fixture *f, const char *row, uint64_t a, uint64_t b)
{
    NYX_CHECK(row, qamd_r64(f->v, QAMD_EVTTAIL), a);
    NYX_CHECK(row, qamd_r64(f->v, EVTTAIL_B), b);
}

static void test_dual_one(void)
{
    uint64_t log_b;
    Fixture f = start_dual(0, &log_b);

    expect_status(&f, "A", QAMD_EVENTLOGRUN);
    fill(&f, 1);
    expect_tails(&f, "A", 16, 0);
    end(&f);
    f = start_dual(1, &log_b);
    expect_status(&f, "B", QAMD_EVENTLOGRUN | ACTIVE);
    fill(&f, 1);
    expect_tails(&f, "B", 0, 16);
    NYX_CHECK("B", qtest_readq(f.v->qts, log_b),
              PAGE_FAULT(DID) | QAMD_EV_RW);
    fill(&f, 255);
    expect_status(&f, "B", OVERFLOW_B | QAMD_EVENTLOGINT | ACTIVE);
    expect_tails(&f, "B", 0, 0xff0);
    end(&f);
}

static void test_dual_swap(void)
{
    uint64_t log_b;
    Fixture f = start_dual(2, &log_b);

    fill(&f, 255);
    expect_status(&f, "A", QAMD_EVENTLOGRUN | QAMD_EVENTLOGINT);
    fill(&f, 1);
    expect_status(&f, "to B", QAMD_EVENTLOGRUN | QAMD_EVENTLOGINT |
                  QAMD_EVENTOVERFLOW | ACTIVE);
    expect_tails(&f, "to B", 0xff0, 16);
    /* A is emptied, and its overflow cleared: it can take over. */
    qamd_w64(f.v, QAMD_EVTHEAD, 0xff0);
    qamd_w32(f.v, QAMD_STATUS, QAMD_EVENTOVERFLOW | QAMD_EVENTLOGINT);
    fill(&f, 255);
    expect_status(&f, "to A", QAMD_EVENTLOGRUN | QAMD_EVENTLOGINT |
                  OVERFLOW_B);
    expect_tails(&f, "to A", 0, 0xff0);
    /* B is not: it stops. */
    fill(&f, 255);
    expect_status(&f, "stops", QAMD_EVENTLOGINT | QAMD_EVENTOVERFLOW |
                  OVERFLOW_B);
    expect_tails(&f, "stops", 0xfe0, 0xff0);
    end(&f);
}

/* Codes that the IOMMU has no second log for stay as they were. */
static void test_dual_codes(void)
{
    Fixture f = start(",dual-event=1");

    for (unsigned mode = 1; mode < 4; mode++) {
        qamd_control(f.v, DUAL(3), DUAL(mode));
        NYX_CHECK("1", qamd_r64(f.v, QAMD_CONTROL) >> 32 & 3, 1);
    }
    end(&f);
    f = start("");
    qamd_control(f.v, 0, DUAL(2));
    NYX_CHECK("0", qamd_r64(f.v, QAMD_CONTROL) >> 32 & 3, 0);
    end(&f);
}

/* --- Hardware event registers --------------------------------------------- */

static void test_hardware(void)
{
    Fixture f = start_all("");

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned code = rows[i].lo >> 60;
        bool kept = code == 3 || code == 4 || code == 6;
        uint64_t hi = rows[i].make(&f, rows[i].arg);

        NYX_CHECK(rows[i].name, qamd_r64(f.v, HWEVT_STATUS), kept);
        if (kept) {
            NYX_CHECK(rows[i].name, qamd_r64(f.v, HWEVT_LO), rows[i].lo);
            NYX_CHECK(rows[i].name, qamd_r64(f.v, HWEVT_HI), hi);
            qamd_w32(f.v, HWEVT_STATUS, 1);
        }
        qamd_clear_events(f.v);
        mend(&f);
    }
    end(&f);
}

/* The first stays; it does not take a log. */
static void test_hardware_first(void)
{
    Fixture f = start("");
    uint64_t lo, hi;

    qamd_control(f.v, QAMD_EVENTLOGEN, 0);
    make_table(&f, 1);
    NYX_CHECK("valid", qamd_r64(f.v, HWEVT_STATUS), 1);
    lo = qamd_r64(f.v, HWEVT_LO);
    hi = qamd_r64(f.v, HWEVT_HI);
    NYX_CHECK("code", lo >> 60, 4);
    make_devtab(&f, 0);
    NYX_CHECK("overflow", qamd_r64(f.v, HWEVT_STATUS), 3);
    NYX_CHECK("first", qamd_r64(f.v, HWEVT_LO), lo);
    NYX_CHECK("first", qamd_r64(f.v, HWEVT_HI), hi);
    qamd_w32(f.v, HWEVT_STATUS, 2);
    NYX_CHECK("HEO", qamd_r64(f.v, HWEVT_STATUS), 1);
    qamd_w32(f.v, HWEVT_STATUS, 1);
    make_devtab(&f, 0);
    NYX_CHECK("again", qamd_r64(f.v, HWEVT_LO) >> 60, 3);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/events/" name, fn)
    ADD("each", test_each);
    ADD("msi", test_msi);
    ADD("xt", test_xt);
    ADD("when", test_when);
    ADD("xt-masked", test_xt_masked);
    ADD("lengths", test_lengths);
    ADD("overflow", test_overflow);
    ADD("off", test_off);
    ADD("threads", test_threads);
    ADD("dual-one", test_dual_one);
    ADD("dual-swap", test_dual_swap);
    ADD("dual-codes", test_dual_codes);
    ADD("hardware", test_hardware);
    ADD("hardware-first", test_hardware_first);
    return g_test_run();
}
