/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The invalidation queue: descriptors, sizes, wrap, errors and the way out
 * of each, waits, device-TLBs, long queues.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define IQH 0x80
#define IQT 0x88
#define IQA 0x90
#define FSTS 0x34
#define IQERCD 0xb0

#define FSTS_IQE 0x10
#define FSTS_ICE 0x20
#define FSTS_ITE 0x40

/* A wait that stores @data at @addr. */
#define WAIT_SW(data) ((uint64_t)(data) << 32 | 0x25)

static uint32_t peek32(Fx *f, uint64_t gpa)
{
    return fx_mem_peek(&f->mem, gpa & ~7ULL) >> (gpa % 8 * 8);
}

static Fx *new_queue(unsigned qs)
{
    Fx *f = fx_new(NULL);

    fx_queue_start(f, qs);
    return f;
}

static uint64_t commands_done(Fx *f)
{
    NyxVtdStats s = nyx_vtd_stats(f->vtd);

    return s.inv_context[1] + s.inv_context[2] + s.inv_context[3] +
           s.inv_iotlb[1] + s.inv_iotlb[2] + s.inv_iotlb[3] +
           s.inv_device_tlb + s.inv_iec[0] + s.inv_iec[1] + s.waits;
}

/*
 * The descriptor at the tail is refused for reason @iqei: the head stays on
 * it, nothing was done.  Overwritten with a wait, the queue goes on as soon
 * as IQE is cleared; what Linux does.
 */
static void check_iqe(const char *row, Fx *f, uint64_t lo, uint64_t hi,
                      unsigned iqei)
{
    uint64_t at, status = fx_mem_pages(&f->mem, 1);
    uint64_t done = commands_done(f);

    /* One good entry before it, one behind. */
    fx_desc(f, WAIT_SW(1), status);
    at = f->tail;
    fx_desc(f, lo, hi);
    fx_desc(f, WAIT_SW(3), status + 8);
    fx_ring(f);
    FX_CHECK(row, fx_read32(f, FSTS), FSTS_IQE);
    FX_CHECK(row, fx_read64(f, IQERCD), iqei);
    FX_CHECK(row, fx_read64(f, IQH), at);
    FX_CHECK(row, commands_done(f), done + 1);
    FX_CHECK(row, peek32(f, status), 1);
    FX_CHECK(row, peek32(f, status + 8), 0);
    /* A stopped queue hears no doorbell. */
    fx_ring(f);
    FX_CHECK(row, fx_read64(f, IQH), at);
    fx_mem_poke(&f->mem, f->queue + at, WAIT_SW(2));
    fx_mem_poke(&f->mem, f->queue + at + 8, status + 4);
    FX_CHECK(row, peek32(f, status + 4), 0);
    fx_write32(f, FSTS, FSTS_IQE);
    FX_CHECK(row, fx_read32(f, FSTS), 0);
    FX_CHECK(row, peek32(f, status + 4), 2);
    FX_CHECK(row, peek32(f, status + 8), 3);
    FX_CHECK(row, fx_read64(f, IQH), f->tail);
}

/* --- Reserved bits of descriptors ----------------------------------------- */

typedef struct DescRow {
    const char *name;
    uint64_t lo, hi;         /* good, and so with any free bit added */
    uint64_t mbz_lo, mbz_hi;
} DescRow;

static const DescRow desc_rows[] = {
    { "context", 0x11, 0, 0xfffc00000000f1c0ULL, UINT64_MAX },
    { "iotlb", 0x12, 0, 0xffffffff0000f100ULL, 0xf80 },
    { "device-tlb", 0x3, 0, 0xffff0000ffe0f1f0ULL, 0xffe },
    { "iec", 0x4, 0, 0xffff000007fff1e0ULL, UINT64_MAX },
    { "wait", 0x45, 0, 0xfffff180ULL, 0x3 },
};

/* Type bits: others make it another descriptor. */
#define TYPE_BITS 0xe0fULL

static void test_reserved_bits(void)
{
    Fx *f = new_queue(7);

    for (unsigned i = 0; i < ARRAY_SIZE(desc_rows) * 128; i++) {
        const DescRow *row = &desc_rows[i / 128];
        unsigned bit = i % 128;
        uint64_t lo = row->lo | (bit < 64 ? 1ULL << bit : 0);
        uint64_t hi = row->hi | (bit >= 64 ? 1ULL << (bit - 64) : 0);
        bool reserved = (lo & row->mbz_lo) || (hi & row->mbz_hi);
        g_autofree char *name = g_strdup_printf("%s, bit %u", row->name, bit);

        if (bit < 64 && TYPE_BITS >> bit & 1) {
            continue;
        }
        if (reserved) {
            check_iqe(name, f, lo, hi, 4);
        } else {
            uint64_t done = commands_done(f);

            fx_submit(f, lo, hi);
            FX_CHECK(name, fx_read32(f, FSTS), 0);
            FX_CHECK(name, fx_read64(f, IQH), f->tail);
            FX_CHECK(name, commands_done(f), done + 1);
        }
    }
    fx_free(f);
}

/* Which of the 128 types there are. */
static void all_types(bool device_iotlb, bool intremap)
{
    NyxVtdCfg cfg = fx_cfg();
    Fx *f;

    cfg.device_iotlb = device_iotlb;
    cfg.intremap = cfg.eim = intremap;
    f = fx_new(&cfg);
    fx_queue_start(f, 7);
    for (unsigned type = 0; type < 128; type++) {
        uint64_t lo = (type & 15) | (uint64_t)(type >> 4) << 9;
        bool known = type == 1 || type == 2 || type == 5 ||
                     (type == 3 && device_iotlb) || (type == 4 && intremap);
        g_autofree char *name = g_strdup_printf("type %u", type);

        /* Granularity global, where there is one. */
        lo |= type == 1 || type == 2 ? 0x10 : 0;
        if (known) {
            fx_submit(f, lo, 0);
            FX_CHECK(name, fx_read32(f, FSTS), 0);
        } else {
            check_iqe(name, f, lo, 0, 3);
        }
    }
    fx_free(f);
}

static void test_types(void)
{
    for (unsigned i = 0; i < 4; i++) {
        all_types(i & 1, i & 2);
    }
}

/* --- Values that are not allowed ------------------------------------------ */

static void test_illegal_values(void)
{
    Fx *f = new_queue(7);

    check_iqe("context, granularity 0", f, 0x1, 0, 4);
    check_iqe("iotlb, granularity 0", f, 0x2, 0, 4);
    for (unsigned am = 0; am < 64; am++) {
        g_autofree char *name = g_strdup_printf("AM %u", am);

        if (am > 18) {
            check_iqe(name, f, 0x32, am, 4);
        } else {
            fx_submit(f, 0x32, am);
        }
        /* Without pages AM means nothing. */
        fx_submit(f, 0x12, am);
        fx_submit(f, 0x22, am);
        FX_CHECK(name, fx_read32(f, FSTS), 0);
    }
    for (unsigned im = 0; im < 32; im++) {
        g_autofree char *name = g_strdup_printf("IM %u", im);

        if (im > 15) {
            check_iqe(name, f, 0x14 | (uint64_t)im << 27, 0, 4);
        } else {
            fx_submit(f, 0x14 | (uint64_t)im << 27, 0);
        }
        fx_submit(f, 0x4 | (uint64_t)im << 27, 0);
        FX_CHECK(name, fx_read32(f, FSTS), 0);
    }
    g_assert_cmphex(fx_read64(f, IQH), ==, f->tail);
    fx_free(f);
}

/* --- Waits ---------------------------------------------------------------- */

static void saw_status(Fx *f)
{
    /* The store is there when the message is sent. */
    f->on_message_arg = peek32(f, f->on_message_arg);
}

static void test_wait_flags(void)
{
    for (unsigned flags = 0; flags < 8; flags++) {
        bool intr = flags & 1, store = flags & 2;
        uint64_t status;
        Fx *f = new_queue(0);
        g_autofree char *row = g_strdup_printf("IF, SW, FN: %u", flags);

        status = fx_mem_pages(&f->mem, 1);
        fx_mem_poke(&f->mem, status, 0x1111111122222222ULL);
        fx_write64(f, 0xa8, 0xfee01000);
        fx_write32(f, 0xa4, 0x41);
        fx_write32(f, 0xa0, 0);
        f->on_message = saw_status;
        f->on_message_arg = status + 4;
        fx_submit(f, 0xdeadbeef00000005ULL | flags << 4, status + 4);
        FX_CHECK(row, fx_read64(f, IQH), 16);
        FX_CHECK(row, fx_read32(f, FSTS), 0);
        FX_CHECK(row, fx_mem_peek(&f->mem, status),
                 store ? 0xdeadbeef22222222ULL : 0x1111111122222222ULL);
        FX_CHECK(row, fx_read32(f, 0x9c), intr);
        FX_CHECK(row, f->messages->len, intr);
        if (intr) {
            FxMessage *msg = &g_array_index(f->messages, FxMessage, 0);

            FX_CHECK(row, msg->addr, 0xfee01000);
            FX_CHECK(row, msg->data, 0x41);
            FX_CHECK(row, f->on_message_arg, store ? 0xdeadbeef : 0x11111111);
        }
        FX_CHECK(row, fx_findings(f, NVTD_RULE_IQ_WAIT_IDLE), !flags);
        fx_free(f);
    }
}

/* While IWC is set a second completion sends nothing. */
static void test_wait_iwc(void)
{
    Fx *f = new_queue(0);

    fx_write32(f, 0xa0, 0);
    fx_submit(f, 0x15, 0);
    fx_submit(f, 0x15, 0);
    g_assert_cmpuint(f->messages->len, ==, 1);
    fx_write32(f, 0x9c, 0);
    g_assert_cmphex(fx_read32(f, 0x9c), ==, 1);
    fx_write32(f, 0x9c, 1);
    g_assert_cmphex(fx_read32(f, 0x9c), ==, 0);
    fx_submit(f, 0x15, 0);
    g_assert_cmpuint(f->messages->len, ==, 2);
    fx_free(f);
}

/* Status that cannot be stored: told, and the queue goes on. */
static void test_wait_store_fails(void)
{
    Fx *f = new_queue(0);

    fx_write32(f, 0xa0, 0);
    fx_submit(f, 0x35, 0xfffffffffffffffcULL);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_IQ_WAIT_STORE), ==, 1);
    g_assert_cmpuint(f->messages->len, ==, 1);
    g_assert_cmphex(fx_read32(f, FSTS), ==, 0);
    g_assert_cmphex(fx_read64(f, IQH), ==, 16);
    fx_free(f);
}

/* A wait ends when what came before it is done. */
static void test_wait_order(void)
{
    uint64_t ss, status;
    Fx *f = fx_new_domain(NULL, 4, &ss);

    fx_queue_start(f, 0);
    status = fx_mem_pages(&f->mem, 1);
    fx_map(f, ss, 4, 0x1000, 0x8000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x8000);
    fx_map(f, ss, 4, 0x1000, 0x9000, 12, FX_RW);
    fx_desc(f, WAIT_SW(7), status);
    fx_desc(f, 0xd2, 0);
    fx_desc(f, WAIT_SW(8), status);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x8000);
    fx_ring(f);
    g_assert_cmpuint(peek32(f, status), ==, 8);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x9000);
    fx_free(f);
}

/* --- Sizes and wrap ------------------------------------------------------- */

/* All of a queue but one entry, again and again, in order. */
static void queue_size(unsigned qs)
{
    Fx *f = new_queue(qs);
    unsigned entries = 256u << qs, n = 0;
    uint64_t status = fx_mem_pages(&f->mem, 1), head, was;
    g_autofree char *row = g_strdup_printf("QS %u", qs);

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < entries - 1; i++) {
            fx_desc(f, WAIT_SW(++n), status);
        }
        was = fx_read64(f, IQH);
        fx_ring(f);
        /* At most a slice at once; what is left is kicked. */
        while ((head = fx_read64(f, IQH)) != f->tail) {
            FX_CHECK(row, f->kicks, 1);
            FX_CHECK(row, (head - was) % f->queue_size, 256 * 16);
            FX_CHECK(row, peek32(f, status),
                     n - (f->tail - head) % f->queue_size / 16);
            f->kicks = 0;
            was = head;
            nyx_vtd_continue(f->vtd);
        }
        FX_CHECK(row, peek32(f, status), n);
        FX_CHECK(row, fx_read64(f, IQH),
                 (uint64_t)n * 16 % (entries * 16));
        f->kicks = 0;
    }
    FX_CHECK(row, nyx_vtd_stats(f->vtd).waits, n);
    FX_CHECK(row, fx_read32(f, FSTS), 0);
    FX_CHECK(row, fx_all_findings(f), 0);
    fx_free(f);
}

static void test_sizes(void)
{
    for (unsigned qs = 0; qs < 8; qs++) {
        queue_size(qs);
    }
}

/* The last entry, then the first: no entry beyond is looked at. */
static void test_wrap(void)
{
    Fx *f = new_queue(0);
    uint64_t beyond;

    f->tail = 4096 - 16;
    for (unsigned i = 0; i < 255; i++) {
        fx_mem_poke(&f->mem, f->queue + i * 16, 0x45);
    }
    fx_ring(f);
    g_assert_cmphex(fx_read64(f, IQH), ==, 4096 - 16);
    beyond = fx_mem_pages(&f->mem, 1);
    g_assert_cmphex(beyond, ==, f->queue + 4096);
    fx_mem_poke(&f->mem, beyond, UINT64_MAX);
    fx_desc(f, 0x45, 0);
    fx_desc(f, 0x45, 0);
    g_assert_cmphex(f->tail, ==, 16);
    fx_ring(f);
    g_assert_cmphex(fx_read64(f, IQH), ==, 16);
    g_assert_cmphex(fx_read32(f, FSTS), ==, 0);
    fx_free(f);
}

/* --- Starting and stopping ------------------------------------------------ */

/* Windows writes the tail first: it is worked on when QIE is set. */
static void test_tail_before_enable(void)
{
    Fx *f = fx_new(NULL);
    uint64_t status = fx_mem_pages(&f->mem, 1);

    f->queue = fx_mem_pages(&f->mem, 1);
    f->queue_size = 4096;
    fx_write64(f, IQA, f->queue);
    fx_desc(f, WAIT_SW(5), status);
    fx_ring(f);
    g_assert_cmpuint(peek32(f, status), ==, 0);
    g_assert_cmphex(fx_read64(f, IQH), ==, 0);
    fx_gcmd(f, 26, true);
    g_assert_cmphex(fx_read32(f, 0x1c), ==, 1u << 26);
    g_assert_cmpuint(peek32(f, status), ==, 5);
    g_assert_cmphex(fx_read64(f, IQH), ==, 16);
    fx_free(f);
}

static void test_disable(void)
{
    Fx *f = new_queue(0);
    uint64_t status = fx_mem_pages(&f->mem, 1);

    fx_submit(f, 0x45, 0);
    fx_submit(f, 0x45, 0);
    g_assert_cmphex(fx_read64(f, IQH), ==, 32);
    fx_gcmd(f, 26, false);
    g_assert_cmphex(fx_read32(f, 0x1c), ==, 0);
    /* Off, the head is 0 and the tail is software's. */
    g_assert_cmphex(fx_read64(f, IQH), ==, 0);
    g_assert_cmphex(fx_read64(f, IQT), ==, 32);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_IQ_BUSY), ==, 0);
    fx_desc(f, WAIT_SW(1), status);
    fx_ring(f);
    g_assert_cmphex(fx_read64(f, IQH), ==, 0);
    /* On again it starts at the beginning. */
    fx_write64(f, IQT, 0);
    fx_gcmd(f, 26, true);
    f->tail = 0;
    fx_submit(f, WAIT_SW(9), status);
    g_assert_cmphex(fx_read64(f, IQH), ==, 16);
    g_assert_cmpuint(peek32(f, status), ==, 9);
    fx_free(f);
}

/* Disabled on the way: a mistake that is told, and nothing more is done. */
static void test_disable_busy(void)
{
    Fx *f = new_queue(2);
    uint64_t status = fx_mem_pages(&f->mem, 1);

    for (unsigned i = 1; i <= 600; i++) {
        fx_desc(f, WAIT_SW(i), status);
    }
    fx_ring(f);
    g_assert_cmpuint(peek32(f, status), ==, 256);
    fx_gcmd(f, 26, false);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_IQ_BUSY), ==, 1);
    fx_settle(f);
    g_assert_cmpuint(peek32(f, status), ==, 256);
    g_assert_cmphex(fx_read64(f, IQH), ==, 0);
    fx_free(f);
}

/* The address is fixed while the queue is on. */
static void test_address_locked(void)
{
    Fx *f = new_queue(1);
    uint64_t iqa = f->queue | 1;

    fx_write64(f, IQA, 0x123000);
    g_assert_cmphex(fx_read64(f, IQA), ==, iqa);
    fx_write32(f, IQA, 0x123007);
    fx_write32(f, IQA + 4, 1);
    g_assert_cmphex(fx_read64(f, IQA), ==, iqa);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_IQ_LOCKED), ==, 3);
    fx_submit(f, 0x45, 0);
    g_assert_cmphex(fx_read64(f, IQH), ==, 16);
    fx_gcmd(f, 26, false);
    fx_write64(f, IQA, 0x123000);
    g_assert_cmphex(fx_read64(f, IQA), ==, 0x123000);
    fx_free(f);
}

/* 256-bit descriptors are for scalable mode. */
static void test_width_bit(void)
{
    Fx *f = fx_new(NULL);

    fx_write64(f, IQA, 0x123000 | 1 << 11 | 2);
    g_assert_cmphex(fx_read64(f, IQA), ==, 0x123002);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_RESERVED), ==, 1);
    fx_free(f);
}

/* --- Tail ----------------------------------------------------------------- */

static void test_bad_tail(void)
{
    static const uint32_t tails[] = { 4096, 4112, 8176, 0x7fff0 };

    for (unsigned i = 0; i < 2 * ARRAY_SIZE(tails); i++) {
        Fx *f = fx_new(NULL);
        uint32_t tail = tails[i / 2];

        f->queue = fx_mem_pages(&f->mem, 1);
        f->queue_size = 4096;
        fx_mem_poke(&f->mem, f->queue, 0x45);
        fx_write64(f, IQA, f->queue);
        if (i % 2) {
            fx_write64(f, IQT, tail);
            fx_gcmd(f, 26, true);
        } else {
            fx_gcmd(f, 26, true);
            fx_write64(f, IQT, tail);
        }
        g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_IQE);
        g_assert_cmphex(fx_read64(f, IQERCD), ==, 1);
        g_assert_cmphex(fx_read64(f, IQH), ==, 0);
        g_assert_cmpuint(fx_findings(f, NVTD_RULE_IQ_TAIL), ==, 1);
        /* Cleared without a mend it comes again. */
        fx_write32(f, FSTS, FSTS_IQE);
        g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_IQE);
        fx_write64(f, IQT, 16);
        g_assert_cmphex(fx_read64(f, IQH), ==, 0);
        fx_write32(f, FSTS, FSTS_IQE);
        g_assert_cmphex(fx_read32(f, FSTS), ==, 0);
        g_assert_cmphex(fx_read64(f, IQH), ==, 16);
        fx_free(f);
    }
}

/* Reserved bits of the tail are not kept. */
static void test_tail_reserved(void)
{
    Fx *f = new_queue(0);

    fx_desc(f, 0x45, 0);
    fx_write64(f, IQT, 0xfffffffffff80010ULL | 0xf);
    g_assert_cmphex(fx_read64(f, IQT), ==, 16);
    g_assert_cmphex(fx_read64(f, IQH), ==, 16);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_RESERVED), ==, 1);
    /* The upper half is no doorbell. */
    fx_desc(f, 0x45, 0);
    fx_write32(f, IQT + 4, 0);
    g_assert_cmphex(fx_read64(f, IQH), ==, 16);
    fx_write32(f, IQT, f->tail);
    g_assert_cmphex(fx_read64(f, IQH), ==, 32);
    fx_free(f);
}

/* --- Unreadable queue ----------------------------------------------------- */

static void test_unreadable(void)
{
    Fx *f = new_queue(0);
    uint64_t status = fx_mem_pages(&f->mem, 1);

    fx_desc(f, WAIT_SW(1), status);
    fx_desc(f, WAIT_SW(2), status);
    fx_mem_hole(&f->mem, f->queue + 24, f->queue + 24);
    fx_ring(f);
    g_assert_cmpuint(peek32(f, status), ==, 1);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_IQE);
    g_assert_cmphex(fx_read64(f, IQERCD), ==, 2);
    g_assert_cmphex(fx_read64(f, IQH), ==, 16);
    fx_mem_no_hole(&f->mem);
    fx_write32(f, FSTS, FSTS_IQE);
    g_assert_cmpuint(peek32(f, status), ==, 2);
    g_assert_cmphex(fx_read64(f, IQH), ==, 32);
    fx_free(f);
}

/* --- Errors and events ---------------------------------------------------- */

/* Cleared without a mend the same error comes again, with a new event. */
static void test_error_again(void)
{
    Fx *f = new_queue(0);

    fx_write32(f, 0x38, 0);
    fx_submit(f, 0xf, 0);
    g_assert_cmpuint(f->messages->len, ==, 1);
    fx_write32(f, FSTS, FSTS_IQE);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_IQE);
    g_assert_cmphex(fx_read64(f, IQH), ==, 0);
    g_assert_cmpuint(f->messages->len, ==, 2);
    /* Other bits of FSTS do not start it. */
    fx_mem_poke(&f->mem, f->queue, 0x45);
    fx_write32(f, FSTS, 0x6d & ~FSTS_IQE);
    g_assert_cmphex(fx_read64(f, IQH), ==, 0);
    fx_write32(f, FSTS, FSTS_IQE);
    g_assert_cmphex(fx_read64(f, IQH), ==, 16);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).queue_errors, ==, 2);
    fx_free(f);
}

/* An error leaves earlier error records alone. */
static void test_error_record(void)
{
    Fx *f = new_queue(0);

    f->ats_answer = NYX_VTD_ATS_BAD;
    fx_submit(f, 0x0000010000000003ULL, 0);
    g_assert_cmphex(fx_read64(f, IQERCD), ==, 0x0100000000000000ULL);
    fx_submit(f, 0xf, 0);
    g_assert_cmphex(fx_read64(f, IQERCD), ==, 0x0100000000000003ULL);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_IQE | FSTS_ICE);
    fx_free(f);
}

/* --- Device-TLBs ---------------------------------------------------------- */

typedef struct SizeRow {
    uint64_t hi;
    uint64_t addr;
    unsigned lg2;
} SizeRow;

static const SizeRow size_rows[] = {
    { 0x0000000012345000ULL, 0x12345000, 12 },
    { 0x000000001234f000ULL, 0x1234f000, 12 },
    { 0x0000000012344001ULL, 0x12344000, 13 },
    { 0x0000000012341001ULL, 0x12340000, 14 },
    { 0x0000000012343001ULL, 0x12340000, 15 },
    { 0x00000000400ff001ULL, 0x40000000, 21 },
    { 0x000000005fffe001ULL, 0x5fffe000, 13 },
    { 0x000000005ffff001ULL, 0x40000000, 30 },
    { 0x7ffffffffffff001ULL, 0, 64 },
    { 0xfffffffffffff001ULL, 0, 64 },
    { 0x3ffffffffffff001ULL, 0, 63 },
    { 0xbffffffffffff001ULL, 0x8000000000000000ULL, 63 },
};

static void test_device_tlb(void)
{
    Fx *f = new_queue(0);

    for (unsigned i = 0; i < ARRAY_SIZE(size_rows); i++) {
        const SizeRow *row = &size_rows[i];
        g_autofree char *name = g_strdup_printf("0x%" PRIx64, row->hi);
        NyxVtdDeviceTlb *seen;

        fx_submit(f, 0x3 | (uint64_t)(0x100 + i) << 32, row->hi);
        FX_CHECK(name, f->devtlb->len, i + 1);
        seen = &g_array_index(f->devtlb, NyxVtdDeviceTlb, i);
        FX_CHECK(name, seen->sid, 0x100 + i);
        FX_CHECK(name, seen->addr, row->addr);
        FX_CHECK(name, seen->lg2, row->lg2);
    }
    /* The number of outstanding ones is a hint. */
    fx_submit(f, 0x3 | 0x1f << 16, 0);
    g_assert_cmpuint(f->devtlb->len, ==, ARRAY_SIZE(size_rows) + 1);
    g_assert_cmphex(fx_read32(f, FSTS), ==, 0);
    fx_free(f);
}

/* ICE: the source-id of the first, and the queue goes on. */
static void test_bad_completion(void)
{
    Fx *f = new_queue(0);
    uint64_t status = fx_mem_pages(&f->mem, 1);

    fx_write32(f, 0x38, 0);
    f->ats_answer = NYX_VTD_ATS_BAD;
    fx_desc(f, 0x0000123400000003ULL, 0);
    fx_desc(f, 0x0000567800000003ULL, 0);
    fx_desc(f, WAIT_SW(1), status);
    fx_ring(f);
    g_assert_cmpuint(peek32(f, status), ==, 1);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_ICE);
    g_assert_cmphex(fx_read64(f, IQERCD), ==, 0x1234000000000000ULL);
    g_assert_cmpuint(f->messages->len, ==, 1);
    fx_write32(f, FSTS, FSTS_ICE);
    g_assert_cmphex(fx_read32(f, FSTS), ==, 0);
    fx_submit(f, 0x0000567800000003ULL, 0);
    g_assert_cmphex(fx_read64(f, IQERCD), ==, 0x5678000000000000ULL);
    fx_free(f);
}

/* ITE: the wait behind is lost, fetching stops until the bit is cleared. */
static void test_timeout(void)
{
    Fx *f = new_queue(0);
    uint64_t status = fx_mem_pages(&f->mem, 1);

    fx_write32(f, 0x38, 0);
    f->ats_answer = NYX_VTD_ATS_SILENT;
    fx_desc(f, 0x0000123400000003ULL, 0);
    fx_desc(f, 0xd2, 0);
    fx_desc(f, WAIT_SW(1), status);
    fx_desc(f, WAIT_SW(2), status + 4);
    fx_ring(f);
    fx_settle(f);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_ITE);
    g_assert_cmphex(fx_read64(f, IQERCD), ==, 0x0000123400000000ULL);
    g_assert_cmphex(fx_read64(f, IQH), ==, 48);
    g_assert_cmphex(fx_mem_peek(&f->mem, status), ==, 0);
    g_assert_cmpuint(f->messages->len, ==, 1);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_DEVTLB_SILENT), ==, 1);
    /* What was not a wait has been done. */
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).inv_iotlb[1], ==, 1);
    f->ats_answer = NYX_VTD_ATS_DONE;
    fx_ring(f);
    g_assert_cmphex(fx_read64(f, IQH), ==, 48);
    fx_write32(f, FSTS, FSTS_ITE);
    g_assert_cmphex(fx_read32(f, FSTS), ==, 0);
    g_assert_cmphex(fx_read64(f, IQH), ==, 64);
    g_assert_cmphex(fx_mem_peek(&f->mem, status), ==, 0x200000000ULL);
    fx_free(f);
}

/* Nobody waits: it is found all the same when the queue is empty. */
static void test_timeout_without_wait(void)
{
    Fx *f = new_queue(0);
    NyxWhere where;

    f->ats_answer = NYX_VTD_ATS_SILENT;
    fx_submit(f, 0x0000123400000003ULL, 0x7000);
    g_assert_cmphex(fx_read32(f, FSTS), ==, FSTS_ITE);
    g_assert_cmphex(fx_read64(f, IQH), ==, 16);
    where = nyx_findings_get(nyx_vtd_findings(f->vtd),
                             NVTD_RULE_DEVTLB_SILENT).last.where;
    g_assert_true(where.has_sid && where.has_addr);
    g_assert_cmphex(where.sid, ==, 0x1234);
    g_assert_cmphex(where.addr, ==, 0x7000);
    f->ats_answer = NYX_VTD_ATS_DONE;
    fx_write32(f, FSTS, FSTS_ITE);
    fx_submit(f, 0x45, 0);
    g_assert_cmphex(fx_read64(f, IQH), ==, 32);
    g_assert_cmphex(fx_read32(f, FSTS), ==, 0);
    fx_free(f);
}

/* --- Long queues ---------------------------------------------------------- */

/* A doorbell in the middle adds to the work, an error ends it. */
static void test_slices(void)
{
    Fx *f = new_queue(3);
    uint64_t status = fx_mem_pages(&f->mem, 1);

    for (unsigned i = 1; i <= 1000; i++) {
        fx_desc(f, i == 700 ? 0xe : WAIT_SW(i), i == 700 ? 0 : status);
    }
    fx_ring(f);
    g_assert_cmpuint(peek32(f, status), ==, 256);
    for (unsigned i = 1001; i <= 1200; i++) {
        fx_desc(f, WAIT_SW(i), status);
    }
    fx_ring(f);
    fx_settle(f);
    g_assert_cmpuint(peek32(f, status), ==, 699);
    g_assert_cmphex(fx_read64(f, IQH), ==, 699 * 16);
    fx_mem_poke(&f->mem, f->queue + 699 * 16, 0x45);
    fx_write32(f, FSTS, FSTS_IQE);
    fx_settle(f);
    g_assert_cmpuint(peek32(f, status), ==, 1200);
    g_assert_cmphex(fx_read64(f, IQH), ==, 1200 * 16);
    fx_free(f);
}

/* Commands that take long fill a slice sooner: of 32768 entries there are 2. */
static void test_slices_work(void)
{
    Fx *f = new_queue(0);

    for (unsigned i = 0; i < 5; i++) {
        fx_desc(f, 0x14 | 15 << 27, 0);
    }
    fx_ring(f);
    g_assert_cmphex(fx_read64(f, IQH), ==, 2 * 16);
    g_assert_cmpuint(f->kicks, ==, 1);
    fx_settle(f);
    g_assert_cmphex(fx_read64(f, IQH), ==, 5 * 16);
    fx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/queue/" name, fn)
    ADD("reserved-bits", test_reserved_bits);
    ADD("types", test_types);
    ADD("illegal-values", test_illegal_values);
    ADD("wait-flags", test_wait_flags);
    ADD("wait-iwc", test_wait_iwc);
    ADD("wait-store-fails", test_wait_store_fails);
    ADD("wait-order", test_wait_order);
    ADD("sizes", test_sizes);
    ADD("wrap", test_wrap);
    ADD("tail-before-enable", test_tail_before_enable);
    ADD("disable", test_disable);
    ADD("disable-busy", test_disable_busy);
    ADD("address-locked", test_address_locked);
    ADD("width-bit", test_width_bit);
    ADD("bad-tail", test_bad_tail);
    ADD("tail-reserved", test_tail_reserved);
    ADD("unreadable", test_unreadable);
    ADD("error-again", test_error_again);
    ADD("error-record", test_error_record);
    ADD("device-tlb", test_device_tlb);
    ADD("bad-completion", test_bad_completion);
    ADD("timeout", test_timeout);
    ADD("timeout-without-wait", test_timeout_without_wait);
    ADD("slices", test_slices);
    ADD("slices-work", test_slices_work);
    return g_test_run();
}
