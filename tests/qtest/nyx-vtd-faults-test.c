/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults of DMA through nyx-vtd in legacy mode: each reason with the whole of
 * its record, and the event that tells of them.
 */
#include "qemu/osdep.h"
#include "nyx-vtd-fixture.h"

#define ADDR_BITS       0x000ffffffffff000ull
/* Looks at the APIC through the monitor, each of which takes long */
#define MONITOR_POLLS   2000

#define NOTHING         (1ull << 39)    /* below 2^40, but no memory */

/* A word of the tables on the way to IOVA. */
typedef enum Where {
    NOWHERE,
    ROOT_LO,
    ROOT_HI,
    CTX_LO,
    CTX_HI,
    L1,
    L2,
    L3,
    L4,
    RTADDR,                  /* the register, and the command that latches */
    N_WHERE,
} Where;

typedef struct FaultRow {
    const char *name;
    struct {
        Where where;
        uint64_t clear;
        uint64_t set;
    } poke[2];
    uint64_t addr;           /* 0: IOVA + 0x340 */
    uint32_t op;             /* 0: NYX_TD_OP_READ */
    uint32_t attr;
    uint64_t hi;             /* of the record; 0: there is none */
} FaultRow;

typedef struct Words {
    uint64_t at[N_WHERE];
    uint64_t good[N_WHERE];
} Words;

static Words words_of(Fixture *f)
{
    Words words = { .good[RTADDR] = f->v->root };
    uint64_t ctx = qvtd_context_at(f->v, SID);

    words.at[ROOT_LO] = f->v->root;
    words.at[ROOT_HI] = f->v->root + 8;
    words.at[CTX_LO] = ctx;
    words.at[CTX_HI] = ctx + 8;
    for (unsigned level = 1; level <= 4; level++) {
        words.at[L1 + level - 1] = qvtd_entry(f->v, &f->dom, IOVA, level);
    }
    for (unsigned i = ROOT_LO; i <= L4; i++) {
        words.good[i] = qtest_readq(f->v->qts, words.at[i]);
    }
    return words;
}

/* Good tables but for what the row changes, and nothing cached. */
static void words_write(Fixture *f, const Words *words, const FaultRow *row)
{
    uint64_t now[N_WHERE];

    memcpy(now, words->good, sizeof(now));
    for (unsigned i = 0; i < ARRAY_SIZE(row->poke); i++) {
        now[row->poke[i].where] &= ~row->poke[i].clear;
        now[row->poke[i].where] |= row->poke[i].set;
    }
    for (unsigned i = ROOT_LO; i <= L4; i++) {
        qtest_writeq(f->v->qts, words->at[i], now[i]);
    }
    qvtd_w64(f->v, QVTD_RTADDR, now[RTADDR]);
    g_assert_true(qvtd_gcmd(f->v, QVTD_SRTP, true));
    flush(f);
}

/* Make the row's request and hold what comes of it against the row. */
static void check_row(Fixture *f, const FaultRow *row, unsigned *next)
{
    uint64_t addr = row->addr ? row->addr : IOVA + 0x340;
    uint32_t op = row->op ? row->op : NYX_TD_OP_READ;
    bool plain = !row->attr &&
                 (op == NYX_TD_OP_READ || op == NYX_TD_OP_FILL);
    uint32_t status = nyx_td_request(&f->td, (NyxTdReq) {
        .op = op,
        .attr = row->attr,
        .pasid = row->attr & NYX_TD_ATTR_PASID ? 0x12345 : 0,
        .addr = addr,
        .len = 8,
        .operand = DATA,
    });
    QVtdRecord record;

    NYX_CHECK(row->name, status,
              plain ? NYX_TD_ST_TX_ERROR : NYX_TD_ST_BLOCKED);
    NYX_CHECK(row->name, qtest_readq(f->v->qts, f->page + 0x340), 0);
    if (!row->hi) {
        expect_silence(f, row->name);
        return;
    }
    NYX_CHECK(row->name, qvtd_r32(f->v, QVTD_FSTS), *next << 8 | 2);
    *next = (*next + 1) % 8;
    record = qvtd_take(f->v);
    if (op == NYX_TD_OP_TRANSLATE) {
        /* T1 of a translation request is not told; AT says what it was. */
        record.hi &= ~(1ull << 62);
    }
    NYX_CHECK(row->name, record.lo, addr & -0x1000ull);
    NYX_CHECK(row->name, record.hi, row->hi);
    NYX_CHECK(row->name, qvtd_r32(f->v, QVTD_FSTS) & 0xff, 0);
}

static void check_rows(Fixture *f, const FaultRow *rows, unsigned n)
{
    Words words = words_of(f);
    const FaultRow good = { };
    unsigned next = 0;

    /* There is no register-based invalidation in the other modes */
    g_assert_true(qvtd_queue(f->v, 0));
    for (unsigned i = 0; i < n; i++) {
        words_write(f, &words, &rows[i]);
        check_row(f, &rows[i], &next);
    }
    words_write(f, &words, &good);
    expect_access(f, "good again", IOVA + 0x340, f->page + 0x340, 12);
}

#define WRITE   .op = NYX_TD_OP_FILL
#define AMO     .op = NYX_TD_OP_FETCH_ADD

static const FaultRow structure_rows[] = {
    { "root absent", { { ROOT_LO, 1, 0 } }, .hi = 0xc000000100000020 },
    { "root absent, write", { { ROOT_LO, 1, 0 } }, WRITE,
      .hi = 0x8000000100000020 },
    { "root absent, atomic", { { ROOT_LO, 1, 0 } }, AMO,
      .hi = 0xc000000110000020 },
    { "root absent, rest set", { { ROOT_LO, 1, 0xffe }, { ROOT_HI, 0, 1 } },
      .hi = 0xc000000100000020 },
    { "root bit 1", { { ROOT_LO, 0, 1 << 1 } }, .hi = 0xc000000a00000020 },
    { "root bit 11", { { ROOT_LO, 0, 1 << 11 } }, .hi = 0xc000000a00000020 },
    { "root bit 40", { { ROOT_LO, 0, 1ull << 40 } },
      .hi = 0xc000000a00000020 },
    { "root bit 64", { { ROOT_HI, 0, 1 } }, .hi = 0xc000000a00000020 },
    { "root bit 127", { { ROOT_HI, 0, 1ull << 63 } },
      .hi = 0xc000000a00000020 },
    { "root table in registers", { { RTADDR, ADDR_BITS, REGISTERS } },
      .hi = 0xc000000800000020 },
    { "root table nowhere", { { RTADDR, ADDR_BITS, NOTHING } }, WRITE,
      .hi = 0x8000000800000020 },
    { "mode 1", { { RTADDR, 0, 1 << 10 } }, .hi = 0xc000003000000020 },
    { "mode 2", { { RTADDR, 0, 2 << 10 } }, .hi = 0xc000003000000020 },
    { "mode 3", { { RTADDR, 0, 3 << 10 } }, WRITE, .hi = 0x8000003000000020 },
    { "context table in registers", { { ROOT_LO, ADDR_BITS, REGISTERS } },
      .hi = 0xc000000900000020 },
    { "context table nowhere", { { ROOT_LO, ADDR_BITS, NOTHING } },
      .hi = 0xc000000900000020 },
    { "context absent", { { CTX_LO, 1, 0 } }, .hi = 0xc000000200000020 },
    { "context absent, write", { { CTX_LO, 1, 0xff0 } }, WRITE,
      .hi = 0x8000000200000020 },
    { "context bit 4", { { CTX_LO, 0, 1 << 4 } }, .hi = 0xc000000b00000020 },
    { "context bit 11", { { CTX_LO, 0, 1 << 11 } },
      .hi = 0xc000000b00000020 },
    { "context bit 40", { { CTX_LO, 0, 1ull << 40 } },
      .hi = 0xc000000b00000020 },
    { "context bit 71", { { CTX_HI, 0, 1 << 7 } }, .hi = 0xc000000b00000020 },
    { "context bit 88", { { CTX_HI, 0, 1 << 24 } },
      .hi = 0xc000000b00000020 },
    { "context bit 127", { { CTX_HI, 0, 1ull << 63 } },
      .hi = 0xc000000b00000020 },
    { "AW 0", { { CTX_HI, 7, 0 } }, .hi = 0xc000000300000020 },
    { "AW 3 of 48 bits", { { CTX_HI, 7, 3 } }, .hi = 0xc000000300000020 },
    { "AW 4", { { CTX_HI, 7, 4 } }, .hi = 0xc000000300000020 },
    { "AW 7", { { CTX_HI, 7, 7 } }, .hi = 0xc000000300000020 },
    { "TT 1 without DT", { { CTX_LO, 0, 1 << 2 } },
      .hi = 0xc000000300000020 },
    { "TT 2 with a narrow AW", { { CTX_LO, 0, 2 << 2 }, { CTX_HI, 7, 1 } },
      .hi = 0xc000000300000020 },
    { "TT 3", { { CTX_LO, 0, 3 << 2 } }, .hi = 0xc000000300000020 },
    { "top table in registers", { { CTX_LO, ADDR_BITS, REGISTERS } },
      .hi = 0xc000000300000020 },
    { "top table nowhere", { { CTX_LO, ADDR_BITS, NOTHING } },
      .hi = 0xc000000300000020 },
    { "beyond 39 bits", { { CTX_HI, 7, 1 } }, .addr = 1ull << 39,
      .hi = 0xc000000400000020 },
    { "beyond 48 bits", .addr = 1ull << 48, .hi = 0xc000000400000020 },
    { "the last address", .addr = -8ull, WRITE, .hi = 0x8000000400000020 },
    { "pass-through beyond 48 bits", { { CTX_LO, 0, 2 << 2 } },
      .addr = 1ull << 48, .hi = 0xc000000400000020 },
};

static void test_structure_faults(void)
{
    Fixture f = start("", TT_UNTRANSLATED);

    check_rows(&f, structure_rows, ARRAY_SIZE(structure_rows));
    end(&f);
}

static const FaultRow paging_rows[] = {
    { "absent", { { L1, 3, 0 } }, .hi = 0xc000000600000020 },
    { "absent, write", { { L1, 3, 0 } }, WRITE, .hi = 0x8000000500000020 },
    { "absent, atomic", { { L1, 3, 0 } }, AMO, .hi = 0xc000000510000020 },
    { "absent, reserved bit", { { L1, 3, 1ull << 62 } },
      .hi = 0xc000000600000020 },
    { "absent at 2", { { L2, 3, 0 } }, .hi = 0xc000000600000020 },
    { "absent at 3", { { L3, 3, 0 } }, WRITE, .hi = 0x8000000500000020 },
    { "absent at 4", { { L4, 3, 0 } }, .hi = 0xc000000600000020 },
    { "not readable", { { L1, 1, 0 } }, .hi = 0xc000000600000020 },
    { "not readable at 2", { { L2, 1, 0 } }, .hi = 0xc000000600000020 },
    { "not readable at 4", { { L4, 1, 0 } }, .hi = 0xc000000600000020 },
    { "not writable", { { L1, 2, 0 } }, WRITE, .hi = 0x8000000500000020 },
    { "not writable at 3", { { L3, 2, 0 } }, WRITE,
      .hi = 0x8000000500000020 },
    { "not writable at 4", { { L4, 2, 0 } }, WRITE,
      .hi = 0x8000000500000020 },
    { "atomic, not writable", { { L1, 2, 0 } }, AMO,
      .hi = 0xc000000510000020 },
    { "atomic, not readable", { { L2, 1, 0 } }, AMO,
      .hi = 0xc000000610000020 },
    { "table 1 in registers", { { L2, ADDR_BITS, REGISTERS } },
      .hi = 0xc000000700000020 },
    { "table 2 in registers", { { L3, ADDR_BITS, REGISTERS } }, WRITE,
      .hi = 0x8000000700000020 },
    { "table 3 in registers", { { L4, ADDR_BITS, REGISTERS } },
      .hi = 0xc000000700000020 },
    { "table 1 nowhere", { { L2, ADDR_BITS, NOTHING } },
      .hi = 0xc000000700000020 },
    { "bit 62 at 1", { { L1, 0, 1ull << 62 } }, .hi = 0xc000000c00000020 },
    { "bit 40 at 1", { { L1, 0, 1ull << 40 } }, .hi = 0xc000000c00000020 },
    { "bit 51 at 1", { { L1, 0, 1ull << 51 } }, WRITE,
      .hi = 0x8000000c00000020 },
    { "bit 11 at 2", { { L2, 0, 1 << 11 } }, .hi = 0xc000000c00000020 },
    { "bit 62 at 2", { { L2, 0, 1ull << 62 } }, .hi = 0xc000000c00000020 },
    { "bit 40 at 3", { { L3, 0, 1ull << 40 } }, .hi = 0xc000000c00000020 },
    { "bit 7 at 4", { { L4, 0, 1 << 7 } }, .hi = 0xc000000c00000020 },
    { "2M: bit 12", { { L2, ADDR_BITS, 1 << 12 | 1 << 7 } },
      .hi = 0xc000000c00000020 },
    { "2M: bit 20", { { L2, ADDR_BITS, 1 << 20 | 1 << 7 } },
      .hi = 0xc000000c00000020 },
    { "1G: bit 12", { { L3, ADDR_BITS, 1 << 12 | 1 << 7 } },
      .hi = 0xc000000c00000020 },
    { "1G: bit 29", { { L3, ADDR_BITS, 1 << 29 | 1 << 7 } },
      .hi = 0xc000000c00000020 },
    { "permission before reserved", { { L1, 2, 1ull << 62 } }, WRITE,
      .hi = 0x8000000500000020 },
    { "interrupt range", { { L1, ADDR_BITS, 0xfee00000 } },
      .hi = 0xc000000e00000020 },
    { "interrupt range, write", { { L1, ADDR_BITS, 0xfeeff000 } }, WRITE,
      .hi = 0x8000000e00000020 },
    { "PASID", .attr = NYX_TD_ATTR_PASID, .hi = 0xc123453180000020 },
    { "PASID, write", .attr = NYX_TD_ATTR_PASID, WRITE,
      .hi = 0x8123453180000020 },
    { "PASID, atomic", .attr = NYX_TD_ATTR_PASID, AMO,
      .hi = 0xc123453190000020 },
    { "PASID, privileged", .attr = NYX_TD_ATTR_PASID | NYX_TD_ATTR_PRIV,
      .hi = 0xc1234531a0000020 },
    { "PASID, execute", .attr = NYX_TD_ATTR_PASID | NYX_TD_ATTR_EXEC,
      .hi = 0xc1234531c0000020 },
    { "PASID and no root", { { ROOT_LO, 1, 0 } }, .attr = NYX_TD_ATTR_PASID,
      .hi = 0xc123453180000020 },
};

static void test_paging_faults(void)
{
    Fixture f = start("", TT_UNTRANSLATED);

    check_rows(&f, paging_rows, ARRAY_SIZE(paging_rows));
    end(&f);
}

/* 9.8: without snoop control, SNP is reserved in leaves too. */
static void test_snoop_faults(void)
{
    static const FaultRow rows[] = {
        { "SNP", { { L1, 0, 1 << 11 } }, .hi = 0xc000000c00000020 },
    };
    Fixture f = start(",snoop-control=off", TT_UNTRANSLATED);

    check_rows(&f, rows, ARRAY_SIZE(rows));
    end(&f);

    f = start("", TT_UNTRANSLATED);
    qtest_writeq(f.v->qts, qvtd_entry(f.v, &f.dom, IOVA, 1),
                 f.page | 1 << 11 | 3);
    expect_access(&f, "SNP", IOVA, f.page, 12);
    end(&f);
}

/* FPD hides the qualified faults, and no others. */
static void test_fpd(void)
{
#define FPD { CTX_LO, 0, 1 << 1 }
    static const FaultRow rows[] = {
        { "root absent", { FPD, { ROOT_LO, 1, 0 } },
          .hi = 0xc000000100000020 },
        { "root unreadable", { FPD, { RTADDR, ADDR_BITS, REGISTERS } },
          .hi = 0xc000000800000020 },
        { "context unreadable", { FPD, { ROOT_LO, ADDR_BITS, REGISTERS } },
          .hi = 0xc000000900000020 },
        { "root reserved", { FPD, { ROOT_LO, 0, 2 } },
          .hi = 0xc000000a00000020 },
        { "mode", { FPD, { RTADDR, 0, 1 << 10 } }, .hi = 0xc000003000000020 },
        { "PASID", { FPD }, .attr = NYX_TD_ATTR_PASID,
          .hi = 0xc123453180000020 },
        { "context absent", { FPD, { CTX_LO, 1, 0 } }, .hi = 0 },
        { "context wrong", { FPD, { CTX_HI, 7, 0 } }, .hi = 0 },
        { "width", { FPD }, .addr = 1ull << 48 },
        { "write", { FPD, { L1, 2, 0 } }, WRITE },
        { "read", { FPD, { L1, 1, 0 } }, .hi = 0 },
        { "table unreadable", { FPD, { L2, ADDR_BITS, REGISTERS } }, .hi = 0 },
        { "table reserved", { FPD, { L2, 0, 1ull << 62 } }, .hi = 0 },
        { "interrupt range", { FPD, { L1, ADDR_BITS, 0xfee00000 } }, .hi = 0 },
    };
    Fixture f = start("", TT_UNTRANSLATED);

    check_rows(&f, rows, ARRAY_SIZE(rows));
    end(&f);
}

/* --- Records and their event ---------------------------------------------- */

/* 7.2.1: eight records in order, then the overflow bit, then a new start. */
static void test_overflow(void)
{
    Fixture f = start("", TT_UNTRANSLATED);
    const uint64_t iova = 0x100000;

    for (unsigned i = 0; i < 9; i++) {
        request(&f, NYX_TD_OP_READ, iova + i * NYX_PAGE);
        NYX_CHECK(NULL, qvtd_r32(f.v, QVTD_FSTS), i < 8 ? 2 : 3);
    }
    for (unsigned i = 0; i < 8; i++) {
        NYX_CHECK(NULL, qvtd_record(f.v, i).lo, iova + i * NYX_PAGE);
        NYX_CHECK(NULL, qvtd_record(f.v, i).hi, 0xc000000600000020);
    }
    /* Room alone is not enough */
    qvtd_w32(f.v, QVTD_FRCD + 12, 0x80000000);
    request(&f, NYX_TD_OP_READ, iova + 9 * NYX_PAGE);
    NYX_CHECK(NULL, qvtd_record(f.v, 0).valid, false);
    qvtd_w32(f.v, QVTD_FSTS, 1);
    request(&f, NYX_TD_OP_READ, iova + 10 * NYX_PAGE);
    NYX_CHECK(NULL, qvtd_record(f.v, 0).lo, iova + 10 * NYX_PAGE);
    NYX_CHECK(NULL, qvtd_r32(f.v, QVTD_FSTS) & 0xff, 2);
    end(&f);
}

static void event_to(Fixture *f, uint8_t vector, bool masked)
{
    qvtd_clear_faults(f->v);
    qvtd_w32(f->v, QVTD_FECTL, masked ? 0x80000000 : 0);
    qvtd_w32(f->v, QVTD_FEDATA, vector);
    qvtd_w32(f->v, QVTD_FEADDR, 0xfee00000);
}

static void test_event(void)
{
    Fixture f = start("", TT_UNTRANSLATED);
    NyxPc *pc = f.v->pc;

    event_to(&f, 0x41, false);
    request(&f, NYX_TD_OP_READ, 0x1000);
    NYX_CHECK(NULL, nyx_apic_irr(pc, 0, 0x41), NYX_IRR_EDGE);
    /* With one unread there is no second message */
    qvtd_w32(f.v, QVTD_FEDATA, 0x42);
    request(&f, NYX_TD_OP_READ, 0x2000);
    NYX_CHECK(NULL, nyx_apic_irr(pc, 0, 0x42), NYX_IRR_NONE);

    /* Masked, it waits */
    event_to(&f, 0x43, true);
    request(&f, NYX_TD_OP_READ, 0x3000);
    NYX_CHECK(NULL, qvtd_r32(f.v, QVTD_FECTL), 0xc0000000);
    NYX_CHECK(NULL, nyx_apic_irr(pc, 0, 0x43), NYX_IRR_NONE);
    qvtd_w32(f.v, QVTD_FECTL, 0);
    NYX_CHECK(NULL, qvtd_r32(f.v, QVTD_FECTL), 0);
    NYX_CHECK(NULL, nyx_apic_irr(pc, 0, 0x43), NYX_IRR_EDGE);

    /* Cleared before it is unmasked, it is gone */
    event_to(&f, 0x44, true);
    request(&f, NYX_TD_OP_READ, 0x4000);
    qvtd_clear_faults(f.v);
    NYX_CHECK(NULL, qvtd_r32(f.v, QVTD_FECTL), 0x80000000);
    qvtd_w32(f.v, QVTD_FECTL, 0);
    NYX_CHECK(NULL, nyx_apic_irr(pc, 0, 0x44), NYX_IRR_NONE);
    NYX_CHECK(NULL, nyx_apic_irrs(pc, 0), 2);
    end(&f);
}

/* --- Threads that don't hold QEMU's lock ---------------------------------- */

/* Read @slots pages with nothing mapped, once each, in so many threads. */
static void run_holes(Fixture *f, unsigned threads, unsigned slots)
{
    const NyxTdRun run = {
        .req = { .op = NYX_TD_OP_READ, .addr = 0x100000, .len = 4 },
        .threads = threads,
        .slots = slots,
        .count = slots,
        .stride = NYX_PAGE,
        .pattern = NYX_TD_PATTERN_STRIDE,
        .flags = NYX_TD_RUN_F_DISJOINT,
    };

    NYX_CHECK(NULL, nyx_td_run(&f->td, &run),
              NYX_TD_RUN_ST_DONE | NYX_TD_RUN_ST_ERRORS);
    NYX_CHECK(NULL, nyx_td_r64(&f->td, NYX_TD_RUN_ERRORS), threads * slots);
}

static void test_thread_faults(void)
{
    Fixture f = start(",fault-records=16", TT_UNTRANSLATED);
    NyxIrr irr = NYX_IRR_NONE;
    uint32_t seen = 0;

    /* Nothing but the fault itself makes the message go out */
    event_to(&f, 0x45, false);
    run_holes(&f, 1, 1);
    for (unsigned i = 0; i < MONITOR_POLLS && irr == NYX_IRR_NONE; i++) {
        irr = nyx_apic_irr(f.v->pc, 0, 0x45);
    }
    NYX_CHECK(NULL, irr, NYX_IRR_EDGE);
    expect_record(&f, NULL, 0x100000, 0xc000000600000020);

    run_holes(&f, 4, 4);
    NYX_CHECK(NULL, qvtd_r32(f.v, QVTD_FSTS) & 0xff, 2);
    for (unsigned i = 0; i < 16; i++) {
        QVtdRecord record = qvtd_record(f.v, i);

        NYX_CHECK(NULL, record.hi, 0xc000000600000020);
        NYX_CHECK(NULL, record.lo & -0x10000ull, 0x100000);
        seen |= 1u << ((record.lo >> 12) & 15);
    }
    NYX_CHECK(NULL, seen, 0xffff);
    qvtd_clear_faults(f.v);

    run_holes(&f, 4, 64);
    NYX_CHECK(NULL, qvtd_r32(f.v, QVTD_FSTS) & 0xff, 3);
    qvtd_clear_faults(f.v);
    expect_access(&f, NULL, IOVA, f.page, 12);
    end(&f);
}

/* --- ATS ------------------------------------------------------------------ */

#define REQUEST     .op = NYX_TD_OP_TRANSLATE
#define TRANSLATED  .attr = NYX_TD_ATTR_AT_TRANSLATED

static const FaultRow ats_rows[] = {
    { "TT 0, request", { { CTX_LO, 0xc, 0 } }, REQUEST,
      .hi = 0x9000000d00000020 },
    { "TT 0, read", { { CTX_LO, 0xc, 0 } }, TRANSLATED,
      .hi = 0xe000000d00000020 },
    { "TT 0, write", { { CTX_LO, 0xc, 0 } }, TRANSLATED, WRITE,
      .hi = 0xa000000d00000020 },
    { "TT 2, request", { { CTX_LO, 0xc, 2 << 2 } }, REQUEST,
      .hi = 0x9000000d00000020 },
    { "TT 2, read", { { CTX_LO, 0xc, 2 << 2 } }, TRANSLATED,
      .hi = 0xe000000d00000020 },
    { "TT 3, request", { { CTX_LO, 0, 0xc } }, REQUEST,
      .hi = 0x9000000300000020 },
    { "TT 3, write", { { CTX_LO, 0, 0xc } }, TRANSLATED, WRITE,
      .hi = 0xa000000300000020 },
    { "root absent, request", { { ROOT_LO, 1, 0 } }, REQUEST,
      .hi = 0x9000000100000020 },
    { "context absent, request", { { CTX_LO, 1, 0 } }, REQUEST,
      .hi = 0x9000000200000020 },
    { "context absent, read", { { CTX_LO, 1, 0 } }, TRANSLATED,
      .hi = 0xe000000200000020 },
    { "table unreadable, request", { { L2, ADDR_BITS, REGISTERS } }, REQUEST,
      .hi = 0x9000000700000020 },
    { "table reserved, request", { { L1, 0, 1ull << 62 } }, REQUEST,
      .hi = 0x9000000c00000020 },
    { "PASID, request", REQUEST, .attr = NYX_TD_ATTR_PASID,
      .hi = 0x9123453180000020 },
    { "not present, plain read", { { L1, 3, 0 } },
      .hi = 0xc000000600000020 },
    { "not present, plain write", { { L1, 3, 0 } }, WRITE,
      .hi = 0x8000000500000020 },
};

static void test_ats_faults(void)
{
    Fixture f = start(",device-iotlb=on", TT_DEVICE_TLB);

    check_rows(&f, ats_rows, ARRAY_SIZE(ats_rows));
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-faults/structures",
                   test_structure_faults);
    qtest_add_func("/nyx/vtd-faults/paging", test_paging_faults);
    qtest_add_func("/nyx/vtd-faults/snoop", test_snoop_faults);
    qtest_add_func("/nyx/vtd-faults/fpd", test_fpd);
    qtest_add_func("/nyx/vtd-faults/overflow", test_overflow);
    qtest_add_func("/nyx/vtd-faults/event", test_event);
    qtest_add_func("/nyx/vtd-faults/threads", test_thread_faults);
    qtest_add_func("/nyx/vtd-faults/ats", test_ats_faults);
    return g_test_run();
}
