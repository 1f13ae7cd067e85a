/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts of the AMD-Vi fixture's: a device whose interrupts are remapped,
 * its table, requests, and what comes of them.
 */
#ifndef TESTS_UNIT_AMD_IRQ_H
#define TESTS_UNIT_AMD_IRQ_H

#include "amd-fixture.h"

#define IRQ_SID  AX_SID
#define IRQ_ADDR 0xfee00000ULL

/* Third word of a device table entry: 128 IV, 132:129 length, 189:188 IntCtl */
#define IRQ_IV      1ULL
#define IRQ_512     (9ULL << 1)
#define IRQ_IG      (1ULL << 5)
#define IRQ_FORWARD (1ULL << 60)
#define IRQ_REMAP   (2ULL << 60)

/* Control, beside the fixture's */
#define IRQ_SMIFEN    (1ULL << 22)
#define IRQ_SMIFLOGEN (1ULL << 24)
#define IRQ_2K        (1ULL << 43)
#define IRQ_GAPPIEN   (1ULL << 55)
#define IRQ_NO_CACHE  (1ULL << 59)

/* 32-bit entry: 0 RemapEn, 1 SupIOPF, 4:2 IntType, 6 DM, 15:8 Dest, 23:16 V. */
#define NARROW(v, dest) (1 | (uint64_t)(v) << 16 | (uint64_t)(dest) << 8)
/* 128-bit: 31:8 and 127:120 Dest, 71:64 V. */
#define WIDE_LO(dest) (1 | ((uint64_t)(dest) & 0xffffff) << 8)
#define WIDE_HI(v, dest) ((v) | (uint64_t)(dest) >> 24 << 56)
#define SUPIOPF 2
#define LOGICAL (1 << 6)

/* The message in the form that events tell: see the test of events. */
#define HT(low) (0xfffffffdf8000000ULL | (low))

/* IommuEn, event log, command buffer, and @bits. */
static inline void irq_control(Ax *f, uint64_t bits)
{
    ax_write64(f, AX_CONTROL,
               AX_IOMMUEN | AX_EVENTLOGEN | AX_CMDBUFEN | bits);
}

/* The interrupt table: room for 2048 entries. */
static inline uint64_t irq_table(Ax *f)
{
    return (uintptr_t)f->opaque;
}

static inline uint64_t irq_dte_addr(Ax *f, uint16_t sid)
{
    return f->devtab + sid * 32;
}

/* The entry, and the command that makes it count. */
static inline void irq_dte(Ax *f, uint16_t sid, uint64_t w0, uint64_t w1,
                           uint64_t w2, uint64_t w3)
{
    ax_dte(f, sid, w0, w1, w2, w3);
    ax_inv_devtab(f, sid);
}

/* The same with V = 1 and the usual domain. */
static inline void irq_dte2(Ax *f, uint16_t sid, uint64_t w2)
{
    irq_dte(f, sid, 1, AX_DID, w2, 0);
}

/* An entry of 32 or 128 bits, as Control has it. */
static inline void irq_entry(Ax *f, unsigned index, uint64_t lo, uint64_t hi)
{
    if (ax_read64(f, AX_CONTROL) & AX_GAEN) {
        fx_mem_poke(&f->mem, irq_table(f) + index * 16, lo);
        fx_mem_poke(&f->mem, irq_table(f) + index * 16 + 8, hi);
    } else {
        stl_le_p(f->mem.bytes + irq_table(f) + index * 4, lo);
    }
}

/* A device with 512 entries, all zero, remapped. */
static inline Ax *irq_new(const NyxAmdCfg *cfg, uint64_t control)
{
    Ax *f = ax_new_started(cfg);

    f->opaque = (void *)(uintptr_t)fx_mem_pages(&f->mem, 8);
    irq_control(f, control);
    irq_dte2(f, IRQ_SID, IRQ_IV | IRQ_512 | irq_table(f) | IRQ_REMAP);
    ax_forget(f);
    return f;
}

/* The code of the event that the refusal is, or 0. */
static inline unsigned irq_send_as(Ax *f, uint16_t sid, uint64_t addr,
                                   uint32_t data, FxMessage *msg)
{
    return nyx_amd_faults[ax_interrupt(f, sid, addr, data, msg)].event;
}

static inline unsigned irq_send(Ax *f, uint64_t addr, uint32_t data,
                                FxMessage *msg)
{
    return irq_send_as(f, IRQ_SID, addr, data, msg);
}

/* Notices about interrupt entries that say this. */
static inline unsigned irq_notices(Ax *f, bool global, uint16_t sid)
{
    unsigned n = 0;

    for (unsigned i = 0; i < f->irt->len; i++) {
        const AxIrt *row = &g_array_index(f->irt, AxIrt, i);

        n += row->global == global && row->sid == sid;
    }
    return n;
}

#endif
