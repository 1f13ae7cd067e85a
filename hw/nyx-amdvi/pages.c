/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page requests (2.6): from an endpoint to the log in memory, and the
 * responses, software's (2.4.7) and the IOMMU's own.
 *
 * All work is done on the serialized side.  Requests of other threads wait in
 * a ring; a full one pushes back, as a link without credits does.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

/* --- Responses ------------------------------------------------------------ */

void nyx_amd_page_respond(NyxAmd *amd, const NyxAmdPageResponse *response,
                          bool own)
{
    bool expected = amd->host.page_response(amd->host.opaque, response);

    if (own) {
        amd->stats.page_responses_own++;
    } else {
        amd->stats.page_responses++;
    }
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = NYX_AMD_EV_PAGE_RESPONSE,
        .sid = response->sid,
        .addr = response->group,
        .a = response->has_pasid ? response->pasid : 0,
        .b = response->code,
    });
    if (!expected && !own) {
        nyx_amd_finding(amd, NAMD_RULE_PPR_RESPONSE, (NyxWhere) {
            .has_sid = true, .sid = response->sid, .value = response->group,
        });
    }
}

/* A stop marker has a PASID, and asks for nothing: nothing answers it. */
static bool is_stop_marker(const NyxRequest *req)
{
    return req->has_pasid && req->last && !(req->access & NYX_ACCESS_RW);
}

static void respond(NyxAmd *amd, const NyxAmdPage *page, bool has_pasid,
                    uint8_t code)
{
    const NyxAmdPageResponse response = {
        .sid = page->sid,
        .has_pasid = has_pasid,
        .pasid = has_pasid ? page->req.pasid : 0,
        .group = page->req.group,
        .code = code,
    };

    if (page->req.last && !is_stop_marker(&page->req)) {
        nyx_amd_page_respond(amd, &response, true);
    }
}

/* --- One request ---------------------------------------------------------- */

/* 2.6, PAGE_SERVICE_REQUEST */
static void encode(const NyxAmdPage *page, uint64_t words[2])
{
    const NyxRequest *req = &page->req;
    uint64_t word = FIELD_DP64(0, NAMD_PPR0, CODE, NAMD_PPR_SERVICE);

    word = FIELD_DP64(word, NAMD_PPR0, DEVID, page->sid);
    word = FIELD_DP64(word, NAMD_PPR0, TAG,
                      req->group | (req->last ? NAMD_PPR_TAG_LAST : 0));
    word = FIELD_DP64(word, NAMD_PPR0, R, !!(req->access & NYX_ACCESS_READ));
    word = FIELD_DP64(word, NAMD_PPR0, W, !!(req->access & NYX_ACCESS_WRITE));
    if (req->has_pasid) {
        word = FIELD_DP64(word, NAMD_PPR0, GN, 1);
        word = FIELD_DP64(word, NAMD_PPR0, PASID_LO, req->pasid & 0xffff);
        word = FIELD_DP64(word, NAMD_PPR0, PASID_HI, req->pasid >> 16);
        word = FIELD_DP64(word, NAMD_PPR0, X,
                          !!(req->access & NYX_ACCESS_EXEC));
        word = FIELD_DP64(word, NAMD_PPR0, US,
                          !(req->access & NYX_ACCESS_PRIV));
    }
    words[0] = word;
    words[1] = req->iova & ~MAKE_64BIT_MASK(0, 12);
}

static void trace_page(NyxAmd *amd, NyxAmdTraceKind kind,
                       const NyxAmdPage *page, uint8_t code)
{
    uint64_t words[2];

    encode(page, words);
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = kind, .sid = page->sid, .addr = page->req.iova,
        .a = words[0], .b = code,
    });
}

/* The request does not get into the log: who waits is told @code. */
static void lose(NyxAmd *amd, const NyxAmdPage *page, bool has_pasid,
                 uint8_t code)
{
    trace_page(amd, NYX_AMD_EV_PAGE_LOST, page, code);
    respond(amd, page, has_pasid, code);
}

static void refuse(NyxAmd *amd, const NyxAmdPage *page, NyxAmdFaultCode code,
                   uint64_t addr, const NyxAmdContext *ctx)
{
    const NyxRequest *req = &page->req;
    NyxAmdFault fault = {
        .r = page->r,
        .code = code,
        .sid = page->sid,
        .addr = addr,
        .pasid = req->pasid,
        .has_pasid = req->has_pasid,
        .type = req->type,
        .access = req->access,
        .group = req->group,
        .last = req->last,
    };

    amd->stats.page_requests_refused++;
    nyx_amd_context_blame(ctx, &fault);
    nyx_amd_report(amd, &fault);
    lose(amd, page, req->has_pasid, NAMD_PAGE_FAILURE);
}

/* Digest 9.  DTE.PPR counts where enhanced handling is on. */
static bool admitted(const NyxAmd *amd, const NyxAmdContext *ctx)
{
    uint64_t control = nyx_amd_control(amd);

    return FIELD_EX64(control, NAMD_CTRL, PPREN) &&
           FIELD_EX64(control, NAMD_CTRL, PPRLOGEN) && ctx->ats &&
           (ctx->ppr || !FIELD_EX64(control, NAMD_CTRL, EPHEN));
}

/* The answer that software has left with the IOMMU. */
static void respond_by_itself(NyxAmd *amd, const NyxAmdPage *page,
                              const NyxAmdContext *ctx)
{
    uint64_t automatic = nyx_amd_reg64(amd, A_NAMD_PPRAUTO);
    bool enhanced = FIELD_EX64(nyx_amd_control(amd), NAMD_CTRL, EPHEN);

    lose(amd, page,
         page->req.has_pasid && (ctx->gprp || !enhanced) &&
         !FIELD_EX64(automatic, NAMD_PPRAUTO, MASKGN),
         FIELD_EX64(automatic, NAMD_PPRAUTO, CODE));
}

static void into_log(NyxAmd *amd, const NyxAmdPage *page,
                     const NyxAmdContext *ctx)
{
    uint64_t control = nyx_amd_control(amd);
    bool automatic = FIELD_EX64(control, NAMD_CTRL, PPRAUTO);
    uint64_t words[2];

    encode(page, words);
    if (automatic && FIELD_EX64(control, NAMD_CTRL, PPRAUTOAON)) {
        respond_by_itself(amd, page, ctx);
    } else if (nyx_amd_log_ppr(amd, words)) {
        amd->stats.page_requests++;
        trace_page(amd, NYX_AMD_EV_PAGE_REQUEST, page, 0);
    } else {
        amd->stats.page_requests_lost++;
        if (automatic) {
            respond_by_itself(amd, page, ctx);
        } else {
            lose(amd, page, page->req.has_pasid, NAMD_PAGE_FAILURE);
        }
    }
}

static void handle(NyxAmd *amd, const NyxAmdPage *page)
{
    NyxAmdContext ctx = { };
    NyxAmdFaultCode code;
    uint32_t ticket;
    uint64_t dte;

    if (!nyx_amd_dma_checked(amd)) {
        /* Nobody is there to log it. */
        amd->stats.page_requests_refused++;
        lose(amd, page, page->req.has_pasid, NAMD_PAGE_FAILURE);
        return;
    }
    if (is_stop_marker(&page->req) &&
        FIELD_EX64(nyx_amd_control(amd), NAMD_CTRL, BLKSTOPMRK)) {
        return;
    }
    code = nyx_amd_context_get(page->r, page->sid, &ctx, &ticket, &dte);
    if (code == NAMD_FAULT_DTE_READ) {
        refuse(amd, page, code, dte, &ctx);
    } else if (code != NAMD_FAULT_NONE || !admitted(amd, &ctx)) {
        refuse(amd, page, NAMD_FAULT_PPR_REFUSED, page->req.iova, &ctx);
    } else {
        into_log(amd, page, &ctx);
    }
}

/* --- Their way here ------------------------------------------------------- */

void nyx_amd_pages_drain(NyxAmd *amd)
{
    NyxAmdPage pages[NAMD_PAGE_RING];
    unsigned len;
    bool lost;

    /* What a response brings about waits for its turn. */
    if (amd->pages_busy) {
        return;
    }
    len = nyx_handoff_take(&amd->pages, pages, &lost);
    amd->pages_busy = true;
    for (unsigned i = 0; i < len; i++) {
        handle(amd, &pages[i]);
    }
    amd->pages_busy = false;
    if (nyx_handoff_pending(&amd->pages)) {
        amd->host.kick(amd->host.opaque);
    }
}

void nyx_amd_catch_up(NyxAmd *amd)
{
    nyx_amd_pages_drain(amd);
    nyx_amd_report_drain(amd);
}

bool nyx_amd_page_request(NyxAmdRequester *r, uint16_t sid,
                          const NyxRequest *req)
{
    NyxAmd *amd = r->amd;
    const NyxAmdPage page = { .r = r, .req = *req, .sid = sid };
    bool serialized = amd->host.serialized(amd->host.opaque);
    bool taken, first;

    if (serialized) {
        nyx_amd_pages_drain(amd);
    }
    taken = nyx_handoff_put(&amd->pages, &page, &first);
    if (serialized) {
        nyx_amd_pages_drain(amd);
    } else {
        amd->host.kick(amd->host.opaque);
    }
    return taken;
}
