/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builders of vtd-scalable.h.
 */
#include "qemu/osdep.h"
#include "vtd-scalable.h"

#define ADDR_MASK 0x000ffffffffff000ULL

NyxVtdCfg sm_cfg(void)
{
    NyxVtdCfg cfg = fx_cfg();

    cfg.scalable_mode = true;
    cfg.first_stage = true;
    cfg.second_stage = true;
    cfg.nested = true;
    cfg.first_1g = true;
    cfg.first_5_levels = true;
    cfg.second_ad = true;
    cfg.extended_accessed = true;
    cfg.supervisor = true;
    cfg.execute = true;
    cfg.rid_pasid = true;
    cfg.rid_priv = true;
    cfg.page_requests = true;
    cfg.pasid_bits = 20;
    return cfg;
}

void sm_start(Fx *f)
{
    fx_root_latch(f, 1);
    fx_queue_start_wide(f, 0);
    sm_flush(f);
    fx_gcmd(f, 31, true);
}

void sm_flush(Fx *f)
{
    fx_flush_context_global(f);
    fx_flush_iotlb_global(f);
}

/* --- Root to PASID entry -------------------------------------------------- */

uint64_t sm_context_addr(Fx *f, uint16_t sid)
{
    uint64_t at = f->root + (sid >> 8) * 16 + (sid & 0x80 ? 8 : 0);
    uint64_t half = fx_mem_peek(&f->mem, at);

    if (!(half & 1)) {
        half = fx_mem_pages(&f->mem, 1) | 1;
        fx_mem_poke(&f->mem, at, half);
    }
    return (half & ADDR_MASK) + (sid & 0x7f) * 32;
}

uint64_t sm_function(Fx *f, uint16_t sid, unsigned pdts)
{
    uint64_t at = sm_context_addr(f, sid);
    unsigned pages = 1u << (pdts + 7) >> 9;

    if (!(fx_mem_peek(&f->mem, at) & 1)) {
        fx_mem_poke(&f->mem, at, fx_mem_pages(&f->mem, pages ? pages : 1) |
                                 pdts << 9 | 0x1d);
    }
    return at;
}

uint64_t sm_directory_addr(Fx *f, uint16_t sid, uint32_t pasid)
{
    uint64_t ctx = fx_mem_peek(&f->mem, sm_context_addr(f, sid));

    return (ctx & ADDR_MASK) + (pasid >> 6) * 8;
}

uint64_t sm_pasid_addr(Fx *f, uint16_t sid, uint32_t pasid)
{
    uint64_t at = sm_directory_addr(f, sid, pasid);
    uint64_t entry = fx_mem_peek(&f->mem, at);

    if (!(entry & 1)) {
        entry = fx_mem_pages(&f->mem, 1) | 1;
        fx_mem_poke(&f->mem, at, entry);
    }
    return (entry & ADDR_MASK) + (pasid & 63) * 64;
}

void sm_poke_entry(Fx *f, uint64_t at, uint64_t w0, uint64_t w1, uint64_t w2)
{
    fx_mem_poke(&f->mem, at + 8, w1);
    fx_mem_poke(&f->mem, at + 16, w2);
    fx_mem_poke(&f->mem, at, w0);
}

SmSpace sm_space(Fx *f, uint16_t sid, uint32_t pasid, unsigned pgtt,
                 uint16_t did, unsigned fs_levels, unsigned ss_levels)
{
    SmSpace s = { .f = f, .pgtt = pgtt, .did = did };
    uint64_t w0 = pgtt << 6 | 1, w2 = 0;

    sm_function(f, sid, 7);
    s.at = sm_pasid_addr(f, sid, pasid);
    if (pgtt == SM_SECOND || pgtt == SM_NESTED) {
        s.ss_levels = ss_levels;
        s.ss = fx_mem_pages(&f->mem, 1);
        w0 |= s.ss | (ss_levels - 2) << 2;
    }
    if (pgtt == SM_PASS) {
        w0 |= (f->cfg.aw_bits - 30) / 9 << 2;
    }
    if (pgtt == SM_FIRST || pgtt == SM_NESTED) {
        s.fs_levels = fs_levels;
        s.fs = fx_mem_pages(&f->mem, 1);
        w2 = s.fs | (fs_levels - 4) << 2;
    }
    if (pgtt == SM_NESTED) {
        w2 += SM_BIAS;
        sm_ss_map(&s, s.fs + SM_BIAS, s.fs, 12, FX_RW);
    }
    sm_poke_entry(f, s.at, w0, did, w2);
    return s;
}

/* --- Page tables ---------------------------------------------------------- */

uint64_t sm_ss_entry(const SmSpace *s, uint64_t gpa, unsigned level)
{
    return fx_entry(s->f, s->ss, s->ss_levels, gpa, level);
}

uint64_t sm_fs_entry(const SmSpace *s, uint64_t iova, unsigned level)
{
    FxMem *mem = &s->f->mem;
    uint64_t bias = s->pgtt == SM_NESTED ? SM_BIAS : 0;
    uint64_t table = s->fs;

    for (unsigned n = s->fs_levels; ; n--) {
        uint64_t at = table + ((iova >> (12 + 9 * (n - 1))) & 511) * 8;

        if (n == level) {
            return at;
        }
        if (!(fx_mem_peek(mem, at) & 1)) {
            table = fx_mem_pages(mem, 1);
            fx_mem_poke(mem, at, (table + bias) | SM_FS_USER);
            if (bias) {
                sm_ss_map(s, table + bias, table, 12, FX_RW);
            }
        }
        table = (fx_mem_peek(mem, at) & ADDR_MASK) - bias;
    }
}

void sm_fs_map(const SmSpace *s, uint64_t iova, uint64_t addr, unsigned lg2,
               uint64_t bits)
{
    fx_mem_poke(&s->f->mem, sm_fs_entry(s, iova, (lg2 - 12) / 9 + 1),
                addr | bits | (lg2 > 12 ? 0x80 : 0));
}

void sm_ss_map(const SmSpace *s, uint64_t gpa, uint64_t addr, unsigned lg2,
               uint64_t bits)
{
    fx_mem_poke(&s->f->mem, sm_ss_entry(s, gpa, (lg2 - 12) / 9 + 1),
                addr | bits | (lg2 > 12 ? 0x80 : 0));
}

void sm_map(const SmSpace *s, uint64_t iova, uint64_t addr, unsigned lg2)
{
    uint64_t gpa = (iova + addr) & ((1ULL << 38) - 1);

    switch (s->pgtt) {
    case SM_FIRST:
        sm_fs_map(s, iova, addr, lg2, SM_FS_USER);
        break;
    case SM_SECOND:
        sm_ss_map(s, iova, addr, lg2, FX_RW);
        break;
    case SM_NESTED:
        sm_fs_map(s, iova, gpa, lg2, SM_FS_USER);
        sm_ss_map(s, gpa, addr, lg2, FX_RW);
        break;
    }
}

/* --- Requests ------------------------------------------------------------- */

NyxReply sm_request(Fx *f, uint16_t sid, uint32_t pasid, NyxRequestType type,
                    unsigned access, uint64_t iova)
{
    const NyxRequest req = {
        .type = type, .access = access, .iova = iova,
        .has_pasid = pasid != SM_NO_PASID,
        .pasid = pasid == SM_NO_PASID ? 0 : pasid,
    };
    NyxReply reply = { };
    bool ok = nyx_vtd_translate(f->r, sid, &req, &reply);

    g_assert_true(ok == reply.ok);
    return reply;
}

uint64_t sm_dma(Fx *f, uint32_t pasid, unsigned access, uint64_t iova)
{
    NyxReply reply = sm_request(f, FX_SID, pasid, NYX_REQ_UNTRANSLATED,
                                access, iova);

    return reply.ok ? reply.addr : FX_REFUSED;
}

/* --- Scenes --------------------------------------------------------------- */

void sc_poke(SmScene *s, uint64_t gpa, uint64_t value)
{
    uint64_t old = fx_mem_peek(&s->f->mem, gpa);

    g_array_append_val(s->undo, gpa);
    g_array_append_val(s->undo, old);
    fx_mem_poke(&s->f->mem, gpa, value);
}

void sc_or(SmScene *s, uint64_t gpa, uint64_t bits)
{
    sc_poke(s, gpa, fx_mem_peek(&s->f->mem, gpa) | bits);
}

void sc_clear(SmScene *s, uint64_t gpa, uint64_t bits)
{
    sc_poke(s, gpa, fx_mem_peek(&s->f->mem, gpa) & ~bits);
}

void sc_alias(SmScene *s, uint32_t pasid, uint32_t alias)
{
    uint64_t at = sm_pasid_addr(s->f, FX_SID, alias);

    for (unsigned i = 0; i < 8; i++) {
        sc_poke(s, at + 8 * i,
                fx_mem_peek(&s->f->mem, s->space[pasid].at + 8 * i));
    }
}

void sc_hole(SmScene *s, uint64_t gpa, unsigned bytes)
{
    fx_mem_hole(&s->f->mem, gpa, gpa + bytes - 1);
}

void sc_mend(SmScene *s)
{
    while (s->undo->len) {
        uint64_t *pair = &g_array_index(s->undo, uint64_t, s->undo->len - 2);

        fx_mem_poke(&s->f->mem, pair[0], pair[1]);
        g_array_set_size(s->undo, s->undo->len - 2);
    }
    s->read_only = 0;
    fx_mem_no_hole(&s->f->mem);
    sm_flush(s->f);
}

/* Once it has been read, it is gone. */
static void sc_on_read(void *opaque, uint64_t gpa)
{
    SmScene *s = opaque;

    if (s->read_only && gpa == s->read_only) {
        sc_hole(s, gpa, 8);
    }
}

void sc_init(SmScene *s, const NyxVtdCfg *cfg)
{
    NyxVtdCfg all = sm_cfg();

    *s = (SmScene) { .f = fx_new(cfg ? cfg : &all) };
    s->undo = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    s->f->mem.on_read = sc_on_read;
    s->f->mem.on_read_opaque = s;
    for (unsigned pgtt = SM_FIRST; pgtt <= SM_PASS; pgtt++) {
        s->space[pgtt] = sm_space(s->f, FX_SID, pgtt, pgtt, SC_DID + pgtt,
                                  SC_LEVELS, SC_LEVELS);
        sm_map(&s->space[pgtt], SC_IOVA & ~0xfffULL, SC_PAGE, 12);
    }
    s->ctx = sm_context_addr(s->f, FX_SID);
    s->dir = sm_directory_addr(s->f, FX_SID, 0);
    sm_start(s->f);
}

void sc_free(SmScene *s)
{
    g_array_free(s->undo, TRUE);
    fx_free(s->f);
}

uint64_t sc_good(uint32_t pasid)
{
    return pasid == SM_PASS ? SC_IOVA : SC_PAGE + (SC_IOVA & 0xfff);
}
