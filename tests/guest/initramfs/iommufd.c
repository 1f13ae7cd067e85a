/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives a nyx-testdev from user space, through IOMMUFD and VFIO's character
 * device, which is what a virtual machine monitor or a DPDK does, or through
 * UIO, where the device gets the process's own address space (SVA).
 *
 * usage: nyx-iommufd DEVICE TEST    DEVICE as in sysfs, bound to vfio-pci, or
 *                                   for "sva" and "fault" to uio_pci_sva
 *
 * Ends with 0 if the test passed; else the last line says what was wrong.
 * Lines "refused OPERATION ADDRESS" tell of DMA that was refused, for which
 * the kernel has to report a fault, lines "hwinfo NAME VALUE" what
 * IOMMU_GET_HW_INFO returned.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testdev-regs.h"

#define PAGE            4096ull
#define PAGES           64u
#define MEMORY_SIZE     (PAGES * PAGE)

/* PCI Local Bus specification 3.0, 6.2.2 "Device Control" */
#define PCI_COMMAND         4
#define PCI_COMMAND_MEMORY  0x2
#define PCI_COMMAND_MASTER  0x4

/* First-stage entries: VT-d specification, 9.7. */
#define ENTRY_PRESENT   0x001ull
#define ENTRY_WRITE     0x002ull
#define ENTRY_USER      0x004ull
#define ENTRY_ACCESSED  0x020ull
#define ENTRY_DIRTY     0x040ull
#define ENTRY_TABLE     (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER)

struct device {
    int fd;
    uint32_t id;            /* of IOMMUFD */
    uint32_t pasid;         /* of UIO */
    volatile uint8_t *bar;
};

static int iommufd;

/* ---------------------------------------------------------------- IOMMUFD */

static void command(unsigned long request, void *argument, const char *name)
{
    if (ioctl(iommufd, request, argument)) {
        err(1, "%s", name);
    }
}

#define COMMAND(request, argument) command(request, argument, #request)

static uint32_t ioas_new(void)
{
    struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

    COMMAND(IOMMU_IOAS_ALLOC, &alloc);
    return alloc.out_ioas_id;
}

static void ioas_map(uint32_t ioas, void *memory, uint64_t iova)
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

static void ioas_unmap(uint32_t ioas, uint64_t iova)
{
    struct iommu_ioas_unmap unmap = {
        .size = sizeof(unmap), .ioas_id = ioas, .iova = iova,
        .length = MEMORY_SIZE,
    };

    COMMAND(IOMMU_IOAS_UNMAP, &unmap);
}

/* @parent: an IOAS, or for stage-1 tables the HWPT of the other stage. */
static uint32_t hwpt_new(const struct device *device, uint32_t parent,
                         uint32_t flags, struct iommu_hwpt_vtd_s1 *stage1)
{
    struct iommu_hwpt_alloc alloc = {
        .size = sizeof(alloc), .flags = flags, .dev_id = device->id,
        .pt_id = parent,
    };

    if (stage1) {
        alloc.data_type = IOMMU_HWPT_DATA_VTD_S1;
        alloc.data_len = sizeof(*stage1);
        alloc.data_uptr = (uintptr_t)stage1;
    }
    COMMAND(IOMMU_HWPT_ALLOC, &alloc);
    return alloc.out_hwpt_id;
}

/* Pages, whole, zero, and never a huge one. */
static uint8_t *memory_new(void)
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

static void write32(const struct device *device, unsigned offset,
                    uint32_t value)
{
    *(volatile uint32_t *)(device->bar + offset) = value;
}

static uint32_t read32(const struct device *device, unsigned offset)
{
    return *(volatile uint32_t *)(device->bar + offset);
}

static void write64(const struct device *device, unsigned offset,
                    uint64_t value)
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

static void vfio_open(struct device *device, const char *name)
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

/* The driver binds the address space of whoever opens its file. */
static void uio_open(struct device *device, const char *name)
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

static void attach(const struct device *device, uint32_t hwpt)
{
    struct vfio_device_attach_iommufd_pt attach = {
        .argsz = sizeof(attach), .pt_id = hwpt,
    };

    DEVICE_CALL(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static void attach_pasid(const struct device *device, uint32_t pasid,
                         uint32_t hwpt)
{
    struct vfio_device_attach_iommufd_pt attach = {
        .argsz = sizeof(attach), .flags = VFIO_DEVICE_ATTACH_PASID,
        .pt_id = hwpt, .pasid = pasid,
    };

    DEVICE_CALL(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static void detach_pasid(const struct device *device, uint32_t pasid)
{
    struct vfio_device_detach_iommufd_pt detach = {
        .argsz = sizeof(detach), .flags = VFIO_DEVICE_DETACH_PASID,
        .pasid = pasid,
    };

    DEVICE_CALL(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

/* ------------------------------------------------------------------- DMA */

#define NO_PASID UINT32_MAX

static uint32_t request(const struct device *device, uint32_t op,
                        uint32_t pasid, uint64_t iova, uint64_t value)
{
    write64(device, NYX_TD_DMA_ADDR, iova);
    write32(device, NYX_TD_DMA_LEN, sizeof(value));
    write32(device, NYX_TD_DMA_OP, op);
    write32(device, NYX_TD_DMA_ATTR, pasid == NO_PASID ? 0
                                                       : NYX_TD_ATTR_PASID);
    write32(device, NYX_TD_DMA_PASID, pasid == NO_PASID ? 0 : pasid);
    write64(device, NYX_TD_DMA_OPERAND, value);
    write32(device, NYX_TD_DMA_DOORBELL, 1);
    return read32(device, NYX_TD_DMA_STATUS);
}

static void dma_write_as(const struct device *device, uint32_t pasid,
                         uint64_t iova, uint64_t value)
{
    uint32_t status = request(device, NYX_TD_OP_FILL, pasid, iova, value);

    if (status != NYX_TD_ST_OK) {
        errx(1, "DMA write to 0x%llx: status %u", (unsigned long long)iova,
             status);
    }
}

static void dma_write(const struct device *device, uint64_t iova,
                      uint64_t value)
{
    dma_write_as(device, NO_PASID, iova, value);
}

static void dma_read(const struct device *device, uint64_t iova)
{
    uint32_t status = request(device, NYX_TD_OP_READ, NO_PASID, iova, 0);

    if (status != NYX_TD_ST_OK) {
        errx(1, "DMA read of 0x%llx: status %u", (unsigned long long)iova,
             status);
    }
}

static void dma_refused_as(const struct device *device, const char *operation,
                           uint32_t pasid, uint64_t iova)
{
    uint32_t status = request(device, NYX_TD_OP_FILL, pasid, iova, ~0ull);

    if (status != NYX_TD_ST_BLOCKED && status != NYX_TD_ST_TX_ERROR) {
        errx(1, "DMA write to 0x%llx: status %u instead of a refusal",
             (unsigned long long)iova, status);
    }
    printf("refused %s 0x%llx\n", operation, (unsigned long long)iova);
}

static void dma_refused(const struct device *device, const char *operation,
                        uint64_t iova)
{
    dma_refused_as(device, operation, NO_PASID, iova);
}

static void expect(const uint8_t *memory, unsigned page, uint64_t value)
{
    uint64_t found = *(volatile const uint64_t *)(memory + page * PAGE);

    if (found != value) {
        errx(1, "page %u holds 0x%llx, not 0x%llx", page,
             (unsigned long long)found, (unsigned long long)value);
    }
}

/* ----------------------------------------------------------------- tests */

static void test_info(struct device *device)
{
    struct iommu_hw_info_vtd vtd = { 0 };
    struct iommu_hw_info info = {
        .size = sizeof(info), .dev_id = device->id,
        .data_len = sizeof(vtd), .data_uptr = (uintptr_t)&vtd,
    };

    COMMAND(IOMMU_GET_HW_INFO, &info);
    if (info.out_data_type != IOMMU_HW_INFO_TYPE_INTEL_VTD) {
        errx(1, "the IOMMU is of type %u", info.out_data_type);
    }
    if (!(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING)) {
        errx(1, "no dirty tracking: capabilities 0x%llx",
             (unsigned long long)info.out_capabilities);
    }
    printf("hwinfo CAP 0x%llx\n", (unsigned long long)vtd.cap_reg);
    printf("hwinfo ECAP 0x%llx\n", (unsigned long long)vtd.ecap_reg);
    printf("hwinfo PASID-bits %u\n", info.out_max_pasid_log2);
}

#define DIRTY_IOVA 0x10000000ull

/* What is dirty is taken away, unless @flags says otherwise. */
static void expect_dirty(uint32_t hwpt, uint32_t flags, uint64_t pages)
{
    uint64_t bitmap = 0;
    struct iommu_hwpt_get_dirty_bitmap get = {
        .size = sizeof(get), .hwpt_id = hwpt, .flags = flags,
        .iova = DIRTY_IOVA, .length = MEMORY_SIZE, .page_size = PAGE,
        .data = (uintptr_t)&bitmap,
    };

    COMMAND(IOMMU_HWPT_GET_DIRTY_BITMAP, &get);
    if (bitmap != pages) {
        errx(1, "dirty are 0x%016llx, not 0x%016llx",
             (unsigned long long)bitmap, (unsigned long long)pages);
    }
}

static void set_tracking(uint32_t hwpt, bool on)
{
    struct iommu_hwpt_set_dirty_tracking set = {
        .size = sizeof(set), .hwpt_id = hwpt,
        .flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
    };

    COMMAND(IOMMU_HWPT_SET_DIRTY_TRACKING, &set);
}

static uint64_t write_pages(struct device *device, const uint8_t *memory,
                            uint64_t pages)
{
    for (unsigned page = 0; page < PAGES; page++) {
        if (pages >> page & 1) {
            dma_write(device, DIRTY_IOVA + page * PAGE, 0x1111 + page);
            expect(memory, page, 0x1111 + page);
        } else {
            dma_read(device, DIRTY_IOVA + page * PAGE);
        }
    }
    return pages;
}

static void test_dirty(struct device *device)
{
    static const uint64_t rounds[] = {
        1ull << 3, 0, 1ull << 3, 1ull << 63 | 1, 0xf0f00ff00f0ff0f0, ~0ull,
    };
    uint32_t ioas = ioas_new();
    uint8_t *memory = memory_new();
    uint32_t hwpt;

    ioas_map(ioas, memory, DIRTY_IOVA);
    hwpt = hwpt_new(device, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, NULL);
    attach(device, hwpt);
    /* Before tracking is on, nothing counts. */
    write_pages(device, memory, ~0ull);
    set_tracking(hwpt, true);
    expect_dirty(hwpt, 0, 0);
    for (unsigned i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
        write_pages(device, memory, rounds[i]);
        expect_dirty(hwpt, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, rounds[i]);
        expect_dirty(hwpt, 0, rounds[i]);
        expect_dirty(hwpt, 0, 0);
    }
    set_tracking(hwpt, false);
    write_pages(device, memory, 0x10);
}

#define UNMAP_IOVA 0x20000000ull

static void test_unmap(struct device *device)
{
    uint32_t ioas = ioas_new();
    uint8_t *memory = memory_new();
    uint32_t hwpt;

    ioas_map(ioas, memory, UNMAP_IOVA);
    /* So that second-stage tables are used, whatever the kernel prefers. */
    hwpt = hwpt_new(device, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, NULL);
    attach(device, hwpt);
    for (unsigned page = 0; page < PAGES; page++) {
        dma_write(device, UNMAP_IOVA + page * PAGE, page + 1);
        expect(memory, page, page + 1);
    }
    ioas_unmap(ioas, UNMAP_IOVA);
    dma_refused(device, "second", UNMAP_IOVA + 5 * PAGE);
    expect(memory, 5, 6);
    ioas_map(ioas, memory, UNMAP_IOVA);
    dma_write(device, UNMAP_IOVA + 5 * PAGE, 0x77);
    expect(memory, 5, 0x77);
}

/*
 * The memory is at GUEST_BASE for the second stage.  In it are first-stage
 * tables of four levels that map NESTED_IOVA and the pages after it.
 */
#define GUEST_BASE      0x40000000ull
#define NESTED_IOVA     0x7f8012345000ull
#define LEAF_TABLE      3

static uint64_t *entry_of(uint8_t *memory, unsigned page, uint64_t iova,
                          unsigned level)
{
    uint64_t *table = (uint64_t *)(memory + page * PAGE);

    return &table[iova >> (12 + 9 * level) & 511];
}

static void point(uint8_t *memory, uint64_t iova, unsigned page)
{
    *(volatile uint64_t *)entry_of(memory, LEAF_TABLE, iova, 0) =
        (GUEST_BASE + page * PAGE) | ENTRY_TABLE;
}

static void make_tables(uint8_t *memory)
{
    for (unsigned page = 0; page < LEAF_TABLE; page++) {
        *entry_of(memory, page, NESTED_IOVA, 3 - page) =
            (GUEST_BASE + (page + 1) * PAGE) | ENTRY_TABLE;
    }
}

static void invalidate(uint32_t hwpt, uint64_t iova, uint64_t npages)
{
    struct iommu_hwpt_vtd_s1_invalidate entry = {
        .addr = iova, .npages = npages,
    };
    struct iommu_hwpt_invalidate order = {
        .size = sizeof(order), .hwpt_id = hwpt,
        .data_uptr = (uintptr_t)&entry,
        .data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
        .entry_len = sizeof(entry), .entry_num = 1,
    };

    COMMAND(IOMMU_HWPT_INVALIDATE, &order);
    if (order.entry_num != 1) {
        errx(1, "%u invalidations were handled", order.entry_num);
    }
}

/* A used entry is accessed, one written through is dirty as well. */
static void expect_marks(uint8_t *memory, uint64_t iova)
{
    uint64_t leaf = *entry_of(memory, LEAF_TABLE, iova, 0);

    for (unsigned page = 0; page < LEAF_TABLE; page++) {
        if (!(*entry_of(memory, page, iova, 3 - page) & ENTRY_ACCESSED)) {
            errx(1, "table %u is not accessed", page);
        }
    }
    if ((leaf & (ENTRY_ACCESSED | ENTRY_DIRTY)) !=
        (ENTRY_ACCESSED | ENTRY_DIRTY)) {
        errx(1, "leaf 0x%llx: not accessed and dirty",
             (unsigned long long)leaf);
    }
}

static void change_and_invalidate(struct device *device, uint8_t *memory,
                                  uint32_t hwpt)
{
    /* A hit: the unit has no reason to look at the tables. */
    point(memory, NESTED_IOVA, 11);
    dma_write(device, NESTED_IOVA, 2);
    expect(memory, 10, 2);
    expect(memory, 11, 0);
    invalidate(hwpt, NESTED_IOVA, 1);
    dma_write(device, NESTED_IOVA, 3);
    expect(memory, 10, 2);
    expect(memory, 11, 3);

    /* Everything at once. */
    point(memory, NESTED_IOVA, 12);
    invalidate(hwpt, 0, UINT64_MAX);
    dma_write(device, NESTED_IOVA, 4);
    expect(memory, 12, 4);

    *entry_of(memory, LEAF_TABLE, NESTED_IOVA, 0) = 0;
    invalidate(hwpt, NESTED_IOVA, 1);
    dma_refused(device, "first", NESTED_IOVA);
    expect(memory, 12, 4);
}

static void test_nested(struct device *device)
{
    struct iommu_hwpt_vtd_s1 stage1 = {
        .pgtbl_addr = GUEST_BASE, .addr_width = 48,
    };
    uint32_t ioas = ioas_new();
    uint8_t *memory = memory_new();
    uint32_t parent, hwpt;

    ioas_map(ioas, memory, GUEST_BASE);
    parent = hwpt_new(device, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, NULL);
    hwpt = hwpt_new(device, parent, 0, &stage1);
    make_tables(memory);
    point(memory, NESTED_IOVA, 10);
    attach(device, hwpt);
    dma_write(device, NESTED_IOVA, 1);
    expect(memory, 10, 1);
    expect_marks(memory, NESTED_IOVA);
    change_and_invalidate(device, memory, hwpt);

    /* Beyond what the second stage maps. */
    point(memory, NESTED_IOVA, PAGES);
    invalidate(hwpt, NESTED_IOVA, 1);
    dma_refused(device, "beyond", NESTED_IOVA);
    point(memory, NESTED_IOVA, 13);
    invalidate(hwpt, NESTED_IOVA, 1);
    dma_write(device, NESTED_IOVA, 5);
    expect(memory, 13, 5);

    /* The memory behind the tables goes; all of it, tables included. */
    ioas_unmap(ioas, GUEST_BASE);
    dma_refused(device, "tables", NESTED_IOVA);
}

#define SHARED_IOVA     0x30000000ull
#define PASID           5

static void test_pasid(struct device *device)
{
    uint32_t plain = ioas_new(), other = ioas_new();
    uint8_t *memory = memory_new(), *private = memory_new();
    uint32_t hwpt;

    ioas_map(plain, memory, SHARED_IOVA);
    ioas_map(other, private, SHARED_IOVA);
    attach(device, hwpt_new(device, plain, IOMMU_HWPT_ALLOC_PASID, NULL));
    hwpt = hwpt_new(device, other, IOMMU_HWPT_ALLOC_PASID, NULL);
    attach_pasid(device, PASID, hwpt);

    /* The same address, with and without the PASID. */
    dma_write(device, SHARED_IOVA, 1);
    dma_write_as(device, PASID, SHARED_IOVA, 2);
    expect(memory, 0, 1);
    expect(private, 0, 2);
    dma_refused_as(device, "pasid", PASID + 1, SHARED_IOVA);
    detach_pasid(device, PASID);
    dma_refused_as(device, "pasid", PASID, SHARED_IOVA + PAGE);
    expect(private, 1, 0);
    dma_write(device, SHARED_IOVA, 3);
    expect(memory, 0, 3);
}

/* Both stages, and a PASID with the second only, until somebody ends us. */
static void test_hold(struct device *device)
{
    struct iommu_hwpt_vtd_s1 stage1 = {
        .pgtbl_addr = GUEST_BASE, .addr_width = 48,
    };
    uint32_t ioas = ioas_new(), other = ioas_new();
    uint8_t *memory = memory_new();
    uint32_t parent;

    ioas_map(ioas, memory, GUEST_BASE);
    ioas_map(other, memory_new(), SHARED_IOVA);
    make_tables(memory);
    point(memory, NESTED_IOVA, 10);
    parent = hwpt_new(device, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT |
                                    IOMMU_HWPT_ALLOC_PASID, NULL);
    attach(device, hwpt_new(device, parent, IOMMU_HWPT_ALLOC_PASID,
                            &stage1));
    attach_pasid(device, PASID, hwpt_new(device, other,
                                         IOMMU_HWPT_ALLOC_PASID, NULL));
    dma_write(device, NESTED_IOVA, 1);
    dma_write_as(device, PASID, SHARED_IOVA, 2);
    puts("holding");
    fflush(stdout);
    pause();
}

/* Where the kernel is, unless it is told to hide. */
#define KERNEL_TEXT 0xffffffff81000000ull

static void test_sva(struct device *device)
{
    uint8_t *memory = memory_new(), *moved;
    uint64_t local = 1;

    /* A variable and a page of ours, at our own addresses. */
    dma_write_as(device, device->pasid, (uintptr_t)&local, 2);
    if (*(volatile uint64_t *)&local != 2) {
        errx(1, "the variable is %llu", (unsigned long long)local);
    }
    dma_write_as(device, device->pasid, (uintptr_t)memory + PAGE, 3);
    expect(memory, 1, 3);

    /* What the processor's page tables do not permit. */
    dma_refused_as(device, "sva-user", device->pasid, KERNEL_TEXT);
    if (mprotect(memory, PAGE, PROT_READ)) {
        err(1, "mprotect");
    }
    dma_refused_as(device, "sva-write", device->pasid, (uintptr_t)memory);
    expect(memory, 0, 0);

    /* The kernel prints a few faults in five seconds, and no more. */
    sleep(6);

    /* Each change is seen. */
    dma_write_as(device, device->pasid, (uintptr_t)memory + 2 * PAGE, 4);
    moved = mremap(memory, MEMORY_SIZE, MEMORY_SIZE, MREMAP_MAYMOVE |
                   MREMAP_FIXED, (void *)0x123450000000);
    if (moved == MAP_FAILED) {
        err(1, "mremap");
    }
    dma_refused_as(device, "sva-present", device->pasid,
                   (uintptr_t)memory + 2 * PAGE);
    dma_write_as(device, device->pasid, (uintptr_t)moved + 3 * PAGE, 5);
    expect(moved, 2, 4);
    expect(moved, 3, 5);
    munmap(moved, MEMORY_SIZE);
    dma_refused_as(device, "sva-present", device->pasid,
                   (uintptr_t)moved + 3 * PAGE);
}

/* ---------------------------------------------------------- page requests */

static uint32_t translate(const struct device *device, uint64_t addr)
{
    return request(device, NYX_TD_OP_TRANSLATE, device->pasid, addr, 0);
}

static void expect_status(const char *what, uint32_t status, uint32_t wanted)
{
    if (status != wanted) {
        errx(1, "%s: status %u instead of %u", what, status, wanted);
    }
}

/* Ask the kernel for a page and wait; returns the code of its answer. */
static unsigned ask_for_page(const struct device *device, uint64_t addr,
                             unsigned group)
{
    uint32_t before = read32(device, NYX_TD_PRI_RESPONSES), word;

    write64(device, NYX_TD_PRI_ADDR, addr);
    write32(device, NYX_TD_PRI_PASID, device->pasid);
    write32(device, NYX_TD_PRI_GROUP, group);
    write32(device, NYX_TD_PRI_FLAGS, NYX_TD_ACCESS_READ |
            NYX_TD_ACCESS_WRITE | NYX_TD_PRI_F_PASID | NYX_TD_PRI_F_LAST);
    write32(device, NYX_TD_PRI_DOORBELL, 1);
    expect_status("page request", read32(device, NYX_TD_PRI_STATUS),
                  NYX_TD_ST_OK);
    for (unsigned i = 0; read32(device, NYX_TD_PRI_RESPONSES) == before; i++) {
        if (i == 10000) {
            errx(1, "no answer to a page request");
        }
        usleep(1000);
    }
    write32(device, NYX_TD_PRI_RESP_INDEX, before);
    word = read32(device, NYX_TD_PRI_RESP);
    if ((word & NYX_TD_PRI_GROUP_MASK) != group ||
        !(word & NYX_TD_PRI_RESP_EXPECTED) ||
        read32(device, NYX_TD_PRI_RESP_PASID) != device->pasid) {
        errx(1, "the answer is %#x", word);
    }
    return word >> NYX_TD_PRI_RESP_CODE_SHIFT & 0xf;
}

/* Pages of the process that nobody has touched yet, and one that is none. */
static void test_fault(struct device *device)
{
    uint8_t *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t on = NYX_TD_FEATURE_ATS_ON | NYX_TD_FEATURE_PASID_ON |
                  NYX_TD_FEATURE_PRI_ON;

    if (memory == MAP_FAILED || madvise(memory, MEMORY_SIZE,
                                        MADV_NOHUGEPAGE)) {
        err(1, "memory");
    }
    if ((read32(device, NYX_TD_FEATURES) & on) != on) {
        errx(1, "features are %#x", read32(device, NYX_TD_FEATURES));
    }
    for (unsigned i = 0; i < PAGES; i += 9) {
        uint64_t addr = (uintptr_t)memory + i * PAGE;

        expect_status("before", translate(device, addr),
                      NYX_TD_ST_NO_MAPPING);
        if (ask_for_page(device, addr, 0x100 + i) != 0) {
            errx(1, "page %u was refused", i);
        }
        expect_status("after", translate(device, addr), NYX_TD_ST_OK);
        dma_write_as(device, device->pasid, addr, 100 + i);
        expect(memory, i, 100 + i);
    }
    munmap(memory, MEMORY_SIZE);
    expect_status("unmapped", translate(device, (uintptr_t)memory),
                  NYX_TD_ST_NO_MAPPING);
    if (ask_for_page(device, (uintptr_t)memory, 1) != 1) {
        errx(1, "a page that is none was granted");
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*open)(struct device *device, const char *name);
        void (*run)(struct device *device);
    } tests[] = {
        { "info", vfio_open, test_info },
        { "dirty", vfio_open, test_dirty },
        { "unmap", vfio_open, test_unmap },
        { "nested", vfio_open, test_nested },
        { "pasid", vfio_open, test_pasid },
        { "hold", vfio_open, test_hold },
        { "sva", uio_open, test_sva },
        { "fault", uio_open, test_fault },
    };
    struct device device = { 0 };

    if (argc != 3) {
        errx(2, "usage: nyx-iommufd DEVICE TEST");
    }
    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (!strcmp(argv[2], tests[i].name)) {
            tests[i].open(&device, argv[1]);
            tests[i].run(&device);
            return 0;
        }
    }
    errx(2, "%s: no such test", argv[2]);
}
