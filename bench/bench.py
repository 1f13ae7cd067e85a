#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures IOMMU models side by side: the same tables and requests behind
each, taken in turns in one run; prints medians and ratios."""

import argparse
import dataclasses
import json
import os
import statistics
import sys

import vtd
from qvm import TD, Machine

KIB, MIB = 1 << 10, 1 << 20
SEED = 7
VECTOR = 0x50
COMPATIBLE_MESSAGE = 0xfee00000
REMAPPABLE_MESSAGE = 0xfee00010


@dataclasses.dataclass
class Dma:
    """Requests of a device: what, how many, through which tables."""

    name: str
    leaf_lg2: int = 12
    slots: int = 1
    length: int = 4
    pattern: int = 0             # 0 one slot, 1 in order, 2 at random
    write: bool = False
    levels: int = 4
    scattered: bool = False
    threads: int = 1
    devices: int = 1
    stride: int = 0              # 0: a leaf
    count: int = 400_000
    quick: bool = True
    goal: float = 0              # ratio to the peer, at most
    unfit: tuple = ()            # models that cannot

    @property
    def step(self):
        return self.stride or 1 << self.leaf_lg2

    @property
    def leaves(self):
        threads = self.threads // self.devices
        return max(1, self.slots * threads * self.step >> self.leaf_lg2)


def dma_cases():
    """The table of requests."""
    yield Dma('4 B read, one page', goal=0.5)
    yield Dma('4 B write, one page', write=True, goal=0.5)
    yield Dma('64 B read, one page', length=64, goal=0.5)
    yield Dma('64 B write, one page', length=64, write=True, quick=False,
              goal=0.5)
    yield Dma('4 B read, 256 pages', slots=256, pattern=2, goal=0.5)
    yield Dma('4 B read, 4096 pages at random', slots=4096, pattern=2,
              goal=0.5)
    yield Dma('4 B write, 4096 pages at random', slots=4096, pattern=2,
              write=True, quick=False, goal=0.5)
    yield Dma('64 B read, 4096 pages at random', slots=4096, pattern=2,
              length=64, quick=False, goal=0.5)
    for levels in (3, 4, 5):
        yield Dma(f'4 B read, 65536 pages at random, {levels} levels',
                  slots=65536, pattern=2, levels=levels, goal=0.35,
                  quick=levels == 4, unfit=('peer',) if levels == 5 else ())
    yield Dma('4 B read, 256 leaves of 2 MiB at random', leaf_lg2=21,
              slots=256, pattern=2, goal=0.5)
    yield Dma('4 B read, 1 leaf of 1 GiB, 256 pages at random', leaf_lg2=30,
              slots=256, stride=4096, pattern=2, goal=0.5)
    for length, name in ((64 * KIB, '64 KiB'), (MIB, '1 MiB')):
        for scattered in (False, True):
            yield Dma(f'{name} read over 4 KiB pages, '
                      f'{"scattered" if scattered else "contiguous"}',
                      slots=8 * MIB // length, stride=length, length=length,
                      pattern=1, scattered=scattered, count=3000,
                      quick=length < MIB, goal=0.5)
    for threads, devices in ((2, 1), (4, 1), (2, 2), (4, 4)):
        yield Dma(f'4 B read, 256 pages each, {threads} threads, '
                  f'{devices} device{"s" if devices > 1 else ""}',
                  slots=256, pattern=2, threads=threads, devices=devices,
                  quick=(threads, devices) == (2, 2), goal=0.5)


class Subject:
    """A model in its machine."""

    def __init__(self, name, qemu, iommu, floor=False):
        self.name = name
        self.floor = floor
        self.machine = Machine(qemu, iommu, devices=4)
        self.vtd = vtd.Vtd(self.machine) if iommu else None

    def prepare(self, case):
        if self.vtd:
            self.vtd.map(case.leaf_lg2, case.leaves, case.levels,
                         case.scattered)
            self.vtd.enable()

    def run(self, case):
        """Nanoseconds a request takes one thread."""
        base = vtd.DATA if case.leaf_lg2 == 12 and not self.vtd else 0
        run = {
            'BASE': base, 'STRIDE': case.step, 'COUNT': case.count,
            'SEED': SEED, 'THREADS': case.threads // case.devices,
            'OP': TD['NYX_TD_OP_FILL' if case.write else 'NYX_TD_OP_READ'],
            'ATTR': 0, 'SLOTS': case.slots, 'LEN': case.length,
            'PATTERN': case.pattern,
            # Stop at an error; threads have pages of their own.
            'FLAGS': 3 | (8 if self.floor else 0),
        }
        devices = self.machine.devices[:case.devices]
        for device in devices:
            device.start(run)
        return statistics.mean(device.wait() / case.count
                               for device in devices)


def measure(function, subjects, rounds):
    """Medians by subject, the subjects in turns."""
    samples = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            samples[subject.name].append(function(subject))
    return {name: statistics.median(values)
            for name, values in samples.items()}


def run_dma(case, subjects, rounds):
    subjects = [s for s in subjects if s.name not in case.unfit]
    for subject in subjects:
        subject.prepare(case)
    measure(lambda s: s.run(dataclasses.replace(case, count=max(
        1, min(case.count, 2 * case.slots)))), subjects, 1)
    return measure(lambda s: s.run(case), subjects, rounds)


def run_invalidation(descriptor, cached, count, subjects, rounds):
    """Nanoseconds a command takes, with so many translations cached."""
    case = Dma('', slots=cached, pattern=1, count=cached)

    def once(subject):
        subject.run(case)
        spent = subject.vtd.repeat(count)
        return (spent - subject.vtd.repeat(1)) / (count - 1) * 1e9

    subjects = [s for s in subjects if s.vtd]
    for subject in subjects:
        subject.prepare(case)
        subject.vtd.fill_queue(descriptor)
    return measure(once, subjects, rounds)


INVALIDATIONS = (
    # Of another domain: what is cached stays, so each command meets it.
    ('one page', vtd.page(vtd.OTHER_DOMAIN, 0), 0.05),
    ('512 pages', vtd.pages512(vtd.OTHER_DOMAIN, 0), 0),
    ('one domain', vtd.domain(vtd.OTHER_DOMAIN), 0.05),
    ('global', (0x12, 0), 0),
)


def run_messages(subjects, rounds):
    subjects = [s for s in subjects if not s.floor]
    for subject in subjects:
        if subject.vtd:
            subject.vtd.enable_interrupts(VECTOR)

    def once(subject):
        addr = REMAPPABLE_MESSAGE if subject.vtd else COMPATIBLE_MESSAGE
        return subject.machine.devices[0].messages(addr, VECTOR, 20000)

    return measure(once, subjects, rounds)


def line(name, medians, goal):
    """One row: nanoseconds, the ratio, and whether it is good enough."""
    def cell(who):
        return f'{medians[who]:10.1f}' if who in medians else f'{"-":>10}'

    ratio = (medians['nyx'] / medians['peer']
             if 'peer' in medians and medians['peer'] > 0 else None)
    verdict = ''
    if ratio is not None and goal:
        verdict = f'{"meets" if ratio <= goal else "misses"} {goal:g}'
    shown = f'{ratio:8.2f}' if ratio is not None else f'{"-":>8}'
    return (f'{name:52}{cell("none")}{cell("floor")}{cell("peer")}'
            f'{cell("nyx")}{shown}  {verdict}')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--qemu', required=True, help='the wrapper')
    parser.add_argument('--quick', action='store_true',
                        help='the main cases only, in under three minutes')
    parser.add_argument('--json', metavar='FILE', help='write results there')
    parser.add_argument('--rounds', type=int, default=0)
    options = parser.parse_args()
    rounds = options.rounds or (5 if options.quick else 9)

    subjects = [
        Subject('none', options.qemu, None),
        Subject('floor', options.qemu, None, floor=True),
        Subject('peer', options.qemu, 'intel-iommu,intremap=on'),
        Subject('nyx', options.qemu,
                'nyx-vtd,aw-bits=57,intremap=on,eim=off'),
    ]
    results = []

    def report(kind, name, medians, goal):
        print(line(name, medians, goal), flush=True)
        results.append({'kind': kind, 'name': name, 'ns': medians,
                        'goal': goal or None})

    print(f'{"nanoseconds, medians of " + str(rounds):52}{"none":>10}'
          f'{"floor":>10}{"intel":>10}{"nyx-vtd":>10}{"ratio":>8}')
    try:
        for case in dma_cases():
            if case.quick or not options.quick:
                report('dma', case.name, run_dma(case, subjects, rounds),
                       case.goal)
        for name, descriptor, goal in INVALIDATIONS:
            for cached in (16, 1024, 65536):
                if options.quick and cached == 1024:
                    continue
                report('invalidation', f'invalidate {name}, {cached} cached',
                       run_invalidation(descriptor, cached, 4001, subjects,
                                        rounds), goal)
        report('interrupt', 'one message, remapped against not',
               run_messages(subjects, rounds), 0)
    finally:
        for subject in subjects:
            subject.machine.close()
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as out:
            json.dump({'rounds': rounds, 'cpus': os.cpu_count(),
                       'results': results}, out, indent=1)
    return 0


if __name__ == '__main__':
    sys.exit(main())
