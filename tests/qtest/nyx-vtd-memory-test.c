/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables in memory that comes, goes and changes its nature while
 * nyx-vtd reads them: what counts is the memory map of the moment.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-vtd.h"

#define SID     NYX_SID(0, 4, 0)
#define DID     3
#define IOVA    0x40000000ull

/* The host bridge's PAM1 opens RAM at 0xc0000: bit 0 to reads, 1 to writes. */
#define PAM1    0x91
#define SHADOW  0xc0000ull

#define DIMM    0x100000000ull

#define TABLE_ENTRY(gpa) ((gpa) | 3)

typedef struct Fx {
    QVtd *v;
    NyxTestdev td;
    QPCIDevice *bridge;
    QVtdDomain dom;
    uint64_t page;           /* holds its own address */
} Fx;

/* A machine with a domain whose last table for IOVA is at @table. */
static Fx fx_start(const char *args, uint64_t table)
{
    Fx f = {
        .v = qvtd_start("-M q35 -device nyx-vtd,id=iommu "
                        "-device nyx-testdev,addr=4 %s", args),
    };

    f.bridge = qpci_device_find(f.v->pc->pci, QPCI_DEVFN(0, 0));
    f.td = nyx_td_get(f.v->pc->pci, SID);
    g_assert_true(qvtd_queue(f.v, 0));
    g_assert_true(qvtd_enable(f.v));
    f.dom = qvtd_domain(f.v, DID, 3);
    qvtd_attach(f.v, SID, &f.dom, 0);
    f.page = nyx_pc_pages(f.v->pc, 1);
    qtest_writeq(f.v->qts, f.page, f.page);
    qtest_writeq(f.v->qts, qvtd_entry(f.v, &f.dom, IOVA, 2),
                 TABLE_ENTRY(table));
    return f;
}

static void fx_end(Fx *f)
{
    nyx_td_put(&f->td);
    g_free(f->bridge);
    qvtd_end(f->v);
}

/* A read through the tables as they are now; zero if it is refused. */
static uint64_t fx_read(Fx *f)
{
    uint64_t found = 0;

    g_assert_true(qvtd_flush_iotlb(f->v));
    qvtd_clear_faults(f->v);
    if (nyx_td_read(&f->td, IOVA, &found, sizeof(found)) != NYX_TD_ST_OK) {
        return 0;
    }
    return found;
}

static void test_shadow_ram(void)
{
    Fx f = fx_start("", SHADOW);
    uint64_t seen;

    /* The firmware's ROM is there: no entries, and no way to make one. */
    qpci_config_writeb(f.bridge, PAM1, 0);
    qtest_writeq(f.v->qts, SHADOW, f.page | 3);
    seen = qtest_readq(f.v->qts, SHADOW);
    NYX_CHECK("ROM", seen == (f.page | 3), false);
    NYX_CHECK("ROM", fx_read(&f), 0);
    for (unsigned i = 0; i < 20; i++) {
        qpci_config_writeb(f.bridge, PAM1, 3);
        qtest_writeq(f.v->qts, SHADOW, f.page | 3);
        NYX_CHECK("RAM", fx_read(&f), f.page);
        qpci_config_writeb(f.bridge, PAM1, 1);
        NYX_CHECK("RAM that is only read", fx_read(&f), f.page);
        qpci_config_writeb(f.bridge, PAM1, 0);
        NYX_CHECK("ROM again", fx_read(&f), 0);
        NYX_CHECK("ROM again", qtest_readq(f.v->qts, SHADOW), seen);
    }
    fx_end(&f);
}

/* Requests all the time, while tables are RAM and ROM in turns. */
static void test_changes_in_flight(void)
{
    static const NyxTdRun endless = {
        .req = { .op = NYX_TD_OP_READ, .len = 64, .addr = IOVA },
        .threads = 4,
        .slots = 256,
        .stride = NYX_PAGE,
        .pattern = NYX_TD_PATTERN_RANDOM,
        .count = NYX_TD_MAX_COUNT,
    };
    Fx f = fx_start("", SHADOW);
    uint64_t ops;

    qpci_config_writeb(f.bridge, PAM1, 3);
    for (unsigned i = 0; i < endless.slots; i++) {
        qtest_writeq(f.v->qts, SHADOW + i * 8, f.page | 3);
    }
    NYX_CHECK("run", nyx_td_run_start(&f.td, &endless),
              NYX_TD_RUN_ST_BUSY);
    for (unsigned i = 0; i < 300; i++) {
        qpci_config_writeb(f.bridge, PAM1, i & 1 ? 3 : 0);
        g_assert_true(qvtd_flush_iotlb(f.v));
    }
    ops = nyx_td_r64(&f.td, NYX_TD_RUN_OPS);
    while (nyx_td_r64(&f.td, NYX_TD_RUN_OPS) < ops + 1000) {
        g_usleep(100);
    }
    nyx_td_w32(&f.td, NYX_TD_RUN_CTRL, NYX_TD_RUN_STOP);
    nyx_td_run_wait(&f.td);
    NYX_CHECK("some were refused",
              nyx_td_r64(&f.td, NYX_TD_RUN_ERRORS) > 0, true);
    NYX_CHECK("in the end", fx_read(&f), f.page);
    fx_end(&f);
}

static void test_dimm(void)
{
    Fx f = fx_start("-m slots=1,maxmem=4G", DIMM);
    QDict *rsp;

    NYX_CHECK("no memory", fx_read(&f), 0);
    rsp = qtest_qmp(f.v->qts, "{ 'execute': 'object-add', 'arguments': "
                    "{ 'qom-type': 'memory-backend-ram', 'id': 'ram', "
                    "'size': 134217728 } }");
    g_assert_true(qdict_haskey(rsp, "return"));
    qobject_unref(rsp);
    qtest_qmp_device_add(f.v->qts, "pc-dimm", "dimm", "{'memdev': 'ram', "
                         "'addr': %" PRIu64 "}", (uint64_t)DIMM);
    NYX_CHECK("empty memory", fx_read(&f), 0);
    qtest_writeq(f.v->qts, DIMM, f.page | 3);
    NYX_CHECK("memory", fx_read(&f), f.page);
    fx_end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-memory/shadow-ram", test_shadow_ram);
    qtest_add_func("/nyx/vtd-memory/changes-in-flight",
                   test_changes_in_flight);
    qtest_add_func("/nyx/vtd-memory/dimm", test_dimm);
    return g_test_run();
}
