/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nyx-testdev itself: what it does and what it refuses, without an IOMMU and
 * behind QEMU's intel-iommu with translation off.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "libqos/nyx-testdev.h"

#define SLOT        4
#define DEVFN       QPCI_DEVFN(SLOT, 0)
#define RAM         0x1000000ull
#define MIB         0x100000ull

/* Nothing is here in a machine with 128 MiB, below or above 4 GiB. */
#define NOWHERE     0x500000000ull

typedef struct Fixture {
    QTestState *qts;
    QPCIBus *bus;
    NyxTestdev td;
} Fixture;

/*
 * Debian's QEMU has no qtest accelerator; the first -accel wins over the one
 * that libqtest appends, and -S keeps the processor from running.
 */
static Fixture start(const char *args)
{
    const char *plugin = getenv("NYX_PLUGIN");
    Fixture f = { 0 };

    g_assert_nonnull(plugin);
    f.qts = qtest_initf("-accel tcg -S -m 128 -nodefaults -plugin %s %s",
                        plugin, args);
    f.bus = qpci_new_pc(f.qts, NULL);
    f.td = nyx_td_get(f.bus, DEVFN);
    return f;
}

static void end(Fixture *f)
{
    nyx_td_put(&f->td);
    qpci_free_pc(f->bus);
    qtest_quit(f->qts);
}

static const char * const machines[] = {
    "-M q35 -device nyx-testdev,id=td,addr=4",
    "-M q35 -device intel-iommu -device nyx-testdev,id=td,addr=4",
    "-M q35 -device intel-iommu,caching-mode=on,device-iotlb=on "
    "-device nyx-testdev,id=td,addr=4",
    "-M pc -device nyx-testdev,id=td,addr=4",
};

/* The same, where requests with PASID and ATS find somebody to answer. */
static const char * const nyx_machines[] = {
    "-M q35 -device nyx-vtd -device nyx-testdev,id=td,addr=4",
    "-M q35 -device nyx-vtd,caching-mode=on,device-iotlb=on "
    "-device nyx-testdev,id=td,addr=4",
};

typedef struct TestRow {
    const char *name;
    void (*fn)(Fixture *f);
    bool no_nyx_iommu;     /* only where there is none */
} TestRow;

static void on_machines(const TestRow *row, const char *const *args,
                        unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        Fixture f = start(args[i]);

        g_test_message("%s", args[i]);
        row->fn(&f);
        end(&f);
    }
}

static void on_each_machine(const void *data)
{
    const TestRow *row = data;

    on_machines(row, machines, ARRAY_SIZE(machines));
    if (!row->no_nyx_iommu) {
        on_machines(row, nyx_machines, ARRAY_SIZE(nyx_machines));
    }
}

/* The register guide's numbers, not the header's. */
static void test_layout(Fixture *f)
{
    static const struct {
        unsigned offset;
        uint32_t value;
    } reset[] = {
        { 0x010, 0xffffffff }, { 0x018, 2 }, { 0x100, 0x5458594e },
        { 0x104, 0x00010002 }, { 0x10c, 1048576 }, { 0x110, 16 },
        { 0x114, 16 }, { 0x118, 64 }, { 0x11c, 65535 },
        { 0x120, SLOT << 3 }, { 0x124, 0 }, { 0x200, 0 }, { 0x22c, 1 },
        { 0x300, 0 }, { 0x304, 0 }, { 0x308, 1 }, { 0x330, 1 },
        { 0x348, 60000 }, { 0x410, 1 }, { 0x41c, 1 }, { 0x500, 0 },
        { 0x504, 0 }, { 0x550, 0 }, { 0x604, 0 }, { 0x628, 0 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(reset); i++) {
        g_test_message("offset 0x%x", reset[i].offset);
        g_assert_cmphex(nyx_td_r32(&f->td, reset[i].offset), ==,
                        reset[i].value);
    }
    g_assert_cmphex(qpci_config_readl(f->td.pci, PCI_VENDOR_ID), ==,
                    0x4e791234);
    g_assert_cmphex(qpci_config_readl(f->td.pci, PCI_CLASS_REVISION), ==,
                    0x00ff0001);
}

/* 4 bytes to memory, to another device's register, to nothing. */
static void test_poke(Fixture *f)
{
    NyxTestdev *td = &f->td;

    qtest_writeq(f->qts, RAM, 0);
    nyx_td_w64(td, 0x430, RAM);
    nyx_td_w32(td, 0x438, 0x12345678);
    g_assert_cmphex(qtest_readq(f->qts, RAM), ==, 0x12345678);
    g_assert_cmphex(nyx_td_r32(td, 0x43c), ==, 0);
    g_assert_cmpuint(nyx_td_r64(td, 0x440), >, 0);

    /* The IOAPIC's register select, read back by another way. */
    nyx_td_w64(td, 0x430, 0xfec00000);
    nyx_td_w32(td, 0x438, 0x2a);
    g_assert_cmphex(qtest_readl(f->qts, 0xfec00000), ==, 0x2a);
    g_assert_cmphex(nyx_td_r32(td, 0x43c), ==, 0);

    nyx_td_w64(td, 0x430, 1ull << 50);
    nyx_td_w32(td, 0x438, 1);
    g_assert_cmphex(nyx_td_r32(td, 0x43c), !=, 0);
}

static void test_access(Fixture *f)
{
    NyxTestdev *td = &f->td;

    nyx_td_w64(td, NYX_TD_DMA_ADDR, 0x1122334455667788);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_DMA_ADDR), ==, 0x55667788);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_DMA_ADDR + 4), ==, 0x11223344);
    nyx_td_w32(td, NYX_TD_DMA_ADDR + 4, 0xaabbccdd);
    g_assert_cmphex(nyx_td_r64(td, NYX_TD_DMA_ADDR), ==, 0xaabbccdd55667788);

    /* Two registers at once */
    nyx_td_w64(td, NYX_TD_DMA_LEN & ~7, 0x300000002);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_DMA_LEN), ==, 2);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_DMA_OP), ==, 3);

    /* Too small, read-only, reserved bits, none at all */
    qtest_writeb(td->qts, td->bar + NYX_TD_SCRATCH, 0xff);
    qtest_writew(td->qts, td->bar + NYX_TD_SCRATCH, 0xffff);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_SCRATCH), ==, 0);
    nyx_td_w32(td, NYX_TD_MAGIC, 0);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_MAGIC), ==, NYX_TD_MAGIC_VALUE);
    nyx_td_w32(td, NYX_TD_DMA_PASID, ~0);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_DMA_PASID), ==, 0xfffff);
    nyx_td_w32(td, 0x7f0, ~0);
    g_assert_cmphex(nyx_td_r32(td, 0x7f0), ==, 0);
    g_assert_cmphex(nyx_td_r32(td, 0xffc), ==, 0);
    g_assert_cmphex(nyx_td_r32(td, 0x3ffc), ==, 0);

    /* The window takes any size */
    qtest_writeb(td->qts, td->bar + NYX_TD_WINDOW + 1, 0xab);
    qtest_writew(td->qts, td->bar + NYX_TD_WINDOW + 0xffe, 0xcdef);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_WINDOW), ==, 0xab00);
    g_assert_cmphex(nyx_td_r64(td, NYX_TD_WINDOW + 0xff8), ==,
                    0xcdef000000000000);

    nyx_td_w32(td, NYX_TD_RESET, 1);
    g_assert_cmphex(nyx_td_r64(td, NYX_TD_DMA_ADDR), ==, 0);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_WINDOW), ==, 0);
}

static void test_move(Fixture *f)
{
    NyxTestdev *td = &f->td;
    g_autofree uint8_t *data = g_malloc(NYX_TD_WINDOW_SIZE);
    g_autofree uint8_t *back = g_malloc0(2 * NYX_TD_WINDOW_SIZE);
    uint32_t value = 0;

    for (unsigned i = 0; i < NYX_TD_WINDOW_SIZE; i++) {
        data[i] = i * 7 + i / 256;
    }
    g_assert_cmpuint(nyx_td_write(td, RAM, data, 1), ==, NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(td->qts, RAM), ==, data[0]);

    g_assert_cmpuint(nyx_td_write(td, RAM + 5, data, NYX_TD_WINDOW_SIZE), ==,
                     NYX_TD_ST_OK);
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_DMA_DONE), ==, NYX_TD_WINDOW_SIZE);
    qtest_memread(td->qts, RAM + 5, back, NYX_TD_WINDOW_SIZE);
    g_assert_cmpmem(back, NYX_TD_WINDOW_SIZE, data, NYX_TD_WINDOW_SIZE);

    /* Longer than the window: it is sent again */
    g_assert_cmpuint(nyx_td_write(td, RAM, data, NYX_TD_MAX_LEN_VALUE), ==,
                     NYX_TD_ST_OK);
    qtest_memread(td->qts, RAM + NYX_TD_MAX_LEN_VALUE - 8192, back, 8192);
    g_assert_cmpmem(back, 4096, data, 4096);
    g_assert_cmpmem(back + 4096, 4096, data, 4096);

    qtest_memset(td->qts, RAM, 0x5a, 8192);
    g_assert_cmpuint(nyx_td_read(td, RAM, back, 4096), ==, NYX_TD_ST_OK);
    g_assert_cmphex(back[0], ==, 0x5a);
    g_assert_cmphex(back[4095], ==, 0x5a);

    g_assert_cmpuint(nyx_td_writel(td, RAM, 0x12345678), ==, NYX_TD_ST_OK);
    g_assert_cmpuint(nyx_td_readl(td, RAM, &value), ==, NYX_TD_ST_OK);
    g_assert_cmphex(value, ==, 0x12345678);
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_DMA_COUNT), ==, 6);
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_DMA_ERRORS), ==, 0);
}

static void test_verify(Fixture *f)
{
    NyxTestdev *td = &f->td;
    NyxTdReq req = { .op = NYX_TD_OP_VERIFY, .addr = RAM, .len = 8192 };
    static uint8_t data[NYX_TD_WINDOW_SIZE];

    memset(data, 0x33, sizeof(data));
    nyx_td_put_data(td, data, sizeof(data));
    qtest_memset(td->qts, RAM, 0x33, 8192);
    g_assert_cmpuint(nyx_td_request(td, req), ==, NYX_TD_ST_OK);

    qtest_writeb(td->qts, RAM + 4100, 0);
    qtest_writeb(td->qts, RAM + 8191, 0);
    g_assert_cmpuint(nyx_td_request(td, req), ==, NYX_TD_ST_MISMATCH);
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_DMA_DIFF_COUNT), ==, 2);
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_DMA_DIFF_FIRST), ==, 4100);
    /* Not overwritten by what was read */
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_WINDOW + 4), ==, 0x33333333);
}

static void test_atomic(Fixture *f)
{
    static const struct {
        const char *name;
        uint32_t op;
        uint32_t len;
        uint64_t before;
        uint64_t operand;
        uint64_t compare;
        uint64_t old;
        uint64_t after;
    } rows[] = {
        { "add 4", NYX_TD_OP_FETCH_ADD, 4, 0x1111111122222222, 3, 0,
          0x22222222, 0x1111111122222225 },
        { "add 4 wraps", NYX_TD_OP_FETCH_ADD, 4, 0x11111111ffffffff, 2, 0,
          0xffffffff, 0x1111111100000001 },
        { "add 8", NYX_TD_OP_FETCH_ADD, 8, 0xffffffff, 1, 0,
          0xffffffff, 0x100000000 },
        { "swap 4", NYX_TD_OP_SWAP, 4, 0x1122334455667788,
          0xaaaaaaaabbbbbbbb, 0, 0x55667788, 0x11223344bbbbbbbb },
        { "swap 8", NYX_TD_OP_SWAP, 8, 0x1122334455667788,
          0xaaaaaaaabbbbbbbb, 0, 0x1122334455667788, 0xaaaaaaaabbbbbbbb },
        { "cas 4", NYX_TD_OP_CAS, 4, 0x1122334455667788, 7,
          0xffffffff55667788, 0x55667788, 0x1122334400000007 },
        { "cas 8", NYX_TD_OP_CAS, 8, 0x1122334455667788, 7,
          0x1122334455667788, 0x1122334455667788, 7 },
        { "cas 8 differs", NYX_TD_OP_CAS, 8, 0x1122334455667788, 7,
          0x55667788, 0x1122334455667788, 0x1122334455667788 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_test_message("%s", rows[i].name);
        qtest_writeq(f->qts, RAM, rows[i].before);
        g_assert_cmpuint(nyx_td_request(&f->td, (NyxTdReq) {
            .op = rows[i].op,
            .len = rows[i].len,
            .addr = RAM,
            .operand = rows[i].operand,
            .compare = rows[i].compare,
        }), ==, NYX_TD_ST_OK);
        g_assert_cmphex(nyx_td_r64(&f->td, NYX_TD_DMA_OLD), ==, rows[i].old);
        g_assert_cmphex(qtest_readq(f->qts, RAM), ==, rows[i].after);
        g_assert_cmpuint(nyx_td_r32(&f->td, NYX_TD_DMA_DONE), ==,
                         rows[i].len);
    }
}

static const struct {
    const char *name;
    NyxTdReq req;
    uint32_t status;
} refusals[] = {
    { "no such operation", { .op = 10 }, NYX_TD_ST_BAD_OP },
    { "big operation", { .op = ~0u }, NYX_TD_ST_BAD_OP },
    { "length 0", { .op = NYX_TD_OP_READ }, NYX_TD_ST_BAD_LEN },
    { "length too big", { .op = NYX_TD_OP_FILL, .len = 1048577 },
      NYX_TD_ST_BAD_LEN },
    { "length all ones", { .op = NYX_TD_OP_VERIFY, .len = ~0u },
      NYX_TD_ST_BAD_LEN },
    { "beyond 2^64", { .op = NYX_TD_OP_READ, .len = 17, .addr = -16ull },
      NYX_TD_ST_BAD_RANGE },
    { "atomic of 2", { .op = NYX_TD_OP_SWAP, .len = 2, .addr = RAM },
      NYX_TD_ST_BAD_LEN },
    { "atomic of 16", { .op = NYX_TD_OP_SWAP, .len = 16, .addr = RAM },
      NYX_TD_ST_BAD_LEN },
    { "misaligned", { .op = NYX_TD_OP_CAS, .len = 8, .addr = RAM + 4 },
      NYX_TD_ST_MISALIGNED },
    { "undefined attribute", { .op = NYX_TD_OP_NOP, .attr = 1u << 31 },
      NYX_TD_ST_BAD_ATTR },
    { "address type 1", { .op = NYX_TD_OP_READ, .len = 4, .attr = 1 },
      NYX_TD_ST_BAD_ATTR },
    { "execute without PASID",
      { .op = NYX_TD_OP_READ, .len = 4, .attr = NYX_TD_ATTR_EXEC },
      NYX_TD_ST_BAD_ATTR },
    { "privileged without PASID",
      { .op = NYX_TD_OP_READ, .len = 4, .attr = NYX_TD_ATTR_PRIV },
      NYX_TD_ST_BAD_ATTR },
    { "execute write",
      { .op = NYX_TD_OP_WRITE, .len = 4,
        .attr = NYX_TD_ATTR_EXEC | NYX_TD_ATTR_PASID },
      NYX_TD_ST_BAD_ATTR },
    { "no-write read",
      { .op = NYX_TD_OP_READ, .len = 4, .attr = NYX_TD_ATTR_NO_WRITE },
      NYX_TD_ST_BAD_ATTR },
    { "translate of translated",
      { .op = NYX_TD_OP_TRANSLATE, .attr = NYX_TD_ATTR_AT_TRANSLATED },
      NYX_TD_ST_BAD_ATTR },
    { "PASID",
      { .op = NYX_TD_OP_READ, .len = 4, .attr = NYX_TD_ATTR_PASID },
      NYX_TD_ST_NO_IOMMU },
    { "translated",
      { .op = NYX_TD_OP_READ, .len = 4, .attr = NYX_TD_ATTR_AT_TRANSLATED },
      NYX_TD_ST_NO_IOMMU },
    { "by ATC",
      { .op = NYX_TD_OP_READ, .len = 4, .attr = NYX_TD_ATTR_AT_ATC },
      NYX_TD_ST_NO_IOMMU },
    { "atomic with PASID",
      { .op = NYX_TD_OP_SWAP, .len = 4, .attr = NYX_TD_ATTR_PASID },
      NYX_TD_ST_NO_IOMMU },
    { "zero-length read with PASID",
      { .op = NYX_TD_OP_ZERO_READ, .attr = NYX_TD_ATTR_PASID },
      NYX_TD_ST_NO_IOMMU },
    { "translate", { .op = NYX_TD_OP_TRANSLATE }, NYX_TD_ST_NO_IOMMU },
    { "read of nothing",
      { .op = NYX_TD_OP_READ, .len = 4, .addr = NOWHERE },
      NYX_TD_ST_TX_ERROR },
    { "write to nothing",
      { .op = NYX_TD_OP_WRITE, .len = 4, .addr = NOWHERE },
      NYX_TD_ST_TX_ERROR },
    { "half in RAM",
      { .op = NYX_TD_OP_READ, .len = 8, .addr = 128 * MIB - 4 },
      NYX_TD_ST_TX_ERROR },
    { "atomic on nothing",
      { .op = NYX_TD_OP_SWAP, .len = 4, .addr = NOWHERE },
      NYX_TD_ST_TX_ERROR },
    { "zero-length read of nothing",
      { .op = NYX_TD_OP_ZERO_READ, .addr = NOWHERE },
      NYX_TD_ST_TX_ERROR },
    { "atomic on the IOAPIC",
      { .op = NYX_TD_OP_SWAP, .len = 4, .addr = 0xfec00000 },
      NYX_TD_ST_NOT_RAM },
    { "zero-length read", { .op = NYX_TD_OP_ZERO_READ, .addr = RAM },
      NYX_TD_ST_OK },
    { "nothing at all", { .op = NYX_TD_OP_NOP }, NYX_TD_ST_OK },
};

static void test_refused(Fixture *f)
{
    uint32_t errors = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_test_message("%s", refusals[i].name);
        g_assert_cmpuint(nyx_td_request(&f->td, refusals[i].req), ==,
                         refusals[i].status);
        errors += refusals[i].status != NYX_TD_ST_OK;
        g_assert_cmpuint(nyx_td_r32(&f->td, NYX_TD_DMA_MEMTX), ==,
                         refusals[i].status == NYX_TD_ST_TX_ERROR ? 2 : 0);
    }
    g_assert_cmpuint(nyx_td_r32(&f->td, NYX_TD_DMA_ERRORS), ==, errors);
}

/* A device cannot call itself; QEMU answers with an access error. */
static void test_own_bar(Fixture *f)
{
    g_assert_cmpuint(nyx_td_writel(&f->td, f->td.bar + NYX_TD_DMA_DOORBELL,
                                   1), ==, NYX_TD_ST_TX_ERROR);
    g_assert_cmpuint(nyx_td_r32(&f->td, NYX_TD_DMA_MEMTX), ==, 4);
}

static void set_master(Fixture *f, bool on)
{
    uint16_t cmd = qpci_config_readw(f->td.pci, PCI_COMMAND);

    cmd = on ? cmd | PCI_COMMAND_MASTER : cmd & ~PCI_COMMAND_MASTER;
    qpci_config_writew(f->td.pci, PCI_COMMAND, cmd);
}

static void test_bus_master(Fixture *f)
{
    NyxTestdev *td = &f->td;
    NyxTdRun run = {
        .req = { .op = NYX_TD_OP_READ, .len = 4, .addr = RAM },
        .count = 1,
    };

    g_assert_true(nyx_td_r32(td, NYX_TD_FEATURES) & NYX_TD_FEATURE_MASTER_ON);
    set_master(f, false);
    g_assert_false(nyx_td_r32(td, NYX_TD_FEATURES) & NYX_TD_FEATURE_MASTER_ON);
    g_assert_cmpuint(nyx_td_writel(td, RAM, 1), ==, NYX_TD_ST_NO_MASTER);
    g_assert_cmpuint(nyx_td_msi(td, RAM, 1), ==, NYX_TD_ST_NO_MASTER);
    g_assert_cmphex(nyx_td_run(td, &run), ==, NYX_TD_RUN_ST_REFUSED |
                    NYX_TD_ST_NO_MASTER << NYX_TD_RUN_ST_CODE_SHIFT);
    set_master(f, true);
    g_assert_cmpuint(nyx_td_writel(td, RAM, 1), ==, NYX_TD_ST_OK);
}

static void test_itd(Fixture *f)
{
    NyxTestdev *td = &f->td;

    nyx_td_r32(td, 0x00);
    g_assert_cmphex(nyx_td_r32(td, 0x10), ==, 0xdead0005);

    nyx_td_w32(td, 0x04, RAM);
    nyx_td_w32(td, 0x08, 0);
    nyx_td_w32(td, 0x0c, 7);
    nyx_td_w32(td, 0x1c, RAM);
    nyx_td_w32(td, 0x20, 0);
    qtest_writeq(f->qts, RAM, 0);
    nyx_td_w32(td, 0x14, 1);
    g_assert_cmphex(nyx_td_r32(td, 0x10), ==, 0xfffffffe);
    nyx_td_r32(td, 0x00);
    g_assert_cmphex(nyx_td_r32(td, 0x10), ==, 0);
    g_assert_cmphex(qtest_readq(f->qts, RAM), ==, 0x0034567812345678);

    nyx_td_w32(td, 0x14, 1);
    nyx_td_w32(td, 0x14, 0);
    g_assert_cmphex(nyx_td_r32(td, 0x10), ==, 0xffffffff);

    static const struct {
        unsigned offset;
        uint32_t bad;
        uint32_t good;
        uint32_t result;
    } rows[] = {
        { 0x0c, 0, 4, 0xdead0001 },
        { 0x0c, 1048577, 4, 0xdead0001 },
        { 0x08, 5, 0, 0xdead0002 },
        { 0x20, 5, 0, 0xdead0003 },
        { 0x1c, RAM + 4096, RAM, 0xdead0004 },
        { 0x18, 0x8, 0xa, 0xdead0006 },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        nyx_td_w32(td, rows[i].offset, rows[i].bad);
        nyx_td_w32(td, 0x14, 1);
        nyx_td_r32(td, 0x00);
        g_assert_cmphex(nyx_td_r32(td, 0x10), ==, rows[i].result);
        nyx_td_w32(td, rows[i].offset, rows[i].good);
    }
    nyx_td_w32(td, 0x14, 1);
    nyx_td_r32(td, 0x00);
    g_assert_cmphex(nyx_td_r32(td, 0x10), ==, 0);
}

/* Messages that go to RAM show that they were sent, and as what. */
static void test_interrupts(Fixture *f)
{
    NyxTestdev *td = &f->td;
    uint8_t msi = qpci_find_capability(td->pci, PCI_CAP_ID_MSI, 0);
    QPCIBar bar;

    qtest_writel(f->qts, RAM, 0);
    g_assert_cmpuint(nyx_td_msi(td, RAM, 0xfeedbeef), ==, NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f->qts, RAM), ==, 0xfeedbeef);
    g_assert_cmpuint(nyx_td_msi(td, NOWHERE, 1), ==, NYX_TD_ST_TX_ERROR);
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_MSI_MEMTX), ==, 2);

    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_IRQ_MODE), ==, 0);
    g_assert_cmpuint(nyx_td_irq(td, 0), ==, NYX_TD_ST_DISABLED);

    /* MSI with 16 vectors: the low bits of the data are the vector */
    qpci_config_writel(td->pci, msi + PCI_MSI_ADDRESS_LO, RAM);
    qpci_config_writel(td->pci, msi + PCI_MSI_ADDRESS_HI, 0);
    qpci_config_writew(td->pci, msi + PCI_MSI_DATA_64, 0x40);
    qpci_config_writew(td->pci, msi + PCI_MSI_FLAGS,
                       PCI_MSI_FLAGS_ENABLE | 4 << 4);
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_IRQ_MODE), ==, 1);
    g_assert_cmpuint(nyx_td_irq(td, 5), ==, NYX_TD_ST_OK);
    g_assert_cmphex(qtest_readl(f->qts, RAM), ==, 0x45);
    g_assert_cmpuint(nyx_td_irq(td, 16), ==, NYX_TD_ST_BAD_VECTOR);
    qpci_config_writew(td->pci, msi + PCI_MSI_FLAGS, 0);

    qpci_msix_enable(td->pci);
    bar = td->pci->msix_table_bar;
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_IRQ_MODE), ==, 2);
    qpci_io_writel(td->pci, bar, 15 * 16, RAM + 8);
    qpci_io_writel(td->pci, bar, 15 * 16 + 4, 0);
    qpci_io_writel(td->pci, bar, 15 * 16 + 8, 0x1234567);
    g_assert_cmpuint(nyx_td_irq(td, 15), ==, NYX_TD_ST_OK);
    g_assert_true(qpci_msix_pending(td->pci, 15));
    qpci_io_writel(td->pci, bar, 15 * 16 + 12, 0);
    g_assert_cmphex(qtest_readl(f->qts, RAM + 8), ==, 0x1234567);
    g_assert_cmpuint(nyx_td_irq(td, 16), ==, NYX_TD_ST_BAD_VECTOR);
    g_assert_cmpuint(nyx_td_irq(td, ~0), ==, NYX_TD_ST_BAD_VECTOR);
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_IRQ_COUNT), ==, 2);

    /* The end of a run as an interrupt */
    qtest_writel(f->qts, RAM + 8, 0);
    nyx_td_run(td, &(NyxTdRun) {
        .req = { .op = NYX_TD_OP_NOP },
        .count = 10,
        .flags = NYX_TD_RUN_F_IRQ,
        .vector = 15,
    });
    g_assert_cmphex(qtest_readl(f->qts, RAM + 8), ==, 0x1234567);
    qpci_msix_disable(td->pci);
}

static void test_run(Fixture *f)
{
    NyxTestdev *td = &f->td;
    NyxTdRun run = {
        .req = { .op = NYX_TD_OP_FETCH_ADD, .len = 8, .addr = RAM,
                 .operand = 1 },
        .threads = 4,
        .slots = 3,
        .stride = 4096,
        .pattern = NYX_TD_PATTERN_STRIDE,
        .count = 3000,
    };

    qtest_memset(f->qts, RAM, 0, MIB);
    g_assert_cmphex(nyx_td_run(td, &run), ==, NYX_TD_RUN_ST_DONE);
    g_assert_cmpuint(nyx_td_r64(td, NYX_TD_RUN_OPS), ==, 12000);
    g_assert_cmpuint(nyx_td_r64(td, NYX_TD_RUN_ERRORS), ==, 0);
    g_assert_cmpuint(nyx_td_r64(td, NYX_TD_RUN_ELAPSED), >, 0);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(qtest_readq(f->qts, RAM + i * 4096), ==, 4000);
    }
    nyx_td_w32(td, NYX_TD_RUN_SELECT, 3);
    g_assert_cmpuint(nyx_td_r64(td, NYX_TD_RUN_SEL_OPS), ==, 3000);
    nyx_td_w32(td, NYX_TD_RUN_SELECT, 4);
    g_assert_cmpuint(nyx_td_r64(td, NYX_TD_RUN_SEL_OPS), ==, 0);

    /* Each thread its own range, all slots hit at random */
    qtest_memset(f->qts, RAM, 0, MIB);
    run.flags = NYX_TD_RUN_F_DISJOINT;
    run.pattern = NYX_TD_PATTERN_RANDOM;
    g_assert_cmphex(nyx_td_run(td, &run), ==, NYX_TD_RUN_ST_DONE);
    for (unsigned t = 0; t < 4; t++) {
        uint64_t sum = 0;

        for (unsigned i = 0; i < 3; i++) {
            uint64_t hits = qtest_readq(f->qts, RAM + (t * 3 + i) * 4096);

            g_assert_cmpuint(hits, >, 800);
            sum += hits;
        }
        g_assert_cmpuint(sum, ==, 3000);
    }

    qtest_memset(f->qts, RAM, 0, 8192);
    g_assert_cmphex(nyx_td_run(td, &(NyxTdRun) {
        .req = { .op = NYX_TD_OP_FILL, .len = 4096, .addr = RAM,
                 .operand = 0x0102030405060708 },
        .count = 1,
    }), ==, NYX_TD_RUN_ST_DONE);
    g_assert_cmphex(qtest_readq(f->qts, RAM + 4088), ==, 0x0102030405060708);
    g_assert_cmphex(qtest_readq(f->qts, RAM + 4096), ==, 0);
}

static void test_run_errors(Fixture *f)
{
    NyxTestdev *td = &f->td;
    NyxTdRun run = {
        .req = { .op = NYX_TD_OP_READ, .len = 4, .addr = 128 * MIB - 4096 },
        .slots = 2,
        .stride = 4096,
        .pattern = NYX_TD_PATTERN_STRIDE,
        .count = 1000,
    };

    g_assert_cmphex(nyx_td_run(td, &run), ==,
                    NYX_TD_RUN_ST_DONE | NYX_TD_RUN_ST_ERRORS);
    g_assert_cmpuint(nyx_td_r64(td, NYX_TD_RUN_OPS), ==, 1000);
    g_assert_cmpuint(nyx_td_r64(td, NYX_TD_RUN_ERRORS), ==, 500);
    g_assert_cmphex(nyx_td_r64(td, NYX_TD_RUN_ERR_ADDR), ==, 128 * MIB);
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_RUN_ERR_STATUS), ==,
                     NYX_TD_ST_TX_ERROR);

    run.flags = NYX_TD_RUN_F_STOP_ON_ERROR;
    g_assert_cmphex(nyx_td_run(td, &run), ==, NYX_TD_RUN_ST_DONE |
                    NYX_TD_RUN_ST_ERRORS | NYX_TD_RUN_ST_STOPPED);
    g_assert_cmpuint(nyx_td_r64(td, NYX_TD_RUN_OPS), ==, 2);

    /* Threads reach RAM only */
    run = (NyxTdRun) {
        .req = { .op = NYX_TD_OP_WRITE, .len = 4, .addr = 0xfee00000 },
        .count = 5,
    };
    g_assert_cmphex(nyx_td_run(td, &run), ==,
                    NYX_TD_RUN_ST_DONE | NYX_TD_RUN_ST_ERRORS);
    g_assert_cmpuint(nyx_td_r64(td, NYX_TD_RUN_ERRORS), ==, 5);

    run = (NyxTdRun) {
        .req = { .op = NYX_TD_OP_TRANSLATE, .addr = RAM },
        .count = 5,
    };
    nyx_td_run(td, &run);
    g_assert_cmpuint(nyx_td_r32(td, NYX_TD_RUN_ERR_STATUS), ==,
                     NYX_TD_ST_NO_IOMMU);
}

static void test_run_refused(Fixture *f)
{
    static const struct {
        const char *name;
        NyxTdRun run;
        uint32_t status;
    } rows[] = {
        { "no count", { .req.op = NYX_TD_OP_NOP }, NYX_TD_ST_BAD_RANGE },
        { "count too big", { .count = (1ull << 40) + 1 },
          NYX_TD_ST_BAD_RANGE },
        { "too many threads", { .count = 1, .threads = 17 },
          NYX_TD_ST_BAD_RANGE },
        { "threads all ones", { .count = 1, .threads = ~0u },
          NYX_TD_ST_BAD_RANGE },
        { "no such pattern", { .count = 1, .pattern = 3 },
          NYX_TD_ST_BAD_RANGE },
        { "too long", { .count = 1, .time_ms = 600001 },
          NYX_TD_ST_BAD_RANGE },
        { "span wraps", { .count = 1, .slots = 3, .stride = 1ull << 63 },
          NYX_TD_ST_BAD_RANGE },
        { "span ends beyond 2^64",
          { .req = { .op = NYX_TD_OP_READ, .len = 8, .addr = -16ull },
            .count = 1, .slots = 2, .stride = 12 }, NYX_TD_ST_BAD_RANGE },
        { "disjoint span wraps",
          { .count = 1, .slots = ~0u, .stride = 1ull << 32, .threads = 16,
            .flags = NYX_TD_RUN_F_DISJOINT }, NYX_TD_ST_BAD_RANGE },
        { "verify", { .req = { .op = NYX_TD_OP_VERIFY, .len = 4 }, .count = 1 },
          NYX_TD_ST_BAD_OP },
        { "no such operation", { .req.op = 99, .count = 1 },
          NYX_TD_ST_BAD_OP },
        { "length",
          { .req = { .op = NYX_TD_OP_READ, .len = 1048577 }, .count = 1 },
          NYX_TD_ST_BAD_LEN },
        { "stride misaligned",
          { .req = { .op = NYX_TD_OP_SWAP, .len = 8, .addr = RAM }, .count = 1,
            .slots = 2, .stride = 4 }, NYX_TD_ST_MISALIGNED },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_test_message("%s", rows[i].name);
        nyx_td_w32(&f->td, NYX_TD_RUN_TIME_MS, NYX_TD_DEFAULT_TIME_MS);
        g_assert_cmphex(nyx_td_run(&f->td, &rows[i].run), ==,
                        NYX_TD_RUN_ST_REFUSED |
                        rows[i].status << NYX_TD_RUN_ST_CODE_SHIFT);
    }
}

static const NyxTdRun endless = {
    .req = { .op = NYX_TD_OP_READ, .len = 64, .addr = RAM },
    .threads = 3,
    .count = NYX_TD_MAX_COUNT,
};

static void test_run_ends(Fixture *f)
{
    NyxTestdev *td = &f->td;
    NyxTdRun timed = endless;

    /* Stopped */
    g_assert_cmphex(nyx_td_run_start(td, &endless), ==, NYX_TD_RUN_ST_BUSY);
    nyx_td_w32(td, NYX_TD_RUN_CTRL, NYX_TD_RUN_START);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_RUN_STATUS), ==,
                    NYX_TD_RUN_ST_BUSY);
    while (!nyx_td_r64(td, NYX_TD_RUN_OPS)) {
        g_usleep(1000);
    }
    nyx_td_w32(td, NYX_TD_RUN_CTRL, NYX_TD_RUN_STOP);
    g_assert_cmphex(nyx_td_run_wait(td), ==,
                    NYX_TD_RUN_ST_DONE | NYX_TD_RUN_ST_STOPPED);

    /* By its clock */
    timed.time_ms = 20;
    g_assert_cmphex(nyx_td_run(td, &timed), ==,
                    NYX_TD_RUN_ST_DONE | NYX_TD_RUN_ST_TIMEOUT);
    g_assert_cmpuint(nyx_td_r64(td, NYX_TD_RUN_ELAPSED), >=, 20000000);
    nyx_td_w32(td, NYX_TD_RUN_TIME_MS, NYX_TD_DEFAULT_TIME_MS);

    /* By the loss of bus mastering, then reset by register */
    nyx_td_run_start(td, &endless);
    set_master(f, false);
    while (!nyx_td_r64(td, NYX_TD_RUN_ERRORS)) {
        g_usleep(1000);
    }
    nyx_td_w32(td, NYX_TD_RESET, 1);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_RUN_STATUS), ==, 0);
    set_master(f, true);

    /* By a reset of the machine */
    nyx_td_run_start(td, &endless);
    qtest_system_reset(f->qts);
    qpci_device_enable(td->pci);
    qpci_config_writel(td->pci, PCI_BASE_ADDRESS_0, td->bar);
    g_assert_cmphex(nyx_td_r32(td, NYX_TD_RUN_STATUS), ==, 0);
    g_assert_cmphex(nyx_td_run(td, &(NyxTdRun) { .count = 1 }), ==,
                    NYX_TD_RUN_ST_DONE);

    /* By the end of QEMU */
    nyx_td_run_start(td, &endless);
}

static void test_notify_off(Fixture *f)
{
    NyxTestdev *td = &f->td;
    uint32_t status = nyx_td_notify(td, 3);

    /* No translation: RAM, and nothing to listen to */
    g_assert_cmphex(status & 0xffff, ==, 0);
    g_assert_cmpuint(status >> NYX_TD_NOTIFY_ST_RAM_SHIFT, >, 0);
    g_assert_cmphex(nyx_td_notify(td, 1), ==, NYX_TD_NOTIFY_ST_BAD_CTRL);
    g_assert_cmphex(nyx_td_notify(td, 0), ==, 0);
    g_assert_cmpuint(nyx_td_shadow_at(td, 0).len, ==, 0);
    g_assert_cmpuint(nyx_td_shadow_at(td, ~0).len, ==, 0);
    g_assert_cmpuint(nyx_td_shadow_find(td, RAM).len, ==, 0);
    nyx_td_w32(td, NYX_TD_NOTIFY_OP, 3);
}

static void test_qmp(Fixture *f)
{
    QDict *rsp;

    nyx_td_writel(&f->td, RAM, 1);
    rsp = qtest_qmp(f->qts, "{ 'execute': 'qom-get', 'arguments': {"
                    " 'path': 'td', 'property': 'stats' } }");
    g_assert_cmpint(qdict_get_int(qdict_get_qdict(rsp, "return"), "requests"),
                    ==, 1);
    qobject_unref(rsp);
    rsp = qtest_qmp(f->qts, "{ 'execute': 'qom-get', 'arguments': {"
                    " 'path': 'td', 'property': 'notify-error' } }");
    g_assert_cmpstr(qdict_get_str(rsp, "return"), ==, "");
    qobject_unref(rsp);
}

static const TestRow tests[] = {
    { "layout", test_layout, false },
    { "access", test_access, false },
    { "poke", test_poke, false },
    { "move", test_move, false },
    { "verify", test_verify, false },
    { "atomic", test_atomic, false },
    { "refused", test_refused, true },
    { "own-bar", test_own_bar, false },
    { "bus-master", test_bus_master, false },
    { "itd", test_itd, false },
    { "interrupts", test_interrupts, false },
    { "run", test_run, false },
    { "run-errors", test_run_errors, true },
    { "run-refused", test_run_refused, false },
    { "run-ends", test_run_ends, false },
    { "notify-off", test_notify_off, false },
    { "qmp", test_qmp, false },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("/nyx/testdev/%s",
                                                tests[i].name);

        qtest_add_data_func(path, &tests[i], on_each_machine);
    }
    return g_test_run();
}
