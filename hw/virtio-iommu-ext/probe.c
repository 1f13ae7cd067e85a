/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PROBE (5.13.6.7): what the driver has to know of an endpoint.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/virtio-iommu-ext/internal.h"

static size_t put_region(uint8_t *at, const NyxVioRegion *region)
{
    stw_le_p(at + NVIO_PROP_TYPE, NVIO_PROP_T_RESV_MEM);
    stw_le_p(at + NVIO_PROP_LENGTH, NVIO_RESV_SIZE - NVIO_PROP_HEAD_SIZE);
    at[NVIO_RESV_SUBTYPE] = region->subtype;
    stq_le_p(at + NVIO_RESV_START, region->first);
    stq_le_p(at + NVIO_RESV_END, region->last);
    return NVIO_RESV_SIZE;
}

uint8_t nyx_vio_probe(NyxVio *vio, const NyxVioIn *in)
{
    uint32_t endpoint = ldl_le_p(in->bytes + NVIO_PROBE_ENDPOINT);
    NyxVioRegion regions[NVIO_REGIONS_ALL];
    uint8_t status = NVIO_S_OK;
    size_t used = 0;

    if (!nyx_vio_endpoint_exists(vio, endpoint)) {
        status = nyx_vio_refuse_endpoint(vio, NVIO_S_NOENT,
                                         NVIO_RULE_ENDPOINT, endpoint,
                                         endpoint);
    } else if (in->out_len < NVIO_PROBE_SPACE) {
        status = nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL,
                                         NVIO_RULE_PROBE_SHORT, endpoint,
                                         in->out_len);
    } else {
        unsigned n = nyx_vio_regions(vio, endpoint, regions);

        for (unsigned i = 0; i < n; i++) {
            used += put_region(in->out + used, &regions[i]);
        }
        used += nyx_vio_tables_probe(vio, in->out + used);
    }
    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_PROBE, .status = status, .endpoint = endpoint,
        .a = used,
    });
    return status;
}
