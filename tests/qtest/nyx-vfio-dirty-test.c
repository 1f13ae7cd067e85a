/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dirty pages of devices of the host: VFIO asks an IOMMU region for all of its
 * mappings, by a notifier that is not registered, and takes the address of an
 * UNMAP for the memory that was written to.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-vfio.h"

#define IOVA    0x40000000ull
#define HIGH    0x100000000ull
#define TWO_MIB (2 * NYX_MIB)

/* --- The question --------------------------------------------------------- */

/* The answer is what was announced, and nobody hears of the question. */
static void check_sync(NyxVfio *v, unsigned i, const char *row,
                       unsigned mappings)
{
    NyxTestdev *td = &v->td[i];
    g_autofree NyxTdMapping *told = g_new0(NyxTdMapping, mappings + 1);

    for (unsigned n = 0; n < NYX_VFIO_TDS; n++) {
        nyx_vfio_events(v, n);
    }
    for (unsigned n = 0; n <= mappings; n++) {
        told[n] = nyx_td_shadow_at(td, n);
    }
    NYX_CHECK(row, nyx_td_sync_begin(td), mappings);
    NYX_CHECK(row, nyx_td_r32(td, NYX_TD_SHADOW_COUNT), mappings);
    for (unsigned n = 0; n <= mappings; n++) {
        NyxTdMapping seen = nyx_td_shadow_at(td, n);

        NYX_CHECK(row, seen.iova, told[n].iova);
        NYX_CHECK(row, seen.len, told[n].len);
        NYX_CHECK(row, seen.addr, told[n].addr);
        NYX_CHECK(row, seen.perm, told[n].perm);
    }
    nyx_td_sync_end(td);
    NYX_CHECK(row, nyx_td_r32(td, NYX_TD_SYNC_ERRORS), 0);
    for (unsigned n = 0; n < NYX_VFIO_TDS; n++) {
        NyxVfioEvents events = nyx_vfio_events(v, n);

        NYX_CHECK(row, events.maps, 0);
        NYX_CHECK(row, events.unmaps, 0);
    }
}

static void test_mappings(gconstpointer model)
{
    for (unsigned coalesce = 0; coalesce < 2; coalesce++) {
        NyxVfio v = nyx_vfio_listen(model, coalesce ? "" : ",coalesce=off");
        bool requests = !v.model->tables;

        v.model->attach(&v, NYX_VFIO_SID(1), NYX_DOM_A);
        nyx_vfio_follow(&v, 1);
        check_sync(&v, 0, "nothing", 0);
        nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, NYX_PAGE, 12);
        check_sync(&v, 0, "page", 1);
        nyx_vfio_map(&v, NYX_DOM_A, IOVA + NYX_MIB, v.ram, 16 * NYX_PAGE, 12);
        check_sync(&v, 0, "run", coalesce || requests ? 2 : 17);
        nyx_vfio_map(&v, NYX_DOM_A, IOVA + TWO_MIB, v.ram, TWO_MIB, 21);
        check_sync(&v, 0, "leaf", coalesce || requests ? 3 : 18);
        /* On both sides of the interrupt range: two notifiers. */
        nyx_vfio_map(&v, NYX_DOM_A, 0xfedff000, v.ram, NYX_PAGE, 12);
        nyx_vfio_map(&v, NYX_DOM_A, 0xfef00000, v.ram, NYX_PAGE, 12);
        nyx_vfio_map(&v, NYX_DOM_A, HIGH, v.ram, TWO_MIB, 21);
        check_sync(&v, 0, "around", coalesce || requests ? 6 : 21);
        check_sync(&v, 1, "another device", coalesce || requests ? 6 : 21);
        nyx_vfio_unmap(&v, NYX_DOM_A, IOVA + TWO_MIB, TWO_MIB, 21);
        check_sync(&v, 0, "gone", coalesce || requests ? 5 : 20);
        nyx_vfio_end(&v);
    }
}

/* A block of which a page is gone. */
static void test_split(gconstpointer model)
{
    NyxVfio v = nyx_vfio_start(model, "", "", "");

    for (unsigned i = 0; i < 512; i++) {
        v.model->map(&v, NYX_DOM_A, IOVA + i * NYX_PAGE, v.ram + i * NYX_PAGE,
                     NYX_PAGE, 12, 3);
    }
    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    nyx_vfio_follow(&v, 0);
    check_sync(&v, 0, "one", 1);
    nyx_vfio_unmap(&v, NYX_DOM_A, IOVA, NYX_PAGE, 12);
    check_sync(&v, 0, "split", 9);
    nyx_vfio_end(&v);
}

/* Read only, write only. */
static void test_rights(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");

    for (unsigned rw = 1; rw <= 3; rw++) {
        uint64_t iova = IOVA + rw * NYX_PAGE;

        v.model->map(&v, NYX_DOM_A, iova, v.ram, NYX_PAGE, 12, rw);
        v.model->flush(&v, NYX_DOM_A, iova, 12);
        NYX_CHECK("told", nyx_td_shadow_find(&v.td[0], iova).perm, rw);
    }
    check_sync(&v, 0, "rights", 3);
    nyx_vfio_end(&v);
}

/* What is not RAM was never announced, and is not answered. */
static void test_not_ram(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");

    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.td[1].bar & ~0xfffull, NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, IOVA + TWO_MIB, NYX_PC_RAM - NYX_PAGE,
                 NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, IOVA + TWO_MIB + NYX_PAGE, NYX_PC_RAM,
                 NYX_PAGE, 12);
    check_sync(&v, 0, "RAM", 1);
    nyx_vfio_end(&v);
}

/* Wherever the device is. */
static void test_states(gconstpointer model)
{
    const uint16_t sid = NYX_VFIO_SID(0);
    NyxVfio v = nyx_vfio_listen(model, "");

    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, NYX_PAGE, 12);
    for (unsigned i = 0; i < 3; i++) {
        nyx_vfio_map(&v, NYX_DOM_B, IOVA + 2 * i * NYX_PAGE, v.ram, NYX_PAGE,
                     12);
    }
    v.model->attach(&v, sid, NYX_DOM_B);
    check_sync(&v, 0, "B", 3);
    v.model->block(&v, sid);
    check_sync(&v, 0, "blocked", 0);
    v.model->pass(&v, sid);
    NYX_CHECK("pass-through", nyx_vfio_direct(&v, 0), true);
    check_sync(&v, 0, "pass-through", 0);
    v.model->attach(&v, sid, NYX_DOM_A);
    check_sync(&v, 0, "A", 1);
    if (v.model->switchable) {
        v.model->translate(&v, false);
        NYX_CHECK("off", nyx_vfio_direct(&v, 0), true);
        check_sync(&v, 0, "off", 0);
        v.model->translate(&v, true);
        check_sync(&v, 0, "on", 1);
    }
    nyx_vfio_end(&v);
}

/* Nobody is told of its mappings, and it is asked all the same. */
static void test_nobody_registered(gconstpointer model)
{
    NyxVfio v = nyx_vfio_start(model, "", "", "");
    NyxTestdev *td = &v.td[0];

    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, 16 * NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, HIGH, v.ram, TWO_MIB, 21);
    NYX_CHECK("listens", nyx_td_notify(td, NYX_TD_NOTIFY_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    NYX_CHECK("answers", nyx_td_sync_begin(td), 2);
    NYX_CHECK("run", nyx_td_shadow_find(td, IOVA).len, 16 * NYX_PAGE);
    NYX_CHECK("run", nyx_td_shadow_find(td, IOVA).addr, v.ram);
    NYX_CHECK("leaf", nyx_td_shadow_find(td, HIGH).len, TWO_MIB);
    nyx_td_sync_end(td);
    NYX_CHECK("errors", nyx_td_r32(td, NYX_TD_SYNC_ERRORS), 0);
    /* It leaves nothing behind. */
    NYX_CHECK("mappings", nyx_vfio_stat(&v, "announced.mappings"), 0);
    v.model->block(&v, NYX_VFIO_SID(0));
    NYX_CHECK("blocked", nyx_td_sync_begin(td), 0);
    nyx_td_sync_end(td);
    nyx_vfio_end(&v);
}

/* --- Migration ------------------------------------------------------------ */

/*
 * What a device wrote behind QEMU's back when all memory had been sent: in
 * each way that the page can be found by, or can get lost.
 */
enum { STAYS, UNMAPPED, IN_RANGE, SWITCHED, PASSED, DIRECT, LEFT, OFF, PAGES };

static uint64_t page_of(const NyxVfio *v, unsigned which)
{
    /* Far from each other, so that none is sent for another's sake. */
    return v->ram + which * 64 * NYX_PAGE;
}

static void host_write(NyxVfio *v, unsigned i, uint64_t iova, unsigned which)
{
    NYX_CHECK("host", nyx_td_host_writel(&v->td[i], iova + 4, 0xd1127000 +
                                         which), NYX_TD_ST_OK);
    NYX_CHECK("host", qtest_readl(v->qts, page_of(v, which) + 4),
              0xd1127000 + which);
}

/* RAM is sent from low to high: what takes the time is at its end. */
#define TAIL    (16 * NYX_MIB)

static uint64_t remaining(QTestState *qts)
{
    QDict *rsp = qtest_qmp(qts, "{ 'execute': 'query-migrate' }");
    QDict *info = qdict_get_qdict(rsp, "return");
    QDict *ram = qdict_get_qdict(info, "ram");
    uint64_t bytes = ram ? qdict_get_int(ram, "remaining") : UINT64_MAX;

    g_assert_cmpstr(qdict_get_try_str(info, "status"), !=, "failed");
    g_assert_cmpstr(qdict_get_try_str(info, "status"), !=, "completed");
    qobject_unref(rsp);
    return bytes ?: UINT64_MAX;
}

static void set_speed(NyxVfio *v, uint64_t bytes)
{
    qtest_qmp_assert_success(v->qts, "{ 'execute': 'migrate-set-parameters', "
                             "'arguments': { 'max-bandwidth': %" PRIu64
                             " } }", bytes);
}

/* Returns when all but the tail has been sent, which takes its time. */
static void migrate_begin(NyxVfio *v, const char *path)
{
    g_autofree char *uri = g_strdup_printf("file:%s", path);
    unsigned polls = 0;

    qtest_memset(v->qts, NYX_PC_RAM - TAIL, 0xa5, TAIL);
    set_speed(v, NYX_MIB);
    qtest_qmp_assert_success(v->qts, "{ 'execute': 'migrate', 'arguments': "
                             "{ 'uri': %s } }", uri);
    while (remaining(v->qts) > TAIL) {
        g_assert_cmpuint(polls++, <, NYX_POLLS);
        g_usleep(1000);
    }
}

static void write_pages(NyxVfio *v)
{
    const uint16_t sid = NYX_VFIO_SID(0);

    host_write(v, 0, IOVA + NYX_PAGE, UNMAPPED);
    nyx_vfio_unmap(v, NYX_DOM_A, IOVA + NYX_PAGE, NYX_PAGE, 12);
    /* Two mappings that go under one invalidation. */
    host_write(v, 0, IOVA + TWO_MIB + 2 * NYX_PAGE, IN_RANGE);
    nyx_vfio_unmap(v, NYX_DOM_A, IOVA + TWO_MIB, 2 * TWO_MIB, 21);

    host_write(v, 1, IOVA, SWITCHED);
    v->model->attach(v, NYX_VFIO_SID(1), NYX_DOM_A);
    v->model->attach(v, NYX_VFIO_SID(1), NYX_DOM_B);
    host_write(v, 1, IOVA + NYX_PAGE, PASSED);
    v->model->pass(v, NYX_VFIO_SID(1));

    host_write(v, 2, page_of(v, DIRECT), DIRECT);
    host_write(v, 3, page_of(v, LEFT), LEFT);
    v->model->attach(v, NYX_VFIO_SID(3), NYX_DOM_B);
    if (v->model->switchable) {
        host_write(v, 0, IOVA + 2 * NYX_PAGE, OFF);
        v->model->translate(v, false);
        v->model->translate(v, true);
    } else {
        host_write(v, 0, IOVA + 2 * NYX_PAGE, OFF);
        v->model->block(v, sid);
        v->model->attach(v, sid, NYX_DOM_A);
    }
    host_write(v, 0, IOVA, STAYS);
}

static void check_arrived(NyxVfio *v, const char *path)
{
    g_autofree char *more = g_strdup_printf(" -incoming file:%s", path);
    NyxPc *to = nyx_vfio_machine(v->model, "", "", more);

    nyx_migrate_wait(to->qts);
    for (unsigned i = 0; i < PAGES; i++) {
        g_autofree char *row = g_strdup_printf("page %u", i);

        NYX_CHECK(row, qtest_readl(to->qts, page_of(v, i) + 4),
                  0xd1127000 + i);
    }
    nyx_pc_end(to);
}

static void test_migration(gconstpointer data)
{
    const NyxVfioModel *model = data;
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    NyxVfio v = nyx_vfio_start(model, "", "", "");

    nyx_vfio_map(&v, NYX_DOM_A, IOVA, page_of(&v, STAYS), NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, IOVA + NYX_PAGE, page_of(&v, UNMAPPED),
                 NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, IOVA + 2 * NYX_PAGE, page_of(&v, OFF),
                 NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, IOVA + TWO_MIB, v.ram, NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, IOVA + TWO_MIB + 2 * NYX_PAGE,
                 page_of(&v, IN_RANGE), NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_B, IOVA, page_of(&v, SWITCHED), NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_B, IOVA + NYX_PAGE, page_of(&v, PASSED),
                 NYX_PAGE, 12);
    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    v.model->attach(&v, NYX_VFIO_SID(1), NYX_DOM_B);
    for (unsigned i = 0; i < 4; i++) {
        nyx_vfio_follow(&v, i);
    }
    v.model->pass(&v, NYX_VFIO_SID(2));
    v.model->pass(&v, NYX_VFIO_SID(3));
    migrate_begin(&v, path);
    write_pages(&v);
    for (unsigned i = 0; i < NYX_VFIO_TDS; i++) {
        NYX_CHECK("lost", nyx_td_r32(&v.td[i], NYX_TD_DIRTY_LOST), 0);
    }
    /* It is not over yet. */
    remaining(v.qts);
    set_speed(&v, NYX_GIB);
    nyx_migrate_wait(v.qts);
    check_arrived(&v, path);
    nyx_vfio_end(&v);
    nyx_tmp_free(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) nyx_vfio_add("dirty", name, fn)
    ADD("mappings", test_mappings);
    ADD("split", test_split);
    ADD("rights", test_rights);
    ADD("not-ram", test_not_ram);
    ADD("states", test_states);
    ADD("nobody-registered", test_nobody_registered);
    ADD("migration", test_migration);
    return g_test_run();
}
