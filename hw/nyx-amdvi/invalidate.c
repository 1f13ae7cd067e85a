/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the invalidation commands drop (2.4).  The commands themselves are in
 * command.c.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-amdvi/internal.h"

/* 2.4.3: with S, the lowest zero bit from 12 on is the highest in the range. */
void nyx_amd_command_range(uint64_t addr, bool s, uint64_t *first,
                           uint64_t *last, uint8_t *lg2)
{
    uint64_t mask;

    *lg2 = s ? MIN(13 + cto64(addr >> 12), 64) : 12;
    mask = MAKE_64BIT_MASK(0, *lg2);
    *first = addr & ~mask;
    *last = addr | mask;
}

static NyxAmdRequester *requester(const NyxAmd *amd, unsigned i)
{
    return g_ptr_array_index(amd->requesters, i);
}

static void notify(NyxAmdRequester *r, uint64_t first, uint8_t lg2)
{
    if (r->notify) {
        r->amd->host.unmapped(r->amd->host.opaque, r, first, lg2);
    }
}

void nyx_amd_notify_all(NyxAmd *amd)
{
    for (unsigned i = 0; i < amd->requesters->len; i++) {
        notify(requester(amd, i), 0, 64);
    }
}

/*
 * Whether requests without a PASID, which is what consumers make, are meant:
 * of a context that is not known nobody can tell.
 */
static bool context_meant(const NyxAmdRequester *r, const NyxAmdPages *pages)
{
    uint64_t word = qatomic_read(&r->ctx_word);

    if (!FIELD_EX64(word, NYX_AMDW, VALID)) {
        return true;
    }
    if (pages->gn) {
        return nyx_amd_word_asid(word) ==
               NYX_ASID_PASID(pages->did, pages->pasid);
    }
    return FIELD_EX64(word, NYX_AMDW, DID) == pages->did;
}

static void clear_requesters(NyxAmd *amd)
{
    for (unsigned i = 0; i < amd->requesters->len; i++) {
        nyx_tlbs_clear(&requester(amd, i)->tlbs);
    }
}

/* --- What a counter wants to know ----------------------------------------- */

typedef struct Live {
    const NyxTags *tags;
    uint64_t entries;
} Live;

static void count_live(const NyxIotlbEntry *entry, NyxAsid asid, uint32_t gen,
                       void *opaque)
{
    Live *live = opaque;

    live->entries += gen == nyx_tags_gen(live->tags, asid);
}

/* Translations that can be found, if somebody counts those that are dropped. */
static uint64_t live_entries(const NyxAmd *amd)
{
    Live live = { .tags = &amd->tags };

    if (!nyx_amd_perf_wanted(amd, NAMD_PERF_TLB_DROPPED)) {
        return 0;
    }
    for (unsigned i = 0; i < amd->requesters->len; i++) {
        nyx_iotlb_foreach(requester(amd, i)->tlbs.tlb, count_live, &live);
    }
    return live.entries;
}

/* @before: live_entries(); other threads may have added some since. */
static void count_dropped(NyxAmd *amd, uint64_t before)
{
    uint64_t now = before ? live_entries(amd) : 0;

    if (before > now) {
        nyx_amd_perf_count(amd, NAMD_PERF_TLB_DROPPED, before - now, 0,
                           NAMD_NO_DOMAIN, NAMD_NO_PASID);
    }
}

/* --- The commands --------------------------------------------------------- */

/* A generation moved; long before one can come round, really clear. */
static void gen_moved(NyxAmd *amd, bool comes_round)
{
    if (comes_round) {
        clear_requesters(amd);
    }
}

/*
 * All of a PASID: also the guest CR3, and so the tables below it.  The CR3
 * goes first: who has found it before has not got the new generation.
 */
static void drop_pasid(NyxAmd *amd, const NyxAmdPages *pages)
{
    for (unsigned i = 0; i < amd->requesters->len; i++) {
        nyx_amd_requester_drop_gcr3(requester(amd, i), pages->did,
                                    pages->pasid);
    }
    gen_moved(amd, nyx_tags_drop_pasid(&amd->tags,
                                       NYX_ASID_PASID(pages->did,
                                                      pages->pasid)));
}

static void drop_range(NyxAmd *amd, const NyxAmdPages *pages)
{
    NyxAsid asid = pages->gn ? NYX_ASID_PASID(pages->did, pages->pasid)
                             : NYX_ASID(pages->did);

    for (unsigned i = 0; i < amd->requesters->len; i++) {
        nyx_tlbs_drop_pages(&requester(amd, i)->tlbs, &amd->tags, asid,
                            pages->first, pages->last, !pages->tables);
    }
}

/*
 * Pages of the host's tables in nested translations cannot be found: those
 * are known by what comes before the guest's.  All of the domain goes then.
 */
void nyx_amd_inv_pages(NyxAmd *amd, const NyxAmdPages *pages)
{
    uint64_t live = live_entries(amd);
    bool everything = pages->lg2 == 64;
    uint64_t first = pages->first;
    uint8_t lg2 = pages->lg2;

    nyx_tags_pages(&amd->tags);
    if (pages->gn && everything) {
        drop_pasid(amd, pages);
    } else if (!pages->gn && nyx_tags_nests(&amd->tags, pages->did)) {
        gen_moved(amd, nyx_tags_drop_domain(&amd->tags, pages->did));
        first = 0;
        lg2 = 64;
    } else if (!pages->gn && everything && pages->tables) {
        gen_moved(amd, nyx_tags_drop_domain(&amd->tags, pages->did));
    } else {
        drop_range(amd, pages);
    }
    count_dropped(amd, live);
    for (unsigned i = 0; i < amd->requesters->len; i++) {
        NyxAmdRequester *r = requester(amd, i);

        if (context_meant(r, pages)) {
            notify(r, first, lg2);
        }
    }
    /* Consumers that have to know all follow nobody's guest tables. */
    if (!pages->gn) {
        nyx_announce_pages(amd->announce, false, pages->did, pages->first,
                           pages->last);
    }
}

void nyx_amd_inv_devtab(NyxAmd *amd, uint16_t sid)
{
    uint64_t live = live_entries(amd);

    for (unsigned i = 0; i < amd->requesters->len; i++) {
        NyxAmdRequester *r = requester(amd, i);

        if (nyx_amd_requester_drop_context(r, false, sid)) {
            notify(r, 0, 64);
        }
    }
    count_dropped(amd, live);
    nyx_amd_announce_devtab(amd, sid);
}

static void drop_contexts(NyxAmd *amd)
{
    for (unsigned i = 0; i < amd->requesters->len; i++) {
        nyx_amd_requester_drop_context(requester(amd, i), true, 0);
    }
}

void nyx_amd_inv_all(NyxAmd *amd)
{
    uint64_t live = live_entries(amd);

    drop_contexts(amd);
    gen_moved(amd, nyx_tags_drop_all(&amd->tags));
    count_dropped(amd, live);
    nyx_amd_notify_all(amd);
    nyx_amd_announce_all(amd);
}

void nyx_amd_caches_clear(NyxAmd *amd)
{
    drop_contexts(amd);
    nyx_tags_drop_all(&amd->tags);
    clear_requesters(amd);
    nyx_amd_int_caches_clear(amd);
}
