/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA addresses that the IOMMUs of the host can translate, for the devices of
 * the host behind one of ours: what is elsewhere, VFIO cannot map.
 */
#ifndef HW_NYX_IOMMU_HOST_SPANS_H
#define HW_NYX_IOMMU_HOST_SPANS_H

#include "hw/nyx-iommu/compat.h"

typedef struct NyxSpan {
    uint64_t first;
    uint64_t last;           /* inclusive */
} NyxSpan;

/* NyxSpan of @hiod in order; NULL if it does not say, as old kernels do. */
GArray *nyx_host_spans_new(HostIOMMUDevice *hiod);
/* What is in both, either of which may be NULL for everything.  Frees @a. */
GArray *nyx_spans_both(GArray *a, const GArray *b);
/* The first part of [@first, @last] that is in @spans; false if none is. */
bool nyx_spans_next(const GArray *spans, uint64_t first, uint64_t last,
                    NyxSpan *part);

#endif
