/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fake machine of vio-fixture.h.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "vio-fixture.h"

/* --- Callbacks ------------------------------------------------------------ */

static bool host_serialized(void *opaque)
{
    Vx *f = opaque;

    return pthread_equal(f->serial, pthread_self()) && !f->elsewhere;
}

static bool host_endpoint(void *opaque, uint32_t id)
{
    Vx *f = opaque;

    g_assert_true(host_serialized(f));
    g_assert_cmpuint(id, <, VX_ENDPOINTS);
    return f->exists[id];
}

static unsigned host_regions(void *opaque, uint32_t id, NyxVioRegion *regions)
{
    Vx *f = opaque;
    const GArray *own;

    g_assert_true(host_serialized(f));
    f->region_calls++;
    own = g_hash_table_lookup(f->regions, GUINT_TO_POINTER(id));
    if (!own || !own->len) {
        return 0;
    }
    memcpy(regions, own->data, own->len * sizeof(*regions));
    return own->len;
}

static NyxVioEventResult host_event(void *opaque, const uint8_t *record,
                                    size_t len)
{
    Vx *f = opaque;
    VxEvent event = { .len = len };

    g_assert_true(host_serialized(f));
    f->event_calls++;
    if (f->events_later) {
        return NYX_VIO_EVENT_LATER;
    }
    if (f->on_event) {
        f->on_event(f);
    }
    if (!f->buffers) {
        return NYX_VIO_EVENT_NO_BUFFER;
    }
    f->buffers--;
    if (f->buffer_size < len) {
        return NYX_VIO_EVENT_SHORT;
    }
    g_assert_cmpuint(len, >=, 24);
    g_assert_cmpuint(len, <=, sizeof(event.bytes));
    memcpy(event.bytes, record, len);
    event.reason = record[0];
    event.flags = ldl_le_p(record + 4);
    event.endpoint = ldl_le_p(record + 8);
    event.addr = ldq_le_p(record + 16);
    g_array_append_val(f->events, event);
    return NYX_VIO_EVENT_SENT;
}

static void host_mode_changed(void *opaque)
{
    Vx *f = opaque;

    g_assert_true(host_serialized(f));
    if (f->on_mode_changed) {
        f->on_mode_changed(f);
    }
    f->mode_changes++;
}

static void host_endpoint_changed(void *opaque, uint32_t id)
{
    Vx *f = opaque;

    g_assert_true(host_serialized(f));
    if (f->on_endpoint_changed) {
        f->on_endpoint_changed(f, id);
    }
    g_array_append_val(f->endpoint_changes, id);
}

static void host_unmapped(void *opaque, NyxVioRequester *r, uint64_t iova,
                          uint8_t lg2)
{
    Vx *f = opaque;
    const VxUnmapped row = { r, iova, lg2 };

    g_assert_true(host_serialized(f));
    if (f->on_unmapped) {
        f->on_unmapped(f, r);
    }
    g_array_append_val(f->unmapped, row);
}

static void host_unmap(void *opaque, NyxVioRequester *r, uint64_t first,
                       uint64_t last, const NyxBlock *only)
{
    Vx *f = opaque;
    VxUnmap row = { .r = r, .first = first, .last = last, .has_only = only };

    g_assert_true(host_serialized(f));
    if (f->on_unmap) {
        f->on_unmap(f, r, first, last, only);
    }
    if (only) {
        row.only = *only;
    }
    g_array_append_val(f->unmaps, row);
}

static void host_map(void *opaque, NyxVioRequester *r, const NyxBlock *block)
{
    Vx *f = opaque;
    const VxMap row = { r, *block };

    g_assert_true(host_serialized(f));
    if (f->on_map) {
        f->on_map(f, r, block);
    }
    g_array_append_val(f->maps, row);
}

static void host_direct_changed(void *opaque, NyxVioRequester *r)
{
    Vx *f = opaque;

    g_assert_true(host_serialized(f));
    f->direct_changes++;
    if (f->on_direct_changed) {
        f->on_direct_changed(f, r);
    }
}

static bool host_unmap_each(void *opaque)
{
    const Vx *f = opaque;

    return f->unmap_each;
}

static bool host_sid(void *opaque, NyxVioRequester *r, uint16_t *sid)
{
    Vx *f = opaque;

    g_assert_true(host_serialized(f));
    *sid = vx_sid(r);
    return !f->sid_of || f->sid_of(f, r, sid);
}

static void host_device_tlb(void *opaque, const NyxVioDeviceTlb *inv)
{
    Vx *f = opaque;

    g_assert_true(host_serialized(f));
    if (f->on_device_tlb) {
        f->on_device_tlb(f);
    }
    g_array_append_vals(f->devtlb, inv, 1);
}

static bool host_page_response(void *opaque,
                               const NyxVioPageResponse *response)
{
    Vx *f = opaque;

    g_assert_true(host_serialized(f));
    if (f->on_response) {
        f->on_response(f);
    }
    g_array_append_vals(f->responses, response, 1);
    return !f->response_unexpected;
}

static void host_kick(void *opaque)
{
    Vx *f = opaque;

    __atomic_fetch_add(&f->kicks, 1, __ATOMIC_RELAXED);
}

static void host_finding(void *opaque, const NyxFinding *finding)
{
    Vx *f = opaque;

    g_assert_nonnull(finding->rule);
    __atomic_fetch_add(&f->finding_calls, 1, __ATOMIC_RELAXED);
}

static int64_t host_now_ns(void *opaque)
{
    Vx *f = opaque;

    return __atomic_add_fetch(&f->now, 1, __ATOMIC_RELAXED);
}

static void host_trace(void *opaque, const NyxVioTrace *trace)
{
    Vx *f = opaque;

    g_assert_cmpuint(trace->kind, <, VX_TRACE_KINDS);
    __atomic_fetch_add(&f->traces[trace->kind], 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&f->lock);
    f->last_trace[trace->kind] = *trace;
    pthread_mutex_unlock(&f->lock);
}

static const NyxVioHost host_ops = {
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

/* --- The device ----------------------------------------------------------- */

NyxVioCfg vx_cfg(void)
{
    return (NyxVioCfg) {
        .page_size_mask = 0xfffffffffffff000,
        .input_bits = 48,
        .boot_bypass = true,
        .device_iotlb = true,
        .max_domains = 65535,
        .max_mappings = 1u << 20,
        .regions = { { VX_MSI_FIRST, VX_MSI_LAST, 1 } },
        .n_regions = 1,
        .pasid_bits = 20,
        .addr_bits = 48,
        .coalesce = true,
        .cache = NYX_CACHE_HARDWARE,
        .cache_seed = 1,
        .iotlb_entries = 256,
    };
}

static void regions_free(void *regions)
{
    g_array_free(regions, TRUE);
}

static void records_init(Vx *f)
{
    f->events = g_array_new(FALSE, TRUE, sizeof(VxEvent));
    f->endpoint_changes = g_array_new(FALSE, TRUE, sizeof(uint32_t));
    f->unmapped = g_array_new(FALSE, TRUE, sizeof(VxUnmapped));
    f->maps = g_array_new(FALSE, TRUE, sizeof(VxMap));
    f->unmaps = g_array_new(FALSE, TRUE, sizeof(VxUnmap));
    f->devtlb = g_array_new(FALSE, TRUE, sizeof(NyxVioDeviceTlb));
    f->responses = g_array_new(FALSE, TRUE, sizeof(NyxVioPageResponse));
}

Vx *vx_new(const NyxVioCfg *cfg)
{
    Vx *f = g_new0(Vx, 1);
    NyxVioHost host = host_ops;

    host.opaque = f;
    fx_mem_init(&f->mem);
    host.mem = f->mem.ops;
    f->cfg = cfg ? *cfg : vx_cfg();
    f->serial = pthread_self();
    f->exists = g_new0(bool, VX_ENDPOINTS);
    memset(f->exists + 0x08, true, 0x100 - 0x08);
    f->regions = g_hash_table_new_full(NULL, NULL, NULL, regions_free);
    f->buffers = UINT_MAX;
    f->buffer_size = sizeof(((VxEvent *)NULL)->bytes);
    records_init(f);
    pthread_mutex_init(&f->lock, NULL);
    g_assert_cmpstr(nyx_vio_cfg_error(&f->cfg), ==, NULL);
    f->vio = nyx_vio_new(&f->cfg, &host);
    f->r = vx_requester(f, VX_SID);
    return f;
}

Vx *vx_new_started(const NyxVioCfg *cfg)
{
    Vx *f = vx_new(cfg);

    nyx_vio_set_features(f->vio, nyx_vio_features(f->vio));
    return f;
}

Vx *vx_new_attached(const NyxVioCfg *cfg)
{
    Vx *f = vx_new_started(cfg);

    g_assert_cmpuint(vx_attach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    vx_forget(f);
    return f;
}

void vx_free(Vx *f)
{
    nyx_vio_free(f->vio);
    g_array_free(f->events, TRUE);
    g_array_free(f->endpoint_changes, TRUE);
    g_array_free(f->unmapped, TRUE);
    g_array_free(f->maps, TRUE);
    g_array_free(f->unmaps, TRUE);
    g_array_free(f->devtlb, TRUE);
    g_array_free(f->responses, TRUE);
    g_hash_table_unref(f->regions);
    g_free(f->exists);
    pthread_mutex_destroy(&f->lock);
    fx_mem_destroy(&f->mem);
    g_free(f);
}

void vx_settle(Vx *f)
{
    unsigned rounds = 0;

    while (__atomic_exchange_n(&f->kicks, 0, __ATOMIC_RELAXED)) {
        g_assert_cmpuint(rounds++, <, 10000);
        nyx_vio_continue(f->vio);
    }
}

void vx_forget_calls(Vx *f)
{
    f->mode_changes = 0;
    f->direct_changes = 0;
    f->event_calls = 0;
    f->region_calls = 0;
    g_array_set_size(f->events, 0);
    g_array_set_size(f->endpoint_changes, 0);
    g_array_set_size(f->unmapped, 0);
    g_array_set_size(f->maps, 0);
    g_array_set_size(f->unmaps, 0);
    g_array_set_size(f->devtlb, 0);
    g_array_set_size(f->responses, 0);
}

void vx_forget(Vx *f)
{
    vx_forget_calls(f);
    f->kicks = 0;
    f->finding_calls = 0;
    memset(f->traces, 0, sizeof(f->traces));
    nyx_findings_clear(nyx_vio_findings(f->vio));
}

uint64_t vx_domains(Vx *f)
{
    return nyx_vio_stats(f->vio).domains;
}

uint64_t vx_mappings(Vx *f)
{
    return nyx_vio_stats(f->vio).mappings;
}

uint64_t vx_findings(Vx *f, NyxVioRule rule)
{
    return nyx_findings_get(nyx_vio_findings(f->vio), rule).count;
}

uint64_t vx_all_findings(Vx *f)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < NVIO_RULE_COUNT; i++) {
        sum += vx_findings(f, i);
    }
    return sum;
}

NyxVioRequester *vx_requester(Vx *f, uint16_t sid)
{
    return nyx_vio_requester_new(f->vio, GUINT_TO_POINTER(sid));
}

uint16_t vx_sid(const NyxVioRequester *r)
{
    return GPOINTER_TO_UINT(nyx_vio_requester_opaque(r));
}

void vx_regions(Vx *f, uint32_t endpoint, const NyxVioRegion *regions,
                unsigned n)
{
    GArray *own = g_array_new(FALSE, FALSE, sizeof(*regions));

    g_assert_cmpuint(n, <=, 16);
    g_array_append_vals(own, regions, n);
    g_hash_table_replace(f->regions, GUINT_TO_POINTER(endpoint), own);
}

/* --- Configuration space -------------------------------------------------- */

uint64_t vx_config(Vx *f, unsigned offset, unsigned size)
{
    uint8_t config[VX_CONFIG_SIZE];

    nyx_vio_config_read(f->vio, config);
    return ldn_le_p(config + offset, size);
}

void vx_config_write(Vx *f, unsigned offset, uint64_t value, unsigned size)
{
    uint8_t config[VX_CONFIG_SIZE];

    nyx_vio_config_read(f->vio, config);
    stn_le_p(config + offset, size, value);
    nyx_vio_config_write(f->vio, config);
}

bool vx_bypass(Vx *f)
{
    return vx_config(f, 36, 1);
}

void vx_set_bypass(Vx *f, bool on)
{
    vx_config_write(f, 36, on, 1);
}

/* --- Requests ------------------------------------------------------------- */

void vx_put8(VxBytes *bytes, unsigned offset, uint8_t value)
{
    bytes->at[offset] = value;
}

void vx_put16(VxBytes *bytes, unsigned offset, uint16_t value)
{
    stw_le_p(bytes->at + offset, value);
}

void vx_put32(VxBytes *bytes, unsigned offset, uint32_t value)
{
    stl_le_p(bytes->at + offset, value);
}

void vx_put64(VxBytes *bytes, unsigned offset, uint64_t value)
{
    stq_le_p(bytes->at + offset, value);
}

VxBytes vx_attach_bytes(uint32_t domain, uint32_t endpoint, uint32_t flags)
{
    VxBytes bytes = { .at = { VX_ATTACH }, .len = 20 };

    vx_put32(&bytes, 4, domain);
    vx_put32(&bytes, 8, endpoint);
    vx_put32(&bytes, 12, flags);
    return bytes;
}

VxBytes vx_detach_bytes(uint32_t domain, uint32_t endpoint)
{
    VxBytes bytes = { .at = { VX_DETACH }, .len = 20 };

    vx_put32(&bytes, 4, domain);
    vx_put32(&bytes, 8, endpoint);
    return bytes;
}

VxBytes vx_map_bytes(uint32_t domain, uint64_t first, uint64_t last,
                     uint64_t phys, uint32_t flags)
{
    VxBytes bytes = { .at = { VX_MAP }, .len = 36 };

    vx_put32(&bytes, 4, domain);
    vx_put64(&bytes, 8, first);
    vx_put64(&bytes, 16, last);
    vx_put64(&bytes, 24, phys);
    vx_put32(&bytes, 32, flags);
    return bytes;
}

VxBytes vx_unmap_bytes(uint32_t domain, uint64_t first, uint64_t last)
{
    VxBytes bytes = { .at = { VX_UNMAP }, .len = 28 };

    vx_put32(&bytes, 4, domain);
    vx_put64(&bytes, 8, first);
    vx_put64(&bytes, 16, last);
    return bytes;
}

VxBytes vx_probe_bytes(uint32_t endpoint)
{
    VxBytes bytes = { .at = { VX_PROBE }, .len = 72 };

    vx_put32(&bytes, 4, endpoint);
    return bytes;
}

unsigned vx_send_out(Vx *f, const VxBytes *bytes, size_t out_len)
{
    /* Just as long as it says, so that a sanitizer sees what is beyond. */
    uint8_t *in = g_memdup2(bytes->at, bytes->len);
    uint8_t *out = g_malloc0(out_len + 1);
    unsigned status = VX_UNANSWERED;

    g_assert_cmpuint(out_len, <=, sizeof(f->out));
    f->used = nyx_vio_request(f->vio, in, bytes->len, out, out_len);
    g_assert_cmpuint(f->used, <=, out_len);
    memset(f->out, 0, sizeof(f->out));
    memcpy(f->out, out, out_len);
    if (f->used) {
        g_assert_cmpuint(f->used, >=, 4);
        status = f->out[f->used - 4];
        /* The rest of the tail is reserved. */
        g_assert_cmphex(f->out[f->used - 3], ==, 0);
        g_assert_cmphex(f->out[f->used - 2], ==, 0);
        g_assert_cmphex(f->out[f->used - 1], ==, 0);
    }
    g_free(in);
    g_free(out);
    return status;
}

unsigned vx_send(Vx *f, const VxBytes *bytes)
{
    return vx_send_out(f, bytes,
                       bytes->at[0] == VX_PROBE ? VX_PROBE_SPACE + 4 : 4);
}

unsigned vx_attach(Vx *f, uint32_t domain, uint32_t endpoint)
{
    const VxBytes bytes = vx_attach_bytes(domain, endpoint, 0);

    return vx_send(f, &bytes);
}

unsigned vx_attach_bypass(Vx *f, uint32_t domain, uint32_t endpoint)
{
    const VxBytes bytes = vx_attach_bytes(domain, endpoint, 1);

    return vx_send(f, &bytes);
}

unsigned vx_detach(Vx *f, uint32_t domain, uint32_t endpoint)
{
    const VxBytes bytes = vx_detach_bytes(domain, endpoint);

    return vx_send(f, &bytes);
}

unsigned vx_map(Vx *f, uint32_t domain, uint64_t first, uint64_t last,
                uint64_t phys, uint32_t flags)
{
    const VxBytes bytes = vx_map_bytes(domain, first, last, phys, flags);

    return vx_send(f, &bytes);
}

unsigned vx_unmap(Vx *f, uint32_t domain, uint64_t first, uint64_t last)
{
    const VxBytes bytes = vx_unmap_bytes(domain, first, last);

    return vx_send(f, &bytes);
}

unsigned vx_probe(Vx *f, uint32_t endpoint)
{
    const VxBytes bytes = vx_probe_bytes(endpoint);

    return vx_send(f, &bytes);
}

/* --- DMA ------------------------------------------------------------------ */

NyxReply vx_request_of(NyxVioRequester *r, NyxRequestType type,
                       unsigned access, uint64_t iova)
{
    const NyxRequest req = { .type = type, .access = access, .iova = iova };
    NyxReply reply = { };

    nyx_vio_translate(r, vx_sid(r), &req, &reply);
    return reply;
}

NyxReply vx_request(Vx *f, NyxRequestType type, unsigned access,
                    uint64_t iova)
{
    return vx_request_of(f->r, type, access, iova);
}

uint64_t vx_dma_of(NyxVioRequester *r, unsigned access, uint64_t iova)
{
    NyxReply reply = vx_request_of(r, NYX_REQ_UNTRANSLATED, access, iova);

    return reply.ok ? reply.addr : VX_REFUSED;
}

uint64_t vx_dma(Vx *f, unsigned access, uint64_t iova)
{
    return vx_dma_of(f->r, access, iova);
}

VxEvent vx_take_event(Vx *f)
{
    VxEvent event = { };

    if (f->events->len) {
        event = g_array_index(f->events, VxEvent, 0);
        g_array_remove_index(f->events, 0);
    }
    return event;
}
