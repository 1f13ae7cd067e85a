/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts to virtual APICs through nyx-amdvi: the request in the machine's
 * memory, the GA log and its message, GAPPI at the APICs, and what is refused.
 */
#include "qemu/osdep.h"
#include "nyx-amdvi-fixture.h"

/* Control: GAMEn = 1, GALogEn, GAIntEn, GAPPIEn */
#define GAMEN     (1ull << 25)
#define GALOGEN   (1ull << 28)
#define GAINTEN   (1ull << 29)
#define GAPPIEN   (1ull << 55)
/* Status: GALogRun, GAInt */
#define GALOGRUN  (1u << 8)
#define GAINT     (1u << 10)

#define GALOGBASE 0x00e0
#define GALOGTAIL 0x00e8
#define GATAIL    0x2048
#define XT_GA     0x0180

/* Entry: 0 RemapEn, 2 GALogIntr, 6 IsRun, 7 GuestMode; 31:8 destination */
#define GUEST     0x81ull
#define GALOGINTR 0x04ull
#define ISRUN     0x40ull

#define INDEX 5

typedef struct Posting {
    Fixture f;
    QTestState *qts;
    uint64_t irt;
    uint64_t page;           /* backing page */
    uint64_t log;
    uint64_t tail;           /* where the log's tail is stored as well */
} Posting;

static Posting posting_start(const char *options, uint64_t control)
{
    Posting p = {
        .f.v = qamd_start("-M q35 -smp 4 -device nyx-amdvi,id=iommu%s "
                          "-device nyx-testdev,addr=4", options),
    };
    QAmd *v = p.f.v;

    p.f.td = nyx_td_get(v->pc->pci, SID);
    p.qts = v->qts;
    p.page = nyx_pc_pages(v->pc, 1);
    p.log = nyx_pc_pages(v->pc, 1);
    p.tail = nyx_pc_pages(v->pc, 1);
    qamd_w64(v, GALOGBASE, p.log | 8ull << 56);
    qamd_w64(v, GALOGTAIL, p.tail);
    /* The general registers of x2APIC mode: 31:8 destination, 39:32 vector */
    qamd_w64(v, XT_GA, 0xf1ull << 32 | 3 << 8);
    qamd_enable(v, QAMD_GAEN | QAMD_XTEN | QAMD_INTCAPXTEN | GAMEN | control);
    p.irt = qamd_irt(v, SID, 9, true);
    qamd_flush(v);
    return p;
}

static void set_entry(Posting *p, uint64_t lo, uint64_t page, uint8_t vector)
{
    qtest_writeq(p->qts, p->irt + 16 * INDEX, lo);
    qtest_writeq(p->qts, p->irt + 16 * INDEX + 8, page | vector);
    g_assert_true(qamd_submit(p->f.v, 5ull << 60 | SID, 0));
}

static uint32_t interrupt(Posting *p)
{
    return nyx_td_msi(&p->f.td, 0xfee00000, INDEX);
}

static uint64_t requests(Posting *p, unsigned vector)
{
    return qtest_readq(p->qts, p->page + 0x200 + vector / 32 * 16);
}

static unsigned all_irrs(Posting *p)
{
    unsigned count = 0;

    for (unsigned i = 0; i < 4; i++) {
        count += nyx_apic_irrs(p->f.v->pc, i);
    }
    return count;
}

/* A processor that does not run: an entry in the log, and its message. */
static void test_log(void)
{
    Posting p = posting_start(",vapic=on", GALOGEN | GAINTEN);
    QAmd *v = p.f.v;

    NYX_CHECK("runs", qamd_r32(v, QAMD_STATUS) & GALOGRUN, GALOGRUN);
    set_entry(&p, GUEST | GALOGINTR | 0xabcdull << 32, p.page, 0x41);
    NYX_CHECK("post", interrupt(&p), NYX_TD_ST_OK);
    NYX_CHECK("request", requests(&p, 0x41), 2);
    NYX_CHECK("entry", qtest_readq(p.qts, p.log), 0x100000200000abcdull);
    NYX_CHECK("tail", qamd_r64(v, GATAIL), 8);
    NYX_CHECK("tail in memory", qtest_readq(p.qts, p.tail), 8);
    NYX_CHECK("status", qamd_r32(v, QAMD_STATUS) & GAINT, GAINT);
    NYX_CHECK("message", nyx_apic_irr(v->pc, 3, 0xf1), NYX_IRR_EDGE);
    NYX_CHECK("no other", all_irrs(&p), 1);
    /* Running: only the request; moved without a command. */
    qtest_writeq(p.qts, p.irt + 16 * INDEX, GUEST | ISRUN | 1 << 8);
    NYX_CHECK("running", interrupt(&p), NYX_TD_ST_OK);
    NYX_CHECK("running", qamd_r64(v, GATAIL), 8);
    NYX_CHECK("no other", all_irrs(&p), 1);
    NYX_CHECK("posted", nyx_pc_stat(v->pc, v->path, "interrupts-posted"), 2);
    NYX_CHECK("logged", nyx_pc_stat(v->pc, v->path, "ga-log-entries"), 1);
    NYX_CHECK("remapped", nyx_pc_stat(v->pc, v->path, "interrupts-remapped"),
              0);
    expect_silence(&p.f, "log");
    end(&p.f);
}

/* GAPPI: an interrupt for the first request of a page */
static void test_gappi(void)
{
    Posting p = posting_start(",vapic=on,gappi=on", GAPPIEN);
    NyxPc *pc = p.f.v->pc;

    set_entry(&p, GUEST | 2 << 8 | 0xf2ull << 32, p.page, 0x41);
    NYX_CHECK("post", interrupt(&p), NYX_TD_ST_OK);
    NYX_CHECK("told", nyx_apic_irr(pc, 2, 0xf2), NYX_IRR_EDGE);
    NYX_CHECK("not itself", nyx_apic_irr(pc, 2, 0x41), NYX_IRR_NONE);
    /* The second of a page tells nobody, wherever it would. */
    qtest_writeq(p.qts, p.irt + 16 * INDEX, GUEST | 1 << 8 | 0xf3ull << 32);
    NYX_CHECK("again", interrupt(&p), NYX_TD_ST_OK);
    NYX_CHECK("pending", nyx_apic_irrs(pc, 1), 0);
    qtest_writeq(p.qts, p.page + 0x220, 0);
    NYX_CHECK("again", interrupt(&p), NYX_TD_ST_OK);
    NYX_CHECK("taken", nyx_apic_irr(pc, 1, 0xf3), NYX_IRR_EDGE);
    NYX_CHECK("all", all_irrs(&p), 2);
    expect_silence(&p.f, "gappi");
    end(&p.f);
}

static void test_wrong(void)
{
    static const struct {
        const char *name;
        uint64_t page;
    } rows[] = {
        { "no memory", 0x70000000 },
        { "the IOMMU's own registers", QAMD_BASE },
        { "the interrupt range", 0xfee00000 },
    };
    Posting p = posting_start(",vapic=on", GALOGEN);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        set_entry(&p, GUEST | GALOGINTR, rows[i].page, 0x41);
        NYX_CHECK(rows[i].name, interrupt(&p), NYX_TD_ST_TX_ERROR);
        expect_event(&p.f, rows[i].name, 4ull << 60 | 2ull << 57 | QAMD_EV_I |
                     SID, rows[i].page + 0x220);
    }
    NYX_CHECK("log", qamd_r64(p.f.v, GATAIL), 0);
    end(&p.f);
}

/* Not offered: such an entry is a wrong one, and GAMEn stays 0. */
static void test_off(void)
{
    Posting p = posting_start("", 0);

    NYX_CHECK("GAMSup", qamd_r64(p.f.v, QAMD_EFR) >> 21 & 7, 0);
    NYX_CHECK("GAMEn", qamd_r64(p.f.v, QAMD_CONTROL) >> 25 & 7, 0);
    set_entry(&p, GUEST, p.page, 0x41);
    NYX_CHECK("post", interrupt(&p), NYX_TD_ST_TX_ERROR);
    expect_event(&p.f, "post", 2ull << 60 | QAMD_EV_I | QAMD_EV_PR |
                 QAMD_EV_RZ | SID, 0xfffffffdf8050000ull);
    NYX_CHECK("request", requests(&p, 0x41), 0);
    end(&p.f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/posting/" name, fn)
    ADD("log", test_log);
    ADD("gappi", test_gappi);
    ADD("wrong", test_wrong);
    ADD("off", test_off);
    return g_test_run();
}
