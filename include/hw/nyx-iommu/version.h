/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which Nyx IOMMU this is. */
#ifndef HW_NYX_IOMMU_VERSION_H
#define HW_NYX_IOMMU_VERSION_H

/* The version in meson.build, such as "0.1.0". */
const char *nyx_version(void);

#endif
