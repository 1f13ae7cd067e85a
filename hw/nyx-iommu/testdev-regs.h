/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Register map of nyx-testdev: offsets, bits and codes only, no include, so
 * that the device, the qtests and programs in a guest share one file.  The
 * meaning of each is in docs/specs/nyx-testdev.rst.
 */
#ifndef HW_NYX_IOMMU_TESTDEV_REGS_H
#define HW_NYX_IOMMU_TESTDEV_REGS_H

#define NYX_TD_NAME             "nyx-testdev"
#define NYX_TD_VENDOR_ID        0x1234
#define NYX_TD_DEVICE_ID        0x4e79

/* BARs: 0 holds registers and data window, 4 the MSI-X table and PBA. */
#define NYX_TD_BAR              0
#define NYX_TD_MSIX_BAR         4
#define NYX_TD_BAR_SIZE         0x4000
#define NYX_TD_REGS_SIZE        0x1000
#define NYX_TD_WINDOW           0x1000
#define NYX_TD_WINDOW_SIZE      0x1000

/* The registers of QEMU's iommu-testdev (32 bits each). */
#define NYX_TD_ITD_TRIGGER      0x000
#define NYX_TD_ITD_GVA_LO       0x004
#define NYX_TD_ITD_GVA_HI       0x008
#define NYX_TD_ITD_LEN          0x00c
#define NYX_TD_ITD_RESULT       0x010
#define NYX_TD_ITD_DBELL        0x014
#define NYX_TD_ITD_ATTRS        0x018
#define NYX_TD_ITD_GPA_LO       0x01c
#define NYX_TD_ITD_GPA_HI       0x020

#define NYX_TD_ITD_DBELL_ARM    0x1u

#define NYX_TD_ITD_ATTRS_SECURE         (1u << 0)
#define NYX_TD_ITD_ATTRS_SPACE_SHIFT    1
#define NYX_TD_ITD_ATTRS_SPACE_MASK     (3u << 1)
#define NYX_TD_ITD_ATTRS_SPACE_VALID    (1u << 3)
#define NYX_TD_ITD_SPACE_SECURE         0
#define NYX_TD_ITD_SPACE_NONSECURE      1

#define NYX_TD_ITD_OK               0x00000000u
#define NYX_TD_ITD_IDLE             0xffffffffu
#define NYX_TD_ITD_BUSY             0xfffffffeu
#define NYX_TD_ITD_ERR_BAD_LEN      0xdead0001u
#define NYX_TD_ITD_ERR_TX_FAIL      0xdead0002u
#define NYX_TD_ITD_ERR_RD_FAIL      0xdead0003u
#define NYX_TD_ITD_ERR_MISMATCH     0xdead0004u
#define NYX_TD_ITD_ERR_NOT_ARMED    0xdead0005u
#define NYX_TD_ITD_ERR_BAD_ATTRS    0xdead0006u

#define NYX_TD_ITD_WRITE_VAL        0x12345678u

/* Identification and limits. */
#define NYX_TD_MAGIC            0x100
#define NYX_TD_VERSION          0x104
#define NYX_TD_FEATURES         0x108
#define NYX_TD_MAX_LEN          0x10c
#define NYX_TD_MAX_THREADS      0x110
#define NYX_TD_VECTORS          0x114
#define NYX_TD_ATC_ENTRIES      0x118
#define NYX_TD_SHADOW_MAX       0x11c
#define NYX_TD_REQUESTER_ID     0x120
#define NYX_TD_SCRATCH          0x124
#define NYX_TD_RESET            0x128

#define NYX_TD_MAGIC_VALUE      0x5458594eu    /* "NYXT" in memory order */
#define NYX_TD_VERSION_VALUE    0x00010002u    /* major 31:16, minor 15:0 */

#define NYX_TD_FEATURE_NYX_IOMMU    (1u << 0)
#define NYX_TD_FEATURE_EXPRESS      (1u << 1)
#define NYX_TD_FEATURE_ATS          (1u << 2)
#define NYX_TD_FEATURE_PASID        (1u << 3)
#define NYX_TD_FEATURE_ATS_ON       (1u << 4)
#define NYX_TD_FEATURE_PASID_ON     (1u << 5)
#define NYX_TD_FEATURE_MASTER_ON    (1u << 6)
#define NYX_TD_FEATURE_PRI          (1u << 7)
#define NYX_TD_FEATURE_PRI_ON       (1u << 8)

/* One request at a time, made while the doorbell is written. */
#define NYX_TD_DMA_ADDR         0x200
#define NYX_TD_DMA_LEN          0x208
#define NYX_TD_DMA_OP           0x20c
#define NYX_TD_DMA_ATTR         0x210
#define NYX_TD_DMA_PASID        0x214
#define NYX_TD_DMA_OPERAND      0x218
#define NYX_TD_DMA_COMPARE      0x220
#define NYX_TD_DMA_DOORBELL     0x228
#define NYX_TD_DMA_STATUS       0x22c
#define NYX_TD_DMA_MEMTX        0x230
#define NYX_TD_DMA_DONE         0x234
#define NYX_TD_DMA_OLD          0x238
#define NYX_TD_DMA_XADDR        0x240
#define NYX_TD_DMA_XMASK        0x248
#define NYX_TD_DMA_XACCESS      0x250
#define NYX_TD_DMA_DIFF_COUNT   0x254
#define NYX_TD_DMA_DIFF_FIRST   0x258
#define NYX_TD_DMA_COUNT        0x25c
#define NYX_TD_DMA_ERRORS       0x260
#define NYX_TD_DMA_XATS         0x264

#define NYX_TD_MAX_LEN_VALUE    0x100000
#define NYX_TD_MAX_MSI          0x10000

/* Operations, for NYX_TD_DMA_OP and NYX_TD_RUN_OP. */
#define NYX_TD_OP_NOP           0
#define NYX_TD_OP_READ          1
#define NYX_TD_OP_WRITE         2
#define NYX_TD_OP_FILL          3
#define NYX_TD_OP_VERIFY        4
#define NYX_TD_OP_FETCH_ADD     5
#define NYX_TD_OP_SWAP          6
#define NYX_TD_OP_CAS           7
#define NYX_TD_OP_ZERO_READ     8
#define NYX_TD_OP_TRANSLATE     9

/* Attributes, for NYX_TD_DMA_ATTR and NYX_TD_RUN_ATTR. */
#define NYX_TD_ATTR_AT_MASK             0x3u
#define NYX_TD_ATTR_AT_UNTRANSLATED     0x0u
#define NYX_TD_ATTR_AT_TRANSLATED       0x2u
#define NYX_TD_ATTR_AT_ATC              0x3u
#define NYX_TD_ATTR_PASID               (1u << 4)
#define NYX_TD_ATTR_EXEC                (1u << 5)
#define NYX_TD_ATTR_PRIV                (1u << 6)
#define NYX_TD_ATTR_NO_WRITE            (1u << 7)
#define NYX_TD_ATTR_NO_RID              (1u << 8)
#define NYX_TD_ATTR_HOST                (1u << 9)
#define NYX_TD_ATTR_ALL                 0x1f3u    /* of a run */

/* Result codes, for every *_STATUS register that holds one. */
#define NYX_TD_ST_OK            0
#define NYX_TD_ST_IDLE          1
#define NYX_TD_ST_BAD_OP        2
#define NYX_TD_ST_BAD_LEN       3
#define NYX_TD_ST_BAD_ATTR      4
#define NYX_TD_ST_MISALIGNED    5
#define NYX_TD_ST_NO_MASTER     6
#define NYX_TD_ST_TX_ERROR      7
#define NYX_TD_ST_BLOCKED       8
#define NYX_TD_ST_NO_IOMMU      9
#define NYX_TD_ST_NO_MAPPING    10
#define NYX_TD_ST_NOT_RAM       11
#define NYX_TD_ST_MISMATCH      12
#define NYX_TD_ST_BUSY          13
#define NYX_TD_ST_BAD_VECTOR    14
#define NYX_TD_ST_DISABLED      15
#define NYX_TD_ST_BAD_RANGE     16
#define NYX_TD_ST_NO_THREAD     17

/* NYX_TD_DMA_XACCESS */
#define NYX_TD_ACCESS_READ      (1u << 0)
#define NYX_TD_ACCESS_WRITE     (1u << 1)
#define NYX_TD_ACCESS_EXEC      (1u << 2)
#define NYX_TD_ACCESS_PRIV      (1u << 3)

/* NYX_TD_DMA_XATS */
#define NYX_TD_ATS_UNTRANSLATED (1u << 0)
#define NYX_TD_ATS_SNOOP        (1u << 1)
#define NYX_TD_ATS_GLOBAL       (1u << 2)

/* Timed runs by worker threads. */
#define NYX_TD_RUN_CTRL         0x300
#define NYX_TD_RUN_STATUS       0x304
#define NYX_TD_RUN_THREADS      0x308
#define NYX_TD_RUN_OP           0x30c
#define NYX_TD_RUN_ATTR         0x310
#define NYX_TD_RUN_PASID        0x314
#define NYX_TD_RUN_BASE         0x318
#define NYX_TD_RUN_STRIDE       0x320
#define NYX_TD_RUN_COUNT        0x328
#define NYX_TD_RUN_SLOTS        0x330
#define NYX_TD_RUN_LEN          0x334
#define NYX_TD_RUN_PATTERN      0x338
#define NYX_TD_RUN_FLAGS        0x33c
#define NYX_TD_RUN_SEED         0x340
#define NYX_TD_RUN_TIME_MS      0x348
#define NYX_TD_RUN_VECTOR       0x34c
#define NYX_TD_RUN_ELAPSED      0x350
#define NYX_TD_RUN_OPS          0x358
#define NYX_TD_RUN_ERRORS       0x360
#define NYX_TD_RUN_ERR_ADDR     0x368
#define NYX_TD_RUN_ERR_STATUS   0x370
#define NYX_TD_RUN_SELECT       0x374
#define NYX_TD_RUN_SEL_NS       0x378
#define NYX_TD_RUN_SEL_OPS      0x380
#define NYX_TD_RUN_SEL_ERRORS   0x388

#define NYX_TD_RUN_START        1
#define NYX_TD_RUN_STOP         2

#define NYX_TD_RUN_ST_BUSY      (1u << 0)
#define NYX_TD_RUN_ST_DONE      (1u << 1)
#define NYX_TD_RUN_ST_STOPPED   (1u << 2)
#define NYX_TD_RUN_ST_TIMEOUT   (1u << 3)
#define NYX_TD_RUN_ST_ERRORS    (1u << 4)
#define NYX_TD_RUN_ST_REFUSED   (1u << 5)
#define NYX_TD_RUN_ST_CODE_SHIFT    8

#define NYX_TD_PATTERN_SAME     0
#define NYX_TD_PATTERN_STRIDE   1
#define NYX_TD_PATTERN_RANDOM   2

#define NYX_TD_RUN_F_STOP_ON_ERROR  (1u << 0)
#define NYX_TD_RUN_F_DISJOINT       (1u << 1)
#define NYX_TD_RUN_F_IRQ            (1u << 2)
#define NYX_TD_RUN_F_FLOOR          (1u << 3)
#define NYX_TD_RUN_F_ALL            0xfu

#define NYX_TD_MAX_THREADS_VALUE    16
#define NYX_TD_MAX_COUNT            (1ull << 40)
#define NYX_TD_MAX_TIME_MS          600000u
#define NYX_TD_DEFAULT_TIME_MS      60000u

/* Interrupts. */
#define NYX_TD_MSI_ADDR         0x400
#define NYX_TD_MSI_DATA         0x408
#define NYX_TD_MSI_SEND         0x40c
#define NYX_TD_MSI_STATUS       0x410
#define NYX_TD_MSI_MEMTX        0x414
#define NYX_TD_IRQ_RAISE        0x418
#define NYX_TD_IRQ_STATUS       0x41c
#define NYX_TD_IRQ_MODE         0x420
#define NYX_TD_IRQ_COUNT        0x424
#define NYX_TD_MSI_NS           0x428    /* 64 bits */

/* A timed write to a register of another device. */
#define NYX_TD_POKE_ADDR        0x430
#define NYX_TD_POKE             0x438
#define NYX_TD_POKE_MEMTX       0x43c
#define NYX_TD_POKE_NS          0x440    /* 64 bits */

#define NYX_TD_IRQ_MODE_NONE    0
#define NYX_TD_IRQ_MODE_MSI     1
#define NYX_TD_IRQ_MODE_MSIX    2

/* IOMMU notifier and the shadow of what it announced. */
#define NYX_TD_NOTIFY_CTRL      0x500
#define NYX_TD_NOTIFY_STATUS    0x504
#define NYX_TD_NOTIFY_MAPS      0x508
#define NYX_TD_NOTIFY_UNMAPS    0x510
#define NYX_TD_NOTIFY_DEV_UNMAPS    0x518
#define NYX_TD_NOTIFY_REPLAYS   0x520
#define NYX_TD_NOTIFY_ERRORS    0x524
#define NYX_TD_ERR_DOUBLE_MAP   0x528
#define NYX_TD_ERR_CUT          0x52c
#define NYX_TD_ERR_SIZE         0x530
#define NYX_TD_ERR_NOT_RAM      0x534
#define NYX_TD_ERR_TARGET       0x538
#define NYX_TD_ERR_FULL         0x53c
#define NYX_TD_LAST_ERR_IOVA    0x540
#define NYX_TD_LAST_ERR         0x548
#define NYX_TD_NOTIFY_OP        0x54c
#define NYX_TD_SHADOW_COUNT     0x550
#define NYX_TD_SHADOW_INDEX     0x554
#define NYX_TD_SHADOW_BYTES     0x558
#define NYX_TD_SHADOW_FIND      0x560
#define NYX_TD_SHADOW_IOVA      0x568
#define NYX_TD_SHADOW_LEN       0x570
#define NYX_TD_SHADOW_ADDR      0x578
#define NYX_TD_SHADOW_PERM      0x580
#define NYX_TD_SHADOW_SELECT    0x584
#define NYX_TD_UNMAP_IOVA       0x588
#define NYX_TD_UNMAP_LEN        0x590
#define NYX_TD_UNMAP_ADDR       0x598
#define NYX_TD_SYNC_EVENTS      0x5a0
#define NYX_TD_SYNC_ERRORS      0x5a8
#define NYX_TD_ERR_ADDR         0x5ac
#define NYX_TD_DIRTY_LOST       0x5b0

#define NYX_TD_NOTIFY_MAP           (1u << 0)
#define NYX_TD_NOTIFY_UNMAP         (1u << 1)
#define NYX_TD_NOTIFY_DEV_UNMAP     (1u << 2)
#define NYX_TD_NOTIFY_ALL           0x7u

#define NYX_TD_NOTIFY_ST_ACTIVE     (1u << 0)
#define NYX_TD_NOTIFY_ST_REFUSED    (1u << 1)
#define NYX_TD_NOTIFY_ST_BAD_CTRL   (1u << 2)
#define NYX_TD_NOTIFY_ST_IOMMU_SHIFT    8     /* 15:8 IOMMU sections */
#define NYX_TD_NOTIFY_ST_RAM_SHIFT      16    /* 23:16 RAM sections */

#define NYX_TD_NOTIFY_OP_CLEAR      (1u << 0)
#define NYX_TD_NOTIFY_OP_REPLAY     (1u << 1)
#define NYX_TD_NOTIFY_OP_SYNC       (1u << 2)

/* NYX_TD_SHADOW_SELECT */
#define NYX_TD_SHADOW_ANNOUNCED     0
#define NYX_TD_SHADOW_SEEN          1

/* NYX_TD_LAST_ERR: which of the NYX_TD_ERR_* moved last. */
#define NYX_TD_SHADOW_OK            0
#define NYX_TD_SHADOW_DOUBLE_MAP    1
#define NYX_TD_SHADOW_CUT           2
#define NYX_TD_SHADOW_SIZE          3
#define NYX_TD_SHADOW_NOT_RAM       4
#define NYX_TD_SHADOW_TARGET        5
#define NYX_TD_SHADOW_FULL          6
#define NYX_TD_SHADOW_ADDR_WRONG    7

/* The device's own translation cache (ATC). */
#define NYX_TD_ATC_CTRL         0x600
#define NYX_TD_ATC_COUNT        0x604
#define NYX_TD_ATC_INDEX        0x608
#define NYX_TD_ATC_PASID        0x60c
#define NYX_TD_ATC_IOVA         0x610
#define NYX_TD_ATC_MASK         0x618
#define NYX_TD_ATC_ADDR         0x620
#define NYX_TD_ATC_ACCESS       0x628
#define NYX_TD_ATC_HITS         0x630
#define NYX_TD_ATC_MISSES       0x638
#define NYX_TD_ATC_DROPS        0x640

#define NYX_TD_ATC_FLUSH            (1u << 0)
#define NYX_TD_ATC_ACCESS_VALID     (1u << 31)
#define NYX_TD_ATC_ACCESS_PASID     (1u << 30)
#define NYX_TD_ATC_ACCESS_ATS_SHIFT 8     /* 10:8 NYX_TD_ATS_* */
#define NYX_TD_ATC_ENTRIES_VALUE    64

/* Page requests, sent while the doorbell is written, and their responses. */
#define NYX_TD_PRI_ADDR         0x700
#define NYX_TD_PRI_FLAGS        0x708
#define NYX_TD_PRI_PASID        0x70c
#define NYX_TD_PRI_GROUP        0x710
#define NYX_TD_PRI_DOORBELL     0x714
#define NYX_TD_PRI_STATUS       0x718
#define NYX_TD_PRI_SENT         0x71c
#define NYX_TD_PRI_OUTSTANDING  0x720
#define NYX_TD_PRI_RESPONSES    0x724
#define NYX_TD_PRI_RESP_INDEX   0x728
#define NYX_TD_PRI_RESP         0x72c
#define NYX_TD_PRI_RESP_PASID   0x730

/* NYX_TD_PRI_FLAGS, above NYX_TD_ACCESS_* */
#define NYX_TD_PRI_F_PASID          (1u << 4)
#define NYX_TD_PRI_F_LAST           (1u << 5)
#define NYX_TD_PRI_F_ALL            0x3fu
#define NYX_TD_PRI_GROUP_MASK       0x1ffu
#define NYX_TD_PRI_CAPACITY         64
#define NYX_TD_PRI_RESPONSES_KEPT   16

/* NYX_TD_PRI_RESP; group in 8:0 */
#define NYX_TD_PRI_RESP_CODE_SHIFT  12
#define NYX_TD_PRI_RESP_HAS_PASID   (1u << 16)
#define NYX_TD_PRI_RESP_EXPECTED    (1u << 17)
#define NYX_TD_PRI_RESP_VALID       (1u << 31)

/* Device-TLB invalidations of a Nyx IOMMU. */
#define NYX_TD_INV_ANSWER       0x740
#define NYX_TD_INV_COUNT        0x744
#define NYX_TD_INV_ADDR         0x748
#define NYX_TD_INV_LG2          0x750
#define NYX_TD_INV_PASID        0x754

/* NYX_TD_INV_ANSWER */
#define NYX_TD_INV_DONE             0
#define NYX_TD_INV_SILENT           1
#define NYX_TD_INV_BAD              2

/* NYX_TD_INV_PASID */
#define NYX_TD_INV_HAS_PASID        (1u << 31)
#define NYX_TD_INV_GLOBAL           (1u << 30)

#endif
