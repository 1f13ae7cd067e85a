/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of nyx-vtd as software sees them: what each bit does when it
 * is written, widths of accesses, the global command handshake.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define GCMD 0x18
#define GSTS 0x1c

#define TE (1u << 31)
#define SRTP (1u << 30)
#define SFL (1u << 29)
#define EAFL (1u << 28)
#define WBF (1u << 27)
#define QIE (1u << 26)
#define IRE (1u << 25)
#define SIRTP (1u << 24)
#define CFI (1u << 23)

/* --- What each bit does --------------------------------------------------- */

typedef struct RegRow {
    const char *name;
    uint32_t offset;
    unsigned size;
    uint64_t reset;
    uint64_t rw;
    uint64_t skip;           /* triggers, tested elsewhere */
} RegRow;

/* For fx_cfg(): 48 bits, host width 46, EIM. */
static const RegRow reg_rows[] = {
    { "VER", 0x000, 4, 0x10, 0, 0 },
    { "CAP", 0x008, 8, 0x00d2038c406f0666ULL, 0, 0 },
    { "ECAP", 0x010, 8, 0x00f050df, 0, 0 },
    { "GSTS", 0x01c, 4, 0, 0, 0 },
    { "RTADDR", 0x020, 8, 0, 0xfffffffffffffc00ULL, 0 },
    /* 31:16 SID and 33:32 FM are write-only. */
    { "CCMD", 0x028, 8, 0, 0x600000000000ffffULL, 1ULL << 63 },
    { "FSTS", 0x034, 4, 0, 0, 0 },
    { "FECTL", 0x038, 4, 0x80000000, 0x80000000, 0 },
    { "FEDATA", 0x03c, 4, 0, 0x0000ffff, 0 },
    { "FEADDR", 0x040, 4, 0, 0xfffffffc, 0 },
    { "FEUADDR", 0x044, 4, 0, 0xffffffff, 0 },
    { "AFLOG", 0x058, 8, 0, 0, 0 },
    { "PLMBASE", 0x068, 4, 0, 0xffe00000, 0 },
    { "PLMLIMIT", 0x06c, 4, 0, 0xffe00000, 0 },
    { "PHMBASE", 0x070, 8, 0, 0x00003fffffe00000ULL, 0 },
    { "PHMLIMIT", 0x078, 8, 0, 0x00003fffffe00000ULL, 0 },
    { "IQH", 0x080, 8, 0, 0, 0 },
    { "IQT", 0x088, 8, 0, 0x7fff0, 0 },
    { "IQA", 0x090, 8, 0, 0xfffffffffffff007ULL, 0 },
    { "ICS", 0x09c, 4, 0, 0, 0 },
    { "IECTL", 0x0a0, 4, 0x80000000, 0x80000000, 0 },
    { "IEDATA", 0x0a4, 4, 0, 0x0000ffff, 0 },
    { "IEADDR", 0x0a8, 4, 0, 0xfffffffc, 0 },
    { "IEUADDR", 0x0ac, 4, 0, 0xffffffff, 0 },
    { "IQERCD", 0x0b0, 8, 0, 0, 0 },
    { "IRTA", 0x0b8, 8, 0, 0xfffffffffffff80fULL, 0 },
    { "PQH", 0x0c0, 8, 0, 0, 0 },
    { "PQT", 0x0c8, 8, 0, 0, 0 },
    { "PQA", 0x0d0, 8, 0, 0, 0 },
    { "PRS", 0x0dc, 4, 0, 0, 0 },
    { "PECTL", 0x0e0, 4, 0, 0, 0 },
    { "MTRRCAP", 0x100, 8, 0, 0, 0 },
    { "FRCD[0] low", 0x400, 8, 0, 0, 0 },
    { "FRCD[3] high", 0x438, 8, 0, 0, 0 },
    { "FRCD[4] low, not there", 0x440, 8, 0, 0, 0 },
    { "IVA", 0x500, 8, 0, 0, 0 },
    { "IOTLB", 0x508, 8, 0, 0x3003ffff00000000ULL, 1ULL << 63 },
    { "VCCAP", 0xe30, 8, 0, 0, 0 },
};

static uint64_t reg_read(Fx *f, const RegRow *row)
{
    return nyx_vtd_mmio_read(f->vtd, row->offset, row->size);
}

/* What reads back after @value was written. */
static uint64_t after(const RegRow *row, uint64_t value)
{
    return (row->reset & ~row->rw) | (value & row->rw);
}

static void reg_values(Fx *f, const RegRow *row, uint64_t value)
{
    g_autofree char *name = g_strdup_printf("%s, 0x%" PRIx64, row->name,
                                            value);
    uint32_t low = value, high = value >> 32;

    nyx_vtd_mmio_write(f->vtd, row->offset, value, row->size);
    FX_CHECK(name, reg_read(f, row), after(row, value));
    FX_CHECK(name, fx_read32(f, row->offset), (uint32_t)after(row, value));
    if (row->size == 4) {
        return;
    }
    FX_CHECK(name, fx_read32(f, row->offset + 4), after(row, value) >> 32);
    /* In halves, either first; a half leaves the other one alone. */
    nyx_vtd_mmio_write(f->vtd, row->offset, ~value & ~row->skip, 8);
    fx_write32(f, row->offset + 4, high);
    FX_CHECK(name, reg_read(f, row),
             after(row, (uint64_t)high << 32 | (uint32_t)~low));
    fx_write32(f, row->offset, low);
    FX_CHECK(name, reg_read(f, row), after(row, value));
}

static void test_bits(void)
{
    Fx *f = fx_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        const RegRow *row = &reg_rows[i];
        uint64_t ones = row->size == 8 ? UINT64_MAX : UINT32_MAX;

        FX_CHECK(row->name, reg_read(f, row), row->reset);
        reg_values(f, row, ones & ~row->skip);
        reg_values(f, row, 0);
        for (unsigned bit = 0; bit < row->size * 8; bit++) {
            if (!(row->skip >> bit & 1)) {
                reg_values(f, row, 1ULL << bit);
            }
        }
        nyx_vtd_reset(f->vtd);
        FX_CHECK(row->name, reg_read(f, row), row->reset);
    }
    g_assert_cmpuint(f->messages->len, ==, 0);
    fx_free(f);
}

/* No register changes when another one is written. */
static void test_neighbours(void)
{
    Fx *f = fx_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        const RegRow *row = &reg_rows[i];

        nyx_vtd_mmio_write(f->vtd, row->offset, UINT64_MAX & ~row->skip,
                           row->size);
        for (unsigned j = 0; j < ARRAY_SIZE(reg_rows); j++) {
            FX_CHECK(row->name, reg_read(f, &reg_rows[j]),
                     j == i ? after(row, UINT64_MAX) : reg_rows[j].reset);
        }
        nyx_vtd_reset(f->vtd);
    }
    fx_free(f);
}

/* What some bits need: without EIM, interrupt remapping, width. */
static void test_by_capability(void)
{
    NyxVtdCfg cfg = fx_cfg();
    Fx *f;

    cfg.eim = false;
    cfg.haw_bits = 39;
    f = fx_new(&cfg);
    fx_write64(f, 0x40, UINT64_MAX);
    g_assert_cmphex(fx_read64(f, 0x40), ==, 0xfffffffc);
    fx_write64(f, 0xa8, UINT64_MAX);
    g_assert_cmphex(fx_read64(f, 0xa8), ==, 0xfffffffc);
    fx_write64(f, 0xb8, UINT64_MAX);
    g_assert_cmphex(fx_read64(f, 0xb8), ==, 0xfffffffffffff00fULL);
    fx_write64(f, 0x70, UINT64_MAX);
    g_assert_cmphex(fx_read64(f, 0x70), ==, 0x7fffe00000ULL);
    fx_free(f);
    cfg.intremap = false;
    f = fx_new(&cfg);
    fx_write64(f, 0xb8, UINT64_MAX);
    g_assert_cmphex(fx_read64(f, 0xb8), ==, 0);
    fx_free(f);
}

/* --- Bits that are cleared by writing 1 ----------------------------------- */

/* Every status bit on, by way of a saved state that has them. */
static Fx *new_all_status(void)
{
    Fx *f = fx_new(NULL);
    NyxVtdSaved saved;

    nyx_vtd_save(f->vtd, &saved);
    stl_le_p(saved.regs + 0x34, 0x73);
    stl_le_p(saved.regs + 0x9c, 1);
    stq_le_p(saved.regs + 0x408, 0x8000000500000010ULL);
    g_assert_cmpstr(nyx_vtd_load(f->vtd, &saved), ==, NULL);
    g_assert_cmphex(fx_read32(f, 0x34), ==, 0x73);
    g_assert_cmphex(fx_read32(f, 0x9c), ==, 1);
    return f;
}

static void test_w1c(void)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        Fx *f = new_all_status();
        /* PFO, IQE, ICE, ITE; not PPF and not FRI. */
        uint32_t clears = 0x71 & 1u << bit;
        g_autofree char *row = g_strdup_printf("bit %u", bit);

        fx_write32(f, 0x34, 0);
        FX_CHECK(row, fx_read32(f, 0x34), 0x73);
        fx_write32(f, 0x34, 1u << bit);
        FX_CHECK(row, fx_read32(f, 0x34), 0x73 & ~clears);
        fx_write32(f, 0x9c, 0);
        FX_CHECK(row, fx_read32(f, 0x9c), 1);
        fx_write32(f, 0x9c, 1u << bit);
        FX_CHECK(row, fx_read32(f, 0x9c), bit != 0);
        fx_write32(f, 0x40c, 1u << bit);
        FX_CHECK(row, fx_read64(f, 0x408),
                 bit == 31 ? 0x0000000500000010ULL : 0x8000000500000010ULL);
        fx_free(f);
    }
}

/* --- Protected memory ----------------------------------------------------- */

static void test_pmen(void)
{
    Fx *f = fx_new(NULL);

    for (unsigned bit = 0; bit < 31; bit++) {
        fx_write32(f, 0x64, 1u << bit);
        g_assert_cmphex(fx_read32(f, 0x64), ==, 0);
    }
    fx_write32(f, 0x64, 0x80000000);
    g_assert_cmphex(fx_read32(f, 0x64), ==, 0x80000001);
    fx_write32(f, 0x64, 1);
    g_assert_cmphex(fx_read32(f, 0x64), ==, 0);
    /* Granularity is found by writing ones. */
    fx_write64(f, 0x68, UINT64_MAX);
    g_assert_cmphex(fx_read64(f, 0x68), ==, 0xffe00000ffe00000ULL);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_READ_ONLY), ==, 0);
    fx_free(f);
}

/* --- Widths and alignment ------------------------------------------------- */

/* 8-byte writes that reach two registers of 4 bytes; QEMU aborts on some. */
static void test_wide(void)
{
    Fx *f = new_all_status();

    fx_write64(f, 0x38, 0x0000123400000000ULL);
    g_assert_cmphex(fx_read64(f, 0x38), ==, 0x0000123400000000ULL);
    fx_write64(f, 0xa0, 0x0000567800000000ULL);
    g_assert_cmphex(fx_read64(f, 0xa0), ==, 0x0000567800000000ULL);
    fx_write64(f, 0x40, 0x01234567fee01004ULL);
    g_assert_cmphex(fx_read64(f, 0x40), ==, 0x01234567fee01004ULL);
    fx_write64(f, 0xa8, 0x01234567fee02008ULL);
    g_assert_cmphex(fx_read64(f, 0xa8), ==, 0x01234567fee02008ULL);
    /* FSTS, PMEN, ICS are the upper half of their quadwords. */
    fx_write64(f, 0x30, 0x0000007100000000ULL);
    g_assert_cmphex(fx_read32(f, 0x34), ==, 0x2);
    fx_write64(f, 0x60, 0x8000000000000000ULL);
    g_assert_cmphex(fx_read64(f, 0x60), ==, 0x8000000100000000ULL);
    fx_write64(f, 0x98, 0x0000000100000000ULL);
    g_assert_cmphex(fx_read64(f, 0x98), ==, 0);
    /* GCMD and GSTS: the command counts, the status is not written. */
    fx_write64(f, 0x18, 0xffffffff00000000ULL | SRTP);
    g_assert_cmphex(fx_read64(f, 0x18), ==, (uint64_t)SRTP << 32);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_UNALIGNED), ==, 0);
    fx_free(f);
}

/* All offsets and sizes that are not aligned dwords or quadwords. */
static void test_unaligned(void)
{
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    Fx *f = fx_new(NULL);
    unsigned found = 0;

    for (uint32_t offset = 0; offset < 0x600; offset++) {
        for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
            if (sizes[i] >= 4 && offset % sizes[i] == 0) {
                continue;
            }
            nyx_vtd_mmio_write(f->vtd, offset, UINT64_MAX, sizes[i]);
            g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_UNALIGNED), ==,
                             ++found);
            nyx_vtd_mmio_read(f->vtd, offset, sizes[i]);
            g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_UNALIGNED), ==,
                             ++found);
        }
    }
    /* None of them did anything. */
    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        FX_CHECK(reg_rows[i].name, reg_read(f, &reg_rows[i]),
                 reg_rows[i].reset);
    }
    g_assert_cmpuint(fx_all_findings(f), ==, found);
    fx_free(f);
}

static void test_unknown(void)
{
    static const uint32_t offsets[] = {
        0x4, 0x30, 0x48, 0x50, 0x58, 0x60, 0x98, 0xc0, 0x100, 0x440, 0x4f8,
        0x510, 0xe00, 0xff8, 0xffc,
    };
    Fx *f = fx_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
        fx_write32(f, offsets[i], 0xffffffff);
        g_assert_cmphex(fx_read32(f, offsets[i]), ==, 0);
        g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_UNKNOWN), ==, i + 1);
    }
    /* The block ends here. */
    fx_write32(f, 0x1000, 1);
    g_assert_cmphex(fx_read32(f, 0x1000), ==, 0);
    fx_write64(f, 0xffffff00, 1);
    g_assert_cmphex(fx_read64(f, 0xffffff00), ==, 0);
    nyx_vtd_mmio_write(f->vtd, 0x100000018ULL, TE, 4);
    g_assert_cmphex(nyx_vtd_mmio_read(f->vtd, 0x100000008ULL, 8), ==, 0);
    g_assert_cmphex(fx_read32(f, GSTS), ==, 0);
    fx_free(f);
}

/* Reads tell no mistakes, writes those that they are. */
static void test_findings(void)
{
    Fx *f = fx_new(NULL);

    for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
        fx_read32(f, offset);
    }
    g_assert_cmpuint(fx_all_findings(f), ==, 0);
    fx_write64(f, 0x8, 1);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_READ_ONLY), ==, 1);
    /* Zero asks for nothing. */
    fx_write64(f, 0x8, 0);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_READ_ONLY), ==, 1);
    fx_write64(f, 0x20, 0x1000);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_RESERVED), ==, 0);
    fx_write64(f, 0x20, 0x1200);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_RESERVED), ==, 1);
    fx_write32(f, 0x34, 0xffff);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_RESERVED), ==, 1);
    fx_write32(f, 0x34, 0x10000);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_RESERVED), ==, 2);
    g_assert_cmpuint(fx_all_findings(f), ==, 3);
    fx_free(f);
}

/* --- Global command ------------------------------------------------------- */

/* GCMD itself reads as zero; GSTS has the outcome. */
static void test_gcmd_read(void)
{
    Fx *f = fx_new(NULL);

    fx_write32(f, GCMD, SRTP);
    g_assert_cmphex(fx_read32(f, GCMD), ==, 0);
    g_assert_cmphex(fx_read32(f, GSTS), ==, SRTP);
    fx_free(f);
}

/* One command after another as Linux gives them. */
static void test_gcmd_sequence(void)
{
    static const struct {
        uint32_t gcmd, gsts;
    } steps[] = {
        { SRTP, SRTP },
        { TE, SRTP | TE },
        { TE | SIRTP, SRTP | TE | SIRTP },
        { TE | QIE, SRTP | TE | SIRTP | QIE },
        { TE | QIE | IRE, SRTP | TE | SIRTP | QIE | IRE },
        { TE | QIE | IRE | CFI, SRTP | TE | SIRTP | QIE | IRE | CFI },
        /* 0 in a persistent bit disables. */
        { TE | QIE | IRE, SRTP | TE | SIRTP | QIE | IRE },
        { QIE | IRE, SRTP | SIRTP | QIE | IRE },
        { QIE, SRTP | SIRTP | QIE },
        { 0, SRTP | SIRTP },
        { SRTP, SRTP | SIRTP },
    };
    Fx *f = fx_new(NULL);

    fx_write64(f, 0x20, f->root);
    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
        g_autofree char *row = g_strdup_printf("step %u", i);

        fx_write32(f, GCMD, steps[i].gcmd);
        FX_CHECK(row, fx_read32(f, GSTS), steps[i].gsts);
        /* Nothing but pointers that were not flushed for. */
        FX_CHECK(row, fx_all_findings(f),
                 fx_findings(f, NVTD_RULE_SRTP_NO_FLUSH) +
                 fx_findings(f, NVTD_RULE_SIRTP_NO_FLUSH));
    }
    g_assert_cmpuint(f->events[NYX_VTD_EV_COMMAND], ==, ARRAY_SIZE(steps));
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).commands, ==, ARRAY_SIZE(steps));
    fx_free(f);
}

/* Other drivers' habits: what is carried along with each change. */
static void test_gcmd_habits(void)
{
    static const struct {
        const char *name;
        uint32_t carry;
    } habits[] = {
        { "Linux, shadow of enables", TE | EAFL | QIE | IRE | CFI },
        { "edk2, one-shots masked", 0x96ffffff },
        { "Xen, raw status", 0xffffffff },
    };
    static const uint32_t on[] = { SRTP, TE, QIE, SIRTP, IRE, CFI };
    static const uint32_t off[] = { CFI, IRE, QIE, TE };

    for (unsigned i = 0; i < ARRAY_SIZE(habits); i++) {
        Fx *f = fx_new(NULL);
        const char *name = habits[i].name;
        uint32_t want = 0;

        fx_write64(f, 0x20, f->root);
        fx_write64(f, 0xb8, fx_mem_pages(&f->mem, 1));
        for (unsigned j = 0; j < ARRAY_SIZE(on); j++) {
            fx_write32(f, GCMD, (fx_read32(f, GSTS) & habits[i].carry) |
                                on[j]);
            want |= on[j];
            FX_CHECK(name, fx_read32(f, GSTS), want);
        }
        for (unsigned j = 0; j < ARRAY_SIZE(off); j++) {
            fx_write32(f, GCMD, fx_read32(f, GSTS) & habits[i].carry &
                                ~off[j]);
            want &= ~off[j];
            FX_CHECK(name, fx_read32(f, GSTS), want);
        }
        FX_CHECK(name, fx_findings(f, NVTD_RULE_GCMD_SEVERAL), 0);
        FX_CHECK(name, fx_findings(f, NVTD_RULE_GCMD_DROPS_ENABLE), 0);
        FX_CHECK(name, fx_findings(f, NVTD_RULE_GCMD_NO_CAP), 0);
        fx_free(f);
    }
}

/* Several at once all take effect, and are told. */
static void test_gcmd_several(void)
{
    Fx *f = fx_new(NULL);

    fx_write64(f, 0x20, f->root);
    fx_write32(f, GCMD, SRTP | TE);
    g_assert_cmphex(fx_read32(f, GSTS), ==, SRTP | TE);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_GCMD_SEVERAL), ==, 1);
    /* The root was latched before translation began. */
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_TE_NO_ROOT), ==, 0);
    fx_write32(f, GCMD, TE | QIE | IRE | SIRTP);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_GCMD_SEVERAL), ==, 2);
    g_assert_cmphex(fx_read32(f, GSTS), ==, SRTP | TE | QIE | IRE | SIRTP);
    fx_write32(f, GCMD, 0);
    g_assert_cmphex(fx_read32(f, GSTS), ==, SRTP | SIRTP);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_GCMD_SEVERAL), ==, 3);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_GCMD_DROPS_ENABLE), ==, 0);
    fx_free(f);
}

/* An enable that was not carried along is off. */
static void test_gcmd_drops(void)
{
    Fx *f = fx_new(NULL);

    fx_start(f);
    g_assert_true(nyx_vtd_translating(f->vtd));
    fx_write32(f, GCMD, QIE);
    g_assert_false(nyx_vtd_translating(f->vtd));
    g_assert_cmphex(fx_read32(f, GSTS), ==, SRTP | QIE);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_GCMD_DROPS_ENABLE), ==, 1);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_GCMD_SEVERAL), ==, 0);
    fx_free(f);
}

/* Not offered: ignored, told, and never left on. */
static void check_not_offered(Fx *f, uint32_t bit, uint64_t n)
{
    fx_write32(f, GCMD, bit);
    g_assert_cmphex(fx_read32(f, GSTS), ==, 0);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_GCMD_NO_CAP), ==, n);
}

static void test_gcmd_not_offered(void)
{
    NyxVtdCfg cfg = fx_cfg();
    Fx *f = fx_new(NULL);

    check_not_offered(f, WBF, 1);
    check_not_offered(f, SFL, 2);
    check_not_offered(f, EAFL, 3);
    fx_free(f);
    cfg.intremap = cfg.eim = false;
    f = fx_new(&cfg);
    check_not_offered(f, IRE, 1);
    check_not_offered(f, SIRTP, 2);
    check_not_offered(f, CFI, 3);
    g_assert_false(nyx_vtd_remapping(f->vtd));
    fx_free(f);
    /* SAGAW 0: no table could be walked. */
    cfg.dma_translation = false;
    f = fx_new(&cfg);
    check_not_offered(f, TE, 1);
    g_assert_false(nyx_vtd_translating(f->vtd));
    g_assert_cmphex(fx_dma(f, FX_W, 0x1000), ==, 0x1000);
    fx_free(f);
}

static void test_gcmd_reserved(void)
{
    Fx *f = fx_new(NULL);

    fx_write32(f, GCMD, 0x7fffff);
    g_assert_cmphex(fx_read32(f, GSTS), ==, 0);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_RESERVED), ==, 1);
    fx_free(f);
}

/* RTADDR counts once it is latched, and stays what it was until then. */
static void test_root_latch(void)
{
    uint64_t ss, other;
    Fx *f = fx_new_domain(NULL, 4, &ss);

    fx_map(f, ss, 4, 0x1000, 0x9000, 12, FX_RW);
    other = fx_mem_pages(&f->mem, 1);
    fx_write64(f, 0x20, other);
    g_assert_cmphex(fx_read64(f, 0x20), ==, other);
    fx_flush_context_global(f);
    fx_flush_iotlb_global(f);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x9000);
    fx_gcmd(f, 30, true);
    g_assert_cmphex(fx_read32(f, GSTS), ==, TE | SRTP);
    fx_flush_context_global(f);
    fx_flush_iotlb_global(f);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, FX_REFUSED);
    g_assert_cmpuint(fx_take_code(f), ==, 1);
    fx_free(f);
}

/* Xen repeats SRTP: the same pointer again disturbs nothing. */
static void test_root_latch_again(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, 4, &ss);

    fx_map(f, ss, 4, 0x1000, 0x9000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x9000);
    f->mem.reads = 0;
    for (unsigned i = 0; i < 3; i++) {
        fx_write32(f, GCMD, fx_read32(f, GSTS));
        g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x9000);
    }
    g_assert_cmpuint(f->mem.reads, ==, 0);
    g_assert_cmpuint(fx_all_findings(f), ==, 0);
    fx_free(f);
}

static void test_te_findings(void)
{
    Fx *f = fx_new(NULL);

    fx_gcmd(f, 31, true);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_TE_NO_ROOT), ==, 1);
    fx_gcmd(f, 31, false);
    fx_write64(f, 0x20, f->root);
    fx_gcmd(f, 30, true);
    fx_flush_context_global(f);
    fx_gcmd(f, 31, true);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_SRTP_NO_FLUSH), ==, 1);
    fx_gcmd(f, 31, false);
    fx_flush_iotlb_global(f);
    fx_gcmd(f, 31, true);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_SRTP_NO_FLUSH), ==, 1);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_TE_NO_ROOT), ==, 1);
    fx_free(f);
}

/* A pointer asks for a flush when it is a new one, not when repeated. */
static void test_latch_findings(void)
{
    Fx *f = fx_new(NULL);
    uint64_t other = fx_mem_pages(&f->mem, 1);

    fx_root_latch(f, 0);
    fx_gcmd(f, 30, true);
    fx_gcmd(f, 31, true);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_SRTP_NO_FLUSH), ==, 0);
    fx_gcmd(f, 31, false);
    fx_write64(f, 0x20, other);
    fx_gcmd(f, 30, true);
    fx_gcmd(f, 31, true);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_SRTP_NO_FLUSH), ==, 1);
    fx_ir_start(f, 3, true);
    fx_gcmd(f, 25, false);
    fx_gcmd(f, 24, true);
    fx_gcmd(f, 25, true);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_SIRTP_NO_FLUSH), ==, 0);
    fx_gcmd(f, 25, false);
    fx_write64(f, 0xb8, other);
    fx_gcmd(f, 24, true);
    fx_gcmd(f, 25, true);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_SIRTP_NO_FLUSH), ==, 1);
    fx_free(f);
}

/* --- For dumps ------------------------------------------------------------ */

static void visit_register(const NyxReg *reg, uint64_t value, void *opaque)
{
    Fx *f = opaque;

    g_assert_nonnull(reg->name);
    g_assert_cmphex(value, ==,
                    nyx_vtd_mmio_read(f->vtd, reg->offset, reg->size));
    f->tail++;
}

static void test_foreach(void)
{
    Fx *f = fx_new(NULL);

    f->tail = 0;
    nyx_vtd_foreach_register(f->vtd, visit_register, f);
    /* Two for each of four records. */
    g_assert_cmpuint(f->tail, ==, 29 + 8);
    fx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/regs/" name, fn)
    ADD("bits", test_bits);
    ADD("neighbours", test_neighbours);
    ADD("by-capability", test_by_capability);
    ADD("w1c", test_w1c);
    ADD("pmen", test_pmen);
    ADD("wide", test_wide);
    ADD("unaligned", test_unaligned);
    ADD("unknown", test_unknown);
    ADD("findings", test_findings);
    ADD("gcmd-read", test_gcmd_read);
    ADD("gcmd-sequence", test_gcmd_sequence);
    ADD("gcmd-habits", test_gcmd_habits);
    ADD("gcmd-several", test_gcmd_several);
    ADD("gcmd-drops", test_gcmd_drops);
    ADD("gcmd-not-offered", test_gcmd_not_offered);
    ADD("gcmd-reserved", test_gcmd_reserved);
    ADD("root-latch", test_root_latch);
    ADD("root-latch-again", test_root_latch_again);
    ADD("te-findings", test_te_findings);
    ADD("latch-findings", test_latch_findings);
    ADD("foreach", test_foreach);
    return g_test_run();
}
