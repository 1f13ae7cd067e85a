/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What followers of a virtio-iommu are told, after random sequences of
 * requests, of changes of a guest's tables (draft) and of whatever the machine
 * does: follow.h says what is right.
 */
#include "qemu/osdep.h"
#include "follow.h"
#include "vio-drafts.h"

#define PAGE 4096ull
#define DOMAINS 4
/* MAP is used in a small place, so that neighbours are frequent. */
#define AREA 0x40000000ull
#define AREA_PAGES 128u

typedef enum DomainKind { NO_DOMAIN, MAPPINGS, BYPASS, TABLES } DomainKind;

typedef struct Domain {
    DomainKind kind;
    unsigned which;          /* of its tables */
    /* Of mappings, by page: whose it is, and address and permission. */
    uint32_t mapping[AREA_PAGES];
    uint64_t page[AREA_PAGES];
} Domain;

typedef struct Bench {
    FwWorld w;
    Vx *f;
    Domain domain[DOMAINS];
    VdSpace space[DOMAINS][2];
    int in[FW_DEVICES];      /* domain, or -1 */
    uint32_t mappings;       /* made so far */
    bool bypass;
} Bench;

static Bench *bench(FwWorld *w)
{
    return container_of(w, Bench, w);
}

static unsigned index_of(uint16_t sid)
{
    return (sid - VX_SID) / 8;
}

/* --- What the requests came to -------------------------------------------- */

static void world_route(FwWorld *w, uint16_t sid, FwRoute *route)
{
    Bench *b = bench(w);
    int in = b->in[index_of(sid)];
    const Domain *d = &b->domain[MAX(in, 0)];
    const VdSpace *s = &b->space[MAX(in, 0)][d->which];

    if (in < 0 ? b->bypass : d->kind == BYPASS) {
        route->kind = FW_DIRECT;
    } else if (in >= 0 && d->kind == MAPPINGS) {
        *route = (FwRoute) {
            .kind = FW_MAPPINGS, .did = in, .source = d, .pieces = true,
        };
    } else if (in >= 0 && d->kind == TABLES && !s->t.first) {
        *route = (FwRoute) { .kind = FW_MAPPINGS, .did = in, .source = s };
    }
}

static bool world_checked(FwWorld *w, const FwDevice *d)
{
    FwRoute route = { };

    world_route(w, d->sid, &route);
    return d->no_bus || route.kind != FW_DIRECT;
}

static bool world_is_one(FwWorld *w, const FwRoute *route,
                         const NyxBlock *block)
{
    const Domain *d = &bench(w)->domain[route->did];
    uint64_t first = (block->iova - AREA) / PAGE;
    uint64_t last = (nyx_block_last(block) - AREA) / PAGE;

    return last < AREA_PAGES && d->mapping[first] == d->mapping[last];
}

static GArray *mapped_pages(const Domain *d, uint64_t first, uint64_t last)
{
    GArray *leaves = g_array_new(FALSE, FALSE, sizeof(NyxLeaf));

    for (unsigned i = 0; i < AREA_PAGES; i++) {
        const NyxLeaf leaf = {
            .iova = AREA + i * PAGE,
            .addr = d->page[i] & ~(PAGE - 1),
            .lg2 = 12,
            .permission = d->page[i] & FX_RW,
        };

        if (leaf.permission && leaf.iova <= last &&
            leaf.iova + PAGE - 1 >= first) {
            g_array_append_val(leaves, leaf);
        }
    }
    return leaves;
}

static GArray *world_leaves(FwWorld *w, const FwRoute *route, uint64_t first,
                            uint64_t last)
{
    const VdSpace *s = route->source;

    if (route->pieces) {
        return mapped_pages(route->source, first, last);
    }
    return nv_leaves(&s->t, first, last);
}

/* Whoever was last in a domain takes it along. */
static void end_unused(Bench *b)
{
    for (unsigned d = 0; d < DOMAINS; d++) {
        bool used = false;

        for (unsigned i = 0; i < FW_DEVICES; i++) {
            used |= b->in[i] == (int)d;
        }
        if (!used) {
            b->domain[d] = (Domain) { .kind = NO_DOMAIN };
        }
    }
}

/* --- The device ----------------------------------------------------------- */

static void vio_follow(void *requester, bool on)
{
    nyx_vio_requester_follow(requester, on);
}

static void vio_expect(void *requester, bool on)
{
    nyx_vio_requester_expect(requester, on);
}

static void vio_replay(void *requester, NyxBlockVisit *visit, void *opaque)
{
    nyx_vio_requester_replay(requester, visit, opaque);
}

static bool vio_direct(void *requester)
{
    return nyx_vio_requester_direct(requester);
}

static bool vio_checked(FwWorld *w, const FwDevice *d)
{
    return d->no_bus || !nyx_vio_bypassed(bench(w)->f->vio, d->sid);
}

static void vio_settle(FwWorld *w)
{
    vx_settle(bench(w)->f);
}

static void vio_track(FwWorld *w, bool on)
{
    bench(w)->f->unmap_each = on;
}

static uint64_t vio_dma(FwWorld *w, FwDevice *d, unsigned access,
                        uint64_t iova)
{
    const NyxRequest req = { .access = access, .iova = iova };
    NyxReply reply = { };

    nyx_vio_translate(d->requester, d->sid, &req, &reply);
    return reply.ok ? reply.addr : FW_REFUSED;
}

static void on_map(Vx *f, NyxVioRequester *r, const NyxBlock *block)
{
    fw_on_map(f->opaque, r, block);
    g_array_set_size(f->maps, 0);
}

static void on_unmap(Vx *f, NyxVioRequester *r, uint64_t first, uint64_t last,
                     const NyxBlock *only)
{
    fw_on_unmap(f->opaque, r, first, last, only);
    g_array_set_size(f->unmaps, 0);
}

static void on_direct_changed(Vx *f, NyxVioRequester *r)
{
    fw_on_direct_changed(f->opaque, r);
}

static void on_mode_changed(Vx *f)
{
    fw_on_mode_changed(f->opaque);
}

static void on_endpoint_changed(Vx *f, uint32_t id)
{
    fw_on_id_changed(f->opaque, id);
}

static bool sid_of(Vx *f, NyxVioRequester *r, uint16_t *sid)
{
    return fw_sid(f->opaque, r, sid);
}

/* --- Endpoints ------------------------------------------------------------ */

static unsigned attach(Bench *b, unsigned domain, DomainKind kind,
                       unsigned which, uint16_t sid)
{
    switch (kind) {
    case BYPASS:
        return vx_attach_bypass(b->f, domain, sid);
    case TABLES:
        return vd_give(&b->space[domain][which], domain, sid, VD_NO_PASID);
    default:
        return vx_attach(b->f, domain, sid);
    }
}

static void step_attach(FwWorld *w)
{
    Bench *b = bench(w);
    unsigned i = fw_below(w, FW_DEVICES), n = fw_below(w, DOMAINS);
    Domain *d = &b->domain[n];
    bool fresh = d->kind == NO_DOMAIN;
    DomainKind kind = fresh || !fw_below(w, 4) ? 1 + fw_below(w, 3) : d->kind;
    unsigned which = fresh ? fw_below(w, 2) : d->which;
    bool ok = fresh || d->kind == kind;

    fw_begin(w);
    FX_CHECK("attach", attach(b, n, kind, which, VX_SID + 8 * i) == VX_OK, ok);
    if (ok && b->in[i] != (int)n) {
        d->kind = kind;
        d->which = which;
        b->in[i] = n;
        end_unused(b);
        fw_id(w, VX_SID + 8 * i);
    }
    fw_check(w, "attach");
}

static void step_detach(FwWorld *w)
{
    Bench *b = bench(w);
    unsigned i = fw_below(w, FW_DEVICES), n = fw_below(w, DOMAINS);
    bool ok = b->in[i] == (int)n;

    fw_begin(w);
    FX_CHECK("detach", vx_detach(b->f, n, VX_SID + 8 * i) == VX_OK, ok);
    if (ok) {
        b->in[i] = -1;
        end_unused(b);
        fw_id(w, VX_SID + 8 * i);
    }
    fw_check(w, "detach");
}

static bool is_meant(const FwDevice *d, const void *opaque)
{
    return false;
}

/* An endpoint that is no device's comes and goes. */
static void stir(FwWorld *w)
{
    Bench *b = bench(w);

    fw_begin(w);
    FX_CHECK("attach", vx_attach(b->f, 99, 0x80), VX_OK);
    FX_CHECK("detach", vx_detach(b->f, 99, 0x80), VX_OK);
    fw_contexts(w, is_meant, NULL);
    fw_check(w, "stir");
}

/* One of this kind, if it is found soon. */
static unsigned some_domain(FwWorld *w, DomainKind kind)
{
    unsigned n = fw_below(w, DOMAINS);

    for (unsigned i = 0; i < 8 && bench(w)->domain[n].kind != kind; i++) {
        n = fw_below(w, DOMAINS);
    }
    return n;
}

/* --- Mappings ------------------------------------------------------------- */

static void step_map(FwWorld *w)
{
    Bench *b = bench(w);
    unsigned n = some_domain(w, MAPPINGS);
    unsigned pages = 1 + fw_below(w, fw_below(w, 4) ? 4 : 60);
    unsigned first = fw_below(w, AREA_PAGES - pages);
    uint64_t iova = AREA + first * PAGE, last = iova + pages * PAGE - 1;
    uint64_t phys = first * PAGE + (fw_below(w, 4) ? 0x40000000 : PAGE);
    uint32_t flags = fw_below(w, 8) ? FX_RW : fw_below(w, 8);
    Domain *d = &b->domain[n];

    fw_begin(w);
    if (vx_map(b->f, n, iova, last, phys, flags) == VX_OK) {
        FX_CHECK("map", d->kind, MAPPINGS);
        b->mappings++;
        for (unsigned i = 0; i < pages; i++) {
            FX_CHECK("overlap", d->mapping[first + i], 0);
            d->mapping[first + i] = b->mappings;
            d->page[first + i] = (phys + i * PAGE) | (flags & FX_RW);
        }
        fw_pages(w, false, n, iova, last);
    }
    fw_check(w, "map");
}

static void step_unmap(FwWorld *w)
{
    Bench *b = bench(w);
    unsigned n = some_domain(w, MAPPINGS);
    Domain *d = &b->domain[n];
    unsigned pages = 1 + fw_below(w, 40);
    unsigned first = fw_below(w, AREA_PAGES - pages), end = first + pages;
    uint64_t iova, last;

    /* Mostly where mappings end. */
    while (fw_below(w, 20) && first && d->mapping[first] &&
           d->mapping[first] == d->mapping[first - 1]) {
        first--;
    }
    while (fw_below(w, 20) && end < AREA_PAGES && d->mapping[end] &&
           d->mapping[end] == d->mapping[end - 1]) {
        end++;
    }
    iova = AREA + first * PAGE;
    last = AREA + end * PAGE - 1;
    fw_begin(w);
    if (vx_unmap(b->f, n, iova, last) == VX_OK) {
        memset(&d->mapping[first], 0, (end - first) * sizeof(uint32_t));
        memset(&d->page[first], 0, (end - first) * sizeof(uint64_t));
        fw_pages(w, false, n, iova, last);
    }
    fw_check(w, "unmap");
}

/* --- Tables --------------------------------------------------------------- */

static void step_edit(FwWorld *w)
{
    Bench *b = bench(w);
    unsigned n = some_domain(w, TABLES);
    const VdSpace *s = &b->space[n][b->domain[n].which];

    if (!s->t.first) {
        fw_edit(w, &s->t, n);
    }
}

static void inv_pages(FwWorld *w, uint16_t did, uint64_t iova, unsigned lg2)
{
    Bench *b = bench(w);
    uint64_t mask = (1ull << lg2) - 1;
    bool ok = b->domain[did].kind == TABLES;

    fw_begin(w);
    FX_CHECK("pages", vd_inv_pages(b->f, did, VD_NO_PASID, iova & ~mask,
                                   (mask + 1) / PAGE) == VX_OK, ok);
    if (ok) {
        fw_pages(w, false, did, iova & ~mask, iova | mask);
    }
    fw_check(w, "pages");
}

static void inv_domain(FwWorld *w, uint16_t did)
{
    Bench *b = bench(w);
    bool ok = b->domain[did].kind == TABLES;

    fw_begin(w);
    FX_CHECK("domain", vd_inv_domain(b->f, did, VD_C_IOTLB) == VX_OK, ok);
    if (ok) {
        fw_pages(w, false, did, 0, UINT64_MAX);
    }
    fw_check(w, "domain");
}

static void inv_all(FwWorld *w)
{
    stir(w);
    for (unsigned i = 0; i < DOMAINS; i++) {
        inv_domain(w, i);
    }
}

/* Whatever comes to the mind of software that is wrong; of any size. */
static void wild_flush(FwWorld *w)
{
    Bench *b = bench(w);
    unsigned n = some_domain(w, TABLES);
    const NvTables *t = &b->space[n][0].t;
    const VdInv inv = {
        .scope = VD_S_ADDRESS, .caches = VD_C_IOTLB, .domain = n,
        .address = edits_page(t, w->rand), .pages = 1 + fw_below(w, 600),
        .shift = 12,
    };

    fw_begin(w);
    if (vd_inv(b->f, &inv) == VX_OK) {
        fw_pages(w, false, n, inv.address,
                 inv.address + inv.pages * PAGE - 1);
    }
    fw_check(w, "some pages");
}

static void step_flush(FwWorld *w)
{
    if (w->wild) {
        wild_flush(w);
    } else {
        fw_step_flush(w);
    }
}

/* --- The machine ---------------------------------------------------------- */

static void step_bypass(FwWorld *w)
{
    Bench *b = bench(w);

    fw_begin(w);
    b->bypass = !b->bypass;
    vx_set_bypass(b->f, b->bypass);
    fw_mode(w, false);
    fw_check(w, "bypass");
}

/* Of the device, or of all there is. */
static void step_reset(FwWorld *w)
{
    Bench *b = bench(w);
    bool all = fw_below(w, 2), any = false;

    fw_begin(w);
    (all ? nyx_vio_reset : nyx_vio_device_reset)(b->f->vio);
    nyx_vio_set_features(b->f->vio, nyx_vio_features(b->f->vio));
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        any |= b->in[i] >= 0;
        b->in[i] = -1;
    }
    end_unused(b);
    if (any) {
        fw_mode(w, false);
    }
    if (all && !b->bypass) {
        b->bypass = true;
        fw_mode(w, false);
    }
    fw_check(w, "reset");
}

/* Buses get other numbers, or lose them; nobody says so. */
static void step_ids(FwWorld *w)
{
    FwDevice *d = fw_some_device(w), *other = fw_some_device(w);
    uint16_t sid = d->sid;

    d->sid = other->sid;
    other->sid = sid;
    d->no_bus = !fw_below(w, 4);
    if (!w->wild || fw_below(w, 2)) {
        stir(w);
    }
}

static FwStep *const often[] = {
    step_attach, step_map, step_map, step_map, step_map, step_map, step_unmap,
    step_unmap, step_unmap, step_edit, step_edit, step_flush, step_flush,
    NULL,
};

static FwStep *const seldom[] = {
    step_detach, step_detach, step_bypass, step_reset, fw_step_plug,
    fw_step_plug, fw_step_plug, fw_step_track, step_ids, NULL,
};

static const FwOps vio_ops = {
    .follow = vio_follow,
    .expect = vio_expect,
    .replay = vio_replay,
    .direct = vio_direct,
    .checked = vio_checked,
    .settle = vio_settle,
    .to_check = world_checked,
    .route = world_route,
    .leaves = world_leaves,
    .is_one = world_is_one,
    .track = vio_track,
    .dma = vio_dma,
    .inv_pages = inv_pages,
    .inv_domain = inv_domain,
    .inv_all = inv_all,
    .often = often,
    .seldom = seldom,
};

/* --- Sequences ------------------------------------------------------------ */

static void bench_init(Bench *b, GRand *rand, bool wild)
{
    NyxVioCfg cfg = vd_cfg();
    Vx *f;

    cfg.coalesce = edits_below(rand, 3);
    cfg.cache = edits_below(rand, NYX_CACHE_TEMPER_COUNT);
    f = vx_new_started(&cfg);
    *b = (Bench) {
        .f = f,
        .w.wild = wild,
        .w.coalesce = cfg.coalesce,
        .w.steps = 100,
        .w.max_lg2 = 40,
        .bypass = true,
    };
    fw_init(&b->w, &vio_ops, rand);
    f->opaque = &b->w;
    f->on_map = on_map;
    f->on_unmap = on_unmap;
    f->on_direct_changed = on_direct_changed;
    f->on_mode_changed = on_mode_changed;
    f->on_endpoint_changed = on_endpoint_changed;
    f->sid_of = sid_of;
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        b->in[i] = -1;
        b->w.d[i].sid = VX_SID + 8 * i;
        b->w.d[i].requester = i ? vx_requester(f, b->w.d[i].sid) : f->r;
    }
    for (unsigned i = 0; i < DOMAINS * 2; i++) {
        /* Mostly of a kind that is followed. */
        const VdFormat *format =
            &vd_formats[edits_below(rand, 4) ? 1 + edits_below(rand, 2)
                                             : edits_below(rand, 4)];

        b->space[i / 2][i % 2] = vd_space(f, format->id, 4, 0);
    }
}

static void sequence(GRand *rand, bool wild)
{
    Bench b;

    bench_init(&b, rand, wild);
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        step_attach(&b.w);
    }
    fw_run(&b.w);
    vx_free(b.f);
    fw_destroy(&b.w);
}

int main(int argc, char **argv)
{
    return fw_main(argc, argv, "vio", sequence);
}
