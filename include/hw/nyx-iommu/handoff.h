/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records on their way from any thread to the serialized side: a bounded
 * list.  What does not fit is lost, and the other side learns that.
 */
#ifndef HW_NYX_IOMMU_HANDOFF_H
#define HW_NYX_IOMMU_HANDOFF_H

#include "qemu/osdep.h"
#include "qemu/atomic.h"

typedef struct NyxHandoff {
    pthread_mutex_t lock;
    size_t size;             /* of a record */
    unsigned max;
    unsigned len;            /* atomic */
    bool lost;
    uint8_t *records;
} NyxHandoff;

void nyx_handoff_init(NyxHandoff *handoff, size_t size, unsigned max);
void nyx_handoff_destroy(NyxHandoff *handoff);

/**
 * nyx_handoff_put: leave a record, from any thread.
 * @first: set to whether nothing was waiting: then the other side has to be
 *         called
 *
 * Returns false if there was no place.
 */
bool nyx_handoff_put(NyxHandoff *handoff, const void *record, bool *first);

/* The same of a record that nobody misses if there is no place. */
bool nyx_handoff_offer(NyxHandoff *handoff, const void *record, bool *first);

/**
 * nyx_handoff_take: take all that wait, on the serialized side.
 * @records: room for as many as there can be
 * @lost: set to whether some had no place since the last time
 *
 * Returns how many were taken.
 */
unsigned nyx_handoff_take(NyxHandoff *handoff, void *records, bool *lost);

static inline bool nyx_handoff_pending(const NyxHandoff *handoff)
{
    return qatomic_read(&handoff->len);
}

#endif
