/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Anything a guest may do, at random from fixed seeds: registers, queues,
 * tables, requests, interrupts, save and reset.  Nothing crashes or hangs,
 * and what the unit has come to is always a state that it accepts back.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "vtd-scalable.h"

#define POOL_PAGES 48
#define OPERATIONS 6000
#define REQUESTERS 3

typedef struct Chaos {
    Fx *f;
    uint64_t rng;
    uint64_t pool;
    NyxVtdRequester *r[REQUESTERS];
    uint64_t answered;
    uint64_t refused;
    uint64_t interrupts;
    uint64_t pages;
} Chaos;

static uint64_t any(Chaos *c)
{
    return nyx_random(&c->rng);
}

static unsigned below(Chaos *c, unsigned n)
{
    return (any(c) >> 16) % n;
}

/* Mostly few bits, sometimes all, sometimes noise. */
static uint64_t some_bits(Chaos *c)
{
    switch (below(c, 4)) {
    case 0:
        return 1ULL << below(c, 64);
    case 1:
        return any(c) & any(c) & any(c);
    case 2:
        return below(c, 2) ? UINT64_MAX : 0;
    default:
        return any(c);
    }
}

static uint64_t some_page(Chaos *c)
{
    return c->pool + below(c, POOL_PAGES) * 0x1000;
}

/* --- What software writes ------------------------------------------------- */

static const uint32_t registers[] = {
    0x18, 0x18, 0x18, 0x1c, 0x20, 0x20, 0x28, 0x2c, 0x34, 0x34, 0x38, 0x3c,
    0x40, 0x44, 0x64, 0x68, 0x6c, 0x70, 0x78, 0x80, 0x88, 0x88, 0x90, 0x90,
    0x9c, 0xa0, 0xa4, 0xa8, 0xac, 0xb0, 0xb8, 0xb8, 0xc0,
    0xc8, 0xd0, 0xdc, 0xe0, 0xe4, 0xe8, 0xec, 0x400, 0x408, 0x40c,
    0x41c, 0x43c, 0x500, 0x508, 0x50c,
};

static uint64_t register_value(Chaos *c, uint32_t offset)
{
    switch (offset) {
    case 0x18:
        /* A bit more or less than there is. */
        return fx_read32(c->f, 0x1c) ^ 1u << (23 + below(c, 9));
    case 0x20:
        return some_page(c) | (below(c, 8) ? c->f->cfg.scalable_mode << 10
                                           : below(c, 4) << 10);
    case 0x88:
        return (uint64_t)below(c, below(c, 8) ? 256 : 0x8000) << 4;
    case 0x90:
        return some_page(c) | below(c, 3) | below(c, 2) << 11;
    case 0xc0:
    case 0xc8:
        return (uint64_t)below(c, below(c, 8) ? 128 : 0x4000) << 5;
    case 0xd0:
        return some_page(c) | below(c, 3);
    case 0xb8:
        return some_page(c) | below(c, 16) | (uint64_t)below(c, 2) << 11;
    default:
        return some_bits(c);
    }
}

static void write_register(Chaos *c)
{
    static const unsigned sizes[] = { 4, 4, 4, 8, 8, 1, 2 };
    uint64_t offset = registers[below(c, ARRAY_SIZE(registers))];
    unsigned size = sizes[below(c, ARRAY_SIZE(sizes))];
    uint64_t value = below(c, 8) ? register_value(c, offset) : some_bits(c);

    if (!below(c, 16)) {
        offset = below(c, 8) ? below(c, 0x1100) : any(c);
    }
    nyx_vtd_mmio_write(c->f->vtd, offset, value, size);
    nyx_vtd_mmio_read(c->f->vtd, offset, size);
}

/* A word that could be an entry of any table, or a descriptor. */
static uint64_t some_word(Chaos *c)
{
    switch (below(c, 8)) {
    case 0:
        return some_bits(c);
    case 1:
        return some_page(c) | 1 | below(c, 4) << 2 | (below(c, 4) ? 0 : 2);
    case 2:
    case 3:
        return some_page(c) | 3;
    case 4:
        return below(c, 8) << 8 | below(c, 8);
    case 5:
        return (any(c) & 0x3fffc0000000ULL) | 0x83;
    case 6:
        return 1 + below(c, 8) + (below(c, 4) << 4) +
               ((uint64_t)below(c, 4) << 16) + ((uint64_t)below(c, 8) << 32);
    default:
        return 1 | (any(c) & 0x000000ffff00ff1eULL);
    }
}

static void write_memory(Chaos *c)
{
    uint64_t page = some_page(c);
    unsigned at = below(c, 512), n = 1 + below(c, 64);

    for (unsigned i = 0; i < n; i++) {
        fx_mem_poke(&c->f->mem, page + (at + i) % 512 * 8, some_word(c));
    }
}

/* --- What devices do ------------------------------------------------------ */

static void request(Chaos *c)
{
    NyxRequest req = {
        .type = below(c, 4) ? 0 : below(c, 3),
        .access = below(c, 8) ? 1 + below(c, 3) : below(c, 64),
        .iova = below(c, 4) ? any(c) & 0xffffffffffffULL >> below(c, 40)
                            : some_bits(c),
        .has_pasid = !below(c, 32),
        .pasid = any(c) & 0xfffff,
    };
    NyxReply reply;

    c->f->elsewhere = !below(c, 4);
    if (nyx_vtd_translate(c->r[below(c, REQUESTERS)], below(c, 4), &req,
                          &reply)) {
        c->answered++;
        /* What is granted covers what was asked. */
        g_assert_cmphex(reply.addr & reply.addr_mask, ==,
                        req.iova & reply.addr_mask);
    } else {
        c->refused++;
    }
    c->f->elsewhere = false;
}

static void page_request(Chaos *c)
{
    const NyxRequest req = {
        .type = NYX_REQ_PAGE,
        .access = below(c, 64),
        .iova = some_bits(c),
        .has_pasid = below(c, 4),
        .pasid = below(c, 4) ? below(c, 4) : any(c) & 0xfffff,
        .last = below(c, 2),
        .group = below(c, 512),
    };

    c->f->elsewhere = !below(c, 4);
    nyx_vtd_page_request(c->r[below(c, REQUESTERS)], below(c, 4), &req);
    c->f->elsewhere = false;
    c->f->response_unexpected = below(c, 2);
}

static void interrupt(Chaos *c)
{
    FxMessage msg;
    uint64_t addr = 0xfee00000 | (any(c) & 0xffff0) |
                    (below(c, 16) ? 0 : some_bits(c));

    c->interrupts += !fx_interrupt(c->f, below(c, 4), addr,
                                   below(c, 4) ? below(c, 256) : any(c),
                                   &msg);
}

/* --- What the machine does ------------------------------------------------ */

/* The state is one that a unit like this one can have. */
static void save_and_load(Chaos *c, bool load)
{
    Fx *f = c->f, *other = NULL;
    NyxVtdSaved saved, again;

    nyx_vtd_save(f->vtd, &saved);
    if (load) {
        g_assert_cmpstr(nyx_vtd_load(f->vtd, &saved), ==, NULL);
        nyx_vtd_save(f->vtd, &again);
    } else {
        other = fx_new(&f->cfg);
        g_assert_cmpstr(nyx_vtd_load(other->vtd, &saved), ==, NULL);
        nyx_vtd_save(other->vtd, &again);
        fx_free(other);
    }
    g_assert_cmpmem(saved.regs, sizeof(saved.regs), again.regs,
                    sizeof(again.regs));
    g_assert_cmphex(saved.rtaddr, ==, again.rtaddr);
    g_assert_cmphex(saved.irta, ==, again.irta);
    g_assert_cmphex(saved.flags, ==, again.flags);
    g_assert_cmphex(saved.frcd_next, ==, again.frcd_next);
}

/* A spoilt state is refused or not, but never does harm. */
static void load_noise(Chaos *c)
{
    NyxVtdSaved saved;

    nyx_vtd_save(c->f->vtd, &saved);
    for (unsigned i = 0; i < 1 + below(c, 4); i++) {
        uint32_t offset = registers[below(c, ARRAY_SIZE(registers))];

        stl_le_p(saved.regs + offset, some_bits(c));
    }
    saved.flags ^= below(c, 4) ? 0 : some_bits(c);
    nyx_vtd_load(c->f->vtd, &saved);
}

static void machine(Chaos *c)
{
    Fx *f = c->f;

    switch (below(c, 32)) {
    case 0:
        nyx_vtd_reset(f->vtd);
        break;
    case 1:
        load_noise(c);
        break;
    case 2:
        save_and_load(c, true);
        break;
    case 3:
        nyx_vtd_requester_free(c->r[0]);
        c->r[0] = nyx_vtd_requester_new(f->vtd, NULL);
        nyx_vtd_requester_notify(c->r[0], below(c, 2));
        break;
    case 4:
    case 5:
        fx_mem_hole(&f->mem, some_page(c), some_page(c));
        break;
    case 6:
    case 7:
        fx_mem_no_hole(&f->mem);
        break;
    case 8:
        f->ats_answer = below(c, 3);
        break;
    case 9:
        fx_clear_faults(f);
        break;
    case 10:
        fx_forget(f);
        break;
    default:
        fx_settle(f);
        break;
    }
}

/* --- All of it ------------------------------------------------------------ */

static NyxVtdCfg some_cfg(Chaos *c)
{
    NyxVtdCfg cfg = {
        NYX_VTD_CFG_USUAL,
        .version = 0x10,
        .aw_bits = 39 + 9 * below(c, 3),
        .haw_bits = 39 + below(c, 14),
        .fault_records = 1 + below(c, 16),
        .caching_mode = below(c, 2),
        .device_iotlb = below(c, 2),
        .dma_drain = below(c, 2),
        .dma_translation = below(c, 8),
        .intremap = below(c, 8),
        .pass_through = below(c, 2),
        .snoop_control = below(c, 2),
        .cache = below(c, NYX_CACHE_TEMPER_COUNT),
        .cache_seed = any(c),
        .iotlb_entries = 16 << below(c, 4),
    };

    cfg.eim = cfg.intremap && below(c, 2);
    if (!below(c, 3)) {
        cfg.domain_bits = 4 + 2 * below(c, 7);
        cfg.second_lg2 = 12 + 9 * below(c, 3);
        cfg.mamv = below(c, 53);
        cfg.mhmv = below(c, 16);
        cfg.psi = below(c, 2);
        cfg.write_buffer = below(c, 2);
        cfg.protected_low = below(c, 2);
        cfg.protected_high = below(c, 2);
        cfg.zero_length = below(c, 2);
    }
    if (!below(c, 3)) {
        cfg.scalable_mode = true;
        cfg.dma_drain = true;
        cfg.first_stage = true;
        cfg.second_stage = true;
        cfg.nested = below(c, 2);
        cfg.first_1g = below(c, 2);
        cfg.second_ad = below(c, 2);
        cfg.extended_accessed = below(c, 2);
        cfg.supervisor = below(c, 2);
        cfg.execute = below(c, 2);
        cfg.rid_pasid = below(c, 2);
        cfg.rid_priv = below(c, 2);
        cfg.pasid_bits = 20;
        cfg.page_requests = below(c, 4);
        cfg.device_iotlb |= cfg.page_requests;
    }
    return cfg;
}

/* The same in scalable mode, with a page request queue. */
static void good_scalable_start(Chaos *c)
{
    Fx *f = c->f;

    for (unsigned sid = 0; sid < 4; sid++) {
        for (uint32_t pasid = 0; pasid < 4; pasid++) {
            sm_space(f, sid, pasid, SM_SECOND, 1 + pasid, 0,
                     (f->cfg.aw_bits - 12) / 9);
        }
        fx_mem_poke(&f->mem, sm_context_addr(f, sid),
                    fx_mem_peek(&f->mem, sm_context_addr(f, sid)) | 0x10);
    }
    sm_start(f);
    fx_write64(f, 0xd0, some_page(c));
}

/* A queue and tables that work, for chance alone seldom makes any. */
static void good_start(Chaos *c)
{
    Fx *f = c->f;

    if (f->cfg.page_requests && below(c, 8)) {
        good_scalable_start(c);
        return;
    }
    f->root = c->pool;
    for (unsigned sid = 0; sid < 4; sid++) {
        fx_context(f, sid, fx_context_lo(some_page(c), below(c, 3), false),
                   fx_context_hi((f->cfg.aw_bits - 12) / 9, 1 + sid / 2));
    }
    fx_start(f);
    fx_queue_start(f, 0);
    if (f->cfg.intremap) {
        fx_ir_start(f, below(c, 8), below(c, 2));
    }
}

static void chaos_round(uint64_t seed, Chaos *sum)
{
    Chaos c = { .rng = seed * 0x9e3779b97f4a7c15ULL | 1 };
    NyxVtdCfg cfg = some_cfg(&c);

    c.f = fx_new(&cfg);
    c.pool = fx_mem_pages(&c.f->mem, POOL_PAGES);
    for (unsigned i = 0; i < REQUESTERS; i++) {
        c.r[i] = nyx_vtd_requester_new(c.f->vtd, NULL);
        nyx_vtd_requester_notify(c.r[i], i & 1);
    }
    for (unsigned i = 0; i < POOL_PAGES; i++) {
        write_memory(&c);
    }
    good_start(&c);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        static void (*const operations[])(Chaos *c) = {
            write_register, write_register, write_memory, request, request,
            request, page_request, interrupt, machine,
        };

        operations[below(&c, ARRAY_SIZE(operations))](&c);
        if (i % 128 == 0) {
            save_and_load(&c, false);
        }
    }
    fx_settle(c.f);
    save_and_load(&c, false);
    sum->answered += c.answered;
    sum->refused += c.refused;
    sum->interrupts += c.interrupts;
    sum->pages += nyx_vtd_stats(c.f->vtd).page_requests;
    fx_free(c.f);
}

static void test_chaos(void)
{
    Chaos sum = { };

    for (uint64_t seed = 1; seed <= 40; seed++) {
        chaos_round(seed, &sum);
    }
    g_test_message("%" PRIu64 " answered, %" PRIu64 " refused, %" PRIu64
                   " interrupts, %" PRIu64 " pages", sum.answered, sum.refused,
                   sum.interrupts, sum.pages);
    /* Not all of it was noise. */
    g_assert_cmpuint(sum.answered, >, 1000);
    g_assert_cmpuint(sum.refused, >, 1000);
    g_assert_cmpuint(sum.interrupts, >, 1000);
    g_assert_cmpuint(sum.pages, >, 50);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-vtd/random/chaos", test_chaos);
    return g_test_run();
}
