/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files that build the DMAR table share.
 */
#ifndef HW_NYX_VTD_ACPI_INTERNAL_H
#define HW_NYX_VTD_ACPI_INTERNAL_H

#include "hw/nyx-vtd/vtd.h"

/* 8.2: remapping structure types; they come in this order. */
#define DMAR_TYPE_DRHD  0
#define DMAR_TYPE_RMRR  1
#define DMAR_TYPE_ATSR  2
#define DMAR_TYPE_RHSA  3
#define DMAR_TYPE_ANDD  4
#define DMAR_TYPE_SATC  5
#define DMAR_TYPE_SIDP  6

/* 8.3.1: device scope types */
#define SCOPE_ENDPOINT  1
#define SCOPE_BRIDGE    2
#define SCOPE_IOAPIC    3
#define SCOPE_NAMESPACE 5

/* acpi.c */
/* A device scope whose path is one step from @bus. */
void nyx_vtd_acpi_scope(GArray *table, uint8_t type, uint8_t id, uint8_t bus,
                        uint8_t devfn);
/* The scope of a function or a bridge, with all steps from its root bus. */
void nyx_vtd_acpi_scope_device(GArray *table, uint8_t flags, PCIDevice *dev);

/* acpi-devices.c: what options say of single devices */
typedef struct NyxVtdRegion {
    uint64_t base;
    uint64_t limit;          /* inclusive */
    GPtrArray *devices;      /* PCIDevice */
} NyxVtdRegion;

typedef struct NyxVtdNamed {
    char *name;              /* of the ACPI object */
    uint8_t bus;
    uint8_t devfn;
} NyxVtdNamed;

typedef struct NyxVtdFlagged {
    PCIDevice *dev;
    uint8_t flags;
} NyxVtdFlagged;

typedef struct NyxVtdAcpiDevices {
    GArray *regions;         /* NyxVtdRegion: RMRR */
    GArray *named;           /* NyxVtdNamed: ANDD */
    GArray *satc;            /* NyxVtdFlagged */
    GArray *sidp;            /* NyxVtdFlagged */
} NyxVtdAcpiDevices;

/* Read the options rmrr, andd, satc and sidp. */
bool nyx_vtd_acpi_devices_parse(NyxVtdState *s, NyxVtdAcpiDevices *devices,
                                Error **errp);
void nyx_vtd_acpi_devices_free(NyxVtdAcpiDevices *devices);
void nyx_vtd_acpi_add_rmrr(GArray *table, const NyxVtdAcpiDevices *devices);
void nyx_vtd_acpi_add_andd(GArray *table, const NyxVtdAcpiDevices *devices);
void nyx_vtd_acpi_add_satc(GArray *table, const NyxVtdAcpiDevices *devices);
void nyx_vtd_acpi_add_sidp(GArray *table, const NyxVtdAcpiDevices *devices);

#endif
