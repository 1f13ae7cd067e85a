/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scalable mode from a qtest: see nyx-vtd-scalable.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-vtd-scalable.h"

#define ADDR_MASK   0x000ffffffffff000ull

bool qvtd_enable_scalable(QVtd *v)
{
    if (!qvtd_queue_wide(v, 0) || !qvtd_root(v, 1)) {
        return false;
    }
    qvtd_flush_scalable(v);
    return qvtd_gcmd(v, QVTD_TE, true);
}

void qvtd_flush_scalable(QVtd *v)
{
    qvtd_put(v, 0x11, 0);
    qvtd_put(v, 0x37, 0);
    g_assert_true(qvtd_submit(v, 0xd2, 0));
}

/* --- Root to PASID entry -------------------------------------------------- */

/* What the entry at @at points at, made with @pages if it is not present. */
static uint64_t below(QVtd *v, uint64_t at, unsigned pages, uint64_t bits)
{
    uint64_t entry = qtest_readq(v->qts, at);

    if (!(entry & 1)) {
        entry = nyx_pc_pages(v->pc, pages) | bits | 1;
        qtest_writeq(v->qts, at, entry);
    }
    return entry & ADDR_MASK;
}

uint64_t qvtd_scalable_context_at(QVtd *v, uint16_t sid)
{
    uint64_t half = v->root + (sid >> 8) * 16 + (sid & 0x80 ? 8 : 0);

    return below(v, half, 1, 0) + (sid & 0x7f) * 32;
}

uint64_t qvtd_function(QVtd *v, uint16_t sid)
{
    uint64_t at = qvtd_scalable_context_at(v, sid);
    uint64_t ecap = qvtd_r64(v, QVTD_ECAP);
    uint64_t dte = ecap >> 2 & 1, paside = ecap >> 40 & 1;

    below(v, at, 32, 7 << 9 | paside << 3 | dte << 2);
    return at;
}

uint64_t qvtd_directory_at(QVtd *v, uint16_t sid, uint32_t pasid)
{
    uint64_t ctx = qtest_readq(v->qts, qvtd_scalable_context_at(v, sid));

    return (ctx & ADDR_MASK) + (pasid >> 6) * 8;
}

uint64_t qvtd_pasid_at(QVtd *v, uint16_t sid, uint32_t pasid)
{
    return below(v, qvtd_directory_at(v, sid, pasid), 1, 0) +
           (pasid & 63) * 64;
}

void qvtd_pasid_entry(QVtd *v, uint64_t at, uint64_t w0, uint64_t w1,
                      uint64_t w2)
{
    qtest_writeq(v->qts, at + 8, w1);
    qtest_writeq(v->qts, at + 16, w2);
    qtest_writeq(v->qts, at, w0);
}

QVtdSpace qvtd_space(QVtd *v, uint16_t sid, uint32_t pasid, unsigned pgtt,
                     uint16_t did, unsigned levels)
{
    QVtdSpace s = { .v = v, .pasid = pasid, .pgtt = pgtt, .did = did };
    unsigned bits = (qvtd_r64(v, QVTD_CAP) >> 16 & 0x3f) + 1;
    uint64_t w0 = pgtt << 6 | 1, w2 = 0;

    qvtd_function(v, sid);
    s.at = qvtd_pasid_at(v, sid, pasid);
    if (pgtt == QVTD_SECOND || pgtt == QVTD_NESTED) {
        s.ss_levels = levels;
        s.ss = nyx_pc_pages(v->pc, 1);
        w0 |= s.ss | (levels - 2) << 2;
    }
    if (pgtt == QVTD_PASS) {
        w0 |= (bits - 30) / 9 << 2;
    }
    if (pgtt == QVTD_FIRST || pgtt == QVTD_NESTED) {
        s.fs_levels = levels;
        s.fs = nyx_pc_pages(v->pc, 1);
        w2 = s.fs | (levels - 4) << 2;
    }
    if (pgtt == QVTD_NESTED) {
        w2 += QVTD_BIAS;
        qvtd_ss_map(&s, s.fs + QVTD_BIAS, s.fs, 12, 3);
    }
    qvtd_pasid_entry(v, s.at, w0, did, w2);
    return s;
}

void qvtd_space_share(const QVtdSpace *s, uint16_t sid, uint32_t pasid)
{
    uint64_t words[8], at;

    qvtd_function(s->v, sid);
    at = qvtd_pasid_at(s->v, sid, pasid);
    qtest_memread(s->v->qts, s->at, words, sizeof(words));
    qtest_memwrite(s->v->qts, at, words, sizeof(words));
}

/* --- Page tables ---------------------------------------------------------- */

uint64_t qvtd_ss_entry(const QVtdSpace *s, uint64_t gpa, unsigned level)
{
    const QVtdDomain dom = { .ss = s->ss, .levels = s->ss_levels };

    return qvtd_entry(s->v, &dom, gpa, level);
}

uint64_t qvtd_fs_entry(const QVtdSpace *s, uint64_t iova, unsigned level)
{
    QTestState *qts = s->v->qts;
    uint64_t bias = s->pgtt == QVTD_NESTED ? QVTD_BIAS : 0;
    uint64_t table = s->fs;

    for (unsigned n = s->fs_levels; ; n--) {
        uint64_t at = table + ((iova >> (12 + 9 * (n - 1))) & 511) * 8;
        uint64_t entry;

        if (n == level) {
            return at;
        }
        entry = qtest_readq(qts, at);
        if (!(entry & 1)) {
            table = nyx_pc_pages(s->v->pc, 1);
            entry = (table + bias) | QVTD_FS_USER;
            qtest_writeq(qts, at, entry);
            if (bias) {
                qvtd_ss_map(s, table + bias, table, 12, 3);
            }
        }
        table = (entry & ADDR_MASK) - bias;
    }
}

static void put_leaf(const QVtdSpace *s, uint64_t at, uint64_t addr,
                     unsigned lg2, uint64_t bits)
{
    qtest_writeq(s->v->qts, at, addr | bits | (lg2 > 12 ? 0x80 : 0));
}

void qvtd_fs_map(const QVtdSpace *s, uint64_t iova, uint64_t addr,
                 unsigned lg2, uint64_t bits)
{
    put_leaf(s, qvtd_fs_entry(s, iova, (lg2 - 12) / 9 + 1), addr, lg2, bits);
}

void qvtd_ss_map(const QVtdSpace *s, uint64_t gpa, uint64_t addr,
                 unsigned lg2, uint64_t bits)
{
    put_leaf(s, qvtd_ss_entry(s, gpa, (lg2 - 12) / 9 + 1), addr, lg2, bits);
}

void qvtd_space_map(const QVtdSpace *s, uint64_t iova, uint64_t addr,
                    unsigned lg2)
{
    switch (s->pgtt) {
    case QVTD_FIRST:
        qvtd_fs_map(s, iova, addr, lg2, QVTD_FS_USER);
        break;
    case QVTD_SECOND:
        qvtd_ss_map(s, iova, addr, lg2, 3);
        break;
    case QVTD_NESTED:
        qvtd_fs_map(s, iova, addr + QVTD_BIAS, lg2, QVTD_FS_USER);
        qvtd_ss_map(s, addr + QVTD_BIAS, addr, lg2, 3);
        break;
    }
}
