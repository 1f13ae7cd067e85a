/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of container.h.
 */
#include "qemu/osdep.h"
#include "container.h"

#define LG2_MASK(lg2) (((uint64_t)1 << (lg2)) - 1)

static const NyxBlock *block_at(const GArray *blocks, unsigned i)
{
    return &g_array_index(blocks, NyxBlock, i);
}

/* The first block that ends at @iova or above it. */
static unsigned find(const GArray *blocks, uint64_t iova)
{
    unsigned low = 0, high = blocks->len;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (nyx_block_last(block_at(blocks, mid)) < iova) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static bool same_block(const NyxBlock *a, const NyxBlock *b)
{
    return a->iova == b->iova && a->lg2 == b->lg2 && a->addr == b->addr &&
           a->permission == b->permission;
}

static bool has_block(const GArray *blocks, const NyxBlock *block)
{
    unsigned i = find(blocks, block->iova);

    return i < blocks->len && same_block(block_at(blocks, i), block);
}

void container_init(Container *c)
{
    *c = (Container) {
        .blocks = g_array_new(FALSE, FALSE, sizeof(NyxBlock)),
        .before = g_array_new(FALSE, FALSE, sizeof(NyxBlock)),
        .come = g_array_new(FALSE, FALSE, sizeof(NyxBlock)),
    };
}

void container_destroy(Container *c)
{
    g_array_free(c->blocks, TRUE);
    g_array_free(c->before, TRUE);
    g_array_free(c->come, TRUE);
}

void container_clear(Container *c)
{
    g_array_set_size(c->blocks, 0);
}

/* --- Events --------------------------------------------------------------- */

void container_map(void *opaque, const NyxBlock *block)
{
    Container *c = opaque;
    unsigned i = find(c->blocks, block->iova);

    c->maps++;
    FX_CHECK("aligned", (block->iova | block->addr) & LG2_MASK(block->lg2), 0);
    FX_CHECK("a page at least", block->lg2 >= 12, true);
    FX_CHECK("rights", block->permission & ~FX_RW, 0);
    FX_CHECK("some right", block->permission != 0, true);
    FX_CHECK("double map", i < c->blocks->len &&
             block_at(c->blocks, i)->iova <= nyx_block_last(block), false);
    g_array_insert_vals(c->blocks, i, block, 1);
    g_array_append_vals(c->come, block, 1);
}

void container_unmap(Container *c, uint64_t first, uint64_t last,
                     const NyxBlock *only)
{
    unsigned low = find(c->blocks, first), end = low;

    c->unmaps++;
    while (end < c->blocks->len && block_at(c->blocks, end)->iova <= last) {
        end++;
    }
    FX_CHECK("nothing is there", end > low, true);
    if (end == low) {
        return;
    }
    FX_CHECK("first", block_at(c->blocks, low)->iova, first);
    FX_CHECK("last", nyx_block_last(block_at(c->blocks, end - 1)), last);
    FX_CHECK("old address", only != NULL, end - low == 1);
    FX_CHECK("each", c->each && !only, false);
    FX_CHECK("old address", !only ||
             same_block(only, block_at(c->blocks, low)), true);
    g_array_remove_range(c->blocks, low, end - low);
}

/* --- A command ------------------------------------------------------------ */

void container_begin(Container *c)
{
    g_array_set_size(c->come, 0);
    g_array_set_size(c->before, 0);
    g_array_append_vals(c->before, c->blocks->data, c->blocks->len);
    c->begun_unmaps = c->unmaps;
}

/* Two blocks that are next to each other could have been one. */
static bool are_halves(const NyxBlock *low, const NyxBlock *high)
{
    uint64_t size = 1ULL << low->lg2;

    return low->lg2 == high->lg2 && low->permission == high->permission &&
           low->leaf_lg2 == high->leaf_lg2 && low->iova + size == high->iova &&
           low->addr + size == high->addr && !((low->iova | low->addr) & size);
}

static void check_come(const Container *c, const char *row, bool coalesce)
{
    for (unsigned i = 0; i < c->come->len; i++) {
        const NyxBlock *block = block_at(c->come, i);

        FX_CHECK(row, has_block(c->before, block), false);
        FX_CHECK(row, coalesce && i &&
                 are_halves(block_at(c->come, i - 1), block), false);
    }
}

/*
 * Whether everything in @block is still, or again, where it was.  Blocks are
 * asked about in order; runs before *@pos are of those before.
 */
static bool is_right(const GArray *runs, unsigned *pos, const NyxBlock *block)
{
    const Run *run;

    while (*pos < runs->len &&
           g_array_index(runs, Run, *pos).last < nyx_block_last(block)) {
        ++*pos;
    }
    run = &g_array_index(runs, Run, *pos);
    return *pos < runs->len && run->first <= block->iova &&
           run->addr + (block->iova - run->first) == block->addr &&
           run->permission == block->permission;
}

/* One of its ends is still there. */
static bool is_split(const GArray *runs, const NyxBlock *block)
{
    return runs_find(runs, block->iova, 0) == block->addr ||
           runs_find(runs, nyx_block_last(block), 0) ==
           block->addr + LG2_MASK(block->lg2);
}

unsigned container_end(Container *c, const char *row, bool coalesce)
{
    GArray *runs = container_runs(c);
    unsigned ranges = 0, pos = 0, splits = 0;
    bool going = false;

    check_come(c, row, coalesce);
    for (unsigned i = 0; i < c->before->len; i++) {
        const NyxBlock *block = block_at(c->before, i);
        bool gone = !has_block(c->blocks, block);

        ranges += gone && (!going || c->each);
        going = gone;
        splits += gone && is_split(runs, block);
        FX_CHECK(row, gone && is_right(runs, &pos, block), false);
    }
    FX_CHECK(row, c->unmaps - c->begun_unmaps, ranges);
    g_array_free(runs, TRUE);
    return splits;
}

/* --- Runs ----------------------------------------------------------------- */

static Run *run_at(const GArray *runs, unsigned i)
{
    return &g_array_index(runs, Run, i);
}

void runs_add(GArray *runs, Run run)
{
    Run *last = runs->len ? run_at(runs, runs->len - 1) : NULL;

    if (last && last->last + 1 == run.first &&
        last->addr + (run.first - last->first) == run.addr &&
        last->permission == run.permission) {
        last->last = run.last;
    } else {
        g_array_append_val(runs, run);
    }
}

GArray *container_runs(const Container *c)
{
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(Run));

    for (unsigned i = 0; i < c->blocks->len; i++) {
        const NyxBlock *block = block_at(c->blocks, i);

        runs_add(runs, (Run) { block->iova, nyx_block_last(block),
                               block->addr, block->permission });
    }
    return runs;
}

uint64_t runs_find(const GArray *runs, uint64_t iova, unsigned access)
{
    for (unsigned i = 0; i < runs->len; i++) {
        const Run *run = run_at(runs, i);

        if (run->first <= iova && iova <= run->last) {
            return access & ~run->permission
                   ? UINT64_MAX : run->addr + (iova - run->first);
        }
    }
    return UINT64_MAX;
}

/* Whether @a and @b are parts of one run, wherever they start and end. */
static bool same_way(const Run *a, const Run *b)
{
    return a->addr - a->first == b->addr - b->first &&
           a->permission == b->permission;
}

/* Where the run number @i from below of two sets differs. */
static uint64_t low_end(const GArray *a, const GArray *b, unsigned i)
{
    uint64_t first_a = i < a->len ? run_at(a, i)->first : UINT64_MAX;
    uint64_t first_b = i < b->len ? run_at(b, i)->first : UINT64_MAX;

    if (first_a != first_b || !same_way(run_at(a, i), run_at(b, i))) {
        return MIN(first_a, first_b);
    }
    return MIN(run_at(a, i)->last, run_at(b, i)->last) + 1;
}

/* The same, from above. */
static uint64_t high_end(const GArray *a, const GArray *b, unsigned i)
{
    const Run *run_a = i < a->len ? run_at(a, a->len - 1 - i) : NULL;
    const Run *run_b = i < b->len ? run_at(b, b->len - 1 - i) : NULL;
    uint64_t last_a = run_a ? run_a->last : 0;
    uint64_t last_b = run_b ? run_b->last : 0;

    if (last_a != last_b || !same_way(run_a, run_b)) {
        return MAX(last_a, last_b);
    }
    return MAX(run_a->first, run_b->first) - 1;
}

static bool same_run(const Run *a, const Run *b)
{
    return a->first == b->first && a->last == b->last && same_way(a, b);
}

bool runs_differ(const GArray *a, const GArray *b, uint64_t *first,
                 uint64_t *last)
{
    unsigned low = 0, high = 0, most = MIN(a->len, b->len);

    while (low < most && same_run(run_at(a, low), run_at(b, low))) {
        low++;
    }
    if (low == a->len && low == b->len) {
        return false;
    }
    while (high < most - low && same_run(run_at(a, a->len - 1 - high),
                                         run_at(b, b->len - 1 - high))) {
        high++;
    }
    *first = low_end(a, b, low);
    *last = high_end(a, b, high);
    return true;
}

void runs_compare(const char *row, const GArray *got, const GArray *want)
{
    for (unsigned i = 0; i < MIN(got->len, want->len); i++) {
        FX_CHECK(row, run_at(got, i)->first, run_at(want, i)->first);
        FX_CHECK(row, run_at(got, i)->last, run_at(want, i)->last);
        FX_CHECK(row, run_at(got, i)->addr, run_at(want, i)->addr);
        FX_CHECK(row, run_at(got, i)->permission, run_at(want, i)->permission);
    }
    FX_CHECK(row, got->len, want->len);
}
