/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The short way through a request queue: see ring.h.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "hw/virtio-iommu-ext/engine.h"
#include "hw/virtio-iommu-ext/ring.h"

/* 2.7.5: a descriptor is an address, and this: */
#define DESC_LEN(word)      ((uint32_t)(word))
#define DESC_FLAGS(word)    ((uint16_t)((word) >> 32))
#define DESC_NEXT(word)     ((uint16_t)((word) >> 48))
#define DESC_SIZE           16

#define F_NEXT              1
#define F_WRITE             2
#define F_INDIRECT          4

/* 2.7.6, 2.7.8: flags and index come before the entries. */
#define RING_INDEX          2
#define RING_ENTRIES        4
#define AVAIL_ENTRY         2
#define USED_ENTRY          8

/* Used entries that are published together. */
#define BATCH               64

typedef struct Chain {
    uint16_t head;
    uint32_t in_len;
    uint64_t in;             /* the request */
    uint64_t out;            /* its tail */
} Chain;

static bool read16(const NyxVioRing *ring, uint64_t gpa, uint16_t *value)
{
    if (!ring->mem.read(ring->mem.opaque, gpa, value, sizeof(*value))) {
        return false;
    }
    *value = le16_to_cpu(*value);
    return true;
}

/* The two descriptors of a chain, be they in a table of their own. */
static bool read_descs(const NyxVioRing *ring, uint16_t head,
                       uint64_t words[4])
{
    if (head >= ring->size ||
        !nyx_mem_read_le64(&ring->mem, ring->desc + head * DESC_SIZE, words,
                           2)) {
        return false;
    }
    if (DESC_FLAGS(words[1]) == F_INDIRECT) {
        return ring->indirect && DESC_LEN(words[1]) == 2 * DESC_SIZE &&
               nyx_mem_read_le64(&ring->mem, words[0], words, 4) &&
               DESC_NEXT(words[1]) == 1;
    }
    return DESC_NEXT(words[1]) < ring->size &&
           nyx_mem_read_le64(&ring->mem, ring->desc +
                             DESC_NEXT(words[1]) * DESC_SIZE, words + 2, 2);
}

/* False if the chain is not a request and a tail. */
static bool read_chain(const NyxVioRing *ring, uint16_t index, Chain *chain)
{
    uint64_t words[4];

    if (!read16(ring, ring->avail + RING_ENTRIES +
                AVAIL_ENTRY * (index % ring->size), &chain->head) ||
        !read_descs(ring, chain->head, words) ||
        DESC_FLAGS(words[1]) != F_NEXT || DESC_FLAGS(words[3]) != F_WRITE) {
        return false;
    }
    chain->in = words[0];
    chain->in_len = DESC_LEN(words[1]);
    chain->out = words[2];
    return chain->in_len && chain->in_len <= NVIO_REQUEST_IN_MAX &&
           DESC_LEN(words[3]) == NVIO_TAIL_SIZE;
}

/* Used entry of the request @index; false if it is not one for us. */
static bool run_one(const NyxVioRing *ring, uint16_t index, uint32_t used[2])
{
    uint8_t in[NVIO_REQUEST_IN_MAX], out[NVIO_TAIL_SIZE] = { 0 };
    Chain chain;
    size_t len;

    if (!read_chain(ring, index, &chain) ||
        !ring->mem.read(ring->mem.opaque, chain.in, in, chain.in_len)) {
        return false;
    }
    len = ring->request(ring->opaque, in, chain.in_len, out, sizeof(out));
    if (len && !ring->mem.write(ring->mem.opaque, chain.out, out, len)) {
        len = 0;
    }
    used[0] = cpu_to_le32(chain.head);
    used[1] = cpu_to_le32(len);
    return true;
}

/* Requests whose entries have been stored become visible with the index. */
static void publish(const NyxVioRing *ring, uint16_t first,
                    uint32_t entries[][2], unsigned count)
{
    const NyxMem *mem = &ring->mem;
    unsigned at = first % ring->size;
    unsigned until_end = MIN(count, ring->size - at);
    uint16_t index = cpu_to_le16(first + count);

    mem->write(mem->opaque, ring->used + RING_ENTRIES + USED_ENTRY * at,
               entries, USED_ENTRY * until_end);
    if (count > until_end) {
        mem->write(mem->opaque, ring->used + RING_ENTRIES,
                   entries + until_end, USED_ENTRY * (count - until_end));
    }
    smp_wmb();
    mem->write(mem->opaque, ring->used + RING_INDEX, &index, sizeof(index));
}

/* Up to BATCH requests, of those that are available. */
static unsigned run_batch(const NyxVioRing *ring, uint16_t next,
                          unsigned count)
{
    uint32_t entries[BATCH][2];
    unsigned done = 0;

    count = MIN(count, MIN(BATCH, ring->size));
    while (done < count && run_one(ring, next + done, entries[done])) {
        done++;
        if (ring->enough(ring->opaque)) {
            break;
        }
    }
    if (done) {
        publish(ring, next, entries, done);
    }
    return done;
}

unsigned nyx_vio_ring_run(const NyxVioRing *ring, uint16_t next, unsigned max)
{
    uint16_t available, used;
    unsigned done = 0, now;

    if (!read16(ring, ring->used + RING_INDEX, &used) || used != next) {
        return 0;
    }
    do {
        uint16_t at = next + done;

        if (!read16(ring, ring->avail + RING_INDEX, &available) ||
            (uint16_t)(available - at) > ring->size) {
            break;
        }
        /* The entries are those of the index, or newer. */
        smp_rmb();
        now = run_batch(ring, at, MIN((uint16_t)(available - at),
                                      max - done));
        done += now;
    } while (now && !ring->enough(ring->opaque));
    return done;
}
