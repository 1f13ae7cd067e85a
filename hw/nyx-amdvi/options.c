/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of nyx-amdvi: properties, profiles, and the configuration of
 * the engine that comes of them.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/x86.h"
#include "hw/nyx-amdvi/amdvi.h"

/* --- Profiles ------------------------------------------------------------- */

/* The first chipsets: no extended features. */
static const NyxPresetRow minimal[] = {
    { "coherent", "off" },
    { "ga", "off" },
    { "guest-levels", "0" },
    { "host-accessed", "off" },
    { "host-dirty", "off" },
    { "host-levels", "4" },
    { "hw-events", "off" },
    { "invalidate-all", "off" },
    { "irt-cache-dis", "off" },
    { "prefetch", "off" },
    { "va-bits", "48" },
    { }
};

/* As the IOMMU of the first Zen parts tells it: EFR 4f77ef22294adah. */
static const NyxPresetRow client[] = {
    { "attr-fw", "on" },
    { "block-stop-mark", "on" },
    { "device-iotlb", "on" },
    { "dual-event", "2" },
    { "dual-ppr", "2" },
    { "eph", "on" },
    { "vapic", "on" },
    { "guest-levels", "4" },
    { "gio", "on" },
    { "glx", "1" },
    { "host-dirty", "off" },
    { "hw-events", "off" },
    { "inv-iotlb-type", "on" },
    { "irt-cache-dis", "off" },
    { "marc", "on" },
    { "msi-mmio", "on" },
    { "nx", "on" },
    { "page-requests", "on" },
    { "pasid-bits", "16" },
    { "perfmon", "on" },
    { "perf-opt", "on" },
    { "ppr-auto", "on" },
    { "ppr-early", "on" },
    { "prefetch", "off" },
    { "device-table-segments", "8" },
    { "smi-filters", "4" },
    { "us", "on" },
    { "xtsup", "off" },
    { }
};

/* Later server parts: x2APIC, dirty pages, nesting, larger tables. */
static const NyxPresetRow server[] = {
    { "attr-fw", "on" },
    { "block-stop-mark", "on" },
    { "device-iotlb", "on" },
    { "dual-event", "2" },
    { "dual-ppr", "2" },
    { "eph", "on" },
    { "vapic", "on" },
    { "guest-levels", "5" },
    { "ga-update-dis", "on" },
    { "gcr3-trp", "on" },
    { "gio", "on" },
    { "glx", "1" },
    { "hw-events", "off" },
    { "inv-iotlb-type", "on" },
    { "marc", "on" },
    { "msi-mmio", "on" },
    { "int-remap-2k", "on" },
    { "nx", "on" },
    { "page-requests", "on" },
    { "pasid-bits", "16" },
    { "perfmon", "on" },
    { "perf-opt", "on" },
    { "ppr-auto", "on" },
    { "ppr-early", "on" },
    { "prefetch", "off" },
    { "device-table-segments", "8" },
    { "smi-filters", "4" },
    { "us", "on" },
    { }
};

static const NyxPresetRow everything[] = {
    { "attr-fw", "on" },
    { "block-stop-mark", "on" },
    { "device-iotlb", "on" },
    { "dual-event", "2" },
    { "dual-ppr", "2" },
    { "eph", "on" },
    { "vapic", "on" },
    { "gappi-dis", "on" },
    { "gappi", "on" },
    { "guest-levels", "5" },
    { "ga-update-dis", "on" },
    { "gcr3-trp", "on" },
    { "gio", "on" },
    { "glx", "2" },
    { "ht-range-ignore", "on" },
    { "inv-iotlb-type", "on" },
    { "marc", "on" },
    { "msi-mmio", "on" },
    { "np-cache", "on" },
    { "int-remap-2k", "on" },
    { "nx", "on" },
    { "page-requests", "on" },
    { "pasid-bits", "16" },
    { "perfmon", "on" },
    { "perf-opt", "on" },
    { "ppr-auto", "on" },
    { "ppr-early", "on" },
    { "device-table-segments", "8" },
    { "smi-filters", "16" },
    { "us", "on" },
    { }
};

static const char *const profile_names[] = {
    "default", "minimal", "client", "server", "everything", NULL,
};
static const NyxPresetRow *const profiles[] = {
    NULL, minimal, client, server, everything,
};

/* --- Configuration -------------------------------------------------------- */

/* A count that is 1, 2, 4 and so on up to 2^@max. */
static bool parse_count(const char *option, uint8_t value, unsigned max,
                        uint8_t *lg2, Error **errp)
{
    *lg2 = ctz32(value);
    if (!value || value & (value - 1) || *lg2 > max) {
        error_setg(errp, "%s=%u: use a power of two, 1 to %u", option, value,
                   1u << max);
        return false;
    }
    return true;
}

static const NyxOptions options;

/*
 * An option that is nothing without another one (@base).  Who asks for it is
 * told so by nyx_amd_cfg_error(); a default or a profile's has no effect then.
 */
static bool wanted(NyxAmdState *s, const char *name, bool value, bool base)
{
    return value && (base || nyx_option_given(OBJECT(s), &options, name));
}

static void make_guest_cfg(NyxAmdState *s, NyxAmdCfg *cfg)
{
    bool on = cfg->dma_remap && s->props.guest_levels;

    cfg->guest_levels = wanted(s, "guest-levels", s->props.guest_levels,
                               cfg->dma_remap) ? s->props.guest_levels : 0;
    cfg->glx = on ? s->props.glx : 0;
    cfg->pasid_bits = on ? s->props.pasid_bits : 0;
    cfg->gio = wanted(s, "gio", s->props.gio, on);
    cfg->no_execute = wanted(s, "nx", s->props.nx, on);
    cfg->user_supervisor = wanted(s, "us", s->props.us, on);
    cfg->ga_update_dis = wanted(s, "ga-update-dis", s->props.ga_update_dis,
                                on);
    cfg->gcr3_trp = wanted(s, "gcr3-trp", s->props.gcr3_trp,
                           on && cfg->host_levels);
}

static void make_host_cfg(NyxAmdState *s, NyxAmdCfg *cfg)
{
    cfg->host_accessed = wanted(s, "host-accessed", s->props.host_accessed,
                                cfg->host_levels);
    cfg->host_dirty = wanted(s, "host-dirty", s->props.host_dirty,
                             cfg->host_accessed);
    cfg->np_cache = wanted(s, "np-cache", s->props.np_cache, cfg->dma_remap);
    cfg->marc = wanted(s, "marc", s->props.marc, cfg->dma_remap);
    cfg->attr_fw = wanted(s, "attr-fw", s->props.attr_fw, cfg->dma_remap);
    cfg->inv_iotlb_type = wanted(s, "inv-iotlb-type", s->props.inv_iotlb_type,
                                 cfg->device_iotlb);
}

static void make_page_cfg(NyxAmdState *s, NyxAmdCfg *cfg)
{
    bool base = cfg->device_iotlb && s->props.eph;
    bool on = s->props.page_requests == ON_OFF_AUTO_AUTO
              ? base && cfg->guest_levels
              : wanted(s, "page-requests",
                       s->props.page_requests == ON_OFF_AUTO_ON, base);

    cfg->page_requests = on;
    cfg->eph = wanted(s, "eph", s->props.eph, on);
    cfg->dual_ppr = wanted(s, "dual-ppr", s->props.dual_ppr, on)
                    ? s->props.dual_ppr : 0;
    cfg->ppr_early = wanted(s, "ppr-early", s->props.ppr_early, on);
    cfg->ppr_auto = wanted(s, "ppr-auto", s->props.ppr_auto, on);
    cfg->block_stop_mark = wanted(s, "block-stop-mark",
                                  s->props.block_stop_mark, on);
}

static bool make_interrupt_cfg(NyxAmdState *s, NyxAmdCfg *cfg, Error **errp)
{
    bool on = nyx_x86_intremap(X86_IOMMU_DEVICE(s));

    cfg->intremap = on;
    cfg->smi_filter = wanted(s, "smi-filters", s->props.smi_filters, on);
    cfg->ga = wanted(s, "ga", s->props.ga, on);
    cfg->vapic = wanted(s, "vapic", s->props.vapic, cfg->ga);
    cfg->gappi = wanted(s, "gappi", s->props.gappi, cfg->vapic);
    cfg->gappi_dis = wanted(s, "gappi-dis", s->props.gappi_dis, cfg->gappi);
    cfg->int_remap_2k = wanted(s, "int-remap-2k", s->props.int_remap_2k,
                               cfg->ga);
    cfg->irt_cache_dis = wanted(s, "irt-cache-dis", s->props.irt_cache_dis,
                                on);
    if (s->props.xtsup == ON_OFF_AUTO_ON && !cfg->ga) {
        error_setg(errp, "xtsup=on needs interrupt entries of 128 bits: set "
                   "intremap=on and ga=on, or xtsup=off");
        return false;
    }
    return nyx_option_x2apic("xtsup", s->props.xtsup, cfg->ga, &cfg->xt,
                             errp);
}

bool nyx_amd_options_cfg(NyxAmdState *s, NyxAmdCfg *cfg, Error **errp)
{
    X86IOMMUState *x86 = X86_IOMMU_DEVICE(s);
    bool dma = s->props.dma_remap &&
               nyx_option_dma_translation(x86, s->props.dma_translation);
    const char *error;

    *cfg = (NyxAmdCfg) {
        .pa_bits = MIN(MAX(nyx_x86_phys_bits(), 32), 52),
        .va_bits = s->props.va_bits,
        .host_levels = dma ? s->props.host_levels : 0,
        .dual_event = s->props.dual_event,
        .dma_remap = dma,
        .device_iotlb = wanted(s, "device-iotlb", x86->dt_supported, dma),
        .coherent = s->props.coherent,
        .prefetch = s->props.prefetch,
        .invalidate_all = s->props.invalidate_all,
        .hw_events = s->props.hw_events,
        .counters = s->props.perfmon,
        .perf_opt = s->props.perf_opt,
        .msi_mmio = s->props.msi_mmio,
        .ht_range_ignore = s->props.ht_range_ignore,
        .coalesce = s->props.coalesce,
        .cache_seed = s->props.cache_seed,
        .iotlb_entries = s->props.iotlb_entries,
    };
    make_host_cfg(s, cfg);
    make_guest_cfg(s, cfg);
    make_page_cfg(s, cfg);
    if (!make_interrupt_cfg(s, cfg, errp) ||
        !parse_count("device-table-segments", s->props.segments, 3,
                     &cfg->segments_lg2, errp) ||
        (cfg->smi_filter &&
         !parse_count("smi-filters", s->props.smi_filters, 4,
                      &cfg->smi_filters_lg2, errp)) ||
        !nyx_option_cache(s->props.cache, &cfg->cache, errp)) {
        return false;
    }
    error = nyx_amd_cfg_error(cfg);
    if (error) {
        error_setg(errp, "%s", error);
    }
    return !error;
}

/* --- Properties ----------------------------------------------------------- */

#define BOOL(name, member, value) \
    DEFINE_PROP_BOOL(name, NyxAmdState, props.member, value)
#define UINT8(name, member, value) \
    DEFINE_PROP_UINT8(name, NyxAmdState, props.member, value)

static const Property properties[] = {
    DEFINE_PROP_STRING("acpi-hid", NyxAmdState, props.acpi_hid),
    DEFINE_PROP_PCI_DEVFN("addr", NyxAmdState, props.addr, -1),
    BOOL("attr-fw", attr_fw, false),
    BOOL("block-stop-mark", block_stop_mark, false),
    DEFINE_PROP_STRING("cache", NyxAmdState, props.cache),
    DEFINE_PROP_UINT64("cache-seed", NyxAmdState, props.cache_seed, 1),
    BOOL("coalesce", coalesce, true),
    BOOL("coherent", coherent, true),
    BOOL("dma-remap", dma_remap, true),
#ifndef NYX_X86_IOMMU_HAS_DMA_TRANSLATION
    BOOL("dma-translation", dma_translation, true),
#endif
    UINT8("dual-event", dual_event, 0),
    UINT8("dual-ppr", dual_ppr, 0),
    BOOL("eph", eph, true),
    DEFINE_PROP_STRING("findings", NyxAmdState, props.findings),
    BOOL("vapic", vapic, false),
    BOOL("gappi-dis", gappi_dis, false),
    BOOL("gappi", gappi, false),
    BOOL("ga", ga, true),
    UINT8("guest-levels", guest_levels, 4),
    BOOL("ga-update-dis", ga_update_dis, false),
    BOOL("gcr3-trp", gcr3_trp, false),
    BOOL("gio", gio, true),
    UINT8("glx", glx, 1),
    BOOL("host-accessed", host_accessed, true),
    UINT8("host-levels", host_levels, 6),
    BOOL("host-dirty", host_dirty, true),
    BOOL("hw-events", hw_events, true),
    BOOL("ht-range-ignore", ht_range_ignore, false),
    BOOL("invalidate-all", invalidate_all, true),
    BOOL("inv-iotlb-type", inv_iotlb_type, false),
    DEFINE_PROP_UINT32("iotlb-entries", NyxAmdState, props.iotlb_entries,
                       4096),
    BOOL("irt-cache-dis", irt_cache_dis, true),
    DEFINE_PROP_STRING("ivmd", NyxAmdState, props.ivmd),
    BOOL("marc", marc, false),
    BOOL("msi-mmio", msi_mmio, false),
    BOOL("np-cache", np_cache, false),
    BOOL("int-remap-2k", int_remap_2k, false),
    BOOL("nx", nx, true),
    DEFINE_PROP_ON_OFF_AUTO("page-requests", NyxAmdState,
                            props.page_requests, ON_OFF_AUTO_AUTO),
    UINT8("pasid-bits", pasid_bits, 16),
    BOOL("perfmon", perfmon, false),
    BOOL("perf-opt", perf_opt, false),
    BOOL("ppr-auto", ppr_auto, false),
    BOOL("ppr-early", ppr_early, false),
    BOOL("prefetch", prefetch, true),
    DEFINE_PROP_STRING("profile", NyxAmdState, props.profile),
#ifndef NYX_X86_IOMMU_HAS_PT
    BOOL("pt", pt, true),
#endif
    UINT8("device-table-segments", segments, 1),
    UINT8("smi-filters", smi_filters, 0),
    BOOL("us", us, true),
    UINT8("va-bits", va_bits, 64),
    DEFINE_PROP_ON_OFF_AUTO("xtsup", NyxAmdState, props.xtsup,
                            ON_OFF_AUTO_AUTO),
};

static const char *const descriptions[][2] = {
    { "acpi-hid", "devices of the ACPI namespace, in the IVRS table: "
      "HID[/UID]@BUS:SLOT.FN[:...]" },
    { "addr", "place of the PCI function on the root bus (default 00:00.2, or "
      "a free one)" },
    { "attr-fw", "EFR.AttrFWSup: device table entries override snoop "
      "attributes (default off)" },
    { "block-stop-mark", "EFR.BlkStopMrkSup: StopMark messages can be blocked "
      "(default off; needs page-requests)" },
    { "cache", "hardware: bounded, random eviction (default); sticky: "
      "nothing is ever evicted; off: every access walks the tables" },
    { "cache-seed", "seed of the eviction, so that a run repeats "
      "(default 1)" },
    { "coalesce", "contiguous pages are one mapping for vfio-pci (default "
      "on)" },
    { "coherent", "Control.Coherent is set after reset, and in the IVRS "
      "table (default on)" },
    NYX_OPTION_DEVICE_IOTLB,
    { "dma-remap", "DMA is translated; off: interrupt remapping only "
      "(default on)" },
    NYX_OPTION_DMA_TRANSLATION,
    { "dual-event", "EFR.DualEventLogSup: 0 one log, 1 two, 2 with "
      "automatic swap (default 0)" },
    { "dual-ppr", "EFR.DualPprLogSup: likewise (default 0; needs "
      "page-requests)" },
    { "eph", "EFR.EPHSup: enhanced page request handling (default on with "
      "page-requests)" },
    { "findings", "id of a -chardev for guest mistakes, one JSON object a "
      "line" },
    { "vapic", "EFR.GAMSup: interrupts to virtual APICs (default off; needs "
      "ga)" },
    { "gappi-dis", "EFR2.GAPPIDisSup: guest APIC physical-processor "
      "interrupts can be off for an entry (default off; needs ga)" },
    { "gappi", "EFR.GAPPISup: guest APIC physical-processor interrupts "
      "(default off; needs ga)" },
    { "ga", "EFR.GASup: interrupt entries of 128 bits (default on with "
      "intremap)" },
    { "guest-levels", "EFR.GTSup and GATS: levels of guest tables, 0 (none), 4 "
      "or 5 (default 4)" },
    { "ga-update-dis", "EFR.GAUpdateDisSup: accessed bits of guest tables "
      "can be left alone (default off; needs guest-levels)" },
    { "gcr3-trp", "EFR2.GCR3TRPModeSup: GCR3 roots that are guest "
      "addresses (default off; needs guest-levels)" },
    { "gio", "EFR.GIoSup: guest tables for requests without a PASID "
      "(default on with guest-levels)" },
    { "glx", "EFR.GLXSup: levels of GCR3 tables less one, 0 to 2 (default "
      "1; needs guest-levels)" },
    { "host-accessed", "EFR.HASup: accessed bits in host tables (default on "
      "with host-levels)" },
    { "host-levels", "EFR.HATS: levels of host tables, 0 (none), 4, 5 or 6 "
      "(default 6)" },
    { "host-dirty", "EFR.HDSup: dirty bits in host tables (default on with "
      "host-accessed)" },
    { "hw-events", "EFR.HESup: hardware event registers (default on)" },
    { "ht-range-ignore", "EFR2.HTRangeIgnore: memory from fd00000000h on is "
      "like any other (default off)" },
    { "invalidate-all", "EFR.IASup: INVALIDATE_IOMMU_ALL (default on)" },
    NYX_OPTION_INTREMAP,
    { "inv-iotlb-type", "EFR.InvIotlbTypeSup: Type of "
      "INVALIDATE_IOTLB_PAGES (default off)" },
    { "iotlb-entries", "translations cached per device, 16 to 1048576 "
      "(default 4096)" },
    { "irt-cache-dis", "Control.IRTCacheDis: interrupt entries need not be "
      "cached (default on with intremap)" },
    { "ivmd", "ID[+ID...]@BASE-LIMIT[@FLAGS][:...]: memory that devices reach "
      "at its own address; ID * is all of them, FLAGS r, w, rw (default) or "
      "x for an exclusion range" },
    { "marc", "EFR.MarcSup: four apertures that move addresses (default "
      "off)" },
    { "msi-mmio", "EFR.MsiCapMmioSup: the MSI capability in MMIO as well "
      "(default off)" },
    { "np-cache", "NpCache of the capability: not-present entries are cached "
      "too; needed for vfio-pci (default off)" },
    { "int-remap-2k", "EFR2.NumIntRemapSup: 2048 interrupt entries a device "
      "(default off)" },
    { "nx", "EFR.NXSup: execute permission in guest tables (default on "
      "with guest-levels)" },
    { "page-requests", "EFR.PPRSup: devices may ask for pages, PRI (default "
      "auto: on with guest-levels and device-iotlb)" },
    { "pasid-bits", "EFR.PASmax: width of a PASID, 1 to 20 (default 16 with "
      "guest-levels; Linux takes no more)" },
    { "perfmon", "EFR.PCSup: performance counters (default off)" },
    { "perf-opt", "EFR.PerfOptSup: performance optimization register "
      "(default off)" },
    { "ppr-auto", "EFR.PPRAutoRspSup: automatic responses to page requests "
      "(default off; needs page-requests)" },
    { "ppr-early", "EFR.PprOvrflwEarlySup: early warning of a full log "
      "(default off; needs page-requests)" },
    { "prefetch", "EFR.PreFSup: PREFETCH_IOMMU_PAGES (default on)" },
    { "profile", "a set of options like a real part: default, minimal, "
      "client, server, everything" },
    NYX_OPTION_PT,
    { "device-table-segments", "EFR.DevTblSegSup: segments of the device "
      "table, 1, 2, 4 or 8 (default 1)" },
    { "smi-filters", "EFR.SmiFSup and SmiFRC: SMI filter registers, 0, 1, 2, "
      "4, 8 or 16 (default 0)" },
    { "us", "EFR.USSup: user and supervisor pages in guest tables (default "
      "on with guest-levels)" },
    { "va-bits", "VAsize: widest device address, 32 to 64 bits (default 64)" },
    { "xtsup", "EFR.XTSup: x2APIC destinations (default auto: on with "
      "ga)" },
};

/* -------------------------------------------------------------------------- */

static const NyxOptions options = {
    .type = TYPE_NYX_AMDVI,
    .given = offsetof(NyxAmdState, given),
    .descriptions = descriptions,
    .n_descriptions = ARRAY_SIZE(descriptions),
    .profile_names = profile_names,
    .profiles = profiles,
};

void nyx_amd_options_init(NyxAmdState *s)
{
    nyx_options_init(OBJECT(s), &options);
}

bool nyx_amd_options_preset(NyxAmdState *s, Error **errp)
{
    return nyx_options_preset(OBJECT(s), &options, s->props.profile, errp);
}

void nyx_amd_options_class_init(ObjectClass *oc)
{
    device_class_set_props(DEVICE_CLASS(oc), properties);
    nyx_options_class_init(oc, &options);
}
