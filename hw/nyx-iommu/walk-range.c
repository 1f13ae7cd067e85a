/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of a range: see walk-range.h.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/walk-range.h"

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
    unsigned permission;
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
                           uint64_t entry, unsigned *permission)
{
    NyxEntryClass klass = ctx->fmt->classify(ctx, level, entry);

    if (klass == NYX_ENTRY_EMPTY) {
        return klass;
    }
    *permission &= ctx->fmt->permission(ctx, level, entry);
    if (!*permission || (entry & ctx->fmt->reserved(ctx, level, klass))) {
        return NYX_ENTRY_EMPTY;
    }
    return klass;
}

static bool visit_leaf(const RangeWalk *w, unsigned level, uint64_t iova,
                       uint64_t entry, unsigned permission, uint64_t *last)
{
    const NyxFormat *fmt = w->ctx->fmt;
    uint8_t lg2 = fmt->leaf_lg2(w->ctx, level, entry);
    uint64_t mask = MAKE_64BIT_MASK(0, lg2);
    const NyxLeaf leaf = {
        .iova = iova & ~mask,
        .addr = entry & fmt->table_mask & ~mask,
        .lg2 = lg2,
        .permission = permission,
    };

    *last = iova | mask;
    return w->visit(w->opaque, &leaf);
}

/* The depth is that of the tables: each level is one below its parent's. */
static bool walk_table(const RangeWalk *w, Table table)
{
    const NyxFormat *fmt = w->ctx->fmt;
    uint8_t lg2 = nyx_level_lg2(fmt, table.level);
    unsigned span = lg2 + fmt->index_bits;
    uint64_t end = table.base | MAKE_64BIT_MASK(0, MIN(span, 64));
    unsigned low = (MAX(w->first, table.base) - table.base) >> lg2;
    unsigned high = (MIN(w->last, end) - table.base) >> lg2;
    uint64_t entries[TABLE_ENTRIES_MAX];

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
        unsigned permission = table.permission;
        uint64_t leaf_last;

        switch (judge(w->ctx, table.level, entry, &permission)) {
        case NYX_ENTRY_EMPTY:
            break;
        case NYX_ENTRY_TABLE:
            if (!walk_table(w, (Table) { entry & fmt->table_mask, iova,
                                         table.level - 1, permission })) {
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
                                    .permission = NYX_ACCESS_RW });
}
