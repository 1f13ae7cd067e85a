/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The look-up of iotlb.h, to be compiled into the place that needs it: a hit
 * is most of what an IOMMU does.  Everything else needs only iotlb.h.
 */
#ifndef HW_NYX_IOMMU_IOTLB_LOOKUP_H
#define HW_NYX_IOMMU_IOTLB_LOOKUP_H

#include "qemu/atomic.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/iotlb.h"

#define NYX_IOTLB_WAYS 4
#define NYX_IOTLB_STRIPES 16
#define NYX_IOTLB_MIN_LG2 12
/* Of a tag or a datum: what is not address. */
#define NYX_IOTLB_LOW_BITS 0xfffULL

/*
 * Written under the lock of the IOTLB, read without it: a copy is good if the
 * sequence number is even and the same after the copy as before.
 */
typedef struct NyxIotlbSlot {
    uint64_t seq_gen;        /* generation << 32 | sequence */
    uint64_t tag;            /* iova | lg2; zero: free */
    uint64_t asid;
    uint64_t data;           /* addr | permission */
} NyxIotlbSlot;

/*
 * Counters of look-ups, spread so that threads that share a requester seldom
 * write the same cache line, and the size that was last found there.
 */
typedef struct NyxIotlbStripe {
    uint64_t hits;
    uint64_t misses;
    uint8_t lg2;
} QEMU_ALIGNED(64) NyxIotlbStripe;

struct NyxIotlb {
    NyxIotlbSlot *slots;
    uint32_t set_mask;
    uint32_t ticket;         /* moves with every range invalidation */
    uint64_t sizes;          /* bit n: entries of 2^n bytes may exist */
    NyxCacheTemper temper;
    uint64_t rng;
    NyxCache kept;           /* `sticky` only: what its set had no room for */
    pthread_mutex_t lock;    /* writers, and what follows but the stripes */
    /*
     * Where live entries of one address space can be, a bit for each set, if
     * it is known for any.  Entries of other generations of it are dead.
     */
    uint64_t *used;
    uint32_t used_sets;
    uint32_t used_gen;
    NyxAsid used_asid;       /* NYX_ASID_NONE: there is no entry at all */
    NyxIotlbStats stats;     /* of writers; hits and misses are in stripes */
    NyxIotlbStripe stripe[NYX_IOTLB_STRIPES];
};

/* Two threads may meet in one counter; a lost count is accepted. */
static inline void nyx_count(uint64_t *counter)
{
    qatomic_set(counter, qatomic_read(counter) + 1);
}

/* Threads have their stacks megabytes apart: cheaper than a thread's id. */
static inline NyxIotlbStripe *nyx_iotlb_stripe(NyxIotlb *tlb)
{
    uintptr_t stack = (uintptr_t)__builtin_frame_address(0);

    return &tlb->stripe[(stack >> 23) % NYX_IOTLB_STRIPES];
}

static inline uint64_t nyx_iotlb_tag(uint64_t iova, uint8_t lg2)
{
    return (iova >> lg2 << lg2) | lg2;
}

/* Number of the set that an entry of 2^@lg2 bytes around @iova belongs to. */
static inline uint32_t nyx_iotlb_set(const NyxIotlb *tlb, uint64_t iova,
                                     uint8_t lg2)
{
    uint64_t page = iova >> lg2;

    return (page ^ (page >> 15) ^ lg2) & tlb->set_mask;
}

static inline NyxIotlbSlot *nyx_iotlb_slots(const NyxIotlb *tlb, uint32_t set)
{
    return &tlb->slots[(size_t)set * NYX_IOTLB_WAYS];
}

/* Whether @slot holds the live translation of @tag; its data in *@data. */
static inline bool nyx_iotlb_slot_hit(const NyxIotlbSlot *slot, uint64_t tag,
                                      NyxAsid asid, uint32_t gen,
                                      uint64_t *data)
{
    uint64_t seq_gen, found_tag, found_asid;

    if (qatomic_read(&slot->tag) != tag) {
        return false;
    }
    seq_gen = qatomic_load_acquire(&slot->seq_gen);
    found_tag = qatomic_load_acquire(&slot->tag);
    found_asid = qatomic_load_acquire(&slot->asid);
    *data = qatomic_load_acquire(&slot->data);
    return found_tag == tag && found_asid == asid && seq_gen >> 32 == gen &&
           !(seq_gen & 1) && qatomic_read(&slot->seq_gen) == seq_gen;
}

/* The translation of 2^@lg2 bytes around @iova, if it is in its set. */
static inline bool nyx_iotlb_probe(const NyxIotlb *tlb, uint64_t iova,
                                   uint8_t lg2, NyxAsid asid, uint32_t gen,
                                   NyxIotlbEntry *entry)
{
    const NyxIotlbSlot *set = nyx_iotlb_slots(tlb,
                                              nyx_iotlb_set(tlb, iova, lg2));
    uint64_t tag = nyx_iotlb_tag(iova, lg2);
    uint64_t data;

    for (unsigned i = 0; i < NYX_IOTLB_WAYS; i++) {
        if (nyx_iotlb_slot_hit(&set[i], tag, asid, gen, &data)) {
            *entry = (NyxIotlbEntry) {
                .iova = tag & ~NYX_IOTLB_LOW_BITS,
                .addr = data & ~NYX_IOTLB_LOW_BITS,
                .lg2 = lg2,
                .permission = data & NYX_IOTLB_LOW_BITS,
            };
            return true;
        }
    }
    return false;
}

/* The rest of nyx_iotlb_find(). */
bool nyx_iotlb_find_other(NyxIotlb *tlb, NyxIotlbStripe *stripe,
                          uint64_t iova, NyxAsid asid, uint32_t gen,
                          NyxIotlbEntry *entry);

/*
 * nyx_iotlb_find: nyx_iotlb_lookup() with its common case inline, which is a
 * page of the size that the thread used last.
 */
static inline bool nyx_iotlb_find(NyxIotlb *tlb, uint64_t iova, NyxAsid asid,
                                  uint32_t gen, NyxIotlbEntry *entry)
{
    NyxIotlbStripe *stripe = nyx_iotlb_stripe(tlb);
    NyxIotlbEntry other;     /* *@entry can stay in registers */

    if (likely(nyx_iotlb_probe(tlb, iova, qatomic_read(&stripe->lg2), asid,
                               gen, entry))) {
        nyx_count(&stripe->hits);
        return true;
    }
    if (!nyx_iotlb_find_other(tlb, stripe, iova, asid, gen, &other)) {
        return false;
    }
    *entry = other;
    return true;
}

#endif
