/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading options of ACPI tables: see acpi-options.h.
 */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "hw/nyx-iommu/acpi-options.h"
#include "hw/pci/pci_device.h"

PCIDevice *nyx_pci_device_by_id(const char *id)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);
    Object *obj = *id ? object_resolve_path(path, NULL) : NULL;

    return (PCIDevice *)(obj ? object_dynamic_cast(obj, TYPE_PCI_DEVICE)
                             : NULL);
}

const char *nyx_parse_pci_address(const char *text, uint8_t *bus,
                                  uint8_t *devfn)
{
    unsigned b, slot, fn;
    int n = 0;

    if (sscanf(text, "%2x:%2x.%1x%n", &b, &slot, &fn, &n) != 3 || !n ||
        slot >= PCI_SLOT_MAX || fn >= PCI_FUNC_MAX) {
        return NULL;
    }
    *bus = b;
    *devfn = PCI_DEVFN(slot, fn);
    return text + n;
}

/* A page begins at the number that is read, or @add behind it. */
static bool whole_page(const char *text, uint64_t add, uint64_t *value)
{
    return !qemu_strtou64(text, NULL, 0, value) &&
           !((*value + add) & MAKE_64BIT_MASK(0, 12));
}

bool nyx_parse_pages(const char *text, uint64_t *base, uint64_t *limit)
{
    g_auto(GStrv) bounds = g_strsplit(text, "-", 2);

    return bounds[0] && bounds[1] && whole_page(bounds[0], 0, base) &&
           whole_page(bounds[1], 1, limit) && *base <= *limit;
}
