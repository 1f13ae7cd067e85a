/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queues, as QEMU's own functions have them, and the short way through the
 * request queue beside them: they keep the index, which is taken from them and
 * given back.
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
    NyxVioState *s = opaque;

    return nyx_vio_request(s->engine, in, in_len, out, out_len);
}

static bool enough(void *opaque)
{
    return nyx_vio_pass_is_over(opaque);
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

unsigned nyx_vio_requests_short(NyxVioState *s, unsigned max)
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
        .enough = enough,
        .opaque = s,
        .desc = virtio_queue_get_desc_addr(vdev, queue),
        .avail = virtio_queue_get_avail_addr(vdev, queue),
        .used = virtio_queue_get_used_addr(vdev, queue),
        .size = size,
        .indirect = virtio_vdev_has_feature(vdev,
                                            VIRTIO_RING_F_INDIRECT_DESC),
    };
    next = virtio_queue_get_last_avail_idx(vdev, queue);
    done = nyx_vio_ring_run(&ring, next, max);
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

/* --- The long way --------------------------------------------------------- */

/* 2.8.1, 2.8.21: whether the descriptor is available. */
static bool is_available(uint16_t flags, bool wrap)
{
    return !!(flags & (1 << VRING_PACKED_DESC_F_AVAIL)) == wrap &&
           !!(flags & (1 << VRING_PACKED_DESC_F_USED)) != wrap;
}

/*
 * virtqueue_pop() ends QEMU if the next descriptor of a packed ring is for an
 * empty table.
 */
static bool is_empty_table(VirtIODevice *vdev, int queue)
{
    unsigned next = virtio_queue_get_last_avail_idx(vdev, queue);
    uint64_t desc = virtio_queue_get_desc_addr(vdev, queue), words[2];
    uint16_t flags;

    if (!desc || !nyx_mem_read_le64(&nyx_mem_qemu, desc + 16 *
                                    extract32(next, 0, 15), words, 2)) {
        return false;
    }
    flags = extract64(words[1], 48, 16);
    return is_available(flags, extract32(next, 15, 1)) &&
           (flags & VRING_DESC_F_INDIRECT) && !(uint32_t)words[1];
}

VirtQueueElement *nyx_vio_pop(VirtIODevice *vdev, VirtQueue *vq)
{
    if (virtio_vdev_has_feature(vdev, VIRTIO_F_RING_PACKED) &&
        !virtio_device_disabled(vdev) &&
        is_empty_table(vdev, virtio_get_queue_index(vq))) {
        virtio_error(vdev, "a table of descriptors is empty");
        return NULL;
    }
    return virtqueue_pop(vq, sizeof(VirtQueueElement));
}
