/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a consumer in the manner of VFIO is told of nyx-amdvi's mappings.  The
 * test device keeps them, and objects as a container of VFIO would.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi.h"

#define SID_A   NYX_SID(0, 4, 0)
#define DID_A   10
#define DID_B   11

#define IOVA    0x40000000ull

#define VFIO    (NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP)
#define DEVICES 4

typedef struct Fx {
    QAmd *v;
    NyxTestdev td[DEVICES];
    QAmdDomain da, db;
    uint64_t ram;            /* 2 MiB of it, aligned */
} Fx;

static uint16_t sid(unsigned i)
{
    return SID_A + (i << 3);
}

/* An IOMMU with @options; the devices' entries have V = 0. */
static Fx fx_start(const char *options)
{
    Fx f = { };

    f.v = qamd_start("-M q35 -device nyx-amdvi,id=iommu,%s "
                     "-device nyx-testdev,id=a,addr=4 "
                     "-device nyx-testdev,id=b,addr=5 "
                     "-device nyx-testdev,id=c,addr=6 "
                     "-device nyx-testdev,id=d,addr=7", options);
    for (unsigned i = 0; i < DEVICES; i++) {
        f.td[i] = nyx_td_get(f.v->pc->pci, sid(i));
    }
    qamd_enable(f.v, 0);
    f.da = qamd_domain(f.v, DID_A, 4);
    f.db = qamd_domain(f.v, DID_B, 4);
    f.ram = nyx_pc_pages(f.v->pc, 512);
    return f;
}

/* The same with the first device in domain A, listening. */
static Fx fx_listen(const char *options)
{
    Fx f = fx_start(options);

    qamd_attach(f.v, SID_A, &f.da, 0);
    qamd_flush_dte(f.v, SID_A);
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
    qamd_end(f->v);
}

static void map(Fx *f, const QAmdDomain *dom, uint64_t iova, unsigned n,
                uint64_t gpa)
{
    for (unsigned i = 0; i < n; i++) {
        qamd_map(f->v, dom, iova + i * NYX_PAGE, gpa + i * NYX_PAGE, 12,
                 QAMD_RW);
    }
}

static void unmap(Fx *f, const QAmdDomain *dom, uint64_t iova, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        qtest_writeq(f->v->qts,
                     qamd_entry(f->v, dom, iova + i * NYX_PAGE, 1), 0);
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

/* --- Pages ---------------------------------------------------------------- */

static void test_pages(void)
{
    Fx f = fx_listen("np-cache=on");

    expect(&f, 0, "nothing", 0, 0, 0, 0);
    map(&f, &f.da, IOVA, 1, f.ram);
    expect(&f, 0, "not invalidated", 0, 0, 0, 0);
    qamd_flush_pages(f.v, DID_B, IOVA, 12);
    expect(&f, 0, "another domain", 0, 0, 0, 0);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    expect(&f, 0, "map", 1, 0, 1, NYX_PAGE);
    expect_mapping(&f, 0, "map", IOVA, NYX_PAGE, f.ram, 3);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    expect(&f, 0, "again", 0, 0, 1, NYX_PAGE);
    unmap(&f, &f.da, IOVA, 1);
    qamd_flush_pages(f.v, DID_A, IOVA + NYX_PAGE, 12);
    expect(&f, 0, "neighbour", 0, 0, 1, NYX_PAGE);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    expect(&f, 0, "unmap", 0, 1, 0, 0);

    /* Another address, then other rights, without a hole in between. */
    map(&f, &f.da, IOVA, 1, f.ram);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    map(&f, &f.da, IOVA, 1, f.ram + NYX_PAGE);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    expect(&f, 0, "moved", 2, 1, 1, NYX_PAGE);
    expect_mapping(&f, 0, "moved", IOVA, NYX_PAGE, f.ram + NYX_PAGE, 3);
    qamd_map(f.v, &f.da, IOVA, f.ram + NYX_PAGE, 12, QAMD_IR);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    expect(&f, 0, "read only", 1, 1, 1, NYX_PAGE);
    expect_mapping(&f, 0, "read only", IOVA, NYX_PAGE, f.ram + NYX_PAGE, 1);
    fx_end(&f);
}

/* 2 MiB in one go: one event each way, and pieces when a page of it goes. */
static void test_coalesced(void)
{
    Fx f = fx_listen("np-cache=on");

    map(&f, &f.da, IOVA, 512, f.ram);
    qamd_flush_pages(f.v, DID_A, IOVA, 21);
    expect(&f, 0, "one", 1, 0, 1, 2 * NYX_MIB);
    unmap(&f, &f.da, IOVA, 1);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    /* 4 KiB, 8 KiB, ... 1 MiB stay. */
    expect(&f, 0, "split", 9, 1, 9, 511 * NYX_PAGE);
    expect_mapping(&f, 0, "split", IOVA + NYX_MIB, NYX_MIB, f.ram + NYX_MIB,
                   3);
    unmap(&f, &f.da, IOVA, 512);
    qamd_flush_pages(f.v, DID_A, 0, 64);
    expect(&f, 0, "gone", 0, nyx_td_r64(&f.td[0], NYX_TD_NOTIFY_UNMAPS), 0,
           0);
    fx_end(&f);
}

static void test_coalesce_off(void)
{
    Fx f = fx_listen("np-cache=on,coalesce=off");

    map(&f, &f.da, IOVA, 512, f.ram);
    qamd_flush_pages(f.v, DID_A, IOVA, 21);
    expect(&f, 0, "each", 512, 0, 512, 2 * NYX_MIB);
    unmap(&f, &f.da, IOVA + NYX_PAGE, 1);
    qamd_flush_pages(f.v, DID_A, IOVA + NYX_PAGE, 12);
    expect(&f, 0, "one page", 0, 1, 511, 511 * NYX_PAGE);
    fx_end(&f);
}

/* One page of 64 KiB in sixteen entries; any of them stands for it. */
static void test_encoded(void)
{
    Fx f = fx_listen("np-cache=on,coalesce=off");

    for (unsigned i = 0; i < 16; i++) {
        qtest_writeq(f.v->qts,
                     qamd_entry(f.v, &f.da, IOVA + i * NYX_PAGE, 1),
                     f.ram | 0x7000 | 7 << 9 | QAMD_RW | QAMD_PR);
    }
    qamd_flush_pages(f.v, DID_A, IOVA + 9 * NYX_PAGE, 12);
    expect(&f, 0, "64 KiB", 1, 0, 1, 0x10000);
    expect_mapping(&f, 0, "64 KiB", IOVA, 0x10000, f.ram, 3);
    NYX_CHECK("DMA", nyx_td_writel(&f.td[0], IOVA + 0xfffc, 0x1234),
              NYX_TD_ST_OK);
    NYX_CHECK("DMA", qtest_readl(f.v->qts, f.ram + 0xfffc), 0x1234);
    unmap(&f, &f.da, IOVA, 16);
    qamd_flush_pages(f.v, DID_A, IOVA + 3 * NYX_PAGE, 12);
    expect(&f, 0, "gone", 0, 1, 0, 0);
    fx_end(&f);
}

/* What the entry withholds: neither of the two domains of one is writable. */
static void test_rights(void)
{
    Fx f = fx_start("np-cache=on");

    map(&f, &f.da, IOVA, 1, f.ram);
    for (unsigned i = 0; i < 2; i++) {
        qamd_attach(f.v, sid(i), &f.da, 0);
        qamd_set_dte_word(f.v, sid(i), 0, qamd_dte_word(f.v, sid(i), 0) &
                          ~(i ? QAMD_IW : 0));
        qamd_flush_dte(f.v, sid(i));
        nyx_td_notify(&f.td[i], VFIO);
    }
    expect_mapping(&f, 0, "both", IOVA, NYX_PAGE, f.ram, 3);
    expect_mapping(&f, 1, "IR", IOVA, NYX_PAGE, f.ram, 1);
    fx_end(&f);
}

/* --- Device table entries ------------------------------------------------- */

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

static void test_contexts(void)
{
    Fx f = fx_listen("np-cache=on");

    map(&f, &f.da, IOVA, 2, f.ram);
    map(&f, &f.db, IOVA + NYX_PAGE, 2, f.ram);
    qamd_flush(f.v);
    expect(&f, 0, "domain A", 1, 0, 1, 2 * NYX_PAGE);

    qamd_attach(f.v, SID_A, &f.db, 0);
    qamd_flush_pages(f.v, DID_B, 0, 64);
    qamd_flush_dte(f.v, sid(1));
    expect(&f, 0, "still A", 0, 0, 1, 2 * NYX_PAGE);
    qamd_flush_dte(f.v, SID_A);
    expect(&f, 0, "domain B", 2, 1, 2, 2 * NYX_PAGE);
    qamd_flush_dte(f.v, SID_A);
    qamd_flush(f.v);
    expect(&f, 0, "the same again", 0, 0, 2, 2 * NYX_PAGE);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    expect(&f, 0, "A is no longer its own", 0, 0, 2, 2 * NYX_PAGE);

    /* An illegal entry maps nothing, and is read again. */
    qamd_set_dte_word(f.v, SID_A, 0, qamd_dte_word(f.v, SID_A, 0) | 4);
    qamd_flush_dte(f.v, SID_A);
    NYX_CHECK("illegal", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    qamd_attach(f.v, SID_A, &f.da, 0);
    qamd_flush_dte(f.v, sid(1));
    NYX_CHECK("errors are not cached",
              nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 1);
    /* Blocked, as Linux does it: Mode 0 without IR and IW. */
    qamd_set_dte_word(f.v, SID_A, 0, QAMD_V_TV);
    qamd_flush_dte(f.v, SID_A);
    NYX_CHECK("blocked", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    check_direct(&f, "blocked", false);
    fx_end(&f);
}

/* Four devices in one domain: one walk, each is told. */
static void test_shared(void)
{
    Fx f = fx_start("np-cache=on");

    for (unsigned i = 0; i < DEVICES; i++) {
        qamd_attach(f.v, sid(i), &f.da, 0);
        qamd_flush_dte(f.v, sid(i));
        NYX_CHECK("listens", nyx_td_notify(&f.td[i], VFIO) & 0xff,
                  NYX_TD_NOTIFY_ST_ACTIVE);
    }
    map(&f, &f.da, IOVA, 512, f.ram);
    qamd_flush_pages(f.v, DID_A, IOVA, 21);
    for (unsigned i = 0; i < DEVICES; i++) {
        expect(&f, i, "each", 1, 0, 1, 2 * NYX_MIB);
    }
    /* One leaves, the others do not notice. */
    qamd_set_dte_word(f.v, sid(2), 0, QAMD_V_TV);
    qamd_flush_dte(f.v, sid(2));
    for (unsigned i = 0; i < DEVICES; i++) {
        expect(&f, i, "one leaves", 0, i == 2, i != 2,
               i == 2 ? 0 : 2 * NYX_MIB);
    }
    fx_end(&f);
}

/* --- Memory as it is ------------------------------------------------------ */

static void test_pass_through(void)
{
    static const uint64_t words[] = { 0, QAMD_V_TV | QAMD_RW };
    Fx f = fx_listen("np-cache=on");

    map(&f, &f.da, IOVA, 1, f.ram);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    check_direct(&f, "translated", false);
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        qamd_set_dte_word(f.v, SID_A, 0, words[i]);
        check_direct(&f, "not invalidated", false);
        qamd_flush_dte(f.v, SID_A);
        check_direct(&f, "direct", true);
        NYX_CHECK("direct", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
        NYX_CHECK("DMA", nyx_td_writel(&f.td[0], f.ram, 0x1234 + i),
                  NYX_TD_ST_OK);
        NYX_CHECK("DMA", qtest_readl(f.v->qts, f.ram), 0x1234 + i);
        qamd_attach(f.v, SID_A, &f.da, 0);
        qamd_flush_dte(f.v, SID_A);
        check_direct(&f, "translated again", false);
        expect_mapping(&f, 0, "translated again", IOVA, NYX_PAGE, f.ram, 3);
    }
    fx_end(&f);
}

/* The exclusion range cannot be cut out of Mode 0: nothing is mapped. */
static void test_exclusion(void)
{
    Fx f = fx_listen("np-cache=on");

    qamd_set_dte_word(f.v, SID_A, 0, QAMD_V_TV | QAMD_RW);
    qamd_flush_dte(f.v, SID_A);
    check_direct(&f, "open", true);
    qamd_w64(f.v, QAMD_EXCLLIMIT, 0x90000000);
    qamd_w64(f.v, QAMD_EXCLBASE, 0x80000000 | 3);
    check_direct(&f, "excluded", false);
    NYX_CHECK("excluded", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    qamd_w64(f.v, QAMD_EXCLBASE, 0x80000000);
    check_direct(&f, "open again", true);
    fx_end(&f);
}

/* --- On and off ----------------------------------------------------------- */

static void test_enable(void)
{
    Fx f = fx_listen("np-cache=on");
    uint64_t control = qamd_r64(f.v, QAMD_CONTROL);

    map(&f, &f.da, IOVA, 1, f.ram);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    qamd_w64(f.v, QAMD_CONTROL, control & ~QAMD_IOMMUEN);
    check_direct(&f, "off", true);
    NYX_CHECK("off", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    nyx_td_w32(&f.td[0], NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_CLEAR);

    /* What happens meanwhile is seen when it comes on. */
    map(&f, &f.da, IOVA + NYX_PAGE, 1, f.ram + NYX_PAGE);
    qamd_w64(f.v, QAMD_CONTROL, control);
    check_direct(&f, "on", false);
    expect(&f, 0, "on", 1, 0, 1, 2 * NYX_PAGE);
    fx_end(&f);
}

static void test_reset(void)
{
    Fx f = fx_listen("np-cache=on");

    map(&f, &f.da, IOVA, 1, f.ram);
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    qtest_qmp_assert_success(f.v->qts, "{ 'execute': 'system_reset' }");
    for (unsigned i = 0; i < NYX_POLLS &&
         (qamd_r64(f.v, QAMD_CONTROL) & QAMD_IOMMUEN); i++) {
        g_usleep(100);
    }
    NYX_CHECK("mappings", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    fx_end(&f);
}

/* A consumer that forgets, and asks again. */
static void test_replay(void)
{
    Fx f = fx_listen("np-cache=on");

    map(&f, &f.da, IOVA, 3, f.ram);
    qamd_flush(f.v);
    expect(&f, 0, "map", 2, 0, 2, 3 * NYX_PAGE);
    nyx_td_w32(&f.td[0], NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_REPLAY);
    expect(&f, 0, "replay", 2, 0, 2, 3 * NYX_PAGE);
    fx_end(&f);
}

/* Without NpCache nobody says when something is mapped. */
static void test_no_np_cache(void)
{
    Fx f = fx_start("np-cache=off");

    qamd_attach(f.v, SID_A, &f.da, 0);
    qamd_flush_dte(f.v, SID_A);
    NYX_CHECK("unmap", nyx_td_notify(&f.td[0], NYX_TD_NOTIFY_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    nyx_td_notify(&f.td[0], 0);
    NYX_CHECK("map", nyx_td_notify(&f.td[0], VFIO) & 0xff,
              NYX_TD_NOTIFY_ST_REFUSED);
    for (unsigned i = 0; i < DEVICES; i++) {
        nyx_td_put(&f.td[i]);
    }
    qamd_end(f.v);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx-amdvi/shadow/pages", test_pages);
    qtest_add_func("/nyx-amdvi/shadow/coalesced", test_coalesced);
    qtest_add_func("/nyx-amdvi/shadow/coalesce-off", test_coalesce_off);
    qtest_add_func("/nyx-amdvi/shadow/encoded", test_encoded);
    qtest_add_func("/nyx-amdvi/shadow/rights", test_rights);
    qtest_add_func("/nyx-amdvi/shadow/contexts", test_contexts);
    qtest_add_func("/nyx-amdvi/shadow/shared", test_shared);
    qtest_add_func("/nyx-amdvi/shadow/pass-through", test_pass_through);
    qtest_add_func("/nyx-amdvi/shadow/exclusion", test_exclusion);
    qtest_add_func("/nyx-amdvi/shadow/enable", test_enable);
    qtest_add_func("/nyx-amdvi/shadow/reset", test_reset);
    qtest_add_func("/nyx-amdvi/shadow/replay", test_replay);
    qtest_add_func("/nyx-amdvi/shadow/no-np-cache", test_no_np_cache);
    return g_test_run();
}
