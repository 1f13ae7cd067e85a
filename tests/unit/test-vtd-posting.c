/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Posted interrupts of nyx-vtd: entries, descriptors, notifications, and
 * many who post at the same time.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define SID FX_SID
#define INDEX 5

/* IRTE: 0 P, 15 IM, 23:16 V, 63:38 PDA 31:6; 127:96 PDA 63:32. */
#define IRTE(v) (1 | 1 << 15 | (uint64_t)(v) << 16)
#define FPD 2
#define URG (1 << 14)

/* Word 4 of the descriptor: 0 ON, 1 SN, 23:16 NV, 63:32 NDST. */
#define ON 1
#define SN 2
#define CONTROL(nv, ndst) ((uint64_t)(nv) << 16 | (uint64_t)(ndst) << 32)

static uint64_t irte_hi(uint64_t pda)
{
    return pda & 0xffffffff00000000ULL;
}

static void set_irte(Fx *f, uint64_t lo, uint64_t pda)
{
    fx_irte(f, INDEX, lo | (pda & 0xffffffc0) << 32, irte_hi(pda));
    fx_submit(f, 0x4, 0);
}

static NyxVtdCfg post_cfg(void)
{
    NyxVtdCfg cfg = fx_cfg();

    cfg.posted_interrupts = true;
    return cfg;
}

/* A unit whose entry 5 posts vector @v to the descriptor at @pda. */
static Fx *new_post(const NyxVtdCfg *cfg, bool eime, uint64_t lo,
                    uint64_t *pda)
{
    const NyxVtdCfg with = post_cfg();
    Fx *f = fx_new(cfg ? cfg : &with);

    *pda = fx_mem_pages(&f->mem, 1) + 64;
    fx_ir_start(f, 7, eime);
    set_irte(f, lo, *pda);
    return f;
}

static unsigned post(Fx *f, FxMessage *msg)
{
    return fx_interrupt(f, SID, fx_irq_addr(INDEX), 0, msg);
}

/* --- One interrupt -------------------------------------------------------- */

/* Every vector has its bit, and only its bit. */
static void test_vectors(void)
{
    uint64_t pda;
    Fx *f = new_post(NULL, true, IRTE(0), &pda);

    for (unsigned v = 0; v < 256; v++) {
        g_autofree char *row = g_strdup_printf("vector %u", v);
        FxMessage msg;

        for (unsigned i = 0; i < 4; i++) {
            fx_mem_poke(&f->mem, pda + 8 * i, 0);
        }
        fx_mem_poke(&f->mem, pda + 32, CONTROL(0xf2, 9));
        set_irte(f, IRTE(v), pda);
        FX_CHECK(row, post(f, &msg), 0);
        for (unsigned i = 0; i < 4; i++) {
            FX_CHECK(row, fx_mem_peek(&f->mem, pda + 8 * i),
                     i == v / 64 ? 1ULL << (v % 64) : 0);
        }
        FX_CHECK(row, fx_mem_peek(&f->mem, pda + 32), CONTROL(0xf2, 9) | ON);
        FX_CHECK(row, f->send, true);
        FX_CHECK(row, msg.addr, 0xfee09000);
        FX_CHECK(row, msg.data, 0xf2);
    }
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).posted_interrupts, ==, 256);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).notifications, ==, 256);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).interrupts, ==, 0);
    g_assert_cmpuint(fx_all_findings(f), ==, 0);
    fx_free(f);
}

typedef struct NotifyRow {
    const char *name;
    bool urgent;
    unsigned before;         /* ON and SN */
    bool send;
    unsigned after;
} NotifyRow;

static const NotifyRow notify_rows[] = {
    { "first", false, 0, true, ON },
    { "outstanding", false, ON, false, ON },
    { "suppressed", false, SN, false, SN },
    { "both", false, ON | SN, false, ON | SN },
    { "urgent", true, 0, true, ON },
    { "urgent, outstanding", true, ON, false, ON },
    { "urgent, suppressed", true, SN, true, ON | SN },
    { "urgent, both", true, ON | SN, false, ON | SN },
};

static void test_notification(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(notify_rows); i++) {
        const NotifyRow *row = &notify_rows[i];
        uint64_t pda;
        Fx *f = new_post(NULL, true, IRTE(0x41) | (row->urgent ? URG : 0),
                         &pda);
        FxMessage msg;

        /* Other requests are there already and stay. */
        fx_mem_poke(&f->mem, pda + 8, 0x8000000000000001ULL);
        fx_mem_poke(&f->mem, pda + 32, CONTROL(0x31, 2) | row->before);
        FX_CHECK(row->name, post(f, &msg), 0);
        FX_CHECK(row->name, f->send, row->send);
        FX_CHECK(row->name, fx_mem_peek(&f->mem, pda + 8),
                 0x8000000000000003ULL);
        FX_CHECK(row->name, fx_mem_peek(&f->mem, pda + 32),
                 CONTROL(0x31, 2) | row->after);
        FX_CHECK(row->name, nyx_vtd_stats(f->vtd).notifications, row->send);
        FX_CHECK(row->name, f->events[NYX_VTD_EV_POST], 1);
        FX_CHECK(row->name, f->last_event[NYX_VTD_EV_POST].addr, pda);
        FX_CHECK(row->name, f->last_event[NYX_VTD_EV_POST].a, 0x41);
        FX_CHECK(row->name, f->last_event[NYX_VTD_EV_POST].b, row->send);
        fx_free(f);
    }
}

typedef struct TargetRow {
    const char *name;
    bool eime;
    uint32_t ndst;
    uint64_t addr;
} TargetRow;

static const TargetRow target_rows[] = {
    { "xAPIC 5", false, 0x500, 0xfee05000 },
    { "xAPIC 255", false, 0xff00, 0xfeeff000 },
    { "x2APIC 5", true, 5, 0xfee05000 },
    { "x2APIC 0x12345678", true, 0x12345678, 0x12345600fee78000ULL },
};

static void test_targets(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(target_rows); i++) {
        const TargetRow *row = &target_rows[i];
        uint64_t pda;
        Fx *f = new_post(NULL, row->eime, IRTE(0x41), &pda);
        FxMessage msg;

        fx_mem_poke(&f->mem, pda + 32, CONTROL(0xf2, row->ndst));
        FX_CHECK(row->name, post(f, &msg), 0);
        FX_CHECK(row->name, f->send, true);
        FX_CHECK(row->name, msg.addr, row->addr);
        FX_CHECK(row->name, msg.data, 0xf2);
        fx_free(f);
    }
}

/* The descriptor is read each time, the entry comes from the cache. */
static void test_cached(void)
{
    uint64_t pda;
    Fx *f = new_post(NULL, true, IRTE(0x41), &pda);
    FxMessage msg;

    fx_mem_poke(&f->mem, pda + 32, CONTROL(0x31, 2));
    g_assert_cmpuint(post(f, &msg), ==, 0);
    fx_mem_poke(&f->mem, pda + 32, CONTROL(0x32, 3));
    g_assert_cmpuint(post(f, &msg), ==, 0);
    g_assert_cmphex(msg.addr, ==, 0xfee03000);
    g_assert_cmphex(msg.data, ==, 0x32);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).iec.hits, ==, 1);
    /* Another descriptor counts from the invalidation on. */
    fx_irte(f, INDEX, IRTE(0x41) | (pda + 64) << 32, 0);
    g_assert_cmpuint(post(f, &msg), ==, 0);
    g_assert_cmphex(fx_mem_peek(&f->mem, pda + 64 + 8), ==, 0);
    fx_submit(f, 0x4, 0);
    g_assert_cmpuint(post(f, &msg), ==, 0);
    g_assert_cmphex(fx_mem_peek(&f->mem, pda + 64 + 8), ==, 2);
    fx_free(f);
}

/* A route is asked for without an interrupt. */
static void test_route(void)
{
    uint64_t pda, addr = fx_irq_addr(INDEX);
    Fx *f = new_post(NULL, true, IRTE(0x41), &pda);
    uint32_t data = 0;
    bool send = true;

    g_assert_cmpuint(nyx_vtd_route_interrupt(f->vtd, SID, &addr, &data,
                                             &send), ==, 0);
    g_assert_false(send);
    g_assert_cmphex(fx_mem_peek(&f->mem, pda + 8), ==, 0);
    g_assert_cmphex(fx_mem_peek(&f->mem, pda + 32), ==, 0);
    fx_irte(f, INDEX + 1, 1 | 0x42 << 16 | 3ULL << 32, 0);
    addr = fx_irq_addr(INDEX + 1);
    g_assert_cmpuint(nyx_vtd_route_interrupt(f->vtd, SID, &addr, &data,
                                             &send), ==, 0);
    g_assert_true(send);
    g_assert_cmphex(addr, ==, 0xfee03000);
    g_assert_cmphex(data, ==, 0x42);
    fx_free(f);
}

/* --- What is wrong -------------------------------------------------------- */

/* Every bit of the entry alone. */
static void test_entry_bits(void)
{
    uint64_t pda;
    Fx *f = new_post(NULL, true, IRTE(0), &pda);
    /* 7:2, 13:12, 37:24; 95:84; and an address beyond 46 bits. */
    const uint64_t rsvd_lo = 0x3fff0030fcULL;
    const uint64_t rsvd_hi = 0xffffc000fff00000ULL;

    for (unsigned bit = 1; bit < 128; bit++) {
        uint64_t lo = bit < 64 ? 1ULL << bit : 0;
        uint64_t hi = bit < 64 ? 0 : 1ULL << (bit - 64);
        g_autofree char *row = g_strdup_printf("bit %u", bit);
        unsigned want = 0;
        FxMessage msg;

        if ((lo & rsvd_lo) || (hi & rsvd_hi)) {
            want = 0x24;
        } else if (bit == 64 + 18) {
            want = 0x26;     /* the source is checked, and is not 0 */
        } else if ((bit >= 60 && bit < 64) || bit >= 96) {
            want = 0x27;     /* an address without RAM */
        }
        if (bit >= 38 && bit < 60) {
            continue;        /* any address */
        }
        fx_irte(f, INDEX, IRTE(0) | lo, hi);
        fx_submit(f, 0x4, 0);
        FX_CHECK(row, post(f, &msg), want);
        fx_clear_faults(f);
    }
    fx_free(f);
}

/* Every bit of the descriptor alone. */
static void descriptor_bits(bool eime)
{
    uint64_t pda;
    Fx *f = new_post(NULL, eime, IRTE(0x41), &pda);

    for (unsigned bit = 0; bit < 512; bit++) {
        g_autofree char *row = g_strdup_printf("EIME %u, bit %u", eime, bit);
        /* 271:258, 287:280, 511:320; the id in xAPIC mode is 303:296. */
        bool bad = (bit >= 258 && bit < 272) || (bit >= 280 && bit < 288) ||
                   bit >= 320 ||
                   (!eime && bit >= 288 && (bit < 296 || bit > 303));
        uint64_t at = pda + bit / 64 * 8;
        FxMessage msg;

        for (unsigned i = 0; i < 8; i++) {
            fx_mem_poke(&f->mem, pda + 8 * i, 0);
        }
        fx_mem_poke(&f->mem, at, 1ULL << (bit % 64));
        FX_CHECK(row, post(f, &msg), bad ? 0x28 : 0);
        if (bad) {
            /* Nothing has been changed, and nothing is to be sent. */
            FX_CHECK(row, f->send, false);
            FX_CHECK(row, fx_mem_peek(&f->mem, pda + 8), 0);
            FX_CHECK(row, fx_mem_peek(&f->mem, at), 1ULL << (bit % 64));
            FX_CHECK(row, fx_take_fault(f).hi, 0x8000002800000010ULL);
        }
    }
    fx_free(f);
}

static void test_descriptor_bits(void)
{
    descriptor_bits(true);
    descriptor_bits(false);
}

typedef struct CodeRow {
    const char *name;
    bool offered;
    uint64_t lo, hi;
    unsigned code;
} CodeRow;

static const CodeRow code_rows[] = {
    { "not offered", false, IRTE(0x41), 0, 0x24 },
    { "SVT 3", true, IRTE(0x41), 3 << 18 | SID, 0x24 },
    { "reserved", true, IRTE(0x41) | 1 << 4, 0, 0x24 },
    { "other source", true, IRTE(0x41), 1 << 18 | 0x18, 0x26 },
    /* The fixture has 256 MiB. */
    { "no RAM", true, IRTE(0x41) | 0x80000000ULL << 32, 0, 0x27 },
    { "no RAM, high", true, IRTE(0x41), 1ULL << 32, 0x27 },
    { "beyond the width", true, IRTE(0x41), 1ULL << (14 + 32), 0x24 },
    { "the last below it", true, IRTE(0x41), 1ULL << (13 + 32), 0x27 },
};

static void test_codes(void)
{
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(code_rows); i++) {
        const CodeRow *row = &code_rows[i / 2];
        bool fpd = i % 2;
        NyxVtdCfg cfg = fx_cfg();
        uint64_t pda;
        FxMessage msg;
        FxRecord record;
        Fx *f;

        cfg.posted_interrupts = row->offered;
        f = new_post(&cfg, true, IRTE(0x41), &pda);
        fx_irte(f, INDEX, row->lo | (fpd ? FPD : 0), row->hi);
        fx_submit(f, 0x4, 0);
        FX_CHECK(row->name, post(f, &msg), row->code);
        record = fx_take_fault(f);
        FX_CHECK(row->name, record.hi, fpd ? 0 :
                 1ULL << 63 | (uint64_t)row->code << 32 | SID);
        FX_CHECK(row->name, record.lo, fpd ? 0 : 0x0005000000000000ULL);
        FX_CHECK(row->name, nyx_vtd_stats(f->vtd).posted_interrupts, 0);
        FX_CHECK(row->name, fx_findings(f, NVTD_RULE_IRQ_FAULT), 1);
        fx_free(f);
    }
}

/* A descriptor is whole or it is not there. */
static void test_hole(void)
{
    for (unsigned byte = 0; byte < 64; byte += 21) {
        uint64_t pda;
        Fx *f = new_post(NULL, true, IRTE(0x41), &pda);
        FxMessage msg;

        fx_mem_hole(&f->mem, pda + byte, pda + byte);
        g_assert_cmpuint(post(f, &msg), ==, 0x27);
        fx_mem_no_hole(&f->mem);
        g_assert_cmphex(fx_mem_peek(&f->mem, pda + 8), ==, 0);
        g_assert_cmpuint(post(f, &msg), ==, 0);
        fx_free(f);
    }
}

typedef struct Vanish {
    FxMem *mem;
    uint64_t pda;
    unsigned first;          /* byte that goes */
} Vanish;

static void vanish(void *opaque, uint64_t gpa)
{
    const Vanish *v = opaque;

    if (gpa == v->pda) {
        fx_mem_hole(v->mem, v->pda + v->first, v->pda + 63);
    }
}

/* Memory that is unplugged between the look and the change. */
static void test_vanishes(void)
{
    /* The request word, or the control word behind it. */
    for (unsigned first = 0; first <= 32; first += 32) {
        uint64_t pda;
        Fx *f = new_post(NULL, true, IRTE(0x41), &pda);
        Vanish v = { &f->mem, pda, first };
        FxMessage msg;

        f->mem.on_read = vanish;
        f->mem.on_read_opaque = &v;
        g_assert_cmpuint(post(f, &msg), ==, 0x27);
        g_assert_false(f->send);
        g_assert_cmpuint(nyx_vtd_stats(f->vtd).notifications, ==, 0);
        fx_free(f);
    }
}

/* The option needs interrupt remapping. */
static void test_option(void)
{
    NyxVtdCfg cfg = post_cfg();

    g_assert_null(nyx_vtd_cfg_error(&cfg));
    cfg.intremap = cfg.eim = false;
    g_assert_nonnull(strstr(nyx_vtd_cfg_error(&cfg), "posted-interrupts=off"));
    cfg.posted_interrupts = false;
    g_assert_null(nyx_vtd_cfg_error(&cfg));
}

/* --- At the same time ----------------------------------------------------- */

/*
 * Several units share one descriptor, as on a machine with several of them,
 * and software takes the requests away as a hypervisor does: it clears ON,
 * then exchanges each word of PIR for zero.
 */
#define UNITS 4
#define ROUNDS 20000

typedef struct Poster {
    Fx *f;
    unsigned vector;         /* this unit's, and no other's */
    unsigned notified;
    uint64_t *taken;         /* atomic: requests of the vector taken away */
    pthread_t thread;
} Poster;

/* The next is posted when the one before has been taken. */
static void *poster_run(void *opaque)
{
    Poster *p = opaque;

    p->f->serial = pthread_self();
    for (unsigned i = 0; i < ROUNDS; i++) {
        FxMessage msg;

        g_assert_cmpuint(post(p->f, &msg), ==, 0);
        p->notified += p->f->send;
        while (__atomic_load_n(p->taken, __ATOMIC_ACQUIRE) != i + 1) {
            sched_yield();
        }
    }
    return NULL;
}

typedef struct Taker {
    FxMem *mem;
    uint64_t pda;
    uint64_t taken[UNITS];   /* atomic */
    unsigned cleared;        /* how often ON was found */
} Taker;

static const uint8_t vectors[UNITS] = { 0x40, 0x41, 0x7f, 0xff };

/* One look at the descriptor; how many requests were taken. */
static unsigned take(Taker *t)
{
    uint64_t *pd = (uint64_t *)(t->mem->bytes + t->pda);
    uint64_t on = __atomic_fetch_and(&pd[4], ~(uint64_t)ON, __ATOMIC_SEQ_CST);
    unsigned count = 0;

    if (!(on & ON)) {
        return 0;
    }
    t->cleared++;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t pir = __atomic_exchange_n(&pd[i], 0, __ATOMIC_SEQ_CST);

        for (unsigned j = 0; j < UNITS; j++) {
            if (vectors[j] / 64 == i && pir & 1ULL << (vectors[j] % 64)) {
                __atomic_fetch_add(&t->taken[j], 1, __ATOMIC_RELEASE);
                count++;
            }
        }
        /* No bit that nobody asked for. */
        g_assert_cmphex(pir & ~(i == 1 ? 0x8000000000000003ULL :
                                i == 3 ? 0x8000000000000000ULL : 0), ==, 0);
    }
    return count;
}

static void test_threads(void)
{
    Poster posters[UNITS] = { };
    Taker taker = { };
    uint8_t *own[UNITS] = { };
    unsigned taken = 0, notified = 0;

    for (unsigned i = 0; i < UNITS; i++) {
        const NyxVtdCfg cfg = post_cfg();
        Fx *f = fx_new(&cfg);
        uint64_t pda = fx_mem_pages(&f->mem, 1);

        fx_ir_start(f, 7, true);
        if (i == 0) {
            taker = (Taker) { .mem = &f->mem, .pda = pda };
        }
        set_irte(f, IRTE(vectors[i]), pda);
        posters[i] = (Poster) {
            .f = f, .vector = vectors[i], .taken = &taker.taken[i],
        };
    }
    /* All see the first one's memory, but each its own entry. */
    for (unsigned i = 0; i < UNITS; i++) {
        FxMessage msg;

        fx_interrupt(posters[i].f, 0, fx_irq_addr(INDEX), 0, &msg);
        if (i) {
            own[i] = posters[i].f->mem.bytes;
            posters[i].f->mem.bytes = taker.mem->bytes;
        }
    }
    memset(taker.mem->bytes + taker.pda, 0, 64);
    for (unsigned i = 0; i < UNITS; i++) {
        pthread_create(&posters[i].thread, NULL, poster_run, &posters[i]);
    }
    while (taken < UNITS * ROUNDS) {
        unsigned count = take(&taker);

        taken += count;
        if (!count) {
            sched_yield();
        }
    }
    for (unsigned i = 0; i < UNITS; i++) {
        pthread_join(posters[i].thread, NULL);
        notified += posters[i].notified;
        g_assert_cmpuint(taker.taken[i], ==, ROUNDS);
        posters[i].f->serial = pthread_self();
    }
    /* Each time ON was found somebody had set it, and sent the message. */
    taker.cleared += fx_mem_peek(taker.mem, taker.pda + 32) & ON;
    g_assert_cmpuint(notified, ==, taker.cleared);
    for (unsigned i = UNITS; i--; ) {
        if (i) {
            posters[i].f->mem.bytes = own[i];
        }
        fx_free(posters[i].f);
    }
}

/* Somebody who is always first does not keep the unit for ever. */
static void be_first(void *opaque, uint64_t gpa)
{
    FxMem *mem = opaque;

    mem->writes++;
    fx_mem_poke(mem, gpa, fx_mem_peek(mem, gpa) ^ 1ULL << 63);
}

static void test_contention(void)
{
    uint64_t pda;
    Fx *f = new_post(NULL, true, IRTE(0x41), &pda);
    FxMessage msg;

    f->mem.on_cmpxchg = be_first;
    f->mem.on_cmpxchg_opaque = &f->mem;
    f->mem.writes = 0;
    g_assert_cmpuint(post(f, &msg), ==, 0x27);
    g_assert_cmpuint(f->mem.writes, ==, 65536);
    g_assert_cmphex(fx_mem_peek(&f->mem, pda + 8), ==, 0);
    f->mem.on_cmpxchg = NULL;
    g_assert_cmpuint(post(f, &msg), ==, 0);
    fx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/posting/" name, fn)
    ADD("vectors", test_vectors);
    ADD("notification", test_notification);
    ADD("targets", test_targets);
    ADD("cached", test_cached);
    ADD("route", test_route);
    ADD("entry-bits", test_entry_bits);
    ADD("descriptor-bits", test_descriptor_bits);
    ADD("codes", test_codes);
    ADD("hole", test_hole);
    ADD("vanishes", test_vanishes);
    ADD("option", test_option);
    ADD("threads", test_threads);
    ADD("contention", test_contention);
    return g_test_run();
}
