/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shadow of a set of page tables, or of mappings that are kept in another
 * way: what has been announced to consumers that need every mapping beforehand
 * (VFIO), and the events that bring them up to date.
 *
 * The rules of a consumer: it is never given a mapping where it has one, and
 * a range taken away cuts no mapping.  Ours on top: what has not changed is
 * not touched, so that DMA to it goes on.
 */
#ifndef HW_NYX_IOMMU_SHADOW_H
#define HW_NYX_IOMMU_SHADOW_H

#include "hw/nyx-iommu/blocks.h"
#include "hw/nyx-iommu/walk.h"

/*
 * Bounds of what a guest can make us do and keep.  Tables read by one
 * synchronization: 512 GiB of 4-KiB pages.  Blocks: 24 bytes each, four times
 * that at the worst, and 32 bytes a run of leaves during a synchronization.
 */
#define NYX_SHADOW_TABLES (256u * 1024)
#define NYX_SHADOW_BLOCKS (4u * 1024 * 1024)

typedef struct NyxTableShadow NyxTableShadow;

typedef struct NyxShadowCfg {
    bool coalesce;           /* what is contiguous becomes larger blocks */
    /* Output addresses never announced; none if last is below first. */
    uint64_t hole_first;
    uint64_t hole_last;
    uint32_t max_tables;     /* per synchronization */
    uint32_t max_blocks;
} NyxShadowCfg;

/* A mapping that is in no page table; of any size. */
typedef struct NyxPiece {
    uint64_t first;
    uint64_t last;           /* inclusive */
    uint64_t addr;           /* that @first goes to */
    uint8_t permission;      /* NYX_ACCESS_RW bits; never none */
} NyxPiece;

/* False ends the visits. */
typedef bool NyxPieceVisit(void *opaque, const NyxPiece *piece);

/*
 * Visit each piece that overlaps [@first, @last], from low to high, whole even
 * where it sticks out.  @source is who knows them.  False if @visit ended it.
 */
typedef bool NyxPieces(void *source, uint64_t first, uint64_t last,
                       NyxPieceVisit *visit, void *opaque);

/* Who is told; without a function nobody is. */
typedef struct NyxShadowSink {
    /*
     * Nothing in [@first, @last] is mapped any more.  Blocks were there, and
     * none of them sticks out.  @only: the block, if it was a single one.
     */
    void (*unmap)(void *opaque, uint64_t first, uint64_t last,
                  const NyxBlock *only);
    void (*map)(void *opaque, const NyxBlock *block);
    void *opaque;
    bool each;               /* unmap() for each block, whatever is beside it */
} NyxShadowSink;

/* What a synchronization came to. */
typedef struct NyxShadowResult {
    uint32_t tables;         /* read */
    uint32_t maps;
    uint32_t unmaps;
    bool full;               /* a bound was hit: some of it is not mapped */
} NyxShadowResult;

NyxTableShadow *nyx_table_shadow_new(const NyxShadowCfg *cfg);
void nyx_table_shadow_free(NyxTableShadow *shadow);

/**
 * nyx_table_shadow_sync: make [@first, @last] what the tables of @ctx say.
 *
 * The range grows to whole leaves, those of the tables and those that were
 * announced, as a cached large page is dropped by any address in it.  Outside
 * of it nothing is looked at: what is remembered stays.
 *
 * Leaves in the range are marked as accessed and, if they can be written to,
 * as dirty, where the tables keep that; one that cannot be is no mapping.
 *
 * A block that is right stays.  Others are taken away, neighbours in one
 * range, and what is to be there is announced at once.  A block of which only
 * a part is wrong goes as a whole and comes back in pieces.
 */
NyxShadowResult nyx_table_shadow_sync(NyxTableShadow *shadow,
                                      const NyxWalkCtx *ctx, uint64_t first,
                                      uint64_t last,
                                      const NyxShadowSink *sink);

/**
 * nyx_table_shadow_sync_pieces: the same for what @pieces tells of @source.
 *
 * Each piece becomes aligned powers of two; with coalescing, those that follow
 * each other in both address spaces count as one.  The range cuts none.
 */
NyxShadowResult nyx_table_shadow_sync_pieces(NyxTableShadow *shadow,
                                             NyxPieces *pieces, void *source,
                                             uint64_t first, uint64_t last,
                                             const NyxShadowSink *sink);

void nyx_table_shadow_foreach(const NyxTableShadow *shadow,
                              NyxBlockVisit *visit, void *opaque);
/* From the first block to the last; false if there is none. */
bool nyx_table_shadow_bounds(const NyxTableShadow *shadow, uint64_t *first,
                             uint64_t *last);
size_t nyx_table_shadow_count(const NyxTableShadow *shadow);

#endif
