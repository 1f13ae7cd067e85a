/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics and state as structured QOM properties: qom-get PATH stats,
 * config, domains, guest-mistakes.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/show.h"
#include "hw/virtio-iommu-ext/viommu.h"

/* Of one look at domains, whatever a guest maps. */
#define SHOW_DOMAINS    4096
#define SHOW_RUNS       16384

typedef struct ShowList {
    Visitor *v;
    Error **errp;
} ShowList;

/* --- Statistics ----------------------------------------------------------- */

/* Which requester's faults to show; all of them if it is NULL. */
typedef struct FaultsOf {
    NyxVio *vio;
    NyxVioRequester *r;
    unsigned code;
} FaultsOf;

static void show_fault_row(Visitor *v, void *opaque, Error **errp)
{
    const FaultsOf *of = opaque;
    const NyxVioFaultInfo *info = &nyx_vio_faults[of->code];

    nyx_show_u64(v, "reason", info->reason);
    nyx_show_string(v, "name", info->id);
    nyx_show_string(v, "text", info->text);
    nyx_show_u64(v, "count", nyx_vio_fault_count(of->vio, of->r, of->code));
}

static void show_faults(Visitor *v, void *opaque, Error **errp)
{
    FaultsOf *of = opaque;

    for (of->code = NVIO_FAULT_NONE + 1; of->code < NVIO_FAULT_COUNT;
         of->code++) {
        if (nyx_vio_fault_count(of->vio, of->r, of->code)) {
            nyx_show_struct(v, NULL, show_fault_row, of, errp);
        }
    }
}

static void show_requester_caches(Visitor *v,
                                  const NyxVioRequesterStats *stats,
                                  Error **errp)
{
    nyx_show_u64(v, "lookups", stats->lookups);
    nyx_show_u64(v, "walks", stats->walks);
    nyx_show_u64(v, "walk-reads", stats->walk_reads);
    nyx_show_iotlb(v, "iotlb", &stats->iotlb, errp);
    nyx_show_iotlb(v, "paging-structure-cache", &stats->paging, errp);
}

static void show_requester(Visitor *v, void *opaque, Error **errp)
{
    NyxVioRequester *r = opaque;
    NyxVioRequesterStats stats = nyx_vio_requester_stats(r);
    FaultsOf of = { .vio = nyx_vio_requester_iommu(r), .r = r };

    nyx_show_sid(v, "sid", stats.sid);
    nyx_show_u64(v, "refused", stats.requests_refused);
    show_requester_caches(v, &stats, errp);
    nyx_show_list(v, "faults", show_faults, &of, errp);
}

/* Only those that have done something: every function has an entry. */
static void show_active_requester(NyxVioRequester *r, void *opaque)
{
    ShowList *list = opaque;
    NyxVioRequesterStats stats = nyx_vio_requester_stats(r);

    if (stats.iotlb.hits || stats.iotlb.misses || stats.requests_refused) {
        nyx_show_struct(list->v, NULL, show_requester, r, list->errp);
    }
}

static void show_requesters(Visitor *v, void *opaque, Error **errp)
{
    ShowList list = { v, errp };

    nyx_vio_foreach_requester(opaque, show_active_requester, &list);
}

static void show_requests(Visitor *v, void *opaque, Error **errp)
{
    static const char *const names[NVIO_T_COUNT] = {
        [NVIO_T_ATTACH] = "attach",
        [NVIO_T_DETACH] = "detach",
        [NVIO_T_MAP] = "map",
        [NVIO_T_UNMAP] = "unmap",
        [NVIO_T_PROBE] = "probe",
        [NVIO_T_ATTACH_TABLE] = "attach-table",
        [NVIO_T_INVALIDATE] = "invalidate",
        [NVIO_T_PAGE_RESP] = "page-response",
    };
    const NyxVioStats *stats = opaque;

    for (unsigned i = 0; i < NVIO_T_COUNT; i++) {
        nyx_show_u64(v, names[i] ? names[i] : "unknown", stats->requests[i]);
    }
    nyx_show_u64(v, "unanswered", stats->unanswered);
}

static void show_statuses(Visitor *v, void *opaque, Error **errp)
{
    static const char *const names[NVIO_S_COUNT] = {
        [NVIO_S_OK] = "ok",
        [NVIO_S_IOERR] = "ioerr",
        [NVIO_S_UNSUPP] = "unsupp",
        [NVIO_S_DEVERR] = "deverr",
        [NVIO_S_INVAL] = "inval",
        [NVIO_S_RANGE] = "range",
        [NVIO_S_NOENT] = "noent",
        [NVIO_S_FAULT] = "fault",
        [NVIO_S_NOMEM] = "nomem",
    };
    const NyxVioStats *stats = opaque;

    for (unsigned i = 0; i < NVIO_S_COUNT; i++) {
        nyx_show_u64(v, names[i], stats->statuses[i]);
    }
}

static void show_events(Visitor *v, void *opaque, Error **errp)
{
    const NyxVioStats *stats = opaque;

    nyx_show_u64(v, "unknown", stats->events[NVIO_EVENT_R_UNKNOWN]);
    nyx_show_u64(v, "domain", stats->events[NVIO_EVENT_R_DOMAIN]);
    nyx_show_u64(v, "mapping", stats->events[NVIO_EVENT_R_MAPPING]);
    nyx_show_u64(v, "lost", stats->events_lost);
    nyx_show_u64(v, "short", stats->events_short);
}

static void show_pages(Visitor *v, void *opaque, Error **errp)
{
    const NyxVioStats *stats = opaque;

    nyx_show_u64(v, "sent", stats->page_requests);
    nyx_show_u64(v, "refused", stats->page_requests_refused);
    nyx_show_u64(v, "responses", stats->page_responses);
}

/* To consumers of mappings, such as vfio-pci. */
static void show_announced(Visitor *v, void *opaque, Error **errp)
{
    const NyxVioStats *stats = opaque;

    nyx_show_u64(v, "maps", stats->map_events);
    nyx_show_u64(v, "unmaps", stats->unmap_events);
    nyx_show_u64(v, "sets", stats->shadows);
    nyx_show_u64(v, "mappings", stats->shadow_blocks);
}

static void add_requester(NyxVioRequester *r, void *opaque)
{
    NyxVioRequesterStats *sum = opaque;
    NyxVioRequesterStats stats = nyx_vio_requester_stats(r);

    sum->lookups += stats.lookups;
    sum->walks += stats.walks;
    sum->walk_reads += stats.walk_reads;
    nyx_iotlb_stats_add(&sum->iotlb, &stats.iotlb);
    nyx_iotlb_stats_add(&sum->paging, &stats.paging);
}

static void show_stats(Visitor *v, void *opaque, Error **errp)
{
    NyxVio *vio = opaque;
    NyxVioStats stats = nyx_vio_stats(vio);
    NyxVioRequesterStats sum = { };
    FaultsOf of = { .vio = vio };

    nyx_vio_foreach_requester(vio, add_requester, &sum);
    nyx_show_struct(v, "requests", show_requests, &stats, errp);
    nyx_show_struct(v, "statuses", show_statuses, &stats, errp);
    nyx_show_struct(v, "events", show_events, &stats, errp);
    nyx_show_u64(v, "domains", stats.domains);
    nyx_show_u64(v, "endpoints", stats.endpoints);
    nyx_show_u64(v, "mappings", stats.mappings);
    nyx_show_u64(v, "mapping-runs", stats.mapping_runs);
    nyx_show_u64(v, "mapping-bytes", stats.mapping_bytes);
    show_requester_caches(v, &sum, errp);
    nyx_show_struct(v, "announced", show_announced, &stats, errp);
    nyx_show_struct(v, "page-requests", show_pages, &stats, errp);
    nyx_show_list(v, "faults", show_faults, &of, errp);
    nyx_show_list(v, "requesters", show_requesters, vio, errp);
}

/* --- Configuration -------------------------------------------------------- */

static void show_region(Visitor *v, void *opaque, Error **errp)
{
    const NyxVioRegion *region = opaque;

    nyx_show_hex(v, "first", region->first);
    nyx_show_hex(v, "last", region->last);
    nyx_show_string(v, "type", region->subtype == NVIO_RESV_MEM_MSI
                               ? "msi" : "reserved");
}

static void show_regions(Visitor *v, void *opaque, Error **errp)
{
    const NyxVioCfg *cfg = opaque;

    for (unsigned i = 0; i < cfg->n_regions; i++) {
        nyx_show_struct(v, NULL, show_region, (void *)&cfg->regions[i], errp);
    }
}

/* What the driver reads, and what it has accepted. */
static void show_config(Visitor *v, void *opaque, Error **errp)
{
    NyxVioState *s = opaque;
    const NyxVioCfg *cfg = nyx_vio_cfg(s->engine);
    uint8_t config[NVIO_CFG_SIZE];

    nyx_vio_config_read(s->engine, config);
    nyx_show_hex(v, "page-size-mask",
                 ldq_le_p(config + NVIO_CFG_PAGE_SIZE_MASK));
    nyx_show_hex(v, "input-range-end",
                 ldq_le_p(config + NVIO_CFG_INPUT_END));
    nyx_show_hex(v, "domain-range-end",
                 (uint32_t)ldl_le_p(config + NVIO_CFG_DOMAIN_END));
    nyx_show_u64(v, "probe-size", ldl_le_p(config + NVIO_CFG_PROBE_SIZE));
    nyx_show_u64(v, "bypass", config[NVIO_CFG_BYPASS]);
    nyx_show_hex(v, "features-offered", nyx_vio_features(s->engine));
    nyx_show_hex(v, "features",
                 VIRTIO_DEVICE(s)->guest_features);
    nyx_show_u64(v, "driver-ok", s->driver_ok);
    nyx_show_list(v, "reserved-regions", show_regions, (void *)cfg, errp);
}

/* --- Domains -------------------------------------------------------------- */

typedef struct ShowDomains {
    Visitor *v;
    Error **errp;
    NyxVio *vio;
    const NyxVioDomainInfo *domain;
    unsigned domains;        /* room that is left */
    unsigned runs;
    bool complete;
} ShowDomains;

static void show_run(Visitor *v, void *opaque, Error **errp)
{
    static const char *const access[] = { "", "r", "w", "rw" };
    const NyxVioRun *run = opaque;

    nyx_show_hex(v, "iova", run->first);
    nyx_show_hex(v, "last", run->last);
    nyx_show_hex(v, "addr", run->addr);
    nyx_show_string(v, "access", access[run->flags & (NVIO_MAP_F_READ |
                                                      NVIO_MAP_F_WRITE)]);
    nyx_show_u64(v, "mmio", !!(run->flags & NVIO_MAP_F_MMIO));
    nyx_show_u64(v, "count", nyx_vio_run_count(run));
}

static bool show_one_run(void *opaque, const NyxVioRun *run)
{
    ShowDomains *show = opaque;

    if (!show->runs) {
        show->complete = false;
        return false;
    }
    show->runs--;
    nyx_show_struct(show->v, NULL, show_run, (void *)run, show->errp);
    return true;
}

static void show_runs(Visitor *v, void *opaque, Error **errp)
{
    ShowDomains *show = opaque;

    nyx_vio_foreach_run(show->vio, show->domain->id, show_one_run, show);
}

static void show_table(Visitor *v, void *opaque, Error **errp)
{
    const NyxVioSavedTable *table = opaque;

    if (table->flags & NVIO_TABLE_F_PASID) {
        nyx_show_u64(v, "pasid", table->pasid);
    }
    nyx_show_hex(v, "format", table->format);
    nyx_show_hex(v, "flags", table->format_flags);
    nyx_show_u64(v, "levels", table->levels);
    nyx_show_hex(v, "root", table->root);
}

static bool show_one_table(void *opaque, const NyxVioSavedTable *table)
{
    ShowDomains *show = opaque;

    if (!show->runs) {
        show->complete = false;
        return false;
    }
    show->runs--;
    nyx_show_struct(show->v, NULL, show_table, (void *)table, show->errp);
    return true;
}

static void show_tables(Visitor *v, void *opaque, Error **errp)
{
    ShowDomains *show = opaque;

    nyx_vio_foreach_table(show->vio, show->domain->id, show_one_table, show);
}

static void show_endpoints(Visitor *v, void *opaque, Error **errp)
{
    const ShowDomains *show = opaque;

    for (unsigned i = 0; i < show->domain->n_endpoints; i++) {
        nyx_show_sid(v, NULL, show->domain->endpoints[i]);
    }
}

static void show_domain(Visitor *v, void *opaque, Error **errp)
{
    static const char *const kinds[] = {
        [NYX_VIO_KIND_BYPASS] = "bypass",
        [NYX_VIO_KIND_MAPPINGS] = "mappings",
        [NYX_VIO_KIND_TABLES] = "tables",
    };
    ShowDomains *show = opaque;
    const NyxVioDomainInfo *domain = show->domain;

    nyx_show_u64(v, "id", domain->id);
    nyx_show_string(v, "kind", kinds[domain->kind]);
    nyx_show_list(v, "endpoints", show_endpoints, show, errp);
    nyx_show_u64(v, "count", domain->mappings);
    nyx_show_list(v, "mappings", show_runs, show, errp);
    if (nyx_vio_cfg(show->vio)->attach_table) {
        nyx_show_list(v, "tables", show_tables, show, errp);
    }
}

static void show_one_domain(const NyxVioDomainInfo *domain, void *opaque)
{
    ShowDomains *show = opaque;

    if (!show->domains) {
        show->complete = false;
        return;
    }
    show->domains--;
    show->domain = domain;
    nyx_show_struct(show->v, NULL, show_domain, show, show->errp);
}

static void show_all_domains(Visitor *v, void *opaque, Error **errp)
{
    ShowDomains *show = opaque;

    nyx_vio_foreach_domain(show->vio, show_one_domain, show);
}

static void show_domains(Visitor *v, void *opaque, Error **errp)
{
    ShowDomains show = {
        .v = v, .errp = errp, .vio = opaque, .domains = SHOW_DOMAINS,
        .runs = SHOW_RUNS, .complete = true,
    };

    nyx_show_list(v, "domains", show_all_domains, &show, errp);
    visit_type_bool(v, "complete", &show.complete, &error_abort);
}

/* --- Properties ----------------------------------------------------------- */

/* There is no engine before the device is realized: then there is nothing. */
#define GETTER(fn, show, what)                                              \
    static void fn(Object *obj, Visitor *v, const char *name,               \
                   void *opaque, Error **errp)                              \
    {                                                                       \
        NyxVioState *s = &NYX_VIO_PCI(obj)->vdev;                           \
                                                                            \
        if (s->engine) {                                                    \
            nyx_show_struct(v, name, show, what, errp);                     \
        }                                                                   \
    }

GETTER(get_stats, show_stats, s->engine)
GETTER(get_config, show_config, s)
GETTER(get_domains, show_domains, s->engine)

static void get_findings(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    NyxVio *vio = NYX_VIO_PCI(obj)->vdev.engine;

    if (vio) {
        nyx_show_findings(v, name, nyx_vio_findings(vio), errp);
    }
}

void nyx_vio_debug_class_init(ObjectClass *oc)
{
    static const NyxShowProperty rows[] = {
        { "stats", get_stats, "counters: requests, caches, faults" },
        { "config", get_config, "configuration space and features" },
        { "domains", get_domains, "domains, their endpoints and mappings" },
        { "guest-mistakes", get_findings, "findings: rules that the guest "
          "broke" },
    };

    nyx_show_properties(oc, rows, ARRAY_SIZE(rows));
}
