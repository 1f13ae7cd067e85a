/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The body of nyx_walk(), for walk.c and for formats that have it compiled
 * with their own functions inlined: there is one walker, this one.
 */
#ifndef NYX_IOMMU_WALK_BODY_H
#define NYX_IOMMU_WALK_BODY_H

#include "qemu/bitops.h"
#include "hw/nyx-iommu/walk.h"

static inline uint64_t nyx_entry_address(const NyxFormat *fmt, uint64_t table,
                                         unsigned level, uint64_t iova)
{
    uint64_t index = iova >> nyx_level_lg2(fmt, level);

    index &= (1u << fmt->index_bits) - 1;
    return table + index * sizeof(uint64_t);
}

/* Address of an entry in memory; false if the outer stage refuses it. */
static inline bool nyx_entry_in_memory(const NyxWalkCtx *ctx,
                                       uint64_t *addr, unsigned access)
{
    return !ctx->table_xlate ||
           ctx->table_xlate(ctx->table_opaque, *addr, access, addr);
}

static inline NyxWalkStatus nyx_read_entry(const NyxWalkCtx *ctx,
                                           uint64_t addr, uint64_t *entry)
{
    if (!nyx_entry_in_memory(ctx, &addr, NYX_ACCESS_READ)) {
        return NYX_WALK_TABLE_FAULT;
    }
    return nyx_mem_read_le64(ctx->mem, addr, entry, 1) ? NYX_WALK_OK
                                                       : NYX_WALK_READ_ERROR;
}

/* Check the last entry; on NYX_WALK_OK *@klass says how the walk goes on. */
static inline __attribute__((always_inline))
NyxWalkStatus nyx_check_entry(const NyxFormat *fmt, const NyxWalkCtx *ctx,
                              unsigned need, NyxWalk *walk,
                              NyxEntryClass *klass)
{
    uint64_t entry = walk->trail[walk->steps - 1].entry;
    unsigned level = walk->level;

    *klass = fmt->classify(ctx, level, entry);
    if (*klass == NYX_ENTRY_EMPTY) {
        walk->permission = NYX_ACCESS_NONE;
        return NYX_WALK_EMPTY;
    }
    if (fmt->reserved_first && (entry & fmt->reserved(ctx, level, *klass))) {
        return NYX_WALK_RESERVED;
    }
    walk->rights &= fmt->permission(ctx, level, entry);
    walk->permission = fmt->grant ? fmt->grant(ctx, walk->rights, *klass)
                                  : walk->rights;
    if (need & ~walk->permission) {
        return fmt->grant && !(walk->permission & NYX_RIGHT_USER)
               ? NYX_WALK_PRIVILEGE : NYX_WALK_DENIED;
    }
    if (!fmt->reserved_first && (entry & fmt->reserved(ctx, level, *klass))) {
        return NYX_WALK_RESERVED;
    }
    return NYX_WALK_OK;
}

/* @fmt is @ctx->fmt, as a constant where there is one. */
static inline __attribute__((always_inline))
void nyx_walk_body(const NyxFormat *fmt, const NyxWalkCtx *ctx, uint64_t iova,
                   unsigned need, const NyxWalkStart *start, NyxWalk *walk)
{
    uint64_t table = start ? start->table : ctx->root;

    walk->level = start ? start->level : ctx->top;
    walk->rights = start ? start->permission : NYX_RIGHT_ALL;
    walk->permission = walk->rights;
    walk->steps = 0;
    walk->addr = 0;

    for (;; walk->level--) {
        NyxEntryClass klass = NYX_ENTRY_EMPTY;
        NyxWalkStep *step = &walk->trail[walk->steps];

        walk->lg2 = nyx_level_lg2(fmt, walk->level);
        step->level = walk->level;
        step->entry_addr = nyx_entry_address(fmt, table, walk->level, iova);
        walk->status = nyx_read_entry(ctx, step->entry_addr, &step->entry);
        if (walk->status != NYX_WALK_OK) {
            return;
        }
        walk->steps++;
        walk->status = nyx_check_entry(fmt, ctx, need, walk, &klass);
        step->permission = walk->rights;
        if (walk->status != NYX_WALK_OK) {
            return;
        }
        if (klass == NYX_ENTRY_LEAF) {
            walk->lg2 = fmt->leaf_lg2(ctx, walk->level, step->entry);
            walk->addr = step->entry & fmt->table_mask &
                         ~MAKE_64BIT_MASK(0, walk->lg2);
            return;
        }
        table = step->entry & fmt->table_mask;
    }
}

/* Any format; its functions are called. */
void nyx_walk_any(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,
                  const NyxWalkStart *start, NyxWalk *walk);

/*
 * A NyxFormat.walk for @format, which is defined in the same file.  A copy of
 * the format may have other functions.
 */
#define NYX_WALK_SPECIALIZE(name, format)                                   \
    static void name(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,   \
                     const NyxWalkStart *start, NyxWalk *walk)              \
    {                                                                       \
        if (ctx->fmt == &(format)) {                                        \
            nyx_walk_body(&(format), ctx, iova, need, start, walk);         \
        } else {                                                            \
            nyx_walk_any(ctx, iova, need, start, walk);                     \
        }                                                                   \
    }

#endif
