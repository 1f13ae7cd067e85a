/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA requests in legacy mode (chapter 3): the hit, which takes no lock, and
 * the miss: context, paging-structure caches, walk, fill.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/nyx-vtd/internal.h"

/* Table addresses that a requester's paging-structure cache holds. */
#define PAGING_ENTRIES 1024

/* One request on its way. */
typedef struct Xlat {
    NyxVtd *vtd;
    NyxVtdRequester *r;
    const NyxRequest *req;
    uint16_t sid;
    unsigned need;           /* R and W that the request needs */
    bool probe;              /* only asks: reports nothing */
    bool looked_up;          /* the IOTLB does not have the page */
    NyxVtdContext ctx;
    uint32_t ctx_ticket;     /* from before the context was looked up */
    bool ctx_dropped;        /* since then: keep nothing found with it */
    uint32_t gen;
    uint32_t iotlb_ticket;
    uint32_t paging_ticket;
} Xlat;

static unsigned needed(const NyxRequest *req)
{
    unsigned need = req->access & NYX_ACCESS_RW;

    if (req->type == NYX_REQ_TRANSLATION) {
        /* 4.1.2: the completion tells what rights there are. */
        need = 0;
    } else if (req->access & NYX_ACCESS_ATOMIC) {
        need = NYX_ACCESS_RW;
    } else if (req->access & NYX_ACCESS_ZERO_LEN) {
        /* CAP.ZLR: a page that may only be written is good enough. */
        need = 0;
    }
    return need;
}

static bool answer(NyxReply *reply, uint64_t iova, uint64_t addr, uint8_t lg2,
                   unsigned permission)
{
    uint64_t mask = lg2 >= 64 ? UINT64_MAX : MAKE_64BIT_MASK(0, lg2);

    *reply = (NyxReply) {
        .ok = true,
        .addr = (addr & ~mask) | (iova & mask),
        .addr_mask = mask,
        .access = permission,
    };
    return true;
}

/* Refuse a page, and say nothing of it. */
static bool block(NyxReply *reply)
{
    *reply = (NyxReply) { .addr_mask = MAKE_64BIT_MASK(0, 12) };
    return false;
}

/* Refuse, and report unless the request only asks. */
static bool refuse(const Xlat *x, NyxVtdFaultCode code, NyxReply *reply)
{
    if (!x->probe) {
        const NyxVtdFault fault = {
            .code = code,
            .sid = x->sid,
            .addr = x->req->iova,
            .pasid = x->req->pasid,
            .has_pasid = x->req->has_pasid,
            .fpd = x->ctx.fpd,
            .type = x->req->type,
            .access = x->req->access,
        };

        nyx_vtd_report(x->vtd, x->r, &fault);
    }
    return block(reply);
}

/*
 * 3.9 and 4.1: a translation request for a page that is not mapped succeeds
 * with R = W = 0; other requests are refused with the missing right.
 */
static bool refuse_access(const Xlat *x, unsigned permission, NyxReply *reply)
{
    bool write = x->need & ~permission & NYX_ACCESS_WRITE;

    if (x->req->type == NYX_REQ_TRANSLATION) {
        return answer(reply, x->req->iova, 0, 12, NYX_ACCESS_NONE);
    }
    return refuse(x, write ? NVTD_FAULT_WRITE : NVTD_FAULT_READ, reply);
}

static bool overlaps_interrupts(uint64_t first, uint64_t last)
{
    return first <= NVTD_INTR_LAST && last >= NVTD_INTR_FIRST;
}

/* 11.4.16: whether a protected range holds the address. */
static bool is_protected(const NyxVtd *vtd, uint64_t addr)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vtd->protected); i++) {
        if (addr >= qatomic_read(&vtd->protected[i].first) &&
            addr <= qatomic_read(&vtd->protected[i].last)) {
            return true;
        }
    }
    return false;
}

/* The request goes to its own address; protected memory stays closed. */
static bool identity(const Xlat *x, NyxReply *reply)
{
    uint64_t iova = x->req->iova;
    uint8_t lg2 = 64;

    if (qatomic_load_acquire(&x->vtd->mode) & NVTD_MODE_PROTECT) {
        /* 11.4.16: blocked silently, these are not remapping faults. */
        if (is_protected(x->vtd, iova)) {
            return block(reply);
        }
        lg2 = NVTD_PMR_LG2;
    }
    return answer(reply, iova, iova, lg2, NYX_ACCESS_RW);
}

static uint64_t pack_context(uint16_t sid, const NyxVtdContext *ctx)
{
    uint64_t word = R_NYX_CTX_VALID_MASK;

    word = FIELD_DP64(word, NYX_CTX, PRESENT, ctx->present);
    word = FIELD_DP64(word, NYX_CTX, FPD, ctx->fpd);
    word = FIELD_DP64(word, NYX_CTX, TT, ctx->tt);
    word = FIELD_DP64(word, NYX_CTX, SID, sid);
    return FIELD_DP64(word, NYX_CTX, DID, ctx->did);
}

/* Whether the packed context is one for @sid. */
static bool context_is_for(uint64_t word, uint16_t sid)
{
    return (word & (R_NYX_CTX_VALID_MASK | R_NYX_CTX_SID_MASK)) ==
           (R_NYX_CTX_VALID_MASK | (uint64_t)sid << R_NYX_CTX_SID_SHIFT);
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
    unknown = !r->ctx_word;
    pthread_mutex_unlock(&r->lock);
    return unknown;
}

/* The context in the cache, if it is for the request's sid. */
static bool cached_context(Xlat *x)
{
    NyxVtdRequester *r = x->r;
    uint64_t word, root;

    x->ctx_ticket = qatomic_load_acquire(&r->ctx_ticket);
    word = qatomic_load_acquire(&r->ctx_word);
    root = qatomic_load_acquire(&r->ctx_root);
    if (!context_is_for(word, x->sid) ||
        qatomic_read(&r->ctx_ticket) != x->ctx_ticket) {
        nyx_count(&r->ctx_misses);
        return nyx_vtd_perf_lookup(x->vtd, NVTD_PERF_CONTEXT_LOOKUP, false,
                                   x->sid, NVTD_NO_DOMAIN);
    }
    nyx_count(&r->ctx_hits);
    x->ctx = (NyxVtdContext) {
        .ssptptr = root & R_NYX_CTX_ROOT_SSPTPTR_MASK,
        .aw = FIELD_EX64(root, NYX_CTX_ROOT, AW),
        .did = FIELD_EX64(word, NYX_CTX, DID),
        .tt = FIELD_EX64(word, NYX_CTX, TT),
        .fpd = FIELD_EX64(word, NYX_CTX, FPD),
        .present = FIELD_EX64(word, NYX_CTX, PRESENT),
    };
    return nyx_vtd_perf_lookup(x->vtd, NVTD_PERF_CONTEXT_LOOKUP, true, x->sid,
                               x->ctx.did);
}

/*
 * Remember the context.  One for another requester id makes place for it;
 * one for the same id came from another thread's fetch, and is as good.
 */
static void fill_context_locked(Xlat *x)
{
    NyxVtdRequester *r = x->r;

    if (r->ctx_ticket != x->ctx_ticket ||
        context_is_for(r->ctx_word, x->sid)) {
        return;
    }
    if (r->ctx_word) {
        qatomic_store_release(&r->ctx_ticket, ++x->ctx_ticket);
        qatomic_store_release(&r->ctx_word, 0);
    }
    qatomic_store_release(&r->ctx_root, x->ctx.ssptptr | x->ctx.aw);
    qatomic_store_release(&r->ctx_word, pack_context(x->sid, &x->ctx));
}

/* Context of the request, from the cache or memory. */
static NyxVtdFaultCode get_context(Xlat *x)
{
    NyxVtdFaultCode code;

    if (cached_context(x)) {
        return x->ctx.present ? NVTD_FAULT_NONE : NVTD_FAULT_CTX_P;
    }
    code = nyx_vtd_context_fetch(x->vtd, x->sid, &x->ctx);
    if (x->vtd->cfg.cache != NYX_CACHE_OFF &&
        (code == NVTD_FAULT_NONE ||
         (code == NVTD_FAULT_CTX_P && x->vtd->cfg.caching_mode))) {
        pthread_mutex_lock(&x->r->lock);
        fill_context_locked(x);
        pthread_mutex_unlock(&x->r->lock);
    }
    return code;
}

/* The lowest table that the caches know for the address. */
static bool paging_lookup(const Xlat *x, NyxWalkStart *start)
{
    NyxIotlbEntry entry;

    if (!nyx_iotlb_lookup(x->r->tables, x->req->iova, NYX_ASID(x->ctx.did),
                          x->gen, &entry)) {
        return nyx_vtd_perf_lookup(x->vtd, NVTD_PERF_TABLE_LOOKUP, false,
                                   x->sid, x->ctx.did);
    }
    *start = (NyxWalkStart) {
        .table = entry.addr,
        .level = nyx_lg2_level(&nyx_fmt_vtdss, entry.lg2) - 1,
        .permission = entry.permission,
    };
    return nyx_vtd_perf_lookup(x->vtd, NVTD_PERF_TABLE_LOOKUP, true, x->sid,
                               x->ctx.did);
}

/* Remember the table pointers that a walk went through. */
static void paging_fill(const Xlat *x, const NyxWalk *walk)
{
    unsigned tables = walk->steps;

    /* The last entry read is the leaf or the one that ended the walk. */
    if (tables && walk->status != NYX_WALK_READ_ERROR) {
        tables--;
    }
    for (unsigned i = 0; i < tables; i++) {
        const NyxWalkStep *step = &walk->trail[i];
        uint8_t lg2 = nyx_level_lg2(&nyx_fmt_vtdss, step->level);
        const NyxIotlbEntry entry = {
            .iova = x->req->iova & ~MAKE_64BIT_MASK(0, lg2),
            .addr = step->entry & nyx_fmt_vtdss.table_mask,
            .lg2 = lg2,
            .permission = step->permission,
        };

        nyx_iotlb_insert(x->r->tables, x->paging_ticket,
                         NYX_ASID(x->ctx.did), x->gen, &entry);
    }
}

/*
 * Walk the second-stage tables; tickets are taken before anything is read.
 *
 * The context was looked up earlier still.  An IOTLB command that belongs to
 * a change of it comes behind the context command: if no context command came
 * until the generation was taken, the IOTLB command will move it.
 */
static void walk_tables(Xlat *x, NyxWalk *walk)
{
    NyxVtdRequester *r = x->r;
    const NyxWalkCtx wctx = {
        .fmt = &nyx_fmt_vtdss,
        .mem = &x->vtd->host.mem,
        .root = x->ctx.ssptptr,
        .top = x->ctx.aw + 1,
        .addr_bits = x->vtd->cfg.haw_bits,
        .features = NYX_VTDSS_2M | NYX_VTDSS_1G |
                    (x->vtd->cfg.snoop_control ? NYX_VTDSS_SNP : 0),
    };
    uint64_t bit = NYX_VTD_DOMAIN_BIT(x->ctx.did);
    NyxWalkStart start;
    bool started;

    /*
     * The bit is seen before anything is read: an invalidation that does not
     * see it comes before the reads (the atomic operation is a barrier here,
     * iotlb_pages() has one there).
     */
    if (!(qatomic_read(&r->domains) & bit)) {
        qatomic_or(&r->domains, bit);
    }
    x->gen = nyx_vtd_gen(x->vtd, x->ctx.did);
    x->iotlb_ticket = nyx_iotlb_ticket(r->tlb);
    x->paging_ticket = nyx_iotlb_ticket(r->tables);
    x->ctx_dropped = qatomic_load_acquire(&r->ctx_ticket) != x->ctx_ticket;
    started = paging_lookup(x, &start);
    nyx_walk(&wctx, x->req->iova, x->need, started ? &start : NULL, walk);
    if (walk->status == NYX_WALK_OK &&
        x->vtd->cfg.cache == NYX_CACHE_HARDWARE) {
        nyx_walk_widen(&wctx, walk);
    }
    nyx_count(&r->walks);
    nyx_vtd_perf_count(x->vtd, NVTD_PERF_TABLE_READ, walk->steps, x->sid,
                       x->ctx.did);
    qatomic_set(&r->walk_reads, qatomic_read(&r->walk_reads) + walk->steps);
    if (!x->ctx_dropped) {
        paging_fill(x, walk);
    }
}

/* Put a leaf, or with caching mode a hole, into the IOTLB. */
static void fill(const Xlat *x, uint64_t addr, uint8_t lg2,
                 unsigned permission)
{
    const NyxIotlbEntry entry = {
        .iova = x->req->iova & ~MAKE_64BIT_MASK(0, lg2),
        .addr = addr,
        .lg2 = lg2,
        .permission = permission,
    };

    if (!x->ctx_dropped) {
        nyx_iotlb_insert(x->r->tlb, x->iotlb_ticket, NYX_ASID(x->ctx.did),
                         x->gen, &entry);
    }
}

static bool finish_leaf(const Xlat *x, const NyxWalk *walk, NyxReply *reply)
{
    uint64_t iova = x->req->iova;
    unsigned permission = walk->permission & NYX_ACCESS_RW;
    uint64_t offset = MAKE_64BIT_MASK(0, walk->lg2);
    uint64_t addr = walk->addr;
    uint8_t lg2 = walk->lg2;

    if (!permission) {
        return refuse_access(x, permission, reply);
    }
    /*
     * 3.14: an address in the interrupt range is refused, not the whole leaf
     * that has the range somewhere; such a leaf is handled page by page.
     */
    if (overlaps_interrupts(addr, addr + offset)) {
        lg2 = 12;
        addr = (addr | (iova & offset)) & ~MAKE_64BIT_MASK(0, lg2);
        if (overlaps_interrupts(addr, addr)) {
            return refuse(x, NVTD_FAULT_INTR_RANGE, reply);
        }
    }
    fill(x, addr, lg2, permission);
    return answer(reply, iova, addr, lg2, permission);
}

static bool finish_walk(const Xlat *x, const NyxWalk *walk, NyxReply *reply)
{
    bool at_root = walk->level == x->ctx.aw + 1;

    switch (walk->status) {
    case NYX_WALK_OK:
        return finish_leaf(x, walk, reply);
    case NYX_WALK_EMPTY:
        if (x->vtd->cfg.caching_mode) {
            fill(x, 0, walk->lg2, NYX_ACCESS_NONE);
        }
        return refuse_access(x, NYX_ACCESS_NONE, reply);
    case NYX_WALK_DENIED:
        return refuse_access(x, walk->permission, reply);
    case NYX_WALK_RESERVED:
        return refuse(x, NVTD_FAULT_SS_RSVD, reply);
    default:
        /* LCT.4.3 is for the table that the context entry points at. */
        return refuse(x, at_root ? NVTD_FAULT_CTX_INV : NVTD_FAULT_SS_READ,
                      reply);
    }
}

/* 3.9: which request kinds the translation type admits. */
static bool kind_admitted(const Xlat *x)
{
    return x->req->type == NYX_REQ_UNTRANSLATED ||
           x->ctx.tt == NVTD_TT_DEVICE_TLB;
}

/* What the IOTLB has for the page, if anything. */
static bool iotlb_lookup(Xlat *x, uint16_t did, NyxIotlbEntry *entry)
{
    bool hit = nyx_iotlb_lookup(x->r->tlb, x->req->iova, NYX_ASID(did),
                                nyx_vtd_gen(x->vtd, did), entry);

    x->looked_up = true;
    return nyx_vtd_perf_lookup(x->vtd, NVTD_PERF_IOTLB_LOOKUP, hit, x->sid,
                               did);
}

static bool finish_entry(const Xlat *x, const NyxIotlbEntry *entry,
                         NyxReply *reply)
{
    if ((x->need & ~entry->permission) || !entry->permission) {
        return refuse_access(x, entry->permission, reply);
    }
    return answer(reply, x->req->iova, entry->addr, entry->lg2,
                  entry->permission);
}

static bool translate_miss(Xlat *x, NyxReply *reply)
{
    NyxVtdFaultCode code = get_context(x);
    NyxIotlbEntry entry;
    NyxWalk walk;

    if (code != NVTD_FAULT_NONE) {
        return refuse(x, code, reply);
    }
    if (!kind_admitted(x)) {
        return refuse(x, NVTD_FAULT_TT_BLOCK, reply);
    }
    if (x->req->type == NYX_REQ_TRANSLATED) {
        return identity(x, reply);
    }
    if (x->req->iova >> NVTD_AW_BITS(x->ctx.aw)) {
        return refuse(x, NVTD_FAULT_WIDTH, reply);
    }
    if (x->ctx.tt == NVTD_TT_PASS_THROUGH) {
        if (!identity(x, reply)) {
            return false;
        }
        /* Beyond the width it is another answer: do not promise it. */
        reply->addr_mask &= MAKE_64BIT_MASK(0, NVTD_AW_BITS(x->ctx.aw));
        return true;
    }
    /* 6.5.2: a context that was dropped takes no translations with it. */
    if (!x->looked_up && iotlb_lookup(x, x->ctx.did, &entry)) {
        return finish_entry(x, &entry, reply);
    }
    walk_tables(x, &walk);
    return finish_walk(x, &walk, reply);
}

/* With TES = 0 only plain requests pass (digest 3.4). */
static bool translate_off(const Xlat *x, NyxReply *reply)
{
    if (x->req->has_pasid || x->req->type != NYX_REQ_UNTRANSLATED) {
        return block(reply);
    }
    return identity(x, reply);
}

/* What is known of a request when it takes the long way. */
typedef struct Prior {
    uint64_t word;           /* context when it was looked up */
    bool translating;
    bool looked_up;          /* in the IOTLB, with that context */
    bool found;
    NyxIotlbEntry entry;     /* if found */
} Prior;

/* Whether @word is a context for @sid that uses page tables. */
static bool context_has_tables(uint64_t word, uint16_t sid)
{
    /* TT is 00b or 01b. */
    const uint64_t mask = R_NYX_CTX_VALID_MASK | R_NYX_CTX_PRESENT_MASK |
                          (uint64_t)NVTD_TT_PASS_THROUGH <<
                          R_NYX_CTX_TT_SHIFT | R_NYX_CTX_SID_MASK;

    return (word & mask) ==
           (R_NYX_CTX_VALID_MASK | R_NYX_CTX_PRESENT_MASK |
            (uint64_t)sid << R_NYX_CTX_SID_SHIFT);
}

/* What the IOTLB has for a requester with context @word. */
static inline bool look_up(NyxVtdRequester *r, uint64_t word, uint64_t iova,
                           NyxIotlbEntry *entry)
{
    unsigned did = FIELD_EX64(word, NYX_CTX, DID);

    return nyx_iotlb_find(r->tlb, iova, NYX_ASID(did),
                          nyx_vtd_gen(r->vtd, did), entry);
}

/* Translation requests take the entries of the others (4.1.1). */
static bool translate_found(Xlat *x, const Prior *prior, NyxReply *reply)
{
    x->ctx.fpd = FIELD_EX64(prior->word, NYX_CTX, FPD);
    x->ctx.tt = FIELD_EX64(prior->word, NYX_CTX, TT);
    if (!kind_admitted(x)) {
        return refuse(x, NVTD_FAULT_TT_BLOCK, reply);
    }
    return finish_entry(x, &prior->entry, reply);
}

/* Everything but a plain hit. */
static __attribute__((noinline))
bool translate_long(NyxVtdRequester *r, uint16_t sid, const NyxRequest *req,
                    Prior *prior, NyxReply *reply)
{
    Xlat x = {
        .vtd = r->vtd,
        .r = r,
        .req = req,
        .sid = sid,
        .need = needed(req),
        .probe = req->type == NYX_REQ_UNTRANSLATED &&
                 req->access == NYX_ACCESS_NONE,
    };

    if (qatomic_read(&r->last_sid) != sid) {
        qatomic_set(&r->last_sid, sid);
    }
    if (!prior->translating) {
        return translate_off(&x, reply);
    }
    if (req->has_pasid) {
        return refuse(&x, NVTD_FAULT_PASID_LEGACY, reply);
    }
    if (req->type != NYX_REQ_UNTRANSLATED &&
        overlaps_interrupts(req->iova, req->iova)) {
        /* 3.14: no device may have interrupts translated for it. */
        return refuse(&x, NVTD_FAULT_INTR_RANGE, reply);
    }
    if (req->type == NYX_REQ_TRANSLATION &&
        context_has_tables(prior->word, sid)) {
        prior->looked_up = true;
        prior->found = look_up(r, prior->word, req->iova, &prior->entry);
        nyx_vtd_perf_lookup(r->vtd, NVTD_PERF_IOTLB_LOOKUP, prior->found, sid,
                            FIELD_EX64(prior->word, NYX_CTX, DID));
    }
    if (prior->found) {
        return translate_found(&x, prior, reply);
    }
    x.looked_up = prior->looked_up;
    return translate_miss(&x, reply);
}

/* The plain hit is here, which is what nearly all requests are. */
bool nyx_vtd_translate(NyxVtdRequester *r, uint16_t sid,
                       const NyxRequest *req, NyxReply *reply)
{
    /* What was latched before the mode was set is seen with it. */
    uint32_t mode = qatomic_load_acquire(&r->vtd->mode);
    bool translating = mode & NVTD_MODE_TRANSLATE;
    uint64_t word = qatomic_load_acquire(&r->ctx_word);
    bool looked_up = translating && req->type == NYX_REQ_UNTRANSLATED &&
                     !req->has_pasid && context_has_tables(word, sid);
    bool found = false;
    NyxIotlbEntry entry;
    Prior prior;

    if (likely(looked_up)) {
        found = look_up(r, word, req->iova, &entry);
        if (likely(found && entry.permission &&
                   !(req->access & ~entry.permission) &&
                   !(mode & NVTD_MODE_COUNT))) {
            return answer(reply, req->iova, entry.addr, entry.lg2,
                          entry.permission);
        }
    }
    if (unlikely(mode & NVTD_MODE_COUNT)) {
        nyx_vtd_perf_request(r, sid, req, looked_up, found);
    }
    prior = (Prior) {
        .word = word,
        .translating = translating,
        .looked_up = looked_up,
        .found = found,
    };
    if (found) {
        prior.entry = entry;
    }
    return translate_long(r, sid, req, &prior, reply);
}

static NyxCacheCfg cache_cfg(const NyxVtdCfg *cfg, uint32_t entries,
                             uint32_t sticky_max)
{
    return (NyxCacheCfg) {
        .temper = cfg->cache,
        .entries = entries,
        .ways = 4,
        .sticky_max = sticky_max,
        .seed = cfg->cache_seed,
    };
}

NyxVtdRequester *nyx_vtd_requester_new(NyxVtd *vtd, void *opaque)
{
    NyxVtdRequester *r = g_new0(NyxVtdRequester, 1);
    NyxCacheCfg cfg = cache_cfg(&vtd->cfg, vtd->cfg.iotlb_entries, 1 << 20);

    r->vtd = vtd;
    r->opaque = opaque;
    r->tlb = nyx_iotlb_new(&cfg);
    cfg = cache_cfg(&vtd->cfg, PAGING_ENTRIES, 1 << 16);
    r->tables = nyx_iotlb_new(&cfg);
    pthread_mutex_init(&r->lock, NULL);
    g_ptr_array_add(vtd->requesters, r);
    return r;
}

void nyx_vtd_requester_free(NyxVtdRequester *r)
{
    nyx_vtd_report_drain(r->vtd);
    nyx_vtd_announce_end(r);
    g_ptr_array_remove(r->vtd->requesters, r);
    nyx_iotlb_free(r->tables);
    nyx_iotlb_free(r->tlb);
    pthread_mutex_destroy(&r->lock);
    g_free(r);
}

void *nyx_vtd_requester_opaque(const NyxVtdRequester *r)
{
    return r->opaque;
}

void nyx_vtd_requester_notify(NyxVtdRequester *r, bool on)
{
    r->notify = on;
}
