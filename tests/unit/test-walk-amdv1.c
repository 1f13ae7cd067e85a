/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host tables of AMD-Vi: the walker against the naive one, and the rows of
 * the specification typed in.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "hw/nyx-iommu/paging.h"
#include "naive-walk.h"

/* Bits of an entry. */
#define PR (1ULL << 0)
#define A  (1ULL << 5)
#define D  (1ULL << 6)
#define IR (1ULL << 61)
#define IW (1ULL << 62)
#define RW (PR | IR | IW)

#define ADDR_51_12 0x000ffffffffff000ULL

/* What one entry of @level, 1 to 6, is for. */
static uint64_t entry_size(unsigned level)
{
    return 1ULL << (12 + 9 * (level - 1));
}

/* log2 of the addresses that @levels levels are for. */
static unsigned span_lg2(unsigned levels)
{
    return levels == 6 ? 64 : 12 + 9 * levels;
}

static void host_init(NvTables *t, FxMem *mem, unsigned levels)
{
    fx_mem_reset(mem);
    nv_init(t, mem, false, levels, 52);
    t->amd = true;
}

/* --- Layout --------------------------------------------------------------- */

static void test_layout(void)
{
    const NyxFormat *fmt = &nyx_fmt_amdv1;
    const NyxWalkCtx ctx = { .fmt = fmt, .addr_bits = 52 };

    g_assert_cmphex(fmt->table_mask, ==, 0x000ffffffffff000ULL);
    g_assert_cmphex(fmt->accessed.mask, ==, 1 << 5);
    g_assert_cmphex(fmt->dirty.mask, ==, 1 << 6);
    g_assert_cmphex(NYX_AMDV1_LEAF_U, ==, 0x0800000000000000ULL);
    g_assert_cmphex(NYX_AMDV1_LEAF_FC, ==, 0x1000000000000000ULL);
    g_assert_cmpuint(fmt->max_levels, ==, 6);
    for (unsigned level = 0; level < 6; level++) {
        g_assert_cmphex(fmt->reserved(&ctx, level, NYX_ENTRY_TABLE), ==,
                        0x1ff0000000000000ULL);
        g_assert_cmphex(fmt->reserved(&ctx, level, NYX_ENTRY_LEAF), ==,
                        0x07f0000000000000ULL);
        for (unsigned next = 0; next < 8; next++) {
            uint64_t entry = PR | NV_NEXT(next);

            g_assert_cmpint(fmt->classify(&ctx, level, entry), ==,
                            next == 0 || next == 7 ? NYX_ENTRY_LEAF
                                                   : NYX_ENTRY_TABLE);
            g_assert_cmpint(fmt->classify(&ctx, level, entry & ~PR), ==,
                            NYX_ENTRY_EMPTY);
        }
    }
}

/* --- Sizes ---------------------------------------------------------------- */

/* A leaf at one end of the address space or the other; its neighbours. */
static void check_leaf(NvTables *t, unsigned level, uint64_t iova,
                       uint64_t entry, uint64_t addr, unsigned lg2)
{
    uint64_t size = 1ULL << lg2;
    g_autofree char *row = g_strdup_printf(
        "%u levels, leaf at %u, 0x%" PRIx64 " to 0x%" PRIx64, t->levels,
        level, iova, entry);
    NyxWalk walk;

    for (uint64_t i = 0; i < MAX(size / entry_size(level), 1); i++) {
        fx_mem_poke(t->mem, nv_entry(t, iova + i * entry_size(level), level),
                    entry);
    }
    FX_CHECK(row, nv_compare(row, t, iova, NV_R).status, NYX_WALK_OK);
    walk = nv_compare(row, t, iova + size - 1, NV_R | NV_W);
    FX_CHECK(row, walk.status, NYX_WALK_OK);
    FX_CHECK(row, walk.addr, addr);
    FX_CHECK(row, walk.lg2, lg2);
    FX_CHECK(row, walk.steps, t->levels - level + 1);
    FX_CHECK(row, nv_compare(row, t, iova - 1, NV_R).status, NYX_WALK_EMPTY);
    FX_CHECK(row, nv_compare(row, t, iova + size, NV_R).status,
             NYX_WALK_EMPTY);
    FX_CHECK(row, nv_compare_range(row, t, 0, UINT64_MAX), 1);
    FX_CHECK(row, nv_compare_range(row, t, iova + size / 2, iova + size / 2),
             1);
}

/* NextLevel 0, from 4 KiB to 256 TiB. */
static void test_default_sizes(void)
{
    static const unsigned lg2s[] = { 12, 21, 30, 39, 48 };
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned levels = 1; levels <= 6; levels++) {
        for (unsigned level = 1; level <= MIN(levels, 5); level++) {
            uint64_t size = 1ULL << lg2s[level - 1];
            uint64_t top = span_lg2(levels) == 64
                           ? -size : (1ULL << span_lg2(levels)) - size;
            const uint64_t iovas[] = { 0, size, top / 2 / size * size, top };
            const uint64_t outs[] = { 0, size, (1ULL << 52) - size };

            for (unsigned i = 0; i < ARRAY_SIZE(iovas) * 3; i++) {
                host_init(&t, &mem, levels);
                check_leaf(&t, level, iovas[i / 3], RW | outs[i % 3],
                           outs[i % 3], lg2s[level - 1]);
            }
        }
    }
    fx_mem_destroy(&mem);
}

/* Address bits within a page of the level's own size are not looked at. */
static void test_default_low_bits(void)
{
    FxMem mem;
    NvTables t;
    NyxWalk walk;

    fx_mem_init(&mem);
    host_init(&t, &mem, 3);
    nv_leaf(&t, 0, 2, 0x40000000 | 0x1ff000, RW);
    walk = nv_compare("low bits", &t, 0x1234, NV_R);
    FX_CHECK("low bits", walk.status, NYX_WALK_OK);
    FX_CHECK("low bits", walk.addr, 0x40000000);
    fx_mem_destroy(&mem);
}

/* The manual's examples. */
static const struct {
    uint64_t entry;
    unsigned level;
    unsigned lg2;
} encoded_rows[] = {
    { 0x0000000080000e00ULL, 1, 13 },      /* 8 KiB: 12 is 0 */
    { 0x0000000080001e00ULL, 1, 14 },      /* 16 KiB: 01 */
    { 0x0000000080007e00ULL, 1, 16 },      /* 64 KiB: 0111 */
    { 0x000000008007fe00ULL, 1, 20 },      /* 1 MiB: 01111111 */
    { 0x00000000801ffe00ULL, 2, 22 },      /* 4 MiB: 0111111111 */
    { 0x000000008ffffe00ULL, 2, 29 },      /* 512 MiB: 28 is 0 */
    { 0x000000803ffffe00ULL, 3, 31 },      /* 2 GiB: 30 is 0 */
    { 0x0000801ffffffe00ULL, 3, 38 },      /* 256 GiB */
    { 0x0000807ffffffe00ULL, 4, 40 },      /* 1 TiB */
    { 0x00083ffffffffe00ULL, 4, 47 },      /* 128 TiB */
};

static void test_encoded_examples(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < ARRAY_SIZE(encoded_rows); i++) {
        unsigned lg2 = encoded_rows[i].lg2;
        uint64_t entry = encoded_rows[i].entry;

        host_init(&t, &mem, encoded_rows[i].level + 1);
        FX_CHECK("example", nv_encoded(entry >> lg2 << lg2, lg2), entry);
        check_leaf(&t, encoded_rows[i].level, 1ULL << lg2, entry | RW,
                   (entry & ADDR_51_12) >> lg2 << lg2, lg2);
    }
    fx_mem_destroy(&mem);
}

/* Every size at every level: larger than its own, smaller than the next. */
static void test_encoded_sizes(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 6 * 41; i++) {
        unsigned level = 1 + i / 41, lg2 = 13 + i % 41;
        unsigned own = 12 + 9 * (level - 1);
        bool legal = level < 6 && lg2 > own && lg2 < own + 9 && lg2 <= 52;
        g_autofree char *row = g_strdup_printf("level %u, 2^%u", level, lg2);
        uint64_t entry = nv_encoded(0, lg2) | RW;

        host_init(&t, &mem, 6);
        if (legal) {
            check_leaf(&t, level, 1ULL << lg2, entry, 0, lg2);
            continue;
        }
        fx_mem_poke(&mem, nv_entry(&t, 0, level), entry);
        FX_CHECK(row, nv_compare(row, &t, 0, NV_R).status,
                 NYX_WALK_RESERVED);
        FX_CHECK(row, nv_compare(row, &t, 0, 0).level, level - 1);
        FX_CHECK(row, nv_compare_range(row, &t, 0, UINT64_MAX), 0);
    }
    fx_mem_destroy(&mem);
}

/* --- Permissions ---------------------------------------------------------- */

static void test_permissions(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 256; i++) {
        unsigned rw[] = { i & 3, i >> 2 & 3, i >> 4 & 3 };
        unsigned grant = rw[0] & rw[1] & rw[2] & ~(i >> 6);
        g_autofree char *row = g_strdup_printf("rights %02x", i);

        host_init(&t, &mem, 3);
        t.withheld = i >> 6;
        nv_leaf(&t, 0x5000, 1, 0x7000, RW);
        for (unsigned level = 1; level <= 3; level++) {
            uint64_t at = nv_entry(&t, 0x5000, level);

            fx_mem_poke(&mem, at, (fx_mem_peek(&mem, at) & ~(IR | IW)) |
                        (uint64_t)rw[level - 1] << 61);
        }
        for (unsigned need = 0; need < 8; need++) {
            NyxWalk walk = nv_compare(row, &t, 0x5000, need);
            unsigned all = grant | (rw[0] & rw[1] & rw[2] & 1 ? NV_X : 0);

            FX_CHECK(row, walk.status,
                     need & ~all ? NYX_WALK_DENIED : NYX_WALK_OK);
            if (walk.status == NYX_WALK_OK) {
                FX_CHECK(row, walk.permission & 3, grant);
            }
        }
        FX_CHECK(row, nv_compare_range(row, &t, 0, 0xffffff), grant != 0);
    }
    fx_mem_destroy(&mem);
}

/* What is withheld is not learned by a cached table pointer. */
static void test_withheld_rights(void)
{
    FxMem mem;
    NvTables t;
    NyxWalkCtx ctx;
    NyxWalk walk;

    fx_mem_init(&mem);
    host_init(&t, &mem, 3);
    nv_leaf(&t, 0, 1, 0x7000, RW);
    t.withheld = NV_W;
    ctx = nv_ctx(&t);
    nyx_walk(&ctx, 0, NV_R, NULL, &walk);
    FX_CHECK("rights", walk.trail[0].permission & 7, 7);
    FX_CHECK("rights", walk.permission & 7, NV_R | NV_X);
    {
        const NyxWalkStart start = {
            walk.trail[0].entry & ADDR_51_12, 1, walk.trail[0].permission,
        };

        FX_CHECK("read", nyx_paging_serves(&ctx, &start, NV_R), true);
        FX_CHECK("write", nyx_paging_serves(&ctx, &start, NV_W), false);
        nyx_walk(&ctx, 0, NV_W, &start, &walk);
        FX_CHECK("write", walk.status, NYX_WALK_DENIED);
    }
    fx_mem_destroy(&mem);
}

/* --- Levels --------------------------------------------------------------- */

/* Every table that an entry may point at, and each address bit in between. */
static void check_skip(FxMem *mem, unsigned levels, unsigned level,
                       unsigned next)
{
    const unsigned low = 12 + 9 * next, high = 12 + 9 * (level - 1);
    uint64_t iova = entry_size(level) | (entry_size(next) - 1);
    g_autofree char *row = g_strdup_printf("%u levels, %u to %u", levels,
                                           level, next);
    NyxWalk walk;
    NvTables t;

    host_init(&t, mem, levels);
    nv_skip(&t, iova, level, next);
    nv_leaf(&t, iova, next, 1ULL << 48, RW);
    walk = nv_compare(row, &t, iova, NV_R | NV_W);
    FX_CHECK(row, walk.status, NYX_WALK_OK);
    FX_CHECK(row, walk.addr, 1ULL << 48);
    FX_CHECK(row, walk.steps, levels - level + 2);
    FX_CHECK(row, walk.trail[levels - level].next, next - 1);
    for (unsigned bit = low; bit < high; bit++) {
        walk = nv_compare(row, &t, iova | 1ULL << bit, NV_R);
        FX_CHECK(row, walk.status, NYX_WALK_EMPTY);
        FX_CHECK(row, walk.level, level - 1);
        FX_CHECK(row, walk.lg2, low);
        FX_CHECK(row, nv_compare_range(row, &t, iova | 1ULL << bit,
                                       iova | 1ULL << bit), 0);
    }
    FX_CHECK(row, nv_compare_range(row, &t, 0, UINT64_MAX), 1);
    FX_CHECK(row, nv_compare(row, &t, iova & ~entry_size(level),
                             NV_R).status, NYX_WALK_EMPTY);
}

static void test_skip(void)
{
    FxMem mem;

    fx_mem_init(&mem);
    for (unsigned levels = 2; levels <= 6; levels++) {
        for (unsigned level = 2; level <= levels; level++) {
            for (unsigned next = 1; next < level; next++) {
                check_skip(&mem, levels, level, MIN(next, 5));
            }
        }
    }
    fx_mem_destroy(&mem);
}

/* From the top to the page in one step. */
static void test_skip_all(void)
{
    FxMem mem;
    NvTables t;
    NyxWalk walk;

    fx_mem_init(&mem);
    host_init(&t, &mem, 6);
    nv_skip(&t, 0, 6, 1);
    nv_leaf(&t, 0x1ff000, 1, 0x7000, RW);
    walk = nv_compare("all", &t, 0x1ff123, NV_W);
    FX_CHECK("all", walk.status, NYX_WALK_OK);
    FX_CHECK("all", walk.steps, 2);
    FX_CHECK("all", nv_compare_range("all", &t, 0, UINT64_MAX), 1);
    fx_mem_destroy(&mem);
}

/* NextLevel of the table's own level and above; no page at level 6. */
static void test_bad_next(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned level = 1; level <= 6; level++) {
        for (unsigned next = 0; next <= 7; next++) {
            bool bad = next == 0 ? level == 6 : next >= level;
            g_autofree char *row = g_strdup_printf("level %u, next %u", level,
                                                   next);
            uint64_t at, table;

            host_init(&t, &mem, 6);
            at = nv_entry(&t, 0, level);
            table = fx_mem_pages(&mem, 1);
            /* 2^52 at level 5; for others too large or too small. */
            fx_mem_poke(&mem, at, RW | NV_NEXT(next) |
                        (next == 7 ? 0xffffffffffULL << 12 : table));
            FX_CHECK(row, nv_compare(row, &t, 0, NV_R).status,
                     bad ? NYX_WALK_RESERVED :
                     next ? NYX_WALK_EMPTY : NYX_WALK_OK);
            /* Not if it is not there, and before what is not permitted. */
            fx_mem_poke(&mem, at, fx_mem_peek(&mem, at) & ~(IR | IW));
            FX_CHECK(row, nv_compare(row, &t, 0, NV_R).status,
                     bad ? NYX_WALK_RESERVED : NYX_WALK_DENIED);
            fx_mem_poke(&mem, at, fx_mem_peek(&mem, at) & ~PR);
            FX_CHECK(row, nv_compare(row, &t, 0, NV_R).status,
                     NYX_WALK_EMPTY);
        }
    }
    fx_mem_destroy(&mem);
}

/* A table that names itself: refused, whoever walks. */
static void test_loop(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned levels = 1; levels <= 6; levels++) {
        host_init(&t, &mem, levels);
        for (unsigned i = 0; i < 512; i++) {
            fx_mem_poke(&mem, t.root + i * 8, t.root | RW | NV_NEXT(levels));
        }
        FX_CHECK("loop", nv_compare("loop", &t, 0, NV_R).status,
                 NYX_WALK_RESERVED);
        FX_CHECK("loop", nv_compare_range("loop", &t, 0, 1 << 20), 0);
    }
    fx_mem_destroy(&mem);
}

/* Each address bit above what the top table is for. */
static void test_above(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned levels = 1; levels <= 6; levels++) {
        host_init(&t, &mem, levels);
        nv_leaf(&t, 0, 1, 0x7000, RW);
        for (unsigned bit = span_lg2(levels); bit < 64; bit++) {
            NyxWalk walk = nv_compare("above", &t, 1ULL << bit, NV_R);

            FX_CHECK("above", walk.status, NYX_WALK_EMPTY);
            FX_CHECK("above", walk.steps, 0);
            FX_CHECK("above", walk.level, levels - 1);
            FX_CHECK("above", walk.lg2, span_lg2(levels));
            FX_CHECK("above", nv_compare_range("above", &t, 1ULL << bit,
                                               UINT64_MAX), 0);
        }
        FX_CHECK("below", nv_compare("below", &t, 0, NV_R).status,
                 NYX_WALK_OK);
    }
    fx_mem_destroy(&mem);
}

/* --- Reserved bits and errors --------------------------------------------- */

static void check_reserved(FxMem *mem, unsigned level, bool leaf,
                           unsigned width)
{
    uint64_t mask = (leaf ? 0x07f0000000000000ULL : 0x1ff0000000000000ULL) |
                    (0x000fffffffffffffULL & ~((1ULL << width) - 1));
    uint64_t at, entry;
    NvTables t;

    host_init(&t, mem, 6);
    t.haw = width;
    nv_leaf(&t, 0, leaf ? level : 1, 0, RW);
    at = nv_entry(&t, 0, level);
    entry = fx_mem_peek(mem, at);
    for (unsigned bit = 1; bit < 64; bit++) {
        bool reserved = mask >> bit & 1;
        g_autofree char *row = g_strdup_printf(
            "%s at %u, width %u, bit %u", leaf ? "leaf" : "table", level,
            width, bit);
        NyxWalk walk;

        if ((bit >= 9 && bit <= 11) || bit == 61 || bit == 62) {
            continue;
        }
        fx_mem_poke(mem, at, entry | 1ULL << bit);
        walk = nv_compare(row, &t, 0, NV_R);
        FX_CHECK(row, walk.status == NYX_WALK_RESERVED, reserved);
        if (reserved) {
            FX_CHECK(row, walk.level, level - 1);
            FX_CHECK(row, nv_compare_range(row, &t, 0, 0xfff), 0);
            fx_mem_poke(mem, at, (entry | 1ULL << bit) & ~(IR | IW));
            FX_CHECK(row, nv_compare(row, &t, 0, NV_W).status,
                     NYX_WALK_RESERVED);
        } else if (bit < 12 || bit > 51) {
            FX_CHECK(row, walk.status, NYX_WALK_OK);
            FX_CHECK(row, walk.addr, 0);
        }
        fx_mem_poke(mem, at, (entry | 1ULL << bit) & ~PR);
        FX_CHECK(row, nv_compare(row, &t, 0, NV_R).status, NYX_WALK_EMPTY);
    }
}

static void test_reserved(void)
{
    static const unsigned widths[] = { 32, 40, 48, 52 };
    FxMem mem;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < ARRAY_SIZE(widths) * 6; i++) {
        unsigned level = 1 + i % 6;

        if (level < 6) {
            check_reserved(&mem, level, true, widths[i / 6]);
        }
        if (level > 1) {
            check_reserved(&mem, level, false, widths[i / 6]);
        }
    }
    fx_mem_destroy(&mem);
}

/* The code of a size counts as address. */
static void test_encoded_width(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned lg2 = 40; lg2 <= 47; lg2++) {
        host_init(&t, &mem, 4);
        fx_mem_poke(&mem, nv_entry(&t, 0, 4), nv_encoded(0, lg2) | RW);
        for (unsigned width = 32; width <= 52; width++) {
            t.haw = width;
            FX_CHECK("width", nv_compare("width", &t, 0, NV_R).status,
                     lg2 - 2 >= width ? NYX_WALK_RESERVED : NYX_WALK_OK);
        }
    }
    fx_mem_destroy(&mem);
}

static void test_read_errors(void)
{
    const uint64_t iova = 0xfedcba9876543000ULL;
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    host_init(&t, &mem, 6);
    nv_leaf(&t, iova, 1, 0x5000, RW);
    for (unsigned level = 6; level >= 1; level--) {
        uint64_t at = nv_entry(&t, iova, level);
        NyxWalk walk;

        fx_mem_hole(&mem, at, at + 7);
        walk = nv_compare("hole", &t, iova, NV_R);
        FX_CHECK("hole", walk.status, NYX_WALK_READ_ERROR);
        FX_CHECK("hole", walk.level, level - 1);
        FX_CHECK("hole", walk.trail[6 - level].entry_addr, at);
        FX_CHECK("hole", nv_compare_range("hole", &t, iova, iova), 0);
        fx_mem_no_hole(&mem);
    }
    fx_mem_destroy(&mem);
}

/* --- Marks ---------------------------------------------------------------- */

static void test_marks(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 3 * 2 * 4 * 2; i++) {
        unsigned had = i % 3, write = i / 3 % 2, level = 1 + i / 6 % 4;
        bool skip = i / 24;
        uint64_t a = had ? A : 0, d = had == 2 && write ? D : 0;
        uint64_t before[6];
        NyxWalkCtx ctx;
        NyxWalk walk;

        host_init(&t, &mem, 6);
        t.ad = had;
        t.no_d = had == 1;
        if (skip) {
            nv_skip(&t, 0, 6, 5);
            nv_skip(&t, 0, 5, level);
        }
        nv_leaf(&t, 0, level, 0, RW);
        ctx = nv_ctx(&t);
        nyx_walk(&ctx, 0, 0, NULL, &walk);
        for (unsigned s = 0; s < walk.steps; s++) {
            before[s] = walk.trail[s].entry;
        }
        nv_compare("marks", &t, 0, write ? NV_W : NV_R);
        nyx_walk_and_mark(&ctx, 0, write ? NV_W : NV_R, NULL, &walk);
        FX_CHECK("marks", nyx_walk_marks(&ctx), had != 0);
        FX_CHECK("clean", nyx_walk_clean(&ctx, &walk), had == 2 && !write);
        for (unsigned s = 0; s < walk.steps; s++) {
            FX_CHECK("marks", fx_mem_peek(&mem, walk.trail[s].entry_addr),
                     before[s] | a | (s + 1 == walk.steps ? d : 0));
        }
    }
    fx_mem_destroy(&mem);
}

/* Of the copies of a large leaf, the one that was used is marked. */
static void test_copies(void)
{
    FxMem mem;
    NvTables t;
    NyxWalkCtx ctx;
    NyxWalk walk;

    fx_mem_init(&mem);
    host_init(&t, &mem, 4);
    t.ad = true;
    for (unsigned i = 0; i < 8; i++) {
        fx_mem_poke(&mem, nv_entry(&t, i * 0x1000, 1),
                    nv_encoded(0x80000, 15) | RW);
    }
    ctx = nv_ctx(&t);
    nyx_walk_and_mark(&ctx, 0x5123, NV_W, NULL, &walk);
    FX_CHECK("copy", walk.lg2, 15);
    FX_CHECK("copy", walk.addr, 0x80000);
    for (unsigned i = 0; i < 8; i++) {
        FX_CHECK("copy", fx_mem_peek(&mem, nv_entry(&t, i * 0x1000, 1)),
                 nv_encoded(0x80000, 15) | RW | (i == 5 ? A | D : 0));
    }
    FX_CHECK("widen", walk.lg2, 15);
    nyx_walk_widen(&ctx, &walk);
    FX_CHECK("widen", walk.lg2, 15);
    fx_mem_destroy(&mem);
}

/* Sixteen pages in a row are one block; one that differs, and they are not. */
static void test_widen(void)
{
    FxMem mem;
    NvTables t;
    NyxWalkCtx ctx;
    NyxWalk walk;

    fx_mem_init(&mem);
    host_init(&t, &mem, 3);
    for (unsigned i = 0; i < 16; i++) {
        nv_leaf(&t, i * 0x1000, 1, 0x70000 + i * 0x1000, RW);
    }
    ctx = nv_ctx(&t);
    nyx_walk(&ctx, 0x5000, NV_R, NULL, &walk);
    nyx_walk_widen(&ctx, &walk);
    FX_CHECK("widen", walk.lg2, 16);
    FX_CHECK("widen", walk.addr, 0x70000);
    nv_leaf(&t, 0xf000, 1, 0x7f000, RW | NYX_AMDV1_LEAF_FC);
    nyx_walk(&ctx, 0x5000, NV_R, NULL, &walk);
    nyx_walk_widen(&ctx, &walk);
    FX_CHECK("widen", walk.lg2, 12);
    fx_mem_destroy(&mem);
}

typedef struct Race {
    FxMem *mem;
    uint64_t at;
    uint64_t value;          /* what software stores there, once */
    bool forever;            /* or: a bit that nobody looks at flips */
    unsigned stores;
} Race;

static void race(void *opaque, uint64_t gpa)
{
    Race *r = opaque;

    if (gpa != r->at) {
        return;
    }
    r->stores++;
    if (r->forever) {
        fx_mem_poke(r->mem, gpa, fx_mem_peek(r->mem, gpa) ^ 1ULL << 63);
    } else if (r->stores == 1) {
        fx_mem_poke(r->mem, gpa, r->value);
    }
}

/* Software changes the entry that is about to be marked. */
static void test_race(void)
{
    static const struct {
        const char *name;
        uint64_t value;
        bool forever;
        NyxWalkStatus status;
        unsigned stores;
        uint64_t after;
    } rows[] = {
        { "moved", 0x222000 | RW, false, NYX_WALK_OK, 2,
          0x222000 | RW | A | D },
        { "gone", 0x222000, false, NYX_WALK_EMPTY, 1, 0x222000 },
        { "read-only", 0x222000 | PR | IR, false, NYX_WALK_DENIED, 1,
          0x222000 | PR | IR },
        { "marked", 0x111000 | RW | A | D, false, NYX_WALK_OK, 1,
          0x111000 | RW | A | D },
        { "grown", 0x222000 | RW | NV_NEXT(7), false, NYX_WALK_OK, 2,
          0x222000 | RW | NV_NEXT(7) | A | D },
        { "a table", 0x222000 | RW | NV_NEXT(1), false, NYX_WALK_RESERVED, 1,
          0x222000 | RW | NV_NEXT(1) },
        { "forever", 0, true, NYX_WALK_MARK_ERROR, NYX_WALK_TRIES,
          0x111000 | RW },
    };
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Race r = { &mem, 0, rows[i].value, rows[i].forever, 0 };
        NyxWalkCtx ctx;
        NyxWalk walk;

        host_init(&t, &mem, 4);
        t.ad = true;
        nv_skip(&t, 0, 4, 1);
        nv_leaf(&t, 0, 1, 0x111000, RW);
        r.at = nv_entry(&t, 0, 1);
        mem.on_cmpxchg = race;
        mem.on_cmpxchg_opaque = &r;
        ctx = nv_ctx(&t);
        nyx_walk_and_mark(&ctx, 0, NV_W, NULL, &walk);
        mem.on_cmpxchg = NULL;
        FX_CHECK(rows[i].name, walk.status, rows[i].status);
        FX_CHECK(rows[i].name, r.stores, rows[i].stores);
        FX_CHECK(rows[i].name, fx_mem_peek(&mem, r.at), rows[i].after);
    }
    fx_mem_destroy(&mem);
}

/* --- The paging-structure cache ------------------------------------------- */

/* Tables are found by what they are for, not by where they were named. */
static void test_paging(void)
{
    const NyxCacheCfg cfg = { .entries = 256, .ways = 4, .seed = 1 };
    NyxPaging paging = { .tables = nyx_iotlb_new(&cfg), .asid = NYX_ASID(7) };
    const uint64_t iova = 3ULL << 39 | 5 << 12;
    FxMem mem;
    NvTables t;
    NyxWalkCtx ctx;
    NyxWalk walk;
    NyxWalkStart start;

    fx_mem_init(&mem);
    host_init(&t, &mem, 6);
    nv_skip(&t, iova, 4, 1);
    nv_leaf(&t, iova, 1, 0x7000, RW);
    ctx = nv_ctx(&t);
    paging.ticket = nyx_iotlb_ticket(paging.tables);
    nyx_walk(&ctx, iova, NV_R, NULL, &walk);
    nyx_paging_fill(&paging, &ctx, iova, &walk);
    FX_CHECK("hit", nyx_paging_lookup(&paging, ctx.fmt, iova + 0x1fa000,
                                      &start), true);
    FX_CHECK("hit", start.level, 0);
    FX_CHECK("hit", start.table, walk.trail[3].entry_addr & ~0xfffULL);
    nyx_walk(&ctx, iova, NV_R, &start, &walk);
    FX_CHECK("hit", walk.status, NYX_WALK_OK);
    FX_CHECK("hit", walk.addr, 0x7000);
    /* 2 MiB further the table is not for it: the one above is known. */
    FX_CHECK("above", nyx_paging_lookup(&paging, ctx.fmt, iova + (1 << 21),
                                        &start), true);
    FX_CHECK("above", start.level, 3);
    nyx_walk(&ctx, iova + (1 << 21), NV_R, &start, &walk);
    FX_CHECK("above", walk.status, NYX_WALK_EMPTY);
    FX_CHECK("above", walk.lg2, 21);
    /* The entry that passes by leads nowhere: nothing to be learned. */
    nyx_iotlb_clear(paging.tables);
    paging.ticket = nyx_iotlb_ticket(paging.tables);
    nyx_walk(&ctx, iova + (1 << 21), NV_R, NULL, &walk);
    nyx_paging_fill(&paging, &ctx, iova + (1 << 21), &walk);
    FX_CHECK("passed", nyx_paging_lookup(&paging, ctx.fmt, iova + (1 << 21),
                                         &start), true);
    FX_CHECK("passed", start.level, 3);
    nyx_iotlb_free(paging.tables);
    fx_mem_destroy(&mem);
}

/* --- Random tables -------------------------------------------------------- */

#define RANDOM_PAGES 32

static uint64_t random_entry(uint64_t *rng, uint64_t pool)
{
    uint64_t page = pool + nyx_random(rng) % RANDOM_PAGES * 0x1000;
    uint64_t ignored = nyx_random(rng) & 0x80000000000001feULL;
    uint64_t entry = page | ignored | NV_NEXT(1 + nyx_random(rng) % 6);
    unsigned dice = nyx_random(rng) % 64;

    if (dice < 6) {
        return nyx_random(rng) & ~PR;
    }
    if (dice < 16) {
        page = nyx_random(rng) & 0xffffffff000ULL;
        entry = page | ignored;
    } else if (dice < 24) {
        /* Most sizes are wrong somewhere; small ones have many copies. */
        unsigned lg2 = 13 + nyx_random(rng) % 8 + 9 * (nyx_random(rng) % 3);

        entry = nv_encoded((nyx_random(rng) & 0xffffffff000ULL) >> lg2 << lg2,
                           lg2) | ignored;
    } else if (dice < 40) {
        entry = page | ignored | NV_NEXT(1 + nyx_random(rng) % 2);
    }
    if (dice == 63) {
        entry |= 1ULL << nyx_random(rng) % 64;
    }
    if (dice == 62) {
        entry = nyx_random(rng);
    }
    entry |= nyx_random(rng) % 16 ? IR : 0;
    entry |= nyx_random(rng) % 16 ? IW : 0;
    return entry | PR;
}

/* Indices of many levels are zero, so that these can be left out. */
static uint64_t random_iova(uint64_t *rng, unsigned levels)
{
    uint64_t iova = nyx_random(rng) & 0x1fffff;

    for (unsigned level = 2; level <= 6; level++) {
        if (nyx_random(rng) % (level <= levels ? 3 : 16) == 0) {
            iova |= (nyx_random(rng) & 511) << (12 + 9 * (level - 1));
        }
    }
    return iova;
}

static void random_round(FxMem *mem, uint64_t seed, unsigned *seen,
                         unsigned *leaves)
{
    uint64_t rng = seed * 0x9e3779b97f4a7c15ULL | 1;
    g_autofree char *row = g_strdup_printf("seed %" PRIu64, seed);
    uint64_t pool;
    NvTables t;

    host_init(&t, mem, 1 + seed % 6);
    t.haw = 44 + seed % 3;
    t.ad = nyx_random(&rng) & 1;
    t.no_d = nyx_random(&rng) & 1;
    pool = fx_mem_pages(mem, RANDOM_PAGES);
    for (uint64_t at = pool; at < pool + RANDOM_PAGES * 0x1000; at += 8) {
        fx_mem_poke(mem, at, random_entry(&rng, pool));
    }
    t.root = pool;
    fx_mem_hole(mem, pool + 0x3000, pool + 0x5fff);
    for (unsigned i = 0; i < 600; i++) {
        uint64_t iova = random_iova(&rng, t.levels), first;

        t.withheld = nyx_random(&rng) % 8 ? 0 : nyx_random(&rng) & 3;
        seen[nv_compare(row, &t, iova, nyx_random(&rng) & 7).status]++;
        /* Of the table that is looked at, a few entries. */
        if (i % 8 == 0) {
            first = iova & 0x7fffffffULL;
            *leaves += nv_compare_range(row, &t, first, first +
                                        nyx_random(&rng) % 0x200000);
        }
    }
    fx_mem_no_hole(mem);
}

static void test_random(void)
{
    unsigned seen[NYX_WALK_STATUS_COUNT] = { }, leaves = 0;
    FxMem mem;

    fx_mem_init(&mem);
    for (uint64_t seed = 0; seed < 48; seed++) {
        random_round(&mem, seed, seen, &leaves);
    }
    fx_mem_destroy(&mem);
    for (unsigned i = 0; i < NYX_WALK_TABLE_FAULT; i++) {
        g_test_message("status %u: %u walks", i, seen[i]);
        if (i != NYX_WALK_PRIVILEGE) {
            g_assert_cmpuint(seen[i], >, 100);
        }
    }
    g_test_message("%u leaves", leaves);
    g_assert_cmpuint(leaves, >, 1000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/walk-amdv1/layout", test_layout);
    g_test_add_func("/nyx/walk-amdv1/default-sizes", test_default_sizes);
    g_test_add_func("/nyx/walk-amdv1/default-low-bits",
                    test_default_low_bits);
    g_test_add_func("/nyx/walk-amdv1/encoded-examples",
                    test_encoded_examples);
    g_test_add_func("/nyx/walk-amdv1/encoded-sizes", test_encoded_sizes);
    g_test_add_func("/nyx/walk-amdv1/permissions", test_permissions);
    g_test_add_func("/nyx/walk-amdv1/withheld-rights", test_withheld_rights);
    g_test_add_func("/nyx/walk-amdv1/skip", test_skip);
    g_test_add_func("/nyx/walk-amdv1/skip-all", test_skip_all);
    g_test_add_func("/nyx/walk-amdv1/bad-next", test_bad_next);
    g_test_add_func("/nyx/walk-amdv1/loop", test_loop);
    g_test_add_func("/nyx/walk-amdv1/above", test_above);
    g_test_add_func("/nyx/walk-amdv1/reserved", test_reserved);
    g_test_add_func("/nyx/walk-amdv1/encoded-width", test_encoded_width);
    g_test_add_func("/nyx/walk-amdv1/read-errors", test_read_errors);
    g_test_add_func("/nyx/walk-amdv1/marks", test_marks);
    g_test_add_func("/nyx/walk-amdv1/copies", test_copies);
    g_test_add_func("/nyx/walk-amdv1/widen", test_widen);
    g_test_add_func("/nyx/walk-amdv1/race", test_race);
    g_test_add_func("/nyx/walk-amdv1/paging", test_paging);
    g_test_add_func("/nyx/walk-amdv1/random", test_random);
    return g_test_run();
}
