/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-vtd in scalable mode and out of it: modes one after the other, the
 * queue of 256-bit descriptors, reset, migration, snapshots.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-run.h"
#include "nyx-vtd-scalable.h"

/* --- The mode of the root table ------------------------------------------- */

#define LEGACY  0
#define SCALABLE 1
#define ABORT   3

/* Tables of legacy and of scalable mode, for requests without a PASID. */
typedef struct Modes {
    Scene s;
    uint64_t root[2];
    uint64_t page[2];
} Modes;

static Modes modes_start(void)
{
    Modes m = { .s = scene_start(",abort-dma=on") };
    QVtd *v = m.s.v;
    QVtdDomain dom = qvtd_domain(v, 5, 4);

    scene_rid(&m.s, QVTD_FIRST);
    m.root[SCALABLE] = v->root;
    m.page[SCALABLE] = m.s.page[QVTD_FIRST];
    m.root[LEGACY] = v->root = nyx_pc_pages(v->pc, 1);
    m.page[LEGACY] = nyx_pc_pages(v->pc, 1);
    qvtd_map(v, &dom, IOVA, m.page[LEGACY], 12, 3);
    qvtd_attach(v, SID, &dom, 0);
    return m;
}

static void flush(Modes *m, unsigned ttm)
{
    if (ttm == SCALABLE) {
        qvtd_flush_scalable(m->s.v);
    } else {
        g_assert_true(qvtd_flush_context(m->s.v));
        g_assert_true(qvtd_flush_iotlb(m->s.v));
    }
}

static void latch(Modes *m, unsigned ttm)
{
    QVtd *v = m->s.v;

    qvtd_w64(v, QVTD_RTADDR, m->root[ttm == SCALABLE] | ttm << 10);
    g_assert_true(qvtd_gcmd(v, QVTD_SRTP, true));
    flush(m, ttm);
}

static void check_mode(Modes *m, unsigned ttm)
{
    g_autofree char *name = g_strdup_printf("mode %u", ttm);
    Scene *s = &m->s;
    uint64_t aborted = qvtd_stat(s->v, "requests-aborted");

    if (ttm == ABORT) {
        NYX_CHECK(name, dma(&s->td, NO_PASID, NYX_TD_OP_FILL, 0, IOVA),
                  NYX_TD_ST_TX_ERROR);
        NYX_CHECK(name, dma(&s->td, QVTD_SECOND, NYX_TD_OP_READ, 0, IOVA),
                  NYX_TD_ST_BLOCKED);
        NYX_CHECK(name, qvtd_stat(s->v, "requests-aborted") >= aborted + 2,
                  1);
        NYX_CHECK(name, qvtd_take_code(s->v), 0x33);
        qvtd_clear_faults(s->v);
        return;
    }
    expect_data(s, name, NO_PASID, IOVA, m->page[ttm]);
    if (ttm == SCALABLE) {
        expect_data(s, name, QVTD_NESTED, IOVA, s->page[QVTD_NESTED]);
    } else {
        NYX_CHECK(name, dma(&s->td, QVTD_NESTED, NYX_TD_OP_FILL, 0, IOVA),
                  NYX_TD_ST_BLOCKED);
        expect_fault(s, name, IOVA, 0x8000033180000020);
    }
}

/* From each mode to each, with translation on all the time. */
static void test_switch(void)
{
    static const unsigned order[] = {
        SCALABLE, LEGACY, SCALABLE, ABORT, SCALABLE, SCALABLE, ABORT, LEGACY,
        LEGACY, ABORT, ABORT, SCALABLE,
    };
    Modes m = modes_start();

    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        latch(&m, order[i]);
        check_mode(&m, order[i]);
        /* What is written has no effect before it is latched. */
        qvtd_w64(m.s.v, QVTD_RTADDR,
                 m.root[order[i] != SCALABLE] | (order[i] != SCALABLE) << 10);
        flush(&m, order[i]);
        check_mode(&m, order[i]);
    }
    NYX_CHECK("mistakes", qvtd_mistakes(m.s.v, "vtd.rtaddr.mode"), 0);
    scene_end(&m.s);
}

/* 3.4 of the digest: without translation only plain requests pass. */
static void test_translation_off(void)
{
    Scene s = scene_start(",device-iotlb=on");
    uint64_t page = s.page[QVTD_FIRST];

    g_assert_true(qvtd_gcmd(s.v, QVTD_TE, false));
    qtest_writeq(s.v->qts, page, 1);
    NYX_CHECK("PASID", dma(&s.td, 1, NYX_TD_OP_FILL, 0, page),
              NYX_TD_ST_BLOCKED);
    NYX_CHECK("translated", dma(&s.td, NO_PASID, NYX_TD_OP_FILL, TRANSLATED,
                                page), NYX_TD_ST_BLOCKED);
    NYX_CHECK("request", dma(&s.td, 1, NYX_TD_OP_TRANSLATE, 0, page),
              NYX_TD_ST_BLOCKED);
    NYX_CHECK("memory", qtest_readq(s.v->qts, page), 1);
    expect_data(&s, "plain", NO_PASID, page, page);
    g_assert_true(qvtd_gcmd(s.v, QVTD_TE, true));
    expect_data(&s, "on again", 1, IOVA, page);
    scene_end(&s);
}

/* 6.5.1: the registers are for legacy mode. */
static void test_register_interface(void)
{
    Scene s = scene_start("");

    g_assert_true(qvtd_queue_off(s.v));
    NYX_CHECK("CCMD", qvtd_ccmd(s.v, 1, 0, 0, 0), 0);
    NYX_CHECK("IOTLB", qvtd_iotlb(s.v, 1, 0, 0), 0);
    scene_end(&s);
}

/* --- The queue ------------------------------------------------------------ */

static unsigned iqei(QVtd *v)
{
    return qvtd_r64(v, QVTD_IQERCD) & 15;
}

/* The queue has stopped for @code; mended, it goes on by itself. */
static void expect_stopped(QVtd *v, const char *row, unsigned code)
{
    uint64_t head = qvtd_r64(v, QVTD_IQH);

    NYX_CHECK(row, qvtd_r32(v, QVTD_FSTS) & 0xff, QVTD_FSTS_IQE);
    NYX_CHECK(row, iqei(v), code);
    NYX_CHECK(row, qtest_readl(v->qts, v->status) != v->stamp, 1);
    /* As Linux does: a wait in its place, and IQT is not touched. */
    qtest_memset(v->qts, v->queue + head, 0, 32);
    qtest_writeq(v->qts, v->queue + head, 0x45);
    qvtd_w32(v, QVTD_FSTS, QVTD_FSTS_IQE);
    NYX_CHECK(row, qtest_readl(v->qts, v->status), v->stamp);
    NYX_CHECK(row, qvtd_r64(v, QVTD_IQH), v->tail);
    NYX_CHECK(row, qvtd_r32(v, QVTD_FSTS) & 0xff, 0);
}

static void test_descriptors(void)
{
    static const struct {
        const char *name;
        uint64_t word[4];
        unsigned code;
    } rows[] = {
        { "type 0", { 0 }, 3 },
        { "type 9 without PRS", { 0x9 }, 3 },
        { "type 15", { 0xf }, 3 },
        { "type 21", { 0x205 }, 3 },
        { "bit 128", { 0x11, 0, 1 }, 4 },
        { "bit 255", { 0x45, 0, 0, 1ull << 63 }, 4 },
        { "PASID cache, G 2", { 0x27 }, 4 },
        { "PASID cache, bit 6", { 0x77 }, 4 },
        { "PASID cache, bit 52", { 1ull << 52 | 0x37 }, 4 },
        { "PASID cache, bit 64", { 0x37, 1 }, 4 },
        { "PASID IOTLB, G 0", { 0x6 }, 4 },
        { "PASID IOTLB, G 1", { 0x16 }, 4 },
        { "PASID IOTLB, bit 71", { 0x26, 0x80 }, 4 },
        { "PASID IOTLB, bit 63", { 1ull << 63 | 0x26 }, 4 },
        { "type 8 without DT", { 0x8 }, 3 },
    };
    Scene s = scene_start("");
    QVtd *v = s.v;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t tail = v->tail;

        qvtd_put(v, rows[i].word[0], rows[i].word[1]);
        qtest_writeq(v->qts, v->queue + tail + 16, rows[i].word[2]);
        qtest_writeq(v->qts, v->queue + tail + 24, rows[i].word[3]);
        NYX_CHECK(rows[i].name, qvtd_wait(v), 0);
        NYX_CHECK(rows[i].name, qvtd_r64(v, QVTD_IQH), tail);
        expect_stopped(v, rows[i].name, rows[i].code);
    }
    scene_end(&s);
}

/* All the way round, in queues of each size. */
static void test_sizes(void)
{
    Scene s = scene_off("");
    QVtd *v = s.v;

    for (unsigned qs = 0; qs < 8; qs++) {
        unsigned slots = 128u << qs;

        g_assert_true(qvtd_queue_wide(v, qs));
        NYX_CHECK("IQH", qvtd_r64(v, QVTD_IQH), 0);
        v->tail = (slots - 1) * 32;
        for (unsigned i = 0; i < slots; i++) {
            qtest_writeq(v->qts, v->queue + i * 32, 0x45);
        }
        qvtd_ring(v);
        for (unsigned i = 0; i < NYX_POLLS; i++) {
            if (qvtd_r64(v, QVTD_IQH) == v->tail) {
                break;
            }
        }
        NYX_CHECK("IQH", qvtd_r64(v, QVTD_IQH), (slots - 1) * 32);
        g_assert_true(qvtd_wait(v));
        g_assert_true(qvtd_wait(v));
        NYX_CHECK("wrapped", qvtd_r64(v, QVTD_IQH), 32);
        g_assert_true(qvtd_queue_off(v));
    }
    scene_end(&s);
}

/* 6.5.2.10: width and mode have to fit; the tail is a descriptor's. */
static void test_width(void)
{
    Modes m = modes_start();
    QVtd *v = m.s.v;

    qvtd_w64(v, QVTD_IQT, v->tail + 16);
    NYX_CHECK("tail", iqei(v), 6);
    NYX_CHECK("tail", qvtd_r32(v, QVTD_FSTS) & 0xff, QVTD_FSTS_IQE);
    qvtd_w64(v, QVTD_IQT, v->tail);
    qvtd_w32(v, QVTD_FSTS, QVTD_FSTS_IQE);
    NYX_CHECK("tail mended", qvtd_wait(v), 1);

    /* Legacy mode takes wide ones, but nothing that is about PASIDs. */
    latch(&m, LEGACY);
    check_mode(&m, LEGACY);
    for (unsigned type = 6; type <= 7; type++) {
        NYX_CHECK("type", qvtd_submit(v, 0x20 | (type == 7) << 4 | type, 0),
                  0);
        expect_stopped(v, "of scalable mode", 7);
    }

    /* And scalable mode takes no narrow ones. */
    g_assert_true(qvtd_queue_off(v));
    g_assert_true(qvtd_queue(v, 0));
    NYX_CHECK("narrow", qvtd_submit(v, 0x11, 0), 1);
    qvtd_w64(v, QVTD_RTADDR, m.root[SCALABLE] | 1 << 10);
    g_assert_true(qvtd_gcmd(v, QVTD_SRTP, true));
    NYX_CHECK("narrow", qvtd_submit(v, 0x11, 0), 0);
    NYX_CHECK("narrow", iqei(v), 5);
    qvtd_w32(v, QVTD_FSTS, QVTD_FSTS_IQE);
    NYX_CHECK("narrow again", qvtd_r32(v, QVTD_FSTS) & 0xff, QVTD_FSTS_IQE);
    qvtd_w32(v, QVTD_GCMD, 1u << QVTD_TE);
    NYX_CHECK("off", qvtd_r32(v, QVTD_GSTS) >> QVTD_QIE & 1, 0);
    qvtd_w32(v, QVTD_FSTS, QVTD_FSTS_IQE);
    g_assert_true(qvtd_queue_wide(v, 0));
    qvtd_flush_scalable(v);
    check_mode(&m, SCALABLE);
    NYX_CHECK("findings", qvtd_mistakes(v, "vtd.iq.tail-unaligned"), 1);
    NYX_CHECK("findings", qvtd_mistakes(v, "vtd.iq.mode"), 2);
    NYX_CHECK("findings", qvtd_mistakes(v, "vtd.iq.width"), 2);
    scene_end(&m.s);
}

static void test_width_not_offered(void)
{
    QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu");

    qvtd_w64(v, QVTD_IQA, 1ull << 20 | 1 << 11);
    NYX_CHECK("DW", qvtd_r64(v, QVTD_IQA), 1ull << 20);
    g_assert_true(qvtd_queue(v, 0));
    NYX_CHECK("type 7", qvtd_submit(v, 0x37, 0), 0);
    NYX_CHECK("type 7", iqei(v), 3);
    qvtd_end(v);
}

/* --- Reset ---------------------------------------------------------------- */

/* Nothing of before is cached, and nothing is in force. */
static void test_reset(void)
{
    Scene s = scene_start("");
    QVtd *v = s.v;
    uint64_t page = nyx_pc_pages(v->pc, 1), own = s.page[QVTD_FIRST];

    expect_data(&s, "before", QVTD_FIRST, IOVA, own);
    dma(&s.td, 9, NYX_TD_OP_READ, 0, IOVA);
    qtest_system_reset(v->qts);
    qpci_config_writel(s.td.pci, PCI_BASE_ADDRESS_0, s.td.bar);
    qpci_device_enable(s.td.pci);
    NYX_CHECK("GSTS", qvtd_r32(v, QVTD_GSTS), 0);
    NYX_CHECK("RTADDR", qvtd_r64(v, QVTD_RTADDR), 0);
    NYX_CHECK("IQA", qvtd_r64(v, QVTD_IQA), 0);
    NYX_CHECK("record", qvtd_record(v, 0).hi, 0);
    expect_data(&s, "plain", NO_PASID, page, page);
    NYX_CHECK("PASID", dma(&s.td, QVTD_FIRST, NYX_TD_OP_READ, 0, IOVA),
              NYX_TD_ST_BLOCKED);

    /* The same tables with another page; no command goes before. */
    qvtd_fs_map(&s.space[QVTD_FIRST], IOVA, page, 12, QVTD_FS_USER);
    qtest_writeq(v->qts, s.space[QVTD_SECOND].at, 0);
    qvtd_w64(v, QVTD_RTADDR, v->root | 1 << 10);
    g_assert_true(qvtd_gcmd(v, QVTD_SRTP, true));
    g_assert_true(qvtd_gcmd(v, QVTD_TE, true));
    expect_data(&s, "after", QVTD_FIRST, IOVA, page);
    dma(&s.td, QVTD_SECOND, NYX_TD_OP_READ, 0, IOVA);
    expect_fault(&s, "after", IOVA, 0xc000025980000020);
    scene_end(&s);
}

/* --- Migration ------------------------------------------------------------ */

/* A fault with a PASID that nobody has read, and spaces in use. */
static Scene busy_start(void)
{
    Scene s = scene_start("");

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_PASS; pgtt++) {
        expect_data(&s, "source", pgtt, scene_iova(&s, pgtt), s.page[pgtt]);
    }
    scene_rid(&s, QVTD_NESTED);
    qvtd_flush_scalable(s.v);
    dma(&s.td, 0xabcde, NYX_TD_OP_FILL, PRIV, IOVA);
    return s;
}

/* Everything goes on: the record, the caches' content, the queue, DMA. */
static void check_goes_on(Scene *s, const char *row)
{
    uint64_t page = nyx_pc_pages(s->v->pc, 1);

    NYX_CHECK(row, qvtd_r64(s->v, QVTD_IQH), s->v->tail);
    expect_fault(s, row, IOVA, 0x8abcde51a0000020);
    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_PASS; pgtt++) {
        expect_data(s, row, pgtt == QVTD_NESTED ? NO_PASID : (int)pgtt,
                    scene_iova(s, pgtt), s->page[pgtt]);
    }
    qvtd_space_map(&s->space[QVTD_FIRST], IOVA, page, 12);
    g_assert_true(qvtd_submit(s->v, 0x0000000100110036, IOVA));
    expect_data(s, row, QVTD_FIRST, IOVA, page);
}

static const char incoming[] =
    "-M q35 -m 256 -device nyx-vtd,id=iommu,scalable-mode=on%s "
    "-device nyx-testdev,addr=4 -incoming file:%s";

/* The same machine again, with the tables and the BAR where they were. */
static void check_incoming(const Scene *from, const char *path,
                           const char *options)
{
    Scene to = *from;
    g_autofree char *args = g_strdup_printf(incoming, options, path);
    QVtd v = *from->v;

    v.pc = nyx_pc_start("%s", args);
    v.pc->next_page = from->v->pc->next_page;
    v.qts = v.pc->qts;
    to.v = &v;
    to.td = nyx_td_at(v.qts, from->td.bar);
    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_PASS; pgtt++) {
        to.space[pgtt].v = &v;
    }
    nyx_migrate_wait(v.qts);
    check_goes_on(&to, options);
    nyx_pc_end(v.pc);
}

static void test_migrate(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    Scene s = busy_start();

    nyx_migrate_to(s.v->qts, path);
    check_incoming(&s, path, "");
    check_incoming(&s, path, ",cache=sticky,iotlb-entries=16");
    scene_end(&s);
    nyx_tmp_free(dir);
}

/* What the guest has read in CAP and ECAP has to stay true. */
static void test_migrate_refused(void)
{
    static const char *const options[] = {
        ",scalable-mode=off", ",flts=off", ",ssts=off", ",nest=off",
        ",fs1gp=off", ",fs5lp=off", ",pasid-bits=16", ",pasid-bits=0",
        ",ssads=off", ",eafs=off", ",srs=off", ",ers=off", ",rps=off",
        ",rprivs=off",
    };
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    Scene s = busy_start();

    nyx_migrate_to(s.v->qts, path);
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        g_autofree char *args = g_strdup_printf(incoming, options[i], path);
        NyxRun run = nyx_run_qemu(args);

        NYX_CHECK(options[i], run.status, 1);
        NYX_CHECK(options[i], nyx_lines_with(run.err, "nyx-vtd: cannot load "
                  "the saved state: the version or capability registers "
                  "differ: give both sides the same options"), 1);
        nyx_run_end(&run);
    }
    scene_end(&s);
    nyx_tmp_free(dir);
}

/* Into a unit whose caches hold something else by now. */
static void test_snapshot(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *disk = g_build_filename(dir, "disk", NULL);
    Scene s = busy_start();
    QVtd *v = s.v;
    uint64_t tail = v->tail, other = nyx_pc_pages(v->pc, 1);

    nyx_snapshot_disk(v->qts, disk);
    nyx_hmp_in_silence(v->qts, "savevm here");
    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_NESTED; pgtt++) {
        qvtd_space_map(&s.space[pgtt], IOVA, other, 12);
    }
    qvtd_flush_scalable(v);
    qvtd_clear_faults(v);
    expect_data(&s, "between", QVTD_FIRST, IOVA, other);
    expect_data(&s, "between", NO_PASID, IOVA, other);
    g_assert_true(qvtd_gcmd(v, QVTD_TE, false));
    g_assert_true(qvtd_root(v, 0));
    nyx_hmp_in_silence(v->qts, "loadvm here");
    v->tail = tail;
    check_goes_on(&s, "loadvm");
    scene_end(&s);
    nyx_tmp_free(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx/vtd-scalable-mode/" name, fn)
    ADD("switch", test_switch);
    ADD("translation-off", test_translation_off);
    ADD("registers", test_register_interface);
    ADD("queue/descriptors", test_descriptors);
    ADD("queue/sizes", test_sizes);
    ADD("queue/width", test_width);
    ADD("queue/width-not-offered", test_width_not_offered);
    ADD("reset", test_reset);
    ADD("migrate", test_migrate);
    ADD("migrate/refused", test_migrate_refused);
    ADD("snapshot", test_snapshot);
    return g_test_run();
}
