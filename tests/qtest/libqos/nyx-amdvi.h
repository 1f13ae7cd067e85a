/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives nyx-amdvi from a qtest as a driver would: device table, commands,
 * page tables, event log.  Bits are typed from the specification, not taken
 * from the model.  What comes back is the test's to judge.
 */
#ifndef TESTS_LIBQOS_NYX_AMDVI_H
#define TESTS_LIBQOS_NYX_AMDVI_H

#include "libqos/nyx-pc.h"

#define QAMD_BASE       0xfed80000ull
/* The PCI function, and its capability block. */
#define QAMD_SID        0x0002
#define QAMD_CAP        0x40
#define QAMD_MSI        0x64

#define QAMD_DEVTAB     0x0000
#define QAMD_CMDBASE    0x0008
#define QAMD_EVTBASE    0x0010
#define QAMD_CONTROL    0x0018
#define QAMD_EXCLBASE   0x0020
#define QAMD_EXCLLIMIT  0x0028
#define QAMD_EFR        0x0030
#define QAMD_PPRBASE    0x0038
#define QAMD_XT_GENERAL 0x0170
#define QAMD_EFR2       0x01a0
#define QAMD_CMDHEAD    0x2000
#define QAMD_CMDTAIL    0x2008
#define QAMD_EVTHEAD    0x2010
#define QAMD_EVTTAIL    0x2018
#define QAMD_STATUS     0x2020
#define QAMD_PPRHEAD    0x2030
#define QAMD_PPRTAIL    0x2038

/* Control */
#define QAMD_IOMMUEN        (1ull << 0)
#define QAMD_EVENTLOGEN     (1ull << 2)
#define QAMD_EVENTINTEN     (1ull << 3)
#define QAMD_COMWAITINTEN   (1ull << 4)
#define QAMD_COHERENT       (1ull << 10)
#define QAMD_CMDBUFEN       (1ull << 12)
#define QAMD_PPRLOGEN       (1ull << 13)
#define QAMD_PPREN          (1ull << 15)
#define QAMD_GTEN           (1ull << 16)
#define QAMD_GAEN           (1ull << 17)
#define QAMD_XTEN           (1ull << 50)
#define QAMD_INTCAPXTEN     (1ull << 51)

/* Status */
#define QAMD_EVENTOVERFLOW  (1u << 0)
#define QAMD_EVENTLOGINT    (1u << 1)
#define QAMD_COMWAITINT     (1u << 2)
#define QAMD_EVENTLOGRUN    (1u << 3)
#define QAMD_CMDBUFRUN      (1u << 4)

/* Entries of tables: PR, IR and IW */
#define QAMD_PR     (1ull << 0)
#define QAMD_IR     (1ull << 61)
#define QAMD_IW     (1ull << 62)
#define QAMD_RW     (QAMD_IR | QAMD_IW)

/* Device table entries: V and TV; I; IV and IntCtl = remap */
#define QAMD_V_TV       3ull
#define QAMD_DTE1_I     (1ull << 32)
#define QAMD_DTE2_IV    1ull
#define QAMD_DTE2_REMAP (2ull << 60)

/* Flags of an event, in its first word */
#define QAMD_EV_GN      (1ull << 48)
#define QAMD_EV_I       (1ull << 51)
#define QAMD_EV_PR      (1ull << 52)
#define QAMD_EV_RW      (1ull << 53)
#define QAMD_EV_PE      (1ull << 54)
#define QAMD_EV_RZ      (1ull << 55)
#define QAMD_EV_TR      (1ull << 56)

typedef struct QAmd {
    NyxPc *pc;
    QTestState *qts;
    uint64_t base;           /* of the registers */
    const char *path;        /* of what the device tells about itself */
    uint64_t devtab;         /* 64 Ki entries */
    uint64_t commands;       /* command buffer, and its bytes */
    uint64_t command_bytes;
    uint64_t tail;
    uint64_t events;         /* event log, and its bytes */
    uint64_t event_bytes;
    uint64_t store;          /* where qamd_wait() has a value stored */
    uint64_t stamp;          /* what it was last */
} QAmd;

/* nyx_pc_start() and the IOMMU: its id has to be "iommu". */
QAmd *qamd_start(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void qamd_end(QAmd *v);
/* A machine that was started otherwise; end with g_free(). */
QAmd *qamd_of(NyxPc *pc);

static inline uint32_t qamd_r32(QAmd *v, unsigned offset)
{
    return qtest_readl(v->qts, v->base + offset);
}

static inline uint64_t qamd_r64(QAmd *v, unsigned offset)
{
    return qtest_readq(v->qts, v->base + offset);
}

static inline void qamd_w32(QAmd *v, unsigned offset, uint32_t value)
{
    qtest_writel(v->qts, v->base + offset, value);
}

static inline void qamd_w64(QAmd *v, unsigned offset, uint64_t value)
{
    qtest_writeq(v->qts, v->base + offset, value);
}

/* Clear bits of Control, then set some. */
void qamd_control(QAmd *v, uint64_t clear, uint64_t set);

/* A doubleword of the function's configuration space. */
uint32_t qamd_config(QAmd *v, unsigned offset);
void qamd_set_config(QAmd *v, unsigned offset, uint32_t value);
/* MSI for APIC 0, 2^@lg2 messages from @vector on. */
void qamd_msi(QAmd *v, unsigned vector, unsigned lg2);

/* --- Commands ------------------------------------------------------------- */

/*
 * An empty device table, a command buffer and an event log of 256 entries
 * each; then IommuEn with both engines, and @control besides.
 */
void qamd_enable(QAmd *v, uint64_t control);
/* Put a command at the tail; the IOMMU is not told. */
void qamd_put(QAmd *v, uint64_t lo, uint64_t hi);
void qamd_ring(QAmd *v);
/* CmdBufEn off and on, with an empty buffer: what follows an error. */
void qamd_restart_commands(QAmd *v);
/* COMPLETION_WAIT with a store: false if it never came. */
bool qamd_wait(QAmd *v);
/* One command and a wait. */
bool qamd_submit(QAmd *v, uint64_t lo, uint64_t hi);
/* INVALIDATE_IOMMU_ALL and a wait. */
void qamd_flush(QAmd *v);
/* INVALIDATE_DEVTAB_ENTRY and a wait. */
void qamd_flush_dte(QAmd *v, uint16_t sid);
/* INVALIDATE_IOMMU_PAGES: 2^lg2 bytes at @iova, or all if @lg2 is 64. */
void qamd_flush_pages(QAmd *v, uint16_t did, uint64_t iova, unsigned lg2);

/* --- Tables --------------------------------------------------------------- */

void qamd_dte(QAmd *v, uint16_t sid, uint64_t w0, uint64_t w1, uint64_t w2,
              uint64_t w3);
uint64_t qamd_dte_word(QAmd *v, uint16_t sid, unsigned word);
void qamd_set_dte_word(QAmd *v, uint16_t sid, unsigned word, uint64_t value);

typedef struct QAmdDomain {
    uint64_t root;           /* top table */
    unsigned levels;
    uint16_t did;
} QAmdDomain;

/* A new, empty domain. */
QAmdDomain qamd_domain(QAmd *v, uint16_t did, unsigned levels);
/* The half for memory of an entry: with IR and IW, and @w1 besides. */
void qamd_attach(QAmd *v, uint16_t sid, const QAmdDomain *dom, uint64_t w1);
/*
 * Where the entry for @iova is in the table of @level (1 is the page's).
 * Tables on the way are made, with read and write permission.
 */
uint64_t qamd_entry(QAmd *v, const QAmdDomain *dom, uint64_t iova,
                    unsigned level);
/* Map a page of 4 KiB, 2 MiB or 1 GiB; @rw is QAMD_IR, QAMD_IW or both. */
void qamd_map(QAmd *v, const QAmdDomain *dom, uint64_t iova, uint64_t gpa,
              unsigned lg2, uint64_t rw);

/*
 * A table of 2^@lg2 interrupt entries, 128 bits each with @ga, in the device's
 * entry; its address.  The other half of the entry stays.
 */
uint64_t qamd_irt(QAmd *v, uint16_t sid, unsigned lg2, bool ga);

/* --- Events --------------------------------------------------------------- */

typedef struct QAmdEvent {
    bool valid;
    uint64_t lo;
    uint64_t hi;
} QAmdEvent;

/* The oldest event, which is taken out of the log. */
QAmdEvent qamd_take(QAmd *v);
/* Its code; 0 if there is none. */
unsigned qamd_take_code(QAmd *v);
/* Empty the log and clear every status bit. */
void qamd_clear_events(QAmd *v);

/* --- What the device tells about itself ----------------------------------- */

static inline uint64_t qamd_mistakes(QAmd *v, const char *rule)
{
    return nyx_pc_mistakes(v->pc, v->path, rule);
}

static inline uint64_t qamd_stat(QAmd *v, const char *name)
{
    return nyx_pc_stat(v->pc, v->path, name);
}

/* Faults counted by their name, as in "host-not-present". */
static inline uint64_t qamd_stat_faults(QAmd *v, const char *name)
{
    return nyx_pc_stat_faults(v->pc, v->path, "name", name);
}

#endif
