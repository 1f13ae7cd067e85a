/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VT-d engine: remapping hardware without QEMU.  It sees guest memory
 * and the outside through NyxVtdHost.
 *
 * Threads: nyx_vtd_translate() and nyx_vtd_page_request() may be called from
 * any thread at any time.  Everything else is serialized by the caller (QEMU's
 * big lock), and so are the callbacks that are not marked [any].  Faults and
 * page requests of other threads are handed to the serialized side through
 * bounded rings.
 */
#ifndef HW_NYX_VTD_ENGINE_H
#define HW_NYX_VTD_ENGINE_H

#include "hw/nyx-iommu/blocks.h"
#include "hw/nyx-iommu/cache.h"
#include "hw/nyx-iommu/findings.h"
#include "hw/nyx-iommu/iotlb.h"
#include "hw/nyx-iommu/mem.h"
#include "hw/nyx-iommu/regfile.h"
#include "hw/nyx-iommu/request.h"
#include "hw/nyx-vtd/codes.h"
#include "hw/nyx-vtd/regs.h"

typedef struct NyxVtd NyxVtd;
typedef struct NyxVtdRequester NyxVtdRequester;

/* PASIDs that virtual commands hand out, from 1 on. */
#define NVTD_VCMD_PASIDS    65536
#define NVTD_VCMD_WORDS     (NVTD_VCMD_PASIDS / 64)

/* What the unit is: constant after nyx_vtd_new(). */
typedef struct NyxVtdCfg {
    uint8_t version;         /* VER: major in 7:4, minor in 3:0 */
    uint8_t aw_bits;         /* 39, 48 or 57: widest guest address */
    uint8_t haw_bits;        /* host address width, 32 to 52 */
    uint8_t fault_records;   /* 1 to NVTD_FRCD_MAX */
    uint8_t domain_bits;     /* 4 to 16, even: CAP.ND */
    uint8_t second_lg2;      /* largest second-stage page: 12, 21 or 30 */
    uint8_t mamv;            /* CAP.MAMV, if psi */
    uint8_t mhmv;            /* ECAP.MHMV, if intremap */
    bool psi;                /* page-selective invalidation */
    bool queue;              /* ECAP.QI */
    bool coherent;           /* ECAP.C */
    bool write_buffer;       /* CAP.RWBF */
    bool protected_low;      /* PLMR */
    bool protected_high;     /* PHMR */
    bool zero_length;        /* CAP.ZLR */
    bool abort_dma;          /* ADMS */
    bool caching_mode;
    bool device_iotlb;
    bool dma_drain;
    bool dma_translation;
    bool esirtps;
    bool esrtps;
    bool intremap;
    bool eim;
    bool pass_through;
    bool perfmon;            /* ECMDS and PMS */
    bool posted_interrupts;
    bool snoop_control;
    bool scalable_mode;      /* what follows needs it */
    bool scalable_coherent;  /* SMPWCS */
    bool first_stage;
    bool second_stage;
    bool nested;
    bool first_1g;
    bool first_5_levels;
    bool second_ad;
    bool extended_accessed;
    bool supervisor;
    bool execute;
    bool rid_pasid;
    bool rid_priv;
    bool page_requests;
    bool no_write_flag;      /* NWFS */
    uint8_t pasid_bits;      /* 0: no PASIDs */
    bool vcmd;
    bool coalesce;           /* announce contiguous pages as one block */
    NyxCacheTemper cache;
    uint64_t cache_seed;
    uint32_t iotlb_entries;  /* per requester */
} NyxVtdCfg;

/* For initializers of a NyxVtdCfg: what all but poor units have. */
#define NYX_VTD_CFG_USUAL                                                   \
    .domain_bits = 16, .second_lg2 = 30, .mamv = 18, .mhmv = 15,            \
    .psi = true, .queue = true, .coherent = true, .protected_low = true,    \
    .protected_high = true, .zero_length = true, .scalable_coherent = true

/* Answer of an endpoint to a device-TLB invalidation. */
typedef enum NyxVtdAtsAnswer {
    NYX_VTD_ATS_DONE,
    NYX_VTD_ATS_SILENT,      /* no completion in time: ITE */
    NYX_VTD_ATS_BAD,         /* a completion that makes no sense: ICE */
} NyxVtdAtsAnswer;

/* A device-TLB invalidation, as it goes to the endpoint. */
typedef struct NyxVtdDeviceTlb {
    uint64_t addr;
    uint32_t pasid;          /* if has_pasid */
    uint16_t sid;
    uint8_t lg2;             /* of the range; 64 is everything */
    bool has_pasid;
    bool global;             /* if has_pasid: whatever the PASID */
} NyxVtdDeviceTlb;

/* What a page-group response says. */
typedef enum NyxVtdPageCode {
    NYX_VTD_PAGE_SUCCESS = 0,
    NYX_VTD_PAGE_INVALID = 1,
    NYX_VTD_PAGE_FAILURE = 15,
} NyxVtdPageCode;

/* A page-group response, as it goes to the endpoint. */
typedef struct NyxVtdPageResponse {
    uint32_t pasid;          /* if has_pasid */
    uint16_t sid;
    uint16_t group;          /* PRGI */
    NyxVtdPageCode code;
    bool has_pasid;
} NyxVtdPageResponse;

/* What happened, for traces.  Fields not named stay zero. */
typedef enum NyxVtdEventKind {
    NYX_VTD_EV_COMMAND,      /* a: GCMD as written, b: GSTS after it */
    NYX_VTD_EV_INV_CONTEXT,  /* gran, did, sid */
    NYX_VTD_EV_INV_IOTLB,    /* gran, did, addr, lg2 */
    NYX_VTD_EV_INV_DEVTLB,   /* sid, addr, lg2 */
    NYX_VTD_EV_INV_PASID_CACHE,   /* gran, did, a: PASID */
    NYX_VTD_EV_INV_PASID_IOTLB,   /* gran, did, addr, lg2, a: PASID */
    NYX_VTD_EV_INV_PASID_DEVTLB,  /* sid, addr, lg2, a: PASID, b: global */
    NYX_VTD_EV_INV_IEC,      /* gran, a: index, b: log2 of the count */
    NYX_VTD_EV_WAIT,         /* addr, a: data, b: flags */
    NYX_VTD_EV_QUEUE_ERROR,  /* a: IQEI, b: head */
    NYX_VTD_EV_FAULT,        /* sid, addr, a: code, b: recorded */
    NYX_VTD_EV_INTERRUPT,    /* sid, addr, a: data, b: index; remapped */
    NYX_VTD_EV_POST,         /* sid, addr: descriptor, a: vector, b: notified */
    NYX_VTD_EV_VCMD,         /* gran: command, addr, a: result, b: status */
    NYX_VTD_EV_PAGE_REQUEST, /* sid, addr, a, b: words of the descriptor */
    NYX_VTD_EV_PAGE_LOST,    /* the same; gran: NyxVtdPageCode */
    NYX_VTD_EV_PAGE_RESPONSE, /* sid, did: PRGI, gran: code, a: PASID */
    NYX_VTD_EV_MESSAGE,      /* addr, a: data; an event of our own */
} NyxVtdEventKind;

typedef struct NyxVtdEvent {
    NyxVtdEventKind kind;
    uint16_t sid;
    uint16_t did;
    uint8_t gran;
    uint8_t lg2;
    uint64_t addr;
    uint64_t a;
    uint64_t b;
} NyxVtdEvent;

typedef struct NyxVtdHost {
    NyxMem mem;                                              /* [any] */
    void *opaque;
    /* Whether the calling thread is on the serialized side.  [any] */
    bool (*serialized)(void *opaque);
    /* Deliver an interrupt message to the APICs, not remapped. */
    void (*send_msi)(void *opaque, uint64_t addr, uint32_t data);
    /* Translation or protection was switched on or off. */
    void (*mode_changed)(void *opaque);
    /* Interrupt entries [index, index + count) may have changed. */
    void (*iec_changed)(void *opaque, bool global, uint32_t index,
                        uint32_t count);
    /* [iova, iova + 2^lg2) of @r may have changed; lg2 64 is everything. */
    void (*unmapped)(void *opaque, NyxVtdRequester *r, uint64_t iova,
                     uint8_t lg2);
    /*
     * For those of nyx_vtd_requester_follow().  [first, last] of @r holds no
     * mapping any more, and held at least one; none sticks out.  @only: the
     * mapping, if it was a single one.
     */
    void (*unmap)(void *opaque, NyxVtdRequester *r, uint64_t first,
                  uint64_t last, const NyxBlock *only);
    /* @block of @r is mapped, where nothing was. */
    void (*map)(void *opaque, NyxVtdRequester *r, const NyxBlock *block);
    /* Whether unmap() has to be called for each mapping.  NULL: no. */
    bool (*unmap_each)(void *opaque);
    /* nyx_vtd_requester_direct() of @r has changed, and only that. */
    void (*direct_changed)(void *opaque, NyxVtdRequester *r);
    /* The requester id that @r has now; false if its bus is gone. */
    bool (*sid)(void *opaque, NyxVtdRequester *r, uint16_t *sid);
    NyxVtdAtsAnswer (*device_tlb)(void *opaque, const NyxVtdDeviceTlb *inv);
    /* False if the endpoint waits for no such response. */
    bool (*page_response)(void *opaque, const NyxVtdPageResponse *response);
    /* Call nyx_vtd_continue() soon, from the main loop.  [any] */
    void (*kick)(void *opaque);
    void (*finding)(void *opaque, const NyxFinding *finding); /* [any] */
    int64_t (*now_ns)(void *opaque);                          /* [any] */
    void (*event)(void *opaque, const NyxVtdEvent *event);    /* [any] */
} NyxVtdHost;

/**
 * nyx_vtd_cfg_error: why the combination of options cannot be, or NULL.
 * The string names the option and what to write instead.
 */
const char *nyx_vtd_cfg_error(const NyxVtdCfg *cfg);

/* @cfg must have passed nyx_vtd_cfg_error(). */
NyxVtd *nyx_vtd_new(const NyxVtdCfg *cfg, const NyxVtdHost *host);
void nyx_vtd_free(NyxVtd *vtd);
const NyxVtdCfg *nyx_vtd_cfg(const NyxVtd *vtd);

/* Power-on state: registers, latched pointers, caches. */
void nyx_vtd_reset(NyxVtd *vtd);

/* One requester a (bus, devfn) that can issue DMA. */
NyxVtdRequester *nyx_vtd_requester_new(NyxVtd *vtd, void *opaque);
void nyx_vtd_requester_free(NyxVtdRequester *r);
void *nyx_vtd_requester_opaque(const NyxVtdRequester *r);
NyxVtd *nyx_vtd_requester_unit(const NyxVtdRequester *r);
/* Whether NyxVtdHost.unmapped is wanted for @r. */
void nyx_vtd_requester_notify(NyxVtdRequester *r, bool on);

/* Size of the register block, a power of two pages. */
uint32_t nyx_vtd_mmio_size(const NyxVtdCfg *cfg);
/**
 * nyx_vtd_requester_follow: whether @r has consumers that are told of each
 * mapping, by NyxVtdHost.map and unmap.  Needs caching mode.
 *
 * Nothing is announced from here: nyx_vtd_requester_replay() tells what there
 * is.  Whoever was switched on is also expected from then on.
 */
void nyx_vtd_requester_follow(NyxVtdRequester *r, bool on);
/*
 * Whether consumers of @r, which are not there at the moment, are to be
 * counted on: then the unit knows nyx_vtd_requester_direct() beforehand.
 */
void nyx_vtd_requester_expect(NyxVtdRequester *r, bool on);
/*
 * Whether requests of @r go to their own address, and its consumers have to
 * see memory as it is instead of mappings (pass-through).
 */
bool nyx_vtd_requester_direct(const NyxVtdRequester *r);
/* Call @visit for each mapping that has been announced, from low to high. */
void nyx_vtd_requester_replay(NyxVtdRequester *r, NyxBlockVisit *visit,
                              void *opaque);

/* Register accesses of software: any offset, sizes 1, 2, 4 and 8. */
uint64_t nyx_vtd_mmio_read(NyxVtd *vtd, uint64_t offset, unsigned size);
void nyx_vtd_mmio_write(NyxVtd *vtd, uint64_t offset, uint64_t value,
                        unsigned size);

/* Record faults of other threads, go on with a long queue; see kick. */
void nyx_vtd_continue(NyxVtd *vtd);

/* Whether requests have to come to nyx_vtd_translate() at all. */
bool nyx_vtd_dma_checked(const NyxVtd *vtd);
bool nyx_vtd_translating(const NyxVtd *vtd);
bool nyx_vtd_remapping(const NyxVtd *vtd);

/**
 * nyx_vtd_translate: handle a request of @r, whose requester id is @sid now.
 * @req: untranslated, translation or translated request (3.2).
 *
 * Returns reply->ok.  A request that is refused has been reported.  An
 * untranslated request with access NYX_ACCESS_NONE only asks: it is never
 * reported, and its reply tells the permissions there are.
 */
bool nyx_vtd_translate(NyxVtdRequester *r, uint16_t sid,
                       const NyxRequest *req, NyxReply *reply);

/**
 * nyx_vtd_page_request: take a page request (type NYX_REQ_PAGE) of @r.
 *
 * Returns false if it was not taken, because too many of other threads are
 * on their way: the endpoint may send it again.
 */
bool nyx_vtd_page_request(NyxVtdRequester *r, uint16_t sid,
                          const NyxRequest *req);

/**
 * nyx_vtd_remap_interrupt: an interrupt request of @sid (5.1, 5.2).
 * Returns NVTD_FAULT_NONE with the message for the APICs in *@addr and
 * *@data, or why it was blocked; a blocked request has been reported.  If
 * *@send is false there is no message: the interrupt was posted in silence.
 */
NyxVtdFaultCode nyx_vtd_remap_interrupt(NyxVtd *vtd, uint16_t sid,
                                        uint64_t *addr, uint32_t *data,
                                        bool *send);

/**
 * nyx_vtd_route_interrupt: the same for a route that is to be kept, where no
 * interrupt has come yet, so that nothing is reported.  If *@send is false
 * its interrupts are to be posted, which no message can tell.
 */
NyxVtdFaultCode nyx_vtd_route_interrupt(NyxVtd *vtd, uint16_t sid,
                                        uint64_t *addr, uint32_t *data,
                                        bool *send);

/* A mistake that only the glue can see. */
void nyx_vtd_finding(NyxVtd *vtd, NyxVtdRule rule, NyxWhere where);

NyxFindings *nyx_vtd_findings(NyxVtd *vtd);
const NyxRule *nyx_vtd_rules(void);

/* The state that a guest can tell, for migration. */
typedef struct NyxVtdSaved {
    uint8_t regs[NVTD_MMIO_SIZE_MAX];
    uint64_t rtaddr;         /* latched */
    uint64_t irta;           /* latched */
    uint32_t frcd_next;
    uint32_t flags;          /* NYX_VTD_SAVED_* */
    uint16_t ats_silent_sid;
    uint64_t vcmd_pasids[NVTD_VCMD_WORDS]; /* a bit for each in use */
    uint32_t perf_enabled;   /* a bit for each counter */
} NyxVtdSaved;

void nyx_vtd_save(NyxVtd *vtd, NyxVtdSaved *saved);
/* NULL, or why @saved cannot be; nothing has been changed then. */
const char *nyx_vtd_load(NyxVtd *vtd, const NyxVtdSaved *saved);

/* Statistics. */
typedef struct NyxVtdStats {
    uint64_t commands;
    uint64_t inv_context[4]; /* by granularity */
    uint64_t inv_iotlb[4];
    uint64_t inv_device_tlb;
    uint64_t inv_pasid_cache[4];
    uint64_t inv_pasid_iotlb[4];
    uint64_t inv_pasid_device_tlb;
    uint64_t inv_iec[2];     /* global, index */
    uint64_t waits;
    uint64_t queue_errors;
    uint64_t interrupts;     /* remapped */
    uint64_t compat_interrupts;
    uint64_t posted_interrupts;
    uint64_t notifications;  /* of posted ones */
    uint64_t aborted;        /* in abort mode */
    uint64_t faults_recorded;
    uint64_t faults_dropped; /* FPD, overflow, or the same again */
    uint64_t messages;
    uint64_t page_requests;  /* put into the queue */
    uint64_t page_requests_refused;
    uint64_t page_requests_lost;
    uint64_t page_responses; /* of software */
    uint64_t page_responses_own;
    uint64_t virtual_commands;
    uint64_t enhanced_commands;
    uint64_t counter_overflows;
    unsigned vcmd_pasids;    /* in use */
    uint64_t map_events;     /* to consumers of mappings */
    uint64_t unmap_events;
    uint64_t shadow_tables;  /* tables read for them */
    uint64_t shadows;        /* page tables followed now */
    uint64_t shadow_blocks;  /* mappings announced now */
    NyxCacheStats iec;
} NyxVtdStats;

typedef struct NyxVtdRequesterStats {
    uint16_t sid;            /* as last seen */
    uint64_t requests_refused;
    uint64_t walks;
    uint64_t walk_reads;     /* table entries read */
    NyxIotlbStats iotlb;
    NyxCacheStats context;
    NyxCacheStats pasid;     /* PASID cache */
    NyxIotlbStats paging;    /* paging-structure cache */
} NyxVtdRequesterStats;

NyxVtdStats nyx_vtd_stats(NyxVtd *vtd);
NyxVtdRequesterStats nyx_vtd_requester_stats(NyxVtdRequester *r);
/* Faults of requester @r (of all if NULL) with entry @index of the list. */
uint64_t nyx_vtd_fault_count(NyxVtd *vtd, NyxVtdRequester *r, unsigned index);
typedef void NyxVtdRequesterVisit(NyxVtdRequester *r, void *opaque);
void nyx_vtd_foreach_requester(NyxVtd *vtd, NyxVtdRequesterVisit *visit,
                               void *opaque);

/* Name, offset, size and value of each register, for dumps. */
typedef void NyxVtdRegVisit(const NyxReg *reg, uint64_t value, void *opaque);
void nyx_vtd_foreach_register(NyxVtd *vtd, NyxVtdRegVisit *visit,
                              void *opaque);

#endif
