/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two stages: the walker for each, and what joins them.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/nested.h"

/* One try. */
typedef struct Try {
    const NyxNestedCtx *ctx;
    NyxWalkCtx tables;       /* the second stage for the unit's own accesses */
    NyxNestedWalk *walk;
    bool changed;            /* a second-stage entry, while it was marked */
} Try;

static void second_stage(const NyxNestedCtx *ctx, const NyxWalkCtx *second,
                         uint64_t gpa, unsigned need, NyxWalk *walk)
{
    if (ctx->second_bits < 64 && gpa >> ctx->second_bits) {
        *walk = (NyxWalk) { .status = NYX_WALK_WIDTH };
    } else {
        nyx_walk(second, gpa, need, NULL, walk);
    }
}

static uint64_t walk_result(const NyxWalk *walk, uint64_t input)
{
    return walk->addr | (input & MAKE_64BIT_MASK(0, walk->lg2));
}

/* A NyxTableXlate: the second stage for an entry of the first. */
static bool first_entry_xlate(void *opaque, uint64_t gpa, unsigned access,
                              uint64_t *hpa)
{
    Try *try = opaque;
    NyxWalk walk;

    second_stage(try->ctx, &try->tables, gpa, access, &walk);
    if (!nyx_walk_mark(&try->tables, access == NYX_ACCESS_WRITE, &walk)) {
        try->changed = true;
    }
    if (walk.status != NYX_WALK_OK) {
        /* The walk of the result is of no use any more. */
        try->walk->gpa = gpa;
        try->walk->second = walk;
        return false;
    }
    *hpa = walk_result(&walk, gpa);
    return true;
}

static NyxNestedStatus first_stage_status(NyxWalkStatus status)
{
    switch (status) {
    case NYX_WALK_OK:
        return NYX_NESTED_OK;
    case NYX_WALK_TABLE_FAULT:
        return NYX_NESTED_TABLE;
    case NYX_WALK_MARK_FAULT:
        return NYX_NESTED_STORE;
    default:
        return NYX_NESTED_FIRST;
    }
}

/* Both walks; nothing is marked but what reading the tables marks. */
static void walk_both(const NyxNestedCtx *ctx, const NyxWalkCtx *first_ctx,
                      uint64_t iova, unsigned need, const NyxWalkStart *start,
                      NyxNestedWalk *walk)
{
    const NyxWalk *first = &walk->first, *second = &walk->second;

    nyx_walk(first_ctx, iova, need, start, &walk->first);
    walk->status = first_stage_status(first->status);
    if (walk->status != NYX_NESTED_OK) {
        return;
    }
    walk->gpa = walk_result(first, iova);
    second_stage(ctx, ctx->second, walk->gpa, need, &walk->second);
    if (second->status != NYX_WALK_OK) {
        walk->status = NYX_NESTED_FINAL;
        return;
    }
    walk->permission = first->permission & second->permission;
    walk->lg2 = MIN(first->lg2, second->lg2);
    walk->addr = walk_result(second, walk->gpa) &
                 ~MAKE_64BIT_MASK(0, walk->lg2);
}

/* Marks of the tables' entries, then of the result's; false: walk again. */
static bool mark_both(const NyxNestedCtx *ctx, const NyxWalkCtx *first_ctx,
                      bool write, NyxNestedWalk *walk)
{
    bool unchanged = nyx_walk_mark(first_ctx, write, &walk->first);

    walk->status = first_stage_status(walk->first.status);
    if (walk->status != NYX_NESTED_OK) {
        return unchanged;
    }
    unchanged = nyx_walk_mark(ctx->second, write, &walk->second);
    if (walk->second.status != NYX_WALK_OK) {
        walk->status = NYX_NESTED_FINAL;
    }
    return unchanged;
}

void nyx_nested_walk(const NyxNestedCtx *ctx, uint64_t iova, unsigned need,
                     const NyxWalkStart *start, NyxNestedWalk *walk)
{
    NyxWalkCtx first_ctx = *ctx->first;
    Try try = { .ctx = ctx, .tables = *ctx->second, .walk = walk };

    try.tables.withheld = NYX_ACCESS_NONE;
    first_ctx.table_xlate = first_entry_xlate;
    first_ctx.table_opaque = &try;
    for (unsigned tries = NYX_WALK_TRIES; tries; tries--) {
        bool unchanged = true;

        try.changed = false;
        walk->permission = NYX_ACCESS_NONE;
        walk_both(ctx, &first_ctx, iova, need & ~NYX_NEED_DIRTY, start, walk);
        if (walk->status == NYX_NESTED_OK &&
            (walk->permission & NYX_ACCESS_RW)) {
            unchanged = mark_both(ctx, &first_ctx,
                                  nyx_walk_writes(need, walk->permission),
                                  walk);
        }
        if (unchanged && !try.changed) {
            return;
        }
        start = NULL;
    }
}
