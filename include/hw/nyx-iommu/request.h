/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that a PCI function can make but that QEMU 10.0's PCI interface
 * has no call for: ATS translation requests, translated requests, page
 * requests, requests with a PASID, AtomicOps.  nyx-testdev issues them; the
 * Nyx IOMMU that owns the function's address space answers them.
 */
#ifndef HW_NYX_IOMMU_REQUEST_H
#define HW_NYX_IOMMU_REQUEST_H

#include "qemu/osdep.h"

/* PCIe address type (AT) of a request. */
typedef enum NyxRequestType {
    NYX_REQ_UNTRANSLATED = 0,
    NYX_REQ_TRANSLATION = 1,   /* ATS translation request */
    NYX_REQ_TRANSLATED = 2,    /* address came from an ATS completion */
    NYX_REQ_PAGE = 3,          /* PRI: the answer is whether it was taken */
} NyxRequestType;

/* What the request does; values may be or-ed where a request does both. */
typedef enum NyxAccess {
    NYX_ACCESS_NONE = 0,
    NYX_ACCESS_READ = 1 << 0,
    NYX_ACCESS_WRITE = 1 << 1,
    NYX_ACCESS_RW = NYX_ACCESS_READ | NYX_ACCESS_WRITE,
    NYX_ACCESS_EXEC = 1 << 2,      /* needs a PASID */
    NYX_ACCESS_RWX = NYX_ACCESS_RW | NYX_ACCESS_EXEC,
    NYX_ACCESS_PRIV = 1 << 3,      /* needs a PASID */
    NYX_ACCESS_ZERO_LEN = 1 << 4,  /* read with no byte enabled */
    NYX_ACCESS_ATOMIC = 1 << 5,    /* AtomicOp: needs read and write */
} NyxAccess;

typedef struct NyxRequest {
    NyxRequestType type;
    unsigned access;       /* NyxAccess bits */
    uint64_t iova;
    uint32_t pasid;        /* valid if has_pasid; 20 bits */
    bool has_pasid;
    bool last;             /* page request: last of its group */
    uint16_t group;        /* page request: group index, 9 bits */
} NyxRequest;

/* Fields of an ATS completion beyond the address, its size and rights. */
typedef enum NyxAtsField {
    NYX_ATS_UNTRANSLATED = 1 << 0,     /* U: untranslated access only */
    NYX_ATS_SNOOP = 1 << 1,            /* N: No Snoop is to be off */
    NYX_ATS_GLOBAL = 1 << 2,           /* good for every PASID */
} NyxAtsField;

/*
 * Answer to a request.  For a permitted request @addr is the address to use
 * for the first byte, and bytes up to the end of the naturally aligned block
 * of @addr_mask + 1 bytes around it may follow.  For a translation request,
 * @ok with no right in @access means "no mapping" (a successful completion
 * with R = W = 0).
 */
typedef struct NyxReply {
    bool ok;
    uint8_t ats;           /* translation request: NyxAtsField bits */
    uint64_t addr;
    uint64_t addr_mask;
    unsigned access;       /* NyxAccess bits granted */
} NyxReply;

#endif
