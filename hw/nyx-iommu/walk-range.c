/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of a range: see walk-range.h.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/walk-range.h"
#include "walk-body.h"

/* Entries of a table, in every format. */
#define TABLE_ENTRIES_MAX 512

typedef struct RangeWalk {
    const NyxWalkCtx *ctx;
    uint64_t first;
    uint64_t last;
    uint32_t *tables;
    NyxLeafVisit *visit;
    void *opaque;
} RangeWalk;

/* A table on the way: the addresses it is for start at @base. */
typedef struct Table {
    uint64_t addr;
    uint64_t base;
    unsigned level;
    unsigned rights;
} Table;

static bool read_entries(const NyxWalkCtx *ctx, uint64_t addr,
                         uint64_t *entries, unsigned n)
{
    uint64_t hpa = addr;

    return (!ctx->table_xlate ||
            ctx->table_xlate(ctx->table_opaque, addr, NYX_ACCESS_READ,
                             &hpa)) &&
           nyx_mem_read_le64(ctx->mem, hpa, entries, n);
}

/* What an entry is, with the rights it leaves; empty if it maps nothing. */
static NyxEntryClass judge(const NyxWalkCtx *ctx, unsigned level,
                           uint64_t entry, unsigned *rights,
                           unsigned *permission)
{
    const NyxFormat *fmt = ctx->fmt;
    NyxEntryClass klass = fmt->classify(ctx, level, entry);

    if (klass == NYX_ENTRY_EMPTY) {
        return klass;
    }
    *rights &= fmt->permission(ctx, level, entry);
    *permission = nyx_walk_grant(fmt, ctx, *rights, klass) & NYX_ACCESS_RW;
    if (!*permission || nyx_entry_reserved(fmt, ctx, level, klass, entry)) {
        return NYX_ENTRY_EMPTY;
    }
    return klass;
}

static bool unmarked(const NyxWalkCtx *ctx, uint64_t entry,
                     unsigned permission)
{
    const NyxFormat *fmt = ctx->fmt;
    uint64_t bits = nyx_mark_bits(ctx, &fmt->accessed) |
                    nyx_mark_bits(ctx, &fmt->extended);

    if (permission & NYX_ACCESS_WRITE) {
        bits |= nyx_mark_bits(ctx, &fmt->dirty);
    }
    return bits & ~entry;
}

/*
 * A leaf at @iova.  It may be a copy that others should precede, for which
 * another leaf was found: then it counts for its own place only.
 */
static bool visit_leaf(const RangeWalk *w, unsigned level, uint64_t iova,
                       uint64_t entry, unsigned permission, uint64_t *last)
{
    const NyxFormat *fmt = w->ctx->fmt;
    uint8_t lg2 = fmt->leaf_lg2(w->ctx, level, entry);
    uint64_t mask = MAKE_64BIT_MASK(0, lg2);
    uint64_t addr = entry & fmt->table_mask & ~mask;
    NyxLeaf leaf = {
        iova & ~mask, addr, lg2, permission,
        unmarked(w->ctx, entry, permission),
    };

    if ((iova & mask) && iova > w->first) {
        leaf.addr += iova & mask;
        leaf.iova = iova;
        leaf.lg2 = nyx_level_lg2(fmt, level);
    }
    *last = leaf.iova | MAKE_64BIT_MASK(0, leaf.lg2);
    return w->visit(w->opaque, &leaf);
}

/* The depth is that of the tables: each level is one below its parent's. */
static bool walk_table(const RangeWalk *w, Table table)
{
    const NyxFormat *fmt = w->ctx->fmt;
    uint8_t lg2 = nyx_level_lg2(fmt, table.level);
    unsigned span = nyx_table_lg2(fmt, table.level);
    uint64_t end = table.base | MAKE_64BIT_MASK(0, MIN(span, 64));
    unsigned low = (MAX(w->first, table.base) - table.base) >> lg2;
    unsigned high = (MIN(w->last, end) - table.base) >> lg2;
    uint64_t entries[TABLE_ENTRIES_MAX];

    if (w->first > end) {
        return true;
    }
    if (!*w->tables) {
        return false;
    }
    --*w->tables;
    if (!read_entries(w->ctx, table.addr + low * sizeof(uint64_t), entries,
                      high - low + 1)) {
        return true;
    }
    for (unsigned i = low; i <= high; i++) {
        uint64_t entry = entries[i - low];
        uint64_t iova = table.base + ((uint64_t)i << lg2);
        unsigned rights = table.rights, permission;
        uint64_t leaf_last;

        switch (judge(w->ctx, table.level, entry, &rights, &permission)) {
        case NYX_ENTRY_EMPTY:
            break;
        case NYX_ENTRY_TABLE:
            if (!walk_table(w, (Table) {
                    entry & fmt->table_mask, iova,
                    nyx_entry_next(fmt, w->ctx, table.level, entry),
                    rights })) {
                return false;
            }
            break;
        case NYX_ENTRY_LEAF:
            if (!visit_leaf(w, table.level, iova, entry, permission,
                            &leaf_last)) {
                return false;
            }
            /* A leaf may take several entries. */
            i = (MIN(leaf_last, end) - table.base) >> lg2;
            break;
        }
    }
    return true;
}

bool nyx_walk_range(const NyxWalkCtx *ctx, uint64_t first, uint64_t last,
                    uint32_t *tables, NyxLeafVisit *visit, void *opaque)
{
    const RangeWalk w = {
        .ctx = ctx,
        .first = first,
        .last = MIN(last, nyx_walk_limit(ctx)),
        .tables = tables,
        .visit = visit,
        .opaque = opaque,
    };

    if (first > w.last) {
        return true;
    }
    return walk_table(&w, (Table) { .addr = ctx->root, .level = ctx->top,
                                    .rights = NYX_RIGHT_ALL });
}
