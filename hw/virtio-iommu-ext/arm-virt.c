/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device in the ACPI tables of Arm's machine "virt".
 *
 * Its builder takes no table of ours.  It makes a VIOT table itself, of all
 * host bridges that do not bypass, if the machine has been told of a
 * virtio-iommu: by QEMU's own when that is plugged in, and of ours here.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci_device.h"
#include "hw/virtio-iommu-ext/viommu.h"
#include <malloc.h>

#ifdef NYX_ARM_VIRT_HAS_VIOT
#include "hw/arm/virt.h"

/*
 * NULL if the machine is another one, or not laid out as in the headers.  Other
 * processors have a "virt" too; only Arm's is a class of several versions.
 */
static VirtMachineState *find_virt(void)
{
    Object *machine = object_dynamic_cast(qdev_get_machine(),
                                          TYPE_VIRT_MACHINE);
    g_autofree void *ours = g_malloc(sizeof(VirtMachineState));

    return machine && object_class_by_name("arm-cpu") &&
           malloc_usable_size(machine) == malloc_usable_size(ours)
           ? (VirtMachineState *)machine : NULL;
}

/*
 * Only firmware reads the tables.  QEMU does not survive being asked for the
 * machine's property "iommu" afterwards, for whichever device.
 */
void nyx_vio_arm_virt_install(const NyxVioState *s)
{
    VirtMachineState *vms = find_virt();

    if (vms && vms->bootinfo.firmware_loaded &&
        vms->iommu == VIRT_IOMMU_NONE) {
        vms->virtio_iommu_bdf = pci_get_bdf(s->pci);
        vms->iommu = VIRT_IOMMU_VIRTIO;
    }
}

#else

void nyx_vio_arm_virt_install(const NyxVioState *s)
{
}

#endif
