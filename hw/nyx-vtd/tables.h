/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-d in-memory structures of legacy mode (chapter 9), interrupt-remapping
 * entries and requests (5.1), invalidation descriptors (6.5.2).
 * Layout only; the tests include the same file.
 */
#ifndef HW_NYX_VTD_TABLES_H
#define HW_NYX_VTD_TABLES_H

#include "hw/nyx-iommu/fields.h"

/* 9.1, Root Entry; the high quadword is reserved. */
#define NVTD_ROOT_W0(F)                      \
    F(NVTD_ROOT, P,       0,  1, USED)       \
    F(NVTD_ROOT, RSVD1,   1, 11, MBZ)        \
    F(NVTD_ROOT, CTP,    12, 52, ADDR)
NYX_LAYOUT64(NVTD_ROOT_W0)

/* 9.3, Context Entry */
#define NVTD_CTX_W0(F)                       \
    F(NVTD_CTX0, P,       0,  1, USED)       \
    F(NVTD_CTX0, FPD,     1,  1, USED)       \
    F(NVTD_CTX0, TT,      2,  2, USED)       \
    F(NVTD_CTX0, RSVD4,   4,  8, MBZ)        \
    F(NVTD_CTX0, SSPTPTR, 12, 52, ADDR)
#define NVTD_CTX_W1(F)                       \
    F(NVTD_CTX1, AW,      0,  3, USED)       \
    F(NVTD_CTX1, IGN3,    3,  4, IGN)        \
    F(NVTD_CTX1, RSVD7,   7,  1, MBZ)        \
    F(NVTD_CTX1, DID,     8, 16, USED)       \
    F(NVTD_CTX1, RSVD24, 24, 40, MBZ)
NYX_LAYOUT64(NVTD_CTX_W0)
NYX_LAYOUT64(NVTD_CTX_W1)

/* Context entry TT */
enum {
    NVTD_TT_UNTRANSLATED = 0,    /* untranslated requests only */
    NVTD_TT_DEVICE_TLB = 1,      /* and ATS kinds */
    NVTD_TT_PASS_THROUGH = 2,
    NVTD_TT_RESERVED = 3,
};

/* Context entry AW: 1, 2 and 3 stand for 39, 48 and 57 bits. */
#define NVTD_AW_BITS(aw)    (30 + 9 * (aw))

/* 9.8, Second-stage leaf: the bit that has accesses snooped. */
#define NVTD_SS_SNP 11

/* 9.10, Interrupt Remapping Table Entry, remapped format */
#define NVTD_IRTE_W0(F)                      \
    F(NVTD_IRTE0, P,      0,  1, USED)       \
    F(NVTD_IRTE0, FPD,    1,  1, USED)       \
    F(NVTD_IRTE0, DM,     2,  1, USED)       \
    F(NVTD_IRTE0, RH,     3,  1, USED)       \
    F(NVTD_IRTE0, TM,     4,  1, USED)       \
    F(NVTD_IRTE0, DLM,    5,  3, USED)       \
    F(NVTD_IRTE0, AVAIL,  8,  4, IGN)        \
    F(NVTD_IRTE0, RSVD12, 12, 3, MBZ)        \
    F(NVTD_IRTE0, IM,    15,  1, USED)       \
    F(NVTD_IRTE0, V,     16,  8, USED)       \
    F(NVTD_IRTE0, RSVD24, 24, 8, MBZ)        \
    F(NVTD_IRTE0, DST,   32, 32, USED)
#define NVTD_IRTE_W1(F)                      \
    F(NVTD_IRTE1, SID,    0, 16, USED)       \
    F(NVTD_IRTE1, SQ,    16,  2, USED)       \
    F(NVTD_IRTE1, SVT,   18,  2, USED)       \
    F(NVTD_IRTE1, RSVD20, 20, 44, MBZ)
NYX_LAYOUT64(NVTD_IRTE_W0)
NYX_LAYOUT64(NVTD_IRTE_W1)

/* 9.11, Interrupt Remapping Table Entry, posted format */
#define NVTD_IRTEP_W0(F)                     \
    F(NVTD_IRTEP0, P,      0,  1, USED)      \
    F(NVTD_IRTEP0, FPD,    1,  1, USED)      \
    F(NVTD_IRTEP0, RSVD2,  2,  6, MBZ)       \
    F(NVTD_IRTEP0, AVAIL,  8,  4, IGN)       \
    F(NVTD_IRTEP0, RSVD12, 12, 2, MBZ)       \
    F(NVTD_IRTEP0, URG,   14,  1, USED)      \
    F(NVTD_IRTEP0, IM,    15,  1, USED)      \
    F(NVTD_IRTEP0, V,     16,  8, USED)      \
    F(NVTD_IRTEP0, RSVD24, 24, 14, MBZ)      \
    F(NVTD_IRTEP0, PDAL,  38, 26, USED)
#define NVTD_IRTEP_W1(F)                     \
    F(NVTD_IRTEP1, SID,    0, 16, USED)      \
    F(NVTD_IRTEP1, SQ,    16,  2, USED)      \
    F(NVTD_IRTEP1, SVT,   18,  2, USED)      \
    F(NVTD_IRTEP1, RSVD20, 20, 12, MBZ)      \
    F(NVTD_IRTEP1, PDAH,  32, 32, USED)
NYX_LAYOUT64(NVTD_IRTEP_W0)
NYX_LAYOUT64(NVTD_IRTEP_W1)

/* PDAL is bits 31:6 of the descriptor's address, PDAH the upper half. */
#define NVTD_PDAL_SHIFT 6

/*
 * 9.12, Posted Interrupt Descriptor: four words of requests (PIR), one of
 * control, three reserved ones.
 */
#define NVTD_PD_WORDS 8
#define NVTD_PD_W4(F)                        \
    F(NVTD_PD4, ON,        0,  1, USED)      \
    F(NVTD_PD4, SN,        1,  1, USED)      \
    F(NVTD_PD4, RSVD2,     2, 14, MBZ)       \
    F(NVTD_PD4, NV,       16,  8, USED)      \
    F(NVTD_PD4, RSVD24,   24,  8, MBZ)       \
    F(NVTD_PD4, NDST,     32, 32, USED)
NYX_LAYOUT64(NVTD_PD_W4)

/* With EIME = 0 the destination is in bits 15:8 of DST (47:40). */
#define NVTD_IRTE_DST_XAPIC_SHIFT 8
#define NVTD_IRTE_DST_XAPIC_MASK  0x0000ff00u

/* 5.1.5.2, Interrupt request, address in remappable format */
#define NVTD_IRQ_ADDR(F)                     \
    F(NVTD_IRQ, IGN0,     0,  2, IGN)        \
    F(NVTD_IRQ, HANDLE15, 2,  1, USED)       \
    F(NVTD_IRQ, SHV,      3,  1, USED)       \
    F(NVTD_IRQ, FORMAT,   4,  1, USED)       \
    F(NVTD_IRQ, HANDLE,   5, 15, USED)       \
    F(NVTD_IRQ, FEE,     20, 12, USED)
NYX_LAYOUT32(NVTD_IRQ_ADDR)

/* The message that goes to the APIC (SDM volume 3, 11.11). */
#define NVTD_MSI_ADDR(F)                     \
    F(NVTD_MSI, IGN0,     0,  2, IGN)        \
    F(NVTD_MSI, DM,       2,  1, USED)       \
    F(NVTD_MSI, RH,       3,  1, USED)       \
    F(NVTD_MSI, RSVD4,    4,  8, IGN)        \
    F(NVTD_MSI, DST,     12,  8, USED)       \
    F(NVTD_MSI, FEE,     20, 12, USED)       \
    F(NVTD_MSI, RSVD32,  32,  8, IGN)        \
    F(NVTD_MSI, DST_HI,  40, 24, USED)
#define NVTD_MSI_DATA(F)                     \
    F(NVTD_MSID, V,       0,  8, USED)       \
    F(NVTD_MSID, DLM,     8,  3, USED)       \
    F(NVTD_MSID, RSVD11, 11,  3, IGN)        \
    F(NVTD_MSID, LEVEL,  14,  1, USED)       \
    F(NVTD_MSID, TM,     15,  1, USED)       \
    F(NVTD_MSID, RSVD16, 16, 16, IGN)
NYX_LAYOUT64(NVTD_MSI_ADDR)
NYX_LAYOUT32(NVTD_MSI_DATA)

/* 6.5.2: the type is bits 3:0 with bits 11:9 above them, in every kind. */
enum {
    NVTD_DESC_CONTEXT = 1,
    NVTD_DESC_IOTLB = 2,
    NVTD_DESC_DEVICE_TLB = 3,
    NVTD_DESC_IEC = 4,
    NVTD_DESC_WAIT = 5,
    NVTD_DESC_PASID_IOTLB = 6,       /* this one and on: scalable mode */
    NVTD_DESC_PASID_CACHE = 7,
    NVTD_DESC_PASID_DEVICE_TLB = 8,
    NVTD_DESC_PAGE_RESPONSE = 9,
    NVTD_DESC_TYPES = 10,
};
#define NVTD_DESC_TYPE_LO_LEN   4
#define NVTD_DESC_TYPE_HI_SHIFT 9
#define NVTD_DESC_TYPE_HI_LEN   3

/* With IQA.DW = 1 a descriptor has two more words, which are reserved. */
#define NVTD_DESC_BYTES(dw)     (16u << (dw))
#define NVTD_DESC_MAX_WORDS     4

/* 6.5.2.1, Context-cache Invalidate Descriptor; W1 is reserved. */
#define NVTD_D1_W0(F)                        \
    F(NVTD_D1, TYPE,      0,  4, USED)       \
    F(NVTD_D1, G,         4,  2, USED)       \
    F(NVTD_D1, RSVD6,     6,  3, MBZ)        \
    F(NVTD_D1, TYPE_HI,   9,  3, USED)       \
    F(NVTD_D1, RSVD12,   12,  4, MBZ)        \
    F(NVTD_D1, DID,      16, 16, USED)       \
    F(NVTD_D1, SID,      32, 16, USED)       \
    F(NVTD_D1, FM,       48,  2, USED)       \
    F(NVTD_D1, RSVD50,   50, 14, MBZ)
NYX_LAYOUT64(NVTD_D1_W0)

/* 6.5.2.3, IOTLB Invalidate Descriptor */
#define NVTD_D2_W0(F)                        \
    F(NVTD_D2, TYPE,      0,  4, USED)       \
    F(NVTD_D2, G,         4,  2, USED)       \
    F(NVTD_D2, DW,        6,  1, USED)       \
    F(NVTD_D2, DR,        7,  1, USED)       \
    F(NVTD_D2, RSVD8,     8,  1, MBZ)        \
    F(NVTD_D2, TYPE_HI,   9,  3, USED)       \
    F(NVTD_D2, RSVD12,   12,  4, MBZ)        \
    F(NVTD_D2, DID,      16, 16, USED)       \
    F(NVTD_D2, RSVD32,   32, 32, MBZ)
#define NVTD_D2_W1(F)                        \
    F(NVTD_D2H, AM,       0,  6, USED)       \
    F(NVTD_D2H, IH,       6,  1, USED)       \
    F(NVTD_D2H, RSVD7,    7,  5, MBZ)        \
    F(NVTD_D2H, ADDR,    12, 52, ADDR)
NYX_LAYOUT64(NVTD_D2_W0)
NYX_LAYOUT64(NVTD_D2_W1)

/* 6.5.2.5, Device-TLB Invalidate Descriptor; PFSID needs ECAP.DIT. */
#define NVTD_D3_W0(F)                        \
    F(NVTD_D3, TYPE,      0,  4, USED)       \
    F(NVTD_D3, RSVD4,     4,  5, MBZ)        \
    F(NVTD_D3, TYPE_HI,   9,  3, USED)       \
    F(NVTD_D3, PFSID_LO, 12,  4, MBZ)        \
    F(NVTD_D3, MIP,      16,  5, USED)       \
    F(NVTD_D3, RSVD21,   21, 11, MBZ)        \
    F(NVTD_D3, SID,      32, 16, USED)       \
    F(NVTD_D3, RSVD48,   48,  4, MBZ)        \
    F(NVTD_D3, PFSID_HI, 52, 12, MBZ)
#define NVTD_D3_W1(F)                        \
    F(NVTD_D3H, S,        0,  1, USED)       \
    F(NVTD_D3H, RSVD1,    1, 11, MBZ)        \
    F(NVTD_D3H, ADDR,    12, 52, ADDR)
NYX_LAYOUT64(NVTD_D3_W0)
NYX_LAYOUT64(NVTD_D3_W1)

/* 6.5.2.7, Interrupt Entry Cache Invalidate Descriptor; W1 is reserved. */
#define NVTD_D4_W0(F)                        \
    F(NVTD_D4, TYPE,      0,  4, USED)       \
    F(NVTD_D4, G,         4,  1, USED)       \
    F(NVTD_D4, RSVD5,     5,  4, MBZ)        \
    F(NVTD_D4, TYPE_HI,   9,  3, USED)       \
    F(NVTD_D4, RSVD12,   12, 15, MBZ)        \
    F(NVTD_D4, IM,       27,  5, USED)       \
    F(NVTD_D4, IIDX,     32, 16, USED)       \
    F(NVTD_D4, RSVD48,   48, 16, MBZ)
NYX_LAYOUT64(NVTD_D4_W0)

/* 6.5.2.8, Invalidation Wait Descriptor; PD needs ECAP.PDS. */
#define NVTD_D5_W0(F)                        \
    F(NVTD_D5, TYPE,      0,  4, USED)       \
    F(NVTD_D5, IF,        4,  1, USED)       \
    F(NVTD_D5, SW,        5,  1, USED)       \
    F(NVTD_D5, FN,        6,  1, USED)       \
    F(NVTD_D5, PD,        7,  1, USED)       \
    F(NVTD_D5, RSVD8,     8,  1, MBZ)        \
    F(NVTD_D5, TYPE_HI,   9,  3, USED)       \
    F(NVTD_D5, RSVD12,   12, 20, MBZ)        \
    F(NVTD_D5, DATA,     32, 32, USED)
#define NVTD_D5_W1(F)                        \
    F(NVTD_D5H, RSVD0,    0,  2, MBZ)        \
    F(NVTD_D5H, ADDR,     2, 62, ADDR)
NYX_LAYOUT64(NVTD_D5_W0)
NYX_LAYOUT64(NVTD_D5_W1)

/* 6.5.2.4, PASID-based-IOTLB Invalidate Descriptor */
#define NVTD_D6_W0(F)                        \
    F(NVTD_D6, TYPE,      0,  4, USED)       \
    F(NVTD_D6, G,         4,  2, USED)       \
    F(NVTD_D6, RSVD6,     6,  3, MBZ)        \
    F(NVTD_D6, TYPE_HI,   9,  3, USED)       \
    F(NVTD_D6, RSVD12,   12,  4, MBZ)        \
    F(NVTD_D6, DID,      16, 16, USED)       \
    F(NVTD_D6, PASID,    32, 20, USED)       \
    F(NVTD_D6, RSVD52,   52, 12, MBZ)
#define NVTD_D6_W1(F)                        \
    F(NVTD_D6H, AM,       0,  6, USED)       \
    F(NVTD_D6H, IH,       6,  1, USED)       \
    F(NVTD_D6H, RSVD7,    7,  5, MBZ)        \
    F(NVTD_D6H, ADDR,    12, 52, ADDR)
NYX_LAYOUT64(NVTD_D6_W0)
NYX_LAYOUT64(NVTD_D6_W1)

/* 6.5.2.2, PASID-cache Invalidate Descriptor; W1 is reserved. */
#define NVTD_D7_W0(F)                        \
    F(NVTD_D7, TYPE,      0,  4, USED)       \
    F(NVTD_D7, G,         4,  2, USED)       \
    F(NVTD_D7, RSVD6,     6,  3, MBZ)        \
    F(NVTD_D7, TYPE_HI,   9,  3, USED)       \
    F(NVTD_D7, RSVD12,   12,  4, MBZ)        \
    F(NVTD_D7, DID,      16, 16, USED)       \
    F(NVTD_D7, PASID,    32, 20, USED)       \
    F(NVTD_D7, RSVD52,   52, 12, MBZ)
NYX_LAYOUT64(NVTD_D7_W0)

/* 6.5.2.6, PASID-based-Device-TLB Invalidate; PFSID needs ECAP.DIT. */
#define NVTD_D8_W0(F)                        \
    F(NVTD_D8, TYPE,      0,  4, USED)       \
    F(NVTD_D8, MIP,       4,  5, USED)       \
    F(NVTD_D8, TYPE_HI,   9,  3, USED)       \
    F(NVTD_D8, PFSID_LO, 12,  4, MBZ)        \
    F(NVTD_D8, SID,      16, 16, USED)       \
    F(NVTD_D8, PASID,    32, 20, USED)       \
    F(NVTD_D8, PFSID_HI, 52, 12, MBZ)
#define NVTD_D8_W1(F)                        \
    F(NVTD_D8H, G,        0,  1, USED)       \
    F(NVTD_D8H, RSVD1,    1, 10, MBZ)        \
    F(NVTD_D8H, S,       11,  1, USED)       \
    F(NVTD_D8H, ADDR,    12, 52, ADDR)
NYX_LAYOUT64(NVTD_D8_W0)
NYX_LAYOUT64(NVTD_D8_W1)

/* 7.6.1, Page Group Response Descriptor; drivers still set the old LPIG. */
#define NVTD_D9_W0(F)                        \
    F(NVTD_D9, TYPE,      0,  4, USED)       \
    F(NVTD_D9, PP,        4,  1, USED)       \
    F(NVTD_D9, RSVD5,     5,  4, MBZ)        \
    F(NVTD_D9, TYPE_HI,   9,  3, USED)       \
    F(NVTD_D9, RC,       12,  4, USED)       \
    F(NVTD_D9, RID,      16, 16, USED)       \
    F(NVTD_D9, PASID,    32, 20, USED)       \
    F(NVTD_D9, RSVD52,   52, 12, MBZ)
#define NVTD_D9_W1(F)                        \
    F(NVTD_D9H, RSVD0,    0,  2, MBZ)        \
    F(NVTD_D9H, LPIG,     2,  1, IGN)        \
    F(NVTD_D9H, PRGI,     3,  9, USED)       \
    F(NVTD_D9H, RSVD12,  12, 52, MBZ)
NYX_LAYOUT64(NVTD_D9_W0)
NYX_LAYOUT64(NVTD_D9_W1)

/* 7.4.1.1, Page Request Descriptor; W2 and W3 are reserved. */
#define NVTD_PAGE_REQUEST 1      /* TYPE */
#define NVTD_PR_BYTES 32
#define NVTD_PR_W0(F)                        \
    F(NVTD_PR, TYPE,      0,  8, USED)       \
    F(NVTD_PR, PP,        8,  1, USED)       \
    F(NVTD_PR, RSVD9,     9,  7, MBZ)        \
    F(NVTD_PR, RID,      16, 16, USED)       \
    F(NVTD_PR, PASID,    32, 20, USED)       \
    F(NVTD_PR, EXR,      52,  1, USED)       \
    F(NVTD_PR, PMR,      53,  1, USED)       \
    F(NVTD_PR, RSVD54,   54, 10, MBZ)
#define NVTD_PR_W1(F)                        \
    F(NVTD_PRH, RD,       0,  1, USED)       \
    F(NVTD_PRH, WR,       1,  1, USED)       \
    F(NVTD_PRH, LPIG,     2,  1, USED)       \
    F(NVTD_PRH, PRGI,     3,  9, USED)       \
    F(NVTD_PRH, ADDR,    12, 52, ADDR)
NYX_LAYOUT64(NVTD_PR_W0)
NYX_LAYOUT64(NVTD_PR_W1)

#endif
