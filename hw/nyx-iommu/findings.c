/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bounded store of guest mistakes of findings.h.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/nyx-iommu/findings.h"

/* Occurrences of one rule that are all passed on, before thinning out. */
#define SINK_ALL_UP_TO 8

struct NyxFindings {
    pthread_mutex_t lock;
    NyxClock *clock;
    NyxFindingSink *sink;
    void *opaque;
    unsigned n_rules;
    NyxFinding finding[];
};

NyxFindings *nyx_findings_new(const NyxRule *rules, unsigned n_rules,
                              NyxClock *clock, NyxFindingSink *sink,
                              void *opaque)
{
    NyxFindings *findings = g_malloc0(sizeof(*findings) +
                                      n_rules * sizeof(NyxFinding));

    pthread_mutex_init(&findings->lock, NULL);
    findings->clock = clock;
    findings->sink = sink;
    findings->opaque = opaque;
    findings->n_rules = n_rules;
    for (unsigned i = 0; i < n_rules; i++) {
        findings->finding[i].rule = &rules[i];
    }
    return findings;
}

void nyx_findings_free(NyxFindings *findings)
{
    if (findings) {
        pthread_mutex_destroy(&findings->lock);
        g_free(findings);
    }
}

void nyx_findings_add(NyxFindings *findings, unsigned rule, NyxWhere where)
{
    NyxFinding *finding = &findings->finding[rule];
    NyxFinding copy;

    pthread_mutex_lock(&findings->lock);
    finding->last = (NyxOccurrence) {
        .time_ns = findings->clock(findings->opaque),
        .where = where,
    };
    if (finding->count++ == 0) {
        finding->first = finding->last;
    }
    copy = *finding;
    pthread_mutex_unlock(&findings->lock);

    if (copy.count <= SINK_ALL_UP_TO || is_power_of_2(copy.count)) {
        findings->sink(findings->opaque, &copy);
    }
}

NyxFinding nyx_findings_get(NyxFindings *findings, unsigned rule)
{
    NyxFinding copy;

    pthread_mutex_lock(&findings->lock);
    copy = findings->finding[rule];
    pthread_mutex_unlock(&findings->lock);
    return copy;
}

unsigned nyx_findings_rules(const NyxFindings *findings)
{
    return findings->n_rules;
}

void nyx_findings_clear(NyxFindings *findings)
{
    pthread_mutex_lock(&findings->lock);
    for (unsigned i = 0; i < findings->n_rules; i++) {
        findings->finding[i] = (NyxFinding) {
            .rule = findings->finding[i].rule,
        };
    }
    pthread_mutex_unlock(&findings->lock);
}

const char *nyx_severity_name(NyxSeverity severity)
{
    static const char *const name[NYX_SEVERITY_COUNT] = {
        [NYX_SEVERITY_ADVICE] = "advice",
        [NYX_SEVERITY_WARNING] = "warning",
        [NYX_SEVERITY_ERROR] = "error",
    };

    return name[severity];
}

char *nyx_finding_to_json(const char *device, const NyxFinding *finding)
{
    const NyxRule *rule = finding->rule;
    const NyxWhere *where = &finding->last.where;
    GString *json = g_string_new(NULL);

    /* The strings are our own tables': nothing in them needs escaping. */
    g_string_append_printf(json, "{\"device\":\"%s\",\"rule\":\"%s\","
                           "\"severity\":\"%s\",\"section\":\"%s\","
                           "\"title\":\"%s\",\"fix\":\"%s\","
                           "\"count\":%" PRIu64 ",\"time_ns\":%" PRId64,
                           device, rule->id,
                           nyx_severity_name(rule->severity), rule->section,
                           rule->title, rule->fix, finding->count,
                           finding->last.time_ns);
    if (where->has_sid) {
        g_string_append_printf(json, ",\"sid\":\"%02x:%02x.%x\"",
                               where->sid >> 8, (where->sid >> 3) & 0x1f,
                               where->sid & 7);
    }
    if (where->has_addr) {
        g_string_append_printf(json, ",\"addr\":\"0x%" PRIx64 "\"",
                               where->addr);
    }
    g_string_append_printf(json, ",\"value\":\"0x%" PRIx64 "\"}\n",
                           where->value);
    return g_string_free(json, FALSE);
}
