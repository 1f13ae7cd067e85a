/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thousands of random requests and DMA, compared with a naive device: lists
 * that are searched from end to end, and no caches.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define PAGE 0x1000ULL
#define TOP  0xffffffffffffffffULL
#define STEPS 100000
#define MAX_DOMAINS 4
#define MAX_MAPPINGS 24

static const uint32_t domain_ids[] = { 0, 1, 2, 77, 0x80000000, 0xffffffff };
static const uint32_t endpoint_ids[] = {
    0x10, 0x18, 0x20, 0x21, 0x22, VX_NOBODY, 0x10010,
};
/* Those that exist, and the two first of them with regions of their own. */
#define ENDPOINTS 5
static const NyxVioRegion own_regions[2] = {
    { 20 * PAGE, 22 * PAGE - 1, 0 }, { 21 * PAGE, 24 * PAGE - 1, 0 },
};
static const NyxVioRegion msi = { 40 * PAGE, 42 * PAGE - 1, 1 };

typedef struct Mapping {
    uint64_t first;
    uint64_t last;
    uint64_t phys;
    uint32_t flags;
} Mapping;

typedef struct Domain {
    bool exists;
    bool bypass;
    bool member[ENDPOINTS];
    Mapping map[MAX_MAPPINGS];
    unsigned n;
} Domain;

typedef struct Model {
    Domain domain[ARRAY_SIZE(domain_ids)];
    bool bypass;
} Model;

typedef struct World {
    Vx *f;
    NyxVioRequester *r[ENDPOINTS];
    Model m;
    uint64_t rng;
    unsigned statuses[9];
    uint64_t dma_ok;
    uint64_t dma_refused;
} World;

static unsigned pick(World *w, unsigned n)
{
    return nyx_random(&w->rng) % n;
}

/* --- The naive device ----------------------------------------------------- */

static bool overlap(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return a <= d && c <= b;
}

static unsigned members(const Domain *domain)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ENDPOINTS; i++) {
        n += domain->member[i];
    }
    return n;
}

static Domain *domain_with(Model *m, unsigned endpoint)
{
    for (unsigned i = 0; i < ARRAY_SIZE(domain_ids); i++) {
        if (m->domain[i].member[endpoint]) {
            return &m->domain[i];
        }
    }
    return NULL;
}

static unsigned all_domains(const Model *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(domain_ids); i++) {
        n += m->domain[i].exists;
    }
    return n;
}

static unsigned all_mappings(const Model *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(domain_ids); i++) {
        n += m->domain[i].n;
    }
    return n;
}

static bool any_mapping(const Domain *domain, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < domain->n; i++) {
        if (overlap(domain->map[i].first, domain->map[i].last, first, last)) {
            return true;
        }
    }
    return false;
}

static void leave(Model *m, unsigned endpoint)
{
    Domain *domain = domain_with(m, endpoint);

    if (domain) {
        domain->member[endpoint] = false;
        if (!members(domain)) {
            *domain = (Domain) { };
        }
    }
}

/* Every status that a condition which holds would give; zero: none does. */
static unsigned attach_refusals(Model *m, const Domain *domain, unsigned e,
                                uint32_t flags, uint32_t reserved)
{
    unsigned set = reserved || flags > 1 ? 1u << VX_INVAL : 0;
    const Domain *old;

    if (e >= ENDPOINTS) {
        return set | 1u << VX_NOENT;
    }
    if (domain->exists && domain->bypass != (flags & 1)) {
        set |= 1u << VX_INVAL;
    }
    if (e < 2 && !domain->member[e] &&
        any_mapping(domain, own_regions[e].first, own_regions[e].last)) {
        set |= 1u << VX_UNSUPP;
    }
    old = domain_with(m, e);
    if (!domain->exists &&
        all_domains(m) - (old && members(old) == 1) >= MAX_DOMAINS) {
        set |= 1u << VX_NOMEM;
    }
    return set;
}

static unsigned map_refusals(const Model *m, const Domain *domain,
                             const Mapping *map)
{
    uint64_t first = map->first, last = map->last;
    unsigned set = map->flags > 7 ? 1u << VX_INVAL : 0;

    set |= !domain->exists ? 1u << VX_NOENT : 0;
    set |= domain->bypass || last <= first ? 1u << VX_INVAL : 0;
    if (first % PAGE || map->phys % PAGE || (last + 1) % PAGE ||
        map->phys + (last - first) < map->phys) {
        set |= 1u << VX_RANGE;
    }
    if (overlap(msi.first, msi.last, first, last) ||
        any_mapping(domain, first, last)) {
        set |= 1u << VX_INVAL;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (domain->member[i] && overlap(own_regions[i].first,
                                         own_regions[i].last, first, last)) {
            set |= 1u << VX_INVAL;
        }
    }
    return set | (all_mappings(m) >= MAX_MAPPINGS ? 1u << VX_NOMEM : 0);
}

static unsigned unmap_refusals(const Domain *domain, uint64_t first,
                               uint64_t last)
{
    unsigned set = !domain->exists ? 1u << VX_NOENT : 0;

    set |= domain->bypass || last < first ? 1u << VX_INVAL : 0;
    for (unsigned i = 0; i < domain->n && last >= first; i++) {
        const Mapping *map = &domain->map[i];

        if (overlap(map->first, map->last, first, last) &&
            (map->first < first || map->last > last)) {
            set |= 1u << VX_RANGE;
        }
    }
    return set;
}

static void remove_range(Domain *domain, uint64_t first, uint64_t last)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < domain->n; i++) {
        if (!overlap(domain->map[i].first, domain->map[i].last, first,
                     last)) {
            domain->map[kept++] = domain->map[i];
        }
    }
    domain->n = kept;
}

/* Where an access of an endpoint goes, or VX_REFUSED. */
static uint64_t goes_to(Model *m, unsigned e, unsigned access, uint64_t iova)
{
    const Domain *domain = domain_with(m, e);

    if (!domain || domain->bypass) {
        return domain || m->bypass ? iova : VX_REFUSED;
    }
    if (iova >= msi.first && iova <= msi.last) {
        return access == FX_W ? iova : VX_REFUSED;
    }
    for (unsigned i = 0; i < domain->n; i++) {
        const Mapping *map = &domain->map[i];

        if (iova >= map->first && iova <= map->last &&
            !(access & ~map->flags)) {
            return map->phys + (iova - map->first);
        }
    }
    return VX_REFUSED;
}

/* --- Requests ------------------------------------------------------------- */

/* The answer is one that some condition gives. */
static bool answered(World *w, const char *row, unsigned status,
                     unsigned refusals)
{
    w->statuses[status]++;
    if (!(refusals ? refusals >> status & 1 : status == VX_OK)) {
        FX_CHECK(row, status, refusals ? refusals << 8 : VX_OK);
    }
    return status == VX_OK;
}

static uint64_t random_first(World *w)
{
    uint64_t first = pick(w, 48) * PAGE;

    if (pick(w, 8) == 0) {
        first = -(pick(w, 16) + 1) * PAGE;
    }
    return pick(w, 40) ? first : first + pick(w, 5000);
}

static uint64_t random_last(World *w, uint64_t first)
{
    switch (pick(w, 24)) {
    case 0:
        return TOP;
    case 1:
        return random_first(w) - 1;
    case 2:
        return first + pick(w, 0x4000);
    default:
        return first + (1 + pick(w, pick(w, 3) ? 3 : 20)) * PAGE - 1;
    }
}

static void step_attach(World *w)
{
    unsigned d = pick(w, ARRAY_SIZE(domain_ids));
    unsigned e = pick(w, ARRAY_SIZE(endpoint_ids));
    uint32_t flags = pick(w, 4) == 0, reserved = pick(w, 50) == 0;
    Domain *domain = &w->m.domain[d];
    VxBytes bytes;

    flags |= pick(w, 50) ? 0 : 1u << pick(w, 32);
    bytes = vx_attach_bytes(domain_ids[d], endpoint_ids[e], flags);
    vx_put32(&bytes, 16, reserved);
    if (answered(w, "ATTACH", vx_send(w->f, &bytes),
                 attach_refusals(&w->m, domain, e, flags, reserved)) &&
        !domain->member[e]) {
        leave(&w->m, e);
        domain->exists = true;
        domain->bypass = flags;
        domain->member[e] = true;
    }
}

static void step_detach(World *w)
{
    unsigned d = pick(w, ARRAY_SIZE(domain_ids));
    unsigned e = pick(w, ARRAY_SIZE(endpoint_ids));
    unsigned refusals = 0;

    if (e >= ENDPOINTS) {
        refusals = 1u << VX_NOENT;
    } else if (!w->m.domain[d].member[e]) {
        refusals = 1u << VX_INVAL;
    }
    if (answered(w, "DETACH", vx_detach(w->f, domain_ids[d],
                                        endpoint_ids[e]), refusals)) {
        leave(&w->m, e);
    }
}

static void step_map(World *w)
{
    unsigned d = pick(w, ARRAY_SIZE(domain_ids));
    Domain *domain = &w->m.domain[d];
    Mapping map = {
        .first = random_first(w),
        .phys = pick(w, 60) * PAGE,
        .flags = pick(w, 8),
    };

    map.last = random_last(w, map.first);
    if (pick(w, 3) == 0) {
        map.phys = map.first;
    } else if (pick(w, 30) == 0) {
        map.phys = -pick(w, 4) * PAGE + pick(w, 2);
    }
    map.flags |= pick(w, 50) ? 0 : 1u << pick(w, 32);
    if (answered(w, "MAP", vx_map(w->f, domain_ids[d], map.first, map.last,
                                  map.phys, map.flags),
                 map_refusals(&w->m, domain, &map))) {
        domain->map[domain->n++] = map;
    }
}

static void step_unmap(World *w)
{
    unsigned d = pick(w, ARRAY_SIZE(domain_ids));
    Domain *domain = &w->m.domain[d];
    uint64_t first = random_first(w), last = random_last(w, first);

    if (domain->n && pick(w, 2)) {
        first = domain->map[pick(w, domain->n)].first;
        last = domain->map[pick(w, domain->n)].last;
    }
    if (answered(w, "UNMAP", vx_unmap(w->f, domain_ids[d], first, last),
                 unmap_refusals(domain, first, last))) {
        remove_range(domain, first, last);
    }
}

static void step_other(World *w)
{
    if (pick(w, 20)) {
        w->m.bypass = pick(w, 2);
        vx_set_bypass(w->f, w->m.bypass);
        return;
    }
    memset(w->m.domain, 0, sizeof(w->m.domain));
    if (pick(w, 2)) {
        nyx_vio_device_reset(w->f->vio);
    } else {
        nyx_vio_reset(w->f->vio);
        w->m.bypass = true;
    }
    nyx_vio_set_features(w->f->vio, nyx_vio_features(w->f->vio));
}

/* --- DMA ------------------------------------------------------------------ */

/* All of the block goes where its first byte does. */
static void check_block(World *w, unsigned e, unsigned access,
                        uint64_t iova, const NyxReply *reply)
{
    uint64_t first = iova & ~reply->addr_mask;
    uint64_t last = first + reply->addr_mask;
    uint64_t addr = reply->addr - (iova - first);

    FX_CHECK("aligned", addr & reply->addr_mask, 0);
    FX_CHECK("last", goes_to(&w->m, e, access, last),
             addr + reply->addr_mask);
    for (unsigned i = 0; i < 64 && i * PAGE <= reply->addr_mask; i++) {
        FX_CHECK("page", goes_to(&w->m, e, access, first + i * PAGE),
                 addr + i * PAGE);
    }
}

static void step_dma(World *w)
{
    unsigned e = pick(w, ENDPOINTS), access = 1 + pick(w, 3);
    uint64_t iova = random_first(w) + (pick(w, 4) ? 0 : pick(w, 4096));
    uint64_t want = goes_to(&w->m, e, access, iova);
    uint64_t refused = nyx_vio_requester_stats(w->r[e]).requests_refused;
    NyxReply reply = vx_request_of(w->r[e], NYX_REQ_UNTRANSLATED, access,
                                   iova);

    FX_CHECK("ok", reply.ok, want != VX_REFUSED);
    FX_CHECK("refused", nyx_vio_requester_stats(w->r[e]).requests_refused,
             refused + !reply.ok);
    if (reply.ok && want != VX_REFUSED) {
        FX_CHECK("addr", reply.addr, want);
        check_block(w, e, access, iova, &reply);
        w->dma_ok++;
    } else {
        w->dma_refused++;
    }
}

static void check_stats(World *w)
{
    NyxVioStats stats = nyx_vio_stats(w->f->vio);

    FX_CHECK("domains", stats.domains, all_domains(&w->m));
    FX_CHECK("mappings", stats.mappings, all_mappings(&w->m));
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        const Domain *domain = domain_with(&w->m, i);

        FX_CHECK("bypassed", nyx_vio_bypassed(w->f->vio, endpoint_ids[i]),
                 domain ? domain->bypass : w->m.bypass);
    }
}

static void step(World *w)
{
    unsigned kind = pick(w, 64);

    if (kind < 4) {
        step_attach(w);
    } else if (kind < 5) {
        step_detach(w);
    } else if (kind < 16) {
        step_map(w);
    } else if (kind < 22) {
        step_unmap(w);
    } else if (kind < 23) {
        step_other(w);
    } else {
        step_dma(w);
    }
}

static void test_random(gconstpointer data)
{
    NyxVioCfg cfg = vx_cfg();
    const char *seed = g_getenv("NYX_SEED");
    World w = {
        .rng = seed ? g_ascii_strtoull(seed, NULL, 0) : g_random_int(),
        .m.bypass = true,
    };

    g_test_message("NYX_SEED=%" PRIu64, w.rng);
    w.rng |= 1;
    cfg.cache = GPOINTER_TO_UINT(data);
    cfg.iotlb_entries = 16;
    cfg.input_bits = 64;
    cfg.regions[0] = msi;
    cfg.max_domains = MAX_DOMAINS;
    cfg.max_mappings = MAX_MAPPINGS;
    w.f = vx_new_started(&cfg);
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        w.r[i] = vx_requester(w.f, endpoint_ids[i]);
    }
    vx_regions(w.f, endpoint_ids[0], &own_regions[0], 1);
    vx_regions(w.f, endpoint_ids[1], &own_regions[1], 1);
    for (unsigned i = 0; i < STEPS; i++) {
        step(&w);
        if (i % 16 == 0) {
            check_stats(&w);
            vx_forget(w.f);
        }
    }
    /* All of it was seen. */
    g_assert_cmpuint(w.dma_ok, >, 1000);
    g_assert_cmpuint(w.dma_refused, >, 1000);
    for (unsigned i = 0; i < 9; i++) {
        if (i != VX_IOERR && i != VX_DEVERR && i != VX_FAULT) {
            FX_CHECK("seen", w.statuses[i] > 0, true);
        }
    }
    vx_free(w.f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/nyx-virtio/random/hardware",
                         GUINT_TO_POINTER(NYX_CACHE_HARDWARE), test_random);
    g_test_add_data_func("/nyx-virtio/random/sticky",
                         GUINT_TO_POINTER(NYX_CACHE_STICKY), test_random);
    g_test_add_data_func("/nyx-virtio/random/off",
                         GUINT_TO_POINTER(NYX_CACHE_OFF), test_random);
    return g_test_run();
}
