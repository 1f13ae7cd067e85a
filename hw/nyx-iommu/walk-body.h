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

/* Whether a present entry has something that the manual does not define. */
static inline __attribute__((always_inline))
bool nyx_entry_reserved(const NyxFormat *fmt, const NyxWalkCtx *ctx,
                        unsigned level, NyxEntryClass klass, uint64_t entry)
{
    if (entry & fmt->reserved(ctx, level, klass)) {
        return true;
    }
    if (!fmt->next_level) {
        return false;
    }
    return klass == NYX_ENTRY_TABLE
           ? fmt->next_level(ctx, level, entry) >= level
           : !fmt->leaf_lg2(ctx, level, entry);
}

/* Level of the table that an entry points at. */
static inline unsigned nyx_entry_next(const NyxFormat *fmt,
                                      const NyxWalkCtx *ctx, unsigned level,
                                      uint64_t entry)
{
    return fmt->next_level ? fmt->next_level(ctx, level, entry) : level - 1;
}

/*
 * Whether @iova has a bit set that no table looks at, when a table of @level
 * is for the first of 2^@lg2 bytes.
 */
static inline bool nyx_table_passed(const NyxFormat *fmt, uint64_t iova,
                                    unsigned lg2, unsigned level)
{
    unsigned span = nyx_table_lg2(fmt, level);

    return fmt->next_level && span < lg2 &&
           extract64(iova, span, lg2 - span);
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
    if (fmt->reserved_first &&
        nyx_entry_reserved(fmt, ctx, level, *klass, entry)) {
        return NYX_WALK_RESERVED;
    }
    walk->rights &= fmt->permission(ctx, level, entry);
    walk->permission = nyx_walk_grant(fmt, ctx, walk->rights, *klass);
    if (need & ~walk->permission) {
        return fmt->grant && !(walk->permission & NYX_RIGHT_USER)
               ? NYX_WALK_PRIVILEGE : NYX_WALK_DENIED;
    }
    if (!fmt->reserved_first &&
        nyx_entry_reserved(fmt, ctx, level, *klass, entry)) {
        return NYX_WALK_RESERVED;
    }
    return NYX_WALK_OK;
}

/* The walk ends because no table of @level is for its address. */
static inline void nyx_walk_passes(const NyxFormat *fmt, unsigned level,
                                   NyxWalk *walk)
{
    walk->status = NYX_WALK_EMPTY;
    walk->lg2 = nyx_table_lg2(fmt, level);
    walk->permission = NYX_ACCESS_NONE;
}

/* @fmt is @ctx->fmt, as a constant where there is one. */
static inline __attribute__((always_inline))
void nyx_walk_body(const NyxFormat *fmt, const NyxWalkCtx *ctx, uint64_t iova,
                   unsigned need, const NyxWalkStart *start, NyxWalk *walk)
{
    uint64_t table = start ? start->table : ctx->root;

    walk->level = start ? start->level : ctx->top;
    walk->rights = start ? start->permission : NYX_RIGHT_ALL;
    walk->permission = walk->rights & ~ctx->withheld;
    walk->steps = 0;
    walk->addr = 0;
    if (nyx_table_passed(fmt, iova, 64, walk->level) && !start) {
        nyx_walk_passes(fmt, walk->level, walk);
        return;
    }

    for (;;) {
        unsigned next;
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
        step->next = next = nyx_entry_next(fmt, ctx, walk->level, step->entry);
        if (nyx_table_passed(fmt, iova, walk->lg2, next)) {
            nyx_walk_passes(fmt, next, walk);
            return;
        }
        walk->level = next;
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
