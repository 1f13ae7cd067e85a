/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which mappings the unit announces to which requester: contexts, domains,
 * translation on and off, reset and saved state.  Each requester's consumer
 * keeps what it is told and checks that nothing is mapped twice or cut.
 */
#include "qemu/osdep.h"
#include "container.h"
#include "vtd-scalable.h"

#define PAGE 4096ull
#define IOVA 0x40000000ull
#define TE   31
#define CONSUMERS 4

typedef struct Consumer {
    NyxVtdRequester *r;
    uint16_t sid;
    bool no_bus;
    Container has;
} Consumer;

typedef struct Bench {
    Fx *f;
    Consumer c[CONSUMERS];
    uint64_t ss[2];          /* top tables of domains 10 and 11 */
} Bench;

static Consumer *consumer_of(Fx *f, NyxVtdRequester *r)
{
    Bench *b = f->opaque;

    for (unsigned i = 0; i < CONSUMERS; i++) {
        if (b->c[i].r == r) {
            return &b->c[i];
        }
    }
    g_assert_not_reached();
}

static void on_map(Fx *f, NyxVtdRequester *r, const NyxBlock *block)
{
    container_map(&consumer_of(f, r)->has, block);
}

static void on_unmap(Fx *f, NyxVtdRequester *r, uint64_t first, uint64_t last,
                     const NyxBlock *only)
{
    container_unmap(&consumer_of(f, r)->has, first, last, only);
}

static bool sid_of(Fx *f, NyxVtdRequester *r, uint16_t *sid)
{
    *sid = consumer_of(f, r)->sid;
    return !consumer_of(f, r)->no_bus;
}

static Bench *bench_new(bool caching_mode)
{
    Bench *b = g_new0(Bench, 1);
    NyxVtdCfg cfg = fx_cfg();

    cfg.caching_mode = caching_mode;
    b->f = fx_new(&cfg);
    b->f->opaque = b;
    b->f->on_map = on_map;
    b->f->on_unmap = on_unmap;
    b->f->sid_of = sid_of;
    for (unsigned i = 0; i < CONSUMERS; i++) {
        b->c[i].r = i ? nyx_vtd_requester_new(b->f->vtd, b->f) : b->f->r;
        b->c[i].sid = FX_SID + 8 * i;
        container_init(&b->c[i].has);
    }
    b->ss[0] = fx_domain(b->f, FX_SID, 10, 4);
    b->ss[1] = fx_mem_pages(&b->f->mem, 1);
    fx_queue_start(b->f, 0);
    return b;
}

static void bench_free(Bench *b)
{
    fx_free(b->f);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        container_destroy(&b->c[i].has);
    }
    g_free(b);
}

/* What the glue does when a listener comes: register, then replay. */
static void follow(Bench *b, unsigned i)
{
    unsigned maps = b->f->map_events, unmaps = b->f->unmap_events;
    Container *has = &b->c[i].has;

    nyx_vtd_requester_follow(b->c[i].r, true);
    FX_CHECK("silent", b->f->map_events - maps + b->f->unmap_events - unmaps,
             0);
    maps = has->maps;
    container_clear(has);
    nyx_vtd_requester_replay(b->c[i].r, container_map, has);
    has->maps = maps;
}

static const NyxBlock *block(Bench *b, unsigned i)
{
    return &g_array_index(b->c[i].has.blocks, NyxBlock, 0);
}

static void context(Bench *b, unsigned i, unsigned domain, unsigned tt)
{
    fx_context(b->f, b->c[i].sid, fx_context_lo(b->ss[domain], tt, false),
               fx_context_hi(4, 10 + domain));
}

static void flush_pages(Bench *b, unsigned did, uint64_t iova, unsigned am)
{
    fx_submit(b->f, 0xf2 | (uint64_t)did << 16, iova | am);
}

static void flush_context(Bench *b, unsigned did, unsigned i)
{
    fx_submit(b->f, 0x31 | (uint64_t)did << 16 | (uint64_t)b->c[i].sid << 32,
              0);
}

static void expect(Bench *b, unsigned i, const char *row, unsigned maps,
                   unsigned unmaps, unsigned blocks)
{
    Container *has = &b->c[i].has;

    FX_CHECK(row, has->maps, maps);
    FX_CHECK(row, has->unmaps, unmaps);
    FX_CHECK(row, has->blocks->len, blocks);
    has->maps = has->unmaps = 0;
}

static void map(Bench *b, unsigned domain, uint64_t iova, uint64_t gpa)
{
    fx_map(b->f, b->ss[domain], 4, iova, gpa, 12, FX_RW);
}

static void unmap(Bench *b, unsigned domain, uint64_t iova)
{
    fx_mem_poke(&b->f->mem, fx_entry(b->f, b->ss[domain], 4, iova, 1), 0);
}

/* --- Domains -------------------------------------------------------------- */

static void test_domains(void)
{
    Bench *b = bench_new(true);

    fx_start(b->f);
    context(b, 1, 0, 0);
    context(b, 2, 1, 0);
    for (unsigned i = 0; i < 3; i++) {
        follow(b, i);
    }
    map(b, 0, IOVA, 0x1000);
    map(b, 1, IOVA, 0x5000);
    flush_pages(b, 12, IOVA, 0);
    flush_pages(b, 10, IOVA + PAGE, 0);
    expect(b, 0, "elsewhere", 0, 0, 0);
    flush_pages(b, 10, IOVA, 0);
    expect(b, 0, "A", 1, 0, 1);
    expect(b, 1, "A too", 1, 0, 1);
    expect(b, 2, "B", 0, 0, 0);
    fx_submit(b->f, 0xe2 | 11 << 16, 0);
    expect(b, 2, "B", 1, 0, 1);
    expect(b, 3, "does not listen", 0, 0, 0);
    unmap(b, 0, IOVA);
    unmap(b, 1, IOVA);
    fx_submit(b->f, 0xd2, 0);
    for (unsigned i = 0; i < 3; i++) {
        expect(b, i, "global", 0, 1, 0);
    }
    /* 3.14: nobody may write there but through the window. */
    map(b, 0, IOVA, 0xfee00000);
    map(b, 0, IOVA + PAGE, 0xfef00000);
    flush_pages(b, 10, IOVA, 1);
    expect(b, 0, "not the interrupts", 1, 0, 1);
    FX_CHECK("shadows", nyx_vtd_stats(b->f->vtd).shadows, 2);
    nyx_vtd_requester_follow(b->c[2].r, false);
    FX_CHECK("shadows", nyx_vtd_stats(b->f->vtd).shadows, 1);
    bench_free(b);
}

/* One that comes later gets what the others have, walked or not. */
static void test_late_comer(void)
{
    Bench *b = bench_new(true);

    map(b, 0, IOVA, 0x1000);
    context(b, 1, 0, 0);
    fx_start(b->f);
    follow(b, 0);
    FX_CHECK("replayed", b->c[0].has.blocks->len, 1);
    map(b, 0, IOVA + 8 * PAGE, 0x2000);
    follow(b, 1);
    FX_CHECK("the same", b->c[1].has.blocks->len, 1);
    flush_pages(b, 10, IOVA + 8 * PAGE, 0);
    expect(b, 0, "both", 1, 0, 2);
    expect(b, 1, "both", 1, 0, 2);

    /* Gone, and nothing remembered: the tables are read anew. */
    nyx_vtd_requester_follow(b->c[0].r, false);
    nyx_vtd_requester_follow(b->c[1].r, false);
    unmap(b, 0, IOVA);
    follow(b, 0);
    FX_CHECK("anew", b->c[0].has.blocks->len, 1);
    bench_free(b);
}

/* --- Contexts ------------------------------------------------------------- */

static void test_contexts(void)
{
    Bench *b = bench_new(true);

    map(b, 0, IOVA, 0x1000);
    map(b, 1, IOVA, 0x5000);
    map(b, 1, IOVA + PAGE, 0x8000);
    fx_start(b->f);
    follow(b, 0);
    FX_CHECK("A", b->c[0].has.blocks->len, 1);

    context(b, 0, 1, 0);
    flush_context(b, 10, 1);
    flush_context(b, 11, 0);
    fx_submit(b->f, 0x21 | 11 << 16, 0);
    expect(b, 0, "others' entries", 0, 0, 1);
    fx_submit(b->f, 0x21 | 10 << 16, 0);
    expect(b, 0, "to B", 2, 1, 2);
    fx_submit(b->f, 0x11, 0);
    expect(b, 0, "still B", 0, 0, 2);

    /* The function's number changes: its entry is another one. */
    b->c[0].sid = FX_SID + 0x100;
    flush_context(b, 99, 3);
    expect(b, 0, "another bus", 0, 1, 0);
    b->c[0].sid = FX_SID;
    flush_context(b, 99, 3);
    expect(b, 0, "back", 2, 0, 2);

    b->c[0].no_bus = true;
    flush_context(b, 99, 3);
    expect(b, 0, "no bus", 0, 1, 0);
    b->c[0].no_bus = false;
    fx_submit(b->f, 0x11, 0);
    expect(b, 0, "a bus", 2, 0, 2);

    /* Other tables for the same domain: nobody shares it, by then. */
    fx_context(b->f, FX_SID, fx_context_lo(b->ss[0], 0, false),
               fx_context_hi(4, 11));
    flush_context(b, 11, 0);
    expect(b, 0, "other tables", 1, 1, 1);
    FX_CHECK("not shared", fx_findings(b->f, NVTD_RULE_DID_SHARED), 0);
    context(b, 0, 1, 0);
    nyx_vtd_requester_follow(b->c[0].r, true);
    expect(b, 0, "known already", 0, 0, 1);
    flush_context(b, 11, 0);
    expect(b, 0, "B again", 2, 1, 2);

    /* An entry in error is not remembered at all. */
    fx_context(b->f, FX_SID, b->ss[1] | 1, fx_context_hi(7, 11));
    flush_context(b, 11, 0);
    expect(b, 0, "in error", 0, 1, 0);
    context(b, 0, 1, 0);
    flush_context(b, 99, 3);
    expect(b, 0, "any command", 2, 0, 2);

    /* Not present is remembered as domain 0. */
    fx_context(b->f, FX_SID, 0, 0);
    flush_context(b, 11, 0);
    expect(b, 0, "not present", 0, 1, 0);
    context(b, 0, 1, 0);
    flush_context(b, 11, 0);
    expect(b, 0, "not domain 11", 0, 0, 0);
    flush_context(b, 0, 0);
    expect(b, 0, "present", 2, 0, 2);
    bench_free(b);
}

static void test_pass_through(void)
{
    Bench *b = bench_new(true);
    NyxVtdRequester *r = b->c[0].r;

    map(b, 0, IOVA, 0x1000);
    fx_start(b->f);
    follow(b, 0);
    context(b, 0, 1, 2);
    FX_CHECK("not yet", nyx_vtd_requester_direct(r), false);
    flush_context(b, 10, 0);
    expect(b, 0, "direct", 0, 1, 0);
    FX_CHECK("direct", nyx_vtd_requester_direct(r), true);
    FX_CHECK("told", b->f->direct_changes, 1);
    /* The region goes, and the listener with it; it is expected back. */
    nyx_vtd_requester_follow(r, false);
    FX_CHECK("direct", nyx_vtd_requester_direct(r), true);
    context(b, 0, 0, 0);
    flush_context(b, 11, 0);
    FX_CHECK("back", nyx_vtd_requester_direct(r), false);
    FX_CHECK("told", b->f->direct_changes, 2);
    follow(b, 0);
    FX_CHECK("mapped", b->c[0].has.blocks->len, 1);

    /* Unless it is not: then such a context is none of its business. */
    nyx_vtd_requester_follow(r, false);
    nyx_vtd_requester_expect(r, false);
    context(b, 0, 1, 2);
    fx_submit(b->f, 0x11, 0);
    FX_CHECK("nobody", nyx_vtd_requester_direct(r), false);
    FX_CHECK("nobody", b->f->direct_changes, 2);

    /* A listener that was not expected: from the main loop. */
    fx_settle(b->f);
    follow(b, 0);
    FX_CHECK("surprise", nyx_vtd_requester_direct(r), true);
    FX_CHECK("surprise", b->f->direct_changes, 2);
    FX_CHECK("kicked", b->f->kicks, 1);
    fx_settle(b->f);
    FX_CHECK("done", b->f->direct_changes, 3);

    /* It goes for good. */
    nyx_vtd_requester_follow(r, false);
    nyx_vtd_requester_expect(r, false);
    fx_settle(b->f);
    FX_CHECK("gone", nyx_vtd_requester_direct(r), false);
    FX_CHECK("gone", b->f->direct_changes, 4);

    /* One that is to come, while translation is on. */
    nyx_vtd_requester_expect(r, true);
    FX_CHECK("to come", nyx_vtd_requester_direct(r), true);
    fx_settle(b->f);
    FX_CHECK("to come", b->f->direct_changes, 5);
    bench_free(b);
}

/* --- Translation on and off ----------------------------------------------- */

static void test_enable(void)
{
    Bench *b = bench_new(true);

    map(b, 0, IOVA, 0x1000);
    context(b, 1, 1, 2);
    follow(b, 0);
    FX_CHECK("off", b->c[0].has.blocks->len, 0);
    nyx_vtd_requester_expect(b->c[1].r, true);
    FX_CHECK("off", nyx_vtd_requester_direct(b->c[1].r), false);
    fx_start(b->f);
    expect(b, 0, "on", 1, 0, 1);
    FX_CHECK("known beforehand", nyx_vtd_requester_direct(b->c[1].r), true);
    FX_CHECK("by the mode", b->f->direct_changes, 0);
    map(b, 0, IOVA + PAGE, 0x4000);
    fx_gcmd(b->f, TE, false);
    expect(b, 0, "off", 0, 1, 0);
    FX_CHECK("off", nyx_vtd_requester_direct(b->c[1].r), false);
    flush_pages(b, 10, IOVA, 0);
    fx_submit(b->f, 0x11, 0);
    expect(b, 0, "off", 0, 0, 0);
    fx_gcmd(b->f, TE, true);
    expect(b, 0, "on", 2, 0, 2);
    nyx_vtd_reset(b->f->vtd);
    expect(b, 0, "reset", 0, 1, 0);
    FX_CHECK("reset", nyx_vtd_stats(b->f->vtd).shadows, 0);
    bench_free(b);
}

/* A state is loaded over a running unit: memory is another one. */
static void test_load(void)
{
    Bench *b = bench_new(true);
    g_autofree NyxVtdSaved *saved = g_new0(NyxVtdSaved, 1);

    map(b, 0, IOVA, 0x1000);
    fx_start(b->f);
    follow(b, 0);
    nyx_vtd_save(b->f->vtd, saved);
    unmap(b, 0, IOVA);
    map(b, 0, IOVA + 4 * PAGE, 0x9000);
    g_assert_null(nyx_vtd_load(b->f->vtd, saved));
    expect(b, 0, "loaded", 1, 1, 1);
    FX_CHECK("loaded", block(b, 0)->iova, IOVA + 4 * PAGE);
    bench_free(b);
}

/*
 * Hostile tables, 2^27 of them in four pages: a command reads only so many,
 * and the main loop gets a turn before the next command.
 */
static void test_bounds(void)
{
    Bench *b = bench_new(true);
    Fx *f = b->f;
    uint64_t table[4] = { b->ss[0] };
    uint64_t read;

    for (unsigned i = 1; i < 4; i++) {
        table[i] = fx_mem_pages(&f->mem, 1);
        for (unsigned j = 0; j < 512; j++) {
            fx_mem_poke(&f->mem, table[i - 1] + j * 8, table[i] | FX_RW);
        }
    }
    fx_start(f);
    follow(b, 0);
    FX_CHECK("found", fx_findings(f, NVTD_RULE_SHADOW_FULL), 1);
    read = nyx_vtd_stats(f->vtd).shadow_tables;
    FX_CHECK("tables", read, 256 * 1024);
    for (unsigned i = 0; i < 3; i++) {
        fx_desc(f, 0xd2, 0);
    }
    f->kicks = 0;
    fx_ring(f);
    FX_CHECK("a turn", f->kicks, 1);
    FX_CHECK("one command", nyx_vtd_stats(f->vtd).shadow_tables, 2 * read);
    fx_settle(f);
    FX_CHECK("all", nyx_vtd_stats(f->vtd).shadow_tables, 4 * read);

    /* What is there is still exact: a page of it. */
    fx_mem_poke(&f->mem, table[3] + 7 * 8, 0x5000 | FX_RW);
    flush_pages(b, 10, (5ULL << 39) + 7 * PAGE, 0);
    expect(b, 0, "a page", 1, 0, 1);
    bench_free(b);
}

/* Requests have their own caches, which are as stale as the shadow. */
static void test_beside_requests(void)
{
    Bench *b = bench_new(true);

    map(b, 0, IOVA, 0x1000);
    fx_start(b->f);
    follow(b, 0);
    FX_CHECK("DMA", fx_dma(b->f, FX_W, IOVA + 5), 0x1005);
    map(b, 0, IOVA, 0x2000);
    FX_CHECK("stale", fx_dma(b->f, FX_W, IOVA + 5), 0x1005);
    FX_CHECK("stale", block(b, 0)->addr, 0x1000);
    flush_pages(b, 10, IOVA, 0);
    FX_CHECK("DMA", fx_dma(b->f, FX_W, IOVA + 5), 0x2005);
    expect(b, 0, "moved", 1, 1, 1);
    FX_CHECK("moved", block(b, 0)->addr, 0x2000);
    bench_free(b);
}

/* Requests without a PASID have a consumer. */
static void scene_init(Bench *b, SmScene *s, const NyxVtdCfg *cfg)
{
    sc_init(s, cfg);
    b->f = s->f;
    b->c[0] = (Consumer) { .r = s->f->r, .sid = FX_SID };
    container_init(&b->c[0].has);
    s->f->opaque = b;
    s->f->on_map = on_map;
    s->f->on_unmap = on_unmap;
    s->f->sid_of = sid_of;
}

/*
 * RID_PRIV: requests without a PASID are privileged, and refused by an entry
 * without SRE.  What is refused is not announced.
 */
static void test_privileged(void)
{
    NyxVtdCfg cfg = sm_cfg();

    cfg.caching_mode = true;
    for (uint32_t pgtt = SM_SECOND; pgtt <= SM_PASS; pgtt += 2) {
        Bench b = { };
        SmScene s;

        scene_init(&b, &s, &cfg);
        sc_alias(&s, pgtt, 6);
        sc_poke(&s, s.ctx + 8, 1 << 20 | 6);
        sm_flush(s.f);
        FX_CHECK("DMA", sm_dma(s.f, SM_NO_PASID, FX_R, SC_IOVA), FX_REFUSED);
        follow(&b, 0);
        FX_CHECK("refused", b.c[0].has.blocks->len, 0);
        FX_CHECK("refused", nyx_vtd_requester_direct(s.f->r), false);

        /* SRE */
        sc_or(&s, s.space[pgtt].at + 16, 1);
        sc_alias(&s, pgtt, 6);
        sm_flush(s.f);
        FX_CHECK("DMA", sm_dma(s.f, SM_NO_PASID, FX_R, SC_IOVA),
                 sc_good(pgtt));
        FX_CHECK("granted", b.c[0].has.blocks->len, pgtt == SM_SECOND);
        FX_CHECK("granted", nyx_vtd_requester_direct(s.f->r),
                 pgtt == SM_PASS);
        sc_free(&s);
        container_destroy(&b.c[0].has);
    }
}

/* Software is always there before, with a bit that is ignored. */
static void overtake(void *opaque, uint64_t gpa)
{
    FxMem *mem = opaque;

    fx_mem_poke(mem, gpa, fx_mem_peek(mem, gpa) ^ 1ULL << 52);
}

/*
 * SSADE: nobody hears of the writes of a device of the host.  A page that it
 * may write to is dirty, and again when software has cleared that.
 */
static void test_marks(void)
{
    const uint64_t accessed = 1 << 8, dirty = 1 << 9;
    NyxVtdCfg cfg = sm_cfg();
    Bench b = { };
    uint64_t leaf;
    SmScene s;

    cfg.caching_mode = true;
    scene_init(&b, &s, &cfg);
    leaf = sm_ss_entry(&s.space[SM_SECOND], SC_IOVA, 1);
    sc_or(&s, s.space[SM_SECOND].at, 1 << 9);
    sc_alias(&s, SM_SECOND, 6);
    sc_poke(&s, s.ctx + 8, 6);
    sm_flush(s.f);
    FX_CHECK("nobody", fx_mem_peek(&s.f->mem, leaf) & (accessed | dirty), 0);
    follow(&b, 0);
    FX_CHECK("mapped", b.c[0].has.blocks->len, 1);
    FX_CHECK("mapped", fx_mem_peek(&s.f->mem, leaf) & (accessed | dirty),
             accessed | dirty);
    sc_clear(&s, leaf, accessed | dirty);
    flush_pages(&b, SC_DID + SM_SECOND, SC_IOVA & ~(PAGE - 1), 0);
    expect(&b, 0, "still there", 0, 0, 1);
    FX_CHECK("again", fx_mem_peek(&s.f->mem, leaf) & (accessed | dirty),
             accessed | dirty);

    /* One that it only reads. */
    sc_clear(&s, leaf, FX_W | accessed | dirty);
    flush_pages(&b, SC_DID + SM_SECOND, SC_IOVA & ~(PAGE - 1), 0);
    expect(&b, 0, "read-only", 1, 1, 1);
    FX_CHECK("read-only", fx_mem_peek(&s.f->mem, leaf) & (accessed | dirty),
             accessed);

    /* What cannot be marked is not written to. */
    sc_or(&s, leaf, FX_W);
    s.f->mem.on_cmpxchg = overtake;
    s.f->mem.on_cmpxchg_opaque = &s.f->mem;
    flush_pages(&b, SC_DID + SM_SECOND, SC_IOVA & ~(PAGE - 1), 0);
    expect(&b, 0, "no mark", 0, 1, 0);
    sc_free(&s);
    container_destroy(&b.c[0].has);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/announce/domains", test_domains);
    g_test_add_func("/vtd/announce/late-comer", test_late_comer);
    g_test_add_func("/vtd/announce/contexts", test_contexts);
    g_test_add_func("/vtd/announce/pass-through", test_pass_through);
    g_test_add_func("/vtd/announce/enable", test_enable);
    g_test_add_func("/vtd/announce/load", test_load);
    g_test_add_func("/vtd/announce/bounds", test_bounds);
    g_test_add_func("/vtd/announce/beside-requests", test_beside_requests);
    g_test_add_func("/vtd/announce/privileged", test_privileged);
    g_test_add_func("/vtd/announce/marks", test_marks);
    return g_test_run();
}
