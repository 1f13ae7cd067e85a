/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's own state, shared by its files and by nothing else.
 */
#ifndef HW_NYX_AMDVI_INTERNAL_H
#define HW_NYX_AMDVI_INTERNAL_H

#include "qemu/atomic.h"
#include "hw/nyx-iommu/announce.h"
#include "hw/nyx-iommu/dump.h"
#include "hw/nyx-iommu/handoff.h"
#include "hw/nyx-iommu/paging.h"
#include "hw/nyx-iommu/tlbs.h"
#include "hw/nyx-iommu/walk.h"
#include "hw/nyx-iommu/walk-range.h"
#include "hw/nyx-amdvi/engine.h"
#include "hw/nyx-amdvi/tables.h"

#define NAMD_FAULT_RING     64
#define NAMD_PAGE_RING      64

/* What is done with requests without a PASID, or with one if not GV. */
typedef enum NyxAmdKind {
    NYX_AMD_KIND_PASS,       /* V = 0 */
    NYX_AMD_KIND_BLOCKED,    /* TV = 0 */
    NYX_AMD_KIND_IDENTITY,   /* Mode = 0; IR and IW count */
    NYX_AMD_KIND_HOST,       /* Mode = 1 to 6 */
} NyxAmdKind;

/* What a device table entry says of memory requests. */
typedef struct NyxAmdContext {
    uint64_t host_root;
    uint64_t gcr3;           /* root of the GCR3 table, if guest */
    uint16_t did;
    uint8_t kind;            /* NyxAmdKind */
    uint8_t mode;            /* levels of the host table */
    uint8_t guest_levels;    /* 4 or 5, if guest */
    uint8_t glx;             /* levels of the GCR3 table, minus 1 */
    uint8_t rights;          /* IR and IW as NyxAccess bits */
    uint8_t had;
    uint8_t io_ctl;
    uint8_t sys_mgt;
    bool guest;              /* GV */
    bool giov;               /* requests without a PASID are of PASID 0 */
    bool ats;                /* I */
    bool ppr;
    bool gprp;
    bool suppress_all;       /* SA */
    bool suppress_after;     /* SE */
    bool exclusion;          /* EX */
    bool snoop_disable;      /* SD */
    bool mode0_fc;           /* AttrV and Mode0FC */
    uint8_t pad[2];
} NyxAmdContext;

/* A context is copied as words. */
#define NYX_AMD_CONTEXT_WORDS (sizeof(NyxAmdContext) / sizeof(uint64_t))
QEMU_BUILD_BUG_ON(sizeof(NyxAmdContext) % sizeof(uint64_t));

/* A request that was refused, on its way to the event log. */
typedef struct NyxAmdFault {
    NyxAmdRequester *r;      /* NULL: an interrupt, or of no function */
    NyxAmdFaultCode code;
    uint16_t sid;
    uint16_t did;
    uint64_t addr;           /* as the event tells it: see 2.5 */
    uint32_t pasid;
    bool has_pasid;
    bool interrupt;
    bool suppressed;         /* SA, IG or SupIOPF */
    bool suppress_after;     /* SE */
    uint8_t type;            /* NyxRequestType */
    unsigned access;         /* NyxAccess bits */
    uint16_t group;          /* of a page request */
    bool last;
} NyxAmdFault;

/* A page request on its way. */
typedef struct NyxAmdPage {
    NyxAmdRequester *r;
    NyxRequest req;
    uint16_t sid;
} NyxAmdPage;

/*
 * What requests without a PASID need to hit: one word, read without a lock.
 * ASID is the IOTLB's tag; its first sixteen bits are the domain.
 */
#define NYX_AMD_WORD(F)                      \
    F(NYX_AMDW, VALID,    0,  1, USED)       \
    F(NYX_AMDW, TABLES,   1,  1, USED)       \
    F(NYX_AMDW, MARKS,    2,  1, USED)       \
    F(NYX_AMDW, SA,       3,  1, USED)       \
    F(NYX_AMDW, SE,       4,  1, USED)       \
    F(NYX_AMDW, RSVD5,    5,  3, MBZ)        \
    F(NYX_AMDW, DID,      8, 16, USED)       \
    F(NYX_AMDW, ASID_HI, 24, 22, USED)       \
    F(NYX_AMDW, RSVD46,  46,  2, MBZ)        \
    F(NYX_AMDW, SID,     48, 16, USED)
NYX_LAYOUT64(NYX_AMD_WORD)

static inline NyxAsid nyx_amd_word_asid(uint64_t word)
{
    return extract64(word, R_NYX_AMDW_DID_SHIFT,
                     R_NYX_AMDW_DID_LENGTH + R_NYX_AMDW_ASID_HI_LENGTH);
}

struct NyxAmdRequester {
    NyxAmd *amd;
    void *opaque;
    NyxTlbs tlbs;

    /* Atomic. */
    uint64_t ctx_word;       /* NYX_AMD_WORD; zero: not known */
    uint64_t ctx_data[NYX_AMD_CONTEXT_WORDS];  /* NyxAmdContext */
    uint32_t ctx_ticket;     /* moves when the context or a GCR3 is dropped */
    uint16_t last_sid;       /* for statistics */
    uint64_t ctx_hits;
    uint64_t ctx_misses;
    uint64_t walks;
    uint64_t walk_reads;

    pthread_mutex_t lock;    /* writers of the context, and what follows */
    GHashTable *gcr3;        /* PASID to guest CR3: GCR3 cache */
    NyxCacheStats gcr3_stats;
    uint64_t ctx_dropped;
    uint64_t refused;
    uint64_t faults[NAMD_FAULT_COUNT];

    bool notify;             /* serialized side, and what follows */
    NyxFollower follow;
};

/* NyxAmd.mode */
enum {
    NAMD_MODE_ENABLED = 1 << 0,      /* IommuEn, and dma_remap */
    NAMD_MODE_WINDOWS = 1 << 1,      /* exclusion range or MARC is on */
    NAMD_MODE_COUNT = 1 << 2,        /* some performance counter runs */
};

/* Exclusion range in force, and MARC apertures; all of it atomic. */
typedef struct NyxAmdWindow {
    uint64_t first;          /* none if last is below first */
    uint64_t last;
    uint64_t to;             /* MARC: where it is moved */
    bool everybody;          /* exclusion: Allow */
    bool read_only;          /* MARC */
} NyxAmdWindow;

/* What a performance counter can count (2.12): the numbers of the sources. */
typedef enum NyxAmdPerfSource {
    NAMD_PERF_PASS = 0x01,
    NAMD_PERF_PRETRANSLATED = 0x02,
    NAMD_PERF_EXCLUSION = 0x03,
    NAMD_PERF_ABORT = 0x04,
    NAMD_PERF_TRANSLATION = 0x05,
    NAMD_PERF_PTE_HIT = 0x06,
    NAMD_PERF_PTE_MISS = 0x07,
    NAMD_PERF_PDE_HIT = 0x08,
    NAMD_PERF_PDE_MISS = 0x09,
    NAMD_PERF_DTE_HIT = 0x0a,
    NAMD_PERF_DTE_MISS = 0x0b,
    NAMD_PERF_READS = 0x0c,
    NAMD_PERF_READS_NESTED = 0x0d,
    NAMD_PERF_READS_GUEST = 0x0e,
    NAMD_PERF_INT_DTE_HIT = 0x0f,
    NAMD_PERF_INT_DTE_MISS = 0x10,
    NAMD_PERF_COMMANDS = 0x11,
    NAMD_PERF_INVALIDATIONS = 0x12,
    NAMD_PERF_TLB_DROPPED = 0x13,
    NAMD_PERF_RESERVED_1FF8 = 0x14,
    NAMD_PERF_VAPIC_OTHER = 0x15,
    NAMD_PERF_VAPIC_GUEST = 0x16,
    NAMD_PERF_SMI = 0x17,
    NAMD_PERF_SMI_BLOCKED = 0x18,
    NAMD_PERF_SOURCES,
} NyxAmdPerfSource;

/* How each counter is set up, for those who count: all of it atomic. */
typedef struct NyxAmdPerf {
    uint64_t count[NAMD_PC_BANKS * NAMD_PC_COUNTERS];
    uint64_t regs[NAMD_PC_BANKS * NAMD_PC_COUNTERS][NAMD_PC_FNS];
    uint32_t running;        /* a bit for each counter with a source */
    uint32_t wrapped;        /* and nobody has been told */
    uint64_t locks[3];       /* of match registers; serialized side */
} NyxAmdPerf;

struct NyxAmd {
    NyxAmdCfg cfg;
    NyxAmdHost host;
    NyxRegFile regs;
    uint32_t mode;           /* atomic; NAMD_MODE_* */
    uint64_t control;        /* atomic: the register, for other threads */
    uint64_t devtab[NAMD_SEGMENTS];  /* atomic: likewise */
    NyxAmdWindow exclusion;
    NyxAmdWindow marc[NAMD_MARC_WINDOWS];
    NyxTags tags;

    bool command_halted;     /* an error stopped the command engine */
    bool event_stopped;      /* by an overflow, until EventLogEn goes to 1 */
    bool ppr_stopped;
    bool ga_stopped;
    bool pages_busy;         /* page requests are being handled */
    bool commands_busy;      /* a command is being executed */

    NyxCache int_dte;        /* by device id: word 2, and the domain */
    NyxCache irt;            /* interrupt entries: index, and device id */
    uint32_t int_gen;        /* of both */
    uint32_t *irt_gen;       /* added to it, by device id */
    uint64_t *suppressed;    /* SE: a bit for each device id; atomic */

    NyxAmdPerf perf;
    GPtrArray *requesters;
    NyxAnnounce *announce;
    NyxFindings *findings;
    NyxAmdStats stats;
    uint64_t interrupt_faults[NAMD_FAULT_COUNT];

    NyxHandoff faults;       /* NyxAmdFault */
    NyxHandoff pages;        /* NyxAmdPage */
};

static inline uint64_t nyx_amd_reg64(const NyxAmd *amd, uint32_t offset)
{
    return nyx_reg_get(&amd->regs, offset, 8);
}

/* The Control register, in any thread. */
static inline uint64_t nyx_amd_control(const NyxAmd *amd)
{
    return qatomic_read(&amd->control);
}

static inline void nyx_amd_trace(NyxAmd *amd, NyxAmdTrace trace)
{
    amd->host.trace(amd->host.opaque, &trace);
}

static inline NyxWhere nyx_amd_at_reg(uint64_t offset, uint64_t value)
{
    return (NyxWhere) { .has_addr = true, .addr = offset, .value = value };
}

/* mmio.c */
void nyx_amd_regs_init(NyxAmd *amd);
/* Bits of Control that a guest can have set. */
uint64_t nyx_amd_control_possible(const NyxAmdCfg *cfg, uint64_t control);
/* The same of Status. */
uint64_t nyx_amd_status_possible(const NyxAmdCfg *cfg);
/* Control, device tables and windows as other threads see them. */
void nyx_amd_mode_update(NyxAmd *amd);
/* The same for memory that is another one: entries and tables are, too. */
void nyx_amd_mode_load(NyxAmd *amd);

/* The buffers in memory, and the registers that say where they are. */
enum {
    NAMD_RING_COMMANDS,
    NAMD_RING_EVENTS,
    NAMD_RING_EVENTS_B,
    NAMD_RING_PPR,
    NAMD_RING_PPR_B,
    NAMD_RING_GA,
    NAMD_RINGS,
};

typedef struct NyxAmdRing {
    uint32_t base;
    uint32_t head;
    uint32_t tail;
    uint32_t ours;           /* head or tail: which of them we move */
    uint32_t run;            /* bit of Status */
    uint8_t entry;           /* bytes */
} NyxAmdRing;

/* By NAMD_RING_*; defined in log.c. */
extern const NyxAmdRing nyx_amd_rings[NAMD_RINGS];
uint64_t nyx_amd_ring_bytes(uint64_t base);

/* command.c */
/* Fetch and execute while the engine runs, a slice at a time. */
void nyx_amd_commands_run(NyxAmd *amd);
/* CmdBufRun by Control and halt; called when either changed. */
void nyx_amd_commands_update(NyxAmd *amd);

/* log.c */
/* Append an entry; false if it was lost. */
bool nyx_amd_log_event(NyxAmd *amd, const uint64_t words[2]);
bool nyx_amd_log_ppr(NyxAmd *amd, const uint64_t words[2]);
bool nyx_amd_log_ga(NyxAmd *amd, uint64_t word);
/* Events were lost before they came here: an overflow of the event log. */
void nyx_amd_log_overflow(NyxAmd *amd);
/* Run bits by Control and overflow; @enabled: bits of it that went to 1. */
void nyx_amd_logs_update(NyxAmd *amd, uint64_t enabled);
/* Set bits of Status, and send the message that Control asks for. */
void nyx_amd_status_set(NyxAmd *amd, uint64_t bits);
/* Interrupt enables of Control went to 1: tell what waits. */
void nyx_amd_status_enabled(NyxAmd *amd, uint64_t enabled);

/* event.c */
/* A request was refused: count it, and log it unless it is suppressed. */
void nyx_amd_report(NyxAmd *amd, const NyxAmdFault *fault);
/* Those of other threads. */
void nyx_amd_report_drain(NyxAmd *amd);
/* Events of the command engine: the address of the command, or of a device. */
void nyx_amd_command_event(NyxAmd *amd, NyxAmdEventCode code, uint16_t sid,
                           uint64_t addr);
void nyx_amd_counter_event(NyxAmd *amd, uint64_t note);
/* SE: the next fault of @sid (of everybody, if @any) is logged again. */
void nyx_amd_suppressed_clear(NyxAmd *amd, bool any, uint16_t sid);

/* perfmon.c */
void nyx_amd_perf_reset(NyxAmd *amd);
uint64_t nyx_amd_perf_read(NyxAmd *amd, uint64_t offset, unsigned size);
void nyx_amd_perf_write(NyxAmd *amd, uint64_t offset, uint64_t value,
                        unsigned size);
/* Events for counters that wrapped. */
void nyx_amd_perf_drain(NyxAmd *amd);
void nyx_amd_perf_save(const NyxAmd *amd, NyxAmdSaved *saved);
void nyx_amd_perf_load(NyxAmd *amd, const NyxAmdSaved *saved);
bool nyx_amd_perf_saved_ok(const NyxAmd *amd, const NyxAmdSaved *saved);
void nyx_amd_perf_foreach(NyxAmd *amd, NyxAmdRegVisit *visit, void *opaque);
/* Whether some counter counts @source. */
bool nyx_amd_perf_wanted(const NyxAmd *amd, NyxAmdPerfSource source);
void nyx_amd_perf_add(NyxAmd *amd, NyxAmdPerfSource source, uint64_t n,
                      uint16_t sid, uint32_t did, uint32_t pasid);
#define NAMD_NO_DOMAIN UINT32_MAX
#define NAMD_NO_PASID  UINT32_MAX

/* Something happened @n times; nearly always nobody counts. */
static inline void nyx_amd_perf_count(NyxAmd *amd, NyxAmdPerfSource source,
                                      uint64_t n, uint16_t sid, uint32_t did,
                                      uint32_t pasid)
{
    if (unlikely(qatomic_read(&amd->mode) & NAMD_MODE_COUNT)) {
        nyx_amd_perf_add(amd, source, n, sid, did, pasid);
    }
}

/* dte.c */
/* The address of the entry, or NAMD_FAULT_DTE_RANGE; [any] */
NyxAmdFaultCode nyx_amd_dte_address(const NyxAmd *amd, uint16_t sid,
                                    uint64_t *addr);
/* Its words, or also NAMD_FAULT_DTE_READ; @addr is set if there is one. */
NyxAmdFaultCode nyx_amd_dte_fetch(const NyxAmd *amd, uint16_t sid,
                                  uint64_t words[NAMD_DTE_WORDS],
                                  uint64_t *addr);
/* The half for memory requests: NAMD_FAULT_NONE or NAMD_FAULT_DTE_RSVD. */
NyxAmdFaultCode nyx_amd_dte_decode(const NyxAmd *amd,
                                   const uint64_t words[NAMD_DTE_WORDS],
                                   NyxAmdContext *ctx);

/* context.c */
/* Whether the first write of a page may have a D to set. */
bool nyx_amd_context_marks(const NyxAmdContext *ctx);
/* What the event of a fault says of the entry that a request was under. */
void nyx_amd_context_blame(const NyxAmdContext *ctx, NyxAmdFault *fault);
/*
 * What the entry says, from the cache or memory.  *@ticket is from before any
 * of it was read: see NyxAmdRequester.ctx_ticket.  *@addr: of the entry, if
 * the fault is about it.
 */
NyxAmdFaultCode nyx_amd_context_get(NyxAmdRequester *r, uint16_t sid,
                                    NyxAmdContext *ctx, uint32_t *ticket,
                                    uint64_t *addr);
/* The domain of @sid as far as the cache knows it, or NAMD_NO_DOMAIN. */
uint32_t nyx_amd_known_domain(const NyxAmdRequester *r, uint16_t sid);

/* A request that goes through tables. */
typedef struct NyxAmdJob {
    NyxAmdRequester *r;
    const NyxAmdContext *ctx;
    uint64_t iova;
    NyxPaging paging;
    /* Not in the order of Xlat: copied by twos just stored they are slow. */
    uint32_t ctx_ticket;     /* of nyx_amd_context_get() */
    uint32_t pasid;          /* if guest */
    uint16_t sid;
    unsigned need;           /* R, W and X; NYX_NEED_DIRTY */
    bool guest;              /* guest tables, then the host's if there are */
    bool privileged;
    bool keep;               /* the context is still what it was */
} NyxAmdJob;

/* The guest CR3 of the job's PASID, if the cache has it; and to keep it. */
bool nyx_amd_gcr3_cached(const NyxAmdJob *job, uint64_t *cr3);
void nyx_amd_gcr3_keep(const NyxAmdJob *job, uint64_t cr3);
/*
 * Drop the entry if it is that of @sid, or in any case, with all that was
 * found through it.  True if none is known now.
 */
bool nyx_amd_requester_drop_context(NyxAmdRequester *r, bool any,
                                    uint16_t sid);
void nyx_amd_requester_drop_gcr3(NyxAmdRequester *r, uint16_t did,
                                 uint32_t pasid);

/* With the permission of an IOTLB entry, where privilege is not stored. */
#define NYX_AMD_ENTRY_U    (1u << 3)    /* untranslated access only */
#define NYX_AMD_ENTRY_FC   (1u << 7)    /* force coherent */

/* stages.c: where a walk through the tables led. */
typedef struct NyxAmdWay {
    NyxAmdFaultCode code;
    bool hole;               /* no host entry is present */
    uint8_t lg2;
    unsigned permission;     /* R, W and X; NYX_AMD_ENTRY_* */
    unsigned kept;           /* as permission; no W before D is set */
    uint64_t addr;           /* aligned to lg2 */
    uint64_t fault_addr;     /* what the event is about */
} NyxAmdWay;

void nyx_amd_stages_walk(const NyxAmdJob *job, NyxAmdWay *way);
NyxWalkCtx nyx_amd_host_stage(const NyxAmd *amd, const NyxAmdContext *ctx);
NyxWalkCtx nyx_amd_guest_stage(const NyxAmd *amd, const NyxAmdContext *ctx,
                               uint64_t cr3, bool privileged);

/* ranges.c: addresses with a meaning of their own (2.1.2) */
typedef enum NyxAmdRange {
    NYX_AMD_RANGE_MEMORY,
    NYX_AMD_RANGE_INTR,      /* interrupts */
    NYX_AMD_RANGE_HT_INTR,   /* the same in HyperTransport's form */
    NYX_AMD_RANGE_SYSMGT,
    NYX_AMD_RANGE_PORT_IO,
    NYX_AMD_RANGE_RESERVED,
} NyxAmdRange;

NyxAmdRange nyx_amd_range(const NyxAmd *amd, uint64_t addr);
/*
 * log2 of the largest block around @addr, at most @lg2, that has none of the
 * ranges in it; 12 within one.
 */
uint8_t nyx_amd_range_clip(const NyxAmd *amd, uint64_t addr, uint8_t lg2);

/* invalidate.c: what the commands drop */
typedef struct NyxAmdPages {
    uint16_t did;
    bool gn;
    uint32_t pasid;          /* if gn */
    bool tables;             /* PDE */
    uint64_t first;
    uint64_t last;
    uint8_t lg2;             /* 64: everything */
} NyxAmdPages;

/* The range of S and an address (2.4.3). */
void nyx_amd_command_range(uint64_t addr, bool s, uint64_t *first,
                           uint64_t *last, uint8_t *lg2);
void nyx_amd_inv_pages(NyxAmd *amd, const NyxAmdPages *pages);
void nyx_amd_inv_devtab(NyxAmd *amd, uint16_t sid);
void nyx_amd_inv_all(NyxAmd *amd);
/* Consumers that keep translations forget all of them. */
void nyx_amd_notify_all(NyxAmd *amd);
/* Everything, for reset and load; no consumer is told. */
void nyx_amd_caches_clear(NyxAmd *amd);

/* intremap.c */
void nyx_amd_inv_int_dte(NyxAmd *amd, uint16_t sid);
void nyx_amd_inv_irt(NyxAmd *amd, uint16_t sid);
void nyx_amd_inv_int_all(NyxAmd *amd);
/* A part of nyx_amd_caches_clear(). */
void nyx_amd_int_caches_clear(NyxAmd *amd);

/* An entry of 32 or, if @wide, 128 bits as two words; false if not RAM. */
bool nyx_amd_interrupt_entry_read(const NyxMem *mem, uint64_t addr, bool wide,
                                  uint64_t irte[2]);

/* vapic.c */
/*
 * Set the bit of @vector in the requests of the backing page @page; *@first
 * says whether no request was pending before.  *@addr is the address of the
 * bit's word.  False if it is not RAM, or others keep changing it.
 */
bool nyx_amd_vapic_request(const NyxMem *mem, uint64_t page, uint8_t vector,
                           bool *first, uint64_t *addr);

/* dump.c: what memory says, whatever is cached; on the serialized side */
/* The entries for requests of a device without a PASID, or with one. */
typedef struct NyxAmdEntries {
    uint16_t sid;
    uint64_t dte_addr;
    uint64_t dte[NAMD_DTE_WORDS];
    NyxAmdContext decoded;
    bool has_pasid;
    uint32_t pasid;          /* the first, of a table that cannot be used */
    uint64_t gcr3;           /* the last entry, if has_pasid */
    NyxAmdFaultCode code;    /* why they cannot be used */
} NyxAmdEntries;

typedef void NyxAmdEntriesVisit(const NyxAmdEntries *entries, void *opaque);
/*
 * Visit what there is for @sid, first for requests without a PASID; false if
 * there is no room for the rest.
 */
bool nyx_amd_dump_entries(NyxAmd *amd, uint16_t sid, NyxDumpRoom *room,
                          NyxAmdEntriesVisit *visit, void *opaque);
/* Whether the entries have tables: the guest's for a PASID, or the host's. */
bool nyx_amd_dump_has_tables(const NyxAmdEntries *entries);
/*
 * Visit their mappings.  Those of a PASID lead to the guest's addresses if
 * the device has host tables, through which the guest's are read then.
 */
bool nyx_amd_dump_mappings(NyxAmd *amd, const NyxAmdEntries *entries,
                           NyxDumpRoom *room, NyxLeafVisit *visit,
                           void *opaque);
/* @words: one, or two of an entry of 128 bits */
typedef void NyxAmdInterruptVisit(unsigned index, const uint64_t *words,
                                  unsigned n, void *opaque);
/* Visit the entries with RemapEn = 1 of the device's interrupt table. */
bool nyx_amd_dump_interrupts(NyxAmd *amd, const NyxAmdEntries *entries,
                             NyxDumpRoom *room, NyxAmdInterruptVisit *visit,
                             void *opaque);

/* pages.c: all on the serialized side */
/* Handle page requests that other threads have left. */
void nyx_amd_pages_drain(NyxAmd *amd);
/* Everything that other threads have left. */
void nyx_amd_catch_up(NyxAmd *amd);
/* COMPLETE_PPR_REQUEST, or an answer of our own. */
void nyx_amd_page_respond(NyxAmd *amd, const NyxAmdPageResponse *response,
                          bool own);

/* announce.c: all on the serialized side */
void nyx_amd_announce_init(NyxAmd *amd);
/* INVALIDATE_DEVTAB_ENTRY, and INVALIDATE_IOMMU_ALL. */
void nyx_amd_announce_devtab(NyxAmd *amd, uint16_t sid);
void nyx_amd_announce_all(NyxAmd *amd);

/* saved.c: NULL, or why this cannot be our state */
const char *nyx_amd_saved_error(const NyxAmd *amd, const NyxAmdSaved *saved);

#endif
