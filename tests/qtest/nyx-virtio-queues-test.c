/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queues of nyx-virtio-iommu-pci (VIRTIO 1.3, 2.7, 2.8 and 5.13.6.2):
 * requests in any pieces, chains that are no requests, rings that are
 * broken, interrupts, resets.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-virtio-iommu.h"

#define TESTDEV     NYX_SID(0, 4, 0)
#define NOBODY      NYX_SID(9, 9, 0)
#define DOMAIN      7
#define IOVA        0x40000000ull
#define NOWHERE     0x500000000ull
#define RING        256

typedef struct Fixture {
    NyxPc *pc;
    QVio *v;
} Fixture;

typedef struct Kind {
    const char *name;
    uint64_t features;
} Kind;

static const Kind kinds[] = {
    { "split", 0 },
    { "split/event-idx", QVIO_F_EVENT_IDX },
    { "split/in-order", QVIO_F_IN_ORDER },
    { "packed", QVIO_F_PACKED },
    { "packed/in-order", QVIO_F_PACKED | QVIO_F_IN_ORDER },
};

typedef struct TestRow {
    const char *name;
    void (*fn)(Fixture *f);
    bool split_only;
    bool packed_only;
} TestRow;

typedef struct Case {
    const Kind *kind;
    const TestRow *row;
} Case;

static void run(gconstpointer opaque)
{
    const Case *c = opaque;
    Fixture f;

    f.pc = nyx_pc_start("-M q35 -device nyx-virtio-iommu-pci,addr=3,"
                        "event-delay=0%s%s -device nyx-testdev,addr=4",
                        c->kind->features & QVIO_F_PACKED ? ",packed=on"
                                                          : "",
                        c->kind->features & QVIO_F_IN_ORDER ? ",in_order=on"
                                                            : "");
    f.v = qvio_start(f.pc, QVIO_F_USUAL | c->kind->features);
    g_assert_cmphex(f.v->features & c->kind->features, ==,
                    c->kind->features);
    c->row->fn(&f);
    qvio_end(f.v);
    nyx_pc_end(f.pc);
}

/* The device answers, and is not broken. */
static void check_alive(QVio *v, const char *row)
{
    NYX_CHECK(row, qvio_status(v) & QVIO_NEEDS_RESET, 0);
    NYX_CHECK(row, qvio_detach(v, DOMAIN, NOBODY), QVIO_S_NOENT);
}

static QVioReq attach(void)
{
    return (QVioReq) {
        .type = QVIO_T_ATTACH, .domain = DOMAIN, .endpoint = TESTDEV,
    };
}

static QVioReq map(unsigned page)
{
    return (QVioReq) {
        .type = QVIO_T_MAP,
        .domain = DOMAIN,
        .virt_start = IOVA + page * NYX_PAGE,
        .virt_end = IOVA + (page + 1) * NYX_PAGE - 1,
        .flags = QVIO_MAP_RW,
    };
}

static QVioReq unmap(unsigned page)
{
    QVioReq req = map(page);

    req.type = QVIO_T_UNMAP;
    req.flags = 0;
    return req;
}

/* --- Requests ------------------------------------------------------------- */

/* Cut at each byte, the tail as well, by descriptors and by tables. */
static void test_cuts(Fixture *f)
{
    QVioReq reqs[] = { attach(), map(0), unmap(0) };

    for (unsigned i = 0; i < ARRAY_SIZE(reqs); i++) {
        uint8_t bytes[QVIO_REQ_MAX];
        unsigned len = qvio_pack(&reqs[i], bytes);

        for (unsigned at = 1; at < len; at++) {
            QVioBuf buf = {
                .out = bytes,
                .out_len = len,
                .out_cut = { at },
                .in_len = 4,
                .in_cut = { at % 4 },
                .indirect = at & 4,
            };
            QVioDone done;

            g_assert_true(qvio_exchange(f->v, &buf, &done));
            /* A mapping is there once. */
            g_assert_cmpuint(qvio_answer(&done), ==,
                             i == 1 && at > 1 ? QVIO_S_INVAL : QVIO_S_OK);
        }
    }
}

/* All bytes in descriptors of their own. */
static void test_bytes(Fixture *f)
{
    QVioReq req = attach();
    uint8_t bytes[QVIO_REQ_MAX];

    for (unsigned indirect = 0; indirect < 2; indirect++) {
        QVioBuf buf = {
            .out = bytes,
            .out_len = qvio_pack(&req, bytes),
            .in_len = 4,
            .indirect = indirect,
        };
        QVioDone done;

        memset(buf.in_cut, 0, sizeof(buf.in_cut));
        for (unsigned i = 0; i < 20; i++) {
            buf.out_cut[i] = 1;
            buf.in_cut[i] = 1;
        }
        g_assert_true(qvio_exchange(f->v, &buf, &done));
        g_assert_cmpuint(qvio_answer(&done), ==, QVIO_S_OK);
    }
}

typedef struct Shape {
    const char *name;
    uint8_t type;
    unsigned out_len;
    unsigned in_len;
    uint32_t used;
    uint8_t status;          /* if used */
} Shape;

/* 5.13.6.2: what has no place for an answer, or nothing to answer. */
static const Shape shapes[] = {
    { "no head", QVIO_T_ATTACH, 3, 4, 0, 0 },
    { "one byte", QVIO_T_ATTACH, 1, 4, 0, 0 },
    { "no tail", QVIO_T_ATTACH, 20, 0, 0, 0 },
    { "tail of one byte", QVIO_T_ATTACH, 20, 1, 0, 0 },
    { "tail of three bytes", QVIO_T_ATTACH, 20, 3, 0, 0 },
    { "type 0", 0, 20, 4, 0, 0 },
    { "type 6", 6, 76, 4, 0, 0 },
    { "type 255", 255, 20, 4, 0, 0 },
    { "nothing to read", 0, 0, 4, 0, 0 },
    { "nothing to read, much to write", 0, 0, 2000, 0, 0 },
    { "ATTACH too short", QVIO_T_ATTACH, 19, 4, 4, QVIO_S_INVAL },
    { "MAP too short", QVIO_T_MAP, 35, 4, 4, QVIO_S_INVAL },
    { "UNMAP too short", QVIO_T_UNMAP, 27, 4, 4, QVIO_S_INVAL },
    { "DETACH too short", QVIO_T_DETACH, 19, 4, 4, QVIO_S_INVAL },
    { "UNMAP with more behind it", QVIO_T_UNMAP, 1000, 4, 4, QVIO_S_NOENT },
    { "UNMAP with room behind its tail", QVIO_T_UNMAP, 28, 40, 4,
      QVIO_S_NOENT },
};

static void test_shapes(Fixture *f)
{
    for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
        const Shape *shape = &shapes[i];
        uint8_t bytes[QVIO_OUT_MAX] = { shape->type };
        QVioBuf buf = {
            .out = bytes,
            .out_len = shape->out_len,
            .in_len = shape->in_len,
        };
        QVioDone done;

        g_assert_true(qvio_exchange(f->v, &buf, &done));
        NYX_CHECK(shape->name, done.used, shape->used);
        for (unsigned at = done.used; at < shape->in_len; at++) {
            NYX_CHECK(shape->name, done.in[at], QVIO_UNTOUCHED);
        }
        if (done.used) {
            NYX_CHECK(shape->name, done.in[0], shape->status);
        }
        check_alive(f->v, shape->name);
    }
}

/* Ordinary requests and others in one go: all are done, in their order. */
static void test_mixed(Fixture *f)
{
    enum { COUNT = 60 };
    QVio *v = f->v;
    uint16_t id[COUNT];
    QVioDone done;

    g_assert_cmpuint(qvio_attach(v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        QVioReq req = map(i);
        uint8_t bytes[QVIO_REQ_MAX];
        QVioBuf buf = { .out = bytes, .in_len = 4, .indirect = i & 1 };

        req.type = i % 7 == 3 ? 200 : QVIO_T_MAP;
        buf.out_len = qvio_pack(&req, bytes);
        buf.out_cut[0] = i % 5 == 2 ? 9 : 0;
        id[i] = qvio_put(v, &v->requests, &buf);
    }
    qvio_kick(v, &v->requests);
    for (unsigned i = 0; i < COUNT; i++) {
        g_assert_true(qvio_wait(v, &v->requests, &done));
        g_assert_cmpuint(done.id, ==, id[i]);
        g_assert_cmpuint(qvio_answer(&done), ==,
                         i % 7 == 3 ? QVIO_NO_ANSWER : QVIO_S_OK);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        g_assert_cmpuint(qvio_map(v, DOMAIN, IOVA + i * NYX_PAGE,
                                  IOVA + (i + 1) * NYX_PAGE - 1, 0,
                                  QVIO_MAP_READ), ==,
                         i % 7 == 3 ? QVIO_S_OK : QVIO_S_INVAL);
    }
}

/* A full ring and one kick, over and over. */
static void test_full(Fixture *f)
{
    enum { COUNT = 3 * RING };
    g_autofree QVioReq *req = g_new0(QVioReq, COUNT);
    g_autofree unsigned *status = g_new0(unsigned, COUNT);

    g_assert_cmpuint(qvio_attach(f->v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        req[i] = i & 1 ? unmap(i - 1) : map(i);
    }
    req[1].virt_end -= NYX_PAGE / 2;
    qvio_batch(f->v, req, COUNT, status);
    for (unsigned i = 0; i < COUNT; i++) {
        g_assert_cmpuint(status[i], ==, i == 1 ? QVIO_S_RANGE : QVIO_S_OK);
    }
}

/* The same with tables, which fill a ring with as many as it has entries. */
static void test_full_tables(Fixture *f)
{
    uint8_t bytes[QVIO_REQ_MAX];
    QVioReq req = map(0);
    QVioBuf buf = {
        .out = bytes, .out_len = qvio_pack(&req, bytes), .in_len = 4,
        .indirect = true,
    };

    for (unsigned round = 0; round < 3; round++) {
        uint16_t id[RING];

        for (unsigned i = 0; i < RING; i++) {
            id[i] = qvio_put(f->v, &f->v->requests, &buf);
        }
        qvio_kick(f->v, &f->v->requests);
        for (unsigned i = 0; i < RING; i++) {
            QVioDone done = { };

            g_assert_true(qvio_wait(f->v, &f->v->requests, &done));
            g_assert_cmpuint(done.id, ==, id[i]);
            g_assert_cmpuint(qvio_answer(&done), ==, QVIO_S_NOENT);
        }
    }
}

/* The same 256 chains until the index has gone around. */
static void test_index(Fixture *f)
{
    QVio *v = f->v;
    NyxVring *ring = &v->requests.ring;
    QVioReq req = unmap(0);
    uint8_t bytes[QVIO_REQ_MAX];
    QVioBuf buf = {
        .out = bytes,
        .out_len = qvio_pack(&req, bytes),
        .in_len = 4,
        .indirect = true,
    };

    g_assert_cmpuint(qvio_attach(v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    qvio_restart(v, v->features);
    for (unsigned i = 0; i < RING; i++) {
        qvio_put(v, &v->requests, &buf);
    }
    for (unsigned i = 1; i < 300; i++) {
        uint16_t index = i * RING;

        qtest_writew(v->qts, ring->driver + 2, index);
        qvio_kick(v, &v->requests);
        g_assert_cmphex(qtest_readw(v->qts, ring->device + 2), ==, index);
    }
    g_assert_cmphex(qvio_status(v) & QVIO_NEEDS_RESET, ==, 0);
}

/* --- Broken rings --------------------------------------------------------- */

static void put_desc(QVio *v, unsigned i, uint64_t addr, uint32_t len,
                     unsigned flags, unsigned next)
{
    NyxVring *ring = &v->requests.ring;

    nyx_vring_write(ring, ring->desc, i, (NyxVringDesc) {
        .addr = addr, .len = len, .flags = flags, .id = next,
    });
}

static void loop(QVio *v)
{
    put_desc(v, 0, v->requests.chains, 20, NYX_VRING_NEXT, 1);
    put_desc(v, 1, v->requests.chains, 4, NYX_VRING_WRITE | NYX_VRING_NEXT,
             1);
    nyx_vring_publish(&v->requests.ring, 0);
}

static void loop_of_two(QVio *v)
{
    put_desc(v, 0, v->requests.chains, 20, NYX_VRING_NEXT, 1);
    put_desc(v, 1, v->requests.chains, 20, NYX_VRING_NEXT, 0);
    nyx_vring_publish(&v->requests.ring, 0);
}

static void head_beyond(QVio *v)
{
    nyx_vring_publish(&v->requests.ring, RING);
}

static void next_beyond(QVio *v)
{
    put_desc(v, 0, v->requests.chains, 20, NYX_VRING_NEXT, RING);
    nyx_vring_publish(&v->requests.ring, 0);
}

static void empty_descriptor(QVio *v)
{
    put_desc(v, 0, v->requests.chains, 0, NYX_VRING_NEXT, 1);
    put_desc(v, 1, v->requests.chains, 4, NYX_VRING_WRITE, 0);
    nyx_vring_publish(&v->requests.ring, 0);
}

static void writable_first(QVio *v)
{
    put_desc(v, 0, v->requests.chains, 4, NYX_VRING_WRITE | NYX_VRING_NEXT,
             1);
    put_desc(v, 1, v->requests.chains, 20, 0, 0);
    nyx_vring_publish(&v->requests.ring, 0);
}

static void odd_table(QVio *v)
{
    put_desc(v, 0, v->requests.chains, 33, NYX_VRING_INDIRECT, 0);
    nyx_vring_publish(&v->requests.ring, 0);
}

static void empty_table(QVio *v)
{
    put_desc(v, 0, v->requests.chains, 0, NYX_VRING_INDIRECT, 0);
    nyx_vring_publish(&v->requests.ring, 0);
}

static void table_nowhere(QVio *v)
{
    put_desc(v, 0, NOWHERE, 32, NYX_VRING_INDIRECT, 0);
    nyx_vring_publish(&v->requests.ring, 0);
}

static const struct {
    const char *name;
    void (*make)(QVio *v);
} broken[] = {
    { "a loop", loop },
    { "a loop of two", loop_of_two },
    { "head beyond the table", head_beyond },
    { "next beyond the table", next_beyond },
    { "an empty descriptor", empty_descriptor },
    { "writable before readable", writable_first },
    { "a table of an odd size", odd_table },
    { "an empty table", empty_table },
    { "a table nowhere", table_nowhere },
};

/* 2.1.2: nothing but a reset helps, and that does. */
static void test_broken(Fixture *f)
{
    QVio *v = f->v;

    for (unsigned i = 0; i < ARRAY_SIZE(broken); i++) {
        const char *name = broken[i].name;

        /* Behind two requests that are as they should be. */
        NYX_CHECK(name, qvio_attach(v, DOMAIN, TESTDEV, 0), QVIO_S_OK);
        NYX_CHECK(name, qvio_detach(v, DOMAIN, TESTDEV), QVIO_S_OK);
        broken[i].make(v);
        qvio_kick(v, &v->requests);
        NYX_CHECK(name, qvio_status(v) & QVIO_NEEDS_RESET, QVIO_NEEDS_RESET);
        NYX_CHECK(name, qtest_readw(v->qts, v->requests.ring.device + 2), 2);
        qvio_kick(v, &v->requests);
        qvio_restart(v, v->features);
        check_alive(v, name);
        qvio_restart(v, v->features);
    }
}

/* QEMU's own functions would take it for an error of their own. */
static void test_empty_table(Fixture *f)
{
    QVio *v = f->v;
    QVioQueue *const queues[] = { &v->requests, &v->events };

    for (unsigned i = 0; i < ARRAY_SIZE(queues); i++) {
        NyxVring *ring = &queues[i]->ring;
        NyxTestdev td = nyx_td_get(f->pc->pci, TESTDEV);

        nyx_vring_write(ring, ring->desc, 0, (NyxVringDesc) {
            .addr = v->requests.chains,
            .flags = NYX_VRING_INDIRECT | nyx_vring_flags(ring),
        });
        qvio_kick(v, queues[i]);
        /* So that there is an event. */
        qvio_set_bypass(v, 0);
        nyx_td_writel(&td, IOVA, 1);
        g_assert_cmphex(qvio_status(v) & QVIO_NEEDS_RESET, ==,
                        QVIO_NEEDS_RESET);
        qvio_restart(v, v->features);
        check_alive(v, NULL);
        qvio_restart(v, v->features);
        nyx_td_put(&td);
    }
}

/* What the ring has not room for is what it had before, once more. */
static void test_too_far(Fixture *f)
{
    QVio *v = f->v;

    check_alive(v, NULL);
    qtest_writew(v->qts, v->requests.ring.driver + 2, 60000);
    qvio_kick(v, &v->requests);
    for (unsigned i = 0; i < NYX_POLLS && v->requests.ring.used != 60000;
         i++) {
        v->requests.ring.used = qtest_readw(v->qts,
                                            v->requests.ring.device + 2);
    }
    g_assert_cmphex(v->requests.ring.used, ==, 60000);
    qvio_restart(v, v->features);
    check_alive(v, NULL);
}

/* --- Buffers that are no memory ------------------------------------------- */

/* What is read from nowhere has no meaning; what is written there is lost. */
static void test_nowhere(Fixture *f)
{
    QVio *v = f->v;
    const uint64_t addrs[] = { NOWHERE, v->common, v->requests.doorbell,
                               UINT64_MAX - 7 };

    for (unsigned i = 0; i < ARRAY_SIZE(addrs); i++) {
        for (unsigned writes = 0; writes < 2; writes++) {
            NyxVringPart part[] = {
                { writes ? v->requests.chains : addrs[i], 20, false },
                { writes ? addrs[i] : v->requests.chains, 4, true },
            };

            nyx_vring_put(&v->requests.ring, part, 2, 0);
            qvio_kick(v, &v->requests);
            /* Whatever came of it, the device can be used again. */
            qvio_restart(v, v->features);
            check_alive(v, writes ? "written" : "read");
        }
    }
}

/* --- Anything ------------------------------------------------------------- */

#define RANDOM_DESCS    16
#define RANDOM_ROUNDS   150

#define PICK(array) (array)[g_test_rand_int_range(0, ARRAY_SIZE(array))]

/* Places where a driver's mistake may point to. */
static uint64_t random_address(QVio *v)
{
    const NyxVring *ring = &v->requests.ring;
    const uint64_t addrs[] = {
        v->requests.chains, v->requests.chains, v->events.chains,
        ring->desc, ring->driver, ring->device, v->requests.doorbell,
        v->common, v->config, NOWHERE, UINT64_MAX - 7, 0,
    };

    return PICK(addrs) + g_test_rand_int_range(0, 64);
}

static void random_ring(QVio *v, NyxVring *ring)
{
    static const uint32_t lengths[] = {
        0, 1, 4, 4, 4, 20, 28, 32, 36, 36, 48, 72, 96, 97, 2052, 65536,
        UINT32_MAX,
    };
    static const uint16_t flags[] = {
        0, NYX_VRING_NEXT, NYX_VRING_NEXT, NYX_VRING_NEXT, NYX_VRING_WRITE,
        NYX_VRING_WRITE, NYX_VRING_WRITE, NYX_VRING_WRITE | NYX_VRING_NEXT,
        NYX_VRING_INDIRECT, NYX_VRING_INDIRECT | NYX_VRING_NEXT,
        NYX_VRING_INDIRECT | NYX_VRING_WRITE,
    };
    uint16_t index = qtest_readw(v->qts, ring->driver + 2);

    for (unsigned i = 0; i < RANDOM_DESCS; i++) {
        nyx_vring_write(ring, ring->desc, i, (NyxVringDesc) {
            .addr = random_address(v),
            .len = PICK(lengths),
            .flags = PICK(flags) |
                     (ring->packed ? nyx_vring_flags(ring) : 0),
            .id = g_test_rand_int_range(0, RANDOM_DESCS + 1),
        });
    }
    if (ring->packed) {
        return;
    }
    for (unsigned i = 0; i < RANDOM_DESCS; i++) {
        qtest_writew(v->qts, ring->driver + 4 +
                     2 * ((index + i) % ring->size),
                     g_test_rand_int_range(0, RANDOM_DESCS));
    }
    qtest_writew(v->qts, ring->driver + 2,
                 index + g_test_rand_int_range(0, RANDOM_DESCS));
}

/* What lies where descriptors point: requests, now and then. */
static void random_requests(QVio *v)
{
    for (unsigned i = 0; i < 8; i++) {
        uint8_t bytes[96];

        for (unsigned j = 0; j < sizeof(bytes); j++) {
            bytes[j] = g_test_rand_int_range(0, 4) ? 0 : g_test_rand_int();
        }
        bytes[0] = g_test_rand_int_range(0, 8);
        qtest_memwrite(v->qts, v->requests.chains + 64 * i, bytes,
                       sizeof(bytes));
    }
}

/* Whatever a driver puts there, QEMU stays, and a reset mends all of it. */
static void test_random(Fixture *f)
{
    QVio *v = f->v;
    unsigned broken_rings = 0;
    NyxTestdev td = nyx_td_get(f->pc->pci, TESTDEV);

    for (unsigned i = 0; i < RANDOM_ROUNDS; i++) {
        random_requests(v);
        random_ring(v, &v->requests.ring);
        random_ring(v, &v->events.ring);
        qvio_kick(v, &v->requests);
        qvio_kick(v, &v->events);
        nyx_td_writel(&td, IOVA, i);
        if (qvio_status(v) & QVIO_NEEDS_RESET) {
            broken_rings++;
            qvio_restart(v, v->features);
        }
    }
    g_assert_cmpuint(broken_rings, >, 0);
    qvio_restart(v, v->features);
    check_alive(v, NULL);
    nyx_td_put(&td);
}

/* Rings that are anywhere, of any size. */
static void test_places(Fixture *f)
{
    static const uint16_t sizes[] = { 0, 1, 2, 3, 255, 256, 257, 1024, 65535 };
    QVio *v = f->v;
    NyxTestdev td = nyx_td_get(f->pc->pci, TESTDEV);

    for (unsigned i = 0; i < RANDOM_ROUNDS; i++) {
        g_assert_true(qvio_negotiate(v, v->features | QVIO_F_VERSION_1));
        for (unsigned queue = 0; queue < 2; queue++) {
            qtest_writew(v->qts, v->common + QVIO_COMMON_QUEUE, queue);
            qtest_writew(v->qts, v->common + QVIO_COMMON_SIZE, PICK(sizes));
            for (unsigned part = 0; part < 3; part++) {
                qtest_writeq(v->qts, v->common + QVIO_COMMON_DESC + 8 * part,
                             random_address(v));
            }
            qtest_writew(v->qts, v->common + QVIO_COMMON_ENABLE, 1);
        }
        qvio_run(v);
        random_requests(v);
        qvio_kick(v, &v->requests);
        qvio_kick(v, &v->events);
        nyx_td_writel(&td, IOVA, i);
        qvio_restart(v, v->features);
        check_alive(v, NULL);
    }
    nyx_td_put(&td);
}

/* --- Interrupts ----------------------------------------------------------- */

static void test_interrupts(Fixture *f)
{
    QVio *v = f->v;

    qvio_isr(v);
    check_alive(v, NULL);
    g_assert_cmphex(qvio_isr(v), ==, 1);
    if (v->features & QVIO_F_EVENT_IDX) {
        /* Counts from the last one that was asked for. */
        nyx_vring_used_event(&v->requests.ring, 2);
        check_alive(v, NULL);
        g_assert_cmphex(qvio_isr(v), ==, 0);
        check_alive(v, NULL);
        g_assert_cmphex(qvio_isr(v), ==, 1);
        check_alive(v, NULL);
        g_assert_cmphex(qvio_isr(v), ==, 0);
        /* A kick is wanted for the very next one. */
        g_assert_cmphex(qtest_readw(v->qts, v->requests.ring.device + 4 +
                                    8 * RING), ==, v->requests.ring.avail);
    } else {
        nyx_vring_interrupts(&v->requests.ring, false);
        check_alive(v, NULL);
        g_assert_cmphex(qvio_isr(v), ==, 0);
    }
}

/* --- Resets --------------------------------------------------------------- */

/* What was not kicked is gone with the reset, and so are domains. */
static void test_reset(Fixture *f)
{
    QVio *v = f->v;
    QVioReq req = unmap(0);
    uint8_t bytes[QVIO_REQ_MAX];
    QVioBuf buf = {
        .out = bytes, .out_len = qvio_pack(&req, bytes), .in_len = 4,
    };
    QVioDone done;

    g_assert_cmpuint(qvio_attach(v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    qvio_put(v, &v->requests, &buf);
    qvio_reset(v);
    qvio_kick(v, &v->requests);
    g_assert_false(qvio_take(v, &v->requests, &done));
    qvio_restart(v, QVIO_F_USUAL | (v->offered & QVIO_F_PACKED));
    g_assert_false(qvio_take(v, &v->requests, &done));
    g_assert_cmpuint(qvio_request(v, &req), ==, QVIO_S_NOENT);
}

/* 3.1.1: nothing is done before DRIVER_OK. */
static void test_driver_ok(Fixture *f)
{
    QVio *v = f->v;
    QVioReq req = unmap(0);
    uint8_t bytes[QVIO_REQ_MAX];
    QVioBuf buf = {
        .out = bytes, .out_len = qvio_pack(&req, bytes), .in_len = 4,
    };
    QVioDone done;

    g_assert_true(qvio_negotiate(v, v->features));
    qvio_queues(v, 0);
    qvio_put(v, &v->requests, &buf);
    qvio_kick(v, &v->requests);
    g_assert_false(qvio_take(v, &v->requests, &done));
    qvio_run(v);
    qvio_kick(v, &v->requests);
    g_assert_true(qvio_wait(v, &v->requests, &done));
    g_assert_cmpuint(qvio_answer(&done), ==, QVIO_S_NOENT);
}

/* --- Time ----------------------------------------------------------------- */

/* Firmware that stands still: cli; hlt; jmp to hlt. */
static char *idle_firmware(const char *dir)
{
    static const uint8_t code[] = { 0xfa, 0xf4, 0xeb, 0xfd };
    g_autofree char *bytes = g_malloc0(0x10000);
    char *path = g_build_filename(dir, "bios", NULL);

    memcpy(bytes + 0xfff0, code, sizeof(code));
    g_assert_true(g_file_set_contents(path, bytes, 0x10000, NULL));
    return path;
}

static void execute(Fixture *f, const char *command)
{
    qtest_qmp_assert_success(f->pc->qts, "{ 'execute': %s }", command);
}

/* A machine that runs, with the driver in it. */
static Fixture start_running(const char *dir, const char *options)
{
    g_autofree char *bios = idle_firmware(dir);
    Fixture f;

    f.pc = nyx_pc_start("-M q35 -bios %s -device nyx-virtio-iommu-pci,addr=3%s "
                        "-device nyx-testdev,addr=4", bios, options);
    execute(&f, "cont");
    f.v = qvio_start(f.pc, QVIO_F_USUAL);
    return f;
}

static void end_running(Fixture *f, char *dir)
{
    qvio_end(f->v);
    nyx_pc_end(f->pc);
    nyx_tmp_free(dir);
}

/* A machine that is stopped stays as it is, and goes on where it was. */
static void test_stopped(void)
{
    char *dir = nyx_tmp_new();
    Fixture f = start_running(dir, "");
    QVio *v = f.v;
    QVioReq req = unmap(0);
    uint8_t bytes[QVIO_REQ_MAX];
    QVioBuf buf = {
        .out = bytes, .out_len = qvio_pack(&req, bytes), .in_len = 4,
    };
    QVioDone done;

    g_assert_cmpuint(qvio_request(v, &req), ==, QVIO_S_NOENT);
    execute(&f, "stop");
    qvio_put(v, &v->requests, &buf);
    qvio_kick(v, &v->requests);
    g_assert_false(qvio_take(v, &v->requests, &done));
    execute(&f, "cont");
    g_assert_true(qvio_wait(v, &v->requests, &done));
    g_assert_cmpuint(qvio_answer(&done), ==, QVIO_S_NOENT);
    end_running(&f, dir);
}

/* Linux up to 6.12 must not have an event right after DRIVER_OK. */
static void test_early_event(void)
{
    char *dir = nyx_tmp_new();
    Fixture f = start_running(dir, ",event-delay=2000");
    QVio *v = f.v;
    NyxTestdev td = nyx_td_get(f.pc->pci, TESTDEV);
    gint64 begin = g_get_monotonic_time();
    QVioEvent event;
    bool early;

    qvio_event_post(v, 4);
    g_assert_cmpuint(qvio_attach(v, DOMAIN, TESTDEV, 0), ==, QVIO_S_OK);
    nyx_td_writel(&td, IOVA, 1);
    early = qvio_event(v, &event);
    /* Unless the test was kept waiting itself. */
    g_assert_true(!early || g_get_monotonic_time() - begin > 1000000);
    for (unsigned i = 0; i < 10000 && !early; i++) {
        g_usleep(1000);
        early = qvio_event(v, &event);
    }
    g_assert_true(early);
    g_assert_cmphex(event.address, ==, IOVA);
    g_assert_false(qvio_event(v, &event));
    nyx_td_put(&td);
    end_running(&f, dir);
}

static const TestRow rows[] = {
    { "cuts", test_cuts, false, false },
    { "bytes", test_bytes, false, false },
    { "shapes", test_shapes, false, false },
    { "mixed", test_mixed, false, false },
    { "full", test_full, false, false },
    { "full-tables", test_full_tables, false, false },
    { "index", test_index, true, false },
    { "broken", test_broken, true, false },
    { "empty-table", test_empty_table, false, true },
    { "too-far", test_too_far, true, false },
    { "nowhere", test_nowhere, false, false },
    { "random", test_random, false, false },
    { "places", test_places, false, false },
    { "interrupts", test_interrupts, false, false },
    { "reset", test_reset, false, false },
    { "driver-ok", test_driver_ok, false, false },
};

int main(int argc, char **argv)
{
    static Case cases[ARRAY_SIZE(kinds) * ARRAY_SIZE(rows)];

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        Case *c = &cases[i];
        g_autofree char *path = NULL;

        c->kind = &kinds[i / ARRAY_SIZE(rows)];
        c->row = &rows[i % ARRAY_SIZE(rows)];
        if (c->kind->features & QVIO_F_PACKED ? c->row->split_only
                                              : c->row->packed_only) {
            continue;
        }
        path = g_strdup_printf("/virtio-queues/%s/%s", c->kind->name,
                               c->row->name);
        qtest_add_data_func(path, c, run);
    }
    qtest_add_func("/virtio-queues/stopped", test_stopped);
    qtest_add_func("/virtio-queues/early-event", test_early_event);
    return g_test_run();
}
