/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD-Vi layouts as literals: offsets, positions and values typed from the
 * specification, against the model's lists and registers.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"
#include "amd-fixture.h"

/* --- Register offsets ----------------------------------------------------- */

typedef struct OffsetRow {
    const char *name;
    uint32_t model;
    uint32_t want;
} OffsetRow;

#define OFFSET(reg, offset) { #reg, A_NAMD_##reg, offset }

static const OffsetRow offsets[] = {
    OFFSET(DEVTAB, 0x0000), OFFSET(CMDBASE, 0x0008),
    OFFSET(EVTBASE, 0x0010), OFFSET(CONTROL, 0x0018),
    OFFSET(EXCLBASE, 0x0020), OFFSET(EXCLLIMIT, 0x0028),
    OFFSET(EFR, 0x0030), OFFSET(PPRBASE, 0x0038),
    OFFSET(HWEVT_LO, 0x0040), OFFSET(HWEVT_HI, 0x0048),
    OFFSET(HWEVT_STATUS, 0x0050),
    OFFSET(SMI(0), 0x0060), OFFSET(SMI(1), 0x0068), OFFSET(SMI(15), 0x00d8),
    OFFSET(GALOGBASE, 0x00e0), OFFSET(GALOGTAIL, 0x00e8),
    OFFSET(PPRBASE_B, 0x00f0), OFFSET(EVTBASE_B, 0x00f8),
    OFFSET(DEVTAB_SEG(1), 0x0100), OFFSET(DEVTAB_SEG(7), 0x0130),
    OFFSET(DSFX, 0x0138), OFFSET(DSCX, 0x0140), OFFSET(DSSX, 0x0148),
    OFFSET(MSI_VECTOR0, 0x0150), OFFSET(MSI_VECTOR1, 0x0154),
    OFFSET(MSI_CAP, 0x0158), OFFSET(MSI_ADDR_LO, 0x015c),
    OFFSET(MSI_ADDR_HI, 0x0160), OFFSET(MSI_DATA, 0x0164),
    OFFSET(MSI_MAP, 0x0168), OFFSET(PERFOPT, 0x016c),
    OFFSET(XT_GENERAL, 0x0170), OFFSET(XT_PPR, 0x0178),
    OFFSET(XT_GA, 0x0180), OFFSET(VIOMMU_STATUS, 0x0190),
    OFFSET(EFR2, 0x01a0),
    OFFSET(MARC_BASE(0), 0x0200), OFFSET(MARC_RELOC(0), 0x0208),
    OFFSET(MARC_LEN(0), 0x0210), OFFSET(MARC_BASE(3), 0x0248),
    OFFSET(MARC_LEN(3), 0x0258),
    OFFSET(RESERVED_1FF8, 0x1ff8),
    OFFSET(CMDHEAD, 0x2000), OFFSET(CMDTAIL, 0x2008),
    OFFSET(EVTHEAD, 0x2010), OFFSET(EVTTAIL, 0x2018),
    OFFSET(STATUS, 0x2020),
    OFFSET(PPRHEAD, 0x2030), OFFSET(PPRTAIL, 0x2038),
    OFFSET(GALOGHEAD, 0x2040), OFFSET(GALOGTAILPTR, 0x2048),
    OFFSET(PPRHEAD_B, 0x2050), OFFSET(PPRTAIL_B, 0x2058),
    OFFSET(EVTHEAD_B, 0x2070), OFFSET(EVTTAIL_B, 0x2078),
    OFFSET(PPRAUTO, 0x2080), OFFSET(PPREARLY, 0x2088),
    OFFSET(PPREARLY_B, 0x2090),
    OFFSET(PCCFG, 0x4000), OFFSET(PCPASID, 0x4008),
    OFFSET(PCDOMAIN, 0x4010), OFFSET(PCDEVID, 0x4018),
    OFFSET(PC(0, 0, 0), 0x40000), OFFSET(PC(1, 0, 0), 0x41000),
    OFFSET(PC(0, 1, 8), 0x40108), OFFSET(PC(3, 3, 0x28), 0x43328),
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
    { #word "." #field, R_NAMD_##word##_##field##_SHIFT,                    \
      R_NAMD_##word##_##field##_LENGTH, shift, length }

static const FieldRow capability_fields[] = {
    POS(CAPH, ID, 0, 8), POS(CAPH, NEXT, 8, 8), POS(CAPH, TYPE, 16, 3),
    POS(CAPH, REV, 19, 5), POS(CAPH, IOTLBSUP, 24, 1),
    POS(CAPH, HTTUNNEL, 25, 1), POS(CAPH, NPCACHE, 26, 1),
    POS(CAPH, EFRSUP, 27, 1), POS(CAPH, CAPEXT, 28, 1),
    POS(CAPB, ENABLE, 0, 1), POS(CAPB, BASE, 14, 18),
    POS(CAPR, UNITID, 0, 5), POS(CAPR, VALID, 7, 1), POS(CAPR, BUS, 8, 8),
    POS(CAPR, FIRST, 16, 8), POS(CAPR, LAST, 24, 8),
    POS(MISC0, MSINUM, 0, 5), POS(MISC0, GVASIZE, 5, 3),
    POS(MISC0, PASIZE, 8, 7), POS(MISC0, VASIZE, 15, 7),
    POS(MISC0, HTATSRESV, 22, 1), POS(MISC0, MSINUMPPR, 27, 5),
    POS(MISC1, MSINUMGA, 0, 5),
};

static const FieldRow register_fields[] = {
    POS(DEVTAB, SIZE, 0, 9), POS(DEVTAB, BASE, 12, 40),
    POS(RING, BASE, 12, 40), POS(RING, LEN, 56, 4),
    POS(PTR, PTR, 4, 15), POS(GAPTR, PTR, 3, 16),

    POS(CTRL, IOMMUEN, 0, 1), POS(CTRL, HTTUNEN, 1, 1),
    POS(CTRL, EVENTLOGEN, 2, 1), POS(CTRL, EVENTINTEN, 3, 1),
    POS(CTRL, COMWAITINTEN, 4, 1), POS(CTRL, INVTIMEOUT, 5, 3),
    POS(CTRL, PASSPW, 8, 1), POS(CTRL, RESPASSPW, 9, 1),
    POS(CTRL, COHERENT, 10, 1), POS(CTRL, ISOC, 11, 1),
    POS(CTRL, CMDBUFEN, 12, 1), POS(CTRL, PPRLOGEN, 13, 1),
    POS(CTRL, PPRINTEN, 14, 1), POS(CTRL, PPREN, 15, 1),
    POS(CTRL, GTEN, 16, 1), POS(CTRL, GAEN, 17, 1), POS(CTRL, CRW, 18, 4),
    POS(CTRL, SMIFEN, 22, 1), POS(CTRL, SLFWBDIS, 23, 1),
    POS(CTRL, SMIFLOGEN, 24, 1), POS(CTRL, GAMEN, 25, 3),
    POS(CTRL, GALOGEN, 28, 1), POS(CTRL, GAINTEN, 29, 1),
    POS(CTRL, DUALPPR, 30, 2), POS(CTRL, DUALEVENT, 32, 2),
    POS(CTRL, DEVTBLSEG, 34, 3), POS(CTRL, PRIVABRT, 37, 2),
    POS(CTRL, PPRAUTO, 39, 1), POS(CTRL, MARCEN, 40, 1),
    POS(CTRL, BLKSTOPMRK, 41, 1), POS(CTRL, PPRAUTOAON, 42, 1),
    POS(CTRL, NUMINTREMAP, 43, 2), POS(CTRL, EPHEN, 45, 1),
    POS(CTRL, HADUPDATE, 46, 2), POS(CTRL, GDUPDATEDIS, 48, 1),
    POS(CTRL, XTEN, 50, 1), POS(CTRL, INTCAPXTEN, 51, 1),
    POS(CTRL, VCMDEN, 52, 1), POS(CTRL, VIOMMUEN, 53, 1),
    POS(CTRL, GAUPDATEDIS, 54, 1), POS(CTRL, GAPPIEN, 55, 1),
    POS(CTRL, TMPMEN, 56, 1), POS(CTRL, GCR3TRP, 58, 1),
    POS(CTRL, IRTCACHEDIS, 59, 1), POS(CTRL, GSTBUFTRP, 60, 1),
    POS(CTRL, SNPAVICEN, 61, 3),

    POS(EXCLB, EXEN, 0, 1), POS(EXCLB, ALLOW, 1, 1), POS(EXCLB, BASE, 12, 40),
    POS(EXCLL, LIMIT, 12, 40),

    POS(STS, EVENTOVERFLOW, 0, 1), POS(STS, EVENTLOGINT, 1, 1),
    POS(STS, COMWAITINT, 2, 1), POS(STS, EVENTLOGRUN, 3, 1),
    POS(STS, CMDBUFRUN, 4, 1), POS(STS, PPROVERFLOW, 5, 1),
    POS(STS, PPRINT, 6, 1), POS(STS, PPRLOGRUN, 7, 1),
    POS(STS, GALOGRUN, 8, 1), POS(STS, GALOVERFLOW, 9, 1),
    POS(STS, GAINT, 10, 1), POS(STS, PPROVERFLOWB, 11, 1),
    POS(STS, PPRLOGACTIVE, 12, 1), POS(STS, EVENTOVERFLOWB, 15, 1),
    POS(STS, EVENTLOGACTIVE, 16, 1), POS(STS, PPREARLYB, 17, 1),
    POS(STS, PPREARLY, 18, 1),

    POS(HWEVTS, HEV, 0, 1), POS(HWEVTS, HEO, 1, 1),
    POS(SMI, DID, 0, 16), POS(SMI, DV, 16, 1), POS(SMI, LOCK, 17, 1),
    POS(GATA, ADDR, 3, 49),
    POS(XT, DM, 2, 1), POS(XT, DEST, 8, 24), POS(XT, VECTOR, 32, 8),
    POS(XT, DLM, 40, 1), POS(XT, DEST_HI, 56, 8),
    POS(MARC, ADDR, 12, 40), POS(MARCR, ENABLE, 0, 1),
    POS(MARCR, READONLY, 1, 1), POS(MARCR, ADDR, 12, 40),
    POS(PPRAUTO, CODE, 0, 4), POS(PPRAUTO, MASKGN, 4, 1),
    POS(PPREARLY, LIMIT, 0, 15), POS(PPREARLY, INTEN, 30, 1),
    POS(PPREARLY, EN, 31, 1),
    POS(PCCFG, COUNTERS, 7, 4), POS(PCCFG, BANKS, 12, 6),
    POS(PC0, COUNT, 0, 48), POS(PC8, SOURCE, 0, 8), POS(PC8, UNITS, 30, 1),
    POS(PC8, CAC, 31, 1), POS(PCM, VALUE, 0, 16), POS(PCM, EN, 31, 1),
    POS(PCM, MASK, 32, 16), POS(PC28, NOTE, 0, 52), POS(PC28, CERE, 63, 1),
};

static const FieldRow feature_fields[] = {
    POS(EFR, PREFSUP, 0, 1), POS(EFR, PPRSUP, 1, 1), POS(EFR, XTSUP, 2, 1),
    POS(EFR, NXSUP, 3, 1), POS(EFR, GTSUP, 4, 1), POS(EFR, GAPPISUP, 5, 1),
    POS(EFR, IASUP, 6, 1), POS(EFR, GASUP, 7, 1), POS(EFR, HESUP, 8, 1),
    POS(EFR, PCSUP, 9, 1), POS(EFR, HATS, 10, 2), POS(EFR, GATS, 12, 2),
    POS(EFR, GLXSUP, 14, 2), POS(EFR, SMIFSUP, 16, 2),
    POS(EFR, SMIFRC, 18, 3), POS(EFR, GAMSUP, 21, 3),
    POS(EFR, DUALPPRSUP, 24, 2), POS(EFR, DUALEVENTSUP, 28, 2),
    POS(EFR, SATSSUP, 31, 1), POS(EFR, PASMAX, 32, 5),
    POS(EFR, USSUP, 37, 1), POS(EFR, DEVTBLSEGSUP, 38, 2),
    POS(EFR, PPREARLYSUP, 40, 1), POS(EFR, PPRAUTOSUP, 41, 1),
    POS(EFR, MARCSUP, 42, 2), POS(EFR, BLKSTOPMRKSUP, 44, 1),
    POS(EFR, PERFOPTSUP, 45, 1), POS(EFR, MSICAPMMIOSUP, 46, 1),
    POS(EFR, GIOSUP, 48, 1), POS(EFR, HASUP, 49, 1), POS(EFR, EPHSUP, 50, 1),
    POS(EFR, ATTRFWSUP, 51, 1), POS(EFR, HDSUP, 52, 1),
    POS(EFR, INVIOTLBTYPESUP, 54, 1), POS(EFR, VIOMMUSUP, 55, 1),
    POS(EFR, VMGUARDIOSUP, 56, 1), POS(EFR, VMTABLESIZE, 57, 4),
    POS(EFR, GAUPDATEDISSUP, 61, 1), POS(EFR, FORCEPHYDEST, 62, 1),
    POS(EFR, SNPSUP, 63, 1),
    POS(EFR2, CXLIOSUP, 0, 1), POS(EFR2, SEVSNPIOSUP, 1, 1),
    POS(EFR2, TMPMSUP, 2, 1), POS(EFR2, GCR3TRPSUP, 3, 1),
    POS(EFR2, GAPPIDISSUP, 4, 1), POS(EFR2, SNPAVICSUP, 5, 3),
    POS(EFR2, NUMINTREMAPSUP, 8, 2), POS(EFR2, HTRANGEIGNORE, 11, 1),
};

static const FieldRow table_fields[] = {
    POS(DTE0, V, 0, 1), POS(DTE0, TV, 1, 1), POS(DTE0, HAD, 7, 2),
    POS(DTE0, MODE, 9, 3), POS(DTE0, ROOT, 12, 40), POS(DTE0, PPR, 52, 1),
    POS(DTE0, GPRP, 53, 1), POS(DTE0, GIOV, 54, 1), POS(DTE0, GV, 55, 1),
    POS(DTE0, GLX, 56, 2), POS(DTE0, GCR3_LO, 58, 3), POS(DTE0, IR, 61, 1),
    POS(DTE0, IW, 62, 1),
    POS(DTE1, DOMAIN, 64 - 64, 16), POS(DTE1, GCR3_MID, 80 - 64, 16),
    POS(DTE1, I, 96 - 64, 1), POS(DTE1, SE, 97 - 64, 1),
    POS(DTE1, SA, 98 - 64, 1), POS(DTE1, IOCTL, 99 - 64, 2),
    POS(DTE1, CACHE, 101 - 64, 1), POS(DTE1, SD, 102 - 64, 1),
    POS(DTE1, EX, 103 - 64, 1), POS(DTE1, SYSMGT, 104 - 64, 2),
    POS(DTE1, SATS, 106 - 64, 1), POS(DTE1, GCR3_HI, 107 - 64, 21),
    POS(DTE2, IV, 128 - 128, 1), POS(DTE2, INTTABLEN, 129 - 128, 4),
    POS(DTE2, IG, 133 - 128, 1), POS(DTE2, INTROOT, 134 - 128, 46),
    POS(DTE2, GPM, 182 - 128, 2), POS(DTE2, INITPASS, 184 - 128, 1),
    POS(DTE2, EINTPASS, 185 - 128, 1), POS(DTE2, NMIPASS, 186 - 128, 1),
    POS(DTE2, HPTMODE, 187 - 128, 1), POS(DTE2, INTCTL, 188 - 128, 2),
    POS(DTE2, LINT0PASS, 190 - 128, 1), POS(DTE2, LINT1PASS, 191 - 128, 1),
    POS(DTE3, VIMUEN, 207 - 192, 1), POS(DTE3, GDEVICEID, 208 - 192, 16),
    POS(DTE3, GUESTID, 224 - 192, 16), POS(DTE3, ATTRV, 246 - 192, 1),
    POS(DTE3, MODE0FC, 247 - 192, 1), POS(DTE3, SNOOP, 248 - 192, 8),
    POS(GCR3, V, 0, 1), POS(GCR3, ADDR, 12, 40),

    POS(IRTE, REMAPEN, 0, 1), POS(IRTE, SUPIOPF, 1, 1),
    POS(IRTE, INTTYPE, 2, 3), POS(IRTE, RQEOI, 5, 1), POS(IRTE, DM, 6, 1),
    POS(IRTE, GUESTMODE, 7, 1), POS(IRTE, DEST, 8, 8),
    POS(IRTE, VECTOR, 16, 8),
    POS(IRTEX0, REMAPEN, 0, 1), POS(IRTEX0, SUPIOPF, 1, 1),
    POS(IRTEX0, INTTYPE, 2, 3), POS(IRTEX0, RQEOI, 5, 1),
    POS(IRTEX0, DM, 6, 1), POS(IRTEX0, GUESTMODE, 7, 1),
    POS(IRTEX0, DEST, 8, 24), POS(IRTEX1, VECTOR, 64 - 64, 8),
    POS(IRTEX1, DEST_HI, 120 - 64, 8),
    POS(IRTEG0, GALOGINTR, 2, 1), POS(IRTEG0, GAPPIDIS, 5, 1),
    POS(IRTEG0, ISRUN, 6, 1), POS(IRTEG0, GUESTMODE, 7, 1),
    POS(IRTEG0, DEST, 8, 24), POS(IRTEG0, GATAG, 32, 32),
    POS(IRTEG1, VECTOR, 64 - 64, 8), POS(IRTEG1, ROOT, 76 - 64, 40),
    POS(IRTEG1, DEST_HI, 120 - 64, 8),

    POS(CWAIT0, S, 0, 1), POS(CWAIT0, I, 1, 1), POS(CWAIT0, FLUSH, 2, 1),
    POS(CWAIT0, ADDR, 3, 49), POS(CWAIT0, OP, 60, 4),
    POS(CDEV0, DEVID, 0, 16), POS(CDEV0, OP, 60, 4),
    POS(CPAGE0, PASID, 0, 20), POS(CPAGE0, DOMAIN, 32, 16),
    POS(CPAGE0, OP, 60, 4), POS(CPAGE1, S, 64 - 64, 1),
    POS(CPAGE1, PDE, 65 - 64, 1), POS(CPAGE1, GN, 66 - 64, 1),
    POS(CPAGE1, ADDR, 76 - 64, 52),
    POS(CTLB0, DEVID, 0, 16), POS(CTLB0, PASID_MID, 16, 8),
    POS(CTLB0, MAXPEND, 24, 8), POS(CTLB0, QUEUEID, 32, 16),
    POS(CTLB0, PASID_LO, 48, 8), POS(CTLB0, PASID_HI, 56, 4),
    POS(CTLB0, OP, 60, 4), POS(CTLB1, S, 64 - 64, 1),
    POS(CTLB1, GN, 66 - 64, 1), POS(CTLB1, TYPE, 68 - 64, 2),
    POS(CTLB1, ADDR, 76 - 64, 52),
    POS(CPRE0, DEVID, 0, 16), POS(CPRE0, COUNT, 24, 8),
    POS(CPRE0, PASID, 32, 20), POS(CPRE0, OP, 60, 4),
    POS(CPRE1, S, 64 - 64, 1), POS(CPRE1, GN, 66 - 64, 1),
    POS(CPRE1, INVAL, 68 - 64, 1), POS(CPRE1, ADDR, 76 - 64, 52),
    POS(CPPR0, DEVID, 0, 16), POS(CPPR0, PASID, 32, 20),
    POS(CPPR0, OP, 60, 4), POS(CPPR1, GN, 66 - 64, 1),
    POS(CPPR1, GROUP, 96 - 64, 9), POS(CPPR1, CODE, 108 - 64, 4),
    POS(CALL0, OP, 60, 4),

    POS(EVT0, DEVID, 0, 16), POS(EVT0, PASID_HI, 16, 4),
    POS(EVT0, ID, 32, 16), POS(EVT0, GN, 48, 1), POS(EVT0, NX, 49, 1),
    POS(EVT0, US, 50, 1), POS(EVT0, I, 51, 1), POS(EVT0, PR, 52, 1),
    POS(EVT0, RW, 53, 1), POS(EVT0, PE, 54, 1), POS(EVT0, RZ, 55, 1),
    POS(EVT0, TR, 56, 1), POS(EVT0, TYPE, 57, 3), POS(EVT0, CODE, 60, 4),
    POS(EVTP0, DEVID, 0, 16), POS(EVTP0, PASID_LO, 16, 16),
    POS(EVTP0, TAG, 32, 10), POS(EVTP0, PASID_HI, 42, 4),
    POS(EVTP0, RX, 48, 1), POS(EVTP0, X, 49, 1), POS(EVTP0, R, 50, 1),
    POS(EVTP0, W, 53, 1), POS(EVTP0, US, 54, 1), POS(EVTP0, RZ, 55, 1),
    POS(EVTP0, GN, 56, 1), POS(EVTP0, CODE, 60, 4),
    POS(PPR0, DEVID, 0, 16), POS(PPR0, PASID_LO, 16, 16),
    POS(PPR0, TAG, 32, 10), POS(PPR0, PASID_HI, 42, 4), POS(PPR0, X, 49, 1),
    POS(PPR0, R, 50, 1), POS(PPR0, W, 53, 1), POS(PPR0, US, 54, 1),
    POS(PPR0, RZ, 55, 1), POS(PPR0, GN, 56, 1), POS(PPR0, CODE, 60, 4),
    POS(GA0, TAG, 0, 32), POS(GA0, DEVID, 32, 16), POS(GA0, CODE, 60, 4),
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
    check_fields(capability_fields, ARRAY_SIZE(capability_fields));
    check_fields(register_fields, ARRAY_SIZE(register_fields));
    check_fields(feature_fields, ARRAY_SIZE(feature_fields));
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
    { "dte 63:0", NYX_MBZ_MASK(NAMD_DTE_W0), 0x800000000000007cULL },
    { "dte 127:64", NYX_MBZ_MASK(NAMD_DTE_W1), 0 },
    { "dte 191:128", NYX_MBZ_MASK(NAMD_DTE_W2), 0x0030000000000000ULL },
    { "dte 255:192", NYX_MBZ_MASK(NAMD_DTE_W3), 0x003f000000007fffULL },
    { "gcr3", NYX_MBZ_MASK(NAMD_GCR3_W0), 0xfff0000000000ffeULL },
    { "irte", NYX_MBZ_MASK(NAMD_IRTE_FIELDS), 0xff000000ULL },
    { "irte 63:0", NYX_MBZ_MASK(NAMD_IRTEX_W0), 0xffffffff00000000ULL },
    { "irte 127:64", NYX_MBZ_MASK(NAMD_IRTEX_W1), 0x00ffffffffffff00ULL },
    { "vapic irte 63:0", NYX_MBZ_MASK(NAMD_IRTEG_W0), 0x18ULL },
    { "vapic irte 127:64", NYX_MBZ_MASK(NAMD_IRTEG_W1),
      0x00f0000000000f00ULL },
    { "completion wait", NYX_MBZ_MASK(NAMD_CMD_WAIT_W0),
      0x0ff0000000000000ULL },
    { "devtab, interrupt table", NYX_MBZ_MASK(NAMD_CMD_DEVICE_W0),
      0x0fffffffffff0000ULL },
    { "pages low", NYX_MBZ_MASK(NAMD_CMD_PAGES_W0), 0x0fff0000fff00000ULL },
    { "pages high", NYX_MBZ_MASK(NAMD_CMD_PAGES_W1), 0xff8ULL },
    { "iotlb low", NYX_MBZ_MASK(NAMD_CMD_IOTLB_W0), 0 },
    { "iotlb high", NYX_MBZ_MASK(NAMD_CMD_IOTLB_W1), 0xfcaULL },
    { "prefetch low", NYX_MBZ_MASK(NAMD_CMD_PREFETCH_W0),
      0x0ff0000000ff0000ULL },
    { "prefetch high", NYX_MBZ_MASK(NAMD_CMD_PREFETCH_W1), 0xfeaULL },
    { "ppr low", NYX_MBZ_MASK(NAMD_CMD_PPR_W0), 0x0ff00000ffff0000ULL },
    { "ppr high", NYX_MBZ_MASK(NAMD_CMD_PPR_W1), 0xffff0e00fffffffbULL },
    { "all low", NYX_MBZ_MASK(NAMD_CMD_ALL_W0), 0x0fffffffffffffffULL },
    { "all high", NYX_MBZ_MASK(NAMD_CMD_ZERO_W1), UINT64_MAX },
    { "status", NYX_MBZ_MASK(NAMD_STATUS_FIELDS), 0xfffffffffff86000ULL },
    { "control", NYX_MBZ_MASK(NAMD_CONTROL_FIELDS), 0x02020000003c0000ULL },
    { "efr", NYX_MBZ_MASK(NAMD_EFR_FIELDS), 0x002080004c000000ULL },
    { "efr2", NYX_MBZ_MASK(NAMD_EFR2_FIELDS), 0xfffffffffffff400ULL },
    { "devtab", NYX_MBZ_MASK(NAMD_DEVTAB_FIELDS), 0xfff0000000000e00ULL },
    { "ring", NYX_MBZ_MASK(NAMD_RING_FIELDS), 0xf0f0000000000fffULL },
};

static void test_reserved_masks(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(mbz_rows); i++) {
        FX_CHECK(mbz_rows[i].name, mbz_rows[i].model, mbz_rows[i].want);
    }
}

/* --- Codes ---------------------------------------------------------------- */

typedef struct NumberRow {
    const char *name;
    unsigned model;
    unsigned want;
} NumberRow;

#define NUMBER(name, want) { #name, NAMD_##name, want }

static const NumberRow numbers[] = {
    NUMBER(CMD_COMPLETION_WAIT, 1), NUMBER(CMD_INV_DEVTAB_ENTRY, 2),
    NUMBER(CMD_INV_IOMMU_PAGES, 3), NUMBER(CMD_INV_IOTLB_PAGES, 4),
    NUMBER(CMD_INV_INTERRUPT_TABLE, 5), NUMBER(CMD_PREFETCH_IOMMU_PAGES, 6),
    NUMBER(CMD_COMPLETE_PPR_REQUEST, 7), NUMBER(CMD_INV_IOMMU_ALL, 8),
    NUMBER(CMD_INSERT_GUEST_EVENT, 9), NUMBER(CMD_RESET_VMMIO, 10),
    NUMBER(EVENT_ILLEGAL_DEV_TABLE_ENTRY, 1),
    NUMBER(EVENT_IO_PAGE_FAULT, 2), NUMBER(EVENT_DEV_TAB_HARDWARE_ERROR, 3),
    NUMBER(EVENT_PAGE_TAB_HARDWARE_ERROR, 4),
    NUMBER(EVENT_ILLEGAL_COMMAND_ERROR, 5),
    NUMBER(EVENT_COMMAND_HARDWARE_ERROR, 6),
    NUMBER(EVENT_IOTLB_INV_TIMEOUT, 7),
    NUMBER(EVENT_INVALID_DEVICE_REQUEST, 8),
    NUMBER(EVENT_INVALID_PPR_REQUEST, 9),
    NUMBER(EVENT_EVENT_COUNTER_ZERO, 10), NUMBER(EVENT_GUEST_EVENT_FAULT, 11),
    NUMBER(EVENT_VIOMMU_HARDWARE_ERROR, 12),
    NUMBER(EVENT_RMP_PAGE_FAULT, 13), NUMBER(EVENT_RMP_HARDWARE_ERROR, 14),
    NUMBER(PPR_SERVICE, 1), NUMBER(PPR_TAG_LAST, 0x200),
    NUMBER(GA_GUEST_NR, 1), NUMBER(ERROR_TARGET_ABORT, 2),
    NUMBER(HATS_NONE, 3), NUMBER(VAPIC_IRR, 0x200),
    NUMBER(GCR3_LO_SHIFT, 12), NUMBER(GCR3_MID_SHIFT, 15),
    NUMBER(GCR3_HI_SHIFT, 31), NUMBER(INTTABLEN_MAX, 11),
    NUMBER(PERF_PASS, 0x01), NUMBER(PERF_ABORT, 0x04),
    NUMBER(PERF_TRANSLATION, 0x05), NUMBER(PERF_DTE_MISS, 0x0b),
    NUMBER(PERF_READS, 0x0c), NUMBER(PERF_INT_DTE_MISS, 0x10),
    NUMBER(PERF_COMMANDS, 0x11), NUMBER(PERF_TLB_DROPPED, 0x13),
    NUMBER(PERF_RESERVED_1FF8, 0x14), NUMBER(PERF_SMI_BLOCKED, 0x18),
};

static void test_numbers(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        FX_CHECK(numbers[i].name, numbers[i].model, numbers[i].want);
    }
    FX_CHECK("interrupt range", NAMD_INTR_FIRST, 0xfee00000ULL);
    FX_CHECK("interrupt range", NAMD_INTR_LAST, 0xfeefffffULL);
    FX_CHECK("HT ranges", NAMD_HT_FIRST, 0xfd00000000ULL);
    FX_CHECK("HT ranges", NAMD_HT_LAST, 0xffffffffffULL);
    FX_CHECK("base", NAMD_MMIO_BASE, 0xfed80000ULL);
}

/* --- Capabilities --------------------------------------------------------- */

typedef struct CapRow {
    const char *name;
    NyxAmdCfg cfg;
    uint64_t efr;
    uint64_t efr2;
    uint32_t header;
    uint32_t misc0;
    uint32_t misc1;
    uint32_t size;
} CapRow;

#define BASIC .pa_bits = 40, .va_bits = 48, .dma_remap = true, \
    .iotlb_entries = 16
#define GUEST .guest_levels = 4, .pasid_bits = 16, .glx = 1

/* Summed by hand.  Without options: header 180b000f, misc 00182800. */
static const CapRow caps[] = {
    { "nothing", { BASIC }, 0xc00, 0, 0x180b000f, 0x00182800, 0, 0x4000 },
    { "4 levels", { BASIC, .host_levels = 4 }, 0x000, 0, 0x180b000f,
      0x00182800, 0, 0x4000 },
    { "5 levels", { BASIC, .host_levels = 5 }, 0x400, 0, 0x180b000f,
      0x00182800, 0, 0x4000 },
    { "6 levels", { BASIC, .host_levels = 6 }, 0x800, 0, 0x180b000f,
      0x00182800, 0, 0x4000 },
    { "guest tables", { BASIC, GUEST }, 0x0000000f00004c10ULL, 0,
      0x180b000f, 0x00182840, 0, 0x4000 },
    { "guest tables, 5 levels",
      { BASIC, .guest_levels = 5, .pasid_bits = 9, .no_execute = true },
      0x0000000800001c18ULL, 0, 0x180b000f, 0x00182840, 0, 0x4000 },
    { "NpCache, IotlbSup", { BASIC, .np_cache = true, .device_iotlb = true },
      0xc00, 0, 0x1d0b000f, 0x00182800, 0, 0x4000 },
    { "page requests",
      { BASIC, .device_iotlb = true, .page_requests = true, .eph = true },
      0x0004000000000c02ULL, 0, 0x190b000f, 0x08182800, 0, 0x4000 },
    { "vAPIC",
      { BASIC, .intremap = true, .ga = true, .vapic = true, .xt = true },
      0x0000000000200c84ULL, 0, 0x180b000f, 0x00182800, 2, 0x4000 },
    { "counters", { BASIC, .counters = true }, 0xe00, 0, 0x180b000f,
      0x00182800, 0, 0x80000 },
    { "SMI filters",
      { BASIC, .intremap = true, .smi_filter = true, .smi_filters_lg2 = 3 },
      0xd0c00, 0, 0x180b000f, 0x00182800, 0, 0x4000 },
    { "HT ranges are memory", { BASIC, .ht_range_ignore = true }, 0xc00,
      0x800, 0x180b000f, 0x00182800, 0, 0x4000 },
};

static void test_capabilities(void)
{
    NyxAmdCfg all = ax_cfg();

    for (unsigned i = 0; i < ARRAY_SIZE(caps); i++) {
        const CapRow *row = &caps[i];
        Ax *f = ax_new(&row->cfg);

        FX_CHECK(row->name, ax_read64(f, 0x30), row->efr);
        FX_CHECK(row->name, ax_read64(f, 0x1a0), row->efr2);
        FX_CHECK(row->name, nyx_amd_cap_header(&row->cfg), row->header);
        FX_CHECK(row->name, nyx_amd_cap_misc0(&row->cfg), row->misc0);
        FX_CHECK(row->name, nyx_amd_cap_misc1(&row->cfg), row->misc1);
        FX_CHECK(row->name, nyx_amd_mmio_size(&row->cfg), row->size);
        ax_free(f);
    }
    FX_CHECK("all", nyx_amd_efr(&all), 0x205f77f322319bffULL);
    FX_CHECK("all", nyx_amd_efr2(&all), 0x118);
    FX_CHECK("all", nyx_amd_cap_header(&all), 0x190b000f);
    FX_CHECK("all", nyx_amd_cap_misc0(&all), 0x08203040);
    FX_CHECK("all", nyx_amd_cap_misc1(&all), 2);
}

/* 16.24: EFR is the same image wherever it is told; also of each bit alone. */
static void test_image(void)
{
    NyxAmdCfg cfg = ax_cfg();
    Ax *f = ax_new(&cfg);

    FX_CHECK(NULL, ax_read64(f, 0x30), nyx_amd_efr(&cfg));
    FX_CHECK(NULL, ax_read64(f, 0x1a0), nyx_amd_efr2(&cfg));
    /* 16.13 and 16.14: no reserved code, nothing without an implementation. */
    g_assert_cmphex(ax_read64(f, 0x30) >> 12 & 3, <, 2);
    g_assert_cmphex(ax_read64(f, 0x30) >> 14 & 3, <, 3);
    FX_CHECK(NULL, ax_read64(f, 0x30) & 0xdfa08000cc000000ULL, 0);
    FX_CHECK(NULL, ax_read64(f, 0x1a0) & ~0x918ULL, 0);
    ax_free(f);
}

typedef struct CfgErrorRow {
    const char *option;      /* what the message has to name */
    const char *fix;         /* and what to do */
    NyxAmdCfg cfg;
} CfgErrorRow;

#define GOOD BASIC, .host_levels = 6, .intremap = true
#define PPR .device_iotlb = true, .eph = true, .page_requests = true

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const CfgErrorRow cfg_errors[] = {
    { NULL, NULL, { GOOD } },
    { "pa-bits", "32 to 52", { GOOD, .pa_bits = 31 } },
    { "pa-bits", "32 to 52", { GOOD, .pa_bits = 53 } },
    { NULL, NULL, { GOOD, .pa_bits = 32 } },
    { NULL, NULL, { GOOD, .pa_bits = 52 } },
    { "va-bits", "32 to 64", { GOOD, .va_bits = 31 } },
    { "va-bits", "32 to 64", { GOOD, .va_bits = 65 } },
    { "host-levels", "4, 5 or 6", { GOOD, .host_levels = 3 } },
    { "host-levels", "4, 5 or 6", { GOOD, .host_levels = 7 } },
    { "host-levels", "dma-remap", { GOOD, .dma_remap = false } },
    { NULL, NULL, { GOOD, .dma_remap = false, .host_levels = 0 } },
    { "guest-levels", "4 or 5", { GOOD, .guest_levels = 3 } },
    { "guest-levels", "4 or 5", { GOOD, .guest_levels = 6 } },
    { "guest-levels", "dma-remap",
      { GOOD, GUEST, .host_levels = 0, .dma_remap = false } },
    { NULL, NULL, { GOOD, GUEST } },
    { "pasid-bits", "1 to 20", { GOOD, GUEST, .pasid_bits = 0 } },
    { "pasid-bits", "1 to 20", { GOOD, GUEST, .pasid_bits = 21, .glx = 2 } },
    { "pasid-bits", "glx=2", { GOOD, GUEST, .pasid_bits = 19 } },
    { "pasid-bits", "glx=1", { GOOD, GUEST, .pasid_bits = 10, .glx = 0 } },
    { NULL, NULL, { GOOD, GUEST, .pasid_bits = 20, .glx = 2 } },
    { NULL, NULL, { GOOD, GUEST, .pasid_bits = 9, .glx = 0 } },
    { "glx", "0, 1 or 2", { GOOD, GUEST, .glx = 3 } },
    { "segments", "1, 2, 4 or 8", { GOOD, .segments_lg2 = 4 } },
    { "dual-ppr", "swap", { GOOD, PPR, .dual_ppr = 3 } },
    { "dual-event", "swap", { GOOD, .dual_event = 3 } },
    { "dual-ppr", "page-requests", { GOOD, .dual_ppr = 1 } },
    { NULL, NULL, { GOOD, PPR, .dual_ppr = 2, .dual_event = 2 } },
    { "smi-filters", "16",
      { GOOD, .smi_filter = true, .smi_filters_lg2 = 5 } },
    { "smi-filters", "intremap",
      { GOOD, .smi_filter = true, .intremap = false } },
    { "device-iotlb", "dma-remap",
      { GOOD, .device_iotlb = true, .dma_remap = false, .host_levels = 0 } },
    { "page-requests", "device-iotlb",
      { GOOD, PPR, .device_iotlb = false } },
    { "page-requests", "eph", { GOOD, PPR, .eph = false } },
    { "eph", "page-requests", { GOOD, .eph = true } },
    { NULL, NULL, { GOOD, PPR } },
    { "ppr-early", "page-requests", { GOOD, .ppr_early = true } },
    { "ppr-auto", "page-requests", { GOOD, .ppr_auto = true } },
    { "block-stop-mark", "page-requests", { GOOD, .block_stop_mark = true } },
    { "inv-iotlb-type", "device-iotlb", { GOOD, .inv_iotlb_type = true } },
    { "nx", "guest-levels", { GOOD, .no_execute = true } },
    { "us", "guest-levels", { GOOD, .user_supervisor = true } },
    { "gio", "guest-levels", { GOOD, .gio = true } },
    { "ga-update-dis", "guest-levels", { GOOD, .ga_update_dis = true } },
    { "gcr3-trp", "guest-levels", { GOOD, .gcr3_trp = true } },
    { "gcr3-trp", "host-levels",
      { GOOD, GUEST, .gcr3_trp = true, .host_levels = 0 } },
    { "host-accessed", "host-levels",
      { GOOD, .host_accessed = true, .host_levels = 0 } },
    { "host-dirty", "host-accessed", { GOOD, .host_dirty = true } },
    { NULL, NULL, { GOOD, .host_dirty = true, .host_accessed = true } },
    { "np-cache", "dma-remap",
      { GOOD, .np_cache = true, .dma_remap = false, .host_levels = 0 } },
    { "marc", "dma-remap",
      { GOOD, .marc = true, .dma_remap = false, .host_levels = 0 } },
    { "attr-fw", "dma-remap",
      { GOOD, .attr_fw = true, .dma_remap = false, .host_levels = 0 } },
    { "ga", "intremap", { GOOD, .ga = true, .intremap = false } },
    { "xtsup", "ga=on", { GOOD, .xt = true } },
    { "vapic", "ga=on", { GOOD, .vapic = true } },
    { "gappi", "vapic", { GOOD, .ga = true, .gappi = true } },
    { "gappi-dis", "gappi=on",
      { GOOD, .ga = true, .vapic = true, .gappi_dis = true } },
    { "int-remap-2k", "ga=on", { GOOD, .int_remap_2k = true } },
    { "irt-cache-dis", "intremap",
      { GOOD, .irt_cache_dis = true, .intremap = false } },
    { "cache", "sticky", { GOOD, .cache = NYX_CACHE_TEMPER_COUNT } },
    { "iotlb-entries", "16 to", { GOOD, .iotlb_entries = 15 } },
    { "iotlb-entries", "1048576", { GOOD, .iotlb_entries = 1048577 } },
};
#pragma GCC diagnostic pop

static void test_cfg_errors(void)
{
    NyxAmdCfg all = ax_cfg();

    g_assert_cmpstr(nyx_amd_cfg_error(&all), ==, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(cfg_errors); i++) {
        const CfgErrorRow *row = &cfg_errors[i];
        const char *error = nyx_amd_cfg_error(&row->cfg);

        if (!row->option) {
            g_assert_cmpstr(error, ==, NULL);
        } else if (!error || !strstr(error, row->option) ||
                   !strstr(error, row->fix)) {
            g_test_message("row %u: %s, %s: %s", i, row->option, row->fix,
                           error);
            g_test_fail();
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amd/layout/offsets", test_offsets);
    g_test_add_func("/amd/layout/register-fields", test_register_fields);
    g_test_add_func("/amd/layout/table-fields", test_table_fields);
    g_test_add_func("/amd/layout/reserved", test_reserved_masks);
    g_test_add_func("/amd/layout/numbers", test_numbers);
    g_test_add_func("/amd/layout/capabilities", test_capabilities);
    g_test_add_func("/amd/layout/image", test_image);
    g_test_add_func("/amd/layout/configuration", test_cfg_errors);
    return g_test_run();
}
