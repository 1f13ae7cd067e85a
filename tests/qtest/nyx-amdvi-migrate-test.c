/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-amdvi on the move: every register, engines that have stopped, faults
 * that wait or are suppressed, commands under way; and states that it refuses.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi-guest.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-run.h"
#include "nyx-amdvi-fixture.h"
#include "qobject/qjson.h"

#define BLOCK       0x2100
#define VECTOR      0x51
#define UNMAPPED    0x1000ull

#define OPTIONS ",device-iotlb=on,guest-levels=4,gcr3-trp=on,vapic=on," \
                "dual-event=2,dual-ppr=2,ppr-early=on,ppr-auto=on,marc=on," \
                "smi-filters=4,device-table-segments=2,perf-opt=on," \
                "host-accessed=on,host-dirty=on,block-stop-mark=on," \
                "ga-update-dis=on,int-remap-2k=on,xtsup=on"

/* A machine, and a file for its state. */
typedef struct Move {
    Fixture f;
    char *dir;
    char *path;
} Move;

static Move move_begin(const char *options)
{
    Move m = { .f = start(options), .dir = nyx_tmp_new() };

    m.path = g_build_filename(m.dir, "state", NULL);
    return m;
}

/* The same machine again, with the state that the first is in. */
static Fixture move_on(Move *m, const char *options)
{
    Fixture to = m->f;

    nyx_migrate_to(m->f.v->qts, m->path);
    to.v = g_memdup2(m->f.v, sizeof(*to.v));
    to.v->pc = nyx_pc_start("-M q35 -device nyx-amdvi,id=iommu%s "
                            "-device nyx-testdev,addr=4 -incoming file:%s",
                            options, m->path);
    to.v->qts = to.v->pc->qts;
    to.td = nyx_td_at(to.v->qts, m->f.td.bar);
    nyx_migrate_wait(to.v->qts);
    return to;
}

static void move_stop(Move *m)
{
    end(&m->f);
    nyx_tmp_free(m->dir);
    g_free(m->path);
}

static void move_end(Move *m, Fixture *to)
{
    end(to);
    move_stop(m);
}

/* Registers in a file, which are found by the limit of the exclusion range. */
#define SIGN    0x0000000123456000ull
#define FLAGS   BLOCK           /* behind the registers */

typedef struct Saved {
    const char *path;
    char *bytes;
    gsize len;
    char *regs;
} Saved;

static Saved saved_read(const char *path)
{
    const uint64_t sign = cpu_to_le64(SIGN);
    Saved saved = { .path = path };

    g_assert_true(g_file_get_contents(path, &saved.bytes, &saved.len, NULL));
    saved.regs = memmem(saved.bytes, saved.len, &sign, sizeof(sign));
    g_assert_nonnull(saved.regs);
    saved.regs -= QAMD_EXCLLIMIT;
    return saved;
}

/* Returns what was there. */
static uint64_t saved_put(Saved *saved, unsigned at, uint64_t value,
                          unsigned size)
{
    uint64_t was = ldn_le_p(saved->regs + at, size);

    stn_le_p(saved->regs + at, size, value);
    g_assert_true(g_file_set_contents(saved->path, saved->bytes, saved->len,
                                      NULL));
    return was;
}

static void saved_end(Saved *saved)
{
    g_free(saved->bytes);
}

/* --- Registers ------------------------------------------------------------ */

/* Something of its own in each that can be written. */
static const struct {
    unsigned offset;
    uint64_t value;
} values[] = {
    { QAMD_EXCLLIMIT, 0x0000001234567000 },
    { QAMD_EXCLBASE, 0x0000001234000001 },
    { 0x60, 0x10123 }, { 0x78, 0x30456 },
    { 0xe0, 0x0b00000001230000 }, { 0xe8, 0x1234568 },
    { QAMD_PPRBASE, 0x0900000001240000 }, { 0xf0, 0x0a00000001250000 },
    { 0xf8, 0x0c00000001260000 },
    { 0x100, 0x00000000012700ff },
    { QAMD_XT_GENERAL, 0x1200005100654304 }, { 0x178, 0x0000005200000100 },
    { 0x180, 0x0000015300000200 },
    { 0x200, 0x0000000100000000 }, { 0x208, 0x0000000004000001 },
    { 0x210, 0x0000000000004000 }, { 0x258, 0x0000000000008000 },
    { QAMD_PPRHEAD, 0x1230 }, { QAMD_PPRTAIL, 0x1240 },
    { 0x2040, 0x128 }, { 0x2048, 0x248 },
    { 0x2050, 0x2340 }, { 0x2078, 0x5670 },
    { 0x2080, 0x1f }, { 0x2088, 0xc0000123 }, { 0x2090, 0x80000456 },
    /* MSI goes through configuration space. */
    { QAMD_CONTROL, 0x0000040000001405 | QAMD_EVENTINTEN },
};

static char *in_force(QAmd *v)
{
    QObject *value = nyx_pc_qom_get(v->pc, v->path, "in-force");
    GString *json = qobject_to_json(value);

    qobject_unref(value);
    return g_string_free(json, FALSE);
}

static void test_registers(void)
{
    Move m = move_begin(OPTIONS);
    uint8_t want[BLOCK], got[BLOCK];
    g_autofree char *latched = NULL, *latched_too = NULL;
    Fixture to;

    /* A base is the IOMMU's while the log runs. */
    qamd_control(m.f.v, QAMD_EVENTLOGEN, 0);
    qamd_w32(m.f.v, 0x16c, 0x2000);
    for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
        g_autofree char *row = g_strdup_printf("%03xh", values[i].offset);

        qamd_w64(m.f.v, values[i].offset, values[i].value);
        NYX_CHECK(row, qamd_r64(m.f.v, values[i].offset), values[i].value);
    }
    expect_refused(&m.f, "event", true, UNMAPPED);
    qtest_memread(m.f.v->qts, QAMD_BASE, want, BLOCK);
    latched = in_force(m.f.v);
    to = move_on(&m, OPTIONS ",cache=off,iotlb-entries=16,coalesce=off");
    qtest_memread(to.v->qts, QAMD_BASE, got, BLOCK);
    for (unsigned i = 0; i < BLOCK; i += 8) {
        g_autofree char *row = g_strdup_printf("%04xh", i);

        NYX_CHECK(row, ldq_le_p(got + i), ldq_le_p(want + i));
    }
    latched_too = in_force(to.v);
    g_assert_cmpstr(latched_too, ==, latched);
    /* The SMI filter's lock is as good as before. */
    qamd_w64(to.v, 0x78, 0);
    NYX_CHECK("locked", qamd_r64(to.v, 0x78), 0x30456);
    move_end(&m, &to);
}

/* Windows are in force at once. */
static void test_windows(void)
{
    Move m = move_begin(",marc=on");
    Fixture to;

    qamd_w64(m.f.v, QAMD_EXCLLIMIT, m.f.page);
    qamd_w64(m.f.v, QAMD_EXCLBASE, m.f.page | 3);
    qamd_w64(m.f.v, 0x200, 0x100000000);
    qamd_w64(m.f.v, 0x210, 0x1000);
    qamd_w64(m.f.v, 0x208, m.f.page | 1);
    qamd_control(m.f.v, 0, 1ull << 40);
    to = move_on(&m, ",marc=on");
    expect_access(&to, "exclusion", m.f.page, m.f.page, 12);
    expect_access(&to, "MARC", 0x100000000, m.f.page, 12);
    expect_access(&to, "tables", IOVA, m.f.page, 12);
    move_end(&m, &to);
}

/* --- Engines -------------------------------------------------------------- */

/* A command error stays one, and the way out is the same. */
static void test_halted(void)
{
    Move m = move_begin("");
    uint64_t at = m.f.v->commands + m.f.v->tail;
    Fixture to;

    NYX_CHECK("error", qamd_submit(m.f.v, 15ull << 60, 0), false);
    to = move_on(&m, "");
    NYX_CHECK("stopped", qamd_r32(to.v, QAMD_STATUS) & QAMD_CMDBUFRUN, 0);
    NYX_CHECK("stopped", qamd_wait(to.v), false);
    expect_event(&to, "the event", 5ull << 60, at);
    qamd_control(to.v, QAMD_CMDBUFEN, 0);
    qamd_control(to.v, 0, QAMD_CMDBUFEN);
    NYX_CHECK("goes on", qtest_readq(to.v->qts, to.v->store), to.v->stamp);
    qamd_flush(to.v);
    move_end(&m, &to);
}

/* A log that has overflowed stays stopped. */
static void test_overflow(void)
{
    Move m = move_begin("");
    Fixture to;

    for (unsigned i = 0; i < 256; i++) {
        expect_refused(&m.f, "fill", true, UNMAPPED + i * 4);
    }
    to = move_on(&m, "");
    NYX_CHECK("status", qamd_r32(to.v, QAMD_STATUS) & 0xf,
              QAMD_EVENTOVERFLOW | QAMD_EVENTLOGINT);
    for (unsigned i = 0; i < 255; i++) {
        NYX_CHECK("kept", qamd_take(to.v).hi, UNMAPPED + i * 4);
    }
    qamd_w32(to.v, QAMD_STATUS, QAMD_EVENTOVERFLOW);
    /* Whatever else is enabled. */
    qamd_control(to.v, 0, QAMD_COMWAITINTEN);
    expect_refused(&to, "stopped", true, UNMAPPED);
    NYX_CHECK("stopped", qamd_take(to.v).valid, false);
    qamd_control(to.v, QAMD_EVENTLOGEN, 0);
    qamd_control(to.v, 0, QAMD_EVENTLOGEN);
    expect_refused(&to, "on", true, UNMAPPED);
    expect_event(&to, "on", PAGE_FAULT(DID) | QAMD_EV_RW, UNMAPPED);
    move_end(&m, &to);
}

/* Events of before, and the message that nobody had enabled. */
static void test_pending(void)
{
    Move m = move_begin("");
    Fixture to;

    qamd_msi(m.f.v, VECTOR, 0);
    expect_refused(&m.f, "before", true, UNMAPPED);
    to = move_on(&m, "");
    expect_refused(&to, "after", false, UNMAPPED + 8);
    NYX_CHECK("before", qamd_take(to.v).lo, PAGE_FAULT(DID) | QAMD_EV_RW);
    NYX_CHECK("after", qamd_take(to.v).hi, UNMAPPED + 8);
    NYX_CHECK("message", nyx_apic_irr(to.v->pc, 0, VECTOR), NYX_IRR_NONE);
    qamd_control(to.v, 0, QAMD_EVENTINTEN);
    NYX_CHECK("message", nyx_apic_irr(to.v->pc, 0, VECTOR), NYX_IRR_EDGE);
    move_end(&m, &to);
}

/* SE: one was logged, and that was it. */
static void test_suppressed(void)
{
    Move m = move_begin("");
    Fixture to;

    qamd_attach(m.f.v, SID, &m.f.dom, 1ull << 33);
    qamd_flush_dte(m.f.v, SID);
    expect_refused(&m.f, "first", true, UNMAPPED);
    qamd_clear_events(m.f.v);
    to = move_on(&m, "");
    expect_refused(&to, "second", true, UNMAPPED);
    expect_silence(&to, "second");
    qamd_flush_dte(to.v, SID);
    expect_refused(&to, "flushed", true, UNMAPPED);
    expect_event(&to, "flushed", PAGE_FAULT(DID) | QAMD_EV_RW, UNMAPPED);
    move_end(&m, &to);
}

/* Commands that were there when the state was taken. */
static void test_commands(void)
{
    Move m = move_begin("");
    QAmd *v = m.f.v, *to;
    Saved saved;

    qamd_w64(v, QAMD_EXCLLIMIT, SIGN);
    for (unsigned i = 0; i < 100; i++) {
        qamd_put(v, 1ull << 60 | v->store | 1, i + 1);
    }
    nyx_migrate_to(v->qts, m.path);
    saved = saved_read(m.path);
    saved_put(&saved, QAMD_CMDTAIL, v->tail, 8);
    to = g_memdup2(v, sizeof(*v));
    to->pc = nyx_pc_start("-M q35 -device nyx-amdvi,id=iommu "
                          "-device nyx-testdev,addr=4 -incoming file:%s",
                          m.path);
    to->qts = to->pc->qts;
    nyx_migrate_wait(to->qts);
    for (unsigned i = 0; i < NYX_POLLS &&
         qamd_r64(to, QAMD_CMDHEAD) != v->tail; i++) {
        g_usleep(100);
    }
    NYX_CHECK("all", qtest_readq(to->qts, v->store), 100);
    saved_end(&saved);
    qamd_end(to);
    move_stop(&m);
}

/* An entry that nobody was told of, and one that changes on the other side. */
static void test_entries(void)
{
    Move m = move_begin("");
    uint64_t other = nyx_pc_pages(m.f.v->pc, 1);
    QAmdDomain dom = qamd_domain(m.f.v, DID + 1, 3);
    Fixture to;

    qamd_map(m.f.v, &dom, 0x5000, other, 12, QAMD_RW);
    expect_access(&m.f, "before", IOVA, m.f.page, 12);
    qamd_attach(m.f.v, SID, &dom, 0);
    expect_access(&m.f, "not flushed", IOVA, m.f.page, 12);
    to = move_on(&m, "");
    /* Caches start empty. */
    expect_access(&to, "the new one", 0x5000, other, 12);
    qamd_attach(to.v, SID, &m.f.dom, 0);
    expect_access(&to, "not flushed", 0x5000, other, 12);
    qamd_flush_dte(to.v, SID);
    expect_access(&to, "flushed", IOVA, m.f.page, 12);
    move_end(&m, &to);
}

static void test_guest_tables(void)
{
    Move m = move_begin(",guest-levels=4");
    QAmdGuest guest = qamd_guest(m.f.v, 1, 4);
    NyxTdReq req = {
        .op = NYX_TD_OP_FILL, .addr = IOVA, .len = 8, .operand = DATA,
        .attr = NYX_TD_ATTR_PASID, .pasid = 0x155,
    };
    Fixture to;

    qamd_control(m.f.v, 0, QAMD_GTEN);
    qamd_guest_map(&guest, 0x155, IOVA, m.f.page, 12, QAMD_GRWU);
    qamd_guest_attach(&guest, SID, DID, 0, 0);
    qamd_flush(m.f.v);
    to = move_on(&m, ",guest-levels=4");
    NYX_CHECK("PASID", nyx_td_request(&to.td, req), NYX_TD_ST_OK);
    NYX_CHECK("PASID", qtest_readq(to.v->qts, m.f.page), DATA);
    move_end(&m, &to);
}

/* Into an IOMMU that has been used for something else since. */
static void test_snapshot(void)
{
    char *dir = nyx_tmp_new();
    g_autofree char *disk = g_build_filename(dir, "disk", NULL);
    Fixture f = start("");
    QAmdDomain dom = qamd_domain(f.v, DID, 4);
    uint64_t other = nyx_pc_pages(f.v->pc, 1);

    qamd_map(f.v, &dom, IOVA, other, 12, QAMD_RW);
    nyx_snapshot_disk(f.v->qts, disk);
    nyx_hmp_in_silence(f.v->qts, "savevm here");
    qamd_attach(f.v, SID, &dom, 1ull << 33);
    qamd_flush(f.v);
    expect_access(&f, "since", IOVA, other, 12);
    expect_refused(&f, "since", true, UNMAPPED);
    qamd_submit(f.v, 0, 0);
    qamd_control(f.v, QAMD_IOMMUEN, 0);
    nyx_hmp_in_silence(f.v->qts, "loadvm here");
    f.v->tail = qamd_r64(f.v, QAMD_CMDTAIL);
    expect_access(&f, "before", IOVA, f.page, 12);
    expect_refused(&f, "logged", true, UNMAPPED);
    expect_event(&f, "logged", PAGE_FAULT(DID) | QAMD_EV_RW, UNMAPPED);
    qamd_flush(f.v);
    end(&f);
    nyx_tmp_free(dir);
}

/* --- Refused -------------------------------------------------------------- */

static void expect_load_error(const char *row, const char *options,
                              const char *path, const char *why)
{
    g_autofree char *args = g_strdup_printf(
        "-M q35 -m 256 -device nyx-amdvi,id=iommu%s "
        "-device nyx-testdev,addr=4 -incoming file:%s", options, path);
    g_autofree char *text = g_strdup_printf(
        "nyx-amdvi: cannot load the saved state: %s", why);
    NyxRun run = nyx_run_qemu(args);

    NYX_CHECK(row, run.status, 1);
    NYX_CHECK(row, nyx_lines_with(run.err, text), 1);
    nyx_run_end(&run);
}

static void test_options(void)
{
    static const char *const options[] = {
        ",host-levels=4", ",guest-levels=0", ",intremap=off", ",xtsup=off",
        ",hw-events=off", ",invalidate-all=off", ",prefetch=off",
        ",device-table-segments=2", ",marc=on", ",dual-event=1",
        ",ht-range-ignore=on", ",smi-filters=4",
    };
    Move m = move_begin("");

    nyx_migrate_to(m.f.v->qts, m.path);
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        expect_load_error(options[i], options[i], m.path,
                          "the extended feature registers differ: give both "
                          "sides the same options");
    }
    move_stop(&m);
}

/* What cannot be, in the place of what was. */
static const struct {
    const char *name;
    unsigned at;
    uint64_t value;
} bad_rows[] = {
    { "reserved bit", QAMD_EXCLLIMIT, SIGN | 1ull << 63 },
    { "Control, reserved bit", QAMD_CONTROL, 0x1405 | 1ull << 63 },
    { "Control, a feature not there", QAMD_CONTROL, 0x1405 | 1ull << 40 },
    { "head beyond the buffer", QAMD_CMDHEAD, 0x1000 },
    { "tail beyond the log", QAMD_EVTTAIL, 0x7fff0 },
    { "pointer not aligned", QAMD_EVTHEAD, 8 },
    { "runs without IommuEn", QAMD_CONTROL, 0x1404 },
    { "stopped, and enabled", QAMD_STATUS, 0 },
    { "status bit", QAMD_STATUS, 0x18 | 1 << 19 },
    { "second log in use", QAMD_STATUS, 0x18 | 1 << 16 },
    { "halted, and runs", FLAGS, 0x01000000 },
    { "unknown flag", FLAGS, 0x80000000 },
};

static void test_values(void)
{
    Move m = move_begin("");
    Saved saved;

    qamd_w64(m.f.v, QAMD_EXCLLIMIT, SIGN);
    nyx_migrate_to(m.f.v->qts, m.path);
    saved = saved_read(m.path);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_rows); i++) {
        unsigned at = bad_rows[i].at, size = at == FLAGS ? 4 : 8;
        uint64_t good = saved_put(&saved, at, bad_rows[i].value, size);

        expect_load_error(bad_rows[i].name, "", m.path,
                          "values that the device cannot have");
        saved_put(&saved, at, good, size);
    }
    saved_end(&saved);
    move_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-amdvi/migrate/" name, fn)
    ADD("registers", test_registers);
    ADD("windows", test_windows);
    ADD("halted", test_halted);
    ADD("overflow", test_overflow);
    ADD("pending", test_pending);
    ADD("suppressed", test_suppressed);
    ADD("commands", test_commands);
    ADD("entries", test_entries);
    ADD("guest-tables", test_guest_tables);
    ADD("snapshot", test_snapshot);
    ADD("options", test_options);
    ADD("values", test_values);
    return g_test_run();
}
