/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What followers of AMD-Vi are told, after random sequences of whatever
 * software does to its tables, device table entries and the IOMMU: follow.h
 * says what is right.
 */
#include "qemu/osdep.h"
#include "amd-fixture.h"
#include "follow.h"

#define SPACES 3
#define FIRST_DID 10
#define NOBODY 0x7000

/* Device table entries. */
#define DTE_V    (1ULL << 0)
#define DTE_TV   (1ULL << 1)
#define DTE_MODE(n) ((uint64_t)(n) << 9)
#define DTE_GIOV (1ULL << 54)
#define DTE_GV   (1ULL << 55)
#define DTE_IR   (1ULL << 61)
#define DTE_IW   (1ULL << 62)
#define DTE_RW   (DTE_V | DTE_TV | DTE_IR | DTE_IW)
#define DTE_BAD  (1ULL << 63)

/* What an entry can be, and what requests without a PASID come to. */
typedef struct Kind {
    uint64_t word;
    bool tables;             /* the word has their root and levels */
    FwKind route;
    bool windows;            /* the exclusion range is for it */
    unsigned withheld;
} Kind;

static const Kind kinds[] = {
    { DTE_RW, true, FW_MAPPINGS, true, 0 },
    { DTE_RW & ~DTE_IW, true, FW_MAPPINGS, true, FX_W },
    { DTE_RW & ~DTE_IR, true, FW_MAPPINGS, true, FX_R },
    { DTE_V | DTE_TV, true, FW_MAPPINGS, true, FX_RW },
    { DTE_RW | DTE_GV, true, FW_MAPPINGS, true, 0 },
    /* A guest's tables are not followed. */
    { DTE_RW | DTE_GV | DTE_GIOV, true, FW_NONE, false, 0 },
    { DTE_RW | DTE_GV | DTE_GIOV, false, FW_NONE, false, 0 },
    { 0, false, FW_DIRECT, false, 0 },
    { DTE_TV | DTE_BAD, false, FW_DIRECT, false, 0 },
    { DTE_RW, false, FW_DIRECT, true, 0 },
    { DTE_RW & ~DTE_IW, false, FW_NONE, false, 0 },
    { DTE_V | DTE_IR | DTE_IW, true, FW_NONE, false, 0 },
    { DTE_RW | DTE_BAD, true, FW_NONE, false, 0 },
};

typedef struct Entry {
    const Kind *kind;
    unsigned space;
    uint16_t did;
} Entry;

typedef struct Bench {
    FwWorld w;
    Ax *f;
    NvTables space[SPACES];
    uint64_t devtab[2];
    Entry entry[2][FW_DEVICES];
    unsigned live;           /* which device table it is */
    bool enabled;
    bool excluding;
} Bench;

static Bench *bench(FwWorld *w)
{
    return container_of(w, Bench, w);
}

static uint16_t did_of(const Bench *b, unsigned space)
{
    /* Two tables of one domain: not what software may do. */
    return FIRST_DID + (b->w.wild ? space / 2 : space);
}

static unsigned index_of(uint16_t sid)
{
    return (sid - AX_SID) / 8;
}

/* --- What memory says ----------------------------------------------------- */

static void world_route(FwWorld *w, uint16_t sid, FwRoute *route)
{
    Bench *b = bench(w);
    const Entry *e = &b->entry[b->live][index_of(sid)];

    if (!b->enabled) {
        return;
    }
    route->uncertain = (e->kind->word & DTE_V) && (e->kind->word & DTE_BAD);
    route->did = route->uncertain || !(e->kind->word & DTE_V) ? 0 : e->did;
    if (e->kind->windows && b->excluding) {
        return;
    }
    route->kind = e->kind->route;
    if (route->kind == FW_MAPPINGS) {
        route->source = &b->space[e->space];
        route->withheld = e->kind->withheld;
    }
}

static bool world_checked(FwWorld *w, const FwDevice *d)
{
    return bench(w)->enabled;
}

static GArray *world_leaves(FwWorld *w, const FwRoute *route, uint64_t first,
                            uint64_t last)
{
    NvTables t = *(const NvTables *)route->source;

    t.withheld = route->withheld;
    return nv_leaves(&t, first, last);
}

/* --- The IOMMU ------------------------------------------------------------ */

static void amd_follow(void *requester, bool on)
{
    nyx_amd_requester_follow(requester, on);
}

static void amd_expect(void *requester, bool on)
{
    nyx_amd_requester_expect(requester, on);
}

static void amd_replay(void *requester, NyxBlockVisit *visit, void *opaque)
{
    nyx_amd_requester_replay(requester, visit, opaque);
}

static bool amd_direct(void *requester)
{
    return nyx_amd_requester_direct(requester);
}

static bool amd_checked(FwWorld *w, const FwDevice *d)
{
    return nyx_amd_dma_checked(bench(w)->f->amd);
}

static void amd_settle(FwWorld *w)
{
    ax_settle(bench(w)->f);
}

static void amd_track(FwWorld *w, bool on)
{
    bench(w)->f->unmap_each = on;
}

static uint64_t amd_dma(FwWorld *w, FwDevice *d, unsigned access,
                        uint64_t iova)
{
    const NyxRequest req = { .access = access, .iova = iova };
    NyxReply reply = { };

    nyx_amd_translate(d->requester, d->sid, &req, &reply);
    return reply.ok ? reply.addr : FW_REFUSED;
}

static void on_map(Ax *f, NyxAmdRequester *r, const NyxBlock *block)
{
    fw_on_map(f->opaque, r, block);
}

static void on_unmap(Ax *f, NyxAmdRequester *r, uint64_t first, uint64_t last,
                     const NyxBlock *only)
{
    fw_on_unmap(f->opaque, r, first, last, only);
}

static void on_direct_changed(Ax *f, NyxAmdRequester *r)
{
    fw_on_direct_changed(f->opaque, r);
}

static void on_mode_changed(Ax *f)
{
    fw_on_mode_changed(f->opaque);
}

static bool sid_of(Ax *f, NyxAmdRequester *r, uint16_t *sid)
{
    return fw_sid(f->opaque, r, sid);
}

/* --- Invalidations -------------------------------------------------------- */

static void inv_pages(FwWorld *w, uint16_t did, uint64_t iova, unsigned lg2)
{
    uint64_t mask = (1ull << lg2) - 1;

    fw_begin(w);
    ax_inv_pages(bench(w)->f, did, iova, lg2);
    fw_pages(w, false, did, iova & ~mask, iova | mask);
    fw_check(w, "pages");
}

static void inv_domain(FwWorld *w, uint16_t did)
{
    fw_begin(w);
    ax_inv_pages(bench(w)->f, did, 0, 64);
    fw_pages(w, false, did, 0, UINT64_MAX);
    fw_check(w, "domain");
}

static bool is_any(const FwDevice *d, const void *opaque)
{
    return true;
}

/* Translations go with the entry: what it leads to is compared as well. */
static void inv_devtab(FwWorld *w, uint16_t sid)
{
    fw_begin(w);
    ax_inv_devtab(bench(w)->f, sid);
    fw_id(w, sid);
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        const FwDevice *d = &w->d[i];

        if (d->shadow && d->sid_seen == sid) {
            fw_pages(w, false, d->route.did, 0, UINT64_MAX);
            break;
        }
    }
    fw_check(w, "device table entry");
}

static void inv_all(FwWorld *w)
{
    fw_begin(w);
    ax_inv_all(bench(w)->f);
    fw_contexts(w, is_any, NULL);
    fw_pages(w, true, 0, 0, UINT64_MAX);
    fw_check(w, "all");
}

static void inv_context(FwWorld *w, const FwPending *p)
{
    inv_devtab(w, p->sid);
    inv_domain(w, p->did);
}

/* --- Steps ---------------------------------------------------------------- */

/* What the entry of @sid in table @which was, gets another value. */
static Entry set_entry(Bench *b, unsigned which, unsigned i)
{
    FwWorld *w = &b->w;
    Entry *e = &b->entry[which][i], old = *e;
    const NvTables *t;

    e->kind = &kinds[fw_below(w, 2) ? fw_below(w, ARRAY_SIZE(kinds)) : 0];
    e->space = fw_below(w, SPACES);
    e->did = did_of(b, e->space);
    t = &b->space[e->space];
    b->f->devtab = b->devtab[which];
    ax_dte(b->f, AX_SID + 8 * i,
           e->kind->word | (e->kind->tables ? t->root | DTE_MODE(t->levels)
                                            : 0), e->did, 0, 0);
    b->f->devtab = b->devtab[b->live];
    return old;
}

static void step_edit(FwWorld *w)
{
    Bench *b = bench(w);
    unsigned space = fw_below(w, SPACES);

    fw_edit(w, &b->space[space], did_of(b, space));
}

static void step_context(FwWorld *w)
{
    Bench *b = bench(w);
    unsigned which = fw_below(w, 8) ? b->live : !b->live;
    unsigned i = fw_below(w, FW_DEVICES);
    Entry old = set_entry(b, which, i);

    fw_context(w, old.did, AX_SID + 8 * i);
}

/* Whatever comes to the mind of software that is wrong. */
static void wild_flush(FwWorld *w)
{
    Bench *b = bench(w);
    uint16_t did = FIRST_DID + fw_below(w, 3);

    switch (fw_below(w, 8)) {
    case 0:
        inv_domain(w, did);
        break;
    case 1 ... 2:
        inv_devtab(w, AX_SID + 8 * fw_below(w, FW_DEVICES));
        break;
    case 3:
        /* A guest's pages. */
        fw_begin(w);
        ax_inv_pages_gn(b->f, did, 0, 0, 64);
        fw_check(w, "guest's");
        break;
    default:
        inv_pages(w, did, edits_page(&b->space[0], w->rand),
                  12 + fw_below(w, fw_below(w, 2) ? 2 : 24));
        break;
    }
}

static void step_flush(FwWorld *w)
{
    if (w->wild) {
        wild_flush(w);
    } else {
        fw_step_flush(w);
    }
}

static void step_enable(FwWorld *w)
{
    Bench *b = bench(w);

    fw_begin(w);
    b->enabled = !b->enabled;
    (b->enabled ? ax_control_set : ax_control_clear)(b->f, AX_IOMMUEN);
    fw_mode(w, false);
    fw_check(w, "IommuEn");
}

static void step_on(FwWorld *w)
{
    if (!bench(w)->enabled) {
        step_enable(w);
    }
}

/* A window cannot be cut out of anything. */
static void step_exclude(FwWorld *w)
{
    Bench *b = bench(w);

    fw_begin(w);
    b->excluding = !b->excluding;
    ax_write64(b->f, 0x28, 0x90000000);
    ax_write64(b->f, 0x20, 0x80000000 | (b->excluding ? 3 : 0));
    fw_mode(w, false);
    fw_check(w, "exclusion range");
}

/* Another device table: entries are read again when they are invalidated. */
static void latch_devtab(Bench *b)
{
    fw_begin(&b->w);
    b->f->devtab = b->devtab[b->live];
    ax_write64(b->f, AX_DEVTAB, b->f->devtab | 511);
    fw_check(&b->w, "device table");
}

static void step_devtab(FwWorld *w)
{
    Bench *b = bench(w);

    b->live = !b->live;
    latch_devtab(b);
    if (!w->wild) {
        inv_all(w);
    }
}

static void start(Bench *b)
{
    latch_devtab(b);
    ax_commands_init(b->f, 9);
    ax_control_set(b->f, AX_CMDBUFEN | AX_GTEN);
}

static void step_reset(FwWorld *w)
{
    Bench *b = bench(w);

    fw_begin(w);
    b->enabled = b->excluding = false;
    nyx_amd_reset(b->f->amd);
    fw_mode(w, false);
    fw_check(w, "reset");
    start(b);
    step_enable(w);
    inv_all(w);
}

static void step_load(FwWorld *w)
{
    g_autofree NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);
    Bench *b = bench(w);

    fw_begin(w);
    nyx_amd_save(b->f->amd, saved);
    g_assert_null(nyx_amd_load(b->f->amd, saved));
    fw_mode(w, true);
    fw_check(w, "load");
}

/* Buses get other numbers, or lose them; any command finds out. */
static void step_ids(FwWorld *w)
{
    FwDevice *d = fw_some_device(w), *other = fw_some_device(w);
    uint16_t sid = d->sid;

    d->sid = other->sid;
    other->sid = sid;
    d->no_bus = !fw_below(w, 4);
    inv_devtab(w, NOBODY);
}

static FwStep *const often[] = {
    step_edit, step_edit, step_edit, step_context, step_flush, step_flush,
    step_on, NULL,
};

static FwStep *const seldom[] = {
    step_enable, step_exclude, step_exclude, step_devtab, step_reset,
    step_load, fw_step_plug, fw_step_plug, fw_step_track, step_ids, NULL,
};

static const FwOps amd_ops = {
    .follow = amd_follow,
    .expect = amd_expect,
    .replay = amd_replay,
    .direct = amd_direct,
    .checked = amd_checked,
    .settle = amd_settle,
    .to_check = world_checked,
    .route = world_route,
    .leaves = world_leaves,
    .track = amd_track,
    .dma = amd_dma,
    .inv_pages = inv_pages,
    .inv_domain = inv_domain,
    .inv_context = inv_context,
    .inv_all = inv_all,
    .often = often,
    .seldom = seldom,
};

/* --- Sequences ------------------------------------------------------------ */

static void bench_init(Bench *b, GRand *rand, bool wild)
{
    unsigned levels = 3 + edits_below(rand, 3);
    NyxAmdCfg cfg = ax_cfg();
    Ax *f;

    cfg.np_cache = true;
    cfg.coalesce = edits_below(rand, 3);
    cfg.cache = edits_below(rand, NYX_CACHE_TEMPER_COUNT);
    f = ax_new(&cfg);
    *b = (Bench) {
        .f = f,
        .w.wild = wild,
        .w.coalesce = cfg.coalesce,
        .w.hole = true,
        .w.steps = 30,
        .w.max_lg2 = 40,
        .devtab = { fx_mem_pages(&f->mem, 512), fx_mem_pages(&f->mem, 512) },
    };
    fw_init(&b->w, &amd_ops, rand);
    f->opaque = &b->w;
    f->on_map = on_map;
    f->on_unmap = on_unmap;
    f->on_direct_changed = on_direct_changed;
    f->on_mode_changed = on_mode_changed;
    f->sid_of = sid_of;
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        b->w.d[i].requester = i ? nyx_amd_requester_new(f->amd, f) : f->r;
        b->w.d[i].sid = AX_SID + 8 * i;
    }
    for (unsigned i = 0; i < SPACES; i++) {
        nv_init(&b->space[i], &f->mem, false, levels, 48);
        b->space[i].amd = true;
        edits_make(&b->space[i], rand);
    }
    for (unsigned i = 0; i < 2 * FW_DEVICES; i++) {
        set_entry(b, i % 2, i / 2);
    }
    start(b);
}

static void sequence(GRand *rand, bool wild)
{
    Bench b;

    bench_init(&b, rand, wild);
    step_enable(&b.w);
    fw_run(&b.w);
    ax_free(b.f);
    fw_destroy(&b.w);
}

int main(int argc, char **argv)
{
    return fw_main(argc, argv, "amd", sequence);
}
