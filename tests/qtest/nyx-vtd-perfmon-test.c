/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Performance counters of nyx-vtd: a device's DMA is counted, an overflow is
 * heard at the APIC, and the second page of registers is there.
 */
#include "qemu/osdep.h"
#include "nyx-vtd-fixture.h"

#define ENABLE  0xf0
#define DISABLE 0xf1

/* Counter 0: configuration, value; status of all. */
#define CFG     0x600
#define CNTR    0x1000
#define OVF     0x348

/* INT, group 0, iommu_requests. */
#define REQUESTS 0x0000000200000002ull

static void ecmd(Fixture *f, unsigned command)
{
    qvtd_w64(f->v, 0x400, command);
    NYX_CHECK("ECRSP", qvtd_r64(f->v, 0x410), 0);
}

static void test_count(void)
{
    Fixture f = start(",perfmon=on,fault-records=1", TT_UNTRANSLATED);

    NYX_CHECK("PERFCAP", qvtd_r64(f.v, 0x300), 0x0004000305300004);
    qvtd_w64(f.v, CFG, REQUESTS);
    ecmd(&f, ENABLE);
    for (unsigned i = 0; i < 3; i++) {
        NYX_CHECK("write", request(&f, NYX_TD_OP_FILL, IOVA), NYX_TD_ST_OK);
    }
    NYX_CHECK("count", qvtd_r64(f.v, CNTR) >= 3, true);
    ecmd(&f, DISABLE);
    qvtd_w64(f.v, CNTR, 7);
    NYX_CHECK("write", request(&f, NYX_TD_OP_FILL, IOVA), NYX_TD_ST_OK);
    NYX_CHECK("disabled", qvtd_r64(f.v, CNTR), 7);
    NYX_CHECK("commands", qvtd_stat(f.v, "enhanced-commands"), 2);
    /* The last register of the second page, and behind it. */
    NYX_CHECK("last counter", qvtd_r64(f.v, CNTR + 3 * 0x400), 0);
    qvtd_w64(f.v, CNTR + 3 * 0x400, 5);
    NYX_CHECK("last counter", qvtd_r64(f.v, CNTR + 3 * 0x400), 5);
    end(&f);
}

static void test_overflow(void)
{
    Fixture f = start(",perfmon=on", TT_UNTRANSLATED);

    qvtd_w32(f.v, 0x32c, 0x61);
    qvtd_w32(f.v, 0x330, 0xfee00000);
    qvtd_w32(f.v, 0x328, 0);
    qvtd_w64(f.v, CFG, REQUESTS);
    qvtd_w64(f.v, CNTR, 0xffffffffffff);
    ecmd(&f, ENABLE);
    NYX_CHECK("write", request(&f, NYX_TD_OP_FILL, IOVA), NYX_TD_ST_OK);
    NYX_CHECK("overflow", qvtd_r64(f.v, OVF), 1);
    NYX_CHECK("PIS", qvtd_r32(f.v, 0x324), 1);
    NYX_CHECK("event", nyx_apic_irr(f.v->pc, 0, 0x61), NYX_IRR_EDGE);
    qvtd_w64(f.v, OVF, 1);
    qvtd_w32(f.v, 0x324, 1);
    NYX_CHECK("cleared", qvtd_r64(f.v, OVF) | qvtd_r32(f.v, 0x324), 0);
    end(&f);
}

/* Off: the block has one page, and what is behind it is not ours. */
static void test_off(void)
{
    Fixture f = start_off("");

    NYX_CHECK("ECMDS", qvtd_r64(f.v, QVTD_CAP) >> 61 & 1, 0);
    NYX_CHECK("PMS", qvtd_r64(f.v, QVTD_ECAP) >> 51 & 1, 0);
    NYX_CHECK("PERFCAP", qvtd_r64(f.v, 0x300), 0);
    qvtd_w64(f.v, CNTR, 5);
    NYX_CHECK("counter", qvtd_r64(f.v, CNTR) == 5, false);
    end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/nyx/vtd-perfmon/count", test_count);
    qtest_add_func("/nyx/vtd-perfmon/overflow", test_overflow);
    qtest_add_func("/nyx/vtd-perfmon/off", test_off);
    return g_test_run();
}
