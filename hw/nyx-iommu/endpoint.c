/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Endpoints by requester id, and devices of the host: see endpoint.h.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/endpoint.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"

static bool ats_enabled(const PCIDevice *dev)
{
    uint16_t cap = dev->exp.ats_cap;

    return cap && (pci_get_word(dev->config + cap + PCI_ATS_CTRL) &
                   PCI_ATS_CTRL_ENABLE);
}

NyxEndpointAnswer nyx_endpoint_send_invalidation(NyxDmaSpace *space,
                                                 uint16_t sid,
                                                 const NyxEndpointInv *inv)
{
    PCIDevice *dev = nyx_dma_space_function(space, sid);
    const NyxEndpointOps *endpoint;
    NyxDmaDevice *device;

    if (!dev || !ats_enabled(dev)) {
        return NYX_ENDPOINT_SILENT;
    }
    endpoint = nyx_endpoint_find(dev);
    if (endpoint) {
        return endpoint->invalidate(dev, inv);
    }
    /* NULL if it never asked for an address space. */
    device = nyx_dma_space_find(space, sid);
    if (device) {
        nyx_dma_device_unmapped(device, IOMMU_NOTIFIER_DEVIOTLB_UNMAP,
                                inv->addr, inv->lg2);
    }
    return NYX_ENDPOINT_DONE;
}

bool nyx_endpoint_send_response(NyxDmaSpace *space, uint16_t sid,
                                const NyxPageResponse *response)
{
    PCIDevice *dev = nyx_dma_space_function(space, sid);
    const NyxEndpointOps *endpoint = dev ? nyx_endpoint_find(dev) : NULL;

    return endpoint && endpoint->page_response(dev, response);
}

/* Guests map pages of 4 KiB, whatever else there is. */
static bool small_pages(HostIOMMUDeviceClass *hc, HostIOMMUDevice *hiod,
                        const NyxHostNeeds *needs, Error **errp)
{
    uint64_t sizes = hc->get_page_size_mask(hiod);
    uint64_t smallest = sizes & -sizes;

    if (smallest <= 4096) {
        return true;
    }
    error_setg(errp, "the host's IOMMU has no pages of less than %" PRIu64
               "k for this device, %s has some of 4k: put the device on a bus "
               "with bypass_iommu=on", smallest >> 10, needs->type);
    return false;
}

bool nyx_host_device_check(HostIOMMUDevice *hiod, const NyxHostNeeds *needs,
                           Error **errp)
{
    HostIOMMUDeviceClass *hc = HOST_IOMMU_DEVICE_GET_CLASS(hiod);
    const uint8_t *width = needs->widths;
    g_autofree char *hint = NULL;
    int bits;

    if (!needs->follows) {
        error_setg(errp, "a device of the host needs to know of each new "
                   "mapping: set %s=on of %s", needs->follow, needs->type);
        return false;
    }
    if (hc->get_page_size_mask && !small_pages(hc, hiod, needs, errp)) {
        return false;
    }
    if (!hc->get_cap) {
        return true;
    }
    bits = hc->get_cap(hiod, HOST_IOMMU_DEVICE_CAP_AW_BITS, errp);
    if (bits < 0) {
        return false;
    }
    if (bits >= needs->bits) {
        return true;
    }
    while (*width > bits) {
        width++;
    }
    hint = *width ? g_strdup_printf("set %s=%u", needs->width, *width)
                  : g_strdup("put the device on a bus with bypass_iommu=on");
    error_setg(errp, "the host's IOMMU has %d address bits for this device, "
               "%s has %u: %s", bits, needs->type, needs->bits, hint);
    return false;
}
