/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An IOMMU that does what the tests of nyx-testdev tell it to, right or wrong:
 * a PCI function that owns its bus, translates by fixed rules, answers
 * requests as a Nyx IOMMU does, and sends notifier events on command.
 *
 * The rules, for every function and also for PASID 5; other PASIDs are
 * blocked.  Addresses are moved up by 16 MiB.
 *
 *      0 to 16 MiB     pages of 4 KiB, read and write
 *     16 to 32 MiB     pages of 2 MiB, read only
 *     32 to 48 MiB     no mapping
 *     from 2^40        translation requests only: an echo, see echo_request()
 *
 * A translated request is let through below 64 MiB.
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/compat.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "hw/nyx-iommu/requester.h"
#include "hw/nyx-iommu/testdev.h"
#include "nyx-fake-iommu.h"

#define TYPE_FAKE "nyx-fake-iommu"
#define TYPE_FAKE_MR "nyx-fake-iommu-region"

OBJECT_DECLARE_SIMPLE_TYPE(FakeState, FAKE)

#define MIB 0x100000ull
#define OFFSET (16 * MIB)

struct FakeState {
    PCIDevice parent_obj;
    bool refuse;
    uint64_t regs[FAKE_BAR_SIZE / 8];
    MemoryRegion bar;
    MemoryRegion root;
    IOMMUMemoryRegion iommu;
    AddressSpace as;
};

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static FakeState *fake;

/* What is mapped at @iova: NyxAccess bits and the page mask. */
static unsigned fake_rule(uint64_t iova, uint64_t *mask)
{
    if (iova < 16 * MIB) {
        *mask = 0xfff;
        return NYX_ACCESS_READ | NYX_ACCESS_WRITE;
    }
    *mask = 0x1fffff;
    return iova < 32 * MIB ? NYX_ACCESS_READ : 0;
}

/* Who asked for what, as bits of the answer. */
static void echo_request(PCIBus *bus, int devfn, const NyxRequest *req,
                         NyxReply *reply)
{
    reply->ok = true;
    reply->access = NYX_ACCESS_READ;
    reply->addr = (uint64_t)pci_bus_num(bus) << 56 | (uint64_t)devfn << 48 |
                  (uint64_t)(req->access & 0xff) << 40 |
                  (uint64_t)req->has_pasid << 32 | req->pasid;
}

static bool fake_request(void *opaque, PCIBus *bus, int devfn,
                         const NyxRequest *req, NyxReply *reply)
{
    uint64_t mask;
    unsigned rule;

    if (req->type == NYX_REQ_TRANSLATED) {
        reply->ok = req->iova < 64 * MIB;
        reply->addr = req->iova;
        reply->addr_mask = 0xfff;
        return true;
    }
    if (req->type == NYX_REQ_TRANSLATION && req->iova >> 40) {
        echo_request(bus, devfn, req, reply);
        return true;
    }
    if (req->has_pasid && req->pasid != 5) {
        return true;
    }
    rule = fake_rule(req->iova, &mask);
    reply->access = rule & req->access;
    reply->addr = req->iova + OFFSET;
    reply->addr_mask = mask;
    reply->ok = req->type == NYX_REQ_TRANSLATION ||
                (req->access & NYX_ACCESS_RW & ~rule) == 0;
    return true;
}

static IOMMUTLBEntry fake_translate(IOMMUMemoryRegion *mr, hwaddr addr,
                                    IOMMUAccessFlags flag, int index)
{
    uint64_t mask;
    unsigned rule = fake_rule(addr, &mask);

    return (IOMMUTLBEntry) {
        .target_as = &address_space_memory,
        .iova = addr & ~mask,
        .translated_addr = (addr & ~mask) + OFFSET,
        .addr_mask = mask,
        .perm = IOMMU_ACCESS_FLAG(rule & NYX_ACCESS_READ,
                                  rule & NYX_ACCESS_WRITE),
    };
}

static void fake_event(FakeState *s, IOMMUNotifierFlag type,
                       uint64_t perm, uint64_t iova, uint64_t mask)
{
    IOMMUTLBEvent event = {
        .type = type,
        .entry = {
            .target_as = s->regs[FAKE_OTHER_AS / 8] ? &address_space_io
                                                    : &address_space_memory,
            .iova = iova,
            .translated_addr = s->regs[FAKE_ADDR / 8],
            .addr_mask = mask,
            .perm = perm,
        },
    };

    memory_region_notify_iommu(&s->iommu, 0, event);
}

/* Announces one page, and that only unless it is told otherwise. */
static void fake_replay(IOMMUMemoryRegion *mr, IOMMUNotifier *n)
{
    IOMMUTLBEntry entry = {
        .target_as = &address_space_memory,
        .iova = 0x7000,
        .translated_addr = 0x7000 + OFFSET,
        .addr_mask = 0xfff,
        .perm = IOMMU_RW,
    };

    n->notify(n, &entry);
    switch (fake->regs[FAKE_REPLAY / 8]) {
    case FAKE_REPLAY_TWICE:
        n->notify(n, &entry);
        break;
    case FAKE_REPLAY_UNMAP:
        entry.perm = IOMMU_NONE;
        n->notify(n, &entry);
        break;
    case FAKE_REPLAY_MMIO:
        entry.iova = 0x9000;
        entry.translated_addr = 0xfee00000;
        n->notify(n, &entry);
        break;
    }
}

static int fake_flag_changed(IOMMUMemoryRegion *mr, IOMMUNotifierFlag old_flag,
                             IOMMUNotifierFlag new_flag, Error **errp)
{
    if (fake->refuse && new_flag != IOMMU_NOTIFIER_NONE) {
        error_setg(errp, "refused as told");
        return -ENOTSUP;
    }
    return 0;
}

static uint64_t fake_read(void *opaque, hwaddr addr, unsigned size)
{
    FakeState *s = opaque;

    return s->regs[addr / 8];
}

static void fake_write(void *opaque, hwaddr addr, uint64_t value,
                       unsigned size)
{
    FakeState *s = opaque;
    uint64_t iova = s->regs[FAKE_IOVA / 8];
    uint64_t mask = s->regs[FAKE_MASK / 8];

    s->regs[addr / 8] = value;
    if (addr == FAKE_FIRE_MAP) {
        fake_event(s, IOMMU_NOTIFIER_MAP, value, iova, mask);
    } else if (addr == FAKE_FIRE_UNMAP) {
        fake_event(s, IOMMU_NOTIFIER_UNMAP, IOMMU_NONE, iova, mask);
    } else if (addr == FAKE_FIRE_DEVTLB) {
        fake_event(s, IOMMU_NOTIFIER_DEVIOTLB_UNMAP, IOMMU_NONE, iova, mask);
    } else if (addr == FAKE_ENABLE) {
        memory_region_set_enabled(MEMORY_REGION(&s->iommu), value);
    }
}

static const MemoryRegionOps fake_ops = {
    .read = fake_read,
    .write = fake_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 8, .max_access_size = 8 },
    .impl = { .min_access_size = 8, .max_access_size = 8 },
};

static AddressSpace *fake_address_space(PCIBus *bus, void *opaque, int devfn)
{
    FakeState *s = opaque;

    return &s->as;
}

static const PCIIOMMUOps fake_iommu_ops = {
    .get_address_space = fake_address_space,
};

static void fake_realize(PCIDevice *pdev, Error **errp)
{
    FakeState *s = FAKE(pdev);

    fake = s;
    memory_region_init_io(&s->bar, OBJECT(s), &fake_ops, s, TYPE_FAKE,
                          FAKE_BAR_SIZE);
    pci_register_bar(pdev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar);
    memory_region_init(&s->root, OBJECT(s), TYPE_FAKE "-root", UINT64_MAX);
    memory_region_init_iommu(&s->iommu, sizeof(s->iommu), TYPE_FAKE_MR,
                             OBJECT(s), TYPE_FAKE_MR, UINT64_MAX);
    memory_region_add_subregion(&s->root, 0, MEMORY_REGION(&s->iommu));
    address_space_init(&s->as, &s->root, TYPE_FAKE);
    pci_setup_iommu(pci_get_bus(pdev), &fake_iommu_ops, s);
    nyx_request_provider_set(fake_request, s);
}

static const Property fake_properties[] = {
    DEFINE_PROP_BOOL("refuse", FakeState, refuse, false),
};

static void fake_class_init(ObjectClass *klass, NyxClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->realize = fake_realize;
    pc->vendor_id = NYX_TD_VENDOR_ID;
    pc->device_id = FAKE_DEVICE_ID;
    pc->class_id = PCI_CLASS_OTHERS;
    dc->hotpluggable = false;
    dc->user_creatable = true;
    device_class_set_props(dc, fake_properties);
}

static void fake_mr_class_init(ObjectClass *klass, NyxClassData *data)
{
    IOMMUMemoryRegionClass *imrc = IOMMU_MEMORY_REGION_CLASS(klass);

    imrc->translate = fake_translate;
    imrc->replay = fake_replay;
    imrc->notify_flag_changed = fake_flag_changed;
}

static const TypeInfo fake_types[] = {
    {
        .name = TYPE_FAKE,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(FakeState),
        .class_init = fake_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    },
    {
        .name = TYPE_FAKE_MR,
        .parent = TYPE_IOMMU_MEMORY_REGION,
        .class_init = fake_mr_class_init,
    },
};

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
                                           const qemu_info_t *info,
                                           int argc, char **argv)
{
    type_register_static_array(fake_types, ARRAY_SIZE(fake_types));
    nyx_testdev_register_types();
    return 0;
}
