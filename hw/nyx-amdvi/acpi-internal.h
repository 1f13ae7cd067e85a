/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files that build the IVRS table share.
 */
#ifndef HW_NYX_AMDVI_ACPI_INTERNAL_H
#define HW_NYX_AMDVI_ACPI_INTERNAL_H

#include "hw/nyx-amdvi/amdvi.h"

/* 5.2.1, 5.2.2: block types */
#define IVHD_TYPE_10        0x10
#define IVHD_TYPE_11        0x11
#define IVHD_TYPE_40        0x40
#define IVMD_TYPE_ALL       0x20
#define IVMD_TYPE_ONE       0x21

/* Types of device entries */
#define IVHD_PAD            0x00
#define IVHD_RANGE_START    0x03
#define IVHD_RANGE_END      0x04
#define IVHD_ALIAS_START    0x43
#define IVHD_SPECIAL        0x48
#define IVHD_ACPI_HID       0xf0

#define IVHD_ALIAS_LENGTH   12          /* start and end */
#define IVMD_LENGTH         32

/* A device of the ACPI namespace. */
typedef struct NyxAmdHid {
    char *hid;
    char *uid;               /* NULL: none */
    uint16_t sid;
} NyxAmdHid;

/* Memory that devices reach at its own address, or an exclusion range. */
typedef struct NyxAmdRegion {
    uint64_t base;
    uint64_t limit;          /* inclusive */
    uint8_t flags;
    GStrv ids;               /* of devices; "*" is all of them */
} NyxAmdRegion;

struct NyxAmdAcpi {
    GArray *hids;            /* NyxAmdHid */
    GArray *regions;         /* NyxAmdRegion */
    unsigned aliases;        /* there is room for */
};

/* acpi-devices.c: the options acpi-hid and ivmd */
bool nyx_amd_acpi_devices_parse(NyxAmdState *s, NyxAmdAcpi *acpi,
                                Error **errp);
void nyx_amd_acpi_add_hids(GArray *entries, const NyxAmdAcpi *acpi);
void nyx_amd_acpi_add_ivmd(GArray *table, const NyxAmdAcpi *acpi);

#endif
