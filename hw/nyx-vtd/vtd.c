/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-vtd as a QEMU device: regions, and the engine's callbacks.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "hw/i386/pc.h"
#include "hw/nyx-iommu/dma-dirty.h"
#include "hw/nyx-iommu/endpoint.h"
#include "hw/nyx-iommu/mem-qemu.h"
#include "hw/nyx-iommu/x86.h"
#include "hw/nyx-vtd/internal.h"
#include "hw/nyx-vtd/vtd.h"
#include "hw/pci/msi.h"
#include "migration/vmstate.h"
#include "system/system.h"
#include "trace.h"

/* --- The engine's callbacks ----------------------------------------------- */

static bool host_serialized(void *opaque)
{
    return bql_locked();
}

static void host_send_msi(void *opaque, uint64_t addr, uint32_t data)
{
    nyx_x86_send_msi(addr, data);
}

static void host_mode_changed(void *opaque)
{
    NyxVtdUnit *unit = opaque;

    trace_nyx_vtd_mode_change(nyx_vtd_dma_checked(unit->engine),
                              nyx_vtd_translating(unit->engine), unit->index);
    nyx_dma_space_update(unit->s->space);
}

static void host_iec_changed(void *opaque, bool global, uint32_t index,
                             uint32_t count)
{
    NyxVtdUnit *unit = opaque;

    nyx_x86_routes_changed(X86_IOMMU_DEVICE(unit->s), global, index,
                           count - 1);
}

static void host_unmapped(void *opaque, NyxVtdRequester *r, uint64_t iova,
                          uint8_t lg2)
{
    nyx_dma_device_unmapped(nyx_vtd_requester_opaque(r), IOMMU_NOTIFIER_UNMAP,
                            iova, lg2);
}

static void host_unmap(void *opaque, NyxVtdRequester *r, uint64_t first,
                       uint64_t last, const NyxBlock *only)
{
    nyx_dma_device_unmap(nyx_vtd_requester_opaque(r), first, last, only);
}

static void host_map(void *opaque, NyxVtdRequester *r, const NyxBlock *block)
{
    nyx_dma_device_map(nyx_vtd_requester_opaque(r), block);
}

/* Who tracks dirty pages has to know which memory it was. */
static bool host_unmap_each(void *opaque)
{
    return nyx_dma_dirty_tracked();
}

static void host_direct_changed(void *opaque, NyxVtdRequester *r)
{
    nyx_dma_device_update(nyx_vtd_requester_opaque(r));
}

static bool host_sid(void *opaque, NyxVtdRequester *r, uint16_t *sid)
{
    return nyx_dma_device_find_sid(nyx_vtd_requester_opaque(r), sid);
}

static NyxVtdUnit *requester_unit(void *requester)
{
    return nyx_vtd_requester_unit(requester)->host.opaque;
}

/* False if the function is another unit's. */
static bool is_of_unit(NyxVtdUnit *unit, uint16_t sid)
{
    NyxDmaDevice *device = nyx_dma_space_find(unit->s->space, sid);

    return !device ||
           requester_unit(nyx_dma_device_requester(device)) == unit;
}

static NyxVtdAtsAnswer host_device_tlb(void *opaque,
                                       const NyxVtdDeviceTlb *inv)
{
    static const NyxVtdAtsAnswer answers[] = {
        [NYX_ENDPOINT_DONE] = NYX_VTD_ATS_DONE,
        [NYX_ENDPOINT_SILENT] = NYX_VTD_ATS_SILENT,
        [NYX_ENDPOINT_BAD] = NYX_VTD_ATS_BAD,
    };
    const NyxEndpointInv message = {
        .addr = inv->addr,
        .lg2 = inv->lg2,
        .has_pasid = inv->has_pasid,
        .pasid = inv->pasid,
        .global = inv->global,
    };
    NyxVtdUnit *unit = opaque;

    if (!is_of_unit(unit, inv->sid)) {
        return NYX_VTD_ATS_SILENT;
    }
    return answers[nyx_endpoint_send_invalidation(unit->s->space, inv->sid,
                                                  &message)];
}

static bool host_page_response(void *opaque,
                               const NyxVtdPageResponse *response)
{
    const NyxPageResponse message = {
        .has_pasid = response->has_pasid,
        .pasid = response->pasid,
        .group = response->group,
        .code = (NyxPageCode)response->code,
    };
    NyxVtdUnit *unit = opaque;

    return is_of_unit(unit, response->sid) &&
           nyx_endpoint_send_response(unit->s->space, response->sid, &message);
}

static void host_kick(void *opaque)
{
    NyxVtdUnit *unit = opaque;

    qemu_bh_schedule(unit->bh);
}

static void host_finding(void *opaque, const NyxFinding *finding)
{
    NyxVtdUnit *unit = opaque;
    const NyxWhere *where = &finding->last.where;

    trace_nyx_vtd_finding_add(finding->rule->id, where->sid, where->addr,
                              where->value, finding->count, unit->index);
    nyx_stream_finding(&unit->s->stream, unit->name, finding);
}

static int64_t host_now_ns(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void host_event(void *opaque, const NyxVtdEvent *ev)
{
    const unsigned unit = ((NyxVtdUnit *)opaque)->index;

    switch (ev->kind) {
    case NYX_VTD_EV_COMMAND:
        trace_nyx_vtd_command_run(ev->a, ev->b, unit);
        break;
    case NYX_VTD_EV_INV_CONTEXT:
        trace_nyx_vtd_context_invalidate(ev->sid, ev->did, ev->gran, unit);
        break;
    case NYX_VTD_EV_INV_IOTLB:
        trace_nyx_vtd_iotlb_invalidate(ev->addr, ev->lg2, ev->did, ev->gran,
                                       unit);
        break;
    case NYX_VTD_EV_INV_DEVTLB:
        trace_nyx_vtd_device_tlb_invalidate(ev->sid, ev->addr, ev->lg2, unit);
        break;
    case NYX_VTD_EV_INV_PASID_CACHE:
        trace_nyx_vtd_pasid_cache_invalidate(ev->did, ev->a, ev->gran, unit);
        break;
    case NYX_VTD_EV_INV_PASID_IOTLB:
        trace_nyx_vtd_pasid_iotlb_invalidate(ev->addr, ev->lg2, ev->did,
                                             ev->a, ev->gran, unit);
        break;
    case NYX_VTD_EV_INV_PASID_DEVTLB:
        trace_nyx_vtd_pasid_device_tlb_invalidate(ev->sid, ev->addr, ev->lg2,
                                                  ev->a, ev->b, unit);
        break;
    case NYX_VTD_EV_INV_IEC:
        trace_nyx_vtd_iec_invalidate(ev->a, ev->b, ev->gran, unit);
        break;
    case NYX_VTD_EV_WAIT:
        trace_nyx_vtd_wait_complete(ev->addr, ev->a, ev->b, unit);
        break;
    case NYX_VTD_EV_QUEUE_ERROR:
        trace_nyx_vtd_queue_err(ev->a, ev->b, unit);
        break;
    case NYX_VTD_EV_FAULT:
        trace_nyx_vtd_fault_report(ev->sid, ev->addr, ev->a,
            nyx_vtd_faults[nyx_vtd_fault_index(ev->a)].text, ev->b, unit);
        break;
    case NYX_VTD_EV_INTERRUPT:
        trace_nyx_vtd_interrupt_remap(ev->sid, ev->b, ev->addr, ev->a, unit);
        break;
    case NYX_VTD_EV_POST:
        trace_nyx_vtd_interrupt_post(ev->sid, ev->addr, ev->a, ev->b, unit);
        break;
    case NYX_VTD_EV_VCMD:
        trace_nyx_vtd_vcmd_run(ev->gran, ev->addr, ev->b, ev->a, unit);
        break;
    case NYX_VTD_EV_PAGE_REQUEST:
        trace_nyx_vtd_page_request(ev->sid, ev->addr, ev->a, ev->b, unit);
        break;
    case NYX_VTD_EV_PAGE_LOST:
        trace_nyx_vtd_page_request_err(ev->sid, ev->addr, ev->a, ev->b,
                                       ev->gran, unit);
        break;
    case NYX_VTD_EV_PAGE_RESPONSE:
        trace_nyx_vtd_page_response(ev->sid, ev->a, ev->did, ev->gran, ev->b,
                                    unit);
        break;
    case NYX_VTD_EV_MESSAGE:
        trace_nyx_vtd_event_send(ev->addr, ev->a, unit);
        break;
    }
}

static const NyxVtdHost host_template = {
    .serialized = host_serialized,
    .send_msi = host_send_msi,
    .mode_changed = host_mode_changed,
    .iec_changed = host_iec_changed,
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
    .event = host_event,
};

/* --- What the address spaces ask ------------------------------------------ */

static void *dma_requester_new(void *iommu, NyxDmaDevice *device)
{
    NyxVtdState *s = iommu;
    NyxVtdUnit *unit = &s->units[0];
    PCIBus *root;
    uint8_t devfn;

    if (nyx_dma_device_root(device, &root, &devfn)) {
        unit = nyx_vtd_unit_at(s, root, devfn);
    }
    return nyx_vtd_requester_new(unit->engine, device);
}

/* Out of the way of what every request runs through. */
static __attribute__((noinline, cold))
void trace_translate(void *requester, uint16_t sid, const NyxRequest *req,
                     const NyxReply *reply)
{
    unsigned unit = requester_unit(requester)->index;

    if (reply->ok) {
        trace_nyx_vtd_translate(sid, req->iova, req->access, reply->addr,
                                reply->addr_mask, reply->access, unit);
    } else {
        trace_nyx_vtd_translate_err(sid, req->iova, req->access, unit);
    }
}

static bool dma_translate(void *requester, uint16_t sid,
                          const NyxRequest *req, NyxReply *reply)
{
    bool ok = nyx_vtd_translate(requester, sid, req, reply);

    if (unlikely(trace_events_enabled_count)) {
        trace_translate(requester, sid, req, reply);
    }
    return ok;
}

static bool dma_page_request(void *requester, uint16_t sid,
                             const NyxRequest *req)
{
    return nyx_vtd_page_request(requester, sid, req);
}

static bool dma_notify(void *requester, bool unmap, bool map, Error **errp)
{
    const NyxVtdCfg *cfg = nyx_vtd_cfg(nyx_vtd_requester_unit(requester));

    /* Where nothing is translated there are no mappings. */
    if (map && cfg->dma_translation && !cfg->caching_mode) {
        error_setg(errp, "vfio-pci and vhost-vdpa need to know of each new "
                   "mapping: set caching-mode=on of %s", TYPE_NYX_VTD);
        return false;
    }
    nyx_vtd_requester_notify(requester, unmap);
    nyx_vtd_requester_follow(requester, map);
    return true;
}

static void dma_expect(void *requester, bool on)
{
    nyx_vtd_requester_expect(requester, on);
}

static void dma_replay(void *requester, NyxBlockVisit *visit, void *opaque)
{
    nyx_vtd_requester_replay(requester, visit, opaque);
}

static bool dma_direct(void *requester)
{
    return nyx_vtd_requester_direct(requester);
}

static bool dma_host_device(void *iommu, void *requester,
                            HostIOMMUDevice *hiod, Error **errp)
{
    static const uint8_t widths[] = { 48, 39, 0 };
    const NyxVtdCfg *cfg = nyx_vtd_common_cfg(iommu);
    const NyxHostNeeds needs = {
        .type = TYPE_NYX_VTD,
        .follow = "caching-mode",
        .width = "aw-bits",
        .widths = widths,
        .follows = cfg->caching_mode,
        .bits = cfg->aw_bits,
    };

    return !cfg->dma_translation || nyx_host_device_check(hiod, &needs, errp);
}

static uint8_t dma_address_bits(void *iommu)
{
    return nyx_vtd_common_cfg(iommu)->aw_bits;
}

static bool dma_checked(void *requester)
{
    return nyx_vtd_dma_checked(nyx_vtd_requester_unit(requester));
}

static MemTxResult dma_interrupt(void *requester, uint16_t sid, uint64_t addr,
                                 uint32_t data)
{
    NyxVtdUnit *unit = requester_unit(requester);
    uint64_t to = addr;
    uint32_t message = data;
    bool send;
    NyxVtdFaultCode code = nyx_vtd_remap_interrupt(unit->engine, sid, &to,
                                                   &message, &send);

    if (code != NVTD_FAULT_NONE) {
        trace_nyx_vtd_interrupt_err(sid, addr, data, code, unit->index);
        return MEMTX_ERROR;
    }
    if (send) {
        nyx_x86_send_msi(to, message);
    }
    return MEMTX_OK;
}

static void dma_interrupt_misuse(void *requester, uint16_t sid, uint64_t addr,
                                 unsigned size, bool write)
{
    nyx_vtd_finding(nyx_vtd_requester_unit(requester),
                    write ? NVTD_RULE_INTR_RANGE_SIZE
                          : NVTD_RULE_INTR_RANGE_READ,
                    (NyxWhere) {
                        .has_sid = true, .sid = sid,
                        .has_addr = true, .addr = addr, .value = size,
                    });
}

static const NyxDmaOps dma_ops = {
    .name = TYPE_NYX_VTD,
    .requester_new = dma_requester_new,
    .translate = dma_translate,
    .page_request = dma_page_request,
    .address_bits = dma_address_bits,
    .notify = dma_notify,
    .expect = dma_expect,
    .replay = dma_replay,
    .direct = dma_direct,
    .host_device = dma_host_device,
    .checked = dma_checked,
    .interrupt = dma_interrupt,
    .interrupt_misuse = dma_interrupt_misuse,
};

static NyxVtdUnit *unit_of_sid(NyxVtdState *s, uint16_t sid)
{
    NyxDmaDevice *device = s->n_units > 1
                           ? nyx_dma_space_find_alias(s->space, sid) : NULL;

    return device ? requester_unit(nyx_dma_device_requester(device))
                  : &s->units[0];
}

/* KVM's routes: emulated devices come through the window instead. */
static int int_remap(X86IOMMUState *iommu, MSIMessage *src, MSIMessage *dst,
                     uint16_t sid)
{
    NyxVtdState *s = NYX_VTD(iommu);
    NyxVtdUnit *unit;
    NyxVtdFaultCode code;
    bool send;

    *dst = *src;
    if (sid == X86_IOMMU_SID_INVALID) {
        /* The split irqchip's IOAPIC pins. */
        sid = NVTD_IOAPIC_SID;
    }
    unit = unit_of_sid(s, sid);
    code = nyx_vtd_route_interrupt(unit->engine, sid, &dst->address, &dst->data,
                                   &send);
    if (code != NVTD_FAULT_NONE) {
        trace_nyx_vtd_interrupt_err(sid, src->address, src->data, code,
                                    unit->index);
    }
    if (code != NVTD_FAULT_NONE || !send) {
        dst->address = NYX_MSI_NOWHERE_ADDR;
        dst->data = NYX_MSI_NOWHERE_DATA;
    }
    return 0;
}

/* --- Registers ------------------------------------------------------------ */

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    NyxVtdUnit *unit = opaque;

    return nyx_vtd_mmio_read(unit->engine, addr, size);
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t value,
                       unsigned size)
{
    NyxVtdUnit *unit = opaque;

    nyx_vtd_mmio_write(unit->engine, addr, value, size);
}

static const MemoryRegionOps mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* --- Life ----------------------------------------------------------------- */

static void continue_bh(void *opaque)
{
    NyxVtdUnit *unit = opaque;

    if (nyx_machine_runs(unit->s->runs)) {
        nyx_vtd_continue(unit->engine);
    }
}

/* What waits is done before memory is saved, or before anybody looks. */
static void vm_state_changed(void *opaque, bool running, RunState state)
{
    NyxVtdState *s = opaque;

    s->runs = running;
    for (unsigned i = 0; i < s->n_units; i++) {
        nyx_vtd_continue(s->units[i].engine);
    }
}

/* Before the machine builds its ACPI tables: notifiers run newest first. */
static void machine_done(Notifier *notifier, void *data)
{
    NyxVtdState *s = container_of(notifier, NyxVtdState, machine_done);
    Error *err = NULL;

    if (!nyx_dma_space_check(s->space, &err) ||
        !nyx_vtd_units_resolve(s, &err) || !nyx_vtd_acpi_install(s, &err)) {
        error_report_err(err);
        exit(1);
    }
}

static void realize_unit(NyxVtdUnit *unit, const NyxVtdCfg *cfg)
{
    NyxVtdState *s = unit->s;
    NyxVtdHost host = host_template;

    host.mem = nyx_mem_qemu;
    host.opaque = unit;
    unit->bh = qemu_bh_new_guarded(continue_bh, unit,
                                   &DEVICE(s)->mem_reentrancy_guard);
    unit->engine = nyx_vtd_new(cfg, &host);
    memory_region_init_io(&unit->mmio, OBJECT(s), &mmio_ops, unit, unit->name,
                          nyx_vtd_mmio_size(cfg));
    sysbus_init_mmio(SYS_BUS_DEVICE(s), &unit->mmio);
    sysbus_mmio_map(SYS_BUS_DEVICE(s), unit->index, nyx_vtd_unit_base(unit));
    nyx_vtd_debug_add_unit(unit);
}

static void realize(DeviceState *dev, Error **errp)
{
    NyxVtdState *s = NYX_VTD(dev);
    PCMachineState *pcms = PC_MACHINE(qdev_get_machine());
    NyxVtdCfg cfg;

    if (!nyx_vtd_options_cfg(s, &cfg, errp) ||
        !nyx_vtd_units_parse(s, errp) ||
        !nyx_stream_open(&s->stream, s->props.findings, "findings", errp)) {
        return;
    }
    nyx_mem_qemu_init();
    for (unsigned i = 0; i < s->n_units; i++) {
        realize_unit(&s->units[i], &cfg);
    }
    s->space = nyx_dma_space_new(&dma_ops, OBJECT(s), s, pcms->pcibus, errp);
    if (!s->space) {
        return;
    }
    X86_MACHINE(pcms)->ioapic_as =
        nyx_dma_space_fixed(s->space, "nyx-vtd-ioapic", NVTD_IOAPIC_SID);
    s->machine_done.notify = machine_done;
    qemu_add_machine_init_done_notifier(&s->machine_done);
    NYX_VM_CHANGE_HANDLER(dev, vm_state_changed, s);
}

/* Before the parent's own realize, whose error does not name a machine. */
static void check_machine_and_realize(DeviceState *dev, Error **errp)
{
    NyxVtdClass *vc = NYX_VTD_GET_CLASS(dev);
    PCMachineState *pcms = (PCMachineState *)
        object_dynamic_cast(qdev_get_machine(), TYPE_PC_MACHINE);

    if (!pcms || !pcms->pcibus) {
        error_setg(errp, "nyx-vtd needs a PC with a PCI bus: use -machine "
                   "q35 or -machine pc");
        return;
    }
    if (nyx_vtd_options_preset(NYX_VTD(dev), errp)) {
        vc->parent_realize(dev, errp);
    }
}

/* In the last phase: devices have stopped their DMA by then. */
static void reset_exit(Object *obj, ResetType type)
{
    NyxVtdState *s = NYX_VTD(obj);

    for (unsigned i = 0; i < s->n_units; i++) {
        nyx_vtd_reset(s->units[i].engine);
    }
}

static void class_init(ObjectClass *oc, NyxClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    X86IOMMUClass *x86 = X86_IOMMU_DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);

    device_class_set_parent_realize(dc, check_machine_and_realize,
                                    &NYX_VTD_CLASS(oc)->parent_realize);
    rc->phases.exit = reset_exit;
    dc->vmsd = &nyx_vtd_vmstate;
    dc->hotpluggable = false;
    dc->desc = "Intel VT-d DMA and interrupt remapping, like hardware";
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    x86->realize = realize;
    x86->int_remap = int_remap;
    nyx_vtd_options_class_init(oc);
    nyx_vtd_debug_class_init(oc);
}

static void instance_init(Object *obj)
{
    nyx_vtd_options_init(NYX_VTD(obj));
}

static const TypeInfo vtd_info = {
    .name = TYPE_NYX_VTD,
    .parent = TYPE_X86_IOMMU_DEVICE,
    .instance_size = sizeof(NyxVtdState),
    .instance_init = instance_init,
    .class_size = sizeof(NyxVtdClass),
    .class_init = class_init,
};

void nyx_vtd_register_types(void)
{
    type_register_static(&vtd_info);
    nyx_vtd_debug_register_types();
}
