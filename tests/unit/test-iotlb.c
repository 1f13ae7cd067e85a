/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOTLB of one requester: sizes, tags, generations, ranges, the fill
 * protocol, and readers beside a writer.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/nyx-iommu/request.h"

#define RW NYX_ACCESS_RW

static NyxIotlb *new_tlb(NyxCacheTemper temper, uint32_t entries)
{
    const NyxCacheCfg cfg = {
        .temper = temper,
        .entries = entries,
        .ways = 4,
        .sticky_max = 1 << 20,
        .seed = 1,
    };

    return nyx_iotlb_new(&cfg);
}

/* A fill without interference. */
static void put(NyxIotlb *tlb, NyxAsid asid, uint32_t gen, uint64_t iova,
                uint64_t addr, uint8_t lg2, uint8_t permission)
{
    const NyxIotlbEntry entry = { iova, addr, lg2, permission };

    g_assert_true(nyx_iotlb_insert(tlb, nyx_iotlb_ticket(tlb), asid, gen,
                                   &entry));
}

static bool has(NyxIotlb *tlb, NyxAsid asid, uint32_t gen, uint64_t iova)
{
    NyxIotlbEntry entry;

    return nyx_iotlb_lookup(tlb, iova, asid, gen, &entry);
}

/* Both ways to look up, which have to agree. */
static bool look(NyxIotlb *tlb, uint64_t iova, NyxAsid asid, uint32_t gen,
                 NyxIotlbEntry *entry)
{
    NyxIotlbEntry inlined;
    bool found = nyx_iotlb_lookup(tlb, iova, asid, gen, entry);

    g_assert_cmpint(nyx_iotlb_find(tlb, iova, asid, gen, &inlined), ==,
                    found);
    if (found) {
        g_assert_cmphex(inlined.iova, ==, entry->iova);
        g_assert_cmphex(inlined.addr, ==, entry->addr);
        g_assert_cmphex(inlined.lg2, ==, entry->lg2);
        g_assert_cmphex(inlined.permission, ==, entry->permission);
    }
    return found;
}

static uint64_t size_mask(uint8_t lg2)
{
    return (1ULL << lg2) - 1;
}

/* --- Sizes ---------------------------------------------------------------- */

/* All sizes from a page on: first byte, last byte, one before, one after. */
static void test_sizes(gconstpointer data)
{
    for (uint8_t lg2 = 12; lg2 < 64; lg2++) {
        NyxIotlb *tlb = new_tlb(GPOINTER_TO_UINT(data), 64);
        uint64_t iova = lg2 < 63 ? 1ULL << lg2 : 0;
        uint64_t addr = lg2 < 48 ? 0x5ULL << 49 : 0;
        NyxIotlbEntry entry;

        put(tlb, 7, 3, iova, addr, lg2, RW);
        g_assert_true(look(tlb, iova, 7, 3, &entry));
        g_assert_cmphex(entry.iova, ==, iova);
        g_assert_cmphex(entry.addr, ==, addr);
        g_assert_cmpuint(entry.lg2, ==, lg2);
        g_assert_cmpuint(entry.permission, ==, RW);
        g_assert_true(has(tlb, 7, 3, iova + size_mask(lg2)));
        g_assert_false(has(tlb, 7, 3, iova + size_mask(lg2) + 1));
        if (iova) {
            g_assert_false(has(tlb, 7, 3, iova - 1));
        }
        nyx_iotlb_free(tlb);
    }
    nyx_iotlb_free(NULL);
}

static void test_permissions(void)
{
    NyxIotlb *tlb = new_tlb(NYX_CACHE_HARDWARE, 64);
    NyxIotlbEntry entry;

    for (unsigned permission = 0; permission < 4; permission++) {
        put(tlb, 1, 0, permission << 12, 0xabc000, 12, permission);
        g_assert_true(look(tlb, permission << 12, 1, 0, &entry));
        g_assert_cmpuint(entry.permission, ==, permission);
        g_assert_cmphex(entry.addr, ==, 0xabc000);
    }
    nyx_iotlb_free(tlb);
}

/* Page 0 at address 0 without rights is an entry like any other. */
static void test_zero(void)
{
    NyxIotlb *tlb = new_tlb(NYX_CACHE_HARDWARE, 16);

    g_assert_false(has(tlb, 0, 0, 0));
    put(tlb, 0, 0, 0, 0, 12, 0);
    g_assert_true(has(tlb, 0, 0, 0));
    g_assert_false(has(tlb, 1, 0, 0));
    g_assert_false(has(tlb, 0, 1, 0));
    nyx_iotlb_drop_range(tlb, 0, 0, 0, 0);
    g_assert_false(has(tlb, 0, 0, 0));
    nyx_iotlb_free(tlb);
}

/* --- Tags and generations ------------------------------------------------- */

static void test_tags(gconstpointer data)
{
    NyxIotlb *tlb = new_tlb(GPOINTER_TO_UINT(data), 64);
    const NyxAsid asids[] = {
        0, 1, 0xffff, 1 | 1ULL << 16, 1 | 1ULL << 36, 1 | 0xfffffULL << 16,
    };
    NyxIotlbEntry entry;

    for (unsigned i = 0; i < ARRAY_SIZE(asids); i++) {
        put(tlb, asids[i], i, 0x1000, (i + 1) << 12, 12, RW);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(asids); i++) {
        /* Four ways: not all can have stayed, but none is taken for another. */
        if (look(tlb, 0x1000, asids[i], i, &entry)) {
            g_assert_cmphex(entry.addr, ==, (i + 1) << 12);
        } else {
            g_assert_cmpuint(GPOINTER_TO_UINT(data), ==, NYX_CACHE_HARDWARE);
        }
        g_assert_false(has(tlb, asids[i], i + 1, 0x1000));
    }
    nyx_iotlb_free(tlb);
}

/* A new generation makes old entries invisible and takes their places. */
static void test_generations(gconstpointer data)
{
    NyxIotlb *tlb = new_tlb(GPOINTER_TO_UINT(data), 64);
    NyxIotlbEntry entry;

    for (uint32_t gen = 0xfffffff0; gen != 16; gen++) {
        for (unsigned i = 0; i < 32; i++) {
            g_assert_false(has(tlb, 1, gen, i << 12));
            put(tlb, 1, gen, i << 12, (uint64_t)gen << 20, 12, RW);
        }
        for (unsigned i = 0; i < 32; i++) {
            g_assert_true(look(tlb, i << 12, 1, gen, &entry));
            g_assert_cmphex(entry.addr, ==, (uint64_t)gen << 20);
        }
    }
    g_assert_cmpuint(nyx_iotlb_stats(tlb).evictions, ==, 0);
    nyx_iotlb_free(tlb);
}

/* Where entries overlap, one of them is found, and each can be dropped. */
static void test_overlap(void)
{
    NyxIotlb *tlb = new_tlb(NYX_CACHE_HARDWARE, 64);
    NyxIotlbEntry entry;

    put(tlb, 1, 0, 0x200000, 0x40000000, 21, RW);
    put(tlb, 1, 0, 0x201000, 0x50000000, 12, RW);
    g_assert_true(nyx_iotlb_lookup(tlb, 0x201000, 1, 0, &entry));
    g_assert_cmpuint(entry.lg2, ==, 12);
    g_assert_true(nyx_iotlb_lookup(tlb, 0x202000, 1, 0, &entry));
    g_assert_cmpuint(entry.lg2, ==, 21);
    nyx_iotlb_drop_range(tlb, 1, 0, 0x201000, 0x201fff);
    g_assert_false(has(tlb, 1, 0, 0x201000));
    g_assert_false(has(tlb, 1, 0, 0x202000));
    nyx_iotlb_free(tlb);
}

/* Sizes in turns: the size found last is no more than where to begin. */
static void test_size_changes(gconstpointer data)
{
    static const uint8_t sizes[] = { 12, 21, 12, 30, 16, 39, 21, 12 };
    NyxIotlb *tlb = new_tlb(GPOINTER_TO_UINT(data), 64);
    NyxIotlbEntry entry;

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        put(tlb, 1, 0, (uint64_t)(i + 1) << 40, (uint64_t)i << 40, sizes[i],
            RW);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
            uint64_t iova = ((uint64_t)(i + 1) << 40) + 0x123;

            g_assert_true(nyx_iotlb_find(tlb, iova, 1, 0, &entry));
            g_assert_cmpuint(entry.lg2, ==, sizes[i]);
            g_assert_cmphex(entry.addr, ==, (uint64_t)i << 40);
            g_assert_false(nyx_iotlb_find(tlb, iova, 2, 0, &entry));
        }
    }
    g_assert_cmpuint(nyx_iotlb_stats(tlb).hits, ==, 24);
    g_assert_cmpuint(nyx_iotlb_stats(tlb).misses, ==, 24);
    nyx_iotlb_free(tlb);
}

/* --- Ranges --------------------------------------------------------------- */

#define PAGES 48

/* Random entries, random ranges: dropped is what overlaps, nothing else. */
static void range_round(NyxCacheTemper temper, uint64_t seed)
{
    static const uint8_t sizes[] = { 12, 12, 12, 13, 16, 21, 30, 39 };
    uint64_t iova[PAGES], first, last;
    bool held[PAGES];
    uint8_t lg2[PAGES];
    NyxIotlb *tlb = new_tlb(temper, 1024);
    NyxAsid asid;

    for (unsigned i = 0; i < PAGES; i++) {
        lg2[i] = sizes[nyx_random(&seed) % ARRAY_SIZE(sizes)];
        /* Near each other, so that ranges find them. */
        iova[i] = ((nyx_random(&seed) & 0x3fffff) << 12 |
                   (nyx_random(&seed) & 3) << 39) & ~size_mask(lg2[i]);
        put(tlb, i % 2, 0, iova[i], 0x1000, lg2[i], RW);
    }
    asid = nyx_random(&seed) & 1;
    first = (nyx_random(&seed) & 0x3fffff) << 12 |
            (nyx_random(&seed) & 3) << 39;
    last = nyx_random(&seed) % 8 ? first | size_mask(12 + nyx_random(&seed) %
                                                     28)
                                 : UINT64_MAX;
    /* What is there, one by one: a few may have been evicted. */
    for (unsigned i = 0; i < PAGES; i++) {
        NyxIotlbEntry entry;

        held[i] = nyx_iotlb_lookup(tlb, iova[i], i % 2, 0, &entry) &&
                  entry.lg2 == lg2[i];
    }
    nyx_iotlb_drop_range(tlb, asid, 0, first, last);
    for (unsigned i = 0; i < PAGES; i++) {
        bool overlaps = i % 2 == asid && iova[i] <= last &&
                        iova[i] + size_mask(lg2[i]) >= first;
        NyxIotlbEntry entry;
        bool now = nyx_iotlb_lookup(tlb, iova[i], i % 2, 0, &entry) &&
                   entry.lg2 == lg2[i];

        if (held[i]) {
            g_assert_cmpint(now, ==, !overlaps);
        }
    }
    nyx_iotlb_free(tlb);
}

static void test_ranges(gconstpointer data)
{
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        range_round(GPOINTER_TO_UINT(data), seed * 0x9e3779b97f4a7c15ULL);
    }
}

/* The ends of the address space. */
static void test_range_ends(gconstpointer data)
{
    NyxIotlb *tlb = new_tlb(GPOINTER_TO_UINT(data), 64);
    uint64_t top = UINT64_MAX - 0xfff;

    put(tlb, 1, 0, top, 0x1000, 12, RW);
    put(tlb, 1, 0, 0, 0x1000, 12, RW);
    nyx_iotlb_drop_range(tlb, 1, 0, 0x1000, top - 1);
    g_assert_true(has(tlb, 1, 0, top));
    g_assert_true(has(tlb, 1, 0, 0));
    nyx_iotlb_drop_range(tlb, 1, 0, UINT64_MAX, UINT64_MAX);
    g_assert_false(has(tlb, 1, 0, UINT64_MAX));
    g_assert_true(has(tlb, 1, 0, 0));
    put(tlb, 1, 0, top, 0x1000, 12, RW);
    nyx_iotlb_drop_range(tlb, 1, 0, 0, UINT64_MAX);
    g_assert_false(has(tlb, 1, 0, top));
    g_assert_false(has(tlb, 1, 0, 0));
    /* One byte of each is enough. */
    put(tlb, 1, 0, top, 0x1000, 12, RW);
    put(tlb, 1, 0, 0, 0x1000, 12, RW);
    nyx_iotlb_drop_range(tlb, 1, 0, 0xfff, top);
    g_assert_false(has(tlb, 1, 0, top));
    g_assert_false(has(tlb, 1, 0, 0));
    g_assert_cmpuint(nyx_iotlb_stats(tlb).dropped, ==, 5);
    nyx_iotlb_free(tlb);
}

#define MODEL_ASIDS 3
#define MODEL_PAGES 256

/*
 * Fills, ranges and generations of several address spaces in any order:
 * what was dropped is never found again, and `sticky` finds all the rest.
 */
static void model_round(NyxCacheTemper temper, uint64_t seed)
{
    NyxIotlb *tlb = new_tlb(temper, 64);
    uint64_t held[MODEL_ASIDS][MODEL_PAGES] = { };
    bool replaced[MODEL_ASIDS][MODEL_PAGES] = { };
    uint32_t gen[MODEL_ASIDS] = { 5, 5, 0xfffffffe };
    uint64_t rng = seed;

    for (unsigned step = 0; step < 2000; step++) {
        unsigned asid = nyx_random(&rng) % 8 ? 1 : nyx_random(&rng) % 3;
        unsigned page = nyx_random(&rng) % MODEL_PAGES;
        unsigned pages = 1 + nyx_random(&rng) % (step % 2 ? 4 : MODEL_PAGES);
        uint64_t addr = (uint64_t)(step + 1) << 12;
        NyxIotlbEntry entry;
        bool found;

        switch (nyx_random(&rng) % 32) {
        case 0:
            gen[asid]++;
            memset(held[asid], 0, sizeof(held[asid]));
            break;
        case 1:
        case 2:
            nyx_iotlb_drop_range(tlb, asid, gen[asid], page * 0x1000ULL,
                                 (page + pages) * 0x1000ULL - 1);
            for (unsigned i = page; i < MIN(page + pages, MODEL_PAGES); i++) {
                held[asid][i] = 0;
            }
            break;
        case 3:
            /* Late: its walk began before the domain was flushed. */
            nyx_iotlb_insert(tlb, nyx_iotlb_ticket(tlb), asid, gen[asid] - 1,
                             &(NyxIotlbEntry) { page * 0x1000ULL, addr, 12,
                                                RW });
            replaced[asid][page] = true;
            break;
        case 4 ... 9:
            found = look(tlb, page * 0x1000ULL, asid, gen[asid], &entry);
            g_assert_true(!found || entry.addr == held[asid][page]);
            g_assert_true(found || temper != NYX_CACHE_STICKY ||
                          replaced[asid][page] || !held[asid][page]);
            break;
        default:
            put(tlb, asid, gen[asid], page * 0x1000ULL, addr, 12, RW);
            held[asid][page] = addr;
            replaced[asid][page] = false;
        }
    }
    nyx_iotlb_free(tlb);
}

static void test_model(gconstpointer data)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        model_round(GPOINTER_TO_UINT(data), seed);
    }
}

/* A fill that began before its domain was flushed is not kept. */
static void test_dead_fill(gconstpointer data)
{
    NyxIotlb *tlb = new_tlb(GPOINTER_TO_UINT(data), 64);
    const NyxIotlbEntry late = { 0x2000, 0x8000, 12, RW };

    put(tlb, 1, 7, 0x1000, 0x9000, 12, RW);
    g_assert_false(nyx_iotlb_insert(tlb, nyx_iotlb_ticket(tlb), 1, 6,
                                    &late));
    g_assert_false(has(tlb, 1, 6, 0x2000));
    g_assert_true(has(tlb, 1, 7, 0x1000));
    g_assert_cmpuint(nyx_iotlb_stats(tlb).refused, ==, 1);
    nyx_iotlb_drop_range(tlb, 1, 7, 0, 0xffff);
    g_assert_false(has(tlb, 1, 7, 0x1000));
    nyx_iotlb_free(tlb);
}

/* --- The fill protocol ---------------------------------------------------- */

static void test_ticket(void)
{
    NyxIotlb *tlb = new_tlb(NYX_CACHE_HARDWARE, 64);
    const NyxIotlbEntry entry = { 0x1000, 0x9000, 12, RW };
    uint32_t ticket = nyx_iotlb_ticket(tlb);

    /* Any range, even one of another domain that holds nothing. */
    nyx_iotlb_drop_range(tlb, 9, 0, 0x800000, 0x800fff);
    g_assert_false(nyx_iotlb_insert(tlb, ticket, 1, 0, &entry));
    g_assert_false(has(tlb, 1, 0, 0x1000));
    ticket = nyx_iotlb_ticket(tlb);
    nyx_iotlb_clear(tlb);
    g_assert_false(nyx_iotlb_insert(tlb, ticket, 1, 0, &entry));
    g_assert_cmpuint(nyx_iotlb_stats(tlb).refused, ==, 2);
    ticket = nyx_iotlb_ticket(tlb);
    /* Other fills and lookups are no reason. */
    put(tlb, 1, 0, 0x2000, 0x9000, 12, RW);
    g_assert_false(has(tlb, 1, 0, 0x1000));
    g_assert_true(nyx_iotlb_insert(tlb, ticket, 1, 0, &entry));
    g_assert_true(has(tlb, 1, 0, 0x1000));
    nyx_iotlb_free(tlb);
}

/* --- Tempers -------------------------------------------------------------- */

static unsigned count_held(NyxIotlb *tlb, unsigned n)
{
    unsigned held = 0;

    for (unsigned i = 0; i < n; i++) {
        held += has(tlb, 1, 0, (uint64_t)i << 12);
    }
    return held;
}

static void test_tempers(void)
{
    static const struct {
        NyxCacheTemper temper;
        unsigned held;
    } rows[] = {
        { NYX_CACHE_HARDWARE, 64 },
        { NYX_CACHE_STICKY, 1000 },
        { NYX_CACHE_OFF, 0 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxIotlb *tlb = new_tlb(rows[i].temper, 64);

        for (unsigned j = 0; j < 1000; j++) {
            put(tlb, 1, 0, (uint64_t)j << 12, 0x1000, 12, RW);
        }
        g_assert_cmpuint(count_held(tlb, 1000), ==, rows[i].held);
        g_assert_cmpuint(nyx_iotlb_stats(tlb).hits, ==, rows[i].held);
        g_assert_cmpuint(nyx_iotlb_stats(tlb).misses, ==,
                         1000 - rows[i].held);
        g_assert_cmpuint(nyx_iotlb_stats(tlb).evictions, ==,
                         rows[i].temper == NYX_CACHE_HARDWARE ? 936 : 0);
        nyx_iotlb_drop_range(tlb, 1, 0, 0, 1000 << 12);
        g_assert_cmpuint(count_held(tlb, 1000), ==, 0);
        nyx_iotlb_free(tlb);
    }
}

static void test_clear(gconstpointer data)
{
    NyxIotlb *tlb = new_tlb(GPOINTER_TO_UINT(data), 64);

    for (unsigned j = 0; j < 1000; j++) {
        put(tlb, 1, 0, (uint64_t)j << 12, 0x1000, 12, RW);
    }
    nyx_iotlb_clear(tlb);
    g_assert_cmpuint(count_held(tlb, 1000), ==, 0);
    put(tlb, 1, 0, 0x5000, 0x1000, 12, RW);
    g_assert_cmpuint(count_held(tlb, 1000), ==, 1);
    nyx_iotlb_free(tlb);
}

static void visit(const NyxIotlbEntry *entry, NyxAsid asid, uint32_t gen,
                  void *opaque)
{
    unsigned *seen = opaque;

    g_assert_cmphex(asid, ==, 0x123 + (entry->iova >> 12) % 2);
    g_assert_cmpuint(gen, ==, asid + 7);
    g_assert_cmphex(entry->addr, ==, entry->iova + 0x100000);
    g_assert_cmpuint(entry->lg2, ==, 12);
    g_assert_cmpuint(entry->permission, ==, NYX_ACCESS_READ);
    (*seen)++;
}

static void test_foreach(void)
{
    static const unsigned held[NYX_CACHE_TEMPER_COUNT] = { 64, 1000, 0 };

    for (unsigned temper = 0; temper < ARRAY_SIZE(held); temper++) {
        NyxIotlb *tlb = new_tlb(temper, 64);
        unsigned seen = 0;

        nyx_iotlb_foreach(tlb, visit, &seen);
        g_assert_cmpuint(seen, ==, 0);
        for (unsigned i = 0; i < 1000; i++) {
            put(tlb, 0x123 + i % 2, 0x12a + i % 2, i << 12,
                0x100000 + (i << 12), 12, NYX_ACCESS_READ);
        }
        nyx_iotlb_foreach(tlb, visit, &seen);
        g_assert_cmpuint(seen, ==, held[temper]);
        nyx_iotlb_free(tlb);
    }
}

/* --- Readers beside a writer ---------------------------------------------- */

#define READERS 3

typedef struct Race {
    NyxIotlb *tlb;
    uint32_t gen;            /* atomic */
    bool stop;               /* atomic */
    uint64_t hits[READERS];  /* atomic */
} Race;

/* An entry's words depend on each other: a torn one shows. */
static uint64_t race_addr(uint64_t iova, NyxAsid asid, uint32_t gen)
{
    return ((iova >> 12) * 0x10001 + asid * 0x100000000ULL +
            (uint64_t)gen * 0x10000000000ULL) << 12;
}

typedef struct Reader {
    Race *race;
    unsigned n;
} Reader;

static void *race_reader(void *opaque)
{
    Reader *reader = opaque;
    Race *race = reader->race;
    uint64_t rng = reader->n + 1;

    while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
        uint64_t iova = (nyx_random(&rng) % 24) << 12;
        NyxAsid asid = nyx_random(&rng) % 3;
        uint32_t gen = __atomic_load_n(&race->gen, __ATOMIC_ACQUIRE);
        NyxIotlbEntry entry;

        if (nyx_iotlb_find(race->tlb, iova, asid, gen, &entry)) {
            __atomic_fetch_add(&race->hits[reader->n], 1, __ATOMIC_RELAXED);
            g_assert_cmphex(entry.iova, ==, iova);
            g_assert_cmphex(entry.addr, ==,
                            race_addr(iova, asid, gen) & ~0xfffULL);
        }
    }
    return NULL;
}

/* On a busy machine a thread can come late. */
static bool all_have_hits(Race *race)
{
    for (unsigned i = 0; i < READERS; i++) {
        if (!__atomic_load_n(&race->hits[i], __ATOMIC_RELAXED)) {
            return false;
        }
    }
    return true;
}

static void test_readers(gconstpointer data)
{
    NyxCacheTemper temper = GPOINTER_TO_UINT(data);
    Race race = { .tlb = new_tlb(temper, 4) };
    Reader readers[READERS];
    GThread *threads[READERS];
    uint64_t rng = 77, hits = 0;

    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (Reader) { &race, i };
        threads[i] = g_thread_new("reader", race_reader, &readers[i]);
    }
    for (unsigned i = 0; i < 300000 || !all_have_hits(&race); i++) {
        uint64_t iova = (nyx_random(&rng) % 24) << 12;
        NyxAsid asid = nyx_random(&rng) % 3;

        put(race.tlb, asid, race.gen, iova,
            race_addr(iova, asid, race.gen), 12, RW);
        if (i % 64 == 0) {
            nyx_iotlb_drop_range(race.tlb, asid, race.gen, iova,
                                 iova + 0x3fff);
            hits = nyx_iotlb_stats(race.tlb).hits;
        }
        if (i % 1024 == 0) {
            __atomic_store_n(&race.gen, race.gen + 1, __ATOMIC_RELEASE);
        }
    }
    __atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < READERS; i++) {
        g_thread_join(threads[i]);
    }
    g_assert_cmpuint(nyx_iotlb_stats(race.tlb).hits, >=, hits);
    nyx_iotlb_free(race.tlb);
}

static void add_both(const char *name, GTestDataFunc fn)
{
    g_autofree char *hardware = g_strdup_printf("/nyx/iotlb/%s/hardware",
                                                name);
    g_autofree char *sticky = g_strdup_printf("/nyx/iotlb/%s/sticky", name);

    g_test_add_data_func(hardware, GUINT_TO_POINTER(NYX_CACHE_HARDWARE), fn);
    g_test_add_data_func(sticky, GUINT_TO_POINTER(NYX_CACHE_STICKY), fn);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_both("sizes", test_sizes);
    add_both("size-changes", test_size_changes);
    g_test_add_func("/nyx/iotlb/permissions", test_permissions);
    g_test_add_func("/nyx/iotlb/zero", test_zero);
    add_both("tags", test_tags);
    add_both("generations", test_generations);
    g_test_add_func("/nyx/iotlb/overlap", test_overlap);
    add_both("ranges", test_ranges);
    add_both("range-ends", test_range_ends);
    add_both("model", test_model);
    add_both("dead-fill", test_dead_fill);
    g_test_add_func("/nyx/iotlb/ticket", test_ticket);
    g_test_add_func("/nyx/iotlb/tempers", test_tempers);
    add_both("clear", test_clear);
    g_test_add_func("/nyx/iotlb/foreach", test_foreach);
    add_both("readers", test_readers);
    return g_test_run();
}
