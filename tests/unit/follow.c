/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world of follow.h.
 */
#include "qemu/osdep.h"
#include "follow.h"

#define PAGE 4096ull
#define LG2_MASK(lg2) (((uint64_t)1 << (lg2)) - 1)
#define HOLE_FIRST 0xfee00000ull
#define HOLE_LAST  0xfeefffffull
/* Of what edits make. */
#define MAX_LEAF_LG2 30

/* What it all came to. */
static struct {
    uint64_t maps;
    uint64_t unmaps;
    uint64_t splits;         /* blocks of which a part stayed */
    uint64_t switches;       /* other mappings, or none, or memory as it is */
    uint64_t newer;          /* more was compared than had to be */
} totals;

void fw_init(FwWorld *w, const FwOps *ops, GRand *rand)
{
    w->ops = ops;
    w->rand = rand;
    w->pending = g_array_new(FALSE, FALSE, sizeof(FwPending));
    w->shadows = g_ptr_array_new();
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        container_init(&w->d[i].has);
    }
}

static void leave(FwWorld *w, FwDevice *d);

void fw_destroy(FwWorld *w)
{
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        leave(w, &w->d[i]);
        container_destroy(&w->d[i].has);
    }
    g_ptr_array_free(w->shadows, TRUE);
    g_array_free(w->pending, TRUE);
}

uint32_t fw_below(FwWorld *w, uint32_t n)
{
    return edits_below(w->rand, n);
}

FwDevice *fw_device(FwWorld *w, const void *requester)
{
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        if (w->d[i].requester == requester) {
            return &w->d[i];
        }
    }
    return NULL;
}

FwDevice *fw_some_device(FwWorld *w)
{
    return &w->d[fw_below(w, FW_DEVICES)];
}

/* --- The machine ---------------------------------------------------------- */

void fw_on_map(FwWorld *w, const void *requester, const NyxBlock *block)
{
    FwDevice *d = fw_device(w, requester);

    FX_CHECK("listens", d && d->on, true);
    if (d) {
        totals.maps++;
        container_map(&d->has, block);
    }
}

void fw_on_unmap(FwWorld *w, const void *requester, uint64_t first,
                 uint64_t last, const NyxBlock *only)
{
    FwDevice *d = fw_device(w, requester);

    FX_CHECK("listens", d && d->on, true);
    if (d) {
        totals.unmaps++;
        container_unmap(&d->has, first, last, only);
    }
}

/*
 * What dma-space.c does, and VFIO: with the region the listener comes, and is
 * told all there is; it forgets everything as the region goes.
 */
static void switch_region(FwWorld *w, FwDevice *d)
{
    bool on = w->ops->checked(w, d) && !w->ops->direct(d->requester);

    if (!d->there || d->on == on) {
        return;
    }
    d->on = on;
    w->ops->follow(d->requester, on);
    container_clear(&d->has);
    if (on) {
        w->ops->replay(d->requester, container_map, &d->has);
    }
}

static bool has_id(const FwDevice *d, uint16_t sid)
{
    return !d->no_bus && d->sid == sid;
}

void fw_on_direct_changed(FwWorld *w, const void *requester)
{
    FwDevice *d = fw_device(w, requester);

    if (d) {
        switch_region(w, d);
    }
}

void fw_on_mode_changed(FwWorld *w)
{
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        switch_region(w, &w->d[i]);
    }
}

void fw_on_id_changed(FwWorld *w, uint16_t sid)
{
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        if (has_id(&w->d[i], sid)) {
            switch_region(w, &w->d[i]);
        }
    }
}

bool fw_sid(FwWorld *w, const void *requester, uint16_t *sid)
{
    const FwDevice *d = fw_device(w, requester);

    *sid = d ? d->sid : 0;
    return d && !d->no_bus;
}

/* --- What is justified: mappings ------------------------------------------ */

static NyxLeaf *leaf_at(const GArray *leaves, unsigned i)
{
    return &g_array_index(leaves, NyxLeaf, i);
}

static uint64_t leaf_last(const NyxLeaf *leaf)
{
    return leaf->iova + LG2_MASK(leaf->lg2);
}

/* Grow the range to all of what overlaps it. */
static bool grow(const GArray *leaves, uint64_t *first, uint64_t *last)
{
    bool grown = false;

    for (unsigned i = 0; i < leaves->len; i++) {
        const NyxLeaf *leaf = leaf_at(leaves, i);

        if (leaf->iova <= *last && leaf_last(leaf) >= *first &&
            (leaf->iova < *first || leaf_last(leaf) > *last)) {
            *first = MIN(*first, leaf->iova);
            *last = MAX(*last, leaf_last(leaf));
            grown = true;
        }
    }
    return grown;
}

/* A page of a large leaf that is, or was, is all of it. */
static void shadow_sync(FwWorld *w, FwShadow *s, uint64_t first,
                        uint64_t last)
{
    GArray *now, *merged = g_array_new(FALSE, FALSE, sizeof(NyxLeaf));
    bool grown;

    do {
        now = w->ops->leaves(w, &s->route, first, last);
        grown = grow(s->leaves, &first, &last);
        grown |= grow(now, &first, &last);
        if (grown) {
            g_array_free(now, TRUE);
        }
    } while (grown);
    for (unsigned i = 0; i < s->leaves->len; i++) {
        const NyxLeaf *leaf = leaf_at(s->leaves, i);

        if (leaf->iova > last && now->len) {
            g_array_append_vals(merged, now->data, now->len);
            g_array_set_size(now, 0);
        }
        if (leaf->iova > last || leaf->iova < first) {
            g_array_append_vals(merged, leaf, 1);
        }
    }
    g_array_append_vals(merged, now->data, now->len);
    g_array_free(now, TRUE);
    g_array_free(s->leaves, TRUE);
    s->leaves = merged;
    s->compared = true;
}

static bool same_mappings(const FwRoute *a, const FwRoute *b)
{
    return a->kind == b->kind && a->did == b->did && a->source == b->source &&
           a->withheld == b->withheld;
}

static void join(FwWorld *w, FwDevice *d)
{
    FwShadow *s;

    for (unsigned i = 0; i < w->shadows->len; i++) {
        s = g_ptr_array_index(w->shadows, i);
        if (same_mappings(&s->route, &d->route)) {
            s->users++;
            d->shadow = s;
            return;
        }
    }
    s = g_new0(FwShadow, 1);
    s->route = d->route;
    s->leaves = g_array_new(FALSE, FALSE, sizeof(NyxLeaf));
    s->users = 1;
    g_ptr_array_add(w->shadows, s);
    shadow_sync(w, s, 0, UINT64_MAX);
    d->shadow = s;
}

static void leave(FwWorld *w, FwDevice *d)
{
    FwShadow *s = d->shadow;

    d->shadow = NULL;
    if (s && !--s->users) {
        g_ptr_array_remove(w->shadows, s);
        g_array_free(s->leaves, TRUE);
        g_free(s);
    }
}

void fw_pages(FwWorld *w, bool any, uint16_t did, uint64_t first,
              uint64_t last)
{
    for (unsigned i = 0; i < w->shadows->len; i++) {
        FwShadow *s = g_ptr_array_index(w->shadows, i);

        if (any || s->route.did == did) {
            shadow_sync(w, s, first, last);
        }
    }
}

/* --- What is justified: routes -------------------------------------------- */

static bool is_direct(const FwDevice *d)
{
    return d->route.kind == FW_DIRECT;
}

static void take_route(FwWorld *w, FwDevice *d, const FwRoute *route)
{
    bool same = d->route.kind == route->kind &&
                (route->kind != FW_MAPPINGS || !d->told ||
                 (d->shadow && same_mappings(&d->shadow->route, route)));

    if (!same) {
        leave(w, d);
        d->switched = true;
    }
    d->route = *route;
    if (!same && route->kind == FW_MAPPINGS && d->told) {
        join(w, d);
    }
}

static void look(FwWorld *w, FwDevice *d)
{
    FwRoute route = { };

    d->sid_seen = d->sid;
    if (d->expected && !d->no_bus) {
        w->ops->route(w, d->sid, &route);
    }
    route.uncertain |= d->expected && d->no_bus;
    take_route(w, d, &route);
}

static void want_region(FwWorld *w, FwDevice *d)
{
    bool on = d->there && w->ops->to_check(w, d) && !is_direct(d);

    if (on == d->want_on) {
        return;
    }
    d->want_on = d->told = on;
    d->switched = true;
    if (!on) {
        leave(w, d);
        return;
    }
    d->expected = true;
    look(w, d);
    /* Memory as it is, as it turns out. */
    want_region(w, d);
}

void fw_contexts(FwWorld *w, FwMatch *match, const void *opaque)
{
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        FwDevice *d = &w->d[i];
        bool known = !d->no_bus && d->sid == d->sid_seen;

        if (d->expected &&
            (d->route.uncertain || !known || match(d, opaque))) {
            bool was = is_direct(d);

            look(w, d);
            if (is_direct(d) != was) {
                want_region(w, d);
            }
        }
    }
}

static bool was_seen_as(const FwDevice *d, const void *sid)
{
    return d->sid_seen == *(const uint16_t *)sid;
}

void fw_id(FwWorld *w, uint16_t sid)
{
    fw_contexts(w, was_seen_as, &sid);
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        if (has_id(&w->d[i], sid)) {
            want_region(w, &w->d[i]);
        }
    }
}

void fw_mode(FwWorld *w, bool forget)
{
    const FwRoute nothing = { };

    for (unsigned i = 0; forget && i < FW_DEVICES; i++) {
        take_route(w, &w->d[i], &nothing);
    }
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        look(w, &w->d[i]);
    }
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        want_region(w, &w->d[i]);
    }
}

/* --- Checks --------------------------------------------------------------- */

/* Without what goes to the interrupt range. */
static GArray *runs_of(const FwWorld *w, const GArray *leaves)
{
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(Run));

    for (unsigned i = 0; i < leaves->len; i++) {
        const NyxLeaf *leaf = leaf_at(leaves, i);
        uint64_t size = LG2_MASK(leaf->lg2) + 1;
        uint64_t end = leaf->addr + size, cut = MIN(HOLE_FIRST, end);
        uint64_t after = MAX(leaf->addr, HOLE_LAST + 1);

        if (!w->hole) {
            runs_add(runs, (Run) { leaf->iova, leaf_last(leaf), leaf->addr,
                                   leaf->permission });
            continue;
        }
        if (leaf->addr < cut) {
            runs_add(runs, (Run) { leaf->iova,
                                   leaf->iova + (cut - leaf->addr - 1),
                                   leaf->addr, leaf->permission });
        }
        if (after < end) {
            runs_add(runs, (Run) { leaf->iova + (after - leaf->addr),
                                   leaf_last(leaf), after,
                                   leaf->permission });
        }
    }
    return runs;
}

static void compare(FwWorld *w, const FwDevice *d, const char *row,
                    const GArray *leaves)
{
    GArray *none = g_array_new(FALSE, FALSE, sizeof(NyxLeaf));
    GArray *want = runs_of(w, leaves ? leaves : none);
    GArray *got = container_runs(&d->has);

    runs_compare(row, got, want);
    g_array_free(none, TRUE);
    g_array_free(want, TRUE);
    g_array_free(got, TRUE);
}

/*
 * A block remembers the largest of its leaves.  Where they were of several
 * sizes, more of them is compared than has to be: that much may be newer.
 */
static void allow_newer(FwWorld *w, FwDevice *d)
{
    GArray *want = runs_of(w, d->shadow->leaves);
    GArray *got = container_runs(&d->has);
    uint64_t first, last;

    if (runs_differ(got, want, &first, &last) &&
        first >> MAX_LEAF_LG2 == last >> MAX_LEAF_LG2) {
        shadow_sync(w, d->shadow, first, last);
        totals.newer++;
    }
    g_array_free(want, TRUE);
    g_array_free(got, TRUE);
}

/*
 * Without coalescing none is larger than a leaf.  Who joins others gets what
 * they were given when leaves were larger.
 */
static void check_apart(FwWorld *w, const FwDevice *d, const char *row)
{
    for (unsigned i = 0; i < d->has.come->len; i++) {
        const NyxBlock *block = &g_array_index(d->has.come, NyxBlock, i);

        FX_CHECK(row, d->switched || block->lg2 <= block->leaf_lg2, true);
    }
}

static void check_pieces(FwWorld *w, const FwDevice *d, const char *row)
{
    for (unsigned i = 0; i < d->has.blocks->len; i++) {
        FX_CHECK(row, w->ops->is_one(w, &d->shadow->route,
                                     &g_array_index(d->has.blocks, NyxBlock,
                                                    i)), true);
    }
}

void fw_begin(FwWorld *w)
{
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        container_begin(&w->d[i].has);
        w->d[i].switched = false;
    }
    for (unsigned i = 0; i < w->shadows->len; i++) {
        FwShadow *s = g_ptr_array_index(w->shadows, i);

        s->compared = false;
    }
}

void fw_check(FwWorld *w, const char *row)
{
    w->ops->settle(w);
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        FwDevice *d = &w->d[i];

        FX_CHECK(row, d->on, d->want_on);
        FX_CHECK(row, w->ops->direct(d->requester), is_direct(d));
        if (d->shadow && d->shadow->compared) {
            allow_newer(w, d);
        }
        compare(w, d, row, d->shadow ? d->shadow->leaves : NULL);
        if (!w->coalesce && d->shadow) {
            (d->shadow->route.pieces ? check_pieces : check_apart)(w, d, row);
        }
        totals.switches += d->switched;
        if (!d->switched) {
            totals.splits += container_end(&d->has, row, w->coalesce);
        }
    }
}

/* A device that had translations from here before may have them no more. */
void fw_plug(FwWorld *w, FwDevice *d)
{
    fw_begin(w);
    d->there = !d->there;
    if (d->there) {
        if (fw_below(w, 2)) {
            w->ops->expect(d->requester, true);
            d->expected = true;
            look(w, d);
        }
        switch_region(w, d);
    } else {
        bool was_on = d->on;

        if (was_on) {
            d->on = false;
            w->ops->follow(d->requester, false);
            container_clear(&d->has);
        }
        w->ops->expect(d->requester, false);
    }
    want_region(w, d);
    if (!d->there) {
        const FwRoute nothing = { };

        d->expected = false;
        d->sid_seen = 0;
        take_route(w, d, &nothing);
    }
    fw_check(w, "plug");
}

/* DMA has caches of its own, which were invalidated as well. */
static void check_dma(FwWorld *w, FwDevice *d, const char *row)
{
    GArray *runs = container_runs(&d->has);

    for (unsigned i = 0; i < 4 && runs->len; i++) {
        const Run *run = &g_array_index(runs, Run,
                                        fw_below(w, runs->len));
        uint64_t ends[] = { run->first, run->last, run->first - 1,
                            run->last + 1 };
        uint64_t iova = ends[i];
        unsigned access = 1 + fw_below(w, 2);

        uint64_t addr = w->ops->dma(w, d, access, iova);

        /* An interrupt is nobody's memory. */
        if (w->hole && addr >= HOLE_FIRST && addr <= HOLE_LAST) {
            addr = FW_REFUSED;
        }
        FX_CHECK(row, addr, runs_find(runs, iova, access));
    }
    g_array_free(runs, TRUE);
}

void fw_check_memory(FwWorld *w, const char *row)
{
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        FwDevice *d = &w->d[i];
        FwRoute route = { };
        GArray *leaves;

        if (d->no_bus) {
            continue;
        }
        w->ops->route(w, d->sid, &route);
        if (d->expected && route.kind != FW_NONE) {
            FX_CHECK(row, d->on, d->there && route.kind == FW_MAPPINGS);
        }
        if (!d->on || route.kind != FW_MAPPINGS) {
            FX_CHECK(row, d->has.blocks->len, 0);
            continue;
        }
        leaves = w->ops->leaves(w, &route, 0, UINT64_MAX);
        compare(w, d, row, leaves);
        g_array_free(leaves, TRUE);
        check_dma(w, d, row);
    }
}

/* --- What software has to invalidate -------------------------------------- */

void fw_step_plug(FwWorld *w)
{
    fw_plug(w, fw_some_device(w));
}

void fw_step_track(FwWorld *w)
{
    bool on = !w->d[0].has.each;

    for (unsigned i = 0; i < FW_DEVICES; i++) {
        w->d[i].has.each = on;
    }
    w->ops->track(w, on);
}

void fw_edit(FwWorld *w, const NvTables *t, uint16_t did)
{
    FwPending p = { .did = did };

    for (unsigned n = 1 + fw_below(w, 3); n; n--) {
        p.edit = edits_make(t, w->rand);
        g_array_append_val(w->pending, p);
    }
}

void fw_context(FwWorld *w, uint16_t did, uint16_t sid)
{
    const FwPending p = { .context = true, .did = did, .sid = sid };

    g_array_append_val(w->pending, p);
}

/* Of all that would do. */
static void flush_edit(FwWorld *w, uint16_t did, const Edit *e)
{
    const FwOps *ops = w->ops;
    uint64_t pages = (e->last - e->first) / PAGE + 1;
    unsigned lg2 = 12;

    while (e->first >> lg2 != e->last >> lg2) {
        lg2++;
    }
    if (!fw_below(w, 16) || lg2 > w->max_lg2) {
        ops->inv_domain(w, did);
    } else if (!fw_below(w, 32)) {
        ops->inv_all(w);
    } else if (e->any) {
        ops->inv_pages(w, did, e->first + fw_below(w, pages) * PAGE, 12);
    } else if (pages < 16 && fw_below(w, 2)) {
        for (uint64_t iova = e->first; iova < e->last; iova += PAGE) {
            ops->inv_pages(w, did, iova, 12);
        }
    } else {
        ops->inv_pages(w, did, e->first, lg2);
    }
}

void fw_step_flush(FwWorld *w)
{
    FwPending p;
    unsigned i;

    if (!w->pending->len) {
        return;
    }
    i = fw_below(w, w->pending->len);
    p = g_array_index(w->pending, FwPending, i);
    g_array_remove_index(w->pending, i);
    if (p.context) {
        w->ops->inv_context(w, &p);
    } else {
        flush_edit(w, p.did, &p.edit);
    }
}

/* --- Many ----------------------------------------------------------------- */

#define STEPS_PENDING 10

static void some_step(FwWorld *w)
{
    FwStep *const *steps = fw_below(w, 8) ? w->ops->often : w->ops->seldom;
    unsigned n = 0;

    while (steps[n]) {
        n++;
    }
    steps[fw_below(w, n)](w);
}

void fw_run(FwWorld *w)
{
    for (unsigned i = 0; i < FW_DEVICES; i++) {
        if (fw_below(w, 4)) {
            fw_plug(w, &w->d[i]);
        }
    }
    for (unsigned i = 1; i <= w->steps && !g_test_failed(); i++) {
        some_step(w);
        if (w->wild || i % STEPS_PENDING) {
            continue;
        }
        while (w->pending->len) {
            fw_step_flush(w);
        }
        fw_check_memory(w, "memory");
    }
    w->ops->inv_all(w);
    fw_check_memory(w, "in the end");
}

static void run_sequences(FwSequence *sequence, bool wild)
{
    const unsigned n = FW_SEQUENCES;
    const char *given = g_getenv("NYX_SEED");
    uint32_t seed = given ? g_ascii_strtoull(given, NULL, 0) : g_random_int();

    memset(&totals, 0, sizeof(totals));
    for (unsigned i = 0; i < (given ? 1 : n) && !g_test_failed(); i++) {
        GRand *rand = g_rand_new_with_seed(seed + i);

        sequence(rand, wild);
        g_rand_free(rand);
        if (g_test_failed()) {
            g_test_message("NYX_SEED=%u repeats it", seed + i);
        }
    }
    g_test_message("%" PRIu64 " maps, %" PRIu64 " unmaps, %" PRIu64
                   " splits, %" PRIu64 " switches, %" PRIu64 " newer",
                   totals.maps, totals.unmaps, totals.splits, totals.switches,
                   totals.newer);
    if (!given && !g_test_failed()) {
        FX_CHECK("maps", totals.maps > 10 * n, true);
        FX_CHECK("unmaps", totals.unmaps > n, true);
        FX_CHECK("splits", totals.splits > n / 150, true);
        FX_CHECK("switches", totals.switches > 2 * n, true);
        FX_CHECK("newer", totals.newer < n / 10, true);
    }
}

static void test_right(const void *sequence)
{
    run_sequences(*(FwSequence *const *)sequence, false);
}

static void test_wild(const void *sequence)
{
    run_sequences(*(FwSequence *const *)sequence, true);
}

int fw_main(int argc, char **argv, const char *model, FwSequence *sequence)
{
    g_autofree char *right = g_strdup_printf("/%s/follow/right", model);
    g_autofree char *wild = g_strdup_printf("/%s/follow/wild", model);

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func(right, &sequence, test_right);
    g_test_add_data_func(wild, &sequence, test_wild);
    return g_test_run();
}
