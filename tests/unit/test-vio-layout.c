/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of virtio-iommu, typed once more from VIRTIO 1.3, 5.13.
 */
#include "qemu/osdep.h"
#include "hw/virtio-iommu-ext/codes.h"
#include "vio-fixture.h"

typedef struct Row {
    const char *name;
    uint64_t model;
    uint64_t specified;
} Row;

#define ROW(name, specified) { #name, name, specified }

static const Row rows[] = {
    /* 5.13.2, 5.13.3 */
    ROW(NVIO_QUEUE_REQUEST, 0),
    ROW(NVIO_QUEUE_EVENT, 1),
    ROW(NVIO_F_INPUT_RANGE, 0),
    ROW(NVIO_F_DOMAIN_RANGE, 1),
    ROW(NVIO_F_MAP_UNMAP, 2),
    ROW(NVIO_F_BYPASS, 3),
    ROW(NVIO_F_PROBE, 4),
    ROW(NVIO_F_MMIO, 5),
    ROW(NVIO_F_BYPASS_CONFIG, 6),
    /* 5.13.4 */
    ROW(NVIO_CFG_PAGE_SIZE_MASK, 0),
    ROW(NVIO_CFG_INPUT_START, 8),
    ROW(NVIO_CFG_INPUT_END, 16),
    ROW(NVIO_CFG_DOMAIN_START, 24),
    ROW(NVIO_CFG_DOMAIN_END, 28),
    ROW(NVIO_CFG_PROBE_SIZE, 32),
    ROW(NVIO_CFG_BYPASS, 36),
    ROW(NVIO_CFG_SIZE, 40),
    /* 5.13.6 */
    ROW(NVIO_HEAD_TYPE, 0),
    ROW(NVIO_HEAD_SIZE, 4),
    ROW(NVIO_TAIL_STATUS, 0),
    ROW(NVIO_TAIL_SIZE, 4),
    ROW(NVIO_T_ATTACH, 1),
    ROW(NVIO_T_DETACH, 2),
    ROW(NVIO_T_MAP, 3),
    ROW(NVIO_T_UNMAP, 4),
    ROW(NVIO_T_PROBE, 5),
    ROW(NVIO_S_OK, 0),
    ROW(NVIO_S_IOERR, 1),
    ROW(NVIO_S_UNSUPP, 2),
    ROW(NVIO_S_DEVERR, 3),
    ROW(NVIO_S_INVAL, 4),
    ROW(NVIO_S_RANGE, 5),
    ROW(NVIO_S_NOENT, 6),
    ROW(NVIO_S_FAULT, 7),
    ROW(NVIO_S_NOMEM, 8),
    ROW(NVIO_S_COUNT, 9),
    /* 5.13.6.3 ATTACH, 5.13.6.4 DETACH */
    ROW(NVIO_ATTACH_DOMAIN, 4),
    ROW(NVIO_ATTACH_ENDPOINT, 8),
    ROW(NVIO_ATTACH_FLAGS, 12),
    ROW(NVIO_ATTACH_RESERVED, 16),
    ROW(NVIO_ATTACH_SIZE, 20),
    ROW(NVIO_ATTACH_F_BYPASS, 0x1),
    ROW(NVIO_DETACH_DOMAIN, 4),
    ROW(NVIO_DETACH_ENDPOINT, 8),
    ROW(NVIO_DETACH_SIZE, 20),
    /* 5.13.6.5 MAP, 5.13.6.6 UNMAP */
    ROW(NVIO_MAP_DOMAIN, 4),
    ROW(NVIO_MAP_VIRT_START, 8),
    ROW(NVIO_MAP_VIRT_END, 16),
    ROW(NVIO_MAP_PHYS_START, 24),
    ROW(NVIO_MAP_FLAGS, 32),
    ROW(NVIO_MAP_SIZE, 36),
    ROW(NVIO_MAP_F_READ, 0x1),
    ROW(NVIO_MAP_F_WRITE, 0x2),
    ROW(NVIO_MAP_F_MMIO, 0x4),
    ROW(NVIO_UNMAP_DOMAIN, 4),
    ROW(NVIO_UNMAP_VIRT_START, 8),
    ROW(NVIO_UNMAP_VIRT_END, 16),
    ROW(NVIO_UNMAP_RESERVED, 24),
    ROW(NVIO_UNMAP_SIZE, 28),
    /* 5.13.6.7 PROBE, 5.13.6.8 properties */
    ROW(NVIO_PROBE_ENDPOINT, 4),
    ROW(NVIO_PROBE_SIZE, 72),
    ROW(NVIO_PROP_TYPE, 0),
    ROW(NVIO_PROP_LENGTH, 2),
    ROW(NVIO_PROP_HEAD_SIZE, 4),
    ROW(NVIO_PROP_T_NONE, 0),
    ROW(NVIO_PROP_T_RESV_MEM, 1),
    ROW(NVIO_RESV_SUBTYPE, 4),
    ROW(NVIO_RESV_START, 8),
    ROW(NVIO_RESV_END, 16),
    ROW(NVIO_RESV_SIZE, 24),
    ROW(NVIO_RESV_MEM_RESERVED, 0),
    ROW(NVIO_RESV_MEM_MSI, 1),
    /* 5.13.6.9 fault reports */
    ROW(NVIO_EVENT_REASON, 0),
    ROW(NVIO_EVENT_FLAGS, 4),
    ROW(NVIO_EVENT_ENDPOINT, 8),
    ROW(NVIO_EVENT_ADDRESS, 16),
    ROW(NVIO_EVENT_SIZE, 24),
    ROW(NVIO_EVENT_R_UNKNOWN, 0),
    ROW(NVIO_EVENT_R_DOMAIN, 1),
    ROW(NVIO_EVENT_R_MAPPING, 2),
    ROW(NVIO_EVENT_R_COUNT, 3),
    ROW(NVIO_EVENT_F_READ, 0x1),
    ROW(NVIO_EVENT_F_WRITE, 0x2),
    ROW(NVIO_EVENT_F_ADDRESS, 0x100),
};

static void test_numbers(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        FX_CHECK(rows[i].name, rows[i].model, rows[i].specified);
    }
}

/* A PROBE answers all regions that an endpoint can have. */
static void test_probe_space(void)
{
    g_assert_cmpuint(NVIO_PROBE_SPACE, ==, VX_PROBE_SPACE);
    g_assert_cmpuint(NVIO_REGIONS_ALL * 24, <=, NVIO_PROBE_SPACE);
    g_assert_cmpuint(NVIO_REQUEST_IN_MAX, >=, 72);
    g_assert_cmpuint(NVIO_REQUEST_OUT_MAX, ==, VX_PROBE_SPACE + 4);
}

/* Each byte of configuration space, on the widest and the narrowest device. */
static void test_config_bytes(void)
{
    static const uint8_t wide[40] = {
        [1] = 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        [16] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        [28] = 0xff, 0xff, 0xff, 0xff,
        [33] = 0x08,
        [36] = 1,
    };
    static const uint8_t narrow[40] = {
        [2] = 0x21,
        [16] = 0xff, 0xff, 0xff, 0xff,
        [28] = 0xff, 0xff, 0xff, 0xff,
        [33] = 0x08,
    };
    NyxVioCfg cfg = vx_cfg();
    uint8_t config[40];
    Vx *f;

    cfg.input_bits = 64;
    f = vx_new(&cfg);
    memset(config, 0xa5, sizeof(config));
    nyx_vio_config_read(f->vio, config);
    g_assert_cmpmem(config, 40, wide, 40);
    vx_free(f);

    cfg.input_bits = 32;
    cfg.boot_bypass = false;
    cfg.page_size_mask = 0x210000;
    f = vx_new(&cfg);
    memset(config, 0xa5, sizeof(config));
    nyx_vio_config_read(f->vio, config);
    g_assert_cmpmem(config, 40, narrow, 40);
    vx_free(f);
}

/* 5.13.6.8: a RESV_MEM property, and what ends the list. */
static void test_property_bytes(void)
{
    static const uint8_t msi[24] = {
        0x01, 0x00, 0x14, 0x00, 0x01, 0x00, 0x00, 0x00,
        0x00, 0x00, 0xe0, 0xfe, 0x00, 0x00, 0x00, 0x00,
        0xff, 0xff, 0xef, 0xfe, 0x00, 0x00, 0x00, 0x00,
    };
    Vx *f = vx_new_started(NULL);

    g_assert_cmpuint(vx_probe(f, VX_SID), ==, VX_OK);
    g_assert_cmpuint(f->used, ==, 2052);
    g_assert_cmpmem(f->out, 24, msi, 24);
    for (unsigned i = 24; i < 2052; i++) {
        g_assert_cmpuint(f->out[i], ==, 0);
    }
    vx_free(f);
}

/* 5.13.6.9: a record. */
static void test_event_bytes(void)
{
    static const uint8_t record[24] = {
        0x02, 0x00, 0x00, 0x00, 0x02, 0x01, 0x00, 0x00,
        0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x00, 0x00,
    };
    Vx *f = vx_new_started(NULL);
    VxEvent event;

    vx_attach(f, VX_DOMAIN, VX_SID);
    vx_dma(f, FX_W, 0x456789abcdef);
    event = vx_take_event(f);
    g_assert_cmpuint(event.len, ==, 24);
    g_assert_cmpmem(event.bytes, 24, record, 24);
    vx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-virtio/layout/numbers", test_numbers);
    g_test_add_func("/nyx-virtio/layout/probe-space", test_probe_space);
    g_test_add_func("/nyx-virtio/layout/config", test_config_bytes);
    g_test_add_func("/nyx-virtio/layout/property", test_property_bytes);
    g_test_add_func("/nyx-virtio/layout/event", test_event_bytes);
    return g_test_run();
}
