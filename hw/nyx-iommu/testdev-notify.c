/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-testdev as a listener of its IOMMU: a memory listener and IOMMU
 * notifiers in the manner of VFIO, which feed the shadow and the ATC.  All of
 * it runs under the big lock.
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/rcu.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "testdev.h"

static const unsigned err_counter[] = {
    [NYX_TD_SHADOW_DOUBLE_MAP] = NYX_TD_ERR_DOUBLE_MAP,
    [NYX_TD_SHADOW_CUT] = NYX_TD_ERR_CUT,
    [NYX_TD_SHADOW_SIZE] = NYX_TD_ERR_SIZE,
    [NYX_TD_SHADOW_NOT_RAM] = NYX_TD_ERR_NOT_RAM,
    [NYX_TD_SHADOW_TARGET] = NYX_TD_ERR_TARGET,
    [NYX_TD_SHADOW_FULL] = NYX_TD_ERR_FULL,
    [NYX_TD_SHADOW_ADDR_WRONG] = NYX_TD_ERR_ADDR,
};

static void note_error(NyxTestdevState *s, unsigned err, uint64_t iova)
{
    if (err == NYX_TD_SHADOW_OK) {
        return;
    }
    nyx_testdev_reg_inc(s, err_counter[err]);
    nyx_testdev_reg_inc(s, NYX_TD_NOTIFY_ERRORS);
    nyx_testdev_reg_set(s, NYX_TD_LAST_ERR, err);
    nyx_testdev_reg_set64(s, NYX_TD_LAST_ERR_IOVA, iova);
}

/* Whether the target is RAM and one piece of it. */
static bool target_is_ram(const IOMMUTLBEntry *entry)
{
    hwaddr len = entry->addr_mask + 1;
    hwaddr size = len;
    hwaddr xlat;
    MemoryRegion *mr;

    RCU_READ_LOCK_GUARD();
    mr = address_space_translate(&address_space_memory, entry->translated_addr,
                                 &xlat, &len, entry->perm & IOMMU_WO,
                                 MEMTXATTRS_UNSPECIFIED);
    return memory_region_is_ram(mr) && len == size;
}

unsigned nyx_testdev_take_map(NyxShadow *shadow, const IOMMUTLBEntry *entry,
                              uint64_t iova)
{
    NyxShadowEntry map = {
        .node.start = iova,
        .node.last = iova + entry->addr_mask,
        .addr = entry->translated_addr,
        .read = entry->perm & IOMMU_RO,
        .write = entry->perm & IOMMU_WO,
    };
    unsigned err = nyx_shadow_check_size(iova, map.node.last);

    if (entry->target_as != &address_space_memory) {
        return NYX_TD_SHADOW_TARGET;
    }
    if (err == NYX_TD_SHADOW_OK && !target_is_ram(entry)) {
        err = NYX_TD_SHADOW_NOT_RAM;
    }
    return err == NYX_TD_SHADOW_OK ? nyx_shadow_map(shadow, &map) : err;
}

static unsigned handle_unmap(NyxTestdevState *s, const IOMMUTLBEntry *entry,
                             uint64_t iova)
{
    uint64_t last = iova + entry->addr_mask;

    nyx_testdev_reg_set64(s, NYX_TD_UNMAP_IOVA, iova);
    nyx_testdev_reg_set64(s, NYX_TD_UNMAP_LEN, entry->addr_mask + 1);
    nyx_testdev_reg_set64(s, NYX_TD_UNMAP_ADDR, entry->translated_addr);
    note_error(s, nyx_shadow_check_size(iova, last), iova);
    note_error(s, nyx_testdev_dirty_unmapped(s, iova, last,
                                             entry->translated_addr), iova);
    return nyx_shadow_unmap(&s->notify.shadow, iova, last);
}

static void map_notify(IOMMUNotifier *n, IOMMUTLBEntry *entry)
{
    NyxTestdevSection *sec = container_of(n, NyxTestdevSection, map);
    NyxTestdevState *s = sec->s;
    uint64_t iova = entry->iova + sec->offset;
    uint64_t last = iova + entry->addr_mask;
    bool is_map = entry->perm & IOMMU_RW;
    unsigned err;

    nyx_testdev_reg_inc64(s, is_map ? NYX_TD_NOTIFY_MAPS
                                    : NYX_TD_NOTIFY_UNMAPS);
    if (last < iova) {
        err = NYX_TD_SHADOW_SIZE;
    } else if (entry->target_as != &address_space_memory) {
        err = NYX_TD_SHADOW_TARGET;
    } else if (is_map) {
        err = nyx_testdev_take_map(&s->notify.shadow, entry, iova);
    } else {
        err = handle_unmap(s, entry, iova);
    }
    note_error(s, err, iova);
}

static void devtlb_notify(IOMMUNotifier *n, IOMMUTLBEntry *entry)
{
    NyxTestdevSection *sec = container_of(n, NyxTestdevSection, devtlb);
    NyxTestdevState *s = sec->s;
    uint64_t iova = entry->iova + sec->offset;

    nyx_testdev_reg_inc64(s, NYX_TD_NOTIFY_DEV_UNMAPS);
    nyx_testdev_atc_drop(&s->atc, iova, iova + entry->addr_mask);
}

static void note_refusal(NyxTestdevState *s, Error *err)
{
    s->notify.refused = true;
    g_free(s->notify.error);
    s->notify.error = g_strdup(err ? error_get_pretty(err) : "no reason given");
    error_free(err);
}

static bool section_register(NyxTestdevSection *sec, IOMMUNotifier *n,
                             IOMMUNotify fn, IOMMUNotifierFlag flags)
{
    IOMMUMemoryRegion *iommu_mr = IOMMU_MEMORY_REGION(sec->mr);
    int index = memory_region_iommu_attrs_to_index(iommu_mr,
                                                   MEMTXATTRS_UNSPECIFIED);
    Error *err = NULL;

    iommu_notifier_init(n, fn, flags, sec->start, sec->last, index);
    if (memory_region_register_iommu_notifier(sec->mr, n, &err)) {
        note_refusal(sec->s, err);
        return false;
    }
    return true;
}

/*
 * Without a replay method of the IOMMU's, QEMU walks the whole region page by
 * page, which takes centuries.
 */
static void section_replay(NyxTestdevSection *sec)
{
    IOMMUMemoryRegion *iommu_mr = IOMMU_MEMORY_REGION(sec->mr);
    Error *err = NULL;

    if (!IOMMU_MEMORY_REGION_GET_CLASS(iommu_mr)->replay) {
        error_setg(&err, "IOMMU region '%s' has no replay method",
                   memory_region_name(sec->mr));
        note_refusal(sec->s, err);
        return;
    }
    nyx_testdev_reg_inc(sec->s, NYX_TD_NOTIFY_REPLAYS);
    memory_region_iommu_replay(iommu_mr, &sec->map);
}

static void section_add(NyxTestdevState *s, const MemoryRegionSection *mrs)
{
    NyxTestdevNotify *notify = &s->notify;
    NyxTestdevSection *sec = g_new0(NyxTestdevSection, 1);
    IOMMUNotifierFlag flags = IOMMU_NOTIFIER_NONE;

    sec->s = s;
    sec->mr = mrs->mr;
    sec->start = mrs->offset_within_region;
    sec->last = int128_get64(int128_sub(mrs->size, int128_one())) + sec->start;
    sec->offset = mrs->offset_within_address_space - sec->start;
    memory_region_ref(sec->mr);
    QLIST_INSERT_HEAD(&notify->sections, sec, next);

    if (notify->flags & NYX_TD_NOTIFY_MAP) {
        flags |= IOMMU_NOTIFIER_MAP;
    }
    if (notify->flags & NYX_TD_NOTIFY_UNMAP) {
        flags |= IOMMU_NOTIFIER_UNMAP;
    }
    if (notify->flags & NYX_TD_NOTIFY_DEV_UNMAP) {
        sec->devtlb_on = section_register(sec, &sec->devtlb, devtlb_notify,
                                          IOMMU_NOTIFIER_DEVIOTLB_UNMAP);
    }
    if (flags != IOMMU_NOTIFIER_NONE) {
        sec->map_on = section_register(sec, &sec->map, map_notify, flags);
    }
    if (sec->map_on && (flags & IOMMU_NOTIFIER_MAP)) {
        section_replay(sec);
    }
}

static void section_remove(NyxTestdevSection *sec)
{
    NyxTestdevState *s = sec->s;

    if (sec->map_on) {
        memory_region_unregister_iommu_notifier(sec->mr, &sec->map);
    }
    if (sec->devtlb_on) {
        memory_region_unregister_iommu_notifier(sec->mr, &sec->devtlb);
        nyx_testdev_atc_drop(&s->atc, sec->start + sec->offset,
                             sec->last + sec->offset);
    }
    nyx_testdev_dirty_gone(s, sec->start + sec->offset,
                           sec->last + sec->offset);
    nyx_shadow_drop(&s->notify.shadow, sec->start + sec->offset,
                    sec->last + sec->offset);
    QLIST_REMOVE(sec, next);
    memory_region_unref(sec->mr);
    g_free(sec);
}

static void listener_add(MemoryListener *listener, MemoryRegionSection *mrs)
{
    NyxTestdevState *s = container_of(listener, NyxTestdevState,
                                      notify.listener);

    if (memory_region_is_iommu(mrs->mr)) {
        s->notify.iommu_sections++;
        section_add(s, mrs);
    } else if (memory_region_is_ram(mrs->mr)) {
        s->notify.ram_sections++;
    }
}

static void listener_del(MemoryListener *listener, MemoryRegionSection *mrs)
{
    NyxTestdevState *s = container_of(listener, NyxTestdevState,
                                      notify.listener);
    uint64_t first = mrs->offset_within_address_space;
    uint64_t last = first + int128_get64(int128_sub(mrs->size, int128_one()));
    NyxTestdevSection *sec;

    if (memory_region_is_ram(mrs->mr)) {
        s->notify.ram_sections--;
        nyx_testdev_dirty_gone(s, first, last);
    }
    if (!memory_region_is_iommu(mrs->mr)) {
        return;
    }
    s->notify.iommu_sections--;
    QLIST_FOREACH(sec, &s->notify.sections, next) {
        if (sec->mr == mrs->mr && sec->start == mrs->offset_within_region) {
            section_remove(sec);
            return;
        }
    }
}

void nyx_testdev_notify_init(NyxTestdevState *s)
{
    QLIST_INIT(&s->notify.sections);
    s->notify.shadow.max = s->shadow_max;
    s->notify.listener = (MemoryListener) {
        .name = TYPE_NYX_TESTDEV,
        .region_add = listener_add,
        .region_del = listener_del,
        .priority = MEMORY_LISTENER_PRIORITY_MIN,
    };
    nyx_testdev_dirty_init(s);
}

void nyx_testdev_notify_stop(NyxTestdevState *s)
{
    NyxTestdevNotify *notify = &s->notify;

    if (notify->listening) {
        notify->listening = false;
        memory_listener_unregister(&notify->listener);
    }
    nyx_shadow_drop(&notify->shadow, 0, UINT64_MAX);
    nyx_testdev_dirty_stop(s);
    notify->flags = 0;
    notify->refused = false;
    notify->bad_ctrl = false;
    g_clear_pointer(&notify->error, g_free);
}

void nyx_testdev_notify_apply(NyxTestdevState *s)
{
    NyxTestdevNotify *notify = &s->notify;
    uint32_t flags = nyx_testdev_reg_get(s, NYX_TD_NOTIFY_CTRL);

    nyx_testdev_notify_stop(s);
    if ((flags & NYX_TD_NOTIFY_MAP) && !(flags & NYX_TD_NOTIFY_UNMAP)) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "nyx-testdev: MAP events without UNMAP events\n");
        notify->bad_ctrl = true;
        return;
    }
    if (!flags || !pci_get_bus(PCI_DEVICE(s))) {
        return;
    }
    notify->flags = flags;
    notify->listening = true;
    /*
     * Like VFIO: of the address space that the IOMMU gives to the function,
     * whether it is a bus master at the moment or not.
     */
    memory_listener_register(&notify->listener,
                             pci_device_iommu_address_space(PCI_DEVICE(s)));
}

void nyx_testdev_notify_replay(NyxTestdevState *s)
{
    NyxTestdevSection *sec;

    nyx_shadow_drop(&s->notify.shadow, 0, UINT64_MAX);
    QLIST_FOREACH(sec, &s->notify.sections, next) {
        if (sec->map_on && (s->notify.flags & NYX_TD_NOTIFY_MAP)) {
            section_replay(sec);
        }
    }
}

uint32_t nyx_testdev_notify_status(NyxTestdevState *s)
{
    const NyxTestdevNotify *notify = &s->notify;
    NyxTestdevSection *sec;
    uint32_t status;

    status = MIN(notify->iommu_sections, 255) << NYX_TD_NOTIFY_ST_IOMMU_SHIFT |
             MIN(notify->ram_sections, 255) << NYX_TD_NOTIFY_ST_RAM_SHIFT;
    QLIST_FOREACH(sec, &notify->sections, next) {
        if (sec->map_on || sec->devtlb_on) {
            status |= NYX_TD_NOTIFY_ST_ACTIVE;
        }
    }
    if (notify->refused) {
        status |= NYX_TD_NOTIFY_ST_REFUSED;
    }
    if (notify->bad_ctrl) {
        status |= NYX_TD_NOTIFY_ST_BAD_CTRL;
    }
    return status;
}

/* Properties */

typedef struct ShadowList {
    struct ShadowList *next;
    const NyxShadowEntry *value;
} ShadowList;

static bool visit_entry(Visitor *v, const NyxShadowEntry *entry, Error **errp)
{
    uint64_t iova = entry->node.start;
    uint64_t size = entry->node.last - entry->node.start + 1;
    uint64_t addr = entry->addr;
    bool can_read = entry->read;
    bool can_write = entry->write;
    bool ok;

    if (!visit_start_struct(v, NULL, NULL, 0, errp)) {
        return false;
    }
    ok = visit_type_uint64(v, "iova", &iova, errp) &&
         visit_type_uint64(v, "size", &size, errp) &&
         visit_type_uint64(v, "addr", &addr, errp) &&
         visit_type_bool(v, "read", &can_read, errp) &&
         visit_type_bool(v, "write", &can_write, errp) &&
         visit_check_struct(v, errp);
    visit_end_struct(v, NULL);
    return ok;
}

static ShadowList *shadow_list(NyxShadow *shadow)
{
    ShadowList *head = NULL;
    ShadowList **tail = &head;
    IntervalTreeNode *node;

    for (node = interval_tree_iter_first(&shadow->root, 0, UINT64_MAX); node;
         node = interval_tree_iter_next(node, 0, UINT64_MAX)) {
        *tail = g_new0(ShadowList, 1);
        (*tail)->value = container_of(node, NyxShadowEntry, node);
        tail = &(*tail)->next;
    }
    return head;
}

static void get_shadow(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    ShadowList *head = shadow_list(&NYX_TESTDEV(obj)->notify.shadow);
    GenericList *list = (GenericList *)head;
    ShadowList *item;
    bool ok;

    if (visit_start_list(v, name, &list, sizeof(*head), errp)) {
        ok = true;
        for (item = head; item && ok;
             item = (ShadowList *)visit_next_list(v, (GenericList *)item,
                                                  sizeof(*item))) {
            ok = visit_entry(v, item->value, errp);
        }
        if (ok) {
            visit_check_list(v, errp);
        }
        visit_end_list(v, (void **)&list);
    }
    while (head) {
        item = head->next;
        g_free(head);
        head = item;
    }
}

static const struct {
    const char *name;
    unsigned offset;
    bool wide;
} stat_rows[] = {
    { "requests", NYX_TD_DMA_COUNT, false },
    { "request-errors", NYX_TD_DMA_ERRORS, false },
    { "interrupts", NYX_TD_IRQ_COUNT, false },
    { "maps", NYX_TD_NOTIFY_MAPS, true },
    { "unmaps", NYX_TD_NOTIFY_UNMAPS, true },
    { "device-unmaps", NYX_TD_NOTIFY_DEV_UNMAPS, true },
    { "replays", NYX_TD_NOTIFY_REPLAYS, false },
    { "errors", NYX_TD_NOTIFY_ERRORS, false },
    { "double-map", NYX_TD_ERR_DOUBLE_MAP, false },
    { "cut", NYX_TD_ERR_CUT, false },
    { "size", NYX_TD_ERR_SIZE, false },
    { "not-ram", NYX_TD_ERR_NOT_RAM, false },
    { "target", NYX_TD_ERR_TARGET, false },
    { "full", NYX_TD_ERR_FULL, false },
    { "address", NYX_TD_ERR_ADDR, false },
};

static bool visit_stats(NyxTestdevState *s, Visitor *v, Error **errp)
{
    uint64_t value;

    for (unsigned i = 0; i < ARRAY_SIZE(stat_rows); i++) {
        value = stat_rows[i].wide
                ? nyx_testdev_reg_get64(s, stat_rows[i].offset)
                : nyx_testdev_reg_get(s, stat_rows[i].offset);
        if (!visit_type_uint64(v, stat_rows[i].name, &value, errp)) {
            return false;
        }
    }
    value = s->notify.shadow.count;
    if (!visit_type_uint64(v, "mappings", &value, errp)) {
        return false;
    }
    value = s->notify.shadow.bytes;
    return visit_type_uint64(v, "mapped-bytes", &value, errp);
}

static void get_stats(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    if (!visit_start_struct(v, name, NULL, 0, errp)) {
        return;
    }
    if (visit_stats(NYX_TESTDEV(obj), v, errp)) {
        visit_check_struct(v, errp);
    }
    visit_end_struct(v, NULL);
}

static char *get_notify_error(Object *obj, Error **errp)
{
    return g_strdup(NYX_TESTDEV(obj)->notify.error ?: "");
}

void nyx_testdev_notify_class_init(ObjectClass *klass)
{
    object_class_property_add(klass, "shadow", "NyxTestdevMapping list",
                              get_shadow, NULL, NULL, NULL);
    object_class_property_set_description(klass, "shadow",
        "Mappings that the IOMMU announced to this device");
    object_class_property_add(klass, "stats", "NyxTestdevStats",
                              get_stats, NULL, NULL, NULL);
    object_class_property_set_description(klass, "stats",
        "Counters of requests and of IOMMU events");
    object_class_property_add_str(klass, "notify-error", get_notify_error,
                                  NULL);
    object_class_property_set_description(klass, "notify-error",
        "Why the IOMMU last refused this device's notifier");
}
