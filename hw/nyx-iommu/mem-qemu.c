/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NyxMem over QEMU's system memory.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/rcu.h"
#include "hw/nyx-iommu/compat.h"
#include "hw/nyx-iommu/mem-qemu.h"

/* Ask QEMU to refuse anything that is not memory. */
static const MemTxAttrs memory_only = { .memory = true };

static bool mem_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
    if (len == sizeof(uint64_t)) {
        /* A table entry: of known size, QEMU reads it without a loop. */
        return address_space_read(&address_space_memory, gpa, memory_only,
                                  buf, sizeof(uint64_t)) == MEMTX_OK;
    }
    return address_space_rw(&address_space_memory, gpa, memory_only, buf, len,
                            false) == MEMTX_OK;
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
