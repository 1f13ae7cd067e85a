/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Posted interrupts (5.2): an interrupt becomes a bit in a descriptor in
 * memory, and now and then a notification.
 *
 * Software and other units change the descriptor at the same time, so each
 * of its words is changed by compare-and-swap.  The request bit comes before
 * ON: software that clears ON and then looks at the bits loses none.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

/* 5.2.3: notify unless that has been done, or is suppressed. */
static bool take_notification(uint64_t *word, bool urgent)
{
    if (FIELD_EX64(*word, NVTD_PD4, ON) ||
        (FIELD_EX64(*word, NVTD_PD4, SN) && !urgent)) {
        return false;
    }
    *word = FIELD_DP64(*word, NVTD_PD4, ON, 1);
    return true;
}

/*
 * Notify at the word at @gpa, which was *@word when last looked at; it becomes
 * what was found.
 */
static bool try_notify(const NyxMem *mem, uint64_t gpa, bool urgent,
                       uint64_t *word, bool *notify)
{
    for (unsigned i = 0; i < NYX_MEM_TRIES; i++) {
        uint64_t found = *word, desired = *word;

        *notify = take_notification(&desired, urgent);
        if (!*notify) {
            return true;
        }
        if (!mem->cmpxchg64(mem->opaque, gpa, &found, desired)) {
            return false;
        }
        if (found == *word) {
            return true;
        }
        *word = found;
    }
    return false;
}

/* 9.12: what may not be set in a descriptor; NDST as DST of an entry. */
static bool descriptor_legal(const uint64_t pd[NVTD_PD_WORDS], bool eime)
{
    uint32_t ndst = FIELD_EX64(pd[4], NVTD_PD4, NDST);

    return !(pd[4] & NYX_MBZ_MASK(NVTD_PD_W4)) &&
           !pd[5] && !pd[6] && !pd[7] &&
           (eime || !(ndst & ~NVTD_IRTE_DST_XAPIC_MASK));
}

NyxVtdFaultCode nyx_vtd_post(const NyxMem *mem, const NyxVtdPost *post,
                             uint64_t *control, bool *notify)
{
    uint64_t pd[NVTD_PD_WORDS];
    unsigned pir = post->vector / 64;

    if (!nyx_mem_read_le64(mem, post->pda, pd, NVTD_PD_WORDS)) {
        return NVTD_FAULT_IR_PD_READ;
    }
    if (!descriptor_legal(pd, post->eime)) {
        return NVTD_FAULT_IR_PD_RSVD;
    }
    if (!nyx_mem_or64(mem, post->pda + 8 * pir, BIT_ULL(post->vector % 64),
                      pd[pir]) ||
        !try_notify(mem, post->pda + 8 * 4, post->urgent, &pd[4], notify)) {
        return NVTD_FAULT_IR_PD_READ;
    }
    *control = pd[4];
    return NVTD_FAULT_NONE;
}
