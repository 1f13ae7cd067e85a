/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three units behind one device: each has tables, queue, faults and interrupt
 * entries of its own, and what one does the others do not notice.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-vtd.h"

#define IOVA    0x40000000ull
#define DID     5
#define N       3

/*
 * 00:04.0 is the first unit's.  The second one has what is below the root
 * port 3.0: 01:00.0, and behind a bridge 03:05.0, which is 03:00.0 to it.
 * The third one has 00:05.0.
 */
#define DEVICES                                                             \
    "-device pcie-root-port,id=rp,bus=pcie.0,addr=3.0,chassis=1,"           \
    "multifunction=on "                                                     \
    "-device pcie-root-port,id=rp2,bus=pcie.0,addr=3.1,chassis=2 "          \
    "-device nyx-testdev,id=t3,bus=rp "                                     \
    "-device pcie-pci-bridge,id=br,bus=rp2 "                                \
    "-device nyx-testdev,id=tb,bus=br,addr=5 "                              \
    "-device nyx-testdev,id=t4,bus=pcie.0,addr=4 "                          \
    "-device nyx-testdev,id=t5,bus=pcie.0,addr=5 "
#define OPTIONS "device-iotlb=on,vcmd=on,version=0x40"
#define UNIT    "-device nyx-vtd,id=iommu," OPTIONS ",unit1=rp:rp2,unit2=t5"

static const uint16_t sids[N] = { 0x20, 0x100, 0x28 };

typedef struct Units {
    QVtd *v[N];
    NyxTestdev td[N];
    QVtdDomain dom[N];
    uint64_t page[N];
} Units;

static Units units_start(const char *args)
{
    Units u = { .v[0] = qvtd_start("%s", args) };

    nyx_pci_bridge(u.v[0]->pc, 0x18, 1, 1);
    nyx_pci_bridge(u.v[0]->pc, 0x19, 2, 3);
    nyx_pci_bridge_below(u.v[0]->pc, 0x19, 0x200, 3, 3);
    for (unsigned i = 0; i < N; i++) {
        u.v[i] = i ? qvtd_unit(u.v[0], i) : u.v[0];
        u.td[i] = nyx_td_get(u.v[0]->pc->pci, sids[i]);
    }
    return u;
}

/* A domain for @sid in unit @i alone, where IOVA is a page of its own. */
static void attach(Units *u, unsigned i, uint16_t sid)
{
    u->dom[i] = qvtd_domain(u->v[i], DID, 3);
    u->page[i] = nyx_pc_pages(u->v[i]->pc, 1);
    qvtd_map(u->v[i], &u->dom[i], IOVA, u->page[i], 12, 3);
    qvtd_attach(u->v[i], sid, &u->dom[i], 0);
}

static void units_end(Units *u)
{
    for (unsigned i = 0; i < N; i++) {
        nyx_td_put(&u->td[i]);
    }
    for (unsigned i = 1; i < N; i++) {
        g_free(u->v[i]);
    }
    qvtd_end(u->v[0]);
}

/* All translate, all have a domain of the same number, nothing is cached. */
static Units units_ready(void)
{
    Units u = units_start("-M q35 " UNIT " " DEVICES);

    for (unsigned i = 0; i < N; i++) {
        g_assert_true(qvtd_enable(u.v[i]));
        attach(&u, i, sids[i]);
    }
    return u;
}

/* Whether device @i reaches @at at @iova; where not, it is refused. */
static bool reaches(Units *u, unsigned i, uint64_t iova, uint64_t at)
{
    static uint32_t stamp;

    qtest_writel(u->v[0]->qts, at, 0);
    return nyx_td_writel(&u->td[i], iova, ++stamp) == NYX_TD_ST_OK &&
           qtest_readl(u->v[0]->qts, at) == stamp;
}

static void test_registers(void)
{
    Units u = units_start("-M q35 " UNIT " " DEVICES);

    for (unsigned i = 0; i < N; i++) {
        NYX_CHECK(NULL, qvtd_r64(u.v[i], QVTD_CAP), 0x08d2078c406f0666);
        NYX_CHECK(NULL, qvtd_r64(u.v[i], QVTD_ECAP), 0x0000100000f050df);
        qvtd_w64(u.v[i], QVTD_RTADDR, 0x100000 * (i + 1));
    }
    for (unsigned i = 0; i < N; i++) {
        NYX_CHECK(NULL, qvtd_r64(u.v[i], QVTD_RTADDR), 0x100000 * (i + 1));
    }
    /* No fourth one. */
    NYX_CHECK(NULL, qtest_readq(u.v[0]->qts, 0xfed96008), 0);
    units_end(&u);
}

/* Each unit is on or off by itself. */
static void test_enable(void)
{
    for (unsigned on = 0; on < N; on++) {
        Units u = units_start("-M q35 " UNIT " " DEVICES);

        g_assert_true(qvtd_enable(u.v[on]));
        attach(&u, on, sids[on]);
        for (unsigned i = 0; i < N; i++) {
            uint64_t own = 0x2000000 + i * NYX_PAGE;

            NYX_CHECK(NULL, qvtd_r32(u.v[i], QVTD_GSTS),
                      i == on ? 0xc0000000 : 0);
            NYX_CHECK(NULL, reaches(&u, i, own, own), i != on);
        }
        NYX_CHECK(NULL, reaches(&u, on, IOVA, u.page[on]), 1);
        units_end(&u);
    }
}

static void test_tables(void)
{
    Units u = units_ready();

    for (unsigned i = 0; i < N; i++) {
        NYX_CHECK(NULL, reaches(&u, i, IOVA, u.page[i]), 1);
    }
    /* A fault is the unit's that has the device. */
    for (unsigned i = 0; i < N; i++) {
        NYX_CHECK(NULL, reaches(&u, i, IOVA + NYX_PAGE, u.page[i]), 0);
        for (unsigned j = 0; j < N; j++) {
            NYX_CHECK(NULL, qvtd_record(u.v[j], 0).valid, i == j);
            NYX_CHECK(NULL, qvtd_stat_faults(u.v[j], 5), j <= i);
        }
        NYX_CHECK(NULL, qvtd_record(u.v[i], 0).hi,
                  0x8000000500000000 | sids[i]);
        qvtd_clear_faults(u.v[i]);
    }
    units_end(&u);
}

/* Requests behind a bridge have the bridge's id, and the port's unit. */
static void test_bridge(void)
{
    Units u = units_ready();
    NyxTestdev below = nyx_td_get(u.v[0]->pc->pci, 0x328);

    attach(&u, 1, 0x300);
    NYX_CHECK(NULL, nyx_td_writel(&below, IOVA, 1), NYX_TD_ST_OK);
    NYX_CHECK(NULL, qtest_readl(u.v[0]->qts, u.page[1]), 1);
    nyx_td_writel(&below, IOVA + NYX_PAGE, 1);
    NYX_CHECK(NULL, qvtd_record(u.v[0], 0).valid, 0);
    NYX_CHECK(NULL, qvtd_record(u.v[1], 0).hi, 0x8000000500000300);
    nyx_td_put(&below);
    units_end(&u);
}

/* What is cached stays, whatever the others are told. */
/*
 * A bridge goes, and one comes below another unit, with its bus where the old
 * one was in QEMU's memory, or not.
 */
static void test_bridge_moves(void)
{
    Units u = { .v[0] = qvtd_start(
        "-M q35 -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
        "-device nyx-vtd,id=iommu,unit1=rp1 "
        "-device pcie-root-port,id=rp0,chassis=1,addr=c "
        "-device pcie-root-port,id=rp1,chassis=2,addr=d") };
    NyxPc *pc = u.v[0]->pc;

    u.v[1] = qvtd_unit(u.v[0], 1);
    for (unsigned i = 0; i < 2; i++) {
        nyx_pci_bridge(pc, NYX_SID(0, 12 + i, 0), 2 * i + 1, 2 * i + 2);
        g_assert_true(qvtd_enable(u.v[i]));
        attach(&u, i, NYX_SID(2 * i + 2, 0, 0));
    }
    for (unsigned round = 0; round < 8; round++) {
        unsigned i = round & 1, bus = 2 * i + 2;
        const uint16_t port = NYX_SID(0, 12 + i, 0);

        qtest_qmp_device_add(pc->qts, "pcie-pci-bridge", "bridge",
                             "{'bus': %s}", i ? "rp1" : "rp0");
        nyx_pci_slot(pc, port, true);
        qtest_qmp_device_add(pc->qts, "nyx-testdev", "behind",
                             "{'bus': 'bridge', 'addr': '1'}");
        nyx_pci_bridge_below(pc, port, NYX_SID(bus - 1, 0, 0), bus, bus);
        u.td[i] = nyx_td_get(pc->pci, NYX_SID(bus, 1, 0));
        NYX_CHECK(i ? "unit 1" : "unit 0",
                  reaches(&u, i, IOVA, u.page[i]), 1);
        qtest_qmp_device_del_send(pc->qts, "bridge");
        nyx_pci_slot(pc, port, false);
        qtest_qmp_eventwait(pc->qts, "DEVICE_DELETED");
        qtest_qmp_eventwait(pc->qts, "DEVICE_DELETED");
        nyx_td_put(&u.td[i]);
    }
    g_free(u.v[1]);
    qvtd_end(u.v[0]);
}

static void test_commands(void)
{
    for (unsigned by = 0; by < N; by++) {
        Units u = units_ready();

        for (unsigned i = 0; i < N; i++) {
            NYX_CHECK(NULL, reaches(&u, i, IOVA, u.page[i]), 1);
            qtest_writeq(u.v[0]->qts,
                         qvtd_entry(u.v[i], &u.dom[i], IOVA, 1), 0);
        }
        NYX_CHECK(NULL, qvtd_flush_context(u.v[by]), 1);
        NYX_CHECK(NULL, qvtd_flush_iotlb(u.v[by]), 1);
        for (unsigned i = 0; i < N; i++) {
            NYX_CHECK(NULL, reaches(&u, i, IOVA, u.page[i]), i != by);
            NYX_CHECK(NULL, qvtd_stat(u.v[i], "invalidations.iotlb-global"),
                      1 + (i == by));
        }
        units_end(&u);
    }
}

static void test_queues(void)
{
    Units u = units_ready();

    for (unsigned i = 0; i < N; i++) {
        g_assert_true(qvtd_queue(u.v[i], i));
    }
    /* One stops at a bad descriptor. */
    qvtd_put(u.v[1], 0xf, 0);
    qvtd_ring(u.v[1]);
    for (unsigned i = 0; i < N; i++) {
        NYX_CHECK(NULL, qvtd_r32(u.v[i], QVTD_FSTS) & QVTD_FSTS_IQE,
                  i == 1 ? QVTD_FSTS_IQE : 0);
        NYX_CHECK(NULL, qvtd_mistakes(u.v[i], "vtd.iq.type"), i == 1);
    }
    NYX_CHECK(NULL, qvtd_wait(u.v[0]), 1);
    NYX_CHECK(NULL, qvtd_wait(u.v[2]), 1);
    NYX_CHECK(NULL, qvtd_stat(u.v[1], "invalidations.waits"), 0);
    units_end(&u);
}

/* A device-TLB command for a function of another unit has no answer. */
static void test_device_tlb(void)
{
    for (unsigned of = 0; of < N; of++) {
        Units u = units_ready();

        nyx_td_ats(u.v[0]->pc, sids[of], true);
        for (unsigned i = 0; i < N; i++) {
            g_assert_true(qvtd_queue(u.v[i], 0));
            NYX_CHECK(NULL, qvtd_submit(u.v[i],
                                        3 | (uint64_t)sids[of] << 32,
                                        0x7ffffffffffff001), i == of);
            NYX_CHECK(NULL, qvtd_r32(u.v[i], QVTD_FSTS) & QVTD_FSTS_ITE,
                      i == of ? 0 : QVTD_FSTS_ITE);
        }
        units_end(&u);
    }
}

/* P, physical destination 0, edge, vector. */
static uint64_t irte(uint8_t vector)
{
    return 1 | (uint64_t)vector << 16;
}

static void test_interrupts(void)
{
    Units u = units_start("-M q35 " UNIT " " DEVICES);

    /* Entry 3 is another vector in each; one unit does not remap. */
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true(qvtd_queue(u.v[i], 0));
        g_assert_true(qvtd_ir(u.v[i], 7, false));
        qvtd_irte(u.v[i], 3, irte(0x40 + i), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        NYX_CHECK(NULL, nyx_td_msi(&u.td[i], qvtd_irq(3), 0), NYX_TD_ST_OK);
        NYX_CHECK(NULL, nyx_apic_irr(u.v[0]->pc, 0, 0x40 + i), NYX_IRR_EDGE);
        NYX_CHECK(NULL, nyx_apic_irrs(u.v[0]->pc, 0), i + 1);
        NYX_CHECK(NULL, qvtd_stat(u.v[i], "interrupts-remapped"), 1);
    }
    NYX_CHECK(NULL, nyx_td_msi(&u.td[2], 0xfee00000, 0x50), NYX_TD_ST_OK);
    NYX_CHECK(NULL, nyx_apic_irr(u.v[0]->pc, 0, 0x50), NYX_IRR_EDGE);
    /* The others block such a message, each with a record of its own. */
    nyx_td_msi(&u.td[1], 0xfee00000, 0x51);
    NYX_CHECK(NULL, nyx_apic_irr(u.v[0]->pc, 0, 0x51), NYX_IRR_NONE);
    NYX_CHECK(NULL, qvtd_record(u.v[0], 0).valid, 0);
    NYX_CHECK(NULL, qvtd_record(u.v[1], 0).hi, 0x8000002500000100);
    /* Another entry and command: the first unit's is still the old one. */
    qvtd_irte(u.v[0], 3, irte(0x60), 0);
    qvtd_irte(u.v[1], 3, irte(0x61), 0);
    NYX_CHECK(NULL, qvtd_submit(u.v[1], 0x4, 0), 1);
    nyx_td_msi(&u.td[0], qvtd_irq(3), 0);
    nyx_td_msi(&u.td[1], qvtd_irq(3), 0);
    NYX_CHECK(NULL, nyx_apic_irr(u.v[0]->pc, 0, 0x60), NYX_IRR_NONE);
    NYX_CHECK(NULL, nyx_apic_irr(u.v[0]->pc, 0, 0x61), NYX_IRR_EDGE);
    units_end(&u);
}

/* The IOAPIC is the first unit's. */
static void test_ioapic(void)
{
    Units u = units_start("-M q35 " UNIT " " DEVICES);

    for (unsigned i = 0; i < N; i++) {
        g_assert_true(qvtd_queue(u.v[i], 0));
        g_assert_true(qvtd_ir(u.v[i], 7, false));
        qvtd_irte(u.v[i], 9, irte(0x70 + i), 0);
    }
    /* Remappable, index 9, edge, vector 0x70: as the entry has it. */
    nyx_ioapic_write(u.v[0]->pc, 16, 9ull << 49 | 1ull << 48 | 0x70);
    nyx_ioapic_line(u.v[0]->pc, 16, true);
    for (unsigned i = 0; i < N; i++) {
        NYX_CHECK(NULL, nyx_apic_irr(u.v[0]->pc, 0, 0x70 + i),
                  i ? NYX_IRR_NONE : NYX_IRR_EDGE);
        NYX_CHECK(NULL, qvtd_stat(u.v[i], "interrupts-remapped"), !i);
    }
    units_end(&u);
}

/* A device of the host asks for its IOMMU before all devices are there. */
static void test_early(void)
{
    QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu,caching-mode=on,"
                         "unit1=rp:late -device pcie-root-port,id=rp,"
                         "bus=pcie.0,addr=3,chassis=1 "
                         "-device nyx-testdev,bus=rp,host-aw-bits=48 "
                         "-device nyx-testdev,id=late,bus=pcie.0,addr=9");
    QVtd *other = qvtd_unit(v, 1);
    NyxTestdev td;

    nyx_pci_bridge(v->pc, 0x18, 1, 1);
    td = nyx_td_get(v->pc->pci, 0x100);
    g_assert_true(qvtd_enable(other));
    NYX_CHECK(NULL, nyx_td_writel(&td, IOVA, 1) != NYX_TD_ST_OK, 1);
    NYX_CHECK(NULL, qvtd_record(v, 0).valid, 0);
    NYX_CHECK(NULL, qvtd_record(other, 0).hi, 0x8000000100000100);
    nyx_td_put(&td);
    g_free(other);
    qvtd_end(v);
}

/* A reset is for all of them. */
static void test_reset(void)
{
    Units u = units_ready();

    qtest_system_reset(u.v[0]->qts);
    for (unsigned i = 0; i < N; i++) {
        NYX_CHECK(NULL, qvtd_r32(u.v[i], QVTD_GSTS), 0);
        NYX_CHECK(NULL, qvtd_r64(u.v[i], QVTD_RTADDR), 0);
    }
    units_end(&u);
}

/* --- Migration ------------------------------------------------------------ */

static void test_migrate(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_strdup_printf("%s/state", dir);
    Units u = units_ready(), to = u;
    static const char *const wrong[] = {
        "-device nyx-vtd," OPTIONS ",unit1=rp:rp2",
        "-device nyx-vtd," OPTIONS ",unit1=rp,unit2=rp2,unit3=t5",
    };

    /* A difference in each. */
    for (unsigned i = 0; i < N; i++) {
        qvtd_w32(u.v[i], QVTD_FEDATA, 0x40 + i);
        NYX_CHECK(NULL, reaches(&u, i, IOVA, u.page[i]), 1);
    }
    reaches(&u, 1, IOVA + NYX_PAGE, u.page[1]);
    /* And a PASID of the second one's. */
    qvtd_w64(u.v[1], 0xe00, 1);
    nyx_migrate_to(u.v[0]->qts, path);

    for (unsigned i = 0; i < N; i++) {
        to.v[i] = g_memdup2(u.v[i], sizeof(*u.v[i]));
        to.v[i]->pc = i ? to.v[0]->pc
                        : nyx_pc_start("-M q35 " UNIT " " DEVICES
                                       "-incoming file:%s", path);
        to.v[i]->qts = to.v[0]->pc->qts;
        to.td[i] = nyx_td_at(to.v[0]->qts, u.td[i].bar);
    }
    nyx_migrate_wait(to.v[0]->qts);
    for (unsigned i = 0; i < N; i++) {
        NYX_CHECK(NULL, qvtd_r32(to.v[i], QVTD_FEDATA), 0x40 + i);
        NYX_CHECK(NULL, qvtd_r32(to.v[i], QVTD_GSTS), 0xc0000000);
        NYX_CHECK(NULL, qvtd_stat(to.v[i], "virtual-pasids"), i == 1);
        NYX_CHECK(NULL, qvtd_r64(to.v[i], QVTD_RTADDR), u.v[i]->root);
        NYX_CHECK(NULL, qvtd_record(to.v[i], 0).valid, i == 1);
        NYX_CHECK(NULL, reaches(&to, i, IOVA, u.page[i]), 1);
    }
    units_end(&to);

    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        g_autofree char *args = g_strdup_printf(
            "-M q35 -m 256 %s " DEVICES "-incoming file:%s", wrong[i],
            path);
        NyxRun run = nyx_run_qemu(args);

        NYX_CHECK(wrong[i], run.status, 1);
        NYX_CHECK(wrong[i], nyx_lines_with(run.err, "give both sides the "
                                           "same unit1 to unit7"), 1);
        nyx_run_end(&run);
    }
    units_end(&u);
    nyx_tmp_free(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-units/registers", test_registers);
    qtest_add_func("/nyx/vtd-units/enable", test_enable);
    qtest_add_func("/nyx/vtd-units/tables", test_tables);
    qtest_add_func("/nyx/vtd-units/bridge", test_bridge);
    qtest_add_func("/nyx/vtd-units/bridge-moves", test_bridge_moves);
    qtest_add_func("/nyx/vtd-units/commands", test_commands);
    qtest_add_func("/nyx/vtd-units/queues", test_queues);
    qtest_add_func("/nyx/vtd-units/device-tlb", test_device_tlb);
    qtest_add_func("/nyx/vtd-units/interrupts", test_interrupts);
    qtest_add_func("/nyx/vtd-units/ioapic", test_ioapic);
    qtest_add_func("/nyx/vtd-units/early", test_early);
    qtest_add_func("/nyx/vtd-units/reset", test_reset);
    qtest_add_func("/nyx/vtd-units/migrate", test_migrate);
    return g_test_run();
}
