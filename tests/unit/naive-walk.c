/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walks of naive-walk.h.
 */
#include "qemu/osdep.h"
#include <malloc.h>
#include "qemu/host-utils.h"
#include "naive-walk.h"

#define ADDR_51_12 0x000ffffffffff000ULL
/* AMD host tables. */
#define AMD_PR (1ULL << 0)
#define AMD_IR (1ULL << 61)
#define AMD_IW (1ULL << 62)

static bool bit(uint64_t word, unsigned n)
{
    return word >> n & 1;
}

/* --- Tables --------------------------------------------------------------- */

void nv_init(NvTables *t, FxMem *mem, bool first, unsigned levels,
             unsigned haw)
{
    *t = (NvTables) {
        .mem = mem,
        .first = first,
        .root = fx_mem_pages(mem, 1),
        .levels = levels,
        .haw = haw,
        .has_2m = true,
        .has_1g = true,
        .snoop = true,
        .nxe = true,
    };
}

static const NyxFormat *format(const NvTables *t)
{
    if (t->amd) {
        return t->first ? &nyx_fmt_amdv2 : &nyx_fmt_amdv1;
    }
    return t->first ? &nyx_fmt_vtdfs : &nyx_fmt_vtdss;
}

NyxWalkCtx nv_ctx(const NvTables *t)
{
    uint32_t features;

    if (t->amd && t->first) {
        features = (t->nxe ? NYX_AMDV2_NX : 0) | (t->us ? NYX_AMDV2_US : 0) |
                   (t->priv ? NYX_AMDV2_PRIV : 0) |
                   (t->ad && !t->d_only ? NYX_AMDV2_A : 0) |
                   (t->ad && !t->no_d ? NYX_AMDV2_D : 0);
    } else if (t->amd) {
        features = (t->ad ? NYX_AMDV1_HA : 0) |
                   (t->ad && !t->no_d ? NYX_AMDV1_HD : 0);
    } else if (t->first) {
        features = (t->has_1g ? NYX_VTDFS_1G : 0) |
                   (t->priv ? NYX_VTDFS_PRIV : 0) |
                   (t->wpe ? NYX_VTDFS_WPE : 0) |
                   (t->nxe ? NYX_VTDFS_NXE : 0) |
                   (t->smep ? NYX_VTDFS_SMEP : 0) |
                   (t->ea ? NYX_VTDFS_EA : 0);
    } else {
        features = (t->has_2m ? NYX_VTDSS_2M : 0) |
                   (t->has_1g ? NYX_VTDSS_1G : 0) |
                   (t->snoop ? NYX_VTDSS_SNP : 0) |
                   (t->ad ? NYX_VTDSS_AD : 0);
    }
    return (NyxWalkCtx) {
        .fmt = format(t),
        .mem = &t->mem->ops,
        .root = t->root,
        .top = t->levels - 1,
        .addr_bits = t->haw,
        .features = features,
        .withheld = t->withheld,
    };
}

static bool is_host(const NvTables *t)
{
    return t->amd && !t->first;
}

/* A new table of @level, as an entry that points at it. */
static uint64_t new_table(const NvTables *t, unsigned level)
{
    return (fx_mem_pages(t->mem, 1) + t->bias) |
           (is_host(t) ? AMD_PR | AMD_IR | AMD_IW | NV_NEXT(level)
                       : t->first ? 7 : 3);
}

uint64_t nv_entry(const NvTables *t, uint64_t iova, unsigned level)
{
    uint64_t table = t->root;

    for (unsigned l = t->levels;;) {
        uint64_t at = table - t->bias + (iova >> (12 + 9 * (l - 1))) % 512 * 8;
        uint64_t entry = fx_mem_peek(t->mem, at);

        if (l == level) {
            return at;
        }
        if (!(entry & 3)) {
            entry = new_table(t, l - 1);
            fx_mem_poke(t->mem, at, entry);
        }
        table = entry & ADDR_51_12;
        l = is_host(t) ? entry >> 9 & 7 : l - 1;
    }
}

void nv_skip(const NvTables *t, uint64_t iova, unsigned level, unsigned next)
{
    fx_mem_poke(t->mem, nv_entry(t, iova, level), new_table(t, next));
}

uint64_t nv_encoded(uint64_t addr, unsigned lg2)
{
    for (unsigned n = 12; n < lg2 - 1; n++) {
        addr |= 1ULL << n;
    }
    return addr | NV_NEXT(7);
}

void nv_leaf(const NvTables *t, uint64_t iova, unsigned level, uint64_t addr,
             uint64_t bits)
{
    fx_mem_poke(t->mem, nv_entry(t, iova, level),
                addr | (level > 1 && !is_host(t) ? 0x80 : 0) | bits);
}

/* --- What an entry says --------------------------------------------------- */

static bool present(const NvTables *t, uint64_t entry)
{
    return bit(entry, 0) || (!t->first && !t->amd && bit(entry, 1));
}

static bool is_leaf(const NvTables *t, unsigned level, uint64_t entry)
{
    if (is_host(t)) {
        return (entry >> 9 & 7) == 0 || (entry >> 9 & 7) == 7;
    }
    switch (level) {
    case 1:
        return true;
    case 2:
        return bit(entry, 7) && (t->first || t->has_2m);
    case 3:
        return bit(entry, 7) && t->has_1g;
    default:
        return false;
    }
}

static bool first_reserved(const NvTables *t, unsigned level, bool leaf,
                           unsigned n)
{
    if (n == 63) {
        return !t->nxe && !t->amd;
    }
    if (n == 7) {
        return !leaf;
    }
    /* Bit 12 of a large page is for the PAT. */
    return (leaf && level == 2 && n >= 13 && n <= 20) ||
           (leaf && level == 3 && n >= 13 && n <= 29);
}

static bool second_reserved(const NvTables *t, unsigned level, bool leaf,
                            unsigned n)
{
    if (n == 62) {
        return true;
    }
    if (!leaf) {
        return n == 7 || n == 11;
    }
    if (n == 11) {
        return !t->snoop;
    }
    return (level == 2 && n >= 12 && n <= 20) ||
           (level == 3 && n >= 12 && n <= 29);
}

/* log2 of a leaf's size; of an AMD host page, of what its bits say. */
static unsigned leaf_lg2(const NvTables *t, unsigned level, uint64_t entry)
{
    unsigned n = 12;

    if (!is_host(t) || (entry >> 9 & 7) != 7) {
        return 12 + 9 * (level - 1);
    }
    while (bit(entry & ADDR_51_12, n)) {
        n++;
    }
    return n + 1;
}

/* NextLevel says something that it cannot say here. */
static bool bad_next(unsigned level, uint64_t entry, unsigned lg2)
{
    switch (entry >> 9 & 7) {
    case 0:
        return level == 6;
    case 7:
        return level == 6 || lg2 <= 12 + 9 * (level - 1) ||
               lg2 >= 12 + 9 * level || (entry & ADDR_51_12) == ADDR_51_12;
    default:
        return (entry >> 9 & 7) >= level;
    }
}

static bool host_reserved(bool leaf, unsigned n)
{
    return n >= 52 && n <= (leaf ? 58 : 60);
}

static bool has_reserved(const NvTables *t, unsigned level, bool leaf,
                         uint64_t entry)
{
    if (is_host(t) && bad_next(level, entry, leaf_lg2(t, level, entry))) {
        return true;
    }
    for (uint64_t rest = entry; rest; rest &= rest - 1) {
        unsigned n = ctz64(rest);

        if ((n >= t->haw && n <= 51) ||
            (is_host(t) ? host_reserved(leaf, n) :
             t->first ? first_reserved(t, level, leaf, n)
                      : second_reserved(t, level, leaf, n))) {
            return true;
        }
    }
    return false;
}

/* What has been seen on the way down. */
typedef struct Seen {
    bool read;
    bool write;
    bool user;
    bool no_execute;
} Seen;

static void see(const NvTables *t, uint64_t entry, Seen *seen)
{
    if (t->first) {
        seen->write = seen->write && bit(entry, 1);
        seen->user = seen->user && (bit(entry, 2) || (t->amd && !t->us));
        seen->no_execute = seen->no_execute ||
                           (bit(entry, 63) && !(t->amd && !t->nxe));
    } else if (t->amd) {
        seen->read = seen->read && bit(entry, 61);
        seen->write = seen->write && bit(entry, 62);
    } else {
        seen->read = seen->read && bit(entry, 0);
        seen->write = seen->write && bit(entry, 1);
    }
}

static unsigned allowed(const NvTables *t, const Seen *seen, bool leaf)
{
    bool execute = !seen->no_execute;

    if (!t->first) {
        return (seen->read ? NV_R | NV_X : 0) | (seen->write ? NV_W : 0);
    }
    if (!t->priv) {
        return !seen->user ? 0 : NV_R | (seen->write ? NV_W : 0) |
                                 (execute ? NV_X : 0);
    }
    if (t->smep && seen->user && leaf) {
        execute = false;
    }
    return NV_R | (seen->write || (!t->wpe && !t->amd) ? NV_W : 0) |
           (execute ? NV_X : 0);
}

static NyxWalkStatus check(const NvTables *t, unsigned level, uint64_t entry,
                           unsigned need, Seen *seen, unsigned *rwx)
{
    bool leaf = is_leaf(t, level, entry);
    bool reserved = has_reserved(t, level, leaf, entry);

    if ((t->first || t->amd) && reserved) {
        return NYX_WALK_RESERVED;
    }
    see(t, entry, seen);
    *rwx = allowed(t, seen, leaf) & ~t->withheld;
    if ((need & *rwx) != need) {
        return t->first && !t->priv && !seen->user ? NYX_WALK_PRIVILEGE
                                                   : NYX_WALK_DENIED;
    }
    return reserved ? NYX_WALK_RESERVED : NYX_WALK_OK;
}

/* --- One stage ------------------------------------------------------------ */

/* The second stage of a nested walk, and how it went last. */
typedef struct Outer {
    NvTables tables;         /* without what is withheld from the request */
    unsigned bits;
    NvWalk walk;
} Outer;

static bool outer_addr(Outer *outer, const NvTables *t, uint64_t *addr,
                       unsigned need, bool mark)
{
    if (outer->bits < 64 && *addr >> outer->bits) {
        outer->walk = (NvWalk) { .status = NYX_WALK_WIDTH };
    } else {
        outer->walk = nv_walk(t, *addr, need, mark);
    }
    *addr = outer->walk.addr + *addr % (1ULL << outer->walk.lg2);
    return outer->walk.status == NYX_WALK_OK;
}

/* Whether an address is beyond what a table of @level is for. */
static bool is_above(uint64_t iova, unsigned level)
{
    return level < 6 && iova >> (12 + 9 * level);
}

static NvWalk walk_down(const NvTables *t, Outer *outer, uint64_t iova,
                        unsigned need)
{
    Seen seen = { true, true, true, false };
    NvWalk out = { .rwx = NV_R | NV_W | NV_X, .level = t->levels };
    uint64_t table = t->root;

    if (is_host(t) && is_above(iova, t->levels)) {
        return (NvWalk) { .status = NYX_WALK_EMPTY, .level = t->levels,
                          .lg2 = 12 + 9 * t->levels };
    }
    for (;;) {
        unsigned next = out.level - 1;
        uint64_t at, entry;

        out.lg2 = 12 + 9 * (out.level - 1);
        at = table + (iova >> out.lg2) % 512 * 8;
        out.at[out.n] = at;
        out.levels[out.n] = out.level;
        if (outer && !outer_addr(outer, &outer->tables, &at, NV_R, true)) {
            out.status = NYX_WALK_TABLE_FAULT;
            return out;
        }
        if (!t->mem->ops.read(t->mem, at, &entry, 8)) {
            out.status = NYX_WALK_READ_ERROR;
            return out;
        }
        out.n++;
        if (!present(t, entry)) {
            out.status = NYX_WALK_EMPTY;
            out.rwx = 0;
            return out;
        }
        out.status = check(t, out.level, entry, need, &seen, &out.rwx);
        if (out.status != NYX_WALK_OK) {
            return out;
        }
        if (is_leaf(t, out.level, entry)) {
            out.lg2 = leaf_lg2(t, out.level, entry);
            out.addr = (entry & ADDR_51_12) >> out.lg2 << out.lg2;
            return out;
        }
        table = entry & ADDR_51_12;
        next = is_host(t) ? entry >> 9 & 7 : next;
        if (is_above(iova % (1ULL << out.lg2), next)) {
            out.status = NYX_WALK_EMPTY;
            out.lg2 = 12 + 9 * next;
            out.rwx = 0;
            return out;
        }
        out.level = next;
    }
}

static uint64_t marked(const NvTables *t, uint64_t entry, bool leaf,
                       bool write)
{
    if (t->amd) {
        entry |= t->ad && !t->d_only ? 1 << 5 : 0;
        entry |= t->ad && !t->no_d && leaf && write ? 1 << 6 : 0;
    } else if (t->first) {
        entry |= 1 << 5;
        entry |= t->ea ? 1 << 10 : 0;
        entry |= leaf && write ? 1 << 6 : 0;
    } else if (t->ad) {
        entry |= 1 << 8;
        entry |= leaf && write ? 1 << 9 : 0;
    }
    return entry;
}

static void mark_walk(const NvTables *t, Outer *outer, NvWalk *walk,
                      bool write)
{
    for (unsigned i = 0; i < walk->n; i++) {
        uint64_t at = walk->at[i], entry, want;

        if (!outer) {
            entry = fx_mem_peek(t->mem, at);
        } else {
            /* Where it is was found out before: a look changes nothing. */
            NvWalk way = nv_walk(&outer->tables, at, 0, false);

            entry = fx_mem_peek(t->mem, way.addr + at % (1ULL << way.lg2));
        }
        want = marked(t, entry, i + 1 == walk->n, write);
        if (want == entry) {
            continue;
        }
        walk->level = walk->levels[i];
        if (outer && !outer_addr(outer, &outer->tables, &at, NV_W, true)) {
            walk->status = NYX_WALK_MARK_FAULT;
            return;
        }
        if (!t->mem->ops.cmpxchg64(t->mem, at, &entry, want)) {
            walk->status = NYX_WALK_MARK_ERROR;
            return;
        }
    }
    walk->level = walk->levels[walk->n - 1];
}

NvWalk nv_walk(const NvTables *t, uint64_t iova, unsigned need, bool mark)
{
    NvWalk out = walk_down(t, NULL, iova, need);

    if (mark && out.status == NYX_WALK_OK && (out.rwx & (NV_R | NV_W))) {
        mark_walk(t, NULL, &out, need & NV_W);
    }
    return out;
}

typedef struct Leaves {
    const NvTables *t;
    uint64_t first;
    uint64_t last;
    GArray *found;
} Leaves;

static void add_leaf(Leaves *l, uint64_t iova, unsigned level,
                     const NvWalk *walk)
{
    NyxLeaf leaf = {
        .iova = iova >> walk->lg2 << walk->lg2,
        .addr = walk->addr,
        .lg2 = walk->lg2,
        .permission = walk->rwx & (NV_R | NV_W),
    };

    if (l->found->len) {
        const NyxLeaf *before = &g_array_index(l->found, NyxLeaf,
                                               l->found->len - 1);

        if (iova - before->iova < 1ULL << before->lg2) {
            return;
        }
    }
    if (leaf.iova != iova) {
        leaf.addr += iova - leaf.iova;
        leaf.iova = iova;
        leaf.lg2 = 12 + 9 * (level - 1);
    }
    if (iova + ((1ULL << leaf.lg2) - 1) >= l->first) {
        g_array_append_val(l->found, leaf);
    }
}

/* Only entries that are not zero are walked to: there are few of them. */
static void each_entry(Leaves *l, uint64_t table, unsigned level,
                       uint64_t base)
{
    unsigned lg2 = 12 + 9 * (level - 1);

    for (uint64_t i = 0; i < 512; i++) {
        uint64_t iova = base + (i << lg2);
        unsigned n = 0;
        NvWalk walk;

        if (i << lg2 >> lg2 != i || iova > l->last) {
            return;
        }
        if (iova + (1ULL << MIN(lg2 + 9, 63)) < l->first ||
            !fx_mem_peek(l->t->mem, table + i * 8)) {
            continue;
        }
        walk = nv_walk(l->t, iova, 0, false);
        while (walk.levels[n] != level) {
            n++;
        }
        if (n + 1 < walk.n) {
            each_entry(l, walk.at[n + 1] & ADDR_51_12, walk.levels[n + 1],
                       iova);
        } else if (walk.status == NYX_WALK_OK && (walk.rwx & (NV_R | NV_W))) {
            add_leaf(l, iova, level, &walk);
        }
    }
}

GArray *nv_leaves(const NvTables *t, uint64_t first, uint64_t last)
{
    Leaves l = { t, first, last,
                 g_array_new(FALSE, FALSE, sizeof(NyxLeaf)) };

    each_entry(&l, t->root, t->levels, 0);
    return l.found;
}

/* --- Both ----------------------------------------------------------------- */

NvNested nv_nested(const NvTables *first, const NvTables *second,
                   unsigned second_bits, uint64_t iova, unsigned need)
{
    Outer outer = { .tables = *second, .bits = second_bits };
    NvNested out = { .status = NYX_NESTED_FIRST };
    uint64_t gpa, hpa;

    outer.tables.withheld = 0;
    out.first = walk_down(first, &outer, iova, need);
    if (out.first.status != NYX_WALK_OK) {
        if (out.first.status == NYX_WALK_TABLE_FAULT) {
            out.status = NYX_NESTED_TABLE;
            out.second = outer.walk;
        }
        return out;
    }
    gpa = hpa = out.first.addr + iova % (1ULL << out.first.lg2);
    out.status = NYX_NESTED_FINAL;
    if (!outer_addr(&outer, second, &hpa, need, false)) {
        out.second = outer.walk;
        return out;
    }
    out.second = outer.walk;
    out.rwx = out.first.rwx & out.second.rwx;
    out.lg2 = MIN(out.first.lg2, out.second.lg2);
    out.addr = hpa >> out.lg2 << out.lg2;
    if (!(out.rwx & (NV_R | NV_W))) {
        out.status = NYX_NESTED_OK;
        return out;
    }
    mark_walk(first, &outer, &out.first, need & NV_W);
    if (out.first.status != NYX_WALK_OK) {
        bool refused = out.first.status == NYX_WALK_MARK_FAULT;

        out.status = refused ? NYX_NESTED_STORE : NYX_NESTED_FIRST;
        out.second = refused ? outer.walk : out.second;
        return out;
    }
    out.second = nv_walk(second, gpa, need, true);
    if (out.second.status == NYX_WALK_OK) {
        out.status = NYX_NESTED_OK;
    }
    return out;
}

/* --- Contents of memory --------------------------------------------------- */

NvImage nv_save(const FxMem *mem)
{
    /* There are many: their pages stay with the process. */
    mallopt(M_MMAP_THRESHOLD, 1 << 24);
    mallopt(M_TRIM_THRESHOLD, 1 << 24);
    return (NvImage) { g_memdup2(mem->bytes, mem->next_page), mem->next_page };
}

void nv_restore(FxMem *mem, const NvImage *image)
{
    memcpy(mem->bytes, image->bytes, image->size);
}

bool nv_same(const FxMem *mem, const NvImage *image)
{
    return !memcmp(mem->bytes, image->bytes, image->size);
}

void nv_drop(NvImage *image)
{
    g_free(image->bytes);
}

/* --- Comparison ----------------------------------------------------------- */

static void compare_walks(const char *row, const NyxWalk *walk,
                          const NvWalk *want)
{
    FX_CHECK(row, walk->status, want->status);
    if (want->status == NYX_WALK_WIDTH) {
        return;
    }
    FX_CHECK(row, walk->level, want->level - 1);
    FX_CHECK(row, walk->lg2, want->lg2);
    FX_CHECK(row, walk->steps, want->n);
    if (want->status == NYX_WALK_OK || want->status == NYX_WALK_DENIED ||
        want->status == NYX_WALK_PRIVILEGE) {
        FX_CHECK(row, walk->permission & 7, want->rwx);
    }
    if (want->status == NYX_WALK_OK) {
        FX_CHECK(row, walk->addr, want->addr);
    }
    for (unsigned i = 0; i < MIN(walk->steps, want->n); i++) {
        FX_CHECK(row, walk->trail[i].entry_addr, want->at[i]);
    }
}

/*
 * The walker without the format's functions inlined says the same: for a
 * format that never has them inlined, and for a copy.
 */
static void check_generic(const char *row, NyxWalkCtx ctx, uint64_t iova,
                          unsigned need, const NyxWalk *want)
{
    NyxFormat fmt = *ctx.fmt;
    NyxWalk walk;

    if (iova & 1) {
        fmt.walk = NULL;
    }
    ctx.fmt = &fmt;
    nyx_walk(&ctx, iova, need, NULL, &walk);
    FX_CHECK(row, walk.status, want->status);
    FX_CHECK(row, walk.level, want->level);
    FX_CHECK(row, walk.lg2, want->lg2);
    FX_CHECK(row, walk.steps, want->steps);
    FX_CHECK(row, walk.permission, want->permission);
    FX_CHECK(row, walk.rights, want->rights);
    FX_CHECK(row, walk.addr, want->addr);
}

NyxWalk nv_compare(const char *row, const NvTables *t, uint64_t iova,
                   unsigned need)
{
    NyxWalkCtx ctx = nv_ctx(t);
    NvImage before = nv_save(t->mem), after;
    NvWalk want = nv_walk(t, iova, need, true);
    NyxWalk walk, plain;

    after = nv_save(t->mem);
    nv_restore(t->mem, &before);
    nyx_walk(&ctx, iova, need, NULL, &plain);
    check_generic(row, ctx, iova, need, &plain);
    FX_CHECK(row, nv_same(t->mem, &before), true);
    nyx_walk_and_mark(&ctx, iova, need, NULL, &walk);
    compare_walks(row, &walk, &want);
    FX_CHECK(row, nv_same(t->mem, &after), true);
    if (want.status != NYX_WALK_MARK_ERROR) {
        compare_walks(row, &plain, &want);
    }
    nv_restore(t->mem, &before);
    nv_drop(&before);
    nv_drop(&after);
    return walk;
}

NyxNestedWalk nv_compare_nested(const char *row, const NvTables *first,
                                const NvTables *second, unsigned second_bits,
                                uint64_t iova, unsigned need)
{
    NyxWalkCtx first_ctx = nv_ctx(first), second_ctx = nv_ctx(second);
    const NyxNestedCtx ctx = { &first_ctx, &second_ctx, second_bits };
    NvImage before = nv_save(first->mem), after;
    NvNested want = nv_nested(first, second, second_bits, iova, need);
    NyxNestedWalk walk;

    after = nv_save(first->mem);
    nv_restore(first->mem, &before);
    nyx_nested_walk(&ctx, iova, need, NULL, &walk);
    FX_CHECK(row, walk.status, want.status);
    FX_CHECK(row, nv_same(first->mem, &after), true);
    compare_walks(row, &walk.first, &want.first);
    if (want.status != NYX_NESTED_FIRST) {
        compare_walks(row, &walk.second, &want.second);
    }
    if (want.status == NYX_NESTED_OK) {
        FX_CHECK(row, walk.lg2, want.lg2);
        FX_CHECK(row, walk.addr, want.addr);
        FX_CHECK(row, walk.permission & 7, want.rwx);
    }
    nv_restore(first->mem, &before);
    nv_drop(&before);
    nv_drop(&after);
    return walk;
}

/* --- Ranges --------------------------------------------------------------- */

static bool keep_leaf(void *opaque, const NyxLeaf *leaf)
{
    g_array_append_vals(opaque, leaf, 1);
    return true;
}

/*
 * What is at @pos: a leaf, or a part of one that no other covers, or nothing.
 * Where an entry passes by, it does so for all that it is for from there on.
 */
static bool leaf_at(const NvTables *t, uint64_t pos, bool whole,
                    NyxLeaf *leaf, uint64_t *last)
{
    NvWalk walk = walk_down(t, NULL, pos, 0);
    bool mapped = walk.status == NYX_WALK_OK && (walk.rwx & (NV_R | NV_W));
    uint64_t entry = 1ULL << (12 + 9 * (walk.level - 1));
    uint64_t start = pos >> walk.lg2 << walk.lg2;

    if (!mapped || (start != pos && !whole)) {
        walk.addr += (pos - start) / entry * entry;
        start = pos / entry * entry;
        walk.lg2 = 12 + 9 * (walk.level - 1);
    }
    *leaf = (NyxLeaf) {
        .iova = start,
        .addr = walk.addr,
        .lg2 = walk.lg2,
        .permission = walk.rwx & (NV_R | NV_W),
    };
    *last = start + ((1ULL << walk.lg2) - 1);
    return mapped;
}

unsigned nv_compare_range(const char *row, const NvTables *t, uint64_t first,
                          uint64_t last)
{
    NyxWalkCtx ctx = nv_ctx(t);
    GArray *found = g_array_new(FALSE, FALSE, sizeof(NyxLeaf));
    uint32_t tables = 1 << 20;
    unsigned n = 0;

    FX_CHECK(row, nyx_walk_range(&ctx, first, last, &tables, keep_leaf,
                                 found), true);
    for (uint64_t pos = first, end; !is_above(pos, t->levels); pos = end + 1) {
        NyxLeaf want;

        if (leaf_at(t, pos, pos == first, &want, &end)) {
            const NyxLeaf *leaf = &g_array_index(found, NyxLeaf, n++);

            FX_CHECK(row, n <= found->len, true);
            if (n > found->len) {
                break;
            }
            FX_CHECK(row, leaf->iova, want.iova);
            FX_CHECK(row, leaf->addr, want.addr);
            FX_CHECK(row, leaf->lg2, want.lg2);
            FX_CHECK(row, leaf->permission, want.permission);
        }
        if (end >= last) {
            break;
        }
    }
    FX_CHECK(row, found->len, n);
    g_array_free(found, TRUE);
    return n;
}
