/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The short way through the request queue, side by side with QEMU's own
 * functions: they keep the index, which is taken from them and given back.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/mem-qemu.h"
#include "hw/virtio-iommu-ext/ring.h"
#include "hw/virtio-iommu-ext/viommu.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_ring.h"

static size_t request(void *opaque, const uint8_t *in, size_t in_len,
                      uint8_t *out, size_t out_len)
{
    return nyx_vio_request(opaque, in, in_len, out, out_len);
}

/* Rings of other kinds have a state that only QEMU knows. */
static bool is_for_us(VirtIODevice *vdev)
{
    return !virtio_device_disabled(vdev) &&
           vdev->dma_as == &address_space_memory &&
           !virtio_vdev_has_feature(vdev, VIRTIO_F_RING_PACKED) &&
           !virtio_vdev_has_feature(vdev, VIRTIO_F_IN_ORDER) &&
           virtio_queue_get_desc_addr(vdev, NVIO_QUEUE_REQUEST);
}

unsigned nyx_vio_requests_short(NyxVioState *s)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);
    const int queue = NVIO_QUEUE_REQUEST;
    unsigned size = virtio_queue_get_num(vdev, queue), done;
    NyxVioRing ring;
    uint16_t next;

    if (!size || !is_for_us(vdev)) {
        return 0;
    }
    ring = (NyxVioRing) {
        .mem = nyx_mem_qemu,
        .request = request,
        .opaque = s->engine,
        .desc = virtio_queue_get_desc_addr(vdev, queue),
        .avail = virtio_queue_get_avail_addr(vdev, queue),
        .used = virtio_queue_get_used_addr(vdev, queue),
        .size = size,
        .indirect = virtio_vdev_has_feature(vdev,
                                            VIRTIO_RING_F_INDIRECT_DESC),
    };
    next = virtio_queue_get_last_avail_idx(vdev, queue);
    done = nyx_vio_ring_run(&ring, next, size);
    if (done) {
        virtio_queue_set_last_avail_idx(vdev, queue, (uint16_t)(next + done));
        virtio_queue_update_used_idx(vdev, queue);
        if (virtio_vdev_has_feature(vdev, VIRTIO_RING_F_EVENT_IDX)) {
            /* Says from where on a kick is wanted. */
            virtio_queue_set_notification(s->requests, 1);
        }
    }
    return done;
}
