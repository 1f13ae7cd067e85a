/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structures of the DMAR table that name single devices: reserved memory
 * (8.4), devices of the ACPI namespace (8.7), ATS inside the SoC (8.8), and
 * properties of integrated devices (8.9).  Options tell what is in them.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "hw/acpi/aml-build.h"
#include "hw/nyx-iommu/acpi-options.h"
#include "hw/nyx-vtd/acpi-internal.h"
#include "hw/nyx-vtd/internal.h"
#include "hw/pci/pci_bus.h"

#define RMRR_LENGTH     24
#define ANDD_LENGTH     8
#define SATC_LENGTH     8
#define SIDP_LENGTH     8

#define SATC_FLAG_ATC_REQUIRED  (1 << 0)

/* Flags that a scope in SIDP may have. */
#define SIDP_FLAGS      0x1f

/* The structure's length is one byte: the name has what is left. */
#define ANDD_NAME_MAX   128

/* --- Reading the options -------------------------------------------------- */

static PCIDevice *device_by_id(const char *option, const char *id,
                               Error **errp)
{
    PCIDevice *dev = nyx_pci_device_by_id(id);

    if (!dev) {
        error_setg(errp, "%s: no PCI device with id=%s: give the -device an "
                   "id and use it here", option, id);
    }
    return dev;
}

/* ID[+ID...] */
static bool parse_ids(const char *text, GPtrArray *devices, Error **errp)
{
    g_auto(GStrv) ids = g_strsplit(*text ? text : "+", "+", -1);

    for (char **id = ids; *id; id++) {
        PCIDevice *dev = device_by_id("rmrr", *id, errp);

        if (!dev) {
            return false;
        }
        g_ptr_array_add(devices, dev);
    }
    return true;
}

/* ID[+ID...]@BASE-LIMIT */
static bool parse_region(NyxVtdState *s, const char *text,
                         NyxVtdAcpiDevices *to, Error **errp)
{
    uint8_t haw = nyx_vtd_common_cfg(s)->haw_bits;
    g_auto(GStrv) halves = g_strsplit(text, "@", 2);
    NyxVtdRegion region = { };

    if (!halves[0] || !halves[1] ||
        !nyx_parse_pages(halves[1], &region.base, &region.limit)) {
        error_setg(errp, "rmrr=%s is not ID@0xBASE-0xLIMIT, with whole pages "
                   "from base to limit, as in rmrr=nic0@0x3f000000-0x3f0fffff",
                   text);
        return false;
    }
    if (region.limit >> haw) {
        error_setg(errp, "rmrr=%s is beyond the %u address bits of the CPU",
                   text, haw);
        return false;
    }
    region.devices = g_ptr_array_new();
    g_array_append_val(to->regions, region);

    return parse_ids(halves[0], region.devices, errp);
}

/* ID or ID@FLAG */
static bool parse_satc(NyxVtdState *s, const char *text,
                       NyxVtdAcpiDevices *to, Error **errp)
{
    g_auto(GStrv) halves = g_strsplit(text, "@", 2);
    NyxVtdFlagged flagged = { .flags = SATC_FLAG_ATC_REQUIRED };

    if (halves[0] && halves[1]) {
        if (strcmp(halves[1], "optional")) {
            error_setg(errp, "satc=%s: use ID, or ID@optional for a device "
                       "that works without ATS too", text);
            return false;
        }
        flagged.flags = 0;
    }
    flagged.dev = device_by_id("satc", halves[0] ? halves[0] : "", errp);
    if (flagged.dev) {
        g_array_append_val(to->satc, flagged);
    }
    return flagged.dev;
}

static bool parse_sidp(NyxVtdState *s, const char *text,
                       NyxVtdAcpiDevices *to, Error **errp)
{
    g_auto(GStrv) halves = g_strsplit(text, "@", 2);
    NyxVtdFlagged flagged = { };
    uint64_t flags = 0;

    if (halves[0] && halves[1] &&
        (qemu_strtou64(halves[1], NULL, 0, &flags) || flags & ~SIDP_FLAGS)) {
        error_setg(errp, "sidp=%s: use ID@FLAGS with flags of 0 to 0x1f",
                   text);
        return false;
    }
    flagged.flags = flags;
    flagged.dev = device_by_id("sidp", halves[0] ? halves[0] : "", errp);
    if (flagged.dev) {
        g_array_append_val(to->sidp, flagged);
    }
    return flagged.dev;
}

/* NAME@BUS:SLOT.FN[:...]; the address has a colon too. */
static bool parse_named(const char *text, NyxVtdAcpiDevices *to, Error **errp)
{
    const char *next = text;

    while (next) {
        const char *at = strchr(next, '@');
        NyxVtdNamed named = { };
        const char *end = at ? nyx_parse_pci_address(at + 1, &named.bus,
                                                     &named.devfn) : NULL;

        if (!end || (*end && *end != ':') || *next != '\\' ||
            at - next > ANDD_NAME_MAX) {
            error_setg(errp, "andd=%s is not \\NAME@BUS:SLOT.FN, as in "
                       "andd=\\_SB.PCI0.I2C0@00:15.0", next);
            return false;
        }
        named.name = g_strndup(next, at - next);
        g_array_append_val(to->named, named);
        next = *end ? end + 1 : NULL;
    }
    return true;
}

typedef bool ParseOne(NyxVtdState *s, const char *text, NyxVtdAcpiDevices *to,
                      Error **errp);

static bool parse_list(NyxVtdState *s, const char *list, ParseOne *one,
                       NyxVtdAcpiDevices *to, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(list ? list : "", ":", -1);
    bool ok = true;

    if (list && !*parts) {
        return one(s, "", to, errp);
    }
    for (char **part = parts; ok && *part; part++) {
        ok = one(s, *part, to, errp);
    }
    return ok;
}

static void region_clear(void *element)
{
    NyxVtdRegion *region = element;

    g_ptr_array_free(region->devices, true);
}

static void named_clear(void *element)
{
    NyxVtdNamed *named = element;

    g_free(named->name);
}

bool nyx_vtd_acpi_devices_parse(NyxVtdState *s, NyxVtdAcpiDevices *devices,
                                Error **errp)
{
    *devices = (NyxVtdAcpiDevices) {
        .regions = g_array_new(false, true, sizeof(NyxVtdRegion)),
        .named = g_array_new(false, true, sizeof(NyxVtdNamed)),
        .satc = g_array_new(false, true, sizeof(NyxVtdFlagged)),
        .sidp = g_array_new(false, true, sizeof(NyxVtdFlagged)),
    };
    g_array_set_clear_func(devices->regions, region_clear);
    g_array_set_clear_func(devices->named, named_clear);
    return parse_list(s, s->props.rmrr, parse_region, devices, errp) &&
           parse_list(s, s->props.satc, parse_satc, devices, errp) &&
           parse_list(s, s->props.sidp, parse_sidp, devices, errp) &&
           parse_named(s->props.andd, devices, errp);
}

void nyx_vtd_acpi_devices_free(NyxVtdAcpiDevices *devices)
{
    g_array_free(devices->regions, true);
    g_array_free(devices->named, true);
    g_array_free(devices->satc, true);
    g_array_free(devices->sidp, true);
}

/* --- Structures ----------------------------------------------------------- */

static void add_head(GArray *table, uint16_t type, unsigned length)
{
    build_append_int_noprefix(table, type, 2);
    build_append_int_noprefix(table, length, 2);
}

void nyx_vtd_acpi_add_rmrr(GArray *table, const NyxVtdAcpiDevices *devices)
{
    for (unsigned i = 0; i < devices->regions->len; i++) {
        const NyxVtdRegion *region = &g_array_index(devices->regions,
                                                    NyxVtdRegion, i);
        g_autoptr(GArray) scopes = g_array_new(false, true, 1);

        for (unsigned j = 0; j < region->devices->len; j++) {
            nyx_vtd_acpi_scope_device(scopes, 0,
                                      g_ptr_array_index(region->devices, j));
        }
        add_head(table, DMAR_TYPE_RMRR, RMRR_LENGTH + scopes->len);
        build_append_int_noprefix(table, 0, 2);
        build_append_int_noprefix(table, 0, 2);         /* segment */
        build_append_int_noprefix(table, region->base, 8);
        build_append_int_noprefix(table, region->limit, 8);
        g_array_append_vals(table, scopes->data, scopes->len);
    }
}

void nyx_vtd_acpi_add_andd(GArray *table, const NyxVtdAcpiDevices *devices)
{
    for (unsigned i = 0; i < devices->named->len; i++) {
        const NyxVtdNamed *named = &g_array_index(devices->named, NyxVtdNamed,
                                                  i);
        size_t size = strlen(named->name) + 1;

        add_head(table, DMAR_TYPE_ANDD, ANDD_LENGTH + size);
        build_append_int_noprefix(table, 0, 3);
        build_append_int_noprefix(table, i + 1, 1);     /* device number */
        g_array_append_vals(table, named->name, size);
    }
}

/* One structure for those that need ATS, and one for those that can do. */
void nyx_vtd_acpi_add_satc(GArray *table, const NyxVtdAcpiDevices *devices)
{
    for (int flags = SATC_FLAG_ATC_REQUIRED; flags >= 0; flags--) {
        g_autoptr(GArray) scopes = g_array_new(false, true, 1);

        for (unsigned i = 0; i < devices->satc->len; i++) {
            const NyxVtdFlagged *one = &g_array_index(devices->satc,
                                                      NyxVtdFlagged, i);

            if (one->flags == flags) {
                nyx_vtd_acpi_scope_device(scopes, 0, one->dev);
            }
        }
        if (scopes->len) {
            add_head(table, DMAR_TYPE_SATC, SATC_LENGTH + scopes->len);
            build_append_int_noprefix(table, flags, 1);
            build_append_int_noprefix(table, 0, 1);
            build_append_int_noprefix(table, 0, 2);     /* segment */
            g_array_append_vals(table, scopes->data, scopes->len);
        }
    }
}

void nyx_vtd_acpi_add_sidp(GArray *table, const NyxVtdAcpiDevices *devices)
{
    g_autoptr(GArray) scopes = g_array_new(false, true, 1);

    for (unsigned i = 0; i < devices->sidp->len; i++) {
        const NyxVtdFlagged *one = &g_array_index(devices->sidp,
                                                  NyxVtdFlagged, i);

        nyx_vtd_acpi_scope_device(scopes, one->flags, one->dev);
    }
    if (scopes->len) {
        add_head(table, DMAR_TYPE_SIDP, SIDP_LENGTH + scopes->len);
        build_append_int_noprefix(table, 0, 2);
        build_append_int_noprefix(table, 0, 2);         /* segment */
        g_array_append_vals(table, scopes->data, scopes->len);
    }
}
