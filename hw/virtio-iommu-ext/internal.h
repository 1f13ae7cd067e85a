/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's own state, shared by its files and by nothing else.
 */
#ifndef HW_VIRTIO_IOMMU_EXT_INTERNAL_H
#define HW_VIRTIO_IOMMU_EXT_INTERNAL_H

#include "qemu/atomic.h"
#include "qemu/host-utils.h"
#include "hw/nyx-iommu/announce.h"
#include "hw/nyx-iommu/fields.h"
#include "hw/nyx-iommu/handoff.h"
#include "hw/nyx-iommu/tlbs.h"
#include "hw/virtio-iommu-ext/engine.h"

#define NVIO_FAULT_RING     64
#define NVIO_PAGE_RING      64
#define NVIO_PAGE_GROUPS    1024
#define NVIO_SIDS           65536

/* Flags of a mapping are rights as they are. */
QEMU_BUILD_BUG_ON(NVIO_MAP_F_READ != NYX_ACCESS_READ ||
                  NVIO_MAP_F_WRITE != NYX_ACCESS_WRITE);

/*
 * What requests of a requester id need to hit: one word, read without a lock.
 * Zero: in no domain.
 */
#define NYX_VIO_WORD(F)                      \
    F(NYX_VIOW, KIND,     0,  2, USED)       \
    F(NYX_VIOW, SLOT,     2, 16, USED)       \
    F(NYX_VIOW, RSVD18,  18, 46, MBZ)
NYX_LAYOUT64(NYX_VIO_WORD)

typedef struct NyxVioTables NyxVioTables;

/*
 * A domain.  Those that are gone are kept and used again, because a thread
 * may still look at one: whoever has the lock looks at the word of his
 * endpoint again.  @slot is the domain of the IOTLB's tags.
 */
typedef struct NyxVioDomain {
    uint16_t slot;
    uint8_t kind;            /* NyxVioKind; NONE: nobody is in it */
    uint32_t id;
    GArray *endpoints;       /* uint32_t */
    GArray *regions;         /* NyxVioRegion: its endpoints' own, joined */
    /* Of what follows; the serialized side reads without it. */
    pthread_rwlock_t lock;
    NyxVioMappings maps;
    NyxVioTables *tables;    /* tables.c; NULL: none */
} NyxVioDomain;

/* A request that was refused, on its way to the event queue. */
typedef struct NyxVioFault {
    NyxVioRequester *r;
    NyxVioFaultCode code;
    uint16_t sid;
    bool has_pasid;
    uint32_t pasid;
    uint64_t addr;
    unsigned access;         /* NyxAccess bits */
} NyxVioFault;

/* A page request on its way. */
typedef struct NyxVioPage {
    NyxVioRequester *r;
    NyxRequest req;
    uint16_t sid;
} NyxVioPage;

/* A group of page requests that the driver has to answer. */
typedef struct NyxVioGroup {
    NyxVioRequester *r;
    uint32_t pasid;          /* if has_pasid */
    uint16_t sid;
    uint16_t group;
    bool has_pasid;
} NyxVioGroup;

/* Page requests (draft); all but the hand-off is of the serialized side. */
typedef struct NyxVioPages {
    NyxHandoff ring;
    bool busy;
    uint32_t resets;
    unsigned first_held;
    unsigned n_held;
    unsigned n_waiting;
    NyxVioPage held[NVIO_PAGE_RING];        /* to be sent later */
    NyxVioGroup waiting[NVIO_PAGE_GROUPS];  /* for a response */
} NyxVioPages;

struct NyxVioRequester {
    NyxVio *vio;
    void *opaque;
    NyxTlbs tlbs;

    /* Atomic. */
    uint16_t last_sid;       /* for statistics */
    uint64_t lookups;
    uint64_t walks;
    uint64_t walk_reads;
    uint64_t refused;
    uint64_t faults[NVIO_FAULT_COUNT];
    bool has_device_tlb;     /* the endpoint has had a completion (ATS) */

    bool notify;             /* serialized side, and what follows */
    NyxFollower follow;
};

struct NyxVio {
    NyxVioCfg cfg;
    NyxVioHost host;
    NyxTags tags;

    /* Atomic. */
    uint64_t *words;         /* NYX_VIO_WORD by requester id */
    bool bypass;             /* of those that are in no domain */
    bool pasids;             /* what has a PASID goes by a table of its own */
    uint64_t faults_lost;    /* there was no place in the ring */

    GPtrArray *requesters;   /* serialized side, and what follows */
    uint64_t features;       /* accepted */
    GHashTable *domains;     /* id to NyxVioDomain */
    NyxVioDomain **slots;    /* read by any thread; freed at the end only */
    uint32_t n_slots;        /* ever used */
    GArray *free_slots;      /* uint16_t */
    uint16_t *places;        /* by requester id: in its domain's endpoints */
    pthread_rwlockattr_t lock_attr;
    uint64_t mappings;       /* of all domains */
    NyxFindings *findings;
    NyxAnnounce *announce;
    NyxHandoff faults;
    NyxVioPages pages;
    uint32_t n_tables;       /* of all domains and PASIDs */
    uint64_t pasids_told;    /* to endpoints, which takes time */
    NyxVioFault held[NVIO_FAULT_RING];  /* events that are to be sent later */
    unsigned first_held;
    unsigned n_held;
    bool sending;            /* one of those is on its way */
    NyxVioStats stats;
};

/* Whether the driver has accepted bit NVIO_F_*. */
static inline bool nyx_vio_has(const NyxVio *vio, unsigned feature)
{
    return vio->features & (1ULL << feature);
}

static inline NyxVioKind nyx_vio_word_kind(uint64_t word)
{
    return FIELD_EX64(word, NYX_VIOW, KIND);
}

static inline uint16_t nyx_vio_word_slot(uint64_t word)
{
    return FIELD_EX64(word, NYX_VIOW, SLOT);
}

static inline uint64_t nyx_vio_word(const NyxVio *vio, uint16_t sid)
{
    return qatomic_load_acquire(&vio->words[sid]);
}

/* The domain of a word that is of one. */
static inline NyxVioDomain *nyx_vio_word_domain(const NyxVio *vio,
                                                uint64_t word)
{
    return qatomic_load_acquire(&vio->slots[nyx_vio_word_slot(word)]);
}

static inline uint64_t nyx_vio_input_last(const NyxVioCfg *cfg)
{
    return cfg->input_bits == 64 ? UINT64_MAX : (1ULL << cfg->input_bits) - 1;
}

/* One less than the smallest page. */
static inline uint64_t nyx_vio_granule_mask(const NyxVioCfg *cfg)
{
    return (cfg->page_size_mask & -cfg->page_size_mask) - 1;
}

/* log2 of the first of the aligned powers of two that [first, last] is. */
static inline unsigned nyx_vio_piece_lg2(uint64_t first, uint64_t last)
{
    uint64_t size = last - first + 1;
    unsigned aligned = first ? ctz64(first) : 64;
    unsigned fits = size ? 63 - clz64(size) : 64;

    return MIN(aligned, fits);
}

static inline void nyx_vio_trace(NyxVio *vio, NyxVioTrace trace)
{
    vio->host.trace(vio->host.opaque, &trace);
}

/* --- request.c ------------------------------------------------------------ */

/* Fields of a request. */
typedef struct NyxVioIn {
    const uint8_t *bytes;
    uint8_t *out;            /* properties of PROBE */
    size_t out_len;          /* without the tail */
} NyxVioIn;

/* Count the breach of a rule, and return @status. */
uint8_t nyx_vio_refuse(NyxVio *vio, uint8_t status, NyxVioRule rule,
                       uint64_t value);
uint8_t nyx_vio_refuse_endpoint(NyxVio *vio, uint8_t status, NyxVioRule rule,
                                uint32_t endpoint, uint64_t value);
bool nyx_vio_endpoint_exists(NyxVio *vio, uint32_t endpoint);

/* What a draft's request comes to; the whole of it is there. */
uint8_t nyx_vio_attach_table(NyxVio *vio, const NyxVioIn *in);   /* tables.c */
uint8_t nyx_vio_invalidate(NyxVio *vio, const NyxVioIn *in);
uint8_t nyx_vio_page_resp(NyxVio *vio, const NyxVioIn *in);      /* pages.c */

/* Whether @len bytes are zero. */
bool nyx_vio_all_zero(const uint8_t *bytes, size_t len);

/* --- probe.c -------------------------------------------------------------- */

uint8_t nyx_vio_probe(NyxVio *vio, const NyxVioIn *in);

/* --- regions.c ------------------------------------------------------------ */

/* Those that only this endpoint has.  Returns how many. */
unsigned nyx_vio_own_regions(NyxVio *vio, uint32_t endpoint,
                             NyxVioRegion regions[NVIO_REGIONS_MAX]);
/* All regions of an endpoint, sorted; at most one MSI.  Returns how many. */
unsigned nyx_vio_regions(NyxVio *vio, uint32_t endpoint,
                         NyxVioRegion regions[NVIO_REGIONS_ALL]);

/* --- domain.c ------------------------------------------------------------- */

void nyx_vio_domains_init(NyxVio *vio);
void nyx_vio_domains_destroy(NyxVio *vio);
/* Nobody is in a domain, and there is none. */
void nyx_vio_domains_clear(NyxVio *vio);

NyxVioDomain *nyx_vio_domain_find(const NyxVio *vio, uint32_t id);
/*
 * A domain that @first joins next.  NULL: there is no room for one more, and
 * none becomes free when @first leaves its old one.
 */
NyxVioDomain *nyx_vio_domain_new(NyxVio *vio, uint32_t id, NyxVioKind kind,
                                 uint32_t first);
/* The domain that an endpoint is in, or NULL. */
NyxVioDomain *nyx_vio_domain_of(const NyxVio *vio, uint32_t endpoint);

/* Put an endpoint, which may be in another one, into a domain. */
void nyx_vio_domain_join(NyxVio *vio, NyxVioDomain *domain,
                         uint32_t endpoint);
/* Take an endpoint out of its domain; the last one ends it. */
void nyx_vio_domain_leave(NyxVio *vio, NyxVioDomain *domain,
                          uint32_t endpoint);

/*
 * Put endpoints that are in no domain into one.  Nobody is told, and they are
 * not asked for: what follows is nyx_vio_changed_all().
 */
void nyx_vio_domain_fill(NyxVio *vio, NyxVioDomain *domain,
                         const uint32_t *endpoints, unsigned n);

/* Whether mappings lie in regions that a new endpoint would bring. */
bool nyx_vio_domain_suits(NyxVio *vio, const NyxVioDomain *domain,
                          uint32_t endpoint);

/*
 * Drop cached translations of pages, and tell who watches.
 * @asid: NYX_ASID() of the domain's slot, or NYX_ASID_PASID()
 */
void nyx_vio_domain_flush(NyxVio *vio, const NyxVioDomain *domain,
                          NyxAsid asid, uint64_t first, uint64_t last,
                          bool leaf_only);
/* The same for all of a domain's. */
void nyx_vio_domain_flush_all(NyxVio *vio, const NyxVioDomain *domain);
/* What its endpoints themselves keep (ATS). */
void nyx_vio_domain_flush_devices(NyxVio *vio, const NyxVioDomain *domain,
                                  bool has_pasid, uint32_t pasid,
                                  uint64_t first, uint64_t last);
/* The same, all of each PASID that the domain has a table for. */
void nyx_vio_domain_flush_device_pasids(NyxVio *vio,
                                        const NyxVioDomain *domain);
/* Everybody's requests may go another way. */
void nyx_vio_changed_all(NyxVio *vio);
/* All requesters' caches, before a generation comes round. */
void nyx_vio_clear_tlbs(NyxVio *vio);

/* --- event.c -------------------------------------------------------------- */

/* Bytes of an event, by what was negotiated. */
size_t nyx_vio_event_size(const NyxVio *vio);
/* NVIO_EVENT_F_READ and _WRITE of NyxAccess bits. */
uint32_t nyx_vio_event_access(unsigned access);
/* Put a record into the event queue; what is lost is counted. */
NyxVioEventResult nyx_vio_event_send(NyxVio *vio, const uint8_t *record);
/* A refusal: counted, and on its way to the event queue.  Any thread. */
void nyx_vio_report(NyxVio *vio, const NyxVioFault *fault);
/* Send what waits. */
void nyx_vio_report_drain(NyxVio *vio);
/* Reports of @r, or of all if NULL, are not sent any more. */
void nyx_vio_report_forget(NyxVio *vio, const NyxVioRequester *r);

/* --- translate.c ---------------------------------------------------------- */

/* One request on its way. */
typedef struct NyxVioXlat {
    NyxVio *vio;
    NyxVioRequester *r;
    const NyxRequest *req;
    uint16_t sid;
    unsigned need;           /* R, W and X that the request needs */
    bool probe;              /* only asks: reports nothing */
    uint64_t word;           /* of the endpoint when it was looked at */
    uint64_t looked_up;      /* the word that the IOTLB was asked with, or 0 */
    const NyxIotlbEntry *found;  /* what it had, which does not suffice */
} NyxVioXlat;

/* Refuse, and report unless the request only asks.  Returns reply->ok. */
bool nyx_vio_xlat_refuse(const NyxVioXlat *x, NyxVioFaultCode code,
                         NyxReply *reply);
/*
 * 5.13.6.8: keep out of regions.  *@lg2 becomes what of the block around @iova
 * lies outside of all of them; false if not even its page does.
 */
bool nyx_vio_clip(const NyxVioCfg *cfg, uint64_t iova, uint8_t *lg2);
/* Grant the page of 2^@lg2 bytes at @addr, with what of @permission fits. */
bool nyx_vio_xlat_complete(const NyxVioXlat *x, uint64_t addr, uint8_t lg2,
                           unsigned permission, NyxReply *reply);

/* --- announce.c ----------------------------------------------------------- */

void nyx_vio_announce_init(NyxVio *vio);
/* Mappings in the range have come or gone. */
void nyx_vio_announce_pages(NyxVio *vio, const NyxVioDomain *domain,
                            uint64_t first, uint64_t last);
/* An endpoint is in another domain, or its domain has become another one. */
void nyx_vio_announce_endpoint(NyxVio *vio, uint32_t endpoint);
/* The same for all endpoints: bypass has changed, or there is no domain. */
void nyx_vio_announce_mode(NyxVio *vio);

/* --- tables.c (drafts) ---------------------------------------------------- */

/* A table that ATTACH_TABLE gave. */
typedef struct NyxVioTable {
    const struct NyxVioFormat *fmt;  /* NULL: there is none */
    uint64_t root;
    uint64_t flags;          /* NVIO_FMT_F_* */
    uint8_t levels;
} NyxVioTable;

/* Properties of PROBE that drafts have.  Returns how many bytes. */
size_t nyx_vio_tables_probe(const NyxVio *vio, uint8_t *at);

/* With the domain's lock for writing, or before anybody knows of it. */
void nyx_vio_tables_free(NyxVio *vio, NyxVioDomain *domain);
/* The table of a domain of kind TABLES, or of one of its PASIDs. */
bool nyx_vio_tables_get(const NyxVioDomain *domain, bool has_pasid,
                        uint32_t pasid, NyxVioTable *table);
/* Whether the domain has tables at all, its own or PASIDs'. */
bool nyx_vio_tables_any(const NyxVioDomain *domain);
/* Those of PASIDs, for the caller to free.  Returns how many. */
unsigned nyx_vio_tables_pasids(const NyxVioDomain *domain, uint32_t **pasids);
/* What a walk of @table needs. */
NyxWalkCtx nyx_vio_tables_ctx(const NyxVio *vio, const NyxVioTable *table,
                              bool privileged);
/*
 * The tables that requests without a PASID go by, if they can be announced:
 * a second stage, of which INVALIDATE says when it gets a page.
 */
bool nyx_vio_tables_announced(NyxVio *vio, const NyxVioDomain *domain,
                              NyxWalkCtx *ctx);
/* What the domain was given.  Returns how many; @saved NULL: only that. */
uint32_t nyx_vio_tables_save(const NyxVioDomain *domain,
                             NyxVioSavedTable *saved);
/* False if no request can have given it to a domain of this kind. */
bool nyx_vio_tables_load(NyxVio *vio, NyxVioDomain *domain,
                         const NyxVioSavedTable *saved);

/* --- table-walk.c (drafts) ------------------------------------------------ */

/* What the walker has to know of a format. */
typedef struct NyxVioFormat {
    uint16_t id;             /* NVIO_FMT_* */
    uint8_t min_levels;
    uint8_t max_levels;
    bool canonical;          /* addresses are signed; without a PASID, too */
    bool signed_pasid;       /* ... with one */
    const NyxFormat *fmt;
    uint32_t features;       /* always on */
    uint32_t privileged;     /* for requests of supervisors */
    struct {
        uint32_t flag;
        uint32_t features;
    } flags[4];
} NyxVioFormat;

/* NULL: not offered. */
const NyxVioFormat *nyx_vio_format(unsigned id);
uint64_t nyx_vio_format_flags(const NyxVioFormat *fmt);
/* All of them, by index; NULL at the end. */
const NyxVioFormat *nyx_vio_format_at(unsigned i);

/* As for mappings: see translate.c.  False if the domain has changed. */
bool nyx_vio_tables_translate(const NyxVioXlat *x, NyxReply *reply, bool *ok);

/* --- pages.c (drafts) ----------------------------------------------------- */

void nyx_vio_pages_init(NyxVio *vio);
void nyx_vio_pages_destroy(NyxVio *vio);
void nyx_vio_pages_drain(NyxVio *vio);
/*
 * What is on its way, and what waits for a response, of @r goes away with it.
 * NULL: the driver is gone; all who wait are told.
 */
void nyx_vio_pages_forget(NyxVio *vio, const NyxVioRequester *r);
/* Another state is loaded, and endpoints with it: nobody is told. */
void nyx_vio_pages_clear(NyxVio *vio);

#endif
