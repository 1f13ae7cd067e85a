/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layout lists: every register and every word of an in-memory structure is
 * one list of fields at absolute positions.  The list is expanded into
 * FIELD() constants, into masks, and into a named array for dumps and tests.
 *
 * A list is a macro that applies its argument to each field:
 *
 *     #define NVTD_EXAMPLE_W0(F)               \
 *         F(NVTD_EX0, P,      0,  1, USED)     \
 *         F(NVTD_EX0, RSVD1,  1, 11, MBZ)      \
 *         F(NVTD_EX0, BASE,  12, 52, ADDR)
 *     NYX_LAYOUT64(NVTD_EXAMPLE_W0)
 *
 * Kinds: USED (decoded), ADDR (an address), MBZ (reserved, checked for zero
 * by hardware), IGN (never looked at, software may keep data there).
 */
#ifndef HW_NYX_IOMMU_FIELDS_H
#define HW_NYX_IOMMU_FIELDS_H

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#if __has_include("hw/registerfields.h")
#include "hw/registerfields.h"
#else
#include "hw/core/registerfields.h"
#endif

typedef enum NyxFieldKind {
    NYX_FIELD_USED,
    NYX_FIELD_ADDR,
    NYX_FIELD_MBZ,
    NYX_FIELD_IGN,
} NyxFieldKind;

typedef struct NyxField {
    const char *name;
    uint8_t shift;
    uint8_t length;
    NyxFieldKind kind;
} NyxField;

#define NYX_FIELD_MASK(shift, len) \
    (((len) == 64 ? UINT64_MAX : ((1ULL << ((len) & 63)) - 1)) << (shift))

#define NYX_F_CONST(word, name, shift, len, kind) FIELD(word, name, shift, len)
#define NYX_F_ROW(word, name, shift, len, kind) \
    { #name, shift, len, NYX_FIELD_##kind },
#define NYX_F_OR(word, name, shift, len, kind) | NYX_FIELD_MASK(shift, len)
#define NYX_F_LEN(word, name, shift, len, kind) + (len)
#define NYX_F_MBZ(word, name, shift, len, kind) \
    | (NYX_FIELD_##kind == NYX_FIELD_MBZ ? NYX_FIELD_MASK(shift, len) : 0ULL)

/* Mask of all the reserved bits of a word. */
#define NYX_MBZ_MASK(list) (0ULL list(NYX_F_MBZ))

/* Initializer of a NyxField array that describes a word. */
#define NYX_FIELD_ROWS(list) { list(NYX_F_ROW) }

/* The fields' constants, and the proof that they cover @bits bits, once. */
#define NYX_LAYOUT(list, bits)                                              \
    list(NYX_F_CONST)                                                       \
    QEMU_BUILD_BUG_ON((0 list(NYX_F_LEN)) != (bits));                       \
    QEMU_BUILD_BUG_ON((0ULL list(NYX_F_OR)) !=                              \
                      NYX_FIELD_MASK(0, bits));

#define NYX_LAYOUT64(list) NYX_LAYOUT(list, 64)
#define NYX_LAYOUT32(list) NYX_LAYOUT(list, 32)

#endif
