/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses that a container of VFIO cannot have: those of interrupts, those
 * that the host's IOMMU does not translate; and hosts that are refused.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-vfio.h"

#define TWO_MIB (2 * NYX_MIB)

/* Below 1 GiB, and from 1.25 GiB up to 39 bits. */
#define RANGES      "0x0-0x3fffffff+0x50000000-0x7fffffffff"
#define OUTSIDE     "the host's IOMMU cannot translate"

/* What QEMU says goes into a file. */
typedef struct Said {
    char *dir;
    char *path;
    char *more;
} Said;

static Said said_begin(const char *more)
{
    Said said = { .dir = nyx_tmp_new() };

    said.path = g_build_filename(said.dir, "said", NULL);
    said.more = g_strdup_printf("%s 2>%s", more, said.path);
    return said;
}

static unsigned said_lines(const Said *said, const char *part)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(said->path, &text, NULL, NULL));
    return nyx_lines_with(text, part);
}

static void said_end(Said *said)
{
    nyx_tmp_free(said->dir);
    g_free(said->path);
    g_free(said->more);
}

/* --- The interrupt range -------------------------------------------------- */

/* A page there is none, whatever the tables say; those around it are. */
static void test_interrupts(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");

    nyx_vfio_map(&v, NYX_DOM_A, 0xfee01000, v.ram, NYX_PAGE, 12);
    nyx_vfio_expect(&v, 0, "in it", 0, 0, 0, 0);
    nyx_vfio_map(&v, NYX_DOM_A, 0xfedff000, v.ram + NYX_PAGE, NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, 0xfef00000, v.ram + 2 * NYX_PAGE, NYX_PAGE,
                 12);
    nyx_vfio_expect(&v, 0, "around it", 2, 0, 2, 2 * NYX_PAGE);
    nyx_vfio_map(&v, NYX_DOM_A, 0xfee00000, v.ram + TWO_MIB, TWO_MIB, 21);
    nyx_vfio_expect_mapping(&v, 0, "leaf", 0xfee01000, 0, 0);
    nyx_vfio_expect_mapping(&v, 0, "leaf", 0xfef00000, NYX_MIB,
                            v.ram + TWO_MIB + NYX_MIB);
    nyx_vfio_end(&v);
}

/* Refused, so that a guest does not count on it. */
static void test_interrupts_refused(gconstpointer model)
{
    static const struct {
        uint64_t first, last;
        unsigned status;
    } rows[] = {
        { 0xfee00000, 0xfee00fff, QVIO_S_INVAL },
        { 0xfedff000, 0xfee00fff, QVIO_S_INVAL },
        { 0xfeeff000, 0xfef00fff, QVIO_S_INVAL },
        { 0xfedff000, 0xfedfffff, QVIO_S_OK },
        { 0xfef00000, 0xfef00fff, QVIO_S_OK },
    };
    NyxVfio v = nyx_vfio_listen(model, "");
    unsigned told = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        bool good = rows[i].status == QVIO_S_OK;

        NYX_CHECK("map", qvio_map(v.vio, 10, rows[i].first, rows[i].last,
                                  v.ram, QVIO_MAP_RW), rows[i].status);
        told += good;
        nyx_vfio_expect(&v, 0, "told", good, 0, told, told * NYX_PAGE);
    }
    nyx_vfio_end(&v);
}

/* --- What the host translates --------------------------------------------- */

static const struct {
    const char *name;
    uint64_t iova, size;
    unsigned lg2;
    uint64_t told;           /* bytes */
} range_rows[] = {
    { "below", 0x3ffff000, NYX_PAGE, 12, NYX_PAGE },
    { "hole", 0x40000000, NYX_PAGE, 12, 0 },
    { "end of the hole", 0x4ffff000, NYX_PAGE, 12, 0 },
    { "above", 0x50000000, TWO_MIB, 21, TWO_MIB },
    { "last", 0x7ffffff000, NYX_PAGE, 12, NYX_PAGE },
    { "beyond", 0x8000000000, NYX_PAGE, 12, 0 },
};

/* Not announced, with one line that says so; and nothing else suffers. */
static void test_ranges(gconstpointer model)
{
    Said said = said_begin("");
    NyxVfio v = nyx_vfio_start(model, "", ",notify=3,host-aw-bits=48,"
                               "host-ranges=" RANGES, said.more);

    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    for (unsigned i = 0; i < ARRAY_SIZE(range_rows); i++) {
        uint64_t told = range_rows[i].told;

        nyx_vfio_map(&v, NYX_DOM_A, range_rows[i].iova, v.ram,
                     range_rows[i].size, range_rows[i].lg2);
        nyx_vfio_expect(&v, 0, range_rows[i].name, told != 0, 0, told != 0,
                        told);
        NYX_CHECK(range_rows[i].name, said_lines(&said, OUTSIDE), i > 0);
        /* An emulated device in its place would have it. */
        NYX_CHECK(range_rows[i].name,
                  nyx_td_writel(&v.td[0], range_rows[i].iova, i),
                  NYX_TD_ST_OK);
        NYX_CHECK(range_rows[i].name, nyx_td_sync_begin(&v.td[0]),
                  told != 0);
        nyx_td_sync_end(&v.td[0]);
        nyx_vfio_unmap(&v, NYX_DOM_A, range_rows[i].iova, range_rows[i].size,
                       range_rows[i].lg2);
        NYX_CHECK(range_rows[i].name, nyx_vfio_events(&v, 0).mappings, 0);
    }
    NYX_CHECK("one line", said_lines(&said, ""), 1);
    NYX_CHECK("one line", said_lines(&said, "device 04.0: " OUTSIDE
                                     " DMA address 0x40000000"), 1);
    nyx_vfio_end(&v);
    said_end(&said);
}

/* A leaf, or a run of pages, that is in them in part. */
static void test_ranges_cut(gconstpointer model)
{
    NyxVfio v = nyx_vfio_start(model, "", ",notify=3,host-aw-bits=48,"
                               "host-ranges=0x1000-0x400fffff+0x40180000-"
                               "0x7fffffffff 2>/dev/null", "");

    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    for (unsigned lg2 = 12; lg2 <= 21; lg2 += 9) {
        nyx_vfio_map(&v, NYX_DOM_A, 0x40000000, v.ram, TWO_MIB, lg2);
        nyx_vfio_expect(&v, 0, "map", 2, 0, 2, NYX_MIB + NYX_MIB / 2);
        nyx_vfio_expect_mapping(&v, 0, "low", 0x40000000, NYX_MIB, v.ram);
        nyx_vfio_expect_mapping(&v, 0, "high", 0x40180000, NYX_MIB / 2,
                                v.ram + NYX_MIB + NYX_MIB / 2);
        nyx_vfio_unmap(&v, NYX_DOM_A, 0x40000000, TWO_MIB, lg2);
        NYX_CHECK("unmap", nyx_vfio_events(&v, 0).mappings, 0);
    }
    nyx_vfio_end(&v);
}

/* Each function behind a bridge is what all of them can be. */
static void test_ranges_shared(gconstpointer model)
{
    static const struct {
        uint64_t iova;
        bool told;
    } rows[] = {
        { 0x20000000, false }, { 0x40000000, true }, { 0x7ffff000, true },
        { 0x80000000, false },
    };
    NyxVfio v = nyx_vfio_start(model, "", "",
        " -device pcie-pci-bridge,id=bridge,addr=c"
        " -device nyx-testdev,bus=bridge,addr=1,notify=3,host-aw-bits=48,"
        "host-ranges=0x0-0x7fffffff"
        " -device nyx-testdev,bus=bridge,addr=2,notify=3,host-aw-bits=48,"
        "host-ranges=0x40000000-0xffffffff 2>/dev/null");
    NyxTestdev td[2];

    nyx_pci_bridge(v.pc, NYX_SID(0, 12, 0), 1, 1);
    for (unsigned i = 0; i < 2; i++) {
        td[i] = nyx_td_get(v.pc->pci, NYX_SID(1, 1 + i, 0));
    }
    v.model->attach(&v, NYX_SID(1, 0, 0), NYX_DOM_A);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        nyx_vfio_map(&v, NYX_DOM_A, rows[i].iova, v.ram, NYX_PAGE, 12);
        for (unsigned n = 0; n < 2; n++) {
            NYX_CHECK("told", nyx_td_shadow_find(&td[n], rows[i].iova).len,
                      rows[i].told ? NYX_PAGE : 0);
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        NYX_CHECK("objections", nyx_td_r32(&td[i], NYX_TD_NOTIFY_ERRORS), 0);
        nyx_td_put(&td[i]);
    }
    nyx_vfio_end(&v);
}

#define PORT        NYX_SID(0, 12, 0)
#define PLUGGED     NYX_SID(1, 0, 0)
/*
 * Of a domain that has mappings already: a device that cannot have all of them
 * does without, and no other one does.  A virtio-iommu refuses to attach it,
 * unless it was in the domain before it was another device of the host.
 */
static void test_ranges_late(gconstpointer model)
{
    static const struct {
        const char *ranges;
        unsigned mappings;
    } rows[] = {
        { "0x0-0x7fffffff", 1 }, { "0x0-0xfedfffff", 2 },
        { "0x80000000-0xfedfffff", 1 }, { "0x0-0xfff", 0 },
    };
    Said said = said_begin(" -global ICH9-LPC.acpi-pci-hotplug-with-bridge-"
                           "support=off -device pcie-root-port,id=rp,"
                           "chassis=1,addr=c");
    NyxVfio v = nyx_vfio_start(model, "", "", said.more);
    unsigned lines = 0;

    nyx_pci_bridge(v.pc, PORT, 1, 1);
    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    nyx_vfio_follow(&v, 0);
    nyx_vfio_map(&v, NYX_DOM_A, 0x40000000, v.ram, NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, 0xc0000000, v.ram, TWO_MIB, 21);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        bool refused = v.vio && !i;
        unsigned mappings = refused ? 0 : rows[i].mappings;
        NyxTestdev td;

        qtest_qmp_device_add(v.qts, "nyx-testdev", "hot", "{'bus': 'rp', "
                             "'notify': 3, 'host-aw-bits': 48, "
                             "'host-ranges': %s}", rows[i].ranges);
        nyx_pci_slot(v.pc, PORT, true);
        if (refused) {
            NYX_CHECK("attach", qvio_attach(v.vio, 10, PLUGGED, 0),
                      QVIO_S_UNSUPP);
        } else {
            v.model->attach(&v, PLUGGED, NYX_DOM_A);
        }
        td = nyx_td_get(v.pc->pci, PLUGGED);
        NYX_CHECK(rows[i].ranges, nyx_td_r32(&td, NYX_TD_SHADOW_COUNT),
                  mappings);
        NYX_CHECK(rows[i].ranges, nyx_td_r32(&td, NYX_TD_NOTIFY_ERRORS), 0);
        lines += !refused && mappings < 2;
        NYX_CHECK(rows[i].ranges, said_lines(&said, OUTSIDE), lines);
        nyx_vfio_expect(&v, 0, rows[i].ranges, i ? 0 : 2, 0, 2,
                        NYX_PAGE + TWO_MIB);
        nyx_td_put(&td);
        qtest_qmp_device_del_send(v.qts, "hot");
        nyx_pci_slot(v.pc, PORT, false);
        qtest_qmp_eventwait(v.qts, "DEVICE_DELETED");
    }
    nyx_vfio_end(&v);
    said_end(&said);
}

/* Refused at once: PROBE has told the driver. */
static void test_ranges_refused(gconstpointer model)
{
    Said said = said_begin("");
    NyxVfio v = nyx_vfio_start(model, "", ",notify=3,host-aw-bits=48,"
                               "host-ranges=" RANGES, said.more);

    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    for (unsigned i = 0; i < ARRAY_SIZE(range_rows); i++) {
        uint64_t first = range_rows[i].iova;
        uint64_t last = first + range_rows[i].size - 1;
        bool good = range_rows[i].told;

        NYX_CHECK(range_rows[i].name,
                  qvio_map(v.vio, 10, first, last, v.ram, QVIO_MAP_RW),
                  good ? QVIO_S_OK : QVIO_S_INVAL);
        nyx_vfio_expect(&v, 0, range_rows[i].name, good, 0, good,
                        range_rows[i].told);
        NYX_CHECK(range_rows[i].name, qvio_unmap(v.vio, 10, first, last),
                  QVIO_S_OK);
        nyx_vfio_events(&v, 0);
    }
    NYX_CHECK("no line", said_lines(&said, ""), 0);
    nyx_vfio_end(&v);
    said_end(&said);
}

/* --- Hosts ---------------------------------------------------------------- */

/* Refused on the command line, with one line that says what to do. */
static const struct {
    const char *iommu, *td;
    const char *line;
} host_rows[] = {
    { "nyx-vtd,caching-mode=on,aw-bits=48", "host-aw-bits=39",
      "the host's IOMMU has 39 address bits for this device, nyx-vtd has 48: "
      "set aw-bits=39" },
    { "nyx-vtd,caching-mode=on,aw-bits=39", "host-aw-bits=39,host-pages=65536",
      "the host's IOMMU has no pages of less than 64k for this device, nyx-vtd "
      "has some of 4k: put the device on a bus with bypass_iommu=on" },
    { "nyx-vtd", "host-aw-bits=48", "set caching-mode=on of nyx-vtd" },
    { "nyx-amdvi,np-cache=on,va-bits=48", "host-aw-bits=39",
      "the host's IOMMU has 39 address bits for this device, nyx-amdvi has "
      "48: set va-bits=39" },
    { "nyx-amdvi,np-cache=on,va-bits=48", "host-aw-bits=48,host-pages=16384",
      "the host's IOMMU has no pages of less than 16k for this device, "
      "nyx-amdvi has some of 4k: put the device on a bus with "
      "bypass_iommu=on" },
    { "nyx-amdvi", "host-aw-bits=48", "set np-cache=on of nyx-amdvi" },
};

static void test_hosts(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(host_rows); i++) {
        g_autofree char *args = g_strdup_printf("-M q35 -device %s -device "
                                                "nyx-testdev,%s",
                                                host_rows[i].iommu,
                                                host_rows[i].td);
        NyxRun run = nyx_run_qemu(args);

        NYX_CHECK(args, run.status, 1);
        NYX_CHECK(args, nyx_lines_with(run.err, ""), 1);
        NYX_CHECK(args, nyx_lines_with(run.err, host_rows[i].line), 1);
        nyx_run_end(&run);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD_TABLES(name, fn) nyx_vfio_add_tables("limits", name, true, fn)
#define ADD_REQUESTS(name, fn) nyx_vfio_add_tables("limits", name, false, fn)
    ADD_TABLES("interrupts", test_interrupts);
    ADD_TABLES("ranges", test_ranges);
    ADD_TABLES("ranges-cut", test_ranges_cut);
    ADD_TABLES("ranges-shared", test_ranges_shared);
    nyx_vfio_add("limits", "ranges-late", test_ranges_late);
    ADD_REQUESTS("interrupts-refused", test_interrupts_refused);
    ADD_REQUESTS("ranges-refused", test_ranges_refused);
    qtest_add_func("/nyx/vfio-limits/hosts", test_hosts);
    return g_test_run();
}
