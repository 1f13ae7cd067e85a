/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The short way through a request queue: what it does, in which order, and
 * all that it leaves to others.
 */
#include "qemu/osdep.h"
#include "fixture.h"
#include "hw/virtio-iommu-ext/ring.h"

#define LARGEST   256
#define UNTOUCHED   0xa5

#define NEXT        1
#define WRITE       2
#define INDIRECT    4

typedef struct Queue {
    FxMem mem;
    NyxVioRing ring;
    uint16_t index;          /* of the first request of the test */
    uint16_t available;      /* index */
    uint64_t requests;       /* memory: 128 bytes each */
    uint64_t tails;          /* 8 bytes each */
    uint64_t tables;         /* 64 bytes each */
    unsigned carried;
    unsigned seen_most;      /* entries published at a request, at most */
    unsigned stop_at;        /* requests that are enough; 0: none are */
    unsigned late;           /* requests to come while others are done */
    size_t answer;           /* used length of all requests */
} Queue;

static uint64_t desc_at(Queue *q, unsigned i)
{
    return q->ring.desc + 16 * i;
}

static void set_desc(Queue *q, uint64_t gpa, uint64_t addr, uint32_t len,
                     unsigned flags, unsigned next)
{
    fx_mem_poke(&q->mem, gpa, addr);
    fx_mem_poke(&q->mem, gpa + 8, len | (uint64_t)flags << 32 |
                                  (uint64_t)next << 48);
}

static uint16_t get16(Queue *q, uint64_t gpa)
{
    return lduw_le_p(q->mem.bytes + gpa);
}

static uint32_t get32(Queue *q, uint64_t gpa)
{
    return ldl_le_p(q->mem.bytes + gpa);
}

static void set16(Queue *q, uint64_t gpa, uint16_t value)
{
    stw_le_p(q->mem.bytes + gpa, value);
}

/* A chain with the head @head; its request is number @n. */
static void put(Queue *q, unsigned n, uint16_t head, bool indirect)
{
    uint64_t request = q->requests + 128 * n, tail = q->tails + 8 * n;
    uint64_t table = indirect ? q->tables + 64 * n : desc_at(q, head);
    unsigned next = indirect ? 1 : head + 1;

    stl_le_p(q->mem.bytes + request, n);
    memset(q->mem.bytes + tail, UNTOUCHED, 8);
    if (indirect) {
        set_desc(q, desc_at(q, head), table, 32, INDIRECT, 0);
        set_desc(q, table + 16, tail, 4, WRITE, 0);
    } else {
        set_desc(q, desc_at(q, next), tail, 4, WRITE, 0);
    }
    set_desc(q, table, request, 36, NEXT, next);
    set16(q, q->ring.avail + 4 + 2 * (q->available % q->ring.size), head);
    set16(q, q->ring.avail + 2, ++q->available);
}

static size_t carry(void *opaque, const uint8_t *in, size_t in_len,
                    uint8_t *out, size_t out_len)
{
    Queue *q = opaque;
    unsigned seen = (uint16_t)(get16(q, q->ring.used + 2) - q->index);

    g_assert_cmpuint(in_len, ==, 36);
    g_assert_cmpuint(out_len, ==, 4);
    g_assert_cmpuint(ldl_le_p(in), ==, q->carried);
    g_assert_cmphex(ldl_le_p(out), ==, 0);
    /* Nothing is published before it is done. */
    g_assert_cmpuint(seen, <=, q->carried);
    q->seen_most = MAX(q->seen_most, seen);
    q->carried++;
    out[0] = q->carried;
    if (q->late) {
        q->late--;
        put(q, q->carried, q->carried * 2 % q->ring.size, false);
    }
    return q->answer;
}

static bool enough(void *opaque)
{
    Queue *q = opaque;

    return q->stop_at && q->carried >= q->stop_at;
}

static void begin(Queue *q, uint16_t size, uint16_t index)
{
    *q = (Queue) { .index = index, .available = index, .answer = 4 };
    fx_mem_init(&q->mem);
    q->ring = (NyxVioRing) {
        .mem = q->mem.ops,
        .request = carry,
        .enough = enough,
        .opaque = q,
        .desc = fx_mem_pages(&q->mem, 1),
        .avail = fx_mem_pages(&q->mem, 1),
        .used = fx_mem_pages(&q->mem, 1),
        .size = size,
        .indirect = true,
    };
    q->requests = fx_mem_pages(&q->mem, 16);
    q->tails = fx_mem_pages(&q->mem, 2);
    q->tables = fx_mem_pages(&q->mem, 8);
    set16(q, q->ring.avail + 2, index);
    set16(q, q->ring.used + 2, index);
}

static void end(Queue *q)
{
    fx_mem_destroy(&q->mem);
}

/* Entry @n of this test. */
static void check_used(Queue *q, unsigned n, uint32_t head, uint32_t len)
{
    uint64_t entry = q->ring.used + 4 +
                     8 * ((uint16_t)(q->index + n) % q->ring.size);

    g_assert_cmpuint(get32(q, entry), ==, head);
    g_assert_cmpuint(get32(q, entry + 4), ==, len);
}

/* --- What it does --------------------------------------------------------- */

static void test_kinds(void)
{
    for (unsigned indirect = 0; indirect < 2; indirect++) {
        Queue q;

        begin(&q, 16, 0);
        for (unsigned n = 0; n < 5; n++) {
            put(&q, n, 12 - 2 * n, indirect ^ (n == 3));
        }
        g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 100), ==, 5);
        g_assert_cmpuint(q.carried, ==, 5);
        g_assert_cmpuint(get16(&q, q.ring.used + 2), ==, 5);
        for (unsigned n = 0; n < 5; n++) {
            check_used(&q, n, 12 - 2 * n, 4);
            g_assert_cmphex(get32(&q, q.tails + 8 * n), ==, n + 1);
            /* Not a byte more. */
            g_assert_cmphex(q.mem.bytes[q.tails + 8 * n + 4], ==, UNTOUCHED);
        }
        g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 5, 100), ==, 0);
        end(&q);
    }
}

/* Index and entries go around, each where it ends. */
static void test_around(void)
{
    for (unsigned first = 0; first < 8; first++) {
        Queue q;

        begin(&q, 8, 65533 - first);
        for (unsigned n = 0; n < 4; n++) {
            put(&q, n, 2 * n, false);
        }
        g_assert_cmpuint(nyx_vio_ring_run(&q.ring, q.index, 100), ==, 4);
        g_assert_cmpuint(get16(&q, q.ring.used + 2), ==,
                         (uint16_t)(q.index + 4));
        for (unsigned n = 0; n < 4; n++) {
            check_used(&q, n, 2 * n, 4);
        }
        end(&q);
    }
}

static void test_many(void)
{
    Queue q;

    begin(&q, LARGEST, 65500);
    for (unsigned n = 0; n < LARGEST; n++) {
        put(&q, n, n, true);
    }
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, q.index, 1000), ==,
                     LARGEST);
    for (unsigned n = 0; n < LARGEST; n++) {
        check_used(&q, n, n, 4);
    }
    /* Who polls does not wait for all of them. */
    g_assert_cmpuint(q.seen_most, >=, LARGEST / 2);
    end(&q);
}

static void test_max(void)
{
    Queue q;

    begin(&q, LARGEST, 0);
    for (unsigned n = 0; n < 200; n++) {
        put(&q, n, n, true);
    }
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 0), ==, 0);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 3), ==, 3);
    g_assert_cmpuint(get16(&q, q.ring.used + 2), ==, 3);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 3, 130), ==, 130);
    g_assert_cmpuint(q.carried, ==, 133);
    end(&q);
}

/* What was carried out is published; the rest is there for the next run. */
static void test_enough(void)
{
    Queue q;

    begin(&q, 256, 0);
    for (unsigned n = 0; n < 100; n++) {
        put(&q, n, 2 * n, false);
    }
    q.stop_at = 3;
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 100), ==, 3);
    g_assert_cmpuint(get16(&q, q.ring.used + 2), ==, 3);
    check_used(&q, 2, 4, 4);
    /* One at least. */
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 3, 100), ==, 1);
    q.stop_at = 70;
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 4, 100), ==, 66);
    g_assert_cmpuint(get16(&q, q.ring.used + 2), ==, 70);
    q.stop_at = 0;
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 70, 100), ==, 30);
    end(&q);
}

/* Requests that come meanwhile; never more than @max. */
static void test_late(void)
{
    Queue q;

    begin(&q, 64, 0);
    q.late = 20;
    put(&q, 0, 0, false);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 10), ==, 10);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 10, 100), ==, 11);
    end(&q);
}

static void test_no_answer(void)
{
    Queue q;

    begin(&q, 16, 0);
    q.answer = 0;
    put(&q, 0, 0, false);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 10), ==, 1);
    check_used(&q, 0, 0, 0);
    g_assert_cmphex(get32(&q, q.tails), ==, 0xa5a5a5a5);
    end(&q);
}

static void test_tail_is_no_memory(void)
{
    Queue q;

    begin(&q, 16, 0);
    put(&q, 0, 0, false);
    put(&q, 1, 2, false);
    fx_mem_hole(&q.mem, q.tails, q.tails + 7);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 10), ==, 2);
    check_used(&q, 0, 0, 0);
    check_used(&q, 1, 2, 4);
    end(&q);
}

/* --- What it leaves alone ------------------------------------------------- */

static void desc_flags(Queue *q, uint64_t gpa, unsigned flags)
{
    set16(q, gpa + 12, flags);
}

/* What is beyond the table would do. */
static void bad_head(Queue *q)
{
    set_desc(q, desc_at(q, q->ring.size), q->requests + 2 * 128, 36, NEXT, 5);
    set16(q, q->ring.avail + 4 + 4, q->ring.size);
}

static void bad_next(Queue *q)
{
    set_desc(q, desc_at(q, q->ring.size), q->tails + 2 * 8, 4, WRITE, 0);
    set16(q, desc_at(q, 4) + 14, q->ring.size);
}

static void one_descriptor(Queue *q)
{
    desc_flags(q, desc_at(q, 4), 0);
}

static void three_descriptors(Queue *q)
{
    desc_flags(q, desc_at(q, 5), WRITE | NEXT);
}

static void tail_first(Queue *q)
{
    desc_flags(q, desc_at(q, 4), WRITE | NEXT);
}

static void nothing_writable(Queue *q)
{
    desc_flags(q, desc_at(q, 5), 0);
}

static void table_inside(Queue *q)
{
    desc_flags(q, desc_at(q, 5), WRITE | INDIRECT);
}

static void table_after(Queue *q)
{
    desc_flags(q, desc_at(q, 4), NEXT | INDIRECT);
}

static void request_empty(Queue *q)
{
    fx_mem_poke(&q->mem, desc_at(q, 4) + 8, 0 | (uint64_t)NEXT << 32 |
                                            5ull << 48);
}

static void request_long(Queue *q)
{
    fx_mem_poke(&q->mem, desc_at(q, 4) + 8, 97 | (uint64_t)NEXT << 32 |
                                            5ull << 48);
}

static void tail_short(Queue *q)
{
    fx_mem_poke(&q->mem, desc_at(q, 5) + 8, 3 | (uint64_t)WRITE << 32);
}

static void tail_long(Queue *q)
{
    fx_mem_poke(&q->mem, desc_at(q, 5) + 8, 5 | (uint64_t)WRITE << 32);
}

static void request_nowhere(Queue *q)
{
    fx_mem_hole(&q->mem, q->requests + 2 * 128, q->requests + 3 * 128 - 1);
}

static void desc_nowhere(Queue *q)
{
    fx_mem_hole(&q->mem, desc_at(q, 5), desc_at(q, 6) - 1);
}

static void avail_nowhere(Queue *q)
{
    fx_mem_hole(&q->mem, q->ring.avail + 8, q->ring.avail + 9);
}

static void indirect(Queue *q)
{
    q->available = 2;
    put(q, 2, 4, true);
    q->available = 5;
    set16(q, q->ring.avail + 2, 5);
}

static void not_negotiated(Queue *q)
{
    indirect(q);
    q->ring.indirect = false;
}

static void table_short(Queue *q)
{
    indirect(q);
    set_desc(q, desc_at(q, 4), q->tables + 128, 16, INDIRECT, 0);
}

static void table_long(Queue *q)
{
    indirect(q);
    set_desc(q, desc_at(q, 4), q->tables + 128, 48, INDIRECT, 0);
}

static void table_next(Queue *q)
{
    indirect(q);
    set16(q, q->tables + 128 + 14, 0);
}

static void table_in_table(Queue *q)
{
    indirect(q);
    desc_flags(q, q->tables + 128, NEXT | INDIRECT);
}

static void table_nowhere(Queue *q)
{
    indirect(q);
    fx_mem_hole(&q->mem, q->tables + 128 + 16, q->tables + 128 + 31);
}

static const struct {
    const char *name;
    void (*spoil)(Queue *q);
} others[] = {
    { "head", bad_head },
    { "next", bad_next },
    { "one descriptor", one_descriptor },
    { "three descriptors", three_descriptors },
    { "tail first", tail_first },
    { "nothing writable", nothing_writable },
    { "table inside", table_inside },
    { "table after", table_after },
    { "request empty", request_empty },
    { "request long", request_long },
    { "tail short", tail_short },
    { "tail long", tail_long },
    { "request nowhere", request_nowhere },
    { "descriptor nowhere", desc_nowhere },
    { "available nowhere", avail_nowhere },
    { "not negotiated", not_negotiated },
    { "table short", table_short },
    { "table long", table_long },
    { "table's next", table_next },
    { "table in a table", table_in_table },
    { "table nowhere", table_nowhere },
};

/* The third of five is different: it is where the short way ends. */
static void test_others(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        const char *name = others[i].name;
        Queue q;

        begin(&q, 16, 0);
        for (unsigned n = 0; n < 5; n++) {
            put(&q, n, 2 * n, false);
        }
        others[i].spoil(&q);
        FX_CHECK(name, nyx_vio_ring_run(&q.ring, 0, 100), 2);
        FX_CHECK(name, q.carried, 2);
        FX_CHECK(name, get16(&q, q.ring.used + 2), 2);
        FX_CHECK(name, get32(&q, q.tails + 16), 0xa5a5a5a5);
        FX_CHECK(name, get32(&q, q.ring.used + 4 + 16), 0);
        end(&q);
    }
}

/* Others know what to say of such indexes. */
static void test_indexes(void)
{
    Queue q;

    begin(&q, 16, 0);
    put(&q, 0, 0, false);
    set16(&q, q.ring.used + 2, 1);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 100), ==, 0);
    set16(&q, q.ring.used + 2, 0);
    set16(&q, q.ring.avail + 2, 17);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 100), ==, 0);
    set16(&q, q.ring.avail + 2, 65535);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 100), ==, 0);
    g_assert_cmpuint(q.carried, ==, 0);
    set16(&q, q.ring.avail + 2, 1);
    fx_mem_hole(&q.mem, q.ring.avail + 2, q.ring.avail + 3);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 100), ==, 0);
    fx_mem_hole(&q.mem, q.ring.used + 2, q.ring.used + 3);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 100), ==, 0);
    fx_mem_no_hole(&q.mem);
    g_assert_cmpuint(nyx_vio_ring_run(&q.ring, 0, 100), ==, 1);
    end(&q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vio-ring/kinds", test_kinds);
    g_test_add_func("/vio-ring/around", test_around);
    g_test_add_func("/vio-ring/many", test_many);
    g_test_add_func("/vio-ring/max", test_max);
    g_test_add_func("/vio-ring/enough", test_enough);
    g_test_add_func("/vio-ring/late", test_late);
    g_test_add_func("/vio-ring/no-answer", test_no_answer);
    g_test_add_func("/vio-ring/tail-is-no-memory", test_tail_is_no_memory);
    g_test_add_func("/vio-ring/others", test_others);
    g_test_add_func("/vio-ring/indexes", test_indexes);
    return g_test_run();
}
