/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives nyx-vtd from a qtest: see nyx-vtd.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-vtd.h"

/* TE, EAFL, QIE, IRE, CFI: what a driver carries in every command. */
#define ENABLES     0x96800000u

#define ADDR_MASK   0x000ffffffffff000ull

QVtd *qvtd_of(NyxPc *pc)
{
    QVtd *v = g_new0(QVtd, 1);

    v->pc = pc;
    v->qts = pc->qts;
    v->base = QVTD_BASE;
    v->path = "/machine/peripheral/iommu";
    v->status = nyx_pc_pages(pc, 1);
    return v;
}

QVtd *qvtd_unit(QVtd *v, unsigned index)
{
    static const char *const paths[] = {
        NULL, "/machine/peripheral/iommu/units[1]",
        "/machine/peripheral/iommu/units[2]",
    };
    QVtd *other = qvtd_of(v->pc);

    g_assert_cmpuint(index, <, ARRAY_SIZE(paths));
    other->base = QVTD_BASE + index * 0x2000;
    other->path = paths[index];
    return other;
}

QVtd *qvtd_start(const char *fmt, ...)
{
    g_autofree char *args = NULL;
    va_list ap;

    va_start(ap, fmt);
    args = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return qvtd_of(nyx_pc_start("%s", args));
}

void qvtd_end(QVtd *v)
{
    nyx_pc_end(v->pc);
    g_free(v);
}

/* --- Commands ------------------------------------------------------------- */

static bool poll32(QVtd *v, unsigned offset, uint32_t mask, uint32_t want)
{
    for (unsigned i = 0; i < NYX_POLLS; i++) {
        if ((qvtd_r32(v, offset) & mask) == want) {
            return true;
        }
    }
    return false;
}

bool qvtd_gcmd(QVtd *v, unsigned bit, bool on)
{
    uint32_t mask = 1u << bit;
    uint32_t keep = qvtd_r32(v, QVTD_GSTS) & ENABLES & ~mask;

    qvtd_w32(v, QVTD_GCMD, keep | (on ? mask : 0));
    return poll32(v, QVTD_GSTS, mask, on && bit != QVTD_WBF ? mask : 0);
}

static bool queue_is_on(QVtd *v)
{
    return qvtd_r32(v, QVTD_GSTS) & (1u << QVTD_QIE);
}

unsigned qvtd_ccmd(QVtd *v, unsigned gran, uint16_t did, uint16_t sid,
                   unsigned fm)
{
    qvtd_w64(v, QVTD_CCMD, 1ull << 63 | (uint64_t)gran << 61 |
             (uint64_t)fm << 32 | (uint32_t)sid << 16 | did);
    g_assert_true(poll32(v, QVTD_CCMD + 4, 1u << 31, 0));
    return (qvtd_r64(v, QVTD_CCMD) >> 59) & 3;
}

unsigned qvtd_iotlb(QVtd *v, unsigned gran, uint16_t did, uint64_t iva)
{
    qvtd_w64(v, QVTD_IVA, iva);
    qvtd_w64(v, QVTD_IOTLB, 1ull << 63 | (uint64_t)gran << 60 |
             (uint64_t)did << 32);
    g_assert_true(poll32(v, QVTD_IOTLB + 4, 1u << 31, 0));
    return (qvtd_r64(v, QVTD_IOTLB) >> 57) & 3;
}

bool qvtd_flush_context(QVtd *v)
{
    return queue_is_on(v) ? qvtd_submit(v, 0x11, 0)
                          : qvtd_ccmd(v, 1, 0, 0, 0) == 1;
}

bool qvtd_flush_iotlb(QVtd *v)
{
    return queue_is_on(v) ? qvtd_submit(v, 0xd2, 0)
                          : qvtd_iotlb(v, 1, 0, 0) == 1;
}

bool qvtd_root(QVtd *v, unsigned ttm)
{
    v->root = nyx_pc_pages(v->pc, 1);
    qvtd_w64(v, QVTD_RTADDR, v->root | ttm << 10);
    if (!qvtd_gcmd(v, QVTD_SRTP, true)) {
        return false;
    }
    return ttm || (qvtd_flush_context(v) && qvtd_flush_iotlb(v));
}

bool qvtd_enable(QVtd *v)
{
    return qvtd_root(v, 0) && qvtd_gcmd(v, QVTD_TE, true);
}

static bool queue_on(QVtd *v, unsigned qs, bool wide)
{
    v->queue = nyx_pc_pages(v->pc, 1u << qs);
    v->queue_size = NYX_PAGE << qs;
    v->tail = 0;
    v->wide = wide;
    qvtd_w64(v, QVTD_IQT, 0);
    qvtd_w64(v, QVTD_IQA, v->queue | (uint64_t)wide << 11 | qs);
    return qvtd_gcmd(v, QVTD_QIE, true);
}

bool qvtd_queue(QVtd *v, unsigned qs)
{
    return queue_on(v, qs, false);
}

bool qvtd_queue_wide(QVtd *v, unsigned qs)
{
    return queue_on(v, qs, true);
}

bool qvtd_queue_off(QVtd *v)
{
    return qvtd_gcmd(v, QVTD_QIE, false);
}

void qvtd_put(QVtd *v, uint64_t lo, uint64_t hi)
{
    qtest_writeq(v->qts, v->queue + v->tail, lo);
    qtest_writeq(v->qts, v->queue + v->tail + 8, hi);
    if (v->wide) {
        qtest_memset(v->qts, v->queue + v->tail + 16, 0, 16);
    }
    v->tail = (v->tail + (v->wide ? 32 : 16)) % v->queue_size;
}

void qvtd_ring(QVtd *v)
{
    qvtd_w64(v, QVTD_IQT, v->tail);
}

bool qvtd_wait(QVtd *v)
{
    v->stamp++;
    qvtd_put(v, (uint64_t)v->stamp << 32 | 0x25, v->status);
    qvtd_ring(v);
    for (unsigned i = 0; i < NYX_POLLS; i++) {
        if (qtest_readl(v->qts, v->status) == v->stamp) {
            return true;
        }
        if (qvtd_r32(v, QVTD_FSTS) & (QVTD_FSTS_IQE | QVTD_FSTS_ITE)) {
            return false;
        }
    }
    return false;
}

bool qvtd_submit(QVtd *v, uint64_t lo, uint64_t hi)
{
    qvtd_put(v, lo, hi);
    return qvtd_wait(v);
}

bool qvtd_ir(QVtd *v, unsigned s, bool eime)
{
    uint64_t bytes = 32ull << s;

    v->irt = nyx_pc_pages(v->pc, DIV_ROUND_UP(bytes, NYX_PAGE));
    qvtd_w64(v, QVTD_IRTA, v->irt | (uint64_t)eime << 11 | s);
    return qvtd_gcmd(v, QVTD_SIRTP, true) &&
           (queue_is_on(v) || qvtd_queue(v, 0)) &&
           qvtd_submit(v, 0x4, 0) &&
           qvtd_gcmd(v, QVTD_IRE, true);
}

void qvtd_irte(QVtd *v, unsigned index, uint64_t lo, uint64_t hi)
{
    qtest_writeq(v->qts, v->irt + index * 16 + 8, hi);
    qtest_writeq(v->qts, v->irt + index * 16, lo);
}

uint64_t qvtd_irq(unsigned index)
{
    return 0xfee00010 | (index & 0x7fff) << 5 | (index >> 15) << 2;
}

/* --- Tables --------------------------------------------------------------- */

void qvtd_root_entry(QVtd *v, unsigned bus, uint64_t lo, uint64_t hi)
{
    qtest_writeq(v->qts, v->root + bus * 16 + 8, hi);
    qtest_writeq(v->qts, v->root + bus * 16, lo);
}

uint64_t qvtd_context_at(QVtd *v, uint16_t sid)
{
    uint64_t root = qtest_readq(v->qts, v->root + (sid >> 8) * 16);

    if (!(root & 1)) {
        root = nyx_pc_pages(v->pc, 1) | 1;
        qvtd_root_entry(v, sid >> 8, root, 0);
    }
    return (root & ADDR_MASK) + (sid & 0xff) * 16;
}

void qvtd_context(QVtd *v, uint16_t sid, uint64_t lo, uint64_t hi)
{
    uint64_t at = qvtd_context_at(v, sid);

    qtest_writeq(v->qts, at + 8, hi);
    qtest_writeq(v->qts, at, lo);
}

QVtdDomain qvtd_domain(QVtd *v, uint16_t did, unsigned levels)
{
    return (QVtdDomain) {
        .ss = nyx_pc_pages(v->pc, 1),
        .levels = levels,
        .did = did,
    };
}

void qvtd_attach(QVtd *v, uint16_t sid, const QVtdDomain *dom, unsigned tt)
{
    qvtd_context(v, sid, dom->ss | tt << 2 | 1,
                 (uint32_t)dom->did << 8 | (dom->levels - 2));
}

uint64_t qvtd_entry(QVtd *v, const QVtdDomain *dom, uint64_t iova,
                    unsigned level)
{
    uint64_t table = dom->ss;

    for (unsigned n = dom->levels; ; n--) {
        uint64_t at = table + ((iova >> (12 + 9 * (n - 1))) & 511) * 8;
        uint64_t entry;

        if (n == level) {
            return at;
        }
        entry = qtest_readq(v->qts, at);
        if (!(entry & 3)) {
            entry = nyx_pc_pages(v->pc, 1) | 3;
            qtest_writeq(v->qts, at, entry);
        }
        table = entry & ADDR_MASK;
    }
}

void qvtd_map(QVtd *v, const QVtdDomain *dom, uint64_t iova, uint64_t gpa,
              unsigned lg2, unsigned rw)
{
    unsigned level = (lg2 - 12) / 9 + 1;
    uint64_t ps = level > 1 ? 0x80 : 0;

    qtest_writeq(v->qts, qvtd_entry(v, dom, iova, level), gpa | ps | rw);
}

/* --- Faults --------------------------------------------------------------- */

QVtdRecord qvtd_record(QVtd *v, unsigned i)
{
    QVtdRecord record = {
        .lo = qvtd_r64(v, QVTD_FRCD + 16 * i),
        .hi = qvtd_r64(v, QVTD_FRCD + 16 * i + 8),
    };

    record.valid = record.hi >> 63;
    return record;
}

QVtdRecord qvtd_take(QVtd *v)
{
    uint32_t fsts = qvtd_r32(v, QVTD_FSTS);
    unsigned fri = (fsts >> 8) & 0xff;
    QVtdRecord record = { };

    if (fsts & QVTD_FSTS_PPF) {
        record = qvtd_record(v, fri);
        qvtd_w32(v, QVTD_FRCD + 16 * fri + 12, 0x80000000);
    }
    return record;
}

unsigned qvtd_take_code(QVtd *v)
{
    QVtdRecord record = qvtd_take(v);

    return record.valid ? (record.hi >> 32) & 0xff : 0;
}

void qvtd_clear_faults(QVtd *v)
{
    unsigned records = ((qvtd_r64(v, QVTD_CAP) >> 40) & 0xff) + 1;

    for (unsigned i = 0; i < records; i++) {
        qvtd_w32(v, QVTD_FRCD + 16 * i + 12, 0x80000000);
    }
    qvtd_w32(v, QVTD_FSTS, 0x7d);
}

/* --- What the unit tells about itself ------------------------------------- */

uint64_t qvtd_mistakes(QVtd *v, const char *rule)
{
    return nyx_pc_mistakes(v->pc, v->path, rule);
}

uint64_t qvtd_stat(QVtd *v, const char *name)
{
    return nyx_pc_stat(v->pc, v->path, name);
}

uint64_t qvtd_stat_faults(QVtd *v, unsigned reason)
{
    g_autofree char *name = g_strdup_printf("0x%x", reason);

    return nyx_pc_stat_faults(v->pc, v->path, "reason", name);
}
