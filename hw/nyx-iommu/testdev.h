/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the source files of nyx-testdev share: its state, the request engine,
 * the shadow of an IOMMU's mappings.
 */
#ifndef HW_NYX_IOMMU_TESTDEV_H
#define HW_NYX_IOMMU_TESTDEV_H

#include "qemu/interval-tree.h"
#include "qemu/notify.h"
#include "qemu/queue.h"
#include "qemu/thread.h"
#include "hw/nyx-iommu/compat.h"
#include "hw/pci/pci_device.h"
#include "system/runstate.h"
#include "hw/nyx-iommu/requester.h"
#include "testdev-regs.h"

#define TYPE_NYX_TESTDEV NYX_TD_NAME
OBJECT_DECLARE_SIMPLE_TYPE(NyxTestdevState, NYX_TESTDEV)

/* Translation cache (ATC): answers to ATS translation requests. */
typedef struct NyxTestdevAtcEntry {
    bool valid;
    bool has_pasid;
    uint32_t pasid;
    uint32_t access;       /* NYX_TD_ACCESS_* */
    uint32_t ats;          /* NYX_TD_ATS_* */
    uint64_t iova;
    uint64_t mask;
    uint64_t addr;
} NyxTestdevAtcEntry;

typedef struct NyxTestdevAtc {
    QemuMutex lock;        /* guards all below; innermost */
    NyxTestdevAtcEntry entry[NYX_TD_ATC_ENTRIES_VALUE];
    unsigned next;         /* entry that is replaced next */
    uint64_t hits;
    uint64_t misses;
    uint64_t drops;
} NyxTestdevAtc;

/* How requests leave the device; constant while a request is under way. */
typedef struct NyxTestdevPort {
    AddressSpace *as;      /* the function's bus-master address space */
    NyxRequester who;
    PCIDevice *pci;        /* translation requests go by QEMU's own calls */
    MemTxAttrs attrs;
    const bool *master;    /* Bus Master Enable, read atomically */
    NyxTestdevAtc *atc;
} NyxTestdevPort;

/* One request of the device, in the terms of its registers. */
typedef struct NyxTestdevReq {
    uint32_t op;           /* NYX_TD_OP_* */
    uint32_t attr;         /* NYX_TD_ATTR_* */
    uint32_t pasid;
    uint32_t len;
    uint64_t addr;
    uint64_t operand;
    uint64_t compare;
} NyxTestdevReq;

typedef struct NyxTestdevResult {
    uint32_t status;       /* NYX_TD_ST_* */
    MemTxResult memtx;
    uint32_t done;         /* bytes */
    uint64_t old;          /* AtomicOp: what was in memory */
    NyxReply reply;        /* last answer of a Nyx IOMMU */
} NyxTestdevResult;

/* testdev-dma.c */

/**
 * nyx_testdev_check: whether @req makes sense, address alignment included.
 *
 * Returns NYX_TD_ST_OK or the code that says what is wrong.
 */
uint32_t nyx_testdev_check(const NyxTestdevReq *req);

/**
 * nyx_testdev_perform: make one request that nyx_testdev_check() passed.
 * @port: where it leaves the device
 * @req: the request
 * @buf: @req->len bytes to write, or room for them; not used by AtomicOps
 * @res: filled in; must be zero on entry
 *
 * From any thread.
 */
void nyx_testdev_perform(const NyxTestdevPort *port, const NyxTestdevReq *req,
                         void *buf, NyxTestdevResult *res);

/* Fill @buf with @pattern, 8 bytes and little-endian, again and again. */
void nyx_testdev_fill(void *buf, size_t len, uint64_t pattern);

void nyx_testdev_atc_init(NyxTestdevAtc *atc);
void nyx_testdev_atc_destroy(NyxTestdevAtc *atc);
/* Empty the cache without counting drops. */
void nyx_testdev_atc_flush(NyxTestdevAtc *atc);
/* Drop every entry that overlaps [@iova, @last], of whatever PASID. */
void nyx_testdev_atc_drop(NyxTestdevAtc *atc, uint64_t iova, uint64_t last);
/* The same of those that @inv is for, by its PASID. */
void nyx_testdev_atc_drop_tagged(NyxTestdevAtc *atc, uint64_t iova,
                                 uint64_t last, const NyxEndpointInv *inv);
NyxTestdevAtcEntry nyx_testdev_atc_get(NyxTestdevAtc *atc, unsigned index);
unsigned nyx_testdev_atc_count(NyxTestdevAtc *atc);

/* testdev-shadow.c: pure bookkeeping */

typedef struct NyxShadowEntry {
    IntervalTreeNode node; /* node.start to node.last */
    uint64_t addr;
    bool write;
    bool read;
} NyxShadowEntry;

typedef struct NyxShadow {
    IntervalTreeRoot root;
    uint32_t count;
    uint32_t max;
    uint64_t bytes;
} NyxShadow;

/**
 * nyx_shadow_map: add a mapping.
 * @entry: copied; its node.last is inclusive
 *
 * Returns NYX_TD_SHADOW_OK or what a VFIO container would object to.
 */
unsigned nyx_shadow_map(NyxShadow *shadow, const NyxShadowEntry *entry);

/**
 * nyx_shadow_unmap: remove the mappings within [@iova, @last].
 *
 * Returns NYX_TD_SHADOW_CUT, with nothing removed, if an edge is inside a
 * mapping.
 */
unsigned nyx_shadow_unmap(NyxShadow *shadow, uint64_t iova, uint64_t last);

/* Remove all that overlaps [@iova, @last], whatever the edges. */
void nyx_shadow_drop(NyxShadow *shadow, uint64_t iova, uint64_t last);
/* Entry number @index in order of address, or NULL. */
const NyxShadowEntry *nyx_shadow_nth(NyxShadow *shadow, uint32_t index);
/* The first that overlaps [@iova, @last], or NULL. */
const NyxShadowEntry *nyx_shadow_next(NyxShadow *shadow, uint64_t iova,
                                      uint64_t last);
/* Entry that holds @iova, or NULL. */
const NyxShadowEntry *nyx_shadow_find(NyxShadow *shadow, uint64_t iova);
/* NYX_TD_SHADOW_OK if [@iova, @last] is an aligned power of two. */
unsigned nyx_shadow_check_size(uint64_t iova, uint64_t last);

/* testdev-notify.c */

/* An IOMMU region as far as one section of the address space shows it. */
typedef struct NyxTestdevSection {
    NyxTestdevState *s;
    MemoryRegion *mr;
    hwaddr start;          /* offset within @mr */
    hwaddr offset;         /* from @mr to the address space */
    hwaddr last;           /* within @mr, inclusive */
    IOMMUNotifier map;     /* MAP and UNMAP events */
    IOMMUNotifier devtlb;  /* device-TLB invalidations */
    bool map_on;
    bool devtlb_on;
    QLIST_ENTRY(NyxTestdevSection) next;
} NyxTestdevSection;

typedef struct NyxTestdevNotify {
    MemoryListener listener;
    bool listening;
    uint32_t flags;        /* NYX_TD_NOTIFY_*, in force */
    bool refused;
    bool bad_ctrl;
    uint32_t ram_sections;
    uint32_t iommu_sections;
    char *error;           /* of the last refusal */
    QLIST_HEAD(, NyxTestdevSection) sections;
    NyxShadow shadow;
} NyxTestdevNotify;

void nyx_testdev_notify_init(NyxTestdevState *s);
/* Listen for what NYX_TD_NOTIFY_CTRL says; the shadow starts empty. */
void nyx_testdev_notify_apply(NyxTestdevState *s);
void nyx_testdev_notify_stop(NyxTestdevState *s);
/* Empty the shadow and have it filled again. */
void nyx_testdev_notify_replay(NyxTestdevState *s);
uint32_t nyx_testdev_notify_status(NyxTestdevState *s);
void nyx_testdev_notify_class_init(ObjectClass *klass);
/*
 * Put the mapping of a MAP event for @iova into @shadow.  Returns
 * NYX_TD_SHADOW_OK or what a VFIO container would object to.
 */
unsigned nyx_testdev_take_map(NyxShadow *shadow, const IOMMUTLBEntry *entry,
                              uint64_t iova);

/* testdev-dirty.c */

typedef struct NyxTestdevDirty {
    bool tracking;         /* QEMU wants to know of dirty pages */
    GHashTable *pages;     /* written to, by their address for the device */
    NyxShadow seen;        /* what the IOMMU answered when it was asked last */
} NyxTestdevDirty;

void nyx_testdev_dirty_init(NyxTestdevState *s);
void nyx_testdev_dirty_exit(NyxTestdevState *s);
/* Nobody listens any more: forget all. */
void nyx_testdev_dirty_stop(NyxTestdevState *s);
/* A request with NYX_TD_ATTR_HOST that nyx_testdev_check() passed. */
void nyx_testdev_host_perform(NyxTestdevState *s, const NyxTestdevReq *req,
                              uint8_t *buf, NyxTestdevResult *res);
/* An UNMAP with translated address @addr, while its mappings are there. */
unsigned nyx_testdev_dirty_unmapped(NyxTestdevState *s, uint64_t iova,
                                    uint64_t last, uint64_t addr);
/* A section is gone, and nobody asked what was written to. */
void nyx_testdev_dirty_gone(NyxTestdevState *s, uint64_t first,
                            uint64_t last);
/* Ask the IOMMU for all mappings, without a notifier of its own. */
void nyx_testdev_dirty_ask(NyxTestdevState *s);

/* testdev-run.c */

typedef struct NyxTestdevRun NyxTestdevRun;

typedef struct NyxTestdevRunResult {
    uint64_t ns;
    uint64_t ops;
    uint64_t errors;
} NyxTestdevRunResult;

void nyx_testdev_run_start(NyxTestdevState *s);
/* Ask the threads to stop and don't wait. */
void nyx_testdev_run_stop(NyxTestdevState *s);
/* Stop and wait a bounded time; false if a thread is left. */
bool nyx_testdev_run_quiesce(NyxTestdevState *s);
/* The same, then take the results, or drop them if @discard. */
void nyx_testdev_run_cancel(NyxTestdevState *s, bool discard);
uint32_t nyx_testdev_run_status(NyxTestdevState *s);
/* Of thread @t of the run that is under way or over; its time if over. */
NyxTestdevRunResult nyx_testdev_run_of_thread(NyxTestdevState *s, unsigned t);
/* Totals of the same. */
NyxTestdevRunResult nyx_testdev_run_totals(NyxTestdevState *s);

/* testdev-pri.c */

/* A page-request group that waits for its response; free without requests. */
typedef struct NyxTestdevGroup {
    uint16_t index;
    uint16_t requests;
    uint32_t pasid;
    bool has_pasid;
    bool last;             /* has been sent */
} NyxTestdevGroup;

typedef struct NyxTestdevResponse {
    uint32_t word;         /* NYX_TD_PRI_RESP */
    uint32_t pasid;
} NyxTestdevResponse;

typedef struct NyxTestdevPri {
    NyxTestdevGroup group[NYX_TD_PRI_CAPACITY];
    NyxTestdevResponse response[NYX_TD_PRI_RESPONSES_KEPT];
} NyxTestdevPri;

extern const NyxEndpointOps nyx_testdev_endpoint_ops;
extern const VMStateDescription nyx_testdev_vmstate_pri;

void nyx_testdev_pri_add_capability(NyxTestdevState *s, uint16_t offset);
void nyx_testdev_pri_config_written(NyxTestdevState *s);
void nyx_testdev_pri_config_reset(NyxTestdevState *s);
/* Forget all requests and responses. */
void nyx_testdev_pri_reset(NyxTestdevState *s);
/* Whether what was loaded is something that can have been saved. */
bool nyx_testdev_pri_loaded(const NyxTestdevState *s);
bool nyx_testdev_pri_enabled(const NyxTestdevState *s);
void nyx_testdev_pri_doorbell(NyxTestdevState *s, uint64_t value);
uint32_t nyx_testdev_pri_outstanding(const NyxTestdevState *s);
/* That NYX_TD_PRI_RESP_INDEX selects. */
NyxTestdevResponse nyx_testdev_pri_response(const NyxTestdevState *s);

typedef struct NyxTestdevPci NyxTestdevPci;

struct NyxTestdevState {
    PCIDevice parent_obj;

    /* Properties */
    bool ats;
    bool pasid;
    bool with_pri;
    bool pri_pasid;
    bool pci_calls;
    bool msi;
    bool msix;
    uint8_t vectors;
    uint8_t notify_reset;
    uint8_t host_aw_bits;  /* 0: no device of the host */
    uint32_t shadow_max;
    uint64_t host_pages;
    char *host_ranges;

    /* Migrated */
    uint32_t regs[NYX_TD_REGS_SIZE / sizeof(uint32_t)];
    uint8_t window[NYX_TD_WINDOW_SIZE];
    bool itd_armed;
    NyxTestdevRunResult run_result[NYX_TD_MAX_THREADS_VALUE];
    NyxTestdevPri pri;

    /* Run-time */
    IOMMUMemoryRegion floor;
    MemoryRegion bar;
    MemoryRegion regs_mr;
    MemoryRegion window_mr;
    bool master;           /* Bus Master Enable for threads, atomic */
    uint16_t pasid_cap;    /* offset in configuration space, or 0 */
    uint16_t pri_cap;
    uint8_t *buf;          /* NYX_TD_MAX_LEN_VALUE bytes, under the big lock */
    NyxTestdevAtc atc;
    NyxTestdevNotify notify;
    NyxTestdevDirty dirty;
    NyxTestdevPci *pci;    /* with pci_calls */
    NyxTestdevRun *run;    /* under way, or stopped with threads left */
    HostIOMMUDevice *host; /* or NULL */
    VMChangeStateEntry *vm_change;
    Notifier exit_notifier;
};

/* testdev-mmio.c */

uint32_t nyx_testdev_reg_get(const NyxTestdevState *s, unsigned offset);
uint64_t nyx_testdev_reg_get64(const NyxTestdevState *s, unsigned offset);
void nyx_testdev_reg_set(NyxTestdevState *s, unsigned offset, uint32_t value);
void nyx_testdev_reg_set64(NyxTestdevState *s, unsigned offset,
                           uint64_t value);
/* Add 1 to a counter of 32 or 64 bits. */
void nyx_testdev_reg_inc(NyxTestdevState *s, unsigned offset);
void nyx_testdev_reg_inc64(NyxTestdevState *s, unsigned offset);

void nyx_testdev_mmio_init(NyxTestdevState *s);
void nyx_testdev_mmio_exit(NyxTestdevState *s);
/* After all registers were loaded from a migration stream. */
void nyx_testdev_mmio_loaded(NyxTestdevState *s);
/* Stop what is going on and put all registers into their reset state. */
void nyx_testdev_mmio_reset(NyxTestdevState *s);

/* testdev-pci.c: ATS and PRI by QEMU's PCI interface, if it has any */

bool nyx_testdev_pci_init(NyxTestdevState *s, Error **errp);
void nyx_testdev_pci_exit(NyxTestdevState *s);
/* Hear of what concerns the PASID; with the big lock. */
void nyx_testdev_pci_listen(NyxTestdevState *s, uint32_t pasid);
/* As nyx_request_submit_as() and nyx_request_submit(). */
bool nyx_testdev_pci_translate(PCIDevice *dev, const NyxRequest *req,
                               NyxReply *reply);
bool nyx_testdev_pci_page_request(NyxTestdevState *s, const NyxRequest *req,
                                  NyxReply *reply);

/* testdev-floor.c */

/* The region that runs with NYX_TD_RUN_F_FLOOR go through. */
void nyx_testdev_floor_init(NyxTestdevState *s);
void nyx_testdev_floor_register_types(void);

/* testdev-host.c */

/* Be a device of the host, if the property says so; false if refused. */
bool nyx_testdev_host_init(NyxTestdevState *s, Error **errp);
void nyx_testdev_host_exit(NyxTestdevState *s);
void nyx_testdev_host_register_types(void);

/* testdev.c */

/* Port for requests made now; @attr as in NYX_TD_DMA_ATTR. */
NyxTestdevPort nyx_testdev_port(NyxTestdevState *s, uint32_t attr);
/* Send the message of @vector; the result is a NYX_TD_ST_* code. */
uint32_t nyx_testdev_irq(NyxTestdevState *s, uint32_t vector);

void nyx_testdev_register_types(void);

#endif
