/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-vtd through what a machine goes through: migration and snapshots, a
 * reset, functions that come and go while they do DMA.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-vtd.h"
#include "qobject/qjson.h"

#define UNIT        "-device nyx-vtd,id=iommu"
#define TESTDEV     NYX_SID(0, 4, 0)
#define BLOCK_SIZE  0x1000

#define IOVA        0x10000ull
#define UNMAPPED    0x80000ull
#define VECTOR      0x61

typedef struct Block {
    uint8_t bytes[BLOCK_SIZE];
} Block;

static Block block_read(QVtd *v)
{
    Block block;

    qtest_memread(v->qts, QVTD_BASE, block.bytes, BLOCK_SIZE);
    return block;
}

static void check_block(const char *row, const Block *got, const Block *want)
{
    for (unsigned i = 0; i < BLOCK_SIZE; i += 4) {
        g_autofree char *name = g_strdup_printf("%s: 0x%03x", row, i);

        NYX_CHECK(name, ldl_le_p(got->bytes + i), ldl_le_p(want->bytes + i));
    }
}

/* The property's value, as text that the caller frees. */
static char *in_force(QVtd *v)
{
    QObject *value = nyx_pc_qom_get(v->pc, "/machine/peripheral/iommu",
                                    "in-force");
    GString *json = qobject_to_json(value);

    qobject_unref(value);
    return g_string_free(json, FALSE);
}

/* --- A unit in the middle of its work ------------------------------------- */

typedef struct Busy {
    QVtd *v;
    NyxTestdev td;
    uint64_t page;           /* where IOVA leads to */
} Busy;

static void busy_tables(Busy *b)
{
    QVtd *v = b->v;
    QVtdDomain dom;

    g_assert_true(qvtd_queue(v, 1));
    g_assert_true(qvtd_ir(v, 7, false));
    g_assert_true(qvtd_root(v, 0));
    dom = qvtd_domain(v, 5, 4);
    b->page = nyx_pc_pages(v->pc, 1);
    qvtd_map(v, &dom, IOVA, b->page, 12, 3);
    qvtd_attach(v, TESTDEV, &dom, 0);
    g_assert_true(qvtd_gcmd(v, QVTD_TE, true));
}

/*
 * Three faults with the message masked, the oldest record free again; and
 * values in registers that nothing has latched.
 */
static void busy_registers(Busy *b)
{
    QVtd *v = b->v;

    qvtd_w32(v, QVTD_FEADDR, 0xfee00000);
    qvtd_w32(v, QVTD_FEDATA, VECTOR);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(nyx_td_writel(&b->td, UNMAPPED + i * NYX_PAGE, 1),
                         ==, NYX_TD_ST_TX_ERROR);
    }
    qvtd_w32(v, QVTD_FRCD + 12, 0x80000000);
    /* FECTL: IM and IP */
    g_assert_cmphex(qvtd_r32(v, QVTD_FECTL), ==, 0xc0000000);
    qvtd_w64(v, QVTD_RTADDR, 0xdead000);
    qvtd_w64(v, QVTD_IRTA, 0xbeef00f);
    qvtd_w32(v, QVTD_PLMBASE, 0x200000);
    qvtd_w64(v, QVTD_PHMLIMIT, 0x1200000000);
}

static Busy busy_start(void)
{
    Busy b = {
        .v = qvtd_start("-M q35 " UNIT " -device nyx-testdev,addr=4"),
    };

    b.td = nyx_td_get(b.v->pc->pci, TESTDEV);
    busy_tables(&b);
    busy_registers(&b);
    return b;
}

static void busy_end(Busy *b)
{
    nyx_td_put(&b->td);
    qvtd_end(b->v);
}

/* The unit goes on where it was: busy_registers() tells where. */
static void check_goes_on(Busy *b)
{
    QVtd *v = b->v;
    uint32_t value = 0;

    qtest_writel(v->qts, b->page + 4, 0x600df00d);
    NYX_CHECK("read", nyx_td_readl(&b->td, IOVA + 4, &value), NYX_TD_ST_OK);
    NYX_CHECK("read", value, 0x600df00d);

    /* The fourth fault is in the fourth record. */
    NYX_CHECK("fault", nyx_td_writel(&b->td, UNMAPPED + 3 * NYX_PAGE, 1),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("record 0", qvtd_record(v, 0).valid, 0);
    NYX_CHECK("record 3", qvtd_record(v, 3).valid, 1);
    NYX_CHECK("record 3", qvtd_record(v, 3).lo, UNMAPPED + 3 * NYX_PAGE);

    /* The message that was held back. */
    NYX_CHECK("held back", nyx_apic_irr(v->pc, 0, VECTOR), NYX_IRR_NONE);
    qvtd_w32(v, QVTD_FECTL, 0);
    NYX_CHECK("sent", nyx_apic_irr(v->pc, 0, VECTOR), NYX_IRR_EDGE);

    g_assert_true(qvtd_flush_iotlb(v));
    g_assert_true(qvtd_queue_off(v));
}

/* --- Migration ------------------------------------------------------------ */

/* The same machine again, with the tables and the BAR where they were. */
static Busy busy_incoming(const Busy *from, const char *path,
                          const char *options)
{
    Busy b = *from;

    b.v = g_memdup2(from->v, sizeof(*from->v));
    b.v->pc = nyx_pc_start("-M q35 " UNIT "%s -device nyx-testdev,addr=4 "
                           "-incoming file:%s", options, path);
    b.v->qts = b.v->pc->qts;
    b.td = nyx_td_at(b.v->qts, from->td.bar);
    nyx_migrate_wait(b.v->qts);
    return b;
}

static void check_migrated(const Busy *from, const char *path,
                           const char *options)
{
    Block want = block_read(from->v);
    g_autofree char *latched = in_force(from->v);
    Busy to = busy_incoming(from, path, options);
    Block got = block_read(to.v);
    g_autofree char *latched_too = in_force(to.v);

    check_block(options, &got, &want);
    g_assert_cmpstr(latched_too, ==, latched);
    check_goes_on(&to);
    qvtd_end(to.v);
}

static void test_migrate(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    Busy b = busy_start();

    nyx_migrate_to(b.v->qts, path);
    check_migrated(&b, path, "");
    /* What a guest cannot see may differ. */
    check_migrated(&b, path, ",cache=off,iotlb-entries=16,x2apic-opt-out=on");
    busy_end(&b);
    nyx_tmp_free(dir);
}

/* A queue that has stopped at an error: the other side lets it go on. */
static void test_migrate_stopped(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    Busy b = busy_start(), to;
    QVtd *v = b.v;
    Block want, got;

    qvtd_put(v, 0xf, 0);
    qvtd_ring(v);
    g_assert_cmphex(qvtd_r32(v, QVTD_FSTS) & QVTD_FSTS_IQE, !=, 0);
    want = block_read(v);
    nyx_migrate_to(v->qts, path);
    to = busy_incoming(&b, path, "");
    got = block_read(to.v);
    check_block("stopped", &got, &want);

    /* Something else in place of the descriptor, and the error cleared. */
    qtest_writeq(to.v->qts, v->queue + qvtd_r64(to.v, QVTD_IQH), 0x4);
    qvtd_w32(to.v, QVTD_FSTS, QVTD_FSTS_IQE);
    NYX_CHECK("goes on", qvtd_wait(to.v), 1);
    qvtd_end(to.v);
    busy_end(&b);
    nyx_tmp_free(dir);
}

/* A destination that cannot go on with this state says so and ends. */
static void test_migrate_refused(void)
{
    static const char *const options[] = {
        "aw-bits=39", "aw-bits=57", "fault-records=4", "fault-records=16",
        "intremap=off", "eim=off", "caching-mode=on", "device-iotlb=on",
        "dma-translation=off", "pt=off", "snoop-control=off",
        "version=0x40",
    };
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    Busy b = busy_start();

    nyx_migrate_to(b.v->qts, path);
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        g_autofree char *args = g_strdup_printf(
            "-M q35 -m 256 " UNIT ",%s -device nyx-testdev,addr=4 "
            "-incoming file:%s", options[i], path);
        NyxRun run = nyx_run_qemu(args);

        NYX_CHECK(options[i], run.status, 1);
        NYX_CHECK(options[i], nyx_lines_with(run.err, "nyx-vtd: cannot load "
                  "the saved state: the version or capability registers "
                  "differ: give both sides the same options"), 1);
        nyx_run_end(&run);
    }
    busy_end(&b);
    nyx_tmp_free(dir);
}

/* Into a unit that has been used for something else since. */
static void test_snapshot(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *disk = g_build_filename(dir, "disk", NULL);
    Busy b = busy_start();
    Block want = block_read(b.v), got;
    g_autofree char *latched = in_force(b.v), *latched_too = NULL;

    nyx_snapshot_disk(b.v->qts, disk);
    nyx_hmp_in_silence(b.v->qts, "savevm here");
    g_assert_true(qvtd_gcmd(b.v, QVTD_TE, false));
    g_assert_true(qvtd_gcmd(b.v, QVTD_IRE, false));
    qvtd_clear_faults(b.v);
    g_assert_cmpuint(nyx_td_writel(&b.td, UNMAPPED, 1), ==, NYX_TD_ST_OK);
    nyx_hmp_in_silence(b.v->qts, "loadvm here");

    got = block_read(b.v);
    latched_too = in_force(b.v);
    check_block("after loadvm", &got, &want);
    g_assert_cmpstr(latched_too, ==, latched);
    b.v->tail = qvtd_r64(b.v, QVTD_IQT);
    check_goes_on(&b);
    busy_end(&b);
    nyx_tmp_free(dir);
}

/* --- Reset ---------------------------------------------------------------- */

static void test_reset(void)
{
    QVtd *fresh = qvtd_start("-M q35 " UNIT);
    Block want = block_read(fresh), got;
    g_autofree char *latched = in_force(fresh), *latched_too = NULL;
    Busy b = busy_start();
    uint64_t page = nyx_pc_pages(b.v->pc, 1);

    qvtd_end(fresh);
    for (unsigned i = 0; i < 2; i++) {
        qtest_system_reset(b.v->qts);
        got = block_read(b.v);
        g_free(latched_too);
        latched_too = in_force(b.v);
        check_block("after reset", &got, &want);
        g_assert_cmpstr(latched_too, ==, latched);
    }

    /* The BAR is gone, too. */
    qpci_config_writel(b.td.pci, PCI_BASE_ADDRESS_0, b.td.bar);
    qpci_device_enable(b.td.pci);
    NYX_CHECK("bypass", nyx_td_writel(&b.td, page, 0xabcd1234), NYX_TD_ST_OK);
    NYX_CHECK("bypass", qtest_readl(b.v->qts, page), 0xabcd1234);

    /* And once more from the start. */
    b.v->status = nyx_pc_pages(b.v->pc, 1);
    busy_tables(&b);
    busy_registers(&b);
    check_goes_on(&b);
    busy_end(&b);
}

/* Nothing of before is cached: firmware need not flush what is empty. */
static void test_reset_caches(void)
{
    Busy b = busy_start();
    QVtdDomain dom = qvtd_domain(b.v, 5, 4);
    uint64_t other = nyx_pc_pages(b.v->pc, 1);

    NYX_CHECK("before", nyx_td_writel(&b.td, IOVA, 1), NYX_TD_ST_OK);
    NYX_CHECK("before", qtest_readl(b.v->qts, b.page), 1);
    qtest_system_reset(b.v->qts);
    qpci_config_writel(b.td.pci, PCI_BASE_ADDRESS_0, b.td.bar);
    qpci_device_enable(b.td.pci);

    qvtd_map(b.v, &dom, IOVA, other, 12, 3);
    qvtd_attach(b.v, TESTDEV, &dom, 0);
    qvtd_w64(b.v, QVTD_RTADDR, b.v->root);
    g_assert_true(qvtd_gcmd(b.v, QVTD_SRTP, true));
    g_assert_true(qvtd_gcmd(b.v, QVTD_TE, true));
    NYX_CHECK("after", nyx_td_writel(&b.td, IOVA, 2), NYX_TD_ST_OK);
    NYX_CHECK("after", qtest_readl(b.v->qts, b.page), 1);
    NYX_CHECK("after", qtest_readl(b.v->qts, other), 2);
    busy_end(&b);
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
static void unplug_in_flight(QVtd *v, uint16_t sid, const char *what,
                             bool flush)
{
    NyxTestdev td = nyx_td_get(v->pc->pci, sid);

    g_assert_cmphex(nyx_td_run_start(&td, &endless), ==, NYX_TD_RUN_ST_BUSY);
    wait_for_ops(&td);
    if (flush) {
        g_assert_true(qvtd_flush_context(v));
        g_assert_true(qvtd_flush_iotlb(v));
    }
    qtest_qmp_device_del_send(v->qts, what);
    nyx_pci_slot(v->pc, PORT, false);
    qtest_qmp_eventwait(v->qts, "DEVICE_DELETED");
    nyx_td_put(&td);
    NYX_CHECK("recorded", qvtd_take_code(v), 6);
    qvtd_clear_faults(v);
}

/* Nobody is left to ask, and what they did is still told. */
static void check_unplugged(QVtd *v, unsigned faults)
{
    g_assert_true(qvtd_flush_context(v));
    g_assert_cmpuint(qvtd_stat_faults(v, 6), >=, faults);
    g_assert_true(qvtd_gcmd(v, QVTD_TE, false));
    g_assert_true(qvtd_gcmd(v, QVTD_TE, true));
    qtest_system_reset(v->qts);
}

/* A slot whose secondary bus is 1, and a mapping for @sid. */
static QVtd *slot_start_with(const char *options, uint16_t sid,
                             uint8_t last_bus, unsigned tt)
{
    QVtd *v = qvtd_start("-M q35 -global ICH9-LPC.acpi-pci-hotplug-with-"
                         "bridge-support=off " UNIT "%s"
                         " -device pcie-root-port,id=rp,chassis=1,addr=3",
                         options);
    QVtdDomain dom = qvtd_domain(v, 9, 3);

    nyx_pci_bridge(v->pc, PORT, 1, last_bus);
    g_assert_true(qvtd_queue(v, 0));
    g_assert_true(qvtd_enable(v));
    qvtd_map(v, &dom, IOVA, nyx_pc_pages(v->pc, 1), 12, 3);
    qvtd_attach(v, sid, &dom, tt);
    return v;
}

static QVtd *slot_start(uint16_t sid, uint8_t last_bus)
{
    return slot_start_with("", sid, last_bus, 0);
}

static void test_unplug(void)
{
    QVtd *v = slot_start(PLUGGED, 1);

    for (unsigned i = 0; i < 10; i++) {
        qtest_qmp_device_add(v->qts, "nyx-testdev", "hot", "{'bus': 'rp'}");
        nyx_pci_slot(v->pc, PORT, true);
        unplug_in_flight(v, PLUGGED, "hot", i & 1);
    }
    check_unplugged(v, 10);
    qvtd_end(v);
}

/* A bridge, whose bus goes with it: requester ids come from that bus. */
static void test_unplug_bus(void)
{
    QVtd *v = slot_start(NYX_SID(2, 0, 0), 2);

    for (unsigned i = 0; i < 5; i++) {
        qtest_qmp_device_add(v->qts, "pcie-pci-bridge", "bridge",
                             "{'bus': 'rp'}");
        nyx_pci_slot(v->pc, PORT, true);
        qtest_qmp_device_add(v->qts, "nyx-testdev", "behind",
                             "{'bus': 'bridge', 'addr': '1'}");
        nyx_pci_bridge_below(v->pc, PORT, PLUGGED, 2, 2);
        unplug_in_flight(v, NYX_SID(2, 1, 0), "bridge", i & 1);
    }
    check_unplugged(v, 5);
    qvtd_end(v);
}

/*
 * The same with a listener that has left the IOMMU region for pass-through
 * memory, so that its end goes unseen; and with a device of the host.
 */
static void test_unplug_listener(void)
{
    QVtd *v = slot_start_with(",caching-mode=on,aw-bits=39",
                              NYX_SID(2, 0, 0), 2, 2);

    for (unsigned i = 0; i < 6; i++) {
        NyxTestdev td;

        qtest_qmp_device_add(v->qts, "pcie-pci-bridge", "bridge",
                             "{'bus': 'rp'}");
        nyx_pci_slot(v->pc, PORT, true);
        qtest_qmp_device_add(v->qts, "nyx-testdev", "behind",
                             "{'bus': 'bridge', 'addr': '1', 'notify': 3, "
                             "'host-aw-bits': %d}", i % 2 ? 48 : 0);
        nyx_pci_bridge_below(v->pc, PORT, PLUGGED, 2, 2);
        g_assert_true(qvtd_flush_context(v));
        td = nyx_td_get(v->pc->pci, NYX_SID(2, 1, 0));
        NYX_CHECK("sees RAM", nyx_td_r32(&td, NYX_TD_NOTIFY_STATUS) >>
                  NYX_TD_NOTIFY_ST_RAM_SHIFT != 0, true);
        nyx_td_put(&td);
        qtest_qmp_device_del_send(v->qts, "bridge");
        nyx_pci_slot(v->pc, PORT, false);
        qtest_qmp_eventwait(v->qts, "DEVICE_DELETED");
        g_assert_true(qvtd_flush_context(v));
        g_assert_true(qvtd_flush_iotlb(v));
        g_assert_true(qvtd_gcmd(v, QVTD_TE, false));
        g_assert_true(qvtd_gcmd(v, QVTD_TE, true));
    }
    qtest_system_reset(v->qts);
    qvtd_end(v);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-plug/migrate", test_migrate);
    qtest_add_func("/nyx/vtd-plug/migrate-stopped", test_migrate_stopped);
    qtest_add_func("/nyx/vtd-plug/migrate-refused", test_migrate_refused);
    qtest_add_func("/nyx/vtd-plug/snapshot", test_snapshot);
    qtest_add_func("/nyx/vtd-plug/reset", test_reset);
    qtest_add_func("/nyx/vtd-plug/reset-caches", test_reset_caches);
    qtest_add_func("/nyx/vtd-plug/unplug", test_unplug);
    qtest_add_func("/nyx/vtd-plug/unplug-bus", test_unplug_bus);
    qtest_add_func("/nyx/vtd-plug/unplug-listener", test_unplug_listener);
    return g_test_run();
}
