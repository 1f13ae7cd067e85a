/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA through virtio-iommu: which address a request goes to, which are
 * refused, and that nothing cached outlives its mapping.
 */
#include "qemu/osdep.h"
#include "hw/virtio-iommu-ext/internal.h"
#include "vio-fixture.h"

#define PAGE 0x1000ULL
#define TOP  0xffffffffffffffffULL

/* What most tests are run with. */
typedef struct Temper {
    const char *name;
    NyxCacheTemper temper;
    uint32_t entries;
} Temper;

static const Temper tempers[] = {
    { "hardware", NYX_CACHE_HARDWARE, 256 },
    { "small", NYX_CACHE_HARDWARE, 16 },
    { "sticky", NYX_CACHE_STICKY, 16 },
    { "off", NYX_CACHE_OFF, 256 },
};

static Vx *new_with(const Temper *temper, unsigned input_bits)
{
    NyxVioCfg cfg = vx_cfg();

    cfg.cache = temper->temper;
    cfg.iotlb_entries = temper->entries;
    cfg.input_bits = input_bits;
    return vx_new_attached(&cfg);
}

/* --- Addresses ------------------------------------------------------------ */

/* QEMU asks for [addr, addr + 1], so that the byte before a mapping hits. */
static void test_edges(gconstpointer data)
{
    Vx *f = new_with(data, 48);

    vx_map(f, VX_DOMAIN, 0x10000, 0x12fff, 0x90000, FX_RW);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmphex(vx_dma(f, FX_R, 0x10000), ==, 0x90000);
        g_assert_cmphex(vx_dma(f, FX_R, 0x12fff), ==, 0x92fff);
        g_assert_cmphex(vx_dma(f, FX_R, 0xffff), ==, VX_REFUSED);
        g_assert_cmphex(vx_dma(f, FX_R, 0x13000), ==, VX_REFUSED);
        g_assert_cmphex(vx_dma(f, FX_R, 0), ==, VX_REFUSED);
        g_assert_cmphex(vx_dma(f, FX_R, 0xffffffffffff), ==, VX_REFUSED);
        g_assert_cmphex(vx_dma(f, FX_R, TOP), ==, VX_REFUSED);
    }
    vx_free(f);
}

/* QEMU: the last byte of a page may go by the next mapping. */
static void test_last_byte(gconstpointer data)
{
    Vx *f = new_with(data, 48);

    for (unsigned i = 0; i < 64; i++) {
        /* Not contiguous, so that the next one would show. */
        vx_map(f, VX_DOMAIN, i * PAGE, i * PAGE + 0xfff,
               (200 - 3 * i) * PAGE, FX_R);
    }
    for (unsigned i = 0; i < 64; i++) {
        uint64_t addr = (200 - 3 * i) * PAGE;

        FX_CHECK("first", vx_dma(f, FX_R, i * PAGE), addr);
        FX_CHECK("last", vx_dma(f, FX_R, i * PAGE + 0xfff), addr + 0xfff);
        FX_CHECK("mask", vx_request(f, 0, FX_R, i * PAGE).addr_mask, 0xfff);
    }
    vx_free(f);
}

/* The largest aligned block around @iova that goes as one, by trying all. */
static uint64_t naive_mask(uint64_t first, uint64_t last, uint64_t phys,
                           uint64_t iova)
{
    uint64_t best = 0xfff;

    for (unsigned lg2 = 13; lg2 < 64; lg2++) {
        uint64_t mask = (1ULL << lg2) - 1, at = iova & ~mask;

        if (at >= first && (at | mask) <= last &&
            ((at - first + phys) & mask) == 0) {
            best = mask;
        }
    }
    return best;
}

/* QEMU's answer is a granule, whatever the mapping. */
static void test_blocks(gconstpointer data)
{
    static const struct {
        uint64_t first, last, phys;
    } rows[] = {
        { 0x200000, 0x3fffff, 0x40000000 },
        { 0x200000, 0x3fffff, 0x40010000 },
        { 0x3000, 0x1cfff, 0x83000 },
        { 0x3000, 0x1cfff, 0x3000 },
        { 0x1000, 0x3fffffff, 0x1000 },
        { 0x40000000, 0xbfffffff, 0x1c0000000 },
        { 0, 0x7fffffff, 0 },
        { 0x100000000, 0x7fffffffffffffff, 0x100000000 },
        { 0x8000000000000000, TOP, 0x8000000000000000 },
        { 0x8000000000000000, TOP, 0x4000 },
        { TOP - 0x2fff, TOP, 0x5000 },
        { TOP - 0x3fff, TOP, 0x4000 },
    };
    uint64_t rng = 7;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t first = rows[i].first, last = rows[i].last;
        uint64_t phys = rows[i].phys, size = last - first;
        Vx *f = new_with(data, 64);

        FX_CHECK("map", vx_map(f, VX_DOMAIN, first, last, phys, FX_RW),
                 VX_OK);
        for (unsigned j = 0; j < 200; j++) {
            uint64_t offset = nyx_random(&rng) >> (nyx_random(&rng) % 53);
            uint64_t iova;
            NyxReply reply;

            if (offset > size) {
                offset = j % 2 ? size - j : j * PAGE % (size + 1);
            }
            iova = first + offset;
            reply = vx_request(f, NYX_REQ_UNTRANSLATED, FX_W, iova);
            FX_CHECK("ok", reply.ok, true);
            FX_CHECK("addr", reply.addr, phys + offset);
            FX_CHECK("mask", reply.addr_mask,
                     naive_mask(first, last, phys, iova));
        }
        vx_free(f);
    }
}

/* Mappings that go on in both address spaces are one block, as pages are. */
static void test_neighbours(gconstpointer data)
{
    Vx *f = new_with(data, 48);

    for (unsigned i = 0; i < 16; i++) {
        vx_map(f, VX_DOMAIN, 0x40000 + i * PAGE, 0x40fff + i * PAGE,
               0x80000 + i * PAGE, FX_RW);
    }
    g_assert_cmphex(vx_request(f, 0, FX_R, 0x47123).addr_mask, ==, 0xffff);
    /* Another permission or address ends it. */
    vx_map(f, VX_DOMAIN, 0x50000, 0x57fff, 0x90000, FX_R);
    vx_map(f, VX_DOMAIN, 0x58000, 0x5ffff, 0x98000, FX_RW);
    vx_map(f, VX_DOMAIN, 0x60000, 0x6ffff, 0xb0000, FX_RW);
    g_assert_cmphex(vx_request(f, 0, FX_R, 0x51000).addr_mask, ==, 0x7fff);
    g_assert_cmphex(vx_request(f, 0, FX_R, 0x59000).addr_mask, ==, 0x7fff);
    g_assert_cmphex(vx_request(f, 0, FX_R, 0x60000).addr_mask, ==, 0xffff);
    /* A part of what was joined goes, and the whole block with it. */
    g_assert_cmpuint(vx_unmap(f, VX_DOMAIN, 0x48000, 0x48fff), ==, VX_OK);
    g_assert_cmphex(vx_dma(f, FX_R, 0x48000), ==, VX_REFUSED);
    g_assert_cmphex(vx_request(f, 0, FX_R, 0x47123).addr_mask, ==, 0x7fff);
    g_assert_cmphex(vx_request(f, 0, FX_R, 0x49000).addr_mask, ==, 0xfff);
    g_assert_cmphex(vx_dma(f, FX_R, 0x4f000), ==, 0x8f000);
    vx_free(f);
}

/* --- Permissions ---------------------------------------------------------- */

static void test_permissions(gconstpointer data)
{
    static const struct {
        unsigned access;
        unsigned need;
    } kinds[] = {
        { FX_R, FX_R }, { FX_W, FX_W }, { FX_RW, FX_RW },
        { NYX_ACCESS_ATOMIC, FX_RW },
        { NYX_ACCESS_ATOMIC | FX_W, FX_RW },
        { NYX_ACCESS_ZERO_LEN, FX_R },
        { NYX_ACCESS_ZERO_LEN | FX_R, FX_R },
    };
    Vx *f = new_with(data, 48);

    for (unsigned flags = 0; flags < 8; flags++) {
        vx_map(f, VX_DOMAIN, flags * PAGE, flags * PAGE + 0xfff,
               (16 + flags) * PAGE, flags);
    }
    for (unsigned flags = 0; flags < 8; flags++) {
        for (unsigned i = 0; i < 3 * ARRAY_SIZE(kinds); i++) {
            unsigned k = i % ARRAY_SIZE(kinds), access = kinds[k].access;
            bool ok = !(kinds[k].need & ~flags);
            uint64_t denied = nyx_vio_fault_count(f->vio, f->r,
                                                  NVIO_FAULT_DENIED);
            NyxReply reply = vx_request(f, NYX_REQ_UNTRANSLATED, access,
                                        flags * PAGE);

            FX_CHECK("ok", reply.ok, ok);
            FX_CHECK("denied", nyx_vio_fault_count(f->vio, f->r,
                                                   NVIO_FAULT_DENIED),
                     denied + !ok);
            if (ok) {
                FX_CHECK("addr", reply.addr, (16 + flags) * PAGE);
                FX_CHECK("access", reply.access, flags & FX_RW);
            }
        }
    }
    vx_free(f);
}

/* No flag is for execution. */
static void test_execute(gconstpointer data)
{
    Vx *f = new_with(data, 48);

    vx_map(f, VX_DOMAIN, 0, 0xfff, 0x9000, FX_RW);
    vx_dma(f, FX_R, 0);
    g_assert_cmphex(vx_dma(f, FX_R | NYX_ACCESS_EXEC, 0), ==, VX_REFUSED);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_DENIED), ==,
                     1);
    vx_free(f);
}

/* A request that only asks: permissions are told, nothing is reported. */
static void test_ask(gconstpointer data)
{
    Vx *f = new_with(data, 48);

    vx_map(f, VX_DOMAIN, 0, 0xfff, 0x9000, FX_W);
    for (unsigned i = 0; i < 2; i++) {
        NyxReply reply = vx_request(f, NYX_REQ_UNTRANSLATED, 0, 0x123);

        g_assert_true(reply.ok);
        g_assert_cmphex(reply.addr, ==, 0x9123);
        g_assert_cmphex(reply.addr_mask, ==, 0xfff);
        g_assert_cmpuint(reply.access, ==, FX_W);
    }
    g_assert_false(vx_request(f, NYX_REQ_UNTRANSLATED, 0, 0x1000).ok);
    g_assert_false(vx_request(f, NYX_REQ_UNTRANSLATED, 0, TOP).ok);
    vx_detach(f, VX_DOMAIN, VX_SID);
    vx_set_bypass(f, false);
    g_assert_false(vx_request(f, NYX_REQ_UNTRANSLATED, 0, 0).ok);
    g_assert_cmpuint(f->event_calls, ==, 0);
    g_assert_cmpuint(nyx_vio_requester_stats(f->r).requests_refused, ==, 0);
    vx_free(f);
}

/* --- Regions -------------------------------------------------------------- */

static void test_regions(gconstpointer data)
{
    NyxVioCfg cfg = vx_cfg();
    const Temper *temper = data;
    NyxReply reply;
    Vx *f;

    cfg.cache = temper->temper;
    cfg.n_regions = 2;
    cfg.regions[1] = (NyxVioRegion) { 0x100000000, 0x1000fffff, 0 };
    f = vx_new_attached(&cfg);
    /* Messages go to where they are sent, on either side of the edges. */
    g_assert_cmphex(vx_dma(f, FX_W, 0xfee00000), ==, 0xfee00000);
    g_assert_cmphex(vx_dma(f, FX_W, 0xfeefffff), ==, 0xfeefffff);
    reply = vx_request(f, NYX_REQ_UNTRANSLATED, FX_W, 0xfee01004);
    g_assert_cmphex(reply.addr_mask, ==, 0xfff);
    g_assert_cmpuint(reply.access, ==, FX_W);
    g_assert_cmpuint(f->events->len, ==, 0);
    g_assert_cmphex(vx_dma(f, FX_W, 0xfedfffff), ==, VX_REFUSED);
    g_assert_cmphex(vx_dma(f, FX_W, 0xfef00000), ==, VX_REFUSED);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_UNMAPPED),
                     ==, 2);
    /* What is no message. */
    g_assert_cmphex(vx_dma(f, FX_R, 0xfee00000), ==, VX_REFUSED);
    g_assert_cmphex(vx_dma(f, FX_RW, 0xfee00000), ==, VX_REFUSED);
    g_assert_cmphex(vx_dma(f, NYX_ACCESS_ATOMIC, 0xfee00000), ==, VX_REFUSED);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_MSI), ==,
                     3);
    g_assert_cmpuint(vx_findings(f, NVIO_RULE_MSI_ACCESS), ==, 3);
    /* A reserved one. */
    g_assert_cmphex(vx_dma(f, FX_W, 0x100000000), ==, VX_REFUSED);
    g_assert_cmphex(vx_dma(f, FX_R, 0x1000fffff), ==, VX_REFUSED);
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_RESERVED),
                     ==, 2);
    vx_free(f);
}

/* Bypass is memory as it is. */
static void test_bypass_domain(gconstpointer data)
{
    Vx *f = new_with(data, 32);

    vx_attach_bypass(f, 8, VX_SID);
    vx_set_bypass(f, false);
    g_assert_cmphex(vx_dma(f, FX_R, 0xfee00000), ==, 0xfee00000);
    g_assert_cmphex(vx_dma(f, FX_RW, 0x100000000), ==, 0x100000000);
    g_assert_cmphex(vx_dma(f, NYX_ACCESS_ATOMIC, 5), ==, 5);
    g_assert_cmphex(vx_dma(f, FX_R, TOP), ==, TOP);
    g_assert_true(nyx_vio_bypassed(f->vio, VX_SID));
    vx_free(f);
}

/* --- Nothing outlives its mapping ----------------------------------------- */

static void test_unmap(gconstpointer data)
{
    Vx *f = new_with(data, 48);

    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 40; i++) {
            vx_map(f, VX_DOMAIN, i * PAGE, i * PAGE + 0xfff,
                   (100 + 2 * i + round) * PAGE, FX_RW);
            FX_CHECK("mapped", vx_dma(f, FX_W, i * PAGE),
                     (100 + 2 * i + round) * PAGE);
        }
        for (unsigned i = 0; i < 40; i += 2) {
            vx_unmap(f, VX_DOMAIN, i * PAGE, i * PAGE + 0xfff);
            FX_CHECK("gone", vx_dma(f, FX_R, i * PAGE), VX_REFUSED);
            FX_CHECK("stays", vx_dma(f, FX_R, (i + 1) * PAGE),
                     (102 + 2 * i + round) * PAGE);
        }
        vx_unmap(f, VX_DOMAIN, 0, 0xffffffffffff);
        for (unsigned i = 0; i < 40; i++) {
            FX_CHECK("all gone", vx_dma(f, FX_R, i * PAGE), VX_REFUSED);
        }
    }
    vx_free(f);
}

/* What is looked up once is found from then on, after an UNMAP as well. */
static void test_cached_again(gconstpointer data)
{
    const Temper *temper = data;
    Vx *f = new_with(data, 48);

    for (unsigned i = 0; i < 5; i++) {
        NyxVioRequesterStats before, after;

        vx_map(f, VX_DOMAIN, 0, 0xfff, 0x9000, FX_R);
        before = nyx_vio_requester_stats(f->r);
        for (unsigned j = 0; j < 10; j++) {
            FX_CHECK("mapped", vx_dma(f, FX_R, 0x123), 0x9123);
        }
        after = nyx_vio_requester_stats(f->r);
        FX_CHECK("lookups", after.lookups - before.lookups,
                 temper->temper == NYX_CACHE_OFF ? 10 : 1);
        FX_CHECK("hits", after.iotlb.hits - before.iotlb.hits,
                 temper->temper == NYX_CACHE_OFF ? 0 : 9);
        vx_unmap(f, VX_DOMAIN, 0, 0xfff);
    }
    vx_free(f);
}

/* The same for a detached one, one that moved, and a reset. */
static void test_leave(gconstpointer data)
{
    Vx *f = new_with(data, 48);

    for (unsigned round = 0; round < 12; round++) {
        vx_map(f, VX_DOMAIN, 0, 0xfff, (8 + round) * PAGE, FX_RW);
        FX_CHECK("mapped", vx_dma(f, FX_W, 0), (8 + round) * PAGE);
        switch (round % 4) {
        case 0:
            vx_set_bypass(f, false);
            vx_detach(f, VX_DOMAIN, VX_SID);
            FX_CHECK("detached", vx_dma(f, FX_R, 0), VX_REFUSED);
            break;
        case 1:
            vx_attach(f, 8, VX_SID);
            FX_CHECK("moved", vx_dma(f, FX_R, 0), VX_REFUSED);
            break;
        case 2:
            vx_attach_bypass(f, 8, VX_SID);
            FX_CHECK("bypass", vx_dma(f, FX_R, 0), 0);
            break;
        default:
            nyx_vio_device_reset(f->vio);
            FX_CHECK("reset", vx_dma(f, FX_R, 0), VX_REFUSED);
            nyx_vio_set_features(f->vio, nyx_vio_features(f->vio));
            break;
        }
        vx_attach(f, VX_DOMAIN, VX_SID);
        FX_CHECK("new", vx_dma(f, FX_R, 0), VX_REFUSED);
    }
    vx_free(f);
}

/* Before a generation comes round everything is dropped for real. */
static void test_generations(gconstpointer data)
{
    Vx *f = new_with(data, 48);

    vx_map(f, VX_DOMAIN, 0, 0xfff, 0x9000, FX_R);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, 0x9000);
    for (unsigned i = 0; i < 3; i++) {
        f->vio->tags.bumps = (1u << 31) - 2;
        /* As if this were the generation of the first again. */
        f->vio->tags.domain_gen[0] -= i == 2 ? 3 : 0;
        vx_attach(f, VX_DOMAIN + 1, VX_SID);
        vx_attach(f, VX_DOMAIN, VX_SID);
        FX_CHECK("gone", vx_dma(f, FX_R, 0), VX_REFUSED);
        FX_CHECK("none", nyx_vio_requester_stats(f->r).iotlb.hits, 0);
    }
    g_assert_cmpuint(f->vio->tags.bumps, <, 10);
    vx_free(f);
}

/* An endpoint that comes back finds what became of the domain meanwhile. */
static void test_come_back(gconstpointer data)
{
    Vx *f = new_with(data, 48);

    vx_attach(f, VX_DOMAIN, VX_OTHER);
    vx_map(f, VX_DOMAIN, 0, 0xfff, 0x9000, FX_RW);
    vx_map(f, VX_DOMAIN, 0x1000, 0x1fff, 0x5000, FX_RW);
    vx_dma(f, FX_R, 0);
    vx_dma(f, FX_R, 0x1000);
    vx_attach(f, 8, VX_SID);
    vx_unmap(f, VX_DOMAIN, 0, 0xfff);
    vx_attach(f, VX_DOMAIN, VX_SID);
    g_assert_cmphex(vx_dma(f, FX_R, 0), ==, VX_REFUSED);
    g_assert_cmphex(vx_dma(f, FX_R, 0x1000), ==, 0x5000);
    vx_free(f);
}

static void test_other_domains(gconstpointer data)
{
    const Temper *temper = data;
    Vx *f = new_with(data, 48);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);
    NyxIotlbStats before, after;

    vx_attach(f, 8, VX_OTHER);
    vx_map(f, VX_DOMAIN, 0, 0xfff, 0x9000, FX_RW);
    vx_map(f, 8, 0, 0xfff, 0x8000, FX_RW);
    vx_dma(f, FX_R, 0);
    vx_dma_of(other, FX_R, 0);
    vx_unmap(f, VX_DOMAIN, 0, 0xfff);
    vx_detach(f, VX_DOMAIN, VX_SID);
    before = nyx_vio_requester_stats(other).iotlb;
    g_assert_cmphex(vx_dma_of(other, FX_R, 0), ==, 0x8000);
    after = nyx_vio_requester_stats(other).iotlb;
    g_assert_cmpuint(after.hits - before.hits, ==,
                     temper->temper != NYX_CACHE_OFF);
    g_assert_cmpuint(after.dropped, ==, 0);
    vx_free(f);
}

static void test_endpoints(gconstpointer data)
{
    Vx *f = new_with(data, 48);
    NyxVioRequester *r[8];

    for (unsigned i = 0; i < 8; i++) {
        r[i] = vx_requester(f, 0x40 + i);
        vx_attach(f, VX_DOMAIN, 0x40 + i);
    }
    vx_map(f, VX_DOMAIN, 0x10000, 0x1ffff, 0x90000, FX_RW);
    for (unsigned i = 0; i < 8; i++) {
        FX_CHECK("all", vx_dma_of(r[i], FX_R, 0x10000 + i * PAGE),
                 0x90000 + i * PAGE);
    }
    vx_detach(f, VX_DOMAIN, 0x40);
    FX_CHECK("left", vx_dma_of(r[0], FX_R, 0x10000), 0x10000);
    FX_CHECK("stays", vx_dma_of(r[1], FX_R, 0x10000), 0x90000);
    vx_unmap(f, VX_DOMAIN, 0x10000, 0x1ffff);
    for (unsigned i = 1; i < 8; i++) {
        FX_CHECK("none", vx_dma_of(r[i], FX_R, 0x10000 + i * PAGE),
                 VX_REFUSED);
    }
    vx_free(f);
}

/* A bus was given another number: the same function, another endpoint. */
static void test_renumbered(gconstpointer data)
{
    const NyxRequest req = { .access = FX_R };
    Vx *f = new_with(data, 48);
    NyxReply reply;

    vx_attach(f, 8, VX_OTHER);
    vx_map(f, VX_DOMAIN, 0, 0xfff, 0x9000, FX_R);
    vx_map(f, 8, 0, 0xfff, 0x8000, FX_R);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_true(nyx_vio_translate(f->r, i % 2 ? VX_OTHER : VX_SID,
                                        &req, &reply));
        g_assert_cmphex(reply.addr, ==, i % 2 ? 0x8000 : 0x9000);
    }
    vx_free(f);
}

/* --- PASIDs --------------------------------------------------------------- */

static void test_pasid(gconstpointer data)
{
    const NyxRequest req = {
        .access = FX_R, .has_pasid = true, .pasid = 0,
    };
    Vx *f = new_with(data, 48);
    NyxReply reply;

    vx_map(f, VX_DOMAIN, 0, 0xfff, 0x9000, FX_R);
    vx_dma(f, FX_R, 0);
    g_assert_false(nyx_vio_translate(f->r, VX_SID, &req, &reply));
    g_assert_cmpuint(nyx_vio_fault_count(f->vio, f->r, NVIO_FAULT_PASID), ==,
                     1);
    vx_free(f);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(gconstpointer data);
    } tests[] = {
        { "edges", test_edges },
        { "last-byte", test_last_byte },
        { "blocks", test_blocks },
        { "neighbours", test_neighbours },
        { "permissions", test_permissions },
        { "execute", test_execute },
        { "ask", test_ask },
        { "regions", test_regions },
        { "bypass-domain", test_bypass_domain },
        { "unmap", test_unmap },
        { "cached-again", test_cached_again },
        { "leave", test_leave },
        { "generations", test_generations },
        { "come-back", test_come_back },
        { "other-domains", test_other_domains },
        { "endpoints", test_endpoints },
        { "renumbered", test_renumbered },
        { "pasid", test_pasid },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(tests) * ARRAY_SIZE(tempers); i++) {
        const Temper *temper = &tempers[i % ARRAY_SIZE(tempers)];
        unsigned n = i / ARRAY_SIZE(tempers);
        g_autofree char *path = g_strdup_printf("/nyx-virtio/translate/%s/%s",
                                                tests[n].path, temper->name);

        g_test_add_data_func(path, temper, tests[n].test);
    }
    return g_test_run();
}
