/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATTACH_TABLE: every check, what PROBE tells of it, every format, against
 * the naive walker, regions.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "vio-drafts.h"

#define IOVA 0x12345000ULL
#define ADDR 0x6789000ULL

/* --- Numbers -------------------------------------------------------------- */

static void test_layout(void)
{
    static const struct {
        const char *name;
        uint64_t value;
        uint64_t want;
    } rows[] = {
        { "F_ATTACH_TABLE", NVIO_F_ATTACH_TABLE, 8 },
        { "F_PASID", NVIO_F_PASID, 9 },
        { "F_PAGE_REQUEST", NVIO_F_PAGE_REQUEST, 10 },
        { "T_ATTACH_TABLE", NVIO_T_ATTACH_TABLE, 6 },
        { "T_INVALIDATE", NVIO_T_INVALIDATE, 7 },
        { "T_PAGE_RESP", NVIO_T_PAGE_RESP, 8 },
        { "ATTACH_TABLE", NVIO_TABLE_SIZE, 84 },
        { "INVALIDATE", NVIO_INV_SIZE, 60 },
        { "PAGE_RESP", NVIO_RESP_SIZE, 36 },
        { "event", NVIO_EVENT_EXT_SIZE, 48 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        FX_CHECK(rows[i].name, rows[i].value, rows[i].want);
    }
}

/* --- What is offered, and to whom ----------------------------------------- */

static void test_features(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f = vx_new_started(&cfg);
    const VdAttach a = { .domain = 1, .endpoint = VX_SID };
    const uint64_t drafts = VD_F_ATTACH_TABLE | VD_F_PASID |
                            VD_F_PAGE_REQUEST;

    /* Off unless asked for. */
    g_assert_cmphex(nyx_vio_features(f->vio) & drafts, ==, 0);
    for (unsigned type = 6; type <= 8; type++) {
        VxBytes bytes = { .at = { type }, .len = 84 };

        g_assert_cmphex(vx_send(f, &bytes), ==, VX_UNANSWERED);
    }
    vx_free(f);

    cfg = vd_cfg();
    f = vx_new(&cfg);
    g_assert_cmphex(nyx_vio_features(f->vio) & drafts, ==, drafts);
    g_assert_cmphex(vd_attach(f, &a), ==, VX_UNANSWERED);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_FEATURE), ==, 1);
    /* What needs ATTACH_TABLE is not there without it. */
    nyx_vio_set_features(f->vio, VD_F_PASID | VD_F_PAGE_REQUEST);
    g_assert_cmphex(vd_resp(f, &(VdResp) { .endpoint = VX_SID }), ==,
                    VX_UNANSWERED);
    nyx_vio_set_features(f->vio, VD_F_ATTACH_TABLE);
    g_assert_cmphex(vd_attach(f, &a), ==, VX_UNSUPP);
    vx_free(f);
}

/* PASIDs need their own feature. */
static void test_no_pasid(void)
{
    const NyxVioCfg cfg = vd_cfg();
    Vx *f = vx_new(&cfg);
    VdSpace s = vd_space(f, VD_VTD_SECOND, 3, 0);

    nyx_vio_set_features(f->vio, VD_F_ATTACH_TABLE | VX_F_BYPASS_CONFIG);
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, VD_NO_PASID), ==, VX_OK);
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, 3), ==, VX_INVAL);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_FEATURE), ==, 1);
    g_assert_cmpuint(vd_inv_pasid(f, 1, 3, VD_C_IOTLB), ==,
                     VX_INVAL);
    g_assert_cmpuint(vd_inv_domain(f, 1, VD_C_PASID),
                     ==, VX_INVAL);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_FEATURE), ==, 3);
    /* A bypass domain does not look at them, as without the draft. */
    g_assert_cmpuint(vx_attach_bypass(f, 2, VX_SID), ==, VX_OK);
    g_assert_cmphex(vd_dma(f, 3, FX_R, IOVA), ==, IOVA);
    vx_free(f);
}

/* Type and length of each property; what is in it follows. */
static void test_probe(void)
{
    static const uint8_t want[] = {
        /* The MSI region */
        1, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0xe0, 0xfe, 0, 0, 0, 0,
        0xff, 0xff, 0xef, 0xfe, 0, 0, 0, 0,
        4, 0, 4, 0, 48, 0, 0, 0,
        5, 0, 4, 0, 20, 0, 0, 0,
        6, 0, 20, 0, 4, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0,
        0x3a, 0, 0, 0, 0, 0, 0, 0,
        6, 0, 20, 0, 6, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0,
        1, 0, 0, 0, 0, 0, 0, 0,
        6, 0, 20, 0, 0, 1, 0, 0, 3, 5, 0, 0, 0, 0, 0, 0,
        1, 0, 0, 0, 0, 0, 0, 0,
        6, 0, 20, 0, 1, 1, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0,
        7, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0,
    };
    Vx *f = vd_new();

    g_assert_cmpuint(vx_probe(f, VX_SID), ==, VX_OK);
    g_assert_cmpmem(f->out, sizeof(want), want, sizeof(want));
    /* No width of what was not accepted. */
    nyx_vio_set_features(f->vio, VX_F_PROBE | VD_F_ATTACH_TABLE);
    g_assert_cmpuint(vx_probe(f, VX_SID), ==, VX_OK);
    g_assert_cmpmem(f->out, 32, want, 32);
    g_assert_cmpmem(f->out + 32, sizeof(want) - 40, want + 40,
                    sizeof(want) - 40);
    /* Not of interest to a driver that did not ask. */
    nyx_vio_set_features(f->vio, VX_F_PROBE);
    g_assert_cmpuint(vx_probe(f, VX_SID), ==, VX_OK);
    g_assert_cmpmem(f->out, 24, want, 24);
    g_assert_cmphex(ldl_le_p(f->out + 24), ==, 0);
    vx_free(f);
}

/* --- Refusals ------------------------------------------------------------- */

typedef struct RefuseRow {
    const char *name;
    VdAttach a;
    unsigned status;
    NyxVioRule rule;
} RefuseRow;

#define PLAIN .domain = 2, .endpoint = VX_SID, .root = 0x5000
#define FMT_RULE NVIO_RULE_TABLE_FORMAT

static const RefuseRow refuse_rows[] = {
    { "flag", { PLAIN, .flags = 2, .format = 0x100, .levels = 4 },
      VX_INVAL, FMT_RULE },
    { "format 0", { PLAIN, .levels = 4 }, VX_UNSUPP, FMT_RULE },
    { "format 1", { PLAIN, .format = 1, .levels = 4 }, VX_UNSUPP, FMT_RULE },
    { "format 0x104", { PLAIN, .format = 0x104, .levels = 4 },
      VX_UNSUPP, FMT_RULE },
    { "2 levels", { PLAIN, .format = 0x100, .levels = 2 },
      VX_INVAL, FMT_RULE },
    { "6 levels", { PLAIN, .format = 0x100, .levels = 6 },
      VX_INVAL, FMT_RULE },
    { "first 3 levels", { PLAIN, .format = 4, .levels = 3 },
      VX_INVAL, FMT_RULE },
    { "AMD 0 levels", { PLAIN, .format = 6, .levels = 0 },
      VX_INVAL, FMT_RULE },
    { "AMD 7 levels", { PLAIN, .format = 6, .levels = 7 },
      VX_INVAL, FMT_RULE },
    { "v2 6 levels", { PLAIN, .format = 0x101, .levels = 6 },
      VX_INVAL, FMT_RULE },
    { "NX of a second stage",
      { PLAIN, .format = 0x100, .levels = 4, .format_flags = 2 },
      VX_INVAL, FMT_RULE },
    { "AD of a first stage",
      { PLAIN, .format = 4, .levels = 4, .format_flags = 1 },
      VX_INVAL, FMT_RULE },
    { "WP of v2",
      { PLAIN, .format = 0x101, .levels = 4, .format_flags = 8 },
      VX_INVAL, FMT_RULE },
    { "format flag 63",
      { PLAIN, .format = 6, .levels = 4, .format_flags = 1ULL << 63 },
      VX_INVAL, FMT_RULE },
    { "root bit 11",
      { .domain = 2, .endpoint = VX_SID, .root = 0x5800, .format = 6,
        .levels = 4 }, VX_RANGE, FMT_RULE },
    { "root bit 48",
      { .domain = 2, .endpoint = VX_SID, .root = 1ULL << 48, .format = 6,
        .levels = 4 }, VX_RANGE, FMT_RULE },
    { "no such endpoint",
      { .domain = 2, .endpoint = VX_NOBODY, .format = 6, .levels = 4 },
      VX_NOENT, NVIO_RULE_ENDPOINT },
    { "endpoint of segment 1",
      { .domain = 2, .endpoint = 0x10010, .format = 6, .levels = 4 },
      VX_NOENT, NVIO_RULE_ENDPOINT },
    { "mappings", { .domain = 3, .endpoint = VX_SID, .format = 6,
                    .levels = 4 }, VX_INVAL, NVIO_RULE_ATTACH_KIND },
    { "bypass", { .domain = 4, .endpoint = VX_SID, .format = 6,
                  .levels = 4 }, VX_INVAL, NVIO_RULE_ATTACH_KIND },
    { "another table", { .domain = 1, .endpoint = VX_SID, .format = 6,
                         .levels = 4, .root = 0x5000 },
      VX_INVAL, NVIO_RULE_ATTACH_KIND },
    { "PASID, wide", { .domain = 1, .endpoint = VX_SID, .flags = 1,
                       .format = 6, .levels = 4, .pasid = 1u << 20 },
      VX_RANGE, FMT_RULE },
    { "PASID, other domain", { .domain = 3, .endpoint = VX_SID, .flags = 1,
                               .format = 6, .levels = 4 },
      VX_INVAL, NVIO_RULE_TABLE_DOMAIN },
    { "PASID, no domain", { .domain = 1, .endpoint = 0x30, .flags = 1,
                            .format = 6, .levels = 4 },
      VX_INVAL, NVIO_RULE_TABLE_DOMAIN },
    { "PASID, none there", { .domain = 1, .endpoint = VX_SID, .flags = 1,
                             .pasid = 5 }, VX_NOENT, FMT_RULE },
    { "PASID, format", { .domain = 1, .endpoint = VX_SID, .flags = 1,
                         .format = 2, .pasid = 5 }, VX_UNSUPP, FMT_RULE },
};

/* One mistake at a time; nothing changes. */
static void test_refusals(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_SECOND, 3, 0);

    vd_map(&s, IOVA, 1, ADDR, FX_RW);
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, VD_NO_PASID), ==, VX_OK);
    g_assert_cmpuint(vx_attach(f, 3, VX_OTHER), ==, VX_OK);
    g_assert_cmpuint(vx_attach_bypass(f, 4, VX_THIRD), ==, VX_OK);
    for (unsigned i = 0; i < ARRAY_SIZE(refuse_rows); i++) {
        const RefuseRow *row = &refuse_rows[i];

        vx_forget(f);
        FX_CHECK(row->name, vd_attach(f, &row->a), row->status);
        FX_CHECK(row->name, vx_findings(f, row->rule), 1);
        FX_CHECK(row->name, vx_all_findings(f), 1);
        FX_CHECK(row->name, f->endpoint_changes->len, 0);
        FX_CHECK(row->name, vx_dma(f, FX_RW, IOVA), ADDR);
        FX_CHECK(row->name, nyx_vio_stats(f->vio).domains, 3);
    }
    vx_free(f);
}

static void test_reserved(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_SECOND, 3, 0);
    const VdAttach a = vd_request_for(&s, 1, VX_SID, VD_NO_PASID);
    unsigned n = 0;

    for (unsigned at = 18; at < 84; at++) {
        VxBytes bytes = vd_attach_bytes(&a);

        if (at >= 20 && at < 41) {
            continue;
        }
        bytes.at[at] = 1;
        g_assert_cmpuint(vx_send(f, &bytes), ==, VX_INVAL);
        n++;
    }
    g_assert_cmpuint(n, ==, 2 + 43);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_REQ_RESERVED), ==, n);
    /* Those of the head are not looked at. */
    {
        VxBytes bytes = vd_attach_bytes(&a);

        bytes.at[1] = bytes.at[2] = bytes.at[3] = 0xff;
        g_assert_cmpuint(vx_send(f, &bytes), ==, VX_OK);
        bytes.len = 83;
        g_assert_cmpuint(vx_send(f, &bytes), ==, VX_INVAL);
    }
    vx_free(f);
}

/* --- Domains -------------------------------------------------------------- */

static void test_domain(void)
{
    Vx *f = vd_new();
    NyxVioRequester *other = vx_requester(f, VX_OTHER);
    VdSpace s = vd_space(f, VD_AMD_V1, 3, 0), t = vd_space(f, VD_AMD_V1, 3, 0);

    vd_map(&s, IOVA, 1, ADDR, FX_RW);
    vd_map(&t, IOVA, 1, ADDR + 0x1000, FX_R);
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, VD_NO_PASID), ==, VX_OK);
    g_assert_cmphex(vx_dma(f, FX_W, IOVA + 0x123), ==, ADDR + 0x123);
    g_assert_false(nyx_vio_bypassed(f->vio, VX_SID));
    /* Nothing is mapped or unmapped in it, and nobody joins it plainly. */
    g_assert_cmpuint(vx_map(f, 1, 0, 0xfff, 0, FX_R), ==, VX_INVAL);
    g_assert_cmpuint(vx_unmap(f, 1, 0, 0xfff), ==, VX_INVAL);
    g_assert_cmpuint(vx_attach(f, 1, VX_OTHER), ==, VX_INVAL);
    g_assert_cmpuint(vx_attach_bypass(f, 1, VX_OTHER), ==, VX_INVAL);
    /* The same table, for another endpoint, and once more. */
    g_assert_cmpuint(vd_give(&s, 1, VX_OTHER, VD_NO_PASID), ==, VX_OK);
    vx_forget(f);
    g_assert_cmpuint(vd_give(&s, 1, VX_OTHER, VD_NO_PASID), ==, VX_OK);
    g_assert_cmpuint(f->endpoint_changes->len, ==, 0);
    g_assert_cmphex(vx_dma_of(other, FX_R, IOVA), ==, ADDR);
    /* An implicit detach. */
    g_assert_cmpuint(vd_give(&t, 2, VX_SID, VD_NO_PASID), ==, VX_OK);
    g_assert_cmphex(vx_dma(f, FX_R, IOVA), ==, ADDR + 0x1000);
    g_assert_cmphex(vx_dma(f, FX_W, IOVA), ==, VX_REFUSED);
    g_assert_cmphex(vx_dma_of(other, FX_W, IOVA), ==, ADDR);
    /* The end of one; the id is free for a table of another kind. */
    g_assert_cmpuint(vx_detach(f, 1, VX_OTHER), ==, VX_OK);
    g_assert_cmpuint(vd_give(&t, 1, VX_OTHER, VD_NO_PASID), ==, VX_OK);
    g_assert_cmphex(vx_dma_of(other, FX_R, IOVA), ==, ADDR + 0x1000);
    g_assert_cmpuint(nyx_vio_stats(f->vio).domains, ==, 2);
    nyx_vio_device_reset(f->vio);
    g_assert_cmphex(vx_dma(f, FX_R, IOVA), ==, IOVA);
    vx_free(f);
}

/* --- Formats -------------------------------------------------------------- */

static NyxVioFaultCode fault_of(Vx *f)
{
    for (unsigned code = 1; code < NVIO_FAULT_COUNT; code++) {
        if (nyx_vio_fault_count(f->vio, f->r, code)) {
            return code;
        }
    }
    return NVIO_FAULT_NONE;
}

/* A device with a table of a format, for its own requests or a PASID's. */
typedef struct Scene {
    Vx *f;
    VdSpace s;
    uint32_t pasid;
} Scene;

static Scene scene(const VdFormat *fmt, unsigned levels, uint32_t flags,
                   uint32_t pasid, NyxCacheTemper cache)
{
    NyxVioCfg cfg = vd_cfg();
    Scene scene = { .pasid = pasid };

    cfg.cache = cache;
    cfg.input_bits = 64;
    scene.f = vx_new_started(&cfg);
    scene.s = vd_space(scene.f, fmt->id, levels, flags);
    if (pasid != VD_NO_PASID) {
        g_assert_cmpuint(vx_attach_bypass(scene.f, 9, VX_SID), ==, VX_OK);
    }
    g_assert_cmpuint(vd_give(&scene.s, 9, VX_SID, pasid), ==, VX_OK);
    return scene;
}

/* Each format, each number of levels: what is mapped, and every fault. */
static void check_walks(const VdFormat *fmt, unsigned levels, uint32_t pasid)
{
    g_autofree char *row = g_strdup_printf("%s, %u levels, PASID %x",
                                           fmt->name, levels, pasid);
    unsigned top = MIN(12 + 9 * levels, 64);
    uint64_t last = fmt->canonical || top == 64 ? 1ULL << (top - 1)
                                                : 1ULL << top;
    uint64_t high = last - 0x1000;
    Scene sc = scene(fmt, levels, 0, pasid, NYX_CACHE_OFF);
    Vx *f = sc.f;
    NyxReply reply;

    vd_map(&sc.s, 0x7000, 1, ADDR, FX_RW);
    vd_map(&sc.s, 0x8000, 1, ADDR, FX_R);
    if (levels > 2) {
        vd_map(&sc.s, 0x40000000, 2, 0x8000000, FX_RW);
        vd_map(&sc.s, high & ~0x3fffffffULL, 3, 0x40000000, FX_RW);
    }
    FX_CHECK(row, vd_dma(f, pasid, FX_W, 0x7abc), ADDR + 0xabc);
    FX_CHECK(row, vd_dma(f, pasid, FX_R, 0x8fff), ADDR + 0xfff);
    if (levels > 2) {
        reply = vd_request(f->r, pasid, NYX_REQ_UNTRANSLATED, FX_R,
                           0x40123456);
        FX_CHECK(row, reply.addr, 0x8123456);
        FX_CHECK(row, reply.addr_mask, 0x1fffff);
        reply = vd_request(f->r, pasid, NYX_REQ_UNTRANSLATED, FX_W, high);
        FX_CHECK(row, reply.addr, 0x40000000 + (high & 0x3fffffff));
        FX_CHECK(row, reply.addr_mask, 0x3fffffff);
    }
    FX_CHECK(row, fault_of(f), NVIO_FAULT_NONE);
    FX_CHECK(row, vd_dma(f, pasid, FX_W, 0x8000), VX_REFUSED);
    FX_CHECK(row, nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_TABLE_DENIED),
             1);
    FX_CHECK(row, vd_dma(f, pasid, FX_R, 0x9000), VX_REFUSED);
    FX_CHECK(row, nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_TABLE_EMPTY),
             1);
    /* Bits that are reserved whatever the class and the options. */
    fx_mem_poke(&f->mem, nv_entry(&sc.s.t, 0x7000, 1),
                fx_mem_peek(&f->mem, nv_entry(&sc.s.t, 0x7000, 1)) |
                1ULL << 48);
    FX_CHECK(row, vd_dma(f, pasid, FX_R, 0x7000), VX_REFUSED);
    FX_CHECK(row, nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_TABLE_RSVD),
             1);
    fx_mem_hole(&f->mem, sc.s.t.root, sc.s.t.root + 0xfff);
    FX_CHECK(row, vd_dma(f, pasid, FX_R, 0x8000), VX_REFUSED);
    FX_CHECK(row, nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_TABLE_READ),
             1);
    fx_mem_no_hole(&f->mem);
    if (top < 64) {
        FX_CHECK(row, vd_dma(f, pasid, FX_R, last | 0x8000), VX_REFUSED);
        FX_CHECK(row, nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_RANGE), 1);
        FX_CHECK(row, vd_dma(f, pasid, FX_R, 1ULL << 63 | 0x8000),
                 VX_REFUSED);
        FX_CHECK(row, nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_RANGE), 2);
    }
    vx_free(f);
}

static void test_walks(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vd_formats); i++) {
        const VdFormat *fmt = &vd_formats[i];

        for (unsigned levels = fmt->min; levels <= fmt->max; levels++) {
            VdFormat with = *fmt;

            check_walks(fmt, levels, VD_NO_PASID);
            with.canonical = fmt->canonical_pasid;
            check_walks(&with, levels, 0);
            check_walks(&with, levels, 0xfffff);
        }
    }
}

/* The upper half of signed addresses. */
static void test_canonical(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vd_formats); i++) {
        const VdFormat *fmt = &vd_formats[i];
        const uint32_t pasids[] = { VD_NO_PASID, 7 };

        for (unsigned j = 0; j < 2 && fmt->min == 4; j++) {
            bool canonical = j ? fmt->canonical_pasid : fmt->canonical;
            Scene sc = scene(fmt, 4, 0, pasids[j], NYX_CACHE_OFF);
            uint64_t half = 0x800000000000ULL, top = 0xffff800000000000ULL;

            vd_map(&sc.s, half, 1, ADDR, FX_RW);
            FX_CHECK(fmt->name, vd_dma(sc.f, pasids[j], FX_R, half),
                     canonical ? VX_REFUSED : ADDR);
            FX_CHECK(fmt->name, vd_dma(sc.f, pasids[j], FX_R, top),
                     canonical ? ADDR : VX_REFUSED);
            FX_CHECK(fmt->name, fault_of(sc.f), NVIO_FAULT_RANGE);
            vx_free(sc.f);
        }
    }
}

/* Requests without a PASID stay within the device's input range. */
static void test_input_range(void)
{
    NyxVioCfg cfg = vd_cfg();
    NyxReply reply;
    VdSpace s;
    Vx *f;

    cfg.addr_bits = 52;
    cfg.n_regions = 0;
    f = vx_new_started(&cfg);
    s = vd_space(f, VD_AMD_V1, 6, 0);
    /* 2^51 bytes, more than the 2^48 of the range. */
    nv_leaf(&s.t, 0, 5, nv_encoded(0, 51), 1 | 3ULL << 61);
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, VD_NO_PASID), ==, VX_OK);
    reply = vx_request(f, NYX_REQ_UNTRANSLATED, FX_R, 1ULL << 48);
    g_assert_false(reply.ok);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_RANGE), ==,
                     1);
    /* Nor does what is cached reach beyond it. */
    reply = vx_request(f, NYX_REQ_UNTRANSLATED, FX_R, 1ULL << 40);
    g_assert_cmphex(reply.addr, ==, 1ULL << 40);
    g_assert_cmphex(reply.addr_mask, ==, (1ULL << 48) - 1);
    g_assert_false(vx_request(f, NYX_REQ_UNTRANSLATED, FX_R, 1ULL << 48).ok);
    vx_free(f);
}

/* --- Against the naive walker --------------------------------------------- */

static uint64_t any(GRand *rand)
{
    return (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
}

/* An address where there are leaves of @level. */
static uint64_t place(unsigned levels, unsigned level, GRand *rand)
{
    uint64_t iova = (any(rand) & 0x80603000ULL) | (uint64_t)level << 33;

    return levels < 3 ? iova & 0x3000 : iova;
}

static unsigned any_level(unsigned levels, GRand *rand)
{
    return levels < 3 ? 1 : g_rand_int_range(rand, 1, 4);
}

/* Entries that are mostly all right, at all levels. */
static void scribble(VdSpace *s, GRand *rand)
{
    for (unsigned i = 0; i < 48; i++) {
        unsigned level = any_level(s->t.levels, rand);
        uint64_t iova = place(s->t.levels, level, rand);
        uint64_t addr = (any(rand) & 0xffffffffULL) << 12 &
                        ~MAKE_64BIT_MASK(0, 12 + 9 * (level - 1));
        uint64_t bits = 0;

        if (g_rand_int_range(rand, 0, 3) == 0) {
            bits = any(rand) & any(rand) & ~(7ULL << 9) &
                   ~MAKE_64BIT_MASK(12, 40);
        }
        vd_map(s, iova, level, addr, g_rand_int_range(rand, 0, 4));
        fx_mem_poke(&s->f->mem, nv_entry(&s->t, iova, level),
                    fx_mem_peek(&s->f->mem, nv_entry(&s->t, iova, level)) ^
                    bits);
    }
}

static NyxVioFaultCode code_of(NyxWalkStatus status)
{
    switch (status) {
    case NYX_WALK_OK:
        return NVIO_FAULT_NONE;
    case NYX_WALK_EMPTY:
        return NVIO_FAULT_TABLE_EMPTY;
    case NYX_WALK_PRIVILEGE:
    case NYX_WALK_DENIED:
        return NVIO_FAULT_TABLE_DENIED;
    case NYX_WALK_RESERVED:
        return NVIO_FAULT_TABLE_RSVD;
    default:
        return NVIO_FAULT_TABLE_READ;
    }
}

static void compare(const char *row, Scene *sc, unsigned access,
                    uint64_t iova)
{
    Vx *f = sc->f;
    NvTables t = sc->s.t;
    unsigned need = access & NYX_ACCESS_RWX;
    NvImage before = nv_save(&f->mem), after;
    NyxReply reply = vd_request(f->r, sc->pasid, NYX_REQ_UNTRANSLATED, access,
                                iova);
    NyxVioFaultCode got = f->last_trace[NYX_VIO_EV_FAULT].b;
    unsigned faults = f->traces[NYX_VIO_EV_FAULT];
    NvWalk want;

    t.priv = access & NYX_ACCESS_PRIV;
    after = nv_save(&f->mem);
    nv_restore(&f->mem, &before);
    want = nv_walk(&t, iova, need, true);
    FX_CHECK(row, nv_same(&f->mem, &after), true);
    if (want.status == NYX_WALK_OK) {
        FX_CHECK(row, reply.ok, true);
        FX_CHECK(row, reply.addr, want.addr + iova % (1ULL << want.lg2));
        FX_CHECK(row, reply.access,
                 want.rwx & (need & NV_X ? 7 : 3));
        FX_CHECK(row, faults, 0);
    } else {
        FX_CHECK(row, reply.ok, false);
        FX_CHECK(row, faults, 1);
        FX_CHECK(row, got, code_of(want.status));
    }
    vx_forget(f);
    nv_drop(&before);
    nv_drop(&after);
}

static void test_random(void)
{
    static const unsigned accesses[] = {
        FX_R, FX_W, FX_RW, FX_R | NYX_ACCESS_EXEC,
        FX_R | NYX_ACCESS_PRIV, FX_W | NYX_ACCESS_PRIV,
        FX_R | NYX_ACCESS_EXEC | NYX_ACCESS_PRIV,
    };
    const char *seed = g_getenv("NYX_SEED");
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed ? atoi(seed) : 11);

    for (unsigned round = 0; round < 160; round++) {
        const VdFormat *fmt = &vd_formats[round % 4];
        unsigned levels = g_rand_int_range(rand, fmt->min, fmt->max + 1);
        uint32_t flags = g_rand_int(rand) & fmt->flags;
        bool pasid = g_rand_boolean(rand);
        g_autofree char *row = g_strdup_printf("round %u: %s, %u levels, "
                                               "flags %x, PASID %d", round,
                                               fmt->name, levels, flags,
                                               pasid);
        Scene sc = scene(fmt, levels, flags, pasid ? 5 : VD_NO_PASID,
                         NYX_CACHE_OFF);

        scribble(&sc.s, rand);
        vx_forget(sc.f);
        for (unsigned i = 0; i < 60; i++) {
            uint64_t iova = place(levels, any_level(levels, rand), rand) +
                            g_rand_int_range(rand, 0, 4096);
            unsigned n = pasid ? ARRAY_SIZE(accesses) : 3;

            compare(row, &sc, accesses[g_rand_int_range(rand, 0, n)], iova);
        }
        vx_free(sc.f);
    }
}

/* --- Reserved regions ----------------------------------------------------- */

/* A large page that has the MSI region in it. */
static void test_msi(void)
{
    static const NyxCacheTemper tempers[] = {
        NYX_CACHE_HARDWARE, NYX_CACHE_STICKY, NYX_CACHE_OFF,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(tempers); i++) {
        NyxVioCfg cfg = vd_cfg();
        VdSpace s;
        NyxReply reply;
        Vx *f;

        cfg.cache = tempers[i];
        f = vx_new_started(&cfg);
        s = vd_space(f, VD_VTD_SECOND, 3, 0);
        vd_map(&s, 0xc0000000, 3, 0x40000000, FX_RW);
        g_assert_cmpuint(vd_give(&s, 1, VX_SID, VD_NO_PASID), ==, VX_OK);
        g_assert_cmpuint(vd_give(&s, 1, VX_SID, 3), ==, VX_OK);
        /* Around it, and only so far. */
        reply = vx_request(f, NYX_REQ_UNTRANSLATED, FX_W, 0xfedfffff);
        g_assert_cmphex(reply.addr, ==, 0x7edfffff);
        g_assert_cmphex(reply.addr_mask, ==, 0x1fffff);
        reply = vx_request(f, NYX_REQ_UNTRANSLATED, FX_R, 0xfef00000);
        g_assert_cmphex(reply.addr, ==, 0x7ef00000);
        g_assert_cmphex(reply.addr_mask, ==, 0xfffff);
        reply = vx_request(f, NYX_REQ_UNTRANSLATED, FX_R, 0xc0000000);
        g_assert_cmphex(reply.addr_mask, ==, 0x1fffffff);
        /* A message is not translated; nothing else is allowed. */
        g_assert_cmphex(vx_dma(f, FX_W, 0xfee01000), ==, 0xfee01000);
        g_assert_cmphex(vx_dma(f, FX_R, 0xfee01000), ==, VX_REFUSED);
        /* With a PASID it is an address like others. */
        g_assert_cmphex(vd_dma(f, 3, FX_W, 0xfee01000), ==, 0x7ee01000);
        reply = vd_request(f->r, 3, NYX_REQ_UNTRANSLATED, FX_R, 0xfee01000);
        g_assert_cmphex(reply.addr_mask, ==, 0x3fffffff);
        g_assert_cmphex(vx_dma(f, FX_W, 0xfee01000), ==, 0xfee01000);
        vx_free(f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vio/tables/layout", test_layout);
    g_test_add_func("/vio/tables/features", test_features);
    g_test_add_func("/vio/tables/no-pasid", test_no_pasid);
    g_test_add_func("/vio/tables/probe", test_probe);
    g_test_add_func("/vio/tables/refusals", test_refusals);
    g_test_add_func("/vio/tables/reserved", test_reserved);
    g_test_add_func("/vio/tables/domain", test_domain);
    g_test_add_func("/vio/tables/walks", test_walks);
    g_test_add_func("/vio/tables/canonical", test_canonical);
    g_test_add_func("/vio/tables/input-range", test_input_range);
    g_test_add_func("/vio/tables/random", test_random);
    g_test_add_func("/vio/tables/msi", test_msi);
    return g_test_run();
}
