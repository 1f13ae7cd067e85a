/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-vtd as a QEMU device: properties, regions, and the engine's callbacks.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "hw/i386/pc.h"
#include "hw/nyx-iommu/mem-qemu.h"
#include "hw/nyx-iommu/props.h"
#include "hw/nyx-iommu/x86.h"
#include "hw/nyx-vtd/internal.h"
#include "hw/nyx-vtd/vtd.h"
#include "hw/pci/msi.h"
#include "hw/pci/pcie.h"
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
    NyxVtdState *s = opaque;

    trace_nyx_vtd_mode_change(nyx_vtd_dma_checked(s->engine),
                              nyx_vtd_translating(s->engine));
    nyx_dma_space_update(s->space);
}

static void host_iec_changed(void *opaque, bool global, uint32_t index,
                             uint32_t count)
{
    x86_iommu_iec_notify_all(X86_IOMMU_DEVICE(opaque), global, index,
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

static void host_direct_changed(void *opaque, NyxVtdRequester *r)
{
    nyx_dma_device_update(nyx_vtd_requester_opaque(r));
}

static bool host_sid(void *opaque, NyxVtdRequester *r, uint16_t *sid)
{
    const NyxDmaDevice *device = nyx_vtd_requester_opaque(r);

    if (!nyx_dma_device_has_bus(device)) {
        return false;
    }
    *sid = nyx_dma_device_sid(device);
    return true;
}

static bool ats_enabled(const PCIDevice *dev)
{
    uint16_t cap = dev->exp.ats_cap;

    return cap && (pci_get_word(dev->config + cap + PCI_ATS_CTRL) &
                   PCI_ATS_CTRL_ENABLE);
}

/*
 * A function that is not there, or has no ATS, never answers.  Notifiers know
 * no PASIDs: they hear of the range whatever the PASID.
 */
static NyxVtdAtsAnswer host_device_tlb(void *opaque,
                                       const NyxVtdDeviceTlb *inv)
{
    NyxVtdState *s = opaque;
    PCMachineState *pcms = PC_MACHINE(qdev_get_machine());
    PCIDevice *dev = pci_find_device(pcms->pcibus, inv->sid >> 8,
                                     inv->sid & 0xff);
    NyxDmaDevice *device = nyx_dma_space_find(s->space, inv->sid);

    if (!dev || !ats_enabled(dev)) {
        return NYX_VTD_ATS_SILENT;
    }
    if (device) {
        nyx_dma_device_unmapped(device, IOMMU_NOTIFIER_DEVIOTLB_UNMAP,
                                inv->addr, inv->lg2);
    }
    return NYX_VTD_ATS_DONE;
}

static void host_kick(void *opaque)
{
    NyxVtdState *s = opaque;

    qemu_bh_schedule(s->bh);
}

static void host_finding(void *opaque, const NyxFinding *finding)
{
    NyxVtdState *s = opaque;
    const NyxWhere *where = &finding->last.where;

    trace_nyx_vtd_finding_add(finding->rule->id, where->sid, where->addr,
                              where->value, finding->count);
    qemu_log_mask(LOG_GUEST_ERROR, "%s: %s: %s (section %s, sid 0x%04x, addr "
                  "0x%" PRIx64 ", value 0x%" PRIx64 ", count %" PRIu64
                  "): %s\n", TYPE_NYX_VTD, finding->rule->id,
                  finding->rule->title, finding->rule->section, where->sid,
                  where->addr, where->value, finding->count,
                  finding->rule->fix);
    if (s->stream.open) {
        nyx_stream_write(&s->stream,
                         nyx_finding_to_json(TYPE_NYX_VTD, finding));
    }
}

static int64_t host_now_ns(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void host_event(void *opaque, const NyxVtdEvent *ev)
{
    switch (ev->kind) {
    case NYX_VTD_EV_COMMAND:
        trace_nyx_vtd_command_run(ev->a, ev->b);
        break;
    case NYX_VTD_EV_INV_CONTEXT:
        trace_nyx_vtd_context_invalidate(ev->sid, ev->did, ev->gran);
        break;
    case NYX_VTD_EV_INV_IOTLB:
        trace_nyx_vtd_iotlb_invalidate(ev->addr, ev->lg2, ev->did, ev->gran);
        break;
    case NYX_VTD_EV_INV_DEVTLB:
        trace_nyx_vtd_device_tlb_invalidate(ev->sid, ev->addr, ev->lg2);
        break;
    case NYX_VTD_EV_INV_PASID_CACHE:
        trace_nyx_vtd_pasid_cache_invalidate(ev->did, ev->a, ev->gran);
        break;
    case NYX_VTD_EV_INV_PASID_IOTLB:
        trace_nyx_vtd_pasid_iotlb_invalidate(ev->addr, ev->lg2, ev->did,
                                             ev->a, ev->gran);
        break;
    case NYX_VTD_EV_INV_PASID_DEVTLB:
        trace_nyx_vtd_pasid_device_tlb_invalidate(ev->sid, ev->addr, ev->lg2,
                                                  ev->a, ev->b);
        break;
    case NYX_VTD_EV_INV_IEC:
        trace_nyx_vtd_iec_invalidate(ev->a, ev->b, ev->gran);
        break;
    case NYX_VTD_EV_WAIT:
        trace_nyx_vtd_wait_complete(ev->addr, ev->a, ev->b);
        break;
    case NYX_VTD_EV_QUEUE_ERROR:
        trace_nyx_vtd_queue_err(ev->a, ev->b);
        break;
    case NYX_VTD_EV_FAULT:
        trace_nyx_vtd_fault_report(ev->sid, ev->addr, ev->a,
            nyx_vtd_faults[nyx_vtd_fault_index(ev->a)].text, ev->b);
        break;
    case NYX_VTD_EV_INTERRUPT:
        trace_nyx_vtd_interrupt_remap(ev->sid, ev->b, ev->addr, ev->a);
        break;
    case NYX_VTD_EV_POST:
        trace_nyx_vtd_interrupt_post(ev->sid, ev->addr, ev->a, ev->b);
        break;
    case NYX_VTD_EV_VCMD:
        trace_nyx_vtd_vcmd_run(ev->gran, ev->addr, ev->b, ev->a);
        break;
    case NYX_VTD_EV_MESSAGE:
        trace_nyx_vtd_event_send(ev->addr, ev->a);
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
    .direct_changed = host_direct_changed,
    .sid = host_sid,
    .device_tlb = host_device_tlb,
    .kick = host_kick,
    .finding = host_finding,
    .now_ns = host_now_ns,
    .event = host_event,
};

/* --- What the address spaces ask ------------------------------------------ */

static void *dma_requester_new(void *iommu, NyxDmaDevice *device)
{
    NyxVtdState *s = iommu;

    return nyx_vtd_requester_new(s->engine, device);
}

/* Out of the way of what every request runs through. */
static __attribute__((noinline, cold))
void trace_translate(uint16_t sid, const NyxRequest *req,
                     const NyxReply *reply)
{
    if (reply->ok) {
        trace_nyx_vtd_translate(sid, req->iova, req->access, reply->addr,
                                reply->addr_mask, reply->access);
    } else {
        trace_nyx_vtd_translate_err(sid, req->iova, req->access);
    }
}

static bool dma_translate(void *requester, uint16_t sid,
                          const NyxRequest *req, NyxReply *reply)
{
    bool ok = nyx_vtd_translate(requester, sid, req, reply);

    if (unlikely(trace_events_enabled_count)) {
        trace_translate(sid, req, reply);
    }
    return ok;
}

static bool dma_notify(void *requester, bool unmap, bool map, Error **errp)
{
    const NyxVtdCfg *cfg = nyx_vtd_cfg(nyx_vtd_requester_unit(requester));

    if (map && !cfg->caching_mode) {
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

/* Whether the host's IOMMU can do what the guest will ask of ours. */
static bool dma_host_device(void *iommu, HostIOMMUDevice *hiod, Error **errp)
{
    NyxVtdState *s = iommu;
    const NyxVtdCfg *cfg = nyx_vtd_cfg(s->engine);
    HostIOMMUDeviceClass *hc = HOST_IOMMU_DEVICE_GET_CLASS(hiod);
    int bits;

    if (!cfg->dma_translation) {
        return true;
    }
    if (!cfg->caching_mode) {
        error_setg(errp, "a device of the host needs to know of each new "
                   "mapping: set caching-mode=on of %s", TYPE_NYX_VTD);
        return false;
    }
    if (!hc->get_cap) {
        return true;
    }
    bits = hc->get_cap(hiod, HOST_IOMMU_DEVICE_CAP_AW_BITS, errp);
    if (bits < 0) {
        return false;
    }
    if (bits >= cfg->aw_bits) {
        return true;
    }
    error_setg(errp, "the host's IOMMU has %d address bits for this device, "
               "%s has %u: %s", bits, TYPE_NYX_VTD, cfg->aw_bits,
               bits >= 48 ? "set aw-bits=48" :
               bits >= 39 ? "set aw-bits=39" :
               "put the device on a bus with bypass_iommu=on");
    return false;
}

static bool dma_checked(void *iommu)
{
    NyxVtdState *s = iommu;

    return nyx_vtd_dma_checked(s->engine);
}

static MemTxResult dma_interrupt(void *iommu, uint16_t sid, uint64_t addr,
                                 uint32_t data)
{
    NyxVtdState *s = iommu;
    uint64_t to = addr;
    uint32_t message = data;
    bool send;
    NyxVtdFaultCode code = nyx_vtd_remap_interrupt(s->engine, sid, &to,
                                                   &message, &send);

    if (code != NVTD_FAULT_NONE) {
        trace_nyx_vtd_interrupt_err(sid, addr, data, code);
        return MEMTX_ERROR;
    }
    if (send) {
        nyx_x86_send_msi(to, message);
    }
    return MEMTX_OK;
}

static void dma_interrupt_misuse(void *iommu, uint16_t sid, uint64_t addr,
                                 unsigned size, bool write)
{
    NyxVtdState *s = iommu;

    nyx_vtd_finding(s->engine,
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
    NyxVtdState *s = NYX_VTD(iommu);
    NyxVtdFaultCode code;
    bool send;

    *dst = *src;
    if (sid == X86_IOMMU_SID_INVALID) {
        /* The split irqchip's IOAPIC pins. */
        sid = NVTD_IOAPIC_SID;
    }
    code = nyx_vtd_route_interrupt(s->engine, sid, &dst->address, &dst->data,
                                   &send);
    if (code != NVTD_FAULT_NONE) {
        trace_nyx_vtd_interrupt_err(sid, src->address, src->data, code);
    }
    if (code != NVTD_FAULT_NONE || !send) {
        /*
         * QEMU's PCI code asserts that there is a route, which a guest must
         * not be able to break: one to nowhere.
         */
        dst->address = NVTD_INTR_FIRST;
        dst->data = NVTD_MSI_DATA_NOWHERE;
    }
    return 0;
}

/* --- Registers ------------------------------------------------------------ */

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    NyxVtdState *s = opaque;

    return nyx_vtd_mmio_read(s->engine, addr, size);
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t value,
                       unsigned size)
{
    NyxVtdState *s = opaque;

    nyx_vtd_mmio_write(s->engine, addr, value, size);
}

static const MemoryRegionOps mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* --- Life ----------------------------------------------------------------- */

static bool parse_cache(const char *text, NyxCacheTemper *temper,
                        Error **errp)
{
    static const char *const name[NYX_CACHE_TEMPER_COUNT] = {
        [NYX_CACHE_HARDWARE] = "hardware",
        [NYX_CACHE_STICKY] = "sticky",
        [NYX_CACHE_OFF] = "off",
    };

    *temper = NYX_CACHE_HARDWARE;
    for (unsigned i = 0; text && i < ARRAY_SIZE(name); i++) {
        if (!strcmp(text, name[i])) {
            *temper = i;
            return true;
        }
    }
    if (text) {
        error_setg(errp, "cache=%s is not known: use cache=hardware, "
                   "cache=sticky or cache=off", text);
    }
    return !text;
}

/* eim=auto: on whenever interrupts can be delivered to 32-bit APIC ids. */
static bool decide_eim(NyxVtdState *s, bool intremap, bool *eim, Error **errp)
{
    switch (s->props.eim) {
    case ON_OFF_AUTO_OFF:
        *eim = false;
        return true;
    case ON_OFF_AUTO_AUTO:
        *eim = intremap && nyx_x86_enable_x2apic();
        return true;
    default:
        *eim = true;
        if (intremap && !nyx_x86_enable_x2apic()) {
            error_setg(errp, "eim=on needs a host kernel whose KVM has "
                       "KVM_CAP_X2APIC_API: use eim=off or a newer kernel");
            return false;
        }
        return true;
    }
}

/* Options of scalable mode have no effect without it. */
static void make_scalable_cfg(const NyxVtdState *s, NyxVtdCfg *cfg)
{
    bool on = s->props.scalable_mode;

    cfg->scalable_mode = on;
    cfg->first_stage = on && s->props.flts;
    cfg->second_stage = on && s->props.ssts;
    cfg->nested = cfg->first_stage && cfg->second_stage && s->props.nest;
    cfg->first_1g = cfg->first_stage && s->props.fs1gp;
    cfg->first_5_levels = cfg->first_stage && s->props.fs5lp;
    cfg->second_ad = cfg->second_stage && s->props.ssads;
    cfg->extended_accessed = cfg->first_stage && s->props.eafs;
    cfg->supervisor = cfg->first_stage && s->props.srs;
    cfg->execute = cfg->first_stage && s->props.ers;
    cfg->rid_pasid = on && s->props.rps;
    cfg->rid_priv = cfg->supervisor && s->props.rprivs;
    cfg->pasid_bits = on ? s->props.pasid_bits : 0;
}

/*
 * posted-interrupts=auto: KVM's routes are messages, and an interrupt that
 * comes by one (vhost) cannot be posted.
 */
static bool decide_posting(NyxVtdState *s)
{
    if (s->props.posted_interrupts != ON_OFF_AUTO_AUTO) {
        return s->props.posted_interrupts == ON_OFF_AUTO_ON;
    }
    return x86_iommu_ir_supported(X86_IOMMU_DEVICE(s)) && !nyx_x86_kvm();
}

static bool make_cfg(NyxVtdState *s, NyxVtdCfg *cfg, Error **errp)
{
    X86IOMMUState *x86 = X86_IOMMU_DEVICE(s);
    const char *error;

    *cfg = (NyxVtdCfg) {
        .version = s->props.version,
        .aw_bits = s->props.aw_bits,
        .haw_bits = MIN(MAX(nyx_x86_phys_bits(), 32), 52),
        .fault_records = s->props.fault_records,
        .abort_dma = s->props.abort_dma,
        .caching_mode = s->props.caching_mode,
        .device_iotlb = x86->dt_supported,
        .dma_drain = s->props.dma_drain,
        .dma_translation = s->props.dma_translation,
        .esirtps = s->props.esirtps,
        .esrtps = s->props.esrtps,
        .intremap = x86_iommu_ir_supported(x86),
        .pass_through = x86->pt_supported,
        .perfmon = s->props.perfmon,
        .posted_interrupts = decide_posting(s),
        .snoop_control = s->props.snoop_control,
        .vcmd = s->props.vcmd,
        .coalesce = s->props.coalesce,
        .cache_seed = s->props.cache_seed,
        .iotlb_entries = s->props.iotlb_entries,
    };
    make_scalable_cfg(s, cfg);
    if (s->props.version > UINT8_MAX) {
        cfg->version = UINT8_MAX;
    }
    if (!parse_cache(s->props.cache, &cfg->cache, errp) ||
        !decide_eim(s, cfg->intremap, &cfg->eim, errp)) {
        return false;
    }
    error = nyx_vtd_cfg_error(cfg);
    if (error) {
        error_setg(errp, "%s", error);
    }
    return !error;
}

static void continue_bh(void *opaque)
{
    NyxVtdState *s = opaque;

    nyx_vtd_continue(s->engine);
}

/* Before the machine builds its ACPI tables: notifiers run newest first. */
static void machine_done(Notifier *notifier, void *data)
{
    NyxVtdState *s = container_of(notifier, NyxVtdState, machine_done);
    Error *err = NULL;

    if (!nyx_vtd_acpi_install(s, &err)) {
        error_report_err(err);
        exit(1);
    }
}

static void realize(DeviceState *dev, Error **errp)
{
    NyxVtdState *s = NYX_VTD(dev);
    PCMachineState *pcms = PC_MACHINE(qdev_get_machine());
    NyxVtdHost host = host_template;
    NyxVtdCfg cfg;

    if (!make_cfg(s, &cfg, errp) ||
        !nyx_stream_open(&s->stream, s->props.findings, "findings", errp)) {
        return;
    }
    nyx_mem_qemu_init();
    host.mem = nyx_mem_qemu;
    host.opaque = s;
    s->bh = qemu_bh_new_guarded(continue_bh, s, &dev->mem_reentrancy_guard);
    s->engine = nyx_vtd_new(&cfg, &host);

    memory_region_init_io(&s->mmio, OBJECT(s), &mmio_ops, s, TYPE_NYX_VTD,
                          nyx_vtd_mmio_size(&cfg));
    sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->mmio);
    sysbus_mmio_map(SYS_BUS_DEVICE(s), 0, NVTD_MMIO_BASE);

    s->space = nyx_dma_space_new(&dma_ops, OBJECT(s), s, pcms->pcibus);
    X86_MACHINE(pcms)->ioapic_as =
        nyx_dma_space_fixed(s->space, "nyx-vtd-ioapic", NVTD_IOAPIC_SID);
    s->machine_done.notify = machine_done;
    qemu_add_machine_init_done_notifier(&s->machine_done);
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
    vc->parent_realize(dev, errp);
}

/* In the last phase: devices have stopped their DMA by then. */
static void reset_exit(Object *obj, ResetType type)
{
    NyxVtdState *s = NYX_VTD(obj);

    nyx_vtd_reset(s->engine);
}

static const Property properties[] = {
    DEFINE_PROP_BOOL("abort-dma", NyxVtdState, props.abort_dma, false),
    DEFINE_PROP_STRING("andd", NyxVtdState, props.andd),
    DEFINE_PROP_UINT8("aw-bits", NyxVtdState, props.aw_bits, 48),
    DEFINE_PROP_STRING("cache", NyxVtdState, props.cache),
    DEFINE_PROP_UINT64("cache-seed", NyxVtdState, props.cache_seed, 1),
    DEFINE_PROP_BOOL("caching-mode", NyxVtdState, props.caching_mode, false),
    DEFINE_PROP_BOOL("coalesce", NyxVtdState, props.coalesce, true),
    DEFINE_PROP_BOOL("dma-drain", NyxVtdState, props.dma_drain, true),
    DEFINE_PROP_BOOL("dma-translation", NyxVtdState, props.dma_translation,
                     true),
    DEFINE_PROP_ON_OFF_AUTO("eim", NyxVtdState, props.eim, ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("esirtps", NyxVtdState, props.esirtps, false),
    DEFINE_PROP_BOOL("esrtps", NyxVtdState, props.esrtps, false),
    DEFINE_PROP_UINT8("fault-records", NyxVtdState, props.fault_records, 8),
    DEFINE_PROP_BOOL("eafs", NyxVtdState, props.eafs, true),
    DEFINE_PROP_BOOL("ers", NyxVtdState, props.ers, true),
    DEFINE_PROP_STRING("findings", NyxVtdState, props.findings),
    DEFINE_PROP_BOOL("flts", NyxVtdState, props.flts, true),
    DEFINE_PROP_BOOL("fs1gp", NyxVtdState, props.fs1gp, true),
    DEFINE_PROP_BOOL("fs5lp", NyxVtdState, props.fs5lp, true),
    DEFINE_PROP_UINT32("iotlb-entries", NyxVtdState, props.iotlb_entries,
                       4096),
    DEFINE_PROP_BOOL("nest", NyxVtdState, props.nest, true),
    DEFINE_PROP_INT64("numa-node", NyxVtdState, props.numa_node, -1),
    DEFINE_PROP_UINT8("pasid-bits", NyxVtdState, props.pasid_bits, 20),
    DEFINE_PROP_STRING("rmrr", NyxVtdState, props.rmrr),
    DEFINE_PROP_BOOL("rprivs", NyxVtdState, props.rprivs, true),
    DEFINE_PROP_BOOL("rps", NyxVtdState, props.rps, true),
    DEFINE_PROP_STRING("satc", NyxVtdState, props.satc),
    DEFINE_PROP_BOOL("scalable-mode", NyxVtdState, props.scalable_mode,
                     false),
    DEFINE_PROP_STRING("sidp", NyxVtdState, props.sidp),
    DEFINE_PROP_BOOL("snoop-control", NyxVtdState, props.snoop_control, true),
    DEFINE_PROP_BOOL("srs", NyxVtdState, props.srs, true),
    DEFINE_PROP_BOOL("ssads", NyxVtdState, props.ssads, true),
    DEFINE_PROP_BOOL("ssts", NyxVtdState, props.ssts, true),
    /* As intel-iommu spells them. */
    DEFINE_PROP_BOOL("x-flts", NyxVtdState, props.flts, true),
    DEFINE_PROP_BOOL("x-scalable-mode", NyxVtdState, props.scalable_mode,
                     false),
    DEFINE_PROP_BOOL("perfmon", NyxVtdState, props.perfmon, false),
    DEFINE_PROP_ON_OFF_AUTO("posted-interrupts", NyxVtdState,
                            props.posted_interrupts, ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("vcmd", NyxVtdState, props.vcmd, false),
    DEFINE_PROP_UINT32("version", NyxVtdState, props.version, 0),
    DEFINE_PROP_BOOL("x2apic-opt-out", NyxVtdState, props.x2apic_opt_out,
                     false),
};

/* Name and description of every property, the parent's included. */
static const char *const descriptions[][2] = {
    { "abort-dma", "ECAP.ADMS: a mode that refuses all DMA in silence "
      "(default off)" },
    { "andd", "devices of the ACPI namespace, and what they have for "
      "requester id: \\NAME@BUS:SLOT.FN[:...]" },
    { "aw-bits", "widest guest address: 39, 48 or 57 bits (default 48)" },
    { "cache", "hardware: bounded, random eviction (default); sticky: "
      "nothing is ever evicted; off: every access walks the tables" },
    { "cache-seed", "seed of the eviction, so that a run repeats "
      "(default 1)" },
    { "caching-mode", "CAP.CM: not-present entries are cached too; needed "
      "for vfio-pci (default off)" },
    { "coalesce", "contiguous pages are one mapping for vfio-pci (default "
      "on)" },
    { "device-iotlb", "ECAP.DT: devices may cache translations, ATS "
      "(default off)" },
    { "dma-drain", "CAP.DRD and DWD: invalidations drain DMA (default on)" },
    { "dma-translation", "off: interrupt remapping only (default on)" },
    { "eim", "ECAP.EIM: x2APIC destinations (default auto: on with "
      "intremap)" },
    { "esirtps", "CAP.ESIRTPS: a new interrupt table flushes the interrupt "
      "entry cache (default off)" },
    { "esrtps", "CAP.ESRTPS: a new root table flushes contexts and IOTLB "
      "(default off)" },
    { "fault-records", "fault-recording registers, 1 to 16 (default 8)" },
    { "eafs", "ECAP.EAFS: extended-accessed bit (default on with flts)" },
    { "ers", "ECAP.ERS: requests to execute (default on with flts)" },
    { "findings", "id of a -chardev for guest mistakes, one JSON object a "
      "line" },
    { "flts", "ECAP.FSTS: first-stage tables (default on with "
      "scalable-mode)" },
    { "fs1gp", "CAP.FS1GP: first-stage pages of 1 GiB (default on with "
      "flts)" },
    { "fs5lp", "CAP.FS5LP: five levels of first-stage tables (default on "
      "with flts)" },
    { "intremap", "ECAP.IR: interrupt remapping (default auto: on unless "
      "the irqchip is all in the kernel)" },
    { "iotlb-entries", "translations cached per device, 16 to 1048576 "
      "(default 4096)" },
    { "nest", "ECAP.NEST: first stage over second stage (default on with "
      "both)" },
    { "numa-node", "node that the unit is near to, in the DMAR table (default "
      "-1: not told)" },
    { "pasid-bits", "ECAP.PSS: width of a PASID, 0 (none) to 20 (default 20 "
      "with scalable-mode)" },
    { "perfmon", "ECAP.PMS: performance counters, and CAP.ECMDS to run them "
      "(default off)" },
    { "posted-interrupts", "CAP.PI: interrupt entries in posted format "
      "(default auto: on with intremap, except under KVM)" },
    { "pt", "ECAP.PT: pass-through contexts (default on)" },
    { "rmrr", "ID[+ID...]@BASE-LIMIT[:...]: memory reserved for devices, as "
      "in rmrr=nic0@0x3f000000-0x3f0fffff" },
    { "rprivs", "ECAP.RPRIVS: requests without a PASID may be privileged "
      "(default on with srs)" },
    { "rps", "ECAP.RPS: RID_PASID may be set (default on with "
      "scalable-mode)" },
    { "satc", "ID[@optional][:...]: devices of the SoC that use ATS, in the "
      "DMAR table" },
    { "scalable-mode", "ECAP.SMTS: PASIDs and two stages (default off)" },
    { "sidp", "ID[@FLAGS][:...]: properties of devices of the SoC, in the DMAR "
      "table" },
    { "snoop-control", "ECAP.SC: snoop bit in paging entries (default on)" },
    { "srs", "ECAP.SRS: privileged requests (default on with flts)" },
    { "ssads", "ECAP.SSADS: accessed and dirty in second-stage tables "
      "(default on with ssts)" },
    { "ssts", "ECAP.SSTS: second-stage tables in scalable mode (default on "
      "with scalable-mode)" },
    { "vcmd", "ECAP.VCS: virtual commands hand out PASIDs (default off)" },
    { "version", "VER register, 0x10 to 0x5f (default 0: version 1.0)" },
    { "x2apic-opt-out", "ask the guest not to use x2APIC, in the DMAR table "
      "(default off)" },
    { "x-flts", "the same as flts" },
    { "x-scalable-mode", "the same as scalable-mode" },
};

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
    device_class_set_props(dc, properties);
    x86->realize = realize;
    x86->int_remap = int_remap;
    for (unsigned i = 0; i < ARRAY_SIZE(descriptions); i++) {
        nyx_describe_property(oc, descriptions[i][0], descriptions[i][1]);
    }
    nyx_vtd_debug_class_init(oc);
}

static const TypeInfo vtd_info = {
    .name = TYPE_NYX_VTD,
    .parent = TYPE_X86_IOMMU_DEVICE,
    .instance_size = sizeof(NyxVtdState),
    .class_size = sizeof(NyxVtdClass),
    .class_init = class_init,
};

void nyx_vtd_register_types(void)
{
    type_register_static(&vtd_info);
}
