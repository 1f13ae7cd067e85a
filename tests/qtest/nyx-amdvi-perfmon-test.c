/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Performance counters of nyx-amdvi: what each source counts of a device's
 * requests and of commands, matches, locks, an overflow.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi-guest.h"
#include "libqos/nyx-migrate.h"
#include "nyx-amdvi-fixture.h"

#define MSI     0xfee00000ull

/* A function of a counter */
#define PC(bank, counter, fn) \
    (0x40000 + ((bank) << 12) + ((counter) << 8) + (fn))
#define COUNT   PC(1, 2, 0x00)
#define SOURCE  PC(1, 2, 0x08)
#define REPORT  PC(1, 2, 0x28)

#define OPTIONS ",perfmon=on,device-iotlb=on,guest-levels=4,vapic=on," \
                "smi-filters=4"

static Fixture start_perf(void)
{
    Fixture f = start(OPTIONS);

    qamd_attach(f.v, SID, &f.dom, QAMD_DTE1_I);
    qamd_flush(f.v);
    nyx_td_ats(f.v->pc, SID, true);
    return f;
}

static void dma(Fixture *f, uint32_t op, uint32_t attr, uint64_t addr)
{
    nyx_td_request(&f->td, (NyxTdReq) {
        .op = op, .attr = attr, .addr = addr, .len = 4,
        .pasid = attr & NYX_TD_ATTR_PASID ? 3 : 0,
    });
}

/* --- Sources -------------------------------------------------------------- */

static void make_pass(Fixture *f)
{
    qamd_set_dte_word(f->v, SID, 0, 0);
    qamd_flush_dte(f->v, SID);
    dma(f, NYX_TD_OP_FILL, 0, f->page);
    dma(f, NYX_TD_OP_READ, 0, f->page);
}

static void make_translated(Fixture *f)
{
    dma(f, NYX_TD_OP_FILL, NYX_TD_ATTR_AT_TRANSLATED, f->page);
}

static void make_excluded(Fixture *f)
{
    qamd_w64(f->v, QAMD_EXCLLIMIT, f->page);
    qamd_w64(f->v, QAMD_EXCLBASE, f->page | 3);
    dma(f, NYX_TD_OP_FILL, 0, f->page);
    dma(f, NYX_TD_OP_FILL, 0, IOVA);
}

/* One of each kind that is aborted */
static void make_refused(Fixture *f)
{
    qamd_set_dte_word(f->v, SID, 2, QAMD_DTE2_IV);
    qamd_flush_dte(f->v, SID);
    dma(f, NYX_TD_OP_FILL, 0, 0x1000);
    nyx_td_msi(&f->td, MSI, 0x51);
}

/* Twice one page, and its neighbour */
static void make_dma(Fixture *f)
{
    qamd_map(f->v, &f->dom, IOVA + NYX_PAGE, f->page, 12, QAMD_RW);
    qamd_flush(f->v);
    dma(f, NYX_TD_OP_FILL, 0, IOVA);
    dma(f, NYX_TD_OP_FILL, 0, IOVA);
    dma(f, NYX_TD_OP_FILL, 0, IOVA + NYX_PAGE);
}

static void make_guest(Fixture *f)
{
    QAmdGuest guest = qamd_guest(f->v, 1, 4);

    qamd_control(f->v, 0, QAMD_GTEN);
    qamd_guest_map(&guest, 3, IOVA, f->page, 12, QAMD_GRWU);
    qamd_guest_attach(&guest, SID, DID, 0, 0);
    qamd_flush(f->v);
    dma(f, NYX_TD_OP_FILL, NYX_TD_ATTR_PASID, IOVA);
}

static void make_interrupts(Fixture *f)
{
    uint64_t table = qamd_irt(f->v, SID, 5, false);

    qtest_writel(f->v->qts, table, 1 | 0x51 << 16);
    qamd_flush(f->v);
    for (unsigned i = 0; i < 3; i++) {
        nyx_td_msi(&f->td, MSI, 0);
    }
}

/* With GAMEn, and an entry that is no guest's. */
static void make_vapic(Fixture *f)
{
    uint64_t table = qamd_irt(f->v, SID, 5, true);

    qamd_control(f->v, 0, QAMD_GAEN | 1ull << 25);
    qtest_writeq(f->v->qts, table, 1);
    qtest_writeq(f->v->qts, table + 8, 0x51);
    qamd_flush(f->v);
    nyx_td_msi(&f->td, MSI, 0);
}

static void make_commands(Fixture *f)
{
    qamd_flush(f->v);
    qamd_flush_dte(f->v, SID);
    qamd_flush_pages(f->v, DID, IOVA, 12);
}

/* Two pages are cached; of them goes the first, then all there is. */
static void make_flushes(Fixture *f)
{
    qamd_map(f->v, &f->dom, IOVA + NYX_PAGE, f->page, 12, QAMD_RW);
    qamd_flush(f->v);
    dma(f, NYX_TD_OP_FILL, 0, IOVA);
    dma(f, NYX_TD_OP_FILL, 0, IOVA + NYX_PAGE);
    qamd_flush_pages(f->v, DID, IOVA, 12);
    qamd_flush(f->v);
    qamd_flush(f->v);
}

static void make_1ff8(Fixture *f)
{
    qamd_r64(f->v, 0x1ff8);
    qamd_r32(f->v, 0x1ff8);
    qamd_r64(f->v, 0x1ff0);
}

/* The filter knows of nobody; off, then on. */
static void make_smi(Fixture *f)
{
    nyx_td_msi(&f->td, MSI, 0x200);
    qamd_control(f->v, 0, 1ull << 22);
    nyx_td_msi(&f->td, MSI, 0x200);
}

static const struct {
    const char *name;
    unsigned source;
    void (*make)(Fixture *f);
    unsigned n;
} source_rows[] = {
    { "untranslated", 0x01, make_pass, 2 },
    { "pretranslated", 0x02, make_translated, 1 },
    { "exclusion", 0x03, make_excluded, 1 },
    { "aborts", 0x04, make_refused, 2 },
    { "translations", 0x05, make_dma, 3 },
    { "PTE hits", 0x06, make_dma, 1 },
    { "PTE misses", 0x07, make_dma, 2 },
    { "PDE hits", 0x08, make_dma, 1 },
    { "PDE misses", 0x09, make_dma, 1 },
    { "DTE hits", 0x0a, make_dma, 1 },
    { "DTE misses", 0x0b, make_dma, 1 },
    /* Four levels, then the last alone */
    { "reads", 0x0c, make_dma, 5 },
    { "host's reads", 0x0d, make_dma, 5 },
    { "guest's reads", 0x0e, make_dma, 0 },
    /* GCR3 table of two levels, and four */
    { "reads", 0x0c, make_guest, 6 },
    { "host's reads", 0x0d, make_guest, 0 },
    { "guest's reads", 0x0e, make_guest, 6 },
    { "interrupts, DTE hits", 0x0f, make_interrupts, 2 },
    { "interrupts, DTE misses", 0x10, make_interrupts, 1 },
    { "commands", 0x11, make_commands, 6 },
    { "invalidations", 0x12, make_commands, 3 },
    { "translations dropped", 0x13, make_flushes, 2 },
    { "1ff8h", 0x14, make_1ff8, 2 },
    { "not the guest's", 0x15, make_vapic, 1 },
    { "not the guest's, GAMEn = 0", 0x15, make_interrupts, 0 },
    { "the guest's", 0x16, make_vapic, 0 },
    { "SMI", 0x17, make_smi, 2 },
    { "SMI blocked", 0x18, make_smi, 1 },
    { "reserved", 0x19, make_dma, 0 },
};

static void test_sources(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(source_rows); i++) {
        Fixture f = start_perf();

        qamd_w64(f.v, SOURCE, source_rows[i].source);
        source_rows[i].make(&f);
        NYX_CHECK(source_rows[i].name, qamd_r64(f.v, COUNT),
                  source_rows[i].n);
        /* Source 0 is none. */
        qamd_w64(f.v, SOURCE, 0);
        qamd_w64(f.v, COUNT, 7);
        source_rows[i].make(&f);
        NYX_CHECK(source_rows[i].name, qamd_r64(f.v, COUNT), 7);
        end(&f);
    }
}

/* --- Whose ---------------------------------------------------------------- */

static void test_matches(void)
{
    static const struct {
        const char *name;
        unsigned fn;
        uint64_t match;
        unsigned n;
    } rows[] = {
        { "device", 0x20, 0x0000ffff80000020, 3 },
        { "another device", 0x20, 0x0000ffff80000028, 0 },
        { "disabled", 0x20, 0x0000ffff00000028, 3 },
        { "mask", 0x20, 0x0000fff080000028, 3 },
        { "domain", 0x18, 0x0000ffff80000007, 2 },
        { "another domain", 0x18, 0x0000ffff80000008, 0 },
        { "no PASID", 0x10, 0x0000ffff80000003, 0 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Fixture f = start_perf();

        /* The first is made before its domain is known. */
        qamd_w64(f.v, SOURCE, 0x05);
        qamd_w64(f.v, PC(1, 2, rows[i].fn), rows[i].match);
        make_dma(&f);
        NYX_CHECK(rows[i].name, qamd_r64(f.v, COUNT), rows[i].n);
        end(&f);
    }
}

static void test_pasid(void)
{
    for (unsigned pasid = 3; pasid < 5; pasid++) {
        Fixture f = start_perf();

        qamd_w64(f.v, SOURCE, 0x0e);
        qamd_w64(f.v, PC(1, 2, 0x10), 0x0000ffff80000000 | pasid);
        make_guest(&f);
        NYX_CHECK("PASID", qamd_r64(f.v, COUNT), pasid == 3 ? 6 : 0);
        end(&f);
    }
}

/* A bank's match registers, by their kind */
static void test_locks(void)
{
    Fixture f = start_perf();
    const uint64_t value = 0x1234000080005678;

    for (unsigned i = 0; i < 3; i++) {
        unsigned at = PC(2, 3, 0x10 + 8 * i);

        qamd_w64(f.v, 0x4008 + 8 * i, 1 << 2);
        qamd_w64(f.v, at, value);
        NYX_CHECK("locked", qamd_r64(f.v, at), 0);
        qamd_w64(f.v, at - 0x1000, value);
        NYX_CHECK("another bank", qamd_r64(f.v, at - 0x1000),
                  0x0000000080005678);
        qamd_w64(f.v, 0x4008 + 8 * i, 0);
        qamd_w64(f.v, at, value);
        NYX_CHECK("unlocked", qamd_r64(f.v, at), 0x0000000080005678);
    }
    end(&f);
}

/* --- Registers ------------------------------------------------------------ */

/* Linux writes each in two halves. */
static void test_registers(void)
{
    Fixture f = start_perf();

    NYX_CHECK("PCSup", qamd_r64(f.v, QAMD_EFR) >> 9 & 1, 1);
    NYX_CHECK("4 of 4", qamd_r64(f.v, 0x4000), 4 << 12 | 4 << 7);
    qamd_w64(f.v, 0x4000, UINT64_MAX);
    NYX_CHECK("4 of 4", qamd_r64(f.v, 0x4000), 4 << 12 | 4 << 7);
    for (unsigned i = 0; i < 16; i++) {
        unsigned at = PC(i / 4, i % 4, 0);

        qamd_w32(f.v, at, 0x89abcde0 + i);
        qamd_w32(f.v, at + 4, 0xffff1234);
        NYX_CHECK("count", qamd_r64(f.v, at), 0x123489abcde0 + i);
        NYX_CHECK("count", qamd_r32(f.v, at + 4), 0x1234);
    }
    for (unsigned i = 0; i < 16; i++) {
        NYX_CHECK("still", qamd_r64(f.v, PC(i / 4, i % 4, 0)),
                  0x123489abcde0 + i);
    }
    qamd_w64(f.v, PC(4, 0, 0), 5);
    NYX_CHECK("no bank 4", qamd_r64(f.v, PC(4, 0, 0)), 0);
    qamd_w64(f.v, PC(0, 4, 0), 5);
    NYX_CHECK("no counter 4", qamd_r64(f.v, PC(0, 4, 0)), 0);
    end(&f);
}

static void test_overflow(void)
{
    Fixture f = start_perf();

    qamd_msi(f.v, 0x61, 0);
    qamd_control(f.v, 0, QAMD_EVENTINTEN);
    qamd_w64(f.v, COUNT, 0xfffffffffffe);
    qamd_w64(f.v, SOURCE, 0x05);
    make_dma(&f);
    NYX_CHECK("wrapped", qamd_r64(f.v, COUNT), 1);
    expect_silence(&f, "CERE = 0");
    NYX_CHECK("stats", qamd_stat(f.v, "counter-overflows"), 1);
    qamd_w64(f.v, REPORT, 1ull << 63 | 0xabcde00000001);
    qamd_w64(f.v, COUNT, 0xffffffffffff);
    make_dma(&f);
    NYX_CHECK("event", nyx_apic_irr(f.v->pc, 0, 0x61), NYX_IRR_EDGE);
    expect_event(&f, "event", 10ull << 60, 0x00000001000abcde);
    end(&f);
}

/* What threads do is counted, all of it. */
static void test_threads(void)
{
    const NyxTdRun run = {
        .req = { .op = NYX_TD_OP_READ, .len = 8, .addr = IOVA },
        .threads = 4,
        .count = 500000,
    };
    Fixture f = start_perf();

    qamd_w64(f.v, SOURCE, 0x05);
    NYX_CHECK("run", nyx_td_run(&f.td, &run) & NYX_TD_RUN_ST_ERRORS, 0);
    NYX_CHECK("all", qamd_r64(f.v, COUNT), nyx_td_r64(&f.td, NYX_TD_RUN_OPS));
    end(&f);
}

static void test_migrate(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    Fixture f = start_perf(), to = f;

    qamd_w64(f.v, SOURCE, 0x05);
    make_dma(&f);
    qamd_w64(f.v, 0x4010, 0xa);
    nyx_migrate_to(f.v->qts, path);
    to.v = g_memdup2(f.v, sizeof(*f.v));
    to.v->pc = nyx_pc_start("-M q35 -device nyx-amdvi,id=iommu%s "
                            "-device nyx-testdev,addr=4 -incoming file:%s",
                            OPTIONS, path);
    to.v->qts = to.v->pc->qts;
    to.td = nyx_td_at(to.v->qts, f.td.bar);
    nyx_migrate_wait(to.v->qts);
    NYX_CHECK("count", qamd_r64(to.v, COUNT), 3);
    NYX_CHECK("locks", qamd_r64(to.v, 0x4010), 0xa);
    dma(&to, NYX_TD_OP_FILL, 0, IOVA);
    NYX_CHECK("goes on", qamd_r64(to.v, COUNT), 4);
    qtest_system_reset(to.v->qts);
    NYX_CHECK("reset", qamd_r64(to.v, COUNT), 0);
    NYX_CHECK("reset", qamd_r64(to.v, SOURCE), 0);
    end(&to);
    end(&f);
    nyx_tmp_free(dir);
}

/* Off: the block has 16 KiB, and what is behind it is not ours. */
static void test_off(void)
{
    Fixture f = start_off("");

    NYX_CHECK("PCSup", qamd_r64(f.v, QAMD_EFR) >> 9 & 1, 0);
    qamd_w64(f.v, COUNT, 5);
    NYX_CHECK("counter", qamd_r64(f.v, COUNT) == 5, false);
    NYX_CHECK("finding", qamd_mistakes(f.v, "amdvi.reg.unaligned"), 0);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/perfmon/" name, fn)
    ADD("sources", test_sources);
    ADD("matches", test_matches);
    ADD("pasid", test_pasid);
    ADD("locks", test_locks);
    ADD("registers", test_registers);
    ADD("overflow", test_overflow);
    ADD("threads", test_threads);
    ADD("migrate", test_migrate);
    ADD("off", test_off);
    return g_test_run();
}
