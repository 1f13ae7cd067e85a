/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ordered blocks against a map of pages.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/nyx-iommu/blocks.h"
#include "vtd-fixture.h"

#define PAGE 4096ull
#define LG2_MASK(lg2) (((uint64_t)1 << (lg2)) - 1)

static uint32_t rnd(GRand *rand, uint32_t n)
{
    return g_rand_int_range(rand, 0, n);
}

/* A seed that is told, so that a failure can be repeated: NYX_SEED=n. */
static GRand *rand_new(void)
{
    const char *given = g_getenv("NYX_SEED");
    uint32_t seed = given ? g_ascii_strtoull(given, NULL, 0) : g_random_int();

    g_test_message("NYX_SEED=%u", seed);
    return g_rand_new_with_seed(seed);
}

#define SLOTS 4096

typedef struct Seen {
    const uint8_t *there;
    unsigned next;
    unsigned n;
} Seen;

static void see_block(void *opaque, const NyxBlock *block)
{
    Seen *seen = opaque;
    unsigned slot = block->iova / PAGE;

    FX_CHECK("order", slot >= seen->next, true);
    FX_CHECK("size", block->lg2, seen->there[slot]);
    FX_CHECK("content", block->addr, ~block->iova & ~LG2_MASK(12));
    seen->next = slot + (1u << (block->lg2 - 12));
    seen->n++;
}

static void check_blocks(const NyxBlocks *blocks, const uint8_t *there)
{
    Seen seen = { .there = there };
    unsigned n = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        n += there[i] != 0;
    }
    nyx_blocks_foreach(blocks, see_block, &seen);
    FX_CHECK("count", seen.n, n);
    FX_CHECK("count", blocks->count, n);
    /* Removal gives memory back: on average a quarter of a chunk is used. */
    FX_CHECK("chunks", blocks->chunks->len <= n / 64 + 2, true);
}

static void check_find(const NyxBlocks *blocks, const uint8_t *there,
                       unsigned slot)
{
    uint64_t iova = slot * PAGE + 5;
    NyxBlock *block = nyx_blocks_at(blocks, nyx_blocks_find(blocks, iova));
    unsigned want = slot;

    /* The start of a block that holds the slot, or the next one above. */
    for (unsigned back = 0; back < 4 && back <= slot; back++) {
        unsigned lg2 = there[slot - back];

        if (lg2 && back < 1u << (lg2 - 12)) {
            want = slot - back;
        }
    }
    while (want < SLOTS && !there[want]) {
        want++;
    }
    FX_CHECK("find", block ? block->iova / PAGE : SLOTS, want);
    block = nyx_blocks_lookup(blocks, iova);
    FX_CHECK("lookup", block != NULL, want <= slot);
}

/* One, two or four pages at a time. */
static void insert_at(NyxBlocks *blocks, uint8_t *there, unsigned slot,
                      unsigned lg2)
{
    unsigned n = 1u << (lg2 - 12);
    NyxBlock block = { .lg2 = lg2, .leaf_lg2 = 12, .permission = FX_RW };
    NyxBlock *in;

    slot &= ~(n - 1);
    block.iova = slot * PAGE;
    block.addr = ~block.iova & ~LG2_MASK(12);
    in = nyx_blocks_at(blocks, nyx_blocks_find(blocks, block.iova));
    if (!in || in->iova > nyx_block_last(&block)) {
        nyx_blocks_insert(blocks, &block);
        there[slot] = lg2;
    }
}

static void test_blocks(void)
{
    GRand *rand = rand_new();
    g_autofree uint8_t *there = g_new0(uint8_t, SLOTS);
    NyxBlocks blocks;

    nyx_blocks_init(&blocks);
    for (unsigned round = 0; round < 3000; round++) {
        unsigned at = rnd(rand, SLOTS);
        unsigned n = 1 + rnd(rand, rnd(rand, 10) ? 64 : 2048);

        n = MIN(n, SLOTS - at);
        if (rnd(rand, 5) < 3) {
            for (unsigned i = 0; i < n; i++) {
                insert_at(&blocks, there, at + i, 12 + rnd(rand, 3));
            }
        } else {
            nyx_blocks_remove(&blocks, at * PAGE, (at + n) * PAGE - 1);
            memset(there + at, 0, n);
        }
        check_find(&blocks, there, rnd(rand, SLOTS));
        if (round % 16 == 0) {
            check_blocks(&blocks, there);
        }
    }
    nyx_blocks_remove(&blocks, 0, UINT64_MAX);
    memset(there, 0, SLOTS);
    check_blocks(&blocks, there);
    /* All of it, then a few here and there. */
    for (unsigned i = 0; i < SLOTS; i++) {
        insert_at(&blocks, there, i, 12);
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        if (i % 100) {
            nyx_blocks_remove(&blocks, i * PAGE, i * PAGE);
            there[i] = 0;
        }
    }
    check_blocks(&blocks, there);
    nyx_blocks_remove(&blocks, 0, UINT64_MAX);
    memset(there, 0, SLOTS);
    insert_at(&blocks, there, 7, 12);
    check_blocks(&blocks, there);
    nyx_blocks_clear(&blocks);
    FX_CHECK("clear", blocks.count, 0);
    nyx_blocks_destroy(&blocks);
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/blocks/random", test_blocks);
    return g_test_run();
}
