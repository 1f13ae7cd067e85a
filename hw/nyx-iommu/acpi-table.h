/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables of our own in the set that QEMU gives to firmware.
 */
#ifndef HW_NYX_IOMMU_ACPI_TABLE_H
#define HW_NYX_IOMMU_ACPI_TABLE_H

#include "qemu/osdep.h"

/**
 * nyx_acpi_header: start a table with a 36-byte header (ACPI 6.5, 5.2.6).
 * @signature: four characters
 * Length and checksum are filled in by nyx_acpi_install().
 */
GArray *nyx_acpi_header(const char *signature, uint8_t revision);

/**
 * nyx_acpi_install: add the table to the machine's set and free it.
 * Has to be called before the machine builds its tables, so from a
 * machine-done notifier that was added while the device was realized.
 */
bool nyx_acpi_install(GArray *table, Error **errp);

/**
 * nyx_acpi_replace: put @table in the place of ours with the same signature
 * and the same length, and free it.  What the machine copies from then on is
 * the new one.
 */
void nyx_acpi_replace(GArray *table);

#endif
