/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page-table walker against a walker written for the test, which knows
 * one bit at a time and nothing of the model's formats.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "hw/nyx-iommu/walk.h"
#include "vtd-fixture.h"

#define ADDR_51_12 0x000ffffffffff000ULL

/* Second-stage tables, their limits, and the stage their addresses go to. */
typedef struct Tables {
    FxMem *mem;
    uint64_t root;
    unsigned levels;
    unsigned haw;
    bool has_2m;
    bool has_1g;
    bool snoop;
    const struct Tables *outer;
} Tables;

typedef struct Naive {
    NyxWalkStatus status;
    unsigned level;          /* 1 is the page's, as in the manual */
    unsigned lg2;
    unsigned rw;
    unsigned entries;        /* of this stage, read */
    uint64_t addr;
} Naive;

/* --- The naive walker ----------------------------------------------------- */

static bool naive_reserved_bit(const Tables *t, unsigned level, bool leaf,
                               unsigned bit)
{
    if (bit == 62 || (bit >= t->haw && bit <= 51)) {
        return true;
    }
    if (!leaf) {
        return bit == 7 || bit == 11;
    }
    if (bit == 11) {
        return !t->snoop;
    }
    return (level == 2 && bit >= 12 && bit <= 20) ||
           (level == 3 && bit >= 12 && bit <= 29);
}

static bool naive_is_leaf(const Tables *t, unsigned level, uint64_t entry)
{
    bool ps = entry & 0x80;

    return level == 1 || (level == 2 && ps && t->has_2m) ||
           (level == 3 && ps && t->has_1g);
}

static Naive naive_walk(const Tables *t, uint64_t table, unsigned level,
                        uint64_t iova, unsigned need, Naive so_far);

/* False, and the status set, if the entry cannot be read. */
static bool naive_read(const Tables *t, uint64_t addr, uint64_t *entry,
                       NyxWalkStatus *status)
{
    if (t->outer) {
        Naive way = naive_walk(t->outer, t->outer->root, t->outer->levels,
                               addr, 1, (Naive) { .rw = 3 });

        if (way.status != NYX_WALK_OK) {
            *status = NYX_WALK_TABLE_FAULT;
            return false;
        }
        addr = way.addr + (addr & ((1ULL << way.lg2) - 1));
    }
    if (!t->mem->ops.read(t->mem, addr, entry, 8)) {
        *status = NYX_WALK_READ_ERROR;
        return false;
    }
    return true;
}

static Naive naive_walk(const Tables *t, uint64_t table, unsigned level,
                        uint64_t iova, unsigned need, Naive so_far)
{
    unsigned lg2 = 12 + 9 * (level - 1);
    uint64_t addr = table + (iova >> lg2) % 512 * 8;
    Naive out = so_far;
    uint64_t entry;
    bool leaf;

    out.level = level;
    out.lg2 = lg2;
    if (!naive_read(t, addr, &entry, &out.status)) {
        return out;
    }
    out.entries++;
    if (!(entry & 1) && !(entry & 2)) {
        out.status = NYX_WALK_EMPTY;
        out.rw = 0;
        return out;
    }
    out.rw = so_far.rw & entry & 3;
    if ((need & 1 && !(out.rw & 1)) || (need & 2 && !(out.rw & 2))) {
        out.status = NYX_WALK_DENIED;
        return out;
    }
    leaf = naive_is_leaf(t, level, entry);
    for (unsigned bit = 0; bit < 64; bit++) {
        if (entry >> bit & 1 && naive_reserved_bit(t, level, leaf, bit)) {
            out.status = NYX_WALK_RESERVED;
            return out;
        }
    }
    if (leaf) {
        out.status = NYX_WALK_OK;
        out.addr = entry & ADDR_51_12;
        return out;
    }
    return naive_walk(t, entry & ADDR_51_12, level - 1, iova, need, out);
}

/* --- The walker ----------------------------------------------------------- */

static bool outer_xlate(void *opaque, uint64_t gpa, unsigned access,
                        uint64_t *hpa);

static NyxWalkCtx walk_ctx(const Tables *t)
{
    return (NyxWalkCtx) {
        .fmt = &nyx_fmt_vtdss,
        .mem = &t->mem->ops,
        .root = t->root,
        .top = t->levels - 1,
        .addr_bits = t->haw,
        .features = (t->has_2m ? NYX_VTDSS_2M : 0) |
                    (t->has_1g ? NYX_VTDSS_1G : 0) |
                    (t->snoop ? NYX_VTDSS_SNP : 0),
        .table_xlate = t->outer ? outer_xlate : NULL,
        .table_opaque = (void *)t->outer,
    };
}

static bool outer_xlate(void *opaque, uint64_t gpa, unsigned access,
                        uint64_t *hpa)
{
    const Tables *outer = opaque;
    NyxWalkCtx ctx = walk_ctx(outer);
    NyxWalk walk;

    g_assert_cmpuint(access, ==, FX_R);
    nyx_walk(&ctx, gpa, access, NULL, &walk);
    *hpa = walk.addr | (gpa & MAKE_64BIT_MASK(0, walk.lg2));
    return walk.status == NYX_WALK_OK;
}

static NyxWalk run(const Tables *t, uint64_t iova, unsigned need)
{
    NyxWalkCtx ctx = walk_ctx(t);
    NyxWalk walk;

    nyx_walk(&ctx, iova, need, NULL, &walk);
    return walk;
}

/* The walk is what the naive walker says; it is returned. */
static NyxWalk compare_from(const char *row, const Tables *t, uint64_t table,
                            unsigned level, unsigned rw, uint64_t iova,
                            unsigned need)
{
    const NyxWalkStart start = { table, level - 1, rw };
    NyxWalkCtx ctx = walk_ctx(t);
    Naive want = naive_walk(t, table, level, iova, need,
                            (Naive) { .rw = rw });
    NyxWalk walk;

    nyx_walk(&ctx, iova, need, table == t->root && rw == 3 ? NULL : &start,
             &walk);
    FX_CHECK(row, walk.status, want.status);
    FX_CHECK(row, walk.level, want.level - 1);
    FX_CHECK(row, walk.lg2, want.lg2);
    FX_CHECK(row, walk.permission & 3, want.rw);
    FX_CHECK(row, walk.steps, want.entries);
    if (want.status == NYX_WALK_OK) {
        FX_CHECK(row, walk.addr, want.addr);
    }
    return walk;
}

static NyxWalk compare(const char *row, const Tables *t, uint64_t iova,
                       unsigned need)
{
    return compare_from(row, t, t->root, t->levels, 3, iova, need);
}

static void tables_init(Tables *t, FxMem *mem, unsigned levels, unsigned haw)
{
    fx_mem_reset(mem);
    *t = (Tables) {
        .mem = mem,
        .root = fx_mem_pages(mem, 1),
        .levels = levels,
        .haw = haw,
        .has_2m = true,
        .has_1g = true,
        .snoop = true,
    };
}

static uint64_t entry_at(const Tables *t, uint64_t iova, unsigned level)
{
    return fx_mem_ss_entry(t->mem, t->root, t->levels, iova, level);
}

static void set_leaf(const Tables *t, uint64_t iova, unsigned level,
                     uint64_t addr, unsigned rw)
{
    fx_mem_poke(t->mem, entry_at(t, iova, level),
                addr | (level > 1 ? 0x80 : 0) | rw);
}

/* --- Levels, sizes, limits ------------------------------------------------ */

static void sweep_leaf(const Tables *t, unsigned level, uint64_t iova,
                       uint64_t out, unsigned rw)
{
    uint64_t size = 1ULL << (12 + 9 * (level - 1));
    g_autofree char *row = g_strdup_printf(
        "%u levels, width %u, level %u, 0x%" PRIx64 " to 0x%" PRIx64 ", %u",
        t->levels, t->haw, level, iova, out, rw);
    NyxWalk walk;

    set_leaf(t, iova, level, out, rw);
    for (unsigned need = 0; need < 4; need++) {
        compare(row, t, iova, need);
        walk = compare(row, t, iova + size - 1, need);
        FX_CHECK(row, walk.status,
                 need & ~rw ? NYX_WALK_DENIED : NYX_WALK_OK);
        if (walk.status == NYX_WALK_OK) {
            FX_CHECK(row, walk.addr, out);
            FX_CHECK(row, walk.lg2, 12 + 9 * (level - 1));
        }
    }
    /* The neighbours are not mapped. */
    if (iova) {
        compare(row, t, iova - 1, 1);
    }
    compare(row, t, iova + size, 1);
    set_leaf(t, iova, level, 0, 0);
    FX_CHECK(row, compare(row, t, iova, 0).status, NYX_WALK_EMPTY);
}

static void test_sweep(void)
{
    static const unsigned haws[] = { 32, 39, 46, 52 };
    FxMem mem;
    Tables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < ARRAY_SIZE(haws) * 9; i++) {
        unsigned haw = haws[i / 9], levels = 3 + i / 3 % 3;
        unsigned level = 1 + i % 3;
        uint64_t size = 1ULL << (12 + 9 * (level - 1));
        uint64_t width = 1ULL << (12 + 9 * levels);
        const uint64_t iovas[] = { 0, size, width / 2 - size, width / 2,
                                   width - size };
        const uint64_t outs[] = { 0, size, (1ULL << haw) - size };

        tables_init(&t, &mem, levels, haw);
        for (unsigned j = 0; j < ARRAY_SIZE(iovas) * 9; j++) {
            sweep_leaf(&t, level, iovas[j / 9], outs[j / 3 % 3], 1 + j % 3);
        }
    }
    fx_mem_destroy(&mem);
}

/* Each level takes its own nine bits of the address. */
static void test_index_bits(void)
{
    FxMem mem;
    Tables t;
    NyxWalk walk;

    fx_mem_init(&mem);
    for (unsigned levels = 3; levels <= 5; levels++) {
        tables_init(&t, &mem, levels, 46);
        for (unsigned bit = 12; bit < 12 + 9 * levels; bit++) {
            set_leaf(&t, 1ULL << bit, 1, bit * 0x1000, 3);
        }
        for (unsigned bit = 12; bit < 12 + 9 * levels; bit++) {
            walk = compare("index", &t, 1ULL << bit, 3);
            FX_CHECK("index", walk.addr, bit * 0x1000);
        }
    }
    fx_mem_destroy(&mem);
}

/* --- Reserved bits -------------------------------------------------------- */

typedef struct ReservedRow {
    const char *name;
    unsigned level;
    bool leaf;
    bool no_large;           /* large pages are not offered */
    bool no_snoop;
    uint64_t mask;           /* for an address width of 46 */
} ReservedRow;

/* 62, 51:46; tables: 11, and 7 where there is no leaf; leaves: low bits. */
#define HIGH 0x400fc00000000000ULL

static const ReservedRow reserved_rows[] = {
    { "level 5 table", 5, false, false, false, HIGH | 0x880 },
    { "level 4 table", 4, false, false, false, HIGH | 0x880 },
    { "level 3 table", 3, false, true, false, HIGH | 0x880 },
    { "level 2 table", 2, false, true, false, HIGH | 0x880 },
    { "level 3 leaf", 3, true, false, false, HIGH | 0x3ffff000 },
    { "level 2 leaf", 2, true, false, false, HIGH | 0x1ff000 },
    { "level 1 leaf", 1, true, false, false, HIGH },
    { "level 3 leaf, no snoop", 3, true, false, true, HIGH | 0x3ffff800 },
    { "level 2 leaf, no snoop", 2, true, false, true, HIGH | 0x1ff800 },
    { "level 1 leaf, no snoop", 1, true, false, true, HIGH | 0x800 },
};

static void reserved_row(FxMem *mem, const ReservedRow *row, unsigned levels)
{
    const uint64_t iova = 0x7fc0000000ULL;
    uint64_t at, entry;
    NyxWalk walk;
    Tables t;

    tables_init(&t, mem, levels, 46);
    t.has_2m = t.has_1g = !row->no_large;
    t.snoop = !row->no_snoop;
    set_leaf(&t, iova, row->leaf ? row->level : 1, 0x40000000, 3);
    at = entry_at(&t, iova, row->level);
    entry = fx_mem_peek(mem, at);
    FX_CHECK(row->name, compare(row->name, &t, iova, 3).status, NYX_WALK_OK);
    for (unsigned bit = 2; bit < 64; bit++) {
        bool reserved = row->mask >> bit & 1;
        g_autofree char *name = g_strdup_printf("%s of %u, bit %u",
                                                row->name, levels, bit);

        fx_mem_poke(mem, at, entry | 1ULL << bit);
        walk = compare(name, &t, iova, 3);
        FX_CHECK(name, walk.status == NYX_WALK_RESERVED, reserved);
        if (reserved) {
            FX_CHECK(name, walk.level, row->level - 1);
        } else if (bit < 12 || bit > 51) {
            /* Software may keep anything there. */
            FX_CHECK(name, walk.status, NYX_WALK_OK);
            FX_CHECK(name, walk.addr, 0x40000000);
        }
        /* Nothing is reserved in an entry that is not present. */
        fx_mem_poke(mem, at, 1ULL << bit);
        FX_CHECK(name, compare(name, &t, iova, 3).status, NYX_WALK_EMPTY);
    }
}

static void test_reserved(void)
{
    FxMem mem;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < ARRAY_SIZE(reserved_rows); i++) {
        for (unsigned levels = 3; levels <= 5; levels++) {
            if (reserved_rows[i].level <= levels) {
                reserved_row(&mem, &reserved_rows[i], levels);
            }
        }
    }
    fx_mem_destroy(&mem);
}

/* A size that is not offered alone is reserved, the other one works. */
static void test_one_large_size(void)
{
    FxMem mem;
    Tables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 4; i++) {
        tables_init(&t, &mem, 4, 46);
        t.has_2m = i & 1;
        t.has_1g = i & 2;
        set_leaf(&t, 0, 2, 0x40000000, 3);
        set_leaf(&t, 0x40000000, 3, 0x40000000, 3);
        FX_CHECK("2M", compare("2M", &t, 0, 3).status,
                 i & 1 ? NYX_WALK_OK : NYX_WALK_RESERVED);
        FX_CHECK("1G", compare("1G", &t, 0x40000000, 3).status,
                 i & 2 ? NYX_WALK_OK : NYX_WALK_RESERVED);
    }
    fx_mem_destroy(&mem);
}

/* Every width: the last address below it is good, the first at it is not. */
static void test_output_width(void)
{
    FxMem mem;
    Tables t;

    fx_mem_init(&mem);
    for (unsigned haw = 32; haw <= 52; haw++) {
        for (unsigned level = 1; level <= 3; level++) {
            uint64_t size = 1ULL << (12 + 9 * (level - 1));

            tables_init(&t, &mem, 4, haw);
            set_leaf(&t, 0, level, (1ULL << haw) - size, 1);
            FX_CHECK("below", compare("below", &t, 0, 1).status, NYX_WALK_OK);
            set_leaf(&t, 0, level, 1ULL << haw, 1);
            FX_CHECK("at", compare("at", &t, 0, 1).status,
                     haw < 52 ? NYX_WALK_RESERVED : NYX_WALK_OK);
        }
    }
    fx_mem_destroy(&mem);
}

/* --- Permissions ---------------------------------------------------------- */

static void test_permissions(void)
{
    const uint64_t iova = 0x123456000ULL;
    FxMem mem;
    Tables t;

    fx_mem_init(&mem);
    /* Two bits for each of four levels. */
    for (unsigned bits = 0; bits < 256; bits++) {
        unsigned all = 3;
        bool hole = false;

        tables_init(&t, &mem, 4, 46);
        set_leaf(&t, iova, 1, 0x5000, 3);
        for (unsigned level = 4; level >= 1; level--) {
            unsigned rw = bits >> (2 * (level - 1)) & 3;
            uint64_t at = entry_at(&t, iova, level);

            fx_mem_poke(&mem, at, (fx_mem_peek(&mem, at) & ~3ULL) | rw);
            all &= rw;
            hole = hole || !rw;
            if (!rw) {
                break;
            }
        }
        for (unsigned need = 0; need < 4; need++) {
            NyxWalk walk = compare("permissions", &t, iova, need);

            FX_CHECK("permissions", walk.status == NYX_WALK_OK,
                     !hole && !(need & ~all));
        }
        FX_CHECK("permissions", run(&t, iova, 0).permission & 3,
                 hole ? 0 : all);
    }
    fx_mem_destroy(&mem);
}

/* The permission that is missing is found before a reserved bit below it. */
static void test_order(void)
{
    FxMem mem;
    Tables t;
    uint64_t at;

    fx_mem_init(&mem);
    tables_init(&t, &mem, 4, 46);
    set_leaf(&t, 0, 1, 1ULL << 62, 1);
    g_assert_cmpint(run(&t, 0, FX_R).status, ==, NYX_WALK_RESERVED);
    g_assert_cmpint(run(&t, 0, FX_W).status, ==, NYX_WALK_DENIED);
    at = entry_at(&t, 0, 3);
    fx_mem_poke(&mem, at, fx_mem_peek(&mem, at) & ~2ULL);
    g_assert_cmpint(run(&t, 0, FX_W).status, ==, NYX_WALK_DENIED);
    g_assert_cmpint(run(&t, 0, FX_W).level, ==, 2);
    fx_mem_poke(&mem, at, fx_mem_peek(&mem, at) | 1ULL << 62);
    g_assert_cmpint(run(&t, 0, FX_R).level, ==, 2);
    g_assert_cmpint(run(&t, 0, FX_R).status, ==, NYX_WALK_RESERVED);
    fx_mem_destroy(&mem);
}

/* --- Read errors, trail, start -------------------------------------------- */

static void test_read_errors(void)
{
    const uint64_t iova = 0x2345678000ULL;
    FxMem mem;
    Tables t;
    NyxWalk walk;

    fx_mem_init(&mem);
    for (unsigned levels = 3; levels <= 5; levels++) {
        tables_init(&t, &mem, levels, 46);
        set_leaf(&t, iova, 1, 0x5000, 3);
        for (unsigned level = levels; level >= 1; level--) {
            uint64_t at = entry_at(&t, iova, level);

            fx_mem_hole(&mem, at, at + 7);
            walk = compare("hole", &t, iova, 1);
            g_assert_cmpint(walk.status, ==, NYX_WALK_READ_ERROR);
            g_assert_cmpint(walk.level, ==, level - 1);
            g_assert_cmpint(walk.steps, ==, levels - level);
            /* Its neighbours can be read. */
            fx_mem_hole(&mem, at + 8, at + 15);
            g_assert_cmpint(run(&t, iova, 1).status, ==, NYX_WALK_OK);
            fx_mem_no_hole(&mem);
        }
    }
    /* A table that is beyond all memory. */
    fx_mem_poke(&mem, entry_at(&t, iova, 2), 0x3fffffff0003ULL);
    walk = compare("beyond", &t, iova, 1);
    g_assert_cmpint(walk.status, ==, NYX_WALK_READ_ERROR);
    fx_mem_destroy(&mem);
}

static void test_trail(void)
{
    const uint64_t iova = 0x1234567890000ULL & 0xffffffffffffULL;
    FxMem mem;
    Tables t;
    NyxWalk walk;

    fx_mem_init(&mem);
    tables_init(&t, &mem, 4, 46);
    set_leaf(&t, iova, 1, 0x5000, 1);
    walk = run(&t, iova, 1);
    g_assert_cmpint(walk.steps, ==, 4);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t at = entry_at(&t, iova, 4 - i);

        g_assert_cmphex(walk.trail[i].entry_addr, ==, at);
        g_assert_cmphex(walk.trail[i].entry, ==, fx_mem_peek(&mem, at));
        g_assert_cmpint(walk.trail[i].level, ==, 3 - i);
        g_assert_cmpint(walk.trail[i].permission & 3, ==, i == 3 ? 1 : 3);
    }
    fx_mem_destroy(&mem);
}

/* Starting from a table in the middle: the same end, fewer reads. */
static void test_start(void)
{
    const uint64_t iova = 0x1ff87654321000ULL;
    FxMem mem;
    Tables t;

    fx_mem_init(&mem);
    tables_init(&t, &mem, 5, 46);
    set_leaf(&t, iova, 1, 0x5000, 3);
    for (unsigned level = 4; level >= 1; level--) {
        uint64_t table = entry_at(&t, iova, level) & ~0xfffULL;

        for (unsigned rw = 1; rw < 4; rw++) {
            for (unsigned need = 0; need < 4; need++) {
                uint64_t before = mem.reads;
                NyxWalk walk;

                walk = compare_from("start", &t, table, level, rw, iova,
                                    need);
                FX_CHECK("start", walk.status == NYX_WALK_OK, !(need & ~rw));
                /* Both walkers read the same number. */
                FX_CHECK("start", mem.reads - before, 2 * walk.steps);
                if (walk.status == NYX_WALK_OK) {
                    FX_CHECK("start", walk.steps, level);
                    FX_CHECK("start", walk.addr, 0x5000);
                }
            }
        }
    }
    fx_mem_destroy(&mem);
}

/* --- Nesting -------------------------------------------------------------- */

#define INNER_GPA 0x100000000ULL

/*
 * Inner tables at guest-physical INNER_GPA and on, one page a level; each of
 * these pages is somewhere else in memory.
 */
static void nest(FxMem *mem, Tables *outer, Tables *inner, unsigned levels,
                 uint64_t iova)
{
    tables_init(outer, mem, 4, 46);
    *inner = *outer;
    inner->levels = levels;
    inner->root = INNER_GPA + levels * 0x1000;
    inner->outer = outer;
    for (unsigned level = levels; level >= 1; level--) {
        uint64_t hpa = fx_mem_pages(mem, 1);
        uint64_t index = iova >> (12 + 9 * (level - 1)) & 511;
        uint64_t next = level > 1 ? INNER_GPA + (level - 1) * 0x1000
                                  : 0x777000;

        set_leaf(outer, INNER_GPA + level * 0x1000, 1, hpa, 3);
        fx_mem_poke(mem, hpa + index * 8, next | 3);
    }
}

static void test_nested(void)
{
    const uint64_t iova = 0x3456789abc000ULL;
    FxMem mem;
    Tables outer, inner;
    NyxWalk walk;

    fx_mem_init(&mem);
    for (unsigned levels = 3; levels <= 5; levels++) {
        nest(&mem, &outer, &inner, levels, iova);
        mem.reads = 0;
        walk = run(&inner, iova, 3);
        g_assert_cmpint(walk.status, ==, NYX_WALK_OK);
        g_assert_cmphex(walk.addr, ==, 0x777000);
        /* Each inner entry costs four outer ones and itself. */
        g_assert_cmpint(mem.reads, ==, levels * 5);
        compare("nested", &inner, iova, 3);
        for (unsigned level = levels; level >= 1; level--) {
            uint64_t gpa = INNER_GPA + level * 0x1000;
            uint64_t entry = fx_mem_peek(&mem, entry_at(&outer, gpa, 1));

            /* Tables have to be readable in the outer stage. */
            set_leaf(&outer, gpa, 1, 0, 0);
            walk = compare("nested hole", &inner, iova, 3);
            FX_CHECK("hole", walk.status, NYX_WALK_TABLE_FAULT);
            FX_CHECK("hole", walk.level, level - 1);
            fx_mem_poke(&mem, entry_at(&outer, gpa, 1), entry & ~1ULL);
            walk = compare("nested write-only", &inner, iova, 3);
            FX_CHECK("write-only", walk.status, NYX_WALK_TABLE_FAULT);
            /* The inner stage's own errors are told apart. */
            fx_mem_poke(&mem, entry_at(&outer, gpa, 1),
                        FX_MEM_SIZE | (entry & 3));
            walk = compare("nested beyond", &inner, iova, 3);
            FX_CHECK("beyond", walk.status, NYX_WALK_READ_ERROR);
            fx_mem_poke(&mem, entry_at(&outer, gpa, 1), entry);
        }
        g_assert_cmpint(run(&inner, iova, 3).status, ==, NYX_WALK_OK);
    }
    fx_mem_destroy(&mem);
}

/* --- Random tables -------------------------------------------------------- */

#define RANDOM_PAGES 48

static uint64_t random_entry(uint64_t *rng, uint64_t pool)
{
    uint64_t page = pool + nyx_random(rng) % RANDOM_PAGES * 0x1000;
    uint64_t ignored = nyx_random(rng) & 0xbff000000000077cULL;
    uint64_t entry = page | ignored;
    unsigned dice = nyx_random(rng) % 64;

    if (dice < 12) {
        return nyx_random(rng) & ~3ULL;
    }
    if (dice < 24) {
        /* A large leaf, mostly well aligned. */
        page = nyx_random(rng) & 0x3fffc0000000ULL;
        page |= dice < 22 ? 0 : nyx_random(rng) & 0x3fe00000;
        entry = page | ignored | 0x80;
    }
    if (dice == 24) {
        entry |= 1ULL << nyx_random(rng) % 64;
    }
    if (dice == 25) {
        entry = nyx_random(rng);
    }
    return entry | (dice % 8 ? 3 : 1 + nyx_random(rng) % 3);
}

static void random_round(FxMem *mem, uint64_t seed, unsigned *seen)
{
    uint64_t rng = seed * 0x9e3779b97f4a7c15ULL | 1;
    g_autofree char *row = g_strdup_printf("seed %" PRIu64, seed);
    Tables t, outer;
    uint64_t pool;

    tables_init(&t, mem, 3 + seed % 3, 46 + seed % 2);
    t.has_2m = nyx_random(&rng) % 4;
    t.has_1g = nyx_random(&rng) % 4;
    t.snoop = nyx_random(&rng) & 1;
    pool = fx_mem_pages(mem, RANDOM_PAGES);
    for (uint64_t at = pool; at < pool + RANDOM_PAGES * 0x1000; at += 8) {
        fx_mem_poke(mem, at, random_entry(&rng, pool));
    }
    t.root = pool;
    fx_mem_hole(mem, pool + 0x3000, pool + 0x3fff);
    if (seed % 4 == 3) {
        /* Tables' addresses go through an outer stage that shuffles pages. */
        outer = t;
        outer.root = fx_mem_pages(mem, 1);
        t.outer = &outer;
        for (unsigned i = 0; i < RANDOM_PAGES; i++) {
            set_leaf(&outer, pool + i * 0x1000, 1,
                     pool + (i ^ 5) * 0x1000, i % 8 < 7 ? 3 : i / 8 % 4);
        }
    }
    for (unsigned i = 0; i < 4000; i++) {
        NyxWalk walk = compare(row, &t, nyx_random(&rng), nyx_random(&rng) & 3);

        seen[walk.status]++;
    }
    fx_mem_no_hole(mem);
}

static void test_random(void)
{
    unsigned seen[NYX_WALK_STATUS_COUNT] = { };
    FxMem mem;

    fx_mem_init(&mem);
    for (uint64_t seed = 0; seed < 48; seed++) {
        random_round(&mem, seed, seen);
    }
    fx_mem_destroy(&mem);
    for (unsigned i = 0; i < NYX_WALK_STATUS_COUNT; i++) {
        /* Nothing is marked here, and second stages know no privilege. */
        bool possible = i != NYX_WALK_PRIVILEGE && i < NYX_WALK_MARK_FAULT;

        g_test_message("status %u: %u walks", i, seen[i]);
        g_assert_true(possible ? seen[i] > 100 : !seen[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/walk/sweep", test_sweep);
    g_test_add_func("/nyx/walk/index-bits", test_index_bits);
    g_test_add_func("/nyx/walk/reserved", test_reserved);
    g_test_add_func("/nyx/walk/one-large-size", test_one_large_size);
    g_test_add_func("/nyx/walk/output-width", test_output_width);
    g_test_add_func("/nyx/walk/permissions", test_permissions);
    g_test_add_func("/nyx/walk/order", test_order);
    g_test_add_func("/nyx/walk/read-errors", test_read_errors);
    g_test_add_func("/nyx/walk/trail", test_trail);
    g_test_add_func("/nyx/walk/start", test_start);
    g_test_add_func("/nyx/walk/nested", test_nested);
    g_test_add_func("/nyx/walk/random", test_random);
    return g_test_run();
}
