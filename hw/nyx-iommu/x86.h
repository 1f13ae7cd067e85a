/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What we need of QEMU's x86 code.  Headers of the CPU can be included for one
 * target at a time only, so x86.c is compiled apart; and it is the only file
 * that names functions which a QEMU for other processors has not got.  There
 * the devices that call these are not registered.
 */
#ifndef HW_NYX_IOMMU_X86_H
#define HW_NYX_IOMMU_X86_H

#include <stdbool.h>
#include <stdint.h>

typedef struct X86IOMMUState X86IOMMUState;

/* Deliver an interrupt message on whatever APIC the machine has. */
void nyx_x86_send_msi(uint64_t addr, uint32_t data);

/*
 * A message that no APIC takes, because delivery mode 3 is reserved.  QEMU's
 * PCI code asserts that there is a route, which a guest must not be able to
 * break: a refused interrupt gets one to nowhere.
 */
#define NYX_MSI_NOWHERE_ADDR 0xfee00000u
#define NYX_MSI_NOWHERE_DATA 0x300u

/* Whether interrupts are remapped; known once the parent is realized. */
bool nyx_x86_intremap(X86IOMMUState *iommu);

/* Have routes made anew: those of @mask at @index, or all. */
void nyx_x86_routes_changed(X86IOMMUState *iommu, bool global, uint32_t index,
                            uint32_t mask);

/* Let interrupts reach APIC ids above 255; false if the host's KVM cannot. */
bool nyx_x86_enable_x2apic(void);

/* Whether interrupts may take routes that KVM keeps. */
bool nyx_x86_kvm(void);

/* Physical address bits of the guest's CPUs; 40 if there are none. */
unsigned nyx_x86_phys_bits(void);

/*
 * Have memory reserved in the map that firmware is given.  From a machine-done
 * notifier that was added after the machine's own, at the latest.
 */
void nyx_x86_reserve(uint64_t base, uint64_t size);

#endif
