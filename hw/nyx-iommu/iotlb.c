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
#include "hw/nyx-iommu/iotlb-lookup.h"

/* A set does not straddle more cache lines than it has to. */
#define SET_ALIGN 128

typedef NyxIotlbSlot Slot;

/* Of NyxIotlb.used_asid: the sets in use are not known for any. */
#define ASID_MIXED (NYX_ASID_NONE - 1)

/* Pages that are looked for one by one rather than to scan every set. */
#define SCAN_PAGES 64

static void *alloc_aligned(size_t size, size_t align)
{
    void *block;

    if (posix_memalign(&block, align, size)) {
        g_error("no memory for an IOTLB of %zu bytes", size);
    }
    return memset(block, 0, size);
}

static size_t used_words(const NyxIotlb *tlb)
{
    return DIV_ROUND_UP((size_t)tlb->set_mask + 1, 64);
}

NyxIotlb *nyx_iotlb_new(const NyxCacheCfg *cfg)
{
    NyxIotlb *tlb = alloc_aligned(sizeof(*tlb), __alignof__(*tlb));
    /* `off` has a set in which nothing is ever found. */
    uint32_t entries = cfg->temper == NYX_CACHE_OFF ? 1 : cfg->entries;
    uint32_t slots = pow2ceil(MAX(entries, NYX_IOTLB_WAYS));

    tlb->temper = cfg->temper;
    tlb->rng = cfg->seed | 1;
    tlb->used_asid = NYX_ASID_NONE;
    tlb->set_mask = slots / NYX_IOTLB_WAYS - 1;
    tlb->slots = alloc_aligned(sizeof(Slot) * slots, SET_ALIGN);
    tlb->used = g_new0(uint64_t, used_words(tlb));
    pthread_mutex_init(&tlb->lock, NULL);
    for (unsigned i = 0; i < NYX_IOTLB_STRIPES; i++) {
        tlb->stripe[i].lg2 = NYX_IOTLB_MIN_LG2;
    }
    if (cfg->temper == NYX_CACHE_STICKY) {
        NyxCacheCfg kept = *cfg;

        kept.entries = kept.ways = NYX_IOTLB_WAYS;
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
    g_free(tlb->used);
    free(tlb->slots);
    free(tlb);
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
    entry->iova = slot->tag & ~NYX_IOTLB_LOW_BITS;
    entry->addr = slot->data & ~NYX_IOTLB_LOW_BITS;
    entry->permission = slot->data & NYX_IOTLB_LOW_BITS;
}

static bool lookup_kept(NyxIotlb *tlb, uint64_t iova, uint8_t lg2,
                        NyxAsid asid, uint32_t gen, NyxIotlbEntry *entry)
{
    const NyxCacheKey key = { nyx_iotlb_tag(iova, lg2), asid };
    const NyxCacheRecord *record;

    pthread_mutex_lock(&tlb->lock);
    record = nyx_cache_lookup(&tlb->kept, key, gen);
    if (record) {
        const Slot slot = { .tag = key.addr, .data = record->data[0] };

        slot_to_entry(&slot, entry);
    }
    pthread_mutex_unlock(&tlb->lock);
    return record;
}

/* Among entries of @sizes, the smallest first. */
static bool lookup(NyxIotlb *tlb, NyxIotlbStripe *stripe, uint64_t sizes,
                   uint64_t iova, NyxAsid asid, uint32_t gen,
                   NyxIotlbEntry *entry)
{
    for (; sizes; sizes &= sizes - 1) {
        uint8_t lg2 = ctz64(sizes);

        if (nyx_iotlb_probe(tlb, iova, lg2, asid, gen, entry) ||
            (tlb->temper == NYX_CACHE_STICKY &&
             lookup_kept(tlb, iova, lg2, asid, gen, entry))) {
            nyx_count(&stripe->hits);
            return true;
        }
    }
    nyx_count(&stripe->misses);
    return false;
}

bool nyx_iotlb_lookup(NyxIotlb *tlb, uint64_t iova, NyxAsid asid,
                      uint32_t gen, NyxIotlbEntry *entry)
{
    return lookup(tlb, nyx_iotlb_stripe(tlb), qatomic_read(&tlb->sizes), iova,
                  asid, gen, entry);
}

bool nyx_iotlb_find_other(NyxIotlb *tlb, NyxIotlbStripe *stripe,
                          uint64_t iova, NyxAsid asid, uint32_t gen,
                          NyxIotlbEntry *entry)
{
    uint64_t sizes = qatomic_read(&tlb->sizes);

    if (tlb->temper != NYX_CACHE_STICKY) {
        sizes &= ~BIT_ULL(qatomic_read(&stripe->lg2));
    }
    if (!lookup(tlb, stripe, sizes, iova, asid, gen, entry)) {
        return false;
    }
    qatomic_set(&stripe->lg2, entry->lg2);
    return true;
}

uint32_t nyx_iotlb_ticket(const NyxIotlb *tlb)
{
    return qatomic_load_acquire(&tlb->ticket);
}

static uint32_t set_of_tag(const NyxIotlb *tlb, uint64_t tag)
{
    return nyx_iotlb_set(tlb, tag & ~NYX_IOTLB_LOW_BITS, tag & 63);
}

static void forget_used_locked(NyxIotlb *tlb, NyxAsid asid, uint32_t gen)
{
    memset(tlb->used, 0, used_words(tlb) * sizeof(*tlb->used));
    tlb->used_sets = 0;
    tlb->used_asid = asid;
    tlb->used_gen = gen;
}

static void mark_used_locked(NyxIotlb *tlb, uint32_t set)
{
    uint64_t bit = BIT_ULL(set % 64);

    tlb->used_sets += !(tlb->used[set / 64] & bit);
    tlb->used[set / 64] |= bit;
}

/*
 * An entry of @asid comes into @set.  Those of older generations are dead.
 * With a second address space the view is lost until a scan restores it: a
 * fill may be late, so that later generations can have entries already.
 */
static void use_set_locked(NyxIotlb *tlb, uint32_t set, NyxAsid asid,
                           uint32_t gen)
{
    if (tlb->used_asid != asid && tlb->used_asid != NYX_ASID_NONE) {
        tlb->used_asid = ASID_MIXED;
        return;
    }
    if (tlb->used_asid != asid || tlb->used_gen != gen) {
        forget_used_locked(tlb, asid, gen);
    }
    mark_used_locked(tlb, set);
}

static bool is_older(uint32_t gen, uint32_t than)
{
    return (int32_t)(gen - than) < 0;
}

/* The slot for a new entry, or NULL if every way holds a live other one. */
static Slot *find_room(Slot *set, uint64_t tag, NyxAsid asid, uint32_t gen)
{
    Slot *room = NULL;

    for (unsigned i = 0; i < NYX_IOTLB_WAYS; i++) {
        if (set[i].tag == tag && set[i].asid == asid) {
            return &set[i];
        }
        if (!set[i].tag ||
            (set[i].asid == asid && is_older(set[i].seq_gen >> 32, gen))) {
            room = &set[i];
        }
    }
    return room;
}

static void insert_locked(NyxIotlb *tlb, NyxAsid asid, uint32_t gen,
                          const NyxIotlbEntry *entry)
{
    uint64_t tag = nyx_iotlb_tag(entry->iova, entry->lg2);
    uint64_t data = (entry->addr & ~NYX_IOTLB_LOW_BITS) | entry->permission;
    uint32_t set = set_of_tag(tlb, tag);
    Slot *slots = nyx_iotlb_slots(tlb, set);
    Slot *slot = find_room(slots, tag, asid, gen);

    use_set_locked(tlb, set, asid, gen);
    qatomic_set(&tlb->sizes, tlb->sizes | BIT_ULL(entry->lg2));
    if (!slot && tlb->temper == NYX_CACHE_STICKY) {
        nyx_cache_insert(&tlb->kept, (NyxCacheKey) { tag, asid }, gen,
                         data, 0);
        return;
    }
    if (!slot) {
        slot = &slots[nyx_random(&tlb->rng) % NYX_IOTLB_WAYS];
        tlb->stats.evictions++;
    }
    slot_write_locked(slot, tag, asid, data, gen);
}

/* Whether a fill that began with @gen comes too late. */
static bool is_dead_locked(const NyxIotlb *tlb, NyxAsid asid, uint32_t gen)
{
    return tlb->used_asid == asid && is_older(gen, tlb->used_gen);
}

bool nyx_iotlb_insert(NyxIotlb *tlb, uint32_t ticket, NyxAsid asid,
                      uint32_t gen, const NyxIotlbEntry *entry)
{
    bool current;

    if (tlb->temper == NYX_CACHE_OFF) {
        return true;
    }
    pthread_mutex_lock(&tlb->lock);
    current = tlb->ticket == ticket && !is_dead_locked(tlb, asid, gen);
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
    uint64_t first = tag & ~NYX_IOTLB_LOW_BITS;

    return tag && asid == range->asid && first <= range->last &&
           first + MAKE_64BIT_MASK(0, tag & 63) >= range->first;
}

static bool kept_overlaps(const NyxCacheRecord *record, const void *opaque)
{
    return tag_overlaps(record->key.addr, record->key.tag, opaque);
}

static void drop_in_set_locked(NyxIotlb *tlb, uint32_t set,
                               const DropRange *range)
{
    Slot *slots = nyx_iotlb_slots(tlb, set);

    for (unsigned i = 0; i < NYX_IOTLB_WAYS; i++) {
        if (tag_overlaps(slots[i].tag, slots[i].asid, range)) {
            slot_free_locked(tlb, &slots[i]);
        }
    }
}

/* Through the sets in use. */
static void drop_in_used_locked(NyxIotlb *tlb, const DropRange *range)
{
    for (size_t word = 0; word < used_words(tlb); word++) {
        for (uint64_t bits = tlb->used[word]; bits; bits &= bits - 1) {
            drop_in_set_locked(tlb, word * 64 + ctz64(bits), range);
        }
    }
}

static bool set_has_live(const Slot *slots, NyxAsid asid, uint32_t gen)
{
    for (unsigned i = 0; i < NYX_IOTLB_WAYS; i++) {
        if (slots[i].tag && slots[i].asid == asid &&
            slots[i].seq_gen >> 32 == gen) {
            return true;
        }
    }
    return false;
}

/* Through every set, which tells which of them are in use. */
static void drop_scan_locked(NyxIotlb *tlb, const DropRange *range,
                             uint32_t gen)
{
    forget_used_locked(tlb, range->asid, gen);
    for (uint32_t set = 0; set <= tlb->set_mask; set++) {
        drop_in_set_locked(tlb, set, range);
        if (set_has_live(nyx_iotlb_slots(tlb, set), range->asid, gen)) {
            mark_used_locked(tlb, set);
        }
    }
}

static void drop_tag_locked(NyxIotlb *tlb, uint64_t tag, NyxAsid asid)
{
    Slot *slots = nyx_iotlb_slots(tlb, set_of_tag(tlb, tag));

    for (unsigned i = 0; i < NYX_IOTLB_WAYS; i++) {
        if (slots[i].tag == tag && slots[i].asid == asid) {
            slot_free_locked(tlb, &slots[i]);
        }
    }
    if (tlb->temper == NYX_CACHE_STICKY) {
        nyx_cache_drop(&tlb->kept, (NyxCacheKey) { tag, asid });
    }
}

/* By the pages named. */
static void drop_pages_locked(NyxIotlb *tlb, const DropRange *range)
{
    for (uint64_t sizes = tlb->sizes; sizes; sizes &= sizes - 1) {
        unsigned lg2 = ctz64(sizes);

        for (uint64_t block = range->first >> lg2;
             block <= range->last >> lg2; block++) {
            drop_tag_locked(tlb, nyx_iotlb_tag(block << lg2, lg2),
                            range->asid);
        }
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

void nyx_iotlb_drop_range(NyxIotlb *tlb, NyxAsid asid, uint32_t gen,
                          uint64_t first, uint64_t last)
{
    const DropRange range = { asid, first, last };
    bool sticky = tlb->temper == NYX_CACHE_STICKY;
    uint64_t pages;
    bool known;

    pthread_mutex_lock(&tlb->lock);
    qatomic_store_release(&tlb->ticket, tlb->ticket + 1);
    pages = probes_for(tlb->sizes, first, last);
    known = tlb->used_asid == asid;
    if (!tlb->sizes || (known && tlb->used_gen != gen)) {
        /* Nothing is cached, or nothing of it is alive. */
    } else if (pages <= (known && !sticky ? tlb->used_sets : SCAN_PAGES)) {
        drop_pages_locked(tlb, &range);
    } else {
        if (known) {
            drop_in_used_locked(tlb, &range);
        } else {
            drop_scan_locked(tlb, &range, gen);
        }
        if (sticky) {
            nyx_cache_drop_if(&tlb->kept, kept_overlaps, &range);
        }
    }
    pthread_mutex_unlock(&tlb->lock);
}

void nyx_iotlb_clear(NyxIotlb *tlb)
{
    size_t n = ((size_t)tlb->set_mask + 1) * NYX_IOTLB_WAYS;

    pthread_mutex_lock(&tlb->lock);
    qatomic_store_release(&tlb->ticket, tlb->ticket + 1);
    for (size_t i = 0; i < n; i++) {
        slot_write_locked(&tlb->slots[i], 0, 0, 0, 0);
    }
    forget_used_locked(tlb, NYX_ASID_NONE, 0);
    qatomic_set(&tlb->sizes, 0);
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
    for (unsigned i = 0; i < NYX_IOTLB_STRIPES; i++) {
        stats.hits += qatomic_read(&tlb->stripe[i].hits);
        stats.misses += qatomic_read(&tlb->stripe[i].misses);
    }
    return stats;
}

void nyx_iotlb_stats_add(NyxIotlbStats *sum, const NyxIotlbStats *part)
{
    sum->hits += part->hits;
    sum->misses += part->misses;
    sum->evictions += part->evictions;
    sum->dropped += part->dropped;
    sum->refused += part->refused;
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
    size_t n = ((size_t)tlb->set_mask + 1) * NYX_IOTLB_WAYS;
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
