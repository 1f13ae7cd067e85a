/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The register map (3.4) as rows, and what writing to each register does.
 * Counters are in perfmon.c.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

static void finding_at(NyxAmd *amd, NyxAmdRule rule, uint64_t offset,
                       uint64_t value)
{
    nyx_amd_finding(amd, rule, nyx_amd_at_reg(offset, value));
}

/* Numbers and booleans of one byte alike: whether the feature is there. */
static bool offered(const NyxAmdCfg *cfg, size_t option)
{
    return *((const uint8_t *)cfg + option);
}

#define OPT(option) offsetof(NyxAmdCfg, option)
/* Never zero: of what is always there. */
#define ALWAYS OPT(pa_bits)

/* --- Control -------------------------------------------------------------- */

typedef struct ControlBits {
    uint64_t mask;
    size_t option;
} ControlBits;

/* 3.4.4: what is not in here is reserved. */
static const ControlBits control_bits[] = {
    { R_NAMD_CTRL_IOMMUEN_MASK | R_NAMD_CTRL_EVENTLOGEN_MASK |
      R_NAMD_CTRL_EVENTINTEN_MASK | R_NAMD_CTRL_COMWAITINTEN_MASK |
      R_NAMD_CTRL_PASSPW_MASK | R_NAMD_CTRL_RESPASSPW_MASK |
      R_NAMD_CTRL_COHERENT_MASK | R_NAMD_CTRL_ISOC_MASK |
      R_NAMD_CTRL_CMDBUFEN_MASK | R_NAMD_CTRL_SLFWBDIS_MASK, ALWAYS },
    /* Drivers set it without a look at IotlbSup. */
    { R_NAMD_CTRL_INVTIMEOUT_MASK, ALWAYS },
    { R_NAMD_CTRL_PPRLOGEN_MASK | R_NAMD_CTRL_PPRINTEN_MASK |
      R_NAMD_CTRL_PPREN_MASK, OPT(page_requests) },
    { R_NAMD_CTRL_GTEN_MASK, OPT(guest_levels) },
    { R_NAMD_CTRL_GAEN_MASK, OPT(ga) },
    { R_NAMD_CTRL_SMIFEN_MASK | R_NAMD_CTRL_SMIFLOGEN_MASK, OPT(smi_filter) },
    { R_NAMD_CTRL_GAMEN_MASK | R_NAMD_CTRL_GALOGEN_MASK |
      R_NAMD_CTRL_GAINTEN_MASK, OPT(vapic) },
    { R_NAMD_CTRL_DUALPPR_MASK, OPT(dual_ppr) },
    { R_NAMD_CTRL_DUALEVENT_MASK, OPT(dual_event) },
    { R_NAMD_CTRL_DEVTBLSEG_MASK, OPT(segments_lg2) },
    { R_NAMD_CTRL_PRIVABRT_MASK, OPT(user_supervisor) },
    { R_NAMD_CTRL_PPRAUTO_MASK | R_NAMD_CTRL_PPRAUTOAON_MASK, OPT(ppr_auto) },
    { R_NAMD_CTRL_MARCEN_MASK, OPT(marc) },
    { R_NAMD_CTRL_BLKSTOPMRK_MASK, OPT(block_stop_mark) },
    { R_NAMD_CTRL_NUMINTREMAP_MASK, OPT(int_remap_2k) },
    { R_NAMD_CTRL_EPHEN_MASK, OPT(eph) },
    { R_NAMD_CTRL_HADUPDATE_MASK, OPT(host_accessed) },
    { R_NAMD_CTRL_XTEN_MASK | R_NAMD_CTRL_INTCAPXTEN_MASK, OPT(xt) },
    { R_NAMD_CTRL_GAUPDATEDIS_MASK, OPT(ga_update_dis) },
    { R_NAMD_CTRL_GAPPIEN_MASK, OPT(gappi) },
    { R_NAMD_CTRL_GCR3TRP_MASK, OPT(gcr3_trp) },
    { R_NAMD_CTRL_IRTCACHEDIS_MASK, OPT(irt_cache_dis) },
};

static uint64_t control_rw(const NyxAmdCfg *cfg)
{
    uint64_t rw = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(control_bits); i++) {
        rw |= offered(cfg, control_bits[i].option) ? control_bits[i].mask : 0;
    }
    return rw;
}

/*
 * Fields with codes that are reserved, or of a feature that is there in part
 * only: such a code leaves the field at @old.
 */
static uint64_t control_codes(const NyxAmdCfg *cfg, uint64_t control,
                              uint64_t old)
{
    const struct {
        uint64_t mask;
        uint64_t max;
    } fields[] = {
        { R_NAMD_CTRL_GAMEN_MASK, NAMD_GAM_VAPIC },
        { R_NAMD_CTRL_DUALPPR_MASK, cfg->dual_ppr },
        { R_NAMD_CTRL_DUALEVENT_MASK, cfg->dual_event },
        { R_NAMD_CTRL_DEVTBLSEG_MASK, cfg->segments_lg2 },
        { R_NAMD_CTRL_NUMINTREMAP_MASK, NAMD_INTREMAP_2048 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
        uint64_t mask = fields[i].mask;

        if ((control & mask) > fields[i].max * (mask & -mask)) {
            control = (control & ~mask) | (old & mask);
        }
    }
    return control;
}

uint64_t nyx_amd_control_possible(const NyxAmdCfg *cfg, uint64_t control)
{
    return control_codes(cfg, control & control_rw(cfg), 0);
}

/* What interrupt entries are taken for. */
#define CONTROL_INTERRUPTS                                                  \
    (R_NAMD_CTRL_GAEN_MASK | R_NAMD_CTRL_XTEN_MASK | R_NAMD_CTRL_GAMEN_MASK | \
     R_NAMD_CTRL_NUMINTREMAP_MASK | R_NAMD_CTRL_IRTCACHEDIS_MASK |          \
     R_NAMD_CTRL_SMIFEN_MASK)

/* Publish a window; it is empty while it changes.  Whether it does. */
static bool window_set(NyxAmdWindow *window, const NyxAmdWindow *to)
{
    if (window->first == to->first && window->last == to->last &&
        window->to == to->to && window->everybody == to->everybody &&
        window->read_only == to->read_only) {
        return false;
    }
    qatomic_set(&window->last, 0);
    qatomic_store_release(&window->first, to->first);
    qatomic_set(&window->to, to->to);
    qatomic_set(&window->everybody, to->everybody);
    qatomic_set(&window->read_only, to->read_only);
    qatomic_store_release(&window->last, to->last);
    return true;
}

static const NyxAmdWindow no_window = { .first = 1, .last = 0 };

/* 3.4.6: the limit's page belongs to the range.  Whether there is one. */
static bool exclusion_update(NyxAmd *amd, bool *moved)
{
    uint64_t base = nyx_amd_reg64(amd, A_NAMD_EXCLBASE);
    uint64_t limit = nyx_amd_reg64(amd, A_NAMD_EXCLLIMIT);
    NyxAmdWindow window = no_window;

    if (base & R_NAMD_EXCLB_EXEN_MASK) {
        window.first = base & R_NAMD_EXCLB_BASE_MASK;
        window.last = limit | 0xfff;
        window.everybody = base & R_NAMD_EXCLB_ALLOW_MASK;
    }
    *moved |= window_set(&amd->exclusion, &window);
    return window.first <= window.last;
}

static bool marc_update(NyxAmd *amd, bool *moved)
{
    bool on = amd->cfg.marc && amd->control & R_NAMD_CTRL_MARCEN_MASK;
    bool any = false;

    for (unsigned i = 0; i < NAMD_MARC_WINDOWS; i++) {
        NyxAmdWindow window = no_window;
        uint64_t reloc = on ? nyx_amd_reg64(amd, A_NAMD_MARC_RELOC(i)) : 0;
        uint64_t len = on ? nyx_amd_reg64(amd, A_NAMD_MARC_LEN(i)) : 0;

        if (reloc & R_NAMD_MARCR_ENABLE_MASK && len) {
            window.first = nyx_amd_reg64(amd, A_NAMD_MARC_BASE(i));
            window.last = window.first + len - 1;
            window.to = reloc & R_NAMD_MARCR_ADDR_MASK;
            window.read_only = reloc & R_NAMD_MARCR_READONLY_MASK;
            any = true;
        }
        *moved |= window_set(&amd->marc[i], &window);
    }
    return any;
}

static void devtab_update(NyxAmd *amd)
{
    qatomic_set(&amd->devtab[0], nyx_amd_reg64(amd, A_NAMD_DEVTAB));
    for (unsigned i = 1; i < 1u << amd->cfg.segments_lg2; i++) {
        qatomic_set(&amd->devtab[i],
                    nyx_amd_reg64(amd, A_NAMD_DEVTAB_SEG(i)));
    }
}

/* Returns the bits that have changed, or what they are about. */
static uint32_t mode_latch(NyxAmd *amd)
{
    uint64_t control = nyx_amd_reg64(amd, A_NAMD_CONTROL);
    uint32_t was = amd->mode;
    uint32_t mode = qatomic_read(&amd->mode) & NAMD_MODE_COUNT;
    bool moved = false;

    devtab_update(amd);
    qatomic_set(&amd->control, control);
    if (amd->cfg.dma_remap && control & R_NAMD_CTRL_IOMMUEN_MASK) {
        mode |= NAMD_MODE_ENABLED;
    }
    mode |= exclusion_update(amd, &moved) ? NAMD_MODE_WINDOWS : 0;
    mode |= marc_update(amd, &moved) ? NAMD_MODE_WINDOWS : 0;
    qatomic_store_release(&amd->mode, mode);
    return (was ^ mode) | (moved ? NAMD_MODE_WINDOWS : 0);
}

static void mode_tell(NyxAmd *amd)
{
    nyx_announce_mode(amd->announce);
    amd->host.mode_changed(amd->host.opaque);
    nyx_amd_notify_all(amd);
}

void nyx_amd_mode_update(NyxAmd *amd)
{
    if (mode_latch(amd) & (NAMD_MODE_ENABLED | NAMD_MODE_WINDOWS)) {
        mode_tell(amd);
    }
}

void nyx_amd_mode_load(NyxAmd *amd)
{
    nyx_announce_forget(amd->announce);
    mode_latch(amd);
    mode_tell(amd);
}

/* A segment's table may hold no more than the segment's share of the ids. */
static void judge_devtab(NyxAmd *amd)
{
    unsigned lg2 = FIELD_EX64(amd->control, NAMD_CTRL, DEVTBLSEG);
    unsigned max = MAKE_64BIT_MASK(0, R_NAMD_DEVTAB_SIZE_LENGTH - lg2);

    for (unsigned i = 0; i < 1u << lg2; i++) {
        if (FIELD_EX64(amd->devtab[i], NAMD_DEVTAB, SIZE) > max) {
            finding_at(amd, NAMD_RULE_DEVTAB_SIZE,
                       i ? A_NAMD_DEVTAB_SEG(i) : A_NAMD_DEVTAB,
                       amd->devtab[i]);
        }
    }
    if (!(amd->devtab[0] & R_NAMD_DEVTAB_BASE_MASK)) {
        finding_at(amd, NAMD_RULE_ENABLE_NO_TABLE, A_NAMD_DEVTAB,
                   amd->devtab[0]);
    }
}

/*
 * The order: tables and windows are in force, then IommuEn, then the run
 * bits, and then the engines that they let go.
 */
static void control_written(void *dev, const NyxReg *reg, uint64_t written,
                            uint64_t mask)
{
    NyxAmd *amd = dev;
    uint64_t old = amd->control;
    uint64_t asked = nyx_amd_reg64(amd, A_NAMD_CONTROL);
    uint64_t control = control_codes(&amd->cfg, asked, old);
    uint64_t enabled = control & ~old;
    uint64_t changed = control ^ old;

    if (control != asked) {
        finding_at(amd, NAMD_RULE_REG_RESERVED, A_NAMD_CONTROL, asked);
        nyx_reg_set(&amd->regs, A_NAMD_CONTROL, 8, control);
    }
    nyx_amd_mode_update(amd);
    if (enabled & R_NAMD_CTRL_IOMMUEN_MASK) {
        judge_devtab(amd);
    } else if (changed & R_NAMD_CTRL_IOMMUEN_MASK) {
        nyx_amd_caches_clear(amd);
        nyx_amd_suppressed_clear(amd, true, 0);
    }
    if (changed & CONTROL_INTERRUPTS) {
        nyx_amd_inv_int_all(amd);
    } else if (changed & R_NAMD_CTRL_IOMMUEN_MASK) {
        amd->host.irt_changed(amd->host.opaque, true, 0);
    }
    if (enabled & R_NAMD_CTRL_CMDBUFEN_MASK) {
        amd->command_halted = false;
    }
    nyx_amd_commands_update(amd);
    nyx_amd_logs_update(amd, enabled);
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = NYX_AMD_EV_CONTROL, .a = written,
        .b = nyx_amd_reg64(amd, A_NAMD_STATUS),
    });
    nyx_amd_status_enabled(amd, enabled);
    nyx_amd_commands_run(amd);
}

/* --- Other registers ------------------------------------------------------ */

static void window_written(void *dev, const NyxReg *reg, uint64_t written,
                           uint64_t mask)
{
    nyx_amd_mode_update(dev);
}

static void devtab_written(void *dev, const NyxReg *reg, uint64_t written,
                           uint64_t mask)
{
    NyxAmd *amd = dev;

    nyx_amd_mode_update(amd);
    if (amd->control & R_NAMD_CTRL_IOMMUEN_MASK) {
        judge_devtab(amd);
    }
}

static bool ring_running(const NyxAmd *amd, const NyxAmdRing *ring)
{
    return nyx_amd_reg64(amd, A_NAMD_STATUS) & ring->run;
}

/* Base registers, and where the GA log's tail is stored: arg is the ring. */
static bool base_allowed(void *dev, const NyxReg *reg, uint64_t now)
{
    NyxAmd *amd = dev;

    if (ring_running(amd, &nyx_amd_rings[reg->arg])) {
        finding_at(amd, NAMD_RULE_RING_BUSY, reg->offset, now);
        return false;
    }
    return true;
}

static void base_written(void *dev, const NyxReg *reg, uint64_t written,
                         uint64_t mask)
{
    const NyxAmdRing *ring = &nyx_amd_rings[reg->arg];
    NyxAmd *amd = dev;
    uint64_t base = nyx_amd_reg64(amd, reg->offset);

    if (mask & R_NAMD_RING_LEN_MASK &&
        FIELD_EX64(base, NAMD_RING, LEN) < NAMD_RING_LEN_MIN) {
        finding_at(amd, NAMD_RULE_RING_LENGTH, reg->offset, base);
    }
    nyx_reg_set(&amd->regs, ring->head, 8, 0);
    nyx_reg_set(&amd->regs, ring->tail, 8, 0);
}

/* Heads and tails: arg is the ring. */
static bool pointer_allowed(void *dev, const NyxReg *reg, uint64_t now)
{
    const NyxAmdRing *ring = &nyx_amd_rings[reg->arg];
    NyxAmd *amd = dev;

    if (reg->offset == ring->ours && ring_running(amd, ring)) {
        finding_at(amd, NAMD_RULE_RING_BUSY, reg->offset, now);
        return false;
    }
    if (now >= nyx_amd_ring_bytes(nyx_amd_reg64(amd, ring->base))) {
        finding_at(amd, NAMD_RULE_RING_POINTER, reg->offset, now);
        return false;
    }
    return true;
}

static void command_tail_written(void *dev, const NyxReg *reg,
                                 uint64_t written, uint64_t mask)
{
    nyx_amd_commands_run(dev);
}

/* 3.4.12: locked until reset. */
static bool smi_allowed(void *dev, const NyxReg *reg, uint64_t now)
{
    NyxAmd *amd = dev;

    if (nyx_amd_reg64(amd, reg->offset) & R_NAMD_SMI_LOCK_MASK) {
        finding_at(amd, NAMD_RULE_REG_READ_ONLY, reg->offset, now);
        return false;
    }
    return true;
}

static void smi_written(void *dev, const NyxReg *reg, uint64_t written,
                        uint64_t mask)
{
    NyxAmd *amd = dev;

    amd->host.irt_changed(amd->host.opaque, true, 0);
}

/* --- The MSI capability's mirror ------------------------------------------ */

/*
 * Offset from the capability: address and data follow its header at once, the
 * MSI mapping capability comes next.
 */
static unsigned msi_offset(uint32_t offset)
{
    return offset - A_NAMD_MSI_CAP;
}

static void msi_refresh(NyxAmd *amd, uint64_t offset, unsigned size)
{
    if (!amd->cfg.msi_mmio || offset > A_NAMD_MSI_MAP ||
        offset + size <= A_NAMD_MSI_CAP) {
        return;
    }
    for (uint32_t at = A_NAMD_MSI_CAP; at <= A_NAMD_MSI_MAP; at += 4) {
        nyx_reg_set(&amd->regs, at, 4,
                    amd->host.msi_read(amd->host.opaque, msi_offset(at)));
    }
}

static void msi_written(void *dev, const NyxReg *reg, uint64_t written,
                        uint64_t mask)
{
    NyxAmd *amd = dev;

    amd->host.msi_write(amd->host.opaque, msi_offset(reg->offset),
                        nyx_reg_get(&amd->regs, reg->offset, 4));
}

/* --- Rows ----------------------------------------------------------------- */

#define RING_RW   (R_NAMD_RING_BASE_MASK | R_NAMD_RING_LEN_MASK)
#define RING_INIT ((uint64_t)NAMD_RING_LEN_MIN << R_NAMD_RING_LEN_SHIFT)
#define MSI_ENABLES 0x00710000          /* EN, and how many messages */

#define STATUS_W1C                                                          \
    (R_NAMD_STS_EVENTOVERFLOW_MASK | R_NAMD_STS_EVENTLOGINT_MASK |          \
     R_NAMD_STS_COMWAITINT_MASK)
#define STATUS_RO \
    (R_NAMD_STS_EVENTLOGRUN_MASK | R_NAMD_STS_CMDBUFRUN_MASK)

#define BASE_ROW(name, offset, ring)                                        \
    { name, offset, 8, .reset = RING_INIT, .rw = RING_RW,                   \
      .written = base_written, .arg = ring, .allowed = base_allowed }
#define POINTER_ROW(name, offset, ring)                                     \
    { name, offset, 8, .rw = R_NAMD_PTR_PTR_MASK, .arg = ring,              \
      .allowed = pointer_allowed }
#define XT_ROW(name, offset)                                                \
    { name, offset, 8,                                                      \
      .rw = R_NAMD_XT_DM_MASK | R_NAMD_XT_DEST_MASK |                       \
            R_NAMD_XT_VECTOR_MASK | R_NAMD_XT_DLM_MASK |                    \
            R_NAMD_XT_DEST_HI_MASK }
#define EARLY_ROW(name, offset)                                             \
    { name, offset, 8,                                                      \
      .rw = R_NAMD_PPREARLY_LIMIT_MASK | R_NAMD_PPREARLY_INTEN_MASK |       \
            R_NAMD_PPREARLY_EN_MASK }

static const NyxReg always_rows[] = {
    { "DEVTAB", A_NAMD_DEVTAB, 8,
      .rw = R_NAMD_DEVTAB_SIZE_MASK | R_NAMD_DEVTAB_BASE_MASK,
      .written = devtab_written },
    BASE_ROW("CMDBASE", A_NAMD_CMDBASE, NAMD_RING_COMMANDS),
    BASE_ROW("EVTBASE", A_NAMD_EVTBASE, NAMD_RING_EVENTS),
    { "CONTROL", A_NAMD_CONTROL, 8, .written = control_written },
    { "EXCLBASE", A_NAMD_EXCLBASE, 8,
      .rw = R_NAMD_EXCLB_EXEN_MASK | R_NAMD_EXCLB_ALLOW_MASK |
            R_NAMD_EXCLB_BASE_MASK,
      .written = window_written },
    { "EXCLLIMIT", A_NAMD_EXCLLIMIT, 8, .rw = R_NAMD_EXCLL_LIMIT_MASK,
      .written = window_written },
    { "EFR", A_NAMD_EFR, 8, .ro = UINT64_MAX },
    { "EFR2", A_NAMD_EFR2, 8, .ro = UINT64_MAX },
    { "DSFX", A_NAMD_DSFX, 8, .ro = UINT64_MAX },
    { "DSCX", A_NAMD_DSCX, 8, .ro = UINT64_MAX },
    { "DSSX", A_NAMD_DSSX, 8, .ro = UINT64_MAX },
    { "RESERVED_1FF8", A_NAMD_RESERVED_1FF8, 8, .ro = UINT64_MAX },
    POINTER_ROW("CMDHEAD", A_NAMD_CMDHEAD, NAMD_RING_COMMANDS),
    { "CMDTAIL", A_NAMD_CMDTAIL, 8, .rw = R_NAMD_PTR_PTR_MASK,
      .written = command_tail_written, .arg = NAMD_RING_COMMANDS,
      .allowed = pointer_allowed },
    POINTER_ROW("EVTHEAD", A_NAMD_EVTHEAD, NAMD_RING_EVENTS),
    POINTER_ROW("EVTTAIL", A_NAMD_EVTTAIL, NAMD_RING_EVENTS),
    { "STATUS", A_NAMD_STATUS, 8, .w1c = STATUS_W1C, .ro = STATUS_RO },
};

static const NyxReg ppr_rows[] = {
    BASE_ROW("PPRBASE", A_NAMD_PPRBASE, NAMD_RING_PPR),
    POINTER_ROW("PPRHEAD", A_NAMD_PPRHEAD, NAMD_RING_PPR),
    POINTER_ROW("PPRTAIL", A_NAMD_PPRTAIL, NAMD_RING_PPR),
};

static const NyxReg ppr_b_rows[] = {
    BASE_ROW("PPRBASE_B", A_NAMD_PPRBASE_B, NAMD_RING_PPR_B),
    POINTER_ROW("PPRHEAD_B", A_NAMD_PPRHEAD_B, NAMD_RING_PPR_B),
    POINTER_ROW("PPRTAIL_B", A_NAMD_PPRTAIL_B, NAMD_RING_PPR_B),
};

static const NyxReg event_b_rows[] = {
    BASE_ROW("EVTBASE_B", A_NAMD_EVTBASE_B, NAMD_RING_EVENTS_B),
    POINTER_ROW("EVTHEAD_B", A_NAMD_EVTHEAD_B, NAMD_RING_EVENTS_B),
    POINTER_ROW("EVTTAIL_B", A_NAMD_EVTTAIL_B, NAMD_RING_EVENTS_B),
};

static const NyxReg hw_event_rows[] = {
    { "HWEVT_LO", A_NAMD_HWEVT_LO, 8, .rw = UINT64_MAX },
    { "HWEVT_HI", A_NAMD_HWEVT_HI, 8, .rw = UINT64_MAX },
    { "HWEVT_STATUS", A_NAMD_HWEVT_STATUS, 8,
      .w1c = R_NAMD_HWEVTS_HEV_MASK | R_NAMD_HWEVTS_HEO_MASK },
};

#define GA_POINTER_ROW(name, offset)                                        \
    { name, offset, 8, .rw = R_NAMD_GAPTR_PTR_MASK, .arg = NAMD_RING_GA,    \
      .allowed = pointer_allowed }

static const NyxReg vapic_rows[] = {
    BASE_ROW("GALOGBASE", A_NAMD_GALOGBASE, NAMD_RING_GA),
    { "GALOGTAIL", A_NAMD_GALOGTAIL, 8, .rw = R_NAMD_GATA_ADDR_MASK,
      .arg = NAMD_RING_GA, .allowed = base_allowed },
    GA_POINTER_ROW("GALOGHEAD", A_NAMD_GALOGHEAD),
    GA_POINTER_ROW("GALOGTAILPTR", A_NAMD_GALOGTAILPTR),
};

static const NyxReg msi_rows[] = {
    { "MSI_VECTOR0", A_NAMD_MSI_VECTOR0, 4, .ro = UINT32_MAX },
    { "MSI_VECTOR1", A_NAMD_MSI_VECTOR1, 4, .ro = UINT32_MAX },
    { "MSI_CAP", A_NAMD_MSI_CAP, 4, .rw = MSI_ENABLES,
      .ro = (uint32_t)~MSI_ENABLES, .written = msi_written },
    { "MSI_ADDR_LO", A_NAMD_MSI_ADDR_LO, 4, .rw = 0xfffffffc,
      .written = msi_written },
    { "MSI_ADDR_HI", A_NAMD_MSI_ADDR_HI, 4, .rw = UINT32_MAX,
      .written = msi_written },
    { "MSI_DATA", A_NAMD_MSI_DATA, 4, .rw = 0xffff, .written = msi_written },
    /* There is no HyperTransport, and no capability of it. */
    { "MSI_MAP", A_NAMD_MSI_MAP, 4, .ro = UINT32_MAX },
};

/* Drivers mask all three, whatever logs there are. */
static const NyxReg xt_rows[] = {
    XT_ROW("XT_GENERAL", A_NAMD_XT_GENERAL),
    XT_ROW("XT_PPR", A_NAMD_XT_PPR),
    XT_ROW("XT_GA", A_NAMD_XT_GA),
};

static const NyxReg perf_opt_rows[] = {
    { "PERFOPT", A_NAMD_PERFOPT, 4, .rw = 1u << 13 },
};

static const NyxReg ppr_auto_rows[] = {
    { "PPRAUTO", A_NAMD_PPRAUTO, 8,
      .rw = R_NAMD_PPRAUTO_CODE_MASK | R_NAMD_PPRAUTO_MASKGN_MASK },
};

static const NyxReg ppr_early_rows[] = {
    EARLY_ROW("PPREARLY", A_NAMD_PPREARLY),
};

static const NyxReg ppr_early_b_rows[] = {
    EARLY_ROW("PPREARLY_B", A_NAMD_PPREARLY_B),
};

/* Rows of one of several: their offsets are those of number zero. */
static const NyxReg smi_rows[] = {
    { "SMI", A_NAMD_SMI(0), 8,
      .rw = R_NAMD_SMI_DID_MASK | R_NAMD_SMI_DV_MASK | R_NAMD_SMI_LOCK_MASK,
      .written = smi_written, .allowed = smi_allowed },
};

static const NyxReg segment_rows[] = {
    /* A bit less of Size than segment 0 has: never more than half of all. */
    { "DEVTAB_SEG", A_NAMD_DEVTAB_SEG(1), 8,
      .rw = (R_NAMD_DEVTAB_SIZE_MASK >> 1) | R_NAMD_DEVTAB_BASE_MASK,
      .written = devtab_written },
};

static const NyxReg marc_rows[] = {
    { "MARC_BASE", A_NAMD_MARC_BASE(0), 8, .rw = R_NAMD_MARC_ADDR_MASK,
      .written = window_written },
    { "MARC_RELOC", A_NAMD_MARC_RELOC(0), 8,
      .rw = R_NAMD_MARCR_ENABLE_MASK | R_NAMD_MARCR_READONLY_MASK |
            R_NAMD_MARCR_ADDR_MASK,
      .written = window_written },
    { "MARC_LEN", A_NAMD_MARC_LEN(0), 8, .rw = R_NAMD_MARC_ADDR_MASK,
      .written = window_written },
};

/* Bits of Status that come with features. */
typedef struct StatusBits {
    size_t option;
    size_t also;
    uint64_t w1c;
    uint64_t ro;
} StatusBits;

static const StatusBits status_bits[] = {
    { OPT(page_requests), ALWAYS,
      R_NAMD_STS_PPROVERFLOW_MASK | R_NAMD_STS_PPRINT_MASK,
      R_NAMD_STS_PPRLOGRUN_MASK },
    { OPT(vapic), ALWAYS,
      R_NAMD_STS_GALOVERFLOW_MASK | R_NAMD_STS_GAINT_MASK,
      R_NAMD_STS_GALOGRUN_MASK },
    { OPT(dual_ppr), ALWAYS, R_NAMD_STS_PPROVERFLOWB_MASK,
      R_NAMD_STS_PPRLOGACTIVE_MASK },
    { OPT(dual_event), ALWAYS, R_NAMD_STS_EVENTOVERFLOWB_MASK,
      R_NAMD_STS_EVENTLOGACTIVE_MASK },
    { OPT(ppr_early), ALWAYS, R_NAMD_STS_PPREARLY_MASK, 0 },
    { OPT(ppr_early), OPT(dual_ppr), R_NAMD_STS_PPREARLYB_MASK, 0 },
};

uint64_t nyx_amd_status_possible(const NyxAmdCfg *cfg)
{
    uint64_t possible = STATUS_W1C | STATUS_RO;

    for (unsigned i = 0; i < ARRAY_SIZE(status_bits); i++) {
        const StatusBits *bits = &status_bits[i];

        if (offered(cfg, bits->option) && offered(cfg, bits->also)) {
            possible |= bits->w1c | bits->ro;
        }
    }
    return possible;
}

/* Make the general row fit the options. */
static void row_fit(const NyxAmdCfg *cfg, NyxReg *reg)
{
    switch (reg->offset) {
    case A_NAMD_CONTROL:
        reg->rw = control_rw(cfg);
        reg->reset = cfg->coherent ? R_NAMD_CTRL_COHERENT_MASK : 0;
        break;
    case A_NAMD_EFR:
        reg->reset = nyx_amd_efr(cfg);
        break;
    case A_NAMD_EFR2:
        reg->reset = nyx_amd_efr2(cfg);
        break;
    case A_NAMD_MSI_VECTOR0:
        reg->reset = nyx_amd_cap_misc0(cfg);
        break;
    case A_NAMD_MSI_VECTOR1:
        reg->reset = nyx_amd_cap_misc1(cfg);
        break;
    case A_NAMD_STATUS:
        for (unsigned i = 0; i < ARRAY_SIZE(status_bits); i++) {
            const StatusBits *bits = &status_bits[i];

            /* Linux 6.1 clears bits of logs that are not there. */
            reg->w1c |= bits->w1c;
            if (offered(cfg, bits->option) && offered(cfg, bits->also)) {
                reg->ro |= bits->ro;
            }
        }
        break;
    }
}

static void mistake(void *dev, NyxRegMistake kind, uint64_t offset,
                    uint64_t value)
{
    static const NyxAmdRule rule[] = {
        [NYX_REG_UNALIGNED] = NAMD_RULE_REG_UNALIGNED,
        [NYX_REG_UNKNOWN] = NAMD_RULE_REG_UNKNOWN,
        [NYX_REG_READ_ONLY] = NAMD_RULE_REG_READ_ONLY,
        [NYX_REG_RESERVED] = NAMD_RULE_REG_RESERVED,
    };

    /* Zero in a register that reads as zero asks for nothing. */
    if (kind != NYX_REG_READ_ONLY || value) {
        finding_at(dev, rule[kind], offset, value);
    }
}

/* @n sets of @rows, @stride bytes apart, if both options are there. */
static void add_rows(NyxAmd *amd, size_t option, size_t also,
                     const NyxReg *rows, unsigned n_rows, unsigned n,
                     uint32_t stride)
{
    if (!offered(&amd->cfg, option) || !offered(&amd->cfg, also)) {
        return;
    }
    for (unsigned i = 0; i < n * n_rows; i++) {
        NyxReg row = rows[i % n_rows];

        row.offset += i / n_rows * stride;
        row_fit(&amd->cfg, &row);
        nyx_regfile_add(&amd->regs, &row);
    }
}

#define ADD(option, also, rows) \
    add_rows(amd, option, also, rows, ARRAY_SIZE(rows), 1, 0)
#define ADD_SETS(option, rows, n, stride) \
    add_rows(amd, option, ALWAYS, rows, ARRAY_SIZE(rows), n, stride)

void nyx_amd_regs_init(NyxAmd *amd)
{
    amd->exclusion = no_window;
    for (unsigned i = 0; i < NAMD_MARC_WINDOWS; i++) {
        amd->marc[i] = no_window;
    }
    nyx_regfile_init(&amd->regs, amd, NAMD_MMIO_SIZE, mistake);
    ADD(ALWAYS, ALWAYS, always_rows);
    ADD(OPT(page_requests), ALWAYS, ppr_rows);
    ADD(OPT(dual_ppr), ALWAYS, ppr_b_rows);
    ADD(OPT(dual_event), ALWAYS, event_b_rows);
    ADD(OPT(hw_events), ALWAYS, hw_event_rows);
    ADD(OPT(vapic), ALWAYS, vapic_rows);
    ADD(OPT(msi_mmio), ALWAYS, msi_rows);
    ADD(OPT(xt), ALWAYS, xt_rows);
    ADD(OPT(perf_opt), ALWAYS, perf_opt_rows);
    ADD(OPT(ppr_auto), ALWAYS, ppr_auto_rows);
    ADD(OPT(ppr_early), ALWAYS, ppr_early_rows);
    ADD(OPT(ppr_early), OPT(dual_ppr), ppr_early_b_rows);
    ADD_SETS(OPT(smi_filter), smi_rows, 1u << amd->cfg.smi_filters_lg2, 8);
    ADD_SETS(OPT(segments_lg2), segment_rows,
             (1u << amd->cfg.segments_lg2) - 1, 8);
    ADD_SETS(OPT(marc), marc_rows, NAMD_MARC_WINDOWS, 0x18);
}

/* Whether the access is for the counters. */
static bool for_counters(const NyxAmd *amd, uint64_t offset)
{
    return amd->cfg.counters && offset >= A_NAMD_PCCFG;
}

static void before_access(NyxAmd *amd, uint64_t offset, unsigned size)
{
    nyx_amd_catch_up(amd);
    nyx_amd_perf_drain(amd);
    msi_refresh(amd, offset, size);
    if (offset - A_NAMD_RESERVED_1FF8 < 8) {
        nyx_amd_perf_count(amd, NAMD_PERF_RESERVED_1FF8, 1, 0, NAMD_NO_DOMAIN,
                           NAMD_NO_PASID);
    }
}

uint64_t nyx_amd_mmio_read(NyxAmd *amd, uint64_t offset, unsigned size)
{
    before_access(amd, offset, size);
    if ((size != 4 && size != 8) || offset & (size - 1)) {
        finding_at(amd, NAMD_RULE_REG_UNALIGNED, offset, 0);
    }
    return for_counters(amd, offset) ? nyx_amd_perf_read(amd, offset, size)
                                     : nyx_regfile_read(&amd->regs, offset,
                                                        size);
}

void nyx_amd_mmio_write(NyxAmd *amd, uint64_t offset, uint64_t value,
                        unsigned size)
{
    before_access(amd, offset, size);
    if (for_counters(amd, offset)) {
        nyx_amd_perf_write(amd, offset, value, size);
    } else {
        nyx_regfile_write(&amd->regs, offset, value, size);
    }
}
