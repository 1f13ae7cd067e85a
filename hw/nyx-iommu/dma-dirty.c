/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dirty memory of an address space: see dma-dirty.h.
 */
#include "qemu/osdep.h"
#include "qemu/rcu.h"
#include "hw/nyx-iommu/dma-dirty.h"

bool nyx_dma_dirty_tracked(void)
{
    return global_dirty_tracking;
}

typedef struct Ask {
    MemoryListener *listener;
    FlatView *view;
} Ask;

static bool ask_range(Int128 start, Int128 len, const MemoryRegion *mr,
                      hwaddr offset_in_region, void *opaque)
{
    const Ask *ask = opaque;
    MemoryRegionSection section = {
        .mr = (MemoryRegion *)mr,
        .fv = ask->view,
        .offset_within_region = offset_in_region,
        .offset_within_address_space = int128_get64(start),
        .size = len,
        .readonly = mr->readonly,
    };

    if (memory_region_get_dirty_log_mask(section.mr)) {
        ask->listener->log_sync(ask->listener, &section);
    }
    return false;
}

void nyx_dma_dirty_ask(AddressSpace *as)
{
    MemoryListener *listener;

    RCU_READ_LOCK_GUARD();
    QTAILQ_FOREACH(listener, &as->listeners, link_as) {
        Ask ask = { listener, address_space_to_flatview(as) };

        if (listener->log_sync) {
            flatview_for_each_range(ask.view, ask_range, &ask);
        }
    }
}
