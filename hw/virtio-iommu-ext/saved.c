/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state that migrates, and whether a saved one is one that a device with
 * our options can have come to, whatever its driver did.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/virtio-iommu-ext/internal.h"

/* --- Saving --------------------------------------------------------------- */

static void save_options(const NyxVio *vio, NyxVioSaved *saved)
{
    const NyxVioCfg *cfg = &vio->cfg;

    saved->features = nyx_vio_features(vio);
    saved->page_size_mask = cfg->page_size_mask;
    saved->input_bits = cfg->input_bits;
    saved->addr_bits = cfg->attach_table ? cfg->addr_bits : 0;
    saved->pasid_bits = cfg->pasid ? cfg->pasid_bits : 0;
    saved->n_regions = cfg->n_regions;
    for (unsigned i = 0; i < cfg->n_regions; i++) {
        saved->regions[i] = cfg->regions[i];
    }
}

static bool save_run(void *opaque, const NyxVioRun *run)
{
    NyxVioSaved *saved = opaque;

    saved->runs[saved->n_runs++] = *run;
    return true;
}

static void save_domain(NyxVio *vio, const NyxVioDomain *domain,
                        NyxVioSaved *saved)
{
    uint32_t before = saved->n_runs;

    for (unsigned i = 0; i < domain->endpoints->len; i++) {
        uint32_t id = g_array_index(domain->endpoints, uint32_t, i);
        bool there = nyx_vio_endpoint_exists(vio, id);

        saved->endpoints[saved->n_endpoints++] =
            id | (there ? NVIO_SAVED_THERE : 0);
    }
    nyx_vio_mappings_foreach(&domain->maps, 0, UINT64_MAX, save_run, saved);
    saved->n_tables += nyx_vio_tables_save(domain,
                                           saved->tables + saved->n_tables);
    saved->domains[saved->n_domains++] = (NyxVioSavedDomain) {
        .id = domain->id,
        .kind = domain->kind,
        .endpoints = domain->endpoints->len,
        .runs = saved->n_runs - before,
    };
}

void nyx_vio_save(NyxVio *vio, NyxVioSaved *saved)
{
    NyxVioStats stats = nyx_vio_stats(vio);

    memset(saved, 0, sizeof(*saved));
    save_options(vio, saved);
    saved->bypass = qatomic_read(&vio->bypass);
    saved->domains = g_new0(NyxVioSavedDomain, stats.domains);
    saved->endpoints = g_new0(uint32_t, stats.endpoints);
    saved->runs = g_new0(NyxVioRun, stats.mapping_runs);
    saved->tables = g_new0(NyxVioSavedTable, vio->n_tables + 1);
    for (unsigned i = 0; i < vio->n_slots; i++) {
        if (vio->slots[i]->kind != NYX_VIO_KIND_NONE) {
            save_domain(vio, vio->slots[i], saved);
        }
    }
}

void nyx_vio_saved_clear(NyxVioSaved *saved)
{
    g_free(saved->domains);
    g_free(saved->endpoints);
    g_free(saved->tables);
    g_free(saved->runs);
    memset(saved, 0, sizeof(*saved));
}

/* --- Options -------------------------------------------------------------- */

static bool same_regions(const NyxVioSaved *a, const NyxVioSaved *b)
{
    if (a->n_regions != b->n_regions) {
        return false;
    }
    for (unsigned i = 0; i < a->n_regions; i++) {
        const NyxVioRegion *left = &a->regions[i], *right = &b->regions[i];

        if (left->first != right->first || left->last != right->last ||
            left->subtype != right->subtype) {
            return false;
        }
    }
    return true;
}

/*
 * What a driver has read stays true.  Of page sizes, hosts may have taken
 * some away, which holds from now on.
 */
static const char *options_error(const NyxVio *vio, const NyxVioSaved *saved)
{
    NyxVioSaved own = { };

    save_options(vio, &own);
    if (saved->input_bits != own.input_bits) {
        return "aw-bits differs: give both sides the same";
    }
    if (saved->features != own.features) {
        return "the drafts differ: give both sides the same x-attach-table, "
               "x-pasid and x-page-requests";
    }
    if (saved->pasid_bits != own.pasid_bits) {
        return "x-pasid-bits differs: give both sides the same";
    }
    if (saved->addr_bits != own.addr_bits) {
        return "addresses in tables of the guest have another width: give "
               "both sides the same CPU model";
    }
    if (!same_regions(saved, &own)) {
        return "reserved-regions differs: give both sides the same";
    }
    if (!saved->page_size_mask ||
        saved->page_size_mask & ~own.page_size_mask) {
        return "page sizes are missing that the guest was offered: give "
               "both sides the same granule, and hosts that have it";
    }
    return NULL;
}

/* --- Domains -------------------------------------------------------------- */

#define IMPOSSIBLE "values that the device cannot have"

/* What is to come of the arrays, while domains are gone through. */
typedef struct Rest {
    const uint32_t *endpoints;
    const NyxVioRun *runs;
    uint32_t n_endpoints;
    uint32_t n_runs;
    uint64_t mappings;       /* that have been seen */
    GHashTable *domains;     /* ids seen */
    bool *seen;              /* endpoints */
} Rest;

static bool endpoint_ok(Rest *rest, uint32_t endpoint)
{
    endpoint &= ~NVIO_SAVED_THERE;
    if (endpoint >= NVIO_SIDS || rest->seen[endpoint]) {
        return false;
    }
    rest->seen[endpoint] = true;
    return true;
}

/*
 * As MAP has it.  The end is aligned because the units are; that runs do not
 * overlap is seen when they are added.
 */
static bool run_ok(const NyxVio *vio, const NyxVioSaved *saved,
                   const NyxVioRun *run)
{
    uint64_t granule = (saved->page_size_mask & -saved->page_size_mask) - 1;
    uint64_t more = run->last - run->first;
    const uint32_t flags = NVIO_MAP_F_READ | NVIO_MAP_F_WRITE |
                           NVIO_MAP_F_MMIO;

    if (run->last <= run->first || run->flags & ~flags ||
        (run->first | run->addr | run->unit) & granule ||
        run->last > nyx_vio_input_last(&vio->cfg) ||
        run->addr + more < run->addr) {
        return false;
    }
    return run->unit ? more % run->unit == run->unit - 1
                     : more == UINT64_MAX;
}

static bool domain_ok(const NyxVio *vio, const NyxVioSaved *saved,
                      const NyxVioSavedDomain *domain, Rest *rest)
{
    bool maps = domain->kind == NYX_VIO_KIND_MAPPINGS;
    bool tables = domain->kind == NYX_VIO_KIND_TABLES;

    if ((!maps && !tables && domain->kind != NYX_VIO_KIND_BYPASS) ||
        !g_hash_table_add(rest->domains, GUINT_TO_POINTER(domain->id)) ||
        !domain->endpoints || domain->endpoints > rest->n_endpoints ||
        domain->runs > (maps ? rest->n_runs : 0)) {
        return false;
    }
    for (uint32_t i = 0; i < domain->endpoints; i++) {
        if (!endpoint_ok(rest, rest->endpoints[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < domain->runs; i++) {
        if (!run_ok(vio, saved, &rest->runs[i])) {
            return false;
        }
        rest->mappings += nyx_vio_run_count(&rest->runs[i]);
        if (rest->mappings > NVIO_MAPPINGS_MAX) {
            return false;
        }
    }
    rest->endpoints += domain->endpoints;
    rest->n_endpoints -= domain->endpoints;
    rest->runs += domain->runs;
    rest->n_runs -= domain->runs;
    return true;
}

static const char *domains_error(const NyxVio *vio, const NyxVioSaved *saved)
{
    g_autoptr(GHashTable) domains = g_hash_table_new(NULL, NULL);
    g_autofree bool *seen = g_new0(bool, NVIO_SIDS);
    Rest rest = {
        .endpoints = saved->endpoints,
        .runs = saved->runs,
        .n_endpoints = saved->n_endpoints,
        .n_runs = saved->n_runs,
        .domains = domains,
        .seen = seen,
    };

    if (saved->n_domains > vio->cfg.max_domains) {
        return "more domains than there may be: raise max-domains";
    }
    for (uint32_t i = 0; i < saved->n_domains; i++) {
        if (!domain_ok(vio, saved, &saved->domains[i], &rest)) {
            return IMPOSSIBLE;
        }
    }
    if (rest.n_endpoints || rest.n_runs) {
        return IMPOSSIBLE;
    }
    return rest.mappings > vio->cfg.max_mappings
           ? "more mappings than there may be: raise max-mappings" : NULL;
}

/* Requests of one that is not behind the device here would be let through. */
static const char *endpoints_error(NyxVio *vio, const NyxVioSaved *saved)
{
    for (uint32_t i = 0; i < saved->n_endpoints; i++) {
        if (saved->endpoints[i] & NVIO_SAVED_THERE &&
            !nyx_vio_endpoint_exists(vio, saved->endpoints[i] &
                                          ~NVIO_SAVED_THERE)) {
            return "an endpoint of a domain is missing: give both sides the "
                   "same devices and the same endpoints";
        }
    }
    return NULL;
}

/* --- Loading -------------------------------------------------------------- */

static bool add_runs(NyxVio *vio, NyxVioDomain *domain, const NyxVioRun *runs,
                     uint32_t n)
{
    bool ok = true;

    pthread_rwlock_wrlock(&domain->lock);
    for (uint32_t i = 0; i < n && ok; i++) {
        ok = nyx_vio_mappings_add(&domain->maps, &runs[i]);
    }
    pthread_rwlock_unlock(&domain->lock);
    vio->mappings += domain->maps.count;
    return ok;
}

/* Those of the domain, from *@tables on. */
static bool load_tables(NyxVio *vio, NyxVioDomain *domain,
                        const NyxVioSavedTable **tables,
                        const NyxVioSavedTable *end)
{
    NyxVioTable own;

    while (*tables < end && (*tables)->domain == domain->id) {
        if (!nyx_vio_tables_load(vio, domain, (*tables)++)) {
            return false;
        }
    }
    return domain->kind != NYX_VIO_KIND_TABLES ||
           nyx_vio_tables_get(domain, false, 0, &own);
}

/* Whether nothing is mapped where nothing can be. */
static bool keeps_clear(NyxVio *vio, const NyxVioDomain *domain)
{
    for (unsigned i = 0; i < vio->cfg.n_regions; i++) {
        if (nyx_vio_mappings_overlaps(&domain->maps,
                                      vio->cfg.regions[i].first,
                                      vio->cfg.regions[i].last)) {
            return false;
        }
    }
    for (unsigned i = 0; i < domain->endpoints->len; i++) {
        if (!nyx_vio_domain_suits(vio, domain,
                                  g_array_index(domain->endpoints, uint32_t,
                                                i))) {
            return false;
        }
    }
    return true;
}

static void fill(NyxVio *vio, NyxVioDomain *domain, const uint32_t *saved,
                 uint32_t n)
{
    g_autofree uint32_t *ids = g_new(uint32_t, n);

    for (uint32_t i = 0; i < n; i++) {
        ids[i] = saved[i] & ~NVIO_SAVED_THERE;
    }
    nyx_vio_domain_fill(vio, domain, ids, n);
}

static const char *load_domain(NyxVio *vio, const NyxVioSavedDomain *saved,
                               const uint32_t *endpoints,
                               const NyxVioRun *runs,
                               const NyxVioSavedTable **tables,
                               const NyxVioSavedTable *end)
{
    NyxVioDomain *domain = nyx_vio_domain_new(vio, saved->id, saved->kind,
                                              endpoints[0] &
                                              ~NVIO_SAVED_THERE);
    bool ok = add_runs(vio, domain, runs, saved->runs) &&
              load_tables(vio, domain, tables, end);

    fill(vio, domain, endpoints, saved->endpoints);
    if (!ok) {
        return IMPOSSIBLE;
    }
    return keeps_clear(vio, domain) ? NULL
        : "mappings lie where an endpoint has a reserved region: give both "
          "sides the same reserved-regions and hosts";
}

static const char *load_domains(NyxVio *vio, const NyxVioSaved *saved)
{
    const uint32_t *endpoints = saved->endpoints;
    const NyxVioRun *runs = saved->runs;
    const NyxVioSavedTable *tables = saved->tables;
    const NyxVioSavedTable *end = tables + saved->n_tables;
    const char *error = NULL;

    for (uint32_t i = 0; i < saved->n_domains && !error; i++) {
        const NyxVioSavedDomain *domain = &saved->domains[i];

        error = load_domain(vio, domain, endpoints, runs, &tables, end);
        endpoints += domain->endpoints;
        runs += domain->runs;
    }
    /* In the order of the domains, or they are nobody's. */
    return error || tables == end ? error : IMPOSSIBLE;
}

/* Whatever was there is gone, and with the domains what is cached of them. */
static void start_anew(NyxVio *vio)
{
    nyx_vio_report_forget(vio, NULL);
    nyx_vio_pages_clear(vio);
    nyx_vio_domains_clear(vio);
}

const char *nyx_vio_load(NyxVio *vio, const NyxVioSaved *saved)
{
    const char *error = options_error(vio, saved);

    start_anew(vio);
    if (!error && saved->bypass > 1) {
        error = IMPOSSIBLE;
    }
    if (!error) {
        error = domains_error(vio, saved);
    }
    if (!error) {
        error = endpoints_error(vio, saved);
    }
    if (error) {
        return error;
    }
    vio->cfg.page_size_mask = saved->page_size_mask;
    qatomic_store_release(&vio->bypass, saved->bypass);
    error = load_domains(vio, saved);
    if (error) {
        start_anew(vio);
    }
    nyx_vio_changed_all(vio);
    return error;
}
