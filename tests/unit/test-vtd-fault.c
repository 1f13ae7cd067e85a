/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fault recording and the two event messages of nyx-vtd: records, status
 * bits, mask and pending, and faults that other threads find.
 */
#include "qemu/osdep.h"
#include "vtd-fixture.h"

#define FSTS 0x34
#define FECTL 0x38
#define IM 0x80000000u
#define IP 0x40000000u

#define PFO 0x01
#define PPF 0x02
#define IQE 0x10
#define ICE 0x20
#define ITE 0x40

/* Fault number @n: a write to page n that nothing maps. */
static void make_fault(Fx *f, unsigned n)
{
    g_assert_cmphex(fx_dma(f, FX_W, (uint64_t)n << 12), ==, FX_REFUSED);
}

static Fx *new_faulty(unsigned records)
{
    NyxVtdCfg cfg = fx_cfg();
    uint64_t ss;

    cfg.fault_records = records;
    return fx_new_domain(&cfg, 4, &ss);
}

static unsigned fri(Fx *f)
{
    return (fx_read32(f, FSTS) >> 8) & 0xff;
}

static unsigned status(Fx *f)
{
    return fx_read32(f, FSTS) & 0xff;
}

static void clear_record(Fx *f, unsigned i)
{
    fx_write32(f, 0x40c + 16 * i, 0x80000000);
}

/* --- Records -------------------------------------------------------------- */

/* Whatever their number, they are used in turn. */
static void records_in_turn(unsigned records)
{
    Fx *f = new_faulty(records);
    g_autofree char *row = g_strdup_printf("%u records", records);

    for (unsigned n = 1; n <= 3 * records; n++) {
        make_fault(f, n);
        FX_CHECK(row, status(f), PPF);
        FX_CHECK(row, fri(f), (n - 1) % records);
        FX_CHECK(row, fx_take_fault(f).lo, n << 12);
        FX_CHECK(row, status(f), 0);
    }
    /* Fill them: the first stays the one that FRI names. */
    for (unsigned n = 1; n <= records; n++) {
        make_fault(f, n);
        FX_CHECK(row, status(f), PPF);
        FX_CHECK(row, fri(f), 0);
    }
    make_fault(f, 99);
    FX_CHECK(row, status(f), PPF | PFO);
    for (unsigned i = 0; i < records; i++) {
        FX_CHECK(row, fx_record(f, i).lo, (i + 1) << 12);
        FX_CHECK(row, fx_record(f, i).hi, 0x8000000500000010ULL);
    }
    fx_free(f);
}

static void test_records(void)
{
    for (unsigned records = 1; records <= 16; records++) {
        records_in_turn(records);
    }
}

/* PFO: nothing is recorded until it is cleared, whatever room there is. */
static void test_overflow(void)
{
    Fx *f = new_faulty(2);

    make_fault(f, 1);
    make_fault(f, 2);
    make_fault(f, 3);
    g_assert_cmphex(status(f), ==, PPF | PFO);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_FAULT_OVERFLOW), ==, 1);
    clear_record(f, 0);
    clear_record(f, 1);
    g_assert_cmphex(status(f), ==, PFO);
    make_fault(f, 4);
    g_assert_cmphex(status(f), ==, PFO);
    g_assert_false(fx_record(f, 0).valid);
    fx_write32(f, FSTS, PFO);
    g_assert_cmphex(status(f), ==, 0);
    make_fault(f, 5);
    g_assert_cmphex(status(f), ==, PPF);
    g_assert_cmphex(fx_record(f, 0).lo, ==, 0x5000);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).faults_recorded, ==, 3);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).faults_dropped, ==, 2);
    g_assert_cmpuint(nyx_vtd_requester_stats(f->r).requests_refused, ==, 5);
    fx_free(f);
}

/* The next record is still full although others are free: overflow. */
static void test_next_is_full(void)
{
    Fx *f = new_faulty(2);

    make_fault(f, 1);
    make_fault(f, 2);
    clear_record(f, 1);
    make_fault(f, 3);
    g_assert_cmphex(status(f), ==, PPF | PFO);
    g_assert_false(fx_record(f, 1).valid);
    fx_free(f);
}

/* FRI moves when PPF goes from 0 to 1, at no other time. */
static void test_fri(void)
{
    Fx *f = new_faulty(4);

    make_fault(f, 1);
    make_fault(f, 2);
    g_assert_cmpuint(fri(f), ==, 0);
    clear_record(f, 0);
    g_assert_cmphex(status(f), ==, PPF);
    make_fault(f, 3);
    g_assert_cmpuint(fri(f), ==, 0);
    clear_record(f, 1);
    clear_record(f, 2);
    g_assert_cmphex(status(f), ==, 0);
    make_fault(f, 4);
    g_assert_cmpuint(fri(f), ==, 3);
    make_fault(f, 5);
    g_assert_cmpuint(fri(f), ==, 3);
    /* Reading and writing it changes nothing. */
    fx_write32(f, FSTS, 0xff00);
    g_assert_cmpuint(fri(f), ==, 3);
    fx_free(f);
}

/* The same fault, still unread, takes no second record. */
static void test_collapse(void)
{
    Fx *f = new_faulty(4);

    for (unsigned i = 0; i < 10; i++) {
        make_fault(f, 1);
    }
    g_assert_true(fx_record(f, 0).valid);
    g_assert_false(fx_record(f, 1).valid);
    g_assert_cmphex(status(f), ==, PPF);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).faults_dropped, ==, 9);
    /* Another access is another fault; so is the same after it was read. */
    fx_dma(f, FX_R, 0x1000);
    g_assert_true(fx_record(f, 1).valid);
    clear_record(f, 0);
    make_fault(f, 1);
    g_assert_cmphex(fx_record(f, 2).lo, ==, 0x1000);
    g_assert_false(fx_record(f, 3).valid);
    fx_free(f);
}

/* F is cleared by writing 1 to it, by nothing else; the rest stays. */
static void test_clear_f(void)
{
    Fx *f = new_faulty(2);
    FxRecord record;

    make_fault(f, 1);
    record = fx_record(f, 0);
    fx_write32(f, 0x40c, 0);
    fx_write32(f, 0x40c, 0x7fffffff);
    fx_write32(f, 0x408, 0xffffffff);
    fx_write64(f, 0x400, UINT64_MAX);
    fx_write64(f, 0x408, 0x7fffffffffffffffULL);
    g_assert_cmphex(fx_record(f, 0).lo, ==, record.lo);
    g_assert_cmphex(fx_record(f, 0).hi, ==, record.hi);
    g_assert_cmphex(status(f), ==, PPF);
    /* PPF is computed: writing to it does nothing. */
    fx_write32(f, FSTS, PPF);
    g_assert_cmphex(status(f), ==, PPF);
    fx_write64(f, 0x408, 1ULL << 63);
    g_assert_cmphex(fx_record(f, 0).hi, ==, record.hi & ~(1ULL << 63));
    g_assert_cmphex(status(f), ==, 0);
    fx_free(f);
}

/* What Linux does: from FRI on, with wrap, until F is clear; then status. */
static void test_linux_handler(void)
{
    Fx *f = new_faulty(4);
    unsigned seen = 0;

    make_fault(f, 1);
    make_fault(f, 2);
    make_fault(f, 3);
    fx_clear_faults(f);
    for (unsigned n = 4; n <= 9; n++) {
        make_fault(f, n);
    }
    g_assert_cmphex(status(f), ==, PPF | PFO);
    for (unsigned i = fri(f); fx_record(f, i).valid; i = (i + 1) % 4) {
        g_assert_cmphex(fx_record(f, i).lo, ==, (4 + seen++) << 12);
        clear_record(f, i);
    }
    g_assert_cmpuint(seen, ==, 4);
    /* PFO, PPF and the old PRO bit. */
    fx_write32(f, FSTS, 0x83);
    g_assert_cmphex(status(f), ==, 0);
    g_assert_cmpuint(fx_findings(f, NVTD_RULE_REG_RESERVED), ==, 0);
    fx_free(f);
}

/* --- Event messages, both groups ------------------------------------------ */

/* An event block; raise() sets its status, clear() clears all of it. */
typedef struct Block {
    const char *name;
    uint32_t ctl;
    void (*raise)(Fx *f);
    void (*clear)(Fx *f);
} Block;

static void raise_fault(Fx *f)
{
    make_fault(f, 1);
}

static void clear_fault(Fx *f)
{
    fx_clear_faults(f);
}

static void raise_completion(Fx *f)
{
    fx_submit(f, 0x15, 0);
}

static void clear_completion(Fx *f)
{
    fx_write32(f, 0x9c, 1);
}

static const Block blocks[] = {
    { "fault", 0x38, raise_fault, clear_fault },
    { "completion", 0xa0, raise_completion, clear_completion },
};

static Fx *new_block(const Block *block, bool eim)
{
    NyxVtdCfg cfg = fx_cfg();
    uint64_t ss;
    Fx *f;

    cfg.eim = eim;
    f = fx_new_domain(&cfg, 4, &ss);
    fx_queue_start(f, 0);
    fx_write32(f, block->ctl + 4, 0x4321);
    fx_write32(f, block->ctl + 8, 0xfee01004);
    fx_write32(f, block->ctl + 12, 0x00000100);
    return f;
}

static void check_messages(const Block *block, Fx *f, unsigned n, bool eim)
{
    FX_CHECK(block->name, f->messages->len, n);
    for (unsigned i = 0; i < f->messages->len; i++) {
        FxMessage *msg = &g_array_index(f->messages, FxMessage, i);

        FX_CHECK(block->name, msg->addr,
                 eim ? 0x100fee01004ULL : 0xfee01004ULL);
        FX_CHECK(block->name, msg->data, 0x4321);
    }
}

/* Not masked: one message for the first condition, IP never seen. */
static void block_unmasked(const Block *block, bool eim)
{
    Fx *f = new_block(block, eim);

    fx_write32(f, block->ctl, 0);
    check_messages(block, f, 0, eim);
    block->raise(f);
    check_messages(block, f, 1, eim);
    FX_CHECK(block->name, fx_read32(f, block->ctl), 0);
    block->raise(f);
    check_messages(block, f, 1, eim);
    block->clear(f);
    block->raise(f);
    check_messages(block, f, 2, eim);
    fx_free(f);
}

/* Masked: pending until it is unmasked, then one message. */
static void block_masked(const Block *block)
{
    Fx *f = new_block(block, true);

    FX_CHECK(block->name, fx_read32(f, block->ctl), IM);
    block->raise(f);
    FX_CHECK(block->name, fx_read32(f, block->ctl), IM | IP);
    block->raise(f);
    check_messages(block, f, 0, true);
    /* Masking again, or claiming IP, does nothing. */
    fx_write32(f, block->ctl, IM | IP);
    FX_CHECK(block->name, fx_read32(f, block->ctl), IM | IP);
    fx_write32(f, block->ctl, 0);
    FX_CHECK(block->name, fx_read32(f, block->ctl), 0);
    check_messages(block, f, 1, true);
    /* Told once: unmasking again does not repeat it. */
    fx_write32(f, block->ctl, IM);
    fx_write32(f, block->ctl, 0);
    check_messages(block, f, 1, true);
    fx_free(f);
}

/* Masked and cleared before it is unmasked: nothing left to tell. */
static void block_cleared(const Block *block)
{
    Fx *f = new_block(block, true);

    block->raise(f);
    FX_CHECK(block->name, fx_read32(f, block->ctl), IM | IP);
    block->clear(f);
    FX_CHECK(block->name, fx_read32(f, block->ctl), IM);
    fx_write32(f, block->ctl, 0);
    check_messages(block, f, 0, true);
    fx_free(f);
}

/* IP cannot be written, on or off. */
static void block_ip(const Block *block)
{
    Fx *f = new_block(block, true);

    fx_write32(f, block->ctl, IM | IP);
    FX_CHECK(block->name, fx_read32(f, block->ctl), IM);
    fx_write32(f, block->ctl, IP);
    FX_CHECK(block->name, fx_read32(f, block->ctl), 0);
    check_messages(block, f, 0, true);
    fx_free(f);
}

/* Bits 1:0 of the address are not there, the upper half only with EIM. */
static void block_registers(const Block *block, bool eim)
{
    Fx *f = new_block(block, eim);

    fx_write32(f, block->ctl + 4, 0xffffffff);
    FX_CHECK(block->name, fx_read32(f, block->ctl + 4), 0xffff);
    fx_write32(f, block->ctl + 8, 0xffffffff);
    FX_CHECK(block->name, fx_read32(f, block->ctl + 8), 0xfffffffc);
    fx_write32(f, block->ctl + 12, 0xffffffff);
    FX_CHECK(block->name, fx_read32(f, block->ctl + 12),
             eim ? 0xffffffff : 0);
    fx_free(f);
}

/* The registers are up to date when the message is on its way. */
static void saw_registers(Fx *f)
{
    if (f->on_message_arg == 0x38) {
        g_assert_cmphex(status(f), ==, PPF);
        g_assert_true(fx_record(f, 0).valid);
    } else {
        g_assert_cmphex(fx_read32(f, 0x9c), ==, 1);
    }
    g_assert_cmphex(fx_read32(f, f->on_message_arg), ==, 0);
}

static void block_order(const Block *block)
{
    Fx *f = new_block(block, true);

    fx_write32(f, block->ctl, 0);
    f->on_message = saw_registers;
    f->on_message_arg = block->ctl;
    block->raise(f);
    check_messages(block, f, 1, true);
    fx_free(f);
}

static void test_events(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++) {
        block_unmasked(&blocks[i], true);
        block_unmasked(&blocks[i], false);
        block_masked(&blocks[i]);
        block_cleared(&blocks[i]);
        block_ip(&blocks[i]);
        block_registers(&blocks[i], true);
        block_registers(&blocks[i], false);
        block_order(&blocks[i]);
    }
}

/* Each block has its own registers. */
static void test_events_apart(void)
{
    Fx *f = new_block(&blocks[0], true);

    fx_write32(f, 0xa4, 0x77);
    fx_write32(f, 0xa8, 0xfee02000);
    fx_write32(f, 0xa0, 0);
    make_fault(f, 1);
    g_assert_cmpuint(f->messages->len, ==, 0);
    raise_completion(f);
    g_assert_cmpuint(f->messages->len, ==, 1);
    g_assert_cmphex(g_array_index(f->messages, FxMessage, 0).data, ==, 0x77);
    fx_write32(f, 0x38, 0);
    g_assert_cmpuint(f->messages->len, ==, 2);
    g_assert_cmphex(g_array_index(f->messages, FxMessage, 1).data, ==,
                    0x4321);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).messages, ==, 2);
    fx_free(f);
}

/* --- The fault group ------------------------------------------------------ */

static void raise_iqe(Fx *f)
{
    fx_submit(f, 0xf, 0);
}

static void raise_ice(Fx *f)
{
    f->ats_answer = NYX_VTD_ATS_BAD;
    fx_submit(f, 0x3, 0);
}

static void raise_ite(Fx *f)
{
    f->ats_answer = NYX_VTD_ATS_SILENT;
    fx_submit(f, 0x3, 0);
}

static const struct {
    const char *name;
    void (*raise)(Fx *f);
    uint32_t bit;
} conditions[] = {
    { "PPF", raise_fault, PPF },
    { "IQE", raise_iqe, IQE },
    { "ICE", raise_ice, ICE },
    { "ITE", raise_ite, ITE },
};

#define CONDITIONS ARRAY_SIZE(conditions)

/* Of any two conditions the second sends nothing while the first is there. */
static void test_group(void)
{
    for (unsigned i = 0; i < CONDITIONS * CONDITIONS; i++) {
        unsigned a = i / CONDITIONS, b = i % CONDITIONS;
        Fx *f = new_block(&blocks[0], true);
        g_autofree char *row = g_strdup_printf("%s, %s", conditions[a].name,
                                               conditions[b].name);

        fx_write32(f, FECTL, 0);
        conditions[a].raise(f);
        FX_CHECK(row, status(f), conditions[a].bit);
        FX_CHECK(row, f->messages->len, 1);
        if (a == b || conditions[a].bit & (IQE | ITE)) {
            /* The queue has stopped: only faults can follow. */
            conditions[0].raise(f);
            FX_CHECK(row, status(f), conditions[a].bit | PPF);
        } else {
            conditions[b].raise(f);
            FX_CHECK(row, status(f), conditions[a].bit | conditions[b].bit);
        }
        FX_CHECK(row, f->messages->len, 1);
        fx_free(f);
    }
}

/* IP goes when the last bit of the group goes, not before. */
static void test_group_pending(void)
{
    Fx *f = new_block(&blocks[0], true);

    raise_ice(f);
    make_fault(f, 1);
    g_assert_cmphex(status(f), ==, PPF | ICE);
    g_assert_cmphex(fx_read32(f, FECTL), ==, IM | IP);
    fx_write32(f, FSTS, ICE);
    g_assert_cmphex(fx_read32(f, FECTL), ==, IM | IP);
    clear_record(f, 0);
    g_assert_cmphex(status(f), ==, 0);
    g_assert_cmphex(fx_read32(f, FECTL), ==, IM);
    fx_write32(f, FECTL, 0);
    g_assert_cmpuint(f->messages->len, ==, 0);
    fx_free(f);
}

/* More faults while one is unread: bits, no messages. */
static void test_group_overflow(void)
{
    Fx *f = new_faulty(1);

    fx_write32(f, FECTL, 0);
    make_fault(f, 1);
    make_fault(f, 2);
    g_assert_cmphex(status(f), ==, PPF | PFO);
    g_assert_cmpuint(f->messages->len, ==, 1);
    clear_record(f, 0);
    /* PFO still is of the group. */
    make_fault(f, 3);
    g_assert_cmpuint(f->messages->len, ==, 1);
    fx_write32(f, FSTS, PFO);
    make_fault(f, 4);
    g_assert_cmpuint(f->messages->len, ==, 2);
    fx_free(f);
}

/* Events of the unit are not remapped by it. */
static void test_event_bypasses_remapping(void)
{
    Fx *f = new_block(&blocks[0], true);

    fx_ir_start(f, 3, false);
    fx_write32(f, FECTL, 0);
    make_fault(f, 1);
    check_messages(&blocks[0], f, 1, true);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).interrupts, ==, 0);
    fx_free(f);
}

/* --- Faults of other threads ---------------------------------------------- */

static void test_ring(void)
{
    Fx *f = new_faulty(4);

    fx_write32(f, FECTL, 0);
    f->elsewhere = true;
    make_fault(f, 1);
    make_fault(f, 2);
    g_assert_cmpuint(f->kicks, ==, 1);
    f->elsewhere = false;
    g_assert_cmpuint(f->messages->len, ==, 0);
    fx_settle(f);
    g_assert_cmpuint(f->messages->len, ==, 1);
    g_assert_cmphex(fx_record(f, 0).lo, ==, 0x1000);
    g_assert_cmphex(fx_record(f, 1).lo, ==, 0x2000);
    /* And again: a new kick for a new fault. */
    f->elsewhere = true;
    make_fault(f, 3);
    f->elsewhere = false;
    g_assert_cmpuint(f->kicks, ==, 1);
    g_assert_cmpuint(nyx_vtd_requester_stats(f->r).requests_refused, ==, 3);
    g_assert_cmpuint(nyx_vtd_fault_count(f->vtd, f->r,
                                         nyx_vtd_fault_index(5)), ==, 3);
    fx_free(f);
}

/* A reset leaves nothing to be recorded after it. */
static void test_ring_reset(void)
{
    Fx *f = new_faulty(4);

    fx_write32(f, FECTL, 0);
    f->elsewhere = true;
    make_fault(f, 1);
    f->elsewhere = false;
    nyx_vtd_reset(f->vtd);
    fx_settle(f);
    g_assert_cmpuint(f->messages->len, ==, 0);
    g_assert_cmphex(status(f), ==, 0);
    g_assert_false(fx_record(f, 0).valid);
    g_assert_cmphex(fx_read32(f, FECTL), ==, IM);
    fx_free(f);
}

/* Software that looks before the kick is served sees the fault. */
static void test_ring_read(void)
{
    Fx *f = new_faulty(4);

    f->elsewhere = true;
    make_fault(f, 1);
    f->elsewhere = false;
    g_assert_cmphex(status(f), ==, PPF);
    g_assert_cmphex(fx_record(f, 0).lo, ==, 0x1000);
    fx_settle(f);
    g_assert_cmphex(status(f), ==, PPF);
    g_assert_false(fx_record(f, 1).valid);
    fx_free(f);
}

/* Its order is kept: an older fault of a thread comes before our own. */
static void test_ring_order(void)
{
    Fx *f = new_faulty(4);

    f->elsewhere = true;
    make_fault(f, 1);
    f->elsewhere = false;
    make_fault(f, 2);
    g_assert_cmphex(fx_record(f, 0).lo, ==, 0x1000);
    g_assert_cmphex(fx_record(f, 1).lo, ==, 0x2000);
    fx_free(f);
}

/* More than the ring holds: the first are recorded, and PFO tells. */
static void test_ring_overflow(void)
{
    Fx *f = new_faulty(16);

    f->elsewhere = true;
    for (unsigned n = 1; n <= 200; n++) {
        /* Two pages in turn: they collapse into two records. */
        make_fault(f, n % 2);
    }
    f->elsewhere = false;
    g_assert_cmpuint(f->kicks, ==, 1);
    fx_settle(f);
    g_assert_cmphex(status(f), ==, PPF | PFO);
    g_assert_true(fx_record(f, 1).valid);
    g_assert_false(fx_record(f, 2).valid);
    /* 64 fit in; the rest count as one that was lost. */
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).faults_recorded, ==, 2);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).faults_dropped, ==, 62 + 1);
    fx_clear_faults(f);
    make_fault(f, 3);
    g_assert_cmphex(status(f), ==, PPF);
    fx_free(f);
}

/* The overflow is told once, not with every fault that follows. */
static void test_ring_overflow_once(void)
{
    Fx *f = new_faulty(16);

    f->elsewhere = true;
    for (unsigned n = 1; n <= 100; n++) {
        make_fault(f, n % 2);
    }
    f->elsewhere = false;
    fx_settle(f);
    g_assert_cmphex(status(f), ==, PPF | PFO);
    fx_clear_faults(f);
    f->elsewhere = true;
    make_fault(f, 7);
    f->elsewhere = false;
    fx_settle(f);
    g_assert_cmphex(status(f), ==, PPF);
    fx_free(f);
}

/* FPD: what is not to be recorded is not told to be lost either. */
static void test_ring_overflow_hidden(void)
{
    const NyxRequest req = { .access = NYX_ACCESS_WRITE };
    Fx *f = new_faulty(16);
    NyxReply reply;

    fx_context(f, FX_SID, fx_context_lo(0x100000, 0, true),
               fx_context_hi(4, FX_DID));
    fx_write32(f, FECTL, 0);
    f->elsewhere = true;
    for (unsigned n = 1; n <= 200; n++) {
        make_fault(f, n);
    }
    f->elsewhere = false;
    fx_settle(f);
    g_assert_cmphex(status(f), ==, 0);
    g_assert_cmpuint(f->messages->len, ==, 0);
    g_assert_cmpuint(nyx_vtd_stats(f->vtd).faults_recorded, ==, 0);
    /* Among them there is room for one that is recorded, or it is lost. */
    f->elsewhere = true;
    for (unsigned n = 1; n <= 64; n++) {
        make_fault(f, n);
    }
    g_assert_false(nyx_vtd_translate(f->r, FX_SID + 8, &req, &reply));
    f->elsewhere = false;
    fx_settle(f);
    g_assert_cmphex(status(f), ==, PFO);
    fx_free(f);
}

/* Whoever asks for counts gets those of all faults so far. */
static void test_ring_counts(void)
{
    unsigned index = nyx_vtd_fault_index(NVTD_FAULT_WRITE);

    for (unsigned i = 0; i < 3; i++) {
        Fx *f = new_faulty(4);

        f->elsewhere = true;
        make_fault(f, 1);
        f->elsewhere = false;
        if (i == 0) {
            g_assert_cmpuint(nyx_vtd_stats(f->vtd).faults_recorded, ==, 1);
        } else if (i == 1) {
            g_assert_cmpuint(nyx_vtd_requester_stats(f->r).requests_refused,
                             ==, 1);
        } else {
            g_assert_cmpuint(nyx_vtd_fault_count(f->vtd, NULL, index), ==, 1);
        }
        fx_free(f);
    }
}

/* A requester that goes away takes no fault with it. */
static void test_ring_requester_freed(void)
{
    Fx *f = new_faulty(4);
    NyxVtdRequester *r = nyx_vtd_requester_new(f->vtd, NULL);
    NyxRequest req = { .access = FX_W, .iova = 0x5000 };
    NyxReply reply;

    f->elsewhere = true;
    g_assert_false(nyx_vtd_translate(r, FX_SID, &req, &reply));
    f->elsewhere = false;
    nyx_vtd_requester_free(r);
    g_assert_cmphex(fx_record(f, 0).lo, ==, 0x5000);
    fx_settle(f);
    fx_free(f);
}

/* Questions find no fault in other threads either. */
static void test_ring_probe(void)
{
    Fx *f = new_faulty(4);

    f->elsewhere = true;
    g_assert_false(fx_request(f, 0, NYX_ACCESS_NONE, 0x1000).ok);
    f->elsewhere = false;
    g_assert_cmpuint(f->kicks, ==, 0);
    g_assert_cmphex(status(f), ==, 0);
    fx_free(f);
}

/* --- Counts for whoever looks at the device ------------------------------- */

static void visit_requester(NyxVtdRequester *r, void *opaque)
{
    uint64_t *sum = opaque;

    *sum += nyx_vtd_requester_stats(r).requests_refused;
    g_assert_nonnull(nyx_vtd_requester_opaque(r));
}

static void test_counts(void)
{
    unsigned index = nyx_vtd_fault_index(NVTD_FAULT_WRITE);
    Fx *f = new_faulty(4);
    NyxVtdRequester *r = nyx_vtd_requester_new(f->vtd, &index);
    NyxRequest req = { .access = FX_W, .iova = 0x5000 };
    NyxReply reply;
    uint64_t sum = 0;

    g_assert_true(nyx_vtd_requester_opaque(r) == &index);
    g_assert_cmpuint(nyx_vtd_cfg(f->vtd)->fault_records, ==, 4);
    make_fault(f, 1);
    g_assert_false(nyx_vtd_translate(r, FX_SID, &req, &reply));
    g_assert_false(nyx_vtd_translate(r, FX_SID, &req, &reply));
    nyx_vtd_foreach_requester(f->vtd, visit_requester, &sum);
    g_assert_cmpuint(sum, ==, 3);
    g_assert_cmpuint(nyx_vtd_fault_count(f->vtd, f->r, index), ==, 1);
    g_assert_cmpuint(nyx_vtd_fault_count(f->vtd, r, index), ==, 2);
    g_assert_cmpuint(nyx_vtd_fault_count(f->vtd, NULL, index), ==, 3);
    g_assert_cmpuint(nyx_vtd_fault_count(f->vtd, NULL, index + 1), ==, 0);
    nyx_vtd_requester_free(r);
    sum = 0;
    nyx_vtd_foreach_requester(f->vtd, visit_requester, &sum);
    g_assert_cmpuint(sum, ==, 1);
    fx_free(f);
}

/* What a finding says of where it was. */
static void test_findings(void)
{
    NyxFindings *findings;
    Fx *f = new_faulty(1);
    FxMessage msg;
    NyxWhere where;

    findings = nyx_vtd_findings(f->vtd);
    make_fault(f, 5);
    where = nyx_findings_get(findings, NVTD_RULE_DMA_FAULT).last.where;
    g_assert_true(where.has_sid && where.has_addr);
    g_assert_cmphex(where.sid, ==, FX_SID);
    g_assert_cmphex(where.addr, ==, 0x5000);
    g_assert_cmphex(where.value, ==, 5);
    fx_dma(f, FX_R, 0x6000);
    where = nyx_findings_get(findings, NVTD_RULE_FAULT_OVERFLOW).last.where;
    g_assert_true(where.has_sid);
    g_assert_cmphex(where.sid, ==, FX_SID);
    g_assert_cmphex(where.value, ==, 6);
    fx_ir_start(f, 7, true);
    fx_interrupt(f, 0x1234, fx_irq_addr(9), 0, &msg);
    where = nyx_findings_get(findings, NVTD_RULE_IRQ_FAULT).last.where;
    g_assert_true(where.has_sid && where.has_addr);
    g_assert_cmphex(where.sid, ==, 0x1234);
    g_assert_cmphex(where.addr, ==, 9ULL << 48);
    g_assert_cmphex(where.value, ==, 0x22);
    fx_free(f);
    nyx_vtd_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-vtd/fault/" name, fn)
    ADD("records", test_records);
    ADD("overflow", test_overflow);
    ADD("next-is-full", test_next_is_full);
    ADD("fri", test_fri);
    ADD("collapse", test_collapse);
    ADD("clear-f", test_clear_f);
    ADD("linux-handler", test_linux_handler);
    ADD("events", test_events);
    ADD("events-apart", test_events_apart);
    ADD("group", test_group);
    ADD("group-pending", test_group_pending);
    ADD("group-overflow", test_group_overflow);
    ADD("event-bypasses-remapping", test_event_bypasses_remapping);
    ADD("ring", test_ring);
    ADD("ring-reset", test_ring_reset);
    ADD("ring-read", test_ring_read);
    ADD("ring-order", test_ring_order);
    ADD("ring-overflow", test_ring_overflow);
    ADD("ring-overflow-once", test_ring_overflow_once);
    ADD("ring-overflow-hidden", test_ring_overflow_hidden);
    ADD("ring-counts", test_ring_counts);
    ADD("ring-requester-freed", test_ring_requester_freed);
    ADD("ring-probe", test_ring_probe);
    ADD("counts", test_counts);
    ADD("findings", test_findings);
    return g_test_run();
}
