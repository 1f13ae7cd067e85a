/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What device table, GCR3 tables and the page tables behind them say at the
 * moment, for people to look at: nothing is cached, marked or noted.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

#define GCR3_ENTRIES (1 << NAMD_GCR3_INDEX_BITS)

typedef struct Dump {
    NyxAmd *amd;
    NyxDumpRoom *room;
    NyxAmdEntriesVisit *visit;
    void *opaque;
    uint32_t pasids;         /* that the tables can be for */
    NyxAmdEntries now;
} Dump;

static bool tell(Dump *dump)
{
    if (!nyx_dump_take(&dump->room->entries)) {
        return false;
    }
    dump->visit(&dump->now, dump->opaque);
    return true;
}

/* The host's tables, as they are read for what the guest's tables are in. */
static NyxWalkCtx outer_stage(const NyxAmd *amd, const NyxAmdContext *ctx)
{
    NyxWalkCtx outer = nyx_amd_host_stage(amd, ctx);

    outer.withheld = NYX_ACCESS_NONE;
    return outer;
}

/* 2.2.6.3: root and tables are the guest's addresses in one mode. */
static bool gcr3_address(const Dump *dump, uint64_t *table)
{
    const NyxAmdContext *ctx = &dump->now.decoded;
    NyxWalkCtx outer;

    if (ctx->kind != NYX_AMD_KIND_HOST ||
        !FIELD_EX64(nyx_amd_control(dump->amd), NAMD_CTRL, GCR3TRP)) {
        return true;
    }
    outer = outer_stage(dump->amd, ctx);
    return nyx_dump_through(&outer, *table, table);
}

/* A table of @level, 0 being the last, whose first entry is for @first. */
static bool dump_gcr3(Dump *dump, uint64_t table, unsigned level,
                      uint32_t first)
{
    uint32_t span = 1u << (level * NAMD_GCR3_INDEX_BITS);
    uint32_t n = MIN(GCR3_ENTRIES, DIV_ROUND_UP(dump->pasids - first, span));
    uint64_t entries[GCR3_ENTRIES];

    if (!nyx_dump_take(&dump->room->tables)) {
        return false;
    }
    if (!gcr3_address(dump, &table) ||
        !nyx_mem_read_le64(&dump->amd->host.mem, table, entries, n)) {
        return true;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t entry = entries[i];
        bool reserved = entry & NYX_MBZ_MASK(NAMD_GCR3_W0);

        if (!FIELD_EX64(entry, NAMD_GCR3, V)) {
            continue;
        }
        if (level && !reserved) {
            if (!dump_gcr3(dump, entry & R_NAMD_GCR3_ADDR_MASK, level - 1,
                           first + i * span)) {
                return false;
            }
            continue;
        }
        dump->now.pasid = first + i * span;
        dump->now.gcr3 = entry;
        dump->now.code = reserved ? NAMD_FAULT_GCR3_RSVD : NAMD_FAULT_NONE;
        if (!tell(dump)) {
            return false;
        }
    }
    return true;
}

bool nyx_amd_dump_entries(NyxAmd *amd, uint16_t sid, NyxDumpRoom *room,
                          NyxAmdEntriesVisit *visit, void *opaque)
{
    Dump dump = {
        .amd = amd, .room = room, .visit = visit, .opaque = opaque,
        .now.sid = sid,
    };
    NyxAmdEntries *now = &dump.now;
    unsigned bits;

    if (!nyx_amd_enabled(amd)) {
        return true;
    }
    now->code = nyx_amd_dte_fetch(amd, sid, now->dte, &now->dte_addr);
    if (now->code == NAMD_FAULT_NONE) {
        now->code = nyx_amd_dte_decode(amd, now->dte, &now->decoded);
    }
    if (!tell(&dump)) {
        return false;
    }
    if (now->code != NAMD_FAULT_NONE || !now->decoded.guest) {
        return true;
    }
    bits = MIN(NAMD_GCR3_INDEX_BITS * (now->decoded.glx + 1),
               amd->cfg.pasid_bits);
    dump.pasids = 1u << bits;
    now->has_pasid = true;
    return dump_gcr3(&dump, now->decoded.gcr3, now->decoded.glx, 0);
}

bool nyx_amd_dump_has_tables(const NyxAmdEntries *entries)
{
    return entries->code == NAMD_FAULT_NONE &&
           (entries->has_pasid ||
            entries->decoded.kind == NYX_AMD_KIND_HOST);
}

bool nyx_amd_dump_mappings(NyxAmd *amd, const NyxAmdEntries *entries,
                           NyxDumpRoom *room, NyxLeafVisit *visit,
                           void *opaque)
{
    const NyxAmdContext *ctx = &entries->decoded;
    bool nested = ctx->kind == NYX_AMD_KIND_HOST;
    NyxWalkCtx stage, outer;

    if (!nyx_amd_dump_has_tables(entries)) {
        return true;
    }
    if (!entries->has_pasid) {
        stage = nyx_amd_host_stage(amd, ctx);
        return nyx_dump_mappings(&stage, NULL, 0, room, visit, opaque);
    }
    if (nested) {
        outer = outer_stage(amd, ctx);
    }
    stage = nyx_amd_guest_stage(amd, ctx,
                                entries->gcr3 & R_NAMD_GCR3_ADDR_MASK, false);
    /* Addresses of PASID 0 are not signed: it stands for no PASID at all. */
    return nyx_dump_mappings(&stage, nested ? &outer : NULL,
                             entries->pasid ? 12 + 9 * ctx->guest_levels : 0,
                             room, visit, opaque);
}

/* Up to 2048 entries of the size that Control says. */
bool nyx_amd_dump_interrupts(NyxAmd *amd, const NyxAmdEntries *entries,
                             NyxDumpRoom *room, NyxAmdInterruptVisit *visit,
                             void *opaque)
{
    uint64_t dte = entries->dte[2];
    unsigned lg2 = FIELD_EX64(dte, NAMD_DTE2, INTTABLEN);
    bool wide = FIELD_EX64(nyx_amd_control(amd), NAMD_CTRL, GAEN);
    unsigned bytes = wide ? NAMD_IRTEX_BYTES : NAMD_IRTE_BYTES;

    if (!FIELD_EX64(dte, NAMD_DTE2, IV) || lg2 > NAMD_INTTABLEN_MAX ||
        FIELD_EX64(dte, NAMD_DTE2, INTCTL) != NAMD_INTCTL_REMAP) {
        return true;
    }
    for (unsigned i = 0; i < 1u << lg2; i++) {
        uint64_t addr = (dte & R_NAMD_DTE2_INTROOT_MASK) + i * bytes;
        uint64_t words[2];

        if (!(i * bytes % 4096) && !nyx_dump_take(&room->tables)) {
            return false;
        }
        if (!nyx_amd_interrupt_entry_read(&amd->host.mem, addr, wide, words) ||
            !FIELD_EX64(words[0], NAMD_IRTEX0, REMAPEN)) {
            continue;
        }
        if (!nyx_dump_take(&room->entries)) {
            return false;
        }
        visit(i, words, wide ? 2 : 1, opaque);
    }
    return true;
}
