/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several units behind one device: which functions are behind which.  A unit
 * has the root ports and devices that its option names, and everything below
 * them; the first unit has the rest, and the IOAPIC.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/acpi-options.h"
#include "hw/nyx-vtd/vtd.h"
#include "hw/pci/pci_bus.h"

bool nyx_vtd_units_parse(NyxVtdState *s, Error **errp)
{
    s->n_units = 1;
    for (unsigned i = 1; i < NYX_VTD_UNITS; i++) {
        if (!s->props.unit[i]) {
            continue;
        }
        if (i != s->n_units) {
            error_setg(errp, "unit%u is set and unit%u is not: number them "
                       "from 1 on", i, s->n_units);
            return false;
        }
        s->units[i].ids = g_strsplit(s->props.unit[i], ":", -1);
        s->n_units++;
    }
    for (unsigned i = 0; i < s->n_units; i++) {
        NyxVtdUnit *unit = &s->units[i];

        unit->s = s;
        unit->index = i;
        unit->name = i ? g_strdup_printf("%s.%u", TYPE_NYX_VTD, i)
                       : g_strdup(TYPE_NYX_VTD);
        unit->places = g_array_new(false, true, sizeof(NyxVtdPlace));
    }
    return true;
}

static bool has_place(const NyxVtdUnit *unit, const PCIBus *bus,
                      uint8_t devfn)
{
    for (unsigned i = 0; i < unit->places->len; i++) {
        const NyxVtdPlace *place = &g_array_index(unit->places, NyxVtdPlace,
                                                  i);

        if (place->bus == bus && place->devfn == devfn) {
            return true;
        }
    }
    return false;
}

/*
 * Some devices ask while the command line is still being worked through.  By
 * then what is above them is there, and has its id.
 */
static bool has_id(const NyxVtdUnit *unit, const PCIBus *bus, uint8_t devfn)
{
    const PCIDevice *dev = bus->devices[devfn];

    return dev && dev->qdev.id && unit->ids &&
           g_strv_contains((const char *const *)unit->ids, dev->qdev.id);
}

NyxVtdUnit *nyx_vtd_unit_at(NyxVtdState *s, const PCIBus *root, uint8_t devfn)
{
    for (unsigned i = 1; i < s->n_units; i++) {
        NyxVtdUnit *unit = &s->units[i];

        if (unit->places->len ? has_place(unit, root, devfn)
                              : has_id(unit, root, devfn)) {
            return unit;
        }
    }
    return &s->units[0];
}

static bool resolve_id(NyxVtdState *s, NyxVtdUnit *unit, const char *id,
                       Error **errp)
{
    PCIDevice *dev = nyx_pci_device_by_id(id);
    NyxVtdPlace place;

    if (!dev) {
        error_setg(errp, "unit%u: no PCI device with id=%s: give the -device "
                   "an id and use it here", unit->index, id);
        return false;
    }
    place = (NyxVtdPlace) { pci_get_bus(dev), dev->devfn };
    if (!pci_bus_is_root(place.bus)) {
        error_setg(errp, "unit%u: %s is behind a bridge: name the root port "
                   "or bridge on the root bus instead", unit->index, id);
        return false;
    }
    if (pci_bus_bypass_iommu(place.bus)) {
        error_setg(errp, "unit%u: %s is on a bus that bypasses the IOMMU: set "
                   "bypass_iommu=off there", unit->index, id);
        return false;
    }
    for (unsigned i = 1; i <= unit->index; i++) {
        if (has_place(&s->units[i], place.bus, place.devfn)) {
            error_setg(errp, "unit%u: %s is named twice: a device has one "
                       "unit", unit->index, id);
            return false;
        }
    }
    g_array_append_val(unit->places, place);
    return true;
}

bool nyx_vtd_units_resolve(NyxVtdState *s, Error **errp)
{
    for (unsigned i = 1; i < s->n_units; i++) {
        NyxVtdUnit *unit = &s->units[i];

        if (!*unit->ids) {
            return resolve_id(s, unit, "", errp);
        }
        for (char **id = unit->ids; *id; id++) {
            if (!resolve_id(s, unit, *id, errp)) {
                return false;
            }
        }
    }
    return true;
}
