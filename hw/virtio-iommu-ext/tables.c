/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables of the guest (draft): ATTACH_TABLE gives them to a domain,
 * INVALIDATE drops what was cached of them, PROBE tells the formats.
 *
 * A domain of kind TABLES has a table of its own as long as it exists.  Any
 * domain can have tables for PASIDs besides, which come and go.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/virtio-iommu-ext/internal.h"

struct NyxVioTables {
    NyxVioTable own;
    GHashTable *pasids;      /* to NyxVioTable */
};

/* --- What a domain has ---------------------------------------------------- */

static NyxVioTables *tables_of(NyxVioDomain *domain)
{
    if (!domain->tables) {
        domain->tables = g_new0(NyxVioTables, 1);
        domain->tables->pasids = g_hash_table_new_full(NULL, NULL, NULL,
                                                       g_free);
    }
    return domain->tables;
}

void nyx_vio_tables_free(NyxVio *vio, NyxVioDomain *domain)
{
    NyxVioTables *tables = domain->tables;

    if (tables) {
        vio->n_tables -= g_hash_table_size(tables->pasids) +
                         (tables->own.fmt != NULL);
        g_hash_table_unref(tables->pasids);
        g_free(tables);
        domain->tables = NULL;
    }
}

static const NyxVioTable *find(const NyxVioDomain *domain, bool has_pasid,
                               uint32_t pasid)
{
    const NyxVioTables *tables = domain->tables;

    if (!tables) {
        return NULL;
    }
    if (has_pasid) {
        return g_hash_table_lookup(tables->pasids, GUINT_TO_POINTER(pasid));
    }
    return tables->own.fmt ? &tables->own : NULL;
}

bool nyx_vio_tables_get(const NyxVioDomain *domain, bool has_pasid,
                        uint32_t pasid, NyxVioTable *table)
{
    const NyxVioTable *found = find(domain, has_pasid, pasid);

    if (found) {
        *table = *found;
    }
    return found;
}

bool nyx_vio_tables_any(const NyxVioDomain *domain)
{
    return domain->tables && (domain->tables->own.fmt ||
                              g_hash_table_size(domain->tables->pasids));
}

unsigned nyx_vio_tables_pasids(const NyxVioDomain *domain, uint32_t **pasids)
{
    GHashTableIter iter;
    unsigned n = 0;
    gpointer key;

    if (!domain->tables || !g_hash_table_size(domain->tables->pasids)) {
        return 0;
    }
    *pasids = g_new(uint32_t, g_hash_table_size(domain->tables->pasids));
    g_hash_table_iter_init(&iter, domain->tables->pasids);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        (*pasids)[n++] = GPOINTER_TO_UINT(key);
    }
    return n;
}

bool nyx_vio_tables_announced(NyxVio *vio, const NyxVioDomain *domain,
                              NyxWalkCtx *ctx)
{
    NyxVioTable table;

    /* Only the formats of processes' tables know of privilege. */
    if (!nyx_vio_tables_get(domain, false, 0, &table) ||
        table.fmt->fmt->grant) {
        return false;
    }
    *ctx = nyx_vio_tables_ctx(vio, &table, false);
    return true;
}

/* --- ATTACH_TABLE --------------------------------------------------------- */

/* The request; what it says of the table is in @table if there is a format. */
typedef struct Attach {
    uint32_t domain;
    uint32_t endpoint;
    uint32_t flags;
    uint16_t format;
    uint32_t pasid;
    uint64_t root;
    uint64_t format_flags;
    uint8_t levels;
    bool has_pasid;
    NyxVioTable table;
} Attach;

static uint8_t refuse(NyxVio *vio, uint8_t status, const Attach *a,
                      uint64_t value)
{
    return nyx_vio_refuse_endpoint(vio, status, NVIO_RULE_TABLE_FORMAT,
                                   a->endpoint, value);
}

/* A table that is refused: the status, and the value that it is for. */
typedef struct Refused {
    uint8_t status;
    uint64_t value;
} Refused;

/* What is asked for, if a format has it: then the status is OK. */
static Refused describe(const NyxVio *vio, unsigned format, uint64_t flags,
                        unsigned levels, uint64_t root, NyxVioTable *table)
{
    const NyxVioFormat *fmt = nyx_vio_format(format);

    if (!fmt) {
        return (Refused) { NVIO_S_UNSUPP, format };
    }
    if (flags & ~nyx_vio_format_flags(fmt)) {
        return (Refused) { NVIO_S_INVAL, flags };
    }
    if (levels < fmt->min_levels || levels > fmt->max_levels) {
        return (Refused) { NVIO_S_INVAL, levels };
    }
    if (root & ~MAKE_64BIT_MASK(12, vio->cfg.addr_bits - 12)) {
        return (Refused) { NVIO_S_RANGE, root };
    }
    *table = (NyxVioTable) { fmt, root, flags, levels };
    return (Refused) { NVIO_S_OK };
}

static uint8_t check_table(NyxVio *vio, Attach *a)
{
    Refused refused = describe(vio, a->format, a->format_flags, a->levels,
                               a->root, &a->table);

    return refused.status == NVIO_S_OK
           ? NVIO_S_OK : refuse(vio, refused.status, a, refused.value);
}

static uint8_t check_pasid(NyxVio *vio, const Attach *a)
{
    if (!a->has_pasid) {
        return NVIO_S_OK;
    }
    if (!nyx_vio_has(vio, NVIO_F_PASID)) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL, NVIO_RULE_FEATURE,
                                       a->endpoint, a->flags);
    }
    if (a->pasid >> vio->cfg.pasid_bits) {
        return refuse(vio, NVIO_S_RANGE, a, a->pasid);
    }
    return NVIO_S_OK;
}

static uint8_t check_request(NyxVio *vio, Attach *a)
{
    uint8_t status;

    if (a->flags & ~NVIO_TABLE_F_PASID) {
        return refuse(vio, NVIO_S_INVAL, a, a->flags);
    }
    status = check_pasid(vio, a);
    if (status != NVIO_S_OK) {
        return status;
    }
    if (!nyx_vio_endpoint_exists(vio, a->endpoint)) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_NOENT, NVIO_RULE_ENDPOINT,
                                       a->endpoint, a->endpoint);
    }
    return a->has_pasid && a->format == NVIO_FMT_NONE ? NVIO_S_OK
                                                      : check_table(vio, a);
}

static bool same_table(const NyxVioTable *a, const NyxVioTable *b)
{
    return a->fmt == b->fmt && a->root == b->root && a->flags == b->flags &&
           a->levels == b->levels;
}

/* Of a domain that is new. */
static void set_own(NyxVio *vio, NyxVioDomain *domain,
                    const NyxVioTable *table)
{
    tables_of(domain)->own = *table;
    vio->n_tables++;
}

/* Requests of the endpoint go by the table from now on. */
static uint8_t attach_own(NyxVio *vio, const Attach *a)
{
    NyxVioDomain *domain = nyx_vio_domain_find(vio, a->domain);
    const NyxVioTable *own = domain ? find(domain, false, 0) : NULL;

    if (domain && !(own && same_table(own, &a->table))) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL,
                                       NVIO_RULE_ATTACH_KIND, a->endpoint,
                                       a->domain);
    }
    if (domain && nyx_vio_domain_of(vio, a->endpoint) == domain) {
        return NVIO_S_OK;
    }
    if (!domain) {
        domain = vio->n_tables < NVIO_SAVED_TABLES_MAX
                 ? nyx_vio_domain_new(vio, a->domain, NYX_VIO_KIND_TABLES,
                                      a->endpoint)
                 : NULL;
        if (!domain) {
            return nyx_vio_refuse_endpoint(vio, NVIO_S_NOMEM, NVIO_RULE_LIMIT,
                                           a->endpoint, a->domain);
        }
        set_own(vio, domain, &a->table);
    }
    nyx_vio_domain_join(vio, domain, a->endpoint);
    return NVIO_S_OK;
}

static void drop_pasid(NyxVio *vio, const NyxVioDomain *domain,
                       uint32_t pasid)
{
    if (nyx_tags_drop_pasid(&vio->tags,
                            NYX_ASID_PASID(domain->slot, pasid))) {
        nyx_vio_clear_tlbs(vio);
    }
}

/* The table of a PASID is @table, or there is none any more. */
static void set_pasid(NyxVio *vio, NyxVioDomain *domain, uint32_t pasid,
                      const NyxVioTable *table)
{
    gpointer key = GUINT_TO_POINTER(pasid);
    NyxVioTables *tables;

    pthread_rwlock_wrlock(&domain->lock);
    tables = tables_of(domain);
    vio->n_tables -= g_hash_table_size(tables->pasids);
    if (table->fmt) {
        g_hash_table_insert(tables->pasids, key,
                            g_memdup2(table, sizeof(*table)));
    } else {
        g_hash_table_remove(tables->pasids, key);
    }
    vio->n_tables += g_hash_table_size(tables->pasids);
    pthread_rwlock_unlock(&domain->lock);
}

static uint8_t attach_pasid(NyxVio *vio, const Attach *a)
{
    NyxVioDomain *domain = nyx_vio_domain_of(vio, a->endpoint);
    const NyxVioTable *now;

    if (!domain || domain->id != a->domain) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL,
                                       NVIO_RULE_TABLE_DOMAIN, a->endpoint,
                                       a->domain);
    }
    now = find(domain, true, a->pasid);
    if (!now && !a->table.fmt) {
        return refuse(vio, NVIO_S_NOENT, a, a->pasid);
    }
    if (!now && vio->n_tables >= NVIO_SAVED_TABLES_MAX) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_NOMEM, NVIO_RULE_LIMIT,
                                       a->endpoint, a->pasid);
    }
    if (now && same_table(now, &a->table)) {
        return NVIO_S_OK;
    }
    set_pasid(vio, domain, a->pasid, &a->table);
    if (now) {
        /* As with DETACH, nothing is left of what was there. */
        drop_pasid(vio, domain, a->pasid);
        nyx_vio_domain_flush_devices(vio, domain, true, a->pasid, 0,
                                     UINT64_MAX);
    }
    return NVIO_S_OK;
}

static Attach decode_attach(const NyxVioIn *in)
{
    uint32_t flags = ldl_le_p(in->bytes + NVIO_TABLE_FLAGS);

    return (Attach) {
        .domain = ldl_le_p(in->bytes + NVIO_TABLE_DOMAIN),
        .endpoint = ldl_le_p(in->bytes + NVIO_TABLE_ENDPOINT),
        .flags = flags,
        .format = lduw_le_p(in->bytes + NVIO_TABLE_FORMAT),
        .pasid = ldl_le_p(in->bytes + NVIO_TABLE_PASID),
        .root = ldq_le_p(in->bytes + NVIO_TABLE_ROOT),
        .format_flags = ldq_le_p(in->bytes + NVIO_TABLE_FORMAT_FLAGS),
        .levels = in->bytes[NVIO_TABLE_LEVELS],
        .has_pasid = flags & NVIO_TABLE_F_PASID,
    };
}

uint8_t nyx_vio_attach_table(NyxVio *vio, const NyxVioIn *in)
{
    Attach a = decode_attach(in);
    uint8_t status;

    if (!nyx_vio_all_zero(in->bytes + NVIO_TABLE_RESERVED1, 2) ||
        !nyx_vio_all_zero(in->bytes + NVIO_TABLE_RESERVED2,
                          NVIO_TABLE_SIZE - NVIO_TABLE_RESERVED2)) {
        status = nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL,
                                         NVIO_RULE_REQ_RESERVED, a.endpoint,
                                         a.domain);
    } else {
        status = check_request(vio, &a);
    }
    if (status == NVIO_S_OK) {
        status = a.has_pasid ? attach_pasid(vio, &a) : attach_own(vio, &a);
    }
    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_TABLE, .status = status, .endpoint = a.endpoint,
        .domain = a.domain, .a = a.format, .b = a.root, .c = a.pasid,
    });
    return status;
}

/* --- INVALIDATE ----------------------------------------------------------- */

typedef struct Invalidate {
    uint16_t scope;
    uint16_t caches;
    uint16_t flags;
    uint32_t domain;
    uint32_t pasid;
    uint64_t first;
    uint64_t pages;
    uint8_t shift;
    uint64_t last;           /* inclusive; with scope ADDRESS */
} Invalidate;

static uint8_t refuse_inv(NyxVio *vio, uint8_t status, uint64_t value)
{
    return nyx_vio_refuse(vio, status, NVIO_RULE_INVALIDATE, value);
}

/* Which flags each scope can have, and which caches have such a thing. */
typedef struct Scope {
    uint16_t scope;
    uint16_t flags;
    uint16_t wanted;         /* flags that it takes */
    uint16_t caches;
} Scope;

static const Scope scopes[] = {
    { NVIO_INV_S_DOMAIN, 0, 0,
      NVIO_INV_C_IOTLB | NVIO_INV_C_DEVICE | NVIO_INV_C_PASID },
    { NVIO_INV_S_PASID, NVIO_INV_F_PASID, NVIO_INV_F_PASID,
      NVIO_INV_C_IOTLB | NVIO_INV_C_DEVICE | NVIO_INV_C_PASID },
    { NVIO_INV_S_ADDRESS, NVIO_INV_F_PASID | NVIO_INV_F_LEAF, 0,
      NVIO_INV_C_IOTLB | NVIO_INV_C_DEVICE },
};

static uint8_t check_scope(NyxVio *vio, const Invalidate *inv)
{
    for (unsigned i = 0; i < ARRAY_SIZE(scopes); i++) {
        const Scope *s = &scopes[i];

        if (inv->scope != s->scope) {
            continue;
        }
        if ((inv->flags & ~s->flags) || (s->wanted & ~inv->flags)) {
            return refuse_inv(vio, NVIO_S_INVAL, inv->flags);
        }
        if (!inv->caches || (inv->caches & ~s->caches)) {
            return refuse_inv(vio, NVIO_S_INVAL, inv->caches);
        }
        return NVIO_S_OK;
    }
    /* None, several, or one that is not defined. */
    return refuse_inv(vio, NVIO_S_INVAL, inv->scope);
}

static uint8_t check_inv_pasid(NyxVio *vio, const Invalidate *inv)
{
    bool has_pasid = inv->flags & NVIO_INV_F_PASID;

    if ((has_pasid || (inv->caches & NVIO_INV_C_PASID)) &&
        !nyx_vio_has(vio, NVIO_F_PASID)) {
        return nyx_vio_refuse(vio, NVIO_S_INVAL, NVIO_RULE_FEATURE,
                              inv->flags);
    }
    if (has_pasid && inv->pasid >> vio->cfg.pasid_bits) {
        return refuse_inv(vio, NVIO_S_RANGE, inv->pasid);
    }
    return NVIO_S_OK;
}

/* [first, last] of the pages that are named. */
static uint8_t check_pages(NyxVio *vio, Invalidate *inv)
{
    uint64_t mask;

    if (inv->scope != NVIO_INV_S_ADDRESS) {
        return NVIO_S_OK;
    }
    if (inv->shift < 12 || inv->shift > 63) {
        return refuse_inv(vio, NVIO_S_RANGE, inv->shift);
    }
    mask = MAKE_64BIT_MASK(0, inv->shift);
    if (inv->first & mask) {
        return refuse_inv(vio, NVIO_S_RANGE, inv->first);
    }
    /* No pages at all would be 2^64 of them. */
    if (inv->pages - 1 > UINT64_MAX >> inv->shift) {
        return refuse_inv(vio, NVIO_S_RANGE, inv->pages);
    }
    inv->last = inv->first + (((inv->pages - 1) << inv->shift) | mask);
    if (inv->last < inv->first) {
        return refuse_inv(vio, NVIO_S_RANGE, inv->pages);
    }
    return NVIO_S_OK;
}

static uint8_t check_invalidate(NyxVio *vio, Invalidate *inv)
{
    uint8_t status = check_scope(vio, inv);

    if (status == NVIO_S_OK) {
        status = check_inv_pasid(vio, inv);
    }
    return status == NVIO_S_OK ? check_pages(vio, inv) : status;
}

/* What the model itself has cached, and what its consumers have. */
static void drop_iotlb(NyxVio *vio, const NyxVioDomain *domain,
                       const Invalidate *inv)
{
    bool has_pasid = inv->flags & NVIO_INV_F_PASID;

    if (inv->scope == NVIO_INV_S_PASID) {
        drop_pasid(vio, domain, inv->pasid);
        return;
    }
    if (inv->scope == NVIO_INV_S_DOMAIN) {
        nyx_vio_domain_flush_all(vio, domain);
    } else {
        nyx_vio_domain_flush(vio, domain,
                             has_pasid ? NYX_ASID_PASID(domain->slot,
                                                        inv->pasid)
                                       : NYX_ASID(domain->slot),
                             inv->first, inv->last,
                             inv->flags & NVIO_INV_F_LEAF);
    }
    if (!has_pasid && domain->kind == NYX_VIO_KIND_TABLES) {
        nyx_vio_announce_pages(vio, domain, inv->first, inv->last);
    }
}

/*
 * The PASID cache holds what ATTACH_TABLE gave, which drops it itself: there
 * is nothing to do for it.
 */
static uint8_t invalidate(NyxVio *vio, Invalidate *inv)
{
    NyxVioDomain *domain = nyx_vio_domain_find(vio, inv->domain);
    bool has_pasid = inv->flags & NVIO_INV_F_PASID;

    if (!domain) {
        return nyx_vio_refuse(vio, NVIO_S_NOENT, NVIO_RULE_DOMAIN,
                              inv->domain);
    }
    /* Of mappings, UNMAP drops what is cached. */
    if (has_pasid || inv->scope == NVIO_INV_S_DOMAIN
        ? !nyx_vio_tables_any(domain)
        : domain->kind != NYX_VIO_KIND_TABLES) {
        return nyx_vio_refuse(vio, NVIO_S_INVAL, NVIO_RULE_TABLE_DOMAIN,
                              inv->domain);
    }
    if (inv->scope != NVIO_INV_S_ADDRESS) {
        inv->first = 0;
        inv->last = UINT64_MAX;
    }
    if (inv->caches & NVIO_INV_C_IOTLB) {
        drop_iotlb(vio, domain, inv);
    }
    /* The IOTLB first, from which they would be filled again. */
    if (inv->caches & NVIO_INV_C_DEVICE) {
        nyx_vio_domain_flush_devices(vio, domain, has_pasid, inv->pasid,
                                     inv->first, inv->last);
        if (inv->scope == NVIO_INV_S_DOMAIN) {
            nyx_vio_domain_flush_device_pasids(vio, domain);
        }
    }
    return NVIO_S_OK;
}

static bool inv_reserved_zero(const NyxVioIn *in)
{
    return nyx_vio_all_zero(in->bytes + NVIO_INV_RESERVED1, 2) &&
           nyx_vio_all_zero(in->bytes + NVIO_INV_RESERVED2, 4) &&
           nyx_vio_all_zero(in->bytes + NVIO_INV_RESERVED3,
                            NVIO_INV_SIZE - NVIO_INV_RESERVED3);
}

uint8_t nyx_vio_invalidate(NyxVio *vio, const NyxVioIn *in)
{
    Invalidate inv = {
        .scope = lduw_le_p(in->bytes + NVIO_INV_SCOPE),
        .caches = lduw_le_p(in->bytes + NVIO_INV_CACHES),
        .flags = lduw_le_p(in->bytes + NVIO_INV_FLAGS),
        .domain = ldl_le_p(in->bytes + NVIO_INV_DOMAIN),
        .pasid = ldl_le_p(in->bytes + NVIO_INV_PASID),
        .first = ldq_le_p(in->bytes + NVIO_INV_ADDRESS),
        .pages = ldq_le_p(in->bytes + NVIO_INV_PAGES),
        .shift = in->bytes[NVIO_INV_PAGE_SHIFT],
    };
    uint64_t address = inv.first;
    uint8_t status;

    if (!inv_reserved_zero(in)) {
        status = nyx_vio_refuse(vio, NVIO_S_INVAL, NVIO_RULE_REQ_RESERVED,
                                inv.domain);
    } else {
        status = check_invalidate(vio, &inv);
    }
    if (status == NVIO_S_OK) {
        status = invalidate(vio, &inv);
    }
    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_INVALIDATE, .status = status, .domain = inv.domain,
        .a = inv.scope, .b = address, .c = inv.pages, .d = inv.pasid,
    });
    return status;
}

/* --- PROBE ---------------------------------------------------------------- */

static uint8_t *put_head(uint8_t *at, unsigned type, size_t size)
{
    memset(at, 0, size);
    stw_le_p(at + NVIO_PROP_TYPE, type);
    stw_le_p(at + NVIO_PROP_LENGTH, size - NVIO_PROP_HEAD_SIZE);
    return at + size;
}

static uint8_t *put_bits(uint8_t *at, unsigned type, uint8_t bits)
{
    uint8_t *next = put_head(at, type, NVIO_PROP_BITS_SIZE);

    at[NVIO_PROP_BITS] = bits;
    return next;
}

static uint8_t *put_format(uint8_t *at, const NyxVioFormat *fmt)
{
    uint8_t *next = put_head(at, NVIO_PROP_T_TABLE_FORMAT,
                             NVIO_PROP_FMT_SIZE);

    stw_le_p(at + NVIO_PROP_FMT, fmt->id);
    at[NVIO_PROP_FMT_LEVELS] = fmt->min_levels;
    at[NVIO_PROP_FMT_LEVELS_MAX] = fmt->max_levels;
    stq_le_p(at + NVIO_PROP_FMT_FLAGS, nyx_vio_format_flags(fmt));
    return next;
}

size_t nyx_vio_tables_probe(const NyxVio *vio, uint8_t *at)
{
    uint8_t *start = at;
    const NyxVioFormat *fmt;

    if (!nyx_vio_has(vio, NVIO_F_ATTACH_TABLE)) {
        return 0;
    }
    at = put_bits(at, NVIO_PROP_T_OUTPUT_SIZE, vio->cfg.addr_bits);
    if (nyx_vio_has(vio, NVIO_F_PASID)) {
        at = put_bits(at, NVIO_PROP_T_PASID_SIZE, vio->cfg.pasid_bits);
    }
    for (unsigned i = 0; (fmt = nyx_vio_format_at(i)); i++) {
        at = put_format(at, fmt);
    }
    return at - start;
}

/* --- Saved state ---------------------------------------------------------- */

static NyxVioSavedTable saved_table(const NyxVioDomain *domain,
                                    uint32_t flags, uint32_t pasid,
                                    const NyxVioTable *table)
{
    return (NyxVioSavedTable) {
        .domain = domain->id,
        .flags = flags,
        .format = table->fmt->id,
        .pasid = pasid,
        .root = table->root,
        .format_flags = table->flags,
        .levels = table->levels,
    };
}

static int by_pasid(const void *a, const void *b)
{
    const NyxVioSavedTable *left = a, *right = b;

    return left->pasid < right->pasid ? -1 : left->pasid > right->pasid;
}

uint32_t nyx_vio_tables_save(const NyxVioDomain *domain,
                             NyxVioSavedTable *saved)
{
    const NyxVioTables *tables = domain->tables;
    uint32_t own, n;
    GHashTableIter iter;
    gpointer key, table;

    if (!tables) {
        return 0;
    }
    n = own = tables->own.fmt != NULL;
    if (!saved) {
        return own + g_hash_table_size(tables->pasids);
    }
    if (own) {
        saved[0] = saved_table(domain, 0, 0, &tables->own);
    }
    g_hash_table_iter_init(&iter, tables->pasids);
    while (g_hash_table_iter_next(&iter, &key, &table)) {
        saved[n++] = saved_table(domain, NVIO_TABLE_F_PASID,
                                 GPOINTER_TO_UINT(key), table);
    }
    qsort(saved + own, n - own, sizeof(*saved), by_pasid);
    return n;
}

void nyx_vio_foreach_table(NyxVio *vio, uint32_t id, NyxVioTableVisit *visit,
                           void *opaque)
{
    const NyxVioDomain *domain = nyx_vio_domain_find(vio, id);
    uint32_t n = domain ? nyx_vio_tables_save(domain, NULL) : 0;
    g_autofree NyxVioSavedTable *tables = g_new(NyxVioSavedTable, n);

    if (n) {
        nyx_vio_tables_save(domain, tables);
    }
    for (uint32_t i = 0; i < n && visit(opaque, &tables[i]); i++) {
    }
}

static bool saved_ok(const NyxVio *vio, const NyxVioDomain *domain,
                     const NyxVioSavedTable *saved, bool has_pasid)
{
    if (saved->domain != domain->id ||
        (saved->flags & ~NVIO_TABLE_F_PASID) ||
        vio->n_tables >= NVIO_SAVED_TABLES_MAX ||
        find(domain, has_pasid, saved->pasid)) {
        return false;
    }
    return has_pasid
           ? vio->cfg.pasid && !(saved->pasid >> vio->cfg.pasid_bits)
           : vio->cfg.attach_table && domain->kind == NYX_VIO_KIND_TABLES &&
             !saved->pasid;
}

bool nyx_vio_tables_load(NyxVio *vio, NyxVioDomain *domain,
                         const NyxVioSavedTable *saved)
{
    bool has_pasid = saved->flags & NVIO_TABLE_F_PASID;
    NyxVioTable table;

    if (!saved_ok(vio, domain, saved, has_pasid) ||
        describe(vio, saved->format, saved->format_flags, saved->levels,
                 saved->root, &table).status != NVIO_S_OK) {
        return false;
    }
    if (has_pasid) {
        set_pasid(vio, domain, saved->pasid, &table);
    } else {
        set_own(vio, domain, &table);
    }
    return true;
}
