/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of an IOMMU to an endpoint that it knows by its requester id; and
 * what a device of the host needs of its IOMMU.
 */
#ifndef HW_NYX_IOMMU_ENDPOINT_H
#define HW_NYX_IOMMU_ENDPOINT_H

#include "hw/nyx-iommu/dma-space.h"
#include "hw/nyx-iommu/requester.h"

/**
 * nyx_endpoint_send_invalidation: have an endpoint drop translations.
 * @space: the IOMMU's
 *
 * One that is not there or has no ATS never answers.  Notifiers know no
 * PASIDs: they hear of the range whatever the PASID.
 */
NyxEndpointAnswer nyx_endpoint_send_invalidation(NyxDmaSpace *space,
                                                 uint16_t sid,
                                                 const NyxEndpointInv *inv);

/* False if the endpoint waits for no such response. */
bool nyx_endpoint_send_response(NyxDmaSpace *space, uint16_t sid,
                                const NyxPageResponse *response);

/* What a model says when it is asked to have a device of the host. */
typedef struct NyxHostNeeds {
    const char *type;        /* QOM type of the model */
    const char *follow;      /* option that makes the guest announce maps */
    const char *width;       /* option for the address width */
    const uint8_t *widths;   /* values it can have, widest first; ends with 0 */
    bool follows;            /* the option is on */
    uint8_t bits;            /* address width that it has */
} NyxHostNeeds;

/* Whether the host's IOMMU can do what the guest will ask of ours. */
bool nyx_host_device_check(HostIOMMUDevice *hiod, const NyxHostNeeds *needs,
                           Error **errp);

#endif
