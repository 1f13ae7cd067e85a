/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The per-target corner of the glue: APIC, CPU, and interrupt routes.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "e820_memory_layout.h"
#include "hw/i386/apic_internal.h"
#include "hw/i386/x86-iommu.h"
#include "hw/pci/msi.h"
#include "kvm/kvm_i386.h"
#include "hw/nyx-iommu/x86.h"

/* Else the object could not be loaded where they are not. */
#pragma weak apic_get_class
#pragma weak e820_add_entry
#pragma weak kvm_enable_x2apic
#pragma weak kvm_split_irqchip
#pragma weak x86_iommu_iec_notify_all
#pragma weak x86_iommu_ir_supported

void nyx_x86_send_msi(uint64_t addr, uint32_t data)
{
    MSIMessage msi = { .address = addr, .data = data };
    APICCommonClass *apic = apic_get_class(NULL);

    if (apic && apic->send_msi) {
        apic->send_msi(&msi);
    }
}

bool nyx_x86_intremap(X86IOMMUState *iommu)
{
    return x86_iommu_ir_supported(iommu);
}

void nyx_x86_routes_changed(X86IOMMUState *iommu, bool global, uint32_t index,
                            uint32_t mask)
{
    x86_iommu_iec_notify_all(iommu, global, index, mask);
}

bool nyx_x86_enable_x2apic(void)
{
    return !kvm_irqchip_is_split() || kvm_enable_x2apic();
}

bool nyx_x86_kvm(void)
{
    return kvm_enabled();
}

unsigned nyx_x86_phys_bits(void)
{
    CPUState *cs = qemu_get_cpu(0);

    /* By name: the structure's layout is not the same in all of 10.0.x. */
    return cs ? object_property_get_uint(OBJECT(cs), "phys-bits", NULL) : 40;
}

void nyx_x86_reserve(uint64_t base, uint64_t size)
{
    e820_add_entry(base, size, E820_RESERVED);
}
