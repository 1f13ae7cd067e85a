/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fake machine of amd-fixture.h.
 */
#include "qemu/osdep.h"
#include "amd-fixture.h"

#define PAGE 4096ULL
#define DEVTAB_PAGES 512

/* --- Callbacks ------------------------------------------------------------ */

static bool host_serialized(void *opaque)
{
    Ax *f = opaque;

    return pthread_equal(f->serial, pthread_self()) && !f->elsewhere;
}

static void host_send_msi(void *opaque, uint64_t addr, uint32_t data)
{
    Ax *f = opaque;
    const FxMessage msg = { addr, data };

    g_assert_true(host_serialized(f));
    if (f->on_message) {
        f->on_message(f);
    }
    g_array_append_val(f->messages, msg);
}

static void host_signal(void *opaque, unsigned message)
{
    Ax *f = opaque;

    g_assert_true(host_serialized(f));
    if (f->on_signal) {
        f->on_signal(f);
    }
    g_array_append_val(f->signals, message);
}

static uint32_t host_msi_read(void *opaque, unsigned offset)
{
    Ax *f = opaque;

    g_assert_cmpuint(offset, <, sizeof(f->msi));
    return f->msi[offset / 4];
}

static void host_msi_write(void *opaque, unsigned offset, uint32_t value)
{
    Ax *f = opaque;

    g_assert_cmpuint(offset, <, sizeof(f->msi));
    f->msi[offset / 4] = value;
}

static void host_target_abort(void *opaque)
{
    Ax *f = opaque;

    __atomic_fetch_add(&f->target_aborts, 1, __ATOMIC_RELAXED);
}

static void host_mode_changed(void *opaque)
{
    Ax *f = opaque;

    g_assert_true(host_serialized(f));
    f->mode_changes++;
    if (f->on_mode_changed) {
        f->on_mode_changed(f);
    }
}

static void host_irt_changed(void *opaque, bool global, uint16_t sid)
{
    Ax *f = opaque;
    const AxIrt row = { global, sid };

    g_assert_true(host_serialized(f));
    g_array_append_val(f->irt, row);
}

static void host_unmapped(void *opaque, NyxAmdRequester *r, uint64_t iova,
                          uint8_t lg2)
{
    Ax *f = opaque;
    const AxUnmapped row = { r, iova, lg2 };

    g_assert_true(host_serialized(f));
    g_array_append_val(f->unmapped, row);
}

static void host_unmap(void *opaque, NyxAmdRequester *r, uint64_t first,
                       uint64_t last, const NyxBlock *only)
{
    Ax *f = opaque;

    g_assert_true(host_serialized(f));
    f->unmap_events++;
    if (f->on_unmap) {
        f->on_unmap(f, r, first, last, only);
    }
}

static void host_map(void *opaque, NyxAmdRequester *r, const NyxBlock *block)
{
    Ax *f = opaque;

    g_assert_true(host_serialized(f));
    f->map_events++;
    if (f->on_map) {
        f->on_map(f, r, block);
    }
}

static void host_direct_changed(void *opaque, NyxAmdRequester *r)
{
    Ax *f = opaque;

    g_assert_true(host_serialized(f));
    f->direct_changes++;
    if (f->on_direct_changed) {
        f->on_direct_changed(f, r);
    }
}

static bool host_unmap_each(void *opaque)
{
    const Ax *f = opaque;

    return f->unmap_each;
}

static bool host_sid(void *opaque, NyxAmdRequester *r, uint16_t *sid)
{
    Ax *f = opaque;

    *sid = AX_SID;
    return !f->sid_of || f->sid_of(f, r, sid);
}

static NyxAmdAtsAnswer host_device_tlb(void *opaque,
                                       const NyxAmdDeviceTlb *inv)
{
    Ax *f = opaque;

    g_assert_true(host_serialized(f));
    if (f->on_device_tlb) {
        f->on_device_tlb(f);
    }
    g_array_append_vals(f->devtlb, inv, 1);
    return f->ats_answer;
}

static bool host_page_response(void *opaque,
                               const NyxAmdPageResponse *response)
{
    Ax *f = opaque;

    g_assert_true(host_serialized(f));
    if (f->on_response) {
        f->on_response(f);
    }
    g_array_append_vals(f->responses, response, 1);
    return !f->response_unexpected;
}

static void host_kick(void *opaque)
{
    Ax *f = opaque;

    __atomic_fetch_add(&f->kicks, 1, __ATOMIC_RELAXED);
}

static void host_finding(void *opaque, const NyxFinding *finding)
{
    Ax *f = opaque;

    g_assert_nonnull(finding->rule);
    __atomic_fetch_add(&f->finding_calls, 1, __ATOMIC_RELAXED);
}

static int64_t host_now_ns(void *opaque)
{
    Ax *f = opaque;

    return __atomic_add_fetch(&f->now, 1, __ATOMIC_RELAXED);
}

static void host_trace(void *opaque, const NyxAmdTrace *trace)
{
    Ax *f = opaque;

    g_assert_cmpuint(trace->kind, <, AX_TRACE_KINDS);
    __atomic_fetch_add(&f->traces[trace->kind], 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&f->lock);
    f->last_trace[trace->kind] = *trace;
    pthread_mutex_unlock(&f->lock);
}

/* --- The IOMMU ------------------------------------------------------------ */

NyxAmdCfg ax_cfg(void)
{
    return (NyxAmdCfg) {
        .pa_bits = 48, .va_bits = 64,
        .host_levels = 6, .guest_levels = 5, .glx = 2, .pasid_bits = 20,
        .segments_lg2 = 3, .dual_ppr = 2, .dual_event = 2,
        .smi_filters_lg2 = 4,
        .dma_remap = true, .intremap = true, .device_iotlb = true,
        .prefetch = true, .page_requests = true, .xt = true,
        .no_execute = true, .gappi = true, .invalidate_all = true,
        .ga = true, .hw_events = true, .counters = true, .smi_filter = true,
        .vapic = true, .user_supervisor = true, .ppr_early = true,
        .ppr_auto = true, .marc = true, .block_stop_mark = true,
        .perf_opt = true, .msi_mmio = true, .gio = true,
        .host_accessed = true, .host_dirty = true, .eph = true,
        .attr_fw = true, .inv_iotlb_type = true, .ga_update_dis = true,
        .gcr3_trp = true, .gappi_dis = true, .int_remap_2k = true,
        .irt_cache_dis = true, .coalesce = true,
        .cache = NYX_CACHE_HARDWARE,
        .cache_seed = 1,
        .iotlb_entries = 256,
    };
}

Ax *ax_new(const NyxAmdCfg *cfg)
{
    Ax *f = g_new0(Ax, 1);
    NyxAmdHost host = {
        .opaque = f,
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

    fx_mem_init(&f->mem);
    host.mem = f->mem.ops;
    f->cfg = cfg ? *cfg : ax_cfg();
    f->serial = pthread_self();
    f->messages = g_array_new(FALSE, TRUE, sizeof(FxMessage));
    f->signals = g_array_new(FALSE, TRUE, sizeof(unsigned));
    f->unmapped = g_array_new(FALSE, TRUE, sizeof(AxUnmapped));
    f->irt = g_array_new(FALSE, TRUE, sizeof(AxIrt));
    f->devtlb = g_array_new(FALSE, TRUE, sizeof(NyxAmdDeviceTlb));
    f->responses = g_array_new(FALSE, TRUE, sizeof(NyxAmdPageResponse));
    pthread_mutex_init(&f->lock, NULL);
    g_assert_cmpstr(nyx_amd_cfg_error(&f->cfg), ==, NULL);
    f->amd = nyx_amd_new(&f->cfg, &host);
    f->r = nyx_amd_requester_new(f->amd, f);
    return f;
}

void ax_free(Ax *f)
{
    nyx_amd_free(f->amd);
    g_array_free(f->messages, TRUE);
    g_array_free(f->signals, TRUE);
    g_array_free(f->unmapped, TRUE);
    g_array_free(f->irt, TRUE);
    g_array_free(f->devtlb, TRUE);
    g_array_free(f->responses, TRUE);
    pthread_mutex_destroy(&f->lock);
    fx_mem_destroy(&f->mem);
    g_free(f);
}

void ax_settle(Ax *f)
{
    unsigned rounds = 0;

    while (__atomic_exchange_n(&f->kicks, 0, __ATOMIC_RELAXED)) {
        g_assert_cmpuint(rounds++, <, 10000);
        nyx_amd_continue(f->amd);
    }
}

void ax_forget(Ax *f)
{
    f->kicks = 0;
    f->mode_changes = 0;
    f->finding_calls = 0;
    f->target_aborts = 0;
    g_array_set_size(f->messages, 0);
    g_array_set_size(f->signals, 0);
    g_array_set_size(f->unmapped, 0);
    g_array_set_size(f->irt, 0);
    g_array_set_size(f->devtlb, 0);
    g_array_set_size(f->responses, 0);
    memset(f->traces, 0, sizeof(f->traces));
    nyx_findings_clear(nyx_amd_findings(f->amd));
}

uint32_t ax_read32(Ax *f, uint32_t offset)
{
    return nyx_amd_mmio_read(f->amd, offset, 4);
}

uint64_t ax_read64(Ax *f, uint32_t offset)
{
    return nyx_amd_mmio_read(f->amd, offset, 8);
}

void ax_write32(Ax *f, uint32_t offset, uint32_t value)
{
    nyx_amd_mmio_write(f->amd, offset, value, 4);
}

void ax_write64(Ax *f, uint32_t offset, uint64_t value)
{
    nyx_amd_mmio_write(f->amd, offset, value, 8);
}

uint64_t ax_findings(Ax *f, NyxAmdRule rule)
{
    return nyx_findings_get(nyx_amd_findings(f->amd), rule).count;
}

uint64_t ax_all_findings(Ax *f)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < NAMD_RULE_COUNT; i++) {
        sum += ax_findings(f, i);
    }
    return sum;
}

/* --- Set up --------------------------------------------------------------- */

void ax_control_set(Ax *f, uint64_t bits)
{
    ax_write64(f, AX_CONTROL, ax_read64(f, AX_CONTROL) | bits);
}

void ax_control_clear(Ax *f, uint64_t bits)
{
    ax_write64(f, AX_CONTROL, ax_read64(f, AX_CONTROL) & ~bits);
}

uint64_t ax_ring(uint64_t base, unsigned len)
{
    return base | (uint64_t)len << 56;
}

void ax_commands_init(Ax *f, unsigned len)
{
    f->commands_size = 16ULL << len;
    f->commands = fx_mem_pages(&f->mem, f->commands_size / PAGE);
    f->tail = 0;
    ax_write64(f, AX_CMDBASE, ax_ring(f->commands, len));
}

void ax_events_init(Ax *f, unsigned len)
{
    f->events_size = 16ULL << len;
    f->events = fx_mem_pages(&f->mem, f->events_size / PAGE);
    ax_write64(f, AX_EVTBASE, ax_ring(f->events, len));
}

void ax_start(Ax *f)
{
    f->devtab = fx_mem_pages(&f->mem, DEVTAB_PAGES);
    ax_write64(f, AX_DEVTAB, f->devtab | (DEVTAB_PAGES - 1));
    ax_commands_init(f, 9);
    ax_events_init(f, 9);
    ax_control_set(f, AX_CMDBUFEN | AX_EVENTLOGEN | AX_IOMMUEN);
}

Ax *ax_new_started(const NyxAmdCfg *cfg)
{
    Ax *f = ax_new(cfg);

    ax_start(f);
    return f;
}

void ax_dte(Ax *f, uint16_t sid, uint64_t w0, uint64_t w1, uint64_t w2,
            uint64_t w3)
{
    const uint64_t words[] = { w0, w1, w2, w3 };

    for (unsigned i = 0; i < 4; i++) {
        fx_mem_poke(&f->mem, f->devtab + sid * 32 + i * 8, words[i]);
    }
}

/* --- Commands ------------------------------------------------------------- */

void ax_command(Ax *f, uint64_t lo, uint64_t hi)
{
    fx_mem_poke(&f->mem, f->commands + f->tail, lo);
    fx_mem_poke(&f->mem, f->commands + f->tail + 8, hi);
    f->tail = (f->tail + 16) % f->commands_size;
}

void ax_doorbell(Ax *f)
{
    ax_write32(f, AX_CMDTAIL, f->tail);
}

void ax_submit(Ax *f, uint64_t lo, uint64_t hi)
{
    ax_command(f, lo, hi);
    ax_doorbell(f);
    ax_settle(f);
}

void ax_wait(Ax *f)
{
    uint64_t at = fx_mem_pages(&f->mem, 1);
    uint64_t data = 0x5a5a0000ffff0001ULL + ++f->now;

    ax_submit(f, 1ULL << 60 | at | 1, data);
    FX_CHECK("completion wait", fx_mem_peek(&f->mem, at), data);
}

void ax_inv_devtab(Ax *f, uint16_t sid)
{
    ax_submit(f, 2ULL << 60 | sid, 0);
}

uint64_t ax_range(uint64_t addr, unsigned lg2)
{
    if (lg2 >= 64) {
        return 0x7ffffffffffff001ULL;
    }
    addr &= ~0xfffULL;
    if (lg2 <= 12) {
        return addr;
    }
    /* The lowest zero bit at or above 12 is bit lg2 - 1. */
    addr |= (1ULL << (lg2 - 1)) - 1;
    addr &= ~(1ULL << (lg2 - 1));
    return (addr & ~0xfffULL) | 1;
}

void ax_inv_pages(Ax *f, uint16_t did, uint64_t addr, unsigned lg2)
{
    ax_submit(f, 3ULL << 60 | (uint64_t)did << 32, ax_range(addr, lg2) | 2);
}

void ax_inv_pages_gn(Ax *f, uint16_t did, uint32_t pasid, uint64_t addr,
                     unsigned lg2)
{
    ax_submit(f, 3ULL << 60 | (uint64_t)did << 32 | pasid,
              ax_range(addr, lg2) | 6);
}

void ax_inv_irt(Ax *f, uint16_t sid)
{
    ax_submit(f, 5ULL << 60 | sid, 0);
}

void ax_inv_all(Ax *f)
{
    ax_submit(f, 8ULL << 60, 0);
}

/* --- Events --------------------------------------------------------------- */

AxEvent ax_take_event(Ax *f)
{
    uint64_t head = ax_read64(f, AX_EVTHEAD);
    AxEvent event = { .valid = head != ax_read64(f, AX_EVTTAIL) };

    if (event.valid) {
        event.lo = fx_mem_peek(&f->mem, f->events + head);
        event.hi = fx_mem_peek(&f->mem, f->events + head + 8);
        ax_write32(f, AX_EVTHEAD, (head + 16) % f->events_size);
    }
    return event;
}

unsigned ax_take_code(Ax *f)
{
    return ax_take_event(f).lo >> 60;
}

/* --- Requests ------------------------------------------------------------- */

NyxReply ax_request(Ax *f, NyxRequestType type, unsigned access,
                    uint64_t iova)
{
    const NyxRequest req = { .type = type, .access = access, .iova = iova };
    NyxReply reply = { };

    nyx_amd_translate(f->r, AX_SID, &req, &reply);
    return reply;
}

uint64_t ax_dma(Ax *f, unsigned access, uint64_t iova)
{
    NyxReply reply = ax_request(f, NYX_REQ_UNTRANSLATED, access, iova);

    return reply.ok ? reply.addr : AX_REFUSED;
}

unsigned ax_interrupt(Ax *f, uint16_t sid, uint64_t addr, uint32_t data,
                      FxMessage *msg)
{
    *msg = (FxMessage) { addr, data };
    return nyx_amd_remap_interrupt(f->amd, sid, &msg->addr, &msg->data,
                                   &f->send);
}
