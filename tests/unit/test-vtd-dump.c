/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a dump of the tables tells: the entries in memory and the mappings
 * that requests get, whatever is cached, and not more than there is room for.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"
#include "vtd-scalable.h"

#define ROOM ((NyxDumpRoom) { 4096, 4096, 4096 })

typedef struct Seen {
    NyxVtdEntries entries[8];
    unsigned n;
    NyxLeaf leaf[8];
    unsigned leaves;
} Seen;

static void see(const NyxVtdEntries *entries, void *opaque)
{
    Seen *seen = opaque;

    g_assert_cmpuint(seen->n, <, ARRAY_SIZE(seen->entries));
    seen->entries[seen->n++] = *entries;
}

static bool see_leaf(void *opaque, const NyxLeaf *leaf)
{
    Seen *seen = opaque;

    if (seen->leaves < ARRAY_SIZE(seen->leaf)) {
        seen->leaf[seen->leaves] = *leaf;
    }
    seen->leaves++;
    return true;
}

static bool dump(Fx *f, NyxDumpRoom *room, Seen *seen)
{
    *seen = (Seen) { };
    return nyx_vtd_dump_entries(f->vtd, FX_SID, room, see, seen);
}

static bool dump_stage(Fx *f, const NyxVtdEntries *entries, bool second,
                       NyxDumpRoom *room, Seen *seen)
{
    seen->leaves = 0;
    return nyx_vtd_dump_mappings(f->vtd, entries, second, room, see_leaf,
                                 seen);
}

static void check_leaf(const char *row, const NyxLeaf *leaf, uint64_t iova,
                       uint64_t addr, unsigned lg2, unsigned access)
{
    FX_CHECK(row, leaf->iova, iova);
    FX_CHECK(row, leaf->addr, addr);
    FX_CHECK(row, leaf->lg2, lg2);
    FX_CHECK(row, leaf->permission, access);
}

/* --- Legacy mode ---------------------------------------------------------- */

static void test_legacy(void)
{
    Fx *f = fx_new(NULL);
    uint64_t root = fx_domain(f, FX_SID, FX_DID, 4);
    uint64_t page = fx_mem_pages(&f->mem, 1);
    uint64_t at = fx_context_addr(f, FX_SID);
    NyxDumpRoom room = ROOM;
    uint64_t findings;
    Seen seen;

    fx_start(f);
    fx_mem_poke(&f->mem, fx_mem_ss_entry(&f->mem, root, 4, 0x7000, 1),
                page | 1);
    fx_mem_poke(&f->mem, fx_mem_ss_entry(&f->mem, root, 4, 0x40000000, 3),
                0x80000083);
    findings = fx_all_findings(f);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("legacy", seen.n, 1);
    FX_CHECK("legacy", seen.entries[0].scalable, false);
    FX_CHECK("legacy", seen.entries[0].context[0], fx_mem_peek(&f->mem, at));
    FX_CHECK("legacy", seen.entries[0].context[1],
             fx_mem_peek(&f->mem, at + 8));
    FX_CHECK("legacy", seen.entries[0].root[0], fx_mem_peek(&f->mem, f->root));
    FX_CHECK("legacy", seen.entries[0].code, 0);
    FX_CHECK("legacy", seen.entries[0].decoded.did, FX_DID);
    FX_CHECK("first", nyx_vtd_dump_has_stage(&seen.entries[0], false), false);
    FX_CHECK("second", nyx_vtd_dump_has_stage(&seen.entries[0], true), true);
    g_assert_true(dump_stage(f, &seen.entries[0], true, &room, &seen));
    FX_CHECK("mappings", seen.leaves, 2);
    check_leaf("4 KiB", &seen.leaf[0], 0x7000, page, 12, FX_R);
    check_leaf("1 GiB", &seen.leaf[1], 0x40000000, 0x80000000, 30, FX_RW);
    /* While translation is off no table counts. */
    fx_gcmd(f, 31, false);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("off", seen.n, 0);
    fx_gcmd(f, 31, true);
    /* A look is not a request. */
    FX_CHECK("findings", fx_all_findings(f), findings);

    /* Reserved bit 4 of the context entry. */
    fx_mem_poke(&f->mem, at, fx_mem_peek(&f->mem, at) | 0x10);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("reserved", seen.n, 1);
    FX_CHECK("reserved", seen.entries[0].code, 0x0b);
    FX_CHECK("reserved", nyx_vtd_dump_has_stage(&seen.entries[0], true),
             false);
    fx_mem_poke(&f->mem, at, 0);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("not present", seen.n, 0);
    fx_free(f);
}

/* 9.3: domain 0 is a mistake with caching mode, of those who use it. */
static void test_silent(void)
{
    NyxVtdCfg cfg = fx_cfg();
    NyxDumpRoom room = ROOM;
    Fx *f;
    Seen seen;

    cfg.caching_mode = true;
    f = fx_new(&cfg);
    fx_domain(f, FX_SID, 0, 4);
    fx_start(f);
    fx_forget(f);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("domain 0", seen.n, 1);
    FX_CHECK("domain 0", fx_findings(f, NVTD_RULE_CM_DID0), 0);
    fx_free(f);
}

/* --- Scalable mode -------------------------------------------------------- */

static void test_scalable(void)
{
    NyxDumpRoom room = ROOM;
    uint64_t page = SC_IOVA & ~0xfffULL;
    Seen seen;
    SmScene s;

    sc_init(&s, NULL);
    g_assert_true(dump(s.f, &room, &seen));
    FX_CHECK("PASIDs", seen.n, 4);
    for (unsigned i = 0; i < 4; i++) {
        FX_CHECK("PASID", seen.entries[i].pasid, i + 1);
        FX_CHECK("code", seen.entries[i].code, 0);
        for (unsigned w = 0; w < 8; w++) {
            FX_CHECK("entry", seen.entries[i].entry[w],
                     fx_mem_peek(&s.f->mem, s.space[i + 1].at + 8 * w));
        }
        for (unsigned w = 0; w < 4; w++) {
            FX_CHECK("context", seen.entries[i].context[w],
                     fx_mem_peek(&s.f->mem, s.ctx + 8 * w));
        }
    }
    g_assert_true(dump_stage(s.f, &seen.entries[0], false, &room, &seen));
    FX_CHECK("first", seen.leaves, 1);
    check_leaf("first", &seen.leaf[0], page, sc_good(1) & ~0xfffULL, 12,
               FX_RW);
    g_assert_true(dump_stage(s.f, &seen.entries[1], true, &room, &seen));
    FX_CHECK("second", seen.leaves, 1);
    check_leaf("second", &seen.leaf[0], page, sc_good(2) & ~0xfffULL, 12,
               FX_RW);
    g_assert_true(dump_stage(s.f, &seen.entries[2], false, &room, &seen));
    FX_CHECK("nested", seen.leaves, 1);
    check_leaf("nested", &seen.leaf[0], page, SC_GPA, 12, FX_RW);
    /* The first stage's tables are mapped there as well. */
    g_assert_true(dump_stage(s.f, &seen.entries[2], true, &room, &seen));
    FX_CHECK("below", seen.leaves, 5);
    FX_CHECK("pass", nyx_vtd_dump_has_stage(&seen.entries[3], false), false);
    FX_CHECK("pass", nyx_vtd_dump_has_stage(&seen.entries[3], true), false);
    /* A first-stage table that the second does not map has no mappings. */
    sc_poke(&s, sm_ss_entry(&s.space[3], SM_BIAS + s.space[3].fs, 1), 0);
    g_assert_true(dump_stage(s.f, &seen.entries[2], false, &room, &seen));
    FX_CHECK("hidden", seen.leaves, 0);
    sc_free(&s);
}

/* A first-stage table beyond the second's levels, which is there below. */
static void test_beyond(void)
{
    NyxDumpRoom room = ROOM;
    uint64_t top, at;
    Seen seen;
    SmScene s;

    sc_init(&s, NULL);
    top = fx_mem_peek(&s.f->mem, sm_ss_entry(&s.space[3], SM_BIAS +
                                             s.space[3].fs, 1)) & ~0xfffULL;
    at = top + (SC_IOVA >> 39 & 511) * 8;
    g_assert_true(dump(s.f, &room, &seen));
    g_assert_true(dump_stage(s.f, &seen.entries[2], false, &room, &seen));
    FX_CHECK("there", seen.leaves, 1);
    sc_poke(&s, at, fx_mem_peek(&s.f->mem, at) | 1ULL << 50);
    g_assert_true(dump_stage(s.f, &seen.entries[2], false, &room, &seen));
    FX_CHECK("beyond", seen.leaves, 0);
    sc_free(&s);
}

/* The upper half of a bus has a table of its own. */
static void test_upper(void)
{
    NyxVtdCfg cfg = sm_cfg();
    Fx *f = fx_new(&cfg);
    NyxDumpRoom room = ROOM;
    Seen seen = { };

    sm_start(f);
    sm_function(f, 0x00f8, 0);
    sm_space(f, 0x00f8, 77, SM_SECOND, 9, 4, 4);
    g_assert_true(nyx_vtd_dump_entries(f->vtd, 0x00f8, &room, see, &seen));
    FX_CHECK("upper", seen.n, 1);
    FX_CHECK("upper", seen.entries[0].pasid, 77);
    FX_CHECK("upper", seen.entries[0].decoded.did, 9);
    fx_free(f);
}

/* --- Guests that mean no good --------------------------------------------- */

/* A table whose entries all point at itself: 2^27 pages and more. */
static void test_bounds(void)
{
    Fx *f = fx_new(NULL);
    uint64_t root = fx_domain(f, FX_SID, FX_DID, 4);
    NyxDumpRoom room = { 100, 1, 1000 };
    Seen seen;

    fx_start(f);
    for (unsigned i = 0; i < 512; i++) {
        fx_mem_poke(&f->mem, root + 8 * i, root | 3);
    }
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("entries", room.entries, 0);
    g_assert_false(dump_stage(f, &seen.entries[0], true, &room, &seen));
    FX_CHECK("mappings", seen.leaves, 1000);
    g_assert_false(dump(f, &room, &seen));
    FX_CHECK("no room", seen.n, 0);
    /* Tables are counted as well. */
    room = (NyxDumpRoom) { 100, 1, UINT32_MAX };
    g_assert_true(dump(f, &room, &seen));
    g_assert_false(dump_stage(f, &seen.entries[0], true, &room, &seen));
    FX_CHECK("tables", room.tables, 0);
    fx_free(f);
}

static void test_bounds_pasids(void)
{
    NyxDumpRoom room = { 4096, 2, 4096 };
    Seen seen;
    SmScene s;

    sc_init(&s, NULL);
    g_assert_false(dump(s.f, &room, &seen));
    FX_CHECK("PASIDs", seen.n, 2);
    /* One for the directory, none for a table. */
    room = (NyxDumpRoom) { 1, 100, 100 };
    g_assert_false(dump(s.f, &room, &seen));
    FX_CHECK("directory", seen.n, 0);
    sc_free(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/vtd-dump/legacy", test_legacy);
    g_test_add_func("/nyx/vtd-dump/silent", test_silent);
    g_test_add_func("/nyx/vtd-dump/scalable", test_scalable);
    g_test_add_func("/nyx/vtd-dump/beyond", test_beyond);
    g_test_add_func("/nyx/vtd-dump/upper", test_upper);
    g_test_add_func("/nyx/vtd-dump/bounds", test_bounds);
    g_test_add_func("/nyx/vtd-dump/bounds-pasids", test_bounds_pasids);
    return g_test_run();
}
