/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VIOT table (ACPI 6.5, 5.2.34) that tells kernels of the device, and which
 * functions are behind it.
 *
 * Firmware numbers the buses after the table was made, but reads it after
 * that: the machine builds its tables anew then, and ours is replaced by one
 * of the same size.
 */
#include "qemu/osdep.h"
#include "hw/acpi/aml-build.h"
#include "hw/nyx-iommu/acpi-table.h"
#include "hw/pci/pci_device.h"
#include "hw/virtio-iommu-ext/viommu.h"

#define VIOT_REVISION       0
#define VIOT_NODES_AT       48

#define NODE_PCI_RANGE      1
#define NODE_PCI_RANGE_SIZE 24
#define NODE_IOMMU_PCI      3
#define NODE_IOMMU_PCI_SIZE 16

static void add_node(GArray *table, uint8_t type, uint16_t size)
{
    build_append_int_noprefix(table, type, 1);
    build_append_int_noprefix(table, 0, 1);
    build_append_int_noprefix(table, size, 2);
}

static void add_iommu(GArray *table, uint16_t id)
{
    add_node(table, NODE_IOMMU_PCI, NODE_IOMMU_PCI_SIZE);
    build_append_int_noprefix(table, 0, 2);             /* segment */
    build_append_int_noprefix(table, id, 2);
    build_append_int_noprefix(table, 0, 8);
}

/* An endpoint's id is its requester id. */
static void add_range(GArray *table, const NyxVioRange *range)
{
    add_node(table, NODE_PCI_RANGE, NODE_PCI_RANGE_SIZE);
    build_append_int_noprefix(table, range->first, 4);  /* of ids */
    build_append_int_noprefix(table, 0, 2);             /* first segment */
    build_append_int_noprefix(table, 0, 2);             /* last segment */
    build_append_int_noprefix(table, range->first, 2);
    build_append_int_noprefix(table, range->last, 2);
    build_append_int_noprefix(table, VIOT_NODES_AT, 2); /* who translates */
    build_append_int_noprefix(table, 0, 6);
}

/*
 * Where there is room for more ranges the last one stands there again, which
 * says nothing new; the IOMMU's own id if there is none, which nobody
 * translates.
 */
static GArray *build(const NyxVioState *s)
{
    GArray *table = nyx_acpi_header("VIOT", VIOT_REVISION);
    g_autoptr(GArray) ranges = nyx_vio_places_ranges(s);
    uint16_t own = pci_get_bdf(s->pci);
    NyxVioRange range = { own, own };

    build_append_int_noprefix(table, s->ranges + 1, 2); /* nodes */
    build_append_int_noprefix(table, VIOT_NODES_AT, 2);
    build_append_int_noprefix(table, 0, 8);
    add_iommu(table, own);
    for (unsigned i = 0; i < s->ranges; i++) {
        if (i < ranges->len) {
            range = g_array_index(ranges, NyxVioRange, i);
        }
        add_range(table, &range);
    }
    return table;
}

bool nyx_vio_acpi_install(NyxVioState *s, Error **errp)
{
    s->ranges = nyx_vio_places_ranges_max(s);
    return nyx_acpi_install(build(s), errp);
}

void nyx_vio_acpi_refresh(NyxVioState *s)
{
    if (s->ranges) {
        nyx_acpi_replace(build(s));
    }
}
