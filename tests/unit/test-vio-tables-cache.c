/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INVALIDATE: every check; what is stale until it is named, what is gone when
 * it was, and what is not touched.
 */
#include "qemu/osdep.h"
#include "vio-drafts.h"

#define IOVA 0x40000000ULL
#define OLD  0x8000000ULL
#define NEW  0x8800000ULL

/* --- Checks --------------------------------------------------------------- */

typedef struct RefuseRow {
    const char *name;
    VdInv inv;
    unsigned status;
    NyxVioRule rule;
} RefuseRow;

#define INV(s, c, f, d, p, a, n, sh) \
    { .scope = (s), .caches = (c), .flags = (f), .domain = (d), \
      .pasid = (p), .address = (a), .pages = (n), .shift = (sh) }
#define RULE NVIO_RULE_INVALIDATE

static const RefuseRow refuse_rows[] = {
    { "no scope", INV(0, 1, 0, 1, 0, 0, 0, 0), VX_INVAL, RULE },
    { "two scopes", INV(3, 1, 1, 1, 3, 0, 0, 0), VX_INVAL, RULE },
    { "scope 8", INV(8, 1, 0, 1, 0, 0, 0, 0), VX_INVAL, RULE },
    { "no cache", INV(1, 0, 0, 1, 0, 0, 0, 0), VX_INVAL, RULE },
    { "cache 8", INV(1, 9, 0, 1, 0, 0, 0, 0), VX_INVAL, RULE },
    { "domain with PASID", INV(1, 1, 1, 1, 3, 0, 0, 0), VX_INVAL, RULE },
    { "domain with LEAF", INV(1, 1, 4, 1, 0, 0, 0, 0), VX_INVAL, RULE },
    { "PASID without one", INV(2, 1, 0, 1, 3, 0, 0, 0), VX_INVAL, RULE },
    { "PASID with LEAF", INV(2, 1, 5, 1, 3, 0, 0, 0), VX_INVAL, RULE },
    { "ARCH_ID", INV(4, 1, 2, 1, 0, IOVA, 1, 12), VX_INVAL, RULE },
    { "flag 8", INV(4, 1, 8, 1, 0, IOVA, 1, 12), VX_INVAL, RULE },
    { "PASID cache of an address", INV(4, 5, 1, 1, 3, IOVA, 1, 12),
      VX_INVAL, RULE },
    { "wide PASID", INV(2, 1, 1, 1, 1 << 20, 0, 0, 0), VX_RANGE, RULE },
    { "shift 0", INV(4, 1, 0, 1, 0, IOVA, 1, 0), VX_RANGE, RULE },
    { "shift 11", INV(4, 1, 0, 1, 0, IOVA, 1, 11), VX_RANGE, RULE },
    { "shift 64", INV(4, 1, 0, 1, 0, 0, 1, 64), VX_RANGE, RULE },
    { "shift 255", INV(4, 1, 0, 1, 0, 0, 1, 255), VX_RANGE, RULE },
    { "no pages", INV(4, 1, 0, 1, 0, IOVA, 0, 12), VX_RANGE, RULE },
    { "address off its size", INV(4, 1, 0, 1, 0, IOVA + 0x1000, 1, 21),
      VX_RANGE, RULE },
    { "address in a page", INV(4, 1, 0, 1, 0, IOVA + 0x800, 1, 12),
      VX_RANGE, RULE },
    { "too many pages", INV(4, 1, 0, 1, 0, 0, (1ULL << 52) + 1, 12),
      VX_RANGE, RULE },
    { "all pages, and more", INV(4, 1, 0, 1, 0, 0x1000, 1ULL << 52, 12),
      VX_RANGE, RULE },
    { "all ones", INV(4, 1, 0, 1, 0, IOVA, UINT64_MAX, 12), VX_RANGE, RULE },
    { "no such domain", INV(1, 1, 0, 77, 0, 0, 0, 0), VX_NOENT,
      NVIO_RULE_DOMAIN },
    { "mappings", INV(1, 1, 0, 2, 0, 0, 0, 0), VX_INVAL,
      NVIO_RULE_TABLE_DOMAIN },
    { "pages of mappings", INV(4, 1, 0, 2, 0, IOVA, 1, 12), VX_INVAL,
      NVIO_RULE_TABLE_DOMAIN },
    { "PASID of mappings", INV(2, 1, 1, 2, 3, 0, 0, 0), VX_INVAL,
      NVIO_RULE_TABLE_DOMAIN },
    /* That has tables, but only of PASIDs. */
    { "pages of bypass", INV(4, 1, 0, 3, 0, IOVA, 1, 12), VX_INVAL,
      NVIO_RULE_TABLE_DOMAIN },
};

/* A domain 1 of tables, 2 of mappings, 3 of bypass with a PASID. */
static Vx *refusals_new(VdSpace *s)
{
    Vx *f = vd_new();

    *s = vd_space(f, VD_VTD_SECOND, 4, 0);
    vd_map(s, IOVA, 1, OLD, FX_RW);
    g_assert_cmpuint(vd_give(s, 1, VX_SID, VD_NO_PASID), ==, VX_OK);
    g_assert_cmpuint(vd_give(s, 1, VX_SID, 3), ==, VX_OK);
    g_assert_cmpuint(vx_attach(f, 2, VX_OTHER), ==, VX_OK);
    g_assert_cmpuint(vx_attach_bypass(f, 3, VX_THIRD), ==, VX_OK);
    g_assert_cmpuint(vd_give(s, 3, VX_THIRD, 3), ==, VX_OK);
    return f;
}

/* What is refused drops nothing. */
static void test_refusals(void)
{
    VdSpace s;
    Vx *f = refusals_new(&s);

    vx_dma(f, FX_RW, IOVA);
    vd_dma(f, 3, FX_RW, IOVA);
    vd_map(&s, IOVA, 1, NEW, FX_RW);
    for (unsigned i = 0; i < ARRAY_SIZE(refuse_rows); i++) {
        const RefuseRow *row = &refuse_rows[i];

        vx_forget(f);
        FX_CHECK(row->name, vd_inv(f, &row->inv), row->status);
        FX_CHECK(row->name, vx_findings(f, row->rule), 1);
        FX_CHECK(row->name, vx_all_findings(f), 1);
        FX_CHECK(row->name, vx_dma(f, FX_RW, IOVA), OLD);
        FX_CHECK(row->name, vd_dma(f, 3, FX_RW, IOVA), OLD);
    }
    vx_free(f);
}

/* What is not looked at, and edges that are none. */
static void test_accepted(void)
{
    static const RefuseRow rows[] = {
        { .name = "domain, fields set",
          .inv = INV(1, 1, 0, 1, 99, 0x123, 5, 3) },
        { .name = "all caches", .inv = INV(1, 7, 0, 1, 0, 0, 0, 0) },
        { .name = "PASID cache", .inv = INV(2, 4, 1, 1, 3, 0, 0, 0) },
        { .name = "PASID of bypass", .inv = INV(2, 7, 1, 3, 3, 0, 0, 0) },
        { .name = "domain of bypass", .inv = INV(1, 1, 0, 3, 0, 0, 0, 0) },
        { .name = "a PASID without a table",
          .inv = INV(2, 1, 1, 1, 4, 0, 0, 0) },
        { .name = "all there is", .inv = INV(4, 1, 0, 1, 0, 0, 1ULL << 52,
                                             12) },
        { .name = "the last page",
          .inv = INV(4, 3, 4, 1, 0, UINT64_MAX << 12, 1, 12) },
        { .name = "half of it", .inv = INV(4, 1, 0, 1, 0, 0, 1, 63) },
        { .name = "both halves", .inv = INV(4, 1, 0, 1, 0, 0, 2, 63) },
    };
    VdSpace s;
    Vx *f = refusals_new(&s);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        FX_CHECK(rows[i].name, vd_inv(f, &rows[i].inv), VX_OK);
    }
    g_assert_cmpuint(vx_all_findings(f), ==, 0);
    vx_free(f);
}

static void test_reserved(void)
{
    VdSpace s;
    Vx *f = refusals_new(&s);
    const VdInv inv = INV(1, 1, 0, 1, 0, 0, 0, 0);
    unsigned n = 0;

    for (unsigned at = 10; at < 60; at++) {
        VxBytes bytes = vd_inv_bytes(&inv);

        if (at == 10 || at == 11 || (at >= 20 && at < 24) || at >= 49) {
            bytes.at[at] = 1;
            g_assert_cmpuint(vx_send(f, &bytes), ==, VX_INVAL);
            n++;
        }
    }
    g_assert_cmpuint(n, ==, 17);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_REQ_RESERVED), ==, n);
    {
        VxBytes bytes = vd_inv_bytes(&inv);

        bytes.len = 59;
        g_assert_cmpuint(vx_send(f, &bytes), ==, VX_INVAL);
        g_assert_cmpuint(vx_findings(f, NVIO_RULE_REQ_SHORT), ==, 1);
    }
    vx_free(f);
}

/* --- What drops what ------------------------------------------------------ */

/* Places where a translation is cached before the tables change. */
typedef enum Place {
    PLAIN_A,                 /* domain 1, no PASID, the first page */
    PLAIN_B,                 /* ... a page of the next 2 MiB */
    PASID_A,                 /* domain 1, PASID 3 */
    PASID_B,
    PRIVILEGED,              /* the same as PASID_A, for a supervisor */
    OTHER_PASID,             /* domain 1, PASID 4 */
    OTHER_DOMAIN,            /* domain 2, no PASID */
    OTHER_DOMAIN_PASID,      /* domain 2, PASID 3 */
    PLACES,
} Place;

#define B_IOVA (IOVA + 0x210000)

typedef struct Board {
    Vx *f;
    NyxVioRequester *other;
    VdSpace plain;           /* both domains go by it */
    VdSpace pasids;          /* and all PASIDs by this one */
} Board;

static uint64_t place_dma(Board *b, Place place)
{
    static const struct {
        uint32_t pasid;
        uint64_t iova;
        bool other;
        unsigned access;
    } places[PLACES] = {
        [PLAIN_A] = { VD_NO_PASID, IOVA, false, FX_R },
        [PLAIN_B] = { VD_NO_PASID, B_IOVA, false, FX_R },
        [PASID_A] = { 3, IOVA, false, FX_R },
        [PASID_B] = { 3, B_IOVA, false, FX_R },
        [PRIVILEGED] = { 3, IOVA, false, FX_R | NYX_ACCESS_PRIV },
        [OTHER_PASID] = { 4, IOVA, false, FX_R },
        [OTHER_DOMAIN] = { VD_NO_PASID, IOVA, true, FX_R },
        [OTHER_DOMAIN_PASID] = { 3, IOVA, true, FX_R },
    };
    NyxReply reply = vd_request(places[place].other ? b->other : b->f->r,
                                places[place].pasid, NYX_REQ_UNTRANSLATED,
                                places[place].access, places[place].iova);

    return reply.ok ? reply.addr : VX_REFUSED;
}

static Board board_new(NyxCacheTemper temper, unsigned plain)
{
    NyxVioCfg cfg = vd_cfg();
    Board b;

    cfg.cache = temper;
    b.f = vx_new_started(&cfg);
    b.other = vx_requester(b.f, VX_OTHER);
    b.plain = vd_space(b.f, plain, 4, 0);
    b.pasids = vd_space(b.f, VD_AMD_V2, 4, VD_US);
    for (unsigned i = 0; i < 2; i++) {
        const VdSpace *s = i ? &b.pasids : &b.plain;

        vd_map(s, IOVA, 1, OLD, FX_RW);
        vd_map(s, B_IOVA, 1, OLD, FX_RW);
    }
    g_assert_cmpuint(vd_give(&b.plain, 1, VX_SID, VD_NO_PASID), ==, VX_OK);
    g_assert_cmpuint(vd_give(&b.plain, 2, VX_OTHER, VD_NO_PASID), ==, VX_OK);
    g_assert_cmpuint(vd_give(&b.pasids, 1, VX_SID, 3), ==, VX_OK);
    g_assert_cmpuint(vd_give(&b.pasids, 1, VX_SID, 4), ==, VX_OK);
    g_assert_cmpuint(vd_give(&b.pasids, 2, VX_OTHER, 3), ==, VX_OK);
    for (unsigned i = 0; i < PLACES; i++) {
        g_assert_cmphex(place_dma(&b, i), ==, OLD);
    }
    return b;
}

typedef struct DropRow {
    const char *name;
    VdInv inv;
    unsigned dropped;        /* bits by Place */
} DropRow;

#define P(place) (1u << (place))

static const DropRow drop_rows[] = {
    { "nothing", { }, 0 },
    { "domain", INV(1, 1, 0, 1, 0, 0, 0, 0),
      P(PLAIN_A) | P(PLAIN_B) | P(PASID_A) | P(PASID_B) | P(PRIVILEGED) |
      P(OTHER_PASID) },
    { "the other domain", INV(1, 1, 0, 2, 0, 0, 0, 0),
      P(OTHER_DOMAIN) | P(OTHER_DOMAIN_PASID) },
    { "PASID", INV(2, 1, 1, 1, 3, 0, 0, 0),
      P(PASID_A) | P(PASID_B) | P(PRIVILEGED) },
    { "the other PASID", INV(2, 1, 1, 1, 4, 0, 0, 0), P(OTHER_PASID) },
    { "PASID of the other domain", INV(2, 1, 1, 2, 3, 0, 0, 0),
      P(OTHER_DOMAIN_PASID) },
    { "page", INV(4, 1, 0, 1, 0, IOVA, 1, 12), P(PLAIN_A) },
    { "the page below", INV(4, 1, 0, 1, 0, IOVA - 0x1000, 1, 12), 0 },
    { "the page above", INV(4, 1, 0, 1, 0, IOVA + 0x1000, 1, 12), 0 },
    { "page, leaf", INV(4, 1, 4, 1, 0, IOVA, 1, 12), P(PLAIN_A) },
    { "2 MiB", INV(4, 1, 0, 1, 0, IOVA, 1, 21), P(PLAIN_A) },
    { "4 MiB", INV(4, 1, 0, 1, 0, IOVA, 2, 21), P(PLAIN_A) | P(PLAIN_B) },
    { "many pages", INV(4, 1, 0, 1, 0, IOVA, 529, 12),
      P(PLAIN_A) | P(PLAIN_B) },
    { "all pages", INV(4, 1, 0, 1, 0, 0, 1ULL << 52, 12),
      P(PLAIN_A) | P(PLAIN_B) },
    { "page of a PASID", INV(4, 1, 1, 1, 3, IOVA, 1, 12),
      P(PASID_A) | P(PRIVILEGED) },
    { "another page of it", INV(4, 1, 5, 1, 3, B_IOVA, 1, 12), P(PASID_B) },
    { "page of the other PASID", INV(4, 1, 1, 1, 4, IOVA, 1, 12),
      P(OTHER_PASID) },
    { "page of the other domain", INV(4, 1, 0, 2, 0, IOVA, 1, 12),
      P(OTHER_DOMAIN) },
    /* Caches that are not the IOTLB. */
    { "device TLBs", INV(1, 2, 0, 1, 0, 0, 0, 0), 0 },
    { "PASID cache", INV(1, 4, 0, 1, 0, 0, 0, 0), 0 },
    { "PASID cache of a PASID", INV(2, 6, 1, 1, 3, 0, 0, 0), 0 },
    { "device TLBs of a page", INV(4, 2, 0, 1, 0, IOVA, 1, 12), 0 },
    { "all of them", INV(1, 7, 0, 1, 0, 0, 0, 0),
      P(PLAIN_A) | P(PLAIN_B) | P(PASID_A) | P(PASID_B) | P(PRIVILEGED) |
      P(OTHER_PASID) },
};

/* All is cached, all of the tables change, one INVALIDATE. */
static void check_drops(NyxCacheTemper temper, unsigned plain)
{
    for (unsigned i = 0; i < ARRAY_SIZE(drop_rows); i++) {
        const DropRow *row = &drop_rows[i];
        Board b = board_new(temper, plain);

        for (unsigned j = 0; j < 2; j++) {
            const VdSpace *s = j ? &b.pasids : &b.plain;

            vd_map(s, IOVA, 1, NEW, FX_RW);
            vd_map(s, B_IOVA, 1, NEW, FX_RW);
        }
        if (row->inv.scope) {
            FX_CHECK(row->name, vd_inv(b.f, &row->inv), VX_OK);
        }
        for (unsigned j = 0; j < PLACES; j++) {
            g_autofree char *at = g_strdup_printf("%s, place %u", row->name,
                                                  j);

            FX_CHECK(at, place_dma(&b, j),
                     row->dropped & P(j) || temper == NYX_CACHE_OFF ? NEW
                                                                    : OLD);
        }
        vx_free(b.f);
    }
}

static void test_drops_sticky(void)
{
    check_drops(NYX_CACHE_STICKY, VD_VTD_SECOND);
    check_drops(NYX_CACHE_STICKY, VD_AMD_V1);
}

static void test_drops_hardware(void)
{
    check_drops(NYX_CACHE_HARDWARE, VD_VTD_SECOND);
    check_drops(NYX_CACHE_HARDWARE, VD_VTD_FIRST);
}

static void test_drops_off(void)
{
    check_drops(NYX_CACHE_OFF, VD_AMD_V1);
}

/* --- Tables --------------------------------------------------------------- */

/*
 * A table is moved: what was not cached as a page still comes by the old one,
 * until the invalidation is one that does not say "leaves only".
 */
static void check_table_moves(const VdFormat *fmt, uint32_t pasid)
{
    NyxVioCfg cfg = vd_cfg();
    Vx *f;
    VdSpace s;
    uint64_t up, moved;
    VdInv inv = INV(4, 1, VD_INV_LEAF, 1, 0, IOVA, 512, 12);

    cfg.cache = NYX_CACHE_STICKY;
    f = vx_new_started(&cfg);
    s = vd_space(f, fmt->id, 4, 0);
    vd_map(&s, IOVA, 1, OLD, FX_RW);
    vd_map(&s, IOVA + 0x1000, 1, OLD, FX_RW);
    if (pasid == VD_NO_PASID) {
        vd_give(&s, 1, VX_SID, pasid);
    } else {
        vx_attach_bypass(f, 1, VX_SID);
        vd_give(&s, 1, VX_SID, pasid);
        inv.flags |= VD_INV_PASID;
        inv.pasid = pasid;
    }
    FX_CHECK(fmt->name, vd_dma(f, pasid, FX_R, IOVA), OLD);

    up = nv_entry(&s.t, IOVA, 2);
    moved = fx_mem_pages(&f->mem, 1);
    fx_mem_poke(&f->mem, up,
                (fx_mem_peek(&f->mem, up) & ~0xffffffffff000ULL) | moved);
    vd_map(&s, IOVA, 1, NEW, FX_RW);
    vd_map(&s, IOVA + 0x1000, 1, NEW, FX_RW);
    FX_CHECK(fmt->name, vd_dma(f, pasid, FX_R, IOVA + 0x1000), OLD);
    FX_CHECK(fmt->name, vd_inv(f, &inv), VX_OK);
    FX_CHECK(fmt->name, vd_dma(f, pasid, FX_R, IOVA), OLD);
    FX_CHECK(fmt->name, vd_dma(f, pasid, FX_R, IOVA + 0x1000), OLD);
    inv.flags &= ~VD_INV_LEAF;
    FX_CHECK(fmt->name, vd_inv(f, &inv), VX_OK);
    FX_CHECK(fmt->name, vd_dma(f, pasid, FX_R, IOVA), NEW);
    FX_CHECK(fmt->name, vd_dma(f, pasid, FX_R, IOVA + 0x1000), NEW);
    vx_free(f);
}

static void test_table_moves(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vd_formats); i++) {
        check_table_moves(&vd_formats[i], VD_NO_PASID);
        check_table_moves(&vd_formats[i], 7);
    }
}

/*
 * Of a table that is known by an entry without the right, the entry's refusal
 * counts, not what is in the table.
 */
static void test_right_above(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_SECOND, 4, 0);
    uint64_t up = nv_entry(&s.t, IOVA, 2);

    vd_map(&s, IOVA, 1, OLD, FX_RW);
    fx_mem_poke(&f->mem, up, fx_mem_peek(&f->mem, up) & ~2ULL);
    vd_give(&s, 1, VX_SID, VD_NO_PASID);
    g_assert_cmphex(vx_dma(f, FX_R, IOVA), ==, OLD);
    g_assert_cmphex(vx_dma(f, FX_R, IOVA + 0x40000), ==, VX_REFUSED);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r,
                                         NVIO_FAULT_TABLE_EMPTY), ==, 1);
    g_assert_cmphex(vx_dma(f, FX_W, IOVA + 0x40000), ==, VX_REFUSED);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r,
                                         NVIO_FAULT_TABLE_DENIED), ==, 1);
    vx_free(f);
}

/* A hit reads nothing; a walk begins at the lowest table that is known. */
static void check_reads(uint32_t flags, uint32_t pasid)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_SECOND, 4, flags);

    vd_map(&s, IOVA, 1, OLD, FX_RW);
    vd_map(&s, IOVA + 0x40000, 1, OLD, FX_RW);
    if (pasid != VD_NO_PASID) {
        vx_attach_bypass(f, 1, VX_SID);
    }
    vd_give(&s, 1, VX_SID, pasid);
    f->mem.reads = 0;
    vd_dma(f, pasid, FX_W, IOVA);
    /* Four levels, and the neighbours of the leaf. */
    g_assert_cmpuint(f->mem.reads, ==, 5);
    vd_dma(f, pasid, FX_RW, IOVA + 0x800);
    g_assert_cmpuint(f->mem.reads, ==, 5);
    vd_dma(f, pasid, FX_R, IOVA + 0x40000);
    g_assert_cmpuint(f->mem.reads, ==, 7);
    g_assert_cmpuint(nyx_vio_requester_stats(f->r).walks, ==, 2);
    g_assert_cmpuint(nyx_vio_requester_stats(f->r).walk_reads, ==, 5);
    g_assert_cmpuint(nyx_vio_requester_stats(f->r).iotlb.hits, ==, 1);
    g_assert_cmpuint(nyx_vio_requester_stats(f->r).iotlb.misses, ==, 2);
    vx_free(f);
}

static void test_reads(void)
{
    check_reads(0, 7);
    check_reads(VD_AD, 7);
    check_reads(0, VD_NO_PASID);
    check_reads(VD_AD, VD_NO_PASID);
}

/* --- Marks ---------------------------------------------------------------- */

/* Where dirty bits are kept a read-only entry is not the last word. */
static void test_dirty(void)
{
    static const struct {
        uint16_t format;
        uint32_t flags;
        uint64_t dirty;
    } rows[] = {
        { VD_VTD_FIRST, 0, 1 << 6 },
        { VD_AMD_V1, VD_AD, 1 << 6 },
        { VD_VTD_SECOND, VD_AD, 1 << 9 },
        { VD_AMD_V2, VD_AD, 1 << 6 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Vx *f = vd_new();
        VdSpace s = vd_space(f, rows[i].format, 4, rows[i].flags);
        uint64_t leaf = nv_entry(&s.t, IOVA, 1);

        vd_map(&s, IOVA, 1, OLD, FX_RW);
        vd_give(&s, 1, VX_SID, VD_NO_PASID);
        g_assert_cmphex(vx_dma(f, FX_R, IOVA), ==, OLD);
        g_assert_cmphex(fx_mem_peek(&f->mem, leaf) & rows[i].dirty, ==, 0);
        g_assert_cmphex(vx_dma(f, FX_W, IOVA), ==, OLD);
        g_assert_cmphex(fx_mem_peek(&f->mem, leaf) & rows[i].dirty, !=, 0);
        /* And is cached as dirty: cleared in memory, it stays so. */
        fx_mem_poke(&f->mem, leaf,
                    fx_mem_peek(&f->mem, leaf) & ~rows[i].dirty);
        g_assert_cmphex(vx_dma(f, FX_W, IOVA), ==, OLD);
        g_assert_cmphex(fx_mem_peek(&f->mem, leaf) & rows[i].dirty, ==, 0);
        vd_inv_pages(f, 1, VD_NO_PASID, IOVA, 1);
        g_assert_cmphex(vx_dma(f, FX_W, IOVA), ==, OLD);
        g_assert_cmphex(fx_mem_peek(&f->mem, leaf) & rows[i].dirty, !=, 0);
        /* A right that comes is seen; one that goes has to be named. */
        vd_map(&s, IOVA + 0x20000, 1, OLD, FX_R);
        g_assert_cmphex(vx_dma(f, FX_R, IOVA + 0x20000), ==, OLD);
        vd_map(&s, IOVA + 0x20000, 1, OLD, FX_RW);
        g_assert_cmphex(vx_dma(f, FX_W, IOVA + 0x20000), ==, OLD);
        vd_map(&s, IOVA + 0x20000, 1, OLD, FX_R);
        g_assert_cmphex(vx_dma(f, FX_W, IOVA + 0x20000), ==, OLD);
        vd_inv_pages(f, 1, VD_NO_PASID, IOVA + 0x20000, 1);
        g_assert_cmphex(vx_dma(f, FX_W, IOVA + 0x20000), ==, VX_REFUSED);
        vx_free(f);
    }
}

/* Without them an entry that is cached decides, whatever memory says. */
static void test_rights_cached(void)
{
    static const uint32_t pasids[] = { VD_NO_PASID, 7 };

    for (unsigned i = 0; i < ARRAY_SIZE(pasids); i++) {
        Vx *f = vd_new();
        VdSpace s = vd_space(f, VD_VTD_SECOND, 4, 0);

        vd_map(&s, IOVA, 1, OLD, FX_R);
        if (i) {
            vx_attach_bypass(f, 1, VX_SID);
        }
        vd_give(&s, 1, VX_SID, pasids[i]);
        g_assert_cmphex(vd_dma(f, pasids[i], FX_R, IOVA), ==, OLD);
        vd_map(&s, IOVA, 1, OLD, FX_RW);
        g_assert_cmphex(vd_dma(f, pasids[i], FX_W, IOVA), ==, VX_REFUSED);
        g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r,
                                             NVIO_FAULT_TABLE_DENIED), ==, 1);
        vd_inv_pages(f, 1, pasids[i], IOVA, 1);
        g_assert_cmphex(vd_dma(f, pasids[i], FX_W, IOVA), ==, OLD);
        vx_free(f);
    }
}

/* --- Blocks --------------------------------------------------------------- */

/* Sixteen neighbours are one entry; with `sticky` they are not. */
static void check_block(NyxCacheTemper temper, bool joined)
{
    NyxVioCfg cfg = vd_cfg();
    Vx *f;
    VdSpace s;

    cfg.cache = temper;
    f = vx_new_started(&cfg);
    s = vd_space(f, VD_AMD_V1, 4, 0);
    for (unsigned i = 0; i < 16; i++) {
        vd_map(&s, IOVA + i * 0x1000, 1, OLD + i * 0x1000, FX_RW);
    }
    vd_give(&s, 1, VX_SID, VD_NO_PASID);
    g_assert_cmphex(vx_dma(f, FX_R, IOVA), ==, OLD);
    vd_unmap(&s, IOVA + 0x3000, 1);
    g_assert_cmphex(vx_dma(f, FX_R, IOVA + 0x3000), ==,
                    joined ? OLD + 0x3000 : VX_REFUSED);
    vd_inv_pages(f, 1, VD_NO_PASID, IOVA + 0x3000, 1);
    g_assert_cmphex(vx_dma(f, FX_R, IOVA + 0x3000), ==, VX_REFUSED);
    g_assert_cmphex(vx_dma(f, FX_R, IOVA + 0x4000), ==, OLD + 0x4000);
    vx_free(f);
}

static void test_block(void)
{
    check_block(NYX_CACHE_HARDWARE, true);
    check_block(NYX_CACHE_STICKY, false);
}

/* --- Device TLBs ---------------------------------------------------------- */

static void check_devtlb(Vx *f, unsigned i, uint64_t addr, unsigned lg2,
                         uint32_t pasid)
{
    const NyxVioDeviceTlb *inv = (void *)f->devtlb->data;

    g_assert_cmpuint(i, <, f->devtlb->len);
    inv += i;
    g_assert_cmphex(inv->addr, ==, addr);
    g_assert_cmpuint(inv->lg2, ==, lg2);
    g_assert_cmpuint(inv->sid, ==, VX_SID);
    g_assert_cmpuint(inv->has_pasid, ==, pasid != VD_NO_PASID);
    g_assert_cmpuint(inv->has_pasid ? inv->pasid : 0, ==,
                     pasid != VD_NO_PASID ? pasid : 0);
}

/* They go to those of the domain's endpoints that have asked (ATS). */
static void test_device_tlbs(void)
{
    Board b = board_new(NYX_CACHE_HARDWARE, VD_VTD_SECOND);
    Vx *f = b.f;

    vd_inv_domain(f, 1, VD_C_DEVICE);
    g_assert_cmpuint(f->devtlb->len, ==, 0);
    vd_request(f->r, VD_NO_PASID, NYX_REQ_TRANSLATION, FX_R, IOVA);
    vd_request(b.other, VD_NO_PASID, NYX_REQ_TRANSLATION, FX_R, IOVA);
    /* Not unless they are named. */
    vd_inv_domain(f, 1, VD_C_IOTLB | VD_C_PASID);
    vd_inv_pages(f, 1, VD_NO_PASID, IOVA, 1);
    vd_inv_pasid(f, 1, 3, VD_C_IOTLB);
    g_assert_cmpuint(f->devtlb->len, ==, 0);
    vd_inv_domain(f, 1, VD_C_DEVICE);
    /* Its PASIDs, 3 and 4, are a part of it. */
    g_assert_cmpuint(f->devtlb->len, ==, 3);
    check_devtlb(f, 0, 0, 64, VD_NO_PASID);
    vx_forget(f);
    vd_inv_pasid(f, 1, 3, VD_C_DEVICE);
    g_assert_cmpuint(f->devtlb->len, ==, 1);
    check_devtlb(f, 0, 0, 64, 3);
    vx_forget(f);
    /* Three pages from an odd one on. */
    vd_inv(f, &(VdInv) INV(4, 2, 0, 1, 0, IOVA + 0x1000, 3, 12));
    g_assert_cmpuint(f->devtlb->len, ==, 2);
    check_devtlb(f, 0, IOVA + 0x1000, 12, VD_NO_PASID);
    check_devtlb(f, 1, IOVA + 0x2000, 13, VD_NO_PASID);
    vx_forget(f);
    vd_inv(f, &(VdInv) INV(4, 3, 1, 1, 3, UINT64_MAX << 21, 1, 21));
    g_assert_cmpuint(f->devtlb->len, ==, 1);
    check_devtlb(f, 0, UINT64_MAX << 21, 21, 3);
    vx_free(f);
}

/* --- Who watches ---------------------------------------------------------- */

static void test_watched(void)
{
    Board b = board_new(NYX_CACHE_HARDWARE, VD_VTD_SECOND);
    Vx *f = b.f;
    const VxUnmapped *row;

    nyx_vio_requester_notify(f->r, true);
    nyx_vio_requester_notify(b.other, true);
    vx_forget(f);
    /* Who watches has no PASID. */
    vd_inv_pasid(f, 1, 3, VD_C_IOTLB);
    vd_inv_pages(f, 1, 3, IOVA, 1);
    vd_inv_domain(f, 1, VD_C_DEVICE);
    g_assert_cmpuint(f->unmapped->len, ==, 0);
    vd_inv_pages(f, 1, VD_NO_PASID, IOVA, 2);
    g_assert_cmpuint(f->unmapped->len, ==, 1);
    row = (void *)f->unmapped->data;
    g_assert_true(row->r == f->r);
    g_assert_cmphex(row->iova, ==, IOVA);
    g_assert_cmpuint(row->lg2, ==, 13);
    vx_forget(f);
    vd_inv_domain(f, 1, VD_C_IOTLB);
    g_assert_cmpuint(f->unmapped->len, ==, 1);
    row = (void *)f->unmapped->data;
    g_assert_cmpuint(row->lg2, ==, 64);
    vx_free(f);
}

/* --- Before the table is looked at ---------------------------------------- */

int __real_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock);

/* Called for the next look only. */
static void (*before_lock)(const VdSpace *newer);
static const VdSpace *newer_space;

int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    void (*hook)(const VdSpace *newer) = before_lock;

    before_lock = NULL;
    if (hook) {
        hook(newer_space);
    }
    return __real_pthread_rwlock_rdlock(lock);
}

static void replace(const VdSpace *newer)
{
    g_assert_cmpuint(vd_give(newer, 1, VX_SID, 7), ==, VX_OK);
}

static void leave(const VdSpace *newer)
{
    g_assert_cmpuint(vx_detach(newer->f, 1, VX_SID), ==, VX_OK);
}

/* A new domain in the same place, where another endpoint is. */
static void other_in_its_place(const VdSpace *newer)
{
    leave(newer);
    g_assert_cmpuint(vd_give(newer, 2, VX_OTHER, VD_NO_PASID), ==, VX_OK);
    g_assert_cmpuint(vd_give(newer, 2, VX_OTHER, 7), ==, VX_OK);
}

/* Nobody goes by a table that he has never had. */
static void test_looked_too_late(void)
{
    static const struct {
        const char *name;
        void (*act)(const VdSpace *newer);
        uint32_t pasid;
        uint64_t first, later;
    } rows[] = {
        { "replaced", replace, 7, NEW, NEW },
        { "detached", leave, 7, VX_REFUSED, VX_REFUSED },
        { "detached, plain", leave, VD_NO_PASID, VX_REFUSED, VX_REFUSED },
        { "another", other_in_its_place, 7, VX_REFUSED, VX_REFUSED },
        { "another, plain", other_in_its_place, VD_NO_PASID, VX_REFUSED,
          VX_REFUSED },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Vx *f = vd_new();
        VdSpace old = vd_space(f, VD_VTD_SECOND, 4, 0);
        VdSpace newer = vd_space(f, VD_VTD_SECOND, 4, 0);

        vx_set_bypass(f, false);
        vd_map(&old, IOVA, 1, OLD, FX_RW);
        vd_map(&newer, IOVA, 1, NEW, FX_RW);
        vd_give(&old, 1, VX_SID, VD_NO_PASID);
        vd_give(&old, 1, VX_SID, 7);
        newer_space = &newer;
        before_lock = rows[i].act;
        FX_CHECK(rows[i].name, vd_dma(f, rows[i].pasid, FX_R, IOVA),
                 rows[i].first);
        FX_CHECK(rows[i].name, !before_lock, true);
        FX_CHECK(rows[i].name, vd_dma(f, rows[i].pasid, FX_R, IOVA),
                 rows[i].later);
        vx_free(f);
    }
}

/* --- While a walk is on its way ------------------------------------------- */

typedef struct Overtake {
    Vx *f;
    const VdSpace *s;
    const VdSpace *newer;
    uint64_t leaf;
    bool done;
    void (*act)(const struct Overtake *o);
} Overtake;

static void overtake(void *opaque, uint64_t gpa)
{
    Overtake *o = opaque;

    if (gpa == o->leaf && !o->done) {
        o->done = true;
        vd_map(o->s, IOVA, 1, NEW, FX_RW);
        o->act(o);
    }
}

static void act_pages(const Overtake *o)
{
    vd_inv_pages(o->f, 1, 7, IOVA, 1);
}

static void act_pasid(const Overtake *o)
{
    vd_inv_pasid(o->f, 1, 7, VD_C_IOTLB);
}

static void act_domain(const Overtake *o)
{
    vd_inv_domain(o->f, 1, VD_C_IOTLB);
}

static void act_replace(const Overtake *o)
{
    replace(o->newer);
}

static void act_nothing(const Overtake *o)
{
}

/* What is read before an invalidation is not cached after it. */
static void test_overtaken(void)
{
    static const struct {
        void (*act)(const Overtake *o);
        uint64_t after;
    } rows[] = {
        { act_nothing, OLD },
        { act_pages, NEW },
        { act_pasid, NEW },
        { act_domain, NEW },
        { act_replace, NEW + 0x1000 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Vx *f = vd_new();
        VdSpace s = vd_space(f, VD_VTD_SECOND, 4, 0);
        VdSpace newer = vd_space(f, VD_AMD_V1, 3, 0);
        Overtake o = {
            .f = f, .s = &s, .newer = &newer, .leaf = nv_entry(&s.t, IOVA, 1),
            .act = rows[i].act,
        };

        vd_map(&s, IOVA, 1, OLD, FX_RW);
        vd_map(&newer, IOVA, 1, NEW + 0x1000, FX_RW);
        vx_attach_bypass(f, 1, VX_SID);
        vd_give(&s, 1, VX_SID, 7);
        f->mem.on_read = overtake;
        f->mem.on_read_opaque = &o;
        g_assert_cmphex(vd_dma(f, 7, FX_R, IOVA), ==, OLD);
        g_assert_true(o.done);
        g_assert_cmphex(vd_dma(f, 7, FX_R, IOVA), ==, rows[i].after);
        vx_free(f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vio/invalidate/refusals", test_refusals);
    g_test_add_func("/vio/invalidate/accepted", test_accepted);
    g_test_add_func("/vio/invalidate/reserved", test_reserved);
    g_test_add_func("/vio/invalidate/drops/sticky", test_drops_sticky);
    g_test_add_func("/vio/invalidate/drops/hardware", test_drops_hardware);
    g_test_add_func("/vio/invalidate/drops/off", test_drops_off);
    g_test_add_func("/vio/invalidate/table-moves", test_table_moves);
    g_test_add_func("/vio/invalidate/right-above", test_right_above);
    g_test_add_func("/vio/invalidate/reads", test_reads);
    g_test_add_func("/vio/invalidate/dirty", test_dirty);
    g_test_add_func("/vio/invalidate/rights-cached", test_rights_cached);
    g_test_add_func("/vio/invalidate/block", test_block);
    g_test_add_func("/vio/invalidate/device-tlbs", test_device_tlbs);
    g_test_add_func("/vio/invalidate/watched", test_watched);
    g_test_add_func("/vio/invalidate/looked-too-late", test_looked_too_late);
    g_test_add_func("/vio/invalidate/overtaken", test_overtaken);
    return g_test_run();
}
