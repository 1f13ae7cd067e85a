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
PASID_DIRECTORY = 0x0100_3000
PASID_TABLE = 0x0100_4000
QUEUE = 0x0110_0000
INTERRUPTS = 0x0120_0000
TABLES = 0x0130_0000
DATA = 0x1000_0000

DOMAIN = 5
OTHER_DOMAIN = 9
QUEUE_SIZE_LOG2 = 7          # pages of 256 descriptors, or of 128 wide ones

# PGTT of PASID entries, by the name of what translates.
STAGES = {'first': 1, 'second': 2, 'nested': 3}

# Of entries: read and write; the same for user requests in the first stage.
RW, RWU = 3, 7


class Vtd:
    """The unit of a machine, in legacy or scalable mode."""

    def __init__(self, machine, scalable=False):
        self.machine = machine
        self.scalable = scalable
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

    def map(self, leaf_lg2, leaves, levels, scattered=False, stage='second'):
        """Tables for leaves from address 0; returns nothing stays cached."""
        order = list(range(leaves))
        if scattered:
            random.Random(1).shuffle(order)
        level = (leaf_lg2 - 12) // 9
        base = DATA if leaf_lg2 == 12 else 0
        bits = RW if stage == 'second' else RWU
        large = 0x80 if level else 0
        self.leaves = [base + (slot << leaf_lg2) | large | bits
                       for slot in order]
        self.table_at = {}
        root, end = self._store_tables(TABLES, self.leaves, level, levels,
                                       bits)
        outer = 0
        if stage == 'nested':
            # Guest addresses are those of memory.
            outer, _ = self._store_tables(
                end, [slot << 21 | 0x80 | RW for slot in range(512)], 1, 4, RW)
        if self.scalable:
            self._store_pasid(STAGES[stage], root, outer, levels)
        else:
            self._store_context(root, levels)

    def _store_tables(self, at, entries, level, levels, bits):
        """Tables above leaves of a level: the root, and where they end."""
        root = at
        while level < levels:
            tables = max(1, (len(entries) + 511) // 512)
            entries = entries + [0] * (tables * 512 - len(entries))
            self.machine.store(at, struct.pack(f'<{len(entries)}Q', *entries))
            self.table_at.setdefault(level, at)
            root = at
            entries = [at + 4096 * i | bits for i in range(tables)]
            at += 4096 * tables
            level += 1
        return root, at

    def _store_context(self, root, levels):
        """Every device has the root, in legacy mode."""
        context = struct.pack('<2Q', root | 1, levels - 2 | DOMAIN << 8)
        self.machine.store(ROOT, struct.pack('<2Q', CONTEXTS | 1, 0))
        for device in self.machine.devices:
            self.machine.store(CONTEXTS + (device.slot << 3) * 16, context)

    def _store_pasid(self, pgtt, root, outer, levels):
        """Every device's requests without a PASID have this entry."""
        second = (outer or root) if pgtt != STAGES['first'] else 0
        first = root if pgtt != STAGES['second'] else 0
        second_levels = 4 if outer else levels
        entry = [second | second_levels - 2 << 2 | pgtt << 6 | 1, DOMAIN,
                 first | levels - 4 << 2 if first else 0, 0, 0, 0, 0, 0]
        self.machine.store(PASID_TABLE, struct.pack('<8Q', *entry))
        self.machine.store(PASID_DIRECTORY, struct.pack('<Q', PASID_TABLE | 1))
        self.machine.store(ROOT, struct.pack('<2Q', CONTEXTS | 1,
                                             CONTEXTS + 4096 | 1))
        context = struct.pack('<4Q', PASID_DIRECTORY | 1, 0, 0, 0)
        for device in self.machine.devices:
            self.machine.store(CONTEXTS + (device.slot << 3) * 32, context)

    def enable_queue(self):
        if not self.enables & QIE:
            self.machine.write64(BASE + IQA, QUEUE | QUEUE_SIZE_LOG2 |
                                 self.scalable << 11)
            self.gcmd(QIE)

    def enable(self):
        """Translation and the queue on, if they are not; caches dropped."""
        self.enable_queue()
        self.machine.write64(BASE + RTADDR, ROOT | self.scalable << 10)
        self.gcmd(SRTP, persistent=False)
        pasids = [(0x37, 0)] if self.scalable else []
        self.submit([(0x11, 0), *pasids, EVERYTHING])
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
        rest = bytes(16 if self.scalable else 0)
        data = b''.join(struct.pack('<2Q', *descriptor) + rest
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
