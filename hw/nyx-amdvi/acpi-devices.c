/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the IVRS table tells of single devices, by option: memory reserved for
 * them (5.2.2.5), and devices of the ACPI namespace (5.2.2.6).
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/acpi/aml-build.h"
#include "hw/nyx-iommu/acpi-options.h"
#include "hw/nyx-amdvi/acpi-internal.h"
#include "hw/pci/pci_device.h"

#define HID_LENGTH      8
#define UID_MAX         255
/* Formats of a UID */
#define UID_NONE        0
#define UID_INTEGER     1
#define UID_STRING      2

/* Flags of IVMD: unity, read, write, exclusion */
#define IVMD_UNITY      (1 << 0)
#define IVMD_READ       (1 << 1)
#define IVMD_WRITE      (1 << 2)
#define IVMD_EXCLUSION  (1 << 3)

static const struct {
    const char *name;
    uint8_t flags;
} region_flags[] = {
    { "r", IVMD_UNITY | IVMD_READ },
    { "w", IVMD_UNITY | IVMD_WRITE },
    { "rw", IVMD_UNITY | IVMD_READ | IVMD_WRITE },
    { "x", IVMD_EXCLUSION | IVMD_READ | IVMD_WRITE },
};

/* --- Reading the options -------------------------------------------------- */

static bool parse_flags(const char *text, uint8_t *flags)
{
    for (unsigned i = 0; i < ARRAY_SIZE(region_flags); i++) {
        if (!strcmp(text, region_flags[i].name)) {
            *flags = region_flags[i].flags;
            return true;
        }
    }
    return false;
}

static bool check_ids(GStrv ids, Error **errp)
{
    for (char **id = ids; *id; id++) {
        if (strcmp(*id, "*") && !nyx_pci_device_by_id(*id)) {
            error_setg(errp, "ivmd: no PCI device with id=%s: give the "
                       "-device an id and use it here", *id);
            return false;
        }
    }
    return true;
}

/* ID[+ID...]@BASE-LIMIT[@FLAGS] */
static bool parse_region(NyxAmdState *s, const char *text, NyxAmdAcpi *acpi,
                         Error **errp)
{
    uint8_t pa_bits = nyx_amd_cfg(s->engine)->pa_bits;
    g_auto(GStrv) parts = g_strsplit(text, "@", 3);
    unsigned n = g_strv_length(parts);
    NyxAmdRegion region = { };

    if (n < 2 || !nyx_parse_pages(parts[1], &region.base, &region.limit) ||
        !parse_flags(n > 2 ? parts[2] : "rw", &region.flags)) {
        error_setg(errp, "ivmd=%s is not ID@0xBASE-0xLIMIT[@r|w|rw|x], with "
                   "whole pages from base to limit, as in "
                   "ivmd=nic0@0x3f000000-0x3f0fffff", text);
        return false;
    }
    if (region.limit >> pa_bits) {
        error_setg(errp, "ivmd=%s is beyond the %u address bits of the CPU",
                   text, pa_bits);
        return false;
    }
    region.ids = g_strsplit(*parts[0] ? parts[0] : "+", "+", -1);
    g_array_append_val(acpi->regions, region);
    return check_ids(region.ids, errp);
}

static bool parse_regions(NyxAmdState *s, NyxAmdAcpi *acpi, Error **errp)
{
    const char *list = s->props.ivmd;
    g_auto(GStrv) parts = g_strsplit(list ? list : "", ":", -1);
    bool ok = true;

    if (list && !*parts) {
        return parse_region(s, "", acpi, errp);
    }
    for (char **part = parts; ok && *part; part++) {
        ok = parse_region(s, *part, acpi, errp);
    }
    return ok;
}

/* HID[/UID]@BUS:SLOT.FN[:...]; the address has a colon too. */
static bool parse_hids(const char *text, NyxAmdAcpi *acpi, Error **errp)
{
    const char *next = text;

    while (next) {
        const char *at = strchr(next, '@');
        uint8_t bus = 0, devfn = 0;
        const char *end = at ? nyx_parse_pci_address(at + 1, &bus, &devfn)
                             : NULL;
        g_autofree char *name = at ? g_strndup(next, at - next) : NULL;
        g_auto(GStrv) halves = g_strsplit(name ? name : "", "/", 2);
        size_t length = *halves ? strlen(*halves) : 0;
        NyxAmdHid hid = { };

        if (!end || (*end && *end != ':') || !length || length > HID_LENGTH ||
            (halves[1] && (!*halves[1] || strlen(halves[1]) > UID_MAX))) {
            error_setg(errp, "acpi-hid=%s is not HID[/UID]@BUS:SLOT.FN, as in "
                       "acpi-hid=AMDI0020/0@00:14.5", next);
            return false;
        }
        hid.hid = g_strdup(halves[0]);
        hid.uid = g_strdup(halves[1]);
        hid.sid = bus << 8 | devfn;
        g_array_append_val(acpi->hids, hid);
        next = *end ? end + 1 : NULL;
    }
    return true;
}

bool nyx_amd_acpi_devices_parse(NyxAmdState *s, NyxAmdAcpi *acpi,
                                Error **errp)
{
    acpi->hids = g_array_new(false, true, sizeof(NyxAmdHid));
    acpi->regions = g_array_new(false, true, sizeof(NyxAmdRegion));
    return parse_regions(s, acpi, errp) &&
           parse_hids(s->props.acpi_hid, acpi, errp);
}

/* --- Structures ----------------------------------------------------------- */

static void add_uid(GArray *entries, const char *uid)
{
    uint64_t number;
    char *end;

    if (!uid) {
        build_append_int_noprefix(entries, UID_NONE, 1);
        build_append_int_noprefix(entries, 0, 1);
        return;
    }
    number = g_ascii_strtoull(uid, &end, 10);
    if (!*end) {
        build_append_int_noprefix(entries, UID_INTEGER, 1);
        build_append_int_noprefix(entries, sizeof(number), 1);
        build_append_int_noprefix(entries, number, sizeof(number));
    } else {
        build_append_int_noprefix(entries, UID_STRING, 1);
        build_append_int_noprefix(entries, strlen(uid), 1);
        g_array_append_vals(entries, uid, strlen(uid));
    }
}

void nyx_amd_acpi_add_hids(GArray *entries, const NyxAmdAcpi *acpi)
{
    for (unsigned i = 0; i < acpi->hids->len; i++) {
        const NyxAmdHid *one = &g_array_index(acpi->hids, NyxAmdHid, i);
        char hid[HID_LENGTH] = { };

        memcpy(hid, one->hid, strlen(one->hid));
        build_append_int_noprefix(entries, IVHD_ACPI_HID, 1);
        build_append_int_noprefix(entries, one->sid, 2);
        build_append_int_noprefix(entries, 0, 1);       /* data */
        g_array_append_vals(entries, hid, sizeof(hid));
        build_append_int_noprefix(entries, 0, 8);       /* compatible id */
        add_uid(entries, one->uid);
    }
}

static void add_one_ivmd(GArray *table, const NyxAmdRegion *region,
                         const char *id)
{
    bool all = !strcmp(id, "*");
    PCIDevice *dev = all ? NULL : nyx_pci_device_by_id(id);

    build_append_int_noprefix(table, all ? IVMD_TYPE_ALL : IVMD_TYPE_ONE, 1);
    /* What has been unplugged needs nothing. */
    build_append_int_noprefix(table, all || dev ? region->flags : 0, 1);
    build_append_int_noprefix(table, IVMD_LENGTH, 2);
    build_append_int_noprefix(table, dev ? pci_get_bdf(dev) : 0, 2);
    build_append_int_noprefix(table, 0, 2);             /* end of a range */
    build_append_int_noprefix(table, 0, 8);             /* segment */
    build_append_int_noprefix(table, region->base, 8);
    build_append_int_noprefix(table, region->limit - region->base + 1, 8);
}

void nyx_amd_acpi_add_ivmd(GArray *table, const NyxAmdAcpi *acpi)
{
    for (unsigned i = 0; i < acpi->regions->len; i++) {
        const NyxAmdRegion *region = &g_array_index(acpi->regions,
                                                    NyxAmdRegion, i);

        for (char **id = region->ids; *id; id++) {
            add_one_ivmd(table, region, *id);
        }
    }
}
