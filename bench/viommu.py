# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver for virtio-iommu, for any model of it: requests over a split ring
with indirect descriptors, as Linux has them."""

import random
import statistics
import struct

from unit import DATA, DOMAIN, TABLES

SLOT = 3
ID = 0x1057_1af4
BAR_REGISTER, BAR = 0x20, 0xe100_0000        # BAR 4

# Offsets in the common configuration, and what is written there.
STATUS, SELECT, SIZE, ENABLE, NOTIFY_OFF = 20, 22, 24, 28, 30
DEVICE_SELECT, DEVICE_FEATURES = 0, 4
DRIVER_SELECT, DRIVER_FEATURES = 8, 12
RINGS = 32
ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK = 1, 2, 4, 8

# Of the device: input and domain range, MAP_UNMAP, PROBE, MMIO,
# BYPASS_CONFIG; then INDIRECT_DESC and VERSION_1.
FEATURES = 0x77 | 1 << 28 | 1 << 32

ATTACH, DETACH, MAP, UNMAP = 1, 2, 3, 4
READ_WRITE = 3

# What Linux has in a ring of 256.
BATCH = 256
# Memory of the ring: descriptors, what is available, what was used; then the
# chains' tables, requests and answers.
DESC, AVAIL, USED = TABLES, TABLES + 0x1000, TABLES + 0x2000
INDIRECT, OUT, IN = TABLES + 0x4000, TABLES + 0x8000, TABLES + 0x10000
OUT_SIZE = 64                # a request's place, not its length
LENGTH = {ATTACH: 20, DETACH: 20, MAP: 36, UNMAP: 28}
NO_INTERRUPT = 1
WRITE, NEXT, IS_INDIRECT = 2, 1, 4


def map_request(iova, addr, size=4096):
    return struct.pack('<2I3QI', MAP, DOMAIN, iova, iova + size - 1, addr,
                       READ_WRITE)


def unmap_request(iova, size=4096):
    return struct.pack('<2I2Q', UNMAP, DOMAIN, iova, iova + size - 1)


class Virtio:
    """The IOMMU of a machine."""

    def __init__(self, machine):
        self.machine = machine
        if machine.read_config(SLOT, 0) != ID:
            raise RuntimeError('no virtio-iommu')
        machine.config(SLOT, BAR_REGISTER, BAR)
        machine.config(SLOT, BAR_REGISTER + 4, 0)
        machine.config(SLOT, 0x04, 0x6)
        self.common, notify, multiplier = self._parts()
        machine.write16(self.common + SELECT, 0)
        self.doorbell = notify + multiplier * machine.read16(
            self.common + NOTIFY_OFF)
        self.index = 0
        self.length = None       # of the requests that the tables are for
        self.attached = []       # devices

    def _parts(self):
        """Where the registers are, and how far queues' doorbells are apart."""
        found = {}
        at = self.machine.read_config(SLOT, 0x34) & 0xff
        while at:
            head = self.machine.read_config(SLOT, at)
            if head & 0xff == 9:
                offset = self.machine.read_config(SLOT, at + 8)
                more = self.machine.read_config(SLOT, at + 16)
                found[head >> 24] = BAR + offset, more
            at = head >> 8 & 0xff
        return found[1][0], *found[2]

    def _add_status(self, bits):
        at = self.common + STATUS
        self.machine.write8(at, self.machine.read8(at) | bits)

    def restart(self):
        """Reset: no domains, nothing mapped."""
        machine, common = self.machine, self.common
        # QEMU's own keeps its domains through a reset.
        for device in self.attached[:]:
            self.detach(device)
        machine.write8(common + STATUS, 0)
        self._add_status(ACKNOWLEDGE)
        self._add_status(DRIVER)
        for half in (0, 1):
            machine.write32(common + DEVICE_SELECT, half)
            machine.write32(common + DRIVER_SELECT, half)
            offered = machine.read32(common + DEVICE_FEATURES)
            wanted = FEATURES >> 32 * half & 0xffff_ffff
            if wanted & ~offered:
                raise RuntimeError(f'not offered: {wanted & ~offered:#x}')
            machine.write32(common + DRIVER_FEATURES, wanted)
        self._add_status(FEATURES_OK)
        machine.write16(common + SELECT, 0)
        machine.write16(common + SIZE, BATCH)
        for i, ring in enumerate((DESC, AVAIL, USED)):
            machine.write32(common + RINGS + 8 * i, ring)
            machine.write32(common + RINGS + 8 * i + 4, 0)
        self._store_ring()
        machine.write16(common + ENABLE, 1)
        self._add_status(DRIVER_OK)

    def _store_ring(self):
        """Chain i is descriptor i, and is always at place i."""
        machine, places = self.machine, range(BATCH)
        machine.store(DESC, b''.join(
            struct.pack('<QI2H', INDIRECT + 32 * i, 32, IS_INDIRECT, 0)
            for i in places))
        machine.store(AVAIL, struct.pack(f'<2H{BATCH}HH', NO_INTERRUPT, 0,
                                         *places, 0))
        machine.store(USED, bytes(6 + 8 * BATCH))
        machine.store(IN, b'\xff' * 4 * BATCH)
        self.index = 0
        self.length = None

    def _store_tables(self, length):
        """All requests of a batch are equally long."""
        if self.length != length:
            self.machine.store(INDIRECT, b''.join(
                struct.pack('<QI2HQI2H', OUT + OUT_SIZE * i, length, NEXT, 1,
                            IN + 4 * i, 4, WRITE, 0)
                for i in range(BATCH)))
            self.length = length

    def batch(self, requests):
        """Nanoseconds that so many requests of a kind take inside of QEMU,
        from the doorbell on."""
        machine, device = self.machine, self.machine.devices[0]
        kind, count = requests[0][0], len(requests)
        begin = self.index % BATCH
        if begin + count > BATCH:
            raise RuntimeError('a batch goes over the end of the ring')
        self._store_tables(LENGTH[kind])
        machine.store(OUT + OUT_SIZE * begin, b''.join(
            request.ljust(OUT_SIZE, b'\0') for request in requests))
        self.index = (self.index + count) % 65536
        machine.write16(AVAIL + 2, self.index)
        spent = device.poke(self.doorbell, 0)
        if machine.read16(USED + 2) != self.index:
            raise RuntimeError('the ring was not emptied at once')
        answers = machine.load(IN + 4 * begin, 4 * count)
        if any(answers):
            raise RuntimeError(f'a request of type {kind} was refused: '
                               f'{answers.hex(" ", 4)}')
        return spent

    def idle(self):
        """What a doorbell without a request takes."""
        device = self.machine.devices[0]
        return statistics.median(device.poke(self.doorbell, 0)
                                 for _ in range(11))

    def submit(self, requests):
        """Any number of a kind; nanoseconds of all."""
        spent = 0
        while requests:
            room = BATCH - self.index % BATCH
            spent += self.batch(requests[:room])
            requests = requests[room:]
        return spent

    def one(self, request):
        """Nanoseconds of a single one, the doorbell taken off."""
        return self.batch([request]) - self.idle()

    def align(self):
        """Use up the ring to its end, so that a whole batch fits: with
        requests that find nothing."""
        room = -self.index % BATCH
        if room:
            self.batch([unmap_request(1 << 38)] * room)

    def attach(self, device):
        """Nanoseconds of it."""
        self.attached.append(device)
        return self.one(struct.pack('<4I', ATTACH, DOMAIN, device.slot << 3,
                                    0))

    def detach(self, device):
        self.attached.remove(device)
        return self.one(struct.pack('<3I', DETACH, DOMAIN, device.slot << 3))

    # What the rows about DMA want of units of all kinds.

    def map(self, leaf_lg2, leaves, _levels, scattered=False, _stage=''):
        """A request for each leaf, from address 0."""
        order = list(range(leaves))
        if scattered:
            random.Random(1).shuffle(order)
        base = DATA if leaf_lg2 == 12 else 0
        self.restart()
        for device in self.machine.devices:
            self.attach(device)
        self.submit([map_request(at << leaf_lg2, base + (slot << leaf_lg2),
                                 1 << leaf_lg2)
                     for at, slot in enumerate(order)])

    def enable(self):
        """A domain is in force when it is attached."""
