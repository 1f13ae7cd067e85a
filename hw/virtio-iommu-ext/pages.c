/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page requests (draft): from an endpoint to the event queue, and the
 * responses, the driver's and the device's own.
 *
 * All work is done on the serialized side.  Requests of other threads wait in
 * a ring; a full one pushes back, as a link without credits does.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/virtio-iommu-ext/internal.h"

/* Codes of a PRG response (PCIe 10.4.2.2) */
#define PRG_SUCCESS 0
#define PRG_INVALID 1
#define PRG_FAILURE 15

void nyx_vio_pages_init(NyxVio *vio)
{
    nyx_handoff_init(&vio->pages.ring, sizeof(NyxVioPage), NVIO_PAGE_RING);
}

void nyx_vio_pages_destroy(NyxVio *vio)
{
    nyx_handoff_destroy(&vio->pages.ring);
}

/* --- Responses ------------------------------------------------------------ */

/* False if the endpoint does not wait for it. */
static bool respond(NyxVio *vio, const NyxVioGroup *group, uint8_t code)
{
    const NyxVioPageResponse response = {
        .sid = group->sid,
        .has_pasid = group->has_pasid,
        .pasid = group->has_pasid ? group->pasid : 0,
        .group = group->group,
        .code = code,
    };

    return vio->host.page_response(vio->host.opaque, &response);
}

/* A stop marker has a PASID, and asks for nothing: nothing answers it. */
static bool is_stop_marker(const NyxRequest *req)
{
    return req->has_pasid && req->last && !(req->access & NYX_ACCESS_RW);
}

static bool wants_response(const NyxRequest *req)
{
    return req->last && !is_stop_marker(req);
}

static NyxVioGroup group_of(const NyxVioPage *page)
{
    return (NyxVioGroup) {
        .r = page->r,
        .sid = page->sid,
        .has_pasid = page->req.has_pasid,
        .pasid = page->req.has_pasid ? page->req.pasid : 0,
        .group = page->req.group,
    };
}

/* The driver does not get to see it: who waits is told. */
static void refuse(NyxVio *vio, const NyxVioPage *page, uint8_t code)
{
    const NyxVioGroup group = group_of(page);

    vio->stats.page_requests_refused++;
    if (wants_response(&page->req)) {
        respond(vio, &group, code);
    }
}

/* --- Groups that wait ----------------------------------------------------- */

/* Index of the group, or how many there are. */
static unsigned waiting_find(const NyxVioPages *pages,
                             const NyxVioGroup *group)
{
    unsigned i = 0;

    while (i < pages->n_waiting) {
        const NyxVioGroup *at = &pages->waiting[i];

        if (at->sid == group->sid && at->group == group->group &&
            at->has_pasid == group->has_pasid && at->pasid == group->pasid) {
            break;
        }
        i++;
    }
    return i;
}

static void waiting_add(NyxVioPages *pages, const NyxVioGroup *group)
{
    if (waiting_find(pages, group) == pages->n_waiting) {
        pages->waiting[pages->n_waiting++] = *group;
    }
}

static bool waiting_remove(NyxVioPages *pages, const NyxVioGroup *group)
{
    unsigned i = waiting_find(pages, group);

    if (i == pages->n_waiting) {
        return false;
    }
    pages->waiting[i] = pages->waiting[--pages->n_waiting];
    return true;
}

/* --- One request ---------------------------------------------------------- */

static void encode(const NyxVioPage *page, uint8_t *record)
{
    const NyxRequest *req = &page->req;
    uint32_t flags = NVIO_EVENT_F_PAGE_REQ | NVIO_EVENT_F_ADDRESS |
                     NVIO_EVENT_F_GROUP_ID |
                     nyx_vio_event_access(req->access);

    memset(record, 0, NVIO_EVENT_EXT_SIZE);
    record[NVIO_EVENT_REASON] = NVIO_EVENT_R_MAPPING;
    stl_le_p(record + NVIO_EVENT_ENDPOINT, page->sid);
    stq_le_p(record + NVIO_EVENT_ADDRESS,
             req->iova & ~MAKE_64BIT_MASK(0, 12));
    stw_le_p(record + NVIO_EVENT_GROUP, req->group & NVIO_GROUP_MAX);
    if (req->last) {
        flags |= NVIO_EVENT_F_LAST;
    }
    if (req->has_pasid) {
        flags |= NVIO_EVENT_F_PASID |
                 (req->access & NYX_ACCESS_EXEC ? NVIO_EVENT_F_EXEC : 0) |
                 (req->access & NYX_ACCESS_PRIV ? NVIO_EVENT_F_PRIV : 0);
        stl_le_p(record + NVIO_EVENT_PASID, req->pasid);
    }
    stl_le_p(record + NVIO_EVENT_FLAGS, flags);
}

/*
 * Page requests are of those whose tables the driver fills, and of PASIDs
 * that it has given.
 */
static bool admitted(const NyxVio *vio, const NyxVioPage *page)
{
    const NyxVioDomain *domain = nyx_vio_domain_of(vio, page->sid);
    const NyxRequest *req = &page->req;
    NyxVioTable table;

    return domain && nyx_vio_tables_get(domain, req->has_pasid, req->pasid,
                                        &table);
}

static void trace_page(NyxVio *vio, const NyxVioPage *page,
                       NyxVioEventResult result)
{
    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_PAGE_REQUEST, .endpoint = page->sid,
        .a = page->req.iova, .b = page->req.pasid, .c = page->req.group,
        .d = result,
    });
}

/* False if it has to wait. */
static bool handle(NyxVio *vio, const NyxVioPage *page)
{
    const NyxVioGroup group = group_of(page);
    uint32_t resets = vio->pages.resets;
    uint8_t record[NVIO_EVENT_EXT_SIZE];
    NyxVioEventResult result;

    if (!nyx_vio_has(vio, NVIO_F_PAGE_REQUEST)) {
        refuse(vio, page, PRG_FAILURE);
        return true;
    }
    if (!admitted(vio, page) ||
        vio->pages.n_waiting == ARRAY_SIZE(vio->pages.waiting)) {
        refuse(vio, page, PRG_INVALID);
        return true;
    }
    encode(page, record);
    vio->sending = true;
    result = nyx_vio_event_send(vio, record);
    vio->sending = false;
    trace_page(vio, page, result);
    if (result == NYX_VIO_EVENT_LATER) {
        return false;
    }
    if (resets != vio->pages.resets) {
        /* The buffer was a place where that is done. */
        refuse(vio, page, PRG_FAILURE);
        return true;
    }
    if (result != NYX_VIO_EVENT_SENT) {
        refuse(vio, page, PRG_INVALID);
        return true;
    }
    vio->stats.page_requests++;
    if (wants_response(&page->req)) {
        waiting_add(&vio->pages, &group);
    }
    return true;
}

/* --- Their way here ------------------------------------------------------- */

static NyxVioPage pop(NyxVioPages *pages)
{
    NyxVioPage page = pages->held[pages->first_held];

    pages->first_held = (pages->first_held + 1) % NVIO_PAGE_RING;
    pages->n_held--;
    return page;
}

static void hold(NyxVio *vio, const NyxVioPage *page)
{
    NyxVioPages *pages = &vio->pages;

    if (pages->n_held < NVIO_PAGE_RING) {
        pages->held[(pages->first_held + pages->n_held++) %
                    NVIO_PAGE_RING] = *page;
    } else {
        refuse(vio, page, PRG_INVALID);
    }
}

static void handle_held(NyxVio *vio)
{
    NyxVioPages *pages = &vio->pages;

    while (pages->n_held) {
        NyxVioPage page = pop(pages);

        if (!handle(vio, &page)) {
            pages->first_held = (pages->first_held + NVIO_PAGE_RING - 1) %
                                NVIO_PAGE_RING;
            pages->n_held++;
            return;
        }
    }
}

static void collect(NyxVio *vio)
{
    NyxVioPage taken[NVIO_PAGE_RING];
    bool lost;
    unsigned n = nyx_handoff_take(&vio->pages.ring, taken, &lost);

    for (unsigned i = 0; i < n; i++) {
        hold(vio, &taken[i]);
    }
}

/*
 * What a response brings about waits for its turn, and so does what an event
 * does whose buffer is no memory.
 */
void nyx_vio_pages_drain(NyxVio *vio)
{
    if (vio->pages.busy || vio->sending) {
        return;
    }
    vio->pages.busy = true;
    handle_held(vio);
    collect(vio);
    handle_held(vio);
    vio->pages.busy = false;
    if (nyx_handoff_pending(&vio->pages.ring)) {
        vio->host.kick(vio->host.opaque);
    }
}

bool nyx_vio_page_request(NyxVioRequester *r, uint16_t sid,
                          const NyxRequest *req)
{
    NyxVio *vio = r->vio;
    const NyxVioPage page = { .r = r, .req = *req, .sid = sid };
    bool serialized = vio->host.serialized(vio->host.opaque);
    bool taken, first;

    if (serialized) {
        nyx_vio_pages_drain(vio);
    }
    taken = nyx_handoff_put(&vio->pages.ring, &page, &first);
    if (serialized && !vio->sending) {
        nyx_vio_pages_drain(vio);
    } else {
        vio->host.kick(vio->host.opaque);
    }
    return taken;
}

/* --- Their end ------------------------------------------------------------ */

static void forget_waiting(NyxVio *vio, const NyxVioRequester *r)
{
    NyxVioPages *pages = &vio->pages;
    unsigned n = pages->n_waiting;

    pages->n_waiting = 0;
    for (unsigned i = 0; i < n; i++) {
        const NyxVioGroup group = pages->waiting[i];

        if (!r) {
            respond(vio, &group, PRG_FAILURE);
        } else if (group.r != r) {
            pages->waiting[pages->n_waiting++] = group;
        }
    }
}

void nyx_vio_pages_forget(NyxVio *vio, const NyxVioRequester *r)
{
    NyxVioPages *pages = &vio->pages;
    bool busy = pages->busy;

    /* What a response brings about comes after all of this. */
    pages->busy = true;
    pages->resets += !r;
    collect(vio);
    for (unsigned left = pages->n_held; left; left--) {
        NyxVioPage page = pop(pages);

        if (!r) {
            refuse(vio, &page, PRG_FAILURE);
        } else if (page.r != r) {
            hold(vio, &page);
        }
    }
    forget_waiting(vio, r);
    pages->busy = busy;
    if (nyx_handoff_pending(&pages->ring)) {
        vio->host.kick(vio->host.opaque);
    }
}

void nyx_vio_pages_clear(NyxVio *vio)
{
    NyxVioPage taken[NVIO_PAGE_RING];
    bool lost;

    nyx_handoff_take(&vio->pages.ring, taken, &lost);
    vio->pages.n_held = vio->pages.n_waiting = 0;
    vio->pages.resets++;
}

/* --- PAGE_RESP ------------------------------------------------------------ */

typedef struct Response {
    NyxVioGroup group;
    uint32_t endpoint;
    uint32_t flags;
    uint32_t number;         /* of the group */
    uint16_t code;
} Response;

static uint8_t refuse_response(NyxVio *vio, uint8_t status,
                               const Response *resp, uint64_t value)
{
    return nyx_vio_refuse_endpoint(vio, status, NVIO_RULE_PAGE_RESP,
                                   resp->endpoint, value);
}

/* Or groups of endpoints that are unplugged would take up room for ever. */
static bool waits_though_gone(const NyxVioPages *pages, const Response *resp)
{
    return resp->endpoint < NVIO_SIDS &&
           waiting_find(pages, &resp->group) != pages->n_waiting;
}

static uint8_t check_response(NyxVio *vio, const Response *resp)
{
    if (resp->flags & ~NVIO_RESP_F_PASID) {
        return refuse_response(vio, NVIO_S_INVAL, resp, resp->flags);
    }
    if (resp->code > NVIO_RESP_FAILURE) {
        return refuse_response(vio, NVIO_S_INVAL, resp, resp->code);
    }
    if (resp->number > NVIO_GROUP_MAX) {
        return refuse_response(vio, NVIO_S_RANGE, resp, resp->number);
    }
    if (resp->group.has_pasid && !nyx_vio_has(vio, NVIO_F_PASID)) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL, NVIO_RULE_FEATURE,
                                       resp->endpoint, resp->flags);
    }
    if (resp->group.has_pasid &&
        resp->group.pasid >> vio->cfg.pasid_bits) {
        return refuse_response(vio, NVIO_S_RANGE, resp, resp->group.pasid);
    }
    if (!nyx_vio_endpoint_exists(vio, resp->endpoint) &&
        !waits_though_gone(&vio->pages, resp)) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_NOENT, NVIO_RULE_ENDPOINT,
                                       resp->endpoint, resp->endpoint);
    }
    return NVIO_S_OK;
}

/*
 * The endpoint knows best what it waits for: of requests from before a
 * migration there is no group here.
 */
static uint8_t answer(NyxVio *vio, const Response *resp)
{
    static const uint8_t codes[] = {
        [NVIO_RESP_SUCCESS] = PRG_SUCCESS,
        [NVIO_RESP_INVALID] = PRG_INVALID,
        [NVIO_RESP_FAILURE] = PRG_FAILURE,
    };
    bool waited = waiting_remove(&vio->pages, &resp->group);
    bool expected = respond(vio, &resp->group, codes[resp->code]);

    if (!waited && !expected) {
        return refuse_response(vio, NVIO_S_NOENT, resp, resp->number);
    }
    vio->stats.page_responses++;
    return NVIO_S_OK;
}

static Response decode_response(const NyxVioIn *in)
{
    uint32_t flags = ldl_le_p(in->bytes + NVIO_RESP_FLAGS);
    uint32_t endpoint = ldl_le_p(in->bytes + NVIO_RESP_ENDPOINT);
    uint32_t number = ldl_le_p(in->bytes + NVIO_RESP_GROUP);
    bool has_pasid = flags & NVIO_RESP_F_PASID;

    return (Response) {
        .group = {
            .sid = endpoint,
            .group = number,
            .has_pasid = has_pasid,
            .pasid = has_pasid ? ldl_le_p(in->bytes + NVIO_RESP_PASID) : 0,
        },
        .endpoint = endpoint,
        .flags = flags,
        .number = number,
        .code = lduw_le_p(in->bytes + NVIO_RESP_CODE),
    };
}

uint8_t nyx_vio_page_resp(NyxVio *vio, const NyxVioIn *in)
{
    Response resp = decode_response(in);
    uint8_t status;

    if (!nyx_vio_all_zero(in->bytes + NVIO_RESP_RESERVED,
                          NVIO_RESP_SIZE - NVIO_RESP_RESERVED)) {
        status = nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL,
                                         NVIO_RULE_REQ_RESERVED,
                                         resp.endpoint, resp.number);
    } else {
        status = check_response(vio, &resp);
    }
    if (status == NVIO_S_OK) {
        status = answer(vio, &resp);
    }
    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_PAGE_RESPONSE, .status = status,
        .endpoint = resp.endpoint, .a = resp.group.pasid, .b = resp.number,
        .c = resp.code,
    });
    return status;
}
