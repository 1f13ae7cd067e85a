/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who else has to forget: the UNMAP events that vhost lives on, range by
 * range, and device TLBs, down to the endpoint's cache.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-notify.h"
#include "libqos/nyx-virtio-iommu.h"

#define SID_A   NYX_SID(0, 4, 0)
#define SID_B   NYX_SID(0, 5, 0)

#define DOM_A   10
#define DOM_B   11

#define IOVA    0x40000000ull

typedef struct Fx {
    NyxPc *pc;
    QVio *v;
    NyxTestdev a, b;
    NyxLog log;
} Fx;

/* Each device in a domain of its own; bypass is off. */
static Fx fx_start(void)
{
    Fx f = { .log = nyx_log_begin() };

    f.pc = nyx_pc_start("-M q35 -D %s -plugin %s,trace=nyx_iommu_notify "
                        "-device nyx-virtio-iommu-pci,id=iommu,addr=3,"
                        "device-iotlb=on "
                        "-device nyx-testdev,id=a,addr=4 "
                        "-device nyx-testdev,id=b,addr=5", f.log.path,
                        nyx_pc_plugin());
    f.v = qvio_start(f.pc, QVIO_F_USUAL);
    f.a = nyx_td_get(f.pc->pci, SID_A);
    f.b = nyx_td_get(f.pc->pci, SID_B);
    nyx_td_ats(f.pc, SID_A, true);
    nyx_td_ats(f.pc, SID_B, true);
    qvio_set_bypass(f.v, 0);
    NYX_CHECK("A", qvio_attach(f.v, DOM_A, SID_A, 0), QVIO_S_OK);
    NYX_CHECK("B", qvio_attach(f.v, DOM_B, SID_B, 0), QVIO_S_OK);
    return f;
}

static void fx_end(Fx *f)
{
    NYX_CHECK("objections", nyx_td_r32(&f->a, NYX_TD_NOTIFY_ERRORS), 0);
    NYX_CHECK("objections", nyx_td_r32(&f->b, NYX_TD_NOTIFY_ERRORS), 0);
    nyx_td_put(&f->a);
    nyx_td_put(&f->b);
    qvio_end(f->v);
    nyx_pc_end(f->pc);
    nyx_log_end(&f->log);
}

static unsigned map(Fx *f, uint32_t domain, uint64_t iova, uint64_t size)
{
    return qvio_map(f->v, domain, iova, iova + size - 1, NYX_PC_PAGES,
                    QVIO_MAP_RW);
}

static unsigned unmap(Fx *f, uint32_t domain, uint64_t first, uint64_t last)
{
    return qvio_unmap(f->v, domain, first, last);
}

/* --- UNMAP events --------------------------------------------------------- */

enum { MAP, UNMAP, ATTACH, DETACH, RESET };

/*
 * In domain A are the page IOVA, 8 pages from the fifth on, and a GiB around
 * the interrupts in two halves; in B is the page IOVA.
 */
static const struct {
    const char *name;
    unsigned what;
    uint32_t domain;
    uint64_t first, last;    /* or the endpoint, or the value */
    unsigned status;
    uint64_t a[2], b[2];     /* what A and B are told */
} unmap_rows[] = {
    { "new mapping", MAP, DOM_A, IOVA + NYX_MIB, IOVA + 2 * NYX_MIB - 1,
      QVIO_S_OK, { NYX_TOLD_NOTHING }, { NYX_TOLD_NOTHING } },
    { "page of A", UNMAP, DOM_A, IOVA, IOVA + 0xfff, QVIO_S_OK,
      { IOVA, IOVA + 0xfff }, { NYX_TOLD_NOTHING } },
    { "nothing there", UNMAP, DOM_A, IOVA, IOVA + 0xfff, QVIO_S_OK,
      { NYX_TOLD_NOTHING }, { NYX_TOLD_NOTHING } },
    { "cut", UNMAP, DOM_A, IOVA + 0x4000, IOVA + 0x4fff, QVIO_S_RANGE,
      { NYX_TOLD_NOTHING }, { NYX_TOLD_NOTHING } },
    { "8 pages and what is around", UNMAP, DOM_A, IOVA, IOVA + 0xffff,
      QVIO_S_OK, { IOVA, IOVA + 0xffff }, { NYX_TOLD_NOTHING } },
    { "the GiB", UNMAP, DOM_A, 0xc0000000, 0xffffffff, QVIO_S_OK,
      { 0xc0000000, 0xffffffff }, { NYX_TOLD_NOTHING } },
    { "nobody's domain", UNMAP, 99, IOVA, IOVA + 0xfff, QVIO_S_NOENT,
      { NYX_TOLD_NOTHING }, { NYX_TOLD_NOTHING } },
    { "all of B", UNMAP, DOM_B, 0, UINT64_MAX, QVIO_S_OK,
      { NYX_TOLD_NOTHING }, { NYX_TOLD_ALL } },
    { "B to A", ATTACH, DOM_A, SID_B, 0, QVIO_S_OK,
      { NYX_TOLD_NOTHING }, { NYX_TOLD_ALL } },
    { "both are in A", UNMAP, DOM_A, IOVA + NYX_MIB, IOVA + 2 * NYX_MIB - 1,
      QVIO_S_OK, { IOVA + NYX_MIB, IOVA + 2 * NYX_MIB - 1 },
      { IOVA + NYX_MIB, IOVA + 2 * NYX_MIB - 1 } },
    { "B again", ATTACH, DOM_A, SID_B, 0, QVIO_S_OK,
      { NYX_TOLD_NOTHING }, { NYX_TOLD_NOTHING } },
    { "B leaves", DETACH, DOM_A, SID_B, 0, QVIO_S_OK,
      { NYX_TOLD_NOTHING }, { NYX_TOLD_ALL } },
    { "reset", RESET, 0, 0, 0, QVIO_S_OK,
      { NYX_TOLD_ALL }, { NYX_TOLD_ALL } },
};

static unsigned run_row(Fx *f, unsigned i)
{
    uint32_t domain = unmap_rows[i].domain;
    uint64_t first = unmap_rows[i].first, last = unmap_rows[i].last;

    switch (unmap_rows[i].what) {
    case MAP:
        return map(f, domain, first, last - first + 1);
    case UNMAP:
        return unmap(f, domain, first, last);
    case ATTACH:
        return qvio_attach(f->v, domain, first, 0);
    case DETACH:
        return qvio_detach(f->v, domain, first);
    default:
        qvio_reset(f->v);
        return QVIO_S_OK;
    }
}

static void test_unmap_ranges(void)
{
    Fx f = fx_start();
    uint64_t before = 0;

    map(&f, DOM_A, IOVA, NYX_PAGE);
    map(&f, DOM_A, IOVA + 4 * NYX_PAGE, 8 * NYX_PAGE);
    map(&f, DOM_A, 0xc0000000, 0x3ee00000);
    map(&f, DOM_A, 0xfef00000, 0x1100000);
    map(&f, DOM_B, IOVA, NYX_PAGE);
    NYX_CHECK("listens", nyx_td_notify(&f.a, NYX_TD_NOTIFY_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    nyx_td_notify(&f.b, NYX_TD_NOTIFY_UNMAP);
    for (unsigned i = 0; i < ARRAY_SIZE(unmap_rows); i++) {
        const char *name = unmap_rows[i].name;
        GArray *events;
        uint64_t told;

        g_array_free(nyx_told_new(&f.log), TRUE);
        NYX_CHECK(name, run_row(&f, i), unmap_rows[i].status);
        events = nyx_told_new(&f.log);
        nyx_told_check(name, events, SID_A, unmap_rows[i].a[0],
                       unmap_rows[i].a[1]);
        nyx_told_check(name, events, SID_B, unmap_rows[i].b[0],
                       unmap_rows[i].b[1]);
        /* What went out has arrived. */
        told = nyx_td_r64(&f.a, NYX_TD_NOTIFY_UNMAPS) +
               nyx_td_r64(&f.b, NYX_TD_NOTIFY_UNMAPS);
        NYX_CHECK(name, told - before, events->len);
        before = told;
        g_array_free(events, TRUE);
    }
    fx_end(&f);
}

/* Who has gone is not told. */
static void test_unregistered(void)
{
    Fx f = fx_start();
    GArray *events;

    map(&f, DOM_A, IOVA, NYX_PAGE);
    map(&f, DOM_B, IOVA, NYX_PAGE);
    nyx_td_notify(&f.a, NYX_TD_NOTIFY_UNMAP);
    nyx_td_notify(&f.b, NYX_TD_NOTIFY_UNMAP);
    nyx_td_notify(&f.a, 0);
    g_array_free(nyx_told_new(&f.log), TRUE);
    unmap(&f, DOM_A, IOVA, IOVA + NYX_PAGE - 1);
    unmap(&f, DOM_B, IOVA, IOVA + NYX_PAGE - 1);
    events = nyx_told_new(&f.log);
    nyx_told_check("A is off", events, SID_A, NYX_TOLD_NOTHING);
    nyx_told_check("B", events, SID_B, IOVA, IOVA + NYX_PAGE - 1);
    g_array_free(events, TRUE);
    fx_end(&f);
}

/*
 * With bypass the listener's region goes, and without it comes; what it has
 * from before is of no use any more.
 */
static void test_listener_follows(void)
{
    Fx f = fx_start();

    for (unsigned i = 0; i < 2; i++) {
        GArray *events;

        nyx_td_notify(&f.a, NYX_TD_NOTIFY_UNMAP);
        g_array_free(nyx_told_new(&f.log), TRUE);
        if (i) {
            NYX_CHECK("none", qvio_detach(f.v, DOM_A, SID_A), QVIO_S_OK);
            nyx_told_all("none", &f.log, SID_A);
            qvio_set_bypass(f.v, 1);
        } else {
            NYX_CHECK("bypass", qvio_attach(f.v, 12, SID_A,
                                            QVIO_ATTACH_BYPASS), QVIO_S_OK);
        }
        nyx_told_all("off", &f.log, SID_A);
        NYX_CHECK("off", nyx_td_r32(&f.a, NYX_TD_NOTIFY_STATUS) &
                  NYX_TD_NOTIFY_ST_ACTIVE, 0);
        NYX_CHECK("on", qvio_attach(f.v, DOM_A, SID_A, 0), QVIO_S_OK);
        nyx_told_all("on", &f.log, SID_A);
        /* Below and above the interrupt range. */
        NYX_CHECK("on", (nyx_td_r32(&f.a, NYX_TD_NOTIFY_STATUS) >>
                         NYX_TD_NOTIFY_ST_IOMMU_SHIFT) & 0xff, 2);
        map(&f, DOM_A, IOVA, NYX_PAGE);
        g_array_free(nyx_told_new(&f.log), TRUE);
        unmap(&f, DOM_A, IOVA, IOVA + NYX_PAGE - 1);
        events = nyx_told_new(&f.log);
        nyx_told_check("on", events, SID_A, IOVA, IOVA + NYX_PAGE - 1);
        g_array_free(events, TRUE);
    }
    fx_end(&f);
}

/* --- Device TLBs ---------------------------------------------------------- */

static const struct {
    const char *name;
    uint64_t first, pages;   /* from IOVA on, unmapped */
    uint32_t left;           /* of nyx_atc_pages */
} devtlb_rows[] = {
    { "page 0", 0, 1, 0x1fe },
    { "page 3", 3, 1, 0x1f7 },
    { "a page that is not held", 5, 1, 0x1ff },
    { "pages 1 to 4", 1, 4, 0x1e1 },
    { "2 MiB", 0, 512, 0x100 },
    { "everything", 0, 1024, 0 },
};

/* There is no other way to tell it: what is unmapped, it has forgotten. */
static void test_device_tlb(void)
{
    Fx f = fx_start();
    NyxTdAnswer answer;

    map(&f, DOM_B, IOVA, NYX_PAGE);
    NYX_CHECK("listens", nyx_td_notify(&f.a, NYX_TD_NOTIFY_DEV_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    nyx_td_notify(&f.b, NYX_TD_NOTIFY_DEV_UNMAP);
    NYX_CHECK("B", nyx_td_translate(&f.b, IOVA, -1, &answer), NYX_TD_ST_OK);
    for (unsigned i = 0; i < ARRAY_SIZE(devtlb_rows); i++) {
        uint64_t first = IOVA + devtlb_rows[i].first * NYX_PAGE;

        for (unsigned n = 0; n < 1024; n++) {
            /* Where the last row left a hole. */
            map(&f, DOM_A, IOVA + n * NYX_PAGE, NYX_PAGE);
        }
        nyx_atc_fill(&f.a, IOVA);
        NYX_CHECK(devtlb_rows[i].name,
                  unmap(&f, DOM_A, first,
                        first + devtlb_rows[i].pages * NYX_PAGE - 1),
                  QVIO_S_OK);
        NYX_CHECK(devtlb_rows[i].name, nyx_atc_held(&f.a, IOVA),
                  devtlb_rows[i].left);
    }
    NYX_CHECK("B is untouched", nyx_td_r32(&f.b, NYX_TD_ATC_COUNT), 1);
    NYX_CHECK("B is untouched", nyx_td_r64(&f.b, NYX_TD_NOTIFY_DEV_UNMAPS), 0);
    /* Another domain has other pages. */
    NYX_CHECK("detach", qvio_attach(f.v, 12, SID_B, 0), QVIO_S_OK);
    NYX_CHECK("B forgets", nyx_td_r32(&f.b, NYX_TD_ATC_COUNT), 0);
    fx_end(&f);
}

/* What the endpoint has translated, it uses without asking. */
static void test_translated(void)
{
    Fx f = fx_start();
    const NyxTdReq req = {
        .op = NYX_TD_OP_READ, .attr = NYX_TD_ATTR_AT_ATC, .addr = IOVA,
        .len = 8,
    };
    uint64_t page = nyx_pc_pages(f.pc, 2), seen;

    qtest_writeq(f.pc->qts, page, 1);
    qtest_writeq(f.pc->qts, page + NYX_PAGE, 2);
    nyx_td_notify(&f.a, NYX_TD_NOTIFY_DEV_UNMAP);
    for (unsigned i = 0; i < 2; i++) {
        NYX_CHECK("map", qvio_map(f.v, DOM_A, IOVA, IOVA + NYX_PAGE - 1,
                                  page + i * NYX_PAGE, QVIO_MAP_RW),
                  QVIO_S_OK);
        for (unsigned j = 0; j < 2; j++) {
            NYX_CHECK("read", nyx_td_request(&f.a, req), NYX_TD_ST_OK);
            nyx_td_get_data(&f.a, &seen, 8);
            NYX_CHECK("read", seen, i + 1);
        }
        unmap(&f, DOM_A, IOVA, IOVA + NYX_PAGE - 1);
        NYX_CHECK("gone", nyx_td_request(&f.a, req) == NYX_TD_ST_OK, false);
    }
    fx_end(&f);
}

/* vhost with ATS listens for events of another kind, and never translates. */
static void test_device_tlb_events(void)
{
    Fx f = fx_start();
    uint64_t told;

    NYX_CHECK("listens", nyx_td_notify(&f.a, NYX_TD_NOTIFY_DEV_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    map(&f, DOM_A, IOVA, NYX_PAGE);
    map(&f, DOM_B, IOVA, NYX_PAGE);
    unmap(&f, DOM_B, IOVA, IOVA + NYX_PAGE - 1);
    NYX_CHECK("nothing", nyx_td_r64(&f.a, NYX_TD_NOTIFY_DEV_UNMAPS), 0);
    unmap(&f, DOM_A, IOVA, IOVA + NYX_PAGE - 1);
    told = nyx_td_r64(&f.a, NYX_TD_NOTIFY_DEV_UNMAPS);
    NYX_CHECK("a page", told, 1);
    NYX_CHECK("of the other kind", nyx_td_r64(&f.a, NYX_TD_NOTIFY_UNMAPS), 0);
    NYX_CHECK("detach", qvio_detach(f.v, DOM_A, SID_A), QVIO_S_OK);
    NYX_CHECK("detach", nyx_td_r64(&f.a, NYX_TD_NOTIFY_DEV_UNMAPS) > told,
              true);
    fx_end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-virtio/notify/" name, fn)
    ADD("unmap-ranges", test_unmap_ranges);
    ADD("unregistered", test_unregistered);
    ADD("listener-follows", test_listener_follows);
    ADD("device-tlb", test_device_tlb);
    ADD("device-tlb-events", test_device_tlb_events);
    ADD("translated", test_translated);
    return g_test_run();
}
