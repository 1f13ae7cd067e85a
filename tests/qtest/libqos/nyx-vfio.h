/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with any of the models, its driver, and test devices that are told
 * of each mapping as VFIO is: the same test for all models.  What comes back
 * is the test's to judge.
 */
#ifndef TESTS_LIBQOS_NYX_VFIO_H
#define TESTS_LIBQOS_NYX_VFIO_H

#include "libqos/nyx-amdvi.h"
#include "libqos/nyx-virtio-iommu.h"
#include "libqos/nyx-vtd.h"

#define NYX_VFIO        (NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP)
/* Of functions 00:04.0 and so on, that tests use. */
#define NYX_VFIO_TDS    4
#define NYX_VFIO_SID(i) NYX_SID(0, 4 + (i), 0)

typedef struct NyxVfio NyxVfio;

/* Two domains, from the start on. */
typedef enum NyxVfioDomain { NYX_DOM_A, NYX_DOM_B, NYX_DOMS } NyxVfioDomain;

typedef struct NyxVfioModel {
    const char *name;
    const char *device;      /* and what it needs for VFIO */
    /* Mappings are entries of tables, which are read when invalidated. */
    bool tables;
    bool switchable;         /* translation as a whole, on and off */
    void (*begin)(NyxVfio *v);
    void (*end)(NyxVfio *v);
    /* Edits, or requests that make and end one mapping. */
    void (*map)(NyxVfio *v, NyxVfioDomain dom, uint64_t iova, uint64_t gpa,
                uint64_t size, unsigned lg2, unsigned rw);
    void (*unmap)(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                  uint64_t size, unsigned lg2);
    void (*flush)(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                  unsigned lg2);
    void (*attach)(NyxVfio *v, uint16_t sid, NyxVfioDomain dom);
    void (*pass)(NyxVfio *v, uint16_t sid);
    void (*block)(NyxVfio *v, uint16_t sid);
    void (*translate)(NyxVfio *v, bool on);
    /* Of tables: where an entry is (level 1 is the page's), and a table. */
    uint64_t (*entry_at)(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                         unsigned level);
    uint64_t table_bits;     /* of an entry for a table of level 1 */
    uint64_t leaf_bits;      /* of a page's entry, readable and writable */
} NyxVfioModel;

extern const NyxVfioModel nyx_vfio_models[];
#define NYX_VFIO_MODELS 4

struct NyxVfio {
    const NyxVfioModel *model;
    NyxPc *pc;
    QTestState *qts;
    /* The driver; one of them. */
    QVtd *vtd;
    QAmd *amd;
    QVio *vio;
    QVtdDomain vtd_dom[NYX_DOMS];
    QAmdDomain amd_dom[NYX_DOMS];
    NyxTestdev td[NYX_VFIO_TDS];
    uint64_t ram;            /* 4 MiB of it, aligned */
};

/*
 * The model with @options (",x=on"), a machine with @more; @td is what each
 * test device is given (",x=on").  All functions are blocked.
 */
NyxVfio nyx_vfio_start(const NyxVfioModel *model, const char *options,
                       const char *td, const char *more);
/* The machine alone, with a driver in no part of it. */
NyxPc *nyx_vfio_machine(const NyxVfioModel *model, const char *options,
                        const char *td, const char *more);
/* nyx_vfio_start(), and the first device is in domain A and listens. */
NyxVfio nyx_vfio_listen(const NyxVfioModel *model, const char *options);
/* No test device has objected to an event. */
void nyx_vfio_end(NyxVfio *v);

/* The driver begins anew, after a reset of the machine. */
void nyx_vfio_restart(NyxVfio *v);

/*
 * Map, or unmap, in leaves of 2^lg2 bytes and as one request, and invalidate
 * exactly that.  @size is a power of two to which @iova is aligned, or one
 * leaf.
 */
void nyx_vfio_map(NyxVfio *v, NyxVfioDomain dom, uint64_t iova, uint64_t gpa,
                  uint64_t size, unsigned lg2);
void nyx_vfio_unmap(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                    uint64_t size, unsigned lg2);
void nyx_vfio_follow(NyxVfio *v, unsigned i);

/* Events since the last time, and what they came to. */
typedef struct NyxVfioEvents {
    uint64_t maps;
    uint64_t unmaps;
    uint64_t mappings;
    uint64_t bytes;
} NyxVfioEvents;

NyxVfioEvents nyx_vfio_events(NyxVfio *v, unsigned i);
void nyx_vfio_expect(NyxVfio *v, unsigned i, const char *row, uint64_t maps,
                     uint64_t unmaps, uint64_t mappings, uint64_t bytes);
/* The mapping that begins at @iova; none if @len is 0. */
void nyx_vfio_expect_mapping(NyxVfio *v, unsigned i, const char *row,
                             uint64_t iova, uint64_t len, uint64_t addr);
/* Its consumer sees memory as it is, or none of it. */
bool nyx_vfio_direct(NyxVfio *v, unsigned i);

/* A number that the model tells of: "announced.page-tables". */
uint64_t nyx_vfio_stat(NyxVfio *v, const char *name);

/* Add @fn for each model as "/NAME/vfio/GROUP/TEST"; @fn gets the model. */
void nyx_vfio_add(const char *group, const char *test,
                  void (*fn)(gconstpointer model));
/* The same for those with tables, or for the one without. */
void nyx_vfio_add_tables(const char *group, const char *test, bool tables,
                         void (*fn)(gconstpointer model));

#endif
