/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables of a context: one stage or two, with the paging-structure
 * cache, and which fault a walk that fails is (7.1.3).
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/iotlb-lookup.h"
#include "hw/nyx-iommu/nested.h"
#include "hw/nyx-vtd/internal.h"

/* Fault codes that legacy and scalable mode have in common, but by number. */
typedef struct SecondFaults {
    NyxVtdFaultCode root;    /* its table is not in RAM */
    NyxVtdFaultCode table;
    NyxVtdFaultCode reserved;
    NyxVtdFaultCode write;
    NyxVtdFaultCode read;
} SecondFaults;

static const SecondFaults second_faults[] = {
    [false] = {
        /* LCT.4.3 is for the table that the context entry points at. */
        NVTD_FAULT_CTX_INV, NVTD_FAULT_SS_READ, NVTD_FAULT_SS_RSVD,
        NVTD_FAULT_WRITE, NVTD_FAULT_READ,
    },
    [true] = {
        NVTD_FAULT_SSS_ROOT, NVTD_FAULT_SSS_READ, NVTD_FAULT_SSS_RSVD,
        NVTD_FAULT_SGN_WRITE, NVTD_FAULT_SGN_READ,
    },
};

NyxVtdFaultCode nyx_vtd_denied(const NyxVtdContext *ctx, unsigned missing)
{
    const SecondFaults *codes = &second_faults[ctx->scalable];

    if (missing & NYX_ACCESS_EXEC) {
        return NVTD_FAULT_SGN_EXEC;
    }
    return missing & NYX_ACCESS_WRITE ? codes->write : codes->read;
}

/* --- The stages ----------------------------------------------------------- */

NyxWalkCtx nyx_vtd_second_stage(const NyxVtd *vtd, const NyxVtdContext *ctx)
{
    return (NyxWalkCtx) {
        .fmt = &nyx_fmt_vtdss,
        .mem = &vtd->host.mem,
        .root = ctx->ssptptr,
        .top = ctx->aw + 1,
        .addr_bits = vtd->cfg.haw_bits,
        .features = nyx_vtd_second_sizes(&vtd->cfg) |
                    /* Only legacy mode asks ECAP.SC for it (9.8). */
                    (vtd->cfg.snoop_control || ctx->scalable
                     ? NYX_VTDSS_SNP : 0) |
                    (ctx->second_ad ? NYX_VTDSS_AD : 0),
    };
}

NyxWalkCtx nyx_vtd_first_stage(const NyxVtd *vtd, const NyxVtdContext *ctx,
                               bool privileged)
{
    return (NyxWalkCtx) {
        .fmt = &nyx_fmt_vtdfs,
        .mem = &vtd->host.mem,
        .root = ctx->fsptptr,
        .top = ctx->fs_levels - 1,
        /* Of guest addresses the second stage knows the width. */
        .addr_bits = ctx->kind == NYX_VTD_KIND_NESTED ? 52
                                                      : vtd->cfg.haw_bits,
        .features = (vtd->cfg.first_1g ? NYX_VTDFS_1G : 0) |
                    (privileged ? NYX_VTDFS_PRIV : 0) |
                    (ctx->write_protect ? NYX_VTDFS_WPE : 0) |
                    /*
                     * Without execute requests XD has no meaning: Linux gives
                     * a process's tables to a device with ERE and NXE clear.
                     */
                    (ctx->no_execute || !ctx->execute ? NYX_VTDFS_NXE : 0) |
                    (ctx->smep ? NYX_VTDFS_SMEP : 0) |
                    (ctx->extended_accessed ? NYX_VTDFS_EA : 0),
    };
}

/* --- Faults --------------------------------------------------------------- */

static void first_fault(const NyxWalkCtx *wctx, const NyxWalk *walk,
                        unsigned need, NyxVtdWay *way)
{
    unsigned missing = need & ~walk->permission;

    switch (walk->status) {
    case NYX_WALK_EMPTY:
        way->code = NVTD_FAULT_FS_P;
        return;
    case NYX_WALK_PRIVILEGE:
        way->code = NVTD_FAULT_SGN_USER;
        return;
    case NYX_WALK_DENIED:
        way->code = missing & NYX_ACCESS_EXEC ? NVTD_FAULT_SGN_EXEC :
                    missing & NYX_ACCESS_WRITE ? NVTD_FAULT_SGN_WRITE
                                               : NVTD_FAULT_SGN_READ;
        return;
    case NYX_WALK_RESERVED:
        way->code = NVTD_FAULT_FS_RSVD;
        break;
    case NYX_WALK_MARK_ERROR:
        way->code = NVTD_FAULT_FS_AD;
        break;
    default:
        way->code = walk->level == wctx->top ? NVTD_FAULT_FS_ROOT
                                             : NVTD_FAULT_FS_READ;
    }
}

/* A request that needs no access, and is not privileged enough for any. */
static void check_privilege(const NyxWalk *first, NyxVtdWay *way)
{
    if (!(first->permission & NYX_ACCESS_RWX)) {
        way->code = NVTD_FAULT_SGN_USER;
    }
}

static void second_fault(const NyxVtdContext *ctx, const NyxWalkCtx *wctx,
                         const NyxWalk *walk, unsigned need, NyxVtdWay *way)
{
    const SecondFaults *codes = &second_faults[ctx->scalable];

    switch (walk->status) {
    case NYX_WALK_EMPTY:
        way->code = ctx->scalable ? NVTD_FAULT_SSS_P
                                  : nyx_vtd_denied(ctx, need);
        way->hole = true;
        break;
    case NYX_WALK_DENIED:
        /* SSS.2: neither right is left. */
        way->code = ctx->scalable && !(walk->permission & NYX_ACCESS_RW)
                    ? NVTD_FAULT_SSS_P
                    : nyx_vtd_denied(ctx, need & ~walk->permission);
        break;
    case NYX_WALK_RESERVED:
        way->code = codes->reserved;
        break;
    case NYX_WALK_MARK_ERROR:
        way->code = NVTD_FAULT_SSS_AD;
        break;
    default:
        way->code = walk->level == wctx->top ? codes->root : codes->table;
    }
}

/* What the second stage said of a first-stage table, or of the end. */
static void nested_fault(const NyxVtdContext *ctx, const NyxNestedCtx *nctx,
                         const NyxNestedWalk *walk, unsigned need,
                         NyxVtdWay *way)
{
    bool denied = walk->second.status == NYX_WALK_DENIED;

    if (walk->status == NYX_NESTED_FIRST) {
        first_fault(nctx->first, &walk->first, need, way);
        return;
    }
    if (walk->second.status == NYX_WALK_WIDTH) {
        way->code = NVTD_FAULT_FS_BEYOND_SS;
        return;
    }
    second_fault(ctx, nctx->second, &walk->second, need, way);
    way->hole = false;
    if (walk->status == NYX_NESTED_FINAL) {
        return;
    }
    if (denied && walk->status == NYX_NESTED_STORE) {
        way->code = NVTD_FAULT_FS_AD_SS;
    } else if (denied) {
        way->code = walk->first.level == nctx->first->top
                    ? NVTD_FAULT_FS_ROOT_SS : NVTD_FAULT_FS_TABLE_SS;
    }
}

/* --- Paging-structure cache ----------------------------------------------- */

static bool paging_lookup(const NyxVtdJob *job, const NyxWalkCtx *wctx,
                          NyxWalkStart *start)
{
    bool hit = nyx_paging_lookup(&job->paging, wctx->fmt, job->iova, start);

    return nyx_vtd_perf_lookup(job->r->vtd, NVTD_PERF_TABLE_LOOKUP, hit,
                               job->sid, job->ctx->did) &&
           nyx_paging_serves(wctx, start, job->need);
}

/* --- Walks ---------------------------------------------------------------- */

static void count_walk(const NyxVtdJob *job, unsigned reads)
{
    NyxVtdRequester *r = job->r;

    nyx_count(&r->walks);
    nyx_vtd_perf_count(r->vtd, NVTD_PERF_TABLE_READ, reads, job->sid,
                       job->ctx->did);
    qatomic_set(&r->walk_reads, qatomic_read(&r->walk_reads) + reads);
}

/* The snoop bit is in leaves of the second stage. */
static bool snooped(const NyxVtd *vtd, const NyxWalk *walk)
{
    return vtd->cfg.snoop_control &&
           walk->trail[walk->steps - 1].entry & BIT_ULL(NVTD_SS_SNP);
}

static void one_stage(const NyxVtdJob *job, const NyxWalkCtx *wctx,
                      NyxVtdWay *way)
{
    bool hardware = job->r->vtd->cfg.cache == NYX_CACHE_HARDWARE;
    NyxWalkStart start;
    bool started = paging_lookup(job, wctx, &start);
    NyxWalk walk;

    if (nyx_walk_marks(wctx)) {
        nyx_walk_and_mark(wctx, job->iova, job->need, started ? &start : NULL,
                          &walk);
    } else {
        nyx_walk(wctx, job->iova, job->need & NYX_ACCESS_RWX,
                 started ? &start : NULL, &walk);
    }
    if (walk.status == NYX_WALK_OK) {
        if (hardware) {
            nyx_walk_widen(wctx, &walk);
        }
        way->kept = walk.permission & NYX_ACCESS_RWX;
        if (nyx_walk_clean(wctx, &walk)) {
            way->kept &= ~NYX_ACCESS_WRITE;
        }
        if (wctx->fmt == &nyx_fmt_vtdfs) {
            check_privilege(&walk, way);
        } else {
            way->snoop = snooped(job->r->vtd, &walk);
        }
    } else if (wctx->fmt == &nyx_fmt_vtdfs) {
        first_fault(wctx, &walk, job->need & NYX_ACCESS_RWX, way);
    } else {
        second_fault(job->ctx, wctx, &walk, job->need & NYX_ACCESS_RWX, way);
    }
    way->addr = walk.addr;
    way->lg2 = walk.lg2;
    way->permission = walk.permission & NYX_ACCESS_RWX;
    count_walk(job, walk.steps);
    if (job->keep) {
        nyx_paging_fill(&job->paging, wctx, job->iova, &walk);
    }
}

/* What is remembered of the first stage's tables are guest addresses. */
static void two_stages(const NyxVtdJob *job, NyxVtdWay *way)
{
    const NyxVtd *vtd = job->r->vtd;
    const NyxWalkCtx first = nyx_vtd_first_stage(vtd, job->ctx,
                                                 job->privileged);
    const NyxWalkCtx second = nyx_vtd_second_stage(vtd, job->ctx);
    const NyxNestedCtx nctx = {
        &first, &second, NVTD_AW_BITS(job->ctx->aw),
    };
    NyxWalkStart start;
    bool started = paging_lookup(job, &first, &start);
    NyxNestedWalk walk;

    nyx_nested_walk(&nctx, job->iova, job->need, started ? &start : NULL,
                    &walk);
    if (walk.status == NYX_NESTED_OK) {
        way->addr = walk.addr;
        way->lg2 = walk.lg2;
        way->permission = way->kept = walk.permission & NYX_ACCESS_RWX;
        if (nyx_nested_clean(&nctx, &walk)) {
            way->kept &= ~NYX_ACCESS_WRITE;
        }
        way->snoop = snooped(vtd, &walk.second);
        check_privilege(&walk.first, way);
    } else {
        way->lg2 = 12;
        nested_fault(job->ctx, &nctx, &walk, job->need & NYX_ACCESS_RWX, way);
    }
    count_walk(job, walk.first.steps);
    if (job->keep) {
        nyx_paging_fill(&job->paging, &first, job->iova, &walk.first);
    }
}

void nyx_vtd_stages_walk(const NyxVtdJob *job, NyxVtdWay *way)
{
    const NyxVtdContext *ctx = job->ctx;

    *way = (NyxVtdWay) { };
    if (ctx->kind == NYX_VTD_KIND_SECOND) {
        const NyxWalkCtx wctx = nyx_vtd_second_stage(job->r->vtd, ctx);

        one_stage(job, &wctx, way);
    } else if (!nyx_is_canonical(job->iova, ctx->fs_levels == 5 ? 57 : 48)) {
        way->code = NVTD_FAULT_SGN_CANONICAL;
        way->lg2 = 12;
    } else if (ctx->kind == NYX_VTD_KIND_FIRST) {
        const NyxWalkCtx wctx = nyx_vtd_first_stage(job->r->vtd, ctx,
                                                    job->privileged);

        one_stage(job, &wctx, way);
    } else {
        two_stages(job, way);
    }
}
