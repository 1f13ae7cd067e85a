/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA requests: the hit, which takes no lock, and the miss, which asks for
 * the device table entry, walks and fills.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/nyx-amdvi/internal.h"

/* One request on its way. */
typedef struct Xlat {
    NyxAmd *amd;
    NyxAmdRequester *r;
    const NyxRequest *req;
    uint16_t sid;
    uint32_t mode;           /* NAMD_MODE_* */
    unsigned need;           /* R, W and X that the request needs */
    bool probe;              /* only asks: reports nothing */
    bool looked_up;          /* the IOTLB does not have the page */
    bool guest;              /* goes through guest tables */
    bool privileged;
    NyxAmdContext ctx;
    NyxAsid asid;
    uint32_t pasid;          /* if guest */
    uint32_t ctx_ticket;     /* from before the context was looked up */
    bool ctx_dropped;        /* since then: keep nothing found with it */
    uint32_t gen;
    uint32_t iotlb_ticket;
    uint64_t fault_addr;     /* what the event of a refusal is about */
} Xlat;

static unsigned needed(const NyxAmdCfg *cfg, const NyxRequest *req)
{
    unsigned need = req->access & NYX_ACCESS_RWX;

    if (req->type == NYX_REQ_TRANSLATION) {
        /* The completion tells what rights there are. */
        return 0;
    }
    if (req->access & NYX_ACCESS_ATOMIC) {
        need = NYX_ACCESS_RW;
    } else if (req->access & NYX_ACCESS_ZERO_LEN) {
        need = NYX_ACCESS_READ;
    }
    return req->has_pasid && cfg->no_execute ? need : need & ~NYX_ACCESS_EXEC;
}

/* The endpoint says (NW) that it is not going to write. */
static bool no_write(const NyxRequest *req)
{
    return req->type == NYX_REQ_TRANSLATION &&
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
 * The same for a page with @rights and NYX_AMD_ENTRY_*.  The right to execute
 * is for those who asked for it; a completion repeats the privilege.
 */
static bool complete(const Xlat *x, uint64_t addr, uint8_t lg2,
                     unsigned rights, NyxReply *reply)
{
    const NyxRequest *req = x->req;
    unsigned access = rights & (NYX_ACCESS_RW |
                                (req->access & NYX_ACCESS_EXEC));

    if (!req->has_pasid || !x->amd->cfg.no_execute) {
        access &= ~NYX_ACCESS_EXEC;
    }
    if (no_write(req)) {
        access &= ~NYX_ACCESS_WRITE;
    }
    if ((x->mode & NAMD_MODE_WINDOWS) && !req->has_pasid && lg2 > 12) {
        /* The next page may be in a window, or out of it. */
        addr |= req->iova & MAKE_64BIT_MASK(12, lg2 - 12);
        lg2 = 12;
    }
    answer(reply, req->iova, addr, lg2, access);
    if (req->type == NYX_REQ_TRANSLATION) {
        reply->access |= req->has_pasid ? req->access & NYX_ACCESS_PRIV : 0;
        if (access) {
            reply->ats =
                (rights & NYX_AMD_ENTRY_FC ? NYX_ATS_SNOOP : 0) |
                (rights & NYX_AMD_ENTRY_U ? NYX_ATS_UNTRANSLATED : 0);
        }
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
 * No error of a translation request: that there is no translation, or no
 * right, is what the completion says with R = W = 0.
 */
static bool means_unmapped(NyxAmdFaultCode code)
{
    const NyxAmdFaultInfo *info = &nyx_amd_faults[code];

    return info->event == NAMD_EVENT_IO_PAGE_FAULT &&
           !(info->flags & NAMD_FLAG_RZ) && code != NAMD_FAULT_DTE_RANGE;
}

/* A completion without rights; Priv is repeated all the same. */
static bool answer_unmapped(const Xlat *x, NyxReply *reply)
{
    const NyxRequest *req = x->req;

    return answer(reply, req->iova, 0, 12,
                  req->has_pasid ? req->access & NYX_ACCESS_PRIV : 0);
}

/* Refuse, and report unless the request only asks. */
static bool refuse(const Xlat *x, NyxAmdFaultCode code, NyxReply *reply)
{
    const NyxRequest *req = x->req;

    if (req->type == NYX_REQ_TRANSLATION && means_unmapped(code)) {
        return answer_unmapped(x, reply);
    }
    if (!x->probe) {
        NyxAmdFault fault = {
            .r = x->r,
            .code = code,
            .sid = x->sid,
            .addr = x->fault_addr,
            .pasid = x->guest ? x->pasid : req->pasid,
            .has_pasid = x->guest || req->has_pasid,
            .type = req->type,
            .access = req->access,
        };

        nyx_amd_context_blame(&x->ctx, &fault);
        nyx_amd_report(x->amd, &fault);
        nyx_amd_perf_count(x->amd, NAMD_PERF_ABORT, 1, x->sid, x->ctx.did,
                           req->has_pasid ? req->pasid : NAMD_NO_PASID);
        x->amd->host.target_abort(x->amd->host.opaque);
    }
    return block(reply);
}

static NyxAmdFaultCode denied(const Xlat *x)
{
    return x->guest ? NAMD_FAULT_GUEST_DENIED : NAMD_FAULT_HOST_DENIED;
}

/* The request goes to its own address, as far as nothing else lies there. */
static bool identity(const Xlat *x, unsigned rights, NyxReply *reply)
{
    uint64_t iova = x->req->iova;
    uint8_t lg2 = 64;

    if (!x->req->has_pasid) {
        lg2 = nyx_amd_range_clip(x->amd, iova, lg2);
    }
    return complete(x, iova, lg2, rights, reply);
}

/* --- Addresses with a meaning of their own -------------------------------- */

/* Whether the request is a posted write, of which nothing comes back. */
static bool is_posted(const NyxRequest *req)
{
    return !(req->access & ~(NYX_ACCESS_WRITE | NYX_ACCESS_PRIV));
}

/* 2.1.2: writes are interrupts there, and not memory's to deliver. */
static bool interrupt_range(const Xlat *x, NyxReply *reply)
{
    const NyxRequest *req = x->req;

    if (req->type == NYX_REQ_TRANSLATION) {
        return refuse(x, NAMD_FAULT_ATS_RANGE, reply);
    }
    if (!x->probe && !is_posted(req)) {
        return refuse(x, NAMD_FAULT_INTR_READ, reply);
    }
    if (req->type == NYX_REQ_TRANSLATED) {
        return refuse(x, NAMD_FAULT_INTR_RANGE, reply);
    }
    return answer(reply, req->iova, req->iova,
                  nyx_amd_range_clip(x->amd, req->iova, 12),
                  NYX_ACCESS_WRITE);
}

/* What the entry allows in a window of its own. */
typedef enum Verdict {
    VERDICT_ABORT,
    VERDICT_FORWARD,
    VERDICT_WRITES,          /* forward what is posted */
    VERDICT_TRANSLATE,
} Verdict;

static Verdict window_verdict(const Xlat *x, NyxAmdRange range)
{
    static const Verdict io_ctl[] = {
        [NAMD_IOCTL_ABORT] = VERDICT_ABORT,
        [NAMD_IOCTL_FORWARD] = VERDICT_FORWARD,
        [NAMD_IOCTL_TRANSLATE] = VERDICT_TRANSLATE,
        [NAMD_IOCTL_RESERVED] = VERDICT_ABORT,
    };
    /* INTx messages are no memory writes, so they do not come this way. */
    static const Verdict sys_mgt[] = {
        [NAMD_SYSMGT_ABORT] = VERDICT_ABORT,
        [NAMD_SYSMGT_FORWARD] = VERDICT_WRITES,
        [NAMD_SYSMGT_INTX] = VERDICT_ABORT,
        [NAMD_SYSMGT_TRANSLATE] = VERDICT_TRANSLATE,
    };

    return range == NYX_AMD_RANGE_PORT_IO ? io_ctl[x->ctx.io_ctl]
                                          : sys_mgt[x->ctx.sys_mgt];
}

/* True if the window decides; the context is known. */
static bool check_window(const Xlat *x, NyxAmdRange range, NyxReply *reply,
                         bool *ok)
{
    const NyxRequest *req = x->req;
    Verdict verdict = window_verdict(x, range);

    if (verdict == VERDICT_TRANSLATE) {
        return false;
    }
    if (req->type == NYX_REQ_TRANSLATION) {
        *ok = refuse(x, NAMD_FAULT_ATS_RANGE, reply);
    } else if (verdict == VERDICT_FORWARD ||
               (verdict == VERDICT_WRITES && is_posted(req))) {
        *ok = answer(reply, req->iova, req->iova, 12,
                     verdict == VERDICT_FORWARD ? NYX_ACCESS_RW
                                                : NYX_ACCESS_WRITE);
    } else if (range == NYX_AMD_RANGE_PORT_IO) {
        *ok = refuse(x, NAMD_FAULT_PORT_IO, reply);
    } else {
        *ok = refuse(x, is_posted(req) ? NAMD_FAULT_SYSMGT
                                       : NAMD_FAULT_HT_RANGE, reply);
    }
    return true;
}

/* Ranges that need no entry to be refused; true if this is one. */
static bool check_range(const Xlat *x, NyxAmdRange range, NyxReply *reply,
                        bool *ok)
{
    bool ats = x->req->type == NYX_REQ_TRANSLATION;

    switch (range) {
    case NYX_AMD_RANGE_INTR:
        *ok = interrupt_range(x, reply);
        return true;
    case NYX_AMD_RANGE_HT_INTR:
        *ok = refuse(x, ats ? NAMD_FAULT_ATS_RANGE : NAMD_FAULT_INTR_RANGE,
                     reply);
        return true;
    case NYX_AMD_RANGE_RESERVED:
        *ok = refuse(x, ats ? NAMD_FAULT_ATS_RANGE : NAMD_FAULT_HT_RANGE,
                     reply);
        return true;
    default:
        return false;
    }
}

/*
 * Of guest addresses there are no special ones; what comes translated is no
 * guest's, whoever sends it.
 */
static NyxAmdRange range_of(const NyxAmd *amd, const NyxRequest *req)
{
    return req->has_pasid && req->type != NYX_REQ_TRANSLATED
           ? NYX_AMD_RANGE_MEMORY : nyx_amd_range(amd, req->iova);
}

/* --- Exclusion range and MARC apertures ----------------------------------- */

static bool in_window(const NyxAmdWindow *window, uint64_t addr,
                      uint64_t *offset)
{
    uint64_t first = qatomic_read(&window->first);

    *offset = addr - first;
    return addr >= first && addr <= qatomic_read(&window->last);
}

/* True if a window decides: neither table nor permission counts there. */
static bool check_windows(const Xlat *x, NyxReply *reply, bool *ok)
{
    const NyxAmd *amd = x->amd;
    const NyxRequest *req = x->req;
    uint64_t offset;

    if (!(x->mode & NAMD_MODE_WINDOWS) || req->has_pasid) {
        return false;
    }
    if (in_window(&amd->exclusion, req->iova, &offset) &&
        (x->ctx.exclusion || qatomic_read(&amd->exclusion.everybody))) {
        nyx_amd_perf_count(x->amd, NAMD_PERF_EXCLUSION, 1, x->sid, x->ctx.did,
                           NAMD_NO_PASID);
        *ok = identity(x, NYX_ACCESS_RW, reply);
        return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(amd->marc); i++) {
        const NyxAmdWindow *marc = &amd->marc[i];
        unsigned rights = NYX_ACCESS_RW;

        if (!in_window(marc, req->iova, &offset)) {
            continue;
        }
        if (qatomic_read(&marc->read_only)) {
            rights = NYX_ACCESS_READ;
        }
        *ok = x->need & ~rights
              ? refuse(x, NAMD_FAULT_MARC, reply)
              : complete(x, qatomic_read(&marc->to) + offset, 12, rights,
                         reply);
        return true;
    }
    return false;
}

/* --- Walks ---------------------------------------------------------------- */

/*
 * What is taken before anything is read: a fill with it is refused if an
 * invalidation came since.
 *
 * The context was looked up earlier still.  A command for pages that belongs
 * to a change of it comes behind the one for the entry: if none such came
 * until the generation was taken, the command for pages will move it.
 */
static void take_tickets(Xlat *x, NyxAmdJob *job)
{
    NyxAmdRequester *r = x->r;

    /* GN = 0 reaches guest tables without a host's, too: Linux 6.1 does so. */
    nyx_tlbs_enter(&r->tlbs, &x->amd->tags, x->ctx.did, x->guest);
    x->gen = job->paging.gen = nyx_tags_gen(&x->amd->tags, x->asid);
    x->iotlb_ticket = nyx_iotlb_ticket(r->tlbs.tlb);
    job->paging.ticket = nyx_iotlb_ticket(r->tlbs.tables);
    x->ctx_dropped = qatomic_load_acquire(&r->ctx_ticket) != x->ctx_ticket;
    job->keep = !x->ctx_dropped;
}

static void walk_tables(Xlat *x, NyxAmdWay *way)
{
    NyxAmdJob job;

    job.r = x->r;
    job.ctx = &x->ctx;
    job.iova = x->req->iova;
    job.paging.tables = x->r->tlbs.tables;
    job.paging.asid = x->asid & ~NYX_ASID_PRIVILEGED;
    job.pasid = x->pasid;
    job.ctx_ticket = x->ctx_ticket;
    job.sid = x->sid;
    /* A page that is granted to an endpoint may be written to later. */
    job.need = x->need | (x->req->type == NYX_REQ_TRANSLATION &&
                          !no_write(x->req) ? NYX_NEED_DIRTY : 0);
    job.guest = x->guest;
    job.privileged = x->privileged;
    take_tickets(x, &job);
    nyx_amd_stages_walk(&job, way);
}

/* Put a leaf, or with NpCache a hole, into the IOTLB. */
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

/*
 * A hit looks at no ranges.  So what requests without a PASID can hit keeps
 * clear of them, and a request with the PASID that stands for those leaves
 * nothing behind in one.
 */
static bool may_fill(const Xlat *x, uint8_t *lg2)
{
    uint64_t iova = x->req->iova;

    if (x->guest && !(x->ctx.giov && !x->pasid)) {
        return true;
    }
    *lg2 = nyx_amd_range_clip(x->amd, iova, *lg2);
    return !x->req->has_pasid ||
           nyx_amd_range(x->amd, iova) == NYX_AMD_RANGE_MEMORY;
}

static bool finish_leaf(const Xlat *x, const NyxAmdWay *way, NyxReply *reply)
{
    uint64_t addr = way->addr, iova = x->req->iova;
    uint8_t lg2 = way->lg2;
    bool fills;

    if (!(way->permission & NYX_ACCESS_RWX)) {
        return refuse(x, denied(x), reply);
    }
    fills = may_fill(x, &lg2);
    addr |= iova & MAKE_64BIT_MASK(0, way->lg2) & ~MAKE_64BIT_MASK(0, lg2);
    /* No part of a leaf is kept: a command for another one drops it all. */
    if (fills && way->kept && lg2 == way->lg2) {
        fill(x, addr, lg2, way->kept);
    }
    return complete(x, addr, lg2, way->permission, reply);
}

static bool finish_walk(Xlat *x, const NyxAmdWay *way, NyxReply *reply)
{
    if (way->code == NAMD_FAULT_NONE) {
        return finish_leaf(x, way, reply);
    }
    x->fault_addr = way->fault_addr;
    if (way->hole && x->amd->cfg.np_cache) {
        fill(x, 0, way->lg2, NYX_ACCESS_NONE);
    }
    return refuse(x, way->code, reply);
}

/*
 * True if the entry is the last word.  Where dirty bits are kept it is not if
 * a right is missing: the first write of a page has to set D.  And behind a
 * guest's tables the walk says whose refusal it is.
 */
static bool finish_entry(const Xlat *x, bool marks,
                         const NyxIotlbEntry *entry, NyxReply *reply,
                         bool *ok)
{
    if (!entry->permission) {
        *ok = refuse(x, NAMD_FAULT_HOST_EMPTY, reply);
        return true;
    }
    if (marks && (x->need & ~entry->permission ||
                  x->req->type == NYX_REQ_TRANSLATION)) {
        return false;
    }
    *ok = x->need & ~entry->permission
          ? refuse(x, denied(x), reply)
          : complete(x, entry->addr, entry->lg2, entry->permission, reply);
    return true;
}

static bool count_lookup(const Xlat *x, bool hit)
{
    nyx_amd_perf_count(x->amd, hit ? NAMD_PERF_PTE_HIT : NAMD_PERF_PTE_MISS,
                       1, x->sid, x->ctx.did,
                       x->guest ? x->pasid : NAMD_NO_PASID);
    return hit;
}

static bool iotlb_lookup(Xlat *x, NyxIotlbEntry *entry)
{
    return count_lookup(x, nyx_iotlb_lookup(x->r->tlbs.tlb, x->req->iova,
                                            x->asid,
                                            nyx_tags_gen(&x->amd->tags,
                                                         x->asid), entry));
}

/* --- The long way --------------------------------------------------------- */

/* Mode = 0: only the entry's own permissions count. */
static bool pass_checked(const Xlat *x, NyxReply *reply)
{
    unsigned rights = x->ctx.rights |
                      (x->ctx.mode0_fc ? NYX_AMD_ENTRY_FC : 0);

    /* Where nothing is granted there is nothing to tell who asks. */
    if ((x->need & ~rights) || !x->ctx.rights) {
        return refuse(x, NAMD_FAULT_IDENTITY, reply);
    }
    return identity(x, rights, reply);
}

/* Requests that go by tables: which, and what they are known by. */
static void choose_tables(Xlat *x)
{
    const NyxRequest *req = x->req;

    x->guest = req->has_pasid || x->ctx.giov;
    x->pasid = req->has_pasid ? req->pasid : 0;
    x->privileged = req->has_pasid && (req->access & NYX_ACCESS_PRIV) &&
                    x->amd->cfg.user_supervisor;
    x->asid = x->guest ? NYX_ASID_PASID(x->ctx.did, x->pasid) |
                         (x->privileged ? NYX_ASID_PRIVILEGED : 0)
                       : NYX_ASID(x->ctx.did);
}

static bool translate_by_tables(Xlat *x, NyxReply *reply)
{
    NyxIotlbEntry entry;
    NyxAmdWay way;
    bool ok;

    choose_tables(x);
    if (!x->guest && x->ctx.kind == NYX_AMD_KIND_IDENTITY) {
        return pass_checked(x, reply);
    }
    /* A PASID that no tag has room for is refused by the walk. */
    if (!x->looked_up && !(x->pasid >> NAMD_PASID_BITS) &&
        iotlb_lookup(x, &entry) &&
        finish_entry(x, nyx_amd_context_marks(&x->ctx), &entry, reply, &ok)) {
        return ok;
    }
    walk_tables(x, &way);
    return finish_walk(x, &way, reply);
}

/* What requests of each kind get where the entry has V = 0. */
static bool pass_unchecked(const Xlat *x, NyxReply *reply)
{
    switch (x->req->type) {
    case NYX_REQ_TRANSLATION:
        return refuse(x, NAMD_FAULT_ATS_BLOCKED, reply);
    case NYX_REQ_TRANSLATED:
        return refuse(x, NAMD_FAULT_TRANSLATED, reply);
    default:
        nyx_amd_perf_count(x->amd, NAMD_PERF_PASS, 1, x->sid, NAMD_NO_DOMAIN,
                           NAMD_NO_PASID);
        return identity(x, NYX_ACCESS_RW, reply);
    }
}

/* 2.1.4.3: an address that came of a translation is walked no more. */
static bool translated(const Xlat *x, NyxReply *reply)
{
    nyx_amd_perf_count(x->amd, NAMD_PERF_PRETRANSLATED, 1, x->sid, x->ctx.did,
                       x->req->has_pasid ? x->req->pasid : NAMD_NO_PASID);
    return answer(reply, x->req->iova, x->req->iova,
                  nyx_amd_range_clip(x->amd, x->req->iova, 64),
                  NYX_ACCESS_RW);
}

/* The order of digest 6, from the device table entry on. */
static bool translate_miss(Xlat *x, NyxAmdRange range, NyxReply *reply)
{
    NyxRequestType type = x->req->type;
    NyxAmdFaultCode code;
    uint64_t dte;
    bool ok;

    code = nyx_amd_context_get(x->r, x->sid, &x->ctx, &x->ctx_ticket, &dte);
    if (code != NAMD_FAULT_NONE) {
        if (code == NAMD_FAULT_DTE_READ) {
            x->fault_addr = dte;
        }
        return refuse(x, code, reply);
    }
    if (x->ctx.kind == NYX_AMD_KIND_PASS) {
        return pass_unchecked(x, reply);
    }
    if (type != NYX_REQ_UNTRANSLATED && !x->ctx.ats) {
        return refuse(x, type == NYX_REQ_TRANSLATION
                         ? NAMD_FAULT_ATS_BLOCKED : NAMD_FAULT_TRANSLATED,
                      reply);
    }
    if (range != NYX_AMD_RANGE_MEMORY &&
        check_window(x, range, reply, &ok)) {
        return ok;
    }
    if (type == NYX_REQ_TRANSLATED) {
        return translated(x, reply);
    }
    if (check_windows(x, reply, &ok)) {
        return ok;
    }
    if (x->ctx.kind == NYX_AMD_KIND_BLOCKED) {
        return refuse(x, NAMD_FAULT_DTE_TV, reply);
    }
    if (x->req->has_pasid && !x->ctx.guest) {
        return refuse(x, NAMD_FAULT_DTE_GV, reply);
    }
    return translate_by_tables(x, reply);
}

/* What is known of a request when it takes the long way. */
typedef struct Prior {
    uint64_t word;           /* context when it was looked up */
    uint32_t mode;
    bool looked_up;          /* in the IOTLB, with that context */
    bool found;
    NyxIotlbEntry entry;     /* if found */
} Prior;

/* Whether @word is a context for @sid that uses page tables. */
static bool context_has_tables(uint64_t word, uint16_t sid)
{
    const uint64_t mask = R_NYX_AMDW_VALID_MASK | R_NYX_AMDW_TABLES_MASK |
                          R_NYX_AMDW_SID_MASK;

    return (word & mask) ==
           (R_NYX_AMDW_VALID_MASK | R_NYX_AMDW_TABLES_MASK |
            (uint64_t)sid << R_NYX_AMDW_SID_SHIFT);
}

/* What the IOTLB has for a requester with context @word. */
static inline bool look_up(NyxAmdRequester *r, uint64_t word, uint64_t iova,
                           NyxIotlbEntry *entry)
{
    NyxAsid asid = nyx_amd_word_asid(word);

    return nyx_iotlb_find(r->tlbs.tlb, iova, asid,
                          nyx_tags_gen(&r->amd->tags, asid), entry);
}

/* With an entry of the IOTLB; true if it decides. */
static bool translate_found(Xlat *x, const Prior *prior, NyxReply *reply,
                            bool *ok)
{
    uint64_t word = prior->word;

    x->ctx.did = FIELD_EX64(word, NYX_AMDW, DID);
    x->ctx.suppress_all = FIELD_EX64(word, NYX_AMDW, SA);
    x->ctx.suppress_after = FIELD_EX64(word, NYX_AMDW, SE);
    return finish_entry(x, FIELD_EX64(word, NYX_AMDW, MARKS), &prior->entry,
                        reply, ok);
}

/* IommuEn = 0: there is nobody to check, and nobody to translate. */
static bool translate_off(const Xlat *x, NyxReply *reply)
{
    if (x->req->type == NYX_REQ_TRANSLATION) {
        return block(reply);
    }
    return answer(reply, x->req->iova, x->req->iova, 64, NYX_ACCESS_RW);
}

/* Field by field: all of it cleared at once is a slow string instruction. */
static inline void begin(Xlat *x, NyxAmdRequester *r, uint16_t sid,
                         const NyxRequest *req, uint32_t mode)
{
    x->amd = r->amd;
    x->r = r;
    x->req = req;
    x->sid = sid;
    x->mode = mode;
    x->need = needed(&r->amd->cfg, req);
    x->probe = req->type == NYX_REQ_UNTRANSLATED &&
               req->access == NYX_ACCESS_NONE;
    x->looked_up = false;
    x->guest = false;
    x->privileged = false;
    x->ctx = (NyxAmdContext) { };
    x->asid = 0;
    x->pasid = 0;
    x->ctx_ticket = 0;
    x->ctx_dropped = false;
    x->gen = 0;
    x->iotlb_ticket = 0;
    x->fault_addr = req->iova;
}

/* Everything but a plain hit. */
static __attribute__((noinline))
bool translate_long(NyxAmdRequester *r, uint16_t sid, const NyxRequest *req,
                    Prior *prior, NyxReply *reply)
{
    Xlat x;
    NyxAmdRange range;
    bool ok;

    begin(&x, r, sid, req, prior->mode);
    if (qatomic_read(&r->last_sid) != sid) {
        qatomic_set(&r->last_sid, sid);
    }
    if (!(prior->mode & NAMD_MODE_ENABLED)) {
        return translate_off(&x, reply);
    }
    range = range_of(r->amd, req);
    if (check_range(&x, range, reply, &ok)) {
        return ok;
    }
    if (!x.probe) {
        nyx_amd_perf_count(r->amd, NAMD_PERF_TRANSLATION, 1, sid,
                           nyx_amd_known_domain(r, sid),
                           req->has_pasid ? req->pasid : NAMD_NO_PASID);
    }
    /* What the entry says of a range, exclusion and MARC come first. */
    if (prior->looked_up && range == NYX_AMD_RANGE_MEMORY &&
        !(prior->mode & NAMD_MODE_WINDOWS)) {
        x.ctx.did = FIELD_EX64(prior->word, NYX_AMDW, DID);
        count_lookup(&x, prior->found);
        if (prior->found && translate_found(&x, prior, reply, &ok)) {
            return ok;
        }
        x.looked_up = true;
    }
    return translate_miss(&x, range, reply);
}

/* The plain hit is here, which is what nearly all requests are. */
bool nyx_amd_translate(NyxAmdRequester *r, uint16_t sid,
                       const NyxRequest *req, NyxReply *reply)
{
    /* What was published before the mode was set is seen with it. */
    uint32_t mode = qatomic_load_acquire(&r->amd->mode);
    uint64_t word = qatomic_load_acquire(&r->ctx_word);
    bool looked_up = (mode & NAMD_MODE_ENABLED) &&
                     req->type == NYX_REQ_UNTRANSLATED && !req->has_pasid &&
                     context_has_tables(word, sid);
    bool found = false;
    NyxIotlbEntry entry;
    Prior prior;

    if (likely(looked_up)) {
        found = look_up(r, word, req->iova, &entry);
        if (likely(found && entry.permission &&
                   !(req->access & ~entry.permission) &&
                   mode == NAMD_MODE_ENABLED)) {
            return answer(reply, req->iova, entry.addr, entry.lg2,
                          entry.permission & NYX_ACCESS_RW);
        }
    }
    prior = (Prior) {
        .word = word,
        .mode = mode,
        .looked_up = looked_up,
        .found = found,
    };
    if (found) {
        prior.entry = entry;
    }
    return translate_long(r, sid, req, &prior, reply);
}

/* --- Requesters ----------------------------------------------------------- */

NyxAmdRequester *nyx_amd_requester_new(NyxAmd *amd, void *opaque)
{
    NyxAmdRequester *r = g_new0(NyxAmdRequester, 1);

    r->amd = amd;
    r->opaque = opaque;
    nyx_tlbs_init(&r->tlbs, amd->cfg.cache, amd->cfg.cache_seed,
                  amd->cfg.iotlb_entries);
    r->gcr3 = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    pthread_mutex_init(&r->lock, NULL);
    nyx_follower_init(&r->follow, amd->announce);
    g_ptr_array_add(amd->requesters, r);
    return r;
}

void nyx_amd_requester_free(NyxAmdRequester *r)
{
    nyx_amd_catch_up(r->amd);
    nyx_follower_destroy(&r->follow);
    g_ptr_array_remove(r->amd->requesters, r);
    g_hash_table_unref(r->gcr3);
    nyx_tlbs_destroy(&r->tlbs);
    pthread_mutex_destroy(&r->lock);
    g_free(r);
}

void *nyx_amd_requester_opaque(const NyxAmdRequester *r)
{
    return r->opaque;
}

NyxAmd *nyx_amd_requester_iommu(const NyxAmdRequester *r)
{
    return r->amd;
}

void nyx_amd_requester_notify(NyxAmdRequester *r, bool on)
{
    r->notify = on;
}
