/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an IOMMU remembers of translations: the generations of its domains and
 * PASIDs, shared by all requesters, and each requester's IOTLB and cache of
 * table addresses.
 *
 * A look-up or a walk runs in any thread; drops are serialized by the caller.
 */
#ifndef HW_NYX_IOMMU_TLBS_H
#define HW_NYX_IOMMU_TLBS_H

#include "qemu/atomic.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/iotlb.h"

#define NYX_TAGS_DOMAINS    65536
#define NYX_TAGS_PASID_GENS 4096

/* Which tables a domain id was last seen with. */
typedef struct NyxDomainUse {
    uint64_t root;
    uint32_t gen;            /* when it was seen: a flush changes it */
} NyxDomainUse;

/* All of it atomic, but what is behind the lock. */
typedef struct NyxTags {
    uint32_t global_gen;
    uint32_t *domain_gen;
    uint32_t *pasid_gen;     /* some PASIDs share one */
    uint32_t bumps;          /* until all entries must really be cleared */
    uint32_t page_invalidations;
    uint64_t nested_domains; /* NYX_DOMAIN_BIT of those seen nesting */
    pthread_mutex_t use_lock;
    NyxDomainUse *use;       /* by domain */
} NyxTags;

void nyx_tags_init(NyxTags *tags);
void nyx_tags_destroy(NyxTags *tags);

/*
 * Drop everything, a domain with all its PASIDs, or a PASID of a domain.
 * True once in a long while: before a generation comes round, the caller has
 * to clear every requester (nyx_tlbs_clear()).
 */
bool nyx_tags_drop_all(NyxTags *tags);
bool nyx_tags_drop_domain(NyxTags *tags, uint16_t did);
bool nyx_tags_drop_pasid(NyxTags *tags, NyxAsid asid);

/*
 * Somebody uses the tables at @root with domain @did.  False if since the
 * domain was last dropped somebody has used others: their translations are
 * mixed up.
 */
bool nyx_tags_use(NyxTags *tags, uint16_t did, uint64_t root);

static inline uint32_t *nyx_tags_pasid_gen(const NyxTags *tags, NyxAsid asid)
{
    uint64_t id = asid & ~NYX_ASID_PRIVILEGED;

    return &tags->pasid_gen[(id ^ id >> 16) % NYX_TAGS_PASID_GENS];
}

/* Generation that a live entry of @asid carries. */
static inline uint32_t nyx_tags_gen(const NyxTags *tags, NyxAsid asid)
{
    uint32_t gen = qatomic_load_acquire(&tags->global_gen) +
                   qatomic_load_acquire(&tags->domain_gen[asid & 0xffff]);

    if (asid & NYX_ASID_HAS_PASID) {
        gen += qatomic_load_acquire(nyx_tags_pasid_gen(tags, asid));
    }
    return gen;
}

/*
 * A requester has a bit for each domain whose tables it has walked, so that
 * an invalidation of another domain can pass it by.  Ids share the bits.
 */
#define NYX_DOMAIN_BIT(did) BIT_ULL((did) % 64)

typedef struct NyxTlbs {
    NyxIotlb *tlb;           /* leaves */
    NyxIotlb *tables;        /* paging-structure cache: table addresses */
    uint64_t domains;        /* atomic; NYX_DOMAIN_BIT of those walked */
} NyxTlbs;

void nyx_tlbs_init(NyxTlbs *tlbs, NyxCacheTemper temper, uint64_t seed,
                   uint32_t entries);
void nyx_tlbs_destroy(NyxTlbs *tlbs);
void nyx_tlbs_clear(NyxTlbs *tlbs);

/**
 * nyx_tlbs_enter: before a walk reads anything: the domain is in use.
 * @nested: its second stage is behind a first one
 *
 * An invalidation that does not see it comes before the reads (the atomic
 * operation is a barrier here, nyx_tags_pages() is one there).
 */
static inline void nyx_tlbs_enter(NyxTlbs *tlbs, NyxTags *tags, uint16_t did,
                                  bool nested)
{
    uint64_t bit = NYX_DOMAIN_BIT(did);

    if (!(qatomic_read(&tlbs->domains) & bit)) {
        qatomic_or(&tlbs->domains, bit);
    }
    if (nested && !(qatomic_read(&tags->nested_domains) & bit)) {
        qatomic_or(&tags->nested_domains, bit);
    }
}

/*
 * Before pages are dropped of the requesters: a barrier between software's
 * writes to its tables and our look at their domains (an atomic operation,
 * because the thread sanitizer knows no fences).
 */
static inline void nyx_tags_pages(NyxTags *tags)
{
    qatomic_inc(&tags->page_invalidations);
}

/*
 * Whether pages of the domain's second stage are a part of nested
 * translations: those are known by what comes before the first stage, so
 * that all of the domain has to go.
 */
static inline bool nyx_tags_nests(const NyxTags *tags, uint16_t did)
{
    return qatomic_read(&tags->nested_domains) & NYX_DOMAIN_BIT(did);
}

/**
 * nyx_tlbs_drop_pages: drop what overlaps [@first, @last].
 * @asid: NYX_ASID() of a domain, or NYX_ASID_PASID(), which stands for
 *        privileged requests as well
 * @leaf_only: tables have not changed
 */
void nyx_tlbs_drop_pages(NyxTlbs *tlbs, const NyxTags *tags, NyxAsid asid,
                         uint64_t first, uint64_t last, bool leaf_only);

#endif
