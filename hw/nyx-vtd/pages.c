/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page requests (7.4): from an endpoint to the queue in memory, and the
 * responses, software's and the unit's own.
 *
 * All work is done on the serialized side.  Requests of other threads wait in
 * a ring; a full one pushes back, as a link without credits does.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

static uint64_t queue_bytes(const NyxVtd *vtd)
{
    return 4096ULL << FIELD_EX64(nyx_vtd_reg64(vtd, A_NVTD_PQA), NVTD_PQA, PQS);
}

/* --- Responses ------------------------------------------------------------ */

void nyx_vtd_page_respond(NyxVtd *vtd, const NyxVtdPageResponse *response,
                          bool own)
{
    bool expected = vtd->host.page_response(vtd->host.opaque, response);

    if (own) {
        vtd->stats.page_responses_own++;
    } else {
        vtd->stats.page_responses++;
    }
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_PAGE_RESPONSE,
        .sid = response->sid,
        .did = response->group,
        .gran = response->code,
        .a = response->has_pasid ? response->pasid : 0,
        .b = own,
    });
    if (!expected && !own) {
        nyx_vtd_finding(vtd, NVTD_RULE_PRQ_RESPONSE, (NyxWhere) {
            .has_sid = true, .sid = response->sid, .value = response->group,
        });
    }
}

/* A stop marker is for software alone: nothing answers it. */
static bool wants_response(const NyxRequest *req)
{
    return req->last && (!req->has_pasid || req->access & NYX_ACCESS_RW);
}

/* --- One request ---------------------------------------------------------- */

/* 7.4.1.1: the first two words of the descriptor; the others are zero. */
static void encode(const NyxVtdPage *page, uint64_t words[4])
{
    const NyxRequest *req = &page->req;
    uint64_t lo = FIELD_DP64(0, NVTD_PR, TYPE, NVTD_PAGE_REQUEST);
    uint64_t hi = req->iova & R_NVTD_PRH_ADDR_MASK;

    lo = FIELD_DP64(lo, NVTD_PR, RID, page->sid);
    if (req->has_pasid) {
        lo = FIELD_DP64(lo, NVTD_PR, PP, 1);
        lo = FIELD_DP64(lo, NVTD_PR, PASID, req->pasid);
        lo = FIELD_DP64(lo, NVTD_PR, EXR, !!(req->access & NYX_ACCESS_EXEC));
        lo = FIELD_DP64(lo, NVTD_PR, PMR, !!(req->access & NYX_ACCESS_PRIV));
    }
    hi = FIELD_DP64(hi, NVTD_PRH, RD, !!(req->access & NYX_ACCESS_READ));
    hi = FIELD_DP64(hi, NVTD_PRH, WR, !!(req->access & NYX_ACCESS_WRITE));
    hi = FIELD_DP64(hi, NVTD_PRH, LPIG, req->last);
    hi = FIELD_DP64(hi, NVTD_PRH, PRGI, req->group);
    words[0] = cpu_to_le64(lo);
    words[1] = cpu_to_le64(hi);
    words[2] = words[3] = 0;
}

/* The request does not get into the queue: who waits is told @code. */
static void lose(NyxVtd *vtd, const NyxVtdPage *page, NyxVtdPageCode code)
{
    const NyxVtdPageResponse response = {
        .sid = page->sid,
        .has_pasid = page->req.has_pasid,
        .pasid = page->req.pasid,
        .group = page->req.group,
        .code = code,
    };
    uint64_t words[4];

    encode(page, words);
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_PAGE_LOST, .sid = page->sid,
        .addr = page->req.iova, .gran = code,
        .a = le64_to_cpu(words[0]), .b = le64_to_cpu(words[1]),
    });
    if (wants_response(&page->req)) {
        nyx_vtd_page_respond(vtd, &response, true);
    }
}

static void refuse(NyxVtd *vtd, const NyxVtdPage *page, NyxVtdFaultCode code,
                   bool fpd)
{
    const NyxRequest *req = &page->req;
    const NyxVtdFault fault = {
        .code = code,
        .sid = page->sid,
        .addr = req->iova,
        .pasid = req->pasid,
        .has_pasid = req->has_pasid,
        .fpd = fpd,
        .type = req->type,
        .access = req->access,
    };

    vtd->stats.page_requests_refused++;
    /* Digest 3.4: translation that is off says nothing. */
    if (code != NVTD_FAULT_NONE) {
        nyx_vtd_report(vtd, page->r, &fault);
    }
    lose(vtd, page, NYX_VTD_PAGE_INVALID);
}

/* 7.1.3, RTA.3, SCT.8, and whatever the tables have on the way. */
static NyxVtdFaultCode admit(NyxVtd *vtd, const NyxVtdPage *page,
                             NyxVtdContext *ctx)
{
    uint64_t rtaddr = vtd->latched.rtaddr;
    NyxVtdFaultCode code;
    uint32_t ticket;

    *ctx = (NyxVtdContext) { };
    if (nyx_vtd_mode_of(vtd, rtaddr) == NVTD_TTM_LEGACY) {
        return NVTD_FAULT_PAGE_LEGACY;
    }
    code = nyx_vtd_context_get(page->r, page->sid, &page->req, ctx, &ticket);
    /* An entry that is cached was fetched for a request of another kind. */
    if ((code == NVTD_FAULT_NONE || code == NVTD_FAULT_PTE_P) &&
        !ctx->page_requests) {
        code = NVTD_FAULT_SCTX_PRE;
    }
    return code;
}

/*
 * 7.4.1: how far the queue is.  Software's registers may say anything: what
 * is outside the queue wraps, and a head there is never met.
 */
static uint64_t tail_in_queue(NyxVtd *vtd, uint64_t size, uint64_t head)
{
    uint64_t tail = nyx_vtd_reg64(vtd, A_NVTD_PQT);

    if (tail >= size || head >= size) {
        nyx_vtd_finding(vtd, NVTD_RULE_PRQ_OUTSIDE,
                        tail >= size ? nyx_vtd_at_reg(A_NVTD_PQT, tail)
                                     : nyx_vtd_at_reg(A_NVTD_PQH, head));
    }
    return tail % size;
}

/* False, and the request has been lost, if there is no room. */
static bool enqueue(NyxVtd *vtd, const NyxVtdPage *page)
{
    uint64_t pqa = nyx_vtd_reg64(vtd, A_NVTD_PQA);
    uint64_t size = queue_bytes(vtd);
    uint64_t head = nyx_vtd_reg64(vtd, A_NVTD_PQH);
    uint64_t tail = tail_in_queue(vtd, size, head);
    uint64_t next = (tail + NVTD_PR_BYTES) % size;
    uint64_t at = (pqa & R_NVTD_PQA_PQA_MASK) + tail;
    uint64_t words[4];

    if (nyx_vtd_reg32(vtd, A_NVTD_PRS) & R_NVTD_PRS_PRO_MASK) {
        lose(vtd, page, NYX_VTD_PAGE_SUCCESS);
        return false;
    }
    if (next == head) {
        nyx_vtd_finding(vtd, NVTD_RULE_PRQ_OVERFLOW, (NyxWhere) {
            .has_sid = true, .sid = page->sid,
            .has_addr = true, .addr = page->req.iova, .value = head,
        });
        nyx_vtd_status_set(vtd, NVTD_EVENT_PAGE, R_NVTD_PRS_PRO_MASK);
        lose(vtd, page, NYX_VTD_PAGE_SUCCESS);
        return false;
    }
    if (!pqa) {
        nyx_vtd_finding(vtd, NVTD_RULE_PRQ_NONE,
                        nyx_vtd_at_reg(A_NVTD_PQA, pqa));
    }
    encode(page, words);
    /* A queue that goes on above the last address does not at zero. */
    if (at < tail ||
        !vtd->host.mem.write(vtd->host.mem.opaque, at, words, sizeof(words))) {
        nyx_vtd_finding(vtd, NVTD_RULE_PRQ_MEMORY,
                        nyx_vtd_at_reg(A_NVTD_PQA, at));
        lose(vtd, page, NYX_VTD_PAGE_FAILURE);
        return false;
    }
    nyx_reg_set(&vtd->regs, A_NVTD_PQT, 8, next);
    nyx_vtd_event(vtd, (NyxVtdEvent) {
        .kind = NYX_VTD_EV_PAGE_REQUEST, .sid = page->sid,
        .addr = page->req.iova,
        .a = le64_to_cpu(words[0]), .b = le64_to_cpu(words[1]),
    });
    return true;
}

static void handle(NyxVtd *vtd, const NyxVtdPage *page)
{
    NyxVtdContext ctx = { };
    NyxVtdFaultCode code;

    if (!nyx_vtd_translating(vtd)) {
        refuse(vtd, page, NVTD_FAULT_NONE, false);
        return;
    }
    code = admit(vtd, page, &ctx);
    if (code != NVTD_FAULT_NONE) {
        refuse(vtd, page, code, ctx.fpd);
        return;
    }
    /* 7.4.1: what is cached for the page is what the endpoint got stuck at. */
    nyx_vtd_requester_drop_page(page->r,
                                nyx_vtd_context_asid(&ctx, false),
                                page->req.iova);
    if (enqueue(vtd, page)) {
        vtd->stats.page_requests++;
        nyx_vtd_perf_count(vtd, NVTD_PERF_PAGE_REQUEST, 1, page->sid, ctx.did);
        nyx_vtd_status_set(vtd, NVTD_EVENT_PAGE, R_NVTD_PRS_PPR_MASK);
    } else {
        vtd->stats.page_requests_lost++;
    }
}

/* --- Their way here ------------------------------------------------------- */

void nyx_vtd_pages_drain(NyxVtd *vtd)
{
    NyxVtdPage pages[NVTD_PAGE_RING];
    unsigned len;
    bool lost;

    /* What a response brings about waits for its turn. */
    if (vtd->pages_busy) {
        return;
    }
    len = nyx_handoff_take(&vtd->pages, pages, &lost);
    vtd->pages_busy = true;
    for (unsigned i = 0; i < len; i++) {
        handle(vtd, &pages[i]);
    }
    vtd->pages_busy = false;
    if (nyx_handoff_pending(&vtd->pages)) {
        vtd->host.kick(vtd->host.opaque);
    }
}

void nyx_vtd_catch_up(NyxVtd *vtd)
{
    nyx_vtd_pages_drain(vtd);
    nyx_vtd_report_drain(vtd);
}

bool nyx_vtd_page_request(NyxVtdRequester *r, uint16_t sid,
                          const NyxRequest *req)
{
    const NyxVtdPage page = { r, *req, sid };
    NyxVtd *vtd = r->vtd;
    bool serialized = vtd->host.serialized(vtd->host.opaque);
    bool taken, first;

    if (serialized) {
        nyx_vtd_pages_drain(vtd);
    }
    taken = nyx_handoff_put(&vtd->pages, &page, &first);
    if (serialized) {
        nyx_vtd_pages_drain(vtd);
    } else {
        vtd->host.kick(vtd->host.opaque);
    }
    return taken;
}

/* --- Registers ------------------------------------------------------------ */

/* 11.4.33: in force at once; there is no enable to lock it. */
void nyx_vtd_pqa_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask)
{
    NyxVtd *vtd = dev;

    if (nyx_vtd_reg64(vtd, A_NVTD_PQH) != nyx_vtd_reg64(vtd, A_NVTD_PQT)) {
        nyx_vtd_finding(vtd, NVTD_RULE_PRQ_BUSY,
                        nyx_vtd_at_reg(A_NVTD_PQA, written));
    }
}
