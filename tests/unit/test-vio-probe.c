/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PROBE (5.13.6.7) and the properties it gives (5.13.6.8).
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "vio-fixture.h"

#define TOP 0xffffffffffffffffULL

static const NyxVioRegion msi = { VX_MSI_FIRST, VX_MSI_LAST, 1 };

/* What is in the answer is @regions, in order, and zeros. */
static void check_answer(Vx *f, const char *row, const NyxVioRegion *regions,
                         unsigned n)
{
    unsigned at = 0;

    FX_CHECK(row, f->used, VX_PROBE_SPACE + 4);
    for (unsigned i = 0; i < n; i++, at += 24) {
        FX_CHECK(row, lduw_le_p(f->out + at), 1);
        FX_CHECK(row, lduw_le_p(f->out + at + 2), 20);
        FX_CHECK(row, f->out[at + 4], regions[i].subtype);
        FX_CHECK(row, f->out[at + 5] | f->out[at + 6] | f->out[at + 7], 0);
        FX_CHECK(row, ldq_le_p(f->out + at + 8), regions[i].first);
        FX_CHECK(row, ldq_le_p(f->out + at + 16), regions[i].last);
    }
    for (; at < VX_PROBE_SPACE + 4; at++) {
        FX_CHECK(row, f->out[at], 0);
    }
}

static void test_msi(void)
{
    Vx *f = vx_new_started(NULL);

    g_assert_cmpuint(vx_probe(f, VX_SID), ==, VX_OK);
    check_answer(f, "MSI", &msi, 1);
    /* Before and after it is in a domain. */
    vx_attach(f, VX_DOMAIN, VX_SID);
    g_assert_cmpuint(vx_probe(f, VX_SID), ==, VX_OK);
    check_answer(f, "attached", &msi, 1);
    vx_free(f);
}

static void test_nothing(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f;

    cfg.n_regions = 0;
    f = vx_new_started(&cfg);
    g_assert_cmpuint(vx_probe(f, VX_SID), ==, VX_OK);
    check_answer(f, "nothing", NULL, 0);
    vx_free(f);
}

/* 5.5: the device ignores what is reserved. */
static void test_reserved(void)
{
    Vx *f = vx_new_started(NULL);

    for (unsigned at = 8; at < 72; at++) {
        VxBytes bytes = vx_probe_bytes(VX_SID);

        vx_put8(&bytes, at, 0xff);
        FX_CHECK("reserved", vx_send(f, &bytes), VX_OK);
        check_answer(f, "reserved", &msi, 1);
    }
    g_assert_cmpuint(vx_all_findings(f), ==, 0);
    vx_free(f);
}

/* Every length of what is writable: INVAL and no property if too short. */
static void test_room(void)
{
    Vx *f = vx_new_started(NULL);
    const VxBytes bytes = vx_probe_bytes(VX_SID);

    for (unsigned len = 0; len <= VX_PROBE_SPACE + 64; len++) {
        unsigned status = vx_send_out(f, &bytes, len);
        bool enough = len >= VX_PROBE_SPACE + 4;

        FX_CHECK("status", status, len < 4 ? VX_UNANSWERED :
                                   enough ? VX_OK : VX_INVAL);
        FX_CHECK("used", f->used, len < 4 ? 0 :
                                  enough ? VX_PROBE_SPACE + 4 : len);
        if (enough) {
            check_answer(f, "enough", &msi, 1);
        }
        for (unsigned i = 0; !enough && i < len; i++) {
            FX_CHECK("nothing", f->out[i], i + 4 == len ? VX_INVAL : 0);
        }
    }
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_PROBE_SHORT), ==,
                     VX_PROBE_SPACE);
    vx_free(f);
}

static void test_nobody(void)
{
    Vx *f = vx_new_started(NULL);

    g_assert_cmpuint(vx_probe(f, VX_NOBODY), ==, VX_NOENT);
    g_assert_cmpuint(f->used, ==, VX_PROBE_SPACE + 4);
    for (unsigned i = 0; i < VX_PROBE_SPACE; i++) {
        g_assert_cmpuint(f->out[i], ==, 0);
    }
    /* Whether it is there is said before there is too little room. */
    g_assert_cmpuint(vx_send_out(f, &(const VxBytes) {
        .at = { VX_PROBE, 0, 0, 0, 0, 8 }, .len = 72,
    }, 100), ==, VX_NOENT);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_ENDPOINT), ==, 2);
    vx_free(f);
}

typedef struct OwnRow {
    const char *name;
    NyxVioRegion own[3];
    unsigned n_own;
    NyxVioRegion all[6];
    unsigned n;
} OwnRow;

/* The device has 0x10000 to 0x1ffff and the MSI region. */
#define R1 { 0x10000, 0x1ffff, 0 }
#define R2 { VX_MSI_FIRST, VX_MSI_LAST, 1 }

static const OwnRow own_rows[] = {
    { "below", { { 0, 0xfff, 0 } }, 1, { { 0, 0xfff, 0 }, R1, R2 }, 3 },
    { "above", { { 0x100000000, TOP, 0 } }, 1,
      { R1, R2, { 0x100000000, TOP, 0 } }, 3 },
    { "between", { { 0x20000, 0xfedfffff, 0 } }, 1,
      { R1, { 0x20000, 0xfedfffff, 0 }, R2 }, 3 },
    { "inside", { { 0x12000, 0x13fff, 0 } }, 1, { R1, R2 }, 2 },
    { "the same", { R1 }, 1, { R1, R2 }, 2 },
    { "over the start", { { 0xf000, 0x10fff, 0 } }, 1,
      { { 0xf000, 0xffff, 0 }, R1, R2 }, 3 },
    { "over the end", { { 0x1f000, 0x20fff, 0 } }, 1,
      { R1, { 0x20000, 0x20fff, 0 }, R2 }, 3 },
    { "around", { { 0xf000, 0x20fff, 0 } }, 1,
      { { 0xf000, 0xffff, 0 }, R1, { 0x20000, 0x20fff, 0 }, R2 }, 4 },
    { "around everything", { { 0, TOP, 0 } }, 1,
      { { 0, 0xffff, 0 }, R1, { 0x20000, 0xfedfffff, 0 }, R2,
        { 0xfef00000, TOP, 0 } }, 5 },
    { "the host's MSI region is only reserved",
      { { 0x8000000, 0x80fffff, 1 } }, 1,
      { R1, { 0x8000000, 0x80fffff, 0 }, R2 }, 3 },
    { "several", { { 0, 0xfff, 0 }, { 0x1f000, 0x20fff, 0 },
                   { 0xfeef0000, 0xfef0ffff, 0 } }, 3,
      { { 0, 0xfff, 0 }, R1, { 0x20000, 0x20fff, 0 }, R2,
        { 0xfef00000, 0xfef0ffff, 0 } }, 5 },
};

/* An endpoint's own regions, without overlaps and with one MSI region. */
static void test_own(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(own_rows); i++) {
        const OwnRow *row = &own_rows[i];
        NyxVioCfg cfg = vx_cfg();
        Vx *f;

        cfg.n_regions = 2;
        cfg.regions[0] = (NyxVioRegion) R1;
        cfg.regions[1] = (NyxVioRegion) R2;
        f = vx_new_started(&cfg);
        vx_regions(f, VX_SID, row->own, row->n_own);
        FX_CHECK(row->name, vx_probe(f, VX_SID), VX_OK);
        check_answer(f, row->name, row->all, row->n);
        FX_CHECK(row->name, vx_probe(f, VX_OTHER), VX_OK);
        check_answer(f, row->name, cfg.regions, 2);
        vx_free(f);
    }
}

/* As many as there can be, each of the endpoint's around one of all. */
static void test_most(void)
{
    NyxVioCfg cfg = vx_cfg();
    NyxVioRegion own[16], all[48];
    unsigned n = 0;
    Vx *f;

    cfg.n_regions = 16;
    for (unsigned i = 0; i < 16; i++) {
        uint64_t at = i * 0x100000;

        cfg.regions[i] = (NyxVioRegion) { at + 0x10000, at + 0x1ffff, 0 };
        own[i] = (NyxVioRegion) { at, at + 0x2ffff, 0 };
        all[n++] = (NyxVioRegion) { at, at + 0xffff, 0 };
        all[n++] = cfg.regions[i];
        all[n++] = (NyxVioRegion) { at + 0x20000, at + 0x2ffff, 0 };
    }
    f = vx_new_started(&cfg);
    vx_regions(f, VX_SID, own, 16);
    g_assert_cmpuint(vx_probe(f, VX_SID), ==, VX_OK);
    check_answer(f, "most", all, 48);
    vx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-virtio/probe/msi", test_msi);
    g_test_add_func("/nyx-virtio/probe/nothing", test_nothing);
    g_test_add_func("/nyx-virtio/probe/reserved", test_reserved);
    g_test_add_func("/nyx-virtio/probe/room", test_room);
    g_test_add_func("/nyx-virtio/probe/nobody", test_nobody);
    g_test_add_func("/nyx-virtio/probe/own", test_own);
    g_test_add_func("/nyx-virtio/probe/most", test_most);
    return g_test_run();
}
