/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU device around the AMD-Vi engine.
 */
#ifndef HW_NYX_AMDVI_AMDVI_H
#define HW_NYX_AMDVI_AMDVI_H

#include "hw/nyx-iommu/compat.h"
#include "hw/nyx-iommu/dma-space.h"
#include "hw/nyx-iommu/options.h"
#include "hw/nyx-iommu/stream.h"
#include "hw/nyx-amdvi/engine.h"
#include "hw/i386/x86-iommu.h"

#define TYPE_NYX_AMDVI "nyx-amdvi"
OBJECT_DECLARE_TYPE(NyxAmdState, NyxAmdClass, NYX_AMDVI)

/* Its PCI function, which it makes by itself. */
#define TYPE_NYX_AMDVI_PCI "nyx-amdvi-pci"
OBJECT_DECLARE_SIMPLE_TYPE(NyxAmdPci, NYX_AMDVI_PCI)

struct NyxAmdClass {
    X86IOMMUClass parent_class;

    DeviceRealize parent_realize;
};

/* Properties; constant after realize. */
typedef struct NyxAmdProps {
    int32_t addr;            /* of the PCI function; -1: find a place */
    uint8_t va_bits;
    uint8_t host_levels;
    uint8_t guest_levels;
    uint8_t glx;
    uint8_t pasid_bits;
    uint8_t segments;
    uint8_t dual_ppr;
    uint8_t dual_event;
    uint8_t smi_filters;
    bool dma_remap;
    bool dma_translation;    /* unless the parent class has it */
    bool pt;                 /* likewise */
    bool np_cache;
    bool coherent;
    bool coalesce;
    bool attr_fw;
    bool block_stop_mark;
    bool eph;
    bool vapic;
    bool gappi_dis;
    bool gappi;
    bool ga;
    bool ga_update_dis;
    bool gcr3_trp;
    bool gio;
    bool host_accessed;
    bool host_dirty;
    bool hw_events;
    bool ht_range_ignore;
    bool invalidate_all;
    bool inv_iotlb_type;
    bool irt_cache_dis;
    bool marc;
    bool msi_mmio;
    bool int_remap_2k;
    bool nx;
    bool perfmon;
    bool perf_opt;
    bool ppr_auto;
    bool ppr_early;
    bool prefetch;
    bool us;
    OnOffAuto page_requests;
    OnOffAuto xtsup;
    uint32_t iotlb_entries;
    uint64_t cache_seed;
    char *profile;
    char *cache;
    char *findings;
    char *acpi_hid;
    char *ivmd;
} NyxAmdProps;

typedef struct NyxAmdAcpi NyxAmdAcpi;

struct NyxAmdState {
    X86IOMMUState parent_obj;

    NyxAmdProps props;
    NyxGiven given;
    NyxAmd *engine;
    NyxAmdPci *pci;
    uint64_t base;           /* where the registers are now */
    MemoryRegion mmio;
    QEMUBH *bh;
    bool runs;               /* the machine does; false until it begins */
    NyxDmaSpace *space;
    Notifier machine_done;
    NyxStream stream;        /* findings, one JSON object a line */
    NyxAmdAcpi *acpi;
    NyxAmdSaved saved;       /* while migrating */
};

extern const VMStateDescription nyx_amd_vmstate;

/* amdvi.c */
/* Move the registers to @base. */
void nyx_amd_map_registers(NyxAmdState *s, uint64_t base);

/* options.c */
void nyx_amd_options_init(NyxAmdState *s);
void nyx_amd_options_class_init(ObjectClass *oc);
/* Before realize: what the profile says and the command line does not. */
bool nyx_amd_options_preset(NyxAmdState *s, Error **errp);
bool nyx_amd_options_cfg(NyxAmdState *s, NyxAmdCfg *cfg, Error **errp);

/* pci.c */
/* Make the function and put it on the root bus. */
NyxAmdPci *nyx_amd_pci_new(NyxAmdState *s, Error **errp);
/* A function with the IOAPIC's requester id, unless there is one. */
bool nyx_amd_pci_new_southbridge(NyxAmdState *s, Error **errp);
/* With the IOMMU's own reset. */
void nyx_amd_pci_reset(NyxAmdPci *pci);
/* Send MSI number NAMD_MSG_*, not remapped. */
void nyx_amd_pci_signal(NyxAmdPci *pci, unsigned message);
/* Doublewords of the MSI capability and of the MSI mapping one behind it. */
uint32_t nyx_amd_pci_msi_read(NyxAmdPci *pci, unsigned offset);
void nyx_amd_pci_msi_write(NyxAmdPci *pci, unsigned offset, uint32_t value);
/* Any thread. */
void nyx_amd_pci_target_abort(NyxAmdPci *pci);
uint16_t nyx_amd_pci_sid(NyxAmdPci *pci);
uint8_t nyx_amd_pci_capability(const NyxAmdPci *pci);
void nyx_amd_pci_register_types(void);

/* acpi.c */
/* Build the IVRS table and add it to the machine's. */
bool nyx_amd_acpi_install(NyxAmdState *s, Error **errp);
/* The machine is about to copy it: as the buses are numbered now. */
void nyx_amd_acpi_refresh(NyxAmdState *s);

/* debug.c: statistics and state, as properties */
void nyx_amd_debug_class_init(ObjectClass *oc);

void nyx_amd_register_types(void);

#endif
