/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-amdvi and the machine around it: resets, functions that come and go
 * while they do DMA, and which device id a request behind bridges has.
 */
#include "qemu/osdep.h"
#include "nyx-amdvi-fixture.h"

#define UNMAPPED    0x80000ull
#define VECTOR      0x51

/* --- Reset ---------------------------------------------------------------- */

/* Nothing of before is in force, nor cached: firmware flushes nothing. */
static void test_reset(void)
{
    Fixture f = start("");
    QAmdDomain dom = qamd_domain(f.v, DID, 4);
    uint64_t other = nyx_pc_pages(f.v->pc, 1), devtab = f.v->devtab;

    qamd_map(f.v, &dom, IOVA, other, 12, QAMD_RW);
    for (unsigned i = 0; i < 2; i++) {
        expect_access(&f, "before", IOVA, f.page, 12);
        qtest_system_reset(f.v->qts);
        qpci_config_writel(f.td.pci, PCI_BASE_ADDRESS_0, f.td.bar);
        qpci_device_enable(f.td.pci);
        NYX_CHECK("off", request(&f, NYX_TD_OP_FILL, f.page), NYX_TD_ST_OK);
        NYX_CHECK("off", qtest_readq(f.v->qts, f.page), DATA);
        nyx_td_msi(&f.td, 0xfee00000, VECTOR + i);
        NYX_CHECK("off", nyx_apic_irr(f.v->pc, 0, VECTOR + i), NYX_IRR_EDGE);
        /* The same table, another domain behind it */
        qamd_attach(f.v, SID, i ? &f.dom : &dom, 0);
        qamd_w64(f.v, QAMD_DEVTAB, devtab | 0x1ff);
        qamd_w64(f.v, QAMD_EVTBASE, f.v->events | 8ull << 56);
        qamd_w64(f.v, QAMD_CMDBASE, f.v->commands | 8ull << 56);
        f.v->tail = 0;
        qamd_w64(f.v, QAMD_CONTROL, 0x1405);
        expect_access(&f, "another domain", IOVA, i ? f.page : other, 12);
        qamd_attach(f.v, SID, &f.dom, 0);
        qamd_flush(f.v);
    }
    end(&f);
}

/* SE does not outlive a reset. */
static void test_reset_suppressed(void)
{
    Fixture f = start("");

    for (unsigned i = 0; i < 2; i++) {
        qamd_attach(f.v, SID, &f.dom, 1ull << 33);
        if (!i) {
            qamd_flush_dte(f.v, SID);
        }
        expect_refused(&f, "first", true, UNMAPPED);
        expect_event(&f, "first", PAGE_FAULT(DID) | QAMD_EV_RW, UNMAPPED);
        expect_refused(&f, "second", true, UNMAPPED);
        expect_silence(&f, "second");
        qtest_system_reset(f.v->qts);
        nyx_td_put(&f.td);
        f.td = nyx_td_get(f.v->pc->pci, SID);
        qamd_enable(f.v, 0);
        f.dom = qamd_domain(f.v, DID, 4);
    }
    end(&f);
}

/* --- Hot plug ------------------------------------------------------------- */

#define PORT        NYX_SID(0, 3, 0)
#define PLUGGED     NYX_SID(1, 0, 0)

/* Half of it is mapped, so that faults come from the threads. */
static const NyxTdRun endless = {
    .req = { .op = NYX_TD_OP_READ, .len = 64, .addr = IOVA },
    .threads = 4,
    .slots = 2,
    .stride = NYX_PAGE,
    .pattern = NYX_TD_PATTERN_RANDOM,
    .count = NYX_TD_MAX_COUNT,
};

static void wait_for_ops(const NyxTestdev *td)
{
    for (unsigned i = 0; i < NYX_POLLS; i++) {
        if (nyx_td_r64(td, NYX_TD_RUN_OPS) &&
            nyx_td_r64(td, NYX_TD_RUN_ERRORS)) {
            return;
        }
    }
    g_assert_not_reached();
}

/* Find the function, start its threads, and take what is in the slot away. */
static void unplug_in_flight(QAmd *v, uint16_t at, uint16_t sid,
                             const char *what, bool flush)
{
    NyxTestdev td = nyx_td_get(v->pc->pci, at);

    g_assert_cmphex(nyx_td_run_start(&td, &endless), ==, NYX_TD_RUN_ST_BUSY);
    wait_for_ops(&td);
    if (flush) {
        qamd_flush(v);
        qamd_flush_dte(v, sid);
    }
    qtest_qmp_device_del_send(v->qts, what);
    nyx_pci_slot(v->pc, PORT, false);
    qtest_qmp_eventwait(v->qts, "DEVICE_DELETED");
    nyx_td_put(&td);
    NYX_CHECK("logged", qamd_take(v).lo, 2ull << 60 | (uint64_t)DID << 32 |
              sid);
    qamd_control(v, QAMD_EVENTLOGEN, 0);
    qamd_clear_events(v);
    qamd_control(v, 0, QAMD_EVENTLOGEN);
}

/* Nobody is left to ask, and what they did is still told. */
static void check_unplugged(QAmd *v, unsigned faults)
{
    qamd_flush(v);
    g_assert_cmpuint(qamd_stat_faults(v, "host-not-present"), >=, faults);
    qamd_control(v, QAMD_IOMMUEN, 0);
    qamd_control(v, 0, QAMD_IOMMUEN);
    qamd_flush(v);
    qtest_system_reset(v->qts);
}

/* A slot whose secondary bus is 1, and a mapping for @sid. */
static QAmd *slot_start(const char *options, uint16_t sid, uint8_t last_bus)
{
    QAmd *v = qamd_start("-M q35 -global ICH9-LPC.acpi-pci-hotplug-with-"
                         "bridge-support=off -device nyx-amdvi,id=iommu%s "
                         "-device pcie-root-port,id=rp,chassis=1,addr=3",
                         options);
    QAmdDomain dom;

    nyx_pci_bridge(v->pc, PORT, 1, last_bus);
    qamd_enable(v, 0);
    dom = qamd_domain(v, DID, 4);
    qamd_map(v, &dom, IOVA, nyx_pc_pages(v->pc, 1), 12, QAMD_RW);
    qamd_attach(v, sid, &dom, 0);
    qamd_flush(v);
    return v;
}

static void test_unplug(void)
{
    QAmd *v = slot_start("", PLUGGED, 1);

    for (unsigned i = 0; i < 10; i++) {
        qtest_qmp_device_add(v->qts, "nyx-testdev", "hot", "{'bus': 'rp'}");
        nyx_pci_slot(v->pc, PORT, true);
        unplug_in_flight(v, PLUGGED, PLUGGED, "hot", i & 1);
    }
    check_unplugged(v, 10);
    qamd_end(v);
}

/* A bridge, whose bus goes with it: device ids come from that bus. */
static void test_unplug_bus(void)
{
    QAmd *v = slot_start("", NYX_SID(2, 0, 0), 2);

    for (unsigned i = 0; i < 5; i++) {
        qtest_qmp_device_add(v->qts, "pcie-pci-bridge", "bridge",
                             "{'bus': 'rp'}");
        nyx_pci_slot(v->pc, PORT, true);
        qtest_qmp_device_add(v->qts, "nyx-testdev", "behind",
                             "{'bus': 'bridge', 'addr': '1'}");
        nyx_pci_bridge_below(v->pc, PORT, PLUGGED, 2, 2);
        unplug_in_flight(v, NYX_SID(2, 1, 0), NYX_SID(2, 0, 0), "bridge",
                         i & 1);
    }
    check_unplugged(v, 5);
    qamd_end(v);
}

/*
 * The same with a listener that has left the IOMMU region for memory as it
 * is, so that its end goes unseen; and with a device of the host.
 */
static void test_unplug_listener(void)
{
    QAmd *v = slot_start(",np-cache=on,va-bits=48", NYX_SID(2, 0, 0), 2);

    qamd_set_dte_word(v, NYX_SID(2, 0, 0), 0, QAMD_V_TV | QAMD_RW);
    qamd_flush(v);
    for (unsigned i = 0; i < 6; i++) {
        NyxTestdev td;

        qtest_qmp_device_add(v->qts, "pcie-pci-bridge", "bridge",
                             "{'bus': 'rp'}");
        nyx_pci_slot(v->pc, PORT, true);
        qtest_qmp_device_add(v->qts, "nyx-testdev", "behind",
                             "{'bus': 'bridge', 'addr': '1', 'notify': 3, "
                             "'host-aw-bits': %d}", i % 2 ? 48 : 0);
        nyx_pci_bridge_below(v->pc, PORT, PLUGGED, 2, 2);
        qamd_flush(v);
        td = nyx_td_get(v->pc->pci, NYX_SID(2, 1, 0));
        NYX_CHECK("sees RAM", nyx_td_r32(&td, NYX_TD_NOTIFY_STATUS) >>
                  NYX_TD_NOTIFY_ST_RAM_SHIFT != 0, true);
        nyx_td_put(&td);
        qtest_qmp_device_del_send(v->qts, "bridge");
        nyx_pci_slot(v->pc, PORT, false);
        qtest_qmp_eventwait(v->qts, "DEVICE_DELETED");
        qamd_flush_dte(v, NYX_SID(2, 0, 0));
        qamd_flush_pages(v, DID, 0, 64);
        qamd_control(v, QAMD_IOMMUEN, 0);
        qamd_control(v, 0, QAMD_IOMMUEN);
    }
    qtest_system_reset(v->qts);
    qamd_end(v);
}

/* A reset of the device leaves the IOMMU as it is, whoever resets it. */
static void test_reset_device(void)
{
    Fixture f = {
        .v = qamd_start("-M q35 -device nyx-amdvi,id=iommu "
                        "-device pcie-root-port,id=rp,chassis=1,addr=3 "
                        "-device nyx-testdev,bus=rp"),
    };
    QPCIDevice *port = qpci_device_find(f.v->pc->pci, PORT);
    uint64_t page = nyx_pc_pages(f.v->pc, 1);

    nyx_pci_bridge(f.v->pc, PORT, 1, 1);
    f.td = nyx_td_get(f.v->pc->pci, PLUGGED);
    qamd_enable(f.v, 0);
    f.dom = qamd_domain(f.v, DID, 4);
    qamd_map(f.v, &f.dom, IOVA, page, 12, QAMD_RW);
    qamd_attach(f.v, PLUGGED, &f.dom, 0);
    qamd_flush(f.v);
    for (unsigned i = 0; i < 3; i++) {
        expect_access(&f, "before", IOVA, page, 12);
        nyx_td_w32(&f.td, NYX_TD_SCRATCH, 5);
        if (i) {
            /* Secondary bus reset: bit 6 of Bridge Control */
            qpci_config_writew(port, PCI_BRIDGE_CONTROL, 1 << 6);
            qpci_config_writew(port, PCI_BRIDGE_CONTROL, 0);
            qpci_config_writel(f.td.pci, PCI_BASE_ADDRESS_0, f.td.bar);
            qpci_device_enable(f.td.pci);
        } else {
            nyx_td_w32(&f.td, NYX_TD_RESET, 1);
        }
        NYX_CHECK("reset", nyx_td_r32(&f.td, NYX_TD_SCRATCH), 0);
        expect_access(&f, "after", IOVA, page, 12);
        expect_refused(&f, "after", true, UNMAPPED);
        expect_event(&f, "after", 2ull << 60 | (uint64_t)DID << 32 |
                     QAMD_EV_RW | PLUGGED, UNMAPPED);
    }
    g_free(port);
    end(&f);
}

/* --- Bridges -------------------------------------------------------------- */

static Fixture start_machine(const char *machine, const char *devices)
{
    Fixture f = {
        .v = qamd_start("-M %s -device nyx-amdvi,id=iommu %s", machine,
                        devices),
    };

    qamd_enable(f.v, 0);
    return f;
}

/* A new domain for @sid, with IOVA mapped to a new page, which is returned. */
static uint64_t attach_new(Fixture *f, uint16_t sid, uint16_t did)
{
    QAmdDomain dom = qamd_domain(f->v, did, 4);
    uint64_t page = nyx_pc_pages(f->v->pc, 1);

    qamd_map(f->v, &dom, IOVA, page, 12, QAMD_RW);
    qamd_attach(f->v, sid, &dom, 0);
    qamd_flush_dte(f->v, sid);
    return page;
}

/* The device at @at is @sid: in the event, for its tables and interrupts. */
static void expect_requester(Fixture *f, const char *row, uint16_t at,
                             uint16_t sid)
{
    static unsigned n;
    uint64_t page, table;

    f->td = nyx_td_get(f->v->pc->pci, at);
    NYX_CHECK(row, nyx_td_r32(&f->td, NYX_TD_REQUESTER_ID), sid);
    qamd_set_dte_word(f->v, sid, 0, QAMD_V_TV);
    qamd_flush_dte(f->v, sid);
    expect_refused(f, row, false, IOVA);
    NYX_CHECK(row, qamd_take(f->v).lo & 0xf00000000000ffff,
              2ull << 60 | sid);

    page = attach_new(f, sid, ++n);
    table = qamd_irt(f->v, sid, 5, false);
    qtest_writel(f->v->qts, table + 4, 1 | (0x60 + n) << 16);
    qamd_flush_dte(f->v, sid);
    g_assert_true(qamd_submit(f->v, 5ull << 60 | sid, 0));
    expect_access(f, row, IOVA, page, 12);
    nyx_td_msi(&f->td, 0xfee00000, 1);
    NYX_CHECK(row, nyx_apic_irr(f->v->pc, 0, 0x60 + n), NYX_IRR_EDGE);
    nyx_td_put(&f->td);
}

static void test_bridges(void)
{
    Fixture f = start_machine("q35",
        "-device nyx-testdev,addr=4.0,multifunction=on "
        "-device nyx-testdev,addr=4.7 "
        "-device pcie-root-port,id=rp1,addr=6,chassis=1 "
        "-device nyx-testdev,bus=rp1 "
        "-device pcie-root-port,id=rp2,addr=7,chassis=2 "
        "-device pcie-pci-bridge,id=pp,bus=rp2 "
        "-device nyx-testdev,bus=pp,addr=2 "
        "-device pci-bridge,id=ppb,bus=pp,addr=1,chassis_nr=3 "
        "-device nyx-testdev,bus=ppb,addr=2 "
        "-device pci-bridge,id=b,addr=8,chassis_nr=4 "
        "-device nyx-testdev,bus=b,addr=2 "
        "-device nyx-testdev,bus=b,addr=3");
    NyxPc *pc = f.v->pc;

    expect_requester(&f, "root bus", NYX_SID(0, 4, 0), 0x20);
    expect_requester(&f, "function 7", NYX_SID(0, 4, 7), 0x27);
    nyx_pci_bridge(pc, NYX_SID(0, 6, 0), 1, 1);
    expect_requester(&f, "root port", NYX_SID(1, 0, 0), 0x100);
    nyx_pci_bridge(pc, NYX_SID(0, 7, 0), 2, 4);
    nyx_pci_bridge_below(pc, NYX_SID(0, 7, 0), NYX_SID(2, 0, 0), 3, 4);
    nyx_pci_bridge_below(pc, NYX_SID(0, 7, 0), NYX_SID(3, 1, 0), 4, 4);
    /* The secondary bus's number, function 0 */
    expect_requester(&f, "pcie-pci-bridge", NYX_SID(3, 2, 0), 0x300);
    expect_requester(&f, "conventional below", NYX_SID(4, 2, 0), 0x300);
    nyx_pci_bridge(pc, NYX_SID(0, 8, 0), 5, 5);
    /* The bridge's own */
    expect_requester(&f, "conventional", NYX_SID(5, 2, 0), 0x40);
    expect_requester(&f, "its neighbour", NYX_SID(5, 3, 0), 0x40);
    qamd_end(f.v);
}

static void test_i440fx(void)
{
    Fixture f = start_machine("pc",
        "-device nyx-testdev,addr=4 "
        "-device pci-bridge,id=b,addr=8,chassis_nr=4 "
        "-device nyx-testdev,bus=b,addr=2");

    expect_requester(&f, "root bus", NYX_SID(0, 4, 0), 0x20);
    nyx_pci_bridge(f.v->pc, NYX_SID(0, 8, 0), 1, 1);
    expect_requester(&f, "conventional", NYX_SID(1, 2, 0), 0x40);
    qamd_end(f.v);
}

/* Buses with a root of their own, one of which the IOMMU is not for. */
static void test_expander(void)
{
    Fixture f = start_machine("q35",
        "-device pxb-pcie,id=px,addr=9,bus_nr=32 "
        "-device pcie-root-port,id=rp,bus=px,addr=0,chassis=1 "
        "-device nyx-testdev,bus=rp "
        "-device pxb-pcie,id=free,bus=pcie.0,bus_nr=64,bypass_iommu=on "
        "-device pcie-root-port,id=frp,bus=free,addr=0,chassis=2 "
        "-device nyx-testdev,bus=frp");
    uint64_t page = nyx_pc_pages(f.v->pc, 1);

    nyx_pci_bridge(f.v->pc, NYX_SID(32, 0, 0), 33, 33);
    expect_requester(&f, "expander", NYX_SID(33, 0, 0), 0x2100);
    nyx_pci_bridge(f.v->pc, NYX_SID(64, 0, 0), 65, 65);
    /* Its entry would refuse everything. */
    qamd_set_dte_word(f.v, 0x4100, 0, QAMD_V_TV);
    qamd_flush(f.v);
    f.td = nyx_td_get(f.v->pc->pci, NYX_SID(65, 0, 0));
    NYX_CHECK("bypass", nyx_td_writel(&f.td, page, 0xabcd), NYX_TD_ST_OK);
    NYX_CHECK("bypass", qtest_readl(f.v->qts, page), 0xabcd);
    expect_silence(&f, "bypass");
    end(&f);
}

/* The device id follows the bus's number, from one request to the next. */
static void test_renumber(void)
{
    Fixture f = start_machine("q35",
        "-device pcie-root-port,id=rp,addr=6,chassis=1 "
        "-device nyx-testdev,bus=rp");
    const uint16_t port = NYX_SID(0, 6, 0);
    uint64_t one, five;

    nyx_pci_bridge(f.v->pc, port, 1, 1);
    f.td = nyx_td_get(f.v->pc->pci, NYX_SID(1, 0, 0));
    one = attach_new(&f, 0x100, 1);
    five = attach_new(&f, 0x500, 5);
    qamd_set_dte_word(f.v, 0x600, 0, QAMD_V_TV);
    qamd_flush(f.v);
    expect_access(&f, "bus 1", IOVA, one, 12);
    nyx_pci_renumber(f.v->pc, port, 5, 5);
    expect_access(&f, "bus 5", IOVA, five, 12);
    nyx_pci_renumber(f.v->pc, port, 6, 6);
    expect_refused(&f, "bus 6", false, IOVA);
    NYX_CHECK("bus 6", qamd_take(f.v).lo & 0xffff, 0x600);
    qamd_clear_events(f.v);
    nyx_pci_renumber(f.v->pc, port, 1, 1);
    expect_access(&f, "bus 1 again", IOVA, one, 12);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/plug/" name, fn)
    ADD("reset", test_reset);
    ADD("reset-device", test_reset_device);
    ADD("reset-suppressed", test_reset_suppressed);
    ADD("unplug", test_unplug);
    ADD("unplug-bus", test_unplug_bus);
    ADD("unplug-listener", test_unplug_listener);
    ADD("bridges", test_bridges);
    ADD("i440fx", test_i440fx);
    ADD("expander", test_expander);
    ADD("renumber", test_renumber);
    return g_test_run();
}
