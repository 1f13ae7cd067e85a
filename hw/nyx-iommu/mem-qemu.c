/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NyxMem over QEMU's system memory.
 *
 * Table entries are read all the time, so where RAM is in the host is kept
 * in a small array: a listener makes a new one whenever the memory map
 * changes, readers use the one they find under RCU.  An array holds
 * references to its regions until nobody can be reading it any more.  What
 * is not in the array, or not in one piece, goes through QEMU's own access
 * functions, which refuse anything that is not memory.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/rcu.h"
#include "hw/nyx-iommu/compat.h"
#include "hw/nyx-iommu/mem-qemu.h"

typedef struct RamRange {
    uint64_t first;
    uint64_t last;
    uint8_t *host;
    MemoryRegion *mr;        /* referenced */
} RamRange;

typedef struct RamMap {
    struct rcu_head rcu;
    unsigned count;
    RamRange range[];
} RamMap;

static RamMap *ram_map;      /* RCU */
static GArray *ram_pending;  /* RamRange, while the memory map changes */

/* Ask QEMU to refuse anything that is not memory. */
static const MemTxAttrs memory_only = { .memory = true };

/* --- The map -------------------------------------------------------------- */

static void ram_begin(MemoryListener *listener)
{
    ram_pending = g_array_new(false, false, sizeof(RamRange));
}

static void ram_add(MemoryListener *listener, MemoryRegionSection *section)
{
    MemoryRegion *mr = section->mr;
    RamRange range;

    if (!memory_region_is_ram(mr) || memory_region_is_ram_device(mr)) {
        return;
    }
    range = (RamRange) {
        .first = section->offset_within_address_space,
        .last = section->offset_within_address_space +
                int128_get64(section->size) - 1,
        .host = (uint8_t *)memory_region_get_ram_ptr(mr) +
                section->offset_within_region,
        .mr = mr,
    };
    memory_region_ref(mr);
    g_array_append_val(ram_pending, range);
}

static void ram_map_free(RamMap *map)
{
    for (unsigned i = 0; i < map->count; i++) {
        memory_region_unref(map->range[i].mr);
    }
    g_free(map);
}

/* Larger ranges first: that is where tables are. */
static int compare_size(const void *a, const void *b)
{
    const RamRange *ra = a, *rb = b;
    uint64_t la = ra->last - ra->first, lb = rb->last - rb->first;

    return la > lb ? -1 : la < lb;
}

static void ram_commit(MemoryListener *listener)
{
    unsigned count = ram_pending->len;
    RamMap *old = ram_map;
    RamMap *map = g_malloc0(sizeof(*map) + count * sizeof(RamRange));

    map->count = count;
    if (count) {
        g_array_sort(ram_pending, compare_size);
        memcpy(map->range, ram_pending->data, count * sizeof(RamRange));
    }
    g_array_unref(ram_pending);
    ram_pending = NULL;
    qatomic_rcu_set(&ram_map, map);
    if (old) {
        call_rcu(old, ram_map_free, rcu);
    }
}

static MemoryListener ram_listener = {
    .name = "nyx-iommu-ram",
    .begin = ram_begin,
    .commit = ram_commit,
    .region_add = ram_add,
    .region_nop = ram_add,
};

bool nyx_machine_runs(bool running)
{
    return running || runstate_check(RUN_STATE_PRELAUNCH);
}

void nyx_mem_qemu_init(void)
{
    if (!ram_listener.address_space) {
        memory_listener_register(&ram_listener, &address_space_memory);
    }
}

/*
 * @gpa in the host if @len bytes there are RAM in one piece, else NULL.  The
 * caller is in an RCU critical section, as every translation is, or has the
 * big lock, without which the map does not change.
 */
static const uint8_t *ram_ptr(uint64_t gpa, size_t len)
{
    const RamMap *map = qatomic_rcu_read(&ram_map);

    for (unsigned i = 0; map && i < map->count; i++) {
        const RamRange *range = &map->range[i];

        if (gpa >= range->first && gpa <= range->last) {
            return range->last - gpa >= len - 1 ?
                   range->host + (gpa - range->first) : NULL;
        }
    }
    return NULL;
}

/* --- The callbacks -------------------------------------------------------- */

static bool mem_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
    const uint8_t *host = ram_ptr(gpa, len);

    if (!host) {
        return address_space_rw(&address_space_memory, gpa, memory_only, buf,
                                len, false) == MEMTX_OK;
    }
    if ((gpa | len) % sizeof(uint64_t)) {
        memcpy(buf, host, len);
        return true;
    }
    /* Software may be writing: each entry is read in one piece. */
    for (size_t i = 0; i < len / sizeof(uint64_t); i++) {
        ((uint64_t *)buf)[i] = qatomic_read((const uint64_t *)host + i);
    }
    return true;
}

static bool mem_write(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
    return address_space_rw(&address_space_memory, gpa, memory_only,
                            (void *)buf, len, true) == MEMTX_OK;
}

static bool mem_cmpxchg64(void *opaque, uint64_t gpa, uint64_t *expected,
                          uint64_t desired)
{
    hwaddr offset, len = sizeof(uint64_t);
    MemoryRegion *mr;
    uint64_t *host, found, old = cpu_to_le64(*expected);

    RCU_READ_LOCK_GUARD();
    mr = address_space_translate(&address_space_memory, gpa, &offset, &len,
                                 true, memory_only);
    if (gpa % sizeof(uint64_t) || len < sizeof(uint64_t) ||
        !memory_region_is_ram(mr) || mr->readonly || mr->ram_device) {
        return false;
    }
    host = memory_region_get_ram_ptr(mr) + offset;
    found = qatomic_cmpxchg(host, old, cpu_to_le64(desired));
    if (found == old) {
        memory_region_set_dirty(mr, offset, sizeof(uint64_t));
    }
    *expected = le64_to_cpu(found);
    return true;
}

const NyxMem nyx_mem_qemu = {
    .read = mem_read,
    .write = mem_write,
    .cmpxchg64 = mem_cmpxchg64,
};
