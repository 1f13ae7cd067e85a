/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one page-table walker, driven by a NyxFormat.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/walk.h"

static uint64_t entry_address(const NyxFormat *fmt, uint64_t table,
                              unsigned level, uint64_t iova)
{
    uint64_t index = iova >> nyx_level_lg2(fmt, level);

    index &= (1u << fmt->index_bits) - 1;
    return table + index * sizeof(uint64_t);
}

static NyxWalkStatus read_entry(const NyxWalkCtx *ctx, uint64_t addr,
                                uint64_t *entry)
{
    uint64_t hpa = addr;

    if (ctx->table_xlate &&
        !ctx->table_xlate(ctx->table_opaque, addr, NYX_ACCESS_READ, &hpa)) {
        return NYX_WALK_TABLE_FAULT;
    }
    return nyx_mem_read_le64(ctx->mem, hpa, entry, 1) ? NYX_WALK_OK
                                                      : NYX_WALK_READ_ERROR;
}

/* Check one entry; on NYX_WALK_OK *@klass says how the walk goes on. */
static NyxWalkStatus check_entry(const NyxWalkCtx *ctx, NyxWalk *walk,
                                 uint64_t entry, unsigned need,
                                 NyxEntryClass *klass)
{
    const NyxFormat *fmt = ctx->fmt;
    unsigned level = walk->level;

    *klass = fmt->classify(ctx, level, entry);
    if (*klass == NYX_ENTRY_EMPTY) {
        walk->permission = NYX_ACCESS_NONE;
        return NYX_WALK_EMPTY;
    }
    walk->permission &= fmt->permission(ctx, level, entry);
    if (need & ~walk->permission) {
        return NYX_WALK_DENIED;
    }
    if (entry & fmt->reserved(ctx, level, *klass)) {
        return NYX_WALK_RESERVED;
    }
    return NYX_WALK_OK;
}

NyxWalk nyx_walk(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,
                 const NyxWalkStart *start)
{
    const NyxFormat *fmt = ctx->fmt;
    uint64_t table = start ? start->table : ctx->root;
    NyxWalk walk = {
        .level = start ? start->level : ctx->top,
        .permission = start ? start->permission : ~0u,
    };

    for (;; walk.level--) {
        NyxEntryClass klass = NYX_ENTRY_EMPTY;
        NyxWalkStep *step = &walk.trail[walk.steps];

        walk.lg2 = nyx_level_lg2(fmt, walk.level);
        step->level = walk.level;
        step->entry_addr = entry_address(fmt, table, walk.level, iova);
        walk.status = read_entry(ctx, step->entry_addr, &step->entry);
        if (walk.status != NYX_WALK_OK) {
            return walk;
        }
        walk.steps++;
        walk.status = check_entry(ctx, &walk, step->entry, need, &klass);
        step->permission = walk.permission;
        if (walk.status != NYX_WALK_OK) {
            return walk;
        }
        if (klass == NYX_ENTRY_LEAF) {
            walk.lg2 = fmt->leaf_lg2(ctx, walk.level, step->entry);
            walk.addr = step->entry & fmt->table_mask &
                        ~MAKE_64BIT_MASK(0, walk.lg2);
            return walk;
        }
        table = step->entry & fmt->table_mask;
    }
}
