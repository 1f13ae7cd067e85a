/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The address spaces that an IOMMU gives to PCI functions: one IOMMU memory
 * region, one bypass and one interrupt window each.  Shared by all models.
 */
#ifndef HW_NYX_IOMMU_DMA_SPACE_H
#define HW_NYX_IOMMU_DMA_SPACE_H

#include "hw/nyx-iommu/blocks.h"
#include "hw/nyx-iommu/compat.h"
#include "hw/nyx-iommu/request.h"
#include "hw/pci/pci.h"

typedef struct NyxDmaSpace NyxDmaSpace;
typedef struct NyxDmaDevice NyxDmaDevice;

/* What a model does for its functions.  @iommu is its own pointer. */
typedef struct NyxDmaOps {
    const char *name;        /* of the model, for errors and regions */
    /* State of the model for one function, and its end. */
    void *(*requester_new)(void *iommu, NyxDmaDevice *device);
    /* Widest address that can be translated, in bits. */
    uint8_t (*address_bits)(void *iommu);
    /* Any thread, under RCU. */
    bool (*translate)(void *requester, uint16_t sid, const NyxRequest *req,
                      NyxReply *reply);
    /* The same for a page request: whether it was taken.  NULL: no PRI. */
    bool (*page_request)(void *requester, uint16_t sid,
                         const NyxRequest *req);
    /*
     * Which consumers it has: @unmap, changes have to be announced; @map, all
     * mappings have to be.  False with @errp set if that cannot be.
     */
    bool (*notify)(void *requester, bool unmap, bool map, Error **errp);
    /* Whether to count on a consumer with @map that is not there now. */
    void (*expect)(void *requester, bool on);
    /* All mappings, from low to high. */
    void (*replay)(void *requester, NyxBlockVisit *visit, void *opaque);
    /* Whether its consumers have to see memory as it is. */
    bool (*direct)(void *requester);
    /* Whether a device of the host can be behind the IOMMU. */
    bool (*host_device)(void *iommu, void *requester, HostIOMMUDevice *hiod,
                        Error **errp);
    /* It is gone again.  NULL: nobody needs to know. */
    void (*host_gone)(void *iommu, HostIOMMUDevice *hiod);
    /* Whether requests have to be translated or checked now. */
    bool (*checked)(void *requester);
    /* Whether a function is not behind the IOMMU.  NULL: all are. */
    bool (*excluded)(void *iommu, PCIBus *bus, uint8_t devfn);
    /* A doubleword written to the interrupt range.  NULL: there is none. */
    MemTxResult (*interrupt)(void *requester, uint16_t sid, uint64_t addr,
                             uint32_t data);
    /* Any other access to the interrupt range. */
    void (*interrupt_misuse)(void *requester, uint16_t sid, uint64_t addr,
                             unsigned size, bool write);
    /* What a device's TLB holds is dropped along with mappings (@notify). */
    bool unmap_drops_device_tlbs;
} NyxDmaOps;

/* The interrupt address range of x86. */
#define NYX_INTR_BASE 0xfee00000ULL
#define NYX_INTR_SIZE 0x100000ULL

/**
 * nyx_dma_space_new: become the IOMMU of @bus and of all buses below.
 * @owner: QOM owner of the regions
 * @iommu: for the callbacks
 *
 * Returns NULL if the bus has an IOMMU.
 */
NyxDmaSpace *nyx_dma_space_new(const NyxDmaOps *ops, Object *owner,
                               void *iommu, PCIBus *bus, Error **errp);

/* At machine-done: whether another IOMMU has taken the place since. */
bool nyx_dma_space_check(const NyxDmaSpace *space, Error **errp);

/* An address space for a source that is no PCI function, with fixed @sid. */
AddressSpace *nyx_dma_space_fixed(NyxDmaSpace *space, const char *name,
                                  uint16_t sid);

/* What NyxDmaOps.requester_new made for it. */
void *nyx_dma_device_requester(const NyxDmaDevice *device);

/*
 * Where the way from the function up ends: the root bus, and the place of the
 * function or bridge on it.  False if it is no PCI function.
 */
bool nyx_dma_device_root(const NyxDmaDevice *device, PCIBus **root,
                         uint8_t *devfn);

/*
 * Whether it stands for all that is behind a bridge, with an id that is no
 * function's.
 */
bool nyx_dma_device_is_alias(const NyxDmaDevice *device);

/* NyxDmaOps.checked has changed: switch every function over. */
void nyx_dma_space_update(NyxDmaSpace *space);

/* The same for those with requester id @sid, or another one than before. */
void nyx_dma_space_update_sid(NyxDmaSpace *space, uint16_t sid);

/* NyxDmaOps.direct of the function has changed. */
void nyx_dma_device_update(NyxDmaDevice *device);

/*
 * Requester id that the function has now.  Its bus is there, as that of who
 * has made a request.
 */
uint16_t nyx_dma_device_sid(const NyxDmaDevice *device);

/* The same for any other; false if its bus is gone, and with it the id. */
bool nyx_dma_device_find_sid(const NyxDmaDevice *device, uint16_t *sid);

/**
 * nyx_dma_device_unmapped: tell the notifiers of @device of kind @type
 * (IOMMU_NOTIFIER_UNMAP or _DEVIOTLB_UNMAP) that [iova, iova + 2^lg2) may be
 * gone; lg2 of 64 is everything.  Those that are told of mappings know better.
 */
void nyx_dma_device_unmapped(NyxDmaDevice *device, IOMMUNotifierFlag type,
                             uint64_t iova, uint8_t lg2);

/*
 * The same for those that are told of mappings: [@first, @last] is gone, which
 * was the one mapping @only unless that is NULL; and @block is there.
 */
void nyx_dma_device_unmap(NyxDmaDevice *device, uint64_t first, uint64_t last,
                          const NyxBlock *only);
void nyx_dma_device_map(NyxDmaDevice *device, const NyxBlock *block);

/* The function with requester id @sid, if it is on a bus of ours. */
PCIDevice *nyx_dma_space_function(const NyxDmaSpace *space, uint16_t sid);

/* What is kept of it; NULL if it never asked for an address space. */
NyxDmaDevice *nyx_dma_space_find(NyxDmaSpace *space, uint16_t sid);

/* The same for ids that bridges have for what is below them. */
NyxDmaDevice *nyx_dma_space_find_alias(NyxDmaSpace *space, uint16_t sid);

void nyx_dma_space_register_types(void);

#endif
