/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why DMA was refused, and conformance rules: one list each, expanded into
 * constants and tables.
 */
#ifndef HW_VIRTIO_IOMMU_EXT_CODES_H
#define HW_VIRTIO_IOMMU_EXT_CODES_H

#include "hw/virtio-iommu-ext/drafts.h"
#include "hw/virtio-iommu-ext/regs.h"

/* F(constant, reason that the event has, id, what happened) */
#define NVIO_FAULT_LIST(F)                                                   \
    F(DETACHED,   DOMAIN,  "detached",                                       \
      "endpoint without a domain, and bypass is off")                        \
    F(RANGE,      MAPPING, "range", "address beyond the input range")        \
    F(RESERVED,   MAPPING, "reserved-region",                                \
      "access to a reserved region")                                         \
    F(UNMAPPED,   MAPPING, "unmapped", "address not mapped")                 \
    F(DENIED,     MAPPING, "permission", "mapping without the permission")   \
    F(MSI,        MAPPING, "msi-region",                                     \
      "access to the MSI region that is no message")                         \
    F(PASID,      DOMAIN,  "pasid", "PASID without a table")                 \
    F(TABLE_EMPTY, MAPPING, "table-not-present", "table entry not present")  \
    F(TABLE_DENIED, MAPPING, "table-permission",                             \
      "no permission in a table entry")                                      \
    F(TABLE_RSVD, MAPPING, "table-reserved",                                 \
      "reserved bit in a table entry")                                       \
    F(TABLE_READ, MAPPING, "table-read",                                     \
      "table entry cannot be read or updated")                               \
    F(TRANSLATED, UNKNOWN, "translated",                                     \
      "translated request, but ATS is not there")                            \
    F(BUSY,       UNKNOWN, "busy", "the domain kept changing")

#define NVIO_FAULT_ENUM(name, reason, id, text) NVIO_FAULT_##name,

/* Zero is "no fault". */
typedef enum NyxVioFaultCode {
    NVIO_FAULT_NONE,
    NVIO_FAULT_LIST(NVIO_FAULT_ENUM)
    NVIO_FAULT_COUNT,
} NyxVioFaultCode;

typedef struct NyxVioFaultInfo {
    const char *id;
    const char *text;
    uint8_t reason;          /* NVIO_EVENT_R_* */
} NyxVioFaultInfo;

/* By NyxVioFaultCode; defined in event.c. */
extern const NyxVioFaultInfo nyx_vio_faults[NVIO_FAULT_COUNT];

/* F(constant, id, severity, section, title, fix) */
#define NVIO_RULE_LIST(F)                                                    \
    F(REQ_SHORT, "virtio-iommu.req.short", ERROR, "5.13.6",                  \
      "request whose buffers are too small",                                 \
      "give the whole request, and four writable bytes for the tail")        \
    F(REQ_UNKNOWN, "virtio-iommu.req.unknown", ERROR, "5.13.6",              \
      "request of a type that the device does not have",                     \
      "test the feature bit that implies it")                                \
    F(REQ_RESERVED, "virtio-iommu.req.reserved", ERROR, "5.13.6",            \
      "reserved bytes of a request are not zero",                            \
      "clear the whole request before filling it")                           \
    F(FEATURE, "virtio-iommu.req.feature", ERROR, "5.13.3",                  \
      "request or flag of a feature that was not negotiated",                \
      "accept the feature, or do not use what it brings")                    \
    F(ATTACH_FLAGS, "virtio-iommu.attach.flags", ERROR, "5.13.6.3",          \
      "unknown flag of ATTACH",                                              \
      "BYPASS is the only one")                                              \
    F(ATTACH_KIND, "virtio-iommu.attach.kind", ERROR, "5.13.6.3",            \
      "endpoint attached to a domain of the other kind",                     \
      "a domain is a bypass domain for all endpoints or for none")           \
    F(ENDPOINT, "virtio-iommu.endpoint.unknown", ERROR, "5.13.6",            \
      "request for an endpoint that is not behind the device",               \
      "take endpoint ids from the VIOT table or the device tree")            \
    F(DETACH_OTHER, "virtio-iommu.detach.domain", ERROR, "5.13.6.4",         \
      "endpoint detached from a domain that it is not in",                   \
      "name the domain that it was attached to")                             \
    F(DOMAIN, "virtio-iommu.domain.unknown", ERROR, "5.13.6.5",              \
      "MAP or UNMAP of a domain without endpoints",                          \
      "attach an endpoint first: the last one that leaves ends the domain")  \
    F(DOMAIN_BYPASS, "virtio-iommu.domain.bypass", ERROR, "5.13.6.5",        \
      "MAP or UNMAP of a bypass domain",                                     \
      "nothing is mapped in a bypass domain")                                \
    F(MAP_FLAGS, "virtio-iommu.map.flags", ERROR, "5.13.6.5",                \
      "unknown flag of MAP, or MMIO that was not negotiated",                \
      "READ, WRITE and, with its feature, MMIO")                             \
    F(MAP_NOTHING, "virtio-iommu.map.no-permission", ADVICE, "5.13.6.5",     \
      "MAP with neither READ nor WRITE",                                     \
      "such a mapping refuses everything")                                   \
    F(MAP_ORDER, "virtio-iommu.map.order", ERROR, "5.13.6.5",                \
      "MAP whose end is not above its start",                                \
      "virt_end is the last byte of the range")                              \
    F(MAP_ALIGN, "virtio-iommu.map.granule", ERROR, "5.13.6.5",              \
      "MAP that is not aligned to the granule",                              \
      "align both addresses and the size to the lowest bit of "              \
      "page_size_mask")                                                      \
    F(MAP_RANGE, "virtio-iommu.map.input-range", ERROR, "5.13.6.5",          \
      "MAP outside of the input range",                                      \
      "take addresses from input_range of the configuration")                \
    F(MAP_PHYS, "virtio-iommu.map.phys", ERROR, "5.13.6.5",                  \
      "MAP to physical addresses that wrap",                                 \
      "phys_start plus the size stays below 2^64")                           \
    F(MAP_OVERLAP, "virtio-iommu.map.overlap", ERROR, "5.13.6.5",            \
      "MAP over an existing mapping",                                        \
      "unmap first")                                                         \
    F(MAP_RESERVED, "virtio-iommu.map.reserved-region", ERROR, "5.13.6.5",   \
      "MAP over a reserved region of an endpoint of the domain",             \
      "PROBE tells the regions: keep clear of them")                         \
    F(UNMAP_CUT, "virtio-iommu.unmap.cut", ERROR, "5.13.6.6",                \
      "UNMAP of a part of a mapping",                                        \
      "unmap whole mappings, as they were made")                             \
    F(UNMAP_ORDER, "virtio-iommu.unmap.order", ERROR, "5.13.6.6",            \
      "UNMAP whose end is below its start",                                  \
      "virt_end is the last byte of the range")                              \
    F(UNMAP_NOTHING, "virtio-iommu.unmap.nothing", ADVICE, "5.13.6.6",       \
      "UNMAP of a range without mappings",                                   \
      "legal, but seldom meant")                                             \
    F(PROBE_SHORT, "virtio-iommu.probe.short", ERROR, "5.13.6.7",            \
      "PROBE with less room than probe_size",                                \
      "give probe_size bytes, then the tail")                                \
    F(LIMIT, "virtio-iommu.limit", WARNING, "5.13.6",                        \
      "more domains or mappings than the device keeps",                      \
      "unmap, or raise max-domains and max-mappings")                        \
    F(CONFIG, "virtio-iommu.config.write", ERROR, "5.13.4",                  \
      "write to a configuration field, or a value, that is not allowed",     \
      "only bypass is writable, after BYPASS_CONFIG, with 0 or 1")           \
    F(EVENT_LOST, "virtio-iommu.event.lost", WARNING, "5.13.6.9",            \
      "fault reports lost because there is no buffer",                       \
      "keep the event queue filled")                                         \
    F(EVENT_SHORT, "virtio-iommu.event.short", ERROR, "5.13.6.9",            \
      "event buffer too small for a report",                                 \
      "give 24 bytes, or 48 with page requests")                             \
    F(DMA_FAULT, "virtio-iommu.fault.dma", WARNING, "5.13.6.9",              \
      "DMA request refused",                                                 \
      "see the fault in the value")                                          \
    F(MSI_ACCESS, "virtio-iommu.msi.access", ERROR, "5.13.6.8",              \
      "access to the MSI region that is not an aligned 4-byte write",        \
      "send MSIs as one doubleword, and map no buffers there")               \
    F(TABLE_FORMAT, "virtio-iommu.table.format", ERROR, "draft",             \
      "ATTACH_TABLE with a format, level or flag that PROBE does not offer", \
      "PROBE tells the formats")                                             \
    F(TABLE_DOMAIN, "virtio-iommu.table.domain", ERROR, "draft",             \
      "ATTACH_TABLE or INVALIDATE for a domain that cannot have it",         \
      "attach the endpoint first; mappings are dropped by UNMAP")            \
    F(INVALIDATE, "virtio-iommu.invalidate.scope", ERROR, "draft",           \
      "INVALIDATE with a scope or cache that makes no sense",                \
      "see docs/specs/nyx-virtio-iommu-drafts.rst")                          \
    F(PAGE_RESP, "virtio-iommu.page-response", ERROR, "draft",               \
      "PAGE_RESP that is malformed, or that nobody waits for",               \
      "answer each request that has the last flag set, once")                \
    F(SHADOW_FULL, "virtio-iommu.shadow.full", WARNING, "5.13.6.5",          \
      "more mappings than are passed on to a host device",                   \
      "map less, or in larger pages")

#define NVIO_RULE_ENUM(name, id, sev, section, title, fix) NVIO_RULE_##name,

typedef enum NyxVioRule {
    NVIO_RULE_LIST(NVIO_RULE_ENUM)
    NVIO_RULE_COUNT,
} NyxVioRule;

#endif
