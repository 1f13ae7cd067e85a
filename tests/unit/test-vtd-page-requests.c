/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page requests: which are admitted, what they look like in the queue, what
 * the unit answers itself, software's responses.
 */
#include "qemu/osdep.h"
#include "vtd-pages.h"

static const NyxRequest plain = PLAIN;

/* --- What there is -------------------------------------------------------- */

static void test_capabilities(void)
{
    NyxVtdCfg cfg = sm_cfg();
    Fx *f = fx_new(&cfg);

    g_assert_cmphex(fx_read64(f, 0x10) & (1ULL << 29 | 1ULL << 42), ==,
                    1ULL << 29 | 1ULL << 42);
    g_assert_cmphex(fx_read32(f, PECTL), ==, 0x80000000);
    fx_free(f);
    cfg.page_requests = false;
    f = fx_new(&cfg);
    g_assert_cmphex(fx_read64(f, 0x10) & (1ULL << 29 | 1ULL << 42), ==, 0);
    for (uint32_t at = 0xc0; at < 0xf0; at += 4) {
        fx_write32(f, at, UINT32_MAX);
        g_assert_cmphex(fx_read32(f, at), ==, 0);
    }
    fx_free(f);
    cfg.page_requests = true;
    cfg.device_iotlb = false;
    g_assert_nonnull(strstr(nyx_vtd_cfg_error(&cfg), "page-requests"));
    cfg = fx_cfg();
    cfg.page_requests = true;
    g_assert_nonnull(strstr(nyx_vtd_cfg_error(&cfg), "page-requests"));
}

/* Every bit of the registers that can be written. */
static void test_bits(void)
{
    static const struct {
        uint32_t offset;
        unsigned size;
        uint64_t rw;
    } rows[] = {
        { PQH, 8, 0x7ffe0 }, { PQT, 8, 0x7ffe0 },
        { PQA, 8, 0xfffffffffffff007ULL }, { PRS, 4, 0 },
        { PECTL, 4, 0x80000000 }, { PECTL + 4, 4, 0xffff },
        { PECTL + 8, 4, 0xfffffffc }, { PECTL + 12, 4, UINT32_MAX },
    };
    NyxVtdCfg cfg = sm_cfg();

    for (unsigned eim = 0; eim < 2; eim++) {
        cfg.eim = eim;
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
            g_autofree char *name = g_strdup_printf("0x%x", rows[i].offset);
            uint64_t rw = rows[i].offset == PECTL + 12 && !eim ? 0
                                                               : rows[i].rw;
            Fx *f = fx_new(&cfg);

            for (unsigned bit = 0; bit < rows[i].size * 8; bit++) {
                uint64_t value = 1ULL << bit;

                nyx_vtd_mmio_write(f->vtd, rows[i].offset, value,
                                   rows[i].size);
                FX_CHECK(name, nyx_vtd_mmio_read(f->vtd, rows[i].offset,
                                                 rows[i].size), value & rw);
            }
            fx_free(f);
        }
    }
}

/* --- The descriptor ------------------------------------------------------- */

typedef struct DescRow {
    const char *name;
    NyxRequest req;
    uint64_t lo, hi;
} DescRow;

#define PAGE_REQ(...) { .type = NYX_REQ_PAGE, __VA_ARGS__ }

static const DescRow desc_rows[] = {
    { "read", PAGE_REQ(.access = FX_R, .iova = 0x1000, .has_pasid = true,
                       .pasid = 1), 0x0000000100100101ULL, 0x1001 },
    { "write, last", PAGE_REQ(.access = FX_W, .iova = 0xfffffffffffff000ULL,
                              .has_pasid = true, .pasid = 2, .last = true),
      0x0000000200100101ULL, 0xfffffffffffff006ULL },
    { "all", PAGE_REQ(.access = FX_RW | SM_X | SM_PRIV, .iova = 0x12345fff,
                      .has_pasid = true, .pasid = 3, .last = true,
                      .group = 0x1ff), 0x0030000300100101ULL, 0x12345fff },
    { "execute", PAGE_REQ(.access = SM_X, .iova = 0, .has_pasid = true,
                          .pasid = 4, .group = 1),
      0x0010000400100101ULL, 0x8 },
    { "privileged", PAGE_REQ(.access = SM_PRIV | FX_R, .has_pasid = true,
                             .pasid = 4, .group = 0x100),
      0x0020000400100101ULL, 0x801 },
    { "no PASID", PAGE_REQ(.access = FX_RW | SM_X | SM_PRIV, .iova = 0x7000,
                           .pasid = 9, .last = true),
      0x0000000000100001ULL, 0x7007 },
    { "stop marker", PAGE_REQ(.has_pasid = true, .pasid = 1, .last = true),
      0x0000000100100101ULL, 0x4 },
};

static void test_descriptor(void)
{
    PageScene s;

    init(&s, 0);
    /* Requests without a PASID have RID_PASID 0. */
    sm_space(s.f, FX_SID, 0, SM_SECOND, 3, 0, 4);
    for (unsigned i = 0; i < ARRAY_SIZE(desc_rows); i++) {
        const DescRow *row = &desc_rows[i];

        fx_mem_poke(&s.f->mem, s.queue + i * 32 + 16, UINT64_MAX);
        fx_mem_poke(&s.f->mem, s.queue + i * 32 + 24, UINT64_MAX);
        FX_CHECK(row->name, ask(&s, &row->req), true);
        FX_CHECK(row->name, word(&s, i * 32), row->lo);
        FX_CHECK(row->name, word(&s, i * 32 + 8), row->hi);
        FX_CHECK(row->name, word(&s, i * 32 + 16), 0);
        FX_CHECK(row->name, word(&s, i * 32 + 24), 0);
        FX_CHECK(row->name, fx_read64(s.f, PQT), (i + 1) * 32);
        FX_CHECK(row->name, fx_read64(s.f, PQH), 0);
        FX_CHECK(row->name, fx_read32(s.f, FSTS), 0);
    }
    g_assert_cmpuint(nyx_vtd_stats(s.f->vtd).page_requests, ==,
                     ARRAY_SIZE(desc_rows));
    g_assert_cmpuint(fx_all_findings(s.f), ==, 0);
    check_own("none", &s, 0, 0);
    fini(&s);
}

/* --- Admission ------------------------------------------------------------ */

/* The fault's record, and the response that only the last of a group gets. */
static void check_refused(const char *row, PageScene *s, const NyxRequest *req,
                          unsigned code)
{
    uint64_t tail = fx_read64(s->f, PQT);
    uint64_t own = nyx_vtd_stats(s->f->vtd).page_responses_own;
    NyxRequest part = *req;
    FxRecord record;

    fx_forget(s->f);
    part.last = false;
    FX_CHECK(row, ask(s, &part), true);
    FX_CHECK(row, s->f->responses->len, 0);
    record = fx_take_fault(s->f);
    FX_CHECK(row, record.hi >> 32 & 0xff, code);
    FX_CHECK(row, record.lo, req->iova & ~0xfffULL);
    /* T1 = 0 and T2 = 1; no address type. */
    FX_CHECK(row, record.hi >> 60 & 7, 0);
    FX_CHECK(row, record.hi >> 28 & 1, 1);
    FX_CHECK(row, record.hi >> 31 & 1, req->has_pasid);
    FX_CHECK(row, record.hi >> 40 & 0xfffff, req->has_pasid ? req->pasid : 0);
    FX_CHECK(row, ask(s, req), true);
    FX_CHECK(row, fx_take_code(s->f), code);
    FX_CHECK(row, s->f->responses->len, 1);
    FX_CHECK(row, g_array_index(s->f->responses, NyxVtdPageResponse, 0).code,
             INVALID);
    FX_CHECK(row, nyx_vtd_stats(s->f->vtd).page_responses_own, own + 1);
    FX_CHECK(row, fx_read64(s->f, PQT), tail);
    FX_CHECK(row, fx_read32(s->f, PRS), 0);
}

typedef struct AdmitRow {
    const char *name;
    uint64_t offset;         /* of the word from what at_of() returns */
    unsigned where;          /* 0 root, 1 context, 2 directory, 3 entry */
    uint64_t clear, set;
    unsigned code;
} AdmitRow;

static const AdmitRow admit_rows[] = {
    { "root, LP", 0, 0, 1, 0, 0x39 },
    { "root, reserved", 0, 0, 0, 2, 0x3a },
    { "context, P", 0, 1, 1, 0, 0x41 },
    { "context, reserved", 0, 1, 0, 1 << 5, 0x42 },
    { "PASIDE", 0, 1, 8, 0, 0x45 },
    { "PRE", 0, 1, 16, 0, 0x47 },
    { "PRE and PASIDE", 0, 1, 24, 0, 0x45 },
    { "PRE without DTE", 0, 1, 4, 0, 0x43 },
    { "directory, P", 0, 2, 1, 0, 0x51 },
    { "directory, reserved", 0, 2, 0, 4, 0x52 },
    { "entry, P", 0, 3, 1, 0, 0x59 },
    { "entry, reserved", 0, 3, 0, 1 << 10, 0x5a },
    { "entry, type", 0, 3, 0x1c0, 0, 0x5b },
    /* ERE and SRE are software's business. */
    { "entry, ERE and SRE", 16, 3, 3, 0, 0x00 },
};

static uint64_t at_of(PageScene *s, unsigned where)
{
    switch (where) {
    case 0:
        return s->f->root;
    case 1:
        return s->sm.ctx;
    case 2:
        return sm_directory_addr(s->f, FX_SID, 1);
    default:
        return sm_pasid_addr(s->f, FX_SID, 1);
    }
}

static void test_admission(void)
{
    PageScene s;

    init(&s, 7);
    for (unsigned i = 0; i < ARRAY_SIZE(admit_rows); i++) {
        const AdmitRow *row = &admit_rows[i];
        uint64_t at = at_of(&s, row->where) + row->offset;

        check_taken(row->name, &s, &plain);
        sc_clear(&s.sm, at, row->clear);
        sc_or(&s.sm, at, row->set);
        sm_flush(s.f);
        fx_submit(s.f, 0x37, 0);
        if (row->code) {
            check_refused(row->name, &s, &plain, row->code);
        } else {
            check_taken(row->name, &s, &plain);
        }
        sc_mend(&s.sm);
        fx_submit(s.f, 0x37, 0);
    }
    check_taken("mended", &s, &plain);
    fini(&s);
}

/* A PASID that the directory has no room for, by each size of it. */
static void test_pasid_range(void)
{
    for (unsigned pdts = 0; pdts < 7; pdts++) {
        g_autofree char *name = g_strdup_printf("pdts %u", pdts);
        NyxRequest req = plain;
        PageScene s;

        init(&s, 0);
        sc_clear(&s.sm, s.sm.ctx, 7 << 9);
        sc_or(&s.sm, s.sm.ctx, pdts << 9);
        sm_flush(s.f);
        req.pasid = 1u << (pdts + 13);
        check_refused(name, &s, &req, 0x46);
        req.pasid--;
        check_refused(name, &s, &req, 0x51);
        fini(&s);
    }
}

/* Modes without page requests; off and abort mode leave no record. */
static void test_modes(void)
{
    NyxVtdCfg cfg = sm_cfg();
    NyxRequest req = plain;
    PageScene s;

    init(&s, 0);
    fx_write64(s.f, 0x20, s.f->root);
    fx_gcmd(s.f, 30, true);
    check_refused("legacy", &s, &plain, 0x32);
    req.has_pasid = false;
    check_refused("legacy, no PASID", &s, &req, 0x32);
    req.access = FX_R;
    check_refused("legacy, read", &s, &req, 0x32);
    fx_write64(s.f, 0x20, s.f->root | 2 << 10);
    fx_gcmd(s.f, 30, true);
    check_refused("reserved", &s, &plain, 0x30);
    fini(&s);

    init(&s, 0);
    fx_gcmd(s.f, 31, false);
    ask(&s, &plain);
    g_assert_cmphex(fx_read32(s.f, FSTS), ==, 0);
    g_assert_cmphex(fx_read64(s.f, PQT), ==, 0);
    check_own("off", &s, 1, INVALID);
    fini(&s);

    cfg.abort_dma = true;
    sc_init(&s.sm, &cfg);
    s.f = s.sm.f;
    queue_start(&s, 0);
    fx_write64(s.f, 0x20, s.f->root | 3 << 10);
    fx_gcmd(s.f, 30, true);
    check_refused("abort", &s, &plain, 0x33);
    fini(&s);
}

/* An entry that another kind of request brought into the cache has PRE. */
static void test_cached_admission(void)
{
    for (unsigned has_pasid = 0; has_pasid < 2; has_pasid++) {
        NyxRequest req = plain;
        PageScene s;

        init(&s, 0);
        req.has_pasid = has_pasid;
        sm_space(s.f, FX_SID, 0, SM_SECOND, 3, 0, 4);
        sc_clear(&s.sm, s.sm.ctx, 16);
        sm_flush(s.f);
        sm_request(s.f, FX_SID, has_pasid ? 1 : SM_NO_PASID,
                   NYX_REQ_UNTRANSLATED, FX_R, SC_IOVA);
        fx_clear_faults(s.f);
        check_refused("PRE = 0", &s, &req, 0x47);
        sc_or(&s.sm, s.sm.ctx, 16);
        check_refused("still cached", &s, &req, 0x47);
        sm_flush(s.f);
        check_taken("PRE = 1", &s, &req);
        sc_clear(&s.sm, s.sm.ctx, 16);
        check_taken("still cached", &s, &req);
        fini(&s);
    }
}

/* So it is if the entry that was cached is one that is not present (CM). */
static void test_cached_not_present(void)
{
    NyxVtdCfg cfg = sm_cfg();
    NyxRequest req = plain;
    PageScene s;

    cfg.caching_mode = true;
    sc_init(&s.sm, &cfg);
    s.f = s.sm.f;
    queue_start(&s, 0);
    req.pasid = 9;
    sc_clear(&s.sm, s.sm.ctx, 16);
    sm_flush(s.f);
    g_assert_cmphex(sm_dma(s.f, 9, FX_R, SC_IOVA), ==, FX_REFUSED);
    g_assert_cmphex(fx_take_code(s.f), ==, 0x59);
    check_refused("PRE = 0", &s, &req, 0x47);
    fini(&s);
}

/* PRE is looked at before the directory. */
static void test_admission_order(void)
{
    PageScene s;

    init(&s, 0);
    sc_clear(&s.sm, s.sm.ctx, 16);
    sc_clear(&s.sm, at_of(&s, 2), 1);
    sm_flush(s.f);
    check_refused("PRE and directory", &s, &plain, 0x47);
    fini(&s);
}

/* FPD hides the record, the request is refused all the same. */
static void test_fpd(void)
{
    PageScene s;

    init(&s, 0);
    sc_clear(&s.sm, s.sm.ctx, 16);
    sc_or(&s.sm, s.sm.ctx, 2);
    sm_flush(s.f);
    /* Of what the unit says itself software is not to blame. */
    s.f->response_unexpected = true;
    ask(&s, &plain);
    g_assert_cmphex(fx_read32(s.f, FSTS), ==, 0);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_PRQ_RESPONSE), ==, 0);
    check_own("FPD", &s, 1, INVALID);
    fini(&s);
}

/* --- The implied invalidation --------------------------------------------- */

/* A stale page is gone after the request, its neighbours and others stay. */
static void test_implied_drop(void)
{
    for (uint32_t pasid = 1; pasid <= 3; pasid++) {
        g_autofree char *name = g_strdup_printf("PASID %u", pasid);
        NyxRequest req = plain;
        uint64_t other = SC_IOVA + 0x200000;
        PageScene s;
        const SmSpace *space;

        init(&s, 0);
        space = &s.sm.space[pasid];
        sm_map(space, other & ~0xfffULL, 0x30000, 12);
        FX_CHECK(name, sm_dma(s.f, pasid, FX_R, SC_IOVA), sc_good(pasid));
        FX_CHECK(name, sm_dma(s.f, pasid, FX_R, other), 0x30abc);
        sm_map(space, SC_IOVA & ~0xfffULL, 0x50000, 12);
        sm_map(space, other & ~0xfffULL, 0x60000, 12);
        FX_CHECK(name, sm_dma(s.f, pasid, FX_R, SC_IOVA), sc_good(pasid));
        req.pasid = pasid;
        ask(&s, &req);
        FX_CHECK(name, sm_dma(s.f, pasid, FX_R, SC_IOVA), 0x50abc);
        FX_CHECK(name, sm_dma(s.f, pasid, FX_R, other), 0x30abc);
        FX_CHECK(name, sm_dma(s.f, 1 + pasid % 3, FX_R, SC_IOVA),
                 sc_good(1 + pasid % 3));
        fini(&s);
    }
}

/* --- Responses of software ------------------------------------------------ */

typedef struct ResponseRow {
    uint64_t lo, hi;
    NyxVtdPageResponse want;
} ResponseRow;

static const ResponseRow response_rows[] = {
    { 0x0000000000100009ULL, 0, { 0, 0x10, 0, SUCCESS, false } },
    { 0x0000000700101019ULL, 0x28, { 7, 0x10, 5, INVALID, true } },
    { 0x000ffffffffff019ULL, 0xffc,
      { 0xfffff, 0xffff, 0x1ff, FAILURE, true } },
    /* The PASID of a request without one is not looked at. */
    { 0x0001234501230009ULL, 0x800, { 0x12345, 0x123, 0x100, 0, false } },
};

static void test_responses(void)
{
    PageScene s;

    init(&s, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(response_rows); i++) {
        const ResponseRow *row = &response_rows[i];
        g_autofree char *name = g_strdup_printf("0x%" PRIx64, row->lo);
        const NyxVtdPageResponse *seen;

        fx_submit(s.f, row->lo, row->hi);
        FX_CHECK(name, fx_read32(s.f, FSTS), 0);
        FX_CHECK(name, s.f->responses->len, i + 1);
        seen = &g_array_index(s.f->responses, NyxVtdPageResponse, i);
        FX_CHECK(name, seen->sid, row->want.sid);
        FX_CHECK(name, seen->has_pasid, row->want.has_pasid);
        FX_CHECK(name, seen->pasid, row->want.pasid);
        FX_CHECK(name, seen->group, row->want.group);
        FX_CHECK(name, seen->code, row->want.code);
    }
    g_assert_cmpuint(nyx_vtd_stats(s.f->vtd).page_responses, ==,
                     ARRAY_SIZE(response_rows));
    g_assert_cmpuint(nyx_vtd_stats(s.f->vtd).page_responses_own, ==, 0);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_PRQ_RESPONSE), ==, 0);
    s.f->response_unexpected = true;
    fx_submit(s.f, 0x100009, 0);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_PRQ_RESPONSE), ==, 1);
    fini(&s);
}

/* Codes that are none stop the queue, and nothing is sent. */
static void test_response_codes(void)
{
    for (unsigned code = 0; code < 16; code++) {
        g_autofree char *name = g_strdup_printf("code %u", code);
        bool good = code == SUCCESS || code == INVALID || code == FAILURE;
        PageScene s;

        init(&s, 0);
        fx_submit(s.f, 0x100009 | code << 12, 0);
        FX_CHECK(name, fx_read32(s.f, FSTS), good ? 0 : 0x10);
        FX_CHECK(name, fx_read64(s.f, 0xb0), good ? 0 : 4);
        FX_CHECK(name, s.f->responses->len, good);
        fini(&s);
    }
}

/* --- Saved state ---------------------------------------------------------- */

static void test_saved(void)
{
    NyxVtdSaved saved;
    PageScene s;

    init(&s, 2);
    fx_write32(s.f, PECTL, 0x80000000);
    ask(&s, &plain);
    fx_write64(s.f, PQT, 0x3fe0);
    ask(&s, &plain);
    nyx_vtd_save(s.f->vtd, &saved);
    nyx_vtd_reset(s.f->vtd);
    g_assert_cmphex(fx_read32(s.f, PRS), ==, 0);
    g_assert_cmphex(fx_read64(s.f, PQA), ==, 0);
    g_assert_cmphex(fx_read32(s.f, PECTL), ==, 0x80000000);
    g_assert_null(nyx_vtd_load(s.f->vtd, &saved));
    g_assert_cmphex(fx_read32(s.f, PRS), ==, PPR | PRO);
    g_assert_cmphex(fx_read64(s.f, PQT), ==, 0x3fe0);
    g_assert_cmphex(fx_read64(s.f, PQA), ==, s.queue | 2);
    g_assert_cmphex(fx_read32(s.f, PECTL), ==, 0xc0000000);
    fx_forget(s.f);
    fx_write32(s.f, PECTL, 0);
    g_assert_cmpuint(s.f->messages->len, ==, 1);
    /* Pending without a condition, or though it is not masked. */
    saved.regs[PRS] = 0;
    g_assert_nonnull(nyx_vtd_load(s.f->vtd, &saved));
    saved.regs[PRS] = PRO;
    g_assert_null(nyx_vtd_load(s.f->vtd, &saved));
    saved.regs[PECTL + 3] = 0x40;
    g_assert_nonnull(nyx_vtd_load(s.f->vtd, &saved));
    saved.regs[PECTL + 3] = 0xc0;
    saved.regs[PQT] |= 1;
    g_assert_nonnull(nyx_vtd_load(s.f->vtd, &saved));
    fini(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/page-requests/" name, fn)
    ADD("capabilities", test_capabilities);
    ADD("bits", test_bits);
    ADD("descriptor", test_descriptor);
    ADD("admission", test_admission);
    ADD("pasid-range", test_pasid_range);
    ADD("modes", test_modes);
    ADD("cached-admission", test_cached_admission);
    ADD("cached-not-present", test_cached_not_present);
    ADD("admission-order", test_admission_order);
    ADD("fpd", test_fpd);
    ADD("implied-drop", test_implied_drop);
    ADD("responses", test_responses);
    ADD("response-codes", test_response_codes);
    ADD("saved", test_saved);
    return g_test_run();
}
