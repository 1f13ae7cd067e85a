/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-amdvi translates a device's requests as its tables say, refuses the
 * rest with the right event, and keeps what it has found until a command
 * drops it.
 */
#include "qemu/osdep.h"
#include "nyx-amdvi-fixture.h"

/* --- Who is translated ---------------------------------------------------- */

static void test_off(void)
{
    Fixture f = start_off("");

    /* IommuEn = 0: memory as it is. */
    expect_access(&f, "off", f.page, f.page, 64);
    end(&f);
}

static void test_not_valid(void)
{
    Fixture f = start("");

    /* 2.2.2: V = 0 passes unchecked, whatever else is in the entry. */
    qamd_dte(f.v, SID, 0xffffffffffff0002ull, UINT64_MAX, 0, 0);
    qamd_flush_dte(f.v, SID);
    NYX_CHECK("V = 0", request(&f, NYX_TD_OP_FILL, f.page), NYX_TD_ST_OK);
    NYX_CHECK("V = 0", qtest_readq(f.v->qts, f.page), DATA);
    expect_silence(&f, "V = 0");
    end(&f);
}

static void test_identity(void)
{
    Fixture f = start("");

    /* Mode = 0: the address stays, IR and IW count. */
    qamd_dte(f.v, SID, QAMD_V_TV | QAMD_RW, DID, 0, 0);
    qamd_flush_dte(f.v, SID);
    /* As far as the next range that means something else. */
    expect_access(&f, "identity", f.page, f.page, 31);
    qamd_dte(f.v, SID, QAMD_V_TV | QAMD_IR, DID, 0, 0);
    qamd_flush_dte(f.v, SID);
    expect_refused(&f, "IW = 0", true, f.page);
    expect_event(&f, "IW = 0", PAGE_FAULT(DID) | QAMD_EV_PR | QAMD_EV_RW |
                 QAMD_EV_PE, f.page);
    qamd_dte(f.v, SID, QAMD_V_TV | QAMD_IW, DID, 0, 0);
    qamd_flush_dte(f.v, SID);
    expect_refused(&f, "IR = 0", false, f.page);
    NYX_CHECK("IR = 0", qamd_take(f.v).lo, PAGE_FAULT(DID) | QAMD_EV_PR |
              QAMD_EV_PE);
    end(&f);
}

static void test_no_translation(void)
{
    Fixture f = start("");

    /* V = 1, TV = 0: nothing gets through. */
    qamd_dte(f.v, SID, 1 | QAMD_RW, DID, 0, 0);
    qamd_flush_dte(f.v, SID);
    expect_refused(&f, "TV = 0", true, f.page);
    expect_event(&f, "TV = 0", PAGE_FAULT(DID) | QAMD_EV_RW, f.page);
    NYX_CHECK("TV = 0", qtest_readq(f.v->qts, f.page), 0);
    end(&f);
}

static void test_table_size(void)
{
    Fixture f = start("");

    /* One page has 128 entries: 00:04.0 is in it, 00:10.0 would not be. */
    qamd_w64(f.v, QAMD_DEVTAB, f.v->devtab);
    qamd_flush(f.v);
    expect_access(&f, "within", IOVA, f.page, 12);
    end(&f);
    f.v = qamd_start("-M q35 -device nyx-amdvi,id=iommu "
                     "-device nyx-testdev,addr=0x10");
    f.td = nyx_td_get(f.v->pc->pci, 0x80);
    f.page = nyx_pc_pages(f.v->pc, 1);
    qamd_enable(f.v, 0);
    qamd_w64(f.v, QAMD_DEVTAB, f.v->devtab);
    qamd_flush(f.v);
    expect_refused(&f, "beyond", true, f.page);
    expect_event(&f, "beyond", 2ull << 60 | 0x80 | QAMD_EV_RW, f.page);
    end(&f);
}

/* --- Tables --------------------------------------------------------------- */

typedef struct SizeRow {
    const char *name;
    unsigned levels;         /* of the domain */
    uint64_t iova;
    unsigned level;          /* of the leaf */
    uint64_t bits;           /* of it: NextLevel and the size */
    unsigned lg2;            /* that the reply must have */
} SizeRow;

/* NextLevel 7; the address bits below the size are ones but for the highest. */
#define SEVEN           (7ull << 9)
#define ENCODED(lg2)    (SEVEN | ((1ull << ((lg2) - 1)) - NYX_PAGE))

static const SizeRow size_rows[] = {
    { "1 level", 1, 0x1ff000, 1, 0, 12 },
    { "2 levels", 2, 0x3fe00000, 2, 0, 21 },
    { "3 levels", 3, 0x7fc0000000, 3, 0, 30 },
    { "4 levels", 4, 0xffffffe00000, 2, 0, 21 },
    { "5 levels", 5, 0x1fffffffffff000, 1, 0, 12 },
    { "6 levels", 6, 0xfffffffffffff000, 1, 0, 12 },
    { "8 KiB", 3, 0x1234002000, 1, ENCODED(13), 13 },
    { "64 KiB", 3, 0x1234010000, 1, ENCODED(16), 16 },
    { "1 MiB", 4, 0x8012300000, 1, ENCODED(20), 20 },
    { "4 MiB", 3, 0x1234400000, 2, ENCODED(22), 22 },
};

static void test_sizes(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(size_rows); i++) {
        const SizeRow *row = &size_rows[i];
        Fixture f = start("");
        uint64_t block = MAKE_64BIT_MASK(0, row->lg2);
        /* Somewhere in RAM; requests go to its beginning. */
        uint64_t gpa = 0x4000000 & ~block;

        f.dom = qamd_domain(f.v, DID, row->levels);
        qtest_writeq(f.v->qts, qamd_entry(f.v, &f.dom, row->iova, row->level),
                     gpa | row->bits | QAMD_PR | QAMD_RW);
        qamd_attach(f.v, SID, &f.dom, 0);
        qamd_flush_dte(f.v, SID);
        expect_access(&f, row->name, row->iova, gpa, row->lg2);
        end(&f);
    }
}

static void test_skip(void)
{
    Fixture f = start("");
    uint64_t table = nyx_pc_pages(f.v->pc, 1);
    QAmdDomain dom = qamd_domain(f.v, DID, 4);
    uint64_t top = dom.root;

    /* From level 4 to level 1: the bits between must be zero. */
    qtest_writeq(f.v->qts, top, table | QAMD_PR | QAMD_RW | 1 << 9);
    qtest_writeq(f.v->qts, table + 5 * 8, f.page | QAMD_PR | QAMD_RW);
    qamd_attach(f.v, SID, &dom, 0);
    qamd_flush_dte(f.v, SID);
    expect_access(&f, "skipped", 0x5000, f.page, 12);
    expect_refused(&f, "not zero", true, 0x205000);
    expect_event(&f, "not zero", PAGE_FAULT(DID) | QAMD_EV_RW, 0x205000);
    end(&f);
}

typedef struct FaultRow {
    const char *name;
    unsigned level;          /* of the entry that is spoilt */
    uint64_t clear;
    uint64_t set;
    bool write;
    uint64_t flags;
} FaultRow;

static const FaultRow fault_rows[] = {
    { "PR = 0, write", 1, QAMD_PR, 0, true, QAMD_EV_RW },
    { "PR = 0, read", 1, QAMD_PR, 0, false, 0 },
    { "PR = 0 above", 3, QAMD_PR, 0, true, QAMD_EV_RW },
    { "IW = 0", 1, QAMD_IW, 0, true, QAMD_EV_PR | QAMD_EV_RW | QAMD_EV_PE },
    { "IR = 0", 1, QAMD_IR, 0, false, QAMD_EV_PR | QAMD_EV_PE },
    { "IW = 0 above", 4, QAMD_IW, 0, true,
      QAMD_EV_PR | QAMD_EV_RW | QAMD_EV_PE },
    { "NextLevel as before", 2, 0, 2 << 9, true,
      QAMD_EV_PR | QAMD_EV_RW | QAMD_EV_RZ },
    { "reserved bit", 1, 0, 1ull << 52, true,
      QAMD_EV_PR | QAMD_EV_RW | QAMD_EV_RZ },
    { "reserved bit above", 2, 0, 1ull << 59, false,
      QAMD_EV_PR | QAMD_EV_RZ },
};

static void test_faults(void)
{
    Fixture f = start("");

    for (unsigned i = 0; i < ARRAY_SIZE(fault_rows); i++) {
        const FaultRow *row = &fault_rows[i];
        uint64_t at = qamd_entry(f.v, &f.dom, IOVA, row->level);
        uint64_t entry = qtest_readq(f.v->qts, at);

        qtest_writeq(f.v->qts, at, (entry & ~row->clear) | row->set);
        qamd_flush_pages(f.v, DID, 0, 64);
        expect_refused(&f, row->name, row->write, IOVA);
        expect_event(&f, row->name, PAGE_FAULT(DID) | row->flags, IOVA);
        qtest_writeq(f.v->qts, at, entry);
        qamd_flush_pages(f.v, DID, 0, 64);
    }
    expect_access(&f, "mended", IOVA, f.page, 12);
    end(&f);
}

static void test_width(void)
{
    Fixture f = start("");

    /* 4 levels are 48 bits, and nothing is sign-extended. */
    expect_refused(&f, "bit 48", true, IOVA | 1ull << 48);
    expect_event(&f, "bit 48", PAGE_FAULT(DID) | QAMD_EV_RW,
                 IOVA | 1ull << 48);
    end(&f);
}

static void test_illegal(void)
{
    static const struct {
        const char *name;
        uint64_t w0;
        uint64_t w1;
    } rows[] = {
        { "reserved 2", 1 << 2, 0 },
        { "Mode 7", 7 << 9, 0 },
        { "reserved 63", 1ull << 63, 0 },
        { "GLX beyond GLXSup", 1ull << 55 | 2ull << 56, 0 },
        { "HAD 2", 2 << 7, 0 },
        { "IoCtl 3", 0, 3ull << 35 },
    };
    Fixture f = start("");

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        qamd_dte(f.v, SID, QAMD_V_TV | QAMD_RW | rows[i].w0,
                 DID | rows[i].w1, 0, 0);
        qamd_flush_dte(f.v, SID);
        expect_refused(&f, rows[i].name, true, IOVA);
        NYX_CHECK(rows[i].name, qamd_take(f.v).lo, 1ull << 60 | SID |
                  QAMD_EV_RW | QAMD_EV_RZ);
        qamd_clear_events(f.v);
    }
    end(&f);
}

/* --- What is kept --------------------------------------------------------- */

static void test_cached(void)
{
    Fixture f = start("");
    uint64_t other = nyx_pc_pages(f.v->pc, 1);

    expect_access(&f, "first", IOVA, f.page, 12);
    qamd_map(f.v, &f.dom, IOVA, other, 12, QAMD_RW);
    expect_access(&f, "not flushed", IOVA, f.page, 12);
    /* Another page, another domain: it stays. */
    qamd_flush_pages(f.v, DID, IOVA + NYX_PAGE, 12);
    qamd_flush_pages(f.v, DID + 1, IOVA, 12);
    expect_access(&f, "flushed elsewhere", IOVA, f.page, 12);
    qamd_flush_pages(f.v, DID, IOVA, 12);
    expect_access(&f, "flushed", IOVA, other, 12);
    qamd_map(f.v, &f.dom, IOVA, f.page, 12, QAMD_RW);
    qamd_flush_pages(f.v, DID, IOVA & ~0xffffull, 16);
    expect_access(&f, "64 KiB around it", IOVA, f.page, 12);
    qamd_map(f.v, &f.dom, IOVA, other, 12, QAMD_RW);
    qamd_flush_pages(f.v, DID, 0, 64);
    expect_access(&f, "everything", IOVA, other, 12);
    end(&f);
}

static void test_dte_cached(void)
{
    Fixture f = start("");
    QAmdDomain dom = qamd_domain(f.v, DID + 1, 3);
    uint64_t other = nyx_pc_pages(f.v->pc, 1);

    expect_access(&f, "first", IOVA, f.page, 12);
    qamd_map(f.v, &dom, 0x1000, other, 12, QAMD_RW);
    qamd_attach(f.v, SID, &dom, 0);
    expect_access(&f, "not flushed", IOVA, f.page, 12);
    qamd_flush_dte(f.v, SID + 1);
    expect_access(&f, "another device", IOVA, f.page, 12);
    qamd_flush_dte(f.v, SID);
    expect_access(&f, "flushed", 0x1000, other, 12);
    expect_refused(&f, "the old one", true, IOVA);
    NYX_CHECK("the old one", qamd_take(f.v).lo, PAGE_FAULT(DID + 1) |
              QAMD_EV_RW);
    end(&f);
}

/* A 2-MiB page goes as a whole, whatever page of it is named. */
static void test_large_flushed(void)
{
    Fixture f = start("");
    uint64_t iova = 0x40000000, far = iova + 0x1ff000;

    qamd_map(f.v, &f.dom, iova, 0x4000000, 21, QAMD_RW);
    qamd_flush_pages(f.v, DID, 0, 64);
    expect_access(&f, "first", iova, 0x4000000, 21);
    expect_access(&f, "last", far, 0x41ff000, 21);
    qamd_map(f.v, &f.dom, iova, 0x4200000, 21, QAMD_RW);
    qamd_flush_pages(f.v, DID, iova + 0x7000, 12);
    expect_access(&f, "flushed", far, 0x43ff000, 21);
    end(&f);
}

/* --- Suppression ---------------------------------------------------------- */

static void test_suppressed(void)
{
    Fixture f = start("");

    /* SA: never; SE: once until the entry is dropped. */
    qamd_attach(f.v, SID, &f.dom, 1ull << 34);
    qamd_flush_dte(f.v, SID);
    expect_refused(&f, "SA", true, 0x1000);
    expect_silence(&f, "SA");
    qamd_attach(f.v, SID, &f.dom, 1ull << 33);
    qamd_flush_dte(f.v, SID);
    for (unsigned i = 0; i < 3; i++) {
        expect_refused(&f, "SE", true, 0x1000);
    }
    expect_event(&f, "SE", PAGE_FAULT(DID) | QAMD_EV_RW, 0x1000);
    qamd_flush_dte(f.v, SID);
    expect_refused(&f, "SE again", true, 0x1000);
    expect_event(&f, "SE again", PAGE_FAULT(DID) | QAMD_EV_RW, 0x1000);
    end(&f);
}

/* The function tells that it aborted something; a driver clears that. */
static void test_target_abort(void)
{
    Fixture f = start("");
    const uint32_t bit = 1u << 27;

    NYX_CHECK("before", qamd_config(f.v, 4) & bit, 0);
    expect_access(&f, "good", IOVA, f.page, 12);
    NYX_CHECK("good", qamd_config(f.v, 4) & bit, 0);
    expect_refused(&f, "refused", true, 0x1000);
    NYX_CHECK("refused", qamd_config(f.v, 4) & bit, bit);
    qamd_set_config(f.v, 4, bit | 6);
    NYX_CHECK("cleared", qamd_config(f.v, 4) & bit, 0);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/amdvi-translate/off", test_off);
    qtest_add_func("/nyx/amdvi-translate/not-valid", test_not_valid);
    qtest_add_func("/nyx/amdvi-translate/identity", test_identity);
    qtest_add_func("/nyx/amdvi-translate/no-translation",
                   test_no_translation);
    qtest_add_func("/nyx/amdvi-translate/table-size", test_table_size);
    qtest_add_func("/nyx/amdvi-translate/sizes", test_sizes);
    qtest_add_func("/nyx/amdvi-translate/skip", test_skip);
    qtest_add_func("/nyx/amdvi-translate/faults", test_faults);
    qtest_add_func("/nyx/amdvi-translate/width", test_width);
    qtest_add_func("/nyx/amdvi-translate/illegal", test_illegal);
    qtest_add_func("/nyx/amdvi-translate/cached", test_cached);
    qtest_add_func("/nyx/amdvi-translate/dte-cached", test_dte_cached);
    qtest_add_func("/nyx/amdvi-translate/large-flushed", test_large_flushed);
    qtest_add_func("/nyx/amdvi-translate/suppressed", test_suppressed);
    qtest_add_func("/nyx/amdvi-translate/target-abort", test_target_abort);
    return g_test_run();
}
