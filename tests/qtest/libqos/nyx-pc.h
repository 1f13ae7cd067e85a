/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PC in the stock QEMU with the Nyx module loaded: its start, guest memory,
 * PCI bridges, interrupt controllers, ACPI tables.  Judging is the tests'.
 */
#ifndef TESTS_LIBQOS_NYX_PC_H
#define TESTS_LIBQOS_NYX_PC_H

#include "qemu/bswap.h"
#include "libqtest.h"
#include "libqos/pci.h"
#include "libqos/nyx-testdev.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"

/* --- Checks that go on, and name the row they failed in ------------------- */

void nyx_check_failed(const char *file, int line, const char *row,
                      const char *what, uint64_t got, uint64_t want);

/* @row: which row of the test's table, or NULL. */
#define NYX_CHECK(row, got, want)                                           \
    do {                                                                    \
        uint64_t got_ = (got), want_ = (want);                              \
        if (got_ != want_) {                                                \
            nyx_check_failed(__FILE__, __LINE__, row, #got, got_, want_);   \
        }                                                                   \
    } while (0)

/* --- The machine ---------------------------------------------------------- */

#define NYX_PAGE    0x1000ull
#define NYX_MIB     0x100000ull
#define NYX_GIB     0x40000000ull

/* Guest RAM, and where nyx_pc_pages() begins in it. */
#define NYX_PC_RAM      (256 * NYX_MIB)
#define NYX_PC_PAGES    (16 * NYX_MIB)

/* Times that something is looked at before a test gives it up. */
#define NYX_POLLS       100000

typedef struct NyxPc {
    QTestState *qts;
    QPCIBus *pci;
    uint64_t next_page;
    uint64_t ram_end;
    uint64_t fw_cfg_dma;     /* its register in memory; 0: a port */
} NyxPc;

/* Where the module is: for a test that gives it arguments with -plugin. */
const char *nyx_pc_plugin(void);

/*
 * Start QEMU with its processors stopped and the arguments given, "-M"
 * among them; the module is loaded without arguments if they don't name it.
 */
NyxPc *nyx_pc_start(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* The same with processors that run the firmware. */
NyxPc *nyx_pc_boot(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void nyx_pc_end(NyxPc *pc);

/* @n pages of RAM in a row, zero, aligned to their (power of two) number. */
uint64_t nyx_pc_pages(NyxPc *pc, unsigned n);

/* qom-get; the caller unrefs the result. */
QObject *nyx_pc_qom_get(NyxPc *pc, const char *path, const char *property);
/* The number @name of the property "stats", such as "iotlb.hits". */
uint64_t nyx_pc_stat(NyxPc *pc, const char *path, const char *name);
/* The one whose @key is @value; it has to be there. */
const QDict *nyx_list_find(const QList *list, const char *key,
                           const char *value);

/* --- What an IOMMU at @path tells about itself ---------------------------- */

/* Occurrences of a rule, as in "vtd.gcmd.several-bits". */
uint64_t nyx_pc_mistakes(NyxPc *pc, const char *path, const char *rule);
/* Faults counted of those whose @key ("reason", "name") is @value. */
uint64_t nyx_pc_stat_faults(NyxPc *pc, const char *path, const char *key,
                            const char *value);

/* --- PCI ------------------------------------------------------------------ */

/* 12:5.1 is 0x1229; libqos takes such numbers for devfn. */
#define NYX_SID(bus, slot, fn) ((bus) << 8 | (slot) << 3 | (fn))

/* Configuration space beyond 256 bytes, through q35's memory window. */
uint32_t nyx_pci_ext_readl(NyxPc *pc, uint16_t sid, unsigned offset);
void nyx_pci_ext_writel(NyxPc *pc, uint16_t sid, unsigned offset,
                        uint32_t value);
/* Offset of an extended capability of @sid, or 0. */
unsigned nyx_pci_ext_cap(NyxPc *pc, uint16_t sid, unsigned id);

/*
 * Number the bridge @sid's bus and let it pass memory and masters on.  BARs
 * that libqos maps from now on, 16 MiB of them, are behind it.
 */
void nyx_pci_bridge(NyxPc *pc, uint16_t sid, uint8_t secondary,
                    uint8_t subordinate);
/* A bridge behind another one, whose window it shares. */
void nyx_pci_bridge_below(NyxPc *pc, uint16_t upper, uint16_t sid,
                          uint8_t secondary, uint8_t subordinate);
void nyx_pci_renumber(NyxPc *pc, uint16_t sid, uint8_t secondary,
                      uint8_t subordinate);

/* Switch the slot of root port @sid on; or off, which unplugs what is to go. */
void nyx_pci_slot(NyxPc *pc, uint16_t sid, bool on);

/* Enable ATS in the test device's configuration space, or disable it. */
void nyx_td_ats(NyxPc *pc, uint16_t sid, bool on);

/* --- Interrupt controllers ------------------------------------------------ */

typedef enum NyxIrr {
    NYX_IRR_NONE,
    NYX_IRR_EDGE,
    NYX_IRR_LEVEL,
} NyxIrr;

/* Whether @vector is requested at the local APIC of id @apic. */
NyxIrr nyx_apic_irr(NyxPc *pc, unsigned apic, unsigned vector);
/* Number of vectors requested there. */
unsigned nyx_apic_irrs(NyxPc *pc, unsigned apic);

void nyx_ioapic_write(NyxPc *pc, unsigned pin, uint64_t rte);
uint64_t nyx_ioapic_read(NyxPc *pc, unsigned pin);
void nyx_ioapic_eoi(NyxPc *pc, uint8_t vector);
/* The line of @pin, on q35 and on pc. */
void nyx_ioapic_line(NyxPc *pc, unsigned pin, bool level);

/* --- Tables and files ----------------------------------------------------- */

/* A file of fw_cfg, which the caller frees; NULL if there is none. */
uint8_t *nyx_fw_cfg_file(NyxPc *pc, const char *name, size_t *size);

/* A fresh folder for a test's files, and its end. */
char *nyx_tmp_new(void);
void nyx_tmp_free(char *dir);

/* A file for QEMU's -D, in which the traces are too. */
typedef struct NyxLog {
    char *dir;
    char *path;
    size_t seen;
} NyxLog;

NyxLog nyx_log_begin(void);
/* The lines that came since the last call, which the caller frees. */
GStrv nyx_log_more(NyxLog *log);
void nyx_log_end(NyxLog *log);

#endif
