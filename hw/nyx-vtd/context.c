/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The context cache and the PASID cache (6.2.2): what the tables say of a
 * requester's requests.
 *
 * Requests without a PASID have one context a requester, read without a lock;
 * those with a PASID are rarer and have a bounded table.  One ticket moves
 * when any of it is dropped: what was fetched before is not kept then.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/nyx-vtd/internal.h"

/* PASID entries that a requester's cache holds, and with `sticky`. */
#define PASID_ENTRIES 256
#define PASID_ENTRIES_STICKY (1 << 16)

/* What is looked for. */
typedef struct Wanted {
    NyxVtdRequester *r;
    uint16_t sid;
    const NyxRequest *req;
    uint32_t ticket;
} Wanted;

NyxAsid nyx_vtd_context_asid(const NyxVtdContext *ctx, bool privileged)
{
    if (ctx->kind == NYX_VTD_KIND_SECOND) {
        return NYX_ASID(ctx->did);
    }
    return NYX_ASID_PASID(ctx->did, ctx->pasid) |
           (privileged ? NYX_ASID_PRIVILEGED : 0);
}

static uint64_t pack_context(uint16_t sid, const NyxVtdContext *ctx)
{
    uint64_t word = R_NYX_CTX_VALID_MASK;

    word = FIELD_DP64(word, NYX_CTX, PRESENT, ctx->present);
    word = FIELD_DP64(word, NYX_CTX, FPD, ctx->fpd);
    word = FIELD_DP64(word, NYX_CTX, ATS, ctx->ats);
    word = FIELD_DP64(word, NYX_CTX, PASS, ctx->kind == NYX_VTD_KIND_PASS);
    word = FIELD_DP64(word, NYX_CTX, SCALABLE, ctx->scalable);
    word = FIELD_DP64(word, NYX_CTX, MARKS, nyx_vtd_context_marks(ctx));
    word = FIELD_DP64(word, NYX_CTX, SID, sid);
    return word | nyx_vtd_context_asid(ctx, ctx->rid_priv) <<
                  R_NYX_CTX_DID_SHIFT;
}

/* Whether the packed context is one for @sid. */
static bool context_is_for(uint64_t word, uint16_t sid)
{
    return (word & (R_NYX_CTX_VALID_MASK | R_NYX_CTX_SID_MASK)) ==
           (R_NYX_CTX_VALID_MASK | (uint64_t)sid << R_NYX_CTX_SID_SHIFT);
}

/* --- Without a PASID ------------------------------------------------------ */

static bool cached(const Wanted *w, NyxVtdContext *ctx)
{
    NyxVtdRequester *r = w->r;
    uint64_t word = qatomic_load_acquire(&r->ctx_word);
    uint64_t *data = (uint64_t *)ctx;

    /* Not by way of a buffer: to copy what was just stored is slow. */
    for (unsigned i = 0; i < NYX_VTD_CONTEXT_WORDS; i++) {
        data[i] = qatomic_load_acquire(&r->ctx_data[i]);
    }
    return context_is_for(word, w->sid) &&
           qatomic_read(&r->ctx_ticket) == w->ticket;
}

/*
 * One for another requester id makes place; one for the same id came from
 * another thread's fetch, and is as good.
 */
static void fill_locked(Wanted *w, const NyxVtdContext *ctx)
{
    NyxVtdRequester *r = w->r;
    const uint64_t *data = (const uint64_t *)ctx;

    if (r->ctx_ticket != w->ticket || context_is_for(r->ctx_word, w->sid)) {
        return;
    }
    if (r->ctx_word) {
        qatomic_store_release(&r->ctx_ticket, ++w->ticket);
        qatomic_store_release(&r->ctx_word, 0);
    }
    for (unsigned i = 0; i < NYX_VTD_CONTEXT_WORDS; i++) {
        qatomic_store_release(&r->ctx_data[i], data[i]);
    }
    qatomic_store_release(&r->ctx_word, pack_context(w->sid, ctx));
}

/* --- With one ------------------------------------------------------------- */

static bool function_cached(const Wanted *w, NyxVtdFunction *fn)
{
    NyxVtdRequester *r = w->r;
    bool found;

    pthread_mutex_lock(&r->lock);
    found = r->fn.present && r->fn_sid == w->sid;
    if (found) {
        *fn = r->fn;
    }
    pthread_mutex_unlock(&r->lock);
    return found;
}

static bool pasid_cached(const Wanted *w, NyxVtdContext *ctx)
{
    NyxVtdRequester *r = w->r;
    const NyxVtdContext *found = NULL;

    pthread_mutex_lock(&r->lock);
    if (r->fn.present && r->fn_sid == w->sid) {
        found = g_hash_table_lookup(r->pasids, GUINT_TO_POINTER(w->req->pasid));
    }
    if (found) {
        *ctx = *found;
        r->pasid_stats.hits++;
    } else {
        r->pasid_stats.misses++;
    }
    pthread_mutex_unlock(&r->lock);
    return nyx_vtd_perf_lookup(r->vtd, NVTD_PERF_PASID_LOOKUP, found, w->sid,
                               found ? ctx->did : NVTD_NO_DOMAIN);
}

static void drop_pasids_locked(NyxVtdRequester *r)
{
    r->pasid_stats.dropped += g_hash_table_size(r->pasids);
    g_hash_table_remove_all(r->pasids);
    r->fn = (NyxVtdFunction) { };
}

static void evict_pasid_locked(NyxVtdRequester *r)
{
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, r->pasids);
    if (g_hash_table_iter_next(&iter, NULL, NULL)) {
        g_hash_table_iter_remove(&iter);
        r->pasid_stats.evictions++;
    }
}

static void fill_pasid_locked(Wanted *w, const NyxVtdFunction *fn,
                              const NyxVtdContext *ctx)
{
    NyxVtdRequester *r = w->r;
    unsigned max = r->vtd->cfg.cache == NYX_CACHE_STICKY ?
                   PASID_ENTRIES_STICKY : PASID_ENTRIES;

    if (r->ctx_ticket != w->ticket) {
        return;
    }
    if (r->fn_sid != w->sid) {
        drop_pasids_locked(r);
    }
    r->fn = *fn;
    r->fn_sid = w->sid;
    if (g_hash_table_size(r->pasids) >= max) {
        evict_pasid_locked(r);
    }
    g_hash_table_insert(r->pasids, GUINT_TO_POINTER(ctx->pasid),
                        g_memdup2(ctx, sizeof(*ctx)));
}

/* --- Fetching ------------------------------------------------------------- */

/* 7.1.3, SCT.5 to SCT.9 and SGN.10: what the function may send. */
static NyxVtdFaultCode admit(const NyxVtd *vtd, const NyxVtdFunction *fn,
                             const NyxRequest *req)
{
    bool page = req->type == NYX_REQ_PAGE;

    if (req->type != NYX_REQ_UNTRANSLATED && !page && !fn->ats) {
        return NVTD_FAULT_SCTX_DTE;
    }
    if (req->has_pasid && !fn->pasid) {
        return NVTD_FAULT_SCTX_PASIDE;
    }
    if (req->has_pasid && !page && req->pasid >> vtd->cfg.pasid_bits) {
        return NVTD_FAULT_SGN_PASID;
    }
    if (req->has_pasid && !nyx_vtd_function_has(fn, req->pasid)) {
        return NVTD_FAULT_SCTX_PASID;
    }
    if (req->has_pasid && req->pasid == fn->rid_pasid) {
        return NVTD_FAULT_SCTX_RID;
    }
    if (page && !fn->page_requests) {
        return NVTD_FAULT_SCTX_PRE;
    }
    return NVTD_FAULT_NONE;
}

/* Whether the outcome of a fetch may be kept (6.1). */
static bool keeps(const NyxVtd *vtd, NyxVtdFaultCode code)
{
    if (vtd->cfg.cache == NYX_CACHE_OFF) {
        return false;
    }
    return code == NVTD_FAULT_NONE ||
           (vtd->cfg.caching_mode &&
            (code == NVTD_FAULT_CTX_P || code == NVTD_FAULT_PTE_P));
}

static NyxVtdFaultCode fetch_scalable(Wanted *w, NyxVtdContext *ctx)
{
    const NyxRequest *req = w->req;
    NyxVtd *vtd = w->r->vtd;
    NyxVtdFaultCode code;
    NyxVtdFunction fn;

    *ctx = (NyxVtdContext) { .scalable = true };
    if (!req->has_pasid || !function_cached(w, &fn)) {
        code = nyx_vtd_function_fetch(vtd, w->sid, &fn);
        ctx->fpd = fn.fpd;
        if (code != NVTD_FAULT_NONE) {
            return code;
        }
    }
    ctx->fpd = fn.fpd;
    code = admit(vtd, &fn, req);
    if (code != NVTD_FAULT_NONE) {
        return code;
    }
    code = nyx_vtd_pasid_fetch(vtd, &fn,
                               req->has_pasid ? req->pasid : fn.rid_pasid,
                               ctx);
    ctx->rid_priv = fn.rid_priv && !req->has_pasid;
    if (keeps(vtd, code)) {
        pthread_mutex_lock(&w->r->lock);
        if (req->has_pasid) {
            fill_pasid_locked(w, &fn, ctx);
        } else {
            fill_locked(w, ctx);
        }
        pthread_mutex_unlock(&w->r->lock);
    }
    return code;
}

static NyxVtdFaultCode fetch_legacy(Wanted *w, NyxVtdContext *ctx)
{
    NyxVtdFaultCode code = nyx_vtd_context_fetch(w->r->vtd, w->sid, ctx);

    if (keeps(w->r->vtd, code)) {
        pthread_mutex_lock(&w->r->lock);
        fill_locked(w, ctx);
        pthread_mutex_unlock(&w->r->lock);
    }
    return code;
}

static NyxVtdFaultCode fetch(Wanted *w, NyxVtdContext *ctx)
{
    uint64_t rtaddr = qatomic_read(&w->r->vtd->latched.rtaddr);

    *ctx = (NyxVtdContext) { };
    switch (nyx_vtd_mode_of(w->r->vtd, rtaddr)) {
    case NVTD_TTM_LEGACY:
        return w->req->has_pasid ? NVTD_FAULT_PASID_LEGACY
                                 : fetch_legacy(w, ctx);
    case NVTD_TTM_SCALABLE:
        return fetch_scalable(w, ctx);
    default:
        return nyx_vtd_aborting(w->r->vtd) ? NVTD_FAULT_ABORT
                                           : NVTD_FAULT_TTM;
    }
}

NyxVtdFaultCode nyx_vtd_context_peek(NyxVtd *vtd, uint16_t sid,
                                     NyxVtdContext *ctx)
{
    NyxVtdFaultCode code;
    NyxVtdFunction fn;

    if (!nyx_vtd_scalable(vtd)) {
        return nyx_vtd_context_read(vtd, sid, ctx);
    }
    code = nyx_vtd_function_fetch(vtd, sid, &fn);
    if (code == NVTD_FAULT_NONE) {
        code = nyx_vtd_pasid_fetch(vtd, &fn, fn.rid_pasid, ctx);
        ctx->rid_priv = fn.rid_priv;
    }
    return code;
}

NyxVtdFaultCode nyx_vtd_context_get(NyxVtdRequester *r, uint16_t sid,
                                    const NyxRequest *req, NyxVtdContext *ctx,
                                    uint32_t *ticket)
{
    Wanted w = {
        .r = r, .sid = sid, .req = req,
        .ticket = qatomic_load_acquire(&r->ctx_ticket),
    };
    NyxVtdFaultCode code = NVTD_FAULT_NONE;

    if (req->has_pasid) {
        /* The mode is no table's, and not to be flushed. */
        if (!nyx_vtd_scalable(r->vtd) || !pasid_cached(&w, ctx)) {
            code = fetch(&w, ctx);
        }
    } else if (cached(&w, ctx)) {
        nyx_count(&r->ctx_hits);
        nyx_vtd_perf_lookup(r->vtd, NVTD_PERF_CONTEXT_LOOKUP, true, sid,
                            ctx->did);
    } else {
        nyx_count(&r->ctx_misses);
        nyx_vtd_perf_lookup(r->vtd, NVTD_PERF_CONTEXT_LOOKUP, false, sid,
                            NVTD_NO_DOMAIN);
        code = fetch(&w, ctx);
    }
    *ticket = w.ticket;
    if (code == NVTD_FAULT_NONE && !ctx->present) {
        code = ctx->scalable ? NVTD_FAULT_PTE_P : NVTD_FAULT_CTX_P;
    }
    return code;
}

/* --- Dropping ------------------------------------------------------------- */

/* What NyxVtdContextMatch is to see of the entry that the PASIDs hang on. */
static uint64_t pack_function(const NyxVtdRequester *r)
{
    return FIELD_DP64(R_NYX_CTX_VALID_MASK | R_NYX_CTX_SCALABLE_MASK, NYX_CTX,
                      SID, r->fn_sid);
}

bool nyx_vtd_requester_drop_context(NyxVtdRequester *r,
                                    NyxVtdContextMatch *match,
                                    const void *opaque)
{
    bool unknown;

    pthread_mutex_lock(&r->lock);
    qatomic_store_release(&r->ctx_ticket, r->ctx_ticket + 1);
    /* Under the lock: a fill may come just before. */
    if (r->ctx_word && (!match || match(r->ctx_word, opaque))) {
        r->ctx_dropped++;
        qatomic_store_release(&r->ctx_word, 0);
    }
    /* It may be another id's context entry. */
    if (r->fn.present && (!match || match(pack_function(r), opaque))) {
        drop_pasids_locked(r);
    }
    unknown = !r->ctx_word;
    pthread_mutex_unlock(&r->lock);
    return unknown;
}

typedef struct PasidCommand {
    unsigned gran;
    uint16_t did;
    uint32_t pasid;
} PasidCommand;

/* 6.5.2.2: an entry that is not present is of any domain. */
static bool pasid_named(const NyxVtdContext *ctx, const PasidCommand *command)
{
    switch (command->gran) {
    case NVTD_PASID_GRAN_GLOBAL:
        return true;
    case NVTD_PASID_GRAN_DOMAIN:
        return !ctx->present || ctx->did == command->did;
    default:
        return ctx->pasid == command->pasid &&
               (!ctx->present || ctx->did == command->did);
    }
}

static gboolean remove_named(gpointer key, gpointer value, gpointer opaque)
{
    return pasid_named(value, opaque);
}

bool nyx_vtd_requester_drop_pasid(NyxVtdRequester *r, unsigned gran,
                                  uint16_t did, uint32_t pasid)
{
    PasidCommand command = { gran, did, pasid };
    NyxVtdContext ctx;
    bool unknown;

    pthread_mutex_lock(&r->lock);
    qatomic_store_release(&r->ctx_ticket, r->ctx_ticket + 1);
    r->pasid_stats.dropped +=
        g_hash_table_foreach_remove(r->pasids, remove_named, &command);
    memcpy(&ctx, r->ctx_data, sizeof(ctx));
    if (r->ctx_word && ctx.scalable && pasid_named(&ctx, &command)) {
        r->pasid_stats.dropped++;
        qatomic_store_release(&r->ctx_word, 0);
    }
    unknown = !r->ctx_word;
    pthread_mutex_unlock(&r->lock);
    return unknown;
}
