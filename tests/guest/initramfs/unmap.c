/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into a driver in user space: on SIGUSR1 all memory that it has
 * mapped for its devices by way of VFIO is unmapped, which it does not know of.
 */
#include <linux/vfio.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

static int container = -1;
static __u64 first = ~0ull, end;

int ioctl(int fd, unsigned long request, ...)
{
    struct vfio_iommu_type1_dma_map *map;
    va_list args;
    long result;

    va_start(args, request);
    map = va_arg(args, void *);
    va_end(args);
    result = syscall(SYS_ioctl, fd, request, map);
    if (request == VFIO_IOMMU_MAP_DMA && result == 0) {
        container = fd;
        if (map->iova < first) {
            first = map->iova;
        }
        if (map->iova + map->size > end) {
            end = map->iova + map->size;
        }
    }
    return result;
}

static void unmap(int number)
{
    static const char good[] = "all is unmapped\n";
    static const char bad[] = "nothing was unmapped\n";
    struct vfio_iommu_type1_dma_unmap order = {
        .argsz = sizeof(order),
        .iova = first,
        .size = end - first,
    };
    long result;

    (void)number;
    result = syscall(SYS_ioctl, container, VFIO_IOMMU_UNMAP_DMA, &order);
    result = result || !order.size ?
             write(STDERR_FILENO, bad, sizeof(bad) - 1) :
             write(STDERR_FILENO, good, sizeof(good) - 1);
    (void)result;
}

static void __attribute__((constructor)) start(void)
{
    signal(SIGUSR1, unmap);
}
