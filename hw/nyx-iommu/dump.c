/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mappings for people to look at: see dump.h.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/dump.h"

bool nyx_dump_through(const NyxWalkCtx *stage, uint64_t gpa, uint64_t *hpa)
{
    NyxWalk walk;

    if (gpa > nyx_walk_limit(stage)) {
        return false;
    }
    nyx_walk(stage, gpa, NYX_ACCESS_READ, NULL, &walk);
    *hpa = walk.addr | (gpa & MAKE_64BIT_MASK(0, walk.lg2));
    return walk.status == NYX_WALK_OK;
}

/* Nothing is marked, so tables are only read. */
static bool read_through(void *opaque, uint64_t gpa, unsigned access,
                         uint64_t *hpa)
{
    return nyx_dump_through(opaque, gpa, hpa);
}

typedef struct Leaves {
    NyxDumpRoom *room;
    NyxLeafVisit *visit;
    void *opaque;
    uint8_t sign_bits;
} Leaves;

static bool visit_leaf(void *opaque, const NyxLeaf *leaf)
{
    const Leaves *leaves = opaque;
    NyxLeaf shown = *leaf;

    if (leaves->sign_bits) {
        shown.iova = sextract64(leaf->iova, 0, leaves->sign_bits);
    }
    return nyx_dump_take(&leaves->room->mappings) &&
           leaves->visit(leaves->opaque, &shown);
}

bool nyx_dump_mappings(const NyxWalkCtx *stage, const NyxWalkCtx *outer,
                       uint8_t sign_bits, NyxDumpRoom *room,
                       NyxLeafVisit *visit, void *opaque)
{
    Leaves leaves = { room, visit, opaque, sign_bits };
    NyxWalkCtx wctx = *stage;

    if (outer) {
        wctx.table_xlate = read_through;
        wctx.table_opaque = (void *)outer;
    }
    return nyx_walk_range(&wctx, 0, UINT64_MAX, &room->tables, visit_leaf,
                          &leaves);
}
