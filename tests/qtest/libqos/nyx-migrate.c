/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines on the move: see nyx-migrate.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-pc.h"
#include "qapi/error.h"
#include "qobject/qjson.h"

void nyx_migrate_wait(QTestState *qts)
{
    for (unsigned i = 0; i < NYX_POLLS; i++) {
        QDict *rsp = qtest_qmp(qts, "{ 'execute': 'query-migrate' }");
        const char *status = qdict_get_try_str(qdict_get_qdict(rsp, "return"),
                                               "status");
        bool done = !g_strcmp0(status, "completed");

        g_assert_cmpstr(status, !=, "failed");
        qobject_unref(rsp);
        if (done) {
            return;
        }
        g_usleep(100);
    }
    g_assert_not_reached();
}

void nyx_migrate_to(QTestState *qts, const char *path)
{
    g_autofree char *uri = g_strdup_printf("file:%s", path);

    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate', 'arguments': "
                             "{ 'uri': %s } }", uri);
    nyx_migrate_wait(qts);
}

/* blockdev-create and blockdev-add, for there may be no qemu-img. */
static void create_image(QTestState *qts, const char *options)
{
    QDict *rsp = NULL;
    bool done = false;

    qtest_qmp_assert_success(qts, "{ 'execute': 'blockdev-create', "
                             "'arguments': { 'job-id': 'create', "
                             "'options': %p } }",
                             qobject_from_json(options, &error_abort));
    for (unsigned i = 0; !done && i < NYX_POLLS; i++) {
        const QListEntry *job;

        rsp = qtest_qmp(qts, "{ 'execute': 'query-jobs' }");
        job = qlist_first(qdict_get_qlist(rsp, "return"));
        done = !strcmp(qdict_get_str(qobject_to(QDict, qlist_entry_obj(job)),
                                     "status"), "concluded");
        qobject_unref(rsp);
    }
    g_assert_true(done);
    qtest_qmp_assert_success(qts, "{ 'execute': 'job-dismiss', "
                             "'arguments': { 'id': 'create' } }");
}

void nyx_snapshot_disk(QTestState *qts, const char *path)
{
    g_autofree char *file = g_strdup_printf("{ 'driver': 'file', 'size': 0, "
                                            "'filename': '%s' }", path);

    create_image(qts, file);
    qtest_qmp_assert_success(qts, "{ 'execute': 'blockdev-add', 'arguments': "
                             "{ 'driver': 'file', 'node-name': 'file', "
                             "'filename': %s } }", path);
    create_image(qts, "{ 'driver': 'qcow2', 'file': 'file', "
                 "'size': 1048576 }");
    qtest_qmp_assert_success(qts, "{ 'execute': 'blockdev-add', 'arguments': "
                             "{ 'driver': 'qcow2', 'node-name': 'disk', "
                             "'file': 'file' } }");
}

void nyx_hmp_in_silence(QTestState *qts, const char *command)
{
    g_autofree char *said = qtest_hmp(qts, "%s", command);

    g_assert_cmpstr(said, ==, "");
}
