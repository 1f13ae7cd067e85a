/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-testdev as if it were a device of the host, as vfio-pci's are: it tells
 * its IOMMU the address width, the page sizes and the address ranges that the
 * host's IOMMU has.
 */
#include "qemu/osdep.h"
#include "qemu/range.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/acpi-options.h"
#include "testdev.h"

#define TYPE_NYX_TESTDEV_HOST "nyx-testdev-host"

static int host_get_cap(HostIOMMUDevice *hiod, int cap, Error **errp)
{
    const NyxTestdevState *s = hiod->agent;

    if (cap == HOST_IOMMU_DEVICE_CAP_AW_BITS) {
        return s->host_aw_bits;
    }
    error_setg(errp, "nyx-testdev: capability %d is not known", cap);
    return -EINVAL;
}

/* What an old kernel says, if the option is not there. */
static GList *host_get_iova_ranges(HostIOMMUDevice *hiod)
{
    const NyxTestdevState *s = hiod->agent;
    g_auto(GStrv) items = g_strsplit(s->host_ranges ?: "", "+", -1);
    GList *ranges = NULL;

    for (char **item = items; *item; item++) {
        Range *range = g_new0(Range, 1);
        uint64_t first, last;

        nyx_parse_pages(*item, &first, &last);
        range_set_bounds(range, first, last);
        ranges = g_list_prepend(ranges, range);
    }
    return ranges;
}

static uint64_t host_get_page_size_mask(HostIOMMUDevice *hiod)
{
    const NyxTestdevState *s = hiod->agent;

    return s->host_pages ? s->host_pages : -4096ull;
}

static bool check_ranges(const char *text, Error **errp)
{
    g_auto(GStrv) items = g_strsplit(text ?: "", "+", -1);
    uint64_t first, last;

    for (char **item = items; *item; item++) {
        if (!nyx_parse_pages(*item, &first, &last)) {
            error_setg(errp, "nyx-testdev: host-ranges is "
                       "FIRST-LAST[+FIRST-LAST...], whole pages");
            return false;
        }
    }
    return true;
}

bool nyx_testdev_host_init(NyxTestdevState *s, Error **errp)
{
    if (!s->host_aw_bits) {
        return true;
    }
    if (!check_ranges(s->host_ranges, errp)) {
        return false;
    }
    s->host = HOST_IOMMU_DEVICE(object_new(TYPE_NYX_TESTDEV_HOST));
    s->host->agent = s;
    if (!pci_device_set_iommu_device(PCI_DEVICE(s), s->host, errp)) {
        object_unref(OBJECT(s->host));
        s->host = NULL;
        return false;
    }
    return true;
}

void nyx_testdev_host_exit(NyxTestdevState *s)
{
    if (s->host) {
        pci_device_unset_iommu_device(PCI_DEVICE(s));
        object_unref(OBJECT(s->host));
        s->host = NULL;
    }
}

static void host_class_init(ObjectClass *oc, NyxClassData *data)
{
    HostIOMMUDeviceClass *hc = HOST_IOMMU_DEVICE_CLASS(oc);

    hc->get_cap = host_get_cap;
    hc->get_iova_ranges = host_get_iova_ranges;
    hc->get_page_size_mask = host_get_page_size_mask;
}

static const TypeInfo host_info = {
    .name = TYPE_NYX_TESTDEV_HOST,
    .parent = TYPE_HOST_IOMMU_DEVICE,
    .class_init = host_class_init,
};

void nyx_testdev_host_register_types(void)
{
    type_register_static(&host_info);
}
