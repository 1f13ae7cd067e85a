/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes that no driver sends: whatever they are, the answer is one that the
 * specification has, or none, and the device goes on.  The address sanitizer
 * sees what is read or written beside the buffers.
 */
#include "qemu/osdep.h"
#include "vio-fixture.h"

#define REQUESTS 200000
#define PAGE 0x1000ULL
#define IN_MAX 96
#define OUT_MAX (VX_PROBE_SPACE + 4)

static const unsigned sizes[] = {
    [VX_ATTACH] = 20, [VX_DETACH] = 20, [VX_MAP] = 36, [VX_UNMAP] = 28,
    [VX_PROBE] = 72,
};

/* --- What a fuzzer sends -------------------------------------------------- */

static VxBytes random_bytes(uint64_t *rng)
{
    VxBytes bytes = { .len = nyx_random(rng) % (IN_MAX + 1) };

    for (unsigned i = 0; i < bytes.len; i++) {
        bytes.at[i] = nyx_random(rng) >> 17;
    }
    if (nyx_random(rng) % 4) {
        bytes.at[0] = nyx_random(rng) % 7;
    }
    return bytes;
}

static uint64_t random_page(uint64_t *rng)
{
    uint64_t page = nyx_random(rng) % 256 * PAGE;

    return nyx_random(rng) % 8 ? page : -page;
}

static VxBytes likely_bytes(uint64_t *rng)
{
    uint32_t domain = nyx_random(rng) % 4;
    uint32_t endpoint = VX_SID + nyx_random(rng) % 8;
    uint64_t first = random_page(rng);
    uint64_t last = first + nyx_random(rng) % 8 * PAGE - 1;

    switch (nyx_random(rng) % 8) {
    case 0:
        return vx_attach_bytes(domain, endpoint, nyx_random(rng) % 4 == 0);
    case 1:
        return vx_detach_bytes(domain, endpoint);
    case 2:
        return vx_probe_bytes(endpoint);
    case 3:
    case 4:
        return vx_unmap_bytes(domain, first, last);
    default:
        return vx_map_bytes(domain, first, last, random_page(rng),
                            nyx_random(rng) % 8);
    }
}

/* A few bytes of it are others, or it is cut or too long. */
static void spoil(VxBytes *bytes, uint64_t *rng)
{
    for (unsigned n = nyx_random(rng) % 4; n; n--) {
        bytes->at[nyx_random(rng) % IN_MAX] = nyx_random(rng) >> 23;
    }
    if (nyx_random(rng) % 4 == 0) {
        bytes->len = nyx_random(rng) % (IN_MAX + 1);
    }
}

static size_t random_room(const VxBytes *bytes, uint64_t *rng)
{
    switch (nyx_random(rng) % 8) {
    case 0:
        return nyx_random(rng) % (OUT_MAX + 1);
    case 1:
        return nyx_random(rng) % 8;
    default:
        return bytes->at[0] == VX_PROBE ? OUT_MAX : 4;
    }
}

/* --- What the answer has to be -------------------------------------------- */

static void check_answer(Vx *f, const VxBytes *bytes, size_t out_len,
                         unsigned status)
{
    const unsigned possible = 1u << VX_OK | 1u << VX_UNSUPP | 1u << VX_INVAL |
                              1u << VX_RANGE | 1u << VX_NOENT |
                              1u << VX_NOMEM;
    unsigned type = bytes->at[0];
    size_t used = 4;

    if (bytes->len < 4 || out_len < 4 || type < VX_ATTACH ||
        type > VX_PROBE) {
        used = 0;
        FX_CHECK("none", status, VX_UNANSWERED);
    } else if (bytes->len < sizes[type]) {
        FX_CHECK("short", status, VX_INVAL);
    } else {
        FX_CHECK("status", possible >> status & 1, 1);
    }
    if (used && type == VX_PROBE) {
        used = MIN(out_len, OUT_MAX);
    }
    FX_CHECK("used", f->used, used);
    /* Nothing is written but the tail and good properties. */
    for (size_t i = 0; i < out_len; i++) {
        if (i + 4 != used && (type != VX_PROBE || status != VX_OK)) {
            FX_CHECK("untouched", f->out[i], 0);
        }
    }
}

/* --- What else happens ---------------------------------------------------- */

static void something_else(Vx *f, NyxVioRequester **r, uint64_t *rng)
{
    uint8_t config[VX_CONFIG_SIZE];

    switch (nyx_random(rng) % 64) {
    case 0:
        if (nyx_random(rng) % 32 == 0) {
            nyx_vio_device_reset(f->vio);
        }
        nyx_vio_set_features(f->vio, nyx_random(rng) % 4
                                     ? UINT64_MAX : nyx_random(rng));
        break;
    case 1:
        nyx_vio_config_read(f->vio, config);
        config[nyx_random(rng) % VX_CONFIG_SIZE] = nyx_random(rng);
        nyx_vio_config_write(f->vio, config);
        g_assert_cmpuint(vx_config(f, 36, 1), <=, 1);
        break;
    case 2:
        f->exists[VX_SID + nyx_random(rng) % 8] ^= true;
        break;
    default:
        vx_dma_of(r[nyx_random(rng) % 8], nyx_random(rng) % 64,
                  nyx_random(rng) % 4 ? random_page(rng) : nyx_random(rng));
        break;
    }
}

static void test_fuzz(void)
{
    const char *seed = g_getenv("NYX_SEED");
    uint64_t rng = seed ? g_ascii_strtoull(seed, NULL, 0) : g_random_int();
    NyxVioCfg cfg = vx_cfg();
    NyxVioRequester *r[8];
    NyxVioStats stats;
    uint64_t answers = 0;
    Vx *f;

    g_test_message("NYX_SEED=%" PRIu64, rng);
    rng |= 1;
    cfg.input_bits = 64;
    cfg.max_mappings = 1000;
    f = vx_new_started(&cfg);
    for (unsigned i = 0; i < 8; i++) {
        r[i] = vx_requester(f, VX_SID + i);
    }
    for (unsigned i = 0; i < REQUESTS; i++) {
        VxBytes bytes = i % 4 ? likely_bytes(&rng) : random_bytes(&rng);
        size_t out_len;
        unsigned status;

        nyx_vio_set_features(f->vio, UINT64_MAX);
        spoil(&bytes, &rng);
        out_len = random_room(&bytes, &rng);
        status = vx_send_out(f, &bytes, out_len);
        check_answer(f, &bytes, out_len, status);
        something_else(f, r, &rng);
        if (i % 1024 == 0) {
            g_array_set_size(f->events, 0);
        }
    }
    stats = nyx_vio_stats(f->vio);
    for (unsigned i = 0; i < 9; i++) {
        answers += stats.statuses[i];
    }
    g_assert_cmpuint(answers + stats.unanswered, ==, REQUESTS);
    g_assert_cmpuint(stats.statuses[VX_OK], >, REQUESTS / 20);
    g_assert_cmpuint(stats.unanswered, >, REQUESTS / 20);
    g_assert_cmpuint(stats.mappings, <=, 1000);
    vx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx-virtio/fuzz", test_fuzz);
    return g_test_run();
}
