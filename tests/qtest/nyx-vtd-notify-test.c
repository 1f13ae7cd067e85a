/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who else has to forget: device-TLB invalidation of nyx-vtd down to the
 * endpoint's cache, and the UNMAP events that vhost lives on, range by range.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-notify.h"
#include "libqos/nyx-vtd.h"
#include "qobject/qstring.h"

#define SID_A   NYX_SID(0, 4, 0)
#define SID_B   NYX_SID(0, 5, 0)
#define SID_LPC NYX_SID(0, 31, 0)

#define DID_A   10
#define DID_B   11

#define IOVA    0x40000000ull

typedef struct Fx {
    QVtd *v;
    NyxTestdev a, b;
    QVtdDomain da, db;
    NyxLog log;
} Fx;

static Fx fx_start(void)
{
    Fx f = { .log = nyx_log_begin() };

    f.v = qvtd_start("-M q35 -D %s -plugin %s,trace=nyx_iommu_notify "
                     "-device nyx-vtd,id=iommu,device-iotlb=on "
                     "-device nyx-testdev,id=a,addr=4 "
                     "-device nyx-testdev,id=b,addr=5", f.log.path,
                     nyx_pc_plugin());
    g_assert_true(qvtd_queue(f.v, 0));
    f.a = nyx_td_get(f.v->pc->pci, SID_A);
    f.b = nyx_td_get(f.v->pc->pci, SID_B);
    nyx_td_ats(f.v->pc, SID_A, true);
    nyx_td_ats(f.v->pc, SID_B, true);
    g_assert_true(qvtd_enable(f.v));
    f.da = qvtd_domain(f.v, DID_A, 4);
    f.db = qvtd_domain(f.v, DID_B, 4);
    qvtd_attach(f.v, SID_A, &f.da, 1);
    qvtd_attach(f.v, SID_B, &f.db, 1);
    return f;
}

static void fx_end(Fx *f)
{
    nyx_td_put(&f->a);
    nyx_td_put(&f->b);
    qvtd_end(f->v);
    nyx_log_end(&f->log);
}

static uint64_t remap(Fx *f, const QVtdDomain *dom, uint64_t iova)
{
    uint64_t gpa = nyx_pc_pages(f->v->pc, 1);

    qtest_writeq(f->v->qts, gpa, gpa);
    qvtd_map(f->v, dom, iova, gpa, 12, 3);
    return gpa;
}

/* --- Device-TLB ----------------------------------------------------------- */

static const struct {
    const char *name;
    uint64_t hi;             /* bits 127:64 of the descriptor */
    uint32_t left;           /* of nyx_atc_pages */
} devtlb_rows[] = {
    { "page 0", IOVA, 0x1fe },
    { "page 3", IOVA + 3 * NYX_PAGE, 0x1f7 },
    { "a page that is not held", IOVA + 5 * NYX_PAGE, 0x1ff },
    { "8 KiB at 0", IOVA | 1, 0x1fc },
    { "8 KiB at 2", IOVA | 0x2001, 0x1f3 },
    { "16 KiB", IOVA | 0x1001, 0x1f0 },
    { "32 KiB", IOVA | 0x3001, 0x1c0 },
    { "2 MiB", IOVA | 0xff001, 0x100 },
    { "2 MiB above", (IOVA + 2 * NYX_MIB) | 0xff001, 0x0ff },
    { "everything", 0x7ffffffffffff001, 0 },
};

static void test_device_tlb(void)
{
    Fx f = fx_start();
    NyxTdAnswer answer;

    for (unsigned n = 0; n < ARRAY_SIZE(nyx_atc_pages); n++) {
        remap(&f, &f.da, IOVA + nyx_atc_pages[n] * NYX_PAGE);
    }
    remap(&f, &f.db, IOVA);
    NYX_CHECK("listens", nyx_td_notify(&f.a, NYX_TD_NOTIFY_DEV_UNMAP) &
              NYX_TD_NOTIFY_ST_ACTIVE, NYX_TD_NOTIFY_ST_ACTIVE);
    nyx_td_notify(&f.b, NYX_TD_NOTIFY_DEV_UNMAP);
    NYX_CHECK("B", nyx_td_translate(&f.b, IOVA, -1, &answer), NYX_TD_ST_OK);

    for (unsigned i = 0; i < ARRAY_SIZE(devtlb_rows); i++) {
        nyx_atc_fill(&f.a, IOVA);
        NYX_CHECK(devtlb_rows[i].name,
                  qvtd_submit(f.v, 3 | (uint64_t)SID_A << 32,
                              devtlb_rows[i].hi), true);
        NYX_CHECK(devtlb_rows[i].name, nyx_atc_held(&f.a, IOVA), devtlb_rows[i].left);
    }
    NYX_CHECK("B is untouched", nyx_td_r32(&f.b, NYX_TD_ATC_COUNT), 1);
    NYX_CHECK("B is untouched", nyx_td_r64(&f.b, NYX_TD_NOTIFY_DEV_UNMAPS), 0);
    NYX_CHECK("count", qvtd_stat(f.v, "invalidations.device-tlb"),
              ARRAY_SIZE(devtlb_rows));
    fx_end(&f);
}

/* An IOTLB invalidation says nothing to the endpoint: type 3 does. */
static void test_device_tlb_is_stale(void)
{
    Fx f = fx_start();
    const NyxTdReq req = {
        .op = NYX_TD_OP_READ, .attr = NYX_TD_ATTR_AT_ATC, .addr = IOVA,
        .len = 8,
    };
    uint64_t old = remap(&f, &f.da, IOVA), new, mark;

    nyx_td_notify(&f.a, NYX_TD_NOTIFY_DEV_UNMAP);
    NYX_CHECK("first", nyx_td_request(&f.a, req), NYX_TD_ST_OK);
    nyx_td_get_data(&f.a, &mark, 8);
    NYX_CHECK("first", mark, old);
    new = remap(&f, &f.da, IOVA);
    g_assert_true(qvtd_submit(f.v, 0xd2, 0));
    g_assert_true(qvtd_submit(f.v, 0x11, 0));
    NYX_CHECK("stale", nyx_td_request(&f.a, req), NYX_TD_ST_OK);
    nyx_td_get_data(&f.a, &mark, 8);
    NYX_CHECK("stale", mark, old);
    g_assert_true(qvtd_submit(f.v, 3 | (uint64_t)SID_A << 32, IOVA));
    NYX_CHECK("told", nyx_td_request(&f.a, req), NYX_TD_ST_OK);
    nyx_td_get_data(&f.a, &mark, 8);
    NYX_CHECK("told", mark, new);
    fx_end(&f);
}

/* --- Endpoints that do not answer ----------------------------------------- */

static void check_silent(QVtd *v, const char *name, uint16_t sid)
{
    uint64_t status = nyx_pc_pages(v->pc, 1);
    uint64_t head;

    qvtd_put(v, 3 | (uint64_t)sid << 32, IOVA);
    qvtd_put(v, 0x1111111100000025, status);
    qvtd_put(v, 0x2222222200000025, status + 8);
    qvtd_ring(v);
    NYX_CHECK(name, qvtd_r32(v, QVTD_FSTS), QVTD_FSTS_ITE);
    NYX_CHECK(name, (qvtd_r64(v, QVTD_IQERCD) >> 32) & 0xffff, sid);
    NYX_CHECK(name, qvtd_r64(v, QVTD_IQERCD) & 0xf, 0);
    NYX_CHECK(name, qtest_readl(v->qts, status), 0);
    NYX_CHECK(name, qtest_readl(v->qts, status + 8), 0);

    /* Stopped, and it stays so until ITE is cleared. */
    head = qvtd_r64(v, QVTD_IQH);
    NYX_CHECK(name, head != v->tail, true);
    qvtd_ring(v);
    NYX_CHECK(name, qvtd_r64(v, QVTD_IQH), head);
    qvtd_w32(v, QVTD_FSTS, QVTD_FSTS_ITE);
    NYX_CHECK(name, qvtd_r32(v, QVTD_FSTS), 0);
    NYX_CHECK(name, qvtd_r64(v, QVTD_IQH), v->tail);
    /* The wait that was pending is lost; the one after it is not. */
    NYX_CHECK(name, qtest_readl(v->qts, status), 0);
    NYX_CHECK(name, qtest_readl(v->qts, status + 8), 0x22222222);
    NYX_CHECK(name, qvtd_submit(v, 0x11, 0), true);
}

static void test_device_tlb_timeout(void)
{
    Fx f = fx_start();

    nyx_td_ats(f.v->pc, SID_B, false);
    check_silent(f.v, "nothing there", NYX_SID(0, 20, 0));
    check_silent(f.v, "no such bus", NYX_SID(200, 0, 0));
    check_silent(f.v, "no ATS", SID_LPC);
    check_silent(f.v, "ATS is off", SID_B);
    NYX_CHECK("findings", qvtd_mistakes(f.v, "vtd.devtlb.no-answer"), 4);

    /* Without a wait behind it. */
    qvtd_put(f.v, 3 | (uint64_t)SID_B << 32, IOVA);
    qvtd_ring(f.v);
    NYX_CHECK("no wait", qvtd_r32(f.v, QVTD_FSTS), QVTD_FSTS_ITE);
    qvtd_w32(f.v, QVTD_FSTS, QVTD_FSTS_ITE);
    NYX_CHECK("no wait", qvtd_r32(f.v, QVTD_FSTS), 0);

    /* One that answers. */
    NYX_CHECK("A", qvtd_submit(f.v, 3 | (uint64_t)SID_A << 32, IOVA), true);
    fx_end(&f);
}

/* --- UNMAP events --------------------------------------------------------- */

typedef struct UnmapRow {
    const char *name;
    uint64_t lo, hi;         /* descriptor */
    uint64_t a[2], b[2];     /* what A and B are told */
} UnmapRow;

static const UnmapRow unmap_rows[] = {
    { "page of A", 0xf2 | DID_A << 16, IOVA,
      { IOVA, IOVA + 0xfff }, { NYX_TOLD_NOTHING } },
    { "8 pages of A", 0xf2 | DID_A << 16, IOVA | 3,
      { IOVA, IOVA + 0x7fff }, { NYX_TOLD_NOTHING } },
    { "8 pages, not aligned", 0xf2 | DID_A << 16, (IOVA + 5 * NYX_PAGE) | 3,
      { IOVA, IOVA + 0x7fff }, { NYX_TOLD_NOTHING } },
    { "2 MiB of B, leaves only", 0xf2 | DID_B << 16, IOVA | 9 | 1 << 6,
      { NYX_TOLD_NOTHING }, { IOVA, IOVA + 0x1fffff } },
    { "1 GiB around the interrupts", 0xf2 | DID_A << 16, 0xc0000000 | 18,
      { 0xc0000000, 0xffffffff }, { NYX_TOLD_NOTHING } },
    { "nobody's page", 0xf2 | 99 << 16, IOVA, { NYX_TOLD_NOTHING }, { NYX_TOLD_NOTHING } },
    { "domain A", 0xe2 | DID_A << 16, 0, { NYX_TOLD_ALL }, { NYX_TOLD_NOTHING } },
    { "nobody's domain", 0xe2 | 99 << 16, 0, { NYX_TOLD_NOTHING }, { NYX_TOLD_NOTHING } },
    { "global", 0xd2, 0, { NYX_TOLD_ALL }, { NYX_TOLD_ALL } },
};

static void test_unmap_ranges(void)
{
    Fx f = fx_start();
    uint64_t before = 0;
    GArray *events;

    remap(&f, &f.da, IOVA);
    remap(&f, &f.db, IOVA);
    NYX_CHECK("listens", nyx_td_notify(&f.a, NYX_TD_NOTIFY_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    nyx_td_notify(&f.b, NYX_TD_NOTIFY_UNMAP);
    /* The unit knows their domains once they have made a request. */
    g_assert_cmpuint(nyx_td_writel(&f.a, IOVA, 1), ==, NYX_TD_ST_OK);
    g_assert_cmpuint(nyx_td_writel(&f.b, IOVA, 1), ==, NYX_TD_ST_OK);
    g_array_free(nyx_told_new(&f.log), TRUE);

    for (unsigned i = 0; i < ARRAY_SIZE(unmap_rows); i++) {
        const UnmapRow *row = &unmap_rows[i];
        uint64_t told;

        NYX_CHECK(row->name, qvtd_submit(f.v, row->lo, row->hi), true);
        events = nyx_told_new(&f.log);
        nyx_told_check(row->name, events, SID_A, row->a[0], row->a[1]);
        nyx_told_check(row->name, events, SID_B, row->b[0], row->b[1]);
        /* What went out has arrived. */
        told = nyx_td_r64(&f.a, NYX_TD_NOTIFY_UNMAPS) +
               nyx_td_r64(&f.b, NYX_TD_NOTIFY_UNMAPS);
        NYX_CHECK(row->name, told - before, events->len);
        before = told;
        g_array_free(events, TRUE);
    }
    NYX_CHECK("objections", nyx_td_r32(&f.a, NYX_TD_NOTIFY_ERRORS), 0);

    /* An unregistered listener is not told. */
    nyx_td_notify(&f.a, 0);
    g_assert_true(qvtd_submit(f.v, 0xd2, 0));
    events = nyx_told_new(&f.log);
    nyx_told_check("A is off", events, SID_A, NYX_TOLD_NOTHING);
    nyx_told_check("A is off", events, SID_B, NYX_TOLD_ALL);
    g_array_free(events, TRUE);
    fx_end(&f);
}

/* A function whose context is not known may be of any domain. */
static void test_unmap_without_context(void)
{
    Fx f = fx_start();
    GArray *events;

    nyx_td_notify(&f.a, NYX_TD_NOTIFY_UNMAP);
    g_assert_true(qvtd_submit(f.v, 0xf2 | 99 << 16, IOVA));
    events = nyx_told_new(&f.log);
    nyx_told_check("any domain", events, SID_A, IOVA, IOVA + 0xfff);
    g_array_free(events, TRUE);
    fx_end(&f);
}

/*
 * A listener keeps translations without their domain.  When the function's
 * context goes, all it was told is for a domain that may not be its own any
 * more, and the invalidation of the old domain would not reach it.
 */
static void test_unmap_with_context(void)
{
    static const struct {
        const char *name;
        uint64_t lo;
    } rows[] = {
        { "device", 0x31 | DID_A << 16 | (uint64_t)SID_A << 32 },
        { "domain", 0x21 | DID_B << 16 },
        { "global", 0x11 },
    };
    Fx f = fx_start();
    GArray *events;

    remap(&f, &f.da, IOVA);
    remap(&f, &f.db, IOVA);
    nyx_td_notify(&f.a, NYX_TD_NOTIFY_UNMAP);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_assert_cmpuint(nyx_td_writel(&f.a, IOVA, 1), ==, NYX_TD_ST_OK);
        qvtd_attach(f.v, SID_A, i % 2 ? &f.da : &f.db, 1);
        g_array_free(nyx_told_new(&f.log), TRUE);
        NYX_CHECK(rows[i].name, qvtd_submit(f.v, rows[i].lo, 0), true);
        /* Before the old domain's flush a request loads the new context. */
        g_assert_cmpuint(nyx_td_writel(&f.a, IOVA, 1), ==, NYX_TD_ST_OK);
        g_assert_true(qvtd_submit(f.v, 0xe2 |
                                  (i % 2 ? DID_B : DID_A) << 16, 0));
        nyx_told_all(rows[i].name, &f.log, SID_A);
    }

    /* Another function's context is none of A's business. */
    g_assert_true(qvtd_submit(f.v, 0x31 | DID_B << 16 |
                              (uint64_t)SID_B << 32, 0));
    g_assert_true(qvtd_submit(f.v, 0x21 | 99 << 16, 0));
    events = nyx_told_new(&f.log);
    nyx_told_check("others", events, SID_A, NYX_TOLD_NOTHING);
    g_array_free(events, TRUE);
    fx_end(&f);
}

/*
 * Translation off and on again: the listener's region goes and comes, and what
 * it has from before is of no use any more.
 */
static void test_listener_follows(void)
{
    Fx f = fx_start();
    GArray *events;

    remap(&f, &f.da, IOVA);
    nyx_td_notify(&f.a, NYX_TD_NOTIFY_UNMAP | NYX_TD_NOTIFY_DEV_UNMAP);
    g_array_free(nyx_told_new(&f.log), TRUE);
    g_assert_true(qvtd_gcmd(f.v, QVTD_TE, false));
    nyx_told_all("off", &f.log, SID_A);
    NYX_CHECK("bypassed", nyx_td_r32(&f.a, NYX_TD_NOTIFY_STATUS) &
              NYX_TD_NOTIFY_ST_ACTIVE, 0);
    NYX_CHECK("bypassed", (nyx_td_r32(&f.a, NYX_TD_NOTIFY_STATUS) >>
                           NYX_TD_NOTIFY_ST_IOMMU_SHIFT) & 0xff, 0);
    g_assert_true(qvtd_submit(f.v, 0xd2, 0));
    events = nyx_told_new(&f.log);
    NYX_CHECK("bypassed", events->len, 0);
    g_array_free(events, TRUE);

    /* Protected memory cuts holes into it; then translation has them gone. */
    qvtd_w32(f.v, QVTD_PMEN, 1u << 31);
    nyx_told_all("protected", &f.log, SID_A);
    g_assert_true(qvtd_gcmd(f.v, QVTD_TE, true));
    nyx_told_all("on", &f.log, SID_A);
    /* Below and above the interrupt range. */
    NYX_CHECK("translated", (nyx_td_r32(&f.a, NYX_TD_NOTIFY_STATUS) >>
                             NYX_TD_NOTIFY_ST_IOMMU_SHIFT) & 0xff, 2);
    g_assert_true(qvtd_submit(f.v, 0xd2, 0));
    nyx_told_all("translated", &f.log, SID_A);
    fx_end(&f);
}

/* --- MAP events ----------------------------------------------------------- */

static void check_refused(Fx *f, const char *row)
{
    QObject *text = nyx_pc_qom_get(f->v->pc, "/machine/peripheral/a",
                                   "notify-error");
    const char *message = qstring_get_str(qobject_to(QString, text));

    NYX_CHECK(row, nyx_td_r32(&f->a, NYX_TD_NOTIFY_STATUS) & 0xff,
              NYX_TD_NOTIFY_ST_REFUSED);
    g_assert_cmpstr(message, ==, "device 04.0: vfio-pci and vhost-vdpa need "
                    "to know of each new mapping: set caching-mode=on of "
                    "nyx-vtd");
    qobject_unref(text);
}

/*
 * Without caching mode: refused with a message, now or when translation comes
 * on; QEMU lives.
 */
static void test_map_refused(void)
{
    Fx f = fx_start();
    const uint32_t vfio = NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP;

    remap(&f, &f.da, IOVA);
    nyx_td_notify(&f.a, vfio);
    check_refused(&f, "translating");
    NYX_CHECK("DMA", nyx_td_writel(&f.a, IOVA, 1), NYX_TD_ST_OK);

    g_assert_true(qvtd_gcmd(f.v, QVTD_TE, false));
    NYX_CHECK("nothing to refuse", nyx_td_notify(&f.a, vfio) & 0xff, 0);
    g_assert_true(qvtd_gcmd(f.v, QVTD_TE, true));
    check_refused(&f, "translation comes on");
    NYX_CHECK("DMA", nyx_td_writel(&f.a, IOVA, 1), NYX_TD_ST_OK);

    NYX_CHECK("UNMAP alone", nyx_td_notify(&f.a, NYX_TD_NOTIFY_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    fx_end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx-vtd/notify/device-tlb", test_device_tlb);
    qtest_add_func("/nyx-vtd/notify/device-tlb-is-stale",
                   test_device_tlb_is_stale);
    qtest_add_func("/nyx-vtd/notify/device-tlb-timeout",
                   test_device_tlb_timeout);
    qtest_add_func("/nyx-vtd/notify/unmap-ranges", test_unmap_ranges);
    qtest_add_func("/nyx-vtd/notify/unmap-without-context",
                   test_unmap_without_context);
    qtest_add_func("/nyx-vtd/notify/unmap-with-context",
                   test_unmap_with_context);
    qtest_add_func("/nyx-vtd/notify/listener-follows", test_listener_follows);
    qtest_add_func("/nyx-vtd/notify/map-refused", test_map_refused);
    return g_test_run();
}
