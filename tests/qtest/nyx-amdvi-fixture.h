/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with nyx-amdvi and one nyx-testdev, a domain with one page, and
 * what a request through them has to come to.
 */
#ifndef TESTS_NYX_AMDVI_FIXTURE_H
#define TESTS_NYX_AMDVI_FIXTURE_H

#include "qemu/bitops.h"
#include "libqos/nyx-amdvi.h"

#define SID             0x20        /* 00:04.0 */

#define DATA            0x1122334455667788ull

/* Of the domain that most tests use: 4 levels, one page */
#define IOVA            0x456789abc000ull
#define DID             7

/* The first word of an IO_PAGE_FAULT of SID's, without flags. */
#define PAGE_FAULT(did) (2ull << 60 | (uint64_t)(did) << 32 | SID)

typedef struct Fixture {
    QAmd *v;
    NyxTestdev td;
    QAmdDomain dom;
    uint64_t page;           /* that IOVA is mapped to */
} Fixture;

/* The IOMMU with these options, off, and the test device. */
static inline Fixture start_off(const char *options)
{
    Fixture f = {
        .v = qamd_start("-M q35 -device nyx-amdvi,id=iommu%s "
                        "-device nyx-testdev,addr=4", options),
    };

    f.td = nyx_td_get(f.v->pc->pci, SID);
    f.page = nyx_pc_pages(f.v->pc, 1);
    return f;
}

/* The same, on, with one page mapped. */
static inline Fixture start(const char *options)
{
    Fixture f = start_off(options);

    qamd_enable(f.v, 0);
    f.dom = qamd_domain(f.v, DID, 4);
    qamd_map(f.v, &f.dom, IOVA, f.page, 12, QAMD_RW);
    qamd_attach(f.v, SID, &f.dom, 0);
    qamd_flush(f.v);
    return f;
}

static inline void end(Fixture *f)
{
    nyx_td_put(&f->td);
    qamd_end(f->v);
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

/*
 * A write or a read of a doubleword that must be refused: QEMU makes a larger
 * one of several, each with an event of its own.
 */
static inline void expect_refused(Fixture *f, const char *row, bool write,
                                  uint64_t addr)
{
    const NyxTdReq req = {
        .op = write ? NYX_TD_OP_FILL : NYX_TD_OP_READ, .addr = addr, .len = 4,
    };

    NYX_CHECK(row, nyx_td_request(&f->td, req), NYX_TD_ST_TX_ERROR);
}

/* One event, with these words, and no other one. */
static inline void expect_event(Fixture *f, const char *row, uint64_t lo,
                                uint64_t hi)
{
    QAmdEvent event = qamd_take(f->v);

    NYX_CHECK(row, event.lo, lo);
    NYX_CHECK(row, event.hi, hi);
    NYX_CHECK(row, qamd_take(f->v).valid, false);
    qamd_clear_events(f->v);
}

static inline void expect_silence(Fixture *f, const char *row)
{
    NYX_CHECK(row, qamd_take(f->v).lo, 0);
    qamd_clear_events(f->v);
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
    expect_silence(f, row);
}

#endif
