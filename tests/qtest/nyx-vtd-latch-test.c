/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pointers of nyx-vtd that flush when they are latched, and abort mode, with
 * a device that does DMA; virtual commands.
 */
#include "qemu/osdep.h"
#include "nyx-vtd-fixture.h"

#define ABORT 3

/* Move the page under the caches, then latch the same root again. */
static void latch_again(Fixture *f, bool drops)
{
    uint64_t other = nyx_pc_pages(f->v->pc, 1);

    expect_access(f, "before", IOVA, f->page, 12);
    qvtd_map(f->v, &f->dom, IOVA, other, 12, 3);
    expect_access(f, "cached", IOVA, f->page, 12);
    g_assert_true(qvtd_gcmd(f->v, QVTD_SRTP, true));
    expect_access(f, "latched", IOVA, drops ? other : f->page, 12);
}

static void test_esrtps(void)
{
    Fixture f = start(",esrtps=on", TT_UNTRANSLATED);

    latch_again(&f, true);
    NYX_CHECK("mistakes", qvtd_mistakes(f.v, "vtd.srtp.no-flush"), 0);
    end(&f);
    f = start("", TT_UNTRANSLATED);
    latch_again(&f, false);
    end(&f);
}

static void test_esirtps(void)
{
    for (unsigned on = 0; on < 2; on++) {
        Fixture f = start_off(on ? ",esirtps=on" : "");

        g_assert_true(qvtd_ir(f.v, 7, false));
        qvtd_irte(f.v, 5, 0x410001, 0);
        nyx_td_msi(&f.td, qvtd_irq(5), 0);
        qvtd_irte(f.v, 5, 0x420001, 0);
        g_assert_true(qvtd_gcmd(f.v, QVTD_SIRTP, true));
        nyx_td_msi(&f.td, qvtd_irq(5), 0);
        NYX_CHECK("new", nyx_apic_irr(f.v->pc, 0, 0x42),
                  on ? NYX_IRR_EDGE : NYX_IRR_NONE);
        end(&f);
    }
}

/* Nothing passes, all of it is recorded, interrupts go on. */
static void test_abort(void)
{
    Fixture f = start(",abort-dma=on", TT_UNTRANSLATED);

    expect_access(&f, "legacy mode", IOVA, f.page, 12);
    g_assert_true(qvtd_ir(f.v, 7, false));
    qvtd_irte(f.v, 5, 0x410001, 0);
    qvtd_w64(f.v, QVTD_RTADDR, f.v->root | ABORT << 10);
    g_assert_true(qvtd_gcmd(f.v, QVTD_SRTP, true));
    qtest_writeq(f.v->qts, f.page, 1);
    NYX_CHECK("write", request(&f, NYX_TD_OP_FILL, IOVA), NYX_TD_ST_TX_ERROR);
    NYX_CHECK("memory", qtest_readq(f.v->qts, f.page), 1);
    NYX_CHECK("add", request(&f, NYX_TD_OP_FETCH_ADD, IOVA),
              NYX_TD_ST_BLOCKED);
    NYX_CHECK("code", qvtd_take_code(f.v), 0x33);
    qvtd_clear_faults(f.v);
    NYX_CHECK("aborted", qvtd_stat(f.v, "requests-aborted") >= 2, true);
    NYX_CHECK("mistakes", qvtd_mistakes(f.v, "vtd.rtaddr.mode"), 0);
    NYX_CHECK("MSI", nyx_td_msi(&f.td, qvtd_irq(5), 0), NYX_TD_ST_OK);
    NYX_CHECK("MSI", nyx_apic_irr(f.v->pc, 0, 0x41), NYX_IRR_EDGE);
    qvtd_w64(f.v, QVTD_RTADDR, f.v->root);
    g_assert_true(qvtd_gcmd(f.v, QVTD_SRTP, true));
    g_assert_true(qvtd_submit(f.v, 0x11, 0));
    g_assert_true(qvtd_submit(f.v, 0xd2, 0));
    expect_access(&f, "legacy mode", IOVA, f.page, 12);
    end(&f);
}

/* PASIDs by virtual command, in both layouts of the registers. */
static void test_vcmd(void)
{
    Fixture f = start_off(",vcmd=on,version=0x40");

    qvtd_w64(f.v, 0xe00, 1);
    NYX_CHECK("first", qvtd_r64(f.v, 0xe10), 1 << 16);
    qvtd_w64(f.v, 0xe00, 1);
    NYX_CHECK("second", qvtd_r64(f.v, 0xe10), 2 << 16);
    qvtd_w64(f.v, 0xe00, 1 << 16 | 2);
    NYX_CHECK("freed", qvtd_r64(f.v, 0xe10), 0);
    qvtd_w64(f.v, 0xe00, 1 << 16 | 2);
    NYX_CHECK("freed twice", qvtd_r64(f.v, 0xe10), 16 << 1);
    NYX_CHECK("mistakes", qvtd_mistakes(f.v, "vtd.vcmd.free"), 1);
    NYX_CHECK("in use", qvtd_stat(f.v, "virtual-pasids"), 1);
    end(&f);
    f = start_off(",vcmd=on");
    qvtd_w64(f.v, 0xe10, 1);
    NYX_CHECK("older", qvtd_r64(f.v, 0xe20), 1 << 8);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-latch/esrtps", test_esrtps);
    qtest_add_func("/nyx/vtd-latch/esirtps", test_esirtps);
    qtest_add_func("/nyx/vtd-latch/abort", test_abort);
    qtest_add_func("/nyx/vtd-latch/vcmd", test_vcmd);
    return g_test_run();
}
