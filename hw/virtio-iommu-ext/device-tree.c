/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device in the device tree of a machine that has one: a node of its own
 * below the PCI host bridge, and in the host bridge's node which requester ids
 * are behind it (devicetree bindings virtio/pci-iommu and pci/pci-iommu).
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/nyx-iommu/compat.h"
#include "hw/pci/pci_device.h"
#include "hw/virtio-iommu-ext/viommu.h"
#include "system/device_tree.h"

/* A QEMU of which no machine has a tree may be built without these. */
#pragma weak qemu_fdt_add_subnode
#pragma weak qemu_fdt_alloc_phandle
#pragma weak qemu_fdt_node_path
#pragma weak qemu_fdt_setprop
#pragma weak qemu_fdt_setprop_cell

#define HOST_BRIDGE "pci-host-ecam-generic"

static void *machine_tree(void)
{
    return qemu_fdt_node_path ? MACHINE(qdev_get_machine())->fdt : NULL;
}

/* Path of the node of the PCI host bridge; NULL if there is none. */
static char *find_host_bridge(void)
{
    void *tree = machine_tree();
    g_auto(GStrv) paths = tree ? qemu_fdt_node_path(tree, NULL, HOST_BRIDGE,
                                                    NULL) : NULL;

    return paths ? g_strdup(paths[0]) : NULL;
}

bool nyx_vio_tree_possible(void)
{
    g_autofree char *host = find_host_bridge();

    return host;
}

/* IEEE 1275 PCI bus binding: the first cell of "reg" is where it is. */
static void add_node(void *tree, const char *host, uint16_t id,
                     uint32_t phandle)
{
    static const char compatible[] = "virtio,pci-iommu\0pci1af4,1057";
    const uint32_t reg[5] = { cpu_to_be32((uint32_t)id << 8) };
    g_autofree char *node = g_strdup_printf("%s/iommu@%x,%x", host,
                                            PCI_SLOT(id), PCI_FUNC(id));

    qemu_fdt_add_subnode(tree, node);
    qemu_fdt_setprop(tree, node, "compatible", compatible, sizeof(compatible));
    qemu_fdt_setprop(tree, node, "reg", reg, sizeof(reg));
    qemu_fdt_setprop_cell(tree, node, "#iommu-cells", 1);
    qemu_fdt_setprop_cell(tree, node, "phandle", phandle);
}

/* Requester ids @first to @last have themselves as ids of endpoints. */
static void add_entry(GArray *map, uint32_t phandle, uint32_t first,
                      uint32_t last)
{
    const uint32_t entry[4] = {
        cpu_to_be32(first), cpu_to_be32(phandle), cpu_to_be32(first),
        cpu_to_be32(last - first + 1),
    };

    if (first <= last) {
        g_array_append_vals(map, entry, ARRAY_SIZE(entry));
    }
}

/* A node that is its own IOMMU would never get a driver. */
static void add_range(GArray *map, uint32_t phandle, const NyxVioRange *range,
                      uint32_t own)
{
    if (own < range->first || own > range->last) {
        add_entry(map, phandle, range->first, range->last);
        return;
    }
    if (own) {
        add_entry(map, phandle, range->first, own - 1);
    }
    add_entry(map, phandle, own + 1, range->last);
}

void nyx_vio_tree_install(const NyxVioState *s)
{
    void *tree = machine_tree();
    g_autofree char *host = find_host_bridge();
    g_autoptr(GArray) ranges = nyx_vio_places_ranges_unnumbered(s);
    g_autoptr(GArray) map = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    uint32_t phandle = qemu_fdt_alloc_phandle(tree);
    uint16_t own = pci_get_bdf(s->pci);

    add_node(tree, host, own, phandle);
    for (unsigned i = 0; i < ranges->len; i++) {
        add_range(map, phandle, &g_array_index(ranges, NyxVioRange, i), own);
    }
    if (map->len) {
        qemu_fdt_setprop(tree, host, "iommu-map", map->data,
                         map->len * sizeof(uint32_t));
    }
}
