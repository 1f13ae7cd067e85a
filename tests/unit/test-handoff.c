/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records from any thread to one: order, the bound, what is lost.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/handoff.h"

#define ROOM 8
#define THREADS 4
#define EACH 20000

typedef struct Record {
    unsigned thread;
    unsigned number;
} Record;

static void test_order(void)
{
    NyxHandoff h;
    Record out[ROOM];
    bool first, lost;

    nyx_handoff_init(&h, sizeof(Record), ROOM);
    g_assert_false(nyx_handoff_pending(&h));
    g_assert_cmpuint(nyx_handoff_take(&h, out, &lost), ==, 0);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_true(nyx_handoff_put(&h, &(Record) { 7, i }, &first));
        g_assert_cmpint(first, ==, i == 0);
    }
    g_assert_true(nyx_handoff_pending(&h));
    g_assert_cmpuint(nyx_handoff_take(&h, out, &lost), ==, 3);
    g_assert_false(lost);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(out[i].thread, ==, 7);
        g_assert_cmpuint(out[i].number, ==, i);
    }
    g_assert_false(nyx_handoff_pending(&h));
    /* Whoever comes next has to call again. */
    g_assert_true(nyx_handoff_put(&h, out, &first));
    g_assert_true(first);
    nyx_handoff_destroy(&h);
}

static void test_full(void)
{
    NyxHandoff h;
    Record out[ROOM];
    bool first, lost;

    nyx_handoff_init(&h, sizeof(Record), ROOM);
    for (unsigned i = 0; i < ROOM; i++) {
        g_assert_true(nyx_handoff_put(&h, &(Record) { 0, i }, &first));
    }
    g_assert_false(nyx_handoff_put(&h, &(Record) { 0, ROOM }, &first));
    g_assert_cmpuint(nyx_handoff_take(&h, out, &lost), ==, ROOM);
    g_assert_true(lost);
    g_assert_cmpuint(out[ROOM - 1].number, ==, ROOM - 1);
    /* It is told once. */
    g_assert_true(nyx_handoff_put(&h, out, &first));
    g_assert_cmpuint(nyx_handoff_take(&h, out, &lost), ==, 1);
    g_assert_false(lost);
    /* And not at all of one that nobody misses. */
    for (unsigned i = 0; i < ROOM; i++) {
        g_assert_true(nyx_handoff_offer(&h, &(Record) { 0, i }, &first));
    }
    g_assert_false(nyx_handoff_offer(&h, &(Record) { 0, ROOM }, &first));
    g_assert_cmpuint(nyx_handoff_take(&h, out, &lost), ==, ROOM);
    g_assert_false(lost);
    nyx_handoff_destroy(&h);
}

typedef struct Writer {
    NyxHandoff *h;
    unsigned thread;
    unsigned placed;
} Writer;

static gpointer write_many(gpointer data)
{
    Writer *w = data;
    bool first;

    for (unsigned i = 0; i < EACH; i++) {
        w->placed += nyx_handoff_put(w->h, &(Record) { w->thread, i }, &first);
    }
    return NULL;
}

/* Each thread's records come in order, and all that were placed come. */
static void test_threads(void)
{
    NyxHandoff h;
    Writer writers[THREADS] = { };
    GThread *threads[THREADS];
    unsigned next[THREADS] = { }, taken = 0, placed = 0, len;
    Record out[ROOM];
    bool lost, running = true;

    nyx_handoff_init(&h, sizeof(Record), ROOM);
    for (unsigned i = 0; i < THREADS; i++) {
        writers[i] = (Writer) { .h = &h, .thread = i };
        threads[i] = g_thread_new("writer", write_many, &writers[i]);
    }
    while (running || nyx_handoff_pending(&h)) {
        len = nyx_handoff_take(&h, out, &lost);
        for (unsigned i = 0; i < len; i++) {
            g_assert_cmpuint(out[i].number, >=, next[out[i].thread]);
            next[out[i].thread] = out[i].number + 1;
        }
        taken += len;
        if (taken >= ROOM && running) {
            for (unsigned i = 0; i < THREADS; i++) {
                g_thread_join(threads[i]);
                placed += writers[i].placed;
            }
            running = false;
        }
    }
    g_assert_cmpuint(taken, ==, placed);
    nyx_handoff_destroy(&h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/handoff/order", test_order);
    g_test_add_func("/handoff/full", test_full);
    g_test_add_func("/handoff/threads", test_threads);
    return g_test_run();
}
