/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's device "edu" (docs/specs/edu.rst there): DMA between memory and a
 * buffer of one page that it has.  It takes 100 ms, by the clock of the
 * machine that the device is in.
 */
#ifndef TESTS_LIBQOS_NYX_EDU_H
#define TESTS_LIBQOS_NYX_EDU_H

#include "libqos/nyx-pc.h"

#define NYX_EDU_BUFFER  NYX_PAGE

typedef struct NyxEdu {
    QPCIDevice *pci;
    uint64_t bar;
} NyxEdu;

/* The device at @sid, mapped and enabled; it has to be an edu. */
NyxEdu nyx_edu_get(QPCIBus *bus, uint16_t sid);
void nyx_edu_put(NyxEdu *edu);

/* @len bytes at @iova to the start of the buffer, or from there. */
void nyx_edu_load(const NyxEdu *edu, uint64_t iova, unsigned len);
void nyx_edu_store(const NyxEdu *edu, uint64_t iova, unsigned len);
/* Only begin with it; whether it is going on; its end. */
void nyx_edu_start_store(const NyxEdu *edu, uint64_t iova, unsigned len);
bool nyx_edu_busy(const NyxEdu *edu);
void nyx_edu_wait(const NyxEdu *edu);

#endif
