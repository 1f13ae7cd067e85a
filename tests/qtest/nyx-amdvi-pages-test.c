/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-amdvi and an endpoint: page requests of the test device to the log and
 * responses back, translation requests and their completions, what becomes of
 * the device's own cache.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi-guest.h"
#include "libqos/nyx-migrate.h"
#include "nyx-amdvi-fixture.h"

#define PASID_A 1
#define PASID_B 0x2345

#define R       NYX_TD_ACCESS_READ
#define W       NYX_TD_ACCESS_WRITE
#define RW      (R | W)
#define GN      NYX_TD_PRI_F_PASID
#define LAST    (GN | NYX_TD_PRI_F_LAST)

#define VECTOR  0x50

/* Control */
#define PPRINTEN    (1ull << 14)
#define DUAL(mode)  ((uint64_t)(mode) << 30)
#define PPRAUTO     (1ull << 39)
#define BLKSTOPMRK  (1ull << 41)
#define PPRAUTOAON  (1ull << 42)
#define EPHEN       (1ull << 45)

/* Status: what is about page requests */
#define STATUS      0x000618e0u
#define OVERFLOW    (1u << 5)
#define PPRINT      (1u << 6)
#define RUN         (1u << 7)
#define OVERFLOW_B  (1u << 11)
#define ACTIVE      (1u << 12)
#define EARLY_B     (1u << 17)
#define EARLY       (1u << 18)

#define PPRBASE_B   0xf0
#define PPRHEAD_B   0x2050
#define PPRTAIL_B   0x2058
#define AUTO        0x2080
#define EARLY_A_REG 0x2088

#define XT_PPR      0x178

typedef struct Pages {
    Fixture f;
    QAmd *v;
    QTestState *qts;
    QAmdGuest guest;
    uint64_t log;
} Pages;

#define DTE0 (QAMD_DTE0_PPR | QAMD_DTE0_GPRP)

static Pages start_pages(const char *options)
{
    g_autofree char *all = g_strdup_printf(
        ",device-iotlb=on,guest-levels=4,glx=2,pasid-bits=20%s", options);
    Pages p = { .f = start_off(all) };

    p.v = p.f.v;
    p.qts = p.v->qts;
    p.log = nyx_pc_pages(p.v->pc, 1);
    qamd_w64(p.v, QAMD_PPRBASE, p.log | 8ull << 56);
    qamd_enable(p.v, QAMD_GTEN | QAMD_PPREN | QAMD_PPRLOGEN | EPHEN);
    p.guest = qamd_guest(p.v, 2, 4);
    qamd_guest_map(&p.guest, PASID_A, IOVA, p.f.page, 12, QAMD_GRWU);
    qamd_guest_map(&p.guest, PASID_B, IOVA, p.f.page, 12, QAMD_GRWU);
    qamd_guest_attach(&p.guest, SID, DID, DTE0, QAMD_DTE1_I);
    qamd_flush(p.v);
    nyx_td_ats(p.v->pc, SID, true);
    nyx_pci_ext_writel(p.v->pc, SID,
                       nyx_pci_ext_cap(p.v->pc, SID, PCI_EXT_CAP_ID_PASID) +
                       4, 7 << 16);
    return p;
}

static void end_pages(Pages *p)
{
    end(&p->f);
}

static uint32_t ask(Pages *p, uint32_t flags, uint32_t pasid, unsigned group)
{
    return nyx_td_page_request(&p->f.td, IOVA, flags, pasid, group);
}

static uint32_t status(Pages *p)
{
    return qamd_r32(p->v, QAMD_STATUS) & STATUS;
}

/* COMPLETE_PPR_REQUEST; @pasid below 0 for none. */
static void answer(Pages *p, int pasid, unsigned group, unsigned code)
{
    g_assert_true(qamd_submit(p->v, 7ull << 60 | SID |
                              (pasid < 0 ? 0 : (uint64_t)pasid << 32),
                              (pasid < 0 ? 0 : 4) | (uint64_t)group << 32 |
                              (uint64_t)code << 44));
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

    NYX_CHECK("runs", status(&p), RUN);
    NYX_CHECK("first", ask(&p, RW | GN, PASID_B, 0x155), NYX_TD_ST_OK);
    NYX_CHECK("last", ask(&p, RW | LAST, PASID_B, 0x155), NYX_TD_ST_OK);
    NYX_CHECK("waits", nyx_td_r32(td, NYX_TD_PRI_OUTSTANDING), 2);
    NYX_CHECK("tail", qamd_r64(p.v, QAMD_PPRTAIL), 0x20);
    NYX_CHECK("status", status(&p), RUN | PPRINT);
    /* R, W, US, GN; then with the last flag */
    NYX_CHECK("0", qtest_readq(p.qts, p.log), 0x1164015523450020);
    NYX_CHECK("0", qtest_readq(p.qts, p.log + 8), IOVA);
    NYX_CHECK("1", qtest_readq(p.qts, p.log + 16), 0x1164035523450020);
    qamd_w64(p.v, QAMD_PPRHEAD, 0x20);
    qamd_w32(p.v, QAMD_STATUS, PPRINT);
    NYX_CHECK("status", status(&p), RUN);
    answer(&p, PASID_B, 0x155, 0);
    check_response(&p, "response", 0, 0x80030155, PASID_B);
    NYX_CHECK("waits", nyx_td_r32(td, NYX_TD_PRI_OUTSTANDING), 0);
    NYX_CHECK("stats", qamd_stat(p.v, "page-requests.queued"), 2);
    NYX_CHECK("stats", qamd_stat(p.v, "page-requests.responses"), 1);
    expect_silence(&p.f, "events");
    end_pages(&p);
}

static void test_fields(void)
{
    static const struct {
        const char *name;
        uint32_t flags, pasid;
        unsigned group;
        uint64_t lo;
    } rows[] = {
        { "read", R | NYX_TD_PRI_F_LAST, 0, 0, 0x1004020000000020 },
        { "write", W | NYX_TD_PRI_F_LAST, 0, 0x1ff, 0x102003ff00000020 },
        { "PASID", R | LAST, 0xfedcb, 1, 0x11443e01edcb0020 },
        { "PASID 0", R | LAST, 0, 2, 0x1144020200000020 },
        { "execute", R | NYX_TD_ACCESS_EXEC | LAST, 1, 3,
          0x1146020300010020 },
        { "privileged", RW | NYX_TD_ACCESS_PRIV | LAST, 1, 4,
          0x1124020400010020 },
        { "not the last", RW | GN, 1, 5, 0x1164000500010020 },
    };
    Pages p = start_pages("");

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        ask(&p, rows[i].flags, rows[i].pasid, rows[i].group);
        NYX_CHECK(rows[i].name, qtest_readq(p.qts, p.log + i * 16),
                  rows[i].lo);
        NYX_CHECK(rows[i].name, qtest_readq(p.qts, p.log + i * 16 + 8), IOVA);
    }
    end_pages(&p);
}

/* What it is told, and for which it does not wait. */
static void test_responses(void)
{
    static const struct {
        unsigned code, told;
    } rows[] = {
        { 0, 0 }, { 1, 1 }, { 15, 15 }, { 2, 15 }, { 7, 15 },
    };
    Pages p = start_pages("");
    unsigned n = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        ask(&p, RW | LAST, PASID_A, i);
        answer(&p, PASID_A, i, rows[i].code);
        check_response(&p, "code", n++, 0x80030000 | rows[i].told << 12 | i,
                       PASID_A);
    }
    ask(&p, RW | NYX_TD_PRI_F_LAST, 0, 9);
    answer(&p, -1, 9, 0);
    check_response(&p, "no PASID", n++, 0x80020009, 0);
    NYX_CHECK("findings", qamd_mistakes(p.v, "amdvi.ppr.response"), 0);
    ask(&p, RW | LAST, PASID_A, 5);
    answer(&p, PASID_A, 4, 0);
    check_response(&p, "group", n++, 0x80010004, PASID_A);
    answer(&p, PASID_B, 5, 0);
    check_response(&p, "PASID", n++, 0x80010005, PASID_B);
    answer(&p, PASID_A, 5, 0);
    check_response(&p, "right", n++, 0x80030005, PASID_A);
    answer(&p, PASID_A, 5, 0);
    check_response(&p, "twice", n++, 0x80010005, PASID_A);
    NYX_CHECK("findings", qamd_mistakes(p.v, "amdvi.ppr.response"), 3);
    end_pages(&p);
}

/* Message 1 of the capability's; 178h with IntCapXTEn. */
static void test_messages(void)
{
    Pages p = start_pages(",xtsup=on");

    qamd_msi(p.v, VECTOR, 2);
    ask(&p, RW | LAST, PASID_A, 1);
    NYX_CHECK("disabled", nyx_apic_irrs(p.v->pc, 0), 0);
    qamd_control(p.v, 0, PPRINTEN);
    NYX_CHECK("enabled", nyx_apic_irr(p.v->pc, 0, VECTOR + 1), NYX_IRR_EDGE);
    qamd_w32(p.v, QAMD_STATUS, PPRINT);
    qamd_w64(p.v, XT_PPR, 0x62ull << 32);
    qamd_w64(p.v, QAMD_XT_GENERAL, 0x63ull << 32);
    qamd_control(p.v, 0, QAMD_INTCAPXTEN);
    ask(&p, RW | LAST, PASID_A, 2);
    NYX_CHECK("XT", nyx_apic_irr(p.v->pc, 0, 0x62), NYX_IRR_EDGE);
    NYX_CHECK("no other", nyx_apic_irrs(p.v->pc, 0), 2);
    end_pages(&p);
}

/* --- Refused -------------------------------------------------------------- */

typedef struct RefuseRow {
    const char *name;
    uint64_t clear, set;     /* Control */
    uint64_t w0, w1;         /* cleared in the device's entry */
    unsigned code;           /* of the event; 0: it is taken */
} RefuseRow;

static const RefuseRow refuse_rows[] = {
    { "taken", 0, 0, 0, 0, 0 },
    { "PPREn", QAMD_PPREN, 0, 0, 0, 9 },
    { "PPRLogEn", QAMD_PPRLOGEN, 0, 0, 0, 9 },
    { "PPR", 0, 0, QAMD_DTE0_PPR, 0, 9 },
    { "PPR, EPHEn = 0", EPHEN, 0, QAMD_DTE0_PPR, 0, 0 },
    { "I", 0, 0, 0, QAMD_DTE1_I, 9 },
    { "V", 0, 0, 1, 0, 9 },
};

static void test_refused(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(refuse_rows); i++) {
        const RefuseRow *row = &refuse_rows[i];
        Pages p = start_pages("");

        qamd_guest_attach(&p.guest, SID, DID, DTE0 & ~row->w0,
                          QAMD_DTE1_I & ~row->w1);
        qamd_set_dte_word(p.v, SID, 0,
                          qamd_dte_word(p.v, SID, 0) & ~(row->w0 & 1));
        qamd_control(p.v, row->clear, row->set);
        qamd_flush(p.v);
        ask(&p, RW | LAST, PASID_B, 0x81);
        if (row->code) {
            /* GN, US, W, R; a response is owed */
            expect_event(&p.f, row->name, 0x9164028123450020, IOVA);
            check_response(&p, row->name, 0, 0x8003f081, PASID_B);
        } else {
            expect_silence(&p.f, row->name);
            NYX_CHECK(row->name, nyx_td_r32(&p.f.td, NYX_TD_PRI_RESPONSES),
                      0);
        }
        NYX_CHECK(row->name, qamd_r64(p.v, QAMD_PPRTAIL), row->code ? 0 : 16);
        end_pages(&p);
    }
}

/* IommuEn = 0: nobody is there, and the device need not wait for ever. */
static void test_off(void)
{
    Pages p = start_pages("");

    qamd_control(p.v, QAMD_IOMMUEN, 0);
    NYX_CHECK("stopped", status(&p), 0);
    ask(&p, RW | LAST, PASID_B, 3);
    check_response(&p, "off", 0, 0x8003f003, PASID_B);
    NYX_CHECK("tail", qamd_r64(p.v, QAMD_PPRTAIL), 0);
    end_pages(&p);
}

/* A stop marker asks for nothing, and nobody answers it. */
static void test_stop_marker(void)
{
    Pages p = start_pages(",block-stop-mark=on");

    ask(&p, LAST, PASID_A, 0);
    NYX_CHECK("logged", qamd_r64(p.v, QAMD_PPRTAIL), 0x10);
    NYX_CHECK("logged", qtest_readq(p.qts, p.log), 0x1140020000010020);
    qamd_control(p.v, 0, BLKSTOPMRK);
    ask(&p, LAST, PASID_A, 0);
    NYX_CHECK("blocked", qamd_r64(p.v, QAMD_PPRTAIL), 0x10);
    ask(&p, R | LAST, PASID_A, 0);
    NYX_CHECK("others", qamd_r64(p.v, QAMD_PPRTAIL), 0x20);
    NYX_CHECK("answers", nyx_td_r32(&p.f.td, NYX_TD_PRI_RESPONSES), 0);
    end_pages(&p);
}

/* --- The log -------------------------------------------------------------- */

/* @n requests, none of which is waited for. */
static void fill(Pages *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        NYX_CHECK("fill", ask(p, LAST, PASID_A, 0), NYX_TD_ST_OK);
    }
}

static void test_overflow(void)
{
    Pages p = start_pages("");

    qamd_msi(p.v, VECTOR, 0);
    qamd_control(p.v, 0, PPRINTEN);
    fill(&p, 255);
    NYX_CHECK("full", status(&p), RUN | PPRINT);
    qamd_msi(p.v, VECTOR + 1, 0);
    ask(&p, RW | LAST, PASID_A, 7);
    NYX_CHECK("overflow", status(&p), OVERFLOW | PPRINT);
    NYX_CHECK("message", nyx_apic_irr(p.v->pc, 0, VECTOR + 1), NYX_IRR_EDGE);
    check_response(&p, "failure", 0, 0x8003f007, PASID_A);
    NYX_CHECK("lost", qamd_stat(p.v, "page-requests.lost"), 1);
    qamd_w64(p.v, QAMD_PPRHEAD, 0xff0);
    qamd_w32(p.v, QAMD_STATUS, OVERFLOW | PPRINT);
    NYX_CHECK("stopped", status(&p), 0);
    qamd_control(p.v, QAMD_PPRLOGEN, 0);
    qamd_control(p.v, 0, QAMD_PPRLOGEN);
    NYX_CHECK("on", status(&p), RUN);
    ask(&p, RW | LAST, PASID_A, 8);
    NYX_CHECK("on", qamd_r64(p.v, QAMD_PPRTAIL), 0);
    NYX_CHECK("on", qtest_readq(p.qts, p.log + 0xff0), 0x1164020800010020);
    end_pages(&p);
}

/* The base where there is no memory, or where the IOMMU itself is. */
static void test_hostile_log(void)
{
    static const uint64_t at[] = {
        QAMD_BASE, 0xfee00000, 0x7000000000, 0xffffffffff000,
    };
    Pages p = start_pages("");

    for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
        qamd_control(p.v, QAMD_PPRLOGEN, 0);
        qamd_w64(p.v, QAMD_PPRBASE, at[i] | 8ull << 56);
        qamd_control(p.v, 0, QAMD_PPRLOGEN);
        ask(&p, RW | LAST, PASID_A, i);
        check_response(&p, "failure", i, 0x8003f000 | i, PASID_A);
        NYX_CHECK("tail", qamd_r64(p.v, QAMD_PPRTAIL), 0);
    }
    NYX_CHECK("finding", qamd_mistakes(p.v, "amdvi.log.memory"),
              ARRAY_SIZE(at));
    end_pages(&p);
}

static void test_early(void)
{
    Pages p = start_pages(",ppr-early=on");

    qamd_msi(p.v, VECTOR, 0);
    qamd_w32(p.v, EARLY_A_REG, 1u << 31 | 1u << 30 | 4);
    fill(&p, 3);
    NYX_CHECK("below", status(&p), RUN | PPRINT);
    NYX_CHECK("below", nyx_apic_irrs(p.v->pc, 0), 0);
    fill(&p, 1);
    NYX_CHECK("reached", status(&p), RUN | PPRINT | EARLY);
    NYX_CHECK("reached", nyx_apic_irr(p.v->pc, 0, VECTOR), NYX_IRR_EDGE);
    qamd_w64(p.v, QAMD_PPRHEAD, 0x20);
    qamd_w32(p.v, QAMD_STATUS, EARLY);
    fill(&p, 1);
    NYX_CHECK("below", status(&p), RUN | PPRINT);
    /* Without its enable bit it is nothing. */
    qamd_w32(p.v, EARLY_A_REG, 1u << 30 | 1);
    fill(&p, 4);
    NYX_CHECK("disabled", status(&p), RUN | PPRINT);
    end_pages(&p);
}

static void test_dual(void)
{
    Pages p = start_pages(",dual-ppr=2,ppr-early=on");
    uint64_t log_b = nyx_pc_pages(p.v->pc, 1);

    qamd_control(p.v, QAMD_PPRLOGEN, DUAL(1));
    qamd_w64(p.v, PPRBASE_B, log_b | 8ull << 56);
    qamd_control(p.v, 0, QAMD_PPRLOGEN);
    qamd_w32(p.v, EARLY_A_REG + 8, 1u << 31 | 1);
    ask(&p, RW | LAST, PASID_A, 1);
    NYX_CHECK("B", qtest_readq(p.qts, log_b), 0x1164020100010020);
    NYX_CHECK("B", status(&p), RUN | PPRINT | ACTIVE | EARLY_B);
    NYX_CHECK("B", qamd_r64(p.v, PPRTAIL_B), 0x10);
    qamd_w64(p.v, PPRHEAD_B, 0x10);
    qamd_w32(p.v, QAMD_STATUS, PPRINT | EARLY_B);
    qamd_w32(p.v, EARLY_A_REG + 8, 0);
    /* In turns: A first */
    qamd_control(p.v, QAMD_PPRLOGEN | DUAL(3), DUAL(2));
    qamd_control(p.v, 0, QAMD_PPRLOGEN);
    fill(&p, 256);
    NYX_CHECK("to B", status(&p), RUN | PPRINT | OVERFLOW | ACTIVE);
    NYX_CHECK("to B", qamd_r64(p.v, QAMD_PPRTAIL), 0xff0);
    NYX_CHECK("to B", qamd_r64(p.v, PPRTAIL_B), 0x20);
    fill(&p, 254);
    NYX_CHECK("full", status(&p), RUN | PPRINT | OVERFLOW | ACTIVE);
    fill(&p, 1);
    NYX_CHECK("stops", status(&p), PPRINT | OVERFLOW | OVERFLOW_B | ACTIVE);
    end_pages(&p);
}

/* --- Automatic responses -------------------------------------------------- */

typedef struct AutoRow {
    const char *name;
    uint64_t set;            /* Control */
    uint32_t automatic;      /* 2080h */
    uint64_t w0;             /* of the entry */
    uint64_t clear;          /* Control */
    uint32_t word, pasid;    /* the response to PASID B's group 7 */
} AutoRow;

static const AutoRow auto_rows[] = {
    { "off", 0, 1, DTE0, 0, 0x8003f007, PASID_B },
    { "success", PPRAUTO, 0, DTE0, 0, 0x80030007, PASID_B },
    { "invalid", PPRAUTO, 1, DTE0, 0, 0x80031007, PASID_B },
    { "failure", PPRAUTO, 15, DTE0, 0, 0x8003f007, PASID_B },
    { "MaskGn", PPRAUTO, 0x10, DTE0, 0, 0x80000007, 0 },
    { "GPRP = 0", PPRAUTO, 0, QAMD_DTE0_PPR, 0, 0x80000007, 0 },
    { "GPRP = 0, EPHEn = 0", PPRAUTO, 0, QAMD_DTE0_PPR, EPHEN, 0x80030007,
      PASID_B },
};

/* In the log's place when it is full. */
static void test_automatic(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(auto_rows); i++) {
        const AutoRow *row = &auto_rows[i];
        Pages p = start_pages(",ppr-auto=on");

        qamd_guest_attach(&p.guest, SID, DID, row->w0, QAMD_DTE1_I);
        qamd_control(p.v, row->clear, row->set);
        qamd_w32(p.v, AUTO, row->automatic);
        qamd_flush(p.v);
        fill(&p, 255);
        ask(&p, RW | LAST, PASID_B, 7);
        check_response(&p, row->name, 0, row->word, row->pasid);
        NYX_CHECK(row->name, qamd_stat(p.v, "page-requests.responses-own"),
                  1);
        expect_silence(&p.f, row->name);
        end_pages(&p);
    }
}

static void test_always_on(void)
{
    Pages p = start_pages(",ppr-auto=on");

    qamd_w32(p.v, AUTO, 1);
    qamd_control(p.v, 0, PPRAUTOAON);
    ask(&p, RW | LAST, PASID_A, 1);
    NYX_CHECK("PprAutoRspEn = 0", qamd_r64(p.v, QAMD_PPRTAIL), 0x10);
    qamd_control(p.v, 0, PPRAUTO);
    ask(&p, RW | LAST, PASID_A, 2);
    NYX_CHECK("on", qamd_r64(p.v, QAMD_PPRTAIL), 0x10);
    check_response(&p, "on", 0, 0x80031002, PASID_A);
    end_pages(&p);
}

/* --- Migration ------------------------------------------------------------ */

/* A request waits in the log and in the device, its message is held back. */
static void test_migrate(void)
{
    Pages p = start_pages(""), to = p;
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);

    qamd_msi(p.v, VECTOR, 0);
    ask(&p, RW | LAST, PASID_B, 9);
    nyx_migrate_to(p.qts, path);
    to.v = g_memdup2(p.v, sizeof(*p.v));
    to.v->pc = nyx_pc_start("-M q35 -device nyx-amdvi,id=iommu,"
                            "device-iotlb=on,guest-levels=4,glx=2,"
                            "pasid-bits=20 -device nyx-testdev,addr=4 "
                            "-incoming file:%s", path);
    to.v->qts = to.qts = to.v->pc->qts;
    to.f.v = to.v;
    to.f.td = nyx_td_at(to.qts, p.f.td.bar);
    nyx_migrate_wait(to.qts);
    NYX_CHECK("status", status(&to), RUN | PPRINT);
    NYX_CHECK("tail", qamd_r64(to.v, QAMD_PPRTAIL), 0x10);
    NYX_CHECK("entry", qtest_readq(to.qts, p.log), 0x1164020923450020);
    qamd_control(to.v, 0, PPRINTEN);
    NYX_CHECK("message", nyx_apic_irr(to.v->pc, 0, VECTOR), NYX_IRR_EDGE);
    answer(&to, PASID_B, 9, 0);
    check_response(&to, "response", 0, 0x80030009, PASID_B);
    end_pages(&to);
    end_pages(&p);
    nyx_tmp_free(dir);
}

/* --- ATS ------------------------------------------------------------------ */

static uint32_t translate(Pages *p, uint32_t attr, int pasid, uint64_t iova)
{
    return nyx_td_request(&p->f.td, (NyxTdReq) {
        .op = NYX_TD_OP_TRANSLATE,
        .addr = iova,
        .attr = attr | (pasid < 0 ? 0 : NYX_TD_ATTR_PASID),
        .pasid = pasid < 0 ? 0 : pasid,
    });
}

/* Guest tables: rights that are asked for, and those that there are. */
static void test_completion(void)
{
    static const struct {
        const char *name;
        uint32_t pasid, attr;
        uint32_t access;
        uint64_t mask;
    } rows[] = {
        { "user", 2, 0, 0x3, 0xfff },
        { "NW", 2, NYX_TD_ATTR_NO_WRITE, 0x1, 0xfff },
        { "execute", 2, NYX_TD_ATTR_EXEC, 0x7, 0xfff },
        { "privileged", 2, NYX_TD_ATTR_PRIV, 0xb, 0xfff },
        { "all", 2, NYX_TD_ATTR_EXEC | NYX_TD_ATTR_PRIV, 0xf, 0xfff },
        { "read-only", 3, 0, 0x1, 0xfff },
        { "no execute", 4, NYX_TD_ATTR_EXEC, 0x3, 0xfff },
        { "2 MiB", 5, 0, 0x3, 0x1fffff },
        /* No answer is an error: R = W = 0. */
        { "supervisor's", 6, 0, 0, 0xfff },
        { "not present", 7, 0, 0, 0xfff },
        { "no GCR3 entry", 8, 0, 0, 0xfff },
    };
    Pages p = start_pages("");

    qamd_guest_map(&p.guest, 2, IOVA, p.f.page, 12, QAMD_GRWU);
    qamd_guest_map(&p.guest, 3, IOVA, p.f.page, 12, QAMD_GP | QAMD_GU);
    qamd_guest_map(&p.guest, 4, IOVA, p.f.page, 12, QAMD_GRWU | QAMD_GNX);
    qamd_guest_map(&p.guest, 5, IOVA & ~0x1fffffull, 0x4000000, 21,
                   QAMD_GRWU);
    qamd_guest_map(&p.guest, 6, IOVA, p.f.page, 12, QAMD_GP | QAMD_GW);
    qamd_guest_entry(&p.guest, 7, IOVA, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxTdAnswer got;
        uint32_t st = translate(&p, rows[i].attr, rows[i].pasid, IOVA);

        got = nyx_td_answer(&p.f.td);
        NYX_CHECK(rows[i].name, got.access, rows[i].access);
        if (rows[i].access) {
            NYX_CHECK(rows[i].name, st, NYX_TD_ST_OK);
            NYX_CHECK(rows[i].name, got.mask, rows[i].mask);
            NYX_CHECK(rows[i].name, got.addr, rows[i].pasid == 5
                      ? 0x4000000 | (IOVA & 0x1fffff) : p.f.page);
        }
        expect_silence(&p.f, rows[i].name);
    }
    end_pages(&p);
}

/* The host's tables: U and FC of a page go into the completion. */
static void test_completion_host(void)
{
    static const struct {
        const char *name;
        uint64_t bits;
        uint32_t access, ats;
    } rows[] = {
        { "plain", QAMD_RW, 0x3, 0 },
        { "U", QAMD_RW | 1ull << 59, 0x3, NYX_TD_ATS_UNTRANSLATED },
        { "FC", QAMD_RW | 1ull << 60, 0x3, NYX_TD_ATS_SNOOP },
        { "IR", QAMD_IR, 0x1, 0 },
        { "IW", QAMD_IW, 0x2, 0 },
        { "none", 0, 0, 0 },
    };
    Fixture f = start(",device-iotlb=on");
    Pages p = { .f = f, .v = f.v, .qts = f.v->qts };

    qamd_attach(f.v, SID, &f.dom, QAMD_DTE1_I);
    qamd_flush_dte(f.v, SID);
    nyx_td_ats(f.v->pc, SID, true);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        qamd_map(f.v, &f.dom, IOVA, f.page, 12, rows[i].bits);
        qamd_flush_pages(f.v, DID, 0, 64);
        translate(&p, 0, -1, IOVA);
        NYX_CHECK(rows[i].name, nyx_td_answer(&f.td).access, rows[i].access);
        NYX_CHECK(rows[i].name, nyx_td_r32(&f.td, NYX_TD_DMA_XATS),
                  rows[i].ats);
        expect_silence(&f, rows[i].name);
    }
    /* A reserved bit is worth an event (TR, RW). */
    qamd_map(f.v, &f.dom, IOVA, f.page, 12, QAMD_RW | 1ull << 52);
    qamd_flush_pages(f.v, DID, 0, 64);
    translate(&p, NYX_TD_ATTR_NO_WRITE, -1, IOVA);
    expect_event(&f, "reserved", PAGE_FAULT(DID) | QAMD_EV_PR | QAMD_EV_RZ |
                 QAMD_EV_TR, IOVA);
    end(&f);
}

/* Mode 0: with AttrV it is Mode0FC that tells of snooping. */
static void test_completion_identity(void)
{
    Fixture f = start(",device-iotlb=on,attr-fw=on");
    Pages p = { .f = f, .v = f.v, .qts = f.v->qts };

    nyx_td_ats(f.v->pc, SID, true);
    for (unsigned fc = 0; fc < 2; fc++) {
        qamd_dte(f.v, SID, QAMD_V_TV | QAMD_RW, DID | QAMD_DTE1_I, 0,
                 fc ? 3ull << 54 : 1ull << 54);
        qamd_flush_dte(f.v, SID);
        NYX_CHECK("identity", translate(&p, 0, -1, f.page), NYX_TD_ST_OK);
        NYX_CHECK("identity", nyx_td_answer(&f.td).addr, f.page);
        NYX_CHECK("identity", nyx_td_answer(&f.td).access, 3);
        NYX_CHECK("identity", nyx_td_r32(&f.td, NYX_TD_DMA_XATS),
                  fc ? NYX_TD_ATS_SNOOP : 0);
    }
    end(&f);
}

/* What has been translated goes anywhere, but for interrupts. */
static void test_translated(void)
{
    Pages p = start_pages("");
    NyxTdReq req = {
        .op = NYX_TD_OP_FILL, .addr = p.f.page, .len = 8, .operand = DATA,
        .attr = NYX_TD_ATTR_AT_TRANSLATED,
    };

    NYX_CHECK("memory", nyx_td_request(&p.f.td, req), NYX_TD_ST_OK);
    NYX_CHECK("memory", qtest_readq(p.qts, p.f.page), DATA);
    req.addr = 0xfee00000;
    NYX_CHECK("interrupts", nyx_td_request(&p.f.td, req) != NYX_TD_ST_OK,
              true);
    NYX_CHECK("interrupts", qamd_take_code(p.v), 8);
    NYX_CHECK("interrupts", nyx_apic_irrs(p.v->pc, 0), 0);
    end_pages(&p);
}

static unsigned filled(Pages *p)
{
    NyxTestdev *td = &p->f.td;

    nyx_td_w32(td, NYX_TD_ATC_CTRL, NYX_TD_ATC_FLUSH);
    NYX_CHECK("A", translate(p, 0, PASID_A, IOVA), NYX_TD_ST_OK);
    NYX_CHECK("B", translate(p, 0, PASID_B, IOVA), NYX_TD_ST_OK);
    NYX_CHECK("none", translate(p, 0, -1, IOVA), NYX_TD_ST_OK);
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
    } rows[] = {
        { "PASID A", 1ull << 48, IOVA | 4, 6 },
        { "PASID B, all", 0x0045000000230000, 0x7ffffffffffff005, 5 },
        { "another page", 0x0045000000230000, (IOVA + 0x1000) | 4, 7 },
        { "another PASID", 7ull << 48, 0x7ffffffffffff005, 7 },
        { "no PASID", 0, 0x7ffffffffffff001, 3 },
    };
    Pages p = start_pages("");

    nyx_td_notify(&p.f.td, NYX_TD_NOTIFY_DEV_UNMAP);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NYX_CHECK(rows[i].name, filled(&p), 3);
        g_assert_true(qamd_submit(p.v, 4ull << 60 | SID | rows[i].lo,
                                  rows[i].hi));
        NYX_CHECK(rows[i].name, left(&p), rows[i].left);
    }
    /* Others leave the device's cache alone. */
    NYX_CHECK("filled", filled(&p), 3);
    qamd_flush_dte(p.v, SID);
    qamd_flush(p.v);
    NYX_CHECK("entry, all", left(&p), 7);
    end_pages(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/pages/" name, fn)
    ADD("round-trip", test_round_trip);
    ADD("fields", test_fields);
    ADD("responses", test_responses);
    ADD("messages", test_messages);
    ADD("refused", test_refused);
    ADD("off", test_off);
    ADD("stop-marker", test_stop_marker);
    ADD("overflow", test_overflow);
    ADD("hostile-log", test_hostile_log);
    ADD("early", test_early);
    ADD("dual", test_dual);
    ADD("automatic", test_automatic);
    ADD("always-on", test_always_on);
    ADD("migrate", test_migrate);
    ADD("completion", test_completion);
    ADD("completion-host", test_completion_host);
    ADD("completion-identity", test_completion_identity);
    ADD("translated", test_translated);
    ADD("invalidate", test_invalidate);
    return g_test_run();
}
