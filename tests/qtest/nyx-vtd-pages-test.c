/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-vtd in the stock QEMU: page requests of the test device to the queue
 * and responses back, and its translation cache in scalable mode.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-run.h"
#include "nyx-vtd-fixture.h"

#define PASID_A 1
#define PASID_B 0x12345

#define RW      (NYX_TD_ACCESS_READ | NYX_TD_ACCESS_WRITE)
#define LAST    (NYX_TD_PRI_F_PASID | NYX_TD_PRI_F_LAST)

/* Status of the PRI capability */
#define RF      0x0001
#define UPRGI   0x0002
#define STOPPED 0x0100

#define VECTOR  0x51

typedef struct Pages {
    Fixture f;
    QVtd *v;
    QTestState *qts;
    uint64_t context;
    uint64_t pages;          /* page request queue */
    unsigned pri;            /* the capability */
} Pages;

/* A PASID entry with these words; the directory is for all PASIDs. */
static void put_entry(Pages *p, uint32_t pasid, uint64_t w0, uint64_t did,
                      uint64_t w2)
{
    uint64_t dir = qtest_readq(p->qts, p->context) & ~0xfffull;
    uint64_t at = dir + (pasid >> 6) * 8;
    uint64_t table = qtest_readq(p->qts, at);

    if (!table) {
        table = nyx_pc_pages(p->v->pc, 1) | 1;
        qtest_writeq(p->qts, at, table);
    }
    at = (table & ~0xfffull) + (pasid & 63) * 64;
    qtest_writeq(p->qts, at + 8, did);
    qtest_writeq(p->qts, at + 16, w2);
    qtest_writeq(p->qts, at, w0);
}

/*
 * First stage of 4 levels in which IOVA leads to @page.  Returns the third
 * word of the PASID entry.
 */
static uint64_t map_first(Pages *p, uint32_t pasid, uint64_t page, uint64_t bits)
{
    uint64_t root = nyx_pc_pages(p->v->pc, 1), table = root;

    for (unsigned shift = 39; shift > 12; shift -= 9) {
        uint64_t next = nyx_pc_pages(p->v->pc, 1);

        qtest_writeq(p->qts, table + (IOVA >> shift & 511) * 8, next | 7);
        table = next;
    }
    qtest_writeq(p->qts, table + (IOVA >> 12 & 511) * 8, page | bits);
    put_entry(p, pasid, 1 << 6 | 1, DID, root | 3);
    return root | 3;
}

/* Arguments for QEMU besides. */
static const char *more = "";

static Pages start_pages(const char *options)
{
    g_autofree char *all = g_strdup_printf(
        ",scalable-mode=on,device-iotlb=on%s%s", options, more);
    Pages p = { .f = start_off(all) };
    uint64_t table, dir;
    unsigned pasid;

    p.v = p.f.v;
    p.qts = p.v->qts;
    g_assert_true(qvtd_queue_wide(p.v, 0));
    g_assert_true(qvtd_root(p.v, 1));
    table = nyx_pc_pages(p.v->pc, 1);
    dir = nyx_pc_pages(p.v->pc, 32);
    qvtd_root_entry(p.v, 0, table | 1, 0);
    p.context = table + SID * 32;
    /* All PASIDs; PRE, PASIDE, DTE, P. */
    qtest_writeq(p.qts, p.context, dir | 7 << 9 | 0x1d);
    flush(&p.f);
    g_assert_true(qvtd_gcmd(p.v, QVTD_TE, true));
    map_first(&p, PASID_A, p.f.page, 7);
    map_first(&p, PASID_B, p.f.page, 7);

    p.pages = nyx_pc_pages(p.v->pc, 1);
    qvtd_w64(p.v, QVTD_PQA, p.pages);
    qvtd_w32(p.v, QVTD_PECTL + 4, VECTOR);
    qvtd_w32(p.v, QVTD_PECTL + 8, 0xfee00000);
    qvtd_w32(p.v, QVTD_PECTL, 0);
    nyx_td_ats(p.v->pc, SID, true);
    p.pri = nyx_pci_ext_cap(p.v->pc, SID, PCI_EXT_CAP_ID_PRI);
    /* PASIDs, to execute and privileged too. */
    pasid = nyx_pci_ext_cap(p.v->pc, SID, PCI_EXT_CAP_ID_PASID);
    nyx_pci_ext_writel(p.v->pc, SID, pasid + 4, 7 << 16);
    return p;
}

static void end_pages(Pages *p)
{
    end(&p->f);
}

/* Control is the lower half, status the upper. */
static uint16_t pri_status(Pages *p)
{
    return nyx_pci_ext_readl(p->v->pc, SID, p->pri + 4) >> 16;
}

static void pri_control(Pages *p, uint16_t control, uint16_t clear)
{
    nyx_pci_ext_writel(p->v->pc, SID, p->pri + 4,
                       control | (uint32_t)clear << 16);
}

static uint64_t response(uint32_t pasid, unsigned code)
{
    return 0x19 | code << 12 | SID << 16 | (uint64_t)pasid << 32;
}

static void check_response(Pages *p, const char *row, unsigned n,
                           uint32_t word, uint32_t pasid)
{
    uint32_t got;

    NYX_CHECK(row, nyx_td_r32(&p->f.td, NYX_TD_PRI_RESPONSES), n + 1);
    NYX_CHECK(row, nyx_td_page_response(&p->f.td, n % 16, &got), word);
    NYX_CHECK(row, got, pasid);
}

/* --- There and back ------------------------------------------------------- */

static void test_round_trip(void)
{
    Pages p = start_pages("");
    NyxTestdev *td = &p.f.td;
    uint32_t none;

    pri_control(&p, 1, 0);
    NYX_CHECK("features", nyx_td_r32(td, NYX_TD_FEATURES) >> 7 & 3, 3);
    NYX_CHECK("first", nyx_td_page_request(td, IOVA, RW | NYX_TD_PRI_F_PASID,
                                           PASID_B, 0x155), NYX_TD_ST_OK);
    NYX_CHECK("last", nyx_td_page_request(td, IOVA + 0x1000, 0xc | RW | LAST,
                                          PASID_B, 0x155), NYX_TD_ST_OK);
    NYX_CHECK("sent", nyx_td_r32(td, NYX_TD_PRI_SENT), 2);
    NYX_CHECK("waits", nyx_td_r32(td, NYX_TD_PRI_OUTSTANDING), 2);

    NYX_CHECK("tail", qvtd_r64(p.v, QVTD_PQT), 0x40);
    NYX_CHECK("PRS", qvtd_r32(p.v, QVTD_PRS), 1);
    NYX_CHECK("event", nyx_apic_irr(p.v->pc, 0, VECTOR), NYX_IRR_EDGE);
    NYX_CHECK("0", qtest_readq(p.qts, p.pages), 0x0001234500200101ull);
    NYX_CHECK("0", qtest_readq(p.qts, p.pages + 8), IOVA | 0x155 << 3 | 3);
    NYX_CHECK("1", qtest_readq(p.qts, p.pages + 32), 0x0031234500200101ull);
    NYX_CHECK("1", qtest_readq(p.qts, p.pages + 40),
              (IOVA + 0x1000) | 0x155 << 3 | 7);

    NYX_CHECK("none", nyx_td_page_response(td, 0, &none), 0);
    qvtd_w64(p.v, QVTD_PQH, 0x40);
    qvtd_w32(p.v, QVTD_PRS, 1);
    g_assert_true(qvtd_submit(p.v, response(PASID_B, 1), 0x155 << 3 | 4));
    check_response(&p, "response", 0, 0x80031155, PASID_B);
    NYX_CHECK("waits", nyx_td_r32(td, NYX_TD_PRI_OUTSTANDING), 0);
    NYX_CHECK("status", pri_status(&p) & 3, 0);
    NYX_CHECK("stats", qvtd_stat(p.v, "page-requests.queued"), 2);
    NYX_CHECK("stats", qvtd_stat(p.v, "page-requests.responses"), 1);
    NYX_CHECK("PRS", qvtd_r32(p.v, QVTD_PRS), 0);
    end_pages(&p);
}

/* Responses that the device does not wait for, and how it says so. */
static void test_unexpected(void)
{
    Pages p = start_pages("");
    NyxTestdev *td = &p.f.td;

    pri_control(&p, 1, 0);
    nyx_td_page_request(td, IOVA, RW | NYX_TD_PRI_F_PASID, PASID_A, 5);
    g_assert_true(qvtd_submit(p.v, response(PASID_A, 0), 5 << 3));
    check_response(&p, "not the last yet", 0, 0x80010005, PASID_A);
    NYX_CHECK("UPRGI", pri_status(&p) & 3, UPRGI);
    pri_control(&p, 1, UPRGI);
    NYX_CHECK("cleared", pri_status(&p) & 3, 0);

    nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, 5);
    g_assert_true(qvtd_submit(p.v, response(PASID_A, 0), 4 << 3));
    check_response(&p, "group", 1, 0x80010004, PASID_A);
    g_assert_true(qvtd_submit(p.v, response(PASID_B, 0), 5 << 3));
    check_response(&p, "PASID", 2, 0x80010005, PASID_B);
    g_assert_true(qvtd_submit(p.v, response(PASID_A, 0) & ~0x10, 5 << 3));
    check_response(&p, "no PASID", 3, 0x80000005, PASID_A);
    NYX_CHECK("waits", nyx_td_r32(td, NYX_TD_PRI_OUTSTANDING), 2);
    g_assert_true(qvtd_submit(p.v, response(PASID_A, 15), 5 << 3));
    check_response(&p, "failure", 4, 0x8003f005, PASID_A);
    NYX_CHECK("RF", pri_status(&p) & 3, RF | UPRGI);
    g_assert_true(qvtd_submit(p.v, response(PASID_A, 0), 5 << 3));
    check_response(&p, "twice", 5, 0x80010005, PASID_A);
    NYX_CHECK("finding", qvtd_mistakes(p.v, "vtd.prq.response"), 5);

    /* Nobody there, or somebody who knows no page requests. */
    g_assert_true(qvtd_submit(p.v, 0xfff80009ull, 0));
    g_assert_true(qvtd_submit(p.v, 0xf80009ull, 0));
    NYX_CHECK("finding", qvtd_mistakes(p.v, "vtd.prq.response"), 7);
    end_pages(&p);
}

/* "PRG Response PASID Required" is clear: the group is enough. */
static void test_by_group(void)
{
    Pages p;
    NyxTestdev *td;

    more = " -global nyx-testdev.pri-pasid=off";
    p = start_pages("");
    more = "";
    td = &p.f.td;
    NYX_CHECK("status", pri_status(&p), STOPPED);
    pri_control(&p, 1, 0);
    nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, 5);
    g_assert_true(qvtd_submit(p.v, response(PASID_A, 0) & ~0x10, 4 << 3));
    check_response(&p, "group", 0, 0x80000004, PASID_A);
    NYX_CHECK("UPRGI", pri_status(&p) & 3, UPRGI);
    g_assert_true(qvtd_submit(p.v, response(0, 0) & ~0x10, 5 << 3));
    check_response(&p, "no PASID", 1, 0x80020005, 0);
    NYX_CHECK("waits", nyx_td_r32(td, NYX_TD_PRI_OUTSTANDING), 0);
    nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, 6);
    g_assert_true(qvtd_submit(p.v, response(PASID_A, 1), 6 << 3));
    check_response(&p, "PASID", 2, 0x80031006, PASID_A);
    NYX_CHECK("waits", nyx_td_r32(td, NYX_TD_PRI_OUTSTANDING), 0);
    end_pages(&p);
}

/* The capability: what software sees when it turns PRI off and resets it. */
static void test_capability(void)
{
    Pages p = start_pages("");
    NyxTestdev *td = &p.f.td;

    NYX_CHECK("capability", p.pri != 0, true);
    NYX_CHECK("status", pri_status(&p), 0x8000 | STOPPED);
    NYX_CHECK("capacity", nyx_pci_ext_readl(p.v->pc, SID, p.pri + 8), 64);
    nyx_pci_ext_writel(p.v->pc, SID, p.pri + 12, 32);
    NYX_CHECK("allocation", nyx_pci_ext_readl(p.v->pc, SID, p.pri + 12), 32);
    pri_control(&p, 1, 0);
    NYX_CHECK("enabled", pri_status(&p), 0x8000);
    nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, 5);
    pri_control(&p, 0, 0);
    NYX_CHECK("one is left", pri_status(&p), 0x8000);
    g_assert_true(qvtd_submit(p.v, response(PASID_A, 15), 5 << 3));
    NYX_CHECK("none is left", pri_status(&p), 0x8000 | STOPPED | RF);
    pri_control(&p, 2, 0);
    NYX_CHECK("reset", nyx_pci_ext_readl(p.v->pc, SID, p.pri + 4),
              (0x8000u | STOPPED) << 16);

    /* What it waits for is forgotten; not while it is enabled. */
    pri_control(&p, 1, 0);
    nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, 5);
    pri_control(&p, 3, 0);
    NYX_CHECK("waits", nyx_td_r32(td, NYX_TD_PRI_OUTSTANDING), 1);
    pri_control(&p, 2, 0);
    NYX_CHECK("forgotten", nyx_td_r32(td, NYX_TD_PRI_OUTSTANDING), 0);
    pri_control(&p, 1, 0);
    nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, 5);
    qtest_system_reset(p.qts);
    NYX_CHECK("reset", nyx_pci_ext_readl(p.v->pc, SID, p.pri + 4),
              (0x8000u | STOPPED) << 16);
    NYX_CHECK("reset", nyx_pci_ext_readl(p.v->pc, SID, p.pri + 12), 0);
    end_pages(&p);
}

/* As many as the device can wait for; each is answered. */
static void test_capacity(void)
{
    Pages p = start_pages("");
    NyxTestdev *td = &p.f.td;

    for (unsigned i = 0; i < 64; i++) {
        NYX_CHECK("room", nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, i),
                  NYX_TD_ST_OK);
    }
    NYX_CHECK("full", nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, 64),
              NYX_TD_ST_BUSY);
    NYX_CHECK("a stop marker as well",
              nyx_td_page_request(td, 0, LAST, PASID_A, 0), NYX_TD_ST_BUSY);
    for (unsigned i = 0; i < 64; i++) {
        g_assert_true(qvtd_submit(p.v, response(PASID_A, 0), i << 3));
        check_response(&p, "response", i, 0x80030000 | i, PASID_A);
    }
    NYX_CHECK("stop marker", nyx_td_page_request(td, 0, LAST, PASID_A, 0),
              NYX_TD_ST_OK);
    NYX_CHECK("nothing to wait for",
              nyx_td_r32(td, NYX_TD_PRI_OUTSTANDING), 0);
    end_pages(&p);
}

/* A full queue: the unit answers "success", and goes on when PRO is cleared. */
static void test_overflow(void)
{
    Pages p = start_pages("");
    NyxTestdev *td = &p.f.td;

    qvtd_w64(p.v, QVTD_PQH, 0x40);
    nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, 1);
    nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, 2);
    NYX_CHECK("full", qvtd_r64(p.v, QVTD_PQT), 0x20);
    NYX_CHECK("full", qvtd_r32(p.v, QVTD_PRS), 3);
    check_response(&p, "full", 0, 0x80030002, PASID_A);
    NYX_CHECK("lost", qvtd_stat(p.v, "page-requests.lost"), 1);
    NYX_CHECK("own", qvtd_stat(p.v, "page-requests.responses-own"), 1);
    NYX_CHECK("finding", qvtd_mistakes(p.v, "vtd.prq.overflow"), 1);
    qvtd_w64(p.v, QVTD_PQH, 0x20);
    qvtd_w32(p.v, QVTD_PRS, 3);
    nyx_td_page_request(td, IOVA, RW | LAST, PASID_A, 2);
    NYX_CHECK("again", qvtd_r64(p.v, QVTD_PQT), 0x40);
    NYX_CHECK("again", qvtd_r32(p.v, QVTD_PRS), 1);
    end_pages(&p);
}

/* The queue at the unit's own registers, or at the end of all addresses. */
static void test_hostile_queue(void)
{
    static const uint64_t at[] = {
        REGISTERS, 0xfffffffffffff007ull, 0xfee00000, 0x7fff000ull << 12,
    };
    Pages p = start_pages("");

    for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
        qvtd_w64(p.v, QVTD_PQA, at[i]);
        nyx_td_page_request(&p.f.td, IOVA, RW | LAST, PASID_A, 1);
        NYX_CHECK("tail", qvtd_r64(p.v, QVTD_PQT), 0);
        check_response(&p, "failure", i, 0x8003f001, PASID_A);
    }
    NYX_CHECK("finding", qvtd_mistakes(p.v, "vtd.prq.memory"),
              ARRAY_SIZE(at));
    end_pages(&p);
}

/* Refused: the record, and the response of the unit. */
static void test_refused(void)
{
    Pages p = start_pages("");

    qtest_writeq(p.qts, p.context, qtest_readq(p.qts, p.context) & ~0x10ull);
    flush(&p.f);
    nyx_td_page_request(&p.f.td, IOVA, RW | LAST, PASID_B, 3);
    check_response(&p, "PRE", 0, 0x80031003, PASID_B);
    expect_record(&p.f, "PRE", IOVA, 0x8123454790000020ull);
    NYX_CHECK("refused", qvtd_stat(p.v, "page-requests.refused"), 1);
    NYX_CHECK("tail", qvtd_r64(p.v, QVTD_PQT), 0);
    end_pages(&p);

    p = start_pages(",page-requests=off");
    qtest_writeq(p.qts, p.context, qtest_readq(p.qts, p.context) & ~0x10ull);
    flush(&p.f);
    NYX_CHECK("ECAP", qvtd_r64(p.v, QVTD_ECAP) & (1ull << 29 | 1ull << 42), 0);
    nyx_td_page_request(&p.f.td, IOVA, RW | LAST, PASID_B, 3);
    check_response(&p, "off", 0, 0x80031003, PASID_B);
    NYX_CHECK("off", qvtd_take_code(p.v), 0x47);
    NYX_CHECK("type 9", qvtd_submit(p.v, response(PASID_B, 0), 0), false);
    end_pages(&p);
}

/* --- Migration ------------------------------------------------------------ */

/* The same machine, with what is in the file @path. */
static Pages incoming(const Pages *from, const char *path)
{
    Pages to = *from;

    to.v = g_memdup2(from->v, sizeof(*from->v));
    to.v->pc = nyx_pc_start("-M q35 -device nyx-vtd,id=iommu,scalable-mode=on,"
                            "device-iotlb=on -device nyx-testdev,addr=4 "
                            "-incoming file:%s", path);
    to.v->qts = to.qts = to.v->pc->qts;
    to.f.v = to.v;
    to.f.td = nyx_td_at(to.qts, from->f.td.bar);
    nyx_migrate_wait(to.qts);
    return to;
}

/* A request waits, in the queue and in the device; its event is held back. */
static void test_migrate(void)
{
    Pages p = start_pages(""), to;
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    uint32_t pasid;

    pri_control(&p, 1, 0);
    qvtd_w32(p.v, QVTD_PECTL, 0x80000000);
    nyx_td_page_request(&p.f.td, IOVA, RW | LAST, PASID_A, 7);
    g_assert_true(qvtd_submit(p.v, response(PASID_A, 1), 7 << 3));
    nyx_td_page_request(&p.f.td, IOVA, RW | LAST, PASID_B, 9);
    nyx_migrate_to(p.qts, path);

    to = incoming(&p, path);
    NYX_CHECK("tail", qvtd_r64(to.v, QVTD_PQT), 0x40);
    NYX_CHECK("PQA", qvtd_r64(to.v, QVTD_PQA), p.pages);
    NYX_CHECK("PRS", qvtd_r32(to.v, QVTD_PRS), 1);
    NYX_CHECK("PECTL", qvtd_r32(to.v, QVTD_PECTL), 0xc0000000);
    NYX_CHECK("waits", nyx_td_r32(&to.f.td, NYX_TD_PRI_OUTSTANDING), 1);
    NYX_CHECK("kept", nyx_td_page_response(&to.f.td, 0, &pasid), 0x80031007);
    NYX_CHECK("kept", pasid, PASID_A);
    qvtd_w32(to.v, QVTD_PECTL, 0);
    NYX_CHECK("event", nyx_apic_irr(to.v->pc, 0, VECTOR), NYX_IRR_EDGE);
    g_assert_true(qvtd_submit(to.v, response(PASID_B, 0), 9 << 3));
    check_response(&to, "response", 1, 0x80030009, PASID_B);
    qvtd_end(to.v);
    end_pages(&p);
    nyx_tmp_free(dir);
}

/* --- ATS ------------------------------------------------------------------ */

/* Completions with all of their fields. */
static void test_completion(void)
{
    static const struct {
        const char *name;
        uint32_t pasid, attr;
        uint32_t access, ats;
        uint64_t mask;
    } rows[] = {
        { "user", 2, 0, 0x3, 0, 0xfff },
        { "execute", 2, NYX_TD_ATTR_EXEC, 0x7, 0, 0xfff },
        { "privileged", 2, NYX_TD_ATTR_PRIV, 0xb, 0, 0xfff },
        { "all", 2, NYX_TD_ATTR_EXEC | NYX_TD_ATTR_PRIV, 0xf, 0, 0xfff },
        { "PGSNP", 3, 0, 0x3, NYX_TD_ATS_SNOOP, 0xfff },
        { "read-only", 4, 0, 0x1, 0, 0xfff },
        { "pass-through", 5, 0, 0x3, 0, 0xfffff },
        { "pass-through, PGSNP", 6, NYX_TD_ATTR_PRIV, 0xb, NYX_TD_ATS_SNOOP,
          0xfffff },
    };
    Pages p = start_pages("");
    NyxTestdev *td = &p.f.td;

    map_first(&p, 2, p.f.page, 7);
    put_entry(&p, 3, 1 << 6 | 1, DID | 1 << 24, map_first(&p, 3, p.f.page, 7));
    map_first(&p, 4, p.f.page, 5);
    put_entry(&p, 5, 4 << 6 | 2 << 2 | 1, DID, 1);
    put_entry(&p, 6, 4 << 6 | 2 << 2 | 1, DID | 1 << 24, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NYX_CHECK(rows[i].name, nyx_td_request(td, (NyxTdReq) {
            .op = NYX_TD_OP_TRANSLATE,
            .addr = rows[i].pasid < 5 ? IOVA : 0x12345000,
            .attr = NYX_TD_ATTR_PASID | rows[i].attr, .pasid = rows[i].pasid,
        }), NYX_TD_ST_OK);
        NYX_CHECK(rows[i].name, nyx_td_answer(td).access, rows[i].access);
        NYX_CHECK(rows[i].name, nyx_td_answer(td).mask, rows[i].mask);
        /* QEMU's calls cannot tell of snooping. */
        NYX_CHECK(rows[i].name, nyx_td_r32(td, NYX_TD_DMA_XATS),
                  *more ? 0 : rows[i].ats);
    }
    end_pages(&p);
}

/* What a privileged request was granted serves no other, and the reverse. */
static void test_privileged_entries(void)
{
    Pages p = start_pages("");
    NyxTestdev *td = &p.f.td;
    NyxTdReq req = {
        .op = NYX_TD_OP_READ, .addr = IOVA, .len = 8, .pasid = PASID_A,
        .attr = NYX_TD_ATTR_AT_ATC | NYX_TD_ATTR_PASID | NYX_TD_ATTR_PRIV,
    };

    map_first(&p, PASID_A, p.f.page, 3);
    NYX_CHECK("supervisor", nyx_td_request(td, req), NYX_TD_ST_OK);
    NYX_CHECK("again", nyx_td_request(td, req), NYX_TD_ST_OK);
    NYX_CHECK("hit", nyx_td_r64(td, NYX_TD_ATC_HITS), 1);
    req.attr &= ~NYX_TD_ATTR_PRIV;
    NYX_CHECK("user", nyx_td_request(td, req), NYX_TD_ST_NO_MAPPING);
    NYX_CHECK("miss", nyx_td_r64(td, NYX_TD_ATC_HITS), 1);
    req.pasid = PASID_B;
    NYX_CHECK("user's page", nyx_td_request(td, req), NYX_TD_ST_OK);
    req.attr |= NYX_TD_ATTR_PRIV;
    NYX_CHECK("supervisor", nyx_td_request(td, req), NYX_TD_ST_OK);
    NYX_CHECK("an entry of its own", nyx_td_r32(td, NYX_TD_ATC_COUNT), 3);
    end_pages(&p);
}

static uint64_t filled(Pages *p)
{
    NyxTestdev *td = &p->f.td;
    NyxTdAnswer answer;

    nyx_td_w32(td, NYX_TD_ATC_CTRL, NYX_TD_ATC_FLUSH);
    NYX_CHECK("A", nyx_td_translate(td, IOVA, PASID_A, &answer), NYX_TD_ST_OK);
    NYX_CHECK("B", nyx_td_translate(td, IOVA, PASID_B, &answer), NYX_TD_ST_OK);
    NYX_CHECK("none", nyx_td_translate(td, IOVA, -1, &answer), NYX_TD_ST_OK);
    return nyx_td_r32(td, NYX_TD_ATC_COUNT);
}

/* Which of the entries of PASID A, PASID B and none are left, as bits. */
static unsigned left(Pages *p)
{
    NyxTestdev *td = &p->f.td;
    unsigned bits = 0;

    for (unsigned i = 0; i < 3; i++) {
        nyx_td_w32(td, NYX_TD_ATC_INDEX, i);
        bits |= nyx_td_r32(td, NYX_TD_ATC_ACCESS) >> 31 << i;
    }
    return bits;
}

/* An invalidation reaches the entries of its PASID. */
static void test_invalidate(void)
{
    static const struct {
        const char *name;
        uint64_t lo, hi;
        unsigned left;
        uint32_t pasid, lg2;
    } rows[] = {
        { "PASID A", 0x8 | SID << 16 | (uint64_t)PASID_A << 32, IOVA, 6,
          0x80000001, 12 },
        { "PASID B, all", 0x8 | SID << 16 | (uint64_t)PASID_B << 32,
          0x7ffffffffffff800ull, 5, 0x80012345, 64 },
        { "another page", 0x8 | SID << 16 | (uint64_t)PASID_B << 32,
          IOVA + 0x1000, 7, 0x80012345, 12 },
        { "another PASID", 0x8 | SID << 16 | 7ull << 32,
          0x7ffffffffffff800ull, 7, 0x80000007, 64 },
        { "global", 0x8 | SID << 16 | 7ull << 32, 0x7ffffffffffff801ull, 4,
          0xc0000007, 64 },
        { "no PASID", 3 | (uint64_t)SID << 32, 0x7ffffffffffff001ull, 3, 0,
          64 },
    };
    Pages p = start_pages("");
    NyxTestdev *td = &p.f.td;

    map_first(&p, 0, p.f.page, 7);
    nyx_td_notify(td, NYX_TD_NOTIFY_DEV_UNMAP);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NYX_CHECK(rows[i].name, filled(&p), 3);
        NYX_CHECK(rows[i].name, qvtd_submit(p.v, rows[i].lo, rows[i].hi),
                  true);
        NYX_CHECK(rows[i].name, left(&p), rows[i].left);
        NYX_CHECK(rows[i].name, nyx_td_r32(td, NYX_TD_INV_COUNT), i + 1);
        NYX_CHECK(rows[i].name, nyx_td_r32(td, NYX_TD_INV_PASID),
                  rows[i].pasid);
        NYX_CHECK(rows[i].name, nyx_td_r32(td, NYX_TD_INV_LG2), rows[i].lg2);
        NYX_CHECK(rows[i].name, nyx_td_r64(td, NYX_TD_INV_ADDR),
                  rows[i].lg2 == 64 ? 0 : rows[i].hi);
    }
    end_pages(&p);
}

/* No completion, or one that makes no sense; then all is well again. */
static void test_answers(void)
{
    Pages p = start_pages("");
    NyxTestdev *td = &p.f.td;
    uint64_t lo = 0x8 | SID << 16 | (uint64_t)PASID_A << 32;

    nyx_td_w32(td, NYX_TD_INV_ANSWER, NYX_TD_INV_SILENT);
    NYX_CHECK("silent", qvtd_submit(p.v, lo, IOVA), false);
    NYX_CHECK("silent", qvtd_r32(p.v, QVTD_FSTS), QVTD_FSTS_ITE);
    NYX_CHECK("silent", qvtd_r64(p.v, QVTD_IQERCD), (uint64_t)SID << 32);
    qvtd_w32(p.v, QVTD_FSTS, QVTD_FSTS_ITE);
    nyx_td_w32(td, NYX_TD_INV_ANSWER, NYX_TD_INV_BAD);
    NYX_CHECK("bad", qvtd_submit(p.v, lo, IOVA), true);
    NYX_CHECK("bad", qvtd_r32(p.v, QVTD_FSTS), QVTD_FSTS_ICE);
    NYX_CHECK("bad", qvtd_r64(p.v, QVTD_IQERCD) >> 48, SID);
    qvtd_w32(p.v, QVTD_FSTS, QVTD_FSTS_ICE);
    nyx_td_w32(td, NYX_TD_INV_ANSWER, NYX_TD_INV_DONE);
    NYX_CHECK("good", qvtd_submit(p.v, lo, IOVA), true);
    NYX_CHECK("good", qvtd_r32(p.v, QVTD_FSTS), 0);
    end_pages(&p);
}

/* --- The same by QEMU's own calls ----------------------------------------- */

static bool qemu_has_calls(void)
{
    g_autofree char *line = g_strdup_printf("%s --version",
                                            getenv("QTEST_QEMU_BINARY"));
    NyxRun run = nyx_run(line);
    int major, minor;

    g_assert_cmpint(sscanf(run.out, "QEMU emulator version %d.%d", &major,
                           &minor), ==, 2);
    nyx_run_end(&run);
    return major * 100 + minor >= 1001;
}

/* Those who listen for a PASID, or for requests without, and no others. */
static void check_pci_invalidations(void)
{
    static const struct {
        const char *name;
        uint64_t lo, hi;
        unsigned left, count;
    } rows[] = {
        { "PASID A", 0x8 | SID << 16 | (uint64_t)PASID_A << 32, IOVA, 6, 1 },
        { "PASID B, all", 0x8 | SID << 16 | (uint64_t)PASID_B << 32,
          0x7ffffffffffff800ull, 5, 2 },
        { "another page", 0x8 | SID << 16 | (uint64_t)PASID_B << 32,
          IOVA + 0x1000, 7, 3 },
        { "another PASID", 0x8 | SID << 16 | 7ull << 32,
          0x7ffffffffffff800ull, 7, 3 },
        { "global", 0x8 | SID << 16 | 7ull << 32, 0x7ffffffffffff801ull, 4,
          5 },
        { "no PASID", 3 | (uint64_t)SID << 32, 0x7ffffffffffff001ull, 3, 6 },
    };
    Pages p = start_pages("");

    map_first(&p, 0, p.f.page, 7);
    nyx_td_notify(&p.f.td, NYX_TD_NOTIFY_DEV_UNMAP);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NYX_CHECK(rows[i].name, filled(&p), 3);
        NYX_CHECK(rows[i].name, qvtd_submit(p.v, rows[i].lo, rows[i].hi),
                  true);
        NYX_CHECK(rows[i].name, left(&p), rows[i].left);
        NYX_CHECK(rows[i].name, nyx_td_r32(&p.f.td, NYX_TD_INV_COUNT),
                  rows[i].count);
    }
    end_pages(&p);
}

static void test_pci_calls(void)
{
    if (!qemu_has_calls()) {
        NyxRun run = nyx_run_qemu("-M q35 -device nyx-vtd "
                                  "-device nyx-testdev,pci-calls=on");

        g_assert_cmpint(run.status, ==, 1);
        NYX_CHECK("lines", nyx_lines_with(run.err, ""), 1);
        NYX_CHECK("fix", nyx_lines_with(run.err, "needs QEMU 10.1 or later"),
                  1);
        nyx_run_end(&run);
        return;
    }
    more = " -global nyx-testdev.pci-calls=on";
    test_round_trip();
    test_completion();
    check_pci_invalidations();
    more = "";
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx/vtd-pages/" name, fn)
    ADD("round-trip", test_round_trip);
    ADD("unexpected", test_unexpected);
    ADD("by-group", test_by_group);
    ADD("capability", test_capability);
    ADD("capacity", test_capacity);
    ADD("overflow", test_overflow);
    ADD("hostile-queue", test_hostile_queue);
    ADD("refused", test_refused);
    ADD("migrate", test_migrate);
    ADD("completion", test_completion);
    ADD("privileged-entries", test_privileged_entries);
    ADD("invalidate", test_invalidate);
    ADD("answers", test_answers);
    ADD("pci-calls", test_pci_calls);
    return g_test_run();
}
