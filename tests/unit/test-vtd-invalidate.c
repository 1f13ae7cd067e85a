/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each invalidation command drops and what it leaves, through the
 * registers and through the queue: stale before, gone after, neighbours
 * untouched.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define LEVELS 4

/* --- A world with neighbours ---------------------------------------------- */

/* Two functions of one device share domain 1; another device has domain 2. */
enum { A, B, C, REQUESTERS };

static const uint16_t sids[REQUESTERS] = { 0x0010, 0x0218, 0x0014 };
static const uint16_t dids[REQUESTERS] = { 1, 2, 1 };

/* Pages that each domain has: two 4K, one 4K elsewhere, 2M, 1G. */
static const struct {
    uint64_t iova;
    unsigned lg2;
} pages[] = {
    { 0x10000, 12 },
    { 0x11000, 12 },
    { 0x400000, 12 },
    { 0x800000, 21 },
    { 0x40000000, 30 },
};

#define PAGES ARRAY_SIZE(pages)

/* Bit of a page of a requester in a mask; P(n) is both of domain 1. */
#define PROBE(who, page) (1u << ((who) * PAGES + (page)))
#define P(page) (PROBE(A, page) | PROBE(C, page))
#define DOMAIN1 (P(0) | P(1) | P(2) | P(3) | P(4))
#define DOMAIN2 (0x1fu << B * PAGES)
#define ALL ((1u << REQUESTERS * PAGES) - 1)

typedef struct World {
    Fx *f;
    NyxVtdRequester *r[REQUESTERS];
    uint64_t ss[3];          /* by domain */
} World;

static void world_map(World *w, uint64_t base)
{
    for (unsigned did = 1; did <= 2; did++) {
        for (unsigned i = 0; i < PAGES; i++) {
            fx_map(w->f, w->ss[did], LEVELS, pages[i].iova,
                   base * did + (i << 30), pages[i].lg2, FX_RW);
        }
    }
}

#define OLD_BASE 0x10000000000ULL
#define NEW_BASE 0x14000000000ULL

static void world_init(World *w, const NyxVtdCfg *cfg, bool queue)
{
    w->f = fx_new(cfg);
    w->ss[1] = fx_mem_pages(&w->f->mem, 1);
    w->ss[2] = fx_mem_pages(&w->f->mem, 1);
    world_map(w, OLD_BASE);
    for (unsigned i = 0; i < REQUESTERS; i++) {
        fx_context(w->f, sids[i],
                   fx_context_lo(w->ss[dids[i]], 0, false),
                   fx_context_hi(LEVELS, dids[i]));
        w->r[i] = nyx_vtd_requester_new(w->f->vtd, NULL);
    }
    fx_start(w->f);
    if (queue) {
        fx_queue_start(w->f, 0);
    }
}

static uint64_t world_dma(World *w, unsigned who, unsigned access,
                          uint64_t iova)
{
    NyxRequest req = { .access = access, .iova = iova };
    NyxReply reply;
    bool ok = nyx_vtd_translate(w->r[who], sids[who], &req, &reply);

    return ok ? reply.addr : FX_REFUSED;
}

/* Mask of the pages that go to @base; ask each once. */
static unsigned world_at(World *w, uint64_t base)
{
    unsigned mask = 0;

    for (unsigned who = 0; who < REQUESTERS; who++) {
        for (unsigned i = 0; i < PAGES; i++) {
            uint64_t addr = world_dma(w, who, FX_R, pages[i].iova);

            if (addr == base * dids[who] + (i << 30)) {
                mask |= PROBE(who, i);
            }
        }
    }
    return mask;
}

/* --- Commands ------------------------------------------------------------- */

/* A command as register values and as a descriptor; zero: has no such form. */
typedef struct Command {
    const char *name;
    uint64_t ccmd;
    uint64_t iva;
    uint64_t iotlb;
    uint64_t lo;
    uint64_t hi;
    unsigned drops;          /* meaning depends on the test */
} Command;

#define CCMD(gran, did, sid, fm) \
    .ccmd = 1ULL << 63 | (uint64_t)(gran) << 61 | (uint64_t)(fm) << 32 | \
            (uint64_t)(sid) << 16 | (did), \
    .lo = (uint64_t)(fm) << 48 | (uint64_t)(sid) << 32 | (did) << 16 | \
          (gran) << 4 | 1
#define IOTLB(gran, did) \
    .iotlb = 1ULL << 63 | (uint64_t)(gran) << 60 | (uint64_t)(did) << 32, \
    .lo = (did) << 16 | (gran) << 4 | 2
#define PSI(did, addr, am, ih) \
    .iotlb = 1ULL << 63 | 3ULL << 60 | (uint64_t)(did) << 32, \
    .iva = (addr) | (ih) << 6 | (am), \
    .lo = (did) << 16 | 3 << 4 | 2, .hi = (addr) | (ih) << 6 | (am)

static void run_command(Fx *f, const Command *command, bool queue)
{
    if (queue) {
        fx_submit(f, command->lo, command->hi);
        FX_CHECK(command->name, fx_read64(f, 0x80), f->tail);
    } else if (command->ccmd) {
        fx_write64(f, 0x28, command->ccmd);
        /* ICC is clear, CAIG is what was asked; SID and FM read as zero. */
        FX_CHECK(command->name, fx_read64(f, 0x28),
                 (command->ccmd & 0x600000000000ffffULL) |
                 (command->ccmd & 0x6000000000000000ULL) >> 2);
    } else {
        fx_write64(f, 0x500, command->iva);
        fx_write64(f, 0x508, command->iotlb);
        FX_CHECK(command->name, fx_read64(f, 0x508),
                 (command->iotlb & 0x3000ffff00000000ULL) |
                 (command->iotlb & 0x3000000000000000ULL) >> 3);
    }
}

/* --- IOTLB ---------------------------------------------------------------- */

static const Command iotlb_commands[] = {
    { "global", IOTLB(1, 0), .drops = ALL },
    { "global, domain given", IOTLB(1, 7), .drops = ALL },
    { "domain 1", IOTLB(2, 1), .drops = DOMAIN1 },
    { "domain 2", IOTLB(2, 2), .drops = DOMAIN2 },
    { "domain 3", IOTLB(2, 3), .drops = 0 },
    { "domain 0x101", IOTLB(2, 0x101), .drops = 0 },
    { "4K page", PSI(1, 0x10000, 0, 0), .drops = P(0) },
    { "4K page, leaf only", PSI(1, 0x10000, 0, 1), .drops = P(0) },
    { "4K page, domain 3", PSI(3, 0x10000, 0, 0), .drops = 0 },
    { "next 4K page", PSI(1, 0x11000, 0, 0), .drops = P(1) },
    { "two pages", PSI(1, 0x10000, 1, 0), .drops = P(0) | P(1) },
    { "two pages from the second", PSI(1, 0x11000, 1, 0),
      .drops = P(0) | P(1) },
    { "two pages before", PSI(1, 0xe000, 1, 0), .drops = 0 },
    { "two pages behind", PSI(1, 0x12000, 1, 0), .drops = 0 },
    { "2M of small pages", PSI(1, 0, 9, 0), .drops = P(0) | P(1) },
    { "other 2M", PSI(1, 0x400000, 9, 0), .drops = P(2) },
    { "first 4K of a 2M leaf", PSI(1, 0x800000, 0, 0), .drops = P(3) },
    { "within a 2M leaf", PSI(1, 0x8ab000, 0, 1), .drops = P(3) },
    { "last 4K of a 2M leaf", PSI(1, 0x9ff000, 0, 0), .drops = P(3) },
    { "before a 2M leaf", PSI(1, 0x7ff000, 0, 0), .drops = 0 },
    { "behind a 2M leaf", PSI(1, 0xa00000, 0, 0), .drops = 0 },
    { "4M with a 2M leaf", PSI(1, 0x800000, 10, 0), .drops = P(3) },
    { "first 4K of a 1G leaf", PSI(1, 0x40000000, 0, 0), .drops = P(4) },
    { "last 4K of a 1G leaf", PSI(1, 0x7ffff000, 0, 0), .drops = P(4) },
    { "2M within a 1G leaf", PSI(1, 0x60000000, 9, 1), .drops = P(4) },
    { "behind a 1G leaf", PSI(1, 0x80000000, 0, 0), .drops = 0 },
    { "1G", PSI(1, 0x40000000, 18, 0), .drops = P(4) },
    { "1G of all kinds", PSI(1, 0, 18, 0),
      .drops = P(0) | P(1) | P(2) | P(3) },
    { "1G of domain 2", PSI(2, 0, 18, 0),
      .drops = (PROBE(B, 0) | PROBE(B, 1) | PROBE(B, 2) | PROBE(B, 3)) },
    { "page of domain 2", PSI(2, 0x40000000, 0, 0), .drops = PROBE(B, 4) },
    { "end of the address space", PSI(1, 0xfffffffffffff000ULL, 0, 0),
      .drops = 0 },
    /* 6.5.2: the IOTLB outlives the contexts that filled it. */
    { "context, global", CCMD(1, 0, 0, 0), .drops = 0 },
    { "context, domain", CCMD(2, 1, 0, 0), .drops = 0 },
    { "context, device", CCMD(3, 1, 0x0010, 0), .drops = 0 },
};

static void iotlb_row(const Command *row, NyxCacheTemper temper, bool queue)
{
    g_autofree char *name = g_strdup_printf("%s, temper %u, queue %u",
                                            row->name, temper, queue);
    NyxVtdCfg cfg = fx_cfg();
    World w;

    cfg.cache = temper;
    world_init(&w, &cfg, queue);
    FX_CHECK(name, world_at(&w, OLD_BASE), ALL);
    world_map(&w, NEW_BASE);
    /* The tables have changed, nobody has been told. */
    FX_CHECK(name, world_at(&w, OLD_BASE), ALL);
    run_command(w.f, row, queue);
    FX_CHECK(name, world_at(&w, NEW_BASE), row->drops);
    FX_CHECK(name, world_at(&w, OLD_BASE), ALL & ~row->drops);
    fx_free(w.f);
}

static void test_iotlb(gconstpointer data)
{
    bool queue = GPOINTER_TO_UINT(data);

    for (unsigned i = 0; i < ARRAY_SIZE(iotlb_commands); i++) {
        iotlb_row(&iotlb_commands[i], NYX_CACHE_HARDWARE, queue);
        iotlb_row(&iotlb_commands[i], NYX_CACHE_STICKY, queue);
    }
}

/* --- Paging structures ---------------------------------------------------- */

/*
 * Page X is in the same table of @level as page Y, and in another table
 * below.  Y is cached, and with it the entry of @level above both; then that
 * entry is made to point at other tables, where X is somewhere else.
 */
static const struct {
    unsigned level;
    uint64_t x, y;
} paging_scenes[] = {
    { 2, 0x3000, 0x5000 },
    { 3, 0x3000, 0x605000 },
    { 4, 0x3000, 0x80005000 },
};

#define SCENES ARRAY_SIZE(paging_scenes)

typedef struct PagingCommand {
    Command command;
    bool drops[SCENES];
} PagingCommand;

static const PagingCommand paging_commands[] = {
    { { .name = "nothing" }, { 0, 0, 0 } },
    { { "global", IOTLB(1, 0) }, { 1, 1, 1 } },
    { { "domain", IOTLB(2, FX_DID) }, { 1, 1, 1 } },
    { { "other domain", IOTLB(2, FX_DID + 1) }, { 0, 0, 0 } },
    { { "Y of 2", PSI(FX_DID, 0x5000, 0, 0) }, { 1, 1, 1 } },
    { { "Y of 3", PSI(FX_DID, 0x605000, 0, 0) }, { 0, 1, 1 } },
    { { "Y of 4", PSI(FX_DID, 0x80005000, 0, 0) }, { 0, 0, 1 } },
    { { "X, leaf only", PSI(FX_DID, 0x3000, 0, 1) }, { 0, 0, 0 } },
    { { "Y of 2, leaf only", PSI(FX_DID, 0x5000, 0, 1) }, { 0, 0, 0 } },
    { { "other 2M, same 1G", PSI(FX_DID, 0x200000, 0, 0) }, { 0, 1, 1 } },
    { { "other 1G", PSI(FX_DID, 0xc0000000, 0, 0) }, { 0, 0, 1 } },
    { { "other 512G", PSI(FX_DID, 0x8000000000ULL, 0, 0) }, { 0, 0, 0 } },
    { { "1G", PSI(FX_DID, 0, 18, 0) }, { 1, 1, 1 } },
    { { "1G, leaf only", PSI(FX_DID, 0, 18, 1) }, { 0, 0, 0 } },
    { { "other domain's page", PSI(3, 0x3000, 0, 0) }, { 0, 0, 0 } },
};

static void paging_row(const PagingCommand *row, unsigned n, bool queue)
{
    unsigned level = paging_scenes[n].level;
    uint64_t x = paging_scenes[n].x, y = paging_scenes[n].y;
    uint64_t ss, other, at;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss);
    g_autofree char *name = g_strdup_printf("%s, level %u, queue %u",
                                            row->command.name, level, queue);

    if (queue) {
        fx_queue_start(f, 0);
    }
    fx_map(f, ss, LEVELS, x, 0x100000, 12, FX_RW);
    fx_map(f, ss, LEVELS, y, 0x200000, 12, FX_RW);
    other = fx_mem_pages(&f->mem, 1);
    fx_map(f, other, LEVELS, x, 0x500000, 12, FX_RW);
    FX_CHECK(name, fx_dma(f, FX_R, y), 0x200000);
    at = fx_entry(f, ss, LEVELS, x, level);
    fx_mem_poke(&f->mem, at,
                fx_mem_peek(&f->mem, fx_entry(f, other, LEVELS, x, level)));
    if (row->command.lo) {
        run_command(f, &row->command, queue);
    }
    FX_CHECK(name, fx_dma(f, FX_R, x), row->drops[n] ? 0x500000 : 0x100000);
    fx_free(f);
}

static void test_paging(gconstpointer data)
{
    for (unsigned i = 0; i < ARRAY_SIZE(paging_commands) * SCENES; i++) {
        paging_row(&paging_commands[i / SCENES], i % SCENES,
                   GPOINTER_TO_UINT(data));
    }
}

/* --- Context -------------------------------------------------------------- */

/* Drops: bit n is requester n. */
static const Command context_commands[] = {
    { "global", CCMD(1, 0, 0, 0), .drops = 7 },
    { "domain 1", CCMD(2, 1, 0, 0), .drops = 1 << A | 1 << C },
    { "domain 2", CCMD(2, 2, 0, 0), .drops = 1 << B },
    { "domain 0", CCMD(2, 0, 0, 0), .drops = 0 },
    /* The domain the entry has now, not the one it was loaded with. */
    { "new domain", CCMD(2, 9, 0, 0), .drops = 0 },
    { "device A", CCMD(3, 1, 0x0010, 0), .drops = 1 << A },
    { "device B", CCMD(3, 2, 0x0218, 0), .drops = 1 << B },
    { "device A, domain 2", CCMD(3, 2, 0x0010, 0), .drops = 0 },
    { "device A, new domain", CCMD(3, 9, 0x0010, 0), .drops = 0 },
    { "device of no one", CCMD(3, 1, 0x0011, 0), .drops = 0 },
    { "device A, bit 2 hidden", CCMD(3, 1, 0x0010, 1),
      .drops = 1 << A | 1 << C },
    { "function 6, bit 2 hidden", CCMD(3, 1, 0x0016, 1), .drops = 0 },
    { "function 6, bits 2:1 hidden", CCMD(3, 1, 0x0016, 2),
      .drops = 1 << A | 1 << C },
    { "function 7, bits 2:1 hidden", CCMD(3, 1, 0x0017, 2), .drops = 0 },
    { "function 7, bits 2:0 hidden", CCMD(3, 1, 0x0017, 3),
      .drops = 1 << A | 1 << C },
    { "other device, bits 2:0 hidden", CCMD(3, 1, 0x0018, 3), .drops = 0 },
    { "other bus, bits 2:0 hidden", CCMD(3, 1, 0x0110, 3), .drops = 0 },
    /* What drops no contexts. */
    { "iotlb domain", IOTLB(2, 1), .drops = 0 },
    { "iotlb page", PSI(1, 0x10000, 0, 0), .drops = 0 },
};

static void context_row(const Command *row, bool queue)
{
    g_autofree char *name = g_strdup_printf("%s, queue %u", row->name, queue);
    unsigned dropped = 0;
    uint64_t ss;
    World w;

    world_init(&w, NULL, queue);
    FX_CHECK(name, world_at(&w, OLD_BASE), ALL);
    /* All of them move to domain 9 with tables of its own. */
    ss = fx_mem_pages(&w.f->mem, 1);
    fx_map(w.f, ss, LEVELS, 0x10000, 0x99000, 12, FX_RW);
    for (unsigned i = 0; i < REQUESTERS; i++) {
        fx_context(w.f, sids[i], fx_context_lo(ss, 0, false),
                   fx_context_hi(LEVELS, 9));
    }
    fx_flush_iotlb_global(w.f);
    FX_CHECK(name, world_at(&w, OLD_BASE), ALL);
    run_command(w.f, row, queue);
    for (unsigned i = 0; i < REQUESTERS; i++) {
        dropped |= (world_dma(&w, i, FX_R, 0x10000) == 0x99000) << i;
    }
    FX_CHECK(name, dropped, row->drops);
    fx_free(w.f);
}

static void test_context(gconstpointer data)
{
    for (unsigned i = 0; i < ARRAY_SIZE(context_commands); i++) {
        context_row(&context_commands[i], GPOINTER_TO_UINT(data));
    }
}

/* --- Interrupt entries ---------------------------------------------------- */

#define IRTES 64

typedef struct IecRow {
    const char *name;
    uint64_t lo;
    unsigned first, count;   /* what is dropped of 64 entries */
} IecRow;

#define IEC(index, im) \
    (0x14 | (uint64_t)(im) << 27 | (uint64_t)(index) << 32)

static const IecRow iec_rows[] = {
    { "global", 0x4, 0, 64 },
    { "global, index and mask ignored", 0x4 | 5ULL << 32 | 3 << 27, 0, 64 },
    { "index 0", IEC(0, 0), 0, 1 },
    { "index 5", IEC(5, 0), 5, 1 },
    { "index 63", IEC(63, 0), 63, 1 },
    { "index 64", IEC(64, 0), 0, 0 },
    { "two", IEC(6, 1), 6, 2 },
    { "two, not aligned", IEC(7, 1), 6, 2 },
    { "eight", IEC(16, 3), 16, 8 },
    { "sixteen, not aligned", IEC(31, 4), 16, 16 },
    { "32768", IEC(0, 15), 0, 64 },
    { "the other 32768", IEC(0x8000, 15), 0, 0 },
    { "iotlb global", 0xd2, 0, 0 },
    { "context global", 0x11, 0, 0 },
    { "wait", 0x45, 0, 0 },
};

static void iec_row(const IecRow *row)
{
    Fx *f = fx_new(NULL);
    uint64_t dropped = 0, want = 0;
    FxMessage msg;

    fx_ir_start(f, 5, true);
    for (unsigned i = 0; i < IRTES; i++) {
        fx_irte(f, i, 1 | 0x30 << 16, 0);
        g_assert_cmpuint(fx_interrupt(f, 0x10, fx_irq_addr(i), 0, &msg), ==,
                         0);
        fx_irte(f, i, 1 | 0x40 << 16, 0);
        fx_interrupt(f, 0x10, fx_irq_addr(i), 0, &msg);
        FX_CHECK(row->name, msg.data, 0x30);
    }
    fx_forget(f);
    fx_submit(f, row->lo, 0);
    for (unsigned i = 0; i < IRTES; i++) {
        fx_interrupt(f, 0x10, fx_irq_addr(i), 0, &msg);
        dropped |= (uint64_t)(msg.data == 0x40) << i;
        if (i >= row->first && i < row->first + row->count) {
            want |= 1ULL << i;
        }
    }
    FX_CHECK(row->name, dropped, want);
    fx_free(f);
}

static void test_iec(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(iec_rows); i++) {
        iec_row(&iec_rows[i]);
    }
}

/* Who holds routes of his own is told which entries changed. */
static void test_iec_notify(void)
{
    Fx *f = fx_new(NULL);

    fx_queue_start(f, 0);
    fx_submit(f, 0x4, 0);
    fx_submit(f, IEC(0x1235, 2), 0);
    g_assert_cmpuint(f->iec->len, ==, 2);
    g_assert_true(g_array_index(f->iec, FxIec, 0).global);
    g_assert_false(g_array_index(f->iec, FxIec, 1).global);
    g_assert_cmphex(g_array_index(f->iec, FxIec, 1).index, ==, 0x1234);
    g_assert_cmphex(g_array_index(f->iec, FxIec, 1).count, ==, 4);
    fx_free(f);
}

/* --- Consumers of mappings ------------------------------------------------ */

typedef struct NotifyRow {
    Command command;
    unsigned who;            /* bit n: requester n is told */
    uint64_t iova;
    unsigned lg2;
} NotifyRow;

static const NotifyRow notify_rows[] = {
    { { "global", IOTLB(1, 0) }, 3, 0, 64 },
    { { "domain 1", IOTLB(2, 1) }, 1, 0, 64 },
    { { "domain 2", IOTLB(2, 2) }, 2, 0, 64 },
    { { "domain 3", IOTLB(2, 3) }, 0, 0, 0 },
    { { "page", PSI(1, 0x10000, 0, 1) }, 1, 0x10000, 12 },
    { { "pages, not aligned", PSI(1, 0x13000, 3, 0) }, 1, 0x10000, 15 },
    { { "page of 2", PSI(2, 0x7000, 0, 0) }, 2, 0x7000, 12 },
};

/* A and B want to be told, C does not. */
static void notify_row(const NotifyRow *row, bool known)
{
    const char *name = row->command.name;
    unsigned who = 0;
    World w;

    world_init(&w, NULL, true);
    nyx_vtd_requester_notify(w.r[A], true);
    nyx_vtd_requester_notify(w.r[B], true);
    if (known) {
        world_at(&w, OLD_BASE);
    }
    run_command(w.f, &row->command, true);
    for (unsigned i = 0; i < w.f->unmapped->len; i++) {
        FxUnmapped *u = &g_array_index(w.f->unmapped, FxUnmapped, i);

        who |= u->r == w.r[A] ? 1 : u->r == w.r[B] ? 2 : 4;
        FX_CHECK(name, u->iova, known ? row->iova : u->iova);
        FX_CHECK(name, u->lg2, known ? row->lg2 : u->lg2);
    }
    /* Somebody whose domain is not known may be meant. */
    FX_CHECK(name, who, known ? row->who : 3);
    fx_free(w.f);
}

static void test_notify(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(notify_rows); i++) {
        notify_row(&notify_rows[i], true);
        notify_row(&notify_rows[i], false);
    }
}

/*
 * A context that was dropped may have been of any tables: what consumers
 * hold of the old ones goes, and not only when the old domain is flushed,
 * for by then the new context can be known.
 */
static void notify_context_row(const Command *row, bool known)
{
    g_autofree char *name = g_strdup_printf("%s, known %u", row->name, known);
    unsigned who = 0;
    World w;

    world_init(&w, NULL, true);
    nyx_vtd_requester_notify(w.r[A], true);
    nyx_vtd_requester_notify(w.r[B], true);
    if (known) {
        world_at(&w, OLD_BASE);
    }
    run_command(w.f, row, true);
    for (unsigned i = 0; i < w.f->unmapped->len; i++) {
        FxUnmapped *u = &g_array_index(w.f->unmapped, FxUnmapped, i);

        who |= u->r == w.r[A] ? 1 << A : u->r == w.r[B] ? 1 << B : 1 << C;
        FX_CHECK(name, u->iova, 0);
        FX_CHECK(name, u->lg2, 64);
    }
    FX_CHECK(name, who, known ? row->drops & (1 << A | 1 << B)
                              : 1 << A | 1 << B);
    fx_free(w.f);
}

static void test_notify_context(void)
{
    for (unsigned i = 0; context_commands[i].lo % 16 == 1; i++) {
        notify_context_row(&context_commands[i], true);
        notify_context_row(&context_commands[i], false);
    }
}

/* --- The registers' own rules --------------------------------------------- */

typedef struct RegisterRow {
    const char *name;
    uint64_t ccmd;           /* or: */
    uint64_t iva;
    uint64_t iotlb;
    uint64_t after;          /* of CCMD or IOTLB */
    NyxVtdRule rule;
} RegisterRow;

static const RegisterRow register_rows[] = {
    { "context, reserved granularity", .ccmd = 0x8000000000000001ULL,
      .after = 0x1, .rule = NVTD_RULE_CCMD_GRAN },
    { "iotlb, reserved granularity", .iotlb = 0x8000000100000000ULL,
      .after = 0x100000000ULL, .rule = NVTD_RULE_IOTLB_GRAN },
    { "mask beyond MAMV", .iva = 0x10000 | 19, .iotlb = 0xb000000100000000ULL,
      .after = 0x3000000100000000ULL, .rule = NVTD_RULE_INV_MASK },
    { "largest mask field", .iva = 0x10000 | 63,
      .iotlb = 0xb000000100000000ULL, .after = 0x3000000100000000ULL,
      .rule = NVTD_RULE_INV_MASK },
};

static void test_register_errors(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(register_rows); i++) {
        const RegisterRow *row = &register_rows[i];
        World w;

        world_init(&w, NULL, false);
        world_at(&w, OLD_BASE);
        world_map(&w, NEW_BASE);
        if (row->ccmd) {
            fx_write64(w.f, 0x28, row->ccmd);
            FX_CHECK(row->name, fx_read64(w.f, 0x28), row->after);
        } else {
            fx_write64(w.f, 0x500, row->iva);
            fx_write64(w.f, 0x508, row->iotlb);
            FX_CHECK(row->name, fx_read64(w.f, 0x508), row->after);
        }
        FX_CHECK(row->name, fx_findings(w.f, row->rule), 1);
        /* Nothing was done. */
        FX_CHECK(row->name, world_at(&w, OLD_BASE), ALL);
        fx_free(w.f);
    }
}

/* With the queue on the registers do nothing, and do not hang either. */
static void test_register_with_queue(void)
{
    World w;

    world_init(&w, NULL, true);
    world_at(&w, OLD_BASE);
    world_map(&w, NEW_BASE);
    fx_write64(w.f, 0x28, 0xa000000000000000ULL);
    g_assert_cmphex(fx_read64(w.f, 0x28), ==, 0x2000000000000000ULL);
    fx_write64(w.f, 0x508, 0x9000000000000000ULL);
    g_assert_cmphex(fx_read64(w.f, 0x508), ==, 0x1000000000000000ULL);
    g_assert_cmpuint(fx_findings(w.f, NVTD_RULE_CMD_WITH_QI), ==, 2);
    g_assert_cmpuint(world_at(&w, OLD_BASE), ==, ALL);
    fx_free(w.f);
}

/* Two 4-byte writes: the half with the trigger starts it. */
static void test_register_halves(void)
{
    World w;

    world_init(&w, NULL, false);
    world_at(&w, OLD_BASE);
    world_map(&w, NEW_BASE);
    fx_write32(w.f, 0x500, 0x10000);
    fx_write32(w.f, 0x504, 0);
    fx_write32(w.f, 0x508, 0);
    g_assert_cmpuint(world_at(&w, OLD_BASE), ==, ALL);
    fx_write32(w.f, 0x50c, 0xb0000001);
    g_assert_cmphex(fx_read32(w.f, 0x50c), ==, 0x36000001);
    g_assert_cmpuint(world_at(&w, NEW_BASE), ==, P(0));
    fx_write32(w.f, 0x28, 0x00100001);
    fx_write32(w.f, 0x2c, 0xe0000000);
    g_assert_cmphex(fx_read32(w.f, 0x2c), ==, 0x78000000);
    g_assert_cmphex(fx_read32(w.f, 0x28), ==, 0x1);
    g_assert_cmpuint(nyx_vtd_stats(w.f->vtd).inv_context[3], ==, 1);
    fx_free(w.f);
}

/* The address stays until it is written again; IVA itself reads as zero. */
static void test_register_iva(void)
{
    World w;

    world_init(&w, NULL, false);
    world_at(&w, OLD_BASE);
    fx_write64(w.f, 0x500, 0x10001);
    g_assert_cmphex(fx_read64(w.f, 0x500), ==, 0);
    for (unsigned i = 0; i < 2; i++) {
        world_map(&w, i ? OLD_BASE : NEW_BASE);
        fx_write64(w.f, 0x508, 0xb000000100000000ULL);
        g_assert_cmpuint(world_at(&w, NEW_BASE), ==, i ? 0 : P(0) | P(1));
    }
    fx_free(w.f);
}

static void test_alignment_finding(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss);
    NyxWhere where;

    fx_flush_pages(f, 1, 0x8000, 3, false);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_INV_ALIGN), ==, 0);
    fx_flush_pages(f, 1, 0x9000, 3, false);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_INV_ALIGN), ==, 1);
    where = nyx_findings_get(nyx_vtd_findings(f->vtd),
                             NVTD_RULE_INV_ALIGN).last.where;
    g_assert_true(where.has_addr);
    g_assert_cmphex(where.addr, ==, 0x9000);
    g_assert_cmpuint(where.value, ==, 3);
    fx_free(f);
}

/* A command counts and is traced by its kind. */
static void test_statistics(void)
{
    World w;
    NyxVtdStats stats;

    world_init(&w, NULL, false);
    fx_forget(w.f);
    for (unsigned i = 0; i < ARRAY_SIZE(context_commands); i++) {
        run_command(w.f, &context_commands[i], false);
    }
    stats = nyx_vtd_stats(w.f->vtd);
    g_assert_cmpuint(stats.inv_context[1], ==, 2);
    g_assert_cmpuint(stats.inv_context[2], ==, 4);
    g_assert_cmpuint(stats.inv_context[3], ==, 12);
    g_assert_cmpuint(stats.inv_iotlb[1], ==, 1);
    g_assert_cmpuint(stats.inv_iotlb[2], ==, 1);
    g_assert_cmpuint(stats.inv_iotlb[3], ==, 1);
    g_assert_cmpuint(w.f->events[NYX_VTD_EV_INV_CONTEXT], ==, 17);
    g_assert_cmpuint(w.f->events[NYX_VTD_EV_INV_IOTLB], ==, 2);
    g_assert_cmphex(w.f->last_event[NYX_VTD_EV_INV_IOTLB].addr, ==, 0x10000);
    g_assert_cmpuint(w.f->last_event[NYX_VTD_EV_INV_IOTLB].lg2, ==, 12);
    fx_free(w.f);
}

static void add_both(const char *name, GTestDataFunc fn)
{
    g_autofree char *by_register = g_strdup_printf(
        "/nyx-vtd/invalidate/%s/register", name);
    g_autofree char *by_queue = g_strdup_printf(
        "/nyx-vtd/invalidate/%s/queue", name);

    g_test_add_data_func(by_register, GUINT_TO_POINTER(false), fn);
    g_test_add_data_func(by_queue, GUINT_TO_POINTER(true), fn);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/invalidate/" name, fn)
    add_both("iotlb", test_iotlb);
    add_both("paging", test_paging);
    add_both("context", test_context);
    ADD("iec", test_iec);
    ADD("iec-notify", test_iec_notify);
    ADD("notify", test_notify);
    ADD("notify-context", test_notify_context);
    ADD("register-errors", test_register_errors);
    ADD("register-with-queue", test_register_with_queue);
    ADD("register-halves", test_register_halves);
    ADD("register-iva", test_register_iva);
    ADD("alignment-finding", test_alignment_finding);
    ADD("statistics", test_statistics);
    return g_test_run();
}
