/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory as the engines see it: a table of callbacks.  Only RAM is
 * reachable through them; anything else is an error result.
 */
#ifndef HW_NYX_IOMMU_MEM_H
#define HW_NYX_IOMMU_MEM_H

#include "qemu/osdep.h"
#include "qemu/bswap.h"

typedef struct NyxMem {
    /* Copy @len bytes at @gpa to @buf.  False if any byte is not RAM. */
    bool (*read)(void *opaque, uint64_t gpa, void *buf, size_t len);
    /* Copy @len bytes of @buf to @gpa.  False if any byte is not RAM. */
    bool (*write)(void *opaque, uint64_t gpa, const void *buf, size_t len);
    /*
     * Replace the aligned little-endian quadword at @gpa by @desired if it
     * is *@expected, as one atomic step; *@expected becomes what was found.
     * False if @gpa is not RAM.
     */
    bool (*cmpxchg64)(void *opaque, uint64_t gpa, uint64_t *expected,
                      uint64_t desired);
    void *opaque;
} NyxMem;

/* Read @n little-endian quadwords at @gpa into @words, in host order. */
static inline bool nyx_mem_read_le64(const NyxMem *mem, uint64_t gpa,
                                     uint64_t *words, unsigned n)
{
    if (!mem->read(mem->opaque, gpa, words, n * sizeof(*words))) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        words[i] = le64_to_cpu(words[i]);
    }
    return true;
}

#define NYX_MEM_ENTRY_WORDS 4
/* Of an entry that a guest stores again and again. */
#define NYX_MEM_ENTRY_TRIES 4

/*
 * The same for the @n words, at most NYX_MEM_ENTRY_WORDS, of an entry that
 * software stores at once or by halves of 128 bits, which memory gives us by
 * words: an entry that is the same twice was not being stored.
 */
static inline bool nyx_mem_read_entry(const NyxMem *mem, uint64_t gpa,
                                      uint64_t *words, unsigned n)
{
    uint64_t before[NYX_MEM_ENTRY_WORDS];
    unsigned tries = NYX_MEM_ENTRY_TRIES;

    if (!nyx_mem_read_le64(mem, gpa, words, n)) {
        return false;
    }
    do {
        memcpy(before, words, n * sizeof(*words));
        if (!nyx_mem_read_le64(mem, gpa, words, n)) {
            return false;
        }
    } while (memcmp(before, words, n * sizeof(*words)) && --tries);
    return true;
}

static inline bool nyx_mem_read_le32(const NyxMem *mem, uint64_t gpa,
                                     uint32_t *word)
{
    if (!mem->read(mem->opaque, gpa, word, sizeof(*word))) {
        return false;
    }
    *word = le32_to_cpu(*word);
    return true;
}

/* Others can come first only so often: nobody makes us try for ever. */
#define NYX_MEM_TRIES 65536

/*
 * Set @bits in the aligned quadword at @gpa, which was @expected when last
 * looked at, and which others change at the same time.  False if it is not
 * RAM, or if they do not stop.
 */
static inline bool nyx_mem_or64(const NyxMem *mem, uint64_t gpa,
                                uint64_t bits, uint64_t expected)
{
    for (unsigned i = 0; i < NYX_MEM_TRIES; i++) {
        uint64_t found = expected;

        if (!mem->cmpxchg64(mem->opaque, gpa, &found, expected | bits)) {
            return false;
        }
        if (found == expected) {
            return true;
        }
        expected = found;
    }
    return false;
}

/* Store @value at @gpa as a little-endian doubleword. */
static inline bool nyx_mem_write_le32(const NyxMem *mem, uint64_t gpa,
                                      uint32_t value)
{
    uint32_t le = cpu_to_le32(value);

    return mem->write(mem->opaque, gpa, &le, sizeof(le));
}

#endif
