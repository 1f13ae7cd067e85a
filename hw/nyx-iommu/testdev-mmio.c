/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of nyx-testdev as a table, and what reading and writing them
 * does.  docs/specs/nyx-testdev.rst is the register guide.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/log.h"
#include "qemu/timer.h"
#include "system/dma.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "testdev.h"

#define PASID_MASK 0xfffffull

typedef struct RegRow {
    uint16_t offset;
    uint8_t size;          /* 4 or 8 */
    uint64_t wmask;        /* bits that a write changes */
    uint64_t reset;
    uint64_t (*read)(NyxTestdevState *s);
    /* After the highest 4 bytes were written; no storage with wmask 0 */
    void (*write)(NyxTestdevState *s, uint64_t value);
} RegRow;

/* Register storage */

uint32_t nyx_testdev_reg_get(const NyxTestdevState *s, unsigned offset)
{
    return s->regs[offset / sizeof(uint32_t)];
}

void nyx_testdev_reg_set(NyxTestdevState *s, unsigned offset, uint32_t value)
{
    s->regs[offset / sizeof(uint32_t)] = value;
}

uint64_t nyx_testdev_reg_get64(const NyxTestdevState *s, unsigned offset)
{
    return nyx_testdev_reg_get(s, offset) |
           (uint64_t)nyx_testdev_reg_get(s, offset + 4) << 32;
}

void nyx_testdev_reg_set64(NyxTestdevState *s, unsigned offset,
                           uint64_t value)
{
    nyx_testdev_reg_set(s, offset, value);
    nyx_testdev_reg_set(s, offset + 4, value >> 32);
}

void nyx_testdev_reg_inc(NyxTestdevState *s, unsigned offset)
{
    nyx_testdev_reg_set(s, offset, nyx_testdev_reg_get(s, offset) + 1);
}

void nyx_testdev_reg_inc64(NyxTestdevState *s, unsigned offset)
{
    nyx_testdev_reg_set64(s, offset, nyx_testdev_reg_get64(s, offset) + 1);
}

/* One request */

static void dma_load_buffer(NyxTestdevState *s, const NyxTestdevReq *req)
{
    if (req->op == NYX_TD_OP_FILL) {
        nyx_testdev_fill(s->buf, req->len, req->operand);
    } else if (req->op == NYX_TD_OP_WRITE) {
        for (uint32_t i = 0; i < req->len; i++) {
            s->buf[i] = s->window[i % NYX_TD_WINDOW_SIZE];
        }
    }
}

static uint32_t dma_compare(NyxTestdevState *s, uint32_t len)
{
    uint32_t differ = 0;
    uint32_t first = 0;

    for (uint32_t i = 0; i < len; i++) {
        if (s->buf[i] != s->window[i % NYX_TD_WINDOW_SIZE]) {
            first = differ++ ? first : i;
        }
    }
    nyx_testdev_reg_set(s, NYX_TD_DMA_DIFF_COUNT, differ);
    nyx_testdev_reg_set(s, NYX_TD_DMA_DIFF_FIRST, first);
    return differ ? NYX_TD_ST_MISMATCH : NYX_TD_ST_OK;
}

static void dma_take_buffer(NyxTestdevState *s, const NyxTestdevReq *req,
                            NyxTestdevResult *res)
{
    if (res->status != NYX_TD_ST_OK) {
        return;
    }
    if (req->op == NYX_TD_OP_READ) {
        memcpy(s->window, s->buf, MIN(req->len, NYX_TD_WINDOW_SIZE));
    } else if (req->op == NYX_TD_OP_VERIFY) {
        res->status = dma_compare(s, req->len);
    }
}

static void dma_store_result(NyxTestdevState *s, const NyxTestdevResult *res)
{
    nyx_testdev_reg_set(s, NYX_TD_DMA_STATUS, res->status);
    nyx_testdev_reg_set(s, NYX_TD_DMA_MEMTX, res->memtx);
    nyx_testdev_reg_set(s, NYX_TD_DMA_DONE, res->done);
    nyx_testdev_reg_set64(s, NYX_TD_DMA_OLD, res->old);
    nyx_testdev_reg_set64(s, NYX_TD_DMA_XADDR, res->reply.addr);
    nyx_testdev_reg_set64(s, NYX_TD_DMA_XMASK, res->reply.addr_mask);
    nyx_testdev_reg_set(s, NYX_TD_DMA_XACCESS, res->reply.access &
                        (NYX_TD_ACCESS_READ | NYX_TD_ACCESS_WRITE |
                         NYX_TD_ACCESS_EXEC | NYX_TD_ACCESS_PRIV));
    nyx_testdev_reg_set(s, NYX_TD_DMA_XATS, res->reply.ats);
    nyx_testdev_reg_inc(s, NYX_TD_DMA_COUNT);
    if (res->status != NYX_TD_ST_OK) {
        nyx_testdev_reg_inc(s, NYX_TD_DMA_ERRORS);
    }
}

static void dma_doorbell(NyxTestdevState *s, uint64_t value)
{
    NyxTestdevResult res = { 0 };
    NyxTestdevReq req = {
        .op = nyx_testdev_reg_get(s, NYX_TD_DMA_OP),
        .attr = nyx_testdev_reg_get(s, NYX_TD_DMA_ATTR),
        .pasid = nyx_testdev_reg_get(s, NYX_TD_DMA_PASID),
        .len = nyx_testdev_reg_get(s, NYX_TD_DMA_LEN),
        .addr = nyx_testdev_reg_get64(s, NYX_TD_DMA_ADDR),
        .operand = nyx_testdev_reg_get64(s, NYX_TD_DMA_OPERAND),
        .compare = nyx_testdev_reg_get64(s, NYX_TD_DMA_COMPARE),
    };
    bool host = req.attr == NYX_TD_ATTR_HOST && req.op >= NYX_TD_OP_READ &&
                req.op <= NYX_TD_OP_VERIFY;

    if (value != 1) {
        return;
    }
    req.attr &= host ? 0 : UINT32_MAX;
    nyx_testdev_reg_set(s, NYX_TD_DMA_DIFF_COUNT, 0);
    nyx_testdev_reg_set(s, NYX_TD_DMA_DIFF_FIRST, 0);
    res.status = nyx_testdev_check(&req);
    if (res.status == NYX_TD_ST_OK) {
        NyxTestdevPort port = nyx_testdev_port(s, req.attr);

        if (s->pci_calls && (req.attr & NYX_TD_ATTR_PASID)) {
            nyx_testdev_pci_listen(s, req.pasid);
        }
        dma_load_buffer(s, &req);
        if (host) {
            nyx_testdev_host_perform(s, &req, s->buf, &res);
        } else {
            nyx_testdev_perform(&port, &req, s->buf, &res);
        }
        dma_take_buffer(s, &req, &res);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "nyx-testdev: bad request, code %u\n",
                      res.status);
    }
    dma_store_result(s, &res);
}

/* The registers of iommu-testdev */

static bool itd_attrs_good(uint32_t attrs)
{
    uint32_t space = (attrs & NYX_TD_ITD_ATTRS_SPACE_MASK) >>
                     NYX_TD_ITD_ATTRS_SPACE_SHIFT;

    if (!(attrs & NYX_TD_ITD_ATTRS_SPACE_VALID) ||
        space > NYX_TD_ITD_SPACE_NONSECURE) {
        return true;
    }
    return !!(attrs & NYX_TD_ITD_ATTRS_SECURE) ==
           (space == NYX_TD_ITD_SPACE_SECURE);
}

static uint32_t itd_run(NyxTestdevState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    uint32_t len = nyx_testdev_reg_get(s, NYX_TD_ITD_LEN);
    uint64_t iova = nyx_testdev_reg_get64(s, NYX_TD_ITD_GVA_LO);
    uint64_t gpa = nyx_testdev_reg_get64(s, NYX_TD_ITD_GPA_LO);
    uint64_t pattern = NYX_TD_ITD_WRITE_VAL * 0x100000001ull;

    if (!s->itd_armed) {
        return NYX_TD_ITD_ERR_NOT_ARMED;
    }
    if (!len || len > NYX_TD_MAX_LEN_VALUE) {
        return NYX_TD_ITD_ERR_BAD_LEN;
    }
    if (!itd_attrs_good(nyx_testdev_reg_get(s, NYX_TD_ITD_ATTRS))) {
        return NYX_TD_ITD_ERR_BAD_ATTRS;
    }
    nyx_testdev_fill(s->buf, len, pattern);
    if (pci_dma_write(pdev, iova, s->buf, len) != MEMTX_OK) {
        return NYX_TD_ITD_ERR_TX_FAIL;
    }
    memset(s->buf, 0, len);
    if (dma_memory_read(&address_space_memory, gpa, s->buf, len,
                        MEMTXATTRS_UNSPECIFIED) != MEMTX_OK) {
        return NYX_TD_ITD_ERR_RD_FAIL;
    }
    for (uint32_t i = 0; i < len; i++) {
        if (s->buf[i] != (uint8_t)(pattern >> (i % 8 * 8))) {
            return NYX_TD_ITD_ERR_MISMATCH;
        }
    }
    return NYX_TD_ITD_OK;
}

static uint64_t itd_trigger_read(NyxTestdevState *s)
{
    uint32_t result = itd_run(s);

    s->itd_armed = false;
    nyx_testdev_reg_set(s, NYX_TD_ITD_RESULT, result);
    return 0;
}

static void itd_dbell_write(NyxTestdevState *s, uint64_t value)
{
    s->itd_armed = value & NYX_TD_ITD_DBELL_ARM;
    nyx_testdev_reg_set(s, NYX_TD_ITD_RESULT,
                        s->itd_armed ? NYX_TD_ITD_BUSY : NYX_TD_ITD_IDLE);
}

/* Interrupts */

static void irq_raise_write(NyxTestdevState *s, uint64_t value)
{
    nyx_testdev_reg_set(s, NYX_TD_IRQ_STATUS, nyx_testdev_irq(s, value));
}

static uint64_t irq_mode_read(NyxTestdevState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    if (msix_enabled(pdev)) {
        return NYX_TD_IRQ_MODE_MSIX;
    }
    return msi_enabled(pdev) ? NYX_TD_IRQ_MODE_MSI : NYX_TD_IRQ_MODE_NONE;
}

static void msi_send_write(NyxTestdevState *s, uint64_t value)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    MemTxAttrs attrs = { .requester_id = pci_requester_id(pdev) };
    uint32_t status = NYX_TD_ST_NO_MASTER;
    MemTxResult memtx = MEMTX_OK;

    int64_t begin;

    if (!value || value > NYX_TD_MAX_MSI) {
        return;
    }
    begin = get_clock();
    for (; value && qatomic_read(&s->master); value--) {
        address_space_stl_le(&pdev->bus_master_as,
                             nyx_testdev_reg_get64(s, NYX_TD_MSI_ADDR),
                             nyx_testdev_reg_get(s, NYX_TD_MSI_DATA),
                             attrs, &memtx);
        status = memtx == MEMTX_OK ? NYX_TD_ST_OK : NYX_TD_ST_TX_ERROR;
    }
    nyx_testdev_reg_set64(s, NYX_TD_MSI_NS, get_clock() - begin);
    nyx_testdev_reg_set(s, NYX_TD_MSI_STATUS, status);
    nyx_testdev_reg_set(s, NYX_TD_MSI_MEMTX, memtx);
}

/* As a processor would write it: no IOMMU is between. */
static void poke_write(NyxTestdevState *s, uint64_t value)
{
    MemTxResult memtx;
    int64_t begin = get_clock();

    address_space_stl_le(&address_space_memory,
                         nyx_testdev_reg_get64(s, NYX_TD_POKE_ADDR), value,
                         MEMTXATTRS_UNSPECIFIED, &memtx);
    nyx_testdev_reg_set64(s, NYX_TD_POKE_NS, get_clock() - begin);
    nyx_testdev_reg_set(s, NYX_TD_POKE_MEMTX, memtx);
}

/* Identification */

static uint64_t features_read(NyxTestdevState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    uint16_t ats = pdev->exp.ats_cap;
    uint64_t features = 0;

    if (pci_get_bus(pdev) && nyx_request_available(pdev)) {
        features |= NYX_TD_FEATURE_NYX_IOMMU;
    }
    if (pdev->exp.exp_cap) {
        features |= NYX_TD_FEATURE_EXPRESS;
    }
    if (ats) {
        features |= NYX_TD_FEATURE_ATS;
        if (pci_get_word(pdev->config + ats + PCI_ATS_CTRL) &
            PCI_ATS_CTRL_ENABLE) {
            features |= NYX_TD_FEATURE_ATS_ON;
        }
    }
    if (s->pasid_cap) {
        features |= NYX_TD_FEATURE_PASID;
        if (pci_get_word(pdev->config + s->pasid_cap + PCI_PASID_CTRL) &
            PCI_PASID_CTRL_ENABLE) {
            features |= NYX_TD_FEATURE_PASID_ON;
        }
    }
    if (s->pri_cap) {
        features |= NYX_TD_FEATURE_PRI |
                    (nyx_testdev_pri_enabled(s) ? NYX_TD_FEATURE_PRI_ON : 0);
    }
    return features | (s->master ? NYX_TD_FEATURE_MASTER_ON : 0);
}

static uint64_t vectors_read(NyxTestdevState *s)
{
    return s->vectors;
}

static uint64_t shadow_max_read(NyxTestdevState *s)
{
    return s->shadow_max;
}

static uint64_t requester_id_read(NyxTestdevState *s)
{
    return pci_requester_id(PCI_DEVICE(s));
}

/* Runs */

static void run_ctrl_write(NyxTestdevState *s, uint64_t value)
{
    if (value == NYX_TD_RUN_START) {
        nyx_testdev_run_start(s);
    } else if (value == NYX_TD_RUN_STOP) {
        nyx_testdev_run_stop(s);
    }
}

static uint64_t run_status_read(NyxTestdevState *s)
{
    return nyx_testdev_run_status(s);
}

static uint64_t run_ops_read(NyxTestdevState *s)
{
    return nyx_testdev_run_totals(s).ops;
}

static uint64_t run_errors_read(NyxTestdevState *s)
{
    return nyx_testdev_run_totals(s).errors;
}

static NyxTestdevRunResult run_selected(NyxTestdevState *s)
{
    uint32_t index = nyx_testdev_reg_get(s, NYX_TD_RUN_SELECT);

    return nyx_testdev_run_of_thread(s, index % NYX_TD_MAX_THREADS_VALUE);
}

static uint64_t run_sel_ns_read(NyxTestdevState *s)
{
    return run_selected(s).ns;
}

static uint64_t run_sel_ops_read(NyxTestdevState *s)
{
    return run_selected(s).ops;
}

static uint64_t run_sel_errors_read(NyxTestdevState *s)
{
    return run_selected(s).errors;
}

/* Notifier and shadow */

static void notify_ctrl_write(NyxTestdevState *s, uint64_t value)
{
    nyx_testdev_notify_apply(s);
}

static uint64_t notify_status_read(NyxTestdevState *s)
{
    return nyx_testdev_notify_status(s);
}

static void notify_op_write(NyxTestdevState *s, uint64_t value)
{
    if (value & NYX_TD_NOTIFY_OP_CLEAR) {
        for (unsigned offset = NYX_TD_NOTIFY_MAPS; offset <= NYX_TD_LAST_ERR;
             offset += sizeof(uint32_t)) {
            nyx_testdev_reg_set(s, offset, 0);
        }
        for (unsigned offset = NYX_TD_UNMAP_IOVA; offset <= NYX_TD_DIRTY_LOST;
             offset += sizeof(uint32_t)) {
            nyx_testdev_reg_set(s, offset, 0);
        }
    }
    if (value & NYX_TD_NOTIFY_OP_REPLAY) {
        nyx_testdev_notify_replay(s);
    }
    if (value & NYX_TD_NOTIFY_OP_SYNC) {
        nyx_testdev_dirty_ask(s);
    }
}

static NyxShadow *shadow_selected(NyxTestdevState *s)
{
    return nyx_testdev_reg_get(s, NYX_TD_SHADOW_SELECT) == NYX_TD_SHADOW_SEEN
           ? &s->dirty.seen : &s->notify.shadow;
}

static uint64_t shadow_count_read(NyxTestdevState *s)
{
    return shadow_selected(s)->count;
}

static uint64_t shadow_bytes_read(NyxTestdevState *s)
{
    return shadow_selected(s)->bytes;
}

static void shadow_show(NyxTestdevState *s, const NyxShadowEntry *entry)
{
    NyxShadowEntry none = { .node.last = -1 };
    const NyxShadowEntry *e = entry ?: &none;

    nyx_testdev_reg_set64(s, NYX_TD_SHADOW_IOVA, e->node.start);
    nyx_testdev_reg_set64(s, NYX_TD_SHADOW_LEN,
                          e->node.last - e->node.start + 1);
    nyx_testdev_reg_set64(s, NYX_TD_SHADOW_ADDR, e->addr);
    nyx_testdev_reg_set(s, NYX_TD_SHADOW_PERM,
                        (e->read ? NYX_TD_ACCESS_READ : 0) |
                        (e->write ? NYX_TD_ACCESS_WRITE : 0));
}

static void shadow_index_write(NyxTestdevState *s, uint64_t value)
{
    shadow_show(s, nyx_shadow_nth(shadow_selected(s), value));
}

static void shadow_find_write(NyxTestdevState *s, uint64_t value)
{
    shadow_show(s, nyx_shadow_find(shadow_selected(s), value));
}

/* Translation cache */

static NyxTestdevAtcEntry atc_selected(NyxTestdevState *s)
{
    uint32_t index = nyx_testdev_reg_get(s, NYX_TD_ATC_INDEX);

    return nyx_testdev_atc_get(&s->atc, index % NYX_TD_ATC_ENTRIES_VALUE);
}

static void atc_ctrl_write(NyxTestdevState *s, uint64_t value)
{
    if (value & NYX_TD_ATC_FLUSH) {
        nyx_testdev_atc_flush(&s->atc);
    }
}

static uint64_t atc_count_read(NyxTestdevState *s)
{
    return nyx_testdev_atc_count(&s->atc);
}

static uint64_t atc_pasid_read(NyxTestdevState *s)
{
    return atc_selected(s).pasid;
}

static uint64_t atc_iova_read(NyxTestdevState *s)
{
    return atc_selected(s).iova;
}

static uint64_t atc_mask_read(NyxTestdevState *s)
{
    return atc_selected(s).mask;
}

static uint64_t atc_addr_read(NyxTestdevState *s)
{
    return atc_selected(s).addr;
}

static uint64_t atc_access_read(NyxTestdevState *s)
{
    NyxTestdevAtcEntry e = atc_selected(s);

    return e.access | (e.valid ? NYX_TD_ATC_ACCESS_VALID : 0) |
           (e.has_pasid ? NYX_TD_ATC_ACCESS_PASID : 0) |
           e.ats << NYX_TD_ATC_ACCESS_ATS_SHIFT;
}

static uint64_t atc_hits_read(NyxTestdevState *s)
{
    QEMU_LOCK_GUARD(&s->atc.lock);
    return s->atc.hits;
}

static uint64_t atc_misses_read(NyxTestdevState *s)
{
    QEMU_LOCK_GUARD(&s->atc.lock);
    return s->atc.misses;
}

static uint64_t atc_drops_read(NyxTestdevState *s)
{
    QEMU_LOCK_GUARD(&s->atc.lock);
    return s->atc.drops;
}

static uint64_t pri_outstanding_read(NyxTestdevState *s)
{
    return nyx_testdev_pri_outstanding(s);
}

static uint64_t pri_resp_read(NyxTestdevState *s)
{
    return nyx_testdev_pri_response(s).word;
}

static uint64_t pri_resp_pasid_read(NyxTestdevState *s)
{
    return nyx_testdev_pri_response(s).pasid;
}

static void reset_write(NyxTestdevState *s, uint64_t value)
{
    if (value == 1) {
        nyx_testdev_mmio_reset(s);
    }
}

/* The register map, in order of offset */

#define M32 0xffffffffull
#define M64 UINT64_MAX

#define RO(o, n)        { .offset = NYX_TD_##o, .size = n }
#define RO_VAL(o, v)    { .offset = NYX_TD_##o, .size = 4, .reset = v }
#define RO_FN(o, n, f)  { .offset = NYX_TD_##o, .size = n, .read = f }
#define RW(o, n, m)     { .offset = NYX_TD_##o, .size = n, .wmask = m }
#define RW_VAL(o, m, v) \
    { .offset = NYX_TD_##o, .size = 4, .wmask = m, .reset = v }
#define RW_FN(o, n, m, f) \
    { .offset = NYX_TD_##o, .size = n, .wmask = m, .write = f }
#define WO(o, f)        { .offset = NYX_TD_##o, .size = 4, .write = f }

static const RegRow reg_rows[] = {
    RO_FN(ITD_TRIGGER, 4, itd_trigger_read),
    RW(ITD_GVA_LO, 4, M32),
    RW(ITD_GVA_HI, 4, M32),
    RW(ITD_LEN, 4, M32),
    RW_VAL(ITD_RESULT, M32, NYX_TD_ITD_IDLE),
    WO(ITD_DBELL, itd_dbell_write),
    RW_VAL(ITD_ATTRS, M32,
           NYX_TD_ITD_SPACE_NONSECURE << NYX_TD_ITD_ATTRS_SPACE_SHIFT),
    RW(ITD_GPA_LO, 4, M32),
    RW(ITD_GPA_HI, 4, M32),

    RO_VAL(MAGIC, NYX_TD_MAGIC_VALUE),
    RO_VAL(VERSION, NYX_TD_VERSION_VALUE),
    RO_FN(FEATURES, 4, features_read),
    RO_VAL(MAX_LEN, NYX_TD_MAX_LEN_VALUE),
    RO_VAL(MAX_THREADS, NYX_TD_MAX_THREADS_VALUE),
    RO_FN(VECTORS, 4, vectors_read),
    RO_VAL(ATC_ENTRIES, NYX_TD_ATC_ENTRIES_VALUE),
    RO_FN(SHADOW_MAX, 4, shadow_max_read),
    RO_FN(REQUESTER_ID, 4, requester_id_read),
    RW(SCRATCH, 4, M32),
    WO(RESET, reset_write),

    RW(DMA_ADDR, 8, M64),
    RW(DMA_LEN, 4, M32),
    RW(DMA_OP, 4, M32),
    RW(DMA_ATTR, 4, M32),
    RW(DMA_PASID, 4, PASID_MASK),
    RW(DMA_OPERAND, 8, M64),
    RW(DMA_COMPARE, 8, M64),
    WO(DMA_DOORBELL, dma_doorbell),
    RO_VAL(DMA_STATUS, NYX_TD_ST_IDLE),
    RO(DMA_MEMTX, 4),
    RO(DMA_DONE, 4),
    RO(DMA_OLD, 8),
    RO(DMA_XADDR, 8),
    RO(DMA_XMASK, 8),
    RO(DMA_XACCESS, 4),
    RO(DMA_DIFF_COUNT, 4),
    RO(DMA_DIFF_FIRST, 4),
    RO(DMA_COUNT, 4),
    RO(DMA_ERRORS, 4),
    RO(DMA_XATS, 4),

    WO(RUN_CTRL, run_ctrl_write),
    RO_FN(RUN_STATUS, 4, run_status_read),
    RW_VAL(RUN_THREADS, M32, 1),
    RW(RUN_OP, 4, M32),
    RW(RUN_ATTR, 4, M32),
    RW(RUN_PASID, 4, PASID_MASK),
    RW(RUN_BASE, 8, M64),
    RW(RUN_STRIDE, 8, M64),
    RW(RUN_COUNT, 8, M64),
    RW_VAL(RUN_SLOTS, M32, 1),
    RW(RUN_LEN, 4, M32),
    RW(RUN_PATTERN, 4, M32),
    RW(RUN_FLAGS, 4, NYX_TD_RUN_F_ALL),
    RW(RUN_SEED, 8, M64),
    RW_VAL(RUN_TIME_MS, M32, NYX_TD_DEFAULT_TIME_MS),
    RW(RUN_VECTOR, 4, M32),
    RO(RUN_ELAPSED, 8),
    RO_FN(RUN_OPS, 8, run_ops_read),
    RO_FN(RUN_ERRORS, 8, run_errors_read),
    RO(RUN_ERR_ADDR, 8),
    RO(RUN_ERR_STATUS, 4),
    RW(RUN_SELECT, 4, NYX_TD_MAX_THREADS_VALUE - 1),
    RO_FN(RUN_SEL_NS, 8, run_sel_ns_read),
    RO_FN(RUN_SEL_OPS, 8, run_sel_ops_read),
    RO_FN(RUN_SEL_ERRORS, 8, run_sel_errors_read),

    RW(MSI_ADDR, 8, M64),
    RW(MSI_DATA, 4, M32),
    WO(MSI_SEND, msi_send_write),
    RO_VAL(MSI_STATUS, NYX_TD_ST_IDLE),
    RO(MSI_MEMTX, 4),
    WO(IRQ_RAISE, irq_raise_write),
    RO_VAL(IRQ_STATUS, NYX_TD_ST_IDLE),
    RO_FN(IRQ_MODE, 4, irq_mode_read),
    RO(IRQ_COUNT, 4),
    RO(MSI_NS, 8),

    RW(POKE_ADDR, 8, M64),
    WO(POKE, poke_write),
    RO(POKE_MEMTX, 4),
    RO(POKE_NS, 8),

    RW_FN(NOTIFY_CTRL, 4, NYX_TD_NOTIFY_ALL, notify_ctrl_write),
    RO_FN(NOTIFY_STATUS, 4, notify_status_read),
    RO(NOTIFY_MAPS, 8),
    RO(NOTIFY_UNMAPS, 8),
    RO(NOTIFY_DEV_UNMAPS, 8),
    RO(NOTIFY_REPLAYS, 4),
    RO(NOTIFY_ERRORS, 4),
    RO(ERR_DOUBLE_MAP, 4),
    RO(ERR_CUT, 4),
    RO(ERR_SIZE, 4),
    RO(ERR_NOT_RAM, 4),
    RO(ERR_TARGET, 4),
    RO(ERR_FULL, 4),
    RO(LAST_ERR_IOVA, 8),
    RO(LAST_ERR, 4),
    WO(NOTIFY_OP, notify_op_write),
    RO_FN(SHADOW_COUNT, 4, shadow_count_read),
    RW_FN(SHADOW_INDEX, 4, M32, shadow_index_write),
    RO_FN(SHADOW_BYTES, 8, shadow_bytes_read),
    RW_FN(SHADOW_FIND, 8, M64, shadow_find_write),
    RO(SHADOW_IOVA, 8),
    RO(SHADOW_LEN, 8),
    RO(SHADOW_ADDR, 8),
    RO(SHADOW_PERM, 4),
    RW(SHADOW_SELECT, 4, 1),
    RO(UNMAP_IOVA, 8),
    RO(UNMAP_LEN, 8),
    RO(UNMAP_ADDR, 8),
    RO(SYNC_EVENTS, 8),
    RO(SYNC_ERRORS, 4),
    RO(ERR_ADDR, 4),
    RO(DIRTY_LOST, 4),

    WO(ATC_CTRL, atc_ctrl_write),
    RO_FN(ATC_COUNT, 4, atc_count_read),
    RW(ATC_INDEX, 4, NYX_TD_ATC_ENTRIES_VALUE - 1),
    RO_FN(ATC_PASID, 4, atc_pasid_read),
    RO_FN(ATC_IOVA, 8, atc_iova_read),
    RO_FN(ATC_MASK, 8, atc_mask_read),
    RO_FN(ATC_ADDR, 8, atc_addr_read),
    RO_FN(ATC_ACCESS, 4, atc_access_read),
    RO_FN(ATC_HITS, 8, atc_hits_read),
    RO_FN(ATC_MISSES, 8, atc_misses_read),
    RO_FN(ATC_DROPS, 8, atc_drops_read),

    RW(PRI_ADDR, 8, M64),
    RW(PRI_FLAGS, 4, NYX_TD_PRI_F_ALL),
    RW(PRI_PASID, 4, PASID_MASK),
    RW(PRI_GROUP, 4, NYX_TD_PRI_GROUP_MASK),
    WO(PRI_DOORBELL, nyx_testdev_pri_doorbell),
    RO_VAL(PRI_STATUS, NYX_TD_ST_IDLE),
    RO(PRI_SENT, 4),
    RO_FN(PRI_OUTSTANDING, 4, pri_outstanding_read),
    RO(PRI_RESPONSES, 4),
    RW(PRI_RESP_INDEX, 4, NYX_TD_PRI_RESPONSES_KEPT - 1),
    RO_FN(PRI_RESP, 4, pri_resp_read),
    RO_FN(PRI_RESP_PASID, 4, pri_resp_pasid_read),

    RW(INV_ANSWER, 4, 3),
    RO(INV_COUNT, 4),
    RO(INV_ADDR, 8),
    RO(INV_LG2, 4),
    RO(INV_PASID, 4),
};

/* MMIO */

static int compare_row(const void *key, const void *item)
{
    const hwaddr *addr = key;
    const RegRow *row = item;

    if (*addr < row->offset) {
        return -1;
    }
    return *addr >= row->offset + row->size;
}

static const RegRow *find_row(hwaddr addr)
{
    return bsearch(&addr, reg_rows, ARRAY_SIZE(reg_rows), sizeof(RegRow),
                   compare_row);
}

static uint64_t regs_read(void *opaque, hwaddr addr, unsigned size)
{
    NyxTestdevState *s = opaque;
    const RegRow *row = find_row(addr);

    if (!row) {
        qemu_log_mask(LOG_GUEST_ERROR, "nyx-testdev: read of no register, "
                      "offset 0x%" HWADDR_PRIx "\n", addr);
        return 0;
    }
    if (row->read) {
        return extract64(row->read(s), (addr - row->offset) * 8, 32);
    }
    return nyx_testdev_reg_get(s, addr);
}

static void regs_write(void *opaque, hwaddr addr, uint64_t value,
                       unsigned size)
{
    NyxTestdevState *s = opaque;
    const RegRow *row = find_row(addr);
    unsigned shift;

    if (!row || (!row->wmask && !row->write)) {
        qemu_log_mask(LOG_GUEST_ERROR, "nyx-testdev: write to read-only or no "
                      "register, offset 0x%" HWADDR_PRIx "\n", addr);
        return;
    }
    shift = (addr - row->offset) * 8;
    if (row->wmask) {
        value &= extract64(row->wmask, shift, 32);
        nyx_testdev_reg_set(s, addr, value);
    }
    if (row->write && shift + 32 == row->size * 8) {
        row->write(s, row->size == 8 ? nyx_testdev_reg_get64(s, row->offset)
                                     : value);
    }
}

/* 64-bit registers are served as two halves, the lower first. */
static const MemoryRegionOps regs_ops = {
    .read = regs_read,
    .write = regs_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 4,
        .max_access_size = 8,
    },
    .impl = {
        .min_access_size = 4,
        .max_access_size = 4,
    },
};

static uint64_t window_read(void *opaque, hwaddr addr, unsigned size)
{
    NyxTestdevState *s = opaque;

    return ldn_le_p(s->window + addr, size);
}

static void window_write(void *opaque, hwaddr addr, uint64_t value,
                         unsigned size)
{
    NyxTestdevState *s = opaque;

    stn_le_p(s->window + addr, size, value);
}

static const MemoryRegionOps window_ops = {
    .read = window_read,
    .write = window_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 1,
        .max_access_size = 8,
    },
    .impl = {
        .min_access_size = 1,
        .max_access_size = 8,
    },
};

void nyx_testdev_mmio_reset(NyxTestdevState *s)
{
    uint32_t old_notify = s->notify.flags;

    nyx_testdev_run_cancel(s, true);
    memset(s->regs, 0, sizeof(s->regs));
    memset(s->window, 0, sizeof(s->window));
    memset(s->run_result, 0, sizeof(s->run_result));
    s->itd_armed = false;
    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        nyx_testdev_reg_set(s, reg_rows[i].offset, reg_rows[i].reset);
    }
    nyx_testdev_atc_flush(&s->atc);
    nyx_testdev_pri_reset(s);
    nyx_testdev_reg_set(s, NYX_TD_NOTIFY_CTRL, s->notify_reset);
    /* An unchanged notifier stays, so that no event is missed. */
    if (old_notify != s->notify_reset || !s->notify.listening) {
        nyx_testdev_notify_apply(s);
    }
}

/* A migration stream may hold what no guest could have written. */
void nyx_testdev_mmio_loaded(NyxTestdevState *s)
{
    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        const RegRow *row = &reg_rows[i];
        uint32_t value = nyx_testdev_reg_get(s, row->offset);

        if (row->wmask) {
            nyx_testdev_reg_set(s, row->offset, value & row->wmask);
        }
    }
}

void nyx_testdev_mmio_init(NyxTestdevState *s)
{
    memory_region_init(&s->bar, OBJECT(s), "nyx-testdev", NYX_TD_BAR_SIZE);
    memory_region_init_io(&s->regs_mr, OBJECT(s), &regs_ops, s,
                          "nyx-testdev-regs", NYX_TD_REGS_SIZE);
    memory_region_init_io(&s->window_mr, OBJECT(s), &window_ops, s,
                          "nyx-testdev-window", NYX_TD_WINDOW_SIZE);
    memory_region_add_subregion(&s->bar, 0, &s->regs_mr);
    memory_region_add_subregion(&s->bar, NYX_TD_WINDOW, &s->window_mr);
}

/* A subregion holds a reference to its owner, which would never go away. */
void nyx_testdev_mmio_exit(NyxTestdevState *s)
{
    memory_region_del_subregion(&s->bar, &s->window_mr);
    memory_region_del_subregion(&s->bar, &s->regs_mr);
}
