/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU's own model (10.0 to 10.2) gets wrong, each as a test that it
 * would fail:
 *
 *   fault-event         a page fault's event has no bus number, no domain, and
 *                       its flags are at the wrong bits
 *   hit-permission      only the leaf's permission counts, and a hit's not
 *   all-ones            an entry of ones is taken for one that cannot be read
 *   odd-modes           Mode 0 or 7 and a consumer of mappings: QEMU aborts
 *   cleared-directory   a directory cleared above pages that were announced:
 *                       QEMU aborts
 *   tail-outside        a command tail beyond the buffer is an endless loop
 *   ring-length         a buffer length of 0 is an endless loop
 *   wrap                the head reads as the size of the buffer
 *   overflow            EventOverflow needs EventIntEn, and the log goes on
 *   exclusion           the exclusion range is stored, and never applied
 *   read-only           bits of EFR can be written
 *   halves              a register's halves have to be written low to high
 *   reserved-command    commands with reserved bits are logged and executed
 *   wait-data           the stored value has 32 bits
 *   device-tlb-off      requests of functions without I = 1 are answered
 *   interrupt-off       interrupts are remapped with IommuEn = 0
 *
 * Elsewhere: DTE.SA and SE, table sizes, levels left out, permission of upper
 * levels (translate); IntTabLen, IntCtl (intremap); messages by XT registers,
 * ComWaitIntEn, illegal commands, one MSI capability, migration (regs); who
 * is told of invalidations (notify); the IVRS table's fields (acpi).
 */
#include "qemu/osdep.h"
#include "nyx-amdvi-fixture.h"

/* --- Translation ------------------------------------------------------------ */

static void test_fault_event(void)
{
    const uint16_t sid = NYX_SID(5, 3, 0);
    QAmd *v = qamd_start("-M q35 -device nyx-amdvi,id=iommu "
                         "-device pcie-root-port,id=rp,addr=2,chassis=1 "
                         "-device nyx-testdev,bus=rp,addr=0");
    const uint16_t behind = NYX_SID(5, 0, 0);
    QAmdDomain dom;
    Fixture f = { .v = v };

    nyx_pci_bridge(v->pc, NYX_SID(0, 2, 0), 5, 5);
    f.td = nyx_td_get(v->pc->pci, behind);
    qamd_enable(v, 0);
    dom = qamd_domain(v, 0xabcd, 4);
    qamd_attach(v, behind, &dom, 0);
    qamd_dte(v, sid, QAMD_V_TV, 0, 0, 0);
    qamd_flush(v);
    expect_refused(&f, "write", true, 0x12345678);
    expect_event(&f, "write", 0x2020abcd00000500ull, 0x12345678);
    expect_refused(&f, "read", false, 0x12345678);
    expect_event(&f, "read", 0x2000abcd00000500ull, 0x12345678);
    end(&f);
}

static void test_hit_permission(void)
{
    Fixture f = start("");
    uint64_t at = qamd_entry(f.v, &f.dom, IOVA, 3);
    uint64_t data;

    qtest_writeq(f.v->qts, at, qtest_readq(f.v->qts, at) & ~QAMD_IW);
    qamd_flush(f.v);
    for (unsigned turn = 0; turn < 2; turn++) {
        NYX_CHECK("read", nyx_td_read(&f.td, IOVA, &data, 8), NYX_TD_ST_OK);
        expect_refused(&f, "write", true, IOVA);
        expect_event(&f, "write", PAGE_FAULT(DID) | QAMD_EV_PR | QAMD_EV_RW |
                     QAMD_EV_PE, IOVA);
    }
    NYX_CHECK("memory", qtest_readq(f.v->qts, f.page), 0);
    end(&f);
}

static void test_all_ones(void)
{
    Fixture f = start("");

    qtest_writeq(f.v->qts, qamd_entry(f.v, &f.dom, IOVA, 1), UINT64_MAX);
    qamd_flush(f.v);
    expect_refused(&f, "ones", true, IOVA);
    expect_event(&f, "ones", PAGE_FAULT(DID) | QAMD_EV_PR | QAMD_EV_RW |
                 QAMD_EV_RZ, IOVA);
    end(&f);
}

static void test_odd_modes(void)
{
    Fixture f = start(",np-cache=on");

    NYX_CHECK("listens", nyx_td_notify(&f.td, NYX_TD_NOTIFY_MAP |
                                       NYX_TD_NOTIFY_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    NYX_CHECK("mapped", nyx_td_shadow_find(&f.td, IOVA).addr, f.page);
    qamd_dte(f.v, SID, QAMD_V_TV | QAMD_RW, DID, 0, 0);
    qamd_flush_dte(f.v, SID);
    qamd_flush_pages(f.v, DID, 0, 64);
    qamd_dte(f.v, SID, QAMD_V_TV | QAMD_RW | 7 << 9, DID, 0, 0);
    qamd_flush_dte(f.v, SID);
    qamd_flush_pages(f.v, DID, 0, 64);
    expect_refused(&f, "Mode 7", true, IOVA);
    NYX_CHECK("Mode 7", qamd_take_code(f.v), 1);
    qamd_attach(f.v, SID, &f.dom, 0);
    qamd_flush_dte(f.v, SID);
    qamd_clear_events(f.v);
    expect_access(&f, "again", IOVA, f.page, 12);
    NYX_CHECK("objections", nyx_td_r32(&f.td, NYX_TD_NOTIFY_ERRORS), 0);
    end(&f);
}

static void test_cleared_directory(void)
{
    Fixture f = start(",np-cache=on");
    uint64_t at = qamd_entry(f.v, &f.dom, IOVA, 2);
    uint64_t entry = qtest_readq(f.v->qts, at);

    nyx_td_notify(&f.td, NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP);
    NYX_CHECK("mapped", nyx_td_shadow_find(&f.td, IOVA).addr, f.page);
    qtest_writeq(f.v->qts, at, 0);
    qamd_flush_pages(f.v, DID, IOVA & ~0x1fffffull, 21);
    NYX_CHECK("gone", nyx_td_r64(&f.td, NYX_TD_NOTIFY_UNMAPS), 1);
    qtest_writeq(f.v->qts, at, entry);
    qamd_flush_pages(f.v, DID, IOVA, 12);
    NYX_CHECK("back", nyx_td_shadow_find(&f.td, IOVA).addr, f.page);
    NYX_CHECK("objections", nyx_td_r32(&f.td, NYX_TD_NOTIFY_ERRORS), 0);
    end(&f);
}

static void test_exclusion(void)
{
    Fixture f = start("");

    /* ExEn and Allow; the limit is the last page. */
    qamd_w64(f.v, 0x28, f.page);
    qamd_w64(f.v, 0x20, f.page | 3);
    expect_access(&f, "everybody", f.page, f.page, 12);
    expect_refused(&f, "beyond", true, f.page + NYX_PAGE);
    NYX_CHECK("beyond", qamd_take_code(f.v), 2);
    qamd_clear_events(f.v);
    /* Without Allow the device table entry decides: EX */
    qamd_w64(f.v, 0x20, f.page | 1);
    qamd_flush_dte(f.v, SID);
    expect_refused(&f, "EX = 0", true, f.page);
    NYX_CHECK("EX = 0", qamd_take_code(f.v), 2);
    qamd_clear_events(f.v);
    qamd_attach(f.v, SID, &f.dom, 1ull << 39);
    qamd_flush_dte(f.v, SID);
    expect_access(&f, "EX = 1", f.page, f.page, 12);
    expect_access(&f, "the rest", IOVA, f.page, 12);
    end(&f);
}

static void test_device_tlb_off(void)
{
    Fixture f = start(",device-iotlb=on");
    NyxTdAnswer answer;

    nyx_td_ats(f.v->pc, SID, true);
    NYX_CHECK("I = 0", nyx_td_translate(&f.td, IOVA, -1, &answer),
              NYX_TD_ST_BLOCKED);
    expect_event(&f, "I = 0", 8ull << 60 | 1ull << 57 | QAMD_EV_TR | SID,
                 IOVA);
    qamd_attach(f.v, SID, &f.dom, QAMD_DTE1_I);
    qamd_flush_dte(f.v, SID);
    NYX_CHECK("I = 1", nyx_td_translate(&f.td, IOVA, -1, &answer),
              NYX_TD_ST_OK);
    NYX_CHECK("I = 1", answer.addr, f.page);
    /* What is not there is an answer without rights, and no event. */
    NYX_CHECK("empty", nyx_td_translate(&f.td, 0x1000, -1, &answer),
              NYX_TD_ST_NO_MAPPING);
    expect_silence(&f, "empty");
    end(&f);
}

/* --- Commands and logs ------------------------------------------------------ */

static void test_tail_outside(void)
{
    Fixture f = start("");
    uint64_t tail = qamd_r64(f.v, QAMD_CMDTAIL);

    /* 4 KiB of commands: the pointer stays. */
    qamd_w32(f.v, QAMD_CMDTAIL, 0x7fff0);
    NYX_CHECK("tail", qamd_r64(f.v, QAMD_CMDTAIL), tail);
    NYX_CHECK("head", qamd_r64(f.v, QAMD_CMDHEAD), tail);
    qamd_flush(f.v);
    NYX_CHECK("finding", qamd_mistakes(f.v, "amdvi.ring.pointer"), 1);
    end(&f);
}

static void test_ring_length(void)
{
    Fixture f = start("");
    uint64_t efr = qamd_r64(f.v, QAMD_EFR);

    for (unsigned length = 0; length < 8; length++) {
        qamd_w64(f.v, QAMD_CONTROL,
                 qamd_r64(f.v, QAMD_CONTROL) & ~QAMD_CMDBUFEN);
        qamd_w64(f.v, QAMD_CMDBASE,
                 f.v->commands | (uint64_t)length << 56);
        qamd_w64(f.v, QAMD_CONTROL,
                 qamd_r64(f.v, QAMD_CONTROL) | QAMD_CMDBUFEN);
        qamd_w32(f.v, QAMD_CMDTAIL, 0x10);
        NYX_CHECK("alive", qamd_r64(f.v, QAMD_EFR), efr);
    }
    NYX_CHECK("finding", qamd_mistakes(f.v, "amdvi.ring.length") > 0, 1);
    end(&f);
}

static void test_wrap(void)
{
    Fixture f = start("");

    for (unsigned i = 0; i < 300; i++) {
        g_assert_true(qamd_wait(f.v));
        NYX_CHECK("head", qamd_r64(f.v, QAMD_CMDHEAD), f.v->tail);
        NYX_CHECK("head", qamd_r64(f.v, QAMD_CMDHEAD) < 0x1000, 1);
    }
    end(&f);
}

static void test_overflow(void)
{
    Fixture f = start("");

    /* Of 256 entries one stays free. */
    for (unsigned i = 0; i < 255; i++) {
        expect_refused(&f, "event", true, 0x1000);
    }
    NYX_CHECK("full", qamd_r64(f.v, QAMD_EVTTAIL), 255 * 16);
    NYX_CHECK("full", qamd_r32(f.v, QAMD_STATUS) & 0xb,
              QAMD_EVENTLOGRUN | QAMD_EVENTLOGINT);
    expect_refused(&f, "one more", true, 0x1000);
    NYX_CHECK("overflow", qamd_r32(f.v, QAMD_STATUS) & 0xb,
              QAMD_EVENTOVERFLOW | QAMD_EVENTLOGINT);
    NYX_CHECK("overflow", qamd_r64(f.v, QAMD_EVTTAIL), 255 * 16);
    /* Room alone does not start it. */
    qamd_clear_events(f.v);
    expect_refused(&f, "stopped", true, 0x1000);
    NYX_CHECK("stopped", qamd_take(f.v).valid, false);
    qamd_w64(f.v, QAMD_CONTROL,
             qamd_r64(f.v, QAMD_CONTROL) & ~QAMD_EVENTLOGEN);
    qamd_w64(f.v, QAMD_CONTROL,
             qamd_r64(f.v, QAMD_CONTROL) | QAMD_EVENTLOGEN);
    expect_refused(&f, "restarted", true, 0x1000);
    expect_event(&f, "restarted", PAGE_FAULT(DID) | QAMD_EV_RW, 0x1000);
    end(&f);
}

static void test_reserved_command(void)
{
    Fixture f = start("");
    uint64_t other = nyx_pc_pages(f.v->pc, 1);
    uint64_t at;

    expect_access(&f, "first", IOVA, f.page, 12);
    qamd_map(f.v, &f.dom, IOVA, other, 12, QAMD_RW);
    /* INVALIDATE_IOMMU_PAGES with bit 20 */
    at = f.v->commands + f.v->tail;
    qamd_put(f.v, 3ull << 60 | (uint64_t)DID << 32 | 1 << 20,
             0x7ffffffffffff003);
    qamd_ring(f.v);
    expect_event(&f, "reserved bit", 5ull << 60, at);
    NYX_CHECK("stopped", qamd_r32(f.v, QAMD_STATUS) & QAMD_CMDBUFRUN, 0);
    expect_access(&f, "not executed", IOVA, f.page, 12);
    end(&f);
}

static void test_wait_data(void)
{
    Fixture f = start("");
    uint64_t at = nyx_pc_pages(f.v->pc, 1) + 0xff8;

    qamd_put(f.v, 1ull << 60 | at | 1, 0x123456789abcdef0ull);
    g_assert_true(qamd_wait(f.v));
    NYX_CHECK("data", qtest_readq(f.v->qts, at), 0x123456789abcdef0ull);
    end(&f);
}

/* --- Registers -------------------------------------------------------------- */

static void test_read_only(void)
{
    Fixture f = start_off("");

    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t efr = qamd_r64(f.v, QAMD_EFR);

        qamd_w64(f.v, QAMD_EFR, efr ^ 1ull << bit);
        NYX_CHECK("EFR", qamd_r64(f.v, QAMD_EFR), efr);
    }
    end(&f);
}

static void test_halves(void)
{
    Fixture f = start_off("");

    for (unsigned order = 0; order < 2; order++) {
        unsigned high = order ? 0 : 4;

        qamd_w64(f.v, QAMD_DEVTAB, 0);
        qamd_w32(f.v, QAMD_DEVTAB + high, high ? 0x12 : 0x345671ff);
        qamd_w32(f.v, QAMD_DEVTAB + (high ^ 4), high ? 0x345671ff : 0x12);
        NYX_CHECK(order ? "low, high" : "high, low",
                  qamd_r64(f.v, QAMD_DEVTAB), 0x12345671ff);
    }
    end(&f);
}

static void test_interrupt_off(void)
{
    Fixture f = start("");

    qamd_irt(f.v, SID, 9, false);
    qamd_flush(f.v);
    NYX_CHECK("on", nyx_td_msi(&f.td, 0xfee00000, 0x41),
              NYX_TD_ST_TX_ERROR);
    qamd_w64(f.v, QAMD_CONTROL, qamd_r64(f.v, QAMD_CONTROL) & ~QAMD_IOMMUEN);
    NYX_CHECK("off", nyx_td_msi(&f.td, 0xfee00000, 0x41), NYX_TD_ST_OK);
    NYX_CHECK("off", nyx_apic_irr(f.v->pc, 0, 0x41), NYX_IRR_EDGE);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/amdvi-peers/fault-event", test_fault_event);
    qtest_add_func("/nyx/amdvi-peers/hit-permission", test_hit_permission);
    qtest_add_func("/nyx/amdvi-peers/all-ones", test_all_ones);
    qtest_add_func("/nyx/amdvi-peers/odd-modes", test_odd_modes);
    qtest_add_func("/nyx/amdvi-peers/cleared-directory",
                   test_cleared_directory);
    qtest_add_func("/nyx/amdvi-peers/tail-outside", test_tail_outside);
    qtest_add_func("/nyx/amdvi-peers/ring-length", test_ring_length);
    qtest_add_func("/nyx/amdvi-peers/wrap", test_wrap);
    qtest_add_func("/nyx/amdvi-peers/overflow", test_overflow);
    qtest_add_func("/nyx/amdvi-peers/exclusion", test_exclusion);
    qtest_add_func("/nyx/amdvi-peers/read-only", test_read_only);
    qtest_add_func("/nyx/amdvi-peers/halves", test_halves);
    qtest_add_func("/nyx/amdvi-peers/reserved-command",
                   test_reserved_command);
    qtest_add_func("/nyx/amdvi-peers/wait-data", test_wait_data);
    qtest_add_func("/nyx/amdvi-peers/device-tlb-off", test_device_tlb_off);
    qtest_add_func("/nyx/amdvi-peers/interrupt-off", test_interrupt_off);
    return g_test_run();
}
