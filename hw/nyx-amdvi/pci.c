/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI function of nyx-amdvi (3.1 to 3.3): the capability block that tells
 * where the registers are and what they can do, and MSI.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qapi/error.h"
#include "hw/acpi/acpi_aml_interface.h"
#include "hw/i386/pc.h"
#include "hw/nyx-iommu/mem-qemu.h"
#include "hw/nyx-iommu/x86.h"
#include "hw/nyx-amdvi/amdvi.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"

#define VENDOR_AMD          0x1022
#define DEVICE_IOMMU        0x1419
#define CLASS_IOMMU         0x0806

/* The southbridge's function; no driver takes it. */
#define VENDOR_QEMU         0x1234
#define DEVICE_SOUTHBRIDGE  0x4e7a

/* Where silicon has its capabilities. */
#define CAP_AT              0x40
#define MSI_AT              0x64
#define MSI_MAP_AT          0x74

/* HyperTransport, MSI mapping: enabled, at the fixed address */
#define MSI_MAP             0xa8030008u
#define MSI_MAP_SIZE        4

#define DEVFN_ANY           (-1)
#define DEVFN_SILICON       PCI_DEVFN(0, 2)

#define TYPE_SOUTHBRIDGE    "nyx-amdvi-southbridge"

struct NyxAmdPci {
    PCIDevice parent_obj;

    NyxAmdState *iommu;
};

typedef struct Southbridge {
    PCIDevice parent_obj;
} Southbridge;

static uint8_t *cap_bytes(NyxAmdPci *pci, unsigned offset)
{
    return PCI_DEVICE(pci)->config + CAP_AT + offset;
}

static uint8_t *cap_mask(NyxAmdPci *pci, unsigned offset)
{
    return PCI_DEVICE(pci)->wmask + CAP_AT + offset;
}

/* --- Base address --------------------------------------------------------- */

static bool base_enabled(NyxAmdPci *pci)
{
    return pci_get_long(cap_bytes(pci, NAMD_CAP_BASE_LO)) &
           R_NAMD_CAPB_ENABLE_MASK;
}

/* 3.2.2: what is enabled is locked until the next reset. */
static void base_lock(NyxAmdPci *pci, bool locked)
{
    uint32_t size = memory_region_size(&pci->iommu->mmio);
    uint32_t low = (-size & R_NAMD_CAPB_BASE_MASK) | R_NAMD_CAPB_ENABLE_MASK;

    pci_set_long(cap_mask(pci, NAMD_CAP_BASE_LO), locked ? 0 : low);
    pci_set_long(cap_mask(pci, NAMD_CAP_BASE_HI), locked ? 0 : UINT32_MAX);
}

/* The fixed base, unless software has set one. */
static void base_update(NyxAmdPci *pci)
{
    uint64_t base = NAMD_MMIO_BASE;

    base_lock(pci, base_enabled(pci));
    if (base_enabled(pci)) {
        uint64_t size = memory_region_size(&pci->iommu->mmio);

        base = pci_get_long(cap_bytes(pci, NAMD_CAP_BASE_LO)) |
               (uint64_t)pci_get_long(cap_bytes(pci, NAMD_CAP_BASE_HI)) << 32;
        base &= -size;
    }
    if (base != pci->iommu->base) {
        nyx_amd_map_registers(pci->iommu, base);
    }
}

static void config_write(PCIDevice *dev, uint32_t addr, uint32_t value,
                         int len)
{
    pci_default_write_config(dev, addr, value, len);
    if (ranges_overlap(addr, len, CAP_AT + NAMD_CAP_BASE_LO, 8)) {
        base_update(NYX_AMDVI_PCI(dev));
    }
}

void nyx_amd_pci_reset(NyxAmdPci *pci)
{
    const NyxAmdCfg *cfg = nyx_amd_cfg(pci->iommu->engine);

    pci_set_quad(cap_bytes(pci, NAMD_CAP_BASE_LO), 0);
    pci_set_long(cap_bytes(pci, NAMD_CAP_MISC0), nyx_amd_cap_misc0(cfg));
    base_update(pci);
}

/* --- What the engine and the tables ask ----------------------------------- */

void nyx_amd_pci_signal(NyxAmdPci *pci, unsigned message)
{
    PCIDevice *dev = PCI_DEVICE(pci);
    MSIMessage msi;

    if (!msi_enabled(dev)) {
        return;
    }
    /* Software that allows fewer messages has causes share the first. */
    msi = msi_get_message(dev, message < msi_nr_vectors_allocated(dev)
                               ? message : 0);
    if (msi.address >= NAMD_INTR_FIRST && msi.address <= NAMD_INTR_LAST) {
        nyx_x86_send_msi(msi.address, msi.data);
    } else {
        /* A write like any other; to RAM, so that nothing recurs. */
        nyx_mem_write_le32(&nyx_mem_qemu, msi.address, msi.data);
    }
}

uint32_t nyx_amd_pci_msi_read(NyxAmdPci *pci, unsigned offset)
{
    return pci_default_read_config(PCI_DEVICE(pci), MSI_AT + offset, 4);
}

void nyx_amd_pci_msi_write(NyxAmdPci *pci, unsigned offset, uint32_t value)
{
    pci_default_write_config(PCI_DEVICE(pci), MSI_AT + offset, value, 4);
}

void nyx_amd_pci_target_abort(NyxAmdPci *pci)
{
    const uint16_t bit = cpu_to_le16(PCI_STATUS_SIG_TARGET_ABORT);
    uint16_t *status = (uint16_t *)(PCI_DEVICE(pci)->config + PCI_STATUS);

    if (!(qatomic_read(status) & bit)) {
        qatomic_or(status, bit);
    }
}

uint16_t nyx_amd_pci_sid(NyxAmdPci *pci)
{
    return pci_get_bdf(PCI_DEVICE(pci));
}

uint8_t nyx_amd_pci_capability(const NyxAmdPci *pci)
{
    return CAP_AT;
}

/* --- Life ----------------------------------------------------------------- */

static void fill_capability(NyxAmdPci *pci)
{
    PCIDevice *dev = PCI_DEVICE(pci);
    const NyxAmdCfg *cfg = nyx_amd_cfg(pci->iommu->engine);
    uint32_t header = pci_get_long(cap_bytes(pci, NAMD_CAP_HEADER));

    header = (header & R_NAMD_CAPH_NEXT_MASK) | nyx_amd_cap_header(cfg);
    pci_set_long(cap_bytes(pci, NAMD_CAP_HEADER), header);
    pci_set_long(cap_bytes(pci, NAMD_CAP_MISC0), nyx_amd_cap_misc0(cfg));
    pci_set_long(cap_bytes(pci, NAMD_CAP_MISC1), nyx_amd_cap_misc1(cfg));
    pci_set_long(cap_mask(pci, NAMD_CAP_MISC0), R_NAMD_MISC0_HTATSRESV_MASK);
    /* What may be different in a saved state. */
    memset(dev->cmask + CAP_AT + NAMD_CAP_BASE_LO, 0, 8);
    pci_set_long(dev->cmask + CAP_AT + NAMD_CAP_MISC0,
                 ~R_NAMD_MISC0_HTATSRESV_MASK);
    base_lock(pci, false);
}

static void pci_realize(PCIDevice *dev, Error **errp)
{
    NyxAmdPci *pci = NYX_AMDVI_PCI(dev);
    int at = pci_add_capability(dev, PCI_CAP_ID_HT, MSI_MAP_AT, MSI_MAP_SIZE,
                                errp);

    if (at < 0) {
        return;
    }
    pci_set_long(dev->config + at, MSI_MAP);
    if (msi_init(dev, MSI_AT, NAMD_MESSAGES, true, false, errp) ||
        pci_add_capability(dev, NAMD_CAP_ID, CAP_AT, NAMD_CAP_SIZE,
                           errp) < 0) {
        return;
    }
    fill_capability(pci);
}

/*
 * 00:00.2, beside the host bridge, is where silicon has it, and where it takes
 * no place that -device would give to another one.
 */
static int find_place(const NyxAmdState *s, PCIBus *bus)
{
    PCIDevice *bridge = bus->devices[PCI_DEVFN(0, 0)];
    int devfn = s->props.addr;

    if (devfn == DEVFN_ANY && bridge && !bus->devices[DEVFN_SILICON]) {
        devfn = DEVFN_SILICON;
    }
    if (devfn != DEVFN_ANY && PCI_SLOT(devfn) == 0 && bridge) {
        bridge->cap_present |= QEMU_PCI_CAP_MULTIFUNCTION;
        bridge->config[PCI_HEADER_TYPE] |= PCI_HEADER_TYPE_MULTI_FUNCTION;
    }
    return devfn;
}

NyxAmdPci *nyx_amd_pci_new(NyxAmdState *s, Error **errp)
{
    PCIBus *bus = PC_MACHINE(qdev_get_machine())->pcibus;
    PCIDevice *dev = pci_new(find_place(s, bus), TYPE_NYX_AMDVI_PCI);
    NyxAmdPci *pci = NYX_AMDVI_PCI(dev);
    bool ok;

    pci->iommu = s;
    object_property_add_child(OBJECT(s), "pci", OBJECT(dev));
    ok = qdev_realize(DEVICE(dev), BUS(bus), errp);
    object_unref(OBJECT(dev));
    return ok ? pci : NULL;
}

/*
 * Interrupts of the IOAPIC come from an SMBus controller at 00:14.0, as far as
 * Linux is concerned: 6.12 asks for the place, 7.3 for the class.
 */
bool nyx_amd_pci_new_southbridge(NyxAmdState *s, Error **errp)
{
    PCIBus *bus = PC_MACHINE(qdev_get_machine())->pcibus;
    PCIDevice *dev;
    bool ok;

    if (bus->devices[NAMD_IOAPIC_SID]) {
        return true;
    }
    dev = pci_new(NAMD_IOAPIC_SID, TYPE_SOUTHBRIDGE);
    object_property_add_child(OBJECT(s), "southbridge", OBJECT(dev));
    ok = qdev_realize(DEVICE(dev), BUS(bus), errp);
    object_unref(OBJECT(dev));
    return ok;
}

static int post_load(void *opaque, int version_id)
{
    base_update(opaque);
    return 0;
}

static const VMStateDescription pci_vmstate = {
    .name = TYPE_NYX_AMDVI_PCI,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, NyxAmdPci),
        VMSTATE_END_OF_LIST()
    },
};

/* Called each time that the machine builds its tables, before ours is read. */
static void build_dev_aml(AcpiDevAmlIf *adev, Aml *scope)
{
    nyx_amd_acpi_refresh(NYX_AMDVI_PCI(adev)->iommu);
}

static void pci_class_init(ObjectClass *oc, NyxClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(oc);

    k->vendor_id = VENDOR_AMD;
    k->device_id = DEVICE_IOMMU;
    k->class_id = CLASS_IOMMU;
    k->realize = pci_realize;
    k->config_write = config_write;
    dc->vmsd = &pci_vmstate;
    dc->hotpluggable = false;
    dc->user_creatable = false;
    dc->desc = "PCI function of nyx-amdvi";
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    ACPI_DEV_AML_IF_CLASS(oc)->build_dev_aml = build_dev_aml;
}

static const TypeInfo pci_info = {
    .name = TYPE_NYX_AMDVI_PCI,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(NyxAmdPci),
    .class_init = pci_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { TYPE_ACPI_DEV_AML_IF },
        { },
    },
};

static const VMStateDescription southbridge_vmstate = {
    .name = TYPE_SOUTHBRIDGE,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, Southbridge),
        VMSTATE_END_OF_LIST()
    },
};

static void southbridge_class_init(ObjectClass *oc, NyxClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(oc);

    k->vendor_id = VENDOR_QEMU;
    k->device_id = DEVICE_SOUTHBRIDGE;
    k->class_id = PCI_CLASS_SERIAL_SMBUS;
    dc->vmsd = &southbridge_vmstate;
    dc->hotpluggable = false;
    dc->user_creatable = false;
    dc->desc = "Source of the IOAPIC's interrupts, for nyx-amdvi";
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo southbridge_info = {
    .name = TYPE_SOUTHBRIDGE,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(Southbridge),
    .class_init = southbridge_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    },
};

void nyx_amd_pci_register_types(void)
{
    type_register_static(&pci_info);
    type_register_static(&southbridge_info);
}
