/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tables in memory say, for people to look at: nothing is cached, marked
 * or noted, and no guest makes it long.
 */
#ifndef HW_NYX_IOMMU_DUMP_H
#define HW_NYX_IOMMU_DUMP_H

#include "hw/nyx-iommu/walk-range.h"

/* What one dump may take; what it took is taken off. */
typedef struct NyxDumpRoom {
    uint32_t tables;         /* of 4 KiB, read */
    uint32_t entries;        /* of functions and PASIDs */
    uint32_t mappings;
} NyxDumpRoom;

/* Take one of a kind; false if there is no room. */
static inline bool nyx_dump_take(uint32_t *room)
{
    if (!*room) {
        return false;
    }
    --*room;
    return true;
}

/* The address that @stage gives to @gpa for a read; false if it gives none. */
bool nyx_dump_through(const NyxWalkCtx *stage, uint64_t gpa, uint64_t *hpa);

/**
 * nyx_dump_mappings: visit every mapping of the tables of @stage.
 * @outer: the stage that the tables are read through, or NULL
 * @sign_bits: of addresses, if they are sign-extended, or 0
 *
 * Returns false if there is no room for the rest.
 */
bool nyx_dump_mappings(const NyxWalkCtx *stage, const NyxWalkCtx *outer,
                       uint8_t sign_bits, NyxDumpRoom *room,
                       NyxLeafVisit *visit, void *opaque);

#endif
