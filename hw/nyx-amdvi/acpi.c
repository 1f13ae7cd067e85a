/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IVRS table (chapter 5) that tells firmware and kernels of the IOMMU.
 *
 * Firmware numbers the buses after the table was made, and may move the
 * registers, but reads the tables after that: the machine builds them anew
 * then, and the table is replaced by one of the same size.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/acpi/aml-build.h"
#include "hw/i386/pc.h"
#include "hw/nyx-iommu/acpi-table.h"
#include "hw/nyx-iommu/pci-roots.h"
#include "hw/nyx-iommu/x86.h"
#include "hw/nyx-amdvi/acpi-internal.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"

/* 5.2: revision 2 has blocks of type 40h. */
#define IVRS_REVISION       2
#define IVINFO_EFRSUP       (1 << 0)
/* GVAsize, PAsize, VAsize and HtAtsResv are where misc info 0 has them. */
#define IVINFO_SIZES        MAKE_64BIT_MASK(5, 18)

#define IVHD_FLAG_IOTLBSUP  (1 << 4)
#define IVHD_FLAG_COHERENT  (1 << 5)
#define IVHD_FLAG_PREFSUP   (1 << 6)    /* both in type 10h only */
#define IVHD_FLAG_PPRSUP    (1 << 7)

#define ATTR_HATDIS         (1 << 0)

/* Varieties of special devices */
#define SPECIAL_IOAPIC      1
#define SPECIAL_HPET        2

/* As silicon's firmware has it: INIT, ExtINT, NMI, LINT0 and 1, SysMgt 1 */
#define IOAPIC_DATA         0xd7

/* As in the MADT and in the HPET table. */
#define IOAPIC_ID           0
#define HPET_NUMBER         0

/* Bridges to conventional buses that may be plugged later. */
#define ALIASES_SPARE       4

/* --- Device entries ------------------------------------------------------- */

static void add_entry(GArray *entries, uint8_t type, uint16_t sid)
{
    build_append_int_noprefix(entries, type, 1);
    build_append_int_noprefix(entries, sid, 2);
    build_append_int_noprefix(entries, 0, 1);           /* data */
}

static void add_range(GArray *entries, unsigned first, unsigned last)
{
    if (first <= last) {
        add_entry(entries, IVHD_RANGE_START, first);
        add_entry(entries, IVHD_RANGE_END, last);
    }
}

/*
 * All ids below the root buses that do not bypass, but for our own: messages
 * of the IOMMU are not remapped.
 */
static void add_ranges(GArray *entries, const GPtrArray *roots, unsigned own)
{
    for (unsigned i = 0; i < roots->len; i++) {
        PCIBus *bus = g_ptr_array_index(roots, i);
        unsigned first = pci_bus_num(bus) << 8;
        unsigned last = i + 1 < roots->len
            ? (pci_bus_num(g_ptr_array_index(roots, i + 1)) << 8) - 1
            : UINT16_MAX;

        if (pci_bus_bypass_iommu(bus)) {
            continue;
        }
        if (own < first || own > last) {
            add_range(entries, first, last);
            continue;
        }
        if (own > first) {
            add_range(entries, first, own - 1);
        }
        add_range(entries, own + 1, last);
    }
}

typedef struct Aliases {
    GArray *entries;         /* NULL: only count */
    unsigned n;
    unsigned max;
} Aliases;

/* Requests from below a bridge that carry another id (as QEMU has it too). */
static void add_alias(PCIBus *bus, PCIDevice *dev, void *opaque)
{
    Aliases *aliases = opaque;
    PCIBus *below;
    unsigned first, last, alias;

    if (!object_dynamic_cast(OBJECT(dev), TYPE_PCI_BRIDGE)) {
        return;
    }
    below = pci_bridge_get_sec_bus(PCI_BRIDGE(dev));
    if (pci_bus_is_express(below)) {
        pci_for_each_device_under_bus(below, add_alias, aliases);
        return;
    }
    first = dev->config[PCI_SECONDARY_BUS] << 8;
    last = dev->config[PCI_SUBORDINATE_BUS] << 8 | 0xff;
    alias = pci_is_express(dev) &&
            pcie_cap_get_type(dev) == PCI_EXP_TYPE_PCI_BRIDGE
            ? first : pci_get_bdf(dev);
    if (!aliases->entries) {
        aliases->n++;
    } else if (first && first < last && aliases->n < aliases->max) {
        aliases->n++;
        add_entry(aliases->entries, IVHD_ALIAS_START, first);
        build_append_int_noprefix(aliases->entries, 0, 1);
        build_append_int_noprefix(aliases->entries, alias, 2);
        build_append_int_noprefix(aliases->entries, 0, 1);
        add_entry(aliases->entries, IVHD_RANGE_END, last);
    }
}

static unsigned walk_aliases(const GPtrArray *roots, GArray *entries,
                             unsigned max)
{
    Aliases aliases = { .entries = entries, .max = max };

    for (unsigned i = 0; i < roots->len; i++) {
        PCIBus *bus = g_ptr_array_index(roots, i);

        if (!pci_bus_bypass_iommu(bus)) {
            pci_for_each_device_under_bus(bus, add_alias, &aliases);
        }
    }
    return aliases.n;
}

static void add_special(GArray *entries, uint8_t variety, uint8_t handle,
                        uint8_t data)
{
    build_append_int_noprefix(entries, IVHD_SPECIAL, 1);
    build_append_int_noprefix(entries, 0, 2);
    build_append_int_noprefix(entries, data, 1);
    build_append_int_noprefix(entries, handle, 1);
    build_append_int_noprefix(entries, NAMD_IOAPIC_SID, 2);
    build_append_int_noprefix(entries, variety, 1);
}

/*
 * There is no other way to tell that interrupts are not remapped.  QEMU's HPET
 * sends messages past every IOMMU: where it sends any it may not be listed.
 */
static void add_specials(GArray *entries, const NyxAmdCfg *cfg)
{
    Object *hpet = object_resolve_path_type("", "hpet", NULL);

    if (!cfg->intremap) {
        return;
    }
    add_special(entries, SPECIAL_IOAPIC, IOAPIC_ID, IOAPIC_DATA);
    if (hpet && !object_property_get_bool(hpet, "msi", NULL)) {
        add_special(entries, SPECIAL_HPET, HPET_NUMBER, 0);
    }
}

static GArray *build_entries(NyxAmdState *s)
{
    GArray *entries = g_array_new(false, true, 1);
    g_autoptr(GPtrArray) roots = nyx_pci_roots();
    unsigned used;

    add_ranges(entries, roots, nyx_amd_pci_sid(s->pci));
    used = walk_aliases(roots, entries, s->acpi->aliases);
    add_specials(entries, nyx_amd_cfg(s->engine));
    for (; used < s->acpi->aliases; used++) {
        for (unsigned i = 0; i < IVHD_ALIAS_LENGTH / 4; i++) {
            add_entry(entries, IVHD_PAD, 0);
        }
    }
    return entries;
}

/* --- Blocks --------------------------------------------------------------- */

/* Fields that 10h and the later types have at the same place. */
static uint32_t counter_fields(const NyxAmdCfg *cfg)
{
    uint32_t misc0 = nyx_amd_cap_misc0(cfg);
    uint32_t word = FIELD_EX32(misc0, NAMD_MISC0, MSINUMPPR) << 23;

    if (cfg->counters) {
        word |= NAMD_PC_COUNTERS << 13 | NAMD_PC_BANKS << 17;
    }
    return word;
}

/* What EFR says, as type 10h has it. */
static uint32_t features_10(const NyxAmdCfg *cfg)
{
    uint64_t efr = nyx_amd_efr(cfg);

    return FIELD_EX64(efr, NAMD_EFR, XTSUP) |
           FIELD_EX64(efr, NAMD_EFR, NXSUP) << 1 |
           FIELD_EX64(efr, NAMD_EFR, GTSUP) << 2 |
           FIELD_EX64(efr, NAMD_EFR, GLXSUP) << 3 |
           FIELD_EX64(efr, NAMD_EFR, IASUP) << 5 |
           FIELD_EX64(efr, NAMD_EFR, GASUP) << 6 |
           FIELD_EX64(efr, NAMD_EFR, HESUP) << 7 |
           FIELD_EX64(efr, NAMD_EFR, PASMAX) << 8 |
           counter_fields(cfg) |
           FIELD_EX64(efr, NAMD_EFR, GATS) << 28 |
           FIELD_EX64(efr, NAMD_EFR, HATS) << 30;
}

/* Types 11h and 40h have the registers behind it. */
static uint32_t attributes_11(const NyxAmdCfg *cfg)
{
    return counter_fields(cfg) | (cfg->host_levels ? 0 : ATTR_HATDIS);
}

static uint8_t block_flags(const NyxAmdCfg *cfg, uint8_t type)
{
    uint8_t flags = (cfg->device_iotlb ? IVHD_FLAG_IOTLBSUP : 0) |
                    (cfg->coherent ? IVHD_FLAG_COHERENT : 0);

    if (type == IVHD_TYPE_10) {
        flags |= (cfg->prefetch ? IVHD_FLAG_PREFSUP : 0) |
                 (cfg->page_requests ? IVHD_FLAG_PPRSUP : 0);
    }
    return flags;
}

static void add_ivhd(GArray *table, NyxAmdState *s, uint8_t type,
                     const GArray *entries)
{
    const NyxAmdCfg *cfg = nyx_amd_cfg(s->engine);
    unsigned start = table->len;

    build_append_int_noprefix(table, type, 1);
    build_append_int_noprefix(table, block_flags(cfg, type), 1);
    build_append_int_noprefix(table, 0, 2);             /* length */
    build_append_int_noprefix(table, nyx_amd_pci_sid(s->pci), 2);
    build_append_int_noprefix(table, nyx_amd_pci_capability(s->pci), 2);
    build_append_int_noprefix(table, s->base, 8);
    build_append_int_noprefix(table, 0, 2);             /* segment */
    build_append_int_noprefix(table, NAMD_MSG_GENERAL, 2);
    if (type == IVHD_TYPE_10) {
        build_append_int_noprefix(table, features_10(cfg), 4);
    } else {
        build_append_int_noprefix(table, attributes_11(cfg), 4);
        build_append_int_noprefix(table, nyx_amd_efr(cfg), 8);
        build_append_int_noprefix(table, nyx_amd_efr2(cfg), 8);
    }
    g_array_append_vals(table, entries->data, entries->len);
    if (type == IVHD_TYPE_40) {
        nyx_amd_acpi_add_hids(table, s->acpi);
    }
    stw_le_p(table->data + start + 2, table->len - start);
}

static GArray *build(NyxAmdState *s)
{
    static const uint8_t types[] = {
        IVHD_TYPE_10, IVHD_TYPE_11, IVHD_TYPE_40,
    };
    uint32_t misc0 = nyx_amd_cap_misc0(nyx_amd_cfg(s->engine));
    GArray *table = nyx_acpi_header("IVRS", IVRS_REVISION);
    g_autoptr(GArray) entries = build_entries(s);

    build_append_int_noprefix(table, (misc0 & IVINFO_SIZES) | IVINFO_EFRSUP,
                              4);
    build_append_int_noprefix(table, 0, 8);
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        add_ivhd(table, s, types[i], entries);
    }
    nyx_amd_acpi_add_ivmd(table, s->acpi);
    return table;
}

/* Reserved for devices is to be reserved in the memory map too. */
static void reserve_memory(const NyxAmdAcpi *acpi)
{
    for (unsigned i = 0; i < acpi->regions->len; i++) {
        const NyxAmdRegion *region = &g_array_index(acpi->regions,
                                                    NyxAmdRegion, i);

        nyx_x86_reserve(region->base, region->limit - region->base + 1);
    }
}

bool nyx_amd_acpi_install(NyxAmdState *s, Error **errp)
{
    g_autoptr(GPtrArray) roots = nyx_pci_roots();

    s->acpi = g_new0(NyxAmdAcpi, 1);
    s->acpi->aliases = walk_aliases(roots, NULL, 0) + ALIASES_SPARE;
    if (!nyx_amd_acpi_devices_parse(s, s->acpi, errp)) {
        return false;
    }
    reserve_memory(s->acpi);
    return nyx_acpi_install(build(s), errp);
}

void nyx_amd_acpi_refresh(NyxAmdState *s)
{
    if (s->acpi) {
        nyx_acpi_replace(build(s));
    }
}
