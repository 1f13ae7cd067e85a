/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MAP and UNMAP of virtio-iommu: each condition of 5.13.6.5 and 5.13.6.6 with
 * its status, and what a refused request leaves as it was.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define PAGE 0x1000ULL
#define TOP  0xffffffffffffffffULL

static Vx *attached_wide(void)
{
    NyxVioCfg cfg = vx_cfg();

    cfg.input_bits = 64;
    cfg.n_regions = 0;
    return vx_new_attached(&cfg);
}

/* --- MAP ------------------------------------------------------------------ */

static void test_map_flags(void)
{
    Vx *f = vx_new_attached(NULL);

    for (unsigned bit = 3; bit < 32; bit++) {
        FX_CHECK("flag", vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, 1u << bit),
                 VX_INVAL);
        FX_CHECK("flags", vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0,
                                 1u << bit | FX_RW), VX_INVAL);
    }
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_MAP_FLAGS), ==, 58);
    for (unsigned flags = 0; flags < 8; flags++) {
        FX_CHECK("known", vx_map(f, VX_DOMAIN, flags * PAGE,
                                 flags * PAGE + PAGE - 1, 0, flags), VX_OK);
    }
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_MAP_NOTHING), ==, 2);
    /* What was refused maps nothing anyway. */
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, 0), ==, VX_INVAL);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_MAP_NOTHING), ==, 2);
    g_assert_cmpuint(vx_mappings(f), ==, 8);
    vx_free(f);
}

static void test_map_domain(void)
{
    Vx *f = vx_new_attached(NULL);

    vx_attach_bypass(f, 8, VX_OTHER);
    g_assert_cmpuint(vx_map(f, 9, 0, PAGE - 1, 0, FX_R), ==, VX_NOENT);
    g_assert_cmpuint(vx_map(f, 8, 0, PAGE - 1, 0, FX_R), ==, VX_INVAL);
    g_assert_cmpuint(vx_unmap(f, 9, 0, PAGE - 1), ==, VX_NOENT);
    g_assert_cmpuint(vx_unmap(f, 8, 0, PAGE - 1), ==, VX_INVAL);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_DOMAIN), ==, 2);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_DOMAIN_BYPASS), ==, 2);
    g_assert_cmpuint(vx_mappings(f), ==, 0);
    vx_free(f);
}

typedef struct MapRow {
    const char *name;
    uint64_t first;
    uint64_t last;
    uint64_t phys;
    unsigned status;
    int rule;                /* NyxVioRule, or -1 */
} MapRow;

/* Granule 4 KiB, 48 bits of input, MSI region, 0x10000 to 0x1ffff mapped. */
static const MapRow map_rows[] = {
    { "plain", 0x20000, 0x20fff, 0x5000, VX_OK, -1 },
    { "first page", 0, 0xfff, 0, VX_OK, -1 },
    { "highest physical page", 0, 0xfff, TOP - 0xfff, VX_OK, -1 },
    { "last page of the input range", 0xfffffffff000, 0xffffffffffff, 0,
      VX_OK, -1 },
    { "start off the granule", 0x20800, 0x20fff, 0, VX_RANGE,
      NVIO_RULE_MAP_ALIGN },
    { "end off the granule", 0x20000, 0x20ffe, 0, VX_RANGE,
      NVIO_RULE_MAP_ALIGN },
    { "end one too high", 0x20000, 0x21000, 0, VX_RANGE,
      NVIO_RULE_MAP_ALIGN },
    { "physical address off the granule", 0x20000, 0x20fff, 0x5001, VX_RANGE,
      NVIO_RULE_MAP_ALIGN },
    { "one byte", 0x20000, 0x20000, 0, VX_INVAL, NVIO_RULE_MAP_ORDER },
    { "reversed", 0x21000, 0x20fff, 0, VX_INVAL, NVIO_RULE_MAP_ORDER },
    { "reversed to zero", 0x21000, 0, 0, VX_INVAL, NVIO_RULE_MAP_ORDER },
    { "reversed from the top", TOP, 0xfff, 0, VX_INVAL,
      NVIO_RULE_MAP_ORDER },
    { "beyond the input range", 0x1000000000000, 0x1000000000fff, 0, VX_RANGE,
      NVIO_RULE_MAP_RANGE },
    { "across the end of the input range", 0xfffffffff000, 0x1000000000fff, 0,
      VX_RANGE, NVIO_RULE_MAP_RANGE },
    { "up to the top", 0, TOP, 0, VX_RANGE, NVIO_RULE_MAP_RANGE },
    { "physical addresses wrap by a page", 0x20000, 0x21fff, TOP - 0xfff,
      VX_RANGE, NVIO_RULE_MAP_PHYS },
    { "physical addresses wrap by far", 0x100000, 0xfffffffff,
      TOP - 0xfff, VX_RANGE, NVIO_RULE_MAP_PHYS },
    { "the same as a mapping", 0x10000, 0x1ffff, 0, VX_INVAL,
      NVIO_RULE_MAP_OVERLAP },
    { "inside of a mapping", 0x11000, 0x11fff, 0, VX_INVAL,
      NVIO_RULE_MAP_OVERLAP },
    { "around a mapping", 0xf000, 0x20fff, 0, VX_INVAL,
      NVIO_RULE_MAP_OVERLAP },
    { "over the start of a mapping", 0xf000, 0x10fff, 0, VX_INVAL,
      NVIO_RULE_MAP_OVERLAP },
    { "over the end of a mapping", 0x1f000, 0x20fff, 0, VX_INVAL,
      NVIO_RULE_MAP_OVERLAP },
    { "before a mapping", 0xf000, 0xffff, 0, VX_OK, -1 },
    { "behind a mapping", 0x20000, 0x20fff, 0, VX_OK, -1 },
    { "in the MSI region", 0xfee00000, 0xfee00fff, 0, VX_INVAL,
      NVIO_RULE_MAP_RESERVED },
    { "over the start of the MSI region", 0xfedff000, 0xfee00fff, 0,
      VX_INVAL, NVIO_RULE_MAP_RESERVED },
    { "over the end of the MSI region", 0xfeeff000, 0xfef00fff, 0, VX_INVAL,
      NVIO_RULE_MAP_RESERVED },
    { "around the MSI region", 0x100000, 0xffffffff, 0, VX_INVAL,
      NVIO_RULE_MAP_RESERVED },
    { "before the MSI region", 0xfedff000, 0xfedfffff, 0, VX_OK, -1 },
    { "behind the MSI region", 0xfef00000, 0xfef00fff, 0, VX_OK, -1 },
};

static void test_map_rows(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(map_rows); i++) {
        const MapRow *row = &map_rows[i];
        bool ok = row->status == VX_OK;
        Vx *f = vx_new_attached(NULL);

        vx_map(f, VX_DOMAIN, 0x10000, 0x1ffff, 0x90000, FX_RW);
        FX_CHECK(row->name, vx_map(f, VX_DOMAIN, row->first, row->last,
                                   row->phys, FX_R), row->status);
        FX_CHECK(row->name, vx_mappings(f), 1 + ok);
        FX_CHECK(row->name, vx_all_findings(f), !ok);
        if (!ok) {
            FX_CHECK(row->name, vx_findings(f, row->rule), 1);
        } else {
            FX_CHECK(row->name, vx_dma(f, FX_R, row->first), row->phys);
            FX_CHECK(row->name, vx_dma(f, FX_R, row->last),
                     row->phys + (row->last - row->first));
        }
        FX_CHECK(row->name, vx_dma(f, FX_R, 0x10000), 0x90000);
        FX_CHECK(row->name, vx_dma(f, FX_R, 0x1ffff), 0x9ffff);
        vx_free(f);
    }
}

/* 5.13.6.5: virt_end of 2^64 - 1, and all there is. */
static void test_map_64_bits(void)
{
    Vx *f = attached_wide();

    g_assert_cmpuint(vx_map(f, VX_DOMAIN, TOP - 0xfff, TOP, 0x5000, FX_RW),
                     ==, VX_OK);
    g_assert_cmphex(vx_dma(f, FX_R, TOP), ==, 0x5fff);
    g_assert_cmphex(vx_dma(f, FX_R, TOP - 0xfff), ==, 0x5000);
    g_assert_cmphex(vx_dma(f, FX_R, TOP - 0x1000), ==, VX_REFUSED);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, VX_REFUSED);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, TOP, 0, FX_RW), ==, VX_INVAL);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0, TOP - 1), ==, VX_RANGE);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, TOP - 0xfff, TOP), ==, VX_OK);
    g_assert_cmphex(vx_dma(f, FX_R, TOP - 0xfff), ==, VX_REFUSED);
    /* The whole space goes only to itself. */
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, TOP, PAGE, FX_RW), ==, VX_RANGE);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, TOP, 0, FX_RW), ==, VX_OK);
    g_assert_cmpuint(vx_mappings(f), ==, 1);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 0);
    g_assert_cmphex(vx_dma(f, FX_R, TOP - 1), ==, TOP - 1);
    g_assert_cmphex(vx_request(f, NYX_REQ_UNTRANSLATED, FX_W, 1ULL << 63).addr,
                    ==, 1ULL << 63);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, FX_R), ==,
                     VX_INVAL);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0, TOP - 1), ==, VX_RANGE);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 1, TOP), ==, VX_RANGE);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 0);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0, TOP), ==, VX_OK);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, VX_REFUSED);
    g_assert_cmphex(vx_dma(f, FX_R, TOP), ==, VX_REFUSED);
    vx_free(f);
}

/* Linux's identity domain without BYPASS_CONFIG: all but a region. */
static void test_map_huge(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f;

    cfg.input_bits = 64;
    f = vx_new_attached(&cfg);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, 0xfedfffff, 0, FX_RW), ==,
                     VX_OK);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0xfef00000, TOP, 0xfef00000,
                            FX_RW), ==, VX_OK);
    g_assert_cmphex(vx_dma(f, FX_R, 0xfedfffff), ==, 0xfedfffff);
    g_assert_cmphex(vx_dma(f, FX_R, 0xfef00000), ==, 0xfef00000);
    g_assert_cmphex(vx_dma(f, FX_R, TOP - 4), ==, TOP - 4);
    vx_free(f);
}

/* The lowest bit of page_size_mask is the granule; the others are hints. */
static void test_map_granule(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f;

    cfg.page_size_mask = 0x40210000;
    f = vx_new_attached(&cfg);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, 0xffff, 0, FX_R), ==, VX_OK);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x10000, 0x10fff, 0, FX_R), ==,
                     VX_RANGE);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x1000, 0x1ffff, 0, FX_R), ==,
                     VX_RANGE);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x10000, 0x1ffff, 0x1000, FX_R), ==,
                     VX_RANGE);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x50000, 0x9ffff, 0x30000, FX_R),
                     ==, VX_OK);
    vx_free(f);
}

/* A region of any endpoint counts, and no more when it has left. */
static void test_map_regions(void)
{
    static const NyxVioRegion one = { 0x10000, 0x1ffff, 0 };
    static const NyxVioRegion two[] = {
        { 0x18000, 0x2ffff, 0 }, { 0x100000, 0x100fff, 0 },
    };
    Vx *f = vx_new_started(NULL);

    vx_regions(f, VX_OTHER, &one, 1);
    vx_regions(f, VX_THIRD, two, 2);
    vx_attach(f, VX_DOMAIN, VX_SID);
    vx_attach(f, VX_DOMAIN, VX_OTHER);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x10000, 0x10fff, 0, FX_R), ==,
                     VX_INVAL);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x20000, 0x20fff, 0, FX_R), ==,
                     VX_OK);
    g_assert_cmpuint(vx_attach(f, VX_DOMAIN, VX_THIRD), ==, VX_UNSUPP);
    vx_unmap(f, VX_DOMAIN, 0x20000, 0x20fff);
    g_assert_cmpuint(vx_attach(f, VX_DOMAIN, VX_THIRD), ==, VX_OK);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x2f000, 0x2ffff, 0, FX_R), ==,
                     VX_INVAL);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x10000, 0x10fff, 0, FX_R), ==,
                     VX_INVAL);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0xff000, 0x100fff, 0, FX_R), ==,
                     VX_INVAL);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x30000, 0xfffff, 0, FX_R), ==,
                     VX_OK);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_OTHER), ==, VX_OK);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x10000, 0x17fff, 0, FX_R), ==,
                     VX_OK);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x18000, 0x18fff, 0, FX_R), ==,
                     VX_INVAL);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_THIRD), ==, VX_OK);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x18000, 0x18fff, 0, FX_R), ==,
                     VX_OK);
    /* Another domain under the same number knows nothing of them. */
    vx_detach(f, VX_DOMAIN, VX_SID);
    vx_attach(f, VX_DOMAIN, VX_SID);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, 0x1fffff, 0, FX_R), ==, VX_OK);
    vx_free(f);
}

/* One lies in the other: what is behind the small one is reserved, too. */
static void test_map_nested_regions(void)
{
    static const NyxVioRegion large = { 0x10000, 0x1ffff, 0 };
    static const NyxVioRegion small = { 0x12000, 0x12fff, 0 };
    Vx *f = vx_new_started(NULL);

    vx_regions(f, VX_SID, &large, 1);
    vx_regions(f, VX_OTHER, &small, 1);
    vx_attach(f, VX_DOMAIN, VX_SID);
    vx_attach(f, VX_DOMAIN, VX_OTHER);
    for (unsigned page = 0x0e; page < 0x22; page++) {
        FX_CHECK("page", vx_map(f, VX_DOMAIN, page * PAGE,
                                page * PAGE + PAGE - 1, 0, FX_R),
                 page >= 0x10 && page < 0x20 ? VX_INVAL : VX_OK);
    }
    vx_free(f);
}

/* A region may begin and end in the middle of a page. */
static void test_map_region_bytes(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f;

    cfg.regions[0] = (NyxVioRegion) { 0x10fff, 0x12000, 0 };
    f = vx_new_attached(&cfg);
    for (unsigned page = 0x0f; page < 0x15; page++) {
        FX_CHECK("page", vx_map(f, VX_DOMAIN, page * PAGE,
                                page * PAGE + PAGE - 1, 0, FX_R),
                 page >= 0x10 && page < 0x13 ? VX_INVAL : VX_OK);
    }
    vx_dma(f, FX_R, 0x10fff);
    vx_dma(f, FX_R, 0x12000);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_RESERVED),
                     ==, 2);
    vx_dma(f, FX_R, 0x10ffe);
    vx_dma(f, FX_R, 0x12001);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_UNMAPPED),
                     ==, 2);
    vx_free(f);
}

/* Regions are looked at anew when buses get numbers, and after a load. */
static void test_map_regions_anew(void)
{
    static const NyxVioRegion one = { 0x10000, 0x1ffff, 0 };
    Vx *f = vx_new_attached(NULL), *g = vx_new_started(NULL);
    NyxVioSaved saved = { };

    vx_regions(f, VX_SID, &one, 1);
    nyx_vio_requesters_moved(f->vio);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x10000, 0x10fff, 0, FX_R), ==,
                     VX_INVAL);
    nyx_vio_save(f->vio, &saved);
    vx_regions(g, VX_SID, &one, 1);
    g_assert_cmpstr(nyx_vio_load(g->vio, &saved), ==, NULL);
    g_assert_cmpuint(vx_map(g, VX_DOMAIN, 0x10000, 0x10fff, 0, FX_R), ==,
                     VX_INVAL);
    nyx_vio_saved_clear(&saved);
    vx_regions(f, VX_SID, NULL, 0);
    nyx_vio_requesters_moved(f->vio);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0x10000, 0x10fff, 0, FX_R), ==,
                     VX_OK);
    vx_free(f);
    vx_free(g);
}

static void test_mapping_limit(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f;

    cfg.max_mappings = 4;
    f = vx_new_attached(&cfg);
    vx_attach(f, 8, VX_OTHER);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(vx_map(f, i % 2 ? VX_DOMAIN : 8, i * PAGE,
                                i * PAGE + PAGE - 1, i * PAGE, FX_R), ==,
                         VX_OK);
    }
    /* Of all domains; what is wrong anyway is said first. */
    g_assert_cmpuint(vx_map(f, 8, 5 * PAGE, 6 * PAGE - 1, 0, FX_R), ==,
                     VX_NOMEM);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 4 * PAGE, 5 * PAGE - 1, 4 * PAGE,
                            FX_R), ==, VX_NOMEM);
    g_assert_cmpuint(vx_map(f, 8, 0, PAGE - 1, 0, FX_R), ==, VX_INVAL);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_LIMIT), ==, 2);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_MAP_OVERLAP), ==, 1);
    g_assert_cmpuint(vx_mappings(f), ==, 4);
    g_assert_cmpuint(vx_unmap(f, 8, 0, PAGE - 1), ==, VX_OK);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 4 * PAGE, 5 * PAGE - 1, 0, FX_R),
                     ==, VX_OK);
    /* A domain that ends gives all of its own back. */
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    g_assert_cmpuint(vx_mappings(f), ==, 1);
    for (unsigned i = 10; i < 13; i++) {
        g_assert_cmpuint(vx_map(f, 8, i * PAGE, i * PAGE + PAGE - 1, 0,
                                FX_R), ==, VX_OK);
    }
    g_assert_cmpuint(vx_map(f, 8, 20 * PAGE, 21 * PAGE - 1, 0, FX_R), ==,
                     VX_NOMEM);
    nyx_vio_device_reset(f->vio);
    g_assert_cmpuint(vx_mappings(f), ==, 0);
    vx_free(f);
}

/* --- UNMAP ---------------------------------------------------------------- */

static void test_unmap_reserved(void)
{
    Vx *f = vx_new_attached(NULL);

    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 5 * PAGE, FX_R);
    for (unsigned bit = 0; bit < 32; bit++) {
        VxBytes bytes = vx_unmap_bytes(VX_DOMAIN, 0, PAGE - 1);

        vx_put32(&bytes, 24, 1u << bit);
        FX_CHECK("reserved", vx_send(f, &bytes), VX_INVAL);
    }
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_REQ_RESERVED), ==, 32);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 5 * PAGE);
    vx_free(f);
}

typedef struct Range {
    uint8_t first;           /* pages */
    uint8_t last;
} Range;

/* 5.13.6.6: the table of examples, in pages, and a few more. */
static const struct {
    const char *name;
    Range mapped[3];
    unsigned n;
    Range unmap;
    unsigned status;
    unsigned left;           /* bit i: mapping i */
} unmap_rows[] = {
    { "(1)", { { 0, 0 } }, 0, { 0, 4 }, VX_OK, 0 },
    { "(2)", { { 0, 9 } }, 1, { 0, 9 }, VX_OK, 0 },
    { "(3)", { { 0, 4 }, { 5, 9 } }, 2, { 0, 9 }, VX_OK, 0 },
    { "(4)", { { 0, 9 } }, 1, { 0, 4 }, VX_RANGE, 1 },
    { "(5)", { { 0, 4 }, { 5, 9 } }, 2, { 0, 4 }, VX_OK, 2 },
    { "(6)", { { 0, 4 } }, 1, { 0, 9 }, VX_OK, 0 },
    { "(7)", { { 0, 4 }, { 10, 14 } }, 2, { 0, 14 }, VX_OK, 0 },
    { "QEMU drops the first", { { 0, 4 }, { 5, 9 } }, 2, { 0, 7 }, VX_RANGE,
      3 },
    { "the first sticks out", { { 0, 4 }, { 5, 9 } }, 2, { 2, 9 }, VX_RANGE,
      3 },
    { "both stick out", { { 0, 4 }, { 5, 9 } }, 2, { 2, 7 }, VX_RANGE, 3 },
    { "inside", { { 0, 9 } }, 1, { 3, 4 }, VX_RANGE, 1 },
    { "the middle one", { { 0, 4 }, { 5, 9 }, { 10, 14 } }, 3, { 5, 9 },
      VX_OK, 5 },
    { "the last is cut", { { 0, 4 }, { 5, 9 }, { 10, 14 } }, 3, { 0, 12 },
      VX_RANGE, 7 },
    { "in a hole", { { 0, 4 }, { 10, 14 } }, 2, { 5, 9 }, VX_OK, 3 },
    { "from a hole to a hole", { { 5, 9 } }, 1, { 4, 10 }, VX_OK, 0 },
};

static void check_unmap(unsigned i, uint64_t base, uint64_t phys)
{
    Vx *f = attached_wide();
    uint64_t count = 0;

    for (unsigned j = 0; j < unmap_rows[i].n; j++) {
        const Range *range = &unmap_rows[i].mapped[j];

        FX_CHECK(unmap_rows[i].name,
                 vx_map(f, VX_DOMAIN, base + range->first * PAGE,
                        base + range->last * PAGE + PAGE - 1,
                        phys + range->first * PAGE, FX_R), VX_OK);
        /* So that it is cached. */
        vx_dma(f, FX_R, base + range->first * PAGE);
    }
    FX_CHECK(unmap_rows[i].name,
             vx_unmap(f, VX_DOMAIN, base + unmap_rows[i].unmap.first * PAGE,
                      base + unmap_rows[i].unmap.last * PAGE + PAGE - 1),
             unmap_rows[i].status);
    for (unsigned j = 0; j < unmap_rows[i].n; j++) {
        const Range *range = &unmap_rows[i].mapped[j];
        bool left = unmap_rows[i].left & 1u << j;

        count += left;
        for (unsigned page = range->first; page <= range->last; page++) {
            FX_CHECK(unmap_rows[i].name,
                     vx_dma(f, FX_R, base + page * PAGE),
                     left ? phys + page * PAGE : VX_REFUSED);
        }
    }
    FX_CHECK(unmap_rows[i].name, vx_mappings(f), count);
    vx_free(f);
}

static void test_unmap_rows(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(unmap_rows); i++) {
        check_unmap(i, 0, 0x90000);
        check_unmap(i, 0x40000000, 0x90000);
        /* Up to the last address of all. */
        check_unmap(i, -15 * PAGE, 0x90000);
    }
}

/* No status is for alignment: bytes are counted. */
static void test_unmap_bytes(void)
{
    Vx *f = vx_new_attached(NULL);

    vx_map(f, VX_DOMAIN, 0x10000, 0x1ffff, 0x90000, FX_R);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0x10001, 0x1ffff), ==, VX_RANGE);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0x10000, 0x1fffe), ==, VX_RANGE);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0x10000, 0x10000), ==, VX_RANGE);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0x1ffff, 0x1ffff), ==, VX_RANGE);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0, 0x10000), ==, VX_RANGE);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0x1ffff, TOP), ==, VX_RANGE);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_UNMAP_CUT), ==, 6);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0, 0xffff), ==, VX_OK);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0x20000, TOP), ==, VX_OK);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_UNMAP_NOTHING), ==, 2);
    g_assert_cmphex(vx_dma(f, FX_R, 0x10000), ==, 0x90000);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0xffff, 0x20001), ==, VX_OK);
    g_assert_cmpuint(vx_mappings(f), ==, 0);
    vx_free(f);
}

static void test_unmap_order(void)
{
    Vx *f = vx_new_attached(NULL);

    vx_map(f, VX_DOMAIN, 0, 0xfff, 0x90000, FX_R);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0xfff, 0), ==, VX_INVAL);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, TOP, 0), ==, VX_INVAL);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_UNMAP_ORDER), ==, 2);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 0x90000);
    vx_free(f);
}

/* Mappings that were joined inside are still what MAP made them. */
static void test_unmap_joined(void)
{
    Vx *f = vx_new_attached(NULL);

    for (unsigned i = 0; i < 64; i++) {
        vx_map(f, VX_DOMAIN, i * PAGE, i * PAGE + PAGE - 1,
               0x100000 + i * PAGE, FX_R);
    }
    vx_map(f, VX_DOMAIN, 64 * PAGE, 68 * PAGE - 1, 0x100000 + 64 * PAGE,
           FX_R);
    g_assert_cmpuint(vx_mappings(f), ==, 65);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 63 * PAGE, 65 * PAGE - 1), ==,
                     VX_RANGE);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 62 * PAGE, 62 * PAGE + 1), ==,
                     VX_RANGE);
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 20 * PAGE, 30 * PAGE - 1), ==,
                     VX_OK);
    g_assert_cmpuint(vx_mappings(f), ==, 55);
    for (unsigned i = 0; i < 68; i++) {
        FX_CHECK("joined", vx_dma(f, FX_R, i * PAGE),
                 i >= 20 && i < 30 ? VX_REFUSED : 0x100000 + i * PAGE);
    }
    vx_free(f);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(void);
    } tests[] = {
        { "map/flags", test_map_flags },
        { "map/domain", test_map_domain },
        { "map/rows", test_map_rows },
        { "map/64-bits", test_map_64_bits },
        { "map/huge", test_map_huge },
        { "map/granule", test_map_granule },
        { "map/regions", test_map_regions },
        { "map/regions-nested", test_map_nested_regions },
        { "map/region-bytes", test_map_region_bytes },
        { "map/regions-anew", test_map_regions_anew },
        { "map/limit", test_mapping_limit },
        { "unmap/reserved", test_unmap_reserved },
        { "unmap/rows", test_unmap_rows },
        { "unmap/bytes", test_unmap_bytes },
        { "unmap/order", test_unmap_order },
        { "unmap/joined", test_unmap_joined },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("/nyx-virtio/%s",
                                                tests[i].path);

        g_test_add_func(path, tests[i].test);
    }
    return g_test_run();
}
