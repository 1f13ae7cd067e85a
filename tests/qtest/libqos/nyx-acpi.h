/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables as QEMU hands them to firmware, and as firmware leaves them.
 */
#ifndef TESTS_LIBQOS_NYX_ACPI_H
#define TESTS_LIBQOS_NYX_ACPI_H

#include "libqos/nyx-pc.h"

#define NYX_ACPI_HEADER 36

typedef struct NyxAcpi {
    uint8_t *data;           /* one table after the other */
    size_t size;
    uint8_t *loader;         /* firmware's commands */
    size_t loader_size;
} NyxAcpi;

NyxAcpi nyx_acpi_tables(NyxPc *pc);
void nyx_acpi_free(NyxAcpi *t);
/* Where a table is in the data; 0 if it is not there. */
uint32_t nyx_acpi_find(const NyxAcpi *t, const char *signature);
/* Whether the RSDT has an entry for it, and a command that completes that. */
bool nyx_acpi_in_rsdt(const NyxAcpi *t, uint32_t table);
uint8_t nyx_acpi_sum(const uint8_t *data, size_t size);

/* Its address in memory, where SeaBIOS has put it; 0 if it never does. */
uint32_t nyx_acpi_in_memory(NyxPc *pc, const char *signature);

#endif
