/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fake machines around the models share: checks, guest memory.
 */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include "hw/nyx-iommu/mem.h"
#include "hw/nyx-iommu/request.h"

/* --- Checks that go on, and name the row they failed in ------------------- */

void fx_check_failed(const char *file, int line, const char *row,
                     const char *what, uint64_t got, uint64_t want);

/* @row: which row of the test's table, or NULL. */
#define FX_CHECK(row, got, want)                                            \
    do {                                                                    \
        uint64_t got_ = (got), want_ = (want);                              \
        if (got_ != want_) {                                                \
            fx_check_failed(__FILE__, __LINE__, row, #got, got_, want_);    \
        }                                                                   \
    } while (0)

/* --- Guest memory --------------------------------------------------------- */

#define FX_MEM_SIZE (256 * 1024 * 1024ULL)

typedef struct FxMem {
    NyxMem ops;
    uint8_t *bytes;          /* guest-physical address 0 and on */
    uint64_t next_page;
    uint64_t hole_first;     /* an access that touches the hole fails */
    uint64_t hole_last;      /* below hole_first: no hole */
    uint64_t reads;          /* atomic */
    uint64_t writes;
    /* When set, called once a read has its data; other things may happen. */
    void (*on_read)(void *opaque, uint64_t gpa);
    void *on_read_opaque;
    /* The same, before a compare-and-swap. */
    void (*on_cmpxchg)(void *opaque, uint64_t gpa);
    void *on_cmpxchg_opaque;
    /* The same, before a write. */
    void (*on_write)(void *opaque, uint64_t gpa);
    void *on_write_opaque;
} FxMem;

void fx_mem_init(FxMem *mem);
void fx_mem_destroy(FxMem *mem);
/* Forget all allocations and contents of the pages handed out. */
void fx_mem_reset(FxMem *mem);
/* @n new pages in a row, zeroed, aligned to their (power of two) number. */
uint64_t fx_mem_pages(FxMem *mem, unsigned n);
void fx_mem_hole(FxMem *mem, uint64_t first, uint64_t last);
void fx_mem_no_hole(FxMem *mem);
uint64_t fx_mem_peek(FxMem *mem, uint64_t gpa);
void fx_mem_poke(FxMem *mem, uint64_t gpa, uint64_t value);

/* --- Requests and messages ------------------------------------------------ */

/* Access bits, short; 1 and 2 are also R and W of a paging entry. */
#define FX_R NYX_ACCESS_READ
#define FX_W NYX_ACCESS_WRITE
#define FX_RW NYX_ACCESS_RW

typedef struct FxMessage {
    uint64_t addr;
    uint32_t data;
} FxMessage;

#endif
