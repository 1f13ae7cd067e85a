/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device table entries: where they are, every bit, every code, and what makes
 * one illegal.
 */
#include "qemu/osdep.h"
#include "amd-tables.h"

#define IOVA 0x5000

/* What a read of IOVA comes to: the event's code, or 0 if it is granted. */
static unsigned outcome(Ax *f, uint16_t sid)
{
    uint64_t event[2];
    bool ok;

    ax_inv_devtab(f, sid);
    ok = at_dma_as(f, sid, FX_R, IOVA) != AX_REFUSED;
    if (!at_event(f, event)) {
        g_assert_true(ok);
        return 0;
    }
    g_assert_false(ok);
    g_assert_cmphex(event[0] & 0xffff, ==, sid);
    return event[0] >> 60;
}

/* --- Where it is ---------------------------------------------------------- */

typedef struct SegmentRow {
    unsigned segments_lg2;
    uint16_t sid;
    unsigned segment;
    unsigned index;
} SegmentRow;

static const SegmentRow segment_rows[] = {
    { 0, 0x0010, 0, 0x0010 },
    { 0, 0xffff, 0, 0xffff },
    { 1, 0x7fff, 0, 0x7fff },
    { 1, 0x8000, 1, 0x0000 },
    { 1, 0xffff, 1, 0x7fff },
    { 2, 0x3fff, 0, 0x3fff },
    { 2, 0x4001, 1, 0x0001 },
    { 2, 0x8002, 2, 0x0002 },
    { 2, 0xc003, 3, 0x0003 },
    { 3, 0x1fff, 0, 0x1fff },
    { 3, 0x2000, 1, 0x0000 },
    { 3, 0x4abc, 2, 0x0abc },
    { 3, 0x6000, 3, 0x0000 },
    { 3, 0x8001, 4, 0x0001 },
    { 3, 0xa000, 5, 0x0000 },
    { 3, 0xc000, 6, 0x0000 },
    { 3, 0xffff, 7, 0x1fff },
};

static void test_segments(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(segment_rows); i++) {
        const SegmentRow *row = &segment_rows[i];
        unsigned size = 0x200 >> row->segments_lg2;
        g_autofree char *name = g_strdup_printf("row %u", i);
        Ax *f = at_new(NULL);
        uint64_t base[8];

        for (unsigned s = 0; s < 1u << row->segments_lg2; s++) {
            base[s] = fx_mem_pages(&f->mem, size);
            ax_write64(f, s ? 0x100 + 8 * (s - 1) : 0, base[s] | (size - 1));
        }
        at_control(f, 7ULL << 34, (uint64_t)row->segments_lg2 << 34);
        /* No right at all, where everything else passes. */
        fx_mem_poke(&f->mem, base[row->segment] + row->index * 32,
                    AT_V | AT_TV);
        FX_CHECK(name, outcome(f, row->sid), 2);
        fx_mem_poke(&f->mem, base[row->segment] + row->index * 32, 0);
        FX_CHECK(name, outcome(f, row->sid), 0);
        ax_free(f);
    }
}

/* Easy mistake 11: an id beyond the table. */
static void test_range(void)
{
    static const unsigned sizes[] = { 0, 1, 7, 0xff, 0x1fe };

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        g_autofree char *name = g_strdup_printf("size %x", sizes[i]);
        Ax *f = at_new(NULL);
        uint64_t base = fx_mem_pages(&f->mem, 512);
        uint32_t end = (sizes[i] + 1) * 128;
        uint64_t event[2];

        ax_write64(f, 0, base | sizes[i]);
        FX_CHECK(name, outcome(f, end - 1), 0);
        FX_CHECK(name, outcome(f, 0), 0);
        FX_CHECK(name, at_dma_as(f, end, FX_W, IOVA), AX_REFUSED);
        g_assert_true(at_event(f, event));
        /* A write, not present. */
        FX_CHECK(name, event[0], 2ULL << 60 | 1ULL << 53 | end);
        FX_CHECK(name, event[1], IOVA);
        FX_CHECK(name, outcome(f, 0xffff), 2);
        ax_free(f);
    }
}

static void test_unreadable(void)
{
    Ax *f = at_new(NULL);
    uint64_t at = at_dte_addr(f, AX_SID), event[2];

    ax_inv_devtab(f, AX_SID);
    fx_mem_hole(&f->mem, at + 31, at + 31);
    g_assert_cmphex(at_dma(f, FX_W, IOVA), ==, AX_REFUSED);
    g_assert_true(at_event(f, event));
    /* Target abort is type 2. */
    g_assert_cmphex(event[0], ==,
                    3ULL << 60 | 2ULL << 57 | 1ULL << 53 | AX_SID);
    g_assert_cmphex(event[1], ==, at);
    /* It is read again. */
    fx_mem_no_hole(&f->mem);
    g_assert_cmphex(at_dma(f, FX_W, IOVA), ==, IOVA);
    ax_free(f);
}

/* Software stores 128 bits at once: their words belong together. */
static void store_other_word(void *opaque, uint64_t gpa)
{
    Ax *f = opaque;
    uint64_t now = fx_mem_peek(&f->mem, gpa + 8);

    if (gpa == at_dte_addr(f, AX_SID) && now < AX_DID + 2) {
        fx_mem_poke(&f->mem, gpa + 8, now + 1);
    }
}

static void test_torn(void)
{
    Ax *f = at_new(NULL);
    uint64_t event[2];

    at_dte(f, AX_SID, AT_V | AT_TV, AX_DID, 0, 0);
    f->mem.on_read = store_other_word;
    f->mem.on_read_opaque = f;
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, AX_REFUSED);
    g_assert_true(at_event(f, event));
    g_assert_cmphex(event[0] >> 32 & 0xffff, ==, AX_DID + 2);
    ax_free(f);
}

/* A guest that never stops storing is not waited for. */
static void store_again(void *opaque, uint64_t gpa)
{
    Ax *f = opaque;

    if (gpa == at_dte_addr(f, AX_SID)) {
        fx_mem_poke(&f->mem, gpa + 8, fx_mem_peek(&f->mem, gpa + 8) + 1);
    }
}

static void test_restless(void)
{
    Ax *f = at_new(NULL);

    at_dte(f, AX_SID, AT_V | AT_TV, 0, 0, 0);
    f->mem.on_read = store_again;
    f->mem.on_read_opaque = f;
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, AX_REFUSED);
    g_assert_cmpuint(fx_mem_peek(&f->mem, at_dte_addr(f, AX_SID) + 8), <, 16);
    ax_free(f);
}

/* --- Bits ----------------------------------------------------------------- */

static void bits_of(Ax *f, const char *what, uint64_t w0, uint64_t w1,
                    const uint64_t illegal[4], unsigned legal_outcome)
{
    for (unsigned bit = 1; bit < 256; bit++) {
        uint64_t w[4] = { w0, w1 };
        g_autofree char *name = g_strdup_printf("%s, bit %u", what, bit);
        unsigned want = legal_outcome;

        if (w[bit / 64] >> bit % 64 & 1) {
            continue;
        }
        w[bit / 64] |= 1ULL << bit % 64;
        if (illegal[bit / 64] >> bit % 64 & 1) {
            want = 1;
        }
        at_dte(f, AX_SID, w[0], w[1], w[2], w[3]);
        if (want != legal_outcome || legal_outcome != 0) {
            /* Some bits change what a legal entry does. */
            FX_CHECK(name, outcome(f, AX_SID), want);
        } else {
            FX_CHECK(name, outcome(f, AX_SID) == 1, false);
        }
    }
}

/* TV = 0: the codes of what translates are not looked at; bit 1 is TV. */
static void test_bits(void)
{
    static const uint64_t full[4] = {
        0x800000000000007cULL, 0x0000040000000000ULL,
    };
    static const uint64_t poor[4] = {
        0x9ff00000000001fcULL, 0x0000040000000000ULL,
    };
    NyxAmdCfg cfg = at_poor();
    Ax *f = at_new(NULL);

    /* What is no fault of another kind is "not present". */
    for (unsigned bit = 2; bit < 64; bit++) {
        g_autofree char *name = g_strdup_printf("full, bit %u", bit);

        at_dte(f, AX_SID, AT_V | 1ULL << bit, 0, 0, 0);
        FX_CHECK(name, outcome(f, AX_SID), full[0] >> bit & 1 ? 1 : 2);
    }
    bits_of(f, "full, TV", AT_OPEN, 0, (const uint64_t[4]) {
        /* HAD of 2; a PASID's tables are not for this request. */
        full[0] | 1ULL << 8, full[1],
    }, 0);
    ax_free(f);

    f = at_new(&cfg);
    for (unsigned bit = 2; bit < 64; bit++) {
        g_autofree char *name = g_strdup_printf("poor, bit %u", bit);

        at_dte(f, AX_SID, AT_V | 1ULL << bit, 0, 0, 0);
        FX_CHECK(name, outcome(f, AX_SID), poor[0] >> bit & 1 ? 1 : 2);
    }
    bits_of(f, "poor, TV", AT_OPEN, 0, (const uint64_t[4]) {
        /* Mode 4 is as high as the levels go: 1, 2 and 4 are legal. */
        poor[0], poor[1],
    }, 0);
    ax_free(f);
}

/* Easy mistake 12: V = 0 guards everything. */
static void test_not_valid(void)
{
    Ax *f = at_new(NULL);

    at_dte(f, AX_SID, ~1ULL, ~0ULL, ~0ULL, ~0ULL);
    g_assert_cmpuint(outcome(f, AX_SID), ==, 0);
    g_assert_cmphex(at_dma(f, FX_RW, IOVA), ==, IOVA);
    /* And IV guards the second half, whatever V. */
    at_dte(f, AX_SID, AT_OPEN, 0, ~(3ULL << 54 | 1), ~0ULL);
    g_assert_cmpuint(outcome(f, AX_SID), ==, 0);
    ax_free(f);
}

/* --- Codes ---------------------------------------------------------------- */

static void test_modes(void)
{
    for (unsigned levels = 0; levels <= 6; levels++) {
        for (unsigned mode = 0; mode < 8; mode++) {
            g_autofree char *name = g_strdup_printf("HATS %u, Mode %u",
                                                    levels, mode);
            NyxAmdCfg cfg = at_cfg();
            Ax *f;

            if (levels && levels < 4) {
                continue;
            }
            cfg.host_levels = levels;
            cfg.host_accessed = cfg.host_dirty = cfg.gcr3_trp = levels != 0;
            f = at_new(&cfg);
            at_dte(f, AX_SID, AT_OPEN | AT_MODE(mode), 0, 0, 0);
            FX_CHECK(name, outcome(f, AX_SID),
                     mode > levels ? 1 : mode ? 2 : 0);
            /* Without host tables there is no root either. */
            at_dte(f, AX_SID, AT_OPEN | 0x10000, 0, 0, 0);
            FX_CHECK(name, outcome(f, AX_SID), levels ? 0 : 1);
            ax_free(f);
        }
    }
}

static void test_guest_codes(void)
{
    for (unsigned i = 0; i < 3 * 4 * 2 * 4; i++) {
        unsigned glx_max = i % 3, glx = i / 3 % 4;
        unsigned levels = 4 + i / 12 % 2, gpm = i / 24;
        g_autofree char *name = g_strdup_printf(
            "GLXSup %u GLX %u GATS %u GPM %u", glx_max, glx, levels, gpm);
        bool legal = glx != 3 && glx <= glx_max && gpm < 2 &&
                     4 + gpm <= levels;
        NyxAmdCfg cfg = at_cfg();
        Ax *f;

        cfg.glx = glx_max;
        cfg.pasid_bits = 9;
        cfg.guest_levels = levels;
        f = at_new(&cfg);
        at_dte(f, AX_SID, AT_OPEN | AT_GV | (uint64_t)glx << 56, 0,
               (uint64_t)gpm << 54, 0);
        FX_CHECK(name, outcome(f, AX_SID), legal ? 0 : 1);
        /* GV = 0: nobody asks. */
        at_dte(f, AX_SID, AT_OPEN | (uint64_t)glx << 56, 0,
               (uint64_t)gpm << 54, 0);
        FX_CHECK(name, outcome(f, AX_SID), 0);
        ax_free(f);
    }
}

static void test_had(void)
{
    for (unsigned i = 0; i < 3 * 4; i++) {
        bool accessed = i / 4 > 0, dirty = i / 4 > 1;
        unsigned had = i % 4;
        g_autofree char *name = g_strdup_printf("HA %u HD %u HAD %u",
                                                accessed, dirty, had);
        NyxAmdCfg cfg = at_cfg();
        Ax *f;

        cfg.host_accessed = accessed;
        cfg.host_dirty = dirty;
        f = at_new(&cfg);
        at_dte(f, AX_SID, AT_OPEN | AT_HAD(had), 0, 0, 0);
        FX_CHECK(name, outcome(f, AX_SID),
                 !had || (had == 1 && accessed) || (had == 3 && dirty)
                 ? 0 : 1);
        ax_free(f);
    }
}

static void test_io_ctl(void)
{
    Ax *f = at_new(NULL);

    for (unsigned code = 0; code < 4; code++) {
        at_dte(f, AX_SID, AT_OPEN, AT_IOCTL(code), 0, 0);
        g_assert_cmpuint(outcome(f, AX_SID), ==, code == 3 ? 1 : 0);
        at_dte(f, AX_SID, AT_OPEN, AT_SYSMGT(code), 0, 0);
        g_assert_cmpuint(outcome(f, AX_SID), ==, 0);
    }
    ax_free(f);
}

/* Control.GTEn = 0: GV is as if it did not exist. */
static void test_gten(void)
{
    Ax *f = at_new(NULL);

    at_dte(f, AX_SID, AT_OPEN | AT_GV, 0, 0, 0);
    g_assert_cmpuint(outcome(f, AX_SID), ==, 0);
    at_control(f, 1ULL << 16, 0);
    g_assert_cmpuint(outcome(f, AX_SID), ==, 1);
    at_dte(f, AX_SID, AT_OPEN, 0, 0, 0);
    g_assert_cmpuint(outcome(f, AX_SID), ==, 0);
    ax_free(f);
}

/* --- Addresses in it ------------------------------------------------------ */

/* Both roots, bit by bit: what cannot be read says where it was looked for. */
static void test_roots(void)
{
    for (unsigned bit = 12; bit < 52; bit++) {
        g_autofree char *name = g_strdup_printf("bit %u", bit);
        uint64_t root = 1ULL << bit, event[2];
        Ax *f = at_new(NULL);
        NyxReply reply;

        fx_mem_hole(&f->mem, root, root + 4095);
        if (at_dte_addr(f, AX_SID) >> 12 == root >> 12 || root == f->commands) {
            ax_free(f);
            continue;
        }
        at_dte(f, AX_SID, AT_OPEN | AT_MODE(3) | root, 0, 0, 0);
        FX_CHECK(name, at_dma(f, FX_R, IOVA), AX_REFUSED);
        g_assert_true(at_event(f, event));
        FX_CHECK(name, event[0] >> 60, 4);
        FX_CHECK(name, event[1], root);

        at_dte(f, AX_SID, AT_OPEN | AT_GV | at_gcr3_0(root, 0),
               at_gcr3_1(root), 0, 0);
        ax_inv_devtab(f, AX_SID);
        reply = at_pasid(f, 5, FX_R, IOVA);
        FX_CHECK(name, reply.ok, false);
        g_assert_true(at_event(f, event));
        FX_CHECK(name, event[0] >> 60, 4);
        FX_CHECK(name, event[0] >> 32 & 0xffff, 5);
        FX_CHECK(name, event[1], root + 5 * 8);
        ax_free(f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-amdvi/dte/segments", test_segments);
    g_test_add_func("/nyx-amdvi/dte/range", test_range);
    g_test_add_func("/nyx-amdvi/dte/unreadable", test_unreadable);
    g_test_add_func("/nyx-amdvi/dte/torn", test_torn);
    g_test_add_func("/nyx-amdvi/dte/restless", test_restless);
    g_test_add_func("/nyx-amdvi/dte/bits", test_bits);
    g_test_add_func("/nyx-amdvi/dte/not-valid", test_not_valid);
    g_test_add_func("/nyx-amdvi/dte/modes", test_modes);
    g_test_add_func("/nyx-amdvi/dte/guest-codes", test_guest_codes);
    g_test_add_func("/nyx-amdvi/dte/had", test_had);
    g_test_add_func("/nyx-amdvi/dte/io-ctl", test_io_ctl);
    g_test_add_func("/nyx-amdvi/dte/gten", test_gten);
    g_test_add_func("/nyx-amdvi/dte/roots", test_roots);
    return g_test_run();
}
