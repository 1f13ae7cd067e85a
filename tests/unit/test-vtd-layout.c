/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-d layouts as literals: offsets, positions and values typed from the
 * specification, against the model's lists and registers.
 */
#include "qemu/osdep.h"
#include "hw/nyx-vtd/internal.h"
#include "vtd-fixture.h"

/* --- Register offsets ----------------------------------------------------- */

typedef struct OffsetRow {
    const char *name;
    uint32_t model;
    uint32_t want;
} OffsetRow;

#define OFFSET(reg, offset) { #reg, A_NVTD_##reg, offset }

static const OffsetRow offsets[] = {
    OFFSET(VER, 0x000),
    OFFSET(CAP, 0x008),
    OFFSET(ECAP, 0x010),
    OFFSET(GCMD, 0x018),
    OFFSET(GSTS, 0x01c),
    OFFSET(RTADDR, 0x020),
    OFFSET(CCMD, 0x028),
    OFFSET(FSTS, 0x034),
    OFFSET(FECTL, 0x038),
    OFFSET(FEDATA, 0x03c),
    OFFSET(FEADDR, 0x040),
    OFFSET(FEUADDR, 0x044),
    OFFSET(PMEN, 0x064),
    OFFSET(PLMBASE, 0x068),
    OFFSET(PLMLIMIT, 0x06c),
    OFFSET(PHMBASE, 0x070),
    OFFSET(PHMLIMIT, 0x078),
    OFFSET(IQH, 0x080),
    OFFSET(IQT, 0x088),
    OFFSET(IQA, 0x090),
    OFFSET(ICS, 0x09c),
    OFFSET(IECTL, 0x0a0),
    OFFSET(IEDATA, 0x0a4),
    OFFSET(IEADDR, 0x0a8),
    OFFSET(IEUADDR, 0x0ac),
    OFFSET(IQERCD, 0x0b0),
    OFFSET(IRTA, 0x0b8),
    OFFSET(PQH, 0x0c0), OFFSET(PQT, 0x0c8), OFFSET(PQA, 0x0d0),
    OFFSET(PRS, 0x0dc), OFFSET(PECTL, 0x0e0), OFFSET(PEDATA, 0x0e4),
    OFFSET(PEADDR, 0x0e8), OFFSET(PEUADDR, 0x0ec),
    OFFSET(IVA, 0x500),
    OFFSET(IOTLB, 0x508),
    OFFSET(PERFCAP, 0x300), OFFSET(PERFCFGOFF, 0x310),
    OFFSET(PERFFRZOFF, 0x314), OFFSET(PERFOVFOFF, 0x318),
    OFFSET(PERFCNTROFF, 0x31c), OFFSET(PERFINTRSTS, 0x324),
    OFFSET(PERFINTRCTL, 0x328), OFFSET(PERFEVNTCAP(4), 0x3a0),
    OFFSET(ECMD, 0x400), OFFSET(ECEO, 0x408), OFFSET(ECRSP, 0x410),
    OFFSET(ECCAP(3), 0x448),
    OFFSET(VCMD, 0xe00), OFFSET(VCMD_EO, 0xe08), OFFSET(VCRSP, 0xe10),
    OFFSET(VCCAP, 0xe30), OFFSET(OLD_VCCAP, 0xe00), OFFSET(OLD_VCMD, 0xe10),
    OFFSET(OLD_VCRSP, 0xe20),
    OFFSET(FRCD(0), 0x400),
    OFFSET(FRCD(15), 0x4f0),
};

static void test_offsets(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
        FX_CHECK(offsets[i].name, offsets[i].model, offsets[i].want);
    }
}

/* --- Fields --------------------------------------------------------------- */

typedef struct FieldRow {
    const char *name;
    unsigned model_shift;
    unsigned model_length;
    unsigned shift;
    unsigned length;
} FieldRow;

#define POS(word, field, shift, length)                                     \
    { #word "." #field, R_NVTD_##word##_##field##_SHIFT,                    \
      R_NVTD_##word##_##field##_LENGTH, shift, length }

static const FieldRow register_fields[] = {
    POS(CAP, ND, 0, 3), POS(CAP, AFL, 3, 1), POS(CAP, RWBF, 4, 1),
    POS(CAP, PLMR, 5, 1), POS(CAP, PHMR, 6, 1), POS(CAP, CM, 7, 1),
    POS(CAP, SAGAW, 8, 5), POS(CAP, MGAW, 16, 6), POS(CAP, ZLR, 22, 1),
    POS(CAP, FRO, 24, 10), POS(CAP, SSLPS, 34, 4), POS(CAP, PSI, 39, 1),
    POS(CAP, NFR, 40, 8), POS(CAP, MAMV, 48, 6), POS(CAP, DWD, 54, 1),
    POS(CAP, DRD, 55, 1), POS(CAP, FS1GP, 56, 1), POS(CAP, PI, 59, 1),
    POS(CAP, FS5LP, 60, 1), POS(CAP, ECMDS, 61, 1),
    POS(CAP, ESIRTPS, 62, 1), POS(CAP, ESRTPS, 63, 1),

    POS(ECAP, C, 0, 1), POS(ECAP, QI, 1, 1), POS(ECAP, DT, 2, 1),
    POS(ECAP, IR, 3, 1), POS(ECAP, EIM, 4, 1), POS(ECAP, PT, 6, 1),
    POS(ECAP, SC, 7, 1), POS(ECAP, IRO, 8, 10), POS(ECAP, MHMV, 20, 4),
    POS(ECAP, MTS, 25, 1), POS(ECAP, NEST, 26, 1), POS(ECAP, PRS, 29, 1),
    POS(ECAP, ERS, 30, 1), POS(ECAP, SRS, 31, 1), POS(ECAP, NWFS, 33, 1),
    POS(ECAP, EAFS, 34, 1), POS(ECAP, PSS, 35, 5), POS(ECAP, PASID, 40, 1),
    POS(ECAP, DIT, 41, 1), POS(ECAP, PDS, 42, 1), POS(ECAP, SMTS, 43, 1),
    POS(ECAP, VCS, 44, 1), POS(ECAP, SSADS, 45, 1), POS(ECAP, SSTS, 46, 1),
    POS(ECAP, FSTS, 47, 1), POS(ECAP, SMPWCS, 48, 1), POS(ECAP, RPS, 49, 1),
    POS(ECAP, PMS, 51, 1), POS(ECAP, ADMS, 52, 1), POS(ECAP, RPRIVS, 53, 1),

    POS(GCMD, CFI, 23, 1), POS(GCMD, SIRTP, 24, 1), POS(GCMD, IRE, 25, 1),
    POS(GCMD, QIE, 26, 1), POS(GCMD, WBF, 27, 1), POS(GCMD, EAFL, 28, 1),
    POS(GCMD, SFL, 29, 1), POS(GCMD, SRTP, 30, 1), POS(GCMD, TE, 31, 1),

    POS(RTADDR, TTM, 10, 2), POS(RTADDR, RTA, 12, 52),

    POS(CCMD, DID, 0, 16), POS(CCMD, SID, 16, 16), POS(CCMD, FM, 32, 2),
    POS(CCMD, CAIG, 59, 2), POS(CCMD, CIRG, 61, 2), POS(CCMD, ICC, 63, 1),

    POS(IOTLB, DID, 32, 16), POS(IOTLB, DW, 48, 1), POS(IOTLB, DR, 49, 1),
    POS(IOTLB, IAIG, 57, 2), POS(IOTLB, IIRG, 60, 2), POS(IOTLB, IVT, 63, 1),

    POS(IVA, AM, 0, 6), POS(IVA, IH, 6, 1), POS(IVA, ADDR, 12, 52),

    POS(FSTS, PFO, 0, 1), POS(FSTS, PPF, 1, 1), POS(FSTS, AFO, 2, 1),
    POS(FSTS, APF, 3, 1), POS(FSTS, IQE, 4, 1), POS(FSTS, ICE, 5, 1),
    POS(FSTS, ITE, 6, 1), POS(FSTS, FRI, 8, 8),

    POS(EVCTL, IP, 30, 1), POS(EVCTL, IM, 31, 1),

    POS(FRCD_LO, FI, 12, 52), POS(FRCD_HI, SID, 0, 16),
    POS(FRCD_HI, T2, 28, 1), POS(FRCD_HI, PRIV, 29, 1),
    POS(FRCD_HI, EXE, 30, 1), POS(FRCD_HI, PP, 31, 1),
    POS(FRCD_HI, FR, 32, 8), POS(FRCD_HI, PV, 40, 20),
    POS(FRCD_HI, AT, 60, 2), POS(FRCD_HI, T1, 62, 1),
    POS(FRCD_HI, F, 63, 1),

    POS(PMEN, PRS, 0, 1), POS(PMEN, EPM, 31, 1), POS(IQHT, Q, 4, 15),
    POS(IQA, QS, 0, 3), POS(IQA, DW, 11, 1), POS(IQA, IQA, 12, 52),
    POS(ICS, IWC, 0, 1), POS(IQERCD, IQEI, 0, 4),
    POS(IQERCD, ITESID, 32, 16), POS(IQERCD, ICESID, 48, 16),
    POS(VCMD, CMD, 0, 8), POS(VCCAP, PAS, 0, 1),
    POS(PERFCAP, NCNTR, 0, 16), POS(PERFCAP, CW, 16, 7),
    POS(PERFCAP, NEG, 24, 5), POS(PERFCAP, FILT, 32, 5),
    POS(PERFCAP, IOS, 50, 1), POS(PERFCAP, STRIDE, 52, 3),
    POS(PERFCFG, INT, 1, 1), POS(PERFCFG, EGI, 8, 4), POS(PERFCFG, ES, 32, 28),
    POS(PERFFILT, ID, 0, 16), POS(PERFFILT, EN, 31, 1),
    POS(PERFCNTRCAP, PCC, 0, 1), POS(PERFCNTRCAP, CW, 8, 8),
    POS(PERFCNTRCAP, IOS, 16, 1), POS(PERFCNTRCAP, EGC, 28, 4),
    POS(ECMD, CMD, 0, 8), POS(ECMD, OA, 16, 48),
    POS(IRTA, S, 0, 4), POS(IRTA, EIME, 11, 1), POS(IRTA, IRTA, 12, 52),
};

static const FieldRow table_fields[] = {
    POS(ROOT, P, 0, 1), POS(ROOT, CTP, 12, 52),

    POS(CTX0, P, 0, 1), POS(CTX0, FPD, 1, 1), POS(CTX0, TT, 2, 2),
    POS(CTX0, SSPTPTR, 12, 52), POS(CTX1, AW, 0, 3), POS(CTX1, DID, 8, 16),

    POS(IRTE0, P, 0, 1), POS(IRTE0, FPD, 1, 1), POS(IRTE0, DM, 2, 1),
    POS(IRTE0, RH, 3, 1), POS(IRTE0, TM, 4, 1), POS(IRTE0, DLM, 5, 3),
    POS(IRTE0, AVAIL, 8, 4), POS(IRTE0, IM, 15, 1), POS(IRTE0, V, 16, 8),
    POS(IRTE0, DST, 32, 32), POS(IRTE1, SID, 0, 16), POS(IRTE1, SQ, 16, 2),
    POS(IRTE1, SVT, 18, 2),

    POS(IRTEP0, P, 0, 1), POS(IRTEP0, FPD, 1, 1), POS(IRTEP0, AVAIL, 8, 4),
    POS(IRTEP0, URG, 14, 1), POS(IRTEP0, IM, 15, 1), POS(IRTEP0, V, 16, 8),
    POS(IRTEP0, PDAL, 38, 26), POS(IRTEP1, SID, 0, 16),
    POS(IRTEP1, SQ, 16, 2), POS(IRTEP1, SVT, 18, 2), POS(IRTEP1, PDAH, 32, 32),
    POS(PD4, ON, 0, 1), POS(PD4, SN, 1, 1), POS(PD4, NV, 16, 8),
    POS(PD4, NDST, 32, 32),

    POS(IRQ, HANDLE15, 2, 1), POS(IRQ, SHV, 3, 1), POS(IRQ, FORMAT, 4, 1),
    POS(IRQ, HANDLE, 5, 15), POS(IRQ, FEE, 20, 12),
    POS(MSI, DM, 2, 1), POS(MSI, RH, 3, 1), POS(MSI, DST, 12, 8),
    POS(MSI, FEE, 20, 12), POS(MSI, DST_HI, 40, 24),
    POS(MSID, V, 0, 8), POS(MSID, DLM, 8, 3), POS(MSID, LEVEL, 14, 1),
    POS(MSID, TM, 15, 1),

    POS(D1, TYPE, 0, 4), POS(D1, G, 4, 2), POS(D1, TYPE_HI, 9, 3),
    POS(D1, DID, 16, 16), POS(D1, SID, 32, 16), POS(D1, FM, 48, 2),
    POS(D2, TYPE, 0, 4), POS(D2, G, 4, 2), POS(D2, DW, 6, 1),
    POS(D2, DR, 7, 1), POS(D2, TYPE_HI, 9, 3), POS(D2, DID, 16, 16),
    POS(D2H, AM, 0, 6), POS(D2H, IH, 6, 1), POS(D2H, ADDR, 12, 52),
    POS(D3, TYPE, 0, 4), POS(D3, TYPE_HI, 9, 3), POS(D3, PFSID_LO, 12, 4),
    POS(D3, MIP, 16, 5), POS(D3, SID, 32, 16), POS(D3, PFSID_HI, 52, 12),
    POS(D3H, S, 0, 1), POS(D3H, ADDR, 12, 52),
    POS(D4, TYPE, 0, 4), POS(D4, G, 4, 1), POS(D4, TYPE_HI, 9, 3),
    POS(D4, IM, 27, 5), POS(D4, IIDX, 32, 16),
    POS(D5, TYPE, 0, 4), POS(D5, IF, 4, 1), POS(D5, SW, 5, 1),
    POS(D5, FN, 6, 1), POS(D5, PD, 7, 1), POS(D5, TYPE_HI, 9, 3),
    POS(D5, DATA, 32, 32), POS(D5H, ADDR, 2, 62),
    POS(D6, TYPE, 0, 4), POS(D6, G, 4, 2), POS(D6, TYPE_HI, 9, 3),
    POS(D6, DID, 16, 16), POS(D6, PASID, 32, 20), POS(D6H, AM, 0, 6),
    POS(D6H, IH, 6, 1), POS(D6H, ADDR, 12, 52),
    POS(D7, TYPE, 0, 4), POS(D7, G, 4, 2), POS(D7, TYPE_HI, 9, 3),
    POS(D7, DID, 16, 16), POS(D7, PASID, 32, 20),
    POS(D8, TYPE, 0, 4), POS(D8, MIP, 4, 5), POS(D8, TYPE_HI, 9, 3),
    POS(D8, PFSID_LO, 12, 4), POS(D8, SID, 16, 16), POS(D8, PASID, 32, 20),
    POS(D8, PFSID_HI, 52, 12), POS(D8H, G, 0, 1), POS(D8H, S, 11, 1),
    POS(D8H, ADDR, 12, 52),
    POS(D9, TYPE, 0, 4), POS(D9, PP, 4, 1), POS(D9, TYPE_HI, 9, 3),
    POS(D9, RC, 12, 4), POS(D9, RID, 16, 16), POS(D9, PASID, 32, 20),
    POS(D9H, LPIG, 2, 1), POS(D9H, PRGI, 3, 9),
    POS(PR, TYPE, 0, 8), POS(PR, PP, 8, 1), POS(PR, RID, 16, 16),
    POS(PR, PASID, 32, 20), POS(PR, EXR, 52, 1), POS(PR, PMR, 53, 1),
    POS(PRH, RD, 0, 1), POS(PRH, WR, 1, 1), POS(PRH, LPIG, 2, 1),
    POS(PRH, PRGI, 3, 9), POS(PRH, ADDR, 12, 52),
    POS(PQHT, Q, 5, 14), POS(PQA, PQS, 0, 3), POS(PQA, PQA, 12, 52),
    POS(PRS, PPR, 0, 1), POS(PRS, PRO, 1, 1),
};

static void check_fields(const FieldRow *rows, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        FX_CHECK(rows[i].name, rows[i].model_shift, rows[i].shift);
        FX_CHECK(rows[i].name, rows[i].model_length, rows[i].length);
    }
}

static void test_register_fields(void)
{
    check_fields(register_fields, ARRAY_SIZE(register_fields));
}

static void test_table_fields(void)
{
    check_fields(table_fields, ARRAY_SIZE(table_fields));
}

/* --- Reserved bits of words ----------------------------------------------- */

typedef struct MbzRow {
    const char *name;
    uint64_t model;
    uint64_t want;
} MbzRow;

static const MbzRow mbz_rows[] = {
    { "root", NYX_MBZ_MASK(NVTD_ROOT_W0), 0xffeULL },
    { "context low", NYX_MBZ_MASK(NVTD_CTX_W0), 0xff0ULL },
    { "context high", NYX_MBZ_MASK(NVTD_CTX_W1), 0xffffffffff000080ULL },
    { "irte low", NYX_MBZ_MASK(NVTD_IRTE_W0), 0xff007000ULL },
    { "irte high", NYX_MBZ_MASK(NVTD_IRTE_W1), 0xfffffffffff00000ULL },
    { "posted irte low", NYX_MBZ_MASK(NVTD_IRTEP_W0), 0x3fff0030fcULL },
    { "posted irte high", NYX_MBZ_MASK(NVTD_IRTEP_W1), 0xfff00000ULL },
    { "posted descriptor", NYX_MBZ_MASK(NVTD_PD_W4), 0xff00fffcULL },
    { "context-cache", NYX_MBZ_MASK(NVTD_D1_W0), 0xfffc00000000f1c0ULL },
    { "iotlb low", NYX_MBZ_MASK(NVTD_D2_W0), 0xffffffff0000f100ULL },
    { "iotlb high", NYX_MBZ_MASK(NVTD_D2_W1), 0xf80ULL },
    { "device-tlb low", NYX_MBZ_MASK(NVTD_D3_W0), 0xffff0000ffe0f1f0ULL },
    { "device-tlb high", NYX_MBZ_MASK(NVTD_D3_W1), 0xffeULL },
    { "iec", NYX_MBZ_MASK(NVTD_D4_W0), 0xffff000007fff1e0ULL },
    { "wait low", NYX_MBZ_MASK(NVTD_D5_W0), 0xfffff100ULL },
    { "wait high", NYX_MBZ_MASK(NVTD_D5_W1), 0x3ULL },
    { "pasid-iotlb low", NYX_MBZ_MASK(NVTD_D6_W0), 0xfff000000000f1c0ULL },
    { "pasid-iotlb high", NYX_MBZ_MASK(NVTD_D6_W1), 0xf80ULL },
    { "pasid-cache", NYX_MBZ_MASK(NVTD_D7_W0), 0xfff000000000f1c0ULL },
    { "pasid device-tlb low", NYX_MBZ_MASK(NVTD_D8_W0),
      0xfff000000000f000ULL },
    { "pasid device-tlb high", NYX_MBZ_MASK(NVTD_D8_W1), 0x7feULL },
    { "page response low", NYX_MBZ_MASK(NVTD_D9_W0), 0xfff00000000001e0ULL },
    { "page response high", NYX_MBZ_MASK(NVTD_D9_W1), 0xfffffffffffff003ULL },
    { "page request low", NYX_MBZ_MASK(NVTD_PR_W0), 0xffc000000000fe00ULL },
    { "page request high", NYX_MBZ_MASK(NVTD_PR_W1), 0 },
    { "gcmd", NYX_MBZ_MASK(NVTD_GCMD_FIELDS), 0x7fffffULL },
    { "rtaddr", NYX_MBZ_MASK(NVTD_RTADDR_FIELDS), 0x3ffULL },
    { "ccmd", NYX_MBZ_MASK(NVTD_CCMD_FIELDS), 0x07fffffc00000000ULL },
    { "iotlb register", NYX_MBZ_MASK(NVTD_IOTLB_FIELDS),
      0x49fc0000ffffffffULL },
    { "iva", NYX_MBZ_MASK(NVTD_IVA_FIELDS), 0xf80ULL },
    { "iqt", NYX_MBZ_MASK(NVTD_IQHT_FIELDS), 0xfffffffffff8000fULL },
    { "iqa", NYX_MBZ_MASK(NVTD_IQA_FIELDS), 0x7f8ULL },
    { "irta", NYX_MBZ_MASK(NVTD_IRTA_FIELDS), 0x7f0ULL },
    { "iqercd", NYX_MBZ_MASK(NVTD_IQERCD_FIELDS), 0xfffffff0ULL },
};

static void test_reserved_masks(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(mbz_rows); i++) {
        FX_CHECK(mbz_rows[i].name, mbz_rows[i].model, mbz_rows[i].want);
    }
}

/* --- Fault reasons -------------------------------------------------------- */

typedef struct CodeRow {
    const char *name;
    unsigned model;
    unsigned code;
    bool qualified;
} CodeRow;

#define CODE(name, code, qualified) \
    { #name, NVTD_FAULT_##name, code, qualified }

static const CodeRow codes[] = {
    CODE(ROOT_P, 0x1, false),
    CODE(CTX_P, 0x2, true),
    CODE(CTX_INV, 0x3, true),
    CODE(WIDTH, 0x4, true),
    CODE(WRITE, 0x5, true),
    CODE(READ, 0x6, true),
    CODE(SS_READ, 0x7, true),
    CODE(ROOT_READ, 0x8, false),
    CODE(CTX_READ, 0x9, false),
    CODE(ROOT_RSVD, 0xa, false),
    CODE(CTX_RSVD, 0xb, true),
    CODE(SS_RSVD, 0xc, true),
    CODE(TT_BLOCK, 0xd, true),
    CODE(INTR_RANGE, 0xe, true),
    CODE(IR_REQ, 0x20, false),
    CODE(IR_INDEX, 0x21, false),
    CODE(IR_P, 0x22, true),
    CODE(IR_READ, 0x23, false),
    CODE(IR_RSVD, 0x24, true),
    CODE(IR_COMPAT, 0x25, false),
    CODE(IR_SID, 0x26, true),
    CODE(IR_PD_READ, 0x27, true),
    CODE(IR_PD_RSVD, 0x28, true),
    CODE(TTM, 0x30, false),
    CODE(PASID_LEGACY, 0x31, false),
    CODE(PAGE_LEGACY, 0x32, false),
    CODE(ABORT, 0x33, false),
    CODE(SROOT_READ, 0x38, false),
    CODE(SROOT_P, 0x39, false),
    CODE(SROOT_RSVD, 0x3a, false),
    CODE(SCTX_READ, 0x40, false),
    CODE(SCTX_P, 0x41, true),
    CODE(SCTX_RSVD, 0x42, true),
    CODE(SCTX_INV, 0x43, true),
    CODE(SCTX_DTE, 0x44, true),
    CODE(SCTX_PASIDE, 0x45, true),
    CODE(SCTX_PASID, 0x46, true),
    CODE(SCTX_PRE, 0x47, true),
    CODE(SCTX_RID, 0x48, true),
    CODE(PDIR_READ, 0x50, false),
    CODE(PDIR_P, 0x51, true),
    CODE(PDIR_RSVD, 0x52, true),
    CODE(PTE_READ, 0x58, false),
    CODE(PTE_P, 0x59, true),
    CODE(PTE_RSVD, 0x5a, true),
    CODE(PTE_INV, 0x5b, true),
    CODE(PTE_ERE, 0x5c, true),
    CODE(PTE_SRE, 0x5d, true),
    CODE(FS_READ, 0x70, true),
    CODE(FS_P, 0x71, true),
    CODE(FS_RSVD, 0x72, true),
    CODE(FS_ROOT, 0x73, true),
    CODE(FS_BEYOND_SS, 0x74, true),
    CODE(FS_ROOT_SS, 0x75, true),
    CODE(FS_TABLE_SS, 0x76, true),
    CODE(FS_AD_SS, 0x77, true),
    CODE(SSS_READ, 0x78, true),
    CODE(SSS_P, 0x79, true),
    CODE(SSS_RSVD, 0x7a, true),
    CODE(SSS_ROOT, 0x7b, true),
    CODE(SSS_AD, 0x7d, true),
    CODE(SGN_CANONICAL, 0x80, true),
    CODE(SGN_USER, 0x81, true),
    CODE(SGN_EXEC, 0x82, true),
    CODE(SGN_HAW, 0x83, true),
    CODE(SGN_WIDTH, 0x84, true),
    CODE(SGN_WRITE, 0x85, true),
    CODE(SGN_READ, 0x86, true),
    CODE(SGN_INTR, 0x87, true),
    CODE(SGN_PASID, 0x89, true),
    CODE(FS_AD, 0x91, true),
};

static void test_fault_codes(void)
{
    FX_CHECK(NULL, nyx_vtd_n_faults, ARRAY_SIZE(codes));
    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
        const CodeRow *row = &codes[i];
        unsigned index = nyx_vtd_fault_index(row->model);

        FX_CHECK(row->name, row->model, row->code);
        FX_CHECK(row->name, nyx_vtd_faults[index].code, row->code);
        FX_CHECK(row->name, nyx_vtd_faults[index].qualified, row->qualified);
        g_assert_nonnull(nyx_vtd_faults[index].manual_name);
        g_assert_nonnull(nyx_vtd_faults[index].text);
    }
}

/* --- Capability registers ------------------------------------------------- */

typedef struct CapRow {
    const char *name;
    NyxVtdCfg cfg;
    uint64_t cap;
    uint64_t ecap;
} CapRow;

/*
 * Summed by hand.  CAP without options: ND 6, PLMR, PHMR (0x66), ZLR
 * (0x400000), FRO 0x40 (0x40000000), SSLPS 3 (0xc << 32), PSI (0x80 << 32),
 * MAMV 18 (0x12 << 48).  ECAP without options: C, QI (0x3), IRO 0x50
 * (0x5000).
 */
static const CapRow caps[] = {
    { "48 bits, 4 records, all on",
      { NYX_VTD_CFG_USUAL, .aw_bits = 48, .haw_bits = 46, .fault_records = 4,
        .device_iotlb = true, .dma_drain = true, .dma_translation = true,
        .intremap = true, .eim = true, .pass_through = true,
        .snoop_control = true, .iotlb_entries = 16 },
      0x00d2038c406f0666ULL, 0x00f050dfULL },
    { "39 bits, 1 record, caching mode",
      { NYX_VTD_CFG_USUAL, .aw_bits = 39, .haw_bits = 39, .fault_records = 1,
        .caching_mode = true, .dma_translation = true,
        .iotlb_entries = 16 },
      0x0012008c406602e6ULL, 0x00005003ULL },
    { "57 bits, 16 records, drain",
      { NYX_VTD_CFG_USUAL, .aw_bits = 57, .haw_bits = 52, .fault_records = 16,
        .dma_drain = true, .dma_translation = true, .iotlb_entries = 16 },
      0x00d20f8c40780e66ULL, 0x00005003ULL },
    { "no DMA translation, interrupts only",
      { NYX_VTD_CFG_USUAL, .aw_bits = 48, .haw_bits = 46, .fault_records = 2,
        .intremap = true, .iotlb_entries = 16 },
      0x0012018c406f0066ULL, 0x00f0500bULL },
    { "device-TLB only",
      { NYX_VTD_CFG_USUAL, .aw_bits = 48, .haw_bits = 46, .fault_records = 8,
        .device_iotlb = true, .dma_translation = true,
        .iotlb_entries = 16 },
      0x0012078c406f0666ULL, 0x00005007ULL },
    { "pass-through only",
      { NYX_VTD_CFG_USUAL, .aw_bits = 39, .haw_bits = 46, .fault_records = 1,
        .pass_through = true, .dma_translation = true,
        .iotlb_entries = 16 },
      0x0012008c40660266ULL, 0x00005043ULL },
    { "posted interrupts",
      { NYX_VTD_CFG_USUAL, .aw_bits = 39, .haw_bits = 46, .fault_records = 1,
        .intremap = true, .posted_interrupts = true,
        .dma_translation = true, .iotlb_entries = 16 },
      0x0812008c40660266ULL, 0x00f0500bULL },
    { "pointers that flush",
      { NYX_VTD_CFG_USUAL, .aw_bits = 39, .haw_bits = 46, .fault_records = 1,
        .intremap = true, .esirtps = true, .esrtps = true,
        .dma_translation = true, .iotlb_entries = 16 },
      0xc012008c40660266ULL, 0x00f0500bULL },
    { "abort mode",
      { NYX_VTD_CFG_USUAL, .aw_bits = 39, .haw_bits = 46, .fault_records = 1,
        .abort_dma = true, .dma_translation = true, .iotlb_entries = 16 },
      0x0012008c40660266ULL, 0x0010000000005003ULL },
    { "virtual commands",
      { NYX_VTD_CFG_USUAL, .aw_bits = 39, .haw_bits = 46, .fault_records = 1,
        .vcmd = true, .dma_translation = true, .iotlb_entries = 16 },
      0x0012008c40660266ULL, 0x0000100000005003ULL },
    { "performance counters",
      { NYX_VTD_CFG_USUAL, .aw_bits = 39, .haw_bits = 46, .fault_records = 1,
        .perfmon = true, .dma_translation = true, .iotlb_entries = 16 },
      0x2012008cf0660266ULL, 0x0008000000005003ULL },
    { "snoop control only",
      { NYX_VTD_CFG_USUAL, .aw_bits = 39, .haw_bits = 46, .fault_records = 1,
        .snoop_control = true, .dma_translation = true,
        .iotlb_entries = 16 },
      0x0012008c40660266ULL, 0x00005083ULL },
};

static void test_capabilities(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(caps); i++) {
        Fx *f = fx_new(&caps[i].cfg);

        FX_CHECK(caps[i].name, fx_read64(f, 0x008), caps[i].cap);
        FX_CHECK(caps[i].name, fx_read64(f, 0x010), caps[i].ecap);
        fx_free(f);
    }
}

typedef struct CfgErrorRow {
    const char *option;      /* what the message has to name */
    NyxVtdCfg cfg;
} CfgErrorRow;

#define GOOD NYX_VTD_CFG_USUAL, .version = 0x10, .aw_bits = 48, \
    .haw_bits = 46, .fault_records = 1, .iotlb_entries = 16, .intremap = true

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const CfgErrorRow cfg_errors[] = {
    { NULL, { GOOD } },
    { "aw-bits", { GOOD, .aw_bits = 0 } },
    { "aw-bits", { GOOD, .aw_bits = 40 } },
    { "aw-bits", { GOOD, .aw_bits = 64 } },
    { "eim", { GOOD, .intremap = false, .eim = true } },
    { NULL, { GOOD, .eim = true } },
    { "version", { GOOD, .version = 0x60 } },
    { "version", { GOOD, .version = 0x0f } },
    { NULL, { GOOD, .version = 0 } },
    { NULL, { GOOD, .version = 0x5f } },
    { "fault-records", { GOOD, .fault_records = 0 } },
    { "fault-records", { GOOD, .fault_records = 17 } },
    { NULL, { GOOD, .fault_records = 16 } },
    { "iotlb-entries", { GOOD, .iotlb_entries = 15 } },
    { "iotlb-entries", { GOOD, .iotlb_entries = 1048577 } },
};
#pragma GCC diagnostic pop

static void test_cfg_errors(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(cfg_errors); i++) {
        const char *error = nyx_vtd_cfg_error(&cfg_errors[i].cfg);

        if (!cfg_errors[i].option) {
            g_assert_cmpstr(error, ==, NULL);
        } else {
            g_assert_nonnull(error);
            g_assert_nonnull(strstr(error, cfg_errors[i].option));
        }
    }
}

/* --- Reset values --------------------------------------------------------- */

typedef struct ResetRow {
    uint32_t offset;
    uint64_t value;
} ResetRow;

/* Everything that is not zero after reset. */
static const ResetRow resets[] = {
    { 0x000, 0x10 },
    { 0x008, 0x406f0666 },
    { 0x00c, 0x00d2038c },
    { 0x010, 0x00f050df },
    { 0x038, 0x80000000 },
    { 0x0a0, 0x80000000 },
};

static void check_resets(const char *row, Fx *f)
{
    for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
        uint64_t want = 0;
        g_autofree char *name = g_strdup_printf("%s, 0x%03x", row, offset);

        for (unsigned i = 0; i < ARRAY_SIZE(resets); i++) {
            want = resets[i].offset == offset ? resets[i].value : want;
        }
        FX_CHECK(name, fx_read32(f, offset), want);
    }
}

static void test_resets(void)
{
    Fx *f = fx_new(NULL);

    check_resets("power on", f);
    fx_start(f);
    fx_queue_start(f, 0);
    fx_ir_start(f, 3, true);
    fx_write64(f, 0x40, 0x123456789abcdef0ULL);
    fx_write32(f, 0x38, 0);
    fx_write32(f, 0x64, 0x80000000);
    fx_write64(f, 0x70, UINT64_MAX);
    g_assert_cmphex(fx_dma(f, FX_W, 0x1000), ==, FX_REFUSED);
    g_assert_cmphex(fx_read32(f, 0x34), ==, 0x2);
    nyx_vtd_reset(f->vtd);
    check_resets("reset", f);
    fx_free(f);
}

/* VER: what is configured, 1.0 when nothing is. */
static void test_version_register(void)
{
    NyxVtdCfg cfg = fx_cfg();
    Fx *f;

    cfg.version = 0x42;
    f = fx_new(&cfg);
    g_assert_cmphex(fx_read32(f, 0), ==, 0x42);
    fx_free(f);
    cfg.version = 0;
    f = fx_new(&cfg);
    g_assert_cmphex(fx_read32(f, 0), ==, 0x10);
    fx_free(f);
}

/* --- Words put together --------------------------------------------------- */

typedef struct Vector {
    const char *name;
    uint64_t model;
    uint64_t want;
} Vector;

#define PUT(word, field, value) \
    ((uint64_t)(value) << R_NVTD_##word##_##field##_SHIFT)

static const Vector vectors[] = {
    { "interrupt request 0x1234",
      PUT(IRQ, FEE, 0xfee) | PUT(IRQ, HANDLE, 0x1234) | PUT(IRQ, FORMAT, 1),
      0xfee24690 },
    { "interrupt request 0x1234, SHV",
      PUT(IRQ, FEE, 0xfee) | PUT(IRQ, HANDLE, 0x1234) | PUT(IRQ, FORMAT, 1) |
      PUT(IRQ, SHV, 1),
      0xfee24698 },
    { "interrupt request 0x8001",
      PUT(IRQ, FEE, 0xfee) | PUT(IRQ, HANDLE, 1) | PUT(IRQ, HANDLE15, 1) |
      PUT(IRQ, FORMAT, 1),
      0xfee00034 },
    { "wait, SW, data 2",
      PUT(D5, TYPE, NVTD_DESC_WAIT) | PUT(D5, SW, 1) | PUT(D5, DATA, 2),
      0x0000000200000025ULL },
    { "wait, IF", PUT(D5, TYPE, NVTD_DESC_WAIT) | PUT(D5, IF, 1), 0x15 },
    { "wait, FN and SW, data 2",
      PUT(D5, TYPE, NVTD_DESC_WAIT) | PUT(D5, SW, 1) | PUT(D5, FN, 1) |
      PUT(D5, DATA, 2),
      0x0000000200000065ULL },
    { "context-cache, global",
      PUT(D1, TYPE, NVTD_DESC_CONTEXT) | PUT(D1, G, NVTD_GRAN_GLOBAL), 0x11 },
    { "iotlb, global, DR, DW",
      PUT(D2, TYPE, NVTD_DESC_IOTLB) | PUT(D2, G, NVTD_GRAN_GLOBAL) |
      PUT(D2, DR, 1) | PUT(D2, DW, 1),
      0xd2 },
    { "iotlb, domain 3, DR, DW",
      PUT(D2, TYPE, NVTD_DESC_IOTLB) | PUT(D2, G, NVTD_GRAN_DOMAIN) |
      PUT(D2, DR, 1) | PUT(D2, DW, 1) | PUT(D2, DID, 3),
      0x000300e2 },
    { "iec, global", PUT(D4, TYPE, NVTD_DESC_IEC), 0x4 },
    { "iec, index 5",
      PUT(D4, TYPE, NVTD_DESC_IEC) | PUT(D4, G, 1) | PUT(D4, IIDX, 5),
      0x0000000500000014ULL },
    { "pasid-cache, global",
      PUT(D7, TYPE, NVTD_DESC_PASID_CACHE) |
      PUT(D7, G, NVTD_PASID_GRAN_GLOBAL),
      0x37 },
    { "pasid-cache, domain 1, PASID 7",
      PUT(D7, TYPE, NVTD_DESC_PASID_CACHE) |
      PUT(D7, G, NVTD_PASID_GRAN_PASID) | PUT(D7, DID, 1) |
      PUT(D7, PASID, 7),
      0x0000000700010017ULL },
    { "pasid-iotlb, all of domain 1, PASID 7",
      PUT(D6, TYPE, NVTD_DESC_PASID_IOTLB) |
      PUT(D6, G, NVTD_PIOTLB_GRAN_PASID) | PUT(D6, DID, 1) |
      PUT(D6, PASID, 7),
      0x0000000700010026ULL },
    { "pasid device-tlb, everything",
      PUT(D8H, S, 1) | PUT(D8H, ADDR, 0x7ffffffffffffULL),
      0x7ffffffffffff800ULL },
    { "device-tlb, 00:20.0",
      PUT(D3, TYPE, NVTD_DESC_DEVICE_TLB) | PUT(D3, SID, 0x0100),
      0x0000010000000003ULL },
    { "device-tlb, everything",
      PUT(D3H, S, 1) | PUT(D3H, ADDR, 0x7ffffffffffffULL),
      0x7ffffffffffff001ULL },
    { "device-tlb, 2 MiB at 0x40000000",
      PUT(D3H, S, 1) | PUT(D3H, ADDR, 0x400ff), 0x400ff001ULL },
    { "fault record, low", PUT(FRCD_LO, FI, 0x12345), 0x12345000 },
    { "fault record, high",
      PUT(FRCD_HI, F, 1) | PUT(FRCD_HI, FR, 5) | PUT(FRCD_HI, SID, 0x100),
      0x8000000500000100ULL },
    { "fault record, high, read with PASID",
      PUT(FRCD_HI, F, 1) | PUT(FRCD_HI, T1, 1) | PUT(FRCD_HI, PV, 7) |
      PUT(FRCD_HI, FR, 6) | PUT(FRCD_HI, PP, 1) | PUT(FRCD_HI, SID, 0x100),
      0xc000070680000100ULL },
    { "interrupt fault, index 0x1234",
      0x1234ULL << NVTD_FI_IR_INDEX_SHIFT, 0x1234000000000000ULL },
    { "xAPIC destination 5",
      5ULL << (R_NVTD_IRTE0_DST_SHIFT + NVTD_IRTE_DST_XAPIC_SHIFT),
      5ULL << 40 },
    { "widths", NVTD_AW_BITS(1) | NVTD_AW_BITS(2) << 8 |
                NVTD_AW_BITS(3) << 16, 39 | 48 << 8 | 57 << 16 },
};

static void test_vectors(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
        FX_CHECK(vectors[i].name, vectors[i].model, vectors[i].want);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-vtd/layout/offsets", test_offsets);
    g_test_add_func("/nyx-vtd/layout/register-fields", test_register_fields);
    g_test_add_func("/nyx-vtd/layout/table-fields", test_table_fields);
    g_test_add_func("/nyx-vtd/layout/reserved-masks", test_reserved_masks);
    g_test_add_func("/nyx-vtd/layout/fault-codes", test_fault_codes);
    g_test_add_func("/nyx-vtd/layout/capabilities", test_capabilities);
    g_test_add_func("/nyx-vtd/layout/cfg-errors", test_cfg_errors);
    g_test_add_func("/nyx-vtd/layout/resets", test_resets);
    g_test_add_func("/nyx-vtd/layout/version", test_version_register);
    g_test_add_func("/nyx-vtd/layout/vectors", test_vectors);
    return g_test_run();
}
