/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * First stage over second stage: sizes, permissions, marks of both, and
 * whose fault it is.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "naive-walk.h"

/* First stage: A 5, D 6.  Second stage: A 8, D 9. */
#define FS_A (1ULL << 5)
#define FS_D (1ULL << 6)
#define SS_A (1ULL << 8)
#define SS_D (1ULL << 9)

/* First-stage tables are at guest-physical addresses this much higher. */
#define BIAS 0x100000000ULL
#define SECOND_BITS 48
#define IOVA 0x7654321000ULL
/* Where the first stage ends, and where that is. */
#define GPA 0x4000000000ULL
#define HPA 0x0c0000000ULL

typedef struct Two {
    FxMem mem;
    NvTables first;
    NvTables second;
} Two;

static uint64_t leaf_size(unsigned level)
{
    return 1ULL << (12 + 9 * (level - 1));
}

/* Where the second stage keeps the page with this table. */
static void map_table(Two *two, uint64_t gpa, unsigned bits)
{
    nv_leaf(&two->second, gpa & ~0xfffULL, 1,
            (gpa & ~0xfffULL) - BIAS, bits);
}

/*
 * Both stages for IOVA: leaves of these levels; tables of the first stage in
 * 4 KiB pages of the second, which may be written.
 */
static void two_init(Two *two, unsigned first_levels, unsigned first_level,
                     unsigned second_levels, unsigned second_level)
{
    fx_mem_reset(&two->mem);
    nv_init(&two->second, &two->mem, false, second_levels, 46);
    nv_init(&two->first, &two->mem, true, first_levels, 46);
    two->second.ad = true;
    two->first.bias = BIAS;
    two->first.root += BIAS;
    nv_leaf(&two->first, IOVA, first_level, GPA, 7);
    nv_leaf(&two->second, GPA + (IOVA & (leaf_size(first_level) - 1)),
            second_level, HPA, 3);
    for (unsigned level = first_level; level <= first_levels; level++) {
        map_table(two, nv_entry(&two->first, IOVA, level) + BIAS, 3);
    }
}

static NyxNestedWalk compare(const char *row, Two *two, uint64_t iova,
                             unsigned need)
{
    return nv_compare_nested(row, &two->first, &two->second, SECOND_BITS,
                             iova, need);
}

static NyxNestedWalk run(Two *two, const NyxMem *mem, unsigned need)
{
    NyxWalkCtx first = nv_ctx(&two->first), second = nv_ctx(&two->second);
    const NyxNestedCtx ctx = { &first, &second, SECOND_BITS };
    NyxNestedWalk walk;

    if (mem) {
        first.mem = second.mem = mem;
    }
    nyx_nested_walk(&ctx, IOVA, need, NULL, &walk);
    return walk;
}

/* The second stage's leaf for a first-stage table, or for the result. */
static uint64_t table_leaf(Two *two, unsigned level)
{
    return nv_entry(&two->second, nv_entry(&two->first, IOVA, level) + BIAS,
                    1);
}

/* --- Sizes ---------------------------------------------------------------- */

static void test_sizes(void)
{
    Two two;

    fx_mem_init(&two.mem);
    for (unsigned i = 0; i < 2 * 3 * 2 * 3; i++) {
        unsigned first = 1 + i / 2 % 3, second = 1 + i / 12;
        unsigned smaller = MIN(first, second);
        g_autofree char *row = g_strdup_printf(
            "%u levels, leaf at %u over %u levels, leaf at %u", 4 + i % 2,
            first, 4 + i / 6 % 2, second);
        uint64_t way = IOVA & (leaf_size(first) - 1);
        NyxNestedWalk walk;

        two_init(&two, 4 + i % 2, first, 4 + i / 6 % 2, second);
        for (unsigned need = 0; need < 8; need++) {
            compare(row, &two, IOVA, need);
            compare(row, &two, IOVA + 0xfff, need);
        }
        two.mem.reads = 0;
        walk = run(&two, NULL, NV_W);
        FX_CHECK(row, walk.status, NYX_NESTED_OK);
        FX_CHECK(row, walk.lg2, 12 + 9 * (smaller - 1));
        FX_CHECK(row, walk.gpa, GPA + way);
        FX_CHECK(row, walk.addr, HPA + ((way & (leaf_size(second) - 1)) &
                                        ~(leaf_size(smaller) - 1)));
        FX_CHECK(row, walk.permission & 7, NV_R | NV_W | NV_X);
        /* With nothing left to mark: what the manual counts. */
        two.mem.reads = 0;
        run(&two, NULL, NV_W);
        FX_CHECK(row, two.mem.reads,
                 (two.first.levels - first + 1) *
                 (two.second.levels + 1) + two.second.levels - second + 1);
        /* An end of the block, and what is beyond it. */
        compare(row, &two, IOVA + leaf_size(smaller) - 0x1000, NV_R);
        compare(row, &two, IOVA + leaf_size(smaller), NV_R);
    }
    fx_mem_destroy(&two.mem);
}

/* Tables of the first stage in large pages of the second. */
static void test_table_sizes(void)
{
    Two two;

    fx_mem_init(&two.mem);
    for (unsigned level = 2; level <= 3; level++) {
        two_init(&two, 5, 1, 5, 1);
        nv_leaf(&two.second, BIAS, level, 0, 3);
        FX_CHECK("large", compare("large", &two, IOVA, NV_W).status,
                 NYX_NESTED_OK);
        nv_leaf(&two.second, BIAS, level, 0, 1);
        FX_CHECK("large", compare("large", &two, IOVA, NV_W).status,
                 NYX_NESTED_STORE);
    }
    fx_mem_destroy(&two.mem);
}

/* --- Permissions ---------------------------------------------------------- */

static void test_permissions(void)
{
    Two two;

    fx_mem_init(&two.mem);
    two_init(&two, 4, 1, 4, 1);
    for (unsigned i = 0; i < 8 * 4 * 16; i++) {
        unsigned second = i / 8 % 4;
        g_autofree char *row = g_strdup_printf("%u over %u, features %x",
                                               i % 8, second, i / 32);

        nv_leaf(&two.first, IOVA, 1, GPA, 1 | (i & 1 ? 2 : 0) |
                (i & 2 ? 4 : 0) | (i & 4 ? 1ULL << 63 : 0));
        nv_leaf(&two.second, GPA, 1, HPA, second);
        two.first.priv = i / 32 & 1;
        two.first.wpe = i / 32 & 2;
        two.first.smep = i / 32 & 4;
        two.second.ad = i / 32 & 8;
        for (unsigned need = 0; need < 8; need++) {
            NyxNestedWalk walk = compare(row, &two, IOVA, need);

            if (walk.status == NYX_NESTED_OK) {
                FX_CHECK(row, walk.permission & need & 3, need & 3);
                FX_CHECK(row, walk.permission & ~second & 3, 0);
            }
        }
    }
    fx_mem_destroy(&two.mem);
}

/* --- Faults --------------------------------------------------------------- */

/* Each way the second stage can refuse a first-stage table, at each level. */
static void test_table_faults(void)
{
    static const struct {
        const char *name;
        uint64_t entry;      /* of the second stage, instead of its address */
        bool keep;           /* or-ed to it */
        NyxWalkStatus status;
    } rows[] = {
        { "not present", 0, false, NYX_WALK_EMPTY },
        { "write-only", 2, true, NYX_WALK_DENIED },
        { "reserved", 3 | 1ULL << 62, true, NYX_WALK_RESERVED },
        { "beyond the host", 3 | 1ULL << 46, true, NYX_WALK_RESERVED },
    };
    Two two;

    fx_mem_init(&two.mem);
    for (unsigned levels = 4; levels <= 5; levels++) {
        for (unsigned i = 0; i < ARRAY_SIZE(rows) * levels; i++) {
            unsigned level = 1 + i / ARRAY_SIZE(rows);
            const char *name = rows[i % ARRAY_SIZE(rows)].name;
            NyxNestedWalk walk;
            uint64_t at, was;

            two_init(&two, levels, 1, 4, 1);
            at = table_leaf(&two, level);
            was = fx_mem_peek(&two.mem, at);
            fx_mem_poke(&two.mem, at, rows[i % ARRAY_SIZE(rows)].entry |
                        (rows[i % ARRAY_SIZE(rows)].keep ? was & ~3ULL : 0));
            walk = compare(name, &two, IOVA, NV_R);
            FX_CHECK(name, walk.status, NYX_NESTED_TABLE);
            FX_CHECK(name, walk.first.level, level - 1);
            FX_CHECK(name, walk.second.status,
                     rows[i % ARRAY_SIZE(rows)].status);
            FX_CHECK(name, walk.gpa & ~0xfffULL,
                     (nv_entry(&two.first, IOVA, level) + BIAS) & ~0xfffULL);
        }
    }
    fx_mem_destroy(&two.mem);
}

/* Its own tables cannot be read, for a table of the first, or the result. */
static void test_read_errors(void)
{
    Two two;

    fx_mem_init(&two.mem);
    for (unsigned level = 1; level <= 4; level++) {
        for (unsigned outer = 1; outer <= 4; outer++) {
            NyxNestedWalk walk;
            uint64_t at;

            two_init(&two, 4, 1, 4, 1);
            at = nv_entry(&two.second,
                          nv_entry(&two.first, IOVA, level) + BIAS, outer);
            fx_mem_hole(&two.mem, at, at + 7);
            walk = compare("SS table", &two, IOVA, NV_R);
            FX_CHECK("SS table", walk.status, NYX_NESTED_TABLE);
            FX_CHECK("SS table", walk.second.status, NYX_WALK_READ_ERROR);
            FX_CHECK("SS table", walk.second.level, outer - 1);
            at = nv_entry(&two.second, GPA, outer);
            fx_mem_hole(&two.mem, at, at + 7);
            walk = compare("SS result", &two, IOVA, NV_R);
            FX_CHECK("SS result", walk.status,
                     outer > 3 ? NYX_NESTED_TABLE : NYX_NESTED_FINAL);
            FX_CHECK("SS result", walk.second.status, NYX_WALK_READ_ERROR);
            fx_mem_no_hole(&two.mem);
        }
        /* The first stage's table itself. */
        two_init(&two, 4, 1, 4, 1);
        fx_mem_hole(&two.mem, nv_entry(&two.first, IOVA, level),
                    nv_entry(&two.first, IOVA, level) + 7);
        FX_CHECK("FS", compare("FS", &two, IOVA, NV_R).status,
                 NYX_NESTED_FIRST);
        FX_CHECK("FS", run(&two, NULL, NV_R).first.status,
                 NYX_WALK_READ_ERROR);
        fx_mem_no_hole(&two.mem);
    }
    fx_mem_destroy(&two.mem);
}

/* Addresses that the second stage is too narrow for. */
static void test_width(void)
{
    Two two;

    fx_mem_init(&two.mem);
    for (unsigned level = 1; level <= 4; level++) {
        NyxNestedWalk walk;
        uint64_t at = 0;

        two_init(&two, 4, 1, 4, 1);
        two.first.haw = 52;
        if (level < 4) {
            at = nv_entry(&two.first, IOVA, level + 1);
            fx_mem_poke(&two.mem, at, fx_mem_peek(&two.mem, at) | 1ULL << 48);
        } else {
            two.first.root |= 1ULL << 48;
        }
        walk = compare("table", &two, IOVA, NV_R);
        FX_CHECK("table", walk.status, NYX_NESTED_TABLE);
        FX_CHECK("table", walk.second.status, NYX_WALK_WIDTH);
        FX_CHECK("table", walk.first.level, level - 1);
        /* Below the width it is another page, which is not there. */
        if (level < 4) {
            fx_mem_poke(&two.mem, at, (fx_mem_peek(&two.mem, at) ^
                                       1ULL << 48) | 1ULL << 47);
            walk = compare("below", &two, IOVA, NV_R);
            FX_CHECK("below", walk.second.status, NYX_WALK_EMPTY);
        }
    }
    for (unsigned bit = 46; bit < 52; bit++) {
        NyxNestedWalk walk;

        two_init(&two, 4, 1, 4, 1);
        two.first.haw = 52;
        nv_leaf(&two.first, IOVA, 1, GPA | 1ULL << bit, 7);
        walk = compare("final", &two, IOVA, NV_R);
        FX_CHECK("final", walk.status, NYX_NESTED_FINAL);
        FX_CHECK("final", walk.second.status,
                 bit < 48 ? NYX_WALK_EMPTY : NYX_WALK_WIDTH);
    }
    fx_mem_destroy(&two.mem);
}

/* The final address: each status, and the first stage's comes before. */
static void test_final_faults(void)
{
    Two two;
    NyxNestedWalk walk;

    fx_mem_init(&two.mem);
    two_init(&two, 4, 1, 4, 1);
    nv_leaf(&two.second, GPA, 1, HPA, 1);
    walk = compare("read-only", &two, IOVA, NV_W);
    FX_CHECK("read-only", walk.status, NYX_NESTED_FINAL);
    FX_CHECK("read-only", walk.second.status, NYX_WALK_DENIED);
    FX_CHECK("read-only", walk.second.permission & 3, NV_R);
    nv_leaf(&two.second, GPA, 1, HPA, 2);
    walk = compare("write-only", &two, IOVA, NV_R);
    FX_CHECK("write-only", walk.second.status, NYX_WALK_DENIED);
    nv_leaf(&two.second, GPA, 1, HPA, 0);
    walk = compare("empty", &two, IOVA, NV_R);
    FX_CHECK("empty", walk.second.status, NYX_WALK_EMPTY);
    nv_leaf(&two.second, GPA, 1, HPA | 1ULL << 62, 3);
    walk = compare("reserved", &two, IOVA, NV_R);
    FX_CHECK("reserved", walk.second.status, NYX_WALK_RESERVED);
    nv_leaf(&two.first, IOVA, 1, GPA, 5);
    walk = compare("first", &two, IOVA, NV_W);
    FX_CHECK("first", walk.status, NYX_NESTED_FIRST);
    FX_CHECK("first", walk.first.status, NYX_WALK_DENIED);
    nv_leaf(&two.first, IOVA, 1, GPA, 3);
    walk = compare("first", &two, IOVA, NV_R);
    FX_CHECK("first", walk.first.status, NYX_WALK_PRIVILEGE);
    fx_mem_destroy(&two.mem);
}

/* --- Marks ---------------------------------------------------------------- */

/* Every entry of both stages, read and written to. */
static void test_marks(void)
{
    Two two;

    fx_mem_init(&two.mem);
    for (unsigned write = 0; write < 2; write++) {
        NyxNestedWalk walk;

        two_init(&two, 4, 1, 4, 1);
        compare("marks", &two, IOVA, write ? NV_W : NV_R);
        walk = run(&two, NULL, write ? NV_W : NV_R);
        FX_CHECK("marks", walk.status, NYX_NESTED_OK);
        for (unsigned level = 1; level <= 4; level++) {
            uint64_t fs = fx_mem_peek(&two.mem,
                                      nv_entry(&two.first, IOVA, level));
            uint64_t ss = fx_mem_peek(&two.mem, nv_entry(&two.second, GPA,
                                                         level));

            FX_CHECK("first", fs & (FS_A | FS_D),
                     FS_A | (write && level == 1 ? FS_D : 0));
            FX_CHECK("second", ss & (SS_A | SS_D),
                     SS_A | (write && level == 1 ? SS_D : 0));
            /* The tables' pages were written to: they got A. */
            FX_CHECK("tables", fx_mem_peek(&two.mem, table_leaf(&two, level))
                     & (SS_A | SS_D), SS_A | SS_D);
        }
        /* With the first stage's marks there, reads leave them clean. */
        for (unsigned level = 1; level <= 4; level++) {
            map_table(&two, nv_entry(&two.first, IOVA, level) + BIAS, 1);
        }
        FX_CHECK("again", run(&two, NULL, NV_R).status, NYX_NESTED_OK);
        for (unsigned level = 1; level <= 4; level++) {
            FX_CHECK("again", fx_mem_peek(&two.mem, table_leaf(&two, level))
                     & (SS_A | SS_D), SS_A);
        }
    }
    fx_mem_destroy(&two.mem);
}

/* Which stages' leaves are clean. */
static void test_clean(void)
{
    Two two;

    fx_mem_init(&two.mem);
    for (unsigned i = 0; i < 4; i++) {
        NyxWalkCtx first, second;
        NyxNestedWalk walk;

        two_init(&two, 4, 1, 4, 1);
        nv_leaf(&two.first, IOVA, 1, GPA, 7 | (i & 1 ? FS_D : 0));
        nv_leaf(&two.second, GPA, 1, HPA, 3 | (i & 2 ? SS_D : 0));
        first = nv_ctx(&two.first);
        second = nv_ctx(&two.second);
        const NyxNestedCtx ctx = { &first, &second, SECOND_BITS };

        walk = run(&two, NULL, NV_R);
        FX_CHECK("clean", nyx_nested_clean(&ctx, &walk), i != 3);
        walk = run(&two, NULL, NV_R | NYX_NEED_DIRTY);
        FX_CHECK("dirty", nyx_nested_clean(&ctx, &walk), false);
    }
    fx_mem_destroy(&two.mem);
}

/* A table that may only be read, at each level: no mark can be stored. */
static void test_store_faults(void)
{
    Two two;

    fx_mem_init(&two.mem);
    for (unsigned level = 1; level <= 4; level++) {
        NyxNestedWalk walk;
        uint64_t at;

        two_init(&two, 4, 1, 4, 1);
        at = nv_entry(&two.first, IOVA, level);
        map_table(&two, at + BIAS, 1);
        walk = compare("store", &two, IOVA, NV_R);
        FX_CHECK("store", walk.status, NYX_NESTED_STORE);
        FX_CHECK("store", walk.first.status, NYX_WALK_MARK_FAULT);
        FX_CHECK("store", walk.first.level, level - 1);
        FX_CHECK("store", walk.second.status, NYX_WALK_DENIED);
        FX_CHECK("store", walk.gpa, at + BIAS);
        /* A refused result outranks it. */
        nv_leaf(&two.second, GPA, 1, HPA, 2);
        FX_CHECK("order", compare("order", &two, IOVA, NV_R).status,
                 NYX_NESTED_FINAL);
        nv_leaf(&two.second, GPA, 1, HPA, 3);
        /* Nothing to store, nothing to refuse. */
        fx_mem_poke(&two.mem, at, fx_mem_peek(&two.mem, at) | FS_A);
        FX_CHECK("marked", compare("marked", &two, IOVA, NV_R).status,
                 NYX_NESTED_OK);
    }
    fx_mem_destroy(&two.mem);
}

/* A refused result leaves the first stage unmarked. */
static void test_refused(void)
{
    Two two;

    fx_mem_init(&two.mem);
    two_init(&two, 4, 1, 4, 1);
    nv_leaf(&two.second, GPA, 1, HPA, 1);
    FX_CHECK("refused", run(&two, NULL, NV_W).status, NYX_NESTED_FINAL);
    for (unsigned level = 1; level <= 4; level++) {
        FX_CHECK("first", fx_mem_peek(&two.mem, nv_entry(&two.first, IOVA,
                                                         level)) & FS_A, 0);
        /* But its tables were read. */
        FX_CHECK("tables", fx_mem_peek(&two.mem, table_leaf(&two, level)) &
                 (SS_A | SS_D), SS_A);
    }
    fx_mem_destroy(&two.mem);
}

/* --- Races and stores that fail ------------------------------------------- */

typedef struct Race {
    FxMem *mem;
    NyxMem ops;
    uint64_t at;
    bool forever;            /* a bit that nobody looks at flips */
    bool rom;                /* the store fails */
    uint64_t value;          /* stored at the first try, if there is one */
    unsigned stores;
} Race;

static bool race_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
    Race *race = opaque;

    return race->mem->ops.read(race->mem, gpa, buf, len);
}

static bool race_cmpxchg64(void *opaque, uint64_t gpa, uint64_t *expected,
                           uint64_t desired)
{
    Race *race = opaque;

    if (gpa == race->at) {
        race->stores++;
        if (race->rom) {
            return false;
        }
        if (race->forever) {
            fx_mem_poke(race->mem, gpa,
                        fx_mem_peek(race->mem, gpa) ^ 1ULL << 60);
        } else if (race->stores == 1) {
            fx_mem_poke(race->mem, gpa, race->value);
        }
    }
    return race->mem->ops.cmpxchg64(race->mem, gpa, expected, desired);
}

static void race_init(Race *race, Two *two, uint64_t at)
{
    *race = (Race) {
        .mem = &two->mem,
        .ops = { .read = race_read, .cmpxchg64 = race_cmpxchg64,
                 .opaque = race },
        .at = at,
    };
}

/* Each entry that a walk marks, with who is to blame for it. */
static uint64_t victim(Two *two, unsigned i, NyxNestedStatus *who)
{
    unsigned level = 1 + i % 4;

    switch (i / 4) {
    case 0:
        *who = NYX_NESTED_FIRST;
        return nv_entry(&two->first, IOVA, level);
    case 1:
        *who = NYX_NESTED_TABLE;
        return table_leaf(two, level);
    default:
        *who = level > 3 ? NYX_NESTED_TABLE : NYX_NESTED_FINAL;
        return nv_entry(&two->second, GPA, level);
    }
}

static void test_forever(void)
{
    NyxNestedStatus who;
    Two two;

    fx_mem_init(&two.mem);
    for (unsigned i = 0; i < 2 * 12; i++) {
        NyxNestedWalk walk;
        NyxWalkStatus status;
        Race race;

        two_init(&two, 4, 1, 4, 1);
        race_init(&race, &two, victim(&two, i % 12, &who));
        race.forever = i < 12;
        race.rom = !race.forever;
        walk = run(&two, &race.ops, NV_W);
        FX_CHECK("forever", walk.status, who);
        status = who == NYX_NESTED_FIRST ? walk.first.status
                                         : walk.second.status;
        FX_CHECK("forever", status, NYX_WALK_MARK_ERROR);
        FX_CHECK("forever", race.stores, race.forever ? 256 : 1);
    }
    fx_mem_destroy(&two.mem);
}

/* Changed once: both stages are walked again, and the answer is the new. */
static void test_moved(void)
{
    Two two;
    NyxNestedWalk walk;
    Race race;

    fx_mem_init(&two.mem);
    two_init(&two, 4, 1, 4, 1);
    race_init(&race, &two, nv_entry(&two.second, GPA, 1));
    race.value = 0x123000 | 3;
    walk = run(&two, &race.ops, NV_W);
    FX_CHECK("second", walk.status, NYX_NESTED_OK);
    FX_CHECK("second", walk.addr, 0x123000);
    FX_CHECK("second", fx_mem_peek(&two.mem, race.at),
             0x123003 | SS_A | SS_D);

    two_init(&two, 4, 1, 4, 1);
    nv_leaf(&two.second, GPA + 0x5000, 1, 0x456000, 3);
    race_init(&race, &two, nv_entry(&two.first, IOVA, 1));
    race.value = (GPA + 0x5000) | 7;
    walk = run(&two, &race.ops, NV_W);
    FX_CHECK("first", walk.status, NYX_NESTED_OK);
    FX_CHECK("first", walk.addr, 0x456000);
    FX_CHECK("first", walk.gpa, GPA + 0x5000);
    /* The page that it was not in the end is as it was. */
    FX_CHECK("first", fx_mem_peek(&two.mem, nv_entry(&two.second, GPA, 1)),
             HPA | 3);

    /* A table's page moves in the second stage, with a copy of its table. */
    two_init(&two, 4, 1, 4, 1);
    race_init(&race, &two, table_leaf(&two, 1));
    race.value = fx_mem_pages(&two.mem, 1) | 3;
    fx_mem_poke(&two.mem, (race.value & ~0xfffULL) | (IOVA >> 12 & 511) * 8,
                GPA | 5);
    walk = run(&two, &race.ops, NV_W);
    FX_CHECK("table", walk.status, NYX_NESTED_FIRST);
    FX_CHECK("table", walk.first.status, NYX_WALK_DENIED);
    fx_mem_destroy(&two.mem);
}

/*
 * Begun at a cached table of the first stage; when its entry changes, the
 * walk begins anew at the root, where that table is not any more.
 */
static void test_start(void)
{
    NyxWalkCtx first, second;
    NyxNestedWalk walk;
    Race race;
    Two two;

    fx_mem_init(&two.mem);
    for (unsigned moved = 0; moved < 2; moved++) {
        two_init(&two, 4, 1, 4, 1);
        race_init(&race, &two, nv_entry(&two.first, IOVA, 1));
        race.value = moved ? 0x5007 : GPA | 7;
        first = nv_ctx(&two.first);
        second = nv_ctx(&two.second);
        first.mem = second.mem = &race.ops;
        const NyxNestedCtx ctx = { &first, &second, SECOND_BITS };
        const NyxWalkStart start = {
            .table = (race.at + BIAS) & ~0xfffULL,
            .permission = 0xff,
        };

        if (moved) {
            fx_mem_poke(&two.mem, nv_entry(&two.first, IOVA, 2), 0);
        }
        nyx_nested_walk(&ctx, IOVA, NV_R, &start, &walk);
        FX_CHECK("start", walk.status,
                 moved ? NYX_NESTED_FIRST : NYX_NESTED_OK);
        FX_CHECK("start", walk.first.level, moved ? 1 : 0);
        FX_CHECK("start", walk.first.steps, moved ? 3 : 1);
    }
    fx_mem_destroy(&two.mem);
}

/* Both stages flip whatever is about to be marked: still bounded. */
static bool flip_cmpxchg64(void *opaque, uint64_t gpa, uint64_t *expected,
                           uint64_t desired)
{
    Race *race = opaque;

    race->stores++;
    *expected ^= 1ULL << 60;
    return true;
}

static void test_all_flip(void)
{
    Two two;
    Race race;

    fx_mem_init(&two.mem);
    two_init(&two, 5, 1, 5, 1);
    race_init(&race, &two, 0);
    race.ops.cmpxchg64 = flip_cmpxchg64;
    two.mem.reads = 0;
    FX_CHECK("flip", run(&two, &race.ops, NV_W).status, NYX_NESTED_TABLE);
    FX_CHECK("flip", race.stores, 256);
    FX_CHECK("flip", two.mem.reads <= 256 * 36, true);
    fx_mem_destroy(&two.mem);
}

/* --- Random tables -------------------------------------------------------- */

#define RANDOM_PAGES 24

static uint64_t random_first(uint64_t *rng, uint64_t pool)
{
    uint64_t page = pool + nyx_random(rng) % RANDOM_PAGES * 0x1000;
    uint64_t entry = page | (nyx_random(rng) & 0x7ff0000000000f78ULL) | 1;
    unsigned dice = nyx_random(rng) % 32;

    if (dice == 0) {
        return nyx_random(rng) & ~1ULL;
    }
    if (dice < 4) {
        entry = (entry & ~0x3fffffffULL) | (entry & 0xfff) | 0x80;
    }
    entry |= dice == 4 ? 1ULL << nyx_random(rng) % 64 : 0;
    entry |= nyx_random(rng) % 8 ? 2 : 0;
    entry |= nyx_random(rng) % 16 ? 4 : 0;
    return entry;
}

static void random_round(Two *two, uint64_t seed, unsigned *seen)
{
    uint64_t rng = seed * 0x9e3779b97f4a7c15ULL | 1;
    g_autofree char *row = g_strdup_printf("seed %" PRIu64, seed);
    NvTables *first = &two->first, *second = &two->second;
    uint64_t pool;

    fx_mem_reset(&two->mem);
    nv_init(second, &two->mem, false, 3 + seed % 3, 46);
    nv_init(first, &two->mem, true, 4 + seed % 2, 46 + seed % 5);
    pool = fx_mem_pages(&two->mem, RANDOM_PAGES);
    for (uint64_t at = pool; at < pool + RANDOM_PAGES * 0x1000; at += 8) {
        fx_mem_poke(&two->mem, at, random_first(&rng, pool + BIAS));
    }
    first->root = pool + BIAS;
    second->ad = seed & 1;
    first->ea = seed & 2;
    /* What it maps is these pages, shuffled, most of them for everything. */
    for (unsigned i = 0; i < RANDOM_PAGES; i++) {
        unsigned rw = nyx_random(&rng) % 12;

        nv_leaf(second, BIAS + pool + i * 0x1000, 1,
                (i ^ 5) < RANDOM_PAGES ? pool + (i ^ 5) * 0x1000 : pool,
                (rw < 4 && i ? rw : 3) |
                (nyx_random(&rng) % 24 ? 0 : 1ULL << 62));
    }
    if (seed % 3 == 0) {
        /* Or one large page that has them all. */
        nv_leaf(second, BIAS, 3, 0, 3);
    }
    for (unsigned i = 0; i < 400; i++) {
        unsigned kind = nyx_random(&rng);
        NyxNestedWalk walk;

        first->priv = kind & 1;
        first->wpe = kind & 2;
        first->smep = kind & 4;
        walk = nv_compare_nested(row, first, second, seed % 7 ? 39 : 32,
                                 nyx_random(&rng), nyx_random(&rng) & 7);
        seen[walk.status]++;
    }
}

static void test_random(void)
{
    unsigned seen[NYX_NESTED_STATUS_COUNT] = { };
    Two two;

    fx_mem_init(&two.mem);
    for (uint64_t seed = 0; seed < 48; seed++) {
        random_round(&two, seed, seen);
    }
    fx_mem_destroy(&two.mem);
    for (unsigned i = 0; i < NYX_NESTED_STATUS_COUNT; i++) {
        g_test_message("status %u: %u walks", i, seen[i]);
        g_assert_cmpuint(seen[i], >, 50);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/walk-nested/sizes", test_sizes);
    g_test_add_func("/nyx/walk-nested/table-sizes", test_table_sizes);
    g_test_add_func("/nyx/walk-nested/permissions", test_permissions);
    g_test_add_func("/nyx/walk-nested/table-faults", test_table_faults);
    g_test_add_func("/nyx/walk-nested/read-errors", test_read_errors);
    g_test_add_func("/nyx/walk-nested/width", test_width);
    g_test_add_func("/nyx/walk-nested/final-faults", test_final_faults);
    g_test_add_func("/nyx/walk-nested/marks", test_marks);
    g_test_add_func("/nyx/walk-nested/clean", test_clean);
    g_test_add_func("/nyx/walk-nested/store-faults", test_store_faults);
    g_test_add_func("/nyx/walk-nested/refused", test_refused);
    g_test_add_func("/nyx/walk-nested/forever", test_forever);
    g_test_add_func("/nyx/walk-nested/moved", test_moved);
    g_test_add_func("/nyx/walk-nested/start", test_start);
    g_test_add_func("/nyx/walk-nested/all-flip", test_all_flip);
    g_test_add_func("/nyx/walk-nested/random", test_random);
    return g_test_run();
}
