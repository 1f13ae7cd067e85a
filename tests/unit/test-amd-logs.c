/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The logs of nyx-amdvi: event, page request and vAPIC log; rings, overflow,
 * restart, second buffers, the early limit, status bits and their messages.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"
#include "amd-fixture.h"

/* --- All logs alike ------------------------------------------------------- */

typedef struct LogRow {
    const char *name;
    uint32_t base;
    uint32_t head;
    uint32_t tail;
    unsigned entry;
    uint64_t enable;         /* Control */
    uint64_t int_enable;
    uint32_t run;            /* Status */
    uint32_t interrupt;
    uint32_t overflow;
    unsigned message;
    bool (*put)(Ax *f, uint64_t n);
} LogRow;

/* An event with a code, for nobody waits for one that is zero (8.4). */
static bool put_event(Ax *f, uint64_t n)
{
    const uint64_t words[2] = { 2ULL << 60 | n, n + 1 };

    return nyx_amd_log_event(f->amd, words);
}

static bool put_ppr(Ax *f, uint64_t n)
{
    const uint64_t words[2] = { 1ULL << 60 | n, n + 1 };

    return nyx_amd_log_ppr(f->amd, words);
}

static bool put_ga(Ax *f, uint64_t n)
{
    return nyx_amd_log_ga(f->amd, 1ULL << 60 | n);
}

static const LogRow logs[] = {
    { "events", 0x10, 0x2010, 0x2018, 16, AX_EVENTLOGEN, AX_EVENTINTEN,
      AX_EVENTLOGRUN, AX_EVENTLOGINT, AX_EVENTOVERFLOW, 0, put_event },
    { "ppr", 0x38, 0x2030, 0x2038, 16, AX_PPRLOGEN, AX_PPRINTEN,
      AX_PPRLOGRUN, AX_PPRINT, AX_PPROVERFLOW, 1, put_ppr },
    { "ga", 0xe0, 0x2040, 0x2048, 8, AX_GALOGEN, AX_GAINTEN,
      AX_GALOGRUN, AX_GAINT, AX_GALOVERFLOW, 2, put_ga },
};

/* IommuEn, and the log with a new buffer of 16 << @len bytes. */
static uint64_t log_start(Ax *f, const LogRow *log, unsigned len)
{
    uint64_t buffer = fx_mem_pages(&f->mem, (16u << len) / 4096);

    ax_write64(f, log->base, ax_ring(buffer, len));
    ax_control_set(f, AX_IOMMUEN | log->enable);
    FX_CHECK(log->name, ax_read32(f, AX_STATUS) & log->run, log->run);
    ax_forget(f);
    return buffer;
}

static uint32_t status(Ax *f, uint32_t bits)
{
    return ax_read32(f, AX_STATUS) & bits;
}

/* Every length: N - 1 entries, each in its place, and the wrap. */
static void log_fills(const LogRow *log, unsigned len)
{
    Ax *f = ax_new(NULL);
    uint64_t bytes = 16ULL << len, words = log->entry / 8;
    uint64_t buffer = log_start(f, log, len);
    unsigned entries = bytes / log->entry;

    for (unsigned i = 0; i < entries - 1; i++) {
        FX_CHECK(log->name, log->put(f, i), true);
        FX_CHECK(log->name, ax_read32(f, log->tail), (i + 1) * log->entry);
    }
    for (unsigned i = 0; i < entries - 1; i++) {
        uint64_t at = buffer + i * log->entry;

        FX_CHECK(log->name, fx_mem_peek(&f->mem, at) & 0xffffffff, i);
        if (words == 2) {
            FX_CHECK(log->name, fx_mem_peek(&f->mem, at + 8), i + 1);
        }
    }
    FX_CHECK(log->name, status(f, log->overflow), 0);
    FX_CHECK(log->name, status(f, log->interrupt), log->interrupt);
    /* One read: one more, and the tail is zero again, not the size. */
    ax_write32(f, log->head, log->entry);
    FX_CHECK(log->name, log->put(f, 0x123456), true);
    FX_CHECK(log->name, ax_read32(f, log->tail), 0);
    FX_CHECK(log->name,
             fx_mem_peek(&f->mem, buffer + bytes - log->entry) & 0xffffff,
             0x123456);
    ax_free(f);
}

static void test_fill(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        for (unsigned len = 8; len < 16; len++) {
            log_fills(&logs[i], len);
        }
    }
}

/* Up to the last place but one. */
static void fill(Ax *f, const LogRow *log, unsigned bytes)
{
    ax_write32(f, log->head, 0);
    while (ax_read32(f, log->tail) != bytes - log->entry) {
        g_assert_true(log->put(f, 0));
    }
}

/*
 * 16.4: overflow and the end of the run do not depend on the interrupt's
 * enable, the entry is not written, and clearing the bit restarts nothing.
 */
static void test_overflow(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        const LogRow *log = &logs[i];
        Ax *f = ax_new(NULL);
        uint64_t buffer = log_start(f, log, 8);
        uint64_t last = buffer + 4096 - log->entry;

        fill(f, log, 4096);
        FX_CHECK(log->name, status(f, log->overflow | log->run), log->run);
        FX_CHECK(log->name, log->put(f, 1), false);
        FX_CHECK(log->name, status(f, log->overflow | log->run),
                 log->overflow);
        FX_CHECK(log->name, fx_mem_peek(&f->mem, last), 0);
        FX_CHECK(log->name, ax_read32(f, log->tail), 4096 - log->entry);
        FX_CHECK(log->name, ax_findings(f, NAMD_RULE_LOG_OVERFLOW), 1);
        FX_CHECK(log->name, f->signals->len, 0);

        ax_write32(f, log->head, 0x80);
        FX_CHECK("room is no restart", log->put(f, 1), false);
        ax_write32(f, AX_STATUS, log->overflow);
        FX_CHECK("nor is the bit", log->put(f, 1), false);
        FX_CHECK("nor is the bit", status(f, log->overflow | log->run), 0);
        ax_control_set(f, log->enable);
        FX_CHECK("nor is writing 1", status(f, log->run), 0);
        ax_control_clear(f, AX_IOMMUEN);
        ax_control_set(f, AX_IOMMUEN);
        FX_CHECK("nor IommuEn", status(f, log->run), 0);
        /* 8.4: as Linux restarts it; the pointers are kept. */
        ax_control_clear(f, log->enable);
        ax_control_set(f, log->enable);
        FX_CHECK(log->name, status(f, log->run), log->run);
        FX_CHECK(log->name, ax_read32(f, log->head), 0x80);
        FX_CHECK(log->name, log->put(f, 1), true);
        FX_CHECK(log->name, fx_mem_peek(&f->mem, last) & 0xffffff, 1);
        FX_CHECK(log->name, ax_read32(f, log->tail), 0);
        ax_free(f);
    }
}

/* 3.4.16: nothing is written while the overflow bit is set. */
static void test_restart_uncleared(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        const LogRow *log = &logs[i];
        Ax *f = ax_new(NULL);

        log_start(f, log, 8);
        ax_control_set(f, log->int_enable);
        fill(f, log, 4096);
        ax_forget(f);
        log->put(f, 1);
        FX_CHECK(log->name, f->signals->len, 1);
        ax_control_clear(f, log->enable);
        FX_CHECK(log->name, status(f, log->overflow), log->overflow);
        ax_write32(f, log->head, 0x80);
        ax_control_set(f, log->enable);
        FX_CHECK("still set", status(f, log->overflow | log->run),
                 log->overflow);
        FX_CHECK("still set", log->put(f, 1), false);
        ax_write32(f, AX_STATUS, log->overflow);
        FX_CHECK("cleared late", status(f, log->run), 0);
        ax_control_clear(f, log->enable);
        ax_control_set(f, log->enable);
        FX_CHECK("cleared", status(f, log->run), log->run);
        /* Full again: that is told again. */
        ax_write32(f, log->head, 0);
        FX_CHECK(log->name, log->put(f, 1), false);
        FX_CHECK(log->name, f->signals->len, 2);
        ax_free(f);
    }
}

/* Xen restarts with empty pointers. */
static void test_restart_empty(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        const LogRow *log = &logs[i];
        Ax *f = ax_new(NULL);

        log_start(f, log, 8);
        fill(f, log, 4096);
        log->put(f, 1);
        ax_control_clear(f, log->enable);
        ax_write32(f, AX_STATUS, log->overflow);
        ax_write32(f, log->head, 0);
        ax_write32(f, log->tail, 0);
        ax_control_set(f, log->enable);
        FX_CHECK(log->name, log->put(f, 1), true);
        FX_CHECK(log->name, ax_read32(f, log->tail), log->entry);
        ax_free(f);
    }
}

static void test_not_running(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        const LogRow *log = &logs[i];
        Ax *f = ax_new(NULL);

        FX_CHECK(log->name, log->put(f, 1), false);
        log_start(f, log, 8);
        ax_control_clear(f, AX_IOMMUEN);
        FX_CHECK(log->name, log->put(f, 1), false);
        ax_control_set(f, AX_IOMMUEN);
        ax_control_clear(f, log->enable);
        FX_CHECK(log->name, log->put(f, 1), false);
        FX_CHECK(log->name, status(f, log->overflow | log->interrupt), 0);
        FX_CHECK(log->name, ax_read32(f, log->tail), 0);
        FX_CHECK(log->name, f->mem.writes, 0);
        FX_CHECK(log->name, f->traces[NYX_AMD_EV_LOST], 2);
        ax_free(f);
    }
}

typedef struct Order {
    Ax *f;
    const LogRow *log;
    unsigned writes;
} Order;

static void at_write(void *opaque, uint64_t gpa)
{
    Order *order = opaque;

    order->writes++;
    FX_CHECK("tail", ax_read32(order->f, order->log->tail), 0);
    FX_CHECK("status", status(order->f, order->log->interrupt), 0);
    FX_CHECK("message", order->f->signals->len, 0);
}

static void at_signal(Ax *f)
{
    Order *order = f->opaque;

    FX_CHECK("tail", ax_read32(f, order->log->tail), order->log->entry);
    FX_CHECK("status", status(f, order->log->interrupt),
             order->log->interrupt);
}

/* 16.37: the entry in memory, the tail, the status bit, the message. */
static void test_order(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        Ax *f = ax_new(NULL);
        Order order = { f, &logs[i], 0 };

        log_start(f, &logs[i], 8);
        ax_control_set(f, logs[i].int_enable);
        f->mem.on_write = at_write;
        f->mem.on_write_opaque = &order;
        f->on_signal = at_signal;
        f->opaque = &order;
        g_assert_true(logs[i].put(f, 5));
        FX_CHECK(logs[i].name, order.writes, 1);
        FX_CHECK(logs[i].name, f->signals->len, 1);
        ax_free(f);
    }
}

/* 16.18: a new buffer, whatever interrupt is pending. */
static void test_new_base(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        const LogRow *log = &logs[i];
        Ax *f = ax_new(NULL);
        uint64_t buffer = log_start(f, log, 8) + 0x100000;

        log->put(f, 1);
        FX_CHECK(log->name, status(f, log->interrupt), log->interrupt);
        ax_control_clear(f, log->enable);
        ax_write64(f, log->base, ax_ring(buffer, 9));
        FX_CHECK(log->name, ax_read64(f, log->base), ax_ring(buffer, 9));
        FX_CHECK(log->name, ax_read32(f, log->tail), 0);
        ax_control_set(f, log->enable);
        log->put(f, 0x1234);
        FX_CHECK(log->name, fx_mem_peek(&f->mem, buffer) & 0xffff, 0x1234);
        ax_free(f);
    }
}

static void test_not_memory(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        const LogRow *log = &logs[i];
        Ax *f = ax_new(NULL);
        uint64_t buffer = log_start(f, log, 8);

        fx_mem_hole(&f->mem, buffer, buffer + 4095);
        FX_CHECK(log->name, log->put(f, 1), false);
        FX_CHECK(log->name, ax_read32(f, log->tail), 0);
        FX_CHECK(log->name, status(f, log->interrupt), 0);
        FX_CHECK(log->name, ax_findings(f, NAMD_RULE_LOG_MEMORY), 1);
        fx_mem_no_hole(&f->mem);
        FX_CHECK(log->name, log->put(f, 1), true);
        ax_free(f);
    }
}

/* --- Messages ------------------------------------------------------------- */

/* A message when the bit goes to 1, and only then; each cause its number. */
static void test_messages(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        const LogRow *log = &logs[i];
        Ax *f = ax_new(NULL);

        log_start(f, log, 8);
        log->put(f, 1);
        FX_CHECK(log->name, f->signals->len, 0);
        /* Enabled with the bit on: nothing is lost (Xen, Linux). */
        ax_control_set(f, log->int_enable);
        FX_CHECK(log->name, f->signals->len, 1);
        FX_CHECK(log->name, g_array_index(f->signals, unsigned, 0),
                 log->message);
        log->put(f, 2);
        FX_CHECK("already on", f->signals->len, 1);
        ax_control_set(f, log->int_enable);
        FX_CHECK("written again", f->signals->len, 1);
        ax_write32(f, AX_STATUS, log->interrupt);
        log->put(f, 3);
        FX_CHECK("again", f->signals->len, 2);
        ax_control_clear(f, log->int_enable);
        ax_write32(f, AX_STATUS, log->interrupt);
        log->put(f, 4);
        FX_CHECK("off", f->signals->len, 2);
        FX_CHECK("off", status(f, log->interrupt), log->interrupt);
        /* Overflow is a bit of its own. */
        ax_control_set(f, log->int_enable);
        fill(f, log, 4096);
        ax_forget(f);
        log->put(f, 5);
        FX_CHECK("overflow", f->signals->len, 1);
        FX_CHECK("all by number", f->messages->len, 0);
        ax_free(f);
    }
}

/* The enables are of their own logs only. */
static void test_enables(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        Ax *f = ax_new(NULL);

        log_start(f, &logs[i], 8);
        for (unsigned j = 0; j < ARRAY_SIZE(logs); j++) {
            if (j != i) {
                ax_control_set(f, logs[j].int_enable);
            }
        }
        ax_control_set(f, AX_COMWAITINTEN);
        logs[i].put(f, 1);
        FX_CHECK(logs[i].name, f->signals->len, 0);
        ax_free(f);
    }
}

typedef struct XtRow {
    const char *name;
    uint64_t xt;
    uint64_t addr;           /* 0: no message */
    uint32_t data;
} XtRow;

/* 2.11: mode 2, id 31:8 and 63:56, vector 39:32, delivery 40. */
static const XtRow xt_rows[] = {
    { "physical", 0x0000003100000500ULL, 0xfee05000, 0x31 },
    { "logical", 0x0000003100000504ULL, 0xfee05004, 0x31 },
    { "lowest priority", 0x000001310000ff04ULL, 0xfeeff004, 0x131 },
    { "32-bit id", 0x120000fe34567800ULL, 0x12345600fee78000ULL, 0xfe },
    { "vector 16", 0x0000001000000000ULL, 0xfee00000, 0x10 },
    { "vector 15", 0x0000000f00000500ULL, 0, 0 },
    { "masked", 0, 0, 0 },
};

static void test_xt(void)
{
    static const uint32_t registers[] = { 0x170, 0x178, 0x180 };

    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        for (unsigned j = 0; j < ARRAY_SIZE(xt_rows); j++) {
            const XtRow *row = &xt_rows[j];
            Ax *f = ax_new(NULL);

            log_start(f, &logs[i], 8);
            ax_control_set(f, logs[i].int_enable | AX_INTCAPXTEN);
            ax_write64(f, registers[i], row->xt);
            /* Others say something else. */
            ax_write64(f, registers[(i + 1) % 3], 0x0000009900000000ULL);
            logs[i].put(f, 1);
            FX_CHECK(row->name, f->signals->len, 0);
            FX_CHECK(row->name, f->messages->len, !!row->addr);
            if (row->addr && f->messages->len) {
                const FxMessage *msg = &g_array_index(f->messages, FxMessage,
                                                      0);

                FX_CHECK(row->name, msg->addr, row->addr);
                FX_CHECK(row->name, msg->data, row->data);
            }
            FX_CHECK(row->name, nyx_amd_stats(f->amd).messages, !!row->addr);
            ax_free(f);
        }
    }
}

/* COMPLETION_WAIT's interrupt is of the general register. */
static void test_xt_wait(void)
{
    Ax *f = ax_new_started(NULL);

    ax_control_set(f, AX_COMWAITINTEN | AX_INTCAPXTEN);
    ax_write64(f, 0x170, 0x0000004400000100ULL);
    ax_submit(f, 1ULL << 60 | 2, 0);
    FX_CHECK(NULL, f->messages->len, 1);
    FX_CHECK(NULL, g_array_index(f->messages, FxMessage, 0).addr, 0xfee01000);
    FX_CHECK(NULL, g_array_index(f->messages, FxMessage, 0).data, 0x44);
    ax_free(f);
}

/* --- Two buffers ---------------------------------------------------------- */

typedef struct DualRow {
    const LogRow *a;
    LogRow b;
    unsigned shift;          /* of the mode in Control */
    uint32_t active;         /* Status */
} DualRow;

static const DualRow duals[] = {
    { &logs[0],
      { "events b", 0xf8, 0x2070, 0x2078, 16, AX_EVENTLOGEN, AX_EVENTINTEN,
        AX_EVENTLOGRUN, AX_EVENTLOGINT, AX_EVENTOVERFLOWB, 0, put_event },
      32, AX_EVENTLOGACTIVE },
    { &logs[1],
      { "ppr b", 0xf0, 0x2050, 0x2058, 16, AX_PPRLOGEN, AX_PPRINTEN,
        AX_PPRLOGRUN, AX_PPRINT, AX_PPROVERFLOWB, 1, put_ppr },
      30, AX_PPRLOGACTIVE },
};

static Ax *dual_start(const DualRow *row, unsigned mode)
{
    Ax *f = ax_new(NULL);
    uint64_t b = fx_mem_pages(&f->mem, 1);

    ax_write64(f, row->b.base, ax_ring(b, 8));
    ax_control_set(f, (uint64_t)mode << row->shift | row->a->int_enable);
    log_start(f, row->a, 8);
    return f;
}

static void test_dual_fixed(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(duals); i++) {
        for (unsigned mode = 0; mode < 2; mode++) {
            const DualRow *row = &duals[i];
            const LogRow *log = mode ? &row->b : row->a;
            const LogRow *other = mode ? row->a : &row->b;
            Ax *f = dual_start(row, mode);

            FX_CHECK(log->name, status(f, row->active),
                     mode ? row->active : 0);
            fill(f, log, 4096);
            FX_CHECK(log->name, log->put(f, 0), false);
            FX_CHECK(log->name, ax_read32(f, other->tail), 0);
            FX_CHECK(log->name, status(f, log->overflow | other->overflow),
                     log->overflow);
            FX_CHECK(log->name, status(f, log->run), 0);
            FX_CHECK(log->name, status(f, row->active),
                     mode ? row->active : 0);
            ax_control_clear(f, log->enable);
            ax_write32(f, AX_STATUS, other->overflow);
            ax_control_set(f, log->enable);
            FX_CHECK("the other bit", status(f, log->run), 0);
            ax_control_clear(f, log->enable);
            ax_write32(f, AX_STATUS, log->overflow);
            ax_control_set(f, log->enable);
            FX_CHECK("its own bit", status(f, log->run), log->run);
            ax_free(f);
        }
    }
}

/* 8.4: A full, B goes on; B full, A if it was emptied and cleared. */
static void test_dual_swap(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(duals); i++) {
        const DualRow *row = &duals[i];
        const LogRow *a = row->a, *b = &row->b;
        Ax *f = dual_start(row, 2);

        fill(f, a, 4096);
        FX_CHECK(a->name, status(f, row->active | a->overflow), 0);
        ax_forget(f);
        FX_CHECK(a->name, a->put(f, 0x77), true);
        FX_CHECK(a->name, status(f, row->active | a->overflow | b->overflow |
                                    a->run),
                 row->active | a->overflow | a->run);
        FX_CHECK(a->name, ax_read32(f, b->tail), 0x10);
        FX_CHECK("told", f->signals->len, 1);
        FX_CHECK(a->name, fx_mem_peek(&f->mem,
                                      ax_read64(f, b->base) & 0xfffff000)
                          & 0xff, 0x77);
        FX_CHECK("no loss", ax_findings(f, NAMD_RULE_LOG_OVERFLOW), 0);
        /* Software empties A, and clears. */
        ax_write32(f, a->head, ax_read32(f, a->tail));
        ax_write32(f, AX_STATUS, a->overflow);
        fill(f, b, 4096);
        FX_CHECK(b->name, b->put(f, 0x88), true);
        FX_CHECK(b->name, status(f, row->active | a->overflow | b->overflow |
                                    a->run),
                 b->overflow | a->run);
        FX_CHECK(b->name, ax_read32(f, a->tail), 0);
        ax_free(f);
    }
}

static void test_dual_both_full(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(duals) * 2; i++) {
        const DualRow *row = &duals[i / 2];
        const LogRow *a = row->a, *b = &row->b;
        Ax *f = dual_start(row, 2);

        fill(f, a, 4096);
        a->put(f, 0);
        /* Cleared but not emptied, or emptied and not cleared. */
        if (i & 1) {
            ax_write32(f, AX_STATUS, a->overflow);
        } else {
            ax_write32(f, a->head, ax_read32(f, a->tail));
        }
        fill(f, b, 4096);
        FX_CHECK(b->name, b->put(f, 0), false);
        FX_CHECK(b->name, status(f, b->overflow | b->run), b->overflow);
        FX_CHECK(b->name, status(f, row->active), row->active);
        FX_CHECK(b->name, ax_findings(f, NAMD_RULE_LOG_OVERFLOW), 1);
        /* A restart begins with A again, and looks at A only. */
        ax_write32(f, a->head, ax_read32(f, a->tail));
        ax_write32(f, AX_STATUS, a->overflow);
        ax_control_clear(f, a->enable);
        ax_control_set(f, a->enable);
        FX_CHECK(b->name, status(f, row->active | a->run | a->overflow |
                                    b->overflow), a->run | b->overflow);
        FX_CHECK(b->name, a->put(f, 0), true);
        ax_free(f);
    }
}

/* --- The early limit ------------------------------------------------------ */

static void test_early(void)
{
    for (unsigned b = 0; b < 2; b++) {
        uint32_t limit = b ? 0x2090 : 0x2088;
        uint32_t bit = b ? AX_PPREARLYB : AX_PPREARLY;
        const LogRow *log = b ? &duals[1].b : &logs[1];
        Ax *f = dual_start(&duals[1], b);

        ax_control_clear(f, AX_PPRINTEN);
        for (unsigned i = 0; i < 10; i++) {
            put_ppr(f, 0);
        }
        FX_CHECK("off", status(f, AX_PPREARLY | AX_PPREARLYB), 0);
        ax_write64(f, limit, 12);
        put_ppr(f, 0);
        put_ppr(f, 0);
        put_ppr(f, 0);
        FX_CHECK("not enabled", status(f, bit), 0);
        ax_write64(f, limit, 0x80000000 | 15);
        put_ppr(f, 0);
        FX_CHECK("14 of 15", status(f, bit), 0);
        put_ppr(f, 0);
        FX_CHECK("15", status(f, AX_PPREARLY | AX_PPREARLYB), bit);
        FX_CHECK("no message", f->signals->len, 0);
        ax_write32(f, AX_STATUS, bit);
        /* Entries that were read do not count. */
        ax_write32(f, log->head, 0x20);
        put_ppr(f, 0);
        FX_CHECK("14 again", status(f, bit), 0);
        ax_write64(f, limit, 0xc0000000 | 15);
        put_ppr(f, 0);
        FX_CHECK("15 again", status(f, bit), bit);
        FX_CHECK("message", f->signals->len, 1);
        FX_CHECK("message", g_array_index(f->signals, unsigned, 0), 1);
        ax_free(f);
    }
}

/* --- The vAPIC log's tail in memory --------------------------------------- */

static void test_ga_tail(void)
{
    Ax *f = ax_new(NULL);
    uint64_t page = fx_mem_pages(&f->mem, 1);

    ax_write64(f, 0xe8, page + 0x18);
    log_start(f, &logs[2], 8);
    g_assert_true(put_ga(f, 1));
    FX_CHECK(NULL, fx_mem_peek(&f->mem, page + 0x18), 8);
    g_assert_true(put_ga(f, 1));
    FX_CHECK(NULL, fx_mem_peek(&f->mem, page + 0x18), 16);
    FX_CHECK(NULL, fx_mem_peek(&f->mem, page + 0x10), 0);
    ax_control_clear(f, AX_GALOGEN);
    ax_write64(f, 0xe8, 0x000ffffffffffff8ULL);
    ax_control_set(f, AX_GALOGEN);
    g_assert_true(put_ga(f, 1));
    FX_CHECK(NULL, ax_read32(f, AX_GATAIL), 24);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_LOG_MEMORY), 1);
    FX_CHECK(NULL, nyx_amd_stats(f->amd).ga_entries, 3);
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amd/logs/fill", test_fill);
    g_test_add_func("/amd/logs/overflow", test_overflow);
    g_test_add_func("/amd/logs/restart-uncleared", test_restart_uncleared);
    g_test_add_func("/amd/logs/restart-empty", test_restart_empty);
    g_test_add_func("/amd/logs/not-running", test_not_running);
    g_test_add_func("/amd/logs/order", test_order);
    g_test_add_func("/amd/logs/new-base", test_new_base);
    g_test_add_func("/amd/logs/not-memory", test_not_memory);
    g_test_add_func("/amd/logs/messages", test_messages);
    g_test_add_func("/amd/logs/enables", test_enables);
    g_test_add_func("/amd/logs/xt", test_xt);
    g_test_add_func("/amd/logs/xt-wait", test_xt_wait);
    g_test_add_func("/amd/logs/dual-fixed", test_dual_fixed);
    g_test_add_func("/amd/logs/dual-swap", test_dual_swap);
    g_test_add_func("/amd/logs/dual-both-full", test_dual_both_full);
    g_test_add_func("/amd/logs/early", test_early);
    g_test_add_func("/amd/logs/ga-tail", test_ga_tail);
    return g_test_run();
}
