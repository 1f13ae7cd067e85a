/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Anything a guest may do, at random from fixed seeds: registers, commands,
 * tables, requests, interrupts, save and reset.  Nothing crashes or hangs,
 * and what the IOMMU has come to is always a state that it accepts back.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "amd-tables.h"

#define POOL_PAGES 48
#define OPERATIONS 6000
#define REQUESTERS 3
#define IDS 4

typedef struct Chaos {
    Ax *f;
    uint64_t rng;
    uint64_t pool;
    NyxAmdRequester *r[REQUESTERS];
    NyxAmdSaved *saved;
    NyxAmdSaved *again;
    uint64_t answered;
    uint64_t refused;
    uint64_t interrupts;
    uint64_t commands;
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
    0x00, 0x08, 0x10, 0x18, 0x18, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x50,
    0x60, 0xe0, 0xe8, 0xf0, 0xf8, 0x100, 0x108, 0x138, 0x138, 0x140, 0x158,
    0x15c, 0x164, 0x16c, 0x170, 0x178, 0x180, 0x1a0, 0x200, 0x208, 0x210,
    0x218, 0x220, 0x228, 0x2000, 0x2008, 0x2008, 0x2010, 0x2018, 0x2020,
    0x2020, 0x2030, 0x2038, 0x2040, 0x2048, 0x2050, 0x2070, 0x2080, 0x2088,
    0x4000, 0x4008, 0x40000, 0x40008, 0x40010, 0x41128, 0x43328,
};

static uint64_t register_value(Chaos *c, uint32_t offset)
{
    switch (offset) {
    case 0x00:
        return c->pool | below(c, 4);
    case 0x08:
    case 0x10:
    case 0x38:
    case 0xe0:
    case 0xf0:
    case 0xf8:
        return some_page(c) | (uint64_t)(below(c, 4) ? 8 + below(c, 3)
                                         : below(c, 16)) << 56;
    case 0x18:
        /* A bit more or less than there is; mostly on. */
        return (ax_read64(c->f, 0x18) ^ 1ULL << below(c, 64)) |
               (below(c, 4) ? 0x11005 : 0);
    case 0x20:
    case 0x28:
    case 0x200:
    case 0x208:
    case 0x210:
        return some_page(c) | below(c, 4);
    case 0x2000:
    case 0x2008:
    case 0x2010:
    case 0x2018:
    case 0x2030:
    case 0x2038:
        return (uint64_t)below(c, below(c, 8) ? 256 : 0x10000) << 4;
    default:
        return some_bits(c);
    }
}

static void write_register(Chaos *c)
{
    static const unsigned sizes[] = { 4, 4, 8, 8, 8, 1, 2 };
    uint64_t offset = registers[below(c, ARRAY_SIZE(registers))];
    unsigned size = sizes[below(c, ARRAY_SIZE(sizes))];
    uint64_t value = below(c, 8) ? register_value(c, offset) : some_bits(c);

    if (!below(c, 16)) {
        offset = below(c, 8) ? below(c, 0x80000) : any(c);
    }
    nyx_amd_mmio_write(c->f->amd, offset, value, size);
    nyx_amd_mmio_read(c->f->amd, offset, size);
}

/* A word that could be an entry of any table, or of a command. */
static uint64_t some_word(Chaos *c)
{
    switch (below(c, 8)) {
    case 0:
        return some_bits(c);
    case 1:
    case 2:
        /* A host's entry, for a page of the pool or a table there. */
        return some_page(c) | 1 | (uint64_t)below(c, 8) << 9 |
               AT_RIGHTS(below(c, 4) ? 3 : below(c, 4));
    case 3:
        return some_page(c) | 7;
    case 4:
        return some_page(c) | AT_OPEN | AT_MODE(below(c, 5)) |
               (below(c, 3) ? 0 : AT_GV);
    case 5:
        /* A command with its operands small. */
        return (uint64_t)(1 + below(c, 8)) << 60 |
               (uint64_t)below(c, 4) << 32 | below(c, 8);
    case 6:
        return below(c, 8) | below(c, 4) << 16;
    default:
        return (any(c) & 0x3fffc0000000ULL) | AT_RIGHTS(3) | 1;
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

/* A command, mostly one without reserved bits. */
static void some_command(Chaos *c, uint64_t words[2])
{
    unsigned op = 1 + below(c, 8);
    uint64_t range = ax_range((uint64_t)below(c, 1024) << 12,
                              12 + below(c, 12)) |
                     (below(c, 4) ? 2 : 0);

    words[0] = (uint64_t)op << 60;
    words[1] = 0;
    switch (op) {
    case 1:
        words[0] |= some_page(c) | below(c, 8);
        words[1] = any(c);
        break;
    case 2:
    case 5:
        words[0] |= below(c, IDS);
        break;
    case 3:
        words[0] |= (uint64_t)below(c, 4) << 32;
        words[1] = below(c, 4) ? range : ax_range(0, 64) | 2;
        if (below(c, 2)) {
            words[0] |= below(c, 4);
            words[1] |= 4;
        }
        break;
    case 4:
        words[0] |= below(c, IDS);
        words[1] = range & ~2ULL;
        break;
    case 7:
        words[0] |= below(c, IDS) | (uint64_t)below(c, 4) << 32;
        words[1] = (uint64_t)below(c, 512) << 32 | (below(c, 2) ? 4 : 0);
        break;
    }
    if (!below(c, 64)) {
        words[below(c, 2)] |= some_bits(c);
    }
}

/* As software does after an error, and a few commands. */
static void command(Chaos *c)
{
    Ax *f = c->f;
    unsigned n = 1 + below(c, 16);

    at_control(f, AX_CMDBUFEN, 0);
    ax_write64(f, AX_CMDBASE, ax_ring(f->commands, 8));
    for (unsigned i = 0; i < n; i++) {
        uint64_t words[2];

        some_command(c, words);
        fx_mem_poke(&f->mem, f->commands + i * 16, words[0]);
        fx_mem_poke(&f->mem, f->commands + i * 16 + 8, words[1]);
    }
    at_control(f, 0, AX_CMDBUFEN | AX_IOMMUEN);
    ax_write64(f, AX_CMDTAIL, n * 16);
}

/* --- What devices do ------------------------------------------------------ */

static void request(Chaos *c)
{
    NyxRequest req = {
        .type = below(c, 4) ? 0 : below(c, 3),
        .access = below(c, 8) ? 1 + below(c, 3) : below(c, 64),
        .iova = below(c, 4) ? any(c) & 0xffffffffffffULL >> below(c, 40)
                            : some_bits(c),
        .has_pasid = !below(c, 4),
        .pasid = below(c, 2) ? below(c, 4) : any(c),
    };
    NyxReply reply;

    c->f->elsewhere = !below(c, 4);
    if (nyx_amd_translate(c->r[below(c, REQUESTERS)], below(c, IDS), &req,
                          &reply)) {
        c->answered++;
        /* What is granted covers what was asked. */
        if (reply.access) {
            g_assert_cmphex(reply.addr & reply.addr_mask, ==,
                            req.iova & reply.addr_mask);
        }
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
    nyx_amd_page_request(c->r[below(c, REQUESTERS)], below(c, IDS), &req);
    c->f->elsewhere = false;
    c->f->response_unexpected = below(c, 2);
}

static void interrupt(Chaos *c)
{
    FxMessage msg;
    uint64_t addr = 0xfee00000 | (any(c) & 0xffff0) |
                    (below(c, 16) ? 0 : some_bits(c));

    c->interrupts += !ax_interrupt(c->f, below(c, IDS), addr,
                                   below(c, 4) ? below(c, 256) : any(c),
                                   &msg);
}

/* --- What the machine does ------------------------------------------------ */

/* The state is one that an IOMMU like this one can have. */
static void save_and_load(Chaos *c, bool load)
{
    Ax *f = c->f, *other = NULL;

    nyx_amd_save(f->amd, c->saved);
    if (load) {
        g_assert_cmpstr(nyx_amd_load(f->amd, c->saved), ==, NULL);
        nyx_amd_save(f->amd, c->again);
    } else {
        other = ax_new(&f->cfg);
        g_assert_cmpstr(nyx_amd_load(other->amd, c->saved), ==, NULL);
        nyx_amd_save(other->amd, c->again);
        ax_free(other);
    }
    g_assert_cmpmem(c->saved, sizeof(*c->saved), c->again,
                    sizeof(*c->again));
}

/* A spoilt state is refused or not, but never does harm. */
static void load_noise(Chaos *c)
{
    nyx_amd_save(c->f->amd, c->saved);
    for (unsigned i = 0; i < 1 + below(c, 4); i++) {
        uint32_t offset = registers[below(c, 40)];

        stl_le_p(c->saved->regs + offset, some_bits(c));
    }
    c->saved->flags ^= below(c, 4) ? 0 : some_bits(c);
    nyx_amd_load(c->f->amd, c->saved);
}

static void machine(Chaos *c)
{
    Ax *f = c->f;

    switch (below(c, 32)) {
    case 0:
        nyx_amd_reset(f->amd);
        break;
    case 1:
        load_noise(c);
        break;
    case 2:
        save_and_load(c, true);
        break;
    case 3:
        nyx_amd_requester_free(c->r[0]);
        c->r[0] = nyx_amd_requester_new(f->amd, NULL);
        nyx_amd_requester_notify(c->r[0], below(c, 2));
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
        f->ats_answer = below(c, 2);
        break;
    case 9:
    case 10:
        ax_forget(f);
        break;
    default:
        ax_settle(f);
        break;
    }
}

/* --- All of it ------------------------------------------------------------ */

/* As it comes, if it can be. */
static NyxAmdCfg some_cfg(Chaos *c)
{
    NyxAmdCfg cfg = at_cfg();

    if (!below(c, 3)) {
        cfg = at_poor();
        cfg.intremap = below(c, 2);
        cfg.device_iotlb = below(c, 2);
        cfg.invalidate_all = below(c, 2);
        cfg.ga = cfg.intremap && below(c, 2);
    }
    cfg.np_cache = below(c, 2);
    cfg.ht_range_ignore = below(c, 2);
    cfg.cache = below(c, NYX_CACHE_TEMPER_COUNT);
    cfg.cache_seed = any(c);
    cfg.iotlb_entries = 16 << below(c, 4);
    g_assert_cmpstr(nyx_amd_cfg_error(&cfg), ==, NULL);
    return cfg;
}

/* Tables that work, for chance alone seldom makes any. */
static void good_start(Chaos *c)
{
    Ax *f = c->f;

    for (unsigned sid = 0; sid < IDS; sid++) {
        uint64_t gcr3 = some_page(c);
        bool guest = f->cfg.guest_levels && below(c, 2);

        at_dte(f, sid, AT_OPEN | AT_MODE(below(c, 5)) | some_page(c) |
               (guest ? AT_GV | at_gcr3_0(gcr3, 0) : 0),
               (1 + sid / 2) | (f->cfg.device_iotlb ? AT_I : 0) |
               (guest ? at_gcr3_1(gcr3) : 0),
               some_page(c) | 1 | 8 << 1 | 2ULL << 60, 0);
    }
    at_control(f, 0, 0xe000);
}

static void chaos_round(uint64_t seed, Chaos *sum)
{
    Chaos c = { .rng = seed * 0x9e3779b97f4a7c15ULL | 1 };
    NyxAmdCfg cfg = some_cfg(&c);
    NyxAmdStats stats;

    c.saved = g_new0(NyxAmdSaved, 1);
    c.again = g_new0(NyxAmdSaved, 1);
    c.f = at_new(&cfg);
    c.pool = fx_mem_pages(&c.f->mem, 64);
    for (unsigned i = 0; i < REQUESTERS; i++) {
        c.r[i] = nyx_amd_requester_new(c.f->amd, NULL);
        nyx_amd_requester_notify(c.r[i], i & 1);
    }
    for (unsigned i = 0; i < POOL_PAGES; i++) {
        write_memory(&c);
    }
    good_start(&c);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        static void (*const operations[])(Chaos *c) = {
            write_register, write_register, write_memory, request, request,
            request, page_request, interrupt, machine, command,
        };

        operations[below(&c, ARRAY_SIZE(operations))](&c);
        if (i % 256 == 0) {
            save_and_load(&c, false);
        }
    }
    ax_settle(c.f);
    save_and_load(&c, false);
    stats = nyx_amd_stats(c.f->amd);
    sum->answered += c.answered;
    sum->refused += c.refused;
    sum->interrupts += c.interrupts;
    for (unsigned i = 0; i < 16; i++) {
        sum->commands += stats.commands[i];
    }
    ax_free(c.f);
    g_free(c.saved);
    g_free(c.again);
}

static void test_chaos(void)
{
    Chaos sum = { };

    for (uint64_t seed = 1; seed <= 40; seed++) {
        chaos_round(seed, &sum);
    }
    g_test_message("%" PRIu64 " answered, %" PRIu64 " refused, %" PRIu64
                   " interrupts, %" PRIu64 " commands", sum.answered,
                   sum.refused, sum.interrupts, sum.commands);
    /* Not all of it was noise. */
    g_assert_cmpuint(sum.answered, >, 1000);
    g_assert_cmpuint(sum.refused, >, 1000);
    g_assert_cmpuint(sum.interrupts, >, 1000);
    g_assert_cmpuint(sum.commands, >, 10000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-amdvi/random/chaos", test_chaos);
    return g_test_run();
}
