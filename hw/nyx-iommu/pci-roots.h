/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root buses of the machine.
 */
#ifndef HW_NYX_IOMMU_PCI_ROOTS_H
#define HW_NYX_IOMMU_PCI_ROOTS_H

#include "hw/pci/pci.h"

/* By number, which is the machine's and not firmware's; the caller frees. */
GPtrArray *nyx_pci_roots(void);

#endif
