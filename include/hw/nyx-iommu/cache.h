/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounded set-associative cache of small records, for everything that is
 * looked up off the hot path: paging structures, interrupt entries.
 *
 * The caller serializes access.  The temper decides what happens to a full
 * set: `hardware` replaces a pseudo-randomly chosen record (seeded, so that a
 * run repeats), `sticky` keeps every record until it is dropped, `off` keeps
 * nothing.
 */
#ifndef HW_NYX_IOMMU_CACHE_H
#define HW_NYX_IOMMU_CACHE_H

#include "qemu/osdep.h"

typedef enum NyxCacheTemper {
    NYX_CACHE_HARDWARE,
    NYX_CACHE_STICKY,
    NYX_CACHE_OFF,
    NYX_CACHE_TEMPER_COUNT,
} NyxCacheTemper;

typedef struct NyxCacheKey {
    uint64_t addr;
    uint64_t tag;
} NyxCacheKey;

typedef struct NyxCacheRecord {
    NyxCacheKey key;
    uint64_t data[2];
    uint32_t gen;            /* stale unless equal to the current value */
    bool valid;
} NyxCacheRecord;

typedef struct NyxCacheStats {
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions;
    uint64_t dropped;        /* by an invalidation that named the record */
} NyxCacheStats;

typedef struct NyxCacheCfg {
    NyxCacheTemper temper;
    uint32_t entries;        /* rounded up to a power of two */
    uint32_t ways;           /* a power of two, at most entries */
    uint32_t sticky_max;     /* records that `sticky` keeps beyond entries */
    uint64_t seed;
} NyxCacheCfg;

typedef struct NyxCache {
    NyxCacheCfg cfg;
    NyxCacheRecord *sets;
    uint32_t set_mask;
    uint64_t rng;
    GHashTable *kept;        /* what `sticky` could not place in its set */
    NyxCacheStats stats;
} NyxCache;

/* Add @part to @sum. */
void nyx_cache_stats_add(NyxCacheStats *sum, const NyxCacheStats *part);

/* Next value of a xorshift64* generator; *@state must not be zero. */
uint64_t nyx_random(uint64_t *state);

void nyx_cache_init(NyxCache *cache, const NyxCacheCfg *cfg);
void nyx_cache_destroy(NyxCache *cache);

/**
 * nyx_cache_lookup: the record with @key and generation @gen, or NULL.
 * The pointer is good until the next call that changes the cache.
 */
const NyxCacheRecord *nyx_cache_lookup(NyxCache *cache, NyxCacheKey key,
                                       uint32_t gen);

/* Add a record, in place of one with the same key. */
void nyx_cache_insert(NyxCache *cache, NyxCacheKey key, uint32_t gen,
                      uint64_t data0, uint64_t data1);

/* Drop the record with @key; true if there was one. */
bool nyx_cache_drop(NyxCache *cache, NyxCacheKey key);

typedef bool NyxCacheMatch(const NyxCacheRecord *record, const void *opaque);

/* Drop every record that @match accepts; returns how many. */
unsigned nyx_cache_drop_if(NyxCache *cache, NyxCacheMatch *match,
                           const void *opaque);

typedef void NyxCacheVisit(const NyxCacheRecord *record, void *opaque);

/* Call @visit for every record held, stale generations included. */
void nyx_cache_foreach(NyxCache *cache, NyxCacheVisit *visit, void *opaque);

/* Drop everything, statistics kept. */
void nyx_cache_clear(NyxCache *cache);

#endif
