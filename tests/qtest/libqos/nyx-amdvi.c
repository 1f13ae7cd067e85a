/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives nyx-amdvi from a qtest: see nyx-amdvi.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-amdvi.h"

#define ADDR_MASK       0x000ffffffffff000ull
#define DTE_BYTES       32
#define DEVTAB_PAGES    512
/* Length 8: 256 entries of 16 bytes */
#define RING_LEN        (8ull << 56)
#define STATUS_W1C      0x00068e67u

QAmd *qamd_of(NyxPc *pc)
{
    QAmd *v = g_new0(QAmd, 1);

    v->pc = pc;
    v->qts = pc->qts;
    v->base = QAMD_BASE;
    v->path = "/machine/peripheral/iommu";
    v->store = nyx_pc_pages(pc, 1);
    return v;
}

QAmd *qamd_start(const char *fmt, ...)
{
    g_autofree char *args = NULL;
    va_list ap;

    va_start(ap, fmt);
    args = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return qamd_of(nyx_pc_start("%s", args));
}

void qamd_end(QAmd *v)
{
    nyx_pc_end(v->pc);
    g_free(v);
}

uint32_t qamd_config(QAmd *v, unsigned offset)
{
    return nyx_pci_ext_readl(v->pc, QAMD_SID, offset);
}

void qamd_set_config(QAmd *v, unsigned offset, uint32_t value)
{
    nyx_pci_ext_writel(v->pc, QAMD_SID, offset, value);
}

void qamd_msi(QAmd *v, unsigned vector, unsigned lg2)
{
    qamd_set_config(v, QAMD_MSI + 4, 0xfee00000);
    qamd_set_config(v, QAMD_MSI + 8, 0);
    qamd_set_config(v, QAMD_MSI + 12, vector);
    qamd_set_config(v, QAMD_MSI, 1 << 16 | lg2 << 20);
}

void qamd_control(QAmd *v, uint64_t clear, uint64_t set)
{
    qamd_w64(v, QAMD_CONTROL, (qamd_r64(v, QAMD_CONTROL) & ~clear) | set);
}

/* --- Commands ------------------------------------------------------------- */

void qamd_enable(QAmd *v, uint64_t control)
{
    v->devtab = nyx_pc_pages(v->pc, DEVTAB_PAGES);
    v->commands = nyx_pc_pages(v->pc, 1);
    v->command_bytes = NYX_PAGE;
    v->events = nyx_pc_pages(v->pc, 1);
    v->event_bytes = NYX_PAGE;
    v->tail = 0;
    qamd_w64(v, QAMD_DEVTAB, v->devtab | (DEVTAB_PAGES - 1));
    qamd_w64(v, QAMD_CMDBASE, v->commands | RING_LEN);
    qamd_w64(v, QAMD_EVTBASE, v->events | RING_LEN);
    qamd_w64(v, QAMD_CONTROL, QAMD_IOMMUEN | QAMD_EVENTLOGEN |
             QAMD_CMDBUFEN | QAMD_COHERENT | control);
}

void qamd_put(QAmd *v, uint64_t lo, uint64_t hi)
{
    qtest_writeq(v->qts, v->commands + v->tail, lo);
    qtest_writeq(v->qts, v->commands + v->tail + 8, hi);
    v->tail = (v->tail + 16) % v->command_bytes;
}

void qamd_ring(QAmd *v)
{
    qamd_w32(v, QAMD_CMDTAIL, v->tail);
}

void qamd_restart_commands(QAmd *v)
{
    qamd_control(v, QAMD_CMDBUFEN, 0);
    qamd_w64(v, QAMD_CMDHEAD, 0);
    qamd_w64(v, QAMD_CMDTAIL, 0);
    v->tail = 0;
    qamd_control(v, 0, QAMD_CMDBUFEN);
}

bool qamd_wait(QAmd *v)
{
    v->stamp++;
    qamd_put(v, 1ull << 60 | v->store | 1, v->stamp);
    qamd_ring(v);
    for (unsigned i = 0; i < NYX_POLLS; i++) {
        if (qtest_readq(v->qts, v->store) == v->stamp) {
            return true;
        }
        if (!(qamd_r32(v, QAMD_STATUS) & QAMD_CMDBUFRUN)) {
            return false;
        }
    }
    return false;
}

bool qamd_submit(QAmd *v, uint64_t lo, uint64_t hi)
{
    qamd_put(v, lo, hi);
    return qamd_wait(v);
}

void qamd_flush(QAmd *v)
{
    g_assert_true(qamd_submit(v, 8ull << 60, 0));
}

void qamd_flush_dte(QAmd *v, uint16_t sid)
{
    g_assert_true(qamd_submit(v, 2ull << 60 | sid, 0));
}

void qamd_flush_pages(QAmd *v, uint16_t did, uint64_t iova, unsigned lg2)
{
    /* S, and the lowest zero above bit 11 is one below the size; PDE */
    uint64_t what = lg2 == 64 ? 0x7ffffffffffff000ull | 3
                  : lg2 == 12 ? iova | 2
                  : iova | ((1ull << (lg2 - 1)) - NYX_PAGE) | 3;

    g_assert_true(qamd_submit(v, 3ull << 60 | (uint64_t)did << 32, what));
}

/* --- Tables --------------------------------------------------------------- */

uint64_t qamd_dte_word(QAmd *v, uint16_t sid, unsigned word)
{
    return qtest_readq(v->qts, v->devtab + sid * DTE_BYTES + word * 8);
}

void qamd_set_dte_word(QAmd *v, uint16_t sid, unsigned word, uint64_t value)
{
    qtest_writeq(v->qts, v->devtab + sid * DTE_BYTES + word * 8, value);
}

void qamd_dte(QAmd *v, uint16_t sid, uint64_t w0, uint64_t w1, uint64_t w2,
              uint64_t w3)
{
    qamd_set_dte_word(v, sid, 3, w3);
    qamd_set_dte_word(v, sid, 2, w2);
    qamd_set_dte_word(v, sid, 1, w1);
    qamd_set_dte_word(v, sid, 0, w0);
}

QAmdDomain qamd_domain(QAmd *v, uint16_t did, unsigned levels)
{
    return (QAmdDomain) {
        .root = nyx_pc_pages(v->pc, 1),
        .levels = levels,
        .did = did,
    };
}

void qamd_attach(QAmd *v, uint16_t sid, const QAmdDomain *dom, uint64_t w1)
{
    qamd_set_dte_word(v, sid, 1, dom->did | w1);
    qamd_set_dte_word(v, sid, 0, QAMD_V_TV | QAMD_RW | dom->root |
                      (uint64_t)dom->levels << 9);
}

uint64_t qamd_entry(QAmd *v, const QAmdDomain *dom, uint64_t iova,
                    unsigned level)
{
    uint64_t table = dom->root;

    for (unsigned n = dom->levels; ; n--) {
        uint64_t at = table + ((iova >> (12 + 9 * (n - 1))) & 511) * 8;
        uint64_t entry;

        if (n == level) {
            return at;
        }
        entry = qtest_readq(v->qts, at);
        if (!(entry & QAMD_PR)) {
            entry = nyx_pc_pages(v->pc, 1) | QAMD_PR | QAMD_RW |
                    (uint64_t)(n - 1) << 9;
            qtest_writeq(v->qts, at, entry);
        }
        table = entry & ADDR_MASK;
    }
}

void qamd_map(QAmd *v, const QAmdDomain *dom, uint64_t iova, uint64_t gpa,
              unsigned lg2, uint64_t rw)
{
    qtest_writeq(v->qts, qamd_entry(v, dom, iova, (lg2 - 12) / 9 + 1),
                 gpa | rw | QAMD_PR);
}

uint64_t qamd_irt(QAmd *v, uint16_t sid, unsigned lg2, bool ga)
{
    uint64_t bytes = (ga ? 16ull : 4ull) << lg2;
    uint64_t table = nyx_pc_pages(v->pc, DIV_ROUND_UP(bytes, NYX_PAGE));

    qamd_set_dte_word(v, sid, 2, table | lg2 << 1 | QAMD_DTE2_IV |
                      QAMD_DTE2_REMAP);
    return table;
}

/* --- Events --------------------------------------------------------------- */

QAmdEvent qamd_take(QAmd *v)
{
    uint64_t head = qamd_r64(v, QAMD_EVTHEAD);
    QAmdEvent event = { };

    if (head == qamd_r64(v, QAMD_EVTTAIL)) {
        return event;
    }
    event.valid = true;
    event.lo = qtest_readq(v->qts, v->events + head);
    event.hi = qtest_readq(v->qts, v->events + head + 8);
    qamd_w64(v, QAMD_EVTHEAD, (head + 16) % v->event_bytes);
    return event;
}

unsigned qamd_take_code(QAmd *v)
{
    return qamd_take(v).lo >> 60;
}

void qamd_clear_events(QAmd *v)
{
    qamd_w64(v, QAMD_EVTHEAD, qamd_r64(v, QAMD_EVTTAIL));
    qamd_w32(v, QAMD_STATUS, STATUS_W1C);
}
