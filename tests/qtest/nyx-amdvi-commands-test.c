/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-amdvi's command buffer: what each command does, what makes one illegal,
 * how the engine stops and goes on.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi-guest.h"
#include "nyx-amdvi-fixture.h"

#define WAIT        (1ull << 60)
#define DEVTAB      (2ull << 60)
#define PAGES       (3ull << 60)
#define IOTLB       (4ull << 60)
#define INTERRUPTS  (5ull << 60)
#define PREFETCH    (6ull << 60)
#define PPR         (7ull << 60)
#define ALL         (8ull << 60)

/* Everything that commands depend on. */
#define EVERYTHING  ",device-iotlb=on,guest-levels=4"

/* The command is executed, or it is illegal and stops the engine. */
static void expect_command(Fixture *f, const char *row, uint64_t lo,
                           uint64_t hi, bool legal)
{
    uint64_t at = f->v->commands + f->v->tail;

    NYX_CHECK(row, qamd_submit(f->v, lo, hi), legal);
    if (legal) {
        expect_silence(f, row);
        return;
    }
    NYX_CHECK(row, qamd_r32(f->v, QAMD_STATUS) & QAMD_CMDBUFRUN, 0);
    /* It has been fetched. */
    NYX_CHECK(row, f->v->commands + qamd_r64(f->v, QAMD_CMDHEAD), at + 16);
    expect_event(f, row, 5ull << 60, at);
    qamd_restart_commands(f->v);
}

/* --- What makes a command illegal ----------------------------------------- */

typedef struct BitsRow {
    const char *name;
    uint64_t lo, hi;         /* of a legal one */
    uint64_t lo_bits, hi_bits; /* that are reserved */
} BitsRow;

static const BitsRow bits_rows[] = {
    { "wait", WAIT | 2, 0, 0x0ff0000000000000, 0 },
    { "entry", DEVTAB | SID, 0, 0x0fffffffffff0000, UINT64_MAX },
    { "pages", PAGES, IOVA | 7, 0x0fff0000fff00000, 0x0000000000000ff8 },
    { "interrupts", INTERRUPTS | SID, 0, 0x0fffffffffff0000, UINT64_MAX },
    { "prefetch", PREFETCH | SID, IOVA | 5, 0x0ff0000000ff0000,
      0x0000000000000fea },
    { "response", PPR | SID, 4, 0x0ff00000ffff0000, 0xffff0e00fffffffb },
    { "all", ALL, 0, 0x0fffffffffffffff, UINT64_MAX },
    { "device", IOTLB | SID, IOVA | 1, 0, 0x0000000000000ffa },
};

static void test_reserved(void)
{
    Fixture f = start(EVERYTHING);

    qamd_control(f.v, 0, QAMD_GTEN);
    qamd_attach(f.v, SID, &f.dom, QAMD_DTE1_I);
    qamd_flush(f.v);
    nyx_td_ats(f.v->pc, SID, true);
    for (unsigned i = 0; i < ARRAY_SIZE(bits_rows); i++) {
        const BitsRow *row = &bits_rows[i];

        expect_command(&f, row->name, row->lo, row->hi, true);
        for (unsigned bit = 0; bit < 128; bit++) {
            g_autofree char *name = g_strdup_printf("%s, bit %u", row->name,
                                                    bit);
            uint64_t lo = bit < 64 ? 1ull << bit : 0;
            uint64_t hi = bit < 64 ? 0 : 1ull << (bit - 64);

            if (lo & row->lo_bits || hi & row->hi_bits) {
                expect_command(&f, name, row->lo | lo, row->hi | hi, false);
            }
        }
    }
    end(&f);
}

static void test_opcodes(void)
{
    static const unsigned unknown[] = { 0, 9, 10, 11, 12, 13, 14, 15 };
    Fixture f = start(EVERYTHING);

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
        g_autofree char *name = g_strdup_printf("opcode %u", unknown[i]);

        expect_command(&f, name, (uint64_t)unknown[i] << 60, 0, false);
    }
    NYX_CHECK("findings", qamd_mistakes(f.v, "amdvi.cmd.illegal"),
              ARRAY_SIZE(unknown));
    NYX_CHECK("stats", qamd_stat(f.v, "invalidations.command-errors"),
              ARRAY_SIZE(unknown));
    end(&f);
}

typedef struct NeedRow {
    const char *name;
    const char *options;
    uint64_t lo, hi;
    bool legal;
} NeedRow;

static const NeedRow need_rows[] = {
    { "IotlbSup = 0", "", IOTLB | SID, 0, false },
    { "PreFSup", "", PREFETCH | SID, 0, true },
    { "PreFSup = 0", ",prefetch=off", PREFETCH | SID, 0, false },
    { "PPRSup = 0", "", PPR | SID, 0, false },
    { "IASup = 0", ",invalidate-all=off", ALL, 0, false },
    { "GTSup = 0", "", PAGES, 7, false },
    { "GTEn = 0", EVERYTHING, PAGES, 7, false },
    { "GTEn = 0, device", EVERYTHING, IOTLB | SID, 5, false },
    { "GTEn = 0, prefetch", EVERYTHING, PREFETCH | SID, 5, false },
    { "GTEn = 0, response", EVERYTHING, PPR | SID, 4, false },
    { "Type", ",device-iotlb=on,inv-iotlb-type=on", IOTLB | SID, 0x20, true },
    { "InvIotlbTypeSup = 0", ",device-iotlb=on", IOTLB | SID, 0x20, false },
};

static void test_needs(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(need_rows); i++) {
        const NeedRow *row = &need_rows[i];
        Fixture f = start_off(row->options);

        qamd_enable(f.v, 0);
        expect_command(&f, row->name, row->lo, row->hi, row->legal);
        end(&f);
    }
}

/* --- COMPLETION_WAIT ------------------------------------------------------ */

static void test_wait_store(void)
{
    Fixture f = start("");
    uint64_t page = nyx_pc_pages(f.v->pc, 1);

    for (unsigned i = 0; i < 512; i += 73) {
        uint64_t at = page + i * 8;

        qamd_put(f.v, WAIT | at | 1, ~DATA - i);
        g_assert_true(qamd_wait(f.v));
        NYX_CHECK("64 bits", qtest_readq(f.v->qts, at), ~DATA - i);
    }
    /* f is about order, of which there is enough anyway. */
    qamd_put(f.v, WAIT | page | 5, 7);
    g_assert_true(qamd_wait(f.v));
    NYX_CHECK("f", qtest_readq(f.v->qts, page), 7);
    /* s = 0: nothing is stored. */
    qamd_put(f.v, WAIT | page | 2, 8);
    g_assert_true(qamd_wait(f.v));
    NYX_CHECK("i", qtest_readq(f.v->qts, page), 7);
    NYX_CHECK("i", qamd_r32(f.v, QAMD_STATUS) & 7, QAMD_COMWAITINT);
    NYX_CHECK("finding", qamd_mistakes(f.v, "amdvi.cmd.wait-idle"), 0);
    qamd_put(f.v, WAIT | page, 8);
    g_assert_true(qamd_wait(f.v));
    NYX_CHECK("neither", qtest_readq(f.v->qts, page), 7);
    NYX_CHECK("finding", qamd_mistakes(f.v, "amdvi.cmd.wait-idle"), 1);
    end(&f);
}

/* Where nothing can be stored the command fails. */
static void test_wait_store_fails(void)
{
    static const uint64_t at[] = {
        QAMD_BASE + QAMD_CONTROL, 0xfee00000, 0x7000000000, 0xffffffffffff8,
    };
    Fixture f = start("");
    uint64_t control = qamd_r64(f.v, QAMD_CONTROL);

    for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
        g_autofree char *row = g_strdup_printf("%" PRIx64, at[i]);
        uint64_t cmd = f.v->commands + f.v->tail;

        NYX_CHECK(row, qamd_submit(f.v, WAIT | at[i] | 1, 0), false);
        NYX_CHECK(row, qamd_r32(f.v, QAMD_STATUS) & QAMD_CMDBUFRUN, 0);
        /* Target abort */
        expect_event(&f, row, 6ull << 60 | 2ull << 57, cmd);
        qamd_restart_commands(f.v);
    }
    NYX_CHECK("Control", qamd_r64(f.v, QAMD_CONTROL), control);
    NYX_CHECK("findings", qamd_mistakes(f.v, "amdvi.cmd.wait-store"),
              ARRAY_SIZE(at));
    end(&f);
}

/* --- INVALIDATE_IOMMU_PAGES ----------------------------------------------- */

static void expect_page(Fixture *f, const char *row, uint64_t iova,
                        uint64_t page)
{
    uint64_t seen = 0;

    NYX_CHECK(row, nyx_td_read(&f->td, iova, &seen, 8), NYX_TD_ST_OK);
    NYX_CHECK(row, le64_to_cpu(seen), page);
}

/* A page that holds its own address. */
static uint64_t new_page(Fixture *f)
{
    uint64_t page = nyx_pc_pages(f->v->pc, 1);

    qtest_writeq(f->v->qts, page, page);
    return page;
}

/* The last page of the range goes, the one behind it stays. */
static void test_sizes(void)
{
    Fixture f = start(",ht-range-ignore=on");
    uint64_t old = new_page(&f), new = new_page(&f);

    for (unsigned lg2 = 12; lg2 < 48; lg2++) {
        g_autofree char *row = g_strdup_printf("2^%u", lg2);
        uint64_t last = (1ull << lg2) - NYX_PAGE, beyond = 1ull << lg2;
        uint64_t at = lg2 == 12 ? 0 : ((1ull << (lg2 - 1)) - NYX_PAGE) | 1;

        qamd_map(f.v, &f.dom, last, old, 12, QAMD_RW);
        qamd_map(f.v, &f.dom, beyond, old, 12, QAMD_RW);
        qamd_flush(f.v);
        expect_page(&f, row, last, old);
        expect_page(&f, row, beyond, old);
        qamd_map(f.v, &f.dom, last, new, 12, QAMD_RW);
        qamd_map(f.v, &f.dom, beyond, new, 12, QAMD_RW);
        g_assert_true(qamd_submit(f.v, PAGES | (uint64_t)DID << 32, at | 2));
        expect_page(&f, row, last, new);
        expect_page(&f, row, beyond, old);
    }
    end(&f);
}

/* Linux's way to say everything, others, and no zero bit at all. */
static void test_everything(void)
{
    static const uint64_t all[] = {
        0x7ffffffffffff003, 0xfffffffffffff003, 0x0007fffffffff003,
    };
    Fixture f = start("");
    uint64_t old = new_page(&f), new = new_page(&f);

    for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
        qamd_map(f.v, &f.dom, IOVA, old, 12, QAMD_RW);
        qamd_flush(f.v);
        expect_page(&f, "before", IOVA, old);
        qamd_map(f.v, &f.dom, IOVA, new, 12, QAMD_RW);
        g_assert_true(qamd_submit(f.v, PAGES | (uint64_t)(DID + 1) << 32,
                                  all[i]));
        expect_page(&f, "another domain", IOVA, old);
        g_assert_true(qamd_submit(f.v, PAGES | (uint64_t)DID << 32, all[i]));
        expect_page(&f, "after", IOVA, new);
    }
    end(&f);
}

/* PDE = 0 is about pages: directories stay cached. */
static void test_directories(void)
{
    Fixture f = start("");
    uint64_t old = new_page(&f), new = new_page(&f), table, at;

    qamd_map(f.v, &f.dom, IOVA, old, 12, QAMD_RW);
    qamd_flush(f.v);
    expect_page(&f, "before", IOVA, old);
    table = nyx_pc_pages(f.v->pc, 1);
    qtest_writeq(f.v->qts, table + (IOVA >> 12 & 511) * 8,
                 new | QAMD_PR | QAMD_RW);
    at = qamd_entry(f.v, &f.dom, IOVA, 2);
    qtest_writeq(f.v->qts, at, table | QAMD_PR | QAMD_RW | 1 << 9);
    g_assert_true(qamd_submit(f.v, PAGES | (uint64_t)DID << 32, IOVA));
    expect_page(&f, "PDE = 0", IOVA, old);
    g_assert_true(qamd_submit(f.v, PAGES | (uint64_t)DID << 32, IOVA | 2));
    expect_page(&f, "PDE = 1", IOVA, new);
    end(&f);
}

/* --- Entries -------------------------------------------------------------- */

#define DEVICES 3

/* Three devices of one domain; each command is for the second. */
static void test_one_device(void)
{
    Fixture f = {
        .v = qamd_start("-M q35 -device nyx-amdvi,id=iommu,irt-cache-dis=off "
                        "-device nyx-testdev,addr=4 "
                        "-device nyx-testdev,addr=5 "
                        "-device nyx-testdev,addr=6"),
    };
    const uint16_t sid[DEVICES] = { 0x20, 0x28, 0x30 };
    QAmdDomain a = qamd_domain(f.v, DID, 4), b = qamd_domain(f.v, 8, 4);
    uint64_t old = new_page(&f), new = new_page(&f), table[DEVICES];
    NyxTestdev td[DEVICES];

    qamd_map(f.v, &a, IOVA, old, 12, QAMD_RW);
    qamd_map(f.v, &b, IOVA, new, 12, QAMD_RW);
    qamd_enable(f.v, 0);
    for (unsigned i = 0; i < DEVICES; i++) {
        td[i] = nyx_td_get(f.v->pc->pci, sid[i]);
        qamd_attach(f.v, sid[i], &a, 0);
        table[i] = qamd_irt(f.v, sid[i], 9, false);
        qtest_writel(f.v->qts, table[i], 1 | (0x40 + i) << 16);
    }
    qamd_flush(f.v);
    for (unsigned i = 0; i < DEVICES; i++) {
        f.td = td[i];
        expect_page(&f, "before", IOVA, old);
        nyx_td_msi(&td[i], 0xfee00000, 0);
        qamd_attach(f.v, sid[i], &b, 0);
        qtest_writel(f.v->qts, table[i], 1 | (0x50 + i) << 16);
    }
    qamd_flush_dte(f.v, sid[1]);
    g_assert_true(qamd_submit(f.v, INTERRUPTS | sid[1], 0));
    for (unsigned i = 0; i < DEVICES; i++) {
        f.td = td[i];
        expect_page(&f, "entry", IOVA, i == 1 ? new : old);
        nyx_td_msi(&td[i], 0xfee00000, 0);
        NYX_CHECK("interrupts", nyx_apic_irr(f.v->pc, 0, 0x50 + i),
                  i == 1 ? NYX_IRR_EDGE : NYX_IRR_NONE);
    }
    qamd_flush(f.v);
    for (unsigned i = 0; i < DEVICES; i++) {
        f.td = td[i];
        expect_page(&f, "all", IOVA, new);
        nyx_td_msi(&td[i], 0xfee00000, 0);
        NYX_CHECK("all", nyx_apic_irr(f.v->pc, 0, 0x50 + i), NYX_IRR_EDGE);
        nyx_td_put(&td[i]);
    }
    qamd_end(f.v);
}

/* --- INVALIDATE_IOTLB_PAGES ----------------------------------------------- */

typedef struct DeviceRow {
    const char *name;
    uint64_t lo, hi;
    uint64_t addr;           /* that the device is told */
    unsigned lg2;
    uint32_t pasid;
} DeviceRow;

static const DeviceRow device_rows[] = {
    { "page", 0, IOVA, IOVA, 12, 0 },
    { "8 KiB", 0, IOVA | 1, IOVA & ~0x1fffull, 13, 0 },
    { "2 MiB", 0, 0x40000000 | 0xff001, 0x40000000, 21, 0 },
    { "everything", 0, 0x7ffffffffffff001, 0, 64, 0 },
    /* MaxPend, QueueID */
    { "limits", 0x0000123456000000, IOVA, IOVA, 12, 0 },
    /* 15:8 at 23:16, 7:0 at 55:48, 19:16 at 59:56 */
    { "PASID", 0x0567000000340000, IOVA | 4, IOVA, 12, 1u << 31 | 0x53467 },
};

static void test_device(void)
{
    Fixture f = start(",device-iotlb=on,guest-levels=4,glx=2,pasid-bits=20");
    NyxTestdev *td = &f.td;

    qamd_control(f.v, 0, QAMD_GTEN);
    qamd_attach(f.v, SID, &f.dom, QAMD_DTE1_I);
    qamd_flush(f.v);
    nyx_td_ats(f.v->pc, SID, true);
    for (unsigned i = 0; i < ARRAY_SIZE(device_rows); i++) {
        const DeviceRow *row = &device_rows[i];

        expect_command(&f, row->name, IOTLB | SID | row->lo, row->hi, true);
        NYX_CHECK(row->name, nyx_td_r32(td, NYX_TD_INV_COUNT), i + 1);
        NYX_CHECK(row->name, nyx_td_r64(td, NYX_TD_INV_ADDR), row->addr);
        NYX_CHECK(row->name, nyx_td_r32(td, NYX_TD_INV_LG2), row->lg2);
        NYX_CHECK(row->name, nyx_td_r32(td, NYX_TD_INV_PASID), row->pasid);
    }
    end(&f);
}

/* Nobody answers: an event after a time, none without InvTimeOut. */
static void test_device_silent(void)
{
    Fixture f = start(",device-iotlb=on");
    uint64_t at;

    qamd_attach(f.v, SID, &f.dom, QAMD_DTE1_I);
    qamd_flush(f.v);
    nyx_td_ats(f.v->pc, SID, true);
    nyx_td_w32(&f.td, NYX_TD_INV_ANSWER, NYX_TD_INV_SILENT);
    expect_command(&f, "no limit", IOTLB | SID, IOVA, true);
    for (unsigned limit = 1; limit < 8; limit++) {
        qamd_control(f.v, 7 << 5, limit << 5);
        at = f.v->commands + f.v->tail;
        g_assert_true(qamd_submit(f.v, IOTLB | SID, IOVA));
        expect_event(&f, "limit", 7ull << 60 | SID, at);
    }
    at = f.v->commands + f.v->tail;
    g_assert_true(qamd_submit(f.v, IOTLB | 0xfff8, IOVA));
    expect_event(&f, "no such function", 7ull << 60 | 0xfff8, at);
    NYX_CHECK("findings", qamd_mistakes(f.v, "amdvi.iotlb.no-answer"), 9);
    end(&f);
}

/* --- The buffer ----------------------------------------------------------- */

/* Each length: the last place, then the first. */
static void test_lengths(void)
{
    Fixture f = start("");
    uint64_t buffer = nyx_pc_pages(f.v->pc, 128);

    for (uint64_t len = 8; len < 16; len++) {
        g_autofree char *row = g_strdup_printf("Len %u", (unsigned)len);
        uint64_t bytes = 16ull << len;

        qamd_control(f.v, QAMD_CMDBUFEN, 0);
        qamd_w64(f.v, QAMD_CMDBASE, buffer | len << 56);
        NYX_CHECK(row, qamd_r64(f.v, QAMD_CMDHEAD), 0);
        NYX_CHECK(row, qamd_r64(f.v, QAMD_CMDTAIL), 0);
        qamd_w64(f.v, QAMD_CMDHEAD, bytes - 16);
        qamd_w64(f.v, QAMD_CMDTAIL, bytes - 16);
        f.v->commands = buffer;
        f.v->command_bytes = bytes;
        f.v->tail = bytes - 16;
        qamd_control(f.v, 0, QAMD_CMDBUFEN);
        NYX_CHECK(row, qamd_r64(f.v, QAMD_CMDHEAD), bytes - 16);
        g_assert_true(qamd_wait(f.v));
        NYX_CHECK(row, qamd_r64(f.v, QAMD_CMDHEAD), 0);
        g_assert_true(qamd_wait(f.v));
        NYX_CHECK(row, qamd_r64(f.v, QAMD_CMDHEAD), 16);
        /* It does not turn round before that. */
        qamd_control(f.v, QAMD_CMDBUFEN, 0);
        f.v->tail = bytes / 2 - 16;
        qamd_w64(f.v, QAMD_CMDHEAD, f.v->tail);
        qamd_w64(f.v, QAMD_CMDTAIL, f.v->tail);
        qamd_control(f.v, 0, QAMD_CMDBUFEN);
        g_assert_true(qamd_wait(f.v));
        NYX_CHECK(row, qamd_r64(f.v, QAMD_CMDHEAD), bytes / 2);
    }
    end(&f);
}

/* Either bit that comes on lets what waits go. */
static void test_enable(void)
{
    static const uint64_t bits[] = { QAMD_CMDBUFEN, QAMD_IOMMUEN };
    Fixture f = start("");

    for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
        qamd_control(f.v, bits[i], 0);
        NYX_CHECK("off", qamd_r32(f.v, QAMD_STATUS) & QAMD_CMDBUFRUN, 0);
        NYX_CHECK("off", qamd_wait(f.v), false);
        NYX_CHECK("off", qtest_readq(f.v->qts, f.v->store) == f.v->stamp,
                  false);
        qamd_control(f.v, 0, bits[i]);
        NYX_CHECK("on", qamd_r32(f.v, QAMD_STATUS) & QAMD_CMDBUFRUN,
                  QAMD_CMDBUFRUN);
        NYX_CHECK("on", qtest_readq(f.v->qts, f.v->store), f.v->stamp);
    }
    end(&f);
}

/* An error lasts until CmdBufEn goes to 1, whatever else is written. */
static void test_halted(void)
{
    Fixture f = start("");
    uint64_t control = qamd_r64(f.v, QAMD_CONTROL);

    NYX_CHECK("error", qamd_submit(f.v, 0, 0), false);
    for (unsigned i = 0; i < 3; i++) {
        NYX_CHECK("tail", qamd_wait(f.v), false);
        qamd_w64(f.v, QAMD_CONTROL, control);
        qamd_control(f.v, QAMD_IOMMUEN, 0);
        qamd_control(f.v, 0, QAMD_IOMMUEN);
        qamd_w32(f.v, QAMD_STATUS, UINT32_MAX);
        NYX_CHECK("stopped", qamd_r32(f.v, QAMD_STATUS) & QAMD_CMDBUFRUN, 0);
    }
    /* What is behind the error is done then. */
    qamd_control(f.v, QAMD_CMDBUFEN, 0);
    qamd_control(f.v, 0, QAMD_CMDBUFEN);
    NYX_CHECK("goes on", qtest_readq(f.v->qts, f.v->store), f.v->stamp);
    NYX_CHECK("goes on", qamd_r64(f.v, QAMD_CMDHEAD), f.v->tail);
    end(&f);
}

/* Base and head are the IOMMU's while it runs. */
static void test_busy(void)
{
    Fixture f = start("");
    uint64_t base = qamd_r64(f.v, QAMD_CMDBASE);
    uint64_t head = qamd_r64(f.v, QAMD_CMDHEAD);

    qamd_w64(f.v, QAMD_CMDBASE, 0x123000 | 9ull << 56);
    NYX_CHECK("base", qamd_r64(f.v, QAMD_CMDBASE), base);
    qamd_w64(f.v, QAMD_CMDHEAD, 0x40);
    NYX_CHECK("head", qamd_r64(f.v, QAMD_CMDHEAD), head);
    NYX_CHECK("findings", qamd_mistakes(f.v, "amdvi.ring.busy"), 2);
    qamd_flush(f.v);
    end(&f);
}

/* More than is executed in one go. */
#define LONG 20000

static void start_long(Fixture *f)
{
    uint64_t buffer = nyx_pc_pages(f->v->pc, 128);
    g_autofree uint64_t *words = g_new(uint64_t, 2 * LONG);

    for (unsigned i = 0; i < LONG; i++) {
        words[2 * i] = cpu_to_le64(WAIT | f->v->store | 1);
        words[2 * i + 1] = cpu_to_le64(i + 1);
    }
    qtest_memwrite(f->v->qts, buffer, words, LONG * 16);
    qamd_control(f->v, QAMD_CMDBUFEN, 0);
    qamd_w64(f->v, QAMD_CMDBASE, buffer | 15ull << 56);
    qamd_w64(f->v, QAMD_CMDTAIL, LONG * 16);
    qamd_control(f->v, 0, QAMD_CMDBUFEN);
}

static void end_long(Fixture *f)
{
    for (unsigned i = 0; i < NYX_POLLS &&
         qamd_r64(f->v, QAMD_CMDHEAD) != LONG * 16; i++) {
        g_usleep(100);
    }
    NYX_CHECK("all", qtest_readq(f->v->qts, f->v->store), LONG);
    NYX_CHECK("all", qamd_stat(f->v, "invalidations.waits"), LONG + 1);
    end(f);
}

static void test_long(void)
{
    Fixture f = start("");

    start_long(&f);
    end_long(&f);
}

/* A buffer that is not through when the machine stops goes on with it. */
static void test_stopped(void)
{
    Fixture f = start("");
    uint64_t head;

    qtest_qmp_assert_success(f.v->qts, "{'execute': 'cont'}");
    qtest_qmp_assert_success(f.v->qts, "{'execute': 'stop'}");
    start_long(&f);
    head = qamd_r64(f.v, QAMD_CMDHEAD);
    g_assert_cmphex(head, <, LONG * 16);
    for (unsigned polls = 0; polls < 100; polls++) {
        qtest_qmp_assert_success(f.v->qts, "{'execute': 'query-status'}");
    }
    NYX_CHECK("head", qamd_r64(f.v, QAMD_CMDHEAD), head);
    qtest_qmp_assert_success(f.v->qts, "{'execute': 'cont'}");
    end_long(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/commands/" name, fn)
    ADD("reserved", test_reserved);
    ADD("opcodes", test_opcodes);
    ADD("needs", test_needs);
    ADD("wait-store", test_wait_store);
    ADD("wait-store-fails", test_wait_store_fails);
    ADD("sizes", test_sizes);
    ADD("everything", test_everything);
    ADD("directories", test_directories);
    ADD("one-device", test_one_device);
    ADD("device", test_device);
    ADD("device-silent", test_device_silent);
    ADD("lengths", test_lengths);
    ADD("enable", test_enable);
    ADD("halted", test_halted);
    ADD("busy", test_busy);
    ADD("long", test_long);
    ADD("stopped", test_stopped);
    return g_test_run();
}
