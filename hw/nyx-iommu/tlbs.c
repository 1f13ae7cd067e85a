/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generations of translations, and the caches of a requester.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/tlbs.h"

/* Table addresses that a requester's paging-structure cache holds. */
#define PAGING_ENTRIES 1024

void nyx_tags_init(NyxTags *tags)
{
    *tags = (NyxTags) {
        .domain_gen = g_new0(uint32_t, NYX_TAGS_DOMAINS),
        .pasid_gen = g_new0(uint32_t, NYX_TAGS_PASID_GENS),
        .use = g_new0(NyxDomainUse, NYX_TAGS_DOMAINS),
    };
    pthread_mutex_init(&tags->use_lock, NULL);
}

void nyx_tags_destroy(NyxTags *tags)
{
    g_free(tags->domain_gen);
    g_free(tags->pasid_gen);
    g_free(tags->use);
    pthread_mutex_destroy(&tags->use_lock);
}

bool nyx_tags_use(NyxTags *tags, uint16_t did, uint64_t root)
{
    uint32_t gen = nyx_tags_gen(tags, NYX_ASID(did));
    NyxDomainUse *use = &tags->use[did];
    bool other;

    pthread_mutex_lock(&tags->use_lock);
    other = use->root && use->gen == gen && use->root != root;
    *use = (NyxDomainUse) { root, gen };
    pthread_mutex_unlock(&tags->use_lock);
    return !other;
}

static bool move_on(NyxTags *tags, uint32_t *gen)
{
    qatomic_store_release(gen, *gen + 1);
    if (++tags->bumps < 1u << 31) {
        return false;
    }
    tags->bumps = 0;
    return true;
}

bool nyx_tags_drop_all(NyxTags *tags)
{
    return move_on(tags, &tags->global_gen);
}

bool nyx_tags_drop_domain(NyxTags *tags, uint16_t did)
{
    return move_on(tags, &tags->domain_gen[did]);
}

bool nyx_tags_drop_pasid(NyxTags *tags, NyxAsid asid)
{
    return move_on(tags, nyx_tags_pasid_gen(tags, asid));
}

void nyx_tlbs_init(NyxTlbs *tlbs, NyxCacheTemper temper, uint64_t seed,
                   uint32_t entries)
{
    const NyxCacheCfg leaves = {
        .temper = temper,
        .entries = entries,
        .ways = 4,
        .sticky_max = 1 << 20,
        .seed = seed,
    };
    const NyxCacheCfg tables = {
        .temper = temper,
        .entries = PAGING_ENTRIES,
        .ways = 4,
        .sticky_max = 1 << 16,
        .seed = seed,
    };

    *tlbs = (NyxTlbs) {
        .tlb = nyx_iotlb_new(&leaves),
        .tables = nyx_iotlb_new(&tables),
    };
}

void nyx_tlbs_destroy(NyxTlbs *tlbs)
{
    nyx_iotlb_free(tlbs->tables);
    nyx_iotlb_free(tlbs->tlb);
}

void nyx_tlbs_clear(NyxTlbs *tlbs)
{
    nyx_iotlb_clear(tlbs->tables);
    nyx_iotlb_clear(tlbs->tlb);
}

void nyx_tlbs_drop_pages(NyxTlbs *tlbs, const NyxTags *tags, NyxAsid asid,
                         uint64_t first, uint64_t last, bool leaf_only)
{
    uint32_t gen = nyx_tags_gen(tags, asid);

    if (!(qatomic_read(&tlbs->domains) & NYX_DOMAIN_BIT((uint16_t)asid))) {
        return;
    }
    /*
     * Tables first: a walk that starts from one that is about to go has its
     * ticket for the IOTLB already, and is refused there.
     */
    if (!leaf_only) {
        nyx_iotlb_drop_range(tlbs->tables, asid, gen, first, last);
    }
    nyx_iotlb_drop_range(tlbs->tlb, asid, gen, first, last);
    if (asid & NYX_ASID_HAS_PASID) {
        nyx_iotlb_drop_range(tlbs->tlb, asid | NYX_ASID_PRIVILEGED, gen,
                             first, last);
    }
}
