/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DMAR table (chapter 8) that tells firmware and kernels of the unit.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/acpi/aml-build.h"
#include "hw/i386/pc.h"
#include "hw/nyx-iommu/acpi-table.h"
#include "hw/nyx-iommu/x86.h"
#include "hw/nyx-vtd/acpi-internal.h"
#include "hw/nyx-vtd/internal.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_host.h"

/* 8.1 */
#define DMAR_FLAG_INTR_REMAP        (1 << 0)
#define DMAR_FLAG_X2APIC_OPT_OUT    (1 << 1)

#define DRHD_FLAG_INCLUDE_PCI_ALL   (1 << 0)
#define ATSR_FLAG_ALL_PORTS         (1 << 0)

#define SCOPE_LENGTH    6           /* without its path of two bytes a step */
#define SCOPE_STEPS_MAX 124
#define DRHD_LENGTH     16
#define ATSR_LENGTH     8
#define RHSA_LENGTH     20

/* Enumeration id of the IOAPIC, as in the MADT. */
#define IOAPIC_ID       0

static void add_scope_head(GArray *table, uint8_t type, unsigned steps,
                           uint8_t flags, uint8_t id, uint8_t bus)
{
    build_append_int_noprefix(table, type, 1);
    build_append_int_noprefix(table, SCOPE_LENGTH + 2 * steps, 1);
    build_append_int_noprefix(table, flags, 1);
    build_append_int_noprefix(table, 0, 1);
    build_append_int_noprefix(table, id, 1);
    build_append_int_noprefix(table, bus, 1);
}

static void add_scope_step(GArray *table, uint8_t devfn)
{
    build_append_int_noprefix(table, PCI_SLOT(devfn), 1);
    build_append_int_noprefix(table, PCI_FUNC(devfn), 1);
}

void nyx_vtd_acpi_scope(GArray *table, uint8_t type, uint8_t id, uint8_t bus,
                        uint8_t devfn)
{
    add_scope_head(table, type, 1, 0, id, bus);
    add_scope_step(table, devfn);
}

static uint8_t scope_type(PCIDevice *dev)
{
    return object_dynamic_cast(OBJECT(dev), TYPE_PCI_BRIDGE) ? SCOPE_BRIDGE
                                                             : SCOPE_ENDPOINT;
}

void nyx_vtd_acpi_scope_device(GArray *table, uint8_t flags, PCIDevice *dev)
{
    uint8_t type = scope_type(dev);
    uint8_t path[SCOPE_STEPS_MAX];
    unsigned steps = 0;
    PCIBus *bus;

    /* From the device up; firmware has numbered the root bus only. */
    for (;;) {
        path[steps++] = dev->devfn;
        bus = pci_get_bus(dev);
        if (pci_bus_is_root(bus) || steps == SCOPE_STEPS_MAX) {
            break;
        }
        dev = bus->parent_dev;
    }
    add_scope_head(table, type, steps, flags, 0, pci_bus_num(bus));
    while (steps) {
        add_scope_step(table, path[--steps]);
    }
}

typedef struct HostBridges {
    NyxVtdState *s;
    GArray *scopes;          /* of what is behind the first unit */
    bool some_bypass;
} HostBridges;

static void add_device_scope(PCIBus *bus, PCIDevice *dev, void *opaque)
{
    HostBridges *hb = opaque;

    if (!nyx_vtd_unit_at(hb->s, bus, dev->devfn)->index) {
        nyx_vtd_acpi_scope(hb->scopes, scope_type(dev), 0, pci_bus_num(bus),
                           dev->devfn);
    }
}

static int visit_host_bridge(Object *obj, void *opaque)
{
    HostBridges *hb = opaque;
    PCIHostState *host = (PCIHostState *)
        object_dynamic_cast(obj, TYPE_PCI_HOST_BRIDGE);

    if (!host || !host->bus) {
        return 0;
    }
    if (pci_bus_bypass_iommu(host->bus)) {
        hb->some_bypass = true;
    } else {
        pci_for_each_device_under_bus(host->bus, add_device_scope, hb);
    }
    return 0;
}

/* 8.3 */
static void add_drhd(GArray *table, const NyxVtdUnit *unit, uint8_t flags,
                     const GArray *scopes)
{
    uint32_t size = nyx_vtd_mmio_size(nyx_vtd_cfg(unit->engine));

    build_append_int_noprefix(table, DMAR_TYPE_DRHD, 2);
    build_append_int_noprefix(table, DRHD_LENGTH + scopes->len, 2);
    build_append_int_noprefix(table, flags, 1);
    /* 2^N pages of registers. */
    build_append_int_noprefix(table, ctz32(size >> 12), 1);
    build_append_int_noprefix(table, 0, 2);         /* segment */
    build_append_int_noprefix(table, nyx_vtd_unit_base(unit), 8);
    g_array_append_vals(table, scopes->data, scopes->len);
}

/*
 * The first unit is for everything that no other one has, unless host bridges
 * bypass it; then what it covers has to be listed.
 */
static void add_first_unit(GArray *table, NyxVtdState *s,
                           const NyxVtdAcpiDevices *devices)
{
    HostBridges hb = { .s = s, .scopes = g_array_new(false, true, 1) };

    object_child_foreach_recursive(object_get_root(), visit_host_bridge, &hb);
    if (!hb.some_bypass) {
        g_array_set_size(hb.scopes, 0);
    }
    nyx_vtd_acpi_scope(hb.scopes, SCOPE_IOAPIC, IOAPIC_ID,
                       NVTD_IOAPIC_SID >> 8, NVTD_IOAPIC_SID & 0xff);
    /* Numbered as in ANDD. */
    for (unsigned i = 0; i < devices->named->len; i++) {
        const NyxVtdNamed *named = &g_array_index(devices->named, NyxVtdNamed,
                                                  i);

        nyx_vtd_acpi_scope(hb.scopes, SCOPE_NAMESPACE, i + 1, named->bus,
                           named->devfn);
    }
    add_drhd(table, &s->units[0],
             hb.some_bypass ? 0 : DRHD_FLAG_INCLUDE_PCI_ALL, hb.scopes);
    g_array_free(hb.scopes, true);
}

static void add_other_unit(GArray *table, const NyxVtdUnit *unit)
{
    g_autoptr(GArray) scopes = g_array_new(false, true, 1);

    for (unsigned i = 0; i < unit->places->len; i++) {
        const NyxVtdPlace *place = &g_array_index(unit->places, NyxVtdPlace,
                                                  i);

        nyx_vtd_acpi_scope_device(scopes, 0,
                                  place->bus->devices[place->devfn]);
    }
    add_drhd(table, unit, 0, scopes);
}

/* 8.5: every root port lets ATS through. */
static void add_atsr(GArray *table)
{
    build_append_int_noprefix(table, DMAR_TYPE_ATSR, 2);
    build_append_int_noprefix(table, ATSR_LENGTH, 2);
    build_append_int_noprefix(table, ATSR_FLAG_ALL_PORTS, 1);
    build_append_int_noprefix(table, 0, 1);
    build_append_int_noprefix(table, 0, 2);         /* segment */
}

/* 8.6: the node of the host's memory that the unit is near to. */
static void add_rhsa(GArray *table, const NyxVtdUnit *unit, uint32_t node)
{
    build_append_int_noprefix(table, DMAR_TYPE_RHSA, 2);
    build_append_int_noprefix(table, RHSA_LENGTH, 2);
    build_append_int_noprefix(table, 0, 4);
    build_append_int_noprefix(table, nyx_vtd_unit_base(unit), 8);
    build_append_int_noprefix(table, node, 4);
}

static bool check_options(NyxVtdState *s, Error **errp)
{
    const NumaState *numa = MACHINE(qdev_get_machine())->numa_state;
    int64_t node = s->props.numa_node;

    if (s->props.satc && !nyx_vtd_common_cfg(s)->device_iotlb) {
        error_setg(errp, "satc needs device-iotlb=on: set device-iotlb=on or "
                   "leave satc out");
        return false;
    }
    if (node >= (numa ? numa->num_nodes : 0) || node < -1) {
        error_setg(errp, "numa-node=%" PRId64 ": the machine has no such "
                   "node: add -numa node,nodeid=N", node);
        return false;
    }
    return true;
}

static void build(NyxVtdState *s, GArray *table,
                  const NyxVtdAcpiDevices *devices)
{
    const NyxVtdCfg *cfg = nyx_vtd_common_cfg(s);
    uint8_t flags = 0;

    if (cfg->intremap) {
        flags |= DMAR_FLAG_INTR_REMAP;
        if (s->props.x2apic_opt_out) {
            flags |= DMAR_FLAG_X2APIC_OPT_OUT;
        }
    }
    build_append_int_noprefix(table, cfg->haw_bits - 1, 1);
    build_append_int_noprefix(table, flags, 1);
    build_append_int_noprefix(table, 0, 8);
    build_append_int_noprefix(table, 0, 2);
    for (unsigned i = 1; i < s->n_units; i++) {
        add_other_unit(table, &s->units[i]);
    }
    /* 8.3: a unit for all the others comes last. */
    add_first_unit(table, s, devices);
    nyx_vtd_acpi_add_rmrr(table, devices);
    if (cfg->device_iotlb) {
        add_atsr(table);
    }
    for (unsigned i = 0; s->props.numa_node >= 0 && i < s->n_units; i++) {
        add_rhsa(table, &s->units[i], s->props.numa_node);
    }
    nyx_vtd_acpi_add_andd(table, devices);
    nyx_vtd_acpi_add_satc(table, devices);
    nyx_vtd_acpi_add_sidp(table, devices);
}

/* 8.4: what RMRR describes is to be reserved in the memory map too. */
static void reserve_memory(const NyxVtdAcpiDevices *devices)
{
    for (unsigned i = 0; i < devices->regions->len; i++) {
        const NyxVtdRegion *region = &g_array_index(devices->regions,
                                                    NyxVtdRegion, i);

        nyx_x86_reserve(region->base, region->limit - region->base + 1);
    }
}

bool nyx_vtd_acpi_install(NyxVtdState *s, Error **errp)
{
    NyxVtdAcpiDevices devices;
    bool ok = nyx_vtd_acpi_devices_parse(s, &devices, errp) &&
              check_options(s, errp);

    if (ok) {
        GArray *table = nyx_acpi_header("DMAR", 1);

        build(s, table, &devices);
        reserve_memory(&devices);
        ok = nyx_acpi_install(table, errp);
    }
    nyx_vtd_acpi_devices_free(&devices);
    return ok;
}
