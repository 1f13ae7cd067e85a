/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virt machine of QEMU for Arm: see nyx-virt.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-virt.h"
#include "libqos/generic-pcihost.h"

/* Devicetree Specification 0.4, 5.2 and 5.4.1 */
#define FDT_MAGIC           0xd00dfeedu
#define FDT_TOTAL_SIZE      4
#define FDT_OFF_STRUCT      8
#define FDT_OFF_STRINGS     12
#define FDT_BEGIN_NODE      1
#define FDT_END_NODE        2
#define FDT_PROP            3
#define FDT_NOP             4

#define TREE_MAX            (2 * NYX_MIB)

bool nyx_virt_choose(void)
{
    const char *given = g_getenv("NYX_QEMU_ARM");
    const char *cache = g_getenv("NYX_CACHE");
    g_autofree char *dir = cache ? g_strdup(cache)
                                 : g_build_filename(g_get_user_cache_dir(),
                                                    "nyx-iommu", NULL);
    g_autofree char *path = given ? g_strdup(given)
                                  : g_build_filename(dir, "guest",
                                                     "qemu-system-aarch64",
                                                     NULL);

    if (!g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) {
        return false;
    }
    g_setenv("QTEST_QEMU_BINARY", path, true);
    return true;
}

NyxPc *nyx_virt_start(const char *machine, const char *args)
{
    QGenericPCIBus *bus = g_new0(QGenericPCIBus, 1);
    NyxPc *pc = g_new0(NyxPc, 1);

    pc->qts = qtest_initf("-accel tcg -S -M virt%s -cpu cortex-a57 -m %llu "
                          "-nodefaults -plugin %s %s", machine,
                          NYX_PC_RAM / NYX_MIB, nyx_pc_plugin(), args);
    qpci_init_generic(bus, pc->qts, NULL, false);
    pc->pci = &bus->bus;
    pc->next_page = NYX_VIRT_RAM + NYX_PC_PAGES;
    pc->ram_end = NYX_VIRT_RAM + NYX_PC_RAM;
    pc->fw_cfg_dma = NYX_VIRT_FW_CFG_DMA;
    return pc;
}

void nyx_virt_end(NyxPc *pc)
{
    g_free(container_of(pc->pci, QGenericPCIBus, bus));
    qtest_quit(pc->qts);
    g_free(pc);
}

/* --- The device tree ------------------------------------------------------ */

typedef struct Tree {
    const uint8_t *at;       /* the next token */
    const uint8_t *end;
    const char *strings;
    GString *path;           /* of the node that @at is in */
} Tree;

static uint32_t next(Tree *tree)
{
    uint32_t value;

    g_assert_true(tree->end - tree->at >= 4);
    value = ldl_be_p(tree->at);
    tree->at += 4;
    return value;
}

static void enter(Tree *tree)
{
    const char *name = (const char *)tree->at;

    tree->at += ROUND_UP(strlen(name) + 1, 4);
    if (*name) {
        g_string_append_printf(tree->path, "/%s", name);
    }
}

static void leave(Tree *tree)
{
    const char *slash = strrchr(tree->path->str, '/');

    g_string_truncate(tree->path, slash ? slash - tree->path->str : 0);
}

/* To the value of the property; false at the end of the tree. */
static bool search(Tree *tree, const char *path, const char *name,
                   uint32_t *len)
{
    const char *found;

    for (;;) {
        switch (next(tree)) {
        case FDT_BEGIN_NODE:
            enter(tree);
            break;
        case FDT_END_NODE:
            leave(tree);
            break;
        case FDT_PROP:
            *len = next(tree);
            found = tree->strings + next(tree);
            if (!strcmp(tree->path->str, path) && !strcmp(found, name)) {
                return true;
            }
            tree->at += ROUND_UP(*len, 4);
            break;
        case FDT_NOP:
            break;
        default:
            return false;
        }
    }
}

uint8_t *nyx_virt_tree_get(NyxPc *pc, const char *path, const char *name,
                           uint32_t *len)
{
    g_autofree uint8_t *data = g_malloc(TREE_MAX);
    g_autoptr(GString) where = g_string_new(NULL);
    Tree tree = { .path = where };
    uint32_t size;

    qtest_bufread(pc->qts, NYX_VIRT_RAM, data, 64);
    g_assert_cmphex((uint32_t)ldl_be_p(data), ==, FDT_MAGIC);
    size = ldl_be_p(data + FDT_TOTAL_SIZE);
    g_assert_cmphex(size, <=, TREE_MAX);
    qtest_bufread(pc->qts, NYX_VIRT_RAM, data, size);
    tree.at = data + ldl_be_p(data + FDT_OFF_STRUCT);
    tree.end = data + size;
    tree.strings = (const char *)data + ldl_be_p(data + FDT_OFF_STRINGS);
    return search(&tree, path, name, len) ? g_memdup2(tree.at, *len) : NULL;
}
