/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host can translate: see host-spans.h.
 */
#include "qemu/osdep.h"
#include "qemu/range.h"
#include "hw/nyx-iommu/host-spans.h"

static gint by_first(gconstpointer a, gconstpointer b)
{
    const NyxSpan *left = a, *right = b;

    return left->first < right->first ? -1 : left->first > right->first;
}

GArray *nyx_host_spans_new(HostIOMMUDevice *hiod)
{
    HostIOMMUDeviceClass *hc = HOST_IOMMU_DEVICE_GET_CLASS(hiod);
    GList *ranges = hc->get_iova_ranges ? hc->get_iova_ranges(hiod) : NULL;
    GArray *spans;

    if (!ranges) {
        return NULL;
    }
    spans = g_array_new(FALSE, FALSE, sizeof(NyxSpan));
    for (GList *l = ranges; l; l = l->next) {
        const NyxSpan span = { range_lob(l->data), range_upb(l->data) };

        g_array_append_val(spans, span);
    }
    g_list_free_full(ranges, g_free);
    g_array_sort(spans, by_first);
    return spans;
}

static void append_both(GArray *both, const NyxSpan *span, const GArray *b)
{
    uint64_t first = span->first;
    NyxSpan part;

    while (nyx_spans_next(b, first, span->last, &part)) {
        g_array_append_val(both, part);
        if (part.last == span->last) {
            return;
        }
        first = part.last + 1;
    }
}

GArray *nyx_spans_both(GArray *a, const GArray *b)
{
    GArray *both = g_array_new(FALSE, FALSE, sizeof(NyxSpan));
    const NyxSpan all = { 0, UINT64_MAX };

    if (!a) {
        append_both(both, &all, b);
        return both;
    }
    for (unsigned i = 0; i < a->len; i++) {
        append_both(both, &g_array_index(a, NyxSpan, i), b);
    }
    g_array_free(a, TRUE);
    return both;
}

bool nyx_spans_next(const GArray *spans, uint64_t first, uint64_t last,
                    NyxSpan *part)
{
    if (!spans) {
        *part = (NyxSpan) { first, last };
        return first <= last;
    }
    for (unsigned i = 0; i < spans->len; i++) {
        const NyxSpan *span = &g_array_index(spans, NyxSpan, i);

        part->first = MAX(span->first, first);
        part->last = MIN(span->last, last);
        if (part->first <= part->last) {
            return true;
        }
    }
    return false;
}
