/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page walks the obvious way: one bit at a time, both stages, marks stored as
 * they are found missing.  It shares with the model the words for results,
 * and nothing else.  Levels are the manual's: 1 is the page's.
 */
#ifndef TESTS_UNIT_NAIVE_WALK_H
#define TESTS_UNIT_NAIVE_WALK_H

#include "hw/nyx-iommu/nested.h"
#include "hw/nyx-iommu/walk-range.h"
#include "vtd-fixture.h"

#define NV_R 1
#define NV_W 2
#define NV_X 4

/* Tables of one stage, what the unit offers for them, who asks. */
typedef struct NvTables {
    FxMem *mem;
    bool first;              /* first stage (AMD: guest), else second (host) */
    bool amd;
    uint64_t root;
    uint64_t bias;           /* of table addresses over where they are */
    unsigned levels;
    unsigned haw;
    bool has_2m;             /* second stage only */
    bool has_1g;
    bool snoop;              /* second stage only */
    bool ad;                 /* second stage; VT-d's first always marks */
    bool no_d;               /* AMD: accessed only */
    bool d_only;             /* AMD's guest tables: dirty only */
    bool us;                 /* AMD's guest tables: U/S counts */
    unsigned withheld;
    bool ea;
    bool priv;
    bool wpe;
    bool nxe;
    bool smep;
} NvTables;

typedef struct NvWalk {
    NyxWalkStatus status;
    unsigned level;
    unsigned lg2;
    unsigned rwx;
    uint64_t addr;
    unsigned n;              /* entries read */
    uint64_t at[6];          /* where they are in their own address space */
    unsigned levels[6];      /* of their tables */
} NvWalk;

typedef struct NvNested {
    NyxNestedStatus status;
    unsigned lg2;
    unsigned rwx;
    uint64_t addr;
    NvWalk first;
    NvWalk second;
} NvNested;

/* Empty tables; everything is offered, a user asks, nothing is marked. */
void nv_init(NvTables *t, FxMem *mem, bool first, unsigned levels,
             unsigned haw);
/* The model's description of the same tables. */
NyxWalkCtx nv_ctx(const NvTables *t);

/*
 * Where the entry for @iova at @level is in memory.  Tables on the way are
 * made: second stage R and W; first stage P, R/W and U/S.  Levels that were
 * left out are not to be asked for.
 */
uint64_t nv_entry(const NvTables *t, uint64_t iova, unsigned level);
/* A leaf of @level: @addr, PS if it is a large one, and @bits. */
void nv_leaf(const NvTables *t, uint64_t iova, unsigned level, uint64_t addr,
             uint64_t bits);

/* AMD host: at @level, point at a table of @next, which is made. */
void nv_skip(const NvTables *t, uint64_t iova, unsigned level, unsigned next);
/* AMD host: what such a table, or a page, at @addr has as NextLevel. */
#define NV_NEXT(next) ((uint64_t)(next) << 9)
/* The address @addr of an AMD host page with the code of its size 2^@lg2. */
uint64_t nv_encoded(uint64_t addr, unsigned lg2);

/*
 * One stage.  @mark: store marks if the request is permitted; @need says
 * whether it writes.
 */
NvWalk nv_walk(const NvTables *t, uint64_t iova, unsigned need, bool mark);
/*
 * NyxLeaf: all that a walk finds in [@first, @last], from low to high, whole.
 * Of one that takes several entries, those that differ from the first count
 * each for its own place.
 */
GArray *nv_leaves(const NvTables *t, uint64_t first, uint64_t last);
/* Both stages, with marks. */
NvNested nv_nested(const NvTables *first, const NvTables *second,
                   unsigned second_bits, uint64_t iova, unsigned need);

/* --- Contents of memory --------------------------------------------------- */

typedef struct NvImage {
    uint8_t *bytes;
    size_t size;
} NvImage;

NvImage nv_save(const FxMem *mem);
void nv_restore(FxMem *mem, const NvImage *image);
bool nv_same(const FxMem *mem, const NvImage *image);
void nv_drop(NvImage *image);

/* --- The model against the naive walker ----------------------------------- */

/*
 * Walk and mark with both; results and all of memory are the same.  Memory
 * is left as it was.
 */
NyxWalk nv_compare(const char *row, const NvTables *t, uint64_t iova,
                   unsigned need);
NyxNestedWalk nv_compare_nested(const char *row, const NvTables *first,
                                const NvTables *second, unsigned second_bits,
                                uint64_t iova, unsigned need);
/* nyx_walk_range() against walks of the range; how many leaves there are. */
unsigned nv_compare_range(const char *row, const NvTables *t, uint64_t first,
                          uint64_t last);

#endif
