/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives nyx-vtd from a qtest as a driver would: handshakes, tables, the
 * queue, fault records.  Bits are typed from the specification, not taken
 * from the model.  What comes back is the test's to judge.
 */
#ifndef TESTS_LIBQOS_NYX_VTD_H
#define TESTS_LIBQOS_NYX_VTD_H

#include "libqos/nyx-pc.h"

#define QVTD_BASE       0xfed90000ull

#define QVTD_VER        0x000
#define QVTD_CAP        0x008
#define QVTD_ECAP       0x010
#define QVTD_GCMD       0x018
#define QVTD_GSTS       0x01c
#define QVTD_RTADDR     0x020
#define QVTD_CCMD       0x028
#define QVTD_FSTS       0x034
#define QVTD_FECTL      0x038
#define QVTD_FEDATA     0x03c
#define QVTD_FEADDR     0x040
#define QVTD_FEUADDR    0x044
#define QVTD_PMEN       0x064
#define QVTD_PLMBASE    0x068
#define QVTD_PLMLIMIT   0x06c
#define QVTD_PHMBASE    0x070
#define QVTD_PHMLIMIT   0x078
#define QVTD_IQH        0x080
#define QVTD_IQT        0x088
#define QVTD_IQA        0x090
#define QVTD_ICS        0x09c
#define QVTD_IECTL      0x0a0
#define QVTD_IEDATA     0x0a4
#define QVTD_IEADDR     0x0a8
#define QVTD_IEUADDR    0x0ac
#define QVTD_IQERCD     0x0b0
#define QVTD_IRTA       0x0b8
#define QVTD_PQH        0x0c0
#define QVTD_PQT        0x0c8
#define QVTD_PQA        0x0d0
#define QVTD_PRS        0x0dc
#define QVTD_PECTL      0x0e0
#define QVTD_FRCD       0x400
#define QVTD_IVA        0x500
#define QVTD_IOTLB      0x508

/* Bit numbers of GCMD and GSTS */
enum {
    QVTD_CFI = 23,
    QVTD_SIRTP,
    QVTD_IRE,
    QVTD_QIE,
    QVTD_WBF,
    QVTD_EAFL,
    QVTD_SFL,
    QVTD_SRTP,
    QVTD_TE,
};

/* Bits of FSTS */
#define QVTD_FSTS_PFO   0x01
#define QVTD_FSTS_PPF   0x02
#define QVTD_FSTS_IQE   0x10
#define QVTD_FSTS_ICE   0x20
#define QVTD_FSTS_ITE   0x40

typedef struct QVtd {
    NyxPc *pc;
    QTestState *qts;
    uint64_t base;           /* of the registers */
    const char *path;        /* of what the unit tells about itself */
    uint64_t root;           /* root table */
    uint64_t queue;          /* invalidation queue, and its bytes */
    uint64_t queue_size;
    uint64_t tail;
    bool wide;               /* of the queue: 256-bit descriptors */
    uint64_t status;         /* where qvtd_submit()'s waits store */
    uint32_t stamp;          /* what they stored last */
    uint64_t irt;            /* interrupt remapping table */
} QVtd;

/* nyx_pc_start() and the unit: its id has to be "iommu". */
QVtd *qvtd_start(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void qvtd_end(QVtd *v);
/* A machine that was started otherwise; end with g_free(). */
QVtd *qvtd_of(NyxPc *pc);
/* Another unit of the same machine, from 1 on; end with g_free(). */
QVtd *qvtd_unit(QVtd *v, unsigned index);

static inline uint32_t qvtd_r32(QVtd *v, unsigned offset)
{
    return qtest_readl(v->qts, v->base + offset);
}

static inline uint64_t qvtd_r64(QVtd *v, unsigned offset)
{
    return qtest_readq(v->qts, v->base + offset);
}

static inline void qvtd_w32(QVtd *v, unsigned offset, uint32_t value)
{
    qtest_writel(v->qts, v->base + offset, value);
}

static inline void qvtd_w64(QVtd *v, unsigned offset, uint64_t value)
{
    qtest_writeq(v->qts, v->base + offset, value);
}

/* --- Commands ------------------------------------------------------------- */

/*
 * GCMD write that changes one bit and carries the enables, then a poll of
 * GSTS.  False if GSTS did not follow (WBF: did not become 0).
 */
bool qvtd_gcmd(QVtd *v, unsigned bit, bool on);
/* Latch an empty root table with this mode; flush everything. */
bool qvtd_root(QVtd *v, unsigned ttm);
/* The same in legacy mode, and enable translation. */
bool qvtd_enable(QVtd *v);
bool qvtd_flush_context(QVtd *v);
bool qvtd_flush_iotlb(QVtd *v);
/* Register-based invalidation; the granularity that was done. */
unsigned qvtd_ccmd(QVtd *v, unsigned gran, uint16_t did, uint16_t sid,
                   unsigned fm);
unsigned qvtd_iotlb(QVtd *v, unsigned gran, uint16_t did, uint64_t iva);

/* Enable a queue of 2^qs pages; with wide descriptors (IQA.DW). */
bool qvtd_queue(QVtd *v, unsigned qs);
bool qvtd_queue_wide(QVtd *v, unsigned qs);
bool qvtd_queue_off(QVtd *v);
/* Put a descriptor at the tail; the unit is not told. */
void qvtd_put(QVtd *v, uint64_t lo, uint64_t hi);
void qvtd_ring(QVtd *v);
/* A wait descriptor, then poll its status: false if the queue stopped. */
bool qvtd_wait(QVtd *v);
/* One descriptor and a wait. */
bool qvtd_submit(QVtd *v, uint64_t lo, uint64_t hi);

/* Latch a table of 2^(s + 1) entries, flush the cache, enable remapping. */
bool qvtd_ir(QVtd *v, unsigned s, bool eime);
void qvtd_irte(QVtd *v, unsigned index, uint64_t lo, uint64_t hi);
/* Address of a remappable request for an index, without a subhandle. */
uint64_t qvtd_irq(unsigned index);

/* --- Tables --------------------------------------------------------------- */

void qvtd_root_entry(QVtd *v, unsigned bus, uint64_t lo, uint64_t hi);
/* Address of a context entry; its table is made if it is not there. */
uint64_t qvtd_context_at(QVtd *v, uint16_t sid);
void qvtd_context(QVtd *v, uint16_t sid, uint64_t lo, uint64_t hi);

typedef struct QVtdDomain {
    uint64_t ss;             /* top table */
    unsigned levels;
    uint16_t did;
} QVtdDomain;

/* A new, empty domain; and a context entry that puts @sid into one. */
QVtdDomain qvtd_domain(QVtd *v, uint16_t did, unsigned levels);
void qvtd_attach(QVtd *v, uint16_t sid, const QVtdDomain *dom, unsigned tt);

/*
 * Where the entry for @iova is in the table of @level (1 is the page's).
 * Tables on the way are made, with read and write permission.
 */
uint64_t qvtd_entry(QVtd *v, const QVtdDomain *dom, uint64_t iova,
                    unsigned level);
/* Map 2^lg2 bytes (12, 21 or 30); @rw is bits 1:0 of the leaf. */
void qvtd_map(QVtd *v, const QVtdDomain *dom, uint64_t iova, uint64_t gpa,
              unsigned lg2, unsigned rw);

/* --- Faults --------------------------------------------------------------- */

typedef struct QVtdRecord {
    bool valid;
    uint64_t lo;
    uint64_t hi;
} QVtdRecord;

QVtdRecord qvtd_record(QVtd *v, unsigned i);
/* What a driver does: the record at FRI is read and cleared. */
QVtdRecord qvtd_take(QVtd *v);
/* The reason of the oldest record, which is cleared; 0 if there is none. */
unsigned qvtd_take_code(QVtd *v);
/* Clear every record and every status bit. */
void qvtd_clear_faults(QVtd *v);

/* --- What the unit tells about itself ------------------------------------- */

/* Occurrences of a rule, as in "vtd.gcmd.several-bits". */
uint64_t qvtd_mistakes(QVtd *v, const char *rule);
/* A number of "stats", members joined by dots: "invalidations.waits". */
uint64_t qvtd_stat(QVtd *v, const char *name);
/* Faults counted with a reason. */
uint64_t qvtd_stat_faults(QVtd *v, unsigned reason);

#endif
