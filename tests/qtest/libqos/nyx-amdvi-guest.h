/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest tables of nyx-amdvi from a qtest: GCR3 tables, page tables of PASIDs,
 * device table entries that name them.
 */
#ifndef TESTS_LIBQOS_NYX_AMDVI_GUEST_H
#define TESTS_LIBQOS_NYX_AMDVI_GUEST_H

#include "libqos/nyx-amdvi.h"

/* Device table entries: PPR, GPRP, GIoV, GV */
#define QAMD_DTE0_PPR   (1ull << 52)
#define QAMD_DTE0_GPRP  (1ull << 53)
#define QAMD_DTE0_GIOV  (1ull << 54)
#define QAMD_DTE0_GV    (1ull << 55)

/* Guest entries: P, R/W, U/S, A, D, PS, NX */
#define QAMD_GP     (1ull << 0)
#define QAMD_GW     (1ull << 1)
#define QAMD_GU     (1ull << 2)
#define QAMD_GA     (1ull << 5)
#define QAMD_GD     (1ull << 6)
#define QAMD_GPS    (1ull << 7)
#define QAMD_GNX    (1ull << 63)
#define QAMD_GRWU   (QAMD_GP | QAMD_GW | QAMD_GU)

typedef struct QAmdGuest {
    QAmd *v;
    uint64_t gcr3;           /* root of the GCR3 table */
    unsigned glx;            /* its levels, less one */
    unsigned levels;         /* of page tables: 4 or 5 */
} QAmdGuest;

/* An empty GCR3 table. */
QAmdGuest qamd_guest(QAmd *v, unsigned glx, unsigned levels);
/*
 * @sid's entry: V, TV, IR, IW, GV and the guest's tables, domain @did; @w0
 * and @w1 besides.
 */
void qamd_guest_attach(const QAmdGuest *guest, uint16_t sid, uint16_t did,
                       uint64_t w0, uint64_t w1);
/* Where the GCR3 entry for @pasid is; tables on the way are made. */
uint64_t qamd_gcr3_entry(const QAmdGuest *guest, uint32_t pasid);
/*
 * Where @pasid's entry for @iova is in the table of @level (1 is the page's).
 * Tables on the way are made, with all rights.
 */
uint64_t qamd_guest_entry(const QAmdGuest *guest, uint32_t pasid,
                          uint64_t iova, unsigned level);
/* A page of 4 KiB, 2 MiB or 1 GiB with @bits, P among them. */
void qamd_guest_map(const QAmdGuest *guest, uint32_t pasid, uint64_t iova,
                    uint64_t addr, unsigned lg2, uint64_t bits);
/* INVALIDATE_IOMMU_PAGES with GN: 2^lg2 bytes at @iova, or all if 64. */
void qamd_flush_pasid(QAmd *v, uint16_t did, uint32_t pasid, uint64_t iova,
                      unsigned lg2);

#endif
