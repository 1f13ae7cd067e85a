/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices of the host (vfio-pci): what their IOMMUs cannot translate is a
 * reserved region of the endpoint, and pages that they do not have are not
 * offered.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/host-spans.h"
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

/* What no span of the host's has, up to @last. */
static void add_holes(GArray *regions, const GArray *spans, uint64_t last)
{
    uint64_t next = 0;

    for (unsigned i = 0; i < spans->len; i++) {
        const NyxSpan *span = &g_array_index(spans, NyxSpan, i);

        if (span->first > next) {
            add_region(regions, next, MIN(span->first - 1, last));
        }
        if (span->last >= last) {
            return;
        }
        next = MAX(next, span->last + 1);
    }
    add_region(regions, next, last);
}

static bool find_regions(NyxVioState *s, Host *host, Error **errp)
{
    HostIOMMUDeviceClass *hc = HOST_IOMMU_DEVICE_GET_CLASS(host->hiod);
    uint8_t bits = nyx_vio_cfg(s->engine)->input_bits;
    uint64_t last = bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
    g_autoptr(GArray) spans = nyx_host_spans_new(host->hiod);
    int width = 0;

    if (spans) {
        add_holes(host->regions, spans, last);
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
