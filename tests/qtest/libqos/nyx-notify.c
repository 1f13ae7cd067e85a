/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an endpoint's cache holds and what listeners are told: see
 * nyx-notify.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-notify.h"

#define UNMAP   1           /* IOMMU_NOTIFIER_UNMAP */

const unsigned nyx_atc_pages[NYX_ATC_PAGES] = { 0, 1, 2, 3, 4, 7, 8, 511, 512 };

/* Bit n for nyx_atc_pages[n] in the device's cache. */
uint32_t nyx_atc_held(const NyxTestdev *td, uint64_t base)
{
    uint32_t held = 0;

    for (unsigned i = 0; i < NYX_TD_ATC_ENTRIES_VALUE; i++) {
        uint64_t iova;

        nyx_td_w32(td, NYX_TD_ATC_INDEX, i);
        if (!(nyx_td_r32(td, NYX_TD_ATC_ACCESS) & NYX_TD_ATC_ACCESS_VALID)) {
            continue;
        }
        iova = nyx_td_r64(td, NYX_TD_ATC_IOVA);
        for (unsigned n = 0; n < NYX_ATC_PAGES; n++) {
            held |= (uint32_t)(iova == base + nyx_atc_pages[n] * NYX_PAGE) << n;
        }
    }
    return held;
}

void nyx_atc_fill(const NyxTestdev *td, uint64_t base)
{
    NyxTdAnswer answer;

    nyx_td_w32(td, NYX_TD_ATC_CTRL, NYX_TD_ATC_FLUSH);
    for (unsigned n = 0; n < NYX_ATC_PAGES; n++) {
        NYX_CHECK("translate",
                  nyx_td_translate(td, base + nyx_atc_pages[n] * NYX_PAGE, -1,
                                   &answer), NYX_TD_ST_OK);
    }
    NYX_CHECK("filled", nyx_atc_held(td, base), 0x1ff);
}

GArray *nyx_told_new(NyxLog *log)
{
    GArray *events = g_array_new(FALSE, TRUE, sizeof(NyxTold));
    g_auto(GStrv) lines = nyx_log_more(log);

    for (unsigned i = 0; lines[i]; i++) {
        const char *at = strstr(lines[i], "nyx_iommu_notify sid");
        NyxTold e;

        if (at && sscanf(at, "nyx_iommu_notify sid %x iova %" SCNx64
                         " mask %" SCNx64 " type %u", &e.sid, &e.first,
                         &e.mask, &e.type) == 4) {
            g_array_append_val(events, e);
        }
    }
    return events;
}

void nyx_told_check(const char *row, const GArray *events, uint16_t sid,
                    uint64_t first, uint64_t last)
{
    const uint64_t window[2] = { 0xfee00000, 0xfeefffff };
    uint64_t next[2] = { MAX(first, window[1] + 1), first };

    /* One notifier for what is above the window and one for what is below. */
    for (unsigned i = 0; i < events->len; i++) {
        const NyxTold *e = &g_array_index(events, NyxTold, i);
        bool below = e->first < window[0];

        if (e->sid != sid || e->type != UNMAP) {
            continue;
        }
        NYX_CHECK(row, e->mask & (e->mask + 1), 0);
        NYX_CHECK(row, e->first & e->mask, 0);
        NYX_CHECK(row, e->first, next[below]);
        next[below] = e->first + e->mask + 1;
    }
    if (last < first) {
        NYX_CHECK(row, next[1], first);
        NYX_CHECK(row, next[0], MAX(first, window[1] + 1));
    } else {
        NYX_CHECK(row, next[1], first < window[0] ?
                  MIN(last, window[0] - 1) + 1 : first);
        NYX_CHECK(row, next[0], last > window[1] ? last + 1
                                                 : window[1] + 1);
    }
}

void nyx_told_all(const char *row, NyxLog *log, uint16_t sid)
{
    GArray *events = nyx_told_new(log);

    nyx_told_check(row, events, sid, NYX_TOLD_ALL);
    g_array_free(events, TRUE);
}
