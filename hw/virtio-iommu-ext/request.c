/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests (5.13.6): checks, and what they do.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "hw/virtio-iommu-ext/internal.h"

bool nyx_vio_all_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i]) {
            return false;
        }
    }
    return true;
}

/* --- Refusals, with the rule that was broken ------------------------------ */

uint8_t nyx_vio_refuse(NyxVio *vio, uint8_t status, NyxVioRule rule,
                       uint64_t value)
{
    nyx_vio_finding(vio, rule, (NyxWhere) { .value = value });
    return status;
}

uint8_t nyx_vio_refuse_endpoint(NyxVio *vio, uint8_t status, NyxVioRule rule,
                                uint32_t endpoint, uint64_t value)
{
    nyx_vio_finding(vio, rule, (NyxWhere) {
        .has_sid = endpoint < NVIO_SIDS, .sid = endpoint, .value = value,
    });
    return status;
}

static uint8_t refuse_range(NyxVio *vio, uint8_t status, NyxVioRule rule,
                            uint64_t first, uint64_t last)
{
    nyx_vio_finding(vio, rule, (NyxWhere) {
        .has_addr = true, .addr = first, .value = last,
    });
    return status;
}

/* --- ATTACH and DETACH ---------------------------------------------------- */

bool nyx_vio_endpoint_exists(NyxVio *vio, uint32_t endpoint)
{
    return endpoint < NVIO_SIDS &&
           vio->host.endpoint(vio->host.opaque, endpoint);
}

static uint8_t attach(NyxVio *vio, uint32_t id, uint32_t endpoint,
                      uint32_t flags)
{
    uint32_t known = nyx_vio_has(vio, NVIO_F_BYPASS_CONFIG)
                     ? NVIO_ATTACH_F_BYPASS : 0;
    NyxVioKind kind = flags & NVIO_ATTACH_F_BYPASS ? NYX_VIO_KIND_BYPASS
                                                   : NYX_VIO_KIND_MAPPINGS;
    NyxVioDomain *domain = nyx_vio_domain_find(vio, id);

    if (flags & ~known) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL,
                                       flags & ~NVIO_ATTACH_F_BYPASS
                                       ? NVIO_RULE_ATTACH_FLAGS
                                       : NVIO_RULE_FEATURE, endpoint, flags);
    }
    if (!nyx_vio_endpoint_exists(vio, endpoint)) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_NOENT, NVIO_RULE_ENDPOINT,
                                       endpoint, endpoint);
    }
    if (domain && domain->kind != kind) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL,
                                       NVIO_RULE_ATTACH_KIND, endpoint, id);
    }
    if (domain && nyx_vio_domain_of(vio, endpoint) == domain) {
        return NVIO_S_OK;
    }
    if (domain && !nyx_vio_domain_suits(vio, domain, endpoint)) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_UNSUPP,
                                       NVIO_RULE_MAP_RESERVED, endpoint, id);
    }
    if (!domain) {
        domain = nyx_vio_domain_new(vio, id, kind, endpoint);
    }
    if (!domain) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_NOMEM, NVIO_RULE_LIMIT,
                                       endpoint, id);
    }
    nyx_vio_domain_join(vio, domain, endpoint);
    return NVIO_S_OK;
}

static uint8_t request_attach(NyxVio *vio, const NyxVioIn *in)
{
    uint32_t id = ldl_le_p(in->bytes + NVIO_ATTACH_DOMAIN);
    uint32_t endpoint = ldl_le_p(in->bytes + NVIO_ATTACH_ENDPOINT);
    uint32_t flags = ldl_le_p(in->bytes + NVIO_ATTACH_FLAGS);
    uint32_t reserved = ldl_le_p(in->bytes + NVIO_ATTACH_RESERVED);
    uint8_t status;

    if (reserved) {
        status = nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL,
                                         NVIO_RULE_REQ_RESERVED, endpoint,
                                         reserved);
    } else {
        status = attach(vio, id, endpoint, flags);
    }
    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_ATTACH, .status = status, .endpoint = endpoint,
        .domain = id, .a = flags,
    });
    return status;
}

/* An endpoint that was unplugged can still be taken out of its domain. */
static uint8_t detach(NyxVio *vio, uint32_t id, uint32_t endpoint)
{
    NyxVioDomain *domain = nyx_vio_domain_of(vio, endpoint);

    if (!domain && !nyx_vio_endpoint_exists(vio, endpoint)) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_NOENT, NVIO_RULE_ENDPOINT,
                                       endpoint, endpoint);
    }
    if (!domain || domain->id != id) {
        return nyx_vio_refuse_endpoint(vio, NVIO_S_INVAL,
                                       NVIO_RULE_DETACH_OTHER, endpoint, id);
    }
    nyx_vio_domain_leave(vio, domain, endpoint);
    return NVIO_S_OK;
}

static uint8_t request_detach(NyxVio *vio, const NyxVioIn *in)
{
    uint32_t id = ldl_le_p(in->bytes + NVIO_DETACH_DOMAIN);
    uint32_t endpoint = ldl_le_p(in->bytes + NVIO_DETACH_ENDPOINT);
    uint8_t status = detach(vio, id, endpoint);

    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_DETACH, .status = status, .endpoint = endpoint,
        .domain = id,
    });
    return status;
}

/* --- MAP and UNMAP -------------------------------------------------------- */

/* The domain with mappings of this id, or NULL and *@status. */
static NyxVioDomain *domain_to_map(NyxVio *vio, uint32_t id, uint8_t *status)
{
    NyxVioDomain *domain = nyx_vio_domain_find(vio, id);

    if (!domain) {
        *status = nyx_vio_refuse(vio, NVIO_S_NOENT, NVIO_RULE_DOMAIN, id);
        return NULL;
    }
    if (domain->kind != NYX_VIO_KIND_MAPPINGS) {
        *status = nyx_vio_refuse(vio, NVIO_S_INVAL, NVIO_RULE_DOMAIN_BYPASS,
                                 id);
        return NULL;
    }
    return domain;
}

/* @regions are sorted and disjoint. */
static bool in_regions(const NyxVioRegion *regions, unsigned n,
                       uint64_t first, uint64_t last)
{
    unsigned low = 0;

    while (low < n) {
        unsigned middle = (low + n) / 2;

        if (regions[middle].last < first) {
            low = middle + 1;
        } else if (regions[middle].first > last) {
            n = middle;
        } else {
            return true;
        }
    }
    return false;
}

/* Where nothing can be mapped, because of any of the endpoints. */
static bool is_reserved(const NyxVio *vio, const NyxVioDomain *domain,
                        uint64_t first, uint64_t last)
{
    return in_regions(vio->cfg.regions, vio->cfg.n_regions, first, last) ||
           in_regions((const NyxVioRegion *)domain->regions->data,
                      domain->regions->len, first, last);
}

/* What is wrong with the addresses; the flags are known. */
static uint8_t check_map(NyxVio *vio, const NyxVioDomain *domain,
                         const NyxVioRun *run)
{
    uint64_t first = run->first, last = run->last;

    if (last <= first) {
        return refuse_range(vio, NVIO_S_INVAL, NVIO_RULE_MAP_ORDER, first,
                            last);
    }
    if ((first | run->addr | (last + 1)) & nyx_vio_granule_mask(&vio->cfg)) {
        return refuse_range(vio, NVIO_S_RANGE, NVIO_RULE_MAP_ALIGN, first,
                            last);
    }
    if (last > nyx_vio_input_last(&vio->cfg)) {
        return refuse_range(vio, NVIO_S_RANGE, NVIO_RULE_MAP_RANGE, first,
                            last);
    }
    if (run->addr + (last - first) < run->addr) {
        return refuse_range(vio, NVIO_S_RANGE, NVIO_RULE_MAP_PHYS, first,
                            last);
    }
    if (is_reserved(vio, domain, first, last)) {
        return refuse_range(vio, NVIO_S_INVAL, NVIO_RULE_MAP_RESERVED, first,
                            last);
    }
    return NVIO_S_OK;
}

static uint8_t add(NyxVio *vio, NyxVioDomain *domain, const NyxVioRun *run)
{
    bool full = vio->mappings >= vio->cfg.max_mappings, added = false;

    pthread_rwlock_wrlock(&domain->lock);
    if (!full) {
        added = nyx_vio_mappings_add(&domain->maps, run);
    }
    pthread_rwlock_unlock(&domain->lock);
    if (added) {
        vio->mappings++;
        nyx_vio_announce_pages(vio, domain, run->first, run->last);
        return NVIO_S_OK;
    }
    if (full && !nyx_vio_mappings_overlaps(&domain->maps, run->first,
                                           run->last)) {
        return refuse_range(vio, NVIO_S_NOMEM, NVIO_RULE_LIMIT, run->first,
                            run->last);
    }
    return refuse_range(vio, NVIO_S_INVAL, NVIO_RULE_MAP_OVERLAP, run->first,
                        run->last);
}

static uint8_t map(NyxVio *vio, uint32_t id, NyxVioRun *run)
{
    uint32_t known = NVIO_MAP_F_READ | NVIO_MAP_F_WRITE |
                     (nyx_vio_has(vio, NVIO_F_MMIO) ? NVIO_MAP_F_MMIO : 0);
    NyxVioDomain *domain;
    uint8_t status;

    if (run->flags & ~known) {
        return nyx_vio_refuse(vio, NVIO_S_INVAL, NVIO_RULE_MAP_FLAGS,
                              run->flags);
    }
    domain = domain_to_map(vio, id, &status);
    if (!domain) {
        return status;
    }
    status = check_map(vio, domain, run);
    if (status != NVIO_S_OK) {
        return status;
    }
    run->unit = run->last - run->first + 1;
    status = add(vio, domain, run);
    if (status == NVIO_S_OK &&
        !(run->flags & (NVIO_MAP_F_READ | NVIO_MAP_F_WRITE))) {
        refuse_range(vio, NVIO_S_OK, NVIO_RULE_MAP_NOTHING, run->first,
                     run->last);
    }
    return status;
}

static uint8_t request_map(NyxVio *vio, const NyxVioIn *in)
{
    uint32_t id = ldl_le_p(in->bytes + NVIO_MAP_DOMAIN);
    NyxVioRun run = {
        .first = ldq_le_p(in->bytes + NVIO_MAP_VIRT_START),
        .last = ldq_le_p(in->bytes + NVIO_MAP_VIRT_END),
        .addr = ldq_le_p(in->bytes + NVIO_MAP_PHYS_START),
        .flags = ldl_le_p(in->bytes + NVIO_MAP_FLAGS),
    };
    uint8_t status = map(vio, id, &run);

    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_MAP, .status = status, .domain = id,
        .a = run.first, .b = run.last, .c = run.addr, .d = run.flags,
    });
    return status;
}

static uint8_t unmap(NyxVio *vio, uint32_t id, uint64_t first, uint64_t last,
                     uint64_t *removed)
{
    NyxVioDomain *domain;
    uint8_t status;
    bool whole;

    domain = domain_to_map(vio, id, &status);
    if (!domain) {
        return status;
    }
    if (last < first) {
        return refuse_range(vio, NVIO_S_INVAL, NVIO_RULE_UNMAP_ORDER, first,
                            last);
    }
    pthread_rwlock_wrlock(&domain->lock);
    whole = nyx_vio_mappings_remove(&domain->maps, first, last, removed);
    pthread_rwlock_unlock(&domain->lock);
    if (!whole) {
        return refuse_range(vio, NVIO_S_RANGE, NVIO_RULE_UNMAP_CUT, first,
                            last);
    }
    if (!*removed) {
        return refuse_range(vio, NVIO_S_OK, NVIO_RULE_UNMAP_NOTHING, first,
                            last);
    }
    vio->mappings -= *removed;
    nyx_vio_domain_flush(vio, domain, NYX_ASID(domain->slot), first, last,
                         true);
    nyx_vio_domain_flush_devices(vio, domain, false, 0, first, last);
    nyx_vio_announce_pages(vio, domain, first, last);
    return NVIO_S_OK;
}

static uint8_t request_unmap(NyxVio *vio, const NyxVioIn *in)
{
    uint32_t id = ldl_le_p(in->bytes + NVIO_UNMAP_DOMAIN);
    uint64_t first = ldq_le_p(in->bytes + NVIO_UNMAP_VIRT_START);
    uint64_t last = ldq_le_p(in->bytes + NVIO_UNMAP_VIRT_END);
    uint32_t reserved = ldl_le_p(in->bytes + NVIO_UNMAP_RESERVED);
    uint64_t removed = 0;
    uint8_t status;

    if (reserved) {
        status = nyx_vio_refuse(vio, NVIO_S_INVAL, NVIO_RULE_REQ_RESERVED,
                                reserved);
    } else {
        status = unmap(vio, id, first, last, &removed);
    }
    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_UNMAP, .status = status, .domain = id, .a = first,
        .b = last, .c = removed,
    });
    return status;
}

/* --- All of them ---------------------------------------------------------- */

typedef struct Request {
    uint8_t size;            /* of what is readable; zero: there is none */
    uint8_t feature;         /* NVIO_F_* that it is of, or NO_FEATURE */
    uint16_t properties;     /* writable bytes before the tail */
    uint8_t (*run)(NyxVio *vio, const NyxVioIn *in);
} Request;

#define NO_FEATURE 0xff

static const Request requests[NVIO_T_COUNT] = {
    [NVIO_T_ATTACH] = { NVIO_ATTACH_SIZE, NO_FEATURE, 0, request_attach },
    [NVIO_T_DETACH] = { NVIO_DETACH_SIZE, NO_FEATURE, 0, request_detach },
    [NVIO_T_MAP] = { NVIO_MAP_SIZE, NVIO_F_MAP_UNMAP, 0, request_map },
    [NVIO_T_UNMAP] = { NVIO_UNMAP_SIZE, NVIO_F_MAP_UNMAP, 0, request_unmap },
    [NVIO_T_PROBE] = {
        NVIO_PROBE_SIZE, NVIO_F_PROBE, NVIO_PROBE_SPACE, nyx_vio_probe,
    },
    [NVIO_T_ATTACH_TABLE] = {
        NVIO_TABLE_SIZE, NVIO_F_ATTACH_TABLE, 0, nyx_vio_attach_table,
    },
    [NVIO_T_INVALIDATE] = {
        NVIO_INV_SIZE, NVIO_F_ATTACH_TABLE, 0, nyx_vio_invalidate,
    },
    [NVIO_T_PAGE_RESP] = {
        NVIO_RESP_SIZE, NVIO_F_PAGE_REQUEST, 0, nyx_vio_page_resp,
    },
};

/* What cannot have an answer. */
static size_t no_answer(NyxVio *vio, NyxVioRule rule, unsigned type,
                        size_t in_len, size_t out_len)
{
    vio->stats.unanswered++;
    nyx_vio_refuse(vio, 0, rule, type);
    nyx_vio_trace(vio, (NyxVioTrace) {
        .kind = NYX_VIO_EV_BAD, .a = type, .b = in_len, .c = out_len,
    });
    return 0;
}

/* NULL: there is no such request, or its feature is not offered. */
static const Request *request_of(const NyxVio *vio, unsigned type)
{
    const Request *request = type < ARRAY_SIZE(requests) ? &requests[type]
                                                         : NULL;

    if (!request || !request->size ||
        (request->feature != NO_FEATURE &&
         !(nyx_vio_features(vio) & BIT_ULL(request->feature)))) {
        return NULL;
    }
    return request;
}

size_t nyx_vio_request(NyxVio *vio, const uint8_t *in, size_t in_len,
                       uint8_t *out, size_t out_len)
{
    unsigned type = in_len >= NVIO_HEAD_SIZE ? in[NVIO_HEAD_TYPE] : 0;
    const Request *request = request_of(vio, type);
    NyxVioIn fields = { in, out, 0 };
    uint8_t status;

    if (in_len < NVIO_HEAD_SIZE || out_len < NVIO_TAIL_SIZE) {
        return no_answer(vio, NVIO_RULE_REQ_SHORT, type, in_len, out_len);
    }
    vio->stats.requests[request ? type : 0]++;
    if (!request || (request->feature != NO_FEATURE &&
                     !nyx_vio_has(vio, request->feature))) {
        return no_answer(vio, request ? NVIO_RULE_FEATURE
                                      : NVIO_RULE_REQ_UNKNOWN,
                         type, in_len, out_len);
    }
    /* The tail of a PROBE with too little room is where its room ends. */
    fields.out_len = MIN(request->properties, out_len - NVIO_TAIL_SIZE);
    if (in_len < request->size) {
        status = nyx_vio_refuse(vio, NVIO_S_INVAL, NVIO_RULE_REQ_SHORT, type);
    } else {
        status = request->run(vio, &fields);
    }
    vio->stats.statuses[status]++;
    out += fields.out_len;
    out[NVIO_TAIL_STATUS] = status;
    return fields.out_len + NVIO_TAIL_SIZE;
}
