/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VIOT table as firmware gets it, byte by byte as ACPI has it (5.2.34);
 * after firmware has numbered buses; and as SeaBIOS leaves it for the kernel.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-acpi.h"

#define CHECKSUM    9

typedef struct Bytes {
    const uint8_t *data;
    size_t size;
} Bytes;

/* Bytes of a literal string, its last zero left out. */
#define BYTES(text) { (const uint8_t *)(text), sizeof(text) - 1 }

typedef struct AcpiRow {
    const char *name;
    const char *args;
    Bytes want;              /* the checksum is 0 in them */
} AcpiRow;

/* Header, number of nodes, where they begin */
#define VIOT(length, nodes)                                                 \
    "VIOT" length "\0\0" "\0" "\0" "NYX   " "NYXIOMMU" "\x01\0\0\0"         \
    "NYX " "\x01\0\0\0" nodes "\0" "\x30\0" "\0\0\0\0\0\0\0\0"
/* Segment 0 */
#define IOMMU(id)   "\x03\0" "\x10\0" "\0\0" id "\0\0\0\0\0\0\0\0"
/* Ids like the functions'; segment 0 only; behind the node at 48 */
#define RANGE(first, last)                                                  \
    "\x01\0" "\x18\0" first "\0\0" "\0\0" "\0\0" first last "\x30\0"        \
    "\0\0\0\0\0\0"

#define DEVICE      "-device nyx-virtio-iommu-pci,id=iommu,addr=3"
#define SELF        IOMMU("\x18\0")
#define ALL         RANGE("\0\0", "\xff\xff")
#define DEFAULT     VIOT("\x58\0", "\x02") SELF ALL
#define NO_PORTS    "-M q35 " DEVICE

static const AcpiRow acpi_rows[] = {
    { "default", NO_PORTS, BYTES(DEFAULT) },
    { "pc", "-M pc " DEVICE, BYTES(DEFAULT) },
    { "addr=1e.1", "-M q35 -device nyx-virtio-iommu-pci,addr=1e.1",
      BYTES(VIOT("\x58\0", "\x02") IOMMU("\xf1\0") ALL) },
    { "two roots, nothing bypasses",
      NO_PORTS " -device pxb-pcie,bus_nr=64 -device pxb-pcie,bus=pcie.0,"
      "bus_nr=32",
      BYTES(VIOT("\x88\0", "\x04") SELF RANGE("\0\0", "\xff\x1f")
            RANGE("\0\x20", "\xff\x3f") RANGE("\0\x40", "\xff\xff")) },
    { "a root bypasses",
      NO_PORTS " -device pxb-pcie,bus_nr=32,bypass_iommu=on",
      BYTES(VIOT("\x58\0", "\x02") SELF RANGE("\0\0", "\xff\x1f")) },
    { "the one between bypasses",
      NO_PORTS " -device pxb-pcie,bus_nr=32,bypass_iommu=on "
      "-device pxb-pcie,bus=pcie.0,bus_nr=64",
      BYTES(VIOT("\x70\0", "\x03") SELF RANGE("\0\0", "\xff\x1f")
            RANGE("\0\x40", "\xff\xff")) },
    { "bus 0 bypasses, pxb does not",
      "-M q35,default-bus-bypass-iommu=on " DEVICE
      " -device pxb-pcie,bus_nr=32",
      BYTES(VIOT("\x58\0", "\x02") SELF RANGE("\0\x20", "\xff\xff")) },
    { "everything bypasses", "-M q35,default-bus-bypass-iommu=on " DEVICE,
      BYTES(VIOT("\x40\0", "\x01") SELF) },
    /* What is behind it is not told apart in QEMU. */
    { "pxb without PCI Express", "-M pc " DEVICE " -device pxb,bus_nr=32",
      BYTES(VIOT("\x58\0", "\x02") SELF RANGE("\0\0", "\xff\x1f")) },
    { "one function",
      NO_PORTS ",endpoints=t -device nyx-testdev,id=t,addr=4.2",
      BYTES(VIOT("\x58\0", "\x02") SELF RANGE("\x22\0", "\x22\0")) },
    { "one function, by its address",
      NO_PORTS ",endpoints=00:1f.2",
      BYTES(VIOT("\x58\0", "\x02") SELF RANGE("\xfa\0", "\xfa\0")) },
    { "the root bus", NO_PORTS ",endpoints=pcie.0 "
      "-device pxb-pcie,bus_nr=32",
      BYTES(VIOT("\x58\0", "\x02") SELF RANGE("\0\0", "\xff\x1f")) },
    { "another root, by its id", NO_PORTS ",endpoints=px "
      "-device pxb-pcie,id=px,bus_nr=32",
      BYTES(VIOT("\x58\0", "\x02") SELF RANGE("\0\x20", "\xff\xff")) },
    { "two functions, the later first",
      NO_PORTS ",endpoints=t2+t1 -device nyx-testdev,id=t1,addr=4 "
      "-device nyx-testdev,id=t2,addr=6",
      BYTES(VIOT("\x70\0", "\x03") SELF RANGE("\x20\0", "\x20\0")
            RANGE("\x30\0", "\x30\0")) },
    /* One range; the room of the second has it again. */
    { "neighbours",
      NO_PORTS ",endpoints=t1+00:04.1 -device nyx-testdev,id=t1,addr=4,"
      "multifunction=on -device nyx-testdev,addr=4.1",
      BYTES(VIOT("\x70\0", "\x03") SELF RANGE("\x20\0", "\x21\0")
            RANGE("\x20\0", "\x21\0")) },
    { "twice the same",
      NO_PORTS ",endpoints=t1+t1+pcie.0 -device nyx-testdev,id=t1,addr=4",
      BYTES(VIOT("\x88\0", "\x04") SELF ALL ALL ALL) },
};

static void check_bytes(const AcpiRow *row, const uint8_t *table)
{
    NYX_CHECK(row->name, nyx_acpi_sum(table, row->want.size), 0);
    for (size_t i = 0; i < row->want.size; i++) {
        g_autofree char *name = g_strdup_printf("%s: byte %zu", row->name, i);

        if (i != CHECKSUM) {
            NYX_CHECK(name, table[i], row->want.data[i]);
        }
    }
}

static void check_table(NyxPc *pc, const AcpiRow *row)
{
    NyxAcpi t = nyx_acpi_tables(pc);
    uint32_t at = nyx_acpi_find(&t, "VIOT");

    NYX_CHECK(row->name, at != 0, 1);
    NYX_CHECK(row->name, nyx_acpi_in_rsdt(&t, at), 1);
    if (at && ldl_le_p(t.data + at + 4) == row->want.size) {
        check_bytes(row, t.data + at);
    } else {
        NYX_CHECK(row->name, ldl_le_p(t.data + at + 4), row->want.size);
    }
    nyx_acpi_free(&t);
}

static void test_bytes(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(acpi_rows); i++) {
        NyxPc *pc = nyx_pc_start("%s", acpi_rows[i].args);

        check_table(pc, &acpi_rows[i]);
        nyx_pc_end(pc);
    }
}

/* --- What firmware does before it reads the table ------------------------- */

/* Two root ports, a bridge to a conventional bus behind the first. */
#define BRIDGES(items)                                                      \
    "-M q35 " DEVICE items                                                  \
    " -device pcie-root-port,id=rp,addr=5,chassis=1"                        \
    " -device pcie-pci-bridge,id=br,bus=rp"                                 \
    " -device pcie-root-port,id=rp2,addr=6,chassis=2"                       \
    " -device nyx-testdev,id=t,bus=rp2"

typedef struct NumberedRow {
    AcpiRow before;
    AcpiRow after;
} NumberedRow;

static const NumberedRow numbered_rows[] = {
    { { "everything", BRIDGES(""), BYTES(DEFAULT) },
      { "everything, numbered", NULL, BYTES(DEFAULT) } },
    { { "a port", BRIDGES(",endpoints=rp"),
        BYTES(VIOT("\x70\0", "\x03") SELF RANGE("\x28\0", "\x28\0")
              RANGE("\x28\0", "\x28\0")) },
      { "a port, numbered", NULL,
        BYTES(VIOT("\x70\0", "\x03") SELF RANGE("\x28\0", "\x28\0")
              RANGE("\0\x01", "\xff\x02")) } },
    /* Nothing is known yet: the device itself, which nobody translates. */
    { { "what is below the bridge", BRIDGES(",endpoints=br+t"),
        BYTES(VIOT("\x88\0", "\x04") SELF RANGE("\x18\0", "\x18\0")
              RANGE("\x18\0", "\x18\0") RANGE("\x18\0", "\x18\0")) },
      { "what is below the bridge, numbered", NULL,
        BYTES(VIOT("\x88\0", "\x04") SELF RANGE("\0\x01", "\0\x01")
              RANGE("\0\x02", "\0\x03") RANGE("\0\x02", "\0\x03")) } },
    { { "both ports", BRIDGES(",endpoints=rp2+rp"),
        BYTES(VIOT("\xa0\0", "\x05") SELF RANGE("\x28\0", "\x28\0")
              RANGE("\x30\0", "\x30\0") RANGE("\x30\0", "\x30\0")
              RANGE("\x30\0", "\x30\0")) },
      { "both ports, numbered", NULL,
        BYTES(VIOT("\xa0\0", "\x05") SELF RANGE("\x28\0", "\x28\0")
              RANGE("\x30\0", "\x30\0") RANGE("\0\x01", "\xff\x03")
              RANGE("\0\x01", "\xff\x03")) } },
};

static void test_numbered(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(numbered_rows); i++) {
        const NumberedRow *row = &numbered_rows[i];
        NyxPc *pc = nyx_pc_start("%s", row->before.args);

        check_table(pc, &row->before);
        qtest_system_reset(pc->qts);
        nyx_pci_bridge(pc, NYX_SID(0, 5, 0), 1, 2);
        nyx_pci_bridge_below(pc, NYX_SID(0, 5, 0), NYX_SID(1, 0, 0), 2, 2);
        nyx_pci_renumber(pc, NYX_SID(0, 6, 0), 3, 3);
        check_table(pc, &row->after);
        qtest_system_reset(pc->qts);
        check_table(pc, &row->before);
        nyx_pc_end(pc);
    }
}

/* --- The rest ------------------------------------------------------------- */

/* No IOMMU, no table: the module alone adds none. */
static void test_absent(void)
{
    NyxPc *pc = nyx_pc_start("-M q35 -device nyx-vtd");
    NyxAcpi t = nyx_acpi_tables(pc);

    g_assert_cmphex(nyx_acpi_find(&t, "DMAR"), !=, 0);
    g_assert_cmphex(nyx_acpi_find(&t, "VIOT"), ==, 0);
    nyx_acpi_free(&t);
    nyx_pc_end(pc);
}

/* Numbered by SeaBIOS, ports and all. */
static void test_seabios(void)
{
    static const AcpiRow row = {
        "SeaBIOS", BRIDGES(",endpoints=rp"),
        BYTES(VIOT("\x70\0", "\x03") SELF RANGE("\x28\0", "\x28\0")
              RANGE("\0\x01", "\xff\x02")),
    };
    NyxPc *pc = nyx_pc_boot("%s", row.args);
    uint32_t at = nyx_acpi_in_memory(pc, "VIOT");
    uint8_t table[0x70];

    g_assert_cmphex(at, !=, 0);
    qtest_memread(pc->qts, at, table, sizeof(table));
    check_bytes(&row, table);
    nyx_pc_end(pc);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/virtio-acpi/bytes", test_bytes);
    qtest_add_func("/nyx/virtio-acpi/numbered", test_numbered);
    qtest_add_func("/nyx/virtio-acpi/absent", test_absent);
    qtest_add_func("/nyx/virtio-acpi/seabios", test_seabios);
    return g_test_run();
}
