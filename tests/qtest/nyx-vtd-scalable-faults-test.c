/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults of DMA through nyx-vtd in scalable mode: each reason that a device
 * can cause, by number, with the whole of its record.
 *
 * Not among them: 32h and 47h, for page requests, which are not offered; 7Ch
 * and 90h, for memory that is not snooped, which there is none of.
 */
#include "qemu/osdep.h"
#include "nyx-vtd-scalable.h"

#define ADDR_BITS       0x000ffffffffff000ull
#define OFFSET          0x340

/* A word of the tables of a PASID. */
typedef enum Where {
    NOWHERE,
    RTADDR,                  /* the register, and the command that latches */
    ROOT,
    ROOT_UPPER,
    CTX0,
    CTX1,
    CTX2,
    CTX3,
    PDE,
    PTE0,
    PTE1,
    PTE2,
    PTE3,
    PTE7,
    FS1,                     /* entries on the way to IOVA, 1 is the page's */
    FS2,
    FS3,
    FS4,
    SS1,
    SS2,
    SS3,
    SS4,
    SS_FS1,                  /* second-stage leaf for the table that has FS1 */
    SS_FS4,
    N_WHERE,
} Where;

/* What a translation request for the same is told. */
typedef enum Ats {
    ATS_ERROR,               /* and there is a record */
    ATS_NONE,                /* R = W = 0 */
    ATS_SOME,                /* the rights that there are */
    ATS_SKIP,
} Ats;

typedef struct Row {
    const char *name;        /* in the manual, 7.1.3 */
    uint32_t pasid;
    unsigned code;
    struct {
        Where where;
        uint64_t clear;
        uint64_t set;
    } poke[3];
    uint32_t op;             /* 0: NYX_TD_OP_READ */
    uint32_t attr;
    uint64_t addr;           /* 0: IOVA + OFFSET */
    Ats ats;
} Row;

typedef struct Words {
    uint64_t at[N_WHERE];
    uint64_t good[N_WHERE];
} Words;

/* Reasons that have been seen. */
static bool seen[256];

static void words_of_stages(const Scene *s, uint32_t pasid, Words *words)
{
    const QVtdSpace *space = &s->space[pasid];
    uint64_t gpa = pasid == QVTD_NESTED ? s->page[pasid] + QVTD_BIAS : IOVA;

    for (unsigned level = 1; level <= LEVELS; level++) {
        if (space->fs) {
            words->at[FS1 + level - 1] = qvtd_fs_entry(space, IOVA, level);
        }
        if (space->ss) {
            words->at[SS1 + level - 1] = qvtd_ss_entry(space, gpa, level);
        }
    }
    if (space->fs && space->ss) {
        words->at[SS_FS1] = qvtd_ss_entry(space, words->at[FS1] + QVTD_BIAS,
                                          1);
        words->at[SS_FS4] = qvtd_ss_entry(space, words->at[FS4] + QVTD_BIAS,
                                          1);
    }
}

static Words words_of(Scene *s, uint32_t pasid)
{
    Words words = { };

    words.good[RTADDR] = s->v->root | 1 << 10;
    words.at[ROOT] = s->v->root;
    words.at[ROOT_UPPER] = s->v->root + 8;
    for (unsigned i = 0; i < 4; i++) {
        words.at[CTX0 + i] = s->ctx + 8 * i;
        words.at[PTE0 + i] = s->space[pasid].at + 8 * i;
    }
    words.at[PTE7] = s->space[pasid].at + 56;
    words.at[PDE] = s->dir;
    words_of_stages(s, pasid, &words);
    for (unsigned i = ROOT; i < N_WHERE; i++) {
        if (words.at[i]) {
            words.good[i] = qtest_readq(s->v->qts, words.at[i]);
        }
    }
    return words;
}

/* Good tables but for what the row changes and FPD, and nothing cached. */
static void words_write(Scene *s, const Words *words, const Row *row,
                        uint32_t rid, Where fpd)
{
    uint64_t now[N_WHERE];

    memcpy(now, words->good, sizeof(now));
    now[CTX1] |= rid;
    for (unsigned i = 0; i < ARRAY_SIZE(row->poke); i++) {
        now[row->poke[i].where] &= ~row->poke[i].clear;
        now[row->poke[i].where] |= row->poke[i].set;
    }
    if (fpd != NOWHERE) {
        now[fpd] |= 2;
    }
    for (unsigned i = ROOT; i < N_WHERE; i++) {
        if (words->at[i]) {
            qtest_writeq(s->v->qts, words->at[i], now[i]);
        }
    }
    if (qvtd_r64(s->v, QVTD_RTADDR) != now[RTADDR]) {
        qvtd_w64(s->v, QVTD_RTADDR, now[RTADDR]);
        g_assert_true(qvtd_gcmd(s->v, QVTD_SRTP, true));
    }
    qvtd_flush_scalable(s->v);
}

static const Row good_row;

static void words_mend(Scene *s, const Words *words, const char *name,
                       uint32_t pasid)
{
    words_write(s, words, &good_row, 0, NOWHERE);
    qtest_writeq(s->v->qts, s->page[pasid] + OFFSET, 7);
    NYX_CHECK(name, dma_read(&s->td, pasid, 0,
                             scene_iova(s, pasid) + OFFSET), 7);
    expect_no_fault(s, name);
}

#define P(...)  .poke = { __VA_ARGS__ }
#define WRITE   .op = NYX_TD_OP_FILL
#define AMO     .op = NYX_TD_OP_FETCH_ADD

static const Row structure_rows[] = {
    { "SRT.1", 2, 0x38, P({ RTADDR, ADDR_BITS, REGISTERS }) },
    { "SRT.1 nowhere", 1, 0x38, P({ RTADDR, ADDR_BITS, NOTHING }), WRITE },
    { "SRT.2", 1, 0x39, P({ ROOT, 1, 0xffe }, { ROOT_UPPER, 0, -1ull }) },
    { "SRT.2 atomic", 4, 0x39, P({ ROOT, -1ull, 0 }), AMO },
    { "SRT.3", 3, 0x3a, P({ ROOT, 0, 1 << 1 }), WRITE },
    { "SRT.3 bit 11", 2, 0x3a, P({ ROOT, 0, 1 << 11 }) },
    { "SRT.3 HAW", 2, 0x3a, P({ ROOT, 0, 1ull << 40 }) },
    { "SCT.1", 1, 0x40, P({ ROOT, ADDR_BITS, REGISTERS }) },
    { "SCT.2", 2, 0x41, P({ CTX0, 1, 0xfffffffffffffffcull }) },
    { "SCT.3 bit 5", 1, 0x42, P({ CTX0, 0, 1 << 5 }), WRITE },
    { "SCT.3 PRE", 1, 0x42, P({ CTX0, 0, 1 << 4 }) },
    { "SCT.3 HAW", 1, 0x42, P({ CTX0, 0, 1ull << 40 }) },
    { "SCT.3 bit 85", 3, 0x42, P({ CTX1, 0, 1 << 21 }) },
    { "SCT.3 bit 128", 3, 0x42, P({ CTX2, 0, 1 }) },
    { "SCT.3 bit 255", 4, 0x42, P({ CTX3, 0, 1ull << 63 }) },
    { "SCT.4", 2, 0x43, P({ CTX0, 7 << 9, 0 }, { CTX1, -1ull, 1 << 13 }) },
    { "SCT.6", 2, 0x45, P({ CTX0, 8, 0 }), WRITE },
    { "SCT.7", 0x2000, 0x46, P({ CTX0, 7 << 9, 0 }), AMO },
    { "SCT.7 PDTS 6", 0x80000, 0x46, P({ CTX0, 1 << 9, 0 }) },
    { "SPD.1", 2, 0x50, P({ CTX0, ADDR_BITS, REGISTERS }) },
    { "SPD.2", 2, 0x51, P({ PDE, 1, 0xfffffffffffffffcull }), WRITE,
      .ats = ATS_NONE },
    { "SPD.3 bit 2", 1, 0x52, P({ PDE, 0, 1 << 2 }) },
    { "SPD.3 bit 11", 3, 0x52, P({ PDE, 0, 1 << 11 }) },
    { "SPD.3 HAW", 4, 0x52, P({ PDE, 0, 1ull << 40 }) },
    { "SPT.1", 1, 0x58, P({ PDE, ADDR_BITS, REGISTERS }) },
    { "SPT.2", 1, 0x59, P({ PTE0, 1, 0xfffffffffffffffcull }),
      .ats = ATS_NONE },
    { "SPT.2 all zero", 2, 0x59, P({ PTE0, -1ull, 0 }), WRITE,
      .ats = ATS_NONE },
    { "SPT.3 bit 5", 2, 0x5a, P({ PTE0, 0, 1 << 5 }) },
    { "SPT.3 bit 10", 4, 0x5a, P({ PTE0, 0, 1 << 10 }) },
    { "SPT.3 HAW", 2, 0x5a, P({ PTE0, 0, 1ull << 40 }) },
    { "SPT.3 bit 80", 1, 0x5a, P({ PTE1, 0, 1 << 16 }) },
    { "SPT.3 CD", 1, 0x5a, P({ PTE1, 0, 1 << 25 }) },
    { "SPT.3 EMTE", 2, 0x5a, P({ PTE1, 0, 1 << 26 }) },
    { "SPT.3 bit 136", 1, 0x5a, P({ PTE2, 0, 1 << 8 }) },
    { "SPT.3 first HAW", 1, 0x5a, P({ PTE2, 0, 1ull << 40 }), WRITE },
    { "SPT.3 bit 192", 3, 0x5a, P({ PTE3, 0, 1 }) },
    { "SPT.3 bit 511", 4, 0x5a, P({ PTE7, 0, 1ull << 63 }) },
    { "SPT.4 type 0", 2, 0x5b, P({ PTE0, 7 << 6, 0 }) },
    { "SPT.4 type 5", 4, 0x5b, P({ PTE0, 0, 1 << 6 }) },
    { "SPT.4 type 7", 3, 0x5b, P({ PTE0, 0, 4 << 6 }), WRITE },
    { "SPT.4 AW 0", 2, 0x5b, P({ PTE0, 7 << 2, 0 }) },
    { "SPT.4 AW 3 of 48 bits", 2, 0x5b, P({ PTE0, 7 << 2, 3 << 2 }) },
    { "SPT.4 PT, narrow", 4, 0x5b, P({ PTE0, 7 << 2, 1 << 2 }) },
    { "SPT.4 FSPM 2", 1, 0x5b, P({ PTE2, 0, 2 << 2 }) },
    { "SPT.4 FSPM 3", 3, 0x5b, P({ PTE2, 0, 3 << 2 }) },
    { "SPT.5", 1, 0x5c, P(), .attr = EXEC, .ats = ATS_NONE },
    { "SPT.5 second", 2, 0x5c, P(), .attr = EXEC, .ats = ATS_NONE },
    { "SPT.5 before SPT.6", 4, 0x5c, P(), .attr = EXEC | PRIV,
      .ats = ATS_NONE },
    { "SPT.6", 1, 0x5d, P(), .attr = PRIV, .ats = ATS_NONE },
    { "SPT.6 write", 2, 0x5d, P(), WRITE, .attr = PRIV, .ats = ATS_NONE },
    { "SPT.6 execute", 3, 0x5d, P({ PTE2, 0, 2 }), .attr = EXEC | PRIV,
      .ats = ATS_NONE },
    { "SPT.6 PT", 4, 0x5d, P(), AMO, .attr = PRIV, .ats = ATS_NONE },
};

#define XD      (1ull << 63)
#define BIT51   (1ull << 51)
#define BIT62   (1ull << 62)
#define MSI     0xfee00000ull

static const Row first_rows[] = {
    { "SFS.1", 1, 0x70, P({ FS2, ADDR_BITS, REGISTERS }), .ats = ATS_NONE },
    { "SFS.1 top", 1, 0x70, P({ FS4, ADDR_BITS, NOTHING }), WRITE,
      .ats = ATS_NONE },
    { "SFS.1 nested", 3, 0x70, P({ SS_FS1, ADDR_BITS, REGISTERS }),
      .ats = ATS_NONE },
    { "SFS.2", 1, 0x71, P({ FS1, 1, BIT51 | XD }), .ats = ATS_NONE },
    { "SFS.2 top", 1, 0x71, P({ FS4, 1, 0 }), WRITE, .ats = ATS_NONE },
    { "SFS.2 atomic", 1, 0x71, P({ FS3, 1, 0 }), AMO, .ats = ATS_NONE },
    { "SFS.2 nested", 3, 0x71, P({ FS2, 1, 0 }), WRITE, .ats = ATS_NONE },
    { "SFS.3", 1, 0x72, P({ FS1, 0, BIT51 }), WRITE, .ats = ATS_NONE },
    { "SFS.3 HAW", 1, 0x72, P({ FS2, 0, 1ull << 40 }), .ats = ATS_NONE },
    { "SFS.3 PS at 4", 1, 0x72, P({ FS4, 0, 1 << 7 }), .ats = ATS_NONE },
    { "SFS.3 PS at 4, nested", 3, 0x72, P({ FS4, 0, 1 << 7 }),
      .ats = ATS_NONE },
    { "SFS.3 XD", 3, 0x72, P({ PTE2, 0, 2 }, { FS1, 0, XD }),
      .ats = ATS_NONE },
    { "SFS.3 2M: bit 13", 1, 0x72,
      P({ FS2, ADDR_BITS, 1 << 13 | 1 << 7 }), .ats = ATS_NONE },
    { "SFS.3 1G: bit 29", 1, 0x72,
      P({ FS3, ADDR_BITS, 1 << 29 | 1 << 7 }), .ats = ATS_NONE },
    { "SFS.4", 1, 0x73, P({ PTE2, ADDR_BITS, REGISTERS }), .ats = ATS_NONE },
    { "SFS.4 nowhere", 1, 0x73, P({ PTE2, ADDR_BITS, NOTHING }), WRITE,
      .ats = ATS_NONE },
    { "SFS.4 nested", 3, 0x73, P({ SS_FS4, ADDR_BITS, REGISTERS }),
      .ats = ATS_NONE },
    { "SPT.4 root", 3, 0x5b, P({ PTE2, 0, 1ull << 48 }) },
    { "SPT.4 root far", 3, 0x5b, P({ PTE2, 0, 1ull << 63 }) },
    { "SFS.5 table", 3, 0x74, P({ FS3, 0, BIT51 }), .ats = ATS_NONE },
    { "SFS.5 page", 3, 0x74, P({ FS1, 0, 1ull << 48 }), WRITE,
      .ats = ATS_NONE },
    { "SFS.6", 3, 0x75, P({ SS_FS4, 1, 0 }), .ats = ATS_NONE },
    { "SFS.7", 3, 0x76, P({ SS_FS1, 1, 0 }, { FS1, 0x60, 0 }), WRITE,
      .ats = ATS_NONE },
    { "SFS.8", 3, 0x77, P({ SS_FS1, 2, 0 }, { FS1, 0x60, 0 }),
      .ats = ATS_NONE },
    { "SFS.8 top", 3, 0x77, P({ SS_FS4, 2, 0 }, { FS4, 0x20, 0 }),
      .ats = ATS_NONE },
    { "SGN.1", 1, 0x80, P(), .addr = 1ull << 47, .ats = ATS_NONE },
    { "SGN.1 last", 1, 0x80, P(), WRITE, .addr = 0xffff7ffffffffff8ull,
      .ats = ATS_NONE },
    { "SGN.1 nested", 3, 0x80, P(), .addr = 1ull << 63, .ats = ATS_NONE },
    { "SGN.2", 1, 0x81, P({ FS1, 4, 0 }), .ats = ATS_NONE },
    { "SGN.2 top", 3, 0x81, P({ FS4, 4, 0 }), WRITE, .ats = ATS_NONE },
    { "SGN.3", 1, 0x82, P({ PTE2, 0, 0x22 }, { FS1, 0, XD }), .attr = EXEC,
      .ats = ATS_SOME },
    { "SGN.3 top", 3, 0x82, P({ PTE2, 0, 0x22 }, { FS4, 0, XD }),
      .attr = EXEC, .ats = ATS_SOME },
    { "SGN.6", 1, 0x85, P({ FS1, 2, 0 }), WRITE, .ats = ATS_SOME },
    { "SGN.6 top", 3, 0x85, P({ FS4, 2, 0 }), WRITE, .ats = ATS_SOME },
    { "SGN.6 atomic", 1, 0x85, P({ FS2, 2, 0 }), AMO, .ats = ATS_SOME },
    { "SGN.6 privileged", 1, 0x85, P({ FS1, 2, 0 }, { PTE2, 0, 0x11 }),
      WRITE, .attr = PRIV, .ats = ATS_SOME },
    { "SGN.8", 1, 0x87, P({ FS1, ADDR_BITS, MSI }), WRITE },
};

static const Row second_rows[] = {
    { "SSS.1", 2, 0x78, P({ SS2, ADDR_BITS, REGISTERS }) },
    { "SSS.1 top", 2, 0x78, P({ SS4, ADDR_BITS, NOTHING }), WRITE },
    { "SSS.1 nested", 3, 0x78, P({ SS2, ADDR_BITS, REGISTERS }) },
    { "SSS.2", 2, 0x79, P({ SS1, 3, BIT62 }), .ats = ATS_NONE },
    { "SSS.2 top", 2, 0x79, P({ SS4, 3, 0 }), AMO, .ats = ATS_NONE },
    { "SSS.2 nested", 3, 0x79, P({ SS1, 3, 0 }), WRITE, .ats = ATS_NONE },
    { "SSS.2 root", 3, 0x79, P({ SS_FS4, 3, 0 }), .ats = ATS_SKIP },
    { "SSS.3", 2, 0x7a, P({ SS1, 0, BIT62 }) },
    { "SSS.3 HAW", 2, 0x7a, P({ SS1, 0, 1ull << 40 }), WRITE },
    { "SSS.3 PS at 4", 2, 0x7a, P({ SS4, 0, 1 << 7 }) },
    { "SSS.3 bit 11 at 2", 2, 0x7a, P({ SS2, 0, 1 << 11 }) },
    { "SSS.3 2M", 2, 0x7a, P({ SS2, ADDR_BITS, 1 << 12 | 1 << 7 }) },
    { "SSS.3 nested", 3, 0x7a, P({ SS1, 0, BIT62 }) },
    { "SSS.3 root", 3, 0x7a, P({ SS_FS4, 0, BIT62 }) },
    { "SSS.4", 2, 0x7b, P({ PTE0, ADDR_BITS, REGISTERS }) },
    { "SSS.4 nested", 3, 0x7b, P({ PTE0, ADDR_BITS, NOTHING }), WRITE },
    { "SGN.4", 4, 0x83, P(), .addr = 1ull << 45, .ats = ATS_SKIP },
    { "SGN.5", 2, 0x84, P(), .addr = 1ull << 48, .ats = ATS_SKIP },
    { "SGN.5 39 bits", 2, 0x84, P({ PTE0, 7 << 2, 1 << 2 }), WRITE,
      .addr = 1ull << 39, .ats = ATS_SKIP },
    { "SGN.5 PT", 4, 0x84, P(), .addr = -8ull, .ats = ATS_SKIP },
    { "SGN.6", 2, 0x85, P({ SS1, 2, 0 }), WRITE, .ats = ATS_SOME },
    { "SGN.6 top", 2, 0x85, P({ SS4, 2, 0 }), AMO, .ats = ATS_SOME },
    { "SGN.6 nested", 3, 0x85, P({ SS1, 2, 0 }), WRITE, .ats = ATS_SOME },
    { "SGN.7", 2, 0x86, P({ SS1, 1, 0 }), .ats = ATS_SOME },
    { "SGN.7 atomic", 2, 0x86, P({ SS2, 1, 0 }), AMO, .ats = ATS_SOME },
    { "SGN.7 nested", 3, 0x86, P({ SS1, 1, 0 }), .ats = ATS_SOME },
    { "SGN.8", 2, 0x87, P({ SS1, ADDR_BITS, MSI }) },
    { "SGN.8 nested", 3, 0x87, P({ SS1, ADDR_BITS, MSI + 0xff000 }), WRITE },
    { "SGN.8 PT", 4, 0x87, P(), WRITE, .addr = MSI,
      .ats = ATS_NONE },
};

/* 8.6 to 8.8 of the digest: those whose "qualified" is "no" */
static bool qualified(unsigned code)
{
    return !(code >= 0x38 && code <= 0x3a) && code != 0x40 && code != 0x50 &&
           code != 0x58;
}

static bool without_pasid(const Row *row)
{
    return !row->attr && row->code != 0x45 && row->code != 0x46 &&
           row->addr != MSI;
}

/* 10.4.14: F 63, T1 62, AT 61:60, PV 59:40, FR, PP, EXE, PRIV, T2 28, SID */
static uint64_t row_hi(const Row *row, int pasid, uint32_t op, unsigned type)
{
    uint64_t hi = 1ull << 63 | (uint64_t)type << 60 |
                  (uint64_t)row->code << 32 | SID;

    if (op != NYX_TD_OP_FILL && op != NYX_TD_OP_TRANSLATE) {
        hi |= 1ull << 62;
    }
    hi |= op == NYX_TD_OP_FETCH_ADD ? 1 << 28 : 0;
    if (pasid != NO_PASID) {
        hi |= (uint64_t)pasid << 40 | 1u << 31;
        hi |= row->attr & EXEC ? 1 << 30 : 0;
        hi |= row->attr & PRIV ? 1 << 29 : 0;
    }
    return hi;
}

/* FPD of entries behind the one at fault is not read. */
static bool fpd_hides(const Row *row, Where fpd)
{
    return (fpd == CTX0 || (fpd == PDE && row->code >= 0x50) ||
            (fpd == PTE0 && row->code >= 0x58)) && qualified(row->code);
}

static void check_fault(Scene *s, const Words *words, const Row *row,
                        bool rid, Where fpd)
{
    g_autofree char *name = g_strdup_printf("%s, type %u, RID %u, FPD %u",
                                            row->name, row->pasid, rid, fpd);
    uint64_t addr = row->addr ? row->addr : IOVA + OFFSET;
    uint32_t op = row->op ? row->op : NYX_TD_OP_READ;
    int pasid = rid ? NO_PASID : row->pasid;
    uint32_t shown = row->pasid <= QVTD_PASS ? row->pasid : QVTD_SECOND;
    uint64_t count = qvtd_stat_faults(s->v, row->code);
    bool plain = rid && op != NYX_TD_OP_FETCH_ADD;

    words_write(s, words, row, rid ? row->pasid : 0, fpd);
    qtest_writeq(s->v->qts, s->page[shown] + OFFSET, 0);
    NYX_CHECK(name, dma(&s->td, pasid, op, row->attr, addr),
              plain ? NYX_TD_ST_TX_ERROR : NYX_TD_ST_BLOCKED);
    NYX_CHECK(name, qtest_readq(s->v->qts, s->page[shown] + OFFSET), 0);
    if (fpd_hides(row, fpd)) {
        expect_no_fault(s, name);
    } else {
        expect_fault(s, name, addr & -0x1000ull,
                     row_hi(row, pasid, op, 0));
        seen[row->code] = true;
    }
    NYX_CHECK(name, qvtd_stat_faults(s->v, row->code) > count, 1);
    words_mend(s, words, name, shown);
}

/* Translation requests: what they are told, and whether there is a record. */
static void check_ats(Scene *s, const Words *words, const Row *row, bool rid)
{
    g_autofree char *name = g_strdup_printf("ATS %s, type %u, RID %u",
                                            row->name, row->pasid, rid);
    uint64_t addr = row->addr ? row->addr : IOVA + OFFSET;
    int pasid = rid ? NO_PASID : row->pasid;
    uint32_t shown = row->pasid <= QVTD_PASS ? row->pasid : QVTD_SECOND;
    unsigned missing = row->code == 0x82 ? NYX_TD_ACCESS_EXEC :
                       row->code == 0x85 ? NYX_TD_ACCESS_WRITE
                                         : NYX_TD_ACCESS_READ;
    unsigned asked = 3 | (row->attr & EXEC ? NYX_TD_ACCESS_EXEC : 0) |
                     (row->attr & PRIV ? NYX_TD_ACCESS_PRIV : 0);
    uint32_t status;
    QVtdRecord record;

    words_write(s, words, row, rid ? row->pasid : 0, NOWHERE);
    status = dma(&s->td, pasid, NYX_TD_OP_TRANSLATE, row->attr, addr);
    if (row->ats == ATS_ERROR) {
        NYX_CHECK(name, status, NYX_TD_ST_BLOCKED);
        record = qvtd_take(s->v);
        /* T1 is not told; AT says what it was. */
        NYX_CHECK(name, record.hi & ~(1ull << 62),
                  row_hi(row, pasid, NYX_TD_OP_TRANSLATE, 1));
        NYX_CHECK(name, record.lo, addr & -0x1000ull);
    } else {
        /* Whose rights these are does not matter where there are none. */
        NYX_CHECK(name, nyx_td_answer(&s->td).access &
                        (row->ats == ATS_NONE ? ~NYX_TD_ACCESS_PRIV : ~0u),
                  row->ats == ATS_NONE ? 0 : asked & ~missing);
    }
    expect_no_fault(s, name);
    words_mend(s, words, name, shown);
}

static void check_rows(Scene *s, const Row *rows, unsigned n, bool ats)
{
    static const Where fpds[] = { NOWHERE, CTX0, PDE, PTE0 };

    for (unsigned i = 0; i < n; i++) {
        const Row *row = &rows[i];
        Words words = words_of(s, MIN(row->pasid, QVTD_PASS));

        for (unsigned rid = 0; rid <= without_pasid(row); rid++) {
            if (ats && row->ats != ATS_SKIP) {
                check_ats(s, &words, row, rid);
            }
            for (unsigned j = 0; !ats && j < ARRAY_SIZE(fpds); j++) {
                check_fault(s, &words, row, rid, fpds[j]);
            }
        }
    }
}

static void check_all_rows(const char *options, bool ats)
{
    Scene s = scene_start(options);

    check_rows(&s, structure_rows, ARRAY_SIZE(structure_rows), ats);
    check_rows(&s, first_rows, ARRAY_SIZE(first_rows), ats);
    check_rows(&s, second_rows, ARRAY_SIZE(second_rows), ats);
    scene_end(&s);
}

/* --- Reasons that take something else ------------------------------------- */

/* SCT.3: fields of the context entry that the options do away with. */
static void check_rid_fields(void)
{
    Scene s = scene_start(",rps=off");

    scene_rid(&s, QVTD_FIRST);
    qvtd_flush_scalable(s.v);
    dma(&s.td, QVTD_SECOND, NYX_TD_OP_FILL, 0, IOVA);
    expect_fault(&s, "RID_PASID", IOVA, 0x8000024280000020);
    scene_end(&s);
}

/* SCT.9: what requests without a PASID have is not for those with one. */
static void check_rid_pasid(void)
{
    Scene s = scene_start("");

    scene_rid(&s, QVTD_FIRST);
    qvtd_flush_scalable(s.v);
    NYX_CHECK("SCT.9", dma(&s.td, QVTD_FIRST, NYX_TD_OP_FILL, 0, IOVA),
              NYX_TD_ST_BLOCKED);
    expect_fault(&s, "SCT.9", IOVA, 0x8000014880000020);
    seen[0x48] = true;
    expect_data(&s, "SCT.9", NO_PASID, IOVA, s.page[QVTD_FIRST]);
    scene_end(&s);
}

/* SGN.10: PSS, though the directory is for more. */
static void check_pasid_width(void)
{
    Scene s = scene_start(",pasid-bits=16");

    NYX_CHECK("SGN.10", dma(&s.td, 0x10000, NYX_TD_OP_READ, 0, IOVA),
              NYX_TD_ST_BLOCKED);
    NYX_CHECK("SGN.10", qvtd_take_code(s.v), 0x89);
    seen[0x89] = true;
    scene_end(&s);
}

/* RTA.4, which FPD does not silence. */
static void check_abort(void)
{
    Scene s = scene_start(",abort-dma=on");

    qvtd_w64(s.v, QVTD_RTADDR, s.v->root | 3 << 10);
    g_assert_true(qvtd_gcmd(s.v, QVTD_SRTP, true));
    NYX_CHECK("RTA.4", dma(&s.td, QVTD_FIRST, NYX_TD_OP_READ, 0, IOVA),
              NYX_TD_ST_BLOCKED);
    expect_fault(&s, "RTA.4", IOVA, 0xc000013380000020);
    seen[0x33] = true;
    scene_end(&s);
}

/* SCT.5, for translation and translated requests, with and without PASID. */
static void check_dte(void)
{
    static const struct {
        int pasid;
        uint32_t op;
        uint32_t attr;
        uint64_t hi;
    } rows[] = {
        { 1, NYX_TD_OP_TRANSLATE, 0, 0x9000014480000020 },
        { 4, NYX_TD_OP_TRANSLATE, PRIV, 0x90000444a0000020 },
        { NO_PASID, NYX_TD_OP_TRANSLATE, 0, 0x9000004400000020 },
        { 2, NYX_TD_OP_READ, TRANSLATED, 0xe000024480000020 },
        { 2, NYX_TD_OP_FILL, TRANSLATED, 0xa000024480000020 },
        { NO_PASID, NYX_TD_OP_FILL, TRANSLATED, 0xa000004400000020 },
        { NO_PASID, NYX_TD_OP_FETCH_ADD, TRANSLATED, 0xe000004410000020 },
    };
    Scene s = scene_start(",device-iotlb=on");

    scene_rid(&s, QVTD_FIRST);
    qtest_writeq(s.v->qts, s.ctx, qtest_readq(s.v->qts, s.ctx) & ~4ull);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *name = g_strdup_printf("SCT.5, row %u", i);
        QVtdRecord record;

        NYX_CHECK(name, dma(&s.td, rows[i].pasid, rows[i].op, rows[i].attr,
                            IOVA), NYX_TD_ST_BLOCKED);
        record = qvtd_take(s.v);
        if (rows[i].op == NYX_TD_OP_TRANSLATE) {
            record.hi &= ~(1ull << 62);
        }
        NYX_CHECK(name, record.hi, rows[i].hi);
        seen[0x44] = true;
    }
    scene_end(&s);
}

/* Page tables in ROM: a firmware image of entries without marks. */
#define ROM         0xffff0000ull
#define ROM_TARGET  0x3000000ull

static char *make_rom(const char *dir)
{
    char *path = g_build_filename(dir, "rom", NULL);
    uint64_t *words = g_new(uint64_t, 0x10000 / 8);

    for (unsigned i = 0; i < 0x10000 / 8; i++) {
        /* A page of first-stage leaves, then one of second-stage ones */
        words[i] = cpu_to_le64(ROM_TARGET | (i / 512 % 2 ? 3 : 7));
    }
    g_assert_true(g_file_set_contents(path, (char *)words, 0x10000, NULL));
    g_free(words);
    return path;
}

/* SFS.10 and SSS.6: A and D cannot be stored. */
static void check_rom(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = make_rom(dir);
    g_autofree char *options = g_strdup_printf(" -bios %s", path);
    Scene s = scene_start(options);
    QTestState *qts = s.v->qts;
    uint64_t gpa = s.page[QVTD_NESTED] + QVTD_BIAS;
    uint64_t table = qvtd_fs_entry(&s.space[QVTD_NESTED], IOVA, 1) & ADDR_BITS;
    uint64_t ss2 = qvtd_ss_entry(&s.space[QVTD_NESTED], gpa, 2);
    uint64_t ram = qtest_readq(qts, ss2);

    qtest_writeq(qts, qvtd_fs_entry(&s.space[QVTD_FIRST], IOVA, 2), ROM | 7);
    qtest_writeq(qts, qvtd_ss_entry(&s.space[QVTD_SECOND], IOVA, 2),
                 (ROM + 0x1000) | 3);
    qtest_writeq(qts, ss2, (ROM + 0x1000) | 3);
    qtest_writeq(qts, ROM_TARGET + 8, 5);
    qvtd_flush_scalable(s.v);
    NYX_CHECK("no SSADE", dma_read(&s.td, QVTD_SECOND, 0, IOVA + 8), 5);
    dma(&s.td, QVTD_FIRST, NYX_TD_OP_READ, 0, IOVA);
    expect_fault(&s, "SFS.10", IOVA, 0xc000019180000020);
    seen[0x91] = true;
    for (unsigned pgtt = QVTD_SECOND; pgtt <= QVTD_NESTED; pgtt++) {
        qtest_writeq(qts, s.space[pgtt].at,
                     qtest_readq(qts, s.space[pgtt].at) | 1 << 9);
    }
    qvtd_flush_scalable(s.v);
    dma(&s.td, QVTD_SECOND, NYX_TD_OP_FILL, 0, IOVA);
    expect_fault(&s, "SSS.6", IOVA, 0x8000027d80000020);
    dma(&s.td, QVTD_NESTED, NYX_TD_OP_READ, 0, IOVA);
    expect_fault(&s, "SSS.6 nested", IOVA, 0xc000037d80000020);
    seen[0x7d] = true;
    qtest_writeq(qts, ss2, ram);
    qvtd_ss_map(&s.space[QVTD_NESTED], table + QVTD_BIAS, ROM, 12, 3);
    qvtd_ss_map(&s.space[QVTD_NESTED], ROM_TARGET, ROM_TARGET, 12, 3);
    qvtd_flush_scalable(s.v);
    dma(&s.td, QVTD_NESTED, NYX_TD_OP_FILL, 0, IOVA);
    expect_fault(&s, "SFS.10 nested", IOVA, 0x8000039180000020);
    scene_end(&s);
    nyx_tmp_free(dir);
}

/* RTA.1: modes that are not offered; not qualified. */
static void check_modes(void)
{
    Scene s = scene_start("");

    qtest_writeq(s.v->qts, s.ctx, qtest_readq(s.v->qts, s.ctx) | 2);
    for (unsigned ttm = 2; ttm < 4; ttm++) {
        qvtd_w64(s.v, QVTD_RTADDR, s.v->root | ttm << 10);
        g_assert_true(qvtd_gcmd(s.v, QVTD_SRTP, true));
        g_assert_true(qvtd_flush_context(s.v));
        g_assert_true(qvtd_flush_iotlb(s.v));
        dma(&s.td, NO_PASID, NYX_TD_OP_FILL, 0, IOVA);
        expect_fault(&s, "RTA.1", IOVA, 0x8000003000000020);
        dma(&s.td, 0xfffff, NYX_TD_OP_READ, PRIV, IOVA);
        expect_fault(&s, "RTA.1", IOVA, 0xcfffff30a0000020);
        seen[0x30] = true;
    }
    scene_end(&s);
}

static void test_every_code(void)
{
    static const uint8_t codes[] = {
        0x30, 0x33, 0x38, 0x39, 0x3a, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46,
        0x48, 0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x70,
        0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b,
        0x7d, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x89,
        0x91,
    };

    check_all_rows("", false);
    check_rid_fields();
    check_rid_pasid();
    check_pasid_width();
    check_abort();
    check_dte();
    check_rom();
    check_modes();
    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
        g_autofree char *name = g_strdup_printf("reason %x", codes[i]);

        NYX_CHECK(name, seen[codes[i]], 1);
    }
}

static void test_translation_requests(void)
{
    /* PRE is reserved. */
    check_all_rows(",device-iotlb=on,page-requests=off", true);
}

/* --- Records -------------------------------------------------------------- */

/* Whose faults they are stands in each, when many come at once. */
static void test_records(void)
{
    Scene s = scene_start("");

    for (unsigned i = 0; i < 9; i++) {
        dma(&s.td, 0xf0f0 + 64 * i, NYX_TD_OP_READ, 0, IOVA + i * NYX_PAGE);
        NYX_CHECK("FSTS", qvtd_r32(s.v, QVTD_FSTS) & 0xff, i < 8 ? 2 : 3);
    }
    for (unsigned i = 0; i < 8; i++) {
        NYX_CHECK("record", qvtd_record(s.v, i).lo, IOVA + i * NYX_PAGE);
        NYX_CHECK("record", qvtd_record(s.v, i).hi,
                  0xc000005180000020 | (0xf0f0ull + 64 * i) << 40);
    }
    scene_end(&s);
}

/* Faults of threads that don't hold QEMU's lock, with all of their record. */
static void test_threads(void)
{
    Scene s = scene_start(",fault-records=16");
    const NyxTdRun run = {
        .req = {
            .op = NYX_TD_OP_READ, .attr = NYX_TD_ATTR_PASID | PRIV,
            .pasid = 0xfedcb, .addr = 0x100000, .len = 4,
        },
        .threads = 4,
        .slots = 4,
        .count = 4,
        .stride = NYX_PAGE,
        .pattern = NYX_TD_PATTERN_STRIDE,
        .flags = NYX_TD_RUN_F_DISJOINT,
    };
    uint32_t pages = 0;

    nyx_td_run(&s.td, &run);
    NYX_CHECK("errors", nyx_td_r64(&s.td, NYX_TD_RUN_ERRORS), 16);
    NYX_CHECK("FSTS", qvtd_r32(s.v, QVTD_FSTS) & 0xff, 2);
    for (unsigned i = 0; i < 16; i++) {
        QVtdRecord record = qvtd_record(s.v, i);

        NYX_CHECK("record", record.hi, 0xcfedcb51a0000020);
        pages |= 1u << (record.lo >> 12 & 15);
    }
    NYX_CHECK("pages", pages, 0xffff);
    scene_end(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-scalable-faults/every-code", test_every_code);
    qtest_add_func("/nyx/vtd-scalable-faults/translation-requests",
                   test_translation_requests);
    qtest_add_func("/nyx/vtd-scalable-faults/records", test_records);
    qtest_add_func("/nyx/vtd-scalable-faults/threads", test_threads);
    return g_test_run();
}
