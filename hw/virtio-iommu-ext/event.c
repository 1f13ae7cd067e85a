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

static void lose(NyxVio *vio, uint64_t n)
{
    vio->stats.events_lost += n;
    nyx_vio_finding(vio, NVIO_RULE_EVENT_LOST, (NyxWhere) { .value = n });
}

NyxVioEventResult nyx_vio_event_send(NyxVio *vio, const uint8_t *record)
{
    NyxVioEventResult result = vio->host.event(vio->host.opaque, record,
                                               nyx_vio_event_size(vio));

    if (result == NYX_VIO_EVENT_NO_BUFFER) {
        lose(vio, 1);
    } else if (result == NYX_VIO_EVENT_SHORT) {
        vio->stats.events_short++;
        nyx_vio_finding(vio, NVIO_RULE_EVENT_SHORT, (NyxWhere) { });
    }
    return result;
}

static void trace(NyxVio *vio, const NyxVioFault *fault,
                  NyxVioEventResult result)
{
    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_FAULT, .endpoint = fault->sid, .a = fault->addr,
        .b = fault->code, .c = fault->access, .d = result,
    });
}

/* False if it has to wait. */
static bool send_fault(NyxVio *vio, const NyxVioFault *fault)
{
    uint8_t record[NVIO_EVENT_EXT_SIZE];
    NyxVioEventResult result;

    encode(vio, fault, record);
    result = nyx_vio_event_send(vio, record);
    if (result == NYX_VIO_EVENT_LATER) {
        return false;
    }
    if (result == NYX_VIO_EVENT_SENT) {
        vio->stats.events[nyx_vio_faults[fault->code].reason]++;
    }
    trace(vio, fault, result);
    return true;
}

/* --- What waits to be sent ------------------------------------------------ */

static NyxVioFault pop(NyxVio *vio)
{
    NyxVioFault fault = vio->held[vio->first_held];

    vio->first_held = (vio->first_held + 1) % NVIO_FAULT_RING;
    vio->n_held--;
    return fault;
}

/* False if there is no room. */
static bool push(NyxVio *vio, const NyxVioFault *fault)
{
    if (vio->n_held == NVIO_FAULT_RING) {
        return false;
    }
    vio->held[(vio->first_held + vio->n_held++) % NVIO_FAULT_RING] = *fault;
    return true;
}

static void send_held(NyxVio *vio)
{
    while (vio->n_held) {
        NyxVioFault fault = pop(vio);

        if (!send_fault(vio, &fault)) {
            vio->first_held = (vio->first_held + NVIO_FAULT_RING - 1) %
                              NVIO_FAULT_RING;
            vio->n_held++;
            return;
        }
    }
}

/* Those of all threads wait in one list then. */
static void collect(NyxVio *vio)
{
    NyxVioFault faults[NVIO_FAULT_RING];
    uint64_t lost = 0;
    bool full;
    unsigned n = nyx_handoff_take(&vio->faults, faults, &full);

    for (unsigned i = 0; i < n; i++) {
        if (!push(vio, &faults[i])) {
            trace(vio, &faults[i], NYX_VIO_EVENT_NO_BUFFER);
            lost++;
        }
    }
    if (qatomic_read(&vio->faults_lost)) {
        lost += qatomic_xchg(&vio->faults_lost, 0);
    }
    if (lost) {
        lose(vio, lost);
    }
}

void nyx_vio_report_drain(NyxVio *vio)
{
    /* A buffer can be where a device listens, whose DMA is refused then. */
    if (vio->sending) {
        return;
    }
    vio->sending = true;
    send_held(vio);
    collect(vio);
    send_held(vio);
    vio->sending = false;
}

/* --- The way there -------------------------------------------------------- */

static void count(NyxVio *vio, const NyxVioFault *fault)
{
    const NyxWhere where = {
        .has_sid = true, .sid = fault->sid,
        .has_addr = true, .addr = fault->addr, .value = fault->code,
    };

    qatomic_inc(&fault->r->refused);
    qatomic_inc(&fault->r->faults[fault->code]);
    nyx_vio_finding(vio, NVIO_RULE_DMA_FAULT, where);
    if (fault->code == NVIO_FAULT_MSI) {
        nyx_vio_finding(vio, NVIO_RULE_MSI_ACCESS, where);
    }
}

void nyx_vio_report(NyxVio *vio, const NyxVioFault *fault)
{
    bool here = vio->host.serialized(vio->host.opaque) && !vio->sending;
    bool first, placed = nyx_handoff_put(&vio->faults, fault, &first);

    count(vio, fault);
    if (here) {
        nyx_vio_report_drain(vio);
        /* There is room now. */
        if (!placed) {
            placed = nyx_handoff_put(&vio->faults, fault, &first);
            nyx_vio_report_drain(vio);
        }
    } else if (first) {
        vio->host.kick(vio->host.opaque);
    }
    if (!placed) {
        qatomic_inc(&vio->faults_lost);
    }
}

void nyx_vio_report_forget(NyxVio *vio, const NyxVioRequester *r)
{
    collect(vio);
    for (unsigned left = vio->n_held; left; left--) {
        NyxVioFault fault = pop(vio);

        if (r && fault.r != r) {
            push(vio, &fault);
        }
    }
}
