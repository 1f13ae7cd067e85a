/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-testdev behind an IOMMU: requests with PASID and ATS, the device's
 * translation cache, the notifier and its shadow, requester IDs, unplug and
 * snapshot.  The IOMMU is nyx-fake-iommu, whose rules its file gives.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-testdev.h"
#include "nyx-fake-iommu.h"

#define MIB         0x100000ull
#define OFFSET      (16 * MIB)      /* of every translation */
#define READ_ONLY   (16 * MIB)
#define UNMAPPED    (32 * MIB)
#define ECHO        (1ull << 40)

#define FAKE_DEVFN  QPCI_DEVFN(5, 0)
#define DEVFN       QPCI_DEVFN(4, 0)

/* For what is behind bridges: BAR 0 of number n */
#define BEHIND_BAR(n)   (0xd0000000ull + (n) * MIB)

typedef struct Fixture {
    QTestState *qts;
    QPCIBus *bus;
    QPCIDevice *fake_pci;
    QPCIBar fake;
    NyxTestdev td;
} Fixture;

static Fixture start_on(const char *machine, const char *fake_options,
                        const char *args)
{
    const char *plugin = getenv("NYX_FAKE_IOMMU");
    Fixture f = { 0 };

    g_assert_nonnull(plugin);
    f.qts = qtest_initf("-M %s -accel tcg -S -m 128 -nodefaults -plugin %s "
                        "-device nyx-fake-iommu,addr=5%s "
                        "-device nyx-testdev,id=td,addr=4 %s",
                        machine, plugin, fake_options, args);
    f.bus = qpci_new_pc(f.qts, NULL);
    f.fake_pci = qpci_device_find(f.bus, FAKE_DEVFN);
    qpci_device_enable(f.fake_pci);
    f.fake = qpci_iomap(f.fake_pci, 0, NULL);
    f.td = nyx_td_get(f.bus, DEVFN);
    return f;
}

static Fixture start(const char *fake_options, const char *args)
{
    return start_on("q35", fake_options, args);
}

static void end(Fixture *f)
{
    nyx_td_put(&f->td);
    g_free(f->fake_pci);
    qpci_free_pc(f->bus);
    qtest_quit(f->qts);
}

static void fake_set(Fixture *f, unsigned offset, uint64_t value)
{
    qpci_io_writeq(f->fake_pci, f->fake, offset, value);
}

static void fake_map(Fixture *f, uint64_t iova, uint64_t mask, uint64_t addr,
                     unsigned perm)
{
    fake_set(f, FAKE_IOVA, iova);
    fake_set(f, FAKE_MASK, mask);
    fake_set(f, FAKE_ADDR, addr);
    fake_set(f, FAKE_FIRE_MAP, perm);
}

static void fake_unmap(Fixture *f, unsigned fire, uint64_t iova,
                       uint64_t mask)
{
    fake_set(f, FAKE_IOVA, iova);
    fake_set(f, FAKE_MASK, mask);
    fake_set(f, fire, 1);
}

static uint32_t request(Fixture *f, uint32_t op, uint32_t attr, uint64_t addr,
                        uint32_t len)
{
    return nyx_td_request(&f->td, (NyxTdReq) {
        .op = op,
        .attr = attr,
        .pasid = 5,
        .addr = addr,
        .len = len,
        .operand = 0x0807060504030201,
    });
}

static void test_plain(void)
{
    Fixture f = start("", "");

    g_assert_true(nyx_td_r32(&f.td, NYX_TD_FEATURES) &
                  NYX_TD_FEATURE_NYX_IOMMU);
    g_assert_cmpuint(nyx_td_writel(&f.td, 0x2ffe, 0xaabbccdd), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f.qts, OFFSET + 0x2ffe), ==, 0xaabbccdd);
    g_assert_cmpuint(nyx_td_writel(&f.td, READ_ONLY, 1), ==,
                     NYX_TD_ST_TX_ERROR);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_DMA_MEMTX), ==, 2);
    g_assert_cmpuint(nyx_td_writel(&f.td, UNMAPPED, 1), ==,
                     NYX_TD_ST_TX_ERROR);

    /* AtomicOps and zero-length reads are shown to the IOMMU */
    g_assert_cmpuint(request(&f, NYX_TD_OP_FETCH_ADD, 0, 0x1000, 8), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readq(f.qts, OFFSET + 0x1000), ==,
                    0x0807060504030201);
    g_assert_cmpuint(request(&f, NYX_TD_OP_FETCH_ADD, 0, READ_ONLY, 8), ==,
                     NYX_TD_ST_BLOCKED);
    g_assert_cmpuint(request(&f, NYX_TD_OP_ZERO_READ, 0, READ_ONLY, 0), ==,
                     NYX_TD_ST_OK);
    g_assert_cmpuint(request(&f, NYX_TD_OP_ZERO_READ, 0, UNMAPPED, 0), ==,
                     NYX_TD_ST_BLOCKED);
    end(&f);
}

static void test_pasid(void)
{
    Fixture f = start("", "");
    const uint32_t attr = NYX_TD_ATTR_PASID;

    /* Over a page boundary: two answers, one request */
    g_assert_cmpuint(request(&f, NYX_TD_OP_FILL, attr, 0x1ffc, 8), ==,
                     NYX_TD_ST_OK);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_DMA_DONE), ==, 8);
    g_assert_cmphex(nyx_td_answer(&f.td).addr, ==, OFFSET + 0x2000);
    g_assert_cmphex(nyx_td_answer(&f.td).mask, ==, 0xfff);
    g_assert_cmphex(qtest_readq(f.qts, OFFSET + 0x1ffc), ==,
                    0x0807060504030201);

    /* The first half gets through */
    g_assert_cmpuint(request(&f, NYX_TD_OP_FILL, attr, READ_ONLY - 4, 8), ==,
                     NYX_TD_ST_BLOCKED);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_DMA_DONE), ==, 4);

    g_assert_cmpuint(request(&f, NYX_TD_OP_READ,
                             attr | NYX_TD_ATTR_EXEC | NYX_TD_ATTR_PRIV,
                             READ_ONLY, 65536), ==, NYX_TD_ST_OK);
    g_assert_cmpuint(request(&f, NYX_TD_OP_SWAP, attr, 0x3000, 4), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f.qts, OFFSET + 0x3000), ==, 0x04030201);

    /* Another PASID */
    g_assert_cmpuint(nyx_td_request(&f.td, (NyxTdReq) {
        .op = NYX_TD_OP_READ, .attr = attr, .pasid = 6, .len = 4,
    }), ==, NYX_TD_ST_BLOCKED);
    end(&f);
}

/* What a request tells the IOMMU about itself. */
static void test_echo(void)
{
    static const struct {
        uint32_t attr;
        uint64_t echo;
    } rows[] = {
        { 0, 0x0020030000000000 },
        { NYX_TD_ATTR_NO_WRITE, 0x0020010000000000 },
        { NYX_TD_ATTR_PASID, 0x0020030100000005 },
        { NYX_TD_ATTR_PASID | NYX_TD_ATTR_EXEC, 0x0020070100000005 },
        { NYX_TD_ATTR_PASID | NYX_TD_ATTR_PRIV, 0x00200b0100000005 },
    };
    Fixture f = start("", "");

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        NyxTdReq req = { .op = NYX_TD_OP_TRANSLATE, .addr = ECHO,
                         .attr = rows[i].attr, .pasid = 5 };

        if (!(req.attr & NYX_TD_ATTR_PASID)) {
            req.pasid = 0;
        }
        g_assert_cmpuint(nyx_td_request(&f.td, req), ==, NYX_TD_ST_OK);
        g_assert_cmphex(nyx_td_answer(&f.td).addr, ==, rows[i].echo);
    }
    end(&f);
}

static void test_atc(void)
{
    Fixture f = start("", "");
    NyxTdAnswer answer;

    g_assert_cmpuint(nyx_td_translate(&f.td, UNMAPPED, -1, &answer), ==,
                     NYX_TD_ST_NO_MAPPING);
    g_assert_cmpuint(nyx_td_translate(&f.td, 0, 6, &answer), ==,
                     NYX_TD_ST_BLOCKED);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ATC_COUNT), ==, 0);
    g_assert_cmpuint(nyx_td_translate(&f.td, 0x1234, -1, &answer), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(answer.addr, ==, OFFSET + 0x1234);
    g_assert_cmphex(answer.access, ==, 3);
    g_assert_cmpuint(nyx_td_translate(&f.td, READ_ONLY + 1, 5, &answer), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(answer.access, ==, 1);

    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ATC_COUNT), ==, 2);
    g_assert_cmphex(nyx_td_r64(&f.td, NYX_TD_ATC_IOVA), ==, 0x1000);
    g_assert_cmphex(nyx_td_r64(&f.td, NYX_TD_ATC_MASK), ==, 0xfff);
    g_assert_cmphex(nyx_td_r64(&f.td, NYX_TD_ATC_ADDR), ==, OFFSET + 0x1000);
    g_assert_cmphex(nyx_td_r32(&f.td, NYX_TD_ATC_ACCESS), ==, 0x80000003);
    nyx_td_w32(&f.td, NYX_TD_ATC_INDEX, 1);
    g_assert_cmphex(nyx_td_r32(&f.td, NYX_TD_ATC_ACCESS), ==, 0xc0000001);
    g_assert_cmphex(nyx_td_r32(&f.td, NYX_TD_ATC_PASID), ==, 5);
    g_assert_cmphex(nyx_td_r64(&f.td, NYX_TD_ATC_MASK), ==, 0x1fffff);

    /* A hit, a miss for the lack of a permission, a miss that fills */
    g_assert_cmpuint(request(&f, NYX_TD_OP_FILL, NYX_TD_ATTR_AT_ATC, 0x1008,
                             8), ==, NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f.qts, OFFSET + 0x1008), ==, 0x04030201);
    g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_ATC_HITS), ==, 1);
    g_assert_cmpuint(request(&f, NYX_TD_OP_FILL,
                             NYX_TD_ATTR_AT_ATC | NYX_TD_ATTR_PASID,
                             READ_ONLY, 8), ==, NYX_TD_ST_NO_MAPPING);
    g_assert_cmpuint(request(&f, NYX_TD_OP_READ, NYX_TD_ATTR_AT_ATC, 0x5ffc,
                             8), ==, NYX_TD_ST_OK);
    g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_ATC_MISSES), ==, 3);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ATC_COUNT), ==, 4);

    /* Translated requests */
    g_assert_cmpuint(request(&f, NYX_TD_OP_FILL, NYX_TD_ATTR_AT_TRANSLATED,
                             48 * MIB, 8), ==, NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f.qts, 48 * MIB), ==, 0x04030201);
    g_assert_cmpuint(request(&f, NYX_TD_OP_FILL, NYX_TD_ATTR_AT_TRANSLATED,
                             64 * MIB, 8), ==, NYX_TD_ST_BLOCKED);

    /* The oldest entries make room */
    for (unsigned i = 0; i < 70; i++) {
        nyx_td_translate(&f.td, 0x100000 + i * 4096, -1, &answer);
    }
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ATC_COUNT), ==, 64);
    nyx_td_w32(&f.td, NYX_TD_ATC_CTRL, NYX_TD_ATC_FLUSH);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ATC_COUNT), ==, 0);
    end(&f);
}

static void test_atc_invalidate(void)
{
    Fixture f = start("", "");
    NyxTdAnswer answer;

    for (unsigned i = 0; i < 4; i++) {
        nyx_td_translate(&f.td, i * 4096, -1, &answer);
        nyx_td_translate(&f.td, i * 4096, 5, &answer);
    }
    /* Nobody listens: stale */
    fake_unmap(&f, FAKE_FIRE_DEVTLB, 0x1000, 0x1fff);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ATC_COUNT), ==, 8);

    g_assert_cmphex(nyx_td_notify(&f.td, NYX_TD_NOTIFY_DEV_UNMAP) & 0xffff,
                    ==, 0x101);
    fake_unmap(&f, FAKE_FIRE_DEVTLB, 0x1000, 0x1fff);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ATC_COUNT), ==, 4);
    g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_ATC_DROPS), ==, 4);
    g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_NOTIFY_DEV_UNMAPS), ==, 1);

    /* The other kinds of event are not for the ATC, nor for nobody */
    fake_unmap(&f, FAKE_FIRE_UNMAP, 0, 0xfff);
    g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_NOTIFY_UNMAPS), ==, 0);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ATC_COUNT), ==, 4);

    /* All of it */
    fake_unmap(&f, FAKE_FIRE_DEVTLB, 0, -1);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ATC_COUNT), ==, 0);
    end(&f);
}

static void expect_shadow(Fixture *f, unsigned index, NyxTdMapping want)
{
    NyxTdMapping got = nyx_td_shadow_at(&f->td, index);

    g_assert_cmphex(got.iova, ==, want.iova);
    g_assert_cmphex(got.len, ==, want.len);
    g_assert_cmphex(got.addr, ==, want.addr);
    g_assert_cmphex(got.perm, ==, want.perm);
}

static void test_shadow(void)
{
    Fixture f = start("", "");
    QDict *rsp;
    QList *list;

    g_assert_cmphex(nyx_td_notify(&f.td, 3), ==, 0x101);
    /* From the replay */
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_NOTIFY_REPLAYS), ==, 1);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), ==, 1);
    expect_shadow(&f, 0, (NyxTdMapping) { 0x7000, 0x1000, 0x1007000, 3 });

    fake_map(&f, 0x200000, 0x1fffff, 0x400000, 1);
    fake_map(&f, 0x1000, 0xfff, 0x5000, 2);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), ==, 3);
    g_assert_cmphex(nyx_td_r64(&f.td, NYX_TD_SHADOW_BYTES), ==, 0x202000);
    expect_shadow(&f, 0, (NyxTdMapping) { 0x1000, 0x1000, 0x5000, 2 });
    expect_shadow(&f, 2, (NyxTdMapping) { 0x200000, 0x200000, 0x400000, 1 });
    expect_shadow(&f, 3, (NyxTdMapping) { 0 });
    g_assert_cmphex(nyx_td_shadow_find(&f.td, 0x3fffff).iova, ==, 0x200000);
    g_assert_cmphex(nyx_td_shadow_find(&f.td, 0x400000).len, ==, 0);

    rsp = qtest_qmp(f.qts, "{ 'execute': 'qom-get', 'arguments': {"
                    " 'path': 'td', 'property': 'shadow' } }");
    list = qdict_get_qlist(rsp, "return");
    g_assert_cmpuint(qlist_size(list), ==, 3);
    g_assert_cmpint(qdict_get_int(qobject_to(QDict, qlist_peek(list)), "addr"),
                    ==, 0x5000);
    qobject_unref(rsp);

    /* One unmap over mappings and holes */
    fake_unmap(&f, FAKE_FIRE_UNMAP, 0, 0xffff);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), ==, 1);
    /* Of nothing is fine */
    fake_unmap(&f, FAKE_FIRE_UNMAP, 0, 0xffff);
    g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_NOTIFY_UNMAPS), ==, 2);
    g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_NOTIFY_MAPS), ==, 3);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_NOTIFY_ERRORS), ==, 0);

    nyx_td_w32(&f.td, NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_REPLAY);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), ==, 1);
    expect_shadow(&f, 0, (NyxTdMapping) { 0x7000, 0x1000, 0x1007000, 3 });
    nyx_td_w32(&f.td, NYX_TD_NOTIFY_OP, NYX_TD_NOTIFY_OP_CLEAR);
    g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_NOTIFY_MAPS), ==, 0);

    end(&f);
}

static void test_shadow_region(void)
{
    Fixture f = start("", "");

    /* The region goes and comes back */
    nyx_td_notify(&f.td, 3);
    fake_map(&f, 0x200000, 0x1fffff, 0x400000, 1);
    g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_NOTIFY_MAPS), ==, 2);
    fake_set(&f, FAKE_ENABLE, 0);
    g_assert_cmphex(nyx_td_r32(&f.td, NYX_TD_NOTIFY_STATUS), ==, 0);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), ==, 0);
    fake_map(&f, 0x1000, 0xfff, 0x5000, 2);
    g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_NOTIFY_MAPS), ==, 2);
    fake_set(&f, FAKE_ENABLE, 1);
    g_assert_cmphex(nyx_td_r32(&f.td, NYX_TD_NOTIFY_STATUS), ==, 0x101);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), ==, 1);

    /* Off is off */
    g_assert_cmphex(nyx_td_notify(&f.td, 0), ==, 0);
    fake_map(&f, 0x1000, 0xfff, 0x5000, 2);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), ==, 0);
    end(&f);
}

static void test_shadow_errors(void)
{
    static const struct {
        const char *name;
        uint64_t iova;
        uint64_t mask;
        uint64_t addr;
        unsigned perm;         /* 0: an UNMAP */
        unsigned counter;      /* offset, as the register guide has it */
        uint32_t last;
        uint32_t count;        /* mappings after it */
    } rows[] = {
        { "map again", 0x200000, 0xfff, 0, 3, 0x528, 1, 1 },
        { "map around", 0, 0x3fffff, 4 * MIB, 3, 0x528, 1, 1 },
        { "cut low", 0x300000, 0xfffff, 0, 0, 0x52c, 2, 1 },
        { "cut high", 0x200000, 0xfff, 0, 0, 0x52c, 2, 1 },
        { "map of 3 pages", 0x500000, 0x2fff, 0, 3, 0x530, 3, 1 },
        { "map misaligned", 0x501000, 0x1fff, 0, 3, 0x530, 3, 1 },
        { "target misaligned", 0x500000, 0x1fff, 0x1000, 3, 0x530, 3, 1 },
        { "map of everything", 0, -1, 0, 3, 0x530, 3, 1 },
        { "map beyond the end", -4096ull, 0x1fff, 0, 3, 0x530, 3, 1 },
        { "map of nothing", 0x500000, 0xfff, 1ull << 40, 3, 0x534, 4, 1 },
        { "map of MMIO", 0x500000, 0xfff, 0xfee00000, 3, 0x534, 4, 1 },
        { "map beyond RAM", 0x10000000, 0xfffffff, 0, 3, 0x534, 4, 1 },
        { "map beyond the shadow", 0x500000, 0xfff, 0, 3, 0x53c, 6, 1 },
        { "unmap of 3 pages", 0x500000, 0x2fff, 0, 0, 0x530, 3, 1 },
        { "unmap of everything", 0, -1, 0, 0, 0x530, 3, 0 },
    };
    Fixture f = start("", "-global nyx-testdev.shadow-max=1");

    nyx_td_notify(&f.td, 3);
    fake_unmap(&f, FAKE_FIRE_UNMAP, 0x7000, 0xfff);
    fake_map(&f, 0x200000, 0x1fffff, 0x400000, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint32_t before = nyx_td_r32(&f.td, rows[i].counter);

        g_test_message("%s", rows[i].name);
        if (rows[i].perm) {
            fake_map(&f, rows[i].iova, rows[i].mask, rows[i].addr,
                     rows[i].perm);
        } else {
            fake_unmap(&f, FAKE_FIRE_UNMAP, rows[i].iova, rows[i].mask);
        }
        g_assert_cmpuint(nyx_td_r32(&f.td, rows[i].counter), ==, before + 1);
        g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_LAST_ERR), ==,
                         rows[i].last);
        g_assert_cmphex(nyx_td_r64(&f.td, NYX_TD_LAST_ERR_IOVA), ==,
                        rows[i].iova);
        g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_NOTIFY_ERRORS), ==, i + 1);
        g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), ==,
                         rows[i].count);
    }
    fake_set(&f, FAKE_OTHER_AS, 1);
    fake_map(&f, 0x200000, 0xfff, 0, 3);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ERR_TARGET), ==, 1);
    end(&f);
}

/* --- Dirty pages ---------------------------------------------------------- */

static uint32_t host_request(Fixture *f, uint32_t op, uint64_t addr,
                             uint32_t len)
{
    return request(f, op, NYX_TD_ATTR_HOST, addr, len);
}

/* By what was announced: not by the IOMMU's rules. */
static void test_host_requests(void)
{
    Fixture f = start("", "");
    uint64_t seen;

    g_assert_cmpuint(host_request(&f, NYX_TD_OP_FILL, 0x7000, 8), ==,
                     NYX_TD_ST_NO_MAPPING);
    nyx_td_notify(&f.td, 3);
    g_assert_cmpuint(host_request(&f, NYX_TD_OP_FILL, 0x7ff8, 8), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readq(f.qts, OFFSET + 0x7ff8), ==,
                    0x0807060504030201);
    g_assert_cmpuint(host_request(&f, NYX_TD_OP_READ, 0x7ff8, 8), ==,
                     NYX_TD_ST_OK);
    nyx_td_get_data(&f.td, &seen, 8);
    g_assert_cmphex(le64_to_cpu(seen), ==, 0x0807060504030201);
    g_assert_cmpuint(host_request(&f, NYX_TD_OP_VERIFY, 0x7ff0, 8), ==,
                     NYX_TD_ST_MISMATCH);
    /* Up to where the mapping ends. */
    g_assert_cmpuint(host_request(&f, NYX_TD_OP_FILL, 0x7ffc, 8), ==,
                     NYX_TD_ST_NO_MAPPING);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_DMA_DONE), ==, 4);
    fake_map(&f, 0xb000, 0xfff, 0x8000, 1);
    g_assert_cmpuint(host_request(&f, NYX_TD_OP_READ, 0xb000, 8), ==,
                     NYX_TD_ST_OK);
    g_assert_cmpuint(host_request(&f, NYX_TD_OP_FILL, 0xb000, 8), ==,
                     NYX_TD_ST_NO_MAPPING);
    g_assert_cmpuint(host_request(&f, NYX_TD_OP_SWAP, 0x7000, 8), ==,
                     NYX_TD_ST_BAD_ATTR);
    g_assert_cmpuint(request(&f, NYX_TD_OP_READ, NYX_TD_ATTR_HOST |
                             NYX_TD_ATTR_PASID, 0x7000, 8), ==,
                     NYX_TD_ST_BAD_ATTR);
    end(&f);
}

static void test_sync(void)
{
    Fixture f = start("", "");

    g_assert_cmpuint(nyx_td_sync_begin(&f.td), ==, 0);
    nyx_td_sync_end(&f.td);
    nyx_td_notify(&f.td, 3);
    fake_map(&f, 0xb000, 0xfff, 0x8000, 1);
    for (unsigned wrong = 0; wrong <= FAKE_REPLAY_MMIO; wrong++) {
        NyxTdMapping seen;

        fake_set(&f, FAKE_REPLAY, wrong);
        g_assert_cmpuint(nyx_td_sync_begin(&f.td), ==, wrong ? 2 : 1);
        seen = nyx_td_shadow_at(&f.td, 0);
        g_assert_cmphex(seen.iova, ==, 0x7000);
        g_assert_cmphex(seen.addr, ==, 0x7000 + OFFSET);
        g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), ==, 1);
        nyx_td_sync_end(&f.td);
        g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SYNC_ERRORS), ==, wrong);
        g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_SHADOW_COUNT), ==, 2);
    }
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_NOTIFY_ERRORS), ==, 0);
    end(&f);
}

/* QEMU's own use of the same log: the rate at which pages become dirty. */
static void track(Fixture *f)
{
    qtest_qmp_assert_success(f->qts, "{ 'execute': 'calc-dirty-rate', "
                             "'arguments': { 'calc-time': 60, "
                             "'mode': 'dirty-bitmap' } }");
}

static void test_tracked(void)
{
    Fixture f = start("", "");
    unsigned polls = 0;

    nyx_td_notify(&f.td, 3);
    track(&f);
    /* The wrong address counts from when it has started. */
    while (!nyx_td_r32(&f.td, NYX_TD_ERR_ADDR)) {
        g_assert_cmpuint(polls++, <, 10000);
        fake_map(&f, 0xb000, 0xfff, 0x8000, 3);
        fake_set(&f, FAKE_ADDR, 0);
        fake_unmap(&f, FAKE_FIRE_UNMAP, 0xb000, 0xfff);
        g_usleep(1000);
    }
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_LAST_ERR), ==, 7);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_NOTIFY_ERRORS), ==, 1);

    fake_map(&f, 0xb000, 0xfff, 0x8000, 3);
    g_assert_cmpuint(host_request(&f, NYX_TD_OP_FILL, 0xb000, 8), ==,
                     NYX_TD_ST_OK);
    fake_unmap(&f, FAKE_FIRE_UNMAP, 0xb000, 0xfff);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ERR_ADDR), ==, 1);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_DIRTY_LOST), ==, 0);
    /* A range that is too large for a bitmap. */
    fake_map(&f, 0, 0xfff, 0x8000, 3);
    fake_set(&f, FAKE_ADDR, 0x8000);
    fake_unmap(&f, FAKE_FIRE_UNMAP, 0, (1ull << 44) - 1);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_ERR_ADDR), ==, 2);
    /* The section goes, and nobody has asked. */
    fake_map(&f, 0xb000, 0xfff, 0x8000, 3);
    host_request(&f, NYX_TD_OP_FILL, 0xb000, 8);
    fake_set(&f, FAKE_ENABLE, 0);
    g_assert_cmpuint(nyx_td_r32(&f.td, NYX_TD_DIRTY_LOST), ==, 1);
    end(&f);
}

static void test_refusal(void)
{
    Fixture f = start(",refuse=on", "-global nyx-testdev.notify=3");
    QDict *rsp;

    /* Asked for by the property since before the machine ran */
    g_assert_cmphex(nyx_td_r32(&f.td, NYX_TD_NOTIFY_CTRL), ==, 3);
    g_assert_cmphex(nyx_td_r32(&f.td, NYX_TD_NOTIFY_STATUS), ==, 0x102);
    rsp = qtest_qmp(f.qts, "{ 'execute': 'qom-get', 'arguments': {"
                    " 'path': 'td', 'property': 'notify-error' } }");
    g_assert_cmpstr(qdict_get_str(rsp, "return"), ==, "refused as told");
    qobject_unref(rsp);
    g_assert_cmphex(nyx_td_notify(&f.td, 7), ==, 0x102);
    g_assert_cmphex(nyx_td_notify(&f.td, 0), ==, 0);
    end(&f);
}

/* Requester IDs */

static void set_bridge(Fixture *f, int devfn, unsigned bus, unsigned n)
{
    QPCIDevice *dev = qpci_device_find(f->bus, devfn);

    g_assert_nonnull(dev);
    qpci_config_writeb(dev, PCI_PRIMARY_BUS, devfn >> 8);
    qpci_config_writeb(dev, PCI_SECONDARY_BUS, bus);
    qpci_config_writeb(dev, PCI_SUBORDINATE_BUS, n ? bus + 1 : bus);
    qpci_config_writew(dev, PCI_MEMORY_BASE, BEHIND_BAR(0) >> 16);
    qpci_config_writew(dev, PCI_MEMORY_LIMIT, BEHIND_BAR(0) >> 16);
    qpci_config_writew(dev, PCI_COMMAND,
                       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    g_free(dev);
}

static void expect_requester(Fixture *f, int devfn, unsigned rid)
{
    QPCIDevice *dev = qpci_device_find(f->bus, devfn);
    NyxTestdev td = nyx_td_at(f->qts, BEHIND_BAR(0));
    NyxTdAnswer answer;

    g_assert_nonnull(dev);
    qpci_config_writel(dev, PCI_BASE_ADDRESS_0, td.bar);
    qpci_config_writew(dev, PCI_COMMAND,
                       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    g_assert_cmphex(nyx_td_r32(&td, NYX_TD_REQUESTER_ID), ==, rid);
    g_assert_cmpuint(nyx_td_translate(&td, ECHO, -1, &answer), ==,
                     NYX_TD_ST_OK);
    g_assert_cmphex(answer.addr >> 48, ==, rid);
    g_free(dev);
}

static void test_requester_root_port(void)
{
    Fixture f = start("", "-device pcie-root-port,id=rp,addr=6,chassis=1 "
                      "-device nyx-testdev,bus=rp,id=behind");

    set_bridge(&f, QPCI_DEVFN(6, 0), 1, 0);
    expect_requester(&f, 1 << 8, 0x100);
    end(&f);
}

static void test_requester_pcie_pci_bridge(void)
{
    Fixture f = start("", "-device pcie-root-port,id=rp,addr=6,chassis=1 "
                      "-device pcie-pci-bridge,bus=rp,id=br "
                      "-device nyx-testdev,bus=br,addr=3,id=behind");

    set_bridge(&f, QPCI_DEVFN(6, 0), 1, 1);
    set_bridge(&f, 1 << 8, 2, 0);
    expect_requester(&f, 2 << 8 | QPCI_DEVFN(3, 0), 0x200);
    end(&f);
}

static void test_requester_conventional_bridge(void)
{
    Fixture f = start("", "-device i82801b11-bridge,id=br,addr=6 "
                      "-device nyx-testdev,bus=br,addr=3,id=behind");

    set_bridge(&f, QPCI_DEVFN(6, 0), 1, 0);
    expect_requester(&f, 1 << 8 | QPCI_DEVFN(3, 0), QPCI_DEVFN(6, 0));
    end(&f);
}

/* Threads */

static const NyxTdRun endless = {
    .req = { .op = NYX_TD_OP_READ, .attr = NYX_TD_ATTR_AT_ATC, .len = 64,
             .addr = 4 * MIB },
    .threads = 4,
    .slots = 512,
    .stride = 4096,
    .pattern = NYX_TD_PATTERN_RANDOM,
    .count = NYX_TD_MAX_COUNT,
};

static void wait_for_ops(Fixture *f)
{
    for (unsigned i = 0; !nyx_td_r64(&f->td, NYX_TD_RUN_OPS); i++) {
        g_assert_cmpuint(i, <, 60000);
        g_usleep(1000);
    }
}

static void test_run(void)
{
    static const uint32_t attrs[] = {
        0, NYX_TD_ATTR_PASID, NYX_TD_ATTR_AT_TRANSLATED, NYX_TD_ATTR_AT_ATC,
    };
    Fixture f = start("", "");

    for (unsigned i = 0; i < ARRAY_SIZE(attrs); i++) {
        NyxTdRun run = endless;

        run.req.attr = attrs[i];
        run.req.op = NYX_TD_OP_FETCH_ADD;
        run.req.len = 8;
        run.req.pasid = 5;
        run.count = 10000;
        g_assert_cmphex(nyx_td_run(&f.td, &run), ==, NYX_TD_RUN_ST_DONE);
        g_assert_cmpuint(nyx_td_r64(&f.td, NYX_TD_RUN_OPS), ==, 40000);
    }
    end(&f);
}

/* Invalidations, mode switches and notifier changes while threads run. */
static void test_run_busy_iommu(void)
{
    Fixture f = start("", "");

    nyx_td_notify(&f.td, 7);
    nyx_td_run_start(&f.td, &endless);
    for (unsigned i = 0; i < 200; i++) {
        fake_unmap(&f, FAKE_FIRE_DEVTLB, 0, 0xffffff);
        fake_set(&f, FAKE_ENABLE, i & 1);
        nyx_td_notify(&f.td, i & 4 ? 7 : 4);
        nyx_td_w32(&f.td, NYX_TD_ATC_CTRL, 1);
    }
    wait_for_ops(&f);
    nyx_td_w32(&f.td, NYX_TD_RUN_CTRL, NYX_TD_RUN_STOP);
    g_assert_true(nyx_td_run_wait(&f.td) & NYX_TD_RUN_ST_STOPPED);
    end(&f);
}

static void test_unplug(void)
{
    Fixture f = start_on("pc", "", "");

    for (unsigned i = 0; i < 10; i++) {
        qtest_qmp_device_add(f.qts, "nyx-testdev", "hot", "{'addr': '7'}");
        QPCIDevice *dev = qpci_device_find(f.bus, QPCI_DEVFN(7, 0));
        NyxTestdev td = nyx_td_at(f.qts, BEHIND_BAR(1));

        g_assert_nonnull(dev);
        qpci_config_writel(dev, PCI_BASE_ADDRESS_0, td.bar);
        qpci_config_writew(dev, PCI_COMMAND,
                           PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
        nyx_td_notify(&td, 7);
        g_assert_cmphex(nyx_td_run_start(&td, &endless), ==,
                        NYX_TD_RUN_ST_BUSY);
        qpci_unplug_acpi_device_test(f.qts, "hot", 7);
        g_free(dev);
    }
    /* Nobody of them listens any more */
    fake_map(&f, 0x1000, 0xfff, 0x5000, 2);
    fake_unmap(&f, FAKE_FIRE_DEVTLB, 0, 0xfff);
    end(&f);
}

/* Migration */

static void qmp_cont_stop(Fixture *f, const char *command)
{
    qobject_unref(qtest_qmp(f->qts, "{ 'execute': %s }", command));
}

/* Firmware that halts: the real one would move the device's BAR. */
static char *halting_firmware(void)
{
    g_autofree char *code = g_malloc(0x10000);
    char *path = NULL;
    int fd = g_file_open_tmp("nyx-halt-XXXXXX", &path, NULL);

    memset(code, 0xf4, 0x10000);       /* hlt, at the reset vector too */
    g_assert_cmpint(write(fd, code, 0x10000), ==, 0x10000);
    close(fd);
    return path;
}

static void test_stop(void)
{
    g_autofree char *firmware = halting_firmware();
    g_autofree char *args = g_strdup_printf("-bios %s", firmware);
    Fixture f = start("", args);

    qmp_cont_stop(&f, "cont");
    nyx_td_run_start(&f.td, &endless);
    wait_for_ops(&f);
    qmp_cont_stop(&f, "stop");
    g_assert_cmphex(nyx_td_run_wait(&f.td), ==,
                    NYX_TD_RUN_ST_DONE | NYX_TD_RUN_ST_STOPPED);
    end(&f);
    unlink(firmware);
}

/* The same machine, with its BARs where the other had them. */
static Fixture start_incoming(const Fixture *from, const char *in)
{
    Fixture f = *from;

    f.qts = qtest_initf("-M q35 -accel tcg -S -m 128 -nodefaults -plugin %s "
                        "-device nyx-fake-iommu,addr=5 "
                        "-device nyx-testdev,id=td,addr=4 %s",
                        getenv("NYX_FAKE_IOMMU"), in);
    f.td = nyx_td_at(f.qts, from->td.bar);
    nyx_migrate_wait(f.qts);
    return f;
}

static void test_migrate(void)
{
    g_autofree char *file = g_strdup_printf("%s/nyx-testdev-%d.mig",
                                            g_get_tmp_dir(), getpid());
    g_autofree char *in = g_strdup_printf("-incoming file:%s", file);
    Fixture f = start("", "");
    Fixture to;

    nyx_td_notify(&f.td, 3);
    nyx_td_w64(&f.td, NYX_TD_DMA_ADDR, 0x1122334455667788);
    nyx_td_w32(&f.td, NYX_TD_WINDOW + 0xffc, 0xabcd);
    nyx_td_w32(&f.td, NYX_TD_ITD_DBELL, 1);
    nyx_td_run_start(&f.td, &endless);
    wait_for_ops(&f);
    nyx_migrate_to(f.qts, file);
    g_assert_cmphex(nyx_td_run_wait(&f.td), ==,
                    NYX_TD_RUN_ST_DONE | NYX_TD_RUN_ST_STOPPED);

    to = start_incoming(&f, in);
    g_assert_cmphex(nyx_td_r32(&to.td, NYX_TD_WINDOW + 0xffc), ==, 0xabcd);
    g_assert_cmphex(nyx_td_r64(&to.td, NYX_TD_DMA_ADDR), ==,
                    0x1122334455667788);
    g_assert_cmphex(nyx_td_r32(&to.td, NYX_TD_ITD_RESULT), ==,
                    NYX_TD_ITD_BUSY);
    g_assert_cmpuint(nyx_td_r64(&to.td, NYX_TD_RUN_OPS), ==,
                     nyx_td_r64(&f.td, NYX_TD_RUN_OPS));
    g_assert_cmphex(nyx_td_r32(&to.td, NYX_TD_NOTIFY_STATUS), ==, 0x101);
    g_assert_cmpuint(nyx_td_r32(&to.td, NYX_TD_SHADOW_COUNT), ==, 1);
    g_assert_cmphex(nyx_td_r32(&to.td, NYX_TD_RUN_STATUS), ==,
                    NYX_TD_RUN_ST_DONE | NYX_TD_RUN_ST_STOPPED);
    qtest_quit(to.qts);
    unlink(file);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/testdev-iommu/plain", test_plain);
    qtest_add_func("/nyx/testdev-iommu/pasid", test_pasid);
    qtest_add_func("/nyx/testdev-iommu/echo", test_echo);
    qtest_add_func("/nyx/testdev-iommu/atc", test_atc);
    qtest_add_func("/nyx/testdev-iommu/atc-invalidate", test_atc_invalidate);
    qtest_add_func("/nyx/testdev-iommu/shadow", test_shadow);
    qtest_add_func("/nyx/testdev-iommu/shadow-region", test_shadow_region);
    qtest_add_func("/nyx/testdev-iommu/shadow-errors", test_shadow_errors);
    qtest_add_func("/nyx/testdev-iommu/host-requests", test_host_requests);
    qtest_add_func("/nyx/testdev-iommu/sync", test_sync);
    qtest_add_func("/nyx/testdev-iommu/tracked", test_tracked);
    qtest_add_func("/nyx/testdev-iommu/refusal", test_refusal);
    qtest_add_func("/nyx/testdev-iommu/requester/root-port",
                   test_requester_root_port);
    qtest_add_func("/nyx/testdev-iommu/requester/pcie-pci-bridge",
                   test_requester_pcie_pci_bridge);
    qtest_add_func("/nyx/testdev-iommu/requester/conventional-bridge",
                   test_requester_conventional_bridge);
    qtest_add_func("/nyx/testdev-iommu/run", test_run);
    qtest_add_func("/nyx/testdev-iommu/run-busy-iommu", test_run_busy_iommu);
    qtest_add_func("/nyx/testdev-iommu/unplug", test_unplug);
    qtest_add_func("/nyx/testdev-iommu/stop", test_stop);
    qtest_add_func("/nyx/testdev-iommu/migrate", test_migrate);
    return g_test_run();
}
