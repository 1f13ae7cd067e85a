/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mappings announced to consumers that need all of them beforehand (VFIO):
 * which page tables a requester follows, and when its shadow is brought up
 * to date.
 *
 * A requester has a route: nothing, the page tables that its context names,
 * or memory as it is.  The route is looked at anew when the context is
 * invalidated or translation is switched.  Tables have one shadow, whatever
 * the number of requesters that follow it; IOTLB invalidation makes it
 * compare.  All of it is on the serialized side.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

/* Page tables and those who follow them. */
struct NyxVtdShadow {
    NyxTableShadow *blocks;
    uint64_t ssptptr;
    uint16_t did;
    uint8_t aw;
    GPtrArray *users;
};

/* What a requester's context says now. */
typedef struct Found {
    NyxVtdRoute route;
    bool uncertain;          /* of an entry that is not cached */
    uint16_t sid;
    NyxVtdContext ctx;
} Found;

/* --- Shadows -------------------------------------------------------------- */

static NyxWalkCtx walk_ctx(const NyxVtd *vtd, const NyxVtdShadow *shadow)
{
    return (NyxWalkCtx) {
        .fmt = &nyx_fmt_vtdss,
        .mem = &vtd->host.mem,
        .root = shadow->ssptptr,
        .top = shadow->aw + 1,
        .addr_bits = vtd->cfg.haw_bits,
        .features = nyx_vtd_second_sizes(&vtd->cfg) |
                    (vtd->cfg.snoop_control ? NYX_VTDSS_SNP : 0),
    };
}

typedef struct Audience {
    NyxVtd *vtd;
    const NyxVtdShadow *shadow;
} Audience;

static void tell_unmap(void *opaque, uint64_t first, uint64_t last,
                       const NyxBlock *only)
{
    const Audience *to = opaque;

    for (unsigned i = 0; i < to->shadow->users->len; i++) {
        to->vtd->stats.unmap_events++;
        to->vtd->host.unmap(to->vtd->host.opaque,
                            g_ptr_array_index(to->shadow->users, i), first,
                            last, only);
    }
}

static void tell_map(void *opaque, const NyxBlock *block)
{
    const Audience *to = opaque;

    for (unsigned i = 0; i < to->shadow->users->len; i++) {
        to->vtd->stats.map_events++;
        to->vtd->host.map(to->vtd->host.opaque,
                          g_ptr_array_index(to->shadow->users, i), block);
    }
}

static void shadow_sync(NyxVtd *vtd, NyxVtdShadow *shadow, uint64_t first,
                        uint64_t last)
{
    Audience to = { vtd, shadow };
    const NyxShadowSink sink = { tell_unmap, tell_map, &to };
    const NyxWalkCtx wctx = walk_ctx(vtd, shadow);
    NyxShadowResult result = nyx_table_shadow_sync(shadow->blocks, &wctx,
                                                   first, last, &sink);

    vtd->stats.shadow_tables += result.tables;
    vtd->announce_work += result.tables +
                          (uint64_t)(result.maps + result.unmaps) *
                          MAX(shadow->users->len, 1);
    if (result.full) {
        nyx_vtd_finding(vtd, NVTD_RULE_SHADOW_FULL, (NyxWhere) {
            .has_addr = true, .addr = first, .value = shadow->did,
        });
    }
}

static bool shadow_is_of(const NyxVtdShadow *shadow, const NyxVtdContext *ctx)
{
    return shadow->ssptptr == ctx->ssptptr && shadow->did == ctx->did &&
           shadow->aw == ctx->aw;
}

/* The shadow of the tables; a new one is up to date and has no users. */
static NyxVtdShadow *shadow_get(NyxVtd *vtd, const NyxVtdContext *ctx)
{
    const NyxShadowCfg cfg = {
        .coalesce = vtd->cfg.coalesce,
        /* 3.14: what would become an interrupt is not passed on. */
        .hole_first = NVTD_INTR_FIRST,
        .hole_last = NVTD_INTR_LAST,
        .max_tables = NYX_SHADOW_TABLES,
        .max_blocks = NYX_SHADOW_BLOCKS,
    };
    NyxVtdShadow *shadow;

    for (unsigned i = 0; i < vtd->shadows->len; i++) {
        shadow = g_ptr_array_index(vtd->shadows, i);
        if (shadow_is_of(shadow, ctx)) {
            return shadow;
        }
    }
    shadow = g_new0(NyxVtdShadow, 1);
    shadow->blocks = nyx_table_shadow_new(&cfg);
    shadow->ssptptr = ctx->ssptptr;
    shadow->did = ctx->did;
    shadow->aw = ctx->aw;
    shadow->users = g_ptr_array_new();
    g_ptr_array_add(vtd->shadows, shadow);
    shadow_sync(vtd, shadow, 0, UINT64_MAX);
    return shadow;
}

static void shadow_put(NyxVtd *vtd, NyxVtdShadow *shadow)
{
    if (shadow->users->len) {
        return;
    }
    g_ptr_array_remove(vtd->shadows, shadow);
    g_ptr_array_free(shadow->users, TRUE);
    nyx_table_shadow_free(shadow->blocks);
    g_free(shadow);
}

/* --- Routes --------------------------------------------------------------- */

static void map_one(void *opaque, const NyxBlock *block)
{
    NyxVtdRequester *r = opaque;

    r->vtd->stats.map_events++;
    r->vtd->host.map(r->vtd->host.opaque, r, block);
}

static void join(NyxVtdRequester *r, const NyxVtdContext *ctx, bool announce)
{
    NyxVtdShadow *shadow = shadow_get(r->vtd, ctx);

    g_ptr_array_add(shadow->users, r);
    r->follow.shadow = shadow;
    if (announce) {
        nyx_table_shadow_foreach(shadow->blocks, map_one, r);
        r->vtd->announce_work += nyx_table_shadow_count(shadow->blocks);
    }
}

static void leave(NyxVtdRequester *r, bool announce)
{
    NyxVtdShadow *shadow = r->follow.shadow;
    uint64_t first, last;

    if (!shadow) {
        return;
    }
    if (announce && nyx_table_shadow_bounds(shadow->blocks, &first, &last)) {
        r->vtd->stats.unmap_events++;
        r->vtd->host.unmap(r->vtd->host.opaque, r, first, last, NULL);
    }
    r->follow.shadow = NULL;
    g_ptr_array_remove(shadow->users, r);
    shadow_put(r->vtd, shadow);
}

/*
 * Of a first stage nobody says when it gets a page (6.1), so that it cannot
 * be followed.  Pass-through is memory as it is, unless parts of it are
 * protected: those cannot be cut out, so that nothing is reachable then.
 */
static Found look(NyxVtdRequester *r)
{
    NyxVtd *vtd = r->vtd;
    uint32_t mode = qatomic_read(&vtd->mode);
    Found found = { .route = NYX_VTD_ROUTE_NONE };
    NyxVtdFaultCode code;

    if (!r->follow.expected || !(mode & NVTD_MODE_TRANSLATE)) {
        return found;
    }
    if (!vtd->host.sid(vtd->host.opaque, r, &found.sid)) {
        return found;
    }
    code = nyx_vtd_context_peek(vtd, found.sid, &found.ctx);
    if (code != NVTD_FAULT_NONE) {
        /* 6.1: with caching mode on, "not present" is cached, as domain 0. */
        found.uncertain = code != NVTD_FAULT_CTX_P;
        found.ctx.did = 0;
    } else if (found.ctx.kind == NYX_VTD_KIND_SECOND) {
        found.route = NYX_VTD_ROUTE_TABLES;
    } else if (found.ctx.kind == NYX_VTD_KIND_PASS &&
               !(mode & NVTD_MODE_PROTECT)) {
        found.route = NYX_VTD_ROUTE_DIRECT;
    }
    return found;
}

static bool is_on_route(const NyxVtdFollow *follow, const Found *found)
{
    if (follow->route != found->route) {
        return false;
    }
    if (found->route != NYX_VTD_ROUTE_TABLES || !follow->told) {
        return true;
    }
    return follow->shadow && shadow_is_of(follow->shadow, &found->ctx);
}

/* True if it became, or is no more, memory as it is. */
static bool take_route(NyxVtdRequester *r, const Found *found, bool announce)
{
    NyxVtdFollow *follow = &r->follow;
    bool was_direct = follow->route == NYX_VTD_ROUTE_DIRECT;

    follow->sid = found->sid;
    follow->did = found->ctx.did;
    follow->uncertain = found->uncertain;
    if (is_on_route(follow, found)) {
        return false;
    }
    announce &= follow->told;
    leave(r, announce);
    follow->route = found->route;
    if (found->route == NYX_VTD_ROUTE_TABLES && follow->told) {
        join(r, &found->ctx, announce);
    }
    return was_direct != (found->route == NYX_VTD_ROUTE_DIRECT);
}

/* Regions cannot be switched while they are being looked at. */
static void direct_changes_late(NyxVtdRequester *r)
{
    r->follow.late = true;
    r->vtd->host.kick(r->vtd->host.opaque);
}

static void direct_changed(NyxVtdRequester *r)
{
    r->follow.late = false;
    r->vtd->host.direct_changed(r->vtd->host.opaque, r);
}

/* --- The engine's other files --------------------------------------------- */

void nyx_vtd_announce_pages(NyxVtd *vtd, bool any, uint16_t did,
                            uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < vtd->shadows->len; i++) {
        NyxVtdShadow *shadow = g_ptr_array_index(vtd->shadows, i);

        if (any || shadow->did == did) {
            shadow_sync(vtd, shadow, first, last);
        }
    }
}

void nyx_vtd_announce_contexts(NyxVtd *vtd, NyxVtdContextMatch *match,
                               const void *opaque)
{
    if (!nyx_vtd_translating(vtd)) {
        return;
    }
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        NyxVtdRequester *r = g_ptr_array_index(vtd->requesters, i);
        const NyxVtdFollow *follow = &r->follow;
        uint64_t word = R_NYX_CTX_VALID_MASK;
        uint16_t sid = follow->sid;
        Found found;

        if (!follow->expected && follow->route != NYX_VTD_ROUTE_DIRECT) {
            continue;
        }
        word = FIELD_DP64(word, NYX_CTX, SID, follow->sid);
        word = FIELD_DP64(word, NYX_CTX, DID, follow->did);
        word = FIELD_DP64(word, NYX_CTX, SCALABLE, nyx_vtd_scalable(vtd));
        if (!follow->uncertain && !match(word, opaque) &&
            vtd->host.sid(vtd->host.opaque, r, &sid) && sid == follow->sid) {
            continue;
        }
        found = look(r);
        if (take_route(r, &found, true)) {
            direct_changed(r);
        }
    }
}

/* The regions are switched by the caller, for all requesters at once. */
void nyx_vtd_announce_mode(NyxVtd *vtd)
{
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        NyxVtdRequester *r = g_ptr_array_index(vtd->requesters, i);
        Found found = look(r);

        take_route(r, &found, true);
        r->follow.late = false;
    }
}

/* Memory is another one: what follows is nyx_vtd_announce_mode(). */
void nyx_vtd_announce_forget(NyxVtd *vtd)
{
    const Found nothing = { .route = NYX_VTD_ROUTE_NONE };

    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        take_route(g_ptr_array_index(vtd->requesters, i), &nothing, true);
    }
}

void nyx_vtd_announce_late(NyxVtd *vtd)
{
    for (unsigned i = 0; i < vtd->requesters->len; i++) {
        NyxVtdRequester *r = g_ptr_array_index(vtd->requesters, i);

        if (r->follow.late) {
            direct_changed(r);
        }
    }
}

void nyx_vtd_announce_end(NyxVtdRequester *r)
{
    leave(r, false);
}

/* --- The glue ------------------------------------------------------------- */

NyxVtd *nyx_vtd_requester_unit(const NyxVtdRequester *r)
{
    return r->vtd;
}

void nyx_vtd_requester_expect(NyxVtdRequester *r, bool on)
{
    const Found nothing = { .route = NYX_VTD_ROUTE_NONE };

    r->follow.expected = on || r->follow.told;
    if (!r->follow.expected && take_route(r, &nothing, false)) {
        direct_changes_late(r);
    }
}

void nyx_vtd_requester_follow(NyxVtdRequester *r, bool on)
{
    NyxVtdFollow *follow = &r->follow;
    Found found;

    if (on == follow->told) {
        return;
    }
    follow->told = on;
    if (!on) {
        leave(r, false);
        return;
    }
    follow->expected = true;
    found = look(r);
    if (take_route(r, &found, false)) {
        direct_changes_late(r);
    }
}

bool nyx_vtd_requester_direct(const NyxVtdRequester *r)
{
    return r->follow.route == NYX_VTD_ROUTE_DIRECT;
}

void nyx_vtd_requester_replay(NyxVtdRequester *r, NyxBlockVisit *visit,
                              void *opaque)
{
    if (r->follow.shadow) {
        nyx_table_shadow_foreach(r->follow.shadow->blocks, visit, opaque);
    }
}

void nyx_vtd_announce_stats(const NyxVtd *vtd, NyxVtdStats *stats)
{
    stats->shadows = vtd->shadows->len;
    for (unsigned i = 0; i < vtd->shadows->len; i++) {
        const NyxVtdShadow *shadow = g_ptr_array_index(vtd->shadows, i);

        stats->shadow_blocks += nyx_table_shadow_count(shadow->blocks);
    }
}
