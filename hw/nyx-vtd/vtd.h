/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU device around the VT-d engine.
 */
#ifndef HW_NYX_VTD_VTD_H
#define HW_NYX_VTD_VTD_H

#include "qemu/bitmap.h"
#include "hw/nyx-iommu/compat.h"
#include "hw/nyx-iommu/dma-space.h"
#include "hw/nyx-iommu/stream.h"
#include "hw/nyx-vtd/engine.h"
#include "hw/i386/x86-iommu.h"

#define TYPE_NYX_VTD "nyx-vtd"
OBJECT_DECLARE_TYPE(NyxVtdState, NyxVtdClass, NYX_VTD)

struct NyxVtdClass {
    X86IOMMUClass parent_class;

    DeviceRealize parent_realize;
};

#define NYX_VTD_OPTIONS_MAX 95

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
    bool flts;
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
} NyxVtdProps;

struct NyxVtdState {
    X86IOMMUState parent_obj;

    NyxVtdProps props;
    /* Which options the command line has; see options.c. */
    DECLARE_BITMAP(given, NYX_VTD_OPTIONS_MAX + 1);
    NyxVtd *engine;
    NyxDmaSpace *space;
    MemoryRegion mmio;
    QEMUBH *bh;
    Notifier machine_done;
    NyxStream stream;        /* findings, one JSON object a line */
    NyxVtdSaved saved;       /* while migrating */
};

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

/* Add the properties that show statistics and state. */
void nyx_vtd_debug_class_init(ObjectClass *oc);

void nyx_vtd_register_types(void);

#endif
