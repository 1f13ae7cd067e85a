/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtio-iommu engine: the device without QEMU and without virtqueues.
 * Requests come as bytes, events go as bytes; it sees the outside through
 * NyxVioHost.
 *
 * Threads: nyx_vio_translate() and nyx_vio_page_request() may be called from
 * any thread at any time.  Everything else is serialized by the caller (QEMU's
 * big lock), and so are the callbacks that are not marked [any].  Faults and
 * page requests of other threads are handed to the serialized side through
 * bounded rings.
 *
 * An endpoint is known by its id, which is the requester id (segment 0).
 */
#ifndef HW_VIRTIO_IOMMU_EXT_ENGINE_H
#define HW_VIRTIO_IOMMU_EXT_ENGINE_H

#include "hw/nyx-iommu/blocks.h"
#include "hw/nyx-iommu/cache.h"
#include "hw/nyx-iommu/dump.h"
#include "hw/nyx-iommu/findings.h"
#include "hw/nyx-iommu/iotlb.h"
#include "hw/nyx-iommu/mem.h"
#include "hw/nyx-iommu/request.h"
#include "hw/virtio-iommu-ext/codes.h"
#include "hw/virtio-iommu-ext/mappings.h"

typedef struct NyxVio NyxVio;
typedef struct NyxVioRequester NyxVioRequester;

/* What one device has room for at most, whatever the options. */
#define NVIO_DOMAINS_MAX    65535
#define NVIO_MAPPINGS_MAX   (1u << 26)
#define NVIO_REGIONS_MAX    16
/* Of an endpoint: those of all, and its host's, cut into pieces by them. */
#define NVIO_REGIONS_ALL    (3 * NVIO_REGIONS_MAX)

/* A RESV_MEM property (5.13.6.8). */
typedef struct NyxVioRegion {
    uint64_t first;
    uint64_t last;           /* inclusive */
    uint8_t subtype;         /* NVIO_RESV_MEM_* */
} NyxVioRegion;

void nyx_vio_regions_sort(NyxVioRegion *regions, unsigned n);
/* Sort them; those that overlap or touch become one. */
void nyx_vio_regions_join(GArray *regions);

/* What the device is: constant after nyx_vio_new(), but for the mask. */
typedef struct NyxVioCfg {
    uint64_t page_size_mask; /* lowest bit 12 or above; see nyx_vio_narrow() */
    uint8_t input_bits;      /* 32 to 64: input_range is 0 to 2^n - 1 */
    bool boot_bypass;        /* config.bypass after a reset of the system */
    bool device_iotlb;       /* endpoints may send translated requests (ATS) */
    uint32_t max_domains;    /* 1 to NVIO_DOMAINS_MAX */
    uint32_t max_mappings;   /* of all domains; 1 to NVIO_MAPPINGS_MAX */
    NyxVioRegion regions[NVIO_REGIONS_MAX];  /* of all endpoints */
    uint8_t n_regions;       /* sorted, disjoint, at most one MSI */
    bool attach_table;       /* drafts.h */
    bool pasid;
    bool page_requests;
    uint8_t pasid_bits;      /* 1 to 20, with pasid */
    uint8_t addr_bits;       /* of addresses in tables: 32 to 52 */
    bool coalesce;           /* announce contiguous mappings as one block */
    NyxCacheTemper cache;
    uint64_t cache_seed;
    uint32_t iotlb_entries;  /* per requester */
} NyxVioCfg;

/* What became of an event. */
typedef enum NyxVioEventResult {
    NYX_VIO_EVENT_SENT,
    NYX_VIO_EVENT_NO_BUFFER,
    NYX_VIO_EVENT_SHORT,     /* the buffer was used up, but too small */
    NYX_VIO_EVENT_LATER,     /* ask again at nyx_vio_continue() */
} NyxVioEventResult;

/* A device-TLB invalidation, as it goes to the endpoint. */
typedef struct NyxVioDeviceTlb {
    uint64_t addr;
    uint32_t pasid;          /* if has_pasid */
    uint16_t sid;
    uint8_t lg2;             /* of the range; 64 is everything */
    bool has_pasid;
} NyxVioDeviceTlb;

/* A response to a page request group, as it goes to the endpoint. */
typedef struct NyxVioPageResponse {
    uint32_t pasid;          /* if has_pasid */
    uint16_t sid;
    uint16_t group;
    uint8_t code;            /* PCIe: 0 success, 1 invalid, 15 failure */
    bool has_pasid;
} NyxVioPageResponse;

/* What happened, for traces.  Fields not named stay zero. */
typedef enum NyxVioTraceKind {
    NYX_VIO_EV_ATTACH,       /* endpoint, domain, a: flags, status */
    NYX_VIO_EV_DETACH,       /* endpoint, domain, status */
    NYX_VIO_EV_MAP,          /* domain, a: first, b: last, c: phys, d: flags,
                                status */
    NYX_VIO_EV_UNMAP,        /* domain, a: first, b: last, c: removed, status */
    NYX_VIO_EV_PROBE,        /* endpoint, a: bytes of properties, status */
    NYX_VIO_EV_TABLE,        /* endpoint, domain, a: format, b: root, c: PASID,
                                status */
    NYX_VIO_EV_INVALIDATE,   /* domain, a: scope, b: address, c: pages,
                                d: PASID, status */
    NYX_VIO_EV_PAGE_RESPONSE, /* endpoint, a: PASID, b: group, c: code,
                                 status */
    NYX_VIO_EV_BAD,          /* a: type, b: readable, c: writable bytes */
    NYX_VIO_EV_BYPASS,       /* a: value now */
    NYX_VIO_EV_FAULT,        /* endpoint, a: address, b: NyxVioFaultCode,
                                c: access, d: NyxVioEventResult */
    NYX_VIO_EV_PAGE_REQUEST, /* endpoint, a: address, b: PASID, c: group,
                                d: NyxVioEventResult */
} NyxVioTraceKind;

typedef struct NyxVioTrace {
    NyxVioTraceKind kind;
    uint8_t status;          /* NVIO_S_* */
    uint32_t endpoint;
    uint32_t domain;
    uint64_t a;
    uint64_t b;
    uint64_t c;
    uint64_t d;
} NyxVioTrace;

typedef struct NyxVioHost {
    NyxMem mem;                                              /* [any] */
    void *opaque;
    /* Whether the calling thread is on the serialized side.  [any] */
    bool (*serialized)(void *opaque);
    /* Whether there is such an endpoint behind the device. */
    bool (*endpoint)(void *opaque, uint32_t id);
    /*
     * Reserved regions that only this endpoint has, because of its host; at
     * most NVIO_REGIONS_MAX, sorted and disjoint.  Returns how many.
     */
    unsigned (*regions)(void *opaque, uint32_t id, NyxVioRegion *regions);
    /* Put @len bytes into the next buffer of the event queue. */
    NyxVioEventResult (*event)(void *opaque, const uint8_t *record,
                               size_t len);
    /* nyx_vio_bypassed() of everybody may have changed. */
    void (*mode_changed)(void *opaque);
    /* The same for one endpoint. */
    void (*endpoint_changed)(void *opaque, uint32_t id);
    /* [iova, iova + 2^lg2) of @r may have changed; lg2 64 is everything. */
    void (*unmapped)(void *opaque, NyxVioRequester *r, uint64_t iova,
                     uint8_t lg2);
    /*
     * For those of nyx_vio_requester_follow().  [first, last] of @r holds no
     * mapping any more, and held at least one; none sticks out.  @only: the
     * mapping, if it was a single one.
     */
    void (*unmap)(void *opaque, NyxVioRequester *r, uint64_t first,
                  uint64_t last, const NyxBlock *only);
    /* @block of @r is mapped, where nothing was. */
    void (*map)(void *opaque, NyxVioRequester *r, const NyxBlock *block);
    /* Whether unmap() has to be called for each mapping.  NULL: no. */
    bool (*unmap_each)(void *opaque);
    /* nyx_vio_requester_direct() of @r has changed, and only that. */
    void (*direct_changed)(void *opaque, NyxVioRequester *r);
    /* The requester id that @r has now; false if its bus is gone. */
    bool (*sid)(void *opaque, NyxVioRequester *r, uint16_t *sid);
    /* Drop translations that the endpoint keeps (ATS). */
    void (*device_tlb)(void *opaque, const NyxVioDeviceTlb *inv);
    /* False if the endpoint waits for no such response. */
    bool (*page_response)(void *opaque, const NyxVioPageResponse *response);
    /* Call nyx_vio_continue() soon, from the main loop.  [any] */
    void (*kick)(void *opaque);
    void (*finding)(void *opaque, const NyxFinding *finding); /* [any] */
    int64_t (*now_ns)(void *opaque);                          /* [any] */
    void (*trace)(void *opaque, const NyxVioTrace *trace);    /* [any] */
} NyxVioHost;

/**
 * nyx_vio_cfg_error: why the combination of options cannot be, or NULL.
 * The string names the option and what to write instead.
 */
const char *nyx_vio_cfg_error(const NyxVioCfg *cfg);

/* @cfg must have passed nyx_vio_cfg_error(). */
NyxVio *nyx_vio_new(const NyxVioCfg *cfg, const NyxVioHost *host);
void nyx_vio_free(NyxVio *vio);
const NyxVioCfg *nyx_vio_cfg(const NyxVio *vio);

/*
 * A host's IOMMU has only pages of @mask: page_size_mask loses the others.
 * False, and nothing changes, if none is left.  Not while a driver is active.
 */
bool nyx_vio_narrow(NyxVio *vio, uint64_t mask);

/* 5.13.3: bits NVIO_F_* that are offered, and those that were accepted. */
uint64_t nyx_vio_features(const NyxVio *vio);
void nyx_vio_set_features(NyxVio *vio, uint64_t features);

/* Reset of the virtio device: no domain is left; bypass stays. */
void nyx_vio_device_reset(NyxVio *vio);
/* Reset of the system: bypass is as at the beginning, too. */
void nyx_vio_reset(NyxVio *vio);

/* 5.13.4: the NVIO_CFG_SIZE bytes of configuration space. */
void nyx_vio_config_read(const NyxVio *vio, uint8_t *config);
/* What is there after the driver's write. */
void nyx_vio_config_write(NyxVio *vio, const uint8_t *config);

/* No request has more readable or writable bytes that count. */
#define NVIO_REQUEST_IN_MAX   96
#define NVIO_REQUEST_OUT_MAX  (NVIO_PROBE_SPACE + NVIO_TAIL_SIZE)

/**
 * nyx_vio_request: carry out a request.
 * @in: the first @in_len readable bytes, up to NVIO_REQUEST_IN_MAX of them
 * @out: room for the first @out_len writable bytes, up to NVIO_REQUEST_OUT_MAX
 *       of them; zeroed
 *
 * Returns the used length, which is how much of @out to write back: 0 if the
 * request cannot have an answer (5.13.6.2).  All that the request does is
 * done: no later DMA sees what was before.
 */
size_t nyx_vio_request(NyxVio *vio, const uint8_t *in, size_t in_len,
                       uint8_t *out, size_t out_len);

/*
 * What telling consumers of mappings, and endpoints of PASIDs, came to so far,
 * in tables and events, to share time by.
 */
uint64_t nyx_vio_work(const NyxVio *vio);

/* One requester a (bus, devfn) that can issue DMA. */
NyxVioRequester *nyx_vio_requester_new(NyxVio *vio, void *opaque);
void nyx_vio_requester_free(NyxVioRequester *r);
void *nyx_vio_requester_opaque(const NyxVioRequester *r);
NyxVio *nyx_vio_requester_iommu(const NyxVioRequester *r);
/* Whether NyxVioHost.unmapped is wanted for @r. */
void nyx_vio_requester_notify(NyxVioRequester *r, bool on);
/* See nyx_vtd_requester_follow() and what comes after it. */
void nyx_vio_requester_follow(NyxVioRequester *r, bool on);
void nyx_vio_requester_expect(NyxVioRequester *r, bool on);
bool nyx_vio_requester_direct(const NyxVioRequester *r);
void nyx_vio_requester_replay(NyxVioRequester *r, NyxBlockVisit *visit,
                              void *opaque);

/*
 * Requesters may have other ids than before, and endpoints other regions:
 * buses have other numbers, or a device of the host has come or gone.
 */
void nyx_vio_requesters_moved(NyxVio *vio);

/* Report what other threads have left. */
void nyx_vio_continue(NyxVio *vio);

/*
 * 5.13.6.2: requests of the endpoint go to memory as they are, so that they
 * need not come to nyx_vio_translate().  [any]
 */
bool nyx_vio_bypassed(const NyxVio *vio, uint16_t sid);

/**
 * nyx_vio_translate: handle a request of @r, whose requester id is @sid now.
 *
 * Returns reply->ok.  A request that is refused has been reported.  An
 * untranslated request with access NYX_ACCESS_NONE only asks: it is never
 * reported, and its reply tells the permissions there are.
 */
bool nyx_vio_translate(NyxVioRequester *r, uint16_t sid,
                       const NyxRequest *req, NyxReply *reply);

/**
 * nyx_vio_page_request: take a page request (type NYX_REQ_PAGE) of @r.
 *
 * Returns false if it was not taken, because too many of other threads are
 * on their way: the endpoint may send it again.
 */
bool nyx_vio_page_request(NyxVioRequester *r, uint16_t sid,
                          const NyxRequest *req);

/* A mistake that only the glue can see. */
void nyx_vio_finding(NyxVio *vio, NyxVioRule rule, NyxWhere where);

NyxFindings *nyx_vio_findings(NyxVio *vio);

/* --- Migration ------------------------------------------------------------ */

typedef struct NyxVioSavedDomain {
    uint32_t id;
    uint32_t kind;           /* NyxVioKind */
    uint32_t endpoints;      /* of NyxVioSaved.endpoints, in order */
    uint32_t runs;           /* the same of runs */
} NyxVioSavedDomain;

/* What a draft's ATTACH_TABLE gave, as in the request. */
typedef struct NyxVioSavedTable {
    uint32_t domain;
    uint32_t flags;
    uint32_t format;
    uint32_t pasid;
    uint64_t root;
    uint64_t format_flags;
    uint32_t levels;
} NyxVioSavedTable;

/* In NyxVioSaved.endpoints, beside the id: it was there, not unplugged. */
#define NVIO_SAVED_THERE (1u << 31)

/* No domain, or PASID, has a table of its own beyond. */
#define NVIO_SAVED_TABLES_MAX 65536

/* The state that a guest can tell, and the options that it can. */
typedef struct NyxVioSaved {
    uint64_t features;       /* that are offered */
    uint64_t page_size_mask;
    uint32_t input_bits;
    uint32_t addr_bits;      /* zero without tables of the guest */
    uint32_t pasid_bits;     /* zero without PASIDs */
    uint32_t n_regions;
    NyxVioRegion regions[NVIO_REGIONS_MAX];
    uint8_t bypass;
    uint32_t n_domains;
    uint32_t n_endpoints;
    uint32_t n_tables;
    uint32_t n_runs;
    NyxVioSavedDomain *domains;
    uint32_t *endpoints;
    NyxVioSavedTable *tables;
    NyxVioRun *runs;
} NyxVioSaved;

void nyx_vio_save(NyxVio *vio, NyxVioSaved *saved);
void nyx_vio_saved_clear(NyxVioSaved *saved);
/*
 * NULL, or why @saved cannot be, with what to write instead if options are
 * the reason; there is no domain then.
 */
const char *nyx_vio_load(NyxVio *vio, const NyxVioSaved *saved);

/* --- Statistics ----------------------------------------------------------- */

#define NVIO_T_COUNT 9       /* request types, with those of drafts */

typedef struct NyxVioStats {
    uint64_t requests[NVIO_T_COUNT];     /* by type; 0: unknown ones */
    uint64_t statuses[NVIO_S_COUNT];
    uint64_t unanswered;     /* used length 0 */
    uint64_t events[NVIO_EVENT_R_COUNT]; /* sent, by reason */
    uint64_t events_lost;    /* no buffer */
    uint64_t events_short;   /* buffers too small */
    uint64_t page_requests;  /* sent */
    uint64_t page_requests_refused;
    uint64_t page_responses;
    uint64_t domains;        /* now, and so on down to mapping_bytes */
    uint64_t endpoints;      /* attached */
    uint64_t mappings;
    uint64_t mapping_runs;
    uint64_t mapping_bytes;  /* of memory that they take */
    uint64_t map_events;     /* to consumers of mappings */
    uint64_t unmap_events;
    uint64_t shadows;
    uint64_t shadow_blocks;
} NyxVioStats;

typedef struct NyxVioRequesterStats {
    uint16_t sid;            /* as last seen */
    uint64_t requests_refused;
    uint64_t lookups;        /* of mappings */
    uint64_t walks;          /* of tables */
    uint64_t walk_reads;
    NyxIotlbStats iotlb;
    NyxIotlbStats paging;
} NyxVioRequesterStats;

NyxVioStats nyx_vio_stats(NyxVio *vio);
NyxVioRequesterStats nyx_vio_requester_stats(NyxVioRequester *r);
/* Faults of requester @r (of all if NULL) for one reason. */
uint64_t nyx_vio_fault_count(NyxVio *vio, NyxVioRequester *r,
                             NyxVioFaultCode code);
typedef void NyxVioRequesterVisit(NyxVioRequester *r, void *opaque);
void nyx_vio_foreach_requester(NyxVio *vio, NyxVioRequesterVisit *visit,
                               void *opaque);

/* What a domain is, for dumps. */
typedef enum NyxVioKind {
    NYX_VIO_KIND_NONE,       /* no domain */
    NYX_VIO_KIND_BYPASS,
    NYX_VIO_KIND_MAPPINGS,
    NYX_VIO_KIND_TABLES,     /* of the guest (draft) */
} NyxVioKind;

typedef struct NyxVioDomainInfo {
    uint32_t id;
    NyxVioKind kind;
    const uint32_t *endpoints;
    unsigned n_endpoints;
    uint64_t mappings;
    uint64_t runs;
} NyxVioDomainInfo;

typedef void NyxVioDomainVisit(const NyxVioDomainInfo *domain, void *opaque);
void nyx_vio_foreach_domain(NyxVio *vio, NyxVioDomainVisit *visit,
                            void *opaque);
/* What ATTACH_TABLE gave to a domain (draft); false from @visit ends it. */
typedef bool NyxVioTableVisit(void *opaque, const NyxVioSavedTable *table);
void nyx_vio_foreach_table(NyxVio *vio, uint32_t domain,
                           NyxVioTableVisit *visit, void *opaque);
/* Of a domain with mappings; nothing for others. */
void nyx_vio_foreach_run(NyxVio *vio, uint32_t domain, NyxVioRunVisit *visit,
                         void *opaque);

#endif
