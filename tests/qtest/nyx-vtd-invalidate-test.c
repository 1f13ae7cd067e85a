/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nyx-vtd caches, and what each invalidation drops: stale before, gone
 * after, neighbours as they were.  By registers and by the queue; then the
 * queue itself: errors and recovery, wrapping, its completion event.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-vtd.h"

#define SID_A   NYX_SID(0, 4, 0)
#define SID_B   NYX_SID(0, 4, 1)
#define SID_C   NYX_SID(0, 5, 0)

#define DID_A   10
#define DID_B   11
#define DID_C   12

#define IOVA    0x40000000ull

enum { GLOBAL = 1, DOMAIN, DEVICE, PAGE = 3 };

/* Three functions in a domain each; A and B are of one device. */
typedef struct Fx {
    QVtd *v;
    NyxTestdev a, b, c;
    QVtdDomain da, db, dc;
} Fx;

#define MACHINE \
    "-M q35 -device nyx-vtd,id=iommu%s " \
    "-device nyx-testdev,addr=4.0,multifunction=on " \
    "-device nyx-testdev,addr=4.1 -device nyx-testdev,addr=5"

static Fx fx_start(const char *options, bool queued)
{
    Fx f = { .v = qvtd_start(MACHINE, options) };

    if (queued) {
        g_assert_true(qvtd_queue(f.v, 0));
    }
    g_assert_true(qvtd_enable(f.v));
    f.a = nyx_td_get(f.v->pc->pci, SID_A);
    f.b = nyx_td_get(f.v->pc->pci, SID_B);
    f.c = nyx_td_get(f.v->pc->pci, SID_C);
    f.da = qvtd_domain(f.v, DID_A, 4);
    f.db = qvtd_domain(f.v, DID_B, 4);
    f.dc = qvtd_domain(f.v, DID_C, 4);
    qvtd_attach(f.v, SID_A, &f.da, 0);
    qvtd_attach(f.v, SID_B, &f.db, 0);
    qvtd_attach(f.v, SID_C, &f.dc, 0);
    return f;
}

static void fx_end(Fx *f)
{
    nyx_td_put(&f->a);
    nyx_td_put(&f->b);
    nyx_td_put(&f->c);
    qvtd_end(f->v);
}

/* A page that holds its own address. */
static uint64_t marked_page(Fx *f)
{
    uint64_t gpa = nyx_pc_pages(f->v->pc, 1);

    qtest_writeq(f->v->qts, gpa, gpa);
    return gpa;
}

/* A new page at @iova; the unit is not told. */
static uint64_t remap(Fx *f, const QVtdDomain *dom, uint64_t iova)
{
    uint64_t gpa = marked_page(f);

    qvtd_map(f->v, dom, iova, gpa, 12, 3);
    return gpa;
}

#define REFUSED UINT64_MAX

/* Where a read at @iova arrives. */
static uint64_t where(const NyxTestdev *td, uint64_t iova)
{
    uint64_t mark;

    if (nyx_td_read(td, iova, &mark, 8) != NYX_TD_ST_OK) {
        return REFUSED;
    }
    return le64_to_cpu(mark);
}

/* --- The two interfaces --------------------------------------------------- */

typedef struct Via {
    const char *name;
    bool queued;
    void (*context)(QVtd *v, unsigned gran, uint16_t did, uint16_t sid,
                    unsigned fm);
    /* @am: address mask, with bit 6 the hint that only leaves changed. */
    void (*iotlb)(QVtd *v, unsigned gran, uint16_t did, uint64_t iova,
                  unsigned am);
} Via;

static void reg_context(QVtd *v, unsigned gran, uint16_t did, uint16_t sid,
                        unsigned fm)
{
    NYX_CHECK("CAIG", qvtd_ccmd(v, gran, did, sid, fm), gran);
}

static void reg_iotlb(QVtd *v, unsigned gran, uint16_t did, uint64_t iova,
                      unsigned am)
{
    NYX_CHECK("IAIG", qvtd_iotlb(v, gran, did, iova | am), gran);
}

static void queue_context(QVtd *v, unsigned gran, uint16_t did, uint16_t sid,
                          unsigned fm)
{
    NYX_CHECK("type 1", qvtd_submit(v, 1 | gran << 4 | (uint32_t)did << 16 |
                                    (uint64_t)sid << 32 | (uint64_t)fm << 48,
                                    0), true);
}

static void queue_iotlb(QVtd *v, unsigned gran, uint16_t did, uint64_t iova,
                        unsigned am)
{
    NYX_CHECK("type 2", qvtd_submit(v, 0xc2 | gran << 4 |
                                    (uint32_t)did << 16, iova | am), true);
}

static const Via by_registers = {
    "registers", false, reg_context, reg_iotlb,
};
static const Via by_queue = {
    "queue", true, queue_context, queue_iotlb,
};

/* --- Context cache -------------------------------------------------------- */

/* Every function gets a domain in which IOVA is elsewhere. */
static void move_all(Fx *f, const QVtdDomain other[3], uint64_t to[3])
{
    const uint16_t sid[3] = { SID_A, SID_B, SID_C };

    for (unsigned i = 0; i < 3; i++) {
        to[i] = remap(f, &other[i], IOVA);
        qvtd_attach(f->v, sid[i], &other[i], 0);
    }
}

static void test_context(const void *data)
{
    const Via *via = data;
    Fx f = fx_start("", via->queued);
    const QVtdDomain other[3] = {
        qvtd_domain(f.v, 20, 4), qvtd_domain(f.v, 21, 4),
        qvtd_domain(f.v, 22, 4),
    };
    uint64_t a = remap(&f, &f.da, IOVA), b = remap(&f, &f.db, IOVA);
    uint64_t c = remap(&f, &f.dc, IOVA), to[3];

    NYX_CHECK("A", where(&f.a, IOVA), a);
    NYX_CHECK("B", where(&f.b, IOVA), b);
    NYX_CHECK("C", where(&f.c, IOVA), c);
    move_all(&f, other, to);
    NYX_CHECK("A is stale", where(&f.a, IOVA), a);

    /* What belongs to somebody else. */
    via->context(f.v, DEVICE, DID_A, SID_B, 0);
    via->context(f.v, DEVICE, DID_B, SID_A, 0);
    via->context(f.v, DOMAIN, 20, 0, 0);
    NYX_CHECK("others: A", where(&f.a, IOVA), a);
    NYX_CHECK("others: B", where(&f.b, IOVA), b);

    /* Entries are tagged with the domain that they were loaded with. */
    via->context(f.v, DEVICE, DID_A, SID_A, 0);
    NYX_CHECK("device: A", where(&f.a, IOVA), to[0]);
    NYX_CHECK("device: B", where(&f.b, IOVA), b);
    via->context(f.v, DOMAIN, DID_B, 0, 0);
    NYX_CHECK("domain: B", where(&f.b, IOVA), to[1]);
    NYX_CHECK("domain: C", where(&f.c, IOVA), c);
    via->context(f.v, GLOBAL, 0, 0, 0);
    NYX_CHECK("global: C", where(&f.c, IOVA), to[2]);
    fx_end(&f);
}

/* FM hides bits of the function number from the comparison. */
static void test_context_functions(const void *data)
{
    const Via *via = data;
    Fx f = fx_start("", via->queued);
    const QVtdDomain other[3] = {
        qvtd_domain(f.v, 20, 4), qvtd_domain(f.v, 21, 4),
        qvtd_domain(f.v, 22, 4),
    };
    uint64_t a = remap(&f, &f.da, IOVA), to[3];

    qvtd_attach(f.v, SID_B, &f.da, 0);
    qvtd_attach(f.v, SID_C, &f.da, 0);
    NYX_CHECK("A", where(&f.a, IOVA), a);
    NYX_CHECK("B", where(&f.b, IOVA), a);
    NYX_CHECK("C", where(&f.c, IOVA), a);
    move_all(&f, other, to);

    /* 04.7 with function bits 2 and 2:1 ignored is 04.1 to 04.7 odd. */
    via->context(f.v, DEVICE, DID_A, NYX_SID(0, 4, 7), 1);
    NYX_CHECK("FM 1: B", where(&f.b, IOVA), a);
    via->context(f.v, DEVICE, DID_A, NYX_SID(0, 4, 7), 2);
    NYX_CHECK("FM 2: A", where(&f.a, IOVA), a);
    NYX_CHECK("FM 2: B", where(&f.b, IOVA), to[1]);
    via->context(f.v, DEVICE, DID_A, NYX_SID(0, 4, 7), 3);
    NYX_CHECK("FM 3: A", where(&f.a, IOVA), to[0]);
    NYX_CHECK("FM 3: C", where(&f.c, IOVA), a);
    fx_end(&f);
}

/* --- IOTLB ---------------------------------------------------------------- */

static void test_iotlb(const void *data)
{
    const Via *via = data;
    Fx f = fx_start("", via->queued);
    uint64_t old[3], new[3], b;

    /* A and C share a domain. */
    qvtd_attach(f.v, SID_C, &f.da, 0);
    b = remap(&f, &f.db, IOVA);
    NYX_CHECK("B", where(&f.b, IOVA), b);
    for (unsigned i = 0; i < 3; i++) {
        old[i] = remap(&f, &f.da, IOVA + i * NYX_PAGE);
        NYX_CHECK("A", where(&f.a, IOVA + i * NYX_PAGE), old[i]);
        NYX_CHECK("C", where(&f.c, IOVA + i * NYX_PAGE), old[i]);
        new[i] = remap(&f, &f.da, IOVA + i * NYX_PAGE);
    }
    remap(&f, &f.db, IOVA);
    NYX_CHECK("stale: A", where(&f.a, IOVA), old[0]);
    NYX_CHECK("stale: C", where(&f.c, IOVA), old[0]);

    via->iotlb(f.v, PAGE, DID_B, IOVA + NYX_PAGE, 0);
    via->iotlb(f.v, DOMAIN, DID_C, 0, 0);
    NYX_CHECK("others", where(&f.a, IOVA + NYX_PAGE), old[1]);

    via->iotlb(f.v, PAGE, DID_A, IOVA + NYX_PAGE, 0);
    NYX_CHECK("page: A", where(&f.a, IOVA + NYX_PAGE), new[1]);
    NYX_CHECK("page: C", where(&f.c, IOVA + NYX_PAGE), new[1]);
    NYX_CHECK("page: before it", where(&f.a, IOVA), old[0]);
    NYX_CHECK("page: after it", where(&f.a, IOVA + 2 * NYX_PAGE), old[2]);
    NYX_CHECK("page: B", where(&f.b, IOVA), b);

    via->iotlb(f.v, DOMAIN, DID_A, 0, 0);
    NYX_CHECK("domain: A", where(&f.a, IOVA), new[0]);
    NYX_CHECK("domain: C", where(&f.c, IOVA + 2 * NYX_PAGE), new[2]);
    NYX_CHECK("domain: B", where(&f.b, IOVA), b);

    via->iotlb(f.v, GLOBAL, 0, 0, 0);
    NYX_CHECK("global: B", where(&f.b, IOVA) != b, true);
    fx_end(&f);
}

/* 2^AM pages, aligned down, whatever the leaf's size. */
static void test_iotlb_ranges(const void *data)
{
    const Via *via = data;
    Fx f = fx_start("", via->queued);
    const uint64_t big = IOVA + NYX_GIB;
    uint64_t old[6], new[6], from, to;

    for (unsigned i = 0; i < 6; i++) {
        old[i] = remap(&f, &f.da, IOVA + i * NYX_PAGE);
        NYX_CHECK("A", where(&f.a, IOVA + i * NYX_PAGE), old[i]);
        new[i] = remap(&f, &f.da, IOVA + i * NYX_PAGE);
    }
    via->iotlb(f.v, PAGE, DID_A, IOVA + 3 * NYX_PAGE, 1);
    NYX_CHECK("AM 1: 1", where(&f.a, IOVA + NYX_PAGE), old[1]);
    NYX_CHECK("AM 1: 2", where(&f.a, IOVA + 2 * NYX_PAGE), new[2]);
    NYX_CHECK("AM 1: 3", where(&f.a, IOVA + 3 * NYX_PAGE), new[3]);
    NYX_CHECK("AM 1: 4", where(&f.a, IOVA + 4 * NYX_PAGE), old[4]);
    NYX_CHECK("unaligned", qvtd_mistakes(f.v, "vtd.inv.unaligned"), 1);
    via->iotlb(f.v, PAGE, DID_A, IOVA, 18);
    NYX_CHECK("AM 18: 0", where(&f.a, IOVA), new[0]);
    NYX_CHECK("AM 18: 5", where(&f.a, IOVA + 5 * NYX_PAGE), new[5]);

    /* A page in the middle of a large leaf drops all of it. */
    from = nyx_pc_pages(f.v->pc, 512);
    to = nyx_pc_pages(f.v->pc, 512);
    qtest_writeq(f.v->qts, from, from);
    qtest_writeq(f.v->qts, to, to);
    qvtd_map(f.v, &f.da, big, from, 21, 3);
    NYX_CHECK("2 MiB", where(&f.a, big), from);
    qvtd_map(f.v, &f.da, big, to, 21, 3);
    via->iotlb(f.v, PAGE, DID_A, big + 2 * NYX_MIB, 0);
    NYX_CHECK("2 MiB: beside it", where(&f.a, big), from);
    via->iotlb(f.v, PAGE, DID_A, big + 77 * NYX_PAGE, 0);
    NYX_CHECK("2 MiB: in it", where(&f.a, big), to);
    fx_end(&f);
}

/* Tables are cached too: the hint says that they were not changed. */
static void test_iotlb_tables(const void *data)
{
    const Via *via = data;
    Fx f = fx_start("", via->queued);
    uint64_t old = remap(&f, &f.da, IOVA), new, pde;
    QVtdDomain scratch = qvtd_domain(f.v, 30, 4);

    NYX_CHECK("A", where(&f.a, IOVA), old);
    new = remap(&f, &scratch, IOVA);
    pde = qtest_readq(f.v->qts, qvtd_entry(f.v, &scratch, IOVA, 2));
    qtest_writeq(f.v->qts, qvtd_entry(f.v, &f.da, IOVA, 2), pde);

    via->iotlb(f.v, PAGE, DID_A, IOVA, 1 << 6);
    NYX_CHECK("leaf only", where(&f.a, IOVA), old);
    via->iotlb(f.v, PAGE, DID_B, IOVA, 0);
    NYX_CHECK("other domain", where(&f.a, IOVA), old);
    via->iotlb(f.v, PAGE, DID_A, IOVA, 0);
    NYX_CHECK("tables too", where(&f.a, IOVA), new);
    fx_end(&f);
}

/* SRTP drops nothing by itself: ESRTPS is 0. */
static void test_new_root(const void *data)
{
    const Via *via = data;
    Fx f = fx_start("", via->queued);
    uint64_t old = remap(&f, &f.da, IOVA), new = remap(&f, &f.db, IOVA);

    NYX_CHECK("A", where(&f.a, IOVA), old);
    f.v->root = nyx_pc_pages(f.v->pc, 1);
    qvtd_attach(f.v, SID_A, &f.db, 0);
    qvtd_w64(f.v, QVTD_RTADDR, f.v->root);
    /* What is written has no effect before it is latched. */
    via->context(f.v, GLOBAL, 0, 0, 0);
    NYX_CHECK("written", where(&f.a, IOVA), old);
    g_assert_true(qvtd_gcmd(f.v, QVTD_SRTP, true));
    NYX_CHECK("latched", where(&f.a, IOVA), old);
    via->context(f.v, GLOBAL, 0, 0, 0);
    NYX_CHECK("flushed", where(&f.a, IOVA), new);
    fx_end(&f);
}

/* --- Not present ---------------------------------------------------------- */

static void test_not_present(const void *data)
{
    const Via *via = data;
    Fx f = fx_start("", via->queued);
    uint64_t gpa;

    qvtd_context(f.v, SID_B, 0, 0);
    NYX_CHECK("hole", where(&f.a, IOVA), REFUSED);
    NYX_CHECK("no context", where(&f.b, IOVA), REFUSED);
    gpa = remap(&f, &f.da, IOVA);
    qvtd_attach(f.v, SID_B, &f.da, 0);
    NYX_CHECK("mapped", where(&f.a, IOVA), gpa);
    NYX_CHECK("context", where(&f.b, IOVA), gpa);
    fx_end(&f);
}

/* With caching mode what is not present is cached, and really is. */
static void test_caching_mode(const void *data)
{
    const Via *via = data;
    Fx f = fx_start(",caching-mode=on", via->queued);
    uint64_t gpa, other;

    qvtd_context(f.v, SID_B, 0, 0);
    NYX_CHECK("hole", where(&f.a, IOVA), REFUSED);
    NYX_CHECK("hole", where(&f.a, IOVA + NYX_PAGE), REFUSED);
    NYX_CHECK("no context", where(&f.b, IOVA), REFUSED);
    gpa = remap(&f, &f.da, IOVA);
    other = remap(&f, &f.da, IOVA + NYX_PAGE);
    qvtd_attach(f.v, SID_B, &f.da, 0);
    NYX_CHECK("stale hole", where(&f.a, IOVA), REFUSED);
    NYX_CHECK("stale context", where(&f.b, IOVA), REFUSED);

    via->iotlb(f.v, PAGE, DID_A, IOVA, 0);
    NYX_CHECK("page", where(&f.a, IOVA), gpa);
    via->iotlb(f.v, PAGE, DID_A, IOVA + NYX_PAGE, 0);
    NYX_CHECK("page", where(&f.a, IOVA + NYX_PAGE), other);
    /* A context that was not present is tagged with domain 0. */
    via->context(f.v, DEVICE, DID_A, SID_B, 0);
    NYX_CHECK("wrong domain", where(&f.b, IOVA), REFUSED);
    via->context(f.v, DEVICE, 0, SID_B, 0);
    NYX_CHECK("domain 0", where(&f.b, IOVA), gpa);
    fx_end(&f);
}

/* cache=off keeps nothing; there is nothing to be stale. */
static void test_cache_off(void)
{
    Fx f = fx_start(",cache=off", false);
    uint64_t gpa;

    for (unsigned i = 0; i < 3; i++) {
        gpa = remap(&f, &f.da, IOVA);
        NYX_CHECK("at once", where(&f.a, IOVA), gpa);
    }
    qvtd_attach(f.v, SID_A, &f.db, 0);
    gpa = remap(&f, &f.db, IOVA);
    NYX_CHECK("context", where(&f.a, IOVA), gpa);
    NYX_CHECK("hits", qvtd_stat(f.v, "iotlb.hits"), 0);
    fx_end(&f);
}

/* More pages than the cache has room for: one goes, or none does. */
static void test_eviction(void)
{
    static const struct {
        const char *options;
        bool evicts;
    } rows[] = {
        { ",iotlb-entries=16", true },
        { ",iotlb-entries=16,cache=sticky", false },
    };
    const unsigned pages = 128;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Fx f = fx_start(rows[i].options, false);
        unsigned stale = 0;

        for (unsigned n = 0; n < pages; n++) {
            uint64_t gpa = remap(&f, &f.da, IOVA + n * NYX_PAGE);

            NYX_CHECK(rows[i].options, where(&f.a, IOVA + n * NYX_PAGE), gpa);
            remap(&f, &f.da, IOVA + n * NYX_PAGE);
            stale += where(&f.a, IOVA + n * NYX_PAGE) == gpa;
        }
        /* The last one in is never the one to go. */
        NYX_CHECK(rows[i].options, stale, pages);
        NYX_CHECK(rows[i].options, qvtd_stat(f.v, "iotlb.evictions") > 0,
                  rows[i].evicts);
        fx_end(&f);
    }
}

/* --- The register interface refuses --------------------------------------- */

static void test_register_errors(void)
{
    Fx f = fx_start("", false);
    uint64_t old = remap(&f, &f.da, IOVA);

    NYX_CHECK("A", where(&f.a, IOVA), old);
    remap(&f, &f.da, IOVA);
    NYX_CHECK("CIRG 0", qvtd_ccmd(f.v, 0, DID_A, SID_A, 0), 0);
    NYX_CHECK("CIRG 0", qvtd_mistakes(f.v, "vtd.ccmd.granularity"), 1);
    NYX_CHECK("IIRG 0", qvtd_iotlb(f.v, 0, DID_A, IOVA), 0);
    NYX_CHECK("IIRG 0", qvtd_mistakes(f.v, "vtd.iotlb.granularity"), 1);
    NYX_CHECK("AM 19", qvtd_iotlb(f.v, PAGE, DID_A, IOVA | 19), 0);
    NYX_CHECK("AM 63", qvtd_iotlb(f.v, PAGE, DID_A, IOVA | 63), 0);
    NYX_CHECK("AM", qvtd_mistakes(f.v, "vtd.inv.address-mask"), 2);
    /* AM has no meaning for the other granularities. */
    NYX_CHECK("still stale", where(&f.a, IOVA), old);

    /* The queue and the registers exclude each other. */
    g_assert_true(qvtd_queue(f.v, 0));
    NYX_CHECK("CCMD", qvtd_ccmd(f.v, GLOBAL, 0, 0, 0), 0);
    NYX_CHECK("IOTLB", qvtd_iotlb(f.v, GLOBAL, 0, 0), 0);
    NYX_CHECK("QIE", qvtd_mistakes(f.v, "vtd.inv.register-with-queue"), 2);
    NYX_CHECK("still stale", where(&f.a, IOVA), old);
    g_assert_true(qvtd_queue_off(f.v));
    NYX_CHECK("DOMAIN", qvtd_iotlb(f.v, DOMAIN, DID_A, 63), DOMAIN);
    NYX_CHECK("gone", where(&f.a, IOVA) != old, true);
    fx_end(&f);
}

/* --- The queue ------------------------------------------------------------ */

static const struct {
    const char *name;
    uint64_t lo;
    uint64_t hi;
    unsigned code;           /* IQERCD.IQEI */
} bad_rows[] = {
    { "type 0", 0, 0, 3 },
    { "PASID-IOTLB", 0x26, 0, 3 },
    { "PASID-cache", 0x37, 0, 3 },
    { "PASID-device-TLB", 0x8, 0, 3 },
    { "page group response", 0x9, 0, 3 },
    { "type 15", 0xf, 0, 3 },
    { "type 1 + 16", 0x211, 0, 3 },
    { "type 5 + 64", 0x865, 0, 3 },
    { "device-TLB without ECAP.DT", 0x3, 1, 3 },
    { "context, no granularity", 0x1, 0, 4 },
    { "context, bit 6", 0x51, 0, 4 },
    { "context, bit 63", 0x8000000000000011, 0, 4 },
    { "context, bit 64", 0x11, 1, 4 },
    { "context, bit 127", 0x11, 0x8000000000000000, 4 },
    { "IOTLB, no granularity", 0xc2, 0, 4 },
    { "IOTLB, bit 8", 0x1d2, 0, 4 },
    { "IOTLB, bit 32", 0x1000000d2, 0, 4 },
    { "IOTLB, bit 71", 0xf2, 0x80, 4 },
    { "IOTLB, AM 19", 0xf2, 19, 4 },
    { "IEC, bit 5", 0x24, 0, 4 },
    { "IEC, bit 26", 0x4000014, 0, 4 },
    { "IEC, IM 16", 0x80000014, 0, 4 },
    { "IEC, bit 64", 0x14, 1, 4 },
    { "wait, PD", 0x95, 0, 4 },
    { "wait, bit 12", 0x1015, 0, 4 },
    { "wait, bit 65", 0x15, 2, 4 },
};

/*
 * One before it took effect, it and those after did not; then what Linux
 * does: another descriptor in its place, IQE cleared, the tail as it was.
 */
static void check_bad(QVtd *v, unsigned row)
{
    const char *name = bad_rows[row].name;
    uint64_t before = nyx_pc_pages(v->pc, 1), after = before + 8;
    uint64_t at;

    qvtd_put(v, 0x1111111100000025, before);
    at = v->tail;
    qvtd_put(v, bad_rows[row].lo, bad_rows[row].hi);
    qvtd_put(v, 0x2222222200000025, after);
    qvtd_ring(v);
    NYX_CHECK(name, qvtd_r32(v, QVTD_FSTS), QVTD_FSTS_IQE);
    NYX_CHECK(name, qvtd_r64(v, QVTD_IQERCD), bad_rows[row].code);
    NYX_CHECK(name, qvtd_r64(v, QVTD_IQH), at);
    NYX_CHECK(name, qtest_readl(v->qts, before), 0x11111111);
    NYX_CHECK(name, qtest_readl(v->qts, after), 0);
    qvtd_ring(v);
    NYX_CHECK(name, qvtd_r64(v, QVTD_IQH), at);

    /* Not mended yet: the same again. */
    qvtd_w32(v, QVTD_FSTS, QVTD_FSTS_IQE);
    NYX_CHECK(name, qvtd_r32(v, QVTD_FSTS), QVTD_FSTS_IQE);
    qtest_writeq(v->qts, v->queue + at + 8, 0);
    qtest_writeq(v->qts, v->queue + at, 0x45);
    qvtd_w32(v, QVTD_FSTS, QVTD_FSTS_IQE);
    NYX_CHECK(name, qvtd_r32(v, QVTD_FSTS), 0);
    NYX_CHECK(name, qvtd_r64(v, QVTD_IQH), v->tail);
    NYX_CHECK(name, qtest_readl(v->qts, after), 0x22222222);
}

static void test_queue_errors(void)
{
    QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu");

    g_assert_true(qvtd_queue(v, 0));
    for (unsigned i = 0; i < ARRAY_SIZE(bad_rows); i++) {
        check_bad(v, i);
    }
    NYX_CHECK("count", qvtd_stat(v, "invalidations.queue-errors"),
              2 * ARRAY_SIZE(bad_rows));

    /* A tail outside the queue, which has 4096 bytes. */
    qvtd_w64(v, QVTD_IQT, 0x1000);
    NYX_CHECK("tail", qvtd_r32(v, QVTD_FSTS), QVTD_FSTS_IQE);
    NYX_CHECK("tail", qvtd_r64(v, QVTD_IQERCD), 1);
    qvtd_w64(v, QVTD_IQT, qvtd_r64(v, QVTD_IQH));
    qvtd_w32(v, QVTD_FSTS, QVTD_FSTS_IQE);
    NYX_CHECK("tail", qvtd_r32(v, QVTD_FSTS), 0);
    g_assert_true(qvtd_submit(v, 0xd2, 0));
    qvtd_end(v);
}

/* Sizes, one less than all entries at a time, over the end and on. */
static void test_queue_wrap(void)
{
    QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu");

    for (unsigned qs = 0; qs < 8; qs++) {
        const unsigned entries = 256u << qs;
        g_autofree char *row = g_strdup_printf("QS %u", qs);
        g_autofree uint64_t *desc = g_new0(uint64_t, 2 * entries);
        uint64_t waits = qvtd_stat(v, "invalidations.waits");

        for (unsigned i = 0; i < entries; i++) {
            desc[2 * i] = cpu_to_le64(0x45);
        }
        g_assert_true(qvtd_queue(v, qs));
        qtest_bufwrite(v->qts, v->queue, desc, 16 * entries);
        for (unsigned n = 1; n <= 3; n++) {
            unsigned polls = 0;

            v->tail = (v->tail + v->queue_size - 16) % v->queue_size;
            qvtd_ring(v);
            while (qvtd_r64(v, QVTD_IQH) != v->tail && polls < NYX_POLLS) {
                polls++;
            }
            NYX_CHECK(row, qvtd_stat(v, "invalidations.waits") - waits,
                      n * (entries - 1));
        }
        NYX_CHECK(row, qvtd_r32(v, QVTD_FSTS), 0);
        g_assert_true(qvtd_queue_off(v));
    }
    qvtd_end(v);
}

/* A queue that is not through when the machine stops goes on with it. */
static void test_queue_stopped(void)
{
    QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu");
    uint64_t desc[2 * 511] = { }, head;

    for (unsigned i = 0; i < 511; i++) {
        desc[2 * i] = cpu_to_le64(0x45);
    }
    g_assert_true(qvtd_queue(v, 1));
    qtest_bufwrite(v->qts, v->queue, desc, sizeof(desc));
    qtest_qmp_assert_success(v->qts, "{'execute': 'cont'}");
    qtest_qmp_assert_success(v->qts, "{'execute': 'stop'}");
    v->tail = sizeof(desc);
    qvtd_ring(v);
    head = qvtd_r64(v, QVTD_IQH);
    g_assert_cmphex(head, <, v->tail);
    for (unsigned polls = 0; polls < 100; polls++) {
        qtest_qmp_assert_success(v->qts, "{'execute': 'query-status'}");
    }
    g_assert_cmphex(qvtd_r64(v, QVTD_IQH), ==, head);
    qtest_qmp_assert_success(v->qts, "{'execute': 'cont'}");
    for (unsigned polls = 0; polls < NYX_POLLS &&
         qvtd_r64(v, QVTD_IQH) != v->tail; polls++) {
    }
    g_assert_cmphex(qvtd_r64(v, QVTD_IQH), ==, v->tail);
    g_assert_cmpuint(qvtd_stat(v, "invalidations.waits"), ==, 511);
    qvtd_end(v);
}

/* The completion event: mask, pending, and one message for one IWC. */
static void test_completion_event(void)
{
    QVtd *v = qvtd_start("-M q35 -device nyx-vtd,id=iommu");

    qvtd_w32(v, QVTD_IEDATA, 0x51);
    qvtd_w32(v, QVTD_IEADDR, 0xfee00000);
    g_assert_true(qvtd_queue(v, 0));

    g_assert_true(qvtd_submit(v, 0x15, 0));
    NYX_CHECK("masked", qvtd_r32(v, QVTD_IECTL), 0xc0000000);
    NYX_CHECK("masked", nyx_apic_irr(v->pc, 0, 0x51), NYX_IRR_NONE);
    qvtd_w32(v, QVTD_ICS, 1);
    NYX_CHECK("seen before it was sent", qvtd_r32(v, QVTD_IECTL), 0x80000000);
    qvtd_w32(v, QVTD_IECTL, 0);
    NYX_CHECK("nothing left", qvtd_stat(v, "event-messages"), 0);

    qvtd_w32(v, QVTD_IECTL, 0x80000000);
    g_assert_true(qvtd_submit(v, 0x15, 0));
    qvtd_w32(v, QVTD_IECTL, 0);
    NYX_CHECK("unmasked", nyx_apic_irr(v->pc, 0, 0x51), NYX_IRR_EDGE);
    NYX_CHECK("unmasked", qvtd_r32(v, QVTD_IECTL), 0);
    NYX_CHECK("unmasked", qvtd_stat(v, "event-messages"), 1);

    g_assert_true(qvtd_submit(v, 0x15, 0));
    NYX_CHECK("IWC is 1", qvtd_stat(v, "event-messages"), 1);
    qvtd_w32(v, QVTD_ICS, 1);
    g_assert_true(qvtd_submit(v, 0x15, 0));
    NYX_CHECK("IWC was 0", qvtd_stat(v, "event-messages"), 2);
    qvtd_end(v);
}

/* --- While threads are at it ---------------------------------------------- */

/* Requests between two updates of RUN_OPS */
#define RUN_OPS_STEP 256

/* Wait until the one thread of the run has begun and ended a request. */
static void run_moves_on(const NyxTestdev *td)
{
    uint64_t ops = nyx_td_r64(td, NYX_TD_RUN_OPS);
    unsigned polls = 0;

    while (nyx_td_r64(td, NYX_TD_RUN_OPS) < ops + 2 * RUN_OPS_STEP) {
        g_assert_cmpuint(polls++, <, NYX_POLLS);
    }
}

/*
 * Once software has seen an invalidation complete no request starts through
 * what was dropped; a request that was under way is over after the next.
 */
static void test_threads(void)
{
    Fx f = fx_start("", true);
    uint64_t gpa = remap(&f, &f.da, IOVA);
    const NyxTdRun run = {
        .req = {
            .op = NYX_TD_OP_FILL, .addr = IOVA, .len = 8,
            .operand = 0x5a5a5a5a5a5a5a5a,
        },
        .count = 1ull << 40,
        .time_ms = 600000,
    };

    qvtd_attach(f.v, SID_C, &f.da, 0);
    nyx_td_run_start(&f.a, &run);
    nyx_td_run_start(&f.c, &run);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t old = gpa;

        run_moves_on(&f.a);
        run_moves_on(&f.c);
        gpa = remap(&f, &f.da, IOVA);
        queue_iotlb(f.v, i % 2 ? PAGE : DOMAIN, DID_A, IOVA, 0);
        run_moves_on(&f.a);
        run_moves_on(&f.c);
        qtest_writeq(f.v->qts, old, 0);
        run_moves_on(&f.a);
        run_moves_on(&f.c);
        NYX_CHECK("old page", qtest_readq(f.v->qts, old), 0);
        NYX_CHECK("new page", qtest_readq(f.v->qts, gpa),
                  0x5a5a5a5a5a5a5a5a);
    }
    nyx_td_w32(&f.a, NYX_TD_RUN_CTRL, NYX_TD_RUN_STOP);
    nyx_td_w32(&f.c, NYX_TD_RUN_CTRL, NYX_TD_RUN_STOP);
    NYX_CHECK("A", nyx_td_run_wait(&f.a) & NYX_TD_RUN_ST_ERRORS, 0);
    NYX_CHECK("C", nyx_td_run_wait(&f.c) & NYX_TD_RUN_ST_ERRORS, 0);
    NYX_CHECK("faults", qvtd_r32(f.v, QVTD_FSTS), 0);
    fx_end(&f);
}

static void add_both(const char *name, GTestDataFunc test)
{
    static const Via *const vias[] = { &by_registers, &by_queue };

    for (unsigned i = 0; i < ARRAY_SIZE(vias); i++) {
        g_autofree char *path =
            g_strdup_printf("/nyx-vtd/invalidate/%s/%s", vias[i]->name, name);

        qtest_add_data_func(path, vias[i], test);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_both("context", test_context);
    add_both("context-functions", test_context_functions);
    add_both("iotlb", test_iotlb);
    add_both("iotlb-ranges", test_iotlb_ranges);
    add_both("iotlb-tables", test_iotlb_tables);
    add_both("new-root", test_new_root);
    add_both("not-present", test_not_present);
    add_both("caching-mode", test_caching_mode);
    qtest_add_func("/nyx-vtd/invalidate/cache-off", test_cache_off);
    qtest_add_func("/nyx-vtd/invalidate/eviction", test_eviction);
    qtest_add_func("/nyx-vtd/invalidate/register-errors",
                   test_register_errors);
    qtest_add_func("/nyx-vtd/invalidate/queue-errors", test_queue_errors);
    qtest_add_func("/nyx-vtd/invalidate/queue-wrap", test_queue_wrap);
    qtest_add_func("/nyx-vtd/invalidate/queue-stopped", test_queue_stopped);
    qtest_add_func("/nyx-vtd/invalidate/completion-event",
                   test_completion_event);
    qtest_add_func("/nyx-vtd/invalidate/threads", test_threads);
    return g_test_run();
}
