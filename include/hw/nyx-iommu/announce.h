/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mappings announced to consumers that need all of them beforehand (VFIO):
 * which page tables or set of mappings a requester follows, and when its
 * shadow is brought up to date.
 *
 * A requester has a route: nothing, the page tables that its context names,
 * mappings that the engine keeps, or memory as it is.  The route is looked at
 * anew when the context is invalidated or translation is switched.  Tables,
 * or mappings, have one shadow, whatever the number of requesters that follow
 * it; invalidation of pages makes it compare.  All of it is on the serialized
 * side.
 */
#ifndef HW_NYX_IOMMU_ANNOUNCE_H
#define HW_NYX_IOMMU_ANNOUNCE_H

#include "hw/nyx-iommu/shadow.h"

typedef struct NyxAnnounce NyxAnnounce;
typedef struct NyxFollowed NyxFollowed;

typedef enum NyxRouteKind {
    NYX_ROUTE_NONE,
    NYX_ROUTE_TABLES,
    NYX_ROUTE_PIECES,        /* of domain did: NyxAnnounceOps.pieces */
    NYX_ROUTE_DIRECT,        /* to their own address */
} NyxRouteKind;

/* Where requests of a requester go, as its context has it now. */
typedef struct NyxRoute {
    NyxRouteKind kind;
    bool uncertain;          /* of an entry that is not cached */
    uint16_t did;
    NyxWalkCtx tables;       /* if that is the kind */
} NyxRoute;

/* A part of a requester. */
typedef struct NyxFollower {
    NyxAnnounce *announce;
    bool told;               /* there are consumers */
    bool expected;           /* there are or will be */
    bool late;               /* direct_changed is still to be called */
    bool uncertain;          /* the context may differ at any time */
    NyxRouteKind route;
    uint16_t sid;            /* that the route was found for */
    uint16_t did;
    NyxFollowed *shadow;     /* of the route's mappings, if told */
} NyxFollower;

/* What the engine knows, and who is to be told. */
typedef struct NyxAnnounceOps {
    /* The requester id now; false if its bus is gone. */
    bool (*sid)(void *opaque, NyxFollower *f, uint16_t *sid);
    /* Where requests go; *@route is zero. */
    void (*route)(void *opaque, NyxFollower *f, uint16_t sid,
                  NyxRoute *route);
    /*
     * The mappings of domain @did; NULL if no route is PIECES.  A range that
     * is said to have changed cuts none of them.
     */
    bool (*pieces)(void *opaque, uint16_t did, uint64_t first, uint64_t last,
                   NyxPieceVisit *visit, void *visit_opaque);
    /*
     * [@first, @last] holds no mapping any more, and held at least one; none
     * sticks out.  @only: the mapping, if it was a single one.
     */
    void (*unmap)(void *opaque, NyxFollower *f, uint64_t first,
                  uint64_t last, const NyxBlock *only);
    /* @block is mapped, where nothing was. */
    void (*map)(void *opaque, NyxFollower *f, const NyxBlock *block);
    /* nyx_follower_direct() has changed, and only that. */
    void (*direct_changed)(void *opaque, NyxFollower *f);
    /* Call nyx_announce_late() soon, from the main loop. */
    void (*kick)(void *opaque);
    /* Whether unmap() has to be called for each mapping.  NULL: no. */
    bool (*each)(void *opaque);
    /* A bound was hit: some of the domain's mappings are not announced. */
    void (*full)(void *opaque, uint16_t did, uint64_t iova);
} NyxAnnounceOps;

typedef struct NyxAnnounceStats {
    uint64_t map_events;
    uint64_t unmap_events;
    uint64_t tables_read;
    uint64_t shadows;        /* sets of mappings followed now */
    uint64_t blocks;         /* mappings announced now */
} NyxAnnounceStats;

/*
 * @coalesce: announce contiguous pages, or pieces, as one block.
 * @hole_first, @hole_last: output addresses that nobody is given.
 */
NyxAnnounce *nyx_announce_new(const NyxAnnounceOps *ops, void *opaque,
                              bool coalesce, uint64_t hole_first,
                              uint64_t hole_last);
/* There are no followers any more. */
void nyx_announce_free(NyxAnnounce *announce);

/* --- The engine ----------------------------------------------------------- */

/* Pages of a domain, or of all of them, may be others. */
void nyx_announce_pages(NyxAnnounce *announce, bool any, uint16_t did,
                        uint64_t first, uint64_t last);

typedef bool NyxRouteMatch(uint16_t sid, uint16_t did, const void *opaque);

/* Contexts that @match accepts, by what is known of them, may be others. */
void nyx_announce_contexts(NyxAnnounce *announce, NyxRouteMatch *match,
                           const void *opaque);
/*
 * All contexts may be others: translation was switched.  Regions are switched
 * by the caller, for all requesters at once.
 */
void nyx_announce_mode(NyxAnnounce *announce);
/* Memory is another one: what follows is nyx_announce_mode(). */
void nyx_announce_forget(NyxAnnounce *announce);
/* From the main loop, after a kick. */
void nyx_announce_late(NyxAnnounce *announce);
/* Tables read and mappings announced so far, to share time by. */
uint64_t nyx_announce_work(const NyxAnnounce *announce);
NyxAnnounceStats nyx_announce_stats(const NyxAnnounce *announce);

/* --- A requester ---------------------------------------------------------- */

void nyx_follower_init(NyxFollower *f, NyxAnnounce *announce);
void nyx_follower_destroy(NyxFollower *f);

/*
 * Whether it has consumers that are told of each mapping.  Nothing is
 * announced from here: nyx_follower_replay() tells what there is.  Whoever
 * was switched on is also expected from then on.
 */
void nyx_follower_tell(NyxFollower *f, bool on);
/*
 * Such consumers will come, or will not come any more and are no longer
 * counted on: then nyx_follower_direct() is known beforehand.
 */
void nyx_follower_expect(NyxFollower *f, bool on);
/* Its requests go to memory as they are. */
bool nyx_follower_direct(const NyxFollower *f);
/*
 * Call @visit for each mapping that has been announced, from low to high.  If
 * nobody is told: for each that would be.
 */
void nyx_follower_replay(NyxFollower *f, NyxBlockVisit *visit, void *opaque);

#endif
