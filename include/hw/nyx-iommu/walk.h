/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page-table walker.  A table format is a constant description; one
 * function walks any of them.
 *
 * Words: level 0 is the leaf-only table in every format, whatever number the
 * manual gives it; an entry is empty, a table pointer, or a leaf; sizes are
 * log2 (_lg2); "last" is inclusive.
 */
#ifndef HW_NYX_IOMMU_WALK_H
#define HW_NYX_IOMMU_WALK_H

#include "qemu/bitops.h"
#include "hw/nyx-iommu/mem.h"
#include "hw/nyx-iommu/request.h"

#define NYX_WALK_MAX_LEVELS 6

typedef enum NyxEntryClass {
    NYX_ENTRY_EMPTY,
    NYX_ENTRY_TABLE,
    NYX_ENTRY_LEAF,
} NyxEntryClass;

typedef struct NyxWalkCtx NyxWalkCtx;
typedef struct NyxWalkStart NyxWalkStart;
typedef struct NyxWalk NyxWalk;

/*
 * Rights are what entries say, and-ed over the levels: NyxAccess bits R, W
 * and EXEC, and this one.  They are the same for every request, so that a
 * cached table pointer serves them all.  A permission is what the rights
 * grant to one request; there this bit says that its privilege suffices, if
 * the format knows of privilege at all.
 */
#define NYX_RIGHT_USER  (1u << 6)   /* not for supervisors only */
#define NYX_RIGHT_ALL   (NYX_ACCESS_RW | NYX_ACCESS_EXEC | NYX_RIGHT_USER)

/* Bits that a walk sets in an entry if the context has all these features. */
typedef struct NyxEntryMark {
    uint64_t mask;           /* zero: the format has no such mark */
    uint32_t features;
} NyxEntryMark;

typedef struct NyxFormat {
    const char *name;
    uint8_t max_levels;
    uint8_t index_bits;      /* per level */
    uint8_t granule_lg2;     /* bytes covered by a level 0 entry */
    uint64_t table_mask;     /* bits of a table entry that hold the address */
    const char *level_names[NYX_WALK_MAX_LEVELS];
    bool reserved_first;     /* reserved bits are checked before rights */
    NyxEntryMark accessed;   /* of every entry that a request used */
    NyxEntryMark extended;   /* set with it, if the feature is on */
    NyxEntryMark dirty;      /* of the leaf, by a write; with accessed only */

    NyxEntryClass (*classify)(const NyxWalkCtx *ctx, unsigned level,
                              uint64_t entry);
    /* Rights in the entry. */
    unsigned (*permission)(const NyxWalkCtx *ctx, unsigned level,
                           uint64_t entry);
    /*
     * What @rights, of this entry and those above, grant to the request,
     * with NYX_RIGHT_USER if its privilege suffices.  NULL, for a format
     * without privilege: they grant themselves.
     */
    unsigned (*grant)(const NyxWalkCtx *ctx, unsigned rights,
                      NyxEntryClass klass);
    /* Bits that must be zero in a present entry of this class. */
    uint64_t (*reserved)(const NyxWalkCtx *ctx, unsigned level,
                         NyxEntryClass klass);
    /* log2 of the bytes mapped by a leaf entry. */
    uint8_t (*leaf_lg2)(const NyxWalkCtx *ctx, unsigned level,
                        uint64_t entry);
    /*
     * For a format whose entries say themselves what they point at: the level
     * of the table.  One that is not below @level is reserved, and so is a
     * leaf with a leaf_lg2 of zero.  Of the levels in between, and above the
     * top table, an address has no bit set, or it is not mapped.  NULL: the
     * table is one level down, and every leaf has a size.
     */
    unsigned (*next_level)(const NyxWalkCtx *ctx, unsigned level,
                           uint64_t entry);
    /* nyx_walk() compiled for this format (walk-body.h), or NULL. */
    void (*walk)(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,
                 const NyxWalkStart *start, NyxWalk *walk);
} NyxFormat;

/* Why a walk ended. */
typedef enum NyxWalkStatus {
    NYX_WALK_OK,
    NYX_WALK_EMPTY,          /* an entry is not present, or passes by */
    NYX_WALK_PRIVILEGE,      /* an entry is for supervisors only */
    NYX_WALK_DENIED,         /* a needed permission is missing */
    NYX_WALK_RESERVED,       /* a reserved bit is set */
    NYX_WALK_READ_ERROR,     /* the entry is not in RAM */
    NYX_WALK_TABLE_FAULT,    /* the outer stage refused to read the entry */
    NYX_WALK_MARK_FAULT,     /* the outer stage refused to store a mark */
    NYX_WALK_MARK_ERROR,     /* a mark cannot be stored */
    NYX_WALK_WIDTH,          /* input too wide; nested walks check it */
    NYX_WALK_STATUS_COUNT,
} NyxWalkStatus;

/*
 * For nested walks: translate the address of a table entry of this stage, to
 * read it (@access is NYX_ACCESS_READ) or to store a mark (NYX_ACCESS_WRITE).
 * False ends the walk with NYX_WALK_TABLE_FAULT or NYX_WALK_MARK_FAULT at the
 * level of the entry; the callback keeps the detail of its own fault.
 */
typedef bool NyxTableXlate(void *opaque, uint64_t gpa, unsigned access,
                           uint64_t *hpa);

struct NyxWalkCtx {
    const NyxFormat *fmt;
    const NyxMem *mem;
    uint64_t root;           /* address of the top table */
    uint8_t top;             /* level of the top table */
    uint8_t addr_bits;       /* output addresses at or above are reserved */
    uint32_t features;       /* meaning belongs to the format */
    uint8_t withheld;        /* NyxAccess bits that no entry can grant */
    NyxTableXlate *table_xlate;
    void *table_opaque;
};

/* Where a walk may start instead of the root: a paging-structure cache hit. */
struct NyxWalkStart {
    uint64_t table;
    uint8_t level;
    unsigned permission;     /* rights, as in the trail */
};

typedef struct NyxWalkStep {
    uint64_t entry_addr;     /* in this stage's own address space */
    uint64_t entry;
    uint8_t level;
    uint8_t next;            /* level of the table it points at, if it does */
    unsigned permission;     /* rights, and-ed, this entry included */
} NyxWalkStep;

struct NyxWalk {
    NyxWalkStatus status;
    uint8_t level;           /* where it ended */
    uint8_t lg2;             /* size of the leaf, or of the hole */
    uint8_t steps;           /* entries in trail */
    unsigned permission;     /* granted to this request */
    unsigned rights;         /* and-ed over the levels */
    uint64_t addr;           /* leaf's base address, aligned to lg2 */
    NyxWalkStep trail[NYX_WALK_MAX_LEVELS];
};

/**
 * nyx_walk: translate @iova through the tables that @ctx describes.
 * @need: which of read, write and execute each level must grant; zero asks
 *        only what is there.
 * @start: where to begin, or NULL for the root.
 * @walk: how it went; of its trail only the steps taken are set.
 *
 * Order of checks at each level: read, presence, then reserved bits and
 * permission in the format's order.  Of a request that lacks several things
 * privilege comes first (NYX_WALK_PRIVILEGE); after NYX_WALK_DENIED the bits
 * @need & ~walk->permission say what is missing, and the caller's manual
 * which of them counts (VT-d: execute, write, read).  What the context
 * withholds is missing at every level.  Nothing is cached and nothing is
 * written here.
 *
 * NYX_WALK_EMPTY of a format with next_level may be an address that a table
 * is not for: the hole is as large as that table's addresses, and if it is
 * the top table, nothing was read.
 */
void nyx_walk(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,
              const NyxWalkStart *start, NyxWalk *walk);

/* In @need of a marking walk: set D as for a write if a write is granted. */
#define NYX_NEED_DIRTY  (1u << 7)

/*
 * Walks of one request before it gives up.  Each was overtaken by a store to
 * an entry that it was about to mark.  An honest guest stores to an entry now
 * and then; of one that does nothing else, a walk wins one race in eight.
 */
#define NYX_WALK_TRIES 256

/**
 * nyx_walk_and_mark: nyx_walk(), and if the request is permitted, the marks
 * of the entries it used.
 * @need: as for nyx_walk(), or-ed with NYX_NEED_DIRTY for a request that
 *        promises a write to somebody (an ATS translation with NW = 0).
 *
 * A request that is refused, or granted neither read nor write, marks
 * nothing.  If an entry changes before it is marked,
 * the walk begins anew, at the root.  A guest that keeps changing it gets
 * NYX_WALK_MARK_ERROR after NYX_WALK_TRIES walks: a page whose D cannot be
 * set is not written to.
 */
void nyx_walk_and_mark(const NyxWalkCtx *ctx, uint64_t iova, unsigned need,
                       const NyxWalkStart *start, NyxWalk *walk);

/**
 * nyx_walk_mark: one try to mark the entries of a permitted walk, from the
 * top; @write sets D in the leaf.  The trail follows.
 *
 * Returns: false if an entry has changed, which is NYX_WALK_MARK_ERROR unless
 * the caller walks again.  A store that memory or the outer stage refuses is
 * true and a status.
 */
bool nyx_walk_mark(const NyxWalkCtx *ctx, bool write, NyxWalk *walk);

/* Whether a request with @need sets D, where it has @permission. */
static inline bool nyx_walk_writes(unsigned need, unsigned permission)
{
    return (need & NYX_ACCESS_WRITE) ||
           ((need & NYX_NEED_DIRTY) && (permission & NYX_ACCESS_WRITE));
}

/* The bits of @mark, if walks with @ctx set them. */
static inline uint64_t nyx_mark_bits(const NyxWalkCtx *ctx,
                                     const NyxEntryMark *mark)
{
    return mark->features & ~ctx->features ? 0 : mark->mask;
}

/* Whether walks with @ctx set marks. */
static inline bool nyx_walk_marks(const NyxWalkCtx *ctx)
{
    return nyx_mark_bits(ctx, &ctx->fmt->accessed) ||
           nyx_mark_bits(ctx, &ctx->fmt->dirty);
}

/*
 * Whether @step was marked, or needs no mark: only then may the table that it
 * points at be cached.
 */
static inline bool nyx_walk_step_marked(const NyxWalkCtx *ctx,
                                        const NyxWalkStep *step)
{
    return !((nyx_mark_bits(ctx, &ctx->fmt->accessed) |
              nyx_mark_bits(ctx, &ctx->fmt->extended)) & ~step->entry);
}

/*
 * After NYX_WALK_OK: whether the first write still has to set D.  Such a leaf
 * is cached without the permission to write, whatever the walk granted.
 */
static inline bool nyx_walk_clean(const NyxWalkCtx *ctx, const NyxWalk *walk)
{
    return nyx_mark_bits(ctx, &ctx->fmt->dirty) &
           ~walk->trail[walk->steps - 1].entry;
}

/*
 * What @rights grant to the request that @ctx is for, with NYX_RIGHT_USER if
 * its privilege suffices.  @fmt is @ctx->fmt.
 */
static inline unsigned nyx_walk_grant(const NyxFormat *fmt,
                                      const NyxWalkCtx *ctx, unsigned rights,
                                      NyxEntryClass klass)
{
    return (fmt->grant ? fmt->grant(ctx, rights, klass) : rights) &
           ~ctx->withheld;
}

/**
 * nyx_walk_widen: after a walk with NYX_WALK_OK, make one leaf of it and its
 * neighbours if the aligned run of sixteen entries differs in nothing but
 * addresses, which are those of one aligned block.  The block may be cached
 * as a whole: every page of it is mapped, with the same permissions and the
 * same marks, and an invalidation of any page drops it.  A leaf behind an
 * outer stage stays as it is.
 */
void nyx_walk_widen(const NyxWalkCtx *ctx, NyxWalk *walk);

/* log2 of the bytes that one entry of @level covers. */
static inline uint8_t nyx_level_lg2(const NyxFormat *fmt, unsigned level)
{
    return fmt->granule_lg2 + fmt->index_bits * level;
}

/* log2 of the bytes that a table of @level is for; it may be above 64. */
static inline uint8_t nyx_table_lg2(const NyxFormat *fmt, unsigned level)
{
    return nyx_level_lg2(fmt, level) + fmt->index_bits;
}

/* The level whose entries cover 2^@lg2 bytes. */
static inline unsigned nyx_lg2_level(const NyxFormat *fmt, uint8_t lg2)
{
    return (lg2 - fmt->granule_lg2) / fmt->index_bits;
}

/* Whether bits 63 to @bits of @iova equal bit @bits - 1; @bits of 1 to 64. */
static inline bool nyx_is_canonical(uint64_t iova, unsigned bits)
{
    return (uint64_t)sextract64(iova, 0, bits) == iova;
}

/* VT-d second-stage tables; features are NYX_VTDSS_*. */
extern const NyxFormat nyx_fmt_vtdss;

#define NYX_VTDSS_2M    (1u << 0)   /* CAP.SSLPS bit 0 */
#define NYX_VTDSS_1G    (1u << 1)   /* CAP.SSLPS bit 1 */
#define NYX_VTDSS_SNP   (1u << 2)   /* the snoop bit of a leaf is defined */
#define NYX_VTDSS_AD    (1u << 3)   /* SSADE: accessed and dirty are set */

/*
 * VT-d first-stage tables; features are NYX_VTDFS_*.  Input addresses are
 * canonical: that is for the caller to see.
 */
extern const NyxFormat nyx_fmt_vtdfs;

#define NYX_VTDFS_1G    (1u << 0)   /* CAP.FS1GP */
#define NYX_VTDFS_PRIV  (1u << 1)   /* the request is a supervisor's (PR) */
#define NYX_VTDFS_WPE   (1u << 2)   /* supervisors' writes obey R/W */
#define NYX_VTDFS_NXE   (1u << 3)   /* XD is not reserved */
#define NYX_VTDFS_SMEP  (1u << 4)   /* supervisors do not execute user pages */
#define NYX_VTDFS_EA    (1u << 5)   /* EAFE: extended-accessed is set */

/* AMD-Vi host tables, one to six levels; features are NYX_AMDV1_*. */
extern const NyxFormat nyx_fmt_amdv1;

#define NYX_AMDV1_HA    (1u << 0)   /* DTE.HAD of 1 or 3: accessed is set */
#define NYX_AMDV1_HD    (1u << 1)   /* DTE.HAD of 3: and dirty; with HA */

/* Attributes in a leaf, which the walk passes by. */
#define NYX_AMDV1_LEAF_U   (1ULL << 59)     /* untranslated access only */
#define NYX_AMDV1_LEAF_FC  (1ULL << 60)     /* force coherent */

/*
 * AMD-Vi guest tables, four or five levels; features are NYX_AMDV2_*.
 * Whether an input address must be canonical is for the caller to see.
 */
extern const NyxFormat nyx_fmt_amdv2;

#define NYX_AMDV2_NX    (1u << 0)   /* EFR.NXSup, else the bit is ignored */
#define NYX_AMDV2_US    (1u << 1)   /* EFR.USSup, else U/S is ignored */
#define NYX_AMDV2_PRIV  (1u << 2)   /* the request is a supervisor's */
#define NYX_AMDV2_A     (1u << 3)   /* no GAUpdateDis: accessed is set */
#define NYX_AMDV2_D     (1u << 4)   /* no GDUpdateDis: dirty is set */

#endif
