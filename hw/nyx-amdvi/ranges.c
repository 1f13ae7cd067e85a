/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses with a meaning of their own (2.1.2, 2.1.3): interrupts, and what
 * HyperTransport keeps for itself at the top of 40 bits.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-amdvi/internal.h"

typedef struct Window {
    uint64_t first;
    uint64_t last;
    NyxAmdRange range;
} Window;

/* Between NAMD_HT_FIRST and NAMD_HT_LAST; what is not here is reserved. */
static const Window windows[] = {
    { 0xfdf8000000, 0xfdf8ffffff, NYX_AMD_RANGE_HT_INTR },
    { 0xfdf9100000, 0xfdf91fffff, NYX_AMD_RANGE_SYSMGT },
    /* Address translation, reserved only with HtAtsResv. */
    { 0xfdfb000000, 0xfdfbffffff, NYX_AMD_RANGE_MEMORY },
    { 0xfdfc000000, 0xfdfdffffff, NYX_AMD_RANGE_PORT_IO },
};

NyxAmdRange nyx_amd_range(const NyxAmd *amd, uint64_t addr)
{
    if (addr < NAMD_HT_FIRST) {
        return addr >= NAMD_INTR_FIRST && addr <= NAMD_INTR_LAST
               ? NYX_AMD_RANGE_INTR : NYX_AMD_RANGE_MEMORY;
    }
    if (addr > NAMD_HT_LAST || amd->cfg.ht_range_ignore) {
        return NYX_AMD_RANGE_MEMORY;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(windows); i++) {
        if (addr >= windows[i].first && addr <= windows[i].last) {
            return windows[i].range;
        }
    }
    return NYX_AMD_RANGE_RESERVED;
}

/* [@first, @last] is whole pages: two pages differ in bit 12 or above. */
static uint8_t clip(uint64_t addr, uint8_t lg2, uint64_t first, uint64_t last)
{
    if (addr < first) {
        return MIN(lg2, 63 - clz64(addr ^ first));
    }
    return addr > last ? MIN(lg2, 63 - clz64(addr ^ last)) : MIN(lg2, 12);
}

uint8_t nyx_amd_range_clip(const NyxAmd *amd, uint64_t addr, uint8_t lg2)
{
    lg2 = clip(addr, lg2, NAMD_INTR_FIRST, NAMD_INTR_LAST);
    return amd->cfg.ht_range_ignore
           ? lg2 : clip(addr, lg2, NAMD_HT_FIRST, NAMD_HT_LAST);
}
