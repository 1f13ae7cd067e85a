/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the glue that the engine and the address spaces call into
 * have of each other.
 */
#ifndef HW_VIRTIO_IOMMU_EXT_HOST_H
#define HW_VIRTIO_IOMMU_EXT_HOST_H

#include "hw/virtio-iommu-ext/viommu.h"

/* viommu.c */
NyxVioEventResult nyx_vio_event_put(NyxVioState *s, const uint8_t *record,
                                    size_t len);

/*
 * QEMU keeps a copy of configuration space, into which it puts what a driver
 * writes: the rest of it has to be as it would be read.
 */
void nyx_vio_config_sync(NyxVioState *s);

/* host.c */
void nyx_vio_host_fill(NyxVioState *s, NyxVioHost *host);
/* Become the IOMMU of the machine's root bus; NULL with @errp set. */
NyxDmaSpace *nyx_vio_space_new(NyxVioState *s, Error **errp);

#endif
