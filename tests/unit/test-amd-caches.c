/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stays until it is invalidated, and what each command drops: its own
 * and nothing else.
 */
#include "qemu/osdep.h"
#include "amd-tables.h"

#define IOVA 0x40005000ULL
#define OLD 0x80003000ULL
#define NEW 0x90003000ULL
#define GVA 0x7f0000005000ULL
#define SID2 0x0120
#define SID3 0x0208
#define DID2 9

static uint64_t dma(Ax *f, uint32_t pasid, unsigned access, uint64_t iova)
{
    NyxReply reply = at_pasid(f, pasid, access, iova);

    return reply.ok ? reply.addr : AX_REFUSED;
}

static NyxAmdCfg cfg_of(NyxCacheTemper temper)
{
    NyxAmdCfg cfg = at_cfg();

    cfg.cache = temper;
    return cfg;
}

/* --- Host pages ----------------------------------------------------------- */

/* Three functions: two with AX_DID and the same tables, one with DID2. */
typedef struct World {
    Ax *f;
    NyxAmdRequester *r[3];
    uint64_t root;
    uint64_t root2;
} World;

static const uint16_t sids[] = { AX_SID, SID2, SID3 };

static uint64_t ask(World *w, unsigned i, uint64_t iova)
{
    const NyxRequest req = { .access = FX_R, .iova = iova };
    NyxReply reply = { };

    return nyx_amd_translate(w->r[i], sids[i], &req, &reply) ? reply.addr
                                                             : AX_REFUSED;
}

static World world_new(NyxCacheTemper temper)
{
    NyxAmdCfg cfg = cfg_of(temper);
    World w = { .f = at_new(&cfg) };

    w.root = at_domain(w.f, AX_SID, AX_DID, 4);
    at_dte(w.f, SID2, AT_OPEN | AT_MODE(4) | w.root, AX_DID, 0, 0);
    w.root2 = at_domain(w.f, SID3, DID2, 4);
    for (unsigned i = 0; i < 3; i++) {
        w.r[i] = nyx_amd_requester_new(w.f->amd, NULL);
    }
    return w;
}

#define PAGES 8

/* Leaves of 4 KiB, not in a row. */
static void map_pages(World *w, uint64_t to)
{
    for (unsigned i = 0; i < PAGES; i++) {
        at_map(w->f, w->root, 4, IOVA + i * 0x1000, to + (i ^ 1) * 0x1000, 12,
               FX_RW);
        at_map(w->f, w->root2, 4, IOVA + i * 0x1000, to + (i ^ 1) * 0x1000,
               12, FX_RW);
    }
}

static void warm(World *w)
{
    for (unsigned i = 0; i < PAGES; i++) {
        for (unsigned n = 0; n < 3; n++) {
            ask(w, n, IOVA + i * 0x1000);
        }
    }
}

/* @gone: a bit for each page of the domain that is looked at anew. */
static void check_pages(World *w, const char *row, unsigned gone,
                        unsigned gone2)
{
    for (unsigned n = 0; n < 3; n++) {
        for (unsigned i = 0; i < PAGES; i++) {
            unsigned bits = n == 2 ? gone2 : gone;

            FX_CHECK(row, ask(w, n, IOVA + i * 0x1000),
                     (bits >> i & 1 ? NEW : OLD) + (i ^ 1) * 0x1000);
        }
    }
}

typedef struct PageRow {
    const char *name;
    uint64_t lo;
    uint64_t hi;
    unsigned gone;
    unsigned gone2;
} PageRow;

#define PAGES_OF(did) (3ULL << 60 | (uint64_t)(did) << 32)

/* IOVA is page 5 of an aligned block of 8. */
static const PageRow page_rows[] = {
    { "nothing", 1ULL << 60, 0, 0, 0 },
    { "another domain", PAGES_OF(8), 0x7ffffffffffff003, 0, 0 },
    { "one page", PAGES_OF(AX_DID), IOVA | 2, 0x01, 0 },
    { "one page, leaves", PAGES_OF(AX_DID), IOVA, 0x01, 0 },
    { "another page", PAGES_OF(AX_DID), (IOVA + 0x3000) | 2, 0x08, 0 },
    /* Easy mistake 31: bit 12 is the first to be looked at. */
    { "8 KiB", PAGES_OF(AX_DID), 0x40006003, 0x06, 0 },
    { "16 KiB", PAGES_OF(AX_DID), 0x40005003, 0x07, 0 },
    { "32 KiB", PAGES_OF(AX_DID), 0x40003003, 0x07, 0 },
    { "32 KiB, the next", PAGES_OF(AX_DID), 0x4000b003, 0xf8, 0 },
    { "64 KiB", PAGES_OF(AX_DID), 0x40007003, 0xff, 0 },
    { "1 GiB", PAGES_OF(AX_DID), 0x5ffff003, 0xff, 0 },
    { "everything", PAGES_OF(AX_DID), 0x7ffffffffffff003, 0xff, 0 },
    { "everything, ones", PAGES_OF(AX_DID), 0xfffffffffffff003, 0xff, 0 },
    { "everything, leaves", PAGES_OF(AX_DID), 0x7ffffffffffff001, 0xff, 0 },
    { "the other's page", PAGES_OF(DID2), IOVA | 2, 0, 0x01 },
    { "the other's", PAGES_OF(DID2), 0x7ffffffffffff003, 0, 0xff },
    { "a PASID's", PAGES_OF(AX_DID) | 5, 0x7ffffffffffff007, 0, 0 },
    { "the device's IOTLB", 4ULL << 60 | AX_SID, 0x7ffffffffffff001, 0, 0 },
    { "interrupts", 5ULL << 60 | AX_SID, 0, 0, 0 },
    { "prefetch", 6ULL << 60 | AX_SID, IOVA, 0, 0 },
    { "all", 8ULL << 60, 0, 0xff, 0xff },
};

/* Easy mistake 29: all functions of a domain, no other domain. */
static void test_pages(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(page_rows); i++) {
        for (unsigned t = 0; t < 2; t++) {
            const PageRow *row = &page_rows[i];
            World w = world_new(t ? NYX_CACHE_STICKY : NYX_CACHE_HARDWARE);

            map_pages(&w, OLD);
            warm(&w);
            map_pages(&w, NEW);
            check_pages(&w, row->name, 0, 0);
            ax_submit(w.f, row->lo, row->hi);
            check_pages(&w, row->name, row->gone, row->gone2);
            ax_free(w.f);
        }
    }
}

/* Without caches everything is as it is in memory. */
static void test_off(void)
{
    World w = world_new(NYX_CACHE_OFF);

    map_pages(&w, OLD);
    warm(&w);
    map_pages(&w, NEW);
    check_pages(&w, "off", 0xff, 0xff);
    ax_free(w.f);
}

/* Easy mistake 19: any page of a large one takes all of it. */
static void test_large(void)
{
    static const unsigned sizes[] = { 13, 16, 20, 21, 24, 29, 30, 35 };

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint64_t size = 1ULL << sizes[i], to = 1ULL << 41;
        g_autofree char *row = g_strdup_printf("2^%u", sizes[i]);
        Ax *f = at_new(NULL);
        uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
        uint64_t iova = 1ULL << 40;

        at_map(f, root, 4, iova, to, sizes[i], FX_RW);
        at_dma(f, FX_R, iova + size - 1);
        at_map(f, root, 4, iova, to * 2, sizes[i], FX_RW);
        FX_CHECK(row, at_dma(f, FX_R, iova), to);
        at_inv_page(f, AX_DID, iova + size, false);
        FX_CHECK(row, at_dma(f, FX_R, iova), to);
        at_inv_page(f, AX_DID, iova + size - 0x1000, true);
        FX_CHECK(row, at_dma(f, FX_R, iova), to * 2);
        FX_CHECK(row, at_dma(f, FX_R, iova + size - 1), to * 2 + size - 1);
        ax_free(f);
    }
}

/* The same for one that has the interrupt range among its own addresses. */
static void test_large_around_range(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
    uint64_t iova = 0xc0000000, to = 1ULL << 41;

    at_map(f, root, 4, iova, to, 30, FX_RW);
    FX_CHECK("before", at_dma(f, FX_R, iova + 0x1000), to + 0x1000);
    at_map(f, root, 4, iova, to * 2, 30, FX_RW);
    at_inv_page(f, AX_DID, iova + 0x3ff00000, true);
    FX_CHECK("after", at_dma(f, FX_R, iova + 0x1000), to * 2 + 0x1000);
    ax_free(f);
}

/* PDE: the tables' addresses are kept without it. */
static void test_tables(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
    uint64_t pde = at_entry(f, root, 4, IOVA, 2), other;

    at_map(f, root, 4, IOVA, OLD, 12, FX_RW);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, OLD);
    other = fx_mem_pages(&f->mem, 1);
    fx_mem_poke(&f->mem, other + (IOVA >> 12 & 511) * 8,
                NEW | AT_RIGHTS(3) | 1);
    fx_mem_poke(&f->mem, pde, other | 1 << 9 | AT_RIGHTS(3) | 1);
    at_inv_page(f, AX_DID, IOVA, true);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, OLD);
    at_inv_page(f, AX_DID, IOVA + 0x40000000, false);
    at_inv_page(f, AX_DID, IOVA, true);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, OLD);
    at_inv_page(f, AX_DID, IOVA, false);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, NEW);
    ax_free(f);
}

/* Rights that were taken away stay until they are flushed. */
static void test_rights(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);

    at_map(f, root, 4, IOVA, OLD, 12, FX_RW);
    g_assert_cmphex(at_dma(f, FX_W, IOVA), ==, OLD);
    at_map(f, root, 4, IOVA, OLD, 12, FX_R);
    g_assert_cmphex(at_dma(f, FX_W, IOVA), ==, OLD);
    at_inv_page(f, AX_DID, IOVA, true);
    g_assert_cmphex(at_dma(f, FX_W, IOVA), ==, AX_REFUSED);
    ax_free(f);
}

/* --- NpCache -------------------------------------------------------------- */

/* Easy mistake 25: not present is kept, if that is what is announced. */
static void test_np_cache(void)
{
    for (unsigned np = 0; np < 2; np++) {
        NyxAmdCfg cfg = at_cfg();
        g_autofree char *row = g_strdup_printf("NpCache %u", np);
        uint64_t root;
        Ax *f;

        cfg.np_cache = np;
        f = at_new(&cfg);
        root = at_domain(f, AX_SID, AX_DID, 4);
        at_map(f, root, 4, IOVA + 0x1000, OLD + 0x1000, 12, FX_RW);
        FX_CHECK(row, at_dma(f, FX_R, IOVA), AX_REFUSED);
        FX_CHECK(row, ax_take_code(f), 2);
        at_map(f, root, 4, IOVA, OLD, 12, FX_RW);
        FX_CHECK(row, at_dma(f, FX_R, IOVA), np ? AX_REFUSED : OLD);
        FX_CHECK(row, ax_take_code(f), np ? 2 : 0);
        FX_CHECK(row, at_dma(f, FX_R, IOVA + 0x1000), OLD + 0x1000);
        at_inv_page(f, AX_DID, IOVA + 0x2000, false);
        FX_CHECK(row, at_dma(f, FX_R, IOVA), np ? AX_REFUSED : OLD);
        at_inv_page(f, AX_DID, IOVA, false);
        FX_CHECK(row, at_dma(f, FX_R, IOVA), OLD);
        /* A hole as large as a directory's entry. */
        FX_CHECK(row, at_dma(f, FX_R, 0x80000000), AX_REFUSED);
        at_map(f, root, 4, 0x8ffff000, OLD, 12, FX_RW);
        FX_CHECK(row, at_dma(f, FX_R, 0x8ffff000), np ? AX_REFUSED : OLD);
        at_inv_page(f, AX_DID, 0x8ffff000, false);
        FX_CHECK(row, at_dma(f, FX_R, 0x8ffff000), OLD);
        ax_free(f);
    }
}

/* A hole over the interrupts, or over a window, hides neither. */
static void test_np_ranges(void)
{
    NyxAmdCfg cfg = at_cfg();
    uint64_t root;
    Ax *f;

    cfg.np_cache = true;
    f = at_new(&cfg);
    root = at_domain(f, AX_SID, AX_DID, 4);
    at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | root, AX_DID | AT_IOCTL(1), 0, 0);
    g_assert_cmphex(at_dma(f, FX_R, 0xfed00000), ==, AX_REFUSED);
    g_assert_cmphex(at_dma(f, FX_W, 0xfee00000), ==, 0xfee00000);
    g_assert_cmphex(at_dma(f, FX_R, 0xfcff000000), ==, AX_REFUSED);
    g_assert_cmphex(at_dma(f, FX_R, 0xfdfc000000), ==, 0xfdfc000000);
    ax_free(f);
}

/* A guest's page that is not present is looked for again (PRI brings it). */
static void test_np_guest(void)
{
    NyxAmdCfg cfg = at_cfg();
    uint64_t gcr3, cr3;
    Ax *f;

    cfg.np_cache = true;
    f = at_new(&cfg);
    gcr3 = fx_mem_pages(&f->mem, 1);
    cr3 = fx_mem_pages(&f->mem, 1);
    fx_mem_poke(&f->mem, gcr3 + 3 * 8, cr3 | 1);
    at_dte(f, AX_SID, AT_OPEN | AT_GV | at_gcr3_0(gcr3, 0),
           AX_DID | at_gcr3_1(gcr3), 0, 0);
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, AX_REFUSED);
    at_guest_map(f, cr3, 4, GVA, OLD, 12, 2, 0);
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, OLD);
    ax_free(f);
}

/* --- Device table entries ------------------------------------------------- */

typedef struct DteRow {
    const char *name;
    uint64_t from;
    uint64_t to;
    bool kept;               /* of from */
} DteRow;

static const DteRow dte_rows[] = {
    { "V=0", 0, AT_V | AT_TV, true },
    { "TV=0", AT_V, AT_OPEN, true },
    { "no rights", AT_V | AT_TV, AT_OPEN, true },
    { "open", AT_OPEN, AT_V | AT_TV, true },
    { "illegal", AT_OPEN | 4, AT_OPEN, false },
};

static void test_dte(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(dte_rows); i++) {
        for (unsigned np = 0; np < 2; np++) {
            const DteRow *row = &dte_rows[i];
            NyxAmdCfg cfg = at_cfg();
            Ax *f;
            bool before, now;

            cfg.np_cache = np;
            f = at_new(&cfg);
            at_dte(f, AX_SID, row->from, 0, 0, 0);
            before = at_dma(f, FX_R, IOVA) == IOVA;
            at_dte(f, AX_SID, row->to, 0, 0, 0);
            now = at_dma(f, FX_R, IOVA) == IOVA;
            FX_CHECK(row->name, now != before, !row->kept);
            /* Those of others do not matter; nor do their pages. */
            ax_inv_devtab(f, AX_SID + 1);
            at_inv_domain(f, 0);
            now = at_dma(f, FX_R, IOVA) == IOVA;
            FX_CHECK(row->name, now != before, !row->kept);
            ax_inv_devtab(f, AX_SID);
            now = at_dma(f, FX_R, IOVA) == IOVA;
            FX_CHECK(row->name, now, row->to == AT_OPEN);
            ax_free(f);
        }
    }
}

/* Easy mistake 30, the engine's part: translations go with their entry. */
static void test_dte_translations(void)
{
    World w = world_new(NYX_CACHE_HARDWARE);

    map_pages(&w, OLD);
    warm(&w);
    map_pages(&w, NEW);
    ax_inv_devtab(w.f, SID2);
    g_assert_cmphex(ask(&w, 0, IOVA), ==, OLD + 0x1000);
    g_assert_cmphex(ask(&w, 1, IOVA), ==, NEW + 0x1000);
    g_assert_cmphex(ask(&w, 2, IOVA), ==, OLD + 0x1000);
    ax_free(w.f);
}

/* A requester whose bus number changes: each id has its own entry. */
static void test_renumbered(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
    uint64_t root2 = at_domain(f, SID2, DID2, 4);

    at_map(f, root, 4, IOVA, OLD, 12, FX_RW);
    at_map(f, root2, 4, IOVA, NEW, 12, FX_RW);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmphex(at_dma_as(f, AX_SID, FX_R, IOVA), ==, OLD);
        g_assert_cmphex(at_dma_as(f, SID2, FX_R, IOVA), ==, NEW);
    }
    ax_free(f);
}

/* What was found through an entry goes when another id's takes its place. */
static void test_renumbered_stale(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);

    at_domain(f, SID2, DID2, 4);
    at_map(f, root, 4, IOVA, OLD, 12, FX_RW);
    g_assert_cmphex(at_dma_as(f, AX_SID, FX_R, IOVA), ==, OLD);
    g_assert_cmphex(at_dma_as(f, SID2, FX_R, IOVA), ==, AX_REFUSED);
    at_map(f, root, 4, IOVA, NEW, 12, FX_RW);
    ax_inv_devtab(f, AX_SID);
    g_assert_cmphex(at_dma_as(f, AX_SID, FX_R, IOVA), ==, NEW);
    ax_free(f);
}

/* The same PASID of another id has another CR3. */
static void test_renumbered_gcr3(void)
{
    static const uint16_t ids[] = { AX_SID, SID2 };
    Ax *f = at_new(NULL);

    for (unsigned i = 0; i < 2; i++) {
        uint64_t gcr3 = fx_mem_pages(&f->mem, 1);
        uint64_t cr3 = fx_mem_pages(&f->mem, 1);

        fx_mem_poke(&f->mem, gcr3 + 3 * 8, cr3 | 1);
        at_guest_map(f, cr3, 4, GVA, i ? NEW : OLD, 12, 2, 0);
        at_dte(f, ids[i], AT_OPEN | AT_GV | at_gcr3_0(gcr3, 0),
               (AX_DID + i) | at_gcr3_1(gcr3), 0, 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        const NyxRequest req = {
            .access = FX_R, .iova = GVA, .has_pasid = true, .pasid = 3,
        };

        g_assert_cmphex(at_request(f, ids[i % 2], &req).addr, ==,
                        i % 2 ? NEW : OLD);
    }
    ax_free(f);
}

/* --- Guest pages and CR3 -------------------------------------------------- */

typedef struct Guest {
    Ax *f;
    uint64_t gcr3;
    uint64_t cr3[2];         /* of PASIDs 3 and 4 */
} Guest;

static Guest guest_new(void)
{
    Guest g = { .f = at_new(NULL) };

    g.gcr3 = fx_mem_pages(&g.f->mem, 1);
    at_dte(g.f, AX_SID, AT_OPEN | AT_GV | AT_GIOV | at_gcr3_0(g.gcr3, 0),
           AX_DID | at_gcr3_1(g.gcr3), 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        g.cr3[i] = fx_mem_pages(&g.f->mem, 1);
        fx_mem_poke(&g.f->mem, g.gcr3 + (3 + i) * 8, g.cr3[i] | 1);
        at_guest_map(g.f, g.cr3[i], 4, GVA, OLD, 12, 0x62, 0);
        at_guest_map(g.f, g.cr3[i], 4, GVA + 0x1000, OLD, 12, 0x62, 0);
        dma(g.f, 3 + i, FX_R, GVA);
        dma(g.f, 3 + i, FX_R, GVA + 0x1000);
    }
    return g;
}

typedef struct GuestRow {
    const char *name;
    uint64_t lo;
    uint64_t hi;
    bool first;              /* of PASID 3: gone */
    bool second;
    bool other;              /* the first page of PASID 4 */
    bool cr3;                /* of PASID 3: gone */
} GuestRow;

static const GuestRow guest_rows[] = {
    { "nothing", 1ULL << 60, 0, false, false, false, false },
    { "a page", PAGES_OF(AX_DID) | 3, GVA | 6, true, false, false, false },
    { "two pages", PAGES_OF(AX_DID) | 3, 0x7f0000003007, true, true, false,
      false },
    { "all", PAGES_OF(AX_DID) | 3, 0x7ffffffffffff007, true, true, false,
      true },
    { "all, PDE=0", PAGES_OF(AX_DID) | 3, 0x7ffffffffffff005, true, true,
      false, true },
    { "another PASID", PAGES_OF(AX_DID) | 4, GVA | 6, false, false, true,
      false },
    { "another domain", PAGES_OF(8) | 3, 0x7ffffffffffff007, false, false,
      false, false },
    /* Linux 6.1 has no other command for its guest tables. */
    { "the host's page", PAGES_OF(AX_DID), GVA | 2, true, true, true, false },
    { "the domain", PAGES_OF(AX_DID), 0x7ffffffffffff003, true, true, true,
      false },
    { "the entry", 2ULL << 60 | AX_SID, 0, true, true, true, true },
    { "everything", 8ULL << 60, 0, true, true, true, true },
};

static void test_guest(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(guest_rows); i++) {
        const GuestRow *row = &guest_rows[i];
        Guest g = guest_new();
        Ax *f = g.f;

        for (unsigned p = 0; p < 2; p++) {
            at_guest_map(f, g.cr3[p], 4, GVA, NEW, 12, 0x62, 0);
            at_guest_map(f, g.cr3[p], 4, GVA + 0x1000, NEW, 12, 0x62, 0);
        }
        FX_CHECK(row->name, dma(f, 3, FX_R, GVA), OLD);
        ax_submit(f, row->lo, row->hi);
        FX_CHECK(row->name, dma(f, 3, FX_R, GVA), row->first ? NEW : OLD);
        FX_CHECK(row->name, dma(f, 3, FX_R, GVA + 0x1000),
                 row->second ? NEW : OLD);
        FX_CHECK(row->name, dma(f, 4, FX_R, GVA), row->other ? NEW : OLD);
        ax_free(f);
    }
}

static void test_gcr3(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(guest_rows); i++) {
        const GuestRow *row = &guest_rows[i];
        Guest g = guest_new();
        uint64_t cr3 = fx_mem_pages(&g.f->mem, 1);
        Ax *f = g.f;

        /* A page that no cache has, through the old CR3 or the new one. */
        at_guest_map(f, g.cr3[0], 4, 0x1000, OLD, 12, 0x62, 0);
        at_guest_map(f, cr3, 4, 0x1000, NEW, 12, 0x62, 0);
        fx_mem_poke(&f->mem, g.gcr3 + 3 * 8, cr3 | 1);
        ax_submit(f, row->lo, row->hi);
        FX_CHECK(row->name, dma(f, 3, FX_R, 0x1000), row->cr3 ? NEW : OLD);
        ax_free(f);
    }
}

/* Requests without a PASID have the tag of PASID 0 with GIoV. */
static void test_giov(void)
{
    Guest g = guest_new();
    Ax *f = g.f;

    fx_mem_poke(&f->mem, g.gcr3, g.cr3[0] | 1);
    g_assert_cmphex(at_dma(f, FX_R, GVA), ==, OLD);
    at_guest_map(f, g.cr3[0], 4, GVA, NEW, 12, 0x62, 0);
    ax_inv_pages_gn(f, AX_DID, 3, GVA, 12);
    g_assert_cmphex(at_dma(f, FX_R, GVA), ==, OLD);
    ax_inv_pages_gn(f, AX_DID, 0, GVA, 12);
    g_assert_cmphex(at_dma(f, FX_R, GVA), ==, NEW);
    ax_free(f);
}

/* More PASIDs than the cache has room for. */
static void test_many_pasids(void)
{
    for (unsigned t = 0; t < NYX_CACHE_TEMPER_COUNT; t++) {
        NyxAmdCfg cfg = cfg_of(t);
        Ax *f = at_new(&cfg);
        uint64_t gcr3 = fx_mem_pages(&f->mem, 1);
        uint64_t cr3 = fx_mem_pages(&f->mem, 1);
        NyxCacheStats stats;

        at_dte(f, AX_SID, AT_OPEN | AT_GV | at_gcr3_0(gcr3, 0),
               AX_DID | at_gcr3_1(gcr3), 0, 0);
        at_guest_map(f, cr3, 4, GVA, OLD, 12, 2, 0);
        for (unsigned i = 0; i < 512; i++) {
            fx_mem_poke(&f->mem, gcr3 + i * 8, cr3 | 1);
        }
        for (unsigned i = 0; i < 1024; i++) {
            g_assert_cmphex(dma(f, i % 512, FX_R, GVA), ==, OLD);
        }
        stats = nyx_amd_requester_stats(f->r).gcr3;
        g_assert_cmpint(stats.evictions > 0, ==, t == NYX_CACHE_HARDWARE);
        ax_free(f);
    }
}

/* GN = 0 on a domain that nests: what is nested goes, whatever the page. */
static void test_nested(void)
{
    const uint64_t bias = 0x100000000ULL, gpa = 0x140000000ULL;
    Ax *f = at_new(NULL);
    uint64_t host = fx_mem_pages(&f->mem, 1);
    uint64_t gcr3 = fx_mem_pages(&f->mem, 1);
    uint64_t cr3 = fx_mem_pages(&f->mem, 1) + bias;

    at_map(f, host, 4, bias, 0, 28, FX_RW);
    at_map(f, host, 4, gpa, OLD, 12, FX_RW);
    at_dte(f, AX_SID, AT_OPEN | AT_GV | AT_MODE(4) | host |
           at_gcr3_0(gcr3, 0), AX_DID | at_gcr3_1(gcr3), 0, 0);
    fx_mem_poke(&f->mem, gcr3 + 3 * 8, cr3 | 1);
    at_guest_map(f, cr3, 4, GVA, gpa, 12, 2, -bias);
    g_assert_cmphex(dma(f, 3, FX_RW, GVA), ==, OLD);
    at_map(f, host, 4, gpa, NEW, 12, FX_RW);
    g_assert_cmphex(dma(f, 3, FX_RW, GVA), ==, OLD);
    at_inv_page(f, DID2, gpa, false);
    g_assert_cmphex(dma(f, 3, FX_RW, GVA), ==, OLD);
    at_inv_page(f, AX_DID, gpa, true);
    g_assert_cmphex(dma(f, 3, FX_RW, GVA), ==, NEW);
    ax_free(f);
}

/* --- Everything ----------------------------------------------------------- */

/* IommuEn off and on, and reset, leave nothing. */
static void test_disable(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);

    at_map(f, root, 4, IOVA, OLD, 12, FX_RW);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, OLD);
    at_map(f, root, 4, IOVA, NEW, 12, FX_RW);
    at_control(f, 1, 0);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, IOVA);
    at_control(f, 0, 1);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, NEW);
    nyx_amd_reset(f->amd);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, IOVA);
    ax_free(f);
}

/* --- Consumers ------------------------------------------------------------ */

static void check_told(World *w, const char *row, unsigned i, uint64_t iova,
                       unsigned lg2)
{
    unsigned n = 0;

    for (unsigned k = 0; k < w->f->unmapped->len; k++) {
        const AxUnmapped *u = &g_array_index(w->f->unmapped, AxUnmapped, k);

        if (u->r == w->r[i]) {
            FX_CHECK(row, u->iova, iova);
            FX_CHECK(row, u->lg2, lg2);
            n++;
        }
    }
    FX_CHECK(row, n, 1);
    FX_CHECK(row, w->f->unmapped->len, 1);
    g_array_set_size(w->f->unmapped, 0);
}

static void test_notify(void)
{
    World w = world_new(NYX_CACHE_HARDWARE);
    Ax *f = w.f;

    map_pages(&w, OLD);
    warm(&w);
    nyx_amd_requester_notify(w.r[0], true);
    at_inv_page(f, DID2, IOVA, false);
    g_assert_cmpuint(f->unmapped->len, ==, 0);
    at_inv_page(f, AX_DID, IOVA, false);
    check_told(&w, "page", 0, IOVA, 12);
    ax_inv_pages(f, AX_DID, 0x40000000, 21);
    check_told(&w, "2 MiB", 0, 0x40000000, 21);
    at_inv_domain(f, AX_DID);
    check_told(&w, "domain", 0, 0, 64);
    ax_inv_pages_gn(f, AX_DID, 3, 0, 64);
    g_assert_cmpuint(f->unmapped->len, ==, 0);
    ax_inv_devtab(f, SID3);
    g_assert_cmpuint(f->unmapped->len, ==, 0);
    ax_inv_devtab(f, AX_SID);
    check_told(&w, "entry", 0, 0, 64);
    /* Its entry is not known: it may be of any domain. */
    at_inv_page(f, 77, IOVA, false);
    check_told(&w, "not known", 0, IOVA, 12);
    ask(&w, 0, IOVA);
    at_inv_page(f, 77, IOVA, false);
    g_assert_cmpuint(f->unmapped->len, ==, 0);
    ax_inv_all(f);
    check_told(&w, "all", 0, 0, 64);
    /* An exclusion range that comes, moves, and goes. */
    ax_write64(f, 0x28, 0x10f000);
    g_assert_cmpuint(f->unmapped->len, ==, 0);
    ax_write64(f, 0x20, 0x100003);
    check_told(&w, "exclusion", 0, 0, 64);
    ax_write64(f, 0x28, 0x11f000);
    check_told(&w, "longer", 0, 0, 64);
    ax_write64(f, 0x20, 0x100001);
    check_told(&w, "not for all", 0, 0, 64);
    ax_write64(f, 0x28, 0x11f000);
    g_assert_cmpuint(f->unmapped->len, ==, 0);
    ax_write64(f, 0x20, 0);
    check_told(&w, "none", 0, 0, 64);
    nyx_amd_requester_notify(w.r[0], false);
    ax_inv_all(f);
    g_assert_cmpuint(f->unmapped->len, ==, 0);
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-amdvi/caches/pages", test_pages);
    g_test_add_func("/nyx-amdvi/caches/off", test_off);
    g_test_add_func("/nyx-amdvi/caches/large", test_large);
    g_test_add_func("/nyx-amdvi/caches/large-around-range",
                    test_large_around_range);
    g_test_add_func("/nyx-amdvi/caches/tables", test_tables);
    g_test_add_func("/nyx-amdvi/caches/rights", test_rights);
    g_test_add_func("/nyx-amdvi/caches/np-cache", test_np_cache);
    g_test_add_func("/nyx-amdvi/caches/np-ranges", test_np_ranges);
    g_test_add_func("/nyx-amdvi/caches/np-guest", test_np_guest);
    g_test_add_func("/nyx-amdvi/caches/dte", test_dte);
    g_test_add_func("/nyx-amdvi/caches/dte-translations",
                    test_dte_translations);
    g_test_add_func("/nyx-amdvi/caches/renumbered", test_renumbered);
    g_test_add_func("/nyx-amdvi/caches/renumbered-stale",
                    test_renumbered_stale);
    g_test_add_func("/nyx-amdvi/caches/renumbered-gcr3",
                    test_renumbered_gcr3);
    g_test_add_func("/nyx-amdvi/caches/guest", test_guest);
    g_test_add_func("/nyx-amdvi/caches/gcr3", test_gcr3);
    g_test_add_func("/nyx-amdvi/caches/giov", test_giov);
    g_test_add_func("/nyx-amdvi/caches/many-pasids", test_many_pasids);
    g_test_add_func("/nyx-amdvi/caches/nested", test_nested);
    g_test_add_func("/nyx-amdvi/caches/disable", test_disable);
    g_test_add_func("/nyx-amdvi/caches/notify", test_notify);
    return g_test_run();
}
