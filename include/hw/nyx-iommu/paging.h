/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The paging-structure cache of one requester: an IOTLB whose entries are
 * page tables.  A table is known by the addresses that it is for, whatever
 * levels the entry that points at it leaves out.
 */
#ifndef HW_NYX_IOMMU_PAGING_H
#define HW_NYX_IOMMU_PAGING_H

#include "hw/nyx-iommu/iotlb.h"
#include "hw/nyx-iommu/walk.h"

/* The tables of one address space; as for a fill of the IOTLB. */
typedef struct NyxPaging {
    NyxIotlb *tables;
    NyxAsid asid;
    uint32_t gen;
    uint32_t ticket;         /* for nyx_paging_fill() */
} NyxPaging;

/* The lowest table of @fmt that is known for @iova, in *@start. */
bool nyx_paging_lookup(const NyxPaging *paging, const NyxFormat *fmt,
                       uint64_t iova, NyxWalkStart *start);

/*
 * Whether a walk for the request may begin at @start.  Not if the entries
 * that lead there refuse it: the walk is to end at one of those.
 */
bool nyx_paging_serves(const NyxWalkCtx *ctx, const NyxWalkStart *start,
                       unsigned need);

/* Remember the table pointers that @walk, for @iova, went through. */
void nyx_paging_fill(const NyxPaging *paging, const NyxWalkCtx *ctx,
                     uint64_t iova, const NyxWalk *walk);

#endif
