/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A register file driven by rows: partial, misaligned and unknown accesses
 * are handled once, for every device.
 */
#ifndef HW_NYX_IOMMU_REGFILE_H
#define HW_NYX_IOMMU_REGFILE_H

#include "qemu/osdep.h"

typedef struct NyxReg NyxReg;

/*
 * Called after a write has been applied.  @written holds what software wrote
 * into the register's bits of @mask (the bytes it reached), before access
 * types were applied.
 */
typedef void NyxRegWritten(void *dev, const NyxReg *reg, uint64_t written,
                           uint64_t mask);

/*
 * Asked before a write is applied; @now is what the register would hold.
 * False: the register stays as it is, and @written is not called.
 */
typedef bool NyxRegAllowed(void *dev, const NyxReg *reg, uint64_t now);

struct NyxReg {
    const char *name;
    uint32_t offset;
    uint8_t size;            /* 4 or 8 */
    uint64_t reset;
    uint64_t rw;             /* bits that hold what is written */
    uint64_t w1c;            /* bits that writing 1 clears */
    uint64_t wo;             /* bits that only @written sees; read as 0 */
    uint64_t ro;             /* bits the device sets; writes are ignored */
    NyxRegWritten *written;  /* bits in none of the masks are reserved */
    unsigned arg;            /* for the hooks */
    NyxRegAllowed *allowed;
};

typedef enum NyxRegMistake {
    NYX_REG_UNALIGNED,       /* or of a size other than 4 and 8 */
    NYX_REG_UNKNOWN,         /* no register there */
    NYX_REG_READ_ONLY,       /* nothing in it can be written */
    NYX_REG_RESERVED,        /* reserved bits written as 1 */
} NyxRegMistake;

typedef void NyxRegMistakeFn(void *dev, NyxRegMistake mistake,
                             uint64_t offset, uint64_t value);

typedef struct NyxRegFile {
    void *dev;
    NyxReg *regs;            /* sorted by offset; our own copy */
    unsigned n_regs;
    uint32_t size;           /* of the MMIO block */
    uint8_t *bytes;          /* values, little endian */
    NyxRegMistakeFn *mistake;
} NyxRegFile;

void nyx_regfile_init(NyxRegFile *file, void *dev, uint32_t size,
                      NyxRegMistakeFn *mistake);
void nyx_regfile_destroy(NyxRegFile *file);

/* Add a row; the caller may adjust the copy that is returned until the next. */
NyxReg *nyx_regfile_add(NyxRegFile *file, const NyxReg *row);

/* All values to their reset values. */
void nyx_regfile_reset(NyxRegFile *file);

/* The device's own view: any value, no access rules, no hooks. */
uint64_t nyx_reg_get(const NyxRegFile *file, uint32_t offset, unsigned size);
void nyx_reg_set(NyxRegFile *file, uint32_t offset, unsigned size,
                 uint64_t value);

/* The guest's view; @size is 1, 2, 4 or 8. */
uint64_t nyx_regfile_read(NyxRegFile *file, uint64_t offset, unsigned size);
void nyx_regfile_write(NyxRegFile *file, uint64_t offset, uint64_t value,
                       unsigned size);

#endif
