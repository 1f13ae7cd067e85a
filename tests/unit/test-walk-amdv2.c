/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest tables of AMD-Vi, alone and over host tables: the walker against the
 * naive one, and the rows of the specification typed in.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "naive-walk.h"

/* Bits of a guest entry. */
#define P  (1ULL << 0)
#define RW (1ULL << 1)
#define US (1ULL << 2)
#define A  (1ULL << 5)
#define D  (1ULL << 6)
#define PS (1ULL << 7)
#define NX (1ULL << 63)

/* And of a host entry. */
#define HOST_PR (1ULL << 0)
#define HOST_IR (1ULL << 61)
#define HOST_IW (1ULL << 62)
#define HOST_RW (HOST_PR | HOST_IR | HOST_IW)

#define ALL (NV_R | NV_W | NV_X)

static uint64_t leaf_size(unsigned level)
{
    return 1ULL << (12 + 9 * (level - 1));
}

static void guest_init(NvTables *t, FxMem *mem, unsigned levels)
{
    nv_init(t, mem, true, levels, 52);
    t->amd = t->us = true;
}

/* --- Layout --------------------------------------------------------------- */

static void test_layout(void)
{
    const NyxFormat *fmt = &nyx_fmt_amdv2;
    const NyxWalkCtx ctx = { .fmt = fmt, .addr_bits = 48 };

    g_assert_cmphex(fmt->table_mask, ==, 0x000ffffffffff000ULL);
    g_assert_cmphex(fmt->accessed.mask, ==, 1 << 5);
    g_assert_cmphex(fmt->dirty.mask, ==, 1 << 6);
    g_assert_cmphex(fmt->extended.mask, ==, 0);
    for (unsigned level = 1; level < 5; level++) {
        g_assert_cmphex(fmt->reserved(&ctx, level, NYX_ENTRY_TABLE), ==,
                        0x000f000000000080ULL);
    }
    g_assert_cmphex(fmt->reserved(&ctx, 0, NYX_ENTRY_LEAF), ==,
                    0x000f000000000000ULL);
    g_assert_cmphex(fmt->reserved(&ctx, 1, NYX_ENTRY_LEAF), ==,
                    0x000f0000001fe000ULL);
    g_assert_cmphex(fmt->reserved(&ctx, 2, NYX_ENTRY_LEAF), ==,
                    0x000f00003fffe000ULL);
}

/* --- Sizes and permissions ------------------------------------------------ */

static void test_sizes(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 2 * 3; i++) {
        unsigned levels = 4 + i % 2, level = 1 + i / 2;
        uint64_t size = leaf_size(level), half = 1ULL << (11 + 9 * levels);
        const uint64_t iovas[] = { 0, size, half - size, -half, -size };
        const uint64_t outs[] = { 0, size, (1ULL << 52) - size };

        for (unsigned j = 0; j < ARRAY_SIZE(iovas) * 3; j++) {
            uint64_t iova = iovas[j / 3], out = outs[j % 3];
            g_autofree char *row = g_strdup_printf(
                "%u levels, 0x%" PRIx64 " to 0x%" PRIx64, levels, iova, out);
            NyxWalk walk;

            fx_mem_reset(&mem);
            guest_init(&t, &mem, levels);
            nv_leaf(&t, iova, level, out, P | RW | US);
            walk = nv_compare(row, &t, iova + size - 1, ALL);
            FX_CHECK(row, walk.status, NYX_WALK_OK);
            FX_CHECK(row, walk.addr, out);
            FX_CHECK(row, walk.lg2, 12 + 9 * (level - 1));
            FX_CHECK(row, nv_compare(row, &t, iova - 1, NV_R).status,
                     NYX_WALK_EMPTY);
            FX_CHECK(row, nv_compare(row, &t, iova + size, NV_R).status,
                     NYX_WALK_EMPTY);
            if (iova < half) {
                FX_CHECK(row, nv_compare_range(row, &t, 0, half - 1), 1);
            }
        }
    }
    fx_mem_destroy(&mem);
}

/* Rights of leaf and table, for every kind of unit and of request. */
static void sweep_permissions(NvTables *t, unsigned level)
{
    uint64_t leaf = nv_entry(t, 0, level), table = nv_entry(t, 0, level + 1);
    uint64_t entry = fx_mem_peek(t->mem, table) & ~(RW | US | NX);

    for (unsigned i = 0; i < 64; i++) {
        g_autofree char *row = g_strdup_printf(
            "leaf at %u, rights %02x, features %u%u%u, withheld %u", level, i,
            t->priv, t->nxe, t->us, t->withheld);

        fx_mem_poke(t->mem, leaf, 0xc0000000 | P | (level > 1 ? PS : 0) |
                    (i & 1 ? RW : 0) | (i & 2 ? US : 0) | (i & 4 ? NX : 0));
        fx_mem_poke(t->mem, table, entry | (i & 8 ? RW : 0) |
                    (i & 16 ? US : 0) | (i & 32 ? NX : 0));
        for (unsigned need = 0; need < 8; need++) {
            nv_compare(row, t, 0x123, need);
        }
        nv_compare_range(row, t, 0, leaf_size(level));
    }
}

static void test_permissions(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 3 * 8 * 4; i++) {
        fx_mem_reset(&mem);
        guest_init(&t, &mem, 4 + i % 2);
        t.priv = i / 3 & 1;
        t.nxe = i / 3 & 2;
        t.us = i / 3 & 4;
        t.withheld = i / 24;
        sweep_permissions(&t, 1 + i % 3);
    }
    fx_mem_destroy(&mem);
}

/* Who may do what with a page, by hand. */
static const struct {
    const char *name;
    uint64_t leaf;
    bool us, nx, priv;
    unsigned withheld;
    unsigned granted;
} grant_rows[] = {
    { "user", P | RW | US, 1, 1, 0, 0, ALL },
    { "user, read-only", P | US, 1, 1, 0, 0, NV_R | NV_X },
    { "user, NX", P | RW | US | NX, 1, 1, 0, 0, NV_R | NV_W },
    { "user, NX ignored", P | RW | US | NX, 1, 0, 0, 0, ALL },
    { "user, supervisor's page", P | RW, 1, 1, 0, 0, 0 },
    { "user, U/S ignored", P | RW, 0, 1, 0, 0, ALL },
    { "supervisor, own page", P | RW, 1, 1, 1, 0, ALL },
    { "supervisor, user page", P | RW | US, 1, 1, 1, 0, ALL },
    { "supervisor, read-only", P, 1, 1, 1, 0, NV_R | NV_X },
    { "supervisor, NX", P | RW | NX, 1, 1, 1, 0, NV_R | NV_W },
    { "no IW", P | RW | US, 1, 1, 0, NV_W, NV_R | NV_X },
    { "no IW, supervisor", P | RW | US, 1, 1, 1, NV_W, NV_R | NV_X },
    { "no IR", P | RW | US, 1, 1, 0, NV_R | NV_X, NV_W },
};

static void test_grants(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < ARRAY_SIZE(grant_rows); i++) {
        const char *row = grant_rows[i].name;
        unsigned granted = grant_rows[i].granted;

        fx_mem_reset(&mem);
        guest_init(&t, &mem, 4);
        t.us = grant_rows[i].us;
        t.nxe = grant_rows[i].nx;
        t.priv = grant_rows[i].priv;
        t.withheld = grant_rows[i].withheld;
        nv_leaf(&t, 0x5000, 1, 0x7000, grant_rows[i].leaf);
        for (unsigned need = 0; need < 8; need++) {
            NyxWalk walk = nv_compare(row, &t, 0x5000, need);

            FX_CHECK(row, walk.status,
                     !(need & ~granted) ? NYX_WALK_OK :
                     granted ? NYX_WALK_DENIED : NYX_WALK_PRIVILEGE);
            if (walk.status == NYX_WALK_OK) {
                FX_CHECK(row, walk.permission & 7, granted);
            }
        }
    }
    fx_mem_destroy(&mem);
}

/* --- Reserved bits -------------------------------------------------------- */

/* 51:46; tables: 7; large leaves: low bits but 12. */
#define HIGH 0x000fc00000000000ULL

static const struct {
    const char *name;
    unsigned level;
    bool leaf;
    uint64_t mask;           /* for an address width of 46 */
} reserved_rows[] = {
    { "level 5 table", 5, false, HIGH | 0x80 },
    { "level 4 table", 4, false, HIGH | 0x80 },
    { "level 3 table", 3, false, HIGH },
    { "level 2 table", 2, false, HIGH },
    { "level 3 leaf", 3, true, HIGH | 0x3fffe000 },
    { "level 2 leaf", 2, true, HIGH | 0x1fe000 },
    { "level 1 leaf", 1, true, HIGH },
};

static void test_reserved(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < ARRAY_SIZE(reserved_rows) * 2; i++) {
        const char *row = reserved_rows[i / 2].name;
        unsigned level = reserved_rows[i / 2].level;
        bool leaf = reserved_rows[i / 2].leaf;
        uint64_t at, entry;

        fx_mem_reset(&mem);
        guest_init(&t, &mem, 5);
        t.haw = 46;
        t.nxe = i % 2;
        nv_leaf(&t, 0, leaf ? level : 1, 0x40000000, P | RW | US);
        at = nv_entry(&t, 0, level);
        entry = fx_mem_peek(&mem, at);
        for (unsigned bit = 1; bit < 64; bit++) {
            bool reserved = reserved_rows[i / 2].mask >> bit & 1;

            if (bit == 7 && level < 4) {
                continue;
            }
            fx_mem_poke(&mem, at, entry | 1ULL << bit);
            FX_CHECK(row, nv_compare(row, &t, 0, NV_R).status ==
                     NYX_WALK_RESERVED, reserved);
            fx_mem_poke(&mem, at, (entry | 1ULL << bit) & ~(RW | US));
            FX_CHECK(row, nv_compare(row, &t, 0, NV_W).status ==
                     NYX_WALK_RESERVED, reserved);
            fx_mem_poke(&mem, at, (entry | 1ULL << bit) & ~P);
            FX_CHECK(row, nv_compare(row, &t, 0, NV_R).status,
                     NYX_WALK_EMPTY);
        }
    }
    fx_mem_destroy(&mem);
}

/* --- Marks ---------------------------------------------------------------- */

/* Accessed and dirty are switched apart. */
static void test_marks(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned i = 0; i < 4 * 2 * 3; i++) {
        bool a = i & 1, d = i & 2, write = i & 4;
        unsigned level = 1 + i / 8;
        uint64_t before[5];
        NyxWalkCtx ctx;
        NyxWalk walk;

        fx_mem_reset(&mem);
        guest_init(&t, &mem, 4);
        t.ad = a || d;
        t.no_d = !d;
        t.d_only = !a;
        nv_leaf(&t, 0, level, 0x40000000, P | RW | US);
        for (unsigned l = 4; l >= level; l--) {
            before[4 - l] = fx_mem_peek(&mem, nv_entry(&t, 0, l));
        }
        nv_compare("marks", &t, 0, write ? NV_W : NV_R);
        ctx = nv_ctx(&t);
        nyx_walk_and_mark(&ctx, 0, write ? NV_W : NV_R, NULL, &walk);
        FX_CHECK("marks", walk.status, NYX_WALK_OK);
        FX_CHECK("marks", nyx_walk_marks(&ctx), a || d);
        FX_CHECK("clean", nyx_walk_clean(&ctx, &walk), d && !write);
        for (unsigned l = 4; l >= level; l--) {
            FX_CHECK("marks", fx_mem_peek(&mem, nv_entry(&t, 0, l)),
                     before[4 - l] | (a ? A : 0) |
                     (d && write && l == level ? D : 0));
        }
        /* Without A there is nothing to wait for. */
        for (unsigned s = 0; s < walk.steps; s++) {
            walk.trail[s].entry = before[s];
            FX_CHECK("step", nyx_walk_step_marked(&ctx, &walk.trail[s]), !a);
        }
    }
    fx_mem_destroy(&mem);
}

typedef struct Race {
    FxMem *mem;
    uint64_t at;
    unsigned stores;
} Race;

static void flip(void *opaque, uint64_t gpa)
{
    Race *r = opaque;

    if (gpa == r->at) {
        r->stores++;
        fx_mem_poke(r->mem, gpa, fx_mem_peek(r->mem, gpa) ^ 1ULL << 60);
    }
}

/* Only D is stored, and software flips a bit for ever: no write goes by. */
static void test_forever(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    for (unsigned d_only = 0; d_only < 2; d_only++) {
        Race r = { &mem, 0, 0 };
        NyxWalkCtx ctx;
        NyxWalk walk;

        fx_mem_reset(&mem);
        guest_init(&t, &mem, 4);
        t.ad = true;
        t.d_only = d_only;
        nv_leaf(&t, 0, 1, 0x7000, P | RW | US);
        r.at = nv_entry(&t, 0, 1);
        mem.on_cmpxchg = flip;
        mem.on_cmpxchg_opaque = &r;
        ctx = nv_ctx(&t);
        nyx_walk_and_mark(&ctx, 0, NV_W, NULL, &walk);
        FX_CHECK("forever", walk.status, NYX_WALK_MARK_ERROR);
        FX_CHECK("forever", r.stores, NYX_WALK_TRIES);
        FX_CHECK("forever", fx_mem_peek(&mem, r.at) & (A | D), 0);
        mem.on_cmpxchg = NULL;
        nyx_walk_and_mark(&ctx, 0, NV_W, NULL, &walk);
        FX_CHECK("at rest", walk.status, NYX_WALK_OK);
    }
    fx_mem_destroy(&mem);
}

/* --- Over host tables ----------------------------------------------------- */

#define IOVA 0x7654321000ULL
#define GPA  0x80000000ULL
#define HPA  0x0000ab0000000000ULL
/* Guest addresses of the guest's tables, over where they are. */
#define BIAS 0x4000000000ULL

typedef struct Two {
    FxMem mem;
    NvTables guest;
    NvTables host;
} Two;

/* The host's leaf for the guest table of @level. */
static uint64_t table_leaf(Two *two, unsigned level)
{
    return nv_entry(&two->host,
                    nv_entry(&two->guest, IOVA, level) + BIAS, 1);
}

/* A page at IOVA; all of it is permitted.  The host leaves out level 4. */
static void two_init(Two *two, unsigned levels, unsigned level,
                     unsigned host_level)
{
    uint64_t size = leaf_size(MAX(level, host_level));

    fx_mem_reset(&two->mem);
    nv_init(&two->host, &two->mem, false, 5, 52);
    two->host.amd = true;
    nv_skip(&two->host, 0, 5, 3);
    guest_init(&two->guest, &two->mem, levels);
    two->guest.root += BIAS;
    two->guest.bias = BIAS;
    nv_leaf(&two->guest, IOVA & -size, level, GPA, P | RW | US);
    for (unsigned l = 1; l <= levels; l++) {
        if (l >= level) {
            uint64_t at = nv_entry(&two->guest, IOVA & -size, l) & ~0xfffULL;

            nv_leaf(&two->host, at + BIAS, 1, at, HOST_RW);
        }
    }
    nv_leaf(&two->host, GPA, host_level, HPA, HOST_RW);
}

static NyxNestedWalk run(Two *two, uint64_t iova, unsigned need)
{
    return nv_compare_nested("two", &two->guest, &two->host, 64, iova, need);
}

static void test_nested_sizes(void)
{
    static Two two;

    fx_mem_init(&two.mem);
    for (unsigned i = 0; i < 2 * 3 * 3 * 4; i++) {
        unsigned level = 1 + i / 2 % 3, host_level = 1 + i / 6 % 3;
        uint64_t size = leaf_size(MIN(level, host_level));
        uint64_t iova = IOVA & -leaf_size(MAX(level, host_level));
        NyxNestedWalk walk;

        two_init(&two, 4 + i % 2, level, host_level);
        two.guest.ad = i / 18 & 1;
        two.host.ad = i / 18 & 2;
        walk = run(&two, iova + size - 1, NV_R | NV_W);
        FX_CHECK("sizes", walk.status, NYX_NESTED_OK);
        FX_CHECK("sizes", walk.lg2, 12 + 9 * (MIN(level, host_level) - 1));
        FX_CHECK("sizes", walk.addr, HPA);
    }
    fx_mem_destroy(&two.mem);
}

/* A host page of an encoded size: the smaller of both counts. */
static void test_nested_encoded(void)
{
    static Two two;
    NyxNestedWalk walk;

    fx_mem_init(&two.mem);
    two_init(&two, 4, 2, 1);
    for (unsigned i = 0; i < 16; i++) {
        nv_leaf(&two.host, GPA + i * 0x1000, 1, 0,
                nv_encoded(HPA, 16) | HOST_RW);
    }
    walk = run(&two, (IOVA & -leaf_size(2)) + 0x9123, NV_W);
    FX_CHECK("encoded", walk.status, NYX_NESTED_OK);
    FX_CHECK("encoded", walk.lg2, 16);
    FX_CHECK("encoded", walk.addr, HPA);
    walk = run(&two, (IOVA & -leaf_size(2)) + 0x10000, NV_W);
    FX_CHECK("beyond", walk.status, NYX_NESTED_FINAL);
    FX_CHECK("beyond", walk.second.status, NYX_WALK_EMPTY);
    fx_mem_destroy(&two.mem);
}

/* Whose refusal it is, at each of the accesses. */
static void test_nested_faults(void)
{
    static Two two;
    NyxNestedWalk walk;

    fx_mem_init(&two.mem);
    for (unsigned level = 1; level <= 4; level++) {
        two_init(&two, 4, 1, 1);
        fx_mem_poke(&two.mem, table_leaf(&two, level), 0);
        walk = run(&two, IOVA, NV_R);
        FX_CHECK("table", walk.status, NYX_NESTED_TABLE);
        FX_CHECK("table", walk.first.level, level - 1);
        FX_CHECK("table", walk.gpa >> 12,
                 (nv_entry(&two.guest, IOVA, level) + BIAS) >> 12);
        FX_CHECK("table", walk.second.status, NYX_WALK_EMPTY);
        /* Readable is enough, unless there is a mark to set. */
        two_init(&two, 4, 1, 1);
        fx_mem_poke(&two.mem, table_leaf(&two, level),
                    fx_mem_peek(&two.mem, table_leaf(&two, level)) &
                    ~HOST_IW);
        FX_CHECK("read-only", run(&two, IOVA, NV_W).status, NYX_NESTED_OK);
        two.guest.ad = true;
        walk = run(&two, IOVA, NV_W);
        FX_CHECK("store", walk.status, NYX_NESTED_STORE);
        FX_CHECK("store", walk.second.status, NYX_WALK_DENIED);
    }
    two_init(&two, 4, 1, 1);
    fx_mem_poke(&two.mem, nv_entry(&two.host, GPA, 1), HPA | HOST_PR |
                HOST_IR);
    walk = run(&two, IOVA, NV_W);
    FX_CHECK("final", walk.status, NYX_NESTED_FINAL);
    FX_CHECK("final", walk.second.status, NYX_WALK_DENIED);
    /* A guest address in a level that the host leaves out. */
    two_init(&two, 4, 1, 1);
    nv_leaf(&two.guest, IOVA, 1, 1ULL << 40, P | RW | US);
    walk = run(&two, IOVA, NV_W);
    FX_CHECK("left out", walk.status, NYX_NESTED_FINAL);
    FX_CHECK("left out", walk.second.status, NYX_WALK_EMPTY);
    FX_CHECK("left out", walk.second.lg2, 39);
    fx_mem_destroy(&two.mem);
}

/*
 * A device that may only read, or only write: the unit reads the guest's
 * tables and sets its marks all the same.
 */
static void test_nested_withheld(void)
{
    static Two two;

    fx_mem_init(&two.mem);
    for (unsigned withheld = 0; withheld < 4; withheld++) {
        for (unsigned guest = 0; guest < 2; guest++) {
            for (unsigned need = 1; need < 4; need++) {
                NyxNestedWalk walk;

                two_init(&two, 4, 1, 1);
                two.guest.ad = two.host.ad = true;
                (guest ? &two.guest : &two.host)->withheld = withheld;
                walk = run(&two, IOVA, need);
                FX_CHECK("withheld", walk.status,
                         !(need & withheld) ? NYX_NESTED_OK :
                         guest ? NYX_NESTED_FIRST : NYX_NESTED_FINAL);
                if (need & withheld) {
                    FX_CHECK("withheld",
                             (guest ? walk.first : walk.second).status,
                             NYX_WALK_DENIED);
                } else {
                    FX_CHECK("withheld", walk.permission & 3, 3 & ~withheld);
                }
            }
        }
    }
    fx_mem_destroy(&two.mem);
}

static void test_nested_marks(void)
{
    const uint64_t host_a = 1ULL << 5, host_d = 1ULL << 6;
    static Two two;

    fx_mem_init(&two.mem);
    for (unsigned i = 0; i < 16; i++) {
        bool a = i & 1, d = i & 2, had = i & 4, write = i & 8;
        NyxNestedWalk walk;
        NyxWalkCtx guest, host;
        const NyxNestedCtx ctx = { &guest, &host, 64 };

        two_init(&two, 4, 1, 1);
        two.guest.ad = a || d;
        two.guest.no_d = !d;
        two.guest.d_only = !a;
        two.host.ad = had;
        run(&two, IOVA, write ? NV_W : NV_R);
        guest = nv_ctx(&two.guest);
        host = nv_ctx(&two.host);
        nyx_nested_walk(&ctx, IOVA, write ? NV_W : NV_R, NULL, &walk);
        FX_CHECK("marks", walk.status, NYX_NESTED_OK);
        for (unsigned level = 1; level <= 4; level++) {
            bool stored = a || (d && write && level == 1);

            FX_CHECK("guest", fx_mem_peek(&two.mem,
                                          nv_entry(&two.guest, IOVA, level)) &
                     (A | D), (a ? A : 0) |
                     (d && write && level == 1 ? D : 0));
            FX_CHECK("table", fx_mem_peek(&two.mem, table_leaf(&two, level)) &
                     (host_a | host_d), (had ? host_a : 0) |
                     (had && stored ? host_d : 0));
        }
        FX_CHECK("page", fx_mem_peek(&two.mem, nv_entry(&two.host, GPA, 1)) &
                 (host_a | host_d),
                 (had ? host_a : 0) | (had && write ? host_d : 0));
    }
    fx_mem_destroy(&two.mem);
}

/* --- Random tables -------------------------------------------------------- */

#define RANDOM_PAGES 32

static uint64_t random_guest(uint64_t *rng, uint64_t pool)
{
    uint64_t page = pool + nyx_random(rng) % RANDOM_PAGES * 0x1000;
    uint64_t ignored = nyx_random(rng) & 0x7ff0000000000f78ULL;
    uint64_t entry = page | ignored;
    unsigned dice = nyx_random(rng) % 64;

    if (dice < 6) {
        return nyx_random(rng) & ~P;
    }
    if (dice < 16) {
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
    entry |= nyx_random(rng) % 16 ? 0 : NX;
    return entry | P;
}

static void random_features(NvTables *t, unsigned kind)
{
    t->priv = kind & 1;
    t->nxe = kind & 2;
    t->us = kind & 12;
    t->ad = kind & 16;
    t->no_d = kind & 32;
    t->d_only = !t->no_d && (kind & 64);
    t->withheld = kind & 0x380 ? 0 : kind >> 10 & 3;
}

static void random_round(FxMem *mem, uint64_t seed, unsigned *seen,
                         unsigned *leaves)
{
    uint64_t rng = seed * 0x9e3779b97f4a7c15ULL | 1;
    g_autofree char *row = g_strdup_printf("seed %" PRIu64, seed);
    uint64_t pool;
    NvTables t;

    fx_mem_reset(mem);
    guest_init(&t, mem, 4 + seed % 2);
    t.haw = 46 + seed % 3;
    pool = fx_mem_pages(mem, RANDOM_PAGES);
    for (uint64_t at = pool; at < pool + RANDOM_PAGES * 0x1000; at += 8) {
        fx_mem_poke(mem, at, random_guest(&rng, pool));
    }
    t.root = pool;
    fx_mem_hole(mem, pool + 0x3000, pool + 0x3fff);
    for (unsigned i = 0; i < 600; i++) {
        uint64_t iova = nyx_random(&rng), first = iova & 0x7fffffffffffULL;

        random_features(&t, nyx_random(&rng));
        seen[nv_compare(row, &t, iova, nyx_random(&rng) & 7).status]++;
        if (i % 8 == 0) {
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
    for (uint64_t seed = 0; seed < 32; seed++) {
        random_round(&mem, seed, seen, &leaves);
    }
    fx_mem_destroy(&mem);
    for (unsigned i = 0; i < NYX_WALK_TABLE_FAULT; i++) {
        g_test_message("status %u: %u walks", i, seen[i]);
        g_assert_cmpuint(seen[i], >, 100);
    }
    g_test_message("%u leaves", leaves);
    g_assert_cmpuint(leaves, >, 1000);
}

static void random_two(Two *two, uint64_t seed, unsigned *seen)
{
    uint64_t rng = seed * 0x9e3779b97f4a7c15ULL | 1;
    g_autofree char *row = g_strdup_printf("seed %" PRIu64, seed);
    uint64_t pool;

    fx_mem_reset(&two->mem);
    nv_init(&two->host, &two->mem, false, 4 + seed % 3, 46);
    two->host.amd = true;
    if (seed & 1) {
        nv_skip(&two->host, 0, two->host.levels, 3);
    }
    guest_init(&two->guest, &two->mem, 4 + seed % 2);
    pool = fx_mem_pages(&two->mem, RANDOM_PAGES);
    for (uint64_t at = pool; at < pool + RANDOM_PAGES * 0x1000; at += 8) {
        fx_mem_poke(&two->mem, at, random_guest(&rng, pool + BIAS));
    }
    two->guest.root = pool + BIAS;
    for (unsigned i = 0; i < RANDOM_PAGES; i++) {
        unsigned rw = nyx_random(&rng) % 12;

        nv_leaf(&two->host, BIAS + pool + i * 0x1000, 1,
                pool + (i ^ 5) * 0x1000,
                HOST_PR | (uint64_t)(rw < 4 && i ? rw : 3) << 61 |
                (nyx_random(&rng) % 24 ? 0 : 1ULL << 52));
    }
    for (unsigned i = 0; i < 400; i++) {
        NyxNestedWalk walk;

        random_features(&two->guest, nyx_random(&rng));
        two->guest.withheld = 0;
        two->host.ad = nyx_random(&rng) & 1;
        two->host.no_d = nyx_random(&rng) & 1;
        two->host.withheld = nyx_random(&rng) % 8 ? 0 : nyx_random(&rng) & 3;
        walk = nv_compare_nested(row, &two->guest, &two->host,
                                 seed % 7 ? 64 : 32, nyx_random(&rng),
                                 nyx_random(&rng) & 7);
        seen[walk.status]++;
    }
}

static void test_random_nested(void)
{
    unsigned seen[NYX_NESTED_STATUS_COUNT] = { };
    static Two two;

    fx_mem_init(&two.mem);
    for (uint64_t seed = 0; seed < 80; seed++) {
        random_two(&two, seed, seen);
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
    g_test_add_func("/nyx/walk-amdv2/layout", test_layout);
    g_test_add_func("/nyx/walk-amdv2/sizes", test_sizes);
    g_test_add_func("/nyx/walk-amdv2/permissions", test_permissions);
    g_test_add_func("/nyx/walk-amdv2/grants", test_grants);
    g_test_add_func("/nyx/walk-amdv2/reserved", test_reserved);
    g_test_add_func("/nyx/walk-amdv2/marks", test_marks);
    g_test_add_func("/nyx/walk-amdv2/forever", test_forever);
    g_test_add_func("/nyx/walk-amdv2/nested-sizes", test_nested_sizes);
    g_test_add_func("/nyx/walk-amdv2/nested-encoded", test_nested_encoded);
    g_test_add_func("/nyx/walk-amdv2/nested-faults", test_nested_faults);
    g_test_add_func("/nyx/walk-amdv2/nested-withheld", test_nested_withheld);
    g_test_add_func("/nyx/walk-amdv2/nested-marks", test_nested_marks);
    g_test_add_func("/nyx/walk-amdv2/random", test_random);
    g_test_add_func("/nyx/walk-amdv2/random-nested", test_random_nested);
    return g_test_run();
}
