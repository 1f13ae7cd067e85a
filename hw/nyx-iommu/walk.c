/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one page-table walker, driven by a NyxFormat.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "walk-body.h"

void nyx_walk_any(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,
                  const NyxWalkStart *start, NyxWalk *walk)
{
    nyx_walk_body(ctx->fmt, ctx, iova, need, start, walk);
}

void nyx_walk(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,
              const NyxWalkStart *start, NyxWalk *walk)
{
    if (ctx->fmt->walk) {
        ctx->fmt->walk(ctx, iova, need, start, walk);
    } else {
        nyx_walk_any(ctx, iova, need, start, walk);
    }
}

/* --- Marks ---------------------------------------------------------------- */

bool nyx_walk_mark(const NyxWalkCtx *ctx, bool write, NyxWalk *walk)
{
    const NyxFormat *fmt = ctx->fmt;
    uint64_t bits = nyx_mark_bits(ctx, &fmt->accessed) |
                    nyx_mark_bits(ctx, &fmt->extended);
    uint64_t leaf_bits = bits | (write ? nyx_mark_bits(ctx, &fmt->dirty) : 0);

    /* A request for what there is may have been granted nothing. */
    if (walk->status != NYX_WALK_OK || !leaf_bits ||
        !(walk->permission & NYX_ACCESS_RW)) {
        return true;
    }
    for (unsigned i = 0; i < walk->steps; i++) {
        NyxWalkStep *step = &walk->trail[i];
        uint64_t addr = step->entry_addr, found = step->entry;

        if (i + 1 == walk->steps) {
            bits = leaf_bits;
        }
        if (!(bits & ~step->entry)) {
            continue;
        }
        walk->level = step->level;
        if (!nyx_entry_in_memory(ctx, &addr, NYX_ACCESS_WRITE)) {
            walk->status = NYX_WALK_MARK_FAULT;
            return true;
        }
        walk->status = NYX_WALK_MARK_ERROR;
        if (!ctx->mem->cmpxchg64(ctx->mem->opaque, addr, &found,
                                 step->entry | bits)) {
            return true;
        }
        if (found != step->entry) {
            return false;
        }
        walk->status = NYX_WALK_OK;
        step->entry |= bits;
    }
    walk->level = walk->trail[walk->steps - 1].level;
    return true;
}

void nyx_walk_and_mark(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,
                       const NyxWalkStart *start, NyxWalk *walk)
{
    if (!nyx_walk_marks(ctx)) {
        nyx_walk(ctx, iova, need & ~NYX_NEED_DIRTY, start, walk);
        return;
    }
    for (unsigned tries = NYX_WALK_TRIES; tries; tries--) {
        nyx_walk(ctx, iova, need & ~NYX_NEED_DIRTY, start, walk);
        if (nyx_walk_mark(ctx, nyx_walk_writes(need, walk->permission),
                          walk)) {
            return;
        }
        start = NULL;
    }
}

/* --- Runs of leaves ------------------------------------------------------- */

/* Entries of a run; two lines of the host's cache. */
#define RUN_LG2 4
#define RUN (1u << RUN_LG2)

void nyx_walk_widen(const NyxWalkCtx *ctx, NyxWalk *walk)
{
    const NyxWalkStep *leaf = &walk->trail[walk->steps - 1];
    uint64_t index = leaf->entry_addr / sizeof(uint64_t) % RUN;
    uint64_t first = leaf->entry - (index << walk->lg2);
    uint64_t entries[RUN];

    /*
     * Most neighbours are known not to fit without a look at them.  Marks
     * are compared like everything else: a clean page joins no dirty block.
     */
    if (walk->level || walk->lg2 != ctx->fmt->granule_lg2 ||
        ctx->table_xlate || (walk->addr >> walk->lg2) % RUN != index ||
        !nyx_mem_read_le64(ctx->mem, leaf->entry_addr & ~(sizeof(entries) - 1),
                           entries, RUN)) {
        return;
    }
    for (unsigned i = 0; i < RUN; i++) {
        if (entries[i] != first + ((uint64_t)i << walk->lg2)) {
            return;
        }
    }
    walk->lg2 += RUN_LG2;
    walk->addr &= ~MAKE_64BIT_MASK(0, walk->lg2);
}
