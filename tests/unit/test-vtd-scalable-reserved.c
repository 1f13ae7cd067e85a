/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structures of scalable mode: every reserved bit alone, and what a unit
 * does not offer.
 */
#include "qemu/osdep.h"
#include "vtd-scalable.h"

/* --- Reserved bits, each alone -------------------------------------------- */

typedef struct Bits {
    const char *name;
    uint64_t gpa;
    uint64_t reserved;
    uint64_t other;          /* changes something else: not looked at */
    unsigned code;
    uint32_t pasid;
} Bits;

static void each_bit(SmScene *s, const Bits *bits)
{
    uint64_t word = fx_mem_peek(&s->f->mem, bits->gpa);

    for (unsigned bit = 0; bit < 64; bit++) {
        g_autofree char *row = g_strdup_printf("%s, PASID %u, bit %u",
                                               bits->name, bits->pasid, bit);
        bool reserved = bits->reserved >> bit & 1;
        uint64_t addr;
        unsigned code;

        if ((word | bits->other) >> bit & 1) {
            continue;
        }
        sc_poke(s, bits->gpa, word | 1ULL << bit);
        addr = sm_dma(s->f, bits->pasid, FX_R, SC_IOVA);
        code = fx_take_code(s->f);
        FX_CHECK(row, addr, reserved ? FX_REFUSED : sc_good(bits->pasid));
        FX_CHECK(row, code, reserved ? bits->code : 0);
        sc_mend(s);
    }
}

#define HIGH 0xffffc00000000000ULL      /* beyond 46 bits */
#define ADDRESS 0x00003ffffffff000ULL

static void test_reserved_structures(void)
{
    SmScene s;

    sc_init(&s, NULL);
    for (uint32_t pasid = SM_FIRST; pasid <= SM_PASS; pasid++) {
        const Bits all[] = {
            { "root lower", s.f->root, HIGH | 0xffe, ADDRESS, 0x3a, pasid },
            { "root upper", s.f->root + 8, 0, 0, 0x3a, pasid },
            { "context 0", s.ctx, HIGH | 0x1e0, ADDRESS, 0x42, pasid },
            /* The bit that makes RID_PASID this PASID has its own reason. */
            { "context 1", s.ctx + 8, 0xffffffffffe00000ULL, pasid, 0x42,
              pasid },
            { "context 2", s.ctx + 16, UINT64_MAX, 0, 0x42, pasid },
            { "context 3", s.ctx + 24, UINT64_MAX, 0, 0x42, pasid },
            { "directory", s.dir, HIGH | 0xffc, ADDRESS, 0x52, pasid },
        };

        for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
            each_bit(&s, &all[i]);
        }
    }
    sc_free(&s);
}

/* The other half of the bus looks at the other half of the root entry. */
static void test_reserved_upper_root(void)
{
    SmScene s;
    SmSpace space;

    sc_init(&s, NULL);
    space = sm_space(s.f, 0x90, 5, SM_SECOND, SC_DID, SC_LEVELS, SC_LEVELS);
    sm_map(&space, 0x3000, 0x5000, 12);
    for (unsigned i = 0; i < 128; i++) {
        uint64_t at = s.f->root + i / 64 * 8, bit = 1ULL << i % 64;
        bool bad = i / 64 && (bit & (HIGH | 0xffe));
        g_autofree char *row = g_strdup_printf("root bit %u", i);

        if (i / 64 && (bit & (ADDRESS | 1))) {
            continue;
        }
        sc_or(&s, at, bit);
        FX_CHECK(row, sm_request(s.f, 0x90, 5, 0, FX_R, 0x3000).ok, !bad);
        FX_CHECK(row, fx_take_code(s.f), bad ? 0x3a : 0);
        sc_mend(&s);
    }
    sc_clear(&s, s.f->root + 8, 1);
    FX_CHECK(NULL, sm_request(s.f, 0x90, 5, 0, FX_R, 0x3000).ok, false);
    FX_CHECK(NULL, fx_take_code(s.f), 0x39);
    FX_CHECK(NULL, sm_dma(s.f, SM_SECOND, FX_R, SC_IOVA), sc_good(SM_SECOND));
    sc_free(&s);
}

/* All 512 bits; @off are bits of words 0 to 2 that the options forbid. */
static void reserved_entry(SmScene *s, uint32_t pgtt, const uint64_t off[3])
{
    uint64_t at = s->space[pgtt].at;
    bool first = pgtt == SM_FIRST || pgtt == SM_NESTED;
    bool second = pgtt == SM_SECOND || pgtt == SM_NESTED;
    uint64_t aw = pgtt == SM_FIRST ? 0 : 0x1c;
    uint64_t fsp = pgtt == SM_FIRST ? HIGH : 0;
    const Bits all[] = {
        { "entry 0", at, 0xc20 | off[0] | (second ? HIGH : 0),
          0x1c0 | aw | (second ? ADDRESS : 0), 0x5a, pgtt },
        { "entry 1", at + 8, 0x3e7f0000 | off[1], 0, 0x5a, pgtt },
        { "entry 2", at + 16, 0xf00 | off[2] | fsp,
          first ? 0xc | ((ADDRESS | HIGH) & ~fsp) : 0, 0x5a, pgtt },
        { "entry 3", at + 24, UINT64_MAX, 0, 0x5a, pgtt },
        { "entry 4", at + 32, UINT64_MAX, 0, 0x5a, pgtt },
        { "entry 5", at + 40, UINT64_MAX, 0, 0x5a, pgtt },
        { "entry 6", at + 48, UINT64_MAX, 0, 0x5a, pgtt },
        { "entry 7", at + 56, UINT64_MAX, 0, 0x5a, pgtt },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
        each_bit(s, &all[i]);
    }
}

static void test_reserved_entry(void)
{
    SmScene s;

    sc_init(&s, NULL);
    for (uint32_t pgtt = SM_FIRST; pgtt <= SM_PASS; pgtt++) {
        reserved_entry(&s, pgtt, (uint64_t[]) { 0, 0, 0 });
    }
    sc_free(&s);
}

/* SSADE, PGSNP, SRE, ERE and EAFE need something. */
static void test_reserved_by_option(void)
{
    NyxVtdCfg cfg = sm_cfg();
    SmScene s;

    cfg.second_ad = false;
    cfg.snoop_control = false;
    cfg.supervisor = false;
    cfg.execute = false;
    cfg.extended_accessed = false;
    sc_init(&s, &cfg);
    for (uint32_t pgtt = SM_FIRST; pgtt <= SM_PASS; pgtt++) {
        reserved_entry(&s, pgtt, (uint64_t[]) { 1 << 9, 1 << 24, 0x83 });
    }
    sc_free(&s);
}

/* DTE, PASIDE and PRE likewise. */
static void test_context_by_option(void)
{
    for (unsigned i = 0; i < 3; i++) {
        NyxVtdCfg cfg = sm_cfg();
        uint64_t bit = 4 << i;
        g_autofree char *row = g_strdup_printf("option %u", i);
        SmScene s;

        cfg.device_iotlb = i != 0;
        cfg.pasid_bits = i == 1 ? 0 : 20;
        cfg.page_requests = i == 2 ? false : cfg.device_iotlb;
        sc_init(&s, &cfg);
        fx_mem_poke(&s.f->mem, s.ctx + 8, SM_SECOND);
        sc_clear(&s, s.ctx, 0x1c);
        FX_CHECK(row, sm_dma(s.f, SM_NO_PASID, FX_R, SC_IOVA),
                 sc_good(SM_SECOND));
        sm_flush(s.f);
        sc_or(&s, s.ctx, bit);
        FX_CHECK(row, sm_dma(s.f, SM_NO_PASID, FX_R, SC_IOVA), FX_REFUSED);
        FX_CHECK(row, fx_take_code(s.f), 0x42);
        sc_free(&s);
    }
}

/* --- Options -------------------------------------------------------------- */

/* SCT.3: RPS and RPRIVS; without a PASID and with one. */
static void test_rid_fields(void)
{
    for (unsigned i = 0; i < 8; i++) {
        NyxVtdCfg cfg = sm_cfg();
        uint64_t word = (i & 1 ? 1 << 20 : SM_NESTED);
        bool offered = i & 2;
        uint32_t pasid = i & 4 ? SM_SECOND : SM_NO_PASID;
        g_autofree char *row = g_strdup_printf("row %u", i);
        SmScene s;

        if (i & 1) {
            cfg.rid_priv = offered;
        } else {
            cfg.rid_pasid = offered;
        }
        sc_init(&s, &cfg);
        /* PASID 0 is privileged memory's. */
        sm_space(s.f, FX_SID, 0, SM_PASS, SC_DID, SC_LEVELS, SC_LEVELS);
        sc_or(&s, sm_pasid_addr(s.f, FX_SID, 0) + 16, 1);
        sc_poke(&s, s.ctx + 8, word);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_R, SC_IOVA) != FX_REFUSED, offered);
        FX_CHECK(row, fx_take_code(s.f), offered ? 0 : 0x42);
        sc_or(&s, s.ctx, 2);
        sm_flush(s.f);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_R, SC_IOVA) != FX_REFUSED, offered);
        FX_CHECK(row, fx_take_code(s.f), 0);
        sc_free(&s);
    }
}

/* SGN.10: PSS, however large the directory is. */
static void test_pasid_width(void)
{
    for (unsigned bits = 1; bits < 20; bits++) {
        NyxVtdCfg cfg = sm_cfg();
        g_autofree char *row = g_strdup_printf("%u bits", bits);
        SmScene s;

        cfg.pasid_bits = bits;
        sc_init(&s, &cfg);
        sm_space(s.f, FX_SID, 1 << bits, SM_PASS, SC_DID, SC_LEVELS,
                 SC_LEVELS);
        sm_dma(s.f, (1 << bits) - 1, FX_R, SC_IOVA);
        FX_CHECK(row, fx_take_code(s.f) == 0x89, false);
        FX_CHECK(row, sm_dma(s.f, 1 << bits, FX_R, SC_IOVA), FX_REFUSED);
        FX_CHECK(row, fx_take_code(s.f), 0x89);
        FX_CHECK(row, sm_request(s.f, FX_SID, 1 << bits, NYX_REQ_TRANSLATION,
                                 FX_R, SC_IOVA).ok, false);
        FX_CHECK(row, fx_take_code(s.f), 0x89);
        sc_free(&s);
    }
}

/* SPT.4: what is not offered; everything else works. */
static void test_types_by_option(void)
{
    for (unsigned off = 0; off <= SM_PASS; off++) {
        NyxVtdCfg cfg = sm_cfg();
        SmScene s;

        cfg.first_stage = off != SM_FIRST;
        cfg.second_stage = off != SM_SECOND;
        cfg.nested = off != SM_NESTED;
        cfg.pass_through = off != SM_PASS;
        sc_init(&s, &cfg);
        for (uint32_t pasid = SM_FIRST; pasid <= SM_PASS; pasid++) {
            g_autofree char *row = g_strdup_printf("off %u, type %u", off,
                                                   pasid);

            FX_CHECK(row, sm_dma(s.f, pasid, FX_R, SC_IOVA),
                     pasid == off ? FX_REFUSED : sc_good(pasid));
            FX_CHECK(row, fx_take_code(s.f), pasid == off ? 0x5b : 0);
        }
        sc_free(&s);
    }
}

/* Which widths go with which unit. */
static void test_widths_by_option(void)
{
    for (unsigned i = 0; i < 3 * 8; i++) {
        NyxVtdCfg cfg = sm_cfg();
        unsigned widest = 1 + i / 8, aw = i % 8;
        SmScene s;

        cfg.aw_bits = 30 + 9 * widest;
        cfg.first_5_levels = false;
        sc_init(&s, &cfg);
        for (uint32_t pasid = SM_SECOND; pasid <= SM_PASS; pasid++) {
            g_autofree char *row = g_strdup_printf("widest %u, AW %u, type %u",
                                                   widest, aw, pasid);
            bool offered = pasid == SM_PASS ? aw == widest
                                            : aw >= 1 && aw <= widest;

            sc_clear(&s, s.space[pasid].at, 0x1c);
            sc_or(&s, s.space[pasid].at, aw << 2);
            sm_dma(s.f, pasid, FX_R, SC_IOVA);
            FX_CHECK(row, fx_take_code(s.f) == 0x5b, !offered);
        }
        sc_or(&s, s.space[SM_FIRST].at + 16, 4);
        sm_dma(s.f, SM_FIRST, FX_R, SC_IOVA);
        FX_CHECK("FSPM 1 without FS5LP", fx_take_code(s.f), 0x5b);
        sc_free(&s);
    }
}

static void test_table_mode(void)
{
    NyxVtdCfg cfg = fx_cfg();
    SmScene s;

    /* RTA.1: scalable mode without SMTS, and what no unit has. */
    for (unsigned i = 0; i < 4; i++) {
        NyxVtdCfg all = sm_cfg();
        unsigned ttm = i ? i : 1;

        if (i == 1) {
            continue;
        }
        sc_init(&s, i ? &all : &cfg);
        fx_root_latch(s.f, ttm);
        s.f->mem.reads = 0;
        FX_CHECK(NULL, sm_dma(s.f, 2, FX_R, SC_IOVA), FX_REFUSED);
        FX_CHECK(NULL, fx_take_fault(s.f).hi, 0xc000023080000010ULL);
        FX_CHECK(NULL, sm_dma(s.f, SM_NO_PASID, FX_W, SC_IOVA), FX_REFUSED);
        FX_CHECK(NULL, fx_take_fault(s.f).hi, 0x8000003000000010ULL);
        FX_CHECK(NULL, s.f->mem.reads, 0);
        sc_free(&s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/scalable-reserved/" name, fn)
    ADD("reserved/structures", test_reserved_structures);
    ADD("reserved/upper-root", test_reserved_upper_root);
    ADD("reserved/entry", test_reserved_entry);
    ADD("reserved/entry-by-option", test_reserved_by_option);
    ADD("reserved/context-by-option", test_context_by_option);
    ADD("rid-fields", test_rid_fields);
    ADD("pasid-width", test_pasid_width);
    ADD("types-by-option", test_types_by_option);
    ADD("widths-by-option", test_widths_by_option);
    ADD("table-mode", test_table_mode);
    return g_test_run();
}
