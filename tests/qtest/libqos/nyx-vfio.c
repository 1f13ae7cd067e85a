/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any model with consumers in the manner of VFIO: see nyx-vfio.h.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "libqos/nyx-vfio.h"
#include "libqos/nyx-vtd-scalable.h"

/* Functions behind those of the tests, that keep a domain from ending. */
#define ANCHOR(dom)     NYX_SID(0, 8 + (dom), 0)

static const uint16_t ids[NYX_DOMS] = { 10, 11 };

/* --- VT-d, legacy mode ---------------------------------------------------- */

static void vtd_submit(NyxVfio *v, uint64_t lo, uint64_t hi)
{
    g_assert_true(qvtd_submit(v->vtd, lo, hi));
}

static void vtd_begin(NyxVfio *v)
{
    v->vtd = qvtd_of(v->pc);
    g_assert_true(qvtd_queue(v->vtd, 0));
    g_assert_true(qvtd_enable(v->vtd));
    for (unsigned i = 0; i < NYX_DOMS; i++) {
        v->vtd_dom[i] = qvtd_domain(v->vtd, ids[i], 4);
    }
}

static void vtd_end(NyxVfio *v)
{
    g_clear_pointer(&v->vtd, g_free);
}

static void vtd_map(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                    uint64_t gpa, uint64_t size, unsigned lg2, unsigned rw)
{
    for (uint64_t at = 0; at < size; at += 1ull << lg2) {
        qvtd_map(v->vtd, &v->vtd_dom[dom], iova + at, gpa + at, lg2, rw);
    }
}

static uint64_t vtd_entry_at(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                             unsigned level)
{
    return qvtd_entry(v->vtd, &v->vtd_dom[dom], iova, level);
}

static void tables_unmap(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                         uint64_t size, unsigned lg2)
{
    for (uint64_t at = 0; at < size; at += 1ull << lg2) {
        qtest_writeq(v->qts, v->model->entry_at(v, dom, iova + at,
                                                (lg2 - 12) / 9 + 1), 0);
    }
}

static void vtd_flush(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                      unsigned lg2)
{
    uint64_t did = (uint64_t)ids[dom] << 16;

    if (lg2 == 64) {
        vtd_submit(v, 0xe2 | did, 0);
    } else {
        vtd_submit(v, 0xf2 | did, iova | (lg2 - 12));
    }
}

/* As Linux does: the entry, with the domain that it had; then the new one. */
static void vtd_context(NyxVfio *v, uint16_t sid, uint64_t lo, uint64_t hi)
{
    uint64_t at = qvtd_context_at(v->vtd, sid);
    bool present = qtest_readq(v->qts, at) & 1;
    uint64_t old = present ? qtest_readq(v->qts, at + 8) >> 8 & 0xffff : 0;

    qvtd_context(v->vtd, sid, lo, hi);
    vtd_submit(v, 0x31 | old << 16 | (uint64_t)sid << 32, 0);
    vtd_submit(v, 0xe2 | old << 16, 0);
}

static void vtd_attach(NyxVfio *v, uint16_t sid, NyxVfioDomain dom)
{
    const QVtdDomain *d = &v->vtd_dom[dom];

    vtd_context(v, sid, d->ss | 1, (uint64_t)d->did << 8 | (d->levels - 2));
}

/* TT = 10b; AW is the widest, and no table is looked at. */
static void vtd_pass(NyxVfio *v, uint16_t sid)
{
    unsigned bits = (qvtd_r64(v->vtd, QVTD_CAP) >> 16 & 0x3f) + 1;

    vtd_context(v, sid, 2 << 2 | 1, 99 << 8 | (bits - 30) / 9);
}

static void vtd_block(NyxVfio *v, uint16_t sid)
{
    vtd_context(v, sid, 0, 0);
}

static void vtd_translate(NyxVfio *v, bool on)
{
    g_assert_true(qvtd_gcmd(v->vtd, QVTD_TE, on));
}

/* --- VT-d, scalable mode, second stage ------------------------------------ */

static void scalable_begin(NyxVfio *v)
{
    v->vtd = qvtd_of(v->pc);
    g_assert_true(qvtd_enable_scalable(v->vtd));
    for (unsigned i = 0; i < NYX_DOMS; i++) {
        v->vtd_dom[i] = qvtd_domain(v->vtd, ids[i], 4);
    }
}

/* The entry of requests without a PASID; the PASID cache, then the domain. */
static void scalable_entry(NyxVfio *v, uint16_t sid, uint64_t w0, uint64_t w1)
{
    uint64_t ctx = qvtd_scalable_context_at(v->vtd, sid);
    bool there = qtest_readq(v->qts, ctx) & 1;
    uint64_t at, old;

    qvtd_function(v->vtd, sid);
    at = qvtd_pasid_at(v->vtd, sid, 0);
    old = qtest_readq(v->qts, at + 8) & 0xffff;
    qvtd_pasid_entry(v->vtd, at, w0, w1, 0);
    if (!there) {
        vtd_submit(v, 0x31 | (uint64_t)sid << 32, 0);
    }
    vtd_submit(v, 0x37, 0);
    vtd_submit(v, 0xe2 | old << 16, 0);
}

static void scalable_attach(NyxVfio *v, uint16_t sid, NyxVfioDomain dom)
{
    const QVtdDomain *d = &v->vtd_dom[dom];

    scalable_entry(v, sid, d->ss | QVTD_SECOND << 6 | (d->levels - 2) << 2 | 1,
                   d->did);
}

static void scalable_pass(NyxVfio *v, uint16_t sid)
{
    unsigned bits = (qvtd_r64(v->vtd, QVTD_CAP) >> 16 & 0x3f) + 1;

    scalable_entry(v, sid, QVTD_PASS << 6 | (bits - 30) / 9 << 2 | 1, 99);
}

static void scalable_block(NyxVfio *v, uint16_t sid)
{
    scalable_entry(v, sid, 0, 0);
}

/* --- AMD-Vi, host tables -------------------------------------------------- */

static void amd_begin(NyxVfio *v)
{
    v->amd = qamd_of(v->pc);
    qamd_enable(v->amd, 0);
    for (unsigned i = 0; i < NYX_DOMS; i++) {
        v->amd_dom[i] = qamd_domain(v->amd, ids[i], 4);
    }
    for (unsigned i = 0; i < NYX_VFIO_TDS; i++) {
        v->model->block(v, NYX_VFIO_SID(i));
    }
}

static void amd_end(NyxVfio *v)
{
    g_clear_pointer(&v->amd, g_free);
}

static void amd_map(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                    uint64_t gpa, uint64_t size, unsigned lg2, unsigned rw)
{
    for (uint64_t at = 0; at < size; at += 1ull << lg2) {
        qamd_map(v->amd, &v->amd_dom[dom], iova + at, gpa + at, lg2,
                 (rw & 1 ? QAMD_IR : 0) | (rw & 2 ? QAMD_IW : 0));
    }
}

static uint64_t amd_entry_at(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                             unsigned level)
{
    return qamd_entry(v->amd, &v->amd_dom[dom], iova, level);
}

static void amd_flush(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                      unsigned lg2)
{
    qamd_flush_pages(v->amd, ids[dom], iova, lg2);
}

/* Commands wait while the IOMMU is off: amd_translate() flushes. */
static void amd_flush_entry(NyxVfio *v, uint16_t sid)
{
    if (qamd_r64(v->amd, QAMD_CONTROL) & QAMD_IOMMUEN) {
        qamd_flush_dte(v->amd, sid);
    }
}

static void amd_entry(NyxVfio *v, uint16_t sid, uint64_t w0, uint64_t w1)
{
    qamd_set_dte_word(v->amd, sid, 1, w1);
    qamd_set_dte_word(v->amd, sid, 0, w0);
    amd_flush_entry(v, sid);
}

static void amd_attach(NyxVfio *v, uint16_t sid, NyxVfioDomain dom)
{
    qamd_attach(v->amd, sid, &v->amd_dom[dom], 0);
    amd_flush_entry(v, sid);
}

static void amd_pass(NyxVfio *v, uint16_t sid)
{
    amd_entry(v, sid, QAMD_V_TV | QAMD_RW, 99);
}

static void amd_block(NyxVfio *v, uint16_t sid)
{
    amd_entry(v, sid, QAMD_V_TV, 0);
}

static void amd_translate(NyxVfio *v, bool on)
{
    qamd_control(v->amd, on ? 0 : QAMD_IOMMUEN, on ? QAMD_IOMMUEN : 0);
    if (on) {
        qamd_flush(v->amd);
    }
}

/* --- virtio-iommu --------------------------------------------------------- */

static void vio_attach(NyxVfio *v, uint16_t sid, NyxVfioDomain dom)
{
    NYX_CHECK("attach", qvio_attach(v->vio, ids[dom], sid, 0), QVIO_S_OK);
}

static void vio_begin(NyxVfio *v)
{
    v->vio = qvio_start(v->pc, QVIO_F_USUAL);
    qvio_set_bypass(v->vio, 0);
    for (unsigned i = 0; i < NYX_DOMS; i++) {
        vio_attach(v, ANCHOR(i), i);
    }
}

static void vio_end(NyxVfio *v)
{
    g_clear_pointer(&v->vio, qvio_end);
}

static void vio_map(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                    uint64_t gpa, uint64_t size, unsigned lg2, unsigned rw)
{
    NYX_CHECK("map", qvio_map(v->vio, ids[dom], iova, iova + size - 1, gpa,
                              rw), QVIO_S_OK);
}

static void vio_unmap(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                      uint64_t size, unsigned lg2)
{
    NYX_CHECK("unmap", qvio_unmap(v->vio, ids[dom], iova, iova + size - 1),
              QVIO_S_OK);
}

static void vio_flush(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                      unsigned lg2)
{
}

static void vio_pass(NyxVfio *v, uint16_t sid)
{
    NYX_CHECK("bypass", qvio_attach(v->vio, 99, sid, QVIO_ATTACH_BYPASS),
              QVIO_S_OK);
}

/* In no domain, of whichever it was in. */
static void vio_block(NyxVfio *v, uint16_t sid)
{
    static const uint32_t from[] = { 10, 11, 99 };
    unsigned done = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(from); i++) {
        done += qvio_detach(v->vio, from[i], sid) == QVIO_S_OK;
    }
    NYX_CHECK("detach", done <= 1, true);
}

/* --- All ------------------------------------------------------------------ */

const NyxVfioModel nyx_vfio_models[NYX_VFIO_MODELS] = {
    {
        .name = "nyx-vtd",
        .device = "nyx-vtd,id=iommu,caching-mode=on,aw-bits=48",
        .tables = true,
        .switchable = true,
        .begin = vtd_begin,
        .end = vtd_end,
        .map = vtd_map,
        .unmap = tables_unmap,
        .flush = vtd_flush,
        .attach = vtd_attach,
        .pass = vtd_pass,
        .block = vtd_block,
        .translate = vtd_translate,
        .entry_at = vtd_entry_at,
        .table_bits = 3,
        .leaf_bits = 3,
    },
    {
        .name = "nyx-vtd-scalable",
        .device = "nyx-vtd,id=iommu,caching-mode=on,aw-bits=48,"
                  "scalable-mode=on",
        .tables = true,
        .switchable = true,
        .begin = scalable_begin,
        .end = vtd_end,
        .map = vtd_map,
        .unmap = tables_unmap,
        .flush = vtd_flush,
        .attach = scalable_attach,
        .pass = scalable_pass,
        .block = scalable_block,
        .translate = vtd_translate,
        .entry_at = vtd_entry_at,
        .table_bits = 3,
        .leaf_bits = 3,
    },
    {
        .name = "nyx-amdvi",
        .device = "nyx-amdvi,id=iommu,np-cache=on,va-bits=48",
        .tables = true,
        .switchable = true,
        .begin = amd_begin,
        .end = amd_end,
        .map = amd_map,
        .unmap = tables_unmap,
        .flush = amd_flush,
        .attach = amd_attach,
        .pass = amd_pass,
        .block = amd_block,
        .translate = amd_translate,
        .entry_at = amd_entry_at,
        .table_bits = QAMD_PR | QAMD_RW | 1 << 9,
        .leaf_bits = QAMD_PR | QAMD_RW,
    },
    {
        .name = "nyx-virtio",
        .device = "nyx-virtio-iommu-pci,id=iommu,addr=3,aw-bits=48",
        .begin = vio_begin,
        .end = vio_end,
        .map = vio_map,
        .unmap = vio_unmap,
        .flush = vio_flush,
        .attach = vio_attach,
        .pass = vio_pass,
        .block = vio_block,
    },
};

static void find_devices(NyxVfio *v)
{
    for (unsigned i = 0; i < NYX_VFIO_TDS; i++) {
        v->td[i] = nyx_td_get(v->pc->pci, NYX_VFIO_SID(i));
    }
}

NyxPc *nyx_vfio_machine(const NyxVfioModel *model, const char *options,
                        const char *td, const char *more)
{
    g_autoptr(GString) devices = g_string_new("");

    for (unsigned i = 0; i < NYX_VFIO_TDS; i++) {
        g_string_append_printf(devices, " -device nyx-testdev,id=%c,addr=%u%s",
                               'a' + i, 4 + i, td);
    }
    for (unsigned i = 0; i < NYX_DOMS; i++) {
        g_string_append_printf(devices, " -device nyx-testdev,addr=%u",
                               ANCHOR(i) >> 3);
    }
    return nyx_pc_start("-M q35 -device %s%s%s%s", model->device, options,
                        devices->str, more);
}

NyxVfio nyx_vfio_start(const NyxVfioModel *model, const char *options,
                       const char *td, const char *more)
{
    NyxVfio v = { .model = model };

    v.pc = nyx_vfio_machine(model, options, td, more);
    v.qts = v.pc->qts;
    v.ram = nyx_pc_pages(v.pc, 1024);
    find_devices(&v);
    model->begin(&v);
    return v;
}

NyxVfio nyx_vfio_listen(const NyxVfioModel *model, const char *options)
{
    NyxVfio v = nyx_vfio_start(model, options, "", "");

    model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    nyx_vfio_follow(&v, 0);
    return v;
}

void nyx_vfio_restart(NyxVfio *v)
{
    v->model->end(v);
    for (unsigned i = 0; i < NYX_VFIO_TDS; i++) {
        qpci_config_writel(v->td[i].pci, PCI_BASE_ADDRESS_0, v->td[i].bar);
        qpci_device_enable(v->td[i].pci);
    }
    v->model->begin(v);
}

void nyx_vfio_end(NyxVfio *v)
{
    for (unsigned i = 0; i < NYX_VFIO_TDS; i++) {
        NYX_CHECK("objections", nyx_td_r32(&v->td[i], NYX_TD_NOTIFY_ERRORS),
                  0);
        nyx_td_put(&v->td[i]);
    }
    v->model->end(v);
    nyx_pc_end(v->pc);
}

void nyx_vfio_map(NyxVfio *v, NyxVfioDomain dom, uint64_t iova, uint64_t gpa,
                  uint64_t size, unsigned lg2)
{
    v->model->map(v, dom, iova, gpa, size, lg2, 3);
    v->model->flush(v, dom, iova, MAX(lg2, ctz64(size)));
}

void nyx_vfio_unmap(NyxVfio *v, NyxVfioDomain dom, uint64_t iova,
                    uint64_t size, unsigned lg2)
{
    v->model->unmap(v, dom, iova, size, lg2);
    v->model->flush(v, dom, iova, MAX(lg2, ctz64(size)));
}

void nyx_vfio_follow(NyxVfio *v, unsigned i)
{
    NYX_CHECK("listens", nyx_td_notify(&v->td[i], NYX_VFIO) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
}

NyxVfioEvents nyx_vfio_events(NyxVfio *v, unsigned i)
{
    const NyxTestdev *td = &v->td[i];
    NyxVfioEvents events = {
        .maps = nyx_td_r64(td, NYX_TD_NOTIFY_MAPS),
        .unmaps = nyx_td_r64(td, NYX_TD_NOTIFY_UNMAPS),
        .mappings = nyx_td_r32(td, NYX_TD_SHADOW_COUNT),
        .bytes = nyx_td_r64(td, NYX_TD_SHADOW_BYTES),
    };

    NYX_CHECK("objections", nyx_td_r32(td, NYX_TD_NOTIFY_ERRORS), 0);
    nyx_td_w32(td, NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_CLEAR);
    return events;
}

void nyx_vfio_expect(NyxVfio *v, unsigned i, const char *row, uint64_t maps,
                     uint64_t unmaps, uint64_t mappings, uint64_t bytes)
{
    NyxVfioEvents events = nyx_vfio_events(v, i);

    NYX_CHECK(row, events.maps, maps);
    NYX_CHECK(row, events.unmaps, unmaps);
    NYX_CHECK(row, events.mappings, mappings);
    NYX_CHECK(row, events.bytes, bytes);
}

void nyx_vfio_expect_mapping(NyxVfio *v, unsigned i, const char *row,
                             uint64_t iova, uint64_t len, uint64_t addr)
{
    NyxTdMapping m = nyx_td_shadow_find(&v->td[i], iova);

    NYX_CHECK(row, m.len, len);
    if (len) {
        NYX_CHECK(row, m.iova, iova);
        NYX_CHECK(row, m.addr, addr);
        NYX_CHECK(row, m.perm, 3);
    }
}

bool nyx_vfio_direct(NyxVfio *v, unsigned i)
{
    uint32_t status = nyx_td_r32(&v->td[i], NYX_TD_NOTIFY_STATUS);
    bool ram = status >> NYX_TD_NOTIFY_ST_RAM_SHIFT & 0xff;

    NYX_CHECK("sections", status >> NYX_TD_NOTIFY_ST_IOMMU_SHIFT & 0xff,
              ram ? 0 : 2);
    return ram;
}

uint64_t nyx_vfio_stat(NyxVfio *v, const char *name)
{
    return nyx_pc_stat(v->pc, "/machine/peripheral/iommu", name);
}

static void add(const NyxVfioModel *model, const char *group,
                const char *test, void (*fn)(gconstpointer model))
{
    g_autofree char *path = g_strdup_printf("/%s/vfio-%s/%s", model->name,
                                            group, test);

    qtest_add_data_func(path, model, fn);
}

void nyx_vfio_add(const char *group, const char *test,
                  void (*fn)(gconstpointer model))
{
    nyx_vfio_add_tables(group, test, true, fn);
    nyx_vfio_add_tables(group, test, false, fn);
}

void nyx_vfio_add_tables(const char *group, const char *test, bool tables,
                         void (*fn)(gconstpointer model))
{
    for (unsigned i = 0; i < NYX_VFIO_MODELS; i++) {
        if (nyx_vfio_models[i].tables == tables) {
            add(&nyx_vfio_models[i], group, test, fn);
        }
    }
}
