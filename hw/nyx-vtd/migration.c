/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration and snapshots: what a guest can tell of the unit.  Caches start
 * empty on the other side, which is always legal.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "hw/nyx-vtd/vtd.h"
#include "migration/vmstate.h"

static int pre_save(void *opaque)
{
    NyxVtdState *s = opaque;

    for (unsigned i = 0; i < s->n_units; i++) {
        nyx_vtd_save(s->units[i].engine, &s->units[i].saved);
    }
    return 0;
}

static int post_load(void *opaque, int version_id)
{
    NyxVtdState *s = opaque;

    for (unsigned i = 0; i < s->n_units; i++) {
        NyxVtdUnit *unit = &s->units[i];
        const char *error = nyx_vtd_load(unit->engine, &unit->saved);

        if (error) {
            error_report("%s: cannot load the saved state: %s", unit->name,
                         error);
            return -EINVAL;
        }
    }
    return 0;
}

/* What a stream does not have is as after power-on. */
static int pre_load(void *opaque)
{
    NyxVtdState *s = opaque;

    for (unsigned i = 0; i < s->n_units; i++) {
        s->units[i].saved = (NyxVtdSaved) { };
    }
    return 0;
}

static bool vcmd_needed(void *opaque)
{
    NyxVtdUnit *unit = opaque;

    return nyx_vtd_cfg(unit->engine)->vcmd;
}

static const VMStateDescription vcmd_vmstate = {
    .name = TYPE_NYX_VTD "/unit/vcmd",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = vcmd_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64_ARRAY(saved.vcmd_pasids, NyxVtdUnit, NVTD_VCMD_WORDS),
        VMSTATE_END_OF_LIST()
    },
};

static bool perfmon_needed(void *opaque)
{
    NyxVtdUnit *unit = opaque;

    return nyx_vtd_cfg(unit->engine)->perfmon;
}

/* The counters, which are behind the registers that all units have. */
static const VMStateDescription perfmon_vmstate = {
    .name = TYPE_NYX_VTD "/unit/perfmon",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = perfmon_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8_SUB_ARRAY(saved.regs, NyxVtdUnit, NVTD_MMIO_SIZE,
                                NVTD_MMIO_SIZE_MAX - NVTD_MMIO_SIZE),
        VMSTATE_UINT32(saved.perf_enabled, NyxVtdUnit),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription unit_vmstate = {
    .name = TYPE_NYX_VTD "/unit",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8_SUB_ARRAY(saved.regs, NyxVtdUnit, 0, NVTD_MMIO_SIZE),
        VMSTATE_UINT64(saved.rtaddr, NyxVtdUnit),
        VMSTATE_UINT64(saved.irta, NyxVtdUnit),
        VMSTATE_UINT32(saved.frcd_next, NyxVtdUnit),
        VMSTATE_UINT32(saved.flags, NyxVtdUnit),
        VMSTATE_UINT16(saved.ats_silent_sid, NyxVtdUnit),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription *const []) {
        &perfmon_vmstate,
        &vcmd_vmstate,
        NULL
    },
};

const VMStateDescription nyx_vtd_vmstate = {
    .name = TYPE_NYX_VTD,
    .version_id = 2,
    .minimum_version_id = 2,
    .priority = MIG_PRI_IOMMU,
    .pre_save = pre_save,
    .pre_load = pre_load,
    .post_load = post_load,
    .fields = (const VMStateField[]) {
        NYX_VMSTATE_EQUAL(n_units, NyxVtdState,
                          "give both sides the same unit1 to unit7"),
        VMSTATE_STRUCT_VARRAY_UINT32(units, NyxVtdState, n_units, 1,
                                     unit_vmstate, NyxVtdUnit),
        VMSTATE_END_OF_LIST()
    },
};
