/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page requests: what the driver sees of them, who may send them, responses
 * and what is answered by the device itself, bounds, ends.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "vio-drafts.h"

#define IOVA 0x7f0000005000ULL
#define X NYX_ACCESS_EXEC
#define PRIV NYX_ACCESS_PRIV

/* Codes of a PRG response */
#define SUCCESS 0
#define INVALID 1
#define FAILURE 15

#define PAGE_EVENT 48

/* VX_SID in a bypass domain 1, with a table for PASID 3. */
static Vx *pages_new(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_FIRST, 4, 0);

    g_assert_cmpuint(vx_attach_bypass(f, 1, VX_SID), ==, VX_OK);
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, 3), ==, VX_OK);
    vx_forget(f);
    return f;
}

static NyxRequest page(unsigned access, unsigned group, bool last)
{
    return (NyxRequest) {
        .type = NYX_REQ_PAGE, .access = access, .iova = IOVA,
        .has_pasid = true, .pasid = 3, .group = group, .last = last,
    };
}

static bool ask(Vx *f, unsigned access, unsigned group, bool last)
{
    const NyxRequest req = page(access, group, last);

    return nyx_vio_page_request(f->r, VX_SID, &req);
}

static VdResp resp(unsigned group, unsigned code)
{
    return (VdResp) {
        .endpoint = VX_SID, .flags = VD_HAS_PASID, .pasid = 3,
        .group = group, .code = code,
    };
}

static unsigned respond(Vx *f, unsigned group, unsigned code)
{
    const VdResp r = resp(group, code);

    return vd_resp(f, &r);
}

static void check_response(const char *row, Vx *f, unsigned i, unsigned group,
                           unsigned code)
{
    const NyxVioPageResponse *r = (void *)f->responses->data;

    FX_CHECK(row, i < f->responses->len, true);
    if (i < f->responses->len) {
        FX_CHECK(row, r[i].sid, VX_SID);
        FX_CHECK(row, r[i].has_pasid, true);
        FX_CHECK(row, r[i].pasid, 3);
        FX_CHECK(row, r[i].group, group);
        FX_CHECK(row, r[i].code, code);
    }
}

/* --- Records -------------------------------------------------------------- */

typedef struct RecordRow {
    const char *name;
    NyxRequest req;
    uint32_t flags;
    uint32_t pasid;
} RecordRow;

#define REQ(a, p, id, g, l) { .type = NYX_REQ_PAGE, .access = (a), \
    .iova = IOVA + 0x123, .has_pasid = (p), .pasid = (id), .group = (g), \
    .last = (l) }

static const RecordRow record_rows[] = {
    { "read", REQ(FX_R, true, 3, 0, false), 0x721, 3 },
    { "write", REQ(FX_W, true, 3, 1, false), 0x722, 3 },
    { "both, last", REQ(FX_RW, true, 3, 0x1ff, true), 0x733, 3 },
    { "execute", REQ(FX_R | X, true, 3, 5, false), 0x725, 3 },
    { "privileged", REQ(FX_R | PRIV, true, 3, 5, false), 0x729, 3 },
    { "wide PASID", REQ(FX_R, true, 0xfffff, 5, true), 0x731, 0xfffff },
    { "no PASID", REQ(FX_R, false, 0, 5, true), 0x531, 0 },
    { "stop marker", REQ(0, true, 3, 7, true), 0x730, 3 },
};

/* In the tables of their own, all bytes of the record. */
static void test_records(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_SECOND, 4, 0);

    vd_give(&s, 1, VX_SID, VD_NO_PASID);
    vd_give(&s, 1, VX_SID, 3);
    vd_give(&s, 1, VX_SID, 0xfffff);
    for (unsigned i = 0; i < ARRAY_SIZE(record_rows); i++) {
        const RecordRow *row = &record_rows[i];
        uint8_t want[48] = { 2 };
        VxEvent event;

        stl_le_p(want + 4, row->flags);
        stl_le_p(want + 8, VX_SID);
        stl_le_p(want + 12, row->pasid);
        stq_le_p(want + 16, IOVA);
        stw_le_p(want + 24, row->req.group);
        FX_CHECK(row->name, nyx_vio_page_request(f->r, VX_SID, &row->req),
                 true);
        event = vx_take_event(f);
        FX_CHECK(row->name, event.len, PAGE_EVENT);
        FX_CHECK(row->name, memcmp(event.bytes, want, sizeof(want)), 0);
    }
    g_assert_cmpuint(f->responses->len, ==, 0);
    g_assert_cmpuint(nyx_vio_stats(f->vio).page_requests, ==,
                     ARRAY_SIZE(record_rows));
    vx_free(f);
}

/* Fault reports are of that size, too, and say more. */
static void test_faults(void)
{
    Vx *f = pages_new();
    VxEvent event;

    vd_request(f->r, 3, NYX_REQ_UNTRANSLATED, FX_R | X | PRIV, IOVA);
    event = vx_take_event(f);
    g_assert_cmpuint(event.len, ==, PAGE_EVENT);
    g_assert_cmpuint(event.reason, ==, 2);
    g_assert_cmphex(event.flags, ==, 0x30d);
    g_assert_cmpuint(ldl_le_p(event.bytes + 12), ==, 3);
    g_assert_cmphex(event.addr, ==, IOVA);
    vx_free(f);
}

/* --- Admission ------------------------------------------------------------ */

/* Who has no table of the driver's has nobody to fill it. */
static void test_admission(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_FIRST, 4, 0);
    NyxRequest plain = page(FX_R, 4, true);

    plain.has_pasid = false;
    g_assert_true(ask(f, FX_R, 1, true));
    check_response("unattached", f, 0, 1, INVALID);
    vx_attach_bypass(f, 1, VX_SID);
    g_assert_true(ask(f, FX_R, 2, true));
    check_response("no such PASID", f, 1, 2, INVALID);
    vd_give(&s, 1, VX_SID, 4);
    g_assert_true(ask(f, FX_R, 3, true));
    check_response("another PASID", f, 2, 3, INVALID);
    nyx_vio_page_request(f->r, VX_SID, &plain);
    g_assert_cmpuint(f->responses->len, ==, 4);
    g_assert_false(g_array_index(f->responses, NyxVioPageResponse,
                                 3).has_pasid);
    /* Those that are not the last wait for nothing. */
    g_assert_true(ask(f, FX_R, 1, false));
    g_assert_true(ask(f, 0, 1, true));
    g_assert_cmpuint(f->responses->len, ==, 4);
    g_assert_cmpuint(f->events->len, ==, 0);
    g_assert_cmpuint(nyx_vio_stats(f->vio).page_requests_refused, ==, 6);
    vd_give(&s, 1, VX_SID, 3);
    g_assert_true(ask(f, FX_R, 1, true));
    g_assert_cmpuint(f->events->len, ==, 1);
    vx_free(f);
}

/* A driver without the feature: nobody will ever answer. */
static void test_not_negotiated(void)
{
    const NyxVioCfg cfg = vd_cfg();
    Vx *f = vx_new(&cfg);
    VdSpace s = vd_space(f, VD_VTD_FIRST, 4, 0);

    nyx_vio_set_features(f->vio, VD_F_ATTACH_TABLE | VD_F_PASID |
                         VX_F_BYPASS_CONFIG);
    vx_attach_bypass(f, 1, VX_SID);
    vd_give(&s, 1, VX_SID, 3);
    g_assert_true(ask(f, FX_R, 9, true));
    check_response("not negotiated", f, 0, 9, FAILURE);
    g_assert_cmpuint(f->events->len, ==, 0);
    g_assert_cmphex(respond(f, 9, 0), ==, VX_UNANSWERED);
    /* Nor are fault reports longer. */
    vd_request(f->r, 3, NYX_REQ_UNTRANSLATED, FX_R | X, IOVA);
    g_assert_cmpuint(f->events->len, ==, 1);
    g_assert_cmpuint(g_array_index(f->events, VxEvent, 0).len, ==, 24);
    g_assert_cmphex(g_array_index(f->events, VxEvent, 0).flags, ==, 0x101);
    vx_free(f);
}

/* --- Buffers -------------------------------------------------------------- */

static void test_no_buffer(void)
{
    Vx *f = pages_new();

    f->buffers = 0;
    g_assert_true(ask(f, FX_R, 1, true));
    check_response("none", f, 0, 1, INVALID);
    f->buffers = 2;
    f->buffer_size = 24;
    g_assert_true(ask(f, FX_R, 2, true));
    check_response("small", f, 1, 2, INVALID);
    f->buffer_size = 48;
    g_assert_true(ask(f, FX_R, 3, true));
    g_assert_cmpuint(f->responses->len, ==, 2);
    g_assert_cmpuint(f->events->len, ==, 1);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events_lost, ==, 1);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events_short, ==, 1);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_EVENT_SHORT), ==, 1);
    /* Those two were answered; only the third waits. */
    g_assert_cmpuint(respond(f, 3, 0), ==, VX_OK);
    vx_free(f);
}

/* While the queue says "later", requests are kept, in order, within bounds. */
static void test_later(void)
{
    Vx *f = pages_new();

    f->events_later = true;
    for (unsigned i = 0; i < 80; i++) {
        g_assert_true(ask(f, FX_R, i, true));
    }
    g_assert_cmpuint(f->responses->len, ==, 80 - 64);
    check_response("too many", f, 0, 64, INVALID);
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 0);
    f->events_later = false;
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 64);
    for (unsigned i = 0; i < 64; i++) {
        VxEvent *event = &g_array_index(f->events, VxEvent, i);

        g_assert_cmpuint(lduw_le_p(event->bytes + 24), ==, i);
    }
    g_assert_cmpuint(f->responses->len, ==, 80 - 64);
    vx_free(f);
}

/* --- Responses ------------------------------------------------------------ */

static void test_responses(void)
{
    static const unsigned codes[] = { SUCCESS, INVALID, FAILURE };
    Vx *f = pages_new();

    for (unsigned i = 0; i < 3; i++) {
        g_assert_true(ask(f, FX_R, 0x1fd + i, true));
        g_assert_cmpuint(f->responses->len, ==, i);
        g_assert_cmpuint(respond(f, 0x1fd + i, i), ==, VX_OK);
        check_response("code", f, i, 0x1fd + i, codes[i]);
    }
    g_assert_cmpuint(nyx_vio_stats(f->vio).page_responses, ==, 3);
    g_assert_cmpuint(vx_all_findings(f), ==, 0);
    vx_free(f);
}

typedef struct RefuseRow {
    const char *name;
    VdResp resp;
    unsigned status;
    NyxVioRule rule;
} RefuseRow;

#define RULE NVIO_RULE_PAGE_RESP

static const RefuseRow refuse_rows[] = {
    { "flag", { VX_SID, 3, 3, 5, 0 }, VX_INVAL, RULE },
    { "code 3", { VX_SID, 1, 3, 5, 3 }, VX_INVAL, RULE },
    { "code of PCIe", { VX_SID, 1, 3, 5, 15 }, VX_INVAL, RULE },
    { "wide group", { VX_SID, 1, 3, 0x200, 0 }, VX_RANGE, RULE },
    { "very wide group", { VX_SID, 1, 3, 0x10005, 0 }, VX_RANGE, RULE },
    { "wide PASID", { VX_SID, 1, 1 << 20, 5, 0 }, VX_RANGE, RULE },
    { "endpoint", { VX_NOBODY, 1, 3, 5, 0 }, VX_NOENT, NVIO_RULE_ENDPOINT },
    { "wide endpoint", { 0x10010, 1, 3, 5, 0 }, VX_NOENT,
      NVIO_RULE_ENDPOINT },
};

static void test_refusals(void)
{
    Vx *f = pages_new();

    ask(f, FX_R, 5, true);
    for (unsigned i = 0; i < ARRAY_SIZE(refuse_rows); i++) {
        const RefuseRow *row = &refuse_rows[i];

        vx_forget(f);
        FX_CHECK(row->name, vd_resp(f, &row->resp), row->status);
        FX_CHECK(row->name, vx_findings(f, row->rule), 1);
        FX_CHECK(row->name, vx_all_findings(f), 1);
        FX_CHECK(row->name, f->responses->len, 0);
    }
    for (unsigned at = 26; at < 36; at++) {
        const VdResp r = resp(5, 0);
        VxBytes bytes = vd_resp_bytes(&r);

        bytes.at[at] = 1;
        g_assert_cmpuint(vx_send(f, &bytes), ==, VX_INVAL);
    }
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_REQ_RESERVED), ==, 10);
    g_assert_cmpuint(f->responses->len, ==, 0);
    /* The domain is not looked at, and the group still waits. */
    {
        const VdResp r = resp(5, 0);
        VxBytes bytes = vd_resp_bytes(&r);

        vx_put32(&bytes, 4, 0xdeadbeef);
        g_assert_cmpuint(vx_send(f, &bytes), ==, VX_OK);
        bytes.len = 35;
        g_assert_cmpuint(vx_send(f, &bytes), ==, VX_INVAL);
    }
    g_assert_cmpuint(f->responses->len, ==, 1);
    vx_free(f);
}

/* Groups that nobody waits for: not here, and not at the endpoint. */
static void test_not_waited_for(void)
{
    static const VdResp rows[] = {
        { VX_SID, 1, 3, 6, 0 },
        { VX_SID, 1, 4, 5, 0 },
        { VX_SID, 0, 0, 5, 0 },
        { VX_OTHER, 1, 3, 5, 0 },
    };
    Vx *f = pages_new();

    f->response_unexpected = true;
    ask(f, FX_R, 5, true);
    ask(f, FX_R, 7, false);
    ask(f, 0, 8, true);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_assert_cmpuint(vd_resp(f, &rows[i]), ==, VX_NOENT);
    }
    /* A group of which the last did not come; a stop marker. */
    g_assert_cmpuint(respond(f, 7, 0), ==, VX_NOENT);
    g_assert_cmpuint(respond(f, 8, 0), ==, VX_NOENT);
    g_assert_cmpuint(vx_findings(f, RULE), ==, 6);
    /* Once; the endpoint may have lost interest, which is no mistake. */
    g_assert_cmpuint(respond(f, 5, 0), ==, VX_OK);
    g_assert_cmpuint(respond(f, 5, 0), ==, VX_NOENT);
    /* Asked again with the same group, it is one group. */
    ask(f, FX_R, 5, true);
    ask(f, FX_W, 5, true);
    g_assert_cmpuint(respond(f, 5, 0), ==, VX_OK);
    g_assert_cmpuint(respond(f, 5, 0), ==, VX_NOENT);
    /* Of what was asked before a migration the endpoint knows alone. */
    f->response_unexpected = false;
    g_assert_cmpuint(respond(f, 9, 0), ==, VX_OK);
    g_assert_cmpuint(nyx_vio_stats(f->vio).page_responses, ==, 3);
    vx_free(f);
}

/* PASID 0 is not "no PASID". */
static void test_pasid_0(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_FIRST, 4, 0);
    NyxRequest req = page(FX_R, 5, true);

    vx_attach_bypass(f, 1, VX_SID);
    vd_give(&s, 1, VX_SID, 0);
    f->response_unexpected = true;
    req.pasid = 0;
    nyx_vio_page_request(f->r, VX_SID, &req);
    g_assert_cmpuint(vd_resp(f, &(VdResp) { VX_SID, 0, 0, 5, 0 }), ==,
                     VX_NOENT);
    g_assert_cmpuint(vd_resp(f, &(VdResp) { VX_SID, 1, 0, 5, 0 }), ==, VX_OK);
    vx_free(f);
}

/* A loaded state has its own endpoints: those of before are told nothing. */
static void test_loaded(void)
{
    Vx *f = pages_new();
    NyxVioSaved saved;

    nyx_vio_save(f->vio, &saved);
    ask(f, FX_R, 1, true);
    f->events_later = true;
    ask(f, FX_R, 2, true);
    f->elsewhere = true;
    ask(f, FX_R, 3, true);
    f->elsewhere = false;
    vx_forget(f);
    g_assert_cmpstr(nyx_vio_load(f->vio, &saved), ==, NULL);
    f->events_later = false;
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->responses->len + f->events->len, ==, 0);
    f->response_unexpected = true;
    g_assert_cmpuint(respond(f, 1, 0), ==, VX_NOENT);
    nyx_vio_saved_clear(&saved);
    vx_free(f);
}

/* --- Bounds and ends ------------------------------------------------------ */

static void ask_many(Vx *f, uint32_t pasid, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        NyxRequest req = page(FX_R, i, true);

        req.pasid = pasid;
        g_assert_true(nyx_vio_page_request(f->r, VX_SID, &req));
    }
}

static void test_bound(void)
{
    Vx *f = pages_new();
    VdSpace s = vd_space(f, VD_VTD_FIRST, 4, 0);

    vd_give(&s, 1, VX_SID, 4);
    vd_give(&s, 1, VX_SID, 5);
    ask_many(f, 4, 512);
    ask_many(f, 5, 512);
    g_assert_cmpuint(f->responses->len, ==, 0);
    g_assert_cmpuint(f->events->len, ==, 1024);
    ask(f, FX_R, 1, true);
    check_response("full", f, 0, 1, INVALID);
    g_assert_cmpuint(f->events->len, ==, 1024);
    vd_resp(f, &(VdResp) { VX_SID, 1, 4, 100, 0 });
    ask(f, FX_R, 1, true);
    g_assert_cmpuint(f->events->len, ==, 1025);
    vx_free(f);
}

/* No driver is left: all who wait are told, those that are on hold as well. */
static void test_reset(void)
{
    Vx *f = pages_new();

    ask(f, FX_R, 1, true);
    f->events_later = true;
    ask(f, FX_R, 2, true);
    f->elsewhere = true;
    ask(f, FX_R, 3, true);
    f->elsewhere = false;
    g_assert_cmpuint(f->responses->len, ==, 0);
    nyx_vio_device_reset(f->vio);
    g_assert_cmpuint(f->responses->len, ==, 3);
    for (unsigned group = 1; group <= 3; group++) {
        const NyxVioPageResponse *r = (void *)f->responses->data;
        unsigned seen = 0;

        for (unsigned i = 0; i < 3; i++) {
            seen += r[i].group == group;
            g_assert_cmpuint(r[i].code, ==, FAILURE);
        }
        g_assert_cmpuint(seen, ==, 1);
    }
    f->events_later = false;
    vx_forget(f);
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len + f->responses->len, ==, 0);
    vx_free(f);
}

/* What is the endpoint's goes with it; others' stays. */
static void test_endpoint_gone(void)
{
    Vx *f = pages_new();
    NyxVioRequester *other = vx_requester(f, VX_OTHER);
    VdSpace s = vd_space(f, VD_VTD_FIRST, 4, 0);
    NyxRequest req = page(FX_R, 1, true);

    vx_attach_bypass(f, 2, VX_OTHER);
    vd_give(&s, 2, VX_OTHER, 3);
    nyx_vio_page_request(other, VX_OTHER, &req);
    ask(f, FX_R, 1, true);
    f->events_later = true;
    req.group = 2;
    nyx_vio_page_request(other, VX_OTHER, &req);
    ask(f, FX_R, 2, true);
    f->elsewhere = true;
    req.group = 3;
    nyx_vio_page_request(other, VX_OTHER, &req);
    ask(f, FX_R, 3, true);
    f->elsewhere = false;
    nyx_vio_requester_free(other);
    g_assert_cmpuint(f->responses->len, ==, 0);
    f->events_later = false;
    vx_forget(f);
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 2);
    for (unsigned i = 0; i < 2; i++) {
        VxEvent event = vx_take_event(f);

        g_assert_cmpuint(event.endpoint, ==, VX_SID);
        g_assert_cmpuint(lduw_le_p(event.bytes + 24), ==, i + 2);
    }
    f->response_unexpected = true;
    g_assert_cmpuint(vd_resp(f, &(VdResp) { VX_OTHER, 1, 3, 1, 0 }), ==,
                     VX_NOENT);
    g_assert_cmpuint(respond(f, 1, 0), ==, VX_OK);
    vx_free(f);
}

/* Its groups can still be answered, or there would be no room some day. */
static void test_unplugged(void)
{
    Vx *f = pages_new();
    VdResp beyond = resp(1, 0);

    ask(f, FX_R, 1, true);
    f->exists[VX_SID] = false;
    f->response_unexpected = true;
    beyond.endpoint += 0x10000;
    g_assert_cmpuint(vd_resp(f, &beyond), ==, VX_NOENT);
    g_assert_cmpuint(respond(f, 2, 0), ==, VX_NOENT);
    g_assert_cmpuint(respond(f, 1, 0), ==, VX_OK);
    g_assert_cmpuint(respond(f, 1, 0), ==, VX_NOENT);
    vx_free(f);
}

/* --- Threads -------------------------------------------------------------- */

/* The buffer of a record is where the device itself listens. */
static void reset_meanwhile(Vx *f)
{
    f->on_event = NULL;
    nyx_vio_device_reset(f->vio);
}

static void test_reset_meanwhile(void)
{
    Vx *f = pages_new();

    f->events_later = true;
    for (unsigned i = 0; i < 5; i++) {
        g_assert_true(ask(f, FX_R, i, true));
    }
    f->events_later = false;
    f->on_event = reset_meanwhile;
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 1);
    /* Nobody is going to answer the one that was written, either. */
    g_assert_cmpuint(f->responses->len, ==, 5);
    for (unsigned i = 0; i < 5; i++) {
        g_assert_cmpuint(g_array_index(f->responses, NyxVioPageResponse,
                                       i).code, ==, FAILURE);
    }
    vx_forget(f);
    nyx_vio_continue(f->vio);
    nyx_vio_device_reset(f->vio);
    g_assert_cmpuint(f->events->len + f->responses->len, ==, 0);
    vx_free(f);
}

/* Another thread's are taken later; a full ring pushes back. */
static void test_elsewhere(void)
{
    Vx *f = pages_new();
    unsigned taken = 0;

    f->elsewhere = true;
    while (ask(f, FX_R, taken, true)) {
        taken++;
    }
    f->elsewhere = false;
    g_assert_cmpuint(taken, ==, 64);
    g_assert_cmpuint(f->events->len, ==, 0);
    g_assert_cmpuint(f->kicks, !=, 0);
    vx_settle(f);
    g_assert_cmpuint(f->events->len, ==, 64);
    /* In statistics as well. */
    f->elsewhere = true;
    ask(f, FX_R, 100, true);
    f->elsewhere = false;
    g_assert_cmpuint(nyx_vio_stats(f->vio).page_requests, ==, 65);
    vx_free(f);
}

static void ask_again(Vx *f)
{
    ask(f, FX_R, 1, true);
}

/* An endpoint that asks again at once, refused each time: nothing recurs. */
static void test_again(void)
{
    Vx *f = pages_new();

    f->buffers = 0;
    f->on_response = ask_again;
    ask(f, FX_R, 1, true);
    g_assert_cmpuint(f->responses->len, ==, 1);
    g_assert_cmpuint(f->kicks, ==, 1);
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->responses->len, ==, 2);
    nyx_vio_device_reset(f->vio);
    g_assert_cmpuint(f->responses->len, ==, 3);
    f->on_response = NULL;
    vx_settle(f);
    g_assert_cmpuint(f->responses->len, ==, 4);
    vx_free(f);
}

/* --- Buffers that are no memory ------------------------------------------- */

/* A doorbell of the test device, say. */
static void ask_meanwhile(Vx *f)
{
    f->on_event = NULL;
    ask(f, FX_R, 2, true);
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 0);
}

static void fault_meanwhile(Vx *f)
{
    ask_meanwhile(f);
    vd_request(f->r, 3, NYX_REQ_UNTRANSLATED, FX_R, IOVA);
    g_assert_cmpuint(f->events->len, ==, 0);
}

/* What a write of an event brings about comes after it. */
static void test_nested(void)
{
    for (unsigned i = 0; i < 2; i++) {
        Vx *f = pages_new();

        f->on_event = i ? fault_meanwhile : ask_meanwhile;
        if (i) {
            ask(f, FX_R, 1, true);
        } else {
            vd_request(f->r, 3, NYX_REQ_UNTRANSLATED, FX_W, IOVA);
        }
        vx_settle(f);
        g_assert_cmpuint(f->events->len, ==, 2 + i);
        g_assert_cmphex(vx_take_event(f).flags & 0x22, ==, i ? 0x20 : 2);
        g_assert_cmpuint(f->responses->len, ==, 0);
        g_assert_cmpuint(respond(f, 2, 0), ==, VX_OK);
        vx_free(f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vio/pages/records", test_records);
    g_test_add_func("/vio/pages/faults", test_faults);
    g_test_add_func("/vio/pages/admission", test_admission);
    g_test_add_func("/vio/pages/not-negotiated", test_not_negotiated);
    g_test_add_func("/vio/pages/no-buffer", test_no_buffer);
    g_test_add_func("/vio/pages/later", test_later);
    g_test_add_func("/vio/pages/responses", test_responses);
    g_test_add_func("/vio/pages/refusals", test_refusals);
    g_test_add_func("/vio/pages/not-waited-for", test_not_waited_for);
    g_test_add_func("/vio/pages/pasid-0", test_pasid_0);
    g_test_add_func("/vio/pages/loaded", test_loaded);
    g_test_add_func("/vio/pages/bound", test_bound);
    g_test_add_func("/vio/pages/reset", test_reset);
    g_test_add_func("/vio/pages/endpoint-gone", test_endpoint_gone);
    g_test_add_func("/vio/pages/unplugged", test_unplugged);
    g_test_add_func("/vio/pages/reset-meanwhile", test_reset_meanwhile);
    g_test_add_func("/vio/pages/elsewhere", test_elsewhere);
    g_test_add_func("/vio/pages/again", test_again);
    g_test_add_func("/vio/pages/nested", test_nested);
    return g_test_run();
}
