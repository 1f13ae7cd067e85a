/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structured read-only properties: short forms for what QAPI visitors take.
 */
#ifndef HW_NYX_IOMMU_SHOW_H
#define HW_NYX_IOMMU_SHOW_H

#include "hw/nyx-iommu/findings.h"
#include "qapi/visitor.h"

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

/* The list of a device's findings that have happened. */
void nyx_show_findings(Visitor *v, const char *name, NyxFindings *findings,
                       Error **errp);

#endif
