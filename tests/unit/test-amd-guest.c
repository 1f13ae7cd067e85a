/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest tables: GCR3 tables, PASIDs, GIoV, a guest's tables over the host's,
 * and whose fault it is.
 */
#include "qemu/osdep.h"
#include "amd-tables.h"

#define GVA 0x7f0000005000ULL
#define TARGET 0x80003000ULL
#define LEVELS 4

#define GN (1ULL << 48)
#define NX (1ULL << 49)
#define US (1ULL << 50)
#define PR (1ULL << 52)
#define RW (1ULL << 53)
#define PE (1ULL << 54)
#define RZ (1ULL << 55)
#define CODE(n) ((uint64_t)(n) << 60)
#define HARDWARE (CODE(4) | 2ULL << 57)

/* Where a PASID of 20 bits is in an event. */
static uint64_t pasid_bits(uint32_t pasid)
{
    return (uint64_t)(pasid & 0xffff) << 32 | (pasid >> 16) << 16;
}

static void check_event(Ax *f, const char *row, uint64_t w0, uint64_t addr)
{
    uint64_t event[2] = { };

    at_event(f, event);
    FX_CHECK(row, event[0], w0);
    FX_CHECK(row, event[1], addr);
    FX_CHECK(row, at_event(f, event), false);
}

/* An entry with a GCR3 table; returns the table. */
static uint64_t guest_dte(Ax *f, unsigned glx, uint64_t w0)
{
    uint64_t gcr3 = fx_mem_pages(&f->mem, 1);

    at_dte(f, AX_SID, AT_OPEN | AT_GV | at_gcr3_0(gcr3, glx) | w0,
           AX_DID | at_gcr3_1(gcr3), 0, 0);
    return gcr3;
}

/* Guest tables for @pasid; returns what is in the GCR3 entry. */
static uint64_t guest_tables(Ax *f, uint64_t gcr3, unsigned glx,
                             uint32_t pasid)
{
    uint64_t cr3 = fx_mem_pages(&f->mem, 1);

    fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, glx, pasid), cr3 | 1);
    return cr3;
}

static uint64_t dma(Ax *f, uint32_t pasid, unsigned access, uint64_t iova)
{
    NyxReply reply = at_pasid(f, pasid, access, iova);

    return reply.ok ? reply.addr : AX_REFUSED;
}

/* --- GCR3 tables ---------------------------------------------------------- */

static void test_pasids(void)
{
    static const uint32_t pasids[] = {
        0, 1, 0x1ff, 0x200, 0x3ff, 0x1ffff, 0x3ffff, 0x40000, 0xfffff,
    };

    for (unsigned glx = 0; glx < 3; glx++) {
        Ax *f = at_new(NULL);
        uint64_t gcr3 = guest_dte(f, glx, 0);
        unsigned bits = MIN(9 * (glx + 1), 20);

        for (unsigned i = 0; i < ARRAY_SIZE(pasids); i++) {
            uint32_t pasid = pasids[i];
            g_autofree char *row = g_strdup_printf("GLX %u PASID %x", glx,
                                                   pasid);
            uint64_t cr3;

            if (pasid >> bits) {
                FX_CHECK(row, dma(f, pasid, FX_R, GVA), AX_REFUSED);
                check_event(f, row, CODE(2) | GN | US | pasid_bits(pasid) |
                            AX_SID, GVA);
                continue;
            }
            cr3 = guest_tables(f, gcr3, glx, pasid);
            at_guest_map(f, cr3, LEVELS, GVA, TARGET + i * 0x1000, 12, 2, 0);
            FX_CHECK(row, dma(f, pasid, FX_RW, GVA), TARGET + i * 0x1000);
            FX_CHECK(row, dma(f, pasid, FX_R, GVA + 0x1000), AX_REFUSED);
            check_event(f, row, CODE(2) | GN | US | pasid_bits(pasid) |
                        AX_SID, GVA + 0x1000);
        }
        ax_free(f);
    }
}

/* PASmax, and bits above the twenty that there are. */
static void test_pasid_max(void)
{
    for (unsigned bits = 1; bits <= 20; bits++) {
        NyxAmdCfg cfg = at_cfg();
        g_autofree char *row = g_strdup_printf("%u bits", bits);
        uint32_t last = (1u << bits) - 1;
        uint64_t gcr3, cr3;
        Ax *f;

        cfg.pasid_bits = bits;
        f = at_new(&cfg);
        gcr3 = guest_dte(f, 2, 0);
        cr3 = guest_tables(f, gcr3, 2, last);
        at_guest_map(f, cr3, LEVELS, GVA, TARGET, 12, 2, 0);
        FX_CHECK(row, dma(f, last, FX_RW, GVA), TARGET);
        FX_CHECK(row, dma(f, last + 1, FX_RW, GVA), AX_REFUSED);
        FX_CHECK(row, ax_take_code(f), 2);
        FX_CHECK(row, dma(f, last | 1u << 20, FX_RW, GVA), AX_REFUSED);
        FX_CHECK(row, dma(f, last | 1u << 31, FX_RW, GVA), AX_REFUSED);
        ax_free(f);
    }
}

typedef struct Gcr3Row {
    const char *name;
    unsigned level;          /* 0: the one with CR3 */
    uint64_t entry;
    uint64_t event;
} Gcr3Row;

static const Gcr3Row gcr3_rows[] = {
    { "leaf not valid", 0, 0x10000, CODE(2) | GN | US },
    { "leaf, bit 1", 0, 0x10003, CODE(2) | GN | US | PR | RZ },
    { "leaf, bit 11", 0, 0x10801, CODE(2) | GN | US | PR | RZ },
    { "leaf, bit 52", 0, 0x0010000000010001, CODE(2) | GN | US | PR | RZ },
    { "leaf, bit 63", 0, 0x8000000000010001, CODE(2) | GN | US | PR | RZ },
    { "table not valid", 1, 0x10000, CODE(2) | GN | US },
    { "table, bit 2", 1, 0x10005, CODE(2) | GN | US | PR | RZ },
    { "table not RAM", 1, 0x0000200000000001, HARDWARE | GN },
    { "upper not valid", 2, 0, CODE(2) | GN | US },
    { "upper not RAM", 2, 0x0000200000000001, HARDWARE | GN },
};

static void test_gcr3(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(gcr3_rows); i++) {
        const Gcr3Row *row = &gcr3_rows[i];
        const uint32_t pasid = 0x50403;
        Ax *f = at_new(NULL);
        uint64_t gcr3 = guest_dte(f, 2, 0), at = gcr3, want = GVA;

        guest_tables(f, gcr3, 2, pasid);
        for (unsigned level = 2; ; level--) {
            at += (pasid >> 9 * level & 511) * 8;
            if (level == row->level) {
                break;
            }
            at = fx_mem_peek(&f->mem, at) & ~0xfffULL;
        }
        fx_mem_poke(&f->mem, at, row->entry);
        if (row->event >> 60 == 4) {
            want = (row->entry & ~0xfffULL) +
                   (pasid >> 9 * (row->level - 1) & 511) * 8;
        }
        FX_CHECK(row->name, dma(f, pasid, FX_R, GVA), AX_REFUSED);
        check_event(f, row->name, row->event | pasid_bits(pasid) | AX_SID,
                    want);
        ax_free(f);
    }
}

/* --- One stage ------------------------------------------------------------ */

typedef struct GuestRow {
    const char *name;
    uint64_t bits;           /* of the leaf besides P and U/S */
    uint64_t clear;          /* of the leaf */
    uint64_t dte;            /* bits cleared in it */
    unsigned access;
    uint64_t event;          /* 0: granted */
} GuestRow;

static const GuestRow guest_rows[] = {
    { "read", 0, 0, 0, FX_R, 0 },
    { "write", 2, 0, 0, FX_RW, 0 },
    { "no write", 0, 0, 0, FX_W, PR | PE | US | RW },
    { "not present", 2, 1, 0, FX_W, US | RW },
    { "supervisors' page", 2, 4, 0, FX_R, PR | PE | US },
    { "supervisors' page, privileged", 2, 4, 0, FX_RW | NYX_ACCESS_PRIV, 0 },
    /* R/W holds for a supervisor as well. */
    { "no write, privileged", 0, 4, 0, FX_W | NYX_ACCESS_PRIV, PR | PE | RW },
    { "execute", 0, 0, 0, FX_R | NYX_ACCESS_EXEC, 0 },
    { "no execute", 1ULL << 63, 0, 0, FX_R | NYX_ACCESS_EXEC,
      PR | PE | US | NX },
    { "no execute, read", 1ULL << 63, 0, 0, FX_R, 0 },
    { "DTE without IW", 2, 0, AT_IW, FX_W, PR | PE | US | RW },
    { "DTE without IR", 2, 0, AT_IR, FX_R, PR | PE | US },
    { "DTE without IR, execute", 2, 0, AT_IR, FX_R | NYX_ACCESS_EXEC,
      PR | PE | US | NX },
    { "beyond the address width", 1ULL << 48, 0, 0, FX_R, PR | RZ | US },
};

static void test_rights(void)
{
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(guest_rows); i++) {
        const GuestRow *row = &guest_rows[i / 2];
        bool giov = i % 2;
        Ax *f = at_new(NULL);
        uint64_t gcr3 = guest_dte(f, 0, giov ? AT_GIOV : 0);
        uint32_t pasid = giov ? 0 : 3;
        uint64_t cr3 = guest_tables(f, gcr3, 0, pasid), leaf, got;
        NyxRequest req = {
            .access = row->access, .iova = GVA, .has_pasid = !giov,
            .pasid = pasid,
        };

        if (giov && row->access & ~FX_RW) {
            /* Without a PASID prefix there is neither. */
            ax_free(f);
            continue;
        }
        fx_mem_poke(&f->mem, at_dte_addr(f, AX_SID),
                    fx_mem_peek(&f->mem, at_dte_addr(f, AX_SID)) & ~row->dte);
        at_guest_map(f, cr3, LEVELS, GVA, TARGET, 12, row->bits, 0);
        leaf = at_guest_entry(f, cr3, LEVELS, GVA, 1, 0);
        fx_mem_poke(&f->mem, leaf, fx_mem_peek(&f->mem, leaf) & ~row->clear);
        for (unsigned n = 0; n < 2; n++) {
            NyxReply reply = at_request(f, AX_SID, &req);

            got = reply.ok ? reply.addr : AX_REFUSED;
            FX_CHECK(row->name, got, row->event ? AX_REFUSED : TARGET);
            if (row->event) {
                check_event(f, row->name, CODE(2) | GN | row->event |
                            pasid_bits(pasid) | AX_SID, GVA);
            } else {
                FX_CHECK(row->name, reply.access & row->access,
                         row->access & 7);
                FX_CHECK(row->name, ax_take_code(f), 0);
            }
        }
        ax_free(f);
    }
}

/* What a supervisor has found is not for users. */
static void test_privilege_cached(void)
{
    Ax *f = at_new(NULL);
    uint64_t gcr3 = guest_dte(f, 0, 0), cr3 = guest_tables(f, gcr3, 0, 3);

    at_guest_map(f, cr3, LEVELS, GVA, TARGET, 12, 0x62, 0);
    fx_mem_poke(&f->mem, at_guest_entry(f, cr3, LEVELS, GVA, 1, 0),
                TARGET | 0x63);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmphex(dma(f, 3, FX_RW | NYX_ACCESS_PRIV, GVA), ==, TARGET);
        g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, AX_REFUSED);
        check_event(f, "user", CODE(2) | GN | US | PR | PE | pasid_bits(3) |
                    AX_SID, GVA);
    }
    /* One command takes what both have found. */
    at_guest_map(f, cr3, LEVELS, GVA, TARGET + 0x1000, 12, 0x62, 0);
    ax_inv_pages_gn(f, AX_DID, 3, GVA, 12);
    g_assert_cmphex(dma(f, 3, FX_R | NYX_ACCESS_PRIV, GVA), ==,
                    TARGET + 0x1000);
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, TARGET + 0x1000);
    ax_free(f);
}

/* NXSup and USSup: without them the bits are not looked at. */
static void test_features(void)
{
    NyxAmdCfg cfg = at_cfg();
    uint64_t gcr3, cr3;
    Ax *f;

    cfg.no_execute = false;
    cfg.user_supervisor = false;
    f = at_new(&cfg);
    gcr3 = guest_dte(f, 0, 0);
    cr3 = guest_tables(f, gcr3, 0, 3);
    at_guest_map(f, cr3, LEVELS, GVA, TARGET, 12, 1ULL << 63, 0);
    g_assert_cmphex(dma(f, 3, FX_R | NYX_ACCESS_EXEC, GVA), ==, TARGET);
    fx_mem_poke(&f->mem, at_guest_entry(f, cr3, LEVELS, GVA, 1, 0),
                TARGET | 1);
    ax_inv_all(f);
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, TARGET);
    ax_free(f);
}

/* Levels and sizes; a size is told with the answer. */
static void test_sizes(void)
{
    for (unsigned i = 0; i < 6; i++) {
        unsigned levels = 4 + i / 3, lg2 = 12 + 9 * (i % 3);
        g_autofree char *row = g_strdup_printf("%u levels, 2^%u", levels,
                                               lg2);
        uint64_t gva = levels == 5 ? 0x00ff800000000000ULL
                                   : 0x0000555540000000ULL;
        Ax *f = at_new(NULL);
        uint64_t gcr3 = guest_dte(f, 0, 0), cr3;
        NyxReply reply;

        fx_mem_poke(&f->mem, at_dte_addr(f, AX_SID) + 16,
                    (uint64_t)(levels - 4) << 54);
        cr3 = guest_tables(f, gcr3, 0, 3);
        at_guest_map(f, cr3, levels, gva, 1ULL << 40, lg2, 2, 0);
        reply = at_pasid(f, 3, FX_RW, gva + 0x123);
        FX_CHECK(row, reply.ok, true);
        FX_CHECK(row, reply.addr, (1ULL << 40) + 0x123);
        FX_CHECK(row, reply.addr_mask, (1ULL << lg2) - 1);
        ax_free(f);
    }
}

/* PASID 0 has all of the tables' span; others have canonical addresses. */
static void test_canonical(void)
{
    static const struct {
        uint32_t pasid;
        uint64_t gva;
        bool ok;
    } rows[] = {
        { 3, 0x00007ffffffff000, true },
        { 3, 0x0000800000000000, false },
        { 3, 0xffff7ffffffff000, false },
        { 3, 0xffff800000000000, true },
        { 3, 0x0001000000000000, false },
        { 0, 0x00007ffffffff000, true },
        { 0, 0x0000800000000000, true },
        { 0, 0x0000fffffffff000, true },
        { 0, 0x0001000000000000, false },
        { 0, 0xffff800000000000, false },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Ax *f = at_new(NULL);
        uint64_t gcr3 = guest_dte(f, 0, AT_GIOV);
        uint64_t cr3 = guest_tables(f, gcr3, 0, rows[i].pasid);
        NyxRequest req = {
            .access = FX_R, .iova = rows[i].gva, .has_pasid = rows[i].pasid,
            .pasid = rows[i].pasid,
        };
        g_autofree char *row = g_strdup_printf("row %u", i);

        at_guest_map(f, cr3, LEVELS, rows[i].gva, TARGET, 12, 2, 0);
        FX_CHECK(row, at_request(f, AX_SID, &req).ok, rows[i].ok);
        if (!rows[i].ok) {
            check_event(f, row, CODE(2) | GN | US |
                        pasid_bits(rows[i].pasid) | AX_SID, rows[i].gva);
        }
        ax_free(f);
    }
}

/* Easy mistake 46; and PASID 0 with GIoV has the tag of those without. */
static void test_interrupt_range(void)
{
    Ax *f = at_new(NULL);
    uint64_t gcr3 = guest_dte(f, 0, AT_GIOV);

    for (unsigned pasid = 0; pasid < 2; pasid++) {
        uint64_t cr3 = guest_tables(f, gcr3, 0, pasid);

        at_guest_map(f, cr3, LEVELS, 0xfee00000, 0x3000000, 21, 2, 0);
        at_guest_map(f, cr3, LEVELS, 0xfd00000000, 0x5000000, 21, 2, 0);
    }
    for (unsigned n = 0; n < 2; n++) {
        g_assert_cmphex(dma(f, 0, FX_RW, 0xfee01000), ==, 0x3001000);
        g_assert_cmphex(dma(f, 1, FX_RW, 0xfee01000), ==, 0x3001000);
        g_assert_cmphex(dma(f, 0, FX_RW, 0xfef01000), ==, 0x3101000);
        g_assert_cmphex(dma(f, 0, FX_RW, 0xfd00001000), ==, 0x5001000);
        g_assert_cmphex(dma(f, 1, FX_RW, 0xfd00001000), ==, 0x5001000);
        g_assert_cmphex(at_dma(f, FX_W, 0xfee01000), ==, 0xfee01000);
        g_assert_cmpuint(ax_take_code(f), ==, 0);
        g_assert_cmphex(at_dma(f, FX_R, 0xfee01000), ==, AX_REFUSED);
        check_event(f, "no PASID", CODE(8) | AX_SID, 0xfee01000);
        g_assert_cmphex(at_dma(f, FX_R, 0xfd00001000), ==, AX_REFUSED);
        check_event(f, "no PASID", CODE(8) | 6ULL << 57 | AX_SID,
                    0xfd00001000);
        g_assert_cmphex(at_dma(f, FX_RW, 0xfef01000), ==, 0x3101000);
    }
    ax_free(f);
}

/* --- Marks ---------------------------------------------------------------- */

static void test_marks(void)
{
    for (unsigned i = 0; i < 4; i++) {
        bool no_a = i & 1, no_d = i & 2;
        Ax *f = at_new(NULL);
        uint64_t gcr3 = guest_dte(f, 0, 0);
        uint64_t cr3 = guest_tables(f, gcr3, 0, 3), leaf;
        uint64_t a = no_a ? 0 : 0x20, d = no_d ? 0 : 0x40;
        g_autofree char *row = g_strdup_printf("row %u", i);

        at_control(f, 0, (uint64_t)no_a << 54 | (uint64_t)no_d << 48);
        if (no_d && !(ax_read64(f, AX_CONTROL) >> 48 & 1)) {
            /* The bit belongs to a feature that is not offered. */
            d = 0x40;
        }
        at_guest_map(f, cr3, LEVELS, GVA, TARGET, 12, 2, 0);
        leaf = at_guest_entry(f, cr3, LEVELS, GVA, 1, 0);
        FX_CHECK(row, dma(f, 3, FX_R, GVA), TARGET);
        FX_CHECK(row, fx_mem_peek(&f->mem, leaf), TARGET | 7 | a);
        FX_CHECK(row, dma(f, 3, FX_W, GVA), TARGET);
        FX_CHECK(row, fx_mem_peek(&f->mem, leaf), TARGET | 7 | a | d);
        FX_CHECK(row, fx_mem_peek(&f->mem, cr3 + 0xfe * 8) & 0x60, a);
        ax_free(f);
    }
}

/* --- Nested --------------------------------------------------------------- */

/* Guest addresses lie this much above where they are in memory. */
#define BIAS 0x100000000ULL
#define GPA 0x140000000ULL      /* what GVA leads to */

typedef struct Nested {
    Ax *f;
    uint64_t host;           /* root */
    uint64_t gcr3;
    uint64_t cr3;            /* guest address */
} Nested;

/* Every page there is may be used through the host's tables. */
static Nested nested_new(bool trp, unsigned rw)
{
    Nested n = { .f = at_new(NULL) };

    n.host = fx_mem_pages(&n.f->mem, 1);
    n.gcr3 = fx_mem_pages(&n.f->mem, 1);
    n.cr3 = fx_mem_pages(&n.f->mem, 1) + BIAS;
    at_map(n.f, n.host, 4, BIAS, 0, 28, rw);
    at_map(n.f, n.host, 4, GPA, TARGET, 12, FX_RW);
    if (trp) {
        at_control(n.f, 0, 1ULL << 58);
    }
    at_dte(n.f, AX_SID, AT_OPEN | AT_GV | AT_MODE(4) | n.host |
           at_gcr3_0(n.gcr3 + (trp ? BIAS : 0), 0),
           AX_DID | at_gcr3_1(n.gcr3 + (trp ? BIAS : 0)), 0, 0);
    fx_mem_poke(&n.f->mem, n.gcr3 + 3 * 8, n.cr3 | 1);
    at_guest_map(n.f, n.cr3, LEVELS, GVA, GPA, 12, 2, -BIAS);
    return n;
}

static void test_nested(void)
{
    for (unsigned trp = 0; trp < 2; trp++) {
        Nested n = nested_new(trp, FX_RW);
        Ax *f = n.f;

        for (unsigned i = 0; i < 2; i++) {
            g_assert_cmphex(dma(f, 3, FX_RW, GVA + 0x123), ==,
                            TARGET + 0x123);
        }
        /* Without a PASID addresses are the guest's. */
        g_assert_cmphex(at_dma(f, FX_RW, GPA), ==, TARGET);
        g_assert_cmpuint(ax_take_code(f), ==, 0);
        /* The guest's fault. */
        g_assert_cmphex(dma(f, 3, FX_W, GVA + 0x1000), ==, AX_REFUSED);
        check_event(f, "guest", CODE(2) | GN | US | RW | pasid_bits(3) |
                    AX_SID, GVA + 0x1000);
        ax_free(f);
    }
}

/* Easy mistake 47: the host's fault has its domain, and a guest address. */
static void test_nested_faults(void)
{
    const uint64_t did = (uint64_t)AX_DID << 32;
    Nested n = nested_new(false, FX_RW);
    Ax *f = n.f;
    uint64_t leaf = at_entry(f, n.host, 4, GPA, 1);

    fx_mem_poke(&f->mem, leaf, 0);
    g_assert_cmphex(dma(f, 3, FX_R, GVA + 0x123), ==, AX_REFUSED);
    check_event(f, "not present", CODE(2) | did | AX_SID, GPA + 0x123);
    fx_mem_poke(&f->mem, leaf, TARGET | AT_IR | 1);
    g_assert_cmphex(dma(f, 3, FX_W, GVA), ==, AX_REFUSED);
    check_event(f, "no write", CODE(2) | PR | PE | RW | did | AX_SID, GPA);
    fx_mem_poke(&f->mem, leaf, TARGET | AT_IR | AT_IW | 1ULL << 53 | 1);
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, AX_REFUSED);
    check_event(f, "reserved", CODE(2) | PR | RZ | did | AX_SID, GPA);
    /* Beyond what the host's tables span. */
    at_guest_map(f, n.cr3, LEVELS, GVA, 1ULL << 48, 12, 2, -BIAS);
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, AX_REFUSED);
    check_event(f, "width", CODE(2) | did | AX_SID, 1ULL << 48);
    ax_free(f);
}

/* A table of the guest's that the host does not let be read, or be marked. */
static void test_nested_tables(void)
{
    const uint64_t did = (uint64_t)AX_DID << 32;
    Nested n = nested_new(false, FX_W);
    Ax *f = n.f;
    uint64_t root_entry = n.cr3 + (GVA >> 39 & 511) * 8;

    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, AX_REFUSED);
    check_event(f, "no read", CODE(2) | PR | PE | did | AX_SID, root_entry);
    ax_free(f);

    n = nested_new(false, FX_R);
    f = n.f;
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, AX_REFUSED);
    check_event(f, "no mark", CODE(2) | PR | PE | did | AX_SID, root_entry);
    /* Nothing to mark. */
    at_control(f, 0, 1ULL << 54 | 1ULL << 48);
    if (!(ax_read64(f, AX_CONTROL) >> 48 & 1)) {
        uint64_t leaf = at_guest_entry(f, n.cr3, LEVELS, GVA, 1, -BIAS);

        fx_mem_poke(&f->mem, leaf, fx_mem_peek(&f->mem, leaf) | 0x40);
    }
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, TARGET);
    ax_free(f);

    /* What the DTE withholds is withheld from the device only. */
    n = nested_new(true, FX_RW);
    f = n.f;
    fx_mem_poke(&f->mem, at_dte_addr(f, AX_SID),
                fx_mem_peek(&f->mem, at_dte_addr(f, AX_SID)) & ~AT_IR);
    g_assert_cmphex(dma(f, 3, FX_W, GVA), ==, TARGET);
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, AX_REFUSED);
    check_event(f, "IR", CODE(2) | PR | PE | did | AX_SID, GPA);
    ax_free(f);
}

/* An entry of the guest's that is no RAM: the event has its own address. */
static void test_nested_hardware(void)
{
    Nested n = nested_new(false, FX_RW);
    Ax *f = n.f;
    uint64_t at = at_guest_entry(f, n.cr3, LEVELS, GVA, 2, -BIAS);

    at_map(f, n.host, 4, 1ULL << 38, 1ULL << 45, 12, FX_RW);
    fx_mem_poke(&f->mem, at, 1ULL << 38 | 7);
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, AX_REFUSED);
    check_event(f, "guest entry", HARDWARE | GN | pasid_bits(3) | AX_SID,
                (1ULL << 45) + (GVA >> 12 & 511) * 8);
    ax_free(f);

    /* A GCR3 table that the host does not have. */
    n = nested_new(true, FX_RW);
    f = n.f;
    at_dte(f, AX_SID, AT_OPEN | AT_GV | AT_MODE(4) | n.host |
           at_gcr3_0(1ULL << 40, 0), AX_DID | at_gcr3_1(1ULL << 40), 0, 0);
    g_assert_cmphex(dma(f, 3, FX_R, GVA), ==, AX_REFUSED);
    check_event(f, "GCR3", CODE(2) | (uint64_t)AX_DID << 32 | AX_SID,
                (1ULL << 40) + 3 * 8);
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-amdvi/guest/pasids", test_pasids);
    g_test_add_func("/nyx-amdvi/guest/pasid-max", test_pasid_max);
    g_test_add_func("/nyx-amdvi/guest/gcr3", test_gcr3);
    g_test_add_func("/nyx-amdvi/guest/rights", test_rights);
    g_test_add_func("/nyx-amdvi/guest/privilege-cached",
                    test_privilege_cached);
    g_test_add_func("/nyx-amdvi/guest/features", test_features);
    g_test_add_func("/nyx-amdvi/guest/sizes", test_sizes);
    g_test_add_func("/nyx-amdvi/guest/canonical", test_canonical);
    g_test_add_func("/nyx-amdvi/guest/interrupt-range", test_interrupt_range);
    g_test_add_func("/nyx-amdvi/guest/marks", test_marks);
    g_test_add_func("/nyx-amdvi/guest/nested", test_nested);
    g_test_add_func("/nyx-amdvi/guest/nested-faults", test_nested_faults);
    g_test_add_func("/nyx-amdvi/guest/nested-tables", test_nested_tables);
    g_test_add_func("/nyx-amdvi/guest/nested-hardware", test_nested_hardware);
    return g_test_run();
}
