/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA requests of legacy mode that are answered: widths, sizes, permissions,
 * translation types, ATS kinds, identity and protected memory.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define MASK(lg2) ((1ULL << (lg2)) - 1)

static NyxVtdCfg cfg_width(unsigned aw_bits)
{
    NyxVtdCfg cfg = fx_cfg();

    cfg.aw_bits = aw_bits;
    return cfg;
}

/* The reply is @addr, good for 2^lg2 bytes, with permission @rw. */
static void check_reply(const char *row, NyxReply reply, uint64_t addr,
                        unsigned lg2, unsigned rw)
{
    FX_CHECK(row, reply.ok, true);
    FX_CHECK(row, reply.addr, addr);
    FX_CHECK(row, reply.addr_mask, MASK(lg2));
    FX_CHECK(row, reply.access, rw);
}

/* --- Widths and page sizes ------------------------------------------------ */

static void test_sizes(void)
{
    static const unsigned widths[] = { 39, 48, 57 };
    static const unsigned sizes[] = { 12, 21, 30 };

    for (unsigned i = 0; i < 9; i++) {
        unsigned width = widths[i / 3], lg2 = sizes[i % 3];
        unsigned levels = (width - 12) / 9;
        const uint64_t iovas[] = {
            0, 1ULL << 30, (1ULL << 38) - (1ULL << 30),
            (1ULL << width) - (1ULL << lg2),
        };
        NyxVtdCfg cfg = cfg_width(width);
        uint64_t ss, out = 0x20040000000ULL;
        Fx *f = fx_new_domain(&cfg, levels, &ss);
        g_autofree char *row = g_strdup_printf("width %u, size %u", width,
                                               lg2);

        for (unsigned j = 0; j < ARRAY_SIZE(iovas); j++) {
            uint64_t last = iovas[j] + MASK(lg2);

            fx_map(f, ss, levels, iovas[j], out, lg2, FX_RW);
            check_reply(row, fx_request(f, 0, FX_R, iovas[j]), out, lg2, 3);
            check_reply(row, fx_request(f, 0, FX_W, last), out + MASK(lg2),
                        lg2, 3);
            check_reply(row, fx_request(f, 0, FX_R, iovas[j] + 0x123),
                        out + 0x123, lg2, 3);
        }
        /* One walk for each page: the rest were hits. */
        FX_CHECK(row, nyx_vtd_requester_stats(f->r).walks, 4);
        FX_CHECK(row, nyx_vtd_requester_stats(f->r).iotlb.hits, 8);
        fx_free(f);
    }
}

/* A unit that can do more serves narrower domains, each with its tables. */
static void test_narrow_domains(void)
{
    NyxVtdCfg cfg = cfg_width(57);
    Fx *f = fx_new(&cfg);

    fx_start(f);
    for (unsigned levels = 3; levels <= 5; levels++) {
        uint16_t sid = FX_SID + levels;
        NyxVtdRequester *r = nyx_vtd_requester_new(f->vtd, NULL);
        uint64_t ss = fx_domain(f, sid, levels, levels);
        NyxRequest req = { .access = FX_R, .iova = 0x7ffffff000ULL };
        NyxReply reply;

        fx_map(f, ss, levels, req.iova, levels << 12, 12, FX_RW);
        g_assert_true(nyx_vtd_translate(r, sid, &req, &reply));
        g_assert_cmphex(reply.addr, ==, levels << 12);
    }
    fx_free(f);
}

/* The bus picks the root entry, device and function the context entry. */
static void test_source_ids(void)
{
    static const uint16_t sids[] = {
        0x0000, 0x0001, 0x0007, 0x0008, 0x00f8, 0x00ff, 0x0100, 0x0208,
        0x7f80, 0x8000, 0xff00, 0xffff,
    };
    Fx *f = fx_new(NULL);

    fx_start(f);
    for (unsigned i = 0; i < ARRAY_SIZE(sids); i++) {
        uint64_t ss = fx_domain(f, sids[i], i + 1, 4);

        fx_map(f, ss, 4, 0x1000, 0x100000 + i * 0x1000, 12, FX_RW);
    }
    /* One requester whose id changes, as on a bus that is renumbered. */
    for (unsigned i = 0; i < ARRAY_SIZE(sids); i++) {
        NyxRequest req = { .access = FX_W, .iova = 0x1000 };
        NyxReply reply;

        g_assert_true(nyx_vtd_translate(f->r, sids[i], &req, &reply));
        g_assert_cmphex(reply.addr, ==, 0x100000 + i * 0x1000);
        g_assert_cmphex(nyx_vtd_requester_stats(f->r).sid, ==, sids[i]);
    }
    fx_free(f);
}

/* --- Permissions ---------------------------------------------------------- */

typedef struct AccessRow {
    const char *name;
    unsigned access;
    /* Outcome for a page with R=W=0, R, W, RW: 0 is good, or the fault. */
    uint8_t code[4];
    uint8_t t1, t2;
} AccessRow;

static const AccessRow access_rows[] = {
    { "read", FX_R, { 6, 0, 6, 0 }, 1, 0 },
    { "write", FX_W, { 5, 5, 0, 0 }, 0, 0 },
    { "read and write", FX_RW, { 5, 5, 6, 0 }, 0, 0 },
    /* CAP.ZLR: a page that may only be written will do. */
    { "zero-length read", FX_R | NYX_ACCESS_ZERO_LEN, { 6, 0, 0, 0 }, 1, 0 },
    { "AtomicOp", NYX_ACCESS_ATOMIC, { 5, 5, 6, 0 }, 1, 1 },
    { "AtomicOp, read and write", FX_RW | NYX_ACCESS_ATOMIC,
      { 5, 5, 6, 0 }, 1, 1 },
};

static void access_row(Fx *f, const AccessRow *row, unsigned rw,
                       uint64_t iova, const char *when)
{
    g_autofree char *name = g_strdup_printf("%s, page %u, %s", row->name, rw,
                                            when);
    NyxReply reply = fx_request(f, NYX_REQ_UNTRANSLATED, row->access,
                                iova + 0x10);
    FxRecord record = fx_take_fault(f);

    FX_CHECK(name, reply.ok, !row->code[rw]);
    FX_CHECK(name, record.valid, !!row->code[rw]);
    if (reply.ok) {
        FX_CHECK(name, reply.addr, iova + 0x5010);
        FX_CHECK(name, reply.access, rw);
    } else {
        FX_CHECK(name, record.lo, iova);
        FX_CHECK(name, record.hi,
                 1ULL << 63 | (uint64_t)row->t1 << 62 |
                 (uint64_t)row->code[rw] << 32 | row->t2 << 28 | FX_SID);
    }
}

static void test_permissions(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(access_rows); i++) {
        uint64_t ss;
        Fx *f = fx_new_domain(NULL, 4, &ss);

        for (unsigned rw = 0; rw < 4; rw++) {
            uint64_t iova = 0x40000 + rw * 0x1000;

            fx_map(f, ss, 4, iova, iova + 0x5000, 12, rw);
            access_row(f, &access_rows[i], rw, iova, "walked");
            /* Put it into the IOTLB if it can be; then a hit decides. */
            fx_dma(f, rw & 1 ? FX_R : FX_W, iova);
            fx_clear_faults(f);
            access_row(f, &access_rows[i], rw, iova, "cached");
        }
        fx_free(f);
    }
}

/* Every level's permission counts, whoever remembers the upper ones. */
static void test_upper_permissions(void)
{
    for (unsigned level = 2; level <= 4; level++) {
        uint64_t ss, at;
        Fx *f = fx_new_domain(NULL, 4, &ss);

        fx_map(f, ss, 4, 0x10000, 0x50000, 12, FX_RW);
        fx_map(f, ss, 4, 0x11000, 0x51000, 12, FX_RW);
        at = fx_entry(f, ss, 4, 0x10000, level);
        fx_mem_poke(&f->mem, at, fx_mem_peek(&f->mem, at) & ~2ULL);
        g_assert_cmphex(fx_dma(f, FX_W, 0x10000), ==, FX_REFUSED);
        g_assert_cmpuint(fx_take_code(f), ==, 5);
        g_assert_cmphex(fx_dma(f, FX_R, 0x10000), ==, 0x50000);
        /* Through the paging-structure cache. */
        g_assert_cmphex(fx_dma(f, FX_W, 0x11000), ==, FX_REFUSED);
        g_assert_cmpuint(fx_take_code(f), ==, 5);
        g_assert_cmphex(fx_dma(f, FX_R, 0x11000), ==, 0x51000);
        g_assert_cmpuint(nyx_vtd_requester_stats(f->r).paging.hits, >, 0);
        fx_free(f);
    }
}

/* Levels that have no right in common: as if nothing were mapped. */
static void test_no_common_rights(void)
{
    uint64_t ss, at;
    Fx *f = fx_new_domain(NULL, 4, &ss);

    fx_map(f, ss, 4, 0x10000, 0x50000, 12, FX_W);
    at = fx_entry(f, ss, 4, 0x10000, 3);
    fx_mem_poke(&f->mem, at, fx_mem_peek(&f->mem, at) & ~2ULL);
    for (unsigned again = 0; again < 2; again++) {
        g_assert_false(fx_request(f, 0, NYX_ACCESS_NONE, 0x10000).ok);
        g_assert_false(fx_take_fault(f).valid);
        g_assert_cmphex(fx_dma(f, FX_R | NYX_ACCESS_ZERO_LEN, 0x10000), ==,
                        FX_REFUSED);
        g_assert_cmpuint(fx_take_code(f), ==, 6);
        g_assert_cmphex(fx_dma(f, FX_W, 0x10000), ==, FX_REFUSED);
        g_assert_cmpuint(fx_take_code(f), ==, 5);
    }
    fx_free(f);
}

/* A question without access is answered and never reported. */
static void test_probe(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, 4, &ss);

    for (unsigned rw = 0; rw < 4; rw++) {
        NyxReply reply;

        fx_map(f, ss, 4, rw << 12, 0x8000, 12, rw);
        for (unsigned again = 0; again < 2; again++) {
            reply = fx_request(f, 0, NYX_ACCESS_NONE, rw << 12);
            g_assert_cmpint(reply.ok, ==, rw != 0);
            g_assert_cmpuint(reply.access, ==, rw);
        }
    }
    fx_mem_poke(&f->mem, fx_context_addr(f, FX_SID), 0);
    fx_flush_context_global(f);
    g_assert_false(fx_request(f, 0, NYX_ACCESS_NONE, 0x3000).ok);
    g_assert_false(fx_take_fault(f).valid);
    g_assert_cmpuint(fx_all_findings(f), ==, 0);
    fx_free(f);
}

/* --- ATS ------------------------------------------------------------------ */

static Fx *fx_new_ats(uint64_t *ss)
{
    Fx *f = fx_new(NULL);

    *ss = fx_mem_pages(&f->mem, 1);
    fx_context(f, FX_SID, fx_context_lo(*ss, 1, false),
               fx_context_hi(4, FX_DID));
    fx_start(f);
    return f;
}

static void test_ats_translation(void)
{
    uint64_t ss;
    Fx *f = fx_new_ats(&ss);
    NyxReply reply;

    fx_map(f, ss, 4, 0x200000, 0x40200000, 21, FX_RW);
    fx_map(f, ss, 4, 0x1000, 0x9000, 12, FX_R);
    for (unsigned again = 0; again < 2; again++) {
        check_reply("2M", fx_request(f, 1, FX_RW, 0x2abcde), 0x402abcde, 21,
                    3);
        check_reply("read-only", fx_request(f, 1, FX_R, 0x1000), 0x9000, 12,
                    1);
        /* Not mapped: a completion without rights, and no fault. */
        reply = fx_request(f, 1, FX_R, 0x7000);
        g_assert_true(reply.ok);
        g_assert_cmpuint(reply.access, ==, 0);
        g_assert_cmphex(reply.addr_mask, ==, 0xfff);
    }
    /* Plain requests are translated as well. */
    g_assert_cmphex(fx_dma(f, FX_W, 0x200008), ==, 0x40200008);
    g_assert_false(fx_take_fault(f).valid);
    fx_free(f);
}

/* 7.7 of the digest: the completion has the rights there are, all of them. */
static void test_ats_rights(void)
{
    static const unsigned wanted[] = {
        NYX_ACCESS_NONE, FX_R, FX_W, FX_RW, FX_R | NYX_ACCESS_ZERO_LEN,
    };
    uint64_t ss;
    Fx *f = fx_new_ats(&ss);

    for (unsigned i = 0; i < 4 * ARRAY_SIZE(wanted); i++) {
        unsigned rw = i % 4;
        uint64_t iova = i << 12;
        g_autofree char *row = g_strdup_printf("page %u, wanted %u", rw,
                                               wanted[i / 4]);

        fx_map(f, ss, 4, iova, 0x800000 + iova, 12, rw);
        for (unsigned again = 0; again < 2; again++) {
            NyxReply reply = fx_request(f, 1, wanted[i / 4], iova);

            FX_CHECK(row, reply.ok, true);
            FX_CHECK(row, reply.access, rw);
            FX_CHECK(row, reply.addr, rw ? 0x800000 + iova : 0);
        }
    }
    g_assert_false(fx_take_fault(f).valid);
    fx_free(f);
}

/* Errors of the tables, unlike missing rights, are errors of the request. */
static void test_ats_errors(void)
{
    uint64_t ss;
    Fx *f = fx_new_ats(&ss);
    FxRecord record;

    fx_map(f, ss, 4, 0x1000, 1ULL << 62, 12, FX_RW);
    g_assert_false(fx_request(f, 1, FX_R, 0x1000).ok);
    record = fx_take_fault(f);
    /* AT is 01: translation request. */
    g_assert_cmphex(record.hi, ==, 0xd000000c00000010ULL);
    g_assert_cmphex(record.lo, ==, 0x1000);
    fx_mem_hole(&f->mem, ss, ss + 0xfff);
    fx_flush_iotlb_global(f);
    g_assert_false(fx_request(f, 1, FX_R, 0x1000).ok);
    g_assert_cmpuint(fx_take_code(f), ==, 3);
    fx_free(f);
}

static void test_ats_translated(void)
{
    uint64_t ss;
    Fx *f = fx_new_ats(&ss);
    NyxReply reply;

    /* Goes where it says, without a walk, at any width. */
    reply = fx_request(f, 2, FX_W, 0x123456789abcULL);
    g_assert_true(reply.ok);
    g_assert_cmphex(reply.addr, ==, 0x123456789abcULL);
    g_assert_cmphex(nyx_vtd_requester_stats(f->r).walks, ==, 0);
    /* But not to the interrupt range. */
    g_assert_false(fx_request(f, 2, FX_W, 0xfee00000).ok);
    g_assert_false(fx_request(f, 2, FX_W, 0xfeefffff).ok);
    g_assert_true(fx_request(f, 2, FX_W, 0xfedfffff).ok);
    g_assert_true(fx_request(f, 2, FX_W, 0xfef00000).ok);
    /* An address that is also a cached page's name is still an address. */
    fx_map(f, ss, 4, 0x1000, 0x9000, 12, FX_RW);
    for (unsigned again = 0; again < 2; again++) {
        g_assert_cmphex(fx_dma(f, FX_W, 0x1000), ==, 0x9000);
        g_assert_cmphex(fx_request(f, 2, FX_W, 0x1000).addr, ==, 0x1000);
    }
    fx_free(f);
}

/* --- Pass-through --------------------------------------------------------- */

static void test_pass_through(void)
{
    static const unsigned widths[] = { 39, 48, 57 };

    for (unsigned i = 0; i < ARRAY_SIZE(widths); i++) {
        unsigned width = widths[i];
        NyxVtdCfg cfg = cfg_width(width);
        Fx *f = fx_new(&cfg);
        NyxReply reply;

        /* SSPTPTR is ignored, beyond the host width too. */
        fx_context(f, FX_SID, fx_context_lo(0xfffffffffffff000ULL, 2, false),
                   fx_context_hi((width - 12) / 9, FX_DID));
        fx_start(f);
        for (unsigned again = 0; again < 2; again++) {
            reply = fx_request(f, 0, FX_W, 0x12345678);
            g_assert_true(reply.ok);
            g_assert_cmphex(reply.addr, ==, 0x12345678);
            g_assert_cmphex(reply.addr_mask, ==, MASK(width));
            g_assert_cmpuint(reply.access, ==, FX_RW);
            g_assert_cmphex(fx_dma(f, FX_R, MASK(width)), ==, MASK(width));
            g_assert_cmphex(fx_dma(f, FX_R, 1ULL << width), ==, FX_REFUSED);
            g_assert_cmpuint(fx_take_code(f), ==, 4);
        }
        g_assert_cmpuint(nyx_vtd_requester_stats(f->r).walks, ==, 0);
        fx_free(f);
    }
}

/* --- Interrupt range as output -------------------------------------------- */

typedef struct RangeRow {
    const char *name;
    uint64_t iova;
    uint64_t addr;           /* FX_REFUSED: fault Eh */
    unsigned lg2;
} RangeRow;

/* 1G at 0 is 0xc0000000; 2M at 4G, 4G+2M are 0xfec00000, 0xfee00000. */
static const RangeRow range_rows[] = {
    { "far below", 0x0, 0xc0000000, 12 },
    { "page before", 0x3edff000, 0xfedff000, 12 },
    { "first page", 0x3ee00000, FX_REFUSED, 0 },
    { "first page again", 0x3ee00ffc, FX_REFUSED, 0 },
    { "last page", 0x3eeff000, FX_REFUSED, 0 },
    { "page behind", 0x3ef00000, 0xfef00000, 12 },
    { "end of 1G", 0x3ffff000, 0xfffff000, 12 },
    { "2M below", 0x100000000ULL, 0xfec00000, 21 },
    { "2M with it, first", 0x100200000ULL, FX_REFUSED, 0 },
    { "2M with it, last", 0x1002ff000ULL, FX_REFUSED, 0 },
    { "2M with it, behind", 0x100300000ULL, 0xfef00000, 12 },
    { "4K in it", 0x200000000ULL, FX_REFUSED, 0 },
    { "4K below", 0x200001000ULL, 0xfedff000, 12 },
    { "4K behind", 0x200002000ULL, 0xfef00000, 12 },
};

static void test_interrupt_output(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, 4, &ss);

    fx_map(f, ss, 4, 0, 0xc0000000, 30, FX_RW);
    fx_map(f, ss, 4, 0x100000000ULL, 0xfec00000, 21, FX_RW);
    fx_map(f, ss, 4, 0x100200000ULL, 0xfee00000, 21, FX_RW);
    fx_map(f, ss, 4, 0x200000000ULL, 0xfee42000, 12, FX_RW);
    fx_map(f, ss, 4, 0x200001000ULL, 0xfedff000, 12, FX_RW);
    fx_map(f, ss, 4, 0x200002000ULL, 0xfef00000, 12, FX_RW);
    for (unsigned i = 0; i < 4 * ARRAY_SIZE(range_rows); i++) {
        const RangeRow *row = &range_rows[i / 2 % ARRAY_SIZE(range_rows)];
        unsigned access = i % 2 ? FX_W : FX_R;
        NyxReply reply = fx_request(f, 0, access, row->iova);
        FxRecord record = fx_take_fault(f);

        if (row->addr == FX_REFUSED) {
            FX_CHECK(row->name, reply.ok, false);
            FX_CHECK(row->name, record.hi >> 32 & 0xff, 0xe);
            FX_CHECK(row->name, record.lo, row->iova & ~0xfffULL);
            FX_CHECK(row->name, record.hi >> 62 & 1, access == FX_R);
        } else {
            check_reply(row->name, reply, row->addr, row->lg2, FX_RW);
        }
    }
    fx_free(f);
}

/* --- Translation off, protected memory ------------------------------------ */

static void test_off(void)
{
    Fx *f = fx_new(NULL);
    NyxRequest req = { .access = FX_R, .iova = 0x1000, .has_pasid = true };
    NyxReply reply;

    g_assert_false(nyx_vtd_dma_checked(f->vtd));
    reply = fx_request(f, 0, FX_W, 0xfffffffffffffff0ULL);
    g_assert_true(reply.ok);
    g_assert_cmphex(reply.addr, ==, 0xfffffffffffffff0ULL);
    g_assert_cmphex(reply.addr_mask, ==, UINT64_MAX);
    g_assert_cmpuint(reply.access, ==, FX_RW);
    /* Only plain requests. */
    g_assert_false(fx_request(f, 1, FX_R, 0x1000).ok);
    g_assert_false(fx_request(f, 2, FX_R, 0x1000).ok);
    g_assert_false(nyx_vtd_translate(f->r, FX_SID, &req, &reply));
    g_assert_cmphex(fx_read32(f, 0x34), ==, 0);
    fx_free(f);
}

/* Switched on and off again: what was in force before is. */
static void test_on_off(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, 4, &ss);

    fx_map(f, ss, 4, 0x1000, 0x9000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x9000);
    g_assert_true(nyx_vtd_translating(f->vtd));
    g_assert_cmpuint(f->mode_changes, ==, 1);
    fx_gcmd(f, 31, false);
    g_assert_false(nyx_vtd_translating(f->vtd));
    g_assert_cmpuint(f->mode_changes, ==, 2);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x1000);
    fx_gcmd(f, 31, true);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x9000);
    fx_free(f);
}

typedef struct PmrRow {
    const char *name;
    uint64_t iova;
    bool open;
} PmrRow;

/* Low range 4M to 8M-1; high range 4G+2M to 4G+4M-1. */
static const PmrRow pmr_rows[] = {
    { "zero", 0, true },
    { "below low", 0x3fffff, true },
    { "start of low", 0x400000, false },
    { "within low", 0x5ff000, false },
    { "end of low", 0x7fffff, false },
    { "above low", 0x800000, true },
    { "below high", 0x1001fffffULL, true },
    { "start of high", 0x100200000ULL, false },
    { "end of high", 0x1003fffffULL, false },
    { "above high", 0x100400000ULL, true },
    { "low bits of high", 0x200000, true },
    { "high bits of low", 0x100400000ULL, true },
};

static void pmr_write(Fx *f, uint32_t low, uint32_t low_limit, uint64_t high,
                      uint64_t high_limit)
{
    fx_write32(f, 0x68, low);
    fx_write32(f, 0x6c, low_limit);
    fx_write64(f, 0x70, high);
    fx_write64(f, 0x78, high_limit);
}

static void check_pmr(Fx *f, const char *when, NyxRequestType type,
                      bool protect)
{
    for (unsigned i = 0; i < ARRAY_SIZE(pmr_rows); i++) {
        const PmrRow *row = &pmr_rows[i];
        bool open = row->open || !protect;
        g_autofree char *name = g_strdup_printf("%s, %s", when, row->name);
        NyxReply reply = fx_request(f, type, FX_W, row->iova);

        FX_CHECK(name, reply.ok, open);
        if (open) {
            FX_CHECK(name, reply.addr, row->iova);
            /* What is promised is open as well. */
            FX_CHECK(name, reply.addr_mask > 0x1fffff, !protect);
        }
    }
    /* Blocked without a word. */
    FX_CHECK(when, fx_read32(f, 0x34), 0);
}

static void test_protected_memory(void)
{
    Fx *f = fx_new(NULL);

    pmr_write(f, 0x400000, 0x600000, 0x100200000ULL, 0x100200000ULL);
    check_pmr(f, "not enabled", 0, false);
    fx_write32(f, 0x64, 0x80000000);
    g_assert_cmphex(fx_read32(f, 0x64), ==, 0x80000001);
    g_assert_true(nyx_vtd_dma_checked(f->vtd));
    g_assert_false(nyx_vtd_translating(f->vtd));
    check_pmr(f, "enabled", 0, true);
    fx_write32(f, 0x64, 0);
    g_assert_cmphex(fx_read32(f, 0x64), ==, 0);
    g_assert_false(nyx_vtd_dma_checked(f->vtd));
    check_pmr(f, "disabled", 0, false);
    /* A base above the limit protects nothing; both at 0, the first 2M. */
    pmr_write(f, 0x200000, 0, 0x200000, 0);
    fx_write32(f, 0x64, 0x80000000);
    g_assert_cmphex(fx_dma(f, FX_W, 0), ==, 0);
    g_assert_cmphex(fx_dma(f, FX_W, 0x200000), ==, 0x200000);
    fx_write32(f, 0x64, 0);
    pmr_write(f, 0, 0, 0x200000, 0);
    fx_write32(f, 0x64, 0x80000000);
    g_assert_cmphex(fx_dma(f, FX_W, 0x1fffff), ==, FX_REFUSED);
    g_assert_cmphex(fx_dma(f, FX_W, 0x200000), ==, 0x200000);
    fx_free(f);
}

/* Translation on: what bypasses the tables is checked, what is mapped not. */
static void test_protected_translating(void)
{
    uint64_t ss;
    Fx *f = fx_new_ats(&ss);

    pmr_write(f, 0x400000, 0x600000, 0x100200000ULL, 0x100200000ULL);
    fx_write32(f, 0x64, 0x80000000);
    check_pmr(f, "translated", 2, true);
    fx_map(f, ss, 4, 0x400000, 0x500000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_W, 0x400000), ==, 0x500000);
    fx_context(f, FX_SID, fx_context_lo(0, 2, false), fx_context_hi(4, 1));
    fx_flush_context_global(f);
    fx_flush_iotlb_global(f);
    check_pmr(f, "pass-through", 0, true);
    fx_write32(f, 0x64, 0);
    check_pmr(f, "pass-through, disabled", 0, false);
    fx_free(f);
}

/* --- Hits ----------------------------------------------------------------- */

/* A page that a read brought in: a write is refused, and reported as such. */
static void test_hit_checks_permission(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, 4, &ss);
    FxRecord record;

    fx_map(f, ss, 4, 0x3000, 0x8000, 12, FX_R);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x8000);
    g_assert_cmphex(fx_dma(f, FX_W, 0x3abc), ==, FX_REFUSED);
    g_assert_cmpuint(nyx_vtd_requester_stats(f->r).iotlb.hits, ==, 1);
    record = fx_take_fault(f);
    g_assert_cmphex(record.lo, ==, 0x3000);
    g_assert_cmphex(record.hi, ==, 0x8000000500000010ULL);
    g_assert_cmpuint(nyx_vtd_requester_stats(f->r).requests_refused, ==, 1);
    fx_free(f);
}

/* Translation type is looked at on a hit, too. */
static void test_hit_checks_type(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, 4, &ss);

    fx_map(f, ss, 4, 0x3000, 0x8000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x8000);
    g_assert_false(fx_request(f, 1, FX_R, 0x3000).ok);
    g_assert_cmphex(fx_take_fault(f).hi, ==, 0xd000000d00000010ULL);
    g_assert_false(fx_request(f, 2, FX_R, 0x3000).ok);
    g_assert_cmphex(fx_take_fault(f).hi, ==, 0xe000000d00000010ULL);
    fx_free(f);
}

/* Reads of tables: four and a context at first, then one, then none. */
static void test_reads(void)
{
    static const struct {
        uint64_t iova;
        unsigned reads;
    } rows[] = {
        { 0x40000000, 6 },       /* root, context, four levels */
        { 0x40000800, 0 },
        { 0x40001000, 1 },       /* the same page table */
        { 0x40200000, 2 },       /* another page table */
        { 0x80000000, 3 },       /* another directory */
        { 0x8000000000ULL, 4 },
    };
    NyxVtdRequesterStats stats;
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, 4, &ss);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        fx_map(f, ss, 4, rows[i].iova, 0x9000, 12, FX_RW);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        f->mem.reads = 0;
        g_assert_cmphex(fx_dma(f, FX_R, rows[i].iova), !=, FX_REFUSED);
        g_assert_cmpuint(f->mem.reads, ==, rows[i].reads);
    }
    stats = nyx_vtd_requester_stats(f->r);
    g_assert_cmpuint(stats.walks, ==, 5);
    g_assert_cmpuint(stats.walk_reads, ==, 4 + 1 + 2 + 3 + 4);
    g_assert_cmpuint(stats.iotlb.hits, ==, 1);
    g_assert_cmpuint(stats.iotlb.misses, ==, 5);
    /* The hit asked for no context: it takes no lock. */
    g_assert_cmpuint(stats.context.misses, ==, 1);
    g_assert_cmpuint(stats.context.hits, ==, 4);
    g_assert_cmpuint(stats.context.dropped, ==, 0);
    g_assert_cmpuint(stats.paging.hits, ==, 3);
    g_assert_cmpuint(stats.paging.misses, ==, 2);
    g_assert_cmpuint(stats.paging.evictions, ==, 0);
    fx_flush_context_global(f);
    g_assert_cmpuint(nyx_vtd_requester_stats(f->r).context.dropped, ==, 1);
    fx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/translate/" name, fn)
    ADD("sizes", test_sizes);
    ADD("narrow-domains", test_narrow_domains);
    ADD("source-ids", test_source_ids);
    ADD("permissions", test_permissions);
    ADD("upper-permissions", test_upper_permissions);
    ADD("no-common-rights", test_no_common_rights);
    ADD("probe", test_probe);
    ADD("ats-translation", test_ats_translation);
    ADD("ats-rights", test_ats_rights);
    ADD("ats-errors", test_ats_errors);
    ADD("ats-translated", test_ats_translated);
    ADD("pass-through", test_pass_through);
    ADD("interrupt-output", test_interrupt_output);
    ADD("off", test_off);
    ADD("on-off", test_on_off);
    ADD("protected-memory", test_protected_memory);
    ADD("protected-translating", test_protected_translating);
    ADD("hit-checks-permission", test_hit_checks_permission);
    ADD("hit-checks-type", test_hit_checks_type);
    ADD("reads", test_reads);
    return g_test_run();
}
