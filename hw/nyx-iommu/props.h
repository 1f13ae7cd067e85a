/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Properties: descriptions, and the help text made of them.
 */
#ifndef HW_NYX_IOMMU_PROPS_H
#define HW_NYX_IOMMU_PROPS_H

#include "qom/object.h"

/* Describe property @name of @oc or of a parent class of it. */
void nyx_describe_property(ObjectClass *oc, const char *name,
                           const char *description);

/* Print "name=<type> - description" for what a user can set on a @type. */
void nyx_print_properties(const char *type);

#endif
