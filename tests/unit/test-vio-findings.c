/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conformance rules of virtio-iommu: each can be broken, by itself, and says
 * where; a driver that does everything right breaks none.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define PAGE 0x1000ULL

/* --- One breach of each --------------------------------------------------- */

static void req_short(Vx *f)
{
    VxBytes bytes = vx_map_bytes(VX_DOMAIN, 0, PAGE - 1, 0, FX_R);

    bytes.len--;
    vx_send(f, &bytes);
}

static void req_unknown(Vx *f)
{
    const VxBytes bytes = { .at = { 0x55 }, .len = 20 };

    vx_send(f, &bytes);
}

static void req_reserved(Vx *f)
{
    VxBytes bytes = vx_attach_bytes(VX_DOMAIN, VX_SID, 0);

    vx_put32(&bytes, 16, 0x1234);
    vx_send(f, &bytes);
}

static void feature(Vx *f)
{
    nyx_vio_set_features(f->vio, VX_F_MAP_UNMAP);
    vx_probe(f, VX_SID);
}

static void attach_flags(Vx *f)
{
    const VxBytes bytes = vx_attach_bytes(VX_DOMAIN, VX_SID, 0x80);

    vx_send(f, &bytes);
}

static void attach_kind(Vx *f)
{
    vx_attach_bypass(f, VX_DOMAIN, VX_SID);
}

static void endpoint(Vx *f)
{
    vx_attach(f, VX_DOMAIN, VX_NOBODY);
}

static void detach_other(Vx *f)
{
    vx_detach(f, 99, VX_SID);
}

static void domain(Vx *f)
{
    vx_map(f, 99, 0, PAGE - 1, 0, FX_R);
}

static void domain_bypass(Vx *f)
{
    vx_attach_bypass(f, 8, VX_OTHER);
    vx_unmap(f, 8, 0, PAGE - 1);
}

static void map_flags(Vx *f)
{
    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, 8);
}

static void map_nothing(Vx *f)
{
    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, 0);
}

static void map_order(Vx *f)
{
    vx_map(f, VX_DOMAIN, PAGE, PAGE - 1, 0, FX_R);
}

static void map_align(Vx *f)
{
    vx_map(f, VX_DOMAIN, 0, PAGE - 2, 0, FX_R);
}

static void map_range(Vx *f)
{
    vx_map(f, VX_DOMAIN, 1ULL << 48, (1ULL << 48) + PAGE - 1, 0, FX_R);
}

static void map_phys(Vx *f)
{
    vx_map(f, VX_DOMAIN, 0, 2 * PAGE - 1, -PAGE, FX_R);
}

static void map_overlap(Vx *f)
{
    vx_map(f, VX_DOMAIN, 0x100000, 0x100fff, 0, FX_R);
}

static void map_reserved(Vx *f)
{
    vx_map(f, VX_DOMAIN, VX_MSI_FIRST, VX_MSI_LAST, 0, FX_R);
}

static void unmap_cut(Vx *f)
{
    vx_unmap(f, VX_DOMAIN, 0x100000, 0x100fff);
}

static void unmap_order(Vx *f)
{
    vx_unmap(f, VX_DOMAIN, PAGE, 0);
}

static void unmap_nothing(Vx *f)
{
    vx_unmap(f, VX_DOMAIN, 0, PAGE - 1);
}

static void probe_short(Vx *f)
{
    const VxBytes bytes = vx_probe_bytes(VX_SID);

    vx_send_out(f, &bytes, VX_PROBE_SPACE + 3);
}

static void limit(Vx *f)
{
    vx_map(f, VX_DOMAIN, 0, PAGE - 1, 0, FX_R);
    vx_map(f, VX_DOMAIN, 4 * PAGE, 5 * PAGE - 1, 0, FX_R);
}

static void config(Vx *f)
{
    vx_config_write(f, 36, 2, 1);
}

static void event_lost(Vx *f)
{
    f->buffers = 0;
    vx_dma(f, FX_R, 0);
}

static void event_short(Vx *f)
{
    f->buffer_size = 23;
    vx_dma(f, FX_R, 0);
}

static void dma_fault(Vx *f)
{
    vx_dma(f, FX_R, 0xabcd000);
}

static void msi_access(Vx *f)
{
    vx_dma(f, FX_R, VX_MSI_FIRST);
}

typedef struct Row {
    const char *name;
    NyxVioRule rule;
    void (*breach)(Vx *f);
    unsigned others;         /* findings that come with it */
} Row;

static const Row rows[] = {
    { "req-short", NVIO_RULE_REQ_SHORT, req_short, 0 },
    { "req-unknown", NVIO_RULE_REQ_UNKNOWN, req_unknown, 0 },
    { "req-reserved", NVIO_RULE_REQ_RESERVED, req_reserved, 0 },
    { "feature", NVIO_RULE_FEATURE, feature, 0 },
    { "attach-flags", NVIO_RULE_ATTACH_FLAGS, attach_flags, 0 },
    { "attach-kind", NVIO_RULE_ATTACH_KIND, attach_kind, 0 },
    { "endpoint", NVIO_RULE_ENDPOINT, endpoint, 0 },
    { "detach-other", NVIO_RULE_DETACH_OTHER, detach_other, 0 },
    { "domain", NVIO_RULE_DOMAIN, domain, 0 },
    { "domain-bypass", NVIO_RULE_DOMAIN_BYPASS, domain_bypass, 0 },
    { "map-flags", NVIO_RULE_MAP_FLAGS, map_flags, 0 },
    { "map-nothing", NVIO_RULE_MAP_NOTHING, map_nothing, 0 },
    { "map-order", NVIO_RULE_MAP_ORDER, map_order, 0 },
    { "map-align", NVIO_RULE_MAP_ALIGN, map_align, 0 },
    { "map-range", NVIO_RULE_MAP_RANGE, map_range, 0 },
    { "map-phys", NVIO_RULE_MAP_PHYS, map_phys, 0 },
    { "map-overlap", NVIO_RULE_MAP_OVERLAP, map_overlap, 0 },
    { "map-reserved", NVIO_RULE_MAP_RESERVED, map_reserved, 0 },
    { "unmap-cut", NVIO_RULE_UNMAP_CUT, unmap_cut, 0 },
    { "unmap-order", NVIO_RULE_UNMAP_ORDER, unmap_order, 0 },
    { "unmap-nothing", NVIO_RULE_UNMAP_NOTHING, unmap_nothing, 0 },
    { "probe-short", NVIO_RULE_PROBE_SHORT, probe_short, 0 },
    { "limit", NVIO_RULE_LIMIT, limit, 0 },
    { "config", NVIO_RULE_CONFIG, config, 0 },
    { "event-lost", NVIO_RULE_EVENT_LOST, event_lost, 1 },
    { "event-short", NVIO_RULE_EVENT_SHORT, event_short, 1 },
    { "dma-fault", NVIO_RULE_DMA_FAULT, dma_fault, 0 },
    { "msi-access", NVIO_RULE_MSI_ACCESS, msi_access, 1 },
};

/* Those of test-vio-tables.c, test-vio-pages.c and test-vio-announce.c. */
static const NyxVioRule elsewhere[] = {
    NVIO_RULE_TABLE_FORMAT, NVIO_RULE_TABLE_DOMAIN, NVIO_RULE_INVALIDATE,
    NVIO_RULE_PAGE_RESP, NVIO_RULE_SHADOW_FULL,
};

/* [0x100000, 0x101fff] is mapped, and there is room for one mapping more. */
static Vx *prepared(void)
{
    NyxVioCfg cfg = vx_cfg();
    Vx *f;

    cfg.max_mappings = 2;
    f = vx_new_attached(&cfg);
    vx_map(f, VX_DOMAIN, 0x100000, 0x101fff, 0x5000, FX_RW);
    vx_dma(f, FX_R, 0x100000);
    g_assert_cmpuint(vx_all_findings(f), ==, 0);
    return f;
}

static void test_row(gconstpointer data)
{
    const Row *row = data;
    Vx *f = prepared();

    row->breach(f);
    g_assert_cmpuint(vx_findings(f, row->rule), ==, 1);
    g_assert_cmpuint(vx_all_findings(f), ==, 1 + row->others);
    g_assert_cmpuint(f->finding_calls, ==, 1 + row->others);
    vx_free(f);
}

static void test_all_rules(void)
{
    unsigned seen[NVIO_RULE_COUNT] = { };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        seen[rows[i].rule]++;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(elsewhere); i++) {
        seen[elsewhere[i]]++;
    }
    for (unsigned i = 0; i < NVIO_RULE_COUNT; i++) {
        FX_CHECK("rule", seen[i], 1);
    }
}

/* --- Where ---------------------------------------------------------------- */

static NyxWhere where(Vx *f, NyxVioRule rule)
{
    return nyx_findings_get(nyx_vio_findings(f->vio), rule).last.where;
}

static void test_where(void)
{
    Vx *f = prepared();
    NyxWhere at;

    vx_attach(f, VX_DOMAIN, VX_NOBODY);
    at = where(f, NVIO_RULE_ENDPOINT);
    g_assert_true(at.has_sid);
    g_assert_cmphex(at.sid, ==, VX_NOBODY);
    vx_attach(f, VX_DOMAIN, 0x12345678);
    at = where(f, NVIO_RULE_ENDPOINT);
    g_assert_false(at.has_sid);
    g_assert_cmphex(at.value, ==, 0x12345678);
    vx_map(f, VX_DOMAIN, 0x101000, 0x101fff, 0, FX_R);
    at = where(f, NVIO_RULE_MAP_OVERLAP);
    g_assert_true(at.has_addr);
    g_assert_cmphex(at.addr, ==, 0x101000);
    g_assert_cmphex(at.value, ==, 0x101fff);
    vx_dma(f, FX_W, 0xabc123);
    at = where(f, NVIO_RULE_DMA_FAULT);
    g_assert_true(at.has_sid && at.has_addr);
    g_assert_cmphex(at.sid, ==, VX_SID);
    g_assert_cmphex(at.addr, ==, 0xabc123);
    g_assert_cmpuint(at.value, ==, NVIO_FAULT_UNMAPPED);
    vx_config_write(f, 36, 7, 1);
    at = where(f, NVIO_RULE_CONFIG);
    g_assert_cmpuint(at.addr, ==, 36);
    g_assert_cmpuint(at.value, ==, 7);
    vx_free(f);
}

/* --- A driver that does everything right ---------------------------------- */

static void right_round(Vx *f, NyxVioRequester *other, unsigned round)
{
    uint64_t at = round * 64 * PAGE;

    vx_probe(f, VX_SID);
    vx_attach(f, VX_DOMAIN, VX_SID);
    vx_attach(f, VX_DOMAIN, VX_OTHER);
    for (unsigned i = 0; i < 16; i++) {
        vx_map(f, VX_DOMAIN, at + i * 4 * PAGE, at + (i * 4 + 3) * PAGE - 1,
               i * 8 * PAGE, 1 + i % 3);
    }
    for (unsigned i = 0; i < 16; i++) {
        vx_dma(f, 1 + i % 3, at + i * 4 * PAGE);
        vx_dma_of(other, 1 + i % 3, at + i * 4 * PAGE + PAGE);
    }
    vx_dma(f, FX_W, VX_MSI_FIRST + 4);
    vx_unmap(f, VX_DOMAIN, at, at + 32 * PAGE - 1);
    vx_attach(f, 8, VX_OTHER);
    vx_attach_bypass(f, 9, VX_SID);
    vx_dma(f, FX_RW, 0x5000);
    vx_attach(f, VX_DOMAIN, VX_SID);
    vx_unmap(f, VX_DOMAIN, at + 32 * PAGE, at + 64 * PAGE - 1);
    vx_detach(f, 8, VX_OTHER);
    vx_detach(f, VX_DOMAIN, VX_SID);
    vx_set_bypass(f, round % 2);
}

static void test_no_false_alarm(void)
{
    Vx *f = vx_new_started(NULL);
    NyxVioRequester *other = vx_requester(f, VX_OTHER);

    for (unsigned round = 0; round < 20; round++) {
        right_round(f, other, round);
        /* The domain ended when its last member went elsewhere. */
        g_assert_cmpuint(vx_findings(f, NVIO_RULE_UNMAP_NOTHING), ==,
                         round + 1);
    }
    g_assert_cmpuint(vx_all_findings(f), ==, 20);
    vx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *path = g_strdup_printf("/nyx-virtio/findings/%s",
                                                rows[i].name);

        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/nyx-virtio/findings/all-rules", test_all_rules);
    g_test_add_func("/nyx-virtio/findings/where", test_where);
    g_test_add_func("/nyx-virtio/findings/no-false-alarm",
                    test_no_false_alarm);
    return g_test_run();
}
