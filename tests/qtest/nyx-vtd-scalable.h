/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with nyx-vtd in scalable mode and one nyx-testdev.  PASIDs 1 to 4
 * have the translation type of their number and a page each at IOVA.
 */
#ifndef TESTS_NYX_VTD_SCALABLE_H
#define TESTS_NYX_VTD_SCALABLE_H

#include "qemu/bitops.h"
#include "libqos/nyx-vtd-scalable.h"

#define SID             0x20        /* 00:04.0 */
#define SID2            0x28        /* 00:05.0, where a test has it */
#define REGISTERS       0xfed90000ull   /* the unit's own */
#define NOTHING         (1ull << 39)    /* below 2^40, but no memory */

#define IOVA            0x456789abc000ull
#define DID             0x10        /* and the PASID added */
#define LEVELS          4
#define DATA            0x1122334455667788ull

#define NO_PASID        (-1)

#define EXEC            NYX_TD_ATTR_EXEC
#define PRIV            NYX_TD_ATTR_PRIV
#define TRANSLATED      NYX_TD_ATTR_AT_TRANSLATED

typedef struct Scene {
    QVtd *v;
    NyxTestdev td;
    uint64_t ctx;            /* addresses of the entries */
    uint64_t dir;
    QVtdSpace space[5];      /* by PASID */
    uint64_t page[5];
} Scene;

/* A machine with the unit off. */
static inline Scene scene_off(const char *options)
{
    Scene s = {
        .v = qvtd_start("-M q35 -device nyx-vtd,id=iommu,scalable-mode=on%s "
                        "-device nyx-testdev,addr=4", options),
    };

    s.td = nyx_td_get(s.v->pc->pci, SID);
    return s;
}

static inline void scene_space(Scene *s, unsigned pgtt)
{
    s->space[pgtt] = qvtd_space(s->v, SID, pgtt, pgtt, DID + pgtt, LEVELS);
    s->page[pgtt] = nyx_pc_pages(s->v->pc, 1);
    qvtd_space_map(&s->space[pgtt], IOVA, s->page[pgtt], 12);
}

/* The spaces, those of @types (a bit each); translation on. */
static inline Scene scene_start_types(const char *options, unsigned types)
{
    Scene s = scene_off(options);

    g_assert_true(qvtd_enable_scalable(s.v));
    s.ctx = qvtd_function(s.v, SID);
    s.dir = qvtd_directory_at(s.v, SID, 0);
    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_PASS; pgtt++) {
        if (types & 1u << pgtt) {
            scene_space(&s, pgtt);
        }
    }
    return s;
}

static inline Scene scene_start(const char *options)
{
    return scene_start_types(options, 0x1e);
}

static inline void scene_end(Scene *s)
{
    nyx_td_put(&s->td);
    qvtd_end(s->v);
}

/* Where a PASID of 1 to 4 finds its page. */
static inline uint64_t scene_iova(const Scene *s, uint32_t pasid)
{
    return pasid == QVTD_PASS ? s->page[pasid] : IOVA;
}

/* Requests without a PASID take this one (RID_PASID). */
static inline void scene_rid(Scene *s, uint32_t pasid)
{
    qtest_writeq(s->v->qts, s->ctx + 8, pasid);
}

/* A request of 8 bytes; @attr is added to what the PASID needs. */
static inline uint32_t dma(const NyxTestdev *td, int pasid, uint32_t op,
                           uint32_t attr, uint64_t addr)
{
    return nyx_td_request(td, (NyxTdReq) {
        .op = op,
        .attr = attr | (pasid == NO_PASID ? 0 : NYX_TD_ATTR_PASID),
        .pasid = pasid == NO_PASID ? 0 : pasid,
        .addr = addr,
        .len = 8,
        .operand = DATA,
    });
}

/* What a read finds; anything else than success is the status, negated. */
static inline uint64_t dma_read(const NyxTestdev *td, int pasid,
                                uint32_t attr, uint64_t addr)
{
    uint64_t value;
    uint32_t status = dma(td, pasid, NYX_TD_OP_READ, attr, addr);

    if (status != NYX_TD_ST_OK) {
        return -(uint64_t)status;
    }
    nyx_td_get_data(td, &value, sizeof(value));
    return le64_to_cpu(value);
}

static inline void expect_no_fault(Scene *s, const char *row)
{
    NYX_CHECK(row, qvtd_r32(s->v, QVTD_FSTS) & 0xff, 0);
    qvtd_clear_faults(s->v);
}

/* One record, with these words, and nothing else reported. */
static inline void expect_fault(Scene *s, const char *row, uint64_t lo,
                                uint64_t hi)
{
    QVtdRecord record = qvtd_take(s->v);

    NYX_CHECK(row, record.lo, lo);
    NYX_CHECK(row, record.hi, hi);
    expect_no_fault(s, row);
}

/* Every kind of request at @iova, which is memory at @gpa. */
static inline void expect_data(Scene *s, const char *row, int pasid,
                               uint64_t iova, uint64_t gpa)
{
    QTestState *qts = s->v->qts;

    qtest_writeq(qts, gpa, 0);
    NYX_CHECK(row, dma(&s->td, pasid, NYX_TD_OP_FILL, 0, iova), NYX_TD_ST_OK);
    NYX_CHECK(row, qtest_readq(qts, gpa), DATA);
    qtest_writeq(qts, gpa, gpa + 1);
    NYX_CHECK(row, dma_read(&s->td, pasid, 0, iova), gpa + 1);
    NYX_CHECK(row, dma(&s->td, pasid, NYX_TD_OP_FETCH_ADD, 0, iova),
              NYX_TD_ST_OK);
    NYX_CHECK(row, qtest_readq(qts, gpa), gpa + 1 + DATA);
    NYX_CHECK(row, nyx_td_r64(&s->td, NYX_TD_DMA_OLD), gpa + 1);
    NYX_CHECK(row, nyx_td_answer(&s->td).addr, gpa);
    NYX_CHECK(row, dma(&s->td, pasid, NYX_TD_OP_ZERO_READ, 0, iova),
              NYX_TD_ST_OK);
    expect_no_fault(s, row);
}

#endif
