/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a dump of nyx-amdvi's tables tells: the entries in memory and the
 * mappings that requests get, whatever is cached, and not more than there is
 * room for.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"
#include "amd-irq.h"
#include "amd-tables.h"

#define ROOM ((NyxDumpRoom) { 4096, 4096, 4096 })

typedef struct Seen {
    NyxAmdEntries entries[8];
    unsigned n;
    NyxLeaf leaf[8];
    unsigned leaves;
} Seen;

static void see(const NyxAmdEntries *entries, void *opaque)
{
    Seen *seen = opaque;

    if (seen->n < ARRAY_SIZE(seen->entries)) {
        seen->entries[seen->n] = *entries;
    }
    seen->n++;
}

static bool see_leaf(void *opaque, const NyxLeaf *leaf)
{
    Seen *seen = opaque;

    if (seen->leaves < ARRAY_SIZE(seen->leaf)) {
        seen->leaf[seen->leaves] = *leaf;
    }
    seen->leaves++;
    return true;
}

static bool dump(Ax *f, NyxDumpRoom *room, Seen *seen)
{
    *seen = (Seen) { };
    return nyx_amd_dump_entries(f->amd, AX_SID, room, see, seen);
}

static bool dump_mappings(Ax *f, const NyxAmdEntries *entries,
                          NyxDumpRoom *room, Seen *seen)
{
    seen->leaves = 0;
    return nyx_amd_dump_mappings(f->amd, entries, room, see_leaf, seen);
}

static void check_leaf(const char *row, const NyxLeaf *leaf, uint64_t iova,
                       uint64_t addr, unsigned lg2, unsigned access)
{
    FX_CHECK(row, leaf->iova, iova);
    FX_CHECK(row, leaf->addr, addr);
    FX_CHECK(row, leaf->lg2, lg2);
    FX_CHECK(row, leaf->permission, access);
}

/* --- Devices -------------------------------------------------------------- */

static void test_devices(void)
{
    static const struct {
        const char *name;
        uint64_t w0;
        unsigned kind;
    } rows[] = {
        { "pass", 0, NYX_AMD_KIND_PASS },
        { "blocked", AT_V, NYX_AMD_KIND_BLOCKED },
        { "identity", AT_OPEN, NYX_AMD_KIND_IDENTITY },
    };
    Ax *f = at_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const uint64_t words[] = { rows[i].w0, 0x1234, 0x33, 1ULL << 54 };
        NyxDumpRoom room = ROOM;
        Seen seen;

        at_dte(f, AX_SID, words[0], words[1], words[2], words[3]);
        g_assert_true(dump(f, &room, &seen));
        FX_CHECK(rows[i].name, seen.n, 1);
        FX_CHECK(rows[i].name, seen.entries[0].sid, AX_SID);
        FX_CHECK(rows[i].name, seen.entries[0].dte_addr,
                 f->devtab + 32 * AX_SID);
        for (unsigned k = 0; k < 4; k++) {
            FX_CHECK(rows[i].name, seen.entries[0].dte[k], words[k]);
        }
        FX_CHECK(rows[i].name, seen.entries[0].code, 0);
        FX_CHECK(rows[i].name, seen.entries[0].has_pasid, false);
        FX_CHECK(rows[i].name, seen.entries[0].decoded.kind, rows[i].kind);
        FX_CHECK(rows[i].name, seen.entries[0].decoded.did,
                 rows[i].w0 ? 0x1234 : 0);
        FX_CHECK(rows[i].name, nyx_amd_dump_has_tables(&seen.entries[0]),
                 false);
        g_assert_true(dump_mappings(f, &seen.entries[0], &room, &seen));
        FX_CHECK(rows[i].name, seen.leaves, 0);
    }
    ax_free(f);
}

static void test_unusable(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
    uint64_t at = at_dte_addr(f, AX_SID);
    NyxDumpRoom room = ROOM;
    Seen seen;

    /* Reserved bit 2 */
    fx_mem_poke(&f->mem, at, AT_OPEN | AT_MODE(4) | root | 4);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("reserved", seen.n, 1);
    FX_CHECK("reserved", seen.entries[0].code, NAMD_FAULT_DTE_RSVD);
    FX_CHECK("reserved", seen.entries[0].dte[1], AX_DID);
    FX_CHECK("reserved", nyx_amd_dump_has_tables(&seen.entries[0]), false);
    fx_mem_hole(&f->mem, at + 31, at + 31);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("unreadable", seen.entries[0].code, NAMD_FAULT_DTE_READ);
    fx_mem_no_hole(&f->mem);
    /* No table, no entry: while it is off nothing counts. */
    at_control(f, AX_IOMMUEN, 0);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("off", seen.n, 0);
    /* One page of a table: 128 entries */
    ax_write64(f, AX_DEVTAB, f->devtab);
    at_control(f, 0, AX_IOMMUEN);
    seen = (Seen) { };
    g_assert_true(nyx_amd_dump_entries(f->amd, 0x80, &room, see, &seen));
    FX_CHECK("beyond", seen.n, 1);
    FX_CHECK("beyond", seen.entries[0].code, NAMD_FAULT_DTE_RANGE);
    FX_CHECK("beyond", seen.entries[0].dte[0], 0);
    ax_free(f);
}

/* --- Host tables ---------------------------------------------------------- */

static void test_host(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
    NyxDumpRoom room = ROOM;
    Seen seen;

    at_map(f, root, 4, 0x7000, 0x123000, 12, FX_R);
    at_map(f, root, 4, 0x10000, 0x230000, 16, FX_RW);
    at_map(f, root, 4, 0x40000000, 0x80000000, 30, FX_W);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("entries", seen.n, 1);
    FX_CHECK("tables", nyx_amd_dump_has_tables(&seen.entries[0]), true);
    g_assert_true(dump_mappings(f, &seen.entries[0], &room, &seen));
    FX_CHECK("mappings", seen.leaves, 3);
    check_leaf("4 KiB", &seen.leaf[0], 0x7000, 0x123000, 12, FX_R);
    check_leaf("64 KiB", &seen.leaf[1], 0x10000, 0x230000, 16, FX_RW);
    check_leaf("1 GiB", &seen.leaf[2], 0x40000000, 0x80000000, 30, FX_W);
    /* What the device may not do is no mapping. */
    fx_mem_poke(&f->mem, at_dte_addr(f, AX_SID),
                AT_V | AT_TV | AT_IR | AT_MODE(4) | root);
    g_assert_true(dump(f, &room, &seen));
    g_assert_true(dump_mappings(f, &seen.entries[0], &room, &seen));
    FX_CHECK("IW 0", seen.leaves, 2);
    check_leaf("IW 0", &seen.leaf[1], 0x10000, 0x230000, 16, FX_R);
    ax_free(f);
}

/* What an entry does not use of its fields is not looked at. */
static void test_unused(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = fx_mem_pages(&f->mem, 1), gcr3 = fx_mem_pages(&f->mem, 1);
    uint64_t cr3 = fx_mem_pages(&f->mem, 1);
    NyxDumpRoom room = ROOM;
    Seen seen;

    at_map(f, root, 4, 0x7000, 0x123000, 12, FX_R);
    at_guest_map(f, cr3, 4, 0x7000, 0x123000, 12, 0, 0);
    fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 0, 0), cr3 | 1);
    /* No GV; no tables of either kind */
    at_dte(f, AX_SID, AT_OPEN | root | at_gcr3_0(gcr3, 0),
           AX_DID | at_gcr3_1(gcr3), 0, 0);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("identity", seen.n, 1);
    FX_CHECK("identity", seen.entries[0].code, 0);
    g_assert_true(dump_mappings(f, &seen.entries[0], &room, &seen));
    FX_CHECK("identity", seen.leaves, 0);
    /* A PASID's entry that is reserved has no tables, wherever it points. */
    at_dte(f, AX_SID, AT_OPEN | AT_GV | at_gcr3_0(gcr3, 0),
           AX_DID | at_gcr3_1(gcr3), 0, 0);
    fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 0, 0), cr3 | 3);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("reserved", seen.n, 2);
    g_assert_true(dump_mappings(f, &seen.entries[1], &room, &seen));
    FX_CHECK("reserved", seen.leaves, 0);
    /* Without host tables the guest's addresses are what they are. */
    at_control(f, 0, 1ULL << 58);
    fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 0, 0), cr3 | 1);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("GCR3TRPMode", seen.n, 2);
    g_assert_true(dump_mappings(f, &seen.entries[1], &room, &seen));
    FX_CHECK("GCR3TRPMode", seen.leaves, 1);
    ax_free(f);
}

/* --- GCR3 tables ---------------------------------------------------------- */

/* A device with guest tables alone; returns the GCR3 root. */
static uint64_t guest_device(Ax *f, unsigned glx, uint64_t w0)
{
    uint64_t gcr3 = fx_mem_pages(&f->mem, 1);

    at_dte(f, AX_SID, AT_OPEN | AT_GV | at_gcr3_0(gcr3, glx) | w0,
           AX_DID | at_gcr3_1(gcr3), 0, 0);
    return gcr3;
}

static void test_pasids(void)
{
    static const uint32_t pasids[3][3] = {
        { 0, 1, 0x1ff }, { 0, 0x200, 0x3ffff }, { 5, 0x40000, 0xfffff },
    };

    for (unsigned glx = 0; glx < 3; glx++) {
        g_autofree char *row = g_strdup_printf("GLX %u", glx);
        Ax *f = at_new(NULL);
        uint64_t gcr3 = guest_device(f, glx, 0);
        NyxDumpRoom room = ROOM;
        Seen seen;

        /* Backwards: they are told in order. */
        for (unsigned i = 3; i--; ) {
            fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, glx, pasids[glx][i]),
                        (i + 1) << 12 | 1);
        }
        g_assert_true(dump(f, &room, &seen));
        FX_CHECK(row, seen.n, 4);
        FX_CHECK(row, seen.entries[0].has_pasid, false);
        FX_CHECK(row, nyx_amd_dump_has_tables(&seen.entries[0]), false);
        for (unsigned i = 0; i < 3; i++) {
            FX_CHECK(row, seen.entries[i + 1].has_pasid, true);
            FX_CHECK(row, seen.entries[i + 1].pasid, pasids[glx][i]);
            FX_CHECK(row, seen.entries[i + 1].gcr3, (i + 1) << 12 | 1);
            FX_CHECK(row, seen.entries[i + 1].code, 0);
            FX_CHECK(row, nyx_amd_dump_has_tables(&seen.entries[i + 1]),
                     true);
        }
        ax_free(f);
    }
}

/* PASIDs beyond what the IOMMU has are not in the tables. */
static void test_pasid_width(void)
{
    NyxAmdCfg cfg = at_cfg();
    NyxDumpRoom room = ROOM;
    uint64_t gcr3;
    Seen seen;
    Ax *f;

    cfg.pasid_bits = 11;
    f = at_new(&cfg);
    gcr3 = guest_device(f, 1, 0);
    fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 1, 0x7ff), 0x1001);
    fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 1, 0x800), 0x2001);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("11 bits", seen.n, 2);
    FX_CHECK("11 bits", seen.entries[1].pasid, 0x7ff);
    ax_free(f);

    cfg.pasid_bits = 5;
    f = at_new(&cfg);
    gcr3 = guest_device(f, 1, 0);
    fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 1, 31), 0x1001);
    fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 1, 32), 0x2001);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("5 bits", seen.n, 2);
    FX_CHECK("5 bits", seen.entries[1].pasid, 31);
    ax_free(f);
}

static void test_gcr3_unusable(void)
{
    Ax *f = at_new(NULL);
    uint64_t gcr3 = guest_device(f, 1, 0);
    NyxDumpRoom room = ROOM;
    Seen seen;

    /* Of a PASID, of the table for 512 of them, and one that is no RAM */
    fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 1, 3), 0x1003);
    fx_mem_poke(&f->mem, gcr3 + 8 * 2, fx_mem_pages(&f->mem, 1) | 0x801);
    fx_mem_poke(&f->mem, gcr3 + 8 * 4, 0xfff00000001ULL);
    fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 1, 5 * 512), 0x1001);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("entries", seen.n, 4);
    FX_CHECK("reserved", seen.entries[1].pasid, 3);
    FX_CHECK("reserved", seen.entries[1].code, NAMD_FAULT_GCR3_RSVD);
    FX_CHECK("reserved", seen.entries[1].gcr3, 0x1003);
    FX_CHECK("reserved", nyx_amd_dump_has_tables(&seen.entries[1]), false);
    FX_CHECK("table", seen.entries[2].pasid, 2 * 512);
    FX_CHECK("table", seen.entries[2].code, NAMD_FAULT_GCR3_RSVD);
    FX_CHECK("after them", seen.entries[3].pasid, 5 * 512);
    FX_CHECK("after them", seen.entries[3].code, 0);
    ax_free(f);
}

/* --- Guest tables --------------------------------------------------------- */

static void test_guest(void)
{
    for (unsigned levels = 4; levels < 6; levels++) {
        g_autofree char *row = g_strdup_printf("%u levels", levels);
        Ax *f = at_new(NULL);
        uint64_t gcr3 = guest_device(f, 0, 0);
        uint64_t cr3 = fx_mem_pages(&f->mem, 1);
        uint64_t half = 1ULL << (11 + 9 * levels);
        NyxDumpRoom room = ROOM;
        Seen seen;

        at_dte(f, AX_SID, fx_mem_peek(&f->mem, at_dte_addr(f, AX_SID)),
               AX_DID | at_gcr3_1(gcr3), (uint64_t)(levels - 4) << 54, 0);
        fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 0, 0), cr3 | 1);
        fx_mem_poke(&f->mem, at_gcr3_entry(f, gcr3, 0, 9), cr3 | 1);
        at_guest_map(f, cr3, levels, 0x7000, 0x123000, 12, 0, 0);
        at_guest_map(f, cr3, levels, 0x200000, 0x400000, 21, 2, 0);
        at_guest_map(f, cr3, levels, half, 0x80000000, 30, 2, 0);
        g_assert_true(dump(f, &room, &seen));
        FX_CHECK(row, seen.n, 3);
        g_assert_true(dump_mappings(f, &seen.entries[1], &room, &seen));
        FX_CHECK(row, seen.leaves, 3);
        check_leaf(row, &seen.leaf[0], 0x7000, 0x123000, 12, FX_R);
        check_leaf(row, &seen.leaf[1], 0x200000, 0x400000, 21, FX_RW);
        /* Addresses of PASID 0 have no sign. */
        check_leaf(row, &seen.leaf[2], half, 0x80000000, 30, FX_RW);
        g_assert_true(dump_mappings(f, &seen.entries[2], &room, &seen));
        check_leaf(row, &seen.leaf[2], -half, 0x80000000, 30, FX_RW);
        ax_free(f);
    }
}

/* Guest tables behind the host's: all of it at the guest's own addresses. */
typedef struct Nested {
    Ax *f;
    uint64_t pages;          /* GCR3 table, and the guest's tables */
    uint64_t w0, w1;
} Nested;

#define GPA 0x40000000ULL    /* where the guest has these pages */

/* @lg2: of the host's page for them; @trp: the GCR3 table is the guest's. */
static Nested new_nested(unsigned lg2, bool trp)
{
    Nested n = { .f = at_new(NULL) };
    uint64_t host = fx_mem_pages(&n.f->mem, 1), root;

    n.pages = fx_mem_pages(&n.f->mem, 1u << (lg2 - 12));
    at_map(n.f, host, 4, GPA, n.pages, lg2, FX_RW);
    root = trp ? GPA : n.pages;
    n.w0 = AT_OPEN | AT_GV | AT_MODE(4) | host | at_gcr3_0(root, 0);
    n.w1 = AX_DID | at_gcr3_1(root);
    at_dte(n.f, AX_SID, n.w0, n.w1, 0, 0);
    at_control(n.f, 0, trp ? 1ULL << 58 : 0);
    fx_mem_poke(&n.f->mem, n.pages + 8 * 3, (GPA + 0x1000) | 1);
    /* 512 GiB and 1 GiB entries: the tables are the next two pages. */
    fx_mem_poke(&n.f->mem, n.pages + 0x1000, (GPA + 0x2000) | 7);
    fx_mem_poke(&n.f->mem, n.pages + 0x2000 + 8 * 2, 0x123440000087ULL);
    return n;
}

static void test_nested(void)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned lg2 = i & 1 ? 21 : 14;
        bool trp = i & 2;
        g_autofree char *row = g_strdup_printf("page %u, GCR3TRPMode %u",
                                               lg2, trp);
        Nested n = new_nested(lg2, trp);
        NyxDumpRoom room = ROOM;
        Seen seen;

        g_assert_true(dump(n.f, &room, &seen));
        FX_CHECK(row, seen.n, 2);
        FX_CHECK(row, nyx_amd_dump_has_tables(&seen.entries[0]), true);
        FX_CHECK(row, seen.entries[1].pasid, 3);
        g_assert_true(dump_mappings(n.f, &seen.entries[0], &room, &seen));
        FX_CHECK(row, seen.leaves, 1);
        check_leaf(row, &seen.leaf[0], GPA, n.pages, lg2, FX_RW);
        g_assert_true(dump_mappings(n.f, &seen.entries[1], &room, &seen));
        FX_CHECK(row, seen.leaves, 1);
        check_leaf(row, &seen.leaf[0], 0x80000000, 0x123440000000ULL, 30,
                   FX_RW);
        /* IR = 0 takes from requests, and not from the IOMMU's own reads. */
        at_dte(n.f, AX_SID, n.w0 & ~AT_IR, n.w1, 0, 0);
        g_assert_true(dump(n.f, &room, &seen));
        FX_CHECK(row, seen.n, 2);
        g_assert_true(dump_mappings(n.f, &seen.entries[1], &room, &seen));
        FX_CHECK(row, seen.leaves, 1);
        ax_free(n.f);
    }
}

/* Guest addresses that the host's tables do not have */
static void test_nested_hidden(void)
{
    static const struct {
        const char *name;
        uint64_t gpa;        /* added to the table's */
    } rows[] = {
        { "beyond the levels", 1ULL << 50 },
        { "not mapped", 1ULL << 31 },
    };
    Nested n = new_nested(21, true);
    NyxDumpRoom room = ROOM;
    Seen seen;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        /* What is lost of either address leaves that of a good table. */
        uint64_t table = i ? n.pages + 0x1000 : GPA + 0x1000;

        fx_mem_poke(&n.f->mem, n.pages + 8 * 3, (table + rows[i].gpa) | 1);
        g_assert_true(dump(n.f, &room, &seen));
        FX_CHECK(rows[i].name, seen.n, 2);
        FX_CHECK(rows[i].name, seen.entries[1].code, 0);
        g_assert_true(dump_mappings(n.f, &seen.entries[1], &room, &seen));
        FX_CHECK(rows[i].name, seen.leaves, 0);
    }
    /* The GCR3 table itself: the same page, seen with other eyes */
    at_dte(n.f, AX_SID, (n.w0 & ~(7ULL << 58)) | at_gcr3_0(n.pages, 0),
           AX_DID | at_gcr3_1(n.pages), 0, 0);
    g_assert_true(dump(n.f, &room, &seen));
    FX_CHECK("GCR3 table", seen.n, 1);
    ax_free(n.f);
}

/* --- Interrupt tables ----------------------------------------------------- */

typedef struct SeenIrqs {
    struct {
        unsigned index, n;
        uint64_t words[2];
    } row[8];
    unsigned n;
} SeenIrqs;

static void see_irq(unsigned index, const uint64_t *words, unsigned n,
                    void *opaque)
{
    SeenIrqs *seen = opaque;

    if (seen->n < ARRAY_SIZE(seen->row)) {
        seen->row[seen->n].index = index;
        seen->row[seen->n].n = n;
        memcpy(seen->row[seen->n].words, words, 8 * n);
    }
    seen->n++;
}

static bool dump_irqs(Ax *f, NyxDumpRoom *room, SeenIrqs *irqs)
{
    NyxDumpRoom other = ROOM;
    Seen seen;

    *irqs = (SeenIrqs) { };
    g_assert_true(dump(f, &other, &seen));
    return nyx_amd_dump_interrupts(f->amd, &seen.entries[0], room, see_irq,
                                   irqs);
}

/* Of 32 and of 128 bits; those with RemapEn = 1, whatever else they say. */
static void test_interrupts(void)
{
    for (unsigned wide = 0; wide < 2; wide++) {
        Ax *f = at_new(NULL);
        uint64_t table = fx_mem_pages(&f->mem, 8);
        NyxDumpRoom room = ROOM;
        SeenIrqs irqs;

        f->opaque = (void *)(uintptr_t)table;
        irq_control(f, wide ? AX_GAEN : 0);
        irq_dte2(f, AX_SID, IRQ_IV | IRQ_REMAP | 11 << 1 | table);
        irq_entry(f, 0, 0x00450201, 0x1234);
        irq_entry(f, 3, 0x00450200, 0x1234);
        irq_entry(f, 2047, 0xff0000ff, ~0ULL);
        g_assert_true(dump_irqs(f, &room, &irqs));
        FX_CHECK("entries", irqs.n, 2);
        FX_CHECK("first", irqs.row[0].index, 0);
        FX_CHECK("first", irqs.row[0].words[0], 0x00450201);
        FX_CHECK("last", irqs.row[1].index, 2047);
        FX_CHECK("last", irqs.row[1].words[0], 0xff0000ff);
        for (unsigned i = 0; i < 2; i++) {
            FX_CHECK("words", irqs.row[i].n, wide ? 2 : 1);
        }
        FX_CHECK("second word", irqs.row[0].words[1], wide ? 0x1234 : 0);
        FX_CHECK("room", room.entries, 4096 - 2);
        FX_CHECK("room", room.tables, 4096 - (wide ? 8 : 2));
        /* What is beyond the length is not in the table. */
        irq_dte2(f, AX_SID, IRQ_IV | IRQ_REMAP | 10 << 1 | table);
        g_assert_true(dump_irqs(f, &room, &irqs));
        FX_CHECK("shorter", irqs.n, 1);
        ax_free(f);
    }
}

static void test_interrupts_none(void)
{
    static const struct {
        const char *name;
        uint64_t w2;
    } rows[] = {
        { "not valid", IRQ_REMAP | IRQ_512 },
        { "aborted", IRQ_IV | IRQ_512 },
        { "forwarded", IRQ_IV | IRQ_FORWARD | IRQ_512 },
        { "reserved length", IRQ_IV | IRQ_REMAP | 12 << 1 },
    };
    Ax *f = at_new(NULL);
    uint64_t table = fx_mem_pages(&f->mem, 8);
    NyxDumpRoom room = ROOM;
    SeenIrqs irqs;

    fx_mem_poke(&f->mem, table, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        irq_dte2(f, AX_SID, rows[i].w2 | table);
        g_assert_true(dump_irqs(f, &room, &irqs));
        FX_CHECK(rows[i].name, irqs.n, 0);
    }
    /* Not RAM */
    irq_dte2(f, AX_SID, IRQ_IV | IRQ_REMAP | IRQ_512 | table);
    g_assert_true(dump_irqs(f, &room, &irqs));
    FX_CHECK("RAM", irqs.n, 1);
    fx_mem_hole(&f->mem, table, table + 0xfff);
    g_assert_true(dump_irqs(f, &room, &irqs));
    FX_CHECK("not RAM", irqs.n, 0);
    fx_mem_no_hole(&f->mem);
    /* No room */
    fx_mem_poke(&f->mem, table + 4, 1);
    room = (NyxDumpRoom) { 1, 1, 0 };
    g_assert_false(dump_irqs(f, &room, &irqs));
    FX_CHECK("room for one", irqs.n, 1);
    room = (NyxDumpRoom) { 0, 1, 0 };
    g_assert_false(dump_irqs(f, &room, &irqs));
    FX_CHECK("room for none", irqs.n, 0);
    ax_free(f);
}

/* --- Bounds --------------------------------------------------------------- */

/* A table of tables that is itself: 2^20 PASIDs from one page. */
static void test_room(void)
{
    Ax *f = at_new(NULL);
    uint64_t gcr3 = guest_device(f, 2, 0);
    NyxDumpRoom room = { 100, 4096, 4096 };
    uint64_t reads;
    Seen seen;

    for (unsigned i = 0; i < 512; i++) {
        fx_mem_poke(&f->mem, gcr3 + 8 * i, gcr3 | 1);
    }
    reads = f->mem.reads;
    g_assert_false(dump(f, &room, &seen));
    FX_CHECK("entries", seen.n, 4096);
    FX_CHECK("entries", room.entries, 0);
    FX_CHECK("tables", room.tables, 100 - 10);
    /* The device table entry is read twice, to be of one piece. */
    FX_CHECK("reads", f->mem.reads - reads, 12);

    room = (NyxDumpRoom) { 3, 4096, 4096 };
    g_assert_false(dump(f, &room, &seen));
    FX_CHECK("tables", room.tables, 0);
    FX_CHECK("entries", seen.n, 1 + 512);
    room = (NyxDumpRoom) { 3, 0, 4096 };
    g_assert_false(dump(f, &room, &seen));
    FX_CHECK("none", seen.n, 0);
    ax_free(f);
}

static void test_room_mappings(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 3);
    NyxDumpRoom room = ROOM;
    Seen seen;

    for (unsigned i = 0; i < 5; i++) {
        at_map(f, root, 3, 0x1000 * i, 0x123000, 12, FX_R);
    }
    g_assert_true(dump(f, &room, &seen));
    room = (NyxDumpRoom) { 3, 0, 5 };
    g_assert_true(dump_mappings(f, &seen.entries[0], &room, &seen));
    FX_CHECK("enough", seen.leaves, 5);
    FX_CHECK("enough", room.tables, 0);
    FX_CHECK("enough", room.mappings, 0);
    room = (NyxDumpRoom) { 3, 0, 4 };
    g_assert_false(dump_mappings(f, &seen.entries[0], &room, &seen));
    FX_CHECK("mappings", seen.leaves, 4);
    room = (NyxDumpRoom) { 2, 0, 5 };
    g_assert_false(dump_mappings(f, &seen.entries[0], &room, &seen));
    FX_CHECK("tables", seen.leaves, 0);
    ax_free(f);
}

/* A look is not a request: no mark, no event, nothing cached or counted. */
static void test_silent(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = fx_mem_pages(&f->mem, 1);
    uint64_t w0 = AT_OPEN | AT_MODE(4) | AT_HAD(3) | root;
    NyxAmdRequesterStats stats;
    NyxDumpRoom room = ROOM;
    uint64_t at, event[2];
    Seen seen;

    at_dte(f, AX_SID, w0, AX_DID, 0, 0);
    at_map(f, root, 4, 0x7000, 0x123000, 12, FX_RW);
    at = at_entry(f, root, 4, 0x7000, 1);
    ax_forget(f);
    g_assert_true(dump(f, &room, &seen));
    g_assert_true(dump_mappings(f, &seen.entries[0], &room, &seen));
    FX_CHECK("mappings", seen.leaves, 1);
    FX_CHECK("marks", fx_mem_peek(&f->mem, at) & 0x60, 0);
    /* And a faulty one is not reported. */
    at_dte(f, AX_SID, w0 | 4, AX_DID, 0, 0);
    g_assert_true(dump(f, &room, &seen));
    FX_CHECK("events", at_event(f, event), false);
    FX_CHECK("findings", ax_all_findings(f), 0);
    FX_CHECK("aborts", f->target_aborts, 0);
    stats = nyx_amd_requester_stats(f->r);
    FX_CHECK("walks", stats.walks, 0);
    FX_CHECK("entry", stats.dte.misses, 0);
    /* Memory counts, not what a request has cached. */
    at_dte(f, AX_SID, w0, AX_DID, 0, 0);
    FX_CHECK("DMA", at_dma(f, FX_R, 0x7000), 0x123000);
    at_map(f, root, 4, 0x7000, 0x456000, 12, FX_RW);
    g_assert_true(dump(f, &room, &seen));
    g_assert_true(dump_mappings(f, &seen.entries[0], &room, &seen));
    FX_CHECK("memory", seen.leaf[0].addr, 0x456000);
    FX_CHECK("DMA", at_dma(f, FX_R, 0x7000), 0x123000);
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-amdvi/dump/" name, fn)
    ADD("devices", test_devices);
    ADD("unusable", test_unusable);
    ADD("host", test_host);
    ADD("unused", test_unused);
    ADD("pasids", test_pasids);
    ADD("pasid-width", test_pasid_width);
    ADD("gcr3-unusable", test_gcr3_unusable);
    ADD("guest", test_guest);
    ADD("nested", test_nested);
    ADD("nested-hidden", test_nested_hidden);
    ADD("interrupts", test_interrupts);
    ADD("interrupts-none", test_interrupts_none);
    ADD("room", test_room);
    ADD("room-mappings", test_room_mappings);
    ADD("silent", test_silent);
    return g_test_run();
}
