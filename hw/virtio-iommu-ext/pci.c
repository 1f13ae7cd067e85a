/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-virtio-iommu-pci: the PCI function, 1af4:1057.  Its own requests are not
 * translated.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/acpi/acpi_aml_interface.h"
#include "hw/i386/pc.h"
#include "hw/nyx-iommu/pci-roots.h"
#include "hw/pci/pci_bus.h"
#include "hw/virtio-iommu-ext/viommu.h"

static PCMachineState *find_pc(void)
{
    return (PCMachineState *)object_dynamic_cast(qdev_get_machine(),
                                                 TYPE_PC_MACHINE);
}

/*
 * A kernel has to be told which device is behind which: by an ACPI table, which
 * only PCs take of us, or in a device tree.
 */
static bool check_machine(const PCMachineState *pcms, Error **errp)
{
    if (!pcms && !nyx_vio_tree_possible()) {
        error_setg(errp, "%s needs a machine with ACPI tables or a device tree "
                   "to be named in: use -machine q35, pc or (Arm) virt",
                   TYPE_NYX_VIO_PCI);
        return false;
    }
    if (pcms && pcms->iommu) {
        error_setg(errp, "%s: the machine has an IOMMU: leave out one of the "
                   "two", TYPE_NYX_VIO_PCI);
        return false;
    }
    return true;
}

static void pci_realize(VirtIOPCIProxy *proxy, Error **errp)
{
    NyxVioPci *pci = NYX_VIO_PCI(proxy);
    g_autoptr(GPtrArray) roots = nyx_pci_roots();
    PCIBus *bus = g_ptr_array_index(roots, 0);
    PCMachineState *pcms = find_pc();

    if (!check_machine(pcms, errp)) {
        return;
    }
    if (pci_get_bus(&proxy->pci_dev) != bus) {
        error_setg(errp, "%s has to be on the machine's root bus: set bus=%s",
                   TYPE_NYX_VIO_PCI, BUS(bus)->name);
        return;
    }
    pci->vdev.props = &pci->props;
    pci->vdev.pci = &proxy->pci_dev;
    pci->vdev.bus = bus;
    pci->vdev.on_pc = pcms;
    virtio_pci_force_virtio_1(proxy);
    if (qdev_realize(DEVICE(&pci->vdev), BUS(&proxy->bus), errp) && pcms) {
        /* QEMU refuses another one that comes later. */
        pcms->iommu = DEVICE(pci);
    }
}

/* Called each time that the machine builds its tables, before ours is read. */
static void build_dev_aml(AcpiDevAmlIf *adev, Aml *scope)
{
    nyx_vio_acpi_refresh(&NYX_VIO_PCI(adev)->vdev);
}

static void class_init(ObjectClass *oc, NyxClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(oc);

    VIRTIO_PCI_CLASS(oc)->realize = pci_realize;
    k->revision = VIRTIO_PCI_ABI_VERSION;
    k->class_id = PCI_CLASS_OTHERS;
    dc->hotpluggable = false;
    dc->desc = "virtio-iommu: DMA remapping for virtual machines";
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    ACPI_DEV_AML_IF_CLASS(oc)->build_dev_aml = build_dev_aml;
    nyx_vio_options_class_init(oc);
    nyx_vio_debug_class_init(oc);
}

static void instance_init(Object *obj)
{
    NyxVioPci *pci = NYX_VIO_PCI(obj);

    virtio_instance_init_common(obj, &pci->vdev, sizeof(pci->vdev),
                                TYPE_NYX_VIO);
}

static void instance_finalize(Object *obj)
{
    g_free(NYX_VIO_PCI(obj)->props.regions);
}

static const VirtioPCIDeviceTypeInfo pci_info = {
    .generic_name = TYPE_NYX_VIO_PCI,
    .instance_size = sizeof(NyxVioPci),
    .instance_init = instance_init,
    .instance_finalize = instance_finalize,
    .class_init = class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_ACPI_DEV_AML_IF },
        { },
    },
};

void nyx_vio_pci_register_types(void)
{
    virtio_pci_types_register(&pci_info);
}
