# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows about requests of devices, and about their interrupts."""

import dataclasses
import statistics

import unit
from qvm import TD
from subjects import FULL, VARIANTS, Result, in_turns

KIB, MIB = 1 << 10, 1 << 20
SEED = 7
VECTOR = 0x50
PLAIN_MESSAGE = 0xfee00000

SAME, IN_ORDER, AT_RANDOM = 0, 1, 2

# Stop at an error; threads have pages of their own.
RUN_FLAGS = TD['NYX_TD_RUN_F_STOP_ON_ERROR'] | TD['NYX_TD_RUN_F_DISJOINT']


@dataclasses.dataclass
class Dma:
    """Requests of a device: what, how many, through which tables."""

    name: str
    leaf_lg2: int = 12
    slots: int = 1
    length: int = 4
    pattern: int = SAME
    write: bool = False
    levels: int = 4
    scattered: bool = False
    stage: str = 'second'
    threads: int = 1
    devices: int = 1
    stride: int = 0              # 0: a leaf
    count: int = 400_000
    quick: bool = True
    goal: float = 0              # ratio to the peer, at most
    subjects: tuple = ('none', 'floor', 'peer', 'nyx')
    variant: str = 'usual'
    section: str = 'requests'

    @property
    def step(self):
        return self.stride or 1 << self.leaf_lg2

    @property
    def leaves(self):
        threads = self.threads // self.devices
        return max(1, self.slots * threads * self.step >> self.leaf_lg2)

    def prepare(self, subject):
        if subject.unit:
            subject.unit.map(self.leaf_lg2, self.leaves, self.levels,
                            self.scattered, self.stage)
            subject.unit.enable()

    def run(self, subject, count=0):
        """Nanoseconds a request takes one thread."""
        base = unit.DATA if self.leaf_lg2 == 12 and not subject.unit else 0
        floor = TD['NYX_TD_RUN_F_FLOOR'] if subject.name == 'floor' else 0
        count = count or self.count
        run = {
            'BASE': base, 'STRIDE': self.step, 'COUNT': count, 'SEED': SEED,
            'THREADS': self.threads // self.devices,
            'OP': TD['NYX_TD_OP_FILL' if self.write else 'NYX_TD_OP_READ'],
            'ATTR': 0, 'SLOTS': self.slots, 'LEN': self.length,
            'PATTERN': self.pattern, 'FLAGS': RUN_FLAGS | floor,
        }
        devices = subject.machine.devices[:self.devices]
        for device in devices:
            device.start(run)
        return statistics.mean(device.wait() / count for device in devices)

    def measure(self, lab, rounds, _quick):
        subjects = lab.get(self.variant, *self.subjects)
        for subject in subjects:
            self.prepare(subject)
            self.run(subject, max(1, min(self.count, 2 * self.slots)))
        samples = in_turns(self.run, subjects, rounds)
        return Result(self.section, self.name, 'ns', samples,
                      VARIANTS[self.variant].titles, self.goal)


class FullDma(Dma):
    """The same, with a look at the IOTLB's own numbers."""

    def measure(self, lab, rounds, _quick):
        result = super().measure(lab, rounds, _quick)
        for subject in lab.get(self.variant, 'nyx'):
            before = subject.machine.property('iommu', 'stats')['iotlb']
            self.run(subject)
            after = subject.machine.property('iommu', 'stats')['iotlb']
            hits, misses, evictions = (
                after[key] - before[key]
                for key in ('hits', 'misses', 'evictions'))
            result.facts[subject.name] = {
                '% hits': round(100 * hits / (hits + misses), 1),
                'evictions': evictions,
            }
        return result


@dataclasses.dataclass
class Messages:
    """Interrupts of a device."""

    variant: str = 'usual'
    section: str = 'interrupts'
    name: str = 'one message, remapped against not'
    quick: bool = True

    @staticmethod
    def _once(subject):
        addr = subject.unit.MESSAGE if subject.unit else PLAIN_MESSAGE
        return subject.machine.devices[0].messages(addr, VECTOR, 20000)

    def measure(self, lab, rounds, _quick):
        subjects = lab.get(self.variant, 'none', 'peer', 'nyx')
        for subject in subjects:
            if subject.unit:
                subject.unit.enable_interrupts(VECTOR)
        return Result(self.section, self.name, 'ns',
                      in_turns(self._once, subjects, rounds),
                      VARIANTS[self.variant].titles)


def plain_rows():
    """Requests of one thread."""
    yield Dma('4 B read, one page', goal=0.5)
    yield Dma('4 B write, one page', write=True, goal=0.5)
    yield Dma('64 B read, one page', length=64, goal=0.5)
    yield Dma('64 B write, one page', length=64, write=True, quick=False,
              goal=0.5)
    yield Dma('4 B read, 256 pages', slots=256, pattern=AT_RANDOM, goal=0.5)
    yield Dma('4 B read, 4096 pages at random', slots=4096, goal=0.5,
              pattern=AT_RANDOM)
    yield Dma('4 B write, 4096 pages at random', slots=4096, goal=0.5,
              pattern=AT_RANDOM, write=True, quick=False)
    yield Dma('64 B read, 4096 pages at random', slots=4096, goal=0.5,
              pattern=AT_RANDOM, length=64, quick=False)
    for scattered in (False, True):
        where = 'scattered' if scattered else 'contiguous'
        for levels in (3, 4):
            yield Dma(f'4 B read, 65536 random pages, {levels} levels, '
                      f'{where}', slots=65536, pattern=AT_RANDOM,
                      levels=levels, scattered=scattered, goal=0.35,
                      quick=levels == 4)
        # QEMU's own has no such tables in legacy mode.
        yield Dma(f'4 B read, 65536 random pages, 5 levels, {where}',
                  slots=65536, pattern=AT_RANDOM, levels=5,
                  scattered=scattered, quick=False,
                  subjects=('none', 'floor', 'nyx'))
    yield Dma('4 B read, 256 leaves of 2 MiB at random', leaf_lg2=21,
              slots=256, pattern=AT_RANDOM, goal=0.5)
    yield Dma('4 B read, 1 leaf of 1 GiB, 256 pages at random', leaf_lg2=30,
              slots=256, stride=4096, pattern=AT_RANDOM, goal=0.5)


def scalable_rows():
    """The same through the tables of scalable mode."""
    for stage, name, subjects in (
            ('first', 'first stage', ('peer', 'nyx')),
            ('second', 'second stage', ('peer', 'nyx')),
            ('nested', 'nested', ('nyx',))):
        common = {'stage': stage, 'subjects': subjects,
                  'variant': 'second' if stage == 'second' else 'first',
                  'section': 'requests in scalable mode'}
        yield Dma(f'4 B read, one page, {name}', **common,
                  quick=stage == 'first')
        yield Dma(f'4 B write, one page, {name}', **common, write=True,
                  quick=False)
        yield Dma(f'4 B read, 65536 random pages, {name}', **common,
                  slots=65536, pattern=AT_RANDOM, scattered=True,
                  quick=stage != 'second')
        yield Dma(f'4 B write, 65536 random pages, {name}', **common,
                  slots=65536, pattern=AT_RANDOM, scattered=True, write=True,
                  quick=False)
        yield Dma(f'4 B read, 256 leaves of 2 MiB at random, {name}',
                  **common, leaf_lg2=21, slots=256, pattern=AT_RANDOM,
                  quick=False)


def amd_rows():
    """What tells models of AMD-Vi apart."""
    common = {'variant': 'amd', 'section': 'requests, AMD-Vi'}
    # The floor alone is more than half of the peer on a hit.
    yield Dma('4 B read, one page', **common)
    yield Dma('4 B write, one page', **common, write=True, quick=False)
    yield Dma('4 B read, 256 pages', **common, slots=256, pattern=AT_RANDOM,
              quick=False)
    yield Dma('4 B read, 4096 pages at random', **common, slots=4096,
              pattern=AT_RANDOM)
    for levels in (3, 4):
        yield Dma(f'4 B read, 65536 random pages, {levels} levels, scattered',
                  **common, slots=65536, pattern=AT_RANDOM, levels=levels,
                  scattered=True, goal=0.4, quick=levels == 4)
    yield Dma('4 B read, 65536 random pages, 4 levels, contiguous', **common,
              slots=65536, pattern=AT_RANDOM, goal=0.4, quick=False)
    # Anywhere in the leaves: a cache of 4-KiB pages does not hold them.
    yield Dma('4 B read, 65536 random pages of 256 leaves of 2 MiB', **common,
              leaf_lg2=21, slots=65536, stride=8192, pattern=AT_RANDOM,
              goal=0.2)
    yield Dma('64 KiB read over 4 KiB pages, scattered', **common,
              slots=128, stride=64 * KIB, length=64 * KIB, pattern=IN_ORDER,
              scattered=True, count=3000, goal=0.5)
    # Two threads corrupt the peer's cache, and QEMU ends.
    yield Dma('4 B read, 256 pages each, 2 threads, 2 devices', **common,
              slots=256, pattern=AT_RANDOM, threads=2, devices=2,
              subjects=('none', 'floor', 'nyx'))
    yield Messages('amd', 'interrupts, AMD-Vi')


def virtio_rows():
    """The same through mappings of requests, each as large as a leaf."""
    common = {'variant': 'virtio', 'section': 'requests, virtio-iommu'}
    # The floor alone is half of the peer on a hit.
    yield Dma('4 B read, one page', **common)
    yield Dma('4 B write, one page', **common, write=True, quick=False)
    for slots in (4096, 65536):
        for scattered in (False, True):
            yield Dma(f'4 B read, {slots} random pages, '
                      f'{"scattered" if scattered else "contiguous"}',
                      **common, slots=slots, pattern=AT_RANDOM,
                      scattered=scattered, goal=0.5,
                      quick=scattered and slots == 65536)
    yield Dma('4 B read, 256 mappings of 2 MiB at random', **common,
              leaf_lg2=21, slots=256, pattern=AT_RANDOM, goal=0.5)
    yield Dma('4 B read, 65536 random pages of 256 mappings of 2 MiB',
              **common, leaf_lg2=21, slots=65536, stride=8192,
              pattern=AT_RANDOM, goal=0.5, quick=False)
    for scattered in (False, True):
        yield Dma('64 KiB read over 4 KiB mappings, '
                  f'{"scattered" if scattered else "contiguous"}', **common,
                  slots=128, stride=64 * KIB, length=64 * KIB,
                  pattern=IN_ORDER, scattered=scattered, count=3000,
                  quick=scattered)
    yield Dma('4 B read, 256 pages each, 2 threads, 2 devices', **common,
              slots=256, pattern=AT_RANDOM, threads=2, devices=2, goal=0.5)


def rows():
    yield from plain_rows()
    for length, name in ((64 * KIB, '64 KiB'), (MIB, '1 MiB')):
        for scattered in (False, True):
            yield Dma(f'{name} read over 4 KiB pages, '
                      f'{"scattered" if scattered else "contiguous"}',
                      slots=8 * MIB // length, stride=length, length=length,
                      pattern=IN_ORDER, scattered=scattered, count=3000,
                      quick=length < MIB, goal=0.5)
    for threads, devices in ((2, 1), (4, 1), (2, 2), (4, 4)):
        yield Dma(f'4 B read, 256 pages each, {threads} threads, '
                  f'{devices} device{"s" if devices > 1 else ""}',
                  slots=256, pattern=AT_RANDOM, threads=threads,
                  devices=devices, quick=(threads, devices) == (2, 2),
                  goal=0.5)
    for eighths in (4, 8, 9, 10, 16):
        slots = FULL * eighths // 8
        yield FullDma(f'4 B read, {slots} pages in turn', slots=slots,
                      pattern=IN_ORDER, scattered=True,
                      quick=eighths in (4, 9, 16),
                      subjects=('peer', 'nyx'), variant='full',
                      section=f'a full IOTLB ({FULL} entries)')
    yield from scalable_rows()
    yield Messages()
    yield from amd_rows()
    yield from virtio_rows()
