/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU device around the virtio-iommu engine: a virtio device, and the PCI
 * function that has it.
 */
#ifndef HW_VIRTIO_IOMMU_EXT_VIOMMU_H
#define HW_VIRTIO_IOMMU_EXT_VIOMMU_H

#include "hw/nyx-iommu/compat.h"
#include "hw/nyx-iommu/dma-space.h"
#include "hw/nyx-iommu/stream.h"
#include "hw/virtio/virtio-pci.h"
#include "hw/virtio-iommu-ext/engine.h"
#include "qapi/qapi-types-virtio.h"

#define TYPE_NYX_VIO "nyx-virtio-iommu-device"
OBJECT_DECLARE_SIMPLE_TYPE(NyxVioState, NYX_VIO)

#define TYPE_NYX_VIO_PCI "nyx-virtio-iommu-pci"
OBJECT_DECLARE_SIMPLE_TYPE(NyxVioPci, NYX_VIO_PCI)

/* Properties; constant after realize. */
typedef struct NyxVioProps {
    uint8_t aw_bits;
    uint8_t pasid_bits;
    bool boot_bypass;
    bool coalesce;
    bool device_iotlb;
    bool attach_table;
    bool pasid;
    bool page_requests;
    uint32_t event_delay;    /* in milliseconds */
    uint32_t iotlb_entries;
    uint32_t max_domains;
    uint32_t max_mappings;
    uint32_t n_regions;
    uint64_t cache_seed;
    GranuleMode granule;
    NyxVioRegion *regions;
    char *cache;
    char *endpoints;
    char *findings;
} NyxVioProps;

/* endpoints.c */
typedef struct NyxVioPlaces NyxVioPlaces;

struct NyxVioState {
    VirtIODevice parent_obj;

    const NyxVioProps *props;
    PCIDevice *pci;          /* the function that it is in */
    PCIBus *bus;             /* the machine's root bus */
    bool on_pc;              /* messages have a range, tables are ACPI's */
    NyxVio *engine;
    VirtQueue *requests;
    VirtQueue *events;
    QEMUBH *requests_bh;     /* there are more requests */
    QEMUBH *bh;              /* the engine has something left to do */
    QEMUTimer *timer;        /* events may be sent from then on */
    int64_t events_from;     /* ns of the virtual clock */
    bool driver_ok;
    bool in_request;         /* requests are being carried out */
    uint64_t enough;         /* work at which their pass ends */
    bool in_event;           /* an event is being written */
    bool late;               /* something else was due meanwhile */
    bool resetting;          /* the machine, or the function, is */
    bool config_seen;        /* by the driver, since the last reset */
    NyxDmaSpace *space;
    NyxVioPlaces *places;    /* what is behind it; NULL: everything */
    GArray *hosts;           /* hosts.c */
    unsigned ranges;         /* there is room for in the VIOT table */
    Notifier machine_done;
    NyxStream stream;        /* findings, one JSON object a line */
    NyxVioSaved saved;       /* while migrating */
};

struct NyxVioPci {
    VirtIOPCIProxy parent_obj;

    NyxVioProps props;
    NyxVioState vdev;
};

/* What requests have led to is enough for one pass. */
bool nyx_vio_pass_is_over(const NyxVioState *s);

/*
 * ring-qemu.c: requests of the usual form, one ring's worth at most.  Returns
 * how many; what comes then is QEMU's functions' to look at.
 */
unsigned nyx_vio_requests_short(NyxVioState *s, unsigned max);
/* The next chain, of any form; the caller frees it.  NULL: there is none. */
VirtQueueElement *nyx_vio_pop(VirtIODevice *vdev, VirtQueue *vq);

/* options.c */
void nyx_vio_options_class_init(ObjectClass *oc);
bool nyx_vio_options_cfg(const NyxVioState *s, NyxVioCfg *cfg, Error **errp);

/* endpoints.c: the option endpoints= */
bool nyx_vio_places_parse(NyxVioState *s, Error **errp);
/* At machine-done: every item has to be there, and stays where it is. */
bool nyx_vio_places_resolve(NyxVioState *s, Error **errp);
/* Whether requests that come from there do not go through the device. */
bool nyx_vio_places_exclude(const NyxVioState *s, PCIBus *bus, uint8_t devfn);

/* Requester ids that are behind the device, as buses are numbered now. */
typedef struct NyxVioRange {
    uint16_t first;
    uint16_t last;           /* inclusive */
} NyxVioRange;

/* Sorted and disjoint. */
GArray *nyx_vio_places_ranges(const NyxVioState *s);
/*
 * Before software has numbered any bus below a root: wherever something can
 * come to be that is behind the device.
 */
GArray *nyx_vio_places_ranges_unnumbered(const NyxVioState *s);
/* There will never be more of them, whatever the numbers. */
unsigned nyx_vio_places_ranges_max(const NyxVioState *s);

/* hosts.c: what the hosts' IOMMUs can do */
void nyx_vio_hosts_init(NyxVioState *s);
bool nyx_vio_host_add(NyxVioState *s, NyxVioRequester *r,
                      HostIOMMUDevice *hiod, Error **errp);
void nyx_vio_host_remove(NyxVioState *s, HostIOMMUDevice *hiod);
unsigned nyx_vio_host_regions(NyxVioState *s, uint32_t id,
                              NyxVioRegion *regions);

/* migration.c: dc->vmsd, and vdc->vmsd */
extern const VMStateDescription nyx_vio_vmstate;
extern const VMStateDescription nyx_vio_state_vmstate;

/* acpi.c */
/* Build the VIOT table and add it to the machine's. */
bool nyx_vio_acpi_install(NyxVioState *s, Error **errp);
/* The machine is about to copy it: as the buses are numbered now. */
void nyx_vio_acpi_refresh(NyxVioState *s);

/* device-tree.c */
/* Whether the machine has a tree with a PCI host bridge in it. */
bool nyx_vio_tree_possible(void);
/* Add the device to it, before the machine gives it to the guest. */
void nyx_vio_tree_install(const NyxVioState *s);

/* arm-virt.c: the same for the ACPI tables of Arm's "virt" */
void nyx_vio_arm_virt_install(const NyxVioState *s);

/* debug.c: statistics and state, as properties */
void nyx_vio_debug_class_init(ObjectClass *oc);

/* pci.c */
void nyx_vio_pci_register_types(void);

void nyx_vio_register_types(void);

#endif
