/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry behind requester.h: finds out which requester a PCI function
 * is for its IOMMU, and hands requests to the provider.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/rcu.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pci_bus.h"
#include "hw/nyx-iommu/requester.h"

typedef struct NyxProvider {
    struct rcu_head rcu;
    NyxRequestFn *fn;
    void *opaque;
} NyxProvider;

static NyxProvider *nyx_provider;

void nyx_request_provider_set(NyxRequestFn *fn, void *opaque)
{
    NyxProvider *old = nyx_provider;
    NyxProvider *provider = NULL;

    if (fn) {
        provider = g_new0(NyxProvider, 1);
        provider->fn = fn;
        provider->opaque = opaque;
    }
    qatomic_rcu_set(&nyx_provider, provider);
    if (old) {
        g_free_rcu(old, rcu);
    }
}

/* PCIDevice to NyxEndpointOps */
static GHashTable *nyx_endpoints;

void nyx_endpoint_register(PCIDevice *dev, const NyxEndpointOps *ops)
{
    if (!nyx_endpoints) {
        nyx_endpoints = g_hash_table_new(NULL, NULL);
    }
    g_hash_table_insert(nyx_endpoints, dev, (gpointer)ops);
}

void nyx_endpoint_unregister(PCIDevice *dev)
{
    if (nyx_endpoints) {
        g_hash_table_remove(nyx_endpoints, dev);
    }
}

const NyxEndpointOps *nyx_endpoint_find(PCIDevice *dev)
{
    return nyx_endpoints ? g_hash_table_lookup(nyx_endpoints, dev) : NULL;
}

/*
 * A conventional bus has one requester ID for all that is on it: that of the
 * secondary bus with devfn 0 below a PCI Express to PCI bridge, the bridge's
 * own otherwise.
 */
static void requester_cross_bridge(PCIBus *bus, NyxRequester *who)
{
    PCIDevice *bridge = bus->parent_dev;

    if (pci_bus_is_express(bus)) {
        return;
    }
    if (pci_is_express(bridge) &&
        pcie_cap_get_type(bridge) == PCI_EXP_TYPE_PCI_BRIDGE) {
        who->bus = bus;
        who->devfn = PCI_DEVFN(0, 0);
    } else {
        who->bus = pci_get_bus(bridge);
        who->devfn = bridge->devfn;
    }
}

NyxRequester nyx_requester_resolve_on(PCIBus *bus, int devfn)
{
    NyxRequester who = { .bus = bus, .devfn = devfn };

    while (!bus->iommu_ops && bus->parent_dev) {
        requester_cross_bridge(bus, &who);
        bus = pci_get_bus(bus->parent_dev);
    }
    if (!bus->iommu_ops || pci_bus_bypass_iommu(who.bus)) {
        who.bus = NULL;
    }
    return who;
}

NyxRequester nyx_requester_resolve(PCIDevice *dev)
{
    return nyx_requester_resolve_on(pci_get_bus(dev), dev->devfn);
}

bool nyx_request_submit_as(const NyxRequester *who, const NyxRequest *req,
                           NyxReply *reply)
{
    NyxProvider *provider;

    RCU_READ_LOCK_GUARD();
    provider = qatomic_rcu_read(&nyx_provider);
    if (!provider || !who->bus) {
        return false;
    }
    *reply = (NyxReply) { 0 };
    return provider->fn(provider->opaque, who->bus, who->devfn, req, reply);
}

bool nyx_request_submit(PCIDevice *dev, const NyxRequest *req, NyxReply *reply)
{
    NyxRequester who = nyx_requester_resolve(dev);

    return nyx_request_submit_as(&who, req, reply);
}

bool nyx_request_available(PCIDevice *dev)
{
    return nyx_provider && nyx_requester_resolve(dev).bus;
}
