/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same few things asked of each IOMMU: see nyx-models.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi-guest.h"
#include "libqos/nyx-models.h"
#include "libqos/nyx-virtio-iommu.h"
#include "libqos/nyx-vtd-scalable.h"

#define NYX_MODES   (NYX_MODE_GUEST + 1)

/* 0 is what VT-d reserves in caching mode. */
static uint16_t did(NyxMode mode)
{
    return 0x10 + mode;
}

static unsigned level_of(unsigned lg2)
{
    return (lg2 - 12) / 9 + 1;
}

/* --- nyx-vtd, legacy mode ------------------------------------------------- */

#define VTD_LEVELS  3

typedef struct VtdState {
    QVtd *v;
    QVtdDomain domain[NYX_MODES];
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
    for (NyxMode mode = NYX_MODE_HOME; mode <= NYX_MODE_AWAY; mode++) {
        s->domain[mode] = qvtd_domain(s->v, did(mode), VTD_LEVELS);
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
        qvtd_context(v, i->sid, 2 << 2 | 1, did(mode) << 8 | (VTD_LEVELS - 2));
    } else {
        qvtd_attach(v, i->sid, &s->domain[mode], 0);
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

    qvtd_map(s->v, &s->domain[domain], iova, gpa, lg2, rw);
}

static void vtd_unmap(NyxIommu *i, NyxMode domain, uint64_t iova,
                      unsigned lg2)
{
    VtdState *s = i->state;

    qtest_writeq(s->v->qts, qvtd_entry(s->v, &s->domain[domain], iova,
                                       level_of(lg2)), 0);
}

static void vtd_flush_pages(QVtd *v, NyxMode domain, uint64_t iova,
                            unsigned lg2)
{
    g_assert_true(qvtd_submit(v, 0xf2 | (uint64_t)did(domain) << 16,
                              iova | (lg2 - 12)));
}

static void vtd_flush(NyxIommu *i, NyxMode domain, uint64_t iova,
                      unsigned lg2)
{
    VtdState *s = i->state;

    vtd_flush_pages(s->v, domain, iova, lg2);
}

static void vtd_end(NyxIommu *i)
{
    VtdState *s = i->state;

    g_free(s->v);
    g_free(s);
}

/* --- nyx-vtd, scalable mode ----------------------------------------------- */

#define FIRST_LEVELS    4
#define PASID_WORDS     3

/* By mode: what the PASID entry of requests without a PASID is. */
typedef struct ScalableState {
    QVtd *v;
    uint64_t entry;
    QVtdSpace space[NYX_MODES];
    uint64_t words[NYX_MODES][PASID_WORDS];
} ScalableState;

static void scalable_flush_pages(NyxIommu *i, NyxMode domain, uint64_t iova,
                                 unsigned lg2)
{
    ScalableState *s = i->state;

    vtd_flush_pages(s->v, domain, iova, lg2);
}

static void scalable_start(NyxIommu *i)
{
    static const struct {
        NyxMode mode;
        unsigned pgtt, levels;
    } rows[] = {
        { NYX_MODE_PASS, QVTD_PASS, 0 },
        { NYX_MODE_HOME, QVTD_SECOND, VTD_LEVELS },
        { NYX_MODE_AWAY, QVTD_SECOND, VTD_LEVELS },
        { NYX_MODE_GUEST, QVTD_FIRST, FIRST_LEVELS },
    };
    ScalableState *s = i->state = g_new0(ScalableState, 1);

    s->v = qvtd_of(i->pc);
    g_assert_true(qvtd_enable_scalable(s->v));
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++) {
        NyxMode mode = rows[k].mode;

        s->space[mode] = qvtd_space(s->v, i->sid, 0, rows[k].pgtt, did(mode),
                                    rows[k].levels);
        s->entry = s->space[mode].at;
        qtest_memread(i->pc->qts, s->entry, s->words[mode],
                      sizeof(s->words[mode]));
    }
    qtest_memwrite(i->pc->qts, s->entry, s->words[NYX_MODE_BLOCKED],
                   sizeof(s->words[0]));
    qvtd_flush_scalable(s->v);
}

static void scalable_mode(NyxIommu *i, NyxMode mode)
{
    ScalableState *s = i->state;

    if (mode == NYX_MODE_OFF) {
        vtd_switch(s->v, false);
        return;
    }
    qtest_memwrite(i->pc->qts, s->entry, s->words[mode],
                   sizeof(s->words[mode]));
    qvtd_flush_scalable(s->v);
    if (i->mode == NYX_MODE_OFF) {
        vtd_switch(s->v, true);
    }
}

static void scalable_map(NyxIommu *i, NyxMode domain, uint64_t iova,
                         uint64_t gpa, unsigned lg2, unsigned rw)
{
    ScalableState *s = i->state;

    if (domain == NYX_MODE_GUEST) {
        qvtd_fs_map(&s->space[domain], iova, gpa, lg2, QVTD_FS_USER);
    } else {
        qvtd_ss_map(&s->space[domain], iova, gpa, lg2, rw);
    }
}

static void scalable_unmap(NyxIommu *i, NyxMode domain, uint64_t iova,
                           unsigned lg2)
{
    ScalableState *s = i->state;

    qtest_writeq(s->v->qts, qvtd_ss_entry(&s->space[domain], iova,
                                          level_of(lg2)), 0);
}

static void scalable_end(NyxIommu *i)
{
    ScalableState *s = i->state;

    g_free(s->v);
    g_free(s);
}

/* --- nyx-amdvi ------------------------------------------------------------ */

#define AMD_LEVELS      4

typedef struct AmdState {
    QAmd *v;
    QAmdDomain domain[NYX_MODES];
    QAmdGuest guest;
} AmdState;

static void amd_start(NyxIommu *i)
{
    AmdState *s = i->state = g_new0(AmdState, 1);

    s->v = qamd_of(i->pc);
    qamd_enable(s->v, QAMD_GTEN);
    qamd_set_dte_word(s->v, i->sid, 0, QAMD_V_TV);
    for (NyxMode mode = NYX_MODE_HOME; mode <= NYX_MODE_AWAY; mode++) {
        s->domain[mode] = qamd_domain(s->v, did(mode), AMD_LEVELS);
    }
    s->guest = qamd_guest(s->v, 0, AMD_LEVELS);
    qamd_flush(s->v);
}

static void amd_mode(NyxIommu *i, NyxMode mode)
{
    AmdState *s = i->state;

    switch (mode) {
    case NYX_MODE_OFF:
        qamd_control(s->v, QAMD_IOMMUEN, 0);
        return;
    case NYX_MODE_BLOCKED:
        qamd_set_dte_word(s->v, i->sid, 0, QAMD_V_TV);
        break;
    case NYX_MODE_PASS:
        qamd_set_dte_word(s->v, i->sid, 0, QAMD_V_TV | QAMD_RW);
        break;
    case NYX_MODE_GUEST:
        qamd_guest_attach(&s->guest, i->sid, did(mode), QAMD_DTE0_GIOV, 0);
        break;
    default:
        qamd_attach(s->v, i->sid, &s->domain[mode], 0);
        break;
    }
    if (i->mode == NYX_MODE_OFF) {
        qamd_control(s->v, 0, QAMD_IOMMUEN);
    }
    qamd_flush_dte(s->v, i->sid);
    qamd_flush(s->v);
}

static void amd_map(NyxIommu *i, NyxMode domain, uint64_t iova, uint64_t gpa,
                    unsigned lg2, unsigned rw)
{
    AmdState *s = i->state;

    if (domain == NYX_MODE_GUEST) {
        qamd_guest_map(&s->guest, 0, iova, gpa, lg2, QAMD_GRWU);
    } else {
        /* IR and IW */
        qamd_map(s->v, &s->domain[domain], iova, gpa, lg2,
                 (uint64_t)rw << 61);
    }
}

static void amd_unmap(NyxIommu *i, NyxMode domain, uint64_t iova,
                      unsigned lg2)
{
    AmdState *s = i->state;

    qtest_writeq(s->v->qts, qamd_entry(s->v, &s->domain[domain], iova,
                                       level_of(lg2)), 0);
}

static void amd_flush(NyxIommu *i, NyxMode domain, uint64_t iova,
                      unsigned lg2)
{
    AmdState *s = i->state;

    qamd_flush_pages(s->v, did(domain), iova, lg2);
}

static void amd_end(NyxIommu *i)
{
    AmdState *s = i->state;

    g_free(s->v);
    g_free(s);
}

/* --- nyx-virtio-iommu-pci ------------------------------------------------- */

/* A domain is there as long as somebody is in it: these two always are. */
#define VIO_HOME_KEEPER NYX_SID(0, 0x1f, 0)
#define VIO_AWAY_KEEPER NYX_SID(0, 0x1f, 2)

static void vio_attach(QVio *v, NyxMode domain, uint16_t sid)
{
    g_assert_cmpuint(qvio_attach(v, domain, sid, domain == NYX_MODE_PASS
                                 ? QVIO_ATTACH_BYPASS : 0), ==, QVIO_S_OK);
}

static void vio_keep(QVio *v)
{
    qvio_set_bypass(v, 0);
    vio_attach(v, NYX_MODE_HOME, VIO_HOME_KEEPER);
    vio_attach(v, NYX_MODE_AWAY, VIO_AWAY_KEEPER);
}

static void vio_start(NyxIommu *i)
{
    i->state = qvio_start(i->pc, QVIO_F_USUAL);
    vio_keep(i->state);
}

static void vio_mode(NyxIommu *i, NyxMode mode)
{
    QVio *v = i->state;

    if (mode == NYX_MODE_OFF) {
        qvio_set_bypass(v, 1);
        qvio_reset(v);
        return;
    }
    if (i->mode == NYX_MODE_OFF) {
        qvio_restart(v, QVIO_F_USUAL);
        vio_keep(v);
    } else if (mode == NYX_MODE_BLOCKED && i->mode != NYX_MODE_BLOCKED) {
        g_assert_cmpuint(qvio_detach(v, i->mode, i->sid), ==, QVIO_S_OK);
    }
    if (mode != NYX_MODE_BLOCKED) {
        vio_attach(v, mode, i->sid);
    }
}

static void vio_map(NyxIommu *i, NyxMode domain, uint64_t iova, uint64_t gpa,
                    unsigned lg2, unsigned rw)
{
    g_assert_cmpuint(qvio_map(i->state, domain, iova,
                              iova + (1ull << lg2) - 1, gpa, rw), ==,
                     QVIO_S_OK);
}

static void vio_unmap(NyxIommu *i, NyxMode domain, uint64_t iova,
                      unsigned lg2)
{
    g_assert_cmpuint(qvio_unmap(i->state, domain, iova,
                                iova + (1ull << lg2) - 1), ==, QVIO_S_OK);
}

/* An answered request is done. */
static void vio_flush(NyxIommu *i, NyxMode domain, uint64_t iova,
                      unsigned lg2)
{
}

static void vio_end(NyxIommu *i)
{
    qvio_end(i->state);
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
    {
        .name = "vtd-scalable",
        .device = "nyx-vtd,id=iommu,caching-mode=on,scalable-mode=on,"
                  "aw-bits=39",
        .has_guest = true,
        .scalable = true,
        .start = scalable_start,
        .mode = scalable_mode,
        .map = scalable_map,
        .unmap = scalable_unmap,
        .flush = scalable_flush_pages,
        .end = scalable_end,
    },
    {
        .name = "amdvi",
        .device = "nyx-amdvi,id=iommu,np-cache=on,va-bits=39",
        .has_guest = true,
        .start = amd_start,
        .mode = amd_mode,
        .map = amd_map,
        .unmap = amd_unmap,
        .flush = amd_flush,
        .end = amd_end,
    },
    {
        .name = "virtio",
        .device = "nyx-virtio-iommu-pci,id=iommu,addr=3",
        .requests = true,
        .start = vio_start,
        .mode = vio_mode,
        .map = vio_map,
        .unmap = vio_unmap,
        .flush = vio_flush,
        .end = vio_end,
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
