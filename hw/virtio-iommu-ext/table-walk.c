/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that go by page tables of the guest (draft): the formats, and the
 * walk with its caches.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/nyx-iommu/paging.h"
#include "hw/virtio-iommu-ext/internal.h"

/* --- Formats -------------------------------------------------------------- */

static const NyxVioFormat formats[] = {
    {
        .id = NVIO_FMT_VTD_FIRST, .min_levels = 4, .max_levels = 5,
        .canonical = true, .signed_pasid = true,
        .fmt = &nyx_fmt_vtdfs,
        .features = NYX_VTDFS_1G,
        .privileged = NYX_VTDFS_PRIV,
        .flags = {
            { NVIO_FMT_F_NX, NYX_VTDFS_NXE },
            { NVIO_FMT_F_WP, NYX_VTDFS_WPE },
            { NVIO_FMT_F_SMEP, NYX_VTDFS_SMEP },
            { NVIO_FMT_F_EA, NYX_VTDFS_EA },
        },
    },
    {
        .id = NVIO_FMT_AMD_V1, .min_levels = 1, .max_levels = 6,
        .fmt = &nyx_fmt_amdv1,
        .flags = { { NVIO_FMT_F_AD, NYX_AMDV1_HA | NYX_AMDV1_HD } },
    },
    {
        .id = NVIO_FMT_VTD_SECOND, .min_levels = 3, .max_levels = 5,
        .fmt = &nyx_fmt_vtdss,
        .features = NYX_VTDSS_2M | NYX_VTDSS_1G,
        .flags = { { NVIO_FMT_F_AD, NYX_VTDSS_AD } },
    },
    {
        .id = NVIO_FMT_AMD_V2, .min_levels = 4, .max_levels = 5,
        .signed_pasid = true,
        .fmt = &nyx_fmt_amdv2,
        .privileged = NYX_AMDV2_PRIV,
        .flags = {
            { NVIO_FMT_F_AD, NYX_AMDV2_A | NYX_AMDV2_D },
            { NVIO_FMT_F_NX, NYX_AMDV2_NX },
            { NVIO_FMT_F_US, NYX_AMDV2_US },
        },
    },
};

const NyxVioFormat *nyx_vio_format_at(unsigned i)
{
    return i < ARRAY_SIZE(formats) ? &formats[i] : NULL;
}

const NyxVioFormat *nyx_vio_format(unsigned id)
{
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].id == id) {
            return &formats[i];
        }
    }
    return NULL;
}

uint64_t nyx_vio_format_flags(const NyxVioFormat *fmt)
{
    uint64_t flags = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(fmt->flags); i++) {
        flags |= fmt->flags[i].flag;
    }
    return flags;
}

NyxWalkCtx nyx_vio_tables_ctx(const NyxVio *vio, const NyxVioTable *table,
                              bool privileged)
{
    const NyxVioFormat *fmt = table->fmt;
    uint32_t features = fmt->features | (privileged ? fmt->privileged : 0);

    for (unsigned i = 0; i < ARRAY_SIZE(fmt->flags); i++) {
        if (table->flags & fmt->flags[i].flag) {
            features |= fmt->flags[i].features;
        }
    }
    return (NyxWalkCtx) {
        .fmt = fmt->fmt,
        .mem = &vio->host.mem,
        .root = table->root,
        .top = table->levels - 1,
        .addr_bits = vio->cfg.addr_bits,
        .features = features,
    };
}

/* --- One request ---------------------------------------------------------- */

/* What is known of it, and taken before anything is read. */
typedef struct Job {
    const NyxVioXlat *x;
    NyxVioTable table;       /* without a format: there is none */
    NyxAsid asid;
    bool privileged;
    uint32_t gen;
    uint32_t ticket;
    NyxPaging paging;
} Job;

/*
 * What the request is known by in the caches.  Privilege is told of those
 * with a PASID.  A fill is refused if the table was taken away, or something
 * was invalidated, since the tickets were taken.
 */
static void begin(Job *job, const NyxVioXlat *x)
{
    const NyxRequest *req = x->req;
    uint16_t slot = nyx_vio_word_slot(x->word);
    bool privileged = req->has_pasid && (req->access & NYX_ACCESS_PRIV);
    NyxAsid asid = req->has_pasid ? NYX_ASID_PASID(slot, req->pasid)
                                  : NYX_ASID(slot);

    job->x = x;
    job->privileged = privileged;
    job->asid = asid | (privileged ? NYX_ASID_PRIVILEGED : 0);
    nyx_tlbs_enter(&x->r->tlbs, &x->vio->tags, slot, false);
    job->gen = nyx_tags_gen(&x->vio->tags, job->asid);
    job->ticket = nyx_iotlb_ticket(x->r->tlbs.tlb);
    job->paging = (NyxPaging) {
        .tables = x->r->tlbs.tables,
        .asid = asid,
        .gen = job->gen,
        .ticket = nyx_iotlb_ticket(x->r->tlbs.tables),
    };
}

/* The table as it is now.  False if the endpoint is elsewhere by now. */
static bool take_table(Job *job)
{
    const NyxVioXlat *x = job->x;
    NyxVioDomain *domain = nyx_vio_word_domain(x->vio, x->word);
    bool same;

    pthread_rwlock_rdlock(&domain->lock);
    same = nyx_vio_word(x->vio, x->sid) == x->word;
    if (!same || !nyx_vio_tables_get(domain, x->req->has_pasid,
                                     x->req->pasid, &job->table)) {
        job->table.fmt = NULL;
    }
    pthread_rwlock_unlock(&domain->lock);
    return same;
}

/* Whether the tables are for such an address at all. */
static bool address_ok(const Job *job)
{
    const NyxRequest *req = job->x->req;
    const NyxVioFormat *fmt = job->table.fmt;
    unsigned bits = nyx_table_lg2(fmt->fmt, job->table.levels - 1);

    if (req->has_pasid ? fmt->signed_pasid : fmt->canonical) {
        return nyx_is_canonical(req->iova, bits);
    }
    return bits >= 64 || !(req->iova >> bits);
}

static NyxVioFaultCode walk_fault(const NyxWalk *walk)
{
    switch (walk->status) {
    case NYX_WALK_EMPTY:
        return NVIO_FAULT_TABLE_EMPTY;
    case NYX_WALK_PRIVILEGE:
    case NYX_WALK_DENIED:
        return NVIO_FAULT_TABLE_DENIED;
    case NYX_WALK_RESERVED:
        return NVIO_FAULT_TABLE_RSVD;
    default:
        return NVIO_FAULT_TABLE_READ;
    }
}

static void count_walk(NyxVioRequester *r, unsigned reads)
{
    nyx_count(&r->walks);
    qatomic_set(&r->walk_reads, qatomic_read(&r->walk_reads) + reads);
}

/* The leaf goes to the caller and, clear of all regions, to the IOTLB. */
static bool arrive(const Job *job, const NyxWalkCtx *wctx,
                   const NyxWalk *walk, NyxReply *reply)
{
    const NyxVioXlat *x = job->x;
    unsigned permission = walk->permission & NYX_ACCESS_RWX;
    uint64_t iova = x->req->iova, mask;
    NyxIotlbEntry entry = {
        .lg2 = MIN(walk->lg2, 63),
        .permission = permission,
    };
    bool fills = true;

    if (!permission) {
        return nyx_vio_xlat_refuse(x, NVIO_FAULT_TABLE_DENIED, reply);
    }
    if (!x->req->has_pasid) {
        fills = nyx_vio_clip(&x->vio->cfg, iova, &entry.lg2);
    }
    mask = MAKE_64BIT_MASK(0, entry.lg2);
    entry.iova = iova & ~mask;
    entry.addr = walk->addr | (iova & MAKE_64BIT_MASK(0, walk->lg2) & ~mask);
    if (nyx_walk_clean(wctx, walk)) {
        /* The first write still has to come this way. */
        entry.permission &= ~NYX_ACCESS_WRITE;
    }
    if (fills && entry.permission) {
        nyx_iotlb_insert(x->r->tlbs.tlb, job->ticket, job->asid, job->gen,
                         &entry);
    }
    return nyx_vio_xlat_complete(x, entry.addr, entry.lg2, permission, reply);
}

static bool walk_tables(const Job *job, const NyxWalkCtx *wctx,
                        NyxReply *reply)
{
    const NyxVioXlat *x = job->x;
    /* A page that is granted to an endpoint may be written to later. */
    unsigned need = x->need | (x->req->type == NYX_REQ_TRANSLATION &&
                               (x->req->access & NYX_ACCESS_WRITE)
                               ? NYX_NEED_DIRTY : 0);
    NyxWalkStart start;
    NyxWalk walk;
    bool started = nyx_paging_lookup(&job->paging, wctx->fmt, x->req->iova,
                                     &start) &&
                   nyx_paging_serves(wctx, &start, need);

    nyx_walk_and_mark(wctx, x->req->iova, need, started ? &start : NULL,
                      &walk);
    count_walk(x->r, walk.steps);
    nyx_paging_fill(&job->paging, wctx, x->req->iova, &walk);
    if (walk.status != NYX_WALK_OK) {
        return nyx_vio_xlat_refuse(x, walk_fault(&walk), reply);
    }
    if (x->vio->cfg.cache == NYX_CACHE_HARDWARE) {
        nyx_walk_widen(wctx, &walk);
    }
    return arrive(job, wctx, &walk, reply);
}

/* What the IOTLB has; for plain requests it has been asked already. */
static bool look_up(const Job *job, NyxIotlbEntry *entry)
{
    const NyxVioXlat *x = job->x;

    if (x->looked_up == x->word) {
        if (x->found) {
            *entry = *x->found;
        }
        return x->found;
    }
    return nyx_iotlb_lookup(x->r->tlbs.tlb, x->req->iova, job->asid, job->gen,
                            entry);
}

/* Whether the entry is enough; walks that set marks are made again else. */
static bool suffices(const NyxVioXlat *x, const NyxIotlbEntry *entry)
{
    return !(x->need & ~entry->permission) &&
           x->req->type == NYX_REQ_UNTRANSLATED;
}

static bool by_entry(const NyxVioXlat *x, const NyxIotlbEntry *entry,
                     NyxReply *reply)
{
    return x->need & ~entry->permission
           ? nyx_vio_xlat_refuse(x, NVIO_FAULT_TABLE_DENIED, reply)
           : nyx_vio_xlat_complete(x, entry->addr, entry->lg2,
                                   entry->permission, reply);
}

/*
 * Where dirty bits are kept an entry without a right is not the last word:
 * the first write of a page has to set D.
 */
static bool by_table(const Job *job, const NyxIotlbEntry *entry,
                     NyxReply *reply)
{
    const NyxVioXlat *x = job->x;
    const NyxWalkCtx wctx = nyx_vio_tables_ctx(x->vio, &job->table,
                                               job->privileged);

    if (entry && !nyx_walk_marks(&wctx)) {
        return by_entry(x, entry, reply);
    }
    if (!address_ok(job)) {
        return nyx_vio_xlat_refuse(x, NVIO_FAULT_RANGE, reply);
    }
    return walk_tables(job, &wctx, reply);
}

bool nyx_vio_tables_translate(const NyxVioXlat *x, NyxReply *reply, bool *ok)
{
    NyxIotlbEntry entry;
    bool found;
    Job job;

    if (x->req->has_pasid && x->req->pasid >> x->vio->cfg.pasid_bits) {
        *ok = nyx_vio_xlat_refuse(x, NVIO_FAULT_PASID, reply);
        return true;
    }
    begin(&job, x);
    found = look_up(&job, &entry);
    if (found && suffices(x, &entry)) {
        *ok = by_entry(x, &entry, reply);
        return true;
    }
    if (!take_table(&job)) {
        return false;
    }
    *ok = job.table.fmt
          ? by_table(&job, found ? &entry : NULL, reply)
          : nyx_vio_xlat_refuse(x, NVIO_FAULT_PASID, reply);
    return true;
}
