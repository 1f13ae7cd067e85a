/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of the driver in the middle of a translation, made by hand: they
 * come just before the look-up has the domain's lock, or just after it has
 * given it back.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define PAGE 0x1000ULL
#define OLD  0x90000ULL
#define NEW  0x50000ULL

int __real_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int __real_pthread_rwlock_unlock(pthread_rwlock_t *lock);
int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *lock);

/* Called for the next look-up only, unless it sets itself again. */
static void (*before_lock)(Vx *f);
static void (*after_unlock)(Vx *f);
static Vx *hooked;
static bool looking;         /* it has the lock for reading */
static unsigned moves;

int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    void (*hook)(Vx *f) = before_lock;

    if (hook) {
        before_lock = NULL;
        hook(hooked);
    }
    looking = true;
    return __real_pthread_rwlock_rdlock(lock);
}

int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    int result = __real_pthread_rwlock_unlock(lock);
    void (*hook)(Vx *f) = looking ? after_unlock : NULL;

    looking = false;
    if (hook) {
        after_unlock = NULL;
        hook(hooked);
    }
    return result;
}

/* --- What happens meanwhile ----------------------------------------------- */

static void unmap(Vx *f)
{
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0, PAGE - 1), ==, VX_OK);
}

static void unmap_all(Vx *f)
{
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0, UINT64_MAX), ==, VX_OK);
}

static void map_anew(Vx *f)
{
    unmap(f);
    g_assert_cmpuint(vx_map(f, VX_DOMAIN, 0, PAGE - 1, NEW, FX_R), ==,
                     VX_OK);
}

/* A new domain in the same place, where another endpoint is. */
static void another_in_its_place(Vx *f)
{
    vx_set_bypass(f, false);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
    g_assert_cmpuint(vx_attach(f, 8, VX_OTHER), ==, VX_OK);
    g_assert_cmpuint(vx_map(f, 8, 0, PAGE - 1, NEW, FX_R), ==, VX_OK);
}

static void detach(Vx *f)
{
    vx_set_bypass(f, false);
    g_assert_cmpuint(vx_detach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
}

/* Away and back, to nothing. */
static void attach_anew(Vx *f)
{
    detach(f);
    g_assert_cmpuint(vx_attach(f, VX_DOMAIN, VX_SID), ==, VX_OK);
}

static void move_to_other(Vx *f)
{
    g_assert_cmpuint(vx_attach(f, 8, VX_OTHER), ==, VX_OK);
    g_assert_cmpuint(vx_map(f, 8, 0, PAGE - 1, NEW, FX_R), ==, VX_OK);
    g_assert_cmpuint(vx_attach(f, 8, VX_SID), ==, VX_OK);
}

static void to_bypass(Vx *f)
{
    g_assert_cmpuint(vx_attach_bypass(f, 9, VX_SID), ==, VX_OK);
}

static void reset(Vx *f)
{
    vx_set_bypass(f, false);
    nyx_vio_device_reset(f->vio);
}

/* --- What comes of it ----------------------------------------------------- */

typedef struct Row {
    const char *name;
    void (*change)(Vx *f);
    uint64_t before;         /* where the request goes, if it comes before */
    uint64_t later;          /* where all later ones go */
} Row;

static const Row rows[] = {
    { "unmap", unmap, VX_REFUSED, VX_REFUSED },
    { "unmap-all", unmap_all, VX_REFUSED, VX_REFUSED },
    { "map-anew", map_anew, NEW, NEW },
    { "detach", detach, VX_REFUSED, VX_REFUSED },
    { "another-in-its-place", another_in_its_place, VX_REFUSED, VX_REFUSED },
    { "attach-anew", attach_anew, VX_REFUSED, VX_REFUSED },
    { "move", move_to_other, NEW, NEW },
    { "to-bypass", to_bypass, 0, 0 },
    { "reset", reset, VX_REFUSED, VX_REFUSED },
};

static Vx *prepared(void)
{
    Vx *f = vx_new_attached(NULL);

    vx_map(f, VX_DOMAIN, 0, PAGE - 1, OLD, FX_R);
    hooked = f;
    return f;
}

/* What comes before the look-up is what it finds. */
static void test_before(gconstpointer data)
{
    const Row *row = data;
    Vx *f = prepared();

    before_lock = row->change;
    FX_CHECK(row->name, vx_dma(f, FX_R, 0), row->before);
    g_assert_null(before_lock);
    FX_CHECK(row->name, vx_dma(f, FX_R, 0), row->later);
    vx_free(f);
}

/* Behind it only later requests have to know, whatever is cached. */
static void test_after(gconstpointer data)
{
    const Row *row = data;
    Vx *f = prepared();

    after_unlock = row->change;
    FX_CHECK(row->name, vx_dma(f, FX_R, 0), OLD);
    g_assert_null(after_unlock);
    FX_CHECK(row->name, vx_dma(f, FX_R, 0), row->later);
    FX_CHECK(row->name, vx_dma(f, FX_R, 0), row->later);
    /* Back in the old place, if there is one. */
    if (row->change == to_bypass || row->change == move_to_other) {
        vx_attach(f, VX_DOMAIN, VX_SID);
        FX_CHECK(row->name, vx_dma(f, FX_R, 0), VX_REFUSED);
    }
    vx_free(f);
}

/* The same for a translation that the endpoint keeps: it is told to drop it. */
static void test_device_tlb(gconstpointer data)
{
    const Row *row = data;
    Vx *f = prepared();

    after_unlock = row->change;
    g_assert_cmphex(vx_request(f, NYX_REQ_TRANSLATION, FX_R, 0).addr, ==,
                    OLD);
    g_assert_null(after_unlock);
    g_assert_cmpuint(f->devtlb->len, >, 0);
    vx_free(f);
}

/* The endpoint is elsewhere each time that somebody looks. */
static void never_there(Vx *f)
{
    before_lock = never_there;
    g_assert_cmpuint(vx_attach(f, 8 + moves++ % 2, VX_SID), ==, VX_OK);
}

static void test_busy(void)
{
    Vx *f = prepared();
    VxEvent event;

    before_lock = never_there;
    g_assert_cmphex(vx_dma(f, FX_W, 0x123), ==, VX_REFUSED);
    before_lock = NULL;
    g_assert_cmpuint(moves, >, 1);
    g_assert_cmpuint(moves, <=, 1000);
    event = vx_take_event(f);
    g_assert_cmpuint(event.reason, ==, 0);
    g_assert_cmphex(event.addr, ==, 0x123);
    g_assert_cmphex(event.flags, ==, VX_EVENT_ADDRESS | VX_EVENT_WRITE);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_BUSY), ==,
                     1);
    vx_free(f);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(gconstpointer data);
    } places[] = {
        { "before", test_before },
        { "after", test_after },
        { "device-tlb", test_device_tlb },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(places) * ARRAY_SIZE(rows); i++) {
        const Row *row = &rows[i % ARRAY_SIZE(rows)];
        unsigned n = i / ARRAY_SIZE(rows);
        g_autofree char *path =
            g_strdup_printf("/nyx-virtio/interleave/%s/%s", places[n].name,
                            row->name);

        g_test_add_data_func(path, row, places[n].test);
    }
    g_test_add_func("/nyx-virtio/interleave/busy", test_busy);
    return g_test_run();
}
