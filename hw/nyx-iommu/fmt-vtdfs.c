/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-d first-stage page tables (9.7, First-Stage Paging Entries).
 *
 * The manual counts from the page: FS-PTE is level 1 there and level 0 here.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/fields.h"
#include "walk-body.h"

/* A table entry; R/W, U/S and XD count at every level. */
#define VTDFS_TABLE(F)                       \
    F(VTDFS_TABLE, P,       0,  1, USED)     \
    F(VTDFS_TABLE, RW,      1,  1, USED)     \
    F(VTDFS_TABLE, US,      2,  1, USED)     \
    F(VTDFS_TABLE, PWT,     3,  1, IGN)      \
    F(VTDFS_TABLE, PCD,     4,  1, IGN)      \
    F(VTDFS_TABLE, A,       5,  1, USED)     \
    F(VTDFS_TABLE, IGN6,    6,  1, IGN)      \
    F(VTDFS_TABLE, PS,      7,  1, USED)     \
    F(VTDFS_TABLE, IGN8,    8,  2, IGN)      \
    F(VTDFS_TABLE, EA,     10,  1, USED)     \
    F(VTDFS_TABLE, IGN11,  11,  1, IGN)      \
    F(VTDFS_TABLE, ADDR,   12, 40, ADDR)     \
    F(VTDFS_TABLE, IGN52,  52, 11, IGN)      \
    F(VTDFS_TABLE, XD,     63,  1, USED)

/* A leaf; in a large one the lowest bit of ADDR is a part of the PAT. */
#define VTDFS_LEAF(F)                        \
    F(VTDFS_LEAF, P,        0,  1, USED)     \
    F(VTDFS_LEAF, RW,       1,  1, USED)     \
    F(VTDFS_LEAF, US,       2,  1, USED)     \
    F(VTDFS_LEAF, PWT,      3,  1, IGN)      \
    F(VTDFS_LEAF, PCD,      4,  1, IGN)      \
    F(VTDFS_LEAF, A,        5,  1, USED)     \
    F(VTDFS_LEAF, D,        6,  1, USED)     \
    F(VTDFS_LEAF, PS,       7,  1, USED)     \
    F(VTDFS_LEAF, G,        8,  1, IGN)      \
    F(VTDFS_LEAF, IGN9,     9,  1, IGN)      \
    F(VTDFS_LEAF, EA,      10,  1, USED)     \
    F(VTDFS_LEAF, IGN11,   11,  1, IGN)      \
    F(VTDFS_LEAF, ADDR,    12, 40, ADDR)     \
    F(VTDFS_LEAF, IGN52,   52, 11, IGN)      \
    F(VTDFS_LEAF, XD,      63,  1, USED)

NYX_LAYOUT64(VTDFS_TABLE)
NYX_LAYOUT64(VTDFS_LEAF)

/* Bit 12 of a large leaf. */
#define LARGE_PAT (1ULL << 12)

static NyxEntryClass vtdfs_classify(const NyxWalkCtx *ctx, unsigned level,
                                    uint64_t entry)
{
    bool may_be_large = level == 1 ||
                        (level == 2 && (ctx->features & NYX_VTDFS_1G));

    if (!(entry & R_VTDFS_TABLE_P_MASK)) {
        return NYX_ENTRY_EMPTY;
    }
    if (level == 0 || (may_be_large && (entry & R_VTDFS_TABLE_PS_MASK))) {
        return NYX_ENTRY_LEAF;
    }
    return NYX_ENTRY_TABLE;
}

static unsigned vtdfs_permission(const NyxWalkCtx *ctx, unsigned level,
                                 uint64_t entry)
{
    return NYX_ACCESS_READ |
           ((entry & R_VTDFS_TABLE_RW_MASK) ? NYX_ACCESS_WRITE : 0) |
           ((entry & R_VTDFS_TABLE_XD_MASK) ? 0 : NYX_ACCESS_EXEC) |
           ((entry & R_VTDFS_TABLE_US_MASK) ? NYX_RIGHT_USER : 0);
}

/* 3.6.2, Access Rights: by the privilege of the request. */
static unsigned vtdfs_grant(const NyxWalkCtx *ctx, unsigned rights,
                            NyxEntryClass klass)
{
    if (!(ctx->features & NYX_VTDFS_PRIV)) {
        return rights & NYX_RIGHT_USER ? rights : NYX_ACCESS_NONE;
    }
    /* Whose page it is, is known when U/S of every level is. */
    if ((ctx->features & NYX_VTDFS_SMEP) && klass == NYX_ENTRY_LEAF &&
        (rights & NYX_RIGHT_USER)) {
        rights &= ~NYX_ACCESS_EXEC;
    }
    if (!(ctx->features & NYX_VTDFS_WPE)) {
        rights |= NYX_ACCESS_WRITE;
    }
    return rights | NYX_RIGHT_USER;
}

static uint64_t vtdfs_reserved(const NyxWalkCtx *ctx, unsigned level,
                               NyxEntryClass klass)
{
    /* Address bits above the host address width are reserved in both. */
    uint64_t bits = R_VTDFS_TABLE_ADDR_MASK &
                    ~MAKE_64BIT_MASK(0, ctx->addr_bits);

    if (!(ctx->features & NYX_VTDFS_NXE)) {
        bits |= R_VTDFS_TABLE_XD_MASK;
    }
    if (klass == NYX_ENTRY_TABLE) {
        /* PS that does not make a leaf here is an unsupported size. */
        return bits | R_VTDFS_TABLE_PS_MASK;
    }
    return bits | (R_VTDFS_LEAF_ADDR_MASK & ~LARGE_PAT &
                   MAKE_64BIT_MASK(0, nyx_level_lg2(ctx->fmt, level)));
}

static uint8_t vtdfs_leaf_lg2(const NyxWalkCtx *ctx, unsigned level,
                              uint64_t entry)
{
    return nyx_level_lg2(ctx->fmt, level);
}

NYX_WALK_SPECIALIZE(vtdfs_walk, nyx_fmt_vtdfs)

const NyxFormat nyx_fmt_vtdfs = {
    .name = "VT-d first stage",
    .max_levels = 5,
    .index_bits = 9,
    .granule_lg2 = 12,
    .table_mask = R_VTDFS_TABLE_ADDR_MASK,
    .level_names = { "FS-PTE", "FS-PDE", "FS-PDPE", "FS-PML4E", "FS-PML5E" },
    .reserved_first = true,
    .accessed = { R_VTDFS_LEAF_A_MASK, 0 },
    .extended = { R_VTDFS_LEAF_EA_MASK, NYX_VTDFS_EA },
    .dirty = { R_VTDFS_LEAF_D_MASK, 0 },
    .classify = vtdfs_classify,
    .permission = vtdfs_permission,
    .grant = vtdfs_grant,
    .reserved = vtdfs_reserved,
    .leaf_lg2 = vtdfs_leaf_lg2,
    .walk = vtdfs_walk,
};
