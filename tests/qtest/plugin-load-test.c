/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module loads into the stock QEMU, which then works as it did before. */

#include "qemu/osdep.h"
#include "libqtest.h"

/* The first instruction after reset is a jump: far (EAh) in SeaBIOS. */
#define RESET_VECTOR    0xfffffff0
#define JMP_FAR         0xea

#define RAM_ADDRESS     0x100000

/*
 * Debian's QEMU has no qtest accelerator. libqtest appends "-accel qtest",
 * but the first one that works is taken; -S keeps the CPU from running.
 */
static QTestState *qemu_with_plugin(void)
{
    const char *plugin = getenv("NYX_PLUGIN");

    g_assert_nonnull(plugin);
    return qtest_initf("-M q35 -accel tcg -S -plugin %s", plugin);
}

static void test_memory(void)
{
    QTestState *qts = qemu_with_plugin();

    g_assert_cmphex(qtest_readb(qts, RESET_VECTOR), ==, JMP_FAR);
    qtest_writel(qts, RAM_ADDRESS, 0x12345678);
    g_assert_cmphex(qtest_readl(qts, RAM_ADDRESS), ==, 0x12345678);
    qtest_quit(qts);
}

/* A group that the plugin registered is known by name. */
static void test_trace_events(void)
{
    QTestState *qts = qemu_with_plugin();
    QDict *rsp;

    rsp = qtest_qmp(qts, "{ 'execute': 'trace-event-get-state',"
                    "  'arguments': { 'name': 'nyx_iommu_plugin_load' } }");
    g_assert_true(qdict_haskey(rsp, "return"));
    qobject_unref(rsp);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/plugin/memory", test_memory);
    qtest_add_func("/nyx/plugin/trace-events", test_trace_events);
    return g_test_run();
}
