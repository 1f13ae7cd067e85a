/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extensions that no standard has: page tables of the guest, PASIDs, page
 * requests.  What they follow are drafts of 2018 to 2023 whose numbers clash;
 * each is behind a feature bit of its own and off by default.
 * docs/specs/nyx-virtio-iommu-drafts.rst describes them, with their sources.
 */
#ifndef HW_VIRTIO_IOMMU_EXT_DRAFTS_H
#define HW_VIRTIO_IOMMU_EXT_DRAFTS_H

/* Feature bits; 8 is that of the 2023 tree, the others are ours. */
#define NVIO_F_ATTACH_TABLE     8
#define NVIO_F_PASID            9       /* needs ATTACH_TABLE */
#define NVIO_F_PAGE_REQUEST     10      /* needs ATTACH_TABLE */

#define NVIO_T_ATTACH_TABLE     6
#define NVIO_T_INVALIDATE       7
#define NVIO_T_PAGE_RESP        8

/*
 * ATTACH_TABLE (2023): the endpoint's requests go by tables of the guest from
 * now on; with PASID those that carry it do, and the rest is as it was.
 */
#define NVIO_TABLE_DOMAIN       4       /* le32 */
#define NVIO_TABLE_ENDPOINT     8       /* le32 */
#define NVIO_TABLE_FLAGS        12      /* le32 */
#define NVIO_TABLE_FORMAT       16      /* le16 */
#define NVIO_TABLE_RESERVED1    18      /* 2 bytes, zero */
#define NVIO_TABLE_PASID        20      /* le32 */
#define NVIO_TABLE_ROOT         24      /* le64: address of the top table */
#define NVIO_TABLE_FORMAT_FLAGS 32      /* le64: meaning is the format's */
#define NVIO_TABLE_LEVELS       40      /* u8: levels of tables */
#define NVIO_TABLE_RESERVED2    41      /* 43 bytes, zero */
#define NVIO_TABLE_SIZE         84

#define NVIO_TABLE_F_PASID      (1u << 0)

/* Formats; 4 and 6 are those of drafts, the others are ours. */
#define NVIO_FMT_NONE           0       /* with PASID: it has no table now */
#define NVIO_FMT_VTD_FIRST      4
#define NVIO_FMT_AMD_V1         6
#define NVIO_FMT_VTD_SECOND     0x100
#define NVIO_FMT_AMD_V2         0x101

/* Format flags: what counts in entries, where a format leaves it open. */
#define NVIO_FMT_F_AD           (1u << 0)       /* accessed and dirty are set */
#define NVIO_FMT_F_NX           (1u << 1)       /* execute-disable is defined */
#define NVIO_FMT_F_US           (1u << 2)       /* user/supervisor counts */
#define NVIO_FMT_F_WP           (1u << 3)       /* supervisors obey R/W */
#define NVIO_FMT_F_SMEP         (1u << 4)       /* nor execute user pages */
#define NVIO_FMT_F_EA           (1u << 5)       /* extended-accessed is set */

/* INVALIDATE (2021, 2023) */
#define NVIO_INV_SCOPE          4       /* le16 */
#define NVIO_INV_CACHES         6       /* le16 */
#define NVIO_INV_FLAGS          8       /* le16 */
#define NVIO_INV_RESERVED1      10      /* 2 bytes, zero */
#define NVIO_INV_DOMAIN         12      /* le32 */
#define NVIO_INV_PASID          16      /* le32 */
#define NVIO_INV_RESERVED2      20      /* 4 bytes, zero */
#define NVIO_INV_ARCH_ID        24      /* le64: not used by our formats */
#define NVIO_INV_ADDRESS        32      /* le64 */
#define NVIO_INV_PAGES          40      /* le64 */
#define NVIO_INV_PAGE_SHIFT     48      /* u8 */
#define NVIO_INV_RESERVED3      49      /* 11 bytes, zero */
#define NVIO_INV_SIZE           60

#define NVIO_INV_S_DOMAIN       (1u << 0)
#define NVIO_INV_S_PASID        (1u << 1)
#define NVIO_INV_S_ADDRESS      (1u << 2)

#define NVIO_INV_C_IOTLB        (1u << 0)
#define NVIO_INV_C_DEVICE       (1u << 1)
#define NVIO_INV_C_PASID        (1u << 2)

#define NVIO_INV_F_PASID        (1u << 0)
#define NVIO_INV_F_ARCH_ID      (1u << 1)
#define NVIO_INV_F_LEAF         (1u << 2)

/* PAGE_RESP (2021) */
#define NVIO_RESP_DOMAIN        4       /* le32: not looked at */
#define NVIO_RESP_ENDPOINT      8       /* le32 */
#define NVIO_RESP_FLAGS         12      /* le32 */
#define NVIO_RESP_PASID         16      /* le32 */
#define NVIO_RESP_GROUP         20      /* le32 */
#define NVIO_RESP_CODE          24      /* le16 */
#define NVIO_RESP_RESERVED      26      /* 10 bytes, zero */
#define NVIO_RESP_SIZE          36

#define NVIO_RESP_F_PASID       (1u << 0)

#define NVIO_RESP_SUCCESS       0
#define NVIO_RESP_INVALID       1
#define NVIO_RESP_FAILURE       2

#define NVIO_GROUP_MAX          0x1ff   /* PCIe: nine bits */

/*
 * With PAGE_REQUEST, events are of this size; the first 24 bytes are those of
 * a fault report.
 */
#define NVIO_EVENT_PASID        12      /* le32, if that flag is set */
#define NVIO_EVENT_GROUP        24      /* le16, likewise */
#define NVIO_EVENT_PRIVATE      32      /* 16 bytes */
#define NVIO_EVENT_EXT_SIZE     48

#define NVIO_EVENT_F_EXEC       (1u << 2)
#define NVIO_EVENT_F_PRIV       (1u << 3)
#define NVIO_EVENT_F_LAST       (1u << 4)
#define NVIO_EVENT_F_PAGE_REQ   (1u << 5)
#define NVIO_EVENT_F_PASID      (1u << 9)
#define NVIO_EVENT_F_GROUP_ID   (1u << 10)

/* PROBE properties of the 2018 to 2023 family */
#define NVIO_PROP_T_PAGE_SIZE_MASK  2
#define NVIO_PROP_T_INPUT_RANGE     3
#define NVIO_PROP_T_OUTPUT_SIZE     4
#define NVIO_PROP_T_PASID_SIZE      5
#define NVIO_PROP_T_TABLE_FORMAT    6

#define NVIO_PROP_MASK          8       /* le64, behind 4 reserved bytes */
#define NVIO_PROP_MASK_SIZE     16
#define NVIO_PROP_BITS          4       /* u8, then 3 reserved bytes */
#define NVIO_PROP_BITS_SIZE     8
#define NVIO_PROP_FMT           4       /* le16, then 2 reserved bytes */
#define NVIO_PROP_FMT_LEVELS    8       /* u8: fewest */
#define NVIO_PROP_FMT_LEVELS_MAX 9      /* u8: most; 6 reserved bytes */
#define NVIO_PROP_FMT_FLAGS     16      /* le64: format flags that are known */
#define NVIO_PROP_FMT_SIZE      24

#endif
