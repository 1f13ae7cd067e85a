/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-function address spaces: see dma-space.h.
 *
 * Each root holds the IOMMU region and an alias of system memory, one of
 * which is enabled, and above both the window that takes interrupt writes.
 * The window is per function, because a plain DMA write into it carries no
 * requester id: the region knows whose it is.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/error-report.h"
#include "qemu/rcu.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/dma-dirty.h"
#include "hw/nyx-iommu/dma-notify.h"
#include "hw/nyx-iommu/dma-space.h"
#include "hw/nyx-iommu/host-spans.h"
#include "hw/nyx-iommu/pci-ats.h"
#include "hw/nyx-iommu/requester.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "trace.h"

#define TYPE_NYX_IOMMU_REGION "nyx-iommu-region"

struct NyxDmaDevice {
    IOMMUMemoryRegion region;
    MemoryRegion root;
    MemoryRegion bypass;
    MemoryRegion window;
    AddressSpace as;
    NyxDmaSpace *space;
    const NyxDmaOps *ops;    /* the space's, at hand */
    void *requester;
    PCIBus *bus;
    PCIBus *root_bus;        /* above it; that one stays */
    uint8_t root_devfn;      /* and what is there on the way to it */
    uint8_t devfn;
    unsigned hosts;          /* devices of the host that it stands for */
    GArray *usable;          /* NyxSpan: what those can reach; NULL: all */
    bool outside_told;
    const uint8_t *bus_nr;   /* where the bus's number is at any time */
    uint8_t fixed_bus_nr;
    uint16_t switched_as;    /* its id when it was last switched over */
};

/* A device of the host; behind a bridge several share a NyxDmaDevice. */
typedef struct HostDevice {
    PCIBus *bus;
    int devfn;
    HostIOMMUDevice *hiod;
    NyxDmaDevice *device;
    GArray *spans;           /* NyxSpan, or NULL */
} HostDevice;

struct NyxDmaSpace {
    const NyxDmaOps *ops;
    Object *owner;
    void *iommu;
    PCIBus *root_bus;
    GPtrArray *devices;      /* changed under the big lock and this one */
    QemuMutex lock;
    GArray *hosts;           /* HostDevice */
};

uint16_t nyx_dma_device_sid(const NyxDmaDevice *device)
{
    return *device->bus_nr << 8 | device->devfn;
}

typedef struct BusSearch {
    const PCIBus *bus;
    bool found;
} BusSearch;

static void look_at_bus(PCIBus *bus, void *opaque)
{
    BusSearch *search = opaque;

    search->found |= bus == search->bus;
}

static bool has_bus(const NyxDmaDevice *device)
{
    BusSearch search = { .bus = device->bus };

    /* Sources that are no PCI functions have none, and need none. */
    if (!device->root_bus) {
        return true;
    }
    pci_for_each_bus(device->root_bus, look_at_bus, &search);
    return search.found;
}

bool nyx_dma_device_find_sid(const NyxDmaDevice *device, uint16_t *sid)
{
    bool found = has_bus(device);

    if (found && device->root_bus) {
        /* Another bus may be at its address now: that one has the number. */
        *sid = pci_bus_num(device->bus) << 8 | device->devfn;
    } else if (found) {
        *sid = nyx_dma_device_sid(device);
    }
    return found;
}

/*
 * What traces of events have.  VFIO still listens for a while when the bus of
 * its device is gone: what listeners hold goes with RCU.
 */
static uint16_t told_sid(const NyxDmaDevice *device)
{
    uint16_t sid = 0;

    if (unlikely(trace_events_enabled_count)) {
        nyx_dma_device_find_sid(device, &sid);
    }
    return sid;
}

static bool is_sid(const NyxDmaDevice *device, uint16_t sid)
{
    uint16_t own;

    return nyx_dma_device_find_sid(device, &own) && own == sid;
}

/* --- The IOMMU region ----------------------------------------------------- */

static unsigned access_of(IOMMUAccessFlags flag)
{
    return ((flag & IOMMU_RO) ? NYX_ACCESS_READ : 0) |
           ((flag & IOMMU_WO) ? NYX_ACCESS_WRITE : 0);
}

static IOMMUAccessFlags perm_of(unsigned access)
{
    return IOMMU_ACCESS_FLAG(access & NYX_ACCESS_READ,
                             access & NYX_ACCESS_WRITE);
}

static IOMMUTLBEntry region_translate(IOMMUMemoryRegion *region, hwaddr addr,
                                      IOMMUAccessFlags flag, int idx)
{
    NyxDmaDevice *device = container_of(region, NyxDmaDevice, region);
    const NyxRequest req = {
        .access = access_of(flag),
        .iova = addr,
    };
    NyxReply reply;

    device->ops->translate(device->requester,
                                  nyx_dma_device_sid(device), &req, &reply);
    return (IOMMUTLBEntry) {
        .target_as = &address_space_memory,
        .iova = addr & ~reply.addr_mask,
        .translated_addr = reply.addr & ~reply.addr_mask,
        .addr_mask = reply.addr_mask,
        .perm = reply.ok ? perm_of(reply.access) : IOMMU_NONE,
    };
}

static int region_notify_flag_changed(IOMMUMemoryRegion *region,
                                      IOMMUNotifierFlag old,
                                      IOMMUNotifierFlag new, Error **errp)
{
    NyxDmaDevice *device = container_of(region, NyxDmaDevice, region);
    const NyxDmaOps *ops = device->ops;
    const unsigned unmap = IOMMU_NOTIFIER_UNMAP |
                           (ops->unmap_drops_device_tlbs
                            ? IOMMU_NOTIFIER_DEVIOTLB_UNMAP : 0);
    ERRP_GUARD();

    if (!ops->notify(device->requester, new & unmap,
                     new & IOMMU_NOTIFIER_MAP, errp)) {
        error_prepend(errp, "device %02x.%x: ", PCI_SLOT(device->devfn),
                      PCI_FUNC(device->devfn));
        return -ENOTSUP;
    }
    /*
     * Consumers leave a region that is switched off and come back with it.
     * Those that leave it while it is on are gone.
     */
    if ((old & ~new & IOMMU_NOTIFIER_MAP) &&
        MEMORY_REGION(region)->enabled) {
        ops->expect(device->requester, device->hosts);
    }
    return 0;
}

static void outside_hosts(NyxDmaDevice *device, uint64_t iova)
{
    if (!device->outside_told) {
        warn_report("%s: device %02x.%x: the host's IOMMU cannot translate "
                    "DMA address 0x%" PRIx64 ": not mapped, and neither is "
                    "what else it cannot", device->ops->name,
                    PCI_SLOT(device->devfn), PCI_FUNC(device->devfn), iova);
        device->outside_told = true;
    }
}

/* What the host can map of @block. */
static void map_usable(NyxDmaDevice *device, IOMMUNotifier *n,
                       const NyxBlock *block)
{
    uint64_t first = MAX(block->iova, n->start);
    uint64_t last = MIN(nyx_block_last(block), n->end);
    NyxSpan part;

    while (first <= last &&
           nyx_spans_next(device->usable, first, last, &part)) {
        if (part.first > first) {
            outside_hosts(device, first);
        }
        nyx_notify_map(n, told_sid(device), block, part.first,
                       part.last);
        if (part.last == last) {
            return;
        }
        first = part.last + 1;
    }
    if (first <= last) {
        outside_hosts(device, first);
    }
}

typedef struct Replay {
    NyxDmaDevice *device;
    IOMMUNotifier *n;
} Replay;

static void replay_one(void *opaque, const NyxBlock *block)
{
    Replay *replay = opaque;

    map_usable(replay->device, replay->n, block);
}

static void region_replay(IOMMUMemoryRegion *region, IOMMUNotifier *n)
{
    NyxDmaDevice *device = container_of(region, NyxDmaDevice, region);
    Replay replay = { device, n };

    device->ops->replay(device->requester, replay_one, &replay);
}

static void region_class_init(ObjectClass *oc, NyxClassData *data)
{
    IOMMUMemoryRegionClass *imrc = IOMMU_MEMORY_REGION_CLASS(oc);

    imrc->translate = region_translate;
    imrc->notify_flag_changed = region_notify_flag_changed;
    imrc->replay = region_replay;
}

static const TypeInfo region_info = {
    .parent = TYPE_IOMMU_MEMORY_REGION,
    .name = TYPE_NYX_IOMMU_REGION,
    .class_init = region_class_init,
};

void nyx_dma_space_register_types(void)
{
    type_register_static(&region_info);
}

/* --- Notifiers ------------------------------------------------------------ */

void nyx_dma_device_unmapped(NyxDmaDevice *device, IOMMUNotifierFlag type,
                             uint64_t iova, uint8_t lg2)
{
    uint64_t mask = lg2 >= 64 ? UINT64_MAX : MAKE_64BIT_MASK(0, lg2);
    IOMMUNotifier *n;

    IOMMU_NOTIFIER_FOREACH(n, &device->region) {
        if ((n->notifier_flags & type) &&
            !(n->notifier_flags & IOMMU_NOTIFIER_MAP)) {
            nyx_notify_unmap(n, told_sid(device), type,
                             iova & ~mask, iova | mask, NULL);
        }
    }
}

void nyx_dma_device_unmap(NyxDmaDevice *device, uint64_t first, uint64_t last,
                          const NyxBlock *only)
{
    IOMMUNotifier *n;

    IOMMU_NOTIFIER_FOREACH(n, &device->region) {
        if (n->notifier_flags & IOMMU_NOTIFIER_MAP) {
            nyx_notify_unmap(n, told_sid(device),
                             IOMMU_NOTIFIER_UNMAP, first, last, only);
        }
    }
}

void nyx_dma_device_map(NyxDmaDevice *device, const NyxBlock *block)
{
    IOMMUNotifier *n;

    IOMMU_NOTIFIER_FOREACH(n, &device->region) {
        if (n->notifier_flags & IOMMU_NOTIFIER_MAP) {
            map_usable(device, n, block);
        }
    }
}

/* --- The interrupt window ------------------------------------------------- */

static uint16_t window_sid(const NyxDmaDevice *device, MemTxAttrs attrs)
{
    return attrs.unspecified || !attrs.requester_id ?
           nyx_dma_device_sid(device) : attrs.requester_id;
}

static MemTxResult window_read(void *opaque, hwaddr addr, uint64_t *data,
                               unsigned size, MemTxAttrs attrs)
{
    NyxDmaDevice *device = opaque;
    NyxDmaSpace *space = device->space;

    *data = UINT64_MAX;
    space->ops->interrupt_misuse(device->requester,
                                 window_sid(device, attrs),
                                 NYX_INTR_BASE + addr, size, false);
    return MEMTX_DECODE_ERROR;
}

static MemTxResult window_write(void *opaque, hwaddr addr, uint64_t data,
                                unsigned size, MemTxAttrs attrs)
{
    NyxDmaDevice *device = opaque;
    NyxDmaSpace *space = device->space;
    uint16_t sid = window_sid(device, attrs);

    addr += NYX_INTR_BASE;
    if (size != 4 || addr & 3) {
        space->ops->interrupt_misuse(device->requester, sid, addr, size,
                                     true);
        return MEMTX_DECODE_ERROR;
    }
    return space->ops->interrupt(device->requester, sid, addr, data);
}

static const MemoryRegionOps window_ops = {
    .read_with_attrs = window_read,
    .write_with_attrs = window_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* --- Functions ------------------------------------------------------------ */

static bool is_checked(const NyxDmaDevice *device)
{
    return device->ops->checked(device->requester) &&
           !device->ops->direct(device->requester);
}

/*
 * VFIO drops RAM with the section that it was in, without a look at what the
 * device wrote to: that has to be asked for before.
 */
static void ask_dirty(NyxDmaDevice *device)
{
    if (nyx_dma_dirty_tracked() && device->bypass.enabled &&
        is_checked(device)) {
        nyx_dma_dirty_ask(&device->as);
    }
}

/*
 * Those who keep translations (vhost) do so longer than they listen: a region
 * that goes has nobody to tell any more.
 */
static void tell_before_it_goes(NyxDmaDevice *device)
{
    nyx_dma_device_unmapped(device, IOMMU_NOTIFIER_UNMAP, 0, 64);
    if (device->ops->unmap_drops_device_tlbs) {
        nyx_dma_device_unmapped(device, IOMMU_NOTIFIER_DEVIOTLB_UNMAP, 0, 64);
    }
}

static void device_switch(NyxDmaDevice *device)
{
    bool checked = is_checked(device);
    MemoryRegion *region = MEMORY_REGION(&device->region);

    nyx_dma_device_find_sid(device, &device->switched_as);
    if (region->enabled && !checked) {
        tell_before_it_goes(device);
    }
    /* One is off before the other is on. */
    memory_region_transaction_begin();
    if (checked) {
        memory_region_set_enabled(&device->bypass, false);
        memory_region_set_enabled(region, true);
    } else {
        memory_region_set_enabled(region, false);
        memory_region_set_enabled(&device->bypass, true);
    }
    memory_region_transaction_commit();
}

void nyx_dma_device_update(NyxDmaDevice *device)
{
    ask_dirty(device);
    device_switch(device);
}

void nyx_dma_space_update(NyxDmaSpace *space)
{
    for (unsigned i = 0; i < space->devices->len; i++) {
        ask_dirty(g_ptr_array_index(space->devices, i));
    }
    memory_region_transaction_begin();
    for (unsigned i = 0; i < space->devices->len; i++) {
        device_switch(g_ptr_array_index(space->devices, i));
    }
    memory_region_transaction_commit();
}

void nyx_dma_space_update_sid(NyxDmaSpace *space, uint16_t sid)
{
    for (unsigned i = 0; i < space->devices->len; i++) {
        NyxDmaDevice *device = g_ptr_array_index(space->devices, i);
        uint16_t own;

        /* Nobody is told when software gives a bus another number. */
        if (nyx_dma_device_find_sid(device, &own) &&
            (own == sid || own != device->switched_as)) {
            nyx_dma_device_update(device);
        }
    }
}

static void device_init_regions(NyxDmaDevice *device, const char *name)
{
    Object *owner = device->space->owner;
    MemoryRegion *region;

    memory_region_init(&device->root, owner, name, UINT64_MAX);
    memory_region_init_iommu(&device->region, sizeof(device->region),
                             TYPE_NYX_IOMMU_REGION, owner, "nyx-dma",
                             UINT64_MAX);
    region = MEMORY_REGION(&device->region);
    memory_region_init_alias(&device->bypass, owner, "nyx-bypass",
                             get_system_memory(), 0,
                             memory_region_size(get_system_memory()));
    memory_region_set_enabled(region, false);
    memory_region_set_enabled(&device->bypass, false);
    memory_region_add_subregion(&device->root, 0, region);
    memory_region_add_subregion(&device->root, 0, &device->bypass);
    if (device->ops->interrupt) {
        memory_region_init_io(&device->window, owner, &window_ops, device,
                              "nyx-interrupts", NYX_INTR_SIZE);
        /* Messages are sent while other regions of the owner are accessed. */
        device->window.disable_reentrancy_guard = true;
        memory_region_add_subregion_overlap(&device->root, NYX_INTR_BASE,
                                            &device->window, 1);
    }
    address_space_init(&device->as, &device->root, name);
}

static NyxDmaDevice *device_new(NyxDmaSpace *space, const char *name,
                                PCIBus *bus, uint8_t devfn)
{
    NyxDmaDevice *device = g_new0(NyxDmaDevice, 1);

    device->space = space;
    device->ops = space->ops;
    device->bus = bus;
    device->devfn = devfn;
    device->bus_nr = &device->fixed_bus_nr;
    device->requester = space->ops->requester_new(space->iommu, device);
    device_init_regions(device, name);
    qemu_mutex_lock(&space->lock);
    g_ptr_array_add(space->devices, device);
    qemu_mutex_unlock(&space->lock);
    return device;
}

/*
 * The guest numbers buses when it likes.  The number is read where the bridge
 * keeps it, because asking pci_bus_num() for each request costs more than
 * the rest of a hit.
 */
static void device_follow_bus(NyxDmaDevice *device)
{
    nyx_dma_device_root(device, &device->root_bus, &device->root_devfn);
    if (pci_bus_is_root(device->bus)) {
        device->fixed_bus_nr = pci_bus_num(device->bus);
        device->bus_nr = &device->fixed_bus_nr;
    } else {
        device->bus_nr = device->bus->parent_dev->config + PCI_SECONDARY_BUS;
    }
}

void *nyx_dma_device_requester(const NyxDmaDevice *device)
{
    return device->requester;
}

bool nyx_dma_device_root(const NyxDmaDevice *device, PCIBus **root,
                         uint8_t *devfn)
{
    *root = device->bus;
    *devfn = device->devfn;
    while (*root && !pci_bus_is_root(*root)) {
        *devfn = (*root)->parent_dev->devfn;
        *root = pci_get_bus((*root)->parent_dev);
    }
    return *root;
}

bool nyx_dma_device_is_alias(const NyxDmaDevice *device)
{
    return device->bus && !pci_bus_is_root(device->bus) &&
           !pci_bus_is_express(device->bus);
}

static NyxDmaDevice *device_of(NyxDmaSpace *space, PCIBus *bus, int devfn)
{
    NyxDmaDevice *found = NULL;

    qemu_mutex_lock(&space->lock);
    for (unsigned i = 0; i < space->devices->len && !found; i++) {
        NyxDmaDevice *device = g_ptr_array_index(space->devices, i);

        if (device->bus == bus && device->devfn == devfn) {
            found = device;
        }
    }
    qemu_mutex_unlock(&space->lock);
    return found;
}

/*
 * Whether its bus was unplugged, and the one that is there now is somewhere
 * else: what the model has of it is for another place.
 */
static bool has_moved(const NyxDmaDevice *device)
{
    PCIBus *root;
    uint8_t devfn;

    nyx_dma_device_root(device, &root, &devfn);
    return root != device->root_bus || devfn != device->root_devfn;
}

/* Nobody finds it any more.  It stays: listeners may go later. */
static void device_retire(NyxDmaDevice *device)
{
    NyxDmaSpace *space = device->space;

    qemu_mutex_lock(&space->lock);
    device->bus_nr = &device->fixed_bus_nr;
    device->bus = NULL;
    qemu_mutex_unlock(&space->lock);
}

/* The device of a function that is behind the IOMMU. */
static NyxDmaDevice *device_get(NyxDmaSpace *space, PCIBus *bus, int devfn)
{
    NyxDmaDevice *device = device_of(space, bus, devfn);

    if (device && has_moved(device)) {
        device_retire(device);
        device = NULL;
    }
    if (!device) {
        g_autofree char *name = g_strdup_printf("%s-%02x.%x",
                                                space->ops->name,
                                                PCI_SLOT(devfn),
                                                PCI_FUNC(devfn));

        device = device_new(space, name, bus, devfn);
    }
    /* A bus that was unplugged may have come back at its address. */
    device_follow_bus(device);
    nyx_dma_device_update(device);
    return device;
}

static bool is_excluded(const NyxDmaSpace *space, PCIBus *bus, int devfn)
{
    return space->ops->excluded &&
           space->ops->excluded(space->iommu, bus, devfn);
}

static AddressSpace *get_address_space(PCIBus *bus, void *opaque, int devfn)
{
    return is_excluded(opaque, bus, devfn)
           ? &address_space_memory : &device_get(opaque, bus, devfn)->as;
}

/* Of the devices of the host that are behind @device now. */
static void find_usable(NyxDmaSpace *space, NyxDmaDevice *device)
{
    g_clear_pointer(&device->usable, g_array_unref);
    device->outside_told = false;
    device->hosts = 0;
    for (unsigned i = 0; i < space->hosts->len; i++) {
        const HostDevice *host = &g_array_index(space->hosts, HostDevice, i);

        if (host->device != device) {
            continue;
        }
        device->hosts++;
        if (host->spans) {
            device->usable = nyx_spans_both(device->usable, host->spans);
        }
    }
}

static bool set_iommu_device(PCIBus *bus, void *opaque, int devfn,
                             HostIOMMUDevice *hiod, Error **errp)
{
    NyxDmaSpace *space = opaque;
    HostDevice host = { .bus = bus, .devfn = devfn, .hiod = hiod };

    /* Who its requests come from. */
    if (hiod->aliased_bus) {
        bus = hiod->aliased_bus;
        devfn = hiod->aliased_devfn;
    }
    if (is_excluded(space, bus, devfn)) {
        return true;
    }
    host.device = device_get(space, bus, devfn);
    if (!space->ops->host_device(space->iommu, host.device->requester, hiod,
                                 errp)) {
        return false;
    }
    object_ref(OBJECT(hiod));
    host.spans = nyx_host_spans_new(hiod);
    g_array_append_val(space->hosts, host);
    find_usable(space, host.device);
    space->ops->expect(host.device->requester, true);
    return true;
}

static void unset_iommu_device(PCIBus *bus, void *opaque, int devfn)
{
    NyxDmaSpace *space = opaque;

    for (unsigned i = 0; i < space->hosts->len; i++) {
        HostDevice host = g_array_index(space->hosts, HostDevice, i);

        if (host.bus != bus || host.devfn != devfn) {
            continue;
        }
        g_array_remove_index_fast(space->hosts, i);
        find_usable(space, host.device);
        g_clear_pointer(&host.spans, g_array_unref);
        space->ops->expect(host.device->requester, host.device->hosts);
        if (space->ops->host_gone) {
            space->ops->host_gone(space->iommu, host.hiod);
        }
        object_unref(OBJECT(host.hiod));
        return;
    }
}

#ifdef NYX_PCI_HAS_ATS
static void get_iotlb_info(void *opaque, uint8_t *addr_width,
                           uint32_t *min_page_size)
{
    NyxDmaSpace *space = opaque;

    *addr_width = space->ops->address_bits(space->iommu);
    *min_page_size = 4096;
}
#endif

static const PCIIOMMUOps pci_ops = {
#ifdef NYX_PCI_HAS_ATS
    NYX_PCI_ATS_OPS
    .get_iotlb_info = get_iotlb_info,
#endif
    .get_address_space = get_address_space,
    .set_iommu_device = set_iommu_device,
    .unset_iommu_device = unset_iommu_device,
};

/* Of what is not a plain access: that would have gone to the window. */
static bool is_interrupt_misuse(const NyxDmaSpace *space,
                                const NyxRequest *req)
{
    return space->ops->interrupt && req->type == NYX_REQ_UNTRANSLATED &&
           !req->has_pasid && req->iova - NYX_INTR_BASE < NYX_INTR_SIZE;
}

/* Requests that QEMU's PCI interface cannot carry; see requester.h. */
static bool answer_request(void *opaque, PCIBus *bus, int devfn,
                           const NyxRequest *req, NyxReply *reply)
{
    NyxDmaSpace *space = opaque;
    NyxDmaDevice *device = device_of(space, bus, devfn);

    if (!device) {
        return false;
    }
    if (req->type == NYX_REQ_PAGE) {
        if (!space->ops->page_request) {
            return false;
        }
        reply->ok = space->ops->page_request(device->requester,
                                             nyx_dma_device_sid(device), req);
        return true;
    }
    if (is_interrupt_misuse(space, req)) {
        *reply = (NyxReply) { .addr_mask = MAKE_64BIT_MASK(0, 12) };
        space->ops->interrupt_misuse(device->requester,
                                     nyx_dma_device_sid(device), req->iova, 0,
                                     req->access & NYX_ACCESS_WRITE);
        return true;
    }
    WITH_RCU_READ_LOCK_GUARD() {
        space->ops->translate(device->requester, nyx_dma_device_sid(device),
                              req, reply);
    }
    return true;
}

NyxDmaSpace *nyx_dma_space_new(const NyxDmaOps *ops, Object *owner,
                               void *iommu, PCIBus *bus, Error **errp)
{
    NyxDmaSpace *space;

    if (bus->iommu_ops) {
        error_setg(errp, "%s: the machine has an IOMMU: leave out one of the "
                   "two", ops->name);
        return NULL;
    }
    space = g_new0(NyxDmaSpace, 1);
    space->ops = ops;
    space->owner = owner;
    space->iommu = iommu;
    space->root_bus = bus;
    space->devices = g_ptr_array_new();
    space->hosts = g_array_new(FALSE, FALSE, sizeof(HostDevice));
    qemu_mutex_init(&space->lock);
    pci_setup_iommu(bus, &pci_ops, space);
    nyx_request_provider_set(answer_request, space);
    return space;
}

bool nyx_dma_space_check(const NyxDmaSpace *space, Error **errp)
{
    const PCIBus *bus = space->root_bus;

    if (bus->iommu_ops != &pci_ops || bus->iommu_opaque != space) {
        error_setg(errp, "%s: another IOMMU was added to the machine: leave "
                   "out one of the two", space->ops->name);
        return false;
    }
    return true;
}

AddressSpace *nyx_dma_space_fixed(NyxDmaSpace *space, const char *name,
                                  uint16_t sid)
{
    NyxDmaDevice *device = device_new(space, name, NULL, sid & 0xff);

    device->fixed_bus_nr = sid >> 8;
    nyx_dma_device_update(device);
    return &device->as;
}

PCIDevice *nyx_dma_space_function(const NyxDmaSpace *space, uint16_t sid)
{
    return pci_find_device(space->root_bus, sid >> 8, sid & 0xff);
}

NyxDmaDevice *nyx_dma_space_find(NyxDmaSpace *space, uint16_t sid)
{
    PCIDevice *dev = nyx_dma_space_function(space, sid);

    return dev ? device_of(space, pci_get_bus(dev), dev->devfn) : NULL;
}

NyxDmaDevice *nyx_dma_space_find_alias(NyxDmaSpace *space, uint16_t sid)
{
    NyxDmaDevice *found = NULL;

    for (unsigned i = 0; i < space->devices->len && !found; i++) {
        NyxDmaDevice *device = g_ptr_array_index(space->devices, i);

        if (is_sid(device, sid)) {
            found = device;
        }
    }
    return found;
}
