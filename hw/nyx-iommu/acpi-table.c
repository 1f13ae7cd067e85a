/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Own ACPI tables, through the door that QEMU keeps for -acpitable.
 *
 * QEMU's builder emits DMAR, IVRS and VIOT for its own device types only.
 * Tables given by the user are copied into the set each time it is built,
 * each with its own entry in the RSDT, and that is the door.
 */
#include "qemu/osdep.h"
#include "qemu/config-file.h"
#include "qemu/option.h"
#include "qapi/error.h"
#include "hw/acpi/acpi.h"
#include "hw/acpi/aml-build.h"
#include "hw/nyx-iommu/acpi-table.h"
#include <sys/mman.h>

#define ACPI_HEADER_LENGTH_AT   4
#define ACPI_HEADER_CHECKSUM_AT 9
#define ACPI_HEADER_OEM_AT      10

#define OEM     "NYX   "            /* 6 characters */ \
                "NYXIOMMU"          /* OEM table id, 8 */

GArray *nyx_acpi_header(const char *signature, uint8_t revision)
{
    GArray *table = g_array_new(false, true, 1);

    g_array_append_vals(table, signature, 4);
    build_append_int_noprefix(table, 0, 4);         /* length */
    build_append_int_noprefix(table, revision, 1);
    build_append_int_noprefix(table, 0, 1);         /* checksum */
    g_array_append_vals(table, OEM, strlen(OEM));
    build_append_int_noprefix(table, 1, 4);         /* OEM revision */
    g_array_append_vals(table, "NYX ", 4);          /* creator id */
    build_append_int_noprefix(table, 1, 4);         /* creator revision */
    return table;
}

static void finish(GArray *table)
{
    uint8_t *bytes = (uint8_t *)table->data;
    uint8_t sum = 0;

    stl_le_p(bytes + ACPI_HEADER_LENGTH_AT, table->len);
    for (unsigned i = 0; i < table->len; i++) {
        sum += bytes[i];
    }
    bytes[ACPI_HEADER_CHECKSUM_AT] = -sum;
}

bool nyx_acpi_install(GArray *table, Error **errp)
{
    QemuOptsList *list = qemu_find_opts_err("acpi", errp);
    g_autofree char *path = NULL;
    QemuOpts *opts = NULL;
    Error *err = NULL;
    bool ok = false;
    int fd;

    finish(table);
    /* The interface takes files only; this one has no name anywhere. */
    fd = memfd_create("nyx-acpi-table", MFD_CLOEXEC);
    if (fd < 0 || write(fd, table->data, table->len) != table->len) {
        error_setg_errno(errp, errno, "cannot stage an ACPI table");
        goto out;
    }
    if (!list) {
        goto out;
    }
    path = g_strdup_printf("/proc/self/fd/%d", fd);
    opts = qemu_opts_create(list, NULL, 0, errp);
    if (!opts || !qemu_opt_set(opts, "file", path, errp)) {
        goto out;
    }
    acpi_table_add(opts, &err);
    ok = !err;
    error_propagate(errp, err);
out:
    qemu_opts_del(opts);
    if (fd >= 0) {
        close(fd);
    }
    g_array_free(table, true);
    return ok;
}

void nyx_acpi_replace(GArray *table)
{
    finish(table);
    for (uint8_t *t = acpi_table_first(); t; t = acpi_table_next(t)) {
        if (acpi_table_len(t) == table->len && !memcmp(t, table->data, 4) &&
            !memcmp(t + ACPI_HEADER_OEM_AT, OEM, strlen(OEM))) {
            memcpy(t, table->data, table->len);
        }
    }
    g_array_free(table, true);
}
