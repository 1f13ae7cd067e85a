/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command buffer of nyx-amdvi: fetch, order, what each command asks for,
 * what is refused, and how software goes on after an error.
 *
 * What commands drop is tested elsewhere: here the functions that do it are
 * wrapped by the linker, and record how they are called.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"
#include "amd-fixture.h"

/* --- Wrapped functions ---------------------------------------------------- */

typedef struct Calls {
    unsigned pages;
    unsigned devtab;
    unsigned all;
    unsigned int_dte;
    unsigned irt;
    unsigned int_all;
    NyxAmdPages last_pages;
    uint16_t sid;
} Calls;

static Calls calls;

void __wrap_nyx_amd_inv_pages(NyxAmd *amd, const NyxAmdPages *pages);
void __wrap_nyx_amd_inv_devtab(NyxAmd *amd, uint16_t sid);
void __wrap_nyx_amd_inv_all(NyxAmd *amd);
void __wrap_nyx_amd_inv_int_dte(NyxAmd *amd, uint16_t sid);
void __wrap_nyx_amd_inv_irt(NyxAmd *amd, uint16_t sid);
void __wrap_nyx_amd_inv_int_all(NyxAmd *amd);

void __wrap_nyx_amd_inv_pages(NyxAmd *amd, const NyxAmdPages *pages)
{
    calls.pages++;
    calls.last_pages = *pages;
}

void __wrap_nyx_amd_inv_devtab(NyxAmd *amd, uint16_t sid)
{
    calls.devtab++;
    calls.sid = sid;
}

void __wrap_nyx_amd_inv_all(NyxAmd *amd)
{
    calls.all++;
}

void __wrap_nyx_amd_inv_int_dte(NyxAmd *amd, uint16_t sid)
{
    calls.int_dte++;
    calls.sid = sid;
}

void __wrap_nyx_amd_inv_irt(NyxAmd *amd, uint16_t sid)
{
    calls.irt++;
    calls.sid = sid;
}

void __wrap_nyx_amd_inv_int_all(NyxAmd *amd)
{
    calls.int_all++;
}

static Ax *new_started(const NyxAmdCfg *cfg)
{
    Ax *f = ax_new_started(cfg);

    ax_control_set(f, AX_GTEN);
    calls = (Calls) { };
    return f;
}

static bool running(Ax *f)
{
    return ax_read32(f, AX_STATUS) & AX_CMDBUFRUN;
}

/* The engine has stopped at @at, with an event that says so. */
static void check_halted(Ax *f, const char *row, unsigned code, uint64_t at)
{
    AxEvent event = ax_take_event(f);

    FX_CHECK(row, running(f), false);
    FX_CHECK(row, event.valid, true);
    /* 8.1: of a hardware error the type, and nothing else. */
    FX_CHECK(row, event.lo, (uint64_t)code << 60 |
                            (code == 6 ? 2ULL << 57 : 0));
    FX_CHECK(row, event.hi, at);
}

static void recover(Ax *f)
{
    ax_control_clear(f, AX_CMDBUFEN);
    ax_control_set(f, AX_CMDBUFEN);
    ax_settle(f);
}

/* --- What they ask for ---------------------------------------------------- */

typedef struct PagesRow {
    const char *name;
    uint64_t lo;
    uint64_t hi;
    NyxAmdPages want;
} PagesRow;

#define RANGE(first_, last_, lg2_) .first = first_, .last = last_, .lg2 = lg2_

/* 16.31: the size is by the lowest zero at or above bit 12. */
static const PagesRow pages_rows[] = {
    { "a page", 0x3000000700000000ULL, 0x12345000,
      { .did = 7, RANGE(0x12345000, 0x12345fff, 12) } },
    { "a page, PDE", 0x3000ffff00000000ULL, 0x12345002,
      { .did = 0xffff, .tables = true, RANGE(0x12345000, 0x12345fff, 12) } },
    { "S = 0: ones say nothing", 0x3000000000000000ULL, 0x7ffff002,
      { .tables = true, RANGE(0x7ffff000, 0x7fffffff, 12) } },
    { "8K", 0x3000000100000000ULL, 0x12344003,
      { .did = 1, .tables = true, RANGE(0x12344000, 0x12345fff, 13) } },
    { "16K", 0x3000000100000000ULL, 0x12345003,
      { .did = 1, .tables = true, RANGE(0x12344000, 0x12347fff, 14) } },
    { "2M", 0x3000000100000000ULL, 0x522ff003,
      { .did = 1, .tables = true, RANGE(0x52200000, 0x523fffff, 21) } },
    { "everything, as Linux says it", 0x3000000100000000ULL,
      0x7ffffffffffff003ULL,
      { .did = 1, .tables = true, RANGE(0, UINT64_MAX, 64) } },
    { "no zero at all", 0x3000000100000000ULL, 0xfffffffffffff003ULL,
      { .did = 1, .tables = true, RANGE(0, UINT64_MAX, 64) } },
    { "half", 0x3000000100000000ULL, 0xbffffffffffff003ULL,
      { .did = 1, .tables = true,
        RANGE(0x8000000000000000ULL, UINT64_MAX, 63) } },
    { "of a PASID", 0x30000002000abcdeULL, 0x5006,
      { .did = 2, .gn = true, .pasid = 0xabcde, .tables = true,
        RANGE(0x5000, 0x5fff, 12) } },
};

static void test_pages(void)
{
    Ax *f = new_started(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(pages_rows); i++) {
        const PagesRow *row = &pages_rows[i];
        const NyxAmdPages *got = &calls.last_pages;

        calls = (Calls) { };
        ax_submit(f, row->lo, row->hi);
        FX_CHECK(row->name, calls.pages, 1);
        FX_CHECK(row->name, got->did, row->want.did);
        FX_CHECK(row->name, got->gn, row->want.gn);
        FX_CHECK(row->name, got->pasid, row->want.pasid);
        FX_CHECK(row->name, got->tables, row->want.tables);
        FX_CHECK(row->name, got->first, row->want.first);
        FX_CHECK(row->name, got->last, row->want.last);
        FX_CHECK(row->name, got->lg2, row->want.lg2);
        FX_CHECK(row->name, calls.devtab + calls.all + calls.int_all +
                            calls.int_dte + calls.irt, 0);
    }
    FX_CHECK(NULL, ax_all_findings(f), 0);
    ax_free(f);
}

static void test_devices(void)
{
    Ax *f = new_started(NULL);

    ax_submit(f, 2ULL << 60 | 0xabcd, 0);
    FX_CHECK("devtab", calls.devtab, 1);
    FX_CHECK("devtab", calls.int_dte, 1);
    FX_CHECK("devtab", calls.sid, 0xabcd);
    FX_CHECK("devtab", calls.irt + calls.int_all + calls.pages + calls.all, 0);
    calls = (Calls) { };
    ax_submit(f, 5ULL << 60 | 0xdcba, 0);
    FX_CHECK("irt", calls.irt, 1);
    FX_CHECK("irt", calls.sid, 0xdcba);
    FX_CHECK("irt", calls.devtab + calls.int_dte + calls.all, 0);
    calls = (Calls) { };
    ax_submit(f, 8ULL << 60, 0);
    FX_CHECK("all", calls.all, 1);
    FX_CHECK("all", calls.int_all, 1);
    FX_CHECK("all", calls.pages + calls.devtab + calls.irt, 0);
    FX_CHECK("device TLBs are not reached", f->devtlb->len, 0);
    ax_free(f);
}

typedef struct IotlbRow {
    const char *name;
    uint64_t lo;
    uint64_t hi;
    NyxAmdDeviceTlb want;
} IotlbRow;

static const IotlbRow iotlb_rows[] = {
    { "a page", 0x4000000001000010ULL, 0x7000,
      { .addr = 0x7000, .sid = 0x10, .lg2 = 12 } },
    { "queue and depth", 0x40001234ff00abcdULL, 0x7000,
      { .addr = 0x7000, .sid = 0xabcd, .lg2 = 12 } },
    { "everything", 0x4000000000000010ULL, 0x7ffffffffffff001ULL,
      { .addr = 0, .sid = 0x10, .lg2 = 64 } },
    { "64K", 0x4000000000000010ULL, 0x12347001,
      { .addr = 0x12340000, .sid = 0x10, .lg2 = 16 } },
    /* PASID 7:0 at 55:48, 15:8 at 23:16, 19:16 at 59:56. */
    { "of a PASID", 0x4ade000000bc0010ULL, 0x7004,
      { .addr = 0x7000, .sid = 0x10, .lg2 = 12, .has_pasid = true,
        .pasid = 0xabcde } },
    { "a PASID without GN", 0x4ade000000bc0010ULL, 0x7000,
      { .addr = 0x7000, .sid = 0x10, .lg2 = 12 } },
    { "types", 0x4000000000000010ULL, 0x7030,
      { .addr = 0x7000, .sid = 0x10, .lg2 = 12 } },
};

static void test_iotlb(void)
{
    Ax *f = new_started(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(iotlb_rows); i++) {
        const IotlbRow *row = &iotlb_rows[i];
        const NyxAmdDeviceTlb *got;

        ax_forget(f);
        ax_submit(f, row->lo, row->hi);
        FX_CHECK(row->name, f->devtlb->len, 1);
        got = &g_array_index(f->devtlb, NyxAmdDeviceTlb, 0);
        FX_CHECK(row->name, got->addr, row->want.addr);
        FX_CHECK(row->name, got->sid, row->want.sid);
        FX_CHECK(row->name, got->lg2, row->want.lg2);
        FX_CHECK(row->name, got->has_pasid, row->want.has_pasid);
        FX_CHECK(row->name, got->pasid, row->want.pasid);
        FX_CHECK(row->name, ax_all_findings(f), 0);
    }
    ax_free(f);
}

/* No answer: an event if there is a limit, and the engine goes on. */
static void test_iotlb_silent(void)
{
    Ax *f = new_started(NULL);
    uint64_t at = f->commands + f->tail;
    AxEvent event;

    f->ats_answer = NYX_AMD_ATS_SILENT;
    ax_submit(f, 0x4000000000000010ULL, 0x7000);
    FX_CHECK("no limit", ax_take_event(f).valid, false);
    FX_CHECK("no limit", ax_findings(f, NAMD_RULE_IOTLB_SILENT), 1);
    ax_control_set(f, 4ULL << 5);
    at = f->commands + f->tail;
    ax_command(f, 0x400000000000abcdULL, 0x7000);
    ax_submit(f, 0x8ULL << 60, 0);
    event = ax_take_event(f);
    FX_CHECK("1 s", event.lo, 0x700000000000abcdULL);
    FX_CHECK("1 s", event.hi, at);
    FX_CHECK("goes on", running(f), true);
    FX_CHECK("goes on", calls.all, 1);
    ax_wait(f);
    ax_free(f);
}

/* 2.4.7: codes that Linux has sent, and what endpoints make of them. */
static void test_complete_ppr(void)
{
    static const unsigned codes[16] = {
        0, 1, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    };
    Ax *f = new_started(NULL);

    for (unsigned code = 0; code < 16; code++) {
        const NyxAmdPageResponse *got;

        ax_forget(f);
        ax_submit(f, 0x700abcde00001234ULL,
                  0x1ffULL << 32 | (uint64_t)code << 44 | 4);
        FX_CHECK(NULL, f->responses->len, 1);
        got = &g_array_index(f->responses, NyxAmdPageResponse, 0);
        FX_CHECK(NULL, got->sid, 0x1234);
        FX_CHECK(NULL, got->pasid, 0xabcde);
        FX_CHECK(NULL, got->has_pasid, true);
        FX_CHECK(NULL, got->group, 0x1ff);
        FX_CHECK(NULL, got->code, codes[code]);
    }
    ax_submit(f, 0x700abcde00001234ULL, 0);
    FX_CHECK("no PASID", g_array_index(f->responses, NyxAmdPageResponse,
                                       1).has_pasid, false);
    FX_CHECK("no PASID", g_array_index(f->responses, NyxAmdPageResponse,
                                       1).pasid, 0);
    ax_free(f);
}

static void test_prefetch(void)
{
    Ax *f = new_started(NULL);

    ax_submit(f, 0x600fffff0200abcdULL, 0xfffffffffffff015ULL);
    ax_wait(f);
    FX_CHECK(NULL, calls.pages + calls.devtab + calls.all, 0);
    FX_CHECK(NULL, nyx_amd_stats(f->amd).commands[6], 1);
    ax_free(f);
}

/* --- COMPLETION_WAIT ------------------------------------------------------ */

/* 16.36: all 64 bits, at the address as it stands in the command. */
static void test_wait_store(void)
{
    Ax *f = new_started(NULL);
    uint64_t page = fx_mem_pages(&f->mem, 1);

    for (unsigned at = 0; at < 64; at += 8) {
        fx_mem_poke(&f->mem, page + at, 0x1111);
        ax_submit(f, 1ULL << 60 | (page + at) | 1, 0xfedcba9876543210ULL);
        FX_CHECK(NULL, fx_mem_peek(&f->mem, page + at),
                 0xfedcba9876543210ULL);
        FX_CHECK(NULL, fx_mem_peek(&f->mem, page + at + 8), 0);
    }
    /* f alone, and together. */
    ax_submit(f, 1ULL << 60 | page | 5, 3);
    FX_CHECK(NULL, fx_mem_peek(&f->mem, page), 3);
    ax_forget(f);
    ax_submit(f, 1ULL << 60 | page | 4, 4);
    FX_CHECK("no store", fx_mem_peek(&f->mem, page), 3);
    FX_CHECK("no store", ax_findings(f, NAMD_RULE_CMD_WAIT_IDLE), 1);
    FX_CHECK("status", ax_read32(f, AX_STATUS) & AX_COMWAITINT, 0);
    ax_free(f);
}

/* 16.5: the status bit always, a message only if Control says so. */
static void test_wait_interrupt(void)
{
    Ax *f = new_started(NULL);

    ax_submit(f, 1ULL << 60 | 2, 0);
    FX_CHECK("not enabled", ax_read32(f, AX_STATUS) & AX_COMWAITINT,
             AX_COMWAITINT);
    FX_CHECK("not enabled", f->signals->len, 0);
    ax_write32(f, AX_STATUS, AX_COMWAITINT);
    ax_control_set(f, AX_COMWAITINTEN);
    FX_CHECK("nothing pending", f->signals->len, 0);
    ax_submit(f, 1ULL << 60 | 2, 0);
    FX_CHECK("enabled", f->signals->len, 1);
    FX_CHECK("enabled", g_array_index(f->signals, unsigned, 0), 0);
    ax_submit(f, 1ULL << 60 | 2, 0);
    FX_CHECK("already set", f->signals->len, 1);
    ax_write32(f, AX_STATUS, AX_COMWAITINT);
    ax_submit(f, 1ULL << 60 | 2, 0);
    FX_CHECK("again", f->signals->len, 2);
    ax_free(f);
}

static uint64_t seen_at_signal;

static void look_at_store(Ax *f)
{
    seen_at_signal = fx_mem_peek(&f->mem, *(uint64_t *)f->opaque);
}

static unsigned calls_at_store;

static void count_calls(void *opaque, uint64_t gpa)
{
    Ax *f = opaque;

    if (gpa == *(uint64_t *)f->opaque) {
        calls_at_store = calls.pages + calls.devtab + calls.irt +
                         f->devtlb->len;
    }
}

/* 16.35: effects, then the store, then the interrupt. */
static void test_wait_order(void)
{
    Ax *f = new_started(NULL);
    uint64_t page = fx_mem_pages(&f->mem, 1);

    f->opaque = &page;
    f->on_signal = look_at_store;
    f->mem.on_write = count_calls;
    f->mem.on_write_opaque = f;
    ax_control_set(f, AX_COMWAITINTEN);
    ax_command(f, 3ULL << 60, 0x1000);
    ax_command(f, 2ULL << 60, 0);
    ax_command(f, 5ULL << 60, 0);
    ax_command(f, 4ULL << 60, 0);
    ax_submit(f, 1ULL << 60 | page | 3, 0x77);
    FX_CHECK("effects first", calls_at_store, 4);
    FX_CHECK("store first", seen_at_signal, 0x77);
    ax_free(f);
}

/* What another thread has left is in the log when the wait is over. */
static void test_wait_catches_up(void)
{
    Ax *f = new_started(NULL);
    uint64_t page = fx_mem_pages(&f->mem, 1);
    const NyxAmdFault fault = {
        .code = NAMD_FAULT_HOST_EMPTY, .sid = 0x55, .addr = 0x1000,
    };

    ax_command(f, 1ULL << 60 | page | 1, 1);
    f->elsewhere = true;
    nyx_amd_report(f->amd, &fault);
    f->elsewhere = false;
    FX_CHECK(NULL, f->kicks, 1);
    /* Not by way of the register access: the wait itself. */
    nyx_reg_set(&f->amd->regs, A_NAMD_CMDTAIL, 8, f->tail);
    nyx_amd_commands_run(f->amd);
    FX_CHECK(NULL, fx_mem_peek(&f->mem, page), 1);
    FX_CHECK(NULL, fx_mem_peek(&f->mem, f->events) >> 60, 2);
    ax_free(f);
}

/* --- What is refused ------------------------------------------------------ */

typedef struct LegalRow {
    const char *name;
    uint64_t lo;             /* a legal one */
    uint64_t hi;
    uint64_t mbz_lo;         /* bits that make it illegal */
    uint64_t mbz_hi;
} LegalRow;

/* 7: each command with its reserved bits. */
static const LegalRow legal_rows[] = {
    { "completion wait", 0x1000000000000002ULL, 0, 0x0ff0000000000000ULL, 0 },
    { "devtab", 0x2000000000000000ULL, 0, 0x0fffffffffff0000ULL, UINT64_MAX },
    { "pages", 0x3000000000000000ULL, 0x2, 0x0fff0000fff00000ULL, 0xff8 },
    { "iotlb", 0x4000000000000000ULL, 0, 0, 0xfca },
    { "irt", 0x5000000000000000ULL, 0, 0x0fffffffffff0000ULL, UINT64_MAX },
    { "prefetch", 0x6000000000000000ULL, 0, 0x0ff0000000ff0000ULL, 0xfea },
    { "ppr", 0x7000000000000000ULL, 0, 0x0ff00000ffff0000ULL,
      0xffff0e00fffffffbULL },
    { "all", 0x8000000000000000ULL, 0, 0x0fffffffffffffffULL, UINT64_MAX },
};

/* One bit of a legal command; the store of a wait has to go to RAM. */
static void check_bit(Ax *f, const LegalRow *row, unsigned bit)
{
    bool high = bit >= 64;
    uint64_t mask = 1ULL << bit % 64;
    bool illegal = (high ? row->mbz_hi : row->mbz_lo) & mask;
    g_autofree char *name = g_strdup_printf("%s, bit %u", row->name, bit);
    uint64_t at = f->commands + f->tail;

    ax_forget(f);
    ax_submit(f, row->lo ^ (high ? 0 : mask), row->hi ^ (high ? mask : 0));
    if (!illegal) {
        FX_CHECK(name, running(f), true);
        FX_CHECK(name, ax_take_event(f).valid, false);
        return;
    }
    check_halted(f, name, 5, at);
    FX_CHECK(name, ax_findings(f, NAMD_RULE_CMD_ILLEGAL), 1);
    recover(f);
    FX_CHECK(name, running(f), true);
}

static void test_reserved_bits(void)
{
    Ax *f = new_started(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(legal_rows); i++) {
        for (unsigned bit = 0; bit < 128; bit++) {
            /* The opcode is another test's. */
            if (bit < 60 || bit >= 64) {
                check_bit(f, &legal_rows[i], bit);
            }
        }
    }
    ax_free(f);
}

static void test_opcodes(void)
{
    Ax *f = new_started(NULL);

    for (uint64_t op = 0; op < 16; op++) {
        g_autofree char *name = g_strdup_printf("opcode %" PRIu64, op);
        uint64_t at = f->commands + f->tail;
        bool legal = op >= 1 && op <= 8;

        ax_submit(f, op << 60, 0);
        FX_CHECK(name, running(f), legal);
        if (!legal) {
            check_halted(f, name, 5, at);
            recover(f);
        }
        FX_CHECK(name, nyx_amd_stats(f->amd).commands[op], 1);
    }
    FX_CHECK(NULL, nyx_amd_stats(f->amd).command_errors, 8);
    ax_free(f);
}

typedef struct MissingRow {
    const char *name;
    uint64_t lo;
    uint64_t hi;
    uint64_t control;        /* bits that are off */
    size_t option;           /* that is not there; 0: all are */
} MissingRow;

#define OPT(option) offsetof(NyxAmdCfg, option)

static const MissingRow missing_rows[] = {
    { "InvIotlbTypeSup", 0x4000000000000000ULL, 0x10, 0,
      OPT(inv_iotlb_type) },
    { "PreFSup", 0x6000000000000000ULL, 0, 0, OPT(prefetch) },
    { "IASup", 0x8000000000000000ULL, 0, 0, OPT(invalidate_all) },
    { "GTEn: pages", 0x3000000000000000ULL, 4, AX_GTEN, 0 },
    { "GTEn: iotlb", 0x4000000000000000ULL, 4, AX_GTEN, 0 },
    { "GTEn: prefetch", 0x6000000000000000ULL, 4, AX_GTEN, 0 },
    { "GTEn: ppr", 0x7000000000000000ULL, 4, AX_GTEN, 0 },
};

static void test_missing(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(missing_rows); i++) {
        const MissingRow *row = &missing_rows[i];
        NyxAmdCfg cfg = ax_cfg();
        Ax *f = new_started(&cfg);
        uint64_t at;

        ax_submit(f, row->lo, row->hi);
        FX_CHECK(row->name, running(f), true);
        ax_free(f);
        if (row->option) {
            *((uint8_t *)&cfg + row->option) = 0;
        }
        f = new_started(&cfg);
        ax_control_clear(f, row->control);
        at = f->commands + f->tail;
        ax_submit(f, row->lo, row->hi);
        check_halted(f, row->name, 5, at);
        ax_free(f);
    }
}

static void test_missing_devices(void)
{
    const NyxAmdCfg cfg = {
        .pa_bits = 40, .va_bits = 48, .host_levels = 4, .dma_remap = true,
        .iotlb_entries = 16,
    };

    for (uint64_t op = 4; op <= 8; op++) {
        Ax *f = ax_new_started(&cfg);
        uint64_t at = f->commands;

        ax_submit(f, op << 60, 0);
        if (op == 5) {
            FX_CHECK("irt", running(f), true);
        } else {
            check_halted(f, "missing", 5, at);
        }
        FX_CHECK("missing", f->devtlb->len + f->responses->len, 0);
        ax_free(f);
    }
}

/* --- Errors and recovery -------------------------------------------------- */

/* 16.6: what came before took effect, nothing after it until a restart. */
static void test_illegal_stops(void)
{
    Ax *f = new_started(NULL);
    uint64_t at;

    ax_command(f, 2ULL << 60 | 1, 0);
    at = f->commands + f->tail;
    ax_command(f, 0, 0);
    ax_command(f, 2ULL << 60 | 2, 0);
    ax_doorbell(f);
    ax_settle(f);
    FX_CHECK("before", calls.devtab, 1);
    FX_CHECK("before", calls.sid, 1);
    check_halted(f, "stopped", 5, at);
    /* It has been fetched: the head is behind it. */
    FX_CHECK("head", ax_read32(f, AX_CMDHEAD), 0x20);
    ax_doorbell(f);
    nyx_amd_continue(f->amd);
    FX_CHECK("a doorbell is no restart", calls.devtab, 1);
    ax_control_set(f, AX_CMDBUFEN);
    FX_CHECK("nor is writing 1 again", running(f), false);
    ax_control_clear(f, AX_IOMMUEN);
    ax_control_set(f, AX_IOMMUEN);
    FX_CHECK("nor IommuEn", running(f), false);
    recover(f);
    FX_CHECK("after", running(f), true);
    FX_CHECK("after", calls.devtab, 2);
    FX_CHECK("after", calls.sid, 2);
    FX_CHECK("after", ax_read32(f, AX_CMDHEAD), 0x30);
    ax_free(f);
}

/* Software may start over: pointers can be written while it is stopped. */
static void test_start_over(void)
{
    Ax *f = new_started(NULL);

    ax_submit(f, 0, 0);
    FX_CHECK(NULL, running(f), false);
    ax_control_clear(f, AX_CMDBUFEN);
    ax_write32(f, AX_CMDHEAD, 0);
    ax_write32(f, AX_CMDTAIL, 0);
    f->tail = 0;
    ax_control_set(f, AX_CMDBUFEN);
    ax_submit(f, 2ULL << 60 | 9, 0);
    FX_CHECK(NULL, calls.sid, 9);
    ax_free(f);
}

/* A buffer that is not RAM: one event, not a loop of them. */
static void test_fetch_error(void)
{
    Ax *f = new_started(NULL);

    fx_mem_hole(&f->mem, f->commands + 0x18, f->commands + 0x18);
    ax_command(f, 2ULL << 60 | 1, 0);
    ax_command(f, 2ULL << 60 | 2, 0);
    ax_doorbell(f);
    ax_settle(f);
    FX_CHECK("before", calls.devtab, 1);
    check_halted(f, "fetch", 6, f->commands + 0x10);
    FX_CHECK("once", ax_take_event(f).valid, false);
    FX_CHECK("head stays", ax_read32(f, AX_CMDHEAD), 0x10);
    FX_CHECK("finding", ax_findings(f, NAMD_RULE_CMD_FETCH), 1);
    recover(f);
    check_halted(f, "fetch again", 6, f->commands + 0x10);
    fx_mem_no_hole(&f->mem);
    recover(f);
    FX_CHECK("recovered", calls.devtab, 2);
    ax_free(f);
}

static void test_fetch_above_memory(void)
{
    Ax *f = ax_new(NULL);

    ax_start(f);
    ax_control_clear(f, AX_CMDBUFEN);
    ax_write64(f, AX_CMDBASE, ax_ring(0x000ffffffffff000ULL, 8));
    ax_control_set(f, AX_CMDBUFEN);
    ax_write32(f, AX_CMDTAIL, 0x10);
    ax_settle(f);
    check_halted(f, NULL, 6, 0x000ffffffffff000ULL);
    ax_free(f);
}

static void test_store_error(void)
{
    Ax *f = new_started(NULL);
    uint64_t at;

    ax_control_set(f, AX_COMWAITINTEN);
    at = f->commands + f->tail;
    ax_command(f, 1ULL << 60 | 0x000ffffffffffff8ULL | 3, 1);
    ax_submit(f, 2ULL << 60, 0);
    check_halted(f, "store", 6, at);
    FX_CHECK("store", ax_findings(f, NAMD_RULE_CMD_WAIT_STORE), 1);
    FX_CHECK("no interrupt", ax_read32(f, AX_STATUS) & AX_COMWAITINT, 0);
    FX_CHECK("nothing after it", calls.devtab, 0);
    recover(f);
    FX_CHECK("goes on", calls.devtab, 1);
    ax_free(f);
}

/* --- The engine ----------------------------------------------------------- */

/* 16.7: every length, N - 1 entries, and the head never is the size. */
static void test_lengths(void)
{
    for (unsigned len = 8; len < 16; len++) {
        Ax *f = new_started(NULL);
        unsigned entries = 1u << len;

        ax_control_clear(f, AX_CMDBUFEN);
        ax_commands_init(f, len);
        ax_control_set(f, AX_CMDBUFEN);
        for (unsigned round = 0; round < 2; round++) {
            for (unsigned i = 0; i < entries - 1; i++) {
                ax_command(f, 2ULL << 60 | (i & 0xffff), 0);
            }
            calls = (Calls) { };
            ax_doorbell(f);
            ax_settle(f);
            FX_CHECK(NULL, calls.devtab, entries - 1);
            FX_CHECK(NULL, calls.sid, (entries - 2) & 0xffff);
            FX_CHECK(NULL, ax_read32(f, AX_CMDHEAD), f->tail);
        }
        /* Exactly up to the end: it wraps to zero. */
        ax_control_clear(f, AX_CMDBUFEN);
        ax_write32(f, AX_CMDHEAD, entries * 16 - 16);
        ax_write32(f, AX_CMDTAIL, 0);
        ax_control_set(f, AX_CMDBUFEN);
        ax_settle(f);
        FX_CHECK(NULL, ax_read32(f, AX_CMDHEAD), 0);
        ax_free(f);
    }
}

static uint32_t head_seen;

static void look_at_head(Ax *f)
{
    head_seen = ax_read32(f, AX_CMDHEAD);
}

/* The head is there to be read while a command is executed. */
static void test_head_moves(void)
{
    Ax *f = new_started(NULL);

    f->on_device_tlb = look_at_head;
    ax_command(f, 2ULL << 60, 0);
    ax_command(f, 4ULL << 60, 0);
    ax_command(f, 2ULL << 60, 0);
    ax_doorbell(f);
    FX_CHECK(NULL, head_seen, 0x20);
    ax_free(f);
}

/* 16.38: a doorbell does a bounded part of the work. */
static void test_slices(void)
{
    Ax *f = new_started(NULL);

    ax_control_clear(f, AX_CMDBUFEN);
    ax_commands_init(f, 12);
    ax_control_set(f, AX_CMDBUFEN);
    for (unsigned i = 0; i < 1000; i++) {
        ax_command(f, 2ULL << 60, 0);
    }
    ax_forget(f);
    ax_doorbell(f);
    FX_CHECK("a slice", calls.devtab, 256);
    FX_CHECK("a slice", f->kicks, 1);
    FX_CHECK("head tells", ax_read32(f, AX_CMDHEAD), 256 * 16);
    ax_settle(f);
    FX_CHECK("all", calls.devtab, 1000);
    ax_free(f);
}

/* Commands that were put there before the engine ran. */
static void test_waiting_at_enable(void)
{
    static const uint64_t bits[] = { AX_CMDBUFEN, AX_IOMMUEN };

    for (unsigned i = 0; i < 2; i++) {
        Ax *f = new_started(NULL);

        ax_control_clear(f, bits[i]);
        calls = (Calls) { };
        ax_submit(f, 2ULL << 60, 0);
        FX_CHECK("off", calls.devtab, 0);
        ax_control_set(f, bits[i]);
        FX_CHECK("on", calls.devtab, 1);
        ax_free(f);
    }
}

static unsigned depth, deepest;

static void write_tail_again(Ax *f)
{
    deepest = MAX(deepest, ++depth);
    if (f->tail < 0x100) {
        ax_submit(f, 4ULL << 60, 0);
    }
    depth--;
}

/* 16.39: what a command brings about may reach our registers again. */
static void test_reentrant(void)
{
    Ax *f = new_started(NULL);

    f->on_device_tlb = write_tail_again;
    ax_submit(f, 4ULL << 60, 0);
    FX_CHECK("in its turn", deepest, 1);
    FX_CHECK("all of it", f->devtlb->len, 0x10);
    FX_CHECK("all of it", ax_read32(f, AX_CMDHEAD), 0x100);
    ax_free(f);
}

static void turn_off(Ax *f)
{
    ax_control_clear(f, AX_CMDBUFEN);
}

static void test_off_from_within(void)
{
    Ax *f = new_started(NULL);

    f->on_device_tlb = turn_off;
    ax_command(f, 4ULL << 60, 0);
    ax_submit(f, 2ULL << 60, 0);
    FX_CHECK("stops at once", calls.devtab, 0);
    FX_CHECK("stops at once", ax_read32(f, AX_CMDHEAD), 0x10);
    ax_free(f);
}

/* Random commands: no more than an event each, and never a loop. */
static void test_random(void)
{
    Ax *f = new_started(NULL);
    uint64_t state = 0x1234567;

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t lo = nyx_random(&state), hi = nyx_random(&state);

        /* Half of them with few bits. */
        if (i & 1) {
            lo &= nyx_random(&state) & nyx_random(&state);
            hi &= nyx_random(&state) & nyx_random(&state);
        }
        ax_submit(f, lo, hi);
        if (!running(f)) {
            unsigned code = ax_take_code(f);

            FX_CHECK(NULL, code == 5 || code == 6, true);
            recover(f);
        }
        FX_CHECK(NULL, ax_take_event(f).valid, false);
        FX_CHECK(NULL, ax_read32(f, AX_CMDHEAD), f->tail);
    }
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amd/commands/pages", test_pages);
    g_test_add_func("/amd/commands/devices", test_devices);
    g_test_add_func("/amd/commands/iotlb", test_iotlb);
    g_test_add_func("/amd/commands/iotlb-silent", test_iotlb_silent);
    g_test_add_func("/amd/commands/complete-ppr", test_complete_ppr);
    g_test_add_func("/amd/commands/prefetch", test_prefetch);
    g_test_add_func("/amd/commands/wait-store", test_wait_store);
    g_test_add_func("/amd/commands/wait-interrupt", test_wait_interrupt);
    g_test_add_func("/amd/commands/wait-order", test_wait_order);
    g_test_add_func("/amd/commands/wait-catches-up", test_wait_catches_up);
    g_test_add_func("/amd/commands/reserved-bits", test_reserved_bits);
    g_test_add_func("/amd/commands/opcodes", test_opcodes);
    g_test_add_func("/amd/commands/missing", test_missing);
    g_test_add_func("/amd/commands/missing-devices", test_missing_devices);
    g_test_add_func("/amd/commands/illegal-stops", test_illegal_stops);
    g_test_add_func("/amd/commands/start-over", test_start_over);
    g_test_add_func("/amd/commands/fetch-error", test_fetch_error);
    g_test_add_func("/amd/commands/fetch-above-memory",
                    test_fetch_above_memory);
    g_test_add_func("/amd/commands/store-error", test_store_error);
    g_test_add_func("/amd/commands/lengths", test_lengths);
    g_test_add_func("/amd/commands/head-moves", test_head_moves);
    g_test_add_func("/amd/commands/slices", test_slices);
    g_test_add_func("/amd/commands/waiting-at-enable", test_waiting_at_enable);
    g_test_add_func("/amd/commands/reentrant", test_reentrant);
    g_test_add_func("/amd/commands/off-from-within", test_off_from_within);
    g_test_add_func("/amd/commands/random", test_random);
    return g_test_run();
}
