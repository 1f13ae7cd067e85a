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

/* Address of an entry in memory; false if the outer stage refuses it. */
static bool entry_in_memory(const NyxWalkCtx *ctx, uint64_t *addr,
                            unsigned access)
{
    return !ctx->table_xlate ||
           ctx->table_xlate(ctx->table_opaque, *addr, access, addr);
}

static NyxWalkStatus read_entry(const NyxWalkCtx *ctx, uint64_t addr,
                                uint64_t *entry)
{
    if (!entry_in_memory(ctx, &addr, NYX_ACCESS_READ)) {
        return NYX_WALK_TABLE_FAULT;
    }
    return nyx_mem_read_le64(ctx->mem, addr, entry, 1) ? NYX_WALK_OK
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

void nyx_walk(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,
              const NyxWalkStart *start, NyxWalk *walk)
{
    const NyxFormat *fmt = ctx->fmt;
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
        step->entry_addr = entry_address(fmt, table, walk->level, iova);
        walk->status = read_entry(ctx, step->entry_addr, &step->entry);
        if (walk->status != NYX_WALK_OK) {
            return;
        }
        walk->steps++;
        walk->status = check_entry(ctx, walk, step->entry, need, &klass);
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

/* --- Marks ---------------------------------------------------------------- */

/* The mark's bits, if this context sets them. */
static uint64_t mark_bits(const NyxWalkCtx *ctx, const NyxEntryMark *mark)
{
    return mark->features & ~ctx->features ? 0 : mark->mask;
}

bool nyx_walk_mark(const NyxWalkCtx *ctx, bool write, NyxWalk *walk)
{
    const NyxFormat *fmt = ctx->fmt;
    uint64_t bits = mark_bits(ctx, &fmt->accessed) |
                    mark_bits(ctx, &fmt->extended);

    /* A request for what there is may have been granted nothing. */
    if (walk->status != NYX_WALK_OK || !bits ||
        !(walk->permission & NYX_ACCESS_RW)) {
        return true;
    }
    for (unsigned i = 0; i < walk->steps; i++) {
        NyxWalkStep *step = &walk->trail[i];
        uint64_t addr = step->entry_addr, found = step->entry;

        if (write && i + 1 == walk->steps) {
            bits |= mark_bits(ctx, &fmt->dirty);
        }
        if (!(bits & ~step->entry)) {
            continue;
        }
        walk->level = step->level;
        if (!entry_in_memory(ctx, &addr, NYX_ACCESS_WRITE)) {
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
