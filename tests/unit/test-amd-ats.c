/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATS: translation requests with all fields of their completion, translated
 * requests.
 */
#include "qemu/osdep.h"
#include "amd-tables.h"

#define IOVA 0x40005000ULL
#define TARGET 0x80003000ULL
#define GVA 0x7f0000005000ULL

#define TR (1ULL << 56)
#define PR (1ULL << 52)
#define RZ (1ULL << 55)
#define CODE(n) ((uint64_t)(n) << 60)
#define TYPE(n) ((uint64_t)(n) << 57)

static NyxReply ats(Ax *f, unsigned access, uint64_t iova)
{
    const NyxRequest req = {
        .type = NYX_REQ_TRANSLATION, .access = access, .iova = iova,
    };

    return at_request(f, AX_SID, &req);
}

static NyxReply ats_pasid(Ax *f, uint32_t pasid, unsigned access,
                          uint64_t iova)
{
    const NyxRequest req = {
        .type = NYX_REQ_TRANSLATION, .access = access, .iova = iova,
        .has_pasid = true, .pasid = pasid,
    };

    return at_request(f, AX_SID, &req);
}

static uint64_t translated(Ax *f, unsigned access, uint64_t addr)
{
    const NyxRequest req = {
        .type = NYX_REQ_TRANSLATED, .access = access, .iova = addr,
    };
    NyxReply reply = at_request(f, AX_SID, &req);

    return reply.ok ? reply.addr : AX_REFUSED;
}

static void check_event(Ax *f, const char *row, uint64_t w0, uint64_t addr)
{
    uint64_t event[2] = { };

    at_event(f, event);
    FX_CHECK(row, event[0], w0);
    FX_CHECK(row, event[1], addr);
    FX_CHECK(row, at_event(f, event), false);
}

/* --- What may ask --------------------------------------------------------- */

typedef struct AdmitRow {
    const char *name;
    uint64_t w0;
    uint64_t w1;
    bool asks;               /* a translation request is answered */
    bool uses;               /* a translated one passes */
} AdmitRow;

static const AdmitRow admit_rows[] = {
    { "V=0", 0, AT_I, false, false },
    { "I=0", AT_OPEN, 0, false, false },
    { "I=1", AT_OPEN, AT_I, true, true },
    { "I=1, IR=IW=0", AT_V | AT_TV, AT_I, true, true },
    { "I=1, TV=0", AT_V, AT_I, true, true },
    { "I=0, Mode=4", AT_OPEN | AT_MODE(4), 0, false, false },
};

static void test_admitted(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(admit_rows); i++) {
        const AdmitRow *row = &admit_rows[i];
        Ax *f = at_new(NULL);

        at_dte(f, AX_SID, row->w0, row->w1, 0, 0);
        for (unsigned n = 0; n < 2; n++) {
            FX_CHECK(row->name, ats(f, FX_RW, IOVA).ok, row->asks);
            if (!row->asks) {
                /* Translation request of a device with I = 0. */
                check_event(f, row->name, CODE(8) | TYPE(1) | TR | AX_SID,
                            IOVA);
            }
            FX_CHECK(row->name, translated(f, FX_RW, IOVA),
                     row->uses ? IOVA : AX_REFUSED);
            if (!row->uses) {
                check_event(f, row->name, CODE(8) | TYPE(1) | AX_SID, IOVA);
            }
            FX_CHECK(row->name, ax_take_code(f), 0);
        }
        ax_free(f);
    }
}

/* I = 0, and the IOTLB has the page for others. */
static void test_cached_blocked(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = at_domain(f, AX_SID, AX_DID, 4);

    at_map(f, root, 4, IOVA, TARGET, 12, FX_RW);
    g_assert_cmphex(at_dma(f, FX_R, IOVA), ==, TARGET);
    g_assert_false(ats(f, FX_R, IOVA).ok);
    check_event(f, "I=0", CODE(8) | TYPE(1) | TR | AX_SID, IOVA);
    ax_free(f);
}

/* --- Fields of a completion ----------------------------------------------- */

typedef struct FieldRow {
    const char *name;
    uint64_t leaf;           /* bits of the host leaf besides IR and IW */
    unsigned rw;
    unsigned asks;
    unsigned access;
    unsigned fields;         /* NyxAtsField */
} FieldRow;

#define U_BIT (1ULL << 59)
#define FC_BIT (1ULL << 60)

static const FieldRow field_rows[] = {
    { "both", 0, FX_RW, FX_RW, FX_RW, 0 },
    { "read", 0, FX_R, FX_RW, FX_R, 0 },
    { "write", 0, FX_W, FX_RW, FX_W, 0 },
    { "nothing", 0, 0, FX_RW, 0, 0 },
    /* NW: it is not going to write. */
    { "no write", 0, FX_RW, FX_R, FX_R, 0 },
    { "write only, no write", 0, FX_W, FX_R, 0, 0 },
    { "U", U_BIT, FX_RW, FX_RW, FX_RW, NYX_ATS_UNTRANSLATED },
    { "FC", FC_BIT, FX_RW, FX_RW, FX_RW, NYX_ATS_SNOOP },
    { "U and FC", U_BIT | FC_BIT, FX_R, FX_RW, FX_R,
      NYX_ATS_UNTRANSLATED | NYX_ATS_SNOOP },
    { "FC without a right", FC_BIT, 0, FX_RW, 0, 0 },
    { "no execute without PASID", 0, FX_RW, FX_R | NYX_ACCESS_EXEC, FX_R, 0 },
};

static void test_fields(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(field_rows); i++) {
        const FieldRow *row = &field_rows[i];
        Ax *f = at_new(NULL);
        uint64_t root = fx_mem_pages(&f->mem, 1);

        at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | root, AX_DID | AT_I, 0, 0);
        at_map(f, root, 4, IOVA, TARGET, 12, row->rw);
        fx_mem_poke(&f->mem, at_entry(f, root, 4, IOVA, 1),
                    TARGET | row->leaf | AT_RIGHTS(row->rw) | 1);
        for (unsigned n = 0; n < 3; n++) {
            NyxReply reply = ats(f, row->asks, IOVA);

            FX_CHECK(row->name, reply.ok, true);
            FX_CHECK(row->name, reply.access, row->access);
            FX_CHECK(row->name, reply.ats, row->fields);
            if (row->access) {
                FX_CHECK(row->name, reply.addr, TARGET);
                FX_CHECK(row->name, reply.addr_mask, 0xfff);
            }
            if (n == 1 && row->rw) {
                at_dma(f, row->rw, IOVA);
            }
        }
        FX_CHECK(row->name, ax_take_code(f), 0);
        ax_free(f);
    }
}

static void test_sizes(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = fx_mem_pages(&f->mem, 1);
    NyxReply reply;

    at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | root, AX_DID | AT_I, 0, 0);
    at_map(f, root, 4, 0x40000000, 1ULL << 40, 21, FX_RW);
    at_map(f, root, 4, 0x80000000, 2ULL << 40, 25, FX_RW);
    reply = ats(f, FX_RW, 0x40123456);
    g_assert_cmphex(reply.addr, ==, (1ULL << 40) + 0x123456);
    g_assert_cmphex(reply.addr_mask, ==, 0x1fffff);
    reply = ats(f, FX_RW, 0x81234567);
    g_assert_cmphex(reply.addr, ==, (2ULL << 40) + 0x1234567);
    g_assert_cmphex(reply.addr_mask, ==, 0x1ffffff);
    /* Mode = 0, as far as nothing else lies there. */
    at_dte(f, AX_SID, AT_OPEN, AX_DID | AT_I, 0, 0);
    ax_inv_devtab(f, AX_SID);
    reply = ats(f, FX_RW, 0x1000);
    g_assert_cmphex(reply.addr, ==, 0x1000);
    g_assert_cmphex(reply.addr_mask, ==, 0x7fffffff);
    reply = ats(f, FX_RW, 0xfed00000);
    g_assert_cmphex(reply.addr_mask, ==, 0x1fffff);
    reply = ats(f, FX_RW, 0xfef00000);
    g_assert_cmphex(reply.addr_mask, ==, 0xfffff);
    reply = ats(f, FX_RW, 1ULL << 32);
    g_assert_cmphex(reply.addr_mask, ==, 0xffffffff);
    g_assert_cmpuint(ax_take_code(f), ==, 0);
    ax_free(f);
}

/* Mode0FC, of entries with attributes. */
static void test_mode0_fc(void)
{
    for (unsigned i = 0; i < 4; i++) {
        Ax *f = at_new(NULL);
        g_autofree char *row = g_strdup_printf("row %u", i);

        at_dte(f, AX_SID, AT_OPEN, AX_DID | AT_I, 0, (uint64_t)i << 54);
        FX_CHECK(row, ats(f, FX_RW, IOVA).ats, i == 3 ? NYX_ATS_SNOOP : 0);
        ax_free(f);
    }
}

static void test_pasid(void)
{
    Ax *f = at_new(NULL);
    uint64_t gcr3 = fx_mem_pages(&f->mem, 1);
    uint64_t cr3 = fx_mem_pages(&f->mem, 1);
    NyxReply reply;

    fx_mem_poke(&f->mem, gcr3 + 3 * 8, cr3 | 1);
    at_dte(f, AX_SID, AT_OPEN | AT_GV | at_gcr3_0(gcr3, 0),
           AX_DID | AT_I | at_gcr3_1(gcr3), 0, 0);
    at_guest_map(f, cr3, 4, GVA, TARGET, 12, 2, 0);
    at_guest_map(f, cr3, 4, GVA + 0x1000, TARGET, 12, 2 | 1ULL << 63, 0);
    /* A supervisors' page. */
    fx_mem_poke(&f->mem, at_guest_entry(f, cr3, 4, GVA + 0x2000, 1, 0),
                TARGET | 3);
    for (unsigned n = 0; n < 2; n++) {
        reply = ats_pasid(f, 3, FX_RW, GVA);
        g_assert_cmphex(reply.access, ==, FX_RW);
        g_assert_cmphex(reply.addr, ==, TARGET);
        reply = ats_pasid(f, 3, FX_RW | NYX_ACCESS_EXEC, GVA);
        g_assert_cmphex(reply.access, ==, FX_RW | NYX_ACCESS_EXEC);
        reply = ats_pasid(f, 3, FX_RW | NYX_ACCESS_EXEC, GVA + 0x1000);
        g_assert_cmphex(reply.access, ==, FX_RW);
        reply = ats_pasid(f, 3, FX_RW, GVA + 0x2000);
        g_assert_true(reply.ok);
        g_assert_cmphex(reply.access, ==, 0);
        /* Priv is repeated, whatever there is. */
        reply = ats_pasid(f, 3, FX_RW | NYX_ACCESS_PRIV, GVA + 0x2000);
        g_assert_cmphex(reply.access, ==, FX_RW | NYX_ACCESS_PRIV);
        reply = ats_pasid(f, 3, FX_RW | NYX_ACCESS_PRIV, GVA + 0x3000);
        g_assert_true(reply.ok);
        g_assert_cmphex(reply.access, ==, NYX_ACCESS_PRIV);
        /* In what would be the interrupt range. */
        reply = ats_pasid(f, 3, FX_RW, 0xfee00000);
        g_assert_true(reply.ok);
        g_assert_cmphex(reply.access, ==, 0);
    }
    g_assert_cmpuint(ax_take_code(f), ==, 0);
    ax_free(f);
}

/* A page that is granted for writing is dirty, unless NW. */
static void test_marks(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = fx_mem_pages(&f->mem, 1), leaf;

    at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | AT_HAD(3) | root, AX_DID | AT_I,
           0, 0);
    at_map(f, root, 4, IOVA, TARGET, 12, FX_RW);
    leaf = at_entry(f, root, 4, IOVA, 1);
    ats(f, FX_R, IOVA);
    g_assert_cmphex(fx_mem_peek(&f->mem, leaf) & 0x60, ==, 0x20);
    g_assert_cmphex(ats(f, FX_RW, IOVA).access, ==, FX_RW);
    g_assert_cmphex(fx_mem_peek(&f->mem, leaf) & 0x60, ==, 0x60);
    ax_free(f);
}

/* --- Refusals ------------------------------------------------------------- */

typedef struct RefusedRow {
    const char *name;
    uint64_t w0;             /* of the entry, besides Mode and the root */
    uint64_t iova;
    uint64_t leaf;           /* of IOVA */
    bool ok;                 /* R = W = 0 */
    uint64_t event;
} RefusedRow;

/* Easy mistake 48: no log entry for what is only not there. */
static const RefusedRow refused_rows[] = {
    { "not present", AT_OPEN, IOVA, 0, true, 0 },
    { "no directory", AT_OPEN, 1ULL << 40, 1, true, 0 },
    { "too wide", AT_OPEN, 1ULL << 50, 1, true, 0 },
    { "no rights", AT_OPEN, IOVA, TARGET | 1, true, 0 },
    { "no rights in the entry", AT_V | AT_TV, IOVA,
      TARGET | AT_RIGHTS(3) | 1, true, 0 },
    { "TV=0", AT_V, IOVA, TARGET | AT_RIGHTS(3) | 1, true, 0 },
    { "reserved bit", AT_OPEN, IOVA, TARGET | AT_RIGHTS(3) | 1 | 1ULL << 55,
      false, CODE(2) | PR | RZ | TR | (uint64_t)AX_DID << 32 },
    { "illegal entry", AT_OPEN | 4, IOVA, TARGET | AT_RIGHTS(3) | 1, false,
      CODE(1) | RZ | TR },
    { "interrupts", AT_OPEN, 0xfee00000, 1, false, CODE(8) | TR },
    { "reserved range", AT_OPEN, 0xfd00000000, 1, false, CODE(8) | TR },
    { "port I/O", AT_OPEN, 0xfdfc000000, 1, false, CODE(8) | TR },
    { "system management", AT_OPEN, 0xfdf9100000, 1, false, CODE(8) | TR },
};

static void test_refused(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(refused_rows); i++) {
        const RefusedRow *row = &refused_rows[i];
        Ax *f = at_new(NULL);
        uint64_t root = fx_mem_pages(&f->mem, 1);

        at_dte(f, AX_SID, row->w0 | AT_MODE(4) | root, AX_DID | AT_I, 0, 0);
        fx_mem_poke(&f->mem, at_entry(f, root, 4, IOVA, 1), row->leaf);
        for (unsigned n = 0; n < 2; n++) {
            NyxReply reply = ats(f, FX_R, row->iova);

            FX_CHECK(row->name, reply.ok, row->ok);
            FX_CHECK(row->name, reply.access, 0);
            if (row->event) {
                check_event(f, row->name, row->event | AX_SID, row->iova);
            } else {
                FX_CHECK(row->name, ax_take_code(f), 0);
            }
        }
        ax_free(f);
    }
}

/* Hardware errors are logged, as ever. */
static void test_hardware(void)
{
    Ax *f = at_new(NULL);

    at_dte(f, AX_SID, AT_OPEN | AT_MODE(4) | 1ULL << 45, AX_DID | AT_I, 0, 0);
    g_assert_false(ats(f, FX_R, IOVA).ok);
    check_event(f, "table", CODE(4) | TYPE(2) | TR | (uint64_t)AX_DID << 32 |
                AX_SID, 1ULL << 45);
    fx_mem_hole(&f->mem, at_dte_addr(f, AX_SID), at_dte_addr(f, AX_SID));
    ax_inv_devtab(f, AX_SID);
    g_assert_false(ats(f, FX_R, IOVA).ok);
    check_event(f, "entry", CODE(3) | TYPE(2) | TR | AX_SID,
                at_dte_addr(f, AX_SID));
    ax_free(f);
}

/* Of all things only interrupts and what is no memory are looked for. */
static void test_translated(void)
{
    Ax *f = at_new(NULL);
    uint64_t root = fx_mem_pages(&f->mem, 1), walks;

    at_dte(f, AX_SID, AT_V | AT_TV | AT_MODE(4) | root, AX_DID | AT_I, 0, 0);
    walks = nyx_amd_requester_stats(f->r).walks;
    g_assert_cmphex(translated(f, FX_RW, TARGET), ==, TARGET);
    g_assert_cmpuint(nyx_amd_requester_stats(f->r).walks, ==, walks);
    g_assert_cmpuint(ax_take_code(f), ==, 0);
    g_assert_cmphex(translated(f, FX_W, 0xfee00000), ==, AX_REFUSED);
    check_event(f, "interrupt", CODE(8) | TYPE(4) | AX_SID, 0xfee00000);
    g_assert_cmphex(translated(f, FX_R, 0xfee00000), ==, AX_REFUSED);
    check_event(f, "read", CODE(8) | AX_SID, 0xfee00000);
    g_assert_cmphex(translated(f, FX_R, 0xfe00000000), ==, AX_REFUSED);
    check_event(f, "reserved", CODE(8) | TYPE(6) | AX_SID, 0xfe00000000);
    ax_free(f);
}

/* A PASID makes no difference to a translated write of an interrupt. */
static void test_translated_pasid(void)
{
    const NyxRequest req = {
        .type = NYX_REQ_TRANSLATED, .access = FX_W, .iova = 0xfee00000,
        .has_pasid = true, .pasid = 3,
    };
    Ax *f = at_new(NULL);

    at_dte(f, AX_SID, AT_OPEN, AX_DID | AT_I, 0, 0);
    g_assert_false(at_request(f, AX_SID, &req).ok);
    g_assert_cmpuint(ax_take_code(f), ==, 8);
    ax_free(f);
}

/* IommuEn = 0: nobody translates. */
static void test_off(void)
{
    Ax *f = at_new(NULL);

    at_dte(f, AX_SID, AT_OPEN, AT_I, 0, 0);
    at_control(f, 1, 0);
    g_assert_false(ats(f, FX_R, IOVA).ok);
    g_assert_cmphex(translated(f, FX_R, IOVA), ==, IOVA);
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-amdvi/ats/admitted", test_admitted);
    g_test_add_func("/nyx-amdvi/ats/cached-blocked", test_cached_blocked);
    g_test_add_func("/nyx-amdvi/ats/fields", test_fields);
    g_test_add_func("/nyx-amdvi/ats/sizes", test_sizes);
    g_test_add_func("/nyx-amdvi/ats/mode0-fc", test_mode0_fc);
    g_test_add_func("/nyx-amdvi/ats/pasid", test_pasid);
    g_test_add_func("/nyx-amdvi/ats/marks", test_marks);
    g_test_add_func("/nyx-amdvi/ats/refused", test_refused);
    g_test_add_func("/nyx-amdvi/ats/hardware", test_hardware);
    g_test_add_func("/nyx-amdvi/ats/translated", test_translated);
    g_test_add_func("/nyx-amdvi/ats/translated-pasid", test_translated_pasid);
    g_test_add_func("/nyx-amdvi/ats/off", test_off);
    return g_test_run();
}
