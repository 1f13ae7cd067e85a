/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-d in-memory structures of scalable mode (chapter 9).  Layout only; the
 * tests include the same file.
 */
#ifndef HW_NYX_VTD_TABLES_SCALABLE_H
#define HW_NYX_VTD_TABLES_SCALABLE_H

#include "hw/nyx-iommu/fields.h"

/* 9.2, Scalable-Mode Root Entry: functions 00.0 to 0f.7, and the others */
#define NVTD_SROOT_W0(F)                     \
    F(NVTD_SROOT0, LP,      0,  1, USED)     \
    F(NVTD_SROOT0, RSVD1,   1, 11, MBZ)      \
    F(NVTD_SROOT0, LCTP,   12, 52, ADDR)
#define NVTD_SROOT_W1(F)                     \
    F(NVTD_SROOT1, UP,      0,  1, USED)     \
    F(NVTD_SROOT1, RSVD1,   1, 11, MBZ)      \
    F(NVTD_SROOT1, UCTP,   12, 52, ADDR)
NYX_LAYOUT64(NVTD_SROOT_W0)
NYX_LAYOUT64(NVTD_SROOT_W1)

/* 9.4, Scalable-Mode Context Entry; W2 and W3 are reserved. */
#define NVTD_SCTX_W0(F)                      \
    F(NVTD_SCTX0, P,        0,  1, USED)     \
    F(NVTD_SCTX0, FPD,      1,  1, USED)     \
    F(NVTD_SCTX0, DTE,      2,  1, USED)     \
    F(NVTD_SCTX0, PASIDE,   3,  1, USED)     \
    F(NVTD_SCTX0, PRE,      4,  1, USED)     \
    F(NVTD_SCTX0, RSVD5,    5,  4, MBZ)      \
    F(NVTD_SCTX0, PDTS,     9,  3, USED)     \
    F(NVTD_SCTX0, PASIDDIRPTR, 12, 52, ADDR)
#define NVTD_SCTX_W1(F)                      \
    F(NVTD_SCTX1, RID_PASID, 0, 20, USED)    \
    F(NVTD_SCTX1, RID_PRIV, 20,  1, USED)    \
    F(NVTD_SCTX1, RSVD21,  21, 43, MBZ)
NYX_LAYOUT64(NVTD_SCTX_W0)
NYX_LAYOUT64(NVTD_SCTX_W1)

/* PDTS of X stands for PASIDs below 2^(X + 13). */
#define NVTD_SCTX_PASID_BITS(pdts) ((pdts) + 13)

/* 9.5, Scalable-Mode PASID Directory Entry, indexed by PASID[19:6] */
#define NVTD_PDIR_W0(F)                      \
    F(NVTD_PDIR, P,         0,  1, USED)     \
    F(NVTD_PDIR, FPD,       1,  1, USED)     \
    F(NVTD_PDIR, RSVD2,     2, 10, MBZ)      \
    F(NVTD_PDIR, SMPTBLPTR, 12, 52, ADDR)
NYX_LAYOUT64(NVTD_PDIR_W0)

/*
 * 9.6, Scalable-Mode PASID Table Entry, indexed by PASID[5:0]; W3 to W7 are
 * reserved.  SLEE is reserved in the present revision.
 */
#define NVTD_PTE_W0(F)                       \
    F(NVTD_PTE0, P,         0,  1, USED)     \
    F(NVTD_PTE0, FPD,       1,  1, USED)     \
    F(NVTD_PTE0, AW,        2,  3, USED)     \
    F(NVTD_PTE0, RSVD5,     5,  1, MBZ)      \
    F(NVTD_PTE0, PGTT,      6,  3, USED)     \
    F(NVTD_PTE0, SSADE,     9,  1, USED)     \
    F(NVTD_PTE0, RSVD10,   10,  2, MBZ)      \
    F(NVTD_PTE0, SSPTPTR,  12, 52, ADDR)
#define NVTD_PTE_W1(F)                       \
    F(NVTD_PTE1, DID,       0, 16, USED)     \
    F(NVTD_PTE1, RSVD16,   16,  7, MBZ)      \
    F(NVTD_PTE1, PWSNP,    23,  1, USED)     \
    F(NVTD_PTE1, PGSNP,    24,  1, USED)     \
    F(NVTD_PTE1, CD,       25,  1, USED)     \
    F(NVTD_PTE1, EMTE,     26,  1, USED)     \
    F(NVTD_PTE1, EMT,      27,  3, USED)     \
    F(NVTD_PTE1, PWT,      30,  1, USED)     \
    F(NVTD_PTE1, PCD,      31,  1, USED)     \
    F(NVTD_PTE1, PAT,      32, 32, USED)
#define NVTD_PTE_W2(F)                       \
    F(NVTD_PTE2, SRE,       0,  1, USED)     \
    F(NVTD_PTE2, ERE,       1,  1, USED)     \
    F(NVTD_PTE2, FSPM,      2,  2, USED)     \
    F(NVTD_PTE2, WPE,       4,  1, USED)     \
    F(NVTD_PTE2, NXE,       5,  1, USED)     \
    F(NVTD_PTE2, SMEP,      6,  1, USED)     \
    F(NVTD_PTE2, EAFE,      7,  1, USED)     \
    F(NVTD_PTE2, RSVD8,     8,  4, MBZ)      \
    F(NVTD_PTE2, FSPTPTR,  12, 52, ADDR)
NYX_LAYOUT64(NVTD_PTE_W0)
NYX_LAYOUT64(NVTD_PTE_W1)
NYX_LAYOUT64(NVTD_PTE_W2)

/* PASID table entry PGTT */
enum {
    NVTD_PGTT_FIRST = 1,
    NVTD_PGTT_SECOND = 2,
    NVTD_PGTT_NESTED = 3,
    NVTD_PGTT_PASS_THROUGH = 4,
};

/* PASID table entry FSPM */
enum {
    NVTD_FSPM_4_LEVELS = 0,
    NVTD_FSPM_5_LEVELS = 1,
};

#endif
