/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page requests: who may send them, what the log gets, what is answered and
 * by whom.
 */
#include "qemu/osdep.h"
#include "amd-tables.h"

#define PAGE 0x7f0000005000ULL
#define CODE(n) ((uint64_t)(n) << 60)

/* Codes of a response */
#define SUCCESS 0
#define INVALID 1
#define FAILURE 15

typedef struct Pages {
    Ax *f;
    uint64_t log;
    uint64_t head;
} Pages;

#define LOG_BYTES 4096       /* 256 entries: Len is 8 */
#define EPHEN (1ULL << 45)
#define PPR_ON (AX_PPREN | AX_PPRLOGEN)

static Pages pages_new(void)
{
    Pages p = { .f = at_new(NULL) };

    p.log = fx_mem_pages(&p.f->mem, 1);
    ax_write64(p.f, AX_PPRBASE, ax_ring(p.log, 8));
    at_control(p.f, 0, PPR_ON | EPHEN);
    at_dte(p.f, AX_SID, AT_OPEN | AT_PPR, AX_DID | AT_I, 0, 0);
    return p;
}

static bool request_as(Ax *f, const NyxRequest *req)
{
    return nyx_amd_page_request(f->r, AX_SID, req);
}

static NyxRequest page(unsigned access, uint64_t iova, unsigned group,
                       bool last)
{
    return (NyxRequest) {
        .type = NYX_REQ_PAGE, .access = access, .iova = iova,
        .has_pasid = true, .pasid = 3, .group = group, .last = last,
    };
}

/* The oldest entry; false if there is none. */
static bool take(Pages *p, uint64_t entry[2])
{
    if (p->head == ax_read64(p->f, AX_PPRTAIL)) {
        return false;
    }
    entry[0] = fx_mem_peek(&p->f->mem, p->log + p->head);
    entry[1] = fx_mem_peek(&p->f->mem, p->log + p->head + 8);
    p->head = (p->head + 16) % LOG_BYTES;
    ax_write32(p->f, AX_PPRHEAD, p->head);
    return true;
}

static unsigned responses(Ax *f)
{
    return f->responses->len;
}

static NyxAmdPageResponse response(Ax *f, unsigned i)
{
    return g_array_index(f->responses, NyxAmdPageResponse, i);
}

/* --- Entries -------------------------------------------------------------- */

typedef struct EntryRow {
    const char *name;
    NyxRequest req;
    uint64_t entry;
} EntryRow;

#define REQ(a, p, id, g, l) { .type = NYX_REQ_PAGE, .access = (a), \
    .iova = PAGE + 0x123, .has_pasid = (p), .pasid = (id), .group = (g), \
    .last = (l) }

static const EntryRow entry_rows[] = {
    { "read", REQ(FX_R, true, 3, 0, false),
      CODE(1) | 0x144ULL << 48 | 3 << 16 },
    { "write", REQ(FX_W, true, 3, 0, false),
      CODE(1) | 0x160ULL << 48 | 3 << 16 },
    { "both, last", REQ(FX_RW, true, 3, 5, true),
      CODE(1) | 0x164ULL << 48 | 0x205ULL << 32 | 3 << 16 },
    { "execute", REQ(FX_R | NYX_ACCESS_EXEC, true, 3, 0, false),
      CODE(1) | 0x146ULL << 48 | 3 << 16 },
    { "privileged", REQ(FX_R | NYX_ACCESS_PRIV, true, 3, 0x1ff, false),
      CODE(1) | 0x104ULL << 48 | 0x1ffULL << 32 | 3 << 16 },
    { "PASID", REQ(FX_R, true, 0xfedcb, 0, true),
      CODE(1) | 0x144ULL << 48 | 0x3e00ULL << 32 | 0xedcbULL << 16 },
    { "no PASID", REQ(FX_RW, false, 0, 7, true),
      CODE(1) | 0x024ULL << 48 | 0x207ULL << 32 },
    { "stop marker", REQ(0, true, 3, 0, true),
      CODE(1) | 0x140ULL << 48 | 0x200ULL << 32 | 3 << 16 },
};

static void test_entries(void)
{
    Pages p = pages_new();
    uint64_t entry[2] = { };

    for (unsigned i = 0; i < ARRAY_SIZE(entry_rows); i++) {
        const EntryRow *row = &entry_rows[i];

        FX_CHECK(row->name, request_as(p.f, &row->req), true);
        FX_CHECK(row->name, take(&p, entry), true);
        /* R is 4 and W is 20h of the flags. */
        FX_CHECK(row->name, entry[0], row->entry | AX_SID);
        FX_CHECK(row->name, entry[1], PAGE);
        FX_CHECK(row->name, take(&p, entry), false);
    }
    g_assert_cmpuint(responses(p.f), ==, 0);
    g_assert_cmpuint(nyx_amd_stats(p.f->amd).page_requests, ==,
                     ARRAY_SIZE(entry_rows));
    g_assert_cmphex(ax_read64(p.f, AX_STATUS) & AX_PPRINT, ==, AX_PPRINT);
    g_assert_cmpuint(ax_take_code(p.f), ==, 0);
    ax_free(p.f);
}

/* --- Admission ------------------------------------------------------------ */

typedef struct AdmitRow {
    const char *name;
    uint64_t clear;          /* of Control */
    uint64_t w0;
    uint64_t w1;
    bool taken;
    unsigned event;
} AdmitRow;

static const AdmitRow admit_rows[] = {
    { "all on", 0, AT_OPEN | AT_PPR, AT_I, true, 0 },
    { "PPREn=0", AX_PPREN, AT_OPEN | AT_PPR, AT_I, false, 9 },
    { "PPRLogEn=0", AX_PPRLOGEN, AT_OPEN | AT_PPR, AT_I, false, 9 },
    { "I=0", 0, AT_OPEN | AT_PPR, 0, false, 9 },
    { "PPR=0", 0, AT_OPEN, AT_I, false, 9 },
    { "PPR=0, EPHEn=0", EPHEN, AT_OPEN, AT_I, true, 0 },
    { "V=0", 0, 0, 0, false, 9 },
    { "TV=0", 0, AT_V | AT_PPR, AT_I, true, 0 },
    { "illegal entry", 0, AT_OPEN | AT_PPR | 4, AT_I, false, 9 },
    { "IommuEn=0", 1, AT_OPEN | AT_PPR, AT_I, false, 0 },
};

static void test_admission(void)
{
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(admit_rows); i++) {
        const AdmitRow *row = &admit_rows[i / 2];
        bool last = i % 2;
        const NyxRequest req = page(FX_RW, PAGE + 0x123, 5, last);
        Pages p = pages_new();
        uint64_t entry[2];
        AxEvent event;

        at_dte(p.f, AX_SID, row->w0, AX_DID | row->w1, 0, 0);
        at_control(p.f, row->clear, 0);
        FX_CHECK(row->name, request_as(p.f, &req), true);
        FX_CHECK(row->name, take(&p, entry), row->taken);
        FX_CHECK(row->name, responses(p.f), !row->taken && last);
        if (!row->taken && last) {
            NyxAmdPageResponse r = response(p.f, 0);

            FX_CHECK(row->name, r.sid, AX_SID);
            FX_CHECK(row->name, r.group, 5);
            FX_CHECK(row->name, r.code, FAILURE);
            FX_CHECK(row->name, r.has_pasid, true);
            FX_CHECK(row->name, r.pasid, 3);
        }
        event = ax_take_event(p.f);
        FX_CHECK(row->name, event.lo >> 60, row->event);
        FX_CHECK(row->name, nyx_amd_fault_count(p.f->amd, NULL,
                                                NAMD_FAULT_PPR_REFUSED),
                 row->event == 9);
        FX_CHECK(row->name, nyx_amd_stats(p.f->amd).page_requests_refused,
                 !row->taken);
        if (row->event) {
            FX_CHECK(row->name, event.lo & ~CODE(15), 0x164ULL << 48 |
                     (last ? 0x205ULL : 0x10005ULL) << 32 | 3 << 16 | AX_SID);
            FX_CHECK(row->name, event.hi, PAGE);
        }
        ax_free(p.f);
    }
}

static void test_unreadable(void)
{
    Pages p = pages_new();
    const NyxRequest req = page(FX_RW, PAGE, 5, true);
    uint64_t at = at_dte_addr(p.f, AX_SID);
    AxEvent event;

    fx_mem_hole(&p.f->mem, at, at);
    request_as(p.f, &req);
    event = ax_take_event(p.f);
    g_assert_cmphex(event.lo >> 60, ==, 3);
    g_assert_cmphex(event.hi, ==, at);
    g_assert_cmpuint(responses(p.f), ==, 1);
    g_assert_cmpuint(response(p.f, 0).code, ==, FAILURE);
    ax_free(p.f);
}

/* A stop marker is for software: nobody answers it, and it can be blocked. */
static void test_stop_marker(void)
{
    Pages p = pages_new();
    const NyxRequest req = page(0, 0, 0, true);
    uint64_t entry[2];

    at_control(p.f, AX_PPREN, 0);
    request_as(p.f, &req);
    g_assert_cmpuint(responses(p.f), ==, 0);
    at_control(p.f, 0, AX_PPREN);
    request_as(p.f, &req);
    g_assert_true(take(&p, entry));
    at_control(p.f, 0, 1ULL << 41);
    request_as(p.f, &req);
    g_assert_false(take(&p, entry));
    g_assert_cmpuint(responses(p.f), ==, 0);
    ax_free(p.f);
}

/* --- Overflow, automatic responses ---------------------------------------- */

static void fill_log(Pages *p)
{
    for (unsigned i = 0; i < 255; i++) {
        const NyxRequest req = page(FX_R, PAGE, i, true);

        request_as(p->f, &req);
    }
    g_assert_cmpuint(responses(p->f), ==, 0);
}

static void test_overflow(void)
{
    Pages p = pages_new();
    const NyxRequest req = page(FX_R, PAGE, 9, true);
    const NyxRequest middle = page(FX_R, PAGE, 9, false);
    uint64_t entry[2];

    fill_log(&p);
    g_assert_cmphex(ax_read64(p.f, AX_STATUS) & AX_PPROVERFLOW, ==, 0);
    request_as(p.f, &middle);
    g_assert_cmphex(ax_read64(p.f, AX_STATUS) &
                    (AX_PPROVERFLOW | AX_PPRLOGRUN), ==, AX_PPROVERFLOW);
    /* Not the last of its group: nobody waits. */
    g_assert_cmpuint(responses(p.f), ==, 0);
    request_as(p.f, &req);
    g_assert_cmpuint(responses(p.f), ==, 1);
    g_assert_cmpuint(response(p.f, 0).code, ==, FAILURE);
    g_assert_cmpuint(nyx_amd_stats(p.f->amd).page_requests_lost, ==, 2);
    for (unsigned i = 0; i < 255; i++) {
        g_assert_true(take(&p, entry));
    }
    g_assert_false(take(&p, entry));
    /* Restarted as software does. */
    at_control(p.f, AX_PPRLOGEN, 0);
    ax_write64(p.f, AX_STATUS, AX_PPROVERFLOW);
    at_control(p.f, 0, AX_PPRLOGEN);
    request_as(p.f, &req);
    g_assert_true(take(&p, entry));
    ax_free(p.f);
}

typedef struct AutoRow {
    const char *name;
    bool always;             /* PprAutoRspAon */
    bool mask;               /* MaskGn */
    bool gprp;
    bool ephen;
    bool has_pasid;          /* of the response */
} AutoRow;

static const AutoRow auto_rows[] = {
    { "on overflow", false, false, true, true, true },
    { "on overflow, masked", false, true, true, true, false },
    { "on overflow, no GPRP", false, false, false, true, false },
    { "on overflow, not enhanced", false, false, false, false, true },
    { "always", true, false, true, true, true },
    { "always, masked", true, true, true, true, false },
};

static void test_automatic(void)
{
    for (unsigned i = 0; i < 16 * ARRAY_SIZE(auto_rows); i++) {
        const AutoRow *row = &auto_rows[i / 16];
        Pages p = pages_new();
        const NyxRequest req = page(FX_R, PAGE, 9, true);
        unsigned code = i % 16;
        uint64_t entry[2];

        at_dte(p.f, AX_SID, AT_OPEN | AT_PPR | (row->gprp ? AT_GPRP : 0),
               AX_DID | AT_I, 0, 0);
        ax_write64(p.f, 0x2080, code | (unsigned)row->mask << 4);
        if (!row->always) {
            fill_log(&p);
            request_as(p.f, &req);
            g_array_set_size(p.f->responses, 0);
        }
        at_control(p.f, row->ephen ? 0 : EPHEN,
                   1ULL << 39 | (uint64_t)row->always << 42);
        request_as(p.f, &req);
        FX_CHECK(row->name, responses(p.f), 1);
        FX_CHECK(row->name, response(p.f, 0).code, code);
        FX_CHECK(row->name, response(p.f, 0).has_pasid, row->has_pasid);
        FX_CHECK(row->name, response(p.f, 0).pasid, row->has_pasid ? 3 : 0);
        if (row->always) {
            FX_CHECK(row->name, take(&p, entry), false);
        }
        ax_free(p.f);
    }
}

/* PprAutoRspAon without PprAutoRspEn. */
static void test_not_automatic(void)
{
    Pages p = pages_new();
    const NyxRequest req = page(FX_R, PAGE, 9, true);
    uint64_t entry[2];

    at_control(p.f, 0, 1ULL << 42);
    request_as(p.f, &req);
    g_assert_true(take(&p, entry));
    g_assert_cmpuint(responses(p.f), ==, 0);
    ax_free(p.f);
}

/* --- Software's responses ------------------------------------------------- */

static void test_complete(void)
{
    Pages p = pages_new();

    ax_submit(p.f, 7ULL << 60 | 3ULL << 32 | AX_SID,
              1ULL << 44 | 5ULL << 32 | 4);
    g_assert_cmpuint(responses(p.f), ==, 1);
    g_assert_cmphex(response(p.f, 0).sid, ==, AX_SID);
    g_assert_cmphex(response(p.f, 0).group, ==, 5);
    g_assert_true(response(p.f, 0).has_pasid);
    g_assert_cmphex(response(p.f, 0).pasid, ==, 3);
    g_assert_cmphex(response(p.f, 0).code, ==, INVALID);
    g_assert_cmpuint(ax_findings(p.f, NAMD_RULE_PPR_RESPONSE), ==, 0);
    p.f->response_unexpected = true;
    ax_submit(p.f, 7ULL << 60 | AX_SID, 0x1ffULL << 32);
    g_assert_cmpuint(responses(p.f), ==, 2);
    g_assert_false(response(p.f, 1).has_pasid);
    g_assert_cmphex(response(p.f, 1).group, ==, 0x1ff);
    g_assert_cmphex(response(p.f, 1).code, ==, SUCCESS);
    g_assert_cmpuint(ax_findings(p.f, NAMD_RULE_PPR_RESPONSE), ==, 1);
    g_assert_cmpuint(nyx_amd_stats(p.f->amd).page_responses, ==, 2);
    ax_free(p.f);
}

/* --- Other threads -------------------------------------------------------- */

/* As many as the ring holds; the next is pushed back and comes again. */
static void test_ring(void)
{
    Pages p = pages_new();
    NyxRequest req = page(FX_R, PAGE, 0, false);
    unsigned taken = 0;
    uint64_t entry[2];

    p.f->elsewhere = true;
    while (request_as(p.f, &req)) {
        req.group = ++taken;
        g_assert_cmpuint(taken, <, 1000);
    }
    p.f->elsewhere = false;
    g_assert_cmpuint(taken, >=, 16);
    g_assert_cmpuint(p.f->kicks, >, 0);
    g_assert_cmphex(fx_mem_peek(&p.f->mem, p.log), ==, 0);
    ax_settle(p.f);
    for (unsigned i = 0; i < taken; i++) {
        g_assert_true(take(&p, entry));
        g_assert_cmpuint(entry[0] >> 32 & 0x1ff, ==, i);
    }
    g_assert_true(request_as(p.f, &req));
    g_assert_true(take(&p, entry));
    ax_free(p.f);
}

/* What is there before a COMPLETION_WAIT is in the log when it is done. */
static void test_wait(void)
{
    Pages p = pages_new();
    NyxRequest req = page(FX_R, PAGE, 0, false);
    uint64_t entry[2];

    p.f->elsewhere = true;
    g_assert_true(request_as(p.f, &req));
    p.f->elsewhere = false;
    ax_wait(p.f);
    g_assert_true(take(&p, entry));
    ax_free(p.f);
}

/* A response that makes the endpoint ask again does not recur. */
static unsigned depth, deepest;

static void ask_again(Ax *f)
{
    const NyxRequest req = page(FX_R, PAGE, 1, true);

    depth++;
    deepest = MAX(deepest, depth);
    if (responses(f) < 500) {
        request_as(f, &req);
    }
    depth--;
}

static void test_again(void)
{
    Pages p = pages_new();
    const NyxRequest req = page(FX_R, PAGE, 1, true);

    at_control(p.f, AX_PPREN, 0);
    p.f->on_response = ask_again;
    request_as(p.f, &req);
    ax_settle(p.f);
    g_assert_cmpuint(responses(p.f), >=, 500);
    g_assert_cmpuint(deepest, ==, 1);
    ax_free(p.f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-amdvi/pages/entries", test_entries);
    g_test_add_func("/nyx-amdvi/pages/admission", test_admission);
    g_test_add_func("/nyx-amdvi/pages/unreadable", test_unreadable);
    g_test_add_func("/nyx-amdvi/pages/stop-marker", test_stop_marker);
    g_test_add_func("/nyx-amdvi/pages/overflow", test_overflow);
    g_test_add_func("/nyx-amdvi/pages/automatic", test_automatic);
    g_test_add_func("/nyx-amdvi/pages/not-automatic", test_not_automatic);
    g_test_add_func("/nyx-amdvi/pages/complete", test_complete);
    g_test_add_func("/nyx-amdvi/pages/ring", test_ring);
    g_test_add_func("/nyx-amdvi/pages/wait", test_wait);
    g_test_add_func("/nyx-amdvi/pages/again", test_again);
    return g_test_run();
}
