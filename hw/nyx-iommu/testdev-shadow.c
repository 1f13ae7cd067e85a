/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bookkeeping of the mappings that an IOMMU announced to nyx-testdev, with
 * the objections that a VFIO container would have.  Ranges are inclusive.
 */
#include "qemu/osdep.h"
#include "testdev.h"

static NyxShadowEntry *first_in(NyxShadow *shadow, uint64_t iova,
                                uint64_t last)
{
    IntervalTreeNode *node = interval_tree_iter_first(&shadow->root, iova,
                                                      last);

    return node ? container_of(node, NyxShadowEntry, node) : NULL;
}

static void remove_entry(NyxShadow *shadow, NyxShadowEntry *entry)
{
    interval_tree_remove(&entry->node, &shadow->root);
    shadow->count--;
    shadow->bytes -= entry->node.last - entry->node.start + 1;
    g_free(entry);
}

unsigned nyx_shadow_check_size(uint64_t iova, uint64_t last)
{
    uint64_t mask = last - iova;

    /* A block of 2^64 has a size that doesn't fit VFIO's calls. */
    if (mask == UINT64_MAX || (mask & (mask + 1)) || (iova & mask)) {
        return NYX_TD_SHADOW_SIZE;
    }
    return NYX_TD_SHADOW_OK;
}

unsigned nyx_shadow_map(NyxShadow *shadow, const NyxShadowEntry *entry)
{
    uint64_t iova = entry->node.start;
    uint64_t last = entry->node.last;
    NyxShadowEntry *copy;

    if (nyx_shadow_check_size(iova, last) != NYX_TD_SHADOW_OK ||
        (entry->addr & (last - iova))) {
        return NYX_TD_SHADOW_SIZE;
    }
    if (first_in(shadow, iova, last)) {
        return NYX_TD_SHADOW_DOUBLE_MAP;
    }
    if (shadow->count >= shadow->max) {
        return NYX_TD_SHADOW_FULL;
    }
    copy = g_memdup2(entry, sizeof(*entry));
    interval_tree_insert(&copy->node, &shadow->root);
    shadow->count++;
    shadow->bytes += last - iova + 1;
    return NYX_TD_SHADOW_OK;
}

static bool is_cut(NyxShadow *shadow, uint64_t iova, uint64_t last)
{
    NyxShadowEntry *low = first_in(shadow, iova, iova);
    NyxShadowEntry *high = first_in(shadow, last, last);

    return (low && low->node.start < iova) ||
           (high && high->node.last > last);
}

unsigned nyx_shadow_unmap(NyxShadow *shadow, uint64_t iova, uint64_t last)
{
    if (is_cut(shadow, iova, last)) {
        return NYX_TD_SHADOW_CUT;
    }
    nyx_shadow_drop(shadow, iova, last);
    return NYX_TD_SHADOW_OK;
}

void nyx_shadow_drop(NyxShadow *shadow, uint64_t iova, uint64_t last)
{
    NyxShadowEntry *entry;

    while ((entry = first_in(shadow, iova, last))) {
        remove_entry(shadow, entry);
    }
}

const NyxShadowEntry *nyx_shadow_nth(NyxShadow *shadow, uint32_t index)
{
    IntervalTreeNode *node;

    if (index >= shadow->count) {
        return NULL;
    }
    node = interval_tree_iter_first(&shadow->root, 0, UINT64_MAX);
    while (node && index--) {
        node = interval_tree_iter_next(node, 0, UINT64_MAX);
    }
    return node ? container_of(node, NyxShadowEntry, node) : NULL;
}

const NyxShadowEntry *nyx_shadow_next(NyxShadow *shadow, uint64_t iova,
                                      uint64_t last)
{
    return first_in(shadow, iova, last);
}

const NyxShadowEntry *nyx_shadow_find(NyxShadow *shadow, uint64_t iova)
{
    return first_in(shadow, iova, iova);
}
