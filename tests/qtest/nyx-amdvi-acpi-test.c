/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IVRS table as firmware gets it, byte by byte as chapter 5 has it; after
 * firmware has numbered buses or moved the registers; and as SeaBIOS leaves it
 * for the kernel.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-acpi.h"
#include "libqos/nyx-amdvi.h"

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

/*
 * Header; IVinfo: EFRSup, 48 bits of guests' addresses, 40 physical and 64
 * virtual ones.
 */
#define IVRS(length)    IVRS_INFO(length, "\x41\x28\x20\0")
#define IVRS_INFO(length, info)                                             \
    "IVRS" length "\0\0" "\x02" "\0" "NYX   " "NYXIOMMU" "\x01\0\0\0"       \
    "NYX " "\x01\0\0\0" info "\0\0\0\0\0\0\0\0"
/* Device 00:00.2, capability 40h, registers at fed80000h, segment 0, MSI 0 */
#define IVHD(type, flags, length)   IVHD_OF(type, flags, length, "\x02\0")
#define IVHD_OF(type, flags, length, sid)                                   \
    type flags length "\0" sid "\x40\0" "\0\0\xd8\xfe\0\0\0\0" "\0\0" "\0\0"
#define RANGE(first, last)  "\x03" first "\0" "\x04" last "\0"
#define OTHERS                                                              \
    RANGE("\0\0", "\x01\0") RANGE("\x03\0", "\xff\xff")
#define IOAPIC              "\x48\0\0\xd7" "\0" "\xa0\0" "\x01"
#define HPET                "\x48\0\0\0" "\0" "\xa0\0" "\x02"
#define PAD_3               "\0\0\0\0\0\0\0\0\0\0\0\0"
/* Room for four aliases */
#define PADS                PAD_3 PAD_3 PAD_3 PAD_3
#define PLAIN               OTHERS IOAPIC HPET PADS

/* All blocks with the same entries. */
#define BLOCKS(flags10, features, flags, attributes, efr, entries, l10, l11) \
    IVHD("\x10", flags10, l10) features entries                             \
    IVHD("\x11", flags, l11) attributes efr entries                         \
    IVHD("\x40", flags, l11) attributes efr entries

/*
 * Coherent, PreFSup; XT, NX, GT, GLX 1, IA, GA, HE, PASmax 15 and six levels;
 * EFR says the same, and USSup, GIoSup, HASup, HDSup.
 */
#define F10         "\x60"
#define FEATURES    "\xef\x0f\0\x80"
#define F11         "\x20"
#define NONE        "\0\0\0\0"
#define EFR         "\xdd\x49\0\0\x2f\0\x13\0" "\0\0\0\0\0\0\0\0"

#define DEFAULT                                                             \
    IVRS("\x88\x01")                                                        \
    BLOCKS(F10, FEATURES, F11, NONE, EFR, PLAIN, "\x68", "\x78")

static const AcpiRow acpi_rows[] = {
    { "default", "-M q35 -device nyx-amdvi", BYTES(DEFAULT) },
    { "pc", "-M pc -device nyx-amdvi", BYTES(DEFAULT) },
    { "no HPET", "-M q35,hpet=off -device nyx-amdvi",
      BYTES(IVRS("\x70\x01")
            BLOCKS(F10, FEATURES, F11, NONE, EFR, OTHERS IOAPIC PADS,
                   "\x60", "\x70")) },
    /* Its messages would go past the IOMMU. */
    { "HPET with MSI", "-M q35 -device nyx-amdvi -global hpet.msi=on",
      BYTES(IVRS("\x70\x01")
            BLOCKS(F10, FEATURES, F11, NONE, EFR, OTHERS IOAPIC PADS,
                   "\x60", "\x70")) },
    /* No special device; and no GA, no XT in the features. */
    { "intremap=off", "-M q35 -device nyx-amdvi,intremap=off",
      BYTES(IVRS("\x58\x01")
            BLOCKS(F10, "\xae\x0f\0\x80", F11, NONE,
                   "\x59\x49\0\0\x2f\0\x13\0" "\0\0\0\0\0\0\0\0", OTHERS PADS,
                   "\x58", "\x68")) },
    /* HATS is 3, and HATDis. */
    { "dma-remap=off", "-M q35 -device nyx-amdvi,dma-remap=off",
      BYTES(IVRS_INFO("\x88\x01", "\x01\x28\x20\0")
            BLOCKS(F10, "\xe1\0\0\xc0", F11, "\x01\0\0\0",
                   "\xc5\x0d\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0", PLAIN,
                   "\x68", "\x78")) },
    /*
     * IotlbSup, PPRSup; NX, GT, GLX 2, PASmax 19, four counters in four banks,
     * message 1 for page requests, 5 levels; EFR: PPR, NX, GT, PC, GATS,
     * GLXSup, PASmax, USSup, GIoSup, HASup, EPHSup, HDSup; EFR2: GCR3TRPMode.
     */
    { "guest tables and more",
      "-M q35 -device nyx-amdvi,guest-levels=5,glx=2,pasid-bits=20,"
      "device-iotlb=on,perfmon=on,gcr3-trp=on,coherent=off,prefetch=off",
      BYTES(IVRS_INFO("\x88\x01", "\x41\x28\x20\0")
            BLOCKS("\x90", "\xf7\x93\x88\x90", "\x10", "\0\x80\x88\0",
                   "\xde\x9b\0\0\x33\0\x17\0" "\x08\0\0\0\0\0\0\0", PLAIN,
                   "\x68", "\x78")) },
    { "va-bits=48", "-M q35 -device nyx-amdvi,va-bits=48",
      BYTES(IVRS_INFO("\x88\x01", "\x41\x28\x18\0")
            BLOCKS(F10, FEATURES, F11, NONE, EFR, PLAIN, "\x68", "\x78")) },
    { "pxb, nothing bypasses",
      "-M q35 -device nyx-amdvi -device pxb-pcie,bus_nr=32",
      BYTES(IVRS("\xa0\x01")
            BLOCKS(F10, FEATURES, F11, NONE, EFR,
                   RANGE("\0\0", "\x01\0") RANGE("\x03\0", "\xff\x1f")
                   RANGE("\0\x20", "\xff\xff") IOAPIC HPET PADS,
                   "\x70", "\x80")) },
    { "pxb bypasses",
      "-M q35 -device nyx-amdvi -device pxb-pcie,bus_nr=32,bypass_iommu=on",
      BYTES(IVRS("\x88\x01")
            BLOCKS(F10, FEATURES, F11, NONE, EFR,
                   RANGE("\0\0", "\x01\0") RANGE("\x03\0", "\xff\x1f")
                   IOAPIC HPET PADS, "\x68", "\x78")) },
    { "bus 0 bypasses, pxb does not",
      "-M q35,default-bus-bypass-iommu=on -device nyx-amdvi "
      "-device pxb-pcie,bus_nr=32",
      BYTES(IVRS("\x70\x01")
            BLOCKS(F10, FEATURES, F11, NONE, EFR,
                   RANGE("\0\x20", "\xff\xff") IOAPIC HPET PADS,
                   "\x60", "\x70")) },
    { "addr=5",
      "-M q35 -device nyx-amdvi,addr=5",
      BYTES(IVRS("\x88\x01")
            IVHD_OF("\x10", F10, "\x68", "\x28\0") FEATURES
            RANGE("\0\0", "\x27\0") RANGE("\x29\0", "\xff\xff") IOAPIC HPET
            PADS
            IVHD_OF("\x11", F11, "\x78", "\x28\0") NONE EFR
            RANGE("\0\0", "\x27\0") RANGE("\x29\0", "\xff\xff") IOAPIC HPET
            PADS
            IVHD_OF("\x40", F11, "\x78", "\x28\0") NONE EFR
            RANGE("\0\0", "\x27\0") RANGE("\x29\0", "\xff\xff") IOAPIC HPET
            PADS) },
    /* In 40h only: no UID, a number of eight bytes, a string. */
    { "acpi-hid",
      "-M q35 -device nyx-amdvi,acpi-hid=ABCD0001@00:15.1:AMDI0020/258"
      "@fe:1f.7:X/ab@01:02.3",
      BYTES(IVRS("\xd4\x01")
            IVHD("\x10", F10, "\x68") FEATURES PLAIN
            IVHD("\x11", F11, "\x78") NONE EFR PLAIN
            IVHD("\x40", F11, "\xc4") NONE EFR PLAIN
            "\xf0\xa9\0\0" "ABCD0001" "\0\0\0\0\0\0\0\0" "\0\0"
            "\xf0\xff\xfe\0" "AMDI0020" "\0\0\0\0\0\0\0\0" "\x01\x08"
            "\x02\x01\0\0\0\0\0\0"
            "\xf0\x13\x01\0" "X\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0" "\x02\x02"
            "ab") },
#define IVMD(type, flags, sid, base, length)                                \
    type flags "\x20\0" sid "\0\0" "\0\0\0\0\0\0\0\0" base length
    { "ivmd",
      "-M q35 -device nyx-testdev,id=t0,addr=5.2 -device nyx-amdvi,"
      "ivmd=t0@0x4000000-0x40fffff:*@4096-8191@r"
      ":t0+t0@0x8000000000-0x8000000fff@x",
      BYTES(IVRS("\x08\x02")
            BLOCKS(F10, FEATURES, F11, NONE, EFR, PLAIN, "\x68", "\x78")
            IVMD("\x21", "\x07", "\x2a\0", "\0\0\0\x04\0\0\0\0",
                 "\0\0\x10\0\0\0\0\0")
            IVMD("\x20", "\x03", "\0\0", "\0\x10\0\0\0\0\0\0",
                 "\0\x10\0\0\0\0\0\0")
            IVMD("\x21", "\x0e", "\x2a\0", "\0\0\0\0\x80\0\0\0",
                 "\0\x10\0\0\0\0\0\0")
            IVMD("\x21", "\x0e", "\x2a\0", "\0\0\0\0\x80\0\0\0",
                 "\0\x10\0\0\0\0\0\0")) },
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
    uint32_t at = nyx_acpi_find(&t, "IVRS");

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

#define ALIAS(first, to, last)                                              \
    "\x43" first "\0" "\0" to "\0" "\x04" last "\0"

/*
 * Two root ports, a bridge to a conventional bus behind the first, another
 * bridge behind that one; and one on the root bus.
 */
#define BRIDGES                                                             \
    "-M q35 -device nyx-amdvi,id=iommu "                                    \
    "-device pcie-root-port,id=rp,addr=2,chassis=1 "                        \
    "-device pcie-pci-bridge,id=br,bus=rp "                                 \
    "-device pci-bridge,id=br2,bus=br,addr=3,chassis_nr=1 "                 \
    "-device pci-bridge,id=br3,addr=3,chassis_nr=2"

static const AcpiRow not_numbered = {
    "buses without numbers", BRIDGES,
    BYTES(IVRS("\xd0\x01")
          BLOCKS(F10, FEATURES, F11, NONE, EFR, PLAIN PAD_3 PAD_3,
                 "\x80", "\x90"))
};

/* Below the bridge with PCI Express its own bus, below the other its place. */
static const AcpiRow numbered = {
    "numbered buses", BRIDGES,
    BYTES(IVRS("\xd0\x01")
          BLOCKS(F10, FEATURES, F11, NONE, EFR,
                 OTHERS ALIAS("\0\x02", "\0\x02", "\xff\x03")
                 ALIAS("\0\x04", "\x18\0", "\xff\x04") IOAPIC HPET PADS,
                 "\x80", "\x90"))
};

static void test_numbered(void)
{
    NyxPc *pc = nyx_pc_start("%s", BRIDGES);

    check_table(pc, &not_numbered);
    qtest_system_reset(pc->qts);
    nyx_pci_bridge(pc, NYX_SID(0, 2, 0), 1, 3);
    nyx_pci_bridge_below(pc, NYX_SID(0, 2, 0), NYX_SID(1, 0, 0), 2, 3);
    nyx_pci_bridge_below(pc, NYX_SID(1, 0, 0), NYX_SID(2, 3, 0), 3, 3);
    nyx_pci_bridge(pc, NYX_SID(0, 3, 0), 4, 4);
    check_table(pc, &numbered);
    qtest_system_reset(pc->qts);
    check_table(pc, &not_numbered);
    nyx_pc_end(pc);
}

static void test_moved(void)
{
    QAmd *v = qamd_start("-M q35 -device nyx-amdvi,id=iommu");
    const uint64_t base = 0x12fd004000ull;
    NyxAcpi t;
    uint32_t at;

    qamd_set_config(v, QAMD_CAP + 8, base >> 32);
    qamd_set_config(v, QAMD_CAP + 4, (uint32_t)base | 1);
    t = nyx_acpi_tables(v->pc);
    at = nyx_acpi_find(&t, "IVRS");
    g_assert_cmphex(ldq_le_p(t.data + at + 48 + 8), ==, base);
    g_assert_cmphex(ldq_le_p(t.data + at + 48 + 0x68 + 8), ==, base);
    g_assert_cmphex(ldq_le_p(t.data + at + 48 + 0x68 + 0x78 + 8), ==, base);
    g_assert_cmphex(nyx_acpi_sum(t.data + at, 0x188), ==, 0);
    nyx_acpi_free(&t);
    qtest_system_reset(v->qts);
    check_table(v->pc, &acpi_rows[0]);
    qamd_end(v);
}

/* --- The rest ------------------------------------------------------------- */

/* The table and MMIO agree, whatever the options. */
static void test_registers(void)
{
    static const char *const options[] = {
        "profile=default", "profile=minimal", "profile=client",
        "profile=server", "profile=everything",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        QAmd *v = qamd_start("-M q35 -device nyx-amdvi,id=iommu,%s",
                             options[i]);
        NyxAcpi t = nyx_acpi_tables(v->pc);
        const uint8_t *ivhd = t.data + nyx_acpi_find(&t, "IVRS") + 48;
        uint32_t cap = qamd_config(v, QAMD_CAP);
        uint32_t misc = qamd_config(v, QAMD_CAP + 0x10);

        NYX_CHECK(options[i], ldl_le_p(ivhd - 12),
                  (misc & 0x7fffe0) | 1);
        for (unsigned block = 0; block < 3; block++) {
            NYX_CHECK(options[i], ivhd[1] >> 4 & 1, cap >> 24 & 1);
            if (block) {
                NYX_CHECK(options[i], ldq_le_p(ivhd + 24),
                          qamd_r64(v, QAMD_EFR));
                NYX_CHECK(options[i], ldq_le_p(ivhd + 32),
                          qamd_r64(v, QAMD_EFR2));
            }
            ivhd += lduw_le_p(ivhd + 2);
        }
        nyx_acpi_free(&t);
        qamd_end(v);
    }
}

/* What IVMD names is reserved in the memory map, after the RAM it lies in. */
static void test_reserved(void)
{
    NyxPc *pc = nyx_pc_start("-M q35 -device nyx-amdvi,"
                             "ivmd=*@0x4000000-0x40fffff");
    size_t size;
    g_autofree uint8_t *map = nyx_fw_cfg_file(pc, "etc/e820", &size);

    g_assert_nonnull(map);
    g_assert_cmpuint(size, >=, 40);
    g_assert_cmphex(ldq_le_p(map + size - 20), ==, 0x4000000);
    g_assert_cmphex(ldq_le_p(map + size - 12), ==, 0x100000);
    g_assert_cmphex(ldl_le_p(map + size - 4), ==, 2);
    nyx_pc_end(pc);
}

/* No IOMMU, no table: the module alone adds none. */
static void test_absent(void)
{
    NyxPc *pc = nyx_pc_start("-M q35 -device nyx-vtd");
    NyxAcpi t = nyx_acpi_tables(pc);

    g_assert_cmphex(nyx_acpi_find(&t, "DMAR"), !=, 0);
    g_assert_cmphex(nyx_acpi_find(&t, "IVRS"), ==, 0);
    nyx_acpi_free(&t);
    nyx_pc_end(pc);
}

static void test_seabios(void)
{
    NyxPc *pc = nyx_pc_boot("-M q35 -device nyx-amdvi");
    uint32_t at = nyx_acpi_in_memory(pc, "IVRS");
    uint8_t table[0x188];

    g_assert_cmphex(at, !=, 0);
    qtest_memread(pc->qts, at, table, sizeof(table));
    check_bytes(&acpi_rows[0], table);
    nyx_pc_end(pc);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/amdvi-acpi/bytes", test_bytes);
    qtest_add_func("/nyx/amdvi-acpi/numbered", test_numbered);
    qtest_add_func("/nyx/amdvi-acpi/moved", test_moved);
    qtest_add_func("/nyx/amdvi-acpi/registers", test_registers);
    qtest_add_func("/nyx/amdvi-acpi/reserved", test_reserved);
    qtest_add_func("/nyx/amdvi-acpi/absent", test_absent);
    qtest_add_func("/nyx/amdvi-acpi/seabios", test_seabios);
    return g_test_run();
}
