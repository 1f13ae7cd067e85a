/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * First-stage tables of VT-d: the walker against the naive one, and the rows
 * of the specification typed in.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "naive-walk.h"

/* Bits of an entry. */
#define P  (1ULL << 0)
#define RW (1ULL << 1)
#define US (1ULL << 2)
#define A  (1ULL << 5)
#define D  (1ULL << 6)
#define PS (1ULL << 7)
#define XD (1ULL << 63)

static uint64_t leaf_size(unsigned level)
{
    return 1ULL << (12 + 9 * (level - 1));
}

/* --- Canonical addresses -------------------------------------------------- */

static void test_canonical(void)
{
    g_assert_true(nyx_is_canonical(0, 48));
    g_assert_true(nyx_is_canonical(0x00007fffffffffffULL, 48));
    g_assert_false(nyx_is_canonical(0x0000800000000000ULL, 48));
    g_assert_false(nyx_is_canonical(0xffff7fffffffffffULL, 48));
    g_assert_true(nyx_is_canonical(0xffff800000000000ULL, 48));
    g_assert_true(nyx_is_canonical(UINT64_MAX, 48));
    g_assert_true(nyx_is_canonical(0x0000800000000000ULL, 57));
    g_assert_true(nyx_is_canonical(0x00ffffffffffffffULL, 57));
    g_assert_false(nyx_is_canonical(0x0100000000000000ULL, 57));
    g_assert_false(nyx_is_canonical(0xfeffffffffffffffULL, 57));
    g_assert_true(nyx_is_canonical(0xff00000000000000ULL, 57));
    g_assert_true(nyx_is_canonical(0x8000000000000000ULL, 64));
    for (unsigned n = 0; n < 64; n++) {
        FX_CHECK("one bit", nyx_is_canonical(1ULL << n, 48), n < 47);
        FX_CHECK("one bit", nyx_is_canonical(1ULL << n, 57), n < 56);
        FX_CHECK("one clear", nyx_is_canonical(~(1ULL << n), 48), n < 47);
        FX_CHECK("one clear", nyx_is_canonical(~(1ULL << n), 57), n < 56);
    }
}

/* --- Levels, sizes, permissions ------------------------------------------- */

/* Every permission of leaf and table for every kind of request. */
static void sweep_permissions(NvTables *t, unsigned level, uint64_t iova)
{
    uint64_t leaf = nv_entry(t, iova, level);
    uint64_t table = nv_entry(t, iova, level + 1);
    uint64_t entry = fx_mem_peek(t->mem, table) & ~(RW | US | XD);

    for (unsigned i = 0; i < 64; i++) {
        g_autofree char *row = g_strdup_printf(
            "%u levels, leaf at %u, rights %02x, features %u%u%u%u", t->levels,
            level, i, t->priv, t->wpe, t->nxe, t->smep);

        fx_mem_poke(t->mem, leaf, 0xc0000000 | P | (level > 1 ? PS : 0) |
                    (i & 1 ? RW : 0) | (i & 2 ? US : 0) | (i & 4 ? XD : 0));
        fx_mem_poke(t->mem, table, entry | (i & 8 ? RW : 0) |
                    (i & 16 ? US : 0) | (i & 32 ? XD : 0));
        for (unsigned need = 0; need < 8; need++) {
            nv_compare(row, t, iova + leaf_size(level) - 1, need);
        }
    }
}

static void test_permissions(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 2 * 3 * 16; i++) {
        unsigned level = 1 + i / 2 % 3;

        fx_mem_reset(&mem);
        nv_init(&t, &mem, true, 4 + i % 2, 46);
        t.priv = i / 6 & 1;
        t.wpe = i / 6 & 2;
        t.nxe = i / 6 & 4;
        t.smep = i / 6 & 8;
        sweep_permissions(&t, level, 0x40000000);
    }
    fx_mem_destroy(&mem);
}

/* Who may do what with a page, by hand. */
typedef struct GrantRow {
    const char *name;
    uint64_t leaf;           /* what the tables above grant is all */
    bool priv, wpe, smep;
    unsigned granted;
} GrantRow;

static const GrantRow grant_rows[] = {
    { "user, user page", P | RW | US, 0, 0, 0, NV_R | NV_W | NV_X },
    { "user, read-only", P | US, 0, 0, 0, NV_R | NV_X },
    { "user, read-only, WPE", P | US, 0, 1, 0, NV_R | NV_X },
    { "user, no execute", P | RW | US | XD, 0, 0, 0, NV_R | NV_W },
    { "user, SMEP", P | RW | US, 0, 0, 1, NV_R | NV_W | NV_X },
    { "user, supervisor's page", P | RW, 0, 0, 0, 0 },
    { "supervisor, own page", P | RW, 1, 0, 0, NV_R | NV_W | NV_X },
    { "supervisor, own read-only", P, 1, 0, 0, NV_R | NV_W | NV_X },
    { "supervisor, own read-only, WPE", P, 1, 1, 0, NV_R | NV_X },
    { "supervisor, own page, SMEP", P | RW, 1, 0, 1, NV_R | NV_W | NV_X },
    { "supervisor, no execute", P | RW | XD, 1, 0, 0, NV_R | NV_W },
    { "supervisor, user page", P | RW | US, 1, 0, 0, NV_R | NV_W | NV_X },
    { "supervisor, user read-only", P | US, 1, 0, 0, NV_R | NV_W | NV_X },
    { "supervisor, user read-only, WPE", P | US, 1, 1, 0, NV_R | NV_X },
    { "supervisor, user page, SMEP", P | RW | US, 1, 0, 1, NV_R | NV_W },
    { "supervisor, all of it", P | US | XD, 1, 1, 1, NV_R },
};

static void test_grants(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    nv_init(&t, &mem, true, 4, 46);
    for (unsigned i = 0; i < ARRAY_SIZE(grant_rows); i++) {
        const GrantRow *row = &grant_rows[i];

        t.priv = row->priv;
        t.wpe = row->wpe;
        t.smep = row->smep;
        nv_leaf(&t, 0x5000, 1, 0x7000, row->leaf);
        for (unsigned need = 0; need < 8; need++) {
            NyxWalk walk = nv_compare(row->name, &t, 0x5000, need);

            FX_CHECK(row->name, walk.permission & 7, row->granted);
            FX_CHECK(row->name, walk.status,
                     !(need & ~row->granted) ? NYX_WALK_OK :
                     row->granted ? NYX_WALK_DENIED : NYX_WALK_PRIVILEGE);
        }
    }
    fx_mem_destroy(&mem);
}

/* SMEP asks whose page it is: U/S of every level, not only the lowest. */
static void test_smep_levels(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    nv_init(&t, &mem, true, 4, 46);
    t.priv = t.smep = true;
    for (unsigned user = 0; user < 16; user++) {
        nv_leaf(&t, 0, 1, 0x7000, P);
        for (unsigned level = 1; level <= 4; level++) {
            uint64_t at = nv_entry(&t, 0, level);

            fx_mem_poke(&mem, at, (fx_mem_peek(&mem, at) & ~US) |
                        (user >> (level - 1) & 1 ? US : 0));
        }
        FX_CHECK("execute", nv_compare("execute", &t, 0, NV_R | NV_X).status,
                 user == 15 ? NYX_WALK_DENIED : NYX_WALK_OK);
        t.priv = false;
        FX_CHECK("user", nv_compare("user", &t, 0, NV_R).status,
                 user == 15 ? NYX_WALK_OK : NYX_WALK_PRIVILEGE);
        t.priv = true;
    }
    fx_mem_destroy(&mem);
}

static void test_sizes(void)
{
    static const unsigned haws[] = { 32, 39, 46, 52 };
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < ARRAY_SIZE(haws) * 2 * 3; i++) {
        unsigned haw = haws[i / 6], levels = 4 + i / 3 % 2, level = 1 + i % 3;
        uint64_t size = leaf_size(level), half = 1ULL << (11 + 9 * levels);
        /* The ends of both halves of the address space. */
        const uint64_t iovas[] = { 0, size, half - size, -half, -size };
        const uint64_t outs[] = { 0, size, (1ULL << haw) - size };

        for (unsigned j = 0; j < ARRAY_SIZE(iovas) * 3; j++) {
            uint64_t iova = iovas[j / 3], out = outs[j % 3];
            g_autofree char *row = g_strdup_printf(
                "%u levels, width %u, 0x%" PRIx64 " to 0x%" PRIx64, levels,
                haw, iova, out);
            NyxWalk walk;

            fx_mem_reset(&mem);
            nv_init(&t, &mem, true, levels, haw);
            nv_leaf(&t, iova, level, out, P | RW | US);
            walk = nv_compare(row, &t, iova, NV_R);
            FX_CHECK(row, walk.status, NYX_WALK_OK);
            walk = nv_compare(row, &t, iova + size - 1, NV_R | NV_W);
            FX_CHECK(row, walk.status, NYX_WALK_OK);
            FX_CHECK(row, walk.addr, out);
            FX_CHECK(row, walk.lg2, 12 + 9 * (level - 1));
            /* The neighbours are not mapped; the last one's is the first. */
            FX_CHECK(row, nv_compare(row, &t, iova - 1, NV_R).status,
                     NYX_WALK_EMPTY);
            FX_CHECK(row, nv_compare(row, &t, iova + size, NV_R).status,
                     NYX_WALK_EMPTY);
        }
    }
    fx_mem_destroy(&mem);
}

/* --- Reserved bits -------------------------------------------------------- */

typedef struct ReservedRow {
    const char *name;
    unsigned level;
    bool leaf;
    bool no_1g;
    bool no_nxe;
    uint64_t mask;           /* for an address width of 46 */
} ReservedRow;

/* 51:46; tables: 7; large leaves: low bits but 12. */
#define HIGH 0x000fc00000000000ULL

static const ReservedRow reserved_rows[] = {
    { "level 5 table", 5, false, false, false, HIGH | 0x80 },
    { "level 4 table", 4, false, false, false, HIGH | 0x80 },
    { "level 3 table, no 1G", 3, false, true, false, HIGH | 0x80 },
    /* PS makes a leaf of these: its low address bits are the reserved. */
    { "level 3 table", 3, false, false, false, HIGH | 0x80 },
    { "level 2 table", 2, false, false, false, HIGH | 0x80 },
    { "level 3 leaf", 3, true, false, false, HIGH | 0x3fffe000 },
    { "level 2 leaf", 2, true, false, false, HIGH | 0x1fe000 },
    { "level 1 leaf", 1, true, false, false, HIGH },
    { "level 4 table, no NXE", 4, false, false, true, HIGH | XD | 0x80 },
    { "level 3 leaf, no NXE", 3, true, false, true, HIGH | XD | 0x3fffe000 },
    { "level 2 leaf, no NXE", 2, true, false, true, HIGH | XD | 0x1fe000 },
    { "level 1 leaf, no NXE", 1, true, false, true, HIGH | XD },
};

static void reserved_row(FxMem *mem, const ReservedRow *row, unsigned levels)
{
    const uint64_t iova = 0x7fc0000000ULL;
    uint64_t at, entry;
    NyxWalk walk;
    NvTables t;

    fx_mem_reset(mem);
    nv_init(&t, mem, true, levels, 46);
    t.has_1g = !row->no_1g;
    t.nxe = !row->no_nxe;
    /* A table whose address makes no aligned large leaf. */
    fx_mem_pages(mem, 1);
    nv_leaf(&t, iova, row->leaf ? row->level : 1, 0x40000000, P | RW | US);
    at = nv_entry(&t, iova, row->level);
    entry = fx_mem_peek(mem, at);
    FX_CHECK(row->name, entry & 0xe000 && !row->leaf, !row->leaf);
    for (unsigned bit = 1; bit < 64; bit++) {
        bool reserved = row->mask >> bit & 1;
        g_autofree char *name = g_strdup_printf("%s of %u, bit %u",
                                                row->name, levels, bit);

        fx_mem_poke(mem, at, entry | 1ULL << bit);
        walk = nv_compare(name, &t, iova, NV_R);
        FX_CHECK(name, walk.status == NYX_WALK_RESERVED, reserved);
        if (reserved) {
            FX_CHECK(name, walk.level, row->level - 1);
            /* It is found before what is not permitted in the same entry. */
            fx_mem_poke(mem, at, (entry | 1ULL << bit) & ~(RW | US));
            walk = nv_compare(name, &t, iova, NV_W);
            FX_CHECK(name, walk.status, NYX_WALK_RESERVED);
        } else if (bit < 12 || bit > 51 || (row->leaf && bit == 12 &&
                                            row->level > 1)) {
            FX_CHECK(name, walk.status, NYX_WALK_OK);
            FX_CHECK(name, walk.addr, 0x40000000);
        }
        /* Nothing is reserved in an entry that is not present. */
        fx_mem_poke(mem, at, (entry & ~P) | 1ULL << bit);
        FX_CHECK(name, nv_compare(name, &t, iova, NV_R).status,
                 NYX_WALK_EMPTY);
    }
}

static void test_reserved(void)
{
    FxMem mem;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < ARRAY_SIZE(reserved_rows); i++) {
        for (unsigned levels = 4; levels <= 5; levels++) {
            if (reserved_rows[i].level <= levels) {
                reserved_row(&mem, &reserved_rows[i], levels);
            }
        }
    }
    fx_mem_destroy(&mem);
}

/* A large page that would be good, if the unit offered its size. */
static void test_no_1g(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    nv_init(&t, &mem, true, 4, 46);
    nv_leaf(&t, 0, 3, 0x40000000, P | US);
    FX_CHECK("1G", nv_compare("1G", &t, 0, NV_R).status, NYX_WALK_OK);
    nv_leaf(&t, 0x40000000, 2, 0x40000000, P | US);
    t.has_1g = false;
    FX_CHECK("1G", nv_compare("1G", &t, 0, NV_R).status, NYX_WALK_RESERVED);
    FX_CHECK("2M", nv_compare("2M", &t, 0x40000000, NV_R).status,
             NYX_WALK_OK);
    fx_mem_destroy(&mem);
}

/* Every width: the last address below it is good, the first at it is not. */
static void test_output_width(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned haw = 32; haw <= 52; haw++) {
        for (unsigned level = 1; level <= 3; level++) {
            uint64_t size = leaf_size(level);

            fx_mem_reset(&mem);
            nv_init(&t, &mem, true, 4, haw);
            nv_leaf(&t, 0, level, (1ULL << haw) - size, P | US);
            FX_CHECK("below", nv_compare("below", &t, 0, NV_R).status,
                     NYX_WALK_OK);
            nv_leaf(&t, 0, level, 1ULL << haw, P | US);
            FX_CHECK("at", nv_compare("at", &t, 0, NV_R).status,
                     haw < 52 ? NYX_WALK_RESERVED : NYX_WALK_OK);
        }
    }
    fx_mem_destroy(&mem);
}

/* --- Order, errors, start ------------------------------------------------- */

/* What is wrong above comes before what is wrong below. */
static void test_order(void)
{
    FxMem mem;
    NvTables t;
    uint64_t upper, lower;

    fx_mem_init(&mem);
    nv_init(&t, &mem, true, 4, 46);
    nv_leaf(&t, 0, 1, 0x7000, P | RW | US);
    upper = nv_entry(&t, 0, 3);
    lower = nv_entry(&t, 0, 1);
    fx_mem_poke(&mem, upper, fx_mem_peek(&mem, upper) & ~US);
    fx_mem_poke(&mem, lower, 0);
    FX_CHECK("U/S", nv_compare("U/S", &t, 0, NV_R).status,
             NYX_WALK_PRIVILEGE);
    FX_CHECK("U/S", nv_compare("U/S", &t, 0, NV_R).level, 2);
    fx_mem_poke(&mem, upper, fx_mem_peek(&mem, upper) | 1ULL << 50);
    FX_CHECK("rsvd", nv_compare("rsvd", &t, 0, NV_R).status,
             NYX_WALK_RESERVED);
    fx_mem_poke(&mem, upper, fx_mem_peek(&mem, upper) & ~P);
    FX_CHECK("P", nv_compare("P", &t, 0, NV_R).status, NYX_WALK_EMPTY);
    FX_CHECK("P", nv_compare("P", &t, 0, NV_R).level, 2);
    fx_mem_destroy(&mem);
}

/* A request without its rights: privilege first; the rest is in the bits. */
static void test_missing(void)
{
    const unsigned all = NV_R | NV_W | NV_X;
    FxMem mem;
    NvTables t;
    NyxWalk walk;

    fx_mem_init(&mem);
    nv_init(&t, &mem, true, 4, 46);
    nv_leaf(&t, 0, 1, 0x7000, P | XD);
    FX_CHECK("U/S", nv_compare("U/S", &t, 0, all).status, NYX_WALK_PRIVILEGE);
    nv_leaf(&t, 0, 1, 0x7000, P | US | XD);
    walk = nv_compare("X and W", &t, 0, all);
    FX_CHECK("X and W", walk.status, NYX_WALK_DENIED);
    FX_CHECK("X and W", all & ~walk.permission, NV_W | NV_X);
    nv_leaf(&t, 0, 1, 0x7000, P | US);
    walk = nv_compare("W", &t, 0, all);
    FX_CHECK("W", all & ~walk.permission, NV_W);
    nv_leaf(&t, 0, 1, 0x7000, P | US | RW | XD);
    walk = nv_compare("X", &t, 0, all);
    FX_CHECK("X", all & ~walk.permission, NV_X);
    fx_mem_destroy(&mem);
}

static void test_read_errors(void)
{
    const uint64_t iova = 0xffffff2345678000ULL;
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned levels = 4; levels <= 5; levels++) {
        fx_mem_reset(&mem);
        nv_init(&t, &mem, true, levels, 46);
        nv_leaf(&t, iova, 1, 0x5000, P | US);
        for (unsigned level = levels; level >= 1; level--) {
            uint64_t at = nv_entry(&t, iova, level);
            NyxWalk walk;

            fx_mem_hole(&mem, at, at + 7);
            walk = nv_compare("hole", &t, iova, NV_R);
            FX_CHECK("hole", walk.status, NYX_WALK_READ_ERROR);
            FX_CHECK("hole", walk.level, level - 1);
            fx_mem_no_hole(&mem);
        }
    }
    fx_mem_destroy(&mem);
}

/*
 * A table pointer's rights are the same for everybody: a walk that begins
 * there, with them, is the walk from the root.
 */
static void test_start(void)
{
    const uint64_t iova = 0x12345678000ULL;
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    nv_init(&t, &mem, true, 5, 46);
    nv_leaf(&t, iova, 1, 0x5000, P | RW | US);
    for (unsigned i = 0; i < 8 * 16; i++) {
        uint64_t at = nv_entry(&t, iova, 3);
        NyxWalkCtx ctx;
        NyxWalk other;

        fx_mem_poke(&mem, at, (fx_mem_peek(&mem, at) & ~(RW | US | XD)) |
                    (i & 1 ? RW : 0) | (i & 2 ? US : 0) | (i & 4 ? XD : 0));
        /* The rights are learned by somebody else. */
        t.priv = true;
        ctx = nv_ctx(&t);
        nyx_walk(&ctx, iova, 0, NULL, &other);
        t.priv = i & 8;
        t.wpe = i & 16;
        t.smep = i & 32;
        ctx = nv_ctx(&t);
        for (unsigned step = 0; step + 1 < other.steps; step++) {
            const NyxWalkStart start = {
                .table = other.trail[step].entry & 0x000ffffffffff000ULL,
                .level = other.trail[step].level - 1,
                .permission = (uint8_t)other.trail[step].permission,
            };

            for (unsigned need = 0; need < 8; need++) {
                NyxWalk walk, whole;

                nyx_walk(&ctx, iova, need, NULL, &whole);
                nyx_walk(&ctx, iova, need, &start, &walk);
                FX_CHECK("start", walk.status, whole.status);
                if (whole.level <= start.level) {
                    FX_CHECK("start", walk.permission, whole.permission);
                    FX_CHECK("start", walk.level, whole.level);
                }
            }
        }
    }
    fx_mem_destroy(&mem);
}

/* --- Random tables -------------------------------------------------------- */

#define RANDOM_PAGES 32

static uint64_t random_entry(uint64_t *rng, uint64_t pool)
{
    uint64_t page = pool + nyx_random(rng) % RANDOM_PAGES * 0x1000;
    uint64_t ignored = nyx_random(rng) & 0x7ff0000000000f78ULL;
    uint64_t entry = page | ignored;
    unsigned dice = nyx_random(rng) % 64;

    if (dice < 6) {
        return nyx_random(rng) & ~P;
    }
    if (dice < 16) {
        /* A large leaf, mostly well aligned; the PAT is anything. */
        page = nyx_random(rng) & 0x3fffc0001000ULL;
        page |= dice < 14 ? 0 : nyx_random(rng) & 0x3fe00000;
        entry = page | ignored | PS;
    }
    if (dice == 16) {
        entry |= 1ULL << nyx_random(rng) % 64;
    }
    if (dice == 17) {
        entry = nyx_random(rng);
    }
    entry |= nyx_random(rng) % 8 ? RW : 0;
    entry |= nyx_random(rng) % 16 ? US : 0;
    entry |= nyx_random(rng) % 16 ? 0 : XD;
    return entry | P;
}

static void random_round(FxMem *mem, uint64_t seed, unsigned *seen)
{
    uint64_t rng = seed * 0x9e3779b97f4a7c15ULL | 1;
    g_autofree char *row = g_strdup_printf("seed %" PRIu64, seed);
    uint64_t pool;
    NvTables t;

    fx_mem_reset(mem);
    nv_init(&t, mem, true, 4 + seed % 2, 46 + seed % 3);
    t.has_1g = nyx_random(&rng) % 4;
    t.ea = nyx_random(&rng) & 1;
    pool = fx_mem_pages(mem, RANDOM_PAGES);
    for (uint64_t at = pool; at < pool + RANDOM_PAGES * 0x1000; at += 8) {
        fx_mem_poke(mem, at, random_entry(&rng, pool));
    }
    t.root = pool;
    fx_mem_hole(mem, pool + 0x3000, pool + 0x3fff);
    for (unsigned i = 0; i < 1000; i++) {
        unsigned kind = nyx_random(&rng);
        NyxWalk walk;

        t.priv = kind & 1;
        t.wpe = kind & 2;
        t.nxe = kind & 12;
        t.smep = kind & 16;
        walk = nv_compare(row, &t, nyx_random(&rng), nyx_random(&rng) & 7);
        seen[walk.status]++;
    }
    fx_mem_no_hole(mem);
}

static void test_random(void)
{
    unsigned seen[NYX_WALK_STATUS_COUNT] = { };
    FxMem mem;

    fx_mem_init(&mem);
    for (uint64_t seed = 0; seed < 32; seed++) {
        random_round(&mem, seed, seen);
    }
    fx_mem_destroy(&mem);
    for (unsigned i = 0; i < NYX_WALK_TABLE_FAULT; i++) {
        g_test_message("status %u: %u walks", i, seen[i]);
        g_assert_cmpuint(seen[i], >, 100);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/walk-first/canonical", test_canonical);
    g_test_add_func("/nyx/walk-first/permissions", test_permissions);
    g_test_add_func("/nyx/walk-first/grants", test_grants);
    g_test_add_func("/nyx/walk-first/smep-levels", test_smep_levels);
    g_test_add_func("/nyx/walk-first/sizes", test_sizes);
    g_test_add_func("/nyx/walk-first/reserved", test_reserved);
    g_test_add_func("/nyx/walk-first/no-1g", test_no_1g);
    g_test_add_func("/nyx/walk-first/output-width", test_output_width);
    g_test_add_func("/nyx/walk-first/order", test_order);
    g_test_add_func("/nyx/walk-first/missing", test_missing);
    g_test_add_func("/nyx/walk-first/read-errors", test_read_errors);
    g_test_add_func("/nyx/walk-first/start", test_start);
    g_test_add_func("/nyx/walk-first/random", test_random);
    return g_test_run();
}
