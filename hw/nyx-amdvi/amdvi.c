/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-amdvi as a QEMU device: regions, and the engine's callbacks.
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
#include "hw/nyx-amdvi/amdvi.h"
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

static void host_signal(void *opaque, unsigned message)
{
    NyxAmdState *s = opaque;

    nyx_amd_pci_signal(s->pci, message);
}

static uint32_t host_msi_read(void *opaque, unsigned offset)
{
    NyxAmdState *s = opaque;

    return nyx_amd_pci_msi_read(s->pci, offset);
}

static void host_msi_write(void *opaque, unsigned offset, uint32_t value)
{
    NyxAmdState *s = opaque;

    nyx_amd_pci_msi_write(s->pci, offset, value);
}

static void host_target_abort(void *opaque)
{
    NyxAmdState *s = opaque;

    nyx_amd_pci_target_abort(s->pci);
}

static void host_mode_changed(void *opaque)
{
    NyxAmdState *s = opaque;

    trace_nyx_amdvi_mode_change(nyx_amd_enabled(s->engine),
                                nyx_amd_dma_checked(s->engine));
    nyx_dma_space_update(s->space);
}

/* Who keeps routes made of entries looks at all of them, whatever it was. */
static void host_irt_changed(void *opaque, bool global, uint16_t sid)
{
    nyx_x86_routes_changed(X86_IOMMU_DEVICE(opaque), true, 0, 0);
}

static void host_unmapped(void *opaque, NyxAmdRequester *r, uint64_t iova,
                          uint8_t lg2)
{
    nyx_dma_device_unmapped(nyx_amd_requester_opaque(r), IOMMU_NOTIFIER_UNMAP,
                            iova, lg2);
}

static void host_unmap(void *opaque, NyxAmdRequester *r, uint64_t first,
                       uint64_t last, const NyxBlock *only)
{
    nyx_dma_device_unmap(nyx_amd_requester_opaque(r), first, last, only);
}

static void host_map(void *opaque, NyxAmdRequester *r, const NyxBlock *block)
{
    nyx_dma_device_map(nyx_amd_requester_opaque(r), block);
}

/* Who tracks dirty pages has to know which memory it was. */
static bool host_unmap_each(void *opaque)
{
    return nyx_dma_dirty_tracked();
}

static void host_direct_changed(void *opaque, NyxAmdRequester *r)
{
    nyx_dma_device_update(nyx_amd_requester_opaque(r));
}

static bool host_sid(void *opaque, NyxAmdRequester *r, uint16_t *sid)
{
    return nyx_dma_device_find_sid(nyx_amd_requester_opaque(r), sid);
}

static NyxAmdAtsAnswer host_device_tlb(void *opaque,
                                       const NyxAmdDeviceTlb *inv)
{
    NyxAmdState *s = opaque;
    const NyxEndpointInv message = {
        .addr = inv->addr,
        .lg2 = inv->lg2,
        .has_pasid = inv->has_pasid,
        .pasid = inv->pasid,
    };
    NyxEndpointAnswer answer = nyx_endpoint_send_invalidation(s->space,
                                                              inv->sid,
                                                              &message);

    return answer == NYX_ENDPOINT_DONE ? NYX_AMD_ATS_DONE
                                       : NYX_AMD_ATS_SILENT;
}

static bool host_page_response(void *opaque,
                               const NyxAmdPageResponse *response)
{
    NyxAmdState *s = opaque;
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
    NyxAmdState *s = opaque;

    qemu_bh_schedule(s->bh);
}

static void host_finding(void *opaque, const NyxFinding *finding)
{
    NyxAmdState *s = opaque;
    const NyxWhere *where = &finding->last.where;

    trace_nyx_amdvi_finding_add(finding->rule->id, where->sid, where->addr,
                                where->value, finding->count);
    nyx_stream_finding(&s->stream, TYPE_NYX_AMDVI, finding);
}

static int64_t host_now_ns(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void host_trace(void *opaque, const NyxAmdTrace *ev)
{
    switch (ev->kind) {
    case NYX_AMD_EV_CONTROL:
        trace_nyx_amdvi_control_write(ev->a, ev->b);
        break;
    case NYX_AMD_EV_COMMAND:
        trace_nyx_amdvi_command_run(ev->addr, ev->a, ev->b);
        break;
    case NYX_AMD_EV_COMMAND_STOP:
        trace_nyx_amdvi_command_err(ev->addr, ev->a);
        break;
    case NYX_AMD_EV_LOG:
        trace_nyx_amdvi_log_write(ev->addr, ev->a, ev->b);
        break;
    case NYX_AMD_EV_LOST:
        trace_nyx_amdvi_log_err(ev->a, ev->b);
        break;
    case NYX_AMD_EV_FAULT:
        trace_nyx_amdvi_fault_report(ev->sid, ev->addr,
                                     nyx_amd_faults[ev->a].id,
                                     nyx_amd_faults[ev->a].text, ev->b);
        break;
    case NYX_AMD_EV_INTERRUPT:
        trace_nyx_amdvi_interrupt_remap(ev->sid, ev->b, ev->addr, ev->a);
        break;
    case NYX_AMD_EV_VAPIC:
        trace_nyx_amdvi_interrupt_vapic(ev->sid, ev->addr, ev->a, ev->b);
        break;
    case NYX_AMD_EV_PAGE_REQUEST:
        trace_nyx_amdvi_page_request(ev->sid, ev->addr, ev->a);
        break;
    case NYX_AMD_EV_PAGE_LOST:
        trace_nyx_amdvi_page_request_err(ev->sid, ev->addr, ev->a, ev->b);
        break;
    case NYX_AMD_EV_PAGE_RESPONSE:
        trace_nyx_amdvi_page_response(ev->sid, ev->a, ev->addr, ev->b);
        break;
    case NYX_AMD_EV_SIGNAL:
        trace_nyx_amdvi_signal_send(ev->a, ev->b);
        break;
    }
}

static const NyxAmdHost host_template = {
    .serialized = host_serialized,
    .send_msi = host_send_msi,
    .signal = host_signal,
    .msi_read = host_msi_read,
    .msi_write = host_msi_write,
    .target_abort = host_target_abort,
    .mode_changed = host_mode_changed,
    .irt_changed = host_irt_changed,
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

/* --- What the address spaces ask ------------------------------------------ */

static void *dma_requester_new(void *iommu, NyxDmaDevice *device)
{
    NyxAmdState *s = iommu;

    return nyx_amd_requester_new(s->engine, device);
}

/* Out of the way of what every request runs through. */
static __attribute__((noinline, cold))
void trace_translate(uint16_t sid, const NyxRequest *req,
                     const NyxReply *reply)
{
    if (reply->ok) {
        trace_nyx_amdvi_translate(sid, req->iova, req->access, reply->addr,
                                  reply->addr_mask, reply->access);
    } else {
        trace_nyx_amdvi_translate_err(sid, req->iova, req->access);
    }
}

static bool dma_translate(void *requester, uint16_t sid,
                          const NyxRequest *req, NyxReply *reply)
{
    bool ok = nyx_amd_translate(requester, sid, req, reply);

    if (unlikely(trace_events_enabled_count)) {
        trace_translate(sid, req, reply);
    }
    return ok;
}

static bool dma_page_request(void *requester, uint16_t sid,
                             const NyxRequest *req)
{
    return nyx_amd_page_request(requester, sid, req);
}

static bool dma_notify(void *requester, bool unmap, bool map, Error **errp)
{
    const NyxAmdCfg *cfg = nyx_amd_cfg(nyx_amd_requester_iommu(requester));

    if (map && !cfg->np_cache) {
        error_setg(errp, "vfio-pci and vhost-vdpa need to know of each new "
                   "mapping: set np-cache=on of %s", TYPE_NYX_AMDVI);
        return false;
    }
    nyx_amd_requester_notify(requester, unmap);
    nyx_amd_requester_follow(requester, map);
    return true;
}

static void dma_expect(void *requester, bool on)
{
    nyx_amd_requester_expect(requester, on);
}

static void dma_replay(void *requester, NyxBlockVisit *visit, void *opaque)
{
    nyx_amd_requester_replay(requester, visit, opaque);
}

static bool dma_direct(void *requester)
{
    return nyx_amd_requester_direct(requester);
}

static bool dma_host_device(void *iommu, void *requester,
                            HostIOMMUDevice *hiod, Error **errp)
{
    static const uint8_t widths[] = { 57, 48, 39, 32, 0 };
    NyxAmdState *s = iommu;
    const NyxAmdCfg *cfg = nyx_amd_cfg(s->engine);
    const NyxHostNeeds needs = {
        .type = TYPE_NYX_AMDVI,
        .follow = "np-cache",
        .width = "va-bits",
        .widths = widths,
        .follows = cfg->np_cache,
        .bits = cfg->va_bits,
    };

    return !cfg->dma_remap || nyx_host_device_check(hiod, &needs, errp);
}

static uint8_t dma_address_bits(void *iommu)
{
    NyxAmdState *s = iommu;

    return nyx_amd_cfg(s->engine)->va_bits;
}

static bool dma_checked(void *requester)
{
    return nyx_amd_dma_checked(nyx_amd_requester_iommu(requester));
}

static MemTxResult dma_interrupt(void *requester, uint16_t sid, uint64_t addr,
                                 uint32_t data)
{
    uint64_t to = addr;
    uint32_t message = data;
    bool send;
    NyxAmdFaultCode code =
        nyx_amd_remap_interrupt(nyx_amd_requester_iommu(requester), sid, &to,
                                &message, &send);

    if (code != NAMD_FAULT_NONE) {
        trace_nyx_amdvi_interrupt_err(sid, addr, data,
                                      nyx_amd_faults[code].id);
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
    const NyxRequest req = { .access = NYX_ACCESS_READ, .iova = addr };
    NyxAmd *amd = nyx_amd_requester_iommu(requester);
    NyxReply reply;

    nyx_amd_finding(amd, write ? NAMD_RULE_INTR_RANGE_SIZE
                               : NAMD_RULE_INTR_RANGE_READ,
                    (NyxWhere) {
                        .has_sid = true, .sid = sid,
                        .has_addr = true, .addr = addr, .value = size,
                    });
    /* 2.1.2: a read has an event of its own. */
    if (!write && nyx_amd_dma_checked(amd)) {
        nyx_amd_translate(requester, sid, &req, &reply);
    }
}

static const NyxDmaOps dma_ops = {
    .name = TYPE_NYX_AMDVI,
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

/* KVM's routes: emulated devices come through the window instead. */
static int int_remap(X86IOMMUState *iommu, MSIMessage *src, MSIMessage *dst,
                     uint16_t sid)
{
    NyxAmdState *s = NYX_AMDVI(iommu);
    NyxAmdFaultCode code;
    bool send;

    *dst = *src;
    if (sid == X86_IOMMU_SID_INVALID) {
        /* The split irqchip's IOAPIC pins. */
        sid = NAMD_IOAPIC_SID;
    }
    code = nyx_amd_route_interrupt(s->engine, sid, &dst->address, &dst->data,
                                   &send);
    if (code != NAMD_FAULT_NONE) {
        trace_nyx_amdvi_interrupt_err(sid, src->address, src->data,
                                      nyx_amd_faults[code].id);
    }
    if (code != NAMD_FAULT_NONE || !send) {
        dst->address = NYX_MSI_NOWHERE_ADDR;
        dst->data = NYX_MSI_NOWHERE_DATA;
    }
    return 0;
}

/* --- Registers ------------------------------------------------------------ */

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    NyxAmdState *s = opaque;

    return nyx_amd_mmio_read(s->engine, addr, size);
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t value,
                       unsigned size)
{
    NyxAmdState *s = opaque;

    nyx_amd_mmio_write(s->engine, addr, value, size);
}

static const MemoryRegionOps mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

void nyx_amd_map_registers(NyxAmdState *s, uint64_t base)
{
    trace_nyx_amdvi_base_map(base);
    s->base = base;
    sysbus_mmio_map(SYS_BUS_DEVICE(s), 0, base);
}

/* --- Life ----------------------------------------------------------------- */

static void continue_bh(void *opaque)
{
    NyxAmdState *s = opaque;

    if (nyx_machine_runs(s->runs)) {
        nyx_amd_continue(s->engine);
    }
}

/* What waits is done before memory is saved, or before anybody looks. */
static void vm_state_changed(void *opaque, bool running, RunState state)
{
    NyxAmdState *s = opaque;

    s->runs = running;
    nyx_amd_continue(s->engine);
}

/* Before the machine builds its ACPI tables: notifiers run newest first. */
static void machine_done(Notifier *notifier, void *data)
{
    NyxAmdState *s = container_of(notifier, NyxAmdState, machine_done);
    Error *err = NULL;

    if (!nyx_dma_space_check(s->space, &err) ||
        !nyx_amd_acpi_install(s, &err)) {
        error_report_err(err);
        exit(1);
    }
}

static void realize(DeviceState *dev, Error **errp)
{
    NyxAmdState *s = NYX_AMDVI(dev);
    PCMachineState *pcms = PC_MACHINE(qdev_get_machine());
    NyxAmdHost host = host_template;
    NyxAmdCfg cfg;

    if (!nyx_amd_options_cfg(s, &cfg, errp) ||
        !nyx_stream_open(&s->stream, s->props.findings, "findings", errp)) {
        return;
    }
    nyx_mem_qemu_init();
    host.mem = nyx_mem_qemu;
    host.opaque = s;
    s->bh = qemu_bh_new_guarded(continue_bh, s, &dev->mem_reentrancy_guard);
    s->engine = nyx_amd_new(&cfg, &host);
    memory_region_init_io(&s->mmio, OBJECT(s), &mmio_ops, s, TYPE_NYX_AMDVI,
                          nyx_amd_mmio_size(&cfg));
    sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->mmio);
    nyx_amd_map_registers(s, NAMD_MMIO_BASE);
    s->space = nyx_dma_space_new(&dma_ops, OBJECT(s), s, pcms->pcibus, errp);
    if (!s->space) {
        return;
    }
    s->pci = nyx_amd_pci_new(s, errp);
    if (!s->pci ||
        (cfg.intremap && !nyx_amd_pci_new_southbridge(s, errp))) {
        return;
    }
    X86_MACHINE(pcms)->ioapic_as =
        nyx_dma_space_fixed(s->space, "nyx-amdvi-ioapic", NAMD_IOAPIC_SID);
    NYX_VM_CHANGE_HANDLER(dev, vm_state_changed, s);
    s->machine_done.notify = machine_done;
    qemu_add_machine_init_done_notifier(&s->machine_done);
}

/* Before the parent's own realize, whose error does not name a machine. */
static void check_machine_and_realize(DeviceState *dev, Error **errp)
{
    NyxAmdClass *ac = NYX_AMDVI_GET_CLASS(dev);
    PCMachineState *pcms = (PCMachineState *)
        object_dynamic_cast(qdev_get_machine(), TYPE_PC_MACHINE);

    if (!pcms || !pcms->pcibus) {
        error_setg(errp, "nyx-amdvi needs a PC with a PCI bus: use -machine "
                   "q35 or -machine pc");
        return;
    }
    if (nyx_amd_options_preset(NYX_AMDVI(dev), errp)) {
        ac->parent_realize(dev, errp);
    }
}

/* In the last phase: devices have stopped their DMA by then. */
static void reset_exit(Object *obj, ResetType type)
{
    NyxAmdState *s = NYX_AMDVI(obj);

    nyx_amd_reset(s->engine);
    nyx_amd_pci_reset(s->pci);
}

static void class_init(ObjectClass *oc, NyxClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    X86IOMMUClass *x86 = X86_IOMMU_DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);

    device_class_set_parent_realize(dc, check_machine_and_realize,
                                    &NYX_AMDVI_CLASS(oc)->parent_realize);
    rc->phases.exit = reset_exit;
    dc->vmsd = &nyx_amd_vmstate;
    dc->hotpluggable = false;
    dc->desc = "AMD-Vi DMA and interrupt remapping, like hardware";
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    x86->realize = realize;
    x86->int_remap = int_remap;
    nyx_amd_options_class_init(oc);
    nyx_amd_debug_class_init(oc);
}

static void instance_init(Object *obj)
{
    nyx_amd_options_init(NYX_AMDVI(obj));
}

static const TypeInfo amdvi_info = {
    .name = TYPE_NYX_AMDVI,
    .parent = TYPE_X86_IOMMU_DEVICE,
    .instance_size = sizeof(NyxAmdState),
    .instance_init = instance_init,
    .class_size = sizeof(NyxAmdClass),
    .class_init = class_init,
};

void nyx_amd_register_types(void)
{
    type_register_static(&amdvi_info);
    nyx_amd_pci_register_types();
}
