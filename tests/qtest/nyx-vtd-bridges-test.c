/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which requester a request through nyx-vtd is: several functions with
 * domains of their own, functions behind bridges, bus numbers that change.
 */
#include "qemu/osdep.h"
#include "nyx-vtd-fixture.h"

/* A machine with translation on; devices are looked for by the test. */
static Fixture start_machine(const char *machine, const char *devices)
{
    Fixture f = {
        .v = qvtd_start("-M %s -device nyx-vtd,id=iommu,fault-records=2 %s",
                        machine, devices),
    };

    g_assert_true(qvtd_enable(f.v));
    return f;
}

/* A new domain for @sid, with IOVA mapped to a new page, which is returned. */
static uint64_t attach_new(Fixture *f, uint16_t sid, uint16_t did)
{
    QVtdDomain dom = qvtd_domain(f->v, did, 4);
    uint64_t page = nyx_pc_pages(f->v->pc, 1);

    qvtd_map(f->v, &dom, IOVA, page, 12, 3);
    qvtd_attach(f->v, sid, &dom, TT_UNTRANSLATED);
    return page;
}

/* The device at @at is @sid: in the fault record, and for its context. */
static void expect_requester(Fixture *f, const char *row, uint16_t at,
                             uint16_t sid)
{
    static uint16_t did;
    uint64_t page;

    f->td = nyx_td_get(f->v->pc->pci, at);
    NYX_CHECK(row, nyx_td_r32(&f->td, NYX_TD_REQUESTER_ID), sid);

    qvtd_context(f->v, sid, 0, 0);
    flush(f);
    NYX_CHECK(row, request(f, NYX_TD_OP_READ, IOVA), NYX_TD_ST_TX_ERROR);
    expect_record(f, row, IOVA, 0xc000000200000000 | sid);
    NYX_CHECK(row, request(f, NYX_TD_OP_SWAP, IOVA), NYX_TD_ST_BLOCKED);
    expect_record(f, row, IOVA, 0xc000000210000000 | sid);

    page = attach_new(f, sid, ++did);
    expect_access(f, row, IOVA, page, 12);
    nyx_td_put(&f->td);
}

static void test_domains(void)
{
    static const struct {
        const char *name;
        uint16_t sid;
    } rows[] = {
        { "00:04.0", 0x20 },
        { "00:04.1", 0x21 },
        { "00:05.0", 0x28 },
        { "00:1e.7", 0xf7 },
    };
    Fixture f = start_machine("q35",
        "-device nyx-testdev,addr=4.0,multifunction=on "
        "-device nyx-testdev,addr=4.1 -device nyx-testdev,addr=5 "
        "-device nyx-testdev,addr=1e.0,multifunction=on "
        "-device nyx-testdev,addr=1e.7");
    NyxTestdev tds[ARRAY_SIZE(rows)];
    uint64_t pages[ARRAY_SIZE(rows)];

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        tds[i] = nyx_td_get(f.v->pc->pci, rows[i].sid);
        pages[i] = attach_new(&f, rows[i].sid, i + 1);
    }
    /* All are cached before any is looked at */
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NYX_CHECK(rows[i].name, nyx_td_writel(&tds[i], IOVA, i + 1),
                  NYX_TD_ST_OK);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        f.td = tds[i];
        NYX_CHECK(rows[i].name, qtest_readl(f.v->qts, pages[i]), i + 1);
        expect_access(&f, rows[i].name, IOVA, pages[i], 12);
    }
    /* Two that fail have a record each, in order, under the first's event */
    nyx_td_writel(&tds[3], IOVA + NYX_PAGE, 0);
    nyx_td_writel(&tds[1], IOVA + NYX_PAGE, 0);
    NYX_CHECK(NULL, qvtd_r32(f.v, QVTD_FSTS), 2);
    NYX_CHECK(NULL, qvtd_record(f.v, 0).hi, 0x80000005000000f7);
    NYX_CHECK(NULL, qvtd_record(f.v, 1).hi, 0x8000000500000021);
    qvtd_clear_faults(f.v);

    /* One moves to another's domain, the others stay where they are */
    qvtd_context(f.v, 0x20, qtest_readq(f.v->qts,
                                        qvtd_context_at(f.v, 0x28)),
                 qtest_readq(f.v->qts, qvtd_context_at(f.v, 0x28) + 8));
    g_assert_cmpuint(qvtd_ccmd(f.v, 3, 1, 0x20, 0), ==, 3);
    g_assert_cmpuint(qvtd_iotlb(f.v, 2, 1, 0), ==, 2);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        f.td = tds[i];
        expect_access(&f, rows[i].name, IOVA, pages[i ? i : 2], 12);
        nyx_td_put(&tds[i]);
    }
    qvtd_end(f.v);
}

static void test_bridges(void)
{
    Fixture f = start_machine("q35",
        "-device pcie-root-port,id=rp1,addr=6,chassis=1 "
        "-device nyx-testdev,bus=rp1 "
        "-device pcie-root-port,id=rp2,addr=7,chassis=2 "
        "-device pcie-pci-bridge,id=pp,bus=rp2 "
        "-device nyx-testdev,bus=pp,addr=2 "
        "-device pci-bridge,id=ppb,bus=pp,addr=1,chassis_nr=3 "
        "-device nyx-testdev,bus=ppb,addr=2 "
        "-device pci-bridge,id=b,addr=8,chassis_nr=4 "
        "-device nyx-testdev,bus=b,addr=2 "
        "-device nyx-testdev,bus=b,addr=3 "
        "-device pci-bridge,id=bb,bus=b,addr=1,chassis_nr=5 "
        "-device nyx-testdev,bus=bb,addr=3");
    NyxPc *pc = f.v->pc;

    nyx_pci_bridge(pc, NYX_SID(0, 6, 0), 1, 1);
    expect_requester(&f, "root port", NYX_SID(1, 0, 0), 0x100);

    nyx_pci_bridge(pc, NYX_SID(0, 7, 0), 2, 4);
    nyx_pci_bridge_below(pc, NYX_SID(0, 7, 0), NYX_SID(2, 0, 0), 3, 4);
    nyx_pci_bridge_below(pc, NYX_SID(0, 7, 0), NYX_SID(3, 1, 0), 4, 4);
    /* The secondary bus's number, devfn 0 */
    expect_requester(&f, "pcie-pci-bridge", NYX_SID(3, 2, 0), 0x300);
    expect_requester(&f, "conventional below", NYX_SID(4, 2, 0), 0x300);

    nyx_pci_bridge(pc, NYX_SID(0, 8, 0), 5, 6);
    nyx_pci_bridge_below(pc, NYX_SID(0, 8, 0), NYX_SID(5, 1, 0), 6, 6);
    /* The bridge's own */
    expect_requester(&f, "conventional", NYX_SID(5, 2, 0), 0x40);
    expect_requester(&f, "its neighbour", NYX_SID(5, 3, 0), 0x40);
    expect_requester(&f, "two of them", NYX_SID(6, 3, 0), 0x40);
    qvtd_end(f.v);
}

/* Buses with a root of their own, one of which the unit is not for. */
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
    f.td = nyx_td_get(f.v->pc->pci, NYX_SID(65, 0, 0));
    NYX_CHECK("bypass", nyx_td_writel(&f.td, page, 0xabcd), NYX_TD_ST_OK);
    NYX_CHECK("bypass", qtest_readl(f.v->qts, page), 0xabcd);
    expect_silence(&f, "bypass");
    end(&f);
}

/* The requester follows its bus's number, from one request to the next. */
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
    expect_access(&f, "bus 1", IOVA, one, 12);

    nyx_pci_renumber(f.v->pc, port, 5, 5);
    expect_access(&f, "bus 5", IOVA, five, 12);

    nyx_pci_renumber(f.v->pc, port, 6, 6);
    request(&f, NYX_TD_OP_READ, IOVA);
    expect_record(&f, "bus 6", IOVA, 0xc000000100000600);

    nyx_pci_renumber(f.v->pc, port, 1, 1);
    expect_access(&f, "bus 1 again", IOVA, one, 12);
    end(&f);
}

/* An alias follows the number of the bus that it is made of. */
static void test_renumber_alias(void)
{
    Fixture f = start_machine("q35",
        "-device pcie-root-port,id=rp,addr=6,chassis=1 "
        "-device pcie-pci-bridge,id=pp,bus=rp "
        "-device nyx-testdev,bus=pp,addr=2 "
        "-device pci-bridge,id=b,addr=8,chassis_nr=4 "
        "-device nyx-testdev,bus=b,addr=2");
    NyxPc *pc = f.v->pc;
    NyxTestdev behind;
    uint64_t page;

    nyx_pci_bridge(pc, NYX_SID(0, 6, 0), 1, 9);
    nyx_pci_bridge_below(pc, NYX_SID(0, 6, 0), NYX_SID(1, 0, 0), 2, 2);
    f.td = nyx_td_get(pc->pci, NYX_SID(2, 2, 0));
    nyx_pci_bridge(pc, NYX_SID(0, 8, 0), 20, 20);
    behind = nyx_td_get(pc->pci, NYX_SID(20, 2, 0));

    page = attach_new(&f, 0x200, 1);
    expect_access(&f, "bus 2", IOVA, page, 12);
    nyx_pci_renumber(pc, NYX_SID(1, 0, 0), 7, 7);
    request(&f, NYX_TD_OP_READ, IOVA);
    expect_record(&f, "bus 7, no root", IOVA, 0xc000000100000700);
    page = attach_new(&f, 0x700, 2);
    expect_access(&f, "bus 7", IOVA, page, 12);
    nyx_td_put(&f.td);

    /* A bridge's own number does not hang on the bus below */
    f.td = behind;
    page = attach_new(&f, 0x40, 3);
    expect_access(&f, "conventional", IOVA, page, 12);
    nyx_pci_renumber(pc, NYX_SID(0, 8, 0), 21, 21);
    expect_access(&f, "renumbered", IOVA, page, 12);
    end(&f);
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
    qvtd_end(f.v);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-bridges/domains", test_domains);
    qtest_add_func("/nyx/vtd-bridges/bridges", test_bridges);
    qtest_add_func("/nyx/vtd-bridges/expander", test_expander);
    qtest_add_func("/nyx/vtd-bridges/renumber", test_renumber);
    qtest_add_func("/nyx/vtd-bridges/renumber-alias", test_renumber_alias);
    qtest_add_func("/nyx/vtd-bridges/i440fx", test_i440fx);
    return g_test_run();
}
