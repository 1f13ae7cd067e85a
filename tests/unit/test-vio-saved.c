/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state that migrates: all of it travels, nothing else does, and what no
 * device with these options can have come to is refused.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define PAGE 4096ull
#define IOVA 0x40000000ull

static void check_ok(const char *row, unsigned status)
{
    FX_CHECK(row, status, VX_OK);
}

static void map(Vx *f, uint32_t domain, uint64_t first, uint64_t last,
                uint64_t phys, uint32_t flags)
{
    check_ok("map", vx_map(f, domain, first, last, phys, flags));
}

/* --- There and back ------------------------------------------------------- */

/* Something of everything that there is. */
static void make_busy(Vx *f)
{
    vx_set_bypass(f, false);
    check_ok("attach", vx_attach(f, 7, 0x10));
    check_ok("attach", vx_attach(f, 7, 0x11));
    check_ok("attach", vx_attach(f, UINT32_MAX, 0x20));
    check_ok("attach", vx_attach_bypass(f, 0, 0x18));
    check_ok("attach", vx_attach(f, 9, 0x30));
    /* A run of three, one to somewhere else, odd sizes, all flags. */
    map(f, 7, IOVA, IOVA + PAGE - 1, 0x1000, FX_RW);
    map(f, 7, IOVA + PAGE, IOVA + 2 * PAGE - 1, 0x2000, FX_RW);
    map(f, 7, IOVA + 2 * PAGE, IOVA + 3 * PAGE - 1, 0x3000, FX_RW);
    map(f, 7, IOVA + 3 * PAGE, IOVA + 4 * PAGE - 1, 0x9000, FX_R);
    map(f, 7, 0, 4 * PAGE - 1, 0, FX_W | VX_MMIO);
    map(f, 7, 0xfff000000000, 0xffffffffffff, 0x200000, 0);
    map(f, UINT32_MAX, IOVA, IOVA + 0x123fff, 0x7000000, FX_RW);
}

static void compare_arrays(const NyxVioSaved *a, const NyxVioSaved *b)
{
    g_assert_cmpmem(a->domains, a->n_domains * sizeof(*a->domains),
                    b->domains, b->n_domains * sizeof(*b->domains));
    g_assert_cmpmem(a->endpoints, a->n_endpoints * sizeof(*a->endpoints),
                    b->endpoints, b->n_endpoints * sizeof(*b->endpoints));
    FX_CHECK("runs", a->n_runs, b->n_runs);
    for (uint32_t i = 0; i < MIN(a->n_runs, b->n_runs); i++) {
        FX_CHECK("run", a->runs[i].first, b->runs[i].first);
        FX_CHECK("run", a->runs[i].last, b->runs[i].last);
        FX_CHECK("run", a->runs[i].addr, b->runs[i].addr);
        FX_CHECK("run", a->runs[i].unit, b->runs[i].unit);
        FX_CHECK("run", a->runs[i].flags, b->runs[i].flags);
    }
}

static void compare_config(Vx *f, Vx *g)
{
    uint8_t a[VX_CONFIG_SIZE], b[VX_CONFIG_SIZE];

    nyx_vio_config_read(f->vio, a);
    nyx_vio_config_read(g->vio, b);
    g_assert_cmpmem(a, sizeof(a), b, sizeof(b));
}

static void test_round_trip(void)
{
    Vx *f = vx_new_started(NULL), *g = vx_new(NULL);
    NyxVioSaved a, b;

    make_busy(f);
    nyx_vio_save(f->vio, &a);
    FX_CHECK("domains", a.n_domains, 4);
    FX_CHECK("endpoints", a.n_endpoints, 5);
    FX_CHECK("runs", a.n_runs, 5);
    vx_forget(g);
    g_assert_cmpstr(nyx_vio_load(g->vio, &a), ==, NULL);
    FX_CHECK("regions", g->mode_changes > 0, true);
    FX_CHECK("silent", g->event_calls + vx_all_findings(g), 0);
    nyx_vio_save(g->vio, &b);
    compare_arrays(&a, &b);
    compare_config(f, g);
    FX_CHECK("mappings", nyx_vio_stats(g->vio).mappings,
             nyx_vio_stats(f->vio).mappings);

    nyx_vio_set_features(g->vio, nyx_vio_features(g->vio));
    FX_CHECK("DMA", vx_dma(g, FX_W, IOVA + 0x1234), 0x2234);
    FX_CHECK("read only", vx_dma(g, FX_W, IOVA + 0x3000), VX_REFUSED);
    FX_CHECK("bypass", nyx_vio_bypassed(g->vio, 0x18), true);
    FX_CHECK("nowhere", nyx_vio_bypassed(g->vio, 0x40), false);
    /* What one request made, one takes away, and no part of it. */
    FX_CHECK("cut", vx_unmap(g, UINT32_MAX, IOVA, IOVA + 0xfff), VX_RANGE);
    check_ok("one of a run", vx_unmap(g, 7, IOVA + PAGE,
                                      IOVA + 2 * PAGE - 1));
    FX_CHECK("neighbour", vx_dma(g, FX_W, IOVA + 0x2234), 0x3234);
    FX_CHECK("gone", vx_dma(g, FX_W, IOVA + 0x1234), VX_REFUSED);
    nyx_vio_saved_clear(&a);
    nyx_vio_saved_clear(&b);
    FX_CHECK("cleared", b.n_runs, 0);
    g_assert_null(b.runs);
    vx_free(f);
    vx_free(g);
}

static void test_empty(void)
{
    Vx *f = vx_new(NULL), *g = vx_new_started(NULL);
    NyxVioSaved saved;

    make_busy(g);
    nyx_vio_save(f->vio, &saved);
    g_assert_cmpstr(nyx_vio_load(g->vio, &saved), ==, NULL);
    FX_CHECK("none", nyx_vio_stats(g->vio).domains, 0);
    FX_CHECK("none", nyx_vio_stats(g->vio).mappings, 0);
    FX_CHECK("bypass", vx_bypass(g), true);
    compare_config(f, g);
    nyx_vio_saved_clear(&saved);
    vx_free(f);
    vx_free(g);
}

/* All that 64 bits can name, in one mapping and in two. */
static void test_whole_space(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f, *g;
    NyxVioSaved saved;

    cfg.input_bits = 64;
    cfg.n_regions = 0;
    f = vx_new_started(&cfg);
    g = vx_new_started(&cfg);
    check_ok("attach", vx_attach(f, 1, 0x10));
    check_ok("attach", vx_attach(f, 2, 0x18));
    map(f, 1, 0, UINT64_MAX, 0, FX_RW);
    map(f, 2, 0, INT64_MAX, 0, FX_RW);
    map(f, 2, 1ULL << 63, UINT64_MAX, 1ULL << 63, FX_RW);
    nyx_vio_save(f->vio, &saved);
    g_assert_cmpstr(nyx_vio_load(g->vio, &saved), ==, NULL);
    FX_CHECK("mappings", nyx_vio_stats(g->vio).mappings, 3);
    FX_CHECK("cut", vx_unmap(g, 1, 0, INT64_MAX), VX_RANGE);
    check_ok("half", vx_unmap(g, 2, 0, INT64_MAX));
    check_ok("all", vx_unmap(g, 1, 0, UINT64_MAX));
    nyx_vio_saved_clear(&saved);
    vx_free(f);
    vx_free(g);
}

/* A state is loaded over a running device: nothing of before is left. */
static void test_over(void)
{
    Vx *f = vx_new_started(NULL);
    NyxVioSaved saved;

    check_ok("attach", vx_attach(f, 1, VX_SID));
    map(f, 1, IOVA, IOVA + PAGE - 1, 0x1000, FX_RW);
    nyx_vio_save(f->vio, &saved);
    nyx_vio_requester_notify(f->r, true);
    nyx_vio_requester_follow(f->r, true);
    check_ok("unmap", vx_unmap(f, 1, IOVA, IOVA + PAGE - 1));
    map(f, 1, IOVA, IOVA + PAGE - 1, 0x9000, FX_RW);
    map(f, 1, IOVA + PAGE, IOVA + 2 * PAGE - 1, 0xa000, FX_RW);
    FX_CHECK("cached", vx_dma(f, FX_R, IOVA), 0x9000);
    FX_CHECK("cached", vx_dma(f, FX_R, IOVA + PAGE), 0xa000);
    /* One that waits for the main loop is of another time. */
    f->elsewhere = true;
    FX_CHECK("refused", vx_dma(f, FX_R, 0), VX_REFUSED);
    f->elsewhere = false;
    vx_forget(f);

    g_assert_cmpstr(nyx_vio_load(f->vio, &saved), ==, NULL);
    FX_CHECK("DMA", vx_dma(f, FX_R, IOVA), 0x1000);
    FX_CHECK("all unmapped", f->unmaps->len, 1);
    FX_CHECK("one mapped", f->maps->len, 1);
    FX_CHECK("one mapped", g_array_index(f->maps, VxMap, 0).block.addr,
             0x1000);
    FX_CHECK("notified", f->unmapped->len > 0, true);
    vx_settle(f);
    FX_CHECK("forgotten", f->events->len, 0);
    FX_CHECK("DMA", vx_dma(f, FX_R, IOVA + PAGE), VX_REFUSED);
    FX_CHECK("reported", f->events->len, 1);
    nyx_vio_saved_clear(&saved);
    vx_free(f);
}

/* --- Options -------------------------------------------------------------- */

typedef struct OptionRow {
    const char *name;        /* in the error; NULL: it may differ */
    void (*change)(NyxVioCfg *cfg);
} OptionRow;

static void change_aw_bits(NyxVioCfg *cfg)
{
    cfg->input_bits = 49;
}

static void change_table(NyxVioCfg *cfg)
{
    cfg->attach_table = true;
}

static void change_region(NyxVioCfg *cfg)
{
    cfg->regions[0].subtype = 0;
}

static void change_region_first(NyxVioCfg *cfg)
{
    cfg->regions[0].first += PAGE;
}

static void change_region_last(NyxVioCfg *cfg)
{
    cfg->regions[0].last += PAGE;
}

static void change_regions(NyxVioCfg *cfg)
{
    cfg->regions[cfg->n_regions++] = (NyxVioRegion) {
        1ULL << 40, (1ULL << 40) + PAGE - 1, 0,
    };
}

static void change_granule(NyxVioCfg *cfg)
{
    cfg->page_size_mask = 0xffffffffffff0000;
}

static void change_max_domains(NyxVioCfg *cfg)
{
    cfg->max_domains = 3;
}

static void change_max_mappings(NyxVioCfg *cfg)
{
    cfg->max_mappings = 6;
}

static void just_enough(NyxVioCfg *cfg)
{
    cfg->max_domains = 4;
    cfg->max_mappings = 7;
}

static void change_caches(NyxVioCfg *cfg)
{
    cfg->cache = NYX_CACHE_OFF;
    cfg->iotlb_entries = 64;
    cfg->coalesce = false;
    cfg->boot_bypass = false;
    /* No tables, so it says nothing. */
    cfg->addr_bits = 39;
}

static const OptionRow option_rows[] = {
    { "aw-bits", change_aw_bits },
    { "x-attach-table", change_table },
    { "reserved-regions", change_region },
    { "reserved-regions", change_region_first },
    { "reserved-regions", change_region_last },
    { "reserved-regions", change_regions },
    { "granule", change_granule },
    { "max-domains", change_max_domains },
    { "max-mappings", change_max_mappings },
    { NULL, just_enough },
    { NULL, change_caches },
};

static void test_options(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(option_rows); i++) {
        NyxVioCfg cfg = vx_cfg();
        Vx *f = vx_new_started(&cfg), *g;
        const char *error;
        NyxVioSaved saved;

        make_busy(f);
        nyx_vio_save(f->vio, &saved);
        option_rows[i].change(&cfg);
        g = vx_new_started(&cfg);
        check_ok("attach", vx_attach(g, 77, VX_SID));
        error = nyx_vio_load(g->vio, &saved);
        if (option_rows[i].name) {
            g_assert_nonnull(error);
            g_assert_nonnull(strstr(error, option_rows[i].name));
        } else {
            g_assert_cmpstr(error, ==, NULL);
        }
        FX_CHECK(option_rows[i].name, nyx_vio_stats(g->vio).domains,
                 error ? 0 : 4);
        FX_CHECK(option_rows[i].name, nyx_vio_stats(g->vio).mappings,
                 error ? 0 : 7);
        nyx_vio_saved_clear(&saved);
        vx_free(f);
        vx_free(g);
    }
}

/* Those that only tables of the guest have. */
static void test_options_drafts(void)
{
    NyxVioCfg cfg = vx_cfg();
    NyxVioCfg other;
    NyxVioSaved saved;
    Vx *f, *g;

    cfg.attach_table = cfg.pasid = true;
    f = vx_new(&cfg);
    nyx_vio_save(f->vio, &saved);
    for (unsigned i = 0; i < 4; i++) {
        static const char *const names[] = {
            NULL, "x-pasid-bits", "width", "x-page-requests",
        };
        const char *error;

        other = cfg;
        other.pasid_bits -= i == 1;
        other.addr_bits -= i == 2;
        other.page_requests = i == 3;
        g = vx_new(&other);
        error = nyx_vio_load(g->vio, &saved);
        FX_CHECK(names[i], error != NULL, i > 0);
        g_assert_true(!error || strstr(error, names[i]));
        vx_free(g);
    }
    nyx_vio_saved_clear(&saved);
    vx_free(f);
}

/* What a host took away is known to the guest, so it travels. */
static void test_narrowed(void)
{
    const uint64_t mask = 0x40201000;
    Vx *f = vx_new_started(NULL), *g = vx_new_started(NULL);
    NyxVioSaved saved;

    FX_CHECK("narrowed", nyx_vio_narrow(f->vio, mask), true);
    nyx_vio_save(f->vio, &saved);
    g_assert_cmpstr(nyx_vio_load(g->vio, &saved), ==, NULL);
    FX_CHECK("narrowed", vx_config(g, 0, 8), mask);
    /* And a host that is there must not lack what was offered. */
    FX_CHECK("narrower", nyx_vio_narrow(g->vio, 0x201000), true);
    g_assert_nonnull(strstr(nyx_vio_load(g->vio, &saved), "granule"));
    FX_CHECK("as it was", vx_config(g, 0, 8), 0x201000);
    nyx_vio_saved_clear(&saved);
    vx_free(f);
    vx_free(g);
}

/* An endpoint has a region here that it did not have there. */
static void test_host_region(void)
{
    const NyxVioRegion region = { 2 * PAGE, 3 * PAGE - 1, 0 };
    Vx *f = vx_new_started(NULL), *g = vx_new_started(NULL);
    NyxVioSaved saved;
    const char *error;

    make_busy(f);
    nyx_vio_save(f->vio, &saved);
    vx_regions(g, 0x11, &region, 1);
    error = nyx_vio_load(g->vio, &saved);
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error, "reserved-regions"));
    FX_CHECK("none", nyx_vio_stats(g->vio).domains, 0);
    vx_regions(g, 0x11, &region, 0);
    vx_regions(g, 0x18, &region, 1);
    g_assert_cmpstr(nyx_vio_load(g->vio, &saved), ==, NULL);
    nyx_vio_saved_clear(&saved);
    vx_free(f);
    vx_free(g);
}

/*
 * Who is in a domain has to be behind the device here, too; one that was
 * unplugged need not come back.
 */
static void test_missing(void)
{
    Vx *f = vx_new_started(NULL), *g = vx_new_started(NULL);
    NyxVioSaved saved;
    const char *error;

    make_busy(f);
    f->exists[0x11] = false;
    g->exists[0x11] = false;
    nyx_vio_save(f->vio, &saved);
    g_assert_cmpstr(nyx_vio_load(g->vio, &saved), ==, NULL);
    check_ok("unplugged", vx_detach(g, 7, 0x11));
    g->exists[0x18] = false;
    error = nyx_vio_load(g->vio, &saved);
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error, "endpoints"));
    FX_CHECK("none", nyx_vio_stats(g->vio).domains, 0);
    nyx_vio_saved_clear(&saved);
    vx_free(f);
    vx_free(g);
}

/* --- Refused -------------------------------------------------------------- */

/*
 * By number: domain 0 is id 7 with endpoints 0x10, 0x11 and runs 0 to 3 (the
 * second has three mappings), 1 is UINT32_MAX with 0x20 and run 4, 2 is the
 * bypass domain with 0x18, and 3 is 9 with 0x30 and nothing mapped.
 */
typedef struct Hostile {
    const char *name;
    size_t offset;           /* in the element, or in NyxVioSaved */
    enum { HEAD, DOMAIN, ENDPOINT, RUN } array;
    unsigned element;
    unsigned size;
    uint64_t value;
} Hostile;

#define SET_HEAD(name, field, value)                                        \
    { name, offsetof(NyxVioSaved, field), HEAD, 0,                          \
      sizeof(((NyxVioSaved *)0)->field), value }
#define SET_DOMAIN(name, n, field, value)                                   \
    { name, offsetof(NyxVioSavedDomain, field), DOMAIN, n, 4, value }
#define SET_ENDPOINT(name, n, value) { name, 0, ENDPOINT, n, 4, value }
#define SET_RUN(name, n, field, value)                                      \
    { name, offsetof(NyxVioRun, field), RUN, n,                             \
      sizeof(((NyxVioRun *)0)->field), value }

static const Hostile hostile_rows[] = {
    SET_HEAD("bypass", bypass, 2),
    SET_HEAD("no page size", page_size_mask, 0),
    SET_HEAD("page sizes below a page", page_size_mask, 0x800),
    SET_HEAD("a bit of features", features, 1ULL << 40),
    SET_HEAD("regions", n_regions, UINT32_MAX),
    SET_HEAD("tables", n_tables, 1),
    SET_HEAD("too many domains", n_domains, UINT32_MAX),
    SET_HEAD("endpoints are left", n_domains, 3),
    SET_HEAD("no domains", n_domains, 0),
    SET_HEAD("no endpoint for the last", n_endpoints, 4),
    SET_HEAD("no runs", n_runs, 0),
    SET_HEAD("a run is missing", n_runs, 4),
    SET_DOMAIN("no kind", 0, kind, 0),
    SET_DOMAIN("unknown kind", 0, kind, 9),
    SET_DOMAIN("tables without the option", 3, kind, 3),
    SET_DOMAIN("runs of a bypass domain", 0, kind, 1),
    SET_DOMAIN("id twice", 0, id, UINT32_MAX),
    SET_DOMAIN("no endpoints", 3, endpoints, 0),
    SET_DOMAIN("endpoints of the next", 0, endpoints, 3),
    SET_DOMAIN("all endpoints", 0, endpoints, UINT32_MAX),
    SET_DOMAIN("a run too many", 0, runs, 5),
    SET_DOMAIN("runs are left", 0, runs, 3),
    SET_DOMAIN("all runs", 1, runs, UINT32_MAX),
    SET_ENDPOINT("twice in a domain", 1, 0x10),
    SET_ENDPOINT("in two domains", 2, 0x10),
    SET_ENDPOINT("no endpoint", 0, 0x10000),
    SET_RUN("reversed", 0, first, 8 * PAGE),
    SET_RUN("odd start", 0, first, 1),
    SET_RUN("odd end", 0, last, 4 * PAGE),
    SET_RUN("half a page", 0, last, 4 * PAGE - 0x801),
    SET_RUN("odd address", 0, addr, 0x100800),
    SET_RUN("address wraps", 0, addr, -2 * PAGE),
    SET_RUN("unknown flag", 0, flags, 8),
    SET_RUN("unit of all", 0, unit, 0),
    SET_RUN("unit too large", 0, unit, 8 * PAGE),
    SET_RUN("unit does not fit", 0, unit, 3 * PAGE),
    SET_RUN("odd unit", 0, unit, 0x800),
    SET_RUN("unit below a byte", 0, unit, 1),
    SET_RUN("over the next", 0, last, IOVA + PAGE - 1),
    SET_RUN("beyond the input range", 3, last, 0x1000000000fff),
    SET_RUN("in the MSI region", 2, last, 0xffffffff),
    SET_RUN("too many", 3, first, 0x100000000),
};

static void poke(NyxVioSaved *saved, const Hostile *row)
{
    uint8_t *at;

    switch (row->array) {
    case HEAD:
        at = (uint8_t *)saved;
        break;
    case DOMAIN:
        at = (uint8_t *)&saved->domains[row->element];
        break;
    case ENDPOINT:
        at = (uint8_t *)&saved->endpoints[row->element];
        break;
    default:
        at = (uint8_t *)&saved->runs[row->element];
        break;
    }
    memcpy(at + row->offset, &row->value, row->size);
}

/* A unit of what is there, so that nothing else is wrong. */
static void fit_units(NyxVioSaved *saved, const Hostile *row)
{
    if (row->array != RUN || row->offset == offsetof(NyxVioRun, unit)) {
        return;
    }
    for (uint32_t i = 0; i < saved->n_runs; i++) {
        NyxVioRun *run = &saved->runs[i];

        if (run->unit != PAGE) {
            run->unit = run->last - run->first + 1;
        }
    }
    if (!strcmp(row->name, "too many")) {
        saved->runs[row->element].unit = PAGE;
    }
}

static void test_refused(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(hostile_rows); i++) {
        const Hostile *row = &hostile_rows[i];
        Vx *f = vx_new_started(NULL);
        NyxVioSaved saved;
        bool refused;

        make_busy(f);
        nyx_vio_save(f->vio, &saved);
        FX_CHECK(row->name, saved.domains[1].id, UINT32_MAX);
        FX_CHECK(row->name, saved.runs[0].first, 0);
        FX_CHECK(row->name, saved.runs[3].last, 0xffffffffffff);
        poke(&saved, row);
        fit_units(&saved, row);
        refused = nyx_vio_load(f->vio, &saved) != NULL;
        FX_CHECK(row->name, refused, true);
        FX_CHECK(row->name, nyx_vio_stats(f->vio).domains, 0);
        FX_CHECK(row->name, nyx_vio_stats(f->vio).mappings, 0);
        FX_CHECK(row->name, nyx_vio_stats(f->vio).endpoints, 0);
        /* It is as good as new. */
        make_busy(f);
        FX_CHECK(row->name, vx_dma(f, FX_R, IOVA), 0x1000);
        nyx_vio_saved_clear(&saved);
        vx_free(f);
    }
}

static void expect_refused(Vx *f, const char *row, const NyxVioSaved *saved)
{
    FX_CHECK(row, nyx_vio_load(f->vio, saved) != NULL, true);
    FX_CHECK(row, nyx_vio_stats(f->vio).domains, 0);
}

/* What takes more than one wrong word. */
static void test_refused_more(void)
{
    Vx *f = vx_new_started(NULL), *g = vx_new_started(NULL);
    NyxVioSaved saved;

    nyx_vio_save(f->vio, &saved);
    saved.page_size_mask = 0;
    expect_refused(g, "empty, no page size", &saved);
    nyx_vio_saved_clear(&saved);

    make_busy(f);
    nyx_vio_save(f->vio, &saved);
    saved.n_endpoints--;
    saved.domains[3].endpoints = 0;
    expect_refused(g, "a domain without endpoints", &saved);
    saved.n_domains--;
    g_assert_cmpstr(nyx_vio_load(g->vio, &saved), ==, NULL);
    saved.runs[4].first += PAGE / 2;
    saved.runs[4].last += PAGE / 2;
    expect_refused(g, "shifted by half a page", &saved);
    nyx_vio_saved_clear(&saved);
    vx_free(f);
    vx_free(g);
}

/* --- Random --------------------------------------------------------------- */

static unsigned random_request(Vx *f, GRand *rand)
{
    unsigned domain = g_rand_int_range(rand, 0, 6);
    unsigned endpoint = g_rand_int_range(rand, 0x10, 0x18);
    uint64_t first = g_rand_int_range(rand, 0, 128) * PAGE;
    uint64_t last = first + g_rand_int_range(rand, 1, 6) * PAGE - 1;
    uint64_t phys = g_rand_int_range(rand, 0, 2) ? first : 0x800000;

    switch (g_rand_int_range(rand, 0, 16)) {
    case 0:
        return vx_attach_bypass(f, domain, endpoint);
    case 1 ... 3:
        return vx_attach(f, domain, endpoint);
    case 4:
        return vx_detach(f, domain, endpoint);
    case 5 ... 6:
        return vx_unmap(f, domain, first, last);
    default:
        return vx_map(f, domain, first, last, phys,
                      g_rand_int_range(rand, 1, 4));
    }
}

/* After the move, both sides answer the same to all that comes. */
static void test_random(void)
{
    const char *given = g_getenv("NYX_SEED");
    uint32_t seed = given ? g_ascii_strtoull(given, NULL, 0) : g_random_int();
    GRand *rand = g_rand_new_with_seed(seed);
    Vx *f = vx_new_started(NULL), *g = vx_new_started(NULL);
    uint64_t mapped = 0;

    g_test_message("NYX_SEED=%u", seed);
    for (unsigned round = 0; round < 300; round++) {
        GRand *twin;
        NyxVioSaved saved;

        for (unsigned i = 0; i < 100; i++) {
            random_request(f, rand);
        }
        nyx_vio_save(f->vio, &saved);
        g_assert_cmpstr(nyx_vio_load(g->vio, &saved), ==, NULL);
        nyx_vio_saved_clear(&saved);
        mapped += nyx_vio_stats(f->vio).mappings;
        twin = g_rand_copy(rand);
        for (unsigned i = 0; i < 30; i++) {
            FX_CHECK("status", random_request(g, twin),
                     random_request(f, rand));
        }
        for (unsigned i = 0; i < 140; i++) {
            FX_CHECK("DMA", vx_dma(g, FX_R, i * PAGE),
                     vx_dma(f, FX_R, i * PAGE));
        }
        g_rand_free(twin);
        vx_forget(f);
        vx_forget(g);
    }
    FX_CHECK("mapped", mapped > 1000, true);
    g_rand_free(rand);
    vx_free(f);
    vx_free(g);
}

/* Words of a good state are anything: it is refused or it works. */
static void test_hostile(void)
{
    static const uint64_t some[] = {
        0, 1, 2, 3, 4, 7, PAGE, 0x10000, IOVA, INT64_MAX, UINT32_MAX,
        UINT64_MAX, UINT64_MAX - PAGE + 1, 1ULL << 63, 1ULL << 47,
    };
    GRand *rand = g_rand_new_with_seed(1);
    unsigned loaded = 0, refused = 0;
    Vx *f = vx_new_started(NULL), *g = vx_new_started(NULL);

    make_busy(f);
    for (unsigned round = 0; round < 20000; round++) {
        NyxVioSaved saved;

        nyx_vio_save(f->vio, &saved);
        for (int n = g_rand_int_range(rand, 1, 4); n; n--) {
            uint64_t value = some[g_rand_int_range(rand, 0,
                                                   ARRAY_SIZE(some))];
            unsigned at = g_rand_int(rand);

            switch (g_rand_int_range(rand, 0, 3)) {
            case 0:
                ((uint32_t *)saved.domains)[at % (4 * saved.n_domains)] =
                    value;
                break;
            case 1:
                saved.endpoints[at % saved.n_endpoints] = value;
                break;
            default:
                ((uint64_t *)saved.runs)[at % (5 * saved.n_runs)] = value;
                break;
            }
        }
        if (nyx_vio_load(g->vio, &saved)) {
            refused++;
        } else {
            loaded++;
            vx_dma(g, FX_R, IOVA);
            vx_unmap(g, 7, 0, UINT64_MAX);
            FX_CHECK("attach", vx_attach(g, 0x12345, 0x50), VX_OK);
        }
        nyx_vio_saved_clear(&saved);
        vx_forget(g);
    }
    FX_CHECK("some of both", loaded > 100 && refused > 100, true);
    g_rand_free(rand);
    vx_free(f);
    vx_free(g);
}

/* A hundred thousand scattered mappings, and every endpoint in one domain. */
static void test_many(void)
{
    const unsigned n = 100000;
    Vx *f = vx_new_started(NULL), *g = vx_new_started(NULL);
    NyxVioSaved saved;

    check_ok("attach", vx_attach(f, 1, VX_SID));
    for (unsigned i = 0; i < n; i++) {
        uint64_t iova = 0x100000000 + 2 * i * PAGE;

        map(f, 1, iova, iova + PAGE - 1, i * PAGE, FX_RW);
    }
    nyx_vio_save(f->vio, &saved);
    FX_CHECK("runs", saved.n_runs, n);
    saved.endpoints = g_renew(uint32_t, saved.endpoints, 65536);
    saved.n_endpoints = saved.domains[0].endpoints = 65536;
    for (unsigned i = 0; i < 65536; i++) {
        saved.endpoints[i] = i;
    }
    g_assert_cmpstr(nyx_vio_load(g->vio, &saved), ==, NULL);
    FX_CHECK("mappings", nyx_vio_stats(g->vio).mappings, n);
    FX_CHECK("endpoints", nyx_vio_stats(g->vio).endpoints, 65536);
    FX_CHECK("DMA", vx_dma(g, FX_R, 0x100000000 + 2 * 777 * PAGE),
             777 * PAGE);
    nyx_vio_device_reset(g->vio);
    FX_CHECK("none", nyx_vio_stats(g->vio).mapping_bytes, 0);
    nyx_vio_saved_clear(&saved);
    vx_free(f);
    vx_free(g);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vio/saved/round-trip", test_round_trip);
    g_test_add_func("/vio/saved/empty", test_empty);
    g_test_add_func("/vio/saved/whole-space", test_whole_space);
    g_test_add_func("/vio/saved/over", test_over);
    g_test_add_func("/vio/saved/options", test_options);
    g_test_add_func("/vio/saved/options-drafts", test_options_drafts);
    g_test_add_func("/vio/saved/narrowed", test_narrowed);
    g_test_add_func("/vio/saved/host-region", test_host_region);
    g_test_add_func("/vio/saved/missing", test_missing);
    g_test_add_func("/vio/saved/refused", test_refused);
    g_test_add_func("/vio/saved/refused-more", test_refused_more);
    g_test_add_func("/vio/saved/random", test_random);
    g_test_add_func("/vio/saved/hostile", test_hostile);
    g_test_add_func("/vio/saved/many", test_many);
    return g_test_run();
}
