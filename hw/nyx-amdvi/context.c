/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is cached of device table entries and of GCR3 tables (2.2.2, 2.2.6).
 *
 * A requester has one entry, read without a lock, and a bounded table of the
 * guest CR3 values of its PASIDs, which go with the entry.  One ticket moves
 * when any of it is dropped: what was fetched before is not kept then.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/nyx-amdvi/internal.h"

/* Guest CR3 values that a requester's cache holds, and with `sticky`. */
#define GCR3_ENTRIES 256
#define GCR3_ENTRIES_STICKY (1 << 16)

/* Tag in the IOTLB of requests without a PASID. */
static NyxAsid context_asid(const NyxAmdContext *ctx)
{
    return ctx->giov ? NYX_ASID_PASID(ctx->did, 0) : NYX_ASID(ctx->did);
}

bool nyx_amd_context_marks(const NyxAmdContext *ctx)
{
    return ctx->guest || ctx->had == NAMD_HAD_BOTH;
}

void nyx_amd_context_blame(const NyxAmdContext *ctx, NyxAmdFault *fault)
{
    fault->did = ctx->did;
    fault->suppressed = ctx->suppress_all;
    fault->suppress_after = ctx->suppress_after;
}

/* --- Device table entries ------------------------------------------------- */

static uint64_t pack(uint16_t sid, const NyxAmdContext *ctx)
{
    bool tables = ctx->giov || ctx->kind == NYX_AMD_KIND_HOST;
    uint64_t word = R_NYX_AMDW_VALID_MASK;

    word = FIELD_DP64(word, NYX_AMDW, TABLES, tables);
    word = FIELD_DP64(word, NYX_AMDW, MARKS, nyx_amd_context_marks(ctx));
    word = FIELD_DP64(word, NYX_AMDW, SA, ctx->suppress_all);
    word = FIELD_DP64(word, NYX_AMDW, SE, ctx->suppress_after);
    word = FIELD_DP64(word, NYX_AMDW, SID, sid);
    return word | context_asid(ctx) << R_NYX_AMDW_DID_SHIFT;
}

/* Whether the packed context is one for @sid. */
static bool is_for(uint64_t word, uint16_t sid)
{
    return (word & (R_NYX_AMDW_VALID_MASK | R_NYX_AMDW_SID_MASK)) ==
           (R_NYX_AMDW_VALID_MASK | (uint64_t)sid << R_NYX_AMDW_SID_SHIFT);
}

uint32_t nyx_amd_known_domain(const NyxAmdRequester *r, uint16_t sid)
{
    uint64_t word = qatomic_read(&r->ctx_word);

    return is_for(word, sid) ? FIELD_EX64(word, NYX_AMDW, DID)
                             : NAMD_NO_DOMAIN;
}

static bool cached(NyxAmdRequester *r, uint16_t sid, uint32_t ticket,
                   NyxAmdContext *ctx)
{
    uint64_t word = qatomic_load_acquire(&r->ctx_word);
    uint64_t *data = (uint64_t *)ctx;

    for (unsigned i = 0; i < NYX_AMD_CONTEXT_WORDS; i++) {
        data[i] = qatomic_load_acquire(&r->ctx_data[i]);
    }
    return is_for(word, sid) && qatomic_read(&r->ctx_ticket) == ticket;
}

/*
 * The entry goes, and what was found through it: guest CR3 values, and
 * translations (digest 12), which are in the requester's caches and nowhere
 * else.  The ticket has moved: a walk that had the entry keeps nothing.
 */
static void forget_locked(NyxAmdRequester *r)
{
    qatomic_store_release(&r->ctx_word, 0);
    r->gcr3_stats.dropped += g_hash_table_size(r->gcr3);
    g_hash_table_remove_all(r->gcr3);
    nyx_tlbs_clear(&r->tlbs);
}

/*
 * One for another requester id makes place; one for the same id came from
 * another thread's fetch, and is as good.
 */
static void keep(NyxAmdRequester *r, uint16_t sid, uint32_t *ticket,
                 const NyxAmdContext *ctx)
{
    const uint64_t *data = (const uint64_t *)ctx;

    pthread_mutex_lock(&r->lock);
    if (r->ctx_ticket == *ticket && !is_for(r->ctx_word, sid)) {
        if (r->ctx_word) {
            qatomic_store_release(&r->ctx_ticket, ++*ticket);
            forget_locked(r);
        }
        for (unsigned i = 0; i < NYX_AMD_CONTEXT_WORDS; i++) {
            qatomic_store_release(&r->ctx_data[i], data[i]);
        }
        qatomic_store_release(&r->ctx_word, pack(sid, ctx));
    }
    pthread_mutex_unlock(&r->lock);
}

static void check_domain(NyxAmd *amd, uint16_t sid, const NyxAmdContext *ctx)
{
    if (ctx->kind == NYX_AMD_KIND_HOST &&
        !nyx_tags_use(&amd->tags, ctx->did, ctx->host_root)) {
        nyx_amd_finding(amd, NAMD_RULE_DOMAIN_SHARED, (NyxWhere) {
            .has_sid = true, .sid = sid, .value = ctx->did,
        });
    }
}

/*
 * Software invalidates an entry after any change of it (2.4.2), also the first
 * one: V = 0 and TV = 0 are kept like the rest, whatever NpCache, which is
 * about page tables.  What is illegal or cannot be read is read again.
 */
static NyxAmdFaultCode fetch(NyxAmdRequester *r, uint16_t sid,
                             NyxAmdContext *ctx, uint32_t *ticket,
                             uint64_t *addr)
{
    NyxAmd *amd = r->amd;
    uint64_t words[NAMD_DTE_WORDS];
    NyxAmdFaultCode code = nyx_amd_dte_fetch(amd, sid, words, addr);

    if (code == NAMD_FAULT_NONE) {
        code = nyx_amd_dte_decode(amd, words, ctx);
    }
    if (code != NAMD_FAULT_NONE) {
        return code;
    }
    check_domain(amd, sid, ctx);
    if (amd->cfg.cache != NYX_CACHE_OFF) {
        keep(r, sid, ticket, ctx);
    }
    return code;
}

NyxAmdFaultCode nyx_amd_context_get(NyxAmdRequester *r, uint16_t sid,
                                    NyxAmdContext *ctx, uint32_t *ticket,
                                    uint64_t *addr)
{
    *ticket = qatomic_load_acquire(&r->ctx_ticket);
    if (cached(r, sid, *ticket, ctx)) {
        nyx_count(&r->ctx_hits);
        nyx_amd_perf_count(r->amd, NAMD_PERF_DTE_HIT, 1, sid, ctx->did,
                           NAMD_NO_PASID);
        return NAMD_FAULT_NONE;
    }
    nyx_count(&r->ctx_misses);
    nyx_amd_perf_count(r->amd, NAMD_PERF_DTE_MISS, 1, sid, NAMD_NO_DOMAIN,
                       NAMD_NO_PASID);
    *ctx = (NyxAmdContext) { };
    return fetch(r, sid, ctx, ticket, addr);
}

/* --- Guest CR3 values ----------------------------------------------------- */

/* Whether the table is of the entry that the job has. */
static bool gcr3_fits_locked(const NyxAmdJob *job)
{
    return job->r->ctx_ticket == job->ctx_ticket &&
           is_for(job->r->ctx_word, job->sid);
}

bool nyx_amd_gcr3_cached(const NyxAmdJob *job, uint64_t *cr3)
{
    NyxAmdRequester *r = job->r;
    const uint64_t *found = NULL;

    pthread_mutex_lock(&r->lock);
    if (gcr3_fits_locked(job)) {
        found = g_hash_table_lookup(r->gcr3, GUINT_TO_POINTER(job->pasid));
    }
    if (found) {
        *cr3 = *found;
        r->gcr3_stats.hits++;
    } else {
        r->gcr3_stats.misses++;
    }
    pthread_mutex_unlock(&r->lock);
    return found;
}

static void evict_gcr3_locked(NyxAmdRequester *r)
{
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, r->gcr3);
    if (g_hash_table_iter_next(&iter, NULL, NULL)) {
        g_hash_table_iter_remove(&iter);
        r->gcr3_stats.evictions++;
    }
}

void nyx_amd_gcr3_keep(const NyxAmdJob *job, uint64_t cr3)
{
    NyxAmdRequester *r = job->r;
    unsigned max = r->amd->cfg.cache == NYX_CACHE_STICKY ? GCR3_ENTRIES_STICKY
                                                         : GCR3_ENTRIES;

    pthread_mutex_lock(&r->lock);
    if (gcr3_fits_locked(job)) {
        if (g_hash_table_size(r->gcr3) >= max) {
            evict_gcr3_locked(r);
        }
        g_hash_table_insert(r->gcr3, GUINT_TO_POINTER(job->pasid),
                            g_memdup2(&cr3, sizeof(cr3)));
    }
    pthread_mutex_unlock(&r->lock);
}

/* --- Dropping ------------------------------------------------------------- */

bool nyx_amd_requester_drop_context(NyxAmdRequester *r, bool any,
                                    uint16_t sid)
{
    bool unknown;

    pthread_mutex_lock(&r->lock);
    qatomic_store_release(&r->ctx_ticket, r->ctx_ticket + 1);
    /* Under the lock: a fill may come just before. */
    if (r->ctx_word && (any || is_for(r->ctx_word, sid))) {
        r->ctx_dropped++;
        forget_locked(r);
    }
    unknown = !r->ctx_word;
    pthread_mutex_unlock(&r->lock);
    return unknown;
}

void nyx_amd_requester_drop_gcr3(NyxAmdRequester *r, uint16_t did,
                                 uint32_t pasid)
{
    pthread_mutex_lock(&r->lock);
    /* One that is on its way is not known of. */
    qatomic_store_release(&r->ctx_ticket, r->ctx_ticket + 1);
    if (FIELD_EX64(r->ctx_word, NYX_AMDW, DID) == did &&
        g_hash_table_remove(r->gcr3, GUINT_TO_POINTER(pasid))) {
        r->gcr3_stats.dropped++;
    }
    pthread_mutex_unlock(&r->lock);
}
