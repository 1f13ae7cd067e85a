/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Root and interrupt-table pointers of nyx-vtd when they take effect: with
 * ESRTPS and ESIRTPS they empty the caches, in abort mode nothing passes.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define LEVELS 4
#define ABORT 3

static NyxVtdCfg latch_cfg(void)
{
    NyxVtdCfg cfg = fx_cfg();

    cfg.esrtps = cfg.esirtps = cfg.abort_dma = true;
    return cfg;
}

/* SRTP, and nothing else; then SIRTP. */
static void srtp(Fx *f, uint64_t rtaddr)
{
    fx_write64(f, 0x20, rtaddr);
    fx_gcmd(f, 30, true);
}

static void sirtp(Fx *f, uint64_t irta)
{
    fx_write64(f, 0xb8, irta);
    fx_gcmd(f, 24, true);
}

/* A unit with one page mapped that is in every cache. */
static Fx *new_warm(const NyxVtdCfg *cfg, uint64_t *ss)
{
    Fx *f = fx_new_domain(cfg, LEVELS, ss);

    nyx_vtd_requester_notify(f->r, true);
    fx_map(f, *ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x9000);
    fx_map(f, *ss, LEVELS, 0x3000, 0xa000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x9000);
    fx_forget(f);
    return f;
}

/* --- Enhanced set-root ---------------------------------------------------- */

/* The same pointer again: leaves, tables and contexts are read anew. */
static void test_root_drops(void)
{
    for (unsigned esrtps = 0; esrtps < 2; esrtps++) {
        NyxVtdCfg cfg = latch_cfg();
        uint64_t ss;
        Fx *f;

        cfg.esrtps = esrtps;
        f = new_warm(&cfg, &ss);
        srtp(f, f->root);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, esrtps ? 0xa000 : 0x9000);
        /* Who caches translations of its own has to drop all of them. */
        g_assert_cmpuint(f->unmapped->len, ==, esrtps);
        if (esrtps) {
            const FxUnmapped *row = &g_array_index(f->unmapped, FxUnmapped,
                                                   0);

            g_assert_true(row->r == f->r);
            g_assert_cmphex(row->iova, ==, 0);
            g_assert_cmpuint(row->lg2, ==, 64);
            g_assert_cmpuint(nyx_vtd_requester_stats(f->r).context.dropped,
                             ==, 1);
        }
        g_assert_cmpuint(fx_all_findings(f), ==, 0);
        fx_free(f);
    }
}

/* Tables that changed above the leaf: the paging-structure cache went, too. */
static void test_root_drops_tables(void)
{
    const NyxVtdCfg cfg = latch_cfg();
    uint64_t ss, table;
    Fx *f = new_warm(&cfg, &ss);

    table = fx_mem_pages(&f->mem, 1);
    fx_mem_poke(&f->mem, table + 3 * 8, 0xb000 | 3);
    fx_mem_poke(&f->mem, fx_entry(f, ss, LEVELS, 0x3000, 2), table | 3);
    srtp(f, f->root);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0xb000);
    fx_free(f);
}

/* Every requester's. */
static void test_root_drops_all(void)
{
    const NyxVtdCfg cfg = latch_cfg();
    uint64_t ss;
    Fx *f = new_warm(&cfg, &ss);

    fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
    for (unsigned i = 0; i < 3; i++) {
        f->r = nyx_vtd_requester_new(f->vtd, f);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x9000);
    }
    fx_map(f, ss, LEVELS, 0x3000, 0xa000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x9000);
    srtp(f, f->root);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0xa000);
    g_assert_cmpuint(nyx_vtd_requester_stats(f->r).context.dropped, ==, 1);
    fx_free(f);
}

/* Another root table: its contexts are used at once. */
static void test_root_new(void)
{
    const NyxVtdCfg cfg = latch_cfg();
    uint64_t ss;
    Fx *f = new_warm(&cfg, &ss);

    f->root = fx_mem_pages(&f->mem, 1);
    ss = fx_domain(f, FX_SID, FX_DID, LEVELS);
    fx_map(f, ss, LEVELS, 0x3000, 0xc000, 12, FX_RW);
    srtp(f, f->root);
    g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0xc000);
    g_assert_cmpuint(fx_all_findings(f), ==, 0);
    fx_free(f);
}

static void take_mapping(Fx *f, NyxVtdRequester *r, const NyxBlock *block)
{
    *(NyxBlock *)f->opaque = *block;
}

/* Who passes mappings on to a host device gets those of the new tables. */
static void test_root_announces(void)
{
    NyxVtdCfg cfg = latch_cfg();
    NyxBlock last = { };
    uint64_t ss;
    Fx *f;

    cfg.caching_mode = true;
    f = fx_new_domain(&cfg, LEVELS, &ss);
    f->on_map = take_mapping;
    f->opaque = &last;
    fx_map(f, ss, LEVELS, 0x3000, 0x9000, 12, FX_RW);
    nyx_vtd_requester_expect(f->r, true);
    nyx_vtd_requester_follow(f->r, true);
    f->root = fx_mem_pages(&f->mem, 1);
    ss = fx_domain(f, FX_SID, FX_DID, LEVELS);
    fx_map(f, ss, LEVELS, 0x5000, 0xb000, 12, FX_RW);
    fx_settle(f);
    last = (NyxBlock) { };
    srtp(f, f->root);
    fx_settle(f);
    g_assert_cmphex(last.iova, ==, 0x5000);
    g_assert_cmphex(last.addr, ==, 0xb000);
    f->unmap_events = 0;
    srtp(f, f->root | ABORT << 10);
    fx_settle(f);
    g_assert_cmpuint(f->unmap_events, >, 0);
    fx_free(f);
}

/* Interrupt entries have a pointer of their own. */
static void test_root_keeps_interrupts(void)
{
    const NyxVtdCfg cfg = latch_cfg();
    uint64_t ss;
    Fx *f = new_warm(&cfg, &ss);
    FxMessage msg;

    fx_ir_start(f, 3, true);
    fx_irte(f, 0, 1 | 0x30 << 16, 0);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(0), 0, &msg), ==, 0);
    fx_irte(f, 0, 0, 0);
    srtp(f, f->root);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(0), 0, &msg), ==, 0);
    fx_free(f);
}

/* --- Enhanced set-interrupt-table ----------------------------------------- */

static void test_table_drops(void)
{
    for (unsigned esirtps = 0; esirtps < 2; esirtps++) {
        NyxVtdCfg cfg = latch_cfg();
        uint64_t ss;
        FxMessage msg;
        Fx *f;

        cfg.esirtps = esirtps;
        f = new_warm(&cfg, &ss);
        fx_ir_start(f, 3, true);
        fx_irte(f, 0, 1 | 0x30 << 16, 0);
        g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(0), 0, &msg), ==,
                         0);
        fx_irte(f, 0, 1 | 0x31 << 16, 0);
        fx_forget(f);
        sirtp(f, f->irt | 1 << 11 | 3);
        g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(0), 0, &msg), ==,
                         0);
        g_assert_cmphex(msg.data, ==, esirtps ? 0x31 : 0x30);
        /* KVM's routes are made anew. */
        g_assert_cmpuint(f->iec->len, ==, esirtps);
        /* Translations stay. */
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x9000);
        g_assert_cmpuint(fx_all_findings(f), ==, 0);
        fx_free(f);
    }
}

/* --- Findings ------------------------------------------------------------- */

/* What the capability makes unnecessary is not asked for. */
static void test_no_flush_due(void)
{
    for (unsigned with = 0; with < 4; with++) {
        NyxVtdCfg cfg = latch_cfg();
        Fx *f;

        cfg.esrtps = with & 1;
        cfg.esirtps = with & 2;
        f = fx_new(&cfg);
        srtp(f, f->root);
        fx_gcmd(f, 31, true);
        g_assert_cmpuint(fx_findings(f, NVTD_RULE_SRTP_NO_FLUSH), ==,
                         !cfg.esrtps);
        sirtp(f, fx_mem_pages(&f->mem, 1));
        fx_gcmd(f, 25, true);
        g_assert_cmpuint(fx_findings(f, NVTD_RULE_SIRTP_NO_FLUSH), ==,
                         !cfg.esirtps);
        fx_free(f);
    }
}

/* A saved state does not ask for it either. */
static void test_saved(void)
{
    const NyxVtdCfg cfg = latch_cfg();
    Fx *f = fx_new(&cfg);
    NyxVtdSaved saved;

    srtp(f, f->root);
    sirtp(f, fx_mem_pages(&f->mem, 1));
    /* 2 context, 3 IOTLB, 4 interrupt entries. */
    for (unsigned bit = 2; bit < 5; bit++) {
        nyx_vtd_save(f->vtd, &saved);
        g_assert_cmphex(saved.flags & 1 << bit, ==, 0);
        g_assert_null(nyx_vtd_load(f->vtd, &saved));
        saved.flags |= 1 << bit;
        g_assert_nonnull(nyx_vtd_load(f->vtd, &saved));
    }
    fx_free(f);
}

static void test_options(void)
{
    NyxVtdCfg cfg = latch_cfg();

    g_assert_null(nyx_vtd_cfg_error(&cfg));
    cfg.intremap = cfg.eim = false;
    g_assert_nonnull(strstr(nyx_vtd_cfg_error(&cfg), "esirtps=off"));
    cfg.esirtps = false;
    g_assert_null(nyx_vtd_cfg_error(&cfg));
    cfg.dma_translation = false;
    g_assert_nonnull(strstr(nyx_vtd_cfg_error(&cfg), "abort-dma=off"));
    cfg.abort_dma = false;
    g_assert_null(nyx_vtd_cfg_error(&cfg));
}

/* --- Abort mode ----------------------------------------------------------- */

/* Every kind of request is refused, and reported, whatever FPD says. */
static void check_aborts(Fx *f, bool elsewhere)
{
    static const NyxRequestType types[] = {
        NYX_REQ_UNTRANSLATED, NYX_REQ_TRANSLATION, NYX_REQ_TRANSLATED,
    };

    f->elsewhere = elsewhere;
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        for (unsigned pasid = 0; pasid < 2; pasid++) {
            NyxRequest req = {
                .type = types[i],
                .access = FX_R,
                .iova = i == 1 ? 0xfee00000 : 0x3000,
                .has_pasid = pasid,
            };
            NyxReply reply;

            FX_CHECK("refused",
                     nyx_vtd_translate(f->r, FX_SID, &req, &reply), false);
        }
    }
    f->elsewhere = false;
    nyx_vtd_continue(f->vtd);
    FX_CHECK("code", fx_take_code(f), 0x33);
    fx_clear_faults(f);
}

static void test_abort(void)
{
    for (unsigned esrtps = 0; esrtps < 2; esrtps++) {
        NyxVtdCfg cfg = latch_cfg();
        uint64_t ss;
        Fx *f;

        cfg.esrtps = esrtps;
        f = new_warm(&cfg, &ss);
        srtp(f, f->root | ABORT << 10);
        check_aborts(f, false);
        check_aborts(f, true);
        g_assert_cmpuint(nyx_vtd_stats(f->vtd).aborted, ==, 12);
        /* Off again: requests pass untranslated. */
        fx_gcmd(f, 31, false);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0x3000);
        fx_gcmd(f, 31, true);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, FX_REFUSED);
        g_assert_cmpuint(fx_take_code(f), ==, 0x33);
        /* And back to legacy mode, where faults are told. */
        fx_root_latch(f, 0);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, 0xa000);
        g_assert_cmphex(fx_dma(f, FX_R, 0x4000), ==, FX_REFUSED);
        g_assert_cmpuint(fx_take_code(f), ==, 6);
        fx_free(f);
    }
}

/* Interrupts are no DMA: they go on, and their faults are told. */
static void test_abort_interrupts(void)
{
    const NyxVtdCfg cfg = latch_cfg();
    uint64_t ss;
    Fx *f = new_warm(&cfg, &ss);
    FxMessage msg;

    fx_ir_start(f, 3, true);
    fx_irte(f, 0, 1 | 0x30 << 16, 0);
    srtp(f, f->root | ABORT << 10);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(0), 0, &msg), ==, 0);
    g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(1), 0, &msg), ==,
                     0x22);
    g_assert_cmpuint(fx_take_code(f), ==, 0x22);
    fx_free(f);
}

/* Not offered, and modes that are not there: 30h as before. */
static void test_other_modes(void)
{
    for (unsigned ttm = 1; ttm < 4; ttm++) {
        NyxVtdCfg cfg = latch_cfg();
        uint64_t ss;
        Fx *f;

        cfg.abort_dma = ttm != ABORT;
        f = new_warm(&cfg, &ss);
        srtp(f, f->root | ttm << 10);
        g_assert_cmpuint(fx_findings(f, NVTD_RULE_RTADDR_TTM), ==, 1);
        g_assert_cmphex(fx_dma(f, FX_R, 0x3000), ==, FX_REFUSED);
        g_assert_cmpuint(fx_take_code(f), ==, 0x30);
        g_assert_cmpuint(nyx_vtd_stats(f->vtd).aborted, ==, 0);
        fx_free(f);
    }
}

/* The register interface is one of legacy mode. */
static void test_abort_registers(void)
{
    const NyxVtdCfg cfg = latch_cfg();
    uint64_t ss;
    Fx *f = new_warm(&cfg, &ss);

    srtp(f, f->root | ABORT << 10);
    fx_write64(f, 0x28, 0xa000000000000000ULL);
    g_assert_cmphex(fx_read64(f, 0x28), ==, 0x2000000000000000ULL);
    fx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/latch/" name, fn)
    ADD("root-drops", test_root_drops);
    ADD("root-drops-tables", test_root_drops_tables);
    ADD("root-drops-all", test_root_drops_all);
    ADD("root-new", test_root_new);
    ADD("root-announces", test_root_announces);
    ADD("root-keeps-interrupts", test_root_keeps_interrupts);
    ADD("table-drops", test_table_drops);
    ADD("no-flush-due", test_no_flush_due);
    ADD("saved", test_saved);
    ADD("options", test_options);
    ADD("abort", test_abort);
    ADD("abort-interrupts", test_abort_interrupts);
    ADD("abort-registers", test_abort_registers);
    ADD("other-modes", test_other_modes);
    return g_test_run();
}
