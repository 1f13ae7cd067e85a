/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units that lack what the usual ones have: what the capability registers
 * deny is really not there.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define IOVA    0x40000000ull
#define PAGE    0x1000ull

/* --- CAP.PSI, MAMV and ND: IOTLB invalidation ----------------------------- */

/* Pages at IOVA and behind it are cached, and are not mapped any more. */
static Fx *stale_pages(const NyxVtdCfg *cfg, unsigned n)
{
    uint64_t ss;
    Fx *f = fx_new_domain(cfg, 3, &ss);

    for (unsigned i = 0; i < n; i++) {
        uint64_t iova = IOVA + 2 * i * PAGE;

        fx_map(f, ss, 3, iova, 0x100000 + 16 * i * PAGE, 12, 3);
        g_assert_cmphex(fx_dma(f, FX_R, iova), ==, 0x100000 + 16 * i * PAGE);
        fx_mem_poke(&f->mem, fx_entry(f, ss, 3, iova, 1), 0);
        g_assert_cmphex(fx_dma(f, FX_R, iova), ==, 0x100000 + 16 * i * PAGE);
    }
    return f;
}

static bool stale(Fx *f, unsigned i)
{
    return fx_dma(f, FX_R, IOVA + 2 * i * PAGE) != FX_REFUSED;
}

static void test_no_psi_register(void)
{
    NyxVtdCfg cfg = fx_cfg();
    Fx *f;

    cfg.psi = false;
    f = stale_pages(&cfg, 2);
    /* IVT, page granularity, the domain; IVA has the first page, AM 20. */
    fx_write64(f, 0x500, IOVA | 20);
    fx_write64(f, 0x508, 1ull << 63 | 3ull << 60 | (uint64_t)FX_DID << 32);
    /* IAIG tells that it was the domain. */
    g_assert_cmphex(fx_read64(f, 0x508) >> 57 & 3, ==, 2);
    g_assert_false(stale(f, 0));
    g_assert_false(stale(f, 1));
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_INV_NO_PAGES), ==, 1);
    fx_free(f);
}

static void test_no_psi_queue(void)
{
    NyxVtdCfg cfg = fx_cfg();
    Fx *f;

    cfg.psi = false;
    f = stale_pages(&cfg, 2);
    fx_queue_start(f, 0);
    /* Another domain's page. */
    fx_submit(f, 0x32 | (FX_DID + 1) << 16, IOVA);
    g_assert_true(stale(f, 0));
    fx_submit(f, 0x32 | FX_DID << 16, IOVA | 63);
    g_assert_false(stale(f, 0));
    g_assert_false(stale(f, 1));
    g_assert_cmphex(fx_read32(f, 0x34) & 0x10, ==, 0);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_INV_NO_PAGES), ==, 2);
    fx_free(f);
}

/* One page more than AM may name stops the queue; that many does not. */
static void test_mamv(void)
{
    static const uint8_t limits[] = { 0, 1, 9, 18, 52 };

    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        NyxVtdCfg cfg = fx_cfg();
        Fx *f;

        cfg.mamv = limits[i];
        f = stale_pages(&cfg, 2);
        fx_queue_start(f, 0);
        fx_submit(f, 0x32 | FX_DID << 16, limits[i]);
        FX_CHECK(NULL, fx_read32(f, 0x34) & 0x10, 0);
        /* Page 0 and up: IOVA is inside with 18 bits and 12 of the page. */
        FX_CHECK(NULL, stale(f, 0), limits[i] <= 18);
        fx_submit(f, 0x32 | FX_DID << 16, IOVA | (limits[i] + 1));
        FX_CHECK(NULL, fx_read32(f, 0x34) & 0x10, 0x10);
        fx_free(f);

        f = stale_pages(&cfg, 1);
        fx_flush_pages(f, FX_DID, IOVA, limits[i] + 1, false);
        FX_CHECK(NULL, fx_read64(f, 0x508) >> 57 & 3, 0);
        FX_CHECK(NULL, stale(f, 0), true);
        fx_flush_pages(f, FX_DID, IOVA, limits[i], false);
        FX_CHECK(NULL, fx_read64(f, 0x508) >> 57 & 3, 3);
        FX_CHECK(NULL, stale(f, 0), false);
        fx_free(f);
    }
}

/* Each upper bit of a domain id is reserved where software gives one. */
static void test_domain_bits(void)
{
    for (unsigned bits = 4; bits <= 16; bits += 2) {
        NyxVtdCfg cfg = fx_cfg();
        Fx *f;
        uint64_t ss;

        cfg.domain_bits = bits;
        f = fx_new_domain(&cfg, 3, &ss);
        FX_CHECK(NULL, fx_read64(f, 0x08) & 7, (bits - 4) / 2);
        fx_map(f, ss, 3, IOVA, 0x100000, 12, 3);
        for (unsigned bit = 0; bit < 16; bit++) {
            fx_context(f, FX_SID, fx_context_lo(ss, 0, false),
                       fx_context_hi(3, 1u << bit));
            fx_flush_context_global(f);
            fx_flush_iotlb_global(f);
            FX_CHECK(NULL, fx_dma(f, FX_R, IOVA),
                     bit < bits ? 0x100000 : FX_REFUSED);
            FX_CHECK(NULL, fx_take_code(f), bit < bits ? 0 : 0xb);
        }
        /* Registers do not have the bits. */
        fx_write64(f, 0x28, 0xffff);
        FX_CHECK(NULL, fx_read64(f, 0x28) & 0xffff, (1u << bits) - 1);
        fx_write64(f, 0x508, 0xffffull << 32);
        FX_CHECK(NULL, fx_read64(f, 0x508) >> 32 & 0xffff, (1u << bits) - 1);
        fx_free(f);
    }
}

/* Descriptors have the bits, and nobody looks. */
static void test_domain_bits_queue(void)
{
    NyxVtdCfg cfg = fx_cfg();
    Fx *f;

    cfg.domain_bits = 8;
    f = stale_pages(&cfg, 1);
    fx_queue_start(f, 0);
    fx_submit(f, 0x22 | (0x100 + FX_DID + 1) << 16, 0);
    g_assert_true(stale(f, 0));
    fx_submit(f, 0x12 | 0x0100ull << 16, 0);
    g_assert_false(stale(f, 0));
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_INV_DOMAIN), ==, 1);
    fx_free(f);

    f = stale_pages(&cfg, 1);
    fx_queue_start(f, 0);
    fx_submit(f, 0x22 | (0xab00ull + FX_DID) << 16, 0);
    g_assert_false(stale(f, 0));
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_INV_DOMAIN), ==, 1);
    fx_free(f);
}

/* --- CAP.SSLPS, CAP.ZLR --------------------------------------------------- */

static void test_page_sizes(void)
{
    static const uint8_t largest[] = { 12, 21, 30 };
    static const uint8_t sizes[] = { 12, 21, 30 };

    for (unsigned i = 0; i < ARRAY_SIZE(largest); i++) {
        for (unsigned j = 0; j < ARRAY_SIZE(sizes); j++) {
            NyxVtdCfg cfg = fx_cfg();
            uint64_t ss;
            Fx *f;

            cfg.second_lg2 = largest[i];
            f = fx_new_domain(&cfg, 3, &ss);
            FX_CHECK(NULL, fx_read64(f, 0x08) >> 34 & 15, (1u << i) - 1);
            fx_map(f, ss, 3, IOVA, 0x80000000, sizes[j], 3);
            FX_CHECK(NULL, fx_dma(f, FX_W, IOVA + 0x123),
                     sizes[j] <= largest[i] ? 0x80000123 : FX_REFUSED);
            /* The size is a reserved bit of the entry. */
            FX_CHECK(NULL, fx_take_code(f), sizes[j] <= largest[i] ? 0 : 0xc);
            fx_free(f);
        }
    }
}

static void test_zero_length(void)
{
    for (unsigned zlr = 0; zlr < 2; zlr++) {
        NyxVtdCfg cfg = fx_cfg();
        unsigned zero = FX_R | NYX_ACCESS_ZERO_LEN;
        uint64_t ss;
        Fx *f;

        cfg.zero_length = zlr;
        f = fx_new_domain(&cfg, 3, &ss);
        FX_CHECK(NULL, fx_read64(f, 0x08) >> 22 & 1, zlr);
        fx_map(f, ss, 3, IOVA, 0x100000, 12, 1);
        fx_map(f, ss, 3, IOVA + PAGE, 0x200000, 12, 2);
        FX_CHECK(NULL, fx_dma(f, zero, IOVA), 0x100000);
        /* Of a page that may only be written; the second time it is cached. */
        for (unsigned i = 0; i < 2; i++) {
            FX_CHECK(NULL, fx_dma(f, zero, IOVA + PAGE),
                     zlr ? 0x200000 : FX_REFUSED);
            FX_CHECK(NULL, fx_take_code(f), zlr ? 0 : 6);
            FX_CHECK(NULL, fx_dma(f, FX_W, IOVA + PAGE), 0x200000);
        }
        fx_free(f);
    }
}

/* --- CAP.PLMR and PHMR ---------------------------------------------------- */

static void test_protected(void)
{
    for (unsigned has = 0; has < 4; has++) {
        NyxVtdCfg cfg = fx_cfg();
        bool low = has & 1, high = has & 2;
        Fx *f;

        cfg.protected_low = low;
        cfg.protected_high = high;
        f = fx_new(&cfg);
        FX_CHECK(NULL, fx_read64(f, 0x08) >> 5 & 3, has);
        fx_write32(f, 0x68, 0xffffffff);
        fx_write32(f, 0x6c, 0x00400000);
        fx_write64(f, 0x70, 0x100000000);
        fx_write64(f, 0x78, 0x100200000);
        FX_CHECK(NULL, fx_read32(f, 0x68), low ? 0xffe00000 : 0);
        FX_CHECK(NULL, fx_read32(f, 0x6c), low ? 0x00400000 : 0);
        FX_CHECK(NULL, fx_read64(f, 0x70), high ? 0x100000000 : 0);
        FX_CHECK(NULL, fx_read64(f, 0x78), high ? 0x100200000 : 0);
        fx_write32(f, 0x68, 0);
        fx_write32(f, 0x64, 0x80000000);
        FX_CHECK(NULL, fx_read32(f, 0x64), has ? 0x80000001 : 0);
        /* A range that is not there is nowhere, not at 0. */
        FX_CHECK(NULL, fx_dma(f, FX_R, 0x1000), low ? FX_REFUSED : 0x1000);
        FX_CHECK(NULL, fx_dma(f, FX_R, 0x5fffff),
                 low ? FX_REFUSED : 0x5fffff);
        FX_CHECK(NULL, fx_dma(f, FX_R, 0x600000), 0x600000);
        FX_CHECK(NULL, fx_dma(f, FX_R, 0x100000000),
                 high ? FX_REFUSED : 0x100000000);
        fx_free(f);
    }
}

/* --- CAP.RWBF, ECAP.QI, ECAP.MHMV ----------------------------------------- */

static void test_write_buffer(void)
{
    for (unsigned rwbf = 0; rwbf < 2; rwbf++) {
        NyxVtdCfg cfg = fx_cfg();
        uint64_t ss;
        Fx *f;

        cfg.write_buffer = rwbf;
        f = fx_new_domain(&cfg, 3, &ss);
        FX_CHECK(NULL, fx_read64(f, 0x08) >> 4 & 1, rwbf);
        fx_write32(f, 0x18, fx_read32(f, 0x1c) | 1u << 27);
        /* Done at once: WBFS is 0, and translation goes on. */
        FX_CHECK(NULL, fx_read32(f, 0x1c), 0xc0000000);
        FX_CHECK(NULL, fx_findings(f, NVTD_RULE_GCMD_NO_CAP), !rwbf);
        FX_CHECK(NULL, fx_all_findings(f), !rwbf);
        fx_free(f);
    }
}

/* Without a queue its registers read as zero, and stay so. */
static void test_no_queue(void)
{
    static const uint32_t words[] = {
        0x80, 0x84, 0x88, 0x8c, 0x90, 0x94, 0x9c, 0xa0, 0xa4, 0xa8, 0xac,
        0xb0, 0xb4,
    };
    NyxVtdCfg cfg = fx_cfg();
    uint64_t ss;
    Fx *f;

    cfg.queue = cfg.intremap = cfg.eim = cfg.device_iotlb = false;
    f = fx_new_domain(&cfg, 3, &ss);
    g_assert_cmphex(fx_read64(f, 0x10) & 2, ==, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        FX_CHECK(NULL, fx_read32(f, words[i]), 0);
        fx_write32(f, words[i], 0xffffffff);
        FX_CHECK(NULL, fx_read32(f, words[i]), 0);
    }
    fx_gcmd(f, 26, true);
    g_assert_cmphex(fx_read32(f, 0x1c), ==, 0xc0000000);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_GCMD_NO_CAP), ==, 1);
    /* The registers do what there is to do. */
    fx_map(f, ss, 3, IOVA, 0x100000, 12, 3);
    g_assert_cmphex(fx_dma(f, FX_R, IOVA), ==, 0x100000);
    fx_map(f, ss, 3, IOVA, 0x200000, 12, 3);
    fx_flush_pages(f, FX_DID, IOVA, 0, false);
    g_assert_cmphex(fx_dma(f, FX_R, IOVA), ==, 0x200000);
    fx_free(f);
}

static void test_mhmv(void)
{
    static const uint8_t limits[] = { 0, 1, 14, 15 };

    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        NyxVtdCfg cfg = fx_cfg();
        Fx *f;

        cfg.mhmv = limits[i];
        f = fx_new(&cfg);
        fx_queue_start(f, 0);
        FX_CHECK(NULL, fx_read64(f, 0x10) >> 20 & 15, limits[i]);
        /* Type 4, by index, IM in bits 31:27. */
        fx_submit(f, 0x14 | (uint64_t)limits[i] << 27, 0);
        FX_CHECK(NULL, fx_read32(f, 0x34) & 0x10, 0);
        fx_submit(f, 0x14 | (uint64_t)(limits[i] + 1) << 27, 0);
        FX_CHECK(NULL, fx_read32(f, 0x34) & 0x10, 0x10);
        fx_free(f);
    }
}

/* --- Saved states --------------------------------------------------------- */

typedef struct SavedRow {
    const char *name;
    uint32_t offset;
    uint8_t bit;
} SavedRow;

/* What a unit without the feature cannot have come to. */
static const SavedRow saved_rows[] = {
    { "QIES", 0x1c, 26 },
    { "WBFS", 0x1c, 27 },
    { "CCMD.DID", 0x28, 8 },
    { "IQE", 0x34, 4 },
    { "ICE", 0x34, 5 },
    { "ITE", 0x34, 6 },
    { "PRS", 0x64, 0 },
    { "EPM", 0x64, 31 },
    { "PLMBASE", 0x68, 21 },
    { "PLMLIMIT", 0x6c, 31 },
    { "PHMBASE", 0x70, 21 },
    { "PHMLIMIT", 0x78, 45 },
    { "IQH", 0x80, 4 },
    { "IQT", 0x88, 4 },
    { "IQA", 0x90, 12 },
    { "IWC", 0x9c, 0 },
    { "IECTL.IM", 0xa0, 31 },
    { "IEDATA", 0xa4, 0 },
    { "IEADDR", 0xa8, 2 },
    { "IQERCD", 0xb0, 0 },
    { "IOTLB.DID", 0x508, 40 },
};

static void test_saved(void)
{
    NyxVtdCfg cfg = fx_cfg();
    Fx *f;

    cfg.queue = cfg.intremap = cfg.eim = cfg.device_iotlb = false;
    cfg.protected_low = cfg.protected_high = false;
    cfg.write_buffer = true;
    cfg.domain_bits = 8;
    f = fx_new(&cfg);
    for (unsigned i = 0; i < ARRAY_SIZE(saved_rows); i++) {
        const SavedRow *row = &saved_rows[i];
        g_autofree NyxVtdSaved *saved = g_new0(NyxVtdSaved, 1);

        nyx_vtd_save(f->vtd, saved);
        FX_CHECK(row->name, !nyx_vtd_load(f->vtd, saved), true);
        saved->regs[row->offset + row->bit / 8] |= 1 << row->bit % 8;
        FX_CHECK(row->name, !nyx_vtd_load(f->vtd, saved), false);
    }
    fx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/vtd-poor/no-psi-register", test_no_psi_register);
    g_test_add_func("/nyx/vtd-poor/no-psi-queue", test_no_psi_queue);
    g_test_add_func("/nyx/vtd-poor/mamv", test_mamv);
    g_test_add_func("/nyx/vtd-poor/domain-bits", test_domain_bits);
    g_test_add_func("/nyx/vtd-poor/domain-bits-queue", test_domain_bits_queue);
    g_test_add_func("/nyx/vtd-poor/page-sizes", test_page_sizes);
    g_test_add_func("/nyx/vtd-poor/zero-length", test_zero_length);
    g_test_add_func("/nyx/vtd-poor/protected", test_protected);
    g_test_add_func("/nyx/vtd-poor/write-buffer", test_write_buffer);
    g_test_add_func("/nyx/vtd-poor/no-queue", test_no_queue);
    g_test_add_func("/nyx/vtd-poor/mhmv", test_mhmv);
    g_test_add_func("/nyx/vtd-poor/saved", test_saved);
    return g_test_run();
}
