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
#include <err.h>
#include <linux/iommufd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "iommufd.h"
#include "testdev-regs.h"

/* First-stage entries: VT-d specification, 9.7. */
#define ENTRY_PRESENT   0x001ull
#define ENTRY_WRITE     0x002ull
#define ENTRY_USER      0x004ull
#define ENTRY_ACCESSED  0x020ull
#define ENTRY_DIRTY     0x040ull
#define ENTRY_TABLE     (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER)

/* Device table and GCR3 entries: AMD's specification 48882, 2.2.2, 2.2.6. */
#define DTE_V           (1ull << 0)
#define DTE_GIOV        (1ull << 54)
#define DTE_GV          (1ull << 55)
#define GCR3_V          1ull
#define GUEST_DOMAIN    7

union hardware {
    struct iommu_hw_info_vtd vtd;
    struct iommu_hw_info_amd amd;
};

/* ----------------------------------------------------------------- tests */

static void show_hardware(uint32_t type, const union hardware *hardware)
{
    switch (type) {
    case IOMMU_HW_INFO_TYPE_INTEL_VTD:
        printf("hwinfo CAP 0x%llx\nhwinfo ECAP 0x%llx\n",
               (unsigned long long)hardware->vtd.cap_reg,
               (unsigned long long)hardware->vtd.ecap_reg);
        break;
    case IOMMU_HW_INFO_TYPE_AMD:
        printf("hwinfo EFR 0x%llx\nhwinfo EFR2 0x%llx\n",
               (unsigned long long)hardware->amd.efr,
               (unsigned long long)hardware->amd.efr2);
        break;
    default:
        errx(1, "the IOMMU is of type %u", type);
    }
}

static void test_info(struct device *device)
{
    union hardware hardware = { 0 };
    struct iommu_hw_info info = {
        .size = sizeof(info), .dev_id = device->id,
        .data_len = sizeof(hardware), .data_uptr = (uintptr_t)&hardware,
    };

    COMMAND(IOMMU_GET_HW_INFO, &info);
    show_hardware(info.out_data_type, &hardware);
    if (!(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING)) {
        errx(1, "no dirty tracking: capabilities 0x%llx",
             (unsigned long long)info.out_capabilities);
    }
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

/* Else contiguous memory can make two pages one, and both dirty. */
static void map_small_pages(uint32_t ioas)
{
    struct iommu_option option = {
        .size = sizeof(option), .option_id = IOMMU_OPTION_HUGE_PAGES,
        .op = IOMMU_OPTION_OP_SET, .object_id = ioas, .val64 = 0,
    };

    COMMAND(IOMMU_OPTION, &option);
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

    map_small_pages(ioas);
    ioas_map(ioas, memory, DIRTY_IOVA);
    hwpt = hwpt_new(device, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
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
    hwpt = hwpt_new(device, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
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
 * tables of four levels that map NESTED_IOVA and the pages after it, those of
 * another PASID, and AMD's table of PASIDs.
 */
#define GUEST_BASE      0x40000000ull
#define NESTED_IOVA     0x7f8012345000ull
#define LEAF_TABLE      3
#define GCR3_TABLE      4
#define OTHER_TABLES    5

static uint64_t *entry_of(uint8_t *memory, unsigned page, uint64_t iova,
                          unsigned level)
{
    uint64_t *table = (uint64_t *)(memory + page * PAGE);

    return &table[iova >> (12 + 9 * level) & 511];
}

static uint64_t guest_address(unsigned page)
{
    return GUEST_BASE + page * PAGE;
}

/* @tables: the first of four */
static void point_in(uint8_t *memory, unsigned tables, uint64_t iova,
                     unsigned page)
{
    *(volatile uint64_t *)entry_of(memory, tables + LEAF_TABLE, iova, 0) =
        guest_address(page) | ENTRY_TABLE;
}

static void point(uint8_t *memory, uint64_t iova, unsigned page)
{
    point_in(memory, 0, iova, page);
}

static void make_tables(uint8_t *memory, unsigned tables)
{
    for (unsigned i = 0; i < LEAF_TABLE; i++) {
        *entry_of(memory, tables + i, NESTED_IOVA, 3 - i) =
            guest_address(tables + i + 1) | ENTRY_TABLE;
    }
}

static void set_gcr3(uint8_t *memory, uint32_t pasid, uint64_t entry)
{
    ((volatile uint64_t *)(memory + GCR3_TABLE * PAGE))[pasid] = entry;
}

/* IOMMU_GET_HW_INFO would make the kernel warn. */
static bool is_amd(void)
{
    return !access("/sys/class/iommu/ivhd0", F_OK);
}

/* Tables of ours over the kernel's. */
struct nested {
    uint32_t parent;
    uint32_t hwpt;
};

static uint32_t nested_vtd(const struct device *device, uint32_t parent,
                           uint32_t flags)
{
    struct iommu_hwpt_vtd_s1 stage1 = {
        .pgtbl_addr = GUEST_BASE, .addr_width = 48,
    };

    return hwpt_new_over(device, parent, flags, IOMMU_HWPT_DATA_VTD_S1,
                         &stage1, sizeof(stage1));
}

/* A guest's device table entry: GCR3 root bits 14:12, 30:15, 51:31. */
static uint32_t nested_amd(const struct device *device, uint32_t parent)
{
    uint64_t gcr3 = guest_address(GCR3_TABLE);
    struct iommu_hwpt_amd_guest guest = {
        .dte = {
            DTE_V | DTE_GIOV | DTE_GV | (gcr3 >> 12 & 0x7) << 58,
            GUEST_DOMAIN | (gcr3 >> 15 & 0xffff) << 16 | gcr3 >> 31 << 43,
        },
    };

    return hwpt_new_over(device, viommu_new(device, parent), 0,
                         IOMMU_HWPT_DATA_AMD_GUEST, &guest, sizeof(guest));
}

static struct nested nested_new(const struct device *device, uint32_t ioas,
                                uint8_t *memory, uint32_t flags)
{
    struct nested nested;

    make_tables(memory, 0);
    set_gcr3(memory, 0, GUEST_BASE | GCR3_V);
    point(memory, NESTED_IOVA, 10);
    nested.parent = hwpt_new(device, ioas,
                             IOMMU_HWPT_ALLOC_NEST_PARENT | flags);
    nested.hwpt = is_amd()
                  ? nested_amd(device, nested.parent)
                  : nested_vtd(device, nested.parent, flags);
    /* AMD's driver reports faults by the last domain that was not nested. */
    attach(device, nested.parent);
    attach(device, nested.hwpt);
    return nested;
}

/*
 * The tables have changed.  AMD's driver has no invalidation of nested tables;
 * it writes the device table entry anew.
 */
static void invalidate(const struct device *device,
                       const struct nested *nested, uint64_t iova,
                       uint64_t npages)
{
    struct iommu_hwpt_vtd_s1_invalidate entry = {
        .addr = iova, .npages = npages,
    };
    struct iommu_hwpt_invalidate order = {
        .size = sizeof(order), .hwpt_id = nested->hwpt,
        .data_uptr = (uintptr_t)&entry,
        .data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
        .entry_len = sizeof(entry), .entry_num = 1,
    };

    if (is_amd()) {
        attach(device, nested->parent);
        attach(device, nested->hwpt);
        return;
    }
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
                                  const struct nested *nested)
{
    /* A hit: the unit has no reason to look at the tables. */
    point(memory, NESTED_IOVA, 11);
    dma_write(device, NESTED_IOVA, 2);
    expect(memory, 10, 2);
    expect(memory, 11, 0);
    invalidate(device, nested, NESTED_IOVA, 1);
    dma_write(device, NESTED_IOVA, 3);
    expect(memory, 10, 2);
    expect(memory, 11, 3);

    /* Everything at once. */
    point(memory, NESTED_IOVA, 12);
    invalidate(device, nested, 0, UINT64_MAX);
    dma_write(device, NESTED_IOVA, 4);
    expect(memory, 12, 4);

    *entry_of(memory, LEAF_TABLE, NESTED_IOVA, 0) = 0;
    invalidate(device, nested, NESTED_IOVA, 1);
    dma_refused(device, "first", NESTED_IOVA);
    expect(memory, 12, 4);
}

static void test_nested(struct device *device)
{
    uint32_t ioas = ioas_new();
    uint8_t *memory = memory_new();
    struct nested nested;

    ioas_map(ioas, memory, GUEST_BASE);
    nested = nested_new(device, ioas, memory, 0);
    dma_write(device, NESTED_IOVA, 1);
    expect(memory, 10, 1);
    expect_marks(memory, NESTED_IOVA);
    change_and_invalidate(device, memory, &nested);

    /* Beyond what the second stage maps. */
    point(memory, NESTED_IOVA, PAGES);
    invalidate(device, &nested, NESTED_IOVA, 1);
    dma_refused(device, "beyond", NESTED_IOVA);
    point(memory, NESTED_IOVA, 13);
    invalidate(device, &nested, NESTED_IOVA, 1);
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
    attach(device, hwpt_new(device, plain, IOMMU_HWPT_ALLOC_PASID));
    hwpt = hwpt_new(device, other, IOMMU_HWPT_ALLOC_PASID);
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

/* PASIDs of AMD's nested tables are the guest's own business. */
static void test_guest_pasid(struct device *device)
{
    uint32_t ioas = ioas_new();
    uint8_t *memory = memory_new();
    struct nested nested;

    ioas_map(ioas, memory, GUEST_BASE);
    nested = nested_new(device, ioas, memory, 0);
    make_tables(memory, OTHER_TABLES);
    point_in(memory, OTHER_TABLES, NESTED_IOVA, 20);
    set_gcr3(memory, PASID, guest_address(OTHER_TABLES) | GCR3_V);

    /* The same address, with and without the PASID. */
    dma_write(device, NESTED_IOVA, 1);
    dma_write_as(device, PASID, NESTED_IOVA, 2);
    expect(memory, 10, 1);
    expect(memory, 20, 2);
    dma_refused_as(device, "gcr3", PASID + 1, NESTED_IOVA);

    /* Cached until told otherwise. */
    set_gcr3(memory, PASID, 0);
    dma_write_as(device, PASID, NESTED_IOVA, 3);
    expect(memory, 20, 3);
    invalidate(device, &nested, 0, UINT64_MAX);
    dma_refused_as(device, "gcr3", PASID, NESTED_IOVA);
    expect(memory, 20, 3);
    dma_write(device, NESTED_IOVA, 4);
    expect(memory, 10, 4);
}

/*
 * Both stages, and where the kernel lets us a PASID with the second only,
 * until somebody ends us.
 */
static void test_hold(struct device *device)
{
    uint32_t ioas = ioas_new(), other = ioas_new();
    uint8_t *memory = memory_new();

    ioas_map(ioas, memory, GUEST_BASE);
    if (is_amd()) {
        nested_new(device, ioas, memory, 0);
    } else {
        ioas_map(other, memory_new(), SHARED_IOVA);
        nested_new(device, ioas, memory, IOMMU_HWPT_ALLOC_PASID);
        attach_pasid(device, PASID, hwpt_new(device, other,
                                             IOMMU_HWPT_ALLOC_PASID));
        dma_write_as(device, PASID, SHARED_IOVA, 2);
    }
    dma_write(device, NESTED_IOVA, 1);
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
    dma_read_refused_as(device, "sva-user", device->pasid, KERNEL_TEXT);
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
        (word & NYX_TD_PRI_RESP_HAS_PASID &&
         read32(device, NYX_TD_PRI_RESP_PASID) != device->pasid)) {
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
        { "guest-pasid", vfio_open, test_guest_pasid },
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
