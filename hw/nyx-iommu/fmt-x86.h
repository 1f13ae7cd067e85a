/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of a processor's form, which IOMMUs walk for processes and guests:
 * what VT-d's first stage and AMD-Vi's guest tables have in common.
 */
#ifndef NYX_IOMMU_FMT_X86_H
#define NYX_IOMMU_FMT_X86_H

#include "hw/nyx-iommu/fields.h"
#include "hw/nyx-iommu/walk.h"

/* A table entry; R/W, U/S and XD count at every level. */
#define X86_TABLE(F)                       \
    F(X86_TABLE, P,       0,  1, USED)     \
    F(X86_TABLE, RW,      1,  1, USED)     \
    F(X86_TABLE, US,      2,  1, USED)     \
    F(X86_TABLE, PWT,     3,  1, IGN)      \
    F(X86_TABLE, PCD,     4,  1, IGN)      \
    F(X86_TABLE, A,       5,  1, USED)     \
    F(X86_TABLE, IGN6,    6,  1, IGN)      \
    F(X86_TABLE, PS,      7,  1, USED)     \
    F(X86_TABLE, IGN8,    8,  4, IGN)      \
    F(X86_TABLE, ADDR,   12, 40, ADDR)     \
    F(X86_TABLE, IGN52,  52, 11, IGN)      \
    F(X86_TABLE, XD,     63,  1, USED)

/* A leaf; in a large one the lowest bit of ADDR is a part of the PAT. */
#define X86_LEAF(F)                        \
    F(X86_LEAF, P,        0,  1, USED)     \
    F(X86_LEAF, RW,       1,  1, USED)     \
    F(X86_LEAF, US,       2,  1, USED)     \
    F(X86_LEAF, PWT,      3,  1, IGN)      \
    F(X86_LEAF, PCD,      4,  1, IGN)      \
    F(X86_LEAF, A,        5,  1, USED)     \
    F(X86_LEAF, D,        6,  1, USED)     \
    F(X86_LEAF, PS,       7,  1, USED)     \
    F(X86_LEAF, G,        8,  1, IGN)      \
    F(X86_LEAF, IGN9,     9,  3, IGN)      \
    F(X86_LEAF, ADDR,    12, 40, ADDR)     \
    F(X86_LEAF, IGN52,   52, 11, IGN)      \
    F(X86_LEAF, XD,      63,  1, USED)

NYX_LAYOUT64(X86_TABLE)
NYX_LAYOUT64(X86_LEAF)

/* Bit 12 of a large leaf. */
#define NYX_X86_LARGE_PAT (1ULL << 12)

/* @has_1g: there are leaves of 1 GiB. */
static inline NyxEntryClass nyx_x86_classify(unsigned level, uint64_t entry,
                                             bool has_1g)
{
    bool may_be_large = level == 1 || (level == 2 && has_1g);

    if (!(entry & R_X86_TABLE_P_MASK)) {
        return NYX_ENTRY_EMPTY;
    }
    if (level == 0 || (may_be_large && (entry & R_X86_TABLE_PS_MASK))) {
        return NYX_ENTRY_LEAF;
    }
    return NYX_ENTRY_TABLE;
}

static inline unsigned nyx_x86_permission(uint64_t entry)
{
    return NYX_ACCESS_READ |
           ((entry & R_X86_TABLE_RW_MASK) ? NYX_ACCESS_WRITE : 0) |
           ((entry & R_X86_TABLE_XD_MASK) ? 0 : NYX_ACCESS_EXEC) |
           ((entry & R_X86_TABLE_US_MASK) ? NYX_RIGHT_USER : 0);
}

/* Without XD: that is reserved or it is not, by the unit's own rules. */
static inline uint64_t nyx_x86_reserved(const NyxWalkCtx *ctx, unsigned level,
                                        NyxEntryClass klass)
{
    /* Address bits that are too high are reserved in both. */
    uint64_t bits = R_X86_TABLE_ADDR_MASK &
                    ~MAKE_64BIT_MASK(0, ctx->addr_bits);

    if (klass == NYX_ENTRY_TABLE) {
        /* PS that does not make a leaf here is an unsupported size. */
        return bits | R_X86_TABLE_PS_MASK;
    }
    return bits | (R_X86_LEAF_ADDR_MASK & ~NYX_X86_LARGE_PAT &
                   MAKE_64BIT_MASK(0, nyx_level_lg2(ctx->fmt, level)));
}

#endif
