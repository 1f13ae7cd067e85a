/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Invalidation in scalable mode, through the device: what is cached stays
 * until a command names it by the right tag, and goes then.
 */
#include "qemu/osdep.h"
#include "nyx-vtd-scalable.h"

/* Each page holds its own address, so that a read tells where it arrived. */
static uint64_t marked_page(Scene *s)
{
    uint64_t page = nyx_pc_pages(s->v->pc, 1);

    qtest_writeq(s->v->qts, page, page);
    return page;
}

static uint64_t where(Scene *s, int pasid, uint64_t iova)
{
    return dma_read(&s->td, pasid, 0, iova);
}

typedef struct Row {
    const char *name;
    uint64_t lo;             /* of the descriptor */
    uint64_t hi;
    bool drops;
} Row;

/* --- Translations --------------------------------------------------------- */

#define IH      0x40
#define GPA     (QVTD_BIAS + 0x700000)  /* somewhere in the second stage */

/* 9.2 of the digest.  PASID 1 is of domain 11h, 2 of 12h, 3 of 13h. */
static const Row first_rows[] = {
    { "PASID", 0x0000000100110026, 0, true },
    { "PASID, another one", 0x0000000200110026, 0, false },
    { "PASID, far one", 0x0008010000110026, 0, false },
    { "PASID, other domain", 0x0000000100120026, 0, false },
    { "page", 0x0000000100110036, IOVA, true },
    { "page, IH", 0x0000000100110036, IOVA | IH, true },
    { "page, next", 0x0000000100110036, IOVA + 0x1000, false },
    { "page, other PASID", 0x0000000200110036, IOVA, false },
    { "page, other domain", 0x0000000100120036, IOVA, false },
    { "8 pages, below", 0x0000000100110036, (IOVA & -0x8000ull) | 3, true },
    { "8 pages, beside", 0x0000000100110036,
      ((IOVA & -0x8000ull) + 0x8000) | 3, false },
    { "1G", 0x0000000100110036, (IOVA & -0x40000000ull) | 18, true },
    { "2^48", 0x0000000100110036, 36, true },
    { "2^63, lower", 0x0000000100110036, 51, true },
    { "2^63, upper", 0x0000000100110036, 1ull << 63 | 51, false },
    { "all, AM 52", 0x0000000100110036, 52, true },
    { "all, AM 63", 0x0000000100110036, 63, true },
    { "domain's page", 0x001100f2, IOVA, false },
    { "domain", 0x001100e2, 0, true },
    { "other domain", 0x001200e2, 0, false },
    { "global", 0xd2, 0, true },
    { "context, global", 0x11, 0, false },
    { "PASID cache, global", 0x37, 0, false },
};

static const Row second_rows[] = {
    { "page", 0x001200f2, IOVA, true },
    { "page, IH", 0x001200f2, IOVA | IH, true },
    { "page, next", 0x001200f2, IOVA + 0x1000, false },
    { "page, other domain", 0x001100f2, IOVA, false },
    { "1G", 0x001200f2, (IOVA & -0x40000000ull) | 18, true },
    { "1G beside", 0x001200f2, (IOVA & -0x40000000ull) - 0x40000000 + 18,
      false },
    { "domain", 0x001200e2, 0, true },
    { "other domain", 0x001300e2, 0, false },
    { "global", 0xd2, 0, true },
    { "context, global", 0x11, 0, false },
    { "PASID cache, global", 0x37, 0, false },
    { "other PASID of it", 0x0000000100120026, 0, false },
};

static const Row nested_rows[] = {
    { "PASID", 0x0000000300130026, 0, true },
    { "PASID, another one", 0x0000000100130026, 0, false },
    { "PASID, other domain", 0x0000000300110026, 0, false },
    { "page", 0x0000000300130036, IOVA, true },
    { "page, next", 0x0000000300130036, IOVA + 0x1000, false },
    { "page, other PASID", 0x0000000200130036, IOVA, false },
    /* Which guest page a translation went through is not known. */
    { "domain's page", 0x001300f2, GPA, true },
    { "other domain's page", 0x001200f2, GPA, false },
    { "domain", 0x001300e2, 0, true },
    { "other domain", 0x001100e2, 0, false },
    { "global", 0xd2, 0, true },
    { "context, global", 0x11, 0, false },
    { "PASID cache, global", 0x37, 0, false },
};

/* Map IOVA to @page: in @stage of a nested space, or in the only one. */
static void remap(Scene *s, unsigned pgtt, unsigned stage, uint64_t page)
{
    const QVtdSpace *space = &s->space[pgtt];

    if (pgtt != QVTD_NESTED) {
        qvtd_space_map(space, IOVA, page, 12);
    } else if (stage == 1) {
        qvtd_fs_map(space, IOVA, page + QVTD_BIAS, 12, QVTD_FS_USER);
        qvtd_ss_map(space, page + QVTD_BIAS, page, 12, 3);
    } else {
        qvtd_ss_map(space, s->page[pgtt] + QVTD_BIAS, page, 12, 3);
    }
}

static void check_leaf(Scene *s, const Row *row, unsigned pgtt,
                       unsigned stage, bool rid)
{
    g_autofree char *name = g_strdup_printf("%s, type %u, stage %u, RID %u",
                                            row->name, pgtt, stage, rid);
    int pasid = rid ? NO_PASID : (int)pgtt;
    uint64_t old = s->page[pgtt], new = marked_page(s);

    remap(s, pgtt, 1, old);
    remap(s, pgtt, 2, old);
    scene_rid(s, rid ? pgtt : 0);
    qvtd_flush_scalable(s->v);
    NYX_CHECK(name, where(s, pasid, IOVA), old);
    remap(s, pgtt, stage, new);
    NYX_CHECK(name, where(s, pasid, IOVA), old);
    g_assert_true(qvtd_submit(s->v, row->lo, row->hi));
    NYX_CHECK(name, where(s, pasid, IOVA), row->drops ? new : old);
    qvtd_flush_scalable(s->v);
    NYX_CHECK(name, where(s, pasid, IOVA), new);
    expect_no_fault(s, name);
}

static void check_leaves(Scene *s, const Row *rows, unsigned n, unsigned pgtt)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned stage = 1; stage <= (pgtt == QVTD_NESTED ? 2 : 1);
             stage++) {
            check_leaf(s, &rows[i], pgtt, stage, false);
            check_leaf(s, &rows[i], pgtt, stage, true);
        }
    }
}

static void test_iotlb(gconstpointer options)
{
    Scene s = scene_start(options);

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_NESTED; pgtt++) {
        qtest_writeq(s.v->qts, s.page[pgtt], s.page[pgtt]);
    }
    check_leaves(&s, first_rows, ARRAY_SIZE(first_rows), QVTD_FIRST);
    check_leaves(&s, second_rows, ARRAY_SIZE(second_rows), QVTD_SECOND);
    check_leaves(&s, nested_rows, ARRAY_SIZE(nested_rows), QVTD_NESTED);
    scene_end(&s);
}

/* cache=off: each change shows at once, whatever it is. */
static void test_no_cache(void)
{
    Scene s = scene_start(",cache=off");

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_NESTED; pgtt++) {
        for (unsigned i = 0; i < 4; i++) {
            uint64_t page = marked_page(&s);

            remap(&s, pgtt, 1, page);
            NYX_CHECK("off", where(&s, pgtt, IOVA), page);
        }
    }
    scene_end(&s);
}

/* Two PASIDs with one set of tables, of one domain: each has its own entry. */
static void test_pasids_of_a_domain(void)
{
    Scene s = scene_start("");
    uint64_t old = marked_page(&s), new = marked_page(&s);

    remap(&s, QVTD_FIRST, 1, old);
    qvtd_space_share(&s.space[QVTD_FIRST], SID, 0x54321);
    qvtd_flush_scalable(s.v);
    NYX_CHECK("1", where(&s, 1, IOVA), old);
    NYX_CHECK("54321", where(&s, 0x54321, IOVA), old);
    remap(&s, QVTD_FIRST, 1, new);
    g_assert_true(qvtd_submit(s.v, 0x0005432100110026, 0));
    NYX_CHECK("1", where(&s, 1, IOVA), old);
    NYX_CHECK("54321", where(&s, 0x54321, IOVA), new);
    g_assert_true(qvtd_submit(s.v, 0x0000000100110036, IOVA));
    NYX_CHECK("1", where(&s, 1, IOVA), new);
    scene_end(&s);
}

/* 6.5.2.4: table pointers go with IH = 0 only. */
static void test_paging_structures(void)
{
    Scene s = scene_start("");

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_SECOND; pgtt++) {
        uint64_t old = marked_page(&s), new = marked_page(&s);
        uint64_t table = nyx_pc_pages(s.v->pc, 1), at;
        uint64_t lo = pgtt == QVTD_FIRST ? 0x0000000100110036 : 0x001200f2;

        remap(&s, pgtt, 1, old);
        qvtd_flush_scalable(s.v);
        NYX_CHECK("cached", where(&s, pgtt, IOVA), old);
        qtest_writeq(s.v->qts, table + (IOVA >> 12 & 511) * 8, new | 7);
        at = pgtt == QVTD_FIRST ? qvtd_fs_entry(&s.space[pgtt], IOVA, 2)
                                : qvtd_ss_entry(&s.space[pgtt], IOVA, 2);
        qtest_writeq(s.v->qts, at, table | 7);
        NYX_CHECK("stale", where(&s, pgtt, IOVA), old);
        g_assert_true(qvtd_submit(s.v, lo, IOVA | IH));
        NYX_CHECK("IH", where(&s, pgtt, IOVA), old);
        g_assert_true(qvtd_submit(s.v, lo, IOVA));
        NYX_CHECK("no IH", where(&s, pgtt, IOVA), new);
    }
    scene_end(&s);
}

/* --- PASID cache ---------------------------------------------------------- */

#define NEW_DID 0x20

/* With DID and PASID of the entry that was loaded still to be put in. */
typedef struct CacheRow {
    const char *name;
    uint64_t lo;
    bool with_did;
    bool with_pasid;
    bool drops;
} CacheRow;

static const CacheRow cache_rows[] = {
    { "PASID cache, global", 0x37, false, false, true },
    { "PASID cache, domain", 0x07, true, false, true },
    { "PASID cache, other domain", 0x00660007, false, false, false },
    { "PASID cache, new domain", NEW_DID << 16 | 0x07, false, false, false },
    { "PASID cache, PASID", 0x17, true, true, true },
    { "PASID cache, other PASID", 0x0000000700000017, true, false, false },
    { "PASID cache, far PASID", 0x0008000000000017, true, true, false },
    { "PASID cache, PASID of another domain", 0x00660017, false, true,
      false },
    { "PASID cache, PASID of the new domain", NEW_DID << 16 | 0x17, false,
      true, false },
    { "context, global", 0x11, false, false, true },
    { "context, function", (uint64_t)SID << 32 | 0x31, false, false, true },
    { "context, other function", (uint64_t)SID2 << 32 | 0x31, false, false,
      false },
    { "IOTLB, global", 0xd2, false, false, false },
    { "IOTLB, domain", 0xe2, true, false, false },
    { "PASID IOTLB", 0x26, true, true, false },
    { "wait", 0x15, false, false, false },
};

/* The entry of PASID @pgtt is replaced by that of other tables. */
static void check_entry(Scene *s, const CacheRow *row, unsigned pgtt,
                        const QVtdSpace *other, bool rid)
{
    g_autofree char *name = g_strdup_printf("%s, type %u, RID %u", row->name,
                                            pgtt, rid);
    QTestState *qts = s->v->qts;
    uint64_t iova = scene_iova(s, pgtt), old = s->page[pgtt];
    uint64_t at = s->space[pgtt].at, new = s->page[0];
    int pasid = rid ? NO_PASID : (int)pgtt;
    uint64_t lo = row->lo | (row->with_did ? (DID + pgtt) << 16 : 0) |
                  (row->with_pasid ? (uint64_t)pgtt << 32 : 0);
    uint64_t was[3], now[3];

    qtest_memread(qts, at, was, sizeof(was));
    qtest_memread(qts, other->at, now, sizeof(now));
    scene_rid(s, rid ? pgtt : 0);
    qvtd_flush_scalable(s->v);
    NYX_CHECK(name, where(s, pasid, iova), old);
    qtest_memwrite(qts, at, now, sizeof(now));
    /* Not from the IOTLB: the old entry's tables are walked again. */
    g_assert_true(qvtd_submit(s->v, 0xd2, 0));
    NYX_CHECK(name, where(s, pasid, iova), old);
    g_assert_true(qvtd_submit(s->v, lo, 0));
    NYX_CHECK(name, where(s, pasid, iova), row->drops ? new : old);
    qvtd_flush_scalable(s->v);
    NYX_CHECK(name, where(s, pasid, iova), new);
    qtest_memwrite(qts, at, was, sizeof(was));
    expect_no_fault(s, name);
}

static void test_pasid_cache(gconstpointer options)
{
    Scene s = scene_start(options);

    s.page[0] = marked_page(&s);
    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_PASS; pgtt++) {
        unsigned type = pgtt == QVTD_PASS ? QVTD_SECOND : pgtt;
        QVtdSpace other = qvtd_space(s.v, SID, 8 + pgtt, type, NEW_DID, 4);

        qtest_writeq(s.v->qts, s.page[pgtt], s.page[pgtt]);
        qvtd_space_map(&other, scene_iova(&s, pgtt), s.page[0], 12);
        for (unsigned i = 0; i < ARRAY_SIZE(cache_rows); i++) {
            check_entry(&s, &cache_rows[i], pgtt, &other, false);
            check_entry(&s, &cache_rows[i], pgtt, &other, true);
        }
    }
    scene_end(&s);
}

/* What is not present is not cached, but with caching mode on. */
static void test_not_present(void)
{
    for (unsigned cm = 0; cm < 2; cm++) {
        Scene s = scene_start(cm ? ",caching-mode=on,flts=on" : "");
        uint64_t at = qvtd_pasid_at(s.v, SID, 9);
        uint64_t words[3];

        NYX_CHECK("absent", dma(&s.td, 9, NYX_TD_OP_READ, 0, IOVA),
                  NYX_TD_ST_BLOCKED);
        NYX_CHECK("absent", qvtd_take_code(s.v), 0x59);
        qtest_memread(s.v->qts, s.space[1].at, words, sizeof(words));
        qtest_memwrite(s.v->qts, at, words, sizeof(words));
        NYX_CHECK("present", dma(&s.td, 9, NYX_TD_OP_READ, 0, IOVA),
                  cm ? NYX_TD_ST_BLOCKED : NYX_TD_ST_OK);
        NYX_CHECK("present", qvtd_take_code(s.v), cm ? 0x59 : 0);
        g_assert_true(qvtd_submit(s.v, 0x0000000900110017, 0));
        g_assert_true(qvtd_submit(s.v, 0x37, 0));
        NYX_CHECK("told", dma(&s.td, 9, NYX_TD_OP_READ, 0, IOVA),
                  NYX_TD_ST_OK);
        expect_no_fault(&s, "told");
        scene_end(&s);
    }
}

/* --- Context entries ------------------------------------------------------ */

static void test_context(void)
{
    static const Row rows[] = {
        { "global", 0x11, 0, true },
        { "function", (uint64_t)SID << 32 | 0x31, 0, true },
        { "function, whatever the domain", (uint64_t)SID << 32 | 0x00660031,
          0, true },
        { "all functions of the device",
          (uint64_t)(SID + 3) << 32 | 3ull << 48 | 0x31, 0, true },
        { "another function", (uint64_t)SID2 << 32 | 0x31, 0, false },
        { "its neighbour", (uint64_t)(SID + 3) << 32 | 0x31, 0, false },
        { "IOTLB", 0xd2, 0, false },
    };
    Scene s = scene_start("");
    QTestState *qts = s.v->qts;

    for (unsigned pgtt = QVTD_FIRST; pgtt <= QVTD_SECOND; pgtt++) {
        qtest_writeq(qts, s.page[pgtt], s.page[pgtt]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *name = rows[i].name;

        scene_rid(&s, QVTD_FIRST);
        qvtd_flush_scalable(s.v);
        NYX_CHECK(name, where(&s, NO_PASID, IOVA), s.page[QVTD_FIRST]);
        scene_rid(&s, QVTD_SECOND);
        NYX_CHECK(name, where(&s, NO_PASID, IOVA), s.page[QVTD_FIRST]);
        g_assert_true(qvtd_submit(s.v, rows[i].lo, rows[i].hi));
        NYX_CHECK(name, where(&s, NO_PASID, IOVA),
                  s.page[rows[i].drops ? QVTD_SECOND : QVTD_FIRST]);
    }
    scene_end(&s);
}

/* --- Device-TLB ----------------------------------------------------------- */

typedef struct Ats {
    Scene s;
    NyxTestdev other;
} Ats;

static Ats ats_start(void)
{
    Ats a;
    QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu,scalable-mode=on,"
                         "device-iotlb=on -device nyx-testdev,addr=4 "
                         "-device nyx-testdev,addr=5");

    a.s = (Scene) { .v = v, .td = nyx_td_get(v->pc->pci, SID) };
    a.other = nyx_td_get(v->pc->pci, SID2);
    nyx_td_ats(v->pc, SID, true);
    nyx_td_ats(v->pc, SID2, true);
    nyx_td_notify(&a.s.td, NYX_TD_NOTIFY_DEV_UNMAP);
    nyx_td_notify(&a.other, NYX_TD_NOTIFY_DEV_UNMAP);
    g_assert_true(qvtd_enable_scalable(v));
    a.s.ctx = qvtd_function(v, SID);
    scene_space(&a.s, QVTD_FIRST);
    qvtd_space_share(&a.s.space[QVTD_FIRST], SID2, QVTD_FIRST);
    return a;
}

static void ats_end(Ats *a)
{
    nyx_td_put(&a->other);
    scene_end(&a->s);
}

/* What is in the device goes when it is told, and it alone is told. */
static void test_device_tlb(void)
{
    static const Row rows[] = {
        /* Type 8: MIP 8:4, SID 31:16, PASID; G 64, S 75 */
        { "page", 0x0000000100200008, IOVA, true },
        { "page, next", 0x0000000100200008, IOVA + 0x1000, false },
        { "8K", 0x0000000100200008, (IOVA & -0x2000ull) | 1 << 11, true },
        { "2M", 0x0000000100200008, (IOVA & -0x200000ull) | 0xff000 | 1 << 11,
          true },
        { "2M beside", 0x0000000100200008,
          ((IOVA & -0x200000ull) + 0x200000) | 0xff000 | 1 << 11, false },
        { "everything", 0x0000000100200008, 0x7ffffffffffff800, true },
        { "all PASIDs", 0x0000000000200008, 0x7ffffffffffff801, true },
        { "other function", 0x0000000100280008, 0x7ffffffffffff800, false },
        /* Type 3: SID 47:32; S 64 */
        { "without PASID", 0x0000002000000003, 0x7ffffffffffff001, false },
        { "without PASID, other function", 0x0000002800000003,
          0x7ffffffffffff001, false },
        { "PASID IOTLB", 0x0000000100110026, 0, false },
        { "IOTLB, global", 0xd2, 0, false },
        { "PASID cache, global", 0x37, 0, false },
    };
    Ats a = ats_start();
    Scene *s = &a.s;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const Row *row = &rows[i];
        uint64_t old = marked_page(s), new = marked_page(s);

        nyx_td_w32(&s->td, NYX_TD_ATC_CTRL, NYX_TD_ATC_FLUSH);
        remap(s, QVTD_FIRST, 1, old);
        qvtd_flush_scalable(s->v);
        NYX_CHECK(row->name, dma_read(&s->td, 1, NYX_TD_ATTR_AT_ATC, IOVA),
                  old);
        remap(s, QVTD_FIRST, 1, new);
        qvtd_flush_scalable(s->v);
        NYX_CHECK(row->name, dma_read(&s->td, 1, NYX_TD_ATTR_AT_ATC, IOVA),
                  old);
        g_assert_true(qvtd_submit(s->v, row->lo, row->hi));
        NYX_CHECK(row->name, dma_read(&s->td, 1, NYX_TD_ATTR_AT_ATC, IOVA),
                  row->drops ? new : old);
        expect_no_fault(s, row->name);
    }
    ats_end(&a);
}

/* Nobody is there: ITE with the function, and the queue goes on after it. */
static void test_device_tlb_silent(void)
{
    Ats a = ats_start();
    Scene *s = &a.s;

    nyx_td_ats(s->v->pc, SID2, false);
    NYX_CHECK("silent", qvtd_submit(s->v, 0x0000000100280008, IOVA), 0);
    NYX_CHECK("FSTS", qvtd_r32(s->v, QVTD_FSTS) & 0xff, QVTD_FSTS_ITE);
    NYX_CHECK("ITESID", qvtd_r64(s->v, QVTD_IQERCD) >> 32 & 0xffff, SID2);
    NYX_CHECK("found", qvtd_mistakes(s->v, "vtd.devtlb.no-answer"), 1);
    qvtd_w32(s->v, QVTD_FSTS, QVTD_FSTS_ITE);
    NYX_CHECK("again", qvtd_submit(s->v, 0x0000000100200008, IOVA), 1);
    ats_end(&a);
}

/* Of a unit that offers no device-TLBs, types 3 and 8 do not exist. */
static void test_device_tlb_not_offered(void)
{
    Scene s = scene_start("");

    NYX_CHECK("type 8", qvtd_submit(s.v, 0x0000000100200008, IOVA), 0);
    NYX_CHECK("FSTS", qvtd_r32(s.v, QVTD_FSTS) & 0xff, QVTD_FSTS_IQE);
    NYX_CHECK("IQEI", qvtd_r64(s.v, QVTD_IQERCD) & 15, 3);
    scene_end(&s);
}

/* --- Consumers of mappings ------------------------------------------------ */

/* What a consumer such as VFIO has at IOVA; 0 for nothing. */
static uint64_t followed(Scene *s)
{
    NyxTdMapping mapping = nyx_td_shadow_find(&s->td, IOVA);

    return mapping.len ? mapping.addr + (IOVA - mapping.iova) : 0;
}

/* The second stage of requests without a PASID, and what becomes of it. */
static void test_consumers(void)
{
    Scene s = scene_start(",caching-mode=on,flts=on");
    QTestState *qts = s.v->qts;
    uint64_t old = s.page[QVTD_SECOND], new = marked_page(&s);
    uint64_t at = s.space[QVTD_SECOND].at, words[3], first[3];

    scene_rid(&s, QVTD_SECOND);
    qvtd_flush_scalable(s.v);
    nyx_td_notify(&s.td, NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP);
    NYX_CHECK("replay", followed(&s), old);
    remap(&s, QVTD_SECOND, 1, new);
    g_assert_true(qvtd_submit(s.v, 0x0000000200120036, IOVA));
    NYX_CHECK("PASID IOTLB", followed(&s), old);
    g_assert_true(qvtd_submit(s.v, 0x001200f2, IOVA));
    NYX_CHECK("IOTLB", followed(&s), new);

    /* The first stage is not for them, until the second is back. */
    qtest_memread(qts, at, words, sizeof(words));
    qtest_memread(qts, s.space[QVTD_FIRST].at, first, sizeof(first));
    qtest_memwrite(qts, at, first, sizeof(first));
    NYX_CHECK("not told", followed(&s), new);
    g_assert_true(qvtd_submit(s.v, 0x0000000200120017, 0));
    NYX_CHECK("first stage", followed(&s), 0);
    qtest_memwrite(qts, at, words, sizeof(words));
    g_assert_true(qvtd_submit(s.v, 0x37, 0));
    NYX_CHECK("second stage", followed(&s), new);
    NYX_CHECK("objections", nyx_td_r32(&s.td, NYX_TD_NOTIFY_ERRORS), 0);
    scene_end(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx/vtd-scalable-inv/" name, fn)
#define ADD_DATA(name, data, fn) \
    qtest_add_data_func("/nyx/vtd-scalable-inv/" name, data, fn)
    ADD_DATA("iotlb", "", test_iotlb);
    ADD_DATA("iotlb/sticky", ",cache=sticky", test_iotlb);
    ADD("iotlb/off", test_no_cache);
    ADD("pasids-of-a-domain", test_pasids_of_a_domain);
    ADD("paging-structures", test_paging_structures);
    ADD_DATA("pasid-cache", "", test_pasid_cache);
    ADD_DATA("pasid-cache/sticky", ",cache=sticky", test_pasid_cache);
    ADD("not-present", test_not_present);
    ADD("context", test_context);
    ADD("consumers", test_consumers);
    ADD("device-tlb", test_device_tlb);
    ADD("device-tlb/silent", test_device_tlb_silent);
    ADD("device-tlb/not-offered", test_device_tlb_not_offered);
    return g_test_run();
}
