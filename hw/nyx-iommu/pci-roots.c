/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root buses of the machine: see pci-roots.h.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/pci-roots.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_host.h"

static int visit_host_bridge(Object *obj, void *opaque)
{
    GPtrArray *roots = opaque;
    PCIHostState *host = (PCIHostState *)
        object_dynamic_cast(obj, TYPE_PCI_HOST_BRIDGE);

    if (host && host->bus) {
        g_ptr_array_add(roots, host->bus);
    }
    return 0;
}

static gint by_number(gconstpointer a, gconstpointer b)
{
    PCIBus *const *bus_a = a, *const *bus_b = b;

    return pci_bus_num(*bus_a) - pci_bus_num(*bus_b);
}

GPtrArray *nyx_pci_roots(void)
{
    GPtrArray *roots = g_ptr_array_new();

    object_child_foreach_recursive(object_get_root(), visit_host_bridge,
                                   roots);
    g_ptr_array_sort(roots, by_number);
    return roots;
}
