/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU's own AMD-Vi model (10.0 to 10.2) gets wrong, each as a test that
 * it would fail:
 *
 *   fault-flags      RW, PR and PE of a page fault land in GN and NX, I is
 *                    always set; no domain
 *   fault-bus        the event's device id has no bus
 *   fault-pasid      no PASID in an event
 *   suppress         SE and SA are ignored
 *   upper-rights     only the leaf's permissions count
 *   level-skip       NextLevel is not looked at, nor its reserved codes
 *   all-ones         an entry of all ones is a memory error
 *   reserved-halves  reserved bits count where V = 0 or IV = 0
 *   table-length     neither the device table has a length,
 *   int-tab-len      nor an interrupt table
 *   modes            a consumer and Mode 0 or 7 reach an assertion,
 *   clear-directory  so does a directory entry that goes with pages below it
 *   tail-outside     a tail outside the ring, or a ring of no length, hangs
 *   head             the head register shows the size of the ring
 *   illegal-command  is executed, or logged and the ring goes on
 *   wait-interrupt   COMPLETION_WAIT goes by i alone
 *   overflow         is told with EventIntEn only, and the log goes on
 *   xt-interrupt     is lost (until 11.1)
 *   event-base       cannot be written while EventLogInt is set
 *   remap-off        interrupts are remapped with IommuEn = 0
 *   forward          IntCtl = 1 forwards a message of zeros
 *   xt-en            destinations have 32 bits by an option, not by XTEn
 *   exclusion        the range is stored in part, and ignored
 *   device-iotlb     INVALIDATE_IOTLB_PAGES reaches nobody
 *   unmap            nor does INVALIDATE_IOMMU_PAGES who wants unmaps only
 *   large-page       a flush of 4 KiB leaves the rest of a large page cached
 *   features         EFR is partly writable, and offers what there is not
 *   one-msi          the function has two MSI capabilities
 *   bytes            writes of a byte vanish
 *   halves           64-bit writes are cut, high halves first are lost
 *   reset            leaves buffers and enables as they were
 *   migrate          devices are not translated after a load
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi-guest.h"
#include "libqos/nyx-migrate.h"
#include "nyx-amdvi-fixture.h"

#define MSI         0xfee00000ull
#define VECTOR      0x51

#define VFIO        (NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP)

#define RIGHTS      (QAMD_EV_PR | QAMD_EV_PE)

static void change(Fixture *f, uint64_t at, uint64_t clear, uint64_t set)
{
    qtest_writeq(f->v->qts, at, (qtest_readq(f->v->qts, at) & ~clear) | set);
}

static void expect_vector(Fixture *f, const char *row, unsigned vector)
{
    NYX_CHECK(row, nyx_apic_irr(f->v->pc, 0, vector), NYX_IRR_EDGE);
}

/* --- Page faults ---------------------------------------------------------- */

static void test_fault_flags(void)
{
    Fixture f = start("");

    expect_refused(&f, "write", true, 0x1000);
    expect_event(&f, "write", 0x2020000700000020, 0x1000);
    expect_refused(&f, "read", false, 0x1008);
    expect_event(&f, "read", 0x2000000700000020, 0x1008);
    qamd_map(f.v, &f.dom, IOVA, f.page, 12, QAMD_IR);
    qamd_flush_pages(f.v, DID, IOVA, 12);
    expect_refused(&f, "permission", true, IOVA + 4);
    expect_event(&f, "permission", 0x2070000700000020, IOVA + 4);
    end(&f);
}

static void test_fault_bus(void)
{
    Fixture f = {
        .v = qamd_start("-M q35 -device nyx-amdvi,id=iommu "
                        "-device pcie-root-port,id=rp,chassis=1,addr=3 "
                        "-device nyx-testdev,bus=rp"),
    };

    nyx_pci_bridge(f.v->pc, NYX_SID(0, 3, 0), 5, 5);
    f.td = nyx_td_get(f.v->pc->pci, NYX_SID(5, 0, 0));
    qamd_enable(f.v, 0);
    f.dom = qamd_domain(f.v, DID, 4);
    qamd_attach(f.v, NYX_SID(5, 0, 0), &f.dom, 0);
    qamd_flush(f.v);
    expect_refused(&f, "bus 5", true, IOVA);
    expect_event(&f, "bus 5", 0x2020000700000500, IOVA);
    end(&f);
}

static void test_fault_pasid(void)
{
    Fixture f = start(",guest-levels=4,glx=2,pasid-bits=20");
    QAmdGuest guest = qamd_guest(f.v, 2, 4);

    qamd_control(f.v, 0, QAMD_GTEN);
    qamd_guest_attach(&guest, SID, DID, 0, 0);
    qamd_flush(f.v);
    qamd_guest_entry(&guest, 0x54321, IOVA, 1);
    nyx_td_request(&f.td, (NyxTdReq) {
        .op = NYX_TD_OP_SWAP, .addr = IOVA, .len = 4, .pasid = 0x54321,
        .attr = NYX_TD_ATTR_PASID,
    });
    /* RW, US, GN */
    expect_event(&f, "PASID", 0x2025432100050020, IOVA);
    end(&f);
}

static void test_suppress(void)
{
    Fixture f = start("");

    qamd_attach(f.v, SID, &f.dom, 1ull << 34);
    qamd_flush_dte(f.v, SID);
    for (unsigned i = 0; i < 10; i++) {
        expect_refused(&f, "SA", true, 0x1000 + i * NYX_PAGE);
    }
    NYX_CHECK("SA", qamd_r64(f.v, QAMD_EVTTAIL), 0);
    qamd_attach(f.v, SID, &f.dom, 1ull << 33);
    qamd_flush_dte(f.v, SID);
    for (unsigned i = 0; i < 10; i++) {
        expect_refused(&f, "SE", true, 0x1000 + i * NYX_PAGE);
    }
    NYX_CHECK("SE", qamd_r64(f.v, QAMD_EVTTAIL), 0x10);
    NYX_CHECK("stats", qamd_stat(f.v, "events-suppressed"), 19);
    end(&f);
}

/* --- Tables --------------------------------------------------------------- */

static void test_upper_rights(void)
{
    Fixture f = start("");

    for (unsigned level = 5; level; level--) {
        uint64_t at = level == 5 ? f.v->devtab + SID * 32
                                 : qamd_entry(f.v, &f.dom, IOVA, level);
        g_autofree char *row = g_strdup_printf("level %u", level);

        change(&f, at, QAMD_IW, 0);
        qamd_flush(f.v);
        for (unsigned turn = 0; turn < 2; turn++) {
            expect_refused(&f, row, true, IOVA);
            expect_event(&f, row, PAGE_FAULT(DID) | RIGHTS | QAMD_EV_RW,
                         IOVA);
            NYX_CHECK(row, request(&f, NYX_TD_OP_READ, IOVA), NYX_TD_ST_OK);
        }
        change(&f, at, QAMD_IR, QAMD_IW);
        qamd_flush(f.v);
        NYX_CHECK(row, request(&f, NYX_TD_OP_FILL, IOVA), NYX_TD_ST_OK);
        expect_refused(&f, row, false, IOVA);
        expect_event(&f, row, PAGE_FAULT(DID) | RIGHTS, IOVA);
        change(&f, at, 0, QAMD_IR);
    }
    end(&f);
}

static void test_level_skip(void)
{
    Fixture f = start("");
    uint64_t top = f.dom.root, table = nyx_pc_pages(f.v->pc, 1);
    const uint64_t reserved = PAGE_FAULT(DID) | QAMD_EV_PR | QAMD_EV_RZ;

    qtest_writeq(f.v->qts, top, table | QAMD_PR | QAMD_RW | 1 << 9);
    qtest_writeq(f.v->qts, table + 0x123 * 8, f.page | QAMD_PR | QAMD_RW);
    qamd_flush(f.v);
    expect_access(&f, "from 4 to 1", 0x123000, f.page, 12);
    expect_refused(&f, "bits between", false, 0x40123000);
    expect_event(&f, "bits between", PAGE_FAULT(DID), 0x40123000);
    /* A table of the entry's own level, or a higher one. */
    for (unsigned next = 4; next < 7; next++) {
        qtest_writeq(f.v->qts, top, table | QAMD_PR | QAMD_RW | next << 9);
        qamd_flush(f.v);
        expect_refused(&f, "up", false, 0x123000);
        expect_event(&f, "up", reserved, 0x123000);
    }
    end(&f);
}

static void test_all_ones(void)
{
    Fixture f = start("");

    for (unsigned level = 1; level <= 4; level++) {
        uint64_t at = qamd_entry(f.v, &f.dom, IOVA, level);
        uint64_t good = qtest_readq(f.v->qts, at);

        qtest_writeq(f.v->qts, at, UINT64_MAX);
        qamd_flush(f.v);
        expect_refused(&f, "all ones", false, IOVA);
        expect_event(&f, "all ones", PAGE_FAULT(DID) | QAMD_EV_PR |
                     QAMD_EV_RZ, IOVA);
        qtest_writeq(f.v->qts, at, good);
    }
    end(&f);
}

static void test_reserved_halves(void)
{
    Fixture f = start("");

    /* V = 0: memory passes; IV = 0: interrupts do. */
    qamd_dte(f.v, SID, 0x800000000000007cull, UINT64_MAX,
             QAMD_DTE2_IV | 1ull << 60, 0);
    qamd_flush(f.v);
    NYX_CHECK("V = 0", request(&f, NYX_TD_OP_FILL, f.page), NYX_TD_ST_OK);
    NYX_CHECK("V = 0", qtest_readq(f.v->qts, f.page), DATA);
    NYX_CHECK("IntCtl", nyx_td_msi(&f.td, MSI, VECTOR), NYX_TD_ST_OK);
    expect_vector(&f, "IntCtl", VECTOR);
    qamd_attach(f.v, SID, &f.dom, 0);
    qamd_set_dte_word(f.v, SID, 2, 0x003ffffffffffffeull & ~(3ull << 54));
    qamd_set_dte_word(f.v, SID, 3, 0x003f000000007fffull);
    qamd_flush(f.v);
    expect_access(&f, "IV = 0", IOVA, f.page, 12);
    NYX_CHECK("IV = 0", nyx_td_msi(&f.td, MSI, VECTOR + 1), NYX_TD_ST_OK);
    expect_vector(&f, "IV = 0", VECTOR + 1);
    expect_silence(&f, "IV = 0");
    end(&f);
}

static void test_table_length(void)
{
    Fixture f = {
        .v = qamd_start("-M q35 -device nyx-amdvi,id=iommu "
                        "-device nyx-testdev,addr=10 "),
    };

    f.td = nyx_td_get(f.v->pc->pci, NYX_SID(0, 0x10, 0));
    qamd_enable(f.v, 0);
    f.page = nyx_pc_pages(f.v->pc, 1);
    NYX_CHECK("512 pages", request(&f, NYX_TD_OP_FILL, f.page), NYX_TD_ST_OK);
    /* 128 entries: the last is that of 00:0f.7. */
    qamd_w64(f.v, QAMD_DEVTAB, f.v->devtab);
    qamd_flush(f.v);
    expect_refused(&f, "one page", true, f.page);
    expect_event(&f, "one page", 0x2020000000000080, f.page);
    end(&f);
}

static void test_int_tab_len(void)
{
    Fixture f = start("");
    uint64_t table = qamd_irt(f.v, SID, 5, false);

    qamd_flush(f.v);
    for (unsigned i = 0; i < 64; i++) {
        qtest_writel(f.v->qts, table + 4 * i, 1 | (0x40 + i) << 16);
    }
    NYX_CHECK("within", nyx_td_msi(&f.td, MSI, 31), NYX_TD_ST_OK);
    expect_vector(&f, "within", 0x5f);
    nyx_td_msi(&f.td, MSI, 32);
    NYX_CHECK("beyond", nyx_apic_irrs(f.v->pc, 0), 1);
    NYX_CHECK("beyond", qamd_take(f.v).lo, PAGE_FAULT(DID) | QAMD_EV_I);
    end(&f);
}

/* --- Consumers ------------------------------------------------------------ */

static void test_modes(void)
{
    Fixture f = start(",np-cache=on");

    NYX_CHECK("listens", nyx_td_notify(&f.td, VFIO) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    for (uint64_t mode = 0; mode < 8; mode++) {
        g_autofree char *row = g_strdup_printf("Mode %u", (unsigned)mode);

        qamd_set_dte_word(f.v, SID, 0, QAMD_V_TV | QAMD_RW | f.dom.root |
                          mode << 9);
        qamd_flush_dte(f.v, SID);
        qamd_flush_pages(f.v, DID, 0, 64);
        qamd_flush_pages(f.v, DID, IOVA, 12);
        if (!mode) {
            NYX_CHECK(row, request(&f, NYX_TD_OP_FILL, f.page), NYX_TD_ST_OK);
        } else if (mode == 4) {
            expect_access(&f, row, IOVA, f.page, 12);
        } else {
            expect_refused(&f, row, true, IOVA);
        }
        /* With a level more the same tables skip one. */
        NYX_CHECK(row, nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT),
                  mode == 4 || mode == 5);
        qamd_clear_events(f.v);
    }
    NYX_CHECK("objections", nyx_td_r32(&f.td, NYX_TD_NOTIFY_ERRORS), 0);
    end(&f);
}

/* A directory goes while pages of 4 KiB are mapped below it. */
static void test_clear_directory(void)
{
    static const unsigned flushes[] = { 12, 21, 30, 64 };

    for (unsigned i = 0; i < ARRAY_SIZE(flushes); i++) {
        Fixture f = start(",np-cache=on,coalesce=off");
        uint64_t iova = IOVA & ~0x3fffffffull;

        for (unsigned n = 0; n < 4; n++) {
            qamd_map(f.v, &f.dom, iova + n * NYX_PAGE, f.page, 12, QAMD_RW);
        }
        nyx_td_notify(&f.td, VFIO);
        NYX_CHECK("mapped", nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), 5);
        qtest_writeq(f.v->qts, qamd_entry(f.v, &f.dom, iova, 3), 0);
        qamd_flush_pages(f.v, DID, iova, flushes[i]);
        NYX_CHECK("the page", nyx_td_shadow_find(&f.td, iova).len, 0);
        if (flushes[i] > 12) {
            NYX_CHECK("all", nyx_td_shadow_find(&f.td, iova + 0x3000).len, 0);
        }
        NYX_CHECK("objections", nyx_td_r32(&f.td, NYX_TD_NOTIFY_ERRORS), 0);
        end(&f);
    }
}

/* As vhost is told: INVALIDATE_IOTLB_PAGES, and pages without NpCache. */
static void test_device_iotlb(void)
{
    Fixture f = start(",device-iotlb=on");

    qamd_attach(f.v, SID, &f.dom, QAMD_DTE1_I);
    qamd_flush_dte(f.v, SID);
    nyx_td_ats(f.v->pc, SID, true);
    NYX_CHECK("listens", nyx_td_notify(&f.td, NYX_TD_NOTIFY_DEV_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    g_assert_true(qamd_submit(f.v, 4ull << 60 | SID, IOVA));
    NYX_CHECK("told", nyx_td_r64(&f.td, NYX_TD_NOTIFY_DEV_UNMAPS), 1);
    NYX_CHECK("address", nyx_td_r64(&f.td, NYX_TD_INV_ADDR), IOVA);
    expect_silence(&f, "no time-out");
    end(&f);
}

static void test_unmap(void)
{
    Fixture f = start("");

    NYX_CHECK("listens", nyx_td_notify(&f.td, NYX_TD_NOTIFY_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    expect_access(&f, "used", IOVA, f.page, 12);
    nyx_td_w32(&f.td, NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_CLEAR);
    qamd_flush_pages(f.v, DID, IOVA, 12);
    NYX_CHECK("told", nyx_td_r64(&f.td, NYX_TD_NOTIFY_UNMAPS) > 0, true);
    end(&f);
}

static void test_large_page(void)
{
    Fixture f = start("");

    qamd_map(f.v, &f.dom, 0x40000000, 0x4000000, 21, QAMD_RW);
    qamd_flush(f.v);
    for (unsigned i = 0; i < 4; i++) {
        expect_access(&f, "cached", 0x40000000 + i * 0x80000,
                      0x4000000 + i * 0x80000, 21);
    }
    qamd_map(f.v, &f.dom, 0x40000000, 0x4200000, 21, QAMD_RW);
    qamd_flush_pages(f.v, DID, 0x40000000, 12);
    for (unsigned i = 0; i < 4; i++) {
        expect_access(&f, "dropped", 0x40000000 + i * 0x80000,
                      0x4200000 + i * 0x80000, 21);
    }
    end(&f);
}

/* --- Commands ------------------------------------------------------------- */

static void test_tail_outside(void)
{
    static const unsigned lengths[] = { 8, 0, 7 };
    Fixture f = start("");

    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        qamd_control(f.v, QAMD_CMDBUFEN, 0);
        qamd_w64(f.v, QAMD_CMDBASE, f.v->commands |
                 (uint64_t)lengths[i] << 56);
        f.v->tail = 0;
        qamd_control(f.v, 0, QAMD_CMDBUFEN);
        for (unsigned tail = 0x1000; tail < 0x80000; tail <<= 1) {
            qamd_w32(f.v, QAMD_CMDTAIL, tail);
            NYX_CHECK("tail", qamd_r64(f.v, QAMD_CMDTAIL), 0);
        }
        qamd_flush(f.v);
        NYX_CHECK("head", qamd_r64(f.v, QAMD_CMDHEAD), 0x20);
    }
    NYX_CHECK("tails", qamd_mistakes(f.v, "amdvi.ring.pointer"), 7 * 3);
    NYX_CHECK("lengths", qamd_mistakes(f.v, "amdvi.ring.length"), 2);
    end(&f);
}

static void test_head(void)
{
    Fixture f = start("");

    for (unsigned i = 0; i < 300; i++) {
        g_assert_true(qamd_wait(f.v));
        NYX_CHECK("head", qamd_r64(f.v, QAMD_CMDHEAD), f.v->tail);
        g_assert_cmphex(f.v->tail, <, 0x1000);
    }
    end(&f);
}

/* Neither is it executed, nor what is behind it. */
static void test_illegal_command(void)
{
    static const struct {
        const char *name;
        uint64_t lo, hi;
    } rows[] = {
        { "opcode 0", 0, 0 },
        { "opcode 15", 15ull << 60, 0 },
        { "pages, bit 20", 3ull << 60 | (uint64_t)DID << 32 | 1 << 20,
          IOVA | 2 },
        { "pages, bit 67", 3ull << 60 | (uint64_t)DID << 32, IOVA | 0xa },
        { "entry, bit 16", 2ull << 60 | 1 << 16 | SID, 0 },
        { "all, bit 64", 8ull << 60, 1 },
    };
    Fixture f = start("");
    uint64_t other = nyx_pc_pages(f.v->pc, 1);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t at = f.v->commands + f.v->tail;

        expect_access(&f, rows[i].name, IOVA, f.page, 12);
        qamd_map(f.v, &f.dom, IOVA, other, 12, QAMD_RW);
        NYX_CHECK(rows[i].name,
                  qamd_submit(f.v, rows[i].lo, rows[i].hi), false);
        NYX_CHECK(rows[i].name, qamd_r32(f.v, QAMD_STATUS) & QAMD_CMDBUFRUN,
                  0);
        expect_event(&f, rows[i].name, 5ull << 60, at);
        expect_access(&f, rows[i].name, IOVA, f.page, 12);
        qamd_map(f.v, &f.dom, IOVA, f.page, 12, QAMD_RW);
        qamd_restart_commands(f.v);
    }
    /* A store that is not to be. */
    qtest_writeq(f.v->qts, other, 1);
    qamd_submit(f.v, 1ull << 60 | 1ull << 52 | other | 1, DATA);
    NYX_CHECK("wait, bit 52", qtest_readq(f.v->qts, other), 1);
    end(&f);
}

static void test_wait_interrupt(void)
{
    Fixture f = start("");

    qamd_msi(f.v, VECTOR, 0);
    g_assert_true(qamd_submit(f.v, 1ull << 60 | 2, 0));
    NYX_CHECK("disabled", nyx_apic_irrs(f.v->pc, 0), 0);
    NYX_CHECK("disabled", qamd_r32(f.v, QAMD_STATUS) & QAMD_COMWAITINT,
              QAMD_COMWAITINT);
    qamd_w32(f.v, QAMD_STATUS, QAMD_COMWAITINT);
    qamd_control(f.v, 0, QAMD_COMWAITINTEN);
    g_assert_true(qamd_submit(f.v, 1ull << 60 | 2, 0));
    expect_vector(&f, "enabled", VECTOR);
    end(&f);
}

/* --- Events --------------------------------------------------------------- */

static void test_overflow(void)
{
    Fixture f = start("");

    /* 255 events fill a log of 256. */
    for (unsigned i = 0; i < 255; i++) {
        expect_refused(&f, "room", true, 0x1000);
    }
    NYX_CHECK("full", qamd_r32(f.v, QAMD_STATUS) & 0x1f,
              QAMD_EVENTLOGINT | QAMD_EVENTLOGRUN | QAMD_CMDBUFRUN);
    expect_refused(&f, "no room", true, 0x1000);
    NYX_CHECK("overflow", qamd_r32(f.v, QAMD_STATUS) & 0x1f,
              QAMD_EVENTOVERFLOW | QAMD_EVENTLOGINT | QAMD_CMDBUFRUN);
    NYX_CHECK("tail", qamd_r64(f.v, QAMD_EVTTAIL), 0xff0);
    /* As Linux starts it again; the pointers stay. */
    qamd_control(f.v, QAMD_EVENTLOGEN, 0);
    qamd_w32(f.v, QAMD_STATUS, QAMD_EVENTOVERFLOW);
    qamd_w64(f.v, QAMD_EVTHEAD, 0xff0);
    qamd_control(f.v, 0, QAMD_EVENTLOGEN);
    expect_refused(&f, "again", true, 0x1000);
    expect_event(&f, "again", PAGE_FAULT(DID) | QAMD_EV_RW, 0x1000);
    end(&f);
}

static void test_xt_interrupt(void)
{
    Fixture f = start(",xtsup=on");

    qamd_w64(f.v, QAMD_XT_GENERAL, 0x62ull << 32);
    qamd_control(f.v, 0, QAMD_GAEN | QAMD_XTEN | QAMD_INTCAPXTEN |
                 QAMD_EVENTINTEN | QAMD_COMWAITINTEN);
    expect_refused(&f, "event", true, 0x1000);
    expect_vector(&f, "event", 0x62);
    qamd_w64(f.v, QAMD_XT_GENERAL, 0x63ull << 32);
    g_assert_true(qamd_submit(f.v, 1ull << 60 | 2, 0));
    expect_vector(&f, "command", 0x63);
    end(&f);
}

static void test_event_base(void)
{
    Fixture f = start("");
    uint64_t other = nyx_pc_pages(f.v->pc, 1);

    expect_refused(&f, "old", true, 0x1000);
    NYX_CHECK("pending", qamd_r32(f.v, QAMD_STATUS) & QAMD_EVENTLOGINT,
              QAMD_EVENTLOGINT);
    qamd_control(f.v, QAMD_EVENTLOGEN, 0);
    qamd_w64(f.v, QAMD_EVTBASE, other | 8ull << 56);
    qamd_control(f.v, 0, QAMD_EVENTLOGEN);
    f.v->events = other;
    expect_refused(&f, "new", false, 0x2000);
    expect_event(&f, "new", PAGE_FAULT(DID), 0x2000);
    end(&f);
}

/* --- Interrupts ----------------------------------------------------------- */

static void test_remap_off(void)
{
    Fixture f = start("");
    uint64_t table = qamd_irt(f.v, SID, 9, false);

    qtest_writel(f.v->qts, table + 4 * VECTOR, 1 | 0x71 << 16);
    qamd_flush(f.v);
    nyx_td_msi(&f.td, MSI, VECTOR);
    expect_vector(&f, "on", 0x71);
    qamd_control(f.v, QAMD_IOMMUEN, 0);
    nyx_td_msi(&f.td, MSI, VECTOR);
    expect_vector(&f, "off", VECTOR);
    end(&f);
}

static void test_forward(void)
{
    Fixture f = start("");

    qamd_set_dte_word(f.v, SID, 2, QAMD_DTE2_IV | 1ull << 60);
    qamd_flush_dte(f.v, SID);
    NYX_CHECK("forward", nyx_td_msi(&f.td, MSI, VECTOR), NYX_TD_ST_OK);
    expect_vector(&f, "forward", VECTOR);
    NYX_CHECK("forward", nyx_apic_irrs(f.v->pc, 0), 1);
    end(&f);
}

/* Without XTEn the upper bits of a destination do not count. */
static void test_xt_en(void)
{
    static const char *const rows[] = {
        "addr 0xfee03000 ", "addr 0x12345600fee03000 ",
    };
    NyxLog log = nyx_log_begin();
    Fixture f = {
        .v = qamd_start("-M q35 -D %s "
                        "-plugin %s,trace=nyx_amdvi_interrupt_remap "
                        "-device nyx-amdvi,id=iommu,xtsup=on "
                        "-device nyx-testdev,addr=4", log.path,
                        nyx_pc_plugin()),
    };
    uint64_t table;

    f.td = nyx_td_get(f.v->pc->pci, SID);
    qamd_enable(f.v, QAMD_GAEN);
    table = qamd_irt(f.v, SID, 9, true);
    qtest_writeq(f.v->qts, table, 0x34560301);
    qtest_writeq(f.v->qts, table + 8, 0x1200000000000072);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_auto(GStrv) lines = NULL;

        qamd_control(f.v, 0, i ? QAMD_XTEN : 0);
        qamd_flush(f.v);
        nyx_td_msi(&f.td, MSI, 0);
        lines = nyx_log_more(&log);
        NYX_CHECK(rows[i], lines[0] && strstr(lines[0], rows[i]), true);
    }
    end(&f);
    nyx_log_end(&log);
}

/* --- Registers ------------------------------------------------------------ */

static void test_exclusion(void)
{
    Fixture f = start("");
    uint64_t last = f.page + NYX_PAGE, beyond;

    g_assert_cmphex(nyx_pc_pages(f.v->pc, 1), !=, 0);
    beyond = last + NYX_PAGE;
    qamd_w64(f.v, QAMD_EXCLLIMIT, last);
    qamd_w64(f.v, QAMD_EXCLBASE, f.page | 3);
    NYX_CHECK("base", qamd_r64(f.v, QAMD_EXCLBASE), f.page | 3);
    NYX_CHECK("limit", qamd_r64(f.v, QAMD_EXCLLIMIT), last);
    expect_access(&f, "first", f.page, f.page, 12);
    expect_access(&f, "last", last + 0xff8, last + 0xff8, 12);
    expect_refused(&f, "beyond", true, beyond);
    expect_event(&f, "beyond", PAGE_FAULT(DID) | QAMD_EV_RW, beyond);
    expect_refused(&f, "before", true, f.page - 4);
    expect_event(&f, "before", PAGE_FAULT(DID) | QAMD_EV_RW, f.page - 4);
    /* Allow = 0: only entries with EX. */
    qamd_w64(f.v, QAMD_EXCLBASE, f.page | 1);
    expect_refused(&f, "EX = 0", true, f.page);
    qamd_clear_events(f.v);
    qamd_attach(f.v, SID, &f.dom, 1ull << 39);
    qamd_flush_dte(f.v, SID);
    expect_access(&f, "EX = 1", f.page, f.page, 12);
    expect_access(&f, "translated", IOVA, f.page, 12);
    end(&f);
}

/* What is offered by itself, and what is not. */
static void test_features(void)
{
    QAmd *v = qamd_start("-M q35 -device nyx-amdvi,id=iommu");
    uint64_t efr = qamd_r64(v, QAMD_EFR);

    for (unsigned i = 0; i < 64; i++) {
        qamd_w64(v, QAMD_EFR, efr ^ 1ull << i);
        NYX_CHECK("EFR", qamd_r64(v, QAMD_EFR), efr);
    }
    /* PPR, vAPIC; GATS is no reserved value */
    NYX_CHECK("EFR", efr & 0xe03002, 0);
    NYX_CHECK("HATS", efr >> 10 & 3, 2);
    qamd_end(v);
    v = qamd_start("-M q35 -device nyx-amdvi,id=iommu,guest-levels=5");
    NYX_CHECK("GATS", qamd_r64(v, QAMD_EFR) >> 12 & 3, 1);
    qamd_end(v);
}

static void test_one_msi(void)
{
    QAmd *v = qamd_start("-M q35 -device nyx-amdvi,id=iommu");
    unsigned at = qamd_config(v, 0x34) & 0xff, msi = 0, seen = 0;

    for (; at && seen < 48; seen++) {
        uint32_t header = qamd_config(v, at);

        msi += (header & 0xff) == PCI_CAP_ID_MSI;
        at = header >> 8 & 0xff;
    }
    NYX_CHECK("capabilities", seen, 3);
    NYX_CHECK("MSI", msi, 1);
    qamd_end(v);
}

/* They are no legal way: ignored, and the guest is told off. */
static void test_bytes(void)
{
    Fixture f = start("");

    qtest_writeb(f.v->qts, QAMD_BASE + QAMD_CONTROL, 0);
    qtest_writew(f.v->qts, QAMD_BASE + QAMD_CONTROL, 0);
    NYX_CHECK("Control", qamd_r64(f.v, QAMD_CONTROL), 0x1405);
    NYX_CHECK("finding", qamd_mistakes(f.v, "amdvi.reg.unaligned"), 2);
    NYX_CHECK("read", qtest_readb(f.v->qts, QAMD_BASE + QAMD_CONTROL + 1),
              0x14);
    end(&f);
}

static void test_halves(void)
{
    static const unsigned offsets[] = {
        QAMD_DEVTAB, QAMD_CMDBASE, QAMD_EVTBASE, QAMD_EXCLLIMIT,
    };
    QAmd *v = qamd_start("-M q35 -device nyx-amdvi,id=iommu");

    for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
        g_autofree char *row = g_strdup_printf("%02xh", offsets[i]);
        uint64_t mask;

        qamd_w64(v, offsets[i], 0x8fedcba987654000);
        mask = offsets[i] == QAMD_CMDBASE || offsets[i] == QAMD_EVTBASE
               ? 0x0f0ffffffffff000 : 0x000ffffffffff000;
        NYX_CHECK(row, qamd_r64(v, offsets[i]), 0x8fedcba987654000 & mask);
        qamd_w32(v, offsets[i] + 4, 0x0a0bcdef);
        qamd_w32(v, offsets[i], 0x12345000);
        NYX_CHECK(row, qamd_r64(v, offsets[i]), 0x0a0bcdef12345000 & mask);
        qamd_w32(v, offsets[i], 0x6789a000);
        qamd_w32(v, offsets[i] + 4, 0x090fedcb);
        NYX_CHECK(row, qamd_r64(v, offsets[i]), 0x090fedcb6789a000 & mask);
    }
    qamd_end(v);
}

static void test_reset(void)
{
    Fixture f = start_off("");
    uint8_t fresh[0x2100], now[sizeof(fresh)];
    uint64_t table;

    qtest_memread(f.v->qts, QAMD_BASE, fresh, sizeof(fresh));
    qamd_enable(f.v, QAMD_EVENTINTEN | QAMD_COMWAITINTEN | QAMD_GAEN |
                QAMD_XTEN | QAMD_INTCAPXTEN);
    qamd_w64(f.v, QAMD_EXCLLIMIT, 0x5000);
    qamd_w64(f.v, QAMD_EXCLBASE, 0x5003);
    qamd_w64(f.v, QAMD_XT_GENERAL, 0x62ull << 32);
    qamd_attach(f.v, SID, &(QAmdDomain) { .levels = 4, .did = DID }, 0);
    expect_refused(&f, "event", true, 0x1000);
    qamd_submit(f.v, 0, 0);
    qtest_system_reset(f.v->qts);
    qtest_memread(f.v->qts, QAMD_BASE, now, sizeof(now));
    for (unsigned i = 0; i < sizeof(now); i += 8) {
        g_autofree char *row = g_strdup_printf("%04xh", i);

        NYX_CHECK(row, ldq_le_p(now + i), ldq_le_p(fresh + i));
    }
    nyx_td_put(&f.td);
    f.td = nyx_td_get(f.v->pc->pci, SID);
    NYX_CHECK("off", request(&f, NYX_TD_OP_FILL, f.page), NYX_TD_ST_OK);
    NYX_CHECK("off", qtest_readq(f.v->qts, f.page), DATA);
    /* Entries of 32 bits again, and nobody is interrupted. */
    qamd_enable(f.v, 0);
    table = qamd_irt(f.v, SID, 9, false);
    qtest_writel(f.v->qts, table + 4 * 3, 1 | VECTOR << 16);
    nyx_td_msi(&f.td, MSI, 3);
    expect_vector(&f, "32 bits", VECTOR);
    expect_silence(&f, "none");
    NYX_CHECK("none else", nyx_apic_irrs(f.v->pc, 0), 1);
    end(&f);
}

/* Translation and remapping go on before any command comes. */
static void test_migrate(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    Fixture f = start(""), to = f;
    uint64_t table = qamd_irt(f.v, SID, 9, false);

    qtest_writel(f.v->qts, table + 4 * 3, 1 | VECTOR << 16);
    nyx_migrate_to(f.v->qts, path);
    to.v = g_memdup2(f.v, sizeof(*f.v));
    to.v->pc = nyx_pc_start("-M q35 -device nyx-amdvi,id=iommu "
                            "-device nyx-testdev,addr=4 -incoming file:%s",
                            path);
    to.v->qts = to.v->pc->qts;
    to.td = nyx_td_at(to.v->qts, f.td.bar);
    nyx_migrate_wait(to.v->qts);
    expect_refused(&to, "not mapped", true, f.page);
    expect_event(&to, "not mapped", PAGE_FAULT(DID) | QAMD_EV_RW, f.page);
    expect_access(&to, "mapped", IOVA, f.page, 12);
    nyx_td_msi(&to.td, MSI, 3);
    expect_vector(&to, "remapped", VECTOR);
    end(&to);
    end(&f);
    nyx_tmp_free(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/peers-qemu/" name, fn)
    ADD("fault-flags", test_fault_flags);
    ADD("fault-bus", test_fault_bus);
    ADD("fault-pasid", test_fault_pasid);
    ADD("suppress", test_suppress);
    ADD("upper-rights", test_upper_rights);
    ADD("level-skip", test_level_skip);
    ADD("all-ones", test_all_ones);
    ADD("reserved-halves", test_reserved_halves);
    ADD("table-length", test_table_length);
    ADD("int-tab-len", test_int_tab_len);
    ADD("modes", test_modes);
    ADD("clear-directory", test_clear_directory);
    ADD("device-iotlb", test_device_iotlb);
    ADD("unmap", test_unmap);
    ADD("large-page", test_large_page);
    ADD("tail-outside", test_tail_outside);
    ADD("head", test_head);
    ADD("illegal-command", test_illegal_command);
    ADD("wait-interrupt", test_wait_interrupt);
    ADD("overflow", test_overflow);
    ADD("xt-interrupt", test_xt_interrupt);
    ADD("event-base", test_event_base);
    ADD("remap-off", test_remap_off);
    ADD("forward", test_forward);
    ADD("xt-en", test_xt_en);
    ADD("exclusion", test_exclusion);
    ADD("features", test_features);
    ADD("one-msi", test_one_msi);
    ADD("bytes", test_bytes);
    ADD("halves", test_halves);
    ADD("reset", test_reset);
    ADD("migrate", test_migrate);
    return g_test_run();
}
