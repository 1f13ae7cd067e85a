/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events to one IOMMU notifier: only its own range, in aligned powers of two,
 * which is what every version of QEMU and every kind of consumer takes.
 */
#ifndef HW_NYX_IOMMU_DMA_NOTIFY_H
#define HW_NYX_IOMMU_DMA_NOTIFY_H

#include "hw/nyx-iommu/blocks.h"
#include "hw/nyx-iommu/compat.h"

/*
 * [@first, @last] is gone.  @only: the one mapping that it was, so that the
 * consumer learns which memory was written to; NULL if it is not one.
 */
void nyx_notify_unmap(IOMMUNotifier *n, uint16_t sid, IOMMUNotifierFlag type,
                      uint64_t first, uint64_t last, const NyxBlock *only);

/*
 * @block is mapped; [@first, @last] is a part of it.  Only the RAM in it is
 * announced, piece by piece: VFIO refuses a mapping that is not all in one
 * piece of RAM.
 */
void nyx_notify_map(IOMMUNotifier *n, uint16_t sid, const NyxBlock *block,
                    uint64_t first, uint64_t last);

#endif
