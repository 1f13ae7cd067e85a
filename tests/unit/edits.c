/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The changes of edits.h.  They are made at a few places, so that they meet.
 */
#include "qemu/osdep.h"
#include "edits.h"

#define PAGE 4096ull
#define BIG  (1ull << 21)
#define HUGE (1ull << 30)
#define ENTRIES 512u
#define LG2_MASK(lg2) (((uint64_t)1 << (lg2)) - 1)

typedef struct Editor {
    const NvTables *t;
    GRand *rand;
    uint64_t iova;           /* where it is */
    Edit edit;
    /* The first leaf that gave way. */
    uint64_t old_first;
    uint64_t old_last;
    bool changed;
    bool had_leaf;
} Editor;

uint32_t edits_below(GRand *rand, uint32_t n)
{
    return g_rand_int_range(rand, 0, n);
}

static uint32_t below(Editor *e, uint32_t n)
{
    return edits_below(e->rand, n);
}

static unsigned entry_lg2(unsigned level)
{
    return 12 + 9 * (level - 1);
}

uint64_t edits_page(const NvTables *t, GRand *rand)
{
    const uint64_t bases[] = {
        0, HUGE, HUGE, 2 * HUGE,
        (1ull << entry_lg2(t->levels + 1)) - 4 * BIG,
    };

    return bases[edits_below(rand, ARRAY_SIZE(bases))] +
           edits_below(rand, 4) * BIG +
           edits_below(rand, edits_below(rand, 4) ? 16 : ENTRIES) * PAGE;
}

/* --- Entries -------------------------------------------------------------- */

static uint64_t rights_bits(const NvTables *t, unsigned rw)
{
    return t->amd ? 1 | (uint64_t)(rw & 1) << 61 | (uint64_t)(rw >> 1) << 62
                  : rw;
}

static unsigned some_rights(Editor *e)
{
    return below(e, 8) ? FX_RW : 1 + below(e, 2);
}

/* Mostly what makes neighbours continue each other. */
static uint64_t some_addr(Editor *e, uint64_t iova, unsigned lg2)
{
    uint64_t addr;

    switch (below(e, 8)) {
    case 0:
        addr = below(e, 1 << 20) * PAGE;
        break;
    case 1:
        /* Into the interrupt range. */
        addr = lg2 >= 30 ? 0xc0000000 : 0xfed00000 + (iova & (2 * BIG - 1));
        break;
    default:
        addr = (iova & (HUGE - 1)) + (below(e, 8) ? 1ull << 32 : 1ull << 33);
        break;
    }
    return addr & ~LG2_MASK(lg2);
}

static void changed(Editor *e, uint64_t first, uint64_t last)
{
    e->edit.first = e->changed ? MIN(e->edit.first, first) : first;
    e->edit.last = e->changed ? MAX(e->edit.last, last) : last;
    e->changed = true;
}

/* Of one that gives some requester nothing, that requester has no copy. */
static void leaf_gives_way(Editor *e, uint64_t iova, const NvWalk *walk)
{
    if (!e->had_leaf && (walk->rwx & FX_RW) == FX_RW) {
        e->had_leaf = true;
        e->old_first = iova & ~LG2_MASK(walk->lg2);
        e->old_last = iova | LG2_MASK(walk->lg2);
    }
}

/* A table of the next level with the same pages; at times not all of them. */
static uint64_t split(Editor *e, uint64_t addr, unsigned level, unsigned rw)
{
    uint64_t table = fx_mem_pages(e->t->mem, 1);
    uint64_t bits = rights_bits(e->t, rw) |
                    (level > 2 && !e->t->amd ? 0x80 : 0);

    for (unsigned i = 0; i < ENTRIES && below(e, 600); i++) {
        fx_mem_poke(e->t->mem, table + i * 8,
                    (addr + ((uint64_t)i << entry_lg2(level - 1))) | bits);
    }
    return table | rights_bits(e->t, FX_RW) |
           (e->t->amd ? NV_NEXT(level - 1) : 0);
}

/* The entry that @walk read as its number @i is in the way. */
static void remove_obstacle(Editor *e, const NvWalk *walk, unsigned i,
                            uint64_t iova)
{
    unsigned level = walk->levels[i], own = entry_lg2(level);
    bool leaf = walk->status == NYX_WALK_OK && i + 1 == walk->n;
    unsigned lg2 = leaf ? walk->lg2 : own;
    uint64_t first = iova & ~LG2_MASK(lg2);
    uint64_t at = walk->at[i] - ((iova & LG2_MASK(lg2)) >> own) * 8;

    changed(e, first, first + LG2_MASK(lg2));
    if (leaf) {
        leaf_gives_way(e, iova, walk);
    }
    if (leaf && lg2 == own && level > 1 && below(e, 2)) {
        fx_mem_poke(e->t->mem, at,
                    split(e, walk->addr, level, walk->rwx & FX_RW));
        return;
    }
    for (unsigned n = 0; n < 1u << (lg2 - own); n++) {
        fx_mem_poke(e->t->mem, at + n * 8, 0);
    }
}

/* Where the entry for @iova at @level is, once nothing is in the way. */
static uint64_t reach(Editor *e, uint64_t iova, unsigned level)
{
    for (;;) {
        NvWalk walk = nv_walk(e->t, iova, 0, false);
        unsigned i = 0;

        while (i < walk.n && walk.levels[i] > level) {
            i++;
        }
        if (i < walk.n && walk.levels[i] == level) {
            if (walk.status != NYX_WALK_OK || i + 1 < walk.n ||
                walk.lg2 == entry_lg2(level)) {
                return walk.at[i];
            }
            /* A leaf of several entries goes with all of them. */
            remove_obstacle(e, &walk, i, iova);
        } else if (i == walk.n &&
                   !(fx_mem_peek(e->t->mem, walk.at[i - 1]) & 3)) {
            return nv_entry(e->t, iova, level);
        } else {
            remove_obstacle(e, &walk, i - 1, iova);
        }
    }
}

static void set(Editor *e, uint64_t iova, unsigned level, uint64_t entry)
{
    uint64_t at = reach(e, iova, level);
    NvWalk walk = nv_walk(e->t, iova, 0, false);

    if (walk.status == NYX_WALK_OK && walk.level == level) {
        leaf_gives_way(e, iova, &walk);
    }
    changed(e, iova & ~LG2_MASK(entry_lg2(level)),
            iova | LG2_MASK(entry_lg2(level)));
    fx_mem_poke(e->t->mem, at, entry);
}

static void set_leaf(Editor *e, uint64_t iova, unsigned level, uint64_t addr,
                     unsigned rw)
{
    set(e, iova, level, addr | rights_bits(e->t, rw) |
                        (level > 1 && !e->t->amd ? 0x80 : 0));
}

/* --- Changes -------------------------------------------------------------- */

/* As many pages as there are up to the next 2 MiB. */
static unsigned some_pages(Editor *e)
{
    unsigned left = ENTRIES - (e->iova / PAGE) % ENTRIES;

    return MIN(1 + below(e, below(e, 8) ? 8 : 64), left);
}

static void map_pages(Editor *e)
{
    unsigned n = some_pages(e), rw = some_rights(e);
    uint64_t addr = some_addr(e, e->iova, 12);

    for (unsigned i = 0; i < n; i++) {
        set_leaf(e, e->iova + i * PAGE, 1, addr + i * PAGE, rw);
    }
}

static void unmap_pages(Editor *e)
{
    unsigned n = some_pages(e);

    for (unsigned i = 0; i < n; i++) {
        set(e, e->iova + i * PAGE, 1, 0);
    }
}

static unsigned large_level(Editor *e)
{
    return !below(e, 4) && e->t->has_1g ? 3 : e->t->has_2m ? 2 : 1;
}

/* One, or a few of 2 MiB that continue each other. */
static void map_large(Editor *e)
{
    unsigned level = large_level(e), lg2 = entry_lg2(level);
    uint64_t first = e->iova & ~LG2_MASK(lg2);
    uint64_t addr = some_addr(e, first, lg2);
    unsigned n = level == 2 ? 1 + below(e, 4 - first / BIG % 4) : 1;
    unsigned rw = some_rights(e);

    for (unsigned i = 0; i < n; i++) {
        set_leaf(e, first + ((uint64_t)i << lg2), level,
                 addr + ((uint64_t)i << lg2), rw);
    }
}

static void drop(Editor *e)
{
    set(e, e->iova, 1 + below(e, 8) / 3, 0);
}

/* All that a table has is one large page. */
static bool is_whole(Editor *e, uint64_t iova, const NvWalk *first)
{
    if (first->status != NYX_WALK_OK || first->level != 1 ||
        first->lg2 != 12 || (first->addr & (BIG - 1))) {
        return false;
    }
    for (unsigned i = 1; i < ENTRIES; i++) {
        NvWalk walk = nv_walk(e->t, iova + i * PAGE, 0, false);

        if (walk.status != NYX_WALK_OK || walk.lg2 != 12 ||
            walk.addr != first->addr + i * PAGE || walk.rwx != first->rwx) {
            return false;
        }
    }
    return true;
}

/* 2 MiB as a leaf become a table, and back; nothing moves, or a page goes. */
static void rewrite(Editor *e)
{
    uint64_t iova = e->iova & ~(BIG - 1);
    NvWalk walk = nv_walk(e->t, iova, 0, false);

    if (walk.status == NYX_WALK_OK && walk.level == 2 && walk.lg2 == 21) {
        remove_obstacle(e, &walk, walk.n - 1, iova);
        if (below(e, 2)) {
            set(e, e->iova, 1, 0);
        }
    } else if (e->t->has_2m && is_whole(e, iova, &walk)) {
        /* All pages are to be named: they may be cached each. */
        set_leaf(e, iova, 2, walk.addr, walk.rwx & FX_RW);
    } else if (!below(e, 3)) {
        for (unsigned i = 0; i < ENTRIES; i++) {
            set_leaf(e, iova + i * PAGE, 1, (iova & (HUGE - 1)) +
                     (1ull << 32) + i * PAGE, FX_RW);
        }
    }
}

/* An entry in error maps nothing. */
static void spoil(Editor *e)
{
    unsigned level = 1 + below(e, 2);
    uint64_t bad = e->t->amd ? 1ull << 55 : 1ull << 62;

    set(e, e->iova, level, rights_bits(e->t, FX_RW) | bad);
}

/* What all pages of a table may. */
static void restrict_table(Editor *e)
{
    uint64_t at = reach(e, e->iova, 2);
    uint64_t entry = fx_mem_peek(e->t->mem, at);

    changed(e, e->iova & ~(BIG - 1), e->iova | (BIG - 1));
    if (entry & 3) {
        fx_mem_poke(e->t->mem, at, entry ^ (e->t->amd ? 1ull << 62 : FX_W));
    }
}

/* AMD: a page that takes several entries. */
static void map_encoded(Editor *e)
{
    unsigned level = 1 + !below(e, 4);
    unsigned lg2 = entry_lg2(level) + 1 + below(e, 4);
    uint64_t iova = e->iova & ~LG2_MASK(lg2);
    uint64_t bits = nv_encoded(some_addr(e, iova, lg2), lg2) |
                    rights_bits(e->t, some_rights(e));

    for (uint64_t at = iova; at <= (iova | LG2_MASK(lg2));
         at += 1ull << entry_lg2(level)) {
        /* A leaf that was cleared before it is not there. */
        set(e, at, level, 0);
    }
    for (uint64_t at = iova; at <= (iova | LG2_MASK(lg2));
         at += 1ull << entry_lg2(level)) {
        fx_mem_poke(e->t->mem, reach(e, at, level), bits);
    }
}

/* AMD: level 3 leads to level 1. */
static void skip_level(Editor *e)
{
    uint64_t table = fx_mem_pages(e->t->mem, 1);

    for (unsigned i = 0; i < 4; i++) {
        fx_mem_poke(e->t->mem, table + i * 8,
                    some_addr(e, e->iova + i * PAGE, 12) |
                    rights_bits(e->t, FX_RW));
    }
    set(e, e->iova, 3, table | rights_bits(e->t, FX_RW) | NV_NEXT(1));
}

typedef void Change(Editor *e);

static Change *const changes[] = {
    map_pages, map_pages, map_pages, map_pages, map_pages, unmap_pages,
    unmap_pages, map_large, map_large, drop, rewrite, rewrite, rewrite, spoil,
    restrict_table,
    /* AMD only */
    map_encoded, map_encoded, skip_level,
};
#define AMD_CHANGES 3

Edit edits_make(const NvTables *t, GRand *rand)
{
    Editor e = { .t = t, .rand = rand, .iova = edits_page(t, rand) };

    e.edit.first = e.iova;
    e.edit.last = e.iova | LG2_MASK(12);
    changes[below(&e, ARRAY_SIZE(changes) - (t->amd ? 0 : AMD_CHANGES))](&e);
    e.edit.any = e.had_leaf && e.old_first <= e.edit.first &&
                 e.edit.last <= e.old_last;
    return e.edit;
}
