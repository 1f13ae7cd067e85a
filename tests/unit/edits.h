/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random changes of page tables, as drivers make them and as they should not,
 * and what has to be invalidated for each.  For tables of one stage that
 * NvTables describes: VT-d's second stage, AMD's host tables.
 */
#ifndef TESTS_UNIT_EDITS_H
#define TESTS_UNIT_EDITS_H

#include "naive-walk.h"

typedef struct Edit {
    uint64_t first;
    uint64_t last;
    bool any;                /* one large leaf was there: any page of it does */
} Edit;

/* Below @n. */
uint32_t edits_below(GRand *rand, uint32_t n);
/* A page that edits are made at, or next to. */
uint64_t edits_page(const NvTables *t, GRand *rand);
Edit edits_make(const NvTables *t, GRand *rand);

#endif
