/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The paging-structure cache: see paging.h.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/nyx-iommu/paging.h"

bool nyx_paging_lookup(const NyxPaging *paging, const NyxFormat *fmt,
                       uint64_t iova, NyxWalkStart *start)
{
    NyxIotlbEntry entry;

    if (!nyx_iotlb_lookup(paging->tables, iova, paging->asid, paging->gen,
                          &entry)) {
        return false;
    }
    *start = (NyxWalkStart) {
        .table = entry.addr,
        .level = nyx_lg2_level(fmt, entry.lg2) - 1,
        .permission = entry.permission,
    };
    return true;
}

bool nyx_paging_serves(const NyxWalkCtx *ctx, const NyxWalkStart *start,
                       unsigned need)
{
    return !(need & NYX_ACCESS_RWX &
             ~nyx_walk_grant(ctx->fmt, ctx, start->permission,
                             NYX_ENTRY_TABLE));
}

void nyx_paging_fill(const NyxPaging *paging, const NyxWalkCtx *ctx,
                     uint64_t iova, const NyxWalk *walk)
{
    unsigned tables = walk->steps;

    /* The last entry read is the leaf or the one that ended the walk. */
    if (tables && walk->status != NYX_WALK_READ_ERROR) {
        tables--;
    }
    for (unsigned i = 0; i < tables; i++) {
        const NyxWalkStep *step = &walk->trail[i];
        uint8_t lg2 = nyx_table_lg2(ctx->fmt, step->next);
        const NyxIotlbEntry entry = {
            .iova = iova & ~MAKE_64BIT_MASK(0, lg2),
            .addr = step->entry & ctx->fmt->table_mask,
            .lg2 = lg2,
            .permission = step->permission,
        };

        if (!nyx_walk_step_marked(ctx, step)) {
            return;
        }
        nyx_iotlb_insert(paging->tables, paging->ticket, paging->asid,
                         paging->gen, &entry);
    }
}
