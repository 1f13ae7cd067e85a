/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives a virtio-iommu from a qtest: see nyx-virtio-iommu.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-virtio-iommu.h"

#define VENDOR              0x1af4
#define DEVICE              0x1057
#define SLOTS               32

/* Common configuration, what the header does not have. */
#define DEVICE_SELECT       0
#define DEVICE_FEATURES     4
#define DRIVER_SELECT       8
#define DRIVER_FEATURES     12
#define NOTIFY_OFF          30

/* In the pages of a chain. */
#define AT_OUT              0
#define AT_TABLE            0x400
#define AT_IN               NYX_PAGE

#define EVENT_SIZE          24
#define RESV_MEM            1

QEMU_BUILD_BUG_ON(AT_OUT + QVIO_OUT_MAX > AT_TABLE);
QEMU_BUILD_BUG_ON(AT_TABLE + QVIO_PARTS * 16 > AT_IN);
QEMU_BUILD_BUG_ON(AT_IN + QVIO_IN_MAX > QVIO_CHAIN_SIZE);

/* --- The device ----------------------------------------------------------- */

static uint64_t device_features(QVio *v)
{
    uint64_t half[2];

    for (unsigned i = 0; i < 2; i++) {
        qtest_writel(v->qts, v->common + DEVICE_SELECT, i);
        half[i] = qtest_readl(v->qts, v->common + DEVICE_FEATURES);
    }
    return half[0] | half[1] << 32;
}

static void queue_init(QVio *v, QVioQueue *queue, uint16_t index)
{
    uint16_t offset;

    qtest_writew(v->qts, v->common + QVIO_COMMON_QUEUE, index);
    offset = qtest_readw(v->qts, v->common + NOTIFY_OFF);
    queue->index = index;
    queue->doorbell = v->notify + offset * v->dev->notify_off_multiplier;
    queue->memory = nyx_pc_pages(v->pc, NYX_VRING_PAGES);
    queue->chains = nyx_pc_pages(v->pc, NYX_VRING_MAX *
                                          QVIO_CHAIN_SIZE / NYX_PAGE);
}

QVio *qvio_find(NyxPc *pc)
{
    QVio *v = g_new0(QVio, 1);

    v->pc = pc;
    v->qts = pc->qts;
    for (unsigned slot = 0; slot < SLOTS && !v->dev; slot++) {
        QPCIAddress addr = { .devfn = QPCI_DEVFN(slot, 0) };

        if (pc->pci->config_readl(pc->pci, addr.devfn, PCI_VENDOR_ID) ==
            (VENDOR | (uint32_t)DEVICE << 16)) {
            v->dev = virtio_pci_new(pc->pci, &addr);
        }
    }
    g_assert_nonnull(v->dev);
    qvirtio_pci_device_enable(v->dev);
    v->common = v->dev->bar.addr + v->dev->common_cfg_offset;
    v->notify = v->dev->bar.addr + v->dev->notify_cfg_offset;
    v->isr = v->dev->bar.addr + v->dev->isr_cfg_offset;
    v->config = v->dev->bar.addr + v->dev->device_cfg_offset;
    qvio_reset(v);
    v->offered = device_features(v);
    queue_init(v, &v->requests, 0);
    queue_init(v, &v->events, 1);
    return v;
}

QVio *qvio_start(NyxPc *pc, uint64_t want)
{
    QVio *v = qvio_find(pc);

    qvio_restart(v, want);
    return v;
}

void qvio_end(QVio *v)
{
    qvirtio_pci_device_disable(v->dev);
    g_free(v->dev->pdev);
    g_free(v->dev);
    g_free(v);
}

uint8_t qvio_status(QVio *v)
{
    return qtest_readb(v->qts, v->common + QVIO_COMMON_STATUS);
}

uint8_t qvio_isr(QVio *v)
{
    return qtest_readb(v->qts, v->isr);
}

static void add_status(QVio *v, uint8_t bits)
{
    qtest_writeb(v->qts, v->common + QVIO_COMMON_STATUS,
                 qvio_status(v) | bits);
}

void qvio_reset(QVio *v)
{
    qtest_writeb(v->qts, v->common + QVIO_COMMON_STATUS, 0);
    for (unsigned i = 0; i < NYX_POLLS && qvio_status(v); i++) {
        g_usleep(10);
    }
    g_assert_cmphex(qvio_status(v), ==, 0);
    v->features = 0;
}

bool qvio_negotiate(QVio *v, uint64_t features)
{
    qvio_reset(v);
    add_status(v, QVIO_ACKNOWLEDGE);
    add_status(v, QVIO_DRIVER);
    for (unsigned i = 0; i < 2; i++) {
        qtest_writel(v->qts, v->common + DRIVER_SELECT, i);
        qtest_writel(v->qts, v->common + DRIVER_FEATURES,
                     features >> 32 * i);
    }
    add_status(v, QVIO_FEATURES_OK);
    v->features = features;
    return qvio_status(v) & QVIO_FEATURES_OK;
}

static void queue_enable(QVio *v, QVioQueue *queue, uint16_t size)
{
    uint64_t common = v->common;
    uint64_t at[3];

    qtest_writew(v->qts, common + QVIO_COMMON_QUEUE, queue->index);
    if (size) {
        qtest_writew(v->qts, common + QVIO_COMMON_SIZE, size);
    } else {
        size = qtest_readw(v->qts, common + QVIO_COMMON_SIZE);
    }
    nyx_vring_init(&queue->ring, v->qts, queue->memory, size,
                   v->features & QVIO_F_PACKED);
    at[0] = queue->ring.desc;
    at[1] = queue->ring.driver;
    at[2] = queue->ring.device;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t reg = common + QVIO_COMMON_DESC + 8 * i;

        qtest_writel(v->qts, reg, at[i]);
        qtest_writel(v->qts, reg + 4, at[i] >> 32);
    }
    qtest_writew(v->qts, common + QVIO_COMMON_ENABLE, 1);
}

void qvio_queues(QVio *v, uint16_t size)
{
    queue_enable(v, &v->requests, size);
    queue_enable(v, &v->events, size);
}

void qvio_run(QVio *v)
{
    add_status(v, QVIO_DRIVER_OK);
}

void qvio_restart(QVio *v, uint64_t want)
{
    g_assert_true(qvio_negotiate(v, want & v->offered));
    qvio_queues(v, 0);
    qvio_run(v);
}

/* --- Buffers -------------------------------------------------------------- */

static uint64_t chain_at(const QVioQueue *queue, uint16_t id)
{
    return queue->chains + id * QVIO_CHAIN_SIZE;
}

/* Descriptors for @len bytes at @addr; returns their number. */
static unsigned cut(NyxVringPart *part, uint64_t addr, unsigned len,
                    const uint16_t *sizes, bool write)
{
    unsigned count = 0;

    for (unsigned i = 0; i < QVIO_PARTS / 2 - 1 && sizes[i] && len; i++) {
        unsigned size = MIN(sizes[i], len);

        part[count++] = (NyxVringPart) { addr, size, write };
        addr += size;
        len -= size;
    }
    if (len) {
        part[count++] = (NyxVringPart) { addr, len, write };
    }
    return count;
}

uint16_t qvio_put(QVio *v, QVioQueue *queue, const QVioBuf *buf)
{
    uint16_t id = nyx_vring_next_id(&queue->ring);
    uint64_t page = chain_at(queue, id);
    NyxVringPart part[QVIO_PARTS];
    uint16_t put;
    unsigned parts;

    g_assert_cmpuint(buf->out_len, <=, QVIO_OUT_MAX);
    g_assert_cmpuint(buf->in_len, <=, QVIO_IN_MAX);
    if (buf->out_len) {
        qtest_bufwrite(v->qts, page + AT_OUT, buf->out, buf->out_len);
    }
    if (buf->in_len) {
        qtest_memset(v->qts, page + AT_IN, QVIO_UNTOUCHED, buf->in_len);
    }
    parts = cut(part, page + AT_OUT, buf->out_len, buf->out_cut, false);
    parts += cut(part + parts, page + AT_IN, buf->in_len, buf->in_cut, true);
    put = nyx_vring_put(&queue->ring, part, parts,
                        buf->indirect ? page + AT_TABLE : 0);
    g_assert_cmpuint(put, ==, id);
    queue->in_len[id] = buf->in_len;
    return id;
}

void qvio_kick(QVio *v, QVioQueue *queue)
{
    qtest_writew(v->qts, queue->doorbell, queue->index);
}

bool qvio_take(QVio *v, QVioQueue *queue, QVioDone *done)
{
    if (!nyx_vring_take(&queue->ring, &done->id, &done->used)) {
        return false;
    }
    done->in_len = queue->in_len[done->id];
    if (done->in_len) {
        qtest_bufread(v->qts, chain_at(queue, done->id) + AT_IN, done->in,
                      done->in_len);
    }
    return true;
}

bool qvio_wait(QVio *v, QVioQueue *queue, QVioDone *done)
{
    for (unsigned i = 0; i < NYX_POLLS; i++) {
        if (qvio_take(v, queue, done)) {
            return true;
        }
        if (qvio_status(v) & QVIO_NEEDS_RESET) {
            return false;
        }
    }
    return false;
}

bool qvio_exchange(QVio *v, const QVioBuf *buf, QVioDone *done)
{
    qvio_put(v, &v->requests, buf);
    qvio_kick(v, &v->requests);
    return qvio_wait(v, &v->requests, done);
}

unsigned qvio_answer(const QVioDone *done)
{
    const uint8_t *tail = done->in + done->in_len - 4;

    if (!done->used) {
        return QVIO_NO_ANSWER;
    }
    if (done->used != done->in_len || done->in_len < 4) {
        return QVIO_WRONG_LENGTH;
    }
    return tail[1] | tail[2] | tail[3] ? QVIO_WRONG_TAIL : tail[0];
}

/* --- Requests ------------------------------------------------------------- */

static void pack_attach(const QVioReq *req, uint8_t *at)
{
    stl_le_p(at + 4, req->domain);
    stl_le_p(at + 8, req->endpoint);
    stl_le_p(at + 12, req->flags);
    stl_le_p(at + 16, req->reserved);
}

static void pack_detach(const QVioReq *req, uint8_t *at)
{
    stl_le_p(at + 4, req->domain);
    stl_le_p(at + 8, req->endpoint);
    stq_le_p(at + 12, req->reserved);
}

static void pack_map(const QVioReq *req, uint8_t *at)
{
    stl_le_p(at + 4, req->domain);
    stq_le_p(at + 8, req->virt_start);
    stq_le_p(at + 16, req->virt_end);
    stq_le_p(at + 24, req->phys_start);
    stl_le_p(at + 32, req->flags);
}

static void pack_unmap(const QVioReq *req, uint8_t *at)
{
    stl_le_p(at + 4, req->domain);
    stq_le_p(at + 8, req->virt_start);
    stq_le_p(at + 16, req->virt_end);
    stl_le_p(at + 24, req->reserved);
}

static void pack_probe(const QVioReq *req, uint8_t *at)
{
    stl_le_p(at + 4, req->endpoint);
    for (unsigned i = 8; i < 72; i += 8) {
        stq_le_p(at + i, req->reserved);
    }
}

static const struct {
    unsigned size;
    void (*pack)(const QVioReq *req, uint8_t *at);
} requests[] = {
    [QVIO_T_ATTACH] = { 20, pack_attach },
    [QVIO_T_DETACH] = { 20, pack_detach },
    [QVIO_T_MAP] = { 36, pack_map },
    [QVIO_T_UNMAP] = { 28, pack_unmap },
    [QVIO_T_PROBE] = { 72, pack_probe },
};

unsigned qvio_pack(const QVioReq *req, uint8_t bytes[QVIO_REQ_MAX])
{
    memset(bytes, 0, QVIO_REQ_MAX);
    bytes[0] = req->type;
    memcpy(bytes + 1, req->head_reserved, sizeof(req->head_reserved));
    /* Of an unknown type: the head. */
    if (req->type >= ARRAY_SIZE(requests) || !requests[req->type].pack) {
        return 4;
    }
    requests[req->type].pack(req, bytes);
    return requests[req->type].size;
}

unsigned qvio_batch_put(QVio *v, const QVioReq *req, unsigned count,
                        uint16_t *id)
{
    uint8_t bytes[QVIO_REQ_MAX];
    unsigned put = 0;

    while (put < count && nyx_vring_has_room(&v->requests.ring, 2)) {
        QVioBuf buf = {
            .out = bytes,
            .out_len = qvio_pack(&req[put], bytes),
            .in_len = 4,
        };

        id[put++] = qvio_put(v, &v->requests, &buf);
    }
    return put;
}

void qvio_batch_take(QVio *v, unsigned count, const uint16_t *id,
                     unsigned *status)
{
    QVioDone done;

    for (unsigned i = 0; i < count; i++) {
        status[i] = QVIO_NOT_USED;
    }
    for (unsigned n = 0; n < count; n++) {
        if (!qvio_wait(v, &v->requests, &done)) {
            return;
        }
        for (unsigned i = 0; i < count; i++) {
            if (id[i] == done.id) {
                status[i] = qvio_answer(&done);
            }
        }
    }
}

void qvio_batch(QVio *v, const QVioReq *req, unsigned count,
                unsigned *status)
{
    uint16_t id[NYX_VRING_MAX];

    while (count) {
        unsigned put = qvio_batch_put(v, req, count, id);

        g_assert_cmpuint(put, >, 0);
        qvio_kick(v, &v->requests);
        qvio_batch_take(v, put, id, status);
        req += put;
        status += put;
        count -= put;
    }
}

unsigned qvio_request(QVio *v, const QVioReq *req)
{
    unsigned status;

    qvio_batch(v, req, 1, &status);
    return status;
}

unsigned qvio_attach(QVio *v, uint32_t domain, uint32_t endpoint,
                     uint32_t flags)
{
    return qvio_request(v, &(QVioReq) {
        .type = QVIO_T_ATTACH,
        .domain = domain,
        .endpoint = endpoint,
        .flags = flags,
    });
}

unsigned qvio_detach(QVio *v, uint32_t domain, uint32_t endpoint)
{
    return qvio_request(v, &(QVioReq) {
        .type = QVIO_T_DETACH,
        .domain = domain,
        .endpoint = endpoint,
    });
}

unsigned qvio_map(QVio *v, uint32_t domain, uint64_t first, uint64_t last,
                  uint64_t phys, uint32_t flags)
{
    return qvio_request(v, &(QVioReq) {
        .type = QVIO_T_MAP,
        .domain = domain,
        .virt_start = first,
        .virt_end = last,
        .phys_start = phys,
        .flags = flags,
    });
}

unsigned qvio_unmap(QVio *v, uint32_t domain, uint64_t first, uint64_t last)
{
    return qvio_request(v, &(QVioReq) {
        .type = QVIO_T_UNMAP,
        .domain = domain,
        .virt_start = first,
        .virt_end = last,
    });
}

unsigned qvio_probe(QVio *v, uint32_t endpoint, void *properties,
                    unsigned size)
{
    QVioReq req = { .type = QVIO_T_PROBE, .endpoint = endpoint };
    uint8_t bytes[QVIO_REQ_MAX];
    QVioBuf buf = {
        .out = bytes,
        .out_len = qvio_pack(&req, bytes),
        .in_len = size + 4,
        .in_cut = { size },
    };
    QVioDone done;

    memset(properties, QVIO_UNTOUCHED, size);
    if (!qvio_exchange(v, &buf, &done)) {
        return QVIO_NOT_USED;
    }
    memcpy(properties, done.in, size);
    return qvio_answer(&done);
}

bool qvio_resv(const void *properties, unsigned size, unsigned index,
               QVioResv *resv)
{
    const uint8_t *at = properties;
    unsigned offset = 0;

    while (offset + 4 <= size && (lduw_le_p(at + offset) & 0xfff)) {
        unsigned type = lduw_le_p(at + offset) & 0xfff;
        unsigned length = lduw_le_p(at + offset + 2);

        if (type == RESV_MEM && offset + 24 <= size && !index--) {
            *resv = (QVioResv) {
                .subtype = at[offset + 4],
                .first = ldq_le_p(at + offset + 8),
                .last = ldq_le_p(at + offset + 16),
            };
            return true;
        }
        offset += 4 + length;
    }
    return false;
}

/* --- Events --------------------------------------------------------------- */

void qvio_event_post(QVio *v, unsigned count)
{
    QVioBuf buf = { .in_len = EVENT_SIZE };

    for (unsigned i = 0; i < count; i++) {
        qvio_put(v, &v->events, &buf);
    }
    qvio_kick(v, &v->events);
}

bool qvio_event(QVio *v, QVioEvent *event)
{
    QVioDone done;

    if (!qvio_take(v, &v->events, &done)) {
        return false;
    }
    *event = (QVioEvent) {
        .used = done.used,
        .reason = done.in[0],
        .flags = ldl_le_p(done.in + 4),
        .endpoint = ldl_le_p(done.in + 8),
        .address = ldq_le_p(done.in + 16),
        .reserved = done.in[1] | done.in[2] | done.in[3] |
                    ldl_le_p(done.in + 12),
    };
    return true;
}
