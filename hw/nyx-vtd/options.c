/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of nyx-vtd: properties, profiles, and the configuration of the
 * engine that comes of them.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/options.h"
#include "hw/nyx-iommu/x86.h"
#include "hw/nyx-vtd/vtd.h"

/* --- Profiles ------------------------------------------------------------- */

/* The first chipsets with DMA remapping, and none of their luxuries. */
static const NyxPresetRow minimal[] = {
    { "version", "0x10" },
    { "qi", "off" },
    { "intremap", "off" },
    { "pt", "off" },
    { "snoop-control", "off" },
    { "coherent", "off" },
    { "aw-bits", "39" },
    { "sslps", "4k" },
    { "psi", "off" },
    { "zlr", "off" },
    { "rwbf", "on" },
    { "phmr", "off" },
    { "dma-drain", "off" },
    { "domain-bits", "4" },
    { "fault-records", "1" },
    { }
};

static const NyxPresetRow client[] = {
    { "version", "0x10" },
    { "aw-bits", "39" },
    { "coherent", "off" },
    { "domain-bits", "8" },
    { "fault-records", "1" },
    { "posted-interrupts", "off" },
    { }
};

static const NyxPresetRow server[] = {
    { "version", "0x40" },
    { "aw-bits", "57" },
    { "mamv", "45" },
    { "fault-records", "1" },
    { "device-iotlb", "on" },
    { "scalable-mode", "on" },
    { }
};

static const NyxPresetRow everything[] = {
    { "version", "0x40" },
    { "aw-bits", "57" },
    { "mamv", "52" },
    { "fault-records", "16" },
    { "device-iotlb", "on" },
    { "scalable-mode", "on" },
    { "nwfs", "on" },
    { "abort-dma", "on" },
    { "esirtps", "on" },
    { "esrtps", "on" },
    { "perfmon", "on" },
    { "vcmd", "on" },
    { }
};

static const char *const profile_names[] = {
    "default", "minimal", "client", "server", "everything", NULL,
};
static const NyxPresetRow *const profiles[] = {
    NULL, minimal, client, server, everything,
};

/* --- Configuration -------------------------------------------------------- */

static bool parse_sslps(const char *text, uint8_t *lg2, Error **errp)
{
    static const char *const names[] = { "1g", "2m", "4k", NULL };
    static const uint8_t sizes[] = { 30, 21, 12 };
    unsigned index;
    bool ok = nyx_option_name("sslps", text, names, &index, errp);

    *lg2 = sizes[index];
    return ok;
}

/*
 * flts=auto: a device of the host cannot follow a first stage, and that is
 * what guests would give it.
 */
static bool decide_first_stage(const NyxVtdState *s)
{
    if (s->props.flts != ON_OFF_AUTO_AUTO) {
        return s->props.flts == ON_OFF_AUTO_ON;
    }
    return !s->props.caching_mode;
}

/* Options of scalable mode have no effect without it. */
static void make_scalable_cfg(const NyxVtdState *s, NyxVtdCfg *cfg)
{
    bool on = s->props.scalable_mode;

    cfg->scalable_mode = on;
    cfg->scalable_coherent = on && s->props.smpwcs;
    cfg->first_stage = on && decide_first_stage(s);
    cfg->second_stage = on && s->props.ssts;
    cfg->nested = cfg->first_stage && cfg->second_stage && s->props.nest;
    cfg->first_1g = cfg->first_stage && s->props.fs1gp;
    cfg->first_5_levels = cfg->first_stage && s->props.fs5lp;
    cfg->second_ad = cfg->second_stage && s->props.ssads;
    cfg->extended_accessed = cfg->first_stage && s->props.eafs;
    cfg->supervisor = cfg->first_stage && s->props.srs;
    cfg->execute = cfg->first_stage && s->props.ers;
    cfg->rid_pasid = on && s->props.rps;
    cfg->rid_priv = cfg->supervisor && s->props.rprivs;
    cfg->pasid_bits = on ? s->props.pasid_bits : 0;
    cfg->page_requests = s->props.page_requests == ON_OFF_AUTO_ON ||
                         (s->props.page_requests == ON_OFF_AUTO_AUTO &&
                          on && cfg->device_iotlb);
}

/*
 * posted-interrupts=auto: KVM's routes are messages, and an interrupt that
 * comes by one (vhost) cannot be posted.
 */
static bool decide_posting(NyxVtdState *s)
{
    if (s->props.posted_interrupts != ON_OFF_AUTO_AUTO) {
        return s->props.posted_interrupts == ON_OFF_AUTO_ON;
    }
    return nyx_x86_intremap(X86_IOMMU_DEVICE(s)) && !nyx_x86_kvm();
}

bool nyx_vtd_options_cfg(NyxVtdState *s, NyxVtdCfg *cfg, Error **errp)
{
    X86IOMMUState *x86 = X86_IOMMU_DEVICE(s);
    const char *error;

    *cfg = (NyxVtdCfg) {
        .version = s->props.version,
        .aw_bits = s->props.aw_bits,
        .haw_bits = MIN(MAX(nyx_x86_phys_bits(), 32), 52),
        .fault_records = s->props.fault_records,
        .domain_bits = s->props.domain_bits,
        .mamv = s->props.mamv,
        .mhmv = s->props.mhmv,
        .psi = s->props.psi,
        .queue = s->props.qi,
        .coherent = s->props.coherent,
        .write_buffer = s->props.rwbf,
        .protected_low = s->props.plmr,
        .protected_high = s->props.phmr,
        .zero_length = s->props.zlr,
        .abort_dma = s->props.abort_dma,
        .caching_mode = s->props.caching_mode,
        .device_iotlb = x86->dt_supported,
        .dma_drain = s->props.dma_drain,
        .dma_translation = nyx_option_dma_translation(
            x86, s->props.dma_translation),
        .esirtps = s->props.esirtps,
        .esrtps = s->props.esrtps,
        .intremap = nyx_x86_intremap(x86),
        .no_write_flag = s->props.nwfs,
        .pass_through = nyx_option_pt(x86, s->props.pt),
        .perfmon = s->props.perfmon,
        .posted_interrupts = decide_posting(s),
        .snoop_control = s->props.snoop_control,
        .vcmd = s->props.vcmd,
        .coalesce = s->props.coalesce,
        .cache_seed = s->props.cache_seed,
        .iotlb_entries = s->props.iotlb_entries,
    };
    make_scalable_cfg(s, cfg);
    if (s->props.version > UINT8_MAX) {
        cfg->version = UINT8_MAX;
    }
    if (!nyx_option_cache(s->props.cache, &cfg->cache, errp) ||
        !parse_sslps(s->props.sslps, &cfg->second_lg2, errp) ||
        !nyx_option_x2apic("eim", s->props.eim, cfg->intremap, &cfg->eim,
                           errp)) {
        return false;
    }
    error = nyx_vtd_cfg_error(cfg);
    if (error) {
        error_setg(errp, "%s", error);
    }
    return !error;
}

/* --- Properties ----------------------------------------------------------- */

static const Property properties[] = {
    DEFINE_PROP_BOOL("abort-dma", NyxVtdState, props.abort_dma, false),
    DEFINE_PROP_STRING("andd", NyxVtdState, props.andd),
    DEFINE_PROP_UINT8("aw-bits", NyxVtdState, props.aw_bits, 48),
    DEFINE_PROP_STRING("cache", NyxVtdState, props.cache),
    DEFINE_PROP_UINT64("cache-seed", NyxVtdState, props.cache_seed, 1),
    DEFINE_PROP_BOOL("caching-mode", NyxVtdState, props.caching_mode, false),
    DEFINE_PROP_BOOL("coalesce", NyxVtdState, props.coalesce, true),
    DEFINE_PROP_BOOL("dma-drain", NyxVtdState, props.dma_drain, true),
#ifndef NYX_X86_IOMMU_HAS_DMA_TRANSLATION
    DEFINE_PROP_BOOL("dma-translation", NyxVtdState, props.dma_translation,
                     true),
#endif
    DEFINE_PROP_ON_OFF_AUTO("eim", NyxVtdState, props.eim, ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("esirtps", NyxVtdState, props.esirtps, false),
    DEFINE_PROP_BOOL("esrtps", NyxVtdState, props.esrtps, false),
    DEFINE_PROP_UINT8("fault-records", NyxVtdState, props.fault_records, 8),
    DEFINE_PROP_BOOL("eafs", NyxVtdState, props.eafs, true),
    DEFINE_PROP_BOOL("ers", NyxVtdState, props.ers, true),
    DEFINE_PROP_STRING("findings", NyxVtdState, props.findings),
    DEFINE_PROP_ON_OFF_AUTO("flts", NyxVtdState, props.flts,
                            ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("fs1gp", NyxVtdState, props.fs1gp, true),
    DEFINE_PROP_BOOL("fs5lp", NyxVtdState, props.fs5lp, true),
    DEFINE_PROP_UINT32("iotlb-entries", NyxVtdState, props.iotlb_entries,
                       4096),
    DEFINE_PROP_BOOL("nest", NyxVtdState, props.nest, true),
    DEFINE_PROP_BOOL("nwfs", NyxVtdState, props.nwfs, false),
    DEFINE_PROP_INT64("numa-node", NyxVtdState, props.numa_node, -1),
    DEFINE_PROP_ON_OFF_AUTO("page-requests", NyxVtdState,
                            props.page_requests, ON_OFF_AUTO_AUTO),
    DEFINE_PROP_UINT8("pasid-bits", NyxVtdState, props.pasid_bits, 20),
    DEFINE_PROP_STRING("rmrr", NyxVtdState, props.rmrr),
    DEFINE_PROP_BOOL("rprivs", NyxVtdState, props.rprivs, true),
    DEFINE_PROP_BOOL("rps", NyxVtdState, props.rps, true),
    DEFINE_PROP_STRING("satc", NyxVtdState, props.satc),
    DEFINE_PROP_BOOL("scalable-mode", NyxVtdState, props.scalable_mode,
                     false),
    DEFINE_PROP_STRING("sidp", NyxVtdState, props.sidp),
    DEFINE_PROP_BOOL("snoop-control", NyxVtdState, props.snoop_control, true),
    DEFINE_PROP_BOOL("srs", NyxVtdState, props.srs, true),
    DEFINE_PROP_BOOL("ssads", NyxVtdState, props.ssads, true),
    DEFINE_PROP_BOOL("ssts", NyxVtdState, props.ssts, true),
    DEFINE_PROP_BOOL("coherent", NyxVtdState, props.coherent, true),
    DEFINE_PROP_UINT8("domain-bits", NyxVtdState, props.domain_bits, 16),
    DEFINE_PROP_UINT8("mamv", NyxVtdState, props.mamv, 18),
    DEFINE_PROP_UINT8("mhmv", NyxVtdState, props.mhmv, 15),
    DEFINE_PROP_BOOL("phmr", NyxVtdState, props.phmr, true),
    DEFINE_PROP_BOOL("plmr", NyxVtdState, props.plmr, true),
    DEFINE_PROP_STRING("profile", NyxVtdState, props.profile),
    DEFINE_PROP_BOOL("psi", NyxVtdState, props.psi, true),
    DEFINE_PROP_BOOL("qi", NyxVtdState, props.qi, true),
    DEFINE_PROP_BOOL("rwbf", NyxVtdState, props.rwbf, false),
    DEFINE_PROP_BOOL("smpwcs", NyxVtdState, props.smpwcs, true),
    DEFINE_PROP_STRING("sslps", NyxVtdState, props.sslps),
    DEFINE_PROP_BOOL("zlr", NyxVtdState, props.zlr, true),
    /* As intel-iommu spells them. */
    DEFINE_PROP_ON_OFF_AUTO("x-flts", NyxVtdState, props.flts,
                            ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("x-scalable-mode", NyxVtdState, props.scalable_mode,
                     false),
    DEFINE_PROP_BOOL("perfmon", NyxVtdState, props.perfmon, false),
    DEFINE_PROP_ON_OFF_AUTO("posted-interrupts", NyxVtdState,
                            props.posted_interrupts, ON_OFF_AUTO_AUTO),
#ifndef NYX_X86_IOMMU_HAS_PT
    DEFINE_PROP_BOOL("pt", NyxVtdState, props.pt, true),
#endif
    DEFINE_PROP_STRING("unit1", NyxVtdState, props.unit[1]),
    DEFINE_PROP_STRING("unit2", NyxVtdState, props.unit[2]),
    DEFINE_PROP_STRING("unit3", NyxVtdState, props.unit[3]),
    DEFINE_PROP_STRING("unit4", NyxVtdState, props.unit[4]),
    DEFINE_PROP_STRING("unit5", NyxVtdState, props.unit[5]),
    DEFINE_PROP_STRING("unit6", NyxVtdState, props.unit[6]),
    DEFINE_PROP_STRING("unit7", NyxVtdState, props.unit[7]),
    DEFINE_PROP_BOOL("vcmd", NyxVtdState, props.vcmd, false),
    DEFINE_PROP_UINT32("version", NyxVtdState, props.version, 0),
    DEFINE_PROP_BOOL("x2apic-opt-out", NyxVtdState, props.x2apic_opt_out,
                     false),
};

/* Name and description of every property, the parent's included. */
static const char *const descriptions[][2] = {
    { "abort-dma", "ECAP.ADMS: a mode that refuses all DMA "
      "(default off)" },
    { "andd", "devices of the ACPI namespace, and what they have for "
      "requester id: \\NAME@BUS:SLOT.FN[:...]" },
    { "aw-bits", "widest guest address: 39, 48 or 57 bits (default 48)" },
    { "cache", "hardware: bounded, random eviction (default); sticky: "
      "nothing is ever evicted; off: every access walks the tables" },
    { "cache-seed", "seed of the eviction, so that a run repeats "
      "(default 1)" },
    { "caching-mode", "CAP.CM: not-present entries are cached too; needed "
      "for vfio-pci (default off)" },
    { "coalesce", "contiguous pages are one mapping for vfio-pci (default "
      "on)" },
    NYX_OPTION_DEVICE_IOTLB,
    { "dma-drain", "CAP.DRD and DWD: invalidations drain DMA (default on)" },
    NYX_OPTION_DMA_TRANSLATION,
    { "eim", "ECAP.EIM: x2APIC destinations (default auto: on with "
      "intremap)" },
    { "esirtps", "CAP.ESIRTPS: a new interrupt table flushes the interrupt "
      "entry cache (default off)" },
    { "esrtps", "CAP.ESRTPS: a new root table flushes contexts and IOTLB "
      "(default off)" },
    { "fault-records", "fault-recording registers, 1 to 16 (default 8)" },
    { "eafs", "ECAP.EAFS: extended-accessed bit (default on with flts)" },
    { "ers", "ECAP.ERS: requests to execute (default on with flts)" },
    { "findings", "id of a -chardev for guest mistakes, one JSON object a "
      "line" },
    { "flts", "ECAP.FSTS: first-stage tables (default auto: on with "
      "scalable-mode, without caching-mode)" },
    { "fs1gp", "CAP.FS1GP: first-stage pages of 1 GiB (default on with "
      "flts)" },
    { "fs5lp", "CAP.FS5LP: five levels of first-stage tables (default on "
      "with flts)" },
    NYX_OPTION_INTREMAP,
    { "iotlb-entries", "translations cached per device, 16 to 1048576 "
      "(default 4096)" },
    { "nest", "ECAP.NEST: first stage over second stage (default on with "
      "both)" },
    { "numa-node", "node that the unit is near to, in the DMAR table (default "
      "-1: not told)" },
    { "nwfs", "ECAP.NWFS: a device may ask for a translation that it only "
      "reads with (default off)" },
    { "page-requests", "ECAP.PRS and PDS: devices may ask for pages, PRI "
      "(default auto: on with scalable-mode and device-iotlb)" },
    { "pasid-bits", "ECAP.PSS: width of a PASID, 0 (none) to 20 (default 20 "
      "with scalable-mode)" },
    { "perfmon", "ECAP.PMS: performance counters, and CAP.ECMDS to run them "
      "(default off)" },
    { "posted-interrupts", "CAP.PI: interrupt entries in posted format "
      "(default auto: on with intremap, except under KVM)" },
    NYX_OPTION_PT,
    { "rmrr", "ID[+ID...]@BASE-LIMIT[:...]: memory reserved for devices, as "
      "in rmrr=nic0@0x3f000000-0x3f0fffff" },
    { "rprivs", "ECAP.RPRIVS: requests without a PASID may be privileged "
      "(default on with srs)" },
    { "rps", "ECAP.RPS: RID_PASID may be set (default on with "
      "scalable-mode)" },
    { "satc", "ID[@optional][:...]: devices of the SoC that use ATS, in the "
      "DMAR table" },
    { "scalable-mode", "ECAP.SMTS: PASIDs and two stages (default off)" },
    { "sidp", "ID[@FLAGS][:...]: properties of devices of the SoC, in the DMAR "
      "table" },
    { "snoop-control", "ECAP.SC: snoop bit in paging entries (default on)" },
    { "srs", "ECAP.SRS: privileged requests (default on with flts)" },
    { "ssads", "ECAP.SSADS: accessed and dirty in second-stage tables "
      "(default on with ssts)" },
    { "ssts", "ECAP.SSTS: second-stage tables in scalable mode (default on "
      "with scalable-mode)" },
    { "unit1", "ID[:ID...]: root ports and devices with a remapping unit of "
      "their own" },
    { "unit2", "the same for one unit more" },
    { "unit3", "the same for one unit more" },
    { "unit4", "the same for one unit more" },
    { "unit5", "the same for one unit more" },
    { "unit6", "the same for one unit more" },
    { "unit7", "the same for one unit more" },
    { "vcmd", "ECAP.VCS: virtual commands hand out PASIDs (default off)" },
    { "version", "VER register, 0x10 to 0x5f (default 0: version 1.0)" },
    { "x2apic-opt-out", "ask the guest not to use x2APIC, in the DMAR table "
      "(default off)" },
    { "x-flts", "the same as flts" },
    { "x-scalable-mode", "the same as scalable-mode" },
    { "coherent", "ECAP.C: tables are read through the caches, so software "
      "need not write them back (default on)" },
    { "domain-bits", "CAP.ND: width of a domain id, 4 to 16, even (default "
      "16)" },
    { "mamv", "CAP.MAMV: page-selective invalidations reach 2^N pages "
      "(default 18)" },
    { "mhmv", "ECAP.MHMV: interrupt-entry invalidations reach 2^N entries "
      "(default 15)" },
    { "phmr", "CAP.PHMR: protected memory above 4 GiB (default on)" },
    { "plmr", "CAP.PLMR: protected memory below 4 GiB (default on)" },
    { "profile", "a set of options like a real part: default, minimal, "
      "client, server, everything" },
    { "psi", "CAP.PSI: page-selective invalidation (default on)" },
    { "qi", "ECAP.QI: invalidation queue (default on)" },
    { "rwbf", "CAP.RWBF: software has to flush write buffers (default off)" },
    { "smpwcs", "ECAP.SMPWCS: scalable-mode tables are read through the "
      "caches (default on with scalable-mode)" },
    { "sslps", "CAP.SSLPS: largest second-stage page, 4k, 2m or 1g (default "
      "1g)" },
    { "zlr", "CAP.ZLR: zero-length reads of pages that may only be written "
      "(default on)" },
};

/* intel-iommu's names of our options. */
static const char *const aliases[][2] = {
    { "x-scalable-mode", "scalable-mode" },
    { "x-flts", "flts" },
};

static const NyxOptions options = {
    .type = TYPE_NYX_VTD,
    .given = offsetof(NyxVtdState, given),
    .descriptions = descriptions,
    .n_descriptions = ARRAY_SIZE(descriptions),
    .aliases = aliases,
    .n_aliases = ARRAY_SIZE(aliases),
    .profile_names = profile_names,
    .profiles = profiles,
};

void nyx_vtd_options_init(NyxVtdState *s)
{
    nyx_options_init(OBJECT(s), &options);
}

bool nyx_vtd_options_preset(NyxVtdState *s, Error **errp)
{
    X86IOMMUState *x86 = X86_IOMMU_DEVICE(s);

    if (!nyx_options_preset(OBJECT(s), &options, s->props.profile, errp)) {
        return false;
    }
    /* intremap=auto: remapping needs the queue. */
    if (x86->intr_supported == ON_OFF_AUTO_AUTO && !s->props.qi) {
        x86->intr_supported = ON_OFF_AUTO_OFF;
    }
    return true;
}

void nyx_vtd_options_class_init(ObjectClass *oc)
{
    device_class_set_props(DEVICE_CLASS(oc), properties);
    nyx_options_class_init(oc, &options);
}
