/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that a PCI function can make but that QEMU 10.0's PCI interface
 * has no call for: ATS translation requests, translated requests, requests
 * with a PASID, AtomicOps.  nyx-testdev issues them; the Nyx IOMMU that owns
 * the function's address space answers them.
 */
#ifndef HW_NYX_IOMMU_REQUEST_H
#define HW_NYX_IOMMU_REQUEST_H

#include "qemu/osdep.h"

/* PCIe address type (AT) of a request. */
typedef enum NyxRequestType {
    NYX_REQ_UNTRANSLATED = 0,
    NYX_REQ_TRANSLATION = 1,   /* ATS translation request */
    NYX_REQ_TRANSLATED = 2,    /* address came from an ATS completion */
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
} NyxRequest;

/*
 * Answer to a request.  For a permitted request @addr is the address to use
 * for the first byte, and bytes up to the end of the naturally aligned block
 * of @addr_mask + 1 bytes around it may follow.  For a translation request,
 * @access of zero and @ok set means "no mapping" (a successful completion
 * with R = W = 0).
 */
typedef struct NyxReply {
    bool ok;
    uint64_t addr;
    uint64_t addr_mask;
    unsigned access;       /* NyxAccess bits granted */
} NyxReply;

#endif
