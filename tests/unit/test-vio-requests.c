/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of virtio-iommu but MAP and UNMAP: each condition of 5.13.6 with
 * its status, and what a refused request leaves as it was.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define PAGE 0x1000ULL

/* --- 5.13.6: head, tail, unknown types ------------------------------------ */

static const unsigned sizes[] = {
    [VX_ATTACH] = 20, [VX_DETACH] = 20, [VX_MAP] = 36, [VX_UNMAP] = 28,
    [VX_PROBE] = 72,
};

static VxBytes good_bytes(unsigned type)
{
    switch (type) {
    case VX_ATTACH:
        return vx_attach_bytes(VX_DOMAIN, VX_SID, 0);
    case VX_DETACH:
        return vx_detach_bytes(VX_DOMAIN, VX_SID);
    case VX_MAP:
        return vx_map_bytes(VX_DOMAIN, 0, PAGE - 1, 0, FX_R);
    case VX_UNMAP:
        return vx_unmap_bytes(VX_DOMAIN, 0, PAGE - 1);
    default:
        return vx_probe_bytes(VX_SID);
    }
}

/* Every length of what is readable. */
static void test_readable(void)
{
    for (unsigned type = VX_ATTACH; type <= VX_PROBE; type++) {
        for (unsigned len = 0; len <= 100; len++) {
            Vx *f = vx_new_attached(NULL);
            VxBytes bytes = good_bytes(type);
            unsigned want = len < 4 ? VX_UNANSWERED :
                            len < sizes[type] ? VX_INVAL : VX_OK;

            bytes.len = len;
            FX_CHECK("readable", vx_send(f, &bytes), want);
            FX_CHECK("short", vx_findings(f, NVIO_RULE_REQ_SHORT),
                     want != VX_OK);
            vx_free(f);
        }
    }
}

/* Every length of what is writable, but for PROBE. */
static void test_writable(void)
{
    for (unsigned type = VX_ATTACH; type <= VX_UNMAP; type++) {
        for (unsigned len = 0; len <= 64; len++) {
            Vx *f = vx_new_attached(NULL);
            const VxBytes bytes = good_bytes(type);
            unsigned status = vx_send_out(f, &bytes, len);

            FX_CHECK("writable", status, len < 4 ? VX_UNANSWERED : VX_OK);
            FX_CHECK("used", f->used, len < 4 ? 0 : 4);
            FX_CHECK("short", vx_findings(f, NVIO_RULE_REQ_SHORT), len < 4);
            vx_free(f);
        }
    }
}

/* A request without a tail is not carried out either. */
static void test_no_tail_no_effect(void)
{
    Vx *f = vx_new_attached(NULL);
    const VxBytes map = good_bytes(VX_MAP), detach = good_bytes(VX_DETACH);

    g_assert_cmpuint(vx_send_out(f, &map, 3), ==, VX_UNANSWERED);
    g_assert_cmpuint(vx_mappings(f), ==, 0);
    g_assert_cmpuint(vx_send_out(f, &detach, 0), ==, VX_UNANSWERED);
    g_assert_cmpuint(vx_domains(f), ==, 1);
    g_assert_cmpuint(nyx_vio_stats(f->vio).unanswered, ==, 2);
    vx_free(f);
}

/* QEMU answers those with UNSUPP. */
static void test_unknown_type(void)
{
    Vx *f = vx_new_attached(NULL);

    for (unsigned type = 0; type < 256; type++) {
        VxBytes bytes = { .at = { type }, .len = 100 };

        if (type >= VX_ATTACH && type <= VX_PROBE) {
            continue;
        }
        FX_CHECK("unknown", vx_send_out(f, &bytes, 4), VX_UNANSWERED);
        FX_CHECK("unknown", vx_send_out(f, &bytes, 2052), VX_UNANSWERED);
        for (unsigned i = 0; i < 2052; i++) {
            g_assert_cmpuint(f->out[i], ==, 0);
        }
    }
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_REQ_UNKNOWN), ==, 2 * 251);
    g_assert_cmpuint(nyx_vio_stats(f->vio).requests[0], ==, 2 * 251);
    vx_free(f);
}

/* 5.13.6.1: the device ignores the reserved bytes of the head. */
static void test_head_reserved(void)
{
    for (unsigned type = VX_ATTACH; type <= VX_PROBE; type++) {
        for (unsigned at = 1; at < 4; at++) {
            Vx *f = vx_new_attached(NULL);
            VxBytes bytes = good_bytes(type);

            vx_put8(&bytes, at, 0xff);
            FX_CHECK("head", vx_send(f, &bytes), VX_OK);
            FX_CHECK("head", vx_findings(f, NVIO_RULE_REQ_RESERVED), 0);
            vx_free(f);
        }
    }
}

/* What the statistics say of all this. */
static void test_counts(void)
{
    Vx *f = vx_new_started(NULL);
    NyxVioStats stats;

    vx_attach(f, VX_DOMAIN, VX_SID);
    vx_attach(f, VX_DOMAIN, VX_OTHER);
    vx_attach(f, VX_DOMAIN, VX_NOBODY);
    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, FX_R);
    vx_map(f, VX_DOMAIN, 4 * PAGE, 6 * PAGE - 1, 0, FX_R);
    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, FX_R);
    vx_unmap(f, VX_DOMAIN, 0, PAGE - 1);
    vx_probe(f, VX_SID);
    vx_detach(f, VX_DOMAIN, VX_OTHER);
    stats = nyx_vio_stats(f->vio);
    g_assert_cmpuint(stats.requests[VX_ATTACH], ==, 3);
    g_assert_cmpuint(stats.requests[VX_DETACH], ==, 1);
    g_assert_cmpuint(stats.requests[VX_MAP], ==, 3);
    g_assert_cmpuint(stats.requests[VX_UNMAP], ==, 1);
    g_assert_cmpuint(stats.requests[VX_PROBE], ==, 1);
    g_assert_cmpuint(stats.statuses[VX_OK], ==, 7);
    g_assert_cmpuint(stats.statuses[VX_NOENT], ==, 1);
    g_assert_cmpuint(stats.statuses[VX_INVAL], ==, 1);
    g_assert_cmpuint(stats.unanswered, ==, 0);
    g_assert_cmpuint(stats.domains, ==, 1);
    g_assert_cmpuint(stats.endpoints, ==, 1);
    g_assert_cmpuint(stats.mappings, ==, 1);
    g_assert_cmpuint(stats.mapping_runs, ==, 1);
    g_assert_cmpuint(stats.mapping_bytes, >, 0);
    vx_detach(f, VX_DOMAIN, VX_SID);
    stats = nyx_vio_stats(f->vio);
    g_assert_cmpuint(stats.domains, ==, 0);
    g_assert_cmpuint(stats.endpoints, ==, 0);
    g_assert_cmpuint(stats.mappings, ==, 0);
    g_assert_cmpuint(stats.mapping_bytes, ==, 0);
    vx_free(f);
}

/* --- What dumps visit ----------------------------------------------------- */

static void add_domain(const NyxVioDomainInfo *domain, void *opaque)
{
    g_string_append_printf(opaque, "%u:%u:", domain->id, domain->kind);
    for (unsigned i = 0; i < domain->n_endpoints; i++) {
        g_string_append_printf(opaque, "%02x,", domain->endpoints[i]);
    }
    g_string_append_printf(opaque, ":%" PRIu64 ":%" PRIu64 " ",
                           domain->mappings, domain->runs);
}

static bool add_run(void *opaque, const NyxVioRun *run)
{
    g_string_append_printf(opaque, "%" PRIx64 "-%" PRIx64 ">%" PRIx64
                           "/%" PRIx64 ":%u ", run->first, run->last,
                           run->addr, run->unit, run->flags);
    return true;
}

static void add_requester(NyxVioRequester *r, void *opaque)
{
    g_string_append_printf(opaque, "%02x ", vx_sid(r));
}

static void test_visits(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Vx *f = vx_new_attached(NULL);

    vx_attach(f, VX_DOMAIN, VX_OTHER);
    vx_attach_bypass(f, 9, VX_THIRD);
    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0x5000, FX_R);
    vx_map(f, VX_DOMAIN, PAGE, 2 * PAGE - 1, 0x6000, FX_R);
    vx_map(f, VX_DOMAIN, 8 * PAGE, 10 * PAGE - 1, 0, FX_W | VX_MMIO);
    nyx_vio_foreach_domain(f->vio, add_domain, text);
    g_assert_cmpstr(text->str, ==, "7:2:10,18,:3:2 9:1:20,:0:0 ");
    g_string_truncate(text, 0);
    nyx_vio_foreach_run(f->vio, VX_DOMAIN, add_run, text);
    g_assert_cmpstr(text->str, ==,
                    "0-1fff>5000/1000:1 8000-9fff>0/2000:6 ");
    g_string_truncate(text, 0);
    nyx_vio_foreach_run(f->vio, 9, add_run, text);
    nyx_vio_foreach_run(f->vio, 10, add_run, text);
    g_assert_cmpstr(text->str, ==, "");
    vx_requester(f, VX_OTHER);
    nyx_vio_foreach_requester(f->vio, add_requester, text);
    g_assert_cmpstr(text->str, ==, "10 18 ");
    g_assert_cmpuint(nyx_vio_cfg(f->vio)->input_bits, ==, 48);
    g_assert_true(nyx_vio_requester_iommu(f->r) == f->vio);
    vx_free(f);
}

/* --- 5.13.3: what was not negotiated -------------------------------------- */

static void test_no_map_unmap(void)
{
    Vx *f = vx_new(NULL);
    VxBytes bytes;

    nyx_vio_set_features(f->vio, VX_F_PROBE | VX_F_BYPASS_CONFIG);
    g_assert_cmpuint(vx_attach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    bytes = good_bytes(VX_MAP);
    g_assert_cmpuint(vx_send(f, &bytes), ==, VX_UNANSWERED);
    bytes = good_bytes(VX_UNMAP);
    g_assert_cmpuint(vx_send(f, &bytes), ==, VX_UNANSWERED);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_FEATURE), ==, 2);
    g_assert_cmpuint(vx_mappings(f), ==, 0);
    vx_free(f);
}

static void test_no_probe(void)
{
    Vx *f = vx_new(NULL);

    nyx_vio_set_features(f->vio, VX_F_MAP_UNMAP);
    g_assert_cmpuint(vx_probe(f, VX_SID), ==, VX_UNANSWERED);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_FEATURE), ==, 1);
    vx_free(f);
}

static void test_no_mmio(void)
{
    Vx *f = vx_new(NULL);

    nyx_vio_set_features(f->vio, VX_F_MAP_UNMAP);
    vx_attach(f, VX_DOMAIN, VX_SID);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, FX_R | VX_MMIO),
                     ==, VX_INVAL);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_MAP_FLAGS), ==, 1);
    nyx_vio_set_features(f->vio, VX_F_MAP_UNMAP | VX_F_MMIO);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, FX_R | VX_MMIO),
                     ==, VX_OK);
    vx_free(f);
}

static void test_no_bypass_config(void)
{
    Vx *f = vx_new(NULL);

    nyx_vio_set_features(f->vio, VX_F_MAP_UNMAP);
    g_assert_cmpuint(vx_attach_bypass(f, VX_DOMAIN, VX_SID), ==, VX_INVAL);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_FEATURE), ==, 1);
    g_assert_cmpuint(vx_domains(f), ==, 0);
    vx_free(f);
}

/* --- ATTACH --------------------------------------------------------------- */

/* 5.1, 1: QEMU does not look. */
static void test_attach_reserved(void)
{
    Vx *f = vx_new_started(NULL);

    for (unsigned bit = 0; bit < 32; bit++) {
        VxBytes bytes = vx_attach_bytes(VX_DOMAIN, VX_SID, 0);

        vx_put32(&bytes, 16, 1u << bit);
        FX_CHECK("reserved", vx_send(f, &bytes), VX_INVAL);
    }
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_REQ_RESERVED), ==, 32);
    g_assert_cmpuint(vx_domains(f), ==, 0);
    vx_free(f);
}

static void test_attach_flags(void)
{
    Vx *f = vx_new_started(NULL);

    for (unsigned bit = 1; bit < 32; bit++) {
        VxBytes bytes = vx_attach_bytes(VX_DOMAIN, VX_SID, 1u << bit);

        FX_CHECK("flag", vx_send(f, &bytes), VX_INVAL);
        bytes = vx_attach_bytes(VX_DOMAIN, VX_SID, 1u << bit | 1);
        FX_CHECK("flags", vx_send(f, &bytes), VX_INVAL);
    }
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_ATTACH_FLAGS), ==, 62);
    g_assert_cmpuint(vx_domains(f), ==, 0);
    vx_free(f);
}

static void test_attach_endpoint(void)
{
    static const uint32_t nobody[] = {
        0, VX_NOBODY, 0xffff, 0x10000, 0x10000 | VX_SID, 0x80000000,
        0xffffffff,
    };
    Vx *f = vx_new_started(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(nobody); i++) {
        FX_CHECK("attach", vx_attach(f, VX_DOMAIN, nobody[i]), VX_NOENT);
        FX_CHECK("bypass", vx_attach_bypass(f, VX_DOMAIN, nobody[i]),
                 VX_NOENT);
        FX_CHECK("detach", vx_detach(f, VX_DOMAIN, nobody[i]), VX_NOENT);
        FX_CHECK("probe", vx_probe(f, nobody[i]), VX_NOENT);
    }
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_ENDPOINT), ==,
                     4 * ARRAY_SIZE(nobody));
    g_assert_cmpuint(vx_domains(f), ==, 0);
    vx_free(f);
}

/* domain_range is everything. */
static void test_attach_domain_ids(void)
{
    static const uint32_t ids[] = {
        0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
    };
    Vx *f = vx_new_started(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        FX_CHECK("attach", vx_attach(f, ids[i], 0x20 + i), VX_OK);
        FX_CHECK("map", vx_map(f, ids[i], 0, PAGE - 1, i * PAGE, FX_R),
                 VX_OK);
    }
    g_assert_cmpuint(vx_domains(f), ==, ARRAY_SIZE(ids));
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        FX_CHECK("dma", vx_dma_of(vx_requester(f, 0x20 + i), FX_R, 0),
                 i * PAGE);
    }
    vx_free(f);
}

static void test_attach_creates(void)
{
    Vx *f = vx_new_started(NULL);

    g_assert_cmpuint(vx_attach(f, 1, VX_SID), ==, VX_OK);
    g_assert_cmpuint(vx_attach_bypass(f, 2, VX_OTHER), ==, VX_OK);
    g_assert_cmpuint(vx_map(f, 1, 0, PAGE - 1, 0, FX_R), ==, VX_OK);
    g_assert_cmpuint(vx_map(f, 2, 0, PAGE - 1, 0, FX_R), ==, VX_INVAL);
    vx_free(f);
}

/* 5.1, 5: QEMU has left the old domain when it refuses. */
static void test_attach_kind(void)
{
    Vx *f = vx_new_started(NULL);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);

    vx_attach(f, 1, VX_SID);
    vx_map(f, 1, 0, PAGE - 1, 5 * PAGE, FX_R);
    vx_attach_bypass(f, 2, VX_OTHER);
    vx_forget(f);
    g_assert_cmpuint(vx_attach_bypass(f, 1, VX_OTHER), ==, VX_INVAL);
    g_assert_cmpuint(vx_attach_bypass(f, 1, VX_SID), ==, VX_INVAL);
    g_assert_cmpuint(vx_attach(f, 2, VX_SID), ==, VX_INVAL);
    g_assert_cmpuint(vx_attach(f, 2, VX_OTHER), ==, VX_INVAL);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_ATTACH_KIND), ==, 4);
    g_assert_cmpuint(f->endpoint_changes->len, ==, 0);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 5 * PAGE);
    g_assert_cmphex(vx_dma_of(other, FX_R, 7 * PAGE), ==, 7 * PAGE);
    g_assert_cmpuint(vx_domains(f), ==, 2);
    vx_free(f);
}

static void test_attach_shares(void)
{
    Vx *f = vx_new_attached(NULL);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);

    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 5 * PAGE, FX_R);
    g_assert_cmpuint(vx_attach(f, VX_DOMAIN, VX_OTHER), ==, VX_OK);
    g_assert_cmphex(vx_dma_of(other, FX_R, 0), ==, 5 * PAGE);
    g_assert_cmpuint(vx_domains(f), ==, 1);
    g_assert_cmpuint(nyx_vio_stats(f->vio).endpoints, ==, 2);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    g_assert_cmphex(vx_dma_of(other, FX_R, 0), ==, 5 * PAGE);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_OTHER), ==, VX_OK);
    g_assert_cmpuint(vx_domains(f), ==, 0);
    vx_free(f);
}

/* QEMU detaches first, and a sole member loses all mappings. */
static void test_attach_again(void)
{
    Vx *f = vx_new_attached(NULL);

    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 5 * PAGE, FX_R);
    g_assert_cmpuint(vx_attach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    g_assert_cmpuint(f->endpoint_changes->len, ==, 0);
    g_assert_cmpuint(nyx_vio_stats(f->vio).endpoints, ==, 1);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 5 * PAGE);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    g_assert_cmpuint(vx_domains(f), ==, 0);
    vx_free(f);
}

/* 5.1, 8: the endpoint leaves its old domain, which may end. */
static void test_attach_moves(void)
{
    Vx *f = vx_new_attached(NULL);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);

    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 5 * PAGE, FX_R);
    vx_attach(f, VX_DOMAIN, VX_OTHER);
    g_assert_cmpuint(vx_attach(f, 8, VX_SID), ==, VX_OK);
    g_assert_cmpuint(vx_domains(f), ==, 2);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, VX_REFUSED);
    g_assert_cmphex(vx_dma_of(other, FX_R, 0), ==, 5 * PAGE);
    g_assert_cmpuint(vx_attach(f, 8, VX_OTHER), ==, VX_OK);
    g_assert_cmpuint(vx_domains(f), ==, 1);
    g_assert_cmpuint(vx_mappings(f), ==, 0);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, FX_R), ==,
                     VX_NOENT);
    /* To a bypass domain and back. */
    g_assert_cmpuint(vx_attach_bypass(f, 9, VX_OTHER), ==, VX_OK);
    g_assert_cmphex(vx_dma_of(other, FX_R, PAGE), ==, PAGE);
    g_assert_cmpuint(vx_attach(f, 8, VX_OTHER), ==, VX_OK);
    g_assert_cmphex(vx_dma_of(other, FX_R, PAGE), ==, VX_REFUSED);
    g_assert_cmpuint(vx_domains(f), ==, 1);
    vx_free(f);
}

/* 5.1, 7: a mapping is where the new endpoint has a region. */
static void test_attach_suits(void)
{
    static const NyxVioRegion region = { 0x10000, 0x1ffff, 0 };
    Vx *f = vx_new_attached(NULL);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);

    vx_regions(f, VX_OTHER, &region, 1);
    vx_attach(f, 8, VX_OTHER);
    vx_map(f, 8, 0, PAGE - 1, 6 * PAGE, FX_R);
    vx_map(f, VX_DOMAIN, 0xf000, 0x10fff, 5 * PAGE, FX_R);
    vx_forget(f);
    g_assert_cmpuint(vx_attach(f, VX_DOMAIN, VX_OTHER), ==, VX_UNSUPP);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_MAP_RESERVED), ==, 1);
    g_assert_cmphex(vx_dma_of(other, FX_R, 0), ==, 6 * PAGE);
    g_assert_cmpuint(f->endpoint_changes->len, ==, 0);
    vx_unmap(f, VX_DOMAIN, 0xf000, 0x10fff);
    vx_map(f, VX_DOMAIN, 0xf000, 0xffff, 5 * PAGE, FX_R);
    vx_map(f, VX_DOMAIN, 0x20000, 0x20fff, 5 * PAGE, FX_R);
    g_assert_cmpuint(vx_attach(f, VX_DOMAIN, VX_OTHER), ==, VX_OK);
    vx_free(f);
}

static void test_domain_limit(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f;

    cfg.max_domains = 3;
    f = vx_new_started(&cfg);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(vx_attach(f, i, 0x20 + i), ==, VX_OK);
    }
    vx_map(f, 0, 0, PAGE - 1, 5 * PAGE, FX_R);
    g_assert_cmpuint(vx_attach(f, 3, 0x23), ==, VX_NOMEM);
    g_assert_cmpuint(vx_attach_bypass(f, 3, 0x23), ==, VX_NOMEM);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_LIMIT), ==, 2);
    g_assert_cmpuint(vx_domains(f), ==, 3);
    /* There is room in what there is. */
    g_assert_cmpuint(vx_attach(f, 0, 0x23), ==, VX_OK);
    /* Two are in 0, which would not end. */
    g_assert_cmpuint(vx_attach(f, 3, 0x23), ==, VX_NOMEM);
    g_assert_cmphex(vx_dma_of(vx_requester(f, 0x23), FX_R, 0), ==, 5 * PAGE);
    /* The old one of a sole member ends. */
    g_assert_cmpuint(vx_attach(f, 3, 0x21), ==, VX_OK);
    g_assert_cmpuint(vx_domains(f), ==, 3);
    g_assert_cmpuint(vx_detach(f, 2, 0x22), ==, VX_OK);
    g_assert_cmpuint(vx_attach(f, 4, 0x23), ==, VX_OK);
    vx_free(f);
}

/* As many as there can be, and each moves. */
static void test_domain_limit_most(void)
{
    Vx *f = vx_new_started(NULL);

    memset(f->exists, true, VX_ENDPOINTS);
    for (unsigned i = 0; i < 65535; i++) {
        FX_CHECK("attach", vx_attach(f, i, i), VX_OK);
    }
    g_assert_cmpuint(vx_attach(f, 65535, 65535), ==, VX_NOMEM);
    for (unsigned i = 0; i < 65535; i += 257) {
        FX_CHECK("move", vx_attach(f, 0x10000 + i, i), VX_OK);
        FX_CHECK("map", vx_map(f, 0x10000 + i, 0, PAGE - 1, i * PAGE, FX_R),
                 VX_OK);
    }
    g_assert_cmpuint(vx_domains(f), ==, 65535);
    for (unsigned i = 0; i < 65535; i += 257 * 16) {
        FX_CHECK("dma", vx_dma_of(vx_requester(f, i), FX_R, 0), i * PAGE);
    }
    nyx_vio_device_reset(f->vio);
    g_assert_cmpuint(vx_domains(f), ==, 0);
    vx_free(f);
}

/* All in one domain, and out again in another order. */
static void test_one_domain(void)
{
    Vx *f = vx_new_started(NULL);

    memset(f->exists, true, VX_ENDPOINTS);
    for (unsigned i = 0; i < 65536; i++) {
        FX_CHECK("attach", vx_attach(f, VX_DOMAIN, i), VX_OK);
    }
    g_assert_cmpuint(nyx_vio_stats(f->vio).endpoints, ==, 65536);
    for (unsigned i = 0; i < 65536; i++) {
        /* 40503 is odd, so that each comes once. */
        uint16_t endpoint = i * 40503;

        FX_CHECK("not there", vx_detach(f, 8, endpoint), VX_INVAL);
        FX_CHECK("detach", i % 2 ? vx_detach(f, VX_DOMAIN, endpoint)
                                 : vx_attach_bypass(f, 8, endpoint), VX_OK);
    }
    g_assert_cmpuint(vx_domains(f), ==, 1);
    g_assert_cmpuint(nyx_vio_stats(f->vio).endpoints, ==, 32768);
    vx_free(f);
}

/* --- DETACH --------------------------------------------------------------- */

static void test_detach_reserved(void)
{
    for (unsigned at = 12; at < 20; at++) {
        Vx *f = vx_new_attached(NULL);
        VxBytes bytes = vx_detach_bytes(VX_DOMAIN, VX_SID);

        vx_put8(&bytes, at, 0xff);
        FX_CHECK("reserved", vx_send(f, &bytes), VX_OK);
        FX_CHECK("reserved", vx_domains(f), 0);
        vx_free(f);
    }
}

static void test_detach_other(void)
{
    Vx *f = vx_new_attached(NULL);

    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 5 * PAGE, FX_R);
    vx_attach(f, 8, VX_OTHER);
    vx_forget(f);
    /* Not there, another's, and QEMU's NOENT for an endpoint in none. */
    g_assert_cmpuint(vx_detach(f, 9, VX_SID), ==, VX_INVAL);
    g_assert_cmpuint(vx_detach(f, 8, VX_SID), ==, VX_INVAL);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_THIRD), ==, VX_INVAL);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_DETACH_OTHER), ==, 3);
    g_assert_cmpuint(f->endpoint_changes->len, ==, 0);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 5 * PAGE);
    g_assert_cmpuint(vx_domains(f), ==, 2);
    vx_free(f);
}

/* Unplugged while it was attached. */
static void test_detach_unplugged(void)
{
    Vx *f = vx_new_attached(NULL);

    f->exists[VX_SID] = false;
    g_assert_cmpuint(vx_attach(f, 8, VX_SID), ==, VX_NOENT);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_SID), ==, VX_NOENT);
    g_assert_cmpuint(vx_domains(f), ==, 0);
    vx_free(f);
}

static void test_detach_id_again(void)
{
    Vx *f = vx_new_attached(NULL);

    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 5 * PAGE, FX_R);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 5 * PAGE);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    g_assert_cmpuint(vx_mappings(f), ==, 0);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, FX_R), ==,
                     VX_NOENT);
    /* The same id, of another kind, then of the first with nothing in it. */
    g_assert_cmpuint(vx_attach_bypass(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 0);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    g_assert_cmpuint(vx_attach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, VX_REFUSED);
    vx_free(f);
}

/* --- What a configuration must not be ------------------------------------- */

static void test_cfg_errors(void)
{
    NyxVioCfg cfg = vx_cfg();

#define REFUSED(field, value)                                        \
    do {                                                             \
        cfg = vx_cfg();                                              \
        cfg.field = value;                                           \
        g_assert_nonnull(nyx_vio_cfg_error(&cfg));                   \
    } while (0)
    REFUSED(input_bits, 31);
    REFUSED(input_bits, 65);
    REFUSED(page_size_mask, 0);
    REFUSED(page_size_mask, 0x800);
    REFUSED(page_size_mask, 0x1800);
    REFUSED(max_domains, 0);
    REFUSED(max_domains, 65536);
    REFUSED(max_mappings, 0);
    REFUSED(max_mappings, (1u << 26) + 1);
    REFUSED(pasid, true);
    REFUSED(page_requests, true);
    REFUSED(n_regions, 17);
#undef REFUSED
    cfg = vx_cfg();
    cfg.regions[0].subtype = 2;
    g_assert_nonnull(nyx_vio_cfg_error(&cfg));
    cfg = vx_cfg();
    cfg.regions[0].last = cfg.regions[0].first - 1;
    g_assert_nonnull(nyx_vio_cfg_error(&cfg));
    cfg = vx_cfg();
    cfg.n_regions = 2;
    cfg.regions[1] = (NyxVioRegion) { VX_MSI_LAST, 0xfef00fff, 0 };
    g_assert_nonnull(nyx_vio_cfg_error(&cfg));
    cfg.regions[1] = (NyxVioRegion) { VX_MSI_LAST + 1, 0xfef00fff, 1 };
    g_assert_nonnull(nyx_vio_cfg_error(&cfg));
    cfg.regions[1].subtype = 0;
    g_assert_null(nyx_vio_cfg_error(&cfg));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(void);
    } tests[] = {
        { "framing/readable", test_readable },
        { "framing/writable", test_writable },
        { "framing/no-tail", test_no_tail_no_effect },
        { "framing/unknown-type", test_unknown_type },
        { "framing/head-reserved", test_head_reserved },
        { "counts", test_counts },
        { "visits", test_visits },
        { "features/map-unmap", test_no_map_unmap },
        { "features/probe", test_no_probe },
        { "features/mmio", test_no_mmio },
        { "features/bypass-config", test_no_bypass_config },
        { "attach/reserved", test_attach_reserved },
        { "attach/flags", test_attach_flags },
        { "attach/endpoint", test_attach_endpoint },
        { "attach/domain-ids", test_attach_domain_ids },
        { "attach/creates", test_attach_creates },
        { "attach/kind", test_attach_kind },
        { "attach/shares", test_attach_shares },
        { "attach/again", test_attach_again },
        { "attach/moves", test_attach_moves },
        { "attach/suits", test_attach_suits },
        { "attach/limit", test_domain_limit },
        { "attach/limit-most", test_domain_limit_most },
        { "attach/one-domain", test_one_domain },
        { "detach/reserved", test_detach_reserved },
        { "detach/other", test_detach_other },
        { "detach/unplugged", test_detach_unplugged },
        { "detach/id-again", test_detach_id_again },
        { "cfg-errors", test_cfg_errors },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("/nyx-virtio/requests/%s",
                                                tests[i].path);

        g_test_add_func(path, tests[i].test);
    }
    return g_test_run();
}
