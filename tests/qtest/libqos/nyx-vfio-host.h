/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VFIO tells of a device that vfio-pci owns, asked without QEMU.
 */
#ifndef TESTS_LIBQOS_NYX_VFIO_HOST_H
#define TESTS_LIBQOS_NYX_VFIO_HOST_H

#include <stdint.h>

typedef struct NyxHostRange {
    uint64_t first;
    uint64_t last;
} NyxHostRange;

#define NYX_HOST_RANGES 16

/*
 * The addresses that @device (0000:00:06.0) may use, from low to high.  It has
 * to be nobody's.  Returns how many there are.
 */
unsigned nyx_host_ranges(const char *device, NyxHostRange *ranges);

#endif
