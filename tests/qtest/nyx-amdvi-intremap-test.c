/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts through nyx-amdvi, seen at the local APICs: passed, remapped by
 * entries of both sizes, refused with the right event; from MSI, MSI-X and the
 * IOAPIC; and what is no interrupt although it goes to the interrupt range.
 */
#include "qemu/osdep.h"
#include "nyx-amdvi-fixture.h"
#include "hw/pci/pci_regs.h"

#define SID_IOAPIC  0xa0
#define CPUS        4

/* Bits of an entry that both sizes have */
#define REMAP_EN    (1u << 0)
#define SUP_IOPF    (1u << 1)
#define INT_TYPE(t) ((t) << 2)
#define LOGICAL     (1u << 6)
#define DEST(apic)  ((apic) << 8)

typedef struct Fx {
    QAmd *v;
    NyxPc *pc;
    NyxTestdev td;           /* at 00:04.0 */
    uint64_t table;
    bool ga;
} Fx;

static Fx fx_off(const char *options)
{
    Fx f = { };

    f.v = qamd_start("-M q35 -smp %d -device nyx-amdvi,id=iommu%s "
                     "-device nyx-testdev,addr=4", CPUS, options);
    f.pc = f.v->pc;
    f.td = nyx_td_get(f.pc->pci, SID);
    return f;
}

/* On, with a table of 512 entries for the test device. */
static Fx fx_start(const char *options, bool ga, uint64_t control)
{
    Fx f = fx_off(options);

    qamd_enable(f.v, (ga ? QAMD_GAEN : 0) | control);
    f.ga = ga;
    f.table = qamd_irt(f.v, SID, 9, ga);
    qamd_flush(f.v);
    return f;
}

static void fx_end(Fx *f)
{
    nyx_td_put(&f->td);
    qamd_end(f->v);
}

/* @bits are of the entry's first doubleword. */
static void set_entry(Fx *f, uint64_t table, unsigned index, uint64_t bits,
                      uint8_t vector)
{
    if (f->ga) {
        qtest_writeq(f->v->qts, table + index * 16 + 8, vector);
        qtest_writeq(f->v->qts, table + index * 16, bits);
    } else {
        qtest_writel(f->v->qts, table + index * 4,
                     (uint32_t)bits | vector << 16);
    }
}

static void flush_entries(Fx *f, uint16_t sid)
{
    g_assert_true(qamd_submit(f->v, 5ull << 60 | sid, 0));
}

/* Requests at all APICs: an interrupt more must be where it is expected. */
static unsigned all_irrs(Fx *f)
{
    unsigned count = 0;

    for (unsigned i = 0; i < CPUS; i++) {
        count += nyx_apic_irrs(f->pc, i);
    }
    return count;
}

static void request_irq(Fx *f, const char *row, uint32_t data, bool ok)
{
    NYX_CHECK(row, nyx_td_msi(&f->td, 0xfee00000, data),
              ok ? NYX_TD_ST_OK : NYX_TD_ST_TX_ERROR);
}

static void check_irr(Fx *f, const char *row, unsigned apic, unsigned vector)
{
    NYX_CHECK(row, nyx_apic_irr(f->pc, apic, vector), NYX_IRR_EDGE);
}

/* One event, with this first word, and none besides. */
static void check_event(Fx *f, const char *row, uint64_t lo)
{
    NYX_CHECK(row, qamd_take(f->v).lo, lo);
    NYX_CHECK(row, qamd_take(f->v).lo, 0);
    qamd_clear_events(f->v);
}

/* --- What passes as it is ------------------------------------------------- */

static void test_passed(void)
{
    Fx f = fx_off("");

    NYX_CHECK("off", nyx_td_msi(&f.td, 0xfee02000, 0x41), NYX_TD_ST_OK);
    check_irr(&f, "off", 2, 0x41);
    /* IommuEn, and IV = 0 */
    qamd_enable(f.v, 0);
    NYX_CHECK("IV = 0", nyx_td_msi(&f.td, 0xfee01000, 0x42), NYX_TD_ST_OK);
    check_irr(&f, "IV = 0", 1, 0x42);
    /* IntCtl = 1 */
    qamd_set_dte_word(f.v, SID, 2, QAMD_DTE2_IV | 1ull << 60);
    qamd_flush_dte(f.v, SID);
    NYX_CHECK("IntCtl = 1", nyx_td_msi(&f.td, 0xfee03000, 0x43),
              NYX_TD_ST_OK);
    check_irr(&f, "IntCtl = 1", 3, 0x43);
    /* IntCtl = 0 */
    qamd_set_dte_word(f.v, SID, 2, QAMD_DTE2_IV);
    qamd_flush_dte(f.v, SID);
    request_irq(&f, "IntCtl = 0", 0x44, false);
    NYX_CHECK("IntCtl = 0", qamd_take(f.v).lo,
              8ull << 60 | 5ull << 57 | SID);
    NYX_CHECK("all", all_irrs(&f), 3);
    NYX_CHECK("remapped", qamd_stat(f.v, "interrupts-remapped"), 0);
    fx_end(&f);
}

/* Modes that have a bit of their own: NMI, INIT, ExtINT. */
static void test_pass_bits(void)
{
    static const struct {
        const char *name;
        unsigned mode;
        unsigned bit;        /* of the third word */
    } rows[] = {
        { "NMI", 4, 58 },
        { "INIT", 5, 56 },
        { "ExtINT", 7, 57 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Fx f = fx_start("", false, 0);
        uint64_t word = qamd_dte_word(f.v, SID, 2);

        request_irq(&f, rows[i].name, rows[i].mode << 8, false);
        NYX_CHECK(rows[i].name, qamd_take_code(f.v), 8);
        qamd_set_dte_word(f.v, SID, 2, word | 1ull << rows[i].bit);
        qamd_flush_dte(f.v, SID);
        request_irq(&f, rows[i].name, rows[i].mode << 8, true);
        NYX_CHECK(rows[i].name, qamd_take_code(f.v), 0);
        fx_end(&f);
    }
}

/* --- Through a table ------------------------------------------------------ */

static void test_remapped(const void *ga)
{
    Fx f = fx_start("", ga, 0);

    set_entry(&f, f.table, 0, REMAP_EN | DEST(1), 0x41);
    set_entry(&f, f.table, 5, REMAP_EN | DEST(2), 0x42);
    set_entry(&f, f.table, 255, REMAP_EN | DEST(3), 0x43);
    /* To a logical id there is nobody. */
    set_entry(&f, f.table, 6, REMAP_EN | DEST(1) | LOGICAL, 0x44);
    request_irq(&f, "0", 0, true);
    check_irr(&f, "0", 1, 0x41);
    request_irq(&f, "5", 5, true);
    check_irr(&f, "5", 2, 0x42);
    request_irq(&f, "255", 255, true);
    check_irr(&f, "255", 3, 0x43);
    request_irq(&f, "6", 6, true);
    NYX_CHECK("all", all_irrs(&f), 3);
    NYX_CHECK("remapped", qamd_stat(f.v, "interrupts-remapped"), 4);
    NYX_CHECK("events", qamd_take(f.v).valid, false);
    fx_end(&f);
}

/* What was traced is the message that the APICs got. */
static void check_message(NyxLog *log, const char *row, const char *want)
{
    g_auto(GStrv) lines = nyx_log_more(log);
    unsigned found = 0;

    for (char **line = lines; *line; line++) {
        found += strstr(*line, want) != NULL;
    }
    NYX_CHECK(row, found, 1);
}

/* XTEn: 32 bits of destination; APICs in xAPIC mode look at eight. */
static void test_x2apic(void)
{
    NyxLog log = nyx_log_begin();
    g_autofree char *options =
        g_strdup_printf(",xtsup=on -D %s -plugin %s,"
                        "trace=nyx_amdvi_interrupt_remap", log.path,
                        nyx_pc_plugin());
    Fx f = fx_start(options, true, QAMD_XTEN);

    set_entry(&f, f.table, 2, REMAP_EN | DEST(0x030102ull), 0x52);
    qtest_writeq(f.v->qts, f.table + 2 * 16 + 8, 4ull << 56 | 0x52);
    request_irq(&f, "XT", 2, true);
    check_message(&log, "XT", "index 2 addr 0x4030100fee02000 data 0x00000052");
    check_irr(&f, "XT", 2, 0x52);
    /* Without XTEn there are eight bits. */
    qamd_w64(f.v, QAMD_CONTROL, qamd_r64(f.v, QAMD_CONTROL) & ~QAMD_XTEN);
    flush_entries(&f, SID);
    request_irq(&f, "no XT", 2, true);
    check_message(&log, "no XT", "index 2 addr 0xfee02000 data 0x00000052");
    fx_end(&f);
    nyx_log_end(&log);
}

typedef struct FaultRow {
    const char *name;
    uint32_t bits;
    uint32_t data;
    uint64_t flags;          /* zero: no event */
} FaultRow;

/* 2.5.3: RW says nothing of an interrupt. */
#define I_FLAGS QAMD_EV_I

static const FaultRow fault_rows[] = {
    { "RemapEn = 0", 0, 1, I_FLAGS },
    { "SupIOPF", SUP_IOPF, 1, 0 },
    { "IntType 3", REMAP_EN | INT_TYPE(3), 1,
      I_FLAGS | QAMD_EV_PR | QAMD_EV_RZ },
    { "GuestMode", REMAP_EN | 1 << 7, 1, I_FLAGS | QAMD_EV_PR | QAMD_EV_RZ },
};

static void test_faults(const void *ga)
{
    for (unsigned i = 0; i < ARRAY_SIZE(fault_rows); i++) {
        const FaultRow *row = &fault_rows[i];
        Fx f = fx_start("", ga, 0);

        set_entry(&f, f.table, 1, row->bits, 0x41);
        request_irq(&f, row->name, row->data, false);
        check_event(&f, row->name, row->flags ? PAGE_FAULT(0) | row->flags
                                              : 0);
        NYX_CHECK(row->name, all_irrs(&f), 0);
        fx_end(&f);
    }
}

/* IntTabLen counts entries, as a power of two. */
static void test_length(void)
{
    Fx f = fx_start("", false, 0);

    f.table = qamd_irt(f.v, SID, 2, false);
    qamd_flush_dte(f.v, SID);
    for (unsigned i = 0; i < 5; i++) {
        set_entry(&f, f.table, i, REMAP_EN | DEST(1), 0x41 + i);
    }
    request_irq(&f, "the last", 3, true);
    check_irr(&f, "the last", 1, 0x44);
    request_irq(&f, "beyond", 4, false);
    check_event(&f, "beyond", PAGE_FAULT(0) | I_FLAGS);
    fx_end(&f);
}

static void test_cached(const void *ga)
{
    Fx f = fx_start("", ga, 0);

    set_entry(&f, f.table, 7, REMAP_EN | DEST(1), 0x41);
    request_irq(&f, "first", 7, true);
    set_entry(&f, f.table, 7, REMAP_EN | DEST(2), 0x42);
    request_irq(&f, "not flushed", 7, true);
    NYX_CHECK("not flushed", all_irrs(&f), 1);
    flush_entries(&f, SID + 1);
    request_irq(&f, "another device", 7, true);
    NYX_CHECK("another device", all_irrs(&f), 1);
    flush_entries(&f, SID);
    request_irq(&f, "flushed", 7, true);
    check_irr(&f, "flushed", 2, 0x42);
    fx_end(&f);
}

/* MSI-X of the device itself, whose messages carry its id. */
static void test_msix(void)
{
    Fx f = fx_start("", false, 0);
    QPCIDevice *dev = qpci_device_find(f.pc->pci, SID);

    set_entry(&f, f.table, 3, REMAP_EN | DEST(2), 0x61);
    qpci_msix_enable(dev);
    {
        QPCIBar bar = dev->msix_table_bar;
        uint64_t at = dev->msix_table_off;

        qpci_io_writel(dev, bar, at, 0xfee00000);
        qpci_io_writel(dev, bar, at + 4, 0);
        qpci_io_writel(dev, bar, at + 8, 3);
        qpci_io_writel(dev, bar, at + 12, 0);
    }
    nyx_td_irq(&f.td, 0);
    check_irr(&f, "MSI-X", 2, 0x61);
    qpci_msix_disable(dev);
    g_free(dev);
    fx_end(&f);
}

/* The IOAPIC's requester is 00:14.0. */
static void test_ioapic(const char *machine)
{
    Fx f = { };
    uint64_t table;

    f.v = qamd_start("-M %s -smp %d -device nyx-amdvi,id=iommu", machine,
                     CPUS);
    f.pc = f.v->pc;
    qamd_enable(f.v, 0);
    table = qamd_irt(f.v, SID_IOAPIC, 5, false);
    set_entry(&f, table, 0x0b, REMAP_EN | DEST(3), 0x71);
    qamd_flush(f.v);
    nyx_ioapic_write(f.pc, 12, 0x0b);
    nyx_ioapic_line(f.pc, 12, true);
    nyx_ioapic_line(f.pc, 12, false);
    check_irr(&f, machine, 3, 0x71);
    NYX_CHECK(machine, all_irrs(&f), 1);
    /* Without an entry it is the IOAPIC that is named. */
    nyx_ioapic_write(f.pc, 12, 0x0c);
    nyx_ioapic_line(f.pc, 12, true);
    nyx_ioapic_line(f.pc, 12, false);
    NYX_CHECK(machine, qamd_take(f.v).lo, 2ull << 60 | SID_IOAPIC | I_FLAGS);
    qamd_end(f.v);
}

static void test_ioapic_q35(void)
{
    test_ioapic("q35");
}

static void test_ioapic_pc(void)
{
    test_ioapic("pc");
}

/* --- No interrupts -------------------------------------------------------- */

static void test_range(void)
{
    Fx f = fx_start("", false, 0);
    uint32_t data;

    set_entry(&f, f.table, 0, REMAP_EN | DEST(1), 0x41);
    NYX_CHECK("read", nyx_td_readl(&f.td, 0xfee00000, &data),
              NYX_TD_ST_TX_ERROR);
    check_event(&f, "read", 8ull << 60 | SID);
    NYX_CHECK("read", qamd_mistakes(f.v, "amdvi.intr.read"), 1);
    /* Two bytes are no message. */
    NYX_CHECK("short", nyx_td_write(&f.td, 0xfee00000, &data, 2),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("short", qamd_mistakes(f.v, "amdvi.intr.size"), 1);
    NYX_CHECK("none", all_irrs(&f), 0);
    fx_end(&f);
}

/* With intremap=off nothing is looked up. */
static void test_without(void)
{
    Fx f = fx_start(",intremap=off", false, 0);

    NYX_CHECK("MSI", nyx_td_msi(&f.td, 0xfee02000, 0x41), NYX_TD_ST_OK);
    check_irr(&f, "MSI", 2, 0x41);
    fx_end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/amdvi-intremap/passed", test_passed);
    qtest_add_func("/nyx/amdvi-intremap/pass-bits", test_pass_bits);
    qtest_add_data_func("/nyx/amdvi-intremap/remapped-32", NULL,
                        test_remapped);
    qtest_add_data_func("/nyx/amdvi-intremap/remapped-128", "ga",
                        test_remapped);
    qtest_add_func("/nyx/amdvi-intremap/x2apic", test_x2apic);
    qtest_add_data_func("/nyx/amdvi-intremap/faults-32", NULL, test_faults);
    qtest_add_data_func("/nyx/amdvi-intremap/faults-128", "ga", test_faults);
    qtest_add_func("/nyx/amdvi-intremap/length", test_length);
    qtest_add_data_func("/nyx/amdvi-intremap/cached-32", NULL, test_cached);
    qtest_add_data_func("/nyx/amdvi-intremap/cached-128", "ga", test_cached);
    qtest_add_func("/nyx/amdvi-intremap/msix", test_msix);
    qtest_add_func("/nyx/amdvi-intremap/ioapic-q35", test_ioapic_q35);
    qtest_add_func("/nyx/amdvi-intremap/ioapic-pc", test_ioapic_pc);
    qtest_add_func("/nyx/amdvi-intremap/range", test_range);
    qtest_add_func("/nyx/amdvi-intremap/without", test_without);
    return g_test_run();
}
