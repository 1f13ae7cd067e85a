/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives nyx-testdev from a qtest: finds it, makes its requests, reads what
 * came of them.  Judging the result is left to the test.
 */
#ifndef TESTS_LIBQOS_NYX_TESTDEV_H
#define TESTS_LIBQOS_NYX_TESTDEV_H

#include "libqtest.h"
#include "libqos/pci.h"
#include "libqos/pci-pc.h"
#include "hw/pci/pci_regs.h"
#include "hw/nyx-iommu/testdev-regs.h"

/* @bar is an address of the machine; @pci is NULL if BARs were set by hand. */
typedef struct NyxTestdev {
    QTestState *qts;
    QPCIDevice *pci;
    uint64_t bar;
} NyxTestdev;

/* A device whose BAR 0 the test has mapped at @bar itself. */
static inline NyxTestdev nyx_td_at(QTestState *qts, uint64_t bar)
{
    return (NyxTestdev) { .qts = qts, .bar = bar };
}

/*
 * Find the device at @devfn of @bus (devfn | bus number << 8 for another than
 * the root bus), enable it, map its BAR 0.  End with nyx_td_put().
 */
static inline NyxTestdev nyx_td_get(QPCIBus *bus, int devfn)
{
    NyxTestdev td = { .qts = bus->qts };

    td.pci = qpci_device_find(bus, devfn);
    g_assert_nonnull(td.pci);
    g_assert_cmphex(qpci_config_readl(td.pci, PCI_VENDOR_ID), ==,
                    NYX_TD_VENDOR_ID | NYX_TD_DEVICE_ID << 16);
    qpci_device_enable(td.pci);
    td.bar = qpci_iomap(td.pci, NYX_TD_BAR, NULL).addr;
    return td;
}

static inline void nyx_td_put(NyxTestdev *td)
{
    g_clear_pointer(&td->pci, g_free);
}

static inline uint32_t nyx_td_r32(const NyxTestdev *td, unsigned offset)
{
    return qtest_readl(td->qts, td->bar + offset);
}

static inline uint64_t nyx_td_r64(const NyxTestdev *td, unsigned offset)
{
    return qtest_readq(td->qts, td->bar + offset);
}

static inline void nyx_td_w32(const NyxTestdev *td, unsigned offset,
                              uint32_t value)
{
    qtest_writel(td->qts, td->bar + offset, value);
}

static inline void nyx_td_w64(const NyxTestdev *td, unsigned offset,
                              uint64_t value)
{
    qtest_writeq(td->qts, td->bar + offset, value);
}

/* The data window, as far as @len reaches into it. */
static inline void nyx_td_put_data(const NyxTestdev *td, const void *data,
                                   size_t len)
{
    qtest_memwrite(td->qts, td->bar + NYX_TD_WINDOW, data,
                   MIN(len, NYX_TD_WINDOW_SIZE));
}

static inline void nyx_td_get_data(const NyxTestdev *td, void *data,
                                   size_t len)
{
    qtest_memread(td->qts, td->bar + NYX_TD_WINDOW, data,
                  MIN(len, NYX_TD_WINDOW_SIZE));
}

/* A request.  Zero is right for what a test doesn't care about. */
typedef struct NyxTdReq {
    uint32_t op;           /* NYX_TD_OP_* */
    uint32_t attr;         /* NYX_TD_ATTR_* */
    uint32_t pasid;
    uint32_t len;
    uint64_t addr;
    uint64_t operand;
    uint64_t compare;
} NyxTdReq;

/* Make @req.  Returns NYX_TD_ST_*; more is in the NYX_TD_DMA_* registers. */
static inline uint32_t nyx_td_request(const NyxTestdev *td, NyxTdReq req)
{
    nyx_td_w64(td, NYX_TD_DMA_ADDR, req.addr);
    nyx_td_w32(td, NYX_TD_DMA_LEN, req.len);
    nyx_td_w32(td, NYX_TD_DMA_OP, req.op);
    nyx_td_w32(td, NYX_TD_DMA_ATTR, req.attr);
    nyx_td_w32(td, NYX_TD_DMA_PASID, req.pasid);
    nyx_td_w64(td, NYX_TD_DMA_OPERAND, req.operand);
    nyx_td_w64(td, NYX_TD_DMA_COMPARE, req.compare);
    nyx_td_w32(td, NYX_TD_DMA_DOORBELL, 1);
    return nyx_td_r32(td, NYX_TD_DMA_STATUS);
}

/* Read @len bytes (up to NYX_TD_WINDOW_SIZE) at @addr. */
static inline uint32_t nyx_td_read(const NyxTestdev *td, uint64_t addr,
                                   void *data, size_t len)
{
    uint32_t status = nyx_td_request(td, (NyxTdReq) {
        .op = NYX_TD_OP_READ,
        .addr = addr,
        .len = len,
    });

    if (status == NYX_TD_ST_OK) {
        nyx_td_get_data(td, data, len);
    }
    return status;
}

/* Write @len bytes (up to NYX_TD_WINDOW_SIZE) at @addr. */
static inline uint32_t nyx_td_write(const NyxTestdev *td, uint64_t addr,
                                    const void *data, size_t len)
{
    nyx_td_put_data(td, data, len);
    return nyx_td_request(td, (NyxTdReq) {
        .op = NYX_TD_OP_WRITE,
        .addr = addr,
        .len = len,
    });
}

/* Read 4 bytes; @value is left alone on error. */
static inline uint32_t nyx_td_readl(const NyxTestdev *td, uint64_t addr,
                                    uint32_t *value)
{
    uint32_t raw;
    uint32_t status = nyx_td_read(td, addr, &raw, sizeof(raw));

    if (status == NYX_TD_ST_OK) {
        *value = le32_to_cpu(raw);
    }
    return status;
}

/* Write 4 bytes. */
static inline uint32_t nyx_td_writel(const NyxTestdev *td, uint64_t addr,
                                     uint32_t value)
{
    return nyx_td_request(td, (NyxTdReq) {
        .op = NYX_TD_OP_FILL,
        .addr = addr,
        .len = sizeof(value),
        .operand = value,
    });
}

/* Answer to the last request, as a Nyx IOMMU gave it. */
typedef struct NyxTdAnswer {
    uint64_t addr;
    uint64_t mask;
    uint32_t access;       /* NYX_TD_ACCESS_* */
} NyxTdAnswer;

static inline NyxTdAnswer nyx_td_answer(const NyxTestdev *td)
{
    return (NyxTdAnswer) {
        .addr = nyx_td_r64(td, NYX_TD_DMA_XADDR),
        .mask = nyx_td_r64(td, NYX_TD_DMA_XMASK),
        .access = nyx_td_r32(td, NYX_TD_DMA_XACCESS),
    };
}

/* ATS translation request for @iova; @pasid below 0 for none. */
static inline uint32_t nyx_td_translate(const NyxTestdev *td, uint64_t iova,
                                        int pasid, NyxTdAnswer *answer)
{
    uint32_t status = nyx_td_request(td, (NyxTdReq) {
        .op = NYX_TD_OP_TRANSLATE,
        .attr = pasid < 0 ? 0 : NYX_TD_ATTR_PASID,
        .pasid = pasid < 0 ? 0 : pasid,
        .addr = iova,
    });

    *answer = nyx_td_answer(td);
    return status;
}

/*
 * A page request of @group for @addr.  @flags: NYX_TD_PRI_F_* and access;
 * @pasid is not used without NYX_TD_PRI_F_PASID.
 */
static inline uint32_t nyx_td_page_request(const NyxTestdev *td, uint64_t addr,
                                           uint32_t flags, uint32_t pasid,
                                           uint32_t group)
{
    nyx_td_w64(td, NYX_TD_PRI_ADDR, addr);
    nyx_td_w32(td, NYX_TD_PRI_FLAGS, flags);
    nyx_td_w32(td, NYX_TD_PRI_PASID, pasid);
    nyx_td_w32(td, NYX_TD_PRI_GROUP, group);
    nyx_td_w32(td, NYX_TD_PRI_DOORBELL, 1);
    return nyx_td_r32(td, NYX_TD_PRI_STATUS);
}

/* Response number @index of those kept, from 0 on. */
static inline uint32_t nyx_td_page_response(const NyxTestdev *td,
                                            uint32_t index, uint32_t *pasid)
{
    nyx_td_w32(td, NYX_TD_PRI_RESP_INDEX, index);
    *pasid = nyx_td_r32(td, NYX_TD_PRI_RESP_PASID);
    return nyx_td_r32(td, NYX_TD_PRI_RESP);
}

/* Write a message as the function's MSI. */
static inline uint32_t nyx_td_msi(const NyxTestdev *td, uint64_t addr,
                                  uint32_t data)
{
    nyx_td_w64(td, NYX_TD_MSI_ADDR, addr);
    nyx_td_w32(td, NYX_TD_MSI_DATA, data);
    nyx_td_w32(td, NYX_TD_MSI_SEND, 1);
    return nyx_td_r32(td, NYX_TD_MSI_STATUS);
}

/* Raise a vector of MSI-X or MSI. */
static inline uint32_t nyx_td_irq(const NyxTestdev *td, uint32_t vector)
{
    nyx_td_w32(td, NYX_TD_IRQ_RAISE, vector);
    return nyx_td_r32(td, NYX_TD_IRQ_STATUS);
}

/* Listen for @flags (NYX_TD_NOTIFY_*); returns NOTIFY_STATUS. */
static inline uint32_t nyx_td_notify(const NyxTestdev *td, uint32_t flags)
{
    nyx_td_w32(td, NYX_TD_NOTIFY_CTRL, flags);
    return nyx_td_r32(td, NYX_TD_NOTIFY_STATUS);
}

typedef struct NyxTdMapping {
    uint64_t iova;
    uint64_t len;          /* 0: there is none */
    uint64_t addr;
    uint32_t perm;         /* NYX_TD_ACCESS_READ, _WRITE */
} NyxTdMapping;

static inline NyxTdMapping nyx_td_shadow_shown(const NyxTestdev *td)
{
    return (NyxTdMapping) {
        .iova = nyx_td_r64(td, NYX_TD_SHADOW_IOVA),
        .len = nyx_td_r64(td, NYX_TD_SHADOW_LEN),
        .addr = nyx_td_r64(td, NYX_TD_SHADOW_ADDR),
        .perm = nyx_td_r32(td, NYX_TD_SHADOW_PERM),
    };
}

/* Mapping number @index of the shadow. */
static inline NyxTdMapping nyx_td_shadow_at(const NyxTestdev *td,
                                            uint32_t index)
{
    nyx_td_w32(td, NYX_TD_SHADOW_INDEX, index);
    return nyx_td_shadow_shown(td);
}

/* Mapping of the shadow that holds @iova. */
static inline NyxTdMapping nyx_td_shadow_find(const NyxTestdev *td,
                                              uint64_t iova)
{
    nyx_td_w64(td, NYX_TD_SHADOW_FIND, iova);
    return nyx_td_shadow_shown(td);
}

/* The last UNMAP event; len is 0 if there was none. */
static inline NyxTdMapping nyx_td_last_unmap(const NyxTestdev *td)
{
    return (NyxTdMapping) {
        .iova = nyx_td_r64(td, NYX_TD_UNMAP_IOVA),
        .len = nyx_td_r64(td, NYX_TD_UNMAP_LEN),
        .addr = nyx_td_r64(td, NYX_TD_UNMAP_ADDR),
    };
}

/*
 * Have the IOMMU asked for all mappings without a registered notifier; what it
 * said is in the shadow until nyx_td_sync_end().  Returns the events.
 */
static inline uint64_t nyx_td_sync_begin(const NyxTestdev *td)
{
    uint64_t before = nyx_td_r64(td, NYX_TD_SYNC_EVENTS);

    nyx_td_w32(td, NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_SYNC);
    nyx_td_w32(td, NYX_TD_SHADOW_SELECT, NYX_TD_SHADOW_SEEN);
    return nyx_td_r64(td, NYX_TD_SYNC_EVENTS) - before;
}

static inline void nyx_td_sync_end(const NyxTestdev *td)
{
    nyx_td_w32(td, NYX_TD_SHADOW_SELECT, NYX_TD_SHADOW_ANNOUNCED);
}

/* Write 4 bytes as a device of the host does: by what was announced. */
static inline uint32_t nyx_td_host_writel(const NyxTestdev *td, uint64_t addr,
                                          uint32_t value)
{
    return nyx_td_request(td, (NyxTdReq) {
        .op = NYX_TD_OP_FILL,
        .attr = NYX_TD_ATTR_HOST,
        .addr = addr,
        .len = sizeof(value),
        .operand = value,
    });
}

/* A timed run.  Zero threads and slots mean one. */
typedef struct NyxTdRun {
    NyxTdReq req;          /* addr is that of slot 0 */
    uint32_t threads;
    uint32_t slots;
    uint32_t pattern;      /* NYX_TD_PATTERN_* */
    uint32_t flags;        /* NYX_TD_RUN_F_* */
    uint32_t time_ms;      /* 0: the device's default */
    uint32_t vector;
    uint64_t stride;
    uint64_t count;
    uint64_t seed;
} NyxTdRun;

/* Start @run.  Returns RUN_STATUS at once. */
static inline uint32_t nyx_td_run_start(const NyxTestdev *td,
                                        const NyxTdRun *run)
{
    nyx_td_w32(td, NYX_TD_RUN_OP, run->req.op);
    nyx_td_w32(td, NYX_TD_RUN_ATTR, run->req.attr);
    nyx_td_w32(td, NYX_TD_RUN_PASID, run->req.pasid);
    nyx_td_w32(td, NYX_TD_RUN_LEN, run->req.len);
    nyx_td_w64(td, NYX_TD_RUN_BASE, run->req.addr);
    nyx_td_w64(td, NYX_TD_DMA_OPERAND, run->req.operand);
    nyx_td_w64(td, NYX_TD_DMA_COMPARE, run->req.compare);
    nyx_td_w32(td, NYX_TD_RUN_THREADS, run->threads ?: 1);
    nyx_td_w32(td, NYX_TD_RUN_SLOTS, run->slots ?: 1);
    nyx_td_w32(td, NYX_TD_RUN_PATTERN, run->pattern);
    nyx_td_w32(td, NYX_TD_RUN_FLAGS, run->flags);
    nyx_td_w32(td, NYX_TD_RUN_VECTOR, run->vector);
    nyx_td_w64(td, NYX_TD_RUN_STRIDE, run->stride);
    nyx_td_w64(td, NYX_TD_RUN_COUNT, run->count);
    nyx_td_w64(td, NYX_TD_RUN_SEED, run->seed);
    if (run->time_ms) {
        nyx_td_w32(td, NYX_TD_RUN_TIME_MS, run->time_ms);
    }
    nyx_td_w32(td, NYX_TD_RUN_CTRL, NYX_TD_RUN_START);
    return nyx_td_r32(td, NYX_TD_RUN_STATUS);
}

/* Wait for the end of a run.  Returns RUN_STATUS. */
static inline uint32_t nyx_td_run_wait(const NyxTestdev *td)
{
    uint32_t status;

    do {
        status = nyx_td_r32(td, NYX_TD_RUN_STATUS);
        g_usleep(100);
    } while (status & NYX_TD_RUN_ST_BUSY);
    return status;
}

/* Make @run and wait for its end.  Returns RUN_STATUS. */
static inline uint32_t nyx_td_run(const NyxTestdev *td, const NyxTdRun *run)
{
    nyx_td_run_start(td, run);
    return nyx_td_run_wait(td);
}

/* Nanoseconds per request and thread of the run that is over. */
static inline double nyx_td_run_ns(const NyxTestdev *td)
{
    uint64_t ops = nyx_td_r64(td, NYX_TD_RUN_OPS);

    return ops ? (double)nyx_td_r64(td, NYX_TD_RUN_ELAPSED) *
                 nyx_td_r32(td, NYX_TD_RUN_THREADS) / ops : 0;
}

#endif
