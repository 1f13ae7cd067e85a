/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-amdvi's command line: what is refused and in which words, what help
 * prints, and where each valid option shows.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-amdvi.h"
#include "qobject/qjson.h"

/* --- Refusals ------------------------------------------------------------- */

typedef struct WrongRow {
    const char *args;
    const char *says;        /* in its one line */
} WrongRow;

#define PLAIN   "-M q35 -device nyx-amdvi,"
#define WITH_T0 "-M q35 -device nyx-testdev,id=t0 -device nyx-amdvi,"

static const WrongRow wrong_rows[] = {
    { PLAIN "va-bits=31", "va-bits must be 32 to 64" },
    { PLAIN "va-bits=65", "va-bits must be 32 to 64" },
    { PLAIN "host-levels=3", "0 (no host tables), 4, 5 or 6" },
    { PLAIN "host-levels=7", "0 (no host tables), 4, 5 or 6" },
    { PLAIN "guest-levels=3", "0 (no guest tables), 4 or 5" },
    { PLAIN "guest-levels=6", "0 (no guest tables), 4 or 5" },
    { PLAIN "guest-levels=4,glx=3", "glx must be 0, 1 or 2" },
    { PLAIN "guest-levels=4,pasid-bits=0", "pasid-bits must be 1 to 20" },
    { PLAIN "guest-levels=4,pasid-bits=21,glx=2",
      "pasid-bits must be 1 to 20" },
    { PLAIN "guest-levels=4,pasid-bits=19", "glx=2 for up to 20" },
    { PLAIN "device-table-segments=0", "a power of two, 1 to 8" },
    { PLAIN "device-table-segments=3", "a power of two, 1 to 8" },
    { PLAIN "device-table-segments=16", "a power of two, 1 to 8" },
    { PLAIN "smi-filters=3", "a power of two, 1 to 16" },
    { PLAIN "smi-filters=32", "a power of two, 1 to 16" },
    { PLAIN "dual-event=3", "must be 0 (one log), 1 (two)" },
    { PLAIN "iotlb-entries=15", "16 to 1048576" },
    { PLAIN "iotlb-entries=1048577", "16 to 1048576" },
    { PLAIN "cache=foo", "use one of hardware, sticky, off" },
    { PLAIN "profile=tiny", "use one of default, minimal, client, server" },
    { PLAIN "xtsup=on,intremap=off", "set intremap=on and ga=on, or xtsup" },
    { PLAIN "xtsup=on,ga=off", "set intremap=on and ga=on, or xtsup" },
    { PLAIN "page-requests=on", "set device-iotlb=on or page-requests=off" },
    { PLAIN "device-iotlb=on,page-requests=on,eph=off",
      "set eph=on or page-requests=off" },
    { PLAIN "host-dirty=on,host-accessed=off",
      "set host-accessed=on or host-dirty=off" },
    { PLAIN "guest-levels=0,nx=on", "set guest-levels=4 or nx=off" },
    { PLAIN "guest-levels=0,us=on", "set guest-levels=4 or us=off" },
    { PLAIN "guest-levels=0,gio=on", "set guest-levels=4 or gio=off" },
    { PLAIN "guest-levels=0,gcr3-trp=on", "set guest-levels=4 or gcr3-trp" },
    { PLAIN "guest-levels=0,ga-update-dis=on",
      "set guest-levels=4 or ga-update-dis=off" },
    { PLAIN "guest-levels=4,dma-remap=off",
      "set dma-remap=on or guest-levels=0" },
    { PLAIN "vapic=on,ga=off", "set ga=on or vapic=off" },
    { PLAIN "int-remap-2k=on,intremap=off", "set ga=on or int-remap-2k=off" },
    { PLAIN "smi-filters=2,intremap=off", "set intremap=on or smi-filter" },
    { PLAIN "dual-ppr=2", "set page-requests=on or dual-ppr=0" },
    { PLAIN "ppr-early=on", "set page-requests=on or ppr-early=off" },
    { PLAIN "ppr-auto=on", "set page-requests=on or ppr-auto=off" },
    { PLAIN "block-stop-mark=on",
      "set page-requests=on or block-stop-mark=off" },
    { PLAIN "inv-iotlb-type=on", "set device-iotlb=on or inv-iotlb-type=off" },
    { PLAIN "gappi=on", "set vapic=on or gappi=off" },
    { PLAIN "vapic=on,gappi-dis=on", "set gappi=on or gappi-dis=off" },
    { PLAIN "dma-remap=off,np-cache=on", "set dma-remap=on or np-cache=off" },
    { PLAIN "dma-translation=off,device-iotlb=on",
      "set dma-remap=on or device-iotlb=off" },
    { PLAIN "host-levels=0,guest-levels=4,gcr3-trp=on",
      "set host-levels=6 or gcr3-trp=off" },
    { PLAIN "findings=nochr", "-chardev file,id=nochr,path=findings.jsonl" },
    { "-M microvm -device nyx-amdvi", "use -machine q35 or -machine pc" },
    { "-M none -device nyx-amdvi", "use -machine q35 or -machine pc" },
    { "-M isapc -device nyx-amdvi", "use -machine q35 or -machine pc" },
    { "-M q35 -device nyx-amdvi -device nyx-testdev,host-aw-bits=48",
      "set np-cache=on of nyx-amdvi" },
    { "-M q35 -device nyx-amdvi,np-cache=on "
      "-device nyx-testdev,host-aw-bits=48", "set va-bits=48" },
    { "-M q35 -device nyx-amdvi,np-cache=on,va-bits=48 "
      "-device nyx-testdev,host-aw-bits=47", "set va-bits=39" },
    { "-M q35 -device nyx-amdvi,np-cache=on,va-bits=32 "
      "-device nyx-testdev,host-aw-bits=31", "bypass_iommu=on" },
    { WITH_T0 "ivmd=", "ivmd= is not ID@0xBASE-0xLIMIT" },
    { WITH_T0 "ivmd=t0", "is not ID@0xBASE-0xLIMIT" },
    { WITH_T0 "ivmd=t0@0x1000-0x1ffe", "with whole pages" },
    { WITH_T0 "ivmd=t0@0x2000-0x1fff", "with whole pages" },
    { WITH_T0 "ivmd=t0@0x1000-0x1fff@q", "[@r|w|rw|x]" },
    { WITH_T0 "ivmd=t0@0x1000-0x1fff:", "ivmd= is not ID@" },
    { WITH_T0 "ivmd=@0x1000-0x1fff", "ivmd: no PCI device with id=" },
    { WITH_T0 "ivmd=t1@0x1000-0x1fff", "ivmd: no PCI device with id=t1" },
    { WITH_T0 "ivmd=t0+t1@0x1000-0x1fff", "ivmd: no PCI device with id=t1" },
    { WITH_T0 "ivmd=*@0x10000000000-0x10000000fff",
      "beyond the 40 address bits" },
    { PLAIN "acpi-hid=", "is not HID[/UID]@BUS:SLOT.FN" },
    { PLAIN "acpi-hid=AMDI0020", "is not HID[/UID]@BUS:SLOT.FN" },
    { PLAIN "acpi-hid=@0:1.0", "is not HID[/UID]@BUS:SLOT.FN" },
    { PLAIN "acpi-hid=AMDI00200@0:1.0", "is not HID[/UID]@BUS:SLOT.FN" },
    { PLAIN "acpi-hid=X/@0:1.0", "is not HID[/UID]@BUS:SLOT.FN" },
    { PLAIN "acpi-hid=X@0:20.0", "is not HID[/UID]@BUS:SLOT.FN" },
    { PLAIN "acpi-hid=X@0:1.0:", "is not HID[/UID]@BUS:SLOT.FN" },
    /* QEMU's own words */
    { "-M q35 -device nyx-amdvi,addr=1f.0", "PCI: slot 31 function 0 not" },
    { "-M q35 -device nyx-amdvi -device nyx-amdvi", "multiple vIOMMUs" },
    { "-M q35 -device nyx-amdvi -device nyx-vtd", "multiple vIOMMUs" },
    { "-M q35 -device nyx-vtd -device nyx-amdvi", "multiple vIOMMUs" },
    { "-M q35 -device nyx-amdvi,foo=1", "'nyx-amdvi.foo' not found" },
    { "-M q35 -device nyx-amdvi,pt=perhaps", "'pt' expects" },
    { "-M q35 -device nyx-amdvi,va-bits=256", "'va-bits' expects" },
    { "-M q35 -device nyx-amdvi-pci", "a pluggable device type" },
    { "-M q35 -device nyx-amdvi-southbridge",
      "a pluggable device type" },
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
    "acpi-hid", "addr", "attr-fw", "block-stop-mark", "cache", "cache-seed",
    "coalesce", "coherent", "device-iotlb", "device-table-segments",
    "dma-remap", "dma-translation", "dual-event", "dual-ppr", "eph",
    "findings", "ga", "ga-update-dis", "gappi", "gappi-dis", "gcr3-trp",
    "gio", "glx", "guest-levels", "host-accessed", "host-dirty",
    "host-levels", "ht-range-ignore", "hw-events", "int-remap-2k",
    "intremap", "inv-iotlb-type", "invalidate-all", "iotlb-entries",
    "irt-cache-dis", "ivmd", "marc", "msi-mmio", "np-cache", "nx",
    "page-requests", "pasid-bits", "perf-opt", "perfmon", "ppr-auto",
    "ppr-early", "prefetch", "profile", "pt", "smi-filters", "us", "va-bits",
    "vapic", "xtsup",
};

static void test_help(void)
{
    g_autofree char *args = g_strdup_printf("-M q35 -plugin %s,help=nyx-amdvi",
                                            nyx_pc_plugin());
    NyxRun run = nyx_run_qemu(args);

    g_assert_cmpint(run.status, ==, 0);
    g_assert_cmpstr(run.err, ==, "");
    NYX_CHECK("help", nyx_lines_with(run.out, "  "), ARRAY_SIZE(options));
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        g_autofree char *pattern = g_strdup_printf("^  %s=<\\w+> +- \\w.+$",
                                                   options[i]);

        NYX_CHECK(options[i], g_regex_match_simple(pattern, run.out,
                                                   G_REGEX_MULTILINE, 0), 1);
    }
    nyx_run_end(&run);
}

/* --- What is accepted ----------------------------------------------------- */

typedef struct ValidRow {
    const char *args;
    uint64_t efr;
    uint64_t efr2;
    uint32_t header;         /* of the capability */
    uint32_t misc0;
} ValidRow;

/* Of what is left without guest tables, and without accessed and dirty bits */
#define BARE    "guest-levels=0,host-accessed=off,host-dirty=off,"
#define EFR     0x9c5ull
#define HEADER  0x180b640fu
#define MISC    0x00202800u
#define BIT(n)  (1ull << (n))

/* Guest tables of 4 levels: GT, NX, GLXSup 1, PASmax 15, US, GIo; GVAsize */
#define GUEST   (EFR | BIT(4) | BIT(3) | BIT(14) | 15ull << 32 | BIT(37) | \
                 BIT(48))
#define MISC_GT (MISC | 2 << 5)
/* Page requests too: PPR, EPH; message 1, IotlbSup */
#define PAGES   (GUEST | BIT(1) | BIT(50))
#define MISC_PR (MISC_GT | 1 << 27)
#define ATS     (HEADER | 1 << 24)

static const ValidRow valid_rows[] = {
    { "pt=on", EFR, 0, HEADER, MISC },
    { "pt=off", EFR, 0, HEADER, MISC },
    { "cache=sticky,cache-seed=7,iotlb-entries=16,coalesce=off", EFR, 0,
      HEADER, MISC },
    { "dma-remap=off", EFR | 3 << 10, 0, HEADER, MISC },
    { "dma-translation=off", EFR | 3 << 10, 0, HEADER, MISC },
    { "host-levels=0", EFR | 3 << 10, 0, HEADER, MISC },
    { "host-levels=4", EFR & ~(3 << 10), 0, HEADER, MISC },
    { "host-levels=5", EFR ^ 3 << 10, 0, HEADER, MISC },
    { "va-bits=48", EFR, 0, HEADER, 0x00182800 },
    { "np-cache=on", EFR, 0, HEADER | 1 << 26, MISC },
    { "device-iotlb=on", EFR, 0, ATS, MISC },
    { "prefetch=off", EFR & ~1, 0, HEADER, MISC },
    { "xtsup=off", EFR & ~BIT(2), 0, HEADER, MISC },
    { "xtsup=on", EFR, 0, HEADER, MISC },
    { "intremap=off", EFR & ~(BIT(2) | BIT(7)), 0, HEADER, MISC },
    { "intremap=auto", EFR, 0, HEADER, MISC },
    { "ga=off", EFR & ~(BIT(2) | BIT(7)), 0, HEADER, MISC },
    { "invalidate-all=off", EFR & ~BIT(6), 0, HEADER, MISC },
    { "hw-events=off", EFR & ~BIT(8), 0, HEADER, MISC },
    { "perfmon=on", EFR | BIT(9), 0, HEADER, MISC },
    { "smi-filters=1", EFR | BIT(16), 0, HEADER, MISC },
    { "smi-filters=16", EFR | BIT(16) | BIT(20), 0, HEADER, MISC },
    { "vapic=on", EFR | BIT(21), 0, HEADER, MISC },
    { "vapic=on,gappi=on", EFR | BIT(21) | BIT(5), 0, HEADER, MISC },
    { "vapic=on,gappi=on,gappi-dis=on", EFR | BIT(21) | BIT(5), BIT(4),
      HEADER, MISC },
    { "dual-event=2", EFR | BIT(29), 0, HEADER, MISC },
    { "device-table-segments=8", EFR | 3ull << 38, 0, HEADER, MISC },
    { "marc=on", EFR | BIT(42), 0, HEADER, MISC },
    { "perf-opt=on", EFR | BIT(45), 0, HEADER, MISC },
    { "msi-mmio=on", EFR | BIT(46), 0, HEADER, MISC },
    { "host-accessed=on", EFR | BIT(49), 0, HEADER, MISC },
    { "host-accessed=on,host-dirty=on", EFR | BIT(49) | BIT(52), 0, HEADER,
      MISC },
    { "attr-fw=on", EFR | BIT(51), 0, HEADER, MISC },
    { "device-iotlb=on,inv-iotlb-type=on", EFR | BIT(54), 0, ATS, MISC },
    { "int-remap-2k=on", EFR, BIT(8), HEADER, MISC },
    { "ht-range-ignore=on", EFR, BIT(11), HEADER, MISC },
    { "glx=2,pasid-bits=20", EFR, 0, HEADER, MISC },
    { "guest-levels=4", GUEST, 0, HEADER, MISC_GT },
    { "guest-levels=5", GUEST | BIT(12), 0, HEADER, MISC_GT },
    { "guest-levels=4,nx=off,us=off,gio=off,glx=0,pasid-bits=1",
      EFR | BIT(4), 0, HEADER, MISC_GT },
    { "guest-levels=4,glx=2,pasid-bits=20", GUEST ^ 3 << 14 ^ 28ull << 32, 0,
      HEADER, MISC_GT },
    { "guest-levels=4,gcr3-trp=on,ga-update-dis=on", GUEST | BIT(61), BIT(3),
      HEADER, MISC_GT },
    { "guest-levels=4,device-iotlb=on", PAGES, 0, ATS, MISC_PR },
    { "guest-levels=4,device-iotlb=on,page-requests=off", GUEST, 0, ATS,
      MISC_GT },
    { "guest-levels=4,device-iotlb=on,dual-ppr=2,ppr-early=on,ppr-auto=on,"
      "block-stop-mark=on", PAGES | BIT(25) | BIT(40) | BIT(41) | BIT(44), 0,
      ATS, MISC_PR },
    { "device-iotlb=on,page-requests=on", EFR | BIT(1) | BIT(50), 0, ATS,
      MISC | 1 << 27 },
    /* Profiles; client's is what the first Zen parts say. */
    { "profile=default", 0x0013002f000049ddull, 0, HEADER, MISC_GT },
    { "profile=minimal", 0, 0, HEADER, 0x00182800 },
    { "profile=client", 0x004f77ef22294adaull, 0, ATS, MISC_PR },
    { "profile=server", 0x205f77ef22295adeull, 0x108, ATS, MISC_PR },
    { "profile=everything", 0x205f77ef22319bffull, 0x918,
      ATS | 1 << 26, MISC_PR },
    /* What is said wins, before the profile and behind it. */
    { "profile=minimal,ga=on", BIT(2) | BIT(7), 0, HEADER, 0x00182800 },
    { "ga=on,profile=minimal", BIT(2) | BIT(7), 0, HEADER, 0x00182800 },
    { "profile=client,device-iotlb=off,page-requests=off,inv-iotlb-type=off",
      0x000b64ef20294ad8ull, 0, HEADER, MISC_GT },
    /* What a profile says has no effect without its base. */
    { "profile=client,device-iotlb=off", 0x000b64ef20294ad8ull, 0, HEADER,
      MISC_GT },
    { "profile=client,eph=off", 0x004b64ef20294ad8ull, 0, ATS, MISC_GT },
    { "profile=client,dma-remap=off", 0x000060c020290ec0ull, 0, HEADER, MISC },
    { "guest-levels=4,device-iotlb=on,eph=off", GUEST, 0, ATS, MISC_GT },
    { "profile=minimal -global nyx-amdvi.va-bits=40", 0, 0, HEADER,
      0x00142800 },
};

static void test_valid(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(valid_rows); i++) {
        const ValidRow *row = &valid_rows[i];
        bool profile = strstr(row->args, "profile=");
        QAmd *v = qamd_start("-M q35 -device nyx-amdvi,id=iommu,%s%s",
                             profile ? "" : BARE, row->args);

        NYX_CHECK(row->args, qamd_r64(v, QAMD_EFR), row->efr);
        NYX_CHECK(row->args, qamd_r64(v, QAMD_EFR2), row->efr2);
        NYX_CHECK(row->args, qamd_config(v, QAMD_CAP), row->header);
        NYX_CHECK(row->args, qamd_config(v, QAMD_CAP + 16), row->misc0);
        qamd_end(v);
    }
}

/* A property that both of our classes share keeps to whom it belongs. */
static void test_shared(void)
{
    NyxRun run = nyx_run_qemu("-M q35 -device nyx-vtd,profile=minimal "
                              "-device amd-iommu,pt=perhaps");

    NYX_CHECK("pt", run.status, 1);
    NYX_CHECK("pt", nyx_lines_with(run.err, "'pt' expects"), 1);
    nyx_run_end(&run);
}

/* Where the function is. */
static void test_place(void)
{
    static const struct {
        const char *args;
        uint16_t sid;
    } rows[] = {
        { "-M q35 -device nyx-amdvi", 0x02 },
        { "-M pc -device nyx-amdvi", 0x02 },
        { "-M q35 -device nyx-amdvi,addr=0.3", 0x03 },
        { "-M q35 -device nyx-amdvi,addr=1e", 0xf0 },
        { "-M q35 -device nyx-amdvi,addr=1f.5", 0xfd },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxPc *pc = nyx_pc_start("%s", rows[i].args);
        QPCIDevice *dev = qpci_device_find(pc->pci, rows[i].sid);

        NYX_CHECK(rows[i].args, dev != NULL, 1);
        NYX_CHECK(rows[i].args, dev ? qpci_config_readl(dev, 0) : 0,
                  0x14191022);
        g_free(dev);
        nyx_pc_end(pc);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/amdvi-cmdline/wrong", test_wrong);
    qtest_add_func("/nyx/amdvi-cmdline/help", test_help);
    qtest_add_func("/nyx/amdvi-cmdline/valid", test_valid);
    qtest_add_func("/nyx/amdvi-cmdline/shared", test_shared);
    qtest_add_func("/nyx/amdvi-cmdline/place", test_place);
    return g_test_run();
}
