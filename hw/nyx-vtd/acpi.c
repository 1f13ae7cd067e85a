/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DMAR table (chapter 8) that tells firmware and kernels of the unit.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/acpi/aml-build.h"
#include "hw/i386/pc.h"
#include "hw/nyx-iommu/acpi-table.h"
#include "hw/nyx-vtd/internal.h"
#include "hw/nyx-vtd/vtd.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_host.h"

/* 8.1 */
#define DMAR_FLAG_INTR_REMAP        (1 << 0)
#define DMAR_FLAG_X2APIC_OPT_OUT    (1 << 1)

/* 8.2: remapping structure types */
#define DMAR_TYPE_DRHD  0
#define DMAR_TYPE_ATSR  2

#define DRHD_FLAG_INCLUDE_PCI_ALL   (1 << 0)
#define ATSR_FLAG_ALL_PORTS         (1 << 0)

/* 8.3.1: device scope types */
#define SCOPE_ENDPOINT  1
#define SCOPE_BRIDGE    2
#define SCOPE_IOAPIC    3

#define SCOPE_LENGTH    8           /* with a path of one step */
#define DRHD_LENGTH     16
#define ATSR_LENGTH     8

/* Enumeration id of the IOAPIC, as in the MADT. */
#define IOAPIC_ID       0

/* A device scope whose path is one step from @bus. */
static void add_scope(GArray *table, uint8_t type, uint8_t id, uint8_t bus,
                      uint8_t devfn)
{
    build_append_int_noprefix(table, type, 1);
    build_append_int_noprefix(table, SCOPE_LENGTH, 1);
    build_append_int_noprefix(table, 0, 2);
    build_append_int_noprefix(table, id, 1);
    build_append_int_noprefix(table, bus, 1);
    build_append_int_noprefix(table, PCI_SLOT(devfn), 1);
    build_append_int_noprefix(table, PCI_FUNC(devfn), 1);
}

static void add_device_scope(PCIBus *bus, PCIDevice *dev, void *opaque)
{
    uint8_t type = object_dynamic_cast(OBJECT(dev), TYPE_PCI_BRIDGE) ?
                   SCOPE_BRIDGE : SCOPE_ENDPOINT;

    add_scope(opaque, type, 0, pci_bus_num(bus), dev->devfn);
}

typedef struct HostBridges {
    GArray *scopes;
    bool some_bypass;
} HostBridges;

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
        pci_for_each_device_under_bus(host->bus, add_device_scope,
                                      hb->scopes);
    }
    return 0;
}

/*
 * 8.3: one unit for everything, unless host bridges bypass it; then what it
 * covers has to be listed.
 */
static void add_drhd(GArray *table, const NyxVtdCfg *cfg)
{
    HostBridges hb = { .scopes = g_array_new(false, true, 1) };

    object_child_foreach_recursive(object_get_root(), visit_host_bridge, &hb);
    if (!hb.some_bypass) {
        g_array_set_size(hb.scopes, 0);
    }
    add_scope(hb.scopes, SCOPE_IOAPIC, IOAPIC_ID, NVTD_IOAPIC_SID >> 8,
              NVTD_IOAPIC_SID & 0xff);

    build_append_int_noprefix(table, DMAR_TYPE_DRHD, 2);
    build_append_int_noprefix(table, DRHD_LENGTH + hb.scopes->len, 2);
    build_append_int_noprefix(table,
                              hb.some_bypass ? 0 : DRHD_FLAG_INCLUDE_PCI_ALL,
                              1);
    /* 2^N pages of registers. */
    build_append_int_noprefix(table, ctz32(nyx_vtd_mmio_size(cfg) >> 12), 1);
    build_append_int_noprefix(table, 0, 2);         /* segment */
    build_append_int_noprefix(table, NVTD_MMIO_BASE, 8);
    g_array_append_vals(table, hb.scopes->data, hb.scopes->len);
    g_array_free(hb.scopes, true);
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

bool nyx_vtd_acpi_install(NyxVtdState *s, Error **errp)
{
    const NyxVtdCfg *cfg = nyx_vtd_cfg(s->engine);
    GArray *table = nyx_acpi_header("DMAR", 1);
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
    add_drhd(table, cfg);
    if (cfg->device_iotlb) {
        add_atsr(table);
    }
    return nyx_acpi_install(table, errp);
}
