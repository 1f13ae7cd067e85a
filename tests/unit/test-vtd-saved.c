/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved state of nyx-vtd: taken in the middle of everything, loaded into
 * another unit; and states that no guest can have produced.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define LEVELS 4

/* A unit like @f with the same guest memory, and the state of @f. */
static Fx *migrate(Fx *f)
{
    Fx *to = fx_new(&f->cfg);
    NyxVtdSaved saved;

    nyx_vtd_save(f->vtd, &saved);
    memcpy(to->mem.bytes, f->mem.bytes, f->mem.next_page);
    to->mem.next_page = f->mem.next_page;
    to->root = f->root;
    to->queue = f->queue;
    to->queue_size = f->queue_size;
    to->tail = f->tail;
    to->irt = f->irt;
    g_assert_cmpstr(nyx_vtd_load(to->vtd, &saved), ==, NULL);
    return to;
}

static void check_same_registers(Fx *a, Fx *b)
{
    for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
        g_autofree char *name = g_strdup_printf("0x%03x", offset);

        FX_CHECK(name, fx_read32(b, offset), fx_read32(a, offset));
    }
}

/* Power on: nothing but reset values, which load everywhere. */
static void test_power_on(void)
{
    Fx *f = fx_new(NULL);
    Fx *to = migrate(f);

    check_same_registers(f, to);
    g_assert_false(nyx_vtd_dma_checked(to->vtd));
    g_assert_cmphex(fx_dma(to, FX_R, 0x1000), ==, 0x1000);
    fx_free(f);
    fx_free(to);
}

/* Translation goes on from the pointer that was latched, not the register. */
static void test_translation(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss), *to;

    fx_map(f, ss, LEVELS, 0x1000, 0x9000, 12, FX_RW);
    fx_write64(f, 0x20, 0x123456000);
    to = migrate(f);
    check_same_registers(f, to);
    g_assert_cmphex(fx_read64(to, 0x20), ==, 0x123456000);
    g_assert_true(nyx_vtd_translating(to->vtd));
    g_assert_cmpuint(to->mode_changes, ==, 1);
    g_assert_cmphex(fx_dma(to, FX_R, 0x1000), ==, 0x9000);
    /* No finding for a root that was flushed for on the other side. */
    fx_gcmd(to, 31, false);
    fx_gcmd(to, 31, true);
    g_assert_cmpuint(fx_all_findings(to), ==, 0);
    fx_free(f);
    fx_free(to);
}

/* Caches do not travel: what was stale there is fresh here. */
static void test_caches(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss), *to;
    NyxVtdSaved saved;

    fx_map(f, ss, LEVELS, 0x1000, 0x9000, 12, FX_RW);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x9000);
    fx_map(f, ss, LEVELS, 0x1000, 0xa000, 12, FX_RW);
    to = migrate(f);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0x9000);
    g_assert_cmphex(fx_dma(to, FX_R, 0x1000), ==, 0xa000);
    /* Loading into a unit that has caches empties them. */
    nyx_vtd_save(f->vtd, &saved);
    g_assert_cmpstr(nyx_vtd_load(f->vtd, &saved), ==, NULL);
    g_assert_cmphex(fx_dma(f, FX_R, 0x1000), ==, 0xa000);
    fx_free(f);
    fx_free(to);
}

static void test_interrupts(void)
{
    Fx *f = fx_new(NULL), *to;
    FxMessage msg;

    fx_ir_start(f, 7, true);
    fx_irte(f, 5, 1 | 0x41 << 16 | 0x123ULL << 32, 0);
    fx_write64(f, 0xb8, 0x777000);
    to = migrate(f);
    check_same_registers(f, to);
    g_assert_true(nyx_vtd_remapping(to->vtd));
    g_assert_cmpuint(fx_interrupt(to, 0x10, fx_irq_addr(5), 0, &msg), ==, 0);
    g_assert_cmphex(msg.addr, ==, 0x100fee23000ULL);
    fx_free(f);
    fx_free(to);
}

/* A queue in the middle of its work is worked to its end. */
static void test_queue(void)
{
    Fx *f = fx_new(NULL), *to;
    uint64_t status = fx_mem_pages(&f->mem, 1);

    fx_queue_start(f, 2);
    for (unsigned i = 1; i <= 700; i++) {
        fx_desc(f, (uint64_t)i << 32 | 0x25, status);
    }
    fx_ring(f);
    g_assert_cmphex(fx_read64(f, 0x80), ==, 256 * 16);
    to = migrate(f);
    check_same_registers(f, to);
    fx_settle(to);
    g_assert_cmphex(fx_read64(to, 0x80), ==, 700 * 16);
    g_assert_cmphex(fx_mem_peek(&to->mem, status), ==, 700);
    fx_submit(to, 0x45, 0);
    g_assert_cmphex(fx_read64(to, 0x80), ==, 701 * 16);
    fx_free(f);
    fx_free(to);
}

/* A device-TLB invalidation without an answer times out on the other side. */
static void test_timeout(void)
{
    Fx *f = fx_new(NULL), *to;
    uint64_t status = fx_mem_pages(&f->mem, 1);

    fx_queue_start(f, 1);
    for (unsigned i = 0; i < 255; i++) {
        fx_desc(f, 0x45, 0);
    }
    fx_desc(f, 0x0000432100000003ULL, 0);
    fx_desc(f, 1ULL << 32 | 0x25, status);
    f->ats_answer = NYX_VTD_ATS_SILENT;
    fx_ring(f);
    g_assert_cmphex(fx_read64(f, 0x80), ==, 256 * 16);
    g_assert_cmphex(fx_read32(f, 0x34), ==, 0);
    to = migrate(f);
    fx_settle(to);
    g_assert_cmphex(fx_read32(to, 0x34), ==, 0x40);
    g_assert_cmphex(fx_read64(to, 0xb0), ==, 0x0000432100000000ULL);
    g_assert_cmphex(fx_mem_peek(&to->mem, status), ==, 0);
    fx_free(f);
    fx_free(to);
}

/* Records, the next of them, and an event that is pending. */
static void test_faults(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss), *to;

    fx_dma(f, FX_W, 0x1000);
    fx_take_fault(f);
    fx_dma(f, FX_W, 0x2000);
    fx_dma(f, FX_W, 0x3000);
    /* Found by another thread, not yet recorded. */
    f->elsewhere = true;
    fx_dma(f, FX_W, 0x4000);
    f->elsewhere = false;
    to = migrate(f);
    check_same_registers(f, to);
    g_assert_cmphex(fx_read32(to, 0x34), ==, 0x102);
    g_assert_cmphex(fx_record(to, 3).lo, ==, 0x4000);
    g_assert_cmphex(fx_read32(to, 0x38), ==, 0xc0000000);
    fx_write32(to, 0x38, 0);
    g_assert_cmpuint(to->messages->len, ==, 1);
    fx_dma(to, FX_W, 0x5000);
    g_assert_cmphex(fx_record(to, 0).lo, ==, 0x5000);
    g_assert_cmphex(fx_take_fault(to).lo, ==, 0x2000);
    fx_free(f);
    fx_free(to);
}

/* Commands that were half written. */
static void test_half_commands(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss), *to;

    fx_write64(f, 0x500, 0x7003);
    fx_write32(f, 0x28, FX_SID << 16 | FX_DID);
    to = migrate(f);
    fx_forget(to);
    fx_write64(to, 0x508, 0xb000000700000000ULL);
    g_assert_cmphex(to->last_event[NYX_VTD_EV_INV_IOTLB].addr, ==, 0x7000);
    g_assert_cmpuint(to->last_event[NYX_VTD_EV_INV_IOTLB].lg2, ==, 15);
    fx_write32(to, 0x2c, 0xe0000000);
    g_assert_cmphex(to->last_event[NYX_VTD_EV_INV_CONTEXT].sid, ==, FX_SID);
    g_assert_cmphex(to->last_event[NYX_VTD_EV_INV_CONTEXT].did, ==, FX_DID);
    g_assert_cmpuint(to->last_event[NYX_VTD_EV_INV_CONTEXT].gran, ==, 3);
    fx_free(f);
    fx_free(to);
}

static void test_protected_memory(void)
{
    Fx *f = fx_new(NULL), *to;

    fx_write32(f, 0x68, 0x400000);
    fx_write32(f, 0x6c, 0x400000);
    fx_write64(f, 0x70, 0x200000);
    fx_write32(f, 0x64, 0x80000000);
    to = migrate(f);
    check_same_registers(f, to);
    g_assert_cmphex(fx_dma(to, FX_W, 0x400000), ==, FX_REFUSED);
    g_assert_cmphex(fx_dma(to, FX_W, 0x600000), ==, 0x600000);
    fx_free(f);
    fx_free(to);
}

/* What has to follow a latched pointer is still due on the other side. */
static void test_flush_due(void)
{
    Fx *f = fx_new(NULL), *to;

    fx_write64(f, 0x20, f->root);
    fx_gcmd(f, 30, true);
    fx_write64(f, 0xb8, fx_mem_pages(&f->mem, 1));
    fx_gcmd(f, 24, true);
    to = migrate(f);
    fx_gcmd(to, 31, true);
    g_assert_cmpuint(fx_findings(to, NVTD_RULE_SRTP_NO_FLUSH), ==, 1);
    fx_gcmd(to, 25, true);
    g_assert_cmpuint(fx_findings(to, NVTD_RULE_SIRTP_NO_FLUSH), ==, 1);
    fx_free(f);
    fx_free(to);
}

/* --- What is refused ------------------------------------------------------ */

/* A state with everything on, as software can have left it. */
static Fx *new_busy(void)
{
    uint64_t ss;
    Fx *f = fx_new_domain(NULL, LEVELS, &ss);

    fx_ir_start(f, 7, true);
    for (unsigned i = 0; i < 3; i++) {
        fx_submit(f, 0x45, 0);
    }
    fx_submit(f, 0x15, 0);
    fx_dma(f, FX_W, 0x1000);
    fx_write32(f, 0x64, 0x80000000);
    return f;
}

typedef struct RefusedRow {
    const char *name;
    uint32_t offset;         /* of the register that gets another value */
    unsigned size;
    uint64_t value;
    void (*change)(NyxVtdSaved *saved);
} RefusedRow;

static void bad_record(NyxVtdSaved *saved)
{
    saved->frcd_next = 4;
}

static void bad_flags(NyxVtdSaved *saved)
{
    saved->flags |= 1u << 31;
}

#define REG(name_, offset_, size_, value_) \
    .name = name_, .offset = offset_, .size = size_, .value = value_

/* Bit 0 of the flags: a root was latched; bit 1: an interrupt table. */
static void bad_root_flag(NyxVtdSaved *saved)
{
    saved->flags &= ~1u;
}

static void bad_irt_flag(NyxVtdSaved *saved)
{
    saved->flags &= ~2u;
}

/* Neither latched, by status and flags, yet there is a pointer. */
static void bad_root_pointer(NyxVtdSaved *saved)
{
    bad_root_flag(saved);
    stl_le_p(saved->regs + 0x1c, 0x87000000);
}

static void bad_irt_pointer(NyxVtdSaved *saved)
{
    bad_irt_flag(saved);
    stl_le_p(saved->regs + 0x1c, 0xc6000000);
}

static void bad_root(NyxVtdSaved *saved)
{
    saved->rtaddr |= 1 << 9;
}

static void bad_irt(NyxVtdSaved *saved)
{
    saved->irta |= 1 << 4;
}

/* Not what new_busy() has: one record, QS 0, IQH and IQT at 0x50. */
static const RefusedRow refused_rows[] = {
    { REG("other VER", 0x000, 4, 0x20) },
    { REG("other CAP", 0x008, 8, 0x00d2038c406f0e66ULL) },
    { REG("other ECAP", 0x010, 8, 0x00f050deULL) },
    { "next record beyond the last", .change = bad_record },
    { "unknown flag", .change = bad_flags },
    { "root latched without flag", .change = bad_root_flag },
    { "interrupt table latched without flag", .change = bad_irt_flag },
    { "root that was not latched", .change = bad_root_pointer },
    { "interrupt table that was not latched", .change = bad_irt_pointer },
    { "reserved bit of latched root", .change = bad_root },
    { "reserved bit of latched interrupt table", .change = bad_irt },
    { REG("RTPS off", 0x01c, 4, 0x87000000) },
    { REG("IRTPS off", 0x01c, 4, 0xc6000000) },
    { REG("WBFS", 0x01c, 4, 0xcf000000) },
    { REG("AFLS", 0x01c, 4, 0xd7000000) },
    { REG("FLS", 0x01c, 4, 0xe7000000) },
    { REG("reserved bit of GSTS", 0x01c, 4, 0xc7000001) },
    { REG("queue off, head not 0", 0x01c, 4, 0xc3000000) },
    { REG("head beyond the queue", 0x080, 8, 0x1000) },
    { REG("head between entries", 0x080, 8, 0x58) },
    { REG("reserved bit of IQA", 0x090, 8, 0x100800) },
    { REG("reserved bit of IQT", 0x088, 8, 0x51) },
    { REG("reserved bit of RTADDR", 0x020, 8, 0x1001) },
    { REG("ICC on", 0x028, 8, 0xa000000000000000ULL) },
    { REG("IVT on", 0x508, 8, 0x9000000000000000ULL) },
    { REG("PPF without F", 0x408, 8, 0x0000000500000010ULL) },
    { REG("F without PPF", 0x034, 4, 0) },
    { REG("FRI beyond the records", 0x034, 4, 0x402) },
    { REG("AFO", 0x034, 4, 0x6) },
    { REG("APF", 0x034, 4, 0xa) },
    { REG("bit 7 of FSTS", 0x034, 4, 0x82) },
    { REG("IP and not IM", 0x038, 4, 0x40000000) },
    { REG("reserved bit of FECTL", 0x038, 4, 0xc0000001) },
    { REG("IP without condition", 0x09c, 4, 0) },
    { REG("PRS without EPM", 0x064, 4, 1) },
    { REG("EPM without PRS", 0x064, 4, 0x80000000) },
    { REG("low bits of a protected range", 0x068, 4, 0x1000) },
    { REG("protected range beyond the width", 0x078, 8, 1ULL << 46) },
};

static void test_refused(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(refused_rows); i++) {
        const RefusedRow *row = &refused_rows[i];
        Fx *f = new_busy(), *to = fx_new(NULL);
        NyxVtdSaved saved;

        nyx_vtd_save(f->vtd, &saved);
        if (row->change) {
            row->change(&saved);
        } else {
            stn_le_p(saved.regs + row->offset, row->size, row->value);
        }
        FX_CHECK(row->name, nyx_vtd_load(to->vtd, &saved) == NULL, false);
        /* Nothing has happened. */
        FX_CHECK(row->name, fx_read32(to, 0x1c), 0);
        FX_CHECK(row->name, to->kicks, 0);
        FX_CHECK(row->name, to->mode_changes, 0);
        fx_free(f);
        fx_free(to);
    }
}

/* What needs an option that is off. */
static void test_refused_options(void)
{
    NyxVtdCfg cfg = fx_cfg();
    NyxVtdSaved saved;
    Fx *f;

    cfg.intremap = cfg.eim = cfg.dma_translation = false;
    f = fx_new(&cfg);
    for (unsigned bit = 23; bit < 32; bit++) {
        bool possible = bit == 26;

        nyx_vtd_save(f->vtd, &saved);
        stl_le_p(saved.regs + 0x1c, 1u << bit);
        saved.flags |= bit == 24 ? 2 : 0;
        FX_CHECK("GSTS", nyx_vtd_load(f->vtd, &saved) == NULL, possible);
    }
    nyx_vtd_save(f->vtd, &saved);
    saved.irta = 0x1000;
    FX_CHECK("IRTA", nyx_vtd_load(f->vtd, &saved) == NULL, false);
    nyx_vtd_save(f->vtd, &saved);
    stl_le_p(saved.regs + 0x44, 1);
    FX_CHECK("FEUADDR", nyx_vtd_load(f->vtd, &saved) == NULL, false);
    fx_free(f);
}

/* Reserved bits that software wrote to write-only fields do not stay. */
static void test_iva_reserved(void)
{
    Fx *f = fx_new(NULL), *to;

    fx_write64(f, 0x500, UINT64_MAX);
    fx_write64(f, 0x28, UINT64_MAX & ~(1ULL << 63));
    to = migrate(f);
    check_same_registers(f, to);
    fx_free(f);
    fx_free(to);
}

/* The state that the rows above spoil is good itself. */
static void test_busy(void)
{
    Fx *f = new_busy();
    Fx *to = migrate(f);

    check_same_registers(f, to);
    fx_free(f);
    fx_free(to);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/saved/" name, fn)
    ADD("power-on", test_power_on);
    ADD("translation", test_translation);
    ADD("caches", test_caches);
    ADD("interrupts", test_interrupts);
    ADD("queue", test_queue);
    ADD("timeout", test_timeout);
    ADD("faults", test_faults);
    ADD("half-commands", test_half_commands);
    ADD("protected-memory", test_protected_memory);
    ADD("flush-due", test_flush_due);
    ADD("refused", test_refused);
    ADD("refused-options", test_refused_options);
    ADD("iva-reserved", test_iva_reserved);
    ADD("busy", test_busy);
    return g_test_run();
}
