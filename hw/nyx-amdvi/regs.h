/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD-Vi registers: the capability block in configuration space and the MMIO
 * block (publication 48882, chapter 3).  Layout only; the tests include the
 * same file.
 */
#ifndef HW_NYX_AMDVI_REGS_H
#define HW_NYX_AMDVI_REGS_H

#include "hw/nyx-iommu/fields.h"

/* --- Capability block (3.2), offsets from the capability ------------------ */

#define NAMD_CAP_ID         0x0f
#define NAMD_CAP_SIZE       0x18
#define NAMD_CAP_HEADER     0x00
#define NAMD_CAP_BASE_LO    0x04
#define NAMD_CAP_BASE_HI    0x08
#define NAMD_CAP_RANGE      0x0c
#define NAMD_CAP_MISC0      0x10
#define NAMD_CAP_MISC1      0x14

#define NAMD_CAP_HEADER_FIELDS(F)            \
    F(NAMD_CAPH, ID,        0,  8, USED)     \
    F(NAMD_CAPH, NEXT,      8,  8, USED)     \
    F(NAMD_CAPH, TYPE,     16,  3, USED)     \
    F(NAMD_CAPH, REV,      19,  5, USED)     \
    F(NAMD_CAPH, IOTLBSUP, 24,  1, USED)     \
    F(NAMD_CAPH, HTTUNNEL, 25,  1, USED)     \
    F(NAMD_CAPH, NPCACHE,  26,  1, USED)     \
    F(NAMD_CAPH, EFRSUP,   27,  1, USED)     \
    F(NAMD_CAPH, CAPEXT,   28,  1, USED)     \
    F(NAMD_CAPH, RSVD29,   29,  3, MBZ)
#define NAMD_CAP_BASE_LO_FIELDS(F)           \
    F(NAMD_CAPB, ENABLE,    0,  1, USED)     \
    F(NAMD_CAPB, RSVD1,     1, 13, MBZ)      \
    F(NAMD_CAPB, BASE,     14, 18, USED)
#define NAMD_CAP_RANGE_FIELDS(F)             \
    F(NAMD_CAPR, UNITID,    0,  5, USED)     \
    F(NAMD_CAPR, RSVD5,     5,  2, MBZ)      \
    F(NAMD_CAPR, VALID,     7,  1, USED)     \
    F(NAMD_CAPR, BUS,       8,  8, USED)     \
    F(NAMD_CAPR, FIRST,    16,  8, USED)     \
    F(NAMD_CAPR, LAST,     24,  8, USED)
#define NAMD_CAP_MISC0_FIELDS(F)             \
    F(NAMD_MISC0, MSINUM,     0,  5, USED)   \
    F(NAMD_MISC0, GVASIZE,    5,  3, USED)   \
    F(NAMD_MISC0, PASIZE,     8,  7, USED)   \
    F(NAMD_MISC0, VASIZE,    15,  7, USED)   \
    F(NAMD_MISC0, HTATSRESV, 22,  1, USED)   \
    F(NAMD_MISC0, RSVD23,    23,  4, MBZ)    \
    F(NAMD_MISC0, MSINUMPPR, 27,  5, USED)
#define NAMD_CAP_MISC1_FIELDS(F)             \
    F(NAMD_MISC1, MSINUMGA, 0,  5, USED)     \
    F(NAMD_MISC1, RSVD5,    5, 27, MBZ)
NYX_LAYOUT32(NAMD_CAP_HEADER_FIELDS)
NYX_LAYOUT32(NAMD_CAP_BASE_LO_FIELDS)
NYX_LAYOUT32(NAMD_CAP_RANGE_FIELDS)
NYX_LAYOUT32(NAMD_CAP_MISC0_FIELDS)
NYX_LAYOUT32(NAMD_CAP_MISC1_FIELDS)

#define NAMD_CAP_TYPE_IOMMU 3
#define NAMD_CAP_REVISION   1

/* Message numbers: one each, so that software can tell the causes apart. */
#define NAMD_MSG_GENERAL    0
#define NAMD_MSG_PPR        1
#define NAMD_MSG_GA         2
#define NAMD_MESSAGES       4           /* MSI counts are powers of two */

/* --- MMIO block (3.4) ----------------------------------------------------- */

#define NAMD_MMIO_BASE      0xfed80000ULL  /* unless firmware moves it */
#define NAMD_MMIO_SIZE      0x4000
#define NAMD_MMIO_SIZE_PC   0x80000        /* with performance counters */

#define A_NAMD_DEVTAB       0x0000
#define A_NAMD_CMDBASE      0x0008
#define A_NAMD_EVTBASE      0x0010
#define A_NAMD_CONTROL      0x0018
#define A_NAMD_EXCLBASE     0x0020
#define A_NAMD_EXCLLIMIT    0x0028
#define A_NAMD_EFR          0x0030
#define A_NAMD_PPRBASE      0x0038
#define A_NAMD_HWEVT_LO     0x0040
#define A_NAMD_HWEVT_HI     0x0048
#define A_NAMD_HWEVT_STATUS 0x0050
#define A_NAMD_SMI(i)       (0x0060 + 8 * (i))      /* 0 to 15 */
#define A_NAMD_GALOGBASE    0x00e0
#define A_NAMD_GALOGTAIL    0x00e8      /* where the tail is stored as well */
#define A_NAMD_PPRBASE_B    0x00f0
#define A_NAMD_EVTBASE_B    0x00f8
#define A_NAMD_DEVTAB_SEG(i) (0x0100 + 8 * ((i) - 1)) /* 1 to 7 */
#define A_NAMD_DSFX         0x0138
#define A_NAMD_DSCX         0x0140
#define A_NAMD_DSSX         0x0148
#define A_NAMD_MSI_VECTOR0  0x0150      /* mirrors of configuration space */
#define A_NAMD_MSI_VECTOR1  0x0154
#define A_NAMD_MSI_CAP      0x0158
#define A_NAMD_MSI_ADDR_LO  0x015c
#define A_NAMD_MSI_ADDR_HI  0x0160
#define A_NAMD_MSI_DATA     0x0164
#define A_NAMD_MSI_MAP      0x0168
#define A_NAMD_PERFOPT      0x016c
#define A_NAMD_XT_GENERAL   0x0170
#define A_NAMD_XT_PPR       0x0178
#define A_NAMD_XT_GA        0x0180
#define A_NAMD_VIOMMU_STATUS 0x0190
#define A_NAMD_EFR2         0x01a0
#define A_NAMD_MARC_BASE(i)  (0x0200 + 0x18 * (i))   /* 0 to 3 */
#define A_NAMD_MARC_RELOC(i) (0x0208 + 0x18 * (i))
#define A_NAMD_MARC_LEN(i)   (0x0210 + 0x18 * (i))
#define A_NAMD_RESERVED_1FF8 0x1ff8     /* counted by source 14h */
#define A_NAMD_CMDHEAD      0x2000
#define A_NAMD_CMDTAIL      0x2008
#define A_NAMD_EVTHEAD      0x2010
#define A_NAMD_EVTTAIL      0x2018
#define A_NAMD_STATUS       0x2020
#define A_NAMD_PPRHEAD      0x2030
#define A_NAMD_PPRTAIL      0x2038
#define A_NAMD_GALOGHEAD    0x2040
#define A_NAMD_GALOGTAILPTR 0x2048
#define A_NAMD_PPRHEAD_B    0x2050
#define A_NAMD_PPRTAIL_B    0x2058
#define A_NAMD_EVTHEAD_B    0x2070
#define A_NAMD_EVTTAIL_B    0x2078
#define A_NAMD_PPRAUTO      0x2080
#define A_NAMD_PPREARLY     0x2088
#define A_NAMD_PPREARLY_B   0x2090
#define A_NAMD_PCCFG        0x4000
#define A_NAMD_PCPASID      0x4008      /* bank locks */
#define A_NAMD_PCDOMAIN     0x4010
#define A_NAMD_PCDEVID      0x4018
#define A_NAMD_PC(bank, counter, fn) \
    (0x40000 + ((bank) << 12) + ((counter) << 8) + (fn))

#define NAMD_SMI_FILTERS    16
#define NAMD_SEGMENTS       8
#define NAMD_MARC_WINDOWS   4
#define NAMD_PC_BANKS       4
#define NAMD_PC_COUNTERS    4           /* of each bank */

/* 3.4.1, Device Table Base Address; the segments have the same form. */
#define NAMD_DEVTAB_FIELDS(F)                \
    F(NAMD_DEVTAB, SIZE,    0,  9, USED)     \
    F(NAMD_DEVTAB, RSVD9,   9,  3, MBZ)      \
    F(NAMD_DEVTAB, BASE,   12, 40, ADDR)     \
    F(NAMD_DEVTAB, RSVD52, 52, 12, MBZ)

/* The base registers of the command buffer and of the logs. */
#define NAMD_RING_FIELDS(F)                  \
    F(NAMD_RING, RSVD0,     0, 12, MBZ)      \
    F(NAMD_RING, BASE,     12, 40, ADDR)     \
    F(NAMD_RING, RSVD52,   52,  4, MBZ)      \
    F(NAMD_RING, LEN,      56,  4, USED)     \
    F(NAMD_RING, RSVD60,   60,  4, MBZ)

#define NAMD_RING_LEN_MIN   8           /* 2^8 entries of 16 bytes */

/* Heads and tails: a byte offset; of the GA log a multiple of 8 */
#define NAMD_POINTER_FIELDS(F)               \
    F(NAMD_PTR, RSVD0,      0,  4, MBZ)      \
    F(NAMD_PTR, PTR,        4, 15, USED)     \
    F(NAMD_PTR, RSVD19,    19, 45, MBZ)
#define NAMD_GA_POINTER_FIELDS(F)            \
    F(NAMD_GAPTR, RSVD0,    0,  3, MBZ)      \
    F(NAMD_GAPTR, PTR,      3, 16, USED)     \
    F(NAMD_GAPTR, RSVD19,  19, 45, MBZ)

/* 3.4.4, IOMMU Control */
#define NAMD_CONTROL_FIELDS(F)               \
    F(NAMD_CTRL, IOMMUEN,       0,  1, USED) \
    F(NAMD_CTRL, HTTUNEN,       1,  1, USED) \
    F(NAMD_CTRL, EVENTLOGEN,    2,  1, USED) \
    F(NAMD_CTRL, EVENTINTEN,    3,  1, USED) \
    F(NAMD_CTRL, COMWAITINTEN,  4,  1, USED) \
    F(NAMD_CTRL, INVTIMEOUT,    5,  3, USED) \
    F(NAMD_CTRL, PASSPW,        8,  1, USED) \
    F(NAMD_CTRL, RESPASSPW,     9,  1, USED) \
    F(NAMD_CTRL, COHERENT,     10,  1, USED) \
    F(NAMD_CTRL, ISOC,         11,  1, USED) \
    F(NAMD_CTRL, CMDBUFEN,     12,  1, USED) \
    F(NAMD_CTRL, PPRLOGEN,     13,  1, USED) \
    F(NAMD_CTRL, PPRINTEN,     14,  1, USED) \
    F(NAMD_CTRL, PPREN,        15,  1, USED) \
    F(NAMD_CTRL, GTEN,         16,  1, USED) \
    F(NAMD_CTRL, GAEN,         17,  1, USED) \
    F(NAMD_CTRL, CRW,          18,  4, MBZ)  \
    F(NAMD_CTRL, SMIFEN,       22,  1, USED) \
    F(NAMD_CTRL, SLFWBDIS,     23,  1, USED) \
    F(NAMD_CTRL, SMIFLOGEN,    24,  1, USED) \
    F(NAMD_CTRL, GAMEN,        25,  3, USED) \
    F(NAMD_CTRL, GALOGEN,      28,  1, USED) \
    F(NAMD_CTRL, GAINTEN,      29,  1, USED) \
    F(NAMD_CTRL, DUALPPR,      30,  2, USED) \
    F(NAMD_CTRL, DUALEVENT,    32,  2, USED) \
    F(NAMD_CTRL, DEVTBLSEG,    34,  3, USED) \
    F(NAMD_CTRL, PRIVABRT,     37,  2, USED) \
    F(NAMD_CTRL, PPRAUTO,      39,  1, USED) \
    F(NAMD_CTRL, MARCEN,       40,  1, USED) \
    F(NAMD_CTRL, BLKSTOPMRK,   41,  1, USED) \
    F(NAMD_CTRL, PPRAUTOAON,   42,  1, USED) \
    F(NAMD_CTRL, NUMINTREMAP,  43,  2, USED) \
    F(NAMD_CTRL, EPHEN,        45,  1, USED) \
    F(NAMD_CTRL, HADUPDATE,    46,  2, USED) \
    F(NAMD_CTRL, GDUPDATEDIS,  48,  1, USED) \
    F(NAMD_CTRL, RSVD49,       49,  1, MBZ)  \
    F(NAMD_CTRL, XTEN,         50,  1, USED) \
    F(NAMD_CTRL, INTCAPXTEN,   51,  1, USED) \
    F(NAMD_CTRL, VCMDEN,       52,  1, USED) \
    F(NAMD_CTRL, VIOMMUEN,     53,  1, USED) \
    F(NAMD_CTRL, GAUPDATEDIS,  54,  1, USED) \
    F(NAMD_CTRL, GAPPIEN,      55,  1, USED) \
    F(NAMD_CTRL, TMPMEN,       56,  1, USED) \
    F(NAMD_CTRL, RSVD57,       57,  1, MBZ)  \
    F(NAMD_CTRL, GCR3TRP,      58,  1, USED) \
    F(NAMD_CTRL, IRTCACHEDIS,  59,  1, USED) \
    F(NAMD_CTRL, GSTBUFTRP,    60,  1, USED) \
    F(NAMD_CTRL, SNPAVICEN,    61,  3, USED)

/* Control InvTimeOut */
#define NAMD_INVTIMEOUT_RESERVED 7
/* Control DualPprLogEn and DualEventLogEn */
enum {
    NAMD_DUAL_A = 0,
    NAMD_DUAL_B = 1,
    NAMD_DUAL_SWAP = 2,
    NAMD_DUAL_RESERVED = 3,
};
/* Control GAMEn */
#define NAMD_GAM_OFF    0
#define NAMD_GAM_VAPIC  1
/* Control NumIntRemapMode */
#define NAMD_INTREMAP_512   0
#define NAMD_INTREMAP_2048  1

/* 3.4.6 and 3.4.7, Exclusion Range Base and Limit */
#define NAMD_EXCLBASE_FIELDS(F)              \
    F(NAMD_EXCLB, EXEN,     0,  1, USED)     \
    F(NAMD_EXCLB, ALLOW,    1,  1, USED)     \
    F(NAMD_EXCLB, RSVD2,    2, 10, MBZ)      \
    F(NAMD_EXCLB, BASE,    12, 40, ADDR)     \
    F(NAMD_EXCLB, RSVD52,  52, 12, MBZ)
#define NAMD_EXCLLIMIT_FIELDS(F)             \
    F(NAMD_EXCLL, RSVD0,    0, 12, MBZ)      \
    F(NAMD_EXCLL, LIMIT,   12, 40, ADDR)     \
    F(NAMD_EXCLL, RSVD52,  52, 12, MBZ)

/* 3.4.8, Extended Feature */
#define NAMD_EFR_FIELDS(F)                   \
    F(NAMD_EFR, PREFSUP,        0,  1, USED) \
    F(NAMD_EFR, PPRSUP,         1,  1, USED) \
    F(NAMD_EFR, XTSUP,          2,  1, USED) \
    F(NAMD_EFR, NXSUP,          3,  1, USED) \
    F(NAMD_EFR, GTSUP,          4,  1, USED) \
    F(NAMD_EFR, GAPPISUP,       5,  1, USED) \
    F(NAMD_EFR, IASUP,          6,  1, USED) \
    F(NAMD_EFR, GASUP,          7,  1, USED) \
    F(NAMD_EFR, HESUP,          8,  1, USED) \
    F(NAMD_EFR, PCSUP,          9,  1, USED) \
    F(NAMD_EFR, HATS,          10,  2, USED) \
    F(NAMD_EFR, GATS,          12,  2, USED) \
    F(NAMD_EFR, GLXSUP,        14,  2, USED) \
    F(NAMD_EFR, SMIFSUP,       16,  2, USED) \
    F(NAMD_EFR, SMIFRC,        18,  3, USED) \
    F(NAMD_EFR, GAMSUP,        21,  3, USED) \
    F(NAMD_EFR, DUALPPRSUP,    24,  2, USED) \
    F(NAMD_EFR, RSVD26,        26,  2, MBZ)  \
    F(NAMD_EFR, DUALEVENTSUP,  28,  2, USED) \
    F(NAMD_EFR, RSVD30,        30,  1, MBZ)  \
    F(NAMD_EFR, SATSSUP,       31,  1, USED) \
    F(NAMD_EFR, PASMAX,        32,  5, USED) \
    F(NAMD_EFR, USSUP,         37,  1, USED) \
    F(NAMD_EFR, DEVTBLSEGSUP,  38,  2, USED) \
    F(NAMD_EFR, PPREARLYSUP,   40,  1, USED) \
    F(NAMD_EFR, PPRAUTOSUP,    41,  1, USED) \
    F(NAMD_EFR, MARCSUP,       42,  2, USED) \
    F(NAMD_EFR, BLKSTOPMRKSUP, 44,  1, USED) \
    F(NAMD_EFR, PERFOPTSUP,    45,  1, USED) \
    F(NAMD_EFR, MSICAPMMIOSUP, 46,  1, USED) \
    F(NAMD_EFR, RSVD47,        47,  1, MBZ)  \
    F(NAMD_EFR, GIOSUP,        48,  1, USED) \
    F(NAMD_EFR, HASUP,         49,  1, USED) \
    F(NAMD_EFR, EPHSUP,        50,  1, USED) \
    F(NAMD_EFR, ATTRFWSUP,     51,  1, USED) \
    F(NAMD_EFR, HDSUP,         52,  1, USED) \
    F(NAMD_EFR, RSVD53,        53,  1, MBZ)  \
    F(NAMD_EFR, INVIOTLBTYPESUP, 54, 1, USED) \
    F(NAMD_EFR, VIOMMUSUP,     55,  1, USED) \
    F(NAMD_EFR, VMGUARDIOSUP,  56,  1, USED) \
    F(NAMD_EFR, VMTABLESIZE,   57,  4, USED) \
    F(NAMD_EFR, GAUPDATEDISSUP, 61, 1, USED) \
    F(NAMD_EFR, FORCEPHYDEST,  62,  1, USED) \
    F(NAMD_EFR, SNPSUP,        63,  1, USED)

/* EFR HATS: three is no levels at all. */
#define NAMD_HATS_NONE  3

/* 3.4.20, Extended Feature 2 */
#define NAMD_EFR2_FIELDS(F)                  \
    F(NAMD_EFR2, CXLIOSUP,       0,  1, USED) \
    F(NAMD_EFR2, SEVSNPIOSUP,    1,  1, USED) \
    F(NAMD_EFR2, TMPMSUP,        2,  1, USED) \
    F(NAMD_EFR2, GCR3TRPSUP,     3,  1, USED) \
    F(NAMD_EFR2, GAPPIDISSUP,    4,  1, USED) \
    F(NAMD_EFR2, SNPAVICSUP,     5,  3, USED) \
    F(NAMD_EFR2, NUMINTREMAPSUP, 8,  2, USED) \
    F(NAMD_EFR2, RSVD10,        10,  1, MBZ)  \
    F(NAMD_EFR2, HTRANGEIGNORE, 11,  1, USED) \
    F(NAMD_EFR2, RSVD12,        12, 52, MBZ)

/* 3.4.11, Hardware Event Status */
#define NAMD_HWEVT_STATUS_FIELDS(F)          \
    F(NAMD_HWEVTS, HEV,     0,  1, USED)     \
    F(NAMD_HWEVTS, HEO,     1,  1, USED)     \
    F(NAMD_HWEVTS, RSVD2,   2, 62, MBZ)

/* 3.4.12, SMI Filter */
#define NAMD_SMI_FIELDS(F)                   \
    F(NAMD_SMI, DID,        0, 16, USED)     \
    F(NAMD_SMI, DV,        16,  1, USED)     \
    F(NAMD_SMI, LOCK,      17,  1, USED)     \
    F(NAMD_SMI, RSVD18,    18, 46, MBZ)

/* Guest vAPIC Log Tail Address */
#define NAMD_GALOGTAIL_FIELDS(F)             \
    F(NAMD_GATA, RSVD0,     0,  3, MBZ)      \
    F(NAMD_GATA, ADDR,      3, 49, ADDR)     \
    F(NAMD_GATA, RSVD52,   52, 12, MBZ)

/* XT interrupt control registers, all three */
#define NAMD_XT_FIELDS(F)                    \
    F(NAMD_XT, RSVD0,       0,  2, MBZ)      \
    F(NAMD_XT, DM,          2,  1, USED)     \
    F(NAMD_XT, RSVD3,       3,  5, MBZ)      \
    F(NAMD_XT, DEST,        8, 24, USED)     \
    F(NAMD_XT, VECTOR,     32,  8, USED)     \
    F(NAMD_XT, DLM,        40,  1, USED)     \
    F(NAMD_XT, RSVD41,     41, 15, MBZ)      \
    F(NAMD_XT, DEST_HI,    56,  8, USED)

/* MARC aperture: base and length have no flags. */
#define NAMD_MARC_FIELDS(F)                  \
    F(NAMD_MARC, RSVD0,     0, 12, MBZ)      \
    F(NAMD_MARC, ADDR,     12, 40, ADDR)     \
    F(NAMD_MARC, RSVD52,   52, 12, MBZ)
#define NAMD_MARC_RELOC_FIELDS(F)            \
    F(NAMD_MARCR, ENABLE,   0,  1, USED)     \
    F(NAMD_MARCR, READONLY, 1,  1, USED)     \
    F(NAMD_MARCR, RSVD2,    2, 10, MBZ)      \
    F(NAMD_MARCR, ADDR,    12, 40, ADDR)     \
    F(NAMD_MARCR, RSVD52,  52, 12, MBZ)

/* 3.4.16, IOMMU Status */
#define NAMD_STATUS_FIELDS(F)                \
    F(NAMD_STS, EVENTOVERFLOW,  0,  1, USED) \
    F(NAMD_STS, EVENTLOGINT,    1,  1, USED) \
    F(NAMD_STS, COMWAITINT,     2,  1, USED) \
    F(NAMD_STS, EVENTLOGRUN,    3,  1, USED) \
    F(NAMD_STS, CMDBUFRUN,      4,  1, USED) \
    F(NAMD_STS, PPROVERFLOW,    5,  1, USED) \
    F(NAMD_STS, PPRINT,         6,  1, USED) \
    F(NAMD_STS, PPRLOGRUN,      7,  1, USED) \
    F(NAMD_STS, GALOGRUN,       8,  1, USED) \
    F(NAMD_STS, GALOVERFLOW,    9,  1, USED) \
    F(NAMD_STS, GAINT,         10,  1, USED) \
    F(NAMD_STS, PPROVERFLOWB,  11,  1, USED) \
    F(NAMD_STS, PPRLOGACTIVE,  12,  1, USED) \
    F(NAMD_STS, RSVD13,        13,  2, MBZ)  \
    F(NAMD_STS, EVENTOVERFLOWB, 15, 1, USED) \
    F(NAMD_STS, EVENTLOGACTIVE, 16, 1, USED) \
    F(NAMD_STS, PPREARLYB,     17,  1, USED) \
    F(NAMD_STS, PPREARLY,      18,  1, USED) \
    F(NAMD_STS, RSVD19,        19, 45, MBZ)

#define NAMD_PPRAUTO_FIELDS(F)               \
    F(NAMD_PPRAUTO, CODE,   0,  4, USED)     \
    F(NAMD_PPRAUTO, MASKGN, 4,  1, USED)     \
    F(NAMD_PPRAUTO, RSVD5,  5, 59, MBZ)
#define NAMD_PPREARLY_FIELDS(F)              \
    F(NAMD_PPREARLY, LIMIT, 0, 15, USED)     \
    F(NAMD_PPREARLY, RSVD15, 15, 15, MBZ)    \
    F(NAMD_PPREARLY, INTEN, 30,  1, USED)    \
    F(NAMD_PPREARLY, EN,   31,  1, USED)     \
    F(NAMD_PPREARLY, RSVD32, 32, 32, MBZ)

/* 3.4.18, Counter Configuration, and functions 08h to 28h of a counter */
#define NAMD_PCCFG_FIELDS(F)                 \
    F(NAMD_PCCFG, RSVD0,    0,  7, MBZ)      \
    F(NAMD_PCCFG, COUNTERS, 7,  4, USED)     \
    F(NAMD_PCCFG, RSVD11,  11,  1, MBZ)      \
    F(NAMD_PCCFG, BANKS,   12,  6, USED)     \
    F(NAMD_PCCFG, RSVD18,  18, 46, MBZ)
#define NAMD_PC_COUNT_FIELDS(F)              \
    F(NAMD_PC0, COUNT,      0, 48, USED)     \
    F(NAMD_PC0, RSVD48,    48, 16, MBZ)
#define NAMD_PC_SOURCE_FIELDS(F)             \
    F(NAMD_PC8, SOURCE,     0,  8, USED)     \
    F(NAMD_PC8, RSVD8,      8, 22, MBZ)      \
    F(NAMD_PC8, UNITS,     30,  1, USED)     \
    F(NAMD_PC8, CAC,       31,  1, USED)     \
    F(NAMD_PC8, RSVD32,    32, 32, MBZ)
#define NAMD_PC_MATCH_FIELDS(F)              \
    F(NAMD_PCM, VALUE,      0, 16, USED)     \
    F(NAMD_PCM, RSVD16,    16, 15, MBZ)      \
    F(NAMD_PCM, EN,        31,  1, USED)     \
    F(NAMD_PCM, MASK,      32, 16, USED)     \
    F(NAMD_PCM, RSVD48,    48, 16, MBZ)
#define NAMD_PC_REPORT_FIELDS(F)             \
    F(NAMD_PC28, NOTE,      0, 52, USED)     \
    F(NAMD_PC28, RSVD52,   52, 11, MBZ)      \
    F(NAMD_PC28, CERE,     63,  1, USED)

enum {
    NAMD_PC_FN_COUNT = 0x00,
    NAMD_PC_FN_SOURCE = 0x08,
    NAMD_PC_FN_PASID = 0x10,
    NAMD_PC_FN_DOMAIN = 0x18,
    NAMD_PC_FN_DEVID = 0x20,
    NAMD_PC_FN_REPORT = 0x28,
};

NYX_LAYOUT64(NAMD_DEVTAB_FIELDS)
NYX_LAYOUT64(NAMD_RING_FIELDS)
NYX_LAYOUT64(NAMD_POINTER_FIELDS)
NYX_LAYOUT64(NAMD_GA_POINTER_FIELDS)
NYX_LAYOUT64(NAMD_CONTROL_FIELDS)
NYX_LAYOUT64(NAMD_EXCLBASE_FIELDS)
NYX_LAYOUT64(NAMD_EXCLLIMIT_FIELDS)
NYX_LAYOUT64(NAMD_EFR_FIELDS)
NYX_LAYOUT64(NAMD_EFR2_FIELDS)
NYX_LAYOUT64(NAMD_HWEVT_STATUS_FIELDS)
NYX_LAYOUT64(NAMD_SMI_FIELDS)
NYX_LAYOUT64(NAMD_GALOGTAIL_FIELDS)
NYX_LAYOUT64(NAMD_XT_FIELDS)
NYX_LAYOUT64(NAMD_MARC_FIELDS)
NYX_LAYOUT64(NAMD_MARC_RELOC_FIELDS)
NYX_LAYOUT64(NAMD_STATUS_FIELDS)
NYX_LAYOUT64(NAMD_PPRAUTO_FIELDS)
NYX_LAYOUT64(NAMD_PPREARLY_FIELDS)
NYX_LAYOUT64(NAMD_PCCFG_FIELDS)
NYX_LAYOUT64(NAMD_PC_COUNT_FIELDS)
NYX_LAYOUT64(NAMD_PC_SOURCE_FIELDS)
NYX_LAYOUT64(NAMD_PC_MATCH_FIELDS)
NYX_LAYOUT64(NAMD_PC_REPORT_FIELDS)

/* --- Address ranges with a meaning of their own (2.1.2) ------------------- */

#define NAMD_INTR_FIRST     0x00fee00000ULL
#define NAMD_INTR_LAST      0x00feefffffULL
#define NAMD_HT_FIRST       0xfd00000000ULL
#define NAMD_HT_LAST        0xffffffffffULL

/* Device ids that IVRS gives to the sources of interrupts without a function. */
#define NAMD_IOAPIC_SID     0x00a0      /* 00:14.0, as Linux wants it */

#endif
