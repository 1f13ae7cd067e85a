/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA requests (chapter 3): the hit, which takes no lock, and the miss, which
 * asks for the context, walks and fills.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/nyx-vtd/internal.h"

/* With the permission of an IOTLB entry: accesses have to be snooped. */
#define ENTRY_SNOOP (1u << 7)

/* Size of the interrupt range; it is aligned. */
#define INTR_LG2 20

/* One request on its way. */
typedef struct Xlat {
    NyxVtd *vtd;
    NyxVtdRequester *r;
    const NyxRequest *req;
    uint16_t sid;
    unsigned need;           /* R, W and X that the request needs */
    bool probe;              /* only asks: reports nothing */
    bool looked_up;          /* the IOTLB does not have the page */
    bool privileged;
    NyxVtdContext ctx;
    NyxAsid asid;
    uint32_t ctx_ticket;     /* from before the context was looked up */
    bool ctx_dropped;        /* since then: keep nothing found with it */
    uint32_t gen;
    uint32_t iotlb_ticket;
} Xlat;

static unsigned needed(const NyxVtdCfg *cfg, const NyxRequest *req)
{
    unsigned need = req->access & NYX_ACCESS_RWX;

    if (req->type == NYX_REQ_TRANSLATION) {
        /* 4.1.2: the completion tells what rights there are. */
        need = 0;
    } else if (req->access & NYX_ACCESS_ATOMIC) {
        need = NYX_ACCESS_RW;
    } else if (req->access & NYX_ACCESS_ZERO_LEN) {
        /* CAP.ZLR: a page that may only be written is good enough. */
        need = cfg->zero_length ? 0 : NYX_ACCESS_READ;
    }
    /* ER is a part of the PASID prefix. */
    return req->has_pasid ? need : need & ~NYX_ACCESS_EXEC;
}

/* ECAP.NWFS: the endpoint says (NW) that it is not going to write. */
static bool no_write(const NyxVtdCfg *cfg, const NyxRequest *req)
{
    return cfg->no_write_flag && req->type == NYX_REQ_TRANSLATION &&
           !(req->access & NYX_ACCESS_WRITE);
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

/*
 * The same for a page with @rights, and ENTRY_SNOOP.  4.1.3: the right to
 * execute is for those who asked for it; a completion repeats the privilege
 * that it holds for.
 */
static bool complete(const Xlat *x, uint64_t addr, uint8_t lg2,
                     unsigned rights, NyxReply *reply)
{
    const NyxRequest *req = x->req;
    unsigned access = rights & (NYX_ACCESS_RW |
                                (req->access & NYX_ACCESS_EXEC));

    if (no_write(&x->vtd->cfg, req)) {
        access &= ~NYX_ACCESS_WRITE;
    }
    answer(reply, req->iova, addr, lg2, access);
    if (req->type == NYX_REQ_TRANSLATION) {
        reply->access |= req->has_pasid ? req->access & NYX_ACCESS_PRIV : 0;
    }
    if (req->type == NYX_REQ_TRANSLATION && access) {
        reply->ats = rights & ENTRY_SNOOP ? NYX_ATS_SNOOP : 0;
    }
    return true;
}

/* Refuse a page, and say nothing of it. */
static bool block(NyxReply *reply)
{
    *reply = (NyxReply) { .addr_mask = MAKE_64BIT_MASK(0, 12) };
    return false;
}

/*
 * 7.1.3: what is no error of a translation request.  It means that there is
 * no translation, which the completion says with R = W = 0.
 */
static bool means_unmapped(NyxVtdFaultCode code)
{
    switch (code) {
    case NVTD_FAULT_WIDTH:
    case NVTD_FAULT_WRITE:
    case NVTD_FAULT_READ:
    case NVTD_FAULT_PDIR_P:
    case NVTD_FAULT_PTE_P:
    case NVTD_FAULT_PTE_ERE:
    case NVTD_FAULT_PTE_SRE:
    case NVTD_FAULT_FS_READ:
    case NVTD_FAULT_FS_P:
    case NVTD_FAULT_FS_RSVD:
    case NVTD_FAULT_FS_ROOT:
    case NVTD_FAULT_FS_BEYOND_SS:
    case NVTD_FAULT_FS_ROOT_SS:
    case NVTD_FAULT_FS_TABLE_SS:
    case NVTD_FAULT_FS_AD_SS:
    case NVTD_FAULT_FS_AD:
    case NVTD_FAULT_SSS_P:
    case NVTD_FAULT_SGN_CANONICAL:
    case NVTD_FAULT_SGN_USER:
    case NVTD_FAULT_SGN_EXEC:
    case NVTD_FAULT_SGN_HAW:
    case NVTD_FAULT_SGN_WIDTH:
    case NVTD_FAULT_SGN_WRITE:
    case NVTD_FAULT_SGN_READ:
        return true;
    default:
        return false;
    }
}

/* A completion without rights; Priv is repeated all the same. */
static bool answer_unmapped(const Xlat *x, NyxReply *reply)
{
    const NyxRequest *req = x->req;

    return answer(reply, req->iova, 0, 12,
                  req->has_pasid ? req->access & NYX_ACCESS_PRIV : 0);
}

/* Refuse, and report unless the request only asks. */
static bool refuse(const Xlat *x, NyxVtdFaultCode code, NyxReply *reply)
{
    bool unmapped = x->req->type == NYX_REQ_TRANSLATION &&
                    means_unmapped(code);

    /* SFS.10 is reported all the same. */
    if (!x->probe && (!unmapped || code == NVTD_FAULT_FS_AD)) {
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
    return unmapped ? answer_unmapped(x, reply) : block(reply);
}

static bool refuse_access(const Xlat *x, unsigned permission, NyxReply *reply)
{
    return refuse(x, nyx_vtd_denied(&x->ctx, x->need & ~permission), reply);
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

/*
 * What is taken before anything is read: a fill with it is refused if an
 * invalidation came since.
 *
 * The context was looked up earlier still.  An IOTLB command that belongs to
 * a change of it comes behind the context command: if no context command came
 * until the generation was taken, the IOTLB command will move it.
 */
static void take_tickets(Xlat *x, NyxVtdJob *job)
{
    NyxVtdRequester *r = x->r;

    nyx_tlbs_enter(&r->tlbs, &x->vtd->tags, x->ctx.did,
                   x->ctx.kind == NYX_VTD_KIND_NESTED);
    x->gen = job->paging.gen = nyx_tags_gen(&x->vtd->tags, x->asid);
    x->iotlb_ticket = nyx_iotlb_ticket(r->tlbs.tlb);
    job->paging.ticket = nyx_iotlb_ticket(r->tlbs.tables);
    x->ctx_dropped = qatomic_load_acquire(&r->ctx_ticket) != x->ctx_ticket;
    job->keep = !x->ctx_dropped;
}

static void walk_tables(Xlat *x, NyxVtdWay *way)
{
    NyxVtdJob job = {
        .r = x->r,
        .ctx = &x->ctx,
        .sid = x->sid,
        .iova = x->req->iova,
        /* A page that is granted to an endpoint may be written to later. */
        .need = x->need | (x->req->type == NYX_REQ_TRANSLATION &&
                           !no_write(&x->vtd->cfg, x->req)
                           ? NYX_NEED_DIRTY : 0),
        .privileged = x->privileged,
        .paging = { .tables = x->r->tlbs.tables,
                    .asid = x->asid & ~NYX_ASID_PRIVILEGED },
    };

    take_tickets(x, &job);
    nyx_vtd_stages_walk(&job, way);
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
        nyx_iotlb_insert(x->r->tlbs.tlb, x->iotlb_ticket, x->asid, x->gen,
                         &entry);
    }
}


static bool finish_leaf(const Xlat *x, const NyxVtdWay *way, NyxReply *reply)
{
    bool snoop = way->snoop || x->ctx.page_snoop;
    uint64_t iova = x->req->iova;
    uint64_t offset = MAKE_64BIT_MASK(0, way->lg2);
    uint64_t addr = way->addr;
    uint8_t lg2 = way->lg2;

    if (!way->permission) {
        return refuse_access(x, way->permission, reply);
    }
    /*
     * 3.14: an address in the interrupt range is refused, not the whole leaf
     * that has the range somewhere; such a leaf is handled page by page.  No
     * page of it is kept: a command for another one has to drop all.
     */
    if (overlaps_interrupts(addr, addr + offset)) {
        lg2 = 12;
        addr = (addr | (iova & offset)) & ~MAKE_64BIT_MASK(0, lg2);
        if (overlaps_interrupts(addr, addr)) {
            return refuse(x, x->ctx.scalable ? NVTD_FAULT_SGN_INTR
                                             : NVTD_FAULT_INTR_RANGE, reply);
        }
    }
    if (way->kept && lg2 == way->lg2) {
        fill(x, addr, lg2, way->kept | (snoop ? ENTRY_SNOOP : 0));
    }
    return complete(x, addr, lg2,
                    way->permission | (snoop ? ENTRY_SNOOP : 0), reply);
}

static bool finish_walk(const Xlat *x, const NyxVtdWay *way, NyxReply *reply)
{
    if (way->code == NVTD_FAULT_NONE) {
        return finish_leaf(x, way, reply);
    }
    if (way->hole && x->vtd->cfg.caching_mode) {
        fill(x, 0, way->lg2, NYX_ACCESS_NONE);
    }
    return refuse(x, way->code, reply);
}

/* 3.9: which request kinds the context admits. */
static bool kind_admitted(const Xlat *x)
{
    return x->req->type == NYX_REQ_UNTRANSLATED || x->ctx.ats;
}

static bool refuse_kind(const Xlat *x, NyxReply *reply)
{
    return refuse(x, x->ctx.scalable ? NVTD_FAULT_SCTX_DTE
                                     : NVTD_FAULT_TT_BLOCK, reply);
}

/*
 * True if the entry is the last word.  Where accessed and dirty bits are kept
 * it is not if a right is missing: the first write of a page has to set D.
 */
static bool finish_entry(const Xlat *x, bool marks,
                         const NyxIotlbEntry *entry, NyxReply *reply,
                         bool *ok)
{
    bool granted = entry->permission && !(x->need & ~entry->permission);

    if (marks && (!granted || x->req->type == NYX_REQ_TRANSLATION)) {
        return false;
    }
    if (granted) {
        *ok = complete(x, entry->addr, entry->lg2, entry->permission, reply);
    } else if (!entry->permission && x->ctx.scalable) {
        /* The fault that the walk found, which is not about rights. */
        *ok = refuse(x, NVTD_FAULT_SSS_P, reply);
    } else {
        *ok = refuse_access(x, entry->permission, reply);
    }
    return true;
}

/* 7.1.3, SPT.5 and SPT.6: what requests with a PASID ask for beyond access. */
static NyxVtdFaultCode check_flags(Xlat *x)
{
    const NyxRequest *req = x->req;

    x->privileged = x->ctx.rid_priv ||
                    (req->has_pasid && req->access & NYX_ACCESS_PRIV);
    if (req->has_pasid && (req->access & NYX_ACCESS_EXEC) &&
        !x->ctx.execute) {
        return NVTD_FAULT_PTE_ERE;
    }
    if (x->privileged && x->ctx.scalable && !x->ctx.supervisor) {
        return NVTD_FAULT_PTE_SRE;
    }
    return NVTD_FAULT_NONE;
}

/* Requests that go to their own address, within the widths. */
static bool pass_through(const Xlat *x, NyxReply *reply)
{
    uint8_t lg2 = NVTD_AW_BITS(x->ctx.aw);

    if (x->ctx.scalable) {
        lg2 = MIN(lg2, x->vtd->cfg.haw_bits);
        if (x->req->iova >> lg2) {
            return refuse(x, NVTD_FAULT_SGN_HAW, reply);
        }
    }
    if (x->req->has_pasid || x->req->type == NYX_REQ_TRANSLATION) {
        if (overlaps_interrupts(x->req->iova, x->req->iova)) {
            /* SGN.8.2 leaves these translation requests out. */
            return x->req->type == NYX_REQ_TRANSLATION
                   ? answer_unmapped(x, reply)
                   : refuse(x, NVTD_FAULT_SGN_INTR, reply);
        }
        lg2 = INTR_LG2;
    }
    if (!identity(x, reply)) {
        return false;
    }
    if (x->req->type == NYX_REQ_TRANSLATION) {
        complete(x, reply->addr, cto64(reply->addr_mask),
                 NYX_ACCESS_RW | (x->ctx.page_snoop ? ENTRY_SNOOP : 0), reply);
    }
    /* Beyond it there is another answer: do not promise it. */
    reply->addr_mask &= MAKE_64BIT_MASK(0, lg2);
    return true;
}

static bool too_wide(const Xlat *x)
{
    return (x->ctx.kind == NYX_VTD_KIND_SECOND ||
            x->ctx.kind == NYX_VTD_KIND_PASS) &&
           x->req->iova >> NVTD_AW_BITS(x->ctx.aw);
}

static bool iotlb_lookup(Xlat *x, NyxIotlbEntry *entry)
{
    bool hit = nyx_iotlb_lookup(x->r->tlbs.tlb, x->req->iova, x->asid,
                                nyx_tags_gen(&x->vtd->tags, x->asid), entry);

    x->looked_up = true;
    return nyx_vtd_perf_lookup(x->vtd, NVTD_PERF_IOTLB_LOOKUP, hit, x->sid,
                               x->ctx.did);
}

/* 4.2.5: a host address, of which there are HAW bits. */
static bool translated(const Xlat *x, NyxReply *reply)
{
    if (x->req->iova >> x->vtd->cfg.haw_bits) {
        return refuse(x, x->ctx.scalable ? NVTD_FAULT_SGN_HAW
                                         : NVTD_FAULT_WIDTH, reply);
    }
    return identity(x, reply);
}

/* With a PASID it is an address like any other. */
static bool asks_for_interrupts(const NyxRequest *req)
{
    return req->type == NYX_REQ_TRANSLATION && !req->has_pasid &&
           overlaps_interrupts(req->iova, req->iova);
}

/* 7.1.3, S.1 and S.2: an endpoint may write there, but not translated. */
static bool answer_interrupts(const Xlat *x, NyxReply *reply)
{
    if (no_write(&x->vtd->cfg, x->req)) {
        return answer_unmapped(x, reply);
    }
    answer(reply, x->req->iova, x->req->iova, 12, NYX_ACCESS_WRITE);
    reply->ats = NYX_ATS_UNTRANSLATED;
    return true;
}

static bool translate_miss(Xlat *x, NyxReply *reply)
{
    NyxVtdFaultCode code = nyx_vtd_context_get(x->r, x->sid, x->req, &x->ctx,
                                               &x->ctx_ticket);
    NyxIotlbEntry entry;
    NyxVtdWay way;
    bool ok;

    if (code == NVTD_FAULT_NONE && !kind_admitted(x)) {
        return refuse_kind(x, reply);
    }
    if (code == NVTD_FAULT_NONE) {
        code = check_flags(x);
    }
    if (code != NVTD_FAULT_NONE) {
        return refuse(x, code, reply);
    }
    if (x->req->type == NYX_REQ_TRANSLATED) {
        return translated(x, reply);
    }
    if (asks_for_interrupts(x->req)) {
        return answer_interrupts(x, reply);
    }
    if (too_wide(x)) {
        return refuse(x, x->ctx.scalable ? NVTD_FAULT_SGN_WIDTH
                                         : NVTD_FAULT_WIDTH, reply);
    }
    if (x->ctx.kind == NYX_VTD_KIND_PASS) {
        return pass_through(x, reply);
    }
    x->asid = nyx_vtd_context_asid(&x->ctx, x->privileged);
    /* 6.5.2: a context that was dropped takes no translations with it. */
    if (!x->looked_up &&
        iotlb_lookup(x, &entry) &&
        finish_entry(x, nyx_vtd_context_marks(&x->ctx), &entry, reply, &ok)) {
        return ok;
    }
    walk_tables(x, &way);
    return finish_walk(x, &way, reply);
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
    const uint64_t mask = R_NYX_CTX_VALID_MASK | R_NYX_CTX_PRESENT_MASK |
                          R_NYX_CTX_PASS_MASK | R_NYX_CTX_SID_MASK;

    return (word & mask) ==
           (R_NYX_CTX_VALID_MASK | R_NYX_CTX_PRESENT_MASK |
            (uint64_t)sid << R_NYX_CTX_SID_SHIFT);
}

/* What the IOTLB has for a requester with context @word. */
static inline bool look_up(NyxVtdRequester *r, uint64_t word, uint64_t iova,
                           NyxIotlbEntry *entry)
{
    NyxAsid asid = nyx_ctx_word_asid(word);

    return nyx_iotlb_find(r->tlbs.tlb, iova, asid,
                          nyx_tags_gen(&r->vtd->tags, asid), entry);
}

/*
 * With an entry of the IOTLB; true if it decides.  Translation requests take
 * the entries of the others (4.1.1).
 */
static bool translate_found(Xlat *x, const Prior *prior, NyxReply *reply,
                            bool *ok)
{
    x->ctx.fpd = FIELD_EX64(prior->word, NYX_CTX, FPD);
    x->ctx.ats = FIELD_EX64(prior->word, NYX_CTX, ATS);
    x->ctx.scalable = FIELD_EX64(prior->word, NYX_CTX, SCALABLE);
    if (!kind_admitted(x)) {
        *ok = refuse_kind(x, reply);
        return true;
    }
    return finish_entry(x, FIELD_EX64(prior->word, NYX_CTX, MARKS),
                        &prior->entry, reply, ok);
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
        .need = needed(&r->vtd->cfg, req),
        .probe = req->type == NYX_REQ_UNTRANSLATED &&
                 req->access == NYX_ACCESS_NONE,
    };
    bool ok;

    if (qatomic_read(&r->last_sid) != sid) {
        qatomic_set(&r->last_sid, sid);
    }
    if (!prior->translating) {
        return translate_off(&x, reply);
    }
    if (req->type == NYX_REQ_TRANSLATED &&
        overlaps_interrupts(req->iova, req->iova)) {
        return refuse(&x, nyx_vtd_scalable(x.vtd) ? NVTD_FAULT_SGN_INTR
                                                  : NVTD_FAULT_INTR_RANGE,
                      reply);
    }
    if (req->type == NYX_REQ_TRANSLATION && !req->has_pasid &&
        !asks_for_interrupts(req) && context_has_tables(prior->word, sid)) {
        prior->looked_up = true;
        prior->found = look_up(r, prior->word, req->iova, &prior->entry);
        nyx_vtd_perf_lookup(r->vtd, NVTD_PERF_IOTLB_LOOKUP, prior->found, sid,
                            FIELD_EX64(prior->word, NYX_CTX, DID));
    }
    if (prior->found && translate_found(&x, prior, reply, &ok)) {
        return ok;
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
                          entry.permission & NYX_ACCESS_RW);
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

NyxVtdRequester *nyx_vtd_requester_new(NyxVtd *vtd, void *opaque)
{
    NyxVtdRequester *r = g_new0(NyxVtdRequester, 1);

    r->vtd = vtd;
    r->opaque = opaque;
    nyx_tlbs_init(&r->tlbs, vtd->cfg.cache, vtd->cfg.cache_seed,
                  vtd->cfg.iotlb_entries);
    r->pasids = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    pthread_mutex_init(&r->lock, NULL);
    nyx_follower_init(&r->follow, vtd->announce);
    g_ptr_array_add(vtd->requesters, r);
    return r;
}

void nyx_vtd_requester_free(NyxVtdRequester *r)
{
    nyx_vtd_catch_up(r->vtd);
    nyx_follower_destroy(&r->follow);
    g_ptr_array_remove(r->vtd->requesters, r);
    g_hash_table_unref(r->pasids);
    nyx_tlbs_destroy(&r->tlbs);
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
