/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VT-d unit with a fake machine around it: guest memory, recording
 * callbacks, builders of tables and descriptors.
 *
 * Nothing here uses the model's field macros: bits are typed from the
 * specification, so that a wrong position in the model shows.
 */
#ifndef TESTS_UNIT_VTD_FIXTURE_H
#define TESTS_UNIT_VTD_FIXTURE_H

#include "hw/nyx-vtd/engine.h"
#include "fixture.h"

/*
 * Where the entry for @iova is in the table of @level (1 is the page's) of
 * second-stage tables with @levels levels at @root.  Tables on the way are
 * made, with read and write permission.
 */
uint64_t fx_mem_ss_entry(FxMem *mem, uint64_t root, unsigned levels,
                         uint64_t iova, unsigned level);

/* --- The unit ------------------------------------------------------------- */

/* Source-id of the default requester: 00:02.0. */
#define FX_SID 0x0010
#define FX_DID 7

typedef struct FxUnmapped {
    NyxVtdRequester *r;
    uint64_t iova;
    uint8_t lg2;
} FxUnmapped;

typedef struct FxIec {
    bool global;
    uint32_t index;
    uint32_t count;
} FxIec;

#define FX_EVENT_KINDS 24

typedef struct Fx {
    NyxVtdCfg cfg;
    NyxVtd *vtd;
    NyxVtdRequester *r;
    FxMem mem;

    pthread_t serial;        /* the thread whose calls are serialized */
    bool elsewhere;          /* the calls that follow are another thread's */
    int64_t now;
    NyxVtdAtsAnswer ats_answer;
    /* When set, sees each message before it is recorded. */
    void (*on_message)(struct Fx *f);
    unsigned on_message_arg;

    bool send;               /* what the last interrupt asked for */
    /* Consumers of mappings, when set. */
    void (*on_map)(struct Fx *f, NyxVtdRequester *r, const NyxBlock *block);
    void (*on_unmap)(struct Fx *f, NyxVtdRequester *r, uint64_t first,
                     uint64_t last, const NyxBlock *only);
    bool unmap_each;         /* each mapping is taken away by itself */
    void (*on_direct_changed)(struct Fx *f, NyxVtdRequester *r);
    void (*on_mode_changed)(struct Fx *f);
    /* FX_SID for all unless set. */
    bool (*sid_of)(struct Fx *f, NyxVtdRequester *r, uint16_t *sid);
    void *opaque;            /* of the test's */
    unsigned map_events;
    unsigned unmap_events;
    unsigned direct_changes;

    unsigned kicks;          /* atomic */
    unsigned mode_changes;
    unsigned finding_calls;  /* atomic */
    GArray *messages;        /* FxMessage */
    GArray *unmapped;        /* FxUnmapped */
    GArray *devtlb;          /* NyxVtdDeviceTlb */
    GArray *iec;             /* FxIec */
    GArray *responses;       /* NyxVtdPageResponse */
    bool response_unexpected;    /* what the endpoint says to them */
    /* When set, sees each response before it is recorded. */
    void (*on_response)(struct Fx *f);
    unsigned events[FX_EVENT_KINDS];          /* atomic */
    pthread_mutex_t lock;
    NyxVtdEvent last_event[FX_EVENT_KINDS];

    uint64_t root;           /* root table */
    uint64_t queue;          /* invalidation queue, and its bytes */
    uint64_t queue_size;
    uint64_t tail;
    bool wide;               /* 256-bit descriptors */
    uint64_t irt;            /* interrupt remapping table */
} Fx;

/* What the tests use unless they say otherwise: everything on, CM off. */
NyxVtdCfg fx_cfg(void);
/* NULL: fx_cfg(). */
Fx *fx_new(const NyxVtdCfg *cfg);
void fx_free(Fx *f);
/* Run kicked work to its end; fails the test if it has none. */
void fx_settle(Fx *f);
/* Forget recorded calls, findings and kicks. */
void fx_forget(Fx *f);

uint32_t fx_read32(Fx *f, uint32_t offset);
uint64_t fx_read64(Fx *f, uint32_t offset);
void fx_write32(Fx *f, uint32_t offset, uint32_t value);
void fx_write64(Fx *f, uint32_t offset, uint64_t value);

uint64_t fx_findings(Fx *f, NyxVtdRule rule);
/* Of all rules. */
uint64_t fx_all_findings(Fx *f);

/* --- Commands ------------------------------------------------------------- */

/* GCMD write that changes one bit and carries the enables, as drivers do. */
void fx_gcmd(Fx *f, unsigned bit, bool on);
/* Latch f->root with this translation table mode, flush everything. */
void fx_root_latch(Fx *f, unsigned ttm);
/* Latch the root in legacy mode and enable translation. */
void fx_start(Fx *f);
void fx_flush_context_global(Fx *f);
void fx_flush_iotlb_global(Fx *f);
/* Register-based page invalidation. */
void fx_flush_pages(Fx *f, uint16_t did, uint64_t iova, unsigned am, bool ih);

/* Enable a queue of 2^qs pages. */
void fx_queue_start(Fx *f, unsigned qs);
/* The same with 256-bit descriptors. */
void fx_queue_start_wide(Fx *f, unsigned qs);
/* Put a descriptor at the tail; the unit is not told. */
void fx_desc(Fx *f, uint64_t lo, uint64_t hi);
void fx_ring(Fx *f);
/* Both, and whatever is kicked. */
void fx_submit(Fx *f, uint64_t lo, uint64_t hi);

/* Latch a table of 2^(s + 1) entries, flush the cache, enable remapping. */
void fx_ir_start(Fx *f, unsigned s, bool eime);
void fx_irte(Fx *f, unsigned index, uint64_t lo, uint64_t hi);

/* --- Tables --------------------------------------------------------------- */

void fx_root_entry(Fx *f, unsigned bus, uint64_t lo, uint64_t hi);
/* Address of a context entry; its table is made if it is not there. */
uint64_t fx_context_addr(Fx *f, uint16_t sid);
void fx_context(Fx *f, uint16_t sid, uint64_t lo, uint64_t hi);
/* Context words: 1 P, 2 FPD, 3:2 TT; 66:64 AW, 87:72 DID. */
uint64_t fx_context_lo(uint64_t ssptptr, unsigned tt, bool fpd);
uint64_t fx_context_hi(unsigned levels, uint16_t did);
/* A new, empty domain for @sid; returns its top table. */
uint64_t fx_domain(Fx *f, uint16_t sid, uint16_t did, unsigned levels);
/* Address of an entry, as fx_mem_ss_entry(). */
uint64_t fx_entry(Fx *f, uint64_t ss, unsigned levels, uint64_t iova,
                  unsigned level);
/* Map 2^lg2 bytes (12, 21 or 30); @rw is bits 1:0 of the leaf. */
void fx_map(Fx *f, uint64_t ss, unsigned levels, uint64_t iova, uint64_t gpa,
            unsigned lg2, unsigned rw);
/* fx_new(), fx_domain(FX_SID, FX_DID), fx_start(). */
Fx *fx_new_domain(const NyxVtdCfg *cfg, unsigned levels, uint64_t *ss);

/* --- Requests ------------------------------------------------------------- */

NyxReply fx_request(Fx *f, NyxRequestType type, unsigned access,
                    uint64_t iova);
/* Untranslated; the address it goes to, or FX_REFUSED. */
#define FX_REFUSED UINT64_MAX
uint64_t fx_dma(Fx *f, unsigned access, uint64_t iova);

typedef struct FxRecord {
    bool valid;
    uint64_t lo;
    uint64_t hi;
} FxRecord;

FxRecord fx_record(Fx *f, unsigned i);
/* What a driver does: the record at FRI is read and cleared. */
FxRecord fx_take_fault(Fx *f);
/* The reason of the oldest record, which is cleared; 0 if there is none. */
unsigned fx_take_code(Fx *f);
/* Clear every record and every status bit. */
void fx_clear_faults(Fx *f);

/* An interrupt request; returns the fault code. */
unsigned fx_interrupt(Fx *f, uint16_t sid, uint64_t addr, uint32_t data,
                      FxMessage *msg);
/* A remappable request for an index, without a subhandle. */
uint64_t fx_irq_addr(unsigned index);

#endif
