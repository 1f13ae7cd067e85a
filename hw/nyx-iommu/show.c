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

static void show_cache(Visitor *v, void *opaque, Error **errp)
{
    const NyxCacheStats *stats = opaque;

    nyx_show_u64(v, "hits", stats->hits);
    nyx_show_u64(v, "misses", stats->misses);
    nyx_show_u64(v, "evictions", stats->evictions);
    nyx_show_u64(v, "dropped", stats->dropped);
}

void nyx_show_cache(Visitor *v, const char *name, const NyxCacheStats *stats,
                    Error **errp)
{
    nyx_show_struct(v, name, show_cache, (void *)stats, errp);
}

static void show_iotlb(Visitor *v, void *opaque, Error **errp)
{
    const NyxIotlbStats *stats = opaque;

    nyx_show_u64(v, "hits", stats->hits);
    nyx_show_u64(v, "misses", stats->misses);
    nyx_show_u64(v, "evictions", stats->evictions);
    nyx_show_u64(v, "dropped", stats->dropped);
    nyx_show_u64(v, "refused-fills", stats->refused);
}

void nyx_show_iotlb(Visitor *v, const char *name, const NyxIotlbStats *stats,
                    Error **errp)
{
    nyx_show_struct(v, name, show_iotlb, (void *)stats, errp);
}

typedef struct ShowWords {
    const uint64_t *words;
    unsigned n;
} ShowWords;

static void show_words(Visitor *v, void *opaque, Error **errp)
{
    const ShowWords *show = opaque;

    for (unsigned i = 0; i < show->n; i++) {
        nyx_show_hex(v, NULL, show->words[i]);
    }
}

void nyx_show_words(Visitor *v, const char *name, const uint64_t *words,
                    unsigned n, Error **errp)
{
    ShowWords show = { words, n };

    nyx_show_list(v, name, show_words, &show, errp);
}

typedef struct ShowReg {
    const NyxReg *reg;
    uint64_t value;
} ShowReg;

static void show_register(Visitor *v, void *opaque, Error **errp)
{
    const ShowReg *row = opaque;

    nyx_show_string(v, "name", row->reg->name);
    nyx_show_hex(v, "offset", row->reg->offset);
    nyx_show_hex(v, "value", row->value);
}

void nyx_show_register(Visitor *v, const NyxReg *reg, uint64_t value,
                       Error **errp)
{
    ShowReg row = { reg, value };

    nyx_show_struct(v, NULL, show_register, &row, errp);
}

static void show_mapping(Visitor *v, void *opaque, Error **errp)
{
    const NyxLeaf *leaf = opaque;
    static const char *const access[] = { "", "r", "w", "rw" };

    nyx_show_hex(v, "iova", leaf->iova);
    nyx_show_hex(v, "addr", leaf->addr);
    nyx_show_u64(v, "lg2", leaf->lg2);
    nyx_show_string(v, "access", access[leaf->permission & NYX_ACCESS_RW]);
}

void nyx_show_mapping(Visitor *v, const NyxLeaf *leaf, Error **errp)
{
    nyx_show_struct(v, NULL, show_mapping, (void *)leaf, errp);
}

void nyx_show_properties(ObjectClass *oc, const NyxShowProperty *rows,
                         unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        object_class_property_add(oc, rows[i].name, "struct", rows[i].get,
                                  NULL, NULL, NULL);
        object_class_property_set_description(oc, rows[i].name,
                                              rows[i].description);
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
