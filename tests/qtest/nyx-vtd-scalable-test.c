/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-vtd in scalable mode, in QEMU: each translation type moves data, what
 * the options make of it, accessed and dirty bits in guest memory.
 */
#include "qemu/osdep.h"
#include "nyx-vtd-scalable.h"

/* --- Translation types ---------------------------------------------------- */

typedef struct TypeRow {
    const char *name;
    const char *options;
    unsigned pgtt;
    unsigned levels;
    uint64_t iova;
    unsigned lg2;
} TypeRow;

static const TypeRow type_rows[] = {
    { "first, 4 levels", "", QVTD_FIRST, 4, IOVA, 12 },
    { "first, 4 levels, 2M", "", QVTD_FIRST, 4, 0x7fffffe00000, 21 },
    { "first, 4 levels, upper half", "", QVTD_FIRST, 4, 0xffff800000000000,
      12 },
    { "first, 5 levels", "", QVTD_FIRST, 5, 0xabcdef0123000, 12 },
    { "first, 5 levels, upper half", "", QVTD_FIRST, 5, 0xff00000000200000,
      21 },
    { "second, 3 levels", ",aw-bits=39", QVTD_SECOND, 3, 0x7ffffff000, 12 },
    { "second, 4 levels", "", QVTD_SECOND, 4, IOVA, 12 },
    { "second, 4 levels, 2M", "", QVTD_SECOND, 4, 0xffffffe00000, 21 },
    { "second, 5 levels", ",aw-bits=57", QVTD_SECOND, 5, 0x1ffffffffff000,
      12 },
    { "nested, 4 levels", "", QVTD_NESTED, 4, IOVA, 12 },
    { "nested, 4 levels, 2M", "", QVTD_NESTED, 4, 0x600000, 21 },
    { "nested, 5 levels", ",aw-bits=57", QVTD_NESTED, 5, 0xabcdef0123000,
      12 },
};

/* With a PASID that needs both its indices, and without one. */
static void check_type(const TypeRow *row)
{
    Scene s = scene_off(row->options);
    const uint32_t pasid = 0x12345;
    uint64_t offset = MAKE_64BIT_MASK(0, row->lg2) & 0xff8;
    uint64_t page;
    QVtdSpace space;

    g_assert_true(qvtd_enable_scalable(s.v));
    s.ctx = qvtd_function(s.v, SID);
    space = qvtd_space(s.v, SID, pasid, row->pgtt, DID, row->levels);
    page = nyx_pc_pages(s.v->pc, row->lg2 == 21 ? 512 : 1);
    qvtd_space_map(&space, row->iova, page, row->lg2);
    expect_data(&s, row->name, pasid, row->iova + offset, page + offset);
    NYX_CHECK(row->name, nyx_td_answer(&s.td).mask,
              MAKE_64BIT_MASK(0, row->lg2));
    NYX_CHECK(row->name, nyx_td_answer(&s.td).access, 3);
    scene_rid(&s, pasid);
    qvtd_flush_scalable(s.v);
    expect_data(&s, row->name, NO_PASID, row->iova, page);
    /* Neighbours in the table and in the directory have nothing. */
    NYX_CHECK(row->name, dma(&s.td, pasid ^ 1, NYX_TD_OP_FILL, 0, row->iova),
              NYX_TD_ST_BLOCKED);
    expect_fault(&s, row->name, row->iova, 0x8123445980000020);
    NYX_CHECK(row->name, dma(&s.td, pasid ^ 64, NYX_TD_OP_FILL, 0,
                             row->iova), NYX_TD_ST_BLOCKED);
    expect_fault(&s, row->name, row->iova, 0x8123055180000020);
    scene_end(&s);
}

static void test_types(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(type_rows); i++) {
        check_type(&type_rows[i]);
    }
}

static void test_pass_through(void)
{
    Scene s = scene_start("");
    uint64_t page = s.page[QVTD_PASS];

    expect_data(&s, "PASID", QVTD_PASS, page, page);
    scene_rid(&s, QVTD_PASS);
    qvtd_flush_scalable(s.v);
    expect_data(&s, "RID", NO_PASID, page, page);
    scene_end(&s);
}

/* All at once, at one address: each goes where its PASID says. */
static void test_pasids(void)
{
    static const char *const caches[] = { "", ",cache=sticky", ",cache=off" };

    for (unsigned i = 0; i < ARRAY_SIZE(caches); i++) {
        Scene s = scene_start(caches[i]);

        for (unsigned turn = 0; turn < 2; turn++) {
            for (uint32_t pasid = QVTD_FIRST; pasid <= QVTD_PASS; pasid++) {
                expect_data(&s, caches[i], pasid,
                            scene_iova(&s, pasid) + 8 * pasid,
                            s.page[pasid] + 8 * pasid);
            }
        }
        scene_end(&s);
    }
}

/* Functions of the upper half of a bus have another table: UCTP. */
static void test_upper_functions(void)
{
    QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu,scalable-mode=on "
                         "-device nyx-testdev,addr=4 "
                         "-device nyx-testdev,addr=0x14");
    Scene s = { .v = v, .td = nyx_td_get(v->pc->pci, 0xa0) };
    QVtdSpace space;
    uint64_t page;

    g_assert_true(qvtd_enable_scalable(v));
    qvtd_function(v, SID);
    NYX_CHECK("no UP", dma(&s.td, 3, NYX_TD_OP_READ, 0, IOVA),
              NYX_TD_ST_BLOCKED);
    expect_fault(&s, "no UP", IOVA, 0xc0000339800000a0);
    space = qvtd_space(v, 0xa0, 3, QVTD_FIRST, DID, 4);
    page = nyx_pc_pages(v->pc, 1);
    qvtd_space_map(&space, IOVA, page, 12);
    expect_data(&s, "UP", 3, IOVA, page);
    scene_end(&s);
}

/* --- RID_PASID and RID_PRIV ----------------------------------------------- */

static void test_rid_pasid(void)
{
    Scene s = scene_start("");

    for (uint32_t pasid = QVTD_FIRST; pasid <= QVTD_PASS; pasid++) {
        scene_rid(&s, pasid);
        qvtd_flush_scalable(s.v);
        expect_data(&s, "RID_PASID", NO_PASID, scene_iova(&s, pasid),
                    s.page[pasid]);
    }
    /* Not for requests that have one, nor told in a record. */
    expect_data(&s, "own PASID", QVTD_FIRST, IOVA, s.page[QVTD_FIRST]);
    scene_rid(&s, QVTD_FIRST);
    qvtd_flush_scalable(s.v);
    NYX_CHECK("hole", dma(&s.td, NO_PASID, NYX_TD_OP_READ, 0, 0x1000),
              NYX_TD_ST_TX_ERROR);
    expect_fault(&s, "hole", 0x1000, 0xc000007100000020);

    /* RID_PRIV: a page of the supervisor's, with SRE and without. */
    qvtd_fs_map(&s.space[QVTD_FIRST], IOVA, s.page[QVTD_FIRST], 12, 3);
    qvtd_flush_scalable(s.v);
    NYX_CHECK("user", dma(&s.td, NO_PASID, NYX_TD_OP_READ, 0, IOVA),
              NYX_TD_ST_TX_ERROR);
    expect_fault(&s, "user", IOVA, 0xc000008100000020);
    scene_rid(&s, QVTD_FIRST | 1 << 20);
    qvtd_flush_scalable(s.v);
    NYX_CHECK("no SRE", dma(&s.td, NO_PASID, NYX_TD_OP_READ, 0, IOVA),
              NYX_TD_ST_TX_ERROR);
    expect_fault(&s, "no SRE", IOVA, 0xc000005d00000020);
    qtest_writeq(s.v->qts, s.space[QVTD_FIRST].at + 16,
                 s.space[QVTD_FIRST].fs | 1);
    qvtd_flush_scalable(s.v);
    expect_data(&s, "SRE", NO_PASID, IOVA, s.page[QVTD_FIRST]);
    scene_end(&s);
}

/* --- Rights --------------------------------------------------------------- */

typedef struct RightRow {
    const char *name;
    uint64_t leaf;           /* bits of the first-stage leaf */
    uint64_t w2;             /* bits of the PASID entry's third word */
    uint32_t op;
    uint32_t attr;
    unsigned code;           /* 0: granted */
} RightRow;

/* SRE 1, ERE 2, WPE 0x10, NXE 0x20, SMEP 0x40; XD 63 */
static const RightRow right_rows[] = {
    { "user reads user", 7, 0, NYX_TD_OP_READ, 0, 0 },
    { "user reads supervisor", 3, 0, NYX_TD_OP_READ, 0, 0x81 },
    { "user writes read-only", 5, 0, NYX_TD_OP_FILL, 0, 0x85 },
    { "supervisor without SRE", 7, 0, NYX_TD_OP_READ, PRIV, 0x5d },
    { "supervisor reads supervisor", 3, 1, NYX_TD_OP_READ, PRIV, 0 },
    { "supervisor writes supervisor", 3, 1, NYX_TD_OP_FILL, PRIV, 0 },
    { "supervisor reads user", 7, 1, NYX_TD_OP_READ, PRIV, 0 },
    { "supervisor writes read-only", 1, 1, NYX_TD_OP_FILL, PRIV, 0 },
    { "the same with WPE", 1, 0x11, NYX_TD_OP_FILL, PRIV, 0x85 },
    { "user beside SRE", 3, 1, NYX_TD_OP_READ, 0, 0x81 },
    { "execute without ERE", 7, 0, NYX_TD_OP_READ, EXEC, 0x5c },
    { "execute", 7, 2, NYX_TD_OP_READ, EXEC, 0 },
    { "execute, XD", 7 | 1ull << 63, 0x22, NYX_TD_OP_READ, EXEC, 0x82 },
    { "read, XD", 7 | 1ull << 63, 0x22, NYX_TD_OP_READ, 0, 0 },
    { "XD without NXE", 7 | 1ull << 63, 2, NYX_TD_OP_READ, 0, 0x72 },
    { "supervisor executes user", 7, 3, NYX_TD_OP_READ, PRIV | EXEC, 0 },
    { "the same with SMEP", 7, 0x43, NYX_TD_OP_READ, PRIV | EXEC, 0x82 },
    { "supervisor executes its own", 3, 0x43, NYX_TD_OP_READ, PRIV | EXEC,
      0 },
};

static void check_right(Scene *s, const RightRow *row, unsigned pgtt)
{
    g_autofree char *name = g_strdup_printf("%s, type %u", row->name, pgtt);
    uint64_t bias = pgtt == QVTD_NESTED ? QVTD_BIAS : 0;
    bool write = row->op == NYX_TD_OP_FILL;
    uint64_t hi = 0x8000000080000020 | (uint64_t)!write << 62 |
                  (uint64_t)pgtt << 40 | (uint64_t)row->code << 32 |
                  (row->attr & EXEC ? 1 << 30 : 0) |
                  (row->attr & PRIV ? 1 << 29 : 0);

    qvtd_fs_map(&s->space[pgtt], IOVA, s->page[pgtt] + bias, 12, row->leaf);
    qtest_writeq(s->v->qts, s->space[pgtt].at + 16,
                 (s->space[pgtt].fs + bias) | row->w2);
    qvtd_flush_scalable(s->v);
    qtest_writeq(s->v->qts, s->page[pgtt], 1);
    NYX_CHECK(name, dma(&s->td, pgtt, row->op, row->attr, IOVA),
              row->code ? NYX_TD_ST_BLOCKED : NYX_TD_ST_OK);
    NYX_CHECK(name, qtest_readq(s->v->qts, s->page[pgtt]),
              write && !row->code ? DATA : 1);
    if (row->code) {
        expect_fault(s, name, IOVA, hi);
    } else {
        expect_no_fault(s, name);
    }
}

static void test_rights(void)
{
    Scene s = scene_start("");

    for (unsigned i = 0; i < ARRAY_SIZE(right_rows); i++) {
        check_right(&s, &right_rows[i], QVTD_FIRST);
        check_right(&s, &right_rows[i], QVTD_NESTED);
    }
    scene_end(&s);
}

/* --- Accessed and dirty --------------------------------------------------- */

/* First stage: 5 A, 6 D, 10 EA.  Second: 8 A, 9 D, with SSADE. */
static void check_marks(Scene *s, const char *row, uint64_t leaf,
                        uint64_t table, uint64_t a, uint64_t d)
{
    QTestState *qts = s->v->qts;

    NYX_CHECK(row, qtest_readq(qts, leaf) & (a | d), a);
    NYX_CHECK(row, qtest_readq(qts, table) & (a | d), a);
    NYX_CHECK(row, dma(&s->td, NO_PASID, NYX_TD_OP_READ, 0, IOVA),
              NYX_TD_ST_OK);
    NYX_CHECK(row, qtest_readq(qts, leaf) & (a | d), a);
    NYX_CHECK(row, dma(&s->td, NO_PASID, NYX_TD_OP_FILL, 0, IOVA),
              NYX_TD_ST_OK);
    NYX_CHECK(row, qtest_readq(qts, leaf) & (a | d), a | d);
    NYX_CHECK(row, qtest_readq(qts, table) & (a | d), a);
}

static void test_marks(void)
{
    Scene s = scene_start("");
    QTestState *qts = s.v->qts;

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_NESTED; pgtt++) {
        const QVtdSpace *space = &s.space[pgtt];
        uint64_t gpa = pgtt == QVTD_NESTED ? s.page[pgtt] + QVTD_BIAS : IOVA;
        g_autofree char *row = g_strdup_printf("type %u", pgtt);

        qtest_writeq(qts, space->at, qtest_readq(qts, space->at) |
                     (pgtt == QVTD_FIRST ? 0 : 1 << 9));
        qtest_writeq(qts, space->at + 16, qtest_readq(qts, space->at + 16) |
                     (pgtt == QVTD_SECOND ? 0 : 1 << 7));
        scene_rid(&s, pgtt);
        qvtd_flush_scalable(s.v);
        NYX_CHECK(row, dma(&s.td, NO_PASID, NYX_TD_OP_READ, 0, IOVA),
                  NYX_TD_ST_OK);
        if (pgtt == QVTD_NESTED) {
            NYX_CHECK(row, qtest_readq(qts, qvtd_ss_entry(space, gpa, 1)) &
                      0x300, 0x100);
        }
        if (pgtt == QVTD_SECOND) {
            check_marks(&s, row, qvtd_ss_entry(space, gpa, 1),
                        qvtd_ss_entry(space, gpa, 4), 0x100, 0x200);
        } else {
            check_marks(&s, row, qvtd_fs_entry(space, IOVA, 1),
                        qvtd_fs_entry(space, IOVA, 4), 0x420, 0x40);
        }
        if (pgtt == QVTD_NESTED) {
            NYX_CHECK(row, qtest_readq(qts, qvtd_ss_entry(space, gpa, 1)) &
                      0x300, 0x300);
            /* A table that was marked in has been written to. */
            gpa = qvtd_fs_entry(space, IOVA, 1) + QVTD_BIAS;
            NYX_CHECK(row, qtest_readq(qts, qvtd_ss_entry(space, gpa, 1)) &
                      0x300, 0x300);
        }
        expect_no_fault(&s, row);
    }
    scene_end(&s);
}

/* Without SSADE the second stage stays as it is, as without EAFE EA does. */
static void test_no_marks(void)
{
    Scene s = scene_start("");
    QTestState *qts = s.v->qts;

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_NESTED; pgtt++) {
        NYX_CHECK("write", dma(&s.td, pgtt, NYX_TD_OP_FILL, 0, IOVA),
                  NYX_TD_ST_OK);
    }
    NYX_CHECK("SS", qtest_readq(qts, qvtd_ss_entry(&s.space[2], IOVA, 1)),
              s.page[2] | 3);
    NYX_CHECK("FS", qtest_readq(qts, qvtd_fs_entry(&s.space[1], IOVA, 1)),
              s.page[1] | 0x67);
    NYX_CHECK("nested", qtest_readq(qts, qvtd_ss_entry(&s.space[3],
                                    s.page[3] + QVTD_BIAS, 1)),
              s.page[3] | 3);
    scene_end(&s);
}

/* 4.1: a grant to write is a write that may come; with NW it is not. */
static void test_marks_by_translation(void)
{
    Scene s = scene_start(",device-iotlb=on");
    QTestState *qts = s.v->qts;
    uint64_t leaf = qvtd_fs_entry(&s.space[1], IOVA, 1);

    NYX_CHECK("request", dma(&s.td, 1, NYX_TD_OP_TRANSLATE, 0, IOVA),
              NYX_TD_ST_OK);
    NYX_CHECK("rights", nyx_td_answer(&s.td).access, 3);
    NYX_CHECK("address", nyx_td_answer(&s.td).addr, s.page[1]);
    NYX_CHECK("marks", qtest_readq(qts, leaf) & 0x60, 0x60);
    NYX_CHECK("translated", dma(&s.td, 1, NYX_TD_OP_FILL, TRANSLATED,
                                s.page[1]), NYX_TD_ST_OK);
    NYX_CHECK("translated", qtest_readq(qts, s.page[1]), DATA);
    expect_no_fault(&s, "translated");
    scene_end(&s);
}

/* Wait until the threads of a run have made so many more requests. */
static void wait_for_requests(Scene *s, uint64_t more)
{
    uint64_t goal = nyx_td_r64(&s->td, NYX_TD_RUN_OPS) + more;

    for (unsigned i = 0; i < NYX_POLLS; i++) {
        if (nyx_td_r64(&s->td, NYX_TD_RUN_OPS) >= goal) {
            return;
        }
    }
    g_assert_not_reached();
}

/*
 * Software changes the entry's upper half, and takes the marks away, while
 * threads write to the page: by the status writes of wait descriptors, which
 * are as close together as walks are.  A mark that is not stored atomically
 * would bring an older upper half back.
 */
static void test_marks_race(void)
{
    Scene s = scene_start("");
    QVtd *v = s.v;
    uint64_t at = qvtd_fs_entry(&s.space[QVTD_FIRST], IOVA, 1);
    const NyxTdRun run = {
        .req = {
            .op = NYX_TD_OP_FILL, .attr = NYX_TD_ATTR_PASID,
            .pasid = QVTD_FIRST, .addr = IOVA, .len = 8,
        },
        .threads = 4,
        .count = 1ull << 40,
    };

    nyx_td_run_start(&s.td, &run);
    for (uint32_t count = 1; count < 1024; ) {
        /* Bits 62:52 are software's; waits have SW on. */
        for (unsigned i = 0; i < 20; i++) {
            qvtd_put(v, (s.page[QVTD_FIRST] | 7) << 32 | 0x25, at);
            qvtd_put(v, 0x0000000100110036, IOVA);
            qvtd_put(v, (uint64_t)count++ << 52 | 0x25, at + 4);
        }
        g_assert_true(qvtd_wait(v));
        NYX_CHECK("software's", qtest_readq(v->qts, at) >> 52, count - 1);
        wait_for_requests(&s, 1000);
        NYX_CHECK("entry", qtest_readq(v->qts, at),
                  (count - 1ull) << 52 | s.page[QVTD_FIRST] | 0x67);
    }
    nyx_td_w32(&s.td, NYX_TD_RUN_CTRL, NYX_TD_RUN_STOP);
    nyx_td_run_wait(&s.td);
    NYX_CHECK("errors", nyx_td_r64(&s.td, NYX_TD_RUN_ERRORS), 0);
    expect_no_fault(&s, "race");
    scene_end(&s);
}

/* --- Options -------------------------------------------------------------- */

typedef struct OptionRow {
    const char *options;
    unsigned pgtt;
    uint64_t w0;             /* bits of the PASID entry that it decides */
    uint64_t w2;
    unsigned code;           /* of a read with a PASID */
} OptionRow;

static const OptionRow option_rows[] = {
    { ",flts=off", QVTD_FIRST, 0, 0, 0x5b },
    { ",x-flts=off", QVTD_FIRST, 0, 0, 0x5b },
    { ",flts=off", QVTD_NESTED, 0, 0, 0x5b },
    { ",flts=off", QVTD_SECOND, 0, 0, 0 },
    { ",ssts=off", QVTD_SECOND, 0, 0, 0x5b },
    { ",ssts=off", QVTD_NESTED, 0, 0, 0x5b },
    { ",ssts=off", QVTD_FIRST, 0, 0, 0 },
    { ",nest=off", QVTD_NESTED, 0, 0, 0x5b },
    { ",nest=off", QVTD_FIRST, 0, 0, 0 },
    { ",pt=off", QVTD_PASS, 0, 0, 0x5b },
    { ",ssads=off", QVTD_SECOND, 1 << 9, 0, 0x5a },
    { ",ssads=off", QVTD_SECOND, 0, 0, 0 },
    { ",eafs=off", QVTD_FIRST, 0, 1 << 7, 0x5a },
    { ",eafs=off", QVTD_FIRST, 0, 0, 0 },
    { ",srs=off", QVTD_FIRST, 0, 1, 0x5a },
    { ",srs=off", QVTD_SECOND, 0, 0, 0 },
    { ",ers=off", QVTD_FIRST, 0, 2, 0x5a },
    { ",ers=off", QVTD_NESTED, 0, 0, 0 },
    { ",fs5lp=off", QVTD_FIRST, 0, 4, 0x5b },
    { ",fs5lp=off", QVTD_FIRST, 0, 0, 0 },
    { ",flts=off", QVTD_SECOND, 0, 1, 0x5a },
};

static void test_options(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(option_rows); i++) {
        const OptionRow *row = &option_rows[i];
        Scene s = scene_start_types(row->options, 1u << row->pgtt);
        QTestState *qts = s.v->qts;
        uint64_t at = s.space[row->pgtt].at;

        qtest_writeq(qts, at, qtest_readq(qts, at) | row->w0);
        qtest_writeq(qts, at + 16, qtest_readq(qts, at + 16) | row->w2);
        qtest_writeq(qts, s.page[row->pgtt], 77);
        NYX_CHECK(row->options, dma_read(&s.td, row->pgtt, 0,
                                         scene_iova(&s, row->pgtt)),
                  row->code ? -(uint64_t)NYX_TD_ST_BLOCKED : 77);
        NYX_CHECK(row->options, qvtd_take_code(s.v), row->code);
        scene_end(&s);
    }
}

/* Of the context entry: RID_PASID, RID_PRIV, PASIDE, DTE. */
static void test_context_options(void)
{
    static const struct {
        const char *options;
        uint64_t w0, w1;
        unsigned code;
    } rows[] = {
        { ",rps=off", 0, 2, 0x42 },
        { ",rprivs=off", 0, 1 << 20, 0x42 },
        { ",pasid-bits=0", 8, 0, 0x42 },
        { "", 4, 0, 0x42 },
        { ",device-iotlb=on", 4, 0, 0 },
        { ",rps=off,rprivs=off,pasid-bits=0", 0, 0, 0 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Scene s = scene_start_types(rows[i].options, 0);
        QTestState *qts = s.v->qts;
        QVtdSpace space = qvtd_space(s.v, SID, 0, QVTD_FIRST, DID, 4);
        uint64_t page = nyx_pc_pages(s.v->pc, 1);

        qvtd_space_map(&space, IOVA, page, 12);
        qtest_writeq(qts, s.ctx, qtest_readq(qts, s.ctx) | rows[i].w0);
        qtest_writeq(qts, s.ctx + 8, rows[i].w1);
        qtest_writeq(qts, page, 77);
        NYX_CHECK(rows[i].options, dma_read(&s.td, NO_PASID, 0, IOVA),
                  rows[i].code ? -(uint64_t)NYX_TD_ST_TX_ERROR : 77);
        NYX_CHECK(rows[i].options, qvtd_take_code(s.v), rows[i].code);
        scene_end(&s);
    }
}

/* With and without the option, and by its other name; what ECAP says. */
static void test_offered(void)
{
    static const struct {
        const char *options;
        uint64_t ecap;
        uint64_t cap;        /* FS1GP and FS5LP */
    } rows[] = {
        { "", 0, 0 },
        { ",scalable-mode=off", 0, 0 },
        /* 26 NEST, 30 ERS, 31 SRS, 34 EAFS, 39:35 PSS, 40 PASID, 43 SMTS,
           45 SSADS, 46 SSTS, 47 FSTS, 48 SMPWCS, 49 RPS, 53 RPRIVS */
        { ",scalable-mode=on", 0x0023e99cc4000000, 0x1100000000000000 },
        { ",x-scalable-mode=on", 0x0023e99cc4000000, 0x1100000000000000 },
        { ",scalable-mode=on,flts=off", 0x0003699800000000, 0 },
        { ",scalable-mode=on,x-flts=off", 0x0003699800000000, 0 },
        { ",scalable-mode=on,caching-mode=on", 0x0003699800000000, 0 },
        { ",scalable-mode=on,caching-mode=on,flts=on", 0x0023e99cc4000000,
          0x1100000000000000 },
        { ",scalable-mode=on,ssts=off", 0x0023899cc0000000,
          0x1100000000000000 },
        { ",scalable-mode=on,pasid-bits=0", 0x0023e804c4000000,
          0x1100000000000000 },
        { ",scalable-mode=on,pasid-bits=16", 0x0023e97cc4000000,
          0x1100000000000000 },
        { ",scalable-mode=on,fs1gp=off,fs5lp=off", 0x0023e99cc4000000, 0 },
        { ",flts=on,pasid-bits=20", 0, 0 },
    };
    /* All of these, with the whole of PSS */
    const uint64_t ecap = 0x0023e9fcc4000000;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu%s",
                             rows[i].options);

        NYX_CHECK(rows[i].options, qvtd_r64(v, QVTD_ECAP) & ecap,
                  rows[i].ecap);
        NYX_CHECK(rows[i].options, qvtd_r64(v, QVTD_CAP) &
                  0x1100000000000000, rows[i].cap);
        qvtd_end(v);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-scalable/types", test_types);
    qtest_add_func("/nyx/vtd-scalable/pass-through", test_pass_through);
    qtest_add_func("/nyx/vtd-scalable/pasids", test_pasids);
    qtest_add_func("/nyx/vtd-scalable/upper-functions",
                   test_upper_functions);
    qtest_add_func("/nyx/vtd-scalable/rid-pasid", test_rid_pasid);
    qtest_add_func("/nyx/vtd-scalable/rights", test_rights);
    qtest_add_func("/nyx/vtd-scalable/marks", test_marks);
    qtest_add_func("/nyx/vtd-scalable/no-marks", test_no_marks);
    qtest_add_func("/nyx/vtd-scalable/marks-by-translation",
                   test_marks_by_translation);
    qtest_add_func("/nyx/vtd-scalable/marks-race", test_marks_race);
    qtest_add_func("/nyx/vtd-scalable/options", test_options);
    qtest_add_func("/nyx/vtd-scalable/context-options", test_context_options);
    qtest_add_func("/nyx/vtd-scalable/offered", test_offered);
    return g_test_run();
}
