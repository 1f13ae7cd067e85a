/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The AMD-Vi engine: an IOMMU without QEMU.  It sees guest memory and the
 * outside through NyxAmdHost.
 *
 * Threads: nyx_amd_translate() and nyx_amd_page_request() may be called from
 * any thread at any time.  Everything else is serialized by the caller (QEMU's
 * big lock), and so are the callbacks that are not marked [any].  Events and
 * page requests of other threads are handed to the serialized side through
 * bounded rings.
 */
#ifndef HW_NYX_AMDVI_ENGINE_H
#define HW_NYX_AMDVI_ENGINE_H

#include "hw/nyx-iommu/blocks.h"
#include "hw/nyx-iommu/cache.h"
#include "hw/nyx-iommu/findings.h"
#include "hw/nyx-iommu/iotlb.h"
#include "hw/nyx-iommu/mem.h"
#include "hw/nyx-iommu/regfile.h"
#include "hw/nyx-iommu/request.h"
#include "hw/nyx-amdvi/codes.h"
#include "hw/nyx-amdvi/regs.h"

typedef struct NyxAmd NyxAmd;
typedef struct NyxAmdRequester NyxAmdRequester;

/* What the IOMMU is: constant after nyx_amd_new(). */
typedef struct NyxAmdCfg {
    uint8_t pa_bits;         /* 32 to 52: PAsize */
    uint8_t va_bits;         /* 32 to 64: VAsize */
    uint8_t host_levels;     /* HATS: 0 (none), 4, 5 or 6 */
    uint8_t guest_levels;    /* GATS: 0 (no GTSup), 4 or 5 */
    uint8_t glx;             /* GLXSup: GCR3 levels minus 1 */
    uint8_t pasid_bits;      /* PASmax + 1, with guest_levels: 1 to 20 */
    uint8_t segments_lg2;    /* DevTblSegSup: 0 to 3 */
    uint8_t dual_ppr;        /* DualPprLogSup: 0, 1 or 2 */
    uint8_t dual_event;
    uint8_t smi_filters_lg2; /* SmiFRC, if smi_filter */
    bool dma_remap;          /* false: no DMA request is ever translated */
    bool intremap;           /* false: no interrupt request is remapped */
    bool device_iotlb;       /* cap.IotlbSup */
    bool np_cache;           /* cap.NpCache */
    bool coherent;           /* reset value of Control.Coherent */
    bool prefetch;           /* PreFSup, and so on down to attr_fw */
    bool page_requests;
    bool xt;
    bool no_execute;
    bool gappi;
    bool invalidate_all;
    bool ga;
    bool hw_events;
    bool counters;
    bool smi_filter;
    bool vapic;              /* GAMSup */
    bool user_supervisor;
    bool ppr_early;
    bool ppr_auto;
    bool marc;
    bool block_stop_mark;
    bool perf_opt;
    bool msi_mmio;
    bool gio;
    bool host_accessed;
    bool host_dirty;
    bool eph;
    bool attr_fw;
    bool inv_iotlb_type;
    bool ga_update_dis;
    bool gcr3_trp;           /* EFR2 */
    bool gappi_dis;
    bool int_remap_2k;
    bool ht_range_ignore;
    bool irt_cache_dis;      /* control bit 59 */
    bool coalesce;           /* announce contiguous pages as one block */
    NyxCacheTemper cache;
    uint64_t cache_seed;
    uint32_t iotlb_entries;  /* per requester */
} NyxAmdCfg;

/* Answer of an endpoint to INVALIDATE_IOTLB_PAGES. */
typedef enum NyxAmdAtsAnswer {
    NYX_AMD_ATS_DONE,
    NYX_AMD_ATS_SILENT,      /* no completion in time, or one that is wrong */
} NyxAmdAtsAnswer;

/* A device-IOTLB invalidation, as it goes to the endpoint. */
typedef struct NyxAmdDeviceTlb {
    uint64_t addr;
    uint32_t pasid;          /* if has_pasid */
    uint16_t sid;
    uint8_t lg2;             /* of the range; 64 is everything */
    bool has_pasid;
} NyxAmdDeviceTlb;

/* A response to a page request group, as it goes to the endpoint. */
typedef struct NyxAmdPageResponse {
    uint32_t pasid;          /* if has_pasid */
    uint16_t sid;
    uint16_t group;
    uint8_t code;            /* PCIe: 0 success, 1 invalid, 15 failure */
    bool has_pasid;
} NyxAmdPageResponse;

/* What happened, for traces.  Fields not named stay zero. */
typedef enum NyxAmdTraceKind {
    NYX_AMD_EV_CONTROL,      /* a: value written, b: status after it */
    NYX_AMD_EV_COMMAND,      /* addr: of the command, a, b: its words */
    NYX_AMD_EV_COMMAND_STOP, /* addr: of the command, a: event code */
    NYX_AMD_EV_LOG,          /* addr: of the entry, a, b: its words */
    NYX_AMD_EV_LOST,         /* a, b: words of what had no place */
    NYX_AMD_EV_FAULT,        /* sid, addr, a: NyxAmdFaultCode, b: logged */
    NYX_AMD_EV_INTERRUPT,    /* sid, addr, a: data, b: index; remapped */
    NYX_AMD_EV_VAPIC,        /* sid, addr: backing page, a: vector, b: IsRun */
    NYX_AMD_EV_PAGE_REQUEST, /* sid, addr, a: first word of the entry */
    NYX_AMD_EV_PAGE_LOST,    /* the same; b: code of the response */
    NYX_AMD_EV_PAGE_RESPONSE, /* sid, a: PASID, b: code; addr: group */
    NYX_AMD_EV_SIGNAL,       /* a: message number, b: by XT register */
} NyxAmdTraceKind;

typedef struct NyxAmdTrace {
    NyxAmdTraceKind kind;
    uint16_t sid;
    uint64_t addr;
    uint64_t a;
    uint64_t b;
} NyxAmdTrace;

typedef struct NyxAmdHost {
    NyxMem mem;                                              /* [any] */
    void *opaque;
    /* Whether the calling thread is on the serialized side.  [any] */
    bool (*serialized)(void *opaque);
    /* Deliver an interrupt message to the APICs, not remapped. */
    void (*send_msi)(void *opaque, uint64_t addr, uint32_t data);
    /* Send message NAMD_MSG_* by the PCI function's MSI capability. */
    void (*signal)(void *opaque, unsigned message);
    /*
     * The MSI capability in configuration space, for its mirror in MMIO; at
     * 10h from it is the MSI mapping capability.
     */
    uint32_t (*msi_read)(void *opaque, unsigned offset);
    void (*msi_write)(void *opaque, unsigned offset, uint32_t value);
    /* An access was aborted: Signalled Target Abort of the function.  [any] */
    void (*target_abort)(void *opaque);
    /* nyx_amd_dma_checked(), or nyx_amd_requester_direct(), of anybody. */
    void (*mode_changed)(void *opaque);
    /* Interrupt entries of @sid (of everybody, if @global) may have changed. */
    void (*irt_changed)(void *opaque, bool global, uint16_t sid);
    /* [iova, iova + 2^lg2) of @r may have changed; lg2 64 is everything. */
    void (*unmapped)(void *opaque, NyxAmdRequester *r, uint64_t iova,
                     uint8_t lg2);
    /*
     * For those of nyx_amd_requester_follow().  [first, last] of @r holds no
     * mapping any more, and held at least one; none sticks out.  @only: the
     * mapping, if it was a single one.
     */
    void (*unmap)(void *opaque, NyxAmdRequester *r, uint64_t first,
                  uint64_t last, const NyxBlock *only);
    /* @block of @r is mapped, where nothing was. */
    void (*map)(void *opaque, NyxAmdRequester *r, const NyxBlock *block);
    /* Whether unmap() has to be called for each mapping.  NULL: no. */
    bool (*unmap_each)(void *opaque);
    /* nyx_amd_requester_direct() of @r has changed, and only that. */
    void (*direct_changed)(void *opaque, NyxAmdRequester *r);
    /* The requester id that @r has now; false if its bus is gone. */
    bool (*sid)(void *opaque, NyxAmdRequester *r, uint16_t *sid);
    NyxAmdAtsAnswer (*device_tlb)(void *opaque, const NyxAmdDeviceTlb *inv);
    /* False if the endpoint waits for no such response. */
    bool (*page_response)(void *opaque, const NyxAmdPageResponse *response);
    /* Call nyx_amd_continue() soon, from the main loop.  [any] */
    void (*kick)(void *opaque);
    void (*finding)(void *opaque, const NyxFinding *finding); /* [any] */
    int64_t (*now_ns)(void *opaque);                          /* [any] */
    void (*trace)(void *opaque, const NyxAmdTrace *trace);    /* [any] */
} NyxAmdHost;

/**
 * nyx_amd_cfg_error: why the combination of options cannot be, or NULL.
 * The string names the option and what to write instead.
 */
const char *nyx_amd_cfg_error(const NyxAmdCfg *cfg);

/* @cfg must have passed nyx_amd_cfg_error(). */
NyxAmd *nyx_amd_new(const NyxAmdCfg *cfg, const NyxAmdHost *host);
void nyx_amd_free(NyxAmd *amd);
const NyxAmdCfg *nyx_amd_cfg(const NyxAmd *amd);

/* Power-on state: registers, engines, caches. */
void nyx_amd_reset(NyxAmd *amd);

/* What MMIO 0x30 and 0x1a0, IVRS and the capability block say (3.2, 3.4). */
uint64_t nyx_amd_efr(const NyxAmdCfg *cfg);
uint64_t nyx_amd_efr2(const NyxAmdCfg *cfg);
uint32_t nyx_amd_cap_header(const NyxAmdCfg *cfg);   /* without NEXT */
uint32_t nyx_amd_cap_misc0(const NyxAmdCfg *cfg);
uint32_t nyx_amd_cap_misc1(const NyxAmdCfg *cfg);
/* Size of the MMIO block. */
uint32_t nyx_amd_mmio_size(const NyxAmdCfg *cfg);

/* One requester a (bus, devfn) that can issue DMA. */
NyxAmdRequester *nyx_amd_requester_new(NyxAmd *amd, void *opaque);
void nyx_amd_requester_free(NyxAmdRequester *r);
void *nyx_amd_requester_opaque(const NyxAmdRequester *r);
NyxAmd *nyx_amd_requester_iommu(const NyxAmdRequester *r);
/* Whether NyxAmdHost.unmapped is wanted for @r. */
void nyx_amd_requester_notify(NyxAmdRequester *r, bool on);
/* See nyx_vtd_requester_follow() and what comes after it; needs NpCache. */
void nyx_amd_requester_follow(NyxAmdRequester *r, bool on);
void nyx_amd_requester_expect(NyxAmdRequester *r, bool on);
bool nyx_amd_requester_direct(const NyxAmdRequester *r);
void nyx_amd_requester_replay(NyxAmdRequester *r, NyxBlockVisit *visit,
                              void *opaque);

/* Register accesses of software: any offset, sizes 1, 2, 4 and 8. */
uint64_t nyx_amd_mmio_read(NyxAmd *amd, uint64_t offset, unsigned size);
void nyx_amd_mmio_write(NyxAmd *amd, uint64_t offset, uint64_t value,
                        unsigned size);

/* Log what other threads have left, go on with a long command buffer. */
void nyx_amd_continue(NyxAmd *amd);

/* IommuEn, and with dma_remap: requests have to come to nyx_amd_translate(). */
bool nyx_amd_enabled(const NyxAmd *amd);
bool nyx_amd_dma_checked(const NyxAmd *amd);

/**
 * nyx_amd_translate: handle a request of @r, whose requester id is @sid now.
 * @req: untranslated, translation or translated request (2.1.4).
 *
 * Returns reply->ok.  A request that is refused has been reported.  An
 * untranslated request with access NYX_ACCESS_NONE only asks: it is never
 * reported, and its reply tells the permissions there are.
 */
bool nyx_amd_translate(NyxAmdRequester *r, uint16_t sid,
                       const NyxRequest *req, NyxReply *reply);

/**
 * nyx_amd_page_request: take a page request (type NYX_REQ_PAGE) of @r.
 *
 * Returns false if it was not taken, because too many of other threads are
 * on their way: the endpoint may send it again.
 */
bool nyx_amd_page_request(NyxAmdRequester *r, uint16_t sid,
                          const NyxRequest *req);

/**
 * nyx_amd_remap_interrupt: an interrupt request of @sid (2.1.2.1, 2.2.5).
 * Returns NAMD_FAULT_NONE with the message for the APICs in *@addr and
 * *@data, or why it was refused; a refused request has been reported.  If
 * *@send is false there is no message: the interrupt went to a virtual APIC.
 */
NyxAmdFaultCode nyx_amd_remap_interrupt(NyxAmd *amd, uint16_t sid,
                                        uint64_t *addr, uint32_t *data,
                                        bool *send);

/**
 * nyx_amd_route_interrupt: the same for a route that is to be kept, where no
 * interrupt has come yet, so that nothing is reported.  If *@send is false
 * no message can tell it.
 */
NyxAmdFaultCode nyx_amd_route_interrupt(NyxAmd *amd, uint16_t sid,
                                        uint64_t *addr, uint32_t *data,
                                        bool *send);

/* A mistake that only the glue can see. */
void nyx_amd_finding(NyxAmd *amd, NyxAmdRule rule, NyxWhere where);

NyxFindings *nyx_amd_findings(NyxAmd *amd);

/* The state that a guest can tell, for migration. */
#define NAMD_SAVED_REGS 0x2100          /* registers below the counters */
#define NAMD_SAVED_SUPPRESSED 1024      /* words: a bit for each device id */
#define NAMD_PC_FNS 6                   /* registers of a counter */

enum {
    NYX_AMD_SAVED_COMMAND_HALTED = 1 << 0,
    NYX_AMD_SAVED_EVENT_STOPPED = 1 << 1,
    NYX_AMD_SAVED_PPR_STOPPED = 1 << 2,
    NYX_AMD_SAVED_GA_STOPPED = 1 << 3,
    NYX_AMD_SAVED_ALL = (1 << 4) - 1,
};

typedef struct NyxAmdSaved {
    uint8_t regs[NAMD_SAVED_REGS];
    uint64_t counters[NAMD_PC_BANKS * NAMD_PC_COUNTERS * NAMD_PC_FNS];
    uint64_t locks[3];       /* of the counter banks */
    uint32_t flags;          /* NYX_AMD_SAVED_* */
    uint64_t suppressed[NAMD_SAVED_SUPPRESSED]; /* SE: one was logged */
} NyxAmdSaved;

/* What other threads have left since nyx_amd_continue() does not travel. */
void nyx_amd_save(NyxAmd *amd, NyxAmdSaved *saved);
/* NULL, or why @saved cannot be; nothing has been changed then. */
const char *nyx_amd_load(NyxAmd *amd, const NyxAmdSaved *saved);

/* Statistics. */
typedef struct NyxAmdStats {
    uint64_t commands[16];   /* by opcode */
    uint64_t command_errors;
    uint64_t events[16];     /* logged, by code */
    uint64_t events_lost;
    uint64_t events_suppressed;  /* SA, SE, IG, SupIOPF */
    uint64_t interrupts;     /* remapped */
    uint64_t passed_interrupts;
    uint64_t vapic_interrupts;
    uint64_t ga_entries;
    uint64_t messages;       /* of our own */
    uint64_t page_requests;  /* put into the log */
    uint64_t page_requests_refused;
    uint64_t page_requests_lost;
    uint64_t page_responses; /* of software */
    uint64_t page_responses_own;
    uint64_t counter_overflows;
    uint64_t map_events;     /* to consumers of mappings */
    uint64_t unmap_events;
    uint64_t shadow_tables;
    uint64_t shadows;
    uint64_t shadow_blocks;
    NyxCacheStats irt;       /* interrupt entries */
    NyxCacheStats int_dte;   /* halves of device table entries for these */
} NyxAmdStats;

typedef struct NyxAmdRequesterStats {
    uint16_t sid;            /* as last seen */
    uint64_t requests_refused;
    uint64_t walks;
    uint64_t walk_reads;     /* table entries read */
    NyxIotlbStats iotlb;
    NyxCacheStats dte;
    NyxCacheStats gcr3;
    NyxIotlbStats paging;    /* page directory cache */
} NyxAmdRequesterStats;

NyxAmdStats nyx_amd_stats(NyxAmd *amd);
NyxAmdRequesterStats nyx_amd_requester_stats(NyxAmdRequester *r);
/* Faults of requester @r (of all if NULL) for one reason. */
uint64_t nyx_amd_fault_count(NyxAmd *amd, NyxAmdRequester *r,
                             NyxAmdFaultCode code);
typedef void NyxAmdRequesterVisit(NyxAmdRequester *r, void *opaque);
void nyx_amd_foreach_requester(NyxAmd *amd, NyxAmdRequesterVisit *visit,
                               void *opaque);

/* Name, offset, size and value of each register, for dumps. */
typedef void NyxAmdRegVisit(const NyxReg *reg, uint64_t value, void *opaque);
void nyx_amd_foreach_register(NyxAmd *amd, NyxAmdRegVisit *visit,
                              void *opaque);

#endif
