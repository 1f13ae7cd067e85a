/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks and guest memory of fixture.h.
 */
#include "qemu/osdep.h"
#include <sys/mman.h>
#include "fixture.h"

#define PAGE 4096ULL

/* --- Checks --------------------------------------------------------------- */

#define CHECKS_SHOWN 30

void fx_check_failed(const char *file, int line, const char *row,
                     const char *what, uint64_t got, uint64_t want)
{
    static unsigned shown;

    g_test_fail();
    if (shown++ < CHECKS_SHOWN) {
        g_test_message("%s:%d: %s%s%s is 0x%" PRIx64 ", expected 0x%" PRIx64,
                       file, line, row ? row : "", row ? ": " : "", what,
                       got, want);
    }
}

/* --- Guest memory --------------------------------------------------------- */

static bool mem_reachable(const FxMem *mem, uint64_t gpa, size_t len)
{
    uint64_t last = gpa + len - 1;

    return last >= gpa && last < FX_MEM_SIZE &&
           (mem->hole_first > mem->hole_last ||
            gpa > mem->hole_last || last < mem->hole_first);
}

/* Aligned quadwords are read at once, as a memory controller does. */
static bool mem_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
    FxMem *mem = opaque;
    uint64_t *words = buf;

    __atomic_fetch_add(&mem->reads, 1, __ATOMIC_RELAXED);
    if (!mem_reachable(mem, gpa, len)) {
        return false;
    }
    if (gpa % 8 || len % 8) {
        memcpy(buf, mem->bytes + gpa, len);
    } else {
        for (size_t i = 0; i < len / 8; i++) {
            words[i] = __atomic_load_n((uint64_t *)(mem->bytes + gpa) + i,
                                       __ATOMIC_ACQUIRE);
        }
    }
    if (mem->on_read) {
        mem->on_read(mem->on_read_opaque, gpa);
    }
    return true;
}

static bool mem_write(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
    FxMem *mem = opaque;

    if (!mem_reachable(mem, gpa, len)) {
        return false;
    }
    if (mem->on_write) {
        mem->on_write(mem->on_write_opaque, gpa);
    }
    mem->writes++;
    memcpy(mem->bytes + gpa, buf, len);
    return true;
}

static bool mem_cmpxchg64(void *opaque, uint64_t gpa, uint64_t *expected,
                          uint64_t desired)
{
    FxMem *mem = opaque;

    if (!mem_reachable(mem, gpa, 8)) {
        return false;
    }
    if (mem->on_cmpxchg) {
        mem->on_cmpxchg(mem->on_cmpxchg_opaque, gpa);
    }
    __atomic_compare_exchange_n((uint64_t *)(mem->bytes + gpa), expected,
                                desired, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    return true;
}

void fx_mem_init(FxMem *mem)
{
    *mem = (FxMem) {
        .ops = { mem_read, mem_write, mem_cmpxchg64, mem },
        .bytes = mmap(NULL, FX_MEM_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
        .next_page = PAGE,
        .hole_first = 1,
    };
    g_assert_true(mem->bytes != MAP_FAILED);
}

void fx_mem_destroy(FxMem *mem)
{
    munmap(mem->bytes, FX_MEM_SIZE);
}

void fx_mem_reset(FxMem *mem)
{
    memset(mem->bytes, 0, mem->next_page);
    mem->next_page = PAGE;
}

uint64_t fx_mem_pages(FxMem *mem, unsigned n)
{
    uint64_t gpa = ROUND_UP(mem->next_page, n * PAGE);

    mem->next_page = gpa + n * PAGE;
    g_assert_cmpuint(mem->next_page, <=, FX_MEM_SIZE);
    return gpa;
}

void fx_mem_hole(FxMem *mem, uint64_t first, uint64_t last)
{
    mem->hole_first = first;
    mem->hole_last = last;
}

void fx_mem_no_hole(FxMem *mem)
{
    fx_mem_hole(mem, 1, 0);
}

uint64_t fx_mem_peek(FxMem *mem, uint64_t gpa)
{
    g_assert_cmphex(gpa + 8, <=, FX_MEM_SIZE);
    return le64_to_cpu(__atomic_load_n((uint64_t *)(mem->bytes + gpa),
                                       __ATOMIC_ACQUIRE));
}

void fx_mem_poke(FxMem *mem, uint64_t gpa, uint64_t value)
{
    g_assert_cmphex(gpa + 8, <=, FX_MEM_SIZE);
    __atomic_store_n((uint64_t *)(mem->bytes + gpa), cpu_to_le64(value),
                     __ATOMIC_RELEASE);
}
