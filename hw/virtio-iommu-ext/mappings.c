/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mappings of a domain: see mappings.h.
 *
 * A node is one or two KiB: a count, sorted keys, and what belongs to each key.
 * The key of a run is its first address; the key of a child is the first key
 * in it, always exactly.  So what a leaf has to know of its right neighbour
 * is in the nodes above it, and nodes need no links.
 *
 * Nodes but the root are 7/16 full at least, so that changes to and fro do
 * not split and merge the same ones; those at either end may be less full,
 * because a node that is filled upwards or downwards is left full behind.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "mappings.h"

#define CACHE_LINE 64
#define LINE_WORDS (CACHE_LINE / sizeof(uint64_t))

/* Count and keys fill whole cache lines. */
#define LEAF_MAX 63
#define INNER_MAX 63

/* More than memory can hold. */
#define MAX_HEIGHT 12

/* Runs on each side that extent() looks at. */
#define EXTENT_RUNS 4

#define FLAGS_MASK MAKE_64BIT_MASK(0, 12)

/* What a key stands for in a leaf. */
typedef struct Run {
    uint64_t last;
    uint64_t unit;
    uint64_t addr_flags;
} Run;

struct NyxVioNode {
    uint64_t n;
    uint64_t key[];          /* all ones behind the last */
};

typedef struct Leaf {
    uint64_t n;
    uint64_t key[LEAF_MAX];
    Run run[LEAF_MAX];
} Leaf;

typedef struct Inner {
    uint64_t n;
    uint64_t key[INNER_MAX];
    NyxVioNode *child[INNER_MAX];
} Inner;

QEMU_BUILD_BUG_ON(offsetof(Leaf, run) % CACHE_LINE);
QEMU_BUILD_BUG_ON(offsetof(Inner, child) % CACHE_LINE);

typedef struct Step {
    NyxVioNode *node;
    unsigned slot;
} Step;

/*
 * From the leaf, at level 0, up to the root.  Two arrays side by side are
 * miscompiled by GCC 12.2: with one index for both, -fipa-modref takes the
 * address into the second one for NULL and drops what is written there.
 */
typedef struct Path {
    unsigned height;
    Step at[MAX_HEIGHT];
} Path;

/* --- Nodes --------------------------------------------------------------- */

static Leaf *as_leaf(NyxVioNode *node)
{
    return (Leaf *)node;
}

static Inner *as_inner(NyxVioNode *node)
{
    return (Inner *)node;
}

static unsigned node_max(unsigned level)
{
    return level ? INNER_MAX : LEAF_MAX;
}

static unsigned node_min(unsigned level)
{
    return node_max(level) * 7 / 16;
}

static size_t node_size(unsigned level)
{
    return level ? sizeof(Inner) : sizeof(Leaf);
}

static NyxVioNode *node_new(NyxVioMappings *m, unsigned level)
{
    void *block;
    NyxVioNode *node;

    if (posix_memalign(&block, CACHE_LINE, node_size(level))) {
        g_error("no memory for a node of mappings");
    }
    node = block;
    node->n = 0;
    memset(node->key, 0xff, node_max(level) * sizeof(uint64_t));
    m->bytes += node_size(level);
    return node;
}

static void node_free(NyxVioMappings *m, NyxVioNode *node, unsigned level)
{
    m->bytes -= node_size(level);
    free(node);
}

/* Move @n slots; what is there and the counts are the caller's business. */
static void move_slots(NyxVioNode *to, unsigned to_slot, NyxVioNode *from,
                       unsigned from_slot, unsigned n, unsigned level)
{
    memmove(&to->key[to_slot], &from->key[from_slot], n * sizeof(uint64_t));
    if (level) {
        memmove(&as_inner(to)->child[to_slot],
                &as_inner(from)->child[from_slot], n * sizeof(NyxVioNode *));
    } else {
        memmove(&as_leaf(to)->run[to_slot], &as_leaf(from)->run[from_slot],
                n * sizeof(Run));
    }
}

static void set_n(NyxVioNode *node, unsigned n)
{
    if (n < node->n) {
        memset(&node->key[n], 0xff, (node->n - n) * sizeof(uint64_t));
    }
    node->n = n;
}

/* An empty slot in a node that has room. */
static void open_slot(NyxVioNode *node, unsigned slot, unsigned level)
{
    move_slots(node, slot + 1, node, slot, node->n - slot, level);
    node->n++;
}

static void close_slots(NyxVioNode *node, unsigned from, unsigned to,
                        unsigned level)
{
    move_slots(node, from, node, to, node->n - to, level);
    set_n(node, node->n - (to - from));
}

/*
 * How many keys are @iova or below: first the line, then inside of it, both
 * without a branch that depends on the keys.  The count, in front of the
 * keys, is what makes lines of them.
 */
static inline unsigned keys_upto(const NyxVioNode *node, unsigned max,
                                 uint64_t iova)
{
    const uint64_t *word = (const uint64_t *)node;
    unsigned at = 0, n;

    for (unsigned i = LINE_WORDS; i <= max; i += LINE_WORDS) {
        at += word[i] <= iova ? LINE_WORDS : 0;
    }
    word += at;
    n = at;
    for (unsigned i = 1; i < LINE_WORDS; i++) {
        n += word[i] <= iova;
    }
    /* All ones behind the last key count for the highest address. */
    return MIN(n, node->n);
}

static inline unsigned child_slot(const NyxVioNode *node, uint64_t iova)
{
    unsigned n = keys_upto(node, INNER_MAX, iova);

    return n - (n != 0);
}

/* --- Runs ---------------------------------------------------------------- */

static NyxVioRun run_at(const Leaf *leaf, unsigned slot)
{
    const Run *run = &leaf->run[slot];

    return (NyxVioRun) {
        .first = leaf->key[slot],
        .last = run->last,
        .addr = run->addr_flags & ~FLAGS_MASK,
        .unit = run->unit,
        .flags = run->addr_flags & FLAGS_MASK,
    };
}

static void set_run(Leaf *leaf, unsigned slot, const NyxVioRun *run)
{
    leaf->key[slot] = run->first;
    leaf->run[slot] = (Run) {
        .last = run->last,
        .unit = run->unit,
        .addr_flags = (run->addr & ~FLAGS_MASK) | (run->flags & FLAGS_MASK),
    };
}

uint64_t nyx_vio_run_count(const NyxVioRun *run)
{
    uint64_t size = run->last - run->first;

    return size == run->unit - 1 ? 1 : size / run->unit + 1;
}

/* Whether @high, above @low, goes on where that ends, in both spaces. */
static bool goes_on(const NyxVioRun *low, const NyxVioRun *high)
{
    return high->first - low->last == 1 && high->addr > low->addr &&
           high->addr - low->addr == high->first - low->first &&
           high->flags == low->flags;
}

static bool joins(const NyxVioRun *low, const NyxVioRun *high)
{
    return high->unit == low->unit && goes_on(low, high);
}

/* Whether a mapping of @run is on both sides of its address @at. */
static bool cuts(const NyxVioRun *run, uint64_t at)
{
    uint64_t offset = at - run->first;

    return offset && (run->last - run->first == run->unit - 1 ||
                      offset % run->unit);
}

/* --- Paths --------------------------------------------------------------- */

static Leaf *leaf_of(const Path *path)
{
    return as_leaf(path->at[0].node);
}

/* To the leaf for @iova; the slot there is behind all runs up to @iova. */
static inline void descend(const NyxVioMappings *m, uint64_t iova, Path *path)
{
    NyxVioNode *node = m->root;

    for (unsigned level = m->height - 1; level; level--) {
        unsigned slot = child_slot(node, iova);

        path->at[level].node = node;
        path->at[level].slot = slot;
        node = as_inner(node)->child[slot];
    }
    path->height = m->height;
    path->at[0].node = node;
    path->at[0].slot = keys_upto(node, LEAF_MAX, iova);
}

/* Whether the run before the slot of @path goes up to @iova. */
static inline bool below_reaches(const Path *path, uint64_t iova)
{
    unsigned slot = path->at[0].slot;

    return slot && leaf_of(path)->run[slot - 1].last >= iova;
}

/* The lowest level that has a slot behind that of @path, or the height. */
static unsigned level_above(const Path *path)
{
    unsigned level = 1;

    while (level < path->height &&
           path->at[level].slot + 1 == path->at[level].node->n) {
        level++;
    }
    return level;
}

static unsigned level_below(const Path *path)
{
    unsigned level = 1;

    while (level < path->height && !path->at[level].slot) {
        level++;
    }
    return level;
}

/* The first key of the next leaf; NULL in the last one. */
static const uint64_t *next_leaf_key(const Path *path)
{
    unsigned level = level_above(path);

    return level < path->height ?
           &path->at[level].node->key[path->at[level].slot + 1] : NULL;
}

/* The key of the slot of @path or, behind the last one, of the next leaf. */
static const uint64_t *next_key(const Path *path)
{
    return path->at[0].slot < path->at[0].node->n ?
           &path->at[0].node->key[path->at[0].slot] : next_leaf_key(path);
}

/* To the first slot of the next leaf, if there is one. */
static bool to_next_leaf(Path *path)
{
    unsigned level = level_above(path);

    if (level == path->height) {
        return false;
    }
    path->at[level].slot++;
    while (level) {
        NyxVioNode *node = as_inner(path->at[level].node)
                           ->child[path->at[level].slot];

        level--;
        path->at[level].node = node;
        path->at[level].slot = 0;
    }
    return true;
}

/* To the last slot of the leaf before, if there is one. */
static bool to_previous_leaf(Path *path)
{
    unsigned level = level_below(path);

    if (level == path->height) {
        return false;
    }
    path->at[level].slot--;
    while (level) {
        NyxVioNode *node = as_inner(path->at[level].node)
                           ->child[path->at[level].slot];

        level--;
        path->at[level].node = node;
        path->at[level].slot = node->n - 1;
    }
    return true;
}

/* --- Changes ------------------------------------------------------------- */

/* The first key of the node at @level has changed. */
static void update_keys(const Path *path, unsigned level)
{
    uint64_t key = path->at[level].node->key[0];

    for (level++; level < path->height; level++) {
        path->at[level].node->key[path->at[level].slot] = key;
        if (path->at[level].slot) {
            break;
        }
    }
}

static void grow(NyxVioMappings *m, Path *path)
{
    NyxVioNode *root = node_new(m, m->height);

    root->n = 1;
    root->key[0] = m->root->key[0];
    as_inner(root)->child[0] = m->root;
    m->root = root;
    path->at[m->height].node = root;
    path->at[m->height].slot = 0;
    path->height = ++m->height;
}

/* How many slots of a full node stay in it when it is split. */
static unsigned slots_to_keep(const Path *path, unsigned level)
{
    unsigned max = node_max(level);
    unsigned few = level ? max / 8 : 0;
    bool lowest = !path->at[level].slot;
    bool highest = path->at[level].slot + (level != 0) == max;

    for (level++; level < path->height; level++) {
        lowest &= !path->at[level].slot;
        highest &= path->at[level].slot + 1 == path->at[level].node->n;
    }
    return lowest ? few : highest ? max - few : max / 2;
}

/* See to it that the node at @level has room at the slot of @path. */
static void make_room(NyxVioMappings *m, Path *path, unsigned level)
{
    NyxVioNode *node = path->at[level].node, *high, *parent;
    unsigned keep, at;

    if (node->n < node_max(level)) {
        return;
    }
    keep = slots_to_keep(path, level);
    if (level + 1 == m->height) {
        grow(m, path);
    }
    make_room(m, path, level + 1);
    parent = path->at[level + 1].node;
    at = path->at[level + 1].slot + 1;
    high = node_new(m, level);
    high->n = node->n - keep;
    move_slots(high, 0, node, keep, high->n, level);
    set_n(node, keep);
    open_slot(parent, at, level + 1);
    parent->key[at] = high->key[0];
    as_inner(parent)->child[at] = high;
    if (path->at[level].slot > keep || (path->at[level].slot == keep && keep)) {
        path->at[level].node = high;
        path->at[level].slot -= keep;
        path->at[level + 1].slot = at;
    }
}

static void insert(NyxVioMappings *m, Path *path, const NyxVioRun *run)
{
    make_room(m, path, 0);
    open_slot(path->at[0].node, path->at[0].slot, 0);
    set_run(leaf_of(path), path->at[0].slot, run);
    if (!path->at[0].slot) {
        update_keys(path, 0);
    }
    m->runs++;
}

/* Two neighbours become one, or equally full: false then. */
static bool merge(NyxVioMappings *m, NyxVioNode *low, NyxVioNode *high,
                  unsigned level)
{
    unsigned sum = low->n + high->n, half = sum / 2;

    if (sum <= 2 * node_min(level)) {
        move_slots(low, low->n, high, 0, high->n, level);
        low->n = sum;
        node_free(m, high, level);
        return true;
    }
    if (low->n < half) {
        unsigned n = half - low->n;

        move_slots(low, low->n, high, 0, n, level);
        low->n = half;
        close_slots(high, 0, n, level);
    } else {
        unsigned n = low->n - half;

        move_slots(high, n, high, 0, high->n, level);
        move_slots(high, 0, low, half, n, level);
        high->n += n;
        set_n(low, half);
    }
    return false;
}

/* After slots of the leaf were removed. */
static void refill(NyxVioMappings *m, Path *path)
{
    for (unsigned level = 0; level + 1 < m->height; level++) {
        NyxVioNode *node = path->at[level].node;
        NyxVioNode *parent = path->at[level + 1].node;
        unsigned at = path->at[level + 1].slot;

        if (node->n >= node_min(level)) {
            break;
        }
        if (!node->n) {
            node_free(m, node, level);
            close_slots(parent, at, at + 1, level + 1);
            if (!at) {
                update_keys(path, level + 1);
            }
            continue;
        }
        at += !at;
        if (!merge(m, as_inner(parent)->child[at - 1],
                   as_inner(parent)->child[at], level)) {
            parent->key[at] = as_inner(parent)->child[at]->key[0];
            break;
        }
        close_slots(parent, at, at + 1, level + 1);
    }
    while (m->height > 1 && m->root->n == 1) {
        NyxVioNode *child = as_inner(m->root)->child[0];

        node_free(m, m->root, --m->height);
        m->root = child;
    }
    if (!m->root->n) {
        node_free(m, m->root, 0);
        m->root = NULL;
        m->height = 0;
    }
}

/* Runs [@from, @to) of the leaf are gone, and that at @from may be changed. */
static void erase(NyxVioMappings *m, Path *path, unsigned from, unsigned to)
{
    NyxVioNode *leaf = path->at[0].node;

    m->runs -= to - from;
    if (from < to) {
        close_slots(leaf, from, to, 0);
    }
    if (!from && leaf->n) {
        update_keys(path, 0);
    }
    refill(m, path);
}

/* --- The interface ------------------------------------------------------- */

void nyx_vio_mappings_init(NyxVioMappings *m)
{
    *m = (NyxVioMappings) { };
}

static void free_tree(NyxVioMappings *m, NyxVioNode *node, unsigned level)
{
    for (unsigned i = 0; level && i < node->n; i++) {
        free_tree(m, as_inner(node)->child[i], level - 1);
    }
    node_free(m, node, level);
}

void nyx_vio_mappings_clear(NyxVioMappings *m)
{
    if (m->root) {
        free_tree(m, m->root, m->height - 1);
    }
    nyx_vio_mappings_init(m);
}

/* Join @run to the next one, which @path leads to, and that one to @below. */
static bool join_above(NyxVioMappings *m, Path path, const NyxVioRun *run,
                       Run *below)
{
    NyxVioRun high;
    unsigned slot;

    if (path.at[0].slot == path.at[0].node->n) {
        to_next_leaf(&path);
    }
    slot = path.at[0].slot;
    high = run_at(leaf_of(&path), slot);
    if (!joins(run, &high)) {
        return false;
    }
    if (below) {
        below->last = high.last;
        erase(m, &path, slot, slot + 1);
        return true;
    }
    high.first = run->first;
    high.addr = run->addr;
    set_run(leaf_of(&path), slot, &high);
    if (!slot) {
        update_keys(&path, 0);
    }
    return true;
}

bool nyx_vio_mappings_add(NyxVioMappings *m, const NyxVioRun *run)
{
    const uint64_t *next;
    Run *below = NULL;
    Path path;

    if (!m->root) {
        m->root = node_new(m, 0);
        m->height = 1;
    }
    descend(m, run->first, &path);
    next = next_key(&path);
    if (below_reaches(&path, run->first) || (next && *next <= run->last)) {
        return false;
    }
    if (path.at[0].slot) {
        Leaf *leaf = leaf_of(&path);
        NyxVioRun low = run_at(leaf, path.at[0].slot - 1);

        below = joins(&low, run) ? &leaf->run[path.at[0].slot - 1] : NULL;
    }
    m->count += nyx_vio_run_count(run);
    if (next && *next == run->last + 1 && join_above(m, path, run, below)) {
        return true;
    }
    if (below) {
        below->last = run->last;
    } else {
        insert(m, &path, run);
    }
    return true;
}

/* The middle of the run at @slot goes: what is behind it is a new run. */
static void punch(NyxVioMappings *m, Path *path, unsigned slot,
                  uint64_t first, uint64_t last)
{
    Leaf *leaf = leaf_of(path);
    NyxVioRun high = run_at(leaf, slot);

    high.addr += last + 1 - high.first;
    high.first = last + 1;
    leaf->run[slot].last = first - 1;
    path->at[0].slot = slot + 1;
    insert(m, path, &high);
}

/* Remove [@first, @last] from runs [@from, @to) of a leaf, which overlap it. */
static uint64_t remove_in_leaf(NyxVioMappings *m, Path *path, unsigned from,
                               unsigned to, uint64_t first, uint64_t last)
{
    Leaf *leaf = leaf_of(path);
    uint64_t removed = 0;

    for (unsigned slot = from; slot < to; slot++) {
        NyxVioRun run = run_at(leaf, slot);

        run.first = MAX(run.first, first);
        run.last = MIN(run.last, last);
        removed += nyx_vio_run_count(&run);
    }
    if (from < to && leaf->key[from] < first) {
        if (leaf->run[from].last > last) {
            punch(m, path, from, first, last);
            return removed;
        }
        leaf->run[from++].last = first - 1;
    }
    if (from < to && leaf->run[to - 1].last > last) {
        NyxVioRun high = run_at(leaf, --to);

        high.addr += last + 1 - high.first;
        high.first = last + 1;
        set_run(leaf, to, &high);
    }
    erase(m, path, from, to);
    return removed;
}

/* Runs [from, to) of a leaf overlap a range that may go on in the next one. */
typedef struct Span {
    Path path;
    unsigned from;
    unsigned to;
    bool more;
    uint64_t next;           /* if @more: what the next leaf starts with */
} Span;

static void span_init(Span *span, const NyxVioMappings *m, uint64_t first,
                      uint64_t last)
{
    const Leaf *leaf;
    const uint64_t *next;

    descend(m, first, &span->path);
    leaf = leaf_of(&span->path);
    span->from = span->path.at[0].slot - below_reaches(&span->path, first);
    next = next_leaf_key(&span->path);
    span->more = next && *next <= last;
    span->next = span->more ? *next : 0;
    span->to = span->more ? leaf->n :
               keys_upto(span->path.at[0].node, LEAF_MAX, last);
}

/* Whether [@first, @last] would cut a mapping; @span is its first one. */
static bool is_refused(const NyxVioMappings *m, const Span *span,
                       uint64_t first, uint64_t last)
{
    const Leaf *leaf = leaf_of(&span->path);
    NyxVioRun run;

    if (span->from < span->to) {
        run = run_at(leaf, span->from);
        if (run.first < first && cuts(&run, first)) {
            return true;
        }
        if (!span->more) {
            run = run_at(leaf, span->to - 1);
            return run.last > last && cuts(&run, last + 1);
        }
    }
    return span->more && last != UINT64_MAX &&
           nyx_vio_mappings_lookup(m, last + 1, &run) && cuts(&run, last + 1);
}

bool nyx_vio_mappings_remove(NyxVioMappings *m, uint64_t first, uint64_t last,
                             uint64_t *removed)
{
    Span span;
    uint64_t n = 0;

    *removed = 0;
    if (!m->root) {
        return true;
    }
    span_init(&span, m, first, last);
    if (is_refused(m, &span, first, last)) {
        return false;
    }
    for (;;) {
        if (span.from < span.to) {
            n += remove_in_leaf(m, &span.path, span.from, span.to, first,
                                last);
        }
        if (!span.more) {
            break;
        }
        span_init(&span, m, span.next, last);
    }
    m->count -= n;
    *removed = n;
    return true;
}

bool nyx_vio_mappings_lookup(const NyxVioMappings *m, uint64_t iova,
                             NyxVioRun *run)
{
    const NyxVioNode *node = m->root;
    unsigned slot;

    if (!node) {
        return false;
    }
    for (unsigned level = m->height - 1; level; level--) {
        node = ((const Inner *)node)->child[child_slot(node, iova)];
    }
    slot = keys_upto(node, LEAF_MAX, iova);
    if (!slot || ((const Leaf *)node)->run[slot - 1].last < iova) {
        return false;
    }
    *run = run_at((const Leaf *)node, slot - 1);
    return true;
}

bool nyx_vio_mappings_overlaps(const NyxVioMappings *m, uint64_t first,
                               uint64_t last)
{
    const uint64_t *next;
    Path path;

    if (!m->root) {
        return false;
    }
    descend(m, first, &path);
    next = next_key(&path);
    return below_reaches(&path, first) || (next && *next <= last);
}

void nyx_vio_mappings_foreach(const NyxVioMappings *m, uint64_t first,
                              uint64_t last, NyxVioRunVisit *visit,
                              void *opaque)
{
    Span span;

    if (!m->root) {
        return;
    }
    span_init(&span, m, first, last);
    for (;;) {
        for (unsigned slot = span.from; slot < span.to; slot++) {
            NyxVioRun run = run_at(leaf_of(&span.path), slot);

            if (!visit(opaque, &run)) {
                return;
            }
        }
        if (!span.more) {
            return;
        }
        span_init(&span, m, span.next, last);
    }
}

/* Runs above the one at @path that go on, added to @run. */
static void extend_up(Path path, NyxVioRun *run)
{
    for (unsigned i = 0; i < EXTENT_RUNS; i++) {
        NyxVioRun high;

        if (++path.at[0].slot == path.at[0].node->n && !to_next_leaf(&path)) {
            break;
        }
        high = run_at(leaf_of(&path), path.at[0].slot);
        if (!goes_on(run, &high)) {
            break;
        }
        run->last = high.last;
    }
}

static void extend_down(Path path, NyxVioRun *run)
{
    for (unsigned i = 0; i < EXTENT_RUNS; i++) {
        NyxVioRun low;

        if (!path.at[0].slot) {
            if (!to_previous_leaf(&path)) {
                break;
            }
        } else {
            path.at[0].slot--;
        }
        low = run_at(leaf_of(&path), path.at[0].slot);
        if (!goes_on(&low, run)) {
            break;
        }
        run->first = low.first;
        run->addr = low.addr;
    }
}

bool nyx_vio_mappings_extent(const NyxVioMappings *m, uint64_t iova,
                             NyxVioRun *run)
{
    Path path;

    if (!m->root) {
        return false;
    }
    descend(m, iova, &path);
    if (!path.at[0].slot ||
        leaf_of(&path)->run[--path.at[0].slot].last < iova) {
        return false;
    }
    *run = run_at(leaf_of(&path), path.at[0].slot);
    extend_up(path, run);
    extend_down(path, run);
    return true;
}
