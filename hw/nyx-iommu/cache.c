/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The set-associative record cache of cache.h.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-iommu/cache.h"

void nyx_cache_stats_add(NyxCacheStats *sum, const NyxCacheStats *part)
{
    sum->hits += part->hits;
    sum->misses += part->misses;
    sum->evictions += part->evictions;
    sum->dropped += part->dropped;
}

uint64_t nyx_random(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dULL;
}

static uint64_t key_mix(NyxCacheKey key)
{
    return (key.addr ^ (key.tag << 20)) * 0x9e3779b97f4a7c15ULL;
}

static guint key_hash(gconstpointer p)
{
    return key_mix(*(const NyxCacheKey *)p) >> 32;
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
    const NyxCacheKey *ka = a, *kb = b;

    return ka->addr == kb->addr && ka->tag == kb->tag;
}

static NyxCacheRecord *set_of(NyxCache *cache, NyxCacheKey key)
{
    uint32_t index = (key_mix(key) >> 40) & cache->set_mask;

    return &cache->sets[index * cache->cfg.ways];
}

void nyx_cache_init(NyxCache *cache, const NyxCacheCfg *cfg)
{
    uint32_t sets;

    *cache = (NyxCache) {
        .cfg = *cfg,
        .rng = cfg->seed | 1,
    };
    if (cfg->temper == NYX_CACHE_OFF) {
        return;
    }
    sets = pow2ceil(MAX(cfg->entries, cfg->ways)) / cfg->ways;
    cache->set_mask = sets - 1;
    cache->sets = g_new0(NyxCacheRecord, (size_t)sets * cfg->ways);
    if (cfg->temper == NYX_CACHE_STICKY) {
        cache->kept = g_hash_table_new_full(key_hash, key_equal, NULL, g_free);
    }
}

void nyx_cache_destroy(NyxCache *cache)
{
    g_clear_pointer(&cache->sets, g_free);
    g_clear_pointer(&cache->kept, g_hash_table_unref);
}

static NyxCacheRecord *find(NyxCache *cache, NyxCacheKey key)
{
    NyxCacheRecord *set;

    if (!cache->sets) {
        return NULL;
    }
    set = set_of(cache, key);
    for (uint32_t i = 0; i < cache->cfg.ways; i++) {
        if (set[i].valid && key_equal(&set[i].key, &key)) {
            return &set[i];
        }
    }
    return cache->kept ? g_hash_table_lookup(cache->kept, &key) : NULL;
}

const NyxCacheRecord *nyx_cache_lookup(NyxCache *cache, NyxCacheKey key,
                                       uint32_t gen)
{
    const NyxCacheRecord *record = find(cache, key);

    if (record && record->gen == gen) {
        cache->stats.hits++;
        return record;
    }
    cache->stats.misses++;
    return NULL;
}

/*
 * A place for a record of this set: free, or stale.  Generations of other
 * tags are their own; whether their records are stale is not known here.
 */
static NyxCacheRecord *find_room(NyxCache *cache, NyxCacheRecord *set,
                                 uint64_t tag, uint32_t gen)
{
    for (uint32_t i = 0; i < cache->cfg.ways; i++) {
        if (!set[i].valid ||
            (set[i].key.tag == tag && (int32_t)(set[i].gen - gen) < 0)) {
            return &set[i];
        }
    }
    return NULL;
}

/* Where to put a record whose set is full: a victim, or beyond the sets. */
static NyxCacheRecord *make_room(NyxCache *cache, NyxCacheRecord *set,
                                 NyxCacheKey key)
{
    if (cache->kept &&
        g_hash_table_size(cache->kept) < cache->cfg.sticky_max) {
        NyxCacheRecord *record = g_new0(NyxCacheRecord, 1);

        record->key = key;
        g_hash_table_insert(cache->kept, &record->key, record);
        return record;
    }
    cache->stats.evictions++;
    return &set[nyx_random(&cache->rng) & (cache->cfg.ways - 1)];
}

void nyx_cache_insert(NyxCache *cache, NyxCacheKey key, uint32_t gen,
                      uint64_t data0, uint64_t data1)
{
    NyxCacheRecord *record, *set;

    if (!cache->sets) {
        return;
    }
    record = find(cache, key);
    if (!record) {
        set = set_of(cache, key);
        record = find_room(cache, set, key.tag, gen);
        if (!record) {
            record = make_room(cache, set, key);
        }
    }
    *record = (NyxCacheRecord) {
        .key = key,
        .data = { data0, data1 },
        .gen = gen,
        .valid = true,
    };
}

bool nyx_cache_drop(NyxCache *cache, NyxCacheKey key)
{
    NyxCacheRecord *record = find(cache, key);

    if (!record) {
        return false;
    }
    cache->stats.dropped++;
    if (!cache->kept || !g_hash_table_remove(cache->kept, &key)) {
        record->valid = false;
    }
    return true;
}

unsigned nyx_cache_drop_if(NyxCache *cache, NyxCacheMatch *match,
                           const void *opaque)
{
    unsigned dropped = 0;
    size_t n = cache->sets ? ((size_t)cache->set_mask + 1) * cache->cfg.ways
                           : 0;

    for (size_t i = 0; i < n; i++) {
        if (cache->sets[i].valid && match(&cache->sets[i], opaque)) {
            cache->sets[i].valid = false;
            dropped++;
        }
    }
    if (cache->kept) {
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, cache->kept);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
            if (match(value, opaque)) {
                g_hash_table_iter_remove(&iter);
                dropped++;
            }
        }
    }
    cache->stats.dropped += dropped;
    return dropped;
}

void nyx_cache_foreach(NyxCache *cache, NyxCacheVisit *visit, void *opaque)
{
    size_t n = cache->sets ? ((size_t)cache->set_mask + 1) * cache->cfg.ways
                           : 0;

    for (size_t i = 0; i < n; i++) {
        if (cache->sets[i].valid) {
            visit(&cache->sets[i], opaque);
        }
    }
    if (cache->kept) {
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, cache->kept);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
            visit(value, opaque);
        }
    }
}

void nyx_cache_clear(NyxCache *cache)
{
    if (cache->sets) {
        size_t n = ((size_t)cache->set_mask + 1) * cache->cfg.ways;

        memset(cache->sets, 0, n * sizeof(*cache->sets));
    }
    if (cache->kept) {
        g_hash_table_remove_all(cache->kept);
    }
}
