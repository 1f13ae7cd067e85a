/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mappings of one domain (5.13.6.5, 5.13.6.6): an ordered set of what MAP
 * requests made, none of which UNMAP may cut.
 *
 * A B+ tree of runs.  A run is one mapping, or several of one size that
 * follow each other in both address spaces with the same flags: software
 * cannot tell them from single ones.  Every operation takes O(log n).
 *
 * The caller serializes changes; what takes a const set may run in parallel.
 */
#ifndef HW_VIRTIO_IOMMU_EXT_MAPPINGS_H
#define HW_VIRTIO_IOMMU_EXT_MAPPINGS_H

#include "qemu/osdep.h"

/*
 * Mappings that came of requests of @unit bytes each; a single one has the
 * unit of its own size, which is 0 for all 2^64 addresses.
 */
typedef struct NyxVioRun {
    uint64_t first;
    uint64_t last;           /* inclusive */
    uint64_t addr;           /* that @first goes to; 4-KiB aligned */
    uint64_t unit;
    uint32_t flags;          /* of MAP; at most 12 bits */
} NyxVioRun;

typedef struct NyxVioNode NyxVioNode;

typedef struct NyxVioMappings {
    NyxVioNode *root;        /* NULL: empty */
    uint8_t height;
    uint64_t count;          /* mappings, as software made them */
    uint64_t runs;
    uint64_t bytes;          /* of memory that nodes take */
} NyxVioMappings;

void nyx_vio_mappings_init(NyxVioMappings *m);
/* Also leaves it empty, ready for use. */
void nyx_vio_mappings_clear(NyxVioMappings *m);

/* How many mappings @run stands for. */
uint64_t nyx_vio_run_count(const NyxVioRun *run);

/**
 * nyx_vio_mappings_add: add a run, which has been checked but for overlap.
 *
 * Returns false, and changes nothing, if it overlaps what is there.
 */
bool nyx_vio_mappings_add(NyxVioMappings *m, const NyxVioRun *run);

/**
 * nyx_vio_mappings_remove: remove all mappings in [@first, @last].
 * @removed: set to how many there were
 *
 * Returns false, and changes nothing, if a mapping is only in part in the
 * range.
 */
bool nyx_vio_mappings_remove(NyxVioMappings *m, uint64_t first, uint64_t last,
                             uint64_t *removed);

/* The run that @iova is in; false if it is in none. */
bool nyx_vio_mappings_lookup(const NyxVioMappings *m, uint64_t iova,
                             NyxVioRun *run);

/**
 * nyx_vio_mappings_extent: like nyx_vio_mappings_lookup(), with neighbours
 * that go on in both address spaces with the same flags, whatever their size.
 * @run: first, last, addr and flags of the whole; at most a few neighbours on
 *       each side are looked at
 */
bool nyx_vio_mappings_extent(const NyxVioMappings *m, uint64_t iova,
                             NyxVioRun *run);

/* Whether [@first, @last] overlaps a mapping. */
bool nyx_vio_mappings_overlaps(const NyxVioMappings *m, uint64_t first,
                               uint64_t last);

/* False ends the visits. */
typedef bool NyxVioRunVisit(void *opaque, const NyxVioRun *run);

/*
 * Call @visit for each run that overlaps [@first, @last], from low to high,
 * whole even where it sticks out.  @visit does not change @m.
 */
void nyx_vio_mappings_foreach(const NyxVioMappings *m, uint64_t first,
                              uint64_t last, NyxVioRunVisit *visit,
                              void *opaque);

#endif
