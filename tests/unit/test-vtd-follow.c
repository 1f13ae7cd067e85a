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

/* Something that software has yet to invalidate. */
typedef struct Pending {
    bool context;
    uint16_t did;
    uint16_t sid;
    Edit edit;
} Pending;

typedef struct Bench {
    FwWorld w;
    Fx *f;
    GRand *rand;
    bool wild;               /* invalidations have nothing to do with edits */
    bool scalable;
    unsigned levels;
    NvTables space[SPACES];
    uint64_t first_stage;
    uint64_t root[2];
    Context context[2][FW_DEVICES];
    unsigned live;           /* which root is latched */
    bool translating;
    bool protecting;
    GArray *pending;
} Bench;

static uint32_t below(Bench *b, uint32_t n)
{
    return edits_below(b->rand, n);
}

static uint16_t did_of(const Bench *b, unsigned space)
{
    /* Two tables of one domain: not what software may do. */
    return FIRST_DID + (b->wild ? space / 2 : space);
}

static unsigned index_of(uint16_t sid)
{
    return (sid - FX_SID) / 8;
}

/* --- What memory says ----------------------------------------------------- */

static void world_route(FwWorld *w, uint16_t sid, FwRoute *route)
{
    Bench *b = w->bench;
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

static bool unit_checked(FwWorld *w)
{
    Bench *b = w->bench;

    return nyx_vtd_dma_checked(b->f->vtd);
}

static void unit_settle(FwWorld *w)
{
    Bench *b = w->bench;

    fx_settle(b->f);
}

static uint64_t unit_dma(FwWorld *w, FwDevice *d, unsigned access,
                         uint64_t iova)
{
    const NyxRequest req = { .access = access, .iova = iova };
    NyxReply reply;

    return nyx_vtd_translate(d->requester, d->sid, &req, &reply)
           ? reply.addr : FW_REFUSED;
}

static const FwOps unit_ops = {
    .follow = unit_follow,
    .expect = unit_expect,
    .replay = unit_replay,
    .direct = unit_direct,
    .checked = unit_checked,
    .settle = unit_settle,
    .route = world_route,
    .leaves = world_leaves,
    .dma = unit_dma,
};

static FwWorld *world(Fx *f)
{
    Bench *b = f->opaque;

    return &b->w;
}

static void on_map(Fx *f, NyxVtdRequester *r, const NyxBlock *block)
{
    fw_on_map(world(f), r, block);
}

static void on_unmap(Fx *f, NyxVtdRequester *r, uint64_t first, uint64_t last,
                     const NyxBlock *only)
{
    fw_on_unmap(world(f), r, first, last, only);
}

static void on_direct_changed(Fx *f, NyxVtdRequester *r)
{
    fw_on_direct_changed(world(f), r);
}

static void on_mode_changed(Fx *f)
{
    fw_on_mode_changed(world(f));
}

static bool sid_of(Fx *f, NyxVtdRequester *r, uint16_t *sid)
{
    return fw_sid(world(f), r, sid);
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

    c->kind = kinds[below(b, ARRAY_SIZE(kinds) - (b->scalable ? 0 : 3))];
    c->space = below(b, SPACES);
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

static void inv_pages(Bench *b, uint16_t did, uint64_t iova, unsigned lg2)
{
    uint64_t mask = (1ull << lg2) - 1;

    fw_begin(&b->w);
    fx_submit(b->f, 0xf2 | (uint64_t)did << 16, (iova & ~mask) | (lg2 - 12));
    fw_pages(&b->w, false, did, iova & ~mask, iova | mask);
    fw_check(&b->w, "pages");
}

static void inv_domain(Bench *b, uint16_t did)
{
    fw_begin(&b->w);
    fx_submit(b->f, 0xe2 | (uint64_t)did << 16, 0);
    fw_pages(&b->w, false, did, 0, UINT64_MAX);
    fw_check(&b->w, "domain");
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

static void inv_context(Bench *b, unsigned gran, uint16_t did, uint16_t sid)
{
    const ContextCommand command = { b, gran, did, sid };

    fw_begin(&b->w);
    fx_submit(b->f, 1 | gran << 4 | (uint64_t)did << 16 |
              (uint64_t)sid << 32, 0);
    fw_contexts(&b->w, context_named, &command);
    fw_check(&b->w, "context");
}

/* G: 0 is all of a domain, 1 one PASID of it, 3 everything. */
static void inv_pasid(Bench *b, unsigned gran, uint16_t did)
{
    fw_begin(&b->w);
    fx_submit(b->f, 7 | gran << 4 | (uint64_t)did << 16, 0);
    fw_contexts(&b->w, context_any, NULL);
    fw_check(&b->w, "PASID cache");
}

/* --- What has to be invalidated ------------------------------------------- */

static void flush_edit(Bench *b, uint16_t did, const Edit *e)
{
    unsigned lg2 = 12;

    while (e->first >> lg2 != e->last >> lg2) {
        lg2++;
    }
    if (!below(b, 16) || lg2 > 30) {
        inv_domain(b, did);
    } else if (!below(b, 32)) {
        inv_global(b);
    } else if (e->any) {
        uint64_t n = (e->last - e->first) / PAGE + 1;

        inv_pages(b, did, e->first + below(b, n) * PAGE, 12);
    } else if (e->last - e->first < 16 * PAGE && below(b, 2)) {
        for (uint64_t iova = e->first; iova < e->last; iova += PAGE) {
            inv_pages(b, did, iova, 12);
        }
    } else {
        inv_pages(b, did, e->first, lg2);
    }
}

/* An entry that changed, and what was found through it. */
static void flush_context(Bench *b, const Pending *p)
{
    inv_context(b, 1 + below(b, 3), p->did, p->sid);
    if (b->scalable) {
        inv_pasid(b, (const unsigned[]) { 0, 1, 3 }[below(b, 3)], p->did);
    }
    inv_domain(b, p->did);
}

static void flush_one(Bench *b, unsigned i)
{
    Pending p = g_array_index(b->pending, Pending, i);

    g_array_remove_index(b->pending, i);
    if (p.context) {
        flush_context(b, &p);
    } else {
        flush_edit(b, p.did, &p.edit);
    }
}

static void flush_all(Bench *b)
{
    while (b->pending->len) {
        flush_one(b, below(b, b->pending->len));
    }
}

/* --- Steps ---------------------------------------------------------------- */

static void step_edit(Bench *b)
{
    unsigned space = below(b, SPACES);
    Pending p = { .did = did_of(b, space) };

    for (unsigned n = 1 + below(b, 3); n; n--) {
        p.edit = edits_make(&b->space[space], b->rand);
        g_array_append_val(b->pending, p);
    }
}

static void step_context(Bench *b)
{
    unsigned which = below(b, 8) ? b->live : !b->live;
    unsigned i = below(b, FW_DEVICES);
    Context old = set_context(b, which, i);
    const Pending p = {
        .context = true, .did = old.did, .sid = FX_SID + 8 * i,
    };

    g_array_append_val(b->pending, p);
}

static void step_flush(Bench *b)
{
    if (b->pending->len) {
        flush_one(b, below(b, b->pending->len));
    }
}

/* Whatever comes to the mind of software that is wrong. */
static void step_wild_flush(Bench *b)
{
    uint16_t did = FIRST_DID + below(b, 3);
    uint64_t iova = edits_page(&b->space[0], b->rand);

    switch (below(b, 8)) {
    case 0:
        inv_domain(b, did);
        break;
    case 1:
        inv_context(b, 1 + below(b, 3), below(b, 4) ? did : 0,
                    FX_SID + 8 * below(b, FW_DEVICES));
        break;
    case 2:
        if (b->scalable) {
            inv_pasid(b, 1, did);
        }
        break;
    default:
        inv_pages(b, did, iova, 12 + below(b, below(b, 2) ? 2 : 19));
        break;
    }
}

static void step_translation(Bench *b)
{
    fw_begin(&b->w);
    b->translating = !b->translating;
    fx_gcmd(b->f, TE, b->translating);
    fw_mode(&b->w, false);
    fw_check(&b->w, "TE");
}

/* Protected memory cannot be cut out of pass-through. */
static void step_protect(Bench *b)
{
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

static void step_root(Bench *b)
{
    b->live = !b->live;
    latch_root(b);
    if (!b->wild && !b->f->cfg.esrtps) {
        inv_context(b, 1, 0, 0);
        if (b->scalable) {
            inv_pasid(b, 3, 0);
        }
        inv_global(b);
    }
}

static void start(Bench *b)
{
    latch_root(b);
    fx_queue_start(b->f, 0);
    inv_context(b, 1, 0, 0);
    inv_global(b);
}

static void step_reset(Bench *b)
{
    fw_begin(&b->w);
    b->translating = b->protecting = false;
    nyx_vtd_reset(b->f->vtd);
    fw_mode(&b->w, false);
    fw_check(&b->w, "reset");
    start(b);
}

static void step_load(Bench *b)
{
    g_autofree NyxVtdSaved *saved = g_new0(NyxVtdSaved, 1);

    fw_begin(&b->w);
    nyx_vtd_save(b->f->vtd, saved);
    g_assert_null(nyx_vtd_load(b->f->vtd, saved));
    fw_mode(&b->w, true);
    fw_check(&b->w, "load");
}

static void step_plug(Bench *b)
{
    fw_plug(&b->w, fw_some_device(&b->w));
}

/* Buses get other numbers, or lose them; then a command for contexts. */
static void step_ids(Bench *b)
{
    FwDevice *d = fw_some_device(&b->w), *other = fw_some_device(&b->w);
    uint16_t sid = d->sid;

    d->sid = other->sid;
    other->sid = sid;
    d->no_bus = !below(b, 4);
    inv_context(b, 1, 0, 0);
    inv_global(b);
}

typedef void Step(Bench *b);

static Step *const often[] = {
    step_edit, step_edit, step_edit, step_context, step_flush, step_flush,
};

static Step *const seldom[] = {
    step_translation, step_translation, step_protect, step_root, step_reset,
    step_load, step_plug, step_plug, step_ids,
};

static void step(Bench *b)
{
    if (!below(b, 8)) {
        seldom[below(b, ARRAY_SIZE(seldom))](b);
    } else {
        Step *one = often[below(b, ARRAY_SIZE(often))];

        (b->wild && one == step_flush ? step_wild_flush : one)(b);
    }
    if (!b->translating && below(b, 2)) {
        step_translation(b);
    }
}

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
        .f = f, .rand = rand, .wild = wild,
        .scalable = cfg.scalable_mode,
        .levels = (cfg.aw_bits - 12) / 9,
        .w.coalesce = cfg.coalesce,
        .w.hole = true,
        .root = { f->root, fx_mem_pages(&f->mem, 1) },
        .first_stage = fx_mem_pages(&f->mem, 1),
        .pending = g_array_new(FALSE, FALSE, sizeof(Pending)),
    };
    fw_init(&b->w, &unit_ops, b, rand);
    f->opaque = b;
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
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        if (edits_below(rand, 4)) {
            fw_plug(&b.w, &b.w.d[i]);
        }
    }
    for (unsigned i = 0; i < 30 && !g_test_failed(); i++) {
        step(&b);
        if (!wild && i % 10 == 9) {
            flush_all(&b);
            fw_check_memory(&b.w, "memory");
        }
    }
    /* A flush of everything mends what was left out. */
    inv_context(&b, 1, 0, 0);
    if (b.scalable) {
        inv_pasid(&b, 3, 0);
    }
    inv_global(&b);
    fw_check_memory(&b.w, "in the end");
    fw_end(&b.w);
    fx_free(b.f);
    fw_destroy(&b.w);
    g_array_free(b.pending, TRUE);
}

static void right_sequence(GRand *rand)
{
    sequence(rand, false);
}

static void wild_sequence(GRand *rand)
{
    sequence(rand, true);
}

static void test_right(void)
{
    fw_sequences(1500, right_sequence);
}

static void test_wild(void)
{
    fw_sequences(1500, wild_sequence);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/follow/right", test_right);
    g_test_add_func("/vtd/follow/wild", test_wild);
    return g_test_run();
}
