/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What writing to the registers of nyx-amdvi brings about: buffers and their
 * pointers, Control and Status, device tables and windows as they are put in
 * force.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"
#include "amd-fixture.h"

/* --- Buffers -------------------------------------------------------------- */

typedef struct RingRow {
    const char *name;
    uint32_t base;
    uint32_t head;
    uint32_t tail;
    uint32_t ours;           /* which of them the IOMMU moves */
    unsigned entry;
    uint64_t enable;         /* Control */
    uint32_t run;            /* Status */
} RingRow;

static const RingRow rings[] = {
    { "commands", 0x08, 0x2000, 0x2008, 0x2000, 16, AX_CMDBUFEN,
      AX_CMDBUFRUN },
    { "events", 0x10, 0x2010, 0x2018, 0x2018, 16, AX_EVENTLOGEN,
      AX_EVENTLOGRUN },
    { "events b", 0xf8, 0x2070, 0x2078, 0x2078, 16, AX_EVENTLOGEN,
      AX_EVENTLOGRUN },
    { "ppr", 0x38, 0x2030, 0x2038, 0x2038, 16, AX_PPRLOGEN, AX_PPRLOGRUN },
    { "ppr b", 0xf0, 0x2050, 0x2058, 0x2058, 16, AX_PPRLOGEN, AX_PPRLOGRUN },
    { "ga", 0xe0, 0x2040, 0x2048, 0x2048, 8, AX_GALOGEN, AX_GALOGRUN },
};

/* A base register clears its pointers, whichever half is written. */
static void test_bases(void)
{
    Ax *f = ax_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(rings); i++) {
        const RingRow *row = &rings[i];

        for (unsigned how = 0; how < 3; how++) {
            ax_write64(f, row->base, ax_ring(0x10000, 9));
            ax_write64(f, row->head, 0x40);
            ax_write64(f, row->tail, 0x80);
            FX_CHECK(row->name, ax_read64(f, row->head), 0x40);
            FX_CHECK(row->name, ax_read64(f, row->tail), 0x80);
            if (how == 0) {
                ax_write64(f, row->base, ax_ring(0x20000, 8));
            } else {
                ax_write32(f, row->base + 4 * (how - 1),
                           how == 1 ? 0x20000 : 0x08000000);
            }
            FX_CHECK(row->name, ax_read64(f, row->head), 0);
            FX_CHECK(row->name, ax_read64(f, row->tail), 0);
        }
    }
    ax_free(f);
}

/* 16.38: pointers outside are ignored; every length; both halves. */
static void test_pointers(void)
{
    Ax *f = ax_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(rings); i++) {
        const RingRow *row = &rings[i];

        for (unsigned len = 0; len < 16; len++) {
            uint64_t size = 16ULL << (len < 8 ? 8 : len);
            uint32_t at = len & 1 ? row->head : row->tail;

            ax_write64(f, row->base, ax_ring(0, len));
            ax_forget(f);
            ax_write32(f, at, size - row->entry);
            FX_CHECK(row->name, ax_read64(f, at), size - row->entry);
            FX_CHECK(row->name, ax_all_findings(f), 0);
            if (len < 15) {
                ax_write32(f, at, size);
                FX_CHECK(row->name, ax_read64(f, at), size - row->entry);
                FX_CHECK(row->name,
                         ax_findings(f, NAMD_RULE_RING_POINTER), 1);
                ax_write64(f, at, 0x7fff0);
                FX_CHECK(row->name, ax_read64(f, at), size - row->entry);
            }
            /* 2^19 is beyond the field. */
            ax_write64(f, at, 0x80000);
            FX_CHECK(row->name, ax_read64(f, at), 0);
            ax_write32(f, at, row->entry / 2);
            FX_CHECK(row->name, ax_read64(f, at), 0);
            ax_write64(f, at, UINT64_MAX << 32);
            FX_CHECK(row->name, ax_read64(f, at), 0);
        }
    }
    ax_free(f);
}

/* What the IOMMU uses cannot be moved away under it. */
static void test_busy(void)
{
    Ax *f = ax_new_started(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(rings); i++) {
        const RingRow *row = &rings[i];
        uint32_t theirs = row->ours == row->head ? row->tail : row->head;
        uint64_t value = ax_ring(0x40000, 8);

        ax_control_clear(f, row->enable);
        g_assert_cmphex(ax_read32(f, AX_STATUS) & row->run, ==, 0);
        ax_write64(f, row->base, value);
        FX_CHECK(row->name, ax_read64(f, row->base), value);
        ax_control_set(f, row->enable);
        g_assert_cmphex(ax_read32(f, AX_STATUS) & row->run, ==, row->run);
        ax_forget(f);
        ax_write64(f, row->base, ax_ring(0x50000, 9));
        ax_write32(f, row->base, 0x50000);
        ax_write32(f, row->base + 4, 0x09000000);
        FX_CHECK(row->name, ax_read64(f, row->base), value);
        ax_write32(f, row->ours, 0x20);
        FX_CHECK(row->name, ax_read64(f, row->ours), 0);
        FX_CHECK(row->name, ax_findings(f, NAMD_RULE_RING_BUSY), 4);
        if (row->ours == row->tail) {
            ax_write32(f, theirs, 0x30);
            FX_CHECK(row->name, ax_read64(f, theirs), 0x30);
            FX_CHECK(row->name, ax_all_findings(f), 4);
        }
        ax_control_clear(f, row->enable);
        ax_write32(f, row->ours, 0x20);
        FX_CHECK(row->name, ax_read64(f, row->ours), 0x20);
        ax_write32(f, theirs, 0x20);
    }
    ax_write64(f, 0xe8, 0x1000);
    ax_control_set(f, AX_GALOGEN);
    ax_write64(f, 0xe8, 0x2000);
    FX_CHECK("ga tail address", ax_read64(f, 0xe8), 0x1000);
    ax_free(f);
}

/* --- Control and Status --------------------------------------------------- */

/* 2.3: a run bit is IommuEn and the engine's own enable. */
static void test_run_bits(void)
{
    static const uint64_t enables[] = {
        AX_CMDBUFEN, AX_EVENTLOGEN, AX_PPRLOGEN, AX_GALOGEN,
    };
    static const uint32_t runs[] = {
        AX_CMDBUFRUN, AX_EVENTLOGRUN, AX_PPRLOGRUN, AX_GALOGRUN,
    };
    Ax *f = ax_new(NULL);

    for (unsigned on = 0; on < 32; on++) {
        uint64_t control = on & 16 ? AX_IOMMUEN : 0;
        uint32_t want = 0;

        for (unsigned i = 0; i < 4; i++) {
            control |= on & 1u << i ? enables[i] : 0;
            want |= on & 1u << i && on & 16 ? runs[i] : 0;
        }
        ax_write64(f, AX_CONTROL, control);
        FX_CHECK("control first", ax_read32(f, AX_STATUS), want);
        /* The same in two steps, IommuEn last and first. */
        ax_write64(f, AX_CONTROL, 0);
        FX_CHECK("off", ax_read32(f, AX_STATUS), 0);
        ax_write64(f, AX_CONTROL, control & ~AX_IOMMUEN);
        ax_write64(f, AX_CONTROL, control);
        FX_CHECK("IommuEn last", ax_read32(f, AX_STATUS), want);
        ax_write64(f, AX_CONTROL, control & AX_IOMMUEN);
        ax_write64(f, AX_CONTROL, control);
        FX_CHECK("IommuEn first", ax_read32(f, AX_STATUS), want);
    }
    /* 16.22: software writes them in vain. */
    ax_write64(f, AX_CONTROL, 0);
    ax_write64(f, AX_STATUS, UINT64_MAX);
    FX_CHECK(NULL, ax_read64(f, AX_STATUS), 0);
    ax_write64(f, AX_CONTROL, 0x10003005);
    ax_write64(f, AX_STATUS, UINT64_MAX);
    FX_CHECK(NULL, ax_read64(f, AX_STATUS), 0x198);
    ax_write64(f, AX_STATUS, 0);
    FX_CHECK(NULL, ax_read64(f, AX_STATUS), 0x198);
    ax_free(f);
}

/* Enabling and disabling leave all pointers alone. */
static void test_pointers_kept(void)
{
    Ax *f = ax_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(rings); i++) {
        ax_write64(f, rings[i].base, ax_ring(0x40000, 8));
        ax_write64(f, rings[i].head, 0x30);
        ax_write64(f, rings[i].tail, 0x30);
    }
    for (unsigned round = 0; round < 4; round++) {
        ax_write64(f, AX_CONTROL, round & 1 ? 0 : 0x10003005);
        for (unsigned i = 0; i < ARRAY_SIZE(rings); i++) {
            FX_CHECK(rings[i].name, ax_read64(f, rings[i].head), 0x30);
            FX_CHECK(rings[i].name, ax_read64(f, rings[i].tail), 0x30);
        }
    }
    ax_free(f);
}

/* 16.21: 1 clears, 0 does not, and only what is written. */
static void test_status_w1c(void)
{
    NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);

    for (unsigned bit = 0; bit < 64; bit++) {
        Ax *f = ax_new(NULL);
        g_autofree char *row = g_strdup_printf("bit %u", bit);
        uint64_t clears = 0x68e67 & 1ULL << bit;

        ax_write64(f, AX_CONTROL, 0x10003005 | 1ULL << 30 | 1ULL << 32);
        nyx_amd_save(f->amd, saved);
        stq_le_p(saved->regs + 0x2020, 0x79fff & ~0x6000);
        FX_CHECK(row, !!nyx_amd_load(f->amd, saved), false);
        FX_CHECK(row, ax_read64(f, AX_STATUS), 0x79fff);
        ax_write64(f, AX_STATUS, 0);
        FX_CHECK(row, ax_read64(f, AX_STATUS), 0x79fff);
        ax_write64(f, AX_STATUS, 1ULL << bit);
        FX_CHECK(row, ax_read64(f, AX_STATUS), 0x79fff & ~clears);
        ax_free(f);
    }
    g_free(saved);
}

/* Mode changes with IommuEn only, and when everything is in place. */
static void test_enable(void)
{
    NyxAmdCfg cfg = ax_cfg();
    Ax *f = ax_new(NULL);

    g_assert_false(nyx_amd_enabled(f->amd));
    g_assert_false(nyx_amd_dma_checked(f->amd));
    ax_forget(f);
    ax_write64(f, AX_CONTROL, AX_CMDBUFEN);
    FX_CHECK(NULL, f->mode_changes, 0);
    ax_write64(f, AX_DEVTAB, 0x100000);
    ax_write64(f, AX_CONTROL, AX_CMDBUFEN | AX_IOMMUEN);
    FX_CHECK(NULL, f->mode_changes, 1);
    g_assert_true(nyx_amd_dma_checked(f->amd));
    g_assert_true(nyx_amd_enabled(f->amd));
    FX_CHECK(NULL, f->irt->len, 1);
    g_assert_true(g_array_index(f->irt, AxIrt, 0).global);
    ax_write64(f, AX_CONTROL, AX_CMDBUFEN | AX_IOMMUEN);
    FX_CHECK(NULL, f->mode_changes, 1);
    FX_CHECK(NULL, f->irt->len, 1);
    FX_CHECK(NULL, ax_all_findings(f), 0);
    ax_write32(f, AX_CONTROL, 0);
    FX_CHECK(NULL, f->mode_changes, 2);
    FX_CHECK(NULL, f->irt->len, 2);
    g_assert_false(nyx_amd_enabled(f->amd));
    ax_free(f);

    cfg.dma_remap = false;
    cfg.host_levels = cfg.guest_levels = 0;
    cfg.device_iotlb = cfg.page_requests = cfg.eph = cfg.ppr_early = false;
    cfg.ppr_auto = cfg.block_stop_mark = cfg.inv_iotlb_type = false;
    cfg.dual_ppr = 0;
    cfg.no_execute = cfg.user_supervisor = cfg.gio = false;
    cfg.ga_update_dis = cfg.gcr3_trp = cfg.host_accessed = false;
    cfg.host_dirty = cfg.marc = cfg.attr_fw = false;
    f = ax_new(&cfg);
    ax_forget(f);
    ax_write64(f, AX_CONTROL, AX_IOMMUEN);
    g_assert_true(nyx_amd_enabled(f->amd));
    g_assert_false(nyx_amd_dma_checked(f->amd));
    FX_CHECK(NULL, f->mode_changes, 0);
    ax_free(f);
}

/* Interrupt entries mean something else: whoever keeps routes has to know. */
static void test_interrupt_bits(void)
{
    static const unsigned bits[] = { 0, 17, 22, 25, 43, 50, 59 };
    static const unsigned others[] = { 2, 3, 12, 16, 40, 51, 54 };
    Ax *f = ax_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
        uint32_t gen = f->amd->int_gen;

        ax_forget(f);
        ax_write64(f, AX_CONTROL, 1ULL << bits[i]);
        FX_CHECK("told", f->irt->len, 1);
        /* 16.40: entries are of another size, so none of them stays. */
        FX_CHECK("entries", f->amd->int_gen != gen, bits[i] != 0);
        gen = f->amd->int_gen;
        ax_write64(f, AX_CONTROL, 0);
        FX_CHECK("told", f->irt->len, 2);
        FX_CHECK("entries", f->amd->int_gen != gen, true);
    }
    ax_forget(f);
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        ax_write64(f, AX_CONTROL, 1ULL << others[i]);
    }
    FX_CHECK(NULL, f->irt->len, 0);
    ax_free(f);
}

static void test_no_table(void)
{
    Ax *f = ax_new(NULL);

    ax_write64(f, AX_CONTROL, AX_IOMMUEN);
    FX_CHECK(NULL, ax_findings(f, NAMD_RULE_ENABLE_NO_TABLE), 1);
    ax_free(f);
}

/* 2.7: the largest Size of each number of segments. */
static void test_devtab_size(void)
{
    static const unsigned max[] = { 0x1ff, 0xff, 0x7f, 0x3f };

    for (unsigned lg2 = 0; lg2 < 4; lg2++) {
        Ax *f = ax_new(NULL);

        ax_write64(f, AX_DEVTAB, 0x100000 | max[lg2]);
        for (unsigned i = 1; i < 8; i++) {
            ax_write64(f, 0x100 + 8 * (i - 1),
                       0x100000 | (max[lg2] < 0x100 ? max[lg2] : 0xff));
        }
        ax_write64(f, AX_CONTROL, AX_IOMMUEN | (uint64_t)lg2 << 34);
        FX_CHECK(NULL, ax_findings(f, NAMD_RULE_DEVTAB_SIZE), 0);
        if (lg2) {
            ax_write64(f, AX_DEVTAB, 0x100000 | (max[lg2] + 1));
            FX_CHECK(NULL, ax_findings(f, NAMD_RULE_DEVTAB_SIZE), 1);
        }
        if (lg2 > 1) {
            ax_write64(f, AX_DEVTAB, 0x100000);
            ax_write64(f, 0x108, 0x100000 | (max[lg2] + 1));
            FX_CHECK(NULL, ax_findings(f, NAMD_RULE_DEVTAB_SIZE), 2);
        }
        FX_CHECK(NULL, ax_findings(f, NAMD_RULE_ENABLE_NO_TABLE), 0);
        ax_free(f);
    }
}

/* --- Windows (2.9, 2.11) -------------------------------------------------- */

/* 16.15: base and limit are kept, and in force; the limit's page is in it. */
static void test_exclusion(void)
{
    Ax *f = ax_new(NULL);
    const NyxAmdWindow *window = &f->amd->exclusion;

    ax_write64(f, 0x28, 0x30000);
    ax_write64(f, 0x20, 0x10000);
    FX_CHECK("ExEn = 0", window->first <= window->last, false);
    FX_CHECK("ExEn = 0", f->amd->mode & NAMD_MODE_WINDOWS, 0);
    ax_write32(f, 0x20, 0x10001);
    FX_CHECK("on", window->first, 0x10000);
    FX_CHECK("on", window->last, 0x30fff);
    FX_CHECK("on", window->everybody, false);
    FX_CHECK("on", f->amd->mode & NAMD_MODE_WINDOWS, NAMD_MODE_WINDOWS);
    ax_write32(f, 0x24, 0x12345);
    FX_CHECK("base above limit", window->first <= window->last, false);
    FX_CHECK("base above limit", f->amd->mode & NAMD_MODE_WINDOWS, 0);
    ax_write64(f, 0x28, 0x0001234500010000ULL);
    FX_CHECK("a page", window->first, 0x0001234500010000ULL);
    FX_CHECK("a page", window->last, 0x0001234500010fffULL);
    ax_write64(f, 0x20, 0x10003);
    FX_CHECK("Allow", window->everybody, true);
    nyx_amd_reset(f->amd);
    FX_CHECK("reset", window->first <= window->last, false);
    ax_free(f);
}

static void test_marc(void)
{
    Ax *f = ax_new(NULL);

    for (unsigned i = 0; i < 4; i++) {
        const NyxAmdWindow *window = &f->amd->marc[i];

        ax_write64(f, 0x200 + 0x18 * i, 0x100000);
        ax_write64(f, 0x208 + 0x18 * i, 0x800001);
        ax_write64(f, 0x210 + 0x18 * i, 0x3000);
        FX_CHECK("MarcEn = 0", window->first <= window->last, false);
        FX_CHECK("MarcEn = 0", f->amd->mode & NAMD_MODE_WINDOWS, 0);
        ax_control_set(f, 1ULL << 40);
        FX_CHECK("on", window->first, 0x100000);
        FX_CHECK("on", window->last, 0x102fff);
        FX_CHECK("on", window->to, 0x800000);
        FX_CHECK("on", window->read_only, false);
        FX_CHECK("on", f->amd->mode & NAMD_MODE_WINDOWS, NAMD_MODE_WINDOWS);
        ax_write64(f, 0x208 + 0x18 * i, 0x900003);
        FX_CHECK("read-only", window->read_only, true);
        FX_CHECK("read-only", window->to, 0x900000);
        ax_write64(f, 0x210 + 0x18 * i, 0);
        FX_CHECK("no length", window->first <= window->last, false);
        ax_write64(f, 0x200 + 0x18 * i, 0);
        FX_CHECK("no length at 0", window->first <= window->last, false);
        ax_write64(f, 0x210 + 0x18 * i, 0x1000);
        ax_write64(f, 0x208 + 0x18 * i, 0x900002);
        FX_CHECK("not enabled", window->first <= window->last, false);
        FX_CHECK("not enabled", f->amd->mode & NAMD_MODE_WINDOWS, 0);
        ax_control_clear(f, 1ULL << 40);
    }
    ax_free(f);
}

/* What other threads see is what the registers say, half by half. */
static void test_devtab_published(void)
{
    Ax *f = ax_new(NULL);

    ax_write32(f, 0x04, 0x12);
    FX_CHECK(NULL, f->amd->devtab[0], 0x1200000000ULL);
    ax_write32(f, 0x00, 0x345671ff);
    FX_CHECK(NULL, f->amd->devtab[0], 0x12345671ffULL);
    for (unsigned i = 1; i < 8; i++) {
        ax_write64(f, 0x100 + 8 * (i - 1), 0x1000 * i | 1);
        FX_CHECK(NULL, f->amd->devtab[i], 0x1000 * i | 1);
    }
    ax_write64(f, AX_CONTROL, 0x4000d);
    FX_CHECK(NULL, f->amd->control, ax_read64(f, AX_CONTROL));
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amd/control/bases", test_bases);
    g_test_add_func("/amd/control/pointers", test_pointers);
    g_test_add_func("/amd/control/busy", test_busy);
    g_test_add_func("/amd/control/run-bits", test_run_bits);
    g_test_add_func("/amd/control/pointers-kept", test_pointers_kept);
    g_test_add_func("/amd/control/status-w1c", test_status_w1c);
    g_test_add_func("/amd/control/enable", test_enable);
    g_test_add_func("/amd/control/interrupt-bits", test_interrupt_bits);
    g_test_add_func("/amd/control/no-table", test_no_table);
    g_test_add_func("/amd/control/devtab-size", test_devtab_size);
    g_test_add_func("/amd/control/exclusion", test_exclusion);
    g_test_add_func("/amd/control/marc", test_marc);
    g_test_add_func("/amd/control/devtab-published", test_devtab_published);
    return g_test_run();
}
