/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-testdev as a device of the host where QEMU tracks dirty pages: it goes
 * to memory behind QEMU's back, by what was announced, and tells which pages
 * it wrote to in the manner of VFIO.  An IOMMU region is asked for its
 * mappings then, by a notifier that is not registered.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/rcu.h"
#include "testdev.h"

#define PAGE_LG2    12
#define PAGE_BYTES   (1ull << PAGE_LG2)
/* The kernel has no bitmap for more: VFIO's unmap fails. */
#define MAX_BITMAP  (1ull << 43)

/* --- Requests ------------------------------------------------------------- */

/* RAM at @gpa; NULL if there is none.  Under RCU. */
static MemoryRegion *ram_at(uint64_t gpa, hwaddr *offset)
{
    hwaddr len = 1;
    MemoryRegion *mr = address_space_translate(&address_space_memory, gpa,
                                               offset, &len, false,
                                               MEMTXATTRS_UNSPECIFIED);

    return memory_region_is_ram(mr) ? mr : NULL;
}

/* Where the container leads to, if it permits that. */
static bool container_lookup(NyxTestdevState *s, uint64_t iova, bool write,
                             uint64_t *gpa)
{
    const NyxShadowEntry *entry = nyx_shadow_find(&s->notify.shadow, iova);

    if (s->notify.ram_sections) {
        *gpa = iova;
        return true;
    }
    if (!entry || !(write ? entry->write : entry->read)) {
        return false;
    }
    *gpa = entry->addr + (iova - entry->node.start);
    return true;
}

static bool host_move(NyxTestdevState *s, uint64_t iova, uint8_t *buf,
                      uint32_t len, bool write)
{
    MemoryRegion *mr;
    uint64_t gpa;
    hwaddr offset;
    uint8_t *ram;

    RCU_READ_LOCK_GUARD();
    if (!container_lookup(s, iova, write, &gpa)) {
        return false;
    }
    mr = ram_at(gpa, &offset);
    if (!mr) {
        return false;
    }
    ram = (uint8_t *)memory_region_get_ram_ptr(mr) + offset;
    if (write) {
        memcpy(ram, buf, len);
    } else {
        memcpy(buf, ram, len);
    }
    if (write && s->dirty.tracking) {
        g_hash_table_add(s->dirty.pages,
                         GSIZE_TO_POINTER(iova >> PAGE_LG2));
    }
    return true;
}

void nyx_testdev_host_perform(NyxTestdevState *s, const NyxTestdevReq *req,
                              uint8_t *buf, NyxTestdevResult *res)
{
    bool write = req->op == NYX_TD_OP_WRITE || req->op == NYX_TD_OP_FILL;

    if (!s->master) {
        res->status = NYX_TD_ST_NO_MASTER;
        return;
    }
    while (res->done < req->len) {
        uint64_t iova = req->addr + res->done;
        uint32_t len = MIN(req->len - res->done, -(iova | -PAGE_BYTES));

        if (!host_move(s, iova, buf + res->done, len, write)) {
            res->status = NYX_TD_ST_NO_MAPPING;
            return;
        }
        res->done += len;
    }
}

/* --- What was written to -------------------------------------------------- */

/* Tell QEMU of a page; false if it is not one of RAM. */
static bool tell(uint64_t gpa)
{
    MemoryRegion *mr;
    hwaddr offset;

    RCU_READ_LOCK_GUARD();
    mr = ram_at(gpa, &offset);
    if (mr) {
        memory_region_set_dirty(mr, offset, PAGE_BYTES);
    }
    return mr;
}

/* Pages in [@iova, @last], which is at @gpa; or lost. */
static void take_pages(NyxTestdevState *s, uint64_t iova, uint64_t last,
                       uint64_t gpa, bool lost)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, s->dirty.pages);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        uint64_t page = (uint64_t)GPOINTER_TO_SIZE(key) << PAGE_LG2;

        if (page < iova || page > last) {
            continue;
        }
        if (lost || !tell(gpa + (page - iova))) {
            nyx_testdev_reg_inc(s, NYX_TD_DIRTY_LOST);
        }
        g_hash_table_iter_remove(&iter);
    }
}

void nyx_testdev_dirty_gone(NyxTestdevState *s, uint64_t first, uint64_t last)
{
    take_pages(s, first, last, 0, true);
}

unsigned nyx_testdev_dirty_unmapped(NyxTestdevState *s, uint64_t iova,
                                    uint64_t last, uint64_t addr)
{
    bool fits = last - iova < MAX_BITMAP;
    const NyxShadowEntry *entry = NULL;
    uint64_t pos = iova;

    if (!s->dirty.tracking) {
        return NYX_TD_SHADOW_OK;
    }
    while (fits && (entry = nyx_shadow_next(&s->notify.shadow, pos, last))) {
        if (entry->addr != addr + (entry->node.start - iova)) {
            break;
        }
        if (entry->node.last >= last) {
            entry = NULL;
            break;
        }
        pos = entry->node.last + 1;
    }
    if (!fits || entry) {
        nyx_testdev_dirty_gone(s, iova, last);
        return NYX_TD_SHADOW_ADDR_WRONG;
    }
    take_pages(s, iova, last, addr, false);
    return NYX_TD_SHADOW_OK;
}

/* --- Questions ------------------------------------------------------------ */

typedef struct Sync {
    IOMMUNotifier n;
    NyxTestdevSection *sec;
} Sync;

static void sync_notify(IOMMUNotifier *n, IOMMUTLBEntry *entry)
{
    NyxTestdevSection *sec = container_of(n, Sync, n)->sec;
    NyxTestdevState *s = sec->s;
    uint64_t iova = entry->iova + sec->offset;
    bool good = (entry->perm & IOMMU_RW) && entry->iova >= n->start &&
                entry->iova + entry->addr_mask <= n->end;

    nyx_testdev_reg_inc64(s, NYX_TD_SYNC_EVENTS);
    if (!good || nyx_testdev_take_map(&s->dirty.seen, entry, iova) !=
        NYX_TD_SHADOW_OK) {
        nyx_testdev_reg_inc(s, NYX_TD_SYNC_ERRORS);
        return;
    }
    take_pages(s, iova, iova + entry->addr_mask, entry->translated_addr,
               false);
}

static void sync_section(NyxTestdevSection *sec)
{
    IOMMUMemoryRegion *iommu_mr = IOMMU_MEMORY_REGION(sec->mr);
    int index = memory_region_iommu_attrs_to_index(iommu_mr,
                                                   MEMTXATTRS_UNSPECIFIED);
    Sync sync = { .sec = sec };

    if (!IOMMU_MEMORY_REGION_GET_CLASS(iommu_mr)->replay) {
        nyx_testdev_reg_inc(sec->s, NYX_TD_SYNC_ERRORS);
        return;
    }
    nyx_shadow_drop(&sec->s->dirty.seen, sec->start + sec->offset,
                    sec->last + sec->offset);
    iommu_notifier_init(&sync.n, sync_notify, IOMMU_NOTIFIER_MAP, sec->start,
                        sec->last, index);
    memory_region_iommu_replay(iommu_mr, &sync.n);
}

void nyx_testdev_dirty_ask(NyxTestdevState *s)
{
    NyxTestdevSection *sec;

    nyx_shadow_drop(&s->dirty.seen, 0, UINT64_MAX);
    QLIST_FOREACH(sec, &s->notify.sections, next) {
        sync_section(sec);
    }
}

/* --- The memory listener -------------------------------------------------- */

static NyxTestdevState *state_of(MemoryListener *listener)
{
    return container_of(listener, NyxTestdevState, notify.listener);
}

static bool log_start(MemoryListener *listener, Error **errp)
{
    NyxTestdevState *s = state_of(listener);

    s->dirty.tracking = s->notify.flags & NYX_TD_NOTIFY_MAP;
    return true;
}

static void log_stop(MemoryListener *listener)
{
    NyxTestdevState *s = state_of(listener);

    s->dirty.tracking = false;
    g_hash_table_remove_all(s->dirty.pages);
}

static void log_sync(MemoryListener *listener, MemoryRegionSection *mrs)
{
    NyxTestdevState *s = state_of(listener);
    uint64_t first = mrs->offset_within_address_space;
    uint64_t last = first + int128_get64(int128_sub(mrs->size, int128_one()));
    NyxTestdevSection *sec;

    if (!s->dirty.tracking) {
        return;
    }
    if (memory_region_is_ram(mrs->mr)) {
        take_pages(s, first, last, first, false);
    }
    QLIST_FOREACH(sec, &s->notify.sections, next) {
        if (sec->mr == mrs->mr && sec->start == mrs->offset_within_region) {
            sync_section(sec);
        }
    }
}

void nyx_testdev_dirty_init(NyxTestdevState *s)
{
    s->dirty.pages = g_hash_table_new(NULL, NULL);
    s->dirty.seen.max = s->shadow_max;
    s->notify.listener.log_global_start = log_start;
    s->notify.listener.log_global_stop = log_stop;
    s->notify.listener.log_sync = log_sync;
}

void nyx_testdev_dirty_stop(NyxTestdevState *s)
{
    s->dirty.tracking = false;
    g_hash_table_remove_all(s->dirty.pages);
    nyx_shadow_drop(&s->dirty.seen, 0, UINT64_MAX);
}

void nyx_testdev_dirty_exit(NyxTestdevState *s)
{
    nyx_testdev_dirty_stop(s);
    g_clear_pointer(&s->dirty.pages, g_hash_table_destroy);
}
