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
    bool given;              /* ... but mappings nobody follows: DMA works */
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

typedef struct FwOps {
    void (*follow)(void *requester, bool on);
    void (*expect)(void *requester, bool on);
    void (*replay)(void *requester, NyxBlockVisit *visit, void *opaque);
    bool (*direct)(void *requester);
    /* Requests are checked: regions of those that are not direct are on. */
    bool (*checked)(FwWorld *w);
    void (*settle)(FwWorld *w);
    /* What memory says of @sid; *@route is zero. */
    void (*route)(FwWorld *w, uint16_t sid, FwRoute *route);
    /* NyxLeaf: all that overlaps [@first, @last], whole. */
    GArray *(*leaves)(FwWorld *w, const FwRoute *route, uint64_t first,
                      uint64_t last);
    uint64_t (*dma)(FwWorld *w, FwDevice *d, unsigned access, uint64_t iova);
} FwOps;

struct FwWorld {
    const FwOps *ops;
    void *bench;             /* of the test */
    GRand *rand;
    bool coalesce;
    bool hole;               /* interrupts are reached in another way */
    FwDevice d[FW_DEVICES];
    GPtrArray *shadows;
};

void fw_init(FwWorld *w, const FwOps *ops, void *bench, GRand *rand);
/* Before the engine goes, and after. */
void fw_end(FwWorld *w);
void fw_destroy(FwWorld *w);
FwDevice *fw_device(FwWorld *w, const void *requester);
FwDevice *fw_some_device(FwWorld *w);

/* --- What the model calls ------------------------------------------------- */

void fw_on_map(FwWorld *w, const void *requester, const NyxBlock *block);
void fw_on_unmap(FwWorld *w, const void *requester, uint64_t first,
                 uint64_t last, const NyxBlock *only);
void fw_on_direct_changed(FwWorld *w, const void *requester);
void fw_on_mode_changed(FwWorld *w);
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
/* All are looked at; with @forget nothing is kept of the mappings. */
void fw_mode(FwWorld *w, bool forget);
/* Containers are what the caches justify, and were told so by the rules. */
void fw_check(FwWorld *w, const char *row);

/* A device of VFIO comes or goes.  A whole step. */
void fw_plug(FwWorld *w, FwDevice *d);
/* Containers are what memory says now, and so is DMA. */
void fw_check_memory(FwWorld *w, const char *row);

/* --- Many ----------------------------------------------------------------- */

/*
 * Run @sequence @n times, each with its own seed; or once, with the seed in
 * NYX_SEED, which a failure names.  On average each has to come to something.
 */
void fw_sequences(unsigned n, void (*sequence)(GRand *rand));

#endif
