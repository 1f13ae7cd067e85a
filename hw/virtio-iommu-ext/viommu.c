/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-virtio-iommu-pci as a virtio device: queues, configuration, life.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/iov.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/mem-qemu.h"
#include "hw/virtio-iommu-ext/host.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_ids.h"
#include "system/system.h"

/*
 * Buffers may lie where writing to them is a kick, or where another device
 * runs the main loop: what that starts is done afterwards.
 */
static bool is_busy(NyxVioState *s)
{
    return s->in_request || s->in_event;
}

static void catch_up(NyxVioState *s)
{
    if (s->late && !is_busy(s)) {
        s->late = false;
        qemu_bh_schedule(s->requests_bh);
        qemu_bh_schedule(s->bh);
    }
}

/* --- Requests ------------------------------------------------------------- */

/* Returns the used length. */
static size_t answer(NyxVioState *s, const VirtQueueElement *elem)
{
    uint8_t in[NVIO_REQUEST_IN_MAX], out[NVIO_REQUEST_OUT_MAX];
    size_t in_len = iov_to_buf(elem->out_sg, elem->out_num, 0, in,
                               sizeof(in));
    size_t out_len = MIN(iov_size(elem->in_sg, elem->in_num), sizeof(out));
    size_t used;

    memset(out, 0, out_len);
    used = nyx_vio_request(s->engine, in, in_len, out, out_len);
    return iov_from_buf(elem->in_sg, elem->in_num, 0, out, used);
}

/*
 * Up to @max requests by QEMU's functions, whatever they look like.  Some of
 * many that are published at once get lost there with IN_ORDER.
 */
static unsigned run_chains(NyxVioState *s, unsigned max)
{
    bool each = virtio_vdev_has_feature(VIRTIO_DEVICE(s), VIRTIO_F_IN_ORDER);
    unsigned n = 0;

    while (n < max && !nyx_vio_pass_is_over(s)) {
        VirtQueueElement *elem = nyx_vio_pop(VIRTIO_DEVICE(s), s->requests);
        size_t used;

        if (!elem) {
            break;
        }
        used = answer(s, elem);
        WITH_RCU_READ_LOCK_GUARD() {
            virtqueue_fill(s->requests, elem, used, each ? 0 : n);
            if (each) {
                virtqueue_flush(s->requests, 1);
            }
        }
        n++;
        g_free(elem);
    }
    if (n && !each) {
        WITH_RCU_READ_LOCK_GUARD() {
            virtqueue_flush(s->requests, n);
        }
    }
    return n;
}

/* What requests may come to in one pass; see nyx_vio_work(). */
#define PASS_WORK 65536

bool nyx_vio_pass_is_over(const NyxVioState *s)
{
    return nyx_vio_work(s->engine) >= s->enough;
}

/*
 * All that is there, at most one ring's worth, and not for too long: whoever
 * adds to the ring as fast as it is emptied, or maps more than can be passed on
 * at once, does not have the main loop for ever.
 */
static void run_requests(NyxVioState *s)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);
    unsigned room = virtio_queue_get_num(vdev, NVIO_QUEUE_REQUEST), n;

    s->in_request = true;
    s->enough = nyx_vio_work(s->engine) + PASS_WORK;
    n = nyx_vio_requests_short(s, room);
    n += run_chains(s, room - n);
    if (n) {
        virtio_notify(vdev, s->requests);
    }
    s->in_request = false;
    catch_up(s);
    if (n && (n == room || nyx_vio_pass_is_over(s))) {
        qemu_bh_schedule(s->requests_bh);
    }
}

static bool may_run(const NyxVioState *s)
{
    return s->driver_ok && nyx_machine_runs(VIRTIO_DEVICE(s)->vm_running);
}

static void requests_bh(void *opaque)
{
    NyxVioState *s = opaque;

    if (is_busy(s)) {
        s->late = true;
    } else if (may_run(s)) {
        run_requests(s);
    }
}

static void handle_requests(VirtIODevice *vdev, VirtQueue *vq)
{
    requests_bh(NYX_VIO(vdev));
}

/* --- Events --------------------------------------------------------------- */

/*
 * Linux up to 6.12 takes an event for one of a device that it has not finished
 * to set up, and crashes, if it comes right after DRIVER_OK.
 */
static bool too_early(NyxVioState *s)
{
    bool early = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) < s->events_from;

    if (early) {
        timer_mod(s->timer, s->events_from);
    }
    return early;
}

NyxVioEventResult nyx_vio_event_put(NyxVioState *s, const uint8_t *record,
                                    size_t len)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);
    VirtQueueElement *elem;
    bool fits;

    if (!s->driver_ok) {
        return NYX_VIO_EVENT_NO_BUFFER;
    }
    if (s->in_event) {
        s->late = true;
        return NYX_VIO_EVENT_LATER;
    }
    if (!nyx_machine_runs(VIRTIO_DEVICE(s)->vm_running) || too_early(s)) {
        return NYX_VIO_EVENT_LATER;
    }
    elem = nyx_vio_pop(vdev, s->events);
    if (!elem) {
        return NYX_VIO_EVENT_NO_BUFFER;
    }
    s->in_event = true;
    fits = iov_size(elem->in_sg, elem->in_num) >= len;
    if (fits) {
        iov_from_buf(elem->in_sg, elem->in_num, 0, record, len);
    }
    virtqueue_push(s->events, elem, fits ? len : 0);
    virtio_notify(vdev, s->events);
    g_free(elem);
    s->in_event = false;
    catch_up(s);
    return fits ? NYX_VIO_EVENT_SENT : NYX_VIO_EVENT_SHORT;
}

static void continue_bh(void *opaque)
{
    NyxVioState *s = opaque;

    if (s->in_event) {
        s->late = true;
    } else {
        nyx_vio_continue(s->engine);
    }
}

static void events_timer(void *opaque)
{
    NyxVioState *s = opaque;

    qemu_bh_schedule(s->bh);
}

/* --- Features, configuration, status -------------------------------------- */

static uint64_t get_features(VirtIODevice *vdev, uint64_t features,
                             Error **errp)
{
    virtio_add_feature(&features, VIRTIO_F_VERSION_1);
    return features | nyx_vio_features(NYX_VIO(vdev)->engine);
}

static void set_features(VirtIODevice *vdev, uint64_t features)
{
    nyx_vio_set_features(NYX_VIO(vdev)->engine, features);
}

static void get_config(VirtIODevice *vdev, uint8_t *config)
{
    NyxVioState *s = NYX_VIO(vdev);

    s->config_seen = true;
    nyx_vio_config_read(s->engine, config);
}

void nyx_vio_config_sync(NyxVioState *s)
{
    nyx_vio_config_read(s->engine, VIRTIO_DEVICE(s)->config);
}

static void set_config(VirtIODevice *vdev, const uint8_t *config)
{
    NyxVioState *s = NYX_VIO(vdev);

    nyx_vio_config_write(s->engine, config);
    /* What was refused is not there. */
    nyx_vio_config_sync(s);
}

/* Also when the machine begins to run again. */
static NyxVirtioStatusResult set_status(VirtIODevice *vdev, uint8_t status)
{
    NyxVioState *s = NYX_VIO(vdev);
    bool ok = status & VIRTIO_CONFIG_S_DRIVER_OK;

    if (ok && !s->driver_ok) {
        s->events_from = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                         (int64_t)s->props->event_delay * SCALE_MS;
    }
    s->driver_ok = ok;
    if (may_run(s)) {
        qemu_bh_schedule(s->requests_bh);
        qemu_bh_schedule(s->bh);
    }
    return (NyxVirtioStatusResult)0;
}

/* --- Reset ---------------------------------------------------------------- */

/* By the driver.  With the machine, devices may not have stopped their DMA. */
static void reset(VirtIODevice *vdev)
{
    NyxVioState *s = NYX_VIO(vdev);

    if (!s->resetting) {
        nyx_vio_device_reset(s->engine);
    }
}

static void reset_enter(Object *obj, ResetType type)
{
    NYX_VIO(obj)->resetting = true;
}

static void reset_exit(Object *obj, ResetType type)
{
    NyxVioState *s = NYX_VIO(obj);

    s->resetting = false;
    s->config_seen = false;
    nyx_vio_reset(s->engine);
    nyx_vio_config_sync(s);
}

/* --- Life ----------------------------------------------------------------- */

static bool describe(NyxVioState *s, Error **errp)
{
    if (s->on_pc) {
        return nyx_vio_acpi_install(s, errp);
    }
    nyx_vio_tree_install(s);
    nyx_vio_arm_virt_install(s);
    return true;
}

/* Before the machine finishes its tables: notifiers run newest first. */
static void machine_done(Notifier *notifier, void *data)
{
    NyxVioState *s = container_of(notifier, NyxVioState, machine_done);
    Error *err = NULL;

    if (!nyx_dma_space_check(s->space, &err) ||
        !nyx_vio_places_resolve(s, &err) || !describe(s, &err)) {
        error_report_err(err);
        exit(1);
    }
}

static void realize(DeviceState *dev, Error **errp)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    NyxVioState *s = NYX_VIO(dev);
    NyxVioHost host;
    NyxVioCfg cfg;

    if (!nyx_vio_options_cfg(s, &cfg, errp) ||
        !nyx_vio_places_parse(s, errp) ||
        !nyx_stream_open(&s->stream, s->props->findings, "findings", errp)) {
        return;
    }
    nyx_mem_qemu_init();
    nyx_vio_hosts_init(s);
    nyx_vio_host_fill(s, &host);
    s->engine = nyx_vio_new(&cfg, &host);
    virtio_init(vdev, VIRTIO_ID_IOMMU, NVIO_CFG_SIZE);
    nyx_vio_config_sync(s);
    s->requests = virtio_add_queue(vdev, NVIO_QUEUE_SIZE, handle_requests);
    s->events = virtio_add_queue(vdev, NVIO_QUEUE_SIZE, NULL);
    s->requests_bh = virtio_bh_new_guarded(dev, requests_bh, s);
    s->bh = virtio_bh_new_guarded(dev, continue_bh, s);
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, events_timer, s);
    s->space = nyx_vio_space_new(s, errp);
    if (s->space) {
        s->machine_done.notify = machine_done;
        qemu_add_machine_init_done_notifier(&s->machine_done);
    }
}

static void class_init(ObjectClass *oc, NyxClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    VirtioDeviceClass *vdc = VIRTIO_DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);

    vdc->realize = realize;
    vdc->get_features = get_features;
    vdc->set_features = set_features;
    vdc->get_config = get_config;
    vdc->set_config = set_config;
    vdc->set_status = set_status;
    vdc->reset = reset;
    rc->phases.enter = reset_enter;
    rc->phases.exit = reset_exit;
    dc->vmsd = &nyx_vio_vmstate;
    vdc->vmsd = &nyx_vio_state_vmstate;
    dc->hotpluggable = false;
    dc->user_creatable = false;
    dc->desc = "virtio-iommu, without a transport";
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo viommu_info = {
    .name = TYPE_NYX_VIO,
    .parent = TYPE_VIRTIO_DEVICE,
    .instance_size = sizeof(NyxVioState),
    .class_init = class_init,
};

void nyx_vio_register_types(void)
{
    type_register_static(&viommu_info);
    nyx_vio_pci_register_types();
}
