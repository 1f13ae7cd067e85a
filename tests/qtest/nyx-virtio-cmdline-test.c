/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of nyx-virtio-iommu-pci: what is refused and in which
 * words, what help prints, and where each valid option shows.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-virtio-iommu.h"
#include "qobject/qjson.h"

/* --- Refusals ------------------------------------------------------------- */

typedef struct WrongRow {
    const char *args;
    const char *says;        /* in its one line */
} WrongRow;

#define DEVICE  "nyx-virtio-iommu-pci"
#define PLAIN   "-M q35 -device " DEVICE ","
#define REGIONS(list) \
    "-M q35 -device '{\"driver\":\"" DEVICE "\"," \
    "\"reserved-regions\":[" list "]}'"
#define NINE    "\"0x1000:0x1fff:0\",\"0x3000:0x3fff:0\",\"0x5000:0x5fff:0\"," \
                "\"0x7000:0x7fff:0\",\"0x9000:0x9fff:0\",\"0xb000:0xbfff:0\"," \
                "\"0xd000:0xdfff:0\",\"0xf000:0xffff:0\",\"0x11000:0x11fff:0\","
#define TWELVE  NINE "\"0x13000:0x13fff:0\",\"0x15000:0x15fff:0\"," \
                "\"0x17000:0x17fff:0\","
/* Of each kind of bus one, and something on it. */
#define TREE                                                                \
    " -device pcie-root-port,id=rp,addr=5,chassis=1"                        \
    " -device nyx-testdev,id=express,bus=rp"                                \
    " -device pcie-root-port,id=rp2,addr=6,chassis=2"                       \
    " -device pcie-pci-bridge,id=ppb,bus=rp2"                               \
    " -device nyx-testdev,id=onppb,bus=ppb,addr=0"                          \
    " -device pci-bridge,id=cb,addr=7,chassis_nr=3"                         \
    " -device nyx-testdev,id=oncb,bus=cb,addr=1"                            \
    " -device pci-bridge,id=cb2,bus=cb,addr=2,chassis_nr=4"                 \
    " -device pxb-pcie,id=px,bus=pcie.0,bus_nr=32"                          \
    " -device pxb-pcie,id=by,bus=pcie.0,bus_nr=64,bypass_iommu=on"          \
    " -device pcie-root-port,id=rp3,bus=by,chassis=5"
#define LIST(items) PLAIN "addr=3,endpoints=" items TREE

static const WrongRow wrong_rows[] = {
    { PLAIN "aw-bits=31", "aw-bits must be 32 to 64" },
    { PLAIN "aw-bits=65", "aw-bits must be 32 to 64" },
    { PLAIN "max-domains=0", "max-domains must be 1 to 65535" },
    { PLAIN "max-domains=65536", "max-domains must be 1 to 65535" },
    { PLAIN "max-mappings=0", "max-mappings must be 1 to 67108864" },
    { PLAIN "max-mappings=67108865", "max-mappings must be 1 to 67108864" },
    { PLAIN "iotlb-entries=15", "16 to 1048576" },
    { PLAIN "iotlb-entries=1048577", "16 to 1048576" },
    { PLAIN "cache=foo", "use one of hardware, sticky, off" },
    { PLAIN "x-pasid=on", "set x-attach-table=on" },
    { PLAIN "x-page-requests=on", "set x-attach-table=on" },
    { PLAIN "x-attach-table=on,x-pasid=on,x-pasid-bits=0",
      "x-pasid-bits must be 1 to 20" },
    { PLAIN "x-attach-table=on,x-pasid=on,x-pasid-bits=21",
      "x-pasid-bits must be 1 to 20" },
    { PLAIN "findings=nochr", "-chardev file,id=nochr,path=findings.jsonl" },
    { REGIONS("\"0x1000:0x1fff:2\""), "is not START:END:TYPE" },
    { REGIONS("\"0x1000:0x1fff\""), "is not START:END:TYPE" },
    { REGIONS("\"0x1000-0x1fff:0\""), "is not START:END:TYPE" },
    { REGIONS("\"0x1000:0xfff:0\""), "is not START:END:TYPE" },
    { REGIONS("\"0x2000:0xfff:0\""), "is not START:END:TYPE" },
    { REGIONS("\"zz:0xfff:0\""), "is not START:END:TYPE" },
    { REGIONS("\"0x1000:0x1fff:0x\""), "is not START:END:TYPE" },
    { REGIONS("\"0x1000:0x1fff:0\",\"0x1fff:0x2fff:0\""),
      "regions must not overlap" },
    { REGIONS("\"0x1000:0x1fff:1\""), "use type 0 elsewhere" },
    { REGIONS("\"0xfee00000:0xfeefffff:1\",\"0x1000:0x1fff:1\""),
      "only one region" },
    { REGIONS("\"0xfedff000:0xfee00fff:0\""), "a part of 0xfee00000" },
    { REGIONS("\"0xfee00000:0xfeeffffe:1\""), "a part of 0xfee00000" },
    { REGIONS(TWELVE "\"0x19000:0x19fff:0\",\"0x1b000:0x1bfff:0\","
              "\"0x1d000:0x1dfff:0\",\"0x1f000:0x1ffff:0\""), "room for 15" },
    { REGIONS(TWELVE "\"0x19000:0x19fff:0\",\"0x1b000:0x1bfff:0\","
              "\"0x1d000:0x1dfff:0\",\"0x1f000:0x1ffff:0\","
              "\"0x21000:0x21fff:0\""), "room for 16" },
    { "-M q35 -device pcie-root-port,id=rp -device " DEVICE ",bus=rp",
      "on the machine's root bus: set bus=pcie.0" },
    { "-M pc -device pci-bridge,id=cb,chassis_nr=1 -device " DEVICE
      ",bus=cb,addr=1", "on the machine's root bus: set bus=pci.0" },
    { "-M microvm,pcie=on -device " DEVICE, "use -machine q35, pc" },
    { PLAIN "addr=3 -device " DEVICE, "leave out one of the two" },
    { "-M q35 -device intel-iommu -device " DEVICE,
      "leave out one of the two" },
    { "-M q35 -device nyx-vtd -device " DEVICE, "leave out one of the two" },
    { "-M q35 -device virtio-iommu-pci -device " DEVICE,
      "leave out one of the two" },
    { LIST(""), "list something" },
    { LIST("foo"), "there is no \"foo\"" },
    { LIST("rp+foo"), "there is no \"foo\"" },
    { LIST("rp+"), "there is no \"\"" },
    { LIST("00:1e.0"), "there is no \"00:1e.0\"" },
    { LIST("00:05.0x"), "there is no \"00:05.0x\"" },
    { LIST("01:00.0"), "BUS:SLOT.FN on a root bus" },
    { LIST("by"), "by is on a bus that bypasses the IOMMU" },
    { LIST("rp3"), "rp3 is on a bus that bypasses the IOMMU" },
    { LIST("onppb"), "onppb is not told from others" },
    { LIST("oncb"), "oncb is not told from others" },
    { LIST("cb2"), "cb2 is not told from others" },
    { "-M pc -device pxb,id=px,bus_nr=32 -device " DEVICE
      ",bus=pci.0,endpoints=px",
      "px is a pxb or behind one" },
    /* QEMU's own words */
    { PLAIN "granule=1k", "'granule' does not accept value '1k'" },
    { PLAIN "foo=1", "'" DEVICE ".foo' not found" },
    { PLAIN "boot-bypass=perhaps", "'boot-bypass' expects" },
    { PLAIN "aw-bits=256", "'aw-bits' expects" },
    { "-M none -device " DEVICE, "No 'PCI' bus found" },
    { "-M isapc -device " DEVICE, "No 'PCI' bus found" },
    { "-M q35 -device " DEVICE "-transitional", "not a valid device model" },
    { "-M q35 -device " DEVICE "-non-transitional",
      "not a valid device model" },
    { "-M q35 -device nyx-virtio-iommu-device", "a pluggable device type" },
    { PLAIN "addr=3 -device intel-iommu", "multiple vIOMMUs" },
    { PLAIN "addr=3 -device nyx-amdvi", "multiple vIOMMUs" },
    { PLAIN "addr=3 -device virtio-iommu-pci", "multiple vIOMMUs" },
};

static void test_wrong(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(wrong_rows); i++) {
        const WrongRow *row = &wrong_rows[i];
        NyxRun run = nyx_run_qemu(row->args);

        NYX_CHECK(row->args, run.status, 1);
        NYX_CHECK(row->args, nyx_lines_with(run.err, ""), 1);
        NYX_CHECK(row->args, nyx_lines_with(run.err, row->says), 1);
        NYX_CHECK(row->args, strlen(run.out), 0);
        if (g_test_failed()) {
            g_test_message("it says: %s", run.err);
        }
        nyx_run_end(&run);
    }
}

/* --- Help ----------------------------------------------------------------- */

static const char *const options[] = {
    "aw-bits", "boot-bypass", "cache", "cache-seed", "class", "coalesce",
    "device-iotlb", "endpoints", "event-delay", "findings", "granule",
    "iotlb-entries", "max-domains", "max-mappings", "reserved-regions",
    "vectors", "x-attach-table", "x-page-requests", "x-pasid",
    "x-pasid-bits",
    /* QEMU's */
    "addr", "ats", "disable-legacy", "indirect_desc", "iommu_platform",
    "packed", "page-per-vq",
};

static void test_help(void)
{
    g_autofree char *args = g_strdup_printf("-M q35 -plugin %s,help=" DEVICE,
                                            nyx_pc_plugin());
    NyxRun run = nyx_run_qemu(args);

    g_assert_cmpint(run.status, ==, 0);
    g_assert_cmpstr(run.err, ==, "");
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        g_autofree char *pattern = g_strdup_printf("^  %s=<\\w+> +- \\w.+$",
                                                   options[i]);

        NYX_CHECK(options[i], g_regex_match_simple(pattern, run.out,
                                                   G_REGEX_MULTILINE, 0), 1);
    }
    nyx_run_end(&run);
}

/* --- What is accepted, and where it shows --------------------------------- */

typedef struct ValidRow {
    const char *args;
    uint64_t page_sizes;
    uint64_t input_end;
    uint64_t features;       /* the device's own, and those of rings */
    uint8_t bypass;
} ValidRow;

#define PAGES       0xfffffffffffff000ull
#define AW48        0xffffffffffffull
/* INDIRECT_DESC, EVENT_IDX, VERSION_1, RING_RESET */
#define RINGS       0x10130000000ull
#define OWN         0x77ull
#define USUAL       (RINGS | OWN)
#define BIT(n)      (1ull << (n))

static const ValidRow valid_rows[] = {
    { "aw-bits=48", PAGES, AW48, USUAL, 1 },
    { "aw-bits=32", PAGES, 0xffffffffull, USUAL, 1 },
    { "aw-bits=39", PAGES, 0x7fffffffffull, USUAL, 1 },
    { "aw-bits=64", PAGES, 0xffffffffffffffffull, USUAL, 1 },
    { "boot-bypass=off", PAGES, AW48, USUAL, 0 },
    { "granule=4k", PAGES, AW48, USUAL, 1 },
    { "granule=8k", 0xffffffffffffe000ull, AW48, USUAL, 1 },
    { "granule=16k", 0xffffffffffffc000ull, AW48, USUAL, 1 },
    { "granule=64k", 0xffffffffffff0000ull, AW48, USUAL, 1 },
    { "granule=host", PAGES, AW48, USUAL, 1 },
    { "cache=sticky,cache-seed=7,iotlb-entries=16,coalesce=off", PAGES, AW48,
      USUAL, 1 },
    { "max-domains=1,max-mappings=1,device-iotlb=on,event-delay=0", PAGES,
      AW48, USUAL, 1 },
    { "packed=on", PAGES, AW48, USUAL | BIT(34), 1 },
    { "event_idx=off,indirect_desc=off,queue_reset=off", PAGES, AW48,
      OWN | BIT(32), 1 },
    { "iommu_platform=on", PAGES, AW48, USUAL | BIT(33), 1 },
    { "disable-modern=on,disable-legacy=off", PAGES, AW48, USUAL, 1 },
    { "x-attach-table=on", PAGES, AW48, USUAL | BIT(8), 1 },
    { "x-attach-table=on,x-pasid=on,x-pasid-bits=20", PAGES, AW48,
      USUAL | BIT(8) | BIT(9), 1 },
    { "x-attach-table=on,x-page-requests=on", PAGES, AW48,
      USUAL | BIT(8) | BIT(10), 1 },
    /* A host's IOMMU has larger pages only, or not all sizes of ours. */
    { "addr=3 -device nyx-testdev,host-aw-bits=64,host-pages=0x40210000",
      0x40210000, AW48, USUAL, 1 },
    { "addr=3 -device nyx-testdev,host-aw-bits=64,host-pages=0x40201000",
      0x40201000, AW48, USUAL, 1 },
    { "addr=3,granule=64k -device nyx-testdev,host-aw-bits=64,"
      "host-pages=0x201000", 0xffffffffffff0000ull, AW48, USUAL, 1 },
    { "addr=3,granule=16k -device nyx-testdev,host-aw-bits=64,"
      "host-pages=0x8000", 0x8000, AW48, USUAL, 1 },
};

static void test_valid(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(valid_rows); i++) {
        const ValidRow *row = &valid_rows[i];
        NyxPc *pc = nyx_pc_start(PLAIN "%s", row->args);
        QVio *v = qvio_find(pc);

        NYX_CHECK(row->args, qvio_cfg64(v, QVIO_CFG_PAGE_SIZES),
                  row->page_sizes);
        NYX_CHECK(row->args, qvio_cfg64(v, QVIO_CFG_INPUT_START), 0);
        NYX_CHECK(row->args, qvio_cfg64(v, QVIO_CFG_INPUT_END),
                  row->input_end);
        NYX_CHECK(row->args, qvio_cfg32(v, QVIO_CFG_DOMAIN_START), 0);
        NYX_CHECK(row->args, qvio_cfg32(v, QVIO_CFG_DOMAIN_END), 0xffffffff);
        NYX_CHECK(row->args, qvio_cfg32(v, QVIO_CFG_PROBE_SIZE), 2048);
        NYX_CHECK(row->args, qvio_bypass(v), row->bypass);
        NYX_CHECK(row->args, v->offered, row->features);
        qvio_end(v);
        nyx_pc_end(pc);
    }
}

/* --- Regions -------------------------------------------------------------- */

typedef struct RegionRow {
    const char *args;
    QVioResv regions[5];
    unsigned n;
} RegionRow;

#define MSI { 1, 0xfee00000, 0xfeefffff }
#define TD  " -device nyx-testdev,addr=4"

static const RegionRow region_rows[] = {
    { PLAIN "addr=3" TD, { MSI }, 1 },
    { REGIONS("\"0x100000:0x1fffff:0\",\"0x1000:0x1fff:0\"") TD,
      { { 0, 0x1000, 0x1fff }, { 0, 0x100000, 0x1fffff }, MSI }, 3 },
    { REGIONS("\"fee00000:feefffff:1\",\"0xff00000000:0xffffffffff:0\"") TD,
      { MSI, { 0, 0xff00000000, 0xffffffffff } }, 2 },
    /* Nobody knows of messages then. */
    { REGIONS("\"0xf0000000:0xffffffff:0\"") TD,
      { { 0, 0xf0000000, 0xffffffff } }, 1 },
    /* A host's: what it cannot translate. */
    { PLAIN "addr=3" TD ",host-aw-bits=39",
      { MSI, { 0, 0x8000000000, 0xffffffffffff } }, 2 },
    { PLAIN "addr=3,aw-bits=39" TD ",host-aw-bits=48", { MSI }, 1 },
    { PLAIN "addr=3,aw-bits=64" TD ",host-aw-bits=48",
      { MSI, { 0, 0x1000000000000, 0xffffffffffffffff } }, 2 },
    { PLAIN "addr=3" TD ",host-aw-bits=48,host-ranges=0x100000000-0x7fffffffff"
      "+0x1000-0xfedfffff",
      { { 0, 0, 0xfff }, MSI, { 0, 0xfef00000, 0xffffffff },
        { 0, 0x8000000000, 0xffffffffffff } }, 4 },
    { PLAIN "addr=3" TD ",host-aw-bits=64,host-ranges=0x0-0xfedfffff"
      "+0xfef00000-0xffffffffffff", { MSI }, 1 },
    { REGIONS("\"0x1000:0x2fff:0\"") " -device '{\"driver\":\"nyx-testdev\","
      "\"addr\":\"4\",\"host-aw-bits\":47,"
      "\"host-ranges\":\"0x2000-0xffffffffffffff\"}'",
      { { 0, 0, 0xfff }, { 0, 0x1000, 0x2fff }, MSI,
        { 0, 0x800000000000, 0xffffffffffff } }, 4 },
};

static void check_regions(QVio *v, const RegionRow *row)
{
    uint8_t properties[2048];
    QVioResv region;

    NYX_CHECK(row->args, qvio_probe(v, NYX_SID(0, 4, 0), properties,
                                    sizeof(properties)), QVIO_S_OK);
    for (unsigned i = 0; i < row->n; i++) {
        const QVioResv *want = &row->regions[i];

        if (!qvio_resv(properties, sizeof(properties), i, &region)) {
            NYX_CHECK(row->args, i, row->n);
            return;
        }
        NYX_CHECK(row->args, region.subtype, want->subtype);
        NYX_CHECK(row->args, region.first, want->first);
        NYX_CHECK(row->args, region.last, want->last);
    }
    NYX_CHECK(row->args, qvio_resv(properties, sizeof(properties), row->n,
                                   &region), false);
}

static void test_regions(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(region_rows); i++) {
        NyxPc *pc = nyx_pc_start("%s", region_rows[i].args);
        QVio *v = qvio_start(pc, QVIO_F_USUAL);

        check_regions(v, &region_rows[i]);
        qvio_end(v);
        nyx_pc_end(pc);
    }
}

/* With more holes than are told, those that are close become one. */
static void test_holes(void)
{
    g_autoptr(GString) args = g_string_new("-M q35 -device " DEVICE ",addr=3"
        " -device nyx-testdev,addr=4,host-aw-bits=48,host-ranges=");
    uint8_t properties[2048];
    unsigned n = 0;
    QVioResv region;
    NyxPc *pc;
    QVio *v;

    for (unsigned i = 0; i < 18; i++) {
        g_string_append_printf(args, "%s0x%x-0x%x", i ? "+" : "",
                               0x10000 * i + 0x1000, 0x10000 * i + 0xffff);
    }
    /* The gap below this one is the smallest. */
    g_string_append(args, "+0x121000-0x1210000fff");
    pc = nyx_pc_start("%s", args->str);
    v = qvio_start(pc, QVIO_F_USUAL);
    g_assert_cmpuint(qvio_probe(v, NYX_SID(0, 4, 0), properties,
                                sizeof(properties)), ==, QVIO_S_OK);
    while (qvio_resv(properties, sizeof(properties), n, &region)) {
        if (n == 0) {
            g_assert_cmphex(region.first, ==, 0);
            g_assert_cmphex(region.last, ==, 0x40fff);
        } else if (region.subtype == 1) {
            g_assert_cmphex(region.first, ==, 0xfee00000);
        }
        n++;
    }
    g_assert_cmphex(region.last, ==, 0xffffffffffff);
    g_assert_cmpuint(n, ==, 17);
    qvio_end(v);
    nyx_pc_end(pc);
}

/* --- The function --------------------------------------------------------- */

static void test_function(void)
{
    static const struct {
        const char *args;
        uint16_t class_id;
        unsigned vectors;
    } rows[] = {
        { PLAIN "addr=3", 0x00ff, 3 },
        { "-M pc -device " DEVICE ",addr=3", 0x00ff, 3 },
        { PLAIN "addr=3,class=0x0806,vectors=0", 0x0806, 0 },
        { PLAIN "addr=3,vectors=2", 0x00ff, 2 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxPc *pc = nyx_pc_start("%s", rows[i].args);
        QPCIDevice *dev = qpci_device_find(pc->pci, QPCI_DEVFN(3, 0));
        uint8_t msix = dev ? qpci_find_capability(dev, PCI_CAP_ID_MSIX, 0) : 0;

        g_assert_nonnull(dev);
        NYX_CHECK(rows[i].args, qpci_config_readl(dev, 0), 0x10571af4);
        NYX_CHECK(rows[i].args, qpci_config_readw(dev, PCI_CLASS_DEVICE),
                  rows[i].class_id);
        NYX_CHECK(rows[i].args, qpci_config_readb(dev, PCI_REVISION_ID), 1);
        NYX_CHECK(rows[i].args, msix ? qpci_config_readw(dev, msix + 2) + 1
                                     : 0, rows[i].vectors);
        g_free(dev);
        nyx_pc_end(pc);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/virtio-cmdline/wrong", test_wrong);
    qtest_add_func("/nyx/virtio-cmdline/help", test_help);
    qtest_add_func("/nyx/virtio-cmdline/valid", test_valid);
    qtest_add_func("/nyx/virtio-cmdline/regions", test_regions);
    qtest_add_func("/nyx/virtio-cmdline/holes", test_holes);
    qtest_add_func("/nyx/virtio-cmdline/function", test_function);
    return g_test_run();
}
