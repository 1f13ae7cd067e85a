/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entry points that QEMU's plugin loader calls. */

#include "qemu/osdep.h"
#include "qemu/qemu-plugin.h"
#include "hw/nyx-iommu/version.h"
#include "trace/nyx-trace-groups.h"
#include "testdev.h"
#include "trace.h"

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* -plugin nyx-iommu.so,help=WHAT: the wrapper's way to ask what there is. */
static void plugin_help(const char *what)
{
    printf("Nyx IOMMU %s: no device \"%s\"\n", nyx_version(), what);
    exit(0);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
                                           const qemu_info_t *info,
                                           int argc, char **argv)
{
    const char *what;

    for (int i = 0; i < argc; i++) {
        if (g_str_has_prefix(argv[i], "help=")) {
            what = argv[i] + strlen("help=");
            plugin_help(what);
        }
    }

#define REGISTER(group) trace_event_register_group(group);
    NYX_TRACE_GROUPS(REGISTER)
#undef REGISTER

    nyx_testdev_register_types();
    trace_nyx_iommu_plugin_load(QEMU_VERSION);
    return 0;
}
