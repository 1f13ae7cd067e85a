/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains, and which endpoints are in them.
 *
 * What an endpoint's requests do follows from its word.  A change writes the
 * word first, then drops what was cached, so that a thread that saw the old
 * word finds that out when it looks again, or leaves what is stale already.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "hw/virtio-iommu-ext/internal.h"

void nyx_vio_domains_init(NyxVio *vio)
{
    vio->domains = g_hash_table_new(NULL, NULL);
    vio->slots = g_new0(NyxVioDomain *, NVIO_SIDS);
    vio->places = g_new0(uint16_t, NVIO_SIDS);
    vio->free_slots = g_array_new(FALSE, FALSE, sizeof(uint16_t));
    pthread_rwlockattr_init(&vio->lock_attr);
    /* Or misses of several threads could keep a request waiting for ever. */
    pthread_rwlockattr_setkind_np(&vio->lock_attr,
                                  PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
}

static void slot_free(NyxVio *vio, NyxVioDomain *domain)
{
    nyx_vio_tables_free(vio, domain);
    nyx_vio_mappings_clear(&domain->maps);
    g_array_free(domain->endpoints, TRUE);
    g_array_free(domain->regions, TRUE);
    pthread_rwlock_destroy(&domain->lock);
    g_free(domain);
}

void nyx_vio_domains_destroy(NyxVio *vio)
{
    for (unsigned i = 0; i < vio->n_slots; i++) {
        slot_free(vio, vio->slots[i]);
    }
    g_free(vio->slots);
    g_free(vio->places);
    g_array_free(vio->free_slots, TRUE);
    g_hash_table_unref(vio->domains);
    pthread_rwlockattr_destroy(&vio->lock_attr);
}

/* --- Domains -------------------------------------------------------------- */

NyxVioDomain *nyx_vio_domain_find(const NyxVio *vio, uint32_t id)
{
    return g_hash_table_lookup(vio->domains, GUINT_TO_POINTER(id));
}

NyxVioDomain *nyx_vio_domain_of(const NyxVio *vio, uint32_t endpoint)
{
    uint64_t word = endpoint < NVIO_SIDS ? nyx_vio_word(vio, endpoint) : 0;

    return nyx_vio_word_kind(word) == NYX_VIO_KIND_NONE
           ? NULL : nyx_vio_word_domain(vio, word);
}

static NyxVioDomain *slot_take(NyxVio *vio)
{
    NyxVioDomain *domain;
    uint16_t slot;

    if (vio->free_slots->len) {
        slot = g_array_index(vio->free_slots, uint16_t,
                             vio->free_slots->len - 1);
        g_array_set_size(vio->free_slots, vio->free_slots->len - 1);
        return vio->slots[slot];
    }
    domain = g_new0(NyxVioDomain, 1);
    domain->slot = vio->n_slots;
    domain->endpoints = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    domain->regions = g_array_new(FALSE, FALSE, sizeof(NyxVioRegion));
    pthread_rwlock_init(&domain->lock, &vio->lock_attr);
    nyx_vio_mappings_init(&domain->maps);
    qatomic_store_release(&vio->slots[vio->n_slots], domain);
    vio->n_slots++;
    return domain;
}

NyxVioDomain *nyx_vio_domain_new(NyxVio *vio, uint32_t id, NyxVioKind kind,
                                 uint32_t first)
{
    const NyxVioDomain *old = nyx_vio_domain_of(vio, first);
    unsigned ends = old && old->endpoints->len == 1;
    NyxVioDomain *domain;

    if (g_hash_table_size(vio->domains) - ends >= vio->cfg.max_domains) {
        return NULL;
    }
    domain = slot_take(vio);
    domain->id = id;
    domain->kind = kind;
    g_hash_table_insert(vio->domains, GUINT_TO_POINTER(id), domain);
    return domain;
}

/* Nobody is in it any more. */
static void domain_end(NyxVio *vio, NyxVioDomain *domain)
{
    g_hash_table_remove(vio->domains, GUINT_TO_POINTER(domain->id));
    vio->mappings -= domain->maps.count;
    pthread_rwlock_wrlock(&domain->lock);
    domain->kind = NYX_VIO_KIND_NONE;
    nyx_vio_mappings_clear(&domain->maps);
    nyx_vio_tables_free(vio, domain);
    pthread_rwlock_unlock(&domain->lock);
    if (nyx_tags_drop_domain(&vio->tags, domain->slot)) {
        nyx_vio_clear_tlbs(vio);
    }
    g_array_set_size(domain->regions, 0);
    g_array_append_val(vio->free_slots, domain->slot);
}

/* --- Reserved regions ----------------------------------------------------- */

static void regions_add(NyxVio *vio, NyxVioDomain *domain, uint32_t endpoint)
{
    NyxVioRegion own[NVIO_REGIONS_MAX];
    unsigned n = nyx_vio_own_regions(vio, endpoint, own);

    g_array_append_vals(domain->regions, own, n);
}

static void regions_update(NyxVio *vio, NyxVioDomain *domain)
{
    g_array_set_size(domain->regions, 0);
    for (unsigned i = 0; i < domain->endpoints->len; i++) {
        regions_add(vio, domain,
                    g_array_index(domain->endpoints, uint32_t, i));
    }
    nyx_vio_regions_join(domain->regions);
}

bool nyx_vio_domain_suits(NyxVio *vio, const NyxVioDomain *domain,
                          uint32_t endpoint)
{
    NyxVioRegion regions[NVIO_REGIONS_MAX];
    unsigned n = nyx_vio_own_regions(vio, endpoint, regions);

    for (unsigned i = 0; i < n; i++) {
        if (nyx_vio_mappings_overlaps(&domain->maps, regions[i].first,
                                      regions[i].last)) {
            return false;
        }
    }
    return true;
}

/* --- What is told when something changes ---------------------------------- */

typedef bool RequesterMatch(const NyxVio *vio, uint16_t sid,
                            const void *opaque);

/* What is dropped of the copies that others keep, and of whose. */
typedef struct Drop {
    uint64_t first;
    uint64_t last;
    uint32_t pasid;          /* if has_pasid */
    bool has_pasid;
    bool watched;            /* those of NyxVioRequester.notify */
    bool device_tlbs;
} Drop;

static const Drop everything = {
    .last = UINT64_MAX, .watched = true, .device_tlbs = true,
};

static bool concerns(const NyxVioRequester *r, const Drop *drop)
{
    return (drop->watched && r->notify) ||
           (drop->device_tlbs && qatomic_read(&r->has_device_tlb));
}

static void tell_block(NyxVioRequester *r, uint16_t sid, const Drop *drop,
                       uint64_t first, uint8_t lg2)
{
    const NyxVioHost *host = &r->vio->host;

    if (drop->watched && r->notify) {
        host->unmapped(host->opaque, r, first, lg2);
    }
    if (drop->device_tlbs && qatomic_read(&r->has_device_tlb)) {
        const NyxVioDeviceTlb inv = {
            .addr = first, .sid = sid, .lg2 = lg2,
            .has_pasid = drop->has_pasid, .pasid = drop->pasid,
        };

        host->device_tlb(host->opaque, &inv);
    }
}

/* The range in aligned powers of two. */
static void tell(NyxVioRequester *r, uint16_t sid, const Drop *drop)
{
    uint64_t first = drop->first;

    for (;;) {
        unsigned lg2 = nyx_vio_piece_lg2(first, drop->last);
        uint64_t end = lg2 == 64 ? UINT64_MAX
                                 : first + (BIT_ULL(lg2) - 1);

        tell_block(r, sid, drop, first, lg2);
        if (end == drop->last) {
            return;
        }
        first = end + 1;
    }
}

/*
 * Those who keep copies of their own drop them.  Whoever asks for a copy says
 * so before he looks at the word (set_word() is the barrier here).
 */
static void notify(NyxVio *vio, RequesterMatch *match, const void *opaque,
                   const Drop *drop)
{
    for (unsigned i = 0; i < vio->requesters->len; i++) {
        NyxVioRequester *r = g_ptr_array_index(vio->requesters, i);
        uint16_t sid;

        if (concerns(r, drop) &&
            vio->host.sid(vio->host.opaque, r, &sid) &&
            match(vio, sid, opaque)) {
            tell(r, sid, drop);
        }
    }
}

static bool in_domain(const NyxVio *vio, uint16_t sid, const void *opaque)
{
    return nyx_vio_domain_of(vio, sid) == opaque;
}

static bool is_sid(const NyxVio *vio, uint16_t sid, const void *opaque)
{
    return sid == *(const uint32_t *)opaque;
}

static bool is_any(const NyxVio *vio, uint16_t sid, const void *opaque)
{
    return true;
}

void nyx_vio_changed_all(NyxVio *vio)
{
    nyx_vio_announce_mode(vio);
    vio->host.mode_changed(vio->host.opaque);
    notify(vio, is_any, NULL, &everything);
}

void nyx_vio_requesters_moved(NyxVio *vio)
{
    for (unsigned i = 0; i < vio->n_slots; i++) {
        if (vio->slots[i]->kind != NYX_VIO_KIND_NONE) {
            regions_update(vio, vio->slots[i]);
        }
    }
    nyx_vio_changed_all(vio);
}

static void changed(NyxVio *vio, uint32_t endpoint)
{
    nyx_vio_announce_endpoint(vio, endpoint);
    vio->host.endpoint_changed(vio->host.opaque, endpoint);
    notify(vio, is_sid, &endpoint, &everything);
}

void nyx_vio_clear_tlbs(NyxVio *vio)
{
    for (unsigned i = 0; i < vio->requesters->len; i++) {
        NyxVioRequester *r = g_ptr_array_index(vio->requesters, i);

        nyx_tlbs_clear(&r->tlbs);
    }
}

void nyx_vio_domain_flush(NyxVio *vio, const NyxVioDomain *domain,
                          NyxAsid asid, uint64_t first, uint64_t last,
                          bool leaf_only)
{
    nyx_tags_pages(&vio->tags);
    for (unsigned i = 0; i < vio->requesters->len; i++) {
        NyxVioRequester *r = g_ptr_array_index(vio->requesters, i);

        nyx_tlbs_drop_pages(&r->tlbs, &vio->tags, asid, first, last,
                            leaf_only);
    }
    /* Who watches asks without a PASID. */
    if (!(asid & NYX_ASID_HAS_PASID)) {
        notify(vio, in_domain, domain, &(Drop) {
            .first = first, .last = last, .watched = true,
        });
    }
}

void nyx_vio_domain_flush_all(NyxVio *vio, const NyxVioDomain *domain)
{
    if (nyx_tags_drop_domain(&vio->tags, domain->slot)) {
        nyx_vio_clear_tlbs(vio);
    }
    notify(vio, in_domain, domain, &(Drop) {
        .last = UINT64_MAX, .watched = true,
    });
}

void nyx_vio_domain_flush_devices(NyxVio *vio, const NyxVioDomain *domain,
                                  bool has_pasid, uint32_t pasid,
                                  uint64_t first, uint64_t last)
{
    notify(vio, in_domain, domain, &(Drop) {
        .first = first, .last = last, .device_tlbs = true,
        .has_pasid = has_pasid, .pasid = pasid,
    });
}

/* What is kept of all PASIDs of a domain, by those that @match. */
static void drop_pasids(NyxVio *vio, const NyxVioDomain *domain,
                        RequesterMatch *match, const void *opaque)
{
    g_autofree uint32_t *pasids = NULL;
    unsigned n = nyx_vio_tables_pasids(domain, &pasids);

    for (unsigned i = 0; n && i < vio->requesters->len; i++) {
        NyxVioRequester *r = g_ptr_array_index(vio->requesters, i);
        Drop drop = {
            .last = UINT64_MAX, .device_tlbs = true, .has_pasid = true,
        };
        uint16_t sid;

        if (!concerns(r, &drop) ||
            !vio->host.sid(vio->host.opaque, r, &sid) ||
            !match(vio, sid, opaque)) {
            continue;
        }
        for (unsigned j = 0; j < n; j++) {
            drop.pasid = pasids[j];
            tell(r, sid, &drop);
        }
        vio->pasids_told += n;
    }
}

void nyx_vio_domain_flush_device_pasids(NyxVio *vio,
                                        const NyxVioDomain *domain)
{
    drop_pasids(vio, domain, in_domain, domain);
}

/* An endpoint has left: the domain's PASIDs mean nothing any more. */
static void drop_pasids_of(NyxVio *vio, const NyxVioDomain *domain,
                           uint32_t endpoint)
{
    drop_pasids(vio, domain, is_sid, &endpoint);
}

/* --- Endpoints ------------------------------------------------------------ */

static void set_word(NyxVio *vio, uint32_t endpoint,
                     const NyxVioDomain *domain)
{
    uint64_t word = 0;

    if (domain) {
        word = FIELD_DP64(word, NYX_VIOW, KIND, domain->kind);
        word = FIELD_DP64(word, NYX_VIOW, SLOT, domain->slot);
    }
    qatomic_xchg(&vio->words[endpoint], word);
}

static void add_endpoint(NyxVio *vio, NyxVioDomain *domain,
                         uint32_t endpoint)
{
    vio->places[endpoint] = domain->endpoints->len;
    g_array_append_val(domain->endpoints, endpoint);
}

static void remove_endpoint(NyxVio *vio, NyxVioDomain *domain,
                            uint32_t endpoint)
{
    unsigned place = vio->places[endpoint], last = domain->endpoints->len - 1;

    /* The last one takes its place. */
    vio->places[g_array_index(domain->endpoints, uint32_t, last)] = place;
    g_array_remove_index_fast(domain->endpoints, place);
}

/* An endpoint has left. */
static void left(NyxVio *vio, NyxVioDomain *domain)
{
    if (!domain->endpoints->len) {
        domain_end(vio, domain);
    } else if (domain->regions->len) {
        regions_update(vio, domain);
    }
}

void nyx_vio_domain_join(NyxVio *vio, NyxVioDomain *domain, uint32_t endpoint)
{
    NyxVioDomain *old = nyx_vio_domain_of(vio, endpoint);

    if (old) {
        remove_endpoint(vio, old, endpoint);
    }
    add_endpoint(vio, domain, endpoint);
    regions_add(vio, domain, endpoint);
    nyx_vio_regions_join(domain->regions);
    set_word(vio, endpoint, domain);
    changed(vio, endpoint);
    if (old) {
        drop_pasids_of(vio, old, endpoint);
        left(vio, old);
    }
}

void nyx_vio_domain_fill(NyxVio *vio, NyxVioDomain *domain,
                         const uint32_t *endpoints, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        add_endpoint(vio, domain, endpoints[i]);
    }
    regions_update(vio, domain);
    for (unsigned i = 0; i < n; i++) {
        set_word(vio, endpoints[i], domain);
    }
}

void nyx_vio_domain_leave(NyxVio *vio, NyxVioDomain *domain,
                          uint32_t endpoint)
{
    set_word(vio, endpoint, NULL);
    changed(vio, endpoint);
    drop_pasids_of(vio, domain, endpoint);
    remove_endpoint(vio, domain, endpoint);
    left(vio, domain);
}

void nyx_vio_domains_clear(NyxVio *vio)
{
    bool any = g_hash_table_size(vio->domains);

    for (unsigned i = 0; i < vio->n_slots; i++) {
        NyxVioDomain *domain = vio->slots[i];

        for (unsigned j = 0; j < domain->endpoints->len; j++) {
            set_word(vio, g_array_index(domain->endpoints, uint32_t, j),
                     NULL);
        }
    }
    if (any) {
        nyx_vio_changed_all(vio);
    }
    for (unsigned i = 0; i < vio->n_slots; i++) {
        NyxVioDomain *domain = vio->slots[i];

        for (unsigned j = 0; j < domain->endpoints->len; j++) {
            drop_pasids_of(vio, domain,
                           g_array_index(domain->endpoints, uint32_t, j));
        }
        if (domain->endpoints->len) {
            g_array_set_size(domain->endpoints, 0);
            domain_end(vio, domain);
        }
    }
}

/* --- Dumps ---------------------------------------------------------------- */

void nyx_vio_foreach_domain(NyxVio *vio, NyxVioDomainVisit *visit,
                            void *opaque)
{
    for (unsigned i = 0; i < vio->n_slots; i++) {
        const NyxVioDomain *domain = vio->slots[i];

        if (domain->kind != NYX_VIO_KIND_NONE) {
            const NyxVioDomainInfo info = {
                .id = domain->id,
                .kind = domain->kind,
                .endpoints = (const uint32_t *)domain->endpoints->data,
                .n_endpoints = domain->endpoints->len,
                .mappings = domain->maps.count,
                .runs = domain->maps.runs,
            };

            visit(&info, opaque);
        }
    }
}

void nyx_vio_foreach_run(NyxVio *vio, uint32_t id, NyxVioRunVisit *visit,
                         void *opaque)
{
    const NyxVioDomain *domain = nyx_vio_domain_find(vio, id);

    if (domain) {
        nyx_vio_mappings_foreach(&domain->maps, 0, UINT64_MAX, visit, opaque);
    }
}
