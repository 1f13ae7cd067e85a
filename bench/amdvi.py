# SPDX-License-Identifier: GPL-2.0-or-later
"""AMD-Vi tables and registers, for any model of it."""

import struct

from unit import DOMAIN, INTERRUPTS, QUEUE, Unit

BASE = 0xfed80000
DEVTAB, CMDBASE, CONTROL, EFR = 0x00, 0x08, 0x18, 0x30
CMDHEAD, CMDTAIL = 0x2000, 0x2008
IOMMUEN, CMDBUFEN = 1 << 0, 1 << 12

DEVICE_TABLE = 0x0100_0000
QUEUE_LENGTH = 15            # 2^15 commands of 16 bytes

PRESENT, READ, WRITE = 1 << 0, 1 << 61, 1 << 62


class Amdvi(Unit):
    """The IOMMU of a machine, with host tables."""

    HEAD, TAIL = BASE + CMDHEAD, BASE + CMDTAIL
    QUEUE_SIZE = 16 << QUEUE_LENGTH
    EVERYTHING = (8 << 60, 0)    # INVALIDATE_IOMMU_ALL
    MESSAGE = 0xfee00000         # the data is the number of the entry

    def __init__(self, machine):
        super().__init__(machine)
        self.enabled = False
        self.root = self.levels = 0
        self.interrupts = False
        self.DEVICES = tuple((2 << 60 | device.slot << 3, 0)
                             for device in machine.devices)

    def leaf(self, addr, level, stage):
        return addr | PRESENT | READ | WRITE

    def pointer(self, addr, level, stage):
        return addr | PRESENT | READ | WRITE | level << 9

    def use(self, root, end, levels, stage):
        self.root, self.levels = root, levels
        self._store_entries()

    def _store_entries(self):
        """Device table entries; V and TV, and IV if interrupts are on."""
        interrupts = 0
        if self.interrupts:
            # IntCtl = 2, 256 entries
            interrupts = 2 << 60 | INTERRUPTS | 8 << 1 | 1
        translation = 0
        if self.root:
            translation = self.root | self.levels << 9 | READ | WRITE | 3
        entry = struct.pack('<4Q', translation, DOMAIN, interrupts, 0)
        for device in self.machine.devices:
            self.machine.store(DEVICE_TABLE + (device.slot << 3) * 32, entry)

    def _write(self, offset, value):
        """In halves: not all models take 64 bits at once."""
        self.machine.write32(BASE + offset, value & 0xffffffff)
        self.machine.write32(BASE + offset + 4, value >> 32)

    def _start(self):
        if not self.enabled:
            self._write(DEVTAB, DEVICE_TABLE)
            self._write(CMDBASE, QUEUE | QUEUE_LENGTH << 56)
            self._write(CONTROL, IOMMUEN | CMDBUFEN)
            self.enabled = True
        self.forget()

    def enable(self):
        """Translation and commands on, if they are not; caches dropped."""
        self._start()

    def enable_interrupts(self, vector):
        """The entry of that number goes to processor 0."""
        self.machine.store(INTERRUPTS + 4 * vector,
                           struct.pack('<I', vector << 16 | 1))
        self.interrupts = True
        self._store_entries()
        self._start()

    @staticmethod
    def largest_range():
        """The largest range of INVALIDATE_IOMMU_PAGES, in log2 of pages."""
        return 51

    @staticmethod
    def pages(domain, addr, count_lg2=0):
        """INVALIDATE_IOMMU_PAGES of 2^count_lg2 pages, tables included."""
        if not count_lg2:
            return 3 << 60 | domain << 32, addr | 2
        # All bits below the highest of the range's offset are ones.
        ones = (1 << 11 + count_lg2) - (1 << 12)
        return 3 << 60 | domain << 32, addr | ones | 3

    @staticmethod
    def whole_domain(domain):
        """The same of everything."""
        return 3 << 60 | domain << 32, 0x7fff_ffff_ffff_f000 | 3
