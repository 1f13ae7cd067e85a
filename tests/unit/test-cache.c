/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The set-associative record cache in each temper.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"

#define KEY(addr, tag) ((NyxCacheKey) { addr, tag })

static void init(NyxCache *cache, NyxCacheTemper temper, uint32_t entries,
                 uint32_t sticky_max)
{
    const NyxCacheCfg cfg = {
        .temper = temper,
        .entries = entries,
        .ways = 4,
        .sticky_max = sticky_max,
        .seed = 1,
    };

    nyx_cache_init(cache, &cfg);
}

/* The value of a record, or 0. */
static uint64_t value_of(NyxCache *cache, uint64_t addr, uint64_t tag,
                         uint32_t gen)
{
    const NyxCacheRecord *record = nyx_cache_lookup(cache, KEY(addr, tag),
                                                    gen);

    if (!record) {
        return 0;
    }
    g_assert_cmphex(record->data[1], ==, ~record->data[0]);
    return record->data[0];
}

static void put(NyxCache *cache, uint64_t addr, uint64_t tag, uint32_t gen,
                uint64_t value)
{
    nyx_cache_insert(cache, KEY(addr, tag), gen, value, ~value);
}

static void test_basics(gconstpointer data)
{
    NyxCacheTemper temper = GPOINTER_TO_UINT(data);
    NyxCache cache;

    init(&cache, temper, 64, 1000);
    g_assert_cmphex(value_of(&cache, 1, 2, 3), ==, 0);
    put(&cache, 1, 2, 3, 0x11);
    g_assert_cmphex(value_of(&cache, 1, 2, 3), ==, 0x11);
    /* Another address, tag or generation is another record. */
    g_assert_cmphex(value_of(&cache, 2, 2, 3), ==, 0);
    g_assert_cmphex(value_of(&cache, 1, 3, 3), ==, 0);
    g_assert_cmphex(value_of(&cache, 1, 2, 4), ==, 0);
    g_assert_cmphex(value_of(&cache, 1, 2, 2), ==, 0);
    put(&cache, 1, 2, 3, 0x22);
    g_assert_cmphex(value_of(&cache, 1, 2, 3), ==, 0x22);
    /* A new generation takes the place of the old one. */
    put(&cache, 1, 2, 4, 0x33);
    g_assert_cmphex(value_of(&cache, 1, 2, 4), ==, 0x33);
    g_assert_cmphex(value_of(&cache, 1, 2, 3), ==, 0);
    g_assert_true(nyx_cache_drop(&cache, KEY(1, 2)));
    g_assert_false(nyx_cache_drop(&cache, KEY(1, 2)));
    g_assert_cmphex(value_of(&cache, 1, 2, 4), ==, 0);
    g_assert_cmpuint(cache.stats.hits, ==, 3);
    g_assert_cmpuint(cache.stats.misses, ==, 7);
    g_assert_cmpuint(cache.stats.dropped, ==, 1);
    g_assert_cmpuint(cache.stats.evictions, ==, 0);
    nyx_cache_destroy(&cache);
    /* Once more does no harm. */
    nyx_cache_destroy(&cache);
}

static bool accept_even(const NyxCacheRecord *record, const void *opaque)
{
    g_assert_true(record->valid);
    return record->key.addr % 2 == 0;
}

static bool accept_all(const NyxCacheRecord *record, const void *opaque)
{
    return true;
}

static void test_drop_if(gconstpointer data)
{
    NyxCache cache;

    init(&cache, GPOINTER_TO_UINT(data), 64, 1000);
    for (unsigned i = 0; i < 16; i++) {
        put(&cache, i, 0, 0, i + 1);
    }
    g_assert_cmpuint(nyx_cache_drop_if(&cache, accept_even, NULL), ==, 8);
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(value_of(&cache, i, 0, 0), ==, i % 2 ? i + 1 : 0);
    }
    g_assert_cmpuint(cache.stats.dropped, ==, 8);
    nyx_cache_clear(&cache);
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(value_of(&cache, i, 0, 0), ==, 0);
    }
    g_assert_cmpuint(nyx_cache_drop_if(&cache, accept_all, NULL), ==, 0);
    nyx_cache_destroy(&cache);
}

/* Bounded: a full cache gives up one record for another. */
static void test_hardware(void)
{
    NyxCache cache;
    unsigned found = 0;

    init(&cache, NYX_CACHE_HARDWARE, 64, 0);
    for (unsigned i = 0; i < 1000; i++) {
        put(&cache, i, 0, 0, i + 1);
        g_assert_cmphex(value_of(&cache, i, 0, 0), ==, i + 1);
    }
    for (unsigned i = 0; i < 1000; i++) {
        found += value_of(&cache, i, 0, 0) != 0;
    }
    g_assert_cmpuint(found, ==, 64);
    g_assert_cmpuint(cache.stats.evictions, ==, 1000 - 64);
    g_assert_cmpuint(nyx_cache_drop_if(&cache, accept_all, NULL), ==, 64);
    nyx_cache_destroy(&cache);
}

/* Records of an old generation make room before live ones do. */
static void test_stale_first(void)
{
    NyxCache cache;

    init(&cache, NYX_CACHE_HARDWARE, 64, 0);
    for (unsigned i = 0; i < 1000; i++) {
        put(&cache, i, 0, 0, 1);
    }
    cache.stats.evictions = 0;
    /* As many as a set has ways, wherever they go. */
    for (unsigned i = 0; i < 4; i++) {
        put(&cache, 5000 + i, 0, 1, 2);
    }
    g_assert_cmpuint(cache.stats.evictions, ==, 0);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(value_of(&cache, 5000 + i, 0, 1), ==, 2);
    }
    nyx_cache_destroy(&cache);
}

/* Each tag has its own generation: another one's is no reason to be stale. */
static void test_generations_of_tags(void)
{
    NyxCache cache;

    init(&cache, NYX_CACHE_STICKY, 16, 1000);
    for (unsigned i = 0; i < 500; i++) {
        put(&cache, i, i % 5, i % 5, i + 1);
    }
    for (unsigned i = 0; i < 500; i++) {
        g_assert_cmphex(value_of(&cache, i, i % 5, i % 5), ==, i + 1);
    }
    g_assert_cmpuint(cache.stats.evictions, ==, 0);
    nyx_cache_destroy(&cache);
    /* And with `hardware` it is an eviction, which is counted. */
    init(&cache, NYX_CACHE_HARDWARE, 16, 0);
    for (unsigned i = 0; i < 500; i++) {
        put(&cache, i, i % 5, i % 5, i + 1);
    }
    g_assert_cmpuint(cache.stats.evictions, ==, 500 - 16);
    nyx_cache_destroy(&cache);
}

/* Sizes are rounded up; one set is enough. */
static void test_sizes(void)
{
    static const struct {
        uint32_t entries, held;
    } rows[] = {
        { 1, 4 }, { 4, 4 }, { 5, 8 }, { 63, 64 }, { 65, 128 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxCache cache;

        init(&cache, NYX_CACHE_HARDWARE, rows[i].entries, 0);
        for (unsigned j = 0; j < 10000; j++) {
            put(&cache, j, 0, 0, 1);
        }
        g_assert_cmpuint(nyx_cache_drop_if(&cache, accept_all, NULL), ==,
                         rows[i].held);
        nyx_cache_destroy(&cache);
    }
}

static void test_sticky(void)
{
    NyxCache cache;

    init(&cache, NYX_CACHE_STICKY, 16, 10000);
    for (unsigned i = 0; i < 5000; i++) {
        put(&cache, i, i % 3, 0, i + 1);
    }
    for (unsigned i = 0; i < 5000; i++) {
        g_assert_cmphex(value_of(&cache, i, i % 3, 0), ==, i + 1);
    }
    g_assert_cmpuint(cache.stats.evictions, ==, 0);
    for (unsigned i = 0; i < 5000; i += 2) {
        g_assert_true(nyx_cache_drop(&cache, KEY(i, i % 3)));
    }
    for (unsigned i = 0; i < 5000; i++) {
        g_assert_cmphex(value_of(&cache, i, i % 3, 0), ==, i % 2 ? i + 1 : 0);
    }
    g_assert_cmpuint(nyx_cache_drop_if(&cache, accept_all, NULL), ==, 2500);
    nyx_cache_destroy(&cache);
}

/* Even `sticky` has an end. */
static void test_sticky_bound(void)
{
    NyxCache cache;

    init(&cache, NYX_CACHE_STICKY, 16, 100);
    for (unsigned i = 0; i < 5000; i++) {
        put(&cache, i, 0, 0, i + 1);
        g_assert_cmphex(value_of(&cache, i, 0, 0), ==, i + 1);
    }
    g_assert_cmpuint(cache.stats.evictions, ==, 5000 - 116);
    g_assert_cmpuint(nyx_cache_drop_if(&cache, accept_all, NULL), ==, 116);
    nyx_cache_destroy(&cache);
}

static void test_off(void)
{
    NyxCache cache;

    init(&cache, NYX_CACHE_OFF, 64, 100);
    put(&cache, 1, 2, 3, 4);
    g_assert_cmphex(value_of(&cache, 1, 2, 3), ==, 0);
    g_assert_false(nyx_cache_drop(&cache, KEY(1, 2)));
    g_assert_cmpuint(nyx_cache_drop_if(&cache, accept_all, NULL), ==, 0);
    nyx_cache_clear(&cache);
    g_assert_cmpuint(cache.stats.misses, ==, 1);
    nyx_cache_destroy(&cache);
}

/* --- Against a model ------------------------------------------------------ */

#define MODEL_ADDRS 256
#define MODEL_TAGS 4

typedef struct Model {
    uint64_t value[MODEL_ADDRS][MODEL_TAGS];
    uint32_t gen[MODEL_ADDRS][MODEL_TAGS];
} Model;

typedef struct Match {
    uint64_t first, last, tag;
} Match;

static bool in_match(const NyxCacheRecord *record, const void *opaque)
{
    const Match *match = opaque;

    return record->key.addr >= match->first &&
           record->key.addr <= match->last && record->key.tag == match->tag;
}

/* Never something wrong; with `sticky` never nothing for something. */
static void model_run(NyxCacheTemper temper, uint64_t seed)
{
    Model model = { };
    uint32_t gen = 1;
    NyxCache cache;
    unsigned hits = 0;

    init(&cache, temper, 64, 100000);
    for (unsigned i = 0; i < 50000; i++) {
        uint64_t dice = nyx_random(&seed);
        unsigned addr = (dice >> 8) % MODEL_ADDRS;
        unsigned tag = (dice >> 24) % MODEL_TAGS;
        bool live = model.value[addr][tag] && model.gen[addr][tag] == gen;
        Match match = { addr, addr + (dice >> 40) % 16, tag };

        if (dice % 64 < 24) {
            put(&cache, addr, tag, gen, i + 1);
            model.value[addr][tag] = i + 1;
            model.gen[addr][tag] = gen;
        } else if (dice % 64 < 28) {
            nyx_cache_drop(&cache, KEY(addr, tag));
            model.value[addr][tag] = 0;
        } else if (dice % 64 == 28) {
            nyx_cache_drop_if(&cache, in_match, &match);
            for (; match.first <= match.last && match.first < MODEL_ADDRS;
                 match.first++) {
                model.value[match.first][tag] = 0;
            }
        } else if (dice % 65536 == 29) {
            gen++;
        } else {
            uint64_t value = value_of(&cache, addr, tag, gen);

            hits += value != 0;
            if (value || temper == NYX_CACHE_STICKY) {
                g_assert_cmphex(value, ==,
                                live ? model.value[addr][tag] : 0);
            }
        }
    }
    g_assert_cmpuint(hits, >, 100);
    nyx_cache_destroy(&cache);
}

static void test_model(gconstpointer data)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        model_run(GPOINTER_TO_UINT(data), seed);
    }
}

/* The generator never sticks, and repeats itself from the same seed. */
static void test_random(void)
{
    uint64_t a = 1, b = 1, c = 2, different = 0;

    for (unsigned i = 0; i < 100000; i++) {
        uint64_t x = nyx_random(&a);

        g_assert_cmphex(x, ==, nyx_random(&b));
        different += x != nyx_random(&c);
        g_assert_true(a);
    }
    g_assert_cmpuint(different, >, 99990);
}

static void add_both(const char *name, GTestDataFunc fn)
{
    g_autofree char *hardware = g_strdup_printf("/nyx/cache/%s/hardware",
                                                name);
    g_autofree char *sticky = g_strdup_printf("/nyx/cache/%s/sticky", name);

    g_test_add_data_func(hardware, GUINT_TO_POINTER(NYX_CACHE_HARDWARE), fn);
    g_test_add_data_func(sticky, GUINT_TO_POINTER(NYX_CACHE_STICKY), fn);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_both("basics", test_basics);
    add_both("drop-if", test_drop_if);
    add_both("model", test_model);
    g_test_add_func("/nyx/cache/hardware", test_hardware);
    g_test_add_func("/nyx/cache/stale-first", test_stale_first);
    g_test_add_func("/nyx/cache/generations-of-tags",
                    test_generations_of_tags);
    g_test_add_func("/nyx/cache/sizes", test_sizes);
    g_test_add_func("/nyx/cache/sticky", test_sticky);
    g_test_add_func("/nyx/cache/sticky-bound", test_sticky_bound);
    g_test_add_func("/nyx/cache/off", test_off);
    g_test_add_func("/nyx/cache/random", test_random);
    return g_test_run();
}
