/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The row-driven register file with a device of the test's own.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/cache.h"
#include "hw/nyx-iommu/regfile.h"
#include "vtd-fixture.h"

typedef struct Dev {
    NyxRegFile file;
    bool refuse;             /* writes to "guarded" */
    unsigned asked;
    uint64_t asked_about;
    unsigned hooks;
    const char *hook_name;
    unsigned hook_arg;
    uint64_t written;
    uint64_t mask;
    uint64_t value_then;     /* of the register, in the hook */
    unsigned mistakes[4];
    uint64_t mistake_offset;
    uint64_t mistake_value;
} Dev;

static void hook(void *opaque, const NyxReg *reg, uint64_t written,
                 uint64_t mask)
{
    Dev *dev = opaque;

    dev->hooks++;
    dev->hook_name = reg->name;
    dev->hook_arg = reg->arg;
    dev->written = written;
    dev->mask = mask;
    dev->value_then = nyx_reg_get(&dev->file, reg->offset, reg->size);
}

static bool allowed(void *opaque, const NyxReg *reg, uint64_t now)
{
    Dev *dev = opaque;

    dev->asked++;
    dev->asked_about = now;
    return !dev->refuse;
}

static void mistake(void *opaque, NyxRegMistake kind, uint64_t offset,
                    uint64_t value)
{
    Dev *dev = opaque;

    dev->mistakes[kind]++;
    dev->mistake_offset = offset;
    dev->mistake_value = value;
}

/* Not in the order of their offsets: the file sorts them. */
static const NyxReg rows[] = {
    { .name = "wide", .offset = 0x20, .size = 8,
      .reset = 0x1122334455667788ULL, .rw = 0xffff0000ffff0000ULL,
      .ro = 0x0000ffff0000ffffULL, .written = hook, .arg = 7 },
    { .name = "first", .offset = 0x00, .size = 4, .rw = 0xffffffff,
      .written = hook, .arg = 1 },
    { .name = "w1c", .offset = 0x10, .size = 4, .reset = 0xff, .w1c = 0x0f,
      .ro = 0xf0, .written = hook },
    { .name = "wo", .offset = 0x14, .size = 4, .wo = 0xffff, .written = hook },
    { .name = "ro", .offset = 0x18, .size = 4, .reset = 0x1234,
      .ro = 0xffffffff, .written = hook },
    { .name = "second", .offset = 0x04, .size = 4, .rw = 0xffffffff,
      .written = hook, .arg = 2 },
    { .name = "guarded", .offset = 0x28, .size = 8, .reset = 0xff00,
      .rw = 0xffffffff000000ffULL, .w1c = 0xff00, .written = hook,
      .allowed = allowed },
    { .name = "last", .offset = 0x38, .size = 8, .rw = UINT64_MAX },
};

#define SIZE 0x40

static void dev_init(Dev *dev)
{
    *dev = (Dev) { };
    nyx_regfile_init(&dev->file, dev, SIZE, mistake);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxReg *copy = nyx_regfile_add(&dev->file, &rows[i]);

        g_assert_cmpstr(copy->name, ==, rows[i].name);
    }
    nyx_regfile_reset(&dev->file);
}

static uint64_t dev_read(Dev *dev, uint64_t offset, unsigned size)
{
    return nyx_regfile_read(&dev->file, offset, size);
}

static void dev_write(Dev *dev, uint64_t offset, uint64_t value,
                      unsigned size)
{
    nyx_regfile_write(&dev->file, offset, value, size);
}

static void test_sorted(void)
{
    Dev dev;

    dev_init(&dev);
    for (unsigned i = 1; i < dev.file.n_regs; i++) {
        g_assert_cmpuint(dev.file.regs[i - 1].offset, <,
                         dev.file.regs[i].offset);
    }
    nyx_regfile_destroy(&dev.file);
}

static void test_read(void)
{
    Dev dev;

    dev_init(&dev);
    g_assert_cmphex(dev_read(&dev, 0x20, 8), ==, 0x1122334455667788ULL);
    g_assert_cmphex(dev_read(&dev, 0x20, 4), ==, 0x55667788);
    g_assert_cmphex(dev_read(&dev, 0x24, 4), ==, 0x11223344);
    g_assert_cmphex(dev_read(&dev, 0x10, 8), ==, 0xff);
    g_assert_cmphex(dev_read(&dev, 0x08, 8), ==, 0);
    nyx_regfile_destroy(&dev.file);
}

static void test_access_types(void)
{
    Dev dev;

    dev_init(&dev);
    dev_write(&dev, 0x20, UINT64_MAX, 8);
    g_assert_cmphex(dev_read(&dev, 0x20, 8), ==, 0xffff3344ffff7788ULL);
    dev_write(&dev, 0x20, 0, 8);
    g_assert_cmphex(dev_read(&dev, 0x20, 8), ==, 0x0000334400007788ULL);
    dev_write(&dev, 0x10, 0x35, 4);
    g_assert_cmphex(dev_read(&dev, 0x10, 4), ==, 0xfa);
    dev_write(&dev, 0x10, 0, 4);
    g_assert_cmphex(dev_read(&dev, 0x10, 4), ==, 0xfa);
    dev_write(&dev, 0x14, 0xabcd, 4);
    g_assert_cmphex(dev_read(&dev, 0x14, 4), ==, 0);
    g_assert_cmphex(dev.written, ==, 0xabcd);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(dev.mistakes[i], ==, 0);
    }
    nyx_regfile_destroy(&dev.file);
}

/* The hook sees what was written and where, after it has been applied. */
static void test_hook(void)
{
    Dev dev;

    dev_init(&dev);
    dev_write(&dev, 0x24, 0xaabbccdd, 4);
    g_assert_cmpuint(dev.hooks, ==, 1);
    g_assert_cmpstr(dev.hook_name, ==, "wide");
    g_assert_cmpuint(dev.hook_arg, ==, 7);
    g_assert_cmphex(dev.written, ==, 0xaabbccdd00000000ULL);
    g_assert_cmphex(dev.mask, ==, 0xffffffff00000000ULL);
    g_assert_cmphex(dev.value_then, ==, 0xaabb334455667788ULL);
    /* Bits of a value beyond its size are not looked at. */
    dev_write(&dev, 0x00, 0xffffffff00000005ULL, 4);
    g_assert_cmphex(dev.written, ==, 5);
    g_assert_cmphex(dev.mask, ==, 0xffffffff);
    g_assert_cmphex(dev_read(&dev, 0x04, 4), ==, 0);
    nyx_regfile_destroy(&dev.file);
}

/* The device is asked with what the register would hold, and may refuse. */
static void test_allowed(void)
{
    Dev dev;

    dev_init(&dev);
    dev_write(&dev, 0x2c, 0x12345678, 4);
    g_assert_cmpuint(dev.asked, ==, 1);
    g_assert_cmphex(dev.asked_about, ==, 0x123456780000ff00ULL);
    g_assert_cmphex(dev_read(&dev, 0x28, 8), ==, 0x123456780000ff00ULL);
    g_assert_cmpuint(dev.hooks, ==, 1);
    dev.refuse = true;
    dev_write(&dev, 0x28, 0x0f55, 4);
    g_assert_cmpuint(dev.asked, ==, 2);
    g_assert_cmphex(dev.asked_about, ==, 0x123456780000f055ULL);
    g_assert_cmphex(dev_read(&dev, 0x28, 8), ==, 0x123456780000ff00ULL);
    g_assert_cmpuint(dev.hooks, ==, 1);
    dev.refuse = false;
    dev_write(&dev, 0x28, 0x0f55, 4);
    g_assert_cmphex(dev_read(&dev, 0x28, 8), ==, 0x123456780000f055ULL);
    g_assert_cmpuint(dev.hooks, ==, 2);
    nyx_regfile_destroy(&dev.file);
}

/* Two registers in one write: both, the lower one first. */
static void test_two(void)
{
    Dev dev;

    dev_init(&dev);
    dev_write(&dev, 0x00, 0x1111111122222222ULL, 8);
    g_assert_cmpuint(dev.hooks, ==, 2);
    g_assert_cmpstr(dev.hook_name, ==, "second");
    g_assert_cmphex(dev.written, ==, 0x11111111);
    g_assert_cmphex(dev_read(&dev, 0x00, 8), ==, 0x1111111122222222ULL);
    /* One register and a gap. */
    dev_write(&dev, 0x18, 0x5555555566666666ULL, 8);
    g_assert_cmpuint(dev.mistakes[NYX_REG_READ_ONLY], ==, 1);
    g_assert_cmpuint(dev.mistakes[NYX_REG_UNKNOWN], ==, 1);
    g_assert_cmphex(dev.mistake_offset, ==, 0x1c);
    g_assert_cmphex(dev.mistake_value, ==, 0x55555555);
    g_assert_cmphex(dev_read(&dev, 0x18, 8), ==, 0x1234);
    g_assert_cmpuint(dev.hooks, ==, 2);
    nyx_regfile_destroy(&dev.file);
}

typedef struct MistakeRow {
    const char *name;
    uint64_t offset;
    unsigned size;
    uint64_t value;
    NyxRegMistake kind;
} MistakeRow;

static const MistakeRow mistake_rows[] = {
    { "byte", 0x00, 1, 0xff, NYX_REG_UNALIGNED },
    { "word", 0x00, 2, 0xff, NYX_REG_UNALIGNED },
    { "misaligned dword", 0x02, 4, 0xff, NYX_REG_UNALIGNED },
    { "misaligned quadword", 0x04, 8, 0xff, NYX_REG_UNALIGNED },
    { "behind the block", SIZE, 4, 0xff, NYX_REG_UNALIGNED },
    { "gap", 0x08, 4, 0xff, NYX_REG_UNKNOWN },
    { "gap behind", 0x30, 4, 0, NYX_REG_UNKNOWN },
    { "read-only", 0x18, 4, 0xff, NYX_REG_READ_ONLY },
    { "reserved", 0x14, 4, 0x10000, NYX_REG_RESERVED },
};

static void test_mistakes(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(mistake_rows); i++) {
        const MistakeRow *row = &mistake_rows[i];
        unsigned sum = 0;
        Dev dev;

        dev_init(&dev);
        dev_write(&dev, row->offset, row->value, row->size);
        for (unsigned j = 0; j < 4; j++) {
            sum += dev.mistakes[j];
        }
        FX_CHECK(row->name, sum, 1);
        FX_CHECK(row->name, dev.mistakes[row->kind], 1);
        FX_CHECK(row->name, dev.mistake_offset, row->offset);
        FX_CHECK(row->name, dev.mistake_value, row->value);
        /* Reserved bits are told; the others of the write count. */
        FX_CHECK(row->name, dev.hooks, row->kind == NYX_REG_RESERVED);
        FX_CHECK(row->name, dev_read(&dev, 0x00, 8), 0);
        nyx_regfile_destroy(&dev.file);
    }
}

/* The last register of the block, and the first byte behind it. */
static void test_end(void)
{
    Dev dev;

    dev_init(&dev);
    dev_write(&dev, SIZE - 8, 0x0123456789abcdefULL, 8);
    g_assert_cmphex(dev_read(&dev, SIZE - 8, 8), ==, 0x0123456789abcdefULL);
    g_assert_cmphex(dev_read(&dev, SIZE - 4, 4), ==, 0x01234567);
    g_assert_cmphex(dev_read(&dev, SIZE, 4), ==, 0);
    g_assert_cmphex(dev_read(&dev, SIZE - 4, 8), ==, 0);
    /* Offsets whose end wraps, and those of more than 32 bits. */
    g_assert_cmphex(dev_read(&dev, UINT64_MAX - 7, 8), ==, 0);
    g_assert_cmphex(dev_read(&dev, UINT64_MAX - 3, 4), ==, 0);
    g_assert_cmphex(dev_read(&dev, 0x100000000ULL, 4), ==, 0);
    dev_write(&dev, UINT64_MAX - 7, 1, 8);
    dev_write(&dev, 0x100000000ULL, 1, 4);
    g_assert_cmpuint(dev.mistakes[NYX_REG_UNALIGNED], ==, 2);
    g_assert_cmphex(dev_read(&dev, 0, 4), ==, 0);
    nyx_regfile_destroy(&dev.file);
}

/* Any register, any access, against a model that knows bits alone. */
static void test_random(void)
{
    uint64_t rng = 42, model[8] = { };
    Dev dev;

    dev_init(&dev);
    for (unsigned i = 0; i < SIZE / 8; i++) {
        model[i] = dev_read(&dev, i * 8, 8);
    }
    for (unsigned i = 0; i < 100000; i++) {
        unsigned size = nyx_random(&rng) & 1 ? 4 : 8;
        uint64_t offset = (nyx_random(&rng) % SIZE) & ~(uint64_t)(size - 1);
        uint64_t value = nyx_random(&rng);

        dev_write(&dev, offset, value, size);
        for (unsigned bit = 0; bit < size * 8; bit++) {
            uint64_t at = offset * 8 + bit, word = at / 64;

            for (unsigned r = 0; r < ARRAY_SIZE(rows); r++) {
                uint64_t start = rows[r].offset * 8;

                if (at < start || at >= start + rows[r].size * 8) {
                    continue;
                }
                if (rows[r].rw >> (at - start) & 1) {
                    model[word] &= ~(1ULL << at % 64);
                    model[word] |= (value >> bit & 1) << at % 64;
                }
                if (rows[r].w1c >> (at - start) & value >> bit & 1) {
                    model[word] &= ~(1ULL << at % 64);
                }
            }
        }
        for (unsigned j = 0; j < SIZE / 8; j++) {
            g_assert_cmphex(dev_read(&dev, j * 8, 8), ==, model[j]);
        }
    }
    nyx_regfile_destroy(&dev.file);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/regfile/sorted", test_sorted);
    g_test_add_func("/nyx/regfile/read", test_read);
    g_test_add_func("/nyx/regfile/access-types", test_access_types);
    g_test_add_func("/nyx/regfile/hook", test_hook);
    g_test_add_func("/nyx/regfile/allowed", test_allowed);
    g_test_add_func("/nyx/regfile/two", test_two);
    g_test_add_func("/nyx/regfile/mistakes", test_mistakes);
    g_test_add_func("/nyx/regfile/end", test_end);
    g_test_add_func("/nyx/regfile/random", test_random);
    return g_test_run();
}
