/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scalable mode on top of vtd-fixture.h: root, context, PASID directory and
 * PASID table entries, first-stage and nested tables, requests with PASIDs.
 * Bits are typed from the specification here as well.
 */
#ifndef TESTS_UNIT_VTD_SCALABLE_H
#define TESTS_UNIT_VTD_SCALABLE_H

#include "vtd-fixture.h"

/* PGTT */
#define SM_FIRST  1
#define SM_SECOND 2
#define SM_NESTED 3
#define SM_PASS   4

#define SM_X NYX_ACCESS_EXEC
#define SM_PRIV NYX_ACCESS_PRIV
#define SM_NO_PASID UINT32_MAX

/* First-stage bits: 0 P, 1 R/W, 2 U/S, 5 A, 6 D, 7 PS, 10 EA, 63 XD. */
#define SM_FS_USER 0x7ULL

/* Tables of the first stage are at this guest address when nested. */
#define SM_BIAS 0x1000000000ULL

/* What a PASID entry describes. */
typedef struct SmSpace {
    Fx *f;
    unsigned pgtt;
    uint16_t did;
    uint64_t at;             /* where the PASID entry is */
    unsigned fs_levels;
    unsigned ss_levels;
    uint64_t fs;             /* first-stage root, where it is in memory */
    uint64_t ss;
} SmSpace;

/* Everything of scalable mode on. */
NyxVtdCfg sm_cfg(void);
/* Latch the root with TTM = 1, start a queue, enable translation. */
void sm_start(Fx *f);

/* Address of the context entry; its table is made if it is not there. */
uint64_t sm_context_addr(Fx *f, uint16_t sid);
/*
 * A context entry with DTE, PASIDE, PRE and a directory for 2^(@pdts + 13)
 * PASIDs, or what is there already.  Returns its address.
 */
uint64_t sm_function(Fx *f, uint16_t sid, unsigned pdts);
/* Address of the directory entry; sm_function() came before. */
uint64_t sm_directory_addr(Fx *f, uint16_t sid, uint32_t pasid);
/* Address of the PASID entry; its table is made if it is not there. */
uint64_t sm_pasid_addr(Fx *f, uint16_t sid, uint32_t pasid);
void sm_poke_entry(Fx *f, uint64_t at, uint64_t w0, uint64_t w1, uint64_t w2);

/* A new, empty space for a PASID; levels of stages not used are ignored. */
SmSpace sm_space(Fx *f, uint16_t sid, uint32_t pasid, unsigned pgtt,
                 uint16_t did, unsigned fs_levels, unsigned ss_levels);
/*
 * Where the first-stage entry for @iova of @level is in memory (1 is the
 * page's).  Tables on the way are made, with P, R/W and U/S; nested, their
 * pages are mapped in the second stage, with R and W.
 */
uint64_t sm_fs_entry(const SmSpace *s, uint64_t iova, unsigned level);
/* Where the second-stage entry for @gpa is. */
uint64_t sm_ss_entry(const SmSpace *s, uint64_t gpa, unsigned level);
/* Leaf of 2^@lg2 bytes in one of the stages, with these low bits. */
void sm_fs_map(const SmSpace *s, uint64_t iova, uint64_t addr, unsigned lg2,
               uint64_t bits);
void sm_ss_map(const SmSpace *s, uint64_t gpa, uint64_t addr, unsigned lg2,
               uint64_t bits);
/*
 * Map a block of 2^@lg2 with user, read and write rights in whatever stages
 * there are; nested through a guest address that is @iova + @addr.
 */
void sm_map(const SmSpace *s, uint64_t iova, uint64_t addr, unsigned lg2);

NyxReply sm_request(Fx *f, uint16_t sid, uint32_t pasid, NyxRequestType type,
                    unsigned access, uint64_t iova);
/* Untranslated, from FX_SID; where it goes to or FX_REFUSED. */
uint64_t sm_dma(Fx *f, uint32_t pasid, unsigned access, uint64_t iova);
/* Drop everything that is cached. */
void sm_flush(Fx *f);

/* --- Scenes: a page mapped in each type of space, and what is broken ------ */

#define SC_IOVA 0x40201abcULL
#define SC_PAGE 0x9000ULL
/* Between the stages. */
#define SC_GPA ((SC_IOVA & ~0xfffULL) + SC_PAGE)
#define SC_LEVELS 4
#define SC_DID 0x10

/* PASIDs 1 to 4 have the translation type of their number. */
typedef struct SmScene {
    Fx *f;
    SmSpace space[5];
    uint64_t ctx;
    uint64_t dir;
    GArray *undo;            /* gpa, value */
    uint64_t read_only;      /* an entry that cannot be stored to */
} SmScene;

/* NULL: sm_cfg(). */
void sc_init(SmScene *s, const NyxVtdCfg *cfg);
void sc_free(SmScene *s);
/* Where SC_IOVA leads to with a PASID of 1 to 4. */
uint64_t sc_good(uint32_t pasid);
/* Changes of memory that sc_mend() undoes. */
void sc_poke(SmScene *s, uint64_t gpa, uint64_t value);
void sc_or(SmScene *s, uint64_t gpa, uint64_t bits);
void sc_clear(SmScene *s, uint64_t gpa, uint64_t bits);
void sc_hole(SmScene *s, uint64_t gpa, unsigned bytes);
/* PASID @alias becomes what @pasid, of 1 to 4, is now. */
void sc_alias(SmScene *s, uint32_t pasid, uint32_t alias);
/* Undo, and drop what is cached. */
void sc_mend(SmScene *s);

#endif
