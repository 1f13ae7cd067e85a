/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where requests of those go that need every mapping beforehand (VFIO): what
 * announce.h asks of a unit.  All of it is on the serialized side.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

static NyxVtdRequester *requester_of(NyxFollower *f)
{
    return container_of(f, NyxVtdRequester, follow);
}

static bool announce_sid(void *opaque, NyxFollower *f, uint16_t *sid)
{
    NyxVtd *vtd = opaque;

    return vtd->host.sid(vtd->host.opaque, requester_of(f), sid);
}

/*
 * Of a first stage nobody says when it gets a page (6.1), so that it cannot
 * be followed.  Pass-through is memory as it is, unless parts of it are
 * protected: those cannot be cut out, so that nothing is reachable then.
 */
static void announce_route(void *opaque, NyxFollower *f, uint16_t sid,
                           NyxRoute *route)
{
    NyxVtd *vtd = opaque;
    uint32_t mode = qatomic_read(&vtd->mode);
    NyxVtdFaultCode code;
    NyxVtdContext ctx;

    if (!(mode & NVTD_MODE_TRANSLATE)) {
        return;
    }
    code = nyx_vtd_context_peek(vtd, sid, &ctx);
    if (code != NVTD_FAULT_NONE) {
        /* 6.1: with caching mode on, "not present" is cached, as domain 0. */
        route->uncertain = code != NVTD_FAULT_CTX_P;
        return;
    }
    route->did = ctx.did;
    if (ctx.rid_priv && !ctx.supervisor) {
        /* SPT.6: every request is refused. */
        return;
    }
    if (ctx.kind == NYX_VTD_KIND_SECOND) {
        route->kind = NYX_ROUTE_TABLES;
        route->tables = nyx_vtd_second_stage(vtd, &ctx);
    } else if (ctx.kind == NYX_VTD_KIND_PASS && !(mode & NVTD_MODE_PROTECT)) {
        route->kind = NYX_ROUTE_DIRECT;
    }
}

static void announce_unmap(void *opaque, NyxFollower *f, uint64_t first,
                           uint64_t last, const NyxBlock *only)
{
    NyxVtd *vtd = opaque;

    vtd->host.unmap(vtd->host.opaque, requester_of(f), first, last, only);
}

static void announce_map(void *opaque, NyxFollower *f, const NyxBlock *block)
{
    NyxVtd *vtd = opaque;

    vtd->host.map(vtd->host.opaque, requester_of(f), block);
}

static void announce_direct_changed(void *opaque, NyxFollower *f)
{
    NyxVtd *vtd = opaque;

    vtd->host.direct_changed(vtd->host.opaque, requester_of(f));
}

static void announce_kick(void *opaque)
{
    NyxVtd *vtd = opaque;

    vtd->host.kick(vtd->host.opaque);
}

static bool announce_each(void *opaque)
{
    const NyxVtd *vtd = opaque;

    return vtd->host.unmap_each && vtd->host.unmap_each(vtd->host.opaque);
}

static void announce_full(void *opaque, uint16_t did, uint64_t iova)
{
    nyx_vtd_finding(opaque, NVTD_RULE_SHADOW_FULL, (NyxWhere) {
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

/* 3.14: what would become an interrupt is not passed on. */
void nyx_vtd_announce_init(NyxVtd *vtd)
{
    vtd->announce = nyx_announce_new(&announce_ops, vtd, vtd->cfg.coalesce,
                                     NVTD_INTR_FIRST, NVTD_INTR_LAST);
}

typedef struct Match {
    const NyxVtd *vtd;
    NyxVtdContextMatch *match;
    const void *opaque;
} Match;

static bool match_context(uint16_t sid, uint16_t did, const void *opaque)
{
    const Match *m = opaque;
    uint64_t word = R_NYX_CTX_VALID_MASK;

    word = FIELD_DP64(word, NYX_CTX, SID, sid);
    word = FIELD_DP64(word, NYX_CTX, DID, did);
    word = FIELD_DP64(word, NYX_CTX, SCALABLE, nyx_vtd_scalable(m->vtd));
    return m->match(word, m->opaque);
}

void nyx_vtd_announce_contexts(NyxVtd *vtd, NyxVtdContextMatch *match,
                               const void *opaque)
{
    const Match m = { vtd, match, opaque };

    if (nyx_vtd_translating(vtd)) {
        nyx_announce_contexts(vtd->announce, match_context, &m);
    }
}

/* --- The glue ------------------------------------------------------------- */

NyxVtd *nyx_vtd_requester_unit(const NyxVtdRequester *r)
{
    return r->vtd;
}

void nyx_vtd_requester_expect(NyxVtdRequester *r, bool on)
{
    nyx_follower_expect(&r->follow, on);
}

void nyx_vtd_requester_follow(NyxVtdRequester *r, bool on)
{
    nyx_follower_tell(&r->follow, on);
}

bool nyx_vtd_requester_direct(const NyxVtdRequester *r)
{
    return nyx_follower_direct(&r->follow);
}

void nyx_vtd_requester_replay(NyxVtdRequester *r, NyxBlockVisit *visit,
                              void *opaque)
{
    nyx_follower_replay(&r->follow, visit, opaque);
}
