# SPDX-License-Identifier: GPL-2.0-or-later
"""VT-d tables and registers, for any model of it."""

import struct

from unit import DOMAIN, INTERRUPTS, QUEUE, Unit

BASE = 0xfed90000
CAP, GCMD, GSTS, RTADDR = 0x08, 0x18, 0x1c, 0x20
IQH, IQT, IQA, IRTA = 0x80, 0x88, 0x90, 0xb8
TE, SRTP, QIE, IRE, SIRTP = 1 << 31, 1 << 30, 1 << 26, 1 << 25, 1 << 24

# Where things are in memory, beyond what all units have.
ROOT = 0x0100_0000
CONTEXTS = 0x0100_1000
PASID_DIRECTORY = 0x0100_3000
PASID_TABLE = 0x0100_4000

QUEUE_SIZE_LOG2 = 7          # pages of 256 descriptors, or of 128 wide ones

# PGTT of PASID entries, by the name of what translates.
STAGES = {'first': 1, 'second': 2, 'nested': 3}

# Of entries: read and write; the same for user requests in the first stage.
RW, RWU = 3, 7


class Vtd(Unit):
    """The unit of a machine, in legacy or scalable mode."""

    HEAD, TAIL = BASE + IQH, BASE + IQT
    QUEUE_SIZE = 4096 << QUEUE_SIZE_LOG2
    EVERYTHING = (0x12, 0)       # a global IOTLB invalidation
    DEVICES = ((0x11, 0),)       # of all context entries
    MESSAGE = 0xfee00010         # of an interrupt that is remapped

    def __init__(self, machine, scalable=False):
        super().__init__(machine)
        self.scalable = scalable
        self.enables = 0
        if scalable:
            self.PADDING = bytes(16)
            self.DEVICES = ((0x11, 0), (0x37, 0))

    def gcmd(self, bit, persistent=True):
        self.machine.write32(BASE + GCMD, self.enables | bit)
        if persistent:
            self.enables |= bit
        for _ in range(1000):
            if self.machine.read32(BASE + GSTS) & bit:
                return
        raise RuntimeError(f'GSTS bit {bit:#x} does not come')

    def leaf(self, addr, level, stage):
        return addr | (0x80 if level else 0) | self.pointer(0, level, stage)

    def pointer(self, addr, level, stage):
        return addr | (RW if stage == 'second' else RWU)

    def use(self, root, end, levels, stage):
        outer = 0
        if stage == 'nested':
            # Guest addresses are those of memory.
            table_at = self.table_at
            outer, _ = self.store_tables(
                end, [self.leaf(slot << 21, 1, 'second')
                      for slot in range(512)], 1, 4, 'second')
            self.table_at = table_at
        if self.scalable:
            self._store_pasid(STAGES[stage], root, outer, levels)
        else:
            self._store_context(root, levels)

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
        self.forget()
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

    def largest_range(self):
        """The largest range of a page-selective invalidation, in log2."""
        return self.machine.read64(BASE + CAP) >> 48 & 0x3f

    @staticmethod
    def pages(domain, addr, count_lg2=0):
        """A page-selective IOTLB invalidation of 2^count_lg2 pages."""
        return 0x32 | domain << 16, addr | count_lg2

    @staticmethod
    def whole_domain(domain):
        """A domain-selective IOTLB invalidation."""
        return 0x22 | domain << 16, 0
