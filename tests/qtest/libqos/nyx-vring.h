/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a virtqueue, split or packed (VIRTIO 1.3, 2.7 and
 * 2.8), in the memory of a qtest's machine.  It keeps no rule that a test may
 * want to break: descriptors can be written one by one.
 */
#ifndef TESTS_LIBQOS_NYX_VRING_H
#define TESTS_LIBQOS_NYX_VRING_H

#include "libqos/nyx-pc.h"

#define NYX_VRING_MAX       1024

#define NYX_VRING_NEXT      (1u << 0)
#define NYX_VRING_WRITE     (1u << 1)
#define NYX_VRING_INDIRECT  (1u << 2)
/* Of packed rings */
#define NYX_VRING_AVAIL     (1u << 7)
#define NYX_VRING_USED      (1u << 15)

/* A descriptor; @id is "next" in a split ring. */
typedef struct NyxVringDesc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t id;
} NyxVringDesc;

/* A piece of memory that a chain consists of. */
typedef struct NyxVringPart {
    uint64_t addr;
    uint32_t len;
    bool write;              /* by the device */
} NyxVringPart;

typedef struct NyxVring {
    QTestState *qts;
    uint64_t desc;           /* what the device is told: descriptors, */
    uint64_t driver;         /* available ring or driver's event, */
    uint64_t device;         /* used ring or device's event */
    uint16_t size;
    bool packed;
    uint16_t avail;          /* index in a split ring, else a position */
    uint16_t used;
    bool avail_wrap;         /* of a packed ring */
    bool used_wrap;
    uint16_t ids;            /* free ones: descriptors of a split ring */
    uint16_t id[NYX_VRING_MAX];
    uint16_t next[NYX_VRING_MAX];
    uint16_t length[NYX_VRING_MAX];  /* descriptors, by a chain's id */
} NyxVring;

/* Bytes that a ring takes, whatever its kind, in whole pages. */
#define NYX_VRING_PAGES     8

/* An empty ring in NYX_VRING_PAGES pages at @base. */
void nyx_vring_init(NyxVring *ring, QTestState *qts, uint64_t base,
                    uint16_t size, bool packed);

/* The id that the next chain has. */
uint16_t nyx_vring_next_id(const NyxVring *ring);
/* Whether a chain of @parts descriptors has room. */
bool nyx_vring_has_room(const NyxVring *ring, unsigned parts);

/*
 * Make a chain available; nobody is told.  @indirect: where a table of
 * descriptors is put, or 0.  Returns its id.
 */
uint16_t nyx_vring_put(NyxVring *ring, const NyxVringPart *part,
                       unsigned parts, uint64_t indirect);
/* The chain that was used next; false if there is none. */
bool nyx_vring_take(NyxVring *ring, uint16_t *id, uint32_t *len);

/* --- For tests that make their own --------------------------------------- */

/* Write descriptor @index of the table at @table. */
void nyx_vring_write(NyxVring *ring, uint64_t table, unsigned index,
                     NyxVringDesc desc);
NyxVringDesc nyx_vring_read(NyxVring *ring, uint64_t table, unsigned index);
/* Of a split ring: make the chain at @head available. */
void nyx_vring_publish(NyxVring *ring, uint16_t head);
/* Of a packed ring: the flags that make a descriptor available now. */
uint16_t nyx_vring_flags(const NyxVring *ring);

/* The device's interrupts: no more, or at each chain. */
void nyx_vring_interrupts(NyxVring *ring, bool on);
/* With EVENT_IDX, of a split ring: interrupt when used goes past @index. */
void nyx_vring_used_event(NyxVring *ring, uint16_t index);

#endif
