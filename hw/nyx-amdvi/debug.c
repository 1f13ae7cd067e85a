/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics and state as structured QOM properties: qom-get PATH stats,
 * registers, in-force, tables, guest-mistakes.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/show.h"
#include "hw/nyx-amdvi/amdvi.h"
#include "hw/nyx-amdvi/internal.h"

/* --- Statistics ----------------------------------------------------------- */

/* Which requester's faults to show; all of them if it is NULL. */
typedef struct FaultsOf {
    NyxAmd *amd;
    NyxAmdRequester *r;
    unsigned code;
} FaultsOf;

static void show_fault_row(Visitor *v, void *opaque, Error **errp)
{
    const FaultsOf *of = opaque;
    const NyxAmdFaultInfo *info = &nyx_amd_faults[of->code];

    nyx_show_hex(v, "reason", info->event);
    nyx_show_string(v, "name", info->id);
    nyx_show_string(v, "text", info->text);
    nyx_show_u64(v, "count", nyx_amd_fault_count(of->amd, of->r, of->code));
}

static void show_faults(Visitor *v, void *opaque, Error **errp)
{
    FaultsOf *of = opaque;

    for (of->code = NAMD_FAULT_NONE + 1; of->code < NAMD_FAULT_COUNT;
         of->code++) {
        if (nyx_amd_fault_count(of->amd, of->r, of->code)) {
            nyx_show_struct(v, NULL, show_fault_row, of, errp);
        }
    }
}

static void show_requester_caches(Visitor *v,
                                  const NyxAmdRequesterStats *stats,
                                  Error **errp)
{
    nyx_show_u64(v, "walks", stats->walks);
    nyx_show_u64(v, "walk-reads", stats->walk_reads);
    nyx_show_iotlb(v, "iotlb", &stats->iotlb, errp);
    nyx_show_iotlb(v, "paging-structure-cache", &stats->paging, errp);
    nyx_show_cache(v, "device-table-cache", &stats->dte, errp);
    nyx_show_cache(v, "gcr3-cache", &stats->gcr3, errp);
}

static void show_requester(Visitor *v, void *opaque, Error **errp)
{
    NyxAmdRequester *r = opaque;
    NyxAmdRequesterStats stats = nyx_amd_requester_stats(r);
    FaultsOf of = { .amd = nyx_amd_requester_iommu(r), .r = r };

    nyx_show_sid(v, "sid", stats.sid);
    nyx_show_u64(v, "refused", stats.requests_refused);
    show_requester_caches(v, &stats, errp);
    nyx_show_list(v, "faults", show_faults, &of, errp);
}

typedef struct ShowList {
    Visitor *v;
    Error **errp;
} ShowList;

/* Only those that have done something: every function has an entry. */
static void show_active_requester(NyxAmdRequester *r, void *opaque)
{
    ShowList *list = opaque;
    NyxAmdRequesterStats stats = nyx_amd_requester_stats(r);

    if (stats.iotlb.hits || stats.iotlb.misses || stats.dte.hits ||
        stats.dte.misses || stats.requests_refused) {
        nyx_show_struct(list->v, NULL, show_requester, r, list->errp);
    }
}

static void show_requesters(Visitor *v, void *opaque, Error **errp)
{
    ShowList list = { v, errp };

    nyx_amd_foreach_requester(opaque, show_active_requester, &list);
}

static void show_invalidations(Visitor *v, void *opaque, Error **errp)
{
    static const struct {
        unsigned opcode;
        const char *name;
    } rows[] = {
        { NAMD_CMD_INV_DEVTAB_ENTRY, "device-table-entry" },
        { NAMD_CMD_INV_IOMMU_PAGES, "pages" },
        { NAMD_CMD_INV_IOTLB_PAGES, "device-tlb" },
        { NAMD_CMD_INV_INTERRUPT_TABLE, "interrupt-table" },
        { NAMD_CMD_INV_IOMMU_ALL, "all" },
        { NAMD_CMD_PREFETCH_IOMMU_PAGES, "prefetches" },
        { NAMD_CMD_COMPLETION_WAIT, "waits" },
    };
    const NyxAmdStats *stats = opaque;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        nyx_show_u64(v, rows[i].name, stats->commands[rows[i].opcode]);
    }
    nyx_show_u64(v, "command-errors", stats->command_errors);
}

static void show_pages(Visitor *v, void *opaque, Error **errp)
{
    const NyxAmdStats *stats = opaque;

    nyx_show_u64(v, "queued", stats->page_requests);
    nyx_show_u64(v, "refused", stats->page_requests_refused);
    nyx_show_u64(v, "lost", stats->page_requests_lost);
    nyx_show_u64(v, "responses", stats->page_responses);
    nyx_show_u64(v, "responses-own", stats->page_responses_own);
}

/* To consumers of mappings, such as vfio-pci. */
static void show_announced(Visitor *v, void *opaque, Error **errp)
{
    const NyxAmdStats *stats = opaque;

    nyx_show_u64(v, "maps", stats->map_events);
    nyx_show_u64(v, "unmaps", stats->unmap_events);
    nyx_show_u64(v, "tables-read", stats->shadow_tables);
    nyx_show_u64(v, "page-tables", stats->shadows);
    nyx_show_u64(v, "mappings", stats->shadow_blocks);
}

static void add_requester(NyxAmdRequester *r, void *opaque)
{
    NyxAmdRequesterStats *sum = opaque;
    NyxAmdRequesterStats stats = nyx_amd_requester_stats(r);

    sum->walks += stats.walks;
    sum->walk_reads += stats.walk_reads;
    nyx_iotlb_stats_add(&sum->iotlb, &stats.iotlb);
    nyx_iotlb_stats_add(&sum->paging, &stats.paging);
    nyx_cache_stats_add(&sum->dte, &stats.dte);
    nyx_cache_stats_add(&sum->gcr3, &stats.gcr3);
}

static uint64_t sum_of(const uint64_t counts[16])
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < 16; i++) {
        sum += counts[i];
    }
    return sum;
}

static void show_stats(Visitor *v, void *opaque, Error **errp)
{
    NyxAmd *amd = opaque;
    NyxAmdStats stats = nyx_amd_stats(amd);
    NyxAmdRequesterStats sum = { };
    FaultsOf of = { .amd = amd };

    nyx_amd_foreach_requester(amd, add_requester, &sum);
    nyx_show_u64(v, "commands", sum_of(stats.commands));
    show_requester_caches(v, &sum, errp);
    nyx_show_cache(v, "interrupt-entry-cache", &stats.irt, errp);
    nyx_show_cache(v, "interrupt-device-table-cache", &stats.int_dte, errp);
    nyx_show_struct(v, "invalidations", show_invalidations, &stats, errp);
    nyx_show_struct(v, "announced", show_announced, &stats, errp);
    nyx_show_u64(v, "interrupts-remapped", stats.interrupts);
    nyx_show_u64(v, "interrupts-passed", stats.passed_interrupts);
    nyx_show_u64(v, "interrupts-posted", stats.vapic_interrupts);
    nyx_show_u64(v, "ga-log-entries", stats.ga_entries);
    nyx_show_struct(v, "page-requests", show_pages, &stats, errp);
    nyx_show_u64(v, "counter-overflows", stats.counter_overflows);
    nyx_show_u64(v, "event-messages", stats.messages);
    nyx_show_u64(v, "events-logged", sum_of(stats.events));
    nyx_show_u64(v, "events-lost", stats.events_lost);
    nyx_show_u64(v, "events-suppressed", stats.events_suppressed);
    nyx_show_list(v, "faults", show_faults, &of, errp);
    nyx_show_list(v, "requesters", show_requesters, amd, errp);
}

/* --- Registers ------------------------------------------------------------ */

static void show_one_register(const NyxReg *reg, uint64_t value, void *opaque)
{
    ShowList *list = opaque;

    nyx_show_register(list->v, reg, value, list->errp);
}

static void show_registers(Visitor *v, void *opaque, Error **errp)
{
    ShowList list = { v, errp };

    nyx_amd_foreach_register(opaque, show_one_register, &list);
}

static void show_in_force(Visitor *v, void *opaque, Error **errp)
{
    NyxAmd *amd = opaque;
    uint64_t control = nyx_amd_control(amd);
    unsigned segments = 1u << FIELD_EX64(control, NAMD_CTRL, DEVTBLSEG);

    nyx_show_hex(v, "control", control);
    nyx_show_words(v, "device-tables", amd->devtab,
                   MIN(segments, NAMD_SEGMENTS), errp);
    nyx_show_u64(v, "translating", nyx_amd_dma_checked(amd));
    nyx_show_u64(v, "remapping-interrupts",
                 nyx_amd_enabled(amd) && amd->cfg.intremap);
    nyx_show_u64(v, "command-buffer-halted", amd->command_halted);
    nyx_show_u64(v, "event-log-stopped", amd->event_stopped);
    nyx_show_u64(v, "ppr-log-stopped", amd->ppr_stopped);
    nyx_show_u64(v, "ga-log-stopped", amd->ga_stopped);
}

/* --- Tables --------------------------------------------------------------- */

typedef struct ShowTables {
    Visitor *v;
    Error **errp;
    NyxAmd *amd;
    NyxDumpRoom room;
    const NyxAmdEntries *entries;
    bool complete;
} ShowTables;

static bool show_one_mapping(void *opaque, const NyxLeaf *leaf)
{
    const ShowTables *show = opaque;

    nyx_show_mapping(show->v, leaf, show->errp);
    return true;
}

static void show_mappings(Visitor *v, void *opaque, Error **errp)
{
    ShowTables *show = opaque;

    show->complete &= nyx_amd_dump_mappings(show->amd, show->entries,
                                            &show->room, show_one_mapping,
                                            show);
}

typedef struct ShowEntry {
    unsigned index;
    const uint64_t *words;
    unsigned n;
} ShowEntry;

static void show_interrupt(Visitor *v, void *opaque, Error **errp)
{
    const ShowEntry *entry = opaque;

    nyx_show_u64(v, "index", entry->index);
    nyx_show_words(v, "entry", entry->words, entry->n, errp);
}

static void show_one_interrupt(unsigned index, const uint64_t *words,
                               unsigned n, void *opaque)
{
    const ShowTables *show = opaque;
    ShowEntry entry = { index, words, n };

    nyx_show_struct(show->v, NULL, show_interrupt, &entry, show->errp);
}

static void show_interrupt_entries(Visitor *v, void *opaque, Error **errp)
{
    ShowTables *show = opaque;

    show->complete &= nyx_amd_dump_interrupts(show->amd, show->entries,
                                              &show->room, show_one_interrupt,
                                              show);
}

/* The entry's half for interrupts, as it is, and the table. */
static void show_interrupts(Visitor *v, void *opaque, Error **errp)
{
    static const char *const controls[] = {
        [NAMD_INTCTL_ABORT] = "abort", [NAMD_INTCTL_FORWARD] = "forward",
        [NAMD_INTCTL_REMAP] = "remap", [NAMD_INTCTL_RESERVED] = "reserved",
    };
    const ShowTables *show = opaque;
    uint64_t word = show->entries->dte[2];

    nyx_show_u64(v, "valid", FIELD_EX64(word, NAMD_DTE2, IV));
    nyx_show_string(v, "control",
                    controls[FIELD_EX64(word, NAMD_DTE2, INTCTL)]);
    nyx_show_hex(v, "table", word & R_NAMD_DTE2_INTROOT_MASK);
    nyx_show_u64(v, "lg2", FIELD_EX64(word, NAMD_DTE2, INTTABLEN));
    nyx_show_list(v, "entries", show_interrupt_entries, opaque, errp);
}

static void show_device(Visitor *v, const NyxAmdEntries *entries,
                        Error **errp)
{
    static const char *const kinds[] = {
        [NYX_AMD_KIND_PASS] = "pass-through",
        [NYX_AMD_KIND_BLOCKED] = "blocked",
        [NYX_AMD_KIND_IDENTITY] = "identity",
        [NYX_AMD_KIND_HOST] = "host",
    };
    const NyxAmdContext *ctx = &entries->decoded;
    static const char *const access[] = { "", "r", "w", "rw" };

    nyx_show_string(v, "translation", kinds[ctx->kind]);
    nyx_show_u64(v, "domain", ctx->did);
    nyx_show_string(v, "access", access[ctx->rights & NYX_ACCESS_RW]);
    nyx_show_u64(v, "ats", ctx->ats);
    if (ctx->kind == NYX_AMD_KIND_HOST) {
        nyx_show_hex(v, "host-root", ctx->host_root);
        nyx_show_u64(v, "host-levels", ctx->mode);
    }
    if (ctx->guest) {
        nyx_show_hex(v, "gcr3-root", ctx->gcr3);
        nyx_show_u64(v, "gcr3-levels", ctx->glx + 1);
        nyx_show_u64(v, "guest-levels", ctx->guest_levels);
        nyx_show_u64(v, "giov", ctx->giov);
    }
}

static void show_function(Visitor *v, void *opaque, Error **errp)
{
    ShowTables *show = opaque;
    const NyxAmdEntries *entries = show->entries;

    nyx_show_sid(v, "sid", entries->sid);
    nyx_show_hex(v, "address", entries->dte_addr);
    nyx_show_words(v, "device-table-entry", entries->dte, NAMD_DTE_WORDS,
                   errp);
    if (entries->has_pasid) {
        nyx_show_u64(v, "pasid", entries->pasid);
        nyx_show_hex(v, "gcr3-entry", entries->gcr3);
    } else {
        nyx_show_struct(v, "interrupts", show_interrupts, show, errp);
    }
    if (entries->code != NAMD_FAULT_NONE) {
        nyx_show_string(v, "fault", nyx_amd_faults[entries->code].id);
        return;
    }
    if (!entries->has_pasid) {
        show_device(v, entries, errp);
    }
    if (nyx_amd_dump_has_tables(entries)) {
        nyx_show_list(v, entries->has_pasid ? "guest-tables" : "host-tables",
                      show_mappings, show, errp);
    }
}

static void show_one_function(const NyxAmdEntries *entries, void *opaque)
{
    ShowTables *show = opaque;

    show->entries = entries;
    nyx_show_struct(show->v, NULL, show_function, show, show->errp);
}

static void show_tables_of(NyxAmdRequester *r, void *opaque)
{
    ShowTables *show = opaque;
    NyxAmd *amd = show->amd;
    uint16_t sid;

    if (amd->host.sid(amd->host.opaque, r, &sid)) {
        show->complete &= nyx_amd_dump_entries(amd, sid, &show->room,
                                               show_one_function, show);
    }
}

static void show_functions(Visitor *v, void *opaque, Error **errp)
{
    ShowTables *show = opaque;

    nyx_amd_foreach_requester(show->amd, show_tables_of, show);
}

static void show_tables(Visitor *v, void *opaque, Error **errp)
{
    ShowTables show = {
        .v = v, .errp = errp, .amd = opaque, .complete = true,
        .room = NYX_SHOW_ROOM,
    };

    nyx_show_list(v, "functions", show_functions, &show, errp);
    visit_type_bool(v, "complete", &show.complete, &error_abort);
}

/* --- Properties ----------------------------------------------------------- */

/* There is no engine before the device is realized: then there is nothing. */
#define GETTER(fn, how, show)                                               \
    static void fn(Object *obj, Visitor *v, const char *name,               \
                   void *opaque, Error **errp)                              \
    {                                                                       \
        NyxAmd *amd = NYX_AMDVI(obj)->engine;                               \
                                                                            \
        if (amd) {                                                          \
            how(v, name, show, amd, errp);                                  \
        }                                                                   \
    }

GETTER(get_stats, nyx_show_struct, show_stats)
GETTER(get_registers, nyx_show_list, show_registers)
GETTER(get_in_force, nyx_show_struct, show_in_force)
GETTER(get_tables, nyx_show_struct, show_tables)

static void get_findings(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    NyxAmd *amd = NYX_AMDVI(obj)->engine;

    if (amd) {
        nyx_show_findings(v, name, nyx_amd_findings(amd), errp);
    }
}

void nyx_amd_debug_class_init(ObjectClass *oc)
{
    static const NyxShowProperty rows[] = {
        { "stats", get_stats, "counters: caches, commands, faults" },
        { "registers", get_registers, "every register and its value" },
        { "in-force", get_in_force, "what is in force of registers" },
        { "tables", get_tables, "what memory says of each function's "
          "requests: entries and mappings" },
        { "guest-mistakes", get_findings, "findings: rules that the guest "
          "broke" },
    };

    nyx_show_properties(oc, rows, ARRAY_SIZE(rows));
}
