/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD-Vi in-memory structures: device table entry, GCR3 entry, interrupt
 * remapping entries, commands and log entries (publication 48882, chapter 2).
 * Layout only; the tests include the same file.
 */
#ifndef HW_NYX_AMDVI_TABLES_H
#define HW_NYX_AMDVI_TABLES_H

#include "hw/nyx-iommu/fields.h"

/* --- 2.2.2, Device table entry -------------------------------------------- */

#define NAMD_DTE_WORDS 4
#define NAMD_DTE_BYTES 32

#define NAMD_DTE_W0(F)                       \
    F(NAMD_DTE0, V,        0,  1, USED)      \
    F(NAMD_DTE0, TV,       1,  1, USED)      \
    F(NAMD_DTE0, RSVD2,    2,  5, MBZ)       \
    F(NAMD_DTE0, HAD,      7,  2, USED)      \
    F(NAMD_DTE0, MODE,     9,  3, USED)      \
    F(NAMD_DTE0, ROOT,    12, 40, ADDR)      \
    F(NAMD_DTE0, PPR,     52,  1, USED)      \
    F(NAMD_DTE0, GPRP,    53,  1, USED)      \
    F(NAMD_DTE0, GIOV,    54,  1, USED)      \
    F(NAMD_DTE0, GV,      55,  1, USED)      \
    F(NAMD_DTE0, GLX,     56,  2, USED)      \
    F(NAMD_DTE0, GCR3_LO, 58,  3, USED)      \
    F(NAMD_DTE0, IR,      61,  1, USED)      \
    F(NAMD_DTE0, IW,      62,  1, USED)      \
    F(NAMD_DTE0, RSVD63,  63,  1, MBZ)
#define NAMD_DTE_W1(F)                       \
    F(NAMD_DTE1, DOMAIN,   0, 16, USED)      \
    F(NAMD_DTE1, GCR3_MID, 16, 16, USED)     \
    F(NAMD_DTE1, I,       32,  1, USED)      \
    F(NAMD_DTE1, SE,      33,  1, USED)      \
    F(NAMD_DTE1, SA,      34,  1, USED)      \
    F(NAMD_DTE1, IOCTL,   35,  2, USED)      \
    F(NAMD_DTE1, CACHE,   37,  1, USED)      \
    F(NAMD_DTE1, SD,      38,  1, USED)      \
    F(NAMD_DTE1, EX,      39,  1, USED)      \
    F(NAMD_DTE1, SYSMGT,  40,  2, USED)      \
    F(NAMD_DTE1, SATS,    42,  1, USED)      \
    F(NAMD_DTE1, GCR3_HI, 43, 21, USED)
#define NAMD_DTE_W2(F)                       \
    F(NAMD_DTE2, IV,       0,  1, USED)      \
    F(NAMD_DTE2, INTTABLEN, 1, 4, USED)      \
    F(NAMD_DTE2, IG,       5,  1, USED)      \
    F(NAMD_DTE2, INTROOT,  6, 46, ADDR)      \
    F(NAMD_DTE2, RSVD52,  52,  2, MBZ)       \
    F(NAMD_DTE2, GPM,     54,  2, USED)      \
    F(NAMD_DTE2, INITPASS, 56, 1, USED)      \
    F(NAMD_DTE2, EINTPASS, 57, 1, USED)      \
    F(NAMD_DTE2, NMIPASS, 58,  1, USED)      \
    F(NAMD_DTE2, HPTMODE, 59,  1, USED)      \
    F(NAMD_DTE2, INTCTL,  60,  2, USED)      \
    F(NAMD_DTE2, LINT0PASS, 62, 1, USED)     \
    F(NAMD_DTE2, LINT1PASS, 63, 1, USED)
#define NAMD_DTE_W3(F)                       \
    F(NAMD_DTE3, RSVD0,    0, 15, MBZ)       \
    F(NAMD_DTE3, VIMUEN,  15,  1, USED)      \
    F(NAMD_DTE3, GDEVICEID, 16, 16, USED)    \
    F(NAMD_DTE3, GUESTID, 32, 16, USED)      \
    F(NAMD_DTE3, RSVD48,  48,  6, MBZ)       \
    F(NAMD_DTE3, ATTRV,   54,  1, USED)      \
    F(NAMD_DTE3, MODE0FC, 55,  1, USED)      \
    F(NAMD_DTE3, SNOOP,   56,  8, USED)
NYX_LAYOUT64(NAMD_DTE_W0)
NYX_LAYOUT64(NAMD_DTE_W1)
NYX_LAYOUT64(NAMD_DTE_W2)
NYX_LAYOUT64(NAMD_DTE_W3)

/* Where the parts of the GCR3 table root belong in the address. */
#define NAMD_GCR3_LO_SHIFT  12
#define NAMD_GCR3_MID_SHIFT 15
#define NAMD_GCR3_HI_SHIFT  31

#define NAMD_MODE_MAX       6
/* DTE HAD */
enum {
    NAMD_HAD_OFF = 0,
    NAMD_HAD_ACCESSED = 1,
    NAMD_HAD_RESERVED = 2,
    NAMD_HAD_BOTH = 3,
};
#define NAMD_GLX_RESERVED   3
/* DTE IntCtl */
enum {
    NAMD_INTCTL_ABORT = 0,
    NAMD_INTCTL_FORWARD = 1,
    NAMD_INTCTL_REMAP = 2,
    NAMD_INTCTL_RESERVED = 3,
};
/* DTE IoCtl */
enum {
    NAMD_IOCTL_ABORT = 0,
    NAMD_IOCTL_FORWARD = 1,
    NAMD_IOCTL_TRANSLATE = 2,
    NAMD_IOCTL_RESERVED = 3,
};
/* DTE SysMgt */
enum {
    NAMD_SYSMGT_ABORT = 0,
    NAMD_SYSMGT_FORWARD = 1,
    NAMD_SYSMGT_INTX = 2,
    NAMD_SYSMGT_TRANSLATE = 3,
};
#define NAMD_INTTABLEN_MAX  11
/* DTE GuestPagingMode */
#define NAMD_GPM_4_LEVELS   0
#define NAMD_GPM_5_LEVELS   1

/* --- 2.2.6, GCR3 table entry ---------------------------------------------- */

#define NAMD_GCR3_W0(F)                      \
    F(NAMD_GCR3, V,        0,  1, USED)      \
    F(NAMD_GCR3, RSVD1,    1, 11, MBZ)       \
    F(NAMD_GCR3, ADDR,    12, 40, ADDR)      \
    F(NAMD_GCR3, RSVD52,  52, 12, MBZ)
NYX_LAYOUT64(NAMD_GCR3_W0)

#define NAMD_GCR3_INDEX_BITS 9
#define NAMD_PASID_BITS     20

/* --- 2.2.5, Interrupt remapping table entries ----------------------------- */

#define NAMD_IRTE_FIELDS(F)                  \
    F(NAMD_IRTE, REMAPEN,  0,  1, USED)      \
    F(NAMD_IRTE, SUPIOPF,  1,  1, USED)      \
    F(NAMD_IRTE, INTTYPE,  2,  3, USED)      \
    F(NAMD_IRTE, RQEOI,    5,  1, USED)      \
    F(NAMD_IRTE, DM,       6,  1, USED)      \
    F(NAMD_IRTE, GUESTMODE, 7, 1, USED)      \
    F(NAMD_IRTE, DEST,     8,  8, USED)      \
    F(NAMD_IRTE, VECTOR,  16,  8, USED)      \
    F(NAMD_IRTE, RSVD24,  24,  8, MBZ)
NYX_LAYOUT32(NAMD_IRTE_FIELDS)

/* 128 bits, GuestMode = 0 */
#define NAMD_IRTEX_W0(F)                     \
    F(NAMD_IRTEX0, REMAPEN, 0, 1, USED)      \
    F(NAMD_IRTEX0, SUPIOPF, 1, 1, USED)      \
    F(NAMD_IRTEX0, INTTYPE, 2, 3, USED)      \
    F(NAMD_IRTEX0, RQEOI,  5,  1, USED)      \
    F(NAMD_IRTEX0, DM,     6,  1, USED)      \
    F(NAMD_IRTEX0, GUESTMODE, 7, 1, USED)    \
    F(NAMD_IRTEX0, DEST,   8, 24, USED)      \
    F(NAMD_IRTEX0, RSVD32, 32, 32, MBZ)
#define NAMD_IRTEX_W1(F)                     \
    F(NAMD_IRTEX1, VECTOR, 0,  8, USED)      \
    F(NAMD_IRTEX1, RSVD8,  8, 48, MBZ)       \
    F(NAMD_IRTEX1, DEST_HI, 56, 8, USED)
NYX_LAYOUT64(NAMD_IRTEX_W0)
NYX_LAYOUT64(NAMD_IRTEX_W1)

/* 128 bits, GuestMode = 1 */
#define NAMD_IRTEG_W0(F)                     \
    F(NAMD_IRTEG0, REMAPEN, 0, 1, USED)      \
    F(NAMD_IRTEG0, SUPIOPF, 1, 1, USED)      \
    F(NAMD_IRTEG0, GALOGINTR, 2, 1, USED)    \
    F(NAMD_IRTEG0, RSVD3,  3,  2, MBZ)       \
    F(NAMD_IRTEG0, GAPPIDIS, 5, 1, USED)     \
    F(NAMD_IRTEG0, ISRUN,  6,  1, USED)      \
    F(NAMD_IRTEG0, GUESTMODE, 7, 1, USED)    \
    F(NAMD_IRTEG0, DEST,   8, 24, USED)      \
    F(NAMD_IRTEG0, GATAG, 32, 32, USED)
#define NAMD_IRTEG_W1(F)                     \
    F(NAMD_IRTEG1, VECTOR, 0,  8, USED)      \
    F(NAMD_IRTEG1, RSVD8,  8,  4, MBZ)       \
    F(NAMD_IRTEG1, ROOT,  12, 40, ADDR)      \
    F(NAMD_IRTEG1, RSVD52, 52, 4, MBZ)       \
    F(NAMD_IRTEG1, DEST_HI, 56, 8, USED)
NYX_LAYOUT64(NAMD_IRTEG_W0)
NYX_LAYOUT64(NAMD_IRTEG_W1)

#define NAMD_IRTE_BYTES     4
#define NAMD_IRTEX_BYTES    16

#define NAMD_INTTYPE_FIXED      0
#define NAMD_INTTYPE_ARBITRATED 1
/* In a vAPIC backing page: eight words of requests, 16 bytes apart */
#define NAMD_VAPIC_IRR      0x200
#define NAMD_VAPIC_WORDS    8
#define NAMD_VAPIC_STRIDE   16

/* --- 2.1.2.1, Interrupt message of an endpoint ---------------------------- */

#define NAMD_IRQ_ADDR(F)                     \
    F(NAMD_IRQA, RSVD0,    0,  2, IGN)       \
    F(NAMD_IRQA, DM,       2,  1, USED)      \
    F(NAMD_IRQA, RH,       3,  1, USED)      \
    F(NAMD_IRQA, RSVD4,    4,  8, IGN)       \
    F(NAMD_IRQA, DEST,    12,  8, USED)      \
    F(NAMD_IRQA, FEE,     20, 12, USED)      \
    F(NAMD_IRQA, RSVD32,  32,  8, IGN)       \
    F(NAMD_IRQA, DEST_HI, 40, 24, USED)
#define NAMD_IRQ_DATA(F)                     \
    F(NAMD_IRQD, VECTOR,   0,  8, USED)      \
    F(NAMD_IRQD, DLM,      8,  3, USED)      \
    F(NAMD_IRQD, RSVD11,  11,  3, IGN)       \
    F(NAMD_IRQD, LEVEL,   14,  1, USED)      \
    F(NAMD_IRQD, TM,      15,  1, USED)      \
    F(NAMD_IRQD, RSVD16,  16, 16, IGN)
NYX_LAYOUT64(NAMD_IRQ_ADDR)
NYX_LAYOUT32(NAMD_IRQ_DATA)

enum {
    NAMD_DLM_FIXED = 0,
    NAMD_DLM_ARBITRATED = 1,
    NAMD_DLM_SMI = 2,
    NAMD_DLM_NMI = 4,
    NAMD_DLM_INIT = 5,
    NAMD_DLM_EXTINT = 7,
};

/*
 * The HyperTransport form that an interrupt message has by the time it is
 * looked at, and that events tell.
 */
#define NAMD_HT_IRQ(F)                       \
    F(NAMD_HTIRQ, RSVD0,   0,  2, IGN)       \
    F(NAMD_HTIRQ, MT,      2,  3, USED)      \
    F(NAMD_HTIRQ, LEVEL,   5,  1, USED)      \
    F(NAMD_HTIRQ, DM,      6,  1, USED)      \
    F(NAMD_HTIRQ, MT3,     7,  1, IGN)       \
    F(NAMD_HTIRQ, DEST,    8,  8, USED)      \
    F(NAMD_HTIRQ, VECTOR, 16,  8, USED)      \
    F(NAMD_HTIRQ, RANGE,  24, 40, USED)
NYX_LAYOUT64(NAMD_HT_IRQ)

#define NAMD_HTIRQ_RANGE 0xfffffffdf8ULL     /* sign-extended */

/* --- 2.4, Commands -------------------------------------------------------- */

#define NAMD_ENTRY_BYTES 16             /* of commands, events and requests */
#define NAMD_GA_ENTRY_BYTES 8

enum {
    NAMD_CMD_COMPLETION_WAIT = 0x1,
    NAMD_CMD_INV_DEVTAB_ENTRY = 0x2,
    NAMD_CMD_INV_IOMMU_PAGES = 0x3,
    NAMD_CMD_INV_IOTLB_PAGES = 0x4,
    NAMD_CMD_INV_INTERRUPT_TABLE = 0x5,
    NAMD_CMD_PREFETCH_IOMMU_PAGES = 0x6,
    NAMD_CMD_COMPLETE_PPR_REQUEST = 0x7,
    NAMD_CMD_INV_IOMMU_ALL = 0x8,
    NAMD_CMD_INSERT_GUEST_EVENT = 0x9,
    NAMD_CMD_RESET_VMMIO = 0xa,
};

#define NAMD_CMD_WAIT_W0(F)                  \
    F(NAMD_CWAIT0, S,      0,  1, USED)      \
    F(NAMD_CWAIT0, I,      1,  1, USED)      \
    F(NAMD_CWAIT0, FLUSH,  2,  1, USED)      \
    F(NAMD_CWAIT0, ADDR,   3, 49, ADDR)      \
    F(NAMD_CWAIT0, RSVD52, 52, 8, MBZ)       \
    F(NAMD_CWAIT0, OP,    60,  4, USED)
/* INVALIDATE_DEVTAB_ENTRY, INVALIDATE_INTERRUPT_TABLE: the rest is zero */
#define NAMD_CMD_DEVICE_W0(F)                \
    F(NAMD_CDEV0, DEVID,   0, 16, USED)      \
    F(NAMD_CDEV0, RSVD16, 16, 44, MBZ)       \
    F(NAMD_CDEV0, OP,     60,  4, USED)
#define NAMD_CMD_PAGES_W0(F)                 \
    F(NAMD_CPAGE0, PASID,  0, 20, USED)      \
    F(NAMD_CPAGE0, RSVD20, 20, 12, MBZ)      \
    F(NAMD_CPAGE0, DOMAIN, 32, 16, USED)     \
    F(NAMD_CPAGE0, RSVD48, 48, 12, MBZ)      \
    F(NAMD_CPAGE0, OP,    60,  4, USED)
#define NAMD_CMD_PAGES_W1(F)                 \
    F(NAMD_CPAGE1, S,      0,  1, USED)      \
    F(NAMD_CPAGE1, PDE,    1,  1, USED)      \
    F(NAMD_CPAGE1, GN,     2,  1, USED)      \
    F(NAMD_CPAGE1, RSVD3,  3,  9, MBZ)       \
    F(NAMD_CPAGE1, ADDR,  12, 52, ADDR)
#define NAMD_CMD_IOTLB_W0(F)                 \
    F(NAMD_CTLB0, DEVID,   0, 16, USED)      \
    F(NAMD_CTLB0, PASID_MID, 16, 8, USED)    \
    F(NAMD_CTLB0, MAXPEND, 24, 8, USED)      \
    F(NAMD_CTLB0, QUEUEID, 32, 16, USED)     \
    F(NAMD_CTLB0, PASID_LO, 48, 8, USED)     \
    F(NAMD_CTLB0, PASID_HI, 56, 4, USED)     \
    F(NAMD_CTLB0, OP,     60,  4, USED)
#define NAMD_CMD_IOTLB_W1(F)                 \
    F(NAMD_CTLB1, S,       0,  1, USED)      \
    F(NAMD_CTLB1, RSVD1,   1,  1, MBZ)       \
    F(NAMD_CTLB1, GN,      2,  1, USED)      \
    F(NAMD_CTLB1, RSVD3,   3,  1, MBZ)       \
    F(NAMD_CTLB1, TYPE,    4,  2, USED)      \
    F(NAMD_CTLB1, RSVD6,   6,  6, MBZ)       \
    F(NAMD_CTLB1, ADDR,   12, 52, ADDR)
#define NAMD_CMD_PREFETCH_W0(F)              \
    F(NAMD_CPRE0, DEVID,   0, 16, USED)      \
    F(NAMD_CPRE0, RSVD16, 16,  8, MBZ)       \
    F(NAMD_CPRE0, COUNT,  24,  8, USED)      \
    F(NAMD_CPRE0, PASID,  32, 20, USED)      \
    F(NAMD_CPRE0, RSVD52, 52,  8, MBZ)       \
    F(NAMD_CPRE0, OP,     60,  4, USED)
#define NAMD_CMD_PREFETCH_W1(F)              \
    F(NAMD_CPRE1, S,       0,  1, USED)      \
    F(NAMD_CPRE1, RSVD1,   1,  1, MBZ)       \
    F(NAMD_CPRE1, GN,      2,  1, USED)      \
    F(NAMD_CPRE1, RSVD3,   3,  1, MBZ)       \
    F(NAMD_CPRE1, INVAL,   4,  1, USED)      \
    F(NAMD_CPRE1, RSVD5,   5,  7, MBZ)       \
    F(NAMD_CPRE1, ADDR,   12, 52, ADDR)
#define NAMD_CMD_PPR_W0(F)                   \
    F(NAMD_CPPR0, DEVID,   0, 16, USED)      \
    F(NAMD_CPPR0, RSVD16, 16, 16, MBZ)       \
    F(NAMD_CPPR0, PASID,  32, 20, USED)      \
    F(NAMD_CPPR0, RSVD52, 52,  8, MBZ)       \
    F(NAMD_CPPR0, OP,     60,  4, USED)
#define NAMD_CMD_PPR_W1(F)                   \
    F(NAMD_CPPR1, RSVD0,   0,  2, MBZ)       \
    F(NAMD_CPPR1, GN,      2,  1, USED)      \
    F(NAMD_CPPR1, RSVD3,   3, 29, MBZ)       \
    F(NAMD_CPPR1, GROUP,  32,  9, USED)      \
    F(NAMD_CPPR1, RSVD41, 41,  3, MBZ)       \
    F(NAMD_CPPR1, CODE,   44,  4, USED)      \
    F(NAMD_CPPR1, RSVD48, 48, 16, MBZ)
/* COMPLETE_PPR_REQUEST CODE, as in PCI Express */
enum {
    NAMD_PAGE_SUCCESS = 0,
    NAMD_PAGE_INVALID = 1,
    NAMD_PAGE_FAILURE = 15,
};
/* INVALIDATE_IOMMU_ALL has nothing but its opcode. */
#define NAMD_CMD_ALL_W0(F)                   \
    F(NAMD_CALL0, RSVD0,   0, 60, MBZ)       \
    F(NAMD_CALL0, OP,     60,  4, USED)
#define NAMD_CMD_ZERO_W1(F)                  \
    F(NAMD_CZERO1, RSVD0,  0, 64, MBZ)
NYX_LAYOUT64(NAMD_CMD_WAIT_W0)
NYX_LAYOUT64(NAMD_CMD_DEVICE_W0)
NYX_LAYOUT64(NAMD_CMD_PAGES_W0)
NYX_LAYOUT64(NAMD_CMD_PAGES_W1)
NYX_LAYOUT64(NAMD_CMD_IOTLB_W0)
NYX_LAYOUT64(NAMD_CMD_IOTLB_W1)
NYX_LAYOUT64(NAMD_CMD_PREFETCH_W0)
NYX_LAYOUT64(NAMD_CMD_PREFETCH_W1)
NYX_LAYOUT64(NAMD_CMD_PPR_W0)
NYX_LAYOUT64(NAMD_CMD_PPR_W1)
NYX_LAYOUT64(NAMD_CMD_ALL_W0)
NYX_LAYOUT64(NAMD_CMD_ZERO_W1)

/* --- 2.5, Event log entries ----------------------------------------------- */

/* What all of them have; see codes.h for which event uses which. */
#define NAMD_EVENT_W0(F)                     \
    F(NAMD_EVT0, DEVID,    0, 16, USED)      \
    F(NAMD_EVT0, PASID_HI, 16, 4, USED)      \
    F(NAMD_EVT0, RSVD20,  20, 12, MBZ)       \
    F(NAMD_EVT0, ID,      32, 16, USED)      \
    F(NAMD_EVT0, GN,      48,  1, USED)      \
    F(NAMD_EVT0, NX,      49,  1, USED)      \
    F(NAMD_EVT0, US,      50,  1, USED)      \
    F(NAMD_EVT0, I,       51,  1, USED)      \
    F(NAMD_EVT0, PR,      52,  1, USED)      \
    F(NAMD_EVT0, RW,      53,  1, USED)      \
    F(NAMD_EVT0, PE,      54,  1, USED)      \
    F(NAMD_EVT0, RZ,      55,  1, USED)      \
    F(NAMD_EVT0, TR,      56,  1, USED)      \
    F(NAMD_EVT0, TYPE,    57,  3, USED)      \
    F(NAMD_EVT0, CODE,    60,  4, USED)
/* INVALID_PPR_REQUEST: as the request, with RX */
#define NAMD_EVENT_PPR_W0(F)                 \
    F(NAMD_EVTP0, DEVID,   0, 16, USED)      \
    F(NAMD_EVTP0, PASID_LO, 16, 16, USED)    \
    F(NAMD_EVTP0, TAG,    32, 10, USED)      \
    F(NAMD_EVTP0, PASID_HI, 42, 4, USED)     \
    F(NAMD_EVTP0, RSVD46, 46,  2, MBZ)       \
    F(NAMD_EVTP0, RX,     48,  1, USED)      \
    F(NAMD_EVTP0, X,      49,  1, USED)      \
    F(NAMD_EVTP0, R,      50,  1, USED)      \
    F(NAMD_EVTP0, RSVD51, 51,  2, MBZ)       \
    F(NAMD_EVTP0, W,      53,  1, USED)      \
    F(NAMD_EVTP0, US,     54,  1, USED)      \
    F(NAMD_EVTP0, RZ,     55,  1, USED)      \
    F(NAMD_EVTP0, GN,     56,  1, USED)      \
    F(NAMD_EVTP0, RSVD57, 57,  3, MBZ)       \
    F(NAMD_EVTP0, CODE,   60,  4, USED)
NYX_LAYOUT64(NAMD_EVENT_W0)
NYX_LAYOUT64(NAMD_EVENT_PPR_W0)

/* --- 2.6, Peripheral page request log entry ------------------------------- */

#define NAMD_PPR_W0(F)                       \
    F(NAMD_PPR0, DEVID,    0, 16, USED)      \
    F(NAMD_PPR0, PASID_LO, 16, 16, USED)     \
    F(NAMD_PPR0, TAG,     32, 10, USED)      \
    F(NAMD_PPR0, PASID_HI, 42, 4, USED)      \
    F(NAMD_PPR0, RSVD46,  46,  3, MBZ)       \
    F(NAMD_PPR0, X,       49,  1, USED)      \
    F(NAMD_PPR0, R,       50,  1, USED)      \
    F(NAMD_PPR0, RSVD51,  51,  2, MBZ)       \
    F(NAMD_PPR0, W,       53,  1, USED)      \
    F(NAMD_PPR0, US,      54,  1, USED)      \
    F(NAMD_PPR0, RZ,      55,  1, USED)      \
    F(NAMD_PPR0, GN,      56,  1, USED)      \
    F(NAMD_PPR0, RSVD57,  57,  3, MBZ)       \
    F(NAMD_PPR0, CODE,    60,  4, USED)
NYX_LAYOUT64(NAMD_PPR_W0)

#define NAMD_PPR_SERVICE    1
#define NAMD_PPR_TAG_LAST   0x200       /* with the group in bits 8:0 */

/* --- 2.7, Guest virtual APIC log entry ------------------------------------ */

#define NAMD_GA_W0(F)                        \
    F(NAMD_GA0, TAG,       0, 32, USED)      \
    F(NAMD_GA0, DEVID,    32, 16, USED)      \
    F(NAMD_GA0, RSVD48,   48, 12, MBZ)       \
    F(NAMD_GA0, CODE,     60,  4, USED)
NYX_LAYOUT64(NAMD_GA_W0)

#define NAMD_GA_GUEST_NR    1

#endif
