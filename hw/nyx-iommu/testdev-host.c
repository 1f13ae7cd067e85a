/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-testdev as if it were a device of the host, as vfio-pci's are: it tells
 * its IOMMU the address width that the host's IOMMU has.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "testdev.h"

#define TYPE_NYX_TESTDEV_HOST "nyx-testdev-host"

static int host_get_cap(HostIOMMUDevice *hiod, int cap, Error **errp)
{
    const NyxTestdevState *s = hiod->agent;

    if (cap == HOST_IOMMU_DEVICE_CAP_AW_BITS) {
        return s->host_aw_bits;
    }
    error_setg(errp, "nyx-testdev: capability %d is not known", cap);
    return -EINVAL;
}

bool nyx_testdev_host_init(NyxTestdevState *s, Error **errp)
{
    if (!s->host_aw_bits) {
        return true;
    }
    s->host = HOST_IOMMU_DEVICE(object_new(TYPE_NYX_TESTDEV_HOST));
    s->host->agent = s;
    if (!pci_device_set_iommu_device(PCI_DEVICE(s), s->host, errp)) {
        object_unref(OBJECT(s->host));
        s->host = NULL;
        return false;
    }
    return true;
}

void nyx_testdev_host_exit(NyxTestdevState *s)
{
    if (s->host) {
        pci_device_unset_iommu_device(PCI_DEVICE(s));
        object_unref(OBJECT(s->host));
        s->host = NULL;
    }
}

static void host_class_init(ObjectClass *oc, NyxClassData *data)
{
    HOST_IOMMU_DEVICE_CLASS(oc)->get_cap = host_get_cap;
}

static const TypeInfo host_info = {
    .name = TYPE_NYX_TESTDEV_HOST,
    .parent = TYPE_HOST_IOMMU_DEVICE,
    .class_init = host_class_init,
};

void nyx_testdev_host_register_types(void)
{
    type_register_static(&host_info);
}
