/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state that migrates, and whether a saved one is one that an IOMMU with
 * our options can have come to, whatever its software did.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-amdvi/internal.h"

static uint64_t saved64(const NyxAmdSaved *saved, uint32_t offset)
{
    return ldq_le_p(saved->regs + offset);
}

/* Saved flags, what they stand for, and the option without which they are 0. */
static const struct {
    uint32_t flag;
    size_t offset;           /* in NyxAmd */
    size_t option;
    uint64_t run;            /* Status */
    uint64_t enable;         /* Control */
} engines[] = {
    { NYX_AMD_SAVED_COMMAND_HALTED, offsetof(NyxAmd, command_halted),
      offsetof(NyxAmdCfg, pa_bits),
      R_NAMD_STS_CMDBUFRUN_MASK, R_NAMD_CTRL_CMDBUFEN_MASK },
    { NYX_AMD_SAVED_EVENT_STOPPED, offsetof(NyxAmd, event_stopped),
      offsetof(NyxAmdCfg, pa_bits),
      R_NAMD_STS_EVENTLOGRUN_MASK, R_NAMD_CTRL_EVENTLOGEN_MASK },
    { NYX_AMD_SAVED_PPR_STOPPED, offsetof(NyxAmd, ppr_stopped),
      offsetof(NyxAmdCfg, page_requests),
      R_NAMD_STS_PPRLOGRUN_MASK, R_NAMD_CTRL_PPRLOGEN_MASK },
    { NYX_AMD_SAVED_GA_STOPPED, offsetof(NyxAmd, ga_stopped),
      offsetof(NyxAmdCfg, vapic),
      R_NAMD_STS_GALOGRUN_MASK, R_NAMD_CTRL_GALOGEN_MASK },
};

static bool *engine_stopped(NyxAmd *amd, unsigned i)
{
    return (bool *)((char *)amd + engines[i].offset);
}

/* Registers that options decide: what a guest has read there stays true. */
static bool same_options(const NyxAmd *amd, const NyxAmdSaved *saved)
{
    return saved64(saved, A_NAMD_EFR) == nyx_amd_efr(&amd->cfg) &&
           saved64(saved, A_NAMD_EFR2) == nyx_amd_efr2(&amd->cfg);
}

/* The mirror of configuration space is not ours to save. */
static bool is_mirror(const NyxReg *reg)
{
    return reg->offset >= A_NAMD_MSI_CAP && reg->offset <= A_NAMD_MSI_MAP;
}

static bool registers_ok(const NyxAmd *amd, const NyxAmdSaved *saved)
{
    uint64_t control = saved64(saved, A_NAMD_CONTROL);
    uint64_t status = saved64(saved, A_NAMD_STATUS);

    for (unsigned i = 0; i < amd->regs.n_regs; i++) {
        const NyxReg *reg = &amd->regs.regs[i];
        uint64_t value = ldn_le_p(saved->regs + reg->offset, reg->size);
        uint64_t writable = reg->rw | reg->w1c;

        if (is_mirror(reg)) {
            continue;
        }
        if (value & ~(writable | reg->ro) ||
            (!writable && value != reg->reset)) {
            return false;
        }
    }
    return control == nyx_amd_control_possible(&amd->cfg, control) &&
           !(status & ~nyx_amd_status_possible(&amd->cfg));
}

static bool ring_ok(const NyxAmd *amd, const NyxAmdSaved *saved,
                    const NyxAmdRing *ring)
{
    uint64_t bytes = nyx_amd_ring_bytes(saved64(saved, ring->base));

    return saved64(saved, ring->head) < bytes &&
           saved64(saved, ring->tail) < bytes;
}

/* A ring of a feature that is not there is zero: the page that stands for. */
static bool rings_ok(const NyxAmd *amd, const NyxAmdSaved *saved)
{
    for (unsigned i = 0; i < NAMD_RINGS; i++) {
        if (!ring_ok(amd, saved, &nyx_amd_rings[i])) {
            return false;
        }
    }
    return true;
}

/* 3.4.16: what runs is what Control and the stops say. */
static bool engines_ok(const NyxAmd *amd, const NyxAmdSaved *saved)
{
    uint64_t control = saved64(saved, A_NAMD_CONTROL);
    uint64_t status = saved64(saved, A_NAMD_STATUS);

    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
        bool stop = saved->flags & engines[i].flag;
        bool run = control & R_NAMD_CTRL_IOMMUEN_MASK &&
                   control & engines[i].enable && !stop;

        if (run != !!(status & engines[i].run) ||
            (stop && !*((const uint8_t *)&amd->cfg + engines[i].option))) {
            return false;
        }
    }
    return true;
}

/* Which of two buffers is in use is Control's choice, unless they swap. */
static bool active_ok(const NyxAmdSaved *saved, uint64_t dual,
                      uint64_t active)
{
    bool b = saved64(saved, A_NAMD_STATUS) & active;

    switch ((saved64(saved, A_NAMD_CONTROL) & dual) >> ctz64(dual)) {
    case NAMD_DUAL_A:
        return !b;
    case NAMD_DUAL_B:
        return b;
    default:
        return true;
    }
}

const char *nyx_amd_saved_error(const NyxAmd *amd, const NyxAmdSaved *saved)
{
    if (!same_options(amd, saved)) {
        return "the extended feature registers differ: give both sides the "
               "same options";
    }
    if (saved->flags & ~NYX_AMD_SAVED_ALL || !registers_ok(amd, saved) ||
        !rings_ok(amd, saved) || !engines_ok(amd, saved) ||
        !active_ok(saved, R_NAMD_CTRL_DUALEVENT_MASK,
                   R_NAMD_STS_EVENTLOGACTIVE_MASK) ||
        !active_ok(saved, R_NAMD_CTRL_DUALPPR_MASK,
                   R_NAMD_STS_PPRLOGACTIVE_MASK) ||
        !nyx_amd_perf_saved_ok(amd, saved)) {
        return "values that the device cannot have";
    }
    return NULL;
}

void nyx_amd_save(NyxAmd *amd, NyxAmdSaved *saved)
{
    QEMU_BUILD_BUG_ON(A_NAMD_PPREARLY_B + 8 > NAMD_SAVED_REGS);

    /* Nothing is logged now: memory has been saved before us. */
    memset(saved, 0, sizeof(*saved));
    for (unsigned i = 0; i < amd->regs.n_regs; i++) {
        const NyxReg *reg = &amd->regs.regs[i];

        if (!is_mirror(reg)) {
            memcpy(saved->regs + reg->offset, amd->regs.bytes + reg->offset,
                   reg->size);
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
        saved->flags |= *engine_stopped(amd, i) ? engines[i].flag : 0;
    }
    for (unsigned i = 0; i < NAMD_SAVED_SUPPRESSED; i++) {
        saved->suppressed[i] = qatomic_read(&amd->suppressed[i]);
    }
    nyx_amd_perf_save(amd, saved);
}

const char *nyx_amd_load(NyxAmd *amd, const NyxAmdSaved *saved)
{
    const char *error = nyx_amd_saved_error(amd, saved);

    if (error) {
        return error;
    }
    for (unsigned i = 0; i < amd->regs.n_regs; i++) {
        const NyxReg *reg = &amd->regs.regs[i];

        memcpy(amd->regs.bytes + reg->offset, saved->regs + reg->offset,
               reg->size);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
        *engine_stopped(amd, i) = saved->flags & engines[i].flag;
    }
    nyx_amd_perf_load(amd, saved);
    nyx_amd_caches_clear(amd);
    for (unsigned i = 0; i < NAMD_SAVED_SUPPRESSED; i++) {
        qatomic_set(&amd->suppressed[i], saved->suppressed[i]);
    }
    nyx_amd_mode_load(amd);
    amd->host.irt_changed(amd->host.opaque, true, 0);
    /* A buffer that was being worked through goes on. */
    amd->host.kick(amd->host.opaque);
    return NULL;
}
