/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Features (5.13.3), configuration space (5.13.4), bypass and resets.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define PAGE 0x1000ULL
#define ALL (VX_F_INPUT_RANGE | VX_F_DOMAIN_RANGE | VX_F_MAP_UNMAP | \
             VX_F_PROBE | VX_F_MMIO | VX_F_BYPASS_CONFIG)

/* --- Features ------------------------------------------------------------- */

static void test_features(void)
{
    Vx *f = vx_new(NULL);

    g_assert_cmphex(nyx_vio_features(f->vio), ==, 0x77);
    g_assert_cmphex(nyx_vio_features(f->vio), ==, ALL);
    vx_free(f);
}

/* Drafts are never offered unless they are asked for. */
static void test_draft_features(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f;

    cfg.attach_table = true;
    f = vx_new(&cfg);
    g_assert_cmphex(nyx_vio_features(f->vio), ==, ALL | 1 << 8);
    vx_free(f);
    cfg.pasid = true;
    f = vx_new(&cfg);
    g_assert_cmphex(nyx_vio_features(f->vio), ==, ALL | 1 << 8 | 1 << 9);
    vx_free(f);
    cfg.pasid = false;
    cfg.page_requests = true;
    f = vx_new(&cfg);
    g_assert_cmphex(nyx_vio_features(f->vio), ==, ALL | 1 << 8 | 1 << 10);
    vx_free(f);
}

/* Accepted is what was offered, whatever the transport lets by. */
static void test_accept_more(void)
{
    Vx *f = vx_new(NULL);

    nyx_vio_set_features(f->vio, UINT64_MAX & ~VX_F_PROBE);
    g_assert_cmpuint(vx_probe(f, VX_SID), ==, VX_UNANSWERED);
    vx_attach(f, VX_DOMAIN, VX_SID);
    /* With PAGE_REQUEST events would have 48 bytes. */
    vx_dma(f, FX_R, 0);
    g_assert_cmpuint(vx_take_event(f).len, ==, 24);
    vx_free(f);
}

/* --- Reads ---------------------------------------------------------------- */

static void test_read(void)
{
    Vx *f = vx_new(NULL);

    g_assert_cmphex(vx_config(f, 0, 8), ==, 0xfffffffffffff000);
    g_assert_cmphex(vx_config(f, 8, 8), ==, 0);
    g_assert_cmphex(vx_config(f, 16, 8), ==, 0xffffffffffff);
    g_assert_cmphex(vx_config(f, 24, 4), ==, 0);
    g_assert_cmphex(vx_config(f, 28, 4), ==, 0xffffffff);
    g_assert_cmphex(vx_config(f, 32, 4), ==, VX_PROBE_SPACE);
    g_assert_cmphex(vx_config(f, 36, 4), ==, 1);
    vx_free(f);
}

static void test_input_bits(void)
{
    for (unsigned bits = 32; bits <= 64; bits++) {
        NyxVioCfg cfg = vx_cfg();
        uint64_t last = bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
        Vx *f;

        cfg.input_bits = bits;
        f = vx_new_started(&cfg);
        FX_CHECK("end", vx_config(f, 16, 8), last);
        vx_attach(f, VX_DOMAIN, VX_SID);
        FX_CHECK("last page", vx_map(f, VX_DOMAIN, last - 0xfff, last, 0,
                                     FX_R), VX_OK);
        FX_CHECK("dma", vx_dma(f, FX_R, last), 0xfff);
        if (bits < 64) {
            FX_CHECK("next page", vx_map(f, VX_DOMAIN, last + 1,
                                         last + PAGE, 0, FX_R), VX_RANGE);
            FX_CHECK("next", vx_dma(f, FX_R, last + 1), VX_REFUSED);
            FX_CHECK("fault", nyx_vio_fault_count(f->vio, f->r,
                                                  NVIO_FAULT_RANGE), 1);
        }
        vx_free(f);
    }
}

/* Pages that a host's IOMMU does not have. */
static void test_narrow(void)
{
    Vx *f = vx_new(NULL);

    g_assert_true(nyx_vio_narrow(f->vio, 0x40201000));
    g_assert_cmphex(vx_config(f, 0, 8), ==, 0x40201000);
    g_assert_false(nyx_vio_narrow(f->vio, 0x10000));
    g_assert_cmphex(vx_config(f, 0, 8), ==, 0x40201000);
    g_assert_true(nyx_vio_narrow(f->vio, 0xffffffffffe00000));
    g_assert_cmphex(vx_config(f, 0, 8), ==, 0x40200000);
    nyx_vio_set_features(f->vio, ALL);
    vx_attach(f, VX_DOMAIN, VX_SID);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, 0xfff, 0, FX_R), ==, VX_RANGE);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, 0x1fffff, 0, FX_R), ==, VX_OK);
    vx_free(f);
}

/* --- Writes --------------------------------------------------------------- */

static void test_write_bypass(void)
{
    Vx *f = vx_new_started(NULL);

    vx_set_bypass(f, false);
    g_assert_false(vx_bypass(f));
    g_assert_cmpuint(f->mode_changes, ==, 1);
    vx_set_bypass(f, false);
    g_assert_cmpuint(f->mode_changes, ==, 1);
    vx_set_bypass(f, true);
    g_assert_true(vx_bypass(f));
    g_assert_cmpuint(f->mode_changes, ==, 2);
    g_assert_cmpuint(vx_all_findings(f), ==, 0);
    vx_free(f);
}

/* cloud-hypervisor#8105: a value that is neither 0 nor 1. */
static void test_write_bad_value(void)
{
    for (unsigned now = 0; now < 2; now++) {
        Vx *f = vx_new_started(NULL);

        vx_set_bypass(f, now);
        vx_forget(f);
        for (unsigned value = 2; value < 256; value++) {
            vx_config_write(f, 36, value, 1);
            FX_CHECK("value", vx_config(f, 36, 1), now);
        }
        g_assert_cmpuint(vx_findings(f, NVIO_RULE_CONFIG), ==, 254);
        g_assert_cmpuint(f->mode_changes, ==, 0);
        vx_free(f);
    }
}

static void test_write_not_negotiated(void)
{
    Vx *f = vx_new(NULL);

    nyx_vio_set_features(f->vio, ALL & ~VX_F_BYPASS_CONFIG);
    vx_set_bypass(f, false);
    g_assert_true(vx_bypass(f));
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_CONFIG), ==, 1);
    g_assert_cmpuint(f->mode_changes, ==, 0);
    vx_free(f);
}

/* Every byte but one is read-only, alone and with a good value of bypass. */
static void test_write_other(void)
{
    Vx *f = vx_new_started(NULL);
    uint8_t before[VX_CONFIG_SIZE], after[VX_CONFIG_SIZE];

    nyx_vio_config_read(f->vio, before);
    for (unsigned at = 0; at < VX_CONFIG_SIZE; at++) {
        if (at == 36) {
            continue;
        }
        memcpy(after, before, sizeof(after));
        after[at] ^= 0x11;
        nyx_vio_config_write(f->vio, after);
        after[36] = 0;
        nyx_vio_config_write(f->vio, after);
        nyx_vio_config_read(f->vio, after);
        g_assert_cmpmem(before, sizeof(before), after, sizeof(after));
    }
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_CONFIG), ==, 78);
    vx_free(f);
}

/* --- Bypass (section 6) --------------------------------------------------- */

typedef enum Member { NOWHERE, IN_BYPASS, IN_MAPPINGS } Member;

static const struct {
    const char *name;
    Member member;
    uint64_t features;
    bool bypass;
    uint64_t goes;           /* of address 0x5000 */
    unsigned reason;         /* if it is refused */
} bypass_rows[] = {
    { "bypass domain, bypass=1", IN_BYPASS, ALL, true, 0x5000, 0 },
    { "bypass domain, bypass=0", IN_BYPASS, ALL, false, 0x5000, 0 },
    { "domain, bypass=1", IN_MAPPINGS, ALL, true, VX_REFUSED, 2 },
    { "domain, bypass=0", IN_MAPPINGS, ALL, false, VX_REFUSED, 2 },
    { "domain, not accepted", IN_MAPPINGS, VX_F_MAP_UNMAP, true, VX_REFUSED,
      2 },
    { "unattached, bypass=1", NOWHERE, ALL, true, 0x5000, 0 },
    { "unattached, bypass=0", NOWHERE, ALL, false, VX_REFUSED, 1 },
    { "unattached, bypass=1, not accepted", NOWHERE, VX_F_MAP_UNMAP, true,
      0x5000, 0 },
    { "unattached, bypass=0, not accepted", NOWHERE, VX_F_MAP_UNMAP, false,
      VX_REFUSED, 1 },
    { "no driver, bypass=1", NOWHERE, 0, true, 0x5000, 0 },
    { "no driver, bypass=0", NOWHERE, 0, false, VX_REFUSED, 1 },
};

static void test_bypass_rows(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(bypass_rows); i++) {
        const char *name = bypass_rows[i].name;
        bool direct = bypass_rows[i].goes != VX_REFUSED;
        NyxVioCfg cfg = vx_cfg();
        NyxReply reply;
        Vx *f;

        cfg.boot_bypass = bypass_rows[i].bypass;
        f = vx_new(&cfg);
        nyx_vio_set_features(f->vio, bypass_rows[i].features);
        if (bypass_rows[i].member == IN_BYPASS) {
            FX_CHECK(name, vx_attach_bypass(f, VX_DOMAIN, VX_SID), VX_OK);
        } else if (bypass_rows[i].member == IN_MAPPINGS) {
            FX_CHECK(name, vx_attach(f, VX_DOMAIN, VX_SID), VX_OK);
        }
        FX_CHECK(name, vx_dma(f, FX_R, 0x5000), bypass_rows[i].goes);
        FX_CHECK(name, vx_dma(f, FX_W, 0x5000), bypass_rows[i].goes);
        FX_CHECK(name, nyx_vio_bypassed(f->vio, VX_SID), direct);
        FX_CHECK(name, f->events->len, direct ? 0 : 2);
        FX_CHECK(name, vx_take_event(f).reason, bypass_rows[i].reason);
        reply = vx_request(f, NYX_REQ_UNTRANSLATED, FX_RW, 0x5000);
        FX_CHECK(name, reply.ok, direct);
        if (direct) {
            /* As memory is: any address, any size, read and write. */
            FX_CHECK(name, reply.addr_mask, UINT64_MAX);
            FX_CHECK(name, reply.access & FX_RW, FX_RW);
            FX_CHECK(name, vx_dma(f, FX_W, UINT64_MAX - 1), UINT64_MAX - 1);
        }
        vx_free(f);
    }
}

/* The other rows while DMA is going on. */
static void test_bypass_flips(void)
{
    Vx *f = vx_new_started(NULL);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);

    vx_attach(f, VX_DOMAIN, VX_OTHER);
    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0x9000, FX_R);
    for (unsigned i = 0; i < 10; i++) {
        vx_set_bypass(f, i % 2);
        FX_CHECK("flip", vx_dma(f, FX_R, 0), i % 2 ? 0 : VX_REFUSED);
        FX_CHECK("member", vx_dma_of(other, FX_R, 0), 0x9000);
        FX_CHECK("bypassed", nyx_vio_bypassed(f->vio, VX_SID), i % 2);
        FX_CHECK("bypassed", nyx_vio_bypassed(f->vio, VX_OTHER), false);
        FX_CHECK("changes", f->mode_changes, i + 1);
    }
    vx_free(f);
}

/* Who listens hears that everything may be another way. */
static void test_bypass_tells(void)
{
    Vx *f = vx_new_started(NULL);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);

    nyx_vio_requester_notify(other, true);
    vx_set_bypass(f, false);
    g_assert_cmpuint(f->unmapped->len, ==, 1);
    g_assert_true(g_array_index(f->unmapped, VxUnmapped, 0).r == other);
    g_assert_cmpuint(g_array_index(f->unmapped, VxUnmapped, 0).lg2, ==, 64);
    nyx_vio_requester_notify(other, false);
    vx_set_bypass(f, true);
    g_assert_cmpuint(f->unmapped->len, ==, 1);
    vx_free(f);
}

/* --- Reset (section 8) ---------------------------------------------------- */

/* Everything there can be: domains, mappings, bypass other than at first. */
static Vx *used_device(bool boot_bypass)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f;

    cfg.boot_bypass = boot_bypass;
    f = vx_new_started(&cfg);
    vx_set_bypass(f, !boot_bypass);
    vx_attach(f, VX_DOMAIN, VX_SID);
    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0x9000, FX_R);
    vx_attach(f, VX_DOMAIN, VX_OTHER);
    vx_attach_bypass(f, 8, VX_THIRD);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 0x9000);
    vx_forget(f);
    return f;
}

static void check_empty(Vx *f)
{
    NyxVioStats stats = nyx_vio_stats(f->vio);

    g_assert_cmpuint(stats.domains, ==, 0);
    g_assert_cmpuint(stats.endpoints, ==, 0);
    g_assert_cmpuint(stats.mappings, ==, 0);
    g_assert_cmpuint(stats.mapping_bytes, ==, 0);
}

static void test_device_reset(void)
{
    for (unsigned boot = 0; boot < 2; boot++) {
        Vx *f = used_device(boot);

        nyx_vio_device_reset(f->vio);
        check_empty(f);
        FX_CHECK("bypass", vx_bypass(f), !boot);
        FX_CHECK("told", f->mode_changes, 1);
        FX_CHECK("dma", vx_dma(f, FX_R, 0), boot ? VX_REFUSED : 0);
        /* The features are to be negotiated once more. */
        FX_CHECK("probe", vx_probe(f, VX_SID), VX_UNANSWERED);
        vx_set_bypass(f, boot);
        FX_CHECK("bypass", vx_bypass(f), !boot);
        /* The old domain is not there under its number. */
        nyx_vio_set_features(f->vio, ALL);
        vx_attach(f, VX_DOMAIN, VX_SID);
        FX_CHECK("dma", vx_dma(f, FX_R, 0), VX_REFUSED);
        vx_free(f);
    }
}

static void test_system_reset(void)
{
    for (unsigned boot = 0; boot < 2; boot++) {
        Vx *f = used_device(boot);

        nyx_vio_reset(f->vio);
        check_empty(f);
        FX_CHECK("bypass", vx_bypass(f), boot);
        FX_CHECK("dma", vx_dma(f, FX_R, 0), boot ? 0 : VX_REFUSED);
        FX_CHECK("probe", vx_probe(f, VX_SID), VX_UNANSWERED);
        vx_free(f);
    }
}

/* Twice, and of a device that nobody has used. */
static void test_reset_idle(void)
{
    Vx *f = vx_new(NULL);

    nyx_vio_reset(f->vio);
    nyx_vio_device_reset(f->vio);
    nyx_vio_device_reset(f->vio);
    g_assert_cmpuint(f->mode_changes, ==, 0);
    check_empty(f);
    vx_free(f);
}

/* Reports that wait are of the time before. */
static void test_reset_forgets_events(void)
{
    Vx *f = used_device(true);

    f->events_later = true;
    vx_dma(f, FX_W, 0x5000);
    f->elsewhere = true;
    vx_dma(f, FX_W, 0x6000);
    f->elsewhere = false;
    nyx_vio_device_reset(f->vio);
    f->events_later = false;
    nyx_vio_continue(f->vio);
    g_assert_cmpuint(f->events->len, ==, 0);
    /* They are counted all the same. */
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, NULL, NVIO_FAULT_UNMAPPED),
                     ==, 2);
    vx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-virtio/config/features", test_features);
    g_test_add_func("/nyx-virtio/config/features/drafts",
                    test_draft_features);
    g_test_add_func("/nyx-virtio/config/features/accept-more",
                    test_accept_more);
    g_test_add_func("/nyx-virtio/config/read", test_read);
    g_test_add_func("/nyx-virtio/config/input-bits", test_input_bits);
    g_test_add_func("/nyx-virtio/config/narrow", test_narrow);
    g_test_add_func("/nyx-virtio/config/write/bypass", test_write_bypass);
    g_test_add_func("/nyx-virtio/config/write/bad-value",
                    test_write_bad_value);
    g_test_add_func("/nyx-virtio/config/write/not-negotiated",
                    test_write_not_negotiated);
    g_test_add_func("/nyx-virtio/config/write/other", test_write_other);
    g_test_add_func("/nyx-virtio/config/bypass/rows", test_bypass_rows);
    g_test_add_func("/nyx-virtio/config/bypass/flips", test_bypass_flips);
    g_test_add_func("/nyx-virtio/config/bypass/tells", test_bypass_tells);
    g_test_add_func("/nyx-virtio/config/reset/device", test_device_reset);
    g_test_add_func("/nyx-virtio/config/reset/system", test_system_reset);
    g_test_add_func("/nyx-virtio/config/reset/idle", test_reset_idle);
    g_test_add_func("/nyx-virtio/config/reset/events",
                    test_reset_forgets_events);
    return g_test_run();
}
