/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-d registers: offsets and fields (chapter 11, Register Descriptions).
 * Layout only; the tests include the same file.
 */
#ifndef HW_NYX_VTD_REGS_H
#define HW_NYX_VTD_REGS_H

#include "hw/nyx-iommu/fields.h"

/* 11.2, Register Location: the block and where our movable groups are. */
#define NVTD_MMIO_BASE      0xfed90000ULL
#define NVTD_MMIO_STRIDE    0x2000      /* from one unit to the next */
#define NVTD_MMIO_SIZE      0x1000
#define NVTD_FRCD_OFFSET    0x400       /* CAP.FRO, in units of 16 bytes */
#define NVTD_FRCD_OFFSET_ECMD 0xf00     /* the same where 0x400 is ECMD */
#define NVTD_IOTLB_OFFSET   0x500       /* ECAP.IRO, in units of 16 bytes */
#define NVTD_MMIO_SIZE_MAX  0x2000      /* with performance monitoring */
#define NVTD_FRCD_MAX       16          /* records that fit in between */

#define A_NVTD_VER        0x000
#define A_NVTD_CAP        0x008
#define A_NVTD_ECAP       0x010
#define A_NVTD_GCMD       0x018
#define A_NVTD_GSTS       0x01c
#define A_NVTD_RTADDR     0x020
#define A_NVTD_CCMD       0x028
#define A_NVTD_FSTS       0x034
#define A_NVTD_FECTL      0x038
#define A_NVTD_FEDATA     0x03c
#define A_NVTD_FEADDR     0x040
#define A_NVTD_FEUADDR    0x044
#define A_NVTD_PMEN       0x064
#define A_NVTD_PLMBASE    0x068
#define A_NVTD_PLMLIMIT   0x06c
#define A_NVTD_PHMBASE    0x070
#define A_NVTD_PHMLIMIT   0x078
#define A_NVTD_IQH        0x080
#define A_NVTD_IQT        0x088
#define A_NVTD_IQA        0x090
#define A_NVTD_ICS        0x09c
#define A_NVTD_IECTL      0x0a0
#define A_NVTD_IEDATA     0x0a4
#define A_NVTD_IEADDR     0x0a8
#define A_NVTD_IEUADDR    0x0ac
#define A_NVTD_IQERCD     0x0b0
#define A_NVTD_IRTA       0x0b8
#define A_NVTD_PQH        0x0c0
#define A_NVTD_PQT        0x0c8
#define A_NVTD_PQA        0x0d0
#define A_NVTD_PRS        0x0dc
#define A_NVTD_PECTL      0x0e0
#define A_NVTD_PEDATA     0x0e4
#define A_NVTD_PEADDR     0x0e8
#define A_NVTD_PEUADDR    0x0ec
#define A_NVTD_IVA        (NVTD_IOTLB_OFFSET + 0)
#define A_NVTD_IOTLB      (NVTD_IOTLB_OFFSET + 8)
#define A_NVTD_FRCD(i)    (NVTD_FRCD_OFFSET + 16 * (i))

/* 11.4.2, Capability Register */
#define NVTD_CAP_FIELDS(F)                   \
    F(NVTD_CAP, ND,       0,  3, USED)       \
    F(NVTD_CAP, AFL,      3,  1, USED)       \
    F(NVTD_CAP, RWBF,     4,  1, USED)       \
    F(NVTD_CAP, PLMR,     5,  1, USED)       \
    F(NVTD_CAP, PHMR,     6,  1, USED)       \
    F(NVTD_CAP, CM,       7,  1, USED)       \
    F(NVTD_CAP, SAGAW,    8,  5, USED)       \
    F(NVTD_CAP, RSVD13,  13,  3, MBZ)        \
    F(NVTD_CAP, MGAW,    16,  6, USED)       \
    F(NVTD_CAP, ZLR,     22,  1, USED)       \
    F(NVTD_CAP, DEP23,   23,  1, MBZ)        \
    F(NVTD_CAP, FRO,     24, 10, USED)       \
    F(NVTD_CAP, SSLPS,   34,  4, USED)       \
    F(NVTD_CAP, RSVD38,  38,  1, MBZ)        \
    F(NVTD_CAP, PSI,     39,  1, USED)       \
    F(NVTD_CAP, NFR,     40,  8, USED)       \
    F(NVTD_CAP, MAMV,    48,  6, USED)       \
    F(NVTD_CAP, DWD,     54,  1, USED)       \
    F(NVTD_CAP, DRD,     55,  1, USED)       \
    F(NVTD_CAP, FS1GP,   56,  1, USED)       \
    F(NVTD_CAP, RSVD57,  57,  2, MBZ)        \
    F(NVTD_CAP, PI,      59,  1, USED)       \
    F(NVTD_CAP, FS5LP,   60,  1, USED)       \
    F(NVTD_CAP, ECMDS,   61,  1, USED)       \
    F(NVTD_CAP, ESIRTPS, 62,  1, USED)       \
    F(NVTD_CAP, ESRTPS,  63,  1, USED)
NYX_LAYOUT64(NVTD_CAP_FIELDS)

/* 11.4.3, Extended Capability Register */
#define NVTD_ECAP_FIELDS(F)                  \
    F(NVTD_ECAP, C,       0,  1, USED)       \
    F(NVTD_ECAP, QI,      1,  1, USED)       \
    F(NVTD_ECAP, DT,      2,  1, USED)       \
    F(NVTD_ECAP, IR,      3,  1, USED)       \
    F(NVTD_ECAP, EIM,     4,  1, USED)       \
    F(NVTD_ECAP, DEP5,    5,  1, MBZ)        \
    F(NVTD_ECAP, PT,      6,  1, USED)       \
    F(NVTD_ECAP, SC,      7,  1, USED)       \
    F(NVTD_ECAP, IRO,     8, 10, USED)       \
    F(NVTD_ECAP, RSVD18, 18,  2, MBZ)        \
    F(NVTD_ECAP, MHMV,   20,  4, USED)       \
    F(NVTD_ECAP, DEP24,  24,  1, MBZ)        \
    F(NVTD_ECAP, MTS,    25,  1, USED)       \
    F(NVTD_ECAP, NEST,   26,  1, USED)       \
    F(NVTD_ECAP, DEP27,  27,  2, MBZ)        \
    F(NVTD_ECAP, PRS,    29,  1, USED)       \
    F(NVTD_ECAP, ERS,    30,  1, USED)       \
    F(NVTD_ECAP, SRS,    31,  1, USED)       \
    F(NVTD_ECAP, DEP32,  32,  1, MBZ)        \
    F(NVTD_ECAP, NWFS,   33,  1, USED)       \
    F(NVTD_ECAP, EAFS,   34,  1, USED)       \
    F(NVTD_ECAP, PSS,    35,  5, USED)       \
    F(NVTD_ECAP, PASID,  40,  1, USED)       \
    F(NVTD_ECAP, DIT,    41,  1, USED)       \
    F(NVTD_ECAP, PDS,    42,  1, USED)       \
    F(NVTD_ECAP, SMTS,   43,  1, USED)       \
    F(NVTD_ECAP, VCS,    44,  1, USED)       \
    F(NVTD_ECAP, SSADS,  45,  1, USED)       \
    F(NVTD_ECAP, SSTS,   46,  1, USED)       \
    F(NVTD_ECAP, FSTS,   47,  1, USED)       \
    F(NVTD_ECAP, SMPWCS, 48,  1, USED)       \
    F(NVTD_ECAP, RPS,    49,  1, USED)       \
    F(NVTD_ECAP, RSVD50, 50,  1, MBZ)        \
    F(NVTD_ECAP, PMS,    51,  1, USED)       \
    F(NVTD_ECAP, ADMS,   52,  1, USED)       \
    F(NVTD_ECAP, RPRIVS, 53,  1, USED)       \
    F(NVTD_ECAP, RSVD54, 54, 10, MBZ)
NYX_LAYOUT64(NVTD_ECAP_FIELDS)

/* 11.4.4, Global Command Register; GSTS (11.4.5) has the same positions. */
#define NVTD_GCMD_FIELDS(F)                  \
    F(NVTD_GCMD, RSVD0,   0, 23, MBZ)        \
    F(NVTD_GCMD, CFI,    23,  1, USED)       \
    F(NVTD_GCMD, SIRTP,  24,  1, USED)       \
    F(NVTD_GCMD, IRE,    25,  1, USED)       \
    F(NVTD_GCMD, QIE,    26,  1, USED)       \
    F(NVTD_GCMD, WBF,    27,  1, USED)       \
    F(NVTD_GCMD, EAFL,   28,  1, USED)       \
    F(NVTD_GCMD, SFL,    29,  1, USED)       \
    F(NVTD_GCMD, SRTP,   30,  1, USED)       \
    F(NVTD_GCMD, TE,     31,  1, USED)
NYX_LAYOUT32(NVTD_GCMD_FIELDS)

/* 11.4.6, Root Table Address Register */
#define NVTD_RTADDR_FIELDS(F)                \
    F(NVTD_RTADDR, RSVD0, 0, 10, MBZ)        \
    F(NVTD_RTADDR, TTM,  10,  2, USED)       \
    F(NVTD_RTADDR, RTA,  12, 52, ADDR)
NYX_LAYOUT64(NVTD_RTADDR_FIELDS)

enum {
    NVTD_TTM_LEGACY = 0,
    NVTD_TTM_SCALABLE = 1,
    NVTD_TTM_RESERVED = 2,
    NVTD_TTM_ABORT = 3,
};

/* 11.4.7, Context Command Register */
#define NVTD_CCMD_FIELDS(F)                  \
    F(NVTD_CCMD, DID,     0, 16, USED)       \
    F(NVTD_CCMD, SID,    16, 16, USED)       \
    F(NVTD_CCMD, FM,     32,  2, USED)       \
    F(NVTD_CCMD, RSVD34, 34, 25, MBZ)        \
    F(NVTD_CCMD, CAIG,   59,  2, USED)       \
    F(NVTD_CCMD, CIRG,   61,  2, USED)       \
    F(NVTD_CCMD, ICC,    63,  1, USED)
NYX_LAYOUT64(NVTD_CCMD_FIELDS)
#define NVTD_CCMD_WO_MASK (R_NVTD_CCMD_SID_MASK | R_NVTD_CCMD_FM_MASK)

/* 11.4.8.1, IOTLB Invalidate Register */
#define NVTD_IOTLB_FIELDS(F)                 \
    F(NVTD_IOTLB, RSVD0,   0, 32, MBZ)       \
    F(NVTD_IOTLB, DID,    32, 16, USED)      \
    F(NVTD_IOTLB, DW,     48,  1, USED)      \
    F(NVTD_IOTLB, DR,     49,  1, USED)      \
    F(NVTD_IOTLB, RSVD50, 50,  7, MBZ)       \
    F(NVTD_IOTLB, IAIG,   57,  2, USED)      \
    F(NVTD_IOTLB, RSVD59, 59,  1, MBZ)       \
    F(NVTD_IOTLB, IIRG,   60,  2, USED)      \
    F(NVTD_IOTLB, RSVD62, 62,  1, MBZ)       \
    F(NVTD_IOTLB, IVT,    63,  1, USED)
NYX_LAYOUT64(NVTD_IOTLB_FIELDS)

/* Granularities, in CCMD, IOTLB and their descriptors. */
enum {
    NVTD_GRAN_RESERVED = 0,
    NVTD_GRAN_GLOBAL = 1,
    NVTD_GRAN_DOMAIN = 2,
    NVTD_GRAN_DEVICE = 3,    /* context cache */
    NVTD_GRAN_PAGE = 3,      /* IOTLB */
};

/* The same of PASID-cache descriptors. */
enum {
    NVTD_PASID_GRAN_DOMAIN = 0,
    NVTD_PASID_GRAN_PASID = 1,
    NVTD_PASID_GRAN_GLOBAL = 3,
};

/* The same of PASID-based IOTLB descriptors; 0 and 1 are reserved. */
enum {
    NVTD_PIOTLB_GRAN_PASID = 2,
    NVTD_PIOTLB_GRAN_PAGE = 3,
};

/* 11.4.8.2, Invalidate Address Register */
#define NVTD_IVA_FIELDS(F)                   \
    F(NVTD_IVA, AM,       0,  6, USED)       \
    F(NVTD_IVA, IH,       6,  1, USED)       \
    F(NVTD_IVA, RSVD7,    7,  5, MBZ)        \
    F(NVTD_IVA, ADDR,    12, 52, ADDR)
NYX_LAYOUT64(NVTD_IVA_FIELDS)

/* 11.4.9, Fault Status Register */
#define NVTD_FSTS_FIELDS(F)                  \
    F(NVTD_FSTS, PFO,     0,  1, USED)       \
    F(NVTD_FSTS, PPF,     1,  1, USED)       \
    F(NVTD_FSTS, AFO,     2,  1, USED)       \
    F(NVTD_FSTS, APF,     3,  1, USED)       \
    F(NVTD_FSTS, IQE,     4,  1, USED)       \
    F(NVTD_FSTS, ICE,     5,  1, USED)       \
    F(NVTD_FSTS, ITE,     6,  1, USED)       \
    F(NVTD_FSTS, DEP7,    7,  1, MBZ)        \
    F(NVTD_FSTS, FRI,     8,  8, USED)       \
    F(NVTD_FSTS, RSVD16, 16, 16, MBZ)
NYX_LAYOUT32(NVTD_FSTS_FIELDS)

/* 11.4.10, Fault Event Control; the other event blocks have the same bits. */
#define NVTD_EVCTL_FIELDS(F)                 \
    F(NVTD_EVCTL, RSVD0,  0, 30, MBZ)        \
    F(NVTD_EVCTL, IP,    30,  1, USED)       \
    F(NVTD_EVCTL, IM,    31,  1, USED)
NYX_LAYOUT32(NVTD_EVCTL_FIELDS)

/* 11.4.14, Fault Recording Registers, low and high quadword */
#define NVTD_FRCD_LO_FIELDS(F)               \
    F(NVTD_FRCD_LO, RSVD0,  0, 12, MBZ)      \
    F(NVTD_FRCD_LO, FI,    12, 52, ADDR)
#define NVTD_FRCD_HI_FIELDS(X)               \
    X(NVTD_FRCD_HI, SID,    0, 16, USED)     \
    X(NVTD_FRCD_HI, RSVD16, 16, 12, MBZ)     \
    X(NVTD_FRCD_HI, T2,    28,  1, USED)     \
    X(NVTD_FRCD_HI, PRIV,  29,  1, USED)     \
    X(NVTD_FRCD_HI, EXE,   30,  1, USED)     \
    X(NVTD_FRCD_HI, PP,    31,  1, USED)     \
    X(NVTD_FRCD_HI, FR,    32,  8, USED)     \
    X(NVTD_FRCD_HI, PV,    40, 20, USED)     \
    X(NVTD_FRCD_HI, AT,    60,  2, USED)     \
    X(NVTD_FRCD_HI, T1,    62,  1, USED)     \
    X(NVTD_FRCD_HI, F,     63,  1, USED)
NYX_LAYOUT64(NVTD_FRCD_LO_FIELDS)
NYX_LAYOUT64(NVTD_FRCD_HI_FIELDS)

/* An interrupt-remapping fault keeps the index here (5.1.4.1). */
#define NVTD_FI_IR_INDEX_SHIFT 48

/* 11.4.16, Protected Memory Enable Register */
#define NVTD_PMEN_FIELDS(F)                  \
    F(NVTD_PMEN, PRS,     0,  1, USED)       \
    F(NVTD_PMEN, RSVD1,   1, 30, MBZ)        \
    F(NVTD_PMEN, EPM,    31,  1, USED)
NYX_LAYOUT32(NVTD_PMEN_FIELDS)

/* Granularity of the protected ranges: 2 MiB, found by writing ones. */
#define NVTD_PMR_LG2 21

/* 11.4.21, Invalidation Queue Head; Tail has the same bits */
#define NVTD_IQHT_FIELDS(F)                  \
    F(NVTD_IQHT, RSVD0,   0,  4, MBZ)        \
    F(NVTD_IQHT, Q,       4, 15, USED)       \
    F(NVTD_IQHT, RSVD19, 19, 45, MBZ)
NYX_LAYOUT64(NVTD_IQHT_FIELDS)

/* 11.4.23, Invalidation Queue Address Register */
#define NVTD_IQA_FIELDS(F)                   \
    F(NVTD_IQA, QS,       0,  3, USED)       \
    F(NVTD_IQA, RSVD3,    3,  8, MBZ)        \
    F(NVTD_IQA, DW,      11,  1, USED)       \
    F(NVTD_IQA, IQA,     12, 52, ADDR)
NYX_LAYOUT64(NVTD_IQA_FIELDS)

/* 11.4.24, Invalidation Completion Status Register */
#define NVTD_ICS_FIELDS(F)                   \
    F(NVTD_ICS, IWC,      0,  1, USED)       \
    F(NVTD_ICS, RSVD1,    1, 31, MBZ)
NYX_LAYOUT32(NVTD_ICS_FIELDS)

/* 11.4.29, Invalidation Queue Error Record Register */
#define NVTD_IQERCD_FIELDS(F)                \
    F(NVTD_IQERCD, IQEI,    0,  4, USED)     \
    F(NVTD_IQERCD, RSVD4,   4, 28, MBZ)      \
    F(NVTD_IQERCD, ITESID, 32, 16, USED)     \
    F(NVTD_IQERCD, ICESID, 48, 16, USED)
NYX_LAYOUT64(NVTD_IQERCD_FIELDS)

/* IQERCD.IQEI */
enum {
    NVTD_IQEI_NONE = 0,
    NVTD_IQEI_BAD_TAIL = 1,
    NVTD_IQEI_FETCH = 2,
    NVTD_IQEI_TYPE = 3,
    NVTD_IQEI_RESERVED = 4,
    NVTD_IQEI_WIDTH = 5,
    NVTD_IQEI_TAIL_ALIGN = 6,
    NVTD_IQEI_TTM = 7,
};

/* 11.4.30, Interrupt Remapping Table Address Register */
#define NVTD_IRTA_FIELDS(F)                  \
    F(NVTD_IRTA, S,       0,  4, USED)       \
    F(NVTD_IRTA, RSVD4,   4,  7, MBZ)        \
    F(NVTD_IRTA, EIME,   11,  1, USED)       \
    F(NVTD_IRTA, IRTA,   12, 52, ADDR)
NYX_LAYOUT64(NVTD_IRTA_FIELDS)

/* 11.4.31, Page Request Queue Head; Tail has the same bits */
#define NVTD_PQHT_FIELDS(F)                  \
    F(NVTD_PQHT, RSVD0,   0,  5, MBZ)        \
    F(NVTD_PQHT, Q,       5, 14, USED)       \
    F(NVTD_PQHT, RSVD19, 19, 45, MBZ)
NYX_LAYOUT64(NVTD_PQHT_FIELDS)

/* 11.4.33, Page Request Queue Address Register */
#define NVTD_PQA_FIELDS(F)                   \
    F(NVTD_PQA, PQS,      0,  3, USED)       \
    F(NVTD_PQA, RSVD3,    3,  9, MBZ)        \
    F(NVTD_PQA, PQA,     12, 52, ADDR)
NYX_LAYOUT64(NVTD_PQA_FIELDS)

/* 11.4.34, Page Request Status Register */
#define NVTD_PRS_FIELDS(F)                   \
    F(NVTD_PRS, PPR,      0,  1, USED)       \
    F(NVTD_PRS, PRO,      1,  1, USED)       \
    F(NVTD_PRS, RSVD2,    2, 30, MBZ)
NYX_LAYOUT32(NVTD_PRS_FIELDS)

/* Performance monitoring (11.4.40 and on) */
#define A_NVTD_PERFCAP       0x300
#define A_NVTD_PERFCFGOFF    0x310
#define A_NVTD_PERFFRZOFF    0x314
#define A_NVTD_PERFOVFOFF    0x318
#define A_NVTD_PERFCNTROFF   0x31c
#define A_NVTD_PERFINTRSTS   0x324
#define A_NVTD_PERFINTRCTL   0x328
#define A_NVTD_PERFEVNTCAP(g) (0x380 + 8 * (g))

/* Where our movable groups are, and what there is of them. */
#define A_NVTD_PERFFRZ       0x340
#define A_NVTD_PERFOVF       0x348
#define A_NVTD_PERFCFG(i)    (0x600 + 0x100 * (i))
#define A_NVTD_PERFSID(i)    (A_NVTD_PERFCFG(i) + 0x08)
#define A_NVTD_PERFDID(i)    (A_NVTD_PERFCFG(i) + 0x0c)
#define A_NVTD_PERFCNTRCAP(i) (A_NVTD_PERFCFG(i) + 0x80)
#define A_NVTD_PERFCNTR(i)   (0x1000 + 0x400 * (i))
#define NVTD_PERF_COUNTERS   4
#define NVTD_PERF_WIDTH      48
#define NVTD_PERF_GROUPS     5

#define NVTD_PERFCAP_FIELDS(F)               \
    F(NVTD_PERFCAP, NCNTR,  0, 16, USED)     \
    F(NVTD_PERFCAP, CW,    16,  7, USED)     \
    F(NVTD_PERFCAP, RSVD23, 23, 1, MBZ)      \
    F(NVTD_PERFCAP, NEG,   24,  5, USED)     \
    F(NVTD_PERFCAP, RSVD29, 29, 3, MBZ)      \
    F(NVTD_PERFCAP, FILT,  32,  5, USED)     \
    F(NVTD_PERFCAP, RSVD37, 37, 13, MBZ)     \
    F(NVTD_PERFCAP, IOS,   50,  1, USED)     \
    F(NVTD_PERFCAP, RSVD51, 51, 1, MBZ)      \
    F(NVTD_PERFCAP, STRIDE, 52, 3, USED)     \
    F(NVTD_PERFCAP, RSVD55, 55, 9, MBZ)
NYX_LAYOUT64(NVTD_PERFCAP_FIELDS)

/* PERFCAP.FILT */
enum {
    NVTD_PERF_FILTER_SID = 1 << 0,
    NVTD_PERF_FILTER_DID = 1 << 1,
};

#define NVTD_PERFCFG_FIELDS(F)               \
    F(NVTD_PERFCFG, RSVD0,  0,  1, MBZ)      \
    F(NVTD_PERFCFG, INT,    1,  1, USED)     \
    F(NVTD_PERFCFG, RSVD2,  2,  6, MBZ)      \
    F(NVTD_PERFCFG, EGI,    8,  4, USED)     \
    F(NVTD_PERFCFG, RSVD12, 12, 20, MBZ)     \
    F(NVTD_PERFCFG, ES,    32, 28, USED)     \
    F(NVTD_PERFCFG, RSVD60, 60, 4, MBZ)
NYX_LAYOUT64(NVTD_PERFCFG_FIELDS)

#define NVTD_PERFFILT_FIELDS(F)              \
    F(NVTD_PERFFILT, ID,    0, 16, USED)     \
    F(NVTD_PERFFILT, RSVD16, 16, 15, MBZ)    \
    F(NVTD_PERFFILT, EN,   31,  1, USED)
NYX_LAYOUT32(NVTD_PERFFILT_FIELDS)

#define NVTD_PERFCNTRCAP_FIELDS(F)           \
    F(NVTD_PERFCNTRCAP, PCC,   0,  1, USED)  \
    F(NVTD_PERFCNTRCAP, RSVD1, 1,  7, MBZ)   \
    F(NVTD_PERFCNTRCAP, CW,    8,  8, USED)  \
    F(NVTD_PERFCNTRCAP, IOS,  16,  1, USED)  \
    F(NVTD_PERFCNTRCAP, RSVD17, 17, 11, MBZ) \
    F(NVTD_PERFCNTRCAP, EGC,  28,  4, USED)
NYX_LAYOUT32(NVTD_PERFCNTRCAP_FIELDS)

#define R_NVTD_PERFINTRSTS_PIS_MASK 1

/* Enhanced commands (11.4.50 and on) */
#define A_NVTD_ECMD          0x400
#define A_NVTD_ECEO          0x408
#define A_NVTD_ECRSP         0x410
#define A_NVTD_ECCAP(n)      (0x430 + 8 * (n))

#define NVTD_ECMD_FIELDS(F)                  \
    F(NVTD_ECMD, CMD,     0,  8, USED)       \
    F(NVTD_ECMD, RSVD8,   8,  8, MBZ)        \
    F(NVTD_ECMD, OA,     16, 48, USED)
NYX_LAYOUT64(NVTD_ECMD_FIELDS)

/* ECMD.CMD; ECCAPn has a bit for each of 64. */
enum {
    NVTD_ECMD_ENABLE = 0xf0,
    NVTD_ECMD_DISABLE = 0xf1,
    NVTD_ECMD_FREEZE = 0xf4,
    NVTD_ECMD_UNFREEZE = 0xf5,
};

/* ECRSP: 0 IP, then the status code. */
#define NVTD_ECRSP_SC_SHIFT 1
enum {
    NVTD_ECMD_SC_OK = 0,
    NVTD_ECMD_SC_UNSUPPORTED = 1,
    NVTD_ECMD_SC_OPERAND = 2,
};

/* Virtual command registers (11.4.45 and on), since revision 3.3 */
#define A_NVTD_VCMD       0xe00
#define A_NVTD_VCMD_EO    0xe08
#define A_NVTD_VCRSP      0xe10
#define A_NVTD_VCCAP      0xe30
#define NVTD_VCMD_NEW_VERSION 0x33

/* The same before it. */
#define A_NVTD_OLD_VCCAP  0xe00
#define A_NVTD_OLD_VCMD   0xe10
#define A_NVTD_OLD_VCRSP  0xe20

/* The operand starts at bit 16, before revision 3.3 at bit 8. */
#define NVTD_VCMD_FIELDS(F)                  \
    F(NVTD_VCMD, CMD,     0,  8, USED)       \
    F(NVTD_VCMD, OP,      8, 56, USED)
NYX_LAYOUT64(NVTD_VCMD_FIELDS)

#define NVTD_VCCAP_FIELDS(F)                 \
    F(NVTD_VCCAP, PAS,    0,  1, USED)       \
    F(NVTD_VCCAP, RSVD1,  1, 63, MBZ)
NYX_LAYOUT64(NVTD_VCCAP_FIELDS)

/* VCMD.CMD */
enum {
    NVTD_VCMD_ALLOC = 1,
    NVTD_VCMD_FREE = 2,
};

/* VCRSP: 0 IP, then the status code. */
#define NVTD_VCRSP_SC_SHIFT 1
enum {
    NVTD_VCMD_SC_OK = 0,
    NVTD_VCMD_SC_UNSUPPORTED = 1,
};

/* 3.14: writes here are interrupt requests. */
#define NVTD_INTR_FIRST     0xfee00000ULL
#define NVTD_INTR_LAST      0xfeefffffULL

#endif
