/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random sequences against what followers are told: devices of VFIO behind a
 * model, and an obvious model of what they have to know.
 *
 * The test tells it what memory says (FwOps.route, FwOps.leaves) and which
 * caches software has invalidated.  After each step every container is what
 * the caches justify: the route as it was when it was last looked at, and of
 * each set of mappings what they said when they were last compared.  When
 * nothing is left to be invalidated, every container is what memory says.
 */
#ifndef TESTS_UNIT_FOLLOW_H
#define TESTS_UNIT_FOLLOW_H

#include "container.h"
#include "edits.h"

#define FW_DEVICES 4
#define FW_REFUSED UINT64_MAX

typedef enum FwKind { FW_NONE, FW_MAPPINGS, FW_DIRECT } FwKind;

/* Where requests of a device go. */
typedef struct FwRoute {
    FwKind kind;
    bool uncertain;          /* nothing that is cached: looked at each time */
    bool pieces;             /* mappings that are in no table */
    uint16_t did;
    const void *source;      /* of mappings: whose they are ... */
    unsigned withheld;       /* ... and which rights they do not give */
} FwRoute;

/* What the mappings of a route were when they were last compared. */
typedef struct FwShadow {
    FwRoute route;
    GArray *leaves;          /* NyxLeaf */
    unsigned users;
    bool compared;           /* in this step */
} FwShadow;

typedef struct FwDevice {
    void *requester;
    uint16_t sid;
    bool no_bus;
    bool there;              /* there is a device of VFIO */
    /* What became of it. */
    bool on;                 /* its region, and so its listener */
    Container has;
    /* What has to. */
    bool want_on;
    bool expected;
    bool told;
    uint16_t sid_seen;
    FwRoute route;
    FwShadow *shadow;
    /* In this step. */
    bool switched;
} FwDevice;

typedef struct FwWorld FwWorld;

/* A change that software has yet to invalidate. */
typedef struct FwPending {
    bool context;            /* of what there is for @sid; else pages */
    uint16_t did;            /* of the domain that it was of */
    uint16_t sid;
    Edit edit;
} FwPending;

/* Something that happens. */
typedef void FwStep(FwWorld *w);

typedef struct FwOps {
    void (*follow)(void *requester, bool on);
    void (*expect)(void *requester, bool on);
    void (*replay)(void *requester, NyxBlockVisit *visit, void *opaque);
    bool (*direct)(void *requester);
    /* Its requests are checked: unless it is direct its region is on. */
    bool (*checked)(FwWorld *w, const FwDevice *d);
    void (*settle)(FwWorld *w);
    /* Whether they have to be. */
    bool (*to_check)(FwWorld *w, const FwDevice *d);
    /* What memory says of @sid; *@route is zero. */
    void (*route)(FwWorld *w, uint16_t sid, FwRoute *route);
    /* NyxLeaf: all that overlaps [@first, @last], whole. */
    GArray *(*leaves)(FwWorld *w, const FwRoute *route, uint64_t first,
                      uint64_t last);
    /* The block is of one mapping.  NULL if all are in tables. */
    bool (*is_one)(FwWorld *w, const FwRoute *route, const NyxBlock *block);
    /* VFIO looks for dirty pages: each mapping has to go by itself, or not. */
    void (*track)(FwWorld *w, bool on);
    uint64_t (*dma)(FwWorld *w, FwDevice *d, unsigned access, uint64_t iova);
    /* Invalidations: each is a whole step, or several. */
    void (*inv_pages)(FwWorld *w, uint16_t did, uint64_t iova, unsigned lg2);
    void (*inv_domain)(FwWorld *w, uint16_t did);
    void (*inv_context)(FwWorld *w, const FwPending *p);
    void (*inv_all)(FwWorld *w);
    /* What happens often, and what does not; the ends are NULL. */
    FwStep *const *often;
    FwStep *const *seldom;
} FwOps;

struct FwWorld {
    const FwOps *ops;
    GRand *rand;
    bool wild;               /* invalidations have nothing to do with edits */
    bool coalesce;
    bool hole;               /* interrupts are reached in another way */
    unsigned max_lg2;        /* of an invalidation of pages */
    unsigned steps;          /* of a sequence */
    GArray *pending;         /* FwPending */
    FwDevice d[FW_DEVICES];
    GPtrArray *shadows;
};

/* The flags and numbers above are set, or will be. */
void fw_init(FwWorld *w, const FwOps *ops, GRand *rand);
/* After the engine. */
void fw_destroy(FwWorld *w);
uint32_t fw_below(FwWorld *w, uint32_t n);
FwDevice *fw_device(FwWorld *w, const void *requester);
FwDevice *fw_some_device(FwWorld *w);

/* --- What the model calls ------------------------------------------------- */

void fw_on_map(FwWorld *w, const void *requester, const NyxBlock *block);
void fw_on_unmap(FwWorld *w, const void *requester, uint64_t first,
                 uint64_t last, const NyxBlock *only);
void fw_on_direct_changed(FwWorld *w, const void *requester);
void fw_on_mode_changed(FwWorld *w);
void fw_on_id_changed(FwWorld *w, uint16_t sid);
bool fw_sid(FwWorld *w, const void *requester, uint16_t *sid);

/* --- A step --------------------------------------------------------------- */

/* The engine does something; then one or more of what follows; then the end. */
void fw_begin(FwWorld *w);
/* Pages of a domain, or of all, were invalidated. */
void fw_pages(FwWorld *w, bool any, uint16_t did, uint64_t first,
              uint64_t last);
/* Contexts were, those that @match accepts. */
typedef bool FwMatch(const FwDevice *d, const void *opaque);
void fw_contexts(FwWorld *w, FwMatch *match, const void *opaque);
/* That of @sid was; and whether its requests are checked may have changed. */
void fw_id(FwWorld *w, uint16_t sid);
/* All are looked at; with @forget nothing is kept of the mappings. */
void fw_mode(FwWorld *w, bool forget);
/* Containers are what the caches justify, and were told so by the rules. */
void fw_check(FwWorld *w, const char *row);

/* --- Whole steps ---------------------------------------------------------- */

/* A device of VFIO comes or goes. */
void fw_plug(FwWorld *w, FwDevice *d);
void fw_step_plug(FwWorld *w);
/* Dirty pages are tracked, or not any more. */
void fw_step_track(FwWorld *w);
/* Pages of the domain change. */
void fw_edit(FwWorld *w, const NvTables *t, uint16_t did);
/* What there is for @sid changed, which was in the domain. */
void fw_context(FwWorld *w, uint16_t did, uint16_t sid);
/* Something that is pending is invalidated. */
void fw_step_flush(FwWorld *w);
/* Containers are what memory says now, and so is DMA. */
void fw_check_memory(FwWorld *w, const char *row);

/* --- Many ----------------------------------------------------------------- */

/*
 * Devices come, and what happens follows; now and then, and in the end,
 * nothing is pending any more.
 */
void fw_run(FwWorld *w);
/* From nothing to fw_run(); @wild is for the world. */
typedef void FwSequence(GRand *rand, bool wild);

/*
 * The tests of a model: so many sequences of each kind, each with its own seed;
 * or one, with the seed in NYX_SEED, which a failure names.  On average each
 * has to come to something.
 */
#define FW_SEQUENCES 1500
int fw_main(int argc, char **argv, const char *model, FwSequence *sequence);

#endif
