/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What root, context and PASID tables and the page tables behind them say at
 * the moment, for people to look at: nothing is cached, marked or noted.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"

/* A directory's entries are read this many at a time: a page. */
#define DIRECTORY_CHUNK 512
#define PASIDS_A_TABLE  64

typedef struct Dump {
    NyxVtd *vtd;
    NyxDumpRoom *room;
    NyxVtdEntriesVisit *visit;
    void *opaque;
    NyxVtdFunction fn;
    NyxVtdEntries now;
} Dump;

static bool tell(Dump *dump)
{
    if (!nyx_dump_take(&dump->room->entries)) {
        return false;
    }
    dump->visit(&dump->now, dump->opaque);
    return true;
}

/* Raw root and context entries; false if one of them is not there. */
static bool read_raw(Dump *dump, unsigned context_words)
{
    NyxVtd *vtd = dump->vtd;
    NyxVtdEntries *now = &dump->now;
    uint64_t root = qatomic_read(&vtd->latched.rtaddr) &
                    R_NVTD_RTADDR_RTA_MASK;
    unsigned devfn = now->sid & 0xff;
    uint64_t half, table;

    if (!nyx_mem_read_le64(&vtd->host.mem, root +
                           (now->sid >> 8) * sizeof(now->root), now->root,
                           2)) {
        return false;
    }
    half = now->root[now->scalable && devfn >> 7];
    if (!FIELD_EX64(half, NVTD_ROOT, P)) {
        return false;
    }
    if (now->scalable) {
        devfn &= 0x7f;
    }
    table = half & R_NVTD_ROOT_CTP_MASK;
    return nyx_mem_read_le64(&vtd->host.mem, table +
                             devfn * context_words * sizeof(uint64_t),
                             now->context, context_words) &&
           FIELD_EX64(now->context[0], NVTD_CTX0, P);
}

static bool dump_legacy(Dump *dump)
{
    if (!read_raw(dump, 2)) {
        return true;
    }
    dump->now.code = nyx_vtd_context_look(dump->vtd, dump->now.sid,
                                          &dump->now.decoded);
    return tell(dump);
}

/* The PASIDs of one directory entry. */
static bool dump_pasid_table(Dump *dump, uint64_t pde, uint32_t first)
{
    NyxVtdEntries *now = &dump->now;
    uint64_t table[PASIDS_A_TABLE][8];

    if (!FIELD_EX64(pde, NVTD_PDIR, P)) {
        return true;
    }
    if (!nyx_dump_take(&dump->room->tables)) {
        return false;
    }
    if (!nyx_mem_read_le64(&dump->vtd->host.mem,
                           pde & R_NVTD_PDIR_SMPTBLPTR_MASK, table[0],
                           PASIDS_A_TABLE * 8)) {
        return true;
    }
    for (unsigned i = 0; i < PASIDS_A_TABLE; i++) {
        if (!FIELD_EX64(table[i][0], NVTD_PTE0, P)) {
            continue;
        }
        memcpy(now->entry, table[i], sizeof(now->entry));
        now->pasid = first + i;
        now->code = nyx_vtd_pasid_fetch(dump->vtd, &dump->fn, now->pasid,
                                        &now->decoded);
        if (!tell(dump)) {
            return false;
        }
    }
    return true;
}

static bool dump_scalable(Dump *dump)
{
    uint64_t directory[DIRECTORY_CHUNK];
    uint32_t pdes;

    if (!read_raw(dump, 4)) {
        return true;
    }
    dump->now.code = nyx_vtd_function_fetch(dump->vtd, dump->now.sid,
                                            &dump->fn);
    if (dump->now.code != NVTD_FAULT_NONE) {
        return tell(dump);
    }
    pdes = (1u << NVTD_SCTX_PASID_BITS(dump->fn.pdts)) / PASIDS_A_TABLE;
    for (uint32_t i = 0; i < pdes; i++) {
        unsigned at = i % DIRECTORY_CHUNK;
        unsigned n = MIN(DIRECTORY_CHUNK, pdes - i);

        if (!at) {
            if (!nyx_dump_take(&dump->room->tables)) {
                return false;
            }
            if (!nyx_mem_read_le64(&dump->vtd->host.mem, dump->fn.directory +
                                   i * sizeof(uint64_t), directory, n)) {
                return true;
            }
        }
        if (!dump_pasid_table(dump, directory[at], i * PASIDS_A_TABLE)) {
            return false;
        }
    }
    return true;
}

bool nyx_vtd_dump_entries(NyxVtd *vtd, uint16_t sid, NyxDumpRoom *room,
                          NyxVtdEntriesVisit *visit, void *opaque)
{
    uint64_t rtaddr = qatomic_read(&vtd->latched.rtaddr);
    Dump dump = {
        .vtd = vtd, .room = room, .visit = visit, .opaque = opaque,
        .now.sid = sid,
    };

    if (!nyx_vtd_translating(vtd)) {
        return true;
    }
    switch (nyx_vtd_mode_of(vtd, rtaddr)) {
    case NVTD_TTM_LEGACY:
        return dump_legacy(&dump);
    case NVTD_TTM_SCALABLE:
        dump.now.scalable = true;
        return dump_scalable(&dump);
    default:
        return true;
    }
}

/* --- Mappings ------------------------------------------------------------- */

bool nyx_vtd_dump_has_stage(const NyxVtdEntries *entries, bool second)
{
    unsigned kind = entries->decoded.kind;

    if (entries->code != NVTD_FAULT_NONE) {
        return false;
    }
    return kind == NYX_VTD_KIND_NESTED ||
           kind == (second ? NYX_VTD_KIND_SECOND : NYX_VTD_KIND_FIRST);
}

bool nyx_vtd_dump_mappings(NyxVtd *vtd, const NyxVtdEntries *entries,
                           bool second, NyxDumpRoom *room,
                           NyxLeafVisit *visit, void *opaque)
{
    const NyxVtdContext *ctx = &entries->decoded;
    NyxWalkCtx second_stage = nyx_vtd_second_stage(vtd, ctx);
    NyxWalkCtx first_stage;

    if (!nyx_vtd_dump_has_stage(entries, second)) {
        return true;
    }
    if (second) {
        return nyx_dump_mappings(&second_stage, NULL, 0, room, visit, opaque);
    }
    first_stage = nyx_vtd_first_stage(vtd, ctx, false);
    return nyx_dump_mappings(&first_stage,
                             ctx->kind == NYX_VTD_KIND_NESTED ? &second_stage
                                                              : NULL,
                             ctx->fs_levels == 5 ? 57 : 48, room, visit,
                             opaque);
}
