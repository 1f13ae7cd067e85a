/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio-iommu from end to end, QEMU's own and ours: configuration,
 * requests of each kind, DMA through mappings, a fault.  Over split and
 * packed rings, and indirect descriptors.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-virtio-iommu.h"

#define TESTDEV     NYX_SID(0, 4, 0)
#define DOMAIN      7
#define IOVA        0x40000000ull

typedef struct Fixture {
    NyxPc *pc;
    QVio *v;
    NyxTestdev td;
    uint64_t page;
} Fixture;

typedef struct Model {
    const char *name;
    const char *args;
    bool packed;
} Model;

static const Model models[] = {
    { "qemu", "virtio-iommu-pci,addr=3", false },
    { "qemu/packed", "virtio-iommu-pci,addr=3,packed=on", true },
    { "nyx", "nyx-virtio-iommu-pci,addr=3,event-delay=0", false },
    { "nyx/packed", "nyx-virtio-iommu-pci,addr=3,event-delay=0,packed=on",
      true },
};

typedef struct TestRow {
    const char *name;
    void (*fn)(Fixture *f);
} TestRow;

typedef struct Case {
    const Model *model;
    const TestRow *row;
} Case;

static void run(gconstpointer opaque)
{
    const Case *c = opaque;
    uint64_t rings = c->model->packed ? QVIO_F_PACKED : 0;
    Fixture f;

    f.pc = nyx_pc_start("-M q35 -device %s -device nyx-testdev,addr=4",
                        c->model->args);
    f.v = qvio_start(f.pc, QVIO_F_USUAL | rings);
    f.td = nyx_td_get(f.pc->pci, TESTDEV);
    f.page = nyx_pc_pages(f.pc, 2);
    g_assert_cmphex(f.v->features & QVIO_F_PACKED, ==, rings);
    c->row->fn(&f);
    nyx_td_put(&f.td);
    qvio_end(f.v);
    nyx_pc_end(f.pc);
}

/* --- Tests ---------------------------------------------------------------- */

static void test_config(Fixture *f)
{
    QVio *v = f->v;

    g_assert_cmphex(qvio_status(v), ==, QVIO_ACKNOWLEDGE | QVIO_DRIVER |
                    QVIO_DRIVER_OK | QVIO_FEATURES_OK);
    g_assert_cmphex(v->features & QVIO_F_DEVICE, ==,
                    QVIO_F_INPUT_RANGE | QVIO_F_DOMAIN_RANGE |
                    QVIO_F_MAP_UNMAP | QVIO_F_PROBE | QVIO_F_MMIO |
                    QVIO_F_BYPASS_CONFIG);
    g_assert_cmphex(qvio_cfg64(v, QVIO_CFG_PAGE_SIZES) & -NYX_PAGE, ==,
                    qvio_cfg64(v, QVIO_CFG_PAGE_SIZES));
    g_assert_cmphex(qvio_cfg64(v, QVIO_CFG_INPUT_START), ==, 0);
    g_assert_cmphex(qvio_cfg64(v, QVIO_CFG_INPUT_END), >=, UINT32_MAX);
    g_assert_cmphex(qvio_cfg32(v, QVIO_CFG_PROBE_SIZE), >=, 24);
    g_assert_cmpuint(qvio_bypass(v), ==, 1);
    qvio_set_bypass(v, 0);
    g_assert_cmpuint(qvio_bypass(v), ==, 0);
    /* A reset of the device leaves it. */
    qvio_restart(v, v->features);
    g_assert_cmpuint(qvio_bypass(v), ==, 0);
}

static void test_dma(Fixture *f)
{
    QVio *v = f->v;
    uint32_t value = 0;

    g_assert_cmpuint(qvio_attach(v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    g_assert_cmpuint(nyx_td_writel(&f->td, IOVA, 1), !=, NYX_TD_ST_OK);
    g_assert_cmpuint(qvio_map(v, DOMAIN, IOVA, IOVA + 2 * NYX_PAGE - 1,
                              f->page, QVIO_MAP_RW), ==, QVIO_S_OK);
    g_assert_cmpuint(nyx_td_writel(&f->td, IOVA + NYX_PAGE + 4, 0x1234), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f->pc->qts, f->page + NYX_PAGE + 4), ==,
                    0x1234);
    g_assert_cmpuint(nyx_td_readl(&f->td, IOVA + NYX_PAGE + 4, &value), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(value, ==, 0x1234);
    g_assert_cmpuint(qvio_unmap(v, DOMAIN, IOVA, IOVA + NYX_PAGE - 1), ==,
                     QVIO_S_RANGE);
    g_assert_cmpuint(qvio_unmap(v, DOMAIN, IOVA, IOVA + 2 * NYX_PAGE - 1), ==,
                     QVIO_S_OK);
    g_assert_cmpuint(nyx_td_readl(&f->td, IOVA, &value), !=, NYX_TD_ST_OK);
    g_assert_cmpuint(qvio_detach(v, DOMAIN, TESTDEV), ==, QVIO_S_OK);
    g_assert_cmpuint(qvio_unmap(v, DOMAIN, IOVA, IOVA + NYX_PAGE - 1), ==,
                     QVIO_S_NOENT);
    /* It is on its own again: addresses are memory's. */
    g_assert_cmpuint(nyx_td_writel(&f->td, f->page, 7), ==, NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f->pc->qts, f->page), ==, 7);
}

static void test_fault(Fixture *f)
{
    QVio *v = f->v;
    QVioEvent event;

    qvio_event_post(v, 4);
    g_assert_false(qvio_event(v, &event));
    g_assert_cmpuint(qvio_attach(v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    g_assert_cmpuint(qvio_map(v, DOMAIN, IOVA, IOVA + NYX_PAGE - 1, f->page,
                              QVIO_MAP_READ), ==, QVIO_S_OK);
    g_assert_cmpuint(nyx_td_writel(&f->td, IOVA + 8, 1), !=, NYX_TD_ST_OK);
    g_assert_true(qvio_event(v, &event));
    g_assert_cmpuint(event.used, ==, 24);
    g_assert_cmpuint(event.reason, ==, QVIO_REASON_MAPPING);
    g_assert_cmphex(event.flags, ==, QVIO_EVENT_WRITE | QVIO_EVENT_ADDRESS);
    g_assert_cmphex(event.endpoint, ==, TESTDEV);
    g_assert_cmphex(event.address, ==, IOVA + 8);
    g_assert_false(event.reserved);
    g_assert_false(qvio_event(v, &event));
}

static void test_probe(Fixture *f)
{
    unsigned size = qvio_cfg32(f->v, QVIO_CFG_PROBE_SIZE);
    g_autofree uint8_t *properties = g_malloc(size);
    QVioResv resv;

    g_assert_cmpuint(qvio_probe(f->v, TESTDEV, properties, size), ==,
                     QVIO_S_OK);
    g_assert_true(qvio_resv(properties, size, 0, &resv));
    g_assert_cmpuint(resv.subtype, ==, 1);
    g_assert_cmphex(resv.first, ==, 0xfee00000);
    g_assert_cmphex(resv.last, ==, 0xfeefffff);
    g_assert_false(qvio_resv(properties, size, 1, &resv));
    g_assert_cmpuint(qvio_probe(f->v, NYX_SID(9, 9, 0), properties, size), ==,
                     QVIO_S_NOENT);
}

/* More requests than the ring has room for, several times around. */
static void test_batch(Fixture *f)
{
    enum { COUNT = 1000 };
    g_autofree QVioReq *req = g_new0(QVioReq, COUNT);
    g_autofree unsigned *status = g_new0(unsigned, COUNT);

    g_assert_cmpuint(qvio_attach(f->v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        req[i] = (QVioReq) {
            .type = QVIO_T_MAP,
            .domain = DOMAIN,
            .virt_start = IOVA + i * NYX_PAGE,
            .virt_end = IOVA + (i + 1) * NYX_PAGE - 1,
            .phys_start = f->page,
            .flags = QVIO_MAP_RW,
        };
    }
    /* This one is in the way of the one after it. */
    req[500].virt_end += NYX_PAGE;
    qvio_batch(f->v, req, COUNT, status);
    for (unsigned i = 0; i < COUNT; i++) {
        g_assert_cmpuint(status[i], ==,
                         i == 501 ? QVIO_S_INVAL : QVIO_S_OK);
    }
    g_assert_cmpuint(nyx_td_writel(&f->td, IOVA + 999 * NYX_PAGE, 5), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f->pc->qts, f->page), ==, 5);
}

/* A request in pieces, direct and indirect. */
static void test_pieces(Fixture *f)
{
    QVioReq req = {
        .type = QVIO_T_ATTACH,
        .domain = DOMAIN,
        .endpoint = TESTDEV,
    };
    uint8_t bytes[QVIO_REQ_MAX];
    QVioDone done;

    for (unsigned indirect = 0; indirect < 2; indirect++) {
        QVioBuf buf = {
            .out = bytes,
            .out_len = qvio_pack(&req, bytes),
            .out_cut = { 1, 2, 3, 5 },
            .in_len = 4,
            .in_cut = { 1, 1 },
            .indirect = indirect,
        };

        g_assert_true(qvio_exchange(f->v, &buf, &done));
        g_assert_cmpuint(qvio_answer(&done), ==, QVIO_S_OK);
        req.type = QVIO_T_DETACH;
    }
    g_assert_cmpuint(qvio_detach(f->v, DOMAIN, TESTDEV), !=, QVIO_S_OK);
}

static void test_interrupt(Fixture *f)
{
    QVio *v = f->v;

    nyx_vring_interrupts(&v->requests.ring, false);
    qvio_isr(v);
    g_assert_cmpuint(qvio_attach(v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    g_assert_cmphex(qvio_isr(v), ==, 0);
    nyx_vring_interrupts(&v->requests.ring, true);
    g_assert_cmpuint(qvio_detach(v, DOMAIN, TESTDEV), ==, QVIO_S_OK);
    g_assert_cmphex(qvio_isr(v), ==, 1);
    g_assert_cmphex(qvio_isr(v), ==, 0);
}

static const TestRow rows[] = {
    { "config", test_config },
    { "dma", test_dma },
    { "fault", test_fault },
    { "probe", test_probe },
    { "batch", test_batch },
    { "pieces", test_pieces },
    { "interrupt", test_interrupt },
};

int main(int argc, char **argv)
{
    static Case cases[ARRAY_SIZE(models) * ARRAY_SIZE(rows)];

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path = NULL;

        cases[i].model = &models[i / ARRAY_SIZE(rows)];
        cases[i].row = &rows[i % ARRAY_SIZE(rows)];
        path = g_strdup_printf("/virtio-smoke/%s/%s", cases[i].model->name,
                               cases[i].row->name);
        qtest_add_data_func(path, &cases[i], run);
    }
    return g_test_run();
}
