/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An AMD-Vi IOMMU with a fake machine around it: guest memory, recording
 * callbacks, builders of tables and commands.
 *
 * Nothing here uses the model's field macros: bits are typed from the
 * specification, so that a wrong position in the model shows.
 */
#ifndef TESTS_UNIT_AMD_FIXTURE_H
#define TESTS_UNIT_AMD_FIXTURE_H

#include "hw/nyx-amdvi/engine.h"
#include "fixture.h"

/* Device id of the default requester: 00:02.0. */
#define AX_SID 0x0010
#define AX_DID 7

/* Registers that nearly every test needs. */
#define AX_DEVTAB   0x0000
#define AX_CMDBASE  0x0008
#define AX_EVTBASE  0x0010
#define AX_CONTROL  0x0018
#define AX_PPRBASE  0x0038
#define AX_GABASE   0x00e0
#define AX_CMDHEAD  0x2000
#define AX_CMDTAIL  0x2008
#define AX_EVTHEAD  0x2010
#define AX_EVTTAIL  0x2018
#define AX_STATUS   0x2020
#define AX_PPRHEAD  0x2030
#define AX_PPRTAIL  0x2038
#define AX_GAHEAD   0x2040
#define AX_GATAIL   0x2048

/* Control */
#define AX_IOMMUEN      (1ULL << 0)
#define AX_EVENTLOGEN   (1ULL << 2)
#define AX_EVENTINTEN   (1ULL << 3)
#define AX_COMWAITINTEN (1ULL << 4)
#define AX_CMDBUFEN     (1ULL << 12)
#define AX_PPRLOGEN     (1ULL << 13)
#define AX_PPRINTEN     (1ULL << 14)
#define AX_PPREN        (1ULL << 15)
#define AX_GTEN         (1ULL << 16)
#define AX_GAEN         (1ULL << 17)
#define AX_GAMEN        (1ULL << 25)
#define AX_GALOGEN      (1ULL << 28)
#define AX_GAINTEN      (1ULL << 29)
#define AX_XTEN         (1ULL << 50)
#define AX_INTCAPXTEN   (1ULL << 51)

/* Status */
#define AX_EVENTOVERFLOW (1u << 0)
#define AX_EVENTLOGINT  (1u << 1)
#define AX_COMWAITINT   (1u << 2)
#define AX_EVENTLOGRUN  (1u << 3)
#define AX_CMDBUFRUN    (1u << 4)
#define AX_PPROVERFLOW  (1u << 5)
#define AX_PPRINT       (1u << 6)
#define AX_PPRLOGRUN    (1u << 7)
#define AX_GALOGRUN     (1u << 8)
#define AX_GALOVERFLOW  (1u << 9)
#define AX_GAINT        (1u << 10)
#define AX_PPROVERFLOWB (1u << 11)
#define AX_PPRLOGACTIVE (1u << 12)
#define AX_EVENTOVERFLOWB (1u << 15)
#define AX_EVENTLOGACTIVE (1u << 16)
#define AX_PPREARLYB    (1u << 17)
#define AX_PPREARLY     (1u << 18)

typedef struct AxUnmapped {
    NyxAmdRequester *r;
    uint64_t iova;
    uint8_t lg2;
} AxUnmapped;

typedef struct AxIrt {
    bool global;
    uint16_t sid;
} AxIrt;

typedef struct AxEvent {
    bool valid;
    uint64_t lo;
    uint64_t hi;
} AxEvent;

#define AX_TRACE_KINDS 24

typedef struct Ax {
    NyxAmdCfg cfg;
    NyxAmd *amd;
    NyxAmdRequester *r;
    FxMem mem;

    pthread_t serial;        /* the thread whose calls are serialized */
    bool elsewhere;          /* the calls that follow are another thread's */
    int64_t now;
    NyxAmdAtsAnswer ats_answer;
    bool send;               /* what the last interrupt asked for */
    void *opaque;            /* of the test's */

    /* When set, they see what comes before it is recorded. */
    void (*on_message)(struct Ax *f);
    void (*on_signal)(struct Ax *f);
    void (*on_device_tlb)(struct Ax *f);
    void (*on_response)(struct Ax *f);
    /* Consumers of mappings, when set. */
    void (*on_map)(struct Ax *f, NyxAmdRequester *r, const NyxBlock *block);
    void (*on_unmap)(struct Ax *f, NyxAmdRequester *r, uint64_t first,
                     uint64_t last, const NyxBlock *only);
    bool unmap_each;         /* each mapping is taken away by itself */
    void (*on_direct_changed)(struct Ax *f, NyxAmdRequester *r);
    void (*on_mode_changed)(struct Ax *f);
    /* AX_SID for all unless set. */
    bool (*sid_of)(struct Ax *f, NyxAmdRequester *r, uint16_t *sid);

    unsigned kicks;          /* atomic */
    unsigned mode_changes;
    unsigned target_aborts;  /* atomic */
    unsigned finding_calls;  /* atomic */
    unsigned map_events;
    unsigned unmap_events;
    unsigned direct_changes;
    GArray *messages;        /* FxMessage: to the APICs */
    GArray *signals;         /* unsigned: by the MSI capability */
    GArray *unmapped;        /* AxUnmapped */
    GArray *irt;             /* AxIrt */
    GArray *devtlb;          /* NyxAmdDeviceTlb */
    GArray *responses;       /* NyxAmdPageResponse */
    bool response_unexpected;    /* what the endpoint says to them */
    uint32_t msi[5];         /* the MSI capability in configuration space */
    unsigned traces[AX_TRACE_KINDS];          /* atomic */
    pthread_mutex_t lock;
    NyxAmdTrace last_trace[AX_TRACE_KINDS];

    uint64_t devtab;         /* 65536 entries */
    uint64_t commands;       /* command buffer, and its bytes */
    uint64_t commands_size;
    uint64_t tail;
    uint64_t events;         /* event log, and its bytes */
    uint64_t events_size;
} Ax;

/* What the tests use unless they say otherwise: everything, NpCache off. */
NyxAmdCfg ax_cfg(void);
/* NULL: ax_cfg(). */
Ax *ax_new(const NyxAmdCfg *cfg);
void ax_free(Ax *f);
/* Run kicked work to its end; fails the test if it has none. */
void ax_settle(Ax *f);
/* Forget recorded calls, findings and kicks. */
void ax_forget(Ax *f);

uint32_t ax_read32(Ax *f, uint32_t offset);
uint64_t ax_read64(Ax *f, uint32_t offset);
void ax_write32(Ax *f, uint32_t offset, uint32_t value);
void ax_write64(Ax *f, uint32_t offset, uint64_t value);

uint64_t ax_findings(Ax *f, NyxAmdRule rule);
/* Of all rules. */
uint64_t ax_all_findings(Ax *f);

/* --- Set up --------------------------------------------------------------- */

void ax_control_set(Ax *f, uint64_t bits);
void ax_control_clear(Ax *f, uint64_t bits);
/* A base register's value: Len is the power of two of the entries. */
uint64_t ax_ring(uint64_t base, unsigned len);
/* New buffers of 2^len entries, pointers zero; not enabled. */
void ax_commands_init(Ax *f, unsigned len);
void ax_events_init(Ax *f, unsigned len);
/*
 * The device table of all ids (entries zero), a command buffer and an event
 * log of 512 entries; all enabled, and IommuEn.
 */
void ax_start(Ax *f);
/* ax_new(), ax_start(). */
Ax *ax_new_started(const NyxAmdCfg *cfg);

void ax_dte(Ax *f, uint16_t sid, uint64_t w0, uint64_t w1, uint64_t w2,
            uint64_t w3);

/* --- Commands ------------------------------------------------------------- */

/* Put a command at the tail; the IOMMU is not told. */
void ax_command(Ax *f, uint64_t lo, uint64_t hi);
void ax_doorbell(Ax *f);
/* Both, and whatever is kicked. */
void ax_submit(Ax *f, uint64_t lo, uint64_t hi);
/* COMPLETION_WAIT with a store; fails the test if nothing is stored. */
void ax_wait(Ax *f);
void ax_inv_devtab(Ax *f, uint16_t sid);
/* INVALIDATE_IOMMU_PAGES with PDE of 2^lg2 bytes; 64 is everything. */
void ax_inv_pages(Ax *f, uint16_t did, uint64_t addr, unsigned lg2);
void ax_inv_pages_gn(Ax *f, uint16_t did, uint32_t pasid, uint64_t addr,
                     unsigned lg2);
void ax_inv_irt(Ax *f, uint16_t sid);
void ax_inv_all(Ax *f);
/* The address of commands with S: 2^lg2 bytes at @addr, without S for 12. */
uint64_t ax_range(uint64_t addr, unsigned lg2);

/* --- Events --------------------------------------------------------------- */

/* What a driver does: the entry at the head is read, and the head moves. */
AxEvent ax_take_event(Ax *f);
/* The code of the oldest event, which is taken; 0 if there is none. */
unsigned ax_take_code(Ax *f);

/* --- Requests ------------------------------------------------------------- */

NyxReply ax_request(Ax *f, NyxRequestType type, unsigned access,
                    uint64_t iova);
/* Untranslated; the address it goes to, or AX_REFUSED. */
#define AX_REFUSED UINT64_MAX
uint64_t ax_dma(Ax *f, unsigned access, uint64_t iova);
/* An interrupt request; returns the fault code. */
unsigned ax_interrupt(Ax *f, uint16_t sid, uint64_t addr, uint32_t data,
                      FxMessage *msg);

#endif
