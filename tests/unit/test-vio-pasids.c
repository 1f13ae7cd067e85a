/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables for PASIDs: in domains of every kind, shared, bounded; ATS, and what
 * endpoints keep; saved state; announcements.
 */
#include "qemu/osdep.h"
#include "vio-drafts.h"

#define IOVA 0x12345000ULL
#define ADDR 0x6789000ULL

/* --- PASIDs --------------------------------------------------------------- */

static uint64_t pasid_faults(Vx *f)
{
    return nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_PASID);
}

static void take_away(Vx *f, uint32_t domain, uint32_t pasid)
{
    const VdAttach a = {
        .domain = domain, .endpoint = VX_SID, .flags = VD_HAS_PASID,
        .pasid = pasid,
    };

    g_assert_cmpuint(vd_attach(f, &a), ==, VX_OK);
}

/* PASIDs of a domain, whose other requests go to @plain as they did. */
static void check_pasids(Vx *f, uint32_t domain, uint64_t plain)
{
    VdSpace one = vd_space(f, VD_VTD_FIRST, 4, 0);
    VdSpace two = vd_space(f, VD_AMD_V2, 5, VD_US);

    vd_map(&one, IOVA, 1, ADDR + 0x1000, FX_RW);
    vd_map(&two, IOVA, 1, ADDR + 0x2000, FX_RW);
    g_assert_cmphex(vx_dma(f, FX_W, IOVA), ==, plain);
    /* No table yet: not even in a bypass domain. */
    g_assert_cmphex(vd_dma(f, 1, FX_R, IOVA), ==, VX_REFUSED);
    g_assert_cmpuint(vd_give(&one, domain, VX_SID, 1), ==, VX_OK);
    g_assert_cmphex(vd_dma(f, 1, FX_W, IOVA), ==, ADDR + 0x1000);
    g_assert_cmphex(vd_dma(f, 0, FX_W, IOVA), ==, VX_REFUSED);
    g_assert_cmphex(vd_dma(f, 1 << 16, FX_W, IOVA), ==, VX_REFUSED);
    g_assert_cmphex(vd_dma(f, 1 << 20 | 1, FX_W, IOVA), ==, VX_REFUSED);
    g_assert_cmpuint(pasid_faults(f), ==, 4);
    /* Replaced, and taken away. */
    g_assert_cmpuint(vd_give(&two, domain, VX_SID, 1), ==, VX_OK);
    g_assert_cmphex(vd_dma(f, 1, FX_W, IOVA), ==, ADDR + 0x2000);
    g_assert_cmphex(vx_dma(f, FX_W, IOVA), ==, plain);
    take_away(f, domain, 1);
    g_assert_cmpuint(pasid_faults(f), ==, 4);
    g_assert_cmphex(vd_dma(f, 1, FX_W, IOVA), ==, VX_REFUSED);
    g_assert_cmpuint(pasid_faults(f), ==, 5);
    g_assert_cmphex(vx_dma(f, FX_W, IOVA), ==, plain);
    /* The domain's end is theirs. */
    g_assert_cmpuint(vd_give(&two, domain, VX_SID, 1), ==, VX_OK);
    g_assert_cmpuint(vx_detach(f, domain, VX_SID), ==, VX_OK);
    g_assert_cmpuint(vx_attach_bypass(f, domain, VX_SID), ==, VX_OK);
    g_assert_cmphex(vd_dma(f, 1, FX_W, IOVA), ==, VX_REFUSED);
}

static void test_pasid_mappings(void)
{
    Vx *f = vd_new();

    vx_attach(f, 1, VX_SID);
    vx_map(f, 1, IOVA, IOVA + 0xfff, ADDR, FX_RW);
    check_pasids(f, 1, ADDR);
    vx_free(f);
}

static void test_pasid_bypass(void)
{
    Vx *f = vd_new();

    vx_attach_bypass(f, 1, VX_SID);
    check_pasids(f, 1, IOVA);
    vx_free(f);
}

static void test_pasid_tables(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_AMD_V1, 4, 0);

    vd_map(&s, IOVA, 1, ADDR, FX_RW);
    vd_give(&s, 1, VX_SID, VD_NO_PASID);
    check_pasids(f, 1, ADDR);
    vx_free(f);
}

/* Without a domain there is none, whether or not the rest bypasses. */
static void test_pasid_unattached(void)
{
    Vx *f = vd_new();

    g_assert_cmphex(vx_dma(f, FX_R, IOVA), ==, IOVA);
    g_assert_cmphex(vd_dma(f, 1, FX_R, IOVA), ==, VX_REFUSED);
    g_assert_cmpuint(pasid_faults(f), ==, 1);
    vx_set_bypass(f, false);
    g_assert_cmphex(vd_dma(f, 1, FX_R, IOVA), ==, VX_REFUSED);
    g_assert_cmpuint(pasid_faults(f), ==, 1);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_DETACHED),
                     ==, 1);
    /* A driver without the feature knows nothing of them. */
    nyx_vio_set_features(f->vio, 0);
    vx_set_bypass(f, true);
    nyx_vio_reset(f->vio);
    g_assert_cmphex(vd_dma(f, 1, FX_R, IOVA), ==, IOVA);
    vx_free(f);
}

/* The width is an option. */
static void test_width(void)
{
    NyxVioCfg cfg = vd_cfg();
    VdSpace s;
    Vx *f;

    cfg.pasid_bits = 16;
    f = vx_new_started(&cfg);
    s = vd_space(f, VD_VTD_SECOND, 4, 0);
    vd_map(&s, IOVA, 1, ADDR, FX_RW);
    vx_attach_bypass(f, 1, VX_SID);
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, 0xffff), ==, VX_OK);
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, 0), ==, VX_OK);
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, 0x10000), ==, VX_RANGE);
    g_assert_cmpuint(vd_inv_pasid(f, 1, 0xffff, VD_C_IOTLB), ==, VX_OK);
    g_assert_cmpuint(vd_inv_pasid(f, 1, 0x10000, VD_C_IOTLB), ==, VX_RANGE);
    g_assert_cmpuint(vd_resp(f, &(VdResp) { VX_SID, 1, 0x10000, 1, 0 }), ==,
                     VX_RANGE);
    g_assert_cmphex(vd_dma(f, 0xffff, FX_R, IOVA), ==, ADDR);
    g_assert_cmphex(vd_dma(f, 0x10000, FX_R, IOVA), ==, VX_REFUSED);
    g_assert_cmpuint(pasid_faults(f), ==, 1);
    vx_free(f);
}

/* A supervisor's translation is not a user's. */
static void test_privilege(void)
{
    static const uint16_t ids[] = { VD_VTD_FIRST, VD_AMD_V2 };

    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        Vx *f = vd_new();
        VdSpace s = vd_space(f, ids[i], 4, i ? VD_US : 0);
        NyxReply reply;

        fx_mem_poke(&f->mem, nv_entry(&s.t, IOVA, 1), ADDR | 3);
        vx_attach_bypass(f, 1, VX_SID);
        vd_give(&s, 1, VX_SID, 9);
        reply = vd_request(f->r, 9, NYX_REQ_UNTRANSLATED,
                           FX_RW | NYX_ACCESS_PRIV, IOVA);
        g_assert_cmphex(reply.addr, ==, ADDR);
        g_assert_cmphex(vd_dma(f, 9, FX_R, IOVA), ==, VX_REFUSED);
        g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r,
                                             NVIO_FAULT_TABLE_DENIED), ==, 1);
        /* Who only asks learns that, and nobody else does. */
        vx_forget(f);
        reply = vd_request(f->r, 9, NYX_REQ_UNTRANSLATED, 0, IOVA);
        g_assert_false(reply.ok);
        reply = vd_request(f->r, 9, NYX_REQ_TRANSLATION, FX_R, IOVA);
        g_assert_true(reply.ok);
        g_assert_cmphex(reply.addr, ==, 0);
        g_assert_cmphex(reply.addr_mask, ==, 0xfff);
        g_assert_cmphex(reply.access, ==, 0);
        g_assert_cmpuint(f->events->len, ==, 0);
        vx_free(f);
    }
}

/* All endpoints of a domain share its PASIDs; who leaves has them no more. */
static void test_pasid_shared(void)
{
    Vx *f = vd_new();
    NyxVioRequester *other = vx_requester(f, VX_OTHER);
    VdSpace s = vd_space(f, VD_VTD_SECOND, 4, 0);
    NyxReply reply;

    vd_map(&s, IOVA, 1, ADDR, FX_RW);
    vx_attach_bypass(f, 1, VX_SID);
    vx_attach_bypass(f, 1, VX_OTHER);
    vd_give(&s, 1, VX_OTHER, 9);
    g_assert_cmphex(vd_dma(f, 9, FX_R, IOVA), ==, ADDR);
    reply = vd_request(other, 9, NYX_REQ_UNTRANSLATED, FX_R, IOVA);
    g_assert_cmphex(reply.addr, ==, ADDR);
    vx_detach(f, 1, VX_OTHER);
    g_assert_cmphex(vd_dma(f, 9, FX_R, IOVA), ==, ADDR);
    reply = vd_request(other, 9, NYX_REQ_UNTRANSLATED, FX_R, IOVA);
    g_assert_false(reply.ok);
    vx_free(f);
}

/* No guest takes memory without end. */
static void test_limit(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_SECOND, 4, 0);

    vx_attach_bypass(f, 1, VX_SID);
    for (uint32_t pasid = 0; pasid < 65536; pasid++) {
        g_assert_cmpuint(vd_give(&s, 1, VX_SID, pasid), ==, VX_OK);
    }
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, 65536), ==, VX_NOMEM);
    g_assert_cmpuint(vd_give(&s, 2, VX_OTHER, VD_NO_PASID), ==, VX_NOMEM);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_LIMIT), ==, 2);
    g_assert_cmpuint(nyx_vio_stats(f->vio).domains, ==, 1);
    take_away(f, 1, 77);
    g_assert_cmpuint(vd_give(&s, 2, VX_OTHER, VD_NO_PASID), ==, VX_OK);
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, 77), ==, VX_NOMEM);
    vx_detach(f, 1, VX_SID);
    vx_attach_bypass(f, 1, VX_SID);
    for (uint32_t pasid = 0; pasid < 65535; pasid++) {
        g_assert_cmpuint(vd_give(&s, 1, VX_SID, pasid), ==, VX_OK);
    }
    g_assert_cmpuint(vd_give(&s, 1, VX_SID, 65535), ==, VX_NOMEM);
    vx_free(f);
}

/* --- ATS ------------------------------------------------------------------ */

static void test_ats(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_FIRST, 4, 0);
    uint64_t leaf = nv_entry(&s.t, IOVA, 1);
    NyxReply reply;

    vd_map(&s, IOVA, 1, ADDR, FX_RW);
    vd_map(&s, IOVA + 0x1000, 1, ADDR, FX_R);
    /* For supervisors */
    fx_mem_poke(&f->mem, nv_entry(&s.t, IOVA + 0x2000, 1), ADDR | 3);
    vx_attach_bypass(f, 1, VX_SID);
    vd_give(&s, 1, VX_SID, 9);
    reply = vd_request(f->r, 9, NYX_REQ_TRANSLATION, FX_RW, IOVA);
    g_assert_true(reply.ok);
    g_assert_cmphex(reply.addr, ==, ADDR);
    g_assert_cmphex(reply.access, ==, FX_RW);
    /* Who is given a page may write to it later, so it is dirty now. */
    g_assert_cmphex(fx_mem_peek(&f->mem, leaf) & 0x60, ==, 0x60);
    fx_mem_poke(&f->mem, leaf, fx_mem_peek(&f->mem, leaf) & ~0x60ULL);
    vd_inv_pasid(f, 1, 9, VD_C_IOTLB);
    reply = vd_request(f->r, 9, NYX_REQ_TRANSLATION, FX_R, IOVA);
    g_assert_cmphex(reply.access, ==, FX_R);
    g_assert_cmphex(fx_mem_peek(&f->mem, leaf) & 0x60, ==, 0x20);
    reply = vd_request(f->r, 9, NYX_REQ_TRANSLATION, FX_RW, IOVA + 0x1000);
    g_assert_cmphex(reply.access, ==, FX_R);
    /* Nor does a page that was read before hide that. */
    fx_mem_poke(&f->mem, leaf, fx_mem_peek(&f->mem, leaf) & ~0x60ULL);
    vd_inv_pasid(f, 1, 9, VD_C_IOTLB);
    g_assert_cmphex(vd_dma(f, 9, FX_R, IOVA), ==, ADDR);
    reply = vd_request(f->r, 9, NYX_REQ_TRANSLATION, FX_RW, IOVA);
    g_assert_cmphex(reply.access, ==, FX_RW);
    g_assert_cmphex(fx_mem_peek(&f->mem, leaf) & 0x60, ==, 0x60);
    /* No mapping and no right: a completion that says so, and no event. */
    reply = vd_request(f->r, 9, NYX_REQ_TRANSLATION, FX_RW, IOVA + 0x5000);
    g_assert_true(reply.ok);
    g_assert_cmphex(reply.access, ==, 0);
    reply = vd_request(f->r, 9, NYX_REQ_TRANSLATION, FX_RW, IOVA + 0x2000);
    g_assert_true(reply.ok);
    g_assert_cmphex(reply.access, ==, 0);
    reply = vd_request(f->r, 9, NYX_REQ_TRANSLATION,
                       FX_RW | NYX_ACCESS_PRIV, IOVA + 0x2000);
    g_assert_cmphex(reply.access, ==, FX_RW | NYX_ACCESS_PRIV);
    g_assert_cmpuint(f->events->len, ==, 0);
    /* An error is none of those. */
    fx_mem_poke(&f->mem, nv_entry(&s.t, IOVA + 0x1000, 1), ADDR | 7 |
                1ULL << 50);
    vd_inv_pasid(f, 1, 9, VD_C_IOTLB);
    reply = vd_request(f->r, 9, NYX_REQ_TRANSLATION, FX_RW, IOVA + 0x1000);
    g_assert_false(reply.ok);
    g_assert_cmpuint(f->events->len, ==, 1);
    /* What was translated is not looked at again. */
    reply = vd_request(f->r, 9, NYX_REQ_TRANSLATED, FX_RW, ADDR);
    g_assert_cmphex(reply.addr, ==, ADDR);
    /* A PASID without a table is an error, too. */
    reply = vd_request(f->r, 8, NYX_REQ_TRANSLATION, FX_RW, IOVA);
    g_assert_false(reply.ok);
    g_assert_cmpuint(pasid_faults(f), ==, 1);
    vx_free(f);
}

/* A PASID that goes takes what endpoints keep of it along. */
static void test_device_tlbs(void)
{
    Vx *f = vd_new();
    VdSpace s = vd_space(f, VD_VTD_FIRST, 4, 0);
    const NyxVioDeviceTlb *inv = (void *)f->devtlb->data;
    uint64_t work;

    vd_map(&s, IOVA, 1, ADDR, FX_RW);
    vx_attach_bypass(f, 1, VX_SID);
    vd_give(&s, 1, VX_SID, 9);
    take_away(f, 1, 9);
    g_assert_cmpuint(f->devtlb->len, ==, 0);
    vd_give(&s, 1, VX_SID, 9);
    vd_request(f->r, 9, NYX_REQ_TRANSLATION, FX_RW, IOVA);
    take_away(f, 1, 9);
    inv = (void *)f->devtlb->data;
    g_assert_cmpuint(f->devtlb->len, ==, 1);
    g_assert_true(inv->has_pasid);
    g_assert_cmpuint(inv->pasid, ==, 9);
    g_assert_cmpuint(inv->sid, ==, VX_SID);
    g_assert_cmpuint(inv->lg2, ==, 64);
    /* With the domain, all of its PASIDs. */
    vd_give(&s, 1, VX_SID, 9);
    vd_give(&s, 1, VX_SID, 10);
    vx_forget(f);
    vd_inv_domain(f, 1, VD_C_IOTLB);
    g_assert_cmpuint(f->devtlb->len, ==, 0);
    work = nyx_vio_work(f->vio);
    vd_inv_domain(f, 1, VD_C_DEVICE);
    g_assert_cmpuint(f->devtlb->len, ==, 3);
    g_assert_cmpuint(nyx_vio_work(f->vio) - work, ==, 2);
    inv = (void *)f->devtlb->data;
    g_assert_false(inv[0].has_pasid);
    g_assert_true(inv[1].has_pasid && inv[2].has_pasid);
    g_assert_cmpuint(inv[1].pasid + inv[2].pasid, ==, 19);
    g_assert_cmpuint(inv[1].lg2 + inv[2].lg2, ==, 128);
    /* Those of a domain that is left. */
    vx_forget(f);
    vx_detach(f, 1, VX_SID);
    g_assert_cmpuint(f->devtlb->len, ==, 3);
    inv = (void *)f->devtlb->data;
    g_assert_false(inv[0].has_pasid);
    g_assert_cmpuint(inv[1].pasid + inv[2].pasid, ==, 19);
    vx_attach_bypass(f, 1, VX_SID);
    vd_give(&s, 1, VX_SID, 9);
    vx_forget(f);
    vx_attach_bypass(f, 2, VX_SID);
    g_assert_cmpuint(f->devtlb->len, ==, 2);
    vd_give(&s, 2, VX_SID, 9);
    vx_forget(f);
    nyx_vio_device_reset(f->vio);
    g_assert_cmpuint(f->devtlb->len, ==, 2);
    vx_free(f);
}

/* --- Saved state ---------------------------------------------------------- */

static Vx *saved_scene(NyxVioSaved *saved, VdSpace *s)
{
    Vx *f = vd_new();

    *s = vd_space(f, VD_VTD_FIRST, 5, VD_NX | VD_SMEP);
    vd_map(s, IOVA, 1, ADDR, FX_RW);
    vd_give(s, 1, VX_SID, VD_NO_PASID);
    vx_attach(f, 2, VX_OTHER);
    vd_give(s, 2, VX_OTHER, 9);
    vd_give(s, 2, VX_OTHER, 3);
    nyx_vio_save(f->vio, saved);
    return f;
}

static void test_saved(void)
{
    NyxVioSaved saved;
    VdSpace s;
    Vx *f = saved_scene(&saved, &s);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);
    NyxReply reply;

    g_assert_cmpuint(saved.n_tables, ==, 3);
    g_assert_cmpuint(saved.tables[1].pasid, ==, 3);
    g_assert_cmpuint(saved.tables[2].pasid, ==, 9);
    nyx_vio_device_reset(f->vio);
    g_assert_cmpstr(nyx_vio_load(f->vio, &saved), ==, NULL);
    nyx_vio_set_features(f->vio, nyx_vio_features(f->vio));
    g_assert_cmphex(vx_dma(f, FX_W, IOVA), ==, ADDR);
    reply = vd_request(other, 9, NYX_REQ_UNTRANSLATED, FX_W, IOVA);
    g_assert_cmphex(reply.addr, ==, ADDR);
    reply = vd_request(other, 4, NYX_REQ_UNTRANSLATED, FX_W, IOVA);
    g_assert_false(reply.ok);
    nyx_vio_saved_clear(&saved);
    nyx_vio_save(f->vio, &saved);
    g_assert_cmpuint(saved.n_tables, ==, 3);
    g_assert_cmphex(saved.tables[0].root, ==, s.t.root);
    g_assert_cmphex(saved.tables[0].format_flags, ==, VD_NX | VD_SMEP);
    g_assert_cmpuint(saved.tables[0].levels, ==, 5);
    nyx_vio_saved_clear(&saved);
    vx_free(f);
}

/* What no request can have given. */
static void test_saved_refused(void)
{
    static const struct {
        const char *name;
        unsigned table;
        size_t offset;
        uint32_t value;
    } rows[] = {
        { "domain", 0, offsetof(NyxVioSavedTable, domain), 5 },
        { "domain of another", 2, offsetof(NyxVioSavedTable, domain), 1 },
        { "flags", 0, offsetof(NyxVioSavedTable, flags), 2 },
        { "no own one", 0, offsetof(NyxVioSavedTable, flags), 1 },
        { "own one of mappings", 1, offsetof(NyxVioSavedTable, flags), 0 },
        { "format", 0, offsetof(NyxVioSavedTable, format), 1 },
        { "wide format", 0, offsetof(NyxVioSavedTable, format), 0x10004 },
        { "levels", 0, offsetof(NyxVioSavedTable, levels), 6 },
        { "wide levels", 0, offsetof(NyxVioSavedTable, levels), 0x105 },
        { "root", 0, offsetof(NyxVioSavedTable, root), 1 },
        { "format flags", 0, offsetof(NyxVioSavedTable, format_flags), 1 },
        { "PASID of an own one", 0, offsetof(NyxVioSavedTable, pasid), 1 },
        { "PASID twice", 2, offsetof(NyxVioSavedTable, pasid), 3 },
        { "wide PASID", 2, offsetof(NyxVioSavedTable, pasid), 1 << 20 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxVioSaved saved;
        VdSpace s;
        Vx *f = saved_scene(&saved, &s);
        uint8_t *row = (uint8_t *)&saved.tables[rows[i].table];

        memcpy(row + rows[i].offset, &rows[i].value, sizeof(uint32_t));
        nyx_vio_device_reset(f->vio);
        FX_CHECK(rows[i].name, nyx_vio_load(f->vio, &saved) != NULL, true);
        FX_CHECK(rows[i].name, nyx_vio_stats(f->vio).domains, 0);
        nyx_vio_saved_clear(&saved);
        /* Nothing of it is left. */
        nyx_vio_set_features(f->vio, nyx_vio_features(f->vio));
        FX_CHECK(rows[i].name, vd_give(&s, 1, VX_SID, VD_NO_PASID), VX_OK);
        nyx_vio_save(f->vio, &saved);
        FX_CHECK(rows[i].name, saved.n_tables, 1);
        nyx_vio_saved_clear(&saved);
        vx_free(f);
    }
}

/* --- Announcements -------------------------------------------------------- */

/* A second stage is followed; a process's table cannot be. */
static void test_announced(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vd_formats); i++) {
        const VdFormat *fmt = &vd_formats[i];
        Vx *f = vd_new();
        VdSpace s = vd_space(f, fmt->id, 4, 0);
        bool second = !fmt->privilege;
        const VxMap *map;

        nyx_vio_requester_follow(f->r, true);
        vd_map(&s, IOVA, 1, ADDR, FX_RW);
        vd_give(&s, 1, VX_SID, VD_NO_PASID);
        FX_CHECK(fmt->name, f->maps->len, second);
        vx_forget(f);
        vd_map(&s, IOVA + 0x1000, 1, 0x5000, FX_R);
        vd_unmap(&s, IOVA, 1);
        FX_CHECK(fmt->name, f->maps->len, 0);
        /* Not what has a PASID, nor what endpoints keep. */
        vd_give(&s, 1, VX_SID, 3);
        vd_inv_pasid(f, 1, 3, VD_C_IOTLB);
        vd_inv_domain(f, 1, VD_C_DEVICE);
        FX_CHECK(fmt->name, f->maps->len + f->unmaps->len, 0);
        vd_inv_pages(f, 1, VD_NO_PASID, IOVA, 2);
        FX_CHECK(fmt->name, f->maps->len, second);
        FX_CHECK(fmt->name, f->unmaps->len, second);
        if (second && f->maps->len) {
            map = (void *)f->maps->data;
            FX_CHECK(fmt->name, map->block.iova, IOVA + 0x1000);
            FX_CHECK(fmt->name, map->block.addr, 0x5000);
            FX_CHECK(fmt->name, map->block.permission, FX_R);
        }
        vx_forget(f);
        vd_map(&s, IOVA + 0x4000, 1, 0x5000, FX_R);
        vd_inv_domain(f, 1, VD_C_IOTLB);
        FX_CHECK(fmt->name, f->maps->len, second);
        vx_forget(f);
        vx_detach(f, 1, VX_SID);
        FX_CHECK(fmt->name, f->unmaps->len, second);
        vx_free(f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vio/pasids/mappings", test_pasid_mappings);
    g_test_add_func("/vio/pasids/bypass", test_pasid_bypass);
    g_test_add_func("/vio/pasids/tables", test_pasid_tables);
    g_test_add_func("/vio/pasids/unattached", test_pasid_unattached);
    g_test_add_func("/vio/pasids/shared", test_pasid_shared);
    g_test_add_func("/vio/pasids/width", test_width);
    g_test_add_func("/vio/pasids/privilege", test_privilege);
    g_test_add_func("/vio/pasids/limit", test_limit);
    g_test_add_func("/vio/pasids/ats", test_ats);
    g_test_add_func("/vio/pasids/device-tlbs", test_device_tlbs);
    g_test_add_func("/vio/pasids/saved", test_saved);
    g_test_add_func("/vio/pasids/saved-refused", test_saved_refused);
    g_test_add_func("/vio/pasids/announced", test_announced);
    return g_test_run();
}
