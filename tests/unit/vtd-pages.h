/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A unit in scalable mode with a page request queue, for the tests of page
 * requests.
 */
#ifndef TESTS_UNIT_VTD_PAGES_H
#define TESTS_UNIT_VTD_PAGES_H

#include "vtd-scalable.h"

#define PQH   0x0c0
#define PQT   0x0c8
#define PQA   0x0d0
#define PRS   0x0dc
#define PECTL 0x0e0
#define FSTS  0x034

#define PPR 1
#define PRO 2

/* Response codes */
#define SUCCESS 0
#define INVALID 1
#define FAILURE 15

/* The last of group 5 wants to read and write. */
#define PLAIN                                                               \
    { .type = NYX_REQ_PAGE, .access = FX_RW, .iova = SC_IOVA, .pasid = 1,   \
      .has_pasid = true, .last = true, .group = 5 }
/* What that is in the queue. */
#define PLAIN_LO 0x0000000100100101ULL

typedef struct PageScene {
    SmScene sm;
    Fx *f;
    uint64_t queue;
} PageScene;

static inline void queue_start(PageScene *s, unsigned pqs)
{
    s->queue = fx_mem_pages(&s->f->mem, 1u << pqs);
    fx_write64(s->f, PQH, 0);
    fx_write64(s->f, PQT, 0);
    fx_write64(s->f, PQA, s->queue | pqs);
    fx_write32(s->f, PECTL + 4, 0x4051);
    fx_write32(s->f, PECTL + 8, 0xfee01000);
    fx_write32(s->f, PECTL + 12, 0x300);
    fx_write32(s->f, PECTL, 0);
}

static inline void init(PageScene *s, unsigned pqs)
{
    sc_init(&s->sm, NULL);
    s->f = s->sm.f;
    queue_start(s, pqs);
    fx_forget(s->f);
}

static inline void fini(PageScene *s)
{
    sc_free(&s->sm);
}

static inline bool ask(PageScene *s, const NyxRequest *req)
{
    return nyx_vtd_page_request(s->f->r, FX_SID, req);
}

static inline uint64_t word(PageScene *s, uint64_t offset)
{
    return fx_mem_peek(&s->f->mem, s->queue + offset);
}

/* The unit has answered @n times itself, each time @code. */
static inline void check_own(const char *row, PageScene *s, unsigned n,
                             unsigned code)
{
    const NyxVtdPageResponse *r = (void *)s->f->responses->data;

    FX_CHECK(row, s->f->responses->len, n);
    for (unsigned i = 0; i < n && i < s->f->responses->len; i++) {
        FX_CHECK(row, r[i].code, code);
        FX_CHECK(row, r[i].sid, FX_SID);
        FX_CHECK(row, r[i].group, 5);
    }
    FX_CHECK(row, nyx_vtd_stats(s->f->vtd).page_responses_own, n);
}

static inline void check_taken(const char *row, PageScene *s,
                               const NyxRequest *req)
{
    uint64_t tail = fx_read64(s->f, PQT);

    ask(s, req);
    FX_CHECK(row, fx_read64(s->f, PQT), tail + 32);
    FX_CHECK(row, fx_take_code(s->f), 0);
    fx_write32(s->f, PRS, PPR);
}

#endif
