/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virt machine of QEMU for Arm with the Nyx module loaded, as a NyxPc: what
 * needs no PC works with it.
 */
#ifndef TESTS_LIBQOS_NYX_VIRT_H
#define TESTS_LIBQOS_NYX_VIRT_H

#include "libqos/nyx-pc.h"

/* QEMU, hw/arm/virt.c: memory map */
#define NYX_VIRT_GICD       0x08000000ull
#define NYX_VIRT_V2M        0x08020000ull
#define NYX_VIRT_FW_CFG_DMA 0x09020010ull
#define NYX_VIRT_RAM        0x40000000ull

/*
 * Have all QEMUs that are started from now on be $NYX_QEMU_ARM, or what
 * tests/guest/fetch.sh has put into the cache; false if there is neither.
 */
bool nyx_virt_choose(void);

/* With its processor stopped; @machine are options of -M virt, or "". */
NyxPc *nyx_virt_start(const char *machine, const char *args);
void nyx_virt_end(NyxPc *pc);

/*
 * Property @name of the node at @path, such as "/pcie@10000000", in the device
 * tree that the guest finds in its memory.  The caller frees it; NULL: there is
 * none.
 */
uint8_t *nyx_virt_tree_get(NyxPc *pc, const char *path, const char *name,
                           uint32_t *len);

#endif
