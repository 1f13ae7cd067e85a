/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who else has to forget a translation: the cache of an endpoint with ATS, and
 * listeners such as vhost.  For any model.
 */
#ifndef TESTS_LIBQOS_NYX_NOTIFY_H
#define TESTS_LIBQOS_NYX_NOTIFY_H

#include "libqos/nyx-pc.h"

/* --- The test device's cache ---------------------------------------------- */

/* Pages above a base that it asks a translation for. */
#define NYX_ATC_PAGES 9
extern const unsigned nyx_atc_pages[NYX_ATC_PAGES];

/* Ask for all of them. */
void nyx_atc_fill(const NyxTestdev *td, uint64_t base);
/* Bit n for nyx_atc_pages[n] in the cache. */
uint32_t nyx_atc_held(const NyxTestdev *td, uint64_t base);

/* --- Events --------------------------------------------------------------- */

/* An event, as the trace nyx_iommu_notify has it. */
typedef struct NyxTold {
    unsigned sid;
    uint64_t first;
    uint64_t mask;
    unsigned type;
} NyxTold;

/* NyxTold of those that were sent since the last time. */
GArray *nyx_told_new(NyxLog *log);

/*
 * What @sid was told covers [@first, @last] but for the interrupt range,
 * exactly, from low to high, in naturally aligned powers of two.  Nothing at
 * all if @last is below @first.
 */
void nyx_told_check(const char *row, const GArray *events, uint16_t sid,
                    uint64_t first, uint64_t last);
#define NYX_TOLD_NOTHING 1, 0
#define NYX_TOLD_ALL 0, UINT64_MAX

/* That it is NYX_TOLD_ALL what @sid was told since the last time. */
void nyx_told_all(const char *row, NyxLog *log, uint16_t sid);

#endif
