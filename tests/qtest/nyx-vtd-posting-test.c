/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Posted interrupts through nyx-vtd: the descriptor in the machine's memory,
 * the notification at the APICs, and what blocks.
 */
#include "qemu/osdep.h"
#include "nyx-vtd-fixture.h"

/* Word 4 of the descriptor: 0 ON, 1 SN, 23:16 NV, 63:32 NDST. */
#define ON      1
#define SN      2
#define CONTROL 0x0000020000f20000ull     /* NV 0xf2, xAPIC id 2 */

typedef struct Posting {
    Fixture f;
    QTestState *qts;
    uint64_t pda;
} Posting;

/* P, IM, vector; PDA 31:6 in 63:38. */
static uint64_t irte(uint64_t pda, uint8_t vector)
{
    return 0x8001 | vector << 16 | pda << 32;
}

static Posting posting_start(const char *options)
{
    Posting p = {
        .f.v = qvtd_start("-M q35 -smp 4 -device nyx-vtd,id=iommu%s "
                          "-device nyx-testdev,addr=4", options),
    };

    p.f.td = nyx_td_get(p.f.v->pc->pci, SID);
    p.qts = p.f.v->qts;
    p.pda = nyx_pc_pages(p.f.v->pc, 1) + 128;
    g_assert_true(qvtd_ir(p.f.v, 7, false));
    qvtd_irte(p.f.v, 5, irte(p.pda, 0x41), 0);
    qtest_writeq(p.qts, p.pda + 32, CONTROL);
    return p;
}

static uint32_t interrupt(Posting *p)
{
    return nyx_td_msi(&p->f.td, qvtd_irq(5), 0);
}

/* One notification, whatever number of requests, until ON is cleared. */
static void test_post(void)
{
    Posting p = posting_start("");
    NyxPc *pc = p.f.v->pc;

    NYX_CHECK("post", interrupt(&p), NYX_TD_ST_OK);
    NYX_CHECK("request", qtest_readq(p.qts, p.pda + 8), 2);
    NYX_CHECK("control", qtest_readq(p.qts, p.pda + 32), CONTROL | ON);
    NYX_CHECK("notified", nyx_apic_irr(pc, 2, 0xf2), NYX_IRR_EDGE);
    NYX_CHECK("not itself", nyx_apic_irr(pc, 2, 0x41), NYX_IRR_NONE);
    NYX_CHECK("nobody else", nyx_apic_irrs(pc, 0), 0);

    /* To another processor: it hears when software has taken the first. */
    qtest_writeq(p.qts, p.pda + 32, 0x0000010000f30000ull | ON);
    NYX_CHECK("again", interrupt(&p), NYX_TD_ST_OK);
    NYX_CHECK("outstanding", nyx_apic_irrs(pc, 1), 0);
    qtest_writeq(p.qts, p.pda + 8, 0);
    qtest_writeq(p.qts, p.pda + 32, 0x0000010000f30000ull | SN);
    NYX_CHECK("again", interrupt(&p), NYX_TD_ST_OK);
    NYX_CHECK("suppressed", nyx_apic_irrs(pc, 1), 0);
    NYX_CHECK("request", qtest_readq(p.qts, p.pda + 8), 2);
    qtest_writeq(p.qts, p.pda + 32, 0x0000010000f30000ull);
    NYX_CHECK("again", interrupt(&p), NYX_TD_ST_OK);
    NYX_CHECK("notified", nyx_apic_irr(pc, 1, 0xf3), NYX_IRR_EDGE);
    NYX_CHECK("posted", qvtd_stat(p.f.v, "interrupts-posted"), 4);
    NYX_CHECK("notified", qvtd_stat(p.f.v, "posting-notifications"), 2);
    NYX_CHECK("remapped", qvtd_stat(p.f.v, "interrupts-remapped"), 0);
    expect_silence(&p.f, "post");
    end(&p.f);
}

typedef struct WrongRow {
    const char *name;
    uint64_t pda;            /* 0: the good one */
    uint64_t word5;
    unsigned code;
} WrongRow;

static const WrongRow wrong_rows[] = {
    { "reserved bit", 0, 1, 0x28 },
    { "no memory", 0x70000000, 0, 0x27 },
    { "a device's registers", 0xfed90000, 0, 0x27 },
};

static void test_wrong(void)
{
    Posting p = posting_start("");

    for (unsigned i = 0; i < ARRAY_SIZE(wrong_rows); i++) {
        const WrongRow *row = &wrong_rows[i];

        qtest_writeq(p.qts, p.pda + 40, row->word5);
        qvtd_irte(p.f.v, 5, irte(row->pda ? row->pda : p.pda, 0x41), 0);
        g_assert_true(qvtd_submit(p.f.v, 0x4, 0));
        NYX_CHECK(row->name, interrupt(&p), NYX_TD_ST_TX_ERROR);
        expect_record(&p.f, row->name, 5ull << 48,
                      1ull << 63 | (uint64_t)row->code << 32 | SID);
    }
    end(&p.f);
}

/* Not offered: an entry that posts is a wrong one. */
static void test_off(void)
{
    Posting p = posting_start(",posted-interrupts=off");

    NYX_CHECK("PI", qvtd_r64(p.f.v, QVTD_CAP) >> 59 & 1, 0);
    NYX_CHECK("post", interrupt(&p), NYX_TD_ST_TX_ERROR);
    expect_record(&p.f, "post", 5ull << 48, 1ull << 63 | 0x24ull << 32 | SID);
    end(&p.f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-posting/post", test_post);
    qtest_add_func("/nyx/vtd-posting/wrong", test_wrong);
    qtest_add_func("/nyx/vtd-posting/off", test_off);
    return g_test_run();
}
