/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt remapping of nyx-amdvi: requests, device table entries, interrupt
 * table entries, messages, what is cached, and every reason to refuse.
 */
#include "qemu/osdep.h"
#include "amd-irq.h"

/* Delivery modes in bits 10:8 of the data */
#define SMI    0x200
#define NMI    0x400
#define INIT   0x500
#define EXTINT 0x700

/* --- Messages ------------------------------------------------------------- */

typedef struct MessageRow {
    const char *name;
    uint64_t control;        /* GAEn, XTEn */
    uint64_t lo, hi;
    uint32_t in;             /* bits 15:14 of the request's data */
    uint64_t addr;
    uint32_t data;
} MessageRow;

static const MessageRow message_rows[] = {
    { "32: fixed", 0, NARROW(0x41, 5), 0, 0, 0xfee05000, 0x0041 },
    { "32: destination 255", 0, NARROW(0x41, 255), 0, 0, 0xfeeff000, 0x0041 },
    { "32: vector 255", 0, NARROW(0xff, 5), 0, 0, 0xfee05000, 0x00ff },
    { "32: arbitrated", 0, NARROW(0x41, 5) | 1 << 2, 0, 0, 0xfee05000,
      0x0141 },
    { "32: logical", 0, NARROW(0x41, 5) | LOGICAL, 0, 0, 0xfee05004, 0x0041 },
    { "32: RqEoi", 0, NARROW(0x41, 5) | 1 << 5, 0, 0, 0xfee05000, 0x0041 },
    { "32: SupIOPF", 0, NARROW(0x41, 5) | SUPIOPF, 0, 0, 0xfee05000, 0x0041 },
    { "32: level, asserted", 0, NARROW(0x41, 5), 0, 0xc000, 0xfee05000,
      0xc041 },
    { "32: level", 0, NARROW(0x41, 5), 0, 0x8000, 0xfee05000, 0x8041 },
    { "32: edge, asserted", 0, NARROW(0x41, 5), 0, 0x4000, 0xfee05000,
      0x4041 },
    { "128: fixed", AX_GAEN, WIDE_LO(5), WIDE_HI(0x41, 5), 0, 0xfee05000,
      0x0041 },
    { "128: arbitrated", AX_GAEN, WIDE_LO(5) | 1 << 2, WIDE_HI(0x41, 5), 0,
      0xfee05000, 0x0141 },
    { "128: logical", AX_GAEN, WIDE_LO(5) | LOGICAL, WIDE_HI(0x41, 5), 0,
      0xfee05004, 0x0041 },
    { "128: level", AX_GAEN, WIDE_LO(5), WIDE_HI(0x41, 5), 0xc000,
      0xfee05000, 0xc041 },
    /* 16: the width is XTEn's, whatever the IOMMU could do. */
    { "128: destination above 8 bits ignored", AX_GAEN, WIDE_LO(0x12345678),
      WIDE_HI(0x41, 0x12345678), 0, 0xfee78000, 0x0041 },
    { "XT: 0x12345678", AX_GAEN | AX_XTEN, WIDE_LO(0x12345678),
      WIDE_HI(0x41, 0x12345678), 0, 0x12345600fee78000ULL, 0x0041 },
    { "XT: broadcast", AX_GAEN | AX_XTEN, WIDE_LO(0xffffffff),
      WIDE_HI(0xff, 0xffffffff), 0, 0xffffff00feeff000ULL, 0x00ff },
    { "XT: bit 24 is in the other word", AX_GAEN | AX_XTEN,
      WIDE_LO(1 << 24), WIDE_HI(0x41, 1 << 24), 0, 0x01000000fee00000ULL,
      0x0041 },
    { "XT: logical", AX_GAEN | AX_XTEN, WIDE_LO(0x10004) | LOGICAL,
      WIDE_HI(0x41, 0x10004), 0, 0x00010000fee04004ULL, 0x0041 },
};

static void test_messages(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(message_rows); i++) {
        const MessageRow *row = &message_rows[i];
        Ax *f = irq_new(NULL, row->control);
        FxMessage msg;

        irq_entry(f, 5, row->lo, row->hi);
        /* Twice: from the table, from the cache. */
        for (unsigned again = 0; again < 2; again++) {
            FX_CHECK(row->name, irq_send(f, IRQ_ADDR, 5 | row->in, &msg), 0);
            FX_CHECK(row->name, msg.addr, row->addr);
            FX_CHECK(row->name, msg.data, row->data);
            FX_CHECK(row->name, f->send, true);
        }
        FX_CHECK(row->name, nyx_amd_stats(f->amd).interrupts, 2);
        FX_CHECK(row->name, nyx_amd_stats(f->amd).irt.hits, 1);
        FX_CHECK(row->name, nyx_amd_stats(f->amd).int_dte.hits, 1);
        FX_CHECK(row->name, ax_all_findings(f), 0);
        ax_free(f);
    }
}

/* Of the request's own address nothing counts, all of the range is taken. */
static void test_request_bits(void)
{
    static const uint64_t addrs[] = {
        0xfee00000, 0xfee00004, 0xfee00008, 0xfeeff000, 0xfeeffffc,
        0xfee00ff0,
    };
    Ax *f = irq_new(NULL, 0);
    FxMessage msg;

    irq_entry(f, 5, NARROW(0x41, 3), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(addrs); i++) {
        FX_CHECK(NULL, irq_send(f, addrs[i], 5, &msg), 0);
        FX_CHECK(NULL, msg.addr, 0xfee03000);
        FX_CHECK(NULL, msg.data, 0x41);
    }
    /* Bits 31:16 and 13:11 of the data */
    FX_CHECK(NULL, irq_send(f, IRQ_ADDR, 0xffff3805, &msg), 0);
    FX_CHECK(NULL, msg.data, 0x41);
    ax_free(f);
}

/* --- Index ---------------------------------------------------------------- */

/*
 * 40: all of data 8:0 is the index, and the format decides the size of an
 * entry, also of one that software toggles.
 */
static void test_every_index(void)
{
    for (unsigned wide = 0; wide < 2; wide++) {
        Ax *f = irq_new(NULL, wide ? AX_GAEN : 0);
        FxMessage msg;

        for (unsigned i = 0; i < 512; i++) {
            if (wide) {
                irq_entry(f, i, WIDE_LO(i >> 8), WIDE_HI(i & 0xff, 0));
            } else {
                irq_entry(f, i, NARROW(i & 0xff, i >> 8), 0);
            }
        }
        for (unsigned i = 0; i < 512; i++) {
            FX_CHECK(NULL, irq_send(f, IRQ_ADDR, i, &msg), 0);
            FX_CHECK(NULL, msg.addr, 0xfee00000 | i >> 8 << 12);
            FX_CHECK(NULL, msg.data, i & 0xff);
        }
        ax_free(f);
    }
}

static void test_toggle_format(void)
{
    Ax *f = irq_new(NULL, 0);
    FxMessage msg;

    /* 20 is at 80 of the narrow table, and 5 of the wide one. */
    irq_entry(f, 20, NARROW(0x41, 3), 0);
    irq_entry(f, 5, NARROW(0x42, 3), 0);
    FX_CHECK("narrow", irq_send(f, IRQ_ADDR, 5, &msg), 0);
    FX_CHECK("narrow", msg.data, 0x42);
    irq_control(f, AX_GAEN);
    irq_entry(f, 5, WIDE_LO(3), WIDE_HI(0x43, 3));
    FX_CHECK("wide", irq_send(f, IRQ_ADDR, 5, &msg), 0);
    FX_CHECK("wide", msg.data, 0x43);
    irq_control(f, 0);
    irq_entry(f, 5, NARROW(0x44, 3), 0);
    FX_CHECK("narrow again", irq_send(f, IRQ_ADDR, 5, &msg), 0);
    FX_CHECK("narrow again", msg.data, 0x44);
    ax_free(f);
}

/* 41: IntTabLen is log2 of entries, of either size; above 11 is illegal. */
static void test_table_sizes(void)
{
    for (unsigned i = 0; i < 32; i++) {
        unsigned len = i / 2, entries = 1u << len;
        bool wide = i % 2;
        Ax *f = irq_new(NULL, IRQ_2K | (wide ? AX_GAEN : 0));
        g_autofree char *row = g_strdup_printf("IntTabLen %u, wide %u", len,
                                               wide);
        AxEvent event;
        FxMessage msg;

        irq_dte2(f, IRQ_SID, IRQ_IV | len << 1 | irq_table(f) | IRQ_REMAP);
        if (len > 11) {
            FX_CHECK(row, irq_send(f, IRQ_ADDR, 0, &msg), 1);
            event = ax_take_event(f);
            FX_CHECK(row, event.lo >> 60, 1);
            ax_free(f);
            continue;
        }
        irq_entry(f, entries - 1, wide ? WIDE_LO(3) : NARROW(0x41, 3),
                  WIDE_HI(0x41, 3));
        FX_CHECK(row, irq_send(f, IRQ_ADDR, entries - 1, &msg), 0);
        FX_CHECK(row, msg.data, 0x41);
        if (entries < 2048) {
            irq_entry(f, entries, wide ? WIDE_LO(3) : NARROW(0x41, 3),
                      WIDE_HI(0x41, 3));
            FX_CHECK(row, irq_send(f, IRQ_ADDR, entries, &msg), 2);
            event = ax_take_event(f);
            FX_CHECK(row, event.lo, 0x2008000700000010ULL);
        }
        ax_free(f);
    }
}

/* NumIntRemapMode: bits 10:8 belong to the index, and only to remap by. */
static void test_2k_mode(void)
{
    Ax *f = irq_new(NULL, AX_GAEN | IRQ_2K);
    AxEvent event;
    FxMessage msg;

    irq_dte2(f, IRQ_SID, IRQ_IV | 11 << 1 | irq_table(f) | IRQ_REMAP);
    for (unsigned dlm = 0; dlm < 8; dlm++) {
        irq_entry(f, dlm << 8 | 0x21, WIDE_LO(dlm), WIDE_HI(0x40 + dlm, 0));
        FX_CHECK("remap", irq_send(f, IRQ_ADDR | 4, dlm << 8 | 0x21, &msg),
                 0);
        FX_CHECK("remap", msg.data, 0x40 + dlm);
        FX_CHECK("remap", msg.addr, 0xfee00000 | dlm << 12);
    }
    /* What is not remapped has a delivery mode. */
    irq_dte2(f, IRQ_SID, IRQ_IV | 11 << 1 | irq_table(f) | IRQ_FORWARD);
    FX_CHECK("NMI", irq_send(f, IRQ_ADDR, NMI, &msg), 8);
    FX_CHECK("fixed", irq_send(f, IRQ_ADDR, 0x21, &msg), 0);
    FX_CHECK("fixed", msg.data, 0x21);
    FX_CHECK("NMI", ax_take_code(f), 8);
    /* Out of the mode, bits 10:9 are none of the index's. */
    irq_control(f, AX_GAEN);
    irq_dte2(f, IRQ_SID, IRQ_IV | 11 << 1 | irq_table(f) | IRQ_REMAP);
    FX_CHECK("512", irq_send(f, IRQ_ADDR, NMI | 0x21, &msg), 8);
    event = ax_take_event(f);
    FX_CHECK("512", event.lo, 0x8a00000000000010ULL);
    ax_free(f);
}

/* --- Delivery modes, IntCtl, pass bits ------------------------------------ */

#define FORWARDED 100        /* as it came */
#define REMAPPED  101

/*
 * 42: NMI, INIT and ExtINT go by their own bit, never by the table.  What is
 * refused is an INVALID_DEVICE_REQUEST; codes of events otherwise.
 */
static unsigned expected(unsigned dlm, unsigned int_ctl, unsigned pass,
                         bool logical, unsigned *type)
{
    static const unsigned pass_of[8] = { [4] = 4, [5] = 1, [7] = 2 };

    *type = 5;
    if (int_ctl == 3) {
        return 1;
    }
    if (dlm < 2) {
        return int_ctl == 0 ? 8 : int_ctl == 1 ? FORWARDED : REMAPPED;
    }
    if (logical || dlm == 3 || dlm == 6) {
        *type = 4;
        return 8;
    }
    return dlm == 2 || (pass & pass_of[dlm]) ? FORWARDED : 8;
}

static void mode_row(Ax *f, unsigned i)
{
    unsigned dlm = i & 7, int_ctl = i >> 3 & 3, pass = i >> 5 & 7;
    unsigned lint = i >> 8 & 3;
    bool logical = i >> 10 & 1;
    g_autofree char *row = g_strdup_printf(
        "mode %u, IntCtl %u, pass %u, lint %u, DM %u", dlm, int_ctl, pass,
        lint, logical);
    uint64_t addr = 0xfee07000 | logical << 2;
    uint32_t data = dlm << 8 | 0x33;
    unsigned type, want = expected(dlm, int_ctl, pass, logical, &type);
    AxEvent event;
    FxMessage msg;

    irq_dte2(f, IRQ_SID, IRQ_IV | IRQ_512 | irq_table(f) |
             (uint64_t)pass << 56 | (uint64_t)int_ctl << 60 |
             (uint64_t)lint << 62);
    FX_CHECK(row, irq_send(f, addr, data, &msg), want < 16 ? want : 0);
    event = ax_take_event(f);
    FX_CHECK(row, event.valid, want < 16);
    if (want < 16) {
        FX_CHECK(row, event.lo >> 60, want);
        if (want == 8) {
            FX_CHECK(row, event.lo >> 57 & 7, type);
        }
    } else {
        FX_CHECK(row, msg.addr, want == REMAPPED ? 0xfee09000 : addr);
        FX_CHECK(row, msg.data, want == REMAPPED ? 0x99 : data);
    }
}

static void test_modes(void)
{
    Ax *f = irq_new(NULL, 0);

    irq_entry(f, 0x33, NARROW(0x99, 9), 0);
    irq_entry(f, 0x133, NARROW(0x99, 9), 0);
    for (unsigned i = 0; i < 2048; i++) {
        mode_row(f, i);
    }
    ax_free(f);
}

/* IV = 0, with anything in the rest: it goes as it came. */
static void test_not_valid(void)
{
    Ax *f = irq_new(NULL, 0);
    FxMessage msg;

    irq_dte(f, IRQ_SID, 0, 0, ~IRQ_IV, UINT64_MAX);
    for (unsigned dlm = 0; dlm < 8; dlm++) {
        FX_CHECK(NULL, irq_send(f, 0xfee07ffc, dlm << 8 | 0xf833, &msg), 0);
        FX_CHECK(NULL, msg.addr, 0xfee07ffc);
        FX_CHECK(NULL, msg.data, dlm << 8 | 0xf833);
        FX_CHECK(NULL, f->send, true);
    }
    FX_CHECK(NULL, nyx_amd_stats(f->amd).passed_interrupts, 8);
    FX_CHECK(NULL, nyx_amd_stats(f->amd).interrupts, 0);
    FX_CHECK(NULL, ax_all_findings(f), 0);
    ax_free(f);
}

/* IommuEn = 0, or an IOMMU that does not remap: nothing is looked at. */
static void test_off(void)
{
    NyxAmdCfg cfg = ax_cfg();
    Ax *f = irq_new(NULL, 0);
    FxMessage msg;

    ax_write64(f, 0x18, 0x1004);
    FX_CHECK("IommuEn", irq_send(f, IRQ_ADDR, 5, &msg), 0);
    FX_CHECK("IommuEn", msg.addr, IRQ_ADDR);
    FX_CHECK("IommuEn", msg.data, 5);
    irq_control(f, 0);
    FX_CHECK("on again", irq_send(f, IRQ_ADDR, 5, &msg), 2);
    ax_free(f);

    cfg.intremap = cfg.ga = cfg.xt = cfg.vapic = cfg.gappi = false;
    cfg.gappi_dis = cfg.int_remap_2k = cfg.irt_cache_dis = false;
    cfg.smi_filter = false;
    f = irq_new(&cfg, 0);
    FX_CHECK("intremap", irq_send(f, IRQ_ADDR, 5, &msg), 0);
    FX_CHECK("intremap", msg.data, 5);
    ax_free(f);
}

/* --- Reserved bits, each alone -------------------------------------------- */

/* 12: bits 255:128 count with IV = 1, and bits 127:0 are others' business. */
static void test_dte_bits(void)
{
    Ax *f = irq_new(NULL, 0);

    irq_entry(f, 5, NARROW(0x41, 3), 0);
    for (unsigned bit = 0; bit < 256; bit++) {
        uint64_t words[4] = {
            0, 0, IRQ_IV | IRQ_512 | irq_table(f) | IRQ_REMAP, 0,
        };
        g_autofree char *row = g_strdup_printf("bit %u", bit);
        /* 181:180; 206:192; 245:240; and IntCtl 3 */
        bool illegal = (bit >= 180 && bit <= 181) || bit == 188 ||
                       (bit >= 192 && bit <= 206) ||
                       (bit >= 240 && bit <= 245);
        AxEvent event;
        FxMessage msg;
        unsigned code;

        /* Not what makes it valid, where the table is, and how long. */
        if ((bit >= 128 && bit <= 179) || bit == 189) {
            continue;
        }
        words[bit / 64] |= 1ULL << (bit % 64);
        irq_dte(f, IRQ_SID, words[0], words[1], words[2], words[3]);
        code = irq_send(f, IRQ_ADDR, 5, &msg);
        FX_CHECK(row, code, illegal);
        event = ax_take_event(f);
        FX_CHECK(row, event.valid, illegal);
        if (illegal) {
            FX_CHECK(row, event.lo, 0x1088000000000010ULL);
            FX_CHECK(row, event.hi, 0xfffffffdf8050000ULL);
        }
    }
    ax_free(f);
}

/* A table beyond the physical addresses there are */
static void test_wide_root(void)
{
    NyxAmdCfg cfg = ax_cfg();
    AxEvent event;
    FxMessage msg;
    Ax *f;

    cfg.pa_bits = 40;
    f = irq_new(&cfg, 0);
    irq_dte2(f, IRQ_SID, IRQ_IV | IRQ_512 | 1ULL << 40 | IRQ_REMAP);
    FX_CHECK("remap", irq_send(f, IRQ_ADDR, 5, &msg), 1);
    event = ax_take_event(f);
    FX_CHECK("remap", event.valid, true);
    /* Nobody looks for it otherwise. */
    irq_dte2(f, IRQ_SID, IRQ_IV | 15 << 1 | 1ULL << 40 | IRQ_FORWARD);
    FX_CHECK("forward", irq_send(f, IRQ_ADDR, 5, &msg), 0);
    irq_dte2(f, IRQ_SID, IRQ_IV | IRQ_512 | 1ULL << 39 | IRQ_REMAP);
    FX_CHECK("unreadable", irq_send(f, IRQ_ADDR, 5, &msg), 4);
    ax_free(f);
}

static void entry_bits(const char *name, uint64_t control, uint64_t lo,
                       uint64_t hi, uint64_t mask_lo, uint64_t mask_hi)
{
    Ax *f = irq_new(NULL, control);

    for (unsigned bit = 1; bit < (control & AX_GAEN ? 128 : 32); bit++) {
        uint64_t words[2] = { lo, hi };
        uint64_t mask = bit < 64 ? mask_lo : mask_hi;
        bool illegal = mask >> (bit % 64) & 1;
        g_autofree char *row = g_strdup_printf("%s, bit %u", name, bit);
        AxEvent event;
        FxMessage msg;

        words[bit / 64] ^= 1ULL << (bit % 64);
        irq_entry(f, 5, words[0], words[1]);
        ax_inv_irt(f, IRQ_SID);
        FX_CHECK(row, irq_send(f, IRQ_ADDR, 5, &msg), illegal ? 2 : 0);
        event = ax_take_event(f);
        FX_CHECK(row, event.valid, illegal);
        if (illegal) {
            FX_CHECK(row, event.lo, 0x2098000700000010ULL);
        }
        /* What is wrong does not matter while RemapEn is 0. */
        irq_entry(f, 5, words[0] & ~1ULL, words[1]);
        ax_inv_irt(f, IRQ_SID);
        FX_CHECK(row, irq_send(f, IRQ_ADDR, 5, &msg), 2);
        event = ax_take_event(f);
        FX_CHECK(row, event.lo, bit == 1 ? 0 : 0x2008000700000010ULL);
    }
    ax_free(f);
}

static void test_entry_bits(void)
{
    /* IntType 2 and up, GuestMode, 31:24 */
    entry_bits("32", 0, NARROW(0x41, 3), 0, 0xff000098, 0);
    /* IntType, 63:32; 119:72.  GuestMode needs GAMEn. */
    entry_bits("128", AX_GAEN, WIDE_LO(3), WIDE_HI(0x41, 3),
               0xffffffff00000098ULL, 0x00ffffffffffff00ULL);
    entry_bits("XT", AX_GAEN | AX_XTEN, WIDE_LO(3), WIDE_HI(0x41, 3),
               0xffffffff00000098ULL, 0x00ffffffffffff00ULL);
}

/* --- Events --------------------------------------------------------------- */

typedef struct EventRow {
    const char *name;
    uint64_t addr;
    uint32_t data;
    uint64_t entry;          /* 32 bits, at 5 */
    unsigned code;
    uint64_t event[2];
} EventRow;

/*
 * The address is the message in the form that it has when it gets there:
 * 23:16 vector, 15:8 destination, 6 DM, 5 level, 4:2 type of message.  That
 * is what parts of the field log.
 */
static const EventRow event_rows[] = {
    { "off", 0xfee00000, 5, 0, 2, { 0x2008000700000010ULL, HT(0x050000) } },
    { "off, all else set", 0xfee00000, 5, 0xfffffffc, 2,
      { 0x2008000700000010ULL, HT(0x050000) } },
    { "reserved", 0xfee00000, 5, 0x80000001, 2,
      { 0x2098000700000010ULL, HT(0x050000) } },
    { "IntType", 0xfee00000, 5, 0x9, 2,
      { 0x2098000700000010ULL, HT(0x050000) } },
    { "destination", 0xfee12000, 5, 0, 2,
      { 0x2008000700000010ULL, HT(0x051200) } },
    { "logical", 0xfeeff004, 5, 0, 2,
      { 0x2008000700000010ULL, HT(0x05ff40) } },
    { "level", 0xfee00000, 0x8005, 0, 2,
      { 0x2008000700000010ULL, HT(0x050020) } },
    { "arbitrated", 0xfee00000, 0x105, 0, 2,
      { 0x2008000700000010ULL, HT(0x050004) } },
    { "NMI", 0xfee00000, NMI, 0, 8,
      { 0x8a00000000000010ULL, HT(0x00000c) } },
    { "INIT", 0xfee00000, INIT, 0, 8,
      { 0x8a00000000000010ULL, HT(0x000010) } },
    { "ExtINT", 0xfee02000, EXTINT | 0x14, 0, 8,
      { 0x8a00000000000010ULL, HT(0x140218) } },
    { "SMI, logical", 0xfee00004, SMI, 0, 8,
      { 0x8800000000000010ULL, HT(0x000048) } },
    { "reserved mode", 0xfee00000, 0x300, 0, 8,
      { 0x8800000000000010ULL, HT(0x00001c) } },
    /* No interrupt at all, which only a route can ask for. */
    { "above 4G", 0x1fee00000ULL, 5, NARROW(0x41, 3), 8,
      { 0x8800000000000010ULL, 0x1fee00000ULL } },
    { "below the range", 0xfedffffcULL, 5, NARROW(0x41, 3), 8,
      { 0x8800000000000010ULL, 0xfedffffcULL } },
    { "above the range", 0xfef00000ULL, 5, NARROW(0x41, 3), 8,
      { 0x8800000000000010ULL, 0xfef00000ULL } },
};

static void test_events(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(event_rows); i++) {
        const EventRow *row = &event_rows[i];
        Ax *f = irq_new(NULL, 0);
        AxEvent event;
        FxMessage msg;

        irq_entry(f, 5, row->entry, 0);
        irq_entry(f, 0x105, row->entry, 0);
        FX_CHECK(row->name, irq_send(f, row->addr, row->data, &msg),
                 row->code);
        event = ax_take_event(f);
        FX_CHECK(row->name, event.lo, row->event[0]);
        FX_CHECK(row->name, event.hi, row->event[1]);
        event = ax_take_event(f);
        FX_CHECK(row->name, event.valid, false);
        FX_CHECK(row->name, ax_findings(f, NAMD_RULE_IRQ_FAULT), 1);
        FX_CHECK(row->name, f->target_aborts, 1);
        FX_CHECK(row->name, nyx_amd_stats(f->amd).interrupts, 0);
        FX_CHECK(row->name, nyx_amd_stats(f->amd).passed_interrupts, 0);
        ax_free(f);
    }
}

/* 2 and 3: all of the device id, and the domain, if there is a valid one. */
static void test_event_ids(void)
{
    Ax *f = irq_new(NULL, 0);
    AxEvent event;
    FxMessage msg;

    irq_dte(f, 0x1234, 1, 0x00010000abcdULL,
            IRQ_IV | IRQ_512 | irq_table(f) | IRQ_REMAP, 0);
    FX_CHECK("V", irq_send_as(f, 0x1234, IRQ_ADDR, 5, &msg), 2);
    event = ax_take_event(f);
    FX_CHECK("V", event.lo, 0x2008abcd00001234ULL);
    /* From the cache as well */
    FX_CHECK("cached", irq_send_as(f, 0x1234, IRQ_ADDR, 6, &msg), 2);
    event = ax_take_event(f);
    FX_CHECK("cached", event.lo, 0x2008abcd00001234ULL);
    irq_dte(f, 0x1234, 0, 0xabcd,
            IRQ_IV | IRQ_512 | irq_table(f) | IRQ_REMAP, 0);
    FX_CHECK("not V", irq_send_as(f, 0x1234, IRQ_ADDR, 5, &msg), 2);
    event = ax_take_event(f);
    FX_CHECK("not V", event.lo, 0x2008000000001234ULL);
    ax_free(f);
}

/* 11: an id beyond the table has no entry. */
static void test_device_range(void)
{
    Ax *f = irq_new(NULL, 0);
    AxEvent event;
    FxMessage msg;

    /* Size 1: two pages of 128 entries */
    ax_write64(f, 0x00, (ax_read64(f, 0x00) & ~0x1ffULL) | 1);
    ax_inv_all(f);
    irq_dte(f, 0xff, 0, 0, IRQ_IV | IRQ_512 | irq_table(f) | IRQ_FORWARD, 0);
    irq_dte(f, 0x100, 0, 0, IRQ_IV | IRQ_512 | irq_table(f) | IRQ_FORWARD, 0);
    FX_CHECK("last", irq_send_as(f, 0xff, IRQ_ADDR, 5, &msg), 0);
    FX_CHECK("beyond", irq_send_as(f, 0x100, IRQ_ADDR, 5, &msg), 2);
    event = ax_take_event(f);
    FX_CHECK("beyond", event.lo, 0x2008000000000100ULL);
    FX_CHECK("beyond", event.hi, HT(0x050000));
    ax_free(f);
}

static void test_unreadable(void)
{
    for (unsigned wide = 0; wide < 2; wide++) {
        Ax *f = irq_new(NULL, wide ? AX_GAEN : 0);
        uint64_t at = irq_table(f) + 5 * (wide ? 16 : 4);
        AxEvent event;
        FxMessage msg;

        irq_entry(f, 5, wide ? WIDE_LO(3) : NARROW(0x41, 3),
                  WIDE_HI(0x41, 3));
        fx_mem_hole(&f->mem, at + (wide ? 15 : 3), at + (wide ? 15 : 3));
        FX_CHECK("entry", irq_send(f, IRQ_ADDR, 5, &msg), 4);
        event = ax_take_event(f);
        FX_CHECK("entry", event.lo, 0x4408000700000010ULL);
        FX_CHECK("entry", event.hi, at);
        fx_mem_no_hole(&f->mem);
        FX_CHECK("there", irq_send(f, IRQ_ADDR, 5, &msg), 0);

        ax_inv_devtab(f, IRQ_SID);
        at = irq_dte_addr(f, IRQ_SID);
        fx_mem_hole(&f->mem, at + 31, at + 31);
        FX_CHECK("device", irq_send(f, IRQ_ADDR, 5, &msg), 3);
        event = ax_take_event(f);
        FX_CHECK("device", event.lo, 0x3408000000000010ULL);
        FX_CHECK("device", event.hi, at);
        fx_mem_no_hole(&f->mem);
        FX_CHECK("there", irq_send(f, IRQ_ADDR, 5, &msg), 0);
        ax_free(f);
    }
}

/* --- Suppression ---------------------------------------------------------- */

/* IG is for the device, SupIOPF for an entry; both for page faults alone. */
static void test_suppression(void)
{
    static const struct {
        const char *name;
        uint32_t data;
        uint64_t entry;
        unsigned code;
        bool by_ig, by_entry;
    } rows[] = {
        { "index", 0x1ff, 0, 2, true, false },
        { "off", 5, 0, 2, true, true },
        { "reserved", 5, 0x80000001, 2, true, true },
        { "refused", 0x505, 0, 8, false, false },
        { "none", 5, NARROW(0x41, 3), 0, false, false },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows) * 4; i++) {
        unsigned k = i / 4;
        bool ig = i & 1, sup = i & 2;
        g_autofree char *row = g_strdup_printf("%s, IG %u, SupIOPF %u",
                                               rows[k].name, ig, sup);
        Ax *f = irq_new(NULL, 0);
        bool hidden = (ig && rows[k].by_ig) || (sup && rows[k].by_entry);
        AxEvent event;
        FxMessage msg;

        irq_dte2(f, IRQ_SID, IRQ_IV | 8 << 1 | (ig ? IRQ_IG : 0) |
                 irq_table(f) | IRQ_REMAP);
        irq_entry(f, 5, rows[k].entry | (sup ? SUPIOPF : 0), 0);
        FX_CHECK(row, irq_send(f, IRQ_ADDR, rows[k].data, &msg),
                 rows[k].code);
        event = ax_take_event(f);
        FX_CHECK(row, event.valid, rows[k].code && !hidden);
        FX_CHECK(row, nyx_amd_stats(f->amd).events_suppressed, hidden);
        /* It is refused all the same. */
        FX_CHECK(row, ax_findings(f, NAMD_RULE_IRQ_FAULT), !!rows[k].code);
        FX_CHECK(row, f->target_aborts, !!rows[k].code);
        ax_free(f);
    }
}

/* SA and SE of the entry are about memory requests. */
static void test_not_suppressed(void)
{
    Ax *f = irq_new(NULL, 0);
    AxEvent event;
    FxMessage msg;

    irq_dte(f, IRQ_SID, 3, 7 | 3ULL << 33,
            IRQ_IV | IRQ_512 | irq_table(f) | IRQ_REMAP, 0);
    for (unsigned i = 0; i < 3; i++) {
        FX_CHECK(NULL, irq_send(f, IRQ_ADDR, 5, &msg), 2);
        event = ax_take_event(f);
        FX_CHECK(NULL, event.valid, true);
    }
    ax_free(f);
}

/* --- SMI filter ----------------------------------------------------------- */

/* With the filter on only the devices that it names may. */
static void test_smi_filter(void)
{
    static const struct {
        const char *name;
        uint64_t filter;     /* 15:0 id, 16 valid */
        unsigned n;          /* which register */
        bool passes;
    } rows[] = {
        { "none", 0, 0, false },
        { "named", 0x10010, 0, true },
        { "named by the last", 0x10010, 15, true },
        { "not valid", 0x00010, 0, false },
        { "another function", 0x10011, 0, false },
        { "another bus", 0x10110, 0, false },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows) * 8; i++) {
        unsigned k = i / 8;
        bool on = i & 1, logs = i & 2, iv = i & 4;
        g_autofree char *row = g_strdup_printf("%s, on %u, log %u, IV %u",
                                               rows[k].name, on, logs, iv);
        Ax *f = irq_new(NULL, (on ? IRQ_SMIFEN : 0) |
                              (logs ? IRQ_SMIFLOGEN : 0));
        bool passes = !on || rows[k].passes;
        AxEvent event;
        FxMessage msg;

        ax_write64(f, 0x60 + 8 * rows[k].n, rows[k].filter);
        irq_dte2(f, IRQ_SID, iv ? IRQ_IV : 0);
        FX_CHECK(row, irq_send(f, IRQ_ADDR, SMI | 5, &msg), passes ? 0 : 2);
        event = ax_take_event(f);
        FX_CHECK(row, event.valid, !passes && logs);
        if (passes) {
            FX_CHECK(row, msg.data, SMI | 5);
        } else if (logs) {
            FX_CHECK(row, event.lo & ~(0xffffULL << 32),
                     0x2008000000000010ULL);
            FX_CHECK(row, event.hi, HT(0x050008));
        }
        ax_free(f);
    }
}

/* --- Traces, counts ------------------------------------------------------- */

static void test_traces(void)
{
    Ax *f = irq_new(NULL, 0);
    NyxAmdTrace *trace = &f->last_trace[NYX_AMD_EV_INTERRUPT];
    FxMessage msg;

    irq_entry(f, 5, NARROW(0x41, 3), 0);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("remapped", f->traces[NYX_AMD_EV_INTERRUPT], 1);
    FX_CHECK("remapped", trace->sid, IRQ_SID);
    FX_CHECK("remapped", trace->addr, 0xfee03000);
    FX_CHECK("remapped", trace->a, 0x41);
    FX_CHECK("remapped", trace->b, 5);
    irq_send(f, IRQ_ADDR, 6, &msg);
    trace = &f->last_trace[NYX_AMD_EV_FAULT];
    FX_CHECK("fault", f->traces[NYX_AMD_EV_FAULT], 1);
    FX_CHECK("fault", trace->a, NAMD_FAULT_IRQ_OFF);
    FX_CHECK("fault", trace->b, 1);
    FX_CHECK("fault", nyx_amd_fault_count(f->amd, NULL, NAMD_FAULT_IRQ_OFF),
             1);
    ax_free(f);
}

/* Sources 0Fh, 10h (device table for interrupts), 15h, 17h, 18h */
static void test_counters(void)
{
    static const struct {
        const char *name;
        unsigned source;
        uint64_t want;
    } rows[] = {
        { "int DTE hit", 0x0f, 4 }, { "int DTE miss", 0x10, 1 },
        { "remapped with GAMEn", 0x15, 3 }, { "SMI", 0x17, 2 },
        { "SMI blocked", 0x18, 2 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Ax *f = irq_new(NULL, AX_GAEN | AX_GAMEN | IRQ_SMIFEN);
        FxMessage msg;

        irq_entry(f, 5, WIDE_LO(3), WIDE_HI(0x41, 3));
        ax_write64(f, 0x40008, rows[i].source);
        for (unsigned k = 0; k < 3; k++) {
            irq_send(f, IRQ_ADDR, 5, &msg);
        }
        irq_send(f, IRQ_ADDR, SMI, &msg);
        irq_send(f, IRQ_ADDR, SMI, &msg);
        FX_CHECK(rows[i].name, ax_read64(f, 0x40000), rows[i].want);
        ax_free(f);
    }
}

/*
 * 43: messages of the IOMMU's own are not remapped, whatever its entry in the
 * table says.
 */
static void test_own_messages(void)
{
    Ax *f = irq_new(NULL, AX_GAEN | AX_XTEN | AX_INTCAPXTEN | 1 << 3);
    FxMessage msg;

    for (unsigned sid = 0; sid < 0x100; sid++) {
        ax_dte(f, sid, 0, 0, IRQ_IV, 0);
    }
    ax_inv_all(f);
    ax_forget(f);
    /* XT register: 31:8 destination, 39:32 vector */
    ax_write64(f, 0x170, 0x77ULL << 32 | 9 << 8);
    FX_CHECK("refused", irq_send(f, IRQ_ADDR, 5, &msg), 8);
    g_assert_cmpuint(f->messages->len, ==, 1);
    FX_CHECK("own", g_array_index(f->messages, FxMessage, 0).addr,
             0xfee09000);
    FX_CHECK("own", g_array_index(f->messages, FxMessage, 0).data, 0x77);
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-amdvi/intremap/" name, fn)
    ADD("messages", test_messages);
    ADD("request-bits", test_request_bits);
    ADD("every-index", test_every_index);
    ADD("toggle-format", test_toggle_format);
    ADD("table-sizes", test_table_sizes);
    ADD("2k-mode", test_2k_mode);
    ADD("modes", test_modes);
    ADD("not-valid", test_not_valid);
    ADD("off", test_off);
    ADD("dte-bits", test_dte_bits);
    ADD("wide-root", test_wide_root);
    ADD("entry-bits", test_entry_bits);
    ADD("events", test_events);
    ADD("event-ids", test_event_ids);
    ADD("device-range", test_device_range);
    ADD("unreadable", test_unreadable);
    ADD("suppression", test_suppression);
    ADD("not-suppressed", test_not_suppressed);
    ADD("smi-filter", test_smi_filter);
    ADD("traces", test_traces);
    ADD("counters", test_counters);
    ADD("own-messages", test_own_messages);
    return g_test_run();
}
