/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A nyx-testdev in the hands of a program, and what the program has of
 * IOMMUFD.  All of it ends the program when something goes wrong.
 */
#ifndef TESTS_GUEST_IOMMUFD_H
#define TESTS_GUEST_IOMMUFD_H

#include <linux/iommufd.h>
#include <stdint.h>

#define PAGE            4096ull
#define PAGES           64u
#define MEMORY_SIZE     (PAGES * PAGE)

#define NO_PASID        UINT32_MAX

struct device {
    int fd;
    uint32_t id;            /* of IOMMUFD */
    uint32_t pasid;         /* of UIO */
    volatile uint8_t *bar;
};

/* An ioctl of IOMMUFD's */
void command(unsigned long request, void *argument, const char *name);
#define COMMAND(request, argument) command(request, argument, #request)

uint32_t ioas_new(void);
void ioas_map(uint32_t ioas, void *memory, uint64_t iova);
void ioas_unmap(uint32_t ioas, uint64_t iova);
uint32_t hwpt_new(const struct device *device, uint32_t ioas, uint32_t flags);
/* @parent: the HWPT of the other stage, or a virtual IOMMU with one */
uint32_t hwpt_new_over(const struct device *device, uint32_t parent,
                       uint32_t flags, uint32_t type, void *data,
                       uint32_t size);
uint32_t viommu_new(const struct device *device, uint32_t parent);
/* Pages, whole, zero, and never a huge one. */
uint8_t *memory_new(void);

void vfio_open(struct device *device, const char *name);
/* The driver binds the address space of whoever opens its file. */
void uio_open(struct device *device, const char *name);
void attach(const struct device *device, uint32_t hwpt);
void attach_pasid(const struct device *device, uint32_t pasid, uint32_t hwpt);
void detach_pasid(const struct device *device, uint32_t pasid);
void write32(const struct device *device, unsigned offset, uint32_t value);
uint32_t read32(const struct device *device, unsigned offset);
void write64(const struct device *device, unsigned offset, uint64_t value);

/* A request of the device; returns NYX_TD_ST_*. */
uint32_t request(const struct device *device, uint32_t op, uint32_t pasid,
                 uint64_t iova, uint64_t value);
/* DMA that must succeed, and DMA that must not */
void dma_write_as(const struct device *device, uint32_t pasid, uint64_t iova,
                  uint64_t value);
void dma_write(const struct device *device, uint64_t iova, uint64_t value);
void dma_read(const struct device *device, uint64_t iova);
void dma_refused_as(const struct device *device, const char *operation,
                    uint32_t pasid, uint64_t iova);
void dma_read_refused_as(const struct device *device, const char *operation,
                         uint32_t pasid, uint64_t iova);
void dma_refused(const struct device *device, const char *operation,
                 uint64_t iova);
/* The first word of a page */
void expect(const uint8_t *memory, unsigned page, uint64_t value);

#endif
