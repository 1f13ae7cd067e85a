/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics and state as structured QOM properties: qom-get PATH stats,
 * registers, in-force, tables, guest-mistakes.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/show.h"
#include "hw/nyx-vtd/internal.h"
#include "hw/nyx-vtd/vtd.h"

/* Which requester's faults to show; all of them if it is NULL. */
typedef struct FaultsOf {
    NyxVtd *vtd;
    NyxVtdRequester *r;
    unsigned index;
} FaultsOf;

static void show_fault_row(Visitor *v, void *opaque, Error **errp)
{
    const FaultsOf *of = opaque;
    const NyxVtdFaultInfo *info = &nyx_vtd_faults[of->index];

    nyx_show_hex(v, "reason", info->code);
    nyx_show_string(v, "name", info->manual_name);
    nyx_show_string(v, "text", info->text);
    nyx_show_u64(v, "count", nyx_vtd_fault_count(of->vtd, of->r, of->index));
}

static void show_faults(Visitor *v, void *opaque, Error **errp)
{
    FaultsOf *of = opaque;

    for (of->index = 0; of->index < nyx_vtd_n_faults; of->index++) {
        if (nyx_vtd_fault_count(of->vtd, of->r, of->index)) {
            nyx_show_struct(v, NULL, show_fault_row, of, errp);
        }
    }
}

static void show_requester(Visitor *v, void *opaque, Error **errp)
{
    NyxVtdRequester *r = opaque;
    NyxVtdRequesterStats stats = nyx_vtd_requester_stats(r);
    FaultsOf of = { .vtd = r->vtd, .r = r };

    nyx_show_sid(v, "sid", stats.sid);
    nyx_show_u64(v, "refused", stats.requests_refused);
    nyx_show_u64(v, "walks", stats.walks);
    nyx_show_u64(v, "walk-reads", stats.walk_reads);
    nyx_show_iotlb(v, "iotlb", &stats.iotlb, errp);
    nyx_show_iotlb(v, "paging-structure-cache", &stats.paging, errp);
    nyx_show_cache(v, "context-cache", &stats.context, errp);
    nyx_show_list(v, "faults", show_faults, &of, errp);
}

/* Only those that have done something: every function has an entry. */
typedef struct ShowList {
    Visitor *v;
    Error **errp;
} ShowList;

static void show_active_requester(NyxVtdRequester *r, void *opaque)
{
    ShowList *list = opaque;
    NyxVtdRequesterStats stats = nyx_vtd_requester_stats(r);

    if (stats.iotlb.hits || stats.iotlb.misses || stats.context.hits ||
        stats.context.misses || stats.requests_refused) {
        nyx_show_struct(list->v, NULL, show_requester, r, list->errp);
    }
}

static void show_requesters(Visitor *v, void *opaque, Error **errp)
{
    ShowList list = { v, errp };

    nyx_vtd_foreach_requester(opaque, show_active_requester, &list);
}

static void show_invalidations(Visitor *v, void *opaque, Error **errp)
{
    const NyxVtdStats *stats = opaque;

    nyx_show_u64(v, "context-global", stats->inv_context[NVTD_GRAN_GLOBAL]);
    nyx_show_u64(v, "context-domain", stats->inv_context[NVTD_GRAN_DOMAIN]);
    nyx_show_u64(v, "context-device", stats->inv_context[NVTD_GRAN_DEVICE]);
    nyx_show_u64(v, "iotlb-global", stats->inv_iotlb[NVTD_GRAN_GLOBAL]);
    nyx_show_u64(v, "iotlb-domain", stats->inv_iotlb[NVTD_GRAN_DOMAIN]);
    nyx_show_u64(v, "iotlb-page", stats->inv_iotlb[NVTD_GRAN_PAGE]);
    nyx_show_u64(v, "device-tlb", stats->inv_device_tlb);
    nyx_show_u64(v, "pasid-cache-global",
                 stats->inv_pasid_cache[NVTD_PASID_GRAN_GLOBAL]);
    nyx_show_u64(v, "pasid-cache-domain",
                 stats->inv_pasid_cache[NVTD_PASID_GRAN_DOMAIN]);
    nyx_show_u64(v, "pasid-cache-pasid",
                 stats->inv_pasid_cache[NVTD_PASID_GRAN_PASID]);
    nyx_show_u64(v, "pasid-iotlb-pasid",
                 stats->inv_pasid_iotlb[NVTD_PIOTLB_GRAN_PASID]);
    nyx_show_u64(v, "pasid-iotlb-page",
                 stats->inv_pasid_iotlb[NVTD_PIOTLB_GRAN_PAGE]);
    nyx_show_u64(v, "pasid-device-tlb", stats->inv_pasid_device_tlb);
    nyx_show_u64(v, "interrupt-entry-global", stats->inv_iec[0]);
    nyx_show_u64(v, "interrupt-entry-index", stats->inv_iec[1]);
    nyx_show_u64(v, "waits", stats->waits);
    nyx_show_u64(v, "queue-errors", stats->queue_errors);
}

static void show_pages(Visitor *v, void *opaque, Error **errp)
{
    const NyxVtdStats *stats = opaque;

    nyx_show_u64(v, "queued", stats->page_requests);
    nyx_show_u64(v, "refused", stats->page_requests_refused);
    nyx_show_u64(v, "lost", stats->page_requests_lost);
    nyx_show_u64(v, "responses", stats->page_responses);
    nyx_show_u64(v, "responses-own", stats->page_responses_own);
}

/* To consumers of mappings, such as vfio-pci. */
static void show_announced(Visitor *v, void *opaque, Error **errp)
{
    const NyxVtdStats *stats = opaque;

    nyx_show_u64(v, "maps", stats->map_events);
    nyx_show_u64(v, "unmaps", stats->unmap_events);
    nyx_show_u64(v, "tables-read", stats->shadow_tables);
    nyx_show_u64(v, "page-tables", stats->shadows);
    nyx_show_u64(v, "mappings", stats->shadow_blocks);
}

static void add_requester(NyxVtdRequester *r, void *opaque)
{
    NyxVtdRequesterStats *sum = opaque;
    NyxVtdRequesterStats stats = nyx_vtd_requester_stats(r);

    sum->walks += stats.walks;
    sum->walk_reads += stats.walk_reads;
    nyx_iotlb_stats_add(&sum->iotlb, &stats.iotlb);
    nyx_cache_stats_add(&sum->context, &stats.context);
    nyx_iotlb_stats_add(&sum->paging, &stats.paging);
}

static void show_stats(Visitor *v, void *opaque, Error **errp)
{
    NyxVtd *vtd = opaque;
    NyxVtdStats stats = nyx_vtd_stats(vtd);
    NyxVtdRequesterStats sum = { };
    FaultsOf of = { .vtd = vtd };

    nyx_vtd_foreach_requester(vtd, add_requester, &sum);
    nyx_show_u64(v, "commands", stats.commands);
    nyx_show_u64(v, "walks", sum.walks);
    nyx_show_u64(v, "walk-reads", sum.walk_reads);
    nyx_show_iotlb(v, "iotlb", &sum.iotlb, errp);
    nyx_show_iotlb(v, "paging-structure-cache", &sum.paging, errp);
    nyx_show_cache(v, "context-cache", &sum.context, errp);
    nyx_show_cache(v, "interrupt-entry-cache", &stats.iec, errp);
    nyx_show_struct(v, "invalidations", show_invalidations, &stats, errp);
    nyx_show_struct(v, "announced", show_announced, &stats, errp);
    nyx_show_u64(v, "interrupts-remapped", stats.interrupts);
    nyx_show_u64(v, "interrupts-compatibility", stats.compat_interrupts);
    nyx_show_u64(v, "interrupts-posted", stats.posted_interrupts);
    nyx_show_u64(v, "posting-notifications", stats.notifications);
    nyx_show_struct(v, "page-requests", show_pages, &stats, errp);
    nyx_show_u64(v, "virtual-commands", stats.virtual_commands);
    nyx_show_u64(v, "virtual-pasids", stats.vcmd_pasids);
    nyx_show_u64(v, "enhanced-commands", stats.enhanced_commands);
    nyx_show_u64(v, "counter-overflows", stats.counter_overflows);
    nyx_show_u64(v, "event-messages", stats.messages);
    nyx_show_u64(v, "requests-aborted", stats.aborted);
    nyx_show_u64(v, "faults-recorded", stats.faults_recorded);
    nyx_show_u64(v, "faults-not-recorded", stats.faults_dropped);
    nyx_show_list(v, "faults", show_faults, &of, errp);
    nyx_show_list(v, "requesters", show_requesters, vtd, errp);
}

#define TYPE_NYX_VTD_UNIT "nyx-vtd-unit"
OBJECT_DECLARE_SIMPLE_TYPE(NyxVtdUnitObject, NYX_VTD_UNIT)

/* What shows one unit. */
struct NyxVtdUnitObject {
    Object parent_obj;

    NyxVtd *engine;
};

static NyxVtd *engine_of(Object *obj)
{
    return object_dynamic_cast(obj, TYPE_NYX_VTD)
           ? NYX_VTD(obj)->units[0].engine : NYX_VTD_UNIT(obj)->engine;
}

static void get_stats(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    NyxVtd *vtd = engine_of(obj);

    if (vtd) {
        nyx_show_struct(v, name, show_stats, vtd, errp);
    }
}

static void get_findings(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    NyxVtd *vtd = engine_of(obj);

    if (vtd) {
        nyx_show_findings(v, name, nyx_vtd_findings(vtd), errp);
    }
}

static void show_one_register(const NyxReg *reg, uint64_t value, void *opaque)
{
    ShowList *list = opaque;

    nyx_show_register(list->v, reg, value, list->errp);
}

static void show_registers(Visitor *v, void *opaque, Error **errp)
{
    ShowList list = { v, errp };

    nyx_vtd_foreach_register(opaque, show_one_register, &list);
}

static void get_registers(Object *obj, Visitor *v, const char *name,
                          void *opaque, Error **errp)
{
    NyxVtd *vtd = engine_of(obj);

    if (vtd) {
        nyx_show_list(v, name, show_registers, vtd, errp);
    }
}

static void show_in_force(Visitor *v, void *opaque, Error **errp)
{
    NyxVtd *vtd = opaque;

    nyx_show_hex(v, "root-table", vtd->latched.rtaddr);
    nyx_show_hex(v, "interrupt-table", vtd->latched.irta);
    nyx_show_hex(v, "queue", vtd->latched.iqa);
    nyx_show_u64(v, "translating", nyx_vtd_translating(vtd));
    nyx_show_u64(v, "remapping-interrupts", nyx_vtd_remapping(vtd));
    nyx_show_u64(v, "next-fault-record", vtd->latched.frcd_next);
}

static void get_in_force(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    NyxVtd *vtd = engine_of(obj);

    if (vtd) {
        nyx_show_struct(v, name, show_in_force, vtd, errp);
    }
}

/* --- Tables --------------------------------------------------------------- */

typedef struct ShowTables {
    Visitor *v;
    Error **errp;
    NyxVtd *vtd;
    NyxDumpRoom room;
    const NyxVtdEntries *entries;
    bool second;
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

    show->complete &= nyx_vtd_dump_mappings(show->vtd, show->entries,
                                            show->second, &show->room,
                                            show_one_mapping, show);
}

static void show_stage(ShowTables *show, const char *name, bool second)
{
    show->second = second;
    if (nyx_vtd_dump_has_stage(show->entries, second)) {
        nyx_show_list(show->v, name, show_mappings, show, show->errp);
    }
}

static void show_function(Visitor *v, void *opaque, Error **errp)
{
    static const char *const kinds[] = {
        [NYX_VTD_KIND_SECOND] = "second", [NYX_VTD_KIND_PASS] = "pass-through",
        [NYX_VTD_KIND_FIRST] = "first", [NYX_VTD_KIND_NESTED] = "nested",
    };
    ShowTables *show = opaque;
    const NyxVtdEntries *entries = show->entries;

    nyx_show_sid(v, "sid", entries->sid);
    nyx_show_words(v, "root-entry", entries->root, 2, errp);
    nyx_show_words(v, "context-entry", entries->context,
                   entries->scalable ? 4 : 2, errp);
    if (entries->scalable) {
        nyx_show_u64(v, "pasid", entries->pasid);
        nyx_show_words(v, "pasid-entry", entries->entry, 8, errp);
    }
    if (entries->code != NVTD_FAULT_NONE) {
        nyx_show_hex(v, "fault", entries->code);
    } else {
        nyx_show_string(v, "translation", kinds[entries->decoded.kind]);
        nyx_show_u64(v, "domain", entries->decoded.did);
        show_stage(show, "first-stage", false);
        show_stage(show, "second-stage", true);
    }
}

static void show_one_function(const NyxVtdEntries *entries, void *opaque)
{
    ShowTables *show = opaque;

    show->entries = entries;
    nyx_show_struct(show->v, NULL, show_function, show, show->errp);
}

static void show_tables_of(NyxVtdRequester *r, void *opaque)
{
    ShowTables *show = opaque;
    NyxVtd *vtd = show->vtd;
    uint16_t sid;

    if (vtd->host.sid(vtd->host.opaque, r, &sid)) {
        show->complete &= nyx_vtd_dump_entries(vtd, sid, &show->room,
                                               show_one_function, show);
    }
}

static void show_functions(Visitor *v, void *opaque, Error **errp)
{
    ShowTables *show = opaque;

    nyx_vtd_foreach_requester(show->vtd, show_tables_of, show);
}

static void show_tables(Visitor *v, void *opaque, Error **errp)
{
    ShowTables show = {
        .v = v, .errp = errp, .vtd = opaque, .complete = true,
        .room = NYX_SHOW_ROOM,
    };

    nyx_show_list(v, "functions", show_functions, &show, errp);
    visit_type_bool(v, "complete", &show.complete, &error_abort);
}

static void get_tables(Object *obj, Visitor *v, const char *name,
                       void *opaque, Error **errp)
{
    NyxVtd *vtd = engine_of(obj);

    if (vtd) {
        nyx_show_struct(v, name, show_tables, vtd, errp);
    }
}

void nyx_vtd_debug_class_init(ObjectClass *oc)
{
    static const NyxShowProperty rows[] = {
        { "stats", get_stats, "counters: caches, invalidations, faults" },
        { "registers", get_registers, "every register and its value" },
        { "in-force", get_in_force, "what has been latched from registers" },
        { "tables", get_tables, "what memory says of each function's "
          "requests: entries and mappings" },
        { "guest-mistakes", get_findings, "findings: rules that the guest "
          "broke" },
    };

    nyx_show_properties(oc, rows, ARRAY_SIZE(rows));
}

static void unit_class_init(ObjectClass *oc, NyxClassData *data)
{
    nyx_vtd_debug_class_init(oc);
}

static const TypeInfo unit_info = {
    .name = TYPE_NYX_VTD_UNIT,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(NyxVtdUnitObject),
    .class_init = unit_class_init,
};

void nyx_vtd_debug_add_unit(NyxVtdUnit *unit)
{
    Object *obj = object_new(TYPE_NYX_VTD_UNIT);

    NYX_VTD_UNIT(obj)->engine = unit->engine;
    object_property_add_child(OBJECT(unit->s), "units[*]", obj);
    object_unref(obj);
}

void nyx_vtd_debug_register_types(void)
{
    type_register_static(&unit_info);
}
