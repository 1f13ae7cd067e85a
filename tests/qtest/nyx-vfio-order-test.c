/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container of VFIO goes through: switches between all that a device's
 * context can be, resets, unplug in the middle of it, migration.  After each
 * step a device of the host, which goes by the container, gets exactly as far
 * as an emulated one, which goes by the IOMMU.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-migrate.h"
#include "libqos/nyx-vfio.h"

#define IOVA    0x40000000ull
#define HIGH    0x100000000ull
#define TWO_MIB (2 * NYX_MIB)

typedef enum State { IN_A, IN_B, PASS, BLOCKED, OFF, STATES } State;

static const char *const state_names[STATES] = {
    "A", "B", "pass-through", "blocked", "off",
};

/* A has a page and a large leaf, B another page in the place of the first. */
static void fill_domains(NyxVfio *v)
{
    nyx_vfio_map(v, NYX_DOM_A, IOVA, v->ram, NYX_PAGE, 12);
    nyx_vfio_map(v, NYX_DOM_A, HIGH, v->ram + TWO_MIB, TWO_MIB, 21);
    nyx_vfio_map(v, NYX_DOM_B, IOVA, v->ram + NYX_MIB, NYX_PAGE, 12);
}

static void enter(NyxVfio *v, uint16_t sid, State state)
{
    switch (state) {
    case IN_A:
    case IN_B:
        v->model->attach(v, sid, state == IN_A ? NYX_DOM_A : NYX_DOM_B);
        break;
    case PASS:
        v->model->pass(v, sid);
        break;
    case BLOCKED:
        v->model->block(v, sid);
        break;
    default:
        v->model->translate(v, false);
        break;
    }
}

/* Both devices get to @gpa, or nowhere if that is 0. */
static void check_way(NyxVfio *v, const NyxTestdev *td, const char *row,
                      uint64_t iova, uint64_t gpa)
{
    static uint32_t mark = 0x1000;

    NYX_CHECK(row, nyx_td_writel(td, iova, ++mark),
              gpa ? NYX_TD_ST_OK : NYX_TD_ST_TX_ERROR);
    NYX_CHECK(row, !gpa || qtest_readl(v->qts, gpa) == mark, true);
    NYX_CHECK(row, nyx_td_host_writel(td, iova, ++mark),
              gpa ? NYX_TD_ST_OK : NYX_TD_ST_NO_MAPPING);
    NYX_CHECK(row, !gpa || qtest_readl(v->qts, gpa) == mark, true);
}

static void check_state(NyxVfio *v, const NyxTestdev *td, const char *row,
                        State state)
{
    static const unsigned mappings[STATES] = { [IN_A] = 2, [IN_B] = 1 };
    bool direct = state == PASS || state == OFF;
    uint32_t status = nyx_td_r32(td, NYX_TD_NOTIFY_STATUS);

    NYX_CHECK(row, nyx_td_r32(td, NYX_TD_NOTIFY_ERRORS), 0);
    NYX_CHECK(row, nyx_td_r32(td, NYX_TD_SHADOW_COUNT), mappings[state]);
    NYX_CHECK(row, (status >> NYX_TD_NOTIFY_ST_RAM_SHIFT & 0xff) != 0,
              direct);
    NYX_CHECK(row, (status >> NYX_TD_NOTIFY_ST_IOMMU_SHIFT & 0xff) != 0,
              !direct);
    if (direct) {
        check_way(v, td, row, v->ram + 0x3000, v->ram + 0x3000);
        return;
    }
    check_way(v, td, row, IOVA, state == IN_A ? v->ram :
              state == IN_B ? v->ram + NYX_MIB : 0);
    check_way(v, td, row, HIGH + NYX_MIB, state == IN_A
              ? v->ram + TWO_MIB + NYX_MIB : 0);
    check_way(v, td, row, IOVA + NYX_PAGE, 0);
}

/* --- Switches ------------------------------------------------------------- */

/*
 * Mappings are taken away while the region that they are of is still there:
 * VFIO forgets what was written to in one that is gone.
 */
static void check_events(NyxVfio *v, const char *row, State from, State to)
{
    static const unsigned mappings[STATES] = { [IN_A] = 2, [IN_B] = 1 };
    NyxVfioEvents events = nyx_vfio_events(v, 0);
    bool same = from == to;

    NYX_CHECK(row, events.maps, same ? 0 : mappings[to]);
    if (same || !mappings[from]) {
        NYX_CHECK(row, events.unmaps, 0);
    } else {
        NYX_CHECK(row, events.unmaps >= 1, true);
    }
}

static void test_switch(gconstpointer model)
{
    NyxVfio v = nyx_vfio_listen(model, "");
    const uint16_t sid = NYX_VFIO_SID(0);
    unsigned states = v.model->switchable ? STATES : OFF;

    fill_domains(&v);
    for (State from = 0; from < states; from++) {
        for (State to = 0; to < states; to++) {
            g_autofree char *row = g_strdup_printf("%s to %s",
                                                   state_names[from],
                                                   state_names[to]);

            if (to == OFF && from == OFF) {
                continue;
            }
            enter(&v, sid, from == OFF ? BLOCKED : from);
            if (from == OFF) {
                enter(&v, sid, OFF);
            }
            nyx_vfio_events(&v, 0);
            if (from == OFF) {
                /* The context changes while nobody looks at it. */
                enter(&v, sid, to);
                check_state(&v, &v.td[0], row, OFF);
                v.model->translate(&v, true);
            } else {
                enter(&v, sid, to);
            }
            check_state(&v, &v.td[0], row, to);
            check_events(&v, row, from, to);
            if (to == OFF) {
                v.model->translate(&v, true);
                check_state(&v, &v.td[0], row, from);
            }
        }
    }
    nyx_vfio_end(&v);
}

/* --- Resets --------------------------------------------------------------- */

/* A function-level reset is none of the IOMMU's business. */
static void test_device_reset(gconstpointer model)
{
    NyxVfio v = nyx_vfio_start(model, "", ",notify=3", "");
    NyxTestdev *td = &v.td[0];

    fill_domains(&v);
    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t cap = qpci_find_capability(td->pci, PCI_CAP_ID_EXP, 0);

        nyx_vfio_events(&v, 0);
        qpci_config_writew(td->pci, cap + PCI_EXP_DEVCTL,
                           PCI_EXP_DEVCTL_BCR_FLR);
        qpci_config_writel(td->pci, PCI_BASE_ADDRESS_0, td->bar);
        qpci_device_enable(td->pci);
        check_state(&v, td, "reset", IN_A);
        nyx_vfio_expect(&v, 0, "reset", 0, 0, 2, NYX_PAGE + TWO_MIB);
    }
    nyx_vfio_unmap(&v, NYX_DOM_A, HIGH, TWO_MIB, 21);
    nyx_vfio_expect(&v, 0, "goes on", 0, 1, 1, NYX_PAGE);
    nyx_vfio_end(&v);
}

/* Tables with nothing in them: a domain's invalidation takes its time. */
static void add_tables(NyxVfio *v)
{
    uint64_t entries[512], at, empty;

    if (!v->model->tables) {
        return;
    }
    at = v->model->entry_at(v, NYX_DOM_A, 0x8000000000ull, 2);
    empty = nyx_pc_pages(v->pc, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
        entries[i] = cpu_to_le64(empty | v->model->table_bits);
    }
    qtest_memwrite(v->qts, at & ~0xfffull, entries, sizeof(entries));
}

/* So many of them that the IOMMU has done only a part when this returns. */
static void flood(NyxVfio *v)
{
    for (unsigned i = 0; i < 120; i++) {
        if (v->vtd) {
            qvtd_put(v->vtd, 0xe2 | 10 << 16, 0);
        } else if (v->amd) {
            qamd_put(v->amd, 3ull << 60 | 10ull << 32,
                     0x7ffffffffffff000ull | 3);
        }
    }
    if (v->vtd) {
        qvtd_ring(v->vtd);
    } else if (v->amd) {
        qamd_ring(v->amd);
    }
}

/* What the machine starts with: memory as it is, whatever was in force. */
static void test_machine_reset(gconstpointer model)
{
    NyxVfio v = nyx_vfio_start(model, "", ",notify=3,host-aw-bits=48", "");

    for (State state = 0; state < OFF; state++) {
        fill_domains(&v);
        add_tables(&v);
        enter(&v, NYX_VFIO_SID(0), state);
        check_state(&v, &v.td[0], state_names[state], state);
        flood(&v);
        qtest_system_reset(v.qts);
        nyx_vfio_restart(&v);
        NYX_CHECK("reset", nyx_td_r32(&v.td[0], NYX_TD_SHADOW_COUNT), 0);
        v.model->block(&v, NYX_VFIO_SID(0));
        check_state(&v, &v.td[0], "restarted", BLOCKED);
    }
    nyx_vfio_end(&v);
}

/* The machine runs without a driver after a reset. */
static void test_machine_reset_direct(gconstpointer model)
{
    NyxVfio v = nyx_vfio_start(model, "", ",notify=3", "");

    for (State state = 0; state < OFF; state++) {
        fill_domains(&v);
        enter(&v, NYX_VFIO_SID(0), state);
        qtest_system_reset(v.qts);
        qpci_config_writel(v.td[0].pci, PCI_BASE_ADDRESS_0, v.td[0].bar);
        qpci_device_enable(v.td[0].pci);
        check_state(&v, &v.td[0], state_names[state], OFF);
        nyx_vfio_restart(&v);
    }
    nyx_vfio_end(&v);
}

/* --- Hot plug ------------------------------------------------------------- */

#define PORT        NYX_SID(0, 12, 0)
#define SLOT \
    " -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off" \
    " -device pcie-root-port,id=rp,chassis=1,addr=c"
#define PLUGGED     NYX_SID(1, 0, 0)
static void unplug(NyxVfio *v, const char *id)
{
    qtest_qmp_device_del_send(v->qts, id);
    nyx_pci_slot(v->pc, PORT, false);
    qtest_qmp_eventwait(v->qts, "DEVICE_DELETED");
}

static NyxTestdev plug(NyxVfio *v, bool host)
{
    qtest_qmp_device_add(v->qts, "nyx-testdev", "hot", "{'bus': 'rp', "
                         "'notify': 3, 'host-aw-bits': %d}", host ? 48 : 0);
    nyx_pci_slot(v->pc, PORT, true);
    return nyx_td_get(v->pc->pci, PLUGGED);
}

/*
 * With mappings in force and a queue on its way; the next one in the slot
 * finds what is there then.
 */
static void test_unplug(gconstpointer model)
{
    NyxVfio v = nyx_vfio_start(model, "", "", SLOT);
    State before = BLOCKED;

    nyx_pci_bridge(v.pc, PORT, 1, 2);
    fill_domains(&v);
    add_tables(&v);
    v.model->attach(&v, NYX_VFIO_SID(0), NYX_DOM_A);
    nyx_vfio_follow(&v, 0);
    for (unsigned i = 0; i < 2 * OFF; i++) {
        NyxTestdev td = plug(&v, i & 1);
        State state = i % OFF;

        if (!i) {
            v.model->block(&v, PLUGGED);
        }
        check_state(&v, &td, "plugged", before);
        enter(&v, PLUGGED, state);
        check_state(&v, &td, state_names[state], state);
        flood(&v);
        unplug(&v, "hot");
        nyx_td_put(&td);
        /* Somebody else in the same domain. */
        nyx_vfio_unmap(&v, NYX_DOM_A, IOVA, NYX_PAGE, 12);
        nyx_vfio_map(&v, NYX_DOM_A, IOVA, v.ram, NYX_PAGE, 12);
        check_state(&v, &v.td[0], "who stays", IN_A);
        NYX_CHECK("shadows", nyx_vfio_stat(&v, "announced.mappings"), 2);
        before = state;
    }
    nyx_vfio_end(&v);
}

/* The same with a bridge, whose bus goes with it. */
static void test_unplug_bridge(gconstpointer model)
{
    NyxVfio v = nyx_vfio_start(model, "", "", SLOT);
    const uint16_t alias = NYX_SID(2, 0, 0);

    nyx_pci_bridge(v.pc, PORT, 1, 2);
    fill_domains(&v);
    add_tables(&v);
    for (unsigned i = 0; i < 2 * OFF; i++) {
        State state = i % OFF;
        NyxTestdev td;

        qtest_qmp_device_add(v.qts, "pcie-pci-bridge", "bridge",
                             "{'bus': 'rp'}");
        nyx_pci_slot(v.pc, PORT, true);
        qtest_qmp_device_add(v.qts, "nyx-testdev", "behind", "{'bus': "
                             "'bridge', 'addr': '1', 'notify': 3, "
                             "'host-aw-bits': %d}", i & 1 ? 48 : 0);
        nyx_pci_bridge_below(v.pc, PORT, PLUGGED, 2, 2);
        td = nyx_td_get(v.pc->pci, NYX_SID(2, 1, 0));
        enter(&v, alias, state);
        check_state(&v, &td, state_names[state], state);
        flood(&v);
        unplug(&v, "bridge");
        nyx_td_put(&td);
        /* Contexts of a bus that is not there. */
        if (v.model->tables) {
            enter(&v, alias, (state + 1) % OFF);
        }
        if (v.model->switchable) {
            v.model->translate(&v, false);
            v.model->translate(&v, true);
        }
        NYX_CHECK("shadows", nyx_vfio_stat(&v, "announced.mappings"), 0);
    }
    qtest_system_reset(v.qts);
    nyx_vfio_restart(&v);
    nyx_vfio_end(&v);
}

/* --- Migration ------------------------------------------------------------ */

/*
 * VFIO does not migrate with an IOMMU; other consumers do, and find all that
 * is in force on the other side, before the guest does anything.
 */
static void migrate_in(const NyxVfioModel *model, State state)
{
    char *dir = nyx_tmp_new();
    g_autofree char *path = g_build_filename(dir, "state", NULL);
    g_autofree char *more = g_strdup_printf(" -incoming file:%s", path);
    NyxVfio v = nyx_vfio_start(model, "", ",notify=3", ""), to = v;

    fill_domains(&v);
    enter(&v, NYX_VFIO_SID(0), state);
    enter(&v, NYX_VFIO_SID(1), IN_A);
    nyx_migrate_to(v.qts, path);
    to.pc = nyx_vfio_machine(model, "", ",notify=3", more);
    to.qts = to.pc->qts;
    nyx_migrate_wait(to.qts);
    for (unsigned i = 0; i < 2; i++) {
        NyxTestdev td = nyx_td_at(to.qts, v.td[i].bar);

        check_state(&to, &td, state_names[state], i ? IN_A : state);
    }
    nyx_pc_end(to.pc);
    nyx_vfio_end(&v);
    nyx_tmp_free(dir);
}

static void test_migrate(gconstpointer model)
{
    for (State state = 0; state < OFF; state++) {
        migrate_in(model, state);
    }
}

/* Into a machine whose consumers have had something else since. */
static void test_snapshot(gconstpointer model)
{
    char *dir = nyx_tmp_new();
    g_autofree char *disk = g_build_filename(dir, "disk", NULL);
    NyxVfio v = nyx_vfio_start(model, "", ",notify=3", "");
    unsigned states = v.model->switchable ? STATES : OFF;

    fill_domains(&v);
    nyx_snapshot_disk(v.qts, disk);
    enter(&v, NYX_VFIO_SID(0), IN_A);
    nyx_hmp_in_silence(v.qts, "savevm here");
    /* A driver of virtio loses its place in the queue: one time only. */
    for (State state = v.vio ? PASS : 0; state < states; state++) {
        enter(&v, NYX_VFIO_SID(0), state);
        check_state(&v, &v.td[0], state_names[state], state);
        nyx_hmp_in_silence(v.qts, "loadvm here");
        if (v.vtd) {
            v.vtd->tail = qvtd_r64(v.vtd, QVTD_IQT);
        } else if (v.amd) {
            v.amd->tail = qamd_r64(v.amd, QAMD_CMDTAIL);
        } else {
            break;
        }
        check_state(&v, &v.td[0], "loaded", IN_A);
    }
    check_state(&v, &v.td[0], "loaded", IN_A);
    nyx_vfio_end(&v);
    nyx_tmp_free(dir);
}

/* --- All of it ------------------------------------------------------------ */

#define SLOTS   16
#define STEPS   400

/* What a driver knows. */
typedef struct World {
    NyxVfio *v;
    GRand *rand;
    uint64_t gpa[NYX_DOMS][SLOTS];   /* or 0 */
    State state[NYX_VFIO_TDS];
    bool listens[NYX_VFIO_TDS];
    bool off;
} World;

static unsigned any(World *w, unsigned n)
{
    return g_rand_int_range(w->rand, 0, n);
}

static unsigned slot_lg2(unsigned slot)
{
    return slot % 3 ? 12 : 21;
}

/* Slots follow each other, so that neighbours may become one block. */
static uint64_t slot_iova(unsigned slot)
{
    return IOVA + (slot / 3) * 2 * TWO_MIB + (slot % 3 ? TWO_MIB : 0) +
           (slot % 3 == 2 ? NYX_PAGE : 0);
}

static void change_slot(World *w)
{
    NyxVfioDomain dom = any(w, NYX_DOMS);
    unsigned slot = any(w, SLOTS), lg2 = slot_lg2(slot);
    uint64_t size = 1ull << lg2, *gpa = &w->gpa[dom][slot];

    if (*gpa) {
        nyx_vfio_unmap(w->v, dom, slot_iova(slot), size, lg2);
        *gpa = 0;
    } else {
        *gpa = w->v->ram + any(w, 2) * TWO_MIB +
               (lg2 == 12 ? slot % 3 * NYX_PAGE : 0);
        nyx_vfio_map(w->v, dom, slot_iova(slot), *gpa, size, lg2);
    }
}

static void change_listener(World *w, unsigned i)
{
    w->listens[i] = !w->listens[i];
    nyx_td_notify(&w->v->td[i], w->listens[i] ? NYX_VFIO : 0);
    if (!w->listens[i] || (w->state[i] != PASS && !w->off)) {
        return;
    }
    /* Who was not expected sees memory a little later. */
    for (unsigned n = 0; n < NYX_POLLS && !nyx_vfio_direct(w->v, i); n++) {
        g_usleep(100);
    }
}

static void step(World *w)
{
    unsigned kind = any(w, 12), i = any(w, NYX_VFIO_TDS);

    if (kind < 6 && !w->off) {
        change_slot(w);
    } else if (kind < 9) {
        w->state[i] = any(w, OFF);
        enter(w->v, NYX_VFIO_SID(i), w->state[i]);
    } else if (kind == 9) {
        change_listener(w, i);
    } else if (kind == 10 && w->v->model->switchable) {
        w->off = !w->off;
        w->v->model->translate(w->v, !w->off);
    }
}

static void check_slot(World *w, unsigned i, unsigned slot)
{
    const NyxTestdev *td = &w->v->td[i];
    bool direct = w->off || w->state[i] == PASS;
    uint64_t offset = (slot_lg2(slot) == 21 ? any(w, 512) * NYX_PAGE : 0) + 8;
    uint64_t iova = direct ? w->v->ram + offset : slot_iova(slot) + offset;
    uint64_t gpa = direct ? iova : w->state[i] == BLOCKED ? 0 :
                   w->gpa[w->state[i]][slot];

    gpa += gpa && !direct ? offset : 0;
    if (w->listens[i]) {
        check_way(w->v, td, "random", iova, gpa);
        NYX_CHECK("random", nyx_td_r32(td, NYX_TD_NOTIFY_ERRORS), 0);
        NYX_CHECK("random", nyx_td_r32(td, NYX_TD_SYNC_ERRORS), 0);
    } else {
        NYX_CHECK("random", nyx_td_writel(td, iova, 1),
                  gpa ? NYX_TD_ST_OK : NYX_TD_ST_TX_ERROR);
    }
}

/* The answer to VFIO's question is what has been announced. */
static void check_sync(World *w, unsigned i)
{
    const NyxTestdev *td = &w->v->td[i];
    uint64_t bytes = nyx_td_r64(td, NYX_TD_SHADOW_BYTES);
    uint32_t count = nyx_td_r32(td, NYX_TD_SHADOW_COUNT);

    NYX_CHECK("sync", nyx_td_sync_begin(td), count);
    NYX_CHECK("sync", nyx_td_r64(td, NYX_TD_SHADOW_BYTES), bytes);
    nyx_td_sync_end(td);
}

static void test_random(gconstpointer model)
{
    uint32_t seed = g_test_rand_int();

    for (unsigned coalesce = 0; coalesce < 2; coalesce++) {
        NyxVfio v = nyx_vfio_start(model, coalesce ? "" : ",coalesce=off", "",
                                   "");
        World w = { .v = &v, .rand = g_rand_new_with_seed(seed) };

        for (unsigned i = 0; i < NYX_VFIO_TDS; i++) {
            w.state[i] = BLOCKED;
        }
        for (unsigned n = 0; n < STEPS && !g_test_failed(); n++) {
            unsigned i = any(&w, NYX_VFIO_TDS);

            step(&w);
            check_slot(&w, i, any(&w, SLOTS));
            if (w.listens[i]) {
                check_sync(&w, i);
            }
        }
        g_rand_free(w.rand);
        nyx_vfio_end(&v);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) nyx_vfio_add("order", name, fn)
    ADD("switch", test_switch);
    ADD("device-reset", test_device_reset);
    ADD("machine-reset", test_machine_reset);
    ADD("machine-reset-direct", test_machine_reset_direct);
    ADD("unplug", test_unplug);
    ADD("unplug-bridge", test_unplug_bridge);
    ADD("migrate", test_migrate);
    ADD("snapshot", test_snapshot);
    ADD("random", test_random);
    return g_test_run();
}
