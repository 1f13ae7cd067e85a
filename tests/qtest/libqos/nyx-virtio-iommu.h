/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives a virtio-iommu from a qtest as a driver would, ours or QEMU's own:
 * features, queues, requests, events.  Numbers are typed from VIRTIO 1.3
 * (4.1.4 and 5.13), not taken from the model.  What comes back is the test's
 * to judge.
 */
#ifndef TESTS_LIBQOS_NYX_VIRTIO_IOMMU_H
#define TESTS_LIBQOS_NYX_VIRTIO_IOMMU_H

#include "libqos/nyx-vring.h"
#include "libqos/virtio-pci.h"

/* Features */
#define QVIO_F_INPUT_RANGE      (1ull << 0)
#define QVIO_F_DOMAIN_RANGE     (1ull << 1)
#define QVIO_F_MAP_UNMAP        (1ull << 2)
#define QVIO_F_BYPASS           (1ull << 3)
#define QVIO_F_PROBE            (1ull << 4)
#define QVIO_F_MMIO             (1ull << 5)
#define QVIO_F_BYPASS_CONFIG    (1ull << 6)
#define QVIO_F_INDIRECT         (1ull << 28)
#define QVIO_F_EVENT_IDX        (1ull << 29)
#define QVIO_F_VERSION_1        (1ull << 32)
#define QVIO_F_PACKED           (1ull << 34)
#define QVIO_F_IN_ORDER         (1ull << 35)
#define QVIO_F_RING_RESET       (1ull << 40)
/* The device's own bits, and all that is usual besides. */
#define QVIO_F_DEVICE           0xffffffull
#define QVIO_F_USUAL            (QVIO_F_DEVICE | QVIO_F_INDIRECT | \
                                 QVIO_F_VERSION_1)

/* Common configuration */
#define QVIO_COMMON_STATUS      20
#define QVIO_COMMON_QUEUE       22
#define QVIO_COMMON_SIZE        24
#define QVIO_COMMON_VECTOR      26
#define QVIO_COMMON_ENABLE      28
#define QVIO_COMMON_DESC        32
#define QVIO_COMMON_RESET       58

/* Device status */
#define QVIO_ACKNOWLEDGE        0x01
#define QVIO_DRIVER             0x02
#define QVIO_DRIVER_OK          0x04
#define QVIO_FEATURES_OK        0x08
#define QVIO_NEEDS_RESET        0x40

/* Configuration of the device */
#define QVIO_CFG_PAGE_SIZES     0
#define QVIO_CFG_INPUT_START    8
#define QVIO_CFG_INPUT_END      16
#define QVIO_CFG_DOMAIN_START   24
#define QVIO_CFG_DOMAIN_END     28
#define QVIO_CFG_PROBE_SIZE     32
#define QVIO_CFG_BYPASS         36

/* Types of requests, and flags */
#define QVIO_T_ATTACH           1
#define QVIO_T_DETACH           2
#define QVIO_T_MAP              3
#define QVIO_T_UNMAP            4
#define QVIO_T_PROBE            5
#define QVIO_ATTACH_BYPASS      (1u << 0)
#define QVIO_MAP_READ           (1u << 0)
#define QVIO_MAP_WRITE          (1u << 1)
#define QVIO_MAP_MMIO           (1u << 2)
#define QVIO_MAP_RW             (QVIO_MAP_READ | QVIO_MAP_WRITE)

/* Status of a request; the ones above 0xff are not the device's. */
#define QVIO_S_OK               0
#define QVIO_S_IOERR            1
#define QVIO_S_UNSUPP           2
#define QVIO_S_DEVERR           3
#define QVIO_S_INVAL            4
#define QVIO_S_RANGE            5
#define QVIO_S_NOENT            6
#define QVIO_S_FAULT            7
#define QVIO_S_NOMEM            8
#define QVIO_NO_ANSWER          0x100  /* returned with length 0 */
#define QVIO_WRONG_LENGTH       0x101  /* not all that was to be written */
#define QVIO_WRONG_TAIL         0x102  /* reserved bytes that are not 0 */
#define QVIO_NOT_USED           0x103  /* never returned */

/* Events */
#define QVIO_REASON_UNKNOWN     0
#define QVIO_REASON_DOMAIN      1
#define QVIO_REASON_MAPPING     2
#define QVIO_EVENT_READ         (1u << 0)
#define QVIO_EVENT_WRITE        (1u << 1)
#define QVIO_EVENT_ADDRESS      (1u << 8)

typedef struct QVioQueue {
    NyxVring ring;
    uint16_t index;
    uint64_t doorbell;
    uint64_t memory;         /* of the ring */
    uint64_t chains;         /* QVIO_CHAIN_SIZE bytes for each */
    uint16_t in_len[NYX_VRING_MAX];  /* writable bytes, by id */
} QVioQueue;

typedef struct QVio {
    NyxPc *pc;
    QTestState *qts;
    QVirtioPCIDevice *dev;
    uint64_t common;         /* where the parts of the BAR are */
    uint64_t notify;
    uint64_t isr;
    uint64_t config;
    uint64_t offered;
    uint64_t features;       /* as negotiated */
    QVioQueue requests;
    QVioQueue events;
} QVio;

/* --- The device ----------------------------------------------------------- */

/*
 * The first virtio-iommu of the root bus, reset: nothing is negotiated yet.
 * End with qvio_end(), before nyx_pc_end().
 */
QVio *qvio_find(NyxPc *pc);
/* The same, started with those of the features @want that are offered. */
QVio *qvio_start(NyxPc *pc, uint64_t want);
void qvio_end(QVio *v);

/* Status 0, and as it was found. */
void qvio_reset(QVio *v);
/* Reset, then negotiate exactly @features: whether they were accepted. */
bool qvio_negotiate(QVio *v, uint64_t features);
/* Both queues, with @size entries or as many as there are if 0. */
void qvio_queues(QVio *v, uint16_t size);
/* DRIVER_OK */
void qvio_run(QVio *v);
/* All of that, with what is offered of @want. */
void qvio_restart(QVio *v, uint64_t want);

uint8_t qvio_status(QVio *v);
/* 1: a queue has been used, 2: the configuration changed; reading clears. */
uint8_t qvio_isr(QVio *v);

static inline uint64_t qvio_cfg64(QVio *v, unsigned offset)
{
    return qtest_readq(v->qts, v->config + offset);
}

static inline uint32_t qvio_cfg32(QVio *v, unsigned offset)
{
    return qtest_readl(v->qts, v->config + offset);
}

static inline uint8_t qvio_bypass(QVio *v)
{
    return qtest_readb(v->qts, v->config + QVIO_CFG_BYPASS);
}

static inline void qvio_set_bypass(QVio *v, uint8_t value)
{
    qtest_writeb(v->qts, v->config + QVIO_CFG_BYPASS, value);
}

/* --- Buffers: any bytes in any pieces ------------------------------------- */

#define QVIO_OUT_MAX    0x400
#define QVIO_IN_MAX     0x1000
#define QVIO_CHAIN_SIZE 0x2000
#define QVIO_PARTS      64

/*
 * Readable and writable bytes.  A cut is the size of a descriptor; what the
 * cuts (up to a 0) leave is one more.
 */
typedef struct QVioBuf {
    const void *out;
    unsigned out_len;
    unsigned in_len;
    uint16_t out_cut[QVIO_PARTS / 2];
    uint16_t in_cut[QVIO_PARTS / 2];
    bool indirect;
} QVioBuf;

/* What came back. */
typedef struct QVioDone {
    uint16_t id;
    uint32_t used;           /* length, as the device said */
    unsigned in_len;
    uint8_t in[QVIO_IN_MAX]; /* 0xa5 where nothing was written */
} QVioDone;

#define QVIO_UNTOUCHED  0xa5

/* Make @buf available; the device is not told.  Returns its id. */
uint16_t qvio_put(QVio *v, QVioQueue *queue, const QVioBuf *buf);
void qvio_kick(QVio *v, QVioQueue *queue);
/* What is back already; and the same with some patience. */
bool qvio_take(QVio *v, QVioQueue *queue, QVioDone *done);
bool qvio_wait(QVio *v, QVioQueue *queue, QVioDone *done);
/* Put, kick and wait. */
bool qvio_exchange(QVio *v, const QVioBuf *buf, QVioDone *done);
/* QVIO_S_* of what came back. */
unsigned qvio_answer(const QVioDone *done);

/* --- Requests ------------------------------------------------------------- */

/* Every field of every request; zero is right for those that it lacks. */
typedef struct QVioReq {
    uint8_t type;
    uint8_t head_reserved[3];
    uint32_t domain;
    uint32_t endpoint;
    uint32_t flags;
    uint64_t virt_start;
    uint64_t virt_end;       /* inclusive */
    uint64_t phys_start;
    uint64_t reserved;       /* as much of it as there is; PROBE: each 8 */
} QVioReq;

#define QVIO_REQ_MAX    72

/* Its readable bytes; returns how many. */
unsigned qvio_pack(const QVioReq *req, uint8_t bytes[QVIO_REQ_MAX]);
/* One request other than PROBE.  Returns QVIO_S_*. */
unsigned qvio_request(QVio *v, const QVioReq *req);
/* Many with one kick, as many as have room; QVIO_S_* of each. */
void qvio_batch(QVio *v, const QVioReq *req, unsigned count,
                unsigned *status);
/*
 * The batch in halves: what qvio_kick() will find, and what came of it.
 * Returns how many have room.
 */
unsigned qvio_batch_put(QVio *v, const QVioReq *req, unsigned count,
                        uint16_t *id);
void qvio_batch_take(QVio *v, unsigned count, const uint16_t *id,
                     unsigned *status);

unsigned qvio_attach(QVio *v, uint32_t domain, uint32_t endpoint,
                     uint32_t flags);
unsigned qvio_detach(QVio *v, uint32_t domain, uint32_t endpoint);
unsigned qvio_map(QVio *v, uint32_t domain, uint64_t first, uint64_t last,
                  uint64_t phys, uint32_t flags);
unsigned qvio_unmap(QVio *v, uint32_t domain, uint64_t first, uint64_t last);
/*
 * PROBE with room for @size bytes of properties, which are all set, to
 * QVIO_UNTOUCHED if they were not written.
 */
unsigned qvio_probe(QVio *v, uint32_t endpoint, void *properties,
                    unsigned size);

/* A property of type RESV_MEM, number @index of them; false: no more. */
typedef struct QVioResv {
    uint8_t subtype;
    uint64_t first;
    uint64_t last;
} QVioResv;

bool qvio_resv(const void *properties, unsigned size, unsigned index,
               QVioResv *resv);

/* --- Events --------------------------------------------------------------- */

typedef struct QVioEvent {
    uint32_t used;
    uint8_t reason;
    uint32_t flags;
    uint32_t endpoint;
    uint64_t address;
    bool reserved;           /* a reserved byte is not 0 */
} QVioEvent;

/* Post @count buffers of 24 bytes, and tell the device. */
void qvio_event_post(QVio *v, unsigned count);
/* The next event; false if there is none. */
bool qvio_event(QVio *v, QVioEvent *event);

#endif
