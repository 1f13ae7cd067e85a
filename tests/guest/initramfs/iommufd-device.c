/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMUFD, and a nyx-testdev by way of VFIO or UIO: see iommufd.h.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "iommufd.h"
#include "testdev-regs.h"

/* PCI Local Bus specification 3.0, 6.2.2 "Device Control" */
#define PCI_COMMAND         4
#define PCI_COMMAND_MEMORY  0x2
#define PCI_COMMAND_MASTER  0x4

static int iommufd;

/* ---------------------------------------------------------------- IOMMUFD */

void command(unsigned long request, void *argument, const char *name)
{
    if (ioctl(iommufd, request, argument)) {
        err(1, "%s", name);
    }
}

uint32_t ioas_new(void)
{
    struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

    COMMAND(IOMMU_IOAS_ALLOC, &alloc);
    return alloc.out_ioas_id;
}

void ioas_map(uint32_t ioas, void *memory, uint64_t iova)
{
    struct iommu_ioas_map map = {
        .size = sizeof(map),
        .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
                 IOMMU_IOAS_MAP_WRITEABLE,
        .ioas_id = ioas,
        .user_va = (uintptr_t)memory,
        .length = MEMORY_SIZE,
        .iova = iova,
    };

    COMMAND(IOMMU_IOAS_MAP, &map);
}

void ioas_unmap(uint32_t ioas, uint64_t iova)
{
    struct iommu_ioas_unmap unmap = {
        .size = sizeof(unmap), .ioas_id = ioas, .iova = iova,
        .length = MEMORY_SIZE,
    };

    COMMAND(IOMMU_IOAS_UNMAP, &unmap);
}

uint32_t hwpt_new(const struct device *device, uint32_t ioas, uint32_t flags)
{
    struct iommu_hwpt_alloc alloc = {
        .size = sizeof(alloc), .flags = flags, .dev_id = device->id,
        .pt_id = ioas,
    };

    COMMAND(IOMMU_HWPT_ALLOC, &alloc);
    return alloc.out_hwpt_id;
}

uint32_t hwpt_new_over(const struct device *device, uint32_t parent,
                       uint32_t flags, uint32_t type, void *data,
                       uint32_t size)
{
    struct iommu_hwpt_alloc alloc = {
        .size = sizeof(alloc), .flags = flags, .dev_id = device->id,
        .pt_id = parent, .data_type = type, .data_len = size,
        .data_uptr = (uintptr_t)data,
    };

    COMMAND(IOMMU_HWPT_ALLOC, &alloc);
    return alloc.out_hwpt_id;
}

/* The driver looks at no type; there is none for AMD's. */
uint32_t viommu_new(const struct device *device, uint32_t parent)
{
    struct iommu_viommu_alloc alloc = {
        .size = sizeof(alloc), .type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
        .dev_id = device->id, .hwpt_id = parent,
    };

    COMMAND(IOMMU_VIOMMU_ALLOC, &alloc);
    return alloc.out_viommu_id;
}

uint8_t *memory_new(void)
{
    uint8_t *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || madvise(memory, MEMORY_SIZE,
                                        MADV_NOHUGEPAGE)) {
        err(1, "memory");
    }
    memset(memory, 0, MEMORY_SIZE);
    return memory;
}

/* ------------------------------------------------------------- the device */

static void device_call(const struct device *device, unsigned long request,
                        void *argument, const char *name)
{
    if (ioctl(device->fd, request, argument) < 0) {
        err(1, "%s", name);
    }
}

#define DEVICE_CALL(device, request, argument) \
    device_call(device, request, argument, #request)

void write32(const struct device *device, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(device->bar + offset) = value;
}

uint32_t read32(const struct device *device, unsigned offset)
{
    return *(volatile uint32_t *)(device->bar + offset);
}

void write64(const struct device *device, unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)(device->bar + offset) = value;
}

static int open_cdev(const char *name)
{
    char path[300];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.64s/vfio-dev", name);
    dir = opendir(path);
    if (!dir) {
        err(1, "%s", path);
    }
    while ((entry = readdir(dir))) {
        if (!strncmp(entry->d_name, "vfio", 4)) {
            int fd;

            snprintf(path, sizeof(path), "/dev/vfio/devices/%.64s",
                     entry->d_name);
            fd = open(path, O_RDWR);
            if (fd < 0) {
                err(1, "%s", path);
            }
            closedir(dir);
            return fd;
        }
    }
    errx(1, "%s: no character device", path);
}

static uint64_t region_offset(const struct device *device, uint32_t index)
{
    struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

    DEVICE_CALL(device, VFIO_DEVICE_GET_REGION_INFO, &info);
    return info.offset;
}

static void check_magic(const struct device *device, const char *name)
{
    if (read32(device, NYX_TD_MAGIC) != NYX_TD_MAGIC_VALUE) {
        errx(1, "%s is not a nyx-testdev", name);
    }
}

void vfio_open(struct device *device, const char *name)
{
    struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
    uint16_t enable = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    uint64_t config;
    void *bar;

    iommufd = open("/dev/iommu", O_RDWR);
    if (iommufd < 0) {
        err(1, "/dev/iommu");
    }
    device->fd = open_cdev(name);
    bind.iommufd = iommufd;
    DEVICE_CALL(device, VFIO_DEVICE_BIND_IOMMUFD, &bind);
    device->id = bind.out_devid;
    config = region_offset(device, VFIO_PCI_CONFIG_REGION_INDEX);
    if (pwrite(device->fd, &enable, sizeof(enable), config + PCI_COMMAND) !=
        sizeof(enable)) {
        err(1, "command register");
    }
    bar = mmap(NULL, NYX_TD_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
               device->fd, region_offset(device, NYX_TD_BAR));
    if (bar == MAP_FAILED) {
        err(1, "BAR");
    }
    device->bar = bar;
    check_magic(device, name);
}

void uio_open(struct device *device, const char *name)
{
    char path[300], number[16];
    void *bar;
    FILE *file;
    int fd;

    device->fd = open("/dev/uio0", O_RDWR);
    if (device->fd < 0) {
        err(1, "/dev/uio0");
    }
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.64s/pasid", name);
    file = fopen(path, "r");
    if (!file || !fgets(number, sizeof(number), file)) {
        err(1, "%s", path);
    }
    fclose(file);
    device->pasid = strtoul(number, NULL, 0);
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.64s/resource0",
             name);
    fd = open(path, O_RDWR | O_SYNC);
    bar = mmap(NULL, NYX_TD_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
               0);
    if (fd < 0 || bar == MAP_FAILED) {
        err(1, "%s", path);
    }
    device->bar = bar;
    check_magic(device, name);
}

void attach(const struct device *device, uint32_t hwpt)
{
    struct vfio_device_attach_iommufd_pt attach = {
        .argsz = sizeof(attach), .pt_id = hwpt,
    };

    DEVICE_CALL(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

void attach_pasid(const struct device *device, uint32_t pasid, uint32_t hwpt)
{
    struct vfio_device_attach_iommufd_pt attach = {
        .argsz = sizeof(attach), .flags = VFIO_DEVICE_ATTACH_PASID,
        .pt_id = hwpt, .pasid = pasid,
    };

    DEVICE_CALL(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

void detach_pasid(const struct device *device, uint32_t pasid)
{
    struct vfio_device_detach_iommufd_pt detach = {
        .argsz = sizeof(detach), .flags = VFIO_DEVICE_DETACH_PASID,
        .pasid = pasid,
    };

    DEVICE_CALL(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

/* ------------------------------------------------------------------- DMA */

static uint32_t request_of(const struct device *device, uint32_t op,
                           uint32_t pasid, uint64_t iova, uint64_t value,
                           uint32_t size)
{
    write64(device, NYX_TD_DMA_ADDR, iova);
    write32(device, NYX_TD_DMA_LEN, size);
    write32(device, NYX_TD_DMA_OP, op);
    write32(device, NYX_TD_DMA_ATTR, pasid == NO_PASID ? 0
                                                       : NYX_TD_ATTR_PASID);
    write32(device, NYX_TD_DMA_PASID, pasid == NO_PASID ? 0 : pasid);
    write64(device, NYX_TD_DMA_OPERAND, value);
    write32(device, NYX_TD_DMA_DOORBELL, 1);
    return read32(device, NYX_TD_DMA_STATUS);
}

uint32_t request(const struct device *device, uint32_t op, uint32_t pasid,
                 uint64_t iova, uint64_t value)
{
    return request_of(device, op, pasid, iova, value, sizeof(value));
}

void dma_write_as(const struct device *device, uint32_t pasid, uint64_t iova,
                  uint64_t value)
{
    uint32_t status = request(device, NYX_TD_OP_FILL, pasid, iova, value);

    if (status != NYX_TD_ST_OK) {
        errx(1, "DMA write to 0x%llx: status %u", (unsigned long long)iova,
             status);
    }
}

void dma_write(const struct device *device, uint64_t iova, uint64_t value)
{
    dma_write_as(device, NO_PASID, iova, value);
}

void dma_read(const struct device *device, uint64_t iova)
{
    uint32_t status = request(device, NYX_TD_OP_READ, NO_PASID, iova, 0);

    if (status != NYX_TD_ST_OK) {
        errx(1, "DMA read of 0x%llx: status %u", (unsigned long long)iova,
             status);
    }
}

static void refused(const struct device *device, const char *operation,
                    uint32_t op, uint32_t pasid, uint64_t iova)
{
    /* QEMU cuts what is refused in pieces of four bytes. */
    uint32_t status = request_of(device, op, pasid, iova, ~0ull, 4);

    if (status != NYX_TD_ST_BLOCKED && status != NYX_TD_ST_TX_ERROR) {
        errx(1, "%s at 0x%llx: status %u instead of a refusal", operation,
             (unsigned long long)iova, status);
    }
    printf("refused %s 0x%llx\n", operation, (unsigned long long)iova);
}

void dma_refused_as(const struct device *device, const char *operation,
                    uint32_t pasid, uint64_t iova)
{
    refused(device, operation, NYX_TD_OP_FILL, pasid, iova);
}

void dma_read_refused_as(const struct device *device, const char *operation,
                         uint32_t pasid, uint64_t iova)
{
    refused(device, operation, NYX_TD_OP_READ, pasid, iova);
}

void dma_refused(const struct device *device, const char *operation,
                 uint64_t iova)
{
    dma_refused_as(device, operation, NO_PASID, iova);
}

void expect(const uint8_t *memory, unsigned page, uint64_t value)
{
    uint64_t found = *(volatile const uint64_t *)(memory + page * PAGE);

    if (found != value) {
        errx(1, "page %u holds 0x%llx, not 0x%llx", page,
             (unsigned long long)found, (unsigned long long)value);
    }
}
