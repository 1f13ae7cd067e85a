/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trace events of this directory, generated from trace-events. */
#include "trace/trace-hw_nyx_iommu.h"
