/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where requests of those go that need every mapping beforehand (VFIO): what
 * announce.h asks of the IOMMU.  All of it is on the serialized side.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

static NyxAmdRequester *requester_of(NyxFollower *f)
{
    return container_of(f, NyxAmdRequester, follow);
}

static bool announce_sid(void *opaque, NyxFollower *f, uint16_t *sid)
{
    NyxAmd *amd = opaque;

    return amd->host.sid(amd->host.opaque, requester_of(f), sid);
}

/*
 * Of a guest's tables nobody says when they get a page (NpCache is about the
 * host's), so that they cannot be followed.  Memory as it is cannot be had
 * for reading or for writing only, and no window can be cut out of anything:
 * nothing is reachable then.
 */
static NyxRouteKind route_kind(const NyxAmdContext *ctx, uint32_t mode)
{
    if (ctx->kind == NYX_AMD_KIND_PASS) {
        return NYX_ROUTE_DIRECT;
    }
    if (ctx->giov || (mode & NAMD_MODE_WINDOWS)) {
        return NYX_ROUTE_NONE;
    }
    if (ctx->kind == NYX_AMD_KIND_HOST) {
        return NYX_ROUTE_TABLES;
    }
    return ctx->kind == NYX_AMD_KIND_IDENTITY && ctx->rights == NYX_ACCESS_RW
           ? NYX_ROUTE_DIRECT : NYX_ROUTE_NONE;
}

static void announce_route(void *opaque, NyxFollower *f, uint16_t sid,
                           NyxRoute *route)
{
    NyxAmd *amd = opaque;
    uint32_t mode = qatomic_read(&amd->mode);
    uint64_t words[NAMD_DTE_WORDS], addr;
    NyxAmdContext ctx;

    if (!(mode & NAMD_MODE_ENABLED)) {
        return;
    }
    if (nyx_amd_dte_fetch(amd, sid, words, &addr) != NAMD_FAULT_NONE ||
        nyx_amd_dte_decode(amd, words, &ctx) != NAMD_FAULT_NONE) {
        /* It is read again, so it may be another one at any time. */
        route->uncertain = true;
        return;
    }
    route->did = ctx.did;
    route->kind = route_kind(&ctx, mode);
    if (route->kind == NYX_ROUTE_TABLES) {
        route->tables = nyx_amd_host_stage(amd, &ctx);
    }
}

static void announce_unmap(void *opaque, NyxFollower *f, uint64_t first,
                           uint64_t last, const NyxBlock *only)
{
    NyxAmd *amd = opaque;

    amd->host.unmap(amd->host.opaque, requester_of(f), first, last, only);
}

static void announce_map(void *opaque, NyxFollower *f, const NyxBlock *block)
{
    NyxAmd *amd = opaque;

    amd->host.map(amd->host.opaque, requester_of(f), block);
}

static void announce_direct_changed(void *opaque, NyxFollower *f)
{
    NyxAmd *amd = opaque;

    amd->host.direct_changed(amd->host.opaque, requester_of(f));
}

static void announce_kick(void *opaque)
{
    NyxAmd *amd = opaque;

    amd->host.kick(amd->host.opaque);
}

static bool announce_each(void *opaque)
{
    const NyxAmd *amd = opaque;

    return amd->host.unmap_each && amd->host.unmap_each(amd->host.opaque);
}

static void announce_full(void *opaque, uint16_t did, uint64_t iova)
{
    nyx_amd_finding(opaque, NAMD_RULE_SHADOW_FULL, (NyxWhere) {
        .has_addr = true, .addr = iova, .value = did,
    });
}

static const NyxAnnounceOps announce_ops = {
    .sid = announce_sid,
    .route = announce_route,
    .unmap = announce_unmap,
    .map = announce_map,
    .direct_changed = announce_direct_changed,
    .kick = announce_kick,
    .each = announce_each,
    .full = announce_full,
};

void nyx_amd_announce_init(NyxAmd *amd)
{
    amd->announce = nyx_announce_new(&announce_ops, amd, amd->cfg.coalesce,
                                     NAMD_INTR_FIRST, NAMD_INTR_LAST);
}

/* --- What was invalidated ------------------------------------------------- */

static bool match_any(uint16_t sid, uint16_t did, const void *opaque)
{
    return true;
}

static bool match_sid(uint16_t sid, uint16_t did, const void *opaque)
{
    const uint16_t *wanted = opaque;

    return sid == *wanted;
}

/*
 * The entry, and what was found through it: page tables that are the same as
 * before are compared as well.
 */
void nyx_amd_announce_devtab(NyxAmd *amd, uint16_t sid)
{
    nyx_announce_contexts(amd->announce, match_sid, &sid);
    for (unsigned i = 0; i < amd->requesters->len; i++) {
        NyxAmdRequester *r = g_ptr_array_index(amd->requesters, i);

        if (r->follow.shadow && r->follow.sid == sid) {
            nyx_announce_pages(amd->announce, false, r->follow.did, 0,
                               UINT64_MAX);
            /* Others with this id have the same tables. */
            break;
        }
    }
}

void nyx_amd_announce_all(NyxAmd *amd)
{
    nyx_announce_contexts(amd->announce, match_any, NULL);
    nyx_announce_pages(amd->announce, true, 0, 0, UINT64_MAX);
}

/* --- The glue ------------------------------------------------------------- */

void nyx_amd_requester_follow(NyxAmdRequester *r, bool on)
{
    nyx_follower_tell(&r->follow, on);
}

void nyx_amd_requester_expect(NyxAmdRequester *r, bool on)
{
    nyx_follower_expect(&r->follow, on);
}

bool nyx_amd_requester_direct(const NyxAmdRequester *r)
{
    return nyx_follower_direct(&r->follow);
}

void nyx_amd_requester_replay(NyxAmdRequester *r, NyxBlockVisit *visit,
                              void *opaque)
{
    nyx_follower_replay(&r->follow, visit, opaque);
}
