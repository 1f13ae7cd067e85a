/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version, in one object file: a new version recompiles nothing else. */

#include "qemu/osdep.h"
#include "hw/nyx-iommu/version.h"
#include "nyx-version.h"

const char *nyx_version(void)
{
    return NYX_VERSION;
}
