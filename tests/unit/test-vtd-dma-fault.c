/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA requests of legacy mode that are refused: every reason by name with
 * its record, every reserved bit of root and context entries alone, FPD.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define IOVA 0x40201abcULL
#define SS_LEVELS 4

/* A mapped page, and what is broken of the way to it. */
typedef struct Scene {
    Fx *f;
    uint64_t ss;
    uint64_t root;           /* where the entries are */
    uint64_t ctx;
    GArray *undo;            /* gpa, value */
} Scene;

static void scene_poke(Scene *s, uint64_t gpa, uint64_t value)
{
    uint64_t old = fx_mem_peek(&s->f->mem, gpa);

    g_array_append_val(s->undo, gpa);
    g_array_append_val(s->undo, old);
    fx_mem_poke(&s->f->mem, gpa, value);
}

static void scene_or(Scene *s, uint64_t gpa, uint64_t bits)
{
    scene_poke(s, gpa, fx_mem_peek(&s->f->mem, gpa) | bits);
}

static void scene_clear(Scene *s, uint64_t gpa, uint64_t bits)
{
    scene_poke(s, gpa, fx_mem_peek(&s->f->mem, gpa) & ~bits);
}

static uint64_t scene_entry(Scene *s, unsigned level)
{
    return fx_entry(s->f, s->ss, SS_LEVELS, IOVA, level);
}

static void scene_mend(Scene *s)
{
    while (s->undo->len) {
        uint64_t *pair = &g_array_index(s->undo, uint64_t, s->undo->len - 2);

        fx_mem_poke(&s->f->mem, pair[0], pair[1]);
        g_array_set_size(s->undo, s->undo->len - 2);
    }
    fx_mem_no_hole(&s->f->mem);
}

static void scene_init(Scene *s, const NyxVtdCfg *cfg)
{
    s->f = fx_new(cfg);
    s->ss = fx_domain(s->f, FX_SID, FX_DID, SS_LEVELS);
    s->root = s->f->root;
    s->ctx = fx_context_addr(s->f, FX_SID);
    s->undo = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    fx_map(s->f, s->ss, SS_LEVELS, IOVA & ~0xfffULL, 0x9000, 12, FX_RW);
    fx_start(s->f);
}

static void scene_free(Scene *s)
{
    g_array_free(s->undo, TRUE);
    fx_free(s->f);
}

/* --- Every reason --------------------------------------------------------- */

static void root_not_present(Scene *s)
{
    /* What else is in it does not matter then. */
    scene_poke(s, s->root, 0xffffffffffffffffULL & ~1ULL);
}

static void root_reserved(Scene *s)
{
    scene_or(s, s->root, 1 << 1);
}

static void root_unreadable(Scene *s)
{
    fx_mem_hole(&s->f->mem, s->root, s->root + 15);
}

static void context_not_present(Scene *s)
{
    /* All the rest is set and does not matter. */
    scene_or(s, s->ctx, 0xfffffffffffffffcULL);
    scene_clear(s, s->ctx, 1);
}

static void context_reserved(Scene *s)
{
    scene_or(s, s->ctx, 1 << 4);
}

static void context_unreadable(Scene *s)
{
    fx_mem_hole(&s->f->mem, s->ctx, s->ctx + 15);
}

static void context_width(Scene *s)
{
    scene_poke(s, s->ctx + 8, FX_DID << 8 | 3);
}

static void context_type(Scene *s)
{
    scene_or(s, s->ctx, 3 << 2);
}

static void ss_root_unreadable(Scene *s)
{
    fx_mem_hole(&s->f->mem, s->ss, s->ss + 0xfff);
}

static void ss_table_unreadable(Scene *s)
{
    uint64_t at = scene_entry(s, 2);

    fx_mem_hole(&s->f->mem, at, at + 7);
}

static void ss_hole(Scene *s)
{
    scene_poke(s, scene_entry(s, 1), 0x9000);
}

static void ss_table_hole(Scene *s)
{
    scene_clear(s, scene_entry(s, 3), 3);
}

static void ss_read_only(Scene *s)
{
    scene_clear(s, scene_entry(s, 1), 2);
}

static void ss_write_only(Scene *s)
{
    scene_clear(s, scene_entry(s, 1), 1);
}

static void ss_reserved(Scene *s)
{
    scene_or(s, scene_entry(s, 1), 1ULL << 62);
}

static void ss_table_reserved(Scene *s)
{
    scene_or(s, scene_entry(s, 4), 1ULL << 7);
}

static void ss_interrupt_range(Scene *s)
{
    scene_poke(s, scene_entry(s, 1), 0xfee00003);
}

static void nothing(Scene *s)
{
}

typedef struct FaultRow {
    const char *name;
    void (*breaks)(Scene *s);
    NyxRequestType type;
    unsigned access;
    uint64_t iova;           /* 0: IOVA */
    unsigned code;
    bool qualified;
} FaultRow;

static const FaultRow fault_rows[] = {
    { "LRT.1", root_unreadable, 0, FX_R, 0, 0x8, false },
    { "LRT.2", root_not_present, 0, FX_R, 0, 0x1, false },
    { "LRT.3", root_reserved, 0, FX_W, 0, 0xa, false },
    { "LCT.1", context_unreadable, 0, FX_R, 0, 0x9, false },
    { "LCT.2", context_not_present, 0, FX_R, 0, 0x2, true },
    { "LCT.3", context_reserved, 0, FX_W, 0, 0xb, true },
    { "LCT.4.1 width", context_width, 0, FX_R, 0, 0x3, true },
    { "LCT.4.2 type", context_type, 0, FX_W, 0, 0x3, true },
    { "LCT.4.3 root", ss_root_unreadable, 0, FX_R, 0, 0x3, true },
    { "LCT.5 translation", nothing, 1, FX_R, 0, 0xd, true },
    { "LCT.5 translated", nothing, 2, FX_W, 0, 0xd, true },
    { "LGN.1", nothing, 0, FX_R, 1ULL << 48, 0x4, true },
    { "LGN.1 far", nothing, 0, FX_W, UINT64_MAX, 0x4, true },
    { "LGN.2", ss_read_only, 0, FX_W, 0, 0x5, true },
    { "LGN.2 hole", ss_hole, 0, FX_W, 0, 0x5, true },
    { "LGN.2 table hole", ss_table_hole, 0, FX_W, 0, 0x5, true },
    { "LGN.3", ss_write_only, 0, FX_R, 0, 0x6, true },
    { "LGN.3 hole", ss_hole, 0, FX_R, 0, 0x6, true },
    { "LGN.3 table hole", ss_table_hole, 0, FX_R, 0, 0x6, true },
    { "LGN.4", ss_interrupt_range, 0, FX_W, 0, 0xe, true },
    { "LSS.1", ss_table_unreadable, 0, FX_R, 0, 0x7, true },
    { "LSS.2", ss_reserved, 0, FX_R, 0, 0xc, true },
    { "LSS.2 table", ss_table_reserved, 0, FX_W, 0, 0xc, true },
};

static uint64_t row_hi(const FaultRow *row)
{
    return 1ULL << 63 | (uint64_t)!(row->access & FX_W) << 62 |
           (uint64_t)row->type << 60 | (uint64_t)row->code << 32 | FX_SID;
}

static void fault_row(Scene *s, const FaultRow *row, bool fpd)
{
    Fx *f = s->f;
    uint64_t iova = row->iova ? row->iova : IOVA;
    bool hidden = fpd && row->qualified;
    g_autofree char *name = g_strdup_printf("%s, FPD %u", row->name, fpd);
    unsigned index = nyx_vtd_fault_index(row->code);
    uint64_t count = nyx_vtd_fault_count(f->vtd, f->r, index);
    NyxVtdStats before = nyx_vtd_stats(f->vtd), after;
    FxRecord record;

    if (fpd) {
        scene_or(s, s->ctx, 2);
    }
    row->breaks(s);
    FX_CHECK(name, fx_request(f, row->type, row->access, iova).ok, false);
    record = fx_take_fault(f);
    FX_CHECK(name, record.valid, !hidden);
    FX_CHECK(name, record.lo, hidden ? 0 : iova & ~0xfffULL);
    FX_CHECK(name, record.hi, hidden ? 0 : row_hi(row));
    FX_CHECK(name, fx_read32(f, 0x34) & 0xff, 0);
    FX_CHECK(name, nyx_vtd_fault_count(f->vtd, f->r, index), count + 1);
    after = nyx_vtd_stats(f->vtd);
    FX_CHECK(name, after.faults_recorded - before.faults_recorded, !hidden);
    FX_CHECK(name, after.faults_dropped - before.faults_dropped, hidden);
    /* A finding in any case: FPD hides nothing from us. */
    FX_CHECK(name, fx_findings(f, NVTD_RULE_DMA_FAULT), 1);
    /* Nothing of a fault is cached when CM is 0: mended is mended. */
    scene_mend(s);
    FX_CHECK(name, fx_dma(f, FX_RW, IOVA), 0x9abc);
    fx_flush_context_global(f);
    fx_flush_iotlb_global(f);
    fx_forget(f);
}

static void test_every_code(void)
{
    Scene s;

    scene_init(&s, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(fault_rows); i++) {
        fault_row(&s, &fault_rows[i], false);
        fault_row(&s, &fault_rows[i], true);
    }
    scene_free(&s);
}

/* FPD counts as soon as the entry is read: with P = 0 as well. */
static void test_fpd_not_present(void)
{
    Scene s;

    scene_init(&s, NULL);
    scene_poke(&s, s.ctx, 2);
    g_assert_cmphex(fx_dma(s.f, FX_R, IOVA), ==, FX_REFUSED);
    g_assert_cmphex(fx_read32(s.f, 0x34), ==, 0);
    scene_poke(&s, s.ctx, 0);
    g_assert_cmphex(fx_dma(s.f, FX_R, IOVA), ==, FX_REFUSED);
    g_assert_cmpuint(fx_take_code(s.f), ==, 2);
    scene_free(&s);
}

/* FPD comes from the cache with the rest of the context, and on hits. */
static void test_fpd_cached(void)
{
    Scene s;

    scene_init(&s, NULL);
    scene_or(&s, s.ctx, 2);
    fx_mem_poke(&s.f->mem, scene_entry(&s, 1), 0x9001);
    g_assert_cmphex(fx_dma(s.f, FX_R, IOVA), ==, 0x9abc);
    scene_mend(&s);
    g_assert_cmphex(fx_dma(s.f, FX_W, IOVA), ==, FX_REFUSED);
    g_assert_cmphex(fx_dma(s.f, FX_W, 0), ==, FX_REFUSED);
    g_assert_cmphex(fx_read32(s.f, 0x34), ==, 0);
    fx_flush_context_global(s.f);
    g_assert_cmphex(fx_dma(s.f, FX_W, IOVA), ==, FX_REFUSED);
    g_assert_cmpuint(fx_take_code(s.f), ==, 5);
    scene_free(&s);
}

/* --- Translation table mode, PASID ---------------------------------------- */

static void test_table_mode(void)
{
    for (unsigned ttm = 1; ttm < 4; ttm++) {
        Scene s;

        scene_init(&s, NULL);
        nyx_vtd_reset(s.f->vtd);
        fx_root_latch(s.f, ttm);
        g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_RTADDR_TTM), ==, 1);
        fx_gcmd(s.f, 31, true);
        s.f->mem.reads = 0;
        g_assert_cmphex(fx_dma(s.f, FX_R, IOVA), ==, FX_REFUSED);
        g_assert_cmpuint(s.f->mem.reads, ==, 0);
        g_assert_cmphex(fx_take_fault(s.f).hi, ==, 0xc000003000000010ULL);
        scene_free(&s);
    }
}

typedef struct PasidRow {
    unsigned access;
    NyxRequestType type;
    uint32_t pasid;
    uint64_t hi;
} PasidRow;

static const PasidRow pasid_rows[] = {
    { FX_R, 0, 7, 0xc000073180000010ULL },
    { FX_W, 0, 7, 0x8000073180000010ULL },
    { FX_R, 0, 0, 0xc000003180000010ULL },
    { FX_R, 0, 0xfffff, 0xc0ffff3180000010ULL | 0xfULL << 56 },
    { FX_R | NYX_ACCESS_EXEC, 0, 1, 0xc0000131c0000010ULL },
    { FX_R | NYX_ACCESS_PRIV, 0, 1, 0xc0000131a0000010ULL },
    { FX_W | NYX_ACCESS_PRIV, 0, 1, 0x80000131a0000010ULL },
    { FX_R, 1, 7, 0xd000073180000010ULL },
    { FX_W, 2, 7, 0xa000073180000010ULL },
    { NYX_ACCESS_ATOMIC, 0, 7, 0xc000073190000010ULL },
};

/* 31h is unqualified and comes before any table. */
static void test_pasid(void)
{
    Scene s;

    scene_init(&s, NULL);
    scene_or(&s, s.ctx, 2);
    g_assert_cmphex(fx_dma(s.f, FX_R, IOVA), ==, 0x9abc);
    s.f->mem.reads = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(pasid_rows); i++) {
        const PasidRow *row = &pasid_rows[i];
        NyxRequest req = {
            .type = row->type, .access = row->access, .iova = IOVA,
            .pasid = row->pasid, .has_pasid = true,
        };
        g_autofree char *name = g_strdup_printf("PASID row %u", i);
        NyxReply reply;
        FxRecord record;

        FX_CHECK(name, nyx_vtd_translate(s.f->r, FX_SID, &req, &reply), 0);
        record = fx_take_fault(s.f);
        FX_CHECK(name, record.hi, row->hi);
        FX_CHECK(name, record.lo, IOVA & ~0xfffULL);
    }
    g_assert_cmpuint(s.f->mem.reads, ==, 0);
    scene_free(&s);
}

/* Without device-TLBs the record says nothing of the address type. */
static void test_no_address_type(void)
{
    NyxVtdCfg cfg = fx_cfg();
    Scene s;

    cfg.device_iotlb = false;
    scene_init(&s, &cfg);
    g_assert_false(fx_request(s.f, 1, FX_R, IOVA).ok);
    g_assert_cmphex(fx_take_fault(s.f).hi, ==, 0xc000000d00000010ULL);
    g_assert_false(fx_request(s.f, 2, FX_W, IOVA).ok);
    g_assert_cmphex(fx_take_fault(s.f).hi, ==, 0x8000000d00000010ULL);
    scene_free(&s);
}

/* --- Reserved bits, each alone -------------------------------------------- */

/* One request for each of the 64 bits of the word at @gpa. */
static void each_bit(Scene *s, const char *name, uint64_t gpa, uint64_t mask,
                     unsigned code)
{
    uint64_t word = fx_mem_peek(&s->f->mem, gpa);

    for (unsigned bit = 0; bit < 64; bit++) {
        g_autofree char *row = g_strdup_printf("%s, bit %u", name, bit);
        bool reserved = mask >> bit & 1;
        uint64_t addr;
        unsigned found;

        if (word >> bit & 1) {
            continue;
        }
        scene_poke(s, gpa, word | 1ULL << bit);
        addr = fx_dma(s->f, FX_R, IOVA);
        found = fx_take_code(s->f);
        if (reserved) {
            FX_CHECK(row, addr, FX_REFUSED);
            FX_CHECK(row, found, code);
        } else {
            FX_CHECK(row, found == code, false);
        }
        scene_mend(s);
        fx_flush_context_global(s->f);
        fx_flush_iotlb_global(s->f);
    }
}

/* Typed for an address width of 46. */
static void test_reserved_bits(void)
{
    Scene s;

    scene_init(&s, NULL);
    each_bit(&s, "root low", s.root, 0xffffc00000000ffeULL, 0xa);
    each_bit(&s, "root high", s.root + 8, UINT64_MAX, 0xa);
    each_bit(&s, "context low", s.ctx, 0xffffc00000000ff0ULL, 0xb);
    each_bit(&s, "context high", s.ctx + 8, 0xffffffffff000080ULL, 0xb);
    scene_free(&s);
}

/* What software may use: bits 70:67 of the context entry. */
static void test_ignored_bits(void)
{
    Scene s;

    scene_init(&s, NULL);
    scene_or(&s, s.ctx + 8, 0x78);
    g_assert_cmphex(fx_dma(s.f, FX_RW, IOVA), ==, 0x9abc);
    scene_free(&s);
}

/* Reserved address bits follow the host address width. */
static void test_reserved_by_width(void)
{
    static const unsigned haws[] = { 32, 39, 46, 52 };

    for (unsigned i = 0; i < ARRAY_SIZE(haws); i++) {
        NyxVtdCfg cfg = fx_cfg();
        Scene s;

        cfg.haw_bits = haws[i];
        scene_init(&s, &cfg);
        g_assert_cmphex(fx_dma(s.f, FX_RW, IOVA), ==, 0x9abc);
        fx_flush_context_global(s.f);
        fx_flush_iotlb_global(s.f);
        for (unsigned bit = haws[i] - 1; bit <= haws[i]; bit++) {
            bool beyond = bit == haws[i];

            scene_or(&s, s.root, 1ULL << bit);
            fx_dma(s.f, FX_R, IOVA);
            g_assert_cmpuint(fx_take_code(s.f), ==, beyond ? 0xa : 0x9);
            scene_mend(&s);
            scene_or(&s, s.ctx, 1ULL << bit);
            fx_dma(s.f, FX_R, IOVA);
            g_assert_cmpuint(fx_take_code(s.f), ==, beyond ? 0xb : 0x3);
            scene_mend(&s);
            fx_flush_context_global(s.f);
        }
        scene_free(&s);
    }
}

/* --- Context programming -------------------------------------------------- */

/* All widths and types against all units: 3 for what is not offered. */
static void programming(unsigned aw_bits, bool dt, bool pt)
{
    NyxVtdCfg cfg = fx_cfg();
    unsigned widest = (aw_bits - 30) / 9;
    Scene s;

    cfg.aw_bits = aw_bits;
    cfg.device_iotlb = dt;
    cfg.pass_through = pt;
    scene_init(&s, &cfg);
    for (unsigned i = 0; i < 32; i++) {
        unsigned aw = i / 4, tt = i % 4;
        bool offered = aw >= 1 && aw <= widest &&
                       (tt == 0 || (tt == 1 && dt) ||
                        (tt == 2 && pt && aw == widest));
        g_autofree char *row = g_strdup_printf(
            "%u bits, DT %u, PT %u: AW %u, TT %u", aw_bits, dt, pt, aw, tt);

        scene_poke(&s, s.ctx, s.ss | tt << 2 | 1);
        scene_poke(&s, s.ctx + 8, FX_DID << 8 | aw);
        fx_dma(s.f, FX_R, 0);
        FX_CHECK(row, fx_take_code(s.f) == 3, !offered);
        scene_mend(&s);
        fx_flush_context_global(s.f);
        fx_flush_iotlb_global(s.f);
    }
    scene_free(&s);
}

static void test_programming(void)
{
    for (unsigned i = 0; i < 12; i++) {
        programming(39 + i / 4 * 9, i & 1, i & 2);
    }
}

/* A narrow domain in a wide unit: its own limit counts. */
static void test_width_of_domain(void)
{
    Fx *f = fx_new(NULL);
    uint64_t ss = fx_domain(f, FX_SID, FX_DID, 3);

    fx_start(f);
    fx_map(f, ss, 3, 0x7ffffff000ULL, 0x9000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_R, 0x7fffffffffULL), ==, 0x9fff);
    g_assert_cmphex(fx_dma(f, FX_R, 0x8000000000ULL), ==, FX_REFUSED);
    g_assert_cmpuint(fx_take_code(f), ==, 4);
    /* No aliasing of the bits above. */
    g_assert_cmphex(fx_dma(f, FX_R, 0xfffffff000ULL), ==, FX_REFUSED);
    g_assert_cmpuint(fx_take_code(f), ==, 4);
    fx_free(f);
}

/* --- Order ---------------------------------------------------------------- */

/* Of two things that are wrong the first in the manual's order is told. */
static void test_order(void)
{
    Scene s;

    scene_init(&s, NULL);
    root_reserved(&s);
    context_not_present(&s);
    fx_dma(s.f, FX_R, IOVA);
    g_assert_cmpuint(fx_take_code(s.f), ==, 0xa);
    scene_mend(&s);
    context_reserved(&s);
    context_width(&s);
    fx_dma(s.f, FX_R, IOVA);
    g_assert_cmpuint(fx_take_code(s.f), ==, 0xb);
    scene_mend(&s);
    context_type(&s);
    fx_request(s.f, 1, FX_R, 1ULL << 50);
    g_assert_cmpuint(fx_take_code(s.f), ==, 0x3);
    scene_mend(&s);
    fx_request(s.f, 1, FX_R, 1ULL << 50);
    g_assert_cmpuint(fx_take_code(s.f), ==, 0xd);
    ss_root_unreadable(&s);
    fx_dma(s.f, FX_R, 1ULL << 50);
    g_assert_cmpuint(fx_take_code(s.f), ==, 0x4);
    scene_mend(&s);
    ss_reserved(&s);
    ss_read_only(&s);
    fx_dma(s.f, FX_W, IOVA);
    g_assert_cmpuint(fx_take_code(s.f), ==, 0x5);
    fx_dma(s.f, FX_R, IOVA);
    g_assert_cmpuint(fx_take_code(s.f), ==, 0xc);
    scene_free(&s);
}

/* --- Findings ------------------------------------------------------------- */

static void test_findings(void)
{
    NyxVtdCfg cfg = fx_cfg();
    Scene s;
    uint64_t other;

    cfg.caching_mode = true;
    scene_init(&s, &cfg);
    /* One domain id, two page tables. */
    other = fx_domain(s.f, FX_SID + 8, FX_DID, SS_LEVELS);
    fx_map(s.f, other, SS_LEVELS, 0, 0x1000, 12, FX_RW);
    g_assert_cmphex(fx_dma(s.f, FX_R, IOVA), ==, 0x9abc);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_DID_SHARED), ==, 0);
    nyx_vtd_translate(s.f->r, FX_SID + 8, &(NyxRequest) { .access = FX_R },
                      &(NyxReply) { });
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_DID_SHARED), ==, 1);
    /* Not after the domain was flushed: it may have got a new table. */
    fx_flush_iotlb_global(s.f);
    fx_flush_context_global(s.f);
    g_assert_cmphex(fx_dma(s.f, FX_R, IOVA), ==, 0x9abc);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_DID_SHARED), ==, 1);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_CM_DID0), ==, 0);
    scene_poke(&s, s.ctx + 8, 2);
    fx_flush_context_global(s.f);
    fx_dma(s.f, FX_R, IOVA);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_CM_DID0), ==, 1);
    scene_free(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/dma-fault/" name, fn)
    ADD("every-code", test_every_code);
    ADD("fpd-not-present", test_fpd_not_present);
    ADD("fpd-cached", test_fpd_cached);
    ADD("table-mode", test_table_mode);
    ADD("pasid", test_pasid);
    ADD("no-address-type", test_no_address_type);
    ADD("reserved-bits", test_reserved_bits);
    ADD("ignored-bits", test_ignored_bits);
    ADD("reserved-by-width", test_reserved_by_width);
    ADD("programming", test_programming);
    ADD("width-of-domain", test_width_of_domain);
    ADD("order", test_order);
    ADD("findings", test_findings);
    return g_test_run();
}
