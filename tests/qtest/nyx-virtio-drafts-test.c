/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drafts of nyx-virtio-iommu-pci with a real endpoint: tables of the
 * guest for its own requests and for PASIDs, its cache of translations, page
 * requests and responses, VFIO-like consumers, migration.  Numbers are typed
 * from docs/specs/nyx-virtio-iommu-drafts.rst.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-virtio-iommu.h"

#define SID     NYX_SID(0, 4, 0)
#define DOMAIN  7
#define PASID   0x123
#define IOVA    0x40000000ull

#define F_ATTACH_TABLE  (1ull << 8)
#define F_PASID         (1ull << 9)
#define F_PAGE_REQUEST  (1ull << 10)
#define DRAFTS          (F_ATTACH_TABLE | F_PASID | F_PAGE_REQUEST)

#define VTD_FIRST   4
#define AMD_V1      6
#define VTD_SECOND  0x100
#define AMD_V2      0x101

/* INVALIDATE */
#define S_DOMAIN    1
#define S_PASID     2
#define S_ADDRESS   4
#define C_IOTLB     1
#define C_DEVICE    2
#define HAS_PASID   1

#define NONE        UINT32_MAX

#define R       NYX_TD_ACCESS_READ
#define W       NYX_TD_ACCESS_WRITE
#define RW      (R | W)
#define LAST    (NYX_TD_PRI_F_PASID | NYX_TD_PRI_F_LAST)

#define OPTIONS ",x-attach-table=on,x-pasid=on,x-page-requests=on," \
                "x-pasid-bits=20,event-delay=0,device-iotlb=on"

typedef struct Fixture {
    NyxPc *pc;
    QVio *v;
    NyxTestdev td;
    uint64_t page;           /* two of them */
} Fixture;

static void enable(Fixture *f)
{
    f->v = qvio_start(f->pc, QVIO_F_USUAL);
    g_assert_cmphex(f->v->features & DRAFTS, ==, DRAFTS);
    f->td = nyx_td_get(f->pc->pci, SID);
    nyx_td_ats(f->pc, SID, true);
    nyx_pci_ext_writel(f->pc, SID,
                       nyx_pci_ext_cap(f->pc, SID, PCI_EXT_CAP_ID_PASID) + 4,
                       7 << 16);
    f->page = nyx_pc_pages(f->pc, 2);
}

static Fixture start(void)
{
    Fixture f = { };

    f.pc = nyx_pc_start("-M q35 -cpu qemu64,phys-bits=40 "
                        "-device nyx-virtio-iommu-pci,id=iommu,addr=3"
                        OPTIONS " -device nyx-testdev,addr=4");
    enable(&f);
    return f;
}

static void end(Fixture *f)
{
    nyx_td_put(&f->td);
    qvio_end(f->v);
    nyx_pc_end(f->pc);
}

/* --- Requests ------------------------------------------------------------- */

static unsigned request(Fixture *f, const uint8_t *bytes, unsigned len)
{
    QVioBuf buf = { .out = bytes, .out_len = len, .in_len = 4 };
    QVioDone done;

    return qvio_exchange(f->v, &buf, &done) ? qvio_answer(&done)
                                            : QVIO_NOT_USED;
}

static unsigned attach_table(Fixture *f, uint32_t pasid, unsigned format,
                             unsigned levels, uint64_t root)
{
    uint8_t bytes[84] = { 6 };

    stl_le_p(bytes + 4, DOMAIN);
    stl_le_p(bytes + 8, SID);
    if (pasid != NONE) {
        stl_le_p(bytes + 12, 1);
        stl_le_p(bytes + 20, pasid);
    }
    stw_le_p(bytes + 16, format);
    stq_le_p(bytes + 24, root);
    bytes[40] = levels;
    return request(f, bytes, sizeof(bytes));
}

static unsigned invalidate(Fixture *f, unsigned scope, unsigned caches,
                           uint32_t pasid, uint64_t iova, uint64_t pages)
{
    uint8_t bytes[60] = { 7 };

    stw_le_p(bytes + 4, scope);
    stw_le_p(bytes + 6, caches);
    stw_le_p(bytes + 8, pasid != NONE ? HAS_PASID : 0);
    stl_le_p(bytes + 12, DOMAIN);
    stl_le_p(bytes + 16, pasid != NONE ? pasid : 0);
    if (scope == S_ADDRESS) {
        stq_le_p(bytes + 32, iova);
        stq_le_p(bytes + 40, pages);
        bytes[48] = 12;
    }
    return request(f, bytes, sizeof(bytes));
}

static unsigned page_response(Fixture *f, uint32_t pasid, unsigned group,
                              unsigned code)
{
    uint8_t bytes[36] = { 8 };

    stl_le_p(bytes + 8, SID);
    stl_le_p(bytes + 12, pasid != NONE);
    stl_le_p(bytes + 16, pasid != NONE ? pasid : 0);
    stl_le_p(bytes + 20, group);
    stw_le_p(bytes + 24, code);
    return request(f, bytes, sizeof(bytes));
}

/* --- Tables --------------------------------------------------------------- */

typedef struct Format {
    const char *name;
    uint16_t id;
    uint64_t table;          /* bits of an entry, but NextLevel */
    uint64_t leaf;
} Format;

static const Format formats[] = {
    { "VT-d first stage", VTD_FIRST, 7, 7 },
    { "AMD v1", AMD_V1, 3ull << 61 | 1, 3ull << 61 | 1 },
    { "VT-d second stage", VTD_SECOND, 3, 3 },
    { "AMD v2", AMD_V2, 7, 7 },
};

#define LEVELS 4

/* Where the entry of the page at @iova is; tables on the way are made. */
static uint64_t entry_of(Fixture *f, const Format *fmt, uint64_t root,
                         uint64_t iova)
{
    uint64_t table = root;

    for (unsigned level = LEVELS; ; level--) {
        uint64_t at = table + (iova >> (12 + 9 * (level - 1)) & 511) * 8;
        uint64_t entry = qtest_readq(f->pc->qts, at);

        if (level == 1) {
            return at;
        }
        if (!(entry & 1)) {
            entry = nyx_pc_pages(f->pc, 1) | fmt->table;
            if (fmt->id == AMD_V1) {
                entry |= (uint64_t)(level - 1) << 9;
            }
            qtest_writeq(f->pc->qts, at, entry);
        }
        table = entry & 0x000ffffffffff000;
    }
}

static void map(Fixture *f, const Format *fmt, uint64_t root, uint64_t iova,
                uint64_t addr)
{
    qtest_writeq(f->pc->qts, entry_of(f, fmt, root, iova), addr | fmt->leaf);
}

/* --- DMA ------------------------------------------------------------------ */

static unsigned fill(Fixture *f, uint32_t pasid, uint32_t attr, uint64_t iova,
                     uint32_t value)
{
    return nyx_td_request(&f->td, (NyxTdReq) {
        .op = NYX_TD_OP_FILL, .addr = iova, .len = 4, .operand = value,
        .attr = attr | (pasid != NONE ? NYX_TD_ATTR_PASID : 0),
        .pasid = pasid != NONE ? pasid : 0,
    });
}

static void check_word(Fixture *f, const char *row, uint64_t addr,
                       uint32_t value)
{
    NYX_CHECK(row, qtest_readl(f->pc->qts, addr), value);
}

/* --- Tests ---------------------------------------------------------------- */

/* Each format, for plain requests and for those with a PASID. */
static void test_formats(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        const Format *fmt = &formats[i];
        Fixture f = start();
        uint64_t own = nyx_pc_pages(f.pc, 1), root = nyx_pc_pages(f.pc, 1);

        map(&f, fmt, own, IOVA, f.page);
        map(&f, fmt, root, IOVA, f.page + NYX_PAGE);
        NYX_CHECK(fmt->name, attach_table(&f, NONE, fmt->id, LEVELS, own),
                  QVIO_S_OK);
        NYX_CHECK(fmt->name, fill(&f, PASID, 0, IOVA, 1), NYX_TD_ST_BLOCKED);
        NYX_CHECK(fmt->name, attach_table(&f, PASID, fmt->id, LEVELS, root),
                  QVIO_S_OK);
        NYX_CHECK(fmt->name, fill(&f, NONE, 0, IOVA + 8, 0x11), NYX_TD_ST_OK);
        NYX_CHECK(fmt->name, fill(&f, PASID, 0, IOVA + 8, 0x22),
                  NYX_TD_ST_OK);
        check_word(&f, fmt->name, f.page + 8, 0x11);
        check_word(&f, fmt->name, f.page + NYX_PAGE + 8, 0x22);
        NYX_CHECK(fmt->name, fill(&f, NONE, 0, IOVA + NYX_PAGE, 1) ==
                  NYX_TD_ST_OK, false);
        NYX_CHECK(fmt->name, fill(&f, PASID, 0, IOVA + NYX_PAGE, 1),
                  NYX_TD_ST_BLOCKED);
        /* Bytes that are reserved; PASIDs that are too wide. */
        NYX_CHECK(fmt->name, attach_table(&f, 1 << 20, fmt->id, LEVELS, root),
                  QVIO_S_RANGE);
        NYX_CHECK(fmt->name, attach_table(&f, PASID, fmt->id, LEVELS,
                                          root | 1ull << 40), QVIO_S_RANGE);
        end(&f);
    }
}

/* A table of a PASID beside bypass, and beside mappings. */
static void test_beside(void)
{
    const Format *fmt = &formats[0];
    Fixture f = start();
    uint64_t root = nyx_pc_pages(f.pc, 1);

    map(&f, fmt, root, IOVA, f.page);
    NYX_CHECK("unattached", attach_table(&f, PASID, VTD_FIRST, LEVELS, root),
              QVIO_S_INVAL);
    NYX_CHECK("attach", qvio_attach(f.v, DOMAIN, SID, QVIO_ATTACH_BYPASS),
              QVIO_S_OK);
    NYX_CHECK("no table", fill(&f, PASID, 0, f.page, 1), NYX_TD_ST_BLOCKED);
    NYX_CHECK("table", attach_table(&f, PASID, VTD_FIRST, LEVELS, root),
              QVIO_S_OK);
    NYX_CHECK("PASID", fill(&f, PASID, 0, IOVA, 0x33), NYX_TD_ST_OK);
    check_word(&f, "PASID", f.page, 0x33);
    NYX_CHECK("plain", fill(&f, NONE, 0, f.page, 0x44), NYX_TD_ST_OK);
    check_word(&f, "plain", f.page, 0x44);

    NYX_CHECK("mappings", qvio_attach(f.v, DOMAIN + 1, SID, 0), QVIO_S_OK);
    NYX_CHECK("gone", fill(&f, PASID, 0, IOVA, 1), NYX_TD_ST_BLOCKED);
    NYX_CHECK("map", qvio_map(f.v, DOMAIN + 1, IOVA, IOVA + NYX_PAGE - 1,
                              f.page + NYX_PAGE, QVIO_MAP_RW), QVIO_S_OK);
    NYX_CHECK("plain", fill(&f, NONE, 0, IOVA, 0x55), NYX_TD_ST_OK);
    check_word(&f, "plain", f.page + NYX_PAGE, 0x55);
    end(&f);
}

/* What a domain was given, for people to look at. */
static void test_shown(void)
{
    Fixture f = start();
    uint64_t root = nyx_pc_pages(f.pc, 1);
    QObject *shown;
    const QDict *domain, *table;
    const QList *tables;
    g_autofree char *text = g_strdup_printf("0x%" PRIx64, root);

    attach_table(&f, NONE, AMD_V1, 3, root);
    attach_table(&f, PASID, VTD_FIRST, LEVELS, root);
    attach_table(&f, 1, AMD_V2, LEVELS, root);
    shown = nyx_pc_qom_get(f.pc, "/machine/peripheral/iommu", "domains");
    domain = qobject_to(QDict, qlist_peek(qdict_get_qlist(
        qobject_to(QDict, shown), "domains")));
    g_assert_cmpstr(qdict_get_str(domain, "kind"), ==, "tables");
    tables = qdict_get_qlist(domain, "tables");
    NYX_CHECK("tables", qlist_size(tables), 3);
    table = qobject_to(QDict, qlist_peek((QList *)tables));
    g_assert_false(qdict_haskey(table, "pasid"));
    g_assert_cmpstr(qdict_get_str(table, "format"), ==, "0x6");
    g_assert_cmpstr(qdict_get_str(table, "root"), ==, text);
    NYX_CHECK("levels", qdict_get_int(table, "levels"), 3);
    table = qobject_to(QDict, qlist_entry_obj(QTAILQ_NEXT(
        qlist_first(tables), next)));
    NYX_CHECK("PASID", qdict_get_int(table, "pasid"), 1);
    g_assert_cmpstr(qdict_get_str(table, "format"), ==, "0x101");
    qobject_unref(shown);
    end(&f);
}

/* What changes in memory is seen when INVALIDATE names it. */
static void test_stale(void)
{
    static const uint32_t pasids[] = { NONE, PASID };
    const Format *fmt = &formats[2];

    for (unsigned i = 0; i < ARRAY_SIZE(pasids); i++) {
        Fixture f = start();
        uint64_t root = nyx_pc_pages(f.pc, 1);

        map(&f, fmt, root, IOVA, f.page);
        if (pasids[i] != NONE) {
            qvio_attach(f.v, DOMAIN, SID, QVIO_ATTACH_BYPASS);
        }
        attach_table(&f, pasids[i], VTD_SECOND, LEVELS, root);
        NYX_CHECK("first", fill(&f, pasids[i], 0, IOVA, 1), NYX_TD_ST_OK);
        map(&f, fmt, root, IOVA, f.page + NYX_PAGE);
        NYX_CHECK("stale", fill(&f, pasids[i], 0, IOVA, 2), NYX_TD_ST_OK);
        check_word(&f, "stale", f.page, 2);
        NYX_CHECK("below", invalidate(&f, S_ADDRESS, C_IOTLB, pasids[i],
                                      IOVA - NYX_PAGE, 1), QVIO_S_OK);
        NYX_CHECK("device", invalidate(&f, S_ADDRESS, C_DEVICE, pasids[i],
                                       IOVA, 1), QVIO_S_OK);
        fill(&f, pasids[i], 0, IOVA, 3);
        check_word(&f, "still", f.page, 3);
        NYX_CHECK("page", invalidate(&f, S_ADDRESS, C_IOTLB, pasids[i], IOVA,
                                     1), QVIO_S_OK);
        fill(&f, pasids[i], 0, IOVA, 4);
        check_word(&f, "named", f.page, 3);
        check_word(&f, "named", f.page + NYX_PAGE, 4);
        end(&f);
    }
}

/* A fault report has 48 bytes, with the PASID and what was asked. */
static void test_fault(void)
{
    Fixture f = start();
    uint64_t root = nyx_pc_pages(f.pc, 1);
    QVioBuf buf = { .in_len = 48 };
    uint8_t want[48] = { 2 };
    QVioDone done;

    stl_le_p(want + 4, 0x30d);
    stl_le_p(want + 8, SID);
    stl_le_p(want + 12, PASID);
    stq_le_p(want + 16, IOVA + 0x10);
    qvio_attach(f.v, DOMAIN, SID, QVIO_ATTACH_BYPASS);
    attach_table(&f, PASID, VTD_FIRST, LEVELS, root);
    qvio_put(f.v, &f.v->events, &buf);
    qvio_kick(f.v, &f.v->events);
    NYX_CHECK("read", nyx_td_request(&f.td, (NyxTdReq) {
        .op = NYX_TD_OP_READ, .addr = IOVA + 0x10, .len = 4, .pasid = PASID,
        .attr = NYX_TD_ATTR_PASID | NYX_TD_ATTR_EXEC | NYX_TD_ATTR_PRIV,
    }), NYX_TD_ST_BLOCKED);
    g_assert_true(qvio_wait(f.v, &f.v->events, &done));
    NYX_CHECK("length", done.used, 48);
    g_assert_cmpmem(done.in, 48, want, 48);
    end(&f);
}

/* Entries of the endpoint's cache: of the PASID in bit 0, others' in bit 1. */
static unsigned left(Fixture *f)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < NYX_TD_ATC_ENTRIES_VALUE; i++) {
        uint32_t access;

        nyx_td_w32(&f->td, NYX_TD_ATC_INDEX, i);
        access = nyx_td_r32(&f->td, NYX_TD_ATC_ACCESS);
        if (access & NYX_TD_ATC_ACCESS_VALID) {
            bits |= access & NYX_TD_ATC_ACCESS_PASID ? 1 : 2;
        }
    }
    return bits;
}

static void test_device_tlb(void)
{
    const Format *fmt = &formats[0];
    static const struct {
        const char *name;
        unsigned scope, caches;
        uint32_t pasid;
        unsigned left;
    } rows[] = {
        { "IOTLB only", S_PASID, C_IOTLB, PASID, 3 },
        { "PASID", S_PASID, C_DEVICE, PASID, 2 },
        { "another PASID", S_PASID, C_DEVICE, PASID + 1, 3 },
        { "page of the PASID", S_ADDRESS, C_DEVICE, PASID, 2 },
        { "page", S_ADDRESS, C_DEVICE, NONE, 1 },
        { "domain", S_DOMAIN, C_DEVICE, NONE, 0 },
    };
    Fixture f = start();
    uint64_t own = nyx_pc_pages(f.pc, 1), root = nyx_pc_pages(f.pc, 1);

    map(&f, fmt, own, IOVA, f.page);
    map(&f, fmt, root, IOVA, f.page + NYX_PAGE);
    attach_table(&f, NONE, VTD_FIRST, LEVELS, own);
    attach_table(&f, PASID, VTD_FIRST, LEVELS, root);
    nyx_td_notify(&f.td, NYX_TD_NOTIFY_DEV_UNMAP);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NYX_CHECK(rows[i].name, fill(&f, NONE, NYX_TD_ATTR_AT_ATC, IOVA, i),
                  NYX_TD_ST_OK);
        NYX_CHECK(rows[i].name, fill(&f, PASID, NYX_TD_ATTR_AT_ATC, IOVA, i),
                  NYX_TD_ST_OK);
        check_word(&f, rows[i].name, f.page, i);
        check_word(&f, rows[i].name, f.page + NYX_PAGE, i);
        NYX_CHECK(rows[i].name, left(&f), 3);
        NYX_CHECK(rows[i].name, invalidate(&f, rows[i].scope, rows[i].caches,
                                           rows[i].pasid, IOVA, 1),
                  QVIO_S_OK);
        NYX_CHECK(rows[i].name, left(&f), rows[i].left);
    }
    /* The end of a domain is that of everything. */
    fill(&f, NONE, NYX_TD_ATTR_AT_ATC, IOVA, 1);
    fill(&f, PASID, NYX_TD_ATTR_AT_ATC, IOVA, 1);
    NYX_CHECK("again", left(&f), 3);
    NYX_CHECK("detach", qvio_detach(f.v, DOMAIN, SID), QVIO_S_OK);
    NYX_CHECK("detached", left(&f), 0);
    end(&f);
}

/* --- Page requests -------------------------------------------------------- */

static void post(Fixture *f, unsigned n)
{
    QVioBuf buf = { .in_len = 48 };

    for (unsigned i = 0; i < n; i++) {
        qvio_put(f->v, &f->v->events, &buf);
    }
    qvio_kick(f->v, &f->v->events);
}

static uint64_t start_pages(Fixture *f)
{
    uint64_t root;

    *f = start();
    root = nyx_pc_pages(f->pc, 1);
    qvio_attach(f->v, DOMAIN, SID, QVIO_ATTACH_BYPASS);
    attach_table(f, PASID, VTD_FIRST, LEVELS, root);
    return root;
}

static void check_response(Fixture *f, const char *row, unsigned n,
                           uint32_t word)
{
    uint32_t pasid;

    NYX_CHECK(row, nyx_td_r32(&f->td, NYX_TD_PRI_RESPONSES), n + 1);
    NYX_CHECK(row, nyx_td_page_response(&f->td, n % 16, &pasid), word);
    NYX_CHECK(row, pasid, PASID);
}

/* A page that is not there, a request for it, and then it is. */
static void test_page_request(void)
{
    Fixture f;
    uint64_t root = start_pages(&f);
    uint8_t want[48] = { 2 };
    QVioDone done;

    stl_le_p(want + 4, 0x733);
    stl_le_p(want + 8, SID);
    stl_le_p(want + 12, PASID);
    stq_le_p(want + 16, IOVA);
    stw_le_p(want + 24, 0x155);
    NYX_CHECK("not there", nyx_td_request(&f.td, (NyxTdReq) {
        .op = NYX_TD_OP_TRANSLATE, .addr = IOVA, .pasid = PASID,
        .attr = NYX_TD_ATTR_PASID }), NYX_TD_ST_NO_MAPPING);
    post(&f, 2);
    NYX_CHECK("ask", nyx_td_page_request(&f.td, IOVA, RW | LAST, PASID,
                                         0x155), NYX_TD_ST_OK);
    g_assert_true(qvio_wait(f.v, &f.v->events, &done));
    NYX_CHECK("length", done.used, 48);
    g_assert_cmpmem(done.in, 48, want, 48);
    NYX_CHECK("waits", nyx_td_r32(&f.td, NYX_TD_PRI_OUTSTANDING), 1);
    map(&f, &formats[0], root, IOVA, f.page);
    NYX_CHECK("another", page_response(&f, PASID, 0x154, 0), QVIO_S_NOENT);
    NYX_CHECK("answer", page_response(&f, PASID, 0x155, 0), QVIO_S_OK);
    /* What was wrong reached the endpoint first, and was not expected. */
    check_response(&f, "answer", 1, 0x80030155);
    NYX_CHECK("waits", nyx_td_r32(&f.td, NYX_TD_PRI_OUTSTANDING), 0);
    NYX_CHECK("there", fill(&f, PASID, NYX_TD_ATTR_AT_ATC, IOVA, 0x66),
              NYX_TD_ST_OK);
    check_word(&f, "there", f.page, 0x66);
    end(&f);
}

/* Codes of the draft are not those of PCIe. */
static void test_codes(void)
{
    static const unsigned codes[] = { 0, 1, 15 };
    Fixture f;
    QVioDone done;

    start_pages(&f);
    post(&f, 8);
    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
        nyx_td_page_request(&f.td, IOVA, RW | LAST, PASID, i);
        g_assert_true(qvio_wait(f.v, &f.v->events, &done));
        NYX_CHECK("answer", page_response(&f, PASID, i, i), QVIO_S_OK);
        check_response(&f, "code", i, 0x80030000 | codes[i] << 12 | i);
    }
    NYX_CHECK("code 3", page_response(&f, PASID, 0, 3), QVIO_S_INVAL);
    end(&f);
}

/* The device answers for a driver that is not there to do it. */
static void test_own_answers(void)
{
    Fixture f;
    QVioDone done;

    start_pages(&f);
    nyx_td_page_request(&f.td, IOVA, RW | LAST, PASID, 1);
    check_response(&f, "no buffer", 0, 0x80031001);
    nyx_td_page_request(&f.td, IOVA, RW | LAST, PASID + 1, 2);
    NYX_CHECK("no table", nyx_td_r32(&f.td, NYX_TD_PRI_RESPONSES), 2);
    post(&f, 4);
    nyx_td_page_request(&f.td, IOVA, RW | LAST, PASID, 3);
    g_assert_true(qvio_wait(f.v, &f.v->events, &done));
    NYX_CHECK("waits", nyx_td_r32(&f.td, NYX_TD_PRI_OUTSTANDING), 1);
    qvio_reset(f.v);
    check_response(&f, "reset", 2, 0x8003f003);
    NYX_CHECK("waits", nyx_td_r32(&f.td, NYX_TD_PRI_OUTSTANDING), 0);
    nyx_td_page_request(&f.td, IOVA, RW | LAST, PASID, 4);
    check_response(&f, "no driver", 3, 0x8003f004);
    end(&f);
}

/* --- Others --------------------------------------------------------------- */

/* Who needs all mappings beforehand follows the table, by INVALIDATE. */
static void test_followed(void)
{
    const Format *fmt = &formats[2];
    Fixture f = start();
    uint64_t root = nyx_pc_pages(f.pc, 1);

    map(&f, fmt, root, IOVA, f.page);
    attach_table(&f, NONE, VTD_SECOND, LEVELS, root);
    NYX_CHECK("listens", nyx_td_notify(&f.td, NYX_TD_NOTIFY_MAP |
                                       NYX_TD_NOTIFY_UNMAP) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    NYX_CHECK("first", nyx_td_shadow_find(&f.td, IOVA).addr, f.page);
    map(&f, fmt, root, IOVA + 0x10000, f.page);
    NYX_CHECK("not yet", nyx_td_shadow_find(&f.td, IOVA + 0x10000).len, 0);
    invalidate(&f, S_ADDRESS, C_IOTLB, NONE, IOVA + 0x10000, 1);
    NYX_CHECK("named", nyx_td_shadow_find(&f.td, IOVA + 0x10000).addr,
              f.page);
    qtest_writeq(f.pc->qts, entry_of(&f, fmt, root, IOVA), 0);
    invalidate(&f, S_DOMAIN, C_IOTLB, NONE, 0, 0);
    NYX_CHECK("gone", nyx_td_shadow_find(&f.td, IOVA).len, 0);
    NYX_CHECK("objections", nyx_td_r32(&f.td, NYX_TD_NOTIFY_ERRORS), 0);
    end(&f);
}

#define MACHINE "-M q35 -bios %s -device nyx-virtio-iommu-pci,id=iommu," \
                "addr=3" OPTIONS " -device nyx-testdev,addr=4"

/* Tables, PASIDs and a request that is not answered yet move along. */
static void test_migrate(void)
{
    static uint8_t halt[64 * 1024];
    g_autofree char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    g_autofree char *firmware = g_build_filename(dir, "halt", NULL);
    const Format *fmt = &formats[0];
    Fixture f = { }, to;
    uint64_t own, root;
    QVioDone done;

    memset(halt, 0xf4, sizeof(halt));
    g_assert_true(g_file_set_contents(firmware, (char *)halt, sizeof(halt),
                                      NULL));
    f.pc = nyx_pc_boot(MACHINE, firmware);
    enable(&f);
    own = nyx_pc_pages(f.pc, 1);
    root = nyx_pc_pages(f.pc, 1);
    map(&f, fmt, own, IOVA, f.page);
    map(&f, fmt, root, IOVA, f.page + NYX_PAGE);
    NYX_CHECK("own", attach_table(&f, NONE, VTD_FIRST, LEVELS, own),
              QVIO_S_OK);
    NYX_CHECK("PASID", attach_table(&f, PASID, VTD_FIRST, LEVELS, root),
              QVIO_S_OK);
    post(&f, 2);
    nyx_td_page_request(&f.td, IOVA, RW | LAST, PASID, 5);
    g_assert_true(qvio_wait(f.v, &f.v->events, &done));

    nyx_migrate_to(f.pc->qts, path);
    to = f;
    to.pc = nyx_pc_boot(MACHINE " -incoming file:%s", firmware, path);
    nyx_migrate_wait(to.pc->qts);
    to.v = g_memdup2(f.v, sizeof(*f.v));
    to.v->pc = to.pc;
    to.v->qts = to.v->requests.ring.qts = to.v->events.ring.qts = to.pc->qts;
    to.v->dev = NULL;
    to.td = nyx_td_at(to.pc->qts, f.td.bar);
    NYX_CHECK("plain", fill(&to, NONE, 0, IOVA, 0x77), NYX_TD_ST_OK);
    check_word(&to, "plain", f.page, 0x77);
    NYX_CHECK("PASID", fill(&to, PASID, 0, IOVA, 0x88), NYX_TD_ST_OK);
    check_word(&to, "PASID", f.page + NYX_PAGE, 0x88);
    NYX_CHECK("another", fill(&to, PASID + 1, 0, IOVA, 1), NYX_TD_ST_BLOCKED);
    /* Only the endpoint knows that it waits. */
    NYX_CHECK("answer", page_response(&to, PASID, 5, 0), QVIO_S_OK);
    check_response(&to, "answer", 0, 0x80030005);
    NYX_CHECK("invalidate", invalidate(&to, S_PASID, C_IOTLB, PASID, 0, 0),
              QVIO_S_OK);
    g_free(to.v);
    nyx_pc_end(to.pc);
    end(&f);
    nyx_tmp_free(g_steal_pointer(&dir));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx-virtio/drafts/formats", test_formats);
    qtest_add_func("/nyx-virtio/drafts/beside", test_beside);
    qtest_add_func("/nyx-virtio/drafts/shown", test_shown);
    qtest_add_func("/nyx-virtio/drafts/stale", test_stale);
    qtest_add_func("/nyx-virtio/drafts/fault", test_fault);
    qtest_add_func("/nyx-virtio/drafts/device-tlb", test_device_tlb);
    qtest_add_func("/nyx-virtio/drafts/page-request", test_page_request);
    qtest_add_func("/nyx-virtio/drafts/codes", test_codes);
    qtest_add_func("/nyx-virtio/drafts/own-answers", test_own_answers);
    qtest_add_func("/nyx-virtio/drafts/followed", test_followed);
    qtest_add_func("/nyx-virtio/drafts/migrate", test_migrate);
    return g_test_run();
}
