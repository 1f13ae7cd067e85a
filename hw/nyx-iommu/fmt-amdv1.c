/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD-Vi host page tables (2.2.3, I/O Page Tables for Host Translations).
 *
 * The manual counts from the page: level 1 there is level 0 here.  An entry
 * names the level of what it points at (NextLevel), so levels may be left
 * out; 0 is a page of the level's own size and 7 one whose size is in the low
 * bits of its address.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-iommu/fields.h"
#include "walk-body.h"

/* Points at a table: NextLevel is 1 to 6. */
#define AMDV1_TABLE(F)                       \
    F(AMDV1_TABLE, PR,      0,  1, USED)     \
    F(AMDV1_TABLE, IGN1,    1,  4, IGN)      \
    F(AMDV1_TABLE, A,       5,  1, USED)     \
    F(AMDV1_TABLE, IGN6,    6,  3, IGN)      \
    F(AMDV1_TABLE, NEXT,    9,  3, USED)     \
    F(AMDV1_TABLE, ADDR,   12, 40, ADDR)     \
    F(AMDV1_TABLE, RSVD52, 52,  9, MBZ)      \
    F(AMDV1_TABLE, IR,     61,  1, USED)     \
    F(AMDV1_TABLE, IW,     62,  1, USED)     \
    F(AMDV1_TABLE, IGN63,  63,  1, IGN)

/* A page: NextLevel is 0 or 7. */
#define AMDV1_LEAF(F)                        \
    F(AMDV1_LEAF, PR,       0,  1, USED)     \
    F(AMDV1_LEAF, IGN1,     1,  4, IGN)      \
    F(AMDV1_LEAF, A,        5,  1, USED)     \
    F(AMDV1_LEAF, D,        6,  1, USED)     \
    F(AMDV1_LEAF, IGN7,     7,  2, IGN)      \
    F(AMDV1_LEAF, NEXT,     9,  3, USED)     \
    F(AMDV1_LEAF, ADDR,    12, 40, ADDR)     \
    F(AMDV1_LEAF, RSVD52,  52,  7, MBZ)      \
    F(AMDV1_LEAF, U,       59,  1, USED)     \
    F(AMDV1_LEAF, FC,      60,  1, USED)     \
    F(AMDV1_LEAF, IR,      61,  1, USED)     \
    F(AMDV1_LEAF, IW,      62,  1, USED)     \
    F(AMDV1_LEAF, IGN63,   63,  1, IGN)

NYX_LAYOUT64(AMDV1_TABLE)
NYX_LAYOUT64(AMDV1_LEAF)

QEMU_BUILD_BUG_ON(NYX_AMDV1_LEAF_U != R_AMDV1_LEAF_U_MASK);
QEMU_BUILD_BUG_ON(NYX_AMDV1_LEAF_FC != R_AMDV1_LEAF_FC_MASK);

/* NextLevel of a page. */
#define NEXT_DEFAULT 0
#define NEXT_ENCODED 7

/* The highest level, counted from 0, that has pages. */
#define PAGE_LEVEL_MAX 4

static NyxEntryClass amdv1_classify(const NyxWalkCtx *ctx, unsigned level,
                                    uint64_t entry)
{
    unsigned next = FIELD_EX64(entry, AMDV1_TABLE, NEXT);

    if (!(entry & R_AMDV1_TABLE_PR_MASK)) {
        return NYX_ENTRY_EMPTY;
    }
    return next == NEXT_DEFAULT || next == NEXT_ENCODED ? NYX_ENTRY_LEAF
                                                        : NYX_ENTRY_TABLE;
}

static unsigned amdv1_permission(const NyxWalkCtx *ctx, unsigned level,
                                 uint64_t entry)
{
    /* What may be read may be executed. */
    return ((entry & R_AMDV1_TABLE_IR_MASK)
            ? NYX_ACCESS_READ | NYX_ACCESS_EXEC : 0) |
           ((entry & R_AMDV1_TABLE_IW_MASK) ? NYX_ACCESS_WRITE : 0);
}

static uint64_t amdv1_reserved(const NyxWalkCtx *ctx, unsigned level,
                               NyxEntryClass klass)
{
    /*
     * The code of a size is among the address bits, so a page that is much
     * too large for the address width is reserved as well.
     */
    uint64_t high = R_AMDV1_TABLE_ADDR_MASK &
                    ~MAKE_64BIT_MASK(0, ctx->addr_bits);

    return high | (klass == NYX_ENTRY_TABLE ? NYX_MBZ_MASK(AMDV1_TABLE)
                                            : NYX_MBZ_MASK(AMDV1_LEAF));
}

/* Zero if the size is not between the level's own and the next one's. */
static uint8_t amdv1_leaf_lg2(const NyxWalkCtx *ctx, unsigned level,
                              uint64_t entry)
{
    uint64_t addr = entry & R_AMDV1_LEAF_ADDR_MASK;
    uint8_t own = nyx_level_lg2(ctx->fmt, level);
    uint8_t lg2;

    if (level > PAGE_LEVEL_MAX) {
        return 0;
    }
    if (FIELD_EX64(entry, AMDV1_LEAF, NEXT) == NEXT_DEFAULT) {
        return own;
    }
    if (addr == R_AMDV1_LEAF_ADDR_MASK) {
        return 0;
    }
    /* The lowest zero bit of the address is the highest within the page. */
    lg2 = R_AMDV1_LEAF_ADDR_SHIFT + cto64(addr >> R_AMDV1_LEAF_ADDR_SHIFT) + 1;
    return lg2 > own && lg2 < own + ctx->fmt->index_bits ? lg2 : 0;
}

static unsigned amdv1_next_level(const NyxWalkCtx *ctx, unsigned level,
                                 uint64_t entry)
{
    return FIELD_EX64(entry, AMDV1_TABLE, NEXT) - 1;
}

NYX_WALK_SPECIALIZE(amdv1_walk, nyx_fmt_amdv1)

const NyxFormat nyx_fmt_amdv1 = {
    .name = "AMD-Vi host",
    .max_levels = 6,
    .index_bits = 9,
    .granule_lg2 = 12,
    .table_mask = R_AMDV1_TABLE_ADDR_MASK,
    .level_names = { "level 1", "level 2", "level 3", "level 4", "level 5",
                     "level 6" },
    .reserved_first = true,
    .accessed = { R_AMDV1_LEAF_A_MASK, NYX_AMDV1_HA },
    .dirty = { R_AMDV1_LEAF_D_MASK, NYX_AMDV1_HA | NYX_AMDV1_HD },
    .classify = amdv1_classify,
    .permission = amdv1_permission,
    .reserved = amdv1_reserved,
    .leaf_lg2 = amdv1_leaf_lg2,
    .next_level = amdv1_next_level,
    .walk = amdv1_walk,
};
