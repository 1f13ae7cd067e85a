/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA requests without guest tables: what the device table entry makes of
 * them, ranges with a meaning of their own, windows, host tables.
 */
#include "qemu/osdep.h"
#include "amd-tables.h"

#define IOVA 0x40005000ULL
#define TARGET 0x80003000ULL

/* Flags of IO_PAGE_FAULT, in place. */
#define GN (1ULL << 48)
#define US (1ULL << 50)
#define PR (1ULL << 52)
#define RW (1ULL << 53)
#define PE (1ULL << 54)
#define RZ (1ULL << 55)
#define TR (1ULL << 56)
#define CODE(n) ((uint64_t)(n) << 60)
#define TYPE(n) ((uint64_t)(n) << 57)

/* Easy mistakes 1 to 3: all of the first word is compared. */
static void check_event(Ax *f, const char *row, uint64_t w0, uint64_t addr)
{
    uint64_t event[2];

    if (!at_event(f, event)) {
        FX_CHECK(row, 0, w0);
        return;
    }
    FX_CHECK(row, event[0], w0);
    FX_CHECK(row, event[1], addr);
    FX_CHECK(row, at_event(f, event), false);
}

static void check_quiet(Ax *f, const char *row)
{
    uint64_t event[2];

    FX_CHECK(row, at_event(f, event), false);
}

/* --- Digest 3.2 ----------------------------------------------------------- */

enum { PASS, REFUSE, WALK };

typedef struct DteRow {
    const char *name;
    bool disabled;
    uint64_t w0;             /* without the root */
    bool pasid;
    unsigned access;
    unsigned want;
    uint64_t event;          /* without device and domain */
} DteRow;

static const DteRow dte_rows[] = {
    { "IommuEn=0", true, AT_V, false, FX_RW, PASS, 0 },
    { "IommuEn=0, PASID", true, AT_V, true, FX_RW, PASS, 0 },
    { "V=0", false, 0, false, FX_RW, PASS, 0 },
    { "V=0, IR=IW=0 and rubbish", false, 0x7cULL | AT_MODE(7), false, FX_RW,
      PASS, 0 },
    { "V=0, PASID", false, 0, true, FX_RW, PASS, 0 },
    /* Easy mistake 28: only V = 0 passes. */
    { "TV=0", false, AT_V | AT_IR | AT_IW, false, FX_R, REFUSE, CODE(2) },
    { "TV=0, write", false, AT_V | AT_IR | AT_IW, false, FX_W, REFUSE,
      CODE(2) | RW },
    { "TV=0, Mode=4", false, AT_V | AT_IR | AT_IW | AT_MODE(4), false, FX_R,
      REFUSE, CODE(2) },
    /* Easy mistake 27: Mode = 0 is no full access. */
    { "Mode=0, IR=IW=0", false, AT_V | AT_TV, false, FX_R, REFUSE,
      CODE(2) | PR | PE },
    { "Mode=0, IR", false, AT_V | AT_TV | AT_IR, false, FX_R, PASS, 0 },
    { "Mode=0, IR, write", false, AT_V | AT_TV | AT_IR, false, FX_W, REFUSE,
      CODE(2) | PR | PE | RW },
    { "Mode=0, IW", false, AT_V | AT_TV | AT_IW, false, FX_W, PASS, 0 },
    { "Mode=0, IW, read", false, AT_V | AT_TV | AT_IW, false, FX_R, REFUSE,
      CODE(2) | PR | PE },
    { "Mode=0, IR, both", false, AT_V | AT_TV | AT_IR, false, FX_RW, REFUSE,
      CODE(2) | PR | PE | RW },
    { "Mode=0, both", false, AT_OPEN, false, FX_RW, PASS, 0 },
    { "GV=0, PASID", false, AT_OPEN, true, FX_R, REFUSE, CODE(2) | GN | US },
    { "GV=0, PASID, Mode=4", false, AT_OPEN | AT_MODE(4), true, FX_W, REFUSE,
      CODE(2) | GN | US | RW },
    { "Mode=3", false, AT_OPEN | AT_MODE(3), false, FX_RW, WALK, 0 },
    { "Mode=4", false, AT_OPEN | AT_MODE(4), false, FX_RW, WALK, 0 },
    { "Mode=5", false, AT_OPEN | AT_MODE(5), false, FX_RW, WALK, 0 },
    { "Mode=6", false, AT_OPEN | AT_MODE(6), false, FX_RW, WALK, 0 },
    { "GV=1, no PASID, GIoV=0, Mode=0", false, AT_OPEN | AT_GV, false, FX_RW,
      PASS, 0 },
    { "GV=1, no PASID, GIoV=0, Mode=4", false, AT_OPEN | AT_GV | AT_MODE(4),
      false, FX_RW, WALK, 0 },
    { "GIoV without GV", false, AT_OPEN | AT_GIOV | AT_MODE(4), false, FX_RW,
      WALK, 0 },
};

static void test_dte(void)
{
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(dte_rows); i++) {
        const DteRow *row = &dte_rows[i / 2];
        unsigned mode = row->w0 >> 9 & 7;
        Ax *f = at_new(NULL);
        NyxRequest req = {
            .access = row->access, .iova = IOVA,
            .has_pasid = row->pasid, .pasid = 5,
        };
        uint64_t root = at_domain(f, AX_SID, AX_DID, mode ? mode : 4);
        NyxReply reply;

        if (mode && row->w0 & AT_V) {
            at_map(f, root, mode, IOVA, TARGET, 12, FX_RW);
        }
        at_dte(f, AX_SID, row->w0 | root, AX_DID, 0, 0);
        if (row->disabled) {
            at_control(f, 1, 0);
        }
        /* The second time from the caches, if the first was the first. */
        for (unsigned n = 0; n <= i % 2; n++) {
            reply = at_request(f, AX_SID, &req);
            FX_CHECK(row->name, reply.ok, row->want != REFUSE);
            if (row->want == REFUSE) {
                check_event(f, row->name, row->event | AX_SID |
                            (row->event & GN ? 5ULL << 32 :
                             (uint64_t)AX_DID << 32), IOVA);
            } else {
                FX_CHECK(row->name, reply.addr,
                         row->want == PASS ? IOVA : TARGET);
                FX_CHECK(row->name, reply.access & row->access, row->access);
                check_quiet(f, row->name);
            }
        }
        ax_free(f);
    }
}

/* The reason is the entry's, not that of tables that are not there. */
static void test_no_guest(void)
{
    Ax *f = at_new(NULL);

    at_dte(f, AX_SID, AT_OPEN, AX_DID, 0, 0);
    g_assert_false(at_pasid(f, 5, FX_R, IOVA).ok);
    g_assert_cmpuint(nyx_amd_fault_count(f->amd, f->r, NAMD_FAULT_DTE_GV), ==,
                     1);
    ax_free(f);
}

/* --- Interrupt range ------------------------------------------------------ */

static void test_interrupts(void)
{
    static const uint64_t addrs[] = { 0xfee00000, 0xfee01234, 0xfeefffff };
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);

    /* The tables map it: nobody looks. */
    at_map(f, root, 4, 0xfee00000, TARGET & ~0x1fffffULL, 21, FX_RW);
    for (unsigned i = 0; i < ARRAY_SIZE(addrs); i++) {
        g_assert_cmphex(at_dma(f, FX_W, addrs[i]), ==, addrs[i]);
        check_quiet(f, "write");
        g_assert_cmphex(at_dma(f, FX_R, addrs[i]), ==, AX_REFUSED);
        check_event(f, "read", CODE(8) | AX_SID, addrs[i]);
        g_assert_cmphex(at_dma(f, FX_RW | NYX_ACCESS_ATOMIC, addrs[i]), ==,
                        AX_REFUSED);
        check_event(f, "atomic", CODE(8) | AX_SID, addrs[i]);
    }
    /* Its neighbours are memory, and leave it alone. */
    g_assert_cmphex(at_dma(f, FX_R, 0xfef00000), ==, 0x80100000);
    g_assert_cmphex(at_dma(f, FX_R, 0xfefff000), ==, 0x801ff000);
    g_assert_cmphex(at_dma(f, FX_R, 0xfeefffff), ==, AX_REFUSED);
    check_event(f, "read", CODE(8) | AX_SID, 0xfeefffff);
    /* V = 0 and TV = 0 come later (digest 6). */
    at_dte(f, AX_SID, 0, 0, 0, 0);
    ax_inv_devtab(f, AX_SID);
    g_assert_cmphex(at_dma(f, FX_R, 0xfee00000), ==, AX_REFUSED);
    check_event(f, "read, V=0", CODE(8) | AX_SID, 0xfee00000);
    at_dte(f, AX_SID, AT_V, 0, 0, 0);
    ax_inv_devtab(f, AX_SID);
    g_assert_cmphex(at_dma(f, FX_W, 0xfee00000), ==, 0xfee00000);
    check_quiet(f, "write, TV=0");
    ax_free(f);
}

/* A leaf over the range: what is cached of it keeps clear. */
static void test_large_leaf(void)
{
    static const unsigned sizes[] = { 21, 25, 30, 32 };

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        Ax *f = at_new(NULL);
        uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
        uint64_t base = 0xfee00000 & ~((1ULL << sizes[i]) - 1);
        uint64_t to = 1ULL << 40;
        uint64_t iova = base;
        g_autofree char *row = g_strdup_printf("2^%u", sizes[i]);

        at_map(f, root, 4, base, to, sizes[i], FX_RW);
        for (unsigned n = 0; n < 2; n++) {
            if (base < 0xfee00000) {
                FX_CHECK(row, at_dma(f, FX_R, 0xfedff000),
                         to + 0xfedff000 - base);
                FX_CHECK(row, at_dma(f, FX_R, iova), to);
            }
            FX_CHECK(row, at_dma(f, FX_R, 0xfef00000), to + 0xfef00000 - base);
            FX_CHECK(row, at_dma(f, FX_R, 0xfee80000), AX_REFUSED);
            check_event(f, row, CODE(8) | AX_SID, 0xfee80000);
        }
        ax_free(f);
    }
}

/* --- HyperTransport's ranges ---------------------------------------------- */

typedef struct HtRow {
    const char *name;
    uint64_t w1;
    uint64_t addr;
    unsigned access;
    unsigned want;
    unsigned type;           /* of INVALID_DEVICE_REQUEST */
} HtRow;

static const HtRow ht_rows[] = {
    { "first", 0, 0xfd00000000, FX_W, REFUSE, 6 },
    { "below the interrupts", 0, 0xfdf7ffffff, FX_R, REFUSE, 6 },
    { "interrupts", 0, 0xfdf8000000, FX_W, REFUSE, 4 },
    { "end of interrupt", 0, 0xfdf8ffffff, FX_W, REFUSE, 4 },
    { "acknowledge", 0, 0xfdf9000000, FX_R, REFUSE, 6 },
    { "SysMgt 0, write", AT_SYSMGT(0), 0xfdf9100000, FX_W, REFUSE, 3 },
    { "SysMgt 0, read", AT_SYSMGT(0), 0xfdf91fffff, FX_R, REFUSE, 6 },
    { "SysMgt 1, write", AT_SYSMGT(1), 0xfdf9100000, FX_W, PASS, 0 },
    { "SysMgt 1, read", AT_SYSMGT(1), 0xfdf9100000, FX_R, REFUSE, 6 },
    { "SysMgt 2, write", AT_SYSMGT(2), 0xfdf91fffff, FX_W, REFUSE, 3 },
    { "SysMgt 2, read", AT_SYSMGT(2), 0xfdf91fffff, FX_R, REFUSE, 6 },
    { "SysMgt 3", AT_SYSMGT(3), 0xfdf9100000, FX_RW, WALK, 0 },
    { "between", AT_SYSMGT(3), 0xfdf9200000, FX_W, REFUSE, 6 },
    { "between, last", AT_SYSMGT(3), 0xfdfaffffff, FX_W, REFUSE, 6 },
    { "address translation", 0, 0xfdfb000000, FX_RW, WALK, 0 },
    { "IoCtl 0", AT_IOCTL(0), 0xfdfc000000, FX_W, REFUSE, 2 },
    { "IoCtl 0, read", AT_IOCTL(0), 0xfdfdffffff, FX_R, REFUSE, 2 },
    { "IoCtl 1", AT_IOCTL(1), 0xfdfc000000, FX_RW, PASS, 0 },
    { "IoCtl 2", AT_IOCTL(2), 0xfdfdfff000, FX_RW, WALK, 0 },
    { "configuration", AT_IOCTL(2), 0xfdfe000000, FX_R, REFUSE, 6 },
    { "extended configuration", 0, 0xfe00000000, FX_W, REFUSE, 6 },
    { "last", 0, 0xffffffffff, FX_R, REFUSE, 6 },
    { "before", 0, 0xfcfffff000, FX_RW, WALK, 0 },
    { "behind", 0, 0x10000000000, FX_RW, WALK, 0 },
};

static void test_ht(void)
{
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(ht_rows); i++) {
        const HtRow *row = &ht_rows[i / 2];
        NyxAmdCfg cfg = at_cfg();
        bool ignored = i % 2;
        Ax *f;
        uint64_t root, addr;

        cfg.ht_range_ignore = ignored;
        f = at_new(&cfg);
        root = at_domain(f, AX_SID, AX_DID, 4);
        at_map(f, root, 4, row->addr & ~0xfffULL, TARGET, 12, FX_RW);
        at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | root, AX_DID | row->w1, 0,
               0);
        for (unsigned n = 0; n < 2; n++) {
            addr = at_dma(f, row->access, row->addr);
            if (ignored || row->want == WALK) {
                FX_CHECK(row->name, addr, TARGET | (row->addr & 0xfff));
                check_quiet(f, row->name);
            } else if (row->want == PASS) {
                FX_CHECK(row->name, addr, row->addr);
                check_quiet(f, row->name);
            } else {
                FX_CHECK(row->name, addr, AX_REFUSED);
                check_event(f, row->name, CODE(8) | TYPE(row->type) | AX_SID,
                            row->addr);
            }
        }
        ax_free(f);
    }
}

/* With a PASID it is an address like any other, and V = 0 is unchecked. */
static void test_ht_pass(void)
{
    Ax *f = at_new(NULL);
    NyxReply reply = at_pasid(f, 5, FX_RW, 0xfd00001000);

    g_assert_true(reply.ok);
    g_assert_cmphex(reply.addr, ==, 0xfd00001000);
    g_assert_cmphex(at_dma(f, FX_RW, 0xfdfc000000), ==, 0xfdfc000000);
    check_quiet(f, "V=0");
    ax_free(f);
}

/* --- Exclusion range, MARC ------------------------------------------------ */

static void exclude(Ax *f, uint64_t first, uint64_t last_page, unsigned bits)
{
    ax_write64(f, 0x28, last_page);
    ax_write64(f, 0x20, first | bits);
}

static void test_exclusion(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);

    /* Not for this device: EX = 0 and Allow = 0. */
    exclude(f, 0x100000, 0x10f000, 1);
    g_assert_cmphex(at_dma(f, FX_R, 0x100000), ==, AX_REFUSED);
    check_event(f, "EX=0", CODE(2) | (uint64_t)AX_DID << 32 | AX_SID,
                0x100000);
    /* Allow: everybody without a PASID. */
    exclude(f, 0x100000, 0x10f000, 3);
    g_assert_false(at_pasid(f, 5, FX_R, 0x100000).ok);
    at_forget_events(f);
    g_assert_cmphex(at_dma(f, FX_RW, 0x100000), ==, 0x100000);
    g_assert_cmphex(at_dma(f, FX_RW, 0x10ffff), ==, 0x10ffff);
    g_assert_cmphex(at_dma(f, FX_R, 0x110000), ==, AX_REFUSED);
    check_event(f, "behind", CODE(2) | (uint64_t)AX_DID << 32 | AX_SID,
                0x110000);
    g_assert_cmphex(at_dma(f, FX_R, 0xfffff), ==, AX_REFUSED);
    check_event(f, "before", CODE(2) | (uint64_t)AX_DID << 32 | AX_SID,
                0xfffff);
    /* EX, and TV comes later. */
    exclude(f, 0x100000, 0x10f000, 1);
    at_dte(f, AX_SID, AT_V, AX_DID | AT_EX, 0, 0);
    ax_inv_devtab(f, AX_SID);
    g_assert_cmphex(at_dma(f, FX_RW, 0x105000), ==, 0x105000);
    /* A page of it that the IOTLB has does not count. */
    exclude(f, 0x100000, 0x10f000, 0);
    at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | root, AX_DID | AT_EX, 0, 0);
    ax_inv_devtab(f, AX_SID);
    at_map(f, root, 4, 0x105000, TARGET, 12, FX_R);
    g_assert_cmphex(at_dma(f, FX_R, 0x105000), ==, TARGET);
    exclude(f, 0x100000, 0x10f000, 1);
    g_assert_cmphex(at_dma(f, FX_R, 0x105000), ==, 0x105000);
    g_assert_cmphex(at_dma(f, FX_W, 0x105000), ==, 0x105000);
    exclude(f, 0x100000, 0x10f000, 0);
    g_assert_cmphex(at_dma(f, FX_R, 0x105000), ==, TARGET);
    check_quiet(f, "all");
    ax_free(f);
}

/* What a large page is good for ends where a window begins. */
static void test_window_in_page(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
    NyxReply reply;

    at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | root, AX_DID | AT_I, 0, 0);
    ax_inv_devtab(f, AX_SID);
    at_map(f, root, 4, 0x200000, 0x80000000, 21, FX_RW);
    reply = ax_request(f, NYX_REQ_UNTRANSLATED, FX_R, 0x20f010);
    g_assert_cmphex(reply.addr_mask, ==, 0x1fffff);
    exclude(f, 0x210000, 0x21f000, 3);
    /* From the IOTLB, and by a walk. */
    for (unsigned i = 0; i < 2; i++) {
        reply = ax_request(f, NYX_REQ_UNTRANSLATED, FX_R, 0x20f010);
        g_assert_cmphex(reply.addr, ==, 0x8000f010);
        g_assert_cmphex(reply.addr_mask, ==, 0xfff);
        reply = ax_request(f, NYX_REQ_TRANSLATION, FX_RW, 0x220000);
        g_assert_cmphex(reply.addr, ==, 0x80020000);
        g_assert_cmphex(reply.addr_mask, ==, 0xfff);
        at_inv_domain(f, AX_DID);
    }
    exclude(f, 0x210000, 0x21f000, 0);
    reply = ax_request(f, NYX_REQ_UNTRANSLATED, FX_R, 0x20f010);
    g_assert_cmphex(reply.addr, ==, 0x8000f010);
    g_assert_cmphex(reply.addr_mask, ==, 0x1fffff);
    check_quiet(f, "all");
    ax_free(f);
}

static void test_marc(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);

    at_map(f, root, 4, 0x200000, TARGET, 12, FX_RW);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t base = 0x200000 + i * 0x10000;
        uint64_t to = 0x5000000 + i * 0x100000;

        ax_write64(f, 0x200 + 0x18 * i, base);
        ax_write64(f, 0x210 + 0x18 * i, 0x2000);
        /* Bit 0 is enable, bit 1 read-only. */
        ax_write64(f, 0x208 + 0x18 * i, to | 1 | (i & 1) << 1);
        g_assert_cmphex(at_dma(f, FX_R, base), ==,
                        i ? AX_REFUSED : TARGET);
        at_forget_events(f);
        at_control(f, 0, 1ULL << 40);
        g_assert_cmphex(at_dma(f, FX_R, base + 0x1234), ==, to + 0x1234);
        g_assert_cmphex(at_dma(f, FX_W, base + 0x1fff), ==,
                        i & 1 ? AX_REFUSED : to + 0x1fff);
        if (i & 1) {
            check_event(f, "read-only", CODE(2) | PR | PE | RW |
                        (uint64_t)AX_DID << 32 | AX_SID, base + 0x1fff);
        }
        g_assert_cmphex(at_dma(f, FX_R, base + 0x2000), ==, AX_REFUSED);
        at_forget_events(f);
        at_control(f, 1ULL << 40, 0);
    }
    ax_free(f);
}

/* --- Host tables ---------------------------------------------------------- */

typedef struct HostRow {
    const char *name;
    uint64_t entry;          /* of IOVA's page, or of its directory */
    unsigned level;
    uint64_t dte;            /* bits cleared in it */
    unsigned access;
    uint64_t event;          /* 0: granted */
} HostRow;

#define LEAF(rw) (TARGET | AT_RIGHTS(rw) | 1)

static const HostRow host_rows[] = {
    { "read and write", LEAF(FX_RW), 1, 0, FX_RW, 0 },
    { "not present", LEAF(FX_RW) & ~1ULL, 1, 0, FX_R, CODE(2) },
    { "not present, write", LEAF(FX_RW) & ~1ULL, 1, 0, FX_W, CODE(2) | RW },
    { "no write", LEAF(FX_R), 1, 0, FX_W, CODE(2) | PR | PE | RW },
    { "no read", LEAF(FX_W), 1, 0, FX_R, CODE(2) | PR | PE },
    { "no read, both", LEAF(FX_W), 1, 0, FX_RW, CODE(2) | PR | PE | RW },
    { "nothing", LEAF(0), 1, 0, FX_R, CODE(2) | PR | PE },
    { "atomic", LEAF(FX_RW), 1, 0, NYX_ACCESS_ATOMIC, 0 },
    { "atomic, no write", LEAF(FX_R), 1, 0, NYX_ACCESS_ATOMIC,
      CODE(2) | PR | PE },
    { "no byte", LEAF(FX_R), 1, 0, FX_R | NYX_ACCESS_ZERO_LEN, 0 },
    { "no byte, no read", LEAF(FX_W), 1, 0, NYX_ACCESS_ZERO_LEN,
      CODE(2) | PR | PE },
    /* Easy mistake 34: every level counts, the device's entry as well. */
    { "DTE without IW", LEAF(FX_RW), 1, AT_IW, FX_W, CODE(2) | PR | PE | RW },
    { "DTE without IR", LEAF(FX_RW), 1, AT_IR, FX_R, CODE(2) | PR | PE },
    { "DTE without IW, read", LEAF(FX_RW), 1, AT_IW, FX_R, 0 },
    { "reserved bit", LEAF(FX_RW) | 1ULL << 52, 1, 0, FX_R,
      CODE(2) | PR | RZ },
    { "level above", LEAF(FX_RW) | 2 << 9, 1, 0, FX_R, CODE(2) | PR | RZ },
    { "directory not present", 0, 2, 0, FX_R, CODE(2) },
    { "directory for itself", 0x1000 | 2 << 9 | AT_RIGHTS(3) | 1, 2, 0, FX_R,
      CODE(2) | PR | RZ },
    { "table that is not RAM", 1ULL << 45 | 1 << 9 | AT_RIGHTS(3) | 1, 2, 0,
      FX_W, CODE(4) | TYPE(2) | RW },
};

static void test_host(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(host_rows); i++) {
        const HostRow *row = &host_rows[i];
        Ax *f = at_new(NULL);
        uint64_t root = at_domain(f, AX_SID, AX_DID, 4), addr, event_addr;

        at_dte(f, AX_SID, (AT_OPEN & ~row->dte) | AT_MODE(4) | root, AX_DID,
               0, 0);
        fx_mem_poke(&f->mem, at_entry(f, root, 4, IOVA, row->level),
                    row->entry);
        event_addr = row->event >> 60 == 4
                     ? (1ULL << 45) + (IOVA >> 12 & 511) * 8 : IOVA + 0x123;
        for (unsigned n = 0; n < 2; n++) {
            addr = at_dma(f, row->access, IOVA + 0x123);
            FX_CHECK(row->name, addr,
                     row->event ? AX_REFUSED : TARGET + 0x123);
            if (row->event) {
                check_event(f, row->name, row->event | AX_SID |
                            (uint64_t)AX_DID << 32, event_addr);
            } else {
                check_quiet(f, row->name);
            }
        }
        ax_free(f);
    }
}

/* Easy mistake 33: no address above the levels wraps. */
static void test_width(void)
{
    for (unsigned mode = 1; mode <= 5; mode++) {
        Ax *f = at_new(NULL);
        uint64_t root = at_domain(f, AX_SID, AX_DID, mode);
        uint64_t end = 1ULL << (12 + 9 * mode);
        g_autofree char *row = g_strdup_printf("Mode %u", mode);

        at_map(f, root, mode, 0, TARGET, 12, FX_RW);
        at_map(f, root, mode, end - 0x1000, TARGET + 0x1000, 12, FX_RW);
        FX_CHECK(row, at_dma(f, FX_R, end - 1), TARGET + 0x1fff);
        FX_CHECK(row, at_dma(f, FX_R, end), AX_REFUSED);
        check_event(f, row, CODE(2) | AX_SID | (uint64_t)AX_DID << 32, end);
        FX_CHECK(row, at_dma(f, FX_R, -0x1000ULL), AX_REFUSED);
        check_event(f, row, CODE(2) | AX_SID | (uint64_t)AX_DID << 32,
                    -0x1000ULL);
        ax_free(f);
    }
}

/* Easy mistake 26: a cached page is not everybody's. */
static void test_cached_rights(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);

    at_map(f, root, 4, IOVA, TARGET, 12, FX_R);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, TARGET);
    g_assert_cmphex(at_dma(f, FX_W, IOVA), ==, AX_REFUSED);
    check_event(f, "write", CODE(2) | PR | PE | RW | AX_SID |
                (uint64_t)AX_DID << 32, IOVA);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, TARGET);
    g_assert_cmpuint(nyx_amd_requester_stats(f->r).walks, ==, 1);
    ax_free(f);
}

/* Easy mistakes 8, 31 and 32: skipped levels, encoded sizes. */
static void test_shapes(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
    uint64_t table = fx_mem_pages(&f->mem, 1);

    /* From level 4 to level 1 at once. */
    fx_mem_poke(&f->mem, root + 8, table | 1 << 9 | AT_RIGHTS(3) | 1);
    fx_mem_poke(&f->mem, table + 5 * 8, LEAF(FX_RW));
    g_assert_cmphex(at_dma(f, FX_R, (1ULL << 39) + 0x5123), ==,
                    TARGET + 0x123);
    g_assert_cmphex(at_dma(f, FX_R, (1ULL << 39) + 0x205123), ==, AX_REFUSED);
    check_event(f, "skipped bits", CODE(2) | AX_SID | (uint64_t)AX_DID << 32,
                (1ULL << 39) + 0x205123);
    for (unsigned lg2 = 13; lg2 < 39; lg2++) {
        uint64_t iova = (2ULL << 39), to = 1ULL << 40;
        g_autofree char *row = g_strdup_printf("2^%u", lg2);

        if (lg2 == 21 || lg2 == 30) {
            continue;
        }
        at_map(f, root, 4, iova, to, lg2, FX_RW);
        FX_CHECK(row, at_dma(f, FX_R, iova + (1ULL << lg2) - 1),
                 to + (1ULL << lg2) - 1);
        FX_CHECK(row, at_dma(f, FX_R, iova + (1ULL << lg2)), AX_REFUSED);
        at_forget_events(f);
        ax_inv_all(f);
        at_unmap(f, root, 4, iova, lg2);
        if (lg2 % 9 == 2 || lg2 == 38) {
            /* What comes next needs an entry where a table was. */
            fx_mem_poke(&f->mem, at_entry(f, root, 4, iova, lg2 < 21 ? 2 : 3),
                        0);
        }
    }
    ax_free(f);
}

/* --- Accessed and dirty --------------------------------------------------- */

#define A_BIT 0x20
#define D_BIT 0x40

static void test_marks(void)
{
    for (unsigned had = 0; had < 4; had++) {
        Ax *f = at_new(NULL);
        uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
        uint64_t leaf = at_entry(f, root, 4, IOVA, 1);
        uint64_t a = had ? A_BIT : 0, d = had == 3 ? D_BIT : 0;
        g_autofree char *row = g_strdup_printf("HAD %u", had);

        if (had == 2) {
            ax_free(f);
            continue;
        }
        at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | AT_HAD(had) | root, AX_DID,
               0, 0);
        fx_mem_poke(&f->mem, leaf, LEAF(FX_RW));
        FX_CHECK(row, at_dma(f, FX_R, IOVA), TARGET);
        FX_CHECK(row, fx_mem_peek(&f->mem, leaf), LEAF(FX_RW) | a);
        for (unsigned level = 2; level <= 4; level++) {
            FX_CHECK(row, fx_mem_peek(&f->mem, at_entry(f, root, 4, IOVA,
                                                        level)) & 0x60, a);
        }
        /* The cached entry must not let the first write by. */
        FX_CHECK(row, at_dma(f, FX_W, IOVA), TARGET);
        FX_CHECK(row, fx_mem_peek(&f->mem, leaf), LEAF(FX_RW) | a | d);
        /* Software clears D and flushes. */
        fx_mem_poke(&f->mem, leaf, LEAF(FX_RW));
        at_inv_page(f, AX_DID, IOVA, true);
        FX_CHECK(row, at_dma(f, FX_W, IOVA), TARGET);
        FX_CHECK(row, fx_mem_peek(&f->mem, leaf), LEAF(FX_RW) | a | d);
        check_quiet(f, row);
        ax_free(f);
    }
}

/* --- Suppression ---------------------------------------------------------- */

static void test_suppress(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4), event[2];

    at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | root, AX_DID | AT_SA, 0, 0);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, AX_REFUSED);
    check_quiet(f, "SA");
    /* Other events are told all the same. */
    g_assert_cmphex(at_dma(f, FX_R, 0xfee00000), ==, AX_REFUSED);
    check_event(f, "SA", CODE(8) | AX_SID, 0xfee00000);

    at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | root, AX_DID | AT_SE, 0, 0);
    at_map(f, root, 4, IOVA, TARGET, 12, FX_R);
    ax_inv_devtab(f, AX_SID);
    g_assert_cmphex(at_dma(f, FX_R, IOVA + 0x1000), ==, AX_REFUSED);
    g_assert_true(at_event(f, event));
    g_assert_cmphex(at_dma(f, FX_R, IOVA + 0x1000), ==, AX_REFUSED);
    /* The same by way of the IOTLB. */
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, TARGET);
    g_assert_cmphex(at_dma(f, FX_W, IOVA), ==, AX_REFUSED);
    check_quiet(f, "SE");
    ax_inv_devtab(f, AX_SID);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, TARGET);
    g_assert_cmphex(at_dma(f, FX_W, IOVA), ==, AX_REFUSED);
    g_assert_true(at_event(f, event));
    check_quiet(f, "SE, once");
    ax_free(f);
}

/* --- The rest ------------------------------------------------------------- */

/* A request that only asks is told, and nobody else is. */
static void test_probe(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
    NyxRequest req = { .iova = IOVA };
    NyxReply reply;

    g_assert_false(at_request(f, AX_SID, &req).ok);
    at_map(f, root, 4, IOVA, TARGET, 12, FX_R);
    reply = at_request(f, AX_SID, &req);
    g_assert_true(reply.ok);
    g_assert_cmphex(reply.access, ==, FX_R);
    req.iova = 0xfee00000;
    reply = at_request(f, AX_SID, &req);
    g_assert_true(reply.ok);
    g_assert_cmphex(reply.access, ==, FX_W);
    req.iova = 0xfd00000000;
    g_assert_false(at_request(f, AX_SID, &req).ok);
    check_quiet(f, "probe");
    g_assert_cmpuint(f->target_aborts, ==, 0);
    ax_free(f);
}

/* What is refused is aborted, and the function says so. */
static void test_abort(void)
{
    Ax *f = at_new(NULL);

    at_domain(f, AX_SID, AX_DID, 4);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, AX_REFUSED);
    g_assert_cmpuint(f->target_aborts, ==, 1);
    ax_free(f);
}

/* Easy mistakes 2 and 49: all of the requester id counts. */
static void test_ids(void)
{
    static const uint16_t ids[] = { 0x0000, 0x0010, 0x0110, 0x8010, 0xfff8 };
    Ax *f = at_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        uint64_t root = at_domain(f, ids[i], AX_DID + i, 4);

        at_map(f, root, 4, IOVA, TARGET + i * 0x1000, 12, FX_RW);
    }
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(ids); i++) {
        unsigned n = i % ARRAY_SIZE(ids);

        g_assert_cmphex(at_dma_as(f, ids[n], FX_R, IOVA), ==,
                        TARGET + n * 0x1000);
        g_assert_cmphex(at_dma_as(f, ids[n], FX_R, 0x1000), ==, AX_REFUSED);
        check_event(f, "id", CODE(2) | (uint64_t)(AX_DID + n) << 32 | ids[n],
                    0x1000);
    }
    ax_free(f);
}

/* Two domains' tables under one id are software's mistake. */
static void test_shared_domain(void)
{
    Ax *f = at_new(NULL);

    at_domain(f, AX_SID, AX_DID, 4);
    at_domain(f, AX_SID + 8, AX_DID, 4);
    at_dma(f, FX_R, IOVA);
    g_assert_cmpuint(ax_findings(f, NAMD_RULE_DOMAIN_SHARED), ==, 0);
    at_dma_as(f, AX_SID + 8, FX_R, IOVA);
    g_assert_cmpuint(ax_findings(f, NAMD_RULE_DOMAIN_SHARED), ==, 1);
    /* In between all of the domain was flushed. */
    at_inv_domain(f, AX_DID);
    ax_inv_devtab(f, AX_SID);
    at_dma(f, FX_R, IOVA);
    g_assert_cmpuint(ax_findings(f, NAMD_RULE_DOMAIN_SHARED), ==, 1);
    /* And everything. */
    ax_inv_all(f);
    at_dma_as(f, AX_SID + 8, FX_R, IOVA);
    g_assert_cmpuint(ax_findings(f, NAMD_RULE_DOMAIN_SHARED), ==, 1);
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-amdvi/translate/dte", test_dte);
    g_test_add_func("/nyx-amdvi/translate/no-guest", test_no_guest);
    g_test_add_func("/nyx-amdvi/translate/interrupts", test_interrupts);
    g_test_add_func("/nyx-amdvi/translate/large-leaf", test_large_leaf);
    g_test_add_func("/nyx-amdvi/translate/ht", test_ht);
    g_test_add_func("/nyx-amdvi/translate/ht-pass", test_ht_pass);
    g_test_add_func("/nyx-amdvi/translate/exclusion", test_exclusion);
    g_test_add_func("/nyx-amdvi/translate/window-in-page",
                    test_window_in_page);
    g_test_add_func("/nyx-amdvi/translate/marc", test_marc);
    g_test_add_func("/nyx-amdvi/translate/host", test_host);
    g_test_add_func("/nyx-amdvi/translate/width", test_width);
    g_test_add_func("/nyx-amdvi/translate/cached-rights", test_cached_rights);
    g_test_add_func("/nyx-amdvi/translate/shapes", test_shapes);
    g_test_add_func("/nyx-amdvi/translate/marks", test_marks);
    g_test_add_func("/nyx-amdvi/translate/suppress", test_suppress);
    g_test_add_func("/nyx-amdvi/translate/probe", test_probe);
    g_test_add_func("/nyx-amdvi/translate/abort", test_abort);
    g_test_add_func("/nyx-amdvi/translate/ids", test_ids);
    g_test_add_func("/nyx-amdvi/translate/shared-domain", test_shared_domain);
    return g_test_run();
}
