/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATS and PRI as QEMU 10.1 and later carry them between PCI functions and
 * IOMMUs.  With older headers there is nothing here.
 */
#ifndef HW_NYX_IOMMU_PCI_ATS_H
#define HW_NYX_IOMMU_PCI_ATS_H

#include "hw/nyx-iommu/compat.h"
#include "hw/pci/pci.h"

#ifdef NYX_PCI_HAS_ATS

/* Members of PCIIOMMUOps; get_iotlb_info is the IOMMU's own. */
ssize_t nyx_pci_ats_translate(PCIBus *bus, void *opaque, int devfn,
                              uint32_t pasid, bool privileged, bool execute,
                              hwaddr addr, size_t length, bool no_write,
                              IOMMUTLBEntry *result, size_t result_length,
                              uint32_t *err_count);
void nyx_pci_ats_init(PCIBus *bus, void *opaque, int devfn, IOMMUNotifier *n,
                      IOMMUNotify fn, void *user);
void nyx_pci_ats_listen(PCIBus *bus, void *opaque, int devfn, uint32_t pasid,
                        IOMMUNotifier *n);
void nyx_pci_ats_unlisten(PCIBus *bus, void *opaque, int devfn,
                          uint32_t pasid, IOMMUNotifier *n);
void nyx_pci_pri_listen(PCIBus *bus, void *opaque, int devfn, uint32_t pasid,
                        IOMMUPRINotifier *n);
void nyx_pci_pri_unlisten(PCIBus *bus, void *opaque, int devfn,
                          uint32_t pasid);
int nyx_pci_pri_request(PCIBus *bus, void *opaque, int devfn, uint32_t pasid,
                        bool privileged, bool execute, hwaddr addr, bool last,
                        uint16_t group, bool read, bool write);

#define NYX_PCI_ATS_OPS                                 \
    .init_iotlb_notifier = nyx_pci_ats_init,            \
    .register_iotlb_notifier = nyx_pci_ats_listen,      \
    .unregister_iotlb_notifier = nyx_pci_ats_unlisten,  \
    .ats_request_translation = nyx_pci_ats_translate,   \
    .pri_register_notifier = nyx_pci_pri_listen,        \
    .pri_unregister_notifier = nyx_pci_pri_unlisten,    \
    .pri_request_page = nyx_pci_pri_request,

#endif

#endif
