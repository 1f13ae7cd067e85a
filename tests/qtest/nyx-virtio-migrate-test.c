/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-virtio-iommu-pci on the move: domains and mappings, requests and events
 * under way, endpoints behind bridges, consumers of mappings; and states that
 * it refuses.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-virtio-iommu.h"

#define SID     NYX_SID(0, 4, 0)
#define PORT    NYX_SID(0, 5, 0)
#define BEHIND  NYX_SID(1, 0, 0)

/* Found in a file by it */
#define DOMAIN  0x5ab4c3d2u
#define OTHER   7

#define IOVA    0x40000000ull
#define MANY    1000

#define DEVICES "-device nyx-testdev,addr=4 " \
                "-device pcie-root-port,id=rp,addr=5,chassis=1,slot=1 " \
                "-device nyx-testdev,bus=rp"

/* A machine that runs, with processors that are halted from the start. */
typedef struct Fixture {
    NyxPc *pc;
    QVio *v;
    NyxTestdev td, behind;
    uint64_t page;
} Fixture;

/* The same, and files for its state and its firmware. */
typedef struct Move {
    Fixture f;
    char *dir;
    char *path;
    char *firmware;
} Move;

static Move move_begin(const char *options)
{
    static uint8_t halt[64 * 1024];
    Move m = { .dir = nyx_tmp_new() };
    Fixture *f = &m.f;

    memset(halt, 0xf4, sizeof(halt));
    m.path = g_build_filename(m.dir, "state", NULL);
    m.firmware = g_build_filename(m.dir, "halt", NULL);
    g_assert_true(g_file_set_contents(m.firmware, (char *)halt, sizeof(halt),
                                      NULL));
    f->pc = nyx_pc_boot("-M q35 -bios %s -device nyx-virtio-iommu-pci,"
                        "id=iommu,addr=3,event-delay=0%s " DEVICES,
                        m.firmware, options);
    f->v = qvio_start(f->pc, QVIO_F_USUAL |
                      (strstr(options, "packed=on") ? QVIO_F_PACKED : 0));
    f->td = nyx_td_get(f->pc->pci, SID);
    nyx_pci_bridge(f->pc, PORT, 1, 1);
    f->behind = nyx_td_get(f->pc->pci, BEHIND);
    f->page = nyx_pc_pages(f->pc, 2);
    return m;
}

/* The driver goes on where it was. */
static QVio *driver_on(const QVio *v, NyxPc *pc)
{
    QVio *to = g_memdup2(v, sizeof(*v));

    to->pc = pc;
    to->qts = to->requests.ring.qts = to->events.ring.qts = pc->qts;
    to->dev = NULL;
    pc->next_page = v->pc->next_page;
    return to;
}

/* The same machine again, with the state that the first is in. */
static Fixture move_on(Move *m, const char *options)
{
    Fixture to = m->f;

    nyx_migrate_to(m->f.pc->qts, m->path);
    to.pc = nyx_pc_boot("-M q35 -bios %s -device nyx-virtio-iommu-pci,"
                        "id=iommu,addr=3,event-delay=0%s " DEVICES
                        " -incoming file:%s", m->firmware, options, m->path);
    nyx_migrate_wait(to.pc->qts);
    to.v = driver_on(m->f.v, to.pc);
    to.td = nyx_td_at(to.pc->qts, m->f.td.bar);
    to.behind = nyx_td_at(to.pc->qts, m->f.behind.bar);
    return to;
}

static void move_stop(Move *m)
{
    nyx_td_put(&m->f.td);
    nyx_td_put(&m->f.behind);
    qvio_end(m->f.v);
    nyx_pc_end(m->f.pc);
    nyx_tmp_free(m->dir);
    g_free(m->path);
    g_free(m->firmware);
}

static void move_end(Move *m, Fixture *to)
{
    g_free(to->v);
    nyx_pc_end(to->pc);
    move_stop(m);
}

static void attach(Fixture *f, uint32_t domain, uint16_t sid, uint32_t flags)
{
    NYX_CHECK("attach", qvio_attach(f->v, domain, sid, flags), QVIO_S_OK);
}

static void map(Fixture *f, uint64_t iova, uint64_t size, uint64_t addr,
                uint32_t flags)
{
    NYX_CHECK("map", qvio_map(f->v, DOMAIN, iova, iova + size - 1, addr,
                              flags), QVIO_S_OK);
}

/* A doubleword written at @iova comes out at @addr. */
static void expect_dma(Fixture *f, const char *row, const NyxTestdev *td,
                       uint64_t iova, uint64_t addr)
{
    static uint32_t mark;

    NYX_CHECK(row, nyx_td_writel(td, iova, ++mark), NYX_TD_ST_OK);
    NYX_CHECK(row, qtest_readl(f->pc->qts, addr), mark);
}

static void expect_refused(const char *row, const NyxTestdev *td,
                           uint64_t iova)
{
    NYX_CHECK(row, nyx_td_writel(td, iova, 1), NYX_TD_ST_TX_ERROR);
}

/* --- What travels --------------------------------------------------------- */

static void test_state(void)
{
    Move m = move_begin("");
    uint8_t want[40], got[40];
    QVioEvent event;
    Fixture to;

    qvio_set_bypass(m.f.v, 0);
    attach(&m.f, DOMAIN, SID, 0);
    map(&m.f, IOVA, 2 * NYX_PAGE, m.f.page, QVIO_MAP_RW);
    map(&m.f, IOVA + 2 * NYX_PAGE, NYX_PAGE, m.f.page, QVIO_MAP_READ);
    for (unsigned i = 0; i < MANY; i++) {
        map(&m.f, 2 * IOVA + 2 * i * NYX_PAGE, NYX_PAGE, i * NYX_PAGE,
            QVIO_MAP_RW);
    }
    expect_dma(&m.f, "cached", &m.f.td, IOVA, m.f.page);
    qvio_event_post(m.f.v, 2);
    qtest_memread(m.f.pc->qts, m.f.v->config, want, sizeof(want));

    to = move_on(&m, ",cache=off,iotlb-entries=16,coalesce=off,"
                     "boot-bypass=off,max-mappings=1002,max-domains=1");
    qtest_memread(to.pc->qts, to.v->config, got, sizeof(got));
    g_assert_cmpmem(got, sizeof(got), want, sizeof(want));
    NYX_CHECK("runs", qvio_status(to.v) & QVIO_DRIVER_OK, QVIO_DRIVER_OK);
    expect_dma(&to, "mapped", &to.td, IOVA + NYX_PAGE + 8,
               to.page + NYX_PAGE + 8);
    for (unsigned i = 500; i < MANY; i += 100) {
        uint32_t value = 0;

        qtest_writel(to.pc->qts, i * NYX_PAGE, i);
        NYX_CHECK("many", nyx_td_readl(&to.td, 2 * IOVA + 2 * i * NYX_PAGE,
                                       &value), NYX_TD_ST_OK);
        NYX_CHECK("many", value, i);
    }
    expect_refused("in between", &to.td, 2 * IOVA + NYX_PAGE);
    g_assert_true(qvio_event(to.v, &event));
    NYX_CHECK("event", event.address, 2 * IOVA + NYX_PAGE);
    NYX_CHECK("event", event.endpoint, SID);
    expect_refused("read only", &to.td, IOVA + 2 * NYX_PAGE);
    expect_refused("no domain", &to.behind, to.page);
    NYX_CHECK("cut", qvio_unmap(to.v, DOMAIN, IOVA, IOVA + NYX_PAGE - 1),
              QVIO_S_RANGE);
    NYX_CHECK("full", qvio_map(to.v, DOMAIN, 0, NYX_PAGE - 1, 0, 3),
              QVIO_S_NOMEM);
    NYX_CHECK("unmap", qvio_unmap(to.v, DOMAIN, IOVA,
                                  IOVA + 2 * NYX_PAGE - 1), QVIO_S_OK);
    expect_refused("unmapped", &to.td, IOVA);
    NYX_CHECK("detach", qvio_detach(to.v, DOMAIN, SID), QVIO_S_OK);
    NYX_CHECK("over", qvio_unmap(to.v, DOMAIN, 0, UINT64_MAX), QVIO_S_NOENT);
    move_end(&m, &to);
}

/* No driver, and none yet: bypass is all that there is. */
static void test_idle(void)
{
    for (unsigned bypass = 0; bypass < 2; bypass++) {
        const char *options = bypass ? "" : ",boot-bypass=off";
        Move m = move_begin(options);
        Fixture to;

        qvio_reset(m.f.v);
        to = move_on(&m, options);
        NYX_CHECK("bypass", qvio_bypass(to.v), bypass);
        if (bypass) {
            expect_dma(&to, "bypass", &to.td, to.page, to.page);
        } else {
            expect_refused("no bypass", &to.td, to.page);
        }
        move_end(&m, &to);
    }
}

/*
 * Buses have their numbers once the bridges are there.  One function is in a
 * domain, the other goes to memory as it is; and the other way round.
 */
static void test_bridge(void)
{
    for (unsigned i = 0; i < 2; i++) {
        Move m = move_begin("");
        const NyxTestdev *mapped, *open;
        Fixture to;

        attach(&m.f, DOMAIN, i ? SID : BEHIND, 0);
        attach(&m.f, OTHER, i ? BEHIND : SID, QVIO_ATTACH_BYPASS);
        map(&m.f, IOVA, NYX_PAGE, m.f.page, QVIO_MAP_RW);
        to = move_on(&m, "");
        mapped = i ? &to.td : &to.behind;
        open = i ? &to.behind : &to.td;
        expect_dma(&to, "mapped", mapped, IOVA, to.page);
        expect_refused("mapped", mapped, to.page);
        expect_dma(&to, "open", open, to.page, to.page);
        expect_refused("open", open, 1ull << 40);
        move_end(&m, &to);
    }
}

/* Made available before, and nobody has been told. */
static void requests(const char *options)
{
    enum { COUNT = 100 };
    Move m = move_begin(options);
    QVioReq req[COUNT];
    unsigned status[COUNT];
    uint16_t id[COUNT];
    Fixture to;

    attach(&m.f, DOMAIN, SID, 0);
    for (unsigned i = 0; i < COUNT; i++) {
        req[i] = (QVioReq) {
            .type = QVIO_T_MAP,
            .domain = DOMAIN,
            .virt_start = IOVA + i * NYX_PAGE,
            .virt_end = IOVA + (i + 1) * NYX_PAGE - 1,
            .phys_start = m.f.page,
            .flags = QVIO_MAP_RW,
        };
    }
    NYX_CHECK("room", qvio_batch_put(m.f.v, req, COUNT, id), COUNT);
    to = move_on(&m, options);
    qvio_batch_take(to.v, COUNT, id, status);
    for (unsigned i = 0; i < COUNT; i++) {
        NYX_CHECK("status", status[i], QVIO_S_OK);
    }
    expect_dma(&to, "mapped", &to.td, IOVA + 99 * NYX_PAGE, to.page);
    move_end(&m, &to);
}

static void test_requests(void)
{
    requests("");
}

static void test_requests_packed(void)
{
    requests(",packed=on");
}

/* Four levels of tables in the format of VT-d's second stage: one page. */
static uint64_t make_tables(Fixture *f, uint64_t iova, uint64_t addr)
{
    uint64_t table = nyx_pc_pages(f->pc, 4);

    for (unsigned i = 0; i < 4; i++) {
        uint64_t to = i < 3 ? table + (i + 1) * NYX_PAGE : addr;
        unsigned index = iova >> (39 - 9 * i) & 0x1ff;

        qtest_writeq(f->pc->qts, table + i * NYX_PAGE + index * 8, to | 3);
    }
    return table;
}

/* A draft's ATTACH_TABLE. */
static unsigned attach_table(Fixture *f, uint64_t root)
{
    uint8_t bytes[84] = { 6 };
    const QVioBuf buf = {
        .out = bytes, .out_len = sizeof(bytes), .in_len = 4,
    };
    QVioDone done;

    stl_le_p(bytes + 4, DOMAIN);
    stl_le_p(bytes + 8, SID);
    stw_le_p(bytes + 16, 0x100);
    stq_le_p(bytes + 24, root);
    bytes[40] = 4;
    g_assert_true(qvio_exchange(f->v, &buf, &done));
    return qvio_answer(&done);
}

static void test_tables(void)
{
    Move m = move_begin(",x-attach-table=on");
    Fixture to;

    qvio_set_bypass(m.f.v, 0);
    NYX_CHECK("attach", attach_table(&m.f, make_tables(&m.f, IOVA, m.f.page)),
              QVIO_S_OK);
    expect_dma(&m.f, "before", &m.f.td, IOVA, m.f.page);
    to = move_on(&m, ",x-attach-table=on");
    expect_dma(&to, "after", &to.td, IOVA, to.page);
    expect_refused("not mapped", &to.td, IOVA + NYX_PAGE);
    NYX_CHECK("detach", qvio_detach(to.v, DOMAIN, SID), QVIO_S_OK);
    expect_refused("detached", &to.td, IOVA);
    move_end(&m, &to);
}

/* --- Snapshots ------------------------------------------------------------ */

#define VFIO    (NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP)

static void expect_told(const char *row, const NyxTestdev *td, uint64_t iova,
                        uint64_t len, uint64_t addr)
{
    NyxTdMapping mapping = nyx_td_shadow_find(td, iova);

    NYX_CHECK(row, mapping.len, len);
    NYX_CHECK(row, mapping.addr, len ? addr : 0);
    NYX_CHECK(row, nyx_td_r32(td, NYX_TD_NOTIFY_ERRORS), 0);
}

/* A consumer of mappings on the other side. */
static void test_consumer(void)
{
    Move m = move_begin("");
    Fixture to;

    qvio_set_bypass(m.f.v, 0);
    attach(&m.f, DOMAIN, SID, 0);
    map(&m.f, IOVA, 2 * NYX_PAGE, m.f.page, QVIO_MAP_RW);
    to = move_on(&m, "");
    NYX_CHECK("listens", nyx_td_notify(&to.td, VFIO) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
    expect_told("replayed", &to.td, IOVA, 2 * NYX_PAGE, to.page);
    NYX_CHECK("unmap", qvio_unmap(to.v, DOMAIN, IOVA,
                                  IOVA + 2 * NYX_PAGE - 1), QVIO_S_OK);
    expect_told("gone", &to.td, IOVA, 0, 0);
    move_end(&m, &to);
}

/*
 * Into a device that has been used for something else since, with consumers
 * that are there all the time.
 */
static void test_snapshot(void)
{
    Move m = move_begin("");
    Fixture *f = &m.f;
    g_autofree char *disk = g_build_filename(m.dir, "disk", NULL);
    QVio before;

    qvio_set_bypass(f->v, 0);
    attach(f, DOMAIN, SID, 0);
    attach(f, OTHER, BEHIND, QVIO_ATTACH_BYPASS);
    map(f, IOVA, NYX_PAGE, f->page, QVIO_MAP_RW);
    nyx_td_notify(&f->td, VFIO);
    nyx_snapshot_disk(f->pc->qts, disk);
    before = *f->v;
    nyx_hmp_in_silence(f->pc->qts, "savevm here");

    NYX_CHECK("detach", qvio_detach(f->v, DOMAIN, SID), QVIO_S_OK);
    attach(f, OTHER + 1, SID, 0);
    attach(f, OTHER + 1, BEHIND, 0);
    NYX_CHECK("since", qvio_map(f->v, OTHER + 1, IOVA, IOVA + NYX_PAGE - 1,
                                f->page + NYX_PAGE, QVIO_MAP_RW), QVIO_S_OK);
    expect_dma(f, "since", &f->td, IOVA, f->page + NYX_PAGE);
    expect_dma(f, "since", &f->behind, IOVA, f->page + NYX_PAGE);
    expect_told("since", &f->td, IOVA, NYX_PAGE, f->page + NYX_PAGE);
    qvio_set_bypass(f->v, 1);

    nyx_hmp_in_silence(f->pc->qts, "loadvm here");
    *f->v = before;
    NYX_CHECK("bypass", qvio_bypass(f->v), 0);
    /* Who listens is the test's own doing, which did not change. */
    expect_told("before", &f->td, IOVA, NYX_PAGE, f->page);
    expect_dma(f, "before", &f->td, IOVA, f->page);
    expect_dma(f, "before", &f->behind, f->page, f->page);
    NYX_CHECK("unmap", qvio_unmap(f->v, DOMAIN, IOVA, IOVA + NYX_PAGE - 1),
              QVIO_S_OK);
    expect_told("unmapped", &f->td, IOVA, 0, 0);
    move_stop(&m);
}

/* --- Refused -------------------------------------------------------------- */

#define DEVICE  "nyx-virtio-iommu-pci,id=iommu,addr=3,event-delay=0"
#define REFUSAL "nyx-virtio-iommu-pci: cannot load the saved state: "

/* @device takes the state, and says @why it does not. */
static void expect_load_error(const Move *m, const char *row,
                              const char *device, const char *why)
{
    g_autofree char *args = g_strdup_printf(
        "-M q35 -m 256 -bios %s -device '%s' " DEVICES " -incoming file:%s",
        m->firmware, device, m->path);
    NyxRun run = nyx_run_qemu(args);

    NYX_CHECK(row, run.status, 1);
    NYX_CHECK(row, nyx_lines_with(run.err, why), 1);
    nyx_run_end(&run);
}

static void test_options(void)
{
    static const struct {
        const char *device;
        const char *why;
    } rows[] = {
        { DEVICE ",aw-bits=40", REFUSAL "aw-bits differs" },
        { DEVICE ",granule=64k", REFUSAL "page sizes are missing" },
        { DEVICE ",max-mappings=1", REFUSAL "more mappings than there may "
          "be: raise max-mappings" },
        { DEVICE ",max-domains=1", REFUSAL "more than there may be: raise "
          "max-domains" },
        { DEVICE ",x-attach-table=on", REFUSAL "the drafts differ" },
        { DEVICE ",endpoints=rp", REFUSAL "an endpoint of a domain is "
          "missing" },
        { "{\"driver\": \"nyx-virtio-iommu-pci\", \"id\": \"iommu\", "
          "\"addr\": \"3\", \"reserved-regions\": "
          "[\"0x1000:0x1fff:0\"]}", REFUSAL "reserved-regions differs" },
    };
    Move m = move_begin(",granule=4k");

    attach(&m.f, DOMAIN, SID, 0);
    attach(&m.f, OTHER, BEHIND, QVIO_ATTACH_BYPASS);
    map(&m.f, IOVA, NYX_PAGE, m.f.page, QVIO_MAP_RW);
    map(&m.f, IOVA + NYX_PAGE, NYX_PAGE, m.f.page + NYX_PAGE, QVIO_MAP_RW);
    nyx_migrate_to(m.f.pc->qts, m.path);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        expect_load_error(&m, rows[i].device, rows[i].device, rows[i].why);
    }
    move_stop(&m);
}

/*
 * A few of what test-vio-saved.c has, and what only the stream has: its bounds.
 * From the number of domains on: it, two domains of 16 bytes, the number of
 * endpoints, two of 4 bytes, the number of tables, the number of runs, two of
 * 36 bytes.  305 bytes of other things are before it.
 */
#define IMPOSSIBLE REFUSAL "values that the device cannot have"

static const struct {
    const char *name;
    int at;
    uint64_t value;
    unsigned size;
    const char *why;
} bad_rows[] = {
    { "bypass", -1, 2, 1, IMPOSSIBLE },
    { "page sizes", -297, 0, 8, REFUSAL "page sizes are missing" },
    { "regions", -277, 0xffffffff, 4, REFUSAL "reserved-regions differs" },
    { "domains", 0, 0xffffffff, 4, REFUSAL "more than there may be: raise "
      "max-domains" },
    { "kind", 8, 9, 4, IMPOSSIBLE },
    { "endpoints", 36, 0x10001, 4, REFUSAL "more than there can be" },
    { "tables", 48, 0x10001, 4, REFUSAL "more than there can be" },
    { "runs", 52, 0xffffffff, 4, REFUSAL "more than there may be: raise "
      "max-mappings" },
    { "over the next", 64, IOVA + 4 * NYX_PAGE - 1, 8, IMPOSSIBLE },
    { "flags", 88, 0x100, 4, IMPOSSIBLE },
};

static void put_be(char *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        at[i] = value >> 8 * (size - 1 - i);
    }
}

static void test_values(void)
{
    Move m = move_begin("");
    const uint32_t sign = cpu_to_be32(DOMAIN);
    g_autofree char *good = NULL;
    gsize len, base;

    attach(&m.f, DOMAIN, SID, 0);
    attach(&m.f, OTHER, BEHIND, QVIO_ATTACH_BYPASS);
    map(&m.f, IOVA, 2 * NYX_PAGE, m.f.page, QVIO_MAP_RW);
    map(&m.f, IOVA + 3 * NYX_PAGE, NYX_PAGE, m.f.page, QVIO_MAP_RW);
    /* In guest memory, the id is little-endian. */
    nyx_migrate_to(m.f.pc->qts, m.path);
    g_assert_true(g_file_get_contents(m.path, &good, &len, NULL));
    base = (char *)memmem(good, len, &sign, sizeof(sign)) - good - 4;
    g_assert_cmpuint(base, <, len);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_rows); i++) {
        g_autofree char *bad = g_memdup2(good, len);

        put_be(bad + base + bad_rows[i].at, bad_rows[i].value,
               bad_rows[i].size);
        g_assert_true(g_file_set_contents(m.path, bad, len, NULL));
        expect_load_error(&m, bad_rows[i].name, DEVICE, bad_rows[i].why);
    }
    /* It ends in the middle of the mappings. */
    g_assert_true(g_file_set_contents(m.path, good, base + 100, NULL));
    expect_load_error(&m, "short", DEVICE,
                      "Failed to load nyx-virtio-iommu-device/state:arrays");
    move_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-virtio/migrate/" name, fn)
    ADD("state", test_state);
    ADD("idle", test_idle);
    ADD("bridge", test_bridge);
    ADD("requests", test_requests);
    ADD("requests-packed", test_requests_packed);
    ADD("tables", test_tables);
    ADD("consumer", test_consumer);
    ADD("snapshot", test_snapshot);
    ADD("options", test_options);
    ADD("values", test_values);
    return g_test_run();
}
