/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ordered set of disjoint mappings, each an aligned power of two: sorted
 * arrays of a few kilobytes, because there may be millions of them.
 */
#ifndef HW_NYX_IOMMU_BLOCKS_H
#define HW_NYX_IOMMU_BLOCKS_H

#include "qemu/osdep.h"

typedef struct NyxBlock {
    uint64_t iova;           /* aligned to lg2 */
    uint64_t addr;           /* aligned to lg2 */
    uint8_t lg2;
    uint8_t leaf_lg2;        /* of the page-table leaves it was made from */
    uint8_t permission;      /* NyxAccess bits */
} NyxBlock;

static inline uint64_t nyx_block_last(const NyxBlock *block)
{
    return block->iova + ((1ULL << block->lg2) - 1);
}

typedef struct NyxBlocks {
    GArray *chunks;          /* private */
    size_t count;
} NyxBlocks;

/* A place in the set; good until a block is inserted or removed. */
typedef struct NyxBlockPos {
    unsigned chunk;
    unsigned slot;
} NyxBlockPos;

typedef void NyxBlockVisit(void *opaque, const NyxBlock *block);

void nyx_blocks_init(NyxBlocks *blocks);
void nyx_blocks_destroy(NyxBlocks *blocks);
void nyx_blocks_clear(NyxBlocks *blocks);

/* The first block that holds @iova or lies above it. */
NyxBlockPos nyx_blocks_find(const NyxBlocks *blocks, uint64_t iova);
NyxBlockPos nyx_blocks_next(const NyxBlocks *blocks, NyxBlockPos pos);
/* NULL behind the last one. */
NyxBlock *nyx_blocks_at(const NyxBlocks *blocks, NyxBlockPos pos);
/* The block that holds @iova, or NULL. */
NyxBlock *nyx_blocks_lookup(const NyxBlocks *blocks, uint64_t iova);

/* The highest address of all; there is a block. */
uint64_t nyx_blocks_last(const NyxBlocks *blocks);

/* @block overlaps none that is there. */
void nyx_blocks_insert(NyxBlocks *blocks, const NyxBlock *block);
/* Remove the blocks that start in [@first, @last]. */
void nyx_blocks_remove(NyxBlocks *blocks, uint64_t first, uint64_t last);

void nyx_blocks_foreach(const NyxBlocks *blocks, NyxBlockVisit *visit,
                        void *opaque);

#endif
