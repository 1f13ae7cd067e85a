/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mappings announced beforehand: see announce.h.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/announce.h"

/* Page tables, or the pieces of a domain, and those who follow them. */
struct NyxFollowed {
    NyxAnnounce *announce;
    NyxTableShadow *blocks;
    NyxRouteKind kind;
    NyxWalkCtx tables;
    uint16_t did;
    GPtrArray *users;
};

struct NyxAnnounce {
    const NyxAnnounceOps *ops;
    void *opaque;
    NyxShadowCfg cfg;
    GPtrArray *followers;
    GPtrArray *shadows;      /* NyxFollowed */
    uint64_t work;           /* done so far, in tables and events */
    NyxAnnounceStats stats;
};

/* What a requester's context says now. */
typedef struct Found {
    NyxRoute route;
    uint16_t sid;
} Found;

NyxAnnounce *nyx_announce_new(const NyxAnnounceOps *ops, void *opaque,
                              bool coalesce, uint64_t hole_first,
                              uint64_t hole_last)
{
    NyxAnnounce *announce = g_new0(NyxAnnounce, 1);

    announce->ops = ops;
    announce->opaque = opaque;
    announce->cfg = (NyxShadowCfg) {
        .coalesce = coalesce,
        .hole_first = hole_first,
        .hole_last = hole_last,
        .max_tables = NYX_SHADOW_TABLES,
        .max_blocks = NYX_SHADOW_BLOCKS,
    };
    announce->followers = g_ptr_array_new();
    announce->shadows = g_ptr_array_new();
    return announce;
}

void nyx_announce_free(NyxAnnounce *announce)
{
    g_ptr_array_free(announce->followers, TRUE);
    g_ptr_array_free(announce->shadows, TRUE);
    g_free(announce);
}

/* --- Shadows -------------------------------------------------------------- */

static void unmap_one(NyxFollower *f, uint64_t first, uint64_t last,
                      const NyxBlock *only)
{
    NyxAnnounce *announce = f->announce;

    announce->stats.unmap_events++;
    announce->ops->unmap(announce->opaque, f, first, last, only);
}

static void map_one(void *opaque, const NyxBlock *block)
{
    NyxFollower *f = opaque;
    NyxAnnounce *announce = f->announce;

    announce->stats.map_events++;
    announce->ops->map(announce->opaque, f, block);
}

static void tell_unmap(void *opaque, uint64_t first, uint64_t last,
                       const NyxBlock *only)
{
    const NyxFollowed *shadow = opaque;

    for (unsigned i = 0; i < shadow->users->len; i++) {
        unmap_one(g_ptr_array_index(shadow->users, i), first, last, only);
    }
}

static void tell_map(void *opaque, const NyxBlock *block)
{
    const NyxFollowed *shadow = opaque;

    for (unsigned i = 0; i < shadow->users->len; i++) {
        map_one(g_ptr_array_index(shadow->users, i), block);
    }
}

static bool pieces_of(void *source, uint64_t first, uint64_t last,
                      NyxPieceVisit *visit, void *opaque)
{
    const NyxFollowed *shadow = source;
    const NyxAnnounce *announce = shadow->announce;

    return announce->ops->pieces(announce->opaque, shadow->did, first, last,
                                 visit, opaque);
}

static bool each(const NyxAnnounce *announce)
{
    return announce->ops->each && announce->ops->each(announce->opaque);
}

static NyxShadowResult compare(NyxFollowed *shadow, uint64_t first,
                               uint64_t last)
{
    const NyxShadowSink sink = {
        tell_unmap, tell_map, shadow, each(shadow->announce),
    };

    return shadow->kind == NYX_ROUTE_TABLES
           ? nyx_table_shadow_sync(shadow->blocks, &shadow->tables, first,
                                   last, &sink)
           : nyx_table_shadow_sync_pieces(shadow->blocks, pieces_of, shadow,
                                          first, last, &sink);
}

static void shadow_sync(NyxFollowed *shadow, uint64_t first, uint64_t last)
{
    NyxAnnounce *announce = shadow->announce;
    NyxShadowResult result = compare(shadow, first, last);

    announce->stats.tables_read += result.tables;
    announce->work += result.tables +
                      (uint64_t)(result.maps + result.unmaps) *
                      MAX(shadow->users->len, 1);
    if (result.full) {
        announce->ops->full(announce->opaque, shadow->did, first);
    }
}

/* Whether requests on the route go by mappings, which have a shadow. */
static bool has_mappings(const NyxRoute *route)
{
    return route->kind == NYX_ROUTE_TABLES || route->kind == NYX_ROUTE_PIECES;
}

static bool same_tables(const NyxWalkCtx *a, const NyxWalkCtx *b)
{
    return a->root == b->root && a->top == b->top && a->fmt == b->fmt &&
           a->features == b->features && a->withheld == b->withheld;
}

static bool shadow_is_of(const NyxFollowed *shadow, const NyxRoute *route)
{
    return shadow->kind == route->kind && shadow->did == route->did &&
           (route->kind == NYX_ROUTE_PIECES ||
            same_tables(&shadow->tables, &route->tables));
}

/* The shadow of the mappings; a new one is up to date and has no users. */
static NyxFollowed *shadow_get(NyxAnnounce *announce, const NyxRoute *route)
{
    NyxFollowed *shadow;

    for (unsigned i = 0; i < announce->shadows->len; i++) {
        shadow = g_ptr_array_index(announce->shadows, i);
        if (shadow_is_of(shadow, route)) {
            return shadow;
        }
    }
    shadow = g_new0(NyxFollowed, 1);
    shadow->announce = announce;
    shadow->kind = route->kind;
    shadow->blocks = nyx_table_shadow_new(&announce->cfg);
    shadow->tables = route->tables;
    shadow->did = route->did;
    shadow->users = g_ptr_array_new();
    g_ptr_array_add(announce->shadows, shadow);
    shadow_sync(shadow, 0, UINT64_MAX);
    return shadow;
}

static void shadow_put(NyxAnnounce *announce, NyxFollowed *shadow)
{
    if (shadow->users->len) {
        return;
    }
    g_ptr_array_remove(announce->shadows, shadow);
    g_ptr_array_free(shadow->users, TRUE);
    nyx_table_shadow_free(shadow->blocks);
    g_free(shadow);
}

/* --- Routes --------------------------------------------------------------- */

static void join(NyxFollower *f, const NyxRoute *route, bool announce)
{
    NyxFollowed *shadow = shadow_get(f->announce, route);

    g_ptr_array_add(shadow->users, f);
    f->shadow = shadow;
    if (announce) {
        nyx_table_shadow_foreach(shadow->blocks, map_one, f);
        f->announce->work += nyx_table_shadow_count(shadow->blocks);
    }
}

static void unmap_block(void *opaque, const NyxBlock *block)
{
    unmap_one(opaque, block->iova, nyx_block_last(block), block);
}

static void unmap_all(NyxFollower *f)
{
    const NyxTableShadow *blocks = f->shadow->blocks;
    uint64_t first, last;

    if (each(f->announce) || nyx_table_shadow_count(blocks) == 1) {
        nyx_table_shadow_foreach(blocks, unmap_block, f);
    } else if (nyx_table_shadow_bounds(blocks, &first, &last)) {
        unmap_one(f, first, last, NULL);
    }
}

static void leave(NyxFollower *f, bool announce)
{
    NyxFollowed *shadow = f->shadow;

    if (!shadow) {
        return;
    }
    if (announce) {
        unmap_all(f);
    }
    f->shadow = NULL;
    g_ptr_array_remove(shadow->users, f);
    shadow_put(f->announce, shadow);
}

/* Whoever it is for. */
static Found look_anyway(NyxFollower *f)
{
    const NyxAnnounce *announce = f->announce;
    Found found = { };

    if (announce->ops->sid(announce->opaque, f, &found.sid)) {
        announce->ops->route(announce->opaque, f, found.sid, &found.route);
    } else {
        /* The bus may come back. */
        found.route.uncertain = true;
    }
    return found;
}

static Found look(NyxFollower *f)
{
    return f->expected ? look_anyway(f) : (Found) { };
}

static bool is_on_route(const NyxFollower *f, const NyxRoute *route)
{
    if (f->route != route->kind) {
        return false;
    }
    if (!has_mappings(route) || !f->told) {
        return true;
    }
    return f->shadow && shadow_is_of(f->shadow, route);
}

/* True if it became, or is no more, memory as it is. */
static bool take_route(NyxFollower *f, const Found *found, bool announce)
{
    const NyxRoute *route = &found->route;
    bool was_direct = f->route == NYX_ROUTE_DIRECT;

    f->sid = found->sid;
    f->did = route->did;
    f->uncertain = route->uncertain;
    if (is_on_route(f, route)) {
        return false;
    }
    announce &= f->told;
    leave(f, announce);
    f->route = route->kind;
    if (has_mappings(route) && f->told) {
        join(f, route, announce);
    }
    return was_direct != (route->kind == NYX_ROUTE_DIRECT);
}

/* Regions cannot be switched while they are being looked at. */
static void direct_changes_late(NyxFollower *f)
{
    f->late = true;
    f->announce->ops->kick(f->announce->opaque);
}

static void direct_changed(NyxFollower *f)
{
    f->late = false;
    f->announce->ops->direct_changed(f->announce->opaque, f);
}

/* --- The engine ----------------------------------------------------------- */

static NyxFollower *follower(const NyxAnnounce *announce, unsigned i)
{
    return g_ptr_array_index(announce->followers, i);
}

void nyx_announce_pages(NyxAnnounce *announce, bool any, uint16_t did,
                        uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < announce->shadows->len; i++) {
        NyxFollowed *shadow = g_ptr_array_index(announce->shadows, i);

        if (any || shadow->did == did) {
            shadow_sync(shadow, first, last);
        }
    }
}

void nyx_announce_contexts(NyxAnnounce *announce, NyxRouteMatch *match,
                           const void *opaque)
{
    for (unsigned i = 0; i < announce->followers->len; i++) {
        NyxFollower *f = follower(announce, i);
        uint16_t sid = f->sid;
        Found found;

        if (!f->expected && f->route != NYX_ROUTE_DIRECT) {
            continue;
        }
        if (!f->uncertain && !match(f->sid, f->did, opaque) &&
            announce->ops->sid(announce->opaque, f, &sid) && sid == f->sid) {
            continue;
        }
        found = look(f);
        if (take_route(f, &found, true)) {
            direct_changed(f);
        }
    }
}

void nyx_announce_mode(NyxAnnounce *announce)
{
    for (unsigned i = 0; i < announce->followers->len; i++) {
        NyxFollower *f = follower(announce, i);
        Found found = look(f);

        take_route(f, &found, true);
        f->late = false;
    }
}

void nyx_announce_forget(NyxAnnounce *announce)
{
    const Found nothing = { };

    for (unsigned i = 0; i < announce->followers->len; i++) {
        take_route(follower(announce, i), &nothing, true);
    }
}

void nyx_announce_late(NyxAnnounce *announce)
{
    for (unsigned i = 0; i < announce->followers->len; i++) {
        NyxFollower *f = follower(announce, i);

        if (f->late) {
            direct_changed(f);
        }
    }
}

uint64_t nyx_announce_work(const NyxAnnounce *announce)
{
    return announce->work;
}

NyxAnnounceStats nyx_announce_stats(const NyxAnnounce *announce)
{
    NyxAnnounceStats stats = announce->stats;

    stats.shadows = announce->shadows->len;
    for (unsigned i = 0; i < announce->shadows->len; i++) {
        const NyxFollowed *shadow = g_ptr_array_index(announce->shadows, i);

        stats.blocks += nyx_table_shadow_count(shadow->blocks);
    }
    return stats;
}

/* --- A requester ---------------------------------------------------------- */

void nyx_follower_init(NyxFollower *f, NyxAnnounce *announce)
{
    *f = (NyxFollower) { .announce = announce };
    g_ptr_array_add(announce->followers, f);
}

void nyx_follower_destroy(NyxFollower *f)
{
    leave(f, false);
    g_ptr_array_remove(f->announce->followers, f);
}

void nyx_follower_expect(NyxFollower *f, bool on)
{
    Found found;

    f->expected = on || f->told;
    if (f->told) {
        return;
    }
    found = look(f);
    if (take_route(f, &found, false)) {
        direct_changes_late(f);
    }
}

void nyx_follower_tell(NyxFollower *f, bool on)
{
    Found found;

    if (on == f->told) {
        return;
    }
    f->told = on;
    if (!on) {
        leave(f, false);
        return;
    }
    f->expected = true;
    found = look(f);
    if (take_route(f, &found, false)) {
        direct_changes_late(f);
    }
}

bool nyx_follower_direct(const NyxFollower *f)
{
    return f->route == NYX_ROUTE_DIRECT;
}

void nyx_follower_replay(NyxFollower *f, NyxBlockVisit *visit, void *opaque)
{
    NyxFollowed *shadow = f->shadow;
    Found found;

    if (shadow) {
        nyx_table_shadow_foreach(shadow->blocks, visit, opaque);
        return;
    }
    found = look_anyway(f);
    if (!f->told && has_mappings(&found.route)) {
        shadow = shadow_get(f->announce, &found.route);
        nyx_table_shadow_foreach(shadow->blocks, visit, opaque);
        shadow_put(f->announce, shadow);
    }
}
