/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio-iommu with a fake machine around it: endpoints, recording
 * callbacks, an event queue, builders of requests.
 *
 * Nothing here uses the model's constants of layout: offsets and numbers are
 * typed from the specification, so that a wrong one in the model shows.
 */
#ifndef TESTS_UNIT_VIO_FIXTURE_H
#define TESTS_UNIT_VIO_FIXTURE_H

#include "hw/virtio-iommu-ext/engine.h"
#include "fixture.h"

/* Endpoints 0x08 to 0xff exist unless a test says otherwise. */
#define VX_SID      0x0010
#define VX_OTHER    0x0018
#define VX_THIRD    0x0020
#define VX_NOBODY   0x0800
#define VX_DOMAIN   7

/* The MSI region of vx_cfg(). */
#define VX_MSI_FIRST 0xfee00000ULL
#define VX_MSI_LAST  0xfeefffffULL

/* 5.13.3 */
#define VX_F_INPUT_RANGE    (1ULL << 0)
#define VX_F_DOMAIN_RANGE   (1ULL << 1)
#define VX_F_MAP_UNMAP      (1ULL << 2)
#define VX_F_BYPASS         (1ULL << 3)
#define VX_F_PROBE          (1ULL << 4)
#define VX_F_MMIO           (1ULL << 5)
#define VX_F_BYPASS_CONFIG  (1ULL << 6)

/* 5.13.6: types and statuses */
#define VX_ATTACH   1
#define VX_DETACH   2
#define VX_MAP      3
#define VX_UNMAP    4
#define VX_PROBE    5

#define VX_OK       0
#define VX_IOERR    1
#define VX_UNSUPP   2
#define VX_DEVERR   3
#define VX_INVAL    4
#define VX_RANGE    5
#define VX_NOENT    6
#define VX_FAULT    7
#define VX_NOMEM    8
/* Used length 0: there is no status. */
#define VX_UNANSWERED 0x100

/* Flags of MAP are those of FX_R and FX_W, and */
#define VX_MMIO     4

/* 5.13.6.9 */
#define VX_EVENT_READ       (1u << 0)
#define VX_EVENT_WRITE      (1u << 1)
#define VX_EVENT_ADDRESS    (1u << 8)

/* Bytes of properties that PROBE has to have room for. */
#define VX_PROBE_SPACE 2048

typedef struct VxEvent {
    uint8_t bytes[64];
    size_t len;
    uint8_t reason;          /* fields of a fault report */
    uint32_t flags;
    uint32_t endpoint;
    uint64_t addr;
} VxEvent;

typedef struct VxUnmapped {
    NyxVioRequester *r;
    uint64_t iova;
    uint8_t lg2;
} VxUnmapped;

/* What followers are told. */
typedef struct VxUnmap {
    NyxVioRequester *r;
    uint64_t first;
    uint64_t last;
    bool has_only;
    NyxBlock only;
} VxUnmap;

typedef struct VxMap {
    NyxVioRequester *r;
    NyxBlock block;
} VxMap;

#define VX_TRACE_KINDS 16
#define VX_ENDPOINTS 65536

typedef struct Vx {
    NyxVioCfg cfg;
    NyxVio *vio;
    NyxVioRequester *r;      /* VX_SID */
    FxMem mem;

    pthread_t serial;        /* the thread whose calls are serialized */
    bool elsewhere;          /* the calls that follow are another thread's */
    int64_t now;
    void *opaque;            /* of the test's */

    bool *exists;            /* VX_ENDPOINTS */
    GHashTable *regions;     /* endpoint to GArray of NyxVioRegion */
    /* The event queue: buffers that are left, and their size. */
    unsigned buffers;
    size_t buffer_size;
    bool events_later;
    bool response_unexpected;    /* what the endpoint says to responses */

    /* When set, they see what comes before it is recorded. */
    void (*on_event)(struct Vx *f);
    void (*on_mode_changed)(struct Vx *f);
    void (*on_endpoint_changed)(struct Vx *f, uint32_t id);
    void (*on_unmapped)(struct Vx *f, NyxVioRequester *r);
    void (*on_device_tlb)(struct Vx *f);
    void (*on_response)(struct Vx *f);
    void (*on_map)(struct Vx *f, NyxVioRequester *r, const NyxBlock *block);
    void (*on_unmap)(struct Vx *f, NyxVioRequester *r, uint64_t first,
                     uint64_t last, const NyxBlock *only);
    bool unmap_each;         /* each mapping is taken away by itself */
    void (*on_direct_changed)(struct Vx *f, NyxVioRequester *r);
    /* That of vx_requester() unless set. */
    bool (*sid_of)(struct Vx *f, NyxVioRequester *r, uint16_t *sid);

    unsigned kicks;          /* atomic */
    unsigned finding_calls;  /* atomic */
    unsigned mode_changes;
    unsigned direct_changes;
    unsigned event_calls;    /* whatever became of them */
    unsigned region_calls;
    GArray *events;          /* VxEvent: those that found a buffer */
    GArray *endpoint_changes;    /* uint32_t */
    GArray *unmapped;        /* VxUnmapped */
    GArray *maps;            /* VxMap */
    GArray *unmaps;          /* VxUnmap */
    GArray *devtlb;          /* NyxVioDeviceTlb */
    GArray *responses;       /* NyxVioPageResponse */
    unsigned traces[VX_TRACE_KINDS];      /* atomic */
    pthread_mutex_t lock;
    NyxVioTrace last_trace[VX_TRACE_KINDS];

    /* Of the last request. */
    size_t used;
    uint8_t out[4096];
} Vx;

/*
 * What the tests use unless they say otherwise: 48 bits of input, bypass at
 * boot, an MSI region, no drafts.
 */
NyxVioCfg vx_cfg(void);
/* NULL: vx_cfg().  Nothing is negotiated. */
Vx *vx_new(const NyxVioCfg *cfg);
/* All that is offered is negotiated. */
Vx *vx_new_started(const NyxVioCfg *cfg);
/* And VX_SID is in VX_DOMAIN. */
Vx *vx_new_attached(const NyxVioCfg *cfg);
void vx_free(Vx *f);
/* Run kicked work to its end; fails the test if it has none. */
void vx_settle(Vx *f);
/* Forget recorded calls, findings and kicks. */
void vx_forget(Vx *f);
/* Only the calls that the serialized side has got: threads may run. */
void vx_forget_calls(Vx *f);

/* How many there are now. */
uint64_t vx_domains(Vx *f);
uint64_t vx_mappings(Vx *f);

uint64_t vx_findings(Vx *f, NyxVioRule rule);
/* Of all rules. */
uint64_t vx_all_findings(Vx *f);

/* A requester of this id, as long as the engine lives. */
NyxVioRequester *vx_requester(Vx *f, uint16_t sid);
uint16_t vx_sid(const NyxVioRequester *r);
/* Regions that only this endpoint has. */
void vx_regions(Vx *f, uint32_t endpoint, const NyxVioRegion *regions,
                unsigned n);

/* --- Configuration space -------------------------------------------------- */

#define VX_CONFIG_SIZE 40

uint64_t vx_config(Vx *f, unsigned offset, unsigned size);
/* What a driver's write of some bytes comes to. */
void vx_config_write(Vx *f, unsigned offset, uint64_t value, unsigned size);
bool vx_bypass(Vx *f);
void vx_set_bypass(Vx *f, bool on);

/* --- Requests ------------------------------------------------------------- */

/* The readable part; more than any request has, for those that are too long. */
typedef struct VxBytes {
    uint8_t at[128];
    size_t len;
} VxBytes;

void vx_put8(VxBytes *bytes, unsigned offset, uint8_t value);
void vx_put16(VxBytes *bytes, unsigned offset, uint16_t value);
void vx_put32(VxBytes *bytes, unsigned offset, uint32_t value);
void vx_put64(VxBytes *bytes, unsigned offset, uint64_t value);

VxBytes vx_attach_bytes(uint32_t domain, uint32_t endpoint, uint32_t flags);
VxBytes vx_detach_bytes(uint32_t domain, uint32_t endpoint);
VxBytes vx_map_bytes(uint32_t domain, uint64_t first, uint64_t last,
                     uint64_t phys, uint32_t flags);
VxBytes vx_unmap_bytes(uint32_t domain, uint64_t first, uint64_t last);
VxBytes vx_probe_bytes(uint32_t endpoint);

/*
 * Send it with @out_len writable bytes; Vx.used and Vx.out are set.  Returns
 * the status, which is 4 bytes before the end of what was used.
 */
unsigned vx_send_out(Vx *f, const VxBytes *bytes, size_t out_len);
/* With room as the type of the request needs it. */
unsigned vx_send(Vx *f, const VxBytes *bytes);

unsigned vx_attach(Vx *f, uint32_t domain, uint32_t endpoint);
unsigned vx_attach_bypass(Vx *f, uint32_t domain, uint32_t endpoint);
unsigned vx_detach(Vx *f, uint32_t domain, uint32_t endpoint);
unsigned vx_map(Vx *f, uint32_t domain, uint64_t first, uint64_t last,
                uint64_t phys, uint32_t flags);
unsigned vx_unmap(Vx *f, uint32_t domain, uint64_t first, uint64_t last);
unsigned vx_probe(Vx *f, uint32_t endpoint);

/* --- DMA ------------------------------------------------------------------ */

NyxReply vx_request_of(NyxVioRequester *r, NyxRequestType type,
                       unsigned access, uint64_t iova);
NyxReply vx_request(Vx *f, NyxRequestType type, unsigned access,
                    uint64_t iova);
/* Untranslated; the address it goes to, or VX_REFUSED. */
#define VX_REFUSED UINT64_MAX
uint64_t vx_dma_of(NyxVioRequester *r, unsigned access, uint64_t iova);
uint64_t vx_dma(Vx *f, unsigned access, uint64_t iova);

/* The oldest event, which is forgotten; a len of 0 if there is none. */
VxEvent vx_take_event(Vx *f);

#endif
