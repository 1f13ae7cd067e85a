/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fault reports (5.13.6.9): what is in them, those that have to wait, and
 * those that are lost.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define PAGE 0x1000ULL
#define RING 64

/* --- What is in them ------------------------------------------------------ */

/* Mapped: page 1 for reads, page 2 for writes, page 3 for nothing. */
static Vx *with_pages(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f;

    cfg.n_regions = 2;
    cfg.regions[1] = (NyxVioRegion) { 0x100000000, 0x1000fffff, 0 };
    f = vx_new_attached(&cfg);
    vx_set_bypass(f, false);
    vx_map(f, VX_DOMAIN, 1 * PAGE, 2 * PAGE - 1, 0, FX_R);
    vx_map(f, VX_DOMAIN, 2 * PAGE, 3 * PAGE - 1, 0, FX_W);
    vx_map(f, VX_DOMAIN, 3 * PAGE, 4 * PAGE - 1, 0, 0);
    vx_forget(f);
    return f;
}

typedef struct Row {
    const char *name;
    NyxRequest req;
    bool detached;
    NyxVioFaultCode code;
    uint8_t reason;
    uint32_t flags;
} Row;

#define A VX_EVENT_ADDRESS
#define R VX_EVENT_READ
#define W VX_EVENT_WRITE

static const Row rows[] = {
    { "read, unmapped", { .access = FX_R, .iova = 0x5123 }, false,
      NVIO_FAULT_UNMAPPED, 2, A | R },
    { "write, unmapped", { .access = FX_W, .iova = 0x5fff }, false,
      NVIO_FAULT_UNMAPPED, 2, A | W },
    { "both, unmapped", { .access = FX_RW, .iova = 0 }, false,
      NVIO_FAULT_UNMAPPED, 2, A | R | W },
    { "atomic, unmapped", { .access = NYX_ACCESS_ATOMIC, .iova = 8 }, false,
      NVIO_FAULT_UNMAPPED, 2, A | R | W },
    { "zero length, unmapped", { .access = NYX_ACCESS_ZERO_LEN, .iova = 8 },
      false, NVIO_FAULT_UNMAPPED, 2, A | R },
    { "write, read-only", { .access = FX_W, .iova = 0x1ffc }, false,
      NVIO_FAULT_DENIED, 2, A | W },
    { "read, write-only", { .access = FX_R, .iova = 0x2000 }, false,
      NVIO_FAULT_DENIED, 2, A | R },
    { "both, read-only", { .access = FX_RW, .iova = 0x1000 }, false,
      NVIO_FAULT_DENIED, 2, A | R | W },
    { "read, nothing allowed", { .access = FX_R, .iova = 0x3000 }, false,
      NVIO_FAULT_DENIED, 2, A | R },
    { "beyond the input range", { .access = FX_R, .iova = 1ULL << 48 }, false,
      NVIO_FAULT_RANGE, 2, A | R },
    { "the last address", { .access = FX_W, .iova = UINT64_MAX }, false,
      NVIO_FAULT_RANGE, 2, A | W },
    { "reserved region", { .access = FX_W, .iova = 0x100000004 }, false,
      NVIO_FAULT_RESERVED, 2, A | W },
    { "read of the MSI region", { .access = FX_R, .iova = 0xfee00000 }, false,
      NVIO_FAULT_MSI, 2, A | R },
    { "PASID", { .access = FX_R, .iova = 0x1000, .has_pasid = true,
                 .pasid = 0xfffff }, false, NVIO_FAULT_PASID, 1, A | R },
    { "detached", { .access = FX_W, .iova = 0x1234 }, true,
      NVIO_FAULT_DETACHED, 1, A | W },
    { "detached, MSI", { .access = FX_W, .iova = 0xfee00000 }, true,
      NVIO_FAULT_DETACHED, 1, A | W },
    { "detached, translation", { .type = NYX_REQ_TRANSLATION, .iova = 0x1000 },
      true, NVIO_FAULT_DETACHED, 1, A | R },
};

static void test_rows(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const Row *row = &rows[i];
        Vx *f = with_pages();
        NyxReply reply;
        VxEvent event;

        if (row->detached) {
            vx_detach(f, VX_DOMAIN, VX_SID);
        }
        FX_CHECK(row->name, nyx_vio_translate(f->r, VX_SID, &row->req,
                                              &reply), false);
        FX_CHECK(row->name, f->events->len, 1);
        event = vx_take_event(f);
        FX_CHECK(row->name, event.len, 24);
        FX_CHECK(row->name, event.reason, row->reason);
        FX_CHECK(row->name, event.flags, row->flags);
        FX_CHECK(row->name, event.endpoint, VX_SID);
        FX_CHECK(row->name, event.addr, row->req.iova);
        /* Undefined bits and reserved bytes. */
        for (unsigned at = 1; at < 16; at++) {
            if (at < 4 || at >= 12) {
                FX_CHECK(row->name, event.bytes[at], 0);
            }
        }
        FX_CHECK(row->name, nyx_vio_fault_count(f->vio, f->r, row->code), 1);
        FX_CHECK(row->name, nyx_vio_stats(f->vio).events[row->reason], 1);
        FX_CHECK(row->name, vx_findings(f, NVIO_RULE_DMA_FAULT), 1);
        FX_CHECK(row->name, f->traces[NYX_VIO_EV_FAULT], 1);
        FX_CHECK(row->name, f->last_trace[NYX_VIO_EV_FAULT].b, row->code);
        vx_free(f);
    }
}

#undef A
#undef R
#undef W

/* The ids and texts are there, and differ. */
static void test_infos(void)
{
    for (unsigned i = 1; i < NVIO_FAULT_COUNT; i++) {
        g_assert_nonnull(nyx_vio_faults[i].id);
        g_assert_nonnull(nyx_vio_faults[i].text);
        g_assert_cmpuint(nyx_vio_faults[i].reason, <, 3);
        for (unsigned j = 1; j < i; j++) {
            g_assert_cmpstr(nyx_vio_faults[i].id, !=, nyx_vio_faults[j].id);
        }
    }
}

static void test_counts(void)
{
    Vx *f = with_pages();
    NyxVioRequester *other = vx_requester(f, VX_OTHER);

    for (unsigned i = 0; i < 5; i++) {
        vx_dma(f, FX_R, 0);
        vx_dma_of(other, FX_R, 0);
        vx_dma_of(other, FX_R, 0);
    }
    vx_dma(f, FX_W, 0x1000);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_UNMAPPED),
                     ==, 5);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_DENIED), ==,
                     1);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, other, NVIO_FAULT_DETACHED),
                     ==, 10);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, NULL, NVIO_FAULT_DETACHED),
                     ==, 10);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, NULL, NVIO_FAULT_UNMAPPED),
                     ==, 5);
    g_assert_cmpuint(nyx_vio_requester_stats(f->r).requests_refused, ==, 6);
    g_assert_cmpuint(nyx_vio_requester_stats(other).requests_refused, ==, 10);
    g_assert_cmpuint(nyx_vio_requester_stats(other).sid, ==, VX_OTHER);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events[1], ==, 10);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events[2], ==, 6);
    vx_free(f);
}

/* --- Buffers -------------------------------------------------------------- */

static void test_no_buffer(void)
{
    Vx *f = with_pages();

    f->buffers = 2;
    for (unsigned i = 0; i < 5; i++) {
        vx_dma(f, FX_R, i * 16 * PAGE);
    }
    g_assert_cmpuint(f->events->len, ==, 2);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events_lost, ==, 3);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events[2], ==, 2);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_EVENT_LOST), ==, 3);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_UNMAPPED),
                     ==, 5);
    /* What was lost does not come later. */
    f->buffers = 10;
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 2);
    vx_dma(f, FX_R, 0x77000);
    g_assert_cmpuint(f->events->len, ==, 3);
    vx_free(f);
}

static void test_short_buffer(void)
{
    Vx *f = with_pages();

    for (unsigned size = 0; size < 24; size++) {
        f->buffer_size = size;
        vx_dma(f, FX_R, 0);
    }
    g_assert_cmpuint(f->events->len, ==, 0);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events_short, ==, 24);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events_lost, ==, 0);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_EVENT_SHORT), ==, 24);
    f->buffer_size = 24;
    vx_dma(f, FX_R, 0);
    g_assert_cmpuint(f->events->len, ==, 1);
    vx_free(f);
}

/* --- Later ---------------------------------------------------------------- */

static void check_order(Vx *f, const char *row, unsigned n, uint64_t first)
{
    FX_CHECK(row, f->events->len, n);
    for (unsigned i = 0; i < n; i++) {
        FX_CHECK(row, vx_take_event(f).addr, first + i * PAGE);
    }
}

static void test_later(void)
{
    Vx *f = with_pages();

    f->events_later = true;
    for (unsigned i = 0; i < 10; i++) {
        vx_dma(f, FX_R, (16 + i) * PAGE);
    }
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 0);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events_lost, ==, 0);
    f->events_later = false;
    /* One more comes behind those that waited. */
    vx_dma(f, FX_R, 26 * PAGE);
    check_order(f, "later", 11, 16 * PAGE);
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 0);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events[2], ==, 11);
    vx_free(f);
}

/* No more wait than there is room for, and the first ones stay. */
static void test_later_bound(void)
{
    Vx *f = with_pages();

    f->events_later = true;
    for (unsigned i = 0; i < 10 * RING; i++) {
        vx_dma(f, FX_R, (16 + i) * PAGE);
    }
    g_assert_cmpuint(nyx_vio_stats(f->vio).events_lost, ==, 9 * RING);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_EVENT_LOST), >, 0);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_UNMAPPED),
                     ==, 10 * RING);
    f->events_later = false;
    nyx_vio_continue(f->vio);
    check_order(f, "bound", RING, 16 * PAGE);
    vx_free(f);
}

/* Of those that wait some find a buffer, and the queue stops again. */
static void stop_after_three(Vx *f)
{
    f->events_later = f->events->len == 2;
}

static void test_later_again(void)
{
    Vx *f = with_pages();

    f->events_later = true;
    for (unsigned i = 0; i < 10; i++) {
        vx_dma(f, FX_R, (16 + i) * PAGE);
    }
    f->on_event = stop_after_three;
    for (unsigned i = 0; i < 3; i++) {
        f->events_later = false;
        nyx_vio_continue(f->vio);
        check_order(f, "again", 3, (16 + 3 * i) * PAGE);
    }
    f->events_later = false;
    nyx_vio_continue(f->vio);
    check_order(f, "rest", 1, 25 * PAGE);
    vx_free(f);
}

/* --- Other threads -------------------------------------------------------- */

static void test_handoff(void)
{
    Vx *f = with_pages();

    f->elsewhere = true;
    for (unsigned i = 0; i < 10; i++) {
        vx_dma(f, FX_R, (16 + i) * PAGE);
    }
    f->elsewhere = false;
    g_assert_cmpuint(f->event_calls, ==, 0);
    /* One call is enough for all. */
    g_assert_cmpuint(f->kicks, ==, 1);
    vx_settle(f);
    check_order(f, "handed", 10, 16 * PAGE);
    vx_free(f);
}

/* A full ring: what is lost is counted, and so is each refusal. */
static void test_handoff_full(void)
{
    Vx *f = with_pages();

    f->elsewhere = true;
    for (unsigned i = 0; i < 3 * RING; i++) {
        vx_dma(f, FX_R, (16 + i) * PAGE);
    }
    f->elsewhere = false;
    vx_settle(f);
    check_order(f, "handed", RING, 16 * PAGE);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events_lost, ==, 2 * RING);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_EVENT_LOST), ==, 1);
    g_assert_cmpuint(nyx_vio_requester_stats(f->r).requests_refused, ==,
                     3 * RING);
    vx_free(f);
}

/* The serialized side makes room for itself, in order. */
static void test_handoff_makes_room(void)
{
    Vx *f = with_pages();

    f->elsewhere = true;
    for (unsigned i = 0; i < RING; i++) {
        vx_dma(f, FX_R, (16 + i) * PAGE);
    }
    f->elsewhere = false;
    vx_dma(f, FX_R, (16 + RING) * PAGE);
    check_order(f, "room", RING + 1, 16 * PAGE);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events_lost, ==, 0);
    vx_settle(f);
    g_assert_cmpuint(f->events->len, ==, 0);
    vx_free(f);
}

/* --- Reports within reports ----------------------------------------------- */

/* A buffer where a device listens, whose DMA is refused as well. */
static void dma_again(Vx *f)
{
    if (GPOINTER_TO_UINT(f->opaque) < 1000) {
        f->opaque = GUINT_TO_POINTER(GPOINTER_TO_UINT(f->opaque) + 1);
        vx_dma(f, FX_R, 0);
    }
}

static void test_nested(void)
{
    Vx *f = with_pages();

    f->on_event = dma_again;
    vx_dma(f, FX_R, 0);
    /* The rest is left for the main loop. */
    g_assert_cmpuint(f->event_calls, <, 10);
    g_assert_cmpuint(f->kicks, >, 0);
    vx_settle(f);
    g_assert_cmpuint(f->events->len, ==, 1001);
    g_assert_cmpuint(nyx_vio_stats(f->vio).events_lost, ==, 0);
    vx_free(f);
}

/* Statistics are read meanwhile: the others wait for their turn. */
static void continue_again(Vx *f)
{
    nyx_vio_continue(f->vio);
    nyx_vio_stats(f->vio);
}

static void test_nested_continue(void)
{
    Vx *f = with_pages();

    f->events_later = true;
    for (unsigned i = 0; i < 10; i++) {
        vx_dma(f, FX_R, (16 + i) * PAGE);
    }
    f->events_later = false;
    f->on_event = continue_again;
    nyx_vio_continue(f->vio);
    check_order(f, "nested", 10, 16 * PAGE);
    vx_free(f);
}

static void reset_again(Vx *f)
{
    nyx_vio_device_reset(f->vio);
}

static void test_nested_reset(void)
{
    Vx *f = with_pages();

    f->events_later = true;
    for (unsigned i = 0; i < 10; i++) {
        vx_dma(f, FX_R, 0);
    }
    f->events_later = false;
    f->on_event = reset_again;
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 1);
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 1);
    vx_free(f);
}

static void free_other(Vx *f)
{
    if (f->opaque) {
        nyx_vio_requester_free(f->opaque);
        f->opaque = NULL;
    }
}

/* A requester goes: its reports with it, the others stay in order. */
static void test_requester_gone(void)
{
    for (unsigned nested = 0; nested < 2; nested++) {
        Vx *f = with_pages();
        NyxVioRequester *other = vx_requester(f, VX_OTHER);

        f->events_later = true;
        for (unsigned i = 0; i < 10; i++) {
            f->elsewhere = i >= 5;
            vx_dma(f, FX_R, (16 + i) * PAGE);
            vx_dma_of(other, FX_R, (16 + i) * PAGE);
        }
        f->elsewhere = f->events_later = false;
        f->opaque = other;
        if (nested) {
            f->on_event = free_other;
        } else {
            free_other(f);
        }
        vx_settle(f);
        check_order(f, "gone", 10, 16 * PAGE);
        g_assert_cmpuint(nyx_vio_fault_count(f->vio, NULL,
                                             NVIO_FAULT_DETACHED), ==, 0);
        vx_free(f);
    }
}

static void not_now(Vx *f)
{
    g_assert_not_reached();
}

/* Nothing is sent while the device is taken down. */
static void test_free(void)
{
    Vx *f = with_pages();

    vx_requester(f, VX_OTHER);
    f->elsewhere = true;
    vx_dma(f, FX_R, 0);
    f->elsewhere = false;
    f->on_event = not_now;
    vx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-virtio/events/rows", test_rows);
    g_test_add_func("/nyx-virtio/events/infos", test_infos);
    g_test_add_func("/nyx-virtio/events/counts", test_counts);
    g_test_add_func("/nyx-virtio/events/no-buffer", test_no_buffer);
    g_test_add_func("/nyx-virtio/events/short-buffer", test_short_buffer);
    g_test_add_func("/nyx-virtio/events/later", test_later);
    g_test_add_func("/nyx-virtio/events/later-bound", test_later_bound);
    g_test_add_func("/nyx-virtio/events/later-again", test_later_again);
    g_test_add_func("/nyx-virtio/events/handoff", test_handoff);
    g_test_add_func("/nyx-virtio/events/handoff-full", test_handoff_full);
    g_test_add_func("/nyx-virtio/events/handoff-makes-room",
                    test_handoff_makes_room);
    g_test_add_func("/nyx-virtio/events/nested", test_nested);
    g_test_add_func("/nyx-virtio/events/nested-continue",
                    test_nested_continue);
    g_test_add_func("/nyx-virtio/events/nested-reset", test_nested_reset);
    g_test_add_func("/nyx-virtio/events/requester-gone",
                    test_requester_gone);
    g_test_add_func("/nyx-virtio/events/free", test_free);
    return g_test_run();
}
