/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual commands of nyx-vtd: PASIDs handed out and taken back, in both
 * layouts of the registers.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

typedef struct Layout {
    const char *name;
    uint8_t version;
    uint32_t vcmd, vcrsp, vccap;
    unsigned shift;          /* of operand and result */
    unsigned none;           /* status: no PASID, or not that one */
} Layout;

static const Layout layouts[] = {
    { "default version", 0, 0xe10, 0xe20, 0xe00, 8, 2 },
    { "version 1.0", 0x10, 0xe10, 0xe20, 0xe00, 8, 2 },
    { "version 3.2", 0x32, 0xe10, 0xe20, 0xe00, 8, 2 },
    { "version 3.3", 0x33, 0xe00, 0xe10, 0xe30, 16, 16 },
    { "version 4.0", 0x40, 0xe00, 0xe10, 0xe30, 16, 16 },
};

static Fx *new_vcmd(const Layout *at)
{
    NyxVtdCfg cfg = fx_cfg();

    cfg.vcmd = true;
    cfg.version = at->version;
    return fx_new(&cfg);
}

/* A command with its operand; the response. */
static uint64_t run(Fx *f, const Layout *at, unsigned command,
                    uint64_t operand)
{
    fx_write64(f, at->vcmd, operand << at->shift | command);
    return fx_read64(f, at->vcrsp);
}

static uint64_t pasid_response(const Layout *at, uint64_t pasid)
{
    return pasid << at->shift;
}

static void test_alloc_free(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
        const Layout *at = &layouts[i];
        Fx *f = new_vcmd(at);

        FX_CHECK(at->name, fx_read64(f, at->vccap), 1);
        FX_CHECK(at->name, fx_read64(f, at->vcrsp), 0);
        for (unsigned pasid = 1; pasid < 200; pasid++) {
            FX_CHECK(at->name, run(f, at, 1, 0), pasid_response(at, pasid));
        }
        FX_CHECK(at->name, nyx_vtd_stats(f->vtd).vcmd_pasids, 199);
        /* What is free is handed out again. */
        FX_CHECK(at->name, run(f, at, 2, 130), 0);
        FX_CHECK(at->name, run(f, at, 2, 7), 0);
        FX_CHECK(at->name, run(f, at, 1, 0), pasid_response(at, 7));
        FX_CHECK(at->name, run(f, at, 1, 0), pasid_response(at, 130));
        FX_CHECK(at->name, run(f, at, 1, 0), pasid_response(at, 200));
        FX_CHECK(at->name, fx_all_findings(f), 0);
        FX_CHECK(at->name, nyx_vtd_stats(f->vtd).virtual_commands, 204);
        FX_CHECK(at->name, f->events[NYX_VTD_EV_VCMD], 204);
        FX_CHECK(at->name, f->last_event[NYX_VTD_EV_VCMD].a, 200);
        nyx_vtd_reset(f->vtd);
        FX_CHECK(at->name, fx_read64(f, at->vcrsp), 0);
        FX_CHECK(at->name, run(f, at, 1, 0), pasid_response(at, 1));
        fx_free(f);
    }
}

static void test_errors(void)
{
    static const uint64_t wrong[] = {
        0, 2, 65535, 65536, 65537, 0xfffff, 0x100001, 1ULL << 47,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
        const Layout *at = &layouts[i];
        Fx *f = new_vcmd(at);
        unsigned findings = 0;

        run(f, at, 1, 0);
        for (unsigned j = 0; j < ARRAY_SIZE(wrong); j++) {
            FX_CHECK(at->name, run(f, at, 2, wrong[j]), at->none << 1);
            FX_CHECK(at->name, fx_findings(f, NVTD_RULE_VCMD_FREE), j + 1);
        }
        FX_CHECK(at->name, run(f, at, 2, 1), 0);
        FX_CHECK(at->name, run(f, at, 2, 1), at->none << 1);
        for (unsigned command = 0; command < 256; command++) {
            if (command != 1 && command != 2) {
                FX_CHECK(at->name, run(f, at, command, 1), 1 << 1);
                findings++;
            }
        }
        FX_CHECK(at->name, fx_findings(f, NVTD_RULE_VCMD_UNKNOWN), findings);
        FX_CHECK(at->name, nyx_vtd_stats(f->vtd).vcmd_pasids, 0);
        fx_free(f);
    }
}

/* There is an end, and a way back. */
static void test_exhausted(void)
{
    const Layout *at = &layouts[3];
    Fx *f = new_vcmd(at);

    for (unsigned pasid = 1; pasid < 65536; pasid++) {
        g_assert_cmphex(run(f, at, 1, 0), ==, pasid_response(at, pasid));
    }
    g_assert_cmphex(run(f, at, 1, 0), ==, 16 << 1);
    g_assert_cmphex(run(f, at, 2, 65535), ==, 0);
    g_assert_cmphex(run(f, at, 1, 0), ==, pasid_response(at, 65535));
    g_assert_cmphex(run(f, at, 1, 0), ==, 16 << 1);
    g_assert_cmpuint(fx_all_findings(f), ==, 0);
    fx_free(f);
}

/* In halves: the operand is there when the command comes. */
static void test_halves(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
        const Layout *at = &layouts[i];
        Fx *f = new_vcmd(at);

        run(f, at, 1, 0);
        fx_write32(f, at->vcmd + 4, 0);
        FX_CHECK(at->name, nyx_vtd_stats(f->vtd).virtual_commands, 1);
        fx_write32(f, at->vcmd, 1 << at->shift | 2);
        FX_CHECK(at->name, fx_read64(f, at->vcrsp), 0);
        FX_CHECK(at->name, nyx_vtd_stats(f->vtd).vcmd_pasids, 0);
        FX_CHECK(at->name, fx_read64(f, at->vcmd), 1 << at->shift | 2);
        fx_free(f);
    }
}

/* What cannot be written; the other layout's places; and without the option. */
static void test_registers(void)
{
    Fx *f = new_vcmd(&layouts[3]);

    fx_write64(f, 0xe30, UINT64_MAX);
    fx_write64(f, 0xe10, UINT64_MAX);
    fx_write64(f, 0xe08, 0x123456789abcdef0ULL);
    g_assert_cmphex(fx_read64(f, 0xe30), ==, 1);
    g_assert_cmphex(fx_read64(f, 0xe10), ==, 0);
    g_assert_cmphex(fx_read64(f, 0xe08), ==, 0x123456789abcdef0ULL);
    g_assert_cmphex(fx_read64(f, 0xe20), ==, 0);
    /* 15:8 of VCMD are reserved. */
    fx_write64(f, 0xe00, 0xff01);
    g_assert_cmphex(fx_read64(f, 0xe00), ==, 1);
    g_assert_cmphex(fx_read64(f, 0xe10), ==, 1 << 16);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_RESERVED), ==, 1);
    fx_free(f);

    f = new_vcmd(&layouts[1]);
    fx_write64(f, 0xe08, UINT64_MAX);
    g_assert_cmphex(fx_read64(f, 0xe08), ==, 0);
    g_assert_cmphex(fx_read64(f, 0xe30), ==, 0);
    fx_free(f);

    f = fx_new(NULL);
    for (unsigned offset = 0xe00; offset < 0xe40; offset += 8) {
        fx_write64(f, offset, 1);
        g_assert_cmphex(fx_read64(f, offset), ==, 0);
    }
    fx_free(f);
}

typedef struct SavedRow {
    const char *name;
    uint64_t vcrsp;
    bool good;
} SavedRow;

static const SavedRow saved_rows[] = {
    { "PASID", 5 << 16, true },
    { "last PASID", 65535u << 16, true },
    { "unsupported", 1 << 1, true },
    { "none", 16 << 1, true },
    { "IP", 5 << 16 | 1, false },
    { "PASID beyond the pool", 65536ULL << 16, false },
    { "other status", 2 << 1, false },
    { "status and PASID", 5 << 16 | 16 << 1, false },
    { "reserved bit", 1 << 8, false },
    { "reserved top bit", 1ULL << 36, false },
};

static void test_saved(void)
{
    const Layout *at = &layouts[3];
    Fx *f = new_vcmd(at), *to = new_vcmd(at), *off = fx_new(NULL);
    NyxVtdSaved saved;

    for (unsigned i = 0; i < 100; i++) {
        run(f, at, 1, 0);
    }
    run(f, at, 2, 42);
    nyx_vtd_save(f->vtd, &saved);
    g_assert_null(nyx_vtd_load(to->vtd, &saved));
    g_assert_cmpuint(nyx_vtd_stats(to->vtd).vcmd_pasids, ==, 99);
    g_assert_cmphex(run(to, at, 1, 0), ==, pasid_response(at, 42));
    g_assert_cmphex(run(to, at, 1, 0), ==, pasid_response(at, 101));

    saved.vcmd_pasids[0] |= 1;
    g_assert_nonnull(nyx_vtd_load(to->vtd, &saved));
    for (unsigned i = 0; i < ARRAY_SIZE(saved_rows); i++) {
        nyx_vtd_save(f->vtd, &saved);
        stq_le_p(saved.regs + 0xe10, saved_rows[i].vcrsp);
        FX_CHECK(saved_rows[i].name, nyx_vtd_load(to->vtd, &saved) == NULL,
                 saved_rows[i].good);
    }
    nyx_vtd_save(f->vtd, &saved);
    stq_le_p(saved.regs + 0xe30, 0);
    g_assert_nonnull(nyx_vtd_load(to->vtd, &saved));

    nyx_vtd_save(off->vtd, &saved);
    g_assert_null(nyx_vtd_load(off->vtd, &saved));
    saved.vcmd_pasids[9] = 1;
    g_assert_nonnull(nyx_vtd_load(off->vtd, &saved));
    fx_free(f);
    fx_free(to);
    fx_free(off);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/vcmd/" name, fn)
    ADD("alloc-free", test_alloc_free);
    ADD("errors", test_errors);
    ADD("exhausted", test_exhausted);
    ADD("halves", test_halves);
    ADD("registers", test_registers);
    ADD("saved", test_saved);
    return g_test_run();
}
