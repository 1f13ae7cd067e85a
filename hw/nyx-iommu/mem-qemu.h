/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory of this machine as a NyxMem.
 */
#ifndef HW_NYX_IOMMU_MEM_QEMU_H
#define HW_NYX_IOMMU_MEM_QEMU_H

#include "hw/nyx-iommu/mem.h"

/* Before the first use of nyx_mem_qemu; under the big lock. */
void nyx_mem_qemu_init(void);

/*
 * Whether a device may work on guest memory; @running is what the handler of
 * the machine's state was told last.  A machine that stands still stays as it
 * is: its memory may have been saved, or not all of it be loaded.  One that
 * has not begun yet has no driver, but it may be a test's.
 */
bool nyx_machine_runs(bool running);

/* Only RAM is reachable; a device's registers are an error, no recursion. */
extern const NyxMem nyx_mem_qemu;

#endif
