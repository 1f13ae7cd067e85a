/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device of the host behind each of our IOMMUs.  The host is a guest itself
 * (tests/guest/nested.py), in which vfio-pci owns QEMU's device "edu"; here a
 * stock QEMU without a running processor has that device.  Data moves by DMA
 * through two IOMMUs; what is unmapped here must be refused out there.
 *
 *   NYX_NESTED_DEVICE   address of the device, 0000:00:06.0; without it, this
 *                       program has nothing to do
 *   NYX_NESTED_IOMMUFD  if it is set, QEMU uses that instead of a container
 *   QTEST_QEMU_BINARY, NYX_PLUGIN  as for the other tests
 *
 * The device needs dma_mask=0xffffffff.  A line "# blocked ADDRESS read|write"
 * on stdout: the IOMMU of the host has to have reported this address.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-vfio-host.h"
#include "nyx-nested-fixture.h"

/* Addresses that the host's IOMMU has for the device. */
static NyxHostRange host_ranges[NYX_HOST_RANGES];
static unsigned host_range_count;

/* --- One domain ----------------------------------------------------------- */

/* Scattered pages, and transfers that end in the middle of them. */
static void test_copy(gconstpointer data)
{
    enum { PAGES = 3, SHIFT = 0x800 };
    Nest *n = nest_for(data);
    uint64_t from[PAGES], to[PAGES];
    g_autofree char *sent = NULL, *got = NULL;

    for (unsigned k = 0; k < PAGES; k++) {
        /* Backwards, with a page in between. */
        from[PAGES - 1 - k] = nyx_pc_pages(n->v.pc, 1);
        nyx_pc_pages(n->v.pc, 1);
        to[k] = nyx_pc_pages(n->v.pc, 1);
    }
    for (unsigned k = 0; k < PAGES; k++) {
        fill(n, from[k], NYX_PAGE);
        map(n, HOME, IOVA + k * NYX_PAGE, from[k], LG2_4K, R);
        map(n, HOME, IOVA + (8 + k) * NYX_PAGE, to[k], LG2_4K, W);
    }
    flush(n, IOVA, LG2_64K);
    for (uint64_t at = SHIFT; at < PAGES * NYX_PAGE - SHIFT; at += NYX_PAGE) {
        nyx_edu_load(&n->edu, IOVA + at, NYX_PAGE);
        nyx_edu_store(&n->edu, IOVA + 8 * NYX_PAGE + at, NYX_PAGE);
    }
    /* What was not copied is zero there. */
    qtest_memset(n->qts, from[0], 0, SHIFT);
    qtest_memset(n->qts, from[PAGES - 1] + SHIFT, 0, NYX_PAGE - SHIFT);
    sent = sum(n, from, PAGES);
    got = sum(n, to, PAGES);
    check_sums("pages", got, sent);
    /* VFIO has no mappings to be written only. */
    expect_no_write(n, "read only", IOVA, from[0]);
}

/* Another page in the place of one, with one invalidation. */
static void test_remap(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x100000;
    uint64_t old = map_page(n, HOME, iova, RW);
    uint64_t new;

    flush(n, iova, LG2_4K);
    expect_page(n, "old", iova, old);
    make_room(n, iova, LG2_4K);
    new = map_page(n, HOME, iova, RW);
    flush(n, iova, LG2_4K);
    qtest_memset(n->qts, old, 0, NYX_PAGE);
    expect_page(n, "new", iova, new);
    NYX_CHECK("old", qtest_readl(n->qts, old), 0);
}

static void test_unmap(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x200000;
    uint64_t gpa = map_page(n, HOME, iova, RW);

    flush(n, iova, LG2_4K);
    expect_write(n, "mapped", iova, gpa);
    unmap(n, iova, LG2_4K);
    flush(n, iova, LG2_4K);
    expect_no_write(n, "write", iova, gpa);
    expect_no_read(n, "read", iova, gpa);
}

/* Unmapped while a request is on its way: that one is refused, too. */
static void test_late(gconstpointer data)
{
    enum { TRIES = 5 };
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x210000, gpa;

    for (unsigned k = 0; k < TRIES; k++) {
        gpa = map_page(n, HOME, iova, RW);
        flush(n, iova, LG2_4K);
        expect_page(n, "mapped", iova, gpa);
        qtest_memset(n->qts, gpa, 0, WORD);
        report_begin(n);
        nyx_edu_start_store(&n->edu, iova, WORD);
        unmap(n, iova, LG2_4K);
        flush(n, iova, LG2_4K);
        if (nyx_edu_busy(&n->edu)) {
            nyx_edu_wait(&n->edu);
            report_end(n, iova, true);
            NYX_CHECK("memory", qtest_readl(n->qts, gpa), 0);
            return;
        }
        /* It may have been too early. */
        report_unsure(n);
    }
    g_test_skip("the host is too slow");
}

#define PAGES_2M    512

/* The table of 2 MiB at once, or a request; without @gpa, nothing is there. */
static void set_pages(Nest *n, uint64_t iova, uint64_t gpa)
{
    const NyxVfioModel *model = n->v.model;
    uint64_t entries[PAGES_2M] = { };

    if (model->tables) {
        for (unsigned k = 0; gpa && k < PAGES_2M; k++) {
            entries[k] = (gpa + k * NYX_PAGE) | model->leaf_bits;
        }
        qtest_memwrite(n->qts, model->entry_at(&n->v, HOME, iova, 1), entries,
                       sizeof(entries));
    } else if (gpa) {
        map(n, HOME, iova, gpa, LG2_2M, RW);
    } else {
        unmap(n, iova, LG2_2M);
    }
    flush(n, iova, LG2_2M);
}

/* Nothing that could be one mapping; a transfer from the middle of a page. */
static void test_many(gconstpointer data)
{
    enum { SKEW = 0x234, AT = 300, LAST = PAGES_2M - 1 };
    Nest *n = nest_for(data);
    uint64_t iova = LARGE + 0x400000;
    uint64_t gpa = nyx_pc_pages(n->v.pc, 2 * PAGES_2M) + NYX_PAGE;
    uint64_t before = mappings_at_home(n);

    set_pages(n, iova, gpa);
    NYX_CHECK("mappings", nyx_vfio_stat(&n->v, "announced.mappings") - before,
              PAGES_2M);
    expect_page(n, "last", iova + LAST * NYX_PAGE, gpa + LAST * NYX_PAGE);
    expect_write(n, "two pages", iova + AT * NYX_PAGE + SKEW,
                 gpa + AT * NYX_PAGE + SKEW);
    set_pages(n, iova, 0);
    NYX_CHECK("mappings", nyx_vfio_stat(&n->v, "announced.mappings"), before);
    expect_no_write(n, "gone", iova + AT * NYX_PAGE, gpa + AT * NYX_PAGE);
}

/* A leaf of 2 MiB becomes a table under one invalidation, and a leaf again. */
static void test_large(gconstpointer data)
{
    /* Of the pages: where they were, elsewhere, nowhere. */
    enum { STAYS = 1, MOVES = 5, GOES = 9, LAST = 511 };
    Nest *n = nest_for(data);
    uint64_t large = nyx_pc_pages(n->v.pc, 512), other;

    map(n, HOME, LARGE, large, LG2_2M, RW);
    flush(n, LARGE, LG2_2M);
    expect_page(n, "leaf", LARGE + MOVES * NYX_PAGE, large + MOVES * NYX_PAGE);

    unmap(n, LARGE, LG2_2M);
    map(n, HOME, LARGE + STAYS * NYX_PAGE, large + STAYS * NYX_PAGE, LG2_4K,
        RW);
    map(n, HOME, LARGE + LAST * NYX_PAGE, large + LAST * NYX_PAGE, LG2_4K, RW);
    other = map_page(n, HOME, LARGE + MOVES * NYX_PAGE, RW);
    flush(n, LARGE, LG2_2M);
    expect_moved(n, "table", LARGE + STAYS * NYX_PAGE,
                 large + STAYS * NYX_PAGE, LARGE + LAST * NYX_PAGE,
                 large + LAST * NYX_PAGE);
    expect_write(n, "elsewhere", LARGE + MOVES * NYX_PAGE, other);
    expect_no_write(n, "nowhere", LARGE + GOES * NYX_PAGE,
                    large + GOES * NYX_PAGE);

    make_room(n, LARGE, LG2_2M);
    map(n, HOME, LARGE, large, LG2_2M, RW);
    flush(n, LARGE, LG2_2M);
    expect_moved(n, "leaf again", LARGE + GOES * NYX_PAGE,
                 large + GOES * NYX_PAGE, LARGE + MOVES * NYX_PAGE,
                 large + MOVES * NYX_PAGE);
    unmap(n, LARGE, LG2_2M);
    flush(n, LARGE, LG2_2M);
    expect_no_write(n, "gone", LARGE, large);
}

/* Contiguous pages come as one; then one of them goes, and another comes. */
static void test_split(gconstpointer data)
{
    enum { PAGES = 16, GOES = 6 };
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x300000;
    uint64_t gpa = nyx_pc_pages(n->v.pc, PAGES), other;
    unsigned before = mappings_at_home(n);

    go(n, AWAY);
    for (unsigned k = 0; k < PAGES; k++) {
        map(n, HOME, iova + k * NYX_PAGE, gpa + k * NYX_PAGE, LG2_4K, RW);
    }
    flush(n, iova, LG2_64K);
    NYX_CHECK("mappings", mappings_at_home(n) - before,
              n->setup->apart ? PAGES : 1);
    expect_moved(n, "whole", iova, gpa, iova + GOES * NYX_PAGE,
                 gpa + GOES * NYX_PAGE);
    unmap(n, iova + GOES * NYX_PAGE, LG2_4K);
    flush(n, iova + GOES * NYX_PAGE, LG2_4K);
    expect_no_write(n, "a hole", iova + GOES * NYX_PAGE,
                    gpa + GOES * NYX_PAGE);
    expect_moved(n, "around it", iova + (GOES - 1) * NYX_PAGE,
                 gpa + (GOES - 1) * NYX_PAGE, iova + (GOES + 1) * NYX_PAGE,
                 gpa + (GOES + 1) * NYX_PAGE);
    other = map_page(n, HOME, iova + GOES * NYX_PAGE, RW);
    flush(n, iova + GOES * NYX_PAGE, LG2_4K);
    expect_write(n, "another", iova + GOES * NYX_PAGE, other);
}

/* A mapping that is larger than memory. */
static void test_wide(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = 0x80000000;
    uint64_t gpa = nyx_pc_pages(n->v.pc, 1);

    map(n, HOME, iova, 0, LG2_1G, RW);
    flush(n, iova, LG2_1G);
    expect_page(n, "memory", iova + gpa, gpa);
    expect_no_write(n, "behind memory", iova + NYX_PC_RAM, gpa);
    unmap(n, iova, LG2_1G);
    flush(n, iova, LG2_1G);
    expect_no_write(n, "gone", iova + gpa, gpa);
}

/* Around the addresses of interrupts, which no mapping of ours is for. */
static void test_interrupts(gconstpointer data)
{
    enum { MIB = 256 };
    Nest *n = nest_for(data);
    uint64_t iova = 0xfee00000;
    uint64_t gpa = nyx_pc_pages(n->v.pc, 512);

    map(n, HOME, iova, gpa, LG2_2M, RW);
    map(n, HOME, iova - 2 * NYX_MIB, gpa, LG2_2M, RW);
    flush(n, iova - 2 * NYX_MIB, LG2_2M + 1);
    expect_moved(n, "around", iova - NYX_PAGE, gpa + 511 * NYX_PAGE,
                 iova + MIB * NYX_PAGE, gpa + MIB * NYX_PAGE);
    unmap(n, iova, LG2_2M);
    unmap(n, iova - 2 * NYX_MIB, LG2_2M);
    flush(n, iova - 2 * NYX_MIB, LG2_2M + 1);
    expect_no_write(n, "gone", iova + MIB * NYX_PAGE, gpa + MIB * NYX_PAGE);
}

/* --- From one to the other ------------------------------------------------ */

static void test_domains(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x400000;
    uint64_t home = map_page(n, HOME, iova, RW);
    uint64_t only = map_page(n, HOME, iova + NYX_PAGE, RW);
    uint64_t away = map_page(n, AWAY, iova, RW);

    flush(n, iova, LG2_64K);
    expect_page(n, "home", iova, home);
    go(n, AWAY);
    expect_write(n, "away", iova, away);
    expect_no_write(n, "of the other domain", iova + NYX_PAGE, only);
    go_home(n);
    expect_write(n, "home again", iova + NYX_PAGE, only);
}

/* Elsewhere and back, with mappings that stay in force. */
static void test_pass(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x500000;
    uint64_t gpa = map_page(n, HOME, iova, RW);

    flush(n, iova, LG2_4K);
    expect_write(n, "mapped", iova, gpa);
    go_through(n);
    expect_page(n, "pass-through", gpa, gpa);
    expect_no_write(n, "no address of its own", iova, gpa);
    go_home(n);
    expect_write(n, "back", iova, gpa);
}

static void test_blocked(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x510000;
    uint64_t gpa = map_page(n, HOME, iova, RW);

    flush(n, iova, LG2_4K);
    expect_write(n, "mapped", iova, gpa);
    go_nowhere(n);
    expect_no_write(n, "blocked", iova, gpa);
    expect_no_write(n, "nor its own address", gpa, gpa);
    go_home(n);
    expect_write(n, "back", iova, gpa);
}

/* Translation as a whole. */
static void test_off(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x520000;
    uint64_t gpa = map_page(n, HOME, iova, RW);

    flush(n, iova, LG2_4K);
    expect_write(n, "mapped", iova, gpa);
    switch_off(n);
    expect_write(n, "off", gpa, gpa);
    expect_no_write(n, "off", iova, gpa);
    if (n->v.model->switchable) {
        n->v.model->translate(&n->v, true);
    } else {
        /* Its domains are gone. */
        n->v.model->end(&n->v);
        n->v.model->begin(&n->v);
        settle(n);
        map(n, HOME, iova, gpa, LG2_4K, RW);
    }
    expect_write(n, "on", iova, gpa);
}

/* Nobody says when a guest's tables get a page: they cannot be followed. */
static void test_guest(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x530000;
    uint64_t gpa = map_page(n, HOME, iova, RW);

    flush(n, iova, LG2_4K);
    expect_write(n, "mapped", iova, gpa);
    go_guest(n, iova, gpa);
    expect_no_write(n, "tables of a guest", iova, gpa);
    expect_no_write(n, "nor its own address", gpa, gpa);
    go_home(n);
    expect_write(n, "back", iova, gpa);
}

/* --- The device and the machine ------------------------------------------- */

/* Taken away and put back, with mappings in force. */
static void test_unplug(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x600000;
    uint64_t gpa = map_page(n, HOME, iova, RW);

    flush(n, iova, LG2_4K);
    expect_write(n, "before", iova, gpa);
    nyx_edu_put(&n->edu);
    qtest_qmp_device_del_send(n->qts, "hot");
    nyx_pci_slot(n->v.pc, PORT, false);
    qtest_qmp_eventwait(n->qts, "DEVICE_DELETED");
    gpa = map_page(n, HOME, iova + NYX_PAGE, RW);
    flush(n, iova + NYX_PAGE, LG2_4K);
    if (has_iommufd()) {
        qtest_qmp_device_add(n->qts, "vfio-pci", "hot",
                             "{'host': %s, 'bus': 'rp', 'iommufd': 'fd'}",
                             device_address());
    } else {
        qtest_qmp_device_add(n->qts, "vfio-pci", "hot",
                             "{'host': %s, 'bus': 'rp'}", device_address());
    }
    nyx_pci_slot(n->v.pc, PORT, true);
    find_device(n);
    expect_page(n, "after", iova + NYX_PAGE, gpa);
}

/* The last one with a machine: all is forgotten, and can be made anew. */
static void test_reset(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x700000;
    uint64_t gpa = map_page(n, HOME, iova, RW);

    flush(n, iova, LG2_4K);
    expect_write(n, "before", iova, gpa);
    nyx_edu_put(&n->edu);
    qtest_system_reset(n->qts);
    find_device(n);
    expect_page(n, "direct", gpa, gpa);
    expect_no_write(n, "mapping", iova, gpa);
    nyx_vfio_restart(&n->v);
    go_nowhere(n);
    expect_no_write(n, "blocked", gpa, gpa);
    settle(n);
    gpa = map_page(n, HOME, iova, RW);
    flush(n, iova, LG2_4K);
    expect_page(n, "after", iova, gpa);
}

/* --- What the host cannot do ---------------------------------------------- */

/* Number of address bits that the host has for the device. */
static unsigned host_bits(void)
{
    return 64 - clz64(host_ranges[host_range_count - 1].last);
}

static void check_refused(const char *device, const char *says)
{
    g_autofree char *given = device_options("");
    g_autofree char *args = g_strdup_printf("-M q35 -device %s%s", device,
                                            given);
    NyxRun run = nyx_run_qemu(args);

    NYX_CHECK(device, run.status, 1);
    NYX_CHECK(device, nyx_lines_with(run.err, ""), 1);
    NYX_CHECK(device, nyx_lines_with(run.err, says), 1);
    if (g_test_failed()) {
        g_test_message("it says: %s", run.err);
    }
    nyx_run_end(&run);
}

/* A model that is not told of new mappings. */
static void test_caching(void)
{
    nest_end();
    check_refused("nyx-vtd", "a device of the host needs to know of each new "
                  "mapping: set caching-mode=on of nyx-vtd");
    check_refused("nyx-amdvi", "a device of the host needs to know of each "
                  "new mapping: set np-cache=on of nyx-amdvi");
}

/* Addresses that are wider than the host's. */
static void test_width(void)
{
    static const struct {
        const char *device;
        const char *type;
        unsigned bits;
        const char *option;
        unsigned widths[5];  /* that it can have besides, and 0 */
    } rows[] = {
        { "nyx-vtd,caching-mode=on,aw-bits=57", "nyx-vtd", 57, "aw-bits",
          { 48, 39 } },
        { "nyx-amdvi,np-cache=on", "nyx-amdvi", 64, "va-bits",
          { 57, 48, 39, 32 } },
    };
    unsigned bits = host_bits();

    nest_end();
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++) {
        g_autofree char *says = NULL;
        const unsigned *width = rows[k].widths;

        while (*width > bits) {
            width++;
        }
        says = g_strdup_printf("the host's IOMMU has %u address bits for this "
                               "device, %s has %u: set %s=%u", bits,
                               rows[k].type, rows[k].bits, rows[k].option,
                               *width);
        if (bits < rows[k].bits) {
            check_refused(rows[k].device, says);
        }
    }
}

static bool is_reserved(const uint8_t *properties, unsigned size,
                        uint64_t first, uint64_t last)
{
    QVioResv resv;

    for (unsigned k = 0; qvio_resv(properties, size, k, &resv); k++) {
        if (resv.first <= first && last <= resv.last) {
            return true;
        }
    }
    return false;
}

#define RESERVED_DOMAIN 30

/* Its driver is told of the host's ranges, and a MAP elsewhere is refused. */
static void test_reserved(gconstpointer data)
{
    Nest *n = nest_for(data);
    QVio *v = n->v.vio;
    unsigned size = qvio_cfg32(v, QVIO_CFG_PROBE_SIZE);
    g_autofree uint8_t *properties = g_malloc(size);
    uint64_t end = qvio_cfg64(v, QVIO_CFG_INPUT_END);

    NYX_CHECK("attach", qvio_attach(v, RESERVED_DOMAIN, SID, 0), QVIO_S_OK);
    NYX_CHECK("PROBE", qvio_probe(v, SID, properties, size), QVIO_S_OK);
    for (unsigned k = 0; k < host_range_count; k++) {
        uint64_t first = host_ranges[k].last + 1;
        uint64_t last = k + 1 < host_range_count ? host_ranges[k + 1].first - 1
                                                 : end;

        if (first && first <= end) {
            NYX_CHECK("reserved", is_reserved(properties, size, first, last),
                      true);
            NYX_CHECK("MAP", qvio_map(v, RESERVED_DOMAIN, first,
                                      first + NYX_PAGE - 1, n->mail,
                                      QVIO_MAP_RW), QVIO_S_INVAL);
        }
    }
    go_home(n);
}

/* --- The list ------------------------------------------------------------- */

static const Setup setups[NYX_VFIO_MODELS] = {
    { &nyx_vfio_models[0], "", false },
    { &nyx_vfio_models[1], ",flts=on,coalesce=off", true },
    { &nyx_vfio_models[2], "", false },
    { &nyx_vfio_models[3], ",aw-bits=64", false },
};

/* Of setups that a test is for; what all share is done with some of them. */
enum {
    VTD = 1,
    SCALABLE = 2,
    AMD = 4,
    VIRTIO = 8,
    ALL = 15,
};

static const struct {
    const char *name;
    void (*fn)(gconstpointer data);
    unsigned setups;
} tests[] = {
    { "copy", test_copy, ALL },
    { "remap", test_remap, ALL },
    { "unmap", test_unmap, ALL },
    { "late", test_late, VTD | VIRTIO },
    { "many", test_many, VTD | AMD | VIRTIO },
    { "large", test_large, ALL },
    { "split", test_split, ALL },
    { "wide", test_wide, AMD | VIRTIO },
    { "interrupts", test_interrupts, VTD },
    { "reserved", test_reserved, VIRTIO },
    { "domains", test_domains, ALL },
    { "pass", test_pass, ALL },
    { "blocked", test_blocked, ALL },
    { "off", test_off, ALL },
    { "guest", test_guest, SCALABLE | AMD },
    { "unplug", test_unplug, VTD | AMD | VIRTIO },
    { "reset", test_reset, ALL },
};

static void add_tests(unsigned index)
{
    for (unsigned k = 0; k < ARRAY_SIZE(tests); k++) {
        g_autofree char *path = g_strdup_printf("/%s/nested/%s",
                                                setups[index].model->name,
                                                tests[k].name);
        if (tests[k].setups & 1u << index) {
            qtest_add_data_func(path, &setups[index], tests[k].fn);
        }
    }
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    if (!device_address()) {
        g_print("1..0 # SKIP NYX_NESTED_DEVICE is not set: this is for a "
                "guest, see tests/guest/README.rst\n");
        return 0;
    }
    host_range_count = nyx_host_ranges(device_address(), host_ranges);
    for (unsigned k = 0; k < host_range_count; k++) {
        g_print("# host 0x%" PRIx64 "-0x%" PRIx64 "\n", host_ranges[k].first,
                host_ranges[k].last);
    }
    for (unsigned k = 0; k < ARRAY_SIZE(setups); k++) {
        add_tests(k);
    }
    qtest_add_func("/nyx-nested/caching", test_caching);
    qtest_add_func("/nyx-nested/width", test_width);
    status = g_test_run();
    nest_end();
    return status;
}
