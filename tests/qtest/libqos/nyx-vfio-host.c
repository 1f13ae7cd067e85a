/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VFIO tells of a device: see nyx-vfio-host.h.
 */
#include "qemu/osdep.h"
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include "libqos/nyx-vfio-host.h"

#define INFO_BYTES  4096

static int open_file(const char *path)
{
    int fd = open(path, O_RDWR);

    if (fd < 0) {
        g_error("%s: %s", path, strerror(errno));
    }
    return fd;
}

static int open_group(const char *device)
{
    g_autofree char *link = g_strdup_printf("/sys/bus/pci/devices/%s/"
                                            "iommu_group", device);
    g_autoptr(GError) error = NULL;
    g_autofree char *target = g_file_read_link(link, &error);
    g_autofree char *number = NULL, *path = NULL;

    g_assert_no_error(error);
    number = g_path_get_basename(target);
    path = g_strdup_printf("/dev/vfio/%s", number);
    return open_file(path);
}

static const struct vfio_iommu_type1_info_cap_iova_range *
find_ranges(const struct vfio_iommu_type1_info *info)
{
    const uint8_t *base = (const uint8_t *)info;
    uint32_t at = info->flags & VFIO_IOMMU_INFO_CAPS ? info->cap_offset : 0;

    while (at) {
        const struct vfio_info_cap_header *cap = (const void *)(base + at);

        if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
            return (const void *)cap;
        }
        at = cap->next;
    }
    g_error("VFIO tells no ranges");
}

unsigned nyx_host_ranges(const char *device, NyxHostRange *ranges)
{
    const struct vfio_iommu_type1_info_cap_iova_range *cap;
    g_autofree struct vfio_iommu_type1_info *info = g_malloc0(INFO_BYTES);
    int container = open_file("/dev/vfio/vfio");
    int group = open_group(device);

    g_assert_cmpint(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), ==,
                    0);
    g_assert_cmpint(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), ==,
                    0);
    info->argsz = INFO_BYTES;
    g_assert_cmpint(ioctl(container, VFIO_IOMMU_GET_INFO, info), ==, 0);
    cap = find_ranges(info);
    g_assert_cmpuint(cap->nr_iovas, <=, NYX_HOST_RANGES);
    for (unsigned i = 0; i < cap->nr_iovas; i++) {
        ranges[i] = (NyxHostRange) {
            cap->iova_ranges[i].start, cap->iova_ranges[i].end,
        };
    }
    close(group);
    close(container);
    return cap->nr_iovas;
}
