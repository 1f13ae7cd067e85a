/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nyx-vtd tells about itself and its guest: the properties, the stream
 * of findings, trace events, the log of guest errors.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-vtd.h"
#include "qapi/error.h"
#include "qobject/qjson.h"

#define UNIT        "-device nyx-vtd,id=iommu"
#define TESTDEV     NYX_SID(0, 4, 0)
#define IOVA        0x10000ull
#define UNMAPPED    0x80000ull

/* --- A guest whose every step is known ------------------------------------ */

typedef struct Guest {
    QVtd *v;
    NyxTestdev td;
    QVtdDomain dom;
} Guest;

static Guest guest_start(const char *args)
{
    Guest g = {
        .v = qvtd_start("-M q35 -device nyx-testdev,addr=4 %s", args),
    };

    g.td = nyx_td_get(g.v->pc->pci, TESTDEV);
    g_assert_true(qvtd_queue(g.v, 0));
    g_assert_true(qvtd_enable(g.v));
    g.dom = qvtd_domain(g.v, 7, 3);
    qvtd_map(g.v, &g.dom, IOVA, nyx_pc_pages(g.v->pc, 1), 12, 3);
    qvtd_attach(g.v, TESTDEV, &g.dom, 0);
    return g;
}

static void guest_end(Guest *g)
{
    nyx_td_put(&g->td);
    qvtd_end(g->v);
}

static void guest_dma(Guest *g, uint64_t iova, bool works)
{
    g_assert_cmpuint(nyx_td_writel(&g->td, iova, 1), ==,
                     works ? NYX_TD_ST_OK : NYX_TD_ST_TX_ERROR);
}

/* --- Properties ----------------------------------------------------------- */

static void test_guest_mistakes(void)
{
    Guest g = guest_start(UNIT);
    QObject *list = nyx_pc_qom_get(g.v->pc, "/machine/peripheral/iommu",
                                   "guest-mistakes");
    const QDict *row, *first, *last;

    /* A driver that does all as it should. */
    g_assert_true(qlist_empty(qobject_to(QList, list)));
    qobject_unref(list);

    guest_dma(&g, UNMAPPED, false);
    guest_dma(&g, UNMAPPED + 0x1008, false);
    qvtd_w64(g.v, QVTD_CAP, 0x1234);
    list = nyx_pc_qom_get(g.v->pc, "/machine/peripheral/iommu",
                          "guest-mistakes");
    g_assert_cmpuint(qlist_size(qobject_to(QList, list)), ==, 2);

    row = nyx_list_find(qobject_to(QList, list), "rule", "vtd.fault.dma");
    g_assert_cmpstr(qdict_get_str(row, "severity"), ==, "warning");
    g_assert_cmpstr(qdict_get_str(row, "section"), ==, "7.1.3");
    g_assert_cmpstr(qdict_get_str(row, "title"), ==, "DMA request blocked");
    g_assert_cmpint(qdict_get_int(row, "count"), ==, 2);
    first = qdict_get_qdict((QDict *)row, "first");
    last = qdict_get_qdict((QDict *)row, "last");
    g_assert_cmpstr(qdict_get_str(first, "sid"), ==, "00:04.0");
    g_assert_cmpstr(qdict_get_str(first, "addr"), ==, "0x80000");
    g_assert_cmpstr(qdict_get_str(first, "value"), ==, "0x5");
    g_assert_cmpstr(qdict_get_str(last, "addr"), ==, "0x81008");

    row = nyx_list_find(qobject_to(QList, list), "rule", "vtd.reg.read-only");
    first = qdict_get_qdict((QDict *)row, "first");
    g_assert_false(qdict_haskey(first, "sid"));
    g_assert_cmpstr(qdict_get_str(first, "addr"), ==, "0x8");
    g_assert_cmpstr(qdict_get_str(first, "value"), ==, "0x1234");
    qobject_unref(list);
    guest_end(&g);
}

typedef struct Count {
    const char *name;
    uint64_t count;
} Count;

static void check_counts(QVtd *v, const Count *rows, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        NYX_CHECK(rows[i].name, qvtd_stat(v, rows[i].name), rows[i].count);
    }
}

static void test_stats(void)
{
    static const Count counts[] = {
        /* QIE, SRTP, TE; the two flushes after SRTP are invalidations. */
        { "commands", 3 },
        { "invalidations.context-global", 1 },
        { "invalidations.context-domain", 1 },
        { "invalidations.context-device", 1 },
        { "invalidations.iotlb-global", 1 },
        { "invalidations.iotlb-domain", 2 },
        { "invalidations.iotlb-page", 1 },
        { "invalidations.interrupt-entry-global", 1 },
        { "invalidations.interrupt-entry-index", 1 },
        { "invalidations.device-tlb", 0 },
        { "invalidations.waits", 9 },
        { "invalidations.queue-errors", 0 },
        /* Faults are not cached: each of the three is a miss. */
        { "iotlb.hits", 1 },
        { "iotlb.misses", 5 },
        { "iotlb.evictions", 0 },
        { "faults-recorded", 2 },
        { "faults-not-recorded", 1 },
        { "interrupts-remapped", 0 },
        { "event-messages", 0 },
    };
    Guest g = guest_start(UNIT);

    guest_dma(&g, IOVA, true);                          /* miss */
    guest_dma(&g, IOVA, true);                          /* hit */
    g_assert_true(qvtd_submit(g.v, 7 << 16 | 0x22, 0)); /* domain 7 */
    guest_dma(&g, IOVA, true);                          /* miss */
    g_assert_true(qvtd_submit(g.v, 7 << 16 | 0x32, IOVA));
    g_assert_true(qvtd_submit(g.v, 8 << 16 | 0x22, 0)); /* domain 8: other */
    g_assert_true(qvtd_submit(g.v, 8 << 16 | 0x21, 0));
    g_assert_true(qvtd_submit(g.v, 0x31 | 8 << 16, 0)); /* function 0 */
    g_assert_true(qvtd_submit(g.v, 0x4, 0));
    g_assert_true(qvtd_submit(g.v, 0x14, 0));
    guest_dma(&g, UNMAPPED, false);
    guest_dma(&g, UNMAPPED, false);         /* already recorded */
    guest_dma(&g, UNMAPPED + NYX_PAGE, false);
    check_counts(g.v, counts, ARRAY_SIZE(counts));
    NYX_CHECK("reason 5", qvtd_stat_faults(g.v, 5), 3);
    NYX_CHECK("reason 6", qvtd_stat_faults(g.v, 6), 0);
    guest_end(&g);
}

/* The function that did it, and no other. */
static void test_stats_requester(void)
{
    Guest g = guest_start(UNIT);
    QObject *stats;
    const QList *list, *faults;
    const QDict *row;

    guest_dma(&g, IOVA, true);
    guest_dma(&g, UNMAPPED, false);
    stats = nyx_pc_qom_get(g.v->pc, "/machine/peripheral/iommu", "stats");
    list = qdict_get_qlist(qobject_to(QDict, stats), "requesters");
    g_assert_cmpuint(qlist_size(list), ==, 1);
    row = nyx_list_find(list, "sid", "00:04.0");
    g_assert_cmpint(qdict_get_int(row, "refused"), ==, 1);
    faults = qdict_get_qlist((QDict *)row, "faults");
    g_assert_cmpuint(qlist_size(faults), ==, 1);
    row = nyx_list_find(faults, "reason", "0x5");
    g_assert_cmpstr(qdict_get_str(row, "name"), ==, "LGN.2");
    g_assert_cmpint(qdict_get_int(row, "count"), ==, 1);
    qobject_unref(stats);
    guest_end(&g);
}

static void check_register(const QList *list, const char *name,
                           const char *offset, const char *value)
{
    const QDict *row = nyx_list_find(list, "name", name);

    g_assert_cmpstr(qdict_get_str(row, "offset"), ==, offset);
    g_assert_cmpstr(qdict_get_str(row, "value"), ==, value);
}

static void test_registers(void)
{
    Guest g = guest_start(UNIT);
    QObject *list = nyx_pc_qom_get(g.v->pc, "/machine/peripheral/iommu",
                                   "registers");
    g_autofree char *root = g_strdup_printf("0x%" PRIx64, g.v->root);
    g_autofree char *queue = g_strdup_printf("0x%" PRIx64, g.v->queue);
    QObject *latched;
    QDict *dict;

    check_register(qobject_to(QList, list), "VER", "0x0", "0x10");
    check_register(qobject_to(QList, list), "CAP", "0x8",
                   "0x8d2078c406f0666");
    check_register(qobject_to(QList, list), "GSTS", "0x1c", "0xc4000000");
    check_register(qobject_to(QList, list), "RTADDR", "0x20", root);
    check_register(qobject_to(QList, list), "FECTL", "0x38", "0x80000000");
    qobject_unref(list);

    /* What nothing has latched does not show. */
    qvtd_w64(g.v, QVTD_RTADDR, 0xdead000);
    latched = nyx_pc_qom_get(g.v->pc, "/machine/peripheral/iommu",
                             "in-force");
    dict = qobject_to(QDict, latched);
    g_assert_cmpstr(qdict_get_str(dict, "root-table"), ==, root);
    g_assert_cmpstr(qdict_get_str(dict, "interrupt-table"), ==, "0x0");
    g_assert_cmpstr(qdict_get_str(dict, "queue"), ==, queue);
    g_assert_cmpint(qdict_get_int(dict, "translating"), ==, 1);
    g_assert_cmpint(qdict_get_int(dict, "remapping-interrupts"), ==, 0);
    g_assert_cmpint(qdict_get_int(dict, "next-fault-record"), ==, 0);
    qobject_unref(latched);
    guest_end(&g);
}

/* What memory says of the function, whatever is cached. */
static void test_tables(void)
{
    Guest g = guest_start(UNIT);
    uint64_t page = nyx_pc_pages(g.v->pc, 1);
    QVtdDomain dom = qvtd_domain(g.v, 9, 4);
    const QDict *function, *mapping;
    QObject *tables;
    QDict *dict;
    QList *list;
    g_autofree char *addr = g_strdup_printf("0x%" PRIx64, page);
    uint64_t at;

    qvtd_map(g.v, &dom, 0x456789abc000, page, 12, 1);
    qvtd_attach(g.v, TESTDEV, &dom, 0);
    tables = nyx_pc_qom_get(g.v->pc, "/machine/peripheral/iommu", "tables");
    dict = qobject_to(QDict, tables);
    g_assert_true(qdict_get_bool(dict, "complete"));
    list = qdict_get_qlist(dict, "functions");
    function = nyx_list_find(list, "sid", "00:04.0");
    g_assert_cmpint(qlist_size(list), ==, 1);
    g_assert_false(qdict_haskey(function, "pasid"));
    g_assert_cmpint(qlist_size(qdict_get_qlist(function, "root-entry")), ==,
                    2);
    g_assert_cmpint(qlist_size(qdict_get_qlist(function, "context-entry")),
                    ==, 2);
    g_assert_cmpstr(qdict_get_str(function, "translation"), ==, "second");
    g_assert_cmpint(qdict_get_int(function, "domain"), ==, 9);
    g_assert_false(qdict_haskey(function, "first-stage"));
    list = qdict_get_qlist(function, "second-stage");
    g_assert_cmpint(qlist_size(list), ==, 1);
    mapping = nyx_list_find(list, "iova", "0x456789abc000");
    g_assert_cmpstr(qdict_get_str(mapping, "addr"), ==, addr);
    g_assert_cmpint(qdict_get_int(mapping, "lg2"), ==, 12);
    g_assert_cmpstr(qdict_get_str(mapping, "access"), ==, "r");
    qobject_unref(tables);

    /* Reserved bit 4 of the context entry. */
    at = qvtd_context_at(g.v, TESTDEV);
    qtest_writeq(g.v->qts, at, qtest_readq(g.v->qts, at) | 0x10);
    tables = nyx_pc_qom_get(g.v->pc, "/machine/peripheral/iommu", "tables");
    list = qdict_get_qlist(qobject_to(QDict, tables), "functions");
    function = nyx_list_find(list, "sid", "00:04.0");
    g_assert_cmpstr(qdict_get_str(function, "fault"), ==, "0xb");
    g_assert_false(qdict_haskey(function, "second-stage"));
    qobject_unref(tables);
    guest_end(&g);
}

/* --- The stream ----------------------------------------------------------- */

/* The file once it has @lines of them; the caller frees it. */
static char *read_lines(QVtd *v, const char *path, unsigned lines)
{
    char *text = NULL;

    for (unsigned i = 0; i < NYX_POLLS; i++) {
        g_free(text);
        text = NULL;
        if (g_file_get_contents(path, &text, NULL, NULL) &&
            nyx_lines_with(text, "") >= lines) {
            break;
        }
        qvtd_r32(v, QVTD_VER);
    }
    return text;
}

static QDict *parse_line(const char *line)
{
    QObject *parsed = qobject_from_json(line, &error_abort);
    static const char *const strings[] = {
        "rule", "severity", "section", "title", "fix", "value",
    };
    QDict *dict = qobject_to(QDict, parsed);

    g_assert_nonnull(dict);
    g_assert_cmpstr(qdict_get_str(dict, "device"), ==, "nyx-vtd");
    for (unsigned i = 0; i < ARRAY_SIZE(strings); i++) {
        g_assert_cmpuint(strlen(qdict_get_str(dict, strings[i])), >, 0);
    }
    g_assert_cmpint(qdict_get_int(dict, "time_ns"), >=, 0);
    return dict;
}

/* Three mistakes, in the order in which they are made. */
static void test_stream(void)
{
    static const char *const rules[] = {
        "vtd.reg.read-only", "vtd.fault.dma", "vtd.gcmd.drops-enable",
    };
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "findings", NULL);
    g_autofree char *args = g_strdup_printf("-chardev file,id=log,path=%s "
                                            UNIT ",findings=log", path);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    Guest g = guest_start(args);

    qvtd_w64(g.v, QVTD_CAP, 1);
    guest_dma(&g, UNMAPPED, false);
    /* SRTP without TE */
    qvtd_w64(g.v, QVTD_RTADDR, nyx_pc_pages(g.v->pc, 1));
    qvtd_w32(g.v, QVTD_GCMD, 1u << QVTD_SRTP | 1u << QVTD_QIE);
    text = read_lines(g.v, path, ARRAY_SIZE(rules));
    g_assert_cmpuint(nyx_lines_with(text, ""), ==, ARRAY_SIZE(rules));
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; i < ARRAY_SIZE(rules); i++) {
        QDict *dict = parse_line(lines[i]);

        g_assert_cmpstr(qdict_get_str(dict, "rule"), ==, rules[i]);
        g_assert_cmpint(qdict_get_int(dict, "count"), ==, 1);
        g_assert_cmpint(qdict_haskey(dict, "sid"), ==, i == 1);
        qobject_unref(dict);
    }
    guest_end(&g);
    nyx_tmp_free(dir);
}

/* Eight, then each power of two: 18 lines up to ten thousand. */
static void test_stream_bounded(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "findings", NULL);
    g_autofree char *args = g_strdup_printf("-chardev file,id=log,path=%s "
                                            UNIT ",findings=log", path);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    Guest g = guest_start(args);
    QDict *dict;

    for (unsigned i = 1; i <= 10000; i++) {
        qvtd_w64(g.v, QVTD_CAP, i);
    }
    g_assert_cmpuint(qvtd_mistakes(g.v, "vtd.reg.read-only"), ==, 10000);
    /* Another rule's line comes after all of them. */
    qvtd_w32(g.v, 0x200, 1);
    text = read_lines(g.v, path, 19);
    g_assert_cmpuint(nyx_lines_with(text, ""), ==, 19);
    g_assert_cmpuint(nyx_lines_with(text, "vtd.reg.read-only"), ==, 18);
    lines = g_strsplit(text, "\n", -1);
    dict = parse_line(lines[17]);
    g_assert_cmpint(qdict_get_int(dict, "count"), ==, 8192);
    g_assert_cmpstr(qdict_get_str(dict, "value"), ==, "0x2000");
    qobject_unref(dict);
    dict = parse_line(lines[18]);
    g_assert_cmpstr(qdict_get_str(dict, "rule"), ==, "vtd.reg.unknown");
    qobject_unref(dict);
    guest_end(&g);
    nyx_tmp_free(dir);
}

/* --- Trace and log -------------------------------------------------------- */

static void test_trace(void)
{
    static const char *const lines[] = {
        "nyx_vtd_command_run gcmd 0x04000000 gsts 0x04000000",
        "nyx_vtd_mode_change checked 1 translating 1",
        "nyx_vtd_translate sid 0x0020 iova 0x10000 access 2 addr 0x",
        "nyx_vtd_translate_err sid 0x0020 iova 0x80004 access 2",
        "nyx_vtd_fault_report sid 0x0020 iova 0x80004 reason 0x05 "
        "(no write permission) recorded 1",
        "nyx_vtd_context_invalidate sid 0x0000 did 0 granularity 1",
        "nyx_vtd_iotlb_invalidate iova 0x0 size_lg2 ",
        "nyx_vtd_wait_complete addr 0x",
        "nyx_vtd_finding_add rule vtd.fault.dma sid 0x0020 addr 0x80004 "
        "value 0x5 count 1",
    };
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autofree char *args = g_strdup_printf("-plugin %s,trace=nyx_vtd_* -D "
                                            "%s " UNIT, nyx_pc_plugin(),
                                            path);
    g_autofree char *text = NULL;
    Guest g = guest_start(args);

    guest_dma(&g, IOVA, true);
    guest_dma(&g, UNMAPPED + 4, false);
    guest_end(&g);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
        NYX_CHECK(lines[i], nyx_lines_with(text, lines[i]) > 0, 1);
    }
    NYX_CHECK("of faults", nyx_lines_with(text, "nyx_vtd_fault_report"), 1);
    nyx_tmp_free(dir);
}

/* A pattern that leaves the rest out. */
static void test_trace_some(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autofree char *args = g_strdup_printf("-plugin %s,trace=nyx_vtd_fault* "
                                            "-D %s " UNIT, nyx_pc_plugin(),
                                            path);
    g_autofree char *text = NULL;
    Guest g = guest_start(args);

    guest_dma(&g, UNMAPPED, false);
    guest_end(&g);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    NYX_CHECK("of faults", nyx_lines_with(text, "nyx_vtd_fault_report"), 1);
    NYX_CHECK("of any", nyx_lines_with(text, "nyx_"), 1);
    nyx_tmp_free(dir);
}

static void test_guest_errors(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autofree char *args = g_strdup_printf("-d guest_errors -D %s " UNIT,
                                            path);
    g_autofree char *text = NULL;
    Guest g = guest_start(args);

    guest_dma(&g, UNMAPPED, false);
    qvtd_w64(g.v, QVTD_CAP, 0x1234);
    guest_end(&g);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    NYX_CHECK("DMA", nyx_lines_with(text, "nyx-vtd: vtd.fault.dma: DMA "
              "request blocked (section 7.1.3, sid 0x0020, addr 0x80000, "
              "value 0x5, count 1): see the fault reason in the value"), 1);
    NYX_CHECK("CAP", nyx_lines_with(text, "nyx-vtd: vtd.reg.read-only: "), 1);
    NYX_CHECK("of any", nyx_lines_with(text, "nyx-vtd"), 2);
    nyx_tmp_free(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-findings/guest-mistakes", test_guest_mistakes);
    qtest_add_func("/nyx/vtd-findings/stats", test_stats);
    qtest_add_func("/nyx/vtd-findings/stats-requester", test_stats_requester);
    qtest_add_func("/nyx/vtd-findings/registers", test_registers);
    qtest_add_func("/nyx/vtd-findings/tables", test_tables);
    qtest_add_func("/nyx/vtd-findings/stream", test_stream);
    qtest_add_func("/nyx/vtd-findings/stream-bounded", test_stream_bounded);
    qtest_add_func("/nyx/vtd-findings/trace", test_trace);
    qtest_add_func("/nyx/vtd-findings/trace-some", test_trace_some);
    qtest_add_func("/nyx/vtd-findings/guest-errors", test_guest_errors);
    return g_test_run();
}
