/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generations of domains and PASIDs, and what of a requester's caches each
 * kind of drop takes.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/request.h"
#include "hw/nyx-iommu/tlbs.h"

#define PAGE 0x1000

typedef struct Fixture {
    NyxTags tags;
    NyxTlbs tlbs;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    nyx_tags_init(&f->tags);
    nyx_tlbs_init(&f->tlbs, NYX_CACHE_HARDWARE, 1, 256);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    nyx_tlbs_destroy(&f->tlbs);
    nyx_tags_destroy(&f->tags);
}

static void insert(Fixture *f, NyxIotlb *tlb, NyxAsid asid, uint64_t iova)
{
    const NyxIotlbEntry entry = {
        .iova = iova, .addr = iova, .lg2 = 12, .permission = NYX_ACCESS_RW,
    };

    g_assert_true(nyx_iotlb_insert(tlb, nyx_iotlb_ticket(tlb), asid,
                                   nyx_tags_gen(&f->tags, asid), &entry));
}

/* A translation and a table, in use by a walk. */
static void fill(Fixture *f, NyxAsid asid, uint64_t iova)
{
    nyx_tlbs_enter(&f->tlbs, &f->tags, asid, false);
    insert(f, f->tlbs.tlb, asid, iova);
    insert(f, f->tlbs.tables, asid, iova);
}

static bool has(Fixture *f, NyxIotlb *tlb, NyxAsid asid, uint64_t iova)
{
    NyxIotlbEntry entry;

    return nyx_iotlb_lookup(tlb, iova, asid, nyx_tags_gen(&f->tags, asid),
                            &entry);
}

static void expect(Fixture *f, NyxAsid asid, uint64_t iova, bool leaf,
                   bool table)
{
    g_assert_cmpint(has(f, f->tlbs.tlb, asid, iova), ==, leaf);
    g_assert_cmpint(has(f, f->tlbs.tables, asid, iova), ==, table);
}

static void test_tags(Fixture *f, gconstpointer data)
{
    const NyxAsid other = NYX_ASID(6);
    const NyxAsid five = NYX_ASID(5), pasid = NYX_ASID_PASID(5, 9);

    fill(f, five, PAGE);
    fill(f, other, PAGE);
    fill(f, pasid, PAGE);
    fill(f, pasid | NYX_ASID_PRIVILEGED, PAGE);
    g_assert_false(nyx_tags_drop_pasid(&f->tags, pasid));
    expect(f, five, PAGE, true, true);
    expect(f, pasid, PAGE, false, false);
    expect(f, pasid | NYX_ASID_PRIVILEGED, PAGE, false, false);
    fill(f, pasid, PAGE);
    /* A domain takes its PASIDs along. */
    g_assert_false(nyx_tags_drop_domain(&f->tags, 5));
    expect(f, five, PAGE, false, false);
    expect(f, pasid, PAGE, false, false);
    expect(f, other, PAGE, true, true);
    g_assert_false(nyx_tags_drop_all(&f->tags));
    expect(f, other, PAGE, false, false);
}

static void test_pages(Fixture *f, gconstpointer data)
{
    const NyxAsid five = NYX_ASID(5), pasid = NYX_ASID_PASID(5, 9);

    for (unsigned i = 0; i < 4; i++) {
        fill(f, five, i * PAGE);
        fill(f, pasid, i * PAGE);
        fill(f, pasid | NYX_ASID_PRIVILEGED, i * PAGE);
    }
    nyx_tags_pages(&f->tags);
    nyx_tlbs_drop_pages(&f->tlbs, &f->tags, five, PAGE, 2 * PAGE - 1, false);
    expect(f, five, 0, true, true);
    expect(f, five, PAGE, false, false);
    expect(f, five, 2 * PAGE, true, true);
    expect(f, pasid, PAGE, true, true);
    /* Leaves alone; of a PASID the privileged ones, too. */
    nyx_tlbs_drop_pages(&f->tlbs, &f->tags, pasid, 0, 2 * PAGE - 1, true);
    expect(f, pasid, PAGE, false, true);
    expect(f, pasid | NYX_ASID_PRIVILEGED, PAGE, false, true);
    expect(f, pasid, 2 * PAGE, true, true);
    expect(f, five, 0, true, true);
}

/* A domain that the requester never walked costs nothing: it has no bit. */
static void test_stranger(Fixture *f, gconstpointer data)
{
    insert(f, f->tlbs.tlb, NYX_ASID(5), PAGE);
    nyx_tlbs_drop_pages(&f->tlbs, &f->tags, NYX_ASID(5), 0, UINT64_MAX, false);
    g_assert_true(has(f, f->tlbs.tlb, NYX_ASID(5), PAGE));
    nyx_tlbs_enter(&f->tlbs, &f->tags, 5, false);
    nyx_tlbs_drop_pages(&f->tlbs, &f->tags, NYX_ASID(5), 0, UINT64_MAX, false);
    g_assert_false(has(f, f->tlbs.tlb, NYX_ASID(5), PAGE));
}

static void test_nesting(Fixture *f, gconstpointer data)
{
    nyx_tlbs_enter(&f->tlbs, &f->tags, 5, false);
    g_assert_false(nyx_tags_nests(&f->tags, 5));
    nyx_tlbs_enter(&f->tlbs, &f->tags, 6, true);
    g_assert_true(nyx_tags_nests(&f->tags, 6));
    g_assert_false(nyx_tags_nests(&f->tags, 5));
}

/* Long before a generation comes round, all has to be cleared, once. */
static void test_wrap(Fixture *f, gconstpointer data)
{
    f->tags.bumps = (1u << 31) - 1;
    g_assert_true(nyx_tags_drop_domain(&f->tags, 5));
    g_assert_false(nyx_tags_drop_domain(&f->tags, 5));
    fill(f, NYX_ASID(5), PAGE);
    nyx_tlbs_clear(&f->tlbs);
    expect(f, NYX_ASID(5), PAGE, false, false);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) \
    g_test_add("/tlbs/" name, Fixture, NULL, set_up, fn, tear_down)
    ADD("tags", test_tags);
    ADD("pages", test_pages);
    ADD("stranger", test_stranger);
    ADD("nesting", test_nesting);
    ADD("wrap", test_wrap);
    return g_test_run();
}
