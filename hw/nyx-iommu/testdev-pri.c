/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-testdev as an endpoint: page requests and their responses (PRI), and
 * device-TLB invalidations of an IOMMU that knows PASIDs.  All of it runs
 * under the big lock.
 */
#include "qemu/osdep.h"
#include "hw/pci/pcie.h"
#include "migration/vmstate.h"
#include "testdev.h"

#define REQUEST_ACCESS \
    (NYX_TD_ACCESS_READ | NYX_TD_ACCESS_WRITE | NYX_TD_ACCESS_EXEC | \
     NYX_TD_ACCESS_PRIV)

/* --- Configuration space -------------------------------------------------- */

static void status_change(NyxTestdevState *s, uint16_t set, uint16_t clear)
{
    uint8_t *status = PCI_DEVICE(s)->config + s->pri_cap + PCI_PRI_STATUS;

    if (s->pri_cap) {
        pci_set_word(status, (pci_get_word(status) & ~clear) | set);
    }
}

bool nyx_testdev_pri_enabled(const NyxTestdevState *s)
{
    const PCIDevice *pdev = &s->parent_obj;

    return s->pri_cap && (pci_get_word(pdev->config + s->pri_cap +
                                       PCI_PRI_CTRL) & PCI_PRI_CTRL_ENABLE);
}

/* Requests that wait for a response. */
static uint32_t outstanding(const NyxTestdevState *s)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < NYX_TD_PRI_CAPACITY; i++) {
        sum += s->pri.group[i].requests;
    }
    return sum;
}

static void update_stopped(NyxTestdevState *s)
{
    bool stopped = !nyx_testdev_pri_enabled(s) && !outstanding(s);

    status_change(s, stopped ? PCI_PRI_STATUS_STOPPED : 0,
                  stopped ? 0 : PCI_PRI_STATUS_STOPPED);
}

static void forget(NyxTestdevState *s)
{
    memset(s->pri.group, 0, sizeof(s->pri.group));
    status_change(s, 0, PCI_PRI_STATUS_RF | PCI_PRI_STATUS_UPRGI);
    update_stopped(s);
}

void nyx_testdev_pri_add_capability(NyxTestdevState *s, uint16_t offset)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    pcie_add_capability(pdev, PCI_EXT_CAP_ID_PRI, 1, offset,
                        PCI_EXT_CAP_PRI_SIZEOF);
    pci_set_word(pdev->config + offset + PCI_PRI_STATUS,
                 PCI_PRI_STATUS_STOPPED |
                 (s->pasid && s->pri_pasid ? PCI_PRI_STATUS_PASID : 0));
    pci_set_long(pdev->config + offset + PCI_PRI_MAX_REQ,
                 NYX_TD_PRI_CAPACITY);
    pci_set_word(pdev->wmask + offset + PCI_PRI_CTRL,
                 PCI_PRI_CTRL_ENABLE | PCI_PRI_CTRL_RESET);
    pci_set_word(pdev->w1cmask + offset + PCI_PRI_STATUS,
                 PCI_PRI_STATUS_RF | PCI_PRI_STATUS_UPRGI);
    pci_set_long(pdev->wmask + offset + PCI_PRI_ALLOC_REQ, UINT32_MAX);
    /* Migration compares what software cannot write; this changes by itself. */
    pci_word_test_and_clear_mask(pdev->cmask + offset + PCI_PRI_STATUS,
                                 PCI_PRI_STATUS_STOPPED);
    s->pri_cap = offset;
#ifdef NYX_PCI_HAS_ATS
    pdev->exp.pri_cap = offset;
#endif
}

void nyx_testdev_pri_config_written(NyxTestdevState *s)
{
    uint8_t *ctrl = PCI_DEVICE(s)->config + s->pri_cap + PCI_PRI_CTRL;
    uint16_t value;

    if (!s->pri_cap) {
        return;
    }
    value = pci_get_word(ctrl);
    if (value & PCI_PRI_CTRL_RESET) {
        pci_set_word(ctrl, value & ~PCI_PRI_CTRL_RESET);
        /* It has an effect while the interface is off only. */
        if (!(value & PCI_PRI_CTRL_ENABLE)) {
            forget(s);
        }
    }
    update_stopped(s);
}

void nyx_testdev_pri_config_reset(NyxTestdevState *s)
{
    if (s->pri_cap) {
        uint8_t *cap = PCI_DEVICE(s)->config + s->pri_cap;

        pci_set_word(cap + PCI_PRI_CTRL, 0);
        pci_set_long(cap + PCI_PRI_ALLOC_REQ, 0);
    }
    forget(s);
}

void nyx_testdev_pri_reset(NyxTestdevState *s)
{
    memset(&s->pri, 0, sizeof(s->pri));
    update_stopped(s);
}

/* --- Requests ------------------------------------------------------------- */

/* The record of a group that is under way, or a free one; NULL: neither. */
static NyxTestdevGroup *group_find(NyxTestdevState *s, uint16_t index)
{
    NyxTestdevGroup *free = NULL;

    for (unsigned i = 0; i < NYX_TD_PRI_CAPACITY; i++) {
        NyxTestdevGroup *g = &s->pri.group[i];

        if (g->requests && g->index == index) {
            return g;
        }
        if (!g->requests && !free) {
            free = g;
        }
    }
    return free;
}

static uint32_t request_send(NyxTestdevState *s, const NyxRequest *req)
{
    NyxTestdevGroup *g = group_find(s, req->group);
    NyxTestdevGroup before;
    NyxReply reply;

    if (!s->master) {
        return NYX_TD_ST_NO_MASTER;
    }
    if (!g || outstanding(s) >= NYX_TD_PRI_CAPACITY) {
        return NYX_TD_ST_BUSY;
    }
    before = *g;
    /* Before it goes: the response may come at once.  */
    *g = (NyxTestdevGroup) {
        .index = req->group,
        .requests = before.requests + 1,
        .last = req->last,
        .has_pasid = req->has_pasid,
        .pasid = req->pasid,
    };
    /* Nothing answers a stop marker. */
    if (req->last && req->has_pasid && !(req->access & NYX_ACCESS_RW)) {
        *g = before;
    }
    if (s->pci_calls
        ? !nyx_testdev_pci_page_request(s, req, &reply)
        : !nyx_request_submit(PCI_DEVICE(s), req, &reply)) {
        *g = before;
        return NYX_TD_ST_NO_IOMMU;
    }
    if (!reply.ok) {
        *g = before;
        return NYX_TD_ST_BUSY;
    }
    return NYX_TD_ST_OK;
}

void nyx_testdev_pri_doorbell(NyxTestdevState *s, uint64_t value)
{
    uint32_t flags = nyx_testdev_reg_get(s, NYX_TD_PRI_FLAGS);
    const NyxRequest req = {
        .type = NYX_REQ_PAGE,
        .access = flags & REQUEST_ACCESS,
        .iova = nyx_testdev_reg_get64(s, NYX_TD_PRI_ADDR),
        .pasid = nyx_testdev_reg_get(s, NYX_TD_PRI_PASID),
        .has_pasid = flags & NYX_TD_PRI_F_PASID,
        .last = flags & NYX_TD_PRI_F_LAST,
        .group = nyx_testdev_reg_get(s, NYX_TD_PRI_GROUP),
    };
    uint32_t status;

    if (value != 1) {
        return;
    }
    status = request_send(s, &req);
    nyx_testdev_reg_set(s, NYX_TD_PRI_STATUS, status);
    if (status == NYX_TD_ST_OK) {
        nyx_testdev_reg_inc(s, NYX_TD_PRI_SENT);
    }
    update_stopped(s);
}

uint32_t nyx_testdev_pri_outstanding(const NyxTestdevState *s)
{
    return outstanding(s);
}

/* --- Responses ------------------------------------------------------------ */

/* Where a PASID is not required, the group tells all that there is to tell. */
static bool pasid_fits(const NyxTestdevState *s, const NyxTestdevGroup *g,
                       const NyxPageResponse *response)
{
    return !s->pri_pasid ||
           (g->has_pasid == response->has_pasid &&
            (!g->has_pasid || g->pasid == response->pasid));
}

static bool response_expected(NyxTestdevState *s,
                              const NyxPageResponse *response)
{
    NyxTestdevGroup *g = group_find(s, response->group);

    if (!g || !g->requests || !g->last || !pasid_fits(s, g, response)) {
        return false;
    }
    g->requests = 0;
    return true;
}

static bool take_response(PCIDevice *dev, const NyxPageResponse *response)
{
    NyxTestdevState *s = NYX_TESTDEV(dev);
    uint32_t count = nyx_testdev_reg_get(s, NYX_TD_PRI_RESPONSES);
    bool expected = response_expected(s, response);

    s->pri.response[count % NYX_TD_PRI_RESPONSES_KEPT] =
        (NyxTestdevResponse) {
            .pasid = response->pasid,
            .word = NYX_TD_PRI_RESP_VALID |
                    (response->has_pasid ? NYX_TD_PRI_RESP_HAS_PASID : 0) |
                    (expected ? NYX_TD_PRI_RESP_EXPECTED : 0) |
                    response->code << NYX_TD_PRI_RESP_CODE_SHIFT |
                    response->group,
        };
    nyx_testdev_reg_set(s, NYX_TD_PRI_RESPONSES, count + 1);
    if (!expected) {
        status_change(s, PCI_PRI_STATUS_UPRGI, 0);
    } else if (response->code == NYX_PAGE_FAILURE) {
        status_change(s, PCI_PRI_STATUS_RF, 0);
    }
    update_stopped(s);
    return expected;
}

NyxTestdevResponse nyx_testdev_pri_response(const NyxTestdevState *s)
{
    uint32_t index = nyx_testdev_reg_get(s, NYX_TD_PRI_RESP_INDEX);

    return s->pri.response[index % NYX_TD_PRI_RESPONSES_KEPT];
}

/* --- Invalidations -------------------------------------------------------- */

static NyxEndpointAnswer take_invalidation(PCIDevice *dev,
                                           const NyxEndpointInv *inv)
{
    NyxTestdevState *s = NYX_TESTDEV(dev);
    uint64_t last = inv->lg2 >= 64 ? UINT64_MAX
                                   : inv->addr + (1ull << inv->lg2) - 1;
    uint32_t answer = nyx_testdev_reg_get(s, NYX_TD_INV_ANSWER);

    nyx_testdev_reg_inc(s, NYX_TD_INV_COUNT);
    nyx_testdev_reg_set64(s, NYX_TD_INV_ADDR, inv->addr);
    nyx_testdev_reg_set(s, NYX_TD_INV_LG2, inv->lg2);
    nyx_testdev_reg_set(s, NYX_TD_INV_PASID,
                        inv->has_pasid ? inv->pasid | NYX_TD_INV_HAS_PASID |
                        (inv->global ? NYX_TD_INV_GLOBAL : 0) : 0);
    if (s->notify.flags & NYX_TD_NOTIFY_DEV_UNMAP) {
        nyx_testdev_reg_inc64(s, NYX_TD_NOTIFY_DEV_UNMAPS);
        nyx_testdev_atc_drop_tagged(&s->atc, inv->addr, last, inv);
    }
    return answer == NYX_TD_INV_SILENT ? NYX_ENDPOINT_SILENT :
           answer == NYX_TD_INV_BAD ? NYX_ENDPOINT_BAD : NYX_ENDPOINT_DONE;
}

const NyxEndpointOps nyx_testdev_endpoint_ops = {
    .invalidate = take_invalidation,
    .page_response = take_response,
};

/* --- Migration ------------------------------------------------------------ */

bool nyx_testdev_pri_loaded(const NyxTestdevState *s)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < NYX_TD_PRI_CAPACITY; i++) {
        const NyxTestdevGroup *g = &s->pri.group[i];

        if (g->index > NYX_TD_PRI_GROUP_MASK ||
            g->requests > NYX_TD_PRI_CAPACITY) {
            return false;
        }
        sum += g->requests;
    }
    return sum <= NYX_TD_PRI_CAPACITY;
}

static const VMStateDescription vmstate_group = {
    .name = "nyx-testdev/page-group",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT16(index, NyxTestdevGroup),
        VMSTATE_UINT16(requests, NyxTestdevGroup),
        VMSTATE_UINT32(pasid, NyxTestdevGroup),
        VMSTATE_BOOL(has_pasid, NyxTestdevGroup),
        VMSTATE_BOOL(last, NyxTestdevGroup),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_response = {
    .name = "nyx-testdev/page-response",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(word, NyxTestdevResponse),
        VMSTATE_UINT32(pasid, NyxTestdevResponse),
        VMSTATE_END_OF_LIST()
    },
};

static bool pri_used(void *opaque)
{
    NyxTestdevState *s = opaque;

    return outstanding(s) || nyx_testdev_reg_get(s, NYX_TD_PRI_RESPONSES);
}

const VMStateDescription nyx_testdev_vmstate_pri = {
    .name = TYPE_NYX_TESTDEV "/pri",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = pri_used,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(pri.group, NyxTestdevState, NYX_TD_PRI_CAPACITY,
                             1, vmstate_group, NyxTestdevGroup),
        VMSTATE_STRUCT_ARRAY(pri.response, NyxTestdevState,
                             NYX_TD_PRI_RESPONSES_KEPT, 1, vmstate_response,
                             NyxTestdevResponse),
        VMSTATE_END_OF_LIST()
    },
};
