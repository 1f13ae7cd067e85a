/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a consumer in the manner of VFIO is told of nyx-virtio-iommu-pci's
 * mappings.  The test device keeps them, and objects as a container of VFIO
 * would.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-virtio-iommu.h"

#define SID_A   NYX_SID(0, 4, 0)
#define DOM_A   10
#define DOM_B   11

#define IOVA    0x40000000ull

#define VFIO    (NYX_TD_NOTIFY_MAP | NYX_TD_NOTIFY_UNMAP)
#define DEVICES 4

typedef struct Fx {
    NyxPc *pc;
    QVio *v;
    NyxTestdev td[DEVICES];
    uint64_t ram;            /* 2 MiB of it, aligned */
} Fx;

static uint16_t sid(unsigned i)
{
    return SID_A + (i << 3);
}

/* The devices are in no domain, and bypass is off. */
static Fx fx_start(const char *options)
{
    Fx f = { };

    f.pc = nyx_pc_start("-M q35 -device nyx-virtio-iommu-pci,id=iommu,addr=3%s "
                        "-device nyx-testdev,id=a,addr=4 "
                        "-device nyx-testdev,id=b,addr=5 "
                        "-device nyx-testdev,id=c,addr=6 "
                        "-device nyx-testdev,id=d,addr=7", options);
    f.v = qvio_start(f.pc, QVIO_F_USUAL);
    for (unsigned i = 0; i < DEVICES; i++) {
        f.td[i] = nyx_td_get(f.pc->pci, sid(i));
    }
    qvio_set_bypass(f.v, 0);
    f.ram = nyx_pc_pages(f.pc, 512);
    return f;
}

static void follow(Fx *f, unsigned i)
{
    NYX_CHECK("listens", nyx_td_notify(&f->td[i], VFIO) & 0xff,
              NYX_TD_NOTIFY_ST_ACTIVE);
}

static void attach(Fx *f, uint32_t domain, unsigned i)
{
    NYX_CHECK("attach", qvio_attach(f->v, domain, sid(i), 0), QVIO_S_OK);
}

/* The same with the first device in domain A, listening. */
static Fx fx_listen(const char *options)
{
    Fx f = fx_start(options);

    attach(&f, DOM_A, 0);
    follow(&f, 0);
    return f;
}

static void fx_end(Fx *f)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        NYX_CHECK("objections", nyx_td_r32(&f->td[i], NYX_TD_NOTIFY_ERRORS),
                  0);
        nyx_td_put(&f->td[i]);
    }
    qvio_end(f->v);
    nyx_pc_end(f->pc);
}

static void map_flags(Fx *f, uint32_t domain, uint64_t iova, uint64_t size,
                      uint64_t addr, uint32_t flags)
{
    NYX_CHECK("map", qvio_map(f->v, domain, iova, iova + size - 1, addr,
                              flags), QVIO_S_OK);
}

static void map(Fx *f, uint32_t domain, uint64_t iova, uint64_t size,
                uint64_t addr)
{
    map_flags(f, domain, iova, size, addr, QVIO_MAP_RW);
}

static void unmap(Fx *f, uint32_t domain, uint64_t iova, uint64_t size)
{
    NYX_CHECK("unmap", qvio_unmap(f->v, domain, iova, iova + size - 1),
              QVIO_S_OK);
}

/* A request for each page. */
static void map_pages(Fx *f, uint32_t domain, uint64_t iova, unsigned n,
                      uint64_t addr)
{
    for (unsigned i = 0; i < n; i++) {
        map(f, domain, iova + i * NYX_PAGE, NYX_PAGE, addr + i * NYX_PAGE);
    }
}

/* Events since the last time, and what they came to. */
static void expect(Fx *f, unsigned i, const char *row, unsigned maps,
                   unsigned unmaps, unsigned mappings, uint64_t bytes)
{
    const NyxTestdev *td = &f->td[i];

    NYX_CHECK(row, nyx_td_r64(td, NYX_TD_NOTIFY_MAPS), maps);
    NYX_CHECK(row, nyx_td_r64(td, NYX_TD_NOTIFY_UNMAPS), unmaps);
    NYX_CHECK(row, nyx_td_r32(td, NYX_TD_SHADOW_COUNT), mappings);
    NYX_CHECK(row, nyx_td_r64(td, NYX_TD_SHADOW_BYTES), bytes);
    NYX_CHECK(row, nyx_td_r32(td, NYX_TD_NOTIFY_ERRORS), 0);
    nyx_td_w32(td, NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_CLEAR);
}

static void expect_mapping(Fx *f, unsigned i, const char *row, uint64_t iova,
                           uint64_t len, uint64_t addr, uint32_t perm)
{
    NyxTdMapping m = nyx_td_shadow_find(&f->td[i], iova);

    NYX_CHECK(row, m.len, len);
    if (len) {
        NYX_CHECK(row, m.iova, iova);
        NYX_CHECK(row, m.addr, addr);
        NYX_CHECK(row, m.perm, perm);
    }
}

/* --- Requests ------------------------------------------------------------- */

static void test_pages(void)
{
    Fx f = fx_listen("");

    expect(&f, 0, "nothing", 0, 0, 0, 0);
    map(&f, DOM_A, IOVA, NYX_PAGE, f.ram);
    expect(&f, 0, "map", 1, 0, 1, NYX_PAGE);
    expect_mapping(&f, 0, "map", IOVA, NYX_PAGE, f.ram, 3);
    NYX_CHECK("overlap", qvio_map(f.v, DOM_A, IOVA, IOVA + 2 * NYX_PAGE - 1,
                                  f.ram, QVIO_MAP_RW), QVIO_S_INVAL);
    expect(&f, 0, "refused", 0, 0, 1, NYX_PAGE);
    unmap(&f, DOM_A, IOVA, NYX_PAGE);
    expect(&f, 0, "unmap", 0, 1, 0, 0);
    unmap(&f, DOM_A, IOVA, NYX_PAGE);
    expect(&f, 0, "nothing there", 0, 0, 0, 0);

    map_flags(&f, DOM_A, IOVA, NYX_PAGE, f.ram, QVIO_MAP_READ);
    expect_mapping(&f, 0, "read only", IOVA, NYX_PAGE, f.ram, 1);
    map_flags(&f, DOM_A, IOVA + NYX_PAGE, NYX_PAGE, f.ram, QVIO_MAP_WRITE);
    expect_mapping(&f, 0, "write only", IOVA + NYX_PAGE, NYX_PAGE, f.ram, 2);
    map_flags(&f, DOM_A, IOVA + 2 * NYX_PAGE, NYX_PAGE, f.ram, 0);
    expect(&f, 0, "neither", 2, 0, 2, 2 * NYX_PAGE);
    unmap(&f, DOM_A, 0, IOVA + NYX_GIB);
    expect(&f, 0, "all", 0, 1, 0, 0);
    fx_end(&f);
}

/* One request becomes as few powers of two as there can be. */
static void test_sizes(void)
{
    static const struct {
        const char *name;
        uint64_t iova, size;
        uint64_t addr;       /* beside the RAM */
        unsigned maps, unmaps;
    } rows[] = {
        { "2 MiB", IOVA, 2 * NYX_MIB, 0, 1, 1 },
        { "2 MiB less a page", IOVA, 2 * NYX_MIB - NYX_PAGE, 0, 9, 9 },
        { "five pages", IOVA + NYX_PAGE, 5 * NYX_PAGE, NYX_PAGE, 3, 3 },
        { "to the wrong place", IOVA, 16 * NYX_PAGE, NYX_PAGE, 16, 1 },
        { "by half", IOVA, 16 * NYX_PAGE, 8 * NYX_PAGE, 2, 1 },
        { "around 4 GiB", 0xfffff000, 2 * NYX_PAGE, 0, 2, 2 },
    };
    Fx f = fx_listen("");

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        map(&f, DOM_A, rows[i].iova, rows[i].size, f.ram + rows[i].addr);
        expect(&f, 0, rows[i].name, rows[i].maps, 0, rows[i].maps,
               rows[i].size);
        unmap(&f, DOM_A, rows[i].iova, rows[i].size);
        expect(&f, 0, rows[i].name, 0, rows[i].unmaps, 0, 0);
    }
    fx_end(&f);
}

/* Who comes late finds contiguous requests as one, which come apart again. */
static void test_coalesce(void)
{
    Fx f = fx_start("");

    attach(&f, DOM_A, 0);
    map_pages(&f, DOM_A, IOVA, 512, f.ram);
    follow(&f, 0);
    expect(&f, 0, "one", 1, 0, 1, 2 * NYX_MIB);
    unmap(&f, DOM_A, IOVA, NYX_PAGE);
    /* 4 KiB, 8 KiB, ... 1 MiB stay. */
    expect(&f, 0, "split", 9, 1, 9, 511 * NYX_PAGE);
    expect_mapping(&f, 0, "split", IOVA + NYX_MIB, NYX_MIB, f.ram + NYX_MIB,
                   3);
    map(&f, DOM_A, IOVA, NYX_PAGE, f.ram);
    expect(&f, 0, "back", 1, 0, 10, 2 * NYX_MIB);
    unmap(&f, DOM_A, IOVA, 2 * NYX_MIB);
    expect(&f, 0, "gone", 0, 1, 0, 0);
    fx_end(&f);
}

static void test_coalesce_off(void)
{
    Fx f = fx_start(",coalesce=off");

    attach(&f, DOM_A, 0);
    map_pages(&f, DOM_A, IOVA, 512, f.ram);
    follow(&f, 0);
    expect(&f, 0, "each", 512, 0, 512, 2 * NYX_MIB);
    unmap(&f, DOM_A, IOVA + NYX_PAGE, NYX_PAGE);
    expect(&f, 0, "one page", 0, 1, 511, 511 * NYX_PAGE);
    fx_end(&f);
}

/* Registers of devices are none of VFIO's; what is RAM of a mapping is. */
static void test_mmio(void)
{
    Fx f = fx_listen("");
    uint64_t end = NYX_PC_RAM;

    map_flags(&f, DOM_A, IOVA, NYX_PAGE, f.td[1].bar,
              QVIO_MAP_RW | QVIO_MAP_MMIO);
    expect(&f, 0, "registers", 0, 0, 0, 0);
    NYX_CHECK("DMA", nyx_td_writel(&f.td[0], IOVA + NYX_TD_DMA_LEN, 0x123),
              NYX_TD_ST_OK);
    NYX_CHECK("DMA", nyx_td_r32(&f.td[1], NYX_TD_DMA_LEN), 0x123);
    map(&f, DOM_A, IOVA + NYX_MIB, NYX_PAGE, f.td[1].bar);
    map(&f, DOM_A, IOVA + 2 * NYX_MIB, NYX_PAGE, 0x200000000000);
    expect(&f, 0, "nothing there", 0, 0, 0, 0);
    /* The last page of RAM, and as much behind it. */
    map(&f, DOM_A, IOVA + 3 * NYX_MIB, 2 * NYX_PAGE, end - NYX_PAGE);
    expect(&f, 0, "in part", 1, 0, 1, NYX_PAGE);
    expect_mapping(&f, 0, "in part", IOVA + 3 * NYX_MIB, NYX_PAGE,
                   end - NYX_PAGE, 3);
    unmap(&f, DOM_A, IOVA, 4 * NYX_MIB);
    expect(&f, 0, "gone", 0, nyx_td_r64(&f.td[0], NYX_TD_NOTIFY_UNMAPS), 0,
           0);
    fx_end(&f);
}

/* The other end of 64 bits; and all of them, of which RAM is a part. */
static void test_wide(void)
{
    Fx f = fx_listen(",aw-bits=64");
    uint64_t top = -2 * NYX_MIB;

    map(&f, DOM_A, top, 2 * NYX_MIB, f.ram);
    expect(&f, 0, "top", 1, 0, 1, 2 * NYX_MIB);
    expect_mapping(&f, 0, "top", top, 2 * NYX_MIB, f.ram, 3);
    unmap(&f, DOM_A, top, 2 * NYX_MIB);
    expect(&f, 0, "top", 0, 1, 0, 0);
    map(&f, DOM_A, 1ull << 63, 1ull << 63, 0);
    expect_mapping(&f, 0, "half", (1ull << 63) + NYX_MIB,
                   nyx_td_shadow_find(&f.td[0], (1ull << 63) + NYX_MIB).len,
                   NYX_MIB, 3);
    unmap(&f, DOM_A, 1ull << 63, 1ull << 63);
    NYX_CHECK("half", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    fx_end(&f);
}

/* More than is passed on at once: the rest follows by itself. */
static void test_much(void)
{
    enum { COUNT = 126, PAGES = 1024 };
    Fx f = fx_listen("");
    g_autofree QVioReq *req = g_new0(QVioReq, COUNT);
    g_autofree unsigned *status = g_new0(unsigned, COUNT);

    for (unsigned i = 0; i < COUNT; i++) {
        req[i] = (QVioReq) {
            .type = QVIO_T_MAP,
            .domain = DOM_A,
            .virt_start = IOVA + i * PAGES * NYX_PAGE,
            .virt_end = IOVA + (i + 1) * PAGES * NYX_PAGE - 1,
            /* To the wrong place: each page is a mapping. */
            .phys_start = f.ram + NYX_PAGE,
            .flags = QVIO_MAP_RW,
        };
    }
    /* A container takes so many: in the middle, all of it goes. */
    req[COUNT / 2].type = QVIO_T_UNMAP;
    req[COUNT / 2].virt_start = 0;
    req[COUNT / 2].virt_end = UINT32_MAX;
    qvio_batch(f.v, req, COUNT, status);
    for (unsigned i = 0; i < COUNT; i++) {
        NYX_CHECK("status", status[i], QVIO_S_OK);
    }
    NYX_CHECK("maps", nyx_td_r64(&f.td[0], NYX_TD_NOTIFY_MAPS),
              (COUNT - 1) * PAGES);
    NYX_CHECK("all", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT),
              (COUNT / 2 - 1) * PAGES);
    fx_end(&f);
}

/* --- Domains -------------------------------------------------------------- */

static void test_attach(void)
{
    Fx f = fx_listen("");

    attach(&f, DOM_B, 1);
    map(&f, DOM_A, IOVA, NYX_PAGE, f.ram);
    map(&f, DOM_B, IOVA, 2 * NYX_PAGE, f.ram + NYX_MIB);
    expect(&f, 0, "A", 1, 0, 1, NYX_PAGE);
    attach(&f, DOM_A, 0);
    expect(&f, 0, "A again", 0, 0, 1, NYX_PAGE);
    attach(&f, DOM_B, 0);
    expect(&f, 0, "B", 1, 1, 1, 2 * NYX_PAGE);
    expect_mapping(&f, 0, "B", IOVA, 2 * NYX_PAGE, f.ram + NYX_MIB, 3);
    NYX_CHECK("none", qvio_detach(f.v, DOM_B, SID_A), QVIO_S_OK);
    expect(&f, 0, "none", 0, 1, 0, 0);
    /* A was over when its last endpoint left. */
    attach(&f, DOM_A, 0);
    expect(&f, 0, "A is new", 0, 0, 0, 0);
    fx_end(&f);
}

static void test_shared(void)
{
    Fx f = fx_start("");

    for (unsigned i = 0; i < DEVICES; i++) {
        attach(&f, DOM_A, i);
        follow(&f, i);
    }
    map(&f, DOM_A, IOVA, 2 * NYX_MIB, f.ram);
    for (unsigned i = 0; i < DEVICES; i++) {
        expect(&f, i, "each", 1, 0, 1, 2 * NYX_MIB);
    }
    /* One leaves, the others do not notice. */
    NYX_CHECK("one", qvio_detach(f.v, DOM_A, sid(2)), QVIO_S_OK);
    for (unsigned i = 0; i < DEVICES; i++) {
        expect(&f, i, "one leaves", 0, i == 2, i != 2,
               i == 2 ? 0 : 2 * NYX_MIB);
    }
    fx_end(&f);
}

/* --- Bypass --------------------------------------------------------------- */

static unsigned sections(Fx *f, unsigned shift)
{
    return nyx_td_r32(&f->td[0], NYX_TD_NOTIFY_STATUS) >> shift & 0xff;
}

static void check_direct(Fx *f, const char *row, bool direct)
{
    NYX_CHECK(row, sections(f, NYX_TD_NOTIFY_ST_RAM_SHIFT) != 0, direct);
    NYX_CHECK(row, sections(f, NYX_TD_NOTIFY_ST_IOMMU_SHIFT) != 0, !direct);
    if (direct) {
        NYX_CHECK(row, nyx_td_r32(&f->td[0], NYX_TD_SHADOW_COUNT), 0);
        NYX_CHECK(row, nyx_td_writel(&f->td[0], f->ram, 0x1234),
                  NYX_TD_ST_OK);
        NYX_CHECK(row, qtest_readl(f->pc->qts, f->ram), 0x1234);
        qtest_writel(f->pc->qts, f->ram, 0);
    } else {
        NYX_CHECK(row, nyx_td_writel(&f->td[0], f->ram, 0x1234),
                  NYX_TD_ST_TX_ERROR);
    }
}

static void test_bypass(void)
{
    Fx f = fx_listen("");

    attach(&f, DOM_A, 1);
    map(&f, DOM_A, IOVA, NYX_PAGE, f.ram);
    check_direct(&f, "mappings", false);
    NYX_CHECK("bypass", qvio_attach(f.v, DOM_B, SID_A, QVIO_ATTACH_BYPASS),
              QVIO_S_OK);
    check_direct(&f, "bypass domain", true);
    attach(&f, DOM_A, 0);
    check_direct(&f, "mappings again", false);
    expect_mapping(&f, 0, "mappings again", IOVA, NYX_PAGE, f.ram, 3);
    NYX_CHECK("none", qvio_detach(f.v, DOM_A, SID_A), QVIO_S_OK);
    check_direct(&f, "no domain", false);
    NYX_CHECK("none", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    qvio_set_bypass(f.v, 1);
    check_direct(&f, "bypass", true);
    attach(&f, DOM_A, 0);
    check_direct(&f, "from bypass", false);
    expect_mapping(&f, 0, "from bypass", IOVA, NYX_PAGE, f.ram, 3);
    /* Who is in a domain does not mind. */
    qvio_set_bypass(f.v, 0);
    check_direct(&f, "in a domain", false);
    expect_mapping(&f, 0, "in a domain", IOVA, NYX_PAGE, f.ram, 3);
    fx_end(&f);
}

/* It listens where nothing is translated yet. */
static void test_from_bypass(void)
{
    Fx f = fx_start("");

    qvio_set_bypass(f.v, 1);
    nyx_td_notify(&f.td[0], VFIO);
    check_direct(&f, "bypass", true);
    attach(&f, DOM_A, 0);
    check_direct(&f, "attached", false);
    map(&f, DOM_A, IOVA, NYX_PAGE, f.ram);
    expect(&f, 0, "mapped", 1, 0, 1, NYX_PAGE);
    fx_end(&f);
}

/* --- Reset, replay -------------------------------------------------------- */

static void test_reset(void)
{
    Fx f = fx_listen("");

    map(&f, DOM_A, IOVA, NYX_PAGE, f.ram);
    expect(&f, 0, "mapped", 1, 0, 1, NYX_PAGE);
    qvio_reset(f.v);
    expect(&f, 0, "device", 0, 1, 0, 0);
    check_direct(&f, "bypass stays off", false);
    qvio_restart(f.v, QVIO_F_USUAL);
    attach(&f, DOM_A, 0);
    map(&f, DOM_A, IOVA, NYX_PAGE, f.ram + NYX_PAGE);
    expect_mapping(&f, 0, "anew", IOVA, NYX_PAGE, f.ram + NYX_PAGE, 3);
    fx_end(&f);
}

static void test_system_reset(void)
{
    Fx f = fx_listen("");

    map(&f, DOM_A, IOVA, NYX_PAGE, f.ram);
    expect(&f, 0, "mapped", 1, 0, 1, NYX_PAGE);
    qtest_system_reset(f.pc->qts);
    for (unsigned i = 0; i < DEVICES; i++) {
        qpci_config_writel(f.td[i].pci, PCI_BASE_ADDRESS_0, f.td[i].bar);
        qpci_device_enable(f.td[i].pci);
    }
    NYX_CHECK("nothing", nyx_td_r32(&f.td[0], NYX_TD_SHADOW_COUNT), 0);
    NYX_CHECK("DMA", nyx_td_writel(&f.td[0], f.ram, 1), NYX_TD_ST_OK);
    fx_end(&f);
}

/* A consumer that forgets, and asks again. */
static void test_replay(void)
{
    Fx f = fx_listen("");

    map(&f, DOM_A, IOVA, 3 * NYX_PAGE, f.ram);
    expect(&f, 0, "map", 2, 0, 2, 3 * NYX_PAGE);
    nyx_td_w32(&f.td[0], NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_REPLAY);
    expect(&f, 0, "replay", 2, 0, 2, 3 * NYX_PAGE);
    fx_end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/nyx-virtio/shadow/" name, fn)
    ADD("pages", test_pages);
    ADD("sizes", test_sizes);
    ADD("coalesce", test_coalesce);
    ADD("coalesce-off", test_coalesce_off);
    ADD("mmio", test_mmio);
    ADD("wide", test_wide);
    ADD("much", test_much);
    ADD("attach", test_attach);
    ADD("shared", test_shared);
    ADD("bypass", test_bypass);
    ADD("from-bypass", test_from_bypass);
    ADD("reset", test_reset);
    ADD("system-reset", test_system_reset);
    ADD("replay", test_replay);
    return g_test_run();
}
