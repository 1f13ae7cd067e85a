/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where nyx-testdev's requests meet the Nyx IOMMU: one provider, set by the
 * IOMMU when it is realized, asked by requesters from any thread.  And the way
 * back: messages of the IOMMU to an endpoint that QEMU's notifiers cannot
 * carry.
 */
#ifndef HW_NYX_IOMMU_REQUESTER_H
#define HW_NYX_IOMMU_REQUESTER_H

#include "hw/nyx-iommu/request.h"
#include "hw/pci/pci.h"

/**
 * NyxRequestFn: answer one request.
 * @opaque: what was given to nyx_request_provider_set()
 * @bus: with @devfn the same pair that PCIIOMMUOps.get_address_space gets for
 *       the requesting function, that is after requester-ID aliasing
 * @devfn: see @bus
 * @req: the request
 * @reply: all zero on entry
 *
 * Called in any thread, with or without the big lock, inside an RCU read-side
 * critical section; must not take the big lock.
 *
 * Returns false if @bus and @devfn are not the IOMMU's to answer for.  A
 * refusal is true with @reply->ok false.
 */
typedef bool NyxRequestFn(void *opaque, PCIBus *bus, int devfn,
                          const NyxRequest *req, NyxReply *reply);

/**
 * NyxRequester: a function as an IOMMU sees it.
 * @bus: bus of the requester ID, not referenced; NULL if no IOMMU owns it
 * @devfn: of the requester ID on @bus
 */
typedef struct NyxRequester {
    PCIBus *bus;
    int devfn;
} NyxRequester;

/**
 * nyx_request_provider_set: make @fn the one that answers.
 * @fn: provider, or NULL to remove it
 * @opaque: for @fn; must live as long as a request may be under way
 *
 * Called with the big lock held.
 */
void nyx_request_provider_set(NyxRequestFn *fn, void *opaque);

/**
 * nyx_requester_resolve: find who @dev is for its IOMMU.
 * @dev: realized PCI function
 *
 * Applies the alias rules of pci_device_iommu_address_space().  Called with
 * the big lock held; the result holds until a bridge above @dev goes away.
 */
NyxRequester nyx_requester_resolve(PCIDevice *dev);

/* The same for a function that may not be there. */
NyxRequester nyx_requester_resolve_on(PCIBus *bus, int devfn);

/**
 * nyx_request_submit_as: make a request as @who, from any thread.
 * @who: from nyx_requester_resolve()
 * @req: the request
 * @reply: filled in if the result is true
 *
 * Returns false if no Nyx IOMMU is there to answer for @who.
 */
bool nyx_request_submit_as(const NyxRequester *who, const NyxRequest *req,
                           NyxReply *reply);

/**
 * nyx_request_submit: make a request as @dev.
 * @dev: realized PCI function
 * @req: the request
 * @reply: filled in if the result is true
 *
 * Called with the big lock held.
 *
 * Returns false if no Nyx IOMMU is there to answer for @dev.
 */
bool nyx_request_submit(PCIDevice *dev, const NyxRequest *req,
                        NyxReply *reply);

/**
 * nyx_request_available: whether a request of @dev would find a provider.
 * @dev: realized PCI function
 *
 * Called with the big lock held.
 */
bool nyx_request_available(PCIDevice *dev);

/* A device-TLB invalidation: [addr, addr + 2^lg2), all of it if lg2 is 64. */
typedef struct NyxEndpointInv {
    uint64_t addr;
    uint8_t lg2;
    bool has_pasid;
    bool global;           /* if has_pasid: of every PASID */
    uint32_t pasid;
} NyxEndpointInv;

typedef enum NyxEndpointAnswer {
    NYX_ENDPOINT_DONE,
    NYX_ENDPOINT_SILENT,   /* no completion */
    NYX_ENDPOINT_BAD,      /* one that makes no sense */
} NyxEndpointAnswer;

/* Codes of a page-group response (PCI Express, ATS). */
typedef enum NyxPageCode {
    NYX_PAGE_SUCCESS = 0,
    NYX_PAGE_INVALID = 1,
    NYX_PAGE_FAILURE = 15,
} NyxPageCode;

typedef struct NyxPageResponse {
    uint32_t pasid;        /* if has_pasid */
    uint16_t group;
    bool has_pasid;
    NyxPageCode code;
} NyxPageResponse;

/* What an endpoint does with messages; under the big lock. */
typedef struct NyxEndpointOps {
    NyxEndpointAnswer (*invalidate)(PCIDevice *dev, const NyxEndpointInv *inv);
    /* False if the endpoint waits for no such response. */
    bool (*page_response)(PCIDevice *dev, const NyxPageResponse *response);
} NyxEndpointOps;

/* Have messages for @dev go to @ops; with the big lock held. */
void nyx_endpoint_register(PCIDevice *dev, const NyxEndpointOps *ops);
void nyx_endpoint_unregister(PCIDevice *dev);
/* NULL if @dev has not registered. */
const NyxEndpointOps *nyx_endpoint_find(PCIDevice *dev);

#endif
