/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a consumer in the manner of VFIO is told of nyx-vtd's mappings.  The
 * test device keeps them, and objects as a container of VFIO would.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-vtd.h"

#define SID_A   NYX_SID(0, 4, 0)
#define DID_A   10
#define DID_B   11

#define IOVA    0x40000000ull

#define VFIO    (NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP)
#define DEVICES 4

#define FLUSH_PAGES(did)    (0xf2 | (uint64_t)(did) << 16)
#define FLUSH_DOMAIN(did)   (0xe2 | (uint64_t)(did) << 16)
#define FLUSH_ALL           0xd2ull
#define FLUSH_CONTEXT(did, sid) \
    (0x31 | (uint64_t)(did) << 16 | (uint64_t)(sid) << 32)

typedef struct Fx {
    QVtd *v;
    NyxTestdev td[DEVICES];
    QVtdDomain da, db;
    uint64_t ram;            /* 2 MiB of it, aligned */
} Fx;

static uint16_t sid(unsigned i)
{
    return SID_A + (i << 3);
}

/* A unit with @options; the devices are in no domain yet. */
static Fx fx_start(const char *options)
{
    Fx f = { };

    f.v = qvtd_start("-M q35 -device nyx-vtd,id=iommu,%s "
                     "-device nyx-testdev,id=a,addr=4 "
                     "-device nyx-testdev,id=b,addr=5 "
                     "-device nyx-testdev,id=c,addr=6 "
                     "-device nyx-testdev,id=d,addr=7", options);
    g_assert_true(qvtd_queue(f.v, 0));
    for (unsigned i = 0; i < DEVICES; i++) {
        f.td[i] = nyx_td_get(f.v->pc->pci, sid(i));
    }
    g_assert_true(qvtd_enable(f.v));
    f.da = qvtd_domain(f.v, DID_A, 4);
    f.db = qvtd_domain(f.v, DID_B, 4);
    f.ram = nyx_pc_pages(f.v->pc, 512);
    return f;
}

/* The same with the first device in domain A, listening. */
static Fx fx_listen(const char *options)
{
    Fx f = fx_start(options);

    qvtd_attach(f.v, SID_A, &f.da, 0);
    NYX_CHECK("listens", nyx_td_notify(&f.td[0], VFIO) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    return f;
}

static void fx_end(Fx *f)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        NYX_CHECK("objections", nyx_td_r32(&f->td[i], NYX_TD_NOTIFY_ERRORS),
                  0);
        nyx_td_put(&f->td[i]);
    }
    qvtd_end(f->v);
}

static void submit(Fx *f, uint64_t lo, uint64_t hi)
{
    g_assert_true(qvtd_submit(f->v, lo, hi));
}

static void map(Fx *f, const QVtdDomain *dom, uint64_t iova, unsigned n,
                uint64_t gpa)
{
    for (unsigned i = 0; i < n; i++) {
        qvtd_map(f->v, dom, iova + i * NYX_PAGE, gpa + i * NYX_PAGE, 12, 3);
    }
}

static void unmap(Fx *f, const QVtdDomain *dom, uint64_t iova, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        qtest_writeq(f->v->qts,
                     qvtd_entry(f->v, dom, iova + i * NYX_PAGE, 1), 0);
    }
}

/* Events since the last time, and what they came to. */
static void expect(Fx *f, unsigned i, const char *row, unsigned maps,
                   unsigned unmaps, unsigned mappings, uint64_t bytes)
{
    const NyxTestdev *td = &f->td[i];

    NYX_CHECK(row, nyx_td_r64(td, NYX_TD_NOTIFY_MAPS), maps);
    NYX_CHECK(row, nyx_td_r64(td, NYX_TD_NOTIFY_UNMAPS), unmaps);
    NYX_CHECK(row, nyx_td_r32(td, NYX_TD_SHADOW_COUNT), mappings);
    NYX_CHECK(row, nyx_td_r64(td, NYX_TD_SHADOW_BYTES), bytes);
    NYX_CHECK(row, nyx_td_r32(td, NYX_TD_NOTIFY_ERRORS), 0);
    nyx_td_w32(td, NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_CLEAR);
}

static void expect_mapping(Fx *f, unsigned i, const char *row, uint64_t iova,
                           uint64_t len, uint64_t addr, uint32_t perm)
{
    NyxTdMapping m = nyx_td_shadow_find(&f->td[i], iova);

    NYX_CHECK(row, m.len, len);
    if (len) {
        NYX_CHECK(row, m.iova, iova);
        NYX_CHECK(row, m.addr, addr);
        NYX_CHECK(row, m.perm, perm);
    }
}

static void test_pages(void)
{
    Fx f = fx_listen("caching-mode=on");

    expect(&f, 0, "nothing", 0, 0, 0, 0);
    map(&f, &f.da, IOVA, 1, f.ram);
    expect(&f, 0, "not invalidated", 0, 0, 0, 0);
    submit(&f, FLUSH_PAGES(DID_B), IOVA);
    expect(&f, 0, "another domain", 0, 0, 0, 0);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    expect(&f, 0, "map", 1, 0, 1, NYX_PAGE);
    expect_mapping(&f, 0, "map", IOVA, NYX_PAGE, f.ram, 3);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    expect(&f, 0, "again", 0, 0, 1, NYX_PAGE);

    unmap(&f, &f.da, IOVA, 1);
    submit(&f, FLUSH_PAGES(DID_A), IOVA + NYX_PAGE);
    expect(&f, 0, "neighbour", 0, 0, 1, NYX_PAGE);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    expect(&f, 0, "unmap", 0, 1, 0, 0);

    /* Another address, then other rights, without a hole in between. */
    map(&f, &f.da, IOVA, 1, f.ram);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    map(&f, &f.da, IOVA, 1, f.ram + NYX_PAGE);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    expect(&f, 0, "moved", 2, 1, 1, NYX_PAGE);
    expect_mapping(&f, 0, "moved", IOVA, NYX_PAGE, f.ram + NYX_PAGE, 3);
    qvtd_map(f.v, &f.da, IOVA, f.ram + NYX_PAGE, 12, 1);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    expect(&f, 0, "read only", 1, 1, 1, NYX_PAGE);
    expect_mapping(&f, 0, "read only", IOVA, NYX_PAGE, f.ram + NYX_PAGE, 1);
    fx_end(&f);
}

/* 2 MiB in one go: one event each way, and pieces when a page of it goes. */
static void test_coalesced(void)
{
    Fx f = fx_listen("caching-mode=on");

    map(&f, &f.da, IOVA, 512, f.ram);
    submit(&f, FLUSH_PAGES(DID_A), IOVA | 9);
    expect(&f, 0, "one", 1, 0, 1, 2 * NYX_MIB);
    unmap(&f, &f.da, IOVA, 1);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    /* 4 KiB, 8 KiB, ... 1 MiB stay. */
    expect(&f, 0, "split", 9, 1, 9, 511 * NYX_PAGE);
    expect_mapping(&f, 0, "split", IOVA + NYX_MIB, NYX_MIB, f.ram + NYX_MIB,
                   3);
    map(&f, &f.da, IOVA, 1, f.ram);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    expect(&f, 0, "never merged", 1, 0, 10, 2 * NYX_MIB);
    unmap(&f, &f.da, IOVA, 512);
    submit(&f, FLUSH_PAGES(DID_A), IOVA | 9);
    expect(&f, 0, "gone", 0, 1, 0, 0);
    fx_end(&f);
}

static void test_coalesce_off(void)
{
    Fx f = fx_listen("caching-mode=on,coalesce=off");

    map(&f, &f.da, IOVA, 512, f.ram);
    submit(&f, FLUSH_PAGES(DID_A), IOVA | 9);
    expect(&f, 0, "each", 512, 0, 512, 2 * NYX_MIB);
    unmap(&f, &f.da, IOVA + NYX_PAGE, 1);
    submit(&f, FLUSH_PAGES(DID_A), IOVA + NYX_PAGE);
    expect(&f, 0, "one page", 0, 1, 511, 511 * NYX_PAGE);
    unmap(&f, &f.da, IOVA, 512);
    submit(&f, FLUSH_PAGES(DID_A), IOVA | 9);
    expect(&f, 0, "gone", 0, 1, 0, 0);
    fx_end(&f);
}

/* Domain and global: everything is compared, only differences are sent. */
static void test_wide(void)
{
    static const struct {
        const char *name;
        uint64_t lo;
    } rows[] = {
        { "domain", FLUSH_DOMAIN(DID_A) },
        { "global", FLUSH_ALL },
    };
    Fx f = fx_listen("caching-mode=on");
    const uint64_t far = 0x7f0000000000ull;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *row = rows[i].name;

        map(&f, &f.da, IOVA, 3, f.ram);
        map(&f, &f.da, far, 1, f.ram);
        submit(&f, FLUSH_DOMAIN(DID_B), 0);
        expect(&f, 0, row, 0, 0, 0, 0);
        submit(&f, rows[i].lo, 0);
        expect(&f, 0, row, 3, 0, 3, 4 * NYX_PAGE);
        submit(&f, rows[i].lo, 0);
        expect(&f, 0, row, 0, 0, 3, 4 * NYX_PAGE);
        unmap(&f, &f.da, IOVA + 2 * NYX_PAGE, 1);
        submit(&f, rows[i].lo, 0);
        expect(&f, 0, row, 0, 1, 2, 3 * NYX_PAGE);
        unmap(&f, &f.da, IOVA, 2);
        unmap(&f, &f.da, far, 1);
        submit(&f, rows[i].lo, 0);
        /* One range, in the powers of two that it takes. */
        NYX_CHECK(row, nyx_td_r64(&f.td[0], NYX_TD_NOTIFY_UNMAPS) < 40, true);
        expect(&f, 0, row, 0, nyx_td_r64(&f.td[0], NYX_TD_NOTIFY_UNMAPS), 0,
               0);
    }
    fx_end(&f);
}

/* A large leaf becomes a table of pages under one page's invalidation. */
static void test_large_leaf(void)
{
    Fx f = fx_listen("caching-mode=on");
    uint64_t table = nyx_pc_pages(f.v->pc, 1);
    uint64_t entry = qvtd_entry(f.v, &f.da, IOVA, 2);

    qvtd_map(f.v, &f.da, IOVA, f.ram, 21, 3);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    expect(&f, 0, "leaf", 1, 0, 1, 2 * NYX_MIB);
    for (unsigned i = 0; i < 512; i++) {
        qtest_writeq(f.v->qts, table + i * 8,
                     i == 7 ? 0 : (f.ram + i * NYX_PAGE) | 3);
    }
    qtest_writeq(f.v->qts, entry, table | 3);
    /* Any page of the leaf: the whole of it is dropped (6.5.2.3). */
    submit(&f, FLUSH_PAGES(DID_A), IOVA + 300 * NYX_PAGE);
    NYX_CHECK("table", nyx_td_r64(&f.td[0], NYX_TD_SHADOW_BYTES),
              511 * NYX_PAGE);
    expect_mapping(&f, 0, "hole", IOVA + 7 * NYX_PAGE, 0, 0, 0);
    expect_mapping(&f, 0, "half", IOVA + NYX_MIB, NYX_MIB, f.ram + NYX_MIB, 3);
    nyx_td_w32(&f.td[0], NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_CLEAR);

    /* And back, the whole range: the pages' mappings are right already. */
    qvtd_map(f.v, &f.da, IOVA, f.ram, 21, 3);
    submit(&f, FLUSH_PAGES(DID_A), IOVA | 9);
    expect(&f, 0, "leaf again", 1, 0, 10, 2 * NYX_MIB);
    fx_end(&f);
}

/* The part of a mapping that is not RAM is left out, without a word. */
static void test_not_ram(void)
{
    Fx f = fx_listen("caching-mode=on");

    /* The IOAPIC, and nothing. */
    map(&f, &f.da, IOVA, 512, 0xfec00000);
    submit(&f, FLUSH_PAGES(DID_A), IOVA | 9);
    NYX_CHECK("no RAM", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    map(&f, &f.da, IOVA, 512, NYX_PC_RAM - NYX_MIB);
    submit(&f, FLUSH_PAGES(DID_A), IOVA | 9);
    NYX_CHECK("end of RAM", nyx_td_r64(&f.td[0], NYX_TD_SHADOW_BYTES),
              NYX_MIB);
    unmap(&f, &f.da, IOVA, 512);
    submit(&f, FLUSH_PAGES(DID_A), IOVA | 9);
    NYX_CHECK("gone", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    fx_end(&f);
}

/* The interrupt range is a hole in the listener's region and in outputs. */
static void test_window(void)
{
    Fx f = fx_listen("caching-mode=on");

    NYX_CHECK("sections", nyx_td_r32(&f.td[0], NYX_TD_NOTIFY_STATUS) >>
              NYX_TD_NOTIFY_ST_IOMMU_SHIFT & 0xff, 2);
    /* 64 MiB of identity around it, RAM below: two notifiers' shares. */
    for (unsigned i = 0; i < 32; i++) {
        qvtd_map(f.v, &f.da, 0xfc000000 + i * 2 * NYX_MIB,
                 2 * NYX_MIB * (8 + i), 21, 3);
    }
    submit(&f, FLUSH_PAGES(DID_A), 0xfc000000 | 14);
    NYX_CHECK("bytes", nyx_td_r64(&f.td[0], NYX_TD_SHADOW_BYTES), 63 * NYX_MIB);
    expect_mapping(&f, 0, "below", 0xfec00000, 2 * NYX_MIB, 60 * NYX_MIB, 3);
    expect_mapping(&f, 0, "window", 0xfee00000, 0, 0, 0);
    expect_mapping(&f, 0, "above", 0xfef00000, NYX_MIB, 63 * NYX_MIB, 3);
    for (unsigned i = 0; i < 32; i++) {
        qtest_writeq(f.v->qts, qvtd_entry(f.v, &f.da, 0xfc000000 +
                                          i * 2 * NYX_MIB, 2), 0);
    }
    submit(&f, FLUSH_PAGES(DID_A), 0xfc000000 | 14);
    NYX_CHECK("gone", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    fx_end(&f);
}

/* --- Contexts ------------------------------------------------------------- */

static void test_contexts(void)
{
    Fx f = fx_start("caching-mode=on");

    NYX_CHECK("listens", nyx_td_notify(&f.td[0], VFIO) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    map(&f, &f.da, IOVA, 2, f.ram);
    map(&f, &f.db, IOVA + NYX_PAGE, 2, f.ram);
    expect(&f, 0, "no context", 0, 0, 0, 0);

    /* Present now, which a unit with caching mode does not see by itself. */
    qvtd_attach(f.v, SID_A, &f.da, 0);
    submit(&f, FLUSH_DOMAIN(DID_A), 0);
    expect(&f, 0, "cached as not present", 0, 0, 0, 0);
    submit(&f, FLUSH_CONTEXT(0, SID_A), 0);
    expect(&f, 0, "domain A", 1, 0, 1, 2 * NYX_PAGE);
    submit(&f, FLUSH_DOMAIN(DID_A), 0);
    expect(&f, 0, "nothing new", 0, 0, 1, 2 * NYX_PAGE);

    /* To another domain. */
    qvtd_attach(f.v, SID_A, &f.db, 0);
    submit(&f, FLUSH_DOMAIN(DID_B), 0);
    submit(&f, FLUSH_CONTEXT(DID_A, sid(1)), 0);
    submit(&f, FLUSH_CONTEXT(DID_B, SID_A), 0);
    expect(&f, 0, "still A", 0, 0, 1, 2 * NYX_PAGE);
    submit(&f, FLUSH_CONTEXT(DID_A, SID_A), 0);
    expect(&f, 0, "domain B", 2, 1, 2, 2 * NYX_PAGE);
    submit(&f, 0x11, 0);
    submit(&f, FLUSH_ALL, 0);
    expect(&f, 0, "the same again", 0, 0, 2, 2 * NYX_PAGE);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    expect(&f, 0, "A is no longer its own", 0, 0, 2, 2 * NYX_PAGE);

    /* An entry in error maps nothing. */
    qvtd_context(f.v, SID_A, f.db.ss | 1, (uint64_t)DID_B << 8 | 7);
    submit(&f, 0x11, 0);
    NYX_CHECK("bad width", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    qvtd_attach(f.v, SID_A, &f.da, 0);
    submit(&f, 0x21 | 99 << 16, 0);
    NYX_CHECK("errors are not cached",
              nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 1);
    qvtd_context(f.v, SID_A, 0, 0);
    submit(&f, 0x21 | DID_A << 16, 0);
    NYX_CHECK("not present", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    fx_end(&f);
}

/* Four devices in one domain: one walk, each is told. */
static void test_shared(void)
{
    Fx f = fx_start("caching-mode=on");
    uint64_t tables;

    for (unsigned i = 0; i < DEVICES; i++) {
        qvtd_attach(f.v, sid(i), &f.da, 0);
        NYX_CHECK("listens", nyx_td_notify(&f.td[i], VFIO) & 0xff,
                  NYX_TD_NOTIFY_ST_ACTIVE);
    }
    NYX_CHECK("one shadow", qvtd_stat(f.v, "announced.page-tables"), 1);
    map(&f, &f.da, IOVA, 512, f.ram);
    tables = qvtd_stat(f.v, "announced.tables-read");
    submit(&f, FLUSH_PAGES(DID_A), IOVA | 9);
    NYX_CHECK("walks", qvtd_stat(f.v, "announced.tables-read") - tables, 4);
    NYX_CHECK("mappings", qvtd_stat(f.v, "announced.mappings"), 1);
    for (unsigned i = 0; i < DEVICES; i++) {
        expect(&f, i, "each", 1, 0, 1, 2 * NYX_MIB);
    }
    /* One leaves, the others do not notice. */
    qvtd_context(f.v, sid(2), 0, 0);
    submit(&f, FLUSH_CONTEXT(DID_A, sid(2)), 0);
    for (unsigned i = 0; i < DEVICES; i++) {
        expect(&f, i, "one leaves", 0, i == 2, i != 2,
               i == 2 ? 0 : 2 * NYX_MIB);
    }
    nyx_td_notify(&f.td[0], 0);
    unmap(&f, &f.da, IOVA, 512);
    submit(&f, FLUSH_ALL, 0);
    expect(&f, 1, "two are left", 0, 1, 0, 0);
    expect(&f, 3, "two are left", 0, 1, 0, 0);
    fx_end(&f);
}

/* --- Memory as it is ------------------------------------------------------ */

static unsigned ram_sections(Fx *f)
{
    return nyx_td_r32(&f->td[0], NYX_TD_NOTIFY_STATUS) >>
           NYX_TD_NOTIFY_ST_RAM_SHIFT & 0xff;
}

static unsigned iommu_sections(Fx *f)
{
    return nyx_td_r32(&f->td[0], NYX_TD_NOTIFY_STATUS) >>
           NYX_TD_NOTIFY_ST_IOMMU_SHIFT & 0xff;
}

static void check_direct(Fx *f, const char *row, bool direct)
{
    NYX_CHECK(row, ram_sections(f) != 0, direct);
    NYX_CHECK(row, iommu_sections(f) != 0, !direct);
}

static void test_pass_through(void)
{
    Fx f = fx_listen("caching-mode=on");

    map(&f, &f.da, IOVA, 1, f.ram);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    check_direct(&f, "translated", false);

    qvtd_attach(f.v, SID_A, &f.db, 2);
    check_direct(&f, "not invalidated", false);
    submit(&f, FLUSH_CONTEXT(DID_A, SID_A), 0);
    check_direct(&f, "pass-through", true);
    NYX_CHECK("pass-through", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    NYX_CHECK("DMA", nyx_td_writel(&f.td[0], f.ram, 0x1234), NYX_TD_ST_OK);
    NYX_CHECK("DMA", qtest_readl(f.v->qts, f.ram), 0x1234);

    qvtd_attach(f.v, SID_A, &f.da, 0);
    submit(&f, FLUSH_CONTEXT(DID_B, SID_A), 0);
    check_direct(&f, "translated again", false);
    expect_mapping(&f, 0, "translated again", IOVA, NYX_PAGE, f.ram, 3);

    /* Known beforehand when translation comes on. */
    qvtd_attach(f.v, SID_A, &f.db, 2);
    submit(&f, FLUSH_CONTEXT(DID_A, SID_A), 0);
    g_assert_true(qvtd_gcmd(f.v, QVTD_TE, false));
    check_direct(&f, "off", true);
    nyx_td_w32(&f.td[0], NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_CLEAR);
    g_assert_true(qvtd_gcmd(f.v, QVTD_TE, true));
    check_direct(&f, "on", true);
    NYX_CHECK("never left", nyx_td_r32(&f.td[0], NYX_TD_NOTIFY_REPLAYS), 0);

    /* Nobody listens any more: an emulated device like any other. */
    qvtd_attach(f.v, SID_A, &f.da, 0);
    submit(&f, FLUSH_CONTEXT(DID_B, SID_A), 0);
    nyx_td_notify(&f.td[0], 0);
    qvtd_attach(f.v, SID_A, &f.db, 2);
    submit(&f, FLUSH_CONTEXT(DID_A, SID_A), 0);
    nyx_td_notify(&f.td[0], NYX_TD_NOTIFY_UNMAP);
    check_direct(&f, "nobody to follow", false);
    nyx_td_notify(&f.td[0], 0);
    /* A listener that comes to a pass-through context. */
    nyx_td_notify(&f.td[0], VFIO);
    for (unsigned i = 0; i < NYX_POLLS && iommu_sections(&f); i++) {
        g_usleep(100);
    }
    check_direct(&f, "from the main loop", true);
    fx_end(&f);
}

/* A device of the host: a consumer is counted on before it is there. */
static void test_host(void)
{
    Fx f = { };

    f.v = qvtd_start("-M q35 -device nyx-vtd,id=iommu,caching-mode=on "
                     "-device nyx-testdev,addr=4,host-aw-bits=48");
    g_assert_true(qvtd_queue(f.v, 0));
    f.td[0] = nyx_td_get(f.v->pc->pci, SID_A);
    f.da = qvtd_domain(f.v, DID_A, 4);
    nyx_td_notify(&f.td[0], VFIO);
    check_direct(&f, "off", true);

    g_assert_true(qvtd_root(f.v, 0));
    qvtd_attach(f.v, SID_A, &f.da, 2);
    g_assert_true(qvtd_gcmd(f.v, QVTD_TE, true));
    check_direct(&f, "on", true);
    NYX_CHECK("at once", nyx_td_r32(&f.td[0], NYX_TD_NOTIFY_REPLAYS), 0);
    map(&f, &f.da, IOVA, 1, nyx_pc_pages(f.v->pc, 1));
    qvtd_attach(f.v, SID_A, &f.da, 0);
    submit(&f, 0x11, 0);
    check_direct(&f, "translated", false);
    expect(&f, 0, "translated", 1, 0, 1, NYX_PAGE);
    nyx_td_put(&f.td[0]);
    qvtd_end(f.v);
}

/* Protected memory cannot be cut out of pass-through: nothing is mapped. */
static void test_protected(void)
{
    Fx f = fx_listen("caching-mode=on");

    qvtd_attach(f.v, SID_A, &f.db, 2);
    submit(&f, FLUSH_CONTEXT(DID_A, SID_A), 0);
    check_direct(&f, "open", true);
    qvtd_w32(f.v, QVTD_PMEN, 1u << 31);
    check_direct(&f, "protected", false);
    NYX_CHECK("protected", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    qvtd_w32(f.v, QVTD_PMEN, 0);
    check_direct(&f, "open again", true);
    fx_end(&f);
}

/*
 * Where nothing is translated there are no mappings to know of, and nobody
 * asks for caching mode: not when protected memory has the region come on
 * either.  VFIO would end QEMU.
 */
static void test_protected_only(void)
{
    Fx f = { };

    f.v = qvtd_start("-M q35 -device nyx-vtd,id=iommu,dma-translation=off "
                     "-device nyx-testdev,addr=4,host-aw-bits=48");
    f.td[0] = nyx_td_get(f.v->pc->pci, SID_A);
    nyx_td_notify(&f.td[0], VFIO);
    check_direct(&f, "open", true);
    qvtd_w32(f.v, QVTD_PMEN, 1u << 31);
    check_direct(&f, "protected", false);
    NYX_CHECK("protected", nyx_td_r32(&f.td[0], NYX_TD_NOTIFY_STATUS) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    NYX_CHECK("protected", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    qvtd_w32(f.v, QVTD_PMEN, 0);
    check_direct(&f, "open again", true);
    nyx_td_put(&f.td[0]);
    qvtd_end(f.v);
}

static void test_enable(void)
{
    Fx f = fx_listen("caching-mode=on");

    map(&f, &f.da, IOVA, 1, f.ram);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    nyx_td_w32(&f.td[0], NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_CLEAR);
    g_assert_true(qvtd_gcmd(f.v, QVTD_TE, false));
    check_direct(&f, "off", true);
    NYX_CHECK("off", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    NYX_CHECK("off", qvtd_stat(f.v, "announced.page-tables"), 0);
    nyx_td_w32(&f.td[0], NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_CLEAR);

    /* What happens meanwhile is seen when it comes on. */
    map(&f, &f.da, IOVA + NYX_PAGE, 1, f.ram + NYX_PAGE);
    g_assert_true(qvtd_gcmd(f.v, QVTD_TE, true));
    check_direct(&f, "on", false);
    NYX_CHECK("replays", nyx_td_r32(&f.td[0], NYX_TD_NOTIFY_REPLAYS), 2);
    expect(&f, 0, "on", 1, 0, 1, 2 * NYX_PAGE);
    fx_end(&f);
}

static void test_reset(void)
{
    Fx f = fx_listen("caching-mode=on");

    map(&f, &f.da, IOVA, 1, f.ram);
    submit(&f, FLUSH_PAGES(DID_A), IOVA);
    qtest_qmp_assert_success(f.v->qts, "{ 'execute': 'system_reset' }");
    for (unsigned i = 0; i < NYX_POLLS &&
         (qvtd_r32(f.v, QVTD_GSTS) & 1u << QVTD_TE); i++) {
        g_usleep(100);
    }
    NYX_CHECK("page tables", qvtd_stat(f.v, "announced.page-tables"), 0);
    NYX_CHECK("mappings", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    fx_end(&f);
}

/* A new root table counts when contexts are invalidated. */
static void test_root(void)
{
    Fx f = fx_listen("caching-mode=on");
    uint64_t root = nyx_pc_pages(f.v->pc, 1);
    uint64_t contexts = nyx_pc_pages(f.v->pc, 1);

    map(&f, &f.da, IOVA, 1, f.ram);
    map(&f, &f.db, IOVA, 1, f.ram + NYX_PAGE);
    submit(&f, FLUSH_ALL, 0);
    qtest_writeq(f.v->qts, root, contexts | 1);
    qtest_writeq(f.v->qts, contexts + SID_A * 16, f.db.ss | 1);
    qtest_writeq(f.v->qts, contexts + SID_A * 16 + 8, DID_B << 8 | 2);
    qvtd_w64(f.v, QVTD_RTADDR, root);
    g_assert_true(qvtd_gcmd(f.v, QVTD_SRTP, true));
    expect_mapping(&f, 0, "latched", IOVA, NYX_PAGE, f.ram, 3);
    submit(&f, 0x11, 0);
    expect_mapping(&f, 0, "in use", IOVA, NYX_PAGE, f.ram + NYX_PAGE, 3);
    submit(&f, FLUSH_ALL, 0);
    expect_mapping(&f, 0, "in use", IOVA, NYX_PAGE, f.ram + NYX_PAGE, 3);
    fx_end(&f);
}

/* A consumer that forgets, and asks again. */
static void test_replay(void)
{
    Fx f = fx_listen("caching-mode=on");

    map(&f, &f.da, IOVA, 3, f.ram);
    submit(&f, FLUSH_ALL, 0);
    expect(&f, 0, "map", 2, 0, 2, 3 * NYX_PAGE);
    nyx_td_w32(&f.td[0], NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_REPLAY);
    expect(&f, 0, "replay", 2, 0, 2, 3 * NYX_PAGE);
    fx_end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx-vtd/shadow/pages", test_pages);
    qtest_add_func("/nyx-vtd/shadow/coalesced", test_coalesced);
    qtest_add_func("/nyx-vtd/shadow/coalesce-off", test_coalesce_off);
    qtest_add_func("/nyx-vtd/shadow/wide", test_wide);
    qtest_add_func("/nyx-vtd/shadow/large-leaf", test_large_leaf);
    qtest_add_func("/nyx-vtd/shadow/not-ram", test_not_ram);
    qtest_add_func("/nyx-vtd/shadow/window", test_window);
    qtest_add_func("/nyx-vtd/shadow/contexts", test_contexts);
    qtest_add_func("/nyx-vtd/shadow/shared", test_shared);
    qtest_add_func("/nyx-vtd/shadow/pass-through", test_pass_through);
    qtest_add_func("/nyx-vtd/shadow/host", test_host);
    qtest_add_func("/nyx-vtd/shadow/protected", test_protected);
    qtest_add_func("/nyx-vtd/shadow/protected-only", test_protected_only);
    qtest_add_func("/nyx-vtd/shadow/enable", test_enable);
    qtest_add_func("/nyx-vtd/shadow/reset", test_reset);
    qtest_add_func("/nyx-vtd/shadow/root", test_root);
    qtest_add_func("/nyx-vtd/shadow/replay", test_replay);
    return g_test_run();
}
