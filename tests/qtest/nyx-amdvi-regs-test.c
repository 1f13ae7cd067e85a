/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-amdvi's PCI function and registers as software sees them: identity, the
 * capability block, where the registers are, messages, engines, reset.
 */
#include "qemu/osdep.h"
#include "nyx-amdvi-fixture.h"
#include "libqos/nyx-migrate.h"

#define PLAIN   "-M q35 -device nyx-amdvi,id=iommu"
#define VECTOR  0x51

/* --- Configuration space -------------------------------------------------- */

typedef struct ConfigRow {
    unsigned offset;
    uint32_t mask;
    uint32_t want;
} ConfigRow;

static const ConfigRow config_rows[] = {
    { 0x00, UINT32_MAX, 0x14191022 },
    { 0x08, 0xffffff00, 0x08060000 },
    { 0x0c, 0x007f0000, 0 },            /* header type */
    { 0x10, UINT32_MAX, 0 },            /* no BARs */
    { 0x34, 0x000000ff, 0x40 },
    /* 0fh, next 64h, type 3, revision 1, EFRSup, CapExt */
    { 0x40, UINT32_MAX, 0x180b640f },
    { 0x44, UINT32_MAX, 0 },
    { 0x48, UINT32_MAX, 0 },
    { 0x4c, UINT32_MAX, 0 },
    /* PAsize 40, VAsize 64 */
    { 0x50, UINT32_MAX, 0x00202840 },
    { 0x54, UINT32_MAX, 0 },
    /* MSI: next 74h, four messages, 64 bits */
    { 0x64, UINT32_MAX, 0x00847405 },
    /* HyperTransport: MSI mapping, fixed, enabled */
    { 0x74, UINT32_MAX, 0xa8030008 },
};

static void test_config(void)
{
    QAmd *v = qamd_start(PLAIN);

    for (unsigned i = 0; i < ARRAY_SIZE(config_rows); i++) {
        const ConfigRow *row = &config_rows[i];
        g_autofree char *name = g_strdup_printf("config %02xh", row->offset);

        NYX_CHECK(name, qamd_config(v, row->offset) & row->mask, row->want);
        /* Nothing of it is for software, but for what comes below. */
        if (row->offset < 0x44 || row->offset == 0x4c ||
            row->offset == 0x54 || row->offset == 0x74) {
            qamd_set_config(v, row->offset, UINT32_MAX);
            NYX_CHECK(name, qamd_config(v, row->offset) & row->mask,
                      row->want);
        }
    }
    qamd_set_config(v, 0x50, UINT32_MAX);
    NYX_CHECK("HtAtsResv", qamd_config(v, 0x50), 0x00602840);
    qtest_system_reset(v->qts);
    NYX_CHECK("HtAtsResv", qamd_config(v, 0x50), 0x00202840);
    /* The host bridge has the bit of several functions. */
    NYX_CHECK("host bridge", nyx_pci_ext_readl(v->pc, 0, 0x0c) >> 16 & 0xff,
              0x80);
    qamd_end(v);
}

static void test_capabilities(void)
{
    QAmd *v = qamd_start(PLAIN ",device-iotlb=on,np-cache=on,guest-levels=4,"
                         "vapic=on,va-bits=48");

    /* IotlbSup, NpCache */
    NYX_CHECK("header", qamd_config(v, 0x40), 0x1d0b640f);
    /* GVAsize 2, VAsize 48, message 1 for page requests */
    NYX_CHECK("misc 0", qamd_config(v, 0x50), 0x08182840);
    /* Message 2 for the guest APIC log */
    NYX_CHECK("misc 1", qamd_config(v, 0x54), 2);
    qamd_end(v);
}

/* The function of the IOAPIC's requester id. */
static void test_southbridge(void)
{
    QAmd *v = qamd_start(PLAIN);

    NYX_CHECK("class", nyx_pci_ext_readl(v->pc, 0xa0, 8) >> 16, 0x0c05);
    qamd_end(v);
    v = qamd_start(PLAIN ",intremap=off");
    NYX_CHECK("none", nyx_pci_ext_readl(v->pc, 0xa0, 0), UINT32_MAX);
    qamd_end(v);
    v = qamd_start("-M q35 -device nyx-testdev,addr=0x14 "
                   "-device nyx-amdvi,id=iommu");
    NYX_CHECK("taken", nyx_pci_ext_readl(v->pc, 0xa0, 0), 0x4e791234);
    qamd_end(v);
}

/* --- Where the registers are ---------------------------------------------- */

static void test_base(void)
{
    QAmd *v = qamd_start(PLAIN);
    uint64_t efr = qamd_r64(v, QAMD_EFR);
    const uint64_t moved = 0x1234564000ull;

    NYX_CHECK("fixed", efr, 0x0013002f000049dd);
    /* Without Enable it is not in force. */
    qamd_set_config(v, 0x48, moved >> 32);
    qamd_set_config(v, 0x44, (uint32_t)moved | 0x3ffe);
    NYX_CHECK("low", qamd_config(v, 0x44), (uint32_t)moved);
    NYX_CHECK("fixed", qamd_r64(v, QAMD_EFR), efr);
    qamd_set_config(v, 0x44, (uint32_t)moved | 1);
    NYX_CHECK("fixed", qtest_readq(v->qts, QAMD_BASE + QAMD_EFR) != efr, 1);
    v->base = moved;
    NYX_CHECK("moved", qamd_r64(v, QAMD_EFR), efr);
    /* 3.2.2: locked from then on. */
    qamd_set_config(v, 0x44, 0xfed80000);
    qamd_set_config(v, 0x48, 0);
    NYX_CHECK("locked", qamd_config(v, 0x44), (uint32_t)moved | 1);
    NYX_CHECK("locked", qamd_config(v, 0x48), moved >> 32);
    NYX_CHECK("locked", qamd_r64(v, QAMD_EFR), efr);
    qtest_system_reset(v->qts);
    v->base = QAMD_BASE;
    NYX_CHECK("reset", qamd_config(v, 0x44), 0);
    NYX_CHECK("reset", qamd_r64(v, QAMD_EFR), efr);
    qamd_end(v);
}

/* Wherever a guest puts them, it harms itself alone. */
static void test_base_odd(void)
{
    static const uint64_t bases[] = {
        0, 0xfee00000, 0xfffffffffff80000, 0xffffffffffffc000, 0xb0000000,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(bases); i++) {
        QAmd *v = qamd_start(PLAIN);
        uint64_t efr = qamd_r64(v, QAMD_EFR);

        qamd_set_config(v, 0x48, bases[i] >> 32);
        qamd_set_config(v, 0x44, (uint32_t)bases[i] | 1);
        qtest_writeq(v->qts, bases[i] + 0x2008, 0x10);
        qtest_readq(v->qts, bases[i] + QAMD_EFR);
        qtest_system_reset(v->qts);
        NYX_CHECK("alive", qamd_r64(v, QAMD_EFR), efr);
        qamd_end(v);
    }
}

/* With counters the block has 512 KiB, and the base as many. */
static void test_base_large(void)
{
    QAmd *v = qamd_start(PLAIN ",perfmon=on");

    qamd_set_config(v, 0x44, UINT32_MAX & ~1);
    NYX_CHECK("bits", qamd_config(v, 0x44), 0xfff80000);
    qamd_set_config(v, 0x44, 0x80080001);
    v->base = 0x80080000;
    NYX_CHECK("moved", qamd_r64(v, QAMD_EFR) & 0x9c5, 0x9c5);
    /* Four counters in four banks */
    NYX_CHECK("counters", qamd_r64(v, 0x4000), 4 << 7 | 4 << 12);
    qamd_end(v);
}

/* --- Messages ------------------------------------------------------------- */

static void enable_msi(QAmd *v, unsigned messages_lg2)
{
    qamd_set_config(v, QAMD_MSI + 4, 0xfee00000);
    qamd_set_config(v, QAMD_MSI + 8, 0);
    qamd_set_config(v, QAMD_MSI + 12, VECTOR);
    qamd_set_config(v, QAMD_MSI, 1 << 16 | messages_lg2 << 20);
}

static void expect_vector(QAmd *v, const char *row, unsigned vector)
{
    NYX_CHECK(row, nyx_apic_irr(v->pc, 0, vector), NYX_IRR_EDGE);
}

/* Its own messages do not go through the tables. */
static void test_msi(void)
{
    QAmd *v = qamd_start(PLAIN);

    qamd_enable(v, 0);
    enable_msi(v, 0);
    /* i without ComWaitIntEn: the status bit alone */
    qamd_put(v, 1ull << 60 | 2, 0);
    g_assert_true(qamd_wait(v));
    NYX_CHECK("status", qamd_r32(v, QAMD_STATUS) & 7, QAMD_COMWAITINT);
    NYX_CHECK("masked", nyx_apic_irrs(v->pc, 0), 0);
    qamd_w32(v, QAMD_STATUS, QAMD_COMWAITINT);
    NYX_CHECK("cleared", qamd_r32(v, QAMD_STATUS) & 7, 0);
    qamd_w64(v, QAMD_CONTROL,
             qamd_r64(v, QAMD_CONTROL) | QAMD_COMWAITINTEN);
    qamd_put(v, 1ull << 60 | 2, 0);
    g_assert_true(qamd_wait(v));
    expect_vector(v, "message", VECTOR);
    qamd_end(v);
}

/* To an address that is no interrupt it is a write; nothing to itself. */
static void test_msi_elsewhere(void)
{
    QAmd *v = qamd_start(PLAIN);
    uint64_t page = nyx_pc_pages(v->pc, 1);
    const uint64_t rows[] = { page, QAMD_BASE + QAMD_CONTROL, 0xb0000000 };

    qamd_enable(v, QAMD_COMWAITINTEN);
    enable_msi(v, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        qamd_set_config(v, QAMD_MSI + 4, rows[i]);
        qamd_w32(v, QAMD_STATUS, QAMD_COMWAITINT);
        qamd_put(v, 1ull << 60 | 2, 0);
        g_assert_true(qamd_wait(v));
    }
    NYX_CHECK("memory", qtest_readl(v->qts, page), VECTOR);
    NYX_CHECK("runs", qamd_r32(v, QAMD_STATUS) & QAMD_CMDBUFRUN,
              QAMD_CMDBUFRUN);
    NYX_CHECK("no interrupt", nyx_apic_irrs(v->pc, 0), 0);
    qamd_end(v);
}

static void test_msi_disabled(void)
{
    QAmd *v = qamd_start(PLAIN);

    qamd_enable(v, QAMD_COMWAITINTEN);
    qamd_put(v, 1ull << 60 | 2, 0);
    g_assert_true(qamd_wait(v));
    NYX_CHECK("no message", nyx_apic_irrs(v->pc, 0), 0);
    NYX_CHECK("status", qamd_r32(v, QAMD_STATUS) & 7, QAMD_COMWAITINT);
    qamd_end(v);
}

/* 170h instead of the capability. */
static void test_xt(void)
{
    QAmd *v = qamd_start(PLAIN ",xtsup=on");

    qamd_enable(v, QAMD_COMWAITINTEN | QAMD_GAEN | QAMD_XTEN |
                QAMD_INTCAPXTEN);
    enable_msi(v, 0);
    qamd_w64(v, QAMD_XT_GENERAL, 0x62ull << 32);
    qamd_put(v, 1ull << 60 | 2, 0);
    g_assert_true(qamd_wait(v));
    expect_vector(v, "XT", 0x62);
    NYX_CHECK("not by MSI", nyx_apic_irr(v->pc, 0, VECTOR), NYX_IRR_NONE);
    qamd_end(v);
}

/* What EFR.MsiCapMmioSup is for. */
static void test_msi_mirror(void)
{
    QAmd *v = qamd_start(PLAIN ",msi-mmio=on");

    NYX_CHECK("header", qamd_r32(v, 0x158), 0x00847405);
    NYX_CHECK("mapping", qamd_r32(v, 0x168), 0xa8030008);
    NYX_CHECK("misc 0", qamd_r32(v, 0x150), 0x00202840);
    qamd_w32(v, 0x15c, 0xfee01000);
    qamd_w32(v, 0x164, 0x4071);
    qamd_w32(v, 0x158, 1 << 16);
    NYX_CHECK("address", qamd_config(v, QAMD_MSI + 4), 0xfee01000);
    NYX_CHECK("data", qamd_config(v, QAMD_MSI + 12), 0x4071);
    NYX_CHECK("enabled", qamd_config(v, QAMD_MSI) >> 16 & 1, 1);
    qamd_set_config(v, QAMD_MSI + 12, 0x33);
    NYX_CHECK("data", qamd_r32(v, 0x164), 0x33);
    qamd_end(v);
}

/* --- Engines -------------------------------------------------------------- */

static void test_reset_values(void)
{
    static const struct {
        unsigned offset;
        uint64_t want;
    } rows[] = {
        { QAMD_DEVTAB, 0 },
        { QAMD_CMDBASE, 8ull << 56 },
        { QAMD_EVTBASE, 8ull << 56 },
        { QAMD_CONTROL, QAMD_COHERENT },
        { QAMD_EXCLBASE, 0 },
        { QAMD_EFR, 0x0013002f000049dd },
        { QAMD_EFR2, 0 },
        { QAMD_CMDHEAD, 0 },
        { QAMD_CMDTAIL, 0 },
        { QAMD_EVTHEAD, 0 },
        { QAMD_EVTTAIL, 0 },
        { QAMD_STATUS, 0 },
    };
    QAmd *v = qamd_start(PLAIN);

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
            g_autofree char *name = g_strdup_printf("%xh, round %u",
                                                    rows[i].offset, round);

            NYX_CHECK(name, qamd_r64(v, rows[i].offset), rows[i].want);
        }
        qamd_enable(v, 0);
        qamd_flush(v);
        NYX_CHECK("runs", qamd_r32(v, QAMD_STATUS) & 0x18,
                  QAMD_EVENTLOGRUN | QAMD_CMDBUFRUN);
        qtest_system_reset(v->qts);
    }
    qamd_end(v);
}

static void test_illegal_command(void)
{
    QAmd *v = qamd_start(PLAIN);
    uint64_t at;

    qamd_enable(v, 0);
    qamd_flush(v);
    at = v->commands + v->tail;
    /* Opcode 15; what is behind it is not fetched. */
    qamd_put(v, 15ull << 60, 0);
    NYX_CHECK("stopped", qamd_wait(v), false);
    NYX_CHECK("CmdBufRun", qamd_r32(v, QAMD_STATUS) & QAMD_CMDBUFRUN, 0);
    {
        QAmdEvent event = qamd_take(v);

        NYX_CHECK("event", event.lo >> 60, 5);
        NYX_CHECK("address", event.hi, at);
    }
    /* The way out: CmdBufEn off and on, with an empty buffer. */
    qamd_w64(v, QAMD_CONTROL, qamd_r64(v, QAMD_CONTROL) & ~QAMD_CMDBUFEN);
    qamd_w64(v, QAMD_CMDHEAD, 0);
    qamd_w64(v, QAMD_CMDTAIL, 0);
    v->tail = 0;
    qamd_w64(v, QAMD_CONTROL, qamd_r64(v, QAMD_CONTROL) | QAMD_CMDBUFEN);
    qamd_flush(v);
    NYX_CHECK("mistakes", qamd_mistakes(v, "amdvi.cmd.illegal"), 1);
    qamd_end(v);
}

/* --- State ---------------------------------------------------------------- */

/* A guest goes on where it was, its tables in force. */
static void test_migrate(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *file = g_build_filename(dir, "state", NULL);
    Fixture f = start("");
    Fixture to;
    uint64_t moved = 0x80004000;

    qamd_set_config(f.v, 0x44, moved | 1);
    f.v->base = moved;
    expect_access(&f, "before", IOVA, f.page, 12);
    nyx_migrate_to(f.v->qts, file);
    to = f;
    to.v = qamd_start("-M q35 -device nyx-amdvi,id=iommu "
                      "-device nyx-testdev,addr=4 -incoming file:%s", file);
    nyx_migrate_wait(to.v->qts);
    to.v->base = moved;
    to.v->events = f.v->events;
    to.v->event_bytes = f.v->event_bytes;
    to.td = nyx_td_get(to.v->pc->pci, SID);
    NYX_CHECK("base", qamd_config(to.v, 0x44), moved | 1);
    NYX_CHECK("control", qamd_r64(to.v, QAMD_CONTROL),
              qamd_r64(f.v, QAMD_CONTROL));
    expect_access(&to, "after", IOVA, f.page, 12);
    expect_refused(&to, "not mapped", true, 0x1000);
    expect_event(&to, "not mapped", PAGE_FAULT(DID) | QAMD_EV_RW, 0x1000);
    end(&to);
    end(&f);
    nyx_tmp_free(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/amdvi-regs/config", test_config);
    qtest_add_func("/nyx/amdvi-regs/capabilities", test_capabilities);
    qtest_add_func("/nyx/amdvi-regs/southbridge", test_southbridge);
    qtest_add_func("/nyx/amdvi-regs/base", test_base);
    qtest_add_func("/nyx/amdvi-regs/base-odd", test_base_odd);
    qtest_add_func("/nyx/amdvi-regs/base-large", test_base_large);
    qtest_add_func("/nyx/amdvi-regs/msi", test_msi);
    qtest_add_func("/nyx/amdvi-regs/msi-elsewhere", test_msi_elsewhere);
    qtest_add_func("/nyx/amdvi-regs/msi-disabled", test_msi_disabled);
    qtest_add_func("/nyx/amdvi-regs/xt", test_xt);
    qtest_add_func("/nyx/amdvi-regs/msi-mirror", test_msi_mirror);
    qtest_add_func("/nyx/amdvi-regs/reset-values", test_reset_values);
    qtest_add_func("/nyx/amdvi-regs/illegal-command", test_illegal_command);
    qtest_add_func("/nyx/amdvi-regs/migrate", test_migrate);
    return g_test_run();
}
