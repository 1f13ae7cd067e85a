/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Performance counters of nyx-vtd and the enhanced commands: what counts,
 * filters, freezing, overflow and its event.
 */
#include "qemu/osdep.h"
#include "vtd-scalable.h"

#define LEVELS 4
#define COUNTERS 4
#define WIDTH_MASK 0xffffffffffffULL

#define ENABLE 0xf0
#define DISABLE 0xf1
#define FREEZE 0xf4
#define UNFREEZE 0xf5

/* Registers of counter @i, as the offset registers say. */
#define CFG(i) (0x600 + 0x100 * (i))
#define SIDF(i) (CFG(i) + 8)
#define DIDF(i) (CFG(i) + 12)
#define CNTR(i) (0x1000 + 0x400 * (i))
#define OVF 0x348
#define FRZ 0x340

/* Event bits, with their group in 31:28 here. */
#define REQUESTS        0x00000002u
#define TABLE_READS     0x10000001u
#define BLOCKED         0x10000020u
#define ATS_BLOCKED     0x00000008u
#define PAGE_REQUESTS   0x10000040u
#define PASID_LOOKUP    0x20000004u
#define PASID_HIT       0x20000008u
#define CONTEXT_LOOKUP  0x20000001u
#define CONTEXT_HIT     0x20000002u
#define TABLE_LOOKUP    0x20000010u
#define TABLE_HIT       0x20000020u
#define IOTLB_LOOKUP    0x30000001u
#define IOTLB_HIT       0x30000002u
#define IRQ_LOOKUP      0x40000001u
#define IRQ_HIT         0x40000002u
#define IRQ_HIT_POSTED  0x40000004u

static NyxVtdCfg perf_cfg(void)
{
    NyxVtdCfg cfg = fx_cfg();

    cfg.perfmon = cfg.posted_interrupts = true;
    return cfg;
}

static unsigned ecmd(Fx *f, unsigned command, uint64_t operand)
{
    uint64_t response;

    fx_write64(f, 0x400, operand << 16 | command);
    response = fx_read64(f, 0x410);
    g_assert_cmphex(response & 1, ==, 0);
    return response >> 1;
}

/* Counter @i counts @event from now on, with an interrupt if it overflows. */
static void count(Fx *f, unsigned i, uint32_t event)
{
    fx_write64(f, CFG(i), (uint64_t)(event & 0xfffffff) << 32 |
                          event >> 28 << 8 | 2);
    fx_write64(f, CNTR(i), 0);
    g_assert_cmpuint(ecmd(f, ENABLE, i), ==, 0);
}

static Fx *new_perf(uint64_t *ss)
{
    const NyxVtdCfg cfg = perf_cfg();
    Fx *f = fx_new_domain(&cfg, LEVELS, ss);

    fx_map(f, *ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
    fx_map(f, *ss, LEVELS, 0x4000, 0xa000, 12, FX_RW);
    return f;
}

/* --- What there is -------------------------------------------------------- */

typedef struct ConstRow {
    uint32_t offset;
    unsigned size;
    uint64_t value;
} ConstRow;

static const ConstRow constants[] = {
    { 0x008, 8, 0x28d2038cf06f0666ULL },     /* FRO 0xf0, PI, ECMDS */
    { 0x010, 8, 0x0008000000f050dfULL },     /* PMS */
    /* 4 counters, 48 bits, 5 groups, filters 1 and 2, interrupt, 1 KiB. */
    { 0x300, 8, 0x0004000305300004ULL },
    { 0x310, 4, 0x600 }, { 0x314, 4, 0x340 }, { 0x318, 4, 0x348 },
    { 0x31c, 4, 0x1000 },
    { 0x324, 4, 0 }, { 0x328, 4, 0x80000000 },
    { 0x380, 8, 0x0a }, { 0x388, 8, 0x21 }, { 0x390, 8, 0x33 },
    { 0x398, 8, 0x03 }, { 0x3a0, 8, 0x07 }, { 0x3a8, 8, 0 },
    { 0x410, 8, 0 },
    { 0x430, 8, 0 }, { 0x438, 8, 0 }, { 0x440, 8, 0 },
    { 0x448, 8, 0x0033000000000000ULL },
    { 0x680, 4, 0x00013000 }, { 0x980, 4, 0x00013000 }, { 0xa80, 4, 0 },
    { 0x684, 4, 0 },
};

static void test_constants(void)
{
    const NyxVtdCfg cfg = perf_cfg();
    Fx *f = fx_new(&cfg);

    g_assert_cmphex(nyx_vtd_mmio_size(&cfg), ==, 0x2000);
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(constants); i++) {
        const ConstRow *row = &constants[i / 2];
        g_autofree char *name = g_strdup_printf("0x%03x", row->offset);

        FX_CHECK(name, nyx_vtd_mmio_read(f->vtd, row->offset, row->size),
                 row->value);
        if (row->offset != 0x328 && row->offset != 0x324) {
            nyx_vtd_mmio_write(f->vtd, row->offset, ~row->value, row->size);
        }
    }
    fx_free(f);
}

/* Groups have what the unit can count with its options. */
static void test_event_options(void)
{
    NyxVtdCfg cfg = perf_cfg();
    Fx *f;

    cfg.posted_interrupts = false;
    f = fx_new(&cfg);
    g_assert_cmphex(fx_read64(f, 0x3a0), ==, 3);
    fx_free(f);
    cfg.intremap = cfg.eim = cfg.dma_translation = false;
    f = fx_new(&cfg);
    for (unsigned group = 0; group < 5; group++) {
        g_assert_cmphex(fx_read64(f, 0x380 + 8 * group), ==, 0);
    }
    fx_free(f);
}

/* Without the option nothing of it is there. */
static void test_off(void)
{
    Fx *f = fx_new(NULL);

    g_assert_cmphex(nyx_vtd_mmio_size(&f->cfg), ==, 0x1000);
    for (unsigned offset = 0x300; offset < 0x400; offset += 4) {
        g_assert_cmphex(fx_read32(f, offset), ==, 0);
    }
    g_assert_cmphex(fx_read64(f, 0x1000), ==, 0);
    g_assert_cmphex(fx_read64(f, 0xf08), ==, 0);
    fx_free(f);
}

/* Every bit of the registers that can be written. */
static void test_bits(void)
{
    static const struct {
        uint32_t offset;
        unsigned size;
        uint64_t rw;
    } rows[] = {
        { CFG(0), 8, 0x0fffffff00000f02ULL },
        { CFG(3), 8, 0x0fffffff00000f02ULL },
        { SIDF(0), 4, 0x8000ffff }, { DIDF(3), 4, 0x8000ffff },
        { CNTR(0), 8, WIDTH_MASK }, { CNTR(3), 8, WIDTH_MASK },
        { 0x400, 8, 0xffffffffffff00ffULL }, { 0x408, 8, UINT64_MAX },
        { 0x328, 4, 0x80000000 }, { 0x32c, 4, 0xffff },
        { 0x330, 4, 0xfffffffc }, { 0x334, 4, UINT32_MAX },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const NyxVtdCfg cfg = perf_cfg();
        g_autofree char *name = g_strdup_printf("0x%x", rows[i].offset);
        Fx *f = fx_new(&cfg);

        for (unsigned bit = 0; bit < rows[i].size * 8; bit++) {
            uint64_t value = 1ULL << bit;

            nyx_vtd_mmio_write(f->vtd, rows[i].offset, value, rows[i].size);
            FX_CHECK(name, nyx_vtd_mmio_read(f->vtd, rows[i].offset,
                                             rows[i].size),
                     value & rows[i].rw);
        }
        fx_free(f);
    }
}

/* Fault records are elsewhere, and work there. */
static void test_fault_records(void)
{
    uint64_t ss;
    Fx *f = new_perf(&ss);

    fx_dma(f, FX_W, 0x7000);
    g_assert_cmphex(fx_read64(f, 0xf00), ==, 0x7000);
    g_assert_cmphex(fx_read64(f, 0xf08), ==, 0x8000000500000010ULL);
    g_assert_cmphex(fx_read64(f, 0x400), ==, 0);
    fx_write32(f, 0xf0c, 0x80000000);
    g_assert_cmphex(fx_read32(f, 0x34), ==, 0);
    fx_free(f);
}

/* --- What counts ---------------------------------------------------------- */

/* The first access, one to the next page, the second again, a refused one. */
static void some_work(Fx *f)
{
    FxMessage msg;

    fx_dma(f, FX_R, 0x3000);
    fx_dma(f, FX_R, 0x4000);
    fx_dma(f, FX_R, 0x4000);
    fx_dma(f, FX_W, 0x7000);
    for (unsigned i = 0; i < 3; i++) {
        fx_interrupt(f, FX_SID, fx_irq_addr(5), 0, &msg);
        fx_interrupt(f, FX_SID, fx_irq_addr(6), 0, &msg);
    }
}

static const struct {
    const char *name;
    uint32_t event;
    unsigned count;
} work_rows[] = {
    { "requests", REQUESTS, 4 },
    { "table reads", TABLE_READS, 4 + 1 + 1 },
    { "blocked", BLOCKED, 1 },
    /* Page by page: hits of the IOTLB do not look a context up. */
    { "context lookups", CONTEXT_LOOKUP, 3 },
    { "context hits", CONTEXT_HIT, 2 },
    { "table lookups", TABLE_LOOKUP, 3 },
    { "table hits", TABLE_HIT, 2 },
    { "IOTLB lookups", IOTLB_LOOKUP, 4 },
    { "IOTLB hits", IOTLB_HIT, 1 },
    { "IOTLB, both", IOTLB_LOOKUP | IOTLB_HIT, 5 },
    { "interrupt lookups", IRQ_LOOKUP, 6 },
    { "interrupt hits", IRQ_HIT, 2 },
    { "interrupt hits, posted", IRQ_HIT_POSTED, 2 },
    { "bit of another group", 0x40000010, 0 },
    { "group that is not there", 0x50000001, 0 },
    { "nothing", 0, 0 },
};

static Fx *new_work(void)
{
    uint64_t ss;
    Fx *f = new_perf(&ss);

    fx_ir_start(f, 7, true);
    fx_irte(f, 5, 1 | 0x41 << 16 | 3ULL << 32, 0);
    fx_irte(f, 6, 0x8001 | 0x41 << 16 | fx_mem_pages(&f->mem, 1) << 32, 0);
    return f;
}

static void test_events(void)
{
    for (unsigned i = 0; i < COUNTERS * ARRAY_SIZE(work_rows); i++) {
        unsigned n = i % COUNTERS;
        const char *name = work_rows[i / COUNTERS].name;
        Fx *f = new_work();

        count(f, n, work_rows[i / COUNTERS].event);
        some_work(f);
        for (unsigned j = 0; j < COUNTERS; j++) {
            FX_CHECK(name, fx_read64(f, CNTR(j)),
                     j == n ? work_rows[i / COUNTERS].count : 0);
        }
        FX_CHECK(name, fx_read64(f, OVF), 0);
        FX_CHECK(name, f->messages->len, 0);
        fx_free(f);
    }
}

static const struct {
    const char *name;
    uint32_t event;
    unsigned count;
} scalable_rows[] = {
    { "requests", REQUESTS, 5 },
    { "PASID lookups", PASID_LOOKUP, 8 },
    { "PASID hits", PASID_HIT, 5 },
    { "PASID, both", PASID_LOOKUP | PASID_HIT, 13 },
    { "page requests", PAGE_REQUESTS, 2 },
    { "blocked", BLOCKED, 2 },
    { "ATS blocked", ATS_BLOCKED, 1 },
};

/*
 * Three of PASID 1, a translation of PASID 1 and one of 9, which is told that
 * there is none, two pages, a third that is refused.
 */
static void scalable_work(Fx *f)
{
    const NyxRequest page = {
        .type = NYX_REQ_PAGE, .access = FX_R, .pasid = 1, .has_pasid = true,
    };
    NyxRequest refused = page;

    for (unsigned i = 0; i < 2; i++) {
        sm_dma(f, 1, FX_R, SC_IOVA);
    }
    sm_dma(f, 1, FX_R, 0x7000);
    sm_request(f, FX_SID, 1, NYX_REQ_TRANSLATION, FX_R, SC_IOVA);
    sm_request(f, FX_SID, 9, NYX_REQ_TRANSLATION, FX_R, SC_IOVA);
    nyx_vtd_page_request(f->r, FX_SID, &page);
    nyx_vtd_page_request(f->r, FX_SID, &page);
    refused.pasid = 9;
    nyx_vtd_page_request(f->r, FX_SID, &refused);
}

static void test_events_scalable(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(scalable_rows); i++) {
        NyxVtdCfg cfg = sm_cfg();
        SmScene s;

        cfg.perfmon = true;
        sc_init(&s, &cfg);
        fx_write64(s.f, 0xd0, fx_mem_pages(&s.f->mem, 1));
        count(s.f, 0, scalable_rows[i].event);
        scalable_work(s.f);
        FX_CHECK(scalable_rows[i].name, fx_read64(s.f, CNTR(0)),
                 scalable_rows[i].count);
        g_assert_cmphex(fx_read64(s.f, 0x380), ==, 0x0a);
        g_assert_cmphex(fx_read64(s.f, 0x388), ==, 0x61);
        g_assert_cmphex(fx_read64(s.f, 0x390), ==, 0x3f);
        sc_free(&s);
    }
}

/* Whether a request is answered the same while it is counted. */
static void test_same_answers(void)
{
    for (unsigned on = 0; on < 2; on++) {
        uint64_t ss;
        Fx *f = new_perf(&ss);

        if (on) {
            count(f, 0, REQUESTS);
        }
        for (unsigned i = 0; i < 2; i++) {
            NyxReply reply;

            g_assert_cmphex(fx_dma(f, FX_RW, 0x3123), ==, 0x9123);
            g_assert_cmphex(fx_dma(f, FX_W, 0x7000), ==, FX_REFUSED);
            g_assert_cmpuint(fx_take_code(f), ==, 0);
            reply = fx_request(f, NYX_REQ_TRANSLATION, FX_R, 0x3000);
            g_assert_false(reply.ok);
            fx_write32(f, 0xf0c, 0x80000000);
            fx_write32(f, 0xf1c, 0x80000000);
        }
        fx_free(f);
    }
}

/* Who only asks for permissions makes no request. */
static void test_probe(void)
{
    uint64_t ss;
    Fx *f = new_perf(&ss);

    count(f, 0, REQUESTS);
    count(f, 1, IOTLB_LOOKUP);
    fx_request(f, NYX_REQ_UNTRANSLATED, NYX_ACCESS_NONE, 0x3000);
    g_assert_cmpuint(fx_read64(f, CNTR(0)), ==, 0);
    g_assert_cmpuint(fx_read64(f, CNTR(1)), ==, 1);
    fx_free(f);
}

/* Counting alone sends no request to the unit. */
static void test_not_checked(void)
{
    const NyxVtdCfg cfg = perf_cfg();
    Fx *f = fx_new(&cfg);

    count(f, 0, REQUESTS);
    g_assert_false(nyx_vtd_dma_checked(f->vtd));
    g_assert_cmpuint(f->mode_changes, ==, 0);
    /* And it goes on when translation is switched on and off. */
    fx_start(f);
    g_assert_true(nyx_vtd_dma_checked(f->vtd));
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmpuint(fx_read64(f, CNTR(0)), ==, 1);
    fx_gcmd(f, 31, false);
    g_assert_false(nyx_vtd_dma_checked(f->vtd));
    fx_free(f);
}

/* --- Commands ------------------------------------------------------------- */

static void test_commands(void)
{
    uint64_t ss;
    Fx *f = new_perf(&ss);

    count(f, 0, REQUESTS);
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmpuint(ecmd(f, FREEZE, 0), ==, 0);
    g_assert_cmphex(fx_read64(f, FRZ), ==, 0xf);
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmpuint(fx_read64(f, CNTR(0)), ==, 1);
    /* Enabled while frozen: runs when all do. */
    count(f, 2, REQUESTS);
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmpuint(ecmd(f, UNFREEZE, 0), ==, 0);
    g_assert_cmphex(fx_read64(f, FRZ), ==, 0);
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmpuint(fx_read64(f, CNTR(0)), ==, 2);
    g_assert_cmpuint(fx_read64(f, CNTR(2)), ==, 1);
    g_assert_cmpuint(ecmd(f, DISABLE, 0), ==, 0);
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmpuint(fx_read64(f, CNTR(0)), ==, 2);
    g_assert_cmpuint(fx_read64(f, CNTR(2)), ==, 2);
    /* Reset disables; what is set up then does not run. */
    nyx_vtd_reset(f->vtd);
    fx_start(f);
    fx_write64(f, CFG(2), 2ULL << 32);
    ecmd(f, UNFREEZE, 0);
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmpuint(fx_read64(f, CNTR(2)), ==, 0);
    fx_free(f);
}

static void test_wrong_commands(void)
{
    const NyxVtdCfg cfg = perf_cfg();
    Fx *f = fx_new(&cfg);
    unsigned wrong = 0;

    for (unsigned command = 0; command < 256; command++) {
        bool there = command == ENABLE || command == DISABLE ||
                     command == FREEZE || command == UNFREEZE;

        g_assert_cmpuint(ecmd(f, command, 0), ==, there ? 0 : 1);
        wrong += !there;
    }
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_ECMD_UNKNOWN), ==, wrong);
    g_assert_cmpuint(ecmd(f, ENABLE, 3), ==, 0);
    g_assert_cmpuint(ecmd(f, ENABLE, 4), ==, 2);
    g_assert_cmpuint(ecmd(f, DISABLE, 32), ==, 2);
    g_assert_cmpuint(ecmd(f, ENABLE, 1ULL << 47), ==, 2);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_ECMD_OPERAND), ==, 3);
    /* The upper half alone is no command. */
    fx_write32(f, 0x404, 7);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).enhanced_commands, ==, 260);
    /* Events that nobody offers. */
    fx_write64(f, CFG(0), 4ULL << 32);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_PERF_EVENT), ==, 1);
    fx_write64(f, CFG(0), 1ULL << 32 | 0xf00);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_PERF_EVENT), ==, 2);
    fx_free(f);
}

/* --- Filters -------------------------------------------------------------- */

typedef struct FilterRow {
    const char *name;
    uint32_t sid, did;       /* as written */
    uint32_t event;
    unsigned count;
} FilterRow;

#define EN 0x80000000u

static const FilterRow filter_rows[] = {
    { "none", 0, 0, IOTLB_LOOKUP, 4 },
    { "not enabled", 0x7777, 0x7777, IOTLB_LOOKUP, 4 },
    { "requester", EN | FX_SID, 0, IOTLB_LOOKUP, 4 },
    { "other requester", EN | (FX_SID + 1), 0, IOTLB_LOOKUP, 0 },
    { "domain", 0, EN | FX_DID, IOTLB_LOOKUP, 4 },
    { "other domain", 0, EN | (FX_DID + 1), IOTLB_LOOKUP, 0 },
    { "both", EN | FX_SID, EN | FX_DID, IOTLB_LOOKUP, 4 },
    { "both, one other", EN | FX_SID, EN | (FX_DID + 1), IOTLB_LOOKUP, 0 },
    { "interrupts of requester", EN | FX_SID, 0, IRQ_LOOKUP, 6 },
    { "interrupts of other", EN | (FX_SID + 1), 0, IRQ_LOOKUP, 0 },
    { "interrupts have no domain", 0, EN | FX_DID, IRQ_LOOKUP, 0 },
    { "blocked, domain", 0, EN | FX_DID, BLOCKED, 1 },
    { "reads, domain", 0, EN | FX_DID, TABLE_READS, 6 },
    { "table hits, domain", 0, EN | FX_DID, TABLE_HIT, 2 },
    { "context hits, domain", 0, EN | FX_DID, CONTEXT_HIT, 2 },
    /* The first came when the domain was not known. */
    { "requests, domain", 0, EN | FX_DID, REQUESTS, 3 },
};

static void test_filters(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(filter_rows); i++) {
        const FilterRow *row = &filter_rows[i];
        Fx *f = new_work();

        fx_write32(f, SIDF(1), row->sid);
        fx_write32(f, DIDF(1), row->did);
        count(f, 1, row->event);
        some_work(f);
        FX_CHECK(row->name, fx_read64(f, CNTR(1)), row->count);
        fx_free(f);
    }
}

/* --- Overflow ------------------------------------------------------------- */

static void test_overflow(void)
{
    for (unsigned elsewhere = 0; elsewhere < 2; elsewhere++) {
        uint64_t ss;
        Fx *f = new_perf(&ss);
        FxMessage *msg;

        fx_write32(f, 0x32c, 0x55);
        fx_write32(f, 0x330, 0xfee02000);
        fx_write32(f, 0x328, 0);
        count(f, 1, REQUESTS);
        fx_write64(f, CNTR(1), WIDTH_MASK - 1);
        f->elsewhere = elsewhere;
        fx_dma(f, FX_R, 0x3000);
        g_assert_cmpuint(f->kicks, ==, 0);
        fx_dma(f, FX_R, 0x3000);
        f->elsewhere = false;
        g_assert_cmpuint(f->kicks, ==, 1);
        fx_settle(f);
        g_assert_cmpuint(f->messages->len, ==, 1);
        msg = &g_array_index(f->messages, FxMessage, 0);
        g_assert_cmphex(msg->addr, ==, 0xfee02000);
        g_assert_cmphex(msg->data, ==, 0x55);
        g_assert_cmphex(fx_read64(f, CNTR(1)), ==, 0);
        g_assert_cmphex(fx_read64(f, OVF), ==, 2);
        g_assert_cmphex(fx_read32(f, 0x324), ==, 1);
        fx_dma(f, FX_R, 0x3000);
        g_assert_cmphex(fx_read64(f, CNTR(1)), ==, 1);
        /* Cleared by writing ones, the other bits stay. */
        fx_write64(f, OVF, 1);
        g_assert_cmphex(fx_read64(f, OVF), ==, 2);
        fx_write64(f, OVF, 2);
        g_assert_cmphex(fx_read64(f, OVF), ==, 0);
        fx_write32(f, 0x324, 1);
        g_assert_cmphex(fx_read32(f, 0x324), ==, 0);
        g_assert_cmpuint(nyx_vtd_stats(f->vtd).counter_overflows, ==, 1);
        fx_free(f);
    }
}

/* INT off: the status bit alone.  Masked: pending until it is unmasked. */
static void test_overflow_masks(void)
{
    uint64_t ss;
    Fx *f = new_perf(&ss);

    count(f, 0, REQUESTS);
    fx_write64(f, CFG(0), 2ULL << 32);
    fx_write64(f, CNTR(0), WIDTH_MASK);
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmphex(fx_read64(f, OVF), ==, 1);
    g_assert_cmphex(fx_read32(f, 0x324), ==, 0);
    count(f, 3, REQUESTS);
    fx_write64(f, CNTR(3), WIDTH_MASK);
    fx_dma(f, FX_R, 0x3000);
    g_assert_cmphex(fx_read64(f, OVF), ==, 9);
    g_assert_cmphex(fx_read32(f, 0x324), ==, 1);
    g_assert_cmphex(fx_read32(f, 0x328), ==, 0xc0000000);
    g_assert_cmpuint(f->messages->len, ==, 0);
    fx_write32(f, 0x328, 0);
    g_assert_cmpuint(f->messages->len, ==, 1);
    g_assert_cmphex(fx_read32(f, 0x328), ==, 0);
    fx_free(f);
}

/* --- Saved state ---------------------------------------------------------- */

static void test_saved(void)
{
    const NyxVtdCfg cfg = perf_cfg();
    uint64_t ss;
    Fx *f = new_perf(&ss), *to = fx_new(&cfg), *off = fx_new(NULL);
    NyxVtdSaved saved;

    count(f, 1, REQUESTS);
    fx_write32(f, SIDF(1), EN | FX_SID);
    fx_dma(f, FX_R, 0x3000);
    nyx_vtd_save(f->vtd, &saved);
    g_assert_null(nyx_vtd_load(to->vtd, &saved));
    memcpy(to->mem.bytes, f->mem.bytes, f->mem.next_page);
    g_assert_cmpuint(fx_read64(to, CNTR(1)), ==, 1);
    fx_dma(to, FX_R, 0x3000);
    g_assert_cmpuint(fx_read64(to, CNTR(1)), ==, 2);
    for (unsigned offset = 0; offset < 0x2000; offset += 4) {
        if (offset != CNTR(1)) {
            g_assert_cmphex(fx_read32(to, offset), ==, fx_read32(f, offset));
        }
    }
    g_assert_cmpuint(ecmd(to, DISABLE, 1), ==, 0);
    fx_dma(to, FX_R, 0x3000);
    g_assert_cmpuint(fx_read64(to, CNTR(1)), ==, 2);

    saved.perf_enabled = 0x10;
    g_assert_nonnull(nyx_vtd_load(to->vtd, &saved));
    nyx_vtd_save(off->vtd, &saved);
    saved.perf_enabled = 1;
    g_assert_nonnull(nyx_vtd_load(off->vtd, &saved));
    fx_free(f);
    fx_free(to);
    fx_free(off);
}

static const ConstRow refused_rows[] = {
    { 0x300, 8, 0x0004000305300005ULL }, { 0x31c, 4, 0x1008 },
    { 0x388, 8, 0x61 }, { 0x448, 8, 0 }, { 0x680, 4, 0x00012000 },
    { FRZ, 8, 1 }, { OVF, 8, 0x10 }, { 0x410, 8, 1 }, { 0x410, 8, 3 << 1 },
    { CNTR(2), 8, 1ULL << 48 }, { CFG(2), 8, 1 }, { SIDF(0), 4, 1 << 16 },
    { 0x328, 4, 0xc0000000 }, { 0x324, 4, 2 }, { 0x430, 8, 1 },
};

static void test_refused(void)
{
    const NyxVtdCfg cfg = perf_cfg();
    Fx *f = fx_new(&cfg);

    for (unsigned i = 0; i < ARRAY_SIZE(refused_rows); i++) {
        const ConstRow *row = &refused_rows[i];
        g_autofree char *name = g_strdup_printf("0x%03x", row->offset);
        NyxVtdSaved saved;

        nyx_vtd_save(f->vtd, &saved);
        stn_le_p(saved.regs + row->offset, row->size, row->value);
        FX_CHECK(name, nyx_vtd_load(f->vtd, &saved) == NULL, false);
    }
    fx_free(f);
}

/* --- Threads -------------------------------------------------------------- */

#define THREADS 3
#define REPEATS 200000

typedef struct Workers {
    Fx *f;
    unsigned ready;          /* atomic */
    unsigned done;           /* atomic */
} Workers;

static void *worker(void *opaque)
{
    Workers *w = opaque;

    __atomic_fetch_add(&w->ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&w->ready, __ATOMIC_SEQ_CST) < THREADS) {
        sched_yield();
    }
    for (unsigned i = 0; i < REPEATS; i++) {
        fx_dma(w->f, FX_R, i % 2 ? 0x3000 : 0x4000);
    }
    __atomic_fetch_add(&w->done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Nothing is lost, while software looks and sets up another counter. */
static void test_threads(void)
{
    pthread_t threads[THREADS];
    uint64_t ss, last = 0;
    Workers w = { .f = new_perf(&ss) };
    Fx *f = w.f;

    count(f, 0, REQUESTS);
    count(f, 1, IOTLB_LOOKUP | IOTLB_HIT);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, worker, &w);
    }
    while (__atomic_load_n(&w.done, __ATOMIC_SEQ_CST) < THREADS) {
        uint64_t now = fx_read64(f, CNTR(0));

        g_assert_cmpuint(now, >=, last);
        last = now;
        count(f, 3, last % 2 ? IOTLB_HIT : REQUESTS);
        fx_write32(f, DIDF(3), last % 3 ? EN | FX_DID : 0);
        ecmd(f, DISABLE, 3);
        sched_yield();
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    g_assert_cmpuint(fx_read64(f, CNTR(0)), ==, THREADS * REPEATS);
    /* All but the first ones were hits. */
    g_assert_cmpuint(fx_read64(f, CNTR(1)), <=, 2 * THREADS * REPEATS - 2);
    g_assert_cmpuint(fx_read64(f, CNTR(1)), >,
                     2 * THREADS * REPEATS - 100);
    fx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/perfmon/" name, fn)
    ADD("constants", test_constants);
    ADD("event-options", test_event_options);
    ADD("off", test_off);
    ADD("bits", test_bits);
    ADD("fault-records", test_fault_records);
    ADD("events", test_events);
    ADD("events-scalable", test_events_scalable);
    ADD("same-answers", test_same_answers);
    ADD("probe", test_probe);
    ADD("not-checked", test_not_checked);
    ADD("commands", test_commands);
    ADD("wrong-commands", test_wrong_commands);
    ADD("filters", test_filters);
    ADD("overflow", test_overflow);
    ADD("overflow-masks", test_overflow_masks);
    ADD("saved", test_saved);
    ADD("refused", test_refused);
    ADD("threads", test_threads);
    return g_test_run();
}
