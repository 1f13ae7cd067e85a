/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts that nyx-amdvi posts to virtual APICs: the bit in the backing
 * page, what is cached of an entry and what never is, GA log, GAPPI.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"
#include "amd-irq.h"

#define INDEX 5

/* First word: 0 RemapEn, 2 GALogIntr, 5 GAPPIDis, 6 IsRun, 7 GuestMode. */
#define GUEST     (1 | 1 << 7)
#define GALOGINTR (1 << 2)
#define GAPPIDIS  (1 << 5)
#define ISRUN     (1 << 6)
#define TAG(tag)  ((uint64_t)(tag) << 32)
#define DEST(id)  (((uint64_t)(id) & 0xffffff) << 8)
/* Second word: 71:64 vector, 115:76 page, 127:120 destination 31:24 */
#define DEST_HI(id) ((uint64_t)(id) >> 24 << 56)

typedef struct Post {
    Ax *f;
    uint64_t page;           /* backing page */
    uint64_t log;            /* GA log */
} Post;

static Post new_post(const NyxAmdCfg *cfg, uint64_t control)
{
    Post p = { .f = irq_new(cfg, 0) };

    p.page = fx_mem_pages(&p.f->mem, 1);
    p.log = fx_mem_pages(&p.f->mem, 1);
    ax_write64(p.f, AX_GABASE, ax_ring(p.log, 8));
    irq_control(p.f, AX_GAEN | AX_GAMEN | AX_GALOGEN | control);
    return p;
}

/* The entry, flushed. */
static void set_entry(const Post *p, uint64_t lo, uint8_t vector)
{
    irq_entry(p->f, INDEX, lo, p->page | vector);
    ax_inv_irt(p->f, IRQ_SID);
}

static unsigned post(const Post *p, FxMessage *msg)
{
    return irq_send(p->f, IRQ_ADDR, INDEX, msg);
}

/* The 32 requests that @vector is one of, and what is beside them. */
static uint64_t requests(const Post *p, unsigned vector)
{
    return fx_mem_peek(&p->f->mem, p->page + 0x200 + vector / 32 * 16);
}

static uint64_t ga_tail(const Post *p)
{
    return ax_read64(p->f, AX_GATAIL);
}

/* --- The bit -------------------------------------------------------------- */

/* Every vector has its bit, and nothing else of the page changes. */
static void test_vectors(void)
{
    Post p = new_post(NULL, 0);

    for (unsigned v = 0; v < 256; v++) {
        g_autofree char *row = g_strdup_printf("vector %u", v);
        FxMessage msg;

        for (unsigned i = 0; i < 512; i++) {
            fx_mem_poke(&p.f->mem, p.page + 8 * i, 0);
        }
        set_entry(&p, GUEST, v);
        FX_CHECK(row, post(&p, &msg), 0);
        FX_CHECK(row, p.f->send, false);
        for (unsigned i = 0; i < 512; i++) {
            FX_CHECK(row, fx_mem_peek(&p.f->mem, p.page + 8 * i),
                     i == 64 + v / 32 * 2 ? 1ULL << (v % 32) : 0);
        }
    }
    FX_CHECK(NULL, nyx_amd_stats(p.f->amd).vapic_interrupts, 256);
    FX_CHECK(NULL, nyx_amd_stats(p.f->amd).interrupts, 0);
    FX_CHECK(NULL, ax_all_findings(p.f), 0);
    FX_CHECK(NULL, ga_tail(&p), 0);
    ax_free(p.f);
}

/* What is there already stays, requests and the doubleword beside them. */
static void test_others_stay(void)
{
    Post p = new_post(NULL, 0);
    FxMessage msg;

    fx_mem_poke(&p.f->mem, p.page + 0x220, 0xdeadbeef80000001ULL);
    set_entry(&p, GUEST, 0x41);
    FX_CHECK("set", post(&p, &msg), 0);
    FX_CHECK("set", requests(&p, 0x41), 0xdeadbeef80000003ULL);
    FX_CHECK("again", post(&p, &msg), 0);
    FX_CHECK("again", requests(&p, 0x41), 0xdeadbeef80000003ULL);
    ax_free(p.f);
}

/* A processor takes and sets requests in between: no change is lost. */
typedef struct Rival {
    FxMem *mem;
    uint64_t at;
    unsigned times;          /* left to change the word */
    unsigned seen;
} Rival;

static void interfere(void *opaque, uint64_t gpa)
{
    Rival *rival = opaque;

    FX_CHECK("address", gpa, rival->at);
    rival->seen++;
    if (rival->times) {
        rival->times--;
        fx_mem_poke(rival->mem, gpa, fx_mem_peek(rival->mem, gpa) +
                    0x100000000ULL);
    }
}

static void test_rivals(void)
{
    Post p = new_post(NULL, 0);
    Rival rival = { .mem = &p.f->mem, .at = p.page + 0x220, .times = 3 };
    AxEvent event;
    FxMessage msg;

    set_entry(&p, GUEST, 0x41);
    p.f->mem.on_cmpxchg = interfere;
    p.f->mem.on_cmpxchg_opaque = &rival;
    FX_CHECK("overtaken", post(&p, &msg), 0);
    FX_CHECK("overtaken", requests(&p, 0x41), 0x300000002ULL);
    /* Somebody who never stops does not stop us. */
    rival.times = UINT_MAX;
    rival.seen = 0;
    FX_CHECK("always", post(&p, &msg), 4);
    FX_CHECK("always", rival.seen <= 1 << 20, true);
    event = ax_take_event(p.f);
    FX_CHECK("always", event.lo, 0x4408000700000010ULL);
    FX_CHECK("always", event.hi, p.page + 0x220);
    ax_free(p.f);
}

static void test_unreachable(void)
{
    Post p = new_post(NULL, AX_GAINTEN);
    AxEvent event;
    FxMessage msg;

    set_entry(&p, GUEST | GALOGINTR, 0x41);
    fx_mem_hole(&p.f->mem, p.page + 0x220, p.page + 0x220);
    FX_CHECK("hole", post(&p, &msg), 4);
    FX_CHECK("hole", p.f->send, false);
    event = ax_take_event(p.f);
    FX_CHECK("hole", event.lo, 0x4408000700000010ULL);
    FX_CHECK("hole", event.hi, p.page + 0x220);
    FX_CHECK("hole", nyx_amd_stats(p.f->amd).vapic_interrupts, 0);
    FX_CHECK("nobody is told", ga_tail(&p), 0);
    ax_free(p.f);
}

/* --- What an entry may be ------------------------------------------------- */

/* 16: GAMEn makes it a format; reserved bits, each alone. */
static void entry_bits(const char *name, bool gappi_dis, uint64_t mask_lo)
{
    NyxAmdCfg cfg = ax_cfg();
    Post p;

    cfg.gappi_dis = gappi_dis;
    p = new_post(&cfg, 0);
    for (unsigned bit = 1; bit < 128; bit++) {
        uint64_t words[2] = { GUEST, p.page };
        /* 75:72, 119:116, and pages above 2^48: 115:112 */
        uint64_t mask = bit < 64 ? mask_lo : 0x00ff000000000f00ULL;
        bool illegal = mask >> (bit % 64) & 1;
        g_autofree char *row = g_strdup_printf("%s, bit %u", name, bit);
        AxEvent event;
        FxMessage msg;

        /* Without GuestMode it is another format, and another page no RAM. */
        if (bit == 7 || (bit >= 76 && bit < 112)) {
            continue;
        }
        words[bit / 64] |= 1ULL << (bit % 64);
        irq_entry(p.f, INDEX, words[0], words[1]);
        ax_inv_irt(p.f, IRQ_SID);
        FX_CHECK(row, post(&p, &msg), illegal ? 2 : 0);
        event = ax_take_event(p.f);
        FX_CHECK(row, event.lo, illegal ? 0x2098000700000010ULL : 0);
    }
    ax_free(p.f);
}

static void test_entry_bits(void)
{
    /* 4:3, and without GAPPIDisSup 5 */
    entry_bits("GAPPIDis", true, 0x18);
    entry_bits("no GAPPIDis", false, 0x38);
}

static void test_modes(void)
{
    for (unsigned gamen = 0; gamen < 8; gamen++) {
        g_autofree char *row = g_strdup_printf("GAMEn %u", gamen);
        Post p = new_post(NULL, 0);
        FxMessage msg;

        irq_control(p.f, AX_GAEN | (uint64_t)gamen << 25);
        set_entry(&p, GUEST, 0x41);
        /* Codes that are reserved are not taken into the register. */
        FX_CHECK(row, post(&p, &msg),
                 (ax_read64(p.f, AX_CONTROL) >> 25 & 7) == 1 ? 0 : 2);
        if (gamen < 2) {
            FX_CHECK(row, requests(&p, 0x41), gamen ? 2 : 0);
        }
        ax_free(p.f);
    }
}

/* 32-bit entries have no guest mode. */
static void test_narrow(void)
{
    Post p = new_post(NULL, 0);
    AxEvent event;
    FxMessage msg;

    irq_control(p.f, AX_GAMEN);
    irq_entry(p.f, INDEX, NARROW(0x41, 3) | 1 << 7, 0);
    FX_CHECK("narrow", post(&p, &msg), 2);
    event = ax_take_event(p.f);
    FX_CHECK("narrow", event.lo, 0x2098000700000010ULL);
    ax_free(p.f);
}

/* --- Who is told ---------------------------------------------------------- */

typedef struct ToldRow {
    const char *name;
    uint64_t lo;
    bool logged;
} ToldRow;

static const ToldRow told_rows[] = {
    { "nobody", GUEST, false },
    { "log", GUEST | GALOGINTR, true },
    /* A doorbell is no interrupt, and no processor here takes it. */
    { "running", GUEST | ISRUN, false },
    { "running, log", GUEST | ISRUN | GALOGINTR, false },
    { "GAPPIDis is for GAPPI", GUEST | GALOGINTR | GAPPIDIS, true },
};

static void test_log(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(told_rows); i++) {
        const ToldRow *row = &told_rows[i];
        Post p = new_post(NULL, 0);
        FxMessage msg;

        set_entry(&p, row->lo | TAG(0x89abcdef) | DEST(9), 0x41);
        FX_CHECK(row->name, post(&p, &msg), 0);
        FX_CHECK(row->name, p.f->send, false);
        FX_CHECK(row->name, requests(&p, 0x41), 2);
        FX_CHECK(row->name, ga_tail(&p), row->logged ? 8 : 0);
        /* 63:60 code 1, 47:32 device, 31:0 tag */
        FX_CHECK(row->name, fx_mem_peek(&p.f->mem, p.log),
                 row->logged ? 0x1000001089abcdefULL : 0);
        FX_CHECK(row->name, ax_read32(p.f, AX_STATUS) & AX_GAINT,
                 row->logged ? AX_GAINT : 0);
        FX_CHECK(row->name, nyx_amd_stats(p.f->amd).ga_entries, row->logged);
        FX_CHECK(row->name, p.f->traces[NYX_AMD_EV_VAPIC], 1);
        FX_CHECK(row->name, p.f->last_trace[NYX_AMD_EV_VAPIC].addr, p.page);
        FX_CHECK(row->name, p.f->last_trace[NYX_AMD_EV_VAPIC].a, 0x41);
        FX_CHECK(row->name, p.f->last_trace[NYX_AMD_EV_VAPIC].b,
                 !!(row->lo & ISRUN));
        ax_free(p.f);
    }
}

/* Each one is logged, also of a request that is pending already. */
static void test_log_all(void)
{
    Post p = new_post(NULL, AX_GAINTEN);
    FxMessage msg;

    set_entry(&p, GUEST | GALOGINTR | TAG(7), 0x41);
    irq_dte2(p.f, 0x4321, IRQ_IV | IRQ_512 | irq_table(p.f) | IRQ_REMAP);
    post(&p, &msg);
    post(&p, &msg);
    FX_CHECK("other", irq_send_as(p.f, 0x4321, IRQ_ADDR, INDEX, &msg), 0);
    FX_CHECK("entries", ga_tail(&p), 24);
    FX_CHECK("other", fx_mem_peek(&p.f->mem, p.log + 16),
             0x1000432100000007ULL);
    /* The bit is in the page before software is told. */
    FX_CHECK("signals", p.f->signals->len, 1);
    ax_free(p.f);
}

/* GAPPI: an interrupt for the first request that a page has. */
static void test_gappi(void)
{
    Post p = new_post(NULL, IRQ_GAPPIEN | AX_XTEN);
    FxMessage msg;

    set_entry(&p, GUEST | GALOGINTR | TAG(0xfffffff2) | DEST(0x123456), 0x41);
    FX_CHECK("first", post(&p, &msg), 0);
    FX_CHECK("first", p.f->send, true);
    FX_CHECK("first", msg.addr, 0x00123400fee56000ULL);
    FX_CHECK("first", msg.data, 0xf2);
    FX_CHECK("in place of the log", ga_tail(&p), 0);
    FX_CHECK("second", post(&p, &msg), 0);
    FX_CHECK("second", p.f->send, false);
    for (unsigned v = 0; v < 256; v += 37) {
        for (unsigned i = 0; i < 8; i++) {
            fx_mem_poke(&p.f->mem, p.page + 0x200 + 16 * i,
                        i == v / 32 ? 1ULL << (v % 32) : 0);
        }
        FX_CHECK("one is pending", post(&p, &msg), 0);
        FX_CHECK("one is pending", p.f->send, false);
    }
    /* What is beside the requests is none. */
    for (unsigned i = 0; i < 8; i++) {
        fx_mem_poke(&p.f->mem, p.page + 0x200 + 16 * i, ~0ULL << 32);
        fx_mem_poke(&p.f->mem, p.page + 0x208 + 16 * i, ~0ULL);
    }
    FX_CHECK("none is", post(&p, &msg), 0);
    FX_CHECK("none is", p.f->send, true);
    ax_free(p.f);
}

static void test_gappi_not(void)
{
    static const struct {
        const char *name;
        uint64_t lo;
        bool gappi;          /* the IOMMU has it */
        bool send, logged;
    } rows[] = {
        { "GAPPI", GUEST, true, true, false },
        { "disabled", GUEST | GAPPIDIS, true, false, false },
        { "disabled, log", GUEST | GAPPIDIS | GALOGINTR, true, false, false },
        { "running", GUEST | ISRUN, true, false, false },
        { "none", GUEST | GALOGINTR, false, false, true },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxAmdCfg cfg = ax_cfg();
        FxMessage msg;
        Post p;

        cfg.gappi = cfg.gappi_dis = rows[i].gappi;
        p = new_post(&cfg, IRQ_GAPPIEN);
        set_entry(&p, rows[i].lo | TAG(0x31) | DEST(2), 0x41);
        FX_CHECK(rows[i].name, post(&p, &msg), 0);
        FX_CHECK(rows[i].name, p.f->send, rows[i].send);
        if (rows[i].send) {
            FX_CHECK(rows[i].name, msg.addr, 0xfee02000);
            FX_CHECK(rows[i].name, msg.data, 0x31);
        }
        FX_CHECK(rows[i].name, ga_tail(&p), rows[i].logged ? 8 : 0);
        FX_CHECK(rows[i].name, requests(&p, 0x41), 2);
        ax_free(p.f);
    }
}

/* --- Caches --------------------------------------------------------------- */

/* 45: where a processor runs is read anew, without any command. */
static void test_live_fields(void)
{
    Post p = new_post(NULL, AX_XTEN);
    FxMessage msg;

    set_entry(&p, GUEST | ISRUN | DEST(1), 0x41);
    post(&p, &msg);
    FX_CHECK("running", ga_tail(&p), 0);
    irq_entry(p.f, INDEX, GUEST | GALOGINTR | TAG(0x55), p.page | 0x41);
    post(&p, &msg);
    FX_CHECK("stopped", ga_tail(&p), 8);
    FX_CHECK("stopped", fx_mem_peek(&p.f->mem, p.log), 0x1000001000000055ULL);
    irq_entry(p.f, INDEX, GUEST | TAG(0x55), p.page | 0x41);
    post(&p, &msg);
    FX_CHECK("no log", ga_tail(&p), 8);
    FX_CHECK("hits", nyx_amd_stats(p.f->amd).irt.hits, 2);

    irq_control(p.f, AX_GAEN | AX_GAMEN | AX_XTEN | IRQ_GAPPIEN);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t id = 0x12345678 >> (4 * i);

        fx_mem_poke(&p.f->mem, p.page + 0x220, 0);
        irq_entry(p.f, INDEX, GUEST | DEST(id) | TAG(0x40 + i),
                  p.page | 0x41 | DEST_HI(id));
        post(&p, &msg);
        FX_CHECK("moved", msg.addr, 0xfee00000 | (id & 0xff) << 12 |
                 (uint64_t)(id >> 8) << 40);
        FX_CHECK("moved", msg.data, 0x40 + i);
    }
    fx_mem_poke(&p.f->mem, p.page + 0x220, 0);
    irq_entry(p.f, INDEX, GUEST | GAPPIDIS, p.page | 0x41);
    post(&p, &msg);
    FX_CHECK("GAPPIDis", p.f->send, false);
    ax_free(p.f);
}

/* The rest is: it takes the command. */
static void test_cached_fields(void)
{
    Post p = new_post(NULL, 0);
    uint64_t other = fx_mem_pages(&p.f->mem, 1);
    FxMessage msg;

    set_entry(&p, GUEST, 0x41);
    post(&p, &msg);
    irq_entry(p.f, INDEX, GUEST, other | 0x42);
    post(&p, &msg);
    FX_CHECK("page", fx_mem_peek(&p.f->mem, other + 0x220), 0);
    FX_CHECK("vector", requests(&p, 0x41), 2);
    irq_entry(p.f, INDEX, 0, 0);
    FX_CHECK("RemapEn", post(&p, &msg), 0);
    irq_entry(p.f, INDEX, WIDE_LO(3), WIDE_HI(0x43, 3));
    FX_CHECK("GuestMode", post(&p, &msg), 0);
    FX_CHECK("GuestMode", p.f->send, false);
    ax_inv_irt(p.f, IRQ_SID);
    FX_CHECK("flushed", post(&p, &msg), 0);
    FX_CHECK("flushed", p.f->send, true);
    FX_CHECK("flushed", msg.data, 0x43);
    /* And the other way */
    irq_entry(p.f, INDEX, GUEST, other | 0x42);
    post(&p, &msg);
    FX_CHECK("not yet", msg.data, 0x43);
    ax_inv_irt(p.f, IRQ_SID);
    post(&p, &msg);
    FX_CHECK("posted", fx_mem_peek(&p.f->mem, other + 0x220), 4);
    ax_free(p.f);
}

/* What is read anew may not be there any more. */
static void test_live_unreadable(void)
{
    Post p = new_post(NULL, 0);
    uint64_t at = irq_table(p.f) + 16 * INDEX;
    AxEvent event;
    FxMessage msg;

    set_entry(&p, GUEST, 0x41);
    post(&p, &msg);
    fx_mem_hole(&p.f->mem, at, at);
    FX_CHECK("hole", post(&p, &msg), 4);
    event = ax_take_event(p.f);
    FX_CHECK("hole", event.lo, 0x4408000700000010ULL);
    FX_CHECK("hole", event.hi, at);
    ax_free(p.f);
}

/* --- The rest ------------------------------------------------------------- */

/* A route posts nothing, and no message can stand for one. */
static void test_route(void)
{
    Post p = new_post(NULL, 0);
    uint64_t addr = IRQ_ADDR;
    uint32_t data = INDEX;
    bool send = true;

    set_entry(&p, GUEST | GALOGINTR, 0x41);
    FX_CHECK("route", nyx_amd_route_interrupt(p.f->amd, IRQ_SID, &addr, &data,
                                              &send), 0);
    FX_CHECK("route", send, false);
    FX_CHECK("route", requests(&p, 0x41), 0);
    FX_CHECK("route", ga_tail(&p), 0);
    FX_CHECK("route", nyx_amd_stats(p.f->amd).vapic_interrupts, 0);
    ax_free(p.f);
}

/* Source 16h */
static void test_counter(void)
{
    Post p = new_post(NULL, 0);
    FxMessage msg;

    set_entry(&p, GUEST, 0x41);
    ax_write64(p.f, 0x40008, 0x16);
    post(&p, &msg);
    post(&p, &msg);
    FX_CHECK("vAPIC", ax_read64(p.f, 0x40000), 2);
    ax_free(p.f);
}

/* --- Many at a time ------------------------------------------------------- */

#define HAMMER_ROUNDS 20000

typedef struct Hammer {
    FxMem mem;
    uint64_t page;
    uint64_t taken[256];
    uint64_t posted[256];
    bool done;
} Hammer;

/* A processor: takes all requests of a word at once. */
static void *take_requests(void *opaque)
{
    Hammer *h = opaque;
    bool last;

    do {
        last = __atomic_load_n(&h->done, __ATOMIC_ACQUIRE);
        for (unsigned i = 0; i < 8; i++) {
            uint64_t *word = (uint64_t *)(h->mem.bytes + h->page + 0x200 +
                                          16 * i);
            uint64_t taken = __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST);

            for (unsigned v = 0; v < 32; v++) {
                h->taken[32 * i + v] += taken >> v & 1;
            }
        }
    } while (!last);
    return NULL;
}

/* Each bit that was set is taken once, or stands for several that came. */
static void test_hammer(void)
{
    Hammer h = { };
    uint64_t state = 1;
    pthread_t thread;

    fx_mem_init(&h.mem);
    h.page = fx_mem_pages(&h.mem, 1);
    pthread_create(&thread, NULL, take_requests, &h);
    for (unsigned i = 0; i < HAMMER_ROUNDS; i++) {
        uint8_t vector = nyx_random(&state) >> 32;
        uint64_t addr;
        bool first;

        g_assert_true(nyx_amd_vapic_request(&h.mem.ops, h.page, vector,
                                            &first, &addr));
        h.posted[vector]++;
    }
    __atomic_store_n(&h.done, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    for (unsigned v = 0; v < 256; v++) {
        FX_CHECK(NULL, h.taken[v] <= h.posted[v], true);
        FX_CHECK(NULL, !h.taken[v], !h.posted[v]);
    }
    fx_mem_destroy(&h.mem);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-amdvi/vapic/" name, fn)
    ADD("vectors", test_vectors);
    ADD("others-stay", test_others_stay);
    ADD("rivals", test_rivals);
    ADD("unreachable", test_unreachable);
    ADD("entry-bits", test_entry_bits);
    ADD("modes", test_modes);
    ADD("narrow", test_narrow);
    ADD("log", test_log);
    ADD("log-all", test_log_all);
    ADD("gappi", test_gappi);
    ADD("gappi-not", test_gappi_not);
    ADD("live-fields", test_live_fields);
    ADD("cached-fields", test_cached_fields);
    ADD("live-unreadable", test_live_unreadable);
    ADD("route", test_route);
    ADD("counter", test_counter);
    ADD("hammer", test_hammer);
    return g_test_run();
}
