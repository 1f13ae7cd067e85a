/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timed runs of nyx-testdev: worker threads that repeat one request without
 * the big lock.
 *
 * A run doesn't depend on the device staying plugged: it holds a reference to
 * it and has an address space of its own with the device's bus-master region
 * as root.  So nobody has to wait for a thread that is itself waiting for the
 * big lock; a bottom half cleans up when the last thread is gone.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/host-utils.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/memalign.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "hw/pci/pci_bus.h"
#include "testdev.h"

/* Requests between two looks at the clock; a power of two. */
#define CLOCK_INTERVAL 256

/* How long a cancelled run is waited for, however often it is cancelled. */
#define CANCEL_WAIT_US 500000
#define CANCEL_STEP_US 50

typedef enum WorkerEnd {
    END_COUNT = 0,         /* made all its requests */
    END_STOPPED,
    END_TIMEOUT,
} WorkerEnd;

typedef struct Worker {
    NyxTestdevRun *run;
    GThread *thread;
    void *buf;
    NyxTestdevReq req;
    uint64_t base;
    uint64_t rng;
    uint32_t slot;

    /* Written by the thread, read by others while it runs */
    uint64_t ops;
    uint64_t errors;

    /* Written by the thread, valid after it */
    int64_t begin;
    int64_t end;
    WorkerEnd why;
    uint32_t err_status;
    uint64_t err_addr;
} QEMU_ALIGNED(128) Worker;

struct NyxTestdevRun {
    struct rcu_head rcu;
    NyxTestdevState *s;    /* referenced */
    AddressSpace as;
    NyxTestdevPort port;
    NyxTestdevReq req;
    uint32_t pattern;
    uint32_t flags;
    uint32_t slots;
    uint32_t vector;
    uint64_t stride;
    uint64_t count;
    uint64_t seed;
    int64_t time_ns;
    unsigned threads;
    bool discard;          /* results are not wanted any more */
    unsigned waited_us;    /* for its threads to end */
    QEMUBH *bh;
    QemuEvent go;
    int live;              /* threads that have not ended, atomic */
    bool stop;             /* atomic */
    Worker *worker;
};

/* Worker threads */

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static uint64_t next_addr(Worker *w)
{
    const NyxTestdevRun *run = w->run;
    uint32_t slot = 0;

    if (run->pattern == NYX_TD_PATTERN_STRIDE) {
        slot = w->slot;
        w->slot = slot + 1 < run->slots ? slot + 1 : 0;
    } else if (run->pattern == NYX_TD_PATTERN_RANDOM) {
        slot = (next_random(&w->rng) >> 32) * run->slots >> 32;
    }
    return w->base + slot * run->stride;
}

static void note_failure(Worker *w, uint32_t status)
{
    NyxTestdevRun *run = w->run;

    if (!w->errors) {
        w->err_status = status;
        w->err_addr = w->req.addr;
    }
    qatomic_set(&w->errors, w->errors + 1);
    if (run->flags & NYX_TD_RUN_F_STOP_ON_ERROR) {
        qatomic_set(&run->stop, true);
    }
}

static void worker_loop(Worker *w)
{
    NyxTestdevRun *run = w->run;
    int64_t deadline = w->begin + run->time_ns;
    uint64_t ops;

    for (ops = 0; ops < run->count; ops++) {
        NyxTestdevResult res = { 0 };

        if (qatomic_read(&run->stop)) {
            w->why = END_STOPPED;
            break;
        }
        if (ops % CLOCK_INTERVAL == 0) {
            /* Who sees the count finds what the requests did. */
            smp_mb_release();
            qatomic_set(&w->ops, ops);
            if (get_clock() > deadline) {
                w->why = END_TIMEOUT;
                break;
            }
        }
        w->req.addr = next_addr(w);
        nyx_testdev_perform(&run->port, &w->req, w->buf, &res);
        if (res.status != NYX_TD_ST_OK) {
            note_failure(w, res.status);
        }
    }
    qatomic_set(&w->ops, ops);
}

static void *worker_thread(void *opaque)
{
    Worker *w = opaque;
    NyxTestdevRun *run = w->run;

    rcu_register_thread();
    qemu_event_wait(&run->go);
    w->begin = get_clock();
    worker_loop(w);
    w->end = get_clock();
    rcu_unregister_thread();
    if (qatomic_fetch_dec(&run->live) == 1) {
        qemu_bh_schedule(run->bh);
    }
    return NULL;
}

/*
 * Signals are for QEMU's own threads.  Not qemu_thread_create(), which aborts
 * where no thread can be had.
 */
static GThread *worker_spawn(Worker *w)
{
    sigset_t set;
    sigset_t old_set;
    GThread *thread;

    sigfillset(&set);
    sigdelset(&set, SIGSEGV);
    sigdelset(&set, SIGBUS);
    sigdelset(&set, SIGFPE);
    sigdelset(&set, SIGILL);
    pthread_sigmask(SIG_SETMASK, &set, &old_set);
    thread = g_thread_try_new("nyx-testdev", worker_thread, w, NULL);
    pthread_sigmask(SIG_SETMASK, &old_set, NULL);
    return thread;
}

/* Results, under the big lock */

static void store_totals(NyxTestdevRun *run)
{
    NyxTestdevState *s = run->s;
    int64_t begin = INT64_MAX;
    int64_t end = INT64_MIN;
    uint32_t status = NYX_TD_RUN_ST_DONE;

    memset(s->run_result, 0, sizeof(s->run_result));
    for (int t = run->threads - 1; t >= 0; t--) {
        Worker *w = &run->worker[t];

        s->run_result[t] = (NyxTestdevRunResult) {
            .ns = w->end - w->begin,
            .ops = w->ops,
            .errors = w->errors,
        };
        begin = MIN(begin, w->begin);
        end = MAX(end, w->end);
        if (w->why == END_STOPPED) {
            status |= NYX_TD_RUN_ST_STOPPED;
        } else if (w->why == END_TIMEOUT) {
            status |= NYX_TD_RUN_ST_TIMEOUT;
        }
        if (w->errors) {
            status |= NYX_TD_RUN_ST_ERRORS;
            nyx_testdev_reg_set64(s, NYX_TD_RUN_ERR_ADDR, w->err_addr);
            nyx_testdev_reg_set(s, NYX_TD_RUN_ERR_STATUS, w->err_status);
        }
    }
    nyx_testdev_reg_set64(s, NYX_TD_RUN_ELAPSED, end - begin);
    nyx_testdev_reg_set(s, NYX_TD_RUN_STATUS, status);
}

/* Join the threads, all of which have ended or were never let go. */
static void run_join(NyxTestdevRun *run)
{
    for (unsigned t = 0; t < run->threads; t++) {
        if (run->worker[t].thread) {
            g_thread_join(run->worker[t].thread);
        }
        g_free(run->worker[t].buf);
    }
}

static void run_free(NyxTestdevRun *run)
{
    NyxTestdevState *s = run->s;

    s->run = NULL;
    qemu_bh_delete(run->bh);
    qemu_event_destroy(&run->go);
    qemu_vfree(run->worker);
    if (run->port.who.bus) {
        object_unref(OBJECT(run->port.who.bus));
    }
    address_space_destroy(&run->as);
    g_free_rcu(run, rcu);
    object_unref(OBJECT(s));
}

/* No thread is left: take the results over. */
static void run_finish(NyxTestdevRun *run)
{
    NyxTestdevState *s = run->s;
    bool irq = run->flags & NYX_TD_RUN_F_IRQ;
    bool discard = run->discard;
    uint32_t vector = run->vector;

    run_join(run);
    if (!discard) {
        store_totals(run);
    }
    object_ref(OBJECT(s));
    run_free(run);
    if (irq && !discard) {
        nyx_testdev_reg_set(s, NYX_TD_IRQ_STATUS, nyx_testdev_irq(s, vector));
    }
    object_unref(OBJECT(s));
}

static void run_bh(void *opaque)
{
    run_finish(opaque);
}

/* Starting */

/* Where the last byte of the run is; false if that is beyond 2^64. */
static bool run_span_fits(const NyxTestdevRun *run)
{
    uint64_t ranges = run->flags & NYX_TD_RUN_F_DISJOINT ? run->threads : 1;
    uint64_t span;

    /* At most 2^32 slots for each of 16 threads */
    return !umul64_overflow(run->stride, ranges * run->slots - 1, &span) &&
           !uadd64_overflow(run->req.addr, span, &span) &&
           !uadd64_overflow(span, MAX(run->req.len, 1) - 1, &span);
}

static uint32_t run_check(const NyxTestdevRun *run)
{
    uint32_t status = nyx_testdev_check(&run->req);

    if (status != NYX_TD_ST_OK) {
        return status;
    }
    if (run->req.op == NYX_TD_OP_VERIFY) {
        return NYX_TD_ST_BAD_OP;
    }
    if (!run->threads || run->threads > NYX_TD_MAX_THREADS_VALUE ||
        !run->slots || !run->count || run->count > NYX_TD_MAX_COUNT ||
        run->pattern > NYX_TD_PATTERN_RANDOM || run->time_ns <= 0 ||
        run->time_ns > NYX_TD_MAX_TIME_MS * (int64_t)SCALE_MS ||
        !run_span_fits(run)) {
        return NYX_TD_ST_BAD_RANGE;
    }
    /* Then every address is as aligned as the first. */
    if (run->req.op >= NYX_TD_OP_FETCH_ADD && run->req.op <= NYX_TD_OP_CAS &&
        run->stride % run->req.len) {
        return NYX_TD_ST_MISALIGNED;
    }
    return NYX_TD_ST_OK;
}

static NyxTestdevRun *run_from_regs(NyxTestdevState *s)
{
    NyxTestdevRun *run = g_new0(NyxTestdevRun, 1);

    run->s = s;
    run->req = (NyxTestdevReq) {
        .op = nyx_testdev_reg_get(s, NYX_TD_RUN_OP),
        .attr = nyx_testdev_reg_get(s, NYX_TD_RUN_ATTR),
        .pasid = nyx_testdev_reg_get(s, NYX_TD_RUN_PASID),
        .len = nyx_testdev_reg_get(s, NYX_TD_RUN_LEN),
        .addr = nyx_testdev_reg_get64(s, NYX_TD_RUN_BASE),
        .operand = nyx_testdev_reg_get64(s, NYX_TD_DMA_OPERAND),
        .compare = nyx_testdev_reg_get64(s, NYX_TD_DMA_COMPARE),
    };
    run->threads = nyx_testdev_reg_get(s, NYX_TD_RUN_THREADS);
    run->pattern = nyx_testdev_reg_get(s, NYX_TD_RUN_PATTERN);
    run->flags = nyx_testdev_reg_get(s, NYX_TD_RUN_FLAGS);
    run->slots = nyx_testdev_reg_get(s, NYX_TD_RUN_SLOTS);
    run->vector = nyx_testdev_reg_get(s, NYX_TD_RUN_VECTOR);
    run->stride = nyx_testdev_reg_get64(s, NYX_TD_RUN_STRIDE);
    run->count = nyx_testdev_reg_get64(s, NYX_TD_RUN_COUNT);
    run->seed = nyx_testdev_reg_get64(s, NYX_TD_RUN_SEED);
    run->time_ns = nyx_testdev_reg_get(s, NYX_TD_RUN_TIME_MS) *
                   (int64_t)SCALE_MS;
    return run;
}

/* Give the run what its threads need and nothing of which goes away. */
static void run_prepare(NyxTestdevRun *run)
{
    NyxTestdevState *s = run->s;
    PCIDevice *pdev = PCI_DEVICE(s);

    object_ref(OBJECT(s));
    run->port = nyx_testdev_port(s, run->req.attr);
    if (run->port.who.bus) {
        object_ref(OBJECT(run->port.who.bus));
    }
    address_space_init(&run->as,
                       run->flags & NYX_TD_RUN_F_FLOOR
                       ? MEMORY_REGION(&s->floor)
                       : &pdev->bus_master_container_region,
                       "nyx-testdev-run");
    run->port.as = &run->as;
    /* A thread that touched a device would need the big lock. */
    run->port.attrs.memory = 1;
    run->bh = qemu_bh_new_guarded(run_bh, run,
                                  &DEVICE(s)->mem_reentrancy_guard);
    qemu_event_init(&run->go, false);
    run->worker = qemu_memalign(__alignof__(Worker),
                                run->threads * sizeof(Worker));
    memset(run->worker, 0, run->threads * sizeof(Worker));
}

static bool run_spawn(NyxTestdevRun *run)
{
    for (unsigned t = 0; t < run->threads; t++) {
        Worker *w = &run->worker[t];

        w->run = run;
        w->req = run->req;
        w->base = run->req.addr;
        if (run->flags & NYX_TD_RUN_F_DISJOINT) {
            w->base += (uint64_t)t * run->slots * run->stride;
        }
        w->rng = run->seed + t;
        w->buf = g_malloc(NYX_TD_MAX_LEN_VALUE);
        nyx_testdev_fill(w->buf, NYX_TD_MAX_LEN_VALUE, run->req.operand);
        qatomic_inc(&run->live);
        w->thread = worker_spawn(w);
        if (!w->thread) {
            qatomic_dec(&run->live);
            return false;
        }
    }
    return true;
}

static void run_clear_results(NyxTestdevState *s)
{
    memset(s->run_result, 0, sizeof(s->run_result));
    nyx_testdev_reg_set64(s, NYX_TD_RUN_ELAPSED, 0);
    nyx_testdev_reg_set64(s, NYX_TD_RUN_ERR_ADDR, 0);
    nyx_testdev_reg_set(s, NYX_TD_RUN_ERR_STATUS, NYX_TD_ST_OK);
    nyx_testdev_reg_set(s, NYX_TD_RUN_STATUS, 0);
}

static void run_refuse(NyxTestdevState *s, uint32_t status)
{
    qemu_log_mask(LOG_GUEST_ERROR, "nyx-testdev: run refused, code %u\n",
                  status);
    nyx_testdev_reg_set(s, NYX_TD_RUN_STATUS, NYX_TD_RUN_ST_REFUSED |
                        status << NYX_TD_RUN_ST_CODE_SHIFT);
}

static void run_start_busy(NyxTestdevState *s)
{
    if (s->run->discard) {
        run_refuse(s, NYX_TD_ST_BUSY);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "nyx-testdev: run in progress\n");
    }
}

void nyx_testdev_run_start(NyxTestdevState *s)
{
    NyxTestdevRun *run;
    uint32_t status;

    if (s->run) {
        run_start_busy(s);
        return;
    }
    run_clear_results(s);
    run = run_from_regs(s);
    status = run_check(run);
    if (status == NYX_TD_ST_OK && !qatomic_read(&s->master)) {
        status = NYX_TD_ST_NO_MASTER;
    }
    if (status != NYX_TD_ST_OK) {
        run_refuse(s, status);
        g_free(run);
        return;
    }
    run_prepare(run);
    s->run = run;
    if (!run_spawn(run)) {
        /* Those that exist end at once; the bottom half is not needed. */
        run_refuse(s, NYX_TD_ST_NO_THREAD);
        run->discard = true;
        qatomic_set(&run->stop, true);
        qemu_event_set(&run->go);
        run_finish(run);
        return;
    }
    qemu_event_set(&run->go);
}

/* Stopping */

void nyx_testdev_run_stop(NyxTestdevState *s)
{
    if (s->run) {
        qatomic_set(&s->run->stop, true);
    }
}

bool nyx_testdev_run_quiesce(NyxTestdevState *s)
{
    NyxTestdevRun *run = s->run;

    if (!run) {
        return true;
    }
    qatomic_set(&run->stop, true);
    while (qatomic_read(&run->live) && run->waited_us < CANCEL_WAIT_US) {
        g_usleep(CANCEL_STEP_US);
        run->waited_us += CANCEL_STEP_US;
    }
    return !qatomic_read(&run->live);
}

void nyx_testdev_run_cancel(NyxTestdevState *s, bool discard)
{
    if (!s->run) {
        return;
    }
    s->run->discard |= discard;
    if (nyx_testdev_run_quiesce(s)) {
        run_finish(s->run);
    }
}

uint32_t nyx_testdev_run_status(NyxTestdevState *s)
{
    if (s->run && !s->run->discard) {
        return NYX_TD_RUN_ST_BUSY;
    }
    return nyx_testdev_reg_get(s, NYX_TD_RUN_STATUS);
}

NyxTestdevRunResult nyx_testdev_run_of_thread(NyxTestdevState *s, unsigned t)
{
    NyxTestdevRun *run = s->run;

    /* While a run is busy, run_result[] is zero. */
    if (!run || run->discard || t >= run->threads) {
        return s->run_result[t];
    }
    return (NyxTestdevRunResult) {
        .ops = qatomic_read(&run->worker[t].ops),
        .errors = qatomic_read(&run->worker[t].errors),
    };
}

NyxTestdevRunResult nyx_testdev_run_totals(NyxTestdevState *s)
{
    NyxTestdevRunResult sum = { 0 };

    for (unsigned t = 0; t < NYX_TD_MAX_THREADS_VALUE; t++) {
        NyxTestdevRunResult part = nyx_testdev_run_of_thread(s, t);

        sum.ops += part.ops;
        sum.errors += part.errors;
    }
    return sum;
}
