/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nyx-amdvi tells about itself and its guest: the properties.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-run.h"
#include "nyx-amdvi-fixture.h"
#include "qobject/qjson.h"
#include "qobject/qstring.h"
#include "qapi/error.h"

#define UNMAPPED 0x80000ull

static QObject *get(Fixture *f, const char *property)
{
    return nyx_pc_qom_get(f->v->pc, f->v->path, property);
}

static void dma(Fixture *f, uint64_t iova, bool works)
{
    g_assert_cmpuint(nyx_td_writel(&f->td, iova, 1), ==,
                     works ? NYX_TD_ST_OK : NYX_TD_ST_TX_ERROR);
}

/* --- Mistakes ------------------------------------------------------------- */

static void test_guest_mistakes(void)
{
    Fixture f = start("");
    QObject *list = get(&f, "guest-mistakes");
    const QDict *row, *first, *last;

    /* A driver that does all as it should. */
    g_assert_true(qlist_empty(qobject_to(QList, list)));
    qobject_unref(list);

    dma(&f, UNMAPPED, false);
    dma(&f, UNMAPPED + 0x1008, false);
    qamd_w64(f.v, QAMD_EFR, 0x1234);
    list = get(&f, "guest-mistakes");
    g_assert_cmpuint(qlist_size(qobject_to(QList, list)), ==, 2);

    row = nyx_list_find(qobject_to(QList, list), "rule", "amdvi.fault.dma");
    g_assert_cmpstr(qdict_get_str(row, "severity"), ==, "warning");
    g_assert_cmpint(qdict_get_int(row, "count"), ==, 2);
    first = qdict_get_qdict((QDict *)row, "first");
    last = qdict_get_qdict((QDict *)row, "last");
    g_assert_cmpstr(qdict_get_str(first, "sid"), ==, "00:04.0");
    g_assert_cmpstr(qdict_get_str(first, "addr"), ==, "0x80000");
    g_assert_cmpstr(qdict_get_str(last, "addr"), ==, "0x81008");

    row = nyx_list_find(qobject_to(QList, list), "rule",
                        "amdvi.reg.read-only");
    first = qdict_get_qdict((QDict *)row, "first");
    g_assert_false(qdict_haskey(first, "sid"));
    g_assert_cmpstr(qdict_get_str(first, "addr"), ==, "0x30");
    g_assert_cmpstr(qdict_get_str(first, "value"), ==, "0x1234");
    qobject_unref(list);
    end(&f);
}

static void make_unaligned(Fixture *f)
{
    qtest_writeb(f->v->qts, QAMD_BASE + QAMD_EXCLBASE, 1);
    qtest_readw(f->v->qts, QAMD_BASE + QAMD_EXCLBASE);
}

static void make_unknown(Fixture *f)
{
    qamd_w32(f->v, 0x1f00, 1);
}

/* Zero asks for nothing. */
static void make_read_only(Fixture *f)
{
    qamd_w64(f->v, QAMD_EFR, 0);
    qamd_w64(f->v, QAMD_EFR, 1);
}

/* A bit that is always reserved, and one of a feature that is not there */
static void make_reserved(Fixture *f)
{
    qamd_w64(f->v, QAMD_EXCLLIMIT, 1ull << 63);
    qamd_control(f->v, 0, 1ull << 40);
}

static void make_ring_length(Fixture *f)
{
    qamd_control(f->v, QAMD_CMDBUFEN, 0);
    qamd_w64(f->v, QAMD_CMDBASE, f->v->commands);
}

static void make_ring_pointer(Fixture *f)
{
    qamd_w32(f->v, QAMD_CMDTAIL, 0x1000);
    qamd_w32(f->v, QAMD_EVTHEAD, 0x2000);
}

static void make_ring_busy(Fixture *f)
{
    qamd_w64(f->v, QAMD_CMDBASE, f->v->commands | 9ull << 56);
    qamd_w64(f->v, QAMD_EVTBASE, f->v->events | 9ull << 56);
    qamd_w64(f->v, QAMD_EVTTAIL, 0x10);
}

/* With two segments the first has half of the ids. */
static void make_devtab_size(Fixture *f)
{
    qamd_control(f->v, QAMD_IOMMUEN, 0);
    qamd_control(f->v, 0, QAMD_IOMMUEN | 1ull << 34);
}

static void make_no_table(Fixture *f)
{
    qamd_w64(f->v, QAMD_DEVTAB, 0x1ff);
}

static void make_illegal(Fixture *f)
{
    qamd_submit(f->v, 0, 0);
}

static void make_wait_idle(Fixture *f)
{
    qamd_submit(f->v, 1ull << 60, 0);
}

static void make_intr_read(Fixture *f)
{
    uint32_t value;

    nyx_td_readl(&f->td, 0xfee00000, &value);
}

/* An aligned byte is no message. */
static void make_intr_size(Fixture *f)
{
    const uint8_t byte = 1;

    nyx_td_write(&f->td, 0xfee00000, &byte, 1);
}

static void make_irq_fault(Fixture *f)
{
    qamd_irt(f->v, SID, 5, false);
    qamd_flush_dte(f->v, SID);
    nyx_td_msi(&f->td, 0xfee00000, 3);
}

/* A second table under the first one's domain id */
static void make_shared(Fixture *f)
{
    QAmdDomain dom = qamd_domain(f->v, DID, 4);

    dma(f, IOVA, true);
    qamd_attach(f->v, SID, &dom, 0);
    qamd_flush_dte(f->v, SID);
    dma(f, IOVA, false);
}

/* One mistake of each kind; @count of them. */
static const struct {
    const char *rule;
    const char *options;
    void (*make)(Fixture *f);
    unsigned count;
} mistake_rows[] = {
#define ROW(rule, options, make, count) { "amdvi." rule, options, make, count }
    ROW("reg.unaligned", "", make_unaligned, 2),
    ROW("reg.unknown", "", make_unknown, 1),
    ROW("reg.read-only", "", make_read_only, 1),
    ROW("reg.reserved", "", make_reserved, 2),
    ROW("ring.length", "", make_ring_length, 1),
    ROW("ring.pointer", "", make_ring_pointer, 2),
    ROW("ring.busy", "", make_ring_busy, 3),
    ROW("devtab.size", ",device-table-segments=8", make_devtab_size, 1),
    ROW("control.no-table", "", make_no_table, 1),
    ROW("cmd.illegal", "", make_illegal, 1),
    ROW("cmd.wait-idle", "", make_wait_idle, 1),
    ROW("intr.read", "", make_intr_read, 1),
    ROW("intr.size", "", make_intr_size, 1),
    ROW("fault.interrupt", "", make_irq_fault, 1),
    ROW("dte.domain-shared", "", make_shared, 1),
#undef ROW
};

static void test_each_mistake(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(mistake_rows); i++) {
        Fixture f = start(mistake_rows[i].options);

        NYX_CHECK(mistake_rows[i].rule,
                  qamd_mistakes(f.v, mistake_rows[i].rule), 0);
        mistake_rows[i].make(&f);
        NYX_CHECK(mistake_rows[i].rule,
                  qamd_mistakes(f.v, mistake_rows[i].rule),
                  mistake_rows[i].count);
        end(&f);
    }
}

/* --- Statistics ----------------------------------------------------------- */

static void test_stats(void)
{
    static const struct {
        const char *name;
        uint64_t count;
    } counts[] = {
        /* The set-up makes one flush of everything, with a wait. */
        { "commands", 12 },
        { "invalidations.device-table-entry", 1 },
        { "invalidations.pages", 2 },
        { "invalidations.device-tlb", 0 },
        { "invalidations.interrupt-table", 1 },
        { "invalidations.all", 2 },
        { "invalidations.prefetches", 0 },
        { "invalidations.waits", 6 },
        { "invalidations.command-errors", 0 },
        /* Faults are not cached: each of the two is a miss. */
        { "iotlb.hits", 1 },
        { "iotlb.misses", 4 },
        { "device-table-cache.misses", 1 },
        { "events-logged", 3 },
        { "events-lost", 0 },
        { "events-suppressed", 0 },
        { "interrupts-remapped", 2 },
        { "interrupts-passed", 0 },
        { "interrupts-posted", 0 },
        { "interrupt-entry-cache.hits", 1 },
        { "interrupt-entry-cache.misses", 2 },
        { "interrupt-device-table-cache.misses", 1 },
        { "ga-log-entries", 0 },
        { "event-messages", 0 },
        { "page-requests.queued", 0 },
        { "announced.maps", 0 },
        { "counter-overflows", 0 },
    };
    Fixture f = start("");
    uint64_t table = qamd_irt(f.v, SID, 9, false);

    dma(&f, IOVA, true);                                /* miss */
    dma(&f, IOVA, true);                                /* hit */
    qamd_flush_pages(f.v, DID, 0, 64);
    dma(&f, IOVA, true);                                /* miss */
    qamd_flush_pages(f.v, DID + 1, 0, 64);              /* other */
    g_assert_true(qamd_submit(f.v, 5ull << 60 | SID, 0));
    dma(&f, UNMAPPED, false);
    dma(&f, UNMAPPED + NYX_PAGE, false);
    /* Entry 5: enabled, vector 41h; entry 6 is not */
    qtest_writel(f.v->qts, table + 4 * 5, 1 | 0x41 << 16);
    nyx_td_writel(&f.td, 0xfee00000, 5);
    nyx_td_writel(&f.td, 0xfee00000, 5);
    nyx_td_writel(&f.td, 0xfee00000, 6);
    qamd_flush_dte(f.v, SID + 1);
    qamd_flush(f.v);
    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        NYX_CHECK(counts[i].name,
                  nyx_pc_stat(f.v->pc, f.v->path, counts[i].name),
                  counts[i].count);
    }
    end(&f);
}

/* The function that did it, and no other. */
static void test_stats_requester(void)
{
    Fixture f = start("");
    QObject *stats;
    const QList *list, *faults;
    const QDict *row;

    dma(&f, IOVA, true);
    dma(&f, UNMAPPED, false);
    stats = get(&f, "stats");
    list = qdict_get_qlist(qobject_to(QDict, stats), "requesters");
    g_assert_cmpuint(qlist_size(list), ==, 1);
    row = nyx_list_find(list, "sid", "00:04.0");
    g_assert_cmpint(qdict_get_int(row, "refused"), ==, 1);
    faults = qdict_get_qlist((QDict *)row, "faults");
    g_assert_cmpuint(qlist_size(faults), ==, 1);
    row = nyx_list_find(faults, "name", "host-not-present");
    g_assert_cmpstr(qdict_get_str(row, "reason"), ==, "0x2");
    g_assert_cmpint(qdict_get_int(row, "count"), ==, 1);
    /* It is among the IOMMU's as well. */
    row = nyx_list_find(qdict_get_qlist(qobject_to(QDict, stats), "faults"),
                        "name", "host-not-present");
    g_assert_cmpint(qdict_get_int(row, "count"), ==, 1);
    qobject_unref(stats);
    end(&f);
}

/* --- Registers ------------------------------------------------------------ */

static void check_register(const QList *list, const char *offset,
                           uint64_t value)
{
    const QDict *row = nyx_list_find(list, "offset", offset);
    g_autofree char *text = g_strdup_printf("0x%" PRIx64, value);

    g_assert_cmpstr(qdict_get_str(row, "value"), ==, text);
}

static void test_registers(void)
{
    Fixture f = start("");
    QObject *object = get(&f, "registers");
    const QList *list = qobject_to(QList, object);
    const QListEntry *entry;
    g_autofree char *devtab = NULL;
    uint64_t control;
    QDict *dict;

    /* Len 8; CmdBufEn, Coherent, EventLogEn, IommuEn */
    check_register(list, "0x0", f.v->devtab | 0x1ff);
    check_register(list, "0x8", f.v->commands | 8ull << 56);
    check_register(list, "0x18", 0x1405);
    check_register(list, "0x30", qamd_r64(f.v, QAMD_EFR));
    check_register(list, "0x2008", f.v->tail);
    qobject_unref(object);

    object = get(&f, "in-force");
    dict = qobject_to(QDict, object);
    g_assert_cmpstr(qdict_get_str(dict, "control"), ==, "0x1405");
    devtab = g_strdup_printf("0x%" PRIx64, f.v->devtab | 0x1ff);
    g_assert_cmpint(qlist_size(qdict_get_qlist(dict, "device-tables")), ==,
                    1);
    entry = qlist_first(qdict_get_qlist(dict, "device-tables"));
    g_assert_cmpstr(qstring_get_str(qobject_to(QString,
                                               qlist_entry_obj(entry))),
                    ==, devtab);
    g_assert_cmpint(qdict_get_int(dict, "translating"), ==, 1);
    g_assert_cmpint(qdict_get_int(dict, "remapping-interrupts"), ==, 1);
    g_assert_cmpint(qdict_get_int(dict, "command-buffer-halted"), ==, 0);
    g_assert_cmpint(qdict_get_int(dict, "event-log-stopped"), ==, 0);
    qobject_unref(object);

    /* An unknown command stops the engine. */
    g_assert_false(qamd_submit(f.v, 0xfull << 60, 0));
    control = qamd_r64(f.v, QAMD_CONTROL);
    qamd_w64(f.v, QAMD_CONTROL, control & ~QAMD_IOMMUEN);
    object = get(&f, "in-force");
    dict = qobject_to(QDict, object);
    g_assert_cmpint(qdict_get_int(dict, "translating"), ==, 0);
    g_assert_cmpint(qdict_get_int(dict, "remapping-interrupts"), ==, 0);
    g_assert_cmpint(qdict_get_int(dict, "command-buffer-halted"), ==, 1);
    qobject_unref(object);
    end(&f);
}

/* --- Tables --------------------------------------------------------------- */

/* What memory says of the function, whatever is cached. */
static void test_tables(void)
{
    Fixture f = start("");
    g_autofree char *page = g_strdup_printf("0x%" PRIx64, f.page);
    g_autofree char *root = g_strdup_printf("0x%" PRIx64, f.dom.root);
    uint64_t irt = qamd_irt(f.v, SID, 9, false);
    g_autofree char *table = g_strdup_printf("0x%" PRIx64, irt);
    const QDict *function, *mapping;
    QDict *interrupts;
    QObject *tables;
    QList *list;

    tables = get(&f, "tables");
    g_assert_true(qdict_get_bool(qobject_to(QDict, tables), "complete"));
    list = qdict_get_qlist(qobject_to(QDict, tables), "functions");
    function = nyx_list_find(list, "sid", "00:04.0");
    g_assert_false(qdict_haskey(function, "pasid"));
    g_assert_cmpint(qlist_size(qdict_get_qlist(function,
                                               "device-table-entry")), ==, 4);
    g_assert_cmpstr(qdict_get_str(function, "translation"), ==, "host");
    g_assert_cmpint(qdict_get_int(function, "domain"), ==, DID);
    g_assert_cmpstr(qdict_get_str(function, "access"), ==, "rw");
    g_assert_cmpstr(qdict_get_str(function, "host-root"), ==, root);
    g_assert_cmpint(qdict_get_int(function, "host-levels"), ==, 4);
    g_assert_false(qdict_haskey(function, "gcr3-root"));
    interrupts = qdict_get_qdict((QDict *)function, "interrupts");
    g_assert_cmpint(qdict_get_int(interrupts, "valid"), ==, 1);
    g_assert_cmpstr(qdict_get_str(interrupts, "control"), ==, "remap");
    g_assert_cmpstr(qdict_get_str(interrupts, "table"), ==, table);
    g_assert_cmpint(qdict_get_int(interrupts, "lg2"), ==, 9);
    list = qdict_get_qlist(function, "host-tables");
    g_assert_cmpint(qlist_size(list), ==, 1);
    mapping = nyx_list_find(list, "iova", "0x456789abc000");
    g_assert_cmpstr(qdict_get_str(mapping, "addr"), ==, page);
    g_assert_cmpint(qdict_get_int(mapping, "lg2"), ==, 12);
    g_assert_cmpstr(qdict_get_str(mapping, "access"), ==, "rw");
    /* The others have entries that say nothing. */
    function = nyx_list_find(qdict_get_qlist(qobject_to(QDict, tables),
                                             "functions"),
                             "translation", "pass-through");
    g_assert_false(qdict_haskey(function, "host-tables"));
    qobject_unref(tables);

    /* Reserved bit 2 of the entry */
    qamd_set_dte_word(f.v, SID, 0, qamd_dte_word(f.v, SID, 0) | 4);
    tables = get(&f, "tables");
    list = qdict_get_qlist(qobject_to(QDict, tables), "functions");
    function = nyx_list_find(list, "sid", "00:04.0");
    g_assert_cmpstr(qdict_get_str(function, "fault"), ==, "dte-reserved");
    g_assert_false(qdict_haskey(function, "host-tables"));
    qobject_unref(tables);
    end(&f);
}

/* The entry of a PASID, and the guest's tables for it */
static void test_tables_pasid(void)
{
    Fixture f = start_off(",guest-levels=4,glx=0,pasid-bits=9");
    uint64_t gcr3 = nyx_pc_pages(f.v->pc, 1);
    g_autofree char *entry = NULL;
    uint64_t table[4];
    const QDict *function;
    QObject *tables;
    QList *list;

    qamd_enable(f.v, QAMD_GTEN);
    for (unsigned i = 0; i < 4; i++) {
        table[i] = nyx_pc_pages(f.v->pc, 1);
    }
    /* PASID 3; P, R/W and U/S on each level; one page at address 0 */
    qtest_writeq(f.v->qts, gcr3 + 8 * 3, table[0] | 1);
    for (unsigned i = 0; i < 3; i++) {
        qtest_writeq(f.v->qts, table[i], table[i + 1] | 7);
    }
    qtest_writeq(f.v->qts, table[3], f.page | 7);
    /* 55 GV; the root in 60:58, 95:80 and 127:107 */
    qamd_dte(f.v, SID, QAMD_V_TV | QAMD_RW | 1ull << 55 |
             (gcr3 >> 12 & 7) << 58,
             DID | (gcr3 >> 15 & 0xffff) << 16 | (gcr3 >> 31) << 43, 0, 0);
    qamd_flush(f.v);
    tables = get(&f, "tables");
    list = qdict_get_qlist(qobject_to(QDict, tables), "functions");
    function = nyx_list_find(list, "sid", "00:04.0");
    g_assert_cmpstr(qdict_get_str(function, "translation"), ==, "identity");
    g_assert_cmpint(qdict_get_int(function, "gcr3-levels"), ==, 1);
    g_assert_cmpint(qdict_get_int(function, "guest-levels"), ==, 4);
    entry = g_strdup_printf("0x%" PRIx64, table[0] | 1);
    function = NULL;
    for (const QListEntry *at = qlist_first(list); at; at = qlist_next(at)) {
        const QDict *dict = qobject_to(QDict, qlist_entry_obj(at));

        if (qdict_haskey(dict, "pasid")) {
            g_assert_null(function);
            function = dict;
        }
    }
    g_assert_nonnull(function);
    g_assert_cmpint(qdict_get_int(function, "pasid"), ==, 3);
    g_assert_cmpstr(qdict_get_str(function, "gcr3-entry"), ==, entry);
    list = qdict_get_qlist(function, "guest-tables");
    g_assert_cmpint(qlist_size(list), ==, 1);
    nyx_list_find(list, "iova", "0x0");
    qobject_unref(tables);
    end(&f);
}

/* Before it is on nothing is told of any table. */
static void test_off(void)
{
    Fixture f = start_off("");
    QObject *tables = get(&f, "tables");

    g_assert_true(qlist_empty(qdict_get_qlist(qobject_to(QDict, tables),
                                              "functions")));
    qobject_unref(tables);
    end(&f);
}

/* --- The stream ----------------------------------------------------------- */

/* A machine with @args, as start() leaves it. */
static Fixture start_with(const char *args)
{
    Fixture f = {
        .v = qamd_start("-M q35 %s -device nyx-testdev,addr=4", args),
    };

    f.td = nyx_td_get(f.v->pc->pci, SID);
    f.page = nyx_pc_pages(f.v->pc, 1);
    qamd_enable(f.v, 0);
    f.dom = qamd_domain(f.v, DID, 4);
    qamd_map(f.v, &f.dom, IOVA, f.page, 12, QAMD_RW);
    qamd_attach(f.v, SID, &f.dom, 0);
    qamd_flush(f.v);
    return f;
}

/* The file once it has @lines of them; the caller frees it. */
static char *read_lines(QAmd *v, const char *path, unsigned lines)
{
    char *text = NULL;

    for (unsigned i = 0; i < NYX_POLLS; i++) {
        g_clear_pointer(&text, g_free);
        if (g_file_get_contents(path, &text, NULL, NULL) &&
            nyx_lines_with(text, "") >= lines) {
            break;
        }
        qamd_r64(v, QAMD_EFR);
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
    g_assert_cmpstr(qdict_get_str(dict, "device"), ==, "nyx-amdvi");
    for (unsigned i = 0; i < ARRAY_SIZE(strings); i++) {
        g_assert_cmpuint(strlen(qdict_get_str(dict, strings[i])), >, 0);
    }
    g_assert_cmpint(qdict_get_int(dict, "time_ns"), >=, 0);
    return dict;
}

/* In the order in which they are made; then eight, then each power of two. */
static void test_stream(void)
{
    static const char *const rules[] = {
        "amdvi.reg.unknown", "amdvi.fault.dma", "amdvi.cmd.wait-idle",
    };
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "findings", NULL);
    g_autofree char *args = g_strdup_printf(
        "-chardev file,id=log,path=%s -device nyx-amdvi,id=iommu,"
        "findings=log", path);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    Fixture f = start_with(args);
    QDict *dict;

    make_unknown(&f);
    dma(&f, UNMAPPED, false);
    make_wait_idle(&f);
    for (unsigned i = 1; i <= 10000; i++) {
        qamd_w64(f.v, QAMD_EFR, i);
    }
    text = read_lines(f.v, path, 21);
    g_assert_cmpuint(nyx_lines_with(text, ""), ==, 21);
    g_assert_cmpuint(nyx_lines_with(text, "amdvi.reg.read-only"), ==, 18);
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; i < ARRAY_SIZE(rules); i++) {
        dict = parse_line(lines[i]);
        g_assert_cmpstr(qdict_get_str(dict, "rule"), ==, rules[i]);
        g_assert_cmpint(qdict_get_int(dict, "count"), ==, 1);
        g_assert_cmpint(qdict_haskey(dict, "sid"), ==, i == 1);
        qobject_unref(dict);
    }
    dict = parse_line(lines[20]);
    g_assert_cmpint(qdict_get_int(dict, "count"), ==, 8192);
    g_assert_cmpstr(qdict_get_str(dict, "value"), ==, "0x2000");
    qobject_unref(dict);
    end(&f);
    nyx_tmp_free(dir);
}

/* --- Trace and log -------------------------------------------------------- */

/* What is in the log of a machine with @args, a write and a refused one. */
static char *log_of(const char *format)
{
    char *dir = nyx_tmp_new(), *text = NULL;
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autofree char *args = g_strdup_printf("%s -D %s "
                                            "-device nyx-amdvi,id=iommu",
                                            format, path);
    Fixture f = start_with(args);

    dma(&f, IOVA, true);
    dma(&f, UNMAPPED + 4, false);
    qamd_w64(f.v, QAMD_EFR, 0x1234);
    end(&f);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    nyx_tmp_free(dir);
    return text;
}

static void test_trace(void)
{
    static const char *const lines[] = {
        "nyx_amdvi_control_write control 0x1405 status 0x18",
        "nyx_amdvi_mode_change enabled 1 checked 1",
        "nyx_amdvi_translate sid 0x0020 iova 0x456789abc000 access 2 addr 0x",
        "nyx_amdvi_translate_err sid 0x0020 iova 0x80004 access 2",
        "nyx_amdvi_fault_report sid 0x0020 iova 0x80004 fault "
        "host-not-present (host entry not present) logged 1",
        "nyx_amdvi_command_run addr 0x",
        "lo 0x2020000700000020 hi 0x80004",
        "nyx_amdvi_finding_add rule amdvi.fault.dma sid 0x0020 addr 0x80004 ",
    };
    g_autofree char *all = g_strdup_printf("-plugin %s,trace=nyx_amdvi_*",
                                           nyx_pc_plugin());
    g_autofree char *some = g_strdup_printf(
        "-plugin %s,trace=nyx_amdvi_fault*", nyx_pc_plugin());
    g_autofree char *text = log_of(all), *less = log_of(some);

    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
        NYX_CHECK(lines[i], nyx_lines_with(text, lines[i]) > 0, 1);
    }
    NYX_CHECK("faults", nyx_lines_with(text, "nyx_amdvi_fault_report"), 1);
    NYX_CHECK("some", nyx_lines_with(less, "nyx_amdvi_fault_report"), 1);
    NYX_CHECK("some", nyx_lines_with(less, "nyx_"), 1);
}

static void test_guest_errors(void)
{
    g_autofree char *text = log_of("-d guest_errors");

    NYX_CHECK("DMA", nyx_lines_with(text, "nyx-amdvi: amdvi.fault.dma: DMA "
              "request refused (section 2.5, sid 0x0020, addr 0x80004, "), 1);
    NYX_CHECK("EFR", nyx_lines_with(text, "nyx-amdvi: amdvi.reg.read-only: "),
              1);
    NYX_CHECK("of any", nyx_lines_with(text, "nyx-amdvi"), 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/findings/" name, fn)
    ADD("guest-mistakes", test_guest_mistakes);
    ADD("each-mistake", test_each_mistake);
    ADD("stats", test_stats);
    ADD("stats-requester", test_stats_requester);
    ADD("registers", test_registers);
    ADD("tables", test_tables);
    ADD("tables-pasid", test_tables_pasid);
    ADD("off", test_off);
    ADD("stream", test_stream);
    ADD("trace", test_trace);
    ADD("guest-errors", test_guest_errors);
    return g_test_run();
}
