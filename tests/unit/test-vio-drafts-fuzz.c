/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of the drafts that no driver sends, DMA and page requests between
 * them, tables with any entries: each answer is one that there is, and the
 * device goes on.  The address sanitizer sees what is read or written beside
 * the buffers.
 */
#include "qemu/osdep.h"
#include "vio-drafts.h"

#define ROUNDS 500000
#define SPACES 4
#define PAGES 16             /* from 0 on, that are mapped at first */

typedef struct Fuzz {
    Vx *f;
    NyxVioRequester *r[4];
    VdSpace space[SPACES];
    uint64_t leaf[SPACES][PAGES];
    uint64_t rng;
} Fuzz;

static uint64_t rnd(Fuzz *z, uint64_t n)
{
    return nyx_random(&z->rng) % n;
}

static uint32_t any_pasid(Fuzz *z)
{
    return rnd(z, 16) ? rnd(z, 4) : (uint32_t)nyx_random(&z->rng);
}

/* A page that may be mapped, one below an odd entry of the root, or any. */
static uint64_t any_iova(Fuzz *z)
{
    switch (rnd(z, 8)) {
    case 0:
        return nyx_random(&z->rng);
    case 1:
        return rnd(z, 4) << 39 | rnd(z, 1 << 20) << 12;
    default:
        return rnd(z, PAGES) << 12;
    }
}

static VxBytes likely_attach(Fuzz *z)
{
    VdAttach a = vd_request_for(&z->space[rnd(z, SPACES)], rnd(z, 4),
                                VX_SID + rnd(z, 4) * 8,
                                rnd(z, 2) ? any_pasid(z) : VD_NO_PASID);

    if (rnd(z, 8) == 0) {
        a.format = 0;
    }
    return vd_attach_bytes(&a);
}

static VxBytes likely_inv(Fuzz *z)
{
    const VdInv inv = {
        .scope = 1 << rnd(z, 3), .caches = 1 + rnd(z, 3),
        .flags = rnd(z, 2) | (rnd(z, 4) ? 0 : 4), .domain = rnd(z, 4),
        .pasid = any_pasid(z), .address = any_iova(z),
        .pages = rnd(z, 8) ? rnd(z, 64) : nyx_random(&z->rng),
        .shift = rnd(z, 8) ? 12 : rnd(z, 256),
    };

    return vd_inv_bytes(&inv);
}

static VxBytes likely_bytes(Fuzz *z)
{
    switch (rnd(z, 8)) {
    case 0:
        return vd_resp_bytes(&(VdResp) {
            VX_SID + rnd(z, 4) * 8, rnd(z, 2), any_pasid(z), rnd(z, 513),
            rnd(z, 4) });
    case 1:
        return vx_attach_bytes(rnd(z, 4), VX_SID + rnd(z, 4) * 8, rnd(z, 2));
    case 2:
        return vx_detach_bytes(rnd(z, 4), VX_SID + rnd(z, 4) * 8);
    case 3:
        return vx_map_bytes(rnd(z, 4), rnd(z, 64) << 12,
                            (rnd(z, 64) + 64) << 12, 0, rnd(z, 8));
    case 4:
    case 5:
        return likely_attach(z);
    default:
        return likely_inv(z);
    }
}

/* A few bytes are others, or it is cut. */
static void spoil(Fuzz *z, VxBytes *bytes)
{
    if (rnd(z, 4)) {
        return;
    }
    for (unsigned n = rnd(z, 4); n; n--) {
        bytes->at[rnd(z, bytes->len)] = nyx_random(&z->rng) >> 23;
    }
    if (rnd(z, 8) == 0) {
        bytes->len = rnd(z, bytes->len + 1);
    }
}

static void request(Fuzz *z)
{
    const unsigned possible = 1u << VX_OK | 1u << VX_UNSUPP | 1u << VX_INVAL |
                              1u << VX_RANGE | 1u << VX_NOENT |
                              1u << VX_NOMEM;
    VxBytes bytes = likely_bytes(z);
    unsigned status;

    spoil(z, &bytes);
    status = vx_send(z->f, &bytes);
    if (status != VX_UNANSWERED) {
        FX_CHECK("status", possible >> status & 1, 1);
    } else {
        g_assert_true(bytes.len < 4 || bytes.at[0] < 1 || bytes.at[0] > 8);
    }
}

static void dma(Fuzz *z)
{
    NyxVioRequester *r = z->r[rnd(z, 4)];
    NyxRequest req = {
        .type = rnd(z, 4), .access = rnd(z, 64), .iova = any_iova(z),
        .has_pasid = rnd(z, 2), .pasid = any_pasid(z),
        .group = rnd(z, 512), .last = rnd(z, 2),
    };
    NyxReply reply = { };

    if (req.type == NYX_REQ_PAGE) {
        nyx_vio_page_request(r, vx_sid(r), &req);
    } else {
        g_assert_cmpint(nyx_vio_translate(r, vx_sid(r), &req, &reply), ==,
                        reply.ok);
    }
}

/* Any entry at any level, or one that is all right. */
static void scribble(Fuzz *z)
{
    unsigned i = rnd(z, SPACES);
    uint64_t at = rnd(z, 2) ? z->space[i].t.root + (1 + rnd(z, 3)) * 8
                            : z->leaf[i][rnd(z, PAGES)];
    uint64_t table = z->space[rnd(z, SPACES)].t.root;

    if (rnd(z, 4)) {
        /* A loop, which has as many rounds as there are levels. */
        fx_mem_poke(&z->f->mem, at, table | 3ULL << 61 | rnd(z, 8) << 9 |
                    rnd(z, 8));
    } else {
        fx_mem_poke(&z->f->mem, at, nyx_random(&z->rng));
    }
}

static void something(Fuzz *z)
{
    switch (rnd(z, 512)) {
    case 0:
        nyx_vio_device_reset(z->f->vio);
        nyx_vio_set_features(z->f->vio, rnd(z, 4) ? UINT64_MAX
                                                  : nyx_random(&z->rng) |
                                                    VD_F_ATTACH_TABLE |
                                                    VD_F_PAGE_REQUEST |
                                                    VX_F_MAP_UNMAP |
                                                    VX_F_PROBE);
        break;
    case 1:
        z->f->buffers = rnd(z, 100);
        z->f->events_later = rnd(z, 2);
        z->f->response_unexpected = rnd(z, 2);
        nyx_vio_continue(z->f->vio);
        break;
    case 2:
        vx_forget(z->f);
        break;
    default:
        if (rnd(z, 4) == 0) {
            request(z);
        } else if (rnd(z, 4)) {
            dma(z);
        } else {
            scribble(z);
        }
    }
}

/* That all of this was more than refusals. */
static void check_reached(Fuzz *z)
{
    NyxVioStats stats = nyx_vio_stats(z->f->vio);
    NyxVioRequesterStats r = nyx_vio_requester_stats(z->r[0]);

    g_test_message("%" PRIu64 " requests OK, %" PRIu64 " refused, %" PRIu64
                   " walks, %" PRIu64 " hits, %" PRIu64 " page requests, %"
                   PRIu64 " responses, %" PRIu64 " map events",
                   stats.statuses[VX_OK], stats.statuses[VX_INVAL], r.walks,
                   r.iotlb.hits, stats.page_requests, stats.page_responses,
                   stats.map_events);
    g_assert_cmpuint(stats.statuses[VX_OK], >, 1000);
    g_assert_cmpuint(stats.statuses[VX_NOENT], >, 1000);
    g_assert_cmpuint(stats.statuses[VX_RANGE], >, 100);
    g_assert_cmpuint(r.walks, >, 1000);
    g_assert_cmpuint(r.iotlb.hits, >, 10);
    g_assert_cmpuint(stats.page_requests, >, 100);
    g_assert_cmpuint(stats.page_responses, >, 10);
    g_assert_cmpuint(stats.map_events, >, 10);
}

static void fuzz(NyxCacheTemper temper, uint64_t seed)
{
    NyxVioCfg cfg = vd_cfg();
    Fuzz z = { .rng = seed };

    cfg.cache = temper;
    cfg.pasid_bits = 2;
    z.f = vx_new_started(&cfg);
    z.r[0] = z.f->r;
    for (unsigned i = 1; i < 4; i++) {
        z.r[i] = vx_requester(z.f, VX_SID + i * 8);
        nyx_vio_requester_follow(z.r[i], i == 1);
        nyx_vio_requester_notify(z.r[i], i == 2);
    }
    for (unsigned i = 0; i < SPACES; i++) {
        z.space[i] = vd_space(z.f, vd_formats[i].id, 4, vd_formats[i].flags);
        for (unsigned page = 0; page < PAGES; page++) {
            vd_map(&z.space[i], page << 12, 1, page << 12, 1 + page % 3);
            z.leaf[i][page] = nv_entry(&z.space[i].t, page << 12, 1);
        }
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        something(&z);
    }
    check_reached(&z);
    vx_free(z.f);
}

static void test_hardware(void)
{
    fuzz(NYX_CACHE_HARDWARE, 1);
}

static void test_sticky(void)
{
    fuzz(NYX_CACHE_STICKY, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vio/drafts/fuzz/hardware", test_hardware);
    g_test_add_func("/vio/drafts/fuzz/sticky", test_sticky);
    return g_test_run();
}
