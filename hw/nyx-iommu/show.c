/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structured read-only properties: see show.h.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/show.h"
#include "qapi/error.h"

/* Output visitors do not fail on scalars. */
void nyx_show_u64(Visitor *v, const char *name, uint64_t value)
{
    visit_type_uint64(v, name, &value, &error_abort);
}

void nyx_show_string(Visitor *v, const char *name, const char *value)
{
    char *copy = (char *)value;

    visit_type_str(v, name, &copy, &error_abort);
}

void nyx_show_hex(Visitor *v, const char *name, uint64_t value)
{
    g_autofree char *text = g_strdup_printf("0x%" PRIx64, value);

    nyx_show_string(v, name, text);
}

void nyx_show_sid(Visitor *v, const char *name, uint16_t sid)
{
    g_autofree char *text = g_strdup_printf("%02x:%02x.%x", sid >> 8,
                                            (sid >> 3) & 0x1f, sid & 7);

    nyx_show_string(v, name, text);
}

void nyx_show_struct(Visitor *v, const char *name, NyxShowFn *fn,
                     void *opaque, Error **errp)
{
    if (visit_start_struct(v, name, NULL, 0, errp)) {
        fn(v, opaque, errp);
        visit_check_struct(v, errp);
        visit_end_struct(v, NULL);
    }
}

void nyx_show_list(Visitor *v, const char *name, NyxShowFn *fn, void *opaque,
                   Error **errp)
{
    if (visit_start_list(v, name, NULL, 0, errp)) {
        fn(v, opaque, errp);
        visit_check_list(v, errp);
        visit_end_list(v, NULL);
    }
}

static void show_occurrence(Visitor *v, void *opaque, Error **errp)
{
    const NyxOccurrence *at = opaque;
    int64_t time_ns = at->time_ns;

    visit_type_int64(v, "time-ns", &time_ns, &error_abort);
    if (at->where.has_sid) {
        nyx_show_sid(v, "sid", at->where.sid);
    }
    if (at->where.has_addr) {
        nyx_show_hex(v, "addr", at->where.addr);
    }
    nyx_show_hex(v, "value", at->where.value);
}

static void show_finding(Visitor *v, void *opaque, Error **errp)
{
    NyxFinding *finding = opaque;

    nyx_show_string(v, "rule", finding->rule->id);
    nyx_show_string(v, "severity",
                    nyx_severity_name(finding->rule->severity));
    nyx_show_string(v, "section", finding->rule->section);
    nyx_show_string(v, "title", finding->rule->title);
    nyx_show_string(v, "fix", finding->rule->fix);
    nyx_show_u64(v, "count", finding->count);
    nyx_show_struct(v, "first", show_occurrence, &finding->first, errp);
    nyx_show_struct(v, "last", show_occurrence, &finding->last, errp);
}

static void show_all_findings(Visitor *v, void *opaque, Error **errp)
{
    NyxFindings *findings = opaque;

    for (unsigned i = 0; i < nyx_findings_rules(findings); i++) {
        NyxFinding finding = nyx_findings_get(findings, i);

        if (finding.count) {
            nyx_show_struct(v, NULL, show_finding, &finding, errp);
        }
    }
}

void nyx_show_findings(Visitor *v, const char *name, NyxFindings *findings,
                       Error **errp)
{
    nyx_show_list(v, name, show_all_findings, findings, errp);
}
