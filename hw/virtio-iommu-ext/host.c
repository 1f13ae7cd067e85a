/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the engine and the machine: the engine's callbacks, and what the
 * address spaces ask.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "hw/nyx-iommu/dma-dirty.h"
#include "hw/nyx-iommu/endpoint.h"
#include "hw/nyx-iommu/mem-qemu.h"
#include "hw/nyx-iommu/x86.h"
#include "hw/virtio-iommu-ext/host.h"
#include "trace.h"

/* --- The engine's callbacks ----------------------------------------------- */

static bool host_serialized(void *opaque)
{
    return bql_locked();
}

/*
 * Ids that nothing but a bridge has, for all that is below it, are endpoints,
 * too: software attaches every id that a function's requests may carry.
 */
static bool host_endpoint(void *opaque, uint32_t id)
{
    NyxVioState *s = opaque;
    PCIDevice *dev = pci_find_device(s->bus, id >> 8, id & 0xff);
    NyxRequester who;
    NyxDmaDevice *device;

    if (dev) {
        who = nyx_requester_resolve(dev);
        return who.bus && !nyx_vio_places_exclude(s, who.bus, who.devfn);
    }
    device = nyx_dma_space_find_alias(s->space, id);
    return device && nyx_dma_device_is_alias(device);
}

static unsigned host_regions(void *opaque, uint32_t id, NyxVioRegion *regions)
{
    return nyx_vio_host_regions(opaque, id, regions);
}

static NyxVioEventResult host_event(void *opaque, const uint8_t *record,
                                    size_t len)
{
    return nyx_vio_event_put(opaque, record, len);
}

static void host_mode_changed(void *opaque)
{
    NyxVioState *s = opaque;

    nyx_dma_space_update(s->space);
}

static void host_endpoint_changed(void *opaque, uint32_t id)
{
    NyxVioState *s = opaque;

    nyx_dma_space_update_sid(s->space, id);
}

/* Whoever has a TLB of his own has no other way to hear of it. */
static void host_unmapped(void *opaque, NyxVioRequester *r, uint64_t iova,
                          uint8_t lg2)
{
    NyxDmaDevice *device = nyx_vio_requester_opaque(r);

    nyx_dma_device_unmapped(device, IOMMU_NOTIFIER_UNMAP, iova, lg2);
    nyx_dma_device_unmapped(device, IOMMU_NOTIFIER_DEVIOTLB_UNMAP, iova, lg2);
}

static void host_unmap(void *opaque, NyxVioRequester *r, uint64_t first,
                       uint64_t last, const NyxBlock *only)
{
    nyx_dma_device_unmap(nyx_vio_requester_opaque(r), first, last, only);
}

static void host_map(void *opaque, NyxVioRequester *r, const NyxBlock *block)
{
    nyx_dma_device_map(nyx_vio_requester_opaque(r), block);
}

/* Who tracks dirty pages has to know which memory it was. */
static bool host_unmap_each(void *opaque)
{
    return nyx_dma_dirty_tracked();
}

static void host_direct_changed(void *opaque, NyxVioRequester *r)
{
    nyx_dma_device_update(nyx_vio_requester_opaque(r));
}

static bool host_sid(void *opaque, NyxVioRequester *r, uint16_t *sid)
{
    return nyx_dma_device_find_sid(nyx_vio_requester_opaque(r), sid);
}

static void host_device_tlb(void *opaque, const NyxVioDeviceTlb *inv)
{
    NyxVioState *s = opaque;
    const NyxEndpointInv message = {
        .addr = inv->addr,
        .lg2 = inv->lg2,
        .has_pasid = inv->has_pasid,
        .pasid = inv->pasid,
    };

    nyx_endpoint_send_invalidation(s->space, inv->sid, &message);
}

static bool host_page_response(void *opaque,
                               const NyxVioPageResponse *response)
{
    NyxVioState *s = opaque;
    const NyxPageResponse message = {
        .has_pasid = response->has_pasid,
        .pasid = response->pasid,
        .group = response->group,
        .code = (NyxPageCode)response->code,
    };

    return nyx_endpoint_send_response(s->space, response->sid, &message);
}

static void host_kick(void *opaque)
{
    NyxVioState *s = opaque;

    qemu_bh_schedule(s->bh);
}

static void host_finding(void *opaque, const NyxFinding *finding)
{
    NyxVioState *s = opaque;
    const NyxWhere *where = &finding->last.where;

    trace_nyx_virtio_iommu_finding_add(finding->rule->id, where->sid,
                                       where->addr, where->value,
                                       finding->count);
    nyx_stream_finding(&s->stream, TYPE_NYX_VIO_PCI, finding);
}

static int64_t host_now_ns(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* --- Traces --------------------------------------------------------------- */

static const char *event_result(uint64_t result)
{
    static const char *const names[] = {
        [NYX_VIO_EVENT_SENT] = "sent",
        [NYX_VIO_EVENT_NO_BUFFER] = "lost",
        [NYX_VIO_EVENT_SHORT] = "short",
        [NYX_VIO_EVENT_LATER] = "held",
    };

    return names[result];
}

/* Of drafts. */
static void trace_draft(const NyxVioTrace *ev)
{
    switch (ev->kind) {
    case NYX_VIO_EV_TABLE:
        trace_nyx_virtio_iommu_table_attach(ev->endpoint, ev->c, ev->domain,
                                            ev->a, ev->b, ev->status);
        break;
    case NYX_VIO_EV_INVALIDATE:
        trace_nyx_virtio_iommu_invalidate(ev->d, ev->b, ev->c, ev->domain,
                                          ev->a, ev->status);
        break;
    case NYX_VIO_EV_PAGE_REQUEST:
        trace_nyx_virtio_iommu_page_request(ev->endpoint, ev->b, ev->a, ev->c,
                                            event_result(ev->d));
        break;
    case NYX_VIO_EV_PAGE_RESPONSE:
        trace_nyx_virtio_iommu_page_response(ev->endpoint, ev->a, ev->b, ev->c,
                                             ev->status);
        break;
    default:
        break;
    }
}

static void host_trace(void *opaque, const NyxVioTrace *ev)
{
    switch (ev->kind) {
    case NYX_VIO_EV_ATTACH:
        trace_nyx_virtio_iommu_attach(ev->endpoint, ev->domain, ev->a,
                                      ev->status);
        break;
    case NYX_VIO_EV_DETACH:
        trace_nyx_virtio_iommu_detach(ev->endpoint, ev->domain, ev->status);
        break;
    case NYX_VIO_EV_MAP:
        trace_nyx_virtio_iommu_map(ev->a, ev->b, ev->c, ev->domain, ev->d,
                                   ev->status);
        break;
    case NYX_VIO_EV_UNMAP:
        trace_nyx_virtio_iommu_unmap(ev->a, ev->b, ev->domain, ev->c,
                                     ev->status);
        break;
    case NYX_VIO_EV_PROBE:
        trace_nyx_virtio_iommu_probe(ev->endpoint, ev->a, ev->status);
        break;
    case NYX_VIO_EV_BAD:
        trace_nyx_virtio_iommu_request_err(ev->a, ev->b, ev->c);
        break;
    case NYX_VIO_EV_BYPASS:
        trace_nyx_virtio_iommu_bypass_set(ev->a);
        break;
    case NYX_VIO_EV_FAULT:
        trace_nyx_virtio_iommu_fault_report(ev->endpoint, ev->a,
                                            nyx_vio_faults[ev->b].id,
                                            nyx_vio_faults[ev->b].text,
                                            event_result(ev->d));
        break;
    default:
        trace_draft(ev);
        break;
    }
}

void nyx_vio_host_fill(NyxVioState *s, NyxVioHost *host)
{
    *host = (NyxVioHost) {
        .mem = nyx_mem_qemu,
        .opaque = s,
        .serialized = host_serialized,
        .endpoint = host_endpoint,
        .regions = host_regions,
        .event = host_event,
        .mode_changed = host_mode_changed,
        .endpoint_changed = host_endpoint_changed,
        .unmapped = host_unmapped,
        .unmap = host_unmap,
        .map = host_map,
        .unmap_each = host_unmap_each,
        .direct_changed = host_direct_changed,
        .sid = host_sid,
        .device_tlb = host_device_tlb,
        .page_response = host_page_response,
        .kick = host_kick,
        .finding = host_finding,
        .now_ns = host_now_ns,
        .trace = host_trace,
    };
}

/* --- What the address spaces ask ------------------------------------------ */

static void *dma_requester_new(void *iommu, NyxDmaDevice *device)
{
    NyxVioState *s = iommu;

    return nyx_vio_requester_new(s->engine, device);
}

/* Out of the way of what every request runs through. */
static __attribute__((noinline, cold))
void trace_translate(uint16_t sid, const NyxRequest *req,
                     const NyxReply *reply)
{
    if (reply->ok) {
        trace_nyx_virtio_iommu_translate(sid, req->iova, req->access,
                                         reply->addr, reply->addr_mask,
                                         reply->access);
    } else {
        trace_nyx_virtio_iommu_translate_err(sid, req->iova, req->access);
    }
}

static bool dma_translate(void *requester, uint16_t sid,
                          const NyxRequest *req, NyxReply *reply)
{
    bool ok = nyx_vio_translate(requester, sid, req, reply);

    if (unlikely(trace_events_enabled_count)) {
        trace_translate(sid, req, reply);
    }
    return ok;
}

static bool dma_page_request(void *requester, uint16_t sid,
                             const NyxRequest *req)
{
    return nyx_vio_page_request(requester, sid, req);
}

static bool dma_notify(void *requester, bool unmap, bool map, Error **errp)
{
    nyx_vio_requester_notify(requester, unmap);
    nyx_vio_requester_follow(requester, map);
    return true;
}

static void dma_expect(void *requester, bool on)
{
    nyx_vio_requester_expect(requester, on);
}

static void dma_replay(void *requester, NyxBlockVisit *visit, void *opaque)
{
    nyx_vio_requester_replay(requester, visit, opaque);
}

static bool dma_direct(void *requester)
{
    return nyx_vio_requester_direct(requester);
}

static bool dma_host_device(void *iommu, void *requester,
                            HostIOMMUDevice *hiod, Error **errp)
{
    return nyx_vio_host_add(iommu, requester, hiod, errp);
}

static void dma_host_gone(void *iommu, HostIOMMUDevice *hiod)
{
    nyx_vio_host_remove(iommu, hiod);
}

static uint8_t dma_address_bits(void *iommu)
{
    NyxVioState *s = iommu;

    return nyx_vio_cfg(s->engine)->input_bits;
}

/* Of a function whose bus is gone there is nothing to pass by. */
static bool dma_checked(void *requester)
{
    uint16_t sid;

    return !nyx_dma_device_find_sid(nyx_vio_requester_opaque(requester),
                                    &sid) ||
           !nyx_vio_bypassed(nyx_vio_requester_iommu(requester), sid);
}

static bool dma_excluded(void *iommu, PCIBus *bus, uint8_t devfn)
{
    return nyx_vio_places_exclude(iommu, bus, devfn);
}

/* 5.13.6.8: nothing changes a message. */
static MemTxResult dma_interrupt(void *requester, uint16_t sid, uint64_t addr,
                                 uint32_t data)
{
    nyx_x86_send_msi(addr, data);
    return MEMTX_OK;
}

static void dma_interrupt_misuse(void *requester, uint16_t sid, uint64_t addr,
                                 unsigned size, bool write)
{
    const NyxRequest req = { .access = NYX_ACCESS_READ, .iova = addr };
    NyxVio *vio = nyx_vio_requester_iommu(requester);
    NyxReply reply;

    /* A read is refused like any other. */
    if (!write && !nyx_vio_bypassed(vio, sid)) {
        nyx_vio_translate(requester, sid, &req, &reply);
        return;
    }
    nyx_vio_finding(vio, NVIO_RULE_MSI_ACCESS, (NyxWhere) {
        .has_sid = true, .sid = sid,
        .has_addr = true, .addr = addr, .value = size,
    });
}

#define DMA_OPS                             \
    .name = TYPE_NYX_VIO_PCI,               \
    .requester_new = dma_requester_new,     \
    .translate = dma_translate,             \
    .page_request = dma_page_request,       \
    .address_bits = dma_address_bits,       \
    .notify = dma_notify,                   \
    .expect = dma_expect,                   \
    .replay = dma_replay,                   \
    .direct = dma_direct,                   \
    .host_device = dma_host_device,         \
    .host_gone = dma_host_gone,             \
    .checked = dma_checked,                 \
    .excluded = dma_excluded,               \
    .unmap_drops_device_tlbs = true

static const NyxDmaOps dma_ops_pc = {
    DMA_OPS,
    .interrupt = dma_interrupt,
    .interrupt_misuse = dma_interrupt_misuse,
};

/* Messages are writes like others: software maps where they go. */
static const NyxDmaOps dma_ops_others = { DMA_OPS };

NyxDmaSpace *nyx_vio_space_new(NyxVioState *s, Error **errp)
{
    return nyx_dma_space_new(s->on_pc ? &dma_ops_pc : &dma_ops_others,
                             OBJECT(s->pci), s, s->bus, errp);
}
