/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What performance counters see of DMA: each source by the number of the
 * specification, with requests whose work is known.
 */
#include "qemu/osdep.h"
#include "amd-tables.h"

#define IOVA 0x40005000ULL
#define TARGET 0x80003000ULL
#define GVA 0x7f0000005000ULL

/* Counter n of bank 0. */
#define COUNT(n) (0x40000 + ((n) << 8))
#define SOURCE(n) (0x40008 + ((n) << 8))

static void count(Ax *f, unsigned source)
{
    ax_write64(f, SOURCE(0), source);
    ax_write64(f, COUNT(0), 0);
}

static uint64_t counted(Ax *f)
{
    return ax_read64(f, COUNT(0));
}

typedef struct Row {
    const char *name;
    unsigned source;
    uint64_t first;          /* of a miss */
    uint64_t second;         /* of a hit */
} Row;

/* Host tables of four levels. */
static const Row host_rows[] = {
    { "pass", 0x01, 0, 0 },
    { "pretranslated", 0x02, 0, 0 },
    { "exclusion", 0x03, 0, 0 },
    { "abort", 0x04, 0, 0 },
    { "translations", 0x05, 1, 1 },
    { "PTE hit", 0x06, 0, 1 },
    { "PTE miss", 0x07, 1, 0 },
    { "PDE hit", 0x08, 0, 0 },
    { "PDE miss", 0x09, 1, 0 },
    { "DTE hit", 0x0a, 0, 0 },
    { "DTE miss", 0x0b, 1, 0 },
    { "reads", 0x0c, 4, 0 },
    { "reads, nested", 0x0d, 4, 0 },
    { "reads, guest", 0x0e, 0, 0 },
    { "TLB dropped", 0x13, 0, 0 },
};

static void test_host(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(host_rows); i++) {
        const Row *row = &host_rows[i];
        Ax *f = at_new(NULL);
        uint64_t root = at_domain(f, AX_SID, AX_DID, 4);

        at_map(f, root, 4, IOVA, TARGET, 12, FX_RW);
        count(f, row->source);
        FX_CHECK(row->name, at_dma(f, FX_R, IOVA), TARGET);
        FX_CHECK(row->name, counted(f), row->first);
        count(f, row->source);
        FX_CHECK(row->name, at_dma(f, FX_R, IOVA), TARGET);
        FX_CHECK(row->name, counted(f), row->second);
        ax_free(f);
    }
}

/* Guest tables of four levels, GCR3 of one. */
static const Row guest_rows[] = {
    { "translations", 0x05, 1, 1 },
    { "PTE hit", 0x06, 0, 1 },
    { "PTE miss", 0x07, 1, 0 },
    { "PDE miss", 0x09, 1, 0 },
    { "DTE hit", 0x0a, 0, 1 },
    { "reads", 0x0c, 5, 0 },
    { "reads, nested", 0x0d, 0, 0 },
    { "reads, guest", 0x0e, 5, 0 },
};

static void test_guest(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(guest_rows); i++) {
        const Row *row = &guest_rows[i];
        Ax *f = at_new(NULL);
        uint64_t gcr3 = fx_mem_pages(&f->mem, 1);
        uint64_t cr3 = fx_mem_pages(&f->mem, 1);

        fx_mem_poke(&f->mem, gcr3 + 3 * 8, cr3 | 1);
        at_dte(f, AX_SID, AT_OPEN | AT_GV | at_gcr3_0(gcr3, 0),
               AX_DID | at_gcr3_1(gcr3), 0, 0);
        at_guest_map(f, cr3, 4, GVA, TARGET, 12, 2, 0);
        count(f, row->source);
        FX_CHECK(row->name, at_pasid(f, 3, FX_R, GVA).addr, TARGET);
        FX_CHECK(row->name, counted(f), row->first);
        count(f, row->source);
        FX_CHECK(row->name, at_pasid(f, 3, FX_R, GVA).addr, TARGET);
        FX_CHECK(row->name, counted(f), row->second);
        ax_free(f);
    }
}

/* What needs requests of its own. */
static void test_others(void)
{
    const NyxRequest req = {
        .type = NYX_REQ_TRANSLATED, .access = FX_R, .iova = IOVA,
    };
    Ax *f = at_new(NULL);

    count(f, 0x01);
    at_dma(f, FX_R, IOVA);
    at_dma(f, FX_R, IOVA);
    g_assert_cmpuint(counted(f), ==, 2);
    at_dte(f, AX_SID, AT_OPEN, AX_DID | AT_I, 0, 0);
    ax_inv_devtab(f, AX_SID);
    count(f, 0x02);
    at_request(f, AX_SID, &req);
    g_assert_cmpuint(counted(f), ==, 1);
    ax_write64(f, 0x28, IOVA);
    ax_write64(f, 0x20, IOVA | 3);
    count(f, 0x03);
    at_dma(f, FX_R, IOVA);
    at_dma(f, FX_R, IOVA + 0x1000);
    g_assert_cmpuint(counted(f), ==, 1);
    at_dte(f, AX_SID, AT_V, AX_DID, 0, 0);
    ax_inv_devtab(f, AX_SID);
    count(f, 0x04);
    at_dma(f, FX_R, 0x1000);
    g_assert_cmpuint(counted(f), ==, 1);
    ax_free(f);
}

/* Six translations of the domain, one of another. */
static void test_dropped(void)
{
    static const struct {
        uint64_t lo;
        uint64_t hi;
        unsigned dropped;
    } rows[] = {
        { 3ULL << 60 | (uint64_t)AX_DID << 32, IOVA | 2, 1 },
        { 3ULL << 60 | (uint64_t)AX_DID << 32, 0x40003003, 3 },
        { 3ULL << 60 | (uint64_t)AX_DID << 32, 0x7ffffffffffff003, 6 },
        { 3ULL << 60 | (uint64_t)AX_DID << 32, 0x7ffffffffffff001, 6 },
        { 3ULL << 60 | (uint64_t)(AX_DID + 1) << 32, 0x7ffffffffffff003, 1 },
        { 3ULL << 60 | 77ULL << 32, 0x7ffffffffffff003, 0 },
        { 2ULL << 60 | AX_SID, 0, 6 },
        { 8ULL << 60, 0, 7 },
        { 5ULL << 60 | AX_SID, 0, 0 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *row = g_strdup_printf("row %u", i);
        Ax *f = at_new(NULL);
        NyxAmdRequester *r = nyx_amd_requester_new(f->amd, NULL);
        uint64_t root = at_domain(f, AX_SID, AX_DID, 4);
        uint64_t root2 = at_domain(f, AX_SID + 1, AX_DID + 1, 4);
        const NyxRequest req = { .access = FX_R, .iova = IOVA };
        NyxReply reply;

        for (unsigned n = 0; n < 6; n++) {
            at_map(f, root, 4, IOVA + n * 0x1000, TARGET + (n ^ 1) * 0x1000,
                   12, FX_RW);
            at_dma(f, FX_R, IOVA + n * 0x1000);
        }
        at_map(f, root2, 4, IOVA, TARGET, 12, FX_RW);
        g_assert_true(nyx_amd_translate(r, AX_SID + 1, &req, &reply));
        count(f, 0x13);
        ax_submit(f, rows[i].lo, rows[i].hi);
        FX_CHECK(row, counted(f), rows[i].dropped);
        ax_free(f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-amdvi/counts/host", test_host);
    g_test_add_func("/nyx-amdvi/counts/guest", test_guest);
    g_test_add_func("/nyx-amdvi/counts/others", test_others);
    g_test_add_func("/nyx-amdvi/counts/dropped", test_dropped);
    return g_test_run();
}
