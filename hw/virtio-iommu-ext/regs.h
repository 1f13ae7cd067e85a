/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the driver sees of a virtio-iommu (VIRTIO 1.3, 5.13): feature bits,
 * configuration space, requests, events.  Everything is little-endian and
 * packed; structures are given as offsets.
 *
 * Section numbers are those of VIRTIO 1.3.
 */
#ifndef HW_VIRTIO_IOMMU_EXT_REGS_H
#define HW_VIRTIO_IOMMU_EXT_REGS_H

/* 5.13.3: feature bits */
#define NVIO_F_INPUT_RANGE      0
#define NVIO_F_DOMAIN_RANGE     1
#define NVIO_F_MAP_UNMAP        2
#define NVIO_F_BYPASS           3       /* not offered: 6 has its place */
#define NVIO_F_PROBE            4
#define NVIO_F_MMIO             5
#define NVIO_F_BYPASS_CONFIG    6

/* 5.13.2: virtqueues */
#define NVIO_QUEUE_REQUEST      0
#define NVIO_QUEUE_EVENT        1
#define NVIO_QUEUE_SIZE         256

/* 5.13.4: configuration space */
#define NVIO_CFG_PAGE_SIZE_MASK 0       /* le64 */
#define NVIO_CFG_INPUT_START    8       /* le64 */
#define NVIO_CFG_INPUT_END      16      /* le64, inclusive */
#define NVIO_CFG_DOMAIN_START   24      /* le32 */
#define NVIO_CFG_DOMAIN_END     28      /* le32, inclusive */
#define NVIO_CFG_PROBE_SIZE     32      /* le32 */
#define NVIO_CFG_BYPASS         36      /* u8, the only one that is writable */
#define NVIO_CFG_SIZE           40

/* 5.13.6: a request is a head, its own fields, and a tail. */
#define NVIO_HEAD_TYPE          0       /* u8 */
#define NVIO_HEAD_SIZE          4
#define NVIO_TAIL_STATUS        0       /* u8 */
#define NVIO_TAIL_SIZE          4

#define NVIO_T_ATTACH           1
#define NVIO_T_DETACH           2
#define NVIO_T_MAP              3
#define NVIO_T_UNMAP            4
#define NVIO_T_PROBE            5

#define NVIO_S_OK               0
#define NVIO_S_IOERR            1
#define NVIO_S_UNSUPP           2
#define NVIO_S_DEVERR           3
#define NVIO_S_INVAL            4
#define NVIO_S_RANGE            5
#define NVIO_S_NOENT            6
#define NVIO_S_FAULT            7
#define NVIO_S_NOMEM            8
#define NVIO_S_COUNT            9

/* 5.13.6.3: ATTACH; sizes are of the readable part. */
#define NVIO_ATTACH_DOMAIN      4       /* le32 */
#define NVIO_ATTACH_ENDPOINT    8       /* le32 */
#define NVIO_ATTACH_FLAGS       12      /* le32 */
#define NVIO_ATTACH_RESERVED    16      /* 4 bytes, zero */
#define NVIO_ATTACH_SIZE        20
#define NVIO_ATTACH_F_BYPASS    (1u << 0)

/* 5.13.6.4: DETACH */
#define NVIO_DETACH_DOMAIN      4       /* le32 */
#define NVIO_DETACH_ENDPOINT    8       /* le32 */
#define NVIO_DETACH_SIZE        20

/* 5.13.6.5: MAP */
#define NVIO_MAP_DOMAIN         4       /* le32 */
#define NVIO_MAP_VIRT_START     8       /* le64 */
#define NVIO_MAP_VIRT_END       16      /* le64, inclusive */
#define NVIO_MAP_PHYS_START     24      /* le64 */
#define NVIO_MAP_FLAGS          32      /* le32 */
#define NVIO_MAP_SIZE           36
#define NVIO_MAP_F_READ         (1u << 0)
#define NVIO_MAP_F_WRITE        (1u << 1)
#define NVIO_MAP_F_MMIO         (1u << 2)

/* 5.13.6.6: UNMAP */
#define NVIO_UNMAP_DOMAIN       4       /* le32 */
#define NVIO_UNMAP_VIRT_START   8       /* le64 */
#define NVIO_UNMAP_VIRT_END     16      /* le64, inclusive */
#define NVIO_UNMAP_RESERVED     24      /* 4 bytes, zero */
#define NVIO_UNMAP_SIZE         28

/* 5.13.6.7: PROBE; properties go before the tail. */
#define NVIO_PROBE_ENDPOINT     4       /* le32 */
#define NVIO_PROBE_SIZE         72
#define NVIO_PROBE_SPACE        2048    /* config.probe_size */

/* 5.13.6.8: properties */
#define NVIO_PROP_TYPE          0       /* le16: type in bits 11:0 */
#define NVIO_PROP_LENGTH        2       /* le16: of what follows */
#define NVIO_PROP_HEAD_SIZE     4

#define NVIO_PROP_T_NONE        0
#define NVIO_PROP_T_RESV_MEM    1

#define NVIO_RESV_SUBTYPE       4       /* u8 */
#define NVIO_RESV_START         8       /* le64 */
#define NVIO_RESV_END           16      /* le64, inclusive */
#define NVIO_RESV_SIZE          24      /* with the head */
#define NVIO_RESV_MEM_RESERVED  0
#define NVIO_RESV_MEM_MSI       1

/* 5.13.6.9: fault reports */
#define NVIO_EVENT_REASON       0       /* u8 */
#define NVIO_EVENT_FLAGS        4       /* le32 */
#define NVIO_EVENT_ENDPOINT     8       /* le32 */
#define NVIO_EVENT_ADDRESS      16      /* le64 */
#define NVIO_EVENT_SIZE         24

#define NVIO_EVENT_R_UNKNOWN    0
#define NVIO_EVENT_R_DOMAIN     1
#define NVIO_EVENT_R_MAPPING    2
#define NVIO_EVENT_R_COUNT      3

#define NVIO_EVENT_F_READ       (1u << 0)
#define NVIO_EVENT_F_WRITE      (1u << 1)
#define NVIO_EVENT_F_ADDRESS    (1u << 8)

#endif
