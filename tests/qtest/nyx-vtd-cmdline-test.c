/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-vtd's command line: what is refused and in which words, what help
 * prints, and where each valid option shows.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-vtd.h"
#include "qobject/qjson.h"

/* --- Refusals ------------------------------------------------------------- */

typedef struct WrongRow {
    const char *args;
    const char *says;        /* in its one line */
} WrongRow;

#define WITH_T0 "-M q35 -device nyx-testdev,id=t0 -device nyx-vtd,"

static const WrongRow wrong_rows[] = {
    { "-M q35 -device nyx-vtd,aw-bits=40", "aw-bits must be 39, 48 or 57" },
    { "-M q35 -device nyx-vtd,aw-bits=0", "aw-bits must be 39, 48 or 57" },
    { "-M q35 -device nyx-vtd,eim=on,intremap=off",
      "set intremap=on or eim=off" },
    { "-M q35 -device nyx-vtd,posted-interrupts=on,intremap=off",
      "set intremap=on or posted-interrupts=off" },
    { "-M q35 -device nyx-vtd,esirtps=on,intremap=off",
      "set intremap=on or esirtps=off" },
    { "-M q35 -device nyx-vtd,abort-dma=on,dma-translation=off",
      "set dma-translation=on or abort-dma=off" },
    { "-M q35 -device nyx-vtd,scalable-mode=on,dma-translation=off",
      "set dma-translation=on or scalable-mode=off" },
    { "-M q35 -device nyx-vtd,version=0x70", "0x10 to 0x5f" },
    { "-M q35 -device nyx-vtd,version=0x0f", "0x10 to 0x5f" },
    { "-M q35 -device nyx-vtd,version=0x60", "0x10 to 0x5f" },
    { "-M q35 -device nyx-vtd,version=0x110", "0x10 to 0x5f" },
    { "-M q35 -device nyx-vtd,scalable-mode=on,dma-drain=off",
      "scalable-mode=on needs dma-drain=on" },
    { "-M q35 -device nyx-vtd,scalable-mode=on,flts=off,ssts=off",
      "set flts=on or ssts=on" },
    { "-M q35 -device nyx-vtd,x-scalable-mode=on,x-flts=off,ssts=off",
      "set flts=on or ssts=on" },
    { "-M q35 -device nyx-vtd,scalable-mode=on,pasid-bits=21",
      "pasid-bits must be 0 to 20" },
    { "-M q35 -device nyx-vtd,iotlb-entries=3", "16 to 1048576" },
    { "-M q35 -device nyx-vtd,iotlb-entries=15", "16 to 1048576" },
    { "-M q35 -device nyx-vtd,iotlb-entries=1048577", "16 to 1048576" },
    { "-M q35 -device nyx-vtd,fault-records=0", "1 to 16" },
    { "-M q35 -device nyx-vtd,fault-records=17", "1 to 16" },
    { "-M q35 -device nyx-vtd,cache=foo",
      "use one of hardware, sticky, off" },
    { "-M q35 -device nyx-vtd,cache=",
      "use one of hardware, sticky, off" },
    { "-M q35 -device nyx-vtd,findings=nochr",
      "-chardev file,id=nochr,path=findings.jsonl" },
    { "-M q35 -chardev null,id=l -serial chardev:l "
      "-device nyx-vtd,findings=l", "chardev 'l' is already in use" },
    { "-M microvm -device nyx-vtd", "use -machine q35 or -machine pc" },
    { "-M none -device nyx-vtd", "use -machine q35 or -machine pc" },
    { "-M isapc -device nyx-vtd", "use -machine q35 or -machine pc" },
    { "-M q35 -device nyx-vtd -device nyx-testdev,host-aw-bits=48",
      "set caching-mode=on of nyx-vtd" },
    { "-M q35 -device nyx-vtd,caching-mode=on "
      "-device nyx-testdev,host-aw-bits=47", "set aw-bits=39" },
    { "-M q35 -device nyx-vtd,caching-mode=on,aw-bits=57 "
      "-device nyx-testdev,host-aw-bits=48", "set aw-bits=48" },
    { "-M q35 -device nyx-vtd,caching-mode=on,aw-bits=39 "
      "-device nyx-testdev,host-aw-bits=38", "bypass_iommu=on" },
    { WITH_T0 "rmrr=", "rmrr= is not ID@0xBASE-0xLIMIT" },
    { WITH_T0 "rmrr=@0x1000-0x1fff", "rmrr: no PCI device with id=" },
    { WITH_T0 "rmrr=t0", "is not ID@0xBASE-0xLIMIT" },
    { WITH_T0 "rmrr=t0@0x1000", "is not ID@0xBASE-0xLIMIT" },
    { WITH_T0 "rmrr=t0@0x1000-0x1ffe", "with whole pages" },
    { WITH_T0 "rmrr=t0@0x1001-0x1fff", "with whole pages" },
    { WITH_T0 "rmrr=t0@0x2000-0x1fff", "with whole pages" },
    { WITH_T0 "rmrr=t0@0x2000-0x2fffg", "with whole pages" },
    { WITH_T0 "rmrr=t0@0x1000-0x1fff:", "rmrr= is not ID@" },
    { WITH_T0 "rmrr=nope@0x1000-0x1fff", "rmrr: no PCI device with id=nope" },
    { WITH_T0 "rmrr=t0+@0x1000-0x1fff", "rmrr: no PCI device with id=" },
    { WITH_T0 "rmrr=t0@0x10000000000-0x10000000fff",
      "beyond the 40 address bits" },
    { WITH_T0 "numa-node=0", "add -numa node,nodeid=N" },
    { WITH_T0 "numa-node=-2", "add -numa node,nodeid=N" },
    { WITH_T0 "satc=t0", "set device-iotlb=on or leave satc out" },
    { WITH_T0 "satc=nope,device-iotlb=on",
      "satc: no PCI device with id=nope" },
    { WITH_T0 "satc=t0@never,device-iotlb=on", "use ID, or ID@optional" },
    { WITH_T0 "sidp=nope", "sidp: no PCI device with id=nope" },
    { WITH_T0 "sidp=t0@0x20", "use ID@FLAGS" },
    { WITH_T0 "andd=X@0:1.0", "is not \\NAME@BUS:SLOT.FN" },
    { WITH_T0 "andd=\\\\X", "is not \\NAME@BUS:SLOT.FN" },
    { WITH_T0 "andd=\\\\X@0:1", "is not \\NAME@BUS:SLOT.FN" },
    { WITH_T0 "andd=\\\\X@0:20.0", "is not \\NAME@BUS:SLOT.FN" },
    { WITH_T0 "andd=\\\\X@0:1.0:", "is not \\NAME@BUS:SLOT.FN" },
    { "-M q35 -device nyx-vtd,profile=tiny",
      "use one of default, minimal, client, server" },
    { "-M q35 -device nyx-vtd,profile=",
      "use one of default, minimal, client, server" },
    { "-M q35 -device nyx-vtd,sslps=512g", "use one of 1g, 2m, 4k" },
    { "-M q35 -device nyx-vtd,domain-bits=2", "domain-bits must be 4, 6, 8" },
    { "-M q35 -device nyx-vtd,domain-bits=7", "domain-bits must be 4, 6, 8" },
    { "-M q35 -device nyx-vtd,domain-bits=18", "domain-bits must be 4, 6, 8" },
    { "-M q35 -device nyx-vtd,mamv=53", "mamv must be 0 to 52" },
    { "-M q35 -device nyx-vtd,mhmv=16", "mhmv must be 0 to 15" },
    { "-M q35 -device nyx-vtd,qi=off,intremap=on",
      "set qi=on or intremap=off" },
    { "-M q35 -device nyx-vtd,qi=off,device-iotlb=on",
      "set qi=on or device-iotlb=off" },
    { "-M q35 -device nyx-vtd,qi=off,scalable-mode=on",
      "set qi=on or scalable-mode=off" },
    { "-M q35 -device nyx-vtd,qi=off,abort-dma=on",
      "set qi=on or abort-dma=off" },
    { "-M q35 -device nyx-vtd,intremap=on,profile=minimal",
      "set qi=on or intremap=off" },
    { "-M q35 -device nyx-vtd,profile=everything,intremap=off",
      "set intremap=on or esirtps=off" },
    { "-M q35 -device nyx-vtd,profile=server,dma-drain=off",
      "scalable-mode=on needs dma-drain=on" },
    { WITH_T0 "unit2=t0", "unit2 is set and unit1 is not" },
    { WITH_T0 "unit1=", "unit1: no PCI device with id=" },
    { WITH_T0 "unit1=nope", "unit1: no PCI device with id=nope" },
    { WITH_T0 "unit1=t0:", "unit1: no PCI device with id=" },
    { WITH_T0 "unit1=t0:t0", "unit1: t0 is named twice" },
    { WITH_T0 "unit1=t0,unit2=t0", "unit2: t0 is named twice" },
    { "-M q35 -device nyx-vtd,unit1=t1 -device pcie-root-port,id=rp "
      "-device nyx-testdev,id=t1,bus=rp", "unit1: t1 is behind a bridge" },
    { "-M q35,default-bus-bypass-iommu=on -device nyx-vtd,unit1=t0 "
      "-device nyx-testdev,id=t0", "unit1: t0 is on a bus that bypasses" },
    /* QEMU's own words */
    { "-M q35 -device nyx-vtd -device nyx-vtd", "multiple vIOMMUs" },
    { "-M q35 -device nyx-vtd -device intel-iommu", "multiple vIOMMUs" },
    { "-M q35 -device intel-iommu -device nyx-vtd", "multiple vIOMMUs" },
    { "-M q35 -device nyx-vtd,foo=1", "'nyx-vtd.foo' not found" },
    { "-M q35 -device nyx-vtd,aw-bits=256", "'aw-bits' expects" },
    { "-M q35 -device nyx-vtd,eim=perhaps", "'eim' does not accept" },
    { "-M q35 -device nyx-vtd,pt=perhaps", "'pt' expects" },
    /* A property that our class shares. */
    { "-M q35 -device nyx-vtd -device intel-iommu,pt=perhaps",
      "'pt' expects" },
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
            g_test_message("%s", run.err);
        }
        nyx_run_end(&run);
    }
}

/* The loader of plugins adds a line of its own. */
static void test_wrong_argument(void)
{
    static const WrongRow rows[] = {
        { "foo=1", "nyx-iommu.so: no argument \"foo\": known are help, "
          "help=DEVICE and trace=PATTERN" },
        { "hel=on", "no argument \"hel\"" },
        { "helper=on", "no argument \"helper\"" },
        { "help=nope", "nyx-iommu.so: help=nope: no such device" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *args = g_strdup_printf("-M q35 -plugin %s,%s",
                                                nyx_pc_plugin(),
                                                rows[i].args);
        NyxRun run = nyx_run_qemu(args);

        NYX_CHECK(rows[i].args, run.status, 1);
        NYX_CHECK(rows[i].args, nyx_lines_with(run.err, ""), 2);
        NYX_CHECK(rows[i].args, nyx_lines_with(run.err, rows[i].says), 1);
        nyx_run_end(&run);
    }
}

/* --- Help ----------------------------------------------------------------- */

static const char *const options[] = {
    "abort-dma", "andd", "aw-bits", "cache", "cache-seed", "caching-mode",
    "coalesce", "coherent", "device-iotlb", "dma-drain", "dma-translation",
    "domain-bits", "eafs", "eim", "ers", "esirtps", "esrtps", "fault-records",
    "findings", "flts", "fs1gp", "fs5lp", "intremap", "iotlb-entries", "mamv",
    "mhmv", "nest", "numa-node", "nwfs", "page-requests", "pasid-bits",
    "perfmon", "phmr", "plmr",
    "posted-interrupts", "profile", "psi", "pt", "qi", "rmrr", "rprivs", "rps",
    "rwbf", "satc", "scalable-mode", "sidp", "smpwcs", "snoop-control", "srs",
    "ssads", "sslps", "ssts", "unit1", "unit2", "unit3", "unit4", "unit5",
    "unit6", "unit7", "vcmd", "version", "x-flts", "x-scalable-mode",
    "x2apic-opt-out", "zlr",
};

/* Each option once, with words that describe it, and nothing else. */
static void check_options(const char *row, const char *text)
{
    NYX_CHECK(row, nyx_lines_with(text, "  "), ARRAY_SIZE(options));
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        g_autofree char *pattern = g_strdup_printf("^  %s=<\\w+> +- \\w.+$",
                                                   options[i]);

        NYX_CHECK(options[i], g_regex_match_simple(pattern, text,
                                                   G_REGEX_MULTILINE, 0), 1);
    }
}

static void test_help(void)
{
    g_autofree char *all = g_strdup_printf("-M q35 -plugin %s,help=on",
                                           nyx_pc_plugin());
    g_autofree char *one = g_strdup_printf("-M q35 -plugin %s,help=nyx-vtd",
                                           nyx_pc_plugin());
    NyxRun run = nyx_run_qemu(all);

    g_assert_cmpint(run.status, ==, 0);
    g_assert_cmpstr(run.err, ==, "");
    NYX_CHECK("help", nyx_lines_with(run.out, "name \"nyx-vtd\", desc \""),
              1);
    NYX_CHECK("help", nyx_lines_with(run.out, "trace=PATTERN"), 1);
    nyx_run_end(&run);

    run = nyx_run_qemu(one);
    g_assert_cmpint(run.status, ==, 0);
    g_assert_cmpstr(run.err, ==, "");
    check_options("help=nyx-vtd", run.out);
    nyx_run_end(&run);
}

/* The build tree has the wrapper beside the module. */
static NyxRun run_wrapper(const char *args)
{
    g_autofree char *dir = g_path_get_dirname(nyx_pc_plugin());
    g_autofree char *line = g_strdup_printf("%s/nyx-qemu-system-x86_64 %s",
                                            dir, args);

    return nyx_run(line);
}

static void test_wrapper_help(void)
{
    NyxRun run = run_wrapper("-device help");

    g_assert_cmpint(run.status, ==, 0);
    NYX_CHECK("-device help", nyx_lines_with(run.out, "name \"nyx-vtd\""),
              1);
    NYX_CHECK("-device help",
              nyx_lines_with(run.out, "name \"intel-iommu\""), 1);
    nyx_run_end(&run);

    run = run_wrapper("-device nyx-vtd,help");
    g_assert_cmpint(run.status, ==, 0);
    check_options("-device nyx-vtd,help", run.out);
    nyx_run_end(&run);

    run = run_wrapper("-device nyx-nope,help");
    g_assert_cmpint(run.status, ==, 1);
    NYX_CHECK("nyx-nope", nyx_lines_with(run.err, "nyx-nope: no such device"),
              1);
    nyx_run_end(&run);

    run = run_wrapper("-accel tcg -S -display none -nodefaults -M q35 "
                      "-device nyx-vtd,aw-bits=40");
    g_assert_cmpint(run.status, ==, 1);
    NYX_CHECK("through the wrapper", nyx_lines_with(run.err, ""), 1);
    nyx_run_end(&run);
}

/* Everything that QMP lists, read-only properties among it. */
static void test_descriptions(void)
{
    NyxPc *pc = nyx_pc_start("-M q35");
    QDict *rsp = qtest_qmp(pc->qts, "{ 'execute': 'device-list-properties',"
                           " 'arguments': { 'typename': 'nyx-vtd' } }");
    QListEntry *entry;
    unsigned known = 0;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), entry) {
        QDict *prop = qobject_to(QDict, qlist_entry_obj(entry));
        const char *name = qdict_get_str(prop, "name");
        const char *text = qdict_get_try_str(prop, "description");

        NYX_CHECK(name, text && strlen(text) > 10, 1);
        for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
            known += !strcmp(name, options[i]);
        }
    }
    NYX_CHECK("options", known, ARRAY_SIZE(options));
    qobject_unref(rsp);
    nyx_pc_end(pc);
}

/* --- What is accepted ----------------------------------------------------- */

typedef struct ValidRow {
    const char *option;
    const char *value;
    const char *json;        /* what qom-get then answers */
    uint64_t cap;
    uint64_t ecap;
    uint32_t ver;
} ValidRow;

#define CAP     0x08d2078c406f0666
#define ECAP    0x0000000000f050db

static const ValidRow valid_rows[] = {
    { "abort-dma", "on", "true", CAP, 0x10000000f050db, 0x10 },
    { "abort-dma", "off", "false", CAP, ECAP, 0x10 },
    { "aw-bits", "39", "39", 0x08d2078c40660266, ECAP, 0x10 },
    { "aw-bits", "48", "48", CAP, ECAP, 0x10 },
    { "aw-bits", "57", "57", 0x08d2078c40780e66, ECAP, 0x10 },
    { "cache", "hardware", "\"hardware\"", CAP, ECAP, 0x10 },
    { "cache", "sticky", "\"sticky\"", CAP, ECAP, 0x10 },
    { "cache", "off", "\"off\"", CAP, ECAP, 0x10 },
    { "cache-seed", "0", "0", CAP, ECAP, 0x10 },
    { "cache-seed", "0xffffffffffffffff", "18446744073709551615", CAP, ECAP,
      0x10 },
    { "caching-mode", "on", "true", 0x08d2078c406f06e6, ECAP, 0x10 },
    { "caching-mode", "off", "false", CAP, ECAP, 0x10 },
    { "coalesce", "on", "true", CAP, ECAP, 0x10 },
    { "coalesce", "off", "false", CAP, ECAP, 0x10 },
    { "device-iotlb", "on", "true", CAP, 0xf050df, 0x10 },
    { "device-iotlb", "off", "false", CAP, ECAP, 0x10 },
    { "dma-drain", "on", "true", CAP, ECAP, 0x10 },
    { "dma-drain", "off", "false", 0x0812078c406f0666, ECAP, 0x10 },
    { "dma-translation", "on", "true", CAP, ECAP, 0x10 },
    { "dma-translation", "off", "false", 0x08d2078c406f0066, ECAP, 0x10 },
    { "eim", "on", "\"on\"", CAP, ECAP, 0x10 },
    { "eim", "off", "\"off\"", CAP, 0xf050cb, 0x10 },
    { "eim", "auto", "\"auto\"", CAP, ECAP, 0x10 },
    { "esirtps", "on", "true", CAP | 1ull << 62, ECAP, 0x10 },
    { "esirtps", "off", "false", CAP, ECAP, 0x10 },
    { "esrtps", "on", "true", CAP | 1ull << 63, ECAP, 0x10 },
    { "esrtps", "off", "false", CAP, ECAP, 0x10 },
    { "fault-records", "1", "1", 0x08d2008c406f0666, ECAP, 0x10 },
    { "fault-records", "16", "16", 0x08d20f8c406f0666, ECAP, 0x10 },
    { "intremap", "on", "\"on\"", CAP, ECAP, 0x10 },
    { "intremap", "off", "\"off\"", 0x00d2078c406f0666, 0x0050c3, 0x10 },
    { "intremap", "auto", "\"on\"", CAP, ECAP, 0x10 },
    { "iotlb-entries", "16", "16", CAP, ECAP, 0x10 },
    { "iotlb-entries", "1000", "1000", CAP, ECAP, 0x10 },
    { "iotlb-entries", "1048576", "1048576", CAP, ECAP, 0x10 },
    { "perfmon", "on", "true", 0x28d2078cf06f0666, 0x8000000f050db, 0x10 },
    { "perfmon", "off", "false", CAP, ECAP, 0x10 },
    { "posted-interrupts", "on", "\"on\"", CAP, ECAP, 0x10 },
    { "posted-interrupts", "off", "\"off\"", 0x00d2078c406f0666, ECAP,
      0x10 },
    { "posted-interrupts", "auto", "\"auto\"", CAP, ECAP, 0x10 },
    { "pt", "on", "true", CAP, ECAP, 0x10 },
    { "pt", "off", "false", CAP, 0xf0509b, 0x10 },
    { "scalable-mode", "on", "true", CAP | 0x1100000000000000,
      ECAP | 0x0023e99cc4000000, 0x10 },
    { "scalable-mode", "off", "false", CAP, ECAP, 0x10 },
    { "x-scalable-mode", "on", "true", CAP | 0x1100000000000000,
      ECAP | 0x0023e99cc4000000, 0x10 },
    /* What scalable mode alone has shows nowhere without it. */
    { "eafs", "on", "true", CAP, ECAP, 0x10 },
    { "ers", "off", "false", CAP, ECAP, 0x10 },
    { "flts", "on", "\"on\"", CAP, ECAP, 0x10 },
    { "fs1gp", "on", "true", CAP, ECAP, 0x10 },
    { "fs5lp", "on", "true", CAP, ECAP, 0x10 },
    { "nest", "on", "true", CAP, ECAP, 0x10 },
    { "pasid-bits", "20", "20", CAP, ECAP, 0x10 },
    { "rprivs", "on", "true", CAP, ECAP, 0x10 },
    { "rps", "on", "true", CAP, ECAP, 0x10 },
    { "srs", "on", "true", CAP, ECAP, 0x10 },
    { "ssads", "on", "true", CAP, ECAP, 0x10 },
    { "ssts", "off", "false", CAP, ECAP, 0x10 },
    { "x-flts", "off", "\"off\"", CAP, ECAP, 0x10 },
    { "snoop-control", "on", "true", CAP, ECAP, 0x10 },
    { "snoop-control", "off", "false", CAP, 0xf0505b, 0x10 },
    { "vcmd", "on", "true", CAP, 0x100000f050db, 0x10 },
    { "vcmd", "off", "false", CAP, ECAP, 0x10 },
    { "version", "0", "0", CAP, ECAP, 0x10 },
    { "version", "0x10", "16", CAP, ECAP, 0x10 },
    { "version", "0x40", "64", CAP, ECAP, 0x40 },
    { "version", "0x5f", "95", CAP, ECAP, 0x5f },
    { "x2apic-opt-out", "on", "true", CAP, ECAP, 0x10 },
    { "x2apic-opt-out", "off", "false", CAP, ECAP, 0x10 },
    { "coherent", "off", "false", CAP, 0xf050da, 0x10 },
    { "coherent", "on", "true", CAP, ECAP, 0x10 },
    { "domain-bits", "4", "4", 0x08d2078c406f0660, ECAP, 0x10 },
    { "domain-bits", "14", "14", 0x08d2078c406f0665, ECAP, 0x10 },
    { "mamv", "0", "0", 0x08c0078c406f0666, ECAP, 0x10 },
    { "mamv", "52", "52", 0x08f4078c406f0666, ECAP, 0x10 },
    { "mhmv", "0", "0", CAP, 0x0050db, 0x10 },
    { "mhmv", "9", "9", CAP, 0x9050db, 0x10 },
    { "numa-node", "-1", "-1", CAP, ECAP, 0x10 },
    { "phmr", "off", "false", 0x08d2078c406f0626, ECAP, 0x10 },
    { "plmr", "off", "false", 0x08d2078c406f0646, ECAP, 0x10 },
    { "profile", "default", "\"default\"", CAP, ECAP, 0x10 },
    { "psi", "off", "false", 0x08c0070c406f0666, ECAP, 0x10 },
    { "qi", "on", "true", CAP, ECAP, 0x10 },
    { "qi", "off", "false", 0x00d2078c406f0666, 0x0050c1, 0x10 },
    { "rwbf", "on", "true", 0x08d2078c406f0676, ECAP, 0x10 },
    { "smpwcs", "off", "false", CAP, ECAP, 0x10 },
    { "sslps", "4k", "\"4k\"", 0x08d20780406f0666, ECAP, 0x10 },
    { "sslps", "2m", "\"2m\"", 0x08d20784406f0666, ECAP, 0x10 },
    { "sslps", "1g", "\"1g\"", CAP, ECAP, 0x10 },
    { "zlr", "off", "false", 0x08d2078c402f0666, ECAP, 0x10 },
    { "findings", "log", "\"log\"", CAP, ECAP, 0x10 },
};

static void check_valid(const ValidRow *row)
{
    g_autofree char *name = g_strdup_printf("%s=%s", row->option, row->value);
    QVtd *v = qvtd_start("-M q35 -chardev null,id=log "
                         "-device nyx-vtd,id=iommu,%s", name);
    QObject *value = nyx_pc_qom_get(v->pc, "/machine/peripheral/iommu",
                                    row->option);
    GString *json = qobject_to_json(value);

    if (strcmp(json->str, row->json)) {
        g_test_message("%s: qom-get: %s", name, json->str);
        g_test_fail();
    }
    NYX_CHECK(name, qvtd_r64(v, QVTD_CAP), row->cap);
    NYX_CHECK(name, qvtd_r64(v, QVTD_ECAP), row->ecap);
    NYX_CHECK(name, qvtd_r32(v, QVTD_VER), row->ver);
    g_string_free(json, true);
    qobject_unref(value);
    qvtd_end(v);
}

static void test_valid(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(valid_rows); i++) {
        check_valid(&valid_rows[i]);
    }
}

/* --- Profiles ------------------------------------------------------------- */

/* CAP and ECAP summed by hand, as in docs/system/devices/nyx-vtd.rst. */
typedef struct ProfileRow {
    const char *args;
    uint64_t cap;
    uint64_t ecap;
    uint32_t ver;
} ProfileRow;

#define SERVER      0x19ed008c40780e66
#define SERVER_E    0x0023ed9ce4f050df
/* ECAP.PRS and PDS */
#define PAGES       0x0000040020000000

static const ProfileRow profile_rows[] = {
    { "profile=default", CAP, ECAP, 0x10 },
    { "profile=minimal", 0x40260230, 0x5000, 0x10 },
    { "profile=client", 0x00d2008c40660262, 0xf050da, 0x10 },
    { "profile=server", SERVER, SERVER_E, 0x40 },
    { "profile=everything", 0xf9f40f8cf0780e66, 0x003bfd9ee4f050df, 0x40 },
    /* What is said wins, before the profile and behind it. */
    { "profile=minimal,psi=on", 0x0012008040260230, 0x5000, 0x10 },
    { "psi=on,profile=minimal", 0x0012008040260230, 0x5000, 0x10 },
    { "profile=minimal,version=0", 0x40260230, 0x5000, 0x10 },
    { "version=0x21,profile=minimal", 0x40260230, 0x5000, 0x21 },
    { "sslps=2m,profile=minimal", 0x440260230, 0x5000, 0x10 },
    { "aw-bits=48,profile=client", 0x00d2008c406f0662, 0xf050da, 0x10 },
    { "profile=server,smpwcs=off", SERVER, 0x0022ed9ce4f050df, 0x40 },
    /* Also what the default is, and by other names. */
    { "coherent=on,profile=client", 0x00d2008c40660262, 0xf050db, 0x10 },
    { "x-scalable-mode=off,profile=server", 0x08ed008c40780e66, 0xf050df,
      0x40 },
    { "profile=server,scalable-mode=off", 0x08ed008c40780e66, 0xf050df,
      0x40 },
    { "x-scalable-mode=on,profile=client", 0x11d2008c40660262,
      SERVER_E & ~(PAGES | 5), 0x10 },
    /* Options of the parent class. */
    { "profile=minimal,pt=on", 0x40260230, 0x5040, 0x10 },
    { "device-iotlb=off,profile=server", SERVER, SERVER_E & ~(PAGES | 4), 0x40 },
    { "profile=minimal,qi=on", 0x40260230, 0x5002, 0x10 },
    { "profile=minimal,qi=on,intremap=on", 0x0800000040260230, 0xf0501a,
      0x10 },
    /* With -global, on whatever side. */
    { "profile=client -global nyx-vtd.aw-bits=48", 0x00d2008c406f0662,
      0xf050da, 0x10 },
    { "aw-bits=48 -global nyx-vtd.profile=client", 0x00d2008c406f0662,
      0xf050da, 0x10 },
    { "profile=client -global nyx-vtd.pt=off", 0x00d2008c40660262, 0xf0509a,
      0x10 },
};

static void test_profiles(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(profile_rows); i++) {
        const ProfileRow *row = &profile_rows[i];
        QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu,%s", row->args);

        NYX_CHECK(row->args, qvtd_r64(v, QVTD_CAP), row->cap);
        NYX_CHECK(row->args, qvtd_r64(v, QVTD_ECAP), row->ecap);
        NYX_CHECK(row->args, qvtd_r32(v, QVTD_VER), row->ver);
        qvtd_end(v);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-cmdline/wrong", test_wrong);
    qtest_add_func("/nyx/vtd-cmdline/wrong-argument", test_wrong_argument);
    qtest_add_func("/nyx/vtd-cmdline/help", test_help);
    qtest_add_func("/nyx/vtd-cmdline/wrapper-help", test_wrapper_help);
    qtest_add_func("/nyx/vtd-cmdline/descriptions", test_descriptions);
    qtest_add_func("/nyx/vtd-cmdline/valid", test_valid);
    qtest_add_func("/nyx/vtd-cmdline/profiles", test_profiles);
    return g_test_run();
}
