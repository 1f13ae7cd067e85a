/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device of the host behind each of our IOMMUs.  The host is a guest itself
 * (tests/guest/nested.py), in which vfio-pci owns QEMU's device "edu"; here a
 * stock QEMU without a running processor has that device.  Data moves by DMA
 * through two IOMMUs; what is unmapped here must be refused out there.
 *
 *   NYX_NESTED_DEVICE   address of the device, 0000:00:06.0; without it, this
 *                       program has nothing to do
 *   QTEST_QEMU_BINARY, NYX_PLUGIN  as for the other tests
 *
 * The device needs dma_mask=0xffffffff.  A line "# blocked ADDRESS read|write"
 * on stdout: the IOMMU of the host has to have reported this address.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-edu.h"
#include "libqos/nyx-models.h"

#define SID         NYX_SID(0, 5, 0)
#define RAM_MIB     64

#define IOVA        0x40000000ull
#define R           1
#define W           2
#define RW          3

#define HOME        NYX_MODE_HOME
#define AWAY        NYX_MODE_AWAY

typedef struct Nest {
    NyxPc *pc;
    QTestState *qts;
    NyxIommu iommu;
    NyxEdu edu;
} Nest;

/* Tests of one model share a machine: starting one takes seconds. */
static Nest nest;

static void nest_end(void)
{
    if (nest.pc) {
        nyx_iommu_end(&nest.iommu);
        nyx_edu_put(&nest.edu);
        nyx_pc_end(nest.pc);
        nest.pc = NULL;
    }
}

static Nest *nest_for(const NyxModel *model)
{
    if (nest.pc && nest.iommu.model == model) {
        return &nest;
    }
    nest_end();
    nest.pc = nyx_pc_start("-m %u -M q35 -device %s "
                           "-device vfio-pci,host=%s,addr=5", RAM_MIB,
                           model->device, getenv("NYX_NESTED_DEVICE"));
    nest.pc->ram_end = RAM_MIB * NYX_MIB;
    nest.qts = nest.pc->qts;
    nest.edu = nyx_edu_get(nest.pc->pci, SID);
    nest.iommu = nyx_iommu_start(model, nest.pc, SID);
    return &nest;
}

/* --- Memory --------------------------------------------------------------- */

/* Bytes that no other @seed gives. */
static void fill(Nest *n, uint64_t gpa, unsigned len, uint32_t seed)
{
    g_autofree uint8_t *bytes = g_malloc(len);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    for (unsigned k = 0; k < len; k++) {
        bytes[k] = g_rand_int(rand);
    }
    qtest_memwrite(n->qts, gpa, bytes, len);
}

/* The sum of pages of memory, in this order. */
static char *sum(Nest *n, const uint64_t *gpa, unsigned count)
{
    g_autofree uint8_t *bytes = g_malloc(count * NYX_PAGE);

    for (unsigned k = 0; k < count; k++) {
        qtest_memread(n->qts, gpa[k], bytes + k * NYX_PAGE, NYX_PAGE);
    }
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes,
                                       count * NYX_PAGE);
}

/* --- Tests ---------------------------------------------------------------- */

/* Scattered pages, and transfers that end in the middle of them. */
static void test_copy(gconstpointer data)
{
    enum { PAGES = 3, SHIFT = 0x800 };
    Nest *n = nest_for(data);
    uint64_t from[PAGES], to[PAGES];
    g_autofree char *sent = NULL, *got = NULL;

    for (unsigned k = 0; k < PAGES; k++) {
        /* Backwards, with a page in between. */
        from[PAGES - 1 - k] = nyx_pc_pages(n->pc, 1);
        nyx_pc_pages(n->pc, 1);
        to[k] = nyx_pc_pages(n->pc, 1);
    }
    for (unsigned k = 0; k < PAGES; k++) {
        fill(n, from[k], NYX_PAGE, k);
        nyx_iommu_map(&n->iommu, HOME, IOVA + k * NYX_PAGE, from[k], 12, R);
        nyx_iommu_map(&n->iommu, HOME, IOVA + (16 + k) * NYX_PAGE, to[k], 12,
                      W);
    }
    nyx_iommu_mode(&n->iommu, HOME);
    for (uint64_t at = SHIFT; at < PAGES * NYX_PAGE - SHIFT; at += NYX_PAGE) {
        nyx_edu_load(&n->edu, IOVA + at, NYX_PAGE);
        nyx_edu_store(&n->edu, IOVA + 16 * NYX_PAGE + at, NYX_PAGE);
    }
    qtest_memset(n->qts, from[0], 0, SHIFT);
    qtest_memset(n->qts, from[PAGES - 1] + SHIFT, 0, NYX_PAGE - SHIFT);
    sent = sum(n, from, PAGES);
    got = sum(n, to, PAGES);
    g_assert_cmpstr(got, ==, sent);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    if (!getenv("NYX_NESTED_DEVICE")) {
        g_print("1..0 # SKIP NYX_NESTED_DEVICE is not set: this is for a "
                "guest, see tests/guest/README.rst\n");
        return 0;
    }
    for (const NyxModel *m = nyx_models; m->name; m++) {
        g_autofree char *path = g_strdup_printf("/nyx-nested/%s/copy",
                                                m->name);
        qtest_add_data_func(path, m, test_copy);
    }
    status = g_test_run();
    nest_end();
    return status;
}
