/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's device "edu": see nyx-edu.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-edu.h"

#define EDU_ID          0x11e81234      /* device, vendor */

#define EDU_SOURCE      0x80
#define EDU_TARGET      0x88
#define EDU_COUNT       0x90
#define EDU_COMMAND     0x98
#define EDU_BUFFER      0x40000

#define EDU_RUN         (1u << 0)
#define EDU_TO_MEMORY   (1u << 1)

/* How often, and how long in between, the end of a DMA is looked for. */
#define POLL_US         2000
#define POLLS           (30 * 1000 * 1000 / POLL_US)

NyxEdu nyx_edu_get(QPCIBus *bus, uint16_t sid)
{
    NyxEdu edu = { .pci = qpci_device_find(bus, sid) };

    g_assert_nonnull(edu.pci);
    g_assert_cmphex(qpci_config_readl(edu.pci, PCI_VENDOR_ID), ==, EDU_ID);
    edu.bar = qpci_iomap(edu.pci, 0, NULL).addr;
    qpci_device_enable(edu.pci);
    return edu;
}

void nyx_edu_put(NyxEdu *edu)
{
    g_free(edu->pci);
}

static void start(const NyxEdu *edu, uint64_t source, uint64_t target,
                  unsigned len, uint32_t direction)
{
    QTestState *qts = edu->pci->bus->qts;

    qtest_writeq(qts, edu->bar + EDU_SOURCE, source);
    qtest_writeq(qts, edu->bar + EDU_TARGET, target);
    qtest_writeq(qts, edu->bar + EDU_COUNT, len);
    qtest_writeq(qts, edu->bar + EDU_COMMAND, EDU_RUN | direction);
}

bool nyx_edu_busy(const NyxEdu *edu)
{
    return qtest_readq(edu->pci->bus->qts, edu->bar + EDU_COMMAND) & EDU_RUN;
}

void nyx_edu_wait(const NyxEdu *edu)
{
    unsigned polls = POLLS;

    while (nyx_edu_busy(edu)) {
        g_assert_cmpuint(polls--, >, 0);
        g_usleep(POLL_US);
    }
}

void nyx_edu_load(const NyxEdu *edu, uint64_t iova, unsigned len)
{
    start(edu, iova, EDU_BUFFER, len, 0);
    nyx_edu_wait(edu);
}

void nyx_edu_start_store(const NyxEdu *edu, uint64_t iova, unsigned len)
{
    start(edu, EDU_BUFFER, iova, len, EDU_TO_MEMORY);
}

void nyx_edu_store(const NyxEdu *edu, uint64_t iova, unsigned len)
{
    nyx_edu_start_store(edu, iova, len);
    nyx_edu_wait(edu);
}
