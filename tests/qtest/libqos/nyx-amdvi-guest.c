/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest tables of nyx-amdvi from a qtest: see nyx-amdvi-guest.h.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "libqos/nyx-amdvi-guest.h"

#define ADDR_MASK   0x000ffffffffff000ull

QAmdGuest qamd_guest(QAmd *v, unsigned glx, unsigned levels)
{
    return (QAmdGuest) {
        .v = v,
        .gcr3 = nyx_pc_pages(v->pc, 1),
        .glx = glx,
        .levels = levels,
    };
}

/* The root is in three pieces: bits 14:12, 30:15 and 51:31. */
void qamd_guest_attach(const QAmdGuest *guest, uint16_t sid, uint16_t did,
                       uint64_t w0, uint64_t w1)
{
    uint64_t root = guest->gcr3;

    qamd_set_dte_word(guest->v, sid, 2,
                      (qamd_dte_word(guest->v, sid, 2) & ~(3ull << 54)) |
                      (uint64_t)(guest->levels - 4) << 54);
    qamd_set_dte_word(guest->v, sid, 1, did |
                      extract64(root, 15, 16) << 16 |
                      extract64(root, 31, 21) << 43 | w1);
    qamd_set_dte_word(guest->v, sid, 0, QAMD_V_TV | QAMD_RW | QAMD_DTE0_GV |
                      (uint64_t)guest->glx << 56 |
                      extract64(root, 12, 3) << 58 | w0);
}

/* The table that @at names; a new one with @bits if it names none. */
static uint64_t table_at(const QAmdGuest *guest, uint64_t at, uint64_t bits)
{
    uint64_t entry = qtest_readq(guest->v->qts, at);

    if (!(entry & 1)) {
        entry = nyx_pc_pages(guest->v->pc, 1) | bits;
        qtest_writeq(guest->v->qts, at, entry);
    }
    return entry & ADDR_MASK;
}

uint64_t qamd_gcr3_entry(const QAmdGuest *guest, uint32_t pasid)
{
    uint64_t table = guest->gcr3;

    for (unsigned level = guest->glx; level; level--) {
        table = table_at(guest, table + (pasid >> (9 * level) & 511) * 8, 1);
    }
    return table + (pasid & 511) * 8;
}

uint64_t qamd_guest_entry(const QAmdGuest *guest, uint32_t pasid,
                          uint64_t iova, unsigned level)
{
    uint64_t table = table_at(guest, qamd_gcr3_entry(guest, pasid), 1);

    for (unsigned n = guest->levels; ; n--) {
        uint64_t at = table + ((iova >> (12 + 9 * (n - 1))) & 511) * 8;

        if (n == level) {
            return at;
        }
        table = table_at(guest, at, QAMD_GRWU);
    }
}

void qamd_guest_map(const QAmdGuest *guest, uint32_t pasid, uint64_t iova,
                    uint64_t addr, unsigned lg2, uint64_t bits)
{
    qtest_writeq(guest->v->qts,
                 qamd_guest_entry(guest, pasid, iova, (lg2 - 12) / 9 + 1),
                 addr | bits | (lg2 > 12 ? QAMD_GPS : 0));
}

void qamd_flush_pasid(QAmd *v, uint16_t did, uint32_t pasid, uint64_t iova,
                      unsigned lg2)
{
    /* S, and the lowest zero above bit 11 is one below the size; PDE, GN */
    uint64_t what = lg2 == 64 ? 0x7ffffffffffff000ull | 7
                  : lg2 == 12 ? iova | 6
                  : iova | ((1ull << (lg2 - 1)) - NYX_PAGE) | 7;

    g_assert_true(qamd_submit(v, 3ull << 60 | (uint64_t)did << 32 | pasid,
                              what));
}
