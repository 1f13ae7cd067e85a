/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt remapping of nyx-vtd: requests, entries, source validation,
 * messages, and every reason to block.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define SID FX_SID
#define IOAPIC 0xff00

/* IRTE: 0 P, 1 FPD, 2 DM, 3 RH, 4 TM, 7:5 DLM, 23:16 V, 63:32 DST. */
#define IRTE(v, dst) (1 | (uint64_t)(v) << 16 | (uint64_t)(dst) << 32)

/* With entry 5 as given; EIME as given. */
static Fx *new_irte(bool eime, uint64_t lo, uint64_t hi)
{
    Fx *f = fx_new(NULL);

    fx_ir_start(f, 7, eime);
    fx_irte(f, 5, lo, hi);
    return f;
}

static unsigned take_ir_code(Fx *f, FxRecord *record)
{
    *record = fx_take_fault(f);
    return record->valid ? (record->hi >> 32) & 0xff : 0;
}

/* --- Messages ------------------------------------------------------------- */

typedef struct MessageRow {
    const char *name;
    bool eime;
    uint64_t lo;
    uint64_t addr;
    uint32_t data;
} MessageRow;

static const MessageRow message_rows[] = {
    { "fixed, edge, physical, xAPIC 5", false, IRTE(0x41, 0x500),
      0xfee05000, 0x0041 },
    { "xAPIC 255", false, IRTE(0x41, 0xff00), 0xfeeff000, 0x0041 },
    { "x2APIC 5", true, IRTE(0x41, 5), 0xfee05000, 0x0041 },
    { "x2APIC 0x12345678", true, IRTE(0x41, 0x12345678),
      0x12345600fee78000ULL, 0x0041 },
    { "x2APIC broadcast", true, IRTE(0x41, 0xffffffff),
      0xffffff00feeff000ULL, 0x0041 },
    { "logical", true, IRTE(0x41, 3) | 1 << 2, 0xfee03004, 0x0041 },
    { "redirection hint", true, IRTE(0x41, 3) | 1 << 3, 0xfee03008, 0x0041 },
    { "logical with hint", false, IRTE(0x41, 0x300) | 3 << 2, 0xfee0300c,
      0x0041 },
    { "level", true, IRTE(0x41, 3) | 1 << 4, 0xfee03000, 0xc041 },
    { "lowest priority", true, IRTE(0x41, 3) | 1 << 5, 0xfee03000, 0x0141 },
    { "SMI", true, IRTE(0, 3) | 2 << 5, 0xfee03000, 0x0200 },
    { "NMI", true, IRTE(0, 3) | 4 << 5, 0xfee03000, 0x0400 },
    { "INIT", true, IRTE(0, 3) | 5 << 5, 0xfee03000, 0x0500 },
    { "ExtINT", true, IRTE(0, 3) | 7 << 5, 0xfee03000, 0x0700 },
    { "vector 255", true, IRTE(0xff, 3), 0xfee03000, 0x00ff },
    { "software's bits", true, IRTE(0x41, 3) | 0xf00, 0xfee03000, 0x0041 },
    { "FPD", true, IRTE(0x41, 3) | 2, 0xfee03000, 0x0041 },
};

static void test_messages(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(message_rows); i++) {
        const MessageRow *row = &message_rows[i];
        Fx *f = new_irte(row->eime, row->lo, 0);
        FxMessage msg;

        /* Twice: from the table, from the cache. */
        for (unsigned again = 0; again < 2; again++) {
            FX_CHECK(row->name,
                     fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), 0);
            FX_CHECK(row->name, msg.addr, row->addr);
            FX_CHECK(row->name, msg.data, row->data);
        }
        FX_CHECK(row->name, nyx_vtd_stats(f->vtd).interrupts, 2);
        FX_CHECK(row->name, nyx_vtd_stats(f->vtd).iec.hits, 1);
        FX_CHECK(row->name, fx_all_findings(f), 0);
        fx_free(f);
    }
}

/* Between the two reads of its words software has stored another entry. */
static void store_another(void *opaque, uint64_t gpa)
{
    Fx *f = opaque;

    f->mem.on_read = NULL;
    fx_irte(f, 5, IRTE(0x51, 7), 1ULL << 18 | SID);
}

/* An entry is read whole: the id of one does not go with the other's vector. */
static void test_torn(void)
{
    Fx *f = new_irte(true, IRTE(0x41, 3), 1ULL << 18 | SID);
    FxMessage msg;

    f->mem.on_read = store_another;
    f->mem.on_read_opaque = f;
    FX_CHECK("torn", fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), 0);
    FX_CHECK("torn", msg.addr, 0xfee07000);
    FX_CHECK("torn", msg.data, 0x51);
    fx_free(f);
}

/* Routes are made when entries change, not when interrupts come. */
static void test_route_is_silent(void)
{
    Fx *f = new_irte(true, IRTE(0x41, 3) & ~1ULL, 0);
    uint64_t addr = fx_irq_addr(5);
    uint32_t data = 0;
    FxMessage msg;
    bool send;

    FX_CHECK("route", nyx_vtd_route_interrupt(f->vtd, SID, &addr, &data,
                                              &send), 0x22);
    FX_CHECK("route", fx_take_fault(f).valid, false);
    FX_CHECK("route", fx_all_findings(f), 0);
    FX_CHECK("interrupt", fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), 0x22);
    FX_CHECK("interrupt", fx_take_fault(f).valid, true);
    fx_free(f);
}

/* What the request itself says is for the lookup only. */
static void test_request_bits(void)
{
    Fx *f = new_irte(true, IRTE(0x41, 3), 0);
    FxMessage msg;

    for (unsigned bit = 0; bit < 2; bit++) {
        g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5) | 1 << bit, 0,
                                      &msg), ==, 0);
        g_assert_cmphex(msg.addr, ==, 0xfee03000);
    }
    /* Without SHV the data means nothing, all of it. */
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0xffffffff, &msg),
                     ==, 0);
    g_assert_cmphex(msg.data, ==, 0x41);
    fx_free(f);
}

/* --- Index ---------------------------------------------------------------- */

typedef struct IndexRow {
    const char *name;
    uint64_t addr;
    uint32_t data;
    unsigned index;
} IndexRow;

static const IndexRow index_rows[] = {
    { "0x1234", 0xfee24690, 0, 0x1234 },
    { "0x1234, data ignored", 0xfee24690, 7, 0x1234 },
    { "0x1234, SHV, 0", 0xfee24698, 0, 0x1234 },
    { "0x1234, SHV, 7", 0xfee24698, 7, 0x123b },
    { "0x8001", 0xfee00034, 0, 0x8001 },
    { "0x8001, SHV, 2", 0xfee0003c, 2, 0x8003 },
    { "0x7fff", 0xfeeffff0, 0, 0x7fff },
    { "0xffff", 0xfeeffff4, 0, 0xffff },
    { "0xffff, SHV, 1: modulo 2^16", 0xfeeffffc, 1, 0 },
    { "0, SHV, 0xffff", 0xfee00018, 0xffff, 0xffff },
    { "0", 0xfee00010, 0, 0 },
};

static void test_index(void)
{
    Fx *f = fx_new(NULL);
    FxMessage msg;

    fx_ir_start(f, 15, true);
    for (unsigned i = 0; i < ARRAY_SIZE(index_rows); i++) {
        const IndexRow *row = &index_rows[i];
        FxRecord record;

        FX_CHECK(row->name, fx_interrupt(f, SID, row->addr, row->data, &msg),
                 0x22);
        record = fx_take_fault(f);
        FX_CHECK(row->name, record.lo, (uint64_t)row->index << 48);
        FX_CHECK(row->name, record.hi, 0x8000002200000010ULL);
    }
    fx_free(f);
}

/* 2^(S+1) entries: the last is there, the next is not. */
static void test_table_sizes(void)
{
    for (unsigned s = 0; s < 16; s++) {
        Fx *f = fx_new(NULL);
        unsigned entries = 2u << s;
        g_autofree char *row = g_strdup_printf("S %u", s);
        FxMessage msg;
        FxRecord record;

        fx_ir_start(f, s, true);
        fx_irte(f, entries - 1, IRTE(0x41, 3), 0);
        FX_CHECK(row, fx_interrupt(f, SID, fx_irq_addr(entries - 1), 0,
                                   &msg), 0);
        if (s < 15) {
            fx_mem_poke(&f->mem, f->irt + entries * 16, IRTE(0x41, 3));
            FX_CHECK(row, fx_interrupt(f, SID, fx_irq_addr(entries), 0,
                                       &msg), 0x21);
            FX_CHECK(row, take_ir_code(f, &record), 0x21);
            FX_CHECK(row, record.lo, (uint64_t)entries << 48);
            /* By way of the subhandle, too. */
            FX_CHECK(row, fx_interrupt(f, SID, fx_irq_addr(0) | 8, entries,
                                       &msg), 0x21);
        }
        fx_free(f);
    }
}

/* --- Every reason --------------------------------------------------------- */

typedef struct CodeRow {
    const char *name;
    uint64_t addr;
    uint32_t data;
    uint64_t lo, hi;
    unsigned code;
    uint64_t fi;
    bool qualified;
} CodeRow;

#define AT5 0xfee000b0ULL

static const CodeRow code_rows[] = {
    { "20h data, SHV", AT5 | 8, 1u << 16, IRTE(0x41, 3), 0, 0x20, 0, false },
    { "20h data top, SHV", AT5 | 8, 1u << 31, IRTE(0x41, 3), 0, 0x20, 0,
      false },
    { "20h address above 4G", AT5 | 1ULL << 32, 0, IRTE(0x41, 3), 0, 0x20, 0,
      false },
    { "20h address top", AT5 | 1ULL << 63, 0, IRTE(0x41, 3), 0, 0x20, 0,
      false },
    { "20h not FEEh", AT5 ^ 1 << 20, 0, IRTE(0x41, 3), 0, 0x20, 0, false },
    { "20h above 4G, compatibility", 0x1fee01000ULL, 0x41, IRTE(0x41, 3), 0,
      0x20, 0, false },
    { "21h", AT5 + (256 << 5), 0, IRTE(0x41, 3), 0, 0x21,
      0x0105000000000000ULL, false },
    { "22h", AT5, 0, IRTE(0x41, 3) & ~1ULL, 0, 0x22, 0x0005000000000000ULL,
      true },
    { "22h, all else set", AT5, 0, ~3ULL, ~0ULL, 0x22,
      0x0005000000000000ULL, true },
    { "24h reserved", AT5, 0, IRTE(0x41, 3) | 1 << 12, 0, 0x24,
      0x0005000000000000ULL, true },
    { "24h delivery mode 3", AT5, 0, IRTE(0x41, 3) | 3 << 5, 0, 0x24,
      0x0005000000000000ULL, true },
    { "24h delivery mode 6", AT5, 0, IRTE(0x41, 3) | 6 << 5, 0, 0x24,
      0x0005000000000000ULL, true },
    { "24h posted", AT5, 0, IRTE(0x41, 3) | 1 << 15, 0, 0x24,
      0x0005000000000000ULL, true },
    { "24h SVT 3", AT5, 0, IRTE(0x41, 3), 3 << 18 | SID, 0x24,
      0x0005000000000000ULL, true },
    { "25h", 0xfee01000, 0x41, IRTE(0x41, 3), 0, 0x25, 0, false },
    { "26h", AT5, 0, IRTE(0x41, 3), 1 << 18 | 0x18, 0x26,
      0x0005000000000000ULL, true },
};

static void code_row(const CodeRow *row, bool fpd)
{
    Fx *f = new_irte(true, row->lo | (fpd ? 2 : 0), row->hi);
    bool hidden = fpd && row->qualified;
    g_autofree char *name = g_strdup_printf("%s, FPD %u", row->name, fpd);
    unsigned index = nyx_vtd_fault_index(row->code);
    FxMessage msg;
    FxRecord record;

    FX_CHECK(name, fx_interrupt(f, SID, row->addr, row->data, &msg),
             row->code);
    FX_CHECK(name, take_ir_code(f, &record), hidden ? 0 : row->code);
    FX_CHECK(name, record.lo, hidden ? 0 : row->fi);
    FX_CHECK(name, record.hi,
             hidden ? 0 : 1ULL << 63 | (uint64_t)row->code << 32 | SID);
    FX_CHECK(name, nyx_vtd_fault_count(f->vtd, NULL, index), 1);
    FX_CHECK(name, fx_findings(f, NVTD_RULE_IRQ_FAULT), 1);
    FX_CHECK(name, nyx_vtd_stats(f->vtd).interrupts, 0);
    fx_free(f);
}

static void test_every_code(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(code_rows); i++) {
        code_row(&code_rows[i], false);
        code_row(&code_rows[i], true);
    }
}

/* 23h: the entry cannot be read; FPD is not known then. */
static void test_unreadable(void)
{
    Fx *f = new_irte(true, IRTE(0x41, 3) | 2, 0);
    FxMessage msg;

    fx_mem_hole(&f->mem, f->irt + 5 * 16 + 15, f->irt + 5 * 16 + 15);
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), ==, 0x23);
    g_assert_cmphex(fx_record(f, 0).hi, ==, 0x8000002300000010ULL);
    g_assert_cmphex(fx_record(f, 0).lo, ==, 0x0005000000000000ULL);
    fx_mem_no_hole(&f->mem);
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), ==, 0);
    fx_free(f);
}

/* An entry beyond the host address width is one beyond the table: 21h. */
static void test_beyond_width(void)
{
    Fx *f = fx_new(NULL);
    FxMessage msg;

    f->irt = 1ULL << 46;
    fx_write64(f, 0xb8, f->irt | 7);
    fx_gcmd(f, 24, true);
    fx_gcmd(f, 25, true);
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), ==, 0x21);
    fx_write64(f, 0xb8, 0x3ffffffff000ULL | 7);
    fx_gcmd(f, 24, true);
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), ==, 0x23);
    /* There is nothing above the last address, and no way round to zero. */
    fx_mem_poke(&f->mem, 0, IRTE(0x42, 0x300));
    fx_write64(f, 0xb8, 0xfffffffffffff000ULL | 15);
    fx_gcmd(f, 24, true);
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(256), 0, &msg), ==,
                     0x21);
    fx_free(f);
}

/* --- Reserved bits, each alone -------------------------------------------- */

static void each_bit(bool eime, uint64_t mask_lo, uint64_t mask_hi)
{
    Fx *f = fx_new(NULL);
    /* Nothing set that is not needed, so that each bit can be tried. */
    const uint64_t base = 1;

    fx_ir_start(f, 7, eime);
    for (unsigned bit = 1; bit < 128; bit++) {
        uint64_t lo = base | (bit < 64 ? 1ULL << bit : 0);
        uint64_t hi = bit < 64 ? 0 : 1ULL << (bit - 64);
        bool reserved = (lo & mask_lo) || (hi & mask_hi);
        g_autofree char *row = g_strdup_printf("EIME %u, bit %u", eime, bit);
        unsigned want = reserved ? 0x24 : 0;
        FxMessage msg;

        /* SVT 1: the source id is 0 then, so it is checked and fails. */
        want = bit == 64 + 18 ? 0x26 : want;
        fx_irte(f, 5, lo, hi);
        FX_CHECK(row, fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), want);
        fx_submit(f, 0x4, 0);
        fx_clear_faults(f);
    }
    fx_free(f);
}

static void test_reserved_bits(void)
{
    /* 14:12, 15 (posted), 31:24; without EIME also 39:32 and 63:48. */
    each_bit(true, 0x00000000ff00f000ULL, 0xfffffffffff00000ULL);
    each_bit(false, 0xffff00ffff00f000ULL, 0xfffffffffff00000ULL);
}

/* --- Source validation ---------------------------------------------------- */

typedef struct SourceRow {
    const char *name;
    unsigned svt, sq;
    uint16_t sid;            /* in the entry */
    uint16_t requester;
    bool good;
} SourceRow;

static const SourceRow source_rows[] = {
    { "not checked", 0, 0, 0x1234, 0x4321, true },
    { "not checked, SQ ignored", 0, 3, 0x1234, 0x4321, true },
    { "all bits", 1, 0, 0x0210, 0x0210, true },
    { "bit 0 differs", 1, 0, 0x0210, 0x0211, false },
    { "bit 2 differs", 1, 0, 0x0210, 0x0214, false },
    { "bit 3 differs", 1, 0, 0x0210, 0x0218, false },
    { "bus differs", 1, 0, 0x0210, 0x0310, false },
    { "SQ 1, bit 2 differs", 1, 1, 0x0210, 0x0214, true },
    { "SQ 1, bit 1 differs", 1, 1, 0x0210, 0x0212, false },
    { "SQ 1, bit 0 differs", 1, 1, 0x0210, 0x0211, false },
    { "SQ 2, bits 2:1 differ", 1, 2, 0x0210, 0x0216, true },
    { "SQ 2, bit 1 differs", 1, 2, 0x0214, 0x0216, true },
    { "SQ 2, bit 0 differs", 1, 2, 0x0210, 0x0211, false },
    { "SQ 3, bits 2:0 differ", 1, 3, 0x0210, 0x0217, true },
    { "SQ 3, bit 3 differs", 1, 3, 0x0210, 0x0218, false },
    { "SQ 3, bus differs", 1, 3, 0x0210, 0x0310, false },
    /* Start bus in 15:8, end bus in 7:0. */
    { "first bus", 2, 0, 0x0408, 0x0400, true },
    { "bus between", 2, 0, 0x0408, 0x06ff, true },
    { "last bus", 2, 0, 0x0408, 0x08ff, true },
    { "bus before", 2, 0, 0x0408, 0x03ff, false },
    { "bus behind", 2, 0, 0x0408, 0x0900, false },
    { "one bus", 2, 0, 0x0505, 0x0533, true },
    { "one bus, other", 2, 0, 0x0505, 0x0433, false },
    { "range upside down", 2, 0, 0x0804, 0x0600, false },
    { "all buses", 2, 3, 0x00ff, 0xffff, true },
    { "IOAPIC", 1, 0, 0xff00, IOAPIC, true },
    { "not the IOAPIC", 1, 0, 0xf0f8, IOAPIC, false },
};

static void test_source(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(source_rows); i++) {
        const SourceRow *row = &source_rows[i];
        Fx *f = new_irte(true, IRTE(0, 3),
                         row->svt << 18 | row->sq << 16 | row->sid);
        FxMessage msg;

        /* The check is made for hits as well, with each one's own id. */
        for (unsigned again = 0; again < 2; again++) {
            FX_CHECK(row->name, fx_interrupt(f, row->requester,
                                             fx_irq_addr(5), 0, &msg),
                     row->good ? 0 : 0x26);
        }
        if (!row->good) {
            FX_CHECK(row->name, fx_record(f, 0).hi,
                     0x8000002600000000ULL | row->requester);
        }
        fx_free(f);
    }
}

/* A cached entry does not let another requester in, whichever came before. */
static void test_source_cached(void)
{
    Fx *f = new_irte(true, IRTE(0x41, 3), 1 << 18 | SID);
    FxMessage msg;

    fx_irte(f, 6, IRTE(0x42, 3), 1 << 18 | (SID + 1));
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), ==,
                         0);
        g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(6), 0, &msg), ==,
                         0x26);
        g_assert_cmpuint(fx_interrupt(f, SID + 1, fx_irq_addr(6), 0, &msg),
                         ==, 0);
        g_assert_cmpuint(fx_interrupt(f, SID + 1, fx_irq_addr(5), 0, &msg),
                         ==, 0x26);
    }
    fx_free(f);
}

/* --- Compatibility format ------------------------------------------------- */

/* EIME, CFIS: passes only in one of four. */
static void test_compatibility(void)
{
    for (unsigned i = 0; i < 4; i++) {
        bool eime = i & 1, cfi = i & 2, passes = cfi && !eime;
        Fx *f = new_irte(eime, IRTE(0x41, 3), 1 << 18 | 0x99);
        g_autofree char *row = g_strdup_printf("EIME %u, CFI %u", eime, cfi);
        FxMessage msg;

        fx_gcmd(f, 23, cfi);
        FX_CHECK(row, fx_read32(f, 0x1c) >> 23 & 1, cfi);
        FX_CHECK(row, fx_interrupt(f, SID, 0xfee0100c, 0x4131, &msg),
                 passes ? 0 : 0x25);
        /* It goes as it came, without a source check. */
        FX_CHECK(row, msg.addr, 0xfee0100c);
        FX_CHECK(row, msg.data, 0x4131);
        FX_CHECK(row, nyx_vtd_stats(f->vtd).compat_interrupts, passes);
        FX_CHECK(row, nyx_vtd_stats(f->vtd).interrupts, 0);
        FX_CHECK(row, fx_take_fault(f).hi,
                 passes ? 0 : 0x8000002500000010ULL);
        fx_free(f);
    }
}

/* Remapping off: everything passes as it is, of either format. */
static void test_off(void)
{
    Fx *f = new_irte(true, 0, 0);
    FxMessage msg;

    fx_gcmd(f, 25, false);
    g_assert_false(nyx_vtd_remapping(f->vtd));
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0x1234, &msg), ==,
                     0);
    g_assert_cmphex(msg.addr, ==, fx_irq_addr(5));
    g_assert_cmphex(msg.data, ==, 0x1234);
    g_assert_cmphex(fx_read32(f, 0x34), ==, 0);
    fx_gcmd(f, 25, true);
    g_assert_true(nyx_vtd_remapping(f->vtd));
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0x1234, &msg), ==,
                     0x22);
    fx_free(f);
}

/* IRTA counts when it is latched, with all of its fields. */
static void test_latch(void)
{
    Fx *f = new_irte(true, IRTE(0x41, 0x300), 0);
    FxMessage msg;
    uint64_t other = fx_mem_pages(&f->mem, 1);

    fx_write64(f, 0xb8, other | 0);
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), ==, 0);
    g_assert_cmphex(msg.addr, ==, 0x300fee00000ULL);
    /* Latched: smaller, elsewhere, without EIME. */
    fx_gcmd(f, 24, true);
    fx_submit(f, 0x4, 0);
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), ==, 0x21);
    fx_mem_poke(&f->mem, other + 16, IRTE(0x42, 0x300));
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(1), 0, &msg), ==, 0);
    g_assert_cmphex(msg.addr, ==, 0xfee03000);
    g_assert_cmphex(msg.data, ==, 0x42);
    fx_free(f);
}

/* Without EIM there is no EIME to set. */
static void test_no_eim(void)
{
    NyxVtdCfg cfg = fx_cfg();
    FxMessage msg;
    Fx *f;

    cfg.eim = false;
    f = fx_new(&cfg);
    fx_ir_start(f, 7, true);
    g_assert_cmphex(fx_read64(f, 0xb8), ==, f->irt | 7);
    fx_irte(f, 5, IRTE(0x41, 0x300), 0);
    g_assert_cmpuint(fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg), ==, 0);
    g_assert_cmphex(msg.addr, ==, 0xfee03000);
    fx_gcmd(f, 23, true);
    g_assert_cmpuint(fx_interrupt(f, SID, 0xfee01000, 0, &msg), ==, 0);
    fx_free(f);
}

/* --- IOAPIC --------------------------------------------------------------- */

typedef struct IoapicRow {
    const char *name;
    uint16_t sid;
    uint32_t data;
    uint64_t lo;
} IoapicRow;

static const IoapicRow ioapic_rows[] = {
    { "same", IOAPIC, 0x41, IRTE(0x41, 3) },
    { "same, level", IOAPIC, 0x8041, IRTE(0x41, 3) | 1 << 4 },
    { "level asserted", IOAPIC, 0xc041, IRTE(0x41, 3) | 1 << 4 },
    { "other vector", IOAPIC, 0x42, IRTE(0x41, 3) },
    { "edge for level", IOAPIC, 0x41, IRTE(0x41, 3) | 1 << 4 },
    { "level for edge", IOAPIC, 0x8041, IRTE(0x41, 3) },
    { "no IOAPIC", SID, 0x8042, IRTE(0x41, 3) },
};

/*
 * Delivery is as the entry says, and a difference is no mistake: Linux gives
 * the IOAPIC the pin number as vector, TM = 0, and sends it the EOI itself.
 */
static void test_ioapic(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(ioapic_rows); i++) {
        const IoapicRow *row = &ioapic_rows[i];
        Fx *f = new_irte(true, row->lo, 0);
        FxMessage msg;

        FX_CHECK(row->name, fx_interrupt(f, row->sid, fx_irq_addr(5),
                                         row->data, &msg), 0);
        FX_CHECK(row->name, msg.data, row->lo & 0x10 ? 0xc041 : 0x41);
        FX_CHECK(row->name, fx_all_findings(f), 0);
        fx_free(f);
    }
}

/* --- Events and findings -------------------------------------------------- */

static void test_events(void)
{
    Fx *f = new_irte(true, IRTE(0x41, 3), 0);
    NyxVtdEvent *event = &f->last_event[NYX_VTD_EV_INTERRUPT];
    FxMessage msg;

    fx_interrupt(f, SID, fx_irq_addr(5), 0, &msg);
    g_assert_cmpuint(f->events[NYX_VTD_EV_INTERRUPT], ==, 1);
    g_assert_cmphex(event->sid, ==, SID);
    g_assert_cmphex(event->addr, ==, 0xfee03000);
    g_assert_cmphex(event->a, ==, 0x41);
    g_assert_cmphex(event->b, ==, 5);
    fx_interrupt(f, SID, fx_irq_addr(6), 0, &msg);
    g_assert_cmpuint(f->events[NYX_VTD_EV_FAULT], ==, 1);
    event = &f->last_event[NYX_VTD_EV_FAULT];
    g_assert_cmphex(event->a, ==, 0x22);
    g_assert_cmphex(event->b, ==, 1);
    fx_free(f);
}

/* Switched on with nothing latched, or with a stale cache. */
static void test_enable_findings(void)
{
    Fx *f = fx_new(NULL);

    fx_gcmd(f, 25, true);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_IRE_NO_TABLE), ==, 1);
    fx_gcmd(f, 25, false);
    fx_write64(f, 0xb8, fx_mem_pages(&f->mem, 1) | 7);
    fx_gcmd(f, 24, true);
    fx_gcmd(f, 25, true);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_SIRTP_NO_FLUSH), ==, 1);
    fx_gcmd(f, 25, false);
    fx_queue_start(f, 0);
    fx_submit(f, 0x4, 0);
    fx_gcmd(f, 25, true);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_IRE_NO_TABLE), ==, 1);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_SIRTP_NO_FLUSH), ==, 1);
    fx_free(f);
}

/* Whoever caches routes hears of each change of mode. */
static void test_mode_notifies(void)
{
    Fx *f = fx_new(NULL);

    fx_gcmd(f, 25, true);
    g_assert_cmpuint(f->iec->len, ==, 1);
    fx_gcmd(f, 23, true);
    g_assert_cmpuint(f->iec->len, ==, 2);
    fx_gcmd(f, 25, false);
    g_assert_cmpuint(f->iec->len, ==, 3);
    for (unsigned i = 0; i < f->iec->len; i++) {
        g_assert_true(g_array_index(f->iec, FxIec, i).global);
    }
    fx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/intremap/" name, fn)
    ADD("messages", test_messages);
    ADD("request-bits", test_request_bits);
    ADD("index", test_index);
    ADD("table-sizes", test_table_sizes);
    ADD("every-code", test_every_code);
    ADD("unreadable", test_unreadable);
    ADD("beyond-width", test_beyond_width);
    ADD("reserved-bits", test_reserved_bits);
    ADD("source", test_source);
    ADD("source-cached", test_source_cached);
    ADD("compatibility", test_compatibility);
    ADD("off", test_off);
    ADD("latch", test_latch);
    ADD("no-eim", test_no_eim);
    ADD("torn", test_torn);
    ADD("route-is-silent", test_route_is_silent);
    ADD("ioapic", test_ioapic);
    ADD("events", test_events);
    ADD("enable-findings", test_enable_findings);
    ADD("mode-notifies", test_mode_notifies);
    return g_test_run();
}
