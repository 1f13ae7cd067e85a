/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same few things asked of each IOMMU: see nyx-models.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi-guest.h"
#include "libqos/nyx-models.h"
#include "libqos/nyx-virtio-iommu.h"
#include "libqos/nyx-vtd-scalable.h"

#define DOMAINS     2

static unsigned domain_index(NyxMode domain)
{
    g_assert_cmpint(domain, >=, NYX_MODE_HOME);
    g_assert_cmpint(domain, <=, NYX_MODE_AWAY);
    return domain - NYX_MODE_HOME;
}

/* Of domain ids; 0 is what VT-d reserves in caching mode. */
static uint16_t did(unsigned index)
{
    return 0x10 + index;
}

/* --- nyx-vtd, legacy mode ------------------------------------------------- */

#define VTD_LEVELS  3

typedef struct VtdState {
    QVtd *v;
    QVtdDomain domain[DOMAINS];
} VtdState;

static void vtd_switch(QVtd *v, bool on)
{
    g_assert_true(qvtd_gcmd(v, QVTD_TE, on));
}

static void vtd_start(NyxIommu *i)
{
    VtdState *s = i->state = g_new0(VtdState, 1);

    s->v = qvtd_of(i->pc);
    g_assert_true(qvtd_queue(s->v, 0));
    g_assert_true(qvtd_enable(s->v));
    for (unsigned n = 0; n < DOMAINS; n++) {
        s->domain[n] = qvtd_domain(s->v, did(n), VTD_LEVELS);
    }
}

static void vtd_mode(NyxIommu *i, NyxMode mode)
{
    VtdState *s = i->state;
    QVtd *v = s->v;

    if (mode == NYX_MODE_OFF) {
        vtd_switch(v, false);
        return;
    }
    if (mode == NYX_MODE_BLOCKED) {
        qvtd_context(v, i->sid, 0, 0);
    } else if (mode == NYX_MODE_PASS) {
        /* TT 2, AW of what the unit has */
        qvtd_context(v, i->sid, 2 << 2 | 1, 0x7f << 8 | (VTD_LEVELS - 2));
    } else {
        qvtd_attach(v, i->sid, &s->domain[domain_index(mode)], 0);
    }
    g_assert_true(qvtd_flush_context(v));
    g_assert_true(qvtd_flush_iotlb(v));
    if (i->mode == NYX_MODE_OFF) {
        vtd_switch(v, true);
    }
}

static void vtd_map(NyxIommu *i, NyxMode domain, uint64_t iova, uint64_t gpa,
                    unsigned lg2, unsigned rw)
{
    VtdState *s = i->state;

    qvtd_map(s->v, &s->domain[domain_index(domain)], iova, gpa, lg2, rw);
}

static void vtd_unmap(NyxIommu *i, NyxMode domain, uint64_t iova,
                      unsigned lg2)
{
    VtdState *s = i->state;

    qtest_writeq(s->v->qts, qvtd_entry(s->v,
                                       &s->domain[domain_index(domain)],
                                       iova, (lg2 - 12) / 9 + 1), 0);
}

static void vtd_flush_pages(QVtd *v, unsigned index, uint64_t iova,
                            unsigned lg2)
{
    g_assert_true(qvtd_submit(v, 0xf2 | (uint64_t)did(index) << 16,
                              iova | (lg2 - 12)));
}

static void vtd_flush(NyxIommu *i, NyxMode domain, uint64_t iova,
                      unsigned lg2)
{
    VtdState *s = i->state;

    vtd_flush_pages(s->v, domain_index(domain), iova, lg2);
}

static void vtd_end(NyxIommu *i)
{
    VtdState *s = i->state;

    g_free(s->v);
    g_free(s);
}

/* --- Models --------------------------------------------------------------- */

const NyxModel nyx_models[] = {
    {
        .name = "vtd",
        .device = "nyx-vtd,id=iommu,caching-mode=on,aw-bits=39",
        .start = vtd_start,
        .mode = vtd_mode,
        .map = vtd_map,
        .unmap = vtd_unmap,
        .flush = vtd_flush,
        .end = vtd_end,
    },
    { },
};

NyxIommu nyx_iommu_start(const NyxModel *model, NyxPc *pc, uint16_t sid)
{
    NyxIommu i = {
        .model = model, .pc = pc, .sid = sid, .mode = NYX_MODE_BLOCKED,
    };

    model->start(&i);
    return i;
}

void nyx_iommu_end(NyxIommu *i)
{
    i->model->end(i);
    i->state = NULL;
}

void nyx_iommu_mode(NyxIommu *i, NyxMode mode)
{
    i->model->mode(i, mode);
    i->mode = mode;
}

void nyx_iommu_map(NyxIommu *i, NyxMode domain, uint64_t iova, uint64_t gpa,
                   unsigned lg2, unsigned rw)
{
    i->model->map(i, domain, iova, gpa, lg2, rw);
}

void nyx_iommu_unmap(NyxIommu *i, NyxMode domain, uint64_t iova,
                     unsigned lg2)
{
    i->model->unmap(i, domain, iova, lg2);
}

void nyx_iommu_flush(NyxIommu *i, NyxMode domain, uint64_t iova,
                     unsigned lg2)
{
    i->model->flush(i, domain, iova, lg2);
}
