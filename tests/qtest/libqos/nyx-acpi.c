/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables: see nyx-acpi.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-acpi.h"

#define TABLES  "etc/acpi/tables"

NyxAcpi nyx_acpi_tables(NyxPc *pc)
{
    NyxAcpi t = { };

    t.data = nyx_fw_cfg_file(pc, TABLES, &t.size);
    t.loader = nyx_fw_cfg_file(pc, "etc/table-loader", &t.loader_size);
    g_assert_nonnull(t.data);
    g_assert_nonnull(t.loader);
    return t;
}

void nyx_acpi_free(NyxAcpi *t)
{
    g_free(t->data);
    g_free(t->loader);
}

uint32_t nyx_acpi_find(const NyxAcpi *t, const char *signature)
{
    uint32_t at = 0;

    while (at + NYX_ACPI_HEADER <= t->size) {
        uint32_t length = ldl_le_p(t->data + at + 4);

        if (!memcmp(t->data + at, signature, 4)) {
            return at;
        }
        if (length < NYX_ACPI_HEADER) {
            break;
        }
        at += length;
    }
    return 0;
}

/*
 * ADD_POINTER is 2, then two file names of 56 bytes, the offset and the size
 * of the pointer.
 */
bool nyx_acpi_in_rsdt(const NyxAcpi *t, uint32_t table)
{
    uint32_t rsdt = nyx_acpi_find(t, "RSDT");
    uint32_t end = rsdt + ldl_le_p(t->data + rsdt + 4);
    uint32_t entry = rsdt + NYX_ACPI_HEADER;

    g_assert_cmphex(rsdt, !=, 0);
    while (entry < end && ldl_le_p(t->data + entry) != table) {
        entry += 4;
    }
    for (size_t i = 0; entry < end && i + 128 <= t->loader_size; i += 128) {
        const uint8_t *command = t->loader + i;

        if (ldl_le_p(command) == 2 &&
            !strcmp((const char *)command + 4, TABLES) &&
            !strcmp((const char *)command + 60, TABLES) &&
            ldl_le_p(command + 116) == entry && command[120] == 4) {
            return true;
        }
    }
    return false;
}

uint8_t nyx_acpi_sum(const uint8_t *data, size_t size)
{
    uint8_t total = 0;

    for (size_t i = 0; i < size; i++) {
        total += data[i];
    }
    return total;
}

/* The RSDP as SeaBIOS puts it, or 0. */
static uint32_t find_rsdp(NyxPc *pc)
{
    g_autofree uint8_t *rom = g_malloc(0x20000);

    qtest_memread(pc->qts, 0xe0000, rom, 0x20000);
    for (uint32_t i = 0; i < 0x20000; i += 16) {
        if (!memcmp(rom + i, "RSD PTR ", 8) && !nyx_acpi_sum(rom + i, 20)) {
            return 0xe0000 + i;
        }
    }
    return 0;
}

uint32_t nyx_acpi_in_memory(NyxPc *pc, const char *signature)
{
    uint32_t rsdp = 0, rsdt, length;

    for (unsigned i = 0; !rsdp && i < NYX_POLLS; i++) {
        rsdp = find_rsdp(pc);
    }
    g_assert_cmphex(rsdp, !=, 0);
    rsdt = qtest_readl(pc->qts, rsdp + 16);
    length = qtest_readl(pc->qts, rsdt + 4);
    for (uint32_t i = NYX_ACPI_HEADER; i < length; i += 4) {
        uint32_t at = qtest_readl(pc->qts, rsdt + i);
        uint8_t name[4];

        qtest_memread(pc->qts, at, name, sizeof(name));
        if (!memcmp(name, signature, 4)) {
            return at;
        }
    }
    return 0;
}
