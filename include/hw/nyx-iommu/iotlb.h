/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOTLB of one requester: translations, read without a lock.
 *
 * An entry is valid while its generation equals the one the caller passes,
 * so dropping a domain or everything is one increment by the caller.  Page
 * ranges are dropped by looking at the places where their pages can be.
 *
 * A fill races with invalidations of the same requester.  The protocol:
 * take a ticket and sample the generation, walk the tables, insert with both;
 * the insert is refused if a range invalidation came between, and the entry
 * is stale at birth if a generation moved.
 */
#ifndef HW_NYX_IOMMU_IOTLB_H
#define HW_NYX_IOMMU_IOTLB_H

#include "hw/nyx-iommu/cache.h"

/*
 * Address-space tag of an entry: domain in bits 15:0, PASID in 35:16, whether
 * there is a PASID in bit 36, and whether it is for privileged requests in 37.
 */
typedef uint64_t NyxAsid;

#define NYX_ASID(did) ((NyxAsid)(uint16_t)(did))
#define NYX_ASID_HAS_PASID  (1ULL << 36)
#define NYX_ASID_PRIVILEGED (1ULL << 37)
#define NYX_ASID_PASID(did, pasid) \
    (NYX_ASID(did) | (NyxAsid)(pasid) << 16 | NYX_ASID_HAS_PASID)
#define NYX_ASID_NONE UINT64_MAX

typedef struct NyxIotlb NyxIotlb;

typedef struct NyxIotlbEntry {
    uint64_t iova;           /* aligned to lg2 */
    uint64_t addr;           /* aligned to lg2 */
    uint8_t lg2;             /* 12 to 63 */
    uint8_t permission;      /* NyxAccess bits; zero: known not present */
} NyxIotlbEntry;

typedef struct NyxIotlbStats {
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions;
    uint64_t dropped;
    uint64_t refused;        /* fills that lost against an invalidation */
} NyxIotlbStats;

NyxIotlb *nyx_iotlb_new(const NyxCacheCfg *cfg);
void nyx_iotlb_free(NyxIotlb *tlb);

/**
 * nyx_iotlb_lookup: find the translation that covers @iova.
 * Callable from any thread at any time, takes no lock in the `hardware` and
 * `off` tempers.
 */
bool nyx_iotlb_lookup(NyxIotlb *tlb, uint64_t iova, NyxAsid asid,
                      uint32_t gen, NyxIotlbEntry *entry);

/* First step of a fill; the value goes to nyx_iotlb_insert(). */
uint32_t nyx_iotlb_ticket(const NyxIotlb *tlb);

/* Last step of a fill; false if an invalidation came between. */
bool nyx_iotlb_insert(NyxIotlb *tlb, uint32_t ticket, NyxAsid asid,
                      uint32_t gen, const NyxIotlbEntry *entry);

/**
 * nyx_iotlb_drop_range: drop every entry of @asid that overlaps
 * [@first, @last].  Entries of generations other than @gen are dead already.
 * Costs the pages named or the entries held, whichever is less.
 */
void nyx_iotlb_drop_range(NyxIotlb *tlb, NyxAsid asid, uint32_t gen,
                          uint64_t first, uint64_t last);

/* Drop everything, for reset and when a generation counter wraps. */
void nyx_iotlb_clear(NyxIotlb *tlb);

NyxIotlbStats nyx_iotlb_stats(NyxIotlb *tlb);

/* Add @part to @sum. */
void nyx_iotlb_stats_add(NyxIotlbStats *sum, const NyxIotlbStats *part);

typedef void NyxIotlbVisit(const NyxIotlbEntry *entry, NyxAsid asid,
                           uint32_t gen, void *opaque);

/*
 * Call @visit for every entry held, stale generations included.  @visit does
 * not use @tlb.
 */
void nyx_iotlb_foreach(NyxIotlb *tlb, NyxIotlbVisit *visit, void *opaque);

#endif
