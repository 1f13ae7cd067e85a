/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scalable mode on top of nyx-vtd.h: root, context, PASID directory and PASID
 * table entries, tables of both stages.
 */
#ifndef TESTS_LIBQOS_NYX_VTD_SCALABLE_H
#define TESTS_LIBQOS_NYX_VTD_SCALABLE_H

#include "libqos/nyx-vtd.h"

/* PGTT */
#define QVTD_FIRST      1
#define QVTD_SECOND     2
#define QVTD_NESTED     3
#define QVTD_PASS       4

/* First-stage bits: 0 P, 1 R/W, 2 U/S, 5 A, 6 D, 7 PS, 10 EA, 63 XD */
#define QVTD_FS_USER    0x7ull

/* Nested, memory is at this guest address more than it is. */
#define QVTD_BIAS       0x1000000000ull

/* What a PASID entry describes. */
typedef struct QVtdSpace {
    QVtd *v;
    uint32_t pasid;
    unsigned pgtt;
    uint16_t did;
    unsigned fs_levels;
    unsigned ss_levels;
    uint64_t at;             /* where the PASID entry is */
    uint64_t fs;             /* roots, where they are in memory */
    uint64_t ss;
} QVtdSpace;

/* Latch an empty root with TTM = 1, with a wide queue; flush; enable. */
bool qvtd_enable_scalable(QVtd *v);
/* Drop everything that is cached. */
void qvtd_flush_scalable(QVtd *v);

/* Address of the context entry; its table is made if it is not there. */
uint64_t qvtd_scalable_context_at(QVtd *v, uint16_t sid);
/*
 * A context entry with a directory for 2^20 PASIDs, and DTE and PASIDE as far
 * as the unit has them, or what is there already.  Returns its address.
 */
uint64_t qvtd_function(QVtd *v, uint16_t sid);
uint64_t qvtd_directory_at(QVtd *v, uint16_t sid, uint32_t pasid);
/* Address of the PASID entry; its table is made if it is not there. */
uint64_t qvtd_pasid_at(QVtd *v, uint16_t sid, uint32_t pasid);
void qvtd_pasid_entry(QVtd *v, uint64_t at, uint64_t w0, uint64_t w1,
                      uint64_t w2);

/* A new, empty space for a PASID; @levels of each stage that it has. */
QVtdSpace qvtd_space(QVtd *v, uint16_t sid, uint32_t pasid, unsigned pgtt,
                     uint16_t did, unsigned levels);
/* Another PASID, maybe of another function, with the same tables. */
void qvtd_space_share(const QVtdSpace *s, uint16_t sid, uint32_t pasid);

/*
 * Where the first-stage entry for @iova of @level is in memory (1 is the
 * page's).  Tables on the way are made, with P, R/W and U/S.
 */
uint64_t qvtd_fs_entry(const QVtdSpace *s, uint64_t iova, unsigned level);
uint64_t qvtd_ss_entry(const QVtdSpace *s, uint64_t gpa, unsigned level);
/* Leaf of 2^@lg2 bytes with these low bits. */
void qvtd_fs_map(const QVtdSpace *s, uint64_t iova, uint64_t addr,
                 unsigned lg2, uint64_t bits);
void qvtd_ss_map(const QVtdSpace *s, uint64_t gpa, uint64_t addr,
                 unsigned lg2, uint64_t bits);
/*
 * Map a block with user, read and write rights in whatever stages there are;
 * nested through the guest address @addr + QVTD_BIAS.
 */
void qvtd_space_map(const QVtdSpace *s, uint64_t iova, uint64_t addr,
                    unsigned lg2);

#endif
