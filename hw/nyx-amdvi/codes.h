/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD-Vi events (2.5), the reasons behind them, and conformance rules: one
 * list each, expanded into constants and tables.
 */
#ifndef HW_NYX_AMDVI_CODES_H
#define HW_NYX_AMDVI_CODES_H

#include "qemu/osdep.h"

typedef enum NyxAmdEventCode {
    NAMD_EVENT_NONE = 0x0,
    NAMD_EVENT_ILLEGAL_DEV_TABLE_ENTRY = 0x1,
    NAMD_EVENT_IO_PAGE_FAULT = 0x2,
    NAMD_EVENT_DEV_TAB_HARDWARE_ERROR = 0x3,
    NAMD_EVENT_PAGE_TAB_HARDWARE_ERROR = 0x4,
    NAMD_EVENT_ILLEGAL_COMMAND_ERROR = 0x5,
    NAMD_EVENT_COMMAND_HARDWARE_ERROR = 0x6,
    NAMD_EVENT_IOTLB_INV_TIMEOUT = 0x7,
    NAMD_EVENT_INVALID_DEVICE_REQUEST = 0x8,
    NAMD_EVENT_INVALID_PPR_REQUEST = 0x9,
    NAMD_EVENT_EVENT_COUNTER_ZERO = 0xa,
    NAMD_EVENT_GUEST_EVENT_FAULT = 0xb,
    NAMD_EVENT_VIOMMU_HARDWARE_ERROR = 0xc,
    NAMD_EVENT_RMP_PAGE_FAULT = 0xd,
    NAMD_EVENT_RMP_HARDWARE_ERROR = 0xe,
} NyxAmdEventCode;

/* Flags of an event that its reason decides. */
enum {
    NAMD_FLAG_PR = 1 << 0,   /* the entry is present, or RemapEn */
    NAMD_FLAG_PE = 1 << 1,   /* permission */
    NAMD_FLAG_RZ = 1 << 2,   /* reserved bit or illegal code */
    NAMD_FLAG_GN = 1 << 3,   /* a guest's address: PASID instead of domain */
};

/* Type of a hardware error (events 3, 4 and 6) */
#define NAMD_ERROR_TARGET_ABORT 2

/*
 * Why a request was refused:
 * F(constant, event, flags, type, id, what happened)
 */
#define NAMD_FAULT_LIST(F)                                                   \
    F(DTE_RANGE,    IO_PAGE_FAULT, 0, 0, "dte-range",                        \
      "device id beyond the device table")                                   \
    F(DTE_READ,     DEV_TAB_HARDWARE_ERROR, 0, NAMD_ERROR_TARGET_ABORT,      \
      "dte-read", "device table entry unreadable")                           \
    F(DTE_RSVD,     ILLEGAL_DEV_TABLE_ENTRY, NAMD_FLAG_RZ, 0, "dte-reserved", \
      "reserved bit or value in device table entry")                         \
    F(DTE_TV,       IO_PAGE_FAULT, 0, 0, "dte-tv",                           \
      "no translation information in device table entry")                    \
    F(DTE_GV,       IO_PAGE_FAULT, NAMD_FLAG_GN, 0, "dte-gv",                \
      "request with a PASID for a device without guest tables")              \
    F(IDENTITY,     IO_PAGE_FAULT, NAMD_FLAG_PR | NAMD_FLAG_PE, 0,           \
      "identity-permission", "no permission in device table entry")          \
    F(HOST_WIDTH,   IO_PAGE_FAULT, 0, 0, "host-width",                       \
      "address beyond the levels of the host table")                         \
    F(HOST_EMPTY,   IO_PAGE_FAULT, 0, 0, "host-not-present",                 \
      "host entry not present")                                              \
    F(HOST_DENIED,  IO_PAGE_FAULT, NAMD_FLAG_PR | NAMD_FLAG_PE, 0,           \
      "host-permission", "no permission in host entry")                      \
    F(HOST_RSVD,    IO_PAGE_FAULT, NAMD_FLAG_PR | NAMD_FLAG_RZ, 0,           \
      "host-reserved", "reserved bit or illegal level in host entry")        \
    F(HOST_READ,    PAGE_TAB_HARDWARE_ERROR, 0, NAMD_ERROR_TARGET_ABORT,     \
      "host-read", "host entry cannot be read or updated")                   \
    F(PASID_RANGE,  IO_PAGE_FAULT, NAMD_FLAG_GN, 0, "pasid-range",           \
      "PASID beyond the GCR3 table")                                         \
    F(GCR3_EMPTY,   IO_PAGE_FAULT, NAMD_FLAG_GN, 0, "gcr3-not-valid",        \
      "GCR3 entry not valid")                                                \
    F(GCR3_RSVD,    IO_PAGE_FAULT,                                           \
      NAMD_FLAG_GN | NAMD_FLAG_PR | NAMD_FLAG_RZ, 0, "gcr3-reserved",        \
      "reserved bit in GCR3 entry")                                          \
    F(GCR3_READ,    PAGE_TAB_HARDWARE_ERROR, NAMD_FLAG_GN,                   \
      NAMD_ERROR_TARGET_ABORT, "gcr3-read", "GCR3 entry unreadable")         \
    F(CANONICAL,    IO_PAGE_FAULT, NAMD_FLAG_GN, 0, "guest-canonical",       \
      "address not canonical")                                               \
    F(GUEST_EMPTY,  IO_PAGE_FAULT, NAMD_FLAG_GN, 0, "guest-not-present",     \
      "guest entry not present")                                             \
    F(GUEST_DENIED, IO_PAGE_FAULT,                                           \
      NAMD_FLAG_GN | NAMD_FLAG_PR | NAMD_FLAG_PE, 0, "guest-permission",     \
      "no permission in guest entry")                                        \
    F(GUEST_RSVD,   IO_PAGE_FAULT,                                           \
      NAMD_FLAG_GN | NAMD_FLAG_PR | NAMD_FLAG_RZ, 0, "guest-reserved",       \
      "reserved bit in guest entry")                                         \
    F(GUEST_READ,   PAGE_TAB_HARDWARE_ERROR, NAMD_FLAG_GN,                   \
      NAMD_ERROR_TARGET_ABORT, "guest-read",                                 \
      "guest entry cannot be read or updated")                               \
    F(MARC,         IO_PAGE_FAULT, NAMD_FLAG_PR | NAMD_FLAG_PE, 0,           \
      "marc-permission", "write to a read-only MARC aperture")               \
    F(INTR_READ,    INVALID_DEVICE_REQUEST, 0, 0, "interrupt-range-read",    \
      "read of the interrupt range")                                         \
    F(TRANSLATED,   INVALID_DEVICE_REQUEST, 0, 1, "translated-blocked",      \
      "translated request of a device without I = 1")                        \
    F(PORT_IO,      INVALID_DEVICE_REQUEST, 0, 2, "port-io",                 \
      "port I/O range with IoCtl = 0")                                       \
    F(SYSMGT,       INVALID_DEVICE_REQUEST, 0, 3, "system-management",       \
      "system management range refused by SysMgt")                           \
    F(INTR_RANGE,   INVALID_DEVICE_REQUEST, 0, 4, "interrupt-range",         \
      "access to an interrupt or end-of-interrupt range")                    \
    F(INTCTL,       INVALID_DEVICE_REQUEST, 0, 5, "interrupt-blocked",       \
      "interrupt refused by IntCtl or a pass bit")                           \
    F(HT_RANGE,     INVALID_DEVICE_REQUEST, 0, 6, "reserved-range",          \
      "access to a reserved address range")                                  \
    F(ATS_RANGE,    INVALID_DEVICE_REQUEST, 0, 0, "ats-range",               \
      "translation request for a range that cannot be translated")           \
    F(ATS_BLOCKED,  INVALID_DEVICE_REQUEST, 0, 1, "ats-blocked",             \
      "translation request of a device without I = 1")                       \
    F(IRQ_INDEX,    IO_PAGE_FAULT, 0, 0, "irq-index",                        \
      "interrupt index beyond the table")                                    \
    F(IRQ_OFF,      IO_PAGE_FAULT, 0, 0, "irq-not-enabled",                  \
      "interrupt entry with RemapEn = 0")                                    \
    F(IRQ_RSVD,     IO_PAGE_FAULT, NAMD_FLAG_PR | NAMD_FLAG_RZ, 0,           \
      "irq-reserved", "reserved bit or value in interrupt entry")            \
    F(IRQ_READ,     PAGE_TAB_HARDWARE_ERROR, 0, NAMD_ERROR_TARGET_ABORT,     \
      "irq-read", "interrupt entry unreadable")                              \
    F(IRQ_VAPIC,    PAGE_TAB_HARDWARE_ERROR, 0, NAMD_ERROR_TARGET_ABORT,     \
      "irq-vapic", "vAPIC backing page cannot be updated")                   \
    F(IRQ_SMI,      IO_PAGE_FAULT, 0, 0, "irq-smi",                          \
      "SMI of a device that no SMI filter register names")                   \
    F(PPR_REFUSED,  INVALID_PPR_REQUEST, 0, 0, "ppr-refused",                \
      "page request of a device that may not send one")

#define NAMD_FAULT_ENUM(name, event, flags, type, id, text) NAMD_FAULT_##name,

/* Zero is "no fault". */
typedef enum NyxAmdFaultCode {
    NAMD_FAULT_NONE,
    NAMD_FAULT_LIST(NAMD_FAULT_ENUM)
    NAMD_FAULT_COUNT,
} NyxAmdFaultCode;

typedef struct NyxAmdFaultInfo {
    const char *id;
    const char *text;
    NyxAmdEventCode event;
    uint8_t flags;           /* NAMD_FLAG_* */
    uint8_t type;
} NyxAmdFaultInfo;

/* By NyxAmdFaultCode; defined in event.c. */
extern const NyxAmdFaultInfo nyx_amd_faults[NAMD_FAULT_COUNT];

/* F(constant, id, severity, section, title, fix) */
#define NAMD_RULE_LIST(F)                                                    \
    F(REG_UNALIGNED, "amdvi.reg.unaligned", ERROR, "3.4",                    \
      "register access is misaligned or not 4 or 8 bytes wide",              \
      "use aligned 32-bit or 64-bit accesses")                               \
    F(REG_UNKNOWN, "amdvi.reg.unknown", WARNING, "3.4",                      \
      "write to an offset where there is no register",                       \
      "check the offset and the feature bit that implies the register")      \
    F(REG_READ_ONLY, "amdvi.reg.read-only", ERROR, "3.4",                    \
      "write to a register that cannot be written",                          \
      "check the feature bit that makes it writable")                        \
    F(REG_RESERVED, "amdvi.reg.reserved", ERROR, "3.4",                      \
      "reserved register bits written as 1",                                 \
      "write 0 to reserved bits and to bits of features that EFR has not")   \
    F(RING_LENGTH, "amdvi.ring.length", ERROR, "3.4.2",                      \
      "length of a buffer below 8",                                          \
      "8 to 15 stand for 256 to 32768 entries")                              \
    F(RING_POINTER, "amdvi.ring.pointer", ERROR, "3.4.14",                   \
      "head or tail outside the buffer",                                     \
      "pointers are byte offsets below the size of the buffer")              \
    F(RING_BUSY, "amdvi.ring.busy", ERROR, "3.4.2",                          \
      "base or device's pointer of a buffer written while it is in use",     \
      "clear the enable bit and wait for the run bit to go first")           \
    F(DEVTAB_SIZE, "amdvi.devtab.size", ERROR, "3.4.1",                      \
      "device table segment larger than the segment's share of ids",         \
      "limit Size to 1FFh, FFh, 7Fh or 3Fh for 1, 2, 4 or 8 segments")       \
    F(ENABLE_NO_TABLE, "amdvi.control.no-table", ERROR, "3.4.4",             \
      "IOMMU enabled with device table base 0",                              \
      "write the device table base before IommuEn")                          \
    F(CMD_ILLEGAL, "amdvi.cmd.illegal", ERROR, "2.4",                        \
      "command with a reserved bit, an unknown opcode or a feature not there", \
      "clear the whole command before filling it, and test EFR")             \
    F(CMD_FETCH, "amdvi.cmd.fetch", ERROR, "2.4",                            \
      "command buffer cannot be read",                                       \
      "the base must point at RAM")                                          \
    F(CMD_WAIT_STORE, "amdvi.cmd.wait-store", ERROR, "2.4.1",                \
      "store address of COMPLETION_WAIT is not RAM",                         \
      "stores go to system memory")                                          \
    F(CMD_WAIT_IDLE, "amdvi.cmd.wait-idle", ADVICE, "2.4.1",                 \
      "COMPLETION_WAIT asks for neither store nor interrupt",                \
      "set s or i: the head pointer tells nothing of completion")            \
    F(IOTLB_SILENT, "amdvi.iotlb.no-answer", ERROR, "2.4.4",                 \
      "INVALIDATE_IOTLB_PAGES for a function that does not answer",          \
      "send it only to functions with ATS enabled and I = 1")                \
    F(LOG_OVERFLOW, "amdvi.log.overflow", WARNING, "2.5",                    \
      "log entries lost because the buffer is full",                         \
      "move the head along, then restart the log")                           \
    F(LOG_MEMORY, "amdvi.log.memory", ERROR, "2.5",                          \
      "log buffer is not RAM",                                               \
      "the base must point at RAM")                                          \
    F(PPR_RESPONSE, "amdvi.ppr.response", ERROR, "2.4.7",                    \
      "COMPLETE_PPR_REQUEST for a group that nobody waits for",              \
      "answer each request that has the last flag set, once")                \
    F(DMA_FAULT, "amdvi.fault.dma", WARNING, "2.5",                          \
      "DMA request refused",                                                 \
      "see the fault in the value")                                          \
    F(IRQ_FAULT, "amdvi.fault.interrupt", WARNING, "2.5",                    \
      "interrupt request refused",                                           \
      "see the fault in the value")                                          \
    F(INTR_RANGE_READ, "amdvi.intr.read", ERROR, "2.1.2",                    \
      "DMA read of the interrupt address range",                             \
      "do not map buffers at 0xfee00000 to 0xfeefffff")                      \
    F(INTR_RANGE_SIZE, "amdvi.intr.size", ERROR, "2.1.2",                    \
      "interrupt request that is not an aligned 4-byte write",               \
      "send MSIs as one doubleword")                                         \
    F(DOMAIN_SHARED, "amdvi.dte.domain-shared", ERROR, "2.2.2",              \
      "one domain id used with two different host tables",                   \
      "give each host table its own domain id")                              \
    F(SHADOW_FULL, "amdvi.shadow.full", WARNING, "2.1.3",                    \
      "more mappings than are passed on to a host device",                   \
      "map less, or in larger pages")

#define NAMD_RULE_ENUM(name, id, sev, section, title, fix) NAMD_RULE_##name,

typedef enum NyxAmdRule {
    NAMD_RULE_LIST(NAMD_RULE_ENUM)
    NAMD_RULE_COUNT,
} NyxAmdRule;

#endif
