# SPDX-License-Identifier: GPL-2.0-or-later
"""What units of all kinds have in common: page tables in memory, a queue of
commands, and what the rows ask of them."""

import random
import statistics
import struct
import time

# Where things are in memory.
QUEUE = 0x0110_0000
INTERRUPTS = 0x0120_0000
TABLES = 0x0130_0000
DATA = 0x1000_0000

DOMAIN = 5
OTHER_DOMAIN = 9
SECONDS = 60


class Unit:
    """A unit whose queue is at QUEUE; commands are pairs of quadwords.

    A model of one says what its registers (HEAD, TAIL) and the size of its
    queue are, how entries look (leaf(), pointer()), and what commands are
    (pages(), whole_domain(), EVERYTHING, DEVICES)."""

    HEAD = TAIL = QUEUE_SIZE = 0
    PADDING = b''                # after each command
    EVERYTHING = (0, 0)          # drops all translations
    DEVICES = ()                 # drop what is known of devices

    def __init__(self, machine):
        self.machine = machine
        self.leaves = []         # that map() made
        self.table_at = {}       # first table of each level
        self.tail = 0

    def leaf(self, addr, level, stage):
        """An entry that maps memory; level 0 is for the smallest pages."""
        raise NotImplementedError

    def pointer(self, addr, level, stage):
        """An entry of a table of that level, for the table below."""
        raise NotImplementedError

    def use(self, root, end, levels, stage):
        """Have all devices use the tables; nothing of what was is dropped."""
        raise NotImplementedError

    def map(self, leaf_lg2, leaves, levels, scattered=False, stage='second'):
        """Tables for leaves from address 0; caches stay as they are."""
        order = list(range(leaves))
        if scattered:
            random.Random(1).shuffle(order)
        level = (leaf_lg2 - 12) // 9
        base = DATA if leaf_lg2 == 12 else 0
        self.leaves = [self.leaf(base + (slot << leaf_lg2), level, stage)
                       for slot in order]
        self.table_at = {}
        root, end = self.store_tables(TABLES, self.leaves, level, levels,
                                      stage)
        self.use(root, end, levels, stage)

    def store_tables(self, at, entries, level, levels, stage):
        """Tables above leaves of a level: the root, and where they end."""
        root = at
        while level < levels:
            tables = max(1, (len(entries) + 511) // 512)
            entries = entries + [0] * (tables * 512 - len(entries))
            self.machine.store(at, struct.pack(f'<{len(entries)}Q', *entries))
            self.table_at.setdefault(level, at)
            root = at
            entries = [self.pointer(at + 4096 * i, level + 1, stage)
                       for i in range(tables)]
            at += 4096 * tables
            level += 1
        return root, at

    def set_gigabyte(self, there):
        """Map the first GiB, all its tables being there, or do not."""
        entry = self.pointer(self.table_at[1], 2, 'second') if there else 0
        self.machine.write64(self.table_at[2], entry)

    def set_page(self, page, there):
        """Map one page of those that map() had, or do not."""
        self.machine.write64(self.table_at[0] + page * 8,
                             self.leaves[page] if there else 0)

    def put(self, commands):
        """Put commands at the tail; the unit is not told."""
        data = b''.join(struct.pack('<2Q', *command) + self.PADDING
                        for command in commands)
        first = min(len(data), self.QUEUE_SIZE - self.tail)
        self.machine.store(QUEUE + self.tail, data[:first])
        self.machine.store(QUEUE, data[first:])
        self.tail = (self.tail + len(data)) % self.QUEUE_SIZE

    def submit(self, commands):
        """Seconds from the doorbell until the queue is empty."""
        self.put(commands)
        start = time.perf_counter()
        self.machine.write32(self.TAIL, self.tail)
        while self.machine.read32(self.HEAD) != self.tail:
            if time.perf_counter() - start > SECONDS:
                raise RuntimeError('the queue does not get empty')
        return time.perf_counter() - start

    def forget(self):
        """Drop all that the unit has cached."""
        self.submit([*self.DEVICES, self.EVERYTHING])

    def commands(self, commands):
        """Nanoseconds that so many commands take inside of QEMU: a test device
        rings the doorbell and looks at the clock.  A doorbell without a
        command is taken off.  Not more than the unit does at once."""
        device = self.machine.devices[0]
        idle = statistics.median(device.poke(self.TAIL, self.tail)
                                 for _ in range(11))
        self.put(commands)
        spent = device.poke(self.TAIL, self.tail)
        if self.machine.read32(self.HEAD) != self.tail:
            raise RuntimeError('the queue was not emptied at once')
        return spent - idle
