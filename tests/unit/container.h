/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container of VFIO: what it has been told, and the rules for telling it.
 *
 * Checked at each event: nothing is mapped where something is; what is taken
 * away starts and ends with a mapping and cuts none; the old address comes
 * with a mapping that goes alone, and only then.
 *
 * Checked when a command is over: what goes was wrong, in as few events as
 * can be, unless somebody wants to know of each; and what comes is as large as
 * can be.
 */
#ifndef TESTS_UNIT_CONTAINER_H
#define TESTS_UNIT_CONTAINER_H

#include "hw/nyx-iommu/blocks.h"
#include "fixture.h"

/* What continues itself in both address spaces, with one permission. */
typedef struct Run {
    uint64_t first;
    uint64_t last;
    uint64_t addr;           /* of first */
    uint8_t permission;
} Run;

typedef struct Container {
    GArray *blocks;          /* NyxBlock, from low to high */
    unsigned maps;           /* events, until somebody sets them to zero */
    unsigned unmaps;
    bool each;               /* each mapping goes by itself */
    /* Since container_begin(). */
    GArray *before;          /* NyxBlock */
    GArray *come;            /* NyxBlock */
    unsigned begun_unmaps;
} Container;

void container_init(Container *c);
void container_destroy(Container *c);
/* It loses everything, as when its region is switched off. */
void container_clear(Container *c);

/* Events.  @opaque is the container, for replays. */
void container_map(void *opaque, const NyxBlock *block);
void container_unmap(Container *c, uint64_t first, uint64_t last,
                     const NyxBlock *only);

/*
 * Around one command, in which at most one comparison was made.  Returns how
 * many mappings went of which a part is still there.
 */
void container_begin(Container *c);
unsigned container_end(Container *c, const char *row, bool coalesce);

/* --- Runs ----------------------------------------------------------------- */

/* @run comes behind all that are there, and joins the last if it continues. */
void runs_add(GArray *runs, Run run);
/* What it has, as few runs as can be. */
GArray *container_runs(const Container *c);
/* Where @iova goes to with @access; UINT64_MAX if it does not. */
uint64_t runs_find(const GArray *runs, uint64_t iova, unsigned access);
/* What they do not have in common is in [*@first, *@last]. */
bool runs_differ(const GArray *a, const GArray *b, uint64_t *first,
                 uint64_t *last);
void runs_compare(const char *row, const GArray *got, const GArray *want);

#endif
