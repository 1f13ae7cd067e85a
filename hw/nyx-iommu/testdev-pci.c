/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-testdev as a client of the ATS and PRI calls that QEMU's PCI interface
 * has from 10.1 on, instead of asking the Nyx IOMMU itself.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "testdev.h"

#ifdef NYX_PCI_HAS_ATS

/* PASIDs that are listened for, requests without one included. */
#define MAX_LISTENERS 16

typedef struct PciListener {
    NyxTestdevState *s;
    uint32_t pasid;          /* or PCI_NO_PASID */
    bool iotlb_on;
    bool pri_on;
    IOMMUNotifier iotlb;
    IOMMUPRINotifier pri;
} PciListener;

struct NyxTestdevPci {
    PciListener listener[MAX_LISTENERS];
    unsigned count;
};

static void invalidated(IOMMUNotifier *n, IOMMUTLBEntry *entry)
{
    const PciListener *l = container_of(n, PciListener, iotlb);
    const NyxEndpointInv inv = {
        .addr = entry->iova,
        .lg2 = entry->addr_mask == UINT64_MAX ? 64
                                              : cto64(entry->addr_mask),
        .has_pasid = l->pasid != PCI_NO_PASID,
        .pasid = l->pasid == PCI_NO_PASID ? 0 : l->pasid,
    };

    nyx_testdev_endpoint_ops.invalidate(PCI_DEVICE(l->s), &inv);
}

static void responded(IOMMUPRINotifier *n, IOMMUPRIResponse *message)
{
    const PciListener *l = container_of(n, PciListener, pri);
    const NyxPageResponse response = {
        .pasid = l->pasid == PCI_NO_PASID ? 0 : l->pasid,
        .has_pasid = l->pasid != PCI_NO_PASID,
        .group = message->prgi,
        .code = message->response_code == IOMMU_PRI_RESP_SUCCESS
                ? NYX_PAGE_SUCCESS :
                message->response_code == IOMMU_PRI_RESP_INVALID_REQUEST
                ? NYX_PAGE_INVALID : NYX_PAGE_FAILURE,
    };

    nyx_testdev_endpoint_ops.page_response(PCI_DEVICE(l->s), &response);
}

/* The one of @pasid; a new one if there is room; NULL: neither. */
static PciListener *listener_of(NyxTestdevState *s, uint32_t pasid)
{
    NyxTestdevPci *pci = s->pci;

    for (unsigned i = 0; i < pci->count; i++) {
        if (pci->listener[i].pasid == pasid) {
            return &pci->listener[i];
        }
    }
    if (pci->count == MAX_LISTENERS) {
        return NULL;
    }
    pci->listener[pci->count] = (PciListener) {
        .s = s, .pasid = pasid, .pri = { responded },
    };
    return &pci->listener[pci->count++];
}

/* What cannot be had yet, as PASIDs may be off, is asked for the next time. */
void nyx_testdev_pci_listen(NyxTestdevState *s, uint32_t pasid)
{
    PCIDevice *dev = PCI_DEVICE(s);
    PciListener *l = listener_of(s, pasid);

    if (!l) {
        return;
    }
    if (!l->iotlb_on &&
        !pci_iommu_init_iotlb_notifier(dev, &l->iotlb, invalidated, s)) {
        l->iotlb_on = !pci_iommu_register_iotlb_notifier(dev, pasid,
                                                         &l->iotlb);
    }
    if (!l->pri_on) {
        l->pri_on = !pci_pri_register_notifier(dev, pasid, &l->pri);
    }
}

bool nyx_testdev_pci_init(NyxTestdevState *s, Error **errp)
{
    if (s->pci_calls) {
        s->pci = g_new0(NyxTestdevPci, 1);
        nyx_testdev_pci_listen(s, PCI_NO_PASID);
    }
    return true;
}

void nyx_testdev_pci_exit(NyxTestdevState *s)
{
    PCIDevice *dev = PCI_DEVICE(s);

    for (unsigned i = 0; s->pci && i < s->pci->count; i++) {
        PciListener *l = &s->pci->listener[i];

        if (l->iotlb_on) {
            pci_iommu_unregister_iotlb_notifier(dev, l->pasid, &l->iotlb);
        }
        if (l->pri_on) {
            pci_pri_unregister_notifier(dev, l->pasid);
        }
    }
    g_clear_pointer(&s->pci, g_free);
}

static uint32_t pasid_of(const NyxRequest *req)
{
    return req->has_pasid ? req->pasid : PCI_NO_PASID;
}

bool nyx_testdev_pci_translate(PCIDevice *dev, const NyxRequest *req,
                               NyxReply *reply)
{
    IOMMUTLBEntry entry;
    uint32_t errors;
    ssize_t n = pci_ats_request_translation(dev, pasid_of(req),
                                            req->access & NYX_ACCESS_PRIV,
                                            req->access & NYX_ACCESS_EXEC,
                                            req->iova, 1,
                                            !(req->access & NYX_ACCESS_WRITE),
                                            &entry, 1, &errors);

    if (n == -ENODEV) {
        return false;
    }
    *reply = (NyxReply) { .ok = n == 1, .addr_mask = 0xfff };
    if (n == 1) {
        reply->addr = entry.translated_addr | (req->iova & entry.addr_mask);
        reply->addr_mask = entry.addr_mask;
        reply->access = (entry.perm & IOMMU_RO ? NYX_ACCESS_READ : 0) |
                        (entry.perm & IOMMU_WO ? NYX_ACCESS_WRITE : 0) |
                        (entry.perm & IOMMU_EXEC ? NYX_ACCESS_EXEC : 0) |
                        (entry.perm & IOMMU_PRIV ? NYX_ACCESS_PRIV : 0);
        reply->ats = (entry.perm & IOMMU_GLOBAL ? NYX_ATS_GLOBAL : 0) |
                     (entry.perm & IOMMU_UNTRANSLATED_ONLY
                      ? NYX_ATS_UNTRANSLATED : 0);
    }
    return true;
}

bool nyx_testdev_pci_page_request(NyxTestdevState *s, const NyxRequest *req,
                                  NyxReply *reply)
{
    int error;

    nyx_testdev_pci_listen(s, pasid_of(req));
    error = pci_pri_request_page(PCI_DEVICE(s), pasid_of(req),
                                 req->access & NYX_ACCESS_PRIV,
                                 req->access & NYX_ACCESS_EXEC, req->iova,
                                 req->last, req->group,
                                 req->access & NYX_ACCESS_READ,
                                 req->access & NYX_ACCESS_WRITE);
    *reply = (NyxReply) { .ok = !error };
    return error != -ENODEV;
}

#else

bool nyx_testdev_pci_init(NyxTestdevState *s, Error **errp)
{
    if (s->pci_calls) {
        error_setg(errp, "nyx-testdev: pci-calls=on needs QEMU 10.1 or later, "
                   "whose PCI interface has ATS; leave it off");
    }
    return !s->pci_calls;
}

void nyx_testdev_pci_exit(NyxTestdevState *s)
{
}

void nyx_testdev_pci_listen(NyxTestdevState *s, uint32_t pasid)
{
}

bool nyx_testdev_pci_translate(PCIDevice *dev, const NyxRequest *req,
                               NyxReply *reply)
{
    return false;
}

bool nyx_testdev_pci_page_request(NyxTestdevState *s, const NyxRequest *req,
                                  NyxReply *reply)
{
    return false;
}

#endif
