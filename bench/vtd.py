# SPDX-License-Identifier: GPL-2.0-or-later
"""VT-d tables and registers, for any model of it."""

import random
import statistics
import struct
import time

BASE = 0xfed90000
CAP, GCMD, GSTS, RTADDR = 0x08, 0x18, 0x1c, 0x20
IQH, IQT, IQA, IRTA = 0x80, 0x88, 0x90, 0xb8
TE, SRTP, QIE, IRE, SIRTP = 1 << 31, 1 << 30, 1 << 26, 1 << 25, 1 << 24

# Where things are in memory.
ROOT = 0x0100_0000
CONTEXTS = 0x0100_1000
QUEUE = 0x0110_0000
INTERRUPTS = 0x0120_0000
TABLES = 0x0130_0000
DATA = 0x1000_0000

DOMAIN = 5
OTHER_DOMAIN = 9
QUEUE_SIZE_LOG2 = 7          # pages of 256 descriptors


class Vtd:
    """The unit of a machine."""

    def __init__(self, machine):
        self.machine = machine
        self.enables = 0
        self.leaves = []         # that map() made
        self.table_at = {}       # first table of each level
        self.tail = 0

    def gcmd(self, bit, persistent=True):
        self.machine.write32(BASE + GCMD, self.enables | bit)
        if persistent:
            self.enables |= bit
        for _ in range(1000):
            if self.machine.read32(BASE + GSTS) & bit:
                return
        raise RuntimeError(f'GSTS bit {bit:#x} does not come')

    def map(self, leaf_lg2, leaves, levels, scattered=False):
        """Tables for leaves from address 0; returns nothing stays cached."""
        order = list(range(leaves))
        if scattered:
            random.Random(1).shuffle(order)
        level = (leaf_lg2 - 12) // 9
        base = DATA if leaf_lg2 == 12 else 0
        large = 0x80 if level else 0
        entries = [base + (slot << leaf_lg2) | large | 3 for slot in order]
        self.leaves = entries
        at = TABLES
        while level < levels:
            tables = max(1, (len(entries) + 511) // 512)
            entries = entries + [0] * (tables * 512 - len(entries))
            self.machine.store(at, struct.pack(f'<{len(entries)}Q', *entries))
            self.table_at[level] = at
            entries = [at + 4096 * i | 3 for i in range(tables)]
            at += 4096 * tables
            level += 1
        root = entries[0] & ~0xfff
        context = struct.pack('<2Q', root | 1, levels - 2 | DOMAIN << 8)
        self.machine.store(ROOT, struct.pack('<2Q', CONTEXTS | 1, 0))
        for device in self.machine.devices:
            self.machine.store(CONTEXTS + (device.slot << 3) * 16, context)

    def enable_queue(self):
        if not self.enables & QIE:
            self.machine.write64(BASE + IQA, QUEUE | QUEUE_SIZE_LOG2)
            self.gcmd(QIE)

    def enable(self):
        """Translation and the queue on, if they are not; caches dropped."""
        self.enable_queue()
        self.machine.write64(BASE + RTADDR, ROOT)
        self.gcmd(SRTP, persistent=False)
        self.submit([(0x11, 0), EVERYTHING])
        if not self.enables & TE:
            self.gcmd(TE)

    def enable_interrupts(self, vector):
        """Entry 0 of the interrupt table goes to processor 0."""
        self.enable_queue()
        self.machine.store(INTERRUPTS, struct.pack('<2Q', vector << 16 | 1, 0))
        self.machine.write64(BASE + IRTA, INTERRUPTS | 7)
        self.gcmd(SIRTP, persistent=False)
        self.submit([(0x04, 0)])
        self.gcmd(IRE)

    def set_gigabyte(self, there):
        """Map the first GiB, all its tables being there, or do not."""
        entry = self.table_at[1] | 3 if there else 0
        self.machine.write64(self.table_at[2], entry)

    def set_page(self, page, there):
        """Map one page of those that map() had, or do not."""
        self.machine.write64(self.table_at[0] + page * 8,
                             self.leaves[page] if there else 0)

    def largest_range(self):
        """The largest address mask of a page-selective invalidation."""
        return self.machine.read64(BASE + CAP) >> 48 & 0x3f

    def put(self, descriptors):
        """Put descriptors at the tail; the unit is not told."""
        size = 4096 << QUEUE_SIZE_LOG2
        data = b''.join(struct.pack('<2Q', *descriptor)
                        for descriptor in descriptors)
        first = min(len(data), size - self.tail)
        self.machine.store(QUEUE + self.tail, data[:first])
        self.machine.store(QUEUE, data[first:])
        self.tail = (self.tail + len(data)) % size

    def submit(self, descriptors):
        """Seconds from the doorbell until the queue is empty."""
        self.put(descriptors)
        start = time.perf_counter()
        self.machine.write64(BASE + IQT, self.tail)
        while self.machine.read64(BASE + IQH) != self.tail:
            if time.perf_counter() - start > 60:
                raise RuntimeError('the queue does not get empty')
        return time.perf_counter() - start

    def commands(self, descriptors):
        """Nanoseconds that so many commands take inside of QEMU: a test device
        rings the doorbell and looks at the clock.  A doorbell without a
        command is taken off.  Not more than the unit does at once."""
        device = self.machine.devices[0]
        idle = statistics.median(device.poke(BASE + IQT, self.tail)
                                 for _ in range(11))
        self.put(descriptors)
        spent = device.poke(BASE + IQT, self.tail)
        if self.machine.read64(BASE + IQH) != self.tail:
            raise RuntimeError('the queue was not emptied at once')
        return spent - idle


def pages(domain, addr, count_lg2=0):
    """A page-selective IOTLB invalidation of 2^count_lg2 pages."""
    return 0x32 | domain << 16, addr | count_lg2


def whole_domain(domain):
    """A domain-selective IOTLB invalidation."""
    return 0x22 | domain << 16, 0


EVERYTHING = 0x12, 0         # a global IOTLB invalidation
