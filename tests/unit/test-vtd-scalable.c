/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of scalable mode that are granted: layout of the structures, each
 * translation type, accessed and dirty bits, privileges.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"
#include "vtd-scalable.h"

/* --- Layout --------------------------------------------------------------- */

typedef struct FieldRow {
    const char *name;
    unsigned model_shift;
    unsigned model_length;
    unsigned shift;
    unsigned length;
} FieldRow;

#define POS(word, field, shift, length)                                     \
    { #word "." #field, R_NVTD_##word##_##field##_SHIFT,                    \
      R_NVTD_##word##_##field##_LENGTH, shift, length }

static const FieldRow fields[] = {
    POS(SROOT0, LP, 0, 1), POS(SROOT0, LCTP, 12, 52),
    POS(SROOT1, UP, 0, 1), POS(SROOT1, UCTP, 12, 52),
    POS(SCTX0, P, 0, 1), POS(SCTX0, FPD, 1, 1), POS(SCTX0, DTE, 2, 1),
    POS(SCTX0, PASIDE, 3, 1), POS(SCTX0, PRE, 4, 1), POS(SCTX0, PDTS, 9, 3),
    POS(SCTX0, PASIDDIRPTR, 12, 52), POS(SCTX1, RID_PASID, 0, 20),
    POS(SCTX1, RID_PRIV, 20, 1),
    POS(PDIR, P, 0, 1), POS(PDIR, FPD, 1, 1), POS(PDIR, SMPTBLPTR, 12, 52),
    POS(PTE0, P, 0, 1), POS(PTE0, FPD, 1, 1), POS(PTE0, AW, 2, 3),
    POS(PTE0, PGTT, 6, 3), POS(PTE0, SSADE, 9, 1), POS(PTE0, SSPTPTR, 12, 52),
    POS(PTE1, DID, 0, 16), POS(PTE1, PWSNP, 23, 1), POS(PTE1, PGSNP, 24, 1),
    POS(PTE1, CD, 25, 1), POS(PTE1, EMTE, 26, 1), POS(PTE1, EMT, 27, 3),
    POS(PTE1, PWT, 30, 1), POS(PTE1, PCD, 31, 1), POS(PTE1, PAT, 32, 32),
    POS(PTE2, SRE, 0, 1), POS(PTE2, ERE, 1, 1), POS(PTE2, FSPM, 2, 2),
    POS(PTE2, WPE, 4, 1), POS(PTE2, NXE, 5, 1), POS(PTE2, SMEP, 6, 1),
    POS(PTE2, EAFE, 7, 1), POS(PTE2, FSPTPTR, 12, 52),
};

static void test_layout(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
        FX_CHECK(fields[i].name, fields[i].model_shift, fields[i].shift);
        FX_CHECK(fields[i].name, fields[i].model_length, fields[i].length);
    }
    FX_CHECK("root", NYX_MBZ_MASK(NVTD_SROOT_W0), 0xffeULL);
    FX_CHECK("root", NYX_MBZ_MASK(NVTD_SROOT_W1), 0xffeULL);
    FX_CHECK("context", NYX_MBZ_MASK(NVTD_SCTX_W0), 0x1e0ULL);
    FX_CHECK("context", NYX_MBZ_MASK(NVTD_SCTX_W1), 0xffffffffffe00000ULL);
    FX_CHECK("directory", NYX_MBZ_MASK(NVTD_PDIR_W0), 0xffcULL);
    FX_CHECK("entry 0", NYX_MBZ_MASK(NVTD_PTE_W0), 0xc20ULL);
    FX_CHECK("entry 1", NYX_MBZ_MASK(NVTD_PTE_W1), 0x7f0000ULL);
    FX_CHECK("entry 2", NYX_MBZ_MASK(NVTD_PTE_W2), 0xf00ULL);
    FX_CHECK("PGTT", NVTD_PGTT_FIRST, 1);
    FX_CHECK("PGTT", NVTD_PGTT_SECOND, 2);
    FX_CHECK("PGTT", NVTD_PGTT_NESTED, 3);
    FX_CHECK("PGTT", NVTD_PGTT_PASS_THROUGH, 4);
    FX_CHECK("FSPM", NVTD_FSPM_5_LEVELS, 1);
    FX_CHECK("TTM", NVTD_TTM_SCALABLE, 1);
}

/* --- Each type ------------------------------------------------------------ */

static Fx *new_unit(unsigned aw_bits)
{
    NyxVtdCfg cfg = sm_cfg();

    cfg.aw_bits = aw_bits;
    return fx_new(&cfg);
}

/* A block mapped at @iova: its ends, both accesses, from walk and cache. */
static void check_block(const char *row, Fx *f, uint32_t pasid, uint64_t iova,
                        uint64_t addr, unsigned lg2)
{
    uint64_t last = (1ULL << lg2) - 1;

    for (unsigned round = 0; round < 2; round++) {
        NyxReply reply = sm_request(f, FX_SID, pasid, 0, FX_R, iova + 0x123);

        FX_CHECK(row, reply.addr, addr + 0x123);
        FX_CHECK(row, reply.addr_mask, last);
        FX_CHECK(row, sm_dma(f, pasid, FX_W, iova + last), addr + last);
        FX_CHECK(row, sm_dma(f, pasid, FX_RW, iova), addr);
        FX_CHECK(row, sm_dma(f, pasid, NYX_ACCESS_ATOMIC, iova), addr);
        reply = sm_request(f, FX_SID, pasid, NYX_REQ_TRANSLATION, FX_R, iova);
        FX_CHECK(row, reply.addr, addr);
        FX_CHECK(row, reply.access, FX_RW);
        FX_CHECK(row, reply.addr_mask, last);
        reply = sm_request(f, FX_SID, pasid, NYX_REQ_TRANSLATED, FX_W, addr);
        FX_CHECK(row, reply.addr, addr);
    }
    FX_CHECK(row, fx_read32(f, 0x34) & 0xff, 0);
}

static void check_type(unsigned pgtt, unsigned fs_levels, unsigned ss_levels,
                       bool rid)
{
    static const unsigned sizes[] = { 12, 21, 30 };
    unsigned bits = pgtt == SM_SECOND ? 12 + 9 * ss_levels
                                      : 11 + 9 * fs_levels;
    Fx *f = new_unit(57);
    uint32_t pasid = rid ? SM_NO_PASID : 5;
    SmSpace s = sm_space(f, FX_SID, 5, pgtt, FX_DID, fs_levels, ss_levels);

    fx_mem_poke(&f->mem, sm_context_addr(f, FX_SID) + 8, rid ? 5 : 0);
    sm_start(f);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint64_t low = 0x80000000ULL + (i << 30);
        uint64_t high = (1ULL << bits) - (i + 1) * 0x80000000ULL;
        g_autofree char *row = g_strdup_printf(
            "type %u, levels %u and %u, RID %u, size %u", pgtt, fs_levels,
            ss_levels, rid, sizes[i]);

        sm_map(&s, low, 0x40000000, sizes[i]);
        check_block(row, f, pasid, low, 0x40000000, sizes[i]);
        sm_map(&s, high, 0x140000000ULL, sizes[i]);
        check_block(row, f, pasid, high, 0x140000000ULL, sizes[i]);
        if (pgtt != SM_SECOND) {
            high = -high;
            sm_map(&s, high, 0x1c0000000ULL, sizes[i]);
            check_block(row, f, pasid, high, 0x1c0000000ULL, sizes[i]);
        }
    }
    fx_free(f);
}

static void test_types(void)
{
    for (unsigned rid = 0; rid < 2; rid++) {
        for (unsigned levels = 3; levels <= 5; levels++) {
            check_type(SM_SECOND, 0, levels, rid);
            for (unsigned fs = 4; fs <= 5; fs++) {
                check_type(SM_NESTED, fs, levels, rid);
            }
        }
        check_type(SM_FIRST, 4, 0, rid);
        check_type(SM_FIRST, 5, 0, rid);
    }
}

/* The smaller of the two leaves, wherever it is. */
static void test_nested_sizes(void)
{
    static const unsigned sizes[] = { 12, 21, 30 };

    for (unsigned i = 0; i < 9; i++) {
        unsigned fs = sizes[i / 3], ss = sizes[i % 3];
        g_autofree char *row = g_strdup_printf("%u over %u", fs, ss);
        uint64_t iova = 0x180000000ULL, gpa = 0x240000000ULL;
        Fx *f = new_unit(48);
        SmSpace s = sm_space(f, FX_SID, 9, SM_NESTED, FX_DID, 4, 4);

        sm_fs_map(&s, iova, gpa, fs, SM_FS_USER);
        sm_ss_map(&s, gpa, 0x340000000ULL, ss, FX_RW);
        sm_start(f);
        check_block(row, f, 9, iova, 0x340000000ULL, MIN(fs, ss));
        fx_free(f);
    }
}

/* Rights are those of both stages. */
static void test_nested_rights(void)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned fs = i & 1 ? 7 : 5, ss = i >> 1 & 3;
        unsigned rights = (fs == 7 ? FX_RW : FX_R) & ss;
        uint32_t pasid = i & 8 ? SM_NO_PASID : 9;
        g_autofree char *row = g_strdup_printf("row %u", i);
        Fx *f = new_unit(48);
        SmSpace s = sm_space(f, FX_SID, 9, SM_NESTED, FX_DID, 4, 4);

        fx_mem_poke(&f->mem, sm_context_addr(f, FX_SID) + 8, i & 8 ? 9 : 0);
        sm_fs_map(&s, 0x1000, 0x5000, 12, fs);
        sm_ss_map(&s, 0x5000, 0x9000, 12, ss);
        sm_start(f);
        FX_CHECK(row, sm_request(f, FX_SID, pasid, NYX_REQ_TRANSLATION, FX_R,
                                 0x1000).access, rights);
        for (unsigned access = 1; access <= 3; access++) {
            for (unsigned round = 0; round < 2; round++) {
                FX_CHECK(row, sm_dma(f, pasid, access, 0x1000),
                         access & ~rights ? FX_REFUSED : 0x9000);
            }
        }
        fx_free(f);
    }
}

/* Type 4: to its own address, and no further than the promise. */
static void test_pass_through(void)
{
    static const uint8_t haws[] = { 39, 46, 52 };

    for (unsigned i = 0; i < 12; i++) {
        NyxVtdCfg cfg = sm_cfg();
        uint32_t pasid = i & 1 ? SM_NO_PASID : 6;
        NyxRequestType type = i & 2 ? NYX_REQ_TRANSLATION
                                    : NYX_REQ_UNTRANSLATED;
        g_autofree char *row = g_strdup_printf("row %u", i);
        uint64_t end = 1ULL << MIN(haws[i / 4], 48);
        NyxReply reply;
        Fx *f;

        cfg.haw_bits = haws[i / 4];
        f = fx_new(&cfg);
        sm_space(f, FX_SID, 6, SM_PASS, FX_DID, 0, 0);
        fx_mem_poke(&f->mem, sm_context_addr(f, FX_SID) + 8, i & 1 ? 6 : 0);
        sm_start(f);
        reply = sm_request(f, FX_SID, pasid, type, FX_RW, end - 0x1000);
        FX_CHECK(row, reply.addr, end - 0x1000);
        FX_CHECK(row, reply.access, FX_RW);
        FX_CHECK(row, (reply.addr | reply.addr_mask) < end, true);
        reply = sm_request(f, FX_SID, pasid, type, FX_RW, end);
        FX_CHECK(row, reply.ok, type == NYX_REQ_TRANSLATION);
        FX_CHECK(row, reply.access, 0);
        FX_CHECK(row, fx_take_code(f), type ? 0 : end >> 48 ? 0x84 : 0x83);
        /* Who is refused the interrupt range is not promised it. */
        reply = sm_request(f, FX_SID, pasid, type, FX_RW, 0xfedff000);
        FX_CHECK(row, reply.addr, 0xfedff000);
        if (pasid != SM_NO_PASID || type) {
            FX_CHECK(row, (reply.addr | reply.addr_mask) < 0xfee00000, true);
            reply = sm_request(f, FX_SID, pasid, type, FX_RW, 0xfee00000);
            FX_CHECK(row, reply.ok, type == NYX_REQ_TRANSLATION);
            FX_CHECK(row, reply.access, pasid == SM_NO_PASID ? FX_W : 0);
            FX_CHECK(row, reply.ats, pasid == SM_NO_PASID
                                     ? NYX_ATS_UNTRANSLATED : 0);
            FX_CHECK(row, fx_take_code(f), type ? 0 : 0x87);
        }
        fx_free(f);
    }
}

/* --- Who asks ------------------------------------------------------------- */

/* Both halves of the bus, several buses: 32 bytes an entry. */
static void test_functions(void)
{
    static const uint16_t sids[] = {
        0x0000, 0x0010, 0x007f, 0x0080, 0x0090, 0x00ff, 0x0100, 0x12ff,
        0xff7f, 0xff80,
    };
    Fx *f = new_unit(48);

    for (unsigned i = 0; i < ARRAY_SIZE(sids); i++) {
        SmSpace s = sm_space(f, sids[i], 0, SM_FIRST + i % 2, FX_DID + i, 4,
                             4);

        sm_map(&s, 0x3000, 0x100000 + (i << 12), 12);
        /* PASID 2 is the same. */
        for (unsigned word = 0; word < 8; word++) {
            fx_mem_poke(&f->mem, sm_pasid_addr(f, sids[i], 2) + 8 * word,
                        fx_mem_peek(&f->mem, s.at + 8 * word));
        }
    }
    /* 00:02.0 is 200h in its table. */
    FX_CHECK(NULL, sm_context_addr(f, 0x10) & 0xfff, 0x200);
    FX_CHECK(NULL, sm_context_addr(f, 0x90) & 0xfff, 0x200);
    sm_start(f);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(sids); i++) {
            uint32_t pasid = (round + i) & 1 ? SM_NO_PASID : 2;
            g_autofree char *row = g_strdup_printf("SID %x", sids[i]);

            FX_CHECK(row, sm_request(f, sids[i], pasid, 0, FX_RW,
                                     0x3000).addr, 0x100000 + (i << 12));
        }
    }
    FX_CHECK(NULL, fx_findings(f, NVTD_RULE_DMA_FAULT), 0);
    fx_free(f);
}

/* All PASIDs of a directory of each size; one domain, or one each. */
static void test_pasids(void)
{
    static const uint32_t pasids[] = {
        0, 1, 63, 64, 0x1fff, 0x2000, 0x12345, 0x7ffff, 0x80000, 0xfffff,
    };

    for (unsigned i = 0; i < 8; i++) {
        Fx *f = new_unit(48);

        sm_function(f, FX_SID, 7);
        fx_mem_poke(&f->mem, sm_context_addr(f, FX_SID) + 8, 0x12345);
        for (unsigned j = 0; j < ARRAY_SIZE(pasids); j++) {
            SmSpace s = sm_space(f, FX_SID, pasids[j], SM_FIRST,
                                 FX_DID + i % 2 * j, 4, 4);

            sm_map(&s, 0x3000, 0x100000 + (j << 12), 12);
        }
        sm_start(f);
        for (unsigned round = 0; round < 2; round++) {
            for (unsigned j = 0; j < ARRAY_SIZE(pasids); j++) {
                uint32_t pasid = pasids[j] == 0x12345 ? SM_NO_PASID
                                                      : pasids[j];

                FX_CHECK(NULL, sm_dma(f, pasid, FX_RW, 0x3000),
                         0x100000 + (j << 12));
            }
            FX_CHECK(NULL, sm_dma(f, SM_NO_PASID, FX_RW, 0x3000), 0x106000);
        }
        /* PASID 12345h: 48dh in the directory, 5 in its table. */
        FX_CHECK(NULL, sm_directory_addr(f, FX_SID, 0x12345) & 0xfff,
                 0x48d * 8 & 0xfff);
        fx_mem_poke(&f->mem, sm_context_addr(f, FX_SID) + 8, 0);
        fx_mem_poke(&f->mem, sm_context_addr(f, FX_SID),
                    (fx_mem_peek(&f->mem, sm_context_addr(f, FX_SID)) &
                     ~0xe00ULL) | i << 9);
        sm_flush(f);
        for (unsigned j = 0; j < ARRAY_SIZE(pasids); j++) {
            bool in = pasids[j] < 1u << (i + 13);

            FX_CHECK(NULL, sm_dma(f, pasids[j] ? pasids[j] : SM_NO_PASID,
                                  FX_RW, 0x3000),
                     in ? 0x100000 + (j << 12) : FX_REFUSED);
            FX_CHECK(NULL, fx_take_code(f), in ? 0 : 0x46);
        }
        fx_free(f);
    }
}

/* Translation off: nothing with a PASID passes, nothing is told. */
static void test_translation_off(void)
{
    SmScene s;

    sc_init(&s, NULL);
    fx_gcmd(s.f, 31, false);
    FX_CHECK(NULL, sm_dma(s.f, SM_FIRST, FX_R, SC_IOVA), FX_REFUSED);
    FX_CHECK(NULL, sm_dma(s.f, SM_NO_PASID, FX_R, SC_IOVA), SC_IOVA);
    FX_CHECK(NULL, fx_take_code(s.f), 0);
    sc_free(&s);
}

/* --- Accessed and dirty --------------------------------------------------- */

typedef struct MarkRow {
    uint32_t pasid;
    bool ssade;
    bool eafe;
} MarkRow;

static const MarkRow mark_rows[] = {
    { SM_FIRST, false, false }, { SM_FIRST, false, true },
    { SM_SECOND, false, false }, { SM_SECOND, true, false },
    { SM_NESTED, false, false }, { SM_NESTED, true, false },
    { SM_NESTED, false, true }, { SM_NESTED, true, true },
};

/* Marks in all entries on the way; @wrote: D is due. */
static void check_marks(const char *row, SmScene *s, const MarkRow *m,
                        bool used, bool wrote)
{
    const SmSpace *space = &s->space[m->pasid];

    for (unsigned level = 1; level <= SC_LEVELS; level++) {
        bool dirty = wrote && level == 1;
        uint64_t want = used ? 0x20 | (m->eafe ? 0x400 : 0) : 0;

        if (m->pasid != SM_SECOND) {
            uint64_t at = sm_fs_entry(space, SC_IOVA, level);

            FX_CHECK(row, fx_mem_peek(&s->f->mem, at) & 0x460,
                     want | (dirty ? 0x40 : 0));
            if (m->pasid == SM_NESTED && m->ssade) {
                at = sm_ss_entry(space, SM_BIAS + at, 1);
                FX_CHECK(row, fx_mem_peek(&s->f->mem, at) & 0x300,
                         used ? 0x300 : 0);
            }
        }
        if (m->pasid != SM_FIRST) {
            uint64_t at = sm_ss_entry(space, m->pasid == SM_NESTED
                                             ? SC_GPA : SC_IOVA, level);
            uint64_t marks = fx_mem_peek(&s->f->mem, at) & 0x300;

            want = used && m->ssade ? 0x100 | (dirty ? 0x200 : 0) : 0;
            FX_CHECK(row, marks, want);
        }
    }
}

static void marks(const MarkRow *m, bool rid, NyxCacheTemper temper)
{
    NyxVtdCfg cfg = sm_cfg();
    uint32_t pasid = rid ? SM_NO_PASID : m->pasid;
    g_autofree char *row = g_strdup_printf(
        "type %u, SSADE %u, EAFE %u, RID %u, temper %u", m->pasid, m->ssade,
        m->eafe, rid, temper);
    SmScene s;

    cfg.cache = temper;
    sc_init(&s, &cfg);
    sc_poke(&s, s.ctx + 8, rid ? m->pasid : 0);
    sc_or(&s, s.space[m->pasid].at, m->ssade ? 0x200 : 0);
    sc_or(&s, s.space[m->pasid].at + 16, m->eafe ? 0x80 : 0);
    check_marks(row, &s, m, false, false);
    /* Refused: nothing was used. */
    FX_CHECK(row, sm_dma(s.f, pasid, FX_R, 1ULL << 60), FX_REFUSED);
    check_marks(row, &s, m, false, false);
    for (unsigned i = 0; i < 3; i++) {
        FX_CHECK(row, sm_dma(s.f, pasid, FX_R, SC_IOVA), 0x9abc);
        check_marks(row, &s, m, true, false);
    }
    /* Not a write: the endpoint asks only to read, but gets W as well. */
    FX_CHECK(row, sm_dma(s.f, pasid, FX_W, SC_IOVA), 0x9abc);
    check_marks(row, &s, m, true, true);
    FX_CHECK(row, sm_dma(s.f, pasid, FX_RW, SC_IOVA), 0x9abc);
    check_marks(row, &s, m, true, true);
    sc_free(&s);
}

static void test_marks(void)
{
    static const NyxCacheTemper tempers[] = {
        NYX_CACHE_HARDWARE, NYX_CACHE_STICKY, NYX_CACHE_OFF,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(mark_rows) * 2; i++) {
        for (unsigned j = 0; j < ARRAY_SIZE(tempers); j++) {
            marks(&mark_rows[i / 2], i & 1, tempers[j]);
        }
    }
}

/* A grant of W to an endpoint is as good as a write; R alone is not. */
static void test_marks_by_translation(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(mark_rows) * 4; i++) {
        const MarkRow *m = &mark_rows[i / 4];
        uint32_t pasid = i & 1 ? SM_NO_PASID : m->pasid;
        const SmSpace *space;
        bool grant = i & 2;
        g_autofree char *row = g_strdup_printf("row %u", i);
        SmScene s;

        sc_init(&s, NULL);
        space = &s.space[m->pasid];
        sc_poke(&s, s.ctx + 8, i & 1 ? m->pasid : 0);
        sc_or(&s, space->at, m->ssade ? 0x200 : 0);
        sc_or(&s, space->at + 16, m->eafe ? 0x80 : 0);
        if (!grant) {
            sc_clear(&s, m->pasid == SM_SECOND
                         ? sm_ss_entry(space, SC_IOVA, 1)
                         : sm_fs_entry(space, SC_IOVA, 1), 2);
        }
        FX_CHECK(row, sm_dma(s.f, pasid, FX_R, SC_IOVA), 0x9abc);
        check_marks(row, &s, m, true, false);
        FX_CHECK(row, sm_request(s.f, FX_SID, pasid, NYX_REQ_TRANSLATION,
                                 FX_R, SC_IOVA).access,
                 grant ? FX_RW : FX_R);
        check_marks(row, &s, m, true, grant);
        sc_free(&s);
    }
}

/* A refused request caches tables; the next one has EA to set in them. */
static void test_marks_preset(void)
{
    SmScene s;

    sc_init(&s, NULL);
    sc_or(&s, s.space[SM_FIRST].at + 16, 0x80);
    for (unsigned level = 1; level <= SC_LEVELS; level++) {
        sc_or(&s, sm_fs_entry(&s.space[SM_FIRST], SC_IOVA, level), 0x20);
    }
    sc_clear(&s, sm_fs_entry(&s.space[SM_FIRST], SC_IOVA, 1), 2);
    FX_CHECK(NULL, sm_dma(s.f, SM_FIRST, FX_W, SC_IOVA), FX_REFUSED);
    check_marks("refused", &s, &mark_rows[0], true, false);
    FX_CHECK(NULL, sm_dma(s.f, SM_FIRST, FX_R, SC_IOVA), 0x9abc);
    check_marks("EA", &s, &mark_rows[1], true, false);
    sc_free(&s);
}

/* What only asks does not make anything dirty. */
static void test_marks_by_probe(void)
{
    SmScene s;

    sc_init(&s, NULL);
    FX_CHECK(NULL, sm_request(s.f, FX_SID, SM_FIRST, 0, NYX_ACCESS_NONE,
                              SC_IOVA).access, FX_RW);
    FX_CHECK(NULL, fx_mem_peek(&s.f->mem,
                               sm_fs_entry(&s.space[1], SC_IOVA, 1)) & 0x40,
             0);
    sc_free(&s);
}

/* --- Privilege and execution ---------------------------------------------- */

/* SRE 1, ERE 2, WPE 10h, NXE 20h, SMEP 40h; leaf RW 2, US 4, XD. */
#define XD (1ULL << 63)

typedef struct RightRow {
    uint64_t w2;
    uint64_t leaf;
    unsigned access;
    unsigned code;
} RightRow;

static const RightRow right_rows[] = {
    { 0x01, 7, FX_R, 0 },
    { 0x01, 3, FX_R, 0x81 },
    { 0x01, 3, FX_W | SM_PRIV, 0 },
    { 0x01, 1, FX_W | SM_PRIV, 0 },
    { 0x11, 1, FX_W | SM_PRIV, 0x85 },
    { 0x11, 5, FX_W | SM_PRIV, 0x85 },
    { 0x01, 5, FX_W, 0x85 },
    { 0x11, 1, FX_R | SM_PRIV, 0 },
    { 0x02, 7, FX_R | SM_X, 0 },
    { 0x22, 7, FX_R | SM_X, 0 },
    { 0x22, 7 | XD, FX_R | SM_X, 0x82 },
    { 0x22, 7 | XD, FX_R, 0 },
    { 0x20, 7 | XD, FX_W, 0 },
    { 0x23, 3 | XD, FX_R | SM_X | SM_PRIV, 0x82 },
    { 0x03, 3, FX_R | SM_X | SM_PRIV, 0 },
    { 0x03, 7, FX_R | SM_X | SM_PRIV, 0 },
    { 0x43, 7, FX_R | SM_X | SM_PRIV, 0x82 },
    { 0x43, 7, FX_R | SM_X, 0 },
    { 0x43, 3, FX_R | SM_X | SM_PRIV, 0 },
    { 0x43, 7, FX_RW | SM_PRIV, 0 },
    { 0x00, 7 | XD, FX_R, 0 },
    { 0x02, 7 | XD, FX_R, 0x72 },
};

static void test_rights(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(right_rows) * 2; i++) {
        const RightRow *r = &right_rows[i / 2];
        uint32_t pasid = i & 1 ? SM_NESTED : SM_FIRST;
        g_autofree char *row = g_strdup_printf("row %u, type %u", i / 2,
                                               pasid);
        uint64_t at;
        SmScene s;

        sc_init(&s, NULL);
        at = sm_fs_entry(&s.space[pasid], SC_IOVA, 1);
        sc_or(&s, s.space[pasid].at + 16, r->w2);
        sc_poke(&s, at, (fx_mem_peek(&s.f->mem, at) & ~7ULL) | r->leaf);
        for (unsigned round = 0; round < 3; round++) {
            FX_CHECK(row, sm_dma(s.f, pasid, r->access, SC_IOVA),
                     r->code ? FX_REFUSED : 0x9abc);
            FX_CHECK(row, fx_take_code(s.f), r->code);
            /* What others may do is in the caches as well then. */
            if (r->w2 & 1) {
                sm_dma(s.f, pasid, FX_R | SM_PRIV, SC_IOVA);
            }
            sm_dma(s.f, pasid, FX_R, SC_IOVA);
            fx_clear_faults(s.f);
        }
        sc_free(&s);
    }
}

/* Privileged and other requests do not find each other's translations. */
static void test_privilege_cached(void)
{
    SmScene s;

    sc_init(&s, NULL);
    sc_or(&s, s.space[SM_FIRST].at + 16, 1);
    sc_clear(&s, sm_fs_entry(&s.space[SM_FIRST], SC_IOVA, 1), 4);
    for (unsigned i = 0; i < 3; i++) {
        FX_CHECK(NULL, sm_dma(s.f, 1, FX_RW | SM_PRIV, SC_IOVA), 0x9abc);
        FX_CHECK(NULL, sm_dma(s.f, 1, FX_R, SC_IOVA), FX_REFUSED);
        FX_CHECK(NULL, fx_take_code(s.f), 0x81);
    }
    sc_free(&s);
}

/* RID_PRIV: requests without a PASID, and only those, are privileged. */
static void test_rid_priv(void)
{
    for (uint32_t pgtt = SM_FIRST; pgtt <= SM_PASS; pgtt++) {
        g_autofree char *row = g_strdup_printf("type %u", pgtt);
        SmScene s;

        sc_init(&s, NULL);
        sc_alias(&s, pgtt, 6);
        sc_poke(&s, s.ctx + 8, 1 << 20 | 6);
        FX_CHECK(row, sm_dma(s.f, SM_NO_PASID, FX_R, SC_IOVA), FX_REFUSED);
        FX_CHECK(row, fx_take_fault(s.f).hi, 0xc000005d00000010ULL);
        FX_CHECK(row, sm_dma(s.f, pgtt, FX_R, SC_IOVA), sc_good(pgtt));
        sc_or(&s, s.space[pgtt].at + 16, 1);
        if (pgtt == SM_FIRST || pgtt == SM_NESTED) {
            sc_clear(&s, sm_fs_entry(&s.space[pgtt], SC_IOVA, 1), 4);
        }
        sc_alias(&s, pgtt, 6);
        sm_flush(s.f);
        for (unsigned i = 0; i < 3; i++) {
            bool user = pgtt == SM_SECOND || pgtt == SM_PASS;

            FX_CHECK(row, sm_dma(s.f, SM_NO_PASID, FX_RW, SC_IOVA),
                     sc_good(pgtt));
            FX_CHECK(row, sm_dma(s.f, pgtt, FX_R, SC_IOVA),
                     user ? sc_good(pgtt) : FX_REFUSED);
            FX_CHECK(row, fx_take_code(s.f), user ? 0 : 0x81);
        }
        sc_free(&s);
    }
}

/* Flags that need a PASID mean nothing without one. */
static void test_flags_without_pasid(void)
{
    SmScene s;

    sc_init(&s, NULL);
    sc_poke(&s, s.ctx + 8, SM_FIRST);
    sc_or(&s, s.space[SM_FIRST].at + 16, 0x20);
    sc_or(&s, sm_fs_entry(&s.space[SM_FIRST], SC_IOVA, 1), XD);
    for (unsigned i = 0; i < 2; i++) {
        FX_CHECK(NULL, sm_dma(s.f, SM_NO_PASID, FX_R | SM_X | SM_PRIV,
                              SC_IOVA), 0x9abc);
        FX_CHECK(NULL, fx_take_code(s.f), 0);
    }
    sc_free(&s);
}

/* The right to execute is told to those who asked for it. */
static void test_exec_granted(void)
{
    SmScene s;

    sc_init(&s, NULL);
    sc_or(&s, s.space[SM_FIRST].at + 16, 2);
    for (unsigned i = 0; i < 2; i++) {
        FX_CHECK(NULL, sm_request(s.f, FX_SID, 1, 1, FX_R, SC_IOVA).access,
                 FX_RW);
        FX_CHECK(NULL, sm_request(s.f, FX_SID, 1, 1, FX_R | SM_X,
                                  SC_IOVA).access, FX_RW | SM_X);
    }
    sc_free(&s);
}

/* --- Second stage, interrupt range ---------------------------------------- */

/* SNP of a leaf is defined in scalable mode, with and without ECAP.SC. */
static void test_snoop_bit(void)
{
    NyxVtdCfg cfg = sm_cfg();
    SmScene s;

    cfg.snoop_control = false;
    sc_init(&s, &cfg);
    sc_or(&s, sm_ss_entry(&s.space[SM_SECOND], SC_IOVA, 1), 1 << 11);
    sc_or(&s, sm_ss_entry(&s.space[SM_NESTED], SC_GPA, 1), 1 << 11);
    FX_CHECK(NULL, sm_dma(s.f, SM_SECOND, FX_RW, SC_IOVA), 0x9abc);
    FX_CHECK(NULL, sm_dma(s.f, SM_NESTED, FX_RW, SC_IOVA), 0x9abc);
    FX_CHECK(NULL, fx_take_code(s.f), 0);
    /* In a table entry it is reserved as ever. */
    sc_or(&s, sm_ss_entry(&s.space[SM_SECOND], SC_IOVA, 2), 1 << 11);
    sm_flush(s.f);
    FX_CHECK(NULL, sm_dma(s.f, SM_SECOND, FX_RW, SC_IOVA), FX_REFUSED);
    FX_CHECK(NULL, fx_take_code(s.f), 0x7a);
    sc_free(&s);
}

/* An address with a PASID is an address; one already translated is not. */
static void test_interrupt_range(void)
{
    NyxReply reply;
    SmScene s;

    sc_init(&s, NULL);
    for (uint32_t pasid = SM_FIRST; pasid <= SM_NESTED; pasid++) {
        sm_map(&s.space[pasid], 0xfee01000, 0x9000, 12);
        FX_CHECK(NULL, sm_dma(s.f, pasid, FX_W, 0xfee01000), 0x9000);
        FX_CHECK(NULL, sm_request(s.f, FX_SID, pasid, NYX_REQ_TRANSLATION,
                                  FX_W, 0xfee01000).addr, 0x9000);
        FX_CHECK(NULL, fx_take_code(s.f), 0);
        FX_CHECK(NULL, sm_request(s.f, FX_SID, pasid, NYX_REQ_TRANSLATED,
                                  FX_W, 0xfee01000).ok, false);
        FX_CHECK(NULL, fx_take_code(s.f), 0x87);
    }
    /* Without one it may be written to, as it is. */
    sc_poke(&s, s.ctx + 8, 1);
    sm_flush(s.f);
    reply = sm_request(s.f, FX_SID, SM_NO_PASID, NYX_REQ_TRANSLATION, FX_RW,
                       0xfee01000);
    FX_CHECK(NULL, reply.ok, true);
    FX_CHECK(NULL, reply.access, FX_W);
    FX_CHECK(NULL, reply.ats, NYX_ATS_UNTRANSLATED);
    FX_CHECK(NULL, reply.addr_mask, 0xfff);
    FX_CHECK(NULL, fx_take_code(s.f), 0);
    sc_free(&s);
}

/* Protected memory is closed for pass-through with a PASID as well. */
static void test_protected(void)
{
    SmScene s;

    sc_init(&s, NULL);
    fx_write32(s.f, 0x68, 0x40000000);
    fx_write32(s.f, 0x6c, 0x4fffffff);
    fx_write32(s.f, 0x64, 0x80000000);
    FX_CHECK(NULL, sm_dma(s.f, SM_PASS, FX_R, SC_IOVA), FX_REFUSED);
    FX_CHECK(NULL, fx_take_code(s.f), 0);
    FX_CHECK(NULL, sm_dma(s.f, SM_PASS, FX_R, 0x50000000), 0x50000000);
    FX_CHECK(NULL, sm_dma(s.f, SM_FIRST, FX_R, SC_IOVA), 0x9abc);
    sc_free(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/scalable/" name, fn)
    ADD("layout", test_layout);
    ADD("types", test_types);
    ADD("nested/sizes", test_nested_sizes);
    ADD("nested/rights", test_nested_rights);
    ADD("pass-through", test_pass_through);
    ADD("functions", test_functions);
    ADD("pasids", test_pasids);
    ADD("translation-off", test_translation_off);
    ADD("marks/requests", test_marks);
    ADD("marks/translation", test_marks_by_translation);
    ADD("marks/preset", test_marks_preset);
    ADD("marks/probe", test_marks_by_probe);
    ADD("rights", test_rights);
    ADD("privilege-cached", test_privilege_cached);
    ADD("rid-priv", test_rid_priv);
    ADD("flags-without-pasid", test_flags_without_pasid);
    ADD("exec-granted", test_exec_granted);
    ADD("snoop-bit", test_snoop_bit);
    ADD("interrupt-range", test_interrupt_range);
    ADD("protected", test_protected);
    return g_test_run();
}
