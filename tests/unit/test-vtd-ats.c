/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATS translation completions: every field, from the tables and from the
 * IOTLB, by what the tables say and by what was asked.
 */
#include "qemu/osdep.h"
#include "vtd-scalable.h"

/* N */
#define SNOOP NYX_ATS_SNOOP

/* Second-stage snoop bit, and PGSNP in the second word of a PASID entry. */
#define SNP (1ULL << 11)
#define PGSNP (1ULL << 24)

static void check(const char *row, const NyxReply *reply, unsigned access,
                  unsigned ats)
{
    FX_CHECK(row, reply->ok, true);
    FX_CHECK(row, reply->access, access);
    FX_CHECK(row, reply->ats, ats);
}

/* --- Legacy mode ---------------------------------------------------------- */

static void test_legacy_snoop(void)
{
    for (unsigned i = 0; i < 8; i++) {
        bool snp = i & 1, first = i & 2, two_mib = i & 4;
        g_autofree char *name = g_strdup_printf("row %u", i);
        unsigned lg2 = two_mib ? 21 : 12;
        uint64_t ss, at;
        NyxReply reply;
        Fx *f = fx_new_domain(NULL, 4, &ss);

        fx_context(f, FX_SID, fx_context_lo(ss, 1, false),
                   fx_context_hi(4, FX_DID));
        fx_map(f, ss, 4, 0x40000000, 0x200000, lg2, FX_RW);
        at = fx_entry(f, ss, 4, 0x40000000, two_mib ? 2 : 1);
        fx_mem_poke(&f->mem, at, fx_mem_peek(&f->mem, at) | (snp ? SNP : 0));
        if (first) {
            /* The IOTLB gets it from a request of another kind. */
            reply = fx_request(f, NYX_REQ_UNTRANSLATED, FX_R, 0x40000000);
            check(name, &reply, FX_RW, 0);
            fx_mem_poke(&f->mem, at, 0);
        }
        reply = fx_request(f, NYX_REQ_TRANSLATION, FX_R, 0x40000000);
        check(name, &reply, FX_RW, snp ? SNOOP : 0);
        FX_CHECK(name, reply.addr_mask, (1ULL << lg2) - 1);
        /* It is a field of completions only. */
        reply = fx_request(f, NYX_REQ_UNTRANSLATED, FX_R, 0x40000000);
        check(name, &reply, FX_RW, 0);
        reply = fx_request(f, NYX_REQ_TRANSLATED, FX_R, 0x200000);
        check(name, &reply, FX_RW, 0);
        /* No mapping: nothing is said of it. */
        reply = fx_request(f, NYX_REQ_TRANSLATION, FX_R, 0x80000000);
        check(name, &reply, 0, 0);
        fx_free(f);
    }
}

/* --- Scalable mode -------------------------------------------------------- */

typedef struct SnoopRow {
    const char *name;
    uint32_t pasid;
    bool pgsnp, snp, want;
} SnoopRow;

static const SnoopRow snoop_rows[] = {
    { "first", 1, false, false, false },
    { "first, PGSNP", 1, true, false, true },
    { "second", 2, false, false, false },
    { "second, PGSNP", 2, true, false, true },
    { "second, SNP", 2, false, true, true },
    { "nested", 3, false, false, false },
    { "nested, PGSNP", 3, true, false, true },
    { "nested, SNP", 3, false, true, true },
    { "nested, both", 3, true, true, true },
    { "pass-through", 4, false, false, false },
    { "pass-through, PGSNP", 4, true, false, true },
};

static void test_snoop(void)
{
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(snoop_rows); i++) {
        const SnoopRow *row = &snoop_rows[i / 2];
        const SmSpace *space;
        NyxReply reply;
        SmScene s;

        sc_init(&s, NULL);
        space = &s.space[row->pasid];
        if (row->pgsnp) {
            sc_or(&s, space->at + 8, PGSNP);
        }
        if (row->snp) {
            sc_or(&s, sm_ss_entry(space, row->pasid == 3 ? SC_GPA : SC_IOVA,
                                  1), SNP);
        }
        if (i & 1) {
            FX_CHECK(row->name, sm_dma(s.f, row->pasid, FX_R, SC_IOVA),
                     sc_good(row->pasid));
        }
        reply = sm_request(s.f, FX_SID, row->pasid, NYX_REQ_TRANSLATION, FX_R,
                           SC_IOVA);
        check(row->name, &reply, FX_RW, row->want ? SNOOP : 0);
        FX_CHECK(row->name, reply.addr, sc_good(row->pasid));
        sc_free(&s);
    }
}

/* Without ECAP.SC nothing is forced to be snooped. */
static void test_snoop_not_offered(void)
{
    NyxVtdCfg cfg = sm_cfg();
    NyxReply reply;
    SmScene s;

    cfg.snoop_control = false;
    sc_init(&s, &cfg);
    sc_or(&s, sm_ss_entry(&s.space[2], SC_IOVA, 1), SNP);
    reply = sm_request(s.f, FX_SID, 2, NYX_REQ_TRANSLATION, FX_R, SC_IOVA);
    check("SC = 0", &reply, FX_RW, 0);
    sc_free(&s);
}

/* Exe and Priv are for those who asked; what they get depends on the page. */
static const struct {
    const char *name;
    uint64_t bits;           /* of the leaf */
    unsigned asked, want;
} mode_rows[] = {
    { "plain", SM_FS_USER, FX_RW, FX_RW },
    { "execute", SM_FS_USER, FX_RW | SM_X, FX_RW | SM_X },
    { "execute, XD", SM_FS_USER | 1ULL << 63, FX_RW | SM_X, FX_RW },
    { "privileged", SM_FS_USER, FX_RW | SM_PRIV, FX_RW | SM_PRIV },
    { "both", SM_FS_USER, SM_X | SM_PRIV, FX_RW | SM_X | SM_PRIV },
    { "supervisor's page", 3, FX_RW, 0 },
    { "supervisor's page, privileged", 3, FX_RW | SM_PRIV, FX_RW | SM_PRIV },
    { "read-only", 5, FX_RW, FX_R },
    { "nothing", 0, FX_RW | SM_PRIV, 0 },
};

static void test_modes(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(mode_rows); i++) {
        const SmSpace *space;
        NyxReply reply;
        SmScene s;

        sc_init(&s, NULL);
        space = &s.space[1];
        /* SRE, ERE, WPE and NXE. */
        sc_or(&s, space->at + 16, 1 | 2 | 16 | 32);
        sc_poke(&s, sm_fs_entry(space, SC_IOVA, 1),
                SC_PAGE | mode_rows[i].bits);
        for (unsigned again = 0; again < 2; again++) {
            reply = sm_request(s.f, FX_SID, 1, NYX_REQ_TRANSLATION,
                               mode_rows[i].asked, SC_IOVA);
            check(mode_rows[i].name, &reply, mode_rows[i].want, 0);
        }
        FX_CHECK(mode_rows[i].name, fx_read32(s.f, 0x34), 0);
        sc_free(&s);
    }
}

/* NW, where NWFS is on: no W, and D stays as it is. */
static void test_no_write(void)
{
    for (unsigned i = 0; i < 8; i++) {
        bool nwfs = i & 1, nw = i & 2, cached = i & 4, keep = nwfs && nw;
        g_autofree char *name = g_strdup_printf("NWFS %u NW %u cached %u",
                                                nwfs, nw, cached);
        NyxVtdCfg cfg = sm_cfg();
        NyxReply reply;
        uint64_t leaf;
        SmScene s;

        cfg.no_write_flag = nwfs;
        sc_init(&s, &cfg);
        FX_CHECK(name, fx_read64(s.f, 0x10) >> 33 & 1, nwfs);
        leaf = sm_fs_entry(&s.space[1], SC_IOVA, 1);
        if (cached) {
            sm_dma(s.f, 1, FX_R, SC_IOVA);
        }
        reply = sm_request(s.f, FX_SID, 1, NYX_REQ_TRANSLATION,
                           nw ? FX_R : FX_RW, SC_IOVA);
        check(name, &reply, keep ? FX_R : FX_RW, 0);
        FX_CHECK(name, fx_mem_peek(&s.f->mem, leaf) >> 5 & 3, keep ? 1 : 3);
        /* The flag is one of translation requests. */
        FX_CHECK(name, sm_dma(s.f, 1, FX_W, SC_IOVA), sc_good(1));
        FX_CHECK(name, fx_mem_peek(&s.f->mem, leaf) >> 5 & 3, 3);
        reply = sm_request(s.f, FX_SID, 2, NYX_REQ_UNTRANSLATED, FX_R,
                           SC_IOVA);
        check(name, &reply, FX_RW, 0);
        reply = sm_request(s.f, FX_SID, 2, NYX_REQ_TRANSLATION,
                           nw ? FX_R : FX_RW, SC_IOVA);
        check(name, &reply, keep ? FX_R : FX_RW, 0);
        sc_free(&s);
    }
}

/* A page that can only be written has nothing left then, and no fields. */
static void test_no_write_nothing(void)
{
    NyxVtdCfg cfg = sm_cfg();
    NyxReply reply;
    SmScene s;

    cfg.no_write_flag = true;
    sc_init(&s, &cfg);
    sc_poke(&s, sm_ss_entry(&s.space[2], SC_IOVA, 1), SC_PAGE | SNP | 2);
    sc_or(&s, s.space[2].at + 16, 1);
    reply = sm_request(s.f, FX_SID, 2, NYX_REQ_TRANSLATION, FX_R | SM_PRIV,
                       SC_IOVA);
    check("NW", &reply, 0, 0);
    reply = sm_request(s.f, FX_SID, 2, NYX_REQ_TRANSLATION, FX_RW | SM_PRIV,
                       SC_IOVA);
    check("no NW", &reply, FX_W | SM_PRIV, SNOOP);
    cfg.device_iotlb = cfg.page_requests = false;
    g_assert_nonnull(strstr(nyx_vtd_cfg_error(&cfg), "nwfs"));
    sc_free(&s);
}

/* Who has no PASID is not granted what only a PASID prefix can ask for. */
static void test_no_pasid(void)
{
    NyxReply reply;
    SmScene s;

    sc_init(&s, NULL);
    sc_poke(&s, s.ctx + 8, 1 | 1 << 20);
    sc_or(&s, s.space[1].at + 16, 1 | 2);
    sm_flush(s.f);
    reply = sm_request(s.f, FX_SID, SM_NO_PASID, NYX_REQ_TRANSLATION,
                       FX_RW | SM_X | SM_PRIV, SC_IOVA);
    FX_CHECK("RID_PRIV", reply.ok, true);
    FX_CHECK("RID_PRIV", reply.access & SM_PRIV, 0);
    sc_free(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-vtd/ats/legacy-snoop", test_legacy_snoop);
    g_test_add_func("/nyx-vtd/ats/snoop", test_snoop);
    g_test_add_func("/nyx-vtd/ats/snoop-not-offered", test_snoop_not_offered);
    g_test_add_func("/nyx-vtd/ats/modes", test_modes);
    g_test_add_func("/nyx-vtd/ats/no-write", test_no_write);
    g_test_add_func("/nyx-vtd/ats/no-write-nothing", test_no_write_nothing);
    g_test_add_func("/nyx-vtd/ats/no-pasid", test_no_pasid);
    return g_test_run();
}
