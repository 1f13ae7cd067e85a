/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of nyx-virtio-iommu-pci, and the configuration of the engine
 * that comes of them.
 */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/nyx-iommu/options.h"
#include "hw/nyx-iommu/props.h"
#include "hw/nyx-iommu/x86.h"
#include "hw/virtio-iommu-ext/viommu.h"

/* Configuration changes, requests, events. */
#define VECTORS 3

/* --- Configuration -------------------------------------------------------- */

static bool make_granule(const NyxVioState *s, NyxVioCfg *cfg, Error **errp)
{
    switch (s->props->granule) {
    case GRANULE_MODE_4K:
        cfg->page_size_mask = -(4ULL << 10);
        return true;
    case GRANULE_MODE_8K:
        cfg->page_size_mask = -(8ULL << 10);
        return true;
    case GRANULE_MODE_16K:
        cfg->page_size_mask = -(16ULL << 10);
        return true;
    case GRANULE_MODE_64K:
        cfg->page_size_mask = -(64ULL << 10);
        return true;
    case GRANULE_MODE_HOST:
        cfg->page_size_mask = -(uint64_t)qemu_real_host_page_size();
        return true;
    default:
        error_setg(errp, "granule: use 4k, 8k, 16k, 64k or host");
        return false;
    }
}

/* Where messages go on a PC; software has to know. */
static bool add_msi(NyxVioCfg *cfg, Error **errp)
{
    const NyxVioRegion msi = {
        NYX_INTR_BASE, NYX_INTR_BASE + NYX_INTR_SIZE - 1, NVIO_RESV_MEM_MSI,
    };

    for (unsigned i = 0; i < cfg->n_regions; i++) {
        const NyxVioRegion *region = &cfg->regions[i];

        if (region->first <= msi.first && region->last >= msi.last) {
            return true;
        }
        if (region->first <= msi.last && region->last >= msi.first) {
            error_setg(errp, "reserved-regions: a region has a part of "
                       "0xfee00000:0xfeefffff, where interrupts go: leave it "
                       "out, or give all of it as 0xfee00000:0xfeefffff:1");
            return false;
        }
        if (region->subtype == NVIO_RESV_MEM_MSI) {
            error_setg(errp, "reserved-regions: interrupts of a PC go to "
                       "0xfee00000:0xfeefffff: use type 0 elsewhere");
            return false;
        }
    }
    if (cfg->n_regions == NVIO_REGIONS_MAX) {
        error_setg(errp, "reserved-regions: there is room for %u",
                   NVIO_REGIONS_MAX - 1);
        return false;
    }
    cfg->regions[cfg->n_regions++] = msi;
    return true;
}

static bool make_regions(const NyxVioState *s, NyxVioCfg *cfg, Error **errp)
{
    if (s->props->n_regions > NVIO_REGIONS_MAX) {
        error_setg(errp, "reserved-regions: there is room for %u",
                   NVIO_REGIONS_MAX);
        return false;
    }
    cfg->n_regions = s->props->n_regions;
    if (cfg->n_regions) {
        memcpy(cfg->regions, s->props->regions,
               cfg->n_regions * sizeof(*cfg->regions));
    }
    if (s->on_pc && !add_msi(cfg, errp)) {
        return false;
    }
    nyx_vio_regions_sort(cfg->regions, cfg->n_regions);
    return true;
}

bool nyx_vio_options_cfg(const NyxVioState *s, NyxVioCfg *cfg, Error **errp)
{
    const NyxVioProps *props = s->props;
    const char *error;

    *cfg = (NyxVioCfg) {
        .input_bits = props->aw_bits,
        .boot_bypass = props->boot_bypass,
        .device_iotlb = props->device_iotlb,
        .max_domains = props->max_domains,
        .max_mappings = props->max_mappings,
        .attach_table = props->attach_table,
        .pasid = props->pasid,
        .page_requests = props->page_requests,
        .pasid_bits = props->pasid_bits,
        .addr_bits = s->on_pc ? MIN(MAX(nyx_x86_phys_bits(), 32), 52) : 52,
        .coalesce = props->coalesce,
        .cache_seed = props->cache_seed,
        .iotlb_entries = props->iotlb_entries,
    };
    if (!make_granule(s, cfg, errp) || !make_regions(s, cfg, errp) ||
        !nyx_option_cache(props->cache, &cfg->cache, errp)) {
        return false;
    }
    error = nyx_vio_cfg_error(cfg);
    if (error) {
        error_setg(errp, "%s", error);
    }
    return !error;
}

/* --- START:END:TYPE ------------------------------------------------------- */

static bool parse_region(const char *text, NyxVioRegion *region)
{
    const char *end;
    unsigned type;

    if (qemu_strtou64(text, &end, 16, &region->first) || *end != ':' ||
        qemu_strtou64(end + 1, &end, 16, &region->last) || *end != ':' ||
        qemu_strtoui(end + 1, NULL, 10, &type) || type > NVIO_RESV_MEM_MSI) {
        return false;
    }
    region->subtype = type;
    return region->first <= region->last;
}

/* QEMU's own type of such properties asserts that the end is not too low. */
static void set_region(Object *obj, Visitor *v, const char *name,
                       void *opaque, Error **errp)
{
    NyxVioRegion *region = object_field_prop_ptr(obj, opaque);
    g_autofree char *text = NULL;

    if (visit_type_str(v, name, &text, errp) && !parse_region(text, region)) {
        error_setg(errp, "reserved-regions: \"%s\" is not START:END:TYPE, "
                   "hexadecimal addresses of the first and the last byte and "
                   "0 (reserved) or 1 (MSI)", text);
    }
}

static void get_region(Object *obj, Visitor *v, const char *name,
                       void *opaque, Error **errp)
{
    const NyxVioRegion *region = object_field_prop_ptr(obj, opaque);
    g_autofree char *text = g_strdup_printf("0x%" PRIx64 ":0x%" PRIx64 ":%u",
                                            region->first, region->last,
                                            region->subtype);

    visit_type_str(v, name, &text, errp);
}

static const PropertyInfo region_info = {
    .type = "str",
    .get = get_region,
    .set = set_region,
};

/* --- Properties ----------------------------------------------------------- */

#define BOOL(name, member, value) \
    DEFINE_PROP_BOOL(name, NyxVioPci, props.member, value)
#define UINT8(name, member, value) \
    DEFINE_PROP_UINT8(name, NyxVioPci, props.member, value)
#define UINT32(name, member, value) \
    DEFINE_PROP_UINT32(name, NyxVioPci, props.member, value)
#define STRING(name, member) \
    DEFINE_PROP_STRING(name, NyxVioPci, props.member)

static const Property properties[] = {
    UINT8("aw-bits", aw_bits, 48),
    BOOL("boot-bypass", boot_bypass, true),
    STRING("cache", cache),
    DEFINE_PROP_UINT64("cache-seed", NyxVioPci, props.cache_seed, 1),
    DEFINE_PROP_UINT32("class", NyxVioPci, parent_obj.class_code, 0),
    BOOL("coalesce", coalesce, true),
    BOOL("device-iotlb", device_iotlb, false),
    STRING("endpoints", endpoints),
    UINT32("event-delay", event_delay, 250),
    STRING("findings", findings),
    DEFINE_PROP_GRANULE_MODE("granule", NyxVioPci, props.granule,
                             GRANULE_MODE_HOST),
    UINT32("iotlb-entries", iotlb_entries, 4096),
    UINT32("max-domains", max_domains, NVIO_DOMAINS_MAX),
    UINT32("max-mappings", max_mappings, 4194304),
    DEFINE_PROP_ARRAY("reserved-regions", NyxVioPci, props.n_regions,
                      props.regions, region_info, NyxVioRegion),
    DEFINE_PROP_UINT32("vectors", NyxVioPci, parent_obj.nvectors, VECTORS),
    BOOL("x-attach-table", attach_table, false),
    BOOL("x-page-requests", page_requests, false),
    BOOL("x-pasid", pasid, false),
    UINT8("x-pasid-bits", pasid_bits, 16),
};

static const char *const descriptions[][2] = {
    { "aw-bits", "width of addresses that can be mapped, 32 to 64 bits "
      "(default 48)" },
    { "boot-bypass", "until a driver says otherwise, memory is open to "
      "devices; firmware needs that to boot (default on)" },
    { "cache", "hardware: bounded, random eviction (default); sticky: "
      "nothing is ever evicted; off: every access looks mappings up" },
    { "cache-seed", "seed of the eviction, so that a run repeats "
      "(default 1)" },
    { "class", "class code of the PCI function (default 0: other)" },
    { "coalesce", "contiguous mappings are one for vfio-pci (default on)" },
    { "device-iotlb", "devices may cache translations, ATS (default off)" },
    { "endpoints", "what is behind the device, ITEM[+ITEM...]: ids of "
      "devices and bridges, names of buses, BUS:SLOT.FN (default: "
      "everything)" },
    { "event-delay", "milliseconds after the driver is ready until faults "
      "are reported: Linux up to 6.12 crashes on early ones (default 250)" },
    { "findings", "id of a -chardev for guest mistakes, one JSON object a "
      "line" },
    { "granule", "smallest page: 4k, 8k, 16k, 64k or host (default host)" },
    { "iotlb-entries", "translations cached for each function (default "
      "4096)" },
    { "max-domains", "domains that the driver can have, 1 to 65535 (default "
      "65535)" },
    { "max-mappings", "mappings of all domains, 1 to 67108864 (default "
      "4194304)" },
    { "reserved-regions", "a list of START:END:TYPE, both hexadecimal, with "
      "type 0 (reserved) or 1 (MSI)" },
    { "vectors", "MSI-X vectors; 0: INTx (default 3)" },
    { "x-attach-table", "draft: page tables of the guest's own (default "
      "off)" },
    { "x-page-requests", "draft: devices may ask for pages, PRI (default "
      "off; needs x-attach-table)" },
    { "x-pasid", "draft: page tables for each PASID (default off; needs "
      "x-attach-table)" },
    { "x-pasid-bits", "draft: width of a PASID, 1 to 20 (default 16)" },
};

void nyx_vio_options_class_init(ObjectClass *oc)
{
    device_class_set_props(DEVICE_CLASS(oc), properties);
    for (unsigned i = 0; i < ARRAY_SIZE(descriptions); i++) {
        nyx_describe_property(oc, descriptions[i][0], descriptions[i][1]);
    }
}
