/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a virtqueue: see nyx-vring.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-vring.h"

/* Of a split ring: flags and index before the entries of either part. */
#define RING_FLAGS      0
#define RING_INDEX      2
#define RING_ENTRIES    4
#define NO_INTERRUPT    1

/* Of a packed ring's event: position and wrap, flags. */
#define EVENT_FLAGS     2
#define EVENT_DISABLE   1

QEMU_BUILD_BUG_ON(NYX_VRING_MAX * 16 > 4 * NYX_PAGE);
QEMU_BUILD_BUG_ON(NYX_VRING_MAX * 8 + 6 > 3 * NYX_PAGE);

void nyx_vring_init(NyxVring *ring, QTestState *qts, uint64_t base,
                    uint16_t size, bool packed)
{
    g_assert_cmpuint(size, <=, NYX_VRING_MAX);
    *ring = (NyxVring) {
        .qts = qts,
        .desc = base,
        .driver = base + 4 * NYX_PAGE,
        .device = base + 5 * NYX_PAGE,
        .size = size,
        .packed = packed,
        .avail_wrap = true,
        .used_wrap = true,
        .ids = size,
    };
    for (unsigned i = 0; i < size; i++) {
        ring->id[i] = size - 1 - i;
    }
    qtest_memset(qts, base, 0, NYX_VRING_PAGES * NYX_PAGE);
}

/* --- Descriptors ---------------------------------------------------------- */

void nyx_vring_write(NyxVring *ring, uint64_t table, unsigned index,
                     NyxVringDesc desc)
{
    uint16_t ends[2] = {
        cpu_to_le16(ring->packed ? desc.id : desc.flags),
        cpu_to_le16(ring->packed ? desc.flags : desc.id),
    };
    uint8_t raw[16];

    stq_le_p(raw, desc.addr);
    stl_le_p(raw + 8, desc.len);
    memcpy(raw + 12, ends, sizeof(ends));
    qtest_bufwrite(ring->qts, table + index * sizeof(raw), raw, sizeof(raw));
}

NyxVringDesc nyx_vring_read(NyxVring *ring, uint64_t table, unsigned index)
{
    uint8_t raw[16];
    unsigned flags = ring->packed ? 14 : 12;

    qtest_bufread(ring->qts, table + index * sizeof(raw), raw, sizeof(raw));
    return (NyxVringDesc) {
        .addr = ldq_le_p(raw),
        .len = ldl_le_p(raw + 8),
        .flags = lduw_le_p(raw + flags),
        .id = lduw_le_p(raw + 26 - flags),
    };
}

/* --- Making available ----------------------------------------------------- */

uint16_t nyx_vring_next_id(const NyxVring *ring)
{
    g_assert_cmpuint(ring->ids, >, 0);
    return ring->id[ring->ids - 1];
}

bool nyx_vring_has_room(const NyxVring *ring, unsigned parts)
{
    return ring->ids >= parts;
}

/* Ids stand for descriptors, so that both kinds of ring have as many. */
static uint16_t take_ids(NyxVring *ring, unsigned count)
{
    uint16_t head = nyx_vring_next_id(ring);

    g_assert_true(nyx_vring_has_room(ring, count));
    ring->length[head] = count;
    for (unsigned i = 0; i < count; i++) {
        uint16_t id = ring->id[--ring->ids];

        ring->next[id] = i + 1 < count ? nyx_vring_next_id(ring) : id;
    }
    return head;
}

/* In the order in which they are taken again. */
static void return_ids(NyxVring *ring, uint16_t head)
{
    uint16_t chain[NYX_VRING_MAX];
    unsigned count = ring->length[head];

    for (unsigned i = 0; i < count; i++) {
        chain[i] = head;
        head = ring->next[head];
    }
    while (count) {
        ring->id[ring->ids++] = chain[--count];
        ring->length[chain[count]] = 0;
    }
}

uint16_t nyx_vring_flags(const NyxVring *ring)
{
    return ring->avail_wrap ? NYX_VRING_AVAIL : NYX_VRING_USED;
}

/* A table for one chain. */
static NyxVringPart put_indirect(NyxVring *ring, const NyxVringPart *part,
                                 unsigned parts, uint64_t table)
{
    for (unsigned i = 0; i < parts; i++) {
        bool more = !ring->packed && i + 1 < parts;

        nyx_vring_write(ring, table, i, (NyxVringDesc) {
            .addr = part[i].addr,
            .len = part[i].len,
            .flags = (part[i].write ? NYX_VRING_WRITE : 0) |
                     (more ? NYX_VRING_NEXT : 0),
            .id = more ? i + 1 : 0,
        });
    }
    return (NyxVringPart) { .addr = table, .len = parts * 16 };
}

static uint16_t part_flags(const NyxVringPart *part, unsigned parts,
                           unsigned at, bool indirect)
{
    return (part[at].write ? NYX_VRING_WRITE : 0) |
           (at + 1 < parts ? NYX_VRING_NEXT : 0) |
           (indirect ? NYX_VRING_INDIRECT : 0);
}

static void put_split(NyxVring *ring, const NyxVringPart *part,
                      unsigned parts, bool indirect, uint16_t head)
{
    uint16_t at = head;

    for (unsigned i = 0; i < parts; i++) {
        nyx_vring_write(ring, ring->desc, at, (NyxVringDesc) {
            .addr = part[i].addr,
            .len = part[i].len,
            .flags = part_flags(part, parts, i, indirect),
            .id = ring->next[at],
        });
        at = ring->next[at];
    }
    nyx_vring_publish(ring, head);
}

/* The first descriptor's flags come last: with them the chain is there. */
static void put_packed(NyxVring *ring, const NyxVringPart *part,
                       unsigned parts, bool indirect, uint16_t id)
{
    uint16_t first = ring->avail, first_flags = 0;

    for (unsigned i = 0; i < parts; i++) {
        uint16_t flags = nyx_vring_flags(ring) |
                         part_flags(part, parts, i, indirect);
        NyxVringDesc desc = {
            .addr = part[i].addr,
            .len = part[i].len,
            .flags = flags,
            .id = id,
        };

        if (!i) {
            first_flags = flags;
            desc.flags = nyx_vring_read(ring, ring->desc, first).flags;
        }
        nyx_vring_write(ring, ring->desc, ring->avail, desc);
        if (++ring->avail == ring->size) {
            ring->avail = 0;
            ring->avail_wrap = !ring->avail_wrap;
        }
    }
    qtest_writew(ring->qts, ring->desc + first * 16 + 14, first_flags);
}

uint16_t nyx_vring_put(NyxVring *ring, const NyxVringPart *part,
                       unsigned parts, uint64_t indirect)
{
    NyxVringPart table;
    uint16_t id;

    if (indirect) {
        table = put_indirect(ring, part, parts, indirect);
        part = &table;
        parts = 1;
    }
    id = take_ids(ring, parts);
    if (ring->packed) {
        put_packed(ring, part, parts, indirect, id);
    } else {
        put_split(ring, part, parts, indirect, id);
    }
    return id;
}

void nyx_vring_publish(NyxVring *ring, uint16_t head)
{
    g_assert_false(ring->packed);
    qtest_writew(ring->qts,
                 ring->driver + RING_ENTRIES + 2 * (ring->avail % ring->size),
                 head);
    qtest_writew(ring->qts, ring->driver + RING_INDEX, ++ring->avail);
}

/* --- What came back ------------------------------------------------------- */

static bool take_split(NyxVring *ring, uint16_t *id, uint32_t *len)
{
    uint64_t entry = ring->device + RING_ENTRIES +
                     8 * (ring->used % ring->size);

    if (qtest_readw(ring->qts, ring->device + RING_INDEX) == ring->used) {
        return false;
    }
    *id = qtest_readl(ring->qts, entry);
    *len = qtest_readl(ring->qts, entry + 4);
    ring->used++;
    return true;
}

static bool take_packed(NyxVring *ring, uint16_t *id, uint32_t *len)
{
    NyxVringDesc desc = nyx_vring_read(ring, ring->desc, ring->used);
    bool avail = desc.flags & NYX_VRING_AVAIL;
    bool used = desc.flags & NYX_VRING_USED;

    if (avail != used || used != ring->used_wrap) {
        return false;
    }
    *id = desc.id;
    *len = desc.len;
    g_assert_cmpuint(*id, <, ring->size);
    ring->used += ring->length[*id];
    if (ring->used >= ring->size) {
        ring->used -= ring->size;
        ring->used_wrap = !ring->used_wrap;
    }
    return true;
}

bool nyx_vring_take(NyxVring *ring, uint16_t *id, uint32_t *len)
{
    if (!(ring->packed ? take_packed : take_split)(ring, id, len)) {
        return false;
    }
    g_assert_cmpuint(*id, <, ring->size);
    return_ids(ring, *id);
    return true;
}

void nyx_vring_interrupts(NyxVring *ring, bool on)
{
    if (ring->packed) {
        qtest_writew(ring->qts, ring->driver + EVENT_FLAGS,
                     on ? 0 : EVENT_DISABLE);
    } else {
        qtest_writew(ring->qts, ring->driver + RING_FLAGS,
                     on ? 0 : NO_INTERRUPT);
    }
}

void nyx_vring_used_event(NyxVring *ring, uint16_t index)
{
    g_assert_false(ring->packed);
    qtest_writew(ring->qts, ring->driver + RING_ENTRIES + 2 * ring->size,
                 index);
}
