/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings: mistakes of guest software, whether or not the architecture has
 * a fault for them.  A rule is a row of a table; a finding is a rule that was
 * broken, with a count and its first and last occurrence.
 *
 * Bounded by construction: one finding a rule, whatever the guest does.
 */
#ifndef HW_NYX_IOMMU_FINDINGS_H
#define HW_NYX_IOMMU_FINDINGS_H

#include "qemu/osdep.h"

typedef enum NyxSeverity {
    NYX_SEVERITY_ADVICE,     /* legal, but not what hardware is happy with */
    NYX_SEVERITY_WARNING,    /* works here, may fail on a real part */
    NYX_SEVERITY_ERROR,      /* the specification forbids it */
    NYX_SEVERITY_COUNT,
} NyxSeverity;

typedef struct NyxRule {
    const char *id;          /* stable, lower case with dots */
    NyxSeverity severity;
    const char *section;     /* of the specification */
    const char *title;
    const char *fix;
} NyxRule;

/* Where a rule was broken; set what is known. */
typedef struct NyxWhere {
    bool has_sid;
    bool has_addr;
    uint16_t sid;            /* requester */
    uint64_t addr;           /* IOVA, register offset or table address */
    uint64_t value;          /* the offending word */
} NyxWhere;

typedef struct NyxOccurrence {
    int64_t time_ns;
    NyxWhere where;
} NyxOccurrence;

typedef struct NyxFinding {
    const NyxRule *rule;
    uint64_t count;
    NyxOccurrence first;
    NyxOccurrence last;
} NyxFinding;

typedef struct NyxFindings NyxFindings;

/*
 * Called for occurrences worth a line: the first eight of a rule, then each
 * time its count is a power of two.  May be called from any thread.
 */
typedef void NyxFindingSink(void *opaque, const NyxFinding *finding);
typedef int64_t NyxClock(void *opaque);

NyxFindings *nyx_findings_new(const NyxRule *rules, unsigned n_rules,
                              NyxClock *clock, NyxFindingSink *sink,
                              void *opaque);
void nyx_findings_free(NyxFindings *findings);

/* Count an occurrence of rule number @rule at @where.  Any thread. */
void nyx_findings_add(NyxFindings *findings, unsigned rule, NyxWhere where);

/* Copy of finding number @rule; its count is zero if it never happened. */
NyxFinding nyx_findings_get(NyxFindings *findings, unsigned rule);
unsigned nyx_findings_rules(const NyxFindings *findings);
void nyx_findings_clear(NyxFindings *findings);

/* One JSON object, one line, newline included; the caller frees it. */
char *nyx_finding_to_json(const char *device, const NyxFinding *finding);

const char *nyx_severity_name(NyxSeverity severity);

#endif
