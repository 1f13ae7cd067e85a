/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested translation: a first stage (the guest's own tables) whose addresses,
 * those of its tables and the one it ends at, go through a second stage.
 * Neither format knows of the other.
 */
#ifndef HW_NYX_IOMMU_NESTED_H
#define HW_NYX_IOMMU_NESTED_H

#include "hw/nyx-iommu/walk.h"

typedef struct NyxNestedCtx {
    const NyxWalkCtx *first;     /* table_xlate and table_opaque: not used */
    const NyxWalkCtx *second;
    uint8_t second_bits;         /* addresses at or above are refused */
} NyxNestedCtx;

/* Whose refusal it is.  After each of them but OK, one status says why. */
typedef enum NyxNestedStatus {
    NYX_NESTED_OK,
    NYX_NESTED_FIRST,        /* the first stage's: first.status */
    /*
     * The second stage's: second.status, with NYX_WALK_WIDTH for an address
     * at or above second_bits.  TABLE and STORE are for the first stage's
     * entry at first.level (the root table's if that is the top).
     */
    NYX_NESTED_TABLE,        /* ... for reading a first-stage entry */
    NYX_NESTED_STORE,        /* ... for storing a mark in it */
    NYX_NESTED_FINAL,        /* ... for what the first stage ends at */
    NYX_NESTED_STATUS_COUNT,
} NyxNestedStatus;

typedef struct NyxNestedWalk {
    NyxNestedStatus status;
    /* The result, after NYX_NESTED_OK. */
    uint8_t lg2;             /* of the smaller leaf */
    unsigned permission;     /* what both stages grant */
    uint64_t addr;           /* block's base address, aligned to lg2 */
    uint64_t gpa;            /* what `second` is for */
    NyxWalk first;
    NyxWalk second;          /* not set after FIRST */
} NyxNestedWalk;

/**
 * nyx_nested_walk: translate @iova through both stages and set the marks of
 * both, as nyx_walk_and_mark() does for one.
 * @need: read, write and execute, and NYX_NEED_DIRTY.
 * @start: where the first stage begins, or NULL; the table's address is one
 *         that the second stage translates.
 *
 * A table of the first stage must be readable in the second; one that gets a
 * mark must be writable there, and its page becomes dirty.  The order: the
 * tables of the first stage, the address it ends at, and when all of it is
 * permitted, marks in the first stage, then in the second for the result.
 * Tables that were read have the second stage's accessed marks at once.  What
 * a stage withholds is withheld from the request, not from the unit when it
 * reads and marks tables.
 *
 * A request that only asks, and is granted neither read nor write, is OK and
 * marks no more than that.  All walks of the request share NYX_WALK_TRIES; the
 * stage whose entry kept changing has NYX_WALK_MARK_ERROR.
 */
void nyx_nested_walk(const NyxNestedCtx *ctx, uint64_t iova, unsigned need,
                     const NyxWalkStart *start, NyxNestedWalk *walk);

/* As nyx_walk_clean(): the first write has a D to set in one of the stages. */
static inline bool nyx_nested_clean(const NyxNestedCtx *ctx,
                                    const NyxNestedWalk *walk)
{
    return nyx_walk_clean(ctx->first, &walk->first) ||
           nyx_walk_clean(ctx->second, &walk->second);
}

#endif
