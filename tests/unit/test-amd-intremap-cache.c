/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nyx-amdvi remembers of interrupt tables: stale until software's
 * command, each of which drops exactly its own; routes that others keep.
 */
#include "qemu/osdep.h"
#include "amd-irq.h"

/* --- Entries and devices -------------------------------------------------- */

/* Stale until the command for this device, and only for its own part. */
static void test_stale_entry(void)
{
    Ax *f = irq_new(NULL, 0);
    FxMessage msg;

    irq_entry(f, 5, NARROW(0x41, 3), 0);
    irq_entry(f, 6, NARROW(0x51, 3), 0);
    irq_send(f, IRQ_ADDR, 5, &msg);
    irq_entry(f, 5, NARROW(0x42, 3), 0);
    irq_entry(f, 6, NARROW(0x52, 3), 0);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("stale", msg.data, 0x41);
    irq_send(f, IRQ_ADDR, 6, &msg);
    FX_CHECK("neighbour was not cached", msg.data, 0x52);
    /* Other commands, and the same for others */
    ax_inv_irt(f, IRQ_SID + 1);
    ax_inv_irt(f, IRQ_SID + 256);
    ax_inv_devtab(f, IRQ_SID);
    ax_inv_pages(f, AX_DID, 0, 64);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("still stale", msg.data, 0x41);
    ax_inv_irt(f, IRQ_SID);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("gone", msg.data, 0x42);
    irq_entry(f, 5, NARROW(0x43, 3), 0);
    ax_inv_all(f);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("everything", msg.data, 0x43);
    /* One that is gone is served until then. */
    irq_entry(f, 5, 0, 0);
    FX_CHECK("removed", irq_send(f, IRQ_ADDR, 5, &msg), 0);
    ax_inv_irt(f, IRQ_SID);
    FX_CHECK("removed", irq_send(f, IRQ_ADDR, 5, &msg), 2);
    ax_free(f);
}

static void test_stale_device(void)
{
    Ax *f = irq_new(NULL, 0);
    uint64_t other = fx_mem_pages(&f->mem, 2);
    uint64_t dte2 = IRQ_IV | IRQ_512 | IRQ_REMAP;
    FxMessage msg;

    irq_entry(f, 5, NARROW(0x41, 3), 0);
    fx_mem_poke(&f->mem, other + 24, NARROW(0x61, 3));
    irq_send(f, IRQ_ADDR, 5, &msg);
    ax_dte(f, IRQ_SID, 1, 7, dte2 | other, 0);
    ax_inv_irt(f, IRQ_SID);
    ax_inv_devtab(f, IRQ_SID + 1);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("stale", msg.data, 0x41);
    ax_inv_devtab(f, IRQ_SID);
    irq_send(f, IRQ_ADDR, 6, &msg);
    FX_CHECK("new table", msg.data, 0x61);
    /* That command is about the device: entries have their own. */
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("entry stays", msg.data, 0x41);
    ax_inv_irt(f, IRQ_SID);
    FX_CHECK("entry gone", irq_send(f, IRQ_ADDR, 5, &msg), 2);

    /* Also "not valid" stays. */
    irq_dte(f, IRQ_SID, 0, 0, 0, 0);
    FX_CHECK("IV 0", irq_send(f, IRQ_ADDR, 6, &msg), 0);
    ax_dte(f, IRQ_SID, 0, 0, dte2 | other, 0);
    FX_CHECK("IV 0", irq_send(f, IRQ_ADDR, 6, &msg), 0);
    FX_CHECK("IV 0 stays", msg.data, 6);
    ax_inv_all(f);
    irq_send(f, IRQ_ADDR, 6, &msg);
    FX_CHECK("everything", msg.data, 0x61);
    ax_free(f);
}

/* One table, two devices: the entries are each one's. */
static void test_shared_table(void)
{
    Ax *f = irq_new(NULL, 0);
    FxMessage msg;

    irq_dte2(f, 0x1110, IRQ_IV | IRQ_512 | irq_table(f) | IRQ_REMAP);
    irq_entry(f, 5, NARROW(0x41, 3), 0);
    irq_send(f, IRQ_ADDR, 5, &msg);
    irq_entry(f, 5, NARROW(0x42, 3), 0);
    irq_send_as(f, 0x1110, IRQ_ADDR, 5, &msg);
    FX_CHECK("own", msg.data, 0x42);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("own", msg.data, 0x41);
    ax_inv_irt(f, 0x1110);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("the other's command", msg.data, 0x41);
    ax_free(f);
}

/* Absent and wrong entries are kept if NpCache says so. */
static void test_absent(void)
{
    for (unsigned np = 0; np < 2; np++) {
        NyxAmdCfg cfg = ax_cfg();
        FxMessage msg;
        Ax *f;

        cfg.np_cache = np;
        f = irq_new(&cfg, 0);
        FX_CHECK("absent", irq_send(f, IRQ_ADDR, 5, &msg), 2);
        irq_entry(f, 5, NARROW(0x41, 3), 0);
        FX_CHECK("absent", irq_send(f, IRQ_ADDR, 5, &msg), np ? 2 : 0);
        irq_entry(f, 6, NARROW(0x41, 3) | 1 << 31, 0);
        FX_CHECK("wrong", irq_send(f, IRQ_ADDR, 6, &msg), 2);
        irq_entry(f, 6, NARROW(0x41, 3), 0);
        FX_CHECK("wrong", irq_send(f, IRQ_ADDR, 6, &msg), np ? 2 : 0);
        ax_inv_irt(f, IRQ_SID);
        FX_CHECK("absent", irq_send(f, IRQ_ADDR, 5, &msg), 0);
        FX_CHECK("wrong", irq_send(f, IRQ_ADDR, 6, &msg), 0);
        ax_free(f);
    }
}

/* An illegal entry of the device table is read again. */
static void test_illegal_device(void)
{
    Ax *f = irq_new(NULL, 0);
    FxMessage msg;

    irq_dte(f, IRQ_SID, 0, 0, IRQ_IV | 3ULL << 60, 0);
    FX_CHECK("illegal", irq_send(f, IRQ_ADDR, 5, &msg), 1);
    ax_dte(f, IRQ_SID, 0, 0, IRQ_IV | IRQ_FORWARD, 0);
    FX_CHECK("fixed", irq_send(f, IRQ_ADDR, 5, &msg), 0);
    ax_free(f);
}

/* Control.IRTCacheDis: an entry counts at once, and the device's does not. */
static void test_cache_disable(void)
{
    Ax *f = irq_new(NULL, IRQ_NO_CACHE);
    FxMessage msg;

    for (unsigned i = 0; i < 3; i++) {
        irq_entry(f, 5, NARROW(0x41 + i, 3), 0);
        irq_send(f, IRQ_ADDR, 5, &msg);
        FX_CHECK("live", msg.data, 0x41 + i);
    }
    ax_dte(f, IRQ_SID, 0, 0, IRQ_IV | IRQ_FORWARD, 0);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("device", msg.data, 0x43);
    /* Back: nothing from before comes to life. */
    irq_control(f, 0);
    ax_inv_devtab(f, IRQ_SID);
    irq_dte2(f, IRQ_SID, IRQ_IV | IRQ_512 | irq_table(f) | IRQ_REMAP);
    irq_send(f, IRQ_ADDR, 5, &msg);
    irq_entry(f, 5, NARROW(0x51, 3), 0);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("cached", msg.data, 0x43);
    irq_control(f, IRQ_NO_CACHE);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("live", msg.data, 0x51);
    ax_free(f);
}

/* cache=off, and what sticky keeps beyond its sets */
static void test_tempers(void)
{
    for (unsigned temper = 0; temper < NYX_CACHE_TEMPER_COUNT; temper++) {
        NyxAmdCfg cfg = ax_cfg();
        unsigned stale = 0;
        FxMessage msg;
        Ax *f;

        cfg.cache = temper;
        f = irq_new(&cfg, AX_GAEN | IRQ_2K);
        irq_dte2(f, IRQ_SID, IRQ_IV | 11 << 1 | irq_table(f) | IRQ_REMAP);
        for (unsigned i = 0; i < 2048; i++) {
            irq_entry(f, i, WIDE_LO(3), WIDE_HI(0x41, 3));
            irq_send(f, IRQ_ADDR, i, &msg);
            irq_entry(f, i, WIDE_LO(3), WIDE_HI(0x42, 3));
        }
        for (unsigned i = 0; i < 2048; i++) {
            irq_send(f, IRQ_ADDR, i, &msg);
            stale += msg.data == 0x41;
        }
        if (temper == NYX_CACHE_HARDWARE) {
            FX_CHECK("hardware", stale > 0 && stale < 2048, true);
        } else {
            FX_CHECK("all or none", stale,
                     temper == NYX_CACHE_STICKY ? 2048 : 0);
        }
        ax_inv_irt(f, IRQ_SID);
        for (unsigned i = 0; i < 2048; i++) {
            irq_send(f, IRQ_ADDR, i, &msg);
            FX_CHECK("gone", msg.data, 0x42);
        }
        ax_free(f);
    }
}

/* Reset forgets, and so does a loaded state. */
static void test_reset(void)
{
    Ax *f = irq_new(NULL, 0);
    g_autofree NyxAmdSaved *saved = g_new0(NyxAmdSaved, 1);
    FxMessage msg;

    irq_entry(f, 5, NARROW(0x41, 3), 0);
    irq_send(f, IRQ_ADDR, 5, &msg);
    nyx_amd_save(f->amd, saved);
    irq_entry(f, 5, NARROW(0x42, 3), 0);
    g_assert_cmpstr(nyx_amd_load(f->amd, saved), ==, NULL);
    irq_send(f, IRQ_ADDR, 5, &msg);
    FX_CHECK("load", msg.data, 0x42);
    nyx_amd_reset(f->amd);
    FX_CHECK("reset", irq_send(f, IRQ_ADDR, 5, &msg), 0);
    FX_CHECK("reset", msg.data, 5);
    ax_free(f);
}

/* Software stores 128 bits at once: their words belong together. */
static void store_other_word(void *opaque, uint64_t gpa)
{
    Ax *f = opaque;

    if (gpa == irq_table(f) + 5 * 16) {
        fx_mem_poke(&f->mem, gpa + 8, WIDE_HI(0x51, 0x2000003));
    }
}

static void test_torn(void)
{
    Ax *f = irq_new(NULL, AX_GAEN | AX_XTEN);
    FxMessage msg;

    /* The first half is stored already: vector and processor of one half. */
    irq_entry(f, 5, WIDE_LO(0x2000003), WIDE_HI(0x41, 0x1000002));
    f->mem.on_read = store_other_word;
    f->mem.on_read_opaque = f;
    FX_CHECK("torn", irq_send(f, IRQ_ADDR, 5, &msg), 0);
    FX_CHECK("torn", msg.addr, 0x02000000fee03000ULL);
    FX_CHECK("torn", msg.data, 0x51);
    ax_free(f);
}

/* --- Routes and notices --------------------------------------------------- */

/* KVM's: the same answer, and no request in anybody's name. */
static void test_routes(void)
{
    Ax *f = irq_new(NULL, AX_GAEN);
    uint64_t addr = IRQ_ADDR;
    uint32_t data = 5;
    bool send;

    irq_entry(f, 5, WIDE_LO(3), WIDE_HI(0x41, 3));
    FX_CHECK("route", nyx_amd_route_interrupt(f->amd, IRQ_SID, &addr, &data,
                                              &send), 0);
    FX_CHECK("route", addr, 0xfee03000);
    FX_CHECK("route", data, 0x41);
    FX_CHECK("route", send, true);
    addr = IRQ_ADDR;
    data = 6;
    FX_CHECK("off", nyx_amd_route_interrupt(f->amd, IRQ_SID, &addr, &data,
                                            &send), NAMD_FAULT_IRQ_OFF);
    /* No bus access was aborted, and no event tells of one. */
    FX_CHECK("off", f->target_aborts, 0);
    FX_CHECK("off", ax_take_event(f).valid, false);
    FX_CHECK("off", ax_findings(f, NAMD_RULE_IRQ_FAULT), 0);
    ax_free(f);
}

/* Whoever keeps routes hears of all that may change one. */
static void test_notices(void)
{
    Ax *f = irq_new(NULL, 0);

    ax_forget(f);
    ax_inv_irt(f, 0x1234);
    FX_CHECK("interrupt table", irq_notices(f, false, 0x1234), 1);
    ax_inv_devtab(f, 0x4321);
    FX_CHECK("device", irq_notices(f, false, 0x4321), 1);
    ax_inv_all(f);
    FX_CHECK("everything", irq_notices(f, true, 0) >= 1, true);
    ax_forget(f);
    irq_control(f, AX_GAEN);
    FX_CHECK("GAEn", irq_notices(f, true, 0) >= 1, true);
    ax_forget(f);
    irq_control(f, AX_GAEN | AX_XTEN);
    FX_CHECK("XTEn", irq_notices(f, true, 0) >= 1, true);
    ax_forget(f);
    ax_write64(f, 0x18, 0);
    FX_CHECK("IommuEn", irq_notices(f, true, 0) >= 1, true);
    ax_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add_func("/nyx-amdvi/intremap-cache/" name, fn)
    ADD("stale-entry", test_stale_entry);
    ADD("stale-device", test_stale_device);
    ADD("shared-table", test_shared_table);
    ADD("absent", test_absent);
    ADD("illegal-device", test_illegal_device);
    ADD("cache-disable", test_cache_disable);
    ADD("tempers", test_tempers);
    ADD("reset", test_reset);
    ADD("torn", test_torn);
    ADD("routes", test_routes);
    ADD("notices", test_notices);
    return g_test_run();
}
