/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual APICs (2.2.5.2): an interrupt becomes a bit in the backing page of
 * a guest's APIC.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

/* A word of requests is the low half of its quadword. */
#define QUADWORDS (NAMD_VAPIC_WORDS * NAMD_VAPIC_STRIDE / sizeof(uint64_t))

/*
 * The others are read before the bit is set: of two that post at a time, at
 * least one finds the page empty.
 */
bool nyx_amd_vapic_request(const NyxMem *mem, uint64_t page, uint8_t vector,
                           bool *first, uint64_t *addr)
{
    uint64_t words[QUADWORDS];
    uint64_t irr = page + NAMD_VAPIC_IRR;
    uint32_t pending = 0;

    *addr = irr + vector / 32 * NAMD_VAPIC_STRIDE;
    if (!nyx_mem_read_le64(mem, irr, words, QUADWORDS)) {
        return false;
    }
    for (unsigned i = 0; i < QUADWORDS;
         i += NAMD_VAPIC_STRIDE / sizeof(uint64_t)) {
        pending |= words[i];
    }
    *first = !pending;
    return nyx_mem_or64(mem, *addr, BIT_ULL(vector % 32),
                        words[(*addr - irr) / sizeof(uint64_t)]);
}
