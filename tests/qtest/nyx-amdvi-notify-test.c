/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who else has to forget: device-TLB invalidation of nyx-amdvi down to the
 * endpoint's cache, and the UNMAP events that vhost lives on, range by range.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi.h"
#include "libqos/nyx-notify.h"
#include "qobject/qstring.h"

#define SID_A   NYX_SID(0, 4, 0)
#define SID_B   NYX_SID(0, 5, 0)
#define SID_LPC NYX_SID(0, 31, 0)

#define DID_A   10
#define DID_B   11

#define IOVA    0x40000000ull

/* INVALIDATE_IOTLB_PAGES and INVALIDATE_IOMMU_PAGES, first words */
#define IOTLB_PAGES(sid)    (4ull << 60 | 1 << 24 | (sid))
#define PAGES(did)          (3ull << 60 | (uint64_t)(did) << 32)

typedef struct Fx {
    QAmd *v;
    NyxTestdev a, b;
    QAmdDomain da, db;
    NyxLog log;
} Fx;

static Fx fx_start(void)
{
    Fx f = { .log = nyx_log_begin() };

    f.v = qamd_start("-M q35 -D %s -plugin %s,trace=nyx_iommu_notify "
                     "-device nyx-amdvi,id=iommu,device-iotlb=on "
                     "-device nyx-testdev,id=a,addr=4 "
                     "-device nyx-testdev,id=b,addr=5", f.log.path,
                     nyx_pc_plugin());
    f.a = nyx_td_get(f.v->pc->pci, SID_A);
    f.b = nyx_td_get(f.v->pc->pci, SID_B);
    nyx_td_ats(f.v->pc, SID_A, true);
    nyx_td_ats(f.v->pc, SID_B, true);
    /* A device that does not answer costs its time. */
    qamd_enable(f.v, 4 << 5);
    f.da = qamd_domain(f.v, DID_A, 4);
    f.db = qamd_domain(f.v, DID_B, 4);
    qamd_attach(f.v, SID_A, &f.da, QAMD_DTE1_I);
    qamd_attach(f.v, SID_B, &f.db, QAMD_DTE1_I);
    qamd_flush(f.v);
    return f;
}

static void fx_end(Fx *f)
{
    nyx_td_put(&f->a);
    nyx_td_put(&f->b);
    qamd_end(f->v);
    nyx_log_end(&f->log);
}

static uint64_t remap(Fx *f, const QAmdDomain *dom, uint64_t iova)
{
    uint64_t gpa = nyx_pc_pages(f->v->pc, 1);

    qtest_writeq(f->v->qts, gpa, gpa);
    qamd_map(f->v, dom, iova, gpa, 12, QAMD_RW);
    return gpa;
}

/* --- Device-TLB ----------------------------------------------------------- */

static const struct {
    const char *name;
    uint64_t hi;             /* of the command: address and S */
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

    for (unsigned n = 0; n < NYX_ATC_PAGES; n++) {
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
                  qamd_submit(f.v, IOTLB_PAGES(SID_A), devtlb_rows[i].hi),
                  true);
        NYX_CHECK(devtlb_rows[i].name, nyx_atc_held(&f.a, IOVA),
                  devtlb_rows[i].left);
    }
    NYX_CHECK("B is untouched", nyx_td_r32(&f.b, NYX_TD_ATC_COUNT), 1);
    NYX_CHECK("B is untouched", nyx_td_r64(&f.b, NYX_TD_NOTIFY_DEV_UNMAPS), 0);
    NYX_CHECK("count", qamd_stat(f.v, "invalidations.device-tlb"),
              ARRAY_SIZE(devtlb_rows));
    fx_end(&f);
}

/* Pages of the IOMMU say nothing to the endpoint: the other command does. */
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
    qamd_flush_pages(f.v, DID_A, IOVA, 12);
    NYX_CHECK("stale", nyx_td_request(&f.a, req), NYX_TD_ST_OK);
    nyx_td_get_data(&f.a, &mark, 8);
    NYX_CHECK("stale", mark, old);
    g_assert_true(qamd_submit(f.v, IOTLB_PAGES(SID_A), IOVA));
    NYX_CHECK("told", nyx_td_request(&f.a, req), NYX_TD_ST_OK);
    nyx_td_get_data(&f.a, &mark, 8);
    NYX_CHECK("told", mark, new);
    fx_end(&f);
}

/* An endpoint that does not answer: an event, and the next command. */
static void test_device_tlb_timeout(void)
{
    static const struct {
        const char *name;
        uint16_t sid;
    } rows[] = {
        { "nothing there", NYX_SID(0, 21, 0) },
        { "no such bus", NYX_SID(200, 0, 0) },
        { "no ATS", SID_LPC },
        { "ATS is off", SID_B },
    };
    Fx f = fx_start();

    nyx_td_ats(f.v->pc, SID_B, false);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t at = f.v->commands + f.v->tail;
        QAmdEvent event;

        g_assert_true(qamd_submit(f.v, IOTLB_PAGES(rows[i].sid), IOVA));
        event = qamd_take(f.v);
        NYX_CHECK(rows[i].name, event.lo, 7ull << 60 | rows[i].sid);
        NYX_CHECK(rows[i].name, event.hi, at);
        NYX_CHECK(rows[i].name, qamd_take(f.v).valid, false);
    }
    NYX_CHECK("findings", qamd_mistakes(f.v, "amdvi.iotlb.no-answer"), 4);
    g_assert_true(qamd_submit(f.v, IOTLB_PAGES(SID_A), IOVA));
    NYX_CHECK("A", qamd_take(f.v).valid, false);
    fx_end(&f);
}

/* --- UNMAP events --------------------------------------------------------- */

typedef struct UnmapRow {
    const char *name;
    uint64_t lo, hi;         /* command */
    uint64_t a[2], b[2];     /* what A and B are told */
} UnmapRow;

static const UnmapRow unmap_rows[] = {
    { "page of A", PAGES(DID_A), IOVA | 2,
      { IOVA, IOVA + 0xfff }, { NYX_TOLD_NOTHING } },
    { "8 pages of A", PAGES(DID_A), IOVA | 0x3003,
      { IOVA, IOVA + 0x7fff }, { NYX_TOLD_NOTHING } },
    { "2 MiB of B, leaves only", PAGES(DID_B), IOVA | 0xff001,
      { NYX_TOLD_NOTHING }, { IOVA, IOVA + 0x1fffff } },
    { "1 GiB around the interrupts", PAGES(DID_A), 0xc0000000 | 0x1ffff003,
      { 0xc0000000, 0xffffffff }, { NYX_TOLD_NOTHING } },
    { "nobody's page", PAGES(99), IOVA, { NYX_TOLD_NOTHING },
      { NYX_TOLD_NOTHING } },
    { "domain A", PAGES(DID_A), 0x7ffffffffffff003, { NYX_TOLD_ALL },
      { NYX_TOLD_NOTHING } },
    { "entry of B", 2ull << 60 | SID_B, 0, { NYX_TOLD_NOTHING },
      { NYX_TOLD_ALL } },
    { "all", 8ull << 60, 0, { NYX_TOLD_ALL }, { NYX_TOLD_ALL } },
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
    for (unsigned i = 0; i < ARRAY_SIZE(unmap_rows); i++) {
        const UnmapRow *row = &unmap_rows[i];
        uint64_t told;

        /* The IOMMU knows their domains once they have made a request. */
        g_assert_cmpuint(nyx_td_writel(&f.a, IOVA, 1), ==, NYX_TD_ST_OK);
        g_assert_cmpuint(nyx_td_writel(&f.b, IOVA, 1), ==, NYX_TD_ST_OK);
        g_array_free(nyx_told_new(&f.log), TRUE);
        NYX_CHECK(row->name, qamd_submit(f.v, row->lo, row->hi), true);
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
    qamd_flush(f.v);
    events = nyx_told_new(&f.log);
    nyx_told_check("A is off", events, SID_A, NYX_TOLD_NOTHING);
    nyx_told_check("A is off", events, SID_B, NYX_TOLD_ALL);
    g_array_free(events, TRUE);
    fx_end(&f);
}

/*
 * IommuEn off and on again: the listener's region goes and comes, and what it
 * has from before is of no use any more.
 */
static void test_listener_follows(void)
{
    Fx f = fx_start();
    uint64_t control = qamd_r64(f.v, QAMD_CONTROL);

    remap(&f, &f.da, IOVA);
    nyx_td_notify(&f.a, NYX_TD_NOTIFY_UNMAP);
    g_array_free(nyx_told_new(&f.log), TRUE);
    qamd_w64(f.v, QAMD_CONTROL, control & ~QAMD_IOMMUEN);
    nyx_told_all("off", &f.log, SID_A);
    NYX_CHECK("off", nyx_td_r32(&f.a, NYX_TD_NOTIFY_STATUS) &
              NYX_TD_NOTIFY_ST_ACTIVE, 0);
    qamd_w64(f.v, QAMD_CONTROL, control);
    nyx_told_all("on", &f.log, SID_A);
    /* Below and above the interrupt range. */
    NYX_CHECK("on", (nyx_td_r32(&f.a, NYX_TD_NOTIFY_STATUS) >>
                     NYX_TD_NOTIFY_ST_IOMMU_SHIFT) & 0xff, 2);
    qamd_flush(f.v);
    nyx_told_all("flushed", &f.log, SID_A);
    fx_end(&f);
}

/* Without NpCache: refused with a message, and QEMU lives. */
static void test_map_refused(void)
{
    Fx f = fx_start();
    QObject *text;

    remap(&f, &f.da, IOVA);
    nyx_td_notify(&f.a, NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP);
    text = nyx_pc_qom_get(f.v->pc, "/machine/peripheral/a", "notify-error");
    NYX_CHECK("refused", nyx_td_r32(&f.a, NYX_TD_NOTIFY_STATUS) & 0xff,
              NYX_TD_NOTIFY_ST_REFUSED);
    g_assert_cmpstr(qstring_get_str(qobject_to(QString, text)), ==,
                    "device 04.0: vfio-pci and vhost-vdpa need to know of "
                    "each new mapping: set np-cache=on of nyx-amdvi");
    qobject_unref(text);
    NYX_CHECK("DMA", nyx_td_writel(&f.a, IOVA, 1), NYX_TD_ST_OK);
    NYX_CHECK("UNMAP alone", nyx_td_notify(&f.a, NYX_TD_NOTIFY_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    fx_end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/amdvi-notify/device-tlb", test_device_tlb);
    qtest_add_func("/nyx/amdvi-notify/device-tlb-is-stale",
                   test_device_tlb_is_stale);
    qtest_add_func("/nyx/amdvi-notify/device-tlb-timeout",
                   test_device_tlb_timeout);
    qtest_add_func("/nyx/amdvi-notify/unmap-ranges", test_unmap_ranges);
    qtest_add_func("/nyx/amdvi-notify/listener-follows",
                   test_listener_follows);
    qtest_add_func("/nyx/amdvi-notify/map-refused", test_map_refused);
    return g_test_run();
}
