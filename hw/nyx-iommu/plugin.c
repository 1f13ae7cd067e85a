/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The entry points that QEMU's plugin loader calls: checks that the object
 * fits the QEMU it is in, takes the arguments, registers the devices.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-machine.h"
#include "qapi/qapi-commands-control.h"
#include "hw/i386/pc.h"
#include "hw/i386/x86-iommu.h"
#include "hw/nyx-iommu/compat.h"
#include "hw/nyx-iommu/dma-space.h"
#include "hw/nyx-iommu/props.h"
#include "hw/nyx-iommu/testdev.h"
#include "hw/nyx-iommu/version.h"
#include "hw/nyx-amdvi/amdvi.h"
#include "hw/nyx-vtd/vtd.h"
#include "hw/virtio-iommu-ext/viommu.h"
#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"
#include "trace/nyx-trace-groups.h"
#include "trace.h"
#include <malloc.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* The devices of this object. */
typedef struct NyxDevice {
    const char *type;
    void (*register_types)(void);
    bool x86;                /* only there; and -device needs a leave */
} NyxDevice;

static const NyxDevice devices[] = {
    { TYPE_NYX_VTD, nyx_vtd_register_types, true },
    { TYPE_NYX_AMDVI, nyx_amd_register_types, true },
    { TYPE_NYX_VIO_PCI, nyx_vio_register_types, false },
    { TYPE_NYX_TESTDEV, nyx_testdev_register_types, false },
};

/* Whether this QEMU is one for x86; the same object serves others. */
static bool on_x86(void)
{
    return object_class_by_name(TYPE_X86_IOMMU_DEVICE);
}

/* --- Does the object fit this QEMU? --------------------------------------- */

/* Structures of QEMU that we embed, derive from or look into. */
static const struct {
    const char *type;
    size_t size;
} layouts[] = {
    { TYPE_X86_IOMMU_DEVICE, sizeof(X86IOMMUState) },
    { TYPE_IOMMU_MEMORY_REGION, sizeof(IOMMUMemoryRegion) },
    { TYPE_MEMORY_REGION, sizeof(MemoryRegion) },
    { TYPE_PCI_DEVICE, sizeof(PCIDevice) },
    { TYPE_SYS_BUS_DEVICE, sizeof(SysBusDevice) },
    { TYPE_VIRTIO_DEVICE, sizeof(VirtIODevice) },
    { TYPE_VIRTIO_PCI, sizeof(VirtIOPCIProxy) },
};

#define PROBE_FILL 0xa5
#define PROBE_SIZE 65536

/* Nobody is to create one with -device. */
static void probe_class_init(ObjectClass *oc, NyxClassData *data)
{
    DeviceClass *dc = (DeviceClass *)object_class_dynamic_cast(oc,
                                                               TYPE_DEVICE);

    if (dc) {
        dc->user_creatable = false;
    }
}

/*
 * Size of an instance of @type in the QEMU that runs.  There is no call for
 * it, but a type that states no size of its own has its parent's, and
 * initializing an object clears exactly that many bytes.
 */
static size_t running_size(const char *type)
{
    g_autofree char *probe = g_strdup_printf("nyx-probe-%s", type);
    g_autofree uint8_t *buffer = g_malloc(PROBE_SIZE);
    /* Something that QEMU insists on in PCI devices. */
    InterfaceInfo conventional[] = {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    };
    const TypeInfo info = {
        .name = probe,
        .parent = type,
        .class_init = probe_class_init,
        .interfaces = conventional,
    };
    size_t size = PROBE_SIZE;

    type_register_static(&info);
    memset(buffer, PROBE_FILL, PROBE_SIZE);
    object_initialize(buffer, PROBE_SIZE, probe);
    while (size && buffer[size - 1] == PROBE_FILL) {
        size--;
    }
    object_unref(OBJECT(buffer));
    return size;
}

/* The machine exists already: its allocation tells, to a few bytes. */
static bool machine_fits(void)
{
    g_autofree void *ours = g_malloc(sizeof(PCMachineState));
    Object *machine = object_dynamic_cast(qdev_get_machine(),
                                          TYPE_PC_MACHINE);

    return !machine ||
           malloc_usable_size(machine) == malloc_usable_size(ours);
}

/* One of QEMU's own descriptions, with an array of 8 in it; not in all. */
extern const VMStateDescription vmstate_usb_device __attribute__((weak));

/* Micro releases have been seen to differ here. */
static bool vmstate_fits(void)
{
    const VMStateField *field = &vmstate_usb_device
                                ? vmstate_usb_device.fields : NULL;

    if (!field) {
        return true;
    }
    for (unsigned i = 0; i < 8 && field->name; i++, field++) {
        if (!strcmp(field->name, "setup_buf")) {
            return field->num == 8 && field->size == 1 &&
                   (field->flags & VMS_ARRAY);
        }
    }
    return false;
}

static bool layouts_fit(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
        const char *type = layouts[i].type;

        if (!on_x86() && !strcmp(type, TYPE_X86_IOMMU_DEVICE)) {
            continue;
        }
        if (!object_class_by_name(type) ||
            running_size(type) != layouts[i].size) {
            return false;
        }
    }
    return machine_fits() && vmstate_fits();
}

/* The same major.minor and the same layouts: the micro may differ. */
static bool fits(void)
{
    g_autoptr(VersionInfo) qemu = qmp_query_version(NULL);
    const VersionTriple *running = qemu->qemu;
    bool same_minor = running->major == QEMU_VERSION_MAJOR &&
                      running->minor == QEMU_VERSION_MINOR;

    if (same_minor && layouts_fit()) {
        return true;
    }
    error_report("nyx-iommu.so was built for QEMU %s, this is %" PRId64
                 ".%" PRId64 ".%" PRId64 ": rebuild it with scripts/setup.sh "
                 "&& meson setup --reconfigure build && ninja -C build",
                 QEMU_VERSION, running->major, running->minor,
                 running->micro);
    return false;
}

/* --- Arguments ------------------------------------------------------------ */

static void print_devices(void)
{
    printf("Nyx IOMMU devices:\n");
    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
        ObjectClass *oc = object_class_by_name(devices[i].type);

        if (oc) {
            printf("name \"%s\", desc \"%s\"\n", devices[i].type,
                   DEVICE_CLASS(oc)->desc);
        }
    }
}

static bool print_options(const char *type)
{
    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
        if (!strcmp(type, devices[i].type) && object_class_by_name(type)) {
            printf("%s options:\n", type);
            nyx_print_properties(type);
            return true;
        }
    }
    error_report("nyx-iommu.so: help=%s: no such device", type);
    return false;
}

static bool arg_help(const char *value)
{
    if (strcmp(value, "on")) {
        if (!print_options(value)) {
            return false;
        }
        exit(0);
    }
    printf("Nyx IOMMU %s for QEMU %s\n"
           "Plugin arguments (-plugin nyx-iommu.so,NAME=VALUE):\n"
           "  help                print this\n"
           "  help=DEVICE         print the options of a device\n"
           "  trace=PATTERN       enable trace events, for example "
           "trace=nyx_vtd_*\n", nyx_version(), QEMU_VERSION);
    print_devices();
    exit(0);
}

/* QEMU parses its own -trace before it loads us: such patterns are lost. */
static bool arg_trace(const char *value)
{
    trace_enable_events(value);
    return true;
}

static const struct {
    const char *name;
    bool (*take)(const char *value);
} arguments[] = {
    { "help", arg_help },
    { "trace", arg_trace },
};

static bool take_argument(const char *arg)
{
    const char *equals = strchr(arg, '=');
    size_t len = equals ? equals - arg : strlen(arg);

    for (unsigned i = 0; i < ARRAY_SIZE(arguments); i++) {
        if (len == strlen(arguments[i].name) &&
            !strncmp(arg, arguments[i].name, len)) {
            return arguments[i].take(equals ? equals + 1 : "on");
        }
    }
    error_report("nyx-iommu.so: no argument \"%.*s\": known are help, "
                 "help=DEVICE and trace=PATTERN", (int)len, arg);
    return false;
}

/* -------------------------------------------------------------------------- */

static void register_devices(void)
{
    MachineClass *mc = MACHINE_GET_CLASS(qdev_get_machine());

    nyx_dma_space_register_types();
    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
        if (devices[i].x86 && !on_x86()) {
            continue;
        }
        devices[i].register_types();
        if (devices[i].x86) {
            machine_class_allow_dynamic_sysbus_dev(mc, devices[i].type);
        }
    }
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
                                           const qemu_info_t *info,
                                           int argc, char **argv)
{
    if (!fits()) {
        return -1;
    }
#define REGISTER(group) trace_event_register_group(group);
    NYX_TRACE_GROUPS(REGISTER)
#undef REGISTER
    register_devices();
    for (int i = 0; i < argc; i++) {
        if (!take_argument(argv[i])) {
            return -1;
        }
    }
    trace_nyx_iommu_plugin_load(QEMU_VERSION);
    return 0;
}
