/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fake machine of vtd-fixture.h.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define PAGE 4096ULL

uint64_t fx_mem_ss_entry(FxMem *mem, uint64_t root, unsigned levels,
                         uint64_t iova, unsigned level)
{
    uint64_t table = root;

    for (unsigned n = levels; ; n--) {
        uint64_t at = table + ((iova >> (12 + 9 * (n - 1))) & 511) * 8;

        if (n == level) {
            return at;
        }
        if (!(fx_mem_peek(mem, at) & 3)) {
            fx_mem_poke(mem, at, fx_mem_pages(mem, 1) | 3);
        }
        table = fx_mem_peek(mem, at) & 0x000ffffffffff000ULL;
    }
}

/* --- Callbacks ------------------------------------------------------------ */

static bool host_serialized(void *opaque)
{
    Fx *f = opaque;

    return pthread_equal(f->serial, pthread_self()) && !f->elsewhere;
}

static void host_send_msi(void *opaque, uint64_t addr, uint32_t data)
{
    Fx *f = opaque;
    const FxMessage msg = { addr, data };

    g_assert_true(host_serialized(f));
    if (f->on_message) {
        f->on_message(f);
    }
    g_array_append_val(f->messages, msg);
}

static void host_mode_changed(void *opaque)
{
    Fx *f = opaque;

    g_assert_true(host_serialized(f));
    f->mode_changes++;
    if (f->on_mode_changed) {
        f->on_mode_changed(f);
    }
}

static void host_iec_changed(void *opaque, bool global, uint32_t index,
                             uint32_t count)
{
    Fx *f = opaque;
    const FxIec row = { global, index, count };

    g_assert_true(host_serialized(f));
    g_array_append_val(f->iec, row);
}

static void host_unmapped(void *opaque, NyxVtdRequester *r, uint64_t iova,
                          uint8_t lg2)
{
    Fx *f = opaque;
    const FxUnmapped row = { r, iova, lg2 };

    g_assert_true(host_serialized(f));
    g_array_append_val(f->unmapped, row);
}

static void host_unmap(void *opaque, NyxVtdRequester *r, uint64_t first,
                       uint64_t last, const NyxBlock *only)
{
    Fx *f = opaque;

    g_assert_true(host_serialized(f));
    f->unmap_events++;
    if (f->on_unmap) {
        f->on_unmap(f, r, first, last, only);
    }
}

static void host_map(void *opaque, NyxVtdRequester *r, const NyxBlock *block)
{
    Fx *f = opaque;

    g_assert_true(host_serialized(f));
    f->map_events++;
    if (f->on_map) {
        f->on_map(f, r, block);
    }
}

static void host_direct_changed(void *opaque, NyxVtdRequester *r)
{
    Fx *f = opaque;

    g_assert_true(host_serialized(f));
    f->direct_changes++;
    if (f->on_direct_changed) {
        f->on_direct_changed(f, r);
    }
}

static bool host_unmap_each(void *opaque)
{
    const Fx *f = opaque;

    return f->unmap_each;
}

static bool host_sid(void *opaque, NyxVtdRequester *r, uint16_t *sid)
{
    Fx *f = opaque;

    *sid = FX_SID;
    return !f->sid_of || f->sid_of(f, r, sid);
}

static NyxVtdAtsAnswer host_device_tlb(void *opaque,
                                       const NyxVtdDeviceTlb *inv)
{
    Fx *f = opaque;

    g_assert_true(host_serialized(f));
    g_array_append_vals(f->devtlb, inv, 1);
    return f->ats_answer;
}

static bool host_page_response(void *opaque,
                               const NyxVtdPageResponse *response)
{
    Fx *f = opaque;

    g_assert_true(host_serialized(f));
    if (f->on_response) {
        f->on_response(f);
    }
    g_array_append_vals(f->responses, response, 1);
    return !f->response_unexpected;
}

static void host_kick(void *opaque)
{
    Fx *f = opaque;

    __atomic_fetch_add(&f->kicks, 1, __ATOMIC_RELAXED);
}

static void host_finding(void *opaque, const NyxFinding *finding)
{
    Fx *f = opaque;

    g_assert_nonnull(finding->rule);
    __atomic_fetch_add(&f->finding_calls, 1, __ATOMIC_RELAXED);
}

static int64_t host_now_ns(void *opaque)
{
    Fx *f = opaque;

    return __atomic_add_fetch(&f->now, 1, __ATOMIC_RELAXED);
}

static void host_event(void *opaque, const NyxVtdEvent *event)
{
    Fx *f = opaque;

    g_assert_cmpuint(event->kind, <, FX_EVENT_KINDS);
    __atomic_fetch_add(&f->events[event->kind], 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&f->lock);
    f->last_event[event->kind] = *event;
    pthread_mutex_unlock(&f->lock);
}

/* --- The unit ------------------------------------------------------------- */

NyxVtdCfg fx_cfg(void)
{
    return (NyxVtdCfg) {
        NYX_VTD_CFG_USUAL,
        .version = 0x10,
        .aw_bits = 48,
        .haw_bits = 46,
        .fault_records = 4,
        .device_iotlb = true,
        .dma_drain = true,
        .dma_translation = true,
        .intremap = true,
        .eim = true,
        .pass_through = true,
        .snoop_control = true,
        .coalesce = true,
        .cache = NYX_CACHE_HARDWARE,
        .cache_seed = 1,
        .iotlb_entries = 256,
    };
}

Fx *fx_new(const NyxVtdCfg *cfg)
{
    Fx *f = g_new0(Fx, 1);
    NyxVtdHost host = {
        .opaque = f,
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

    fx_mem_init(&f->mem);
    host.mem = f->mem.ops;
    f->cfg = cfg ? *cfg : fx_cfg();
    f->serial = pthread_self();
    f->messages = g_array_new(FALSE, TRUE, sizeof(FxMessage));
    f->unmapped = g_array_new(FALSE, TRUE, sizeof(FxUnmapped));
    f->devtlb = g_array_new(FALSE, TRUE, sizeof(NyxVtdDeviceTlb));
    f->iec = g_array_new(FALSE, TRUE, sizeof(FxIec));
    f->responses = g_array_new(FALSE, TRUE, sizeof(NyxVtdPageResponse));
    pthread_mutex_init(&f->lock, NULL);
    f->root = fx_mem_pages(&f->mem, 1);
    g_assert_null(nyx_vtd_cfg_error(&f->cfg));
    f->vtd = nyx_vtd_new(&f->cfg, &host);
    f->r = nyx_vtd_requester_new(f->vtd, f);
    return f;
}

void fx_free(Fx *f)
{
    nyx_vtd_free(f->vtd);
    g_array_free(f->messages, TRUE);
    g_array_free(f->unmapped, TRUE);
    g_array_free(f->devtlb, TRUE);
    g_array_free(f->iec, TRUE);
    g_array_free(f->responses, TRUE);
    pthread_mutex_destroy(&f->lock);
    fx_mem_destroy(&f->mem);
    g_free(f);
}

void fx_settle(Fx *f)
{
    unsigned rounds = 0;

    while (__atomic_exchange_n(&f->kicks, 0, __ATOMIC_RELAXED)) {
        g_assert_cmpuint(rounds++, <, 10000);
        nyx_vtd_continue(f->vtd);
    }
}

void fx_forget(Fx *f)
{
    f->kicks = 0;
    f->mode_changes = 0;
    f->finding_calls = 0;
    g_array_set_size(f->messages, 0);
    g_array_set_size(f->unmapped, 0);
    g_array_set_size(f->devtlb, 0);
    g_array_set_size(f->iec, 0);
    g_array_set_size(f->responses, 0);
    memset(f->events, 0, sizeof(f->events));
    nyx_findings_clear(nyx_vtd_findings(f->vtd));
}

uint32_t fx_read32(Fx *f, uint32_t offset)
{
    return nyx_vtd_mmio_read(f->vtd, offset, 4);
}

uint64_t fx_read64(Fx *f, uint32_t offset)
{
    return nyx_vtd_mmio_read(f->vtd, offset, 8);
}

void fx_write32(Fx *f, uint32_t offset, uint32_t value)
{
    nyx_vtd_mmio_write(f->vtd, offset, value, 4);
}

void fx_write64(Fx *f, uint32_t offset, uint64_t value)
{
    nyx_vtd_mmio_write(f->vtd, offset, value, 8);
}

uint64_t fx_findings(Fx *f, NyxVtdRule rule)
{
    return nyx_findings_get(nyx_vtd_findings(f->vtd), rule).count;
}

uint64_t fx_all_findings(Fx *f)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < NVTD_RULE_COUNT; i++) {
        sum += fx_findings(f, i);
    }
    return sum;
}

/* --- Commands ------------------------------------------------------------- */

void fx_gcmd(Fx *f, unsigned bit, bool on)
{
    /* TE, EAFL, QIE, IRE, CFI are carried: what Linux has in its shadow. */
    uint32_t keep = fx_read32(f, 0x1c) & 0x96800000;

    keep &= ~(1u << bit);
    fx_write32(f, 0x18, keep | (uint32_t)on << bit);
}

void fx_flush_context_global(Fx *f)
{
    if (fx_read32(f, 0x1c) & (1u << 26)) {
        fx_submit(f, 0x11, 0);
    } else {
        fx_write64(f, 0x28, 1ULL << 63 | 1ULL << 61);
    }
}

void fx_flush_iotlb_global(Fx *f)
{
    if (fx_read32(f, 0x1c) & (1u << 26)) {
        fx_submit(f, 0xd2, 0);
    } else {
        fx_write64(f, 0x508, 1ULL << 63 | 1ULL << 60);
    }
}

void fx_flush_pages(Fx *f, uint16_t did, uint64_t iova, unsigned am, bool ih)
{
    fx_write64(f, 0x500, (iova & ~0xfffULL) | (uint64_t)ih << 6 | am);
    fx_write64(f, 0x508, 1ULL << 63 | 3ULL << 60 | (uint64_t)did << 32);
}

void fx_root_latch(Fx *f, unsigned ttm)
{
    fx_write64(f, 0x20, f->root | ttm << 10);
    fx_gcmd(f, 30, true);
    if (!ttm) {
        fx_flush_context_global(f);
        fx_flush_iotlb_global(f);
    }
}

void fx_start(Fx *f)
{
    fx_root_latch(f, 0);
    fx_gcmd(f, 31, true);
}

void fx_queue_start(Fx *f, unsigned qs)
{
    f->queue = fx_mem_pages(&f->mem, 1u << qs);
    f->queue_size = PAGE << qs;
    f->tail = 0;
    fx_write64(f, 0x88, 0);
    fx_write64(f, 0x90, f->queue | (f->wide ? 0x800 : 0) | qs);
    fx_gcmd(f, 26, true);
}

void fx_queue_start_wide(Fx *f, unsigned qs)
{
    f->wide = true;
    fx_queue_start(f, qs);
}

void fx_desc(Fx *f, uint64_t lo, uint64_t hi)
{
    fx_mem_poke(&f->mem, f->queue + f->tail, lo);
    fx_mem_poke(&f->mem, f->queue + f->tail + 8, hi);
    if (f->wide) {
        fx_mem_poke(&f->mem, f->queue + f->tail + 16, 0);
        fx_mem_poke(&f->mem, f->queue + f->tail + 24, 0);
    }
    f->tail = (f->tail + (f->wide ? 32 : 16)) % f->queue_size;
}

void fx_ring(Fx *f)
{
    fx_write64(f, 0x88, f->tail);
}

void fx_submit(Fx *f, uint64_t lo, uint64_t hi)
{
    fx_desc(f, lo, hi);
    fx_ring(f);
    fx_settle(f);
}

void fx_ir_start(Fx *f, unsigned s, bool eime)
{
    unsigned bytes = 32u << s;

    f->irt = fx_mem_pages(&f->mem, bytes < PAGE ? 1 : bytes / PAGE);
    fx_write64(f, 0xb8, f->irt | (uint64_t)eime << 11 | s);
    fx_gcmd(f, 24, true);
    if (!(fx_read32(f, 0x1c) & (1u << 26))) {
        fx_queue_start(f, 0);
    }
    fx_submit(f, 0x4, 0);
    fx_gcmd(f, 25, true);
}

void fx_irte(Fx *f, unsigned index, uint64_t lo, uint64_t hi)
{
    fx_mem_poke(&f->mem, f->irt + index * 16, lo);
    fx_mem_poke(&f->mem, f->irt + index * 16 + 8, hi);
}

/* --- Tables --------------------------------------------------------------- */

void fx_root_entry(Fx *f, unsigned bus, uint64_t lo, uint64_t hi)
{
    fx_mem_poke(&f->mem, f->root + bus * 16, lo);
    fx_mem_poke(&f->mem, f->root + bus * 16 + 8, hi);
}

uint64_t fx_context_addr(Fx *f, uint16_t sid)
{
    uint64_t root = fx_mem_peek(&f->mem, f->root + (sid >> 8) * 16);

    if (!(root & 1)) {
        root = fx_mem_pages(&f->mem, 1) | 1;
        fx_root_entry(f, sid >> 8, root, 0);
    }
    return (root & ~0xfffULL) + (sid & 0xff) * 16;
}

void fx_context(Fx *f, uint16_t sid, uint64_t lo, uint64_t hi)
{
    uint64_t at = fx_context_addr(f, sid);

    fx_mem_poke(&f->mem, at + 8, hi);
    fx_mem_poke(&f->mem, at, lo);
}

uint64_t fx_context_lo(uint64_t ssptptr, unsigned tt, bool fpd)
{
    return ssptptr | tt << 2 | (fpd ? 2 : 0) | 1;
}

uint64_t fx_context_hi(unsigned levels, uint16_t did)
{
    return (uint64_t)did << 8 | (levels - 2);
}

uint64_t fx_domain(Fx *f, uint16_t sid, uint16_t did, unsigned levels)
{
    uint64_t ss = fx_mem_pages(&f->mem, 1);

    fx_context(f, sid, fx_context_lo(ss, 0, false),
               fx_context_hi(levels, did));
    return ss;
}

uint64_t fx_entry(Fx *f, uint64_t ss, unsigned levels, uint64_t iova,
                  unsigned level)
{
    return fx_mem_ss_entry(&f->mem, ss, levels, iova, level);
}

void fx_map(Fx *f, uint64_t ss, unsigned levels, uint64_t iova, uint64_t gpa,
            unsigned lg2, unsigned rw)
{
    unsigned level = (lg2 - 12) / 9 + 1;
    uint64_t ps = level > 1 ? 0x80 : 0;

    fx_mem_poke(&f->mem, fx_entry(f, ss, levels, iova, level),
                gpa | ps | rw);
}

Fx *fx_new_domain(const NyxVtdCfg *cfg, unsigned levels, uint64_t *ss)
{
    Fx *f = fx_new(cfg);

    *ss = fx_domain(f, FX_SID, FX_DID, levels);
    fx_start(f);
    return f;
}

/* --- Requests ------------------------------------------------------------- */

NyxReply fx_request(Fx *f, NyxRequestType type, unsigned access,
                    uint64_t iova)
{
    const NyxRequest req = { .type = type, .access = access, .iova = iova };
    NyxReply reply = { };
    bool ok = nyx_vtd_translate(f->r, FX_SID, &req, &reply);

    g_assert_true(ok == reply.ok);
    return reply;
}

uint64_t fx_dma(Fx *f, unsigned access, uint64_t iova)
{
    NyxReply reply = fx_request(f, NYX_REQ_UNTRANSLATED, access, iova);

    return reply.ok ? reply.addr : FX_REFUSED;
}

FxRecord fx_record(Fx *f, unsigned i)
{
    FxRecord record = {
        .lo = fx_read64(f, 0x400 + 16 * i),
        .hi = fx_read64(f, 0x400 + 16 * i + 8),
    };

    record.valid = record.hi >> 63;
    return record;
}

FxRecord fx_take_fault(Fx *f)
{
    uint32_t fsts = fx_read32(f, 0x34);
    unsigned fri = (fsts >> 8) & 0xff;
    FxRecord record = { };

    if (fsts & 2) {
        record = fx_record(f, fri);
        fx_write32(f, 0x400 + 16 * fri + 12, 0x80000000);
    }
    return record;
}

unsigned fx_take_code(Fx *f)
{
    FxRecord record = fx_take_fault(f);

    return record.valid ? (record.hi >> 32) & 0xff : 0;
}

void fx_clear_faults(Fx *f)
{
    for (unsigned i = 0; i < f->cfg.fault_records; i++) {
        fx_write32(f, 0x400 + 16 * i + 12, 0x80000000);
    }
    fx_write32(f, 0x34, 0x7d);
}

unsigned fx_interrupt(Fx *f, uint16_t sid, uint64_t addr, uint32_t data,
                      FxMessage *msg)
{
    *msg = (FxMessage) { addr, data };
    return nyx_vtd_remap_interrupt(f->vtd, sid, &msg->addr, &msg->data,
                                   &f->send);
}

uint64_t fx_irq_addr(unsigned index)
{
    return 0xfee00010 | (index & 0x7fff) << 5 | (index >> 15) << 2;
}
