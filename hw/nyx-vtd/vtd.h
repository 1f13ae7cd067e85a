/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU device around the VT-d engine.
 */
#ifndef HW_NYX_VTD_VTD_H
#define HW_NYX_VTD_VTD_H

#include "hw/nyx-iommu/compat.h"
#include "hw/nyx-iommu/dma-space.h"
#include "hw/nyx-iommu/options.h"
#include "hw/nyx-iommu/stream.h"
#include "hw/nyx-vtd/engine.h"
#include "hw/i386/x86-iommu.h"

#define TYPE_NYX_VTD "nyx-vtd"
OBJECT_DECLARE_TYPE(NyxVtdState, NyxVtdClass, NYX_VTD)

struct NyxVtdClass {
    X86IOMMUClass parent_class;

    DeviceRealize parent_realize;
};

/* Units at most. */
#define NYX_VTD_UNITS 8

/* Properties; constant after realize. */
typedef struct NyxVtdProps {
    uint8_t aw_bits;
    uint8_t fault_records;
    uint8_t domain_bits;
    uint8_t mamv;
    uint8_t mhmv;
    char *profile;
    char *sslps;
    bool coherent;
    bool phmr;
    bool plmr;
    bool psi;
    bool qi;
    bool rwbf;
    bool smpwcs;
    bool zlr;
    bool abort_dma;
    bool caching_mode;
    bool coalesce;
    bool dma_drain;
    bool dma_translation;
    bool scalable_mode;
    OnOffAuto flts;
    bool ssts;
    bool nest;
    bool fs1gp;
    bool fs5lp;
    bool ssads;
    bool eafs;
    bool srs;
    bool ers;
    bool rps;
    bool rprivs;
    bool nwfs;
    OnOffAuto page_requests;
    uint8_t pasid_bits;
    bool esirtps;
    bool esrtps;
    bool perfmon;
    bool pt;                 /* unless the parent class has it */
    bool snoop_control;
    bool vcmd;
    bool x2apic_opt_out;
    OnOffAuto eim;
    OnOffAuto posted_interrupts;
    uint32_t version;
    uint32_t iotlb_entries;
    uint64_t cache_seed;
    char *cache;
    char *findings;
    int64_t numa_node;       /* -1: none */
    char *rmrr;
    char *andd;
    char *satc;
    char *sidp;
    char *unit[NYX_VTD_UNITS]; /* what is behind each but the first */
} NyxVtdProps;

/* A place on a root bus. */
typedef struct NyxVtdPlace {
    PCIBus *bus;
    uint8_t devfn;
} NyxVtdPlace;

/* One remapping unit: an engine and its registers. */
typedef struct NyxVtdUnit {
    NyxVtdState *s;
    unsigned index;
    char *name;              /* in findings and errors */
    NyxVtd *engine;
    MemoryRegion mmio;
    QEMUBH *bh;
    GStrv ids;               /* what is behind it; NULL: all others */
    GArray *places;          /* NyxVtdPlace: the same, once all are there */
    NyxVtdSaved saved;       /* while migrating */
} NyxVtdUnit;

struct NyxVtdState {
    X86IOMMUState parent_obj;

    NyxVtdProps props;
    NyxGiven given;
    NyxVtdUnit units[NYX_VTD_UNITS];
    uint32_t n_units;
    NyxDmaSpace *space;
    Notifier machine_done;
    bool runs;               /* the machine does; false until it begins */
    NyxStream stream;        /* findings, one JSON object a line */
};

/* All units have the same. */
static inline const NyxVtdCfg *nyx_vtd_common_cfg(const NyxVtdState *s)
{
    return nyx_vtd_cfg(s->units[0].engine);
}

static inline uint64_t nyx_vtd_unit_base(const NyxVtdUnit *unit)
{
    return NVTD_MMIO_BASE + unit->index * NVTD_MMIO_STRIDE;
}

/* units.c: what is behind which unit */
/* Read the options unit1 and up. */
bool nyx_vtd_units_parse(NyxVtdState *s, Error **errp);
/* Find the devices that they name, when all are there. */
bool nyx_vtd_units_resolve(NyxVtdState *s, Error **errp);
/* The unit of what is at this place of a root bus, or below it. */
NyxVtdUnit *nyx_vtd_unit_at(NyxVtdState *s, const PCIBus *root,
                            uint8_t devfn);

extern const VMStateDescription nyx_vtd_vmstate;

/* options.c */
/* From instance_init. */
void nyx_vtd_options_init(NyxVtdState *s);
void nyx_vtd_options_class_init(ObjectClass *oc);
/* Before realize: what the profile says and the command line does not. */
bool nyx_vtd_options_preset(NyxVtdState *s, Error **errp);
bool nyx_vtd_options_cfg(NyxVtdState *s, NyxVtdCfg *cfg, Error **errp);

/* Build the DMAR table (chapter 8) and add it to the machine's. */
bool nyx_vtd_acpi_install(NyxVtdState *s, Error **errp);

/* Add the properties that show statistics and state: the first unit's. */
void nyx_vtd_debug_class_init(ObjectClass *oc);
/* Add an object with the same properties of @unit, "units[N]". */
void nyx_vtd_debug_add_unit(NyxVtdUnit *unit);
void nyx_vtd_debug_register_types(void);

void nyx_vtd_register_types(void);

#endif
