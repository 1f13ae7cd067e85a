/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that devices of the host have written to, which QEMU learns from
 * VFIO when it asks.
 */
#ifndef HW_NYX_IOMMU_DMA_DIRTY_H
#define HW_NYX_IOMMU_DMA_DIRTY_H

#include "hw/nyx-iommu/compat.h"

/* Whether QEMU has to learn which memory devices write to. */
bool nyx_dma_dirty_tracked(void);

/*
 * Have those that listen to @as say what was written to.  Only they are asked:
 * asking all, KVM among them, may let other processors run meanwhile.
 */
void nyx_dma_dirty_ask(AddressSpace *as);

#endif
