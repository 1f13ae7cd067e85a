/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-virtio-iommu-pci and the machine around it: resets, functions that come
 * and go while they do DMA, which id a request behind bridges has, what the
 * option endpoints= leaves out, messages, reports that have to wait.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-virtio-iommu.h"
#include "qobject/qstring.h"

#define DEVICE      "-device nyx-virtio-iommu-pci,id=iommu,addr=3," \
                    "event-delay=0"
#define PATH        "/machine/peripheral/iommu"
#define SELF        NYX_SID(0, 3, 0)
#define TESTDEV     NYX_SID(0, 4, 0)
#define DOMAIN      7
#define IOVA        0x40000000ull
#define DATA        0x11223344u
/* A feature that cannot be left alone once it is offered. */
#define ACCESS_PLATFORM (1ull << 33)

typedef struct Fixture {
    NyxPc *pc;
    QVio *v;
    uint64_t page;
} Fixture;

static Fixture start(const char *machine, const char *more)
{
    Fixture f;

    f.pc = nyx_pc_start("-M %s " DEVICE "%s", machine, more);
    f.v = qvio_start(f.pc, QVIO_F_USUAL | ACCESS_PLATFORM);
    f.page = nyx_pc_pages(f.pc, 2);
    qvio_event_post(f.v, 32);
    return f;
}

static void end(Fixture *f)
{
    qvio_end(f->v);
    nyx_pc_end(f->pc);
}

/* In the domain, where IOVA is @page. */
static void attach(Fixture *f, uint32_t domain, uint16_t sid, uint64_t page)
{
    NYX_CHECK("attach", qvio_attach(f->v, domain, sid, 0), QVIO_S_OK);
    NYX_CHECK("map", qvio_map(f->v, domain, IOVA, IOVA + NYX_PAGE - 1, page,
                              QVIO_MAP_RW), QVIO_S_OK);
}

/* What the function at @at writes to @iova is at @gpa. */
static void expect_write(Fixture *f, const char *row, uint16_t at,
                         uint64_t iova, uint64_t gpa)
{
    NyxTestdev td = nyx_td_get(f->pc->pci, at);
    QVioEvent event;

    qtest_writel(f->pc->qts, gpa, 0);
    NYX_CHECK(row, nyx_td_writel(&td, iova, DATA), NYX_TD_ST_OK);
    NYX_CHECK(row, qtest_readl(f->pc->qts, gpa), DATA);
    NYX_CHECK(row, qvio_event(f->v, &event), false);
    nyx_td_put(&td);
}

/* Refused, and reported with the id @sid. */
static void expect_refused(Fixture *f, const char *row, uint16_t at,
                           uint64_t iova, uint8_t reason, uint16_t sid)
{
    NyxTestdev td = nyx_td_get(f->pc->pci, at);
    QVioEvent event = { };

    NYX_CHECK(row, nyx_td_writel(&td, iova, DATA), NYX_TD_ST_TX_ERROR);
    NYX_CHECK(row, qvio_event(f->v, &event), true);
    NYX_CHECK(row, event.reason, reason);
    NYX_CHECK(row, event.endpoint, sid);
    NYX_CHECK(row, event.address, iova);
    NYX_CHECK(row, event.flags, QVIO_EVENT_WRITE | QVIO_EVENT_ADDRESS);
    nyx_td_put(&td);
}

/* --- Reset ---------------------------------------------------------------- */

/* A reset of the device ends domains; bypass goes with the machine's. */
static void test_reset(void)
{
    Fixture f = start("q35", " -device nyx-testdev,addr=4");

    for (unsigned i = 0; i < 2; i++) {
        attach(&f, DOMAIN, TESTDEV, f.page);
        expect_write(&f, "mapped", TESTDEV, IOVA, f.page);
        qvio_set_bypass(f.v, 0);
        qvio_restart(f.v, QVIO_F_USUAL);
        qvio_event_post(f.v, 8);
        NYX_CHECK("device reset", qvio_bypass(f.v), 0);
        NYX_CHECK("device reset", nyx_pc_stat(f.pc, PATH, "mappings"), 0);
        NYX_CHECK("device reset", nyx_pc_stat(f.pc, PATH, "domains"), 0);
        expect_refused(&f, "device reset", TESTDEV, IOVA,
                       QVIO_REASON_DOMAIN, TESTDEV);
        attach(&f, DOMAIN, TESTDEV, f.page);
        qvio_end(f.v);
        qtest_system_reset(f.pc->qts);
        NYX_CHECK("reset", nyx_pc_stat(f.pc, PATH, "mappings"), 0);
        f.v = qvio_start(f.pc, QVIO_F_USUAL);
        qvio_event_post(f.v, 8);
        NYX_CHECK("reset", qvio_bypass(f.v), 1);
        expect_write(&f, "reset", TESTDEV, f.page + 8, f.page + 8);
    }
    end(&f);
}

/* --- Hot plug ------------------------------------------------------------- */

#define PORT        NYX_SID(0, 5, 0)
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

static void plug(Fixture *f)
{
    qtest_qmp_device_add(f->pc->qts, "nyx-testdev", "hot", "{'bus': 'rp'}");
    nyx_pci_slot(f->pc, PORT, true);
}

static void unplug(Fixture *f, const char *what)
{
    qtest_qmp_device_del_send(f->pc->qts, what);
    nyx_pci_slot(f->pc, PORT, false);
    qtest_qmp_eventwait(f->pc->qts, "DEVICE_DELETED");
}

static Fixture slot_start(const char *options)
{
    g_autofree char *more = g_strdup_printf("%s "
        "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
        "-device pcie-root-port,id=rp,chassis=1,addr=5", options);
    Fixture f = start("q35", more);

    nyx_pci_bridge(f.pc, PORT, 1, 2);
    return f;
}

/* Gone from under its threads; the driver detaches it then, or does not. */
static void test_unplug(void)
{
    Fixture f = slot_start("");
    unsigned faults = 0;

    for (unsigned i = 0; i < 8; i++) {
        NyxTestdev td;

        plug(&f);
        if (i < 2 || !(i & 1)) {
            attach(&f, DOMAIN, PLUGGED, f.page);
        }
        td = nyx_td_get(f.pc->pci, PLUGGED);
        g_assert_cmphex(nyx_td_run_start(&td, &endless), ==,
                        NYX_TD_RUN_ST_BUSY);
        wait_for_ops(&td);
        unplug(&f, "hot");
        nyx_td_put(&td);
        NYX_CHECK("faults", nyx_pc_stat_faults(f.pc, PATH, "name", "unmapped")
                  > faults, true);
        faults = nyx_pc_stat_faults(f.pc, PATH, "name", "unmapped");
        if (i & 1 || i == 0) {
            NYX_CHECK("detach", qvio_detach(f.v, DOMAIN, PLUGGED), QVIO_S_OK);
            NYX_CHECK("again", qvio_detach(f.v, DOMAIN, PLUGGED),
                      QVIO_S_NOENT);
            NYX_CHECK("gone", qvio_attach(f.v, DOMAIN, PLUGGED, 0),
                      QVIO_S_NOENT);
            NYX_CHECK("gone", qvio_map(f.v, DOMAIN, 0, NYX_PAGE - 1, 0,
                                       QVIO_MAP_RW), QVIO_S_NOENT);
        }
    }
    end(&f);
}

/* A bridge, whose bus goes with it: ids come from that bus. */
static void test_unplug_bus(void)
{
    Fixture f = slot_start("");
    const uint16_t alias = NYX_SID(2, 0, 0), own = NYX_SID(2, 1, 0);

    for (unsigned i = 0; i < 6; i++) {
        NyxTestdev td;

        qtest_qmp_device_add(f.pc->qts, "pcie-pci-bridge", "bridge",
                             "{'bus': 'rp'}");
        nyx_pci_slot(f.pc, PORT, true);
        NYX_CHECK("nobody there", qvio_attach(f.v, DOMAIN, alias, 0),
                  QVIO_S_NOENT);
        qtest_qmp_device_add(f.pc->qts, "nyx-testdev", "behind",
                             "{'bus': 'bridge', 'addr': '1', 'notify': %d}",
                             i < 3 ? 0 : 3);
        nyx_pci_bridge_below(f.pc, PORT, PLUGGED, 2, 2);
        attach(&f, DOMAIN, alias, f.page);
        NYX_CHECK("its own", qvio_attach(f.v, DOMAIN, own, 0), QVIO_S_OK);
        expect_write(&f, "behind a bridge", own, IOVA, f.page);
        expect_refused(&f, "behind a bridge", own, IOVA + NYX_PAGE,
                       QVIO_REASON_MAPPING, alias);
        td = nyx_td_get(f.pc->pci, own);
        g_assert_cmphex(nyx_td_run_start(&td, &endless), ==,
                        NYX_TD_RUN_ST_BUSY);
        wait_for_ops(&td);
        unplug(&f, "bridge");
        nyx_td_put(&td);
        while (qvio_event(f.v, &(QVioEvent) { })) {
            /* of its threads */
        }
        qvio_event_post(f.v, 16);
        if (i & 1) {
            NYX_CHECK("unmap", qvio_unmap(f.v, DOMAIN, 0, UINT64_MAX),
                      QVIO_S_OK);
        }
        NYX_CHECK("detach", qvio_detach(f.v, DOMAIN, alias), QVIO_S_OK);
        NYX_CHECK("detach", qvio_detach(f.v, DOMAIN, own), QVIO_S_OK);
        NYX_CHECK("gone", qvio_attach(f.v, DOMAIN, alias, 0), QVIO_S_NOENT);
    }
    /* For all requesters; the reset takes it back. */
    qvio_set_bypass(f.v, 0);
    NYX_CHECK("bypass", qvio_bypass(f.v), 0);
    qvio_end(f.v);
    qtest_system_reset(f.pc->qts);
    nyx_pc_end(f.pc);
}

/*
 * DMA does not go to memory as it is while the machine is reset: devices stop
 * before domains end.
 */
static void test_reset_in_flight(void)
{
    /* The one that was there first is reset last. */
    Fixture f = start("q35 -device nyx-testdev,addr=4", "");
    uint64_t canary = nyx_pc_pages(f.pc, 1), next = f.pc->next_page;

    for (unsigned i = 0; i < 10; i++) {
        const NyxTdRun run = {
            .req = { .op = NYX_TD_OP_FILL, .len = 64, .addr = canary,
                     .operand = DATA },
            .threads = 4,
            .slots = 1,
            .stride = NYX_PAGE,
            .count = NYX_TD_MAX_COUNT,
        };
        NyxTestdev td = nyx_td_get(f.pc->pci, TESTDEV);

        NYX_CHECK("attach", qvio_attach(f.v, DOMAIN, TESTDEV, 0), QVIO_S_OK);
        NYX_CHECK("map", qvio_map(f.v, DOMAIN, canary, canary + NYX_PAGE - 1,
                                  f.page, QVIO_MAP_RW), QVIO_S_OK);
        g_assert_cmphex(nyx_td_run_start(&td, &run), ==, NYX_TD_RUN_ST_BUSY);
        while (!nyx_td_r64(&td, NYX_TD_RUN_OPS)) {
            /* Its threads are on their way. */
        }
        nyx_td_put(&td);
        qvio_end(f.v);
        qtest_system_reset(f.pc->qts);
        /* Queues lie where the last ones did. */
        f.pc->next_page = next;
        f.v = qvio_start(f.pc, QVIO_F_USUAL);
    }
    NYX_CHECK("written", qtest_readl(f.pc->qts, f.page) != 0, true);
    NYX_CHECK("canary", qtest_readq(f.pc->qts, canary), 0);
    end(&f);
}

/* --- Ids ------------------------------------------------------------------ */

/* The function at @at makes requests as @sid. */
static void expect_requester(Fixture *f, const char *row, uint16_t at,
                             uint16_t sid)
{
    NYX_CHECK(row, qvio_attach(f->v, DOMAIN, sid, 0), QVIO_S_OK);
    expect_refused(f, row, at, IOVA, QVIO_REASON_MAPPING, sid);
    NYX_CHECK(row, qvio_map(f->v, DOMAIN, IOVA, IOVA + NYX_PAGE - 1, f->page,
                            QVIO_MAP_RW), QVIO_S_OK);
    expect_write(f, row, at, IOVA, f->page);
    NYX_CHECK(row, qvio_detach(f->v, DOMAIN, sid), QVIO_S_OK);
    expect_write(f, row, at, f->page + 16, f->page + 16);
}

static void test_bridges(void)
{
    Fixture f = start("q35",
        " -device nyx-testdev,addr=4"
        " -device pcie-root-port,id=rp,addr=5,chassis=1"
        " -device pcie-pci-bridge,id=ppb,bus=rp"
        " -device nyx-testdev,bus=ppb,addr=2"
        " -device pci-bridge,id=cb,addr=6,chassis_nr=2"
        " -device nyx-testdev,bus=cb,addr=3");

    expect_requester(&f, "root bus", TESTDEV, TESTDEV);
    nyx_pci_bridge(f.pc, PORT, 1, 2);
    nyx_pci_bridge_below(f.pc, PORT, PLUGGED, 2, 2);
    expect_requester(&f, "PCI Express to PCI", NYX_SID(2, 2, 0),
                     NYX_SID(2, 0, 0));
    /* The function is there, though no request has its id. */
    NYX_CHECK("own id", qvio_attach(f.v, DOMAIN, NYX_SID(2, 2, 0), 0),
              QVIO_S_OK);
    NYX_CHECK("no function", qvio_attach(f.v, DOMAIN, NYX_SID(2, 3, 0), 0),
              QVIO_S_NOENT);
    NYX_CHECK("own id", qvio_detach(f.v, DOMAIN, NYX_SID(2, 2, 0)),
              QVIO_S_OK);
    end(&f);
    f = start("q35",
        " -device pci-bridge,id=cb,addr=5,chassis_nr=2"
        " -device nyx-testdev,bus=cb,addr=3");
    nyx_pci_bridge(f.pc, PORT, 1, 1);
    expect_requester(&f, "conventional", NYX_SID(1, 3, 0), PORT);
    end(&f);
}

static void test_i440fx(void)
{
    Fixture f = start("pc", " -device nyx-testdev,addr=4");

    expect_requester(&f, "root bus", TESTDEV, TESTDEV);
    end(&f);
}

/* Buses with a root of their own, one of which the IOMMU is not for. */
static void test_expander(void)
{
    Fixture f = start("q35",
        " -device pxb-pcie,id=px,addr=9,bus_nr=32"
        " -device pcie-root-port,id=rp,bus=px,addr=0,chassis=1"
        " -device nyx-testdev,bus=rp"
        " -device pxb-pcie,id=free,bus=pcie.0,bus_nr=64,bypass_iommu=on"
        " -device pcie-root-port,id=frp,bus=free,addr=0,chassis=2"
        " -device nyx-testdev,bus=frp");

    nyx_pci_bridge(f.pc, NYX_SID(32, 0, 0), 33, 33);
    expect_requester(&f, "expander", NYX_SID(33, 0, 0), NYX_SID(33, 0, 0));
    qvio_set_bypass(f.v, 0);
    expect_refused(&f, "expander", NYX_SID(33, 0, 0), IOVA,
                   QVIO_REASON_DOMAIN, NYX_SID(33, 0, 0));
    nyx_pci_bridge(f.pc, NYX_SID(64, 0, 0), 65, 65);
    expect_write(&f, "bypass", NYX_SID(65, 0, 0), f.page, f.page);
    NYX_CHECK("bypass", qvio_attach(f.v, DOMAIN, NYX_SID(65, 0, 0), 0),
              QVIO_S_NOENT);
    end(&f);
}

/* The id follows the bus's number, from one request to the next. */
static void test_renumber(void)
{
    Fixture f = start("q35",
        " -device pcie-root-port,id=rp,addr=5,chassis=1"
        " -device nyx-testdev,bus=rp");

    nyx_pci_bridge(f.pc, PORT, 1, 1);
    attach(&f, 1, NYX_SID(1, 0, 0), f.page);
    expect_write(&f, "bus 1", NYX_SID(1, 0, 0), IOVA, f.page);
    nyx_pci_renumber(f.pc, PORT, 5, 5);
    attach(&f, 5, NYX_SID(5, 0, 0), f.page + NYX_PAGE);
    expect_write(&f, "bus 5", NYX_SID(5, 0, 0), IOVA, f.page + NYX_PAGE);
    nyx_pci_renumber(f.pc, PORT, 1, 1);
    expect_write(&f, "bus 1 again", NYX_SID(1, 0, 0), IOVA, f.page);
    nyx_pci_renumber(f.pc, PORT, 6, 6);
    qvio_set_bypass(f.v, 0);
    expect_refused(&f, "bus 6", NYX_SID(6, 0, 0), IOVA, QVIO_REASON_DOMAIN,
                   NYX_SID(6, 0, 0));
    /* The next request at the latest, whoever it is for, closes memory. */
    NYX_CHECK("bypass", qvio_attach(f.v, 6, NYX_SID(6, 0, 0),
                                    QVIO_ATTACH_BYPASS), QVIO_S_OK);
    expect_write(&f, "bypass", NYX_SID(6, 0, 0), f.page, f.page);
    nyx_pci_renumber(f.pc, PORT, 7, 7);
    NYX_CHECK("port", qvio_attach(f.v, 8, PORT, 0), QVIO_S_OK);
    expect_refused(&f, "bus 7", NYX_SID(7, 0, 0), f.page, QVIO_REASON_DOMAIN,
                   NYX_SID(7, 0, 0));
    end(&f);
}

/* --- What is behind the device -------------------------------------------- */

/* Its own requests are of memory, whatever it is asked. */
static void test_self(void)
{
    Fixture f = start("q35", ",boot-bypass=off,iommu_platform=on "
                      "-device nyx-testdev,addr=4");

    NYX_CHECK("self", qvio_attach(f.v, DOMAIN, SELF, 0), QVIO_S_NOENT);
    NYX_CHECK("self", qvio_detach(f.v, DOMAIN, SELF), QVIO_S_NOENT);
    expect_refused(&f, "others", TESTDEV, f.page, QVIO_REASON_DOMAIN,
                   TESTDEV);
    end(&f);
}

static void test_endpoints(void)
{
    Fixture f = start("q35", ",endpoints=t+rp,boot-bypass=off"
        " -device nyx-testdev,id=t,addr=4"
        " -device nyx-testdev,addr=6"
        " -device pcie-root-port,id=rp,addr=5,chassis=1"
        " -device nyx-testdev,bus=rp");
    const uint16_t other = NYX_SID(0, 6, 0);

    nyx_pci_bridge(f.pc, PORT, 1, 2);
    expect_refused(&f, "listed", TESTDEV, f.page, QVIO_REASON_DOMAIN,
                   TESTDEV);
    expect_refused(&f, "below", PLUGGED, f.page, QVIO_REASON_DOMAIN, PLUGGED);
    expect_write(&f, "not listed", other, f.page, f.page);
    NYX_CHECK("listed", qvio_attach(f.v, DOMAIN, TESTDEV, 0), QVIO_S_OK);
    NYX_CHECK("below", qvio_attach(f.v, DOMAIN, PLUGGED, 0), QVIO_S_OK);
    NYX_CHECK("port", qvio_attach(f.v, DOMAIN, PORT, 0), QVIO_S_OK);
    NYX_CHECK("not listed", qvio_attach(f.v, DOMAIN, other, 0), QVIO_S_NOENT);
    NYX_CHECK("not listed", qvio_detach(f.v, DOMAIN, other), QVIO_S_NOENT);
    expect_refused(&f, "listed", TESTDEV, IOVA, QVIO_REASON_MAPPING, TESTDEV);
    end(&f);
}

/* Plugged later: below what is listed, or not. */
static void test_endpoints_hot(void)
{
    Fixture f = slot_start(",endpoints=rp,boot-bypass=off");

    for (unsigned i = 0; i < 2; i++) {
        plug(&f);
        expect_refused(&f, "below", PLUGGED, f.page, QVIO_REASON_DOMAIN,
                       PLUGGED);
        NYX_CHECK("below", qvio_attach(f.v, DOMAIN, PLUGGED, 0), QVIO_S_OK);
        NYX_CHECK("below", qvio_detach(f.v, DOMAIN, PLUGGED), QVIO_S_OK);
        unplug(&f, "hot");
    }
    end(&f);
    f = slot_start(",endpoints=00:1f.2,boot-bypass=off");
    plug(&f);
    expect_write(&f, "elsewhere", PLUGGED, f.page, f.page);
    NYX_CHECK("elsewhere", qvio_attach(f.v, DOMAIN, PLUGGED, 0),
              QVIO_S_NOENT);
    end(&f);
}

/* --- Hosts ---------------------------------------------------------------- */

/* Plug a device of the host.  The error, or NULL; the caller frees. */
static char *plug_host(Fixture *f, int bits, int pages)
{
    QDict *answer = qtest_qmp(f->pc->qts, "{'execute': 'device_add', "
                              "'arguments': {'driver': 'nyx-testdev', "
                              "'bus': 'rp', 'id': 'hot', "
                              "'host-aw-bits': %d, 'host-pages': %d}}",
                              bits, pages);
    char *error = qdict_haskey(answer, "error")
        ? g_strdup(qdict_get_str(qdict_get_qdict(answer, "error"), "desc"))
        : NULL;

    qobject_unref(answer);
    return error;
}

/* What the guest counts on cannot be taken back. */
static void test_hosts(void)
{
    Fixture f = slot_start("");
    g_autofree char *coarse = plug_host(&f, 48, 65536);
    g_autofree char *fine = plug_host(&f, 39, 4096);
    uint8_t properties[0x800];
    QVioResv region;

    g_assert_nonnull(coarse);
    g_assert_cmpuint(g_str_has_suffix(coarse, "from the start"), ==, true);
    g_assert_nonnull(strstr(coarse, "no pages of less than 64k"));
    g_assert_null(fine);
    nyx_pci_slot(f.pc, PORT, true);
    NYX_CHECK("mask", qvio_cfg64(f.v, QVIO_CFG_PAGE_SIZES), -4096ull);
    NYX_CHECK("probe", qvio_probe(f.v, PLUGGED, properties,
                                  sizeof(properties)), QVIO_S_OK);
    NYX_CHECK("probe", qvio_resv(properties, sizeof(properties), 1, &region),
              true);
    NYX_CHECK("probe", region.first, 0x8000000000);
    NYX_CHECK("attach", qvio_attach(f.v, DOMAIN, PLUGGED, 0), QVIO_S_OK);
    NYX_CHECK("beyond", qvio_map(f.v, DOMAIN, 0x8000000000, 0x8000000fff,
                                 f.page, QVIO_MAP_RW), QVIO_S_INVAL);
    NYX_CHECK("detach", qvio_detach(f.v, DOMAIN, PLUGGED), QVIO_S_OK);
    unplug(&f, "hot");
    /* The next one is not the host's. */
    plug(&f);
    NYX_CHECK("probe", qvio_probe(f.v, PLUGGED, properties,
                                  sizeof(properties)), QVIO_S_OK);
    NYX_CHECK("probe", qvio_resv(properties, sizeof(properties), 1, &region),
              false);
    end(&f);
}

/* --- Messages ------------------------------------------------------------- */

/* They pass, whatever is mapped; nothing else does. */
static void test_messages(void)
{
    Fixture f = start("q35", ",boot-bypass=off -device nyx-testdev,addr=4");
    NyxTestdev td = nyx_td_get(f.pc->pci, TESTDEV);
    QVioEvent event;
    uint32_t value;

    nyx_td_msi(&td, 0xfee00000, 0x51);
    NYX_CHECK("no domain", nyx_apic_irr(f.pc, 0, 0x51), NYX_IRR_EDGE);
    attach(&f, DOMAIN, TESTDEV, f.page);
    nyx_td_msi(&td, 0xfee00000, 0x52);
    NYX_CHECK("domain", nyx_apic_irr(f.pc, 0, 0x52), NYX_IRR_EDGE);
    NYX_CHECK("mistakes", nyx_pc_mistakes(f.pc, PATH,
                                          "virtio-iommu.msi.access"), 0);
    NYX_CHECK("domain", qvio_event(f.v, &event), false);
    NYX_CHECK("read", nyx_td_readl(&td, 0xfee00010, &value),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("read", qvio_event(f.v, &event), true);
    NYX_CHECK("read", event.reason, QVIO_REASON_MAPPING);
    NYX_CHECK("read", event.flags, QVIO_EVENT_READ | QVIO_EVENT_ADDRESS);
    NYX_CHECK("read", event.address, 0xfee00010);
    NYX_CHECK("mistakes", nyx_pc_mistakes(f.pc, PATH,
                                          "virtio-iommu.msi.access"), 1);
    NYX_CHECK("bytes", nyx_td_write(&td, 0xfee00000, "ab", 2),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("mistakes", nyx_pc_mistakes(f.pc, PATH,
                                          "virtio-iommu.msi.access"), 2);
    NYX_CHECK("others", nyx_apic_irrs(f.pc, 0), 2);
    nyx_td_put(&td);
    end(&f);
}

/* --- Reports that have to wait -------------------------------------------- */

static void fault(NyxTestdev *td, uint64_t iova)
{
    NYX_CHECK("fault", nyx_td_writel(td, iova, DATA), NYX_TD_ST_TX_ERROR);
}

/* With processors that halt at once, so that the machine can run. */
static Fixture start_halting(const char *options, char **dir)
{
    static uint8_t halt[64 * 1024];
    g_autofree char *more = NULL, *path = NULL;

    memset(halt, 0xf4, sizeof(halt));
    *dir = nyx_tmp_new();
    path = g_build_filename(*dir, "halt", NULL);
    g_assert_true(g_file_set_contents(path, (char *)halt, sizeof(halt),
                                      NULL));
    more = g_strdup_printf("%s -device nyx-testdev,addr=4 -bios %s", options,
                           path);
    return start("q35", more);
}

static void go_on(Fixture *f)
{
    qtest_qmp_assert_success(f->pc->qts, "{'execute': 'cont'}");
    qtest_qmp_eventwait(f->pc->qts, "RESUME");
}

static void stand_still(Fixture *f)
{
    qtest_qmp_assert_success(f->pc->qts, "{'execute': 'stop'}");
    qtest_qmp_eventwait(f->pc->qts, "STOP");
}

/* Some time later. */
static void expect_event(Fixture *f, const char *row, uint64_t address)
{
    QVioEvent event = { };
    bool there = false;

    for (unsigned i = 0; i < NYX_POLLS && !there; i++) {
        there = qvio_event(f->v, &event);
    }
    NYX_CHECK(row, there, true);
    NYX_CHECK(row, event.address, address);
}

/* Until the driver has had its time, and in order. */
static void test_delay(void)
{
    char *dir;
    Fixture f = start_halting(",event-delay=100,boot-bypass=off", &dir);
    NyxTestdev td = nyx_td_get(f.pc->pci, TESTDEV);
    QVioEvent event;

    for (unsigned i = 0; i < 70; i++) {
        fault(&td, IOVA + i * NYX_PAGE);
    }
    NYX_CHECK("too early", qvio_event(f.v, &event), false);
    NYX_CHECK("too early", nyx_pc_stat(f.pc, PATH, "events.lost"), 70 - 64);
    go_on(&f);
    for (unsigned i = 0; i < 32; i++) {
        expect_event(&f, "held", IOVA + i * NYX_PAGE);
    }
    /* There were no more buffers. */
    NYX_CHECK("held", qvio_event(f.v, &event), false);
    NYX_CHECK("held", nyx_pc_stat(f.pc, PATH, "events.lost"), 70 - 32);
    qvio_event_post(f.v, 8);
    fault(&td, IOVA);
    NYX_CHECK("later", qvio_event(f.v, &event), true);
    stand_still(&f);
    /* A reset forgets those that wait, and the time begins anew. */
    qvio_restart(f.v, QVIO_F_USUAL);
    fault(&td, IOVA + 8);
    qvio_restart(f.v, QVIO_F_USUAL);
    qvio_event_post(f.v, 8);
    fault(&td, IOVA + 16);
    NYX_CHECK("reset", qvio_event(f.v, &event), false);
    go_on(&f);
    expect_event(&f, "reset", IOVA + 16);
    nyx_td_put(&td);
    end(&f);
    nyx_tmp_free(dir);
}

/* A machine that stands still stays as it is. */
static void test_stopped(void)
{
    char *dir;
    Fixture f = start_halting(",boot-bypass=off", &dir);
    NyxTestdev td = nyx_td_get(f.pc->pci, TESTDEV);
    QVioReq req = {
        .type = QVIO_T_ATTACH, .domain = DOMAIN, .endpoint = TESTDEV,
    };
    unsigned status;
    uint16_t id;
    QVioEvent event;

    go_on(&f);
    fault(&td, IOVA);
    NYX_CHECK("runs", qvio_event(f.v, &event), true);
    stand_still(&f);
    fault(&td, IOVA + NYX_PAGE);
    NYX_CHECK("stopped", qvio_event(f.v, &event), false);
    NYX_CHECK("stopped", qvio_batch_put(f.v, &req, 1, &id), 1);
    qvio_kick(f.v, &f.v->requests);
    NYX_CHECK("stopped", nyx_pc_stat(f.pc, PATH, "requests.attach"), 0);
    go_on(&f);
    qvio_batch_take(f.v, 1, &id, &status);
    NYX_CHECK("runs again", status, QVIO_S_OK);
    NYX_CHECK("runs again", nyx_pc_stat(f.pc, PATH, "requests.attach"), 1);
    expect_event(&f, "runs again", IOVA + NYX_PAGE);
    nyx_td_put(&td);
    end(&f);
    nyx_tmp_free(dir);
}

/* --- Reports that are kicks ----------------------------------------------- */

/*
 * An event's buffer lies where the driver's kicks go: the request that waits
 * there is carried out, after the fault has been dealt with.
 */
static void test_kicks(void)
{
    Fixture f = start("q35", ",boot-bypass=off -device nyx-testdev,addr=4");
    NyxTestdev td = nyx_td_get(f.pc->pci, TESTDEV);
    QVioReq req = {
        .type = QVIO_T_ATTACH, .domain = DOMAIN, .endpoint = TESTDEV,
    };
    unsigned status;
    uint16_t id;
    QVioEvent event;

    for (unsigned i = 0; i < 32; i++) {
        fault(&td, IOVA);
        NYX_CHECK("buffers of before", qvio_event(f.v, &event), true);
    }
    for (unsigned i = 0; i < 2; i++) {
        NyxVringPart part = { f.v->requests.doorbell, 24, true };

        nyx_vring_put(&f.v->events.ring, &part, 1, 0);
        NYX_CHECK("waits", qvio_batch_put(f.v, &req, 1, &id), 1);
        NYX_CHECK("waits", nyx_pc_stat(f.pc, PATH, "requests.attach"), i);
        fault(&td, IOVA);
        qvio_batch_take(f.v, 1, &id, &status);
        NYX_CHECK("kicked", status, QVIO_S_OK);
        NYX_CHECK("kicked", qvio_detach(f.v, DOMAIN, TESTDEV), QVIO_S_OK);
    }
    NYX_CHECK("sent", nyx_pc_stat(f.pc, PATH, "events.domain"), 34);
    nyx_td_put(&td);
    end(&f);
}

/* --- Buffers that make the main loop run ---------------------------------- */

static QVio blk_start(NyxPc *pc, uint8_t slot)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(slot, 0) };
    QVio blk = {
        .pc = pc, .qts = pc->qts,
        .dev = virtio_pci_new(pc->pci, &addr),
        .requests.memory = nyx_pc_pages(pc, NYX_VRING_PAGES),
        .events.memory = nyx_pc_pages(pc, NYX_VRING_PAGES),
        .events.index = 1,
    };

    qvirtio_pci_device_enable(blk.dev);
    blk.common = blk.dev->bar.addr + blk.dev->common_cfg_offset;
    blk.requests.doorbell = blk.dev->bar.addr + blk.dev->notify_cfg_offset;
    g_assert_true(qvio_negotiate(&blk, QVIO_F_VERSION_1));
    qvio_queues(&blk, 64);
    qvio_run(&blk);
    return blk;
}

/* The first sector: a byte to @one, two to @two, the rest to memory. */
static void blk_read(QVio *blk, uint64_t one, uint64_t two)
{
    uint64_t page = nyx_pc_pages(blk->pc, 1);
    const NyxVringPart part[] = {
        { page, 16, false }, { one, 1, true }, { two, 2, true },
        { page + 512, 509, true }, { page + 1024, 1, true },
    };

    nyx_vring_put(&blk->requests.ring, part, ARRAY_SIZE(part), 0);
    qvio_kick(blk, &blk->requests);
}

static void blk_end(QVio *blk)
{
    g_free(blk->dev->pdev);
    g_free(blk->dev);
}

/* The first byte of the answer goes to @tail, or to memory if that is 0. */
static uint16_t put_attach(Fixture *f, uint64_t tail)
{
    const QVioReq req = {
        .type = QVIO_T_ATTACH, .domain = DOMAIN, .endpoint = TESTDEV,
    };
    uint64_t page = nyx_pc_pages(f->pc, 1);
    const NyxVringPart part[] = {
        { page, 20, false }, { tail ?: page + 64, 1, true },
        { page + 65, 3, true },
    };
    uint8_t bytes[QVIO_REQ_MAX];

    qtest_memwrite(f->pc->qts, page, bytes, qvio_pack(&req, bytes));
    return nyx_vring_put(&f->v->requests.ring, part, ARRAY_SIZE(part), 0);
}

/* All of them are back, in order. */
static void expect_used(Fixture *f, const uint16_t *id, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint16_t used = UINT16_MAX;
        uint32_t len = 0;

        for (unsigned j = 0; j < NYX_POLLS &&
             !nyx_vring_take(&f->v->requests.ring, &used, &len); j++) {
            g_usleep(10);
        }
        NYX_CHECK("in order", used, id[i]);
        NYX_CHECK("answered", len, 4);
    }
}

/*
 * One disk writes DRIVER_OK and a kick.  What DRIVER_OK leaves for later is due
 * while the requests are carried out: one of them resets the other disk, which
 * waits for a read.
 */
static void test_nested_loop(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *disk = g_strdup_printf("%s/disk", dir);
    g_autofree char *more = g_strdup_printf(
        " -device nyx-testdev,addr=4 -blockdev file,node-name=a,filename=%s "
        "-blockdev null-co,node-name=b,latency-ns=200000000,size=65536 "
        "-device virtio-blk-pci,drive=a,addr=5,num-queues=2 "
        "-device virtio-blk-pci,drive=b,addr=6,num-queues=2", disk);
    const QVioReq detach[] = {
        { .type = QVIO_T_DETACH, .domain = DOMAIN, .endpoint = TESTDEV },
        { .type = QVIO_T_DETACH, .domain = DOMAIN, .endpoint = TESTDEV },
    };
    char sector[512];
    QVio a, b;
    uint16_t id[4];
    Fixture f;

    memset(sector, QVIO_ACKNOWLEDGE | QVIO_DRIVER | QVIO_FEATURES_OK |
                   QVIO_DRIVER_OK, sizeof(sector));
    g_assert_true(g_file_set_contents(disk, sector, sizeof(sector), NULL));
    f = start("q35", more);
    a = blk_start(f.pc, 5);
    b = blk_start(f.pc, 6);
    g_assert_true(qvio_negotiate(f.v, f.v->features));
    qvio_queues(f.v, 0);
    id[0] = put_attach(&f, 0);
    id[1] = put_attach(&f, b.common + QVIO_COMMON_STATUS);
    NYX_CHECK("waits", qvio_batch_put(f.v, detach, 2, id + 2), 2);
    blk_read(&b, f.page, f.page);
    blk_read(&a, f.v->common + QVIO_COMMON_STATUS, f.v->requests.doorbell);
    expect_used(&f, id, ARRAY_SIZE(id));
    NYX_CHECK("reset", qvio_status(&b), 0);
    NYX_CHECK("alive", qvio_detach(f.v, DOMAIN, TESTDEV), QVIO_S_INVAL);
    blk_end(&a);
    blk_end(&b);
    end(&f);
    nyx_tmp_free(dir);
}

/* --- Looking inside ------------------------------------------------------- */

static const char *text(const QDict *dict, const char *key)
{
    return qdict_get_try_str(dict, key) ?: "";
}

static void check_domain(const QDict *domain)
{
    QList *endpoints = qdict_get_qlist(domain, "endpoints");
    QList *mappings = qdict_get_qlist(domain, "mappings");
    const QDict *one = qobject_to(QDict, qlist_peek(mappings));

    g_assert_cmpint(qdict_get_int(domain, "id"), ==, DOMAIN);
    g_assert_cmpstr(text(domain, "kind"), ==, "mappings");
    g_assert_cmpint(qdict_get_int(domain, "count"), ==, 2);
    g_assert_cmpuint(qlist_size(endpoints), ==, 1);
    g_assert_cmpstr(qstring_get_str(qobject_to(QString,
                                               qlist_peek(endpoints))), ==,
                    "00:04.0");
    /* Of one size, one behind the other. */
    g_assert_cmpuint(qlist_size(mappings), ==, 1);
    g_assert_cmpstr(text(one, "iova"), ==, "0x40000000");
    g_assert_cmpstr(text(one, "last"), ==, "0x40001fff");
    g_assert_cmpstr(text(one, "access"), ==, "rw");
    g_assert_cmpint(qdict_get_int(one, "count"), ==, 2);
}

static void test_inside(void)
{
    Fixture f = start("q35", " -device nyx-testdev,addr=4");
    QList *regions;
    QDict *all, *config;

    attach(&f, DOMAIN, TESTDEV, f.page);
    NYX_CHECK("next", qvio_map(f.v, DOMAIN, IOVA + NYX_PAGE,
                               IOVA + 2 * NYX_PAGE - 1, f.page + NYX_PAGE,
                               QVIO_MAP_RW), QVIO_S_OK);
    all = qobject_to(QDict, nyx_pc_qom_get(f.pc, PATH, "domains"));
    g_assert_cmpint(qdict_get_bool(all, "complete"), ==, true);
    g_assert_cmpuint(qlist_size(qdict_get_qlist(all, "domains")), ==, 1);
    check_domain(qobject_to(QDict, qlist_peek(qdict_get_qlist(all,
                                                              "domains"))));
    qobject_unref(all);
    config = qobject_to(QDict, nyx_pc_qom_get(f.pc, PATH, "config"));
    g_assert_cmpstr(text(config, "page-size-mask"), ==, "0xfffffffffffff000");
    g_assert_cmpstr(text(config, "input-range-end"), ==, "0xffffffffffff");
    g_assert_cmpstr(text(config, "domain-range-end"), ==, "0xffffffff");
    g_assert_cmpstr(text(config, "features-offered"), ==, "0x77");
    g_assert_cmpstr(text(config, "features"), ==, "0x110000077");
    g_assert_cmpint(qdict_get_int(config, "bypass"), ==, 1);
    g_assert_cmpint(qdict_get_int(config, "driver-ok"), ==, 1);
    regions = qdict_get_qlist(config, "reserved-regions");
    g_assert_cmpuint(qlist_size(regions), ==, 1);
    g_assert_cmpstr(text(qobject_to(QDict, qlist_peek(regions)), "first"), ==,
                    "0xfee00000");
    qobject_unref(config);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-virtio/plug/" name, fn)
    ADD("reset", test_reset);
    ADD("reset-in-flight", test_reset_in_flight);
    ADD("unplug", test_unplug);
    ADD("unplug-bus", test_unplug_bus);
    ADD("bridges", test_bridges);
    ADD("i440fx", test_i440fx);
    ADD("expander", test_expander);
    ADD("renumber", test_renumber);
    ADD("self", test_self);
    ADD("endpoints", test_endpoints);
    ADD("endpoints-hot", test_endpoints_hot);
    ADD("hosts", test_hosts);
    ADD("messages", test_messages);
    ADD("delay", test_delay);
    ADD("stopped", test_stopped);
    ADD("kicks", test_kicks);
    ADD("nested-loop", test_nested_loop);
    ADD("inside", test_inside);
    return g_test_run();
}
