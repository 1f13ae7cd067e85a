/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What followers of VT-d are told, after random sequences of whatever software
 * does to its tables, contexts and the unit: follow.h says what is right.
 */
#include "qemu/osdep.h"
#include "follow.h"
#include "vtd-scalable.h"

#define PAGE 4096ull
#define TE 31
#define SPACES 3
#define FIRST_DID 10
#define NO_DID 99
#define NOBODY 0x7000

/* What is in the context entry, or the PASID entry, of a function. */
typedef enum ContextKind {
    IN_SPACE,                /* of the number in Context.space */
    PASS,
    ABSENT,
    SPOILT,
    FIRST,                   /* scalable mode */
    NESTED,
    FUNCTION_ABSENT,
    KINDS,
} ContextKind;

typedef struct Context {
    ContextKind kind;
    unsigned space;
    uint16_t did;            /* zero in what is not present */
} Context;

typedef struct Bench {
    FwWorld w;
    Fx *f;
    bool scalable;
    unsigned levels;
    NvTables space[SPACES];
    uint64_t first_stage;
    uint64_t root[2];
    Context context[2][FW_DEVICES];
    unsigned live;           /* which root is latched */
    bool translating;
    bool protecting;
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
    return (sid - FX_SID) / 8;
}

/* --- What memory says ----------------------------------------------------- */

static void world_route(FwWorld *w, uint16_t sid, FwRoute *route)
{
    Bench *b = bench(w);
    const Context *c = &b->context[b->live][index_of(sid)];

    if (!b->translating) {
        return;
    }
    route->uncertain = c->kind == SPOILT || c->kind == FUNCTION_ABSENT ||
                       (c->kind == ABSENT && b->scalable);
    route->did = route->uncertain ? 0 : c->did;
    if (c->kind == IN_SPACE) {
        route->kind = FW_MAPPINGS;
        route->source = &b->space[c->space];
    } else if (c->kind == PASS && !b->protecting) {
        route->kind = FW_DIRECT;
    }
}

static bool world_checked(FwWorld *w, const FwDevice *d)
{
    return bench(w)->translating || bench(w)->protecting;
}

static GArray *world_leaves(FwWorld *w, const FwRoute *route, uint64_t first,
                            uint64_t last)
{
    return nv_leaves(route->source, first, last);
}

/* --- The unit ------------------------------------------------------------- */

static void unit_follow(void *requester, bool on)
{
    nyx_vtd_requester_follow(requester, on);
}

static void unit_expect(void *requester, bool on)
{
    nyx_vtd_requester_expect(requester, on);
}

static void unit_replay(void *requester, NyxBlockVisit *visit, void *opaque)
{
    nyx_vtd_requester_replay(requester, visit, opaque);
}

static bool unit_direct(void *requester)
{
    return nyx_vtd_requester_direct(requester);
}

static bool unit_checked(FwWorld *w, const FwDevice *d)
{
    Bench *b = bench(w);

    return nyx_vtd_dma_checked(b->f->vtd);
}

static void unit_settle(FwWorld *w)
{
    Bench *b = bench(w);

    fx_settle(b->f);
}

static void unit_track(FwWorld *w, bool on)
{
    bench(w)->f->unmap_each = on;
}

static uint64_t unit_dma(FwWorld *w, FwDevice *d, unsigned access,
                         uint64_t iova)
{
    const NyxRequest req = { .access = access, .iova = iova };
    NyxReply reply;

    return nyx_vtd_translate(d->requester, d->sid, &req, &reply)
           ? reply.addr : FW_REFUSED;
}

static void on_map(Fx *f, NyxVtdRequester *r, const NyxBlock *block)
{
    fw_on_map(f->opaque, r, block);
}

static void on_unmap(Fx *f, NyxVtdRequester *r, uint64_t first, uint64_t last,
                     const NyxBlock *only)
{
    fw_on_unmap(f->opaque, r, first, last, only);
}

static void on_direct_changed(Fx *f, NyxVtdRequester *r)
{
    fw_on_direct_changed(f->opaque, r);
}

static void on_mode_changed(Fx *f)
{
    fw_on_mode_changed(f->opaque);
}

static bool sid_of(Fx *f, NyxVtdRequester *r, uint16_t *sid)
{
    return fw_sid(f->opaque, r, sid);
}

/* --- Contexts ------------------------------------------------------------- */

static void write_legacy(Bench *b, uint16_t sid, const Context *c)
{
    uint64_t top = c->kind == IN_SPACE ? b->space[c->space].root : 0;

    if (c->kind == ABSENT) {
        fx_context(b->f, sid, 0, 0);
    } else {
        fx_context(b->f, sid,
                   fx_context_lo(top, c->kind == PASS ? 2 : 0, false),
                   fx_context_hi(c->kind == SPOILT ? 9 : b->levels, c->did));
    }
}

static void write_scalable(Bench *b, uint16_t sid, const Context *c)
{
    uint64_t function = sm_function(b->f, sid, 0);
    uint64_t at = sm_pasid_addr(b->f, sid, 0);
    uint64_t width = (b->levels - 2) << 2;
    uint64_t top = b->space[c->space].root;
    const uint64_t words[KINDS] = {
        [IN_SPACE] = top | width | SM_SECOND << 6 | 1,
        [PASS] = width | SM_PASS << 6 | 1,
        [SPOILT] = 7 << 6 | 1,
        [FIRST] = SM_FIRST << 6 | 1,
        [NESTED] = top | width | SM_NESTED << 6 | 1,
    };

    sm_poke_entry(b->f, at, words[c->kind], c->did,
                  c->kind == FIRST || c->kind == NESTED ? b->first_stage : 0);
    if (c->kind == FUNCTION_ABSENT) {
        fx_mem_poke(&b->f->mem, function,
                    fx_mem_peek(&b->f->mem, function) & ~1ull);
    }
}

static void restore_function(Bench *b, uint16_t sid)
{
    uint64_t at = sm_context_addr(b->f, sid);
    uint64_t word = fx_mem_peek(&b->f->mem, at);

    if (word) {
        fx_mem_poke(&b->f->mem, at, word | 1);
    }
}

/* What the entry of @sid below root @which was, gets another value. */
static Context set_context(Bench *b, unsigned which, unsigned i)
{
    static const ContextKind kinds[] = {
        IN_SPACE, IN_SPACE, IN_SPACE, IN_SPACE, IN_SPACE, IN_SPACE, PASS,
        PASS, ABSENT, SPOILT, FIRST, NESTED, FUNCTION_ABSENT,
    };
    Context *c = &b->context[which][i], old = *c;
    uint16_t sid = FX_SID + 8 * i;

    c->kind = kinds[fw_below(&b->w, ARRAY_SIZE(kinds) - (b->scalable ? 0 : 3))];
    c->space = fw_below(&b->w, SPACES);
    c->did = c->kind == ABSENT || c->kind == FUNCTION_ABSENT
             ? 0 : did_of(b, c->space);
    b->f->root = b->root[which];
    if (b->scalable) {
        restore_function(b, sid);
        write_scalable(b, sid, c);
    } else {
        write_legacy(b, sid, c);
    }
    b->f->root = b->root[b->live];
    return old;
}

/* --- Invalidations -------------------------------------------------------- */

static void inv_pages(FwWorld *w, uint16_t did, uint64_t iova, unsigned lg2)
{
    uint64_t mask = (1ull << lg2) - 1;

    fw_begin(w);
    fx_submit(bench(w)->f, 0xf2 | (uint64_t)did << 16,
              (iova & ~mask) | (lg2 - 12));
    fw_pages(w, false, did, iova & ~mask, iova | mask);
    fw_check(w, "pages");
}

static void inv_domain(FwWorld *w, uint16_t did)
{
    fw_begin(w);
    fx_submit(bench(w)->f, 0xe2 | (uint64_t)did << 16, 0);
    fw_pages(w, false, did, 0, UINT64_MAX);
    fw_check(w, "domain");
}

static void inv_global(Bench *b)
{
    fw_begin(&b->w);
    fx_submit(b->f, 0xd2, 0);
    fw_pages(&b->w, true, 0, 0, UINT64_MAX);
    fw_check(&b->w, "global");
}

typedef struct ContextCommand {
    const Bench *b;
    unsigned gran;           /* 1 global, 2 domain, 3 device */
    uint16_t did;
    uint16_t sid;
} ContextCommand;

static bool context_named(const FwDevice *d, const void *opaque)
{
    const ContextCommand *c = opaque;

    if (c->gran == 1) {
        return true;
    }
    return (c->b->scalable || d->route.did == c->did) &&
           (c->gran == 2 || d->sid_seen == c->sid);
}

static bool context_any(const FwDevice *d, const void *opaque)
{
    return true;
}

static void context_command(Bench *b, unsigned gran, uint16_t did, uint16_t sid)
{
    const ContextCommand command = { b, gran, did, sid };

    fw_begin(&b->w);
    fx_submit(b->f, 1 | gran << 4 | (uint64_t)did << 16 |
              (uint64_t)sid << 32, 0);
    fw_contexts(&b->w, context_named, &command);
    fw_check(&b->w, "context");
}

/* G: 0 is all of a domain, 1 one PASID of it, 3 everything. */
static void pasid_command(Bench *b, unsigned gran, uint16_t did)
{
    fw_begin(&b->w);
    fx_submit(b->f, 7 | gran << 4 | (uint64_t)did << 16, 0);
    fw_contexts(&b->w, context_any, NULL);
    fw_check(&b->w, "PASID cache");
}

/* An entry that changed, and what was found through it. */
static void inv_context(FwWorld *w, const FwPending *p)
{
    Bench *b = bench(w);

    context_command(b, 1 + fw_below(w, 3), p->did, p->sid);
    if (b->scalable) {
        pasid_command(b, (const unsigned[]) { 0, 1, 3 }[fw_below(w, 3)],
                      p->did);
    }
    inv_domain(w, p->did);
}

static void inv_all(FwWorld *w)
{
    Bench *b = bench(w);

    context_command(b, 1, 0, 0);
    if (b->scalable) {
        pasid_command(b, 3, 0);
    }
    inv_global(b);
}

/* --- Steps ---------------------------------------------------------------- */

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
    Context old = set_context(b, which, i);

    fw_context(w, old.did, FX_SID + 8 * i);
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
    case 1:
        context_command(b, 1 + fw_below(w, 3), fw_below(w, 4) ? did : 0,
                        FX_SID + 8 * fw_below(w, FW_DEVICES));
        break;
    case 2:
        if (b->scalable) {
            pasid_command(b, 1, did);
        }
        break;
    default:
        inv_pages(w, did, edits_page(&b->space[0], w->rand),
                  12 + fw_below(w, fw_below(w, 2) ? 2 : 19));
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

static void step_translation(FwWorld *w)
{
    Bench *b = bench(w);

    fw_begin(&b->w);
    b->translating = !b->translating;
    fx_gcmd(b->f, TE, b->translating);
    fw_mode(&b->w, false);
    fw_check(&b->w, "TE");
}

/* Protected memory cannot be cut out of pass-through. */
static void step_protect(FwWorld *w)
{
    Bench *b = bench(w);

    fw_begin(&b->w);
    b->protecting = !b->protecting;
    fx_write32(b->f, 0x64, (uint32_t)b->protecting << 31);
    fw_mode(&b->w, false);
    fw_check(&b->w, "PMEN");
}

static void latch_root(Bench *b)
{
    fw_begin(&b->w);
    b->f->root = b->root[b->live];
    fx_write64(b->f, 0x20, b->f->root | b->scalable << 10);
    fx_gcmd(b->f, 30, true);
    if (b->f->cfg.esrtps) {
        fw_contexts(&b->w, context_any, NULL);
        fw_pages(&b->w, true, 0, 0, UINT64_MAX);
    }
    fw_check(&b->w, "SRTP");
}

static void step_root(FwWorld *w)
{
    Bench *b = bench(w);

    b->live = !b->live;
    latch_root(b);
    if (!w->wild && !b->f->cfg.esrtps) {
        inv_all(w);
    }
}

static void start(Bench *b)
{
    latch_root(b);
    fx_queue_start(b->f, 0);
    inv_all(&b->w);
}

static void step_reset(FwWorld *w)
{
    Bench *b = bench(w);

    fw_begin(&b->w);
    b->translating = b->protecting = false;
    nyx_vtd_reset(b->f->vtd);
    fw_mode(&b->w, false);
    fw_check(&b->w, "reset");
    start(b);
}

static void step_load(FwWorld *w)
{
    Bench *b = bench(w);
    g_autofree NyxVtdSaved *saved = g_new0(NyxVtdSaved, 1);

    fw_begin(&b->w);
    nyx_vtd_save(b->f->vtd, saved);
    g_assert_null(nyx_vtd_load(b->f->vtd, saved));
    fw_mode(&b->w, true);
    fw_check(&b->w, "load");
}

/* Buses get other numbers, or lose them; any command finds out. */
static void step_ids(FwWorld *w)
{
    Bench *b = bench(w);
    FwDevice *d = fw_some_device(&b->w), *other = fw_some_device(&b->w);
    uint16_t sid = d->sid;

    d->sid = other->sid;
    other->sid = sid;
    d->no_bus = !fw_below(&b->w, 4);
    inv_all(&b->w);
}

/* Mostly it is on. */
static void step_on(FwWorld *w)
{
    if (!bench(w)->translating) {
        step_translation(w);
    }
}

static FwStep *const often[] = {
    step_edit, step_edit, step_edit, step_context, step_flush, step_flush,
    step_on, NULL,
};

static FwStep *const seldom[] = {
    step_translation, step_translation, step_protect, step_root, step_reset,
    step_load, fw_step_plug, fw_step_plug, fw_step_track, step_ids, NULL,
};

static const FwOps unit_ops = {
    .follow = unit_follow,
    .expect = unit_expect,
    .replay = unit_replay,
    .direct = unit_direct,
    .checked = unit_checked,
    .settle = unit_settle,
    .to_check = world_checked,
    .route = world_route,
    .leaves = world_leaves,
    .track = unit_track,
    .dma = unit_dma,
    .inv_pages = inv_pages,
    .inv_domain = inv_domain,
    .inv_context = inv_context,
    .inv_all = inv_all,
    .often = often,
    .seldom = seldom,
};

/* --- Sequences ------------------------------------------------------------ */

static NyxVtdCfg some_cfg(GRand *rand)
{
    NyxVtdCfg cfg = edits_below(rand, 2) ? sm_cfg() : fx_cfg();

    cfg.caching_mode = true;
    cfg.aw_bits = 39 + 9 * edits_below(rand, 3);
    cfg.second_lg2 = edits_below(rand, 4) ? 30 : 12 + 9 * edits_below(rand, 2);
    cfg.coalesce = edits_below(rand, 3);
    cfg.cache = edits_below(rand, NYX_CACHE_TEMPER_COUNT);
    cfg.esrtps = edits_below(rand, 2);
    return cfg;
}

static void bench_init(Bench *b, GRand *rand, bool wild)
{
    NyxVtdCfg cfg = some_cfg(rand);
    Fx *f = fx_new(&cfg);

    *b = (Bench) {
        .f = f,
        .scalable = cfg.scalable_mode,
        .levels = (cfg.aw_bits - 12) / 9,
        .w.wild = wild,
        .w.coalesce = cfg.coalesce,
        .w.hole = true,
        .w.steps = 30,
        .w.max_lg2 = 30,
        .root = { f->root, fx_mem_pages(&f->mem, 1) },
        .first_stage = fx_mem_pages(&f->mem, 1),
    };
    fw_init(&b->w, &unit_ops, rand);
    f->opaque = &b->w;
    f->wide = b->scalable;
    f->on_map = on_map;
    f->on_unmap = on_unmap;
    f->on_direct_changed = on_direct_changed;
    f->on_mode_changed = on_mode_changed;
    f->sid_of = sid_of;
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        b->w.d[i].requester = i ? nyx_vtd_requester_new(f->vtd, f) : f->r;
        b->w.d[i].sid = FX_SID + 8 * i;
    }
    for (unsigned i = 0; i < SPACES; i++) {
        nv_init(&b->space[i], &f->mem, false, b->levels, 46);
        b->space[i].has_2m = cfg.second_lg2 >= 21;
        b->space[i].has_1g = cfg.second_lg2 >= 30;
        edits_make(&b->space[i], rand);
    }
    for (unsigned i = 0; i < 2 * FW_DEVICES; i++) {
        set_context(b, i % 2, i / 2);
    }
    start(b);
}

static void sequence(GRand *rand, bool wild)
{
    Bench b;

    bench_init(&b, rand, wild);
    step_translation(&b.w);
    fw_run(&b.w);
    fx_free(b.f);
    fw_destroy(&b.w);
}

int main(int argc, char **argv)
{
    return fw_main(argc, argv, "vtd", sequence);
}
