/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drafts on top of vio-fixture.h: requests, page tables in each format,
 * DMA with PASIDs.  Offsets and numbers are typed from
 * docs/specs/nyx-virtio-iommu-drafts.rst.
 */
#ifndef TESTS_UNIT_VIO_DRAFTS_H
#define TESTS_UNIT_VIO_DRAFTS_H

#include "naive-walk.h"
#include "vio-fixture.h"

#define VD_F_ATTACH_TABLE   (1ULL << 8)
#define VD_F_PASID          (1ULL << 9)
#define VD_F_PAGE_REQUEST   (1ULL << 10)

#define VD_ATTACH_TABLE 6
#define VD_INVALIDATE   7
#define VD_PAGE_RESP    8

/* Formats and their flags */
#define VD_NONE         0
#define VD_VTD_FIRST    4
#define VD_AMD_V1       6
#define VD_VTD_SECOND   0x100
#define VD_AMD_V2       0x101

#define VD_AD   1
#define VD_NX   2
#define VD_US   4
#define VD_WP   8
#define VD_SMEP 16
#define VD_EA   32

/* INVALIDATE */
#define VD_S_DOMAIN     1
#define VD_S_PASID      2
#define VD_S_ADDRESS    4
#define VD_C_IOTLB      1
#define VD_C_DEVICE     2
#define VD_C_PASID      4
#define VD_INV_PASID    1
#define VD_INV_LEAF     4

/* A flag of ATTACH_TABLE and of PAGE_RESP */
#define VD_HAS_PASID    1

#define VD_NO_PASID UINT32_MAX

typedef struct VdAttach {
    uint32_t domain;
    uint32_t endpoint;
    uint32_t flags;
    uint16_t format;
    uint32_t pasid;
    uint64_t root;
    uint64_t format_flags;
    uint8_t levels;
} VdAttach;

typedef struct VdInv {
    uint16_t scope;
    uint16_t caches;
    uint16_t flags;
    uint32_t domain;
    uint32_t pasid;
    uint64_t address;
    uint64_t pages;
    uint8_t shift;
} VdInv;

typedef struct VdResp {
    uint32_t endpoint;
    uint32_t flags;
    uint32_t pasid;
    uint32_t group;
    uint16_t code;
} VdResp;

VxBytes vd_attach_bytes(const VdAttach *a);
VxBytes vd_inv_bytes(const VdInv *inv);
VxBytes vd_resp_bytes(const VdResp *resp);
unsigned vd_attach(Vx *f, const VdAttach *a);
unsigned vd_inv(Vx *f, const VdInv *inv);
unsigned vd_resp(Vx *f, const VdResp *resp);

/* All of a domain, or of one of its PASIDs. */
unsigned vd_inv_domain(Vx *f, uint32_t domain, uint16_t caches);
unsigned vd_inv_pasid(Vx *f, uint32_t domain, uint32_t pasid,
                      uint16_t caches);
/* 4-KiB pages; VD_NO_PASID: those of requests without one. */
unsigned vd_inv_pages(Vx *f, uint32_t domain, uint32_t pasid, uint64_t iova,
                      uint64_t pages);

/* vx_cfg() with all drafts, and PASIDs of 20 bits. */
NyxVioCfg vd_cfg(void);
/* A device with that and everything negotiated. */
Vx *vd_new(void);

/* --- Tables --------------------------------------------------------------- */

typedef struct VdSpace {
    Vx *f;
    NvTables t;
    uint16_t format;
    uint32_t flags;
} VdSpace;

/* Empty tables. */
VdSpace vd_space(Vx *f, uint16_t format, unsigned levels, uint32_t flags);
/* A page of @level (1 is the smallest) for users, with FX_R and FX_W. */
void vd_map(const VdSpace *s, uint64_t iova, unsigned level, uint64_t addr,
            unsigned rw);
void vd_unmap(const VdSpace *s, uint64_t iova, unsigned level);
/* What gives them to a domain. */
VdAttach vd_request_for(const VdSpace *s, uint32_t domain, uint32_t endpoint,
                        uint32_t pasid);
unsigned vd_give(const VdSpace *s, uint32_t domain, uint32_t endpoint,
                 uint32_t pasid);

/* All four, for loops. */
typedef struct VdFormat {
    const char *name;
    uint16_t id;
    uint8_t min;
    uint8_t max;
    uint32_t flags;          /* that it has */
    bool canonical;          /* without a PASID */
    bool canonical_pasid;
    bool privilege;
} VdFormat;

extern const VdFormat vd_formats[4];

/* --- DMA ------------------------------------------------------------------ */

/* @pasid VD_NO_PASID: none. */
NyxReply vd_request(NyxVioRequester *r, uint32_t pasid, NyxRequestType type,
                    unsigned access, uint64_t iova);
uint64_t vd_dma(Vx *f, uint32_t pasid, unsigned access, uint64_t iova);

#endif
