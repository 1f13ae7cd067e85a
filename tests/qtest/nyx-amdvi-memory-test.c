/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nyx-amdvi finds where its tables, logs and commands are said to be:
 * memory that comes, goes and changes its nature, devices, nothing at all, or
 * its own registers.  The error is the architecture's, and nobody is touched.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi-guest.h"
#include "nyx-amdvi-fixture.h"

/* The host bridge's PAM1 opens RAM at 0xc0000: bit 0 to reads, 1 to writes. */
#define PAM1    0x91
#define SHADOW  0xc0000ull

#define DIMM    0x100000000ull

#define ABORT   (2ull << 57)
#define CODE(n) ((uint64_t)(n) << 60)

/* --- Memory that changes -------------------------------------------------- */

typedef struct Fx {
    Fixture f;
    QAmd *v;
    QPCIDevice *bridge;
    uint64_t leaf;           /* what the last table is to have */
} Fx;

/* The last table for IOVA is at @table. */
static Fx fx_start(const char *args, uint64_t table)
{
    Fx x = {
        .f.v = qamd_start("-M q35 -device nyx-amdvi,id=iommu "
                          "-device nyx-testdev,addr=4 %s", args),
    };

    x.v = x.f.v;
    x.f.td = nyx_td_get(x.v->pc->pci, SID);
    x.f.page = nyx_pc_pages(x.v->pc, 1);
    x.leaf = x.f.page | QAMD_PR | QAMD_RW;
    x.bridge = qpci_device_find(x.v->pc->pci, QPCI_DEVFN(0, 0));
    qamd_enable(x.v, 0);
    x.f.dom = qamd_domain(x.v, DID, 3);
    qamd_attach(x.v, SID, &x.f.dom, 0);
    qtest_writeq(x.v->qts, qamd_entry(x.v, &x.f.dom, 0x40000000, 2),
                 table | QAMD_PR | QAMD_RW | 1 << 9);
    qamd_flush(x.v);
    qtest_writeq(x.v->qts, x.f.page, x.f.page);
    return x;
}

static void fx_end(Fx *x)
{
    g_free(x->bridge);
    end(&x->f);
}

/* A read through the tables as they are now; zero if it is refused. */
static uint64_t fx_read(Fx *x)
{
    uint64_t found = 0;

    qamd_flush_pages(x->v, DID, 0, 64);
    qamd_clear_events(x->v);
    if (nyx_td_read(&x->f.td, 0x40000000, &found, 8) != NYX_TD_ST_OK) {
        return 0;
    }
    return le64_to_cpu(found);
}

static void test_shadow_ram(void)
{
    Fx x = fx_start("", SHADOW);
    uint64_t seen;

    /* The firmware's ROM is there: no entries, and no way to make one. */
    qpci_config_writeb(x.bridge, PAM1, 0);
    qtest_writeq(x.v->qts, SHADOW, x.leaf);
    seen = qtest_readq(x.v->qts, SHADOW);
    NYX_CHECK("ROM", seen == x.leaf, false);
    NYX_CHECK("ROM", fx_read(&x), 0);
    for (unsigned i = 0; i < 20; i++) {
        qpci_config_writeb(x.bridge, PAM1, 3);
        qtest_writeq(x.v->qts, SHADOW, x.leaf);
        NYX_CHECK("RAM", fx_read(&x), x.f.page);
        qpci_config_writeb(x.bridge, PAM1, 1);
        NYX_CHECK("RAM that is only read", fx_read(&x), x.f.page);
        qpci_config_writeb(x.bridge, PAM1, 0);
        NYX_CHECK("ROM again", fx_read(&x), 0);
        NYX_CHECK("ROM again", qtest_readq(x.v->qts, SHADOW), seen);
    }
    fx_end(&x);
}

/* Requests all the time, while tables are RAM and ROM in turns. */
static void test_changes_in_flight(void)
{
    static const NyxTdRun endless = {
        .req = { .op = NYX_TD_OP_READ, .len = 64, .addr = 0x40000000 },
        .threads = 4,
        .slots = 256,
        .stride = NYX_PAGE,
        .pattern = NYX_TD_PATTERN_RANDOM,
        .count = NYX_TD_MAX_COUNT,
    };
    Fx x = fx_start("", SHADOW);
    uint64_t ops;

    qpci_config_writeb(x.bridge, PAM1, 3);
    for (unsigned i = 0; i < endless.slots; i++) {
        qtest_writeq(x.v->qts, SHADOW + i * 8, x.leaf);
    }
    NYX_CHECK("run", nyx_td_run_start(&x.f.td, &endless), NYX_TD_RUN_ST_BUSY);
    for (unsigned i = 0; i < 300; i++) {
        qpci_config_writeb(x.bridge, PAM1, i & 1 ? 3 : 0);
        qamd_flush_pages(x.v, DID, 0, 64);
    }
    ops = nyx_td_r64(&x.f.td, NYX_TD_RUN_OPS);
    while (nyx_td_r64(&x.f.td, NYX_TD_RUN_OPS) < ops + 1000) {
        g_usleep(100);
    }
    nyx_td_w32(&x.f.td, NYX_TD_RUN_CTRL, NYX_TD_RUN_STOP);
    nyx_td_run_wait(&x.f.td);
    NYX_CHECK("some were refused",
              nyx_td_r64(&x.f.td, NYX_TD_RUN_ERRORS) > 0, true);
    NYX_CHECK("in the end", fx_read(&x), x.f.page);
    fx_end(&x);
}

static void test_dimm(void)
{
    Fx x = fx_start("-m slots=1,maxmem=4G", DIMM);
    QDict *rsp;

    NYX_CHECK("no memory", fx_read(&x), 0);
    rsp = qtest_qmp(x.v->qts, "{ 'execute': 'object-add', 'arguments': "
                    "{ 'qom-type': 'memory-backend-ram', 'id': 'ram', "
                    "'size': 134217728 } }");
    g_assert_true(qdict_haskey(rsp, "return"));
    qobject_unref(rsp);
    qtest_qmp_device_add(x.v->qts, "pc-dimm", "dimm", "{'memdev': 'ram', "
                         "'addr': %" PRIu64 "}", (uint64_t)DIMM);
    NYX_CHECK("empty memory", fx_read(&x), 0);
    qtest_writeq(x.v->qts, DIMM, x.leaf);
    NYX_CHECK("memory", fx_read(&x), x.f.page);
    fx_end(&x);
}

/* --- No memory at all ----------------------------------------------------- */

/* Where things are said to be; the first is the test device's BAR. */
static uint64_t places[] = {
    0,
    QAMD_BASE,               /* itself */
    QAMD_BASE + 0x2000,
    0xfee00000,              /* interrupts */
    0xfec00000,              /* IOAPIC */
    0xb0000000,              /* configuration space */
    NYX_PC_RAM,              /* just behind RAM */
    0x7000000000,
    0xffffff0000,            /* the end of 40 bits */
};

static Fixture start_hostile(void)
{
    /* Errors are told in registers besides. */
    Fixture f = start(",guest-levels=4,vapic=on,hw-events=off");

    places[0] = f.td.bar;
    qamd_control(f.v, 0, QAMD_GTEN);
    return f;
}

/* All of the registers but pointers and status */
static void snapshot(Fixture *f, uint8_t regs[0x2000])
{
    qtest_memread(f->v->qts, QAMD_BASE, regs, 0x2000);
}

/* Registers are as they were, and so is the device. */
static void expect_untouched(Fixture *f, const char *row, const uint8_t *regs)
{
    uint8_t now[0x2000];

    snapshot(f, now);
    NYX_CHECK(row, memcmp(regs, now, sizeof(now)), 0);
    NYX_CHECK(row, nyx_td_r32(&f->td, NYX_TD_MAGIC), NYX_TD_MAGIC_VALUE);
    NYX_CHECK(row, nyx_apic_irrs(f->v->pc, 0), 0);
}

static char *row_of(const char *what, unsigned i)
{
    return g_strdup_printf("%s at %" PRIx64, what, places[i]);
}

static void test_device_table(void)
{
    Fixture f = start_hostile();
    uint8_t regs[0x2000];

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        g_autofree char *row = row_of("device table", i);

        qamd_w64(f.v, QAMD_DEVTAB, places[i] | 0x1ff);
        snapshot(&f, regs);
        qamd_flush(f.v);
        expect_refused(&f, row, true, IOVA);
        expect_event(&f, row, CODE(3) | SID | QAMD_EV_RW | ABORT,
                     places[i] + SID * 32);
        nyx_td_msi(&f.td, 0xfee00000, 0x51);
        expect_event(&f, row, CODE(3) | SID | QAMD_EV_I | ABORT,
                     places[i] + SID * 32);
        expect_untouched(&f, row, regs);
    }
    end(&f);
}

/* The root, then the last table, then the page itself */
static void test_host_tables(void)
{
    Fixture f = start_hostile();
    uint64_t at = qamd_entry(f.v, &f.dom, IOVA, 2);
    uint8_t regs[0x2000];

    snapshot(&f, regs);
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        g_autofree char *row = row_of("tables", i);
        const QAmdDomain dom = { places[i], 4, DID };
        const uint64_t lo = CODE(4) | SID | (uint64_t)DID << 32 | ABORT;

        qamd_attach(f.v, SID, &dom, 0);
        qamd_flush(f.v);
        expect_refused(&f, row, false, IOVA);
        expect_event(&f, row, lo, places[i] + (IOVA >> 39 & 511) * 8);
        qamd_attach(f.v, SID, &f.dom, 0);
        qtest_writeq(f.v->qts, at, places[i] | QAMD_PR | QAMD_RW | 1 << 9);
        qamd_flush(f.v);
        expect_refused(&f, row, false, IOVA);
        expect_event(&f, row, lo, places[i] + (IOVA >> 12 & 511) * 8);
        expect_untouched(&f, row, regs);
    }
    end(&f);
}

static void test_guest_tables(void)
{
    Fixture f = start_hostile();
    const NyxTdReq req = {
        .op = NYX_TD_OP_READ, .addr = IOVA, .len = 4,
        .attr = NYX_TD_ATTR_PASID, .pasid = 3,
    };
    const uint64_t lo = CODE(4) | SID | 3ull << 32 | QAMD_EV_GN | ABORT;
    uint8_t regs[0x2000];

    snapshot(&f, regs);
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        g_autofree char *row = row_of("guest tables", i);
        QAmdGuest guest = { .v = f.v, .gcr3 = places[i], .levels = 4 };

        qamd_guest_attach(&guest, SID, DID, 0, 0);
        qamd_flush(f.v);
        nyx_td_request(&f.td, req);
        expect_event(&f, row, lo, places[i] + 3 * 8);
        guest = qamd_guest(f.v, 0, 4);
        qtest_writeq(f.v->qts, qamd_gcr3_entry(&guest, 3), places[i] | 1);
        qamd_guest_attach(&guest, SID, DID, 0, 0);
        qamd_flush(f.v);
        nyx_td_request(&f.td, req);
        expect_event(&f, row, lo, places[i] + (IOVA >> 39 & 511) * 8);
        expect_untouched(&f, row, regs);
    }
    end(&f);
}

static void test_interrupt_table(void)
{
    Fixture f = start_hostile();
    uint8_t regs[0x2000];

    qamd_control(f.v, 0, QAMD_GAEN | 1ull << 25);
    snapshot(&f, regs);
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        g_autofree char *row = row_of("interrupt table", i);
        const uint64_t lo = CODE(4) | SID | (uint64_t)DID << 32 | QAMD_EV_I |
                            ABORT;
        uint64_t table;

        qamd_set_dte_word(f.v, SID, 2, places[i] | 9 << 1 | QAMD_DTE2_IV |
                          QAMD_DTE2_REMAP);
        qamd_flush(f.v);
        nyx_td_msi(&f.td, 0xfee00000, 5);
        expect_event(&f, row, lo, places[i] + 5 * 16);
        /* A virtual APIC: its request register for vectors 64 to 95 */
        table = qamd_irt(f.v, SID, 0, true);
        qtest_writeq(f.v->qts, table, 1 | 1 << 7);
        qtest_writeq(f.v->qts, table + 8, 0x51 | places[i]);
        qamd_flush(f.v);
        nyx_td_msi(&f.td, 0xfee00000, 0);
        expect_event(&f, row, lo, places[i] + 0x220);
        expect_untouched(&f, row, regs);
    }
    end(&f);
}

static void test_commands(void)
{
    Fixture f = start_hostile();
    uint8_t regs[0x2000];

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        g_autofree char *row = row_of("commands", i);

        qamd_control(f.v, QAMD_CMDBUFEN, 0);
        qamd_w64(f.v, QAMD_CMDBASE, places[i] | 15ull << 56);
        qamd_w64(f.v, QAMD_CMDHEAD, 0x20);
        qamd_w64(f.v, QAMD_CMDTAIL, 0x20);
        qamd_control(f.v, 0, QAMD_CMDBUFEN);
        snapshot(&f, regs);
        qamd_w64(f.v, QAMD_CMDTAIL, 0x7fff0);
        NYX_CHECK(row, qamd_r32(f.v, QAMD_STATUS) & QAMD_CMDBUFRUN, 0);
        NYX_CHECK(row, qamd_r64(f.v, QAMD_CMDHEAD), 0x20);
        expect_event(&f, row, CODE(6) | ABORT, places[i] + 0x20);
        expect_untouched(&f, row, regs);
    }
    NYX_CHECK("findings", qamd_mistakes(f.v, "amdvi.cmd.fetch"),
              ARRAY_SIZE(places));
    end(&f);
}

/* Events get lost, and the log goes on where it was. */
static void test_event_log(void)
{
    Fixture f = start_hostile();
    uint8_t regs[0x2000];

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        g_autofree char *row = row_of("events", i);

        qamd_control(f.v, QAMD_EVENTLOGEN, 0);
        qamd_w64(f.v, QAMD_EVTBASE, places[i] | 15ull << 56);
        qamd_control(f.v, 0, QAMD_EVENTLOGEN);
        snapshot(&f, regs);
        for (unsigned n = 0; n < 3; n++) {
            expect_refused(&f, row, true, 0x1000);
        }
        NYX_CHECK(row, qamd_r64(f.v, QAMD_EVTTAIL), 0);
        NYX_CHECK(row, qamd_r32(f.v, QAMD_STATUS) & 0xf, QAMD_EVENTLOGRUN);
        expect_untouched(&f, row, regs);
    }
    NYX_CHECK("findings", qamd_mistakes(f.v, "amdvi.log.memory"),
              3 * ARRAY_SIZE(places));
    NYX_CHECK("lost", qamd_stat(f.v, "events-lost"), 3 * ARRAY_SIZE(places));
    end(&f);
}

/* A buffer that begins in RAM and ends behind it. */
static void test_ram_ends(void)
{
    Fixture f = start_hostile();
    const uint64_t last = NYX_PC_RAM - NYX_PAGE;

    qamd_control(f.v, QAMD_EVENTLOGEN, 0);
    qamd_w64(f.v, QAMD_EVTBASE, last | 15ull << 56);
    f.v->events = last;
    f.v->event_bytes = 512 * 1024;
    qamd_w64(f.v, QAMD_EVTHEAD, 0xff0);
    qamd_w64(f.v, QAMD_EVTTAIL, 0xff0);
    qamd_control(f.v, 0, QAMD_EVENTLOGEN);
    expect_refused(&f, "in RAM", true, 0x1000);
    expect_event(&f, "in RAM", PAGE_FAULT(DID) | QAMD_EV_RW, 0x1000);
    expect_refused(&f, "behind it", true, 0x1000);
    NYX_CHECK("behind it", qamd_r64(f.v, QAMD_EVTTAIL), 0x1000);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/memory/" name, fn)
    ADD("shadow-ram", test_shadow_ram);
    ADD("changes-in-flight", test_changes_in_flight);
    ADD("dimm", test_dimm);
    ADD("device-table", test_device_table);
    ADD("host-tables", test_host_tables);
    ADD("guest-tables", test_guest_tables);
    ADD("interrupt-table", test_interrupt_table);
    ADD("commands", test_commands);
    ADD("event-log", test_event_log);
    ADD("ram-ends", test_ram_ends);
    return g_test_run();
}
