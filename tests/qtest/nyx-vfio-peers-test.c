/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults of the way that mappings take to VFIO in QEMU's own models, as
 * reported or read there: none of ours has them.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-vfio.h"

#define IOVA    0x40000000ull
#define TWO_MIB (2 * NYX_MIB)

#define TABLES  "announced.tables-read"

/* --- Events --------------------------------------------------------------- */

/* QEMU: UNMAP has what the cleared entry says, so that page 0 is dirty. */
static void test_unmap_address(gconstpointer model)
{
    static const struct {
        const char *name;
        uint64_t size;
        unsigned lg2;
    } rows[] = {
        { "page", NYX_PAGE, 12 },
        { "pages", 16 * NYX_PAGE, 12 },
        { "large leaf", TWO_MIB, 21 },
    };
    NyxVfio v = nyx_vfio_listen(model, "");
    NyxTdMapping last;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, rows[i].size, rows[i].lg2);
        nyx_vfio_unmap(&v, NYX_DOM_A, IOVA, rows[i].size, rows[i].lg2);
        last = nyx_td_last_unmap(&v.td[0]);
        NYX_CHECK(rows[i].name, last.iova, IOVA);
        NYX_CHECK(rows[i].name, last.len, rows[i].size);
        NYX_CHECK(rows[i].name, last.addr, v.ram);
    }
    nyx_vfio_end(&v);
}

/* The same when the device goes elsewhere. */
static void test_unmap_address_moved(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");

    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, TWO_MIB, 21);
    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_B);
    NYX_CHECK("moved", nyx_td_last_unmap(&v.td[0]).addr, v.ram);
    nyx_vfio_expect(&v, 0, "moved", 1, 1, 0, 0);
    nyx_vfio_end(&v);
}

/* QEMU: one call of the host's kernel for each page and device. */
static void test_run_of_pages(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");

    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, TWO_MIB, 12);
    nyx_vfio_expect(&v, 0, "map", 1, 0, 1, TWO_MIB);
    nyx_vfio_unmap(&v, NYX_DOM_A, IOVA, TWO_MIB, 12);
    nyx_vfio_expect(&v, 0, "unmap", 0, 1, 0, 0);
    nyx_vfio_end(&v);
}

/* QEMU's AMD model: MAP over a mapping that is there. */
static void test_remap(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, ",coalesce=off");

    for (unsigned i = 0; i < 3; i++) {
        nyx_vfio_map(&v, NYX_DOM_A, IOVA + i * NYX_PAGE, v.ram + i * NYX_PAGE,
                     NYX_PAGE, 12);
    }
    nyx_vfio_expect(&v, 0, "map", 3, 0, 3, 3 * NYX_PAGE);
    v.model->map(&v, NYX_DOM_A, IOVA + NYX_PAGE, v.ram + NYX_MIB, NYX_PAGE,
                 12, 3);
    v.model->flush(&v, NYX_DOM_A, IOVA + NYX_PAGE, 12);
    nyx_vfio_expect(&v, 0, "remap", 1, 1, 3, 3 * NYX_PAGE);
    nyx_vfio_expect_mapping(&v, 0, "remap", IOVA + NYX_PAGE, NYX_PAGE,
                            v.ram + NYX_MIB);
    nyx_vfio_end(&v);
}

/* --- One domain, several devices ------------------------------------------ */

/* QEMU: each device has mappings and walks of its own. */
static void test_shared_domain(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");
    uint64_t before = v.model->tables ? nyx_vfio_stat(&v, TABLES) : 0, one;

    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, TWO_MIB, 12);
    one = v.model->tables ? nyx_vfio_stat(&v, TABLES) - before : 0;
    nyx_vfio_unmap(&v, NYX_DOM_A, IOVA, TWO_MIB, 12);
    nyx_vfio_events(&v, 0);
    for (unsigned i = 1; i < NYX_VFIO_TDS; i++) {
        v.model->attach(&v, NYX_VFIO_SID(i), NYX_DOM_A);
        nyx_vfio_follow(&v, i);
    }
    before = v.model->tables ? nyx_vfio_stat(&v, TABLES) : 0;
    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, TWO_MIB, 12);
    if (v.model->tables) {
        NYX_CHECK("walks", nyx_vfio_stat(&v, TABLES) - before, one);
    }
    NYX_CHECK("mappings", nyx_vfio_stat(&v, "announced.mappings"), 1);
    for (unsigned i = 0; i < NYX_VFIO_TDS; i++) {
        nyx_vfio_expect(&v, i, "each", 1, 0, 1, TWO_MIB);
    }
    nyx_vfio_end(&v);
}

/* QEMU: a device that is attached again loses all and gets it back. */
static void test_attach_again(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");

    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, TWO_MIB, 21);
    nyx_vfio_map(&v, NYX_DOM_A, IOVA + TWO_MIB, v.ram, NYX_PAGE, 12);
    nyx_vfio_events(&v, 0);
    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    nyx_vfio_expect(&v, 0, "again", 0, 0, 2, TWO_MIB + NYX_PAGE);
    v.model->attach(&v, NYX_VFIO_SID(1), NYX_DOM_A);
    nyx_vfio_expect(&v, 0, "another device", 0, 0, 2, TWO_MIB + NYX_PAGE);
    nyx_vfio_end(&v);
}

/*
 * QEMU 10.0 does not look at a PASID entry that changes, and its AMD model not
 * at a device table entry: DMA goes on to the old domain.
 */
static void test_domain_switch(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");

    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_B, IOVA, v.ram + NYX_MIB, NYX_PAGE, 12);
    nyx_vfio_events(&v, 0);
    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_B);
    nyx_vfio_expect(&v, 0, "B", 1, 1, 1, NYX_PAGE);
    nyx_vfio_expect_mapping(&v, 0, "B", IOVA, NYX_PAGE, v.ram + NYX_MIB);
    nyx_vfio_unmap(&v, NYX_DOM_A, IOVA, NYX_PAGE, 12);
    nyx_vfio_expect(&v, 0, "not its own", 0, 0, 1, NYX_PAGE);
    v.model->block(&v, NYX_VFIO_SID(0));
    nyx_vfio_expect(&v, 0, "blocked", 0, 1, 0, 0);
    nyx_vfio_end(&v);
}

/* --- The interrupt range -------------------------------------------------- */

/*
 * QEMU: it splits the region, so that a device has two notifiers; each is
 * told of its own part only, once.  virtio-iommu tells both of both.
 */
static void test_split_region(gconstpointer model)
{
    static const struct {
        uint64_t iova, size;
        unsigned lg2;
    } rows[] = {
        { 0xfe000000, 8 * NYX_PAGE, 12 },
        { 0xfec00000, TWO_MIB, 21 },
        { 0xfef00000, NYX_MIB, 12 },
        { 0x100000000, 4 * NYX_PAGE, 12 },
    };
    NyxVfio v = nyx_vfio_listen(model, "");
    uint64_t bytes = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        nyx_vfio_map(&v, NYX_DOM_A, rows[i].iova, v.ram, rows[i].size,
                     rows[i].lg2);
        bytes += rows[i].size;
        nyx_vfio_expect(&v, 0, "map", 1, 0, i + 1, bytes);
    }
    nyx_td_w32(&v.td[0], NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_REPLAY);
    nyx_vfio_expect(&v, 0, "replay", 4, 0, 4, bytes);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        nyx_vfio_unmap(&v, NYX_DOM_A, rows[i].iova, rows[i].size,
                       rows[i].lg2);
        bytes -= rows[i].size;
        nyx_vfio_expect(&v, 0, "unmap", 0, 1, 3 - i, bytes);
    }
    nyx_vfio_end(&v);
}

/* A leaf that has the range in its middle. */
static void test_split_leaf(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");
    uint64_t bytes;

    /* Of 1 GiB, as much as there is RAM below 0x40000000. */
    nyx_vfio_map(&v, NYX_DOM_A, 0xc0000000, 0, NYX_GIB, 30);
    bytes = nyx_vfio_events(&v, 0).bytes;
    NYX_CHECK("RAM", bytes > 200 * NYX_MIB && bytes <= NYX_PC_RAM, true);
    nyx_vfio_unmap(&v, NYX_DOM_A, 0xc0000000, NYX_GIB, 30);
    NYX_CHECK("gone", nyx_vfio_events(&v, 0).mappings, 0);
    nyx_vfio_end(&v);
}

/* --- Tables --------------------------------------------------------------- */

/*
 * QEMU's VT-d: a leaf of 2 MiB that becomes a table under one invalidation
 * stays in the host, because VFIO cuts no mapping.
 */
static void test_leaf_to_table(gconstpointer model)
{
    static const uint64_t flushed[] = { 0, 300 * NYX_PAGE, 511 * NYX_PAGE };
    NyxVfio v = nyx_vfio_listen(model, "");
    uint64_t table = nyx_pc_pages(v.pc, 1);
    uint64_t at = v.model->entry_at(&v, NYX_DOM_A, IOVA, 2);

    for (unsigned i = 0; i < ARRAY_SIZE(flushed); i++) {
        nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, TWO_MIB, 21);
        NYX_CHECK("leaf", nyx_vfio_events(&v, 0).bytes, TWO_MIB);
        for (unsigned n = 0; n < 512; n++) {
            qtest_writeq(v.qts, table + n * 8, n == 7 ? 0 :
                         (v.ram + n * NYX_PAGE) | v.model->leaf_bits);
        }
        qtest_writeq(v.qts, at, table | v.model->table_bits);
        v.model->flush(&v, NYX_DOM_A, IOVA + flushed[i], 12);
        NYX_CHECK("table", nyx_vfio_events(&v, 0).bytes, 511 * NYX_PAGE);
        nyx_vfio_expect_mapping(&v, 0, "hole", IOVA + 7 * NYX_PAGE, 0, 0);
        nyx_vfio_expect_mapping(&v, 0, "half", IOVA + NYX_MIB, NYX_MIB,
                                v.ram + NYX_MIB);
    }
    nyx_vfio_end(&v);
}

/* QEMU's AMD model ends: a directory goes that pages are mapped below. */
static void test_directory_cleared(gconstpointer model)
{
    static const unsigned flushes[] = { 21, 30, 64 };
    NyxVfio v = nyx_vfio_listen(model, ",coalesce=off");
    uint64_t at = v.model->entry_at(&v, NYX_DOM_A, IOVA, 2);

    for (unsigned i = 0; i < ARRAY_SIZE(flushes); i++) {
        uint64_t old;

        nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, 8 * NYX_PAGE, 12);
        NYX_CHECK("mapped", nyx_vfio_events(&v, 0).mappings, 8);
        old = qtest_readq(v.qts, at);
        qtest_writeq(v.qts, at, 0);
        v.model->flush(&v, NYX_DOM_A, IOVA + NYX_PAGE, 12);
        nyx_vfio_expect(&v, 0, "one page", 0, 1, 7, 7 * NYX_PAGE);
        v.model->flush(&v, NYX_DOM_A, flushes[i] == 64 ? 0 : IOVA,
                       flushes[i]);
        NYX_CHECK("all", nyx_vfio_events(&v, 0).mappings, 0);
        qtest_writeq(v.qts, at, old);
    }
    nyx_vfio_end(&v);
}

/*
 * QEMU's AMD model takes a page's invalidation for the domain's and walks
 * from the root for each page; its VT-d walks for each device.
 */
static void test_page_is_a_page(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");
    uint64_t before;

    /* 64 tables of leaves, none of which is named. */
    for (unsigned i = 0; i < 64; i++) {
        v.model->map(&v, NYX_DOM_A, IOVA + i * TWO_MIB, v.ram, NYX_PAGE, 12,
                     3);
    }
    v.model->flush(&v, NYX_DOM_A, 0, 64);
    nyx_vfio_expect(&v, 0, "all", 64, 0, 64, 64 * NYX_PAGE);
    v.model->unmap(&v, NYX_DOM_A, IOVA + TWO_MIB, NYX_PAGE, 12);
    v.model->unmap(&v, NYX_DOM_A, IOVA, NYX_PAGE, 12);
    before = nyx_vfio_stat(&v, TABLES);
    v.model->flush(&v, NYX_DOM_A, IOVA, 12);
    NYX_CHECK("tables", nyx_vfio_stat(&v, TABLES) - before <= 4, true);
    nyx_vfio_expect(&v, 0, "the page", 0, 1, 63, 63 * NYX_PAGE);
    v.model->flush(&v, NYX_DOM_A, IOVA, 30);
    nyx_vfio_expect(&v, 0, "the other", 0, 1, 62, 62 * NYX_PAGE);
    nyx_vfio_end(&v);
}

/* QEMU: a domain's invalidation walks all of it, once for each device. */
static void test_domain_is_walked_once(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");
    uint64_t before, one;

    for (unsigned i = 0; i < 64; i++) {
        v.model->map(&v, NYX_DOM_A, IOVA + i * TWO_MIB, v.ram, NYX_PAGE, 12,
                     3);
    }
    v.model->flush(&v, NYX_DOM_A, 0, 64);
    before = nyx_vfio_stat(&v, TABLES);
    v.model->flush(&v, NYX_DOM_A, 0, 64);
    one = nyx_vfio_stat(&v, TABLES) - before;
    for (unsigned i = 1; i < NYX_VFIO_TDS; i++) {
        v.model->attach(&v, NYX_VFIO_SID(i), NYX_DOM_A);
        nyx_vfio_follow(&v, i);
    }
    before = nyx_vfio_stat(&v, TABLES);
    v.model->flush(&v, NYX_DOM_A, 0, 64);
    NYX_CHECK("walks", nyx_vfio_stat(&v, TABLES) - before, one);
    for (unsigned i = 0; i < NYX_VFIO_TDS; i++) {
        nyx_vfio_expect(&v, i, "nothing new", 64, 0, 64, 64 * NYX_PAGE);
    }
    nyx_vfio_end(&v);
}

/* QEMU's VT-d looks at a range from where it is named, aligned or not. */
static void test_unaligned_range(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, ",coalesce=off");

    v.model->map(&v, NYX_DOM_A, IOVA, v.ram, 8 * NYX_PAGE, 12, 3);
    v.model->flush(&v, NYX_DOM_A, IOVA, 15);
    nyx_vfio_expect(&v, 0, "map", 8, 0, 8, 8 * NYX_PAGE);
    v.model->unmap(&v, NYX_DOM_A, IOVA, 8 * NYX_PAGE, 12);
    /* Four pages above the start of the eight; AMD-Vi has no such thing. */
    v.model->flush(&v, NYX_DOM_A, IOVA + (v.amd ? 0 : 4 * NYX_PAGE), 15);
    NYX_CHECK("gone", nyx_vfio_events(&v, 0).mappings, 0);
    nyx_vfio_end(&v);
}

/* --- Requests ------------------------------------------------------------- */

/* QEMU: UNMAP removes what lies before the mapping that it must not cut. */
static void test_unmap_cuts(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");

    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, IOVA + NYX_PAGE, v.ram, NYX_PAGE, 12);
    nyx_vfio_map(&v, NYX_DOM_A, IOVA + NYX_MIB, v.ram, 4 * NYX_PAGE, 12);
    nyx_vfio_events(&v, 0);
    NYX_CHECK("cut", qvio_unmap(v.vio, 10, IOVA, IOVA + NYX_MIB + 4095),
              QVIO_S_RANGE);
    nyx_vfio_expect(&v, 0, "cut", 0, 0, 3, 6 * NYX_PAGE);
    NYX_CHECK("DMA", nyx_td_writel(&v.td[0], IOVA, 1), NYX_TD_ST_OK);
    nyx_vfio_end(&v);
}

/* QEMU: ATTACH that contradicts the domain detaches first, then fails. */
static void test_attach_contradicts(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");

    nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, NYX_PAGE, 12);
    nyx_vfio_events(&v, 0);
    NYX_CHECK("bypass", qvio_attach(v.vio, 11, NYX_VFIO_SID(0),
                                    QVIO_ATTACH_BYPASS), QVIO_S_INVAL);
    nyx_vfio_expect(&v, 0, "bypass", 0, 0, 1, NYX_PAGE);
    NYX_CHECK("bypass", nyx_vfio_direct(&v, 0), false);
    NYX_CHECK("DMA", nyx_td_writel(&v.td[0], IOVA, 1), NYX_TD_ST_OK);
    nyx_vfio_end(&v);
}

/* QEMU: MAP that is unaligned, inverted or out of range is carried out. */
static void test_map_refused(gconstpointer model)
{
    static const struct {
        const char *name;
        uint64_t first, last;
        unsigned status;
    } rows[] = {
        { "unaligned", IOVA + 1, IOVA + 0x1000, QVIO_S_RANGE },
        { "unaligned end", IOVA, IOVA + 0x1001, QVIO_S_RANGE },
        { "inverted", IOVA + 0x2000, IOVA + 0xfff, QVIO_S_INVAL },
        { "beyond", 1ull << 48, (1ull << 48) + 0xfff, QVIO_S_RANGE },
        { "interrupts", 0xfee00000, 0xfee00fff, QVIO_S_INVAL },
    };
    NyxVfio v = nyx_vfio_listen(model, "");

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned status = qvio_map(v.vio, 10, rows[i].first, rows[i].last,
                                   v.ram, QVIO_MAP_RW);

        NYX_CHECK(rows[i].name, status, rows[i].status);
        nyx_vfio_expect(&v, 0, rows[i].name, 0, 0, 0, 0);
    }
    nyx_vfio_end(&v);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) nyx_vfio_add("peers", name, fn)
#define ADD_TABLES(name, fn) nyx_vfio_add_tables("peers", name, true, fn)
#define ADD_REQUESTS(name, fn) nyx_vfio_add_tables("peers", name, false, fn)
    ADD("unmap-address-0", test_unmap_address);
    ADD("unmap-address-0-moved", test_unmap_address_moved);
    ADD("call-for-each-page", test_run_of_pages);
    ADD_TABLES("map-over-mapping", test_remap);
    ADD("mappings-for-each-device", test_shared_domain);
    ADD("attach-again-rebuilds", test_attach_again);
    ADD("switch-unnoticed", test_domain_switch);
    ADD("split-region-told-twice", test_split_region);
    ADD_TABLES("split-leaf", test_split_leaf);
    ADD_TABLES("leaf-to-table-stays", test_leaf_to_table);
    ADD_TABLES("directory-cleared-aborts", test_directory_cleared);
    ADD_TABLES("page-taken-for-domain", test_page_is_a_page);
    ADD_TABLES("walk-for-each-device", test_domain_is_walked_once);
    ADD_TABLES("unaligned-range", test_unaligned_range);
    ADD_REQUESTS("unmap-cuts", test_unmap_cuts);
    ADD_REQUESTS("attach-contradicts", test_attach_contradicts);
    ADD_REQUESTS("map-refused", test_map_refused);
    return g_test_run();
}
