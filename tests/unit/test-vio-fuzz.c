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
    /* Drafts: ATTACH_TABLE, INVALIDATE, PAGE_RESP. */
    [6] = 84, [7] = 60, [8] = 36,
};

/* Where the tables of the drafts are: words that seem to be entries. */
#define TABLE_PAGES 64

typedef struct Fuzz {
    Vx *f;
    NyxVioRequester *r[8];
    uint64_t rng;
    unsigned types;          /* that there are, with zero */
} Fuzz;

/* --- What a fuzzer sends -------------------------------------------------- */

static VxBytes random_bytes(const Fuzz *z, uint64_t *rng)
{
    VxBytes bytes = { .len = nyx_random(rng) % (IN_MAX + 1) };

    for (unsigned i = 0; i < bytes.len; i++) {
        bytes.at[i] = nyx_random(rng) >> 17;
    }
    if (nyx_random(rng) % 4) {
        bytes.at[0] = nyx_random(rng) % (z->types + 1);
    }
    return bytes;
}

static uint64_t random_page(uint64_t *rng)
{
    uint64_t page = nyx_random(rng) % 256 * PAGE;

    return nyx_random(rng) % 8 ? page : -page;
}

static VxBytes table_bytes(uint32_t domain, uint32_t endpoint, uint64_t *rng)
{
    static const uint16_t formats[] = { 4, 6, 0x100, 0x101 };
    unsigned format = nyx_random(rng) % 4;
    VxBytes bytes = { .at = { 6 }, .len = 84 };

    vx_put32(&bytes, 4, domain);
    vx_put32(&bytes, 8, endpoint);
    vx_put32(&bytes, 12, nyx_random(rng) % 2);
    vx_put16(&bytes, 16, formats[format]);
    vx_put32(&bytes, 20, nyx_random(rng) % 4);
    vx_put64(&bytes, 24, nyx_random(rng) % TABLE_PAGES * PAGE);
    vx_put64(&bytes, 32, nyx_random(rng) % 2);
    vx_put8(&bytes, 40, 3 + nyx_random(rng) % 3);
    return bytes;
}

static VxBytes invalidate_bytes(uint32_t domain, uint64_t *rng)
{
    VxBytes bytes = { .at = { 7 }, .len = 60 };

    vx_put16(&bytes, 4, nyx_random(rng) % 8);
    vx_put16(&bytes, 6, nyx_random(rng) % 8);
    vx_put16(&bytes, 8, nyx_random(rng) % 8);
    vx_put32(&bytes, 12, domain);
    vx_put32(&bytes, 16, nyx_random(rng) % 4);
    vx_put64(&bytes, 32, nyx_random(rng) << 12);
    vx_put64(&bytes, 40, nyx_random(rng) >> nyx_random(rng) % 64);
    vx_put8(&bytes, 48, nyx_random(rng) % 66);
    return bytes;
}

static VxBytes response_bytes(uint32_t endpoint, uint64_t *rng)
{
    VxBytes bytes = { .at = { 8 }, .len = 36 };

    vx_put32(&bytes, 8, endpoint);
    vx_put32(&bytes, 12, nyx_random(rng) % 2);
    vx_put32(&bytes, 16, nyx_random(rng) % 4);
    vx_put32(&bytes, 20, nyx_random(rng) % 8);
    vx_put16(&bytes, 24, nyx_random(rng) % 4);
    return bytes;
}

static VxBytes draft_bytes(uint32_t domain, uint32_t endpoint, uint64_t *rng)
{
    switch (nyx_random(rng) % 4) {
    case 0:
        return invalidate_bytes(domain, rng);
    case 1:
        return response_bytes(endpoint, rng);
    default:
        return table_bytes(domain, endpoint, rng);
    }
}

static VxBytes likely_bytes(const Fuzz *z, uint64_t *rng)
{
    uint32_t domain = nyx_random(rng) % 4;
    uint32_t endpoint = VX_SID + nyx_random(rng) % 8;
    uint64_t first = random_page(rng);
    uint64_t last = first + nyx_random(rng) % 8 * PAGE - 1;

    if (z->types > VX_PROBE && nyx_random(rng) % 3 == 0) {
        return draft_bytes(domain, endpoint, rng);
    }
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

static void check_answer(const Fuzz *z, const VxBytes *bytes, size_t out_len,
                         unsigned status)
{
    const Vx *f = z->f;
    const unsigned possible = 1u << VX_OK | 1u << VX_UNSUPP | 1u << VX_INVAL |
                              1u << VX_RANGE | 1u << VX_NOENT |
                              1u << VX_NOMEM;
    unsigned type = bytes->at[0];
    size_t used = 4;

    if (bytes->len < 4 || out_len < 4 || type < VX_ATTACH ||
        type > z->types) {
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

static void write_config(Fuzz *z)
{
    uint8_t config[VX_CONFIG_SIZE];

    nyx_vio_config_read(z->f->vio, config);
    config[nyx_random(&z->rng) % VX_CONFIG_SIZE] = nyx_random(&z->rng);
    nyx_vio_config_write(z->f->vio, config);
    g_assert_cmpuint(vx_config(z->f, 36, 1), <=, 1);
}

/* Also with PASIDs, and page requests. */
static void send_dma(Fuzz *z)
{
    unsigned n = nyx_random(&z->rng) % 8;
    NyxRequest req = {
        .type = nyx_random(&z->rng) % 4 ? NYX_REQ_UNTRANSLATED
                                        : nyx_random(&z->rng) % 4,
        .access = nyx_random(&z->rng) % 64,
        .iova = nyx_random(&z->rng) % 4 ? random_page(&z->rng)
                                        : nyx_random(&z->rng),
        .has_pasid = nyx_random(&z->rng) % 2,
        .pasid = nyx_random(&z->rng) % 4,
        .last = nyx_random(&z->rng) % 2,
        .group = nyx_random(&z->rng) % 8,
    };
    NyxReply reply;

    if (req.type == NYX_REQ_PAGE) {
        nyx_vio_page_request(z->r[n], VX_SID + n, &req);
    } else {
        nyx_vio_translate(z->r[n], VX_SID + n, &req, &reply);
    }
}

/* An entry of any format, with a level and an address that may be right. */
static void write_table(Fuzz *z)
{
    uint64_t at = nyx_random(&z->rng) % (TABLE_PAGES * PAGE / 8) * 8;
    uint64_t entry = nyx_random(&z->rng) % TABLE_PAGES * PAGE;

    entry |= nyx_random(&z->rng) & 0xfff;
    entry |= nyx_random(&z->rng) % 2 ? 3ULL << 61 : 0;
    entry |= nyx_random(&z->rng) % 16 ? 0 : nyx_random(&z->rng);
    fx_mem_poke(&z->f->mem, at, entry);
}

static void something_else(Fuzz *z)
{
    Vx *f = z->f;

    switch (nyx_random(&z->rng) % 64) {
    case 0:
        if (nyx_random(&z->rng) % 32 == 0) {
            nyx_vio_device_reset(f->vio);
        }
        nyx_vio_set_features(f->vio, nyx_random(&z->rng));
        break;
    case 1:
        write_config(z);
        break;
    case 2:
        f->exists[VX_SID + nyx_random(&z->rng) % 8] ^= true;
        break;
    case 3:
        f->events_later = nyx_random(&z->rng) % 2;
        f->buffers = nyx_random(&z->rng) % 100;
        break;
    default:
        write_table(z);
        for (unsigned i = 0; i < 4; i++) {
            send_dma(z);
        }
        break;
    }
}

/* --- Both devices --------------------------------------------------------- */

static Fuzz fuzz_new(bool drafts)
{
    const char *seed = g_getenv("NYX_SEED");
    Fuzz z = {
        .rng = seed ? g_ascii_strtoull(seed, NULL, 0) : g_random_int(),
        .types = drafts ? 8 : VX_PROBE,
    };
    NyxVioCfg cfg = vx_cfg();

    g_test_message("NYX_SEED=%" PRIu64, z.rng);
    z.rng |= 1;
    cfg.input_bits = 64;
    cfg.max_mappings = 1000;
    cfg.attach_table = cfg.pasid = cfg.page_requests = drafts;
    z.f = vx_new_started(&cfg);
    for (unsigned i = 0; i < 8; i++) {
        z.r[i] = vx_requester(z.f, VX_SID + i);
    }
    for (unsigned i = 0; i < TABLE_PAGES * 64; i++) {
        write_table(&z);
    }
    return z;
}

static void check_counts(Fuzz *z)
{
    NyxVioStats stats = nyx_vio_stats(z->f->vio);
    uint64_t answers = 0, walks = 0;

    for (unsigned i = 0; i < 9; i++) {
        answers += stats.statuses[i];
    }
    g_assert_cmpuint(answers + stats.unanswered, ==, REQUESTS);
    g_assert_cmpuint(stats.statuses[VX_OK], >, REQUESTS / 20);
    g_assert_cmpuint(stats.unanswered, >, REQUESTS / 20);
    g_assert_cmpuint(stats.mappings, <=, 1000);
    for (unsigned i = 0; i < 8; i++) {
        walks += nyx_vio_requester_stats(z->r[i]).walks;
    }
    g_test_message("%" PRIu64 " walks, %" PRIu64 " page requests", walks,
                   stats.page_requests);
    if (z->types > VX_PROBE) {
        g_assert_cmpuint(walks, >, 1000);
        g_assert_cmpuint(stats.page_requests, >, 20);
    }
}

static void test_fuzz(gconstpointer data)
{
    Fuzz z = fuzz_new(GPOINTER_TO_INT(data));
    Vx *f = z.f;

    for (unsigned i = 0; i < REQUESTS; i++) {
        VxBytes bytes = i % 4 ? likely_bytes(&z, &z.rng)
                              : random_bytes(&z, &z.rng);
        size_t out_len;

        nyx_vio_set_features(f->vio, UINT64_MAX);
        spoil(&bytes, &z.rng);
        out_len = random_room(&bytes, &z.rng);
        check_answer(&z, &bytes, out_len, vx_send_out(f, &bytes, out_len));
        something_else(&z);
        if (i % 1024 == 0) {
            vx_forget(f);
        }
    }
    check_counts(&z);
    vx_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/nyx-virtio/fuzz/plain", GINT_TO_POINTER(false),
                         test_fuzz);
    g_test_add_data_func("/nyx-virtio/fuzz/drafts", GINT_TO_POINTER(true),
                         test_fuzz);
    return g_test_run();
}
