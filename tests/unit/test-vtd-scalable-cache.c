/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is cached in scalable mode, context and PASID entries above all, and
 * for how long.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"
#include "vtd-scalable.h"

static Fx *new_unit(void)
{
    NyxVtdCfg cfg = sm_cfg();

    return fx_new(&cfg);
}

/* Each entry is used after memory has changed, until the context goes. */
static void test_cached(void)
{
    for (unsigned i = 0; i < 3 * 8; i++) {
        uint32_t pgtt = 1 + i / 6, pasid = i & 1 ? SM_NO_PASID : pgtt;
        unsigned which = i / 2 % 3;
        g_autofree char *row = g_strdup_printf("type %u, RID %u, entry %u",
                                               pgtt, i & 1, which);
        uint64_t at;
        SmScene s;

        sc_init(&s, NULL);
        fx_mem_poke(&s.f->mem, s.ctx + 8, i & 1 ? pgtt : 0);
        at = which == 0 ? s.ctx : which == 1 ? s.dir : s.space[pgtt].at;
        FX_CHECK(row, sm_dma(s.f, pasid, FX_RW, SC_IOVA), sc_good(pgtt));
        sc_clear(&s, at, 1);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_RW, SC_IOVA), sc_good(pgtt));
        fx_flush_iotlb_global(s.f);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_RW, SC_IOVA), sc_good(pgtt));
        /* Another function's context is another matter. */
        fx_submit(s.f, 0x31 | (uint64_t)0x55 << 32, 0);
        FX_CHECK(row, sm_dma(s.f, SM_NO_PASID, FX_RW, SC_IOVA) == FX_REFUSED,
                 !(i & 1));
        fx_clear_faults(s.f);
        fx_submit(s.f, 0x31 | (uint64_t)FX_SID << 32, 0);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_RW, SC_IOVA), FX_REFUSED);
        FX_CHECK(row, fx_take_code(s.f), which == 0 ? 0x41 :
                                         which == 1 ? 0x51 : 0x59);
        sc_mend(&s);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_RW, SC_IOVA), sc_good(pgtt));
        sc_free(&s);
    }
}

/* Two ids of one requester: each context command drops what it names. */
static void test_cached_by_function(void)
{
    Fx *f = new_unit();

    for (unsigned i = 0; i < 2; i++) {
        SmSpace s = sm_space(f, FX_SID + i, 3, SM_FIRST, FX_DID + i, 4, 4);

        sm_map(&s, 0x3000, 0x9000 + (i << 12), 12);
        fx_mem_poke(&f->mem, sm_context_addr(f, FX_SID + i) + 8,
                    i ? 0 : 3);
    }
    sm_start(f);
    FX_CHECK(NULL, sm_request(f, FX_SID, SM_NO_PASID, 0, FX_R, 0x3000).addr,
             0x9000);
    FX_CHECK(NULL, sm_request(f, FX_SID + 1, 3, 0, FX_R, 0x3000).addr,
             0xa000);
    fx_mem_poke(&f->mem, sm_pasid_addr(f, FX_SID + 1, 3), 0);
    fx_submit(f, 0x31 | (uint64_t)(FX_SID + 1) << 32, 0);
    FX_CHECK(NULL, sm_request(f, FX_SID + 1, 3, 0, FX_R, 0x3000).ok, false);
    FX_CHECK(NULL, fx_take_code(f), 0x59);
    fx_free(f);
}

/* Commands of the PASID cache: by domain (0), PASID (1), all (3). */
static void test_pasid_commands(void)
{
    for (unsigned i = 0; i < 3 * 5 * 2; i++) {
        static const unsigned grans[] = { 0, 1, 3 };
        unsigned gran = grans[i % 3], named = 1 + i / 3 % 5;
        unsigned did = SC_DID + (named > SM_PASS ? 1 : named);
        unsigned rid = SM_PASS + 1, same = i / 15 ? SM_SECOND : SM_FIRST;
        SmScene s;

        sc_init(&s, NULL);
        sc_alias(&s, same, rid);
        fx_mem_poke(&s.f->mem, s.ctx + 8, rid);
        sm_dma(s.f, SM_NO_PASID, FX_R, SC_IOVA);
        sc_clear(&s, sm_pasid_addr(s.f, FX_SID, rid), 1);
        for (uint32_t pasid = SM_FIRST; pasid <= SM_PASS; pasid++) {
            FX_CHECK(NULL, sm_dma(s.f, pasid, FX_R, SC_IOVA), sc_good(pasid));
            sc_clear(&s, s.space[pasid].at, 1);
        }
        nyx_vtd_requester_drop_pasid(s.f->r, gran, did, named);
        for (uint32_t pasid = 0; pasid <= SM_PASS; pasid++) {
            uint32_t means = pasid ? pasid : same;
            bool hit = gran == 3 ||
                       (SC_DID + means == did &&
                        (gran == 0 || named == (pasid ? pasid : rid)));
            g_autofree char *row = g_strdup_printf("row %u, PASID %u", i,
                                                   pasid);

            FX_CHECK(row, sm_dma(s.f, pasid ? pasid : SM_NO_PASID, FX_R,
                                 SC_IOVA), hit ? FX_REFUSED : sc_good(means));
            FX_CHECK(row, fx_take_code(s.f), hit ? 0x59 : 0);
        }
        sc_free(&s);
    }
}

/* More PASIDs than the cache holds. */
static void test_many_pasids(void)
{
    const unsigned n = 600;
    Fx *f = new_unit();

    for (unsigned i = 0; i < n; i++) {
        SmSpace s = sm_space(f, FX_SID, 1 + i, SM_SECOND, FX_DID + i, 0, 3);

        sm_map(&s, 0x3000, 0x1000000 + (i << 12), 12);
    }
    sm_start(f);
    for (unsigned i = 0; i < 3 * n; i++) {
        FX_CHECK(NULL, sm_dma(f, 1 + i % n, FX_W, 0x3000),
                 0x1000000 + (i % n << 12));
    }
    FX_CHECK(NULL, nyx_vtd_requester_stats(f->r).pasid.evictions > n, true);
    for (unsigned i = 0; i < n; i++) {
        fx_mem_poke(&f->mem, sm_pasid_addr(f, FX_SID, 1 + i), 0);
    }
    sm_flush(f);
    for (unsigned i = 0; i < n; i++) {
        FX_CHECK(NULL, sm_dma(f, 1 + i, FX_W, 0x3000),
                 FX_REFUSED);
        FX_CHECK(NULL, fx_take_code(f), 0x59);
    }
    fx_free(f);
}

/* In legacy mode no PASID is served, whatever is cached. */
static void test_mode_changed(void)
{
    SmScene s;

    sc_init(&s, NULL);
    FX_CHECK(NULL, sm_dma(s.f, SM_FIRST, FX_R, SC_IOVA), sc_good(SM_FIRST));
    /* Not flushed. */
    fx_write64(s.f, 0x20, s.f->root);
    fx_gcmd(s.f, 30, true);
    FX_CHECK(NULL, sm_dma(s.f, SM_FIRST, FX_R, SC_IOVA), FX_REFUSED);
    FX_CHECK(NULL, fx_take_fault(s.f).hi, 0xc000013180000010ULL);
    fx_root_latch(s.f, 2);
    FX_CHECK(NULL, sm_dma(s.f, SM_FIRST, FX_R, SC_IOVA), FX_REFUSED);
    FX_CHECK(NULL, fx_take_code(s.f), 0x30);
    sc_free(&s);
}

/* Caching mode: not present is kept, for PASID entries and leaves. */
static void test_caching_mode(void)
{
    for (unsigned i = 0; i < 16; i++) {
        NyxVtdCfg cfg = sm_cfg();
        uint32_t pgtt = 1 + i / 4, pasid = i & 1 ? SM_NO_PASID : pgtt;
        g_autofree char *row = g_strdup_printf("row %u", i);
        SmScene s;

        cfg.caching_mode = i & 2;
        sc_init(&s, &cfg);
        fx_mem_poke(&s.f->mem, s.ctx + 8, i & 1 ? pgtt : 0);
        sc_clear(&s, s.space[pgtt].at, 1);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_R, SC_IOVA), FX_REFUSED);
        FX_CHECK(row, fx_take_code(s.f), 0x59);
        fx_mem_poke(&s.f->mem, s.space[pgtt].at,
                    fx_mem_peek(&s.f->mem, s.space[pgtt].at) | 1);
        for (unsigned j = 0; j < 2; j++) {
            FX_CHECK(row, sm_dma(s.f, pasid, FX_R, SC_IOVA),
                     cfg.caching_mode ? FX_REFUSED : sc_good(pgtt));
            FX_CHECK(row, fx_take_code(s.f), cfg.caching_mode ? 0x59 : 0);
        }
        sm_flush(s.f);
        FX_CHECK(row, sm_dma(s.f, pasid, FX_R, SC_IOVA), sc_good(pgtt));
        sc_free(&s);
    }
}

/* A hole of the second stage is the same fault from the cache; SSADE too. */
static void test_holes(void)
{
    for (unsigned i = 0; i < 8; i++) {
        NyxVtdCfg cfg = sm_cfg();
        uint32_t pasid = i & 1 ? SM_NO_PASID : SM_SECOND;
        g_autofree char *row = g_strdup_printf("row %u", i);
        SmScene s;

        cfg.caching_mode = i & 2;
        sc_init(&s, &cfg);
        sc_poke(&s, s.ctx + 8, i & 1 ? SM_SECOND : 0);
        sc_or(&s, s.space[SM_SECOND].at, i & 4 ? 0x200 : 0);
        for (unsigned j = 0; j < 4; j++) {
            FX_CHECK(row, sm_dma(s.f, pasid, 1 + j % 2, 0x7000), FX_REFUSED);
            FX_CHECK(row, fx_take_code(s.f), 0x79);
            FX_CHECK(row, sm_request(s.f, FX_SID, pasid, NYX_REQ_TRANSLATION,
                                     FX_R, 0x7000).ok, true);
            FX_CHECK(row, fx_take_code(s.f), 0);
        }
        sc_free(&s);
    }
}

/*
 * Tables of the first stage are remembered, and with them the rights on the
 * way; the second stage still translates where they are.
 */
static void test_tables(void)
{
    static const struct {
        const char *name;
        uint64_t word;           /* of a command */
        bool drops;
    } rows[] = {
        { "nothing", 0, false },
        { "pages of the domain", 0x32 | (SC_DID + SM_NESTED) << 16, true },
        { "the domain", 0x22 | (SC_DID + SM_NESTED) << 16, true },
        { "the PASID", 0x0000000300000026 | (SC_DID + SM_NESTED) << 16, true },
        { "another PASID", 0x0000000500000026 | (SC_DID + SM_NESTED) << 16,
          false },
        { "another domain", 0x22 | (SC_DID + SM_PASS) << 16, false },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const uint64_t other = SC_IOVA ^ 0x1000;
        SmSpace *space;
        SmScene s;

        sc_init(&s, NULL);
        space = &s.space[SM_NESTED];
        sm_map(space, other & ~0xfffULL, 0xb000, 12);
        FX_CHECK(rows[i].name, sm_dma(s.f, SM_NESTED, FX_R, SC_IOVA),
                 SC_PAGE + (SC_IOVA & 0xfff));
        sc_clear(&s, sm_fs_entry(space, SC_IOVA, 2), 1);
        if (rows[i].word) {
            fx_submit(s.f, rows[i].word, 0);
        }
        FX_CHECK(rows[i].name, sm_dma(s.f, SM_NESTED, FX_R, other),
                 rows[i].drops ? FX_REFUSED : 0xb000 + (SC_IOVA & 0xfff));
        FX_CHECK(rows[i].name, fx_take_code(s.f), rows[i].drops ? 0x71 : 0);
        sc_free(&s);
    }
}

/* --- With caches and without ---------------------------------------------- */

/* Every word on the way of SC_IOVA, of all tables, before any is broken. */
static GArray *all_entries(SmScene *s)
{
    GArray *at = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    uint64_t table, word;

    for (unsigned i = 0; i < 2; i++) {
        word = s->ctx + 8 * i;
        g_array_append_val(at, word);
    }
    g_array_append_val(at, s->dir);
    for (unsigned pgtt = SM_FIRST; pgtt <= SM_PASS; pgtt++) {
        for (unsigned i = 0; i < 3; i++) {
            word = s->space[pgtt].at + 8 * i;
            g_array_append_val(at, word);
        }
    }
    for (unsigned level = 1; level <= SC_LEVELS; level++) {
        word = sm_ss_entry(&s->space[SM_SECOND], SC_IOVA, level);
        g_array_append_val(at, word);
        word = sm_ss_entry(&s->space[SM_NESTED], SC_GPA, level);
        g_array_append_val(at, word);
        word = sm_fs_entry(&s->space[SM_FIRST], SC_IOVA, level);
        g_array_append_val(at, word);
        table = sm_fs_entry(&s->space[SM_NESTED], SC_IOVA, level);
        g_array_append_val(at, table);
        word = sm_ss_entry(&s->space[SM_NESTED], SM_BIAS + table, 1);
        g_array_append_val(at, word);
    }
    return at;
}

/*
 * Not one that leads to another place in memory: what the unit marks there
 * may be one of its own tables, which then changes without a flush.
 */
static unsigned some_bit(GRand *rand)
{
    unsigned bit = g_rand_int_range(rand, 0, 64);

    return 1ULL << bit < FX_MEM_SIZE ? bit % 12 : bit;
}

static void some_request(const char *row, SmScene *s, GRand *rand)
{
    static const unsigned flags[] = {
        0, 0, SM_X, SM_PRIV, SM_X | SM_PRIV, NYX_ACCESS_ZERO_LEN,
    };
    uint32_t pasid = g_rand_int_range(rand, 0, SM_PASS + 1);
    unsigned type = g_rand_int_range(rand, 0, 3);
    unsigned access = g_rand_int_range(rand, 1, 4);
    uint64_t iova = SC_IOVA ^ (g_rand_int(rand) & 0x1000);
    NyxReply reply[2];
    uint64_t fault[2];

    access |= flags[g_rand_int_range(rand, 0, ARRAY_SIZE(flags))];
    for (unsigned i = 0; i < 2; i++) {
        reply[i] = sm_request(s[i].f, FX_SID, pasid ? pasid : SM_NO_PASID,
                              type, access, iova);
        fault[i] = fx_take_fault(s[i].f).hi;
    }
    FX_CHECK(row, reply[0].ok, reply[1].ok);
    /* What a hole that is cached hides: who may do what in its tables. */
    if (!s[0].f->cfg.caching_mode ||
        extract64(fault[0], 32, 8) != 0x79) {
        FX_CHECK(row, fault[0], fault[1]);
    }
    if (reply[0].ok && reply[0].access) {
        FX_CHECK(row, reply[0].addr, reply[1].addr);
    }
    /* A cached translation may show fewer rights to one who has enough. */
    if (reply[0].ok && type == NYX_REQ_TRANSLATION) {
        FX_CHECK(row, reply[0].access, reply[1].access);
    }
}

/* Two units; whatever changes is flushed, so their caches do not show. */
static void random_changes(NyxCacheTemper temper, bool caching_mode,
                           unsigned seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    NyxVtdCfg cfg = sm_cfg();
    g_autoptr(GArray) entries = NULL;
    SmScene s[2];

    cfg.caching_mode = caching_mode;
    cfg.cache = temper;
    sc_init(&s[0], &cfg);
    entries = all_entries(&s[0]);
    cfg.cache = NYX_CACHE_OFF;
    sc_init(&s[1], &cfg);
    for (unsigned n = 0; n < 400; n++) {
        g_autofree char *row = g_strdup_printf("temper %u, seed %u, step %u",
                                               temper, seed, n);
        uint64_t at = g_array_index(entries, uint64_t,
                                    g_rand_int_range(rand, 0, entries->len));
        unsigned bit = some_bit(rand);

        for (unsigned i = 0; i < 2; i++) {
            uint64_t rid = 1 + n % 4;

            sc_poke(&s[i], s[i].ctx + 8, rid);
            sc_poke(&s[i], at, fx_mem_peek(&s[i].f->mem, at) ^
                               1ULL << bit);
            sm_flush(s[i].f);
        }
        for (unsigned i = 0; i < 30; i++) {
            some_request(row, s, rand);
        }
        FX_CHECK(row, memcmp(s[0].f->mem.bytes, s[1].f->mem.bytes,
                             s[0].f->mem.next_page), 0);
        if (n % 3 == 2) {
            sc_mend(&s[0]);
            sc_mend(&s[1]);
        }
    }
    sc_free(&s[0]);
    sc_free(&s[1]);
}

static void test_random(void)
{
    for (unsigned seed = 0; seed < 12; seed++) {
        random_changes(seed & 1 ? NYX_CACHE_STICKY : NYX_CACHE_HARDWARE,
                       seed & 2, seed);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/scalable-cache/" name, fn)
    ADD("entries", test_cached);
    ADD("functions", test_cached_by_function);
    ADD("commands", test_pasid_commands);
    ADD("many", test_many_pasids);
    ADD("mode", test_mode_changed);
    ADD("not-present", test_caching_mode);
    ADD("holes", test_holes);
    ADD("tables", test_tables);
    ADD("random", test_random);
    return g_test_run();
}
