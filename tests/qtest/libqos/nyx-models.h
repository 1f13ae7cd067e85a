/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same few things asked of each IOMMU: where a function's DMA goes, what
 * its domain maps, what is invalidated.  For tests that are the same for all
 * models.
 */
#ifndef TESTS_LIBQOS_NYX_MODELS_H
#define TESTS_LIBQOS_NYX_MODELS_H

#include "libqos/nyx-pc.h"

typedef enum NyxMode {
    NYX_MODE_OFF,            /* nothing is translated, for no function */
    NYX_MODE_BLOCKED,
    NYX_MODE_PASS,           /* this function's addresses stay */
    NYX_MODE_HOME,           /* domains */
    NYX_MODE_AWAY,
    NYX_MODE_GUEST,          /* tables that nobody can follow */
} NyxMode;

typedef struct NyxIommu NyxIommu;

typedef struct NyxModel {
    const char *name;
    const char *device;      /* -device, with what a listener needs */
    bool has_guest;          /* NYX_MODE_GUEST */
    bool scalable;           /* the scalable mode of one that is there too */
    /*
     * By requests instead of tables: nothing can be mapped anew before it is
     * unmapped, and NYX_MODE_OFF forgets what was mapped.
     */
    bool requests;
    void (*start)(NyxIommu *i);
    void (*mode)(NyxIommu *i, NyxMode mode);
    void (*map)(NyxIommu *i, NyxMode domain, uint64_t iova, uint64_t gpa,
                unsigned lg2, unsigned rw);
    void (*unmap)(NyxIommu *i, NyxMode domain, uint64_t iova, unsigned lg2);
    void (*flush)(NyxIommu *i, NyxMode domain, uint64_t iova, unsigned lg2);
    void (*end)(NyxIommu *i);
} NyxModel;

/* One entry without a name ends them. */
extern const NyxModel nyx_models[];

struct NyxIommu {
    const NyxModel *model;
    NyxPc *pc;
    uint16_t sid;
    NyxMode mode;
    void *state;             /* the model's */
};

/*
 * The IOMMU of a machine that was started with @model's device: switched on,
 * and @sid is blocked.
 */
NyxIommu nyx_iommu_start(const NyxModel *model, NyxPc *pc, uint16_t sid);
/* Before the machine's end; and before it is used anew after a reset. */
void nyx_iommu_end(NyxIommu *i);

/* Switch, with all invalidation that it takes. */
void nyx_iommu_mode(NyxIommu *i, NyxMode mode);

/*
 * Map 2^@lg2 bytes (12, 21) where nothing is, or unmap what was mapped so;
 * @rw: 1 to be read, 2 to be written, 3.  Nothing is invalidated, if that is
 * how the model works.
 */
void nyx_iommu_map(NyxIommu *i, NyxMode domain, uint64_t iova, uint64_t gpa,
                   unsigned lg2, unsigned rw);
void nyx_iommu_unmap(NyxIommu *i, NyxMode domain, uint64_t iova,
                     unsigned lg2);
/* Invalidate 2^@lg2 bytes. */
void nyx_iommu_flush(NyxIommu *i, NyxMode domain, uint64_t iova,
                     unsigned lg2);

#endif
