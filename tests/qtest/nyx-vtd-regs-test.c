/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-vtd's registers through real MMIO: reset values, access types, access
 * sizes that other models abort on, commands, a queue where no queue can be.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-vtd.h"

#define Q35         "-M q35 -device nyx-vtd,id=iommu"
#define TESTDEV     NYX_SID(0, 4, 0)
#define BLOCK_SIZE  0x1000

/* The block as the unit shows it. */
typedef struct Block {
    uint8_t bytes[BLOCK_SIZE];
} Block;

static Block block_read(QVtd *v)
{
    Block block;

    qtest_memread(v->qts, QVTD_BASE, block.bytes, BLOCK_SIZE);
    return block;
}

static void check_block(const char *row, const Block *got, const Block *want)
{
    for (unsigned i = 0; i < BLOCK_SIZE; i += 4) {
        g_autofree char *name = g_strdup_printf("%s: 0x%03x", row, i);

        NYX_CHECK(name, ldl_le_p(got->bytes + i), ldl_le_p(want->bytes + i));
    }
}

typedef struct RegRow {
    const char *name;
    unsigned offset;
    unsigned size;
    uint64_t reset;
    uint64_t sticks;         /* of all ones written, commands left out */
    uint64_t written;        /* what is written for "all ones" */
} RegRow;

#define ALL UINT64_MAX

/* With the default options, and the 40 address bits of QEMU's TCG. */
static const RegRow reg_rows[] = {
    { "VER",      0x000, 4, 0x10, 0, ALL },
    { "CAP",      0x008, 8, 0x08d2078c406f0666, 0, ALL },
    { "ECAP",     0x010, 8, 0x0000000000f050db, 0, ALL },
    { "GSTS",     0x01c, 4, 0, 0, ALL },
    { "RTADDR",   0x020, 8, 0, 0xfffffffffffffc00, ALL },
    { "CCMD",     0x028, 8, 0, 0x600000000000ffff, 0x67fffffc0000ffff },
    { "FSTS",     0x034, 4, 0, 0, ALL },
    { "FECTL",    0x038, 4, 0x80000000, 0x80000000, ALL },
    { "FEDATA",   0x03c, 4, 0, 0x0000ffff, ALL },
    { "FEADDR",   0x040, 4, 0, 0xfffffffc, ALL },
    { "FEUADDR",  0x044, 4, 0, 0xffffffff, ALL },
    { "AFLOG",    0x058, 8, 0, 0, ALL },
    { "PLMBASE",  0x068, 4, 0, 0xffe00000, ALL },
    { "PLMLIMIT", 0x06c, 4, 0, 0xffe00000, ALL },
    { "PHMBASE",  0x070, 8, 0, 0x000000ffffe00000, ALL },
    { "PHMLIMIT", 0x078, 8, 0, 0x000000ffffe00000, ALL },
    { "IQH",      0x080, 8, 0, 0, ALL },
    { "IQT",      0x088, 8, 0, 0x000000000007fff0, ALL },
    { "IQA",      0x090, 8, 0, 0xfffffffffffff007, ALL },
    { "ICS",      0x09c, 4, 0, 0, ALL },
    { "IECTL",    0x0a0, 4, 0x80000000, 0x80000000, ALL },
    { "IEDATA",   0x0a4, 4, 0, 0x0000ffff, ALL },
    { "IEADDR",   0x0a8, 4, 0, 0xfffffffc, ALL },
    { "IEUADDR",  0x0ac, 4, 0, 0xffffffff, ALL },
    { "IQERCD",   0x0b0, 8, 0, 0, ALL },
    { "IRTA",     0x0b8, 8, 0, 0xfffffffffffff80f, ALL },
    { "PQH",      0x0c0, 8, 0, 0, ALL },
    { "PQT",      0x0c8, 8, 0, 0, ALL },
    { "PQA",      0x0d0, 8, 0, 0, ALL },
    { "PRS",      0x0dc, 4, 0, 0, ALL },
    { "PECTL",    0x0e0, 4, 0, 0, ALL },
    { "MTRRCAP",  0x100, 8, 0, 0, ALL },
    { "FRCD 0",   0x400, 8, 0, 0, ALL },
    { "FRCD 0",   0x408, 8, 0, 0, ALL },
    { "FRCD 7",   0x478, 8, 0, 0, ALL },
    { "no FRCD",  0x480, 8, 0, 0, ALL },
    { "IVA",      0x500, 8, 0, 0, ALL },
    { "IOTLB",    0x508, 8, 0, 0x3003ffff00000000, 0x79ffffffffffffff },
    { "hole",     0x200, 8, 0, 0, ALL },
    { "end",      0xff8, 8, 0, 0, ALL },
    /* The last, because it acts. */
    { "PMEN",     0x064, 4, 0, 0x80000001, ALL },
};

static void reg_write(QVtd *v, const RegRow *row, uint64_t value)
{
    if (row->size == 8) {
        qvtd_w64(v, row->offset, value);
    } else {
        qvtd_w32(v, row->offset, value);
    }
}

static uint64_t reg_read(QVtd *v, const RegRow *row)
{
    return row->size == 8 ? qvtd_r64(v, row->offset)
                          : qvtd_r32(v, row->offset);
}

/* Every doubleword of the block, so also those that are nothing. */
static void test_reset_values(void)
{
    QVtd *v = qvtd_start(Q35);
    Block want = { }, got = block_read(v);

    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        stn_le_p(want.bytes + reg_rows[i].offset, reg_rows[i].size,
                 reg_rows[i].reset);
    }
    check_block("after start", &got, &want);

    /* And again after everything has been written to. */
    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        reg_write(v, &reg_rows[i], reg_rows[i].written);
    }
    g_assert_true(qvtd_gcmd(v, QVTD_SRTP, true));
    g_assert_true(qvtd_gcmd(v, QVTD_SIRTP, true));
    g_assert_true(qvtd_gcmd(v, QVTD_TE, true));
    qtest_system_reset(v->qts);
    got = block_read(v);
    check_block("after reset", &got, &want);
    qvtd_end(v);
}

/* Ones, zeros, then each half alone. */
static void test_access_types(void)
{
    QVtd *v = qvtd_start(Q35);

    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        const RegRow *row = &reg_rows[i];
        uint64_t keeps = row->sticks ? 0 : row->reset;

        reg_write(v, row, row->written);
        NYX_CHECK(row->name, reg_read(v, row), row->sticks | keeps);
        reg_write(v, row, 0);
        NYX_CHECK(row->name, reg_read(v, row), keeps);
        if (row->size == 4) {
            continue;
        }
        qvtd_w32(v, row->offset, row->written);
        NYX_CHECK(row->name, reg_read(v, row),
                  (uint32_t)row->sticks | keeps);
        qvtd_w32(v, row->offset + 4, row->written >> 32);
        NYX_CHECK(row->name, reg_read(v, row), row->sticks | keeps);
        qvtd_w32(v, row->offset, 0);
        NYX_CHECK(row->name, reg_read(v, row),
                  (row->sticks & ~0xffffffffull) | keeps);
        qvtd_w32(v, row->offset + 4, 0);
        NYX_CHECK(row->name, reg_read(v, row), keeps);
    }
    qvtd_end(v);
}

static uint64_t read_sized(QVtd *v, unsigned offset, unsigned size)
{
    uint64_t at = QVTD_BASE + offset;

    switch (size) {
    case 1:
        return qtest_readb(v->qts, at);
    case 2:
        return qtest_readw(v->qts, at);
    case 4:
        return qtest_readl(v->qts, at);
    default:
        return qtest_readq(v->qts, at);
    }
}

static void write_sized(QVtd *v, unsigned offset, unsigned size,
                        uint64_t value)
{
    uint64_t at = QVTD_BASE + offset;

    switch (size) {
    case 1:
        qtest_writeb(v->qts, at, value);
        break;
    case 2:
        qtest_writew(v->qts, at, value);
        break;
    case 4:
        qtest_writel(v->qts, at, value);
        break;
    default:
        qtest_writeq(v->qts, at, value);
        break;
    }
}

/* Any size at any place gives the bytes that are there. */
static void test_reads_of_all_sizes(void)
{
    QVtd *v = qvtd_start(Q35);
    Block block;

    qvtd_w64(v, QVTD_RTADDR, 0x1122334455667c00);
    qvtd_w64(v, QVTD_IRTA, 0x99aabbccddeef80f);
    qvtd_w32(v, QVTD_FEDATA, 0x1234);
    qvtd_w32(v, QVTD_FEADDR, 0xfee01230);
    block = block_read(v);
    for (unsigned size = 1; size <= 8; size *= 2) {
        for (unsigned i = 0; i < 0xc8; i++) {
            g_autofree char *row = g_strdup_printf("%u bytes at 0x%03x", size,
                                                   i);

            NYX_CHECK(row, read_sized(v, i, size),
                      ldn_le_p(block.bytes + i, size));
        }
    }
    NYX_CHECK("beyond the last", qtest_readq(v->qts, QVTD_BASE + 0xffc), 0);
    qvtd_end(v);
}

/* Bytes, words and what is misaligned change nothing, and are findings. */
static void test_odd_writes(void)
{
    QVtd *v = qvtd_start(Q35);
    Block before = block_read(v), after;
    uint64_t count = 0;

    for (unsigned size = 1; size <= 8; size *= 2) {
        for (unsigned i = 0; i < 0x100; i++) {
            if (size < 4 || i & (size - 1)) {
                write_sized(v, i, size, UINT64_MAX);
                count++;
            }
        }
        write_sized(v, 0x501, size, UINT64_MAX);
        write_sized(v, 0x40d, size, UINT64_MAX);
        count += 2;
    }
    after = block_read(v);
    check_block("odd writes", &after, &before);
    NYX_CHECK(NULL, qvtd_mistakes(v, "vtd.reg.unaligned"), count);
    NYX_CHECK(NULL, qvtd_mistakes(v, "vtd.reg.reserved"), 0);
    qvtd_end(v);
}

/*
 * One 8-byte write over two registers is a write to both.  QEMU's own model
 * ends on an assertion for several of these.
 */
static void test_pairs(void)
{
    QVtd *v = qvtd_start(Q35);
    static const struct {
        const char *name;
        unsigned offset;
        uint64_t written;
        uint64_t after;
    } rows[] = {
        { "VER", 0x00, ALL, 0x10 },
        { "FECTL, FEDATA", 0x38, 0x0000123400000000, 0x0000123400000000 },
        { "FECTL, FEDATA", 0x38, 0x0000004180000000, 0x0000004180000000 },
        { "FEADDR, FEUADDR", 0x40, 0x12345600fee01230, 0x12345600fee01230 },
        { "hole, PMEN", 0x60, 0x8000000000000000, 0x8000000100000000 },
        { "hole, PMEN", 0x60, 0, 0 },
        { "PLMBASE, PLMLIMIT", 0x68, 0x00ffffff00300000, 0x00e0000000200000 },
        { "IECTL, IEDATA", 0xa0, 0x0000432100000000, 0x0000432100000000 },
        { "IECTL, IEDATA", 0xa0, 0x0000004280000000, 0x0000004280000000 },
        { "IEADDR, IEUADDR", 0xa8, 0xabcdef00fee04560, 0xabcdef00fee04560 },
        { "GCMD, GSTS", 0x18, 0xffffffff40000000, 0x4000000000000000 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_w64(v, rows[i].offset, rows[i].written);
        NYX_CHECK(rows[i].name, qvtd_r64(v, rows[i].offset), rows[i].after);
    }

    /* Status bits at the upper half, once they are there to be cleared. */
    g_assert_true(qvtd_queue(v, 0));
    qvtd_put(v, 0x15, 0);
    g_assert_false(qvtd_submit(v, 0xf, 0));
    NYX_CHECK("IWC", qvtd_r32(v, QVTD_ICS), 1);
    qvtd_w64(v, QVTD_ICS - 4, 1ull << 32);
    NYX_CHECK("hole, ICS", qvtd_r32(v, QVTD_ICS), 0);
    NYX_CHECK("IQE", qvtd_r32(v, QVTD_FSTS), QVTD_FSTS_IQE);
    /* The queue goes on at once, with what the descriptor is then. */
    qtest_writeq(v->qts, v->queue + 16, 0x45);
    qvtd_w64(v, QVTD_FSTS - 4, (uint64_t)QVTD_FSTS_IQE << 32);
    NYX_CHECK("hole, FSTS", qvtd_r32(v, QVTD_FSTS), 0);
    NYX_CHECK("head", qvtd_r64(v, QVTD_IQH), v->tail);
    qvtd_end(v);
}

/* --- Commands ------------------------------------------------------------- */

#define BIT32(n) (1u << (n))

static void test_handshakes(void)
{
    QVtd *v = qvtd_start(Q35);
    const uint32_t pointers = BIT32(QVTD_SRTP) | BIT32(QVTD_SIRTP);

    g_assert_true(qvtd_root(v, 0));
    NYX_CHECK("SRTP", qvtd_r32(v, QVTD_GSTS), BIT32(QVTD_SRTP));
    g_assert_true(qvtd_gcmd(v, QVTD_SIRTP, true));
    for (unsigned bit = QVTD_CFI; bit <= QVTD_TE; bit++) {
        g_autofree char *row = g_strdup_printf("bit %u", bit);
        bool persistent = bit == QVTD_CFI || bit == QVTD_IRE ||
                          bit == QVTD_QIE || bit == QVTD_TE;

        if (!persistent) {
            continue;
        }
        NYX_CHECK(row, qvtd_gcmd(v, bit, true), true);
        NYX_CHECK(row, qvtd_r32(v, QVTD_GSTS), pointers | BIT32(bit));
        NYX_CHECK(row, qvtd_r32(v, QVTD_GCMD), 0);
        NYX_CHECK(row, qvtd_gcmd(v, bit, false), true);
        NYX_CHECK(row, qvtd_r32(v, QVTD_GSTS), pointers);
    }
    /* Not offered: asked for in vain, and WBFS must not stay 1. */
    g_assert_true(qvtd_gcmd(v, QVTD_WBF, true));
    qvtd_w32(v, QVTD_GCMD, BIT32(QVTD_SFL) | BIT32(QVTD_EAFL));
    NYX_CHECK("SFL, EAFL", qvtd_r32(v, QVTD_GSTS), pointers);
    NYX_CHECK(NULL, qvtd_mistakes(v, "vtd.gcmd.no-capability"), 3);
    NYX_CHECK(NULL, qvtd_mistakes(v, "vtd.gcmd.several-bits"), 0);
    qvtd_end(v);
}

static void test_gcmd_several(void)
{
    QVtd *v = qvtd_start(Q35);
    uint32_t gsts;

    /* All that is asked for is done, the pointer before the enable. */
    qvtd_w64(v, QVTD_RTADDR, nyx_pc_pages(v->pc, 1));
    qvtd_w32(v, QVTD_GCMD, BIT32(QVTD_SRTP) | BIT32(QVTD_TE));
    NYX_CHECK("both", qvtd_r32(v, QVTD_GSTS),
              BIT32(QVTD_SRTP) | BIT32(QVTD_TE));
    NYX_CHECK("both", qvtd_mistakes(v, "vtd.gcmd.several-bits"), 1);
    NYX_CHECK("both", qvtd_mistakes(v, "vtd.gcmd.te-without-root"), 0);

    /* Xen writes back what it reads: the pointers are set once more. */
    gsts = qvtd_r32(v, QVTD_GSTS);
    qvtd_w32(v, QVTD_GCMD, gsts | BIT32(QVTD_QIE));
    NYX_CHECK("raw GSTS", qvtd_r32(v, QVTD_GSTS), gsts | BIT32(QVTD_QIE));
    NYX_CHECK("raw GSTS", qvtd_mistakes(v, "vtd.gcmd.several-bits"), 1);

    /* Zero in an enable disables. */
    qvtd_w32(v, QVTD_GCMD, BIT32(QVTD_CFI));
    NYX_CHECK("dropped", qvtd_r32(v, QVTD_GSTS),
              BIT32(QVTD_SRTP) | BIT32(QVTD_CFI));
    NYX_CHECK("dropped", qvtd_mistakes(v, "vtd.gcmd.drops-enable"), 1);

    qvtd_w32(v, QVTD_GCMD, BIT32(QVTD_IRE) | BIT32(QVTD_CFI));
    NYX_CHECK("no table", qvtd_mistakes(v, "vtd.gcmd.ire-without-table"), 1);
    qvtd_end(v);
}

/* The lock of IQA, and when the queue's registers take effect. */
static void test_queue_registers(void)
{
    QVtd *v = qvtd_start(Q35);
    uint64_t queue = nyx_pc_pages(v->pc, 1);

    /* A tail that was there before the enable is worked up to (Windows). */
    qtest_writeq(v->qts, queue, 0x45);
    qtest_writeq(v->qts, queue + 16, 0x45);
    qvtd_w64(v, QVTD_IQA, queue);
    qvtd_w64(v, QVTD_IQT, 32);
    NYX_CHECK("off", qvtd_r64(v, QVTD_IQH), 0);
    g_assert_true(qvtd_gcmd(v, QVTD_QIE, true));
    NYX_CHECK("on", qvtd_r64(v, QVTD_IQH), 32);
    NYX_CHECK("on", qvtd_stat(v, "invalidations.waits"), 2);

    qvtd_w64(v, QVTD_IQA, 0x12345000);
    NYX_CHECK("locked", qvtd_r64(v, QVTD_IQA), queue);
    qvtd_w32(v, QVTD_IQA, 0x12345001);
    NYX_CHECK("locked", qvtd_r64(v, QVTD_IQA), queue);
    NYX_CHECK("locked", qvtd_mistakes(v, "vtd.iq.locked"), 2);

    g_assert_true(qvtd_gcmd(v, QVTD_QIE, false));
    NYX_CHECK("off again", qvtd_r64(v, QVTD_IQH), 0);
    NYX_CHECK("off again", qvtd_r64(v, QVTD_IQT), 32);
    qvtd_w64(v, QVTD_IQA, 0x12345000);
    NYX_CHECK("unlocked", qvtd_r64(v, QVTD_IQA), 0x12345000);
    qvtd_end(v);
}

/* --- Capabilities --------------------------------------------------------- */

static void test_capabilities(void)
{
    static const struct {
        const char *options;
        uint32_t ver;
        uint64_t cap;
        uint64_t ecap;
    } rows[] = {
        { "", 0x10, 0x08d2078c406f0666, 0xf050db },
        { ",aw-bits=39", 0x10, 0x08d2078c40660266, 0xf050db },
        { ",aw-bits=57", 0x10, 0x08d2078c40780e66, 0xf050db },
        { ",caching-mode=on", 0x10, 0x08d2078c406f06e6, 0xf050db },
        { ",dma-drain=off", 0x10, 0x0812078c406f0666, 0xf050db },
        { ",dma-translation=off", 0x10, 0x08d2078c406f0066, 0xf050db },
        { ",fault-records=1", 0x10, 0x08d2008c406f0666, 0xf050db },
        { ",fault-records=16", 0x10, 0x08d20f8c406f0666, 0xf050db },
        { ",device-iotlb=on", 0x10, 0x08d2078c406f0666, 0xf050df },
        { ",intremap=off", 0x10, 0x00d2078c406f0666, 0x0050c3 },
        { ",eim=off", 0x10, 0x08d2078c406f0666, 0xf050cb },
        { ",pt=off,snoop-control=off,version=0x5f", 0x5f,
          0x08d2078c406f0666, 0xf0501b },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        QVtd *v = qvtd_start(Q35 "%s", rows[i].options);

        NYX_CHECK(rows[i].options, qvtd_r32(v, QVTD_VER), rows[i].ver);
        NYX_CHECK(rows[i].options, qvtd_r64(v, QVTD_CAP), rows[i].cap);
        NYX_CHECK(rows[i].options, qvtd_r64(v, QVTD_ECAP), rows[i].ecap);
        qvtd_end(v);
    }
}

/* What the capabilities exclude cannot be written or enabled. */
static void test_without_interrupts(void)
{
    QVtd *v = qvtd_start(Q35 ",intremap=off");

    qvtd_w64(v, QVTD_IRTA, ALL);
    NYX_CHECK("IRTA", qvtd_r64(v, QVTD_IRTA), 0);
    qvtd_w32(v, QVTD_FEUADDR, 0xffffffff);
    NYX_CHECK("FEUADDR", qvtd_r32(v, QVTD_FEUADDR), 0);
    qvtd_w32(v, QVTD_IEUADDR, 0xffffffff);
    NYX_CHECK("IEUADDR", qvtd_r32(v, QVTD_IEUADDR), 0);
    qvtd_w32(v, QVTD_GCMD, BIT32(QVTD_SIRTP));
    qvtd_w32(v, QVTD_GCMD, BIT32(QVTD_IRE));
    qvtd_w32(v, QVTD_GCMD, BIT32(QVTD_CFI));
    NYX_CHECK("GSTS", qvtd_r32(v, QVTD_GSTS), 0);
    NYX_CHECK("GSTS", qvtd_mistakes(v, "vtd.gcmd.no-capability"), 3);
    /* Type 4 belongs to interrupt remapping. */
    g_assert_true(qvtd_queue(v, 0));
    g_assert_false(qvtd_submit(v, 0x4, 0));
    NYX_CHECK("type 4", qvtd_r64(v, QVTD_IQERCD) & 0xf, 3);
    qvtd_end(v);

    v = qvtd_start(Q35 ",eim=off");
    qvtd_w64(v, QVTD_IRTA, ALL);
    NYX_CHECK("eim=off: IRTA", qvtd_r64(v, QVTD_IRTA), 0xfffffffffffff00f);
    qvtd_w32(v, QVTD_FEUADDR, 0xffffffff);
    NYX_CHECK("eim=off: FEUADDR", qvtd_r32(v, QVTD_FEUADDR), 0);
    qvtd_end(v);
}

static void test_fault_records(void)
{
    static const struct {
        const char *options;
        unsigned records;
    } rows[] = {
        { ",fault-records=1", 1 },
        { ",fault-records=16", 16 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        QVtd *v = qvtd_start(Q35 "%s -device nyx-testdev,addr=4",
                             rows[i].options);
        NyxTestdev td = nyx_td_get(v->pc->pci, TESTDEV);

        /* As many different faults as there are records, and one more. */
        g_assert_true(qvtd_enable(v));
        for (unsigned n = 0; n <= rows[i].records; n++) {
            NYX_CHECK(rows[i].options,
                      qvtd_r32(v, QVTD_FSTS) & QVTD_FSTS_PFO, 0);
            NYX_CHECK(rows[i].options,
                      nyx_td_writel(&td, n * NYX_PAGE, 1),
                      NYX_TD_ST_TX_ERROR);
        }
        NYX_CHECK(rows[i].options, qvtd_r32(v, QVTD_FSTS) & 0xff,
                  QVTD_FSTS_PFO | QVTD_FSTS_PPF);
        for (unsigned n = 0; n < rows[i].records; n++) {
            NYX_CHECK(rows[i].options, qvtd_record(v, n).valid, true);
            NYX_CHECK(rows[i].options, qvtd_record(v, n).lo, n * NYX_PAGE);
        }
        qvtd_clear_faults(v);
        NYX_CHECK(rows[i].options, qvtd_r32(v, QVTD_FSTS) & 0xff, 0);
        nyx_td_put(&td);
        qvtd_end(v);
    }
}

/* --- A queue that is none, and waits -------------------------------------- */

static void queue_at(QVtd *v, uint64_t iqa)
{
    qvtd_w64(v, QVTD_IQT, 0);
    qvtd_w64(v, QVTD_IQA, iqa);
    g_assert_true(qvtd_gcmd(v, QVTD_QIE, true));
    qvtd_w64(v, QVTD_IQT, 32);
}

/* Only RAM is fetched from: no register of a device is read, no recursion. */
static void test_queue_in_mmio(void)
{
    QVtd *v = qvtd_start(Q35 " -device nyx-testdev,addr=4");
    NyxTestdev td = nyx_td_get(v->pc->pci, TESTDEV);
    const struct {
        const char *name;
        uint64_t iqa;
    } rows[] = {
        { "the unit itself", QVTD_BASE },
        { "the APIC", 0xfee00000 },
        { "the IOAPIC", 0xfec00000 },
        { "a device", td.bar },
        { "nothing", NYX_PC_RAM },
        { "far away", 0xfffffffffffff000 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        queue_at(v, rows[i].iqa);
        NYX_CHECK(rows[i].name, qvtd_r32(v, QVTD_FSTS), QVTD_FSTS_IQE);
        NYX_CHECK(rows[i].name, qvtd_r64(v, QVTD_IQERCD), 2);
        NYX_CHECK(rows[i].name, qvtd_r64(v, QVTD_IQH), 0);
        NYX_CHECK(rows[i].name, qvtd_mistakes(v, "vtd.iq.fetch"), i + 1);
        g_assert_true(qvtd_queue_off(v));
        qvtd_w32(v, QVTD_FSTS, QVTD_FSTS_IQE);
        NYX_CHECK(rows[i].name, qvtd_r32(v, QVTD_FSTS), 0);
    }
    /* After all that a real one works. */
    g_assert_true(qvtd_queue(v, 0));
    g_assert_true(qvtd_submit(v, 0xd2, 0));
    nyx_td_put(&td);
    qvtd_end(v);
}

/* A status store goes to RAM or nowhere; the queue goes on. */
static void test_wait_store_in_mmio(void)
{
    QVtd *v = qvtd_start(Q35);
    static const uint64_t rows[] = {
        QVTD_BASE + QVTD_GCMD, QVTD_BASE + QVTD_IQT, 0xfee00000,
        NYX_PC_RAM, 0xfffffffffffffffc,
    };
    Block before, after;

    g_assert_true(qvtd_queue(v, 0));
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *row = g_strdup_printf("0x%" PRIx64, rows[i]);

        before = block_read(v);
        NYX_CHECK(row, qvtd_submit(v, 0xffffffff00000025, rows[i]), true);
        after = block_read(v);
        stq_le_p(before.bytes + QVTD_IQH, v->tail);
        stq_le_p(before.bytes + QVTD_IQT, v->tail);
        check_block(row, &after, &before);
        NYX_CHECK(row, qvtd_mistakes(v, "vtd.iq.wait-store"), i + 1);
    }
    NYX_CHECK("APIC", nyx_apic_irrs(v->pc, 0), 0);
    qvtd_end(v);
}

/* SW, IF and FN in every combination; SW with IF ends QEMU 10.0's model. */
static void test_wait_flags(void)
{
    QVtd *v = qvtd_start(Q35);

    g_assert_true(qvtd_queue(v, 0));
    for (unsigned flags = 0; flags < 8; flags++) {
        g_autofree char *row = g_strdup_printf("flags %u", flags);
        uint64_t at = nyx_pc_pages(v->pc, 1);

        qvtd_put(v, 0xabcd000000000005 | flags << 4, at);
        qvtd_ring(v);
        NYX_CHECK(row, qvtd_r64(v, QVTD_IQH), v->tail);
        NYX_CHECK(row, qvtd_r32(v, QVTD_FSTS), 0);
        NYX_CHECK(row, qvtd_r32(v, QVTD_ICS), flags & 1);
        NYX_CHECK(row, qvtd_r32(v, QVTD_IECTL),
                  flags & 1 ? 0xc0000000 : 0x80000000);
        NYX_CHECK(row, qtest_readl(v->qts, at), flags & 2 ? 0xabcd0000 : 0);
        NYX_CHECK(row, qtest_readl(v->qts, at + 4), 0);
        qvtd_w32(v, QVTD_ICS, 1);
        NYX_CHECK(row, qvtd_r32(v, QVTD_IECTL), 0x80000000);
    }
    NYX_CHECK(NULL, qvtd_mistakes(v, "vtd.iq.wait-idle"), 1);

    /* PD is not offered. */
    g_assert_false(qvtd_submit(v, 0x85, 0));
    NYX_CHECK("PD", qvtd_r64(v, QVTD_IQERCD), 4);
    qvtd_end(v);
}

/*
 * The largest queue, full.  Each try that sees the head on its way is good:
 * a model that works through all of it at once is never seen there.
 */
static void test_long_queue(void)
{
    QVtd *v = qvtd_start(Q35);
    const unsigned entries = 32768;
    g_autofree uint64_t *desc = g_new0(uint64_t, 2 * entries);
    unsigned on_its_way = 0;

    for (unsigned i = 0; i < entries; i++) {
        desc[2 * i] = cpu_to_le64(0xd2);
    }
    g_assert_true(qvtd_queue(v, 7));
    qtest_bufwrite(v->qts, v->queue, desc, 16 * entries);
    for (unsigned n = 0; n < 50 && !on_its_way; n++) {
        uint64_t last = v->tail, head = last;
        unsigned polls = 0;

        /* All but one entry: a full queue is one that is not empty. */
        v->tail = (v->tail + v->queue_size - 16) % v->queue_size;
        qvtd_ring(v);
        while (head != v->tail && polls++ < NYX_POLLS) {
            uint64_t done;

            head = qvtd_r64(v, QVTD_IQH);
            done = (head + v->queue_size - last) % v->queue_size;
            g_assert_cmphex(done, <=, v->queue_size - 16);
            on_its_way += head != v->tail && done;
        }
        NYX_CHECK("tail reached", head, v->tail);
        NYX_CHECK("invalidations", qvtd_stat(v, "invalidations.iotlb-global"),
                  (n + 1) * (entries - 1));
    }
    g_assert_cmpuint(on_its_way, >, 0);
    NYX_CHECK(NULL, qvtd_r32(v, QVTD_FSTS), 0);
    qvtd_end(v);
}

/* --- Anything at all ------------------------------------------------------ */

static uint64_t random_value(GRand *rand)
{
    uint64_t value = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

    switch (g_rand_int_range(rand, 0, 4)) {
    case 0:
        return value;
    case 1:
        /* An address in RAM, for the pointers. */
        return value & (NYX_PC_RAM - 1);
    case 2:
        return UINT64_MAX;
    default:
        return 1ull << (value & 63);
    }
}

/*
 * Descriptors that make sense, among others, in the pages that random
 * pointers find.
 */
static void random_memory(QVtd *v, GRand *rand)
{
    static const uint64_t fields[][2] = {
        { UINT64_MAX, UINT64_MAX },
        { 0x0003ffffffff0030, 0 },
        { 0x00000000ffff00f0, 0xfffffffffffff04f },
        { 0x0000ffff001f0000, 0xfffffffffffff001 },
        { 0x0000fffff8000010, 0 },
        { 0xffffffff00000070, 0xfffffffffffffffc },
    };
    const unsigned words = 0x20000;
    g_autofree uint64_t *data = g_new(uint64_t, words);

    for (unsigned i = 0; i < words; i += 2) {
        unsigned type = g_rand_int_range(rand, 0, ARRAY_SIZE(fields));

        data[i] = (random_value(rand) & fields[type][0]) | type;
        data[i + 1] = random_value(rand) & fields[type][1];
    }
    for (unsigned i = 0; i < 16; i++) {
        qtest_bufwrite(v->qts, i * 16 * NYX_MIB, data, words * 8);
    }
}

static void random_write(QVtd *v, GRand *rand)
{
    unsigned size = 1 << g_rand_int_range(rand, 0, 4);
    unsigned offset = g_rand_int_range(rand, 0, 0x110);

    if (g_rand_int_range(rand, 0, 4)) {
        size = MAX(size, 4);
        offset &= ~(size - 1);
    }
    offset += g_rand_int_range(rand, 0, 8) ? 0 : 0x400;
    write_sized(v, offset, size, random_value(rand));
    read_sized(v, g_rand_int_range(rand, 0, BLOCK_SIZE - 8), size);
}

/* A queue that may work for a while, at a place with or without sense. */
static void random_queue(QVtd *v, GRand *rand)
{
    qvtd_gcmd(v, QVTD_QIE, false);
    qvtd_w32(v, QVTD_FSTS, 0x7d);
    qvtd_w64(v, QVTD_IQA, (random_value(rand) & (NYX_PC_RAM - 0x1000)) |
             g_rand_int_range(rand, 0, 8));
    qvtd_gcmd(v, QVTD_QIE, true);
    qvtd_w32(v, QVTD_IQT, g_rand_int_range(rand, 0, 0x1000) & ~0xf);
}

static void random_step(QVtd *v, NyxTestdev *td, GRand *rand)
{
    switch (g_rand_int_range(rand, 0, 8)) {
    case 0:
        random_queue(v, rand);
        break;
    case 1:
        qvtd_w32(v, QVTD_GCMD, qvtd_r32(v, QVTD_GSTS) ^
                 1u << g_rand_int_range(rand, 23, 32));
        break;
    case 2:
        nyx_td_request(td, (NyxTdReq) {
            .op = g_rand_int_range(rand, 0, 10),
            .attr = g_rand_int_range(rand, 0, 4),
            .addr = random_value(rand) & ~7ull,
            .len = 8,
        });
        break;
    case 3:
        nyx_td_msi(td, 0xfee00000 | (g_rand_int(rand) & 0xffffc),
                   random_value(rand));
        break;
    default:
        random_write(v, rand);
        break;
    }
}

static void test_random(void)
{
    QVtd *v = qvtd_start(Q35 ",device-iotlb=on "
                         "-device nyx-testdev,addr=4");
    NyxTestdev td = nyx_td_get(v->pc->pci, TESTDEV);
    g_autoptr(GRand) rand = g_rand_new_with_seed(10);
    static const char *const stats[] = {
        "invalidations.context-domain", "invalidations.iotlb-page",
        "invalidations.device-tlb", "invalidations.interrupt-entry-index",
        "invalidations.waits", "invalidations.queue-errors",
        "faults-recorded", "event-messages",
    };
    Block reset = block_read(v), block;

    random_memory(v, rand);
    for (unsigned i = 0; i < 10000; i++) {
        random_step(v, &td, rand);
    }
    /* If these were zero the test would be no good. */
    for (unsigned i = 0; i < ARRAY_SIZE(stats); i++) {
        NYX_CHECK(stats[i], qvtd_stat(v, stats[i]) > 0, true);
    }
    qtest_system_reset(v->qts);
    block = block_read(v);
    check_block("reset", &block, &reset);
    nyx_td_put(&td);
    qvtd_end(v);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx-vtd/regs/reset-values", test_reset_values);
    qtest_add_func("/nyx-vtd/regs/access-types", test_access_types);
    qtest_add_func("/nyx-vtd/regs/reads-of-all-sizes",
                   test_reads_of_all_sizes);
    qtest_add_func("/nyx-vtd/regs/odd-writes", test_odd_writes);
    qtest_add_func("/nyx-vtd/regs/pairs", test_pairs);
    qtest_add_func("/nyx-vtd/regs/handshakes", test_handshakes);
    qtest_add_func("/nyx-vtd/regs/gcmd-several", test_gcmd_several);
    qtest_add_func("/nyx-vtd/regs/queue-registers", test_queue_registers);
    qtest_add_func("/nyx-vtd/regs/capabilities", test_capabilities);
    qtest_add_func("/nyx-vtd/regs/without-interrupts",
                   test_without_interrupts);
    qtest_add_func("/nyx-vtd/regs/fault-records", test_fault_records);
    qtest_add_func("/nyx-vtd/regs/queue-in-mmio", test_queue_in_mmio);
    qtest_add_func("/nyx-vtd/regs/wait-store-in-mmio",
                   test_wait_store_in_mmio);
    qtest_add_func("/nyx-vtd/regs/wait-flags", test_wait_flags);
    qtest_add_func("/nyx-vtd/regs/long-queue", test_long_queue);
    qtest_add_func("/nyx-vtd/regs/random", test_random);
    return g_test_run();
}
