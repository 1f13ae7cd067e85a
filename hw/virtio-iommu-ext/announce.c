/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where requests of those go that need every mapping beforehand (VFIO): what
 * announce.h asks of the device.  All of it is on the serialized side.
 */
#include "qemu/osdep.h"
#include "hw/virtio-iommu-ext/internal.h"

static NyxVioRequester *requester_of(NyxFollower *f)
{
    return container_of(f, NyxVioRequester, follow);
}

static bool announce_sid(void *opaque, NyxFollower *f, uint16_t *sid)
{
    NyxVio *vio = opaque;

    return vio->host.sid(vio->host.opaque, requester_of(f), sid);
}

static void announce_route(void *opaque, NyxFollower *f, uint16_t sid,
                           NyxRoute *route)
{
    NyxVio *vio = opaque;
    uint64_t word = nyx_vio_word(vio, sid);

    if (nyx_vio_bypassed(vio, sid)) {
        route->kind = NYX_ROUTE_DIRECT;
    } else if (nyx_vio_word_kind(word) == NYX_VIO_KIND_MAPPINGS) {
        route->kind = NYX_ROUTE_PIECES;
        route->did = nyx_vio_word_slot(word);
    } else if (nyx_vio_word_kind(word) == NYX_VIO_KIND_TABLES &&
               nyx_vio_tables_announced(vio, nyx_vio_word_domain(vio, word),
                                        &route->tables)) {
        route->kind = NYX_ROUTE_TABLES;
        route->did = nyx_vio_word_slot(word);
    }
}

typedef struct Pieces {
    uint64_t first;
    uint64_t last;
    bool coalesce;
    bool all;
    NyxPieceVisit *visit;
    void *opaque;
} Pieces;

/* Mappings of a run that are in the range: as one, or one by one. */
static bool visit_run(void *opaque, const NyxVioRun *run)
{
    Pieces *p = opaque;
    bool apart = !p->coalesce && run->unit;
    uint64_t end = MIN(run->last, p->last);
    uint64_t offset = 0;
    NyxPiece piece = {
        .first = run->first,
        .last = run->last,
        .addr = run->addr,
        .permission = run->flags & NYX_ACCESS_RW,
    };

    if (!piece.permission) {
        return true;
    }
    if (apart && p->first > run->first) {
        offset = (p->first - run->first) / run->unit * run->unit;
    }
    for (;;) {
        if (apart) {
            piece.first = run->first + offset;
            piece.last = piece.first + (run->unit - 1);
            piece.addr = run->addr + offset;
        }
        p->all = p->visit(p->opaque, &piece);
        if (!p->all || piece.last >= end) {
            return p->all;
        }
        offset += run->unit;
    }
}

static bool announce_pieces(void *opaque, uint16_t did, uint64_t first,
                            uint64_t last, NyxPieceVisit *visit,
                            void *visit_opaque)
{
    const NyxVio *vio = opaque;
    Pieces p = { first, last, vio->cfg.coalesce, true, visit, visit_opaque };

    nyx_vio_mappings_foreach(&vio->slots[did]->maps, first, last, visit_run,
                             &p);
    return p.all;
}

static void announce_unmap(void *opaque, NyxFollower *f, uint64_t first,
                           uint64_t last, const NyxBlock *only)
{
    NyxVio *vio = opaque;

    vio->host.unmap(vio->host.opaque, requester_of(f), first, last, only);
}

static void announce_map(void *opaque, NyxFollower *f, const NyxBlock *block)
{
    NyxVio *vio = opaque;

    vio->host.map(vio->host.opaque, requester_of(f), block);
}

static void announce_direct_changed(void *opaque, NyxFollower *f)
{
    NyxVio *vio = opaque;

    vio->host.direct_changed(vio->host.opaque, requester_of(f));
}

static void announce_kick(void *opaque)
{
    NyxVio *vio = opaque;

    vio->host.kick(vio->host.opaque);
}

static bool announce_each(void *opaque)
{
    const NyxVio *vio = opaque;

    return vio->host.unmap_each && vio->host.unmap_each(vio->host.opaque);
}

static void announce_full(void *opaque, uint16_t did, uint64_t iova)
{
    nyx_vio_finding(opaque, NVIO_RULE_SHADOW_FULL, (NyxWhere) {
        .has_addr = true, .addr = iova, .value = did,
    });
}

static const NyxAnnounceOps announce_ops = {
    .sid = announce_sid,
    .route = announce_route,
    .pieces = announce_pieces,
    .unmap = announce_unmap,
    .map = announce_map,
    .direct_changed = announce_direct_changed,
    .kick = announce_kick,
    .each = announce_each,
    .full = announce_full,
};

void nyx_vio_announce_init(NyxVio *vio)
{
    /* No address is kept back: MMIO is none of theirs anyway. */
    vio->announce = nyx_announce_new(&announce_ops, vio, vio->cfg.coalesce,
                                     1, 0);
}

void nyx_vio_announce_pages(NyxVio *vio, const NyxVioDomain *domain,
                            uint64_t first, uint64_t last)
{
    nyx_announce_pages(vio->announce, false, domain->slot, first, last);
}

static bool is_sid(uint16_t sid, uint16_t did, const void *opaque)
{
    return sid == *(const uint32_t *)opaque;
}

void nyx_vio_announce_endpoint(NyxVio *vio, uint32_t endpoint)
{
    nyx_announce_contexts(vio->announce, is_sid, &endpoint);
}

void nyx_vio_announce_mode(NyxVio *vio)
{
    nyx_announce_mode(vio->announce);
}

uint64_t nyx_vio_work(const NyxVio *vio)
{
    return nyx_announce_work(vio->announce) + vio->pasids_told;
}

/* --- The glue ------------------------------------------------------------- */

void nyx_vio_requester_expect(NyxVioRequester *r, bool on)
{
    nyx_follower_expect(&r->follow, on);
}

void nyx_vio_requester_follow(NyxVioRequester *r, bool on)
{
    nyx_follower_tell(&r->follow, on);
}

bool nyx_vio_requester_direct(const NyxVioRequester *r)
{
    return nyx_follower_direct(&r->follow);
}

void nyx_vio_requester_replay(NyxVioRequester *r, NyxBlockVisit *visit,
                              void *opaque)
{
    nyx_follower_replay(&r->follow, visit, opaque);
}
