/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD-Vi guest page tables (2.2.6, Guest and Nested Address Translation):
 * those of a processor in long mode.
 *
 * The manual counts from the page: PTEs are level 1 there and level 0 here.
 */
#include "qemu/osdep.h"
#include "fmt-x86.h"
#include "walk-body.h"

static NyxEntryClass amdv2_classify(const NyxWalkCtx *ctx, unsigned level,
                                    uint64_t entry)
{
    return nyx_x86_classify(level, entry, true);
}

/* What the unit does not look at withholds nothing. */
static unsigned amdv2_permission(const NyxWalkCtx *ctx, unsigned level,
                                 uint64_t entry)
{
    return nyx_x86_permission(entry) |
           (ctx->features & NYX_AMDV2_NX ? 0 : NYX_ACCESS_EXEC) |
           (ctx->features & NYX_AMDV2_US ? 0 : NYX_RIGHT_USER);
}

/* A supervisor may use all pages, as they are: R/W holds for it too. */
static unsigned amdv2_grant(const NyxWalkCtx *ctx, unsigned rights,
                            NyxEntryClass klass)
{
    if (ctx->features & NYX_AMDV2_PRIV) {
        return rights | NYX_RIGHT_USER;
    }
    return rights & NYX_RIGHT_USER ? rights : NYX_ACCESS_NONE;
}

static uint64_t amdv2_reserved(const NyxWalkCtx *ctx, unsigned level,
                               NyxEntryClass klass)
{
    return nyx_x86_reserved(ctx, level, klass);
}

static uint8_t amdv2_leaf_lg2(const NyxWalkCtx *ctx, unsigned level,
                              uint64_t entry)
{
    return nyx_level_lg2(ctx->fmt, level);
}

NYX_WALK_SPECIALIZE(amdv2_walk, nyx_fmt_amdv2)

const NyxFormat nyx_fmt_amdv2 = {
    .name = "AMD-Vi guest",
    .max_levels = 5,
    .index_bits = 9,
    .granule_lg2 = 12,
    .table_mask = R_X86_TABLE_ADDR_MASK,
    .level_names = { "PTE", "PDE", "PDPE", "PML4E", "PML5E" },
    .reserved_first = true,
    .accessed = { R_X86_LEAF_A_MASK, NYX_AMDV2_A },
    .dirty = { R_X86_LEAF_D_MASK, NYX_AMDV2_D },
    .classify = amdv2_classify,
    .permission = amdv2_permission,
    .grant = amdv2_grant,
    .reserved = amdv2_reserved,
    .leaf_lg2 = amdv2_leaf_lg2,
    .walk = amdv2_walk,
};
