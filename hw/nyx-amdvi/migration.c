/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration and snapshots: what a guest can tell of the IOMMU.  Caches start
 * empty on the other side, which is always legal.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "hw/nyx-amdvi/amdvi.h"
#include "migration/vmstate.h"

static int pre_save(void *opaque)
{
    NyxAmdState *s = opaque;

    nyx_amd_save(s->engine, &s->saved);
    return 0;
}

/* What a stream does not have is as after power-on. */
static int pre_load(void *opaque)
{
    NyxAmdState *s = opaque;

    s->saved = (NyxAmdSaved) { };
    return 0;
}

static int post_load(void *opaque, int version_id)
{
    NyxAmdState *s = opaque;
    const char *error = nyx_amd_load(s->engine, &s->saved);

    if (error) {
        error_report("%s: cannot load the saved state: %s", TYPE_NYX_AMDVI,
                     error);
        return -EINVAL;
    }
    return 0;
}

static bool perfmon_needed(void *opaque)
{
    NyxAmdState *s = opaque;

    return nyx_amd_cfg(s->engine)->counters;
}

static const VMStateDescription perfmon_vmstate = {
    .name = TYPE_NYX_AMDVI "/perfmon",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = perfmon_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64_ARRAY(saved.counters, NyxAmdState,
                             NAMD_PC_BANKS * NAMD_PC_COUNTERS * NAMD_PC_FNS),
        VMSTATE_UINT64_ARRAY(saved.locks, NyxAmdState, 3),
        VMSTATE_END_OF_LIST()
    },
};

const VMStateDescription nyx_amd_vmstate = {
    .name = TYPE_NYX_AMDVI,
    .version_id = 1,
    .minimum_version_id = 1,
    .priority = MIG_PRI_IOMMU,
    .pre_save = pre_save,
    .pre_load = pre_load,
    .post_load = post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8_ARRAY(saved.regs, NyxAmdState, NAMD_SAVED_REGS),
        VMSTATE_UINT32(saved.flags, NyxAmdState),
        VMSTATE_UINT64_ARRAY(saved.suppressed, NyxAmdState,
                             NAMD_SAVED_SUPPRESSED),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription *const []) {
        &perfmon_vmstate,
        NULL
    },
};
