/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records from any thread to the serialized side.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/handoff.h"

void nyx_handoff_init(NyxHandoff *handoff, size_t size, unsigned max)
{
    *handoff = (NyxHandoff) {
        .size = size,
        .max = max,
        .records = g_malloc0_n(max, size),
    };
    pthread_mutex_init(&handoff->lock, NULL);
}

void nyx_handoff_destroy(NyxHandoff *handoff)
{
    pthread_mutex_destroy(&handoff->lock);
    g_free(handoff->records);
}

static bool place(NyxHandoff *handoff, const void *record, bool missed,
                  bool *first)
{
    bool placed;

    pthread_mutex_lock(&handoff->lock);
    *first = !handoff->len;
    placed = handoff->len < handoff->max;
    if (placed) {
        memcpy(handoff->records + handoff->len * handoff->size, record,
               handoff->size);
        qatomic_set(&handoff->len, handoff->len + 1);
    } else {
        handoff->lost |= missed;
    }
    pthread_mutex_unlock(&handoff->lock);
    return placed;
}

bool nyx_handoff_put(NyxHandoff *handoff, const void *record, bool *first)
{
    return place(handoff, record, true, first);
}

bool nyx_handoff_offer(NyxHandoff *handoff, const void *record, bool *first)
{
    return place(handoff, record, false, first);
}

unsigned nyx_handoff_take(NyxHandoff *handoff, void *records, bool *lost)
{
    unsigned len;

    *lost = false;
    if (!nyx_handoff_pending(handoff)) {
        return 0;
    }
    pthread_mutex_lock(&handoff->lock);
    len = handoff->len;
    *lost = handoff->lost;
    memcpy(records, handoff->records, len * handoff->size);
    qatomic_set(&handoff->len, 0);
    handoff->lost = false;
    pthread_mutex_unlock(&handoff->lock);
    return len;
}
