/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fault reports (5.13.6.9): from a refused request to the event queue.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/virtio-iommu-ext/internal.h"

#define FAULT_ROW(name, reason, id, text) \
    [NVIO_FAULT_##name] = { id, text, NVIO_EVENT_R_##reason },

const NyxVioFaultInfo nyx_vio_faults[NVIO_FAULT_COUNT] = {
    NVIO_FAULT_LIST(FAULT_ROW)
};

size_t nyx_vio_event_size(const NyxVio *vio)
{
    return nyx_vio_has(vio, NVIO_F_PAGE_REQUEST) ? NVIO_EVENT_EXT_SIZE
                                                 : NVIO_EVENT_SIZE;
}

uint32_t nyx_vio_event_access(unsigned access)
{
    return (access & NYX_ACCESS_READ ? NVIO_EVENT_F_READ : 0) |
           (access & NYX_ACCESS_WRITE ? NVIO_EVENT_F_WRITE : 0);
}

static void encode(const NyxVio *vio, const NyxVioFault *fault,
                   uint8_t *record)
{
    uint32_t flags = NVIO_EVENT_F_ADDRESS |
                     nyx_vio_event_access(fault->access);

    memset(record, 0, NVIO_EVENT_EXT_SIZE);
    record[NVIO_EVENT_REASON] = nyx_vio_faults[fault->code].reason;
    stl_le_p(record + NVIO_EVENT_ENDPOINT, fault->sid);
    stq_le_p(record + NVIO_EVENT_ADDRESS, fault->addr);
    /* The rest is a draft's, which the driver has to know. */
    if (nyx_vio_has(vio, NVIO_F_PAGE_REQUEST)) {
        if (fault->has_pasid) {
            flags |= NVIO_EVENT_F_PASID;
            stl_le_p(record + NVIO_EVENT_PASID, fault->pasid);
        }
        flags |= (fault->access & NYX_ACCESS_EXEC ? NVIO_EVENT_F_EXEC : 0) |
                 (fault->access & NYX_ACCESS_PRIV ? NVIO_EVENT_F_PRIV : 0);
    }
    stl_le_p(record + NVIO_EVENT_FLAGS, flags);
}

NyxVioEventResult nyx_vio_event_send(NyxVio *vio, const uint8_t *record)
{
    NyxVioEventResult result = vio->host.event(vio->host.opaque, record,
                                               nyx_vio_event_size(vio));

    if (result == NYX_VIO_EVENT_NO_BUFFER) {
        vio->stats.events_lost++;
        nyx_vio_finding(vio, NVIO_RULE_EVENT_LOST, (NyxWhere) { });
    } else if (result == NYX_VIO_EVENT_SHORT) {
        vio->stats.events_short++;
        nyx_vio_finding(vio, NVIO_RULE_EVENT_SHORT, (NyxWhere) { });
    }
    return result;
}

/* False if it has to wait. */
static bool send_fault(NyxVio *vio, const NyxVioFault *fault)
{
    uint8_t record[NVIO_EVENT_EXT_SIZE];
    NyxVioEventResult result;

    encode(vio, fault, record);
    result = nyx_vio_event_send(vio, record);
    if (result == NYX_VIO_EVENT_SENT) {
        vio->stats.events[nyx_vio_faults[fault->code].reason]++;
    }
    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_FAULT, .endpoint = fault->sid, .a = fault->addr,
        .b = fault->code, .c = fault->access, .d = result,
    });
    return result != NYX_VIO_EVENT_LATER;
}

static void hold(NyxVio *vio, const NyxVioFault *fault)
{
    if (vio->n_held < ARRAY_SIZE(vio->held)) {
        vio->held[vio->n_held++] = *fault;
    } else {
        vio->stats.events_lost++;
    }
}

static void send_held(NyxVio *vio)
{
    unsigned sent = 0;

    while (sent < vio->n_held && send_fault(vio, &vio->held[sent])) {
        sent++;
    }
    vio->n_held -= sent;
    memmove(vio->held, vio->held + sent, vio->n_held * sizeof(*vio->held));
}

static void count(NyxVio *vio, const NyxVioFault *fault)
{
    fault->r->refused++;
    fault->r->faults[fault->code]++;
    nyx_vio_finding(vio, NVIO_RULE_DMA_FAULT, (NyxWhere) {
        .has_sid = true, .sid = fault->sid,
        .has_addr = true, .addr = fault->addr, .value = fault->code,
    });
}

void nyx_vio_report_drain(NyxVio *vio)
{
    NyxVioFault faults[NVIO_FAULT_RING];
    unsigned n;
    bool lost;

    if (vio->n_held) {
        send_held(vio);
    }
    n = nyx_handoff_take(&vio->faults, faults, &lost);
    vio->stats.events_lost += lost;
    for (unsigned i = 0; i < n; i++) {
        count(vio, &faults[i]);
        if (vio->n_held || !send_fault(vio, &faults[i])) {
            hold(vio, &faults[i]);
        }
    }
}

void nyx_vio_report(NyxVio *vio, const NyxVioFault *fault)
{
    bool first, placed = nyx_handoff_put(&vio->faults, fault, &first);

    if (vio->host.serialized(vio->host.opaque)) {
        nyx_vio_report_drain(vio);
        /* There is room now. */
        if (!placed) {
            nyx_handoff_put(&vio->faults, fault, &first);
            nyx_vio_report_drain(vio);
        }
    } else if (first) {
        vio->host.kick(vio->host.opaque);
    }
}

void nyx_vio_report_forget(NyxVio *vio, const NyxVioRequester *r)
{
    NyxVioFault faults[NVIO_FAULT_RING];
    unsigned n, kept = 0;
    bool lost;

    n = nyx_handoff_take(&vio->faults, faults, &lost);
    for (unsigned i = 0; i < n; i++) {
        count(vio, &faults[i]);
        if (r && faults[i].r != r && (vio->n_held || !send_fault(vio, &faults[i]))) {
            hold(vio, &faults[i]);
        }
    }
    for (unsigned i = 0; i < vio->n_held; i++) {
        if (r && vio->held[i].r != r) {
            vio->held[kept++] = vio->held[i];
        }
    }
    vio->n_held = kept;
}
