/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page-table walker.  A table format is a constant description; one
 * function walks any of them.
 *
 * Words: level 0 is the leaf-only table in every format, whatever number the
 * manual gives it; an entry is empty, a table pointer, or a leaf; sizes are
 * log2 (_lg2); "last" is inclusive.
 */
#ifndef HW_NYX_IOMMU_WALK_H
#define HW_NYX_IOMMU_WALK_H

#include "hw/nyx-iommu/mem.h"
#include "hw/nyx-iommu/request.h"

#define NYX_WALK_MAX_LEVELS 6

typedef enum NyxEntryClass {
    NYX_ENTRY_EMPTY,
    NYX_ENTRY_TABLE,
    NYX_ENTRY_LEAF,
} NyxEntryClass;

typedef struct NyxWalkCtx NyxWalkCtx;

typedef struct NyxFormat {
    const char *name;
    uint8_t max_levels;
    uint8_t index_bits;      /* per level */
    uint8_t granule_lg2;     /* bytes covered by a level 0 entry */
    uint64_t table_mask;     /* bits of a table entry that hold the address */
    const char *level_names[NYX_WALK_MAX_LEVELS];

    NyxEntryClass (*classify)(const NyxWalkCtx *ctx, unsigned level,
                              uint64_t entry);
    /* NyxAccess bits that the entry allows. */
    unsigned (*permission)(const NyxWalkCtx *ctx, unsigned level,
                           uint64_t entry);
    /* Bits that must be zero in a present entry of this class. */
    uint64_t (*reserved)(const NyxWalkCtx *ctx, unsigned level,
                         NyxEntryClass klass);
    /* log2 of the bytes mapped by a leaf entry. */
    uint8_t (*leaf_lg2)(const NyxWalkCtx *ctx, unsigned level,
                        uint64_t entry);
} NyxFormat;

/* Why a walk ended. */
typedef enum NyxWalkStatus {
    NYX_WALK_OK,
    NYX_WALK_EMPTY,          /* an entry is not present */
    NYX_WALK_DENIED,         /* a needed permission is missing */
    NYX_WALK_RESERVED,       /* a reserved bit is set */
    NYX_WALK_READ_ERROR,     /* the entry is not in RAM */
    NYX_WALK_TABLE_FAULT,    /* the outer stage refused the table's address */
    NYX_WALK_STATUS_COUNT,
} NyxWalkStatus;

/*
 * For nested walks: translate the address of a table entry of this stage.
 * False ends the walk with NYX_WALK_TABLE_FAULT; the callback keeps the
 * detail of its own fault.
 */
typedef bool NyxTableXlate(void *opaque, uint64_t gpa, unsigned access,
                           uint64_t *hpa);

struct NyxWalkCtx {
    const NyxFormat *fmt;
    const NyxMem *mem;
    uint64_t root;           /* address of the top table */
    uint8_t top;             /* level of the top table */
    uint8_t addr_bits;       /* output addresses at or above are reserved */
    uint32_t features;       /* meaning belongs to the format */
    NyxTableXlate *table_xlate;
    void *table_opaque;
};

/* Where a walk may start instead of the root: a paging-structure cache hit. */
typedef struct NyxWalkStart {
    uint64_t table;
    uint8_t level;
    unsigned permission;
} NyxWalkStart;

typedef struct NyxWalkStep {
    uint64_t entry_addr;     /* in this stage's own address space */
    uint64_t entry;
    uint8_t level;
    unsigned permission;     /* accumulated, this entry included */
} NyxWalkStep;

typedef struct NyxWalk {
    NyxWalkStatus status;
    uint8_t level;           /* where it ended */
    uint8_t lg2;             /* size of the leaf, or of the hole */
    uint8_t steps;           /* entries in trail */
    unsigned permission;     /* NyxAccess bits, and-ed over the levels */
    uint64_t addr;           /* leaf's base address, aligned to lg2 */
    NyxWalkStep trail[NYX_WALK_MAX_LEVELS];
} NyxWalk;

/**
 * nyx_walk: translate @iova through the tables that @ctx describes.
 * @need: NyxAccess bits that each level must grant; zero asks only what is
 *        there.
 * @start: where to begin, or NULL for the root.
 * @walk: how it went; of its trail only the steps taken are set.
 *
 * Order of checks at each level: read, presence, permission, reserved bits.
 * Nothing is cached and nothing is written here.
 */
void nyx_walk(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,
              const NyxWalkStart *start, NyxWalk *walk);

/**
 * nyx_walk_widen: after a walk with NYX_WALK_OK, make one leaf of it and its
 * neighbours if the aligned run of sixteen entries differs in nothing but
 * addresses, which are those of one aligned block.  The block may be cached
 * as a whole: every page of it is mapped, with the same permissions, and an
 * invalidation of any page drops it.
 */
void nyx_walk_widen(const NyxWalkCtx *ctx, NyxWalk *walk);

/* log2 of the bytes that one entry of @level covers. */
static inline uint8_t nyx_level_lg2(const NyxFormat *fmt, unsigned level)
{
    return fmt->granule_lg2 + fmt->index_bits * level;
}

/* The level whose entries cover 2^@lg2 bytes. */
static inline unsigned nyx_lg2_level(const NyxFormat *fmt, uint8_t lg2)
{
    return (lg2 - fmt->granule_lg2) / fmt->index_bits;
}

/* VT-d second-stage tables; features are NYX_VTDSS_*. */
extern const NyxFormat nyx_fmt_vtdss;

#define NYX_VTDSS_2M    (1u << 0)   /* CAP.SSLPS bit 0 */
#define NYX_VTDSS_1G    (1u << 1)   /* CAP.SSLPS bit 1 */
#define NYX_VTDSS_SNP   (1u << 2)   /* the snoop bit of a leaf is defined */

#endif
