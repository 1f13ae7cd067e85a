/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structured read-only properties: short forms for what QAPI visitors take.
 */
#ifndef HW_NYX_IOMMU_SHOW_H
#define HW_NYX_IOMMU_SHOW_H

#include "hw/nyx-iommu/cache.h"
#include "hw/nyx-iommu/dump.h"
#include "hw/nyx-iommu/findings.h"
#include "hw/nyx-iommu/iotlb.h"
#include "hw/nyx-iommu/regfile.h"
#include "qapi/visitor.h"
#include "qom/object.h"

/* Fills in the members of the struct that is open on @v. */
typedef void NyxShowFn(Visitor *v, void *opaque, Error **errp);

void nyx_show_u64(Visitor *v, const char *name, uint64_t value);
void nyx_show_string(Visitor *v, const char *name, const char *value);
/* As "0x..." text: what people compare with manuals and kernel logs. */
void nyx_show_hex(Visitor *v, const char *name, uint64_t value);
/* As "bb:dd.f". */
void nyx_show_sid(Visitor *v, const char *name, uint16_t sid);

/* A struct member, or with @name NULL a list element. */
void nyx_show_struct(Visitor *v, const char *name, NyxShowFn *fn,
                     void *opaque, Error **errp);
/* A list member; @fn adds the elements. */
void nyx_show_list(Visitor *v, const char *name, NyxShowFn *fn, void *opaque,
                   Error **errp);

/* What is remembered of tables, and of translations. */
void nyx_show_cache(Visitor *v, const char *name, const NyxCacheStats *stats,
                    Error **errp);
void nyx_show_iotlb(Visitor *v, const char *name, const NyxIotlbStats *stats,
                    Error **errp);
/* Words of an entry in memory, as a list. */
void nyx_show_words(Visitor *v, const char *name, const uint64_t *words,
                    unsigned n, Error **errp);
/* List elements. */
void nyx_show_register(Visitor *v, const NyxReg *reg, uint64_t value,
                       Error **errp);
void nyx_show_mapping(Visitor *v, const NyxLeaf *leaf, Error **errp);

/* A property of its own for each of these. */
typedef struct NyxShowProperty {
    const char *name;
    ObjectPropertyAccessor *get;
    const char *description;
} NyxShowProperty;

void nyx_show_properties(ObjectClass *oc, const NyxShowProperty *rows,
                         unsigned n);

/* Of one look at tables, whatever a guest's tables hold. */
#define NYX_SHOW_ROOM ((NyxDumpRoom) { 4096, 4096, 16384 })

/* The list of a device's findings that have happened. */
void nyx_show_findings(Visitor *v, const char *name, NyxFindings *findings,
                       Error **errp);

#endif
