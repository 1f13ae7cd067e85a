/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ordered blocks: see blocks.h.  A chunk is never empty, and two neighbours
 * that fit into half a chunk become one, so that removing blocks here and
 * there gives memory back.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/blocks.h"

#define CHUNK_BLOCKS 256

typedef struct Chunk {
    unsigned n;
    NyxBlock block[CHUNK_BLOCKS];
} Chunk;

/* Whoever searches looks at these only, which lie close together. */
typedef struct Place {
    uint64_t first;          /* address of the chunk's first block */
    Chunk *chunk;
} Place;

static Place *place_at(const NyxBlocks *blocks, unsigned i)
{
    return &g_array_index(blocks->chunks, Place, i);
}

static Chunk *chunk_at(const NyxBlocks *blocks, unsigned i)
{
    return place_at(blocks, i)->chunk;
}

static void place_free(gpointer place)
{
    g_free(((Place *)place)->chunk);
}

/* The chunk's first block is another one. */
static void update_first(const NyxBlocks *blocks, unsigned i)
{
    Place *place = place_at(blocks, i);

    if (place->chunk->n) {
        place->first = place->chunk->block[0].iova;
    }
}

void nyx_blocks_init(NyxBlocks *blocks)
{
    blocks->chunks = g_array_new(FALSE, FALSE, sizeof(Place));
    g_array_set_clear_func(blocks->chunks, place_free);
    blocks->count = 0;
}

void nyx_blocks_destroy(NyxBlocks *blocks)
{
    g_array_free(blocks->chunks, TRUE);
}

void nyx_blocks_clear(NyxBlocks *blocks)
{
    g_array_set_size(blocks->chunks, 0);
    blocks->count = 0;
}

/* The last chunk that starts at or below @iova, or the first one. */
static unsigned find_chunk(const NyxBlocks *blocks, uint64_t iova)
{
    unsigned low = 0, high = blocks->chunks->len;

    /* Ranges are mostly filled upwards. */
    if (high > 1 && place_at(blocks, high - 1)->first <= iova) {
        return high - 1;
    }
    while (high - low > 1) {
        unsigned mid = low + (high - low) / 2;

        if (place_at(blocks, mid)->first <= iova) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return low;
}

/* The first slot whose block ends at or above @iova, or chunk->n. */
static unsigned find_slot(const Chunk *chunk, uint64_t iova)
{
    unsigned low = 0, high = chunk->n;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (nyx_block_last(&chunk->block[mid]) < iova) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static NyxBlockPos settle(const NyxBlocks *blocks, unsigned chunk,
                          unsigned slot)
{
    if (chunk < blocks->chunks->len && slot >= chunk_at(blocks, chunk)->n) {
        return (NyxBlockPos) { chunk + 1, 0 };
    }
    return (NyxBlockPos) { chunk, slot };
}

NyxBlockPos nyx_blocks_find(const NyxBlocks *blocks, uint64_t iova)
{
    unsigned chunk;

    if (!blocks->count) {
        return (NyxBlockPos) { };
    }
    chunk = find_chunk(blocks, iova);
    return settle(blocks, chunk, find_slot(chunk_at(blocks, chunk), iova));
}

NyxBlockPos nyx_blocks_next(const NyxBlocks *blocks, NyxBlockPos pos)
{
    return settle(blocks, pos.chunk, pos.slot + 1);
}

NyxBlock *nyx_blocks_at(const NyxBlocks *blocks, NyxBlockPos pos)
{
    return pos.chunk < blocks->chunks->len ?
           &chunk_at(blocks, pos.chunk)->block[pos.slot] : NULL;
}

NyxBlock *nyx_blocks_lookup(const NyxBlocks *blocks, uint64_t iova)
{
    NyxBlock *block = nyx_blocks_at(blocks, nyx_blocks_find(blocks, iova));

    return block && block->iova <= iova ? block : NULL;
}

uint64_t nyx_blocks_last(const NyxBlocks *blocks)
{
    const Chunk *chunk = chunk_at(blocks, blocks->chunks->len - 1);

    return nyx_block_last(&chunk->block[chunk->n - 1]);
}

/*
 * A new chunk behind number @at, with the upper half of its blocks; with none
 * of them if it is the last, because ranges are mostly filled upwards.
 */
static void split_chunk(NyxBlocks *blocks, unsigned at, unsigned slot)
{
    Chunk *low = chunk_at(blocks, at);
    Chunk *high = g_new(Chunk, 1);
    Place place = { .chunk = high };
    bool append = slot == low->n && at + 1 == blocks->chunks->len;
    unsigned keep = append ? low->n : low->n / 2;

    high->n = low->n - keep;
    memcpy(high->block, &low->block[keep], high->n * sizeof(NyxBlock));
    low->n = keep;
    g_array_insert_val(blocks->chunks, at + 1, place);
    update_first(blocks, at + 1);
}

void nyx_blocks_insert(NyxBlocks *blocks, const NyxBlock *block)
{
    unsigned at, slot;
    Chunk *chunk;

    if (!blocks->count) {
        Place place = { .chunk = g_new0(Chunk, 1) };

        g_array_append_val(blocks->chunks, place);
    }
    at = find_chunk(blocks, block->iova);
    chunk = chunk_at(blocks, at);
    slot = find_slot(chunk, block->iova);
    if (chunk->n == CHUNK_BLOCKS) {
        split_chunk(blocks, at, slot);
        if (slot >= chunk->n) {
            slot -= chunk->n;
            chunk = chunk_at(blocks, ++at);
        }
    }
    memmove(&chunk->block[slot + 1], &chunk->block[slot],
            (chunk->n - slot) * sizeof(NyxBlock));
    chunk->block[slot] = *block;
    chunk->n++;
    blocks->count++;
    update_first(blocks, at);
}

static void try_merge(NyxBlocks *blocks, unsigned at)
{
    Chunk *low, *high;

    if (at + 1 >= blocks->chunks->len) {
        return;
    }
    low = chunk_at(blocks, at);
    high = chunk_at(blocks, at + 1);
    if (low->n + high->n <= CHUNK_BLOCKS / 2) {
        memcpy(&low->block[low->n], high->block, high->n * sizeof(NyxBlock));
        low->n += high->n;
        g_array_remove_index(blocks->chunks, at + 1);
    }
}

/* Remove slots [@from, @to) of a chunk, which may be left empty. */
static void remove_slots(NyxBlocks *blocks, unsigned at, unsigned from,
                         unsigned to)
{
    Chunk *chunk = chunk_at(blocks, at);

    memmove(&chunk->block[from], &chunk->block[to],
            (chunk->n - to) * sizeof(NyxBlock));
    chunk->n -= to - from;
    blocks->count -= to - from;
    update_first(blocks, at);
}

static unsigned first_slot_from(const Chunk *chunk, uint64_t iova)
{
    unsigned slot = find_slot(chunk, iova);

    /* The one that holds @iova starts below it. */
    return slot < chunk->n && chunk->block[slot].iova < iova ? slot + 1 : slot;
}

void nyx_blocks_remove(NyxBlocks *blocks, uint64_t first, uint64_t last)
{
    unsigned start, at;

    if (!blocks->count) {
        return;
    }
    start = find_chunk(blocks, first);
    for (at = start; at < blocks->chunks->len; at++) {
        Chunk *chunk = chunk_at(blocks, at);
        unsigned from = first_slot_from(chunk, first);
        unsigned to = last == UINT64_MAX ? chunk->n
                                         : first_slot_from(chunk, last + 1);

        if (place_at(blocks, at)->first > last) {
            break;
        }
        remove_slots(blocks, at, from, to);
    }
    /* Those that are empty now lie together. */
    while (start < at && chunk_at(blocks, start)->n) {
        start++;
    }
    if (start < at) {
        unsigned n = 0;

        while (start + n < at && !chunk_at(blocks, start + n)->n) {
            n++;
        }
        g_array_remove_range(blocks->chunks, start, n);
    }
    try_merge(blocks, start);
    if (start) {
        try_merge(blocks, start - 1);
    }
    if (start > 1) {
        try_merge(blocks, start - 2);
    }
}

void nyx_blocks_foreach(const NyxBlocks *blocks, NyxBlockVisit *visit,
                        void *opaque)
{
    for (unsigned i = 0; i < blocks->chunks->len; i++) {
        const Chunk *chunk = chunk_at(blocks, i);

        for (unsigned j = 0; j < chunk->n; j++) {
            visit(opaque, &chunk->block[j]);
        }
    }
}
