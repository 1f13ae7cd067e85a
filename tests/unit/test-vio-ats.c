/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATS behind virtio-iommu: completions, translated requests, and what is
 * dropped of the copies that endpoints and notifiers keep.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define PAGE 0x1000ULL
#define TOP  0xffffffffffffffffULL

static NyxReply ask(Vx *f, unsigned access, uint64_t iova)
{
    return vx_request(f, NYX_REQ_TRANSLATION, access, iova);
}

/* --- Translation requests ------------------------------------------------- */

/* 10.2.4 of PCIe: the rights there are, but no write for who does not want. */
static void test_completions(void)
{
    Vx *f = vx_new_attached(NULL);

    for (unsigned flags = 0; flags < 4; flags++) {
        uint64_t iova = 0x10000 + flags * 0x10000;

        vx_map(f, VX_DOMAIN, iova, iova + 0xffff, iova + 0x40000, flags);
        for (unsigned access = 0; access < 4; access++) {
            NyxReply reply = ask(f, access, iova + 0x123);

            FX_CHECK("ok", reply.ok, true);
            FX_CHECK("access", reply.access,
                     access & FX_W ? flags : flags & FX_R);
            FX_CHECK("addr", reply.addr, iova + 0x40123);
            FX_CHECK("mask", reply.addr_mask, 0xffff);
        }
    }
    g_assert_cmpuint(f->event_calls, ==, 0);
    vx_free(f);
}

/* Not mapped is a completion without rights, and nobody's fault. */
static void test_no_rights(void)
{
    Vx *f = vx_new_attached(NULL);
    static const uint64_t addrs[] = {
        0, 0x5000, 0xffffffffffff, 0x1000000000000, TOP,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(addrs); i++) {
        NyxReply reply = ask(f, FX_RW, addrs[i]);

        FX_CHECK("ok", reply.ok, true);
        FX_CHECK("access", reply.access, 0);
    }
    g_assert_cmpuint(f->event_calls, ==, 0);
    g_assert_cmpuint(nyx_vio_requester_stats(f->r).requests_refused, ==, 0);
    vx_free(f);
}

static void test_unattached(void)
{
    Vx *f = vx_new_started(NULL);
    NyxReply reply = ask(f, FX_RW, 0x5123);
    VxEvent event;

    g_assert_true(reply.ok);
    g_assert_cmphex(reply.addr, ==, 0x5123);
    g_assert_cmpuint(reply.access, ==, FX_RW);
    vx_set_bypass(f, false);
    g_assert_false(ask(f, FX_W, 0x5123).ok);
    event = vx_take_event(f);
    g_assert_cmpuint(event.reason, ==, 1);
    g_assert_cmphex(event.flags, ==,
                    VX_EVENT_ADDRESS | VX_EVENT_READ | VX_EVENT_WRITE);
    g_assert_false(ask(f, 0, 0x5123).ok);
    g_assert_cmphex(vx_take_event(f).flags, ==,
                    VX_EVENT_ADDRESS | VX_EVENT_READ);
    vx_free(f);
}

/* --- Translated requests -------------------------------------------------- */

static void test_translated(void)
{
    Vx *f = vx_new_attached(NULL);
    NyxReply reply;

    vx_map(f, VX_DOMAIN, 0, 0xfff, 0x9000, FX_R);
    reply = vx_request(f, NYX_REQ_TRANSLATED, FX_W, 0x9123);
    g_assert_true(reply.ok);
    g_assert_cmphex(reply.addr, ==, 0x9123);
    vx_attach_bypass(f, 8, VX_SID);
    g_assert_cmphex(vx_request(f, NYX_REQ_TRANSLATED, FX_W, 0x123).addr, ==,
                    0x123);
    vx_detach(f, 8, VX_SID);
    g_assert_true(vx_request(f, NYX_REQ_TRANSLATED, FX_W, 0x9123).ok);
    vx_set_bypass(f, false);
    g_assert_cmpuint(f->event_calls, ==, 0);
    g_assert_false(vx_request(f, NYX_REQ_TRANSLATED, FX_W, 0x9123).ok);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_DETACHED),
                     ==, 1);
    g_assert_cmphex(vx_take_event(f).flags, ==,
                    VX_EVENT_ADDRESS | VX_EVENT_WRITE);
    vx_free(f);
}

/* Without the option neither is known, in whatever domain. */
static void test_off(void)
{
    NyxVioCfg cfg = vx_cfg();
    uint64_t refused = 0;
    Vx *f;

    cfg.device_iotlb = false;
    f = vx_new_started(&cfg);
    for (unsigned i = 0; i < 3; i++) {
        if (i == 1) {
            vx_attach(f, VX_DOMAIN, VX_SID);
            vx_map(f, VX_DOMAIN, 0, 0xfff, 0x9000, FX_RW);
        } else if (i == 2) {
            vx_attach_bypass(f, 8, VX_SID);
        }
        FX_CHECK("translation", ask(f, FX_R, 0).ok, false);
        FX_CHECK("translated", vx_request(f, NYX_REQ_TRANSLATED, FX_R, 0).ok,
                 false);
        refused += 2;
        FX_CHECK("code", nyx_vio_fault_count(f->vio, f->r,
                                             NVIO_FAULT_TRANSLATED), refused);
    }
    g_assert_cmpuint(f->events->len, ==, refused);
    g_assert_cmpuint(vx_take_event(f).reason, ==, 0);
    vx_free(f);
}

/* --- Copies --------------------------------------------------------------- */

typedef struct Piece {
    uint64_t first;
    uint64_t last;
} Piece;

static Piece piece_of(uint64_t at, uint8_t lg2)
{
    uint64_t mask = lg2 < 64 ? (1ULL << lg2) - 1 : TOP;

    /* Aligned, as hardware has it. */
    g_assert_cmphex(at & mask, ==, 0);
    return (Piece) { at, at + mask };
}

/* The calls name [first, last], all of it once and nothing else. */
static void check_pieces(Vx *f, NyxVioRequester *r, uint64_t first,
                         uint64_t last)
{
    uint64_t next = first;
    bool done = false;

    for (unsigned i = 0; i < f->unmapped->len; i++) {
        const VxUnmapped *row = &g_array_index(f->unmapped, VxUnmapped, i);
        Piece piece = piece_of(row->iova, row->lg2);

        g_assert_true(row->r == r);
        g_assert_false(done);
        g_assert_cmphex(piece.first, ==, next);
        next = piece.last + 1;
        done = piece.last == last;
    }
    g_assert_true(done);
    g_assert_cmpuint(f->unmapped->len, <=, 2 * 63);
    g_array_set_size(f->unmapped, 0);
}

static const Piece ranges[] = {
    { 0, 0xfff }, { 0x1000, 0x3fff }, { 0, 0x2fff }, { 0x1000, 0x1fffff },
    { 0x200000, 0x3fffff }, { 0x1000, 0xffffffffe000 - 1 },
    { 0, 0x7fffffffffffffff }, { 0x8000000000000000, TOP },
    { TOP - 0xfff, TOP }, { PAGE, TOP },
};

static void test_notified_ranges(void)
{
    NyxVioCfg cfg = vx_cfg();

    cfg.input_bits = 64;
    cfg.n_regions = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        uint64_t first = ranges[i].first, last = ranges[i].last;
        Vx *f = vx_new_attached(&cfg);

        nyx_vio_requester_notify(f->r, true);
        FX_CHECK("map", vx_map(f, VX_DOMAIN, first, last, first, FX_RW),
                 VX_OK);
        FX_CHECK("no call", f->unmapped->len, 0);
        FX_CHECK("unmap", vx_unmap(f, VX_DOMAIN, first, last), VX_OK);
        check_pieces(f, f->r, first, last);
        /* Once more, as software named it: everything. */
        vx_map(f, VX_DOMAIN, first, last, first, FX_RW);
        FX_CHECK("unmap", vx_unmap(f, VX_DOMAIN, 0, TOP), VX_OK);
        check_pieces(f, f->r, 0, TOP);
        /* Nothing was there: nobody has to be told. */
        FX_CHECK("unmap", vx_unmap(f, VX_DOMAIN, 0, TOP), VX_OK);
        FX_CHECK("no call", f->unmapped->len, 0);
        vx_free(f);
    }
}

/* Only who listens, and is in the domain. */
static void test_notified_who(void)
{
    Vx *f = vx_new_attached(NULL);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);
    NyxVioRequester *third = vx_requester(f, VX_THIRD);

    vx_attach(f, VX_DOMAIN, VX_OTHER);
    vx_attach(f, 8, VX_THIRD);
    nyx_vio_requester_notify(other, true);
    nyx_vio_requester_notify(third, true);
    vx_map(f, VX_DOMAIN, 0, 0xfff, 0, FX_R);
    vx_map(f, 8, 0, 0xfff, 0, FX_R);
    vx_forget(f);
    vx_unmap(f, VX_DOMAIN, 0, 0xfff);
    check_pieces(f, other, 0, 0xfff);
    vx_unmap(f, 8, 0, 0xfff);
    check_pieces(f, third, 0, 0xfff);
    vx_attach(f, 8, VX_OTHER);
    check_pieces(f, other, 0, TOP);
    vx_detach(f, 8, VX_THIRD);
    check_pieces(f, third, 0, TOP);
    vx_attach(f, 9, VX_SID);
    g_assert_cmpuint(f->unmapped->len, ==, 0);
    vx_free(f);
}

/* A bus without a number has nobody to tell. */
static bool no_sid(Vx *f, NyxVioRequester *r, uint16_t *sid)
{
    return false;
}

static void test_notified_no_sid(void)
{
    Vx *f = vx_new_attached(NULL);

    nyx_vio_requester_notify(f->r, true);
    f->sid_of = no_sid;
    vx_map(f, VX_DOMAIN, 0, 0xfff, 0, FX_R);
    vx_unmap(f, VX_DOMAIN, 0, 0xfff);
    g_assert_cmpuint(f->unmapped->len, ==, 0);
    vx_free(f);
}

/* The last invalidation covers [first, last]; there was @n of them. */
static void check_devtlb(Vx *f, const char *row, unsigned n, uint16_t sid,
                         uint64_t first, uint64_t last)
{
    FX_CHECK(row, f->devtlb->len, n);
    if (f->devtlb->len) {
        const NyxVioDeviceTlb *inv = &g_array_index(f->devtlb,
                                                    NyxVioDeviceTlb,
                                                    f->devtlb->len - 1);
        Piece piece = piece_of(inv->addr, inv->lg2);

        FX_CHECK(row, inv->sid, sid);
        FX_CHECK(row, inv->has_pasid, false);
        FX_CHECK(row, piece.first, first);
        FX_CHECK(row, piece.last, last);
    }
    g_array_set_size(f->devtlb, 0);
}

/* An endpoint that asked has a copy: it is dropped before the answer. */
static void test_device_tlb(void)
{
    Vx *f = vx_new_attached(NULL);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);

    vx_attach(f, VX_DOMAIN, VX_OTHER);
    vx_map(f, VX_DOMAIN, 0x1000, 0x1fff, 0, FX_R);
    vx_map(f, VX_DOMAIN, 0x4000, 0x7fff, 0, FX_R);
    vx_dma_of(other, FX_R, 0x1000);
    vx_dma(f, FX_R, 0x1000);
    vx_unmap(f, VX_DOMAIN, 0x1000, 0x1fff);
    check_devtlb(f, "nobody asked", 0, 0, 0, 0);
    ask(f, FX_R, 0x4000);
    vx_unmap(f, VX_DOMAIN, 0x4000, 0x7fff);
    check_devtlb(f, "UNMAP", 1, VX_SID, 0x4000, 0x7fff);
    vx_attach(f, 8, VX_SID);
    check_devtlb(f, "ATTACH", 1, VX_SID, 0, TOP);
    vx_attach(f, VX_DOMAIN, VX_OTHER);
    check_devtlb(f, "another's", 0, 0, 0, 0);
    vx_detach(f, 8, VX_SID);
    check_devtlb(f, "DETACH", 1, VX_SID, 0, TOP);
    vx_set_bypass(f, false);
    check_devtlb(f, "bypass", 1, VX_SID, 0, TOP);
    vx_attach(f, 8, VX_SID);
    vx_forget(f);
    nyx_vio_device_reset(f->vio);
    check_devtlb(f, "reset", 1, VX_SID, 0, TOP);
    vx_free(f);
}

/* What the endpoint was told to drop is not to be had any more. */
static void ask_again(Vx *f)
{
    NyxReply reply = ask(f, FX_R, 0x4000);

    g_assert_true(!reply.ok || !reply.access || reply.addr != 0x9000);
}

static void test_device_tlb_order(void)
{
    Vx *f = vx_new_attached(NULL);

    vx_map(f, VX_DOMAIN, 0x4000, 0x4fff, 0x9000, FX_R);
    g_assert_cmphex(ask(f, FX_R, 0x4000).addr, ==, 0x9000);
    vx_dma(f, FX_R, 0x4000);
    f->on_device_tlb = ask_again;
    vx_unmap(f, VX_DOMAIN, 0x4000, 0x4fff);
    f->on_device_tlb = NULL;
    vx_map(f, VX_DOMAIN, 0x4000, 0x4fff, 0x9000, FX_R);
    g_assert_cmphex(ask(f, FX_R, 0x4000).addr, ==, 0x9000);
    f->on_device_tlb = ask_again;
    vx_attach(f, 8, VX_SID);
    g_assert_cmpuint(f->devtlb->len, ==, 2);
    vx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-virtio/ats/completions", test_completions);
    g_test_add_func("/nyx-virtio/ats/no-rights", test_no_rights);
    g_test_add_func("/nyx-virtio/ats/unattached", test_unattached);
    g_test_add_func("/nyx-virtio/ats/translated", test_translated);
    g_test_add_func("/nyx-virtio/ats/off", test_off);
    g_test_add_func("/nyx-virtio/notify/ranges", test_notified_ranges);
    g_test_add_func("/nyx-virtio/notify/who", test_notified_who);
    g_test_add_func("/nyx-virtio/notify/no-sid", test_notified_no_sid);
    g_test_add_func("/nyx-virtio/device-tlb/calls", test_device_tlb);
    g_test_add_func("/nyx-virtio/device-tlb/order", test_device_tlb_order);
    return g_test_run();
}
