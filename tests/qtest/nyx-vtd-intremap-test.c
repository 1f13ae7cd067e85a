/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts through nyx-vtd, seen at the local APICs: remapped, blocked,
 * passed in compatibility format; from MSI, MSI-X and the IOAPIC; and what is
 * no interrupt although it goes to the interrupt range.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-vtd.h"
#include "hw/pci/pci_regs.h"

#define SID         NYX_SID(0, 4, 0)
#define SID_FN1     NYX_SID(0, 4, 1)
#define SID_IOAPIC  0xff00
#define CPUS        4

typedef struct Fx {
    QVtd *v;
    NyxPc *pc;
    NyxTestdev td;           /* at 00:04.0 */
    NyxTestdev fn1;          /* at 00:04.1 */
    NyxLog log;
} Fx;

static Fx fx_start(const char *machine, const char *options)
{
    Fx f = { .log = nyx_log_begin() };

    f.v = qvtd_start("-M %s -smp %d -D %s "
                     "-plugin %s,trace=nyx_vtd_interrupt_remap,"
                     "trace=nyx_vtd_event_send "
                     "-device nyx-vtd,id=iommu%s "
                     "-device nyx-testdev,addr=4.0,multifunction=on "
                     "-device nyx-testdev,addr=4.1", machine, CPUS,
                     f.log.path, nyx_pc_plugin(), options);
    f.pc = f.v->pc;
    f.td = nyx_td_get(f.pc->pci, SID);
    f.fn1 = nyx_td_get(f.pc->pci, SID_FN1);
    return f;
}

static void fx_end(Fx *f)
{
    nyx_td_put(&f->td);
    nyx_td_put(&f->fn1);
    qvtd_end(f->v);
    nyx_log_end(&f->log);
}

/* Present, fixed, physical, edge: an entry for xAPIC mode. */
static uint64_t irte(unsigned apic, uint8_t vector)
{
    return (uint64_t)apic << 40 | vector << 16 | 1;
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

static void check_irr(Fx *f, const char *row, unsigned apic, unsigned vector,
                      NyxIrr want)
{
    NYX_CHECK(row, nyx_apic_irr(f->pc, apic, vector), want);
}

/* The record of a blocked request; @index is -1 if it has none. */
static void check_fault(Fx *f, const char *row, unsigned code, uint16_t sid,
                        int index)
{
    QVtdRecord record = qvtd_take(f->v);

    NYX_CHECK(row, record.valid, true);
    NYX_CHECK(row, record.lo, index < 0 ? 0 : (uint64_t)index << 48);
    NYX_CHECK(row, record.hi, 1ull << 63 | (uint64_t)code << 32 | sid);
    NYX_CHECK(row, qvtd_r32(f->v, QVTD_FSTS) & 0xff, 0);
}

/* --- Off, and through a table --------------------------------------------- */

static void test_off(void)
{
    Fx f = fx_start("q35", "");

    NYX_CHECK("MSI", nyx_td_msi(&f.td, 0xfee02000, 0x41), NYX_TD_ST_OK);
    check_irr(&f, "as it is", 2, 0x41, NYX_IRR_EDGE);
    NYX_CHECK("MSI", nyx_td_msi(&f.td, 0xfee01000, 0xc042), NYX_TD_ST_OK);
    check_irr(&f, "level", 1, 0x42, NYX_IRR_LEVEL);
    /* What a remapping unit would look up is a broadcast without one. */
    NYX_CHECK("all", all_irrs(&f), 2);
    NYX_CHECK("remapped", qvtd_stat(f.v, "interrupts-remapped"), 0);
    fx_end(&f);

    f = fx_start("q35", ",intremap=off");
    NYX_CHECK("MSI", nyx_td_msi(&f.td, 0xfee03000, 0x43), NYX_TD_ST_OK);
    check_irr(&f, "intremap=off", 3, 0x43, NYX_IRR_EDGE);
    fx_end(&f);
}

/* The entry says which vector and where, the message only which entry. */
static void test_remapped(const void *machine)
{
    Fx f = fx_start(machine, "");

    g_assert_true(qvtd_ir(f.v, 7, false));
    qvtd_irte(f.v, 5, irte(1, 0x41), 0);
    qvtd_irte(f.v, 6, irte(2, 0x42), 0);
    qvtd_irte(f.v, 0xff, irte(3, 0x43), 0);

    NYX_CHECK("5", nyx_td_msi(&f.td, qvtd_irq(5), 0x99), NYX_TD_ST_OK);
    check_irr(&f, "5", 1, 0x41, NYX_IRR_EDGE);
    /* With SHV the data are added to the handle. */
    nyx_td_msi(&f.td, qvtd_irq(5) | 8, 1);
    check_irr(&f, "5 + 1", 2, 0x42, NYX_IRR_EDGE);
    nyx_td_msi(&f.td, qvtd_irq(0xff), 0);
    check_irr(&f, "the last", 3, 0x43, NYX_IRR_EDGE);
    NYX_CHECK("all", all_irrs(&f), 3);
    NYX_CHECK("remapped", qvtd_stat(f.v, "interrupts-remapped"), 3);
    NYX_CHECK("faults", qvtd_r32(f.v, QVTD_FSTS), 0);

    /* With translation on a message needs no page tables. */
    g_assert_true(qvtd_enable(f.v));
    qvtd_irte(f.v, 7, irte(0, 0x44), 0);
    nyx_td_msi(&f.td, qvtd_irq(7), 0);
    check_irr(&f, "translating", 0, 0x44, NYX_IRR_EDGE);
    NYX_CHECK("faults", qvtd_r32(f.v, QVTD_FSTS), 0);
    fx_end(&f);
}

/* The largest table, and index bit 15 where it is in the address. */
static void test_table_size(void)
{
    Fx f = fx_start("q35", "");

    g_assert_true(qvtd_ir(f.v, 15, false));
    qvtd_irte(f.v, 0xffff, irte(0, 0x41), 0);
    qvtd_irte(f.v, 0x8001, irte(0, 0x42), 0);
    NYX_CHECK("address", qvtd_irq(0x8001), 0xfee00034);
    nyx_td_msi(&f.td, 0xfee00034, 0);
    check_irr(&f, "0x8001", 0, 0x42, NYX_IRR_EDGE);
    nyx_td_msi(&f.td, qvtd_irq(0xfff0) | 8, 0xf);
    check_irr(&f, "0xffff", 0, 0x41, NYX_IRR_EDGE);

    /* Two entries. */
    g_assert_true(qvtd_ir(f.v, 0, false));
    qvtd_irte(f.v, 1, irte(0, 0x43), 0);
    qvtd_irte(f.v, 2, irte(0, 0x44), 0);
    nyx_td_msi(&f.td, qvtd_irq(1), 0);
    check_irr(&f, "S 0: 1", 0, 0x43, NYX_IRR_EDGE);
    nyx_td_msi(&f.td, qvtd_irq(2), 0);
    check_irr(&f, "S 0: 2", 0, 0x44, NYX_IRR_NONE);
    check_fault(&f, "S 0: 2", 0x21, SID, 2);
    fx_end(&f);
}

/* --- What an entry makes of a message ------------------------------------- */

typedef struct MessageRow {
    const char *name;
    uint64_t lo;             /* of the entry, without P */
    uint64_t addr;           /* of the message that it makes */
    uint32_t data;
    int apic;                /* who gets it, or -1 */
    NyxIrr irr;
} MessageRow;

static const MessageRow xapic_rows[] = {
    { "physical", 0x0000020000410000, 0xfee02000, 0x41, 2, NYX_IRR_EDGE },
    { "level", 0x0000010000420010, 0xfee01000, 0xc042, 1, NYX_IRR_LEVEL },
    { "lowest priority", 0x0000030000430020, 0xfee03000, 0x143, 3,
      NYX_IRR_EDGE },
    { "redirection hint", 0x0000000000440008, 0xfee00008, 0x44, 0,
      NYX_IRR_EDGE },
    { "logical, and nobody is it", 0x0000010000450004, 0xfee01004, 0x45, -1,
      NYX_IRR_NONE },
    { "NMI", 0x0000010000460080, 0xfee01000, 0x446, -1, NYX_IRR_NONE },
    { "software's bits", 0x0000020000470f00, 0xfee02000, 0x47, 2,
      NYX_IRR_EDGE },
};

/*
 * The whole of DST is the id.  The APICs are in xAPIC mode, because no
 * processor runs, and look at its low byte.
 */
static const MessageRow x2apic_rows[] = {
    { "id 2", 0x0000000200510000, 0xfee02000, 0x51, 2, NYX_IRR_EDGE },
    { "id 0x12345603", 0x1234560300520000, 0x12345600fee03000, 0x52, 3,
      NYX_IRR_EDGE },
    { "id 0x103", 0x0000010300530000, 0x00000100fee03000, 0x53, 3,
      NYX_IRR_EDGE },
    { "logical", 0x0001000200540004, 0x00010000fee02004, 0x54, -1,
      NYX_IRR_NONE },
};

/* What the unit traced of the one message since the last call. */
static void check_trace(Fx *f, const char *row, uint64_t addr, uint32_t data)
{
    g_auto(GStrv) lines = nyx_log_more(&f->log);
    unsigned seen = 0;

    for (unsigned i = 0; lines[i]; i++) {
        const char *at = strstr(lines[i], "nyx_vtd_interrupt_remap sid");
        uint64_t got_addr;
        unsigned sid, index, got_data;

        if (at && sscanf(at, "nyx_vtd_interrupt_remap sid %x index %u addr %"
                         SCNx64 " data %x", &sid, &index, &got_addr,
                         &got_data) == 4) {
            NYX_CHECK(row, got_addr, addr);
            NYX_CHECK(row, got_data, data);
            seen++;
        }
    }
    NYX_CHECK(row, seen, 1);
}

static void check_messages(Fx *f, const MessageRow *rows, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned before = all_irrs(f);

        qvtd_irte(f->v, i, rows[i].lo | 1, 0);
        NYX_CHECK(rows[i].name, nyx_td_msi(&f->td, qvtd_irq(i), 0),
                  NYX_TD_ST_OK);
        check_trace(f, rows[i].name, rows[i].addr, rows[i].data);
        NYX_CHECK(rows[i].name, all_irrs(f) - before, rows[i].apic >= 0);
        if (rows[i].apic >= 0) {
            check_irr(f, rows[i].name, rows[i].apic, rows[i].data & 0xff,
                      rows[i].irr);
        }
    }
    NYX_CHECK("faults", qvtd_r32(f->v, QVTD_FSTS), 0);
}

static void test_messages(void)
{
    Fx f = fx_start("q35", "");

    g_assert_true(qvtd_ir(f.v, 7, false));
    check_messages(&f, xapic_rows, ARRAY_SIZE(xapic_rows));
    /* A new table while remapping goes on. */
    g_assert_true(qvtd_ir(f.v, 7, true));
    check_messages(&f, x2apic_rows, ARRAY_SIZE(x2apic_rows));
    fx_end(&f);
}

/* --- Blocked -------------------------------------------------------------- */

typedef struct BlockedRow {
    const char *name;
    uint64_t lo;
    uint64_t hi;
    unsigned code;
    bool qualified;          /* hidden by FPD */
} BlockedRow;

static const BlockedRow blocked_rows[] = {
    { "not present", 0x0000000000600000, 0, 0x22, true },
    { "bit 12", 0x0000000000601001, 0, 0x24, true },
    { "bit 14", 0x0000000000604001, 0, 0x24, true },
    { "posted, bit 2", 0x0000000000608005, 0, 0x24, true },
    { "bit 24", 0x0000000001600001, 0, 0x24, true },
    { "bit 31", 0x0000000080600001, 0, 0x24, true },
    { "delivery mode 3", 0x0000000000600061, 0, 0x24, true },
    { "delivery mode 6", 0x00000000006000c1, 0, 0x24, true },
    { "destination 7:0", 0x0000000100600001, 0, 0x24, true },
    { "destination 31:16", 0x0001000000600001, 0, 0x24, true },
    { "SVT 3", 0x0000000000600001, 0xc0020, 0x24, true },
    { "bit 84", 0x0000000000600001, 0x100000, 0x24, true },
    { "bit 127", 0x0000000000600001, 1ull << 63, 0x24, true },
    { "another requester", 0x0000000000600001, 0x40021, 0x26, true },
    { "SQ 1", 0x0000000000600001, 0x50021, 0x26, true },
    { "SQ 2", 0x0000000000600001, 0x60021, 0x26, true },
    { "SQ 3", 0x0000000000600001, 0x70028, 0x26, true },
    { "bus above", 0x0000000000600001, 0x80103, 0x26, true },
    { "bus below", 0x0000000000600001, 0x80100, 0x26, true },
};

/* No request at any APIC, and the record; with FPD no record either. */
static void test_blocked(void)
{
    Fx f = fx_start("q35", "");

    g_assert_true(qvtd_ir(f.v, 7, false));
    for (unsigned i = 0; i < ARRAY_SIZE(blocked_rows); i++) {
        const BlockedRow *row = &blocked_rows[i];

        qvtd_irte(f.v, i, row->lo, row->hi);
        NYX_CHECK(row->name, nyx_td_msi(&f.td, qvtd_irq(i), 0),
                  NYX_TD_ST_TX_ERROR);
        check_fault(&f, row->name, row->code, SID, i);
        /*
         * Wrong entries are not cached: the next look finds it different.
         * To fail the source check is no fault of the entry's.
         */
        qvtd_irte(f.v, i, row->lo | 2, row->hi);
        if (row->code == 0x26) {
            g_assert_true(qvtd_submit(f.v, 0x4, 0));
        }
        nyx_td_msi(&f.td, qvtd_irq(i), 0);
        NYX_CHECK(row->name, qvtd_take(f.v).valid, !row->qualified);
    }
    NYX_CHECK("APICs", all_irrs(&f), 0);
    NYX_CHECK("findings", qvtd_mistakes(f.v, "vtd.fault.interrupt"),
              2 * ARRAY_SIZE(blocked_rows));
    NYX_CHECK("reason 0x26", qvtd_stat_faults(f.v, 0x26), 12);

    /* What is wrong with the request itself. */
    nyx_td_msi(&f.td, qvtd_irq(3) | 8, 0x10000);
    check_fault(&f, "data 31:16", 0x20, SID, -1);
    nyx_td_msi(&f.td, qvtd_irq(0x100), 0);
    check_fault(&f, "beyond the table", 0x21, SID, 0x100);
    nyx_td_msi(&f.td, qvtd_irq(0xff) | 8, 1);
    check_fault(&f, "beyond it by the subhandle", 0x21, SID, 0x100);
    nyx_td_msi(&f.td, 0xfee00000, 0x61);
    check_fault(&f, "compatibility format", 0x25, SID, -1);
    NYX_CHECK("APICs", all_irrs(&f), 0);
    fx_end(&f);
}

/* A table that is no RAM, or beyond what the host can address. */
static void test_table_unreadable(void)
{
    Fx f = fx_start("q35", "");
    static const struct {
        const char *name;
        uint64_t irta;
        unsigned code;
    } rows[] = {
        { "the unit itself", QVTD_BASE, 0x23 },
        { "nothing", NYX_PC_RAM, 0x23 },
        { "beyond the host's width", 1ull << 45, 0x21 },
    };

    g_assert_true(qvtd_ir(f.v, 7, false));
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_w64(f.v, QVTD_IRTA, rows[i].irta | 7);
        g_assert_true(qvtd_gcmd(f.v, QVTD_SIRTP, true));
        g_assert_true(qvtd_submit(f.v, 0x4, 0));
        nyx_td_msi(&f.td, qvtd_irq(1), 0);
        check_fault(&f, rows[i].name, rows[i].code, SID, 1);
    }
    fx_end(&f);
}

/* --- Compatibility format ------------------------------------------------- */

static void test_compatibility(void)
{
    Fx f = fx_start("q35", "");

    g_assert_true(qvtd_ir(f.v, 7, false));
    nyx_td_msi(&f.td, 0xfee01000, 0x41);
    check_fault(&f, "CFI 0", 0x25, SID, -1);
    g_assert_true(qvtd_gcmd(f.v, QVTD_CFI, true));
    nyx_td_msi(&f.td, 0xfee01000, 0x41);
    check_irr(&f, "CFI 1", 1, 0x41, NYX_IRR_EDGE);
    NYX_CHECK("CFI 1", qvtd_stat(f.v, "interrupts-compatibility"), 1);

    /* x2APIC mode has none, whatever CFI is. */
    g_assert_true(qvtd_ir(f.v, 7, true));
    nyx_td_msi(&f.td, 0xfee01000, 0x42);
    check_fault(&f, "EIME 1", 0x25, SID, -1);
    g_assert_true(qvtd_ir(f.v, 7, false));
    g_assert_true(qvtd_gcmd(f.v, QVTD_CFI, false));
    nyx_td_msi(&f.td, 0xfee01000, 0x43);
    check_fault(&f, "CFI 0 again", 0x25, SID, -1);
    g_assert_true(qvtd_gcmd(f.v, QVTD_IRE, false));
    nyx_td_msi(&f.td, 0xfee01000, 0x44);
    check_irr(&f, "IRE 0", 1, 0x44, NYX_IRR_EDGE);
    NYX_CHECK("APICs", all_irrs(&f), 2);
    fx_end(&f);
}

/* --- Who it is from ------------------------------------------------------- */

static void test_source(void)
{
    Fx f = fx_start("q35", "");
    static const struct {
        const char *name;
        uint64_t hi;
        bool fn0, fn1;       /* who may */
    } rows[] = {
        { "no check", 0, true, true },
        { "04.0", 0x40020, true, false },
        { "04.1", 0x40021, false, true },
        { "04.4, bit 2 ignored", 0x50024, true, false },
        { "04.6, bits 2:1 ignored", 0x60026, true, false },
        { "04.7, bits 2:1 ignored", 0x60027, false, true },
        { "04.7, bits 2:0 ignored", 0x70027, true, true },
        { "buses 0 to 0", 0x80000, true, true },
        { "buses 0 to 5", 0x80005, true, true },
        { "buses 1 to 5", 0x80105, false, false },
    };

    g_assert_true(qvtd_ir(f.v, 7, false));
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_irte(f.v, i, irte(0, 0x41 + i), rows[i].hi);
        NYX_CHECK(rows[i].name, nyx_td_msi(&f.td, qvtd_irq(i), 0),
                  rows[i].fn0 ? NYX_TD_ST_OK : NYX_TD_ST_TX_ERROR);
        if (!rows[i].fn0) {
            check_fault(&f, rows[i].name, 0x26, SID, i);
        }
        NYX_CHECK(rows[i].name, nyx_td_msi(&f.fn1, qvtd_irq(i), 0),
                  rows[i].fn1 ? NYX_TD_ST_OK : NYX_TD_ST_TX_ERROR);
        if (!rows[i].fn1) {
            check_fault(&f, rows[i].name, 0x26, SID_FN1, i);
        }
    }

    /* A plain DMA write has no requester id in QEMU: the region knows it. */
    NYX_CHECK("plain write", nyx_td_writel(&f.fn1, qvtd_irq(1), 0),
              NYX_TD_ST_TX_ERROR);
    check_fault(&f, "plain write", 0x26, SID_FN1, 1);
    NYX_CHECK("plain write", nyx_td_request(&f.td, (NyxTdReq) {
        .op = NYX_TD_OP_FILL, .attr = NYX_TD_ATTR_NO_RID, .len = 4,
        .addr = qvtd_irq(1),
    }), NYX_TD_ST_OK);
    NYX_CHECK("plain write", nyx_td_request(&f.fn1, (NyxTdReq) {
        .op = NYX_TD_OP_FILL, .attr = NYX_TD_ATTR_NO_RID, .len = 4,
        .addr = qvtd_irq(1),
    }), NYX_TD_ST_TX_ERROR);
    check_fault(&f, "no requester id", 0x26, SID_FN1, 1);
    fx_end(&f);
}

/* Behind bridges, before and after the guest gives a bus another number. */
static void test_source_behind_bridges(void)
{
    QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu "
                         "-device pcie-root-port,id=rp,addr=6 "
                         "-device nyx-testdev,bus=rp "
                         "-device pcie-root-port,id=rp2,addr=7,chassis=2 "
                         "-device pcie-pci-bridge,id=pb,bus=rp2 "
                         "-device nyx-testdev,bus=pb,addr=3");
    const uint16_t rp = NYX_SID(0, 6, 0), rp2 = NYX_SID(0, 7, 0);
    const uint16_t pb = NYX_SID(2, 0, 0);
    NyxTestdev td, legacy;

    g_assert_true(qvtd_ir(v, 7, false));
    nyx_pci_bridge(v->pc, rp, 1, 1);
    td = nyx_td_get(v->pc->pci, NYX_SID(1, 0, 0));
    nyx_pci_bridge(v->pc, rp2, 2, 3);
    nyx_pci_bridge_below(v->pc, rp2, pb, 3, 3);
    legacy = nyx_td_get(v->pc->pci, NYX_SID(3, 3, 0));

    qvtd_irte(v, 1, irte(0, 0x41), 0x40000 | NYX_SID(1, 0, 0));
    qvtd_irte(v, 2, irte(0, 0x42), 0x40000 | NYX_SID(8, 0, 0));
    /* The bridge takes over: the secondary bus, function 0. */
    qvtd_irte(v, 3, irte(0, 0x43), 0x40000 | NYX_SID(3, 0, 0));
    qvtd_irte(v, 4, irte(0, 0x44), 0x80303);
    qvtd_irte(v, 5, irte(0, 0x45), 0x40000 | NYX_SID(9, 0, 0));

    NYX_CHECK("01:00.0", nyx_td_msi(&td, qvtd_irq(1), 0), NYX_TD_ST_OK);
    NYX_CHECK("01:00.0", nyx_td_msi(&td, qvtd_irq(2), 0), NYX_TD_ST_TX_ERROR);
    NYX_CHECK("01:00.0", qvtd_take(v).hi, 0x8000002600000100);
    NYX_CHECK("03:03.0", nyx_td_msi(&legacy, qvtd_irq(3), 0), NYX_TD_ST_OK);
    NYX_CHECK("03:03.0", nyx_td_msi(&legacy, qvtd_irq(4), 0), NYX_TD_ST_OK);
    NYX_CHECK("03:03.0", nyx_td_msi(&legacy, qvtd_irq(5), 0),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("03:03.0", qvtd_take(v).hi, 0x8000002600000300);

    nyx_pci_renumber(v->pc, rp, 8, 8);
    NYX_CHECK("08:00.0", nyx_td_msi(&td, qvtd_irq(2), 0), NYX_TD_ST_OK);
    NYX_CHECK("08:00.0", nyx_td_msi(&td, qvtd_irq(1), 0), NYX_TD_ST_TX_ERROR);
    NYX_CHECK("08:00.0", qvtd_take(v).hi, 0x8000002600000800);
    /* Without a requester id of its own. */
    NYX_CHECK("08:00.0", nyx_td_request(&td, (NyxTdReq) {
        .op = NYX_TD_OP_FILL, .attr = NYX_TD_ATTR_NO_RID, .len = 4,
        .addr = qvtd_irq(2),
    }), NYX_TD_ST_OK);
    nyx_pci_renumber(v->pc, rp2, 2, 9);
    nyx_pci_renumber(v->pc, pb, 9, 9);
    NYX_CHECK("09:03.0", nyx_td_msi(&legacy, qvtd_irq(5), 0), NYX_TD_ST_OK);
    NYX_CHECK("09:03.0", nyx_td_msi(&legacy, qvtd_irq(3), 0),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK("09:03.0", qvtd_take(v).hi, 0x8000002600000900);
    nyx_td_put(&td);
    nyx_td_put(&legacy);
    qvtd_end(v);
}

/* --- MSI and MSI-X -------------------------------------------------------- */

static void test_msi_capability(void)
{
    Fx f = fx_start("q35", "");
    unsigned cap = qpci_find_capability(f.td.pci, PCI_CAP_ID_MSI, 0);

    g_assert_true(qvtd_ir(f.v, 7, false));
    for (unsigned n = 0; n < 4; n++) {
        qvtd_irte(f.v, 0x40 + n, irte(n, 0x51 + n), 0x40000 | SID);
    }
    g_assert_cmphex(cap, !=, 0);
    qpci_config_writel(f.td.pci, cap + PCI_MSI_ADDRESS_LO,
                       qvtd_irq(0x40) | 8);
    qpci_config_writel(f.td.pci, cap + PCI_MSI_ADDRESS_HI, 0);
    qpci_config_writew(f.td.pci, cap + PCI_MSI_DATA_64, 0);
    /* Four vectors: the function adds the number to the data. */
    qpci_config_writew(f.td.pci, cap + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE |
                       0x20);
    for (unsigned n = 0; n < 4; n++) {
        g_autofree char *row = g_strdup_printf("vector %u", n);

        NYX_CHECK(row, nyx_td_irq(&f.td, n), NYX_TD_ST_OK);
        check_irr(&f, row, n, 0x51 + n, NYX_IRR_EDGE);
    }
    NYX_CHECK("APICs", all_irrs(&f), 4);
    fx_end(&f);
}

static void msix_set(NyxTestdev *td, unsigned n, uint64_t addr, uint32_t data)
{
    uint64_t at = td->pci->msix_table_off + n * PCI_MSIX_ENTRY_SIZE;

    qpci_io_writel(td->pci, td->pci->msix_table_bar, at, addr);
    qpci_io_writel(td->pci, td->pci->msix_table_bar, at + 4, addr >> 32);
    qpci_io_writel(td->pci, td->pci->msix_table_bar, at + 8, data);
    qpci_io_writel(td->pci, td->pci->msix_table_bar, at + 12, 0);
}

static void test_msix(void)
{
    Fx f = fx_start("q35", "");

    g_assert_true(qvtd_ir(f.v, 7, false));
    qvtd_irte(f.v, 9, irte(3, 0x61), 0x40000 | SID);
    qvtd_irte(f.v, 10, irte(3, 0x62), 0x40000 | SID_FN1);
    qpci_msix_enable(f.td.pci);
    msix_set(&f.td, 0, qvtd_irq(9), 0);
    msix_set(&f.td, 1, qvtd_irq(10), 0);
    msix_set(&f.td, 2, 0xfee01000, 0x63);
    NYX_CHECK("mode", nyx_td_r32(&f.td, NYX_TD_IRQ_MODE),
              NYX_TD_IRQ_MODE_MSIX);
    NYX_CHECK("0", nyx_td_irq(&f.td, 0), NYX_TD_ST_OK);
    check_irr(&f, "0", 3, 0x61, NYX_IRR_EDGE);
    nyx_td_irq(&f.td, 1);
    check_fault(&f, "another's entry", 0x26, SID, 10);
    nyx_td_irq(&f.td, 2);
    check_fault(&f, "compatibility format", 0x25, SID, -1);
    NYX_CHECK("APICs", all_irrs(&f), 1);
    fx_end(&f);
}

/* --- The interrupt entry cache -------------------------------------------- */

/* Send index @n, and say which of two vectors came. */
static unsigned came(Fx *f, unsigned n, unsigned first, unsigned second)
{
    unsigned before = nyx_apic_irr(f->pc, 0, first) +
                      2 * nyx_apic_irr(f->pc, 0, second);
    unsigned after;

    nyx_td_msi(&f->td, qvtd_irq(n), 0);
    after = nyx_apic_irr(f->pc, 0, first) + 2 * nyx_apic_irr(f->pc, 0, second);
    return after - before;
}

static void test_entry_cache(void)
{
    Fx f = fx_start("q35", "");
    const unsigned last = 7;

    g_assert_true(qvtd_ir(f.v, 7, false));
    /* Used, changed: stale. */
    for (unsigned n = 0; n <= last; n++) {
        qvtd_irte(f.v, n, irte(0, 0x40 + n), 0);
        nyx_td_msi(&f.td, qvtd_irq(n), 0);
        qvtd_irte(f.v, n, irte(0, 0x80 + n), 0);
        NYX_CHECK("stale", came(&f, n, 0x80 + n, 0x90), 0);
    }
    g_assert_true(qvtd_submit(f.v, 0x14 | 3ull << 32, 0));
    NYX_CHECK("3 is gone", came(&f, 3, 0x83, 0x90), 1);
    NYX_CHECK("2 is not", came(&f, 2, 0x82, 0x90), 0);
    NYX_CHECK("4 is not", came(&f, 4, 0x84, 0x90), 0);
    /* 2^1 entries, aligned down: 4 and 5. */
    g_assert_true(qvtd_submit(f.v, 0x14 | 1 << 27 | 5ull << 32, 0));
    NYX_CHECK("4 is gone", came(&f, 4, 0x84, 0x90), 1);
    NYX_CHECK("5 is gone", came(&f, 5, 0x85, 0x90), 1);
    NYX_CHECK("6 is not", came(&f, 6, 0x86, 0x90), 0);
    /* DMA commands are no concern of it, nor is a new table by itself. */
    g_assert_true(qvtd_submit(f.v, 0xd2, 0));
    g_assert_true(qvtd_submit(f.v, 0x11, 0));
    g_assert_true(qvtd_gcmd(f.v, QVTD_SIRTP, true));
    NYX_CHECK("6 is not", came(&f, 6, 0x86, 0x90), 0);
    g_assert_true(qvtd_submit(f.v, 0x4, 0));
    NYX_CHECK("6 is gone", came(&f, 6, 0x86, 0x90), 1);
    NYX_CHECK("7 is gone", came(&f, 7, 0x87, 0x90), 1);

    /* From not present to present nothing has to be told. */
    nyx_td_msi(&f.td, qvtd_irq(20), 0);
    check_fault(&f, "20", 0x22, SID, 20);
    qvtd_irte(f.v, 20, irte(0, 0xa0), 0);
    NYX_CHECK("20", came(&f, 20, 0xa0, 0x90), 1);
    fx_end(&f);

    f = fx_start("q35", ",caching-mode=on");
    g_assert_true(qvtd_ir(f.v, 7, false));
    nyx_td_msi(&f.td, qvtd_irq(20), 0);
    qvtd_irte(f.v, 20, irte(0, 0xa0), 0);
    NYX_CHECK("CM: 20", came(&f, 20, 0xa0, 0x90), 0);
    g_assert_true(qvtd_submit(f.v, 0x14 | 20ull << 32, 0));
    NYX_CHECK("CM: 20", came(&f, 20, 0xa0, 0x90), 1);
    fx_end(&f);
}

/* --- IOAPIC --------------------------------------------------------------- */

/* A remappable entry: index in 63:49 and 11, format in 48. */
static uint64_t rte(unsigned index, uint8_t vector, bool level)
{
    return (uint64_t)(index & 0x7fff) << 49 | 1ull << 48 |
           (index >> 15) << 11 | (uint64_t)level << 15 | vector;
}

static void pulse(Fx *f, unsigned pin)
{
    nyx_ioapic_line(f->pc, pin, true);
    nyx_ioapic_line(f->pc, pin, false);
}

static void test_ioapic_edge(const void *machine)
{
    Fx f = fx_start(machine, "");

    nyx_ioapic_write(f.pc, 5, 1ull << 56 | 0x31);
    pulse(&f, 5);
    check_irr(&f, "off", 1, 0x31, NYX_IRR_EDGE);

    g_assert_true(qvtd_ir(f.v, 15, false));
    qvtd_irte(f.v, 0x123, irte(2, 0x41), 0x40000 | SID_IOAPIC);
    qvtd_irte(f.v, 0x9123, irte(3, 0x42), 0x40000 | SID_IOAPIC);
    qvtd_irte(f.v, 0x124, irte(2, 0x43), 0x40000 | SID);
    nyx_ioapic_write(f.pc, 6, rte(0x123, 0x41, false));
    nyx_ioapic_write(f.pc, 7, rte(0x9123, 0x42, false));
    nyx_ioapic_write(f.pc, 8, rte(0x124, 0x43, false));
    pulse(&f, 6);
    check_irr(&f, "0x123", 2, 0x41, NYX_IRR_EDGE);
    pulse(&f, 7);
    check_irr(&f, "0x9123", 3, 0x42, NYX_IRR_EDGE);
    pulse(&f, 8);
    check_fault(&f, "a device's entry", 0x26, SID_IOAPIC, 0x124);

    /* The old format is blocked, until it is allowed. */
    pulse(&f, 5);
    check_fault(&f, "compatibility format", 0x25, SID_IOAPIC, -1);
    g_assert_true(qvtd_gcmd(f.v, QVTD_CFI, true));
    nyx_ioapic_write(f.pc, 5, 1ull << 56 | 0x32);
    pulse(&f, 5);
    check_irr(&f, "CFI", 1, 0x32, NYX_IRR_EDGE);
    NYX_CHECK("APICs", all_irrs(&f), 4);
    fx_end(&f);
}

static void test_ioapic_level(const void *machine)
{
    Fx f = fx_start(machine, "");
    const uint64_t remote_irr = 1 << 14;

    g_assert_true(qvtd_ir(f.v, 7, false));
    qvtd_irte(f.v, 3, irte(1, 0x51) | 0x10, 0x40000 | SID_IOAPIC);
    nyx_ioapic_write(f.pc, 20, rte(3, 0x51, true));
    nyx_ioapic_line(f.pc, 20, true);
    check_irr(&f, "raised", 1, 0x51, NYX_IRR_LEVEL);
    NYX_CHECK("raised", nyx_ioapic_read(f.pc, 20) & remote_irr, remote_irr);
    NYX_CHECK("raised", qvtd_stat(f.v, "interrupts-remapped"), 1);
    /* Not again before the end of interrupt, and then again. */
    nyx_ioapic_line(f.pc, 20, true);
    NYX_CHECK("still", qvtd_stat(f.v, "interrupts-remapped"), 1);
    nyx_ioapic_eoi(f.pc, 0x51);
    NYX_CHECK("EOI", qvtd_stat(f.v, "interrupts-remapped"), 2);
    nyx_ioapic_line(f.pc, 20, false);
    nyx_ioapic_eoi(f.pc, 0x51);
    NYX_CHECK("lowered", qvtd_stat(f.v, "interrupts-remapped"), 2);
    NYX_CHECK("lowered", nyx_ioapic_read(f.pc, 20) & remote_irr, 0);
    NYX_CHECK("faults", qvtd_r32(f.v, QVTD_FSTS), 0);
    fx_end(&f);
}

/* --- Not interrupts ------------------------------------------------------- */

static void check_misuse(Fx *f, const char *row)
{
    static const struct {
        const char *name;
        uint64_t addr;
        unsigned len;
    } writes[] = {
        { "1 byte", 0xfee01000, 1 },
        { "2 bytes", 0xfee01000, 2 },
        { "8 bytes", 0xfee01000, 8 },
        { "misaligned", 0xfee01002, 4 },
    };
    uint64_t count = qvtd_mistakes(f->v, "vtd.intr.read");
    uint32_t value;

    NYX_CHECK(row, nyx_td_readl(&f->td, 0xfee00000, &value),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK(row, nyx_td_readl(&f->td, 0xfeefffff - 3, &value),
              NYX_TD_ST_TX_ERROR);
    NYX_CHECK(row, qvtd_mistakes(f->v, "vtd.intr.read"), count + 2);
    for (unsigned i = 0; i < ARRAY_SIZE(writes); i++) {
        g_autofree char *name = g_strdup_printf("%s: %s", row,
                                                writes[i].name);

        count = qvtd_mistakes(f->v, "vtd.intr.size");
        NYX_CHECK(name, nyx_td_request(&f->td, (NyxTdReq) {
            .op = NYX_TD_OP_FILL, .addr = writes[i].addr,
            .len = writes[i].len, .operand = 0x4141414141414141,
        }), NYX_TD_ST_TX_ERROR);
        NYX_CHECK(name, qvtd_mistakes(f->v, "vtd.intr.size"), count + 1);
    }
    NYX_CHECK(row, all_irrs(f), 0);
    NYX_CHECK(row, qvtd_r32(f->v, QVTD_FSTS), 0);
}

static void test_misuse(void)
{
    Fx f = fx_start("q35", "");
    QVtdDomain dom;

    check_misuse(&f, "off");
    g_assert_true(qvtd_ir(f.v, 7, false));
    check_misuse(&f, "remapping");
    /* A mapping of the range is of no use to anybody. */
    g_assert_true(qvtd_enable(f.v));
    dom = qvtd_domain(f.v, 1, 4);
    qvtd_attach(f.v, SID, &dom, 0);
    qvtd_map(f.v, &dom, 0xfee00000, nyx_pc_pages(f.pc, 1), 12, 3);
    qvtd_map(f.v, &dom, 0xfee01000, nyx_pc_pages(f.pc, 1), 12, 3);
    check_misuse(&f, "translating");
    fx_end(&f);
}

/* --- The unit's own messages ---------------------------------------------- */

/* They go straight to the APICs, whatever remapping would say. */
static void test_fault_event(void)
{
    Fx f = fx_start("q35", "");
    QTestState *qts = f.v->qts;
    g_auto(GStrv) lines = NULL;
    unsigned sent = 0;

    g_assert_true(qvtd_ir(f.v, 7, false));
    qvtd_w32(f.v, QVTD_FEDATA, 0x71);
    qvtd_w32(f.v, QVTD_FEADDR, 0xfee02000);
    nyx_td_msi(&f.td, 0xfee00000, 0x41);
    NYX_CHECK("masked", qvtd_r32(f.v, QVTD_FECTL), 0xc0000000);
    NYX_CHECK("masked", all_irrs(&f), 0);
    qvtd_w32(f.v, QVTD_FECTL, 0);
    check_irr(&f, "unmasked", 2, 0x71, NYX_IRR_EDGE);
    NYX_CHECK("unmasked", qvtd_r32(f.v, QVTD_FECTL), 0);
    NYX_CHECK("unmasked", qvtd_stat(f.v, "event-messages"), 1);

    /* One message for all that is pending. */
    nyx_td_msi(&f.td, 0xfee00004, 0x41);
    nyx_td_msi(&f.fn1, 0xfee00000, 0x41);
    NYX_CHECK("pending", qvtd_stat(f.v, "event-messages"), 1);
    qvtd_clear_faults(f.v);
    nyx_td_msi(&f.td, 0xfee00000, 0x41);
    NYX_CHECK("a new one", qvtd_stat(f.v, "event-messages"), 2);

    /* In remappable format it is still not remapped: APIC 0, vector 0x72. */
    qvtd_clear_faults(f.v);
    qvtd_irte(f.v, 0, irte(3, 0x73), 0);
    qvtd_w32(f.v, QVTD_FEDATA, 0x72);
    qvtd_w32(f.v, QVTD_FEADDR, 0xfee00010);
    qtest_writel(qts, f.v->irt, 0);
    nyx_td_msi(&f.td, 0xfee00000, 0x41);
    check_irr(&f, "not remapped", 0, 0x72, NYX_IRR_EDGE);
    NYX_CHECK("not remapped", qvtd_stat(f.v, "interrupts-remapped"), 0);

    /* The upper half is the rest of a 32-bit id. */
    qvtd_clear_faults(f.v);
    qvtd_w32(f.v, QVTD_FEADDR, 0xfee01000);
    qvtd_w32(f.v, QVTD_FEUADDR, 0x12345600);
    qvtd_w32(f.v, QVTD_FEDATA, 0x74);
    nyx_td_msi(&f.td, 0xfee00000, 0x41);
    check_irr(&f, "id 0x12345601", 1, 0x74, NYX_IRR_EDGE);
    lines = nyx_log_more(&f.log);
    for (unsigned i = 0; lines[i]; i++) {
        sent += !!strstr(lines[i], "nyx_vtd_event_send addr "
                         "0x12345600fee01000 data 0x00000074");
    }
    NYX_CHECK("id 0x12345601", sent, 1);
    fx_end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx-vtd/intremap/off", test_off);
    qtest_add_data_func("/nyx-vtd/intremap/q35/remapped", "q35",
                        test_remapped);
    qtest_add_data_func("/nyx-vtd/intremap/pc/remapped", "pc", test_remapped);
    qtest_add_func("/nyx-vtd/intremap/table-size", test_table_size);
    qtest_add_func("/nyx-vtd/intremap/messages", test_messages);
    qtest_add_func("/nyx-vtd/intremap/blocked", test_blocked);
    qtest_add_func("/nyx-vtd/intremap/table-unreadable",
                   test_table_unreadable);
    qtest_add_func("/nyx-vtd/intremap/compatibility", test_compatibility);
    qtest_add_func("/nyx-vtd/intremap/source", test_source);
    qtest_add_func("/nyx-vtd/intremap/source-behind-bridges",
                   test_source_behind_bridges);
    qtest_add_func("/nyx-vtd/intremap/msi-capability", test_msi_capability);
    qtest_add_func("/nyx-vtd/intremap/msix", test_msix);
    qtest_add_func("/nyx-vtd/intremap/entry-cache", test_entry_cache);
    qtest_add_data_func("/nyx-vtd/intremap/q35/ioapic-edge", "q35",
                        test_ioapic_edge);
    qtest_add_data_func("/nyx-vtd/intremap/pc/ioapic-edge", "pc",
                        test_ioapic_edge);
    qtest_add_data_func("/nyx-vtd/intremap/q35/ioapic-level", "q35",
                        test_ioapic_level);
    qtest_add_data_func("/nyx-vtd/intremap/pc/ioapic-level", "pc",
                        test_ioapic_level);
    qtest_add_func("/nyx-vtd/intremap/misuse", test_misuse);
    qtest_add_func("/nyx-vtd/intremap/fault-event", test_fault_event);
    return g_test_run();
}
