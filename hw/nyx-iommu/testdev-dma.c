/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request engine of nyx-testdev: makes one read, write, AtomicOp or ATS
 * translation request, and keeps the device's translation cache.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "qemu/rcu.h"
#include "system/dma.h"
#include "testdev.h"

/* An AtomicOp that loses against other writers this often gives up. */
#define ATOMIC_TRIES 100000

/* ATS deals in pages of 4 KiB and more. */
#define ATC_MIN_MASK 0xfffull

#define ACCESS_ALL \
    (NYX_ACCESS_READ | NYX_ACCESS_WRITE | NYX_ACCESS_EXEC | NYX_ACCESS_PRIV)

/* Register bits and request bits are the same, so they are not converted. */
QEMU_BUILD_BUG_ON(NYX_TD_ACCESS_READ != NYX_ACCESS_READ);
QEMU_BUILD_BUG_ON(NYX_TD_ACCESS_WRITE != NYX_ACCESS_WRITE);
QEMU_BUILD_BUG_ON(NYX_TD_ACCESS_EXEC != NYX_ACCESS_EXEC);
QEMU_BUILD_BUG_ON(NYX_TD_ACCESS_PRIV != NYX_ACCESS_PRIV);
QEMU_BUILD_BUG_ON(NYX_TD_ATS_UNTRANSLATED != NYX_ATS_UNTRANSLATED);
QEMU_BUILD_BUG_ON(NYX_TD_ATS_SNOOP != NYX_ATS_SNOOP);
QEMU_BUILD_BUG_ON(NYX_TD_ATS_GLOBAL != NYX_ATS_GLOBAL);

typedef void PerformFn(const NyxTestdevPort *port, const NyxTestdevReq *req,
                       void *buf, NyxTestdevResult *res);

typedef struct OpInfo {
    PerformFn *perform;
    unsigned access;       /* NyxAccess of a request */
    bool moves;            /* moves any number of bytes */
    bool atomic;
    bool may_exec;
} OpInfo;

static PerformFn perform_nop, perform_move, perform_atomic;
static PerformFn perform_zero_read, perform_translate;

static const OpInfo op_info[] = {
    [NYX_TD_OP_NOP] = {
        .perform = perform_nop,
    },
    [NYX_TD_OP_READ] = {
        .perform = perform_move,
        .access = NYX_ACCESS_READ,
        .moves = true,
        .may_exec = true,
    },
    [NYX_TD_OP_WRITE] = {
        .perform = perform_move,
        .access = NYX_ACCESS_WRITE,
        .moves = true,
    },
    [NYX_TD_OP_FILL] = {
        .perform = perform_move,
        .access = NYX_ACCESS_WRITE,
        .moves = true,
    },
    [NYX_TD_OP_VERIFY] = {
        .perform = perform_move,
        .access = NYX_ACCESS_READ,
        .moves = true,
        .may_exec = true,
    },
    [NYX_TD_OP_FETCH_ADD] = {
        .perform = perform_atomic,
        .access = NYX_ACCESS_RW | NYX_ACCESS_ATOMIC,
        .atomic = true,
    },
    [NYX_TD_OP_SWAP] = {
        .perform = perform_atomic,
        .access = NYX_ACCESS_RW | NYX_ACCESS_ATOMIC,
        .atomic = true,
    },
    [NYX_TD_OP_CAS] = {
        .perform = perform_atomic,
        .access = NYX_ACCESS_RW | NYX_ACCESS_ATOMIC,
        .atomic = true,
    },
    [NYX_TD_OP_ZERO_READ] = {
        .perform = perform_zero_read,
        .access = NYX_ACCESS_READ | NYX_ACCESS_ZERO_LEN,
    },
    [NYX_TD_OP_TRANSLATE] = {
        .perform = perform_translate,
        .access = NYX_ACCESS_RW,
        .may_exec = true,
    },
};

void nyx_testdev_fill(void *buf, size_t len, uint64_t pattern)
{
    uint8_t *bytes = buf;

    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern >> (i % 8 * 8);
    }
}

/* Translation cache */

void nyx_testdev_atc_init(NyxTestdevAtc *atc)
{
    qemu_mutex_init(&atc->lock);
}

void nyx_testdev_atc_destroy(NyxTestdevAtc *atc)
{
    qemu_mutex_destroy(&atc->lock);
}

void nyx_testdev_atc_flush(NyxTestdevAtc *atc)
{
    QEMU_LOCK_GUARD(&atc->lock);
    memset(atc->entry, 0, sizeof(atc->entry));
    atc->next = 0;
}

void nyx_testdev_atc_drop(NyxTestdevAtc *atc, uint64_t iova, uint64_t last)
{
    QEMU_LOCK_GUARD(&atc->lock);
    for (unsigned i = 0; i < NYX_TD_ATC_ENTRIES_VALUE; i++) {
        NyxTestdevAtcEntry *e = &atc->entry[i];

        if (e->valid && e->iova <= last && (e->iova | e->mask) >= iova) {
            e->valid = false;
            atc->drops++;
        }
    }
}

void nyx_testdev_atc_drop_tagged(NyxTestdevAtc *atc, uint64_t iova,
                                 uint64_t last, const NyxEndpointInv *inv)
{
    QEMU_LOCK_GUARD(&atc->lock);
    for (unsigned i = 0; i < NYX_TD_ATC_ENTRIES_VALUE; i++) {
        NyxTestdevAtcEntry *e = &atc->entry[i];

        if (e->valid && e->iova <= last && (e->iova | e->mask) >= iova &&
            e->has_pasid == inv->has_pasid &&
            (!inv->has_pasid || inv->global || e->pasid == inv->pasid)) {
            e->valid = false;
            atc->drops++;
        }
    }
}

NyxTestdevAtcEntry nyx_testdev_atc_get(NyxTestdevAtc *atc, unsigned index)
{
    QEMU_LOCK_GUARD(&atc->lock);
    return atc->entry[index];
}

unsigned nyx_testdev_atc_count(NyxTestdevAtc *atc)
{
    unsigned count = 0;

    QEMU_LOCK_GUARD(&atc->lock);
    for (unsigned i = 0; i < NYX_TD_ATC_ENTRIES_VALUE; i++) {
        count += atc->entry[i].valid;
    }
    return count;
}

static NyxTestdevAtcEntry *atc_match_locked(NyxTestdevAtc *atc,
                                            const NyxTestdevReq *req,
                                            uint64_t iova)
{
    bool has_pasid = req->attr & NYX_TD_ATTR_PASID;
    uint32_t priv = req->attr & NYX_TD_ATTR_PRIV ? NYX_TD_ACCESS_PRIV : 0;

    for (unsigned i = 0; i < NYX_TD_ATC_ENTRIES_VALUE; i++) {
        NyxTestdevAtcEntry *e = &atc->entry[i];

        /* What was granted to a privileged request is for such only. */
        if (e->valid && e->iova == (iova & ~e->mask) &&
            (e->access & NYX_TD_ACCESS_PRIV) == priv &&
            e->has_pasid == has_pasid &&
            (!has_pasid || e->pasid == req->pasid)) {
            return e;
        }
    }
    return NULL;
}

static bool atc_lookup(NyxTestdevAtc *atc, const NyxTestdevReq *req,
                       uint64_t iova, unsigned need, NyxReply *found)
{
    NyxTestdevAtcEntry *e;

    QEMU_LOCK_GUARD(&atc->lock);
    e = atc_match_locked(atc, req, iova);
    if (!e || (e->access & need) != need) {
        atc->misses++;
        return false;
    }
    atc->hits++;
    found->addr = e->addr | (iova & e->mask);
    found->addr_mask = e->mask;
    found->access = e->access;
    return true;
}

static void atc_insert(NyxTestdevAtc *atc, const NyxTestdevReq *req,
                       uint64_t iova, const NyxReply *reply)
{
    uint64_t mask = reply->addr_mask;
    NyxTestdevAtcEntry *e;

    if ((mask & ATC_MIN_MASK) != ATC_MIN_MASK || (mask & (mask + 1))) {
        return;
    }
    QEMU_LOCK_GUARD(&atc->lock);
    e = atc_match_locked(atc, req, iova);
    if (!e) {
        e = &atc->entry[atc->next];
        atc->next = (atc->next + 1) % NYX_TD_ATC_ENTRIES_VALUE;
    }
    *e = (NyxTestdevAtcEntry) {
        .valid = true,
        .has_pasid = req->attr & NYX_TD_ATTR_PASID,
        .pasid = req->pasid,
        .access = reply->access & ACCESS_ALL,
        .ats = reply->ats,
        .iova = iova & ~mask,
        .mask = mask,
        .addr = reply->addr & ~mask,
    };
}

/* Requests to a Nyx IOMMU */

static bool is_plain(const NyxTestdevReq *req)
{
    return !(req->attr & (NYX_TD_ATTR_AT_MASK | NYX_TD_ATTR_PASID));
}

/* What the request needs, as NyxAccess. */
static unsigned req_access(const NyxTestdevReq *req)
{
    unsigned access = op_info[req->op].access;

    if (req->attr & NYX_TD_ATTR_NO_WRITE) {
        access &= ~NYX_ACCESS_WRITE;
    }
    if (req->attr & NYX_TD_ATTR_EXEC) {
        access |= NYX_ACCESS_EXEC;
    }
    if (req->attr & NYX_TD_ATTR_PRIV) {
        access |= NYX_ACCESS_PRIV;
    }
    return access;
}

static uint32_t ask(const NyxTestdevPort *port, const NyxTestdevReq *req,
                    NyxRequestType type, uint64_t iova, NyxReply *reply)
{
    NyxRequest nyx_req = {
        .type = type,
        .access = req_access(req),
        .iova = iova,
        .pasid = req->pasid,
        .has_pasid = req->attr & NYX_TD_ATTR_PASID,
    };

    if (type == NYX_REQ_TRANSLATION && port->pci
        ? !nyx_testdev_pci_translate(port->pci, &nyx_req, reply)
        : !nyx_request_submit_as(&port->who, &nyx_req, reply)) {
        return NYX_TD_ST_NO_IOMMU;
    }
    return reply->ok ? NYX_TD_ST_OK : NYX_TD_ST_BLOCKED;
}

/* Make a translation request and keep the answer. */
static uint32_t ask_translation(const NyxTestdevPort *port,
                                const NyxTestdevReq *req, uint64_t iova,
                                NyxReply *reply)
{
    uint32_t status = ask(port, req, NYX_REQ_TRANSLATION, iova, reply);

    if (status != NYX_TD_ST_OK) {
        return status;
    }
    if (!(reply->access & (NYX_ACCESS_RW | NYX_ACCESS_EXEC))) {
        return NYX_TD_ST_NO_MAPPING;
    }
    atc_insert(port->atc, req, iova, reply);
    return NYX_TD_ST_OK;
}

/* Translate with the ATC, then make the translated request. */
static uint32_t ask_atc(const NyxTestdevPort *port, const NyxTestdevReq *req,
                        uint64_t iova, NyxReply *reply)
{
    unsigned need = req_access(req) & ACCESS_ALL;
    uint64_t mask;
    uint32_t status;

    if (!atc_lookup(port->atc, req, iova, need, reply)) {
        status = ask_translation(port, req, iova, reply);
        if (status != NYX_TD_ST_OK) {
            return status;
        }
        if ((reply->access & need) != need) {
            return NYX_TD_ST_NO_MAPPING;
        }
    }
    mask = reply->addr_mask;
    status = ask(port, req, NYX_REQ_TRANSLATED, reply->addr, reply);
    reply->addr_mask = MIN(reply->addr_mask, mask);
    return status;
}

/* Find out where the bytes from @iova on are in system memory. */
static uint32_t ask_where(const NyxTestdevPort *port, const NyxTestdevReq *req,
                          uint64_t iova, NyxReply *reply)
{
    switch (req->attr & NYX_TD_ATTR_AT_MASK) {
    case NYX_TD_ATTR_AT_ATC:
        return ask_atc(port, req, iova, reply);
    case NYX_TD_ATTR_AT_TRANSLATED:
        return ask(port, req, NYX_REQ_TRANSLATED, iova, reply);
    default:
        return ask(port, req, NYX_REQ_UNTRANSLATED, iova, reply);
    }
}

/* How many of @len bytes @reply is good for; at least one. */
static uint32_t piece_len(const NyxReply *reply, uint32_t len)
{
    uint64_t left = (reply->addr | reply->addr_mask) - reply->addr;

    return left < len ? left + 1 : len;
}

/* Operations */

static void perform_nop(const NyxTestdevPort *port, const NyxTestdevReq *req,
                        void *buf, NyxTestdevResult *res)
{
}

static void fail_tx(NyxTestdevResult *res, MemTxResult memtx)
{
    res->memtx = memtx;
    res->status = NYX_TD_ST_TX_ERROR;
}

static DMADirection direction(const NyxTestdevReq *req)
{
    return op_info[req->op].access & NYX_ACCESS_WRITE ?
           DMA_DIRECTION_FROM_DEVICE : DMA_DIRECTION_TO_DEVICE;
}

/* Move data piece by piece, as far as each answer of the IOMMU reaches. */
static void move_pieces(const NyxTestdevPort *port, const NyxTestdevReq *req,
                        uint8_t *buf, NyxTestdevResult *res)
{
    while (res->done < req->len) {
        MemTxResult memtx;
        uint32_t len;

        res->status = ask_where(port, req, req->addr + res->done, &res->reply);
        if (res->status != NYX_TD_ST_OK) {
            return;
        }
        len = piece_len(&res->reply, req->len - res->done);
        memtx = dma_memory_rw(&address_space_memory, res->reply.addr,
                              buf + res->done, len, direction(req),
                              port->attrs);
        if (memtx != MEMTX_OK) {
            fail_tx(res, memtx);
            return;
        }
        res->done += len;
    }
}

static void perform_move(const NyxTestdevPort *port, const NyxTestdevReq *req,
                         void *buf, NyxTestdevResult *res)
{
    MemTxResult memtx;

    if (!is_plain(req)) {
        move_pieces(port, req, buf, res);
        return;
    }
    memtx = dma_memory_rw(port->as, req->addr, buf, req->len, direction(req),
                          port->attrs);
    if (memtx != MEMTX_OK) {
        fail_tx(res, memtx);
        return;
    }
    res->done = req->len;
}

static uint64_t atomic_next(const NyxTestdevReq *req, uint64_t old)
{
    switch (req->op) {
    case NYX_TD_OP_FETCH_ADD:
        return old + req->operand;
    case NYX_TD_OP_SWAP:
        return req->operand;
    default:
        return old == req->compare ? req->operand : old;
    }
}

static bool atomic32(uint32_t *p, const NyxTestdevReq *req, uint64_t *old)
{
    NyxTestdevReq low = *req;
    uint32_t seen = qatomic_read(p);

    low.compare = (uint32_t)req->compare;
    for (unsigned i = 0; i < ATOMIC_TRIES; i++) {
        uint32_t want = atomic_next(&low, le32_to_cpu(seen));
        uint32_t was = qatomic_cmpxchg(p, seen, cpu_to_le32(want));

        if (was == seen) {
            *old = le32_to_cpu(seen);
            return true;
        }
        seen = was;
    }
    return false;
}

static bool atomic64(uint64_t *p, const NyxTestdevReq *req, uint64_t *old)
{
    uint64_t seen = qatomic_read__nocheck(p);

    for (unsigned i = 0; i < ATOMIC_TRIES; i++) {
        uint64_t want = atomic_next(req, le64_to_cpu(seen));
        uint64_t was = qatomic_cmpxchg__nocheck(p, seen, cpu_to_le64(want));

        if (was == seen) {
            *old = le64_to_cpu(seen);
            return true;
        }
        seen = was;
    }
    return false;
}

/* Whether [@addr, @addr + @len) may be read and written, and is RAM. */
static uint32_t check_ram(AddressSpace *as, const NyxTestdevPort *port,
                          hwaddr addr, hwaddr len, MemTxResult *memtx)
{
    hwaddr l = len;
    hwaddr xlat;
    MemoryRegion *mr;

    RCU_READ_LOCK_GUARD();
    if (!address_space_access_valid(as, addr, len, false, port->attrs) ||
        !address_space_access_valid(as, addr, len, true, port->attrs)) {
        *memtx = MEMTX_DECODE_ERROR;
        return NYX_TD_ST_TX_ERROR;
    }
    mr = address_space_translate(as, addr, &xlat, &l, true, port->attrs);
    if (l < len || !memory_access_is_direct(mr, true, port->attrs)) {
        return NYX_TD_ST_NOT_RAM;
    }
    return NYX_TD_ST_OK;
}

static void atomic_at(const NyxTestdevPort *port, const NyxTestdevReq *req,
                      AddressSpace *as, hwaddr addr, NyxTestdevResult *res)
{
    hwaddr len = req->len;
    bool good;
    void *p;

    res->status = check_ram(as, port, addr, len, &res->memtx);
    if (res->status != NYX_TD_ST_OK) {
        return;
    }
    p = address_space_map(as, addr, &len, true, port->attrs);
    if (!p || len < req->len || !QEMU_PTR_IS_ALIGNED(p, req->len)) {
        if (p) {
            address_space_unmap(as, p, len, true, 0);
        }
        res->status = NYX_TD_ST_NOT_RAM;
        return;
    }
    /* As before any DMA: after what the doorbell write was ordered after */
    smp_mb();
    good = req->len == sizeof(uint32_t) ? atomic32(p, req, &res->old)
                                        : atomic64(p, req, &res->old);
    address_space_unmap(as, p, len, true, good ? req->len : 0);
    if (!good) {
        fail_tx(res, MEMTX_ERROR);
        return;
    }
    res->done = req->len;
}

static void perform_atomic(const NyxTestdevPort *port,
                           const NyxTestdevReq *req, void *buf,
                           NyxTestdevResult *res)
{
    res->status = ask_where(port, req, req->addr, &res->reply);
    if (res->status == NYX_TD_ST_OK) {
        atomic_at(port, req, &address_space_memory, res->reply.addr, res);
    } else if (res->status == NYX_TD_ST_NO_IOMMU && is_plain(req)) {
        atomic_at(port, req, port->as, req->addr, res);
    }
}

static void perform_zero_read(const NyxTestdevPort *port,
                              const NyxTestdevReq *req, void *buf,
                              NyxTestdevResult *res)
{
    res->status = ask_where(port, req, req->addr, &res->reply);
    if (res->status != NYX_TD_ST_NO_IOMMU || !is_plain(req)) {
        return;
    }
    res->status = NYX_TD_ST_OK;
    if (!address_space_access_valid(port->as, req->addr, 1, false,
                                    port->attrs)) {
        fail_tx(res, MEMTX_DECODE_ERROR);
    }
}

static void perform_translate(const NyxTestdevPort *port,
                              const NyxTestdevReq *req, void *buf,
                              NyxTestdevResult *res)
{
    res->status = ask_translation(port, req, req->addr, &res->reply);
}

static bool attr_is_good(const NyxTestdevReq *req, const OpInfo *info)
{
    uint32_t at = req->attr & NYX_TD_ATTR_AT_MASK;
    bool translate = req->op == NYX_TD_OP_TRANSLATE;

    if ((req->attr & ~NYX_TD_ATTR_ALL) || at == 1) {
        return false;
    }
    if ((req->attr & (NYX_TD_ATTR_EXEC | NYX_TD_ATTR_PRIV)) &&
        !(req->attr & NYX_TD_ATTR_PASID)) {
        return false;
    }
    if ((req->attr & NYX_TD_ATTR_EXEC) && !info->may_exec) {
        return false;
    }
    return translate ? at == 0 : !(req->attr & NYX_TD_ATTR_NO_WRITE);
}

uint32_t nyx_testdev_check(const NyxTestdevReq *req)
{
    const OpInfo *info;

    if (req->op >= ARRAY_SIZE(op_info)) {
        return NYX_TD_ST_BAD_OP;
    }
    info = &op_info[req->op];
    if (!attr_is_good(req, info)) {
        return NYX_TD_ST_BAD_ATTR;
    }
    if (info->moves && (!req->len || req->len > NYX_TD_MAX_LEN_VALUE)) {
        return NYX_TD_ST_BAD_LEN;
    }
    if (info->moves && req->addr + (req->len - 1) < req->addr) {
        return NYX_TD_ST_BAD_RANGE;
    }
    if (info->atomic && req->len != 4 && req->len != 8) {
        return NYX_TD_ST_BAD_LEN;
    }
    if (info->atomic && req->addr % req->len) {
        return NYX_TD_ST_MISALIGNED;
    }
    return NYX_TD_ST_OK;
}

void nyx_testdev_perform(const NyxTestdevPort *port, const NyxTestdevReq *req,
                         void *buf, NyxTestdevResult *res)
{
    if (!qatomic_read(port->master)) {
        res->status = NYX_TD_ST_NO_MASTER;
        return;
    }
    op_info[req->op].perform(port, req, buf, res);
}
