/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Invalidation in scalable mode: what PASID-based commands and the others drop
 * and what they leave; who is told.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define LEVELS 4

#define FSTS 0x34

/* --- A world with neighbours ---------------------------------------------- */

enum { A, B, C, REQUESTERS };

static const uint16_t sids[REQUESTERS] = { 0x0010, 0x0218, 0x0014 };
static const uint32_t rid_pasids[REQUESTERS] = { 5, 10, 7 };

/* Tables: of first stages, of second stages. */
enum { F1, F2, F3, FN, S1, S3, S4, ROOTS };

/* Entries of PASID tables; translation types by number (6.4). */
static const struct {
    unsigned who;
    uint32_t pasid;
    unsigned pgtt;
    uint16_t did;
    unsigned first, second;
} entries[] = {
    { A, 5, 2, 1, 0, S1 },
    { A, 7, 1, 1, F1, 0 },
    { C, 0x12345, 1, 1, F2, 0 },
    { A, 8, 1, 2, F3, 0 },
    { A, 0x19, 3, 3, FN, S3 },
    { A, 10, 2, 3, 0, S3 },
    { B, 7, 1, 1, F1, 0 },
    { B, 10, 2, 4, 0, S4 },
    { C, 7, 1, 2, F3, 0 },
};

/* Where requests come from; C's without a PASID are privileged. */
enum {
    A_RID, A_7, A_7_PRIV, A_8, A_NEST, A_10, B_7, B_RID, C_RID,
    C_BIG, SPACES,
};

static const struct {
    unsigned who;
    uint32_t pasid;          /* 0: none */
    unsigned access;
    unsigned root;           /* whose leaves decide */
    bool second;             /* addresses are those of the second stage */
} spaces[SPACES] = {
    [A_RID] = { A, 0, FX_R, S1, true },
    [A_7] = { A, 7, FX_R, F1 },
    [A_7_PRIV] = { A, 7, FX_R | NYX_ACCESS_PRIV, F1 },
    [C_BIG] = { C, 0x12345, FX_R, F2 },
    [A_8] = { A, 8, FX_R, F3 },
    [A_NEST] = { A, 0x19, FX_R, S3 },
    [A_10] = { A, 10, FX_R, S3, true },
    [B_7] = { B, 7, FX_R, F1 },
    [B_RID] = { B, 0, FX_R, S4, true },
    [C_RID] = { C, 0, FX_R, F3 },
};

/* Pages of each: nested ones go from the first column to the second. */
static const struct {
    uint64_t first, second;
    unsigned lg2;
} pages[] = {
    { 0x10000, 0x100110000, 12 },
    { 0x11000, 0x100111000, 12 },
    { 0x800000, 0x100c00000, 21 },
    { 0x40000000, 0x180000000, 30 },
    { 0xffff800000220000ULL, 0x1c0220000, 12 },
};

#define PAGES ARRAY_SIZE(pages)

/* Bits of masks: a page of a space, all pages of one. */
#define PG(space, page) (1ULL << ((space) * PAGES + (page)))
#define SP(space) (0x1fULL << ((space) * PAGES))
#define ALL ((1ULL << SPACES * PAGES) - 1)

/* The same page or pages of all that has domain 1 and PASID 7. */
#define D1P7(page) (PG(A_7, page) | PG(A_7_PRIV, page) | PG(B_7, page))
#define D1P7_LOW (D1P7(0) | D1P7(1) | D1P7(2) | D1P7(3))
#define D1P7_ALL (D1P7_LOW | D1P7(4))
#define D2P7(page) PG(C_RID, page)
#define D2P7_ALL SP(C_RID)
#define DOMAIN1 (SP(A_RID) | D1P7_ALL | SP(C_BIG))
#define DOMAIN2 (SP(A_8) | D2P7_ALL)
#define DOMAIN3 (SP(A_NEST) | SP(A_10))

#define OLD_BASE 0x10000000000ULL
#define NEW_BASE 0x18000000000ULL

typedef struct World {
    Fx *f;
    NyxVtdRequester *r[REQUESTERS];
    uint64_t root[ROOTS];
    uint64_t dir[REQUESTERS];
} World;

static uint64_t output(uint64_t base, unsigned root, unsigned page)
{
    return base + ((uint64_t)root << 33) + ((uint64_t)page << 30);
}

/* Address of a first-stage entry; tables on the way are present, RW, user. */
static uint64_t fs_entry(Fx *f, uint64_t root, uint64_t iova, unsigned level)
{
    uint64_t table = root;

    for (unsigned i = 4; ; i--) {
        uint64_t at = table + (iova >> (3 + 9 * i) & 0x1ff) * 8;

        if (i == level) {
            return at;
        }
        table = fx_mem_peek(&f->mem, at) & ~0xfffULL;
        if (!table) {
            table = fx_mem_pages(&f->mem, 1);
            fx_mem_poke(&f->mem, at, table | 7);
        }
    }
}

/* Accessed and dirty are set already: nobody stores to the entry. */
static void fs_map(Fx *f, uint64_t root, uint64_t iova, uint64_t addr,
                   unsigned lg2)
{
    unsigned level = (lg2 - 12) / 9 + 1;

    fx_mem_poke(&f->mem, fs_entry(f, root, iova, level),
                addr | 0x67 | (level > 1 ? 0x80 : 0));
}

static uint64_t table_page(Fx *f, uint64_t at)
{
    uint64_t page = fx_mem_peek(&f->mem, at) & ~0xfffULL;

    if (!page) {
        page = fx_mem_pages(&f->mem, 1);
        fx_mem_poke(&f->mem, at, page | 1);
    }
    return page;
}

/* Context entry: P, DTE, PASIDE, PDTS = 7; 83:64 RID_PASID, 84 RID_PRIV. */
static void function_set(World *w, unsigned who)
{
    Fx *f = w->f;
    uint16_t sid = sids[who];
    uint64_t at = table_page(f, f->root + (sid >> 8) * 16) +
                  (sid & 0x7f) * 32;

    w->dir[who] = fx_mem_pages(&f->mem, 32);
    fx_mem_poke(&f->mem, at, w->dir[who] | 7 << 9 | 1 << 3 | 1 << 2 | 1);
    fx_mem_poke(&f->mem, at + 8, rid_pasids[who] | (who == C ? 1 << 20 : 0));
}

static void pasid_set(World *w, unsigned who, uint32_t pasid, uint64_t w0,
                      uint64_t w1, uint64_t w2)
{
    Fx *f = w->f;
    uint64_t at = table_page(f, w->dir[who] + (pasid >> 6) * 8) +
                  (pasid & 63) * 64;

    fx_mem_poke(&f->mem, at, w0);
    fx_mem_poke(&f->mem, at + 8, w1);
    fx_mem_poke(&f->mem, at + 16, w2);
}

static void entry_set(World *w, unsigned i)
{
    unsigned pgtt = entries[i].pgtt;
    uint64_t w0 = 1 | pgtt << 6, w2 = 0;

    if (pgtt != 1) {
        w0 |= w->root[entries[i].second] | 2 << 2;
    }
    if (pgtt != 2) {
        w2 = w->root[entries[i].first] | 1;
    }
    pasid_set(w, entries[i].who, entries[i].pasid, w0, entries[i].did, w2);
}

/* Let all leaves lead to @base. */
static void world_map(World *w, uint64_t base)
{
    for (unsigned root = 0; root < ROOTS; root++) {
        for (unsigned i = 0; i < PAGES; i++) {
            uint64_t to = output(base, root, i);

            if (root == FN) {
                fs_map(w->f, w->root[FN], pages[i].first, pages[i].second,
                       pages[i].lg2);
            } else if (root < FN) {
                fs_map(w->f, w->root[root], pages[i].first, to, pages[i].lg2);
            } else {
                fx_map(w->f, w->root[root], LEVELS, pages[i].second, to,
                       pages[i].lg2, FX_RW);
            }
        }
    }
}

static NyxVtdCfg scalable_cfg(void)
{
    NyxVtdCfg cfg = fx_cfg();

    cfg.scalable_mode = true;
    cfg.first_stage = true;
    cfg.second_stage = true;
    cfg.nested = true;
    cfg.first_1g = true;
    cfg.supervisor = true;
    cfg.rid_pasid = true;
    cfg.rid_priv = true;
    cfg.pasid_bits = 20;
    cfg.iotlb_entries = 4096;
    return cfg;
}

/* A unit in scalable mode with a queue, translation still off. */
static Fx *new_unit(const NyxVtdCfg *cfg, unsigned qs)
{
    Fx *f = fx_new(cfg);

    fx_queue_start_wide(f, qs);
    fx_root_latch(f, 1);
    return f;
}

static void world_init_off(World *w, NyxCacheTemper cache,
                           bool caching_mode)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f;

    cfg.cache = cache;
    cfg.caching_mode = caching_mode;
    f = w->f = new_unit(&cfg, 0);
    for (unsigned i = 0; i < ROOTS; i++) {
        w->root[i] = fx_mem_pages(&f->mem, 1);
    }
    /* First-stage tables of nested translations are where they are. */
    fx_map(f, w->root[S3], LEVELS, 0, 0, 30, FX_RW);
    world_map(w, OLD_BASE);
    for (unsigned i = 0; i < REQUESTERS; i++) {
        function_set(w, i);
        w->r[i] = nyx_vtd_requester_new(f->vtd, NULL);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
        entry_set(w, i);
    }
}

static void world_init(World *w, NyxCacheTemper cache)
{
    world_init_off(w, cache, false);
    fx_gcmd(w->f, 31, true);
}

static uint64_t world_dma(World *w, unsigned space, uint64_t iova)
{
    const NyxRequest req = {
        .access = spaces[space].access,
        .iova = iova,
        .pasid = spaces[space].pasid,
        .has_pasid = spaces[space].pasid,
    };
    unsigned who = spaces[space].who;
    NyxReply reply;

    return nyx_vtd_translate(w->r[who], sids[who], &req, &reply)
           ? reply.addr : FX_REFUSED;
}

static uint64_t page_iova(unsigned space, unsigned page)
{
    return spaces[space].second ? pages[page].second : pages[page].first;
}

/* Ask each page of each space once: which lead to @base. */
static uint64_t world_at(World *w, uint64_t base)
{
    uint64_t mask = 0;

    for (unsigned s = 0; s < SPACES; s++) {
        for (unsigned i = 0; i < PAGES; i++) {
            if (world_dma(w, s, page_iova(s, i)) ==
                output(base, spaces[s].root, i)) {
                mask |= PG(s, i);
            }
        }
    }
    return mask;
}

/* --- IOTLB ---------------------------------------------------------------- */

typedef struct Command {
    const char *name;
    uint64_t lo, hi;
    uint64_t drops;
} Command;

#define PASID_ALL(did, pasid) \
    (0x26 | (uint64_t)(did) << 16 | (uint64_t)(pasid) << 32)
#define PASID_PAGE(did, pasid) \
    (0x36 | (uint64_t)(did) << 16 | (uint64_t)(pasid) << 32)
#define IH 0x40
#define HIGH 0xffff800000220000ULL

static const Command iotlb_commands[] = {
    { "PASID 7 of 1", PASID_ALL(1, 7), 0, D1P7_ALL },
    { "PASID 7 of 2", PASID_ALL(2, 7), 0, D2P7_ALL },
    { "PASID 0x12345 of 1", PASID_ALL(1, 0x12345), 0, SP(C_BIG) },
    { "PASID 0x2344 of 1", PASID_ALL(1, 0x2344), 0, 0 },
    { "PASID 8 of 2", PASID_ALL(2, 8), 0, SP(A_8) },
    { "PASID 8 of 1", PASID_ALL(1, 8), 0, 0 },
    { "PASID 7 of 3", PASID_ALL(3, 7), 0, 0 },
    { "nested", PASID_ALL(3, 0x19), 0, SP(A_NEST) },
    { "PASID of a second stage", PASID_ALL(1, 5), 0, 0 },
    { "AM, IH and address ignored", PASID_ALL(1, 7), HIGH | IH | 63,
      D1P7_ALL },

    { "page", PASID_PAGE(1, 7), 0x10000, D1P7(0) },
    { "page, leaf only", PASID_PAGE(1, 7), 0x10000 | IH, D1P7(0) },
    { "page of 2", PASID_PAGE(2, 7), 0x11000, D2P7(1) },
    { "page of no one", PASID_PAGE(1, 7), 0x12000, 0 },
    { "page of another PASID", PASID_PAGE(1, 8), 0x10000, 0 },
    { "page of another domain", PASID_PAGE(3, 7), 0x10000, 0 },
    { "page of PASID 0x12345", PASID_PAGE(1, 0x12345), 0x10000, PG(C_BIG, 0) },
    { "page of PASID 0x2345", PASID_PAGE(1, 0x2345), 0x10000, 0 },
    { "two pages", PASID_PAGE(1, 7), 0x10001, D1P7(0) | D1P7(1) },
    { "two pages, not aligned", PASID_PAGE(1, 7), 0x11001,
      D1P7(0) | D1P7(1) },
    { "page in 2M", PASID_PAGE(1, 7), 0x9ff000, D1P7(2) },
    { "page in 1G", PASID_PAGE(1, 7), 0x7ffff000 | IH, D1P7(3) },
    { "page in the upper half", PASID_PAGE(1, 7), HIGH, D1P7(4) },
    { "AM 19", PASID_PAGE(1, 7), 19, D1P7_LOW },
    { "AM 35", PASID_PAGE(1, 7), 35, D1P7_LOW },
    { "AM 51", PASID_PAGE(1, 7), 51, D1P7_LOW },
    { "AM 51, upper half", PASID_PAGE(1, 7), HIGH | 51, D1P7(4) },
    { "AM 52", PASID_PAGE(1, 7), 52, D1P7_ALL },
    { "AM 52, upper half", PASID_PAGE(1, 7), HIGH | 52, D1P7_ALL },
    { "AM 53", PASID_PAGE(1, 7), 53, D1P7_ALL },
    { "AM 63", PASID_PAGE(1, 7), 63, D1P7_ALL },
    { "AM 63, upper half", PASID_PAGE(2, 7), HIGH | IH | 63, D2P7_ALL },
    { "page of nested", PASID_PAGE(3, 0x19), 0x10000, PG(A_NEST, 0) },
    { "nested, not by the guest's address", PASID_PAGE(3, 0x19),
      0x100110000, 0 },

    { "global", 0x12, 0, ALL },
    { "domain 1", 0x10022, 0, DOMAIN1 },
    { "domain 2", 0x20022, 0, DOMAIN2 },
    { "domain 3", 0x30022, 0, DOMAIN3 },
    { "page of domain 1", 0x10032, 0x100110000, PG(A_RID, 0) },
    { "page of domain 1, of the first stage", 0x10032, 0x10000, 0 },
    { "page of domain 2", 0x20032, 0x10000, 0 },
    /* What nests has no guest address as its tag. */
    { "page of domain 3", 0x30032, 0x100110000, DOMAIN3 },
    { "page of domain 3, leaf only", 0x30032, 0x100110000 | IH, DOMAIN3 },
    { "page of domain 4", 0x40032, 0x100c00000, PG(B_RID, 2) },

    { "context global", 0x11, 0, 0 },
    { "context domain", 0x10021, 0, 0 },
    { "context device", 0x1000000031ULL, 0, 0 },
    { "PASID cache global", 0x37, 0, 0 },
    { "PASID cache domain", 0x10007, 0, 0 },
    { "PASID cache PASID", 0x700010017ULL, 0, 0 },
    { "device-TLB", 0x1000000003ULL, 0x7ffffffffffff001ULL, 0 },
    { "PASID device-TLB", 0x00100008, 0x7ffffffffffff801ULL, 0 },
};

static void iotlb_row(const Command *row, NyxCacheTemper cache)
{
    World w;

    world_init(&w, cache);
    FX_CHECK(row->name, world_at(&w, OLD_BASE), ALL);
    world_map(&w, NEW_BASE);
    FX_CHECK(row->name, world_at(&w, OLD_BASE), ALL);
    fx_submit(w.f, row->lo, row->hi);
    FX_CHECK(row->name, fx_read32(w.f, FSTS), 0);
    FX_CHECK(row->name, world_at(&w, OLD_BASE), ALL & ~row->drops);
    FX_CHECK(row->name, world_at(&w, NEW_BASE), row->drops);
    fx_free(w.f);
}

static void test_iotlb(gconstpointer cache)
{
    for (unsigned i = 0; i < ARRAY_SIZE(iotlb_commands); i++) {
        iotlb_row(&iotlb_commands[i], GPOINTER_TO_UINT(cache));
    }
}

/* --- Paging-structure caches ---------------------------------------------- */

/* Drops: 1, the table of A's PASID 7; 2, that of PASID 8, which C shares. */
static const Command paging_commands[] = {
    { "page", PASID_PAGE(1, 7), 0x10000, 1 },
    { "page, leaf only", PASID_PAGE(1, 7), 0x10000 | IH, 0 },
    { "page elsewhere", PASID_PAGE(1, 7), HIGH, 0 },
    { "PASID", PASID_ALL(1, 7), 0, 1 },
    { "PASID, IH ignored", PASID_ALL(1, 7), IH, 1 },
    { "PASID of another domain", PASID_ALL(2, 7), 0, 0 },
    { "other PASID", PASID_ALL(2, 8), 0, 2 },
    { "page of other PASID", PASID_PAGE(2, 8), 0x10000, 2 },
    { "domain page", 0x10032, 0x10000, 0 },
    { "domain 1", 0x10022, 0, 1 },
    { "global", 0x12, 0, 3 },
};

/* Replace the table of @level with a copy where 0x1f000 is mapped. */
static void swap_table(World *w, unsigned root, unsigned level)
{
    Fx *f = w->f;
    uint64_t other = fx_mem_pages(&f->mem, 1);

    fs_map(f, other, 0x1f000, 0x77000, 12);
    fx_mem_poke(&f->mem, fs_entry(f, w->root[root], 0x1f000, level),
                fx_mem_peek(&f->mem, fs_entry(f, other, 0x1f000, level)));
}

static void paging_row(const Command *row, unsigned level)
{
    g_autofree char *name = g_strdup_printf("%s, level %u", row->name, level);
    World w;

    world_init(&w, NYX_CACHE_HARDWARE);
    /* 0x1f000 itself is never in the IOTLB before. */
    fs_map(w.f, w.root[F1], 0x1f000, 0x66000, 12);
    fs_map(w.f, w.root[F3], 0x1f000, 0x66000, 12);
    FX_CHECK(name, world_dma(&w, A_7, 0x10000), output(OLD_BASE, F1, 0));
    FX_CHECK(name, world_dma(&w, A_8, 0x10000), output(OLD_BASE, F3, 0));
    swap_table(&w, F1, level);
    swap_table(&w, F3, level);
    fx_submit(w.f, row->lo, row->hi);
    FX_CHECK(name, world_dma(&w, A_7, 0x1f000),
             row->drops & 1 ? 0x77000 : 0x66000);
    FX_CHECK(name, world_dma(&w, A_8, 0x1f000),
             row->drops & 2 ? 0x77000 : 0x66000);
    fx_free(w.f);
}

static void test_paging(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(paging_commands); i++) {
        for (unsigned level = 2; level <= 4; level++) {
            paging_row(&paging_commands[i], level);
        }
    }
}

/* --- PASID and context caches --------------------------------------------- */

/* Drops: bit n is space n. */
#define S(space) (1u << (space))
#define OF_A (S(A_RID) | S(A_7) | S(A_7_PRIV) | S(A_8) | S(A_NEST) | S(A_10))
#define OF_B (S(B_7) | S(B_RID))
#define OF_C (C_OF_2 | S(C_BIG))
#define C_OF_2 S(C_RID)
#define EVERYONE (OF_A | OF_B | OF_C)
#define OF_1 (S(A_RID) | S(A_7) | S(A_7_PRIV) | S(C_BIG) | S(B_7))

static const Command pasid_commands[] = {
    { "global", 0x37, 0, EVERYONE },
    { "global, the rest ignored", 0x9990037, 0, EVERYONE },
    { "domain 1", 0x10007, 0, OF_1 },
    { "domain 1, PASID ignored", 0x1900010007ULL, 0, OF_1 },
    { "domain 2", 0x20007, 0, S(A_8) | C_OF_2 },
    { "domain 3", 0x30007, 0, S(A_NEST) | S(A_10) },
    { "domain 4", 0x40007, 0, S(B_RID) },
    { "domain 0", 0x7, 0, 0 },
    /* The domain it was loaded with, not the one it has now. */
    { "new domain", 0x90007, 0, 0 },
    { "PASID 7 of 1", 0x700010017ULL, 0, S(A_7) | S(A_7_PRIV) | S(B_7) },
    { "PASID 7 of 2", 0x700020017ULL, 0, C_OF_2 },
    { "PASID 7 of 9", 0x700090017ULL, 0, 0 },
    { "PASID 8 of 1", 0x800010017ULL, 0, 0 },
    { "PASID 8 of 2", 0x800020017ULL, 0, S(A_8) },
    { "PASID 0x12345 of 1", 0x1234500010017ULL, 0, S(C_BIG) },
    { "PASID 0x2345 of 1", 0x234500010017ULL, 0, 0 },
    { "RID_PASID of A", 0x500010017ULL, 0, S(A_RID) },
    { "RID_PASID of B", 0xa00040017ULL, 0, S(B_RID) },
    { "context global", 0x11, 0, EVERYONE },
    { "context domain", 0x10021, 0, EVERYONE },
    { "context device A", 0x1000000031ULL, 0, OF_A },
    { "context device A, other domain", 0x1000090031ULL, 0, OF_A },
    { "context device B", 0x21800000031ULL, 0, OF_B },
    { "context device A and C", 0x1001000000031ULL, 0, OF_A | OF_C },
    { "context device of no one", 0x1100000031ULL, 0, 0 },
    { "iotlb global", 0x12, 0, 0 },
    { "iotlb domain", 0x10022, 0, 0 },
    { "PASID iotlb", PASID_ALL(1, 7), 0, 0 },
    { "PASID iotlb, page", PASID_PAGE(1, 7), 0x10000, 0 },
};

/* All entries are of domain 9 now, with tables of its own. */
static void world_replace(World *w)
{
    uint64_t root = fx_mem_pages(&w->f->mem, 1);

    fs_map(w->f, root, pages[0].first, 0x99000, 12);
    fs_map(w->f, root, pages[0].second, 0x99000, 12);
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
        pasid_set(w, entries[i].who, entries[i].pasid, 1 | 1 << 6, 9,
                  root | 1);
    }
}

static void pasid_row(const Command *row)
{
    uint64_t dropped = 0;
    World w;

    world_init(&w, NYX_CACHE_HARDWARE);
    FX_CHECK(row->name, world_at(&w, OLD_BASE), ALL);
    world_replace(&w);
    FX_CHECK(row->name, world_at(&w, OLD_BASE), ALL);
    fx_submit(w.f, row->lo, row->hi);
    FX_CHECK(row->name, fx_read32(w.f, FSTS), 0);
    for (unsigned s = 0; s < SPACES; s++) {
        uint64_t addr = world_dma(&w, s, page_iova(s, 0));

        dropped |= addr == 0x99000 ? S(s) : 0;
        FX_CHECK(row->name, addr == 0x99000 ||
                            addr == output(OLD_BASE, spaces[s].root, 0), true);
    }
    FX_CHECK(row->name, dropped, row->drops);
    fx_free(w.f);
}

static void test_pasid(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(pasid_commands); i++) {
        pasid_row(&pasid_commands[i]);
    }
}

/* --- A walk under way ----------------------------------------------------- */

typedef struct RaceRow {
    Command command;
    unsigned space;
} RaceRow;

/* The command comes when the leaf has just been read. */
static const RaceRow race_rows[] = {
    { { "PASID", PASID_ALL(1, 7), 0, 0 }, A_7 },
    { { "PASID, privileged", PASID_ALL(1, 7), 0, 0 }, A_7_PRIV },
    { { "page", PASID_PAGE(1, 7), 0x10000, 0 }, A_7 },
    { { "page, privileged", PASID_PAGE(1, 7), 0x10000 | IH, 0 }, A_7_PRIV },
    { { "domain", 0x10022, 0, 0 }, A_7 },
    { { "domain, second stage", 0x10022, 0, 0 }, A_RID },
    { { "page, second stage", 0x10032, 0x100110000, 0 }, A_RID },
    /* The first nested one of the domain: it has to be known by then. */
    { { "domain page, nested", 0x30032, 0x100110000, 0 }, A_NEST },
    { { "PASID, nested", PASID_ALL(3, 0x19), 0, 0 }, A_NEST },
};

typedef struct Race {
    World *w;
    const Command *command;
    uint64_t at;             /* where the read is */
    unsigned runs;
} Race;

static void race_on_read(void *opaque, uint64_t gpa)
{
    Race *race = opaque;

    if (gpa != race->at || race->runs++) {
        return;
    }
    world_map(race->w, NEW_BASE);
    fx_submit(race->w->f, race->command->lo, race->command->hi);
}

static void test_race(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(race_rows); i++) {
        const RaceRow *row = &race_rows[i];
        const char *name = row->command.name;
        unsigned space = row->space, root = spaces[space].root;
        Race race = { .command = &row->command };
        World w;

        world_init(&w, NYX_CACHE_HARDWARE);
        race.w = &w;
        race.at = root < S1
                  ? fs_entry(w.f, w.root[root], pages[0].first, 1)
                  : fx_entry(w.f, w.root[root], LEVELS, pages[0].second, 1);
        w.f->mem.on_read = race_on_read;
        w.f->mem.on_read_opaque = &race;
        FX_CHECK(name, world_dma(&w, space, page_iova(space, 0)),
                 output(OLD_BASE, root, 0));
        FX_CHECK(name, race.runs > 0, true);
        FX_CHECK(name, world_dma(&w, space, page_iova(space, 0)),
                 output(NEW_BASE, root, 0));
        fx_free(w.f);
    }
}

/* The same when the PASID entry has just been read. */
static const RaceRow pasid_race_rows[] = {
    { { "PASID", 0x700010017ULL, 0, 0 }, A_7 },
    { { "domain", 0x10007, 0, 0 }, A_7_PRIV },
    { { "global", 0x37, 0, 0 }, A_NEST },
    { { "RID_PASID", 0x500010017ULL, 0, 0 }, A_RID },
    { { "global, without a PASID", 0x37, 0, 0 }, C_RID },
    { { "context device", 0x1000000031ULL, 0, 0 }, A_7 },
    { { "context global", 0x11, 0, 0 }, A_RID },
};

static void pasid_race_on_read(void *opaque, uint64_t gpa)
{
    Race *race = opaque;

    if (gpa == race->at && !race->runs++) {
        world_replace(race->w);
        fx_submit(race->w->f, race->command->lo, race->command->hi);
    }
}

static void test_pasid_race(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(pasid_race_rows); i++) {
        const RaceRow *row = &pasid_race_rows[i];
        const char *name = row->command.name;
        unsigned space = row->space, who = spaces[space].who;
        uint32_t pasid = spaces[space].pasid;
        Race race = { .command = &row->command };
        World w;

        world_init(&w, NYX_CACHE_HARDWARE);
        pasid = pasid ? pasid : rid_pasids[who];
        race.w = &w;
        race.at = table_page(w.f, w.dir[who] + (pasid >> 6) * 8) +
                  (pasid & 63) * 64;
        w.f->mem.on_read = pasid_race_on_read;
        w.f->mem.on_read_opaque = &race;
        FX_CHECK(name, world_dma(&w, space, page_iova(space, 0)),
                 output(OLD_BASE, spaces[space].root, 0));
        FX_CHECK(name, race.runs > 0, true);
        FX_CHECK(name, world_dma(&w, space, page_iova(space, 0)), 0x99000);
        fx_free(w.f);
    }
}

/* --- Consumers ------------------------------------------------------------ */

typedef struct NotifyRow {
    Command command;
    unsigned who;            /* bit n: requester n is told */
    uint64_t iova;
    unsigned lg2;
} NotifyRow;

static const NotifyRow notify_rows[] = {
    { { "PASID of C's requests", PASID_ALL(2, 7), 0, 0 }, 1 << C, 0, 64 },
    { { "page of it", PASID_PAGE(2, 7), 0x11001, 0 }, 1 << C, 0x10000, 13 },
    { { "everything of it", PASID_PAGE(2, 7), 52, 0 }, 1 << C, 0, 64 },
    { { "PASID of another domain", PASID_ALL(1, 7), 0, 0 }, 0, 0, 0 },
    { { "second stage has no PASID", PASID_ALL(1, 5), 0, 0 }, 0, 0, 0 },
    { { "domain 1", 0x10022, 0, 0 }, 1 << A, 0, 64 },
    { { "page of domain 1", 0x10032, 0x10000, 0 }, 1 << A, 0x10000, 12 },
    { { "page of domain 2", 0x20032, 0x10000, 0 }, 1 << C, 0x10000, 12 },
    { { "page where nobody's requests nest", 0x30032, 0x10000, 0 }, 0, 0, 0 },
    { { "PASID cache, all", 0x37, 0, 0 }, 1 << A | 1 << B | 1 << C, 0, 64 },
    { { "PASID cache, RID_PASID of A", 0x500010017ULL, 0, 0 }, 1 << A, 0, 64 },
    { { "PASID cache, domain 4", 0x40007, 0, 0 }, 1 << B, 0, 64 },
    { { "PASID cache, 7 of 1", 0x700010017ULL, 0, 0 }, 0, 0, 0 },
};

static void notify_check(const NotifyRow *row, const World *w)
{
    unsigned who = 0;

    for (unsigned i = 0; i < w->f->unmapped->len; i++) {
        FxUnmapped *u = &g_array_index(w->f->unmapped, FxUnmapped, i);

        for (unsigned r = 0; r < REQUESTERS; r++) {
            who |= (u->r == w->r[r]) << r;
        }
        FX_CHECK(row->command.name, u->iova, row->iova);
        FX_CHECK(row->command.name, u->lg2, row->lg2);
    }
    FX_CHECK(row->command.name, who, row->who);
}

static void test_notify(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(notify_rows); i++) {
        World w;

        world_init(&w, NYX_CACHE_HARDWARE);
        for (unsigned r = 0; r < REQUESTERS; r++) {
            nyx_vtd_requester_notify(w.r[r], true);
        }
        world_at(&w, OLD_BASE);
        fx_submit(w.f, notify_rows[i].command.lo, notify_rows[i].command.hi);
        notify_check(&notify_rows[i], &w);
        fx_free(w.f);
    }
}

/* The page is not one that the consumer knows by that address. */
static void test_notify_nested(void)
{
    static const NotifyRow row = {
        { "nested", 0x30032, 0x100110000, 0 }, 1 << A, 0, 64,
    };
    World w;

    world_init_off(&w, NYX_CACHE_HARDWARE, false);
    pasid_set(&w, A, 5, w.root[S3] | 2 << 2 | 3 << 6 | 1, 3, w.root[FN] | 1);
    nyx_vtd_requester_notify(w.r[A], true);
    fx_gcmd(w.f, 31, true);
    g_assert_cmphex(world_dma(&w, A_RID, 0x10000), ==,
                    output(OLD_BASE, S3, 0));
    fx_submit(w.f, row.command.lo, row.command.hi);
    notify_check(&row, &w);
    fx_free(w.f);
}

/* --- Consumers of every mapping ------------------------------------------- */

/* Where the first page is for consumers; zero if it is not mapped. */
static uint64_t followed;

static void follow_map(Fx *f, NyxVtdRequester *r, const NyxBlock *block)
{
    if (block->iova == pages[0].second) {
        followed = block->addr;
    }
}

static void follow_unmap(Fx *f, NyxVtdRequester *r, uint64_t first,
                         uint64_t last, const NyxBlock *only)
{
    if (first <= pages[0].second && last >= pages[0].second) {
        followed = 0;
    }
}

/* A's requests without a PASID come to have B's tables. */
typedef struct FollowRow {
    Command command;         /* drops: whether consumers hear of it */
    bool context;            /* the context entry changes, not the other */
} FollowRow;

static const FollowRow follow_rows[] = {
    { { "PASID cache, PASID", 0x500010017ULL, 0, 1 }, false },
    { { "PASID cache, domain", 0x10007, 0, 1 }, false },
    { { "PASID cache, global", 0x37, 0, 1 }, false },
    { { "context device, other domain", 0x1000000031ULL, 0, 1 }, true },
    { { "context domain, other domain", 0x90021, 0, 1 }, true },
    { { "context global", 0x11, 0, 1 }, true },
    { { "context device, not A", 0x1100000031ULL, 0, 0 }, true },
    { { "iotlb", 0x12, 0, 0 }, true },
    { { "PASID iotlb", PASID_ALL(1, 5), 0, 0 }, false },
};

static void follow_row(const FollowRow *row)
{
    const char *name = row->command.name;
    World w;

    followed = 0;
    world_init_off(&w, NYX_CACHE_HARDWARE, true);
    w.f->on_map = follow_map;
    w.f->on_unmap = follow_unmap;
    nyx_vtd_requester_follow(w.r[A], true);
    fx_gcmd(w.f, 31, true);
    FX_CHECK(name, followed, output(OLD_BASE, S1, 0));
    if (row->context) {
        uint64_t at = table_page(w.f, w.f->root) + sids[A] * 32;

        pasid_set(&w, A, 6, w.root[S4] | 2 << 2 | 2 << 6 | 1, 4, 0);
        fx_mem_poke(&w.f->mem, at + 8, 6);
    } else {
        pasid_set(&w, A, 5, w.root[S4] | 2 << 2 | 2 << 6 | 1, 4, 0);
    }
    fx_submit(w.f, row->command.lo, row->command.hi);
    FX_CHECK(name, followed,
             output(OLD_BASE, row->command.drops ? S4 : S1, 0));
    fx_free(w.f);
}

static void test_follow(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(follow_rows); i++) {
        follow_row(&follow_rows[i]);
    }
}

/* --- Statistics ----------------------------------------------------------- */

static void test_statistics(void)
{
    NyxVtdCfg cfg = scalable_cfg();
    Fx *f = new_unit(&cfg, 0);
    NyxVtdEvent *event;
    NyxVtdStats stats;

    for (unsigned i = 0; i < ARRAY_SIZE(iotlb_commands); i++) {
        fx_submit(f, iotlb_commands[i].lo, iotlb_commands[i].hi);
    }
    for (unsigned i = 0; i < 4; i++) {
        fx_submit(f, 0x0001234500090017ULL, 0);
    }
    fx_submit(f, PASID_PAGE(3, 0x19), 0x5000 | 54);
    stats = nyx_vtd_stats(f->vtd);
    g_assert_cmpuint(stats.inv_pasid_iotlb[2], ==, 10);
    g_assert_cmpuint(stats.inv_pasid_iotlb[3], ==, 25);
    g_assert_cmpuint(stats.inv_pasid_cache[0], ==, 1);
    g_assert_cmpuint(stats.inv_pasid_cache[1], ==, 5);
    g_assert_cmpuint(stats.inv_pasid_cache[3], ==, 1);
    g_assert_cmpuint(stats.inv_device_tlb, ==, 1);
    g_assert_cmpuint(stats.inv_pasid_device_tlb, ==, 1);
    g_assert_cmpuint(f->events[NYX_VTD_EV_INV_PASID_IOTLB], ==, 35);
    g_assert_cmpuint(f->events[NYX_VTD_EV_INV_PASID_CACHE], ==, 7);
    g_assert_cmpuint(f->events[NYX_VTD_EV_INV_PASID_DEVTLB], ==, 1);
    event = &f->last_event[NYX_VTD_EV_INV_PASID_IOTLB];
    g_assert_cmphex(event->addr, ==, 0x5000);
    g_assert_cmpuint(event->lg2, ==, 64);
    g_assert_cmpuint(event->did, ==, 3);
    g_assert_cmphex(event->a, ==, 0x19);
    event = &f->last_event[NYX_VTD_EV_INV_PASID_CACHE];
    g_assert_cmpuint(event->gran, ==, 1);
    g_assert_cmpuint(event->did, ==, 9);
    g_assert_cmphex(event->a, ==, 0x12345);
    event = &f->last_event[NYX_VTD_EV_INV_PASID_DEVTLB];
    g_assert_cmphex(event->sid, ==, 0x10);
    g_assert_cmpuint(event->lg2, ==, 64);
    g_assert_cmpuint(event->b, ==, 1);
    fx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/pasid-inv/" name, fn)
    g_test_add_data_func("/nyx-vtd/pasid-inv/iotlb",
                         GUINT_TO_POINTER(NYX_CACHE_HARDWARE), test_iotlb);
    g_test_add_data_func("/nyx-vtd/pasid-inv/iotlb-sticky",
                         GUINT_TO_POINTER(NYX_CACHE_STICKY), test_iotlb);
    ADD("paging", test_paging);
    ADD("pasid", test_pasid);
    ADD("race", test_race);
    ADD("pasid-race", test_pasid_race);
    ADD("notify", test_notify);
    ADD("notify-nested", test_notify_nested);
    ADD("follow", test_follow);
    ADD("statistics", test_statistics);
    return g_test_run();
}
