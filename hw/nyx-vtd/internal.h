/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's own state, shared by its files and by nothing else.
 */
#ifndef HW_NYX_VTD_INTERNAL_H
#define HW_NYX_VTD_INTERNAL_H

#include "qemu/atomic.h"
#include "hw/nyx-iommu/announce.h"
#include "hw/nyx-iommu/dump.h"
#include "hw/nyx-iommu/handoff.h"
#include "hw/nyx-iommu/paging.h"
#include "hw/nyx-iommu/tlbs.h"
#include "hw/nyx-iommu/walk.h"
#include "hw/nyx-iommu/walk-range.h"
#include "hw/nyx-vtd/engine.h"
#include "hw/nyx-vtd/tables.h"
#include "hw/nyx-vtd/tables-scalable.h"

/* DMAR's IOAPIC scope: the requester id of the IOAPIC's interrupts. */
#define NVTD_IOAPIC_SID 0xff00

#define NVTD_MAMV_MAX       52          /* every page there is */
#define NVTD_MHMV_MAX       15
#define NVTD_MAX_LEVELS     5
#define NVTD_FAULT_RING     64
#define NVTD_PAGE_RING      64
#define NVTD_N_FAULTS       80          /* at least the length of the list */

/* What is done with requests. */
typedef enum NyxVtdKind {
    NYX_VTD_KIND_SECOND,     /* second stage; legacy mode's only tables */
    NYX_VTD_KIND_PASS,
    NYX_VTD_KIND_FIRST,
    NYX_VTD_KIND_NESTED,
} NyxVtdKind;

/*
 * What the tables say of requests with one PASID, or without one: a context
 * entry of legacy mode, or a PASID entry and what its context entry adds.
 */
typedef struct NyxVtdContext {
    uint64_t ssptptr;
    uint64_t fsptptr;
    uint32_t pasid;          /* scalable mode: whose entry it is */
    uint16_t did;
    uint8_t kind;            /* NyxVtdKind */
    uint8_t aw;              /* of the second stage */
    uint8_t fs_levels;       /* 4 or 5 */
    bool scalable;
    bool ats;                /* translation and translated requests pass */
    bool page_requests;      /* PRE */
    bool fpd;
    bool present;            /* false: cached as not present (6.1) */
    bool rid_priv;           /* requests without a PASID are privileged */
    bool page_snoop;         /* PGSNP */
    bool second_ad;          /* SSADE */
    bool supervisor;         /* SRE */
    bool execute;            /* ERE */
    bool write_protect;      /* WPE */
    bool no_execute;         /* NXE */
    bool smep;
    bool extended_accessed;  /* EAFE */
} NyxVtdContext;

/* A context is copied as words. */
#define NYX_VTD_CONTEXT_WORDS (sizeof(NyxVtdContext) / sizeof(uint64_t))
QEMU_BUILD_BUG_ON(sizeof(NyxVtdContext) % sizeof(uint64_t));

/* A context entry of scalable mode. */
typedef struct NyxVtdFunction {
    uint64_t directory;      /* PASIDDIRPTR */
    uint32_t rid_pasid;
    uint8_t pdts;
    bool fpd;
    bool ats;                /* DTE */
    bool pasid;              /* PASIDE */
    bool page_requests;      /* PRE */
    bool rid_priv;
    bool present;
} NyxVtdFunction;

typedef struct NyxVtdFault {
    NyxVtdFaultCode code;
    uint16_t sid;
    uint64_t addr;           /* IOVA, or index << 48 for an interrupt */
    uint32_t pasid;
    bool has_pasid;
    bool fpd;                /* of the entries read so far */
    bool interrupt;
    uint8_t type;            /* NyxRequestType */
    unsigned access;         /* NyxAccess bits */
} NyxVtdFault;

/* A fault on its way. */
typedef struct NyxVtdLeft {
    NyxVtdFault fault;
    NyxVtdRequester *r;      /* NULL for an interrupt */
} NyxVtdLeft;

/* A page request on its way. */
typedef struct NyxVtdPage {
    NyxVtdRequester *r;
    NyxRequest req;
    uint16_t sid;
} NyxVtdPage;

/*
 * What requests without a PASID need to hit: one word, read without a lock.
 * ASID is the IOTLB's tag; its first sixteen bits are the domain.
 */
#define NYX_CTX_WORD(F)                      \
    F(NYX_CTX, VALID,     0,  1, USED)       \
    F(NYX_CTX, PRESENT,   1,  1, USED)       \
    F(NYX_CTX, FPD,       2,  1, USED)       \
    F(NYX_CTX, ATS,       3,  1, USED)       \
    F(NYX_CTX, PASS,      4,  1, USED)       \
    F(NYX_CTX, SCALABLE,  5,  1, USED)       \
    F(NYX_CTX, MARKS,     6,  1, USED)       \
    F(NYX_CTX, RSVD7,     7,  1, MBZ)        \
    F(NYX_CTX, DID,       8, 16, USED)       \
    F(NYX_CTX, ASID_HI,  24, 22, USED)       \
    F(NYX_CTX, RSVD46,   46,  2, MBZ)        \
    F(NYX_CTX, SID,      48, 16, USED)
NYX_LAYOUT64(NYX_CTX_WORD)

static inline NyxAsid nyx_ctx_word_asid(uint64_t word)
{
    return extract64(word, R_NYX_CTX_DID_SHIFT,
                     R_NYX_CTX_DID_LENGTH + R_NYX_CTX_ASID_HI_LENGTH);
}

struct NyxVtdRequester {
    NyxVtd *vtd;
    void *opaque;
    NyxTlbs tlbs;

    /* Atomic. */
    uint64_t ctx_word;       /* NYX_CTX_WORD; zero: not known */
    uint64_t ctx_data[NYX_VTD_CONTEXT_WORDS];  /* NyxVtdContext */
    uint32_t ctx_ticket;     /* moves when the context is dropped */
    uint16_t last_sid;       /* for statistics */
    uint64_t ctx_hits;
    uint64_t ctx_misses;
    uint64_t walks;
    uint64_t walk_reads;

    pthread_mutex_t lock;    /* writers of the context, and what follows */
    NyxVtdFunction fn;       /* that the PASID entries hang on */
    uint16_t fn_sid;
    GHashTable *pasids;      /* PASID to NyxVtdContext: PASID cache */
    NyxCacheStats pasid_stats;
    uint64_t ctx_dropped;
    uint64_t refused;
    uint64_t faults[NVTD_N_FAULTS];

    bool notify;             /* serialized side, and what follows */
    NyxFollower follow;
};

/* What is in force, as opposed to what the registers say. */
typedef struct NyxVtdLatched {
    uint64_t rtaddr;         /* atomic */
    uint64_t irta;
    uint64_t iqa;
    uint32_t frcd_next;
    bool root_set;
    bool irt_set;
    bool need_context_flush; /* SRTP without ESRTPS */
    bool need_iotlb_flush;
    bool need_iec_flush;     /* SIRTP without ESIRTPS */
    bool ats_silent;         /* a device-TLB invalidation timed out */
    uint16_t ats_silent_sid;
} NyxVtdLatched;

/* 11.4.16: a protected range in force; none if last is below first. */
typedef struct NyxVtdRange {
    uint64_t first;          /* atomic */
    uint64_t last;           /* atomic */
} NyxVtdRange;

/* NyxVtdSaved.flags */
enum {
    NYX_VTD_SAVED_ROOT_SET = 1 << 0,
    NYX_VTD_SAVED_IRT_SET = 1 << 1,
    NYX_VTD_SAVED_NEED_CONTEXT = 1 << 2,
    NYX_VTD_SAVED_NEED_IOTLB = 1 << 3,
    NYX_VTD_SAVED_NEED_IEC = 1 << 4,
    NYX_VTD_SAVED_ATS_SILENT = 1 << 5,
    NYX_VTD_SAVED_ALL = (1 << 6) - 1,
};

/* NyxVtd.mode */
enum {
    NVTD_MODE_TRANSLATE = 1 << 0,    /* GSTS.TES */
    NVTD_MODE_PROTECT = 1 << 1,      /* PMEN.PRS */
    NVTD_MODE_COUNT = 1 << 2,        /* some performance counter runs */
};

/* What a performance counter can count; see perfmon.c. */
typedef enum NyxVtdPerfEvent {
    NVTD_PERF_REQUEST,
    NVTD_PERF_TABLE_READ,
    NVTD_PERF_BLOCKED,
    NVTD_PERF_CONTEXT_LOOKUP,
    NVTD_PERF_CONTEXT_HIT,
    NVTD_PERF_TABLE_LOOKUP,
    NVTD_PERF_TABLE_HIT,
    NVTD_PERF_IOTLB_LOOKUP,
    NVTD_PERF_IOTLB_HIT,
    NVTD_PERF_IRQ_LOOKUP,
    NVTD_PERF_IRQ_HIT,
    NVTD_PERF_IRQ_HIT_POSTED,
    NVTD_PERF_ATS_BLOCKED,
    NVTD_PERF_PAGE_REQUEST,
    NVTD_PERF_PASID_LOOKUP,
    NVTD_PERF_PASID_HIT,
    NVTD_PERF_EVENTS,
} NyxVtdPerfEvent;

/* How each counter is set up, for those who count: all of it atomic. */
typedef struct NyxVtdPerf {
    uint64_t count[NVTD_PERF_COUNTERS];  /* the upper bits mean nothing */
    uint64_t config[NVTD_PERF_COUNTERS]; /* PERFCFG */
    uint32_t sid[NVTD_PERF_COUNTERS];    /* filters */
    uint32_t did[NVTD_PERF_COUNTERS];
    uint32_t running;        /* enabled and not frozen */
    uint32_t overflowed;     /* and nobody has been told */
    uint32_t enabled;        /* serialized side */
} NyxVtdPerf;

struct NyxVtd {
    NyxVtdCfg cfg;
    NyxVtdHost host;
    NyxRegFile regs;
    NyxVtdLatched latched;
    uint64_t iva;            /* as written; it reads as zero */
    uint64_t ccmd;           /* the same of CCMD's write-only fields */
    uint32_t mode;           /* atomic; NVTD_MODE_* */
    NyxVtdRange protected[2];

    NyxTags tags;

    NyxCache iec;
    uint32_t iec_gen;
    uint64_t entries_dropped;    /* of it, or looked for in vain */
    uint64_t vcmd_pasids[NVTD_VCMD_WORDS]; /* a bit for each in use */

    NyxVtdPerf perf;

    GPtrArray *requesters;
    NyxAnnounce *announce;
    NyxFindings *findings;
    NyxVtdStats stats;
    uint64_t aborted;        /* atomic */
    uint64_t interrupt_faults[NVTD_N_FAULTS];

    NyxHandoff faults;       /* NyxVtdLeft */
    NyxHandoff pages;        /* NyxVtdPage */
    bool pages_busy;         /* serialized side: they are being handled */
};

/* TTM, if the unit has it, or the reserved one. */
static inline unsigned nyx_vtd_mode_of(const NyxVtd *vtd, uint64_t rtaddr)
{
    unsigned ttm = FIELD_EX64(rtaddr, NVTD_RTADDR, TTM);

    return ttm == NVTD_TTM_LEGACY ||
           (ttm == NVTD_TTM_SCALABLE && vtd->cfg.scalable_mode) ||
           (ttm == NVTD_TTM_ABORT && vtd->cfg.abort_dma)
           ? ttm : NVTD_TTM_RESERVED;
}

static inline bool nyx_vtd_scalable(const NyxVtd *vtd)
{
    return nyx_vtd_mode_of(vtd, qatomic_read(&vtd->latched.rtaddr)) ==
           NVTD_TTM_SCALABLE;
}

/* Whether translations set accessed and dirty bits. */
static inline bool nyx_vtd_context_marks(const NyxVtdContext *ctx)
{
    return ctx->kind == NYX_VTD_KIND_FIRST ||
           ctx->kind == NYX_VTD_KIND_NESTED || ctx->second_ad;
}

static inline bool nyx_vtd_function_has(const NyxVtdFunction *fn,
                                        uint32_t pasid)
{
    return !(pasid >> NVTD_SCTX_PASID_BITS(fn->pdts));
}

static inline uint32_t nyx_vtd_reg32(const NyxVtd *vtd, uint32_t offset)
{
    return nyx_reg_get(&vtd->regs, offset, 4);
}

/* 11.4.6: whether translated requests are to be aborted, whatever they are. */
static inline bool nyx_vtd_aborting(const NyxVtd *vtd)
{
    return vtd->cfg.abort_dma &&
           FIELD_EX64(qatomic_read(&vtd->latched.rtaddr), NVTD_RTADDR, TTM) ==
           NVTD_TTM_ABORT;
}

static inline uint64_t nyx_vtd_reg64(const NyxVtd *vtd, uint32_t offset)
{
    return nyx_reg_get(&vtd->regs, offset, 8);
}

/* Bits of a domain id that the unit has; the others are reserved. */
static inline uint16_t nyx_vtd_did_mask(const NyxVtdCfg *cfg)
{
    return MAKE_64BIT_MASK(0, cfg->domain_bits);
}

/* Offset of a fault-recording register: ECMD takes the usual place. */
static inline uint32_t nyx_vtd_frcd(const NyxVtdCfg *cfg, unsigned i)
{
    return (cfg->perfmon ? NVTD_FRCD_OFFSET_ECMD : NVTD_FRCD_OFFSET) + 16 * i;
}

static inline void nyx_vtd_event(NyxVtd *vtd, NyxVtdEvent event)
{
    vtd->host.event(vtd->host.opaque, &event);
}

/*
 * Whether two requester ids agree apart from the low bits of the function
 * number that @ignore hides: FM (6.5.2.1) and SQ (9.10) have the same coding.
 */
static inline bool nyx_vtd_sid_matches(uint16_t a, uint16_t b, unsigned ignore)
{
    static const uint16_t mask[] = { 0xffff, 0xfffb, 0xfff9, 0xfff8 };

    return !((a ^ b) & mask[ignore]);
}

static inline NyxWhere nyx_vtd_at_reg(uint64_t offset, uint64_t value)
{
    return (NyxWhere) { .has_addr = true, .addr = offset, .value = value };
}

/* perfmon.c */
/* The domain that @r is known to be in as @sid, or NVTD_NO_DOMAIN. */
uint32_t nyx_vtd_known_domain(const NyxVtdRequester *r, uint16_t sid);
/* No domain: it is not known, or there is none. */
#define NVTD_NO_DOMAIN UINT32_MAX
void nyx_vtd_perf_init(NyxVtd *vtd);
/* Registers say what has been counted until now. */
void nyx_vtd_perf_sync(NyxVtd *vtd);
/* Counters run as the registers and perf.enabled say. */
void nyx_vtd_perf_update(NyxVtd *vtd);
bool nyx_vtd_perf_saved_ok(const NyxVtd *vtd, const NyxVtdSaved *saved);
void nyx_vtd_perf_add(NyxVtd *vtd, NyxVtdPerfEvent event, unsigned n,
                      uint16_t sid, uint32_t did);
/* A request of @r with that IOTLB lookup, if there was one. */
void nyx_vtd_perf_request(NyxVtdRequester *r, uint16_t sid,
                          const NyxRequest *req, bool looked_up, bool hit);

/* Something happened @n times; nearly always nobody counts. */
static inline void nyx_vtd_perf_count(NyxVtd *vtd, NyxVtdPerfEvent event,
                                      unsigned n, uint16_t sid, uint32_t did)
{
    if (unlikely(qatomic_read(&vtd->mode) & NVTD_MODE_COUNT)) {
        nyx_vtd_perf_add(vtd, event, n, sid, did);
    }
}

/* A look into a cache; what comes back is @hit. */
static inline bool nyx_vtd_perf_lookup(NyxVtd *vtd, NyxVtdPerfEvent lookup,
                                       bool hit, uint16_t sid, uint32_t did)
{
    if (unlikely(qatomic_read(&vtd->mode) & NVTD_MODE_COUNT)) {
        nyx_vtd_perf_add(vtd, lookup, 1, sid, did);
        nyx_vtd_perf_add(vtd, lookup + 1, hit, sid, did);
    }
    return hit;
}

/* caps.c */
uint64_t nyx_vtd_cap(const NyxVtdCfg *cfg);
uint64_t nyx_vtd_ecap(const NyxVtdCfg *cfg);

/* NYX_VTDSS_* of the page sizes that CAP.SSLPS tells. */
unsigned nyx_vtd_second_sizes(const NyxVtdCfg *cfg);

/* mmio.c */
void nyx_vtd_regs_init(NyxVtd *vtd);
void nyx_vtd_mode_update(NyxVtd *vtd);
/* Bits of GSTS that the unit's options let be on. */
uint32_t nyx_vtd_gsts_possible(const NyxVtdCfg *cfg);

/* saved.c: NULL, or why a unit with our options cannot have this state */
const char *nyx_vtd_saved_error(const NyxVtd *vtd, const NyxVtdSaved *saved);

/* decode.c: zero or why the entry at hand cannot be used (9.1, 9.3) */
NyxVtdFaultCode nyx_vtd_context_fetch(NyxVtd *vtd, uint16_t sid,
                                      NyxVtdContext *ctx);
/* The same before the domain is in use: its IOTLB command may yet come. */
NyxVtdFaultCode nyx_vtd_context_read(NyxVtd *vtd, uint16_t sid,
                                     NyxVtdContext *ctx);
/* The same, and no mistake is noted. */
NyxVtdFaultCode nyx_vtd_context_look(NyxVtd *vtd, uint16_t sid,
                                     NyxVtdContext *ctx);

/* posting.c */
typedef struct NyxVtdPost {
    uint64_t pda;            /* of the descriptor */
    uint8_t vector;
    bool urgent;
    bool eime;
} NyxVtdPost;

/*
 * Post an interrupt (5.2.3).  If *@notify, a notification is due that
 * *@control, the descriptor's control word, tells the vector and target of.
 */
NyxVtdFaultCode nyx_vtd_post(const NyxMem *mem, const NyxVtdPost *post,
                             uint64_t *control, bool *notify);

/* decode-scalable.c: the same for scalable mode (9.2 to 9.6) */
NyxVtdFaultCode nyx_vtd_function_fetch(NyxVtd *vtd, uint16_t sid,
                                       NyxVtdFunction *fn);
NyxVtdFaultCode nyx_vtd_pasid_fetch(NyxVtd *vtd, const NyxVtdFunction *fn,
                                    uint32_t pasid, NyxVtdContext *ctx);

/* context.c */
/*
 * What the tables say of the request, from the caches or memory.  *@ticket is
 * from before any of it was read: see NyxVtdRequester.ctx_ticket.
 */
NyxVtdFaultCode nyx_vtd_context_get(NyxVtdRequester *r, uint16_t sid,
                                    const NyxRequest *req, NyxVtdContext *ctx,
                                    uint32_t *ticket);
/* The same for requests without a PASID, from memory, and nothing is kept. */
NyxVtdFaultCode nyx_vtd_context_peek(NyxVtd *vtd, uint16_t sid,
                                     NyxVtdContext *ctx);
/* The IOTLB's tag of requests with @ctx. */
NyxAsid nyx_vtd_context_asid(const NyxVtdContext *ctx, bool privileged);
/* Whether the cached context, NYX_CTX_WORD(), is one to drop. */
typedef bool NyxVtdContextMatch(uint64_t word, const void *opaque);
/*
 * Drop the context of @r if @match accepts it, or whatever it is if @match is
 * NULL.  A fill that is under way is refused in any case.  True if no context
 * is known now.
 */
bool nyx_vtd_requester_drop_context(NyxVtdRequester *r,
                                    NyxVtdContextMatch *match,
                                    const void *opaque);

/* Drop PASID entries; true if no context is known now. */
bool nyx_vtd_requester_drop_pasid(NyxVtdRequester *r, unsigned gran,
                                  uint16_t did, uint32_t pasid);

/* stages.c */
/* A walk to be made. */
typedef struct NyxVtdJob {
    NyxVtdRequester *r;
    const NyxVtdContext *ctx;
    uint16_t sid;
    uint64_t iova;
    unsigned need;           /* R, W, X, and NYX_NEED_DIRTY */
    bool privileged;
    bool keep;               /* table addresses may be cached */
    NyxPaging paging;
} NyxVtdJob;

/* Where it led. */
typedef struct NyxVtdWay {
    NyxVtdFaultCode code;    /* none: mapped */
    bool snoop;              /* the leaf's SNP */
    bool hole;               /* the second stage has nothing there */
    uint8_t lg2;             /* of the leaf, or the hole */
    unsigned permission;
    unsigned kept;           /* permission that may be cached */
    uint64_t addr;
} NyxVtdWay;

void nyx_vtd_stages_walk(const NyxVtdJob *job, NyxVtdWay *way);
/* The fault of a request that lacks these rights. */
NyxVtdFaultCode nyx_vtd_denied(const NyxVtdContext *ctx, unsigned missing);
/* The tables of a context that has such a stage. */
NyxWalkCtx nyx_vtd_second_stage(const NyxVtd *vtd, const NyxVtdContext *ctx);
NyxWalkCtx nyx_vtd_first_stage(const NyxVtd *vtd, const NyxVtdContext *ctx,
                               bool privileged);

/* dump.c: what memory says, whatever is cached; on the serialized side */
/* The entries that requests of a function, with a PASID or without, use. */
typedef struct NyxVtdEntries {
    uint16_t sid;
    bool scalable;           /* then the PASID's entry is known as well */
    uint32_t pasid;
    uint64_t root[2];
    uint64_t context[4];     /* two of them in legacy mode */
    uint64_t entry[8];
    NyxVtdFaultCode code;    /* why they cannot be used; then no decoded */
    NyxVtdContext decoded;
} NyxVtdEntries;

typedef void NyxVtdEntriesVisit(const NyxVtdEntries *entries, void *opaque);
/* Visit what is present for @sid; false if there is no room for the rest. */
bool nyx_vtd_dump_entries(NyxVtd *vtd, uint16_t sid, NyxDumpRoom *room,
                          NyxVtdEntriesVisit *visit, void *opaque);
/* Whether the context has tables of the second stage, or of the first. */
bool nyx_vtd_dump_has_stage(const NyxVtdEntries *entries, bool second);
/*
 * Visit the mappings of one stage.  With two the first stage's addresses are
 * the guest's, and its tables are read through the second.
 */
bool nyx_vtd_dump_mappings(NyxVtd *vtd, const NyxVtdEntries *entries,
                           bool second, NyxDumpRoom *room,
                           NyxLeafVisit *visit, void *opaque);

/* vcmd.c */
void nyx_vtd_vcmd_init(NyxVtd *vtd);
bool nyx_vtd_vcmd_saved_ok(const NyxVtdCfg *cfg, const NyxVtdSaved *saved);

/* invalidate.c */
void nyx_vtd_ccmd_written(void *dev, const NyxReg *reg, uint64_t written,
                          uint64_t mask);
void nyx_vtd_iotlb_written(void *dev, const NyxReg *reg, uint64_t written,
                           uint64_t mask);
void nyx_vtd_iqt_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask);
void nyx_vtd_queue_run(NyxVtd *vtd);
void nyx_vtd_caches_clear(NyxVtd *vtd);
/* Drop what @r has for the page of @iova. */
void nyx_vtd_requester_drop_page(NyxVtdRequester *r, NyxAsid asid,
                                 uint64_t iova);

/* pages.c: all on the serialized side */
/* Handle page requests that other threads have left. */
void nyx_vtd_pages_drain(NyxVtd *vtd);
/* Everything that other threads have left. */
void nyx_vtd_catch_up(NyxVtd *vtd);
/* A response on its way to the endpoint; @own: not software's. */
void nyx_vtd_page_respond(NyxVtd *vtd, const NyxVtdPageResponse *response,
                          bool own);
void nyx_vtd_pqa_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask);

/* announce.c: all on the serialized side */
void nyx_vtd_announce_init(NyxVtd *vtd);
/* Contexts that @match accepts were invalidated. */
void nyx_vtd_announce_contexts(NyxVtd *vtd, NyxVtdContextMatch *match,
                               const void *opaque);

/* fault.c */
typedef enum NyxVtdEventBlock {
    NVTD_EVENT_FAULT,
    NVTD_EVENT_INV_COMPLETION,
    NVTD_EVENT_PERFMON,
    NVTD_EVENT_PAGE,
} NyxVtdEventBlock;

void nyx_vtd_report(NyxVtd *vtd, NyxVtdRequester *r, const NyxVtdFault *fault);
void nyx_vtd_report_drain(NyxVtd *vtd);
/* Set status bit(s) of a group and send its message by the rules of 7.3. */
void nyx_vtd_status_set(NyxVtd *vtd, NyxVtdEventBlock block, uint32_t bits);
/* Software cleared bits or unmasked: recompute PPF, IP; send if due. */
void nyx_vtd_status_update(NyxVtd *vtd, NyxVtdEventBlock block);

#endif
