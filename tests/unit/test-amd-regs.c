/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of nyx-amdvi as software sees them: what each bit does when
 * it is written, widths of accesses, what options leave out.
 */
#include "qemu/osdep.h"
#include "amd-fixture.h"

#define BASE_RW 0x0f0ffffffffff000ULL
#define BASE_RESET 0x0800000000000000ULL
#define XT_RW 0xff0001ffffffff04ULL
#define EFR_ALL 0x205f77f322319bffULL

/* --- What each bit does --------------------------------------------------- */

typedef struct RegRow {
    const char *name;
    uint32_t offset;
    unsigned size;
    uint64_t reset;
    uint64_t rw;
    uint64_t skip;           /* triggers and codes, tested elsewhere */
    uint32_t base;           /* of the buffer that a pointer points into */
} RegRow;

/* For ax_cfg(). */
static const RegRow reg_rows[] = {
    { "device table", 0x00, 8, 0, 0x000ffffffffff1ffULL, 0, 0 },
    { "command base", 0x08, 8, BASE_RESET, BASE_RW, 0, 0 },
    { "event base", 0x10, 8, BASE_RESET, BASE_RW, 0, 0 },
    /* Skipped: IommuEn; GAMEn, DualPprLogEn, DualEventLogEn, DevTblSegEn,
     * NumIntRemapMode have reserved codes. */
    { "control", 0x18, 8, 0, 0x0ccce7e031c3fffcULL, 0x0000181fce000001ULL,
      0 },
    { "exclusion base", 0x20, 8, 0, 0x000ffffffffff003ULL, 0, 0 },
    { "exclusion limit", 0x28, 8, 0, 0x000ffffffffff000ULL, 0, 0 },
    { "efr", 0x30, 8, EFR_ALL, 0, 0, 0 },
    { "ppr base", 0x38, 8, BASE_RESET, BASE_RW, 0, 0 },
    { "hardware event upper", 0x40, 8, 0, UINT64_MAX, 0, 0 },
    { "hardware event lower", 0x48, 8, 0, UINT64_MAX, 0, 0 },
    { "hardware event status", 0x50, 8, 0, 0, 0, 0 },
    { "nothing", 0x58, 8, 0, 0, 0, 0 },
    { "smi filter 0", 0x60, 8, 0, 0x1ffff, 0x20000, 0 },
    { "smi filter 15", 0xd8, 8, 0, 0x1ffff, 0x20000, 0 },
    { "ga base", 0xe0, 8, BASE_RESET, BASE_RW, 0, 0 },
    { "ga tail address", 0xe8, 8, 0, 0x000ffffffffffff8ULL, 0, 0 },
    { "ppr base b", 0xf0, 8, BASE_RESET, BASE_RW, 0, 0 },
    { "event base b", 0xf8, 8, BASE_RESET, BASE_RW, 0, 0 },
    { "segment 1", 0x100, 8, 0, 0x000ffffffffff0ffULL, 0, 0 },
    { "segment 7", 0x130, 8, 0, 0x000ffffffffff0ffULL, 0, 0 },
    { "dsfx", 0x138, 8, 0, 0, 0, 0 },
    { "dscx", 0x140, 8, 0, 0, 0, 0 },
    { "dssx", 0x148, 8, 0, 0, 0, 0 },
    { "msi vector 0", 0x150, 4, 0x08203040, 0, 0, 0 },
    { "msi vector 1", 0x154, 4, 0x2, 0, 0, 0 },
    { "msi address low", 0x15c, 4, 0, 0xfffffffc, 0, 0 },
    { "msi address high", 0x160, 4, 0, 0xffffffff, 0, 0 },
    { "msi data", 0x164, 4, 0, 0xffff, 0, 0 },
    { "msi mapping", 0x168, 4, 0, 0, 0, 0 },
    { "performance", 0x16c, 4, 0, 0x2000, 0, 0 },
    { "xt general", 0x170, 8, 0, XT_RW, 0, 0 },
    { "xt ppr", 0x178, 8, 0, XT_RW, 0, 0 },
    { "xt ga", 0x180, 8, 0, XT_RW, 0, 0 },
    { "viommu status", 0x190, 8, 0, 0, 0, 0 },
    { "efr2", 0x1a0, 8, 0x118, 0, 0, 0 },
    { "marc base 0", 0x200, 8, 0, 0x000ffffffffff000ULL, 0, 0 },
    { "marc reloc 0", 0x208, 8, 0, 0x000ffffffffff003ULL, 0, 0 },
    { "marc length 3", 0x258, 8, 0, 0x000ffffffffff000ULL, 0, 0 },
    { "marc 4", 0x260, 8, 0, 0, 0, 0 },
    { "counted", 0x1ff8, 8, 0, 0, 0, 0 },
    { "command head", 0x2000, 8, 0, 0x7fff0, 0, 0x08 },
    { "command tail", 0x2008, 8, 0, 0x7fff0, 0, 0x08 },
    { "event head", 0x2010, 8, 0, 0x7fff0, 0, 0x10 },
    { "event tail", 0x2018, 8, 0, 0x7fff0, 0, 0x10 },
    { "status", 0x2020, 8, 0, 0, 0, 0 },
    { "ppr head", 0x2030, 8, 0, 0x7fff0, 0, 0x38 },
    { "ppr tail", 0x2038, 8, 0, 0x7fff0, 0, 0x38 },
    { "ga head", 0x2040, 8, 0, 0x7fff8, 0, 0xe0 },
    { "ga tail", 0x2048, 8, 0, 0x7fff8, 0, 0xe0 },
    { "ppr head b", 0x2050, 8, 0, 0x7fff0, 0, 0xf0 },
    { "ppr tail b", 0x2058, 8, 0, 0x7fff0, 0, 0xf0 },
    { "event head b", 0x2070, 8, 0, 0x7fff0, 0, 0xf8 },
    { "event tail b", 0x2078, 8, 0, 0x7fff0, 0, 0xf8 },
    { "ppr auto response", 0x2080, 8, 0, 0x1f, 0, 0 },
    { "ppr early", 0x2088, 8, 0, 0xc0007fff, 0, 0 },
    { "ppr early b", 0x2090, 8, 0, 0xc0007fff, 0, 0 },
    { "counters", 0x4000, 8, 0x4200, 0, 0, 0 },
};

static uint64_t reg_read(Ax *f, const RegRow *row)
{
    return nyx_amd_mmio_read(f->amd, row->offset, row->size);
}

/* What reads back after @value was written. */
static uint64_t after(const RegRow *row, uint64_t value)
{
    return (row->reset & ~row->rw) | (value & row->rw);
}

static void reg_values(Ax *f, const RegRow *row, uint64_t value)
{
    g_autofree char *name = g_strdup_printf("%s, 0x%" PRIx64, row->name,
                                            value);
    uint32_t low = value, high = value >> 32;

    nyx_amd_mmio_write(f->amd, row->offset, value, row->size);
    FX_CHECK(name, reg_read(f, row), after(row, value));
    FX_CHECK(name, ax_read32(f, row->offset), (uint32_t)after(row, value));
    if (row->size == 4) {
        return;
    }
    FX_CHECK(name, ax_read32(f, row->offset + 4), after(row, value) >> 32);
    /* 16.20: in halves, either first; a half leaves the other one alone. */
    nyx_amd_mmio_write(f->amd, row->offset, ~value & ~row->skip, 8);
    ax_write32(f, row->offset + 4, high);
    FX_CHECK(name, reg_read(f, row),
             after(row, (uint64_t)high << 32 |
                        (uint32_t)(~low & ~row->skip)));
    ax_write32(f, row->offset, low);
    FX_CHECK(name, reg_read(f, row), after(row, value));
    nyx_amd_mmio_write(f->amd, row->offset, ~value & ~row->skip, 8);
    ax_write32(f, row->offset, low);
    ax_write32(f, row->offset + 4, high);
    FX_CHECK(name, reg_read(f, row), after(row, value));
}

static void reg_prepare(Ax *f, const RegRow *row)
{
    nyx_amd_reset(f->amd);
    memset(f->msi, 0, sizeof(f->msi));
    if (row->base) {
        ax_write64(f, row->base, 0x0f00000000000000ULL);
    }
}

static void test_bits(void)
{
    Ax *f = ax_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        const RegRow *row = &reg_rows[i];
        uint64_t ones = row->size == 8 ? UINT64_MAX : UINT32_MAX;

        reg_prepare(f, row);
        FX_CHECK(row->name, reg_read(f, row), row->reset);
        reg_values(f, row, ones & ~row->skip);
        reg_values(f, row, 0);
        for (unsigned bit = 0; bit < row->size * 8; bit++) {
            if (!(row->skip >> bit & 1)) {
                reg_values(f, row, 1ULL << bit);
            }
        }
        reg_prepare(f, row);
        FX_CHECK(row->name, reg_read(f, row), row->reset);
    }
    g_assert_cmpuint(f->messages->len + f->signals->len, ==, 0);
    ax_free(f);
}

/* No register changes when another one is written: but see test_bases(). */
static void test_neighbours(void)
{
    Ax *f = ax_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        const RegRow *row = &reg_rows[i];

        reg_prepare(f, row);
        nyx_amd_mmio_write(f->amd, row->offset, UINT64_MAX & ~row->skip,
                           row->size);
        for (unsigned j = 0; j < ARRAY_SIZE(reg_rows); j++) {
            if (row->base && reg_rows[j].offset == row->base) {
                continue;
            }
            FX_CHECK(row->name, reg_read(f, &reg_rows[j]),
                     j == i ? after(row, UINT64_MAX & ~row->skip)
                            : reg_rows[j].reset);
        }
    }
    ax_free(f);
}

/* --- Features that are not there (16.23) ---------------------------------- */

static NyxAmdCfg bare_cfg(void)
{
    return (NyxAmdCfg) {
        .pa_bits = 40, .va_bits = 48, .host_levels = 4, .dma_remap = true,
        .intremap = true, .coherent = true, .iotlb_entries = 16,
    };
}

/* Everything but these is absent without options. */
static const RegRow bare_rows[] = {
    { "device table", 0x00, 8, 0, 0x000ffffffffff1ffULL, 0, 0 },
    { "command base", 0x08, 8, BASE_RESET, BASE_RW, 0, 0 },
    { "event base", 0x10, 8, BASE_RESET, BASE_RW, 0, 0 },
    { "control", 0x18, 8, 0x400, 0x801ffc, 1, 0 },
    { "exclusion base", 0x20, 8, 0, 0x000ffffffffff003ULL, 0, 0 },
    { "exclusion limit", 0x28, 8, 0, 0x000ffffffffff000ULL, 0, 0 },
    { "command head", 0x2000, 8, 0, 0xff0, 0, 0 },
    { "command tail", 0x2008, 8, 0, 0xff0, 0, 0 },
    { "event head", 0x2010, 8, 0, 0xff0, 0, 0 },
    { "event tail", 0x2018, 8, 0, 0xff0, 0, 0 },
};

static bool is_bare(uint32_t offset)
{
    for (unsigned i = 0; i < ARRAY_SIZE(bare_rows); i++) {
        if (bare_rows[i].offset == offset) {
            return true;
        }
    }
    return false;
}

static void test_absent(void)
{
    NyxAmdCfg cfg = bare_cfg();
    Ax *f = ax_new(&cfg);

    for (uint32_t offset = 0; offset < 0x4000; offset += 8) {
        g_autofree char *row = g_strdup_printf("offset 0x%x", offset);

        if (!is_bare(offset)) {
            uint64_t was = ax_read64(f, offset);

            FX_CHECK(row, was, 0);
            ax_write64(f, offset, UINT64_MAX);
            FX_CHECK(row, ax_read64(f, offset), 0);
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bare_rows); i++) {
        reg_prepare(f, &bare_rows[i]);
        FX_CHECK(bare_rows[i].name, reg_read(f, &bare_rows[i]),
                 bare_rows[i].reset);
        ax_write64(f, bare_rows[i].offset,
                   bare_rows[i].rw & ~bare_rows[i].skip);
        FX_CHECK(bare_rows[i].name, reg_read(f, &bare_rows[i]),
                 bare_rows[i].rw & ~bare_rows[i].skip);
    }
    /* Linux clears bits of logs that are not there. */
    ax_forget(f);
    ax_write64(f, AX_STATUS, 0x68e67);
    FX_CHECK("status", ax_all_findings(f), 0);
    /* Beyond the block there is nothing. */
    FX_CHECK(NULL, ax_read64(f, 0x4000), 0);
    ax_write64(f, 0x40000, UINT64_MAX);
    FX_CHECK(NULL, ax_read64(f, 0x40000), 0);
    ax_free(f);
}

typedef struct FeatureRow {
    const char *name;
    size_t option;
    uint64_t control;        /* bits, or a legal code */
} FeatureRow;

#define FEATURE(option, bits) \
    { #option, offsetof(NyxAmdCfg, option), bits }

/* Bits that software can set with the option, and cannot without. */
static const FeatureRow features[] = {
    FEATURE(page_requests, 7ULL << 13), FEATURE(guest_levels, 1ULL << 16),
    FEATURE(ga, 1ULL << 17), FEATURE(smi_filter, 5ULL << 22),
    FEATURE(vapic, 1ULL << 25), FEATURE(vapic, 3ULL << 28),
    FEATURE(dual_ppr, 2ULL << 30), FEATURE(dual_event, 2ULL << 32),
    FEATURE(segments_lg2, 3ULL << 34), FEATURE(user_supervisor, 3ULL << 37),
    FEATURE(ppr_auto, 1ULL << 39 | 1ULL << 42), FEATURE(marc, 1ULL << 40),
    FEATURE(block_stop_mark, 1ULL << 41), FEATURE(int_remap_2k, 1ULL << 43),
    FEATURE(eph, 1ULL << 45), FEATURE(host_accessed, 3ULL << 46),
    FEATURE(xt, 3ULL << 50), FEATURE(ga_update_dis, 1ULL << 54),
    FEATURE(gappi, 1ULL << 55), FEATURE(gcr3_trp, 1ULL << 58),
    FEATURE(irt_cache_dis, 1ULL << 59),
};

/* The options without which the others make no sense go as well. */
static NyxAmdCfg cfg_without(size_t option)
{
    NyxAmdCfg cfg = ax_cfg();

    *((uint8_t *)&cfg + option) = 0;
    if (!cfg.page_requests || !cfg.eph) {
        cfg.page_requests = cfg.eph = cfg.ppr_early = cfg.ppr_auto = false;
        cfg.block_stop_mark = false;
        cfg.dual_ppr = 0;
    }
    if (!cfg.guest_levels) {
        cfg.no_execute = cfg.user_supervisor = cfg.gio = false;
        cfg.ga_update_dis = cfg.gcr3_trp = false;
    }
    if (!cfg.ga) {
        cfg.xt = cfg.vapic = cfg.int_remap_2k = false;
    }
    if (!cfg.vapic || !cfg.gappi) {
        cfg.gappi = cfg.gappi_dis = false;
    }
    if (!cfg.host_accessed) {
        cfg.host_dirty = false;
    }
    return cfg;
}

static void test_control_features(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        const FeatureRow *row = &features[i];
        NyxAmdCfg cfg = cfg_without(row->option);
        Ax *f = ax_new(NULL);

        ax_write64(f, AX_CONTROL, row->control);
        FX_CHECK(row->name, ax_read64(f, AX_CONTROL), row->control);
        FX_CHECK(row->name, ax_all_findings(f), 0);
        ax_free(f);
        f = ax_new(&cfg);
        ax_write64(f, AX_CONTROL, row->control);
        FX_CHECK(row->name, ax_read64(f, AX_CONTROL), 0);
        FX_CHECK(row->name, ax_findings(f, NAMD_RULE_REG_RESERVED), 1);
        ax_free(f);
    }
}

/* A code that is reserved, or of a part that is not there, changes nothing. */
static void test_control_codes(void)
{
    static const struct {
        const char *name;
        unsigned shift;
        unsigned length;
        unsigned max[3];     /* with the option at 0, 1 and 2 */
        size_t option;
    } rows[] = {
        { "GAMEn", 25, 3, { 1, 1, 1 }, offsetof(NyxAmdCfg, pa_bits) },
        { "DualPprLogEn", 30, 2, { 0, 1, 2 }, offsetof(NyxAmdCfg, dual_ppr) },
        { "DualEventLogEn", 32, 2, { 0, 1, 2 },
          offsetof(NyxAmdCfg, dual_event) },
        { "DevTblSegEn", 34, 3, { 0, 1, 2 },
          offsetof(NyxAmdCfg, segments_lg2) },
        { "NumIntRemapMode", 43, 2, { 1, 1, 1 }, offsetof(NyxAmdCfg, pa_bits) },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned option = 0; option < 3; option++) {
            NyxAmdCfg cfg = ax_cfg();
            Ax *f;

            if (rows[i].option != offsetof(NyxAmdCfg, pa_bits)) {
                *((uint8_t *)&cfg + rows[i].option) = option;
            }
            f = ax_new(&cfg);
            for (unsigned code = 0; code < 1u << rows[i].length; code++) {
                uint64_t keep = rows[i].max[option];
                bool legal = code <= keep;

                ax_write64(f, AX_CONTROL, keep << rows[i].shift);
                ax_forget(f);
                ax_write64(f, AX_CONTROL, (uint64_t)code << rows[i].shift);
                FX_CHECK(rows[i].name,
                         ax_read64(f, AX_CONTROL) >> rows[i].shift,
                         legal ? code : keep);
                FX_CHECK(rows[i].name,
                         !!ax_findings(f, NAMD_RULE_REG_RESERVED), !legal);
            }
            ax_free(f);
        }
    }
}

/* --- Widths --------------------------------------------------------------- */

static void test_widths(void)
{
    Ax *f = ax_new(NULL);

    ax_write64(f, 0x20, 0x0000123456789003ULL);
    FX_CHECK(NULL, nyx_amd_mmio_read(f->amd, 0x20, 1), 0x03);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_UNALIGNED), 1);
    FX_CHECK(NULL, nyx_amd_mmio_read(f->amd, 0x22, 2), 0x5678);
    FX_CHECK(NULL, nyx_amd_mmio_read(f->amd, 0x24, 8), 0x00001234);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_UNALIGNED), 3);
    nyx_amd_mmio_write(f->amd, 0x20, 0, 1);
    nyx_amd_mmio_write(f->amd, 0x20, 0, 2);
    nyx_amd_mmio_write(f->amd, 0x22, 0, 4);
    nyx_amd_mmio_write(f->amd, 0x24, 0, 8);
    FX_CHECK(NULL, ax_read64(f, 0x20), 0x0000123456789003ULL);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_UNALIGNED), 7);
    /* The end of the block, and of the address space. */
    FX_CHECK(NULL, nyx_amd_mmio_read(f->amd, UINT64_MAX, 8), 0);
    nyx_amd_mmio_write(f->amd, UINT64_MAX - 7, UINT64_MAX, 8);
    nyx_amd_mmio_write(f->amd, 0x7fff8, UINT64_MAX, 8);
    FX_CHECK(NULL, nyx_amd_mmio_read(f->amd, 0x7fffc, 8), 0);
    ax_free(f);
}

static void test_findings(void)
{
    Ax *f = ax_new(NULL);

    ax_write32(f, 0x58, 1);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_UNKNOWN), 1);
    ax_write64(f, 0x30, 1);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_READ_ONLY), 1);
    ax_write64(f, 0x30, 0);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_READ_ONLY), 1);
    ax_write64(f, 0x00, 0x200);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_RESERVED), 1);
    ax_write64(f, 0x08, 7ULL << 56);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_RING_LENGTH), 1);
    /* The lower half says nothing of the length. */
    ax_write32(f, 0x08, 0x1000);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_RING_LENGTH), 1);
    FX_CHECK(NULL, ax_all_findings(f), 4);
    ax_free(f);
}

/* --- Registers with a mind of their own ----------------------------------- */

static void test_smi_lock(void)
{
    NyxAmdCfg cfg = ax_cfg();
    Ax *f = ax_new(NULL);

    ax_write64(f, 0x68, 0x10010);
    ax_write64(f, 0x68, 0x30020);
    FX_CHECK(NULL, ax_read64(f, 0x68), 0x30020);
    ax_write64(f, 0x68, 0);
    ax_write32(f, 0x68, 0x10030);
    FX_CHECK(NULL, ax_read64(f, 0x68), 0x30020);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_REG_READ_ONLY), 2);
    ax_write64(f, 0x70, 0x10030);
    FX_CHECK(NULL, ax_read64(f, 0x70), 0x10030);
    nyx_amd_reset(f->amd);
    FX_CHECK(NULL, ax_read64(f, 0x68), 0);
    ax_write64(f, 0x68, 0x10030);
    FX_CHECK(NULL, ax_read64(f, 0x68), 0x10030);
    ax_free(f);
    /* Two filters are two registers. */
    cfg.smi_filters_lg2 = 1;
    f = ax_new(&cfg);
    ax_write64(f, 0x68, 1);
    ax_write64(f, 0x70, 1);
    FX_CHECK(NULL, ax_read64(f, 0x68), 1);
    FX_CHECK(NULL, ax_read64(f, 0x70), 0);
    ax_free(f);
}

static void test_msi_mirror(void)
{
    Ax *f = ax_new(NULL);

    f->msi[0] = 0x00846405;
    f->msi[1] = 0xfee00000;
    f->msi[2] = 0x12345678;
    f->msi[3] = 0x4031;
    FX_CHECK(NULL, ax_read32(f, 0x158), 0x00846405);
    FX_CHECK(NULL, ax_read64(f, 0x158), 0xfee0000000846405ULL);
    FX_CHECK(NULL, ax_read64(f, 0x160), 0x0000403112345678ULL);
    FX_CHECK(NULL, ax_read32(f, 0x164), 0x4031);
    /* Only EN and how many; the rest is configuration space's. */
    ax_write32(f, 0x158, 0xffffffff);
    FX_CHECK(NULL, f->msi[0], 0x00f56405);
    ax_write64(f, 0x15c - 4, 0xfee0100000000000ULL);
    FX_CHECK(NULL, f->msi[0], 0x00846405);
    FX_CHECK(NULL, f->msi[1], 0xfee01000);
    ax_write64(f, 0x160, 0x00000022deadbeefULL);
    FX_CHECK(NULL, f->msi[2], 0xdeadbeef);
    FX_CHECK(NULL, f->msi[3], 0x22);
    /* What was changed there shows here. */
    f->msi[3] = 0x99;
    FX_CHECK(NULL, ax_read32(f, 0x164), 0x99);
    ax_free(f);
}

/* 16.17: nothing of the time before is left, registers, engines or bases. */
static void test_reset(void)
{
    NyxAmdSaved *fresh = g_new0(NyxAmdSaved, 1);
    NyxAmdSaved *after_reset = g_new0(NyxAmdSaved, 1);
    Ax *f = ax_new(NULL);

    nyx_amd_save(f->amd, fresh);
    ax_start(f);
    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        nyx_amd_mmio_write(f->amd, reg_rows[i].offset,
                           UINT64_MAX & ~reg_rows[i].skip, reg_rows[i].size);
    }
    ax_write64(f, 0x40008, 0x11);
    ax_control_set(f, AX_IOMMUEN | AX_CMDBUFEN | AX_EVENTLOGEN);
    ax_submit(f, 0, 0);
    nyx_amd_save(f->amd, after_reset);
    g_assert_cmpint(memcmp(fresh, after_reset, sizeof(*fresh)), !=, 0);
    nyx_amd_reset(f->amd);
    nyx_amd_save(f->amd, after_reset);
    g_assert_cmpmem(fresh, sizeof(*fresh), after_reset, sizeof(*after_reset));
    g_assert_false(nyx_amd_enabled(f->amd));
    g_assert_false(nyx_amd_dma_checked(f->amd));
    /* Engines that are stopped, and no register tells it. */
    after_reset->flags = NYX_AMD_SAVED_ALL;
    after_reset->suppressed[7] = 7;
    g_assert_cmpstr(nyx_amd_load(f->amd, after_reset), ==, NULL);
    nyx_amd_reset(f->amd);
    nyx_amd_save(f->amd, after_reset);
    g_assert_cmpmem(fresh, sizeof(*fresh), after_reset, sizeof(*after_reset));
    ax_free(f);
    g_free(fresh);
    g_free(after_reset);
}

static void visit_register(const NyxReg *reg, uint64_t value, void *opaque)
{
    GHashTable *seen = opaque;

    g_assert_true(g_hash_table_add(seen, GUINT_TO_POINTER(reg->offset + 1)));
    if (reg->offset == 0x30) {
        g_assert_cmphex(value, ==, EFR_ALL);
    }
}

static void test_foreach(void)
{
    Ax *f = ax_new(NULL);
    GHashTable *seen = g_hash_table_new(NULL, NULL);

    nyx_amd_foreach_register(f->amd, visit_register, seen);
    for (unsigned i = 0; i < ARRAY_SIZE(reg_rows); i++) {
        if (reg_rows[i].rw) {
            g_assert_true(g_hash_table_contains(
                seen, GUINT_TO_POINTER(reg_rows[i].offset + 1)));
        }
    }
    /* The last counter's last function. */
    g_assert_true(g_hash_table_contains(seen,
                                        GUINT_TO_POINTER(0x43328 + 1)));
    g_hash_table_destroy(seen);
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amd/regs/bits", test_bits);
    g_test_add_func("/amd/regs/neighbours", test_neighbours);
    g_test_add_func("/amd/regs/absent", test_absent);
    g_test_add_func("/amd/regs/control-features", test_control_features);
    g_test_add_func("/amd/regs/control-codes", test_control_codes);
    g_test_add_func("/amd/regs/widths", test_widths);
    g_test_add_func("/amd/regs/findings", test_findings);
    g_test_add_func("/amd/regs/smi-lock", test_smi_lock);
    g_test_add_func("/amd/regs/msi-mirror", test_msi_mirror);
    g_test_add_func("/amd/regs/reset", test_reset);
    g_test_add_func("/amd/regs/foreach", test_foreach);
    return g_test_run();
}
