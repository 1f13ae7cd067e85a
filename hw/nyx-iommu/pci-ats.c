/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATS and PRI through PCIIOMMUOps: see pci-ats.h.  Requests go the way that
 * nyx-testdev's go, and whoever listens is an endpoint as that one is.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/pci-ats.h"
#include "hw/nyx-iommu/requester.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"

#ifdef NYX_PCI_HAS_ATS

/* --- Requests ------------------------------------------------------------- */

static unsigned access_of(bool read, bool write, bool execute,
                          bool privileged)
{
    return (read ? NYX_ACCESS_READ : 0) | (write ? NYX_ACCESS_WRITE : 0) |
           (execute ? NYX_ACCESS_EXEC : 0) |
           (privileged ? NYX_ACCESS_PRIV : 0);
}

static IOMMUTLBEntry entry_of(const NyxRequest *req, const NyxReply *reply)
{
    unsigned access = reply->ok ? reply->access : NYX_ACCESS_NONE;
    uint64_t mask = reply->addr_mask;

    return (IOMMUTLBEntry) {
        .target_as = &address_space_memory,
        .iova = req->iova & ~mask,
        .translated_addr = reply->addr & ~mask,
        .addr_mask = mask,
        .perm = IOMMU_ACCESS_FLAG_FULL(access & NYX_ACCESS_READ,
                                       access & NYX_ACCESS_WRITE,
                                       access & NYX_ACCESS_EXEC,
                                       access & NYX_ACCESS_PRIV,
                                       reply->ats & NYX_ATS_GLOBAL,
                                       reply->ats & NYX_ATS_UNTRANSLATED),
        .pasid = req->has_pasid ? req->pasid : PCI_NO_PASID,
    };
}

ssize_t nyx_pci_ats_translate(PCIBus *bus, void *opaque, int devfn,
                              uint32_t pasid, bool privileged, bool execute,
                              hwaddr addr, size_t length, bool no_write,
                              IOMMUTLBEntry *result, size_t result_length,
                              uint32_t *err_count)
{
    const NyxRequester who = { bus, devfn };
    NyxRequest req = {
        .type = NYX_REQ_TRANSLATION,
        .access = access_of(true, !no_write, execute, privileged),
        .pasid = pasid == PCI_NO_PASID ? 0 : pasid,
        .has_pasid = pasid != PCI_NO_PASID,
        .iova = addr,
    };
    uint64_t last = addr + MIN(length - 1, UINT64_MAX - addr);
    size_t n = 0;

    *err_count = 0;
    if (!length) {
        return 0;
    }
    for (;; n++) {
        NyxReply reply;

        if (n == result_length) {
            return -ENOMEM;
        }
        if (!nyx_request_submit_as(&who, &req, &reply)) {
            return -ENODEV;
        }
        result[n] = entry_of(&req, &reply);
        if (!(result[n].perm & IOMMU_RW)) {
            (*err_count)++;
        }
        if ((req.iova | reply.addr_mask) >= last) {
            return n + 1;
        }
        req.iova = (req.iova | reply.addr_mask) + 1;
    }
}

int nyx_pci_pri_request(PCIBus *bus, void *opaque, int devfn, uint32_t pasid,
                        bool privileged, bool execute, hwaddr addr, bool last,
                        uint16_t group, bool read, bool write)
{
    const NyxRequester who = { bus, devfn };
    const NyxRequest req = {
        .type = NYX_REQ_PAGE,
        .access = access_of(read, write, execute, privileged),
        .iova = addr,
        .pasid = pasid == PCI_NO_PASID ? 0 : pasid,
        .has_pasid = pasid != PCI_NO_PASID,
        .last = last,
        .group = group & PCI_PRI_PRGI_MASK,
    };
    NyxReply reply;

    if (!nyx_request_submit_as(&who, &req, &reply)) {
        return -ENODEV;
    }
    return reply.ok ? 0 : -EBUSY;
}

/* --- Listeners ------------------------------------------------------------ */

typedef struct Listener {
    uint32_t pasid;          /* or PCI_NO_PASID */
    IOMMUNotifier *iotlb;    /* one of the two */
    IOMMUPRINotifier *pri;
} Listener;

/* PCIDevice to a GArray of Listener; under the big lock. */
static GHashTable *listeners;

static GArray *listeners_of(const PCIDevice *dev)
{
    return listeners ? g_hash_table_lookup(listeners, dev) : NULL;
}

static NyxEndpointAnswer pass_invalidation(PCIDevice *dev,
                                           const NyxEndpointInv *inv)
{
    uint64_t mask = MAKE_64BIT_MASK(0, MIN(inv->lg2, 64));
    GArray *array = listeners_of(dev);

    for (unsigned i = 0; array && i < array->len; i++) {
        const Listener *l = &g_array_index(array, Listener, i);
        const IOMMUTLBEvent event = {
            .type = IOMMU_NOTIFIER_DEVIOTLB_UNMAP,
            .entry = {
                .target_as = &address_space_memory,
                .iova = inv->addr & ~mask,
                .addr_mask = mask,
                .perm = IOMMU_NONE,
                .pasid = l->pasid,
            },
        };
        bool meant = l->pasid == PCI_NO_PASID ? !inv->has_pasid
                     : inv->has_pasid &&
                       (inv->global || inv->pasid == l->pasid);

        if (l->iotlb && meant) {
            memory_region_notify_iommu_one(l->iotlb, &event);
        }
    }
    return NYX_ENDPOINT_DONE;
}

static bool pass_response(PCIDevice *dev, const NyxPageResponse *response)
{
    uint32_t pasid = response->has_pasid ? response->pasid : PCI_NO_PASID;
    GArray *array = listeners_of(dev);
    IOMMUPRIResponse message = {
        .prgi = response->group,
        .response_code =
            response->code == NYX_PAGE_SUCCESS ? IOMMU_PRI_RESP_SUCCESS :
            response->code == NYX_PAGE_INVALID ? IOMMU_PRI_RESP_INVALID_REQUEST
                                               : IOMMU_PRI_RESP_FAILURE,
    };

    for (unsigned i = 0; array && i < array->len; i++) {
        const Listener *l = &g_array_index(array, Listener, i);

        if (l->pri && l->pasid == pasid) {
            l->pri->notify(l->pri, &message);
            return true;
        }
    }
    return false;
}

static const NyxEndpointOps endpoint_ops = {
    .invalidate = pass_invalidation,
    .page_response = pass_response,
};

static void listener_add(PCIBus *bus, int devfn, const Listener *l)
{
    PCIDevice *dev = bus->devices[devfn];
    GArray *array = listeners_of(dev);

    if (!dev) {
        return;
    }
    if (!array) {
        if (!listeners) {
            listeners = g_hash_table_new(NULL, NULL);
        }
        array = g_array_new(FALSE, FALSE, sizeof(Listener));
        g_hash_table_insert(listeners, dev, array);
        nyx_endpoint_register(dev, &endpoint_ops);
    }
    g_array_append_vals(array, l, 1);
}

/* @n is NULL for whatever page-request listener there is. */
static void listener_remove(PCIBus *bus, int devfn, uint32_t pasid,
                     const IOMMUNotifier *n)
{
    PCIDevice *dev = bus->devices[devfn];
    GArray *array = listeners_of(dev);

    for (unsigned i = 0; array && i < array->len; i++) {
        const Listener *l = &g_array_index(array, Listener, i);

        if (l->pasid != pasid || l->iotlb != n) {
            continue;
        }
        g_array_remove_index(array, i);
        if (!array->len) {
            g_hash_table_remove(listeners, dev);
            g_array_free(array, TRUE);
            nyx_endpoint_unregister(dev);
        }
        return;
    }
}

void nyx_pci_ats_init(PCIBus *bus, void *opaque, int devfn, IOMMUNotifier *n,
                      IOMMUNotify fn, void *user)
{
    n->opaque = user;
    iommu_notifier_init(n, fn, IOMMU_NOTIFIER_DEVIOTLB_EVENTS, 0, HWADDR_MAX,
                        0);
}

void nyx_pci_ats_listen(PCIBus *bus, void *opaque, int devfn, uint32_t pasid,
                        IOMMUNotifier *n)
{
    listener_add(bus, devfn, &(Listener) { .pasid = pasid, .iotlb = n });
}

void nyx_pci_ats_unlisten(PCIBus *bus, void *opaque, int devfn,
                          uint32_t pasid, IOMMUNotifier *n)
{
    listener_remove(bus, devfn, pasid, n);
}

void nyx_pci_pri_listen(PCIBus *bus, void *opaque, int devfn, uint32_t pasid,
                        IOMMUPRINotifier *n)
{
    listener_add(bus, devfn, &(Listener) { .pasid = pasid, .pri = n });
}

void nyx_pci_pri_unlisten(PCIBus *bus, void *opaque, int devfn,
                          uint32_t pasid)
{
    listener_remove(bus, devfn, pasid, NULL);
}

#endif
