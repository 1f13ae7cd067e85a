/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device of the host behind each of our IOMMUs.  The host is a guest itself
 * (tests/guest/nested.py), in which vfio-pci owns QEMU's device "edu"; here a
 * stock QEMU without a running processor has that device.  Data moves by DMA
 * through two IOMMUs; what is unmapped here must be refused out there.
 *
 *   NYX_NESTED_DEVICE   address of the device, 0000:00:06.0; without it, this
 *                       program has nothing to do
 *   QTEST_QEMU_BINARY, NYX_PLUGIN  as for the other tests
 *
 * The device needs dma_mask=0xffffffff.  A line "# blocked ADDRESS read|write"
 * on stdout: the IOMMU of the host has to have reported this address.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "libqos/nyx-edu.h"
#include "libqos/nyx-models.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-vfio-host.h"
#include "libqos/nyx-virtio-iommu.h"

#define SID         NYX_SID(0, 5, 0)
#define RAM_MIB     128

#define IOVA        0x40000000ull
#define LARGE       0x60000000ull
#define MAIL        0x7ffff000ull
#define R           1
#define W           2
#define RW          3
#define LG2_4K      12
#define LG2_64K     16
#define LG2_2M      21
#define LG2_1G      30

#define OFF         NYX_MODE_OFF
#define BLOCKED     NYX_MODE_BLOCKED
#define PASS        NYX_MODE_PASS
#define HOME        NYX_MODE_HOME
#define AWAY        NYX_MODE_AWAY
#define GUEST       NYX_MODE_GUEST

/* What a machine is started with; one entry of the tests' paths. */
typedef struct Setup {
    const NyxModel *model;
    bool coalesce;
} Setup;

typedef struct Nest {
    const Setup *setup;
    NyxPc *pc;
    QTestState *qts;
    NyxIommu iommu;
    NyxEdu edu;
    uint64_t mail;           /* memory that MAIL is mapped to */
    uint32_t seed;           /* of the data that was made last */
    char *held;              /* sum of what the device read last */
} Nest;

/* Tests of one setup share a machine: starting one takes a second. */
static Nest nest;

/* Addresses that the host's IOMMU has for the device. */
static NyxHostRange host_ranges[NYX_HOST_RANGES];
static unsigned host_range_count;

/* --- Memory --------------------------------------------------------------- */

/* Bytes that were never there before. */
static void fill(Nest *n, uint64_t gpa, unsigned len)
{
    g_autofree uint8_t *bytes = g_malloc(len);
    g_autoptr(GRand) rand = g_rand_new_with_seed(++n->seed);

    for (unsigned k = 0; k < len; k++) {
        bytes[k] = g_rand_int(rand);
    }
    qtest_memwrite(n->qts, gpa, bytes, len);
}

/* The sum of pages of memory, in this order. */
static char *sum(Nest *n, const uint64_t *gpa, unsigned count)
{
    g_autofree uint8_t *bytes = g_malloc(count * NYX_PAGE);

    for (unsigned k = 0; k < count; k++) {
        qtest_memread(n->qts, gpa[k], bytes + k * NYX_PAGE, NYX_PAGE);
    }
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes,
                                       count * NYX_PAGE);
}

/* --- Mappings ------------------------------------------------------------- */

static void map(Nest *n, NyxMode domain, uint64_t iova, uint64_t gpa,
                unsigned lg2, unsigned rw)
{
    nyx_iommu_map(&n->iommu, domain, iova, gpa, lg2, rw);
}

static void unmap(Nest *n, NyxMode domain, uint64_t iova, unsigned lg2)
{
    nyx_iommu_unmap(&n->iommu, domain, iova, lg2);
}

static void flush(Nest *n, uint64_t iova, unsigned lg2)
{
    nyx_iommu_flush(&n->iommu, HOME, iova, lg2);
}

static void mode(Nest *n, NyxMode mode)
{
    nyx_iommu_mode(&n->iommu, mode);
}

/* A new page there. */
static uint64_t map_page(Nest *n, NyxMode domain, uint64_t iova, unsigned rw)
{
    uint64_t gpa = nyx_pc_pages(n->pc, 1);

    map(n, domain, iova, gpa, LG2_4K, rw);
    return gpa;
}

/* --- The machine ---------------------------------------------------------- */

/* The device is at home, where nothing but MAIL is mapped. */
static void settle(Nest *n)
{
    n->mail = map_page(n, HOME, MAIL, RW);
    flush(n, MAIL, LG2_4K);
    mode(n, HOME);
}

static void nest_end(void)
{
    if (nest.pc) {
        nyx_iommu_end(&nest.iommu);
        nyx_edu_put(&nest.edu);
        nyx_pc_end(nest.pc);
        g_clear_pointer(&nest.held, g_free);
        nest.pc = NULL;
    }
}

static Nest *nest_for(const Setup *setup)
{
    const NyxModel *model = setup->model;

    if (nest.pc && nest.setup == setup) {
        return &nest;
    }
    nest_end();
    nest.setup = setup;
    nest.pc = nyx_pc_start("-m %u -M q35 -device %s,coalesce=%s "
                           "-device vfio-pci,host=%s,addr=5", RAM_MIB,
                           model->device, setup->coalesce ? "on" : "off",
                           getenv("NYX_NESTED_DEVICE"));
    nest.pc->ram_end = RAM_MIB * NYX_MIB;
    nest.qts = nest.pc->qts;
    nest.edu = nyx_edu_get(nest.pc->pci, SID);
    nest.iommu = nyx_iommu_start(model, nest.pc, SID);
    settle(&nest);
    return &nest;
}

/* --- DMA ------------------------------------------------------------------ */

/* @gpa holds the page that the device has in its buffer. */
static void check_held(Nest *n, const char *row, uint64_t gpa)
{
    g_autofree char *got = sum(n, &gpa, 1);

    g_assert_nonnull(n->held);
    if (strcmp(got, n->held)) {
        g_test_message("%s: the sum is %s, not %s", row, got, n->held);
        g_test_fail();
    }
}

/* The device reads @iova, which is @gpa. */
static void load(Nest *n, uint64_t iova, uint64_t gpa)
{
    fill(n, gpa, NYX_PAGE);
    g_free(n->held);
    n->held = sum(n, &gpa, 1);
    nyx_edu_load(&n->edu, iova, NYX_PAGE);
}

/* What it read last is written there. */
static void expect_write(Nest *n, const char *row, uint64_t iova,
                         uint64_t gpa)
{
    qtest_memset(n->qts, gpa, 0, NYX_PAGE);
    nyx_edu_store(&n->edu, iova, NYX_PAGE);
    check_held(n, row, gpa);
}

static void expect_moved(Nest *n, const char *row, uint64_t from,
                         uint64_t from_gpa, uint64_t to, uint64_t to_gpa)
{
    load(n, from, from_gpa);
    expect_write(n, row, to, to_gpa);
}

/* It can be read, and be written. */
static void expect_page(Nest *n, const char *row, uint64_t iova, uint64_t gpa)
{
    expect_moved(n, row, iova, gpa, iova, gpa);
}

/* A request of one word: each one that is refused is reported. */
#define WORD        4

/*
 * Of VT-d's faults Linux reports three in five seconds, from the first one on.
 * Those that it need not report are not asked of it, and what might belong to
 * this time or to the next one waits.
 */
#define FAULTS      3
#define SAME_MS     4500
#define OTHER_MS    5400

static void refused(Nest *n, uint64_t iova, bool write)
{
    static int64_t since;
    static unsigned count;
    int64_t age = g_get_monotonic_time() / 1000 - since;

    if (age > SAME_MS && age < OTHER_MS) {
        g_usleep((OTHER_MS - age) * 1000);
    }
    if (write) {
        nyx_edu_store(&n->edu, iova, WORD);
    } else {
        nyx_edu_load(&n->edu, iova, WORD);
    }
    if (age > SAME_MS) {
        since = g_get_monotonic_time() / 1000;
        count = 0;
    }
    if (count++ < FAULTS) {
        g_print("# blocked 0x%" PRIx64 " %s\n", iova,
                write ? "write" : "read");
    }
}

/* @gpa: where it went before. */
static void expect_no_write(Nest *n, const char *row, uint64_t iova,
                            uint64_t gpa)
{
    uint32_t before = 0x5ec2e7, after;

    qtest_writel(n->qts, gpa, before);
    refused(n, iova, true);
    after = qtest_readl(n->qts, gpa);
    NYX_CHECK(row, after, before);
}

/* Whatever the device has got then, it is not what is there. */
static void expect_no_read(Nest *n, const char *row, uint64_t iova,
                           uint64_t gpa)
{
    uint32_t secret = 0x5ec2e7;

    qtest_writel(n->qts, gpa, secret);
    refused(n, iova, false);
    g_clear_pointer(&n->held, g_free);
    nyx_edu_store(&n->edu, MAIL, WORD);
    NYX_CHECK(row, qtest_readl(n->qts, n->mail) == secret, false);
}

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
        from[PAGES - 1 - k] = nyx_pc_pages(n->pc, 1);
        nyx_pc_pages(n->pc, 1);
        to[k] = nyx_pc_pages(n->pc, 1);
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
    g_assert_cmpstr(got, ==, sent);
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
    if (n->iommu.model->requests) {
        unmap(n, HOME, iova, LG2_4K);
    }
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
    expect_page(n, "mapped", iova, gpa);
    unmap(n, HOME, iova, LG2_4K);
    flush(n, iova, LG2_4K);
    expect_no_write(n, "write", iova, gpa);
    expect_no_read(n, "read", iova, gpa);
}

/* A leaf of 2 MiB becomes a table under one invalidation, and a leaf again. */
static void test_large(gconstpointer data)
{
    /* Of the pages: where they were, elsewhere, nowhere. */
    enum { STAYS = 1, MOVES = 5, GOES = 9, LAST = 511 };
    Nest *n = nest_for(data);
    uint64_t large = nyx_pc_pages(n->pc, 512), other;

    map(n, HOME, LARGE, large, LG2_2M, RW);
    flush(n, LARGE, LG2_2M);
    expect_page(n, "leaf", LARGE + MOVES * NYX_PAGE, large + MOVES * NYX_PAGE);

    unmap(n, HOME, LARGE, LG2_2M);
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

    if (n->iommu.model->requests) {
        unmap(n, HOME, LARGE, LG2_2M);
    }
    map(n, HOME, LARGE, large, LG2_2M, RW);
    flush(n, LARGE, LG2_2M);
    expect_moved(n, "leaf again", LARGE + GOES * NYX_PAGE,
                 large + GOES * NYX_PAGE, LARGE + MOVES * NYX_PAGE,
                 large + MOVES * NYX_PAGE);
    unmap(n, HOME, LARGE, LG2_2M);
    flush(n, LARGE, LG2_2M);
    expect_no_write(n, "gone", LARGE, large);
}

/* Contiguous pages come as one; then one of them goes, and another comes. */
static void test_split(gconstpointer data)
{
    enum { PAGES = 16, GOES = 6 };
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x300000;
    uint64_t gpa = nyx_pc_pages(n->pc, PAGES), other;

    mode(n, AWAY);
    for (unsigned k = 0; k < PAGES; k++) {
        map(n, HOME, iova + k * NYX_PAGE, gpa + k * NYX_PAGE, LG2_4K, RW);
    }
    flush(n, iova, LG2_64K);
    mode(n, HOME);
    expect_moved(n, "whole", iova, gpa, iova + GOES * NYX_PAGE,
                 gpa + GOES * NYX_PAGE);
    unmap(n, HOME, iova + GOES * NYX_PAGE, LG2_4K);
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
    uint64_t gpa = nyx_pc_pages(n->pc, 1);

    map(n, HOME, iova, 0, LG2_1G, RW);
    flush(n, iova, LG2_1G);
    expect_page(n, "memory", iova + gpa, gpa);
    expect_no_write(n, "behind memory", iova + RAM_MIB * NYX_MIB, gpa);
    unmap(n, HOME, iova, LG2_1G);
    flush(n, iova, LG2_1G);
    expect_no_write(n, "gone", iova + gpa, gpa);
}

/* Around the addresses of interrupts, which no mapping of ours is for. */
static void test_interrupts(gconstpointer data)
{
    enum { MIB = 256 };
    Nest *n = nest_for(data);
    uint64_t iova = 0xfee00000;
    uint64_t gpa = nyx_pc_pages(n->pc, 512);

    map(n, HOME, iova, gpa, LG2_2M, RW);
    map(n, HOME, iova - 2 * NYX_MIB, gpa, LG2_2M, RW);
    flush(n, iova - 2 * NYX_MIB, LG2_2M + 1);
    expect_moved(n, "around", iova - NYX_PAGE, gpa + 511 * NYX_PAGE,
                 iova + MIB * NYX_PAGE, gpa + MIB * NYX_PAGE);
    unmap(n, HOME, iova, LG2_2M);
    unmap(n, HOME, iova - 2 * NYX_MIB, LG2_2M);
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
    mode(n, AWAY);
    expect_write(n, "away", iova, away);
    expect_no_write(n, "of the other domain", iova + NYX_PAGE, only);
    mode(n, HOME);
    expect_write(n, "home again", iova + NYX_PAGE, only);
}

/* By way of each of the others, with mappings that stay in force. */
static void test_modes(gconstpointer data)
{
    static const struct {
        const char *name;
        NyxMode mode;
        bool direct;
    } rows[] = {
        { "pass-through", PASS, true },
        { "blocked", BLOCKED, false },
        { "off", OFF, true },
        { "tables of a guest", GUEST, false },
    };
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x500000;
    uint64_t gpa = nyx_pc_pages(n->pc, 1);

    map(n, HOME, iova, gpa, LG2_4K, RW);
    flush(n, iova, LG2_4K);
    load(n, iova, gpa);
    if (n->iommu.model->has_guest) {
        map(n, GUEST, iova, gpa, LG2_4K, RW);
    }
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++) {
        if (rows[k].mode == GUEST && !n->iommu.model->has_guest) {
            continue;
        }
        mode(n, rows[k].mode);
        if (rows[k].direct) {
            expect_write(n, rows[k].name, gpa, gpa);
        }
        expect_no_write(n, rows[k].name, iova, gpa);
        mode(n, HOME);
        if (rows[k].mode == OFF && n->iommu.model->requests) {
            map(n, HOME, iova, gpa, LG2_4K, RW);
            map(n, HOME, MAIL, n->mail, LG2_4K, RW);
        }
        expect_write(n, rows[k].name, iova, gpa);
    }
}

/* The last one with a machine: all is forgotten, and can be made anew. */
static void test_reset(gconstpointer data)
{
    Nest *n = nest_for(data);
    uint64_t iova = IOVA + 0x600000;
    uint64_t gpa = map_page(n, HOME, iova, RW);

    flush(n, iova, LG2_4K);
    load(n, iova, gpa);
    expect_write(n, "before", iova, gpa);
    nyx_iommu_end(&n->iommu);
    qtest_system_reset(n->qts);
    nyx_edu_enable(&n->edu);
    expect_page(n, "direct", gpa, gpa);
    expect_no_write(n, "mapping", iova, gpa);
    n->iommu = nyx_iommu_start(n->setup->model, n->pc, SID);
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
    g_autofree char *args = g_strdup_printf("-m %u -M q35 -device %s "
                                            "-device vfio-pci,host=%s,addr=5",
                                            RAM_MIB, device,
                                            getenv("NYX_NESTED_DEVICE"));
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
        { "nyx-vtd,caching-mode=on,aw-bits=57", "nyx-vtd", 57, "aw-bits", { 48, 39 } },
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

/* Its driver is told of the host's ranges, and a MAP elsewhere is refused. */
static void test_reserved(gconstpointer data)
{
    Nest *n = nest_for(data);
    QVio *v = n->iommu.state;
    unsigned size = qvio_cfg32(v, QVIO_CFG_PROBE_SIZE);
    g_autofree uint8_t *properties = g_malloc(size);
    uint64_t end = qvio_cfg64(v, QVIO_CFG_INPUT_END);

    NYX_CHECK("PROBE", qvio_probe(v, SID, properties, size), QVIO_S_OK);
    for (unsigned k = 0; k < host_range_count; k++) {
        uint64_t first = host_ranges[k].last + 1;
        uint64_t last = k + 1 < host_range_count ? host_ranges[k + 1].first - 1
                                                 : end;

        if (first && first <= end) {
            NYX_CHECK("reserved", is_reserved(properties, size, first, last),
                      true);
            NYX_CHECK("MAP", qvio_map(v, HOME, first, first + NYX_PAGE - 1,
                                      n->mail, QVIO_MAP_RW), QVIO_S_INVAL);
        }
    }
}

/* --- The list ------------------------------------------------------------- */

/* Which setups a test is for. */
enum {
    WHOLE = 1,               /* nyx-vtd in legacy mode, nyx-amdvi */
    SCALABLE = 2,
    REQUESTS = 4,
    APART = 8,               /* coalesce=off */
    ALL = WHOLE | SCALABLE | REQUESTS,
};

static const struct {
    const char *name;
    void (*fn)(gconstpointer data);
    unsigned setups;
} tests[] = {
    { "copy", test_copy, ALL },
    { "remap", test_remap, ALL },
    { "unmap", test_unmap, ALL },
    { "large", test_large, ALL },
    { "split", test_split, ALL | APART },
    { "wide", test_wide, WHOLE | REQUESTS },
    { "interrupts", test_interrupts, WHOLE },
    { "reserved", test_reserved, REQUESTS },
    { "domains", test_domains, ALL },
    { "modes", test_modes, ALL },
    { "reset", test_reset, ALL },
};

static void add_tests(const NyxModel *model, bool coalesce)
{
    Setup *setup = g_new0(Setup, 1);
    unsigned kind = model->requests ? REQUESTS
                  : model->scalable ? SCALABLE : WHOLE;

    *setup = (Setup) { model, coalesce };
    for (unsigned k = 0; k < ARRAY_SIZE(tests); k++) {
        g_autofree char *path = g_strdup_printf("/nyx-nested/%s%s/%s",
                                                model->name, coalesce ? "" :
                                                "-coalesce-off",
                                                tests[k].name);
        if (tests[k].setups & (coalesce ? kind : APART)) {
            qtest_add_data_func(path, setup, tests[k].fn);
        }
    }
}

int main(int argc, char **argv)
{
    const char *device = getenv("NYX_NESTED_DEVICE");
    int status;

    g_test_init(&argc, &argv, NULL);
    if (!device) {
        g_print("1..0 # SKIP NYX_NESTED_DEVICE is not set: this is for a "
                "guest, see tests/guest/README.rst\n");
        return 0;
    }
    host_range_count = nyx_host_ranges(device, host_ranges);
    for (unsigned k = 0; k < host_range_count; k++) {
        g_print("# host 0x%" PRIx64 "-0x%" PRIx64 "\n", host_ranges[k].first,
                host_ranges[k].last);
    }
    for (const NyxModel *m = nyx_models; m->name; m++) {
        add_tests(m, true);
        /* Scalable mode announces what legacy mode does. */
        if (!m->scalable) {
            add_tests(m, false);
        }
    }
    qtest_add_func("/nyx-nested/caching", test_caching);
    qtest_add_func("/nyx-nested/width", test_width);
    status = g_test_run();
    nest_end();
    return status;
}
