/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables of a context: the host's, a guest's, a guest's over the host's;
 * GCR3 tables; and which fault a walk that fails is (2.2.3, 2.2.6, 2.5.3).
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/nyx-iommu/nested.h"
#include "hw/nyx-amdvi/internal.h"

/* --- The stages ----------------------------------------------------------- */

/* What DTE.IR and DTE.IW take from every entry. */
static uint8_t withheld(const NyxAmdContext *ctx)
{
    return (ctx->rights & NYX_ACCESS_READ
            ? 0 : NYX_ACCESS_READ | NYX_ACCESS_EXEC) |
           (ctx->rights & NYX_ACCESS_WRITE ? 0 : NYX_ACCESS_WRITE);
}

NyxWalkCtx nyx_amd_host_stage(const NyxAmd *amd, const NyxAmdContext *ctx)
{
    return (NyxWalkCtx) {
        .fmt = &nyx_fmt_amdv1,
        .mem = &amd->host.mem,
        .root = ctx->host_root,
        .top = ctx->mode - 1,
        .addr_bits = amd->cfg.pa_bits,
        .features = (ctx->had ? NYX_AMDV1_HA : 0) |
                    (ctx->had == NAMD_HAD_BOTH ? NYX_AMDV1_HD : 0),
        .withheld = withheld(ctx),
    };
}

NyxWalkCtx nyx_amd_guest_stage(const NyxAmd *amd, const NyxAmdContext *ctx,
                               uint64_t cr3, bool privileged)
{
    uint64_t control = nyx_amd_control(amd);
    bool nested = ctx->kind == NYX_AMD_KIND_HOST;

    return (NyxWalkCtx) {
        .fmt = &nyx_fmt_amdv2,
        .mem = &amd->host.mem,
        .root = cr3,
        .top = ctx->guest_levels - 1,
        /* Of guest addresses the host's tables know the width. */
        .addr_bits = nested ? 52 : amd->cfg.pa_bits,
        .features = (amd->cfg.no_execute ? NYX_AMDV2_NX : 0) |
                    (amd->cfg.user_supervisor ? NYX_AMDV2_US : 0) |
                    (privileged ? NYX_AMDV2_PRIV : 0) |
                    (FIELD_EX64(control, NAMD_CTRL, GAUPDATEDIS)
                     ? 0 : NYX_AMDV2_A) |
                    (FIELD_EX64(control, NAMD_CTRL, GDUPDATEDIS)
                     ? 0 : NYX_AMDV2_D),
        /* Behind two stages the second takes it, which is the DTE's. */
        .withheld = nested ? 0 : withheld(ctx),
    };
}

/* --- Faults --------------------------------------------------------------- */

typedef struct StageFaults {
    NyxAmdFaultCode empty;
    NyxAmdFaultCode denied;
    NyxAmdFaultCode reserved;
    NyxAmdFaultCode read;    /* or not to be updated */
} StageFaults;

static const StageFaults host_faults = {
    NAMD_FAULT_HOST_EMPTY, NAMD_FAULT_HOST_DENIED, NAMD_FAULT_HOST_RSVD,
    NAMD_FAULT_HOST_READ,
};

static const StageFaults guest_faults = {
    NAMD_FAULT_GUEST_EMPTY, NAMD_FAULT_GUEST_DENIED, NAMD_FAULT_GUEST_RSVD,
    NAMD_FAULT_GUEST_READ,
};

/* The entry where the walk ended, in the stage's own addresses. */
static uint64_t entry_address(const NyxWalk *walk)
{
    unsigned i = 0;

    /* The step of an entry that could not be read is not counted. */
    while (i < walk->steps && walk->trail[i].level != walk->level) {
        i++;
    }
    return walk->trail[i].entry_addr;
}

/* @addr: what the request asks of this stage. */
static void stage_fault(const StageFaults *codes, const NyxWalk *walk,
                        uint64_t addr, NyxAmdWay *way)
{
    way->fault_addr = addr;
    switch (walk->status) {
    case NYX_WALK_EMPTY:
        way->code = codes->empty;
        break;
    case NYX_WALK_PRIVILEGE:
    case NYX_WALK_DENIED:
        way->code = codes->denied;
        break;
    case NYX_WALK_RESERVED:
        way->code = codes->reserved;
        break;
    default:
        way->code = codes->read;
        way->fault_addr = entry_address(walk);
    }
}

static void host_fault(const NyxWalk *walk, uint64_t addr, NyxAmdWay *way)
{
    stage_fault(&host_faults, walk, addr, way);
    if (walk->status == NYX_WALK_EMPTY && !walk->steps) {
        way->code = NAMD_FAULT_HOST_WIDTH;
    } else {
        way->hole = walk->status == NYX_WALK_EMPTY;
    }
}

/* --- Reads ---------------------------------------------------------------- */

static void count_reads(const NyxAmdJob *job, NyxAmdPerfSource source,
                        unsigned reads)
{
    NyxAmdRequester *r = job->r;
    uint32_t pasid = job->guest ? job->pasid : NAMD_NO_PASID;

    nyx_amd_perf_count(r->amd, NAMD_PERF_READS, reads, job->sid,
                       job->ctx->did, pasid);
    nyx_amd_perf_count(r->amd, source, reads, job->sid, job->ctx->did, pasid);
    qatomic_set(&r->walk_reads, qatomic_read(&r->walk_reads) + reads);
}

/*
 * The address that the host's tables give to one of the guest's: of an entry
 * that the IOMMU reads for itself, so that the DTE withholds nothing.
 */
static bool host_address(const NyxAmdJob *job, uint64_t gpa, uint64_t *spa,
                         NyxAmdWay *way)
{
    NyxWalkCtx wctx;
    NyxWalk walk;

    *spa = gpa;
    if (job->ctx->kind != NYX_AMD_KIND_HOST) {
        return true;
    }
    wctx = nyx_amd_host_stage(job->r->amd, job->ctx);
    wctx.withheld = 0;
    nyx_walk_and_mark(&wctx, gpa, NYX_ACCESS_READ, NULL, &walk);
    count_reads(job, NAMD_PERF_READS_NESTED, walk.steps);
    if (walk.status != NYX_WALK_OK) {
        host_fault(&walk, gpa, way);
        way->hole = false;
        return false;
    }
    *spa = walk.addr | (gpa & MAKE_64BIT_MASK(0, walk.lg2));
    return true;
}

/* --- GCR3 tables ---------------------------------------------------------- */

static bool gcr3_read(const NyxAmdJob *job, uint64_t addr, bool translate,
                      uint64_t *entry, NyxAmdWay *way)
{
    if (translate && !host_address(job, addr, &addr, way)) {
        return false;
    }
    count_reads(job, NAMD_PERF_READS_GUEST, 1);
    way->code = NAMD_FAULT_NONE;
    way->fault_addr = job->iova;
    if (!nyx_mem_read_le64(&job->r->amd->host.mem, addr, entry, 1)) {
        way->code = NAMD_FAULT_GCR3_READ;
        way->fault_addr = addr;
    } else if (!FIELD_EX64(*entry, NAMD_GCR3, V)) {
        way->code = NAMD_FAULT_GCR3_EMPTY;
    } else if (*entry & NYX_MBZ_MASK(NAMD_GCR3_W0)) {
        way->code = NAMD_FAULT_GCR3_RSVD;
    }
    return way->code == NAMD_FAULT_NONE;
}

/* 2.2.6.3: each level looks at nine bits of the PASID, the last at all left. */
static bool gcr3_walk(const NyxAmdJob *job, uint64_t *cr3, NyxAmdWay *way)
{
    const NyxAmdContext *ctx = job->ctx;
    bool translate = FIELD_EX64(nyx_amd_control(job->r->amd), NAMD_CTRL,
                                GCR3TRP);
    uint64_t table = ctx->gcr3, entry;

    for (unsigned level = ctx->glx + 1; level--; ) {
        uint32_t index = extract32(job->pasid, level * NAMD_GCR3_INDEX_BITS,
                                   NAMD_GCR3_INDEX_BITS);

        if (!gcr3_read(job, table + index * sizeof(entry), translate, &entry,
                       way)) {
            return false;
        }
        table = entry & R_NAMD_GCR3_ADDR_MASK;
    }
    *cr3 = table;
    return true;
}

static bool guest_cr3(const NyxAmdJob *job, uint64_t *cr3, NyxAmdWay *way)
{
    unsigned bits = MIN(NAMD_GCR3_INDEX_BITS * (job->ctx->glx + 1),
                        job->r->amd->cfg.pasid_bits);

    if (job->pasid >> bits) {
        way->code = NAMD_FAULT_PASID_RANGE;
        return false;
    }
    if (nyx_amd_gcr3_cached(job, cr3)) {
        return true;
    }
    if (!gcr3_walk(job, cr3, way)) {
        return false;
    }
    nyx_amd_gcr3_keep(job, *cr3);
    return true;
}

/* --- Walks ---------------------------------------------------------------- */

static unsigned leaf_flags(const NyxWalk *host)
{
    uint64_t leaf = host->trail[host->steps - 1].entry;

    return (leaf & NYX_AMDV1_LEAF_FC ? NYX_AMD_ENTRY_FC : 0) |
           (leaf & NYX_AMDV1_LEAF_U ? NYX_AMD_ENTRY_U : 0);
}

static bool paging_start(const NyxAmdJob *job, const NyxWalkCtx *wctx,
                         NyxWalkStart *start)
{
    bool hit = nyx_paging_lookup(&job->paging, wctx->fmt, job->iova, start);

    nyx_amd_perf_count(job->r->amd,
                       hit ? NAMD_PERF_PDE_HIT : NAMD_PERF_PDE_MISS, 1,
                       job->sid, job->ctx->did,
                       job->guest ? job->pasid : NAMD_NO_PASID);
    return hit && nyx_paging_serves(wctx, start, job->need);
}

/* What is permitted goes to @way, and what of it may be kept. */
static void arrive(NyxAmdWay *way, unsigned permission, unsigned flags,
                   bool clean)
{
    way->permission = permission & NYX_ACCESS_RWX;
    way->kept = way->permission & (clean ? ~NYX_ACCESS_WRITE : UINT32_MAX);
    if (way->permission) {
        way->permission |= flags;
    }
    if (way->kept) {
        way->kept |= flags;
    }
}

static void one_stage(const NyxAmdJob *job, const NyxWalkCtx *wctx,
                      NyxAmdWay *way)
{
    const NyxAmd *amd = job->r->amd;
    bool host = wctx->fmt == &nyx_fmt_amdv1;
    NyxWalkStart start;
    bool started = paging_start(job, wctx, &start);
    NyxWalk walk;

    nyx_walk_and_mark(wctx, job->iova, job->need, started ? &start : NULL,
                      &walk);
    if (walk.status == NYX_WALK_OK) {
        if (amd->cfg.cache == NYX_CACHE_HARDWARE) {
            nyx_walk_widen(wctx, &walk);
        }
        arrive(way, walk.permission,
               host ? leaf_flags(&walk)
                    : job->ctx->mode0_fc ? NYX_AMD_ENTRY_FC : 0,
               nyx_walk_clean(wctx, &walk));
    } else if (host) {
        host_fault(&walk, job->iova, way);
    } else {
        stage_fault(&guest_faults, &walk, job->iova, way);
    }
    way->addr = walk.addr;
    way->lg2 = MIN(walk.lg2, 64);
    count_reads(job, host ? NAMD_PERF_READS_NESTED : NAMD_PERF_READS_GUEST,
                walk.steps);
    if (job->keep) {
        nyx_paging_fill(&job->paging, wctx, job->iova, &walk);
    }
}

/* 2.2.6.2: whose fault it is decides about GN and the address (digest 5). */
static void nested_fault(const NyxAmdJob *job, const NyxNestedWalk *walk,
                         NyxAmdWay *way)
{
    if (walk->status != NYX_NESTED_FIRST) {
        host_fault(&walk->second, walk->gpa, way);
        way->hole = false;
        if (walk->second.status == NYX_WALK_WIDTH) {
            way->code = NAMD_FAULT_HOST_WIDTH;
        }
        return;
    }
    stage_fault(&guest_faults, &walk->first, job->iova, way);
    if (way->code == NAMD_FAULT_GUEST_READ) {
        uint64_t gpa = way->fault_addr;

        /* The event wants the entry's own address. */
        if (!host_address(job, gpa, &way->fault_addr, way)) {
            way->code = NAMD_FAULT_GUEST_READ;
            way->fault_addr = gpa;
        }
    }
}

/* What is remembered of the guest's tables are guest addresses. */
static void two_stages(const NyxAmdJob *job, const NyxWalkCtx *guest,
                       NyxAmdWay *way)
{
    const NyxWalkCtx host = nyx_amd_host_stage(job->r->amd, job->ctx);
    const NyxNestedCtx nctx = { guest, &host, 64 };
    NyxWalkStart start;
    bool started = paging_start(job, guest, &start);
    NyxNestedWalk walk;

    nyx_nested_walk(&nctx, job->iova, job->need, started ? &start : NULL,
                    &walk);
    way->lg2 = 12;
    if (walk.status == NYX_NESTED_OK) {
        way->addr = walk.addr;
        way->lg2 = walk.lg2;
        arrive(way, walk.permission, leaf_flags(&walk.second),
               nyx_nested_clean(&nctx, &walk));
        count_reads(job, NAMD_PERF_READS_NESTED, walk.second.steps);
    } else {
        nested_fault(job, &walk, way);
    }
    count_reads(job, NAMD_PERF_READS_GUEST, walk.first.steps);
    if (job->keep) {
        nyx_paging_fill(&job->paging, guest, job->iova, &walk.first);
    }
}

/*
 * PASID 0 is for what has no PASID: an address there is not signed, all that
 * the tables span is its own.
 */
static bool input_ok(const NyxAmdJob *job)
{
    unsigned bits = 12 + 9 * job->ctx->guest_levels;

    return job->pasid ? nyx_is_canonical(job->iova, bits)
                      : !(job->iova >> bits);
}

static void guest_walk(const NyxAmdJob *job, NyxAmdWay *way)
{
    const NyxAmdContext *ctx = job->ctx;
    NyxWalkCtx wctx;
    uint64_t cr3;

    if (!guest_cr3(job, &cr3, way)) {
        return;
    }
    if (!input_ok(job)) {
        way->code = NAMD_FAULT_CANONICAL;
        return;
    }
    wctx = nyx_amd_guest_stage(job->r->amd, ctx, cr3, job->privileged);
    if (ctx->kind == NYX_AMD_KIND_HOST) {
        two_stages(job, &wctx, way);
    } else {
        one_stage(job, &wctx, way);
    }
}

void nyx_amd_stages_walk(const NyxAmdJob *job, NyxAmdWay *way)
{
    *way = (NyxAmdWay) { .lg2 = 12, .fault_addr = job->iova };
    nyx_count(&job->r->walks);
    if (job->guest) {
        guest_walk(job, way);
    } else {
        const NyxWalkCtx wctx = nyx_amd_host_stage(job->r->amd, job->ctx);

        one_stage(job, &wctx, way);
    }
}
