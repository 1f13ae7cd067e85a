/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU's own model (10.0 to 10.2) gets wrong in scalable mode, each as a
 * test that it would fail:
 *
 *   hit-permission      a hit in the IOTLB is not checked for permission, and
 *                       a write to a read-only page is dropped without fault
 *   dirty-after-read    no dirty bit if a read brought the entry into the IOTLB
 *   lost-update         accessed and dirty bits are not stored atomically: see
 *                       /nyx-vtd/marks/race and /nyx/vtd-scalable/marks-race
 *   canonical-aw        the first stage's canonical check goes by the second
 *                       stage's AW: with 0, addresses above 1 GiB fault
 *   interrupt-leaf      a large leaf that has the interrupt range in it is
 *                       refused as a whole
 *   interrupt-code      the code for it depends on the option, not the mode
 *   interrupt-pasid     requests with a PASID may not use these addresses
 *   legacy-codes        root, context, second-stage errors have legacy codes
 *   never-raised        44h, 45h, 46h, 5Ah, 5Ch, 5Dh do not exist
 *   entry-reserved      reserved bits of PASID entries, and what makes them so
 *   first-reserved      reserved bits of first-stage entries
 *   entry-absent        an all-zero PASID entry is 5Bh instead of 59h
 *   record-pasid        records have 16 bits of a PASID, and none for context
 *                       faults
 *   record-rid          a record tells a PASID of requests that have none
 *   record-flags        EXE, PRIV, T2 and AT are never set
 *   fpd-root            FPD is taken from an entry that was not read
 *   two-devices         one record: the second device's fault is lost
 *   abort-mode          TTM = 11 behaves as scalable mode
 *   queue-error         no reason; the queue does not go on when IQE is cleared
 *   address-mask        PASID-IOTLB with AM beyond 51 shifts out of range
 *   unaligned           an unaligned page-selective address is not found out
 *   dte                 requests of functions without DTE are answered
 *   pasid-cache         PASID-cache commands do nothing (10.0): a function
 *                       cannot change its domain
 *   not-present         with CM = 1 what is not present is not cached
 */
#include "qemu/osdep.h"
#include "nyx-vtd-scalable.h"

#define MSI         0xfee00000ull

static void set_bits(Scene *s, uint64_t at, uint64_t bits)
{
    qtest_writeq(s->v->qts, at, qtest_readq(s->v->qts, at) | bits);
}

static void clear_bits(Scene *s, uint64_t at, uint64_t bits)
{
    qtest_writeq(s->v->qts, at, qtest_readq(s->v->qts, at) & ~bits);
}

/* The lowest table's entry that decides a type's rights. */
static uint64_t leaf_at(const Scene *s, unsigned pgtt)
{
    return pgtt == QVTD_SECOND ? qvtd_ss_entry(&s->space[pgtt], IOVA, 1)
                               : qvtd_fs_entry(&s->space[pgtt], IOVA, 1);
}

static void test_hit_permission(void)
{
    Scene s = scene_start("");

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_NESTED; pgtt++) {
        clear_bits(&s, leaf_at(&s, pgtt), 2);
        scene_rid(&s, pgtt);
        qvtd_flush_scalable(s.v);
        for (unsigned turn = 0; turn < 2; turn++) {
            NYX_CHECK("read", dma_read(&s.td, NO_PASID, 0, IOVA), 0);
            NYX_CHECK("write", dma(&s.td, NO_PASID, NYX_TD_OP_FILL, 0, IOVA),
                      NYX_TD_ST_TX_ERROR);
            expect_fault(&s, "write", IOVA, 0x8000008500000020);
        }
        NYX_CHECK("memory", qtest_readq(s.v->qts, s.page[pgtt]), 0);
    }
    scene_end(&s);
}

static void test_dirty_after_read(void)
{
    Scene s = scene_start("");

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_NESTED; pgtt++) {
        uint64_t d = pgtt == QVTD_SECOND ? 1 << 9 : 1 << 6;
        uint64_t at = leaf_at(&s, pgtt);

        if (pgtt == QVTD_SECOND) {
            set_bits(&s, s.space[pgtt].at, 1 << 9);
        }
        scene_rid(&s, pgtt);
        qvtd_flush_scalable(s.v);
        for (unsigned turn = 0; turn < 3; turn++) {
            NYX_CHECK("read", dma_read(&s.td, NO_PASID, 0, IOVA + 8), 0);
        }
        NYX_CHECK("clean", qtest_readq(s.v->qts, at) & d, 0);
        NYX_CHECK("write", dma(&s.td, NO_PASID, NYX_TD_OP_FILL, 0, IOVA),
                  NYX_TD_ST_OK);
        NYX_CHECK("dirty", qtest_readq(s.v->qts, at) & d, d);
    }
    scene_end(&s);
}

static void test_canonical_aw(void)
{
    Scene s = scene_start("");

    for (unsigned aw = 0; aw < 8; aw++) {
        clear_bits(&s, s.space[QVTD_FIRST].at, 7 << 2);
        set_bits(&s, s.space[QVTD_FIRST].at, aw << 2);
        qvtd_flush_scalable(s.v);
        expect_data(&s, "AW", QVTD_FIRST, IOVA, s.page[QVTD_FIRST]);
    }
    scene_end(&s);
}

/* 1 GiB at 3 GiB, where the interrupt range, and the unit itself, are. */
static void map_interrupts(Scene *s, unsigned pgtt)
{
    qvtd_space_map(&s->space[pgtt], 0xc0000000, 0xc0000000, 30);
    qvtd_flush_scalable(s->v);
}

static void test_interrupt_leaf(void)
{
    Scene s = scene_start("");
    const uint64_t beside[] = {
        s.td.bar + NYX_TD_WINDOW, MSI - 8, MSI + 0x100000,
    };

    /* There is no memory: the answer tells where a request went to. */
    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_SECOND; pgtt++) {
        map_interrupts(&s, pgtt);
        for (unsigned i = 0; i < ARRAY_SIZE(beside); i++) {
            dma(&s.td, pgtt, NYX_TD_OP_READ, 0, beside[i]);
            NYX_CHECK("beside", nyx_td_answer(&s.td).addr, beside[i]);
            expect_no_fault(&s, "beside");
        }
        dma(&s.td, pgtt, NYX_TD_OP_READ, 0, MSI + 0xfff00);
        expect_fault(&s, "in it", MSI + 0xff000,
                     0xc000008780000020 | (uint64_t)pgtt << 40);
    }
    scene_end(&s);
}

/* The same unit, the same page: 87h in scalable mode, Eh in legacy mode. */
static void test_interrupt_code(void)
{
    Scene s = scene_start("");
    QVtdDomain dom;

    qvtd_ss_map(&s.space[QVTD_SECOND], IOVA, MSI, 12, 3);
    scene_rid(&s, QVTD_SECOND);
    dma(&s.td, NO_PASID, NYX_TD_OP_FILL, 0, IOVA);
    expect_fault(&s, "scalable", IOVA, 0x8000008700000020);
    g_assert_true(qvtd_root(s.v, 0));
    dom = qvtd_domain(s.v, 5, 4);
    qvtd_map(s.v, &dom, IOVA, MSI, 12, 3);
    qvtd_attach(s.v, SID, &dom, 0);
    dma(&s.td, NO_PASID, NYX_TD_OP_FILL, 0, IOVA);
    expect_fault(&s, "legacy", IOVA, 0x8000000e00000020);
    scene_end(&s);
}

static void test_interrupt_pasid(void)
{
    Scene s = scene_start("");

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_NESTED; pgtt++) {
        qvtd_space_map(&s.space[pgtt], MSI, s.page[pgtt], 12);
        expect_data(&s, "mapped", pgtt, MSI, s.page[pgtt]);
    }
    scene_end(&s);
}

/* --- Codes ---------------------------------------------------------------- */

/* One thing wrong at a time; a request with PASID 2. */
typedef struct CodeRow {
    const char *name;
    unsigned where;          /* index of at[] in code_row() */
    uint64_t clear;
    uint64_t set;
    unsigned code;
    unsigned legacy;         /* what QEMU's model says, 0 for nothing */
} CodeRow;

enum { AT_ROOT, AT_CTX, AT_CTX1, AT_SS1, AT_SS2, AT_PTE };

static const CodeRow code_rows[] = {
    { "root absent", AT_ROOT, 1, 0, 0x39, 0x1 },
    { "root reserved", AT_ROOT, 0, 2, 0x3a, 0xa },
    { "context table unreadable", AT_ROOT, 0xfffffff000, REGISTERS, 0x40,
      0x9 },
    { "context absent", AT_CTX, 1, 0, 0x41, 0x2 },
    { "context reserved", AT_CTX1, 0, 1ull << 63, 0x42, 0xb },
    { "write", AT_SS1, 2, 0, 0x85, 0x5 },
    { "absent", AT_SS1, 3, 0, 0x79, 0x5 },
    { "reserved", AT_SS1, 0, 1ull << 62, 0x7a, 0xc },
    { "table unreadable", AT_SS2, 0xfffffff000, REGISTERS, 0x78, 0x7 },
    { "root table unreadable", AT_PTE, 0xfffffff000, REGISTERS, 0x7b, 0x7 },
};

static void test_legacy_codes(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(code_rows); i++) {
        const CodeRow *row = &code_rows[i];
        Scene s = scene_start_types("", 1 << QVTD_SECOND);
        const uint64_t at[] = {
            [AT_ROOT] = s.v->root,
            [AT_CTX] = s.ctx,
            [AT_CTX1] = s.ctx + 8,
            [AT_SS1] = qvtd_ss_entry(&s.space[QVTD_SECOND], IOVA, 1),
            [AT_SS2] = qvtd_ss_entry(&s.space[QVTD_SECOND], IOVA, 2),
            [AT_PTE] = s.space[QVTD_SECOND].at,
        };

        clear_bits(&s, at[row->where], row->clear);
        set_bits(&s, at[row->where], row->set);
        dma(&s.td, QVTD_SECOND, NYX_TD_OP_FILL, 0, IOVA);
        expect_fault(&s, row->name, IOVA,
                     0x8000020080000020 | (uint64_t)row->code << 32);
        NYX_CHECK(row->name, qvtd_stat_faults(s.v, row->legacy), 0);
        scene_end(&s);
    }
}

static void test_never_raised(void)
{
    Scene s = scene_start(",device-iotlb=on");
    uint64_t ctx = qtest_readq(s.v->qts, s.ctx);

    dma(&s.td, 1, NYX_TD_OP_READ, EXEC, IOVA);
    NYX_CHECK("SPT.5", qvtd_take_code(s.v), 0x5c);
    dma(&s.td, 1, NYX_TD_OP_READ, PRIV, IOVA);
    NYX_CHECK("SPT.6", qvtd_take_code(s.v), 0x5d);
    set_bits(&s, s.space[1].at + 32, 1);
    qvtd_flush_scalable(s.v);
    dma(&s.td, 1, NYX_TD_OP_READ, 0, IOVA);
    NYX_CHECK("SPT.3", qvtd_take_code(s.v), 0x5a);
    qtest_writeq(s.v->qts, s.ctx, ctx & ~4ull);
    qvtd_flush_scalable(s.v);
    dma(&s.td, 2, NYX_TD_OP_TRANSLATE, 0, IOVA);
    NYX_CHECK("SCT.5", qvtd_take_code(s.v), 0x44);
    qtest_writeq(s.v->qts, s.ctx, ctx & ~8ull);
    qvtd_flush_scalable(s.v);
    dma(&s.td, 2, NYX_TD_OP_READ, 0, IOVA);
    NYX_CHECK("SCT.6", qvtd_take_code(s.v), 0x45);
    qtest_writeq(s.v->qts, s.ctx, ctx & ~0xe00ull);
    qvtd_flush_scalable(s.v);
    dma(&s.td, 0x2000, NYX_TD_OP_READ, 0, IOVA);
    NYX_CHECK("SCT.7", qvtd_take_code(s.v), 0x46);
    scene_end(&s);
}

/* --- Reserved bits -------------------------------------------------------- */

/* Each bit alone, of word 0 to 7 of the entry for PASID @pgtt. */
static void check_entry_bits(Scene *s, unsigned pgtt, unsigned word,
                             uint64_t bits)
{
    uint64_t at = s->space[pgtt].at + 8 * word;

    for (unsigned bit = 0; bit < 64; bit++) {
        g_autofree char *name = g_strdup_printf("type %u, bit %u", pgtt,
                                                64 * word + bit);

        if (!(bits & 1ull << bit)) {
            continue;
        }
        set_bits(s, at, 1ull << bit);
        qvtd_flush_scalable(s->v);
        dma(&s->td, pgtt, NYX_TD_OP_READ, 0, scene_iova(s, pgtt));
        NYX_CHECK(name, qvtd_take_code(s->v), 0x5a);
        clear_bits(s, at, 1ull << bit);
    }
}

/* 9.6; what needs an option is reserved without it. */
static void test_entry_reserved(void)
{
    Scene s = scene_start("");

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_PASS; pgtt++) {
        check_entry_bits(&s, pgtt, 0, 0xc20);
        check_entry_bits(&s, pgtt, 1, 0x3e7f0000);
        check_entry_bits(&s, pgtt, 2, 0xf00);
        for (unsigned word = 3; word < 8; word++) {
            check_entry_bits(&s, pgtt, word, 0x8000000100000001);
        }
    }
    scene_end(&s);
    s = scene_start(",ssads=off,srs=off,ers=off,eafs=off,snoop-control=off");
    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_NESTED; pgtt++) {
        check_entry_bits(&s, pgtt, 0, 1 << 9);
        check_entry_bits(&s, pgtt, 1, 1 << 24);
        check_entry_bits(&s, pgtt, 2, 0x83);
    }
    scene_end(&s);
}

static void test_first_reserved(void)
{
    static const struct {
        unsigned level;
        uint64_t bits;
        uint64_t clear;
    } rows[] = {
        { 1, 1ull << 63, 0 },          /* XD with ERE, without NXE */
        { 1, 1ull << 40, 0 }, { 1, 1ull << 51, 0 },
        { 2, 1ull << 40, 0 }, { 3, 1ull << 51, 0 }, { 4, 1ull << 63, 0 },
        { 4, 0x80, 0 },
        { 2, 0x80 | 1 << 13, 0x000ffffffffff000 },
        { 2, 0x80 | 1 << 20, 0x000ffffffffff000 },
        { 3, 0x80 | 1 << 13, 0x000ffffffffff000 },
        { 3, 0x80 | 1 << 29, 0x000ffffffffff000 },
    };
    Scene s = scene_start("");

    qtest_writeq(s.v->qts, s.space[1].at + 16,
                 qtest_readq(s.v->qts, s.space[1].at + 16) | 2);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t at = qvtd_fs_entry(&s.space[1], IOVA, rows[i].level);
        uint64_t good = qtest_readq(s.v->qts, at);
        g_autofree char *name = g_strdup_printf("row %u", i);

        qtest_writeq(s.v->qts, at, (good & ~rows[i].clear) | rows[i].bits);
        qvtd_flush_scalable(s.v);
        dma(&s.td, 1, NYX_TD_OP_READ, 0, IOVA);
        NYX_CHECK(name, qvtd_take_code(s.v), 0x72);
        qtest_writeq(s.v->qts, at, good);
    }
    scene_end(&s);
}

static void test_entry_absent(void)
{
    Scene s = scene_start("");

    qtest_memset(s.v->qts, s.space[1].at, 0, 64);
    dma(&s.td, 1, NYX_TD_OP_READ, 0, IOVA);
    expect_fault(&s, "all zero", IOVA, 0xc000015980000020);
    scene_end(&s);
}

/* --- Records -------------------------------------------------------------- */

static void test_record_pasid(void)
{
    Scene s = scene_start("");

    dma(&s.td, 0xfedcb, NYX_TD_OP_READ, 0, IOVA);
    expect_fault(&s, "20 bits", IOVA, 0xcfedcb5180000020);
    clear_bits(&s, s.ctx, 1);
    qvtd_flush_scalable(s.v);
    dma(&s.td, 0xfedcb, NYX_TD_OP_READ, 0, IOVA);
    expect_fault(&s, "context", IOVA, 0xcfedcb4180000020);
    clear_bits(&s, s.v->root, 1);
    qvtd_flush_scalable(s.v);
    dma(&s.td, 0, NYX_TD_OP_READ, 0, IOVA);
    expect_fault(&s, "root, PASID 0", IOVA, 0xc000003980000020);
    scene_end(&s);
}

static void test_record_rid(void)
{
    Scene s = scene_start("");

    scene_rid(&s, 0xfedcb);
    dma(&s.td, NO_PASID, NYX_TD_OP_READ, 0, IOVA);
    expect_fault(&s, "entry", IOVA, 0xc000005100000020);
    scene_rid(&s, QVTD_FIRST);
    qvtd_flush_scalable(s.v);
    dma(&s.td, NO_PASID, NYX_TD_OP_FILL, 0, 0);
    expect_fault(&s, "page", 0, 0x8000007100000020);
    scene_end(&s);
}

static void test_record_flags(void)
{
    Scene s = scene_start(",device-iotlb=on");

    dma(&s.td, 9, NYX_TD_OP_READ, EXEC | PRIV, IOVA);
    expect_fault(&s, "EXE, PRIV", IOVA, 0xc0000959e0000020);
    dma(&s.td, 9, NYX_TD_OP_FETCH_ADD, 0, IOVA);
    expect_fault(&s, "T1, T2", IOVA, 0xc000095990000020);
    clear_bits(&s, s.ctx, 4);
    qvtd_flush_scalable(s.v);
    dma(&s.td, 9, NYX_TD_OP_FILL, TRANSLATED, IOVA);
    expect_fault(&s, "AT", IOVA, 0xa000094480000020);
    scene_end(&s);
}

static void test_fpd_root(void)
{
    Scene s = scene_start("");

    set_bits(&s, s.ctx, 2);
    dma(&s.td, 9, NYX_TD_OP_READ, 0, IOVA);
    expect_no_fault(&s, "FPD");
    qtest_writeq(s.v->qts, s.v->root, 0);
    qvtd_flush_scalable(s.v);
    for (unsigned turn = 0; turn < 3; turn++) {
        dma(&s.td, 9, NYX_TD_OP_READ, 0, IOVA);
        expect_fault(&s, "no root", IOVA, 0xc000093980000020);
    }
    scene_end(&s);
}

static void test_two_devices(void)
{
    QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu,scalable-mode=on "
                         "-device nyx-testdev,addr=4 "
                         "-device nyx-testdev,addr=5");
    Scene s = { .v = v, .td = nyx_td_get(v->pc->pci, SID) };
    NyxTestdev other = nyx_td_get(v->pc->pci, SID2);

    g_assert_true(qvtd_enable_scalable(v));
    dma(&s.td, 1, NYX_TD_OP_READ, 0, IOVA);
    dma(&other, 2, NYX_TD_OP_FILL, 0, IOVA + 0x1000);
    NYX_CHECK("FSTS", qvtd_r32(v, QVTD_FSTS), QVTD_FSTS_PPF);
    NYX_CHECK("first", qvtd_record(v, 0).hi, 0xc000013980000020);
    NYX_CHECK("second", qvtd_record(v, 1).hi, 0x8000023980000028);
    NYX_CHECK("second", qvtd_record(v, 1).lo, IOVA + 0x1000);
    nyx_td_put(&other);
    scene_end(&s);
}

/* --- Modes and commands --------------------------------------------------- */

static void test_abort_mode(void)
{
    for (unsigned offered = 0; offered < 2; offered++) {
        Scene s = scene_start(offered ? ",abort-dma=on" : "");

        scene_rid(&s, QVTD_FIRST);
        qvtd_w64(s.v, QVTD_RTADDR, s.v->root | 3 << 10);
        g_assert_true(qvtd_gcmd(s.v, QVTD_SRTP, true));
        g_assert_true(qvtd_flush_context(s.v));
        g_assert_true(qvtd_flush_iotlb(s.v));
        NYX_CHECK("abort", dma(&s.td, NO_PASID, NYX_TD_OP_FILL, 0, IOVA),
                  NYX_TD_ST_TX_ERROR);
        NYX_CHECK("abort", qtest_readq(s.v->qts, s.page[QVTD_FIRST]), 0);
        NYX_CHECK("abort", qvtd_take_code(s.v), offered ? 0x33 : 0x30);
        scene_end(&s);
    }
}

static void test_queue_error(void)
{
    Scene s = scene_start("");
    uint64_t head = s.v->tail;

    NYX_CHECK("stops", qvtd_submit(s.v, 0x27, 0), 0);
    NYX_CHECK("IQEI", qvtd_r64(s.v, QVTD_IQERCD) & 15, 4);
    NYX_CHECK("IQH", qvtd_r64(s.v, QVTD_IQH), head);
    qtest_writeq(s.v->qts, s.v->queue + head, 0x37);
    qvtd_w32(s.v, QVTD_FSTS, QVTD_FSTS_IQE);
    NYX_CHECK("goes on", qtest_readl(s.v->qts, s.v->status), s.v->stamp);
    scene_end(&s);
}

static void test_address_mask(void)
{
    static const uint64_t iovas[] = { IOVA, 0xffffffff80001000 };
    Scene s = scene_start("");

    for (unsigned am = 51; am < 64; am++) {
        for (unsigned i = 0; i < ARRAY_SIZE(iovas); i++) {
            uint64_t page = nyx_pc_pages(s.v->pc, 1);
            uint64_t half = am == 51 ? iovas[i] & 1ull << 63 : 0;

            qvtd_space_map(&s.space[1], iovas[i], page, 12);
            g_assert_true(qvtd_submit(s.v, 0x0000000100110036, half | am));
            expect_data(&s, "AM", 1, iovas[i], page);
        }
    }
    scene_end(&s);
}

static void test_unaligned(void)
{
    Scene s = scene_start("");
    uint64_t page = nyx_pc_pages(s.v->pc, 1);

    expect_data(&s, "before", 1, IOVA, s.page[1]);
    qvtd_space_map(&s.space[1], IOVA, page, 12);
    g_assert_true(qvtd_submit(s.v, 0x0000000100110036,
                              (IOVA ^ 0x3000) | 2));
    /* It counts as if it were aligned, and the guest is told off. */
    expect_data(&s, "after", 1, IOVA, page);
    NYX_CHECK("finding", qvtd_mistakes(s.v, "vtd.inv.unaligned"), 1);
    scene_end(&s);
}

static void test_dte(void)
{
    Scene s = scene_start(",device-iotlb=on");

    NYX_CHECK("on", dma(&s.td, 1, NYX_TD_OP_TRANSLATE, 0, IOVA),
              NYX_TD_ST_OK);
    clear_bits(&s, s.ctx, 4);
    qvtd_flush_scalable(s.v);
    NYX_CHECK("off", dma(&s.td, 1, NYX_TD_OP_TRANSLATE, 0, IOVA),
              NYX_TD_ST_BLOCKED);
    NYX_CHECK("off", qvtd_take_code(s.v), 0x44);
    NYX_CHECK("off", dma(&s.td, 1, NYX_TD_OP_FILL, TRANSLATED, s.page[1]),
              NYX_TD_ST_BLOCKED);
    NYX_CHECK("off", qvtd_take_code(s.v), 0x44);
    scene_end(&s);
}

/* As Linux attaches a device elsewhere: entry, PASID cache, IOTLB. */
static void test_pasid_cache(void)
{
    Scene s = scene_start("");
    QVtdSpace other = qvtd_space(s.v, SID, 9, QVTD_FIRST, 0x77, 4);
    uint64_t page = nyx_pc_pages(s.v->pc, 1), words[3];

    qvtd_space_map(&other, IOVA, page, 12);
    scene_rid(&s, QVTD_FIRST);
    expect_data(&s, "old", NO_PASID, IOVA, s.page[QVTD_FIRST]);
    qtest_memread(s.v->qts, other.at, words, sizeof(words));
    qtest_memwrite(s.v->qts, s.space[QVTD_FIRST].at, words, sizeof(words));
    qvtd_put(s.v, 0x0000000100110017, 0);
    g_assert_true(qvtd_submit(s.v, 0x0000000100110026, 0));
    expect_data(&s, "new", NO_PASID, IOVA, page);
    scene_end(&s);
}

static void test_not_present(void)
{
    Scene s = scene_start(",caching-mode=on,flts=on");
    QVtdSpace *space = &s.space[QVTD_SECOND];

    dma(&s.td, QVTD_SECOND, NYX_TD_OP_READ, 0, 0x5000);
    NYX_CHECK("absent", qvtd_take_code(s.v), 0x79);
    qvtd_ss_map(space, 0x5000, s.page[QVTD_SECOND], 12, 3);
    dma(&s.td, QVTD_SECOND, NYX_TD_OP_READ, 0, 0x5000);
    NYX_CHECK("still", qvtd_take_code(s.v), 0x79);
    g_assert_true(qvtd_submit(s.v, 0x001200f2, 0x5000));
    expect_data(&s, "told", QVTD_SECOND, 0x5000, s.page[QVTD_SECOND]);
    /* First-stage entries never are (11.4 of the digest). */
    dma(&s.td, QVTD_FIRST, NYX_TD_OP_READ, 0, 0x5000);
    NYX_CHECK("first", qvtd_take_code(s.v), 0x71);
    qvtd_space_map(&s.space[QVTD_FIRST], 0x5000, s.page[QVTD_FIRST], 12);
    expect_data(&s, "first", QVTD_FIRST, 0x5000, s.page[QVTD_FIRST]);
    scene_end(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx/peers-qemu/" name, fn)
    ADD("hit-permission", test_hit_permission);
    ADD("dirty-after-read", test_dirty_after_read);
    ADD("canonical-aw", test_canonical_aw);
    ADD("interrupt-leaf", test_interrupt_leaf);
    ADD("interrupt-code", test_interrupt_code);
    ADD("interrupt-pasid", test_interrupt_pasid);
    ADD("legacy-codes", test_legacy_codes);
    ADD("never-raised", test_never_raised);
    ADD("entry-reserved", test_entry_reserved);
    ADD("first-reserved", test_first_reserved);
    ADD("entry-absent", test_entry_absent);
    ADD("record-pasid", test_record_pasid);
    ADD("record-rid", test_record_rid);
    ADD("record-flags", test_record_flags);
    ADD("fpd-root", test_fpd_root);
    ADD("two-devices", test_two_devices);
    ADD("abort-mode", test_abort_mode);
    ADD("queue-error", test_queue_error);
    ADD("address-mask", test_address_mask);
    ADD("unaligned", test_unaligned);
    ADD("dte", test_dte);
    ADD("pasid-cache", test_pasid_cache);
    ADD("not-present", test_not_present);
    return g_test_run();
}
