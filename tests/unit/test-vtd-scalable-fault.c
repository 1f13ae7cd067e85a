/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of scalable mode that are refused: every reason by name with its
 * record, where FPD hides it, what translation requests are told, the order
 * of checks.
 */
#include "qemu/osdep.h"
#include "vtd-scalable.h"

/* --- What can be wrong ---------------------------------------------------- */

typedef struct Row Row;
typedef void Break(SmScene *s, const Row *row);

/* What a translation request for the same is told. */
typedef enum Ats {
    ATS_ERROR,               /* and there is a record */
    ATS_NONE,                /* R = W = 0 */
    ATS_SOME,                /* the rights that there are */
    ATS_BOTH,                /* R = W = 0, and there is a record */
} Ats;

struct Row {
    const char *name;
    uint32_t pasid;
    Break *breaks;
    uint64_t arg;
    unsigned access;
    uint64_t iova;           /* 0: SC_IOVA */
    unsigned code;
    bool qualified;
    Ats ats;
};

static void nothing(SmScene *s, const Row *row)
{
}

static void root_hole(SmScene *s, const Row *row)
{
    sc_hole(s, s->f->root, 16);
}

/* The other half is of no interest. */
static void root_clear(SmScene *s, const Row *row)
{
    sc_poke(s, s->f->root, 0xfffffffffffffffeULL);
    sc_poke(s, s->f->root + 8, UINT64_MAX);
}

static void root_or(SmScene *s, const Row *row)
{
    sc_or(s, s->f->root, row->arg);
}

static void ctx_hole(SmScene *s, const Row *row)
{
    sc_hole(s, s->ctx + row->arg, 8);
}

static void ctx_or(SmScene *s, const Row *row)
{
    sc_or(s, s->ctx, row->arg);
}

static void ctx_clear(SmScene *s, const Row *row)
{
    sc_clear(s, s->ctx, row->arg);
}

static void ctx_not_present(SmScene *s, const Row *row)
{
    sc_or(s, s->ctx, 0xfffffffffffffffcULL);
    sc_clear(s, s->ctx, 1);
}

/* The PASID of the request is RID_PASID. */
static void ctx_rid_same(SmScene *s, const Row *row)
{
    sc_poke(s, s->ctx + 8, row->pasid);
}

/* A directory of 128 entries, and RID_PASID just beyond it. */
static void ctx_rid_beyond(SmScene *s, const Row *row)
{
    sc_clear(s, s->ctx, 7 << 9);
    sc_poke(s, s->ctx + 8, 1 << 13);
}

static void dir_hole(SmScene *s, const Row *row)
{
    sc_hole(s, s->dir, 8);
}

static void dir_or(SmScene *s, const Row *row)
{
    sc_or(s, s->dir, row->arg);
}

static void dir_not_present(SmScene *s, const Row *row)
{
    sc_or(s, s->dir, 0xfffffffffffffffcULL);
    sc_clear(s, s->dir, 1);
}

static uint64_t entry_of(SmScene *s, const Row *row)
{
    return s->space[row->pasid].at;
}

static void entry_hole(SmScene *s, const Row *row)
{
    sc_hole(s, entry_of(s, row) + row->arg, 8);
}

static void entry_not_present(SmScene *s, const Row *row)
{
    sc_or(s, entry_of(s, row), 0xfffffffffffffffcULL);
    sc_clear(s, entry_of(s, row), 1);
    sc_poke(s, entry_of(s, row) + 24, UINT64_MAX);
}

static void entry_or3(SmScene *s, const Row *row)
{
    sc_poke(s, entry_of(s, row) + 24, row->arg);
}

static void entry_or0(SmScene *s, const Row *row)
{
    sc_or(s, entry_of(s, row), row->arg);
}

static void entry_clear0(SmScene *s, const Row *row)
{
    sc_clear(s, entry_of(s, row), row->arg);
}

static void entry_or2(SmScene *s, const Row *row)
{
    sc_or(s, entry_of(s, row) + 16, row->arg);
}

static uint64_t fs_at(SmScene *s, const Row *row, unsigned level)
{
    return sm_fs_entry(&s->space[row->pasid], SC_IOVA, level);
}

/* The level is in the argument. */
static void fs_hole(SmScene *s, const Row *row)
{
    sc_hole(s, fs_at(s, row, row->arg), 8);
}

static void fs_not_present(SmScene *s, const Row *row)
{
    sc_or(s, fs_at(s, row, row->arg), 1ULL << 51 | 1ULL << 63);
    sc_clear(s, fs_at(s, row, row->arg), 1);
}

static void fs_page_or(SmScene *s, const Row *row)
{
    sc_or(s, fs_at(s, row, 1), row->arg);
}

static void fs_top_or(SmScene *s, const Row *row)
{
    sc_or(s, fs_at(s, row, SC_LEVELS), row->arg);
}

static void fs_page_clear(SmScene *s, const Row *row)
{
    sc_clear(s, fs_at(s, row, 1), row->arg);
}

static void fs_top_clear(SmScene *s, const Row *row)
{
    sc_clear(s, fs_at(s, row, SC_LEVELS), row->arg);
}

static void fs_page_poke(SmScene *s, const Row *row)
{
    sc_poke(s, fs_at(s, row, 1), row->arg);
}

/* ERE and NXE; XD at the level in the argument. */
static void fs_no_execute(SmScene *s, const Row *row)
{
    sc_or(s, entry_of(s, row) + 16, 0x22);
    sc_or(s, fs_at(s, row, row->arg), 1ULL << 63);
}

/* ERE without NXE. */
static void fs_reserved_xd(SmScene *s, const Row *row)
{
    sc_or(s, entry_of(s, row) + 16, 0x02);
    sc_or(s, fs_at(s, row, 1), 1ULL << 63);
}

static void fs_no_store(SmScene *s, const Row *row)
{
    sc_clear(s, fs_at(s, row, row->arg), 0x60);
    s->read_only = fs_at(s, row, row->arg);
}

/* Second-stage leaf of what SC_IOVA leads to, or of a first-stage table. */
static uint64_t ss_at(SmScene *s, const Row *row, unsigned level)
{
    return sm_ss_entry(&s->space[row->pasid],
                       row->pasid == SM_NESTED ? SC_GPA : SC_IOVA, level);
}

static uint64_t ss_of_table(SmScene *s, const Row *row, unsigned level)
{
    return sm_ss_entry(&s->space[SM_NESTED],
                       SM_BIAS + fs_at(s, row, level), 1);
}

static void ss_hole(SmScene *s, const Row *row)
{
    sc_hole(s, ss_at(s, row, row->arg), 8);
}

static void ss_page_poke(SmScene *s, const Row *row)
{
    sc_poke(s, ss_at(s, row, 1), row->arg);
}

static void ss_page_or(SmScene *s, const Row *row)
{
    sc_or(s, ss_at(s, row, 1), row->arg);
}

static void ss_page_clear(SmScene *s, const Row *row)
{
    sc_clear(s, ss_at(s, row, 1), row->arg);
}

static void ss_top_clear(SmScene *s, const Row *row)
{
    sc_clear(s, ss_at(s, row, SC_LEVELS), row->arg);
}

static void ss_no_store(SmScene *s, const Row *row)
{
    sc_or(s, entry_of(s, row), 1 << 9);
    s->read_only = ss_at(s, row, 1);
}

/* Bits of the leaf for the root's, or the page's, first-stage table. */
static void ss_of_root_clear(SmScene *s, const Row *row)
{
    sc_clear(s, ss_of_table(s, row, SC_LEVELS), row->arg);
}

static void ss_of_root_or(SmScene *s, const Row *row)
{
    sc_or(s, ss_of_table(s, row, SC_LEVELS), row->arg);
}

static void ss_of_table_clear(SmScene *s, const Row *row)
{
    sc_clear(s, ss_of_table(s, row, 1), row->arg);
    sc_clear(s, fs_at(s, row, 1), 0x60);
}

/* --- Every reason --------------------------------------------------------- */

#define FAR_FS (1ULL << 47)
#define FAR_SS (1ULL << 48)
#define MSI 0xfee00000ULL
#define B51 (1ULL << 51)
#define B62 (1ULL << 62)

static const Row rows[] = {
    { "SRT.1", 2, root_hole, 0, FX_R, 0, 0x38, false, ATS_ERROR },
    { "SRT.2", 2, root_clear, 0, FX_R, 0, 0x39, false, ATS_ERROR },
    { "SRT.3", 2, root_or, 2, FX_W, 0, 0x3a, false, ATS_ERROR },
    { "SCT.1", 2, ctx_hole, 0, FX_R, 0, 0x40, false, ATS_ERROR },
    { "SCT.1 end", 2, ctx_hole, 24, FX_R, 0, 0x40, false, ATS_ERROR },
    { "SCT.2", 2, ctx_not_present, 0, FX_R, 0, 0x41, true, ATS_ERROR },
    { "SCT.3", 2, ctx_or, 0x20, FX_W, 0, 0x42, true, ATS_ERROR },
    { "SCT.4", 2, ctx_rid_beyond, 0, FX_W, 0, 0x43, true, ATS_ERROR },
    { "SCT.4 DTE", 2, ctx_clear, 4, FX_W, 0, 0x43, true, ATS_ERROR },
    { "SCT.6", 2, ctx_clear, 8, FX_W, 0, 0x45, true, ATS_ERROR },
    { "SCT.9", 2, ctx_rid_same, 0, FX_W, 0, 0x48, true, ATS_ERROR },
    { "SCT.7", 0x2000, ctx_clear, 0xe00, FX_W, 0, 0x46, true, ATS_ERROR },
    { "SCT.7 PDTS 6", 0x80000, ctx_clear, 0x200, FX_R, 0, 0x46, true,
      ATS_ERROR },
    { "SPD.1", 2, dir_hole, 0, FX_R, 0, 0x50, false, ATS_ERROR },
    { "SPD.2", 2, dir_not_present, 0, FX_R, 0, 0x51, true, ATS_NONE },
    { "SPD.3", 1, dir_or, 4, FX_R, 0, 0x52, true, ATS_ERROR },
    { "SPT.1", 1, entry_hole, 0, FX_R, 0, 0x58, false, ATS_ERROR },
    { "SPT.1 end", 2, entry_hole, 56, FX_R, 0, 0x58, false, ATS_ERROR },
    { "SPT.2", 1, entry_not_present, 0, FX_W, 0, 0x59, true, ATS_NONE },
    { "SPT.2 PT", 4, entry_not_present, 0, FX_W, 0, 0x59, true, ATS_NONE },
    { "SPT.3", 3, entry_or3, 1, FX_R, 0, 0x5a, true, ATS_ERROR },
    { "SPT.4 type 0", 2, entry_clear0, 0x1c0, FX_R, 0, 0x5b, true, 0 },
    { "SPT.4 type 5", 4, entry_or0, 0x40, FX_R, 0, 0x5b, true, 0 },
    { "SPT.4 type 7", 3, entry_or0, 0x100, FX_R, 0, 0x5b, true, 0 },
    { "SPT.4 AW 0", 2, entry_clear0, 0x1c, FX_W, 0, 0x5b, true, 0 },
    { "SPT.4 AW 3", 2, entry_or0, 0x0c, FX_W, 0, 0x5b, true, 0 },
    { "SPT.4 AW 6", 3, entry_or0, 0x10, FX_W, 0, 0x5b, true, 0 },
    { "SPT.4 PT AW", 4, entry_or0, 0x04, FX_W, 0, 0x5b, true, 0 },
    { "SPT.4 FSPM 2", 1, entry_or2, 8, FX_R, 0, 0x5b, true, 0 },
    { "SPT.4 FSPM 3", 3, entry_or2, 12, FX_R, 0, 0x5b, true, 0 },
    { "SPT.5", 1, nothing, 0, FX_R | SM_X, 0, 0x5c, true, ATS_NONE },
    { "SPT.5 second", 2, nothing, 0, FX_R | SM_X, 0, 0x5c, true, ATS_NONE },
    { "SPT.5 PT", 4, entry_or2, 1, FX_R | SM_X | SM_PRIV, 0, 0x5c, true,
      ATS_NONE },
    { "SPT.6", 1, nothing, 0, FX_R | SM_PRIV, 0, 0x5d, true, ATS_NONE },
    { "SPT.6 exec", 3, entry_or2, 2, FX_R | SM_X | SM_PRIV, 0, 0x5d, true,
      ATS_NONE },
    { "SPT.6 PT", 4, nothing, 0, FX_W | SM_PRIV, 0, 0x5d, true, ATS_NONE },

    { "SFS.1", 1, fs_hole, 3, FX_R, 0, 0x70, true, ATS_NONE },
    { "SFS.1 page", 3, fs_hole, 1, FX_R, 0, 0x70, true, ATS_NONE },
    { "SFS.2", 1, fs_not_present, 1, FX_R, 0, 0x71, true, ATS_NONE },
    { "SFS.2 top", 1, fs_not_present, 4, FX_W, 0, 0x71, true, ATS_NONE },
    { "SFS.2 nested", 3, fs_not_present, 2, FX_W, 0, 0x71, true, ATS_NONE },
    { "SFS.3", 1, fs_page_or, B51, FX_W, 0, 0x72, true, ATS_NONE },
    { "SFS.3 HAW", 1, fs_page_or, 1ULL << 46, FX_W, 0, 0x72, true, ATS_NONE },
    { "SFS.3 PS", 1, fs_top_or, 0x80, FX_W, 0, 0x72, true, ATS_NONE },
    { "SFS.3 XD", 3, fs_reserved_xd, 0, FX_W, 0, 0x72, true, ATS_NONE },
    { "SFS.4", 1, fs_hole, 4, FX_R, 0, 0x73, true, ATS_NONE },
    { "SFS.4 nested", 3, fs_hole, 4, FX_R, 0, 0x73, true, ATS_NONE },
    { "SPT.4 root", 3, entry_or2, 1ULL << 48, FX_R, 0, 0x5b, true, ATS_ERROR },
    { "SPT.4 root far", 3, entry_or2, 1ULL << 63, FX_R, 0, 0x5b, true,
      ATS_ERROR },
    { "SFS.5 table", 3, fs_top_or, B51, FX_R, 0, 0x74, true, ATS_NONE },
    { "SFS.5 page", 3, fs_page_or, 1ULL << 48, FX_R, 0, 0x74, true, ATS_NONE },
    { "SFS.6", 3, ss_of_root_clear, 1, FX_R, 0, 0x75, true, ATS_NONE },
    { "SFS.7", 3, ss_of_table_clear, 1, FX_W, 0, 0x76, true, ATS_NONE },
    { "SFS.8", 3, ss_of_table_clear, 2, FX_R, 0, 0x77, true, ATS_NONE },
    { "SFS.10", 1, fs_no_store, 1, FX_R, 0, 0x91, true, ATS_BOTH },
    { "SFS.10 top", 1, fs_no_store, 4, FX_R, 0, 0x91, true, ATS_BOTH },
    { "SFS.10 nested", 3, fs_no_store, 1, FX_W, 0, 0x91, true, ATS_BOTH },

    { "SSS.1", 2, ss_hole, 3, FX_R, 0, 0x78, true, ATS_ERROR },
    { "SSS.1 nested", 3, ss_hole, 1, FX_R, 0, 0x78, true, ATS_ERROR },
    { "SSS.2", 2, ss_page_clear, 3, FX_R, 0, 0x79, true, ATS_NONE },
    { "SSS.2 top", 2, ss_top_clear, 3, FX_W, 0, 0x79, true, ATS_NONE },
    { "SSS.2 nested", 3, ss_page_clear, 3, FX_W, 0, 0x79, true, ATS_NONE },
    { "SSS.2 root", 3, ss_of_root_clear, 3, FX_R, 0, 0x79, true, ATS_NONE },
    { "SSS.3", 2, ss_page_or, B62, FX_R, 0, 0x7a, true, ATS_ERROR },
    { "SSS.3 nested", 3, ss_page_or, B62, FX_R, 0, 0x7a, true, ATS_ERROR },
    { "SSS.3 root", 3, ss_of_root_or, B62, FX_R, 0, 0x7a, true, ATS_ERROR },
    { "SSS.4", 2, ss_hole, 4, FX_R, 0, 0x7b, true, ATS_ERROR },
    { "SSS.4 nested", 3, ss_hole, 4, FX_W, 0, 0x7b, true, ATS_ERROR },
    { "SSS.6", 2, ss_no_store, 0, FX_R, 0, 0x7d, true, ATS_ERROR },
    { "SSS.6 nested", 3, ss_no_store, 0, FX_W, 0, 0x7d, true, ATS_ERROR },

    { "SGN.1", 1, nothing, 0, FX_R, FAR_FS, 0x80, true, ATS_NONE },
    { "SGN.1 nested", 3, nothing, 0, FX_W, ~FAR_FS, 0x80, true, ATS_NONE },
    { "SGN.2", 1, fs_page_clear, 4, FX_R, 0, 0x81, true, ATS_NONE },
    { "SGN.2 top", 3, fs_top_clear, 4, FX_W, 0, 0x81, true, ATS_NONE },
    { "SGN.2 empty", 1, fs_page_clear, 4, FX_R | NYX_ACCESS_ZERO_LEN, 0,
      0x81, true, ATS_NONE },
    { "SGN.2 empty", 3, fs_top_clear, 4, FX_R | NYX_ACCESS_ZERO_LEN, 0,
      0x81, true, ATS_NONE },
    { "SGN.3", 1, fs_no_execute, 1, FX_R | SM_X, 0, 0x82, true, ATS_SOME },
    { "SGN.3 top", 3, fs_no_execute, 4, FX_R | SM_X, 0, 0x82, true,
      ATS_SOME },
    { "SGN.4", 4, nothing, 0, FX_R, 1ULL << 46, 0x83, true, ATS_NONE },
    { "SGN.5", 2, nothing, 0, FX_R, FAR_SS, 0x84, true, ATS_NONE },
    { "SGN.5 PT", 4, nothing, 0, FX_W, UINT64_MAX, 0x84, true, ATS_NONE },
    { "SGN.6", 1, fs_page_clear, 2, FX_W, 0, 0x85, true, ATS_SOME },
    { "SGN.6 top", 1, fs_top_clear, 2, FX_W, 0, 0x85, true, ATS_SOME },
    { "SGN.6 second", 2, ss_page_clear, 2, FX_W, 0, 0x85, true, ATS_SOME },
    { "SGN.6 nested", 3, ss_page_clear, 2, FX_W, 0, 0x85, true, ATS_SOME },
    { "SGN.6 atomic", 2, ss_page_clear, 2, NYX_ACCESS_ATOMIC, 0, 0x85, true,
      ATS_SOME },
    { "SGN.7 second", 2, ss_page_clear, 1, FX_R, 0, 0x86, true, ATS_SOME },
    { "SGN.7 nested", 3, ss_page_clear, 1, FX_R, 0, 0x86, true, ATS_SOME },
    { "SGN.8", 1, fs_page_poke, MSI | 7, FX_W, 0, 0x87, true, ATS_ERROR },
    { "SGN.8 second", 2, ss_page_poke, MSI | 3, FX_R, 0, 0x87, true, 0 },
    { "SGN.8 nested", 3, ss_page_poke, MSI | 3, FX_W, 0, 0x87, true, 0 },
    { "SGN.8 PT", 4, nothing, 0, FX_W, MSI, 0x87, true, ATS_NONE },
};

static bool without_pasid(const Row *row)
{
    return !(row->access & (SM_X | SM_PRIV)) && row->code != 0x45 &&
           row->code != 0x46 && row->code != 0x48 &&
           !(row->pasid == SM_PASS && row->iova == MSI);
}

/* Entries read until the fault is found: context, directory, PASID entry. */
static unsigned entries_read(unsigned code)
{
    return code < 0x50 ? 1 : code < 0x58 ? 2 : 3;
}

static uint64_t row_hi(const Row *row, uint32_t pasid, NyxRequestType type)
{
    uint64_t hi = 1ULL << 63 | (uint64_t)!(row->access & FX_W) << 62 |
                  (uint64_t)type << 60 | (uint64_t)row->code << 32 | FX_SID;

    if (row->access & NYX_ACCESS_ATOMIC) {
        hi |= 1 << 28;
    }
    if (pasid == SM_NO_PASID) {
        return hi;
    }
    return hi | (uint64_t)pasid << 40 | 1ULL << 31 |
           (uint64_t)!!(row->access & SM_X) << 30 |
           (uint64_t)!!(row->access & SM_PRIV) << 29;
}

/* Set FPD in the context (1), directory (2) or PASID entry (3). */
static void set_fpd(SmScene *s, const Row *row, unsigned fpd)
{
    if (fpd == 1) {
        sc_or(s, s->ctx, 2);
    } else if (fpd == 2) {
        sc_or(s, s->dir, 2);
    } else if (fpd == 3 && row->pasid <= SM_PASS) {
        sc_or(s, entry_of(s, row), 2);
    }
}

static void check_mended(SmScene *s, const char *name)
{
    sc_mend(s);
    for (uint32_t pasid = SM_FIRST; pasid <= SM_PASS; pasid++) {
        FX_CHECK(name, sm_dma(s->f, pasid, FX_RW, SC_IOVA), sc_good(pasid));
    }
    FX_CHECK(name, fx_read32(s->f, 0x34) & 0xff, 0);
    sm_flush(s->f);
    fx_forget(s->f);
}

static void fault_row(SmScene *s, const Row *row, unsigned fpd, bool rid)
{
    uint64_t iova = row->iova ? row->iova : SC_IOVA;
    uint32_t pasid = rid ? SM_NO_PASID : row->pasid;
    bool hidden = fpd && row->qualified && fpd <= entries_read(row->code);
    g_autofree char *name = g_strdup_printf("%s, PASID %x, FPD %u, RID %u",
                                            row->name, row->pasid, fpd, rid);
    unsigned index = nyx_vtd_fault_index(row->code);
    uint64_t count = nyx_vtd_fault_count(s->f->vtd, s->f->r, index);
    FxRecord record;

    if (rid) {
        sc_poke(s, s->ctx + 8, row->pasid);
    }
    set_fpd(s, row, fpd);
    row->breaks(s, row);
    FX_CHECK(name, sm_dma(s->f, pasid, row->access, iova), FX_REFUSED);
    record = fx_take_fault(s->f);
    FX_CHECK(name, record.lo, hidden ? 0 : iova & ~0xfffULL);
    FX_CHECK(name, record.hi, hidden ? 0 : row_hi(row, pasid, 0));
    FX_CHECK(name, fx_read32(s->f, 0x34) & 0xff, 0);
    FX_CHECK(name, nyx_vtd_fault_count(s->f->vtd, s->f->r, index), count + 1);
    FX_CHECK(name, fx_findings(s->f, NVTD_RULE_DMA_FAULT), 1);
    check_mended(s, name);
}

static void test_every_code(void)
{
    SmScene s;

    sc_init(&s, NULL);
    check_mended(&s, "at first");
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned fpd = 0; fpd <= 3; fpd++) {
            fault_row(&s, &rows[i], fpd, false);
            if (without_pasid(&rows[i])) {
                fault_row(&s, &rows[i], fpd, true);
            }
        }
    }
    sc_free(&s);
}

/* --- Translation requests ------------------------------------------------- */

static void ats_row(SmScene *s, const Row *row, bool rid)
{
    uint64_t iova = row->iova ? row->iova : SC_IOVA;
    uint32_t pasid = rid ? SM_NO_PASID : row->pasid;
    bool error = row->ats == ATS_ERROR;
    g_autofree char *name = g_strdup_printf("ATS %s, PASID %x, RID %u",
                                            row->name, row->pasid, rid);
    unsigned missing = row->code == 0x82 ? SM_X :
                       row->code == 0x85 ? FX_W : FX_R;
    NyxReply reply;

    if (rid) {
        sc_poke(s, s->ctx + 8, row->pasid);
    }
    row->breaks(s, row);
    reply = sm_request(s->f, FX_SID, pasid, NYX_REQ_TRANSLATION, row->access,
                       iova);
    FX_CHECK(name, reply.ok, !error);
    FX_CHECK(name, fx_take_fault(s->f).hi,
             error || row->ats == ATS_BOTH ? row_hi(row, pasid, 1) : 0);
    if (row->ats == ATS_NONE || row->ats == ATS_BOTH) {
        FX_CHECK(name, reply.access, row->access & SM_PRIV);
        FX_CHECK(name, reply.ats, 0);
    } else if (row->ats == ATS_SOME) {
        FX_CHECK(name, reply.access,
                 (FX_RW | (row->access & SM_X)) & ~missing);
    }
    check_mended(s, name);
}

static void test_translation_requests(void)
{
    SmScene s;

    sc_init(&s, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        ats_row(&s, &rows[i], false);
        if (without_pasid(&rows[i])) {
            ats_row(&s, &rows[i], true);
        }
    }
    sc_free(&s);
}

/* SCT.5: with and without a PASID, from the tables and from the caches. */
static void test_ats_not_enabled(void)
{
    SmScene s;

    sc_init(&s, NULL);
    for (unsigned i = 0; i < 16; i++) {
        uint32_t pgtt = 1 + i / 4;
        uint32_t pasid = i & 1 ? SM_NO_PASID : pgtt;
        NyxRequestType type = i & 2 ? NYX_REQ_TRANSLATED
                                    : NYX_REQ_TRANSLATION;
        const Row row = { .access = FX_W, .code = 0x44 };
        g_autofree char *name = g_strdup_printf("row %u", i);

        for (unsigned cached = 0; cached < 2; cached++) {
            sc_poke(&s, s.ctx + 8, i & 1 ? pgtt : 0);
            sc_clear(&s, s.ctx, 4 | 16);
            if (cached) {
                FX_CHECK(name, sm_dma(s.f, pasid, FX_R, SC_IOVA),
                         sc_good(pgtt));
            }
            FX_CHECK(name, sm_request(s.f, FX_SID, pasid, type, FX_W,
                                      SC_IOVA).ok, false);
            FX_CHECK(name, fx_take_fault(s.f).hi, row_hi(&row, pasid, type));
            sc_or(&s, s.ctx, 2);
            sm_flush(s.f);
            if (cached) {
                FX_CHECK(name, sm_dma(s.f, pasid, FX_R, SC_IOVA),
                         sc_good(pgtt));
            }
            FX_CHECK(name, sm_request(s.f, FX_SID, pasid, type, FX_W,
                                      SC_IOVA).ok, false);
            FX_CHECK(name, fx_take_code(s.f), 0);
            sc_mend(&s);
        }
    }
    sc_free(&s);
}

/* --- FPD ------------------------------------------------------------------ */

/* With P = 0 it counts as soon as the entry is read. */
static void test_fpd_not_present(void)
{
    SmScene s;
    uint64_t entries[3];

    sc_init(&s, NULL);
    entries[0] = s.ctx;
    entries[1] = s.dir;
    entries[2] = s.space[SM_FIRST].at;
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
        static const unsigned codes[] = { 0x41, 0x51, 0x59 };

        for (unsigned fpd = 0; fpd < 2; fpd++) {
            sc_poke(&s, entries[i], fpd << 1);
            FX_CHECK(NULL, sm_dma(s.f, 1, FX_R, SC_IOVA), FX_REFUSED);
            FX_CHECK(NULL, fx_take_code(s.f), fpd ? 0 : codes[i]);
            sc_mend(&s);
        }
    }
    sc_free(&s);
}

/* It comes from the caches with the rest, on hits and on misses. */
static void test_fpd_cached(void)
{
    SmScene s;

    sc_init(&s, NULL);
    fx_mem_poke(&s.f->mem, sm_ss_entry(&s.space[2], SC_IOVA, 1), SC_PAGE | 1);
    for (unsigned i = 0; i < 6; i++) {
        uint32_t pasid = i & 1 ? SM_NO_PASID : 2;
        uint64_t at = i / 2 == 0 ? s.ctx : i / 2 == 1 ? s.dir
                                                      : s.space[2].at;
        g_autofree char *row = g_strdup_printf("row %u", i);

        fx_mem_poke(&s.f->mem, s.ctx + 8, i & 1 ? 2 : 0);
        sc_or(&s, at, 2);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_R, SC_IOVA), sc_good(2));
        sc_clear(&s, at, 2);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_W, SC_IOVA), FX_REFUSED);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_R, 0), FX_REFUSED);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_R, FAR_SS), FX_REFUSED);
        FX_CHECK(row, fx_read32(s.f, 0x34) & 0xff, 0);
        sc_mend(&s);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_W, SC_IOVA), FX_REFUSED);
        FX_CHECK(row, fx_take_code(s.f), 0x85);
        sm_flush(s.f);
    }
    sc_free(&s);
}

/* What the function may send: FPD is of the cached context entry as well. */
static void test_fpd_function_cached(void)
{
    SmScene s;

    sc_init(&s, NULL);
    for (unsigned fpd = 0; fpd < 2; fpd++) {
        sc_clear(&s, s.ctx, 0xe00);
        sc_or(&s, s.ctx, fpd << 1);
        FX_CHECK(NULL, sm_dma(s.f, SM_FIRST, FX_R, SC_IOVA), sc_good(1));
        sc_poke(&s, s.ctx, 0);
        FX_CHECK(NULL, sm_dma(s.f, 1 << 13, FX_R, SC_IOVA), FX_REFUSED);
        FX_CHECK(NULL, fx_take_code(s.f), fpd ? 0 : 0x46);
        FX_CHECK(NULL, sm_dma(s.f, 7, FX_R, SC_IOVA), FX_REFUSED);
        FX_CHECK(NULL, fx_take_code(s.f), fpd ? 0 : 0x59);
        sc_mend(&s);
    }
    sc_free(&s);
}

/* --- Order ---------------------------------------------------------------- */

/*
 * Each makes another mistake, the later ones are checked earlier: whatever
 * comes behind does not show any more.
 */
typedef struct OrderRow {
    Break *breaks;
    uint64_t arg;
    unsigned code;
} OrderRow;

static const OrderRow first_order[] = {
    { fs_top_clear, 2, 0x85 },
    { fs_page_clear, 4, 0x85 },          /* at a lower level: later */
    { fs_no_execute, 4, 0x82 },
    { fs_top_clear, 4, 0x81 },
    { fs_top_or, B51, 0x72 },
    { fs_top_clear, 1, 0x71 },
    { fs_hole, 4, 0x73 },
    { entry_or2, 8, 0x5b },
    { entry_or3, 1, 0x5a },
    { entry_clear0, 1, 0x59 },
    { entry_hole, 0, 0x58 },
    { dir_or, 4, 0x52 },
    { dir_not_present, 0, 0x51 },
    { dir_hole, 0, 0x50 },
    { ctx_clear, 8, 0x45 },
    { ctx_clear, 4 | 16, 0x44 },         /* PRE goes with DTE */
    { ctx_rid_beyond, 0, 0x43 },
    { ctx_or, 0x20, 0x42 },
    { ctx_clear, 1, 0x41 },
    { ctx_hole, 0, 0x40 },
    { root_or, 2, 0x3a },
    { root_clear, 0, 0x39 },
    { root_hole, 0, 0x38 },
};

static void test_order_first(void)
{
    const Row row = { .pasid = SM_FIRST };
    SmScene s;

    sc_init(&s, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(first_order); i++) {
        const OrderRow *order = &first_order[i];
        Row arg = row;
        g_autofree char *name = g_strdup_printf("step %u", i);
        bool ats = order->code == 0x44 || order->code == 0x43;

        arg.arg = order->arg;
        order->breaks(&s, &arg);
        sm_flush(s.f);
        FX_CHECK(name, sm_request(s.f, FX_SID, SM_FIRST, ats,
                                  i >= 2 ? FX_RW | SM_X : FX_RW, SC_IOVA).ok,
                 false);
        FX_CHECK(name, fx_take_code(s.f), order->code);
    }
    sc_free(&s);
}

/* SPT.5 before SPT.6 before the address; PASIDE before the range. */
static void test_order_flags(void)
{
    SmScene s;
    static const struct { uint64_t w2; unsigned access; unsigned code; } t[] = {
        { 0, FX_R | SM_X | SM_PRIV, 0x5c },
        { 2, FX_R | SM_X | SM_PRIV, 0x5d },
        { 0, FX_R | SM_PRIV, 0x5d },
        { 3, FX_R | SM_X | SM_PRIV, 0 },
    };

    sc_init(&s, NULL);
    for (unsigned i = 0; i < 16; i++) {
        uint32_t pasid = 1 + i / 4;
        unsigned far = pasid % 2 ? 0x80 : 0x84;
        g_autofree char *name = g_strdup_printf("row %u", i);

        sc_or(&s, s.space[pasid].at + 16, t[i % 4].w2);
        FX_CHECK(name, sm_dma(s.f, pasid, t[i % 4].access, 1ULL << 62),
                 FX_REFUSED);
        FX_CHECK(name, fx_take_code(s.f),
                 t[i % 4].code ? t[i % 4].code : far);
        sc_mend(&s);
    }
    sc_clear(&s, s.ctx, 0xe08);
    sm_dma(s.f, 1 << 13, FX_R, SC_IOVA);
    FX_CHECK("PASIDE", fx_take_code(s.f), 0x45);
    sc_free(&s);
}

static void test_order_second(void)
{
    Row row = { .pasid = SM_SECOND };
    SmScene s;

    sc_init(&s, NULL);
    row.arg = B62;
    ss_page_or(&s, &row);
    FX_CHECK("reserved", sm_dma(s.f, 2, FX_R, SC_IOVA), FX_REFUSED);
    FX_CHECK("reserved", fx_take_code(s.f), 0x7a);
    row.arg = 3;
    ss_page_clear(&s, &row);
    sm_dma(s.f, 2, FX_R, SC_IOVA);
    FX_CHECK("not present", fx_take_code(s.f), 0x79);
    row.arg = 1;
    ss_hole(&s, &row);
    sm_dma(s.f, 2, FX_R, SC_IOVA);
    FX_CHECK("table", fx_take_code(s.f), 0x78);
    row.arg = 4;
    ss_hole(&s, &row);
    sm_flush(s.f);
    sm_dma(s.f, 2, FX_R, SC_IOVA);
    FX_CHECK("root", fx_take_code(s.f), 0x7b);
    sm_dma(s.f, 2, FX_R, SC_IOVA | FAR_SS);
    FX_CHECK("width", fx_take_code(s.f), 0x84);
    sc_free(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/scalable-fault/" name, fn)
    ADD("every-code", test_every_code);
    ADD("translation-requests", test_translation_requests);
    ADD("ats-not-enabled", test_ats_not_enabled);
    ADD("fpd/not-present", test_fpd_not_present);
    ADD("fpd/cached", test_fpd_cached);
    ADD("fpd/function-cached", test_fpd_function_cached);
    ADD("order/first-stage", test_order_first);
    ADD("order/flags", test_order_flags);
    ADD("order/second-stage", test_order_second);
    return g_test_run();
}
