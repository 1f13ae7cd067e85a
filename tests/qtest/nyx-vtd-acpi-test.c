/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DMAR table as firmware gets it, byte by byte as chapter 8 has it, and
 * as SeaBIOS leaves it for the kernel.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-acpi.h"
#include "libqos/nyx-vtd.h"

#define CHECKSUM    9

typedef struct Bytes {
    const uint8_t *data;
    size_t size;
} Bytes;

/* Bytes of a literal string, its last zero left out. */
#define BYTES(text) { (const uint8_t *)(text), sizeof(text) - 1 }

/* --- The bytes ------------------------------------------------------------ */

typedef struct AcpiRow {
    const char *name;
    const char *args;
    Bytes want;              /* the checksum is 0 in them */
} AcpiRow;

#define DMAR(length)                                                        \
    "DMAR" length "\0\0\0" "\x01" "\0" "NYX   " "NYXIOMMU" "\x01\0\0\0"     \
    "NYX " "\x01\0\0\0"
/* Address width less one, flags, ten reserved. */
#define WIDTH_AND(flags)    "\x27" flags "\0\0\0\0\0\0\0\0\0\0"
#define DRHD(length, flags)                                                 \
    "\0\0" length "\0" flags "\0" "\0\0" "\0\0\xd9\xfe\0\0\0\0"
#define DRHD_AT(length, flags, base)                                        \
    "\0\0" length "\0" flags "\0" "\0\0" "\0" base "\xd9\xfe\0\0\0\0"
#define RHSA(base, node)                                                    \
    "\x03\0\x14\0" "\0\0\0\0" "\0" base "\xd9\xfe\0\0\0\0" node "\0\0\0"
#define IOAPIC              "\x03\x08\0\0\0\xff\0\0"
#define ENDPOINT(path)      "\x01\x08\0\0\0\0" path
#define BRIDGE(path)        "\x02\x08\0\0\0\0" path
#define ATSR                "\x02\0\x08\0\x01\0\0\0"

#define PLAIN                                                               \
    DMAR("\x48") WIDTH_AND("\x01") DRHD("\x18", "\x01") IOAPIC
/* Only the devices and the bus that do not bypass: 0.0, 1.0, 2.0, 1f.* */
#define SCOPES                                                              \
    DMAR("\x78") WIDTH_AND("\x01") DRHD("\x48", "\0")                       \
    ENDPOINT("\0\0") ENDPOINT("\x01\0") BRIDGE("\x02\0")                    \
    ENDPOINT("\x1f\0") ENDPOINT("\x1f\x02") ENDPOINT("\x1f\x03") IOAPIC

static const AcpiRow acpi_rows[] = {
    { "default", "-M q35 -device nyx-vtd", BYTES(PLAIN) },
    { "pc", "-M pc -device nyx-vtd", BYTES(PLAIN) },
    { "device-iotlb=on", "-M q35 -device nyx-vtd,device-iotlb=on",
      BYTES(DMAR("\x50") WIDTH_AND("\x01") DRHD("\x18", "\x01") IOAPIC
            ATSR) },
    { "intremap=off", "-M q35 -device nyx-vtd,intremap=off",
      BYTES(DMAR("\x48") WIDTH_AND("\0") DRHD("\x18", "\x01") IOAPIC) },
    { "x2apic-opt-out=on", "-M q35 -device nyx-vtd,x2apic-opt-out=on",
      BYTES(DMAR("\x48") WIDTH_AND("\x03") DRHD("\x18", "\x01") IOAPIC) },
    /* The flag is reserved without interrupt remapping. */
    { "x2apic-opt-out=on,intremap=off",
      "-M q35 -device nyx-vtd,x2apic-opt-out=on,intremap=off",
      BYTES(DMAR("\x48") WIDTH_AND("\0") DRHD("\x18", "\x01") IOAPIC) },
    { "pxb, nothing bypasses",
      "-M q35 -device nyx-vtd -device pxb-pcie,bus_nr=32", BYTES(PLAIN) },
    { "pxb bypasses",
      "-M q35 -device nyx-vtd "
      "-device pxb-pcie,id=pxb,bus_nr=32,bypass_iommu=on,addr=1 "
      "-device pcie-root-port,id=far,bus=pxb,chassis=1 "
      "-device pcie-root-port,id=near,bus=pcie.0,addr=2,chassis=2 "
      "-device nyx-testdev,bus=far -device nyx-testdev,bus=near",
      BYTES(SCOPES) },
    { "bus 0 bypasses",
      "-M q35,default-bus-bypass-iommu=on -device nyx-vtd",
      BYTES(DMAR("\x48") WIDTH_AND("\x01") DRHD("\x18", "\0") IOAPIC) },
    /* Of a bus with a number of its own. */
    { "pxb does not bypass, bus 0 does",
      "-M q35,default-bus-bypass-iommu=on -device nyx-vtd "
      "-device pxb-pcie,id=pxb,bus_nr=32 "
      "-device pcie-root-port,bus=pxb,addr=3,chassis=1",
      BYTES(DMAR("\x50") WIDTH_AND("\x01") DRHD("\x20", "\0")
            "\x02\x08\0\0\0\x20\x03\0" IOAPIC) },
};

#define ONE_STEP(type, flags, path) type "\x08" flags "\0\0\0" path
#define TWO_STEPS(type, flags, path) type "\x0a" flags "\0\0\0" path

/* Rows for structures that options ask for: four devices, two behind ports. */
#define FOUR                                                                \
    "-M q35 -object memory-backend-ram,id=m0,size=192M "                    \
    "-object memory-backend-ram,id=m1,size=64M -numa node,memdev=m0 "       \
    "-numa node,memdev=m1 "                                                 \
    "-device pcie-root-port,id=rp,bus=pcie.0,addr=2,chassis=1 "           \
    "-device pcie-pci-bridge,id=br,bus=rp "                               \
    "-device nyx-testdev,id=t0,bus=pcie.0,addr=5.2 "                        \
    "-device nyx-testdev,id=t1,bus=br,addr=7 "

static const AcpiRow device_rows[] = {
    { "rmrr of one device",
      FOUR "-device nyx-vtd,rmrr=t0@0x4000000-0x40fffff",
      BYTES(DMAR("\x68") WIDTH_AND("\x01") DRHD("\x18", "\x01") IOAPIC
            "\x01\0\x20\0" "\0\0" "\0\0" "\0\0\0\x04\0\0\0\0"
            "\xff\xff\x0f\x04\0\0\0\0" ONE_STEP("\x01", "\0", "\x05\x02")) },
    /* Whole paths: root port 2.0, bridge 0.0, slot 7. */
    { "rmrr of several, before the device",
      "-device nyx-vtd,rmrr=t0+t1@4096-8191:rp@0x8000000000-0x8000000fff "
      FOUR,
      BYTES(DMAR("\x94") WIDTH_AND("\x01") DRHD("\x18", "\x01") IOAPIC
            "\x01\0\x2c\0" "\0\0" "\0\0" "\0\x10\0\0\0\0\0\0"
            "\xff\x1f\0\0\0\0\0\0"
            ONE_STEP("\x01", "\0", "\x05\x02")
            "\x01\x0c\0\0\0\0" "\x02\0" "\0\0" "\x07\0"
            "\x01\0\x20\0" "\0\0" "\0\0" "\0\0\0\0\x80\0\0\0"
            "\xff\x0f\0\0\x80\0\0\0" ONE_STEP("\x02", "\0", "\x02\0")) },
    { "numa-node", FOUR "-device nyx-vtd,numa-node=1",
      BYTES(DMAR("\x5c") WIDTH_AND("\x01") DRHD("\x18", "\x01") IOAPIC
            "\x03\0\x14\0" "\0\0\0\0" "\0\0\xd9\xfe\0\0\0\0"
            "\x01\0\0\0") },
    { "numa-node=0", FOUR "-device nyx-vtd,numa-node=0",
      BYTES(DMAR("\x5c") WIDTH_AND("\x01") DRHD("\x18", "\x01") IOAPIC
            "\x03\0\x14\0" "\0\0\0\0" "\0\0\xd9\xfe\0\0\0\0"
            "\0\0\0\0") },
    { "andd", FOUR "-device nyx-vtd,andd=\\\\_SB.A@f0:1f.7:\\\\_SB.BB@1:2.3",
      BYTES(DMAR("\x77") WIDTH_AND("\x01") DRHD("\x28", "\x01") IOAPIC
            "\x05\x08\0\0\x01\xf0\x1f\x07" "\x05\x08\0\0\x02\x01\x02\x03"
            "\x04\0\x0f\0" "\0\0\0\x01" "\\_SB.A\0"
            "\x04\0\x10\0" "\0\0\0\x02" "\\_SB.BB\0") },
    { "satc", FOUR "-device nyx-vtd,device-iotlb=on,satc=br@optional:t0:rp",
      BYTES(DMAR("\x7a") WIDTH_AND("\x01") DRHD("\x18", "\x01") IOAPIC ATSR
            "\x05\0\x18\0" "\x01\0" "\0\0"
            ONE_STEP("\x01", "\0", "\x05\x02") ONE_STEP("\x02", "\0", "\x02\0")
            "\x05\0\x12\0" "\0\0" "\0\0"
            TWO_STEPS("\x02", "\0", "\x02\0\0\0")) },
    { "sidp", FOUR "-device nyx-vtd,sidp=t0@0x1f:rp",
      BYTES(DMAR("\x60") WIDTH_AND("\x01") DRHD("\x18", "\x01") IOAPIC
            "\x06\0\x18\0" "\0\0" "\0\0"
            ONE_STEP("\x01", "\x1f", "\x05\x02")
            ONE_STEP("\x02", "\0", "\x02\0")) },
    /* Units in the order of their numbers, and the first one last. */
    { "unit1, unit2",
      FOUR "-device nyx-vtd,unit1=rp,unit2=t0,numa-node=1",
      BYTES(DMAR("\xb4") WIDTH_AND("\x01")
            DRHD_AT("\x18", "\0", "\x20") ONE_STEP("\x02", "\0", "\x02\0")
            DRHD_AT("\x18", "\0", "\x40") ONE_STEP("\x01", "\0", "\x05\x02")
            DRHD("\x18", "\x01") IOAPIC
            RHSA("\0", "\x01") RHSA("\x20", "\x01") RHSA("\x40", "\x01")) },
    { "a unit for two",
      FOUR "-device nyx-vtd,unit1=rp:t0,perfmon=on",
      BYTES(DMAR("\x68") WIDTH_AND("\x01")
            "\0\0" "\x20" "\0" "\0\x01" "\0\0" "\0\x20\xd9\xfe\0\0\0\0"
            ONE_STEP("\x02", "\0", "\x02\0") ONE_STEP("\x01", "\0", "\x05\x02")
            "\0\0" "\x18" "\0" "\x01\x01" "\0\0" "\0\0\xd9\xfe\0\0\0\0"
            IOAPIC) },
    /* What bypasses is nobody's; what another unit has, not the first's. */
    { "a unit and a bus that bypasses",
      FOUR "-device pxb-pcie,id=pxb,bus_nr=32,bypass_iommu=on,addr=1 "
      "-device nyx-vtd,unit1=t0",
      BYTES(DMAR("\x90") WIDTH_AND("\x01")
            DRHD_AT("\x18", "\0", "\x20") ONE_STEP("\x01", "\0", "\x05\x02")
            DRHD("\x48", "\0")
            ENDPOINT("\0\0") ENDPOINT("\x01\0") BRIDGE("\x02\0")
            ENDPOINT("\x1f\0") ENDPOINT("\x1f\x02") ENDPOINT("\x1f\x03")
            IOAPIC) },
    { "all in the order of their types",
      FOUR "-device nyx-vtd,device-iotlb=on,sidp=t0,satc=t0,numa-node=0,"
      "andd=\\\\X@0:1.0,rmrr=t0@0x1000-0x1fff",
      BYTES(DMAR("\xb7") WIDTH_AND("\x01") DRHD("\x20", "\x01") IOAPIC
            "\x05\x08\0\0\x01\0\x01\0"
            "\x01\0\x20\0" "\0\0" "\0\0" "\0\x10\0\0\0\0\0\0"
            "\xff\x1f\0\0\0\0\0\0" ONE_STEP("\x01", "\0", "\x05\x02")
            ATSR
            "\x03\0\x14\0" "\0\0\0\0" "\0\0\xd9\xfe\0\0\0\0" "\0\0\0\0"
            "\x04\0\x0b\0" "\0\0\0\x01" "\\X\0"
            "\x05\0\x10\0" "\x01\0" "\0\0" ONE_STEP("\x01", "\0", "\x05\x02")
            "\x06\0\x10\0" "\0\0" "\0\0"
            ONE_STEP("\x01", "\0", "\x05\x02")) },
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

static void check_row(const AcpiRow *row)
{
    NyxPc *pc = nyx_pc_start("%s", row->args);
    NyxAcpi t = nyx_acpi_tables(pc);
    uint32_t at = nyx_acpi_find(&t, "DMAR");

    NYX_CHECK(row->name, at != 0, 1);
    NYX_CHECK(row->name, nyx_acpi_in_rsdt(&t, at), 1);
    if (at && ldl_le_p(t.data + at + 4) == row->want.size) {
        check_bytes(row, t.data + at);
    } else {
        NYX_CHECK(row->name, ldl_le_p(t.data + at + 4), row->want.size);
    }
    nyx_acpi_free(&t);
    nyx_pc_end(pc);
}

static void test_bytes(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(acpi_rows); i++) {
        check_row(&acpi_rows[i]);
    }
}

static void test_devices(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(device_rows); i++) {
        check_row(&device_rows[i]);
    }
}

/* What RMRR names is reserved in the memory map, after the RAM it lies in. */
static void test_reserved(void)
{
    NyxPc *pc = nyx_pc_start("-M q35 -device nyx-testdev,id=t0 -device "
                             "nyx-vtd,rmrr=t0@0x4000000-0x40fffff"
                             ":t0@0x8000000000-0x8000000fff");
    /* Base, length, and type: 1 is RAM, 2 is reserved. */
    static const uint64_t want[][3] = {
        { 0, NYX_PC_RAM, 1 },
        { 0x4000000, 0x100000, 2 },
        { 0x8000000000, 0x1000, 2 },
    };
    size_t size, at;
    g_autofree uint8_t *map = nyx_fw_cfg_file(pc, "etc/e820", &size);

    g_assert_nonnull(map);
    g_assert_cmpuint(size, >=, 20 * ARRAY_SIZE(want));
    at = size - 20 * ARRAY_SIZE(want);
    for (unsigned i = 0; i < ARRAY_SIZE(want); i++, at += 20) {
        g_assert_cmphex(ldq_le_p(map + at), ==, want[i][0]);
        g_assert_cmphex(ldq_le_p(map + at + 8), ==, want[i][1]);
        g_assert_cmphex(ldl_le_p(map + at + 16), ==, want[i][2]);
    }
    nyx_pc_end(pc);
}

/* No unit, no table: the module alone adds none. */
static void test_absent(void)
{
    NyxPc *pc = nyx_pc_start("-M q35");
    NyxAcpi t = nyx_acpi_tables(pc);

    g_assert_cmphex(nyx_acpi_find(&t, "RSDT"), !=, 0);
    g_assert_cmphex(nyx_acpi_find(&t, "DMAR"), ==, 0);
    nyx_acpi_free(&t);
    nyx_pc_end(pc);
}

/* The door that we use is the user's. */
static void test_user_table(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "body", NULL);
    g_autoptr(GError) error = NULL;
    uint32_t at;
    NyxPc *pc;
    NyxAcpi t;

    g_file_set_contents(path, "nyx body", 8, &error);
    g_assert_no_error(error);
    pc = nyx_pc_start("-M q35 -acpitable sig=TEST,data=%s -device nyx-vtd",
                      path);
    t = nyx_acpi_tables(pc);
    at = nyx_acpi_find(&t, "TEST");
    g_assert_cmphex(at, !=, 0);
    g_assert_cmpmem(t.data + at + NYX_ACPI_HEADER, 8, "nyx body", 8);
    g_assert_true(nyx_acpi_in_rsdt(&t, at));
    at = nyx_acpi_find(&t, "DMAR");
    g_assert_cmphex(at, !=, 0);
    g_assert_true(nyx_acpi_in_rsdt(&t, at));
    check_bytes(&acpi_rows[0], t.data + at);
    nyx_acpi_free(&t);
    nyx_pc_end(pc);
    nyx_tmp_free(dir);
}

/* Tables are built again when firmware reads them after a reset. */
static void test_reset(void)
{
    NyxPc *pc = nyx_pc_start("-M q35 -device nyx-vtd");

    for (unsigned i = 0; i < 3; i++) {
        NyxAcpi t = nyx_acpi_tables(pc);
        uint32_t at = nyx_acpi_find(&t, "DMAR");

        g_assert_cmphex(at, !=, 0);
        g_assert_cmphex(nyx_acpi_in_rsdt(&t, at), ==, true);
        check_bytes(&acpi_rows[0], t.data + at);
        nyx_acpi_free(&t);
        qtest_system_reset(pc->qts);
    }
    nyx_pc_end(pc);
}

/* --- What firmware hands to the kernel ------------------------------------ */

static void test_seabios(void)
{
    NyxPc *pc = nyx_pc_boot("-M q35 -device nyx-vtd");
    uint32_t at = nyx_acpi_in_memory(pc, "DMAR");
    uint8_t table[72];

    g_assert_cmphex(at, !=, 0);
    qtest_memread(pc->qts, at, table, sizeof(table));
    check_bytes(&acpi_rows[0], table);
    nyx_pc_end(pc);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-acpi/bytes", test_bytes);
    qtest_add_func("/nyx/vtd-acpi/devices", test_devices);
    qtest_add_func("/nyx/vtd-acpi/reserved", test_reserved);
    qtest_add_func("/nyx/vtd-acpi/absent", test_absent);
    qtest_add_func("/nyx/vtd-acpi/user-table", test_user_table);
    qtest_add_func("/nyx/vtd-acpi/reset", test_reset);
    qtest_add_func("/nyx/vtd-acpi/seabios", test_seabios);
    return g_test_run();
}
