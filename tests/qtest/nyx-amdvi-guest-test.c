/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest tables of nyx-amdvi: PASIDs, GCR3 tables, requests without a PASID
 * (GIoV), the host's tables below them, accessed and dirty bits.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi-guest.h"
#include "nyx-amdvi-fixture.h"

#define PASID       0x155
#define NO_PASID    (-1)

#define PRIV        NYX_TD_ATTR_PRIV
#define EXEC        NYX_TD_ATTR_EXEC

/* Flags of what a user's request with a PASID comes to */
#define US          (1ull << 50)
#define NX          (1ull << 49)
#define GUEST(pasid) (2ull << 60 | SID | ((pasid) & 0xffffull) << 32 | \
                      ((pasid) >> 16) << 16 | QAMD_EV_GN)
#define USER        (GUEST(PASID) | US)

#define PRESENT_RSVD (QAMD_EV_PR | QAMD_EV_RZ)
#define DENIED      (QAMD_EV_PR | QAMD_EV_PE)

/* Guest-physical, where the host's tables have only what a test maps */
#define GPA         0x4000000000ull

#define GLX1        ",guest-levels=5,glx=1,pasid-bits=16"

typedef struct Scene {
    Fixture f;
    QAmd *v;
    QAmdGuest guest;
} Scene;

/* GTEn, and a GCR3 table that no device has yet. */
static Scene scene_begin(const char *options, unsigned glx, unsigned levels)
{
    Scene s = { .f = start_off(options) };

    s.v = s.f.v;
    qamd_enable(s.v, QAMD_GTEN);
    s.guest = qamd_guest(s.v, glx, levels);
    return s;
}

/* Mode = 0: guest tables lead to memory. */
static Scene scene_start(const char *options)
{
    Scene s = scene_begin(options, 1, 4);

    qamd_guest_map(&s.guest, PASID, IOVA, s.f.page, 12, QAMD_GRWU);
    qamd_guest_attach(&s.guest, SID, DID, 0, 0);
    qamd_flush(s.v);
    return s;
}

/*
 * They lead to the host's tables, which have all of RAM at its own address,
 * and GPA.
 */
static Scene scene_nested(const char *options, uint64_t w0)
{
    Scene s = scene_begin(options, 1, 4);

    s.f.dom = qamd_domain(s.v, DID, 4);
    qamd_map(s.v, &s.f.dom, 0, 0, 30, QAMD_RW);
    qamd_map(s.v, &s.f.dom, GPA, s.f.page, 12, QAMD_RW);
    qamd_guest_map(&s.guest, PASID, IOVA, GPA, 12, QAMD_GRWU);
    qamd_guest_attach(&s.guest, SID, DID, s.f.dom.root | 4 << 9 | w0, 0);
    qamd_flush(s.v);
    return s;
}

static void scene_end(Scene *s)
{
    end(&s->f);
}

static uint32_t dma(Scene *s, int pasid, uint32_t op, uint32_t attr,
                    uint64_t addr)
{
    return nyx_td_request(&s->f.td, (NyxTdReq) {
        .op = op, .addr = addr, .len = 4, .operand = DATA,
        .attr = attr | (pasid < 0 ? 0 : NYX_TD_ATTR_PASID),
        .pasid = pasid < 0 ? 0 : pasid,
    });
}

/* A write and a read reach @page. */
static void expect_data(Scene *s, const char *row, int pasid, uint64_t iova,
                        uint64_t page)
{
    qtest_writel(s->v->qts, page, 0);
    NYX_CHECK(row, dma(s, pasid, NYX_TD_OP_FILL, 0, iova), NYX_TD_ST_OK);
    NYX_CHECK(row, qtest_readl(s->v->qts, page), (uint32_t)DATA);
    NYX_CHECK(row, dma(s, pasid, NYX_TD_OP_READ, 0, iova), NYX_TD_ST_OK);
    expect_silence(&s->f, row);
}

static void expect_fault(Scene *s, const char *row, int pasid, uint32_t op,
                         uint32_t attr, uint64_t iova, uint64_t lo,
                         uint64_t hi)
{
    NYX_CHECK(row, dma(s, pasid, op, attr, iova) != NYX_TD_ST_OK, true);
    expect_event(&s->f, row, lo, hi);
}

static void change(Scene *s, uint64_t at, uint64_t clear, uint64_t set)
{
    qtest_writeq(s->v->qts, at, (qtest_readq(s->v->qts, at) & ~clear) | set);
}

static uint64_t leaf(Scene *s)
{
    return qamd_guest_entry(&s->guest, PASID, IOVA, 1);
}

/* --- Tables --------------------------------------------------------------- */

static void test_sizes(void)
{
    static const struct {
        const char *name;
        unsigned levels;
        uint64_t iova;
        unsigned lg2;
    } rows[] = {
        { "4 levels, 4 KiB", 4, 0x7fedcba98000, 12 },
        { "4 levels, 2 MiB", 4, 0x7fedcba00000, 21 },
        { "4 levels, 1 GiB", 4, 0x7fed80000000, 30 },
        { "4 levels, upper half", 4, 0xffff812345678000, 12 },
        { "5 levels, 4 KiB", 5, 0x00fedcba98765000, 12 },
        { "5 levels, 1 GiB", 5, 0x00fedcba80000000, 30 },
        { "5 levels, upper half", 5, 0xff00123456789000, 12 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Scene s = scene_begin(GLX1, 1, rows[i].levels);
        /* A page of 1 GiB begins at 0. */
        uint64_t page = rows[i].lg2 == 30 ? 0x4000000 : s.f.page;
        uint64_t mask = MAKE_64BIT_MASK(0, rows[i].lg2);

        qamd_guest_map(&s.guest, PASID, rows[i].iova, page & ~mask,
                       rows[i].lg2, QAMD_GRWU);
        qamd_guest_attach(&s.guest, SID, DID, 0, 0);
        qamd_flush(s.v);
        expect_data(&s, rows[i].name, PASID, rows[i].iova | (page & mask),
                    page);
        NYX_CHECK(rows[i].name, nyx_td_answer(&s.f.td).mask, mask);
        scene_end(&s);
    }
}

static void test_gcr3(void)
{
    static const struct {
        const char *options;
        unsigned glx;
        uint32_t good, bad;
        bool mapped;         /* the bad one as well */
    } rows[] = {
        { ",guest-levels=4,glx=2,pasid-bits=9", 0, 0x1ff, 0x200, false },
        { ",guest-levels=4,glx=2,pasid-bits=20", 0, 0x1ff, 0x200, false },
        { ",guest-levels=4,glx=2,pasid-bits=20", 1, 0x3ffff, 0x40000, false },
        { ",guest-levels=4,glx=2,pasid-bits=20", 2, 0xfffff, 0x12345, false },
        { ",guest-levels=4,glx=2,pasid-bits=16", 2, 0xffff, 0x10000, true },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Scene s = scene_begin(rows[i].options, rows[i].glx, 4);
        g_autofree char *row = g_strdup_printf("row %u", i);

        qamd_guest_map(&s.guest, rows[i].good, IOVA, s.f.page, 12,
                       QAMD_GRWU);
        if (rows[i].mapped) {
            qamd_guest_map(&s.guest, rows[i].bad, IOVA, s.f.page, 12,
                           QAMD_GRWU);
        }
        qamd_guest_attach(&s.guest, SID, DID, 0, 0);
        qamd_flush(s.v);
        expect_data(&s, row, rows[i].good, IOVA, s.f.page);
        /* Beyond the table, or just not in it. */
        expect_fault(&s, row, rows[i].bad, NYX_TD_OP_READ, 0, IOVA,
                     GUEST((uint64_t)rows[i].bad) | US, IOVA);
        scene_end(&s);
    }
}

/* What the entry may not say. */
static void test_illegal(void)
{
    static const struct {
        const char *name;
        const char *options;
        uint64_t w0;
        unsigned levels;
        bool legal;
    } rows[] = {
        { "GLX 1", ",guest-levels=4,glx=1", 1ull << 56, 4, true },
        { "GLX 2, GLXSup 1", ",guest-levels=4,glx=1", 2ull << 56, 4, false },
        { "GLX 3", ",guest-levels=4,glx=2", 3ull << 56, 4, false },
        { "5 levels", ",guest-levels=5", 0, 5, true },
        { "5 levels, GATS 0", ",guest-levels=4", 0, 5, false },
        { "GuestPagingMode 2", ",guest-levels=5", 0, 6, false },
        { "GIoV", ",guest-levels=4", QAMD_DTE0_GIOV, 4, true },
        { "GIoV, GIoSup 0", ",guest-levels=4,gio=off", QAMD_DTE0_GIOV, 4,
          false },
        { "PPR, EPHSup 0", ",guest-levels=4", QAMD_DTE0_PPR, 4, false },
        { "GPRP, EPHSup 0", ",guest-levels=4", QAMD_DTE0_GPRP, 4, false },
        { "PPR", ",guest-levels=4,device-iotlb=on",
          QAMD_DTE0_PPR | QAMD_DTE0_GPRP, 4, true },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Scene s = scene_begin(rows[i].options, 0, rows[i].levels);

        qamd_guest_attach(&s.guest, SID, DID, rows[i].w0, 0);
        qamd_flush(s.v);
        dma(&s, PASID, NYX_TD_OP_READ, 0, IOVA);
        NYX_CHECK(rows[i].name, qamd_take_code(s.v), rows[i].legal ? 2 : 1);
        scene_end(&s);
    }
}

/* GTEn = 0: as if there were no guest tables. */
static void test_off(void)
{
    Scene s = scene_start(GLX1);

    expect_data(&s, "GTEn", PASID, IOVA, s.f.page);
    qamd_control(s.v, QAMD_GTEN, 0);
    qamd_flush(s.v);
    dma(&s, PASID, NYX_TD_OP_READ, 0, IOVA);
    NYX_CHECK("GTEn = 0", qamd_take_code(s.v), 1);
    /* GV = 0: nothing has a PASID. */
    qamd_control(s.v, 0, QAMD_GTEN);
    change(&s, s.v->devtab + SID * 32, QAMD_DTE0_GV, 0);
    qamd_flush(s.v);
    expect_fault(&s, "GV = 0", PASID, NYX_TD_OP_READ, 0, IOVA, USER, IOVA);
    scene_end(&s);
}

/* --- Faults --------------------------------------------------------------- */

/* Where the entry is that a row spoils: levels 1 to 4, and these. */
enum { AT_GCR3 = 5, AT_GCR3_ROOT, AT_DTE };

typedef struct FaultRow {
    const char *name;
    unsigned at;
    uint64_t clear, set;
    uint32_t op, attr;
    uint64_t flags;          /* beside GN and PASID */
} FaultRow;

#define READ NYX_TD_OP_READ
#define FILL NYX_TD_OP_FILL

static const FaultRow fault_rows[] = {
    { "not present", 1, QAMD_GP, 0, READ, 0, US },
    { "not present, write", 1, QAMD_GP, 0, FILL, 0, US | QAMD_EV_RW },
    { "not present above", 4, QAMD_GP, 0, READ, PRIV, 0 },
    { "R/W", 1, QAMD_GW, 0, FILL, 0, US | QAMD_EV_RW | DENIED },
    { "R/W above", 3, QAMD_GW, 0, FILL, 0, US | QAMD_EV_RW | DENIED },
    { "U/S", 1, QAMD_GU, 0, READ, 0, US | DENIED },
    { "U/S above", 4, QAMD_GU, 0, READ, 0, US | DENIED },
    { "NX", 1, 0, QAMD_GNX, READ, EXEC, US | NX | DENIED },
    { "NX above", 2, 0, QAMD_GNX, READ, EXEC | PRIV, NX | DENIED },
    { "address width", 1, 0, 1ull << 45, READ, 0, US | PRESENT_RSVD },
    { "address width above", 3, 0, 1ull << 51, READ, 0, US | PRESENT_RSVD },
    { "PS at level 4", 4, 0, QAMD_GPS, READ, 0, US | PRESENT_RSVD },
    { "2 MiB, bit 13", 2, 0x000ffffffffff000, QAMD_GPS | 1 << 13, READ, 0,
      US | PRESENT_RSVD },
    { "GCR3 entry", AT_GCR3, 1, 0, READ, 0, US },
    { "GCR3 entry, bit 1", AT_GCR3, 0, 2, READ, 0, US | PRESENT_RSVD },
    { "GCR3 entry, bit 52", AT_GCR3, 0, 1ull << 52, READ, 0,
      US | PRESENT_RSVD },
    { "GCR3 root", AT_GCR3_ROOT, 1, 0, READ, 0, US },
    { "IR", AT_DTE, QAMD_IR, 0, READ, 0, US | DENIED },
    { "IW", AT_DTE, QAMD_IW, 0, FILL, 0, US | QAMD_EV_RW | DENIED },
};

static void test_faults(void)
{
    Scene s = scene_start(GLX1);

    for (unsigned i = 0; i < ARRAY_SIZE(fault_rows); i++) {
        const FaultRow *row = &fault_rows[i];
        uint64_t at = row->at == AT_GCR3 ? qamd_gcr3_entry(&s.guest, PASID)
                    : row->at == AT_GCR3_ROOT ? s.guest.gcr3
                    : row->at == AT_DTE ? s.v->devtab + SID * 32
                    : qamd_guest_entry(&s.guest, PASID, IOVA, row->at);
        uint64_t good = qtest_readq(s.v->qts, at);

        expect_data(&s, row->name, PASID, IOVA, s.f.page);
        good = qtest_readq(s.v->qts, at);
        change(&s, at, row->clear, row->set);
        qamd_flush(s.v);
        expect_fault(&s, row->name, PASID, row->op, row->attr, IOVA,
                     GUEST(PASID) | row->flags, IOVA);
        qtest_writeq(s.v->qts, at, good);
        qamd_flush(s.v);
    }
    scene_end(&s);
}

/* Without the feature the bit means nothing. */
static void test_without(void)
{
    Scene s = scene_start(GLX1 ",nx=off,us=off");

    change(&s, leaf(&s), QAMD_GU, 0);
    qamd_flush(s.v);
    expect_data(&s, "USSup = 0", PASID, IOVA, s.f.page);
    change(&s, leaf(&s), 0, QAMD_GNX);
    qamd_flush(s.v);
    NYX_CHECK("NXSup = 0", dma(&s, PASID, READ, EXEC, IOVA), NYX_TD_ST_OK);
    scene_end(&s);
}

/* What a privileged request has found serves no other. */
static void test_privileged(void)
{
    Scene s = scene_start(GLX1);

    change(&s, leaf(&s), QAMD_GU, 0);
    qamd_flush(s.v);
    for (unsigned turn = 0; turn < 2; turn++) {
        NYX_CHECK("supervisor", dma(&s, PASID, FILL, PRIV, IOVA),
                  NYX_TD_ST_OK);
        expect_fault(&s, "user", PASID, FILL, 0, IOVA,
                     USER | QAMD_EV_RW | DENIED, IOVA);
    }
    scene_end(&s);
}

static void test_canonical(void)
{
    static const uint64_t bad[] = {
        0x800000000000, 0xffff7ffffffff000, 0x1000000000000000,
    };
    Scene s = scene_start(GLX1);

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        expect_fault(&s, "canonical", PASID, READ, 0, bad[i], USER, bad[i]);
    }
    /* PASID 0 is for requests without: its addresses have no sign. */
    qamd_guest_map(&s.guest, 0, bad[0], s.f.page, 12, QAMD_GRWU);
    qamd_flush(s.v);
    expect_data(&s, "PASID 0", 0, bad[0], s.f.page);
    expect_fault(&s, "PASID 0", 0, READ, 0, bad[1], GUEST(0) | US, bad[1]);
    scene_end(&s);
}

/* With a PASID there are no special addresses. */
static void test_interrupt_range(void)
{
    static const uint64_t iova[] = { 0xfee00000, 0xfdf8000000, 0xfe00000000 };
    Scene s = scene_start(GLX1);

    for (unsigned i = 0; i < ARRAY_SIZE(iova); i++) {
        qamd_guest_map(&s.guest, PASID, iova[i], s.f.page, 12, QAMD_GRWU);
        expect_data(&s, "special", PASID, iova[i], s.f.page);
    }
    NYX_CHECK("none", nyx_apic_irrs(s.v->pc, 0), 0);
    scene_end(&s);
}

/* --- Requests without a PASID --------------------------------------------- */

static void test_giov(void)
{
    Scene s = scene_start(GLX1);
    uint64_t page = nyx_pc_pages(s.v->pc, 1);

    /* GIoV = 0: Mode 0, so the address stays. */
    expect_data(&s, "identity", NO_PASID, page, page);
    qamd_guest_map(&s.guest, 0, IOVA, page, 12, QAMD_GRWU);
    qamd_guest_attach(&s.guest, SID, DID, QAMD_DTE0_GIOV, 0);
    qamd_flush_dte(s.v, SID);
    expect_data(&s, "GIoV", NO_PASID, IOVA, page);
    expect_data(&s, "PASID", PASID, IOVA, s.f.page);
    NYX_CHECK("refused", dma(&s, NO_PASID, FILL, 0, page),
              NYX_TD_ST_TX_ERROR);
    expect_event(&s.f, "refused", GUEST(0) | US | QAMD_EV_RW, page);
    /* Interrupts are interrupts, whatever PASID 0 maps there. */
    qamd_guest_map(&s.guest, 0, 0xfee00000, page, 12, QAMD_GRWU);
    qamd_flush(s.v);
    nyx_td_msi(&s.f.td, 0xfee00000, 0x51);
    NYX_CHECK("MSI", nyx_apic_irr(s.v->pc, 0, 0x51), NYX_IRR_EDGE);
    scene_end(&s);
}

/* --- What is cached ------------------------------------------------------- */

static void test_cached(void)
{
    Scene s = scene_start(GLX1);
    uint64_t other = nyx_pc_pages(s.v->pc, 1);
    uint64_t third = nyx_pc_pages(s.v->pc, 1);

    qamd_guest_map(&s.guest, PASID + 1, IOVA, other, 12, QAMD_GRWU);
    expect_data(&s, "first", PASID, IOVA, s.f.page);
    expect_data(&s, "first", PASID + 1, IOVA, other);
    qamd_guest_map(&s.guest, PASID, IOVA, third, 12, QAMD_GRWU);
    qamd_guest_map(&s.guest, PASID + 1, IOVA, third, 12, QAMD_GRWU);
    qamd_flush_pasid(s.v, DID, PASID, IOVA + NYX_PAGE, 12);
    qamd_flush_pasid(s.v, DID + 1, PASID, IOVA, 12);
    expect_data(&s, "neighbours", PASID, IOVA, s.f.page);
    qamd_flush_pasid(s.v, DID, PASID, IOVA, 12);
    expect_data(&s, "page", PASID, IOVA, third);
    expect_data(&s, "another PASID", PASID + 1, IOVA, other);
    qamd_flush_pasid(s.v, DID, PASID + 1, 0, 64);
    expect_data(&s, "all of the PASID", PASID + 1, IOVA, third);
    /* GN = 0, which is all that Linux sends until 6.1. */
    qamd_guest_map(&s.guest, PASID, IOVA, other, 12, QAMD_GRWU);
    qamd_flush_pages(s.v, DID, 0, 64);
    expect_data(&s, "GN = 0", PASID, IOVA, other);
    qamd_guest_map(&s.guest, PASID, IOVA, third, 12, QAMD_GRWU);
    qamd_flush_pages(s.v, DID, IOVA, 12);
    expect_data(&s, "GN = 0, a page", PASID, IOVA, third);
    scene_end(&s);
}

/* The GCR3 table's entry goes with all of its PASID's addresses. */
static void test_cached_gcr3(void)
{
    Scene s = scene_start(GLX1);
    uint64_t other = nyx_pc_pages(s.v->pc, 1);
    uint64_t at = qamd_gcr3_entry(&s.guest, PASID);

    qamd_guest_map(&s.guest, PASID + 1, IOVA, other, 12, QAMD_GRWU);
    qamd_guest_map(&s.guest, PASID + 1, 0x1000, other, 12, QAMD_GRWU);
    expect_data(&s, "first", PASID, IOVA, s.f.page);
    qtest_writeq(s.v->qts, at,
                 qtest_readq(s.v->qts, qamd_gcr3_entry(&s.guest, PASID + 1)));
    expect_fault(&s, "old table", PASID, READ, 0, 0x1000, USER, 0x1000);
    qamd_flush_pasid(s.v, DID, PASID, 0, 64);
    expect_data(&s, "new table", PASID, 0x1000, other);
    expect_data(&s, "new table", PASID, IOVA, other);
    /* And with the device table entry. */
    qtest_writeq(s.v->qts, at, 0);
    expect_data(&s, "kept", PASID, IOVA, other);
    qamd_flush_dte(s.v, SID);
    expect_fault(&s, "gone", PASID, READ, 0, IOVA, USER, IOVA);
    scene_end(&s);
}

/* --- Two stages ----------------------------------------------------------- */

static void test_nested(void)
{
    Scene s = scene_nested(GLX1, 0);
    uint64_t other = nyx_pc_pages(s.v->pc, 1);

    expect_data(&s, "both", PASID, IOVA, s.f.page);
    NYX_CHECK("mask", nyx_td_answer(&s.f.td).mask, 0xfff);
    /* Without a PASID it is the host's tables alone. */
    expect_data(&s, "host", NO_PASID, GPA, s.f.page);
    /* A change of the host's pages: whatever the PASID. */
    qamd_map(s.v, &s.f.dom, GPA, other, 12, QAMD_RW);
    qamd_flush_pasid(s.v, DID, PASID, GPA, 12);
    expect_data(&s, "GN = 1", PASID, IOVA, s.f.page);
    qamd_flush_pages(s.v, DID, GPA, 12);
    expect_data(&s, "GN = 0", PASID, IOVA, other);
    expect_data(&s, "GN = 0", NO_PASID, GPA, other);
    /* 2 MiB on 4 KiB, and 4 KiB on 1 GiB */
    qamd_guest_map(&s.guest, PASID, 0x200000, GPA & ~0x1fffffull, 21,
                   QAMD_GRWU);
    expect_data(&s, "2 MiB", PASID, 0x200000, other);
    NYX_CHECK("2 MiB", nyx_td_answer(&s.f.td).mask, 0xfff);
    qamd_guest_map(&s.guest, PASID, 0x1000, s.f.page, 12, QAMD_GRWU);
    qamd_flush(s.v);
    expect_data(&s, "1 GiB", PASID, 0x1000, s.f.page);
    scene_end(&s);
}

#define HOST (PAGE_FAULT(DID))

static void test_nested_faults(void)
{
    Scene s = scene_nested(GLX1, 0);
    uint64_t table;

    /* The guest's own */
    expect_fault(&s, "guest", PASID, READ, 0, 0x5000, USER, 0x5000);
    /* The page: its guest address */
    qamd_guest_map(&s.guest, PASID, 0x5000, GPA + 0x7000, 12, QAMD_GRWU);
    expect_fault(&s, "host, page", PASID, READ, 0, 0x5008, HOST,
                 GPA + 0x7008);
    qamd_map(s.v, &s.f.dom, GPA + 0x7000, s.f.page, 12, QAMD_IR);
    qamd_flush(s.v);
    expect_fault(&s, "host, write", PASID, FILL, 0, 0x5008,
                 HOST | DENIED | QAMD_EV_RW, GPA + 0x7008);
    NYX_CHECK("host, read", dma(&s, PASID, READ, 0, 0x5008), NYX_TD_ST_OK);
    change(&s, qamd_entry(s.v, &s.f.dom, GPA + 0x7000, 1), 0, 1ull << 52);
    qamd_flush(s.v);
    expect_fault(&s, "host, reserved", PASID, READ, 0, 0x5008,
                 HOST | PRESENT_RSVD, GPA + 0x7008);
    /* Wider than the host's tables are */
    qamd_guest_map(&s.guest, PASID, 0x6000, 1ull << 48, 12, QAMD_GRWU);
    expect_fault(&s, "host, width", PASID, READ, 0, 0x6000, HOST, 1ull << 48);
    /* A table of the guest's: the address of the entry */
    table = GPA + 0x9000;
    qtest_writeq(s.v->qts, qamd_guest_entry(&s.guest, PASID, 1ull << 39, 4),
                 table | QAMD_GRWU);
    expect_fault(&s, "host, table", PASID, READ, 0, (1ull << 39) | 3ull << 30,
                 HOST, table + 3 * 8);
    scene_end(&s);
}

/* GCR3TRPMode: also the GCR3 table has guest addresses. */
static void test_gcr3_guest(void)
{
    Scene s = scene_nested(GLX1 ",gcr3-trp=on", 0);
    QAmdGuest moved = s.guest;

    moved.gcr3 = GPA + 0x10000;
    qamd_map(s.v, &s.f.dom, moved.gcr3, s.guest.gcr3, 12, QAMD_RW);
    qamd_guest_attach(&moved, SID, DID, s.f.dom.root | 4 << 9, 0);
    qamd_flush(s.v);
    dma(&s, PASID, READ, 0, IOVA);
    /* There is nothing at that address of the host's. */
    NYX_CHECK("host's address", qamd_take_code(s.v), 4);
    qamd_control(s.v, 0, 1ull << 58);
    qamd_flush(s.v);
    expect_data(&s, "guest's address", PASID, IOVA, s.f.page);
    qamd_map(s.v, &s.f.dom, moved.gcr3, 0, 12, 0);
    qtest_writeq(s.v->qts, qamd_entry(s.v, &s.f.dom, moved.gcr3, 1), 0);
    qamd_flush(s.v);
    expect_fault(&s, "not mapped", PASID, READ, 0, IOVA, HOST, moved.gcr3);
    scene_end(&s);
}

/* --- Accessed and dirty --------------------------------------------------- */

static void expect_marks(Scene *s, const char *row, uint64_t at,
                         uint64_t bits)
{
    NYX_CHECK(row, qtest_readq(s->v->qts, at) & (QAMD_GA | QAMD_GD), bits);
}

static void test_guest_marks(void)
{
    Scene s = scene_start(GLX1);

    for (unsigned turn = 0; turn < 2; turn++) {
        NYX_CHECK("read", dma(&s, PASID, READ, 0, IOVA), NYX_TD_ST_OK);
        expect_marks(&s, "read", leaf(&s), QAMD_GA);
    }
    for (unsigned level = 2; level <= 4; level++) {
        expect_marks(&s, "above", qamd_guest_entry(&s.guest, PASID, IOVA,
                                                   level), QAMD_GA);
    }
    /* The first write is told from the cached read. */
    NYX_CHECK("write", dma(&s, PASID, FILL, 0, IOVA), NYX_TD_ST_OK);
    expect_marks(&s, "write", leaf(&s), QAMD_GA | QAMD_GD);
    change(&s, leaf(&s), QAMD_GA | QAMD_GD, 0);
    NYX_CHECK("write", dma(&s, PASID, FILL, 0, IOVA), NYX_TD_ST_OK);
    expect_marks(&s, "cached", leaf(&s), 0);
    qamd_flush_pasid(s.v, DID, PASID, IOVA, 12);
    NYX_CHECK("write", dma(&s, PASID, FILL, 0, IOVA), NYX_TD_ST_OK);
    expect_marks(&s, "flushed", leaf(&s), QAMD_GA | QAMD_GD);
    /* Who may not write leaves no mark of it. */
    change(&s, leaf(&s), QAMD_GA | QAMD_GD | QAMD_GW, 0);
    qamd_flush(s.v);
    dma(&s, PASID, FILL, 0, IOVA);
    NYX_CHECK("refused", qtest_readq(s.v->qts, leaf(&s)) & QAMD_GD, 0);
    scene_end(&s);
}

static void test_no_guest_marks(void)
{
    Scene s = scene_start(GLX1 ",ga-update-dis=on");

    qamd_control(s.v, 0, 1ull << 54);
    qamd_flush(s.v);
    NYX_CHECK("read", dma(&s, PASID, READ, 0, IOVA), NYX_TD_ST_OK);
    expect_marks(&s, "GAUpdateDis", leaf(&s), 0);
    qamd_control(s.v, 1ull << 54, 0);
    qamd_flush(s.v);
    NYX_CHECK("read", dma(&s, PASID, READ, 0, IOVA), NYX_TD_ST_OK);
    expect_marks(&s, "on", leaf(&s), QAMD_GA);
    scene_end(&s);
}

/* HAD of the entry decides about the host's. */
static void test_host_marks(void)
{
    static const struct {
        const char *name;
        unsigned had;
        uint64_t read, write;
    } rows[] = {
        { "off", 0, 0, 0 },
        { "accessed", 1, QAMD_GA, QAMD_GA },
        { "both", 3, QAMD_GA, QAMD_GA | QAMD_GD },
    };
    Fixture f = start(",host-accessed=on,host-dirty=on");
    Scene s = { .f = f, .v = f.v };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t at = qamd_entry(s.v, &f.dom, IOVA, 1);
        uint64_t above = qamd_entry(s.v, &f.dom, IOVA, 3);

        change(&s, at, QAMD_GA | QAMD_GD, 0);
        change(&s, above, QAMD_GA, 0);
        qamd_set_dte_word(s.v, SID, 0, QAMD_V_TV | QAMD_RW | f.dom.root |
                          4 << 9 | rows[i].had << 7);
        qamd_flush(s.v);
        NYX_CHECK("read", dma(&s, NO_PASID, READ, 0, IOVA), NYX_TD_ST_OK);
        expect_marks(&s, rows[i].name, at, rows[i].read);
        expect_marks(&s, rows[i].name, above, rows[i].read);
        NYX_CHECK("write", dma(&s, NO_PASID, FILL, 0, IOVA), NYX_TD_ST_OK);
        expect_marks(&s, rows[i].name, at, rows[i].write);
    }
    /* 2 is reserved, and so is what the options lack. */
    qamd_set_dte_word(s.v, SID, 0, QAMD_V_TV | QAMD_RW | f.dom.root |
                      4 << 9 | 2 << 7);
    qamd_flush(s.v);
    dma(&s, NO_PASID, READ, 0, IOVA);
    NYX_CHECK("HAD 2", qamd_take_code(s.v), 1);
    scene_end(&s);
}

/* Marks in the guest's tables are writes, for the host's. */
static void test_nested_marks(void)
{
    Scene s = scene_nested(GLX1 ",host-accessed=on,host-dirty=on", 3 << 7);
    uint64_t host = qamd_entry(s.v, &s.f.dom, GPA, 1);
    uint64_t tables = qamd_entry(s.v, &s.f.dom, 0, 3);

    NYX_CHECK("read", dma(&s, PASID, READ, 0, IOVA), NYX_TD_ST_OK);
    expect_marks(&s, "guest", leaf(&s), QAMD_GA);
    expect_marks(&s, "page", host, QAMD_GA);
    expect_marks(&s, "tables", tables, QAMD_GA | QAMD_GD);
    NYX_CHECK("write", dma(&s, PASID, FILL, 0, IOVA), NYX_TD_ST_OK);
    expect_marks(&s, "guest", leaf(&s), QAMD_GA | QAMD_GD);
    expect_marks(&s, "page", host, QAMD_GA | QAMD_GD);
    /* All is marked: the guest's tables are only read. */
    change(&s, tables, QAMD_GA | QAMD_GD, 0);
    qamd_flush(s.v);
    NYX_CHECK("write", dma(&s, PASID, FILL, 0, IOVA), NYX_TD_ST_OK);
    expect_marks(&s, "tables", tables, QAMD_GA);
    scene_end(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/guest/" name, fn)
    ADD("sizes", test_sizes);
    ADD("gcr3", test_gcr3);
    ADD("illegal", test_illegal);
    ADD("off", test_off);
    ADD("faults", test_faults);
    ADD("without", test_without);
    ADD("privileged", test_privileged);
    ADD("canonical", test_canonical);
    ADD("interrupt-range", test_interrupt_range);
    ADD("giov", test_giov);
    ADD("cached", test_cached);
    ADD("cached-gcr3", test_cached_gcr3);
    ADD("nested", test_nested);
    ADD("nested-faults", test_nested_faults);
    ADD("gcr3-guest", test_gcr3_guest);
    ADD("guest-marks", test_guest_marks);
    ADD("no-guest-marks", test_no_guest_marks);
    ADD("host-marks", test_host_marks);
    ADD("nested-marks", test_nested_marks);
    return g_test_run();
}
