/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ranges and shadows of AMD-Vi's host tables: levels that are left out, and
 * leaves that take several entries, which need not agree.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "hw/nyx-iommu/shadow.h"
#include "naive-walk.h"

/* Bits of an entry. */
#define PR (1ULL << 0)
#define RW (PR | 1ULL << 61 | 1ULL << 62)

static void host_init(NvTables *t, FxMem *mem, unsigned levels)
{
    fx_mem_reset(mem);
    nv_init(t, mem, false, levels, 52);
    t->amd = true;
}

/* --- Copies that differ --------------------------------------------------- */

/* Leaves of a range never overlap, whatever the copies say. */
static void test_range_copies(void)
{
    FxMem mem;
    NvTables t;

    fx_mem_init(&mem);
    host_init(&t, &mem, 3);
    /* A page, then 16 KiB that would have it, then one more page. */
    nv_leaf(&t, 0x0000, 1, 0x100000, RW);
    for (unsigned i = 1; i < 4; i++) {
        nv_leaf(&t, i * 0x1000, 1, 0, nv_encoded(0x200000, 14) | RW);
    }
    nv_leaf(&t, 0x4000, 1, 0x300000, RW);
    FX_CHECK("copies", nv_compare_range("copies", &t, 0, 0x4fff), 5);
    /* From inside, all of it. */
    FX_CHECK("copies", nv_compare_range("copies", &t, 0x2000, 0x4fff), 2);
    /* The first one counts for the others. */
    fx_mem_poke(&mem, nv_entry(&t, 0, 1), nv_encoded(0x200000, 14) | RW);
    fx_mem_poke(&mem, nv_entry(&t, 0x2000, 1), 0);
    FX_CHECK("copies", nv_compare_range("copies", &t, 0, 0x4fff), 2);
    fx_mem_destroy(&mem);
}

/* --- The shadow ----------------------------------------------------------- */

/* A consumer: pages of the window and where they are, plus one. */
#define WINDOW_PAGES 1024

typedef struct Consumer {
    uint64_t base;
    uint64_t page[WINDOW_PAGES];
    unsigned maps;
} Consumer;

static void consumer_unmap(void *opaque, uint64_t first, uint64_t last,
                           const NyxBlock *only)
{
    Consumer *c = opaque;

    for (unsigned i = 0; i < WINDOW_PAGES; i++) {
        uint64_t iova = c->base + i * 0x1000;

        if (iova >= first && iova <= last) {
            c->page[i] = 0;
        }
    }
}

static void consumer_map(void *opaque, const NyxBlock *block)
{
    Consumer *c = opaque;

    c->maps++;
    for (unsigned i = 0; i < WINDOW_PAGES; i++) {
        uint64_t iova = c->base + i * 0x1000;

        if (iova >= block->iova && iova <= nyx_block_last(block)) {
            FX_CHECK("mapped twice", c->page[i], 0);
            c->page[i] = block->addr + (iova - block->iova) + 1;
        }
    }
}

/*
 * Tables that are changed here and there, and compared: no page is mapped
 * twice, and where copies agree, it is as a walk says.
 */
static void shadow_round(FxMem *mem, uint64_t seed, unsigned *maps)
{
    const NyxShadowCfg cfg = {
        .coalesce = seed & 1, .hole_first = 1,
        .max_tables = 1000, .max_blocks = 100000,
    };
    Consumer c = { };
    const NyxShadowSink sink = { consumer_unmap, consumer_map, &c, false };
    NyxTableShadow *shadow = nyx_table_shadow_new(&cfg);
    uint64_t rng = seed * 0x9e3779b97f4a7c15ULL | 1;
    bool agree = seed % 4 < 2;
    NyxWalkCtx ctx;
    NvTables t;

    host_init(&t, mem, 4);
    nv_skip(&t, 0, 4, 2);
    ctx = nv_ctx(&t);
    for (unsigned i = 0; i < 200; i++) {
        uint64_t r = nyx_random(&rng);
        unsigned lg2 = r % 3 ? 12 : 13 + nyx_random(&rng) % 8;
        unsigned page = r / 8 % WINDOW_PAGES >> (lg2 - 12) << (lg2 - 12);
        unsigned copies = agree ? 1u << (lg2 - 12) : 1 + r / 8192 % 4;
        uint64_t out = (nyx_random(&rng) & 0xfffff000) >> lg2 << lg2;
        uint64_t entry = (lg2 > 12 ? nv_encoded(out, lg2) : out) | PR |
                         (r >> 60) << 61;

        /* Whatever has a copy here is gone, if copies agree. */
        for (unsigned j = 0; agree && j < 256; j++) {
            nv_leaf(&t, ((page & ~255u) + j) * 0x1000, 1, 0, 0);
        }
        for (unsigned j = 0; j < copies && page + j < WINDOW_PAGES; j++) {
            nv_leaf(&t, (page + j) * 0x1000, 1, entry, 0);
        }
        if (i % 2) {
            nyx_table_shadow_sync(shadow, &ctx, 0, 0x3fffff, &sink);
        } else {
            nyx_table_shadow_sync(shadow, &ctx, (page & ~255u) * 0x1000,
                                  (page | 255) * 0x1000 + 0xfff, &sink);
        }
        for (unsigned j = 0; agree && j < WINDOW_PAGES; j++) {
            NyxWalk walk;

            nyx_walk(&ctx, j * 0x1000, 0, NULL, &walk);
            FX_CHECK("page", c.page[j],
                     walk.status == NYX_WALK_OK && (walk.permission & 3)
                     ? walk.addr + (j * 0x1000 &
                                    MAKE_64BIT_MASK(0, walk.lg2)) + 1 : 0);
        }
    }
    *maps += c.maps;
    nyx_table_shadow_free(shadow);
}

static void test_shadow(void)
{
    unsigned maps = 0;
    FxMem mem;

    fx_mem_init(&mem);
    for (uint64_t seed = 0; seed < 16; seed++) {
        shadow_round(&mem, seed, &maps);
    }
    fx_mem_destroy(&mem);
    g_assert_cmpuint(maps, >, 1000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/shadow-amdv1/range-copies", test_range_copies);
    g_test_add_func("/nyx/shadow-amdv1/shadow", test_shadow);
    return g_test_run();
}
