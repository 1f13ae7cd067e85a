/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same object in QEMU for Arm: which devices there are, DMA through
 * mappings, messages to the interrupt controller, and the device tree.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-acpi.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-virt.h"
#include "libqos/nyx-virtio-iommu.h"
#include "qobject/qstring.h"

#define TESTDEV     NYX_SID(0, 4, 0)
#define DOMAIN      7
#define IOVA        0x10000000ull
/* Where x86 has its interrupts. */
#define X86_MSI     0xfee00000ull

/* Arm GICv2m (SBSA 3.0, appendix E), and the distributor of GICv2 */
#define V2M_TYPER   0x008
#define V2M_SETSPI  0x040
#define GICD_PEND   0x200
#define GICD_CONFIG 0xc00

typedef struct Fixture {
    NyxPc *pc;
    QVio *v;
    NyxTestdev td;
    uint64_t page;
} Fixture;

static Fixture begin(const char *machine)
{
    Fixture f = {
        .pc = nyx_virt_start(machine,
                             "-device nyx-virtio-iommu-pci,addr=3,"
                             "event-delay=0 "
                             "-device nyx-testdev,addr=4"),
    };

    f.v = qvio_start(f.pc, QVIO_F_USUAL);
    f.td = nyx_td_get(f.pc->pci, TESTDEV);
    f.page = nyx_pc_pages(f.pc, 1);
    return f;
}

static void end(Fixture *f)
{
    nyx_td_put(&f->td);
    qvio_end(f->v);
    nyx_virt_end(f->pc);
}

/* --- Which devices there are ---------------------------------------------- */

static void test_help(void)
{
    g_autofree char *args = g_strdup_printf("-M virt -plugin %s,help",
                                            nyx_pc_plugin());
    NyxRun run = nyx_run_qemu(args);

    g_assert_cmpint(run.status, ==, 0);
    g_assert_cmpuint(nyx_lines_with(run.out, "name \""), ==, 2);
    g_assert_cmpuint(nyx_lines_with(run.out, "\"nyx-virtio-iommu-pci\""), ==,
                     1);
    g_assert_cmpuint(nyx_lines_with(run.out, "\"nyx-testdev\""), ==, 1);
    nyx_run_end(&run);
}

static void test_refused(void)
{
    static const struct {
        const char *args;
        const char *says;
    } rows[] = {
        { "-M virt -device nyx-vtd", "'nyx-vtd' is not a valid device" },
        { "-M virt -device nyx-amdvi", "'nyx-amdvi' is not a valid device" },
        { "-M virt,iommu=smmuv3 -cpu cortex-a57 -device nyx-virtio-iommu-pci",
          "nyx-virtio-iommu-pci: the machine has an IOMMU" },
        { "-M virt -cpu cortex-a57 -device nyx-virtio-iommu-pci "
          "-device virtio-iommu-pci", "another IOMMU was added" },
        { "-M sbsa-ref -device nyx-virtio-iommu-pci",
          "needs a machine with ACPI tables or a device tree" },
        { "-M virt -cpu cortex-a57 -device pcie-root-port,id=p,chassis=1 "
          "-device nyx-virtio-iommu-pci,bus=p", "set bus=pcie.0" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxRun run = nyx_run_qemu(rows[i].args);

        NYX_CHECK(rows[i].args, run.status, 1);
        NYX_CHECK(rows[i].args, nyx_lines_with(run.err, rows[i].says), 1);
        if (g_test_failed()) {
            g_test_message("%s", run.err);
        }
        nyx_run_end(&run);
    }
}

/* --- Requests and DMA ----------------------------------------------------- */

static void test_dma(void)
{
    Fixture f = begin("");
    uint32_t value = 0;
    QVioEvent event;

    qvio_event_post(f.v, 2);
    g_assert_cmpuint(qvio_attach(f.v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    g_assert_cmpuint(nyx_td_writel(&f.td, IOVA + 8, 1), ==,
                     NYX_TD_ST_TX_ERROR);
    g_assert_true(qvio_event(f.v, &event));
    g_assert_cmpuint(event.reason, ==, QVIO_REASON_MAPPING);
    g_assert_cmphex(event.flags, ==, QVIO_EVENT_WRITE | QVIO_EVENT_ADDRESS);
    g_assert_cmphex(event.endpoint, ==, TESTDEV);
    g_assert_cmphex(event.address, ==, IOVA + 8);
    g_assert_cmpuint(qvio_map(f.v, DOMAIN, IOVA, IOVA + NYX_PAGE - 1, f.page,
                              QVIO_MAP_RW), ==, QVIO_S_OK);
    g_assert_cmpuint(nyx_td_writel(&f.td, IOVA + 8, 0x1234), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f.pc->qts, f.page + 8), ==, 0x1234);
    g_assert_cmpuint(nyx_td_readl(&f.td, IOVA + 8, &value), ==, NYX_TD_ST_OK);
    g_assert_cmphex(value, ==, 0x1234);
    g_assert_cmpuint(qvio_unmap(f.v, DOMAIN, IOVA, IOVA + NYX_PAGE - 1), ==,
                     QVIO_S_OK);
    g_assert_cmpuint(nyx_td_readl(&f.td, IOVA + 8, &value), ==,
                     NYX_TD_ST_TX_ERROR);
    end(&f);
}

/* The range of x86's interrupts is one like others. */
static void test_no_window(void)
{
    Fixture f = begin("");
    unsigned size = qvio_cfg32(f.v, QVIO_CFG_PROBE_SIZE);
    g_autofree uint8_t *properties = g_malloc(size);
    QVioResv resv;

    g_assert_cmpuint(qvio_probe(f.v, TESTDEV, properties, size), ==,
                     QVIO_S_OK);
    g_assert_false(qvio_resv(properties, size, 0, &resv));
    g_assert_cmpuint(qvio_attach(f.v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    g_assert_cmpuint(qvio_map(f.v, DOMAIN, X86_MSI, X86_MSI + NYX_PAGE - 1,
                              f.page, QVIO_MAP_RW), ==, QVIO_S_OK);
    g_assert_cmpuint(nyx_td_writel(&f.td, X86_MSI + 4, 0x4321), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f.pc->qts, f.page + 4), ==, 0x4321);
    end(&f);
}

static uint32_t send_message(Fixture *f, uint64_t addr, uint32_t data)
{
    nyx_td_w64(&f->td, NYX_TD_MSI_ADDR, addr);
    nyx_td_w32(&f->td, NYX_TD_MSI_DATA, data);
    nyx_td_w32(&f->td, NYX_TD_MSI_SEND, 1);
    return nyx_td_r32(&f->td, NYX_TD_MSI_STATUS);
}

/* The interrupt controller's doorbell is mapped like memory. */
static void test_message(void)
{
    Fixture f = begin(",gic-version=2");
    QTestState *qts = f.pc->qts;
    uint32_t irq = qtest_readl(qts, NYX_VIRT_V2M + V2M_TYPER) >> 16;
    uint64_t pending = NYX_VIRT_GICD + GICD_PEND + irq / 32 * 4;

    /* Edge-triggered, so that it stays pending. */
    qtest_writel(qts, NYX_VIRT_GICD + GICD_CONFIG + irq / 16 * 4,
                 2u << irq % 16 * 2);
    g_assert_cmpuint(qvio_attach(f.v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    g_assert_cmpuint(send_message(&f, NYX_VIRT_V2M + V2M_SETSPI, irq), ==,
                     NYX_TD_ST_TX_ERROR);
    g_assert_cmpuint(send_message(&f, IOVA + V2M_SETSPI, irq), ==,
                     NYX_TD_ST_TX_ERROR);
    g_assert_cmphex(qtest_readl(qts, pending), ==, 0);
    g_assert_cmpuint(qvio_map(f.v, DOMAIN, IOVA, IOVA + NYX_PAGE - 1,
                              NYX_VIRT_V2M, QVIO_MAP_WRITE | QVIO_MAP_MMIO),
                     ==, QVIO_S_OK);
    g_assert_cmpuint(send_message(&f, IOVA + V2M_SETSPI, irq), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(qts, pending), ==, 1u << irq % 32);
    end(&f);
}

/* --- The device tree ------------------------------------------------------ */

#define HOST "/pcie@10000000"
#define NODE HOST "/iommu@3,0"

static uint32_t tree_cell(NyxPc *pc, const char *path, const char *name)
{
    uint32_t len;
    g_autofree uint8_t *data = nyx_virt_tree_get(pc, path, name, &len);

    g_assert_nonnull(data);
    g_assert_cmpuint(len, ==, 4);
    return ldl_be_p(data);
}

static void test_tree_node(void)
{
    static const char compatible[] = "virtio,pci-iommu\0pci1af4,1057";
    Fixture f = begin("");
    uint32_t len;
    g_autofree uint8_t *data = nyx_virt_tree_get(f.pc, NODE, "compatible",
                                                 &len);
    g_autofree uint8_t *reg = nyx_virt_tree_get(f.pc, NODE, "reg", &len);

    g_assert_cmpuint(len, ==, 20);
    g_assert_cmphex(ldl_be_p(reg), ==, 0x1800);
    for (unsigned i = 4; i < 20; i++) {
        g_assert_cmphex(reg[i], ==, 0);
    }
    g_assert_nonnull(data);
    g_assert_cmpmem(data, sizeof(compatible), compatible, sizeof(compatible));
    g_assert_cmpuint(tree_cell(f.pc, NODE, "#iommu-cells"), ==, 1);
    g_assert_cmpuint(tree_cell(f.pc, NODE, "phandle"), !=,
                     tree_cell(f.pc, "/intc@8000000", "phandle"));
    end(&f);
}

/* Pairs of a first requester id and how many; ended by none. */
typedef struct MapRow {
    const char *name;
    const char *machine;
    const char *args;
    uint32_t want[8];
} MapRow;

#define VIOMMU_AT "-device nyx-virtio-iommu-pci,addr=3"
#define DEVICES " -device nyx-testdev,id=t,addr=4 " \
    "-device pcie-root-port,id=rp,addr=5,chassis=1 " \
    "-device nyx-testdev,id=below,bus=rp"

static const MapRow map_rows[] = {
    { "all", "", VIOMMU_AT, { 0, 0x18, 0x19, 0xffe7 } },
    { "first", "", "-device nyx-virtio-iommu-pci,addr=1",
      { 0, 0x8, 0x9, 0xfff7 } },
    { "bypass", ",default-bus-bypass-iommu=on", VIOMMU_AT, { } },
    { "one", "", VIOMMU_AT ",endpoints=t" DEVICES, { 0x20, 1 } },
    /* Its bus has no number yet. */
    { "below", "", VIOMMU_AT ",endpoints=below" DEVICES, { 0x100, 0xff00 } },
    { "port", "", VIOMMU_AT ",endpoints=rp" DEVICES,
      { 0x28, 1, 0x100, 0xff00 } },
    { "two", "", VIOMMU_AT ",endpoints=t+rp" DEVICES,
      { 0x20, 1, 0x28, 1, 0x100, 0xff00 } },
    { "bus", "", VIOMMU_AT ",endpoints=pcie.0" DEVICES,
      { 0, 0x18, 0x19, 0xffe7 } },
    { "roots", "", VIOMMU_AT " -device pxb-pcie,id=p,bus_nr=32,addr=6",
      { 0, 0x18, 0x19, 0x1fe7, 0x2000, 0xe000 } },
    { "other-root", "", VIOMMU_AT ",endpoints=p "
      "-device pxb-pcie,id=p,bus_nr=32,addr=6", { 0x2000, 0xe000 } },
    /* No number is left for what is below. */
    { "last-root", "", VIOMMU_AT ",endpoints=q "
      "-device pxb-pcie,id=p,bus_nr=255,addr=6 "
      "-device pcie-root-port,id=q,bus=p,chassis=9,addr=2", { 0xff10, 1 } },
};

static void test_tree_map(gconstpointer opaque)
{
    const MapRow *row = opaque;
    NyxPc *pc = nyx_virt_start(row->machine, row->args);
    const char *node = strstr(row->args, "addr=1") ? HOST "/iommu@1,0" : NODE;
    uint32_t phandle = tree_cell(pc, node, "phandle");
    unsigned entries = 0;
    uint32_t len = 0;
    g_autofree uint8_t *map = nyx_virt_tree_get(pc, HOST, "iommu-map", &len);

    while (entries < 4 && row->want[2 * entries + 1]) {
        entries++;
    }
    g_assert_cmpuint(map ? len : 0, ==, entries * 16);
    for (unsigned i = 0; i < entries; i++) {
        const uint8_t *at = map + 16 * i;

        g_assert_cmphex(ldl_be_p(at), ==, row->want[2 * i]);
        g_assert_cmphex(ldl_be_p(at + 4), ==, phandle);
        g_assert_cmphex(ldl_be_p(at + 8), ==, row->want[2 * i]);
        g_assert_cmphex(ldl_be_p(at + 12), ==, row->want[2 * i + 1]);
    }
    nyx_virt_end(pc);
}

/* --- ACPI, for UEFI firmware ---------------------------------------------- */

/*
 * ACPI 6.5, 5.2.34: the IOMMU's function, and bus 0 of segment 0.  Any file is
 * good enough as firmware that never runs.
 */
static void test_viot(void)
{
    static const uint8_t nodes[] = {
        2, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        3, 0, 16, 0, 0, 0, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 48, 0,
        0, 0, 0, 0, 0, 0,
    };
    g_autofree char *args = g_strdup_printf(VIOMMU_AT " -bios %s",
                                            nyx_pc_plugin());
    NyxPc *pc = nyx_virt_start("", args);
    NyxAcpi tables = nyx_acpi_tables(pc);
    uint32_t at = nyx_acpi_find(&tables, "VIOT");

    g_assert_cmphex(at, !=, 0);
    g_assert_cmpuint(ldl_le_p(tables.data + at + 4), ==,
                     NYX_ACPI_HEADER + sizeof(nodes));
    g_assert_cmpmem(tables.data + at + NYX_ACPI_HEADER, sizeof(nodes), nodes,
                    sizeof(nodes));
    nyx_acpi_free(&tables);
    nyx_virt_end(pc);
}

/* The tree says it all, and the machine can still be asked. */
static void test_no_firmware(void)
{
    NyxPc *pc = nyx_virt_start("", VIOMMU_AT);
    NyxAcpi tables = nyx_acpi_tables(pc);
    QObject *iommu = nyx_pc_qom_get(pc, "/machine", "iommu");

    g_assert_cmpstr(qstring_get_str(qobject_to(QString, iommu)), ==, "none");
    g_assert_cmphex(nyx_acpi_find(&tables, "VIOT"), ==, 0);
    qobject_unref(iommu);
    nyx_acpi_free(&tables);
    nyx_virt_end(pc);
}

/* -------------------------------------------------------------------------- */

static void test_none(void)
{
    g_test_skip("no qemu-system-aarch64: tests/guest/fetch.sh qemu-arm gets "
                "one, NYX_QEMU_ARM names one");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!nyx_virt_choose()) {
        qtest_add_func("/virtio-arm/none", test_none);
        return g_test_run();
    }
    qtest_add_func("/virtio-arm/help", test_help);
    qtest_add_func("/virtio-arm/refused", test_refused);
    qtest_add_func("/virtio-arm/dma", test_dma);
    qtest_add_func("/virtio-arm/no-window", test_no_window);
    qtest_add_func("/virtio-arm/message", test_message);
    qtest_add_func("/virtio-arm/tree/node", test_tree_node);
    qtest_add_func("/virtio-arm/viot", test_viot);
    qtest_add_func("/virtio-arm/no-firmware", test_no_firmware);
    for (unsigned i = 0; i < ARRAY_SIZE(map_rows); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-arm/tree/map/%s",
                                                map_rows[i].name);

        qtest_add_data_func(path, &map_rows[i], test_tree_map);
    }
    return g_test_run();
}
