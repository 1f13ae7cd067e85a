/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-d first-stage page tables (9.7, First-Stage Paging Entries).
 *
 * The manual counts from the page: FS-PTE is level 1 there and level 0 here.
 */
#include "qemu/osdep.h"
#include "fmt-x86.h"
#include "walk-body.h"

/* Extended-accessed; a bit of IGN8 and IGN9 in the common layouts. */
#define EXTENDED_ACCESSED (1ULL << 10)

static NyxEntryClass vtdfs_classify(const NyxWalkCtx *ctx, unsigned level,
                                    uint64_t entry)
{
    return nyx_x86_classify(level, entry, ctx->features & NYX_VTDFS_1G);
}

static unsigned vtdfs_permission(const NyxWalkCtx *ctx, unsigned level,
                                 uint64_t entry)
{
    return nyx_x86_permission(entry);
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
    return nyx_x86_reserved(ctx, level, klass) |
           (ctx->features & NYX_VTDFS_NXE ? 0 : R_X86_TABLE_XD_MASK);
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
    .table_mask = R_X86_TABLE_ADDR_MASK,
    .level_names = { "FS-PTE", "FS-PDE", "FS-PDPE", "FS-PML4E", "FS-PML5E" },
    .reserved_first = true,
    .accessed = { R_X86_LEAF_A_MASK, 0 },
    .extended = { EXTENDED_ACCESSED, NYX_VTDFS_EA },
    .dirty = { R_X86_LEAF_D_MASK, 0 },
    .classify = vtdfs_classify,
    .permission = vtdfs_permission,
    .grant = vtdfs_grant,
    .reserved = vtdfs_reserved,
    .leaf_lg2 = vtdfs_leaf_lg2,
    .walk = vtdfs_walk,
};
