/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with one of our IOMMUs and a device of the host, an edu, which is
 * in a slot.  Its DMA, and what has to come of it.
 */
#ifndef TESTS_NYX_NESTED_FIXTURE_H
#define TESTS_NYX_NESTED_FIXTURE_H

#include "libqos/nyx-amdvi-guest.h"
#include "libqos/nyx-edu.h"
#include "libqos/nyx-vfio.h"
#include "libqos/nyx-vtd-scalable.h"

#define PORT        NYX_SID(0, 10, 0)
#define SID         NYX_SID(1, 0, 0)
#define SLOT                                                                \
    " -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"            \
    " -device pcie-root-port,id=rp,chassis=1,addr=a"

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

/* Domains, and guest tables that nobody can follow. */
#define HOME        NYX_DOM_A
#define AWAY        NYX_DOM_B
#define GUEST_DID   20
#define GUEST_LEVELS 4

/* What a machine is started with. */
typedef struct Setup {
    const NyxVfioModel *model;
    const char *options;
    bool apart;              /* each page is a mapping: coalesce=off */
} Setup;

typedef struct Nest {
    const Setup *setup;
    NyxVfio v;
    QTestState *qts;
    NyxEdu edu;
    uint64_t mail;           /* memory that MAIL is mapped to */
    uint32_t seed;           /* of the data that was made last */
    char *held;              /* sum of what the device read last */
    /* Of the host's reports: when they began, and how many. */
    int64_t reported_since;
    unsigned reported;
} Nest;

/* Tests of one setup share a machine: starting one takes a second. */
static Nest nest;

/* --- Memory --------------------------------------------------------------- */

/* Bytes that were never there before. */
static inline void fill(Nest *n, uint64_t gpa, unsigned len)
{
    g_autofree uint8_t *bytes = g_malloc(len);
    g_autoptr(GRand) rand = g_rand_new_with_seed(++n->seed);

    for (unsigned k = 0; k < len; k++) {
        bytes[k] = g_rand_int(rand);
    }
    qtest_memwrite(n->qts, gpa, bytes, len);
}

/* The sum of pages of memory, in this order. */
static inline char *sum(Nest *n, const uint64_t *gpa, unsigned count)
{
    g_autofree uint8_t *bytes = g_malloc(count * NYX_PAGE);

    for (unsigned k = 0; k < count; k++) {
        qtest_memread(n->qts, gpa[k], bytes + k * NYX_PAGE, NYX_PAGE);
    }
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes,
                                       count * NYX_PAGE);
}

/* --- Mappings ------------------------------------------------------------- */

static inline void map(Nest *n, NyxVfioDomain dom, uint64_t iova, uint64_t gpa,
                       unsigned lg2, unsigned rw)
{
    n->v.model->map(&n->v, dom, iova, gpa, 1ull << lg2, lg2, rw);
}

static inline void unmap(Nest *n, uint64_t iova, unsigned lg2)
{
    n->v.model->unmap(&n->v, HOME, iova, 1ull << lg2, lg2);
}

static inline void flush(Nest *n, uint64_t iova, unsigned lg2)
{
    n->v.model->flush(&n->v, HOME, iova, lg2);
}

/* Requests do not replace what is mapped. */
static inline void make_room(Nest *n, uint64_t iova, unsigned lg2)
{
    if (!n->v.model->tables) {
        unmap(n, iova, lg2);
    }
}

/* A new page there. */
static inline uint64_t map_page(Nest *n, NyxVfioDomain dom, uint64_t iova,
                                unsigned rw)
{
    uint64_t gpa = nyx_pc_pages(n->v.pc, 1);

    map(n, dom, iova, gpa, LG2_4K, rw);
    return gpa;
}

/* --- Where DMA goes ------------------------------------------------------- */

static inline void go(Nest *n, NyxVfioDomain dom)
{
    n->v.model->attach(&n->v, SID, dom);
}

static inline void go_home(Nest *n)
{
    go(n, HOME);
}

static inline void go_through(Nest *n)
{
    n->v.model->pass(&n->v, SID);
}

static inline void go_nowhere(Nest *n)
{
    n->v.model->block(&n->v, SID);
}

/* The driver of a paravirtual one resets it, with bypass. */
static inline void switch_off(Nest *n)
{
    if (n->v.model->switchable) {
        n->v.model->translate(&n->v, false);
    } else {
        qvio_set_bypass(n->v.vio, 1);
        qvio_reset(n->v.vio);
    }
}

/* The first stage of VT-d and AMD-Vi's guest tables, with @iova mapped. */
static inline void go_guest(Nest *n, uint64_t iova, uint64_t gpa)
{
    if (n->v.amd) {
        QAmdGuest guest = qamd_guest(n->v.amd, 0, GUEST_LEVELS);

        qamd_control(n->v.amd, 0, QAMD_GTEN);
        qamd_guest_map(&guest, 0, iova, gpa, LG2_4K, QAMD_GRWU);
        qamd_guest_attach(&guest, SID, GUEST_DID, QAMD_DTE0_GIOV, 0);
        qamd_flush_dte(n->v.amd, SID);
        qamd_flush(n->v.amd);
    } else {
        QVtdSpace space = qvtd_space(n->v.vtd, SID, 0, QVTD_FIRST, GUEST_DID,
                                     GUEST_LEVELS);

        qvtd_fs_map(&space, iova, gpa, LG2_4K, QVTD_FS_USER);
        qvtd_flush_scalable(n->v.vtd);
    }
}

/* --- The machine ---------------------------------------------------------- */

/* The device is at home, where nothing but MAIL is mapped. */
static inline void settle(Nest *n)
{
    n->mail = map_page(n, HOME, MAIL, RW);
    flush(n, MAIL, LG2_4K);
    go_home(n);
}

static inline void find_device(Nest *n)
{
    nyx_pci_bridge(n->v.pc, PORT, 1, 1);
    n->edu = nyx_edu_get(n->v.pc->pci, SID);
}

static inline void nest_end(void)
{
    if (nest.setup) {
        nyx_edu_put(&nest.edu);
        nyx_vfio_end(&nest.v);
        g_clear_pointer(&nest.held, g_free);
        nest.setup = NULL;
    }
}

static inline const char *device_address(void)
{
    return getenv("NYX_NESTED_DEVICE");
}

static inline bool has_iommufd(void)
{
    return getenv("NYX_NESTED_IOMMUFD");
}

/* @more: ",bus=rp" */
static inline char *device_options(const char *more)
{
    return g_strdup_printf("%s -device vfio-pci,id=hot,host=%s%s%s",
                           has_iommufd() ? " -object iommufd,id=fd" : "",
                           device_address(), more,
                           has_iommufd() ? ",iommufd=fd" : "");
}

static inline Nest *nest_for(const Setup *setup)
{
    g_autofree char *device = NULL, *more = NULL;

    if (nest.setup == setup) {
        return &nest;
    }
    nest_end();
    device = device_options(",bus=rp");
    more = g_strconcat(SLOT, device, NULL);
    nest.setup = setup;
    nest.v = nyx_vfio_start(setup->model, setup->options, "", more);
    nest.qts = nest.v.qts;
    find_device(&nest);
    go_nowhere(&nest);
    settle(&nest);
    return &nest;
}

/* As they are when the device comes there. */
static inline uint64_t mappings_at_home(Nest *n)
{
    go(n, AWAY);
    go_home(n);
    return nyx_vfio_stat(&n->v, "announced.mappings");
}

/* --- DMA ------------------------------------------------------------------ */

static inline void check_sums(const char *row, const char *got,
                              const char *want)
{
    if (strcmp(got, want)) {
        g_test_message("%s: the sum is %s, not %s", row, got, want);
        g_test_fail();
    }
}

/* @gpa holds the page that the device has in its buffer. */
static inline void check_held(Nest *n, const char *row, uint64_t gpa)
{
    g_autofree char *got = sum(n, &gpa, 1);

    check_sums(row, got, n->held);
}

/* The device reads @iova, which is @gpa. */
static inline void load(Nest *n, uint64_t iova, uint64_t gpa)
{
    fill(n, gpa, NYX_PAGE);
    g_free(n->held);
    n->held = sum(n, &gpa, 1);
    nyx_edu_load(&n->edu, iova, NYX_PAGE);
}

/* What it read last is written there. */
static inline void expect_write(Nest *n, const char *row, uint64_t iova,
                                uint64_t gpa)
{
    if (!n->held) {
        load(n, MAIL, n->mail);
    }
    qtest_memset(n->qts, gpa, 0, NYX_PAGE);
    nyx_edu_store(&n->edu, iova, NYX_PAGE);
    check_held(n, row, gpa);
}

static inline void expect_moved(Nest *n, const char *row, uint64_t from,
                                uint64_t from_gpa, uint64_t to, uint64_t to_gpa)
{
    load(n, from, from_gpa);
    expect_write(n, row, to, to_gpa);
}

/* It can be read, and be written. */
static inline void expect_page(Nest *n, const char *row, uint64_t iova,
                               uint64_t gpa)
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
#define SAME_MS     4600
#define SURE_MS     4900
#define OTHER_MS    5400

static inline int64_t now_ms(void)
{
    return g_get_monotonic_time() / 1000;
}

/* Before a request that will be refused. */
static inline void report_begin(Nest *n)
{
    int64_t age = now_ms() - n->reported_since;

    if (age > SAME_MS) {
        g_usleep(MAX(OTHER_MS - age, 0) * 1000);
        n->reported = 0;
    }
}

/* Nobody can tell which time a request was in: that time passes. */
static inline void report_unsure(Nest *n)
{
    g_usleep(OTHER_MS * 1000);
    n->reported = 0;
}

static inline void report_end(Nest *n, uint64_t iova, bool write)
{
    bool first = !n->reported;

    if (first) {
        n->reported_since = now_ms();
    }
    if (n->reported++ < FAULTS) {
        g_print("# blocked 0x%" PRIx64 " %s\n", iova,
                write ? "write" : "read");
    }
    if (!first && now_ms() - n->reported_since > SURE_MS) {
        report_unsure(n);
    }
}

/* @gpa: where it went before. */
static inline void expect_no_write(Nest *n, const char *row, uint64_t iova,
                                   uint64_t gpa)
{
    uint32_t before = 0x5ec2e7, after;

    qtest_writel(n->qts, gpa, before);
    report_begin(n);
    nyx_edu_store(&n->edu, iova, WORD);
    report_end(n, iova, true);
    after = qtest_readl(n->qts, gpa);
    NYX_CHECK(row, after, before);
}

/* Whatever the device has got then, it is not what is there. */
static inline void expect_no_read(Nest *n, const char *row, uint64_t iova,
                                  uint64_t gpa)
{
    uint32_t secret = 0x5ec2e7;

    qtest_writel(n->qts, gpa, secret);
    report_begin(n);
    nyx_edu_load(&n->edu, iova, WORD);
    report_end(n, iova, false);
    g_clear_pointer(&n->held, g_free);
    nyx_edu_store(&n->edu, MAIL, WORD);
    NYX_CHECK(row, qtest_readl(n->qts, n->mail) == secret, false);
}

#endif
