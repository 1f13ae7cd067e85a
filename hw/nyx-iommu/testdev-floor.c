/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-testdev's own IOMMU region, whose translation is the address itself,
 * given at once: what QEMU's core costs whatever the model does.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/testdev.h"

#define TYPE_NYX_TESTDEV_FLOOR "nyx-testdev-floor"

static IOMMUTLBEntry floor_translate(IOMMUMemoryRegion *region, hwaddr addr,
                                     IOMMUAccessFlags flag, int idx)
{
    return (IOMMUTLBEntry) {
        .target_as = &address_space_memory,
        .iova = addr & ~(hwaddr)0xfff,
        .translated_addr = addr & ~(hwaddr)0xfff,
        .addr_mask = 0xfff,
        .perm = IOMMU_RW,
    };
}

static void floor_class_init(ObjectClass *oc, NyxClassData *data)
{
    IOMMU_MEMORY_REGION_CLASS(oc)->translate = floor_translate;
}

static const TypeInfo floor_info = {
    .name = TYPE_NYX_TESTDEV_FLOOR,
    .parent = TYPE_IOMMU_MEMORY_REGION,
    .class_init = floor_class_init,
};

void nyx_testdev_floor_register_types(void)
{
    type_register_static(&floor_info);
}

void nyx_testdev_floor_init(NyxTestdevState *s)
{
    memory_region_init_iommu(&s->floor, sizeof(s->floor),
                             TYPE_NYX_TESTDEV_FLOOR, OBJECT(s),
                             "nyx-testdev-floor", UINT64_MAX);
}
