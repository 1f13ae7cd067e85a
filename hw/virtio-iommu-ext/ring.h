/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The short way through a request queue: a split ring (VIRTIO 1.3, 2.7) whose
 * requests look as drivers make them, one readable and one writable
 * descriptor.  QEMU's own functions map, allocate and unmap for each chain,
 * which takes several times as long as a MAP; they are for all that is
 * different here, malformed chains among them.
 */
#ifndef HW_VIRTIO_IOMMU_EXT_RING_H
#define HW_VIRTIO_IOMMU_EXT_RING_H

#include "hw/nyx-iommu/mem.h"

/* As nyx_vio_request(), which see. */
typedef size_t NyxVioRingRequest(void *opaque, const uint8_t *in,
                                 size_t in_len, uint8_t *out, size_t out_len);

typedef struct NyxVioRing {
    NyxMem mem;
    NyxVioRingRequest *request;
    /* After a request: the rest is for later. */
    bool (*enough)(void *opaque);
    void *opaque;
    uint64_t desc;
    uint64_t avail;
    uint64_t used;
    uint16_t size;           /* not 0 */
    bool indirect;           /* the feature has been accepted */
} NyxVioRing;

/**
 * nyx_vio_ring_run: carry out requests, and publish that they are done.
 * @next: index of the first, which is also that of the next used entry
 * @max: how many at most
 *
 * Returns how many there were; the index is so much higher now.  Requests
 * that are still available may look different: the next one has not been
 * touched.
 */
unsigned nyx_vio_ring_run(const NyxVioRing *ring, uint16_t next,
                          unsigned max);

#endif
