/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock-free-to-read IOTLB of iotlb.h.
 *
 * Each slot is four atomic words.  The first holds a sequence count (odd
 * while the slot is being written) and the generation; a reader takes all
 * four and accepts them if the first did not change meanwhile.  Only atomic
 * loads and stores are used, no fences, so ThreadSanitizer can follow.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "hw/nyx-iommu/iotlb.h"

#define IOTLB_WAYS 4

/* A set does not straddle more cache lines than it has to. */
#define SET_ALIGN 128

typedef struct Slot {
    uint64_t seq_gen;        /* generation << 32 | sequence */
    uint64_t tag;            /* iova | lg2; zero: free */
    uint64_t asid;
    uint64_t data;           /* addr | permission */
} Slot;

/*
 * Counters of lookups, spread so that threads that share a requester seldom
 * write the same cache line.
 */
#define STRIPES 16

typedef struct Stripe {
    uint64_t hits;
    uint64_t misses;
} QEMU_ALIGNED(64) Stripe;

struct NyxIotlb {
    Slot *slots;
    uint32_t set_mask;
    uint32_t ticket;         /* moves with every range invalidation */
    uint64_t sizes;          /* bit n: entries of 2^n bytes may exist */
    NyxCacheTemper temper;
    uint64_t rng;
    NyxCache kept;           /* `sticky` only: what its set had no room for */
    pthread_mutex_t lock;    /* writers */
    NyxIotlbStats stats;     /* of writers; hits and misses are in stripes */
    Stripe stripe[STRIPES];
};

static const uint64_t LOW_BITS = 0xfff;

/* Threads have their stacks megabytes apart: cheaper than a thread's id. */
static Stripe *my_stripe(NyxIotlb *tlb)
{
    uintptr_t stack = (uintptr_t)__builtin_frame_address(0);

    return &tlb->stripe[(stack >> 23) % STRIPES];
}

/* Two threads may meet in one stripe; a lost count is accepted. */
static void count(uint64_t *counter)
{
    qatomic_set(counter, qatomic_read(counter) + 1);
}

static void *alloc_aligned(size_t size, size_t align)
{
    void *block;

    if (posix_memalign(&block, align, size)) {
        g_error("no memory for an IOTLB of %zu bytes", size);
    }
    return memset(block, 0, size);
}

NyxIotlb *nyx_iotlb_new(const NyxCacheCfg *cfg)
{
    NyxIotlb *tlb = alloc_aligned(sizeof(*tlb), __alignof__(*tlb));
    uint32_t sets = pow2ceil(MAX(cfg->entries, IOTLB_WAYS)) / IOTLB_WAYS;

    tlb->temper = cfg->temper;
    tlb->rng = cfg->seed | 1;
    tlb->set_mask = sets - 1;
    pthread_mutex_init(&tlb->lock, NULL);
    if (cfg->temper != NYX_CACHE_OFF) {
        tlb->slots = alloc_aligned(sizeof(Slot) * IOTLB_WAYS * sets,
                                   SET_ALIGN);
    }
    if (cfg->temper == NYX_CACHE_STICKY) {
        NyxCacheCfg kept = *cfg;

        kept.entries = kept.ways = IOTLB_WAYS;
        nyx_cache_init(&tlb->kept, &kept);
    }
    return tlb;
}

void nyx_iotlb_free(NyxIotlb *tlb)
{
    if (!tlb) {
        return;
    }
    nyx_cache_destroy(&tlb->kept);
    pthread_mutex_destroy(&tlb->lock);
    free(tlb->slots);
    free(tlb);
}

static uint64_t make_tag(uint64_t iova, uint8_t lg2)
{
    return (iova & ~MAKE_64BIT_MASK(0, lg2)) | lg2;
}

static Slot *set_of(NyxIotlb *tlb, uint64_t tag)
{
    uint64_t page = tag >> (tag & 63);
    uint32_t index = (page ^ (page >> 15) ^ (tag & 63)) & tlb->set_mask;

    return &tlb->slots[index * IOTLB_WAYS];
}

/* Take a consistent copy of @slot; false if a writer is in it. */
static bool slot_read(const Slot *slot, Slot *copy)
{
    copy->seq_gen = qatomic_load_acquire(&slot->seq_gen);
    copy->tag = qatomic_load_acquire(&slot->tag);
    copy->asid = qatomic_load_acquire(&slot->asid);
    copy->data = qatomic_load_acquire(&slot->data);
    return !(copy->seq_gen & 1) &&
           qatomic_read(&slot->seq_gen) == copy->seq_gen;
}

static void slot_write_locked(Slot *slot, uint64_t tag, NyxAsid asid,
                              uint64_t data, uint32_t gen)
{
    uint32_t seq = slot->seq_gen;

    qatomic_set(&slot->seq_gen, (uint64_t)gen << 32 | (uint32_t)(seq + 1));
    qatomic_store_release(&slot->tag, tag);
    qatomic_store_release(&slot->asid, asid);
    qatomic_store_release(&slot->data, data);
    qatomic_store_release(&slot->seq_gen,
                          (uint64_t)gen << 32 | (uint32_t)(seq + 2));
}

static void slot_to_entry(const Slot *slot, NyxIotlbEntry *entry)
{
    entry->lg2 = slot->tag & 63;
    entry->iova = slot->tag & ~LOW_BITS;
    entry->addr = slot->data & ~LOW_BITS;
    entry->permission = slot->data & LOW_BITS;
}

static bool lookup_set(NyxIotlb *tlb, uint64_t tag, NyxAsid asid,
                       uint32_t gen, Slot *copy)
{
    Slot *set = set_of(tlb, tag);

    for (unsigned i = 0; i < IOTLB_WAYS; i++) {
        if (qatomic_read(&set[i].tag) == tag && slot_read(&set[i], copy) &&
            copy->tag == tag && copy->asid == asid &&
            copy->seq_gen >> 32 == gen) {
            return true;
        }
    }
    return false;
}

static bool lookup_kept(NyxIotlb *tlb, uint64_t tag, NyxAsid asid,
                        uint32_t gen, Slot *copy)
{
    const NyxCacheRecord *record;
    bool found = false;

    pthread_mutex_lock(&tlb->lock);
    record = nyx_cache_lookup(&tlb->kept, (NyxCacheKey) { tag, asid }, gen);
    if (record) {
        copy->tag = tag;
        copy->data = record->data[0];
        found = true;
    }
    pthread_mutex_unlock(&tlb->lock);
    return found;
}

bool nyx_iotlb_lookup(NyxIotlb *tlb, uint64_t iova, NyxAsid asid,
                      uint32_t gen, NyxIotlbEntry *entry)
{
    uint64_t sizes = tlb->slots ? qatomic_read(&tlb->sizes) : 0;
    Slot copy;

    for (; sizes; sizes &= sizes - 1) {
        uint64_t tag = make_tag(iova, ctz64(sizes));

        if (lookup_set(tlb, tag, asid, gen, &copy) ||
            (tlb->temper == NYX_CACHE_STICKY &&
             lookup_kept(tlb, tag, asid, gen, &copy))) {
            slot_to_entry(&copy, entry);
            count(&my_stripe(tlb)->hits);
            return true;
        }
    }
    count(&my_stripe(tlb)->misses);
    return false;
}

uint32_t nyx_iotlb_ticket(const NyxIotlb *tlb)
{
    return qatomic_load_acquire(&tlb->ticket);
}

/* The slot for a new entry, or NULL if every way holds a live other one. */
static Slot *find_room_locked(NyxIotlb *tlb, uint64_t tag, NyxAsid asid,
                              uint32_t gen)
{
    Slot *set = set_of(tlb, tag);
    Slot *room = NULL;

    for (unsigned i = 0; i < IOTLB_WAYS; i++) {
        if (set[i].tag == tag && set[i].asid == asid) {
            return &set[i];
        }
        if (!set[i].tag ||
            (set[i].asid == asid && set[i].seq_gen >> 32 != gen)) {
            room = &set[i];
        }
    }
    return room;
}

static void insert_locked(NyxIotlb *tlb, NyxAsid asid, uint32_t gen,
                          const NyxIotlbEntry *entry)
{
    uint64_t tag = make_tag(entry->iova, entry->lg2);
    uint64_t data = (entry->addr & ~LOW_BITS) | entry->permission;
    Slot *slot = find_room_locked(tlb, tag, asid, gen);

    qatomic_set(&tlb->sizes, tlb->sizes | BIT_ULL(entry->lg2));
    if (!slot && tlb->temper == NYX_CACHE_STICKY) {
        nyx_cache_insert(&tlb->kept, (NyxCacheKey) { tag, asid }, gen,
                         data, 0);
        return;
    }
    if (!slot) {
        slot = set_of(tlb, tag) + (nyx_random(&tlb->rng) & (IOTLB_WAYS - 1));
        tlb->stats.evictions++;
    }
    slot_write_locked(slot, tag, asid, data, gen);
}

bool nyx_iotlb_insert(NyxIotlb *tlb, uint32_t ticket, NyxAsid asid,
                      uint32_t gen, const NyxIotlbEntry *entry)
{
    bool current;

    if (!tlb->slots) {
        return true;
    }
    pthread_mutex_lock(&tlb->lock);
    current = tlb->ticket == ticket;
    if (current) {
        insert_locked(tlb, asid, gen, entry);
    } else {
        tlb->stats.refused++;
    }
    pthread_mutex_unlock(&tlb->lock);
    return current;
}

static void slot_free_locked(NyxIotlb *tlb, Slot *slot)
{
    slot_write_locked(slot, 0, 0, 0, slot->seq_gen >> 32);
    tlb->stats.dropped++;
}

typedef struct DropRange {
    NyxAsid asid;
    uint64_t first;
    uint64_t last;
} DropRange;

static bool tag_overlaps(uint64_t tag, uint64_t asid, const DropRange *range)
{
    uint64_t first = tag & ~LOW_BITS;

    return tag && asid == range->asid && first <= range->last &&
           first + MAKE_64BIT_MASK(0, tag & 63) >= range->first;
}

static bool kept_overlaps(const NyxCacheRecord *record, const void *opaque)
{
    return tag_overlaps(record->key.addr, record->key.tag, opaque);
}

static void drop_scan_locked(NyxIotlb *tlb, const DropRange *range)
{
    size_t n = ((size_t)tlb->set_mask + 1) * IOTLB_WAYS;

    for (size_t i = 0; i < n; i++) {
        if (tag_overlaps(tlb->slots[i].tag, tlb->slots[i].asid, range)) {
            slot_free_locked(tlb, &tlb->slots[i]);
        }
    }
    if (tlb->temper == NYX_CACHE_STICKY) {
        nyx_cache_drop_if(&tlb->kept, kept_overlaps, range);
    }
}

static void drop_tag_locked(NyxIotlb *tlb, uint64_t tag, NyxAsid asid)
{
    Slot *set = set_of(tlb, tag);

    for (unsigned i = 0; i < IOTLB_WAYS; i++) {
        if (set[i].tag == tag && set[i].asid == asid) {
            slot_free_locked(tlb, &set[i]);
        }
    }
    if (tlb->temper == NYX_CACHE_STICKY) {
        nyx_cache_drop(&tlb->kept, (NyxCacheKey) { tag, asid });
    }
}

/* Pages of all the sizes in use that the range touches, saturating. */
static uint64_t probes_for(uint64_t sizes, uint64_t first, uint64_t last)
{
    uint64_t probes = 0;

    for (; sizes; sizes &= sizes - 1) {
        unsigned lg2 = ctz64(sizes);
        uint64_t blocks = (last >> lg2) - (first >> lg2);

        probes = probes + blocks < probes ? UINT64_MAX : probes + blocks + 1;
    }
    return probes;
}

void nyx_iotlb_drop_range(NyxIotlb *tlb, NyxAsid asid, uint64_t first,
                          uint64_t last)
{
    const DropRange range = { asid, first, last };

    pthread_mutex_lock(&tlb->lock);
    qatomic_store_release(&tlb->ticket, tlb->ticket + 1);
    if (!tlb->slots || !tlb->sizes) {
        /* Nothing was ever cached. */
    } else if (probes_for(tlb->sizes, first, last) > tlb->set_mask + 1ULL) {
        drop_scan_locked(tlb, &range);
    } else {
        for (uint64_t sizes = tlb->sizes; sizes; sizes &= sizes - 1) {
            unsigned lg2 = ctz64(sizes);

            for (uint64_t block = first >> lg2; block <= last >> lg2;
                 block++) {
                drop_tag_locked(tlb, make_tag(block << lg2, lg2), asid);
            }
        }
    }
    pthread_mutex_unlock(&tlb->lock);
}

void nyx_iotlb_clear(NyxIotlb *tlb)
{
    size_t n = ((size_t)tlb->set_mask + 1) * IOTLB_WAYS;

    pthread_mutex_lock(&tlb->lock);
    qatomic_store_release(&tlb->ticket, tlb->ticket + 1);
    if (tlb->slots) {
        for (size_t i = 0; i < n; i++) {
            slot_write_locked(&tlb->slots[i], 0, 0, 0, 0);
        }
        qatomic_set(&tlb->sizes, 0);
    }
    nyx_cache_clear(&tlb->kept);
    pthread_mutex_unlock(&tlb->lock);
}

NyxIotlbStats nyx_iotlb_stats(NyxIotlb *tlb)
{
    NyxIotlbStats stats;

    pthread_mutex_lock(&tlb->lock);
    stats = (NyxIotlbStats) {
        .evictions = tlb->stats.evictions + tlb->kept.stats.evictions,
        .dropped = tlb->stats.dropped + tlb->kept.stats.dropped,
        .refused = tlb->stats.refused,
    };
    pthread_mutex_unlock(&tlb->lock);
    /* Readers count these without the lock. */
    for (unsigned i = 0; i < STRIPES; i++) {
        stats.hits += qatomic_read(&tlb->stripe[i].hits);
        stats.misses += qatomic_read(&tlb->stripe[i].misses);
    }
    return stats;
}

typedef struct VisitKept {
    NyxIotlbVisit *visit;
    void *opaque;
} VisitKept;

static void visit_kept(const NyxCacheRecord *record, void *opaque)
{
    const VisitKept *kept = opaque;
    const Slot slot = { .tag = record->key.addr, .data = record->data[0] };
    NyxIotlbEntry entry;

    slot_to_entry(&slot, &entry);
    kept->visit(&entry, record->key.tag, record->gen, kept->opaque);
}

void nyx_iotlb_foreach(NyxIotlb *tlb, NyxIotlbVisit *visit, void *opaque)
{
    VisitKept kept = { visit, opaque };
    size_t n = tlb->slots ? ((size_t)tlb->set_mask + 1) * IOTLB_WAYS : 0;
    NyxIotlbEntry entry;
    Slot copy;

    for (size_t i = 0; i < n; i++) {
        if (slot_read(&tlb->slots[i], &copy) && copy.tag) {
            slot_to_entry(&copy, &entry);
            visit(&entry, copy.asid, copy.seq_gen >> 32, opaque);
        }
    }
    pthread_mutex_lock(&tlb->lock);
    nyx_cache_foreach(&tlb->kept, visit_kept, &kept);
    pthread_mutex_unlock(&tlb->lock);
}
