/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The findings store: counts, first and last, the bounded sink, JSON lines.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/findings.h"
#include "hw/nyx-vtd/codes.h"
#include "hw/nyx-vtd/engine.h"

typedef struct Sink {
    int64_t now;             /* atomic */
    unsigned calls;          /* atomic */
    uint64_t counts[64];     /* that the sink was called with */
    NyxFinding last;
} Sink;

static int64_t clock_ns(void *opaque)
{
    Sink *sink = opaque;

    return __atomic_add_fetch(&sink->now, 10, __ATOMIC_RELAXED);
}

static void record_call(void *opaque, const NyxFinding *finding)
{
    Sink *sink = opaque;

    g_assert_cmpuint(sink->calls, <, ARRAY_SIZE(sink->counts));
    sink->counts[sink->calls++] = finding->count;
    sink->last = *finding;
}

static void count_call(void *opaque, const NyxFinding *finding)
{
    Sink *sink = opaque;

    __atomic_fetch_add(&sink->calls, 1, __ATOMIC_RELAXED);
}

static const NyxRule rules[] = {
    { "test.one", NYX_SEVERITY_ERROR, "1.2", "the first", "do not" },
    { "test.two", NYX_SEVERITY_ADVICE, "3.4.5", "the second", "do it well" },
};

static void test_counts(void)
{
    Sink sink = { };
    NyxFindings *findings = nyx_findings_new(rules, 2, clock_ns, record_call,
                                             &sink);
    NyxFinding f;

    g_assert_cmpuint(nyx_findings_rules(findings), ==, 2);
    g_assert_cmpuint(nyx_findings_get(findings, 0).count, ==, 0);
    g_assert_true(nyx_findings_get(findings, 0).rule == &rules[0]);
    nyx_findings_add(findings, 0, (NyxWhere) { .value = 1 });
    nyx_findings_add(findings, 1, (NyxWhere) { .value = 2 });
    nyx_findings_add(findings, 0, (NyxWhere) {
        .has_sid = true, .sid = 0x10, .has_addr = true, .addr = 0x1000,
        .value = 3,
    });
    f = nyx_findings_get(findings, 0);
    g_assert_cmpuint(f.count, ==, 2);
    g_assert_cmpint(f.first.time_ns, ==, 10);
    g_assert_cmpint(f.last.time_ns, ==, 30);
    g_assert_cmphex(f.first.where.value, ==, 1);
    g_assert_false(f.first.where.has_sid);
    g_assert_cmphex(f.last.where.value, ==, 3);
    g_assert_cmphex(f.last.where.sid, ==, 0x10);
    g_assert_cmphex(f.last.where.addr, ==, 0x1000);
    g_assert_cmpuint(nyx_findings_get(findings, 1).count, ==, 1);
    nyx_findings_clear(findings);
    f = nyx_findings_get(findings, 0);
    g_assert_cmpuint(f.count, ==, 0);
    g_assert_true(f.rule == &rules[0]);
    nyx_findings_free(findings);
    nyx_findings_free(NULL);
}

/* The first eight, then powers of two: a flood makes few lines. */
static void test_sink(void)
{
    static const uint64_t want[] = {
        1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096,
        8192, 16384, 32768, 65536,
    };
    Sink sink = { };
    NyxFindings *findings = nyx_findings_new(rules, 2, clock_ns, record_call,
                                             &sink);

    for (unsigned i = 0; i < 100000; i++) {
        nyx_findings_add(findings, 1, (NyxWhere) { .value = i });
    }
    g_assert_cmpuint(sink.calls, ==, ARRAY_SIZE(want));
    for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
        g_assert_cmpuint(sink.counts[i], ==, want[i]);
    }
    g_assert_cmpuint(sink.last.last.where.value, ==, 65535);
    /* Another rule has its own allowance. */
    nyx_findings_add(findings, 0, (NyxWhere) { });
    g_assert_cmpuint(sink.calls, ==, ARRAY_SIZE(want) + 1);
    nyx_findings_free(findings);
}

/* --- JSON ----------------------------------------------------------------- */

/* A flat object of strings and numbers, one line: enough of a parser. */
static GHashTable *parse_line(const char *line)
{
    GHashTable *out = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                            g_free);
    const char *p = line;

    g_assert_cmpint(*p++, ==, '{');
    for (;;) {
        const char *end;
        char *key;

        g_assert_cmpint(*p++, ==, '"');
        end = strchr(p, '"');
        g_assert_nonnull(end);
        key = g_strndup(p, end - p);
        p = end + 1;
        g_assert_cmpint(*p++, ==, ':');
        if (*p == '"') {
            end = strchr(++p, '"');
            g_assert_nonnull(end);
            /* No escapes are expected, nor anything that needs one. */
            for (const char *c = p; c < end; c++) {
                g_assert_true(*c >= ' ' && *c != '\\');
            }
        } else {
            end = p + strspn(p, "-0123456789");
            g_assert_true(end > p);
        }
        g_assert_false(g_hash_table_contains(out, key));
        g_hash_table_insert(out, key, g_strndup(p, end - p));
        p = end + (*end == '"');
        if (*p == '}') {
            break;
        }
        g_assert_cmpint(*p++, ==, ',');
    }
    g_assert_cmpstr(p, ==, "}\n");
    return out;
}

#define MEMBER(object, key) ((const char *)g_hash_table_lookup(object, key))

static void test_json(void)
{
    NyxFinding finding = {
        .rule = &rules[0],
        .count = 18446744073709551615ULL,
        .last = {
            .time_ns = -5,
            .where = {
                .has_sid = true, .sid = 0xff1f, .has_addr = true,
                .addr = UINT64_MAX, .value = 0xabc,
            },
        },
    };
    g_autofree char *line = nyx_finding_to_json("vtd0", &finding);
    g_autofree char *bare = NULL;
    GHashTable *object = parse_line(line);

    g_assert_cmpstr(MEMBER(object, "device"), ==, "vtd0");
    g_assert_cmpstr(MEMBER(object, "rule"), ==, "test.one");
    g_assert_cmpstr(MEMBER(object, "severity"), ==, "error");
    g_assert_cmpstr(MEMBER(object, "section"), ==, "1.2");
    g_assert_cmpstr(MEMBER(object, "title"), ==, "the first");
    g_assert_cmpstr(MEMBER(object, "fix"), ==, "do not");
    g_assert_cmpstr(MEMBER(object, "count"), ==, "18446744073709551615");
    g_assert_cmpstr(MEMBER(object, "time_ns"), ==, "-5");
    g_assert_cmpstr(MEMBER(object, "sid"), ==, "ff:03.7");
    g_assert_cmpstr(MEMBER(object, "addr"), ==, "0xffffffffffffffff");
    g_assert_cmpstr(MEMBER(object, "value"), ==, "0xabc");
    g_hash_table_unref(object);
    /* What is not known is left out. */
    finding.last.where = (NyxWhere) { };
    bare = nyx_finding_to_json("vtd0", &finding);
    object = parse_line(bare);
    g_assert_null(MEMBER(object, "sid"));
    g_assert_null(MEMBER(object, "addr"));
    g_assert_cmpstr(MEMBER(object, "value"), ==, "0x0");
    g_hash_table_unref(object);
}

/* Every rule of the VT-d table makes a good line and has a good id. */
static void test_vtd_rules(void)
{
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 0; i < NVTD_RULE_COUNT; i++) {
        NyxFinding finding = { .rule = &nyx_vtd_rules()[i], .count = 1 };
        g_autofree char *line = nyx_finding_to_json("vtd0", &finding);
        GHashTable *object = parse_line(line);
        const char *id = finding.rule->id;

        g_assert_true(g_str_has_prefix(id, "vtd."));
        g_assert_cmpuint(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789.-"),
                         ==, strlen(id));
        g_assert_true(g_hash_table_add(ids, (gpointer)id));
        g_assert_cmpstr(MEMBER(object, "rule"), ==, id);
        g_assert_cmpuint(strlen(MEMBER(object, "title")), >, 0);
        g_assert_cmpuint(strlen(MEMBER(object, "fix")), >, 0);
        g_assert_cmpuint(strlen(MEMBER(object, "section")), >, 0);
        g_hash_table_unref(object);
    }
}

/* --- Threads -------------------------------------------------------------- */

#define THREADS 4
#define EACH 20000

static void *add_many(void *opaque)
{
    for (unsigned i = 0; i < EACH; i++) {
        nyx_findings_add(opaque, i % 2, (NyxWhere) { .value = i });
    }
    return NULL;
}

static void test_threads(void)
{
    Sink sink = { };
    NyxFindings *findings = nyx_findings_new(rules, 2, clock_ns, count_call,
                                             &sink);
    GThread *threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = g_thread_new("add", add_many, findings);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
    }
    g_assert_cmpuint(nyx_findings_get(findings, 0).count, ==,
                     THREADS * EACH / 2);
    g_assert_cmpuint(nyx_findings_get(findings, 1).count, ==,
                     THREADS * EACH / 2);
    /* 1 to 8, 16 to 32768. */
    g_assert_cmpuint(sink.calls, ==, 2 * (8 + 12));
    nyx_findings_free(findings);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/findings/counts", test_counts);
    g_test_add_func("/nyx/findings/sink", test_sink);
    g_test_add_func("/nyx/findings/json", test_json);
    g_test_add_func("/nyx/findings/vtd-rules", test_vtd_rules);
    g_test_add_func("/nyx/findings/threads", test_threads);
    return g_test_run();
}
