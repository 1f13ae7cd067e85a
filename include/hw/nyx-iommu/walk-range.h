/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All leaves of a range, in order: for what has to know every mapping, as
 * opposed to nyx_walk(), which answers for one address.
 */
#ifndef HW_NYX_IOMMU_WALK_RANGE_H
#define HW_NYX_IOMMU_WALK_RANGE_H

#include "hw/nyx-iommu/walk.h"

typedef struct NyxLeaf {
    uint64_t iova;           /* aligned to lg2 */
    uint64_t addr;           /* aligned to lg2 */
    uint8_t lg2;
    uint8_t permission;      /* NYX_ACCESS_RW bits; never none */
    bool unmarked;           /* accesses with all of it would set a mark */
} NyxLeaf;

/* False ends the walk. */
typedef bool NyxLeafVisit(void *opaque, const NyxLeaf *leaf);

/**
 * nyx_walk_range: visit every leaf that overlaps [@first, @last], from low to
 * high.
 * @tables: how many tables may be read; what has been read is taken off
 *
 * An entry is checked as nyx_walk() does; one in error, or a table that
 * cannot be read, maps nothing.  Visits do not overlap: of a leaf that takes
 * several entries, only those count that no leaf before it covers.  A table is one memory read.  Returns false
 * if @visit or the limit ended it.
 */
bool nyx_walk_range(const NyxWalkCtx *ctx, uint64_t first, uint64_t last,
                    uint32_t *tables, NyxLeafVisit *visit, void *opaque);

/* The highest address that the tables of @ctx can map. */
static inline uint64_t nyx_walk_limit(const NyxWalkCtx *ctx)
{
    unsigned lg2 = nyx_table_lg2(ctx->fmt, ctx->top);

    return lg2 >= 64 ? UINT64_MAX : (1ULL << lg2) - 1;
}

#endif
