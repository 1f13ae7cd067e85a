/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The invalidation queue in scalable mode: descriptors of 256 bits, types 6
 * to 9 and their reserved bits, what is refused in which mode.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define IQH 0x80
#define IQT 0x88
#define IQA 0x90
#define FSTS 0x34
#define IQERCD 0xb0

#define FSTS_IQE 0x10
#define FSTS_ICE 0x20
#define FSTS_ITE 0x40

/* A wait that stores @data, and one that only holds back. */
#define WAIT_SW(data) ((uint64_t)(data) << 32 | 0x25)
#define WAIT_FN 0x45

static NyxVtdCfg scalable_cfg(void)
{
    NyxVtdCfg cfg = fx_cfg();

    cfg.scalable_mode = true;
    cfg.first_stage = true;
    cfg.second_stage = true;
    cfg.page_requests = true;
    cfg.pasid_bits = 20;
    return cfg;
}

/* A unit in scalable mode with a queue, translation off. */
static Fx *new_unit(const NyxVtdCfg *cfg, unsigned qs)
{
    Fx *f = fx_new(cfg);

    fx_queue_start_wide(f, qs);
    fx_root_latch(f, 1);
    return f;
}

/* --- Descriptors that are refused ----------------------------------------- */

static uint32_t peek32(Fx *f, uint64_t gpa)
{
    return fx_mem_peek(&f->mem, gpa & ~7ULL) >> (gpa % 8 * 8);
}

static uint64_t commands_done(Fx *f)
{
    NyxVtdStats s = nyx_vtd_stats(f->vtd);
    uint64_t sum = s.inv_device_tlb + s.inv_iec[0] + s.inv_iec[1] + s.waits +
                   s.inv_pasid_device_tlb + s.page_responses;

    for (unsigned i = 0; i < 4; i++) {
        sum += s.inv_context[i] + s.inv_iotlb[i] + s.inv_pasid_cache[i] +
               s.inv_pasid_iotlb[i];
    }
    return sum;
}

/*
 * The descriptor, whose bit @upper of the upper half is set if that is below
 * 128, is refused: the head stays on it, and nothing was done.  With a wait
 * in its place the queue goes on.
 */
static void check_iqe(const char *row, Fx *f, uint64_t lo, uint64_t hi,
                      unsigned upper, unsigned iqei)
{
    uint64_t at = f->tail, done = commands_done(f);

    fx_desc(f, lo, hi);
    if (upper < 128) {
        fx_mem_poke(&f->mem, f->queue + at + 16 + upper / 64 * 8,
                    1ULL << upper % 64);
    }
    fx_desc(f, WAIT_FN, 0);
    fx_ring(f);
    FX_CHECK(row, fx_read32(f, FSTS), FSTS_IQE);
    FX_CHECK(row, fx_read64(f, IQERCD), iqei);
    FX_CHECK(row, fx_read64(f, IQH), at);
    FX_CHECK(row, commands_done(f), done);
    fx_mem_poke(&f->mem, f->queue + at, WAIT_FN);
    for (unsigned i = 8; i < (f->wide ? 32 : 16); i += 8) {
        fx_mem_poke(&f->mem, f->queue + at + i, 0);
    }
    fx_write32(f, FSTS, FSTS_IQE);
    FX_CHECK(row, fx_read32(f, FSTS), 0);
    FX_CHECK(row, fx_read64(f, IQH), f->tail);
    FX_CHECK(row, commands_done(f), done + 2);
}

static void check_accepted(const char *row, Fx *f, uint64_t lo, uint64_t hi)
{
    uint64_t done = commands_done(f);

    fx_submit(f, lo, hi);
    FX_CHECK(row, fx_read32(f, FSTS), 0);
    FX_CHECK(row, fx_read64(f, IQH), f->tail);
    FX_CHECK(row, commands_done(f), done + 1);
}

typedef struct DescRow {
    const char *name;
    uint64_t lo;             /* good, and so with any free bit added */
    uint64_t free_lo, free_hi;
} DescRow;

/* Type bits and those of a granularity are left alone. */
#define KEEP_BITS(g) (0xe0fULL | (g))

static const DescRow desc_rows[] = {
    { "context", 0x11, 0x0003ffffffff0000ULL, 0 },
    { "iotlb", 0x12, 0xffff00c0ULL, 0xfffffffffffff07fULL },
    { "device-tlb", 0x3, 0x0000ffff001f0000ULL, 0xfffffffffffff001ULL },
    { "iec", 0x4, 0x0000fffff8000000ULL, 0 },
    { "wait", 0x45, 0xffffffff000000d0ULL, 0xfffffffffffffffcULL },
    { "PASID iotlb", 0x26, 0x000fffffffff0000ULL, 0xfffffffffffff07fULL },
    { "PASID iotlb, page", 0x36, 0x000fffffffff0000ULL,
      0xfffffffffffff07fULL },
    { "PASID cache", 0x37, 0x000fffffffff0000ULL, 0 },
    { "PASID cache, domain", 0x07, 0x000fffffffff0000ULL, 0 },
    { "PASID cache, PASID", 0x17, 0x000fffffffff0000ULL, 0 },
    { "PASID device-tlb", 0x8, 0x000fffffffff01f0ULL,
      0xfffffffffffff801ULL },
    /* Of the codes with one bit 1 is the only one. */
    { "page response", 0x9, 0x000fffffffff1010ULL, 0xffcULL },
};

static void desc_row(Fx *f, const DescRow *row, unsigned bit)
{
    g_autofree char *name = g_strdup_printf("%s, bit %u", row->name, bit);
    bool granularity = row->lo % 16 != 3 && row->lo % 16 < 8;
    uint64_t lo = row->lo, hi = 0;

    if (bit < 64) {
        if (KEEP_BITS(granularity ? 0x30 : 0) >> bit & 1) {
            return;
        }
        lo |= 1ULL << bit;
    } else if (bit < 128) {
        hi |= 1ULL << (bit - 64);
    }
    if (bit >= 128) {
        check_iqe(name, f, lo, hi, bit - 128, 4);
    } else if ((lo & ~row->lo & ~row->free_lo) || (hi & ~row->free_hi)) {
        check_iqe(name, f, lo, hi, 128, 4);
    } else {
        check_accepted(name, f, lo, hi);
    }
}

static void test_reserved_bits(void)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f = new_unit(&cfg, 3);

    for (unsigned i = 0; i < ARRAY_SIZE(desc_rows); i++) {
        for (unsigned bit = 0; bit < 256; bit++) {
            desc_row(f, &desc_rows[i], bit);
        }
    }
    fx_free(f);
}

static void test_granularities(void)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f = new_unit(&cfg, 0);

    check_iqe("PASID iotlb, 0", f, 0x06, 0, 128, 4);
    check_iqe("PASID iotlb, 1", f, 0x16, 0, 128, 4);
    check_accepted("PASID iotlb, 2", f, 0x26, 0);
    check_accepted("PASID iotlb, 3", f, 0x36, 0);
    check_accepted("PASID cache, 0", f, 0x07, 0);
    check_accepted("PASID cache, 1", f, 0x17, 0);
    check_iqe("PASID cache, 2", f, 0x27, 0, 128, 4);
    check_accepted("PASID cache, 3", f, 0x37, 0);
    /* MAMV is for domains only. */
    for (unsigned am = 0; am < 64; am++) {
        g_autofree char *name = g_strdup_printf("AM %u", am);

        check_accepted(name, f, 0x36, am);
        if (am > 18) {
            check_iqe(name, f, 0x32, am, 128, 4);
        }
    }
    fx_free(f);
}

/* Which of the 128 types there are, by unit and mode. */
static void all_types(bool unit, bool mode, bool device_iotlb)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f;

    cfg.scalable_mode = unit;
    cfg.device_iotlb = device_iotlb;
    cfg.page_requests = unit && device_iotlb;
    f = fx_new(&cfg);
    if (unit) {
        fx_queue_start_wide(f, 7);
    } else {
        fx_queue_start(f, 7);
    }
    fx_root_latch(f, mode);
    for (unsigned type = 0; type < 128; type++) {
        g_autofree char *name = g_strdup_printf(
            "type %u, unit %u, mode %u, DT %u", type, unit, mode,
            device_iotlb);
        bool ats = type == 3 || type == 8 || type == 9;
        uint64_t lo = (type & 15) | (uint64_t)(type >> 4) << 9;

        lo |= type == 6 ? 0x20 : ats ? 0 : 0x10;
        if (type == 0 || type > (unit ? 9 : 5) || (ats && !device_iotlb)) {
            check_iqe(name, f, lo, 0, 128, 3);
        } else if (type > 5 && !mode) {
            check_iqe(name, f, lo, 0, 128, 7);
        } else {
            check_accepted(name, f, lo, 0);
        }
    }
    FX_CHECK("mode", fx_findings(f, NVTD_RULE_IQ_MODE),
             unit && !mode ? 2 + 2 * device_iotlb : 0);
    fx_free(f);
}

static void test_types(void)
{
    for (unsigned dt = 0; dt < 2; dt++) {
        all_types(false, false, dt);
        all_types(true, false, dt);
        all_types(true, true, dt);
    }
}

/* In abort mode, which software may come to from scalable mode: as there. */
static void test_types_abort(void)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f;

    cfg.abort_dma = true;
    f = fx_new(&cfg);
    fx_queue_start_wide(f, 0);
    fx_root_latch(f, 3);
    check_accepted("IOTLB", f, 0x26, 0);
    check_accepted("PASID cache", f, 0x37, 0);
    check_accepted("device-TLB", f, 0x08, 0);
    check_accepted("response", f, 0x09, 0);
    /* The reserved mode is none that has them. */
    fx_root_latch(f, 2);
    check_iqe("reserved mode", f, 0x37, 0, 128, 7);
    fx_free(f);
}

/* --- The queue ------------------------------------------------------------ */

/* Every size, filled to the last slot but one, and around its end. */
static void test_sizes(void)
{
    for (unsigned mode = 0; mode < 2; mode++) {
        for (unsigned qs = 0; qs < 8; qs++) {
            g_autofree char *name = g_strdup_printf("mode %u, qs %u", mode,
                                                    qs);
            NyxVtdCfg cfg = scalable_cfg();
            Fx *f = fx_new(&cfg);
            uint64_t status = fx_mem_pages(&f->mem, 1);
            unsigned n = 128u << qs;

            fx_queue_start_wide(f, qs);
            FX_CHECK(name, fx_read64(f, IQA), f->queue | 0x800 | qs);
            fx_root_latch(f, mode);
            for (unsigned round = 1; round <= 3; round++) {
                for (unsigned i = 1; i < n - 1; i++) {
                    fx_desc(f, WAIT_FN, 0);
                }
                fx_submit(f, WAIT_SW(round), status);
                FX_CHECK(name, peek32(f, status), round);
                FX_CHECK(name, fx_read64(f, IQH), f->tail);
                FX_CHECK(name, fx_read32(f, FSTS), 0);
            }
            fx_free(f);
        }
    }
}

/* IQE 6 for a tail inside a descriptor, 1 for one that is outside. */
static void test_tail(void)
{
    static const struct {
        uint64_t tail;
        unsigned iqei;
    } rows[] = {
        { 0x30, 6 }, { 0x10, 6 }, { 0xff0, 6 }, { 0x1000, 1 },
        { 0x7ffe0, 1 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *name = g_strdup_printf("tail 0x%" PRIx64,
                                                rows[i].tail);
        NyxVtdCfg cfg = scalable_cfg();
        Fx *f = new_unit(&cfg, 0);

        FX_CHECK(name, fx_read64(f, IQH), 0);
        fx_desc(f, WAIT_FN, 0);
        fx_write64(f, IQT, rows[i].tail);
        FX_CHECK(name, fx_read32(f, FSTS), FSTS_IQE);
        FX_CHECK(name, fx_read64(f, IQERCD), rows[i].iqei);
        FX_CHECK(name, fx_read64(f, IQH), 0);
        FX_CHECK(name, commands_done(f), 0);
        FX_CHECK(name, fx_findings(f, rows[i].iqei == 6
                                      ? NVTD_RULE_IQ_TAIL_ALIGN
                                      : NVTD_RULE_IQ_TAIL), 1);
        fx_write64(f, IQT, 0x20);
        fx_write32(f, FSTS, FSTS_IQE);
        FX_CHECK(name, fx_read32(f, FSTS), 0);
        FX_CHECK(name, fx_read64(f, IQH), 0x20);
        fx_free(f);
    }
}

/* 128-bit descriptors go with legacy mode only. */
static void test_width(void)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f = fx_new(&cfg);

    fx_queue_start(f, 0);
    fx_submit(f, WAIT_FN, 0);
    g_assert_cmphex(fx_read64(f, IQH), ==, 0x10);
    /* An empty queue is right in any mode. */
    fx_root_latch(f, 1);
    fx_ring(f);
    g_assert_cmphex(fx_read32(f, FSTS), ==, 0);
    fx_desc(f, WAIT_FN, 0);
    fx_ring(f);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_IQE);
    g_assert_cmphex(fx_read64(f, IQERCD), ==, 5);
    g_assert_cmphex(fx_read64(f, IQH), ==, 0x10);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_IQ_WIDTH), ==, 1);
    fx_gcmd(f, 26, false);
    fx_write32(f, FSTS, FSTS_IQE);
    fx_queue_start_wide(f, 0);
    check_accepted("wide", f, 0x37, 0);
    g_assert_cmphex(fx_read64(f, IQH), ==, 0x20);
    fx_free(f);
}

/* Without scalable mode DW is reserved. */
static void test_width_not_offered(void)
{
    Fx *f = fx_new(NULL);

    fx_queue_start_wide(f, 0);
    g_assert_cmphex(fx_read64(f, IQA), ==, f->queue);
    f->wide = false;
    check_accepted("narrow", f, WAIT_FN, 0);
    g_assert_cmphex(fx_read64(f, IQH), ==, 0x10);
    fx_free(f);
}

/* Abort mode has DW too, and wants it: TTM 3, ADMS without SMTS. */
static void test_width_abort(void)
{
    NyxVtdCfg cfg = fx_cfg();
    Fx *f;

    cfg.abort_dma = true;
    f = fx_new(&cfg);
    fx_write64(f, 0x20, f->root | 3 << 10);
    fx_gcmd(f, 30, true);
    fx_queue_start_wide(f, 0);
    g_assert_cmphex(fx_read64(f, IQA), ==, f->queue | 0x800);
    check_accepted("wide", f, 0x12, 0);
    fx_gcmd(f, 26, false);
    f->wide = false;
    fx_queue_start(f, 0);
    fx_submit(f, 0x12, 0);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_IQE);
    g_assert_cmphex(fx_read64(f, IQERCD), ==, 5);
    fx_free(f);
}

/* A descriptor half of which is not RAM. */
static void test_fetch(void)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f = new_unit(&cfg, 0);

    fx_mem_hole(&f->mem, f->queue + 0x18, f->queue + 0x1f);
    fx_write64(f, IQT, 0x20);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_IQE);
    g_assert_cmphex(fx_read64(f, IQERCD), ==, 2);
    g_assert_cmphex(fx_read64(f, IQH), ==, 0);
    fx_mem_no_hole(&f->mem);
    fx_free(f);
}

/* A head inside a descriptor is none that we would have saved. */
static void test_saved_head(void)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f = new_unit(&cfg, 0);
    NyxVtdSaved saved;

    fx_submit(f, WAIT_FN, 0);
    nyx_vtd_save(f->vtd, &saved);
    g_assert_cmphex(saved.regs[IQH], ==, 0x20);
    g_assert_null(nyx_vtd_load(f->vtd, &saved));
    check_accepted("loaded", f, 0x37, 0);
    saved.regs[IQH] = 0x30;
    g_assert_nonnull(nyx_vtd_load(f->vtd, &saved));
    fx_free(f);
}

/* 6.5.1: the registers are for legacy mode. */
static void test_registers(void)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f = fx_new(&cfg);

    fx_root_latch(f, 1);
    fx_write64(f, 0x28, 0xa000000000000000ULL);
    g_assert_cmphex(fx_read64(f, 0x28), ==, 0x2000000000000000ULL);
    fx_write64(f, 0x508, 0x9000000000000000ULL);
    g_assert_cmphex(fx_read64(f, 0x508), ==, 0x1000000000000000ULL);
    g_assert_cmpuint(commands_done(f), ==, 0);
    fx_free(f);
}

/* --- Device-TLBs ---------------------------------------------------------- */

typedef struct DevTlbRow {
    uint64_t lo, hi;
    NyxVtdDeviceTlb want;
} DevTlbRow;

static const DevTlbRow devtlb_rows[] = {
    { 0x01000008, 0, { 0, 0, 0x100, 12, true, false } },
    { 0x0001234502180008ULL, 0x12345000,
      { 0x12345000, 0x12345, 0x218, 12, true, false } },
    { 0x000fffffffff01f8ULL, 0xfffffffffffff001ULL,
      { 0xfffffffffffff000ULL, 0xfffff, 0xffff, 12, true, true } },
    { 0x00100008, 0x12345800, { 0x12344000, 0, 0x10, 14, true, false } },
    { 0x00100008, 0x400ff800, { 0x40000000, 0, 0x10, 21, true, false } },
    { 0x00100008, 0x5ffff801, { 0x40000000, 0, 0x10, 30, true, true } },
    { 0x00100008, 0x7ffffffffffff800ULL, { 0, 0, 0x10, 64, true, false } },
    { 0x00100008, 0xfffffffffffff801ULL, { 0, 0, 0x10, 64, true, true } },
    /* Without a PASID, in the same queue. */
    { 0x0000021800000003ULL, 0x400ff001,
      { 0x40000000, 0, 0x218, 21, false, false } },
};

static void test_device_tlb(void)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f = new_unit(&cfg, 0);

    for (unsigned i = 0; i < ARRAY_SIZE(devtlb_rows); i++) {
        const DevTlbRow *row = &devtlb_rows[i];
        g_autofree char *name = g_strdup_printf("0x%" PRIx64 " 0x%" PRIx64,
                                                row->lo, row->hi);
        NyxVtdDeviceTlb *seen;

        check_accepted(name, f, row->lo, row->hi);
        g_assert_cmpuint(f->devtlb->len, ==, i + 1);
        seen = &g_array_index(f->devtlb, NyxVtdDeviceTlb, i);
        FX_CHECK(name, seen->addr, row->want.addr);
        FX_CHECK(name, seen->lg2, row->want.lg2);
        FX_CHECK(name, seen->sid, row->want.sid);
        FX_CHECK(name, seen->has_pasid, row->want.has_pasid);
        FX_CHECK(name, seen->pasid, row->want.pasid);
        FX_CHECK(name, seen->global, row->want.global);
    }
    fx_free(f);
}

static void test_device_tlb_errors(void)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f = new_unit(&cfg, 0);

    f->ats_answer = NYX_VTD_ATS_BAD;
    fx_submit(f, 0x700120008ULL | 0x1234 << 16, 0);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_ICE);
    g_assert_cmphex(fx_read64(f, IQERCD) >> 48, ==, 0x1236);
    fx_write32(f, FSTS, FSTS_ICE);
    f->ats_answer = NYX_VTD_ATS_SILENT;
    fx_submit(f, 0x756780008ULL, 0);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_ITE);
    g_assert_cmphex(fx_read64(f, IQERCD) >> 32 & 0xffff, ==, 0x5678);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_DEVTLB_SILENT), ==, 1);
    fx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/pasid-queue/" name, fn)
    ADD("reserved-bits", test_reserved_bits);
    ADD("granularities", test_granularities);
    ADD("types", test_types);
    ADD("types-abort", test_types_abort);
    ADD("sizes", test_sizes);
    ADD("tail", test_tail);
    ADD("width", test_width);
    ADD("width-not-offered", test_width_not_offered);
    ADD("width-abort", test_width_abort);
    ADD("fetch", test_fetch);
    ADD("saved-head", test_saved_head);
    ADD("registers", test_registers);
    ADD("device-tlb", test_device_tlb);
    ADD("device-tlb-errors", test_device_tlb_errors);
    return g_test_run();
}
