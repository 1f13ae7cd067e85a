/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices of the host (vfio-pci): what their IOMMUs cannot translate is a
 * reserved region of the endpoint, and pages that they do not have are not
 * offered.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/virtio-iommu-ext/host.h"

typedef struct Host {
    HostIOMMUDevice *hiod;
    NyxVioRequester *r;
    GArray *regions;         /* NyxVioRegion: sorted and disjoint */
} Host;

/* With too many of them, those that are closest to each other become one. */
static void bound(GArray *regions)
{
    while (regions->len > NVIO_REGIONS_MAX) {
        NyxVioRegion *all = (NyxVioRegion *)regions->data;
        unsigned best = 1;

        for (unsigned i = 2; i < regions->len; i++) {
            if (all[i].first - all[i - 1].last <
                all[best].first - all[best - 1].last) {
                best = i;
            }
        }
        all[best - 1].last = all[best].last;
        g_array_remove_index(regions, best);
    }
}

static void add_region(GArray *regions, uint64_t first, uint64_t last)
{
    const NyxVioRegion region = { first, last, NVIO_RESV_MEM_RESERVED };

    g_array_append_val(regions, region);
}

static gint ranges_by_first(gconstpointer a, gconstpointer b)
{
    uint64_t left = range_lob((Range *)a), right = range_lob((Range *)b);

    return left < right ? -1 : left > right;
}

/* What no range of the host's has, up to @last; @ranges is freed. */
static void add_holes(GArray *regions, GList *ranges, uint64_t last)
{
    uint64_t next = 0;

    ranges = g_list_sort(ranges, ranges_by_first);
    for (GList *l = ranges; l; l = l->next) {
        uint64_t first = range_lob(l->data);

        if (first > next) {
            add_region(regions, next, MIN(first - 1, last));
        }
        if (range_upb(l->data) >= last) {
            g_list_free_full(ranges, g_free);
            return;
        }
        next = MAX(next, range_upb(l->data) + 1);
    }
    add_region(regions, next, last);
    g_list_free_full(ranges, g_free);
}

static bool find_regions(NyxVioState *s, Host *host, Error **errp)
{
    HostIOMMUDeviceClass *hc = HOST_IOMMU_DEVICE_GET_CLASS(host->hiod);
    uint8_t bits = nyx_vio_cfg(s->engine)->input_bits;
    uint64_t last = bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
    GList *ranges = hc->get_iova_ranges ? hc->get_iova_ranges(host->hiod)
                                        : NULL;
    int width = 0;

    /* Old kernels tell of none. */
    if (ranges) {
        add_holes(host->regions, ranges, last);
    }
    if (hc->get_cap) {
        width = hc->get_cap(host->hiod, HOST_IOMMU_DEVICE_CAP_AW_BITS, errp);
        if (width < 0) {
            return false;
        }
    }
    if (width && width < bits) {
        add_region(host->regions, 1ULL << width, last);
    }
    nyx_vio_regions_join(host->regions);
    bound(host->regions);
    return true;
}

static bool narrow(NyxVioState *s, uint64_t mask)
{
    bool narrowed = nyx_vio_narrow(s->engine, mask);

    if (narrowed) {
        nyx_vio_config_sync(s);
    }
    return narrowed;
}

/*
 * A host maps what the driver does in pages that are not larger than ours; the
 * larger ones that we offer are for speed.
 */
static bool check_pages(NyxVioState *s, HostIOMMUDevice *hiod, Error **errp)
{
    HostIOMMUDeviceClass *hc = HOST_IOMMU_DEVICE_GET_CLASS(hiod);
    uint64_t ours = nyx_vio_cfg(s->engine)->page_size_mask;
    uint64_t theirs = hc->get_page_size_mask ? hc->get_page_size_mask(hiod)
                                             : UINT64_MAX;
    uint64_t granule = ours & -ours, smallest = theirs & -theirs;
    bool free = !s->driver_ok && !s->config_seen;

    if (smallest <= granule) {
        if (free && (granule & theirs)) {
            narrow(s, theirs);
        }
        return true;
    }
    if (free && narrow(s, theirs)) {
        return true;
    }
    error_setg(errp, "the host's IOMMU has no pages of less than %" PRIu64
               "k for this device, and the guest knows that there are some of "
               "%" PRIu64 "k: set granule of %s, or give it the device from "
               "the start", smallest >> 10, granule >> 10, TYPE_NYX_VIO_PCI);
    return false;
}

static void host_free(Host *host)
{
    g_array_free(host->regions, TRUE);
}

void nyx_vio_hosts_init(NyxVioState *s)
{
    s->hosts = g_array_new(FALSE, FALSE, sizeof(Host));
}

bool nyx_vio_host_add(NyxVioState *s, NyxVioRequester *r,
                      HostIOMMUDevice *hiod, Error **errp)
{
    Host host = {
        .hiod = hiod,
        .r = r,
        .regions = g_array_new(FALSE, FALSE, sizeof(NyxVioRegion)),
    };

    if (!find_regions(s, &host, errp) || !check_pages(s, hiod, errp)) {
        host_free(&host);
        return false;
    }
    g_array_append_val(s->hosts, host);
    nyx_vio_requesters_moved(s->engine);
    return true;
}

void nyx_vio_host_remove(NyxVioState *s, HostIOMMUDevice *hiod)
{
    for (unsigned i = 0; i < s->hosts->len; i++) {
        Host *host = &g_array_index(s->hosts, Host, i);

        if (host->hiod == hiod) {
            host_free(host);
            g_array_remove_index_fast(s->hosts, i);
            nyx_vio_requesters_moved(s->engine);
            return;
        }
    }
}

unsigned nyx_vio_host_regions(NyxVioState *s, uint32_t id,
                              NyxVioRegion *regions)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(NyxVioRegion));

    for (unsigned i = 0; i < s->hosts->len; i++) {
        const Host *host = &g_array_index(s->hosts, Host, i);
        uint16_t sid;

        if (nyx_dma_device_find_sid(nyx_vio_requester_opaque(host->r),
                                    &sid) && sid == id) {
            g_array_append_vals(all, host->regions->data, host->regions->len);
        }
    }
    nyx_vio_regions_join(all);
    bound(all);
    if (all->len) {
        memcpy(regions, all->data, all->len * sizeof(*regions));
    }
    return all->len;
}
