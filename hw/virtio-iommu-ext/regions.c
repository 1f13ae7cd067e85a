/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reserved regions (5.13.6.8): those of all endpoints, and each one's own.
 */
#include "qemu/osdep.h"
#include "hw/virtio-iommu-ext/internal.h"

static gint by_first(gconstpointer a, gconstpointer b)
{
    const NyxVioRegion *left = a, *right = b;

    return left->first < right->first ? -1 : left->first > right->first;
}

void nyx_vio_regions_sort(NyxVioRegion *regions, unsigned n)
{
    qsort(regions, n, sizeof(*regions), by_first);
}

void nyx_vio_regions_join(GArray *regions)
{
    unsigned kept = 0;

    g_array_sort(regions, by_first);
    for (unsigned i = 0; i < regions->len; i++) {
        const NyxVioRegion *region = &g_array_index(regions, NyxVioRegion, i);
        NyxVioRegion *last = &g_array_index(regions, NyxVioRegion, kept - 1);

        if (kept && (last->last == UINT64_MAX ||
                     region->first <= last->last + 1)) {
            last->last = MAX(last->last, region->last);
        } else {
            g_array_index(regions, NyxVioRegion, kept++) = *region;
        }
    }
    g_array_set_size(regions, kept);
}

/* What of @region no region in @of holds, as reserved ones. */
static unsigned add_rest(NyxVioRegion *regions, unsigned n,
                         NyxVioRegion region, const NyxVioRegion *of,
                         unsigned n_of)
{
    region.subtype = NVIO_RESV_MEM_RESERVED;
    for (unsigned i = 0; i < n_of && n < NVIO_REGIONS_ALL; i++) {
        if (of[i].last < region.first || of[i].first > region.last) {
            continue;
        }
        if (of[i].first > region.first) {
            regions[n] = region;
            regions[n++].last = of[i].first - 1;
        }
        if (of[i].last >= region.last) {
            return n;
        }
        region.first = of[i].last + 1;
    }
    if (n < NVIO_REGIONS_ALL) {
        regions[n++] = region;
    }
    return n;
}

unsigned nyx_vio_own_regions(NyxVio *vio, uint32_t endpoint,
                             NyxVioRegion regions[NVIO_REGIONS_MAX])
{
    return vio->host.regions(vio->host.opaque, endpoint, regions);
}

unsigned nyx_vio_regions(NyxVio *vio, uint32_t endpoint,
                         NyxVioRegion regions[NVIO_REGIONS_ALL])
{
    const NyxVioCfg *cfg = &vio->cfg;
    NyxVioRegion own[NVIO_REGIONS_MAX];
    unsigned n_own = nyx_vio_own_regions(vio, endpoint, own);
    unsigned n = cfg->n_regions;

    memcpy(regions, cfg->regions, n * sizeof(*regions));
    for (unsigned i = 0; i < n_own; i++) {
        n = add_rest(regions, n, own[i], cfg->regions, cfg->n_regions);
    }
    nyx_vio_regions_sort(regions, n);
    return n;
}
