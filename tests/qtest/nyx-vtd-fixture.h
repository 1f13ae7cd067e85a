/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with nyx-vtd and one nyx-testdev, a domain with one page, and
 * what a request through them has to come to.
 */
#ifndef TESTS_NYX_VTD_FIXTURE_H
#define TESTS_NYX_VTD_FIXTURE_H

#include "qemu/bitops.h"
#include "libqos/nyx-vtd.h"

#define SID             0x20        /* 00:04.0 */
#define REGISTERS       0xfed90000ull   /* the unit's own */

#define DATA            0x1122334455667788ull

/* Of the domain that most tests use: 4 levels, one page */
#define IOVA            0x456789abc000ull
#define DID             7

#define TT_UNTRANSLATED 0
#define TT_DEVICE_TLB   1
#define TT_PASS_THROUGH 2

typedef struct Fixture {
    QVtd *v;
    NyxTestdev td;
    QVtdDomain dom;
    uint64_t page;           /* that IOVA is mapped to */
} Fixture;

/* A unit with these options, off, and the test device. */
static inline Fixture start_off(const char *options)
{
    Fixture f = {
        .v = qvtd_start("-M q35 -device nyx-vtd,id=iommu%s "
                        "-device nyx-testdev,addr=4", options),
    };

    f.td = nyx_td_get(f.v->pc->pci, SID);
    f.page = nyx_pc_pages(f.v->pc, 1);
    return f;
}

/* The same with translation on and one page mapped. */
static inline Fixture start(const char *options, unsigned tt)
{
    Fixture f = start_off(options);

    g_assert_true(qvtd_enable(f.v));
    f.dom = qvtd_domain(f.v, DID, 4);
    qvtd_map(f.v, &f.dom, IOVA, f.page, 12, 3);
    qvtd_attach(f.v, SID, &f.dom, tt);
    return f;
}

static inline void end(Fixture *f)
{
    nyx_td_put(&f->td);
    qvtd_end(f->v);
}

static inline void flush(Fixture *f)
{
    g_assert_true(qvtd_flush_context(f->v));
    g_assert_true(qvtd_flush_iotlb(f->v));
}

static inline uint32_t request(Fixture *f, uint32_t op, uint64_t addr)
{
    return nyx_td_request(&f->td, (NyxTdReq) {
        .op = op,
        .addr = addr,
        .len = 8,
        .operand = DATA,
    });
}

/* One record, with these words, and nothing else reported. */
static inline void expect_record(Fixture *f, const char *row, uint64_t lo,
                                 uint64_t hi)
{
    QVtdRecord record = qvtd_take(f->v);

    NYX_CHECK(row, record.lo, lo);
    NYX_CHECK(row, record.hi, hi);
    NYX_CHECK(row, qvtd_r32(f->v, QVTD_FSTS) & 0xff, 0);
    qvtd_clear_faults(f->v);
}

static inline void expect_silence(Fixture *f, const char *row)
{
    NYX_CHECK(row, qvtd_r32(f->v, QVTD_FSTS) & 0xff, 0);
    qvtd_clear_faults(f->v);
}

/* Every kind of request at @iova, which is memory at @gpa. */
static inline void expect_access(Fixture *f, const char *row, uint64_t iova,
                                 uint64_t gpa, unsigned lg2)
{
    QTestState *qts = f->v->qts;
    uint64_t seen = 0;

    NYX_CHECK(row, request(f, NYX_TD_OP_FILL, iova), NYX_TD_ST_OK);
    NYX_CHECK(row, qtest_readq(qts, gpa), DATA);
    qtest_writeq(qts, gpa, ~DATA);
    NYX_CHECK(row, nyx_td_read(&f->td, iova, &seen, 8), NYX_TD_ST_OK);
    NYX_CHECK(row, le64_to_cpu(seen), ~DATA);
    qtest_writeq(qts, gpa, 1);
    NYX_CHECK(row, request(f, NYX_TD_OP_FETCH_ADD, iova), NYX_TD_ST_OK);
    NYX_CHECK(row, qtest_readq(qts, gpa), DATA + 1);
    NYX_CHECK(row, nyx_td_r64(&f->td, NYX_TD_DMA_OLD), 1);
    NYX_CHECK(row, nyx_td_answer(&f->td).addr, gpa);
    NYX_CHECK(row, nyx_td_answer(&f->td).mask, MAKE_64BIT_MASK(0, lg2));
    NYX_CHECK(row, nyx_td_answer(&f->td).access, 3);
    NYX_CHECK(row, request(f, NYX_TD_OP_ZERO_READ, iova), NYX_TD_ST_OK);
    expect_silence(f, row);
}

#endif
