/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-d fault reasons (7.1.3 and 5.1.4.1) and conformance rules: one list
 * each, expanded into constants and tables.
 */
#ifndef HW_NYX_VTD_CODES_H
#define HW_NYX_VTD_CODES_H

/* F(constant, code, manual's name, qualified by FPD, what happened) */
#define NVTD_FAULT_LIST(F)                                                   \
    F(ROOT_P,     0x01, "LRT.2",   false, "root entry not present")          \
    F(CTX_P,      0x02, "LCT.2",   true,  "context entry not present")       \
    F(CTX_INV,    0x03, "LCT.4",   true,  "context entry programmed wrong")  \
    F(WIDTH,      0x04, "LGN.1",   true,  "address beyond the domain width") \
    F(WRITE,      0x05, "LGN.2",   true,  "no write permission")             \
    F(READ,       0x06, "LGN.3",   true,  "no read permission")              \
    F(SS_READ,    0x07, "LSS.1",   true,  "second-stage table unreadable")   \
    F(ROOT_READ,  0x08, "LRT.1",   false, "root table unreadable")           \
    F(CTX_READ,   0x09, "LCT.1",   false, "context table unreadable")        \
    F(ROOT_RSVD,  0x0a, "LRT.3",   false, "reserved bits in root entry")     \
    F(CTX_RSVD,   0x0b, "LCT.3",   true,  "reserved bits in context entry")  \
    F(SS_RSVD,    0x0c, "LSS.2",   true,  "reserved bits in paging entry")   \
    F(TT_BLOCK,   0x0d, "LCT.5",   true,  "request kind blocked by TT")      \
    F(INTR_RANGE, 0x0e, "LGN.4",   true,  "output in the interrupt range")   \
    F(IR_REQ,     0x20, "IR.20h",  false, "reserved bits in the request")    \
    F(IR_INDEX,   0x21, "IR.21h",  false, "index beyond the table")          \
    F(IR_P,       0x22, "IR.22h",  true,  "IRTE not present")                \
    F(IR_READ,    0x23, "IR.23h",  false, "IRTE unreadable")                 \
    F(IR_RSVD,    0x24, "IR.24h",  true,  "reserved bits in IRTE")           \
    F(IR_COMPAT,  0x25, "IR.25h",  false, "compatibility format blocked")    \
    F(IR_SID,     0x26, "IR.26h",  true,  "source validation failed")        \
    F(IR_PD_READ, 0x27, "IR.27h",  true,  "posted descriptor inaccessible")  \
    F(IR_PD_RSVD, 0x28, "IR.28h",  true,                                     \
      "reserved bits in posted descriptor")                                  \
    F(TTM,        0x30, "RTA.1",   false, "translation table mode invalid")  \
    F(PASID_LEGACY, 0x31, "RTA.2", false, "PASID request in legacy mode")    \
    F(PAGE_LEGACY,  0x32, "RTA.3", false, "page request in legacy mode")     \
    F(ABORT,      0x33, "RTA.4",   false, "abort mode")                      \
    F(SROOT_READ, 0x38, "SRT.1",   false, "root table unreadable")           \
    F(SROOT_P,    0x39, "SRT.2",   false, "half of root entry not present")  \
    F(SROOT_RSVD, 0x3a, "SRT.3",   false, "reserved bits in root entry")     \
    F(SCTX_READ,  0x40, "SCT.1",   false, "context table unreadable")        \
    F(SCTX_P,     0x41, "SCT.2",   true,  "context entry not present")       \
    F(SCTX_RSVD,  0x42, "SCT.3",   true,  "reserved bits in context entry")  \
    F(SCTX_INV,   0x43, "SCT.4",   true,  "context entry programmed wrong")  \
    F(SCTX_DTE,   0x44, "SCT.5",   true,  "ATS request blocked by DTE")      \
    F(SCTX_PASIDE, 0x45, "SCT.6",  true,  "PASID request blocked by PASIDE") \
    F(SCTX_PASID, 0x46, "SCT.7",   true,  "PASID beyond the directory")      \
    F(SCTX_PRE,   0x47, "SCT.8",   true,  "page request blocked by PRE")     \
    F(SCTX_RID,   0x48, "SCT.9",   true,  "PASID is RID_PASID")              \
    F(PDIR_READ,  0x50, "SPD.1",   false, "PASID directory unreadable")      \
    F(PDIR_P,     0x51, "SPD.2",   true,  "PASID directory entry not present") \
    F(PDIR_RSVD,  0x52, "SPD.3",   true,  "reserved bits in directory entry") \
    F(PTE_READ,   0x58, "SPT.1",   false, "PASID table unreadable")          \
    F(PTE_P,      0x59, "SPT.2",   true,  "PASID entry not present")         \
    F(PTE_RSVD,   0x5a, "SPT.3",   true,  "reserved bits in PASID entry")    \
    F(PTE_INV,    0x5b, "SPT.4",   true,  "PASID entry programmed wrong")    \
    F(PTE_ERE,    0x5c, "SPT.5",   true,  "execute request blocked by ERE")  \
    F(PTE_SRE,    0x5d, "SPT.6",   true,  "supervisor request blocked by SRE") \
    F(FS_READ,    0x70, "SFS.1",   true,  "first-stage table unreadable")    \
    F(FS_P,       0x71, "SFS.2",   true,  "first-stage entry not present")   \
    F(FS_RSVD,    0x72, "SFS.3",   true,  "reserved bits in first-stage entry") \
    F(FS_ROOT,    0x73, "SFS.4",   true,  "first-stage root unreadable")     \
    F(FS_BEYOND_SS, 0x74, "SFS.5", true,  "first-stage entry beyond the second stage's width") \
    F(FS_ROOT_SS, 0x75, "SFS.6",   true,  "second stage denies the first-stage root") \
    F(FS_TABLE_SS, 0x76, "SFS.7",  true,  "second stage denies a first-stage table") \
    F(FS_AD_SS,   0x77, "SFS.8",   true,  "second stage denies the A/D update") \
    F(SSS_READ,   0x78, "SSS.1",   true,  "second-stage table unreadable")   \
    F(SSS_P,      0x79, "SSS.2",   true,  "second-stage entry not present")  \
    F(SSS_RSVD,   0x7a, "SSS.3",   true,  "reserved bits in second-stage entry") \
    F(SSS_ROOT,   0x7b, "SSS.4",   true,  "second-stage root unreadable")    \
    F(SSS_AD,     0x7d, "SSS.6",   true,  "second-stage A/D update failed")  \
    F(SGN_CANONICAL, 0x80, "SGN.1", true, "address not canonical")           \
    F(SGN_USER,   0x81, "SGN.2",   true,  "user request for a supervisor page") \
    F(SGN_EXEC,   0x82, "SGN.3",   true,  "no execute permission")           \
    F(SGN_HAW,    0x83, "SGN.4",   true,  "output beyond the host address width") \
    F(SGN_WIDTH,  0x84, "SGN.5",   true,  "address beyond the domain width") \
    F(SGN_WRITE,  0x85, "SGN.6",   true,  "no write permission")             \
    F(SGN_READ,   0x86, "SGN.7",   true,  "no read permission")              \
    F(SGN_INTR,   0x87, "SGN.8",   true,  "output in the interrupt range")   \
    F(SGN_PASID,  0x89, "SGN.10",  true,  "PASID wider than offered")        \
    F(FS_AD,      0x91, "SFS.10",  true,  "first-stage A/D update failed")

#define NVTD_FAULT_ENUM(name, code, manual, qual, text) \
    NVTD_FAULT_##name = code,

/* Zero is "no fault". */
typedef enum NyxVtdFaultCode {
    NVTD_FAULT_NONE = 0,
    NVTD_FAULT_LIST(NVTD_FAULT_ENUM)
} NyxVtdFaultCode;

typedef struct NyxVtdFaultInfo {
    NyxVtdFaultCode code;
    const char *manual_name;
    bool qualified;
    const char *text;
} NyxVtdFaultInfo;

extern const NyxVtdFaultInfo nyx_vtd_faults[];
extern const unsigned nyx_vtd_n_faults;

/* Position of @code in nyx_vtd_faults, which has every code. */
unsigned nyx_vtd_fault_index(NyxVtdFaultCode code);

/* F(constant, id, severity, section, title, fix) */
#define NVTD_RULE_LIST(F)                                                    \
    F(REG_UNALIGNED, "vtd.reg.unaligned", ERROR, "11.2",                     \
      "register access is misaligned or not 4 or 8 bytes wide",              \
      "use aligned 32-bit or 64-bit accesses")                               \
    F(REG_UNKNOWN, "vtd.reg.unknown", WARNING, "11.2",                       \
      "write to an offset where there is no register",                       \
      "check the offset and the capability that implies the register")       \
    F(REG_READ_ONLY, "vtd.reg.read-only", ERROR, "11.4",                     \
      "write to a register that cannot be written",                          \
      "check the capability that makes it writable")                         \
    F(REG_RESERVED, "vtd.reg.reserved", ERROR, "11.4",                       \
      "reserved register bits written as 1",                                 \
      "write 0 to RsvdZ bits and preserve RsvdP bits")                       \
    F(GCMD_DROPS_ENABLE, "vtd.gcmd.drops-enable", WARNING, "11.4.4",         \
      "GCMD write sets one thing and clears an enable that was on",          \
      "carry every persistent enable (from GSTS) in each GCMD write")        \
    F(GCMD_SEVERAL, "vtd.gcmd.several-bits", ERROR, "11.4.4",                \
      "GCMD write changes more than one field",                              \
      "change one field per write and poll GSTS in between")                 \
    F(GCMD_NO_CAP, "vtd.gcmd.no-capability", ERROR, "11.4.4",                \
      "GCMD bit set that the capabilities exclude",                          \
      "test CAP and ECAP before using a feature")                            \
    F(TE_NO_ROOT, "vtd.gcmd.te-without-root", ERROR, "11.4.4",               \
      "translation enabled with no root pointer latched",                    \
      "write RTADDR, then SRTP, poll RTPS, then TE")                         \
    F(IRE_NO_TABLE, "vtd.gcmd.ire-without-table", ERROR, "11.4.4",           \
      "interrupt remapping enabled with no table latched",                   \
      "write IRTA, then SIRTP, poll IRTPS, then IRE")                        \
    F(SRTP_NO_FLUSH, "vtd.srtp.no-flush", ERROR, "6.6",                      \
      "translation used after SRTP without global invalidation",             \
      "invalidate context cache and IOTLB globally after SRTP")              \
    F(SIRTP_NO_FLUSH, "vtd.sirtp.no-flush", ERROR, "5.1.3",                  \
      "interrupt remapping used after SIRTP without global invalidation",    \
      "invalidate the interrupt entry cache globally after SIRTP")           \
    F(RTADDR_TTM, "vtd.rtaddr.mode", ERROR, "11.4.6",                        \
      "root pointer latched with a translation table mode not supported",    \
      "use legacy mode (00) unless ECAP offers more")                        \
    F(CMD_WITH_QI, "vtd.inv.register-with-queue", ERROR, "6.5",              \
      "register-based invalidation while the queue is enabled",              \
      "use queued invalidation only, once QIES is 1")                        \
    F(CCMD_GRAN, "vtd.ccmd.granularity", ERROR, "11.4.7",                    \
      "context invalidation with the reserved granularity",                  \
      "CIRG is 1 global, 2 domain, 3 device")                                \
    F(IOTLB_GRAN, "vtd.iotlb.granularity", ERROR, "11.4.8.1",                \
      "IOTLB invalidation with the reserved granularity",                    \
      "IIRG is 1 global, 2 domain, 3 page")                                  \
    F(INV_MASK, "vtd.inv.address-mask", ERROR, "11.4.8.2",                   \
      "address mask larger than CAP.MAMV",                                   \
      "use a coarser granularity for larger ranges")                         \
    F(INV_NO_PAGES, "vtd.inv.no-pages", WARNING, "11.4.2",                   \
      "page-selective invalidation where CAP.PSI is 0",                      \
      "invalidate the domain instead")                                       \
    F(INV_DOMAIN, "vtd.inv.domain", ERROR, "11.4.2",                         \
      "invalidation for a domain id that is wider than CAP.ND",              \
      "use domain ids below 2^(4 + 2 * ND)")                                 \
    F(INV_ALIGN, "vtd.inv.unaligned", WARNING, "6.5.2.3",                    \
      "page-selective invalidation address not aligned to its mask",         \
      "align the address to 2^AM pages")                                     \
    F(IQ_LOCKED, "vtd.iq.locked", ERROR, "11.4.23",                          \
      "IQA written while the queue is enabled",                              \
      "clear QIE and wait for QIES = 0 first")                               \
    F(IQ_BUSY, "vtd.iq.disabled-busy", ERROR, "6.5.2",                       \
      "queue disabled while descriptors were outstanding",                   \
      "wait until IQH equals IQT before clearing QIE")                       \
    F(IQ_TAIL, "vtd.iq.tail", ERROR, "6.5.2.10",                             \
      "queue tail outside the queue",                                        \
      "IQT is a byte offset below the queue size")                           \
    F(IQ_FETCH, "vtd.iq.fetch", ERROR, "6.5.2.10",                           \
      "invalidation descriptor cannot be read",                              \
      "IQA must point at RAM")                                               \
    F(IQ_TYPE, "vtd.iq.type", ERROR, "6.5.2.10",                             \
      "invalidation descriptor type not supported",                          \
      "1, 2, 5 always; 3 with ECAP.DT, 4 with IR, 6 to 8 with SMTS, 9 with PRS") \
    F(IQ_RESERVED, "vtd.iq.reserved", ERROR, "6.5.2.10",                     \
      "reserved bits or an illegal value in an invalidation descriptor",     \
      "clear the whole descriptor before filling it")                        \
    F(IQ_WIDTH, "vtd.iq.width", ERROR, "6.5.2.10",                           \
      "128-bit invalidation descriptors in scalable or abort mode",          \
      "set IQA.DW before the queue is enabled")                              \
    F(IQ_TAIL_ALIGN, "vtd.iq.tail-unaligned", ERROR, "6.5.2.10",             \
      "queue tail inside a descriptor",                                      \
      "IQT moves in steps of 32 bytes with IQA.DW = 1")                      \
    F(IQ_MODE, "vtd.iq.mode", ERROR, "6.5.2.10",                             \
      "invalidation descriptor of scalable mode in another mode",            \
      "types 6 to 9 need a root pointer latched with TTM = 01 or 11")        \
    F(IQ_WAIT_STORE, "vtd.iq.wait-store", ERROR, "6.5.2.8",                  \
      "wait descriptor's status address is not RAM",                         \
      "status writes go to a guest physical address in RAM")                 \
    F(IQ_WAIT_IDLE, "vtd.iq.wait-idle", ADVICE, "6.5.2.8",                   \
      "wait descriptor asks for nothing",                                    \
      "set SW, IF or FN")                                                    \
    F(DEVTLB_SILENT, "vtd.devtlb.no-answer", ERROR, "6.5.2.10",              \
      "device-TLB invalidation for a function that does not answer",         \
      "send it only to functions with ATS enabled")                          \
    F(PRQ_NONE, "vtd.prq.none", ERROR, "11.4.33",                            \
      "page request with no queue set up",                                   \
      "write PQA before a context entry has PRE = 1")                        \
    F(PRQ_OUTSIDE, "vtd.prq.outside", ERROR, "11.4.31",                      \
      "head or tail outside the page request queue",                         \
      "PQH and PQT are byte offsets below the queue size")                   \
    F(PRQ_MEMORY, "vtd.prq.memory", ERROR, "11.4.33",                        \
      "page request queue is not RAM",                                       \
      "PQA must point at RAM")                                               \
    F(PRQ_BUSY, "vtd.prq.busy", WARNING, "11.4.33",                          \
      "page request queue moved while requests were in it",                  \
      "write PQA while PQH equals PQT")                                      \
    F(PRQ_OVERFLOW, "vtd.prq.overflow", WARNING, "7.4.1",                    \
      "page requests lost because the queue is full",                        \
      "move PQH along, then clear PRS.PRO")                                  \
    F(PRQ_RESPONSE, "vtd.prq.response", ERROR, "7.6.1",                      \
      "page response for a group that nobody waits for",                     \
      "answer each request that has LPIG set, once, with its own fields")    \
    F(FAULT_OVERFLOW, "vtd.fault.overflow", WARNING, "7.2.1",                \
      "faults lost because all recording registers are in use",              \
      "clear F of each record and FSTS.PFO in the fault handler")            \
    F(DMA_FAULT, "vtd.fault.dma", WARNING, "7.1.3",                          \
      "DMA request blocked",                                                 \
      "see the fault reason in the value")                                   \
    F(IRQ_FAULT, "vtd.fault.interrupt", WARNING, "5.1.4.1",                  \
      "interrupt request blocked",                                           \
      "see the fault reason in the value")                                   \
    F(INTR_RANGE_READ, "vtd.intr.read", ERROR, "3.14",                       \
      "DMA read of the interrupt address range",                             \
      "do not map buffers at 0xfee00000 to 0xfeefffff")                      \
    F(INTR_RANGE_SIZE, "vtd.intr.size", ERROR, "3.14",                       \
      "interrupt request that is not an aligned 4-byte write",               \
      "send MSIs as one doubleword")                                         \
    F(CM_DID0, "vtd.ctx.domain0", ERROR, "6.1",                              \
      "domain 0 used while caching mode is on",                              \
      "CAP.CM = 1 reserves domain id 0")                                     \
    F(DID_SHARED, "vtd.ctx.domain-shared", ERROR, "6.2.1",                   \
      "one domain id used with two different page tables",                   \
      "give each page table its own domain id")                              \
    F(VCMD_UNKNOWN, "vtd.vcmd.command", ERROR, "11.4.45",                    \
      "virtual command that does not exist",                                 \
      "1 allocates a PASID, 2 frees one; VCCAP tells what there is")         \
    F(VCMD_FREE, "vtd.vcmd.free", ERROR, "11.4.45",                          \
      "virtual command frees a PASID that is not in use",                    \
      "free each PASID once, with the value that VCRSP gave")                \
    F(ECMD_UNKNOWN, "vtd.ecmd.command", ERROR, "11.4.50",                    \
      "enhanced command that the unit does not have",                        \
      "test its bit in ECCAP0 to ECCAP3 first")                              \
    F(ECMD_OPERAND, "vtd.ecmd.operand", ERROR, "11.4.50",                    \
      "enhanced command for a counter that does not exist",                  \
      "PERFCAP tells the number of counters")                                \
    F(PERF_EVENT, "vtd.perf.event", ERROR, "11.4.44",                        \
      "performance counter set to events that are not offered",              \
      "PERFEVNTCAP has a bit for each event of a group")                     \
    F(SHADOW_FULL, "vtd.shadow.full", WARNING, "6.1",                        \
      "more mappings than are passed on to a host device",                   \
      "map less, or in larger pages")

#define NVTD_RULE_ENUM(name, id, sev, section, title, fix) NVTD_RULE_##name,

typedef enum NyxVtdRule {
    NVTD_RULE_LIST(NVTD_RULE_ENUM)
    NVTD_RULE_COUNT,
} NyxVtdRule;

#endif
