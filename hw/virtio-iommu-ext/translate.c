/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA requests: the hit, which takes no lock, and the miss, which looks into
 * the domain and fills.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/virtio-iommu-ext/internal.h"

/* Times that a domain may change under one request. */
#define TRIES 64

static unsigned needed(const NyxRequest *req)
{
    if (req->type == NYX_REQ_TRANSLATION) {
        /* The completion tells what rights there are. */
        return 0;
    }
    if (req->access & NYX_ACCESS_ATOMIC) {
        return NYX_ACCESS_RW;
    }
    if (req->access & NYX_ACCESS_ZERO_LEN) {
        return NYX_ACCESS_READ;
    }
    return req->access & NYX_ACCESS_RWX;
}

/* For a report: who asks for a translation wants to read at least. */
static unsigned wanted(const NyxRequest *req)
{
    return req->access |
           (req->type == NYX_REQ_TRANSLATION ? NYX_ACCESS_READ : 0);
}

static bool answer(NyxReply *reply, uint64_t iova, uint64_t addr, uint8_t lg2,
                   unsigned permission)
{
    uint64_t mask = lg2 >= 64 ? UINT64_MAX : MAKE_64BIT_MASK(0, lg2);

    *reply = (NyxReply) {
        .ok = true,
        .addr = (addr & ~mask) | (iova & mask),
        .addr_mask = mask,
        .access = permission,
    };
    return true;
}

/* A completion repeats the privilege. */
static unsigned repeated(const NyxRequest *req)
{
    return req->type == NYX_REQ_TRANSLATION && req->has_pasid
           ? req->access & NYX_ACCESS_PRIV : 0;
}

/*
 * No error of a translation request: that there is no translation, or no
 * right, is what a completion without rights says.
 */
static bool means_unmapped(NyxVioFaultCode code)
{
    return nyx_vio_faults[code].reason == NVIO_EVENT_R_MAPPING &&
           code != NVIO_FAULT_TABLE_RSVD && code != NVIO_FAULT_TABLE_READ;
}

bool nyx_vio_xlat_refuse(const NyxVioXlat *x, NyxVioFaultCode code,
                         NyxReply *reply)
{
    const NyxRequest *req = x->req;

    if (req->type == NYX_REQ_TRANSLATION && means_unmapped(code)) {
        return answer(reply, req->iova, 0, 12, repeated(req));
    }
    if (!x->probe) {
        const NyxVioFault fault = {
            .r = x->r,
            .code = code,
            .sid = x->sid,
            .has_pasid = req->has_pasid,
            .pasid = req->pasid,
            .addr = req->iova,
            .access = wanted(req) | x->need,
        };

        nyx_vio_report(x->vio, &fault);
    }
    *reply = (NyxReply) { .addr_mask = MAKE_64BIT_MASK(0, 12) };
    return false;
}

/*
 * The rights for this request: execution is for those who asked for it, and a
 * completion with NW has no write.
 */
static unsigned rights_for(const NyxRequest *req, unsigned permission)
{
    unsigned access = permission & (NYX_ACCESS_RW |
                                    (req->access & NYX_ACCESS_EXEC));

    if (req->type == NYX_REQ_TRANSLATION &&
        !(req->access & NYX_ACCESS_WRITE)) {
        access &= ~NYX_ACCESS_WRITE;
    }
    return access;
}

bool nyx_vio_xlat_complete(const NyxVioXlat *x, uint64_t addr, uint8_t lg2,
                           unsigned permission, NyxReply *reply)
{
    return answer(reply, x->req->iova, addr, lg2,
                  rights_for(x->req, permission) | repeated(x->req));
}

static bool identity(const NyxVioXlat *x, uint8_t lg2, unsigned permission,
                     NyxReply *reply)
{
    return nyx_vio_xlat_complete(x, x->req->iova, lg2, permission, reply);
}

/* --- Mappings ------------------------------------------------------------- */

/*
 * 5.13.6.8: who writes to the MSI region sends a message, which no mapping
 * changes.  True if a region decides.
 */
static bool check_regions(const NyxVioXlat *x, NyxReply *reply, bool *ok)
{
    const NyxVioCfg *cfg = &x->vio->cfg;
    uint64_t iova = x->req->iova;

    for (unsigned i = 0; i < cfg->n_regions; i++) {
        const NyxVioRegion *region = &cfg->regions[i];

        if (iova < region->first || iova > region->last) {
            continue;
        }
        if (region->subtype != NVIO_RESV_MEM_MSI) {
            *ok = nyx_vio_xlat_refuse(x, NVIO_FAULT_RESERVED, reply);
        } else if (x->need & ~NYX_ACCESS_WRITE) {
            *ok = nyx_vio_xlat_refuse(x, NVIO_FAULT_MSI, reply);
        } else {
            *ok = identity(x, 12, NYX_ACCESS_WRITE, reply);
        }
        return true;
    }
    return false;
}

bool nyx_vio_clip(const NyxVioCfg *cfg, uint64_t iova, uint8_t *lg2)
{
    *lg2 = MIN(*lg2, cfg->input_bits);
    for (unsigned i = 0; i < cfg->n_regions; i++) {
        uint64_t first = cfg->regions[i].first & ~MAKE_64BIT_MASK(0, 12);
        uint64_t last = cfg->regions[i].last | MAKE_64BIT_MASK(0, 12);

        if (iova >= first && iova <= last) {
            *lg2 = 12;
            return false;
        }
        /* The nearest page that is not to be in the block. */
        *lg2 = MIN(*lg2, 63 - clz64(iova ^ (iova < first ? first : last)));
    }
    return true;
}

/*
 * log2 of the largest aligned block around @iova that @run is for: one that
 * holds neither of the neighbours of @run.
 */
static uint8_t block_lg2(const NyxVioRun *run, uint64_t iova)
{
    uint64_t moved = run->addr - run->first;
    unsigned lg2 = moved ? ctz64(moved) : 63;

    if (run->first) {
        lg2 = MIN(lg2, 63 - clz64(iova ^ (run->first - 1)));
    }
    if (run->last != UINT64_MAX) {
        lg2 = MIN(lg2, 63 - clz64(iova ^ (run->last + 1)));
    }
    return lg2;
}

typedef enum Looked {
    LOOKED_FOUND,
    LOOKED_NOTHING,
    LOOKED_CHANGED,          /* the endpoint is elsewhere by now */
} Looked;

/*
 * The mapping at the address.  It is cached if nothing was unmapped since the
 * ticket was taken; a domain that has ended since has another generation.
 */
static Looked look_up(const NyxVioXlat *x, NyxIotlbEntry *entry)
{
    NyxVioDomain *domain = nyx_vio_word_domain(x->vio, x->word);
    NyxAsid asid = NYX_ASID(nyx_vio_word_slot(x->word));
    uint64_t iova = x->req->iova;
    Looked looked = LOOKED_NOTHING;
    uint32_t gen, ticket;
    NyxVioRun run;

    nyx_tlbs_enter(&x->r->tlbs, &x->vio->tags, domain->slot, false);
    gen = nyx_tags_gen(&x->vio->tags, asid);
    ticket = nyx_iotlb_ticket(x->r->tlbs.tlb);
    nyx_count(&x->r->lookups);
    pthread_rwlock_rdlock(&domain->lock);
    if (nyx_vio_word(x->vio, x->sid) != x->word) {
        looked = LOOKED_CHANGED;
    } else if (nyx_vio_mappings_extent(&domain->maps, iova, &run)) {
        looked = LOOKED_FOUND;
    }
    pthread_rwlock_unlock(&domain->lock);
    if (looked == LOOKED_FOUND) {
        uint8_t lg2 = block_lg2(&run, iova);
        uint64_t mask = MAKE_64BIT_MASK(0, lg2);

        *entry = (NyxIotlbEntry) {
            .iova = iova & ~mask,
            .addr = (run.addr + ((iova & ~mask) - run.first)),
            .lg2 = lg2,
            .permission = run.flags & NYX_ACCESS_RW,
        };
        if (entry->permission) {
            nyx_iotlb_insert(x->r->tlbs.tlb, ticket, asid, gen, entry);
        }
    }
    return looked;
}

static bool finish_entry(const NyxVioXlat *x, const NyxIotlbEntry *entry,
                         NyxReply *reply)
{
    if (x->need & ~entry->permission) {
        return nyx_vio_xlat_refuse(x, NVIO_FAULT_DENIED, reply);
    }
    return nyx_vio_xlat_complete(x, entry->addr, entry->lg2,
                                 entry->permission, reply);
}

/* False if the domain has changed meanwhile. */
static bool by_mappings(const NyxVioXlat *x, NyxReply *reply, bool *ok)
{
    NyxIotlbEntry entry;

    switch (look_up(x, &entry)) {
    case LOOKED_CHANGED:
        return false;
    case LOOKED_NOTHING:
        *ok = nyx_vio_xlat_refuse(x, NVIO_FAULT_UNMAPPED, reply);
        return true;
    default:
        *ok = finish_entry(x, &entry, reply);
        return true;
    }
}

/* --- The long way --------------------------------------------------------- */

/* Addresses of requests without a PASID, before anything is looked up. */
static bool check_address(const NyxVioXlat *x, NyxReply *reply, bool *ok)
{
    if (check_regions(x, reply, ok)) {
        return true;
    }
    if (x->req->iova > nyx_vio_input_last(&x->vio->cfg)) {
        *ok = nyx_vio_xlat_refuse(x, NVIO_FAULT_RANGE, reply);
        return true;
    }
    return false;
}

/* Requests with a PASID, of which those go somewhere that have a table. */
static bool by_pasid(const NyxVioXlat *x, NyxReply *reply, bool *ok)
{
    if (nyx_vio_word_kind(x->word) != NYX_VIO_KIND_NONE &&
        qatomic_read(&x->vio->pasids)) {
        return nyx_vio_tables_translate(x, reply, ok);
    }
    *ok = nyx_vio_xlat_refuse(x, NVIO_FAULT_PASID, reply);
    return true;
}

/* False if the domain has changed meanwhile. */
static bool by_domain(const NyxVioXlat *x, NyxReply *reply, bool *ok)
{
    NyxVioKind kind = nyx_vio_word_kind(x->word);
    bool pasid = x->req->has_pasid && qatomic_read(&x->vio->pasids);

    if (kind == NYX_VIO_KIND_NONE && !qatomic_load_acquire(&x->vio->bypass)) {
        *ok = nyx_vio_xlat_refuse(x, NVIO_FAULT_DETACHED, reply);
        return true;
    }
    if (kind <= NYX_VIO_KIND_BYPASS && !pasid) {
        *ok = identity(x, 64, NYX_ACCESS_RWX, reply);
        return true;
    }
    if (x->req->has_pasid) {
        return by_pasid(x, reply, ok);
    }
    if (check_address(x, reply, ok)) {
        return true;
    }
    return kind == NYX_VIO_KIND_TABLES ? nyx_vio_tables_translate(x, reply, ok)
                                       : by_mappings(x, reply, ok);
}

/* Everything but a plain hit. */
static __attribute__((noinline))
bool translate_long(NyxVioRequester *r, uint16_t sid, const NyxRequest *req,
                    uint64_t looked_up, const NyxIotlbEntry *found,
                    NyxReply *reply)
{
    NyxVioXlat x = {
        .vio = r->vio,
        .r = r,
        .req = req,
        .sid = sid,
        .need = needed(req),
        .probe = req->type == NYX_REQ_UNTRANSLATED &&
                 req->access == NYX_ACCESS_NONE,
        .looked_up = looked_up,
        .found = found,
    };
    bool ok;

    if (qatomic_read(&r->last_sid) != sid) {
        qatomic_set(&r->last_sid, sid);
    }
    if (req->type != NYX_REQ_UNTRANSLATED && !r->vio->cfg.device_iotlb) {
        return nyx_vio_xlat_refuse(&x, NVIO_FAULT_TRANSLATED, reply);
    }
    if (req->type == NYX_REQ_TRANSLATION &&
        !qatomic_load_acquire(&r->has_device_tlb)) {
        qatomic_xchg(&r->has_device_tlb, true);
    }
    for (unsigned i = 0; i < TRIES; i++) {
        x.word = nyx_vio_word(r->vio, sid);
        if (req->type == NYX_REQ_TRANSLATED &&
            nyx_vio_word_kind(x.word) != NYX_VIO_KIND_NONE) {
            return identity(&x, 64, NYX_ACCESS_RWX, reply);
        }
        if (by_domain(&x, reply, &ok)) {
            return ok;
        }
    }
    return nyx_vio_xlat_refuse(&x, NVIO_FAULT_BUSY, reply);
}

/* The plain hit is here, which is what nearly all requests are. */
bool nyx_vio_translate(NyxVioRequester *r, uint16_t sid,
                       const NyxRequest *req, NyxReply *reply)
{
    uint64_t word = nyx_vio_word(r->vio, sid), looked_up = 0;
    NyxIotlbEntry entry, lacking;
    bool found = false;

    if (likely(req->type == NYX_REQ_UNTRANSLATED && !req->has_pasid &&
               nyx_vio_word_kind(word) >= NYX_VIO_KIND_MAPPINGS)) {
        NyxAsid asid = NYX_ASID(nyx_vio_word_slot(word));

        found = nyx_iotlb_find(r->tlbs.tlb, req->iova, asid,
                               nyx_tags_gen(&r->vio->tags, asid), &entry);
        if (likely(found && !(req->access & ~entry.permission))) {
            return answer(reply, req->iova, entry.addr, entry.lg2,
                          entry.permission & NYX_ACCESS_RW);
        }
        looked_up = word;
        /* A copy: the entry itself can stay in registers. */
        lacking = found ? entry : (NyxIotlbEntry) { };
    }
    return translate_long(r, sid, req, looked_up, found ? &lacking : NULL,
                          reply);
}

bool nyx_vio_bypassed(const NyxVio *vio, uint16_t sid)
{
    NyxVioKind kind = nyx_vio_word_kind(nyx_vio_word(vio, sid));

    return kind == NYX_VIO_KIND_BYPASS ||
           (kind == NYX_VIO_KIND_NONE && qatomic_read(&vio->bypass));
}

/* --- Requesters ----------------------------------------------------------- */

NyxVioRequester *nyx_vio_requester_new(NyxVio *vio, void *opaque)
{
    NyxVioRequester *r = g_new0(NyxVioRequester, 1);

    r->vio = vio;
    r->opaque = opaque;
    nyx_tlbs_init(&r->tlbs, vio->cfg.cache, vio->cfg.cache_seed,
                  vio->cfg.iotlb_entries);
    nyx_follower_init(&r->follow, vio->announce);
    g_ptr_array_add(vio->requesters, r);
    return r;
}

void nyx_vio_requester_free(NyxVioRequester *r)
{
    nyx_vio_report_forget(r->vio, r);
    nyx_vio_pages_forget(r->vio, r);
    nyx_follower_destroy(&r->follow);
    g_ptr_array_remove(r->vio->requesters, r);
    nyx_tlbs_destroy(&r->tlbs);
    g_free(r);
}

void *nyx_vio_requester_opaque(const NyxVioRequester *r)
{
    return r->opaque;
}

NyxVio *nyx_vio_requester_iommu(const NyxVioRequester *r)
{
    return r->vio;
}

void nyx_vio_requester_notify(NyxVioRequester *r, bool on)
{
    r->notify = on;
}
