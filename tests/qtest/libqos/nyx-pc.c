/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PC in the stock QEMU with the Nyx module loaded: see nyx-pc.h.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "libqos/nyx-pc.h"
#include "hw/pci/pci_regs.h"
#include <glib/gstdio.h>

/* q35's window of configuration space, and the register that opens it. */
#define MCFG_BASE       0xb0000000ull
#define PCIEXBAR        0x60

/* Slot Control: power off is bit 10; the indicator, 9:8, is on 1 or off 3. */
#define SLOT_ON         0x0100
#define SLOT_OFF        0x0700

#define BRIDGE_WINDOW   (16 * NYX_MIB)

#define IOAPIC_BASE     0xfec00000
#define IOAPIC_SELECT   (IOAPIC_BASE + 0x00)
#define IOAPIC_WINDOW   (IOAPIC_BASE + 0x10)
#define IOAPIC_EOI      (IOAPIC_BASE + 0x40)

#define FW_CFG_FILE_DIR 0x19
#define FW_CFG_DMA      0x514
#define FW_CFG_READ     0x02
#define FW_CFG_SELECT   0x08

void nyx_check_failed(const char *file, int line, const char *row,
                      const char *what, uint64_t got, uint64_t want)
{
    g_test_message("%s:%d: %s%s%s is 0x%" PRIx64 ", not 0x%" PRIx64, file,
                   line, row ? row : "", row ? ": " : "", what, got, want);
    g_test_fail();
}

/* --- The machine ---------------------------------------------------------- */

const char *nyx_pc_plugin(void)
{
    const char *plugin = getenv("NYX_PLUGIN");

    g_assert_nonnull(plugin);
    return plugin;
}

/*
 * Debian's QEMU has no qtest accelerator; the first -accel wins over the one
 * that libqtest appends.
 */
static NyxPc *start(const char *cpus, const char *fmt, va_list ap)
{
    g_autofree char *args = g_strdup_vprintf(fmt, ap);
    g_autofree char *plugin = g_strdup_printf("-plugin %s", nyx_pc_plugin());
    NyxPc *pc = g_new0(NyxPc, 1);

    pc->qts = qtest_initf("-accel tcg %s -m %llu -nodefaults %s %s", cpus,
                          NYX_PC_RAM / NYX_MIB,
                          strstr(args, plugin) ? "" : plugin, args);
    pc->pci = qpci_new_pc(pc->qts, NULL);
    pc->next_page = NYX_PC_PAGES;
    pc->ram_end = NYX_PC_RAM;
    return pc;
}

NyxPc *nyx_pc_start(const char *fmt, ...)
{
    NyxPc *pc;
    va_list ap;

    va_start(ap, fmt);
    pc = start("-S", fmt, ap);
    va_end(ap);
    return pc;
}

NyxPc *nyx_pc_boot(const char *fmt, ...)
{
    NyxPc *pc;
    va_list ap;

    va_start(ap, fmt);
    pc = start("", fmt, ap);
    va_end(ap);
    return pc;
}

void nyx_pc_end(NyxPc *pc)
{
    qpci_free_pc(pc->pci);
    qtest_quit(pc->qts);
    g_free(pc);
}

uint64_t nyx_pc_pages(NyxPc *pc, unsigned n)
{
    uint64_t gpa = ROUND_UP(pc->next_page, n * NYX_PAGE);

    pc->next_page = gpa + n * NYX_PAGE;
    g_assert_cmphex(pc->next_page, <=, pc->ram_end);
    return gpa;
}

QObject *nyx_pc_qom_get(NyxPc *pc, const char *path, const char *property)
{
    QDict *rsp = qtest_qmp(pc->qts, "{ 'execute': 'qom-get', 'arguments': "
                           "{ 'path': %s, 'property': %s } }", path,
                           property);
    QObject *value = qdict_get(rsp, "return");

    g_assert_nonnull(value);
    qobject_ref(value);
    qobject_unref(rsp);
    return value;
}

uint64_t nyx_pc_stat(NyxPc *pc, const char *path, const char *name)
{
    QObject *stats = nyx_pc_qom_get(pc, path, "stats");
    g_auto(GStrv) part = g_strsplit(name, ".", -1);
    QDict *dict = qobject_to(QDict, stats);
    unsigned i = 0;
    uint64_t value;

    while (part[i + 1]) {
        dict = qdict_get_qdict(dict, part[i++]);
        g_assert_nonnull(dict);
    }
    g_assert_true(qdict_haskey(dict, part[i]));
    value = qdict_get_int(dict, part[i]);
    qobject_unref(stats);
    return value;
}

const QDict *nyx_list_find(const QList *list, const char *key,
                           const char *value)
{
    const QListEntry *entry;

    QLIST_FOREACH_ENTRY(list, entry) {
        const QDict *dict = qobject_to(QDict, qlist_entry_obj(entry));

        if (!g_strcmp0(qdict_get_str(dict, key), value)) {
            return dict;
        }
    }
    g_test_message("there is no %s \"%s\"", key, value);
    g_assert_not_reached();
}

/* --- PCI ------------------------------------------------------------------ */

static uint64_t ext_address(NyxPc *pc, uint16_t sid, unsigned offset)
{
    pc->pci->config_writel(pc->pci, 0, PCIEXBAR, MCFG_BASE | 1);
    return MCFG_BASE + ((uint64_t)sid << 12) + offset;
}

uint32_t nyx_pci_ext_readl(NyxPc *pc, uint16_t sid, unsigned offset)
{
    return qtest_readl(pc->qts, ext_address(pc, sid, offset));
}

void nyx_pci_ext_writel(NyxPc *pc, uint16_t sid, unsigned offset,
                        uint32_t value)
{
    qtest_writel(pc->qts, ext_address(pc, sid, offset), value);
}

unsigned nyx_pci_ext_cap(NyxPc *pc, uint16_t sid, unsigned id)
{
    unsigned offset = PCI_CFG_SPACE_SIZE;

    for (unsigned i = 0; offset && i < 64; i++) {
        uint32_t header = nyx_pci_ext_readl(pc, sid, offset);

        if (PCI_EXT_CAP_ID(header) == id) {
            return offset;
        }
        offset = PCI_EXT_CAP_NEXT(header);
    }
    return 0;
}

void nyx_pci_renumber(NyxPc *pc, uint16_t sid, uint8_t secondary,
                      uint8_t subordinate)
{
    pc->pci->config_writeb(pc->pci, sid, PCI_PRIMARY_BUS, sid >> 8);
    pc->pci->config_writeb(pc->pci, sid, PCI_SECONDARY_BUS, secondary);
    pc->pci->config_writeb(pc->pci, sid, PCI_SUBORDINATE_BUS, subordinate);
}

static void bridge_open(NyxPc *pc, uint16_t sid, uint16_t base,
                        uint16_t limit)
{
    pc->pci->config_writew(pc->pci, sid, PCI_MEMORY_BASE, base);
    pc->pci->config_writew(pc->pci, sid, PCI_MEMORY_LIMIT, limit);
    pc->pci->config_writew(pc->pci, sid, PCI_COMMAND,
                           PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void nyx_pci_bridge(NyxPc *pc, uint16_t sid, uint8_t secondary,
                    uint8_t subordinate)
{
    uint64_t base = ROUND_UP(pc->pci->mmio_alloc_ptr, BRIDGE_WINDOW);

    pc->pci->mmio_alloc_ptr = base;
    nyx_pci_renumber(pc, sid, secondary, subordinate);
    bridge_open(pc, sid, base >> 16, (base + BRIDGE_WINDOW - 1) >> 16);
}

void nyx_pci_bridge_below(NyxPc *pc, uint16_t upper, uint16_t sid,
                          uint8_t secondary, uint8_t subordinate)
{
    nyx_pci_renumber(pc, sid, secondary, subordinate);
    bridge_open(pc, sid,
                pc->pci->config_readw(pc->pci, upper, PCI_MEMORY_BASE),
                pc->pci->config_readw(pc->pci, upper, PCI_MEMORY_LIMIT));
}

void nyx_pci_slot(NyxPc *pc, uint16_t sid, bool on)
{
    QPCIDevice *port = qpci_device_find(pc->pci, sid);
    uint8_t cap = qpci_find_capability(port, PCI_CAP_ID_EXP, 0);

    g_assert_cmphex(cap, !=, 0);
    qpci_config_writew(port, cap + PCI_EXP_SLTCTL, on ? SLOT_ON : SLOT_OFF);
    g_free(port);
}

void nyx_td_ats(NyxPc *pc, uint16_t sid, bool on)
{
    unsigned cap = nyx_pci_ext_cap(pc, sid, PCI_EXT_CAP_ID_ATS);

    g_assert_cmphex(cap, !=, 0);
    nyx_pci_ext_writel(pc, sid, cap + PCI_ATS_CAP,
                       on ? PCI_ATS_CTRL_ENABLE << 16 : 0);
}

/* --- Interrupt controllers ------------------------------------------------ */

/* Reads "IRR" of the monitor: vectors, those of a level with "(level)". */
static unsigned irr_list(NyxPc *pc, unsigned apic, NyxIrr irr[256])
{
    g_autofree char *text = qtest_hmp(pc->qts, "info lapic %u", apic);
    const char *at = strstr(text, "IRR\t"), *end;
    unsigned count = 0;
    char *after;

    g_assert_nonnull(at);
    memset(irr, 0, 256 * sizeof(irr[0]));
    end = at + strcspn(at, "\r\n");
    for (at += strlen("IRR\t"); at < end; at++) {
        uint64_t vector = g_ascii_strtoull(at, &after, 10);

        if (after == at) {
            continue;
        }
        g_assert_cmpuint(vector, <, 256);
        irr[vector] = g_str_has_prefix(after, "(level)") ? NYX_IRR_LEVEL
                                                         : NYX_IRR_EDGE;
        count++;
        at = after;
    }
    return count;
}

NyxIrr nyx_apic_irr(NyxPc *pc, unsigned apic, unsigned vector)
{
    NyxIrr irr[256];

    irr_list(pc, apic, irr);
    return irr[vector];
}

unsigned nyx_apic_irrs(NyxPc *pc, unsigned apic)
{
    NyxIrr irr[256];

    return irr_list(pc, apic, irr);
}

void nyx_ioapic_write(NyxPc *pc, unsigned pin, uint64_t rte)
{
    /* The upper half first: the lower one has the mask. */
    qtest_writeb(pc->qts, IOAPIC_SELECT, 0x11 + 2 * pin);
    qtest_writel(pc->qts, IOAPIC_WINDOW, rte >> 32);
    qtest_writeb(pc->qts, IOAPIC_SELECT, 0x10 + 2 * pin);
    qtest_writel(pc->qts, IOAPIC_WINDOW, rte);
}

uint64_t nyx_ioapic_read(NyxPc *pc, unsigned pin)
{
    uint64_t rte;

    qtest_writeb(pc->qts, IOAPIC_SELECT, 0x11 + 2 * pin);
    rte = (uint64_t)qtest_readl(pc->qts, IOAPIC_WINDOW) << 32;
    qtest_writeb(pc->qts, IOAPIC_SELECT, 0x10 + 2 * pin);
    return rte | qtest_readl(pc->qts, IOAPIC_WINDOW);
}

void nyx_ioapic_eoi(NyxPc *pc, uint8_t vector)
{
    qtest_writel(pc->qts, IOAPIC_EOI, vector);
}

void nyx_ioapic_line(NyxPc *pc, unsigned pin, bool level)
{
    static const char *const paths[] = {
        "/machine/q35/ioapic", "/machine/i440fx/ioapic",
    };
    QDict *rsp = qtest_qmp(pc->qts, "{ 'execute': 'qom-list', 'arguments': "
                           "{ 'path': %s } }", paths[0]);
    bool q35 = qdict_haskey(rsp, "return");

    qobject_unref(rsp);
    qtest_set_irq_in(pc->qts, paths[!q35], NULL, pin, level);
}

/* --- Tables and files ----------------------------------------------------- */

/* fw_cfg's DMA: control word, length and address, big-endian, in memory. */
static void fw_cfg_dma(NyxPc *pc, uint32_t control, void *data, uint32_t len)
{
    uint64_t at = nyx_pc_pages(pc, 1);
    uint64_t to = nyx_pc_pages(pc, pow2ceil(DIV_ROUND_UP(len, NYX_PAGE)));
    struct {
        uint32_t control;
        uint32_t length;
        uint64_t address;
    } access = { cpu_to_be32(control), cpu_to_be32(len), cpu_to_be64(to) };

    qtest_memwrite(pc->qts, at, &access, sizeof(access));
    if (pc->fw_cfg_dma) {
        qtest_writel(pc->qts, pc->fw_cfg_dma, bswap32(at >> 32));
        qtest_writel(pc->qts, pc->fw_cfg_dma + 4, bswap32(at));
    } else {
        qtest_outl(pc->qts, FW_CFG_DMA, 0);
        qtest_outl(pc->qts, FW_CFG_DMA + 4, bswap32(at));
    }
    g_assert_cmphex(qtest_readl(pc->qts, at), ==, 0);
    qtest_bufread(pc->qts, to, data, len);
}

uint8_t *nyx_fw_cfg_file(NyxPc *pc, const char *name, size_t *size)
{
    struct {
        uint32_t size;
        uint16_t select;
        uint16_t reserved;
        char name[56];
    } file;
    uint32_t count;

    fw_cfg_dma(pc, FW_CFG_FILE_DIR << 16 | FW_CFG_SELECT | FW_CFG_READ,
               &count, sizeof(count));
    count = be32_to_cpu(count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *data;

        fw_cfg_dma(pc, FW_CFG_READ, &file, sizeof(file));
        if (strncmp(file.name, name, sizeof(file.name))) {
            continue;
        }
        *size = be32_to_cpu(file.size);
        data = g_malloc0(*size);
        fw_cfg_dma(pc, (uint32_t)be16_to_cpu(file.select) << 16 |
                   FW_CFG_SELECT | FW_CFG_READ, data, *size);
        return data;
    }
    return NULL;
}

char *nyx_tmp_new(void)
{
    g_autoptr(GError) err = NULL;
    char *dir = g_dir_make_tmp("nyx-qtest-XXXXXX", &err);

    g_assert_no_error(err);
    return dir;
}

void nyx_tmp_free(char *dir)
{
    GDir *list = g_dir_open(dir, 0, NULL);
    const char *name;

    while (list && (name = g_dir_read_name(list))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        g_unlink(path);
    }
    g_clear_pointer(&list, g_dir_close);
    g_rmdir(dir);
    g_free(dir);
}

NyxLog nyx_log_begin(void)
{
    NyxLog log = { .dir = nyx_tmp_new() };

    log.path = g_build_filename(log.dir, "log", NULL);
    return log;
}

GStrv nyx_log_more(NyxLog *log)
{
    g_autofree char *text = NULL;
    size_t seen = log->seen;

    g_assert_true(g_file_get_contents(log->path, &text, &log->seen, NULL));
    return g_strsplit(text + seen, "\n", -1);
}

void nyx_log_end(NyxLog *log)
{
    nyx_tmp_free(log->dir);
    g_free(log->path);
}

/* --- What an IOMMU tells about itself ------------------------------------- */

/* The number @member of the list's element whose @key is @value, or 0. */
static uint64_t list_number(const QList *list, const char *key,
                            const char *value, const char *member)
{
    const QListEntry *entry;

    QLIST_FOREACH_ENTRY(list, entry) {
        const QDict *dict = qobject_to(QDict, qlist_entry_obj(entry));

        if (!g_strcmp0(qdict_get_str(dict, key), value)) {
            return qdict_get_int(dict, member);
        }
    }
    return 0;
}

uint64_t nyx_pc_mistakes(NyxPc *pc, const char *path, const char *rule)
{
    QObject *list = nyx_pc_qom_get(pc, path, "guest-mistakes");
    uint64_t count = list_number(qobject_to(QList, list), "rule", rule,
                                 "count");

    qobject_unref(list);
    return count;
}

uint64_t nyx_pc_stat_faults(NyxPc *pc, const char *path, const char *key,
                            const char *value)
{
    QObject *stats = nyx_pc_qom_get(pc, path, "stats");
    uint64_t count = list_number(qdict_get_qlist(qobject_to(QDict, stats),
                                                 "faults"),
                                 key, value, "count");

    qobject_unref(stats);
    return count;
}
