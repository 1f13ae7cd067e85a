/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page request queue: its end, its event, requests of other threads, and
 * registers written by somebody who means no good.
 */
#include "qemu/osdep.h"
#include "vtd-pages.h"

static const NyxRequest plain = PLAIN;

#define WAIT_FN 0x45

/* --- The queue ------------------------------------------------------------ */

/* Every size: filled to the last slot but one, lost, emptied, around the end. */
static void fill_queue(PageScene *s, const char *name, unsigned n)
{
    NyxRequest req = plain;
    uint64_t head = fx_read64(s->f, PQH);

    for (unsigned i = 0; i < n - 1; i++) {
        req.iova = (uint64_t)i << 12;
        ask(s, &req);
        if (word(s, (head + i * 32) % (n * 32) + 8) >> 12 != i) {
            FX_CHECK(name, i, UINT64_MAX);
        }
    }
    FX_CHECK(name, fx_read64(s->f, PQT), (head + (n - 1) * 32) % (n * 32));
    FX_CHECK(name, fx_read32(s->f, PRS), PPR);
    FX_CHECK(name, s->f->responses->len, 0);
}

static void test_sizes(void)
{
    for (unsigned pqs = 0; pqs < 8; pqs++) {
        g_autofree char *name = g_strdup_printf("pqs %u", pqs);
        unsigned n = 128u << pqs;
        PageScene s;

        init(&s, pqs);
        for (unsigned round = 1; round <= 3; round++) {
            uint64_t tail;

            fill_queue(&s, name, n);
            tail = fx_read64(s.f, PQT);
            ask(&s, &plain);
            FX_CHECK(name, fx_read64(s.f, PQT), tail);
            FX_CHECK(name, fx_read32(s.f, PRS), PPR | PRO);
            FX_CHECK(name, s.f->responses->len, 1);
            FX_CHECK(name, fx_findings(s.f, NVTD_RULE_PRQ_OVERFLOW), 1);
            /* There is room, but PRO is set. */
            fx_write64(s.f, PQH, tail);
            ask(&s, &plain);
            FX_CHECK(name, fx_read64(s.f, PQT), tail);
            FX_CHECK(name, s.f->responses->len, 2);
            FX_CHECK(name, g_array_index(s.f->responses, NyxVtdPageResponse,
                                         1).code, SUCCESS);
            FX_CHECK(name, nyx_vtd_stats(s.f->vtd).page_requests_lost,
                     2 * round);
            fx_write32(s.f, PRS, PPR | PRO);
            FX_CHECK(name, fx_read32(s.f, PRS), 0);
            fx_forget(s.f);
        }
        fini(&s);
    }
}

/* Of what is lost only the last of a group is answered, and no stop marker. */
static void test_lost_groups(void)
{
    NyxRequest req = plain;
    PageScene s;

    init(&s, 0);
    fill_queue(&s, "fill", 128);
    req.last = false;
    ask(&s, &req);
    check_own("not the last", &s, 0, 0);
    req.last = true;
    req.access = FX_R;
    ask(&s, &req);
    check_own("last", &s, 1, SUCCESS);
    req.access = SM_X;
    ask(&s, &req);
    check_own("stop marker", &s, 1, SUCCESS);
    fini(&s);
}

static void test_no_memory(void)
{
    PageScene s;

    init(&s, 0);
    fx_mem_hole(&s.f->mem, s.queue + 31, s.queue + 31);
    ask(&s, &plain);
    g_assert_cmphex(fx_read64(s.f, PQT), ==, 0);
    g_assert_cmphex(fx_read32(s.f, PRS), ==, 0);
    check_own("no RAM", &s, 1, FAILURE);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_PRQ_MEMORY), ==, 1);
    fx_mem_no_hole(&s.f->mem);
    check_taken("RAM", &s, &plain);
    /* All of the address, whatever the width of the host's. */
    fx_write64(s.f, PQH, 0x20);
    fx_write64(s.f, PQA, 0xfffffffffffff000ULL);
    ask(&s, &plain);
    check_own("no RAM", &s, 2, FAILURE);
    /* Of a larger queue that would be there, nothing is at address 0. */
    fx_mem_poke(&s.f->mem, 0, 0);
    fx_write64(s.f, PQT, 0x1000);
    fx_write64(s.f, PQA, 0xfffffffffffff001ULL);
    ask(&s, &plain);
    check_own("no RAM", &s, 3, FAILURE);
    g_assert_cmphex(fx_mem_peek(&s.f->mem, 0), ==, 0);
    fini(&s);
}

/* PQA as after reset: the request goes to address 0. */
static void test_no_queue(void)
{
    PageScene s;

    init(&s, 0);
    fx_write64(s.f, PQA, 0);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_PRQ_BUSY), ==, 0);
    ask(&s, &plain);
    g_assert_cmphex(fx_mem_peek(&s.f->mem, 0), ==, PLAIN_LO);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_PRQ_NONE), ==, 1);
    fx_write64(s.f, PQA, s.queue);
    g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_PRQ_BUSY), ==, 1);
    ask(&s, &plain);
    g_assert_cmphex(word(&s, 0x20), ==, PLAIN_LO);
    g_assert_cmphex(fx_read64(s.f, PQT), ==, 0x40);
    fini(&s);
}

/* Pointers outside the queue: what is written stays inside. */
static void test_hostile_pointers(void)
{
    static const struct {
        uint64_t head, tail, after, at;
        unsigned findings;
        bool full;
    } rows[] = {
        { 0, 0x1000, 0x20, 0, 1, false },
        { 0, 0x7ffe0, 0xfe0, 0xfe0, 1, true },
        { 0x20, 0x7ffe0, 0, 0xfe0, 1, false },
        { 0x1000, 0xfe0, 0, 0xfe0, 1, false },
        { 0x7ffe0, 0x7ffc0, 0xfe0, 0xfc0, 1, false },
        { 0, 0xfe0, 0xfe0, 0, 0, true },
        { 0xfe0, 0xfe0, 0, 0xfe0, 0, false },
        { 0x20, 0, 0, 0, 0, true },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *name = g_strdup_printf("row %u", i);
        PageScene s;

        init(&s, 0);
        /* Neighbours of the queue. */
        fx_mem_hole(&s.f->mem, s.queue + 0x1000, s.queue + 0x80000);
        fx_write64(s.f, PQH, rows[i].head);
        fx_write64(s.f, PQT, rows[i].tail);
        ask(&s, &plain);
        FX_CHECK(name, fx_read32(s.f, PRS), rows[i].full ? PRO : PPR);
        FX_CHECK(name, fx_findings(s.f, NVTD_RULE_PRQ_OUTSIDE),
                 rows[i].findings);
        FX_CHECK(name, fx_findings(s.f, NVTD_RULE_PRQ_MEMORY), 0);
        if (!rows[i].full) {
            FX_CHECK(name, fx_read64(s.f, PQT), rows[i].after);
            FX_CHECK(name, word(&s, rows[i].at), PLAIN_LO);
        }
        fini(&s);
    }
}

/* --- The event ------------------------------------------------------------ */

static void test_event(void)
{
    PageScene s;
    FxMessage msg;

    init(&s, 0);
    ask(&s, &plain);
    g_assert_cmpuint(s.f->messages->len, ==, 1);
    msg = g_array_index(s.f->messages, FxMessage, 0);
    g_assert_cmphex(msg.addr, ==, 0x300fee01000ULL);
    g_assert_cmphex(msg.data, ==, 0x4051);
    /* PPR is set: no second one, nor for PRO. */
    for (unsigned i = 0; i < 130; i++) {
        ask(&s, &plain);
    }
    g_assert_cmphex(fx_read32(s.f, PRS), ==, PPR | PRO);
    g_assert_cmpuint(s.f->messages->len, ==, 1);
    /* One bit is left: the group is still set. */
    fx_write32(s.f, PRS, PPR);
    g_assert_cmphex(fx_read32(s.f, PRS), ==, PRO);
    fx_write64(s.f, PQH, fx_read64(s.f, PQT));
    ask(&s, &plain);
    g_assert_cmpuint(s.f->messages->len, ==, 1);
    fx_write32(s.f, PRS, PRO);
    ask(&s, &plain);
    g_assert_cmpuint(s.f->messages->len, ==, 2);
    g_assert_cmphex(fx_read32(s.f, PECTL), ==, 0);
    fini(&s);
}

/* Overflow alone raises it as well. */
static void test_event_overflow(void)
{
    PageScene s;

    init(&s, 0);
    fx_write64(s.f, PQT, 0xfe0);
    ask(&s, &plain);
    g_assert_cmphex(fx_read32(s.f, PRS), ==, PRO);
    g_assert_cmpuint(s.f->messages->len, ==, 1);
    fini(&s);
}

static void test_event_masked(void)
{
    PageScene s;

    init(&s, 0);
    fx_write32(s.f, PECTL, 0x80000000);
    ask(&s, &plain);
    g_assert_cmphex(fx_read32(s.f, PECTL), ==, 0xc0000000);
    g_assert_cmpuint(s.f->messages->len, ==, 0);
    fx_write32(s.f, PECTL, 0);
    g_assert_cmphex(fx_read32(s.f, PECTL), ==, 0);
    g_assert_cmpuint(s.f->messages->len, ==, 1);
    fx_write32(s.f, PRS, PPR);
    /* Seen before it was sent: nothing to tell. */
    fx_write32(s.f, PECTL, 0x80000000);
    ask(&s, &plain);
    fx_write32(s.f, PRS, PPR);
    g_assert_cmphex(fx_read32(s.f, PECTL), ==, 0x80000000);
    fx_write32(s.f, PECTL, 0);
    g_assert_cmpuint(s.f->messages->len, ==, 1);
    fini(&s);
}

/* When the message comes the request is in memory and the tail behind it. */
static void look_at_queue(Fx *f)
{
    PageScene *s = f->opaque;

    g_assert_cmphex(word(s, 0), ==, PLAIN_LO);
    g_assert_cmphex(fx_read64(f, PQT), ==, 0x20);
    g_assert_cmphex(fx_read32(f, PRS), ==, PPR);
    f->on_message_arg++;
}

static void test_order(void)
{
    PageScene s;

    init(&s, 0);
    s.f->opaque = &s;
    s.f->on_message = look_at_queue;
    ask(&s, &plain);
    g_assert_cmpuint(s.f->on_message_arg, ==, 1);
    fini(&s);
}

/* --- Other threads -------------------------------------------------------- */

static void test_elsewhere(void)
{
    NyxRequest req = plain;
    unsigned taken = 0;
    PageScene s;

    init(&s, 0);
    s.f->elsewhere = true;
    for (unsigned i = 0; i < 100; i++) {
        req.iova = (uint64_t)i << 12;
        taken += ask(&s, &req);
    }
    g_assert_cmpuint(taken, ==, 64);
    g_assert_cmpuint(s.f->kicks, >, 0);
    g_assert_cmphex(word(&s, 0), ==, 0);
    s.f->elsewhere = false;
    fx_settle(s.f);
    for (unsigned i = 0; i < 64; i++) {
        g_assert_cmpuint(word(&s, i * 32 + 8) >> 12, ==, i);
    }
    g_assert_cmphex(fx_read64(s.f, PQT), ==, 64 * 32);
    /* One of ours finds the ring full and makes room. */
    fx_write64(s.f, PQH, 64 * 32);
    s.f->elsewhere = true;
    for (unsigned i = 0; i < 64; i++) {
        g_assert_true(ask(&s, &req));
    }
    s.f->elsewhere = false;
    g_assert_true(ask(&s, &req));
    g_assert_cmphex(fx_read64(s.f, PQT), ==, 32);
    fini(&s);
}

/* Requests keep their order, and those of a thread come before ours. */
static void test_elsewhere_order(void)
{
    NyxRequest req = plain;
    PageScene s;

    init(&s, 0);
    s.f->elsewhere = true;
    req.iova = 0x1000;
    ask(&s, &req);
    s.f->elsewhere = false;
    req.iova = 0x2000;
    ask(&s, &req);
    g_assert_cmphex(word(&s, 8) >> 12, ==, 1);
    g_assert_cmphex(word(&s, 40) >> 12, ==, 2);
    fini(&s);
}

/* What a reset finds on its way is refused, and memory left as it is. */
static void test_elsewhere_reset(void)
{
    PageScene s;

    init(&s, 0);
    s.f->elsewhere = true;
    ask(&s, &plain);
    s.f->elsewhere = false;
    nyx_vtd_reset(s.f->vtd);
    fx_settle(s.f);
    g_assert_cmphex(word(&s, 0), ==, 0);
    g_assert_cmpuint(s.f->messages->len, ==, 0);
    check_own("reset", &s, 1, INVALID);
    g_assert_cmphex(fx_read64(s.f, PQT), ==, 0);
    g_assert_cmphex(fx_read32(s.f, PRS), ==, 0);
    fini(&s);
}

/*
 * Threads ask as fast as they can while software takes requests out: none is
 * lost without being counted, and each thread's come in order.
 */
#define THREADS 3
#define EACH 20000

static gpointer ask_thread(gpointer opaque)
{
    PageScene *s = ((gpointer *)opaque)[0];
    NyxRequest req = plain;

    req.group = GPOINTER_TO_UINT(((gpointer *)opaque)[1]);
    for (unsigned i = 1; i <= EACH; i++) {
        req.iova = (uint64_t)i << 12;
        while (!ask(s, &req)) {
            g_thread_yield();
        }
    }
    return NULL;
}

/* What software does with the queue; the number of requests found. */
static unsigned take(PageScene *s, uint64_t seen[THREADS])
{
    uint64_t head = fx_read64(s->f, PQH), tail = fx_read64(s->f, PQT);
    unsigned n = 0;

    for (; head != tail; head = (head + 32) % 0x1000, n++) {
        uint64_t hi = word(s, head + 8);
        unsigned thread = hi >> 3 & 0x1ff;

        g_assert_cmpuint(thread, <, THREADS);
        g_assert_cmpuint(hi >> 12, >, seen[thread]);
        seen[thread] = hi >> 12;
    }
    fx_write64(s->f, PQH, head);
    fx_write32(s->f, PRS, PPR | PRO);
    fx_settle(s->f);
    return n;
}

static void test_threads(void)
{
    gpointer args[THREADS][2];
    GThread *threads[THREADS];
    uint64_t seen[THREADS] = { }, found = 0;
    NyxVtdStats stats;
    PageScene s;

    init(&s, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        args[i][0] = &s;
        args[i][1] = GUINT_TO_POINTER(i);
        threads[i] = g_thread_new("ask", ask_thread, args[i]);
    }
    do {
        found += take(&s, seen);
        /* The translations that the requests drop are used meanwhile. */
        sm_dma(s.f, 1, FX_R, SC_IOVA);
        stats = nyx_vtd_stats(s.f->vtd);
    } while (stats.page_requests + stats.page_requests_lost < THREADS * EACH);
    for (unsigned i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
    }
    found += take(&s, seen);
    g_assert_cmpuint(found, ==, stats.page_requests);
    g_assert_cmpuint(s.f->responses->len, ==, stats.page_requests_lost);
    fini(&s);
}

/* An endpoint that asks again while it is answered is not recursion. */
static void ask_again(Fx *f)
{
    PageScene *s = f->opaque;

    g_assert_cmpuint(f->on_message_arg, ==, f->responses->len);
    if (f->on_message_arg++ < 1000) {
        g_assert_true(ask(s, &plain));
    }
}

static void test_ask_again(void)
{
    PageScene s;

    init(&s, 0);
    s.f->opaque = &s;
    s.f->on_response = ask_again;
    fx_gcmd(s.f, 31, false);
    ask(&s, &plain);
    g_assert_cmpuint(s.f->responses->len, ==, 1);
    fx_settle(s.f);
    g_assert_cmpuint(s.f->responses->len, ==, 1001);
    fini(&s);
}

/* A request that comes from elsewhere just before a wait is fetched. */
typedef struct Drain {
    PageScene *s;
    uint64_t wait;           /* where the wait is */
    uint64_t seen;           /* in the queue when the next one was fetched */
} Drain;

static void drain_read(void *opaque, uint64_t gpa)
{
    Drain *d = opaque;
    Fx *f = d->s->f;

    if (gpa == d->wait) {
        f->elsewhere = true;
        ask(d->s, &plain);
        f->elsewhere = false;
    } else if (gpa == d->wait + 32) {
        d->seen = word(d->s, 0);
    }
}

static void test_drain(void)
{
    for (unsigned pd = 0; pd < 2; pd++) {
        PageScene s;
        Drain d = { .s = &s };

        init(&s, 0);
        d.wait = s.f->queue + s.f->tail;
        s.f->mem.on_read_opaque = &d;
        s.f->mem.on_read = drain_read;
        fx_desc(s.f, WAIT_FN | pd << 7, 0);
        fx_submit(s.f, WAIT_FN, 0);
        s.f->mem.on_read = NULL;
        g_assert_cmphex(d.seen, ==, pd ? PLAIN_LO : 0);
        /* Later, without being asked for. */
        g_assert_cmphex(fx_read64(s.f, PQT), ==, 0x20);
        g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_IQ_WAIT_IDLE), ==, 0);
        fx_submit(s.f, 0x85, 0);
        g_assert_cmpuint(fx_findings(s.f, NVTD_RULE_IQ_WAIT_IDLE), ==, 0);
        fini(&s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/page-queue/" name, fn)
    ADD("sizes", test_sizes);
    ADD("lost-groups", test_lost_groups);
    ADD("no-memory", test_no_memory);
    ADD("no-queue", test_no_queue);
    ADD("hostile-pointers", test_hostile_pointers);
    ADD("event", test_event);
    ADD("event-overflow", test_event_overflow);
    ADD("event-masked", test_event_masked);
    ADD("order", test_order);
    ADD("elsewhere", test_elsewhere);
    ADD("elsewhere-order", test_elsewhere_order);
    ADD("elsewhere-reset", test_elsewhere_reset);
    ADD("threads", test_threads);
    ADD("ask-again", test_ask_again);
    ADD("drain", test_drain);
    return g_test_run();
}
