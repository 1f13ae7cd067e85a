/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nyx-amdvi tells about itself and its guest: the properties.
 */
#include "qemu/osdep.h"
#include "nyx-amdvi-fixture.h"
#include "qobject/qstring.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/findings/" name, fn)
    ADD("guest-mistakes", test_guest_mistakes);
    ADD("stats", test_stats);
    ADD("stats-requester", test_stats_requester);
    ADD("registers", test_registers);
    ADD("tables", test_tables);
    ADD("tables-pasid", test_tables_pasid);
    ADD("off", test_off);
    return g_test_run();
}
