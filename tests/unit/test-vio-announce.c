/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which mappings the device announces to which requester: domains, bypass,
 * sizes of any kind, reset.  Each requester's consumer keeps what it is told
 * and checks that nothing is mapped twice or cut.
 */
#include "qemu/osdep.h"
#include "container.h"
#include "vio-drafts.h"

#define PAGE 4096ull
#define IOVA 0x40000000ull
#define CONSUMERS 4

/* Domains */
#define DOM_A 10
#define DOM_B 11

typedef struct Consumer {
    NyxVioRequester *r;
    uint16_t sid;
    bool told;
    bool no_bus;
    Container has;
} Consumer;

typedef struct Bench {
    Vx *f;
    Consumer c[CONSUMERS];
    bool count_only;
} Bench;

static Consumer *consumer_of(Vx *f, NyxVioRequester *r)
{
    Bench *b = f->opaque;

    for (unsigned i = 0; i < CONSUMERS; i++) {
        if (b->c[i].r == r) {
            return &b->c[i];
        }
    }
    g_assert_not_reached();
}

static void on_map(Vx *f, NyxVioRequester *r, const NyxBlock *block)
{
    const Bench *b = f->opaque;
    Consumer *c = consumer_of(f, r);

    FX_CHECK("told", c->told, true);
    if (b->count_only) {
        c->has.maps++;
    } else {
        container_map(&c->has, block);
    }
    g_array_set_size(f->maps, 0);
}

static void on_unmap(Vx *f, NyxVioRequester *r, uint64_t first, uint64_t last,
                     const NyxBlock *only)
{
    const Bench *b = f->opaque;
    Consumer *c = consumer_of(f, r);

    FX_CHECK("told", c->told, true);
    if (b->count_only) {
        c->has.unmaps++;
    } else {
        container_unmap(&c->has, first, last, only);
    }
    g_array_set_size(f->unmaps, 0);
}

static bool sid_of(Vx *f, NyxVioRequester *r, uint16_t *sid)
{
    *sid = consumer_of(f, r)->sid;
    return !consumer_of(f, r)->no_bus;
}

/* Nobody is in a domain, and bypass is off. */
static Bench *bench_new(const NyxVioCfg *cfg)
{
    Bench *b = g_new0(Bench, 1);

    b->f = vx_new_started(cfg);
    b->f->opaque = b;
    b->f->on_map = on_map;
    b->f->on_unmap = on_unmap;
    b->f->sid_of = sid_of;
    for (unsigned i = 0; i < CONSUMERS; i++) {
        b->c[i].sid = VX_SID + 8 * i;
        b->c[i].r = i ? vx_requester(b->f, b->c[i].sid) : b->f->r;
        container_init(&b->c[i].has);
    }
    vx_set_bypass(b->f, false);
    vx_forget(b->f);
    return b;
}

static void bench_free(Bench *b)
{
    vx_free(b->f);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        container_destroy(&b->c[i].has);
    }
    g_free(b);
}

/* What the glue does when a listener comes: register, then replay. */
static void follow(Bench *b, unsigned i)
{
    Consumer *c = &b->c[i];
    unsigned maps = c->has.maps, events = maps + c->has.unmaps;

    nyx_vio_requester_follow(c->r, true);
    c->told = true;
    FX_CHECK("silent", c->has.maps + c->has.unmaps, events);
    container_clear(&c->has);
    nyx_vio_requester_replay(c->r, container_map, &c->has);
    c->has.maps = maps;
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

static const NyxBlock *block(Bench *b, unsigned i)
{
    return &g_array_index(b->c[i].has.blocks, NyxBlock, 0);
}

static void attach(Bench *b, unsigned domain, unsigned i)
{
    FX_CHECK("attach", vx_attach(b->f, domain, b->c[i].sid), VX_OK);
}

static void map_flags(Bench *b, unsigned domain, uint64_t iova, uint64_t size,
                      uint64_t phys, uint32_t flags)
{
    FX_CHECK("map", vx_map(b->f, domain, iova, iova + size - 1, phys, flags),
             VX_OK);
}

static void map(Bench *b, unsigned domain, uint64_t iova, uint64_t size,
                uint64_t phys)
{
    map_flags(b, domain, iova, size, phys, FX_RW);
}

static void unmap(Bench *b, unsigned domain, uint64_t iova, uint64_t size)
{
    FX_CHECK("unmap", vx_unmap(b->f, domain, iova, iova + size - 1), VX_OK);
}

/* --- Domains -------------------------------------------------------------- */

static void test_domains(void)
{
    Bench *b = bench_new(NULL);

    for (unsigned i = 0; i < 3; i++) {
        follow(b, i);
    }
    attach(b, DOM_A, 0);
    attach(b, DOM_A, 1);
    attach(b, DOM_A, 3);
    attach(b, DOM_B, 2);
    map(b, DOM_A, IOVA, PAGE, 0x1000);
    expect(b, 0, "A", 1, 0, 1);
    expect(b, 1, "A too", 1, 0, 1);
    expect(b, 2, "B", 0, 0, 0);
    expect(b, 3, "does not listen", 0, 0, 0);
    map(b, DOM_B, IOVA, PAGE, 0x5000);
    expect(b, 0, "A", 0, 0, 1);
    expect(b, 2, "B", 1, 0, 1);
    FX_CHECK("shadows", nyx_vio_stats(b->f->vio).shadows, 2);
    FX_CHECK("blocks", nyx_vio_stats(b->f->vio).shadow_blocks, 2);
    FX_CHECK("events", nyx_vio_stats(b->f->vio).map_events, 3);
    unmap(b, DOM_A, 0, IOVA + PAGE);
    expect(b, 0, "A", 0, 1, 0);
    expect(b, 1, "A too", 0, 1, 0);
    expect(b, 2, "B", 0, 0, 1);
    /* A refused request changes nothing. */
    FX_CHECK("refused", vx_map(b->f, DOM_B, IOVA, IOVA + 2 * PAGE - 1, 0,
                               FX_RW), VX_INVAL);
    expect(b, 2, "refused", 0, 0, 1);
    nyx_vio_requester_follow(b->c[2].r, false);
    FX_CHECK("shadows", nyx_vio_stats(b->f->vio).shadows, 1);
    bench_free(b);
}

static void test_rights(void)
{
    Bench *b = bench_new(NULL);

    follow(b, 0);
    attach(b, DOM_A, 0);
    map_flags(b, DOM_A, IOVA, PAGE, 0x1000, FX_R);
    FX_CHECK("read", block(b, 0)->permission, NYX_ACCESS_READ);
    unmap(b, DOM_A, IOVA, PAGE);
    map_flags(b, DOM_A, IOVA, PAGE, 0x1000, FX_W | VX_MMIO);
    FX_CHECK("write", block(b, 0)->permission, NYX_ACCESS_WRITE);
    unmap(b, DOM_A, IOVA, PAGE);
    expect(b, 0, "both", 2, 2, 0);
    map_flags(b, DOM_A, IOVA, PAGE, 0x1000, 0);
    expect(b, 0, "neither", 0, 0, 0);
    unmap(b, DOM_A, IOVA, PAGE);
    expect(b, 0, "neither", 0, 0, 0);
    bench_free(b);
}

/* --- Endpoints ------------------------------------------------------------ */

static void test_attach(void)
{
    Bench *b = bench_new(NULL);

    follow(b, 0);
    attach(b, DOM_A, 1);
    attach(b, DOM_B, 2);
    map(b, DOM_A, IOVA, PAGE, 0x1000);
    map(b, DOM_B, IOVA, PAGE, 0x5000);
    map(b, DOM_B, IOVA + 4 * PAGE, PAGE, 0x6000);
    expect(b, 0, "nowhere", 0, 0, 0);
    attach(b, DOM_A, 0);
    expect(b, 0, "A", 1, 0, 1);
    attach(b, DOM_A, 0);
    expect(b, 0, "again", 0, 0, 1);
    attach(b, DOM_B, 0);
    expect(b, 0, "to B", 2, 1, 2);
    FX_CHECK("refused", vx_attach_bypass(b->f, DOM_A, b->c[0].sid), VX_INVAL);
    expect(b, 0, "refused", 0, 0, 2);
    FX_CHECK("B", vx_detach(b->f, DOM_B, b->c[0].sid), VX_OK);
    expect(b, 0, "nowhere", 0, 1, 0);
    FX_CHECK("shadows", nyx_vio_stats(b->f->vio).shadows, 0);
    bench_free(b);
}

/* A domain that is over leaves nothing to the one that is next. */
static void test_reuse(void)
{
    Bench *b = bench_new(NULL);

    follow(b, 0);
    attach(b, DOM_A, 0);
    map(b, DOM_A, IOVA, PAGE, 0x1000);
    FX_CHECK("A", vx_detach(b->f, DOM_A, b->c[0].sid), VX_OK);
    attach(b, DOM_B, 0);
    expect(b, 0, "B", 1, 1, 0);
    map(b, DOM_B, IOVA, PAGE, 0x2000);
    expect(b, 0, "B", 1, 0, 1);
    FX_CHECK("B", block(b, 0)->addr, 0x2000);
    /* The last of B goes to A, which is new. */
    attach(b, DOM_A, 0);
    expect(b, 0, "A", 0, 1, 0);
    map(b, DOM_A, IOVA, PAGE, 0x3000);
    expect(b, 0, "A", 1, 0, 1);
    FX_CHECK("A", block(b, 0)->addr, 0x3000);
    bench_free(b);
}

/* An endpoint that is nobody's comes and goes. */
static void stir(Bench *b)
{
    FX_CHECK("attach", vx_attach(b->f, 99, 0x80), VX_OK);
    FX_CHECK("detach", vx_detach(b->f, 99, 0x80), VX_OK);
}

static void test_ids(void)
{
    Bench *b = bench_new(NULL);

    follow(b, 0);
    attach(b, DOM_A, 0);
    map(b, DOM_A, IOVA, PAGE, 0x1000);
    attach(b, DOM_B, 1);
    map(b, DOM_B, IOVA, PAGE, 0x5000);
    expect(b, 0, "A", 1, 0, 1);
    /* Its bus gets the other's number; any endpoint that comes tells. */
    b->c[0].sid = b->c[1].sid;
    stir(b);
    expect(b, 0, "B", 1, 1, 1);
    FX_CHECK("B", block(b, 0)->addr, 0x5000);
    b->c[0].no_bus = true;
    stir(b);
    expect(b, 0, "no bus", 0, 1, 0);
    b->c[0].no_bus = false;
    b->c[0].sid = VX_SID;
    stir(b);
    expect(b, 0, "back", 1, 0, 1);
    bench_free(b);
}

/* --- Bypass --------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned domain;         /* zero: none */
    bool bypass_domain;
    bool bypass;             /* in configuration space */
    bool direct;
} route_rows[] = {
    { "nowhere", 0, false, false, false },
    { "nowhere, bypass", 0, false, true, true },
    { "bypass domain", DOM_B, true, false, true },
    { "bypass domain, bypass", DOM_B, true, true, true },
    { "mappings", DOM_A, false, false, false },
    { "mappings, bypass", DOM_A, false, true, false },
};

static void test_routes(void)
{
    for (unsigned from = 0; from < ARRAY_SIZE(route_rows); from++) {
        for (unsigned to = 0; to < ARRAY_SIZE(route_rows); to++) {
            Bench *b = bench_new(NULL);
            const unsigned rows[2] = { from, to };

            nyx_vio_requester_expect(b->c[1].r, true);
            for (unsigned i = 0; i < 2; i++) {
                unsigned row = rows[i], domain = route_rows[row].domain;
                uint16_t sid = b->c[1].sid;

                vx_set_bypass(b->f, route_rows[row].bypass);
                if (!domain) {
                    vx_detach(b->f, DOM_A, sid);
                    vx_detach(b->f, DOM_B, sid);
                } else if (route_rows[row].bypass_domain) {
                    FX_CHECK(route_rows[row].name,
                             vx_attach_bypass(b->f, domain, sid), VX_OK);
                } else {
                    attach(b, domain, 1);
                }
                FX_CHECK(route_rows[row].name,
                         nyx_vio_requester_direct(b->c[1].r),
                         route_rows[row].direct);
                FX_CHECK(route_rows[row].name, nyx_vio_bypassed(b->f->vio, sid),
                         route_rows[row].direct);
                FX_CHECK("not expected", nyx_vio_requester_direct(b->c[2].r),
                         false);
            }
            bench_free(b);
        }
    }
}

/* From mappings to memory as it is, and back. */
static void test_bypass(void)
{
    Bench *b = bench_new(NULL);

    follow(b, 0);
    attach(b, DOM_A, 0);
    attach(b, DOM_A, 1);
    map(b, DOM_A, IOVA, PAGE, 0x1000);
    expect(b, 0, "mapped", 1, 0, 1);
    vx_forget(b->f);
    FX_CHECK("bypass", vx_attach_bypass(b->f, DOM_B, b->c[0].sid), VX_OK);
    expect(b, 0, "bypass", 0, 1, 0);
    FX_CHECK("bypass", b->f->direct_changes, 1);
    attach(b, DOM_A, 0);
    expect(b, 0, "mapped", 1, 0, 1);
    FX_CHECK("mapped", b->f->direct_changes, 2);
    FX_CHECK("none", vx_detach(b->f, DOM_A, b->c[0].sid), VX_OK);
    expect(b, 0, "none", 0, 1, 0);
    vx_set_bypass(b->f, true);
    FX_CHECK("by the mode", b->f->direct_changes, 2);
    FX_CHECK("by the mode", b->f->mode_changes, 1);
    FX_CHECK("by the mode", nyx_vio_requester_direct(b->c[0].r), true);
    bench_free(b);
}

/* A listener that was not expected: from the main loop. */
static void test_surprise(void)
{
    Bench *b = bench_new(NULL);
    NyxVioRequester *r = b->c[0].r;

    vx_set_bypass(b->f, true);
    FX_CHECK("nobody", nyx_vio_requester_direct(r), false);
    vx_forget(b->f);
    follow(b, 0);
    FX_CHECK("surprise", nyx_vio_requester_direct(r), true);
    FX_CHECK("surprise", b->f->direct_changes, 0);
    FX_CHECK("kicked", b->f->kicks, 1);
    vx_settle(b->f);
    FX_CHECK("done", b->f->direct_changes, 1);
    nyx_vio_requester_follow(r, false);
    nyx_vio_requester_expect(r, false);
    vx_settle(b->f);
    FX_CHECK("gone", nyx_vio_requester_direct(r), false);
    FX_CHECK("gone", b->f->direct_changes, 2);
    bench_free(b);
}

static void test_reset(void)
{
    Bench *b = bench_new(NULL);

    follow(b, 0);
    attach(b, DOM_A, 0);
    map(b, DOM_A, IOVA, PAGE, 0x1000);
    map(b, DOM_A, IOVA + 8 * PAGE, PAGE, 0x1000);
    expect(b, 0, "mapped", 2, 0, 2);
    nyx_vio_device_reset(b->f->vio);
    expect(b, 0, "device", 0, 1, 0);
    FX_CHECK("device", nyx_vio_requester_direct(b->c[0].r), false);
    FX_CHECK("shadows", nyx_vio_stats(b->f->vio).shadows, 0);
    nyx_vio_reset(b->f->vio);
    FX_CHECK("system", nyx_vio_requester_direct(b->c[0].r), true);
    bench_free(b);
}

/* --- Sizes ---------------------------------------------------------------- */

static NyxVioCfg wide_cfg(bool coalesce)
{
    NyxVioCfg cfg = vx_cfg();

    cfg.coalesce = coalesce;
    cfg.input_bits = 64;
    cfg.n_regions = 0;
    return cfg;
}

static const struct {
    const char *name;
    uint64_t first, last, phys;
    unsigned maps;
} size_rows[] = {
    { "page", 0x1000, 0x1fff, 0x7000, 1 },
    { "five pages", 0x1000, 0x5fff, 0x1000, 3 },
    { "five pages, odd", 0x1000, 0x5fff, 0x2000, 5 },
    { "2 MiB", 0x200000, 0x3fffff, 0x40000000, 1 },
    { "1 GiB", 0x40000000, 0x7fffffff, 0x80000000, 1 },
    { "1 GiB beside its place", 0x40001000, 0x80000fff, 0x40001000, 19 },
    { "the last page", 0xfffffffffffff000, UINT64_MAX, 0x3000, 1 },
    { "all but a page", 0x1000, UINT64_MAX, 0x1000, 52 },
    { "all", 0, UINT64_MAX, 0, 2 },
};

static void test_sizes(void)
{
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(size_rows); i++) {
        const NyxVioCfg cfg = wide_cfg(i % 2);
        const char *name = size_rows[i / 2].name;
        uint64_t first = size_rows[i / 2].first, last = size_rows[i / 2].last;
        unsigned maps = size_rows[i / 2].maps;
        Bench *b = bench_new(&cfg);

        follow(b, 0);
        attach(b, DOM_A, 0);
        FX_CHECK(name, vx_map(b->f, DOM_A, first, last,
                              size_rows[i / 2].phys, FX_RW), VX_OK);
        expect(b, 0, name, maps, 0, maps);
        follow(b, 1);
        attach(b, DOM_A, 1);
        expect(b, 1, name, maps, 0, maps);
        FX_CHECK(name, vx_unmap(b->f, DOM_A, first, last), VX_OK);
        expect(b, 0, name, 0, 1, 0);
        expect(b, 1, name, 0, 1, 0);
        bench_free(b);
    }
}

/* 512 requests for a page each, which follow each other. */
static void map_pages(Bench *b, uint64_t iova, uint64_t phys)
{
    for (unsigned i = 0; i < 512; i++) {
        map(b, DOM_A, iova + i * PAGE, PAGE, phys + i * PAGE);
    }
}

static void test_coalesce(void)
{
    for (unsigned coalesce = 0; coalesce < 2; coalesce++) {
        const NyxVioCfg cfg = wide_cfg(coalesce);
        Bench *b = bench_new(&cfg);

        follow(b, 0);
        attach(b, DOM_A, 0);
        map_pages(b, IOVA, 0x200000);
        expect(b, 0, "each as it came", 512, 0, 512);
        nyx_vio_requester_follow(b->c[0].r, false);

        follow(b, 1);
        attach(b, DOM_A, 1);
        expect(b, 1, "all at once", coalesce ? 1 : 512, 0,
               coalesce ? 1 : 512);
        unmap(b, DOM_A, IOVA + 3 * PAGE, PAGE);
        expect(b, 1, "one goes", coalesce ? 9 : 0, 1, coalesce ? 9 : 511);
        map(b, DOM_A, IOVA + 3 * PAGE, PAGE, 0x203000);
        expect(b, 1, "and comes", 1, 0, coalesce ? 10 : 512);
        unmap(b, DOM_A, IOVA, 512 * PAGE);
        expect(b, 1, "all go", 0, 1, 0);
        bench_free(b);
    }
}

/* Requests of 2 MiB each, of which the range of an UNMAP has some. */
static void test_apart(void)
{
    const NyxVioCfg cfg = wide_cfg(false);
    Bench *b = bench_new(&cfg);

    attach(b, DOM_A, 0);
    for (unsigned i = 0; i < 6; i++) {
        map(b, DOM_A, IOVA + i * 0x3000, 0x3000, i * 0x3000);
    }
    FX_CHECK("one run", nyx_vio_stats(b->f->vio).mapping_runs, 1);
    follow(b, 0);
    /* Each starts where an odd or an even page is. */
    expect(b, 0, "apart", 0, 0, 12);
    unmap(b, DOM_A, IOVA + 0x6000, 0x6000);
    expect(b, 0, "two", 0, 1, 8);
    map(b, DOM_A, IOVA + 0x9000, 0x3000, 0x9000);
    expect(b, 0, "one", 2, 0, 10);
    bench_free(b);
}

/* A bound: what is beyond is not announced, and a finding says so. */
static void test_full(void)
{
    const NyxVioCfg cfg = wide_cfg(true);
    Bench *b = bench_new(&cfg);
    const unsigned most = 4 * 1024 * 1024;

    follow(b, 0);
    b->count_only = true;
    attach(b, DOM_A, 0);
    /* To the wrong places: none is larger than a page. */
    map(b, DOM_A, 0, (most + 1ULL) * PAGE, PAGE);
    expect(b, 0, "bound", most, 0, 0);
    FX_CHECK("bound", nyx_vio_stats(b->f->vio).shadow_blocks, most);
    FX_CHECK("found", vx_findings(b->f, NVIO_RULE_SHADOW_FULL), 1);
    unmap(b, DOM_A, 0, (most + 1ULL) * PAGE);
    expect(b, 0, "gone", 0, 1, 0);
    map(b, DOM_A, 0, most * PAGE, PAGE);
    expect(b, 0, "fits", most, 0, 0);
    FX_CHECK("fits", vx_findings(b->f, NVIO_RULE_SHADOW_FULL), 1);
    bench_free(b);
}

/* --- Tables of the guest (draft) ------------------------------------------ */

/* A page comes when INVALIDATE says so, of formats that say it at all. */
static void test_tables(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vd_formats); i++) {
        const VdFormat *format = &vd_formats[i];
        const NyxVioCfg cfg = vd_cfg();
        bool followed = !format->privilege;
        Bench *b = bench_new(&cfg);
        VdSpace s = vd_space(b->f, format->id, 4, 0);
        VdSpace t = vd_space(b->f, format->id, 4, 0);
        const VdInv one = {
            .scope = VD_S_ADDRESS, .caches = VD_C_IOTLB, .domain = DOM_A,
            .address = IOVA, .pages = 1, .shift = 12,
        };

        follow(b, 0);
        vd_map(&s, IOVA, 1, 0x1000, FX_RW);
        FX_CHECK(format->name, vd_give(&s, DOM_A, b->c[0].sid, VD_NO_PASID),
                 VX_OK);
        expect(b, 0, format->name, followed, 0, followed);
        vd_map(&s, IOVA + PAGE, 1, 0x8000, FX_R);
        expect(b, 0, "not invalidated", 0, 0, followed);
        FX_CHECK("invalidate", vd_inv(b->f, &one), VX_OK);
        expect(b, 0, "another page", 0, 0, followed);
        FX_CHECK("invalidate", vd_inv_domain(b->f, DOM_A, VD_C_IOTLB), VX_OK);
        expect(b, 0, "all", followed, 0, 2 * followed);
        vd_unmap(&s, IOVA, 1);
        FX_CHECK("invalidate", vd_inv(b->f, &one), VX_OK);
        expect(b, 0, "gone", 0, followed, followed);
        /* Other tables, then none. */
        vd_map(&t, IOVA, 2, 0x200000, FX_RW);
        FX_CHECK(format->name, vd_give(&t, DOM_B, b->c[0].sid, VD_NO_PASID),
                 VX_OK);
        expect(b, 0, "others", followed, followed, followed);
        FX_CHECK("mappings", vx_attach(b->f, DOM_A, b->c[0].sid), VX_OK);
        expect(b, 0, "mappings", 0, followed, 0);
        /* Those of a PASID are for requests that have it. */
        FX_CHECK("PASID", vd_give(&t, DOM_A, b->c[0].sid, 5), VX_OK);
        map(b, DOM_A, IOVA, PAGE, 0x7000);
        expect(b, 0, "PASID", 1, 0, 1);
        FX_CHECK("PASID", vd_inv_pasid(b->f, DOM_A, 5, VD_C_IOTLB), VX_OK);
        expect(b, 0, "PASID", 0, 0, 1);
        bench_free(b);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vio/announce/domains", test_domains);
    g_test_add_func("/vio/announce/rights", test_rights);
    g_test_add_func("/vio/announce/attach", test_attach);
    g_test_add_func("/vio/announce/reuse", test_reuse);
    g_test_add_func("/vio/announce/ids", test_ids);
    g_test_add_func("/vio/announce/routes", test_routes);
    g_test_add_func("/vio/announce/bypass", test_bypass);
    g_test_add_func("/vio/announce/surprise", test_surprise);
    g_test_add_func("/vio/announce/reset", test_reset);
    g_test_add_func("/vio/announce/sizes", test_sizes);
    g_test_add_func("/vio/announce/coalesce", test_coalesce);
    g_test_add_func("/vio/announce/apart", test_apart);
    g_test_add_func("/vio/announce/full", test_full);
    g_test_add_func("/vio/announce/tables", test_tables);
    return g_test_run();
}
