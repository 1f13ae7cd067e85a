/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The option endpoints=: what is behind the device.
 *
 * An item stands for a place: the way from a root bus down, so that a place
 * outlives what is plugged there.  While the command line is worked through
 * some devices ask already; by then what is above them is there.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/acpi-options.h"
#include "hw/nyx-iommu/pci-roots.h"
#include "hw/nyx-iommu/requester.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/virtio-iommu-ext/viommu.h"

/* PCI numbers no more buses than that. */
#define DEPTH_MAX 256

typedef struct Way {
    PCIBus *root;
    unsigned len;
    uint8_t devfns[DEPTH_MAX];   /* from the root down */
} Way;

typedef struct Place {
    Way way;
    bool itself;             /* the function there */
    bool below;              /* all that is below it, or on the root bus */
} Place;

struct NyxVioPlaces {
    GStrv items;
    GArray *places;          /* Place; NULL until machine-done */
};

/* --- Ways ----------------------------------------------------------------- */

/* Bridges from @bus up to its root. */
static void find_way(Way *way, PCIBus *bus)
{
    unsigned depth = 0;
    PCIBus *up = bus;

    while (!pci_bus_is_root(up)) {
        up = pci_get_bus(up->parent_dev);
        depth++;
    }
    way->root = up;
    way->len = MIN(depth, DEPTH_MAX - 1);
    for (unsigned i = way->len; i > 0; i--) {
        way->devfns[i - 1] = bus->parent_dev->devfn;
        bus = pci_get_bus(bus->parent_dev);
    }
}

static void way_to_function(Way *way, PCIBus *bus, uint8_t devfn)
{
    find_way(way, bus);
    way->devfns[way->len++] = devfn;
}

/* The bus that is @len steps down; NULL if something is not there now. */
static PCIBus *bus_at(const Way *way, unsigned len)
{
    PCIBus *bus = way->root;

    for (unsigned i = 0; i < len && bus; i++) {
        PCIDevice *dev = bus->devices[way->devfns[i]];

        bus = dev && object_dynamic_cast(OBJECT(dev), TYPE_PCI_BRIDGE)
              ? pci_bridge_get_sec_bus(PCI_BRIDGE(dev)) : NULL;
    }
    return bus;
}

static bool place_has(const Place *place, const Way *way)
{
    const Way *own = &place->way;

    return own->root == way->root && own->len <= way->len &&
           !memcmp(own->devfns, way->devfns, own->len) &&
           (own->len == way->len ? place->itself : place->below);
}

/*
 * What is behind a conventional pxb comes with the id of the pxb in QEMU, which
 * software never attaches to anything.
 */
static bool root_is_blurred(const NyxVioState *s, const PCIBus *root)
{
    return root != s->bus && !pci_bus_is_express(root);
}

static bool is_blurred(const NyxVioState *s, const PCIBus *bus, uint8_t devfn)
{
    PCIBus *below;

    QLIST_FOREACH(below, &bus->child, sibling) {
        if (pci_bus_is_root(below) && below->parent_dev->devfn == devfn) {
            return root_is_blurred(s, below);
        }
    }
    return false;
}

/* --- Items ---------------------------------------------------------------- */

typedef struct BusSearch {
    const char *name;
    const PCIDevice *parent;
    PCIBus *found;
} BusSearch;

static void look_at_bus(PCIBus *bus, void *opaque)
{
    BusSearch *search = opaque;

    if ((search->name && !strcmp(BUS(bus)->name, search->name)) ||
        (search->parent && bus->parent_dev == search->parent)) {
        search->found = bus;
    }
}

static PCIBus *bus_by_name(const NyxVioState *s, const char *name)
{
    BusSearch search = { .name = name };

    pci_for_each_bus(s->bus, look_at_bus, &search);
    return search.found;
}

/* The bus that a device has below it; a pxb is no bridge, but has a root. */
static PCIBus *bus_below(const NyxVioState *s, const PCIDevice *dev)
{
    BusSearch search = { .parent = dev };

    pci_for_each_bus(s->bus, look_at_bus, &search);
    return search.found;
}

/* A function on a root bus: other buses have got no numbers yet. */
static PCIDevice *device_by_address(const NyxVioState *s, const char *text)
{
    uint8_t number, devfn;
    const char *rest = nyx_parse_pci_address(text, &number, &devfn);
    PCIDevice *dev = rest && !*rest ? pci_find_device(s->bus, number, devfn)
                                    : NULL;

    return dev && pci_bus_is_root(pci_get_bus(dev)) ? dev : NULL;
}

static bool place_of_bus(Place *place, PCIBus *bus)
{
    find_way(&place->way, bus);
    place->below = true;
    return true;
}

static bool find_place(const NyxVioState *s, const char *item, Place *place)
{
    PCIDevice *dev = nyx_pci_device_by_id(item);
    PCIBus *bus = dev ? bus_below(s, dev) : bus_by_name(s, item);

    if (bus && (!dev || pci_bus_is_root(bus))) {
        return place_of_bus(place, bus);
    }
    dev = dev ? dev : device_by_address(s, item);
    if (!dev) {
        return false;
    }
    way_to_function(&place->way, pci_get_bus(dev), dev->devfn);
    place->itself = true;
    place->below = bus;
    return true;
}

/*
 * Behind a bridge to a conventional bus requests carry an id that is not the
 * function's.  Whether those of @place are still told from others.
 */
static bool find_alias(Place *place)
{
    PCIBus *bus = bus_at(&place->way, place->way.len - place->itself);
    uint8_t devfn = place->itself ? place->way.devfns[place->way.len - 1] : 0;
    NyxRequester who;
    Way way;

    if (pci_bus_is_root(bus)) {
        who = (NyxRequester) { bus, devfn };
    } else {
        who = nyx_requester_resolve_on(bus, devfn);
    }
    way_to_function(&way, who.bus, who.devfn);
    if (!pci_bus_is_root(who.bus) && !pci_bus_is_express(who.bus)) {
        /* The id is of all that is on the bus. */
        return way.len > place->way.len && place_has(place, &way);
    }
    /* The bridge of a conventional bus stands for what is on it. */
    if (!place->itself && way.len == place->way.len) {
        place->itself = true;
    }
    return place_has(place, &way);
}

static bool resolve(const NyxVioState *s, const char *item, Place *place,
                    Error **errp)
{
    *place = (Place) { };
    if (!find_place(s, item, place)) {
        error_setg(errp, "endpoints: there is no \"%s\": use the id of a "
                   "device, the name of a bus, or BUS:SLOT.FN on a root bus",
                   item);
        return false;
    }
    if (pci_bus_bypass_iommu(place->way.root)) {
        error_setg(errp, "endpoints: %s is on a bus that bypasses the IOMMU: "
                   "set bypass_iommu=off there", item);
        return false;
    }
    if (root_is_blurred(s, place->way.root)) {
        error_setg(errp, "endpoints: %s is a pxb or behind one, where QEMU "
                   "does not tell devices from each other: use pxb-pcie on "
                   "-machine q35", item);
        return false;
    }
    if (!find_alias(place)) {
        error_setg(errp, "endpoints: %s is not told from others behind the "
                   "same bridge: list that bridge", item);
        return false;
    }
    return true;
}

bool nyx_vio_places_parse(NyxVioState *s, Error **errp)
{
    if (!s->props->endpoints) {
        return true;
    }
    s->places = g_new0(NyxVioPlaces, 1);
    s->places->items = g_strsplit(s->props->endpoints, "+", -1);
    if (!*s->places->items) {
        error_setg(errp, "endpoints: list something, or leave the option out "
                   "for everything");
    }
    return *s->places->items;
}

bool nyx_vio_places_resolve(NyxVioState *s, Error **errp)
{
    Place place;

    if (!s->places) {
        return true;
    }
    s->places->places = g_array_new(FALSE, FALSE, sizeof(Place));
    for (char **item = s->places->items; *item; item++) {
        if (!resolve(s, *item, &place, errp)) {
            return false;
        }
        g_array_append_val(s->places->places, place);
    }
    return true;
}

/* --- Who is behind the device --------------------------------------------- */

static bool listed(const NyxVioState *s, const Way *way)
{
    const NyxVioPlaces *places = s->places;
    Place place;

    if (places->places) {
        for (unsigned i = 0; i < places->places->len; i++) {
            if (place_has(&g_array_index(places->places, Place, i), way)) {
                return true;
            }
        }
        return false;
    }
    for (char **item = places->items; *item; item++) {
        if (resolve(s, *item, &place, NULL) && place_has(&place, way)) {
            return true;
        }
    }
    return false;
}

bool nyx_vio_places_exclude(const NyxVioState *s, PCIBus *bus, uint8_t devfn)
{
    Way way;

    if ((bus == pci_get_bus(s->pci) && devfn == s->pci->devfn) ||
        is_blurred(s, bus, devfn)) {
        return true;
    }
    if (!s->places) {
        return false;
    }
    way_to_function(&way, bus, devfn);
    return !listed(s, &way);
}

/* --- Requester ids -------------------------------------------------------- */

static void add_range(GArray *ranges, unsigned first, unsigned last)
{
    const NyxVioRange range = { first, last };

    if (first <= last) {
        g_array_append_val(ranges, range);
    }
}

/* Up to the next one: buses that are numbered later are among them. */
static unsigned root_last(PCIBus *root)
{
    g_autoptr(GPtrArray) roots = nyx_pci_roots();
    unsigned last = UINT16_MAX;

    for (unsigned i = 0; i + 1 < roots->len; i++) {
        if (g_ptr_array_index(roots, i) == root) {
            last = (pci_bus_num(g_ptr_array_index(roots, i + 1)) << 8) - 1;
        }
    }
    return last;
}

static void add_root(GArray *ranges, PCIBus *root)
{
    add_range(ranges, pci_bus_num(root) << 8, root_last(root));
}

static void add_place(GArray *ranges, const Place *place)
{
    const Way *way = &place->way;
    PCIBus *bus = way->len ? bus_at(way, way->len - 1) : NULL;
    PCIBus *below = bus_at(way, way->len);

    if (!way->len) {
        add_root(ranges, way->root);
        return;
    }
    /* Zero until firmware has numbered it. */
    if (place->itself && bus && (pci_bus_is_root(bus) || pci_bus_num(bus))) {
        unsigned id = PCI_BUILD_BDF(pci_bus_num(bus),
                                    way->devfns[way->len - 1]);

        add_range(ranges, id, id);
    }
    if (place->below && below) {
        const uint8_t *config = below->parent_dev->config;

        if (config[PCI_SECONDARY_BUS]) {
            add_range(ranges, config[PCI_SECONDARY_BUS] << 8,
                      config[PCI_SUBORDINATE_BUS] << 8 | 0xff);
        }
    }
}

static gint by_first(gconstpointer a, gconstpointer b)
{
    const NyxVioRange *left = a, *right = b;

    return (int)left->first - (int)right->first;
}

static void join(GArray *ranges)
{
    unsigned kept = 0;

    g_array_sort(ranges, by_first);
    for (unsigned i = 0; i < ranges->len; i++) {
        const NyxVioRange *range = &g_array_index(ranges, NyxVioRange, i);
        NyxVioRange *last = &g_array_index(ranges, NyxVioRange, kept - 1);

        if (kept && range->first <= last->last + 1u) {
            last->last = MAX(last->last, range->last);
        } else {
            g_array_index(ranges, NyxVioRange, kept++) = *range;
        }
    }
    g_array_set_size(ranges, kept);
}

GArray *nyx_vio_places_ranges(const NyxVioState *s)
{
    GArray *ranges = g_array_new(FALSE, FALSE, sizeof(NyxVioRange));
    g_autoptr(GPtrArray) roots = nyx_pci_roots();

    for (unsigned i = 0; !s->places && i < roots->len; i++) {
        PCIBus *root = g_ptr_array_index(roots, i);

        if (!pci_bus_bypass_iommu(root) && !root_is_blurred(s, root)) {
            add_root(ranges, root);
        }
    }
    for (unsigned i = 0; s->places && i < s->places->places->len; i++) {
        add_place(ranges, &g_array_index(s->places->places, Place, i));
    }
    if (s->places) {
        join(ranges);
    }
    return ranges;
}

static void add_unnumbered(GArray *ranges, const Place *place)
{
    const Way *way = &place->way;
    unsigned id = pci_bus_num(way->root) << 8 | way->devfns[0];

    if (!way->len) {
        add_root(ranges, way->root);
        return;
    }
    if (way->len == 1 && place->itself) {
        add_range(ranges, id, id);
    }
    /* On any bus that is no root: nobody knows which. */
    if (way->len > 1 || place->below) {
        add_range(ranges, (pci_bus_num(way->root) + 1) << 8,
                  root_last(way->root));
    }
}

GArray *nyx_vio_places_ranges_unnumbered(const NyxVioState *s)
{
    GArray *ranges;

    if (!s->places) {
        return nyx_vio_places_ranges(s);
    }
    ranges = g_array_new(FALSE, FALSE, sizeof(NyxVioRange));
    for (unsigned i = 0; i < s->places->places->len; i++) {
        add_unnumbered(ranges,
                       &g_array_index(s->places->places, Place, i));
    }
    join(ranges);
    return ranges;
}

unsigned nyx_vio_places_ranges_max(const NyxVioState *s)
{
    g_autoptr(GArray) ranges = nyx_vio_places_ranges(s);
    unsigned max = 0;

    if (!s->places) {
        return ranges->len;
    }
    for (unsigned i = 0; i < s->places->places->len; i++) {
        const Place *place = &g_array_index(s->places->places, Place, i);

        max += place->itself + place->below;
    }
    return max;
}
