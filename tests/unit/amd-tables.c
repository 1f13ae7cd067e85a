/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See amd-tables.h.
 */
#include "qemu/osdep.h"
#include "amd-tables.h"

#define ADDR 0x000ffffffffff000ULL

NyxAmdCfg at_cfg(void)
{
    return ax_cfg();
}

NyxAmdCfg at_poor(void)
{
    return (NyxAmdCfg) {
        .pa_bits = 40, .va_bits = 48, .host_levels = 4,
        .dma_remap = true,
        .cache = NYX_CACHE_HARDWARE,
        .cache_seed = 1,
        .iotlb_entries = 64,
    };
}

Ax *at_new(const NyxAmdCfg *cfg)
{
    Ax *f = ax_new_started(cfg);

    if (f->cfg.guest_levels) {
        ax_control_set(f, AX_GTEN);
    }
    return f;
}

void at_control(Ax *f, uint64_t clear, uint64_t set)
{
    ax_write64(f, AX_CONTROL, (ax_read64(f, AX_CONTROL) & ~clear) | set);
}

uint64_t at_dte_addr(Ax *f, uint16_t sid)
{
    return f->devtab + sid * 32;
}

void at_dte(Ax *f, uint16_t sid, uint64_t w0, uint64_t w1, uint64_t w2,
            uint64_t w3)
{
    uint64_t at = at_dte_addr(f, sid);

    fx_mem_poke(&f->mem, at + 24, w3);
    fx_mem_poke(&f->mem, at + 16, w2);
    fx_mem_poke(&f->mem, at + 8, w1);
    fx_mem_poke(&f->mem, at, w0);
}

uint64_t at_domain(Ax *f, uint16_t sid, uint16_t did, unsigned mode)
{
    uint64_t root = fx_mem_pages(&f->mem, 1);

    at_dte(f, sid, AT_OPEN | AT_MODE(mode) | root, did, 0, 0);
    return root;
}

uint64_t at_entry(Ax *f, uint64_t root, unsigned mode, uint64_t iova,
                  unsigned level)
{
    uint64_t table = root;

    for (unsigned n = mode; ; n--) {
        uint64_t at = table + (iova >> (12 + 9 * (n - 1)) & 511) * 8;

        if (n == level) {
            return at;
        }
        if (!(fx_mem_peek(&f->mem, at) & 1)) {
            fx_mem_poke(&f->mem, at, fx_mem_pages(&f->mem, 1) |
                        (uint64_t)(n - 1) << 9 | AT_IR | AT_IW | 1);
        }
        table = fx_mem_peek(&f->mem, at) & ADDR;
    }
}

void at_map(Ax *f, uint64_t root, unsigned mode, uint64_t iova, uint64_t addr,
            unsigned lg2, unsigned rw)
{
    unsigned level = (lg2 - 12) / 9 + 1, own = 12 + 9 * (level - 1);
    uint64_t entry = addr | AT_RIGHTS(rw) | 1;

    if (lg2 > own) {
        /* Ones below the highest bit within the page, which is zero. */
        entry |= 7 << 9 | ((1ULL << (lg2 - 1)) - 0x1000);
    }
    for (unsigned i = 0; i < 1u << (lg2 - own); i++) {
        fx_mem_poke(&f->mem, at_entry(f, root, mode,
                                      iova + ((uint64_t)i << own), level),
                    entry);
    }
}

void at_unmap(Ax *f, uint64_t root, unsigned mode, uint64_t iova,
              unsigned lg2)
{
    unsigned level = (lg2 - 12) / 9 + 1, own = 12 + 9 * (level - 1);

    for (unsigned i = 0; i < 1u << (lg2 - own); i++) {
        fx_mem_poke(&f->mem, at_entry(f, root, mode,
                                      iova + ((uint64_t)i << own), level), 0);
    }
}

uint64_t at_guest_entry(Ax *f, uint64_t cr3, unsigned levels, uint64_t gva,
                        unsigned level, uint64_t bias)
{
    uint64_t table = cr3 + bias;

    for (unsigned n = levels; ; n--) {
        uint64_t at = table + (gva >> (12 + 9 * (n - 1)) & 511) * 8;

        if (n == level) {
            return at;
        }
        if (!(fx_mem_peek(&f->mem, at) & 1)) {
            fx_mem_poke(&f->mem, at,
                        (fx_mem_pages(&f->mem, 1) - bias) | 7);
        }
        table = (fx_mem_peek(&f->mem, at) & ADDR) + bias;
    }
}

void at_guest_map(Ax *f, uint64_t cr3, unsigned levels, uint64_t gva,
                  uint64_t gpa, unsigned lg2, uint64_t bits, uint64_t bias)
{
    unsigned level = (lg2 - 12) / 9 + 1;

    fx_mem_poke(&f->mem, at_guest_entry(f, cr3, levels, gva, level, bias),
                gpa | bits | (level > 1 ? 0x80 : 0) | 5);
}

uint64_t at_gcr3_entry(Ax *f, uint64_t root, unsigned glx, uint32_t pasid)
{
    uint64_t table = root;

    for (unsigned level = glx; ; level--) {
        uint64_t at = table + (pasid >> 9 * level & 511) * 8;

        if (!level) {
            return at;
        }
        if (!(fx_mem_peek(&f->mem, at) & 1)) {
            fx_mem_poke(&f->mem, at, fx_mem_pages(&f->mem, 1) | 1);
        }
        table = fx_mem_peek(&f->mem, at) & ADDR;
    }
}

/* --- Commands, requests, events ------------------------------------------- */

void at_inv_page(Ax *f, uint16_t did, uint64_t iova, bool leaf_only)
{
    ax_submit(f, 3ULL << 60 | (uint64_t)did << 32,
              (iova & ~0xfffULL) | (leaf_only ? 0 : 2));
}

void at_inv_domain(Ax *f, uint16_t did)
{
    ax_inv_pages(f, did, 0, 64);
}

NyxReply at_request(Ax *f, uint16_t sid, const NyxRequest *req)
{
    NyxReply reply = { };
    bool ok = nyx_amd_translate(f->r, sid, req, &reply);

    g_assert_true(ok == reply.ok);
    if (ok) {
        g_assert_cmphex(reply.addr & reply.addr_mask, ==,
                        req->iova & reply.addr_mask);
    }
    return reply;
}

uint64_t at_dma_as(Ax *f, uint16_t sid, unsigned access, uint64_t iova)
{
    const NyxRequest req = { .access = access, .iova = iova };
    NyxReply reply = at_request(f, sid, &req);

    return reply.ok ? reply.addr : AX_REFUSED;
}

uint64_t at_dma(Ax *f, unsigned access, uint64_t iova)
{
    return at_dma_as(f, AX_SID, access, iova);
}

NyxReply at_pasid(Ax *f, uint32_t pasid, unsigned access, uint64_t iova)
{
    const NyxRequest req = {
        .access = access, .iova = iova, .has_pasid = true, .pasid = pasid,
    };

    return at_request(f, AX_SID, &req);
}

bool at_event(Ax *f, uint64_t event[2])
{
    AxEvent found = ax_take_event(f);

    event[0] = found.lo;
    event[1] = found.hi;
    return found.valid;
}

void at_forget_events(Ax *f)
{
    while (ax_take_event(f).valid) {
        continue;
    }
}
