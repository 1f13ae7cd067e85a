/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events to one IOMMU notifier: see dma-notify.h.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/dma-notify.h"
#include "hw/nyx-iommu/request.h"
#include "trace.h"

/*
 * The address and size of @event follow from the range; @addr is where @first
 * goes.
 */
static void send_range(IOMMUNotifier *n, uint16_t sid, IOMMUTLBEvent event,
                       uint64_t first, uint64_t last, uint64_t addr)
{
    if (first < n->start) {
        addr += n->start - first;
        first = n->start;
    }
    last = MIN(last, n->end);
    while (first <= last) {
        uint64_t mask = dma_aligned_pow2_mask(first, last, 63);

        event.entry.target_as = &address_space_memory;
        event.entry.iova = first;
        event.entry.translated_addr = addr;
        event.entry.addr_mask = mask;
        if (event.type == IOMMU_NOTIFIER_MAP) {
            trace_nyx_iommu_map(sid, first, mask, addr, event.entry.perm);
        } else {
            trace_nyx_iommu_notify(sid, first, mask, event.type);
        }
        memory_region_notify_iommu_one(n, &event);
        if (mask >= last - first) {
            break;
        }
        first += mask + 1;
        addr += mask + 1;
    }
}

void nyx_notify_unmap(IOMMUNotifier *n, uint16_t sid, IOMMUNotifierFlag type,
                      uint64_t first, uint64_t last, const NyxBlock *only)
{
    const IOMMUTLBEvent event = { .type = type, .entry.perm = IOMMU_NONE };

    send_range(n, sid, event, first, last, only ? only->addr : 0);
}

/* @section lies in what @block maps to. */
static void map_section(IOMMUNotifier *n, uint16_t sid, const NyxBlock *block,
                        const MemoryRegionSection *section)
{
    const uint64_t page = 4096;
    const IOMMUTLBEvent event = {
        .type = IOMMU_NOTIFIER_MAP,
        .entry.perm = IOMMU_ACCESS_FLAG(block->permission & NYX_ACCESS_READ,
                                        block->permission & NYX_ACCESS_WRITE),
    };
    uint64_t first = section->offset_within_address_space;
    uint64_t end = first + int128_get64(section->size);

    first = ROUND_UP(first, page);
    end = QEMU_ALIGN_DOWN(end, page);
    if (memory_region_is_ram(section->mr) && first < end) {
        uint64_t iova = block->iova + (first - block->addr);

        send_range(n, sid, event, iova, iova + (end - first - 1), first);
    }
}

void nyx_notify_map(IOMMUNotifier *n, uint16_t sid, const NyxBlock *block,
                    uint64_t first, uint64_t last)
{
    uint64_t addr = block->addr + (first - block->iova);
    uint64_t end = addr + (last - first + 1);

    while (addr < end) {
        MemoryRegionSection section = memory_region_find(get_system_memory(),
                                                         addr, end - addr);

        if (!section.mr) {
            return;
        }
        map_section(n, sid, block, &section);
        addr = section.offset_within_address_space +
               int128_get64(section.size);
        memory_region_unref(section.mr);
    }
}
