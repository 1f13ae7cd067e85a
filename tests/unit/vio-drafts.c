/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See vio-drafts.h.
 */
#include "qemu/osdep.h"
#include "vio-drafts.h"

/* --- Requests ------------------------------------------------------------- */

VxBytes vd_attach_bytes(const VdAttach *a)
{
    VxBytes bytes = { .at = { VD_ATTACH_TABLE }, .len = 84 };

    vx_put32(&bytes, 4, a->domain);
    vx_put32(&bytes, 8, a->endpoint);
    vx_put32(&bytes, 12, a->flags);
    vx_put16(&bytes, 16, a->format);
    vx_put32(&bytes, 20, a->pasid);
    vx_put64(&bytes, 24, a->root);
    vx_put64(&bytes, 32, a->format_flags);
    vx_put8(&bytes, 40, a->levels);
    return bytes;
}

VxBytes vd_inv_bytes(const VdInv *inv)
{
    VxBytes bytes = { .at = { VD_INVALIDATE }, .len = 60 };

    vx_put16(&bytes, 4, inv->scope);
    vx_put16(&bytes, 6, inv->caches);
    vx_put16(&bytes, 8, inv->flags);
    vx_put32(&bytes, 12, inv->domain);
    vx_put32(&bytes, 16, inv->pasid);
    vx_put64(&bytes, 32, inv->address);
    vx_put64(&bytes, 40, inv->pages);
    vx_put8(&bytes, 48, inv->shift);
    return bytes;
}

VxBytes vd_resp_bytes(const VdResp *resp)
{
    VxBytes bytes = { .at = { VD_PAGE_RESP }, .len = 36 };

    vx_put32(&bytes, 8, resp->endpoint);
    vx_put32(&bytes, 12, resp->flags);
    vx_put32(&bytes, 16, resp->pasid);
    vx_put32(&bytes, 20, resp->group);
    vx_put16(&bytes, 24, resp->code);
    return bytes;
}

unsigned vd_attach(Vx *f, const VdAttach *a)
{
    const VxBytes bytes = vd_attach_bytes(a);

    return vx_send(f, &bytes);
}

unsigned vd_inv(Vx *f, const VdInv *inv)
{
    const VxBytes bytes = vd_inv_bytes(inv);

    return vx_send(f, &bytes);
}

unsigned vd_resp(Vx *f, const VdResp *resp)
{
    const VxBytes bytes = vd_resp_bytes(resp);

    return vx_send(f, &bytes);
}

unsigned vd_inv_domain(Vx *f, uint32_t domain, uint16_t caches)
{
    return vd_inv(f, &(VdInv) {
        .scope = VD_S_DOMAIN, .caches = caches, .domain = domain,
    });
}

unsigned vd_inv_pasid(Vx *f, uint32_t domain, uint32_t pasid,
                      uint16_t caches)
{
    return vd_inv(f, &(VdInv) {
        .scope = VD_S_PASID, .caches = caches, .flags = VD_INV_PASID,
        .domain = domain, .pasid = pasid,
    });
}

unsigned vd_inv_pages(Vx *f, uint32_t domain, uint32_t pasid, uint64_t iova,
                      uint64_t pages)
{
    bool has_pasid = pasid != VD_NO_PASID;

    return vd_inv(f, &(VdInv) {
        .scope = VD_S_ADDRESS, .caches = VD_C_IOTLB,
        .flags = has_pasid ? VD_INV_PASID : 0,
        .domain = domain, .pasid = has_pasid ? pasid : 0,
        .address = iova, .pages = pages, .shift = 12,
    });
}

NyxVioCfg vd_cfg(void)
{
    NyxVioCfg cfg = vx_cfg();

    cfg.attach_table = true;
    cfg.pasid = true;
    cfg.page_requests = true;
    return cfg;
}

Vx *vd_new(void)
{
    const NyxVioCfg cfg = vd_cfg();

    return vx_new_started(&cfg);
}

/* --- Tables --------------------------------------------------------------- */

const VdFormat vd_formats[4] = {
    { "VT-d first stage", VD_VTD_FIRST, 4, 5,
      VD_NX | VD_WP | VD_SMEP | VD_EA, true, true, true },
    { "AMD v1", VD_AMD_V1, 1, 6, VD_AD, false, false, false },
    { "VT-d second stage", VD_VTD_SECOND, 3, 5, VD_AD, false, false, false },
    { "AMD v2", VD_AMD_V2, 4, 5, VD_AD | VD_NX | VD_US, false, true, true },
};

VdSpace vd_space(Vx *f, uint16_t format, unsigned levels, uint32_t flags)
{
    VdSpace s = { .f = f, .format = format, .flags = flags };
    bool first = format == VD_VTD_FIRST || format == VD_AMD_V2;

    nv_init(&s.t, &f->mem, first, levels, f->cfg.addr_bits);
    s.t.amd = format == VD_AMD_V1 || format == VD_AMD_V2;
    s.t.snoop = false;
    s.t.ad = flags & VD_AD;
    s.t.nxe = flags & VD_NX;
    s.t.us = flags & VD_US;
    s.t.wpe = flags & VD_WP;
    s.t.smep = flags & VD_SMEP;
    s.t.ea = flags & VD_EA;
    return s;
}

static uint64_t rights(const VdSpace *s, unsigned rw)
{
    switch (s->format) {
    case VD_VTD_SECOND:
        return rw;
    case VD_AMD_V1:
        return 1 | (uint64_t)rw << 61;
    default:
        return 5 | (rw & FX_W);
    }
}

void vd_map(const VdSpace *s, uint64_t iova, unsigned level, uint64_t addr,
            unsigned rw)
{
    nv_leaf(&s->t, iova, level, addr, rights(s, rw));
}

void vd_unmap(const VdSpace *s, uint64_t iova, unsigned level)
{
    fx_mem_poke(&s->f->mem, nv_entry(&s->t, iova, level), 0);
}

VdAttach vd_request_for(const VdSpace *s, uint32_t domain, uint32_t endpoint,
                        uint32_t pasid)
{
    bool has_pasid = pasid != VD_NO_PASID;

    return (VdAttach) {
        .domain = domain,
        .endpoint = endpoint,
        .flags = has_pasid ? VD_HAS_PASID : 0,
        .format = s->format,
        .pasid = has_pasid ? pasid : 0,
        .root = s->t.root,
        .format_flags = s->flags,
        .levels = s->t.levels,
    };
}

unsigned vd_give(const VdSpace *s, uint32_t domain, uint32_t endpoint,
                 uint32_t pasid)
{
    const VdAttach a = vd_request_for(s, domain, endpoint, pasid);

    return vd_attach(s->f, &a);
}

/* --- DMA ------------------------------------------------------------------ */

NyxReply vd_request(NyxVioRequester *r, uint32_t pasid, NyxRequestType type,
                    unsigned access, uint64_t iova)
{
    const NyxRequest req = {
        .type = type, .access = access, .iova = iova,
        .has_pasid = pasid != VD_NO_PASID,
        .pasid = pasid != VD_NO_PASID ? pasid : 0,
    };
    NyxReply reply = { };

    nyx_vio_translate(r, vx_sid(r), &req, &reply);
    return reply;
}

uint64_t vd_dma(Vx *f, uint32_t pasid, unsigned access, uint64_t iova)
{
    NyxReply reply = vd_request(f->r, pasid, NYX_REQ_UNTRANSLATED, access,
                                iova);

    return reply.ok ? reply.addr : VX_REFUSED;
}
