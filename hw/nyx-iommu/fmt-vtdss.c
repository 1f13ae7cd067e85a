/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-d second-stage page tables (9.8, Second-Stage Paging Entries).
 *
 * The manual counts from the page: SS-PTE is level 1 there and level 0 here.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/fields.h"
#include "walk-body.h"

/* A table entry; permissions R and W count at every level. */
#define VTDSS_TABLE(F)                       \
    F(VTDSS_TABLE, R,       0,  1, USED)     \
    F(VTDSS_TABLE, W,       1,  1, USED)     \
    F(VTDSS_TABLE, IGN2,    2,  5, IGN)      \
    F(VTDSS_TABLE, PS,      7,  1, USED)     \
    F(VTDSS_TABLE, A,       8,  1, USED)     \
    F(VTDSS_TABLE, IGN9,    9,  2, IGN)      \
    F(VTDSS_TABLE, RSVD11, 11,  1, MBZ)      \
    F(VTDSS_TABLE, ADDR,   12, 40, ADDR)     \
    F(VTDSS_TABLE, IGN52,  52, 10, IGN)      \
    F(VTDSS_TABLE, RSVD62, 62,  1, MBZ)      \
    F(VTDSS_TABLE, IGN63,  63,  1, IGN)

/* A leaf; SNP is reserved where the unit does not offer snoop control. */
#define VTDSS_LEAF(F)                        \
    F(VTDSS_LEAF, R,        0,  1, USED)     \
    F(VTDSS_LEAF, W,        1,  1, USED)     \
    F(VTDSS_LEAF, X,        2,  1, IGN)      \
    F(VTDSS_LEAF, EMT,      3,  3, IGN)      \
    F(VTDSS_LEAF, IPAT,     6,  1, IGN)      \
    F(VTDSS_LEAF, PS,       7,  1, USED)     \
    F(VTDSS_LEAF, A,        8,  1, USED)     \
    F(VTDSS_LEAF, D,        9,  1, USED)     \
    F(VTDSS_LEAF, IGN10,   10,  1, IGN)      \
    F(VTDSS_LEAF, SNP,     11,  1, USED)     \
    F(VTDSS_LEAF, ADDR,    12, 40, ADDR)     \
    F(VTDSS_LEAF, IGN52,   52, 10, IGN)      \
    F(VTDSS_LEAF, RSVD62,  62,  1, MBZ)      \
    F(VTDSS_LEAF, IGN63,   63,  1, IGN)

NYX_LAYOUT64(VTDSS_TABLE)
NYX_LAYOUT64(VTDSS_LEAF)

/* The levels that may hold a large leaf, and the capability each needs. */
static uint32_t large_leaf_feature(unsigned level)
{
    static const uint32_t feature[] = { 0, NYX_VTDSS_2M, NYX_VTDSS_1G };

    return level < ARRAY_SIZE(feature) ? feature[level] : 0;
}

static NyxEntryClass vtdss_classify(const NyxWalkCtx *ctx, unsigned level,
                                    uint64_t entry)
{
    if (!(entry & (R_VTDSS_TABLE_R_MASK | R_VTDSS_TABLE_W_MASK))) {
        return NYX_ENTRY_EMPTY;
    }
    if (level == 0) {
        return NYX_ENTRY_LEAF;
    }
    if ((entry & R_VTDSS_TABLE_PS_MASK) &&
        (ctx->features & large_leaf_feature(level))) {
        return NYX_ENTRY_LEAF;
    }
    return NYX_ENTRY_TABLE;
}

static unsigned vtdss_permission(const NyxWalkCtx *ctx, unsigned level,
                                 uint64_t entry)
{
    /* X is not looked at: what may be read may be executed. */
    return ((entry & R_VTDSS_TABLE_R_MASK)
            ? NYX_ACCESS_READ | NYX_ACCESS_EXEC : 0) |
           ((entry & R_VTDSS_TABLE_W_MASK) ? NYX_ACCESS_WRITE : 0);
}

static uint64_t vtdss_reserved(const NyxWalkCtx *ctx, unsigned level,
                               NyxEntryClass klass)
{
    /* Address bits above the host address width are reserved in both. */
    uint64_t high = R_VTDSS_TABLE_ADDR_MASK &
                    ~MAKE_64BIT_MASK(0, ctx->addr_bits);

    if (klass == NYX_ENTRY_TABLE) {
        /* PS that does not make a leaf here is an unsupported size. */
        return NYX_MBZ_MASK(VTDSS_TABLE) | R_VTDSS_TABLE_PS_MASK | high;
    }
    return NYX_MBZ_MASK(VTDSS_LEAF) | high |
           (ctx->features & NYX_VTDSS_SNP ? 0 : R_VTDSS_LEAF_SNP_MASK) |
           (R_VTDSS_LEAF_ADDR_MASK &
            MAKE_64BIT_MASK(0, nyx_level_lg2(ctx->fmt, level)));
}

static uint8_t vtdss_leaf_lg2(const NyxWalkCtx *ctx, unsigned level,
                              uint64_t entry)
{
    return nyx_level_lg2(ctx->fmt, level);
}

NYX_WALK_SPECIALIZE(vtdss_walk, nyx_fmt_vtdss)

const NyxFormat nyx_fmt_vtdss = {
    .name = "VT-d second stage",
    .max_levels = 5,
    .index_bits = 9,
    .granule_lg2 = 12,
    .table_mask = R_VTDSS_TABLE_ADDR_MASK,
    .level_names = { "SS-PTE", "SS-PDE", "SS-PDPE", "SS-PML4E", "SS-PML5E" },
    .accessed = { R_VTDSS_LEAF_A_MASK, NYX_VTDSS_AD },
    .dirty = { R_VTDSS_LEAF_D_MASK, NYX_VTDSS_AD },
    .classify = vtdss_classify,
    .permission = vtdss_permission,
    .reserved = vtdss_reserved,
    .leaf_lg2 = vtdss_leaf_lg2,
    .walk = vtdss_walk,
};
