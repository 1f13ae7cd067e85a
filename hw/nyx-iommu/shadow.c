/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has been announced: see shadow.h.
 *
 * A synchronization first collects what is wanted, as runs of leaves (or
 * pieces) that are contiguous in both address spaces.  Then it goes through
 * the announced blocks of the range.  The space between two blocks that stay
 * is one gap: blocks in it go with one event, and the runs that fall into it
 * are mapped.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "hw/nyx-iommu/shadow.h"
#include "hw/nyx-iommu/walk-range.h"

/* What continues itself, of one size of leaves and with one permission. */
typedef struct Run {
    uint64_t first;
    uint64_t last;
    uint64_t addr;           /* of first */
    uint8_t leaf_lg2;        /* PIECE: of no leaves */
    uint8_t permission;
} Run;

#define PIECE 0

/* Room for so many is kept from one synchronization to the next. */
#define KEPT_RUNS 256

struct NyxTableShadow {
    NyxShadowCfg cfg;
    NyxBlocks blocks;
    GArray *runs;            /* of a synchronization; else empty */
};

/* One synchronization.  Runs are passed in order by two readers. */
typedef struct Sync {
    NyxTableShadow *shadow;
    const NyxShadowSink *sink;
    const NyxWalkCtx *ctx;   /* NULL for pieces */
    uint64_t first;
    uint64_t last;
    GArray *runs;
    unsigned compared;
    unsigned placed;
    NyxShadowResult result;
} Sync;

NyxTableShadow *nyx_table_shadow_new(const NyxShadowCfg *cfg)
{
    NyxTableShadow *shadow = g_new0(NyxTableShadow, 1);

    shadow->cfg = *cfg;
    nyx_blocks_init(&shadow->blocks);
    shadow->runs = g_array_new(FALSE, FALSE, sizeof(Run));
    return shadow;
}

void nyx_table_shadow_free(NyxTableShadow *shadow)
{
    nyx_blocks_destroy(&shadow->blocks);
    g_array_free(shadow->runs, TRUE);
    g_free(shadow);
}

void nyx_table_shadow_foreach(const NyxTableShadow *shadow,
                              NyxBlockVisit *visit, void *opaque)
{
    nyx_blocks_foreach(&shadow->blocks, visit, opaque);
}

bool nyx_table_shadow_bounds(const NyxTableShadow *shadow, uint64_t *first,
                             uint64_t *last)
{
    const NyxBlocks *blocks = &shadow->blocks;
    NyxBlockPos pos = nyx_blocks_find(blocks, 0);

    if (!nyx_blocks_at(blocks, pos)) {
        return false;
    }
    *first = nyx_blocks_at(blocks, pos)->iova;
    *last = nyx_blocks_last(blocks);
    return true;
}

size_t nyx_table_shadow_count(const NyxTableShadow *shadow)
{
    return shadow->blocks.count;
}

/* --- The range ------------------------------------------------------------ */

/*
 * Address bits within the largest leaf that there is, or was, at @iova.  What
 * a leaf has in the hole is no block, but the next one is the leaf's rest.
 */
static uint64_t leaf_mask(const NyxTableShadow *shadow, const NyxWalkCtx *ctx,
                          uint64_t iova)
{
    const NyxBlocks *blocks = &shadow->blocks;
    const NyxBlock *block = nyx_blocks_at(blocks,
                                          nyx_blocks_find(blocks, iova));
    unsigned lg2 = ctx->fmt->granule_lg2;
    NyxWalk walk;

    nyx_walk(ctx, iova, NYX_ACCESS_NONE, NULL, &walk);
    if (block && (block->iova <= iova ||
                  !((block->iova ^ iova) >> block->leaf_lg2))) {
        lg2 = MAX(lg2, block->leaf_lg2);
    }
    if (walk.status == NYX_WALK_OK) {
        lg2 = MAX(lg2, walk.lg2);
    }
    return MAKE_64BIT_MASK(0, lg2);
}

/* Either end moves until no leaf is cut; each step is to a larger size. */
static void whole_leaves(Sync *s, const NyxWalkCtx *ctx)
{
    uint64_t mask;

    while ((mask = leaf_mask(s->shadow, ctx, s->first)) & s->first) {
        s->first &= ~mask;
    }
    while ((mask = leaf_mask(s->shadow, ctx, s->last)) & ~s->last) {
        s->last |= mask;
    }
}

/* --- What is wanted ------------------------------------------------------- */

static Run *run_at(const Sync *s, unsigned i)
{
    return &g_array_index(s->runs, Run, i);
}

static bool continues(const Run *low, const Run *high)
{
    return low->last + 1 == high->first &&
           low->addr + (high->first - low->first) == high->addr &&
           low->leaf_lg2 == high->leaf_lg2 &&
           low->permission == high->permission;
}

static bool add_run(Sync *s, const Run *run)
{
    Run *before = s->runs->len ? run_at(s, s->runs->len - 1) : NULL;

    if (before && continues(before, run) &&
        (run->leaf_lg2 != PIECE || s->shadow->cfg.coalesce)) {
        before->last = run->last;
        return true;
    }
    if (s->runs->len >= s->shadow->cfg.max_blocks) {
        return false;
    }
    g_array_append_vals(s->runs, run, 1);
    return true;
}

/* The part of @whole in the range, without what goes into the hole. */
static inline bool collect(Sync *s, const Run *whole)
{
    const NyxShadowCfg *cfg = &s->shadow->cfg;
    uint64_t first = MAX(whole->first, s->first);
    uint64_t last = MIN(whole->last, s->last);
    uint64_t addr = whole->addr + (first - whole->first);
    uint64_t addr_last = addr + (last - first);
    Run run = { first, last, addr, whole->leaf_lg2, whole->permission };

    if (addr > cfg->hole_last || addr_last < cfg->hole_first ||
        cfg->hole_last < cfg->hole_first) {
        return add_run(s, &run);
    }
    if (addr < cfg->hole_first) {
        run.last = first + (cfg->hole_first - addr - 1);
        if (!add_run(s, &run)) {
            return false;
        }
    }
    if (addr_last > cfg->hole_last) {
        run.first = first + (cfg->hole_last + 1 - addr);
        run.last = last;
        run.addr = cfg->hole_last + 1;
        return add_run(s, &run);
    }
    return true;
}

/*
 * Accesses to what is announced are not seen, and cannot set a mark later:
 * they count as made.  A leaf whose mark cannot be stored gives no access.
 */
static bool mark(const Sync *s, const NyxLeaf *leaf)
{
    NyxWalk walk;

    nyx_walk_and_mark(s->ctx, leaf->iova, leaf->permission, NULL, &walk);
    return walk.status == NYX_WALK_OK;
}

static bool collect_leaf(void *opaque, const NyxLeaf *leaf)
{
    const Run run = {
        leaf->iova, leaf->iova | MAKE_64BIT_MASK(0, leaf->lg2), leaf->addr,
        leaf->lg2, leaf->permission,
    };

    return (leaf->unmarked && !mark(opaque, leaf)) || collect(opaque, &run);
}

static bool collect_piece(void *opaque, const NyxPiece *piece)
{
    const Run run = {
        piece->first, piece->last, piece->addr, PIECE, piece->permission,
    };

    return collect(opaque, &run);
}

static Run run_of(const NyxBlock *block, uint64_t first, uint64_t last)
{
    return (Run) {
        .first = first,
        .last = last,
        .addr = block->addr + (first - block->iova),
        .leaf_lg2 = block->leaf_lg2,
        .permission = block->permission,
    };
}

/*
 * Whether the part of @block in the range is as software has it now.  Blocks
 * are asked about in order.
 */
static bool is_right(Sync *s, NyxBlock *block)
{
    uint64_t pos = MAX(block->iova, s->first);
    uint64_t last = MIN(nyx_block_last(block), s->last);
    bool whole = pos == block->iova && last == nyx_block_last(block);
    uint8_t leaf_lg2 = whole ? 0 : block->leaf_lg2;

    while (s->compared < s->runs->len &&
           run_at(s, s->compared)->last < pos) {
        s->compared++;
    }
    for (unsigned i = s->compared; i < s->runs->len; i++) {
        const Run *run = run_at(s, i);

        if (run->first > pos || run->permission != block->permission ||
            run->addr + (pos - run->first) !=
            block->addr + (pos - block->iova)) {
            return false;
        }
        leaf_lg2 = MAX(leaf_lg2, run->leaf_lg2);
        if (run->last >= last) {
            block->leaf_lg2 = leaf_lg2;
            return true;
        }
        pos = run->last + 1;
    }
    return false;
}

/*
 * A block at an edge of the range that is not right goes as a whole.  What it
 * has outside of the range is wanted too then, as it is remembered.
 */
static void keep_remembered(Sync *s)
{
    const NyxBlocks *blocks = &s->shadow->blocks;
    NyxBlock *low = nyx_blocks_lookup(blocks, s->first);
    NyxBlock *high = nyx_blocks_lookup(blocks, s->last);
    bool low_goes = low && low->iova < s->first && !is_right(s, low);
    bool high_goes = high && nyx_block_last(high) > s->last &&
                     !is_right(s, high);
    uint64_t first = s->first, last = s->last;

    s->compared = 0;
    if (low_goes) {
        Run run = run_of(low, low->iova, first - 1);

        s->first = low->iova;
        if (s->runs->len && continues(&run, run_at(s, 0))) {
            run_at(s, 0)->first = run.first;
            run_at(s, 0)->addr = run.addr;
        } else {
            g_array_prepend_val(s->runs, run);
        }
    }
    if (high_goes) {
        Run run = run_of(high, last + 1, nyx_block_last(high));

        s->last = run.last;
        if (s->runs->len &&
            continues(run_at(s, s->runs->len - 1), &run)) {
            run_at(s, s->runs->len - 1)->last = run.last;
        } else {
            g_array_append_val(s->runs, run);
        }
    }
}

/* --- Events --------------------------------------------------------------- */

static void send_unmap(Sync *s, uint64_t first, uint64_t last,
                       const NyxBlock *only)
{
    s->result.unmaps++;
    if (s->sink && s->sink->unmap) {
        s->sink->unmap(s->sink->opaque, first, last, only);
    }
}

static bool send_map(Sync *s, const NyxBlock *block)
{
    if (s->shadow->blocks.count >= s->shadow->cfg.max_blocks) {
        s->result.full = true;
        return false;
    }
    nyx_blocks_insert(&s->shadow->blocks, block);
    s->result.maps++;
    if (s->sink && s->sink->map) {
        s->sink->map(s->sink->opaque, block);
    }
    return true;
}

/* [@first, @last] of @run in the largest aligned blocks that are allowed. */
static bool place(Sync *s, const Run *run, uint64_t first, uint64_t last)
{
    bool any = s->shadow->cfg.coalesce || run->leaf_lg2 == PIECE;
    unsigned cap = any ? 63 : run->leaf_lg2;

    for (;;) {
        uint64_t addr = run->addr + (first - run->first);
        uint64_t size = last - first + 1;    /* zero: all there is */
        unsigned aligned = ctz64(first | addr);
        unsigned fits = size ? 63 - clz64(size) : 63;
        const NyxBlock block = {
            .iova = first,
            .addr = addr,
            .lg2 = MIN(MIN(aligned, fits), cap),
            .leaf_lg2 = run->leaf_lg2,
            .permission = run->permission,
        };

        if (!send_map(s, &block)) {
            return false;
        }
        if (nyx_block_last(&block) == last) {
            return true;
        }
        first = nyx_block_last(&block) + 1;
    }
}

/* Map what is wanted in [@first, @last], where nothing is mapped. */
static void fill_gap(Sync *s, uint64_t first, uint64_t last)
{
    for (; s->placed < s->runs->len; s->placed++) {
        const Run *run = run_at(s, s->placed);

        if (run->first > last) {
            return;
        }
        if (run->last >= first &&
            !place(s, run, MAX(run->first, first), MIN(run->last, last))) {
            return;
        }
        if (run->last > last) {
            return;
        }
    }
}

/*
 * Blocks from @pos on that are not right go, up to the first that is right,
 * which is returned in *@kept.  False if there is none in the range.
 */
static bool clear_gap(Sync *s, NyxBlockPos pos, NyxBlock *kept)
{
    NyxBlocks *blocks = &s->shadow->blocks;
    bool each = s->sink && s->sink->each;
    uint64_t first = 0, last = 0;
    unsigned gone = 0;
    bool found = false;
    NyxBlock only, *block;

    while ((block = nyx_blocks_at(blocks, pos)) && block->iova <= s->last) {
        if (is_right(s, block)) {
            *kept = *block;
            found = true;
            break;
        }
        if (!gone++) {
            only = *block;
            first = block->iova;
        }
        last = nyx_block_last(block);
        pos = nyx_blocks_next(blocks, pos);
        if (each) {
            send_unmap(s, block->iova, last, block);
        }
    }
    if (gone) {
        nyx_blocks_remove(blocks, first, last);
    }
    if (gone && !each) {
        send_unmap(s, first, last, gone == 1 ? &only : NULL);
    }
    return found;
}

static void apply(Sync *s)
{
    uint64_t pos = s->first;

    for (;;) {
        NyxBlock kept;
        bool found = clear_gap(s, nyx_blocks_find(&s->shadow->blocks, pos),
                               &kept);

        if (!found) {
            fill_gap(s, pos, s->last);
            return;
        }
        if (kept.iova > pos) {
            fill_gap(s, pos, kept.iova - 1);
        }
        if (nyx_block_last(&kept) >= s->last) {
            return;
        }
        pos = nyx_block_last(&kept) + 1;
    }
}

/* What was collected when it ended early is the part that is mapped. */
static void finish(Sync *s, bool all)
{
    s->result.full = !all;
    keep_remembered(s);
    apply(s);
    if (s->runs->len > KEPT_RUNS) {
        g_array_free(s->runs, TRUE);
        s->shadow->runs = g_array_new(FALSE, FALSE, sizeof(Run));
    } else {
        g_array_set_size(s->runs, 0);
    }
}

NyxShadowResult nyx_table_shadow_sync(NyxTableShadow *shadow,
                                      const NyxWalkCtx *ctx, uint64_t first,
                                      uint64_t last,
                                      const NyxShadowSink *sink)
{
    uint32_t tables = shadow->cfg.max_tables;
    Sync s = {
        .shadow = shadow,
        .sink = sink,
        .ctx = ctx,
        .first = first,
        .last = MIN(last, nyx_walk_limit(ctx)),
        .runs = shadow->runs,
    };
    bool all;

    if (s.first > s.last) {
        return s.result;
    }
    whole_leaves(&s, ctx);
    all = nyx_walk_range(ctx, s.first, s.last, &tables, collect_leaf, &s);
    s.result.tables = shadow->cfg.max_tables - tables;
    finish(&s, all);
    return s.result;
}

NyxShadowResult nyx_table_shadow_sync_pieces(NyxTableShadow *shadow,
                                             NyxPieces *pieces, void *source,
                                             uint64_t first, uint64_t last,
                                             const NyxShadowSink *sink)
{
    Sync s = {
        .shadow = shadow,
        .sink = sink,
        .first = first,
        .last = last,
        .runs = shadow->runs,
    };

    finish(&s, pieces(source, first, last, collect_piece, &s));
    return s.result;
}
