/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA through nyx-vtd in legacy mode: what arrives in memory, and what is
 * refused, for a real PCI function and tables in guest memory.
 */
#include "qemu/osdep.h"
#include "nyx-vtd-fixture.h"

/* One leaf of 2^@lg2 bytes in a domain of so many levels. */
static void check_leaf(Fixture *f, unsigned levels, unsigned lg2)
{
    const uint64_t width = 12 + 9 * levels;
    /* Where memory is in a leaf; of 1 GiB, guest memory is the first 256M. */
    const uint64_t gpa = 64 * NYX_MIB + (lg2 > 12 ? 0x123458 : 0x458);
    const uint64_t offset = gpa & ((1ull << lg2) - 1);
    const uint64_t iovas[] = {
        0x015a5b4d69ade000ull, 1ull << (width - 1), UINT64_MAX, 0,
    };
    QVtdDomain dom = qvtd_domain(f->v, DID + levels, levels);

    qvtd_attach(f->v, SID, &dom, TT_UNTRANSLATED);
    flush(f);
    for (unsigned i = 0; i < ARRAY_SIZE(iovas); i++) {
        uint64_t iova = iovas[i] & ((1ull << width) - 1) & -(1ull << lg2);
        g_autofree char *row = g_strdup_printf("%u levels, 2^%u at 0x%"
                                               PRIx64, levels, lg2, iova);

        qvtd_map(f->v, &dom, iova, gpa - offset, lg2, 3);
        expect_access(f, row, iova + offset, gpa, lg2);
    }
}

static void test_leaves(gconstpointer data)
{
    unsigned bits = GPOINTER_TO_UINT(data);
    g_autofree char *options = g_strdup_printf(",aw-bits=%u", bits);
    Fixture f = start_off(options);

    g_assert_true(qvtd_enable(f.v));
    for (unsigned levels = 3; 12 + 9 * levels <= bits; levels++) {
        for (unsigned lg2 = 12; lg2 <= 30; lg2 += 9) {
            check_leaf(&f, levels, lg2);
        }
    }
    end(&f);
}

/*
 * What each pair of R and W lets through; 11.4.2, ZLR: a page that may only
 * be written is good for zero-length reads.
 */
static void test_rights(void)
{
    static const struct {
        const char *name;
        unsigned rw;
        bool ok[4];          /* read, write, atomic, zero-length read */
    } rows[] = {
        { "nothing", 0, { false, false, false, false } },
        { "read", 1, { true, false, false, true } },
        { "write", 2, { false, true, false, true } },
        { "both", 3, { true, true, true, true } },
    };
    static const uint32_t ops[] = {
        NYX_TD_OP_READ, NYX_TD_OP_FILL, NYX_TD_OP_CAS, NYX_TD_OP_ZERO_READ,
    };
    Fixture f = start("", TT_UNTRANSLATED);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_map(f.v, &f.dom, IOVA, f.page, 12, rows[i].rw);
        flush(&f);
        /* Twice: from the tables and from the cache */
        for (unsigned j = 0; j < 2 * ARRAY_SIZE(ops); j++) {
            unsigned op = j % ARRAY_SIZE(ops);

            NYX_CHECK(rows[i].name,
                      request(&f, ops[op], IOVA) == NYX_TD_ST_OK,
                      rows[i].ok[op]);
            NYX_CHECK(rows[i].name, qvtd_take_code(f.v) == 0,
                      rows[i].ok[op]);
        }
    }
    end(&f);
}

/* One request over sixteen pages that lie in memory the other way round. */
static void test_scattered(void)
{
    Fixture f = start("", TT_UNTRANSLATED);
    uint64_t pages = nyx_pc_pages(f.v->pc, 16);
    const NyxTdReq fill = {
        .op = NYX_TD_OP_FILL,
        .addr = IOVA + 8,
        .len = 65536 - 16,
        .operand = DATA,
    };

    for (unsigned i = 0; i < 16; i++) {
        qvtd_map(f.v, &f.dom, IOVA + i * NYX_PAGE,
                 pages + (15 - i) * NYX_PAGE, 12, 3);
    }
    NYX_CHECK(NULL, nyx_td_request(&f.td, fill), NYX_TD_ST_OK);
    for (unsigned i = 0; i < 16; i++) {
        uint64_t page = pages + i * NYX_PAGE;

        NYX_CHECK(NULL, qtest_readq(f.v->qts, page), i == 15 ? 0 : DATA);
        NYX_CHECK(NULL, qtest_readq(f.v->qts, page + 0xff8),
                  i == 0 ? 0 : DATA);
    }
    expect_silence(&f, NULL);
    end(&f);
}

/* CAP.CM: holes are cached, and a driver has to flush what it fills. */
static void test_caching_mode(void)
{
    Fixture f = start(",caching-mode=on", TT_UNTRANSLATED);
    QVtdDomain dom = f.dom;

    NYX_CHECK("hole", request(&f, NYX_TD_OP_READ, 0x1000),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("hole", qvtd_take_code(f.v), 6);
    qvtd_map(f.v, &dom, 0x1000, f.page, 12, 3);
    NYX_CHECK("filled", request(&f, NYX_TD_OP_READ, 0x1000),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("filled", qvtd_take_code(f.v), 6);
    g_assert_cmpuint(qvtd_iotlb(f.v, 3, DID, 0x1000), ==, 3);
    expect_access(&f, "flushed", 0x1000, f.page, 12);

    qvtd_context(f.v, SID, 0, 0);
    flush(&f);
    NYX_CHECK("no context", request(&f, NYX_TD_OP_READ, 0x1000),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("no context", qvtd_take_code(f.v), 2);
    qvtd_attach(f.v, SID, &dom, TT_UNTRANSLATED);
    NYX_CHECK("attached", request(&f, NYX_TD_OP_READ, 0x1000),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("attached", qvtd_take_code(f.v), 2);
    flush(&f);
    expect_access(&f, "attached, flushed", 0x1000, f.page, 12);
    end(&f);
}

static void test_identity(void)
{
    Fixture f = start_off("");
    uint64_t seen = 0;

    /* Translation off */
    expect_access(&f, "off", f.page, f.page, 64);

    g_assert_true(qvtd_enable(f.v));
    qvtd_context(f.v, SID, TT_PASS_THROUGH << 2 | 1, DID << 8 | 2);
    expect_access(&f, "pass-through", f.page, f.page, 48);
    /* Where no root is: nothing is looked up any more once it is off. */
    qvtd_root_entry(f.v, 0, 0, 0);
    flush(&f);
    NYX_CHECK("no root", nyx_td_read(&f.td, f.page, &seen, 8),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("no root", qvtd_take_code(f.v), 1);
    g_assert_true(qvtd_gcmd(f.v, QVTD_TE, false));
    expect_access(&f, "off again", f.page, f.page, 64);
    end(&f);
}

/* 9.3: pass-through takes the widest AW, and addresses as wide as that. */
static void test_pass_through(void)
{
    static const struct {
        const char *options;
        unsigned bits;
        unsigned aw;
        unsigned code;       /* of a request to memory */
    } rows[] = {
        { ",aw-bits=39", 39, 1, 0 },
        { ",aw-bits=39", 39, 2, 3 },
        { ",aw-bits=48", 48, 1, 3 },
        { ",aw-bits=48", 48, 2, 0 },
        { ",aw-bits=57", 57, 2, 3 },
        { ",aw-bits=57", 57, 3, 0 },
        { ",pt=off", 48, 2, 3 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *name = g_strdup_printf("%s, AW %u", rows[i].options,
                                                rows[i].aw);
        Fixture f = start(rows[i].options, TT_UNTRANSLATED);

        qvtd_context(f.v, SID, TT_PASS_THROUGH << 2 | 1,
                     DID << 8 | rows[i].aw);
        request(&f, NYX_TD_OP_FILL, f.page);
        NYX_CHECK(name, qvtd_take_code(f.v), rows[i].code);
        NYX_CHECK(name, qtest_readq(f.v->qts, f.page),
                  rows[i].code ? 0 : DATA);
        request(&f, NYX_TD_OP_READ, 1ull << rows[i].bits);
        NYX_CHECK(name, qvtd_take_code(f.v), rows[i].code ? 3 : 4);
        /* Nothing is there, but that is no matter of translation */
        request(&f, NYX_TD_OP_READ, (1ull << rows[i].bits) - 8);
        NYX_CHECK(name, qvtd_take_code(f.v), rows[i].code);
        end(&f);
    }
}

/* Requests that are refused with translation off, and without a record. */
static void test_off_refused(void)
{
    static const struct {
        const char *name;
        uint32_t op;
        uint32_t attr;
    } rows[] = {
        { "PASID", NYX_TD_OP_READ, NYX_TD_ATTR_PASID },
        { "translation request", NYX_TD_OP_TRANSLATE, 0 },
        { "translated read", NYX_TD_OP_READ, NYX_TD_ATTR_AT_TRANSLATED },
        { "translated write", NYX_TD_OP_FILL, NYX_TD_ATTR_AT_TRANSLATED },
    };
    Fixture f = start_off(",device-iotlb=on");

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NYX_CHECK(rows[i].name, nyx_td_request(&f.td, (NyxTdReq) {
            .op = rows[i].op,
            .attr = rows[i].attr,
            .addr = f.page,
            .len = 8,
        }), NYX_TD_ST_BLOCKED);
        expect_silence(&f, rows[i].name);
    }
    end(&f);
}

/* 11.4.16: what is protected is closed to DMA, and that is no fault. */
static void test_protected(void)
{
    static const struct {
        const char *name;
        unsigned base;
        unsigned limit;
    } ranges[] = {
        { "low", 0x068, 0x06c },
        { "high", 0x070, 0x078 },
    };
    const uint64_t base = 64 * NYX_MIB, last = base + 4 * NYX_MIB - 1;
    Fixture f = start_off("");
    QTestState *qts = f.v->qts;

    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        const char *name = ranges[i].name;

        qvtd_w32(f.v, ranges[i].base, base);
        qvtd_w32(f.v, ranges[i].limit, last & -0x200000ull);
        expect_access(&f, name, base, base, 64);
        qvtd_w32(f.v, QVTD_PMEN, 0x80000000);
        NYX_CHECK(name, qvtd_r32(f.v, QVTD_PMEN), 0x80000001);

        qtest_writeq(qts, base, DATA);
        NYX_CHECK(name, request(&f, NYX_TD_OP_READ, base),
                  NYX_TD_ST_TX_ERROR);
        NYX_CHECK(name, nyx_td_writel(&f.td, base, 0), NYX_TD_ST_TX_ERROR);
        NYX_CHECK(name, nyx_td_writel(&f.td, last - 3, 0),
                  NYX_TD_ST_TX_ERROR);
        NYX_CHECK(name, request(&f, NYX_TD_OP_FETCH_ADD, base),
                  NYX_TD_ST_BLOCKED);
        NYX_CHECK(name, request(&f, NYX_TD_OP_FILL, base - 4),
                  NYX_TD_ST_TX_ERROR);
        NYX_CHECK(name, qtest_readq(qts, base), DATA);
        expect_silence(&f, name);
        NYX_CHECK(name, request(&f, NYX_TD_OP_FILL, base - 8), NYX_TD_ST_OK);
        NYX_CHECK(name, request(&f, NYX_TD_OP_FILL, last + 1), NYX_TD_ST_OK);
        NYX_CHECK(name, qtest_readq(qts, last + 1), DATA);

        qvtd_w32(f.v, QVTD_PMEN, 0);
        NYX_CHECK(name, qvtd_r32(f.v, QVTD_PMEN), 0);
        expect_access(&f, name, base, base, 64);
        /* Above its limit a base protects nothing */
        qvtd_w32(f.v, ranges[i].base, last + 1);
        qvtd_w32(f.v, ranges[i].limit, 0);
    }
    end(&f);
}

static uint32_t ats_fill(Fixture *f, uint32_t at, uint64_t addr)
{
    return nyx_td_request(&f->td, (NyxTdReq) {
        .op = NYX_TD_OP_FILL,
        .attr = at,
        .addr = addr,
        .len = 8,
        .operand = DATA,
    });
}

/* 11.4.16: with translation on, of pass-through and translated requests. */
static void test_protected_on(void)
{
    const uint64_t base = 64 * NYX_MIB;
    Fixture f = start(",device-iotlb=on", TT_DEVICE_TLB);

    qvtd_w32(f.v, QVTD_PLMBASE, base);
    qvtd_w32(f.v, QVTD_PLMLIMIT, base);
    qvtd_w32(f.v, QVTD_PMEN, 0x80000000);
    qtest_writeq(f.v->qts, base, DATA);
    NYX_CHECK("translated", ats_fill(&f, NYX_TD_ATTR_AT_TRANSLATED, base),
              NYX_TD_ST_BLOCKED);
    NYX_CHECK("translated, beside", ats_fill(&f, NYX_TD_ATTR_AT_TRANSLATED,
                                             f.page), NYX_TD_ST_OK);
    qvtd_context(f.v, SID, TT_PASS_THROUGH << 2 | 1, DID << 8 | 2);
    flush(&f);
    NYX_CHECK("pass-through", nyx_td_writel(&f.td, base, 0),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("pass-through, beside", nyx_td_writel(&f.td, f.page, 0),
              NYX_TD_ST_OK);
    NYX_CHECK("memory", qtest_readq(f.v->qts, base), DATA);
    expect_silence(&f, NULL);
    end(&f);
}

/* A request over pages that are not neighbours, and one with a hole. */
static void test_crossing(void)
{
    Fixture f = start("", TT_UNTRANSLATED);
    QTestState *qts = f.v->qts;
    uint64_t other = nyx_pc_pages(f.v->pc, 4);
    uint64_t at = IOVA + 0xffc, seen = 0;

    qvtd_map(f.v, &f.dom, IOVA + 0x1000, other, 12, 3);
    NYX_CHECK("both", request(&f, NYX_TD_OP_FILL, at), NYX_TD_ST_OK);
    NYX_CHECK("both", qtest_readl(qts, f.page + 0xffc), 0x55667788);
    NYX_CHECK("both", qtest_readl(qts, other), 0x11223344);
    NYX_CHECK("both", nyx_td_read(&f.td, at, &seen, 8), NYX_TD_ST_OK);
    NYX_CHECK("both", le64_to_cpu(seen), DATA);
    expect_silence(&f, "both");

    qvtd_map(f.v, &f.dom, IOVA + 0x1000, 0, 12, 0);
    flush(&f);
    qtest_writel(qts, f.page + 0xffc, 0);
    qtest_writel(qts, other, 0);
    NYX_CHECK("write", request(&f, NYX_TD_OP_FILL, at), NYX_TD_ST_TX_ERROR);
    NYX_CHECK("write", nyx_td_r32(&f.td, NYX_TD_DMA_MEMTX), 2);
    NYX_CHECK("write", qtest_readl(qts, f.page + 0xffc), 0x55667788);
    NYX_CHECK("write", qtest_readl(qts, other), 0);
    expect_record(&f, "write", IOVA + 0x1000, 0x8000000500000020);
    NYX_CHECK("read", request(&f, NYX_TD_OP_READ, at), NYX_TD_ST_TX_ERROR);
    expect_record(&f, "read", IOVA + 0x1000, 0xc000000600000020);
    end(&f);
}

/*
 * A page that a read has cached, then written: the refusal by the cached
 * entry is a fault like any other.
 */
static void test_hit_refused(void)
{
    Fixture f = start("", TT_UNTRANSLATED);

    qvtd_map(f.v, &f.dom, IOVA, f.page, 12, 1);
    NYX_CHECK("read", request(&f, NYX_TD_OP_READ, IOVA), NYX_TD_ST_OK);
    /* Only in the cache it cannot be written */
    qvtd_map(f.v, &f.dom, IOVA, f.page, 12, 3);
    NYX_CHECK("write", request(&f, NYX_TD_OP_FILL, IOVA), NYX_TD_ST_TX_ERROR);
    expect_record(&f, "write", IOVA, 0x8000000500000020);
    NYX_CHECK("atomic", request(&f, NYX_TD_OP_SWAP, IOVA), NYX_TD_ST_BLOCKED);
    expect_record(&f, "atomic", IOVA, 0xc000000510000020);
    NYX_CHECK("memory", qtest_readq(f.v->qts, f.page), 0);
    flush(&f);
    expect_access(&f, "flushed", IOVA, f.page, 12);
    end(&f);
}

/*
 * 3.14: of a leaf that the interrupt range is part of, addresses in that
 * range are refused and the others are not.
 */
static void test_interrupt_range(void)
{
    static const struct {
        const char *name;
        uint64_t gpa;
        unsigned lg2;
        bool refused;
    } rows[] = {
        { "1G: first", 0xc0000000, 30, false },
        { "1G: below", 0xfedff000, 30, false },
        { "1G: first interrupt", 0xfee00000, 30, true },
        { "1G: last interrupt", 0xfeefffff, 30, true },
        { "1G: above", 0xfef00000, 30, false },
        { "1G: last", 0xffffffff, 30, false },
        { "2M: first interrupt", 0xfee00000, 21, true },
        { "2M: last interrupt", 0xfeefffff, 21, true },
        { "2M: above", 0xfef00000, 21, false },
        { "2M: next", 0xff000000, 21, false },
        { "4K: below", 0xfedff000, 12, false },
        { "4K: first interrupt", 0xfee00000, 12, true },
        { "4K: last interrupt", 0xfeeff000, 12, true },
        { "4K: above", 0xfef00000, 12, false },
    };
    Fixture f = start("", TT_UNTRANSLATED);
    uint32_t vector = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t size = 1ull << rows[i].lg2, gpa = rows[i].gpa;
        uint64_t iova = (uint64_t)(i + 1) << 32 | gpa;

        qvtd_map(f.v, &f.dom, iova & -size, gpa & -size, rows[i].lg2, 3);
        NYX_CHECK(rows[i].name, request(&f, NYX_TD_OP_ZERO_READ, iova),
                  rows[i].refused ? NYX_TD_ST_BLOCKED : NYX_TD_ST_OK);
        if (rows[i].refused) {
            expect_record(&f, rows[i].name, iova & -0x1000ull,
                          0xc000000e00000020);
        } else {
            NYX_CHECK(rows[i].name, nyx_td_answer(&f.td).addr, gpa);
            expect_silence(&f, rows[i].name);
        }
    }
    /* The firmware's jump, through a leaf with the range in it */
    NYX_CHECK("reset vector", nyx_td_readl(&f.td, 0x1fffffff0, &vector),
              NYX_TD_ST_OK);
    NYX_CHECK("reset vector", vector & 0xff, 0xea);
    end(&f);
}

/* Tables in the unit's registers are refused; data there is a plain access. */
static void test_registers_as_target(void)
{
    Fixture f = start("", TT_UNTRANSLATED);
    uint32_t ver = 0;

    qvtd_map(f.v, &f.dom, IOVA, REGISTERS, 12, 3);
    NYX_CHECK(NULL, nyx_td_readl(&f.td, IOVA, &ver), NYX_TD_ST_OK);
    NYX_CHECK(NULL, ver, 0x10);
    expect_silence(&f, NULL);
    end(&f);
}

/* --- ATS ------------------------------------------------------------------ */

static void test_ats(void)
{
    static const struct {
        const char *name;
        uint64_t iova;
        unsigned lg2;
        unsigned rw;
    } rows[] = {
        { "4K", 0x1000, 12, 3 },
        { "4K, read", 0x2000, 12, 1 },
        { "4K, write", 0x3000, 12, 2 },
        { "2M", 0x40000000, 21, 3 },
        { "1G, read", 0x80000000, 30, 1 },
    };
    Fixture f = start(",device-iotlb=on", TT_DEVICE_TLB);
    NyxTdAnswer answer;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *name = rows[i].name;
        uint64_t gpa = rows[i].lg2 == 30 ? 0 : 64 * NYX_MIB;

        qvtd_map(f.v, &f.dom, rows[i].iova, gpa, rows[i].lg2, rows[i].rw);
        NYX_CHECK(name, nyx_td_translate(&f.td, rows[i].iova + 0x10, -1,
                                         &answer), NYX_TD_ST_OK);
        NYX_CHECK(name, answer.addr, gpa + 0x10);
        NYX_CHECK(name, answer.mask, (1ull << rows[i].lg2) - 1);
        NYX_CHECK(name, answer.access, rows[i].rw);
        expect_silence(&f, name);
    }
    /* Missing rights are an answer, not a fault */
    NYX_CHECK("hole", nyx_td_translate(&f.td, 0x9000, -1, &answer),
              NYX_TD_ST_NO_MAPPING);
    expect_silence(&f, "hole");
    /* Written to as it is, and nothing for the cache */
    nyx_td_w32(&f.td, NYX_TD_ATC_CTRL, NYX_TD_ATC_FLUSH);
    NYX_CHECK("interrupts", nyx_td_translate(&f.td, 0xfee00000, -1, &answer),
              NYX_TD_ST_OK);
    NYX_CHECK("interrupts", answer.access, 2);
    NYX_CHECK("interrupts", nyx_td_r32(&f.td, NYX_TD_DMA_XATS),
              NYX_TD_ATS_UNTRANSLATED);
    NYX_CHECK("interrupts", nyx_td_r32(&f.td, NYX_TD_ATC_COUNT), 0);
    expect_silence(&f, "interrupts");

    /* Through the device's cache, translated, and as if nothing were new */
    NYX_CHECK("cache", ats_fill(&f, NYX_TD_ATTR_AT_ATC, 0x1008),
              NYX_TD_ST_OK);
    NYX_CHECK("cache", qtest_readq(f.v->qts, 64 * NYX_MIB + 8), DATA);
    NYX_CHECK("translated", ats_fill(&f, NYX_TD_ATTR_AT_TRANSLATED, f.page),
              NYX_TD_ST_OK);
    NYX_CHECK("translated", qtest_readq(f.v->qts, f.page), DATA);
    NYX_CHECK("interrupts", ats_fill(&f, NYX_TD_ATTR_AT_TRANSLATED,
                                     0xfee00000), NYX_TD_ST_BLOCKED);
    qvtd_clear_faults(f.v);
    expect_access(&f, "untranslated", IOVA, f.page, 12);
    end(&f);
}

/* 3.14: only writes of 4 bytes go to that range; tables are not asked. */
static void test_interrupt_input(void)
{
    static const struct {
        const char *name;
        uint32_t op;
        uint64_t addr;
    } rows[] = {
        { "read", NYX_TD_OP_READ, 0xfee00000 },
        { "write of 8 bytes", NYX_TD_OP_FILL, 0xfee00000 },
        { "zero-length read", NYX_TD_OP_ZERO_READ, 0xfee00000 },
        { "zero-length read, last", NYX_TD_OP_ZERO_READ, 0xfeefffff },
        { "atomic", NYX_TD_OP_FETCH_ADD, 0xfee00000 },
        { "atomic, last", NYX_TD_OP_SWAP, 0xfeeffff8 },
    };
    Fixture f = start("", TT_UNTRANSLATED);

    qvtd_map(f.v, &f.dom, 0xfee00000, f.page, 12, 3);
    qvtd_map(f.v, &f.dom, 0xfeeff000, f.page, 12, 3);
    qvtd_map(f.v, &f.dom, 0xfedff000, f.page, 12, 3);
    qvtd_map(f.v, &f.dom, 0xfef00000, f.page, 12, 3);
    for (unsigned on = 2; on--; ) {
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
            bool ok = request(&f, rows[i].op, rows[i].addr) == NYX_TD_ST_OK;

            NYX_CHECK(rows[i].name, ok, false);
            NYX_CHECK(rows[i].name, qtest_readq(f.v->qts, f.page), 0);
            expect_silence(&f, rows[i].name);
        }
        if (on) {
            expect_access(&f, "below", 0xfedffff8, f.page + 0xff8, 12);
            expect_access(&f, "above", 0xfef00008, f.page + 8, 12);
            g_assert_true(qvtd_gcmd(f.v, QVTD_TE, false));
        }
    }
    NYX_CHECK("interrupts", nyx_apic_irrs(f.v->pc, 0), 0);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_data_func("/nyx/vtd-translate/leaves/39", GUINT_TO_POINTER(39),
                        test_leaves);
    qtest_add_data_func("/nyx/vtd-translate/leaves/48", GUINT_TO_POINTER(48),
                        test_leaves);
    qtest_add_data_func("/nyx/vtd-translate/leaves/57", GUINT_TO_POINTER(57),
                        test_leaves);
    qtest_add_func("/nyx/vtd-translate/rights", test_rights);
    qtest_add_func("/nyx/vtd-translate/scattered", test_scattered);
    qtest_add_func("/nyx/vtd-translate/caching-mode", test_caching_mode);
    qtest_add_func("/nyx/vtd-translate/identity", test_identity);
    qtest_add_func("/nyx/vtd-translate/pass-through", test_pass_through);
    qtest_add_func("/nyx/vtd-translate/off-refused", test_off_refused);
    qtest_add_func("/nyx/vtd-translate/protected", test_protected);
    qtest_add_func("/nyx/vtd-translate/protected-on", test_protected_on);
    qtest_add_func("/nyx/vtd-translate/crossing", test_crossing);
    qtest_add_func("/nyx/vtd-translate/hit-refused", test_hit_refused);
    qtest_add_func("/nyx/vtd-translate/interrupt-range",
                   test_interrupt_range);
    qtest_add_func("/nyx/vtd-translate/interrupt-input",
                   test_interrupt_input);
    qtest_add_func("/nyx/vtd-translate/registers", test_registers_as_target);
    qtest_add_func("/nyx/vtd-translate/ats/requests", test_ats);
    return g_test_run();
}
