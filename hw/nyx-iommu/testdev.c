/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-testdev, the PCI function that exercises an IOMMU: PCI capabilities,
 * interrupts, properties, reset and migration.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/error-report.h"
#include "qemu/host-utils.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "system/system.h"
#include "testdev.h"

#define PASID_WIDTH 20
#define MAX_VECTORS 32
#define MAX_SHADOW (1u << 20)

/* Ways out of the device */

NyxTestdevPort nyx_testdev_port(NyxTestdevState *s, uint32_t attr)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    NyxTestdevPort port = {
        .as = &pdev->bus_master_as,
        .master = &s->master,
        .atc = &s->atc,
        .pci = s->pci_calls ? pdev : NULL,
    };

    if (pci_get_bus(pdev)) {
        port.who = nyx_requester_resolve(pdev);
    }
    if (attr & NYX_TD_ATTR_NO_RID) {
        port.attrs = MEMTXATTRS_UNSPECIFIED;
    } else {
        port.attrs.requester_id = pci_requester_id(pdev);
    }
    return port;
}

uint32_t nyx_testdev_irq(NyxTestdevState *s, uint32_t vector)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    if (!DEVICE(s)->realized) {
        return NYX_TD_ST_DISABLED;
    }
    if (msix_enabled(pdev)) {
        if (vector >= pdev->msix_entries_nr) {
            return NYX_TD_ST_BAD_VECTOR;
        }
        nyx_testdev_reg_inc(s, NYX_TD_IRQ_COUNT);
        msix_notify(pdev, vector);
        return NYX_TD_ST_OK;
    }
    if (msi_enabled(pdev)) {
        if (vector >= msi_nr_vectors_allocated(pdev)) {
            return NYX_TD_ST_BAD_VECTOR;
        }
        nyx_testdev_reg_inc(s, NYX_TD_IRQ_COUNT);
        msi_notify(pdev, vector);
        return NYX_TD_ST_OK;
    }
    return NYX_TD_ST_DISABLED;
}

/* Reset and configuration space */

static void update_master(NyxTestdevState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    qatomic_set(&s->master, !!(pci_get_word(pdev->config + PCI_COMMAND) &
                               PCI_COMMAND_MASTER));
}

static void nyx_testdev_reset(DeviceState *dev)
{
    NyxTestdevState *s = NYX_TESTDEV(dev);
    PCIDevice *pdev = PCI_DEVICE(dev);

    if (pdev->exp.ats_cap) {
        pci_set_word(pdev->config + pdev->exp.ats_cap + PCI_ATS_CTRL, 0);
    }
    if (s->pasid_cap) {
        pci_set_word(pdev->config + s->pasid_cap + PCI_PASID_CTRL, 0);
    }
    nyx_testdev_mmio_reset(s);
    nyx_testdev_pri_config_reset(s);
    update_master(s);
}

static void nyx_testdev_config_write(PCIDevice *pdev, uint32_t addr,
                                     uint32_t value, int len)
{
    pci_default_write_config(pdev, addr, value, len);
    if (pdev->exp.exp_cap) {
        pcie_cap_flr_write_config(pdev, addr, value, len);
    }
    nyx_testdev_pri_config_written(NYX_TESTDEV(pdev));
    update_master(NYX_TESTDEV(pdev));
}

/* Realize */

static void add_pasid_capability(NyxTestdevState *s, uint16_t offset)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    pcie_add_capability(pdev, PCI_EXT_CAP_ID_PASID, 1, offset,
                        PCI_EXT_CAP_PASID_SIZEOF);
    pci_set_word(pdev->config + offset + PCI_PASID_CAP,
                 PASID_WIDTH << ctz32(PCI_PASID_CAP_WIDTH) |
                 PCI_PASID_CAP_EXEC | PCI_PASID_CAP_PRIV);
    pci_set_word(pdev->wmask + offset + PCI_PASID_CTRL,
                 PCI_PASID_CTRL_ENABLE | PCI_PASID_CTRL_EXEC |
                 PCI_PASID_CTRL_PRIV);
    s->pasid_cap = offset;
#ifdef NYX_PCI_HAS_ATS
    pdev->exp.pasid_cap = offset;
#endif
}

static bool realize_express(NyxTestdevState *s, Error **errp)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    uint16_t offset = PCI_CONFIG_SPACE_SIZE;

    if (!pci_bus_is_express(pci_get_bus(pdev))) {
        return true;
    }
    if (pcie_endpoint_cap_init(pdev, 0) < 0) {
        error_setg(errp, "nyx-testdev: no room for the PCI Express capability");
        return false;
    }
    pcie_cap_flr_init(pdev);
    if (s->ats) {
        pcie_ats_init(pdev, offset, true);
        offset += PCI_EXT_CAP_ATS_SIZEOF;
    }
    if (s->pasid) {
        add_pasid_capability(s, offset);
        offset += PCI_EXT_CAP_PASID_SIZEOF;
    }
    if (s->with_pri && s->ats) {
        nyx_testdev_pri_add_capability(s, offset);
    }
    return true;
}

static bool realize_interrupts(NyxTestdevState *s, Error **errp)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    if (s->msi &&
        msi_init(pdev, 0, pow2ceil(s->vectors), true, true, errp) < 0) {
        error_append_hint(errp, "Try nyx-testdev with msi=off,msix=off.\n");
        return false;
    }
    if (!s->msix) {
        return true;
    }
    if (msix_init_exclusive_bar(pdev, s->vectors, NYX_TD_MSIX_BAR, errp) < 0) {
        return false;
    }
    for (unsigned i = 0; i < s->vectors; i++) {
        msix_vector_use(pdev, i);
    }
    return true;
}

static void uninit_interrupts(NyxTestdevState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    if (s->msix) {
        msix_uninit_exclusive_bar(pdev);
    }
    msi_uninit(pdev);
    if (pdev->exp.exp_cap) {
        pcie_cap_exit(pdev);
    }
}

static bool check_properties(const NyxTestdevState *s, Error **errp)
{
    if (!s->vectors || s->vectors > MAX_VECTORS) {
        error_setg(errp, "nyx-testdev: vectors must be 1 to %d", MAX_VECTORS);
        return false;
    }
    if (!s->shadow_max || s->shadow_max > MAX_SHADOW) {
        error_setg(errp, "nyx-testdev: shadow-max must be 1 to %u",
                   MAX_SHADOW);
        return false;
    }
    if (s->notify_reset > NYX_TD_NOTIFY_ALL ||
        (s->notify_reset & (NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP)) ==
        NYX_TD_NOTIFY_MAP) {
        error_setg(errp, "nyx-testdev: notify must be 0 to 7, and MAP (1) "
                   "goes only together with UNMAP (2)");
        return false;
    }
    return true;
}

/* Threads may write to guest memory only while the machine runs. */
static void vm_state_changed(void *opaque, bool running, RunState state)
{
    if (!running) {
        nyx_testdev_run_cancel(opaque, false);
    }
}

static void process_exits(Notifier *notifier, void *data)
{
    nyx_testdev_run_quiesce(container_of(notifier, NyxTestdevState,
                                         exit_notifier));
}

static void nyx_testdev_exit(PCIDevice *pdev)
{
    NyxTestdevState *s = NYX_TESTDEV(pdev);

    nyx_testdev_run_cancel(s, true);
    if (s->pci_calls) {
        nyx_testdev_pci_exit(s);
    } else {
        nyx_endpoint_unregister(pdev);
    }
    nyx_testdev_notify_stop(s);
    nyx_testdev_dirty_exit(s);
    nyx_testdev_mmio_exit(s);
    qemu_remove_exit_notifier(&s->exit_notifier);
    qemu_del_vm_change_state_handler(s->vm_change);
    nyx_testdev_host_exit(s);
    uninit_interrupts(s);
}

static void nyx_testdev_realize(PCIDevice *pdev, Error **errp)
{
    NyxTestdevState *s = NYX_TESTDEV(pdev);

    if (!check_properties(s, errp) || !realize_express(s, errp)) {
        return;
    }
    if (!realize_interrupts(s, errp)) {
        msi_uninit(pdev);
        return;
    }
    if (!nyx_testdev_pci_init(s, errp) || !nyx_testdev_host_init(s, errp)) {
        nyx_testdev_pci_exit(s);
        uninit_interrupts(s);
        return;
    }
    nyx_testdev_mmio_init(s);
    nyx_testdev_floor_init(s);
    pci_register_bar(pdev, NYX_TD_BAR, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar);
    s->buf = g_malloc0(NYX_TD_MAX_LEN_VALUE);
    nyx_testdev_notify_init(s);
    if (!s->pci_calls) {
        nyx_endpoint_register(pdev, &nyx_testdev_endpoint_ops);
    }
    s->vm_change = NYX_VM_CHANGE_HANDLER(DEVICE(s), vm_state_changed, s);
    s->exit_notifier.notify = process_exits;
    qemu_add_exit_notifier(&s->exit_notifier);
}

static void nyx_testdev_instance_init(Object *obj)
{
    /* Configuration space of 4 KiB; the capability comes on an express bus */
    PCI_DEVICE(obj)->cap_present |= QEMU_PCI_CAP_EXPRESS;
    nyx_testdev_atc_init(&NYX_TESTDEV(obj)->atc);
}

static void nyx_testdev_instance_finalize(Object *obj)
{
    NyxTestdevState *s = NYX_TESTDEV(obj);

    g_free(s->buf);
    nyx_testdev_atc_destroy(&s->atc);
}

/* Migration */

static int nyx_testdev_pre_save(void *opaque)
{
    nyx_testdev_run_cancel(opaque, false);
    return 0;
}

static int nyx_testdev_pre_load(void *opaque)
{
    nyx_testdev_pri_reset(opaque);
    nyx_testdev_run_cancel(opaque, true);
    return 0;
}

static int nyx_testdev_post_load(void *opaque, int version_id)
{
    NyxTestdevState *s = opaque;

    if (!nyx_testdev_pri_loaded(s)) {
        error_report("nyx-testdev: cannot load the saved state: page requests "
                     "that the device cannot have");
        return -EINVAL;
    }
    nyx_testdev_mmio_loaded(s);
    nyx_testdev_atc_flush(&s->atc);
    update_master(s);
    nyx_testdev_notify_apply(s);
    return 0;
}

static const VMStateDescription vmstate_run_result = {
    .name = "nyx-testdev/run-result",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(ns, NyxTestdevRunResult),
        VMSTATE_UINT64(ops, NyxTestdevRunResult),
        VMSTATE_UINT64(errors, NyxTestdevRunResult),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_nyx_testdev = {
    .name = TYPE_NYX_TESTDEV,
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = nyx_testdev_pre_save,
    .pre_load = nyx_testdev_pre_load,
    .post_load = nyx_testdev_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, NyxTestdevState),
        VMSTATE_MSIX(parent_obj, NyxTestdevState),
        VMSTATE_UINT32_ARRAY(regs, NyxTestdevState,
                             NYX_TD_REGS_SIZE / sizeof(uint32_t)),
        VMSTATE_UINT8_ARRAY(window, NyxTestdevState, NYX_TD_WINDOW_SIZE),
        VMSTATE_BOOL(itd_armed, NyxTestdevState),
        VMSTATE_STRUCT_ARRAY(run_result, NyxTestdevState,
                             NYX_TD_MAX_THREADS_VALUE, 1, vmstate_run_result,
                             NyxTestdevRunResult),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription *const []) {
        &nyx_testdev_vmstate_pri,
        NULL
    },
};

/* Properties and type */

static const Property nyx_testdev_properties[] = {
    DEFINE_PROP_BOOL("ats", NyxTestdevState, ats, true),
    DEFINE_PROP_BOOL("pasid", NyxTestdevState, pasid, true),
    DEFINE_PROP_BOOL("pci-calls", NyxTestdevState, pci_calls, false),
    DEFINE_PROP_BOOL("pri", NyxTestdevState, with_pri, true),
    DEFINE_PROP_BOOL("pri-pasid", NyxTestdevState, pri_pasid, true),
    DEFINE_PROP_BOOL("msi", NyxTestdevState, msi, true),
    DEFINE_PROP_BOOL("msix", NyxTestdevState, msix, true),
    DEFINE_PROP_UINT8("vectors", NyxTestdevState, vectors, 16),
    DEFINE_PROP_UINT32("shadow-max", NyxTestdevState, shadow_max, 65535),
    DEFINE_PROP_UINT8("notify", NyxTestdevState, notify_reset, 0),
    DEFINE_PROP_UINT8("host-aw-bits", NyxTestdevState, host_aw_bits, 0),
    DEFINE_PROP_UINT64("host-pages", NyxTestdevState, host_pages, 0),
    DEFINE_PROP_STRING("host-ranges", NyxTestdevState, host_ranges),
};

static const struct {
    const char *name;
    const char *text;
} property_texts[] = {
    { "ats", "ATS capability, on PCI Express" },
    { "pasid", "PASID capability, on PCI Express" },
    { "pci-calls", "Translation and page requests by the PCI interface of "
                   "QEMU 10.1 and later" },
    { "pri", "PRI capability, on PCI Express and with ats" },
    { "pri-pasid", "Responses to requests with a PASID need it, too" },
    { "msi", "MSI capability" },
    { "msix", "MSI-X capability" },
    { "vectors", "Number of interrupt vectors, 1 to 32" },
    { "shadow-max", "Most IOMMU mappings to keep, 1 to 1048576" },
    { "notify", "IOMMU events to listen for after reset: "
                "1 MAP, 2 UNMAP, 4 device-TLB invalidation, added up" },
    { "host-aw-bits", "Appear as a device of a host whose IOMMU has so many "
                      "address bits, as vfio-pci does; 0 for none" },
    { "host-pages", "Page sizes of that host's IOMMU, a mask (default 0: "
      "4k and larger)" },
    { "host-ranges", "Addresses that it can translate, "
      "FIRST-LAST[+FIRST-LAST...] (default: nothing is said)" },
};

static void nyx_testdev_class_init(ObjectClass *klass, NyxClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->realize = nyx_testdev_realize;
    pc->exit = nyx_testdev_exit;
    pc->config_write = nyx_testdev_config_write;
    pc->vendor_id = NYX_TD_VENDOR_ID;
    pc->device_id = NYX_TD_DEVICE_ID;
    pc->revision = 1;
    pc->class_id = PCI_CLASS_OTHERS;
    dc->desc = "Nyx IOMMU test device";
    dc->vmsd = &vmstate_nyx_testdev;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_legacy_reset(dc, nyx_testdev_reset);
    device_class_set_props(dc, nyx_testdev_properties);
    for (unsigned i = 0; i < ARRAY_SIZE(property_texts); i++) {
        object_class_property_set_description(klass, property_texts[i].name,
                                              property_texts[i].text);
    }
    nyx_testdev_notify_class_init(klass);
}

static const TypeInfo nyx_testdev_info = {
    .name = TYPE_NYX_TESTDEV,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(NyxTestdevState),
    .instance_init = nyx_testdev_instance_init,
    .instance_finalize = nyx_testdev_instance_finalize,
    .class_init = nyx_testdev_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    },
};

void nyx_testdev_register_types(void)
{
    nyx_testdev_floor_register_types();
    nyx_testdev_host_register_types();
    type_register_static(&nyx_testdev_info);
}
