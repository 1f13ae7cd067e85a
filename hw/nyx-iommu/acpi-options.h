/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pieces of the options that say what ACPI tables tell of single devices.
 */
#ifndef HW_NYX_IOMMU_ACPI_OPTIONS_H
#define HW_NYX_IOMMU_ACPI_OPTIONS_H

#include "hw/pci/pci.h"

/* The device with id=@id, or NULL. */
PCIDevice *nyx_pci_device_by_id(const char *id);

/* Read BUS:SLOT.FN, all hexadecimal; what is behind it, or NULL. */
const char *nyx_parse_pci_address(const char *text, uint8_t *bus,
                                  uint8_t *devfn);

/* Read BASE-LIMIT, whole pages. */
bool nyx_parse_pages(const char *text, uint64_t *base, uint64_t *limit);

#endif
