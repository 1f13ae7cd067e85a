/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual APICs (2.2.5.2): an interrupt becomes a bit in the backing page of
 * a guest's APIC.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

/* Others can come first only so often: nobody makes us try for ever. */
#define REQUEST_TRIES 65536

/* A word of requests is the low half of its quadword. */
#define QUADWORDS (NAMD_VAPIC_WORDS * NAMD_VAPIC_STRIDE / sizeof(uint64_t))

/* Set @bit in the quadword at @gpa, as processors change it too. */
static bool set_bit64(const NyxMem *mem, uint64_t gpa, uint64_t bit)
{
    uint64_t expected = 0;

    for (unsigned i = 0; i < REQUEST_TRIES; i++) {
        uint64_t found = expected;

        if (!mem->cmpxchg64(mem->opaque, gpa, &found, expected | bit)) {
            return false;
        }
        if (found == expected) {
            return true;
        }
        expected = found;
    }
    return false;
}

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
    return set_bit64(mem, *addr, BIT_ULL(vector % 32));
}
