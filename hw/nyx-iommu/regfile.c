/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The row-driven register file of regfile.h.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "hw/nyx-iommu/regfile.h"

void nyx_regfile_init(NyxRegFile *file, void *dev, uint32_t size,
                      NyxRegMistakeFn *mistake)
{
    *file = (NyxRegFile) {
        .dev = dev,
        .size = size,
        .bytes = g_malloc0(size),
        .mistake = mistake,
    };
}

void nyx_regfile_destroy(NyxRegFile *file)
{
    g_clear_pointer(&file->regs, g_free);
    g_clear_pointer(&file->bytes, g_free);
}

NyxReg *nyx_regfile_add(NyxRegFile *file, const NyxReg *row)
{
    unsigned at = file->n_regs++;

    file->regs = g_renew(NyxReg, file->regs, file->n_regs);
    while (at && file->regs[at - 1].offset > row->offset) {
        file->regs[at] = file->regs[at - 1];
        at--;
    }
    file->regs[at] = *row;
    return &file->regs[at];
}

void nyx_regfile_reset(NyxRegFile *file)
{
    memset(file->bytes, 0, file->size);
    for (unsigned i = 0; i < file->n_regs; i++) {
        const NyxReg *reg = &file->regs[i];

        nyx_reg_set(file, reg->offset, reg->size, reg->reset);
    }
}

uint64_t nyx_reg_get(const NyxRegFile *file, uint32_t offset, unsigned size)
{
    return ldn_le_p(file->bytes + offset, size);
}

void nyx_reg_set(NyxRegFile *file, uint32_t offset, unsigned size,
                 uint64_t value)
{
    stn_le_p(file->bytes + offset, size, value);
}

/* The register that holds the byte at @offset, or NULL. */
static const NyxReg *find_reg(const NyxRegFile *file, uint64_t offset)
{
    unsigned low = 0, high = file->n_regs;

    while (low < high) {
        unsigned mid = (low + high) / 2;
        const NyxReg *reg = &file->regs[mid];

        if (offset < reg->offset) {
            high = mid;
        } else if (offset >= reg->offset + reg->size) {
            low = mid + 1;
        } else {
            return reg;
        }
    }
    return NULL;
}

/* Whether all of an access is in the block; its end may wrap. */
static bool in_block(const NyxRegFile *file, uint64_t offset, unsigned size)
{
    return offset < file->size && size <= file->size - offset;
}

uint64_t nyx_regfile_read(NyxRegFile *file, uint64_t offset, unsigned size)
{
    if (!in_block(file, offset, size)) {
        return 0;
    }
    return nyx_reg_get(file, offset, size);
}

/* Write the @len bytes at @offset, all of them in @reg. */
static void write_reg(NyxRegFile *file, const NyxReg *reg, uint32_t offset,
                      unsigned len, uint64_t value)
{
    unsigned shift = (offset - reg->offset) * 8;
    uint64_t mask = MAKE_64BIT_MASK(shift, len * 8);
    uint64_t written = (value << shift) & mask;
    uint64_t writable = reg->rw | reg->w1c | reg->wo;
    uint64_t reserved = mask & ~(writable | reg->ro);
    uint64_t old = nyx_reg_get(file, reg->offset, reg->size);
    uint64_t now = (old & ~(reg->rw & mask)) | (written & reg->rw);

    if (!(writable & mask)) {
        file->mistake(file->dev, NYX_REG_READ_ONLY, offset, value);
        return;
    }
    if (written & reserved) {
        file->mistake(file->dev, NYX_REG_RESERVED, offset, value);
    }
    now &= ~(written & reg->w1c);
    if (reg->allowed && !reg->allowed(file->dev, reg, now)) {
        return;
    }
    nyx_reg_set(file, reg->offset, reg->size, now);
    if (reg->written) {
        reg->written(file->dev, reg, written, mask);
    }
}

void nyx_regfile_write(NyxRegFile *file, uint64_t offset, uint64_t value,
                       unsigned size)
{
    if ((size != 4 && size != 8) || offset & (size - 1) ||
        !in_block(file, offset, size)) {
        file->mistake(file->dev, NYX_REG_UNALIGNED, offset, value);
        return;
    }
    /* An 8-byte write may reach two 4-byte registers: low half first. */
    while (size) {
        const NyxReg *reg = find_reg(file, offset);
        unsigned len = reg ? MIN(size, reg->offset + reg->size - offset) : 4;

        if (reg) {
            write_reg(file, reg, offset, len, value);
        } else {
            file->mistake(file->dev, NYX_REG_UNKNOWN, offset, value);
        }
        value = len == 8 ? 0 : value >> 32;
        offset += len;
        size -= len;
    }
}
