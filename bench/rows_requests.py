# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows about requests of a virtio-iommu driver.

A ring full of requests is made available, then a test device rings the
doorbell and takes the time until all are done, so the test protocol is not in
it."""

import dataclasses
import random
import statistics

import viommu
from subjects import VARIANTS, Result, in_turns

GIB, MIB_2, PAGE = 1 << 30, 2 << 20, 4096
DATA_PAGES = 1 << 18         # of memory that mappings go to: 1 GiB


def held(count, scattered):
    """MAP requests for what a domain holds already: pages that follow each
    other in both address spaces, or every other page, to anywhere."""
    if not scattered:
        return [viommu.map_request(at * PAGE, at * PAGE)
                for at in range(count)]
    to = random.Random(2)
    order = list(range(count))
    to.shuffle(order)
    return [viommu.map_request(2 * at * PAGE,
                               to.randrange(DATA_PAGES) * PAGE)
            for at in order]


def added(count, scattered, times):
    """(address, memory) of so many more, another batch each time."""
    for time in range(times):
        if not scattered:
            yield [((count + i) * PAGE, (count + i) * PAGE)
                   for i in range(viommu.BATCH)]
            continue
        to = random.Random(time)
        places = to.sample(range(max(count, 4 * viommu.BATCH)), viommu.BATCH)
        yield [((2 * at + 1) * PAGE, to.randrange(DATA_PAGES) * PAGE)
               for at in places]


def fill(subject, requests):
    """One device in a domain with such mappings."""
    subject.unit.restart()
    subject.unit.attach(subject.machine.devices[0])
    if requests:
        subject.unit.submit(requests)


@dataclasses.dataclass
class Mapping:
    """MAP or UNMAP in a domain that holds so many mappings."""

    what: str
    count: int
    scattered: bool = False
    goal: float = 0
    variant: str = 'virtio'
    section: str = 'MAP and UNMAP, virtio-iommu'

    @property
    def name(self):
        order = 'scattered' if self.scattered else 'in order'
        return f'{self.what}, {self.count:,} mapped, {order}'

    @property
    def quick(self):
        return self.count == 100_000

    def measure(self, lab, rounds, quick):
        times = 3 if quick else 9

        def once(subject):
            """Of one request; batches come and go again."""
            unit, spent = subject.unit, []
            unit.align()
            idle = unit.idle()
            for pages in added(self.count, self.scattered, times):
                maps = unit.batch([viommu.map_request(*page)
                                   for page in pages])
                unmaps = unit.batch([viommu.unmap_request(page[0])
                                     for page in pages])
                took = maps if self.what == 'MAP' else unmaps
                spent.append((took - idle) / viommu.BATCH)
            return statistics.median(spent)

        subjects = lab.get(self.variant, 'peer', 'nyx')
        for subject in subjects:
            fill(subject, held(self.count, self.scattered))
            once(subject)
        return Result(self.section, self.name, 'ns',
                      in_turns(once, subjects, rounds),
                      VARIANTS[self.variant].titles, self.goal)


@dataclasses.dataclass
class Whole:
    """Requests that have to do with all mappings of a domain."""

    name: str
    once: object                 # milliseconds, of a subject
    prepare: object = None
    quick: bool = True
    goal: float = 0
    variant: str = 'virtio'
    section: str = 'whole domains, virtio-iommu'

    def measure(self, lab, rounds, quick):
        subjects = lab.get(self.variant, 'peer', 'nyx')
        for subject in subjects:
            if self.prepare:
                self.prepare(subject)
            self.once(subject)
        return Result(self.section, self.name, 'ms',
                      in_turns(self.once, subjects,
                               1 if quick else max(1, rounds // 2)),
                      VARIANTS[self.variant].titles, self.goal)


def attached(subject):
    """A second device comes to the domain, and goes."""
    device = subject.machine.devices[1]
    spent = subject.unit.attach(device)
    subject.unit.detach(device)
    return spent / 1e6


def detached(subject):
    device = subject.machine.devices[1]
    subject.unit.attach(device)
    return subject.unit.detach(device) / 1e6


def ended(mappings):
    """The last device goes, and with it the domain."""
    def once(subject):
        fill(subject, mappings)
        return subject.unit.detach(subject.machine.devices[0]) / 1e6
    return once


def gigabyte(size):
    """1 GiB mapped in pieces."""
    def once(subject):
        unit = subject.unit
        fill(subject, [])
        return unit.submit([viommu.map_request(at, at, size)
                            for at in range(0, GIB, size)]) / 1e6
    return once


class Listened(Whole):
    """1 GiB of 4-KiB mappings comes or goes while a device listens, as VFIO
    does."""

    def measure(self, lab, rounds, quick):
        facts = {}

        def once(subject):
            device = subject.machine.devices[0]
            fill(subject, [])
            device.listen()
            try:
                spent = self.once(subject)
                facts[subject.name] = device.events()
            finally:
                device.ignore()
            return spent

        subjects = lab.get(self.variant, 'peer', 'nyx')
        samples = in_turns(once, subjects,
                           1 if quick else max(1, rounds // 2))
        return Result(self.section, self.name, 'ms', samples,
                      VARIANTS[self.variant].titles, self.goal, facts=facts)


def map_gigabyte(scattered):
    def once(subject):
        pages = list(range(DATA_PAGES))
        if scattered:
            random.Random(2).shuffle(pages)
        return subject.unit.submit([viommu.map_request(at * PAGE, to * PAGE)
                                    for at, to in enumerate(pages)]) / 1e6
    return once


def unmap_gigabyte(scattered):
    def once(subject):
        map_gigabyte(scattered)(subject)
        subject.machine.devices[0].clear_events()
        return subject.unit.one(viommu.unmap_request(0, GIB)) / 1e6
    return once


def rows():
    for scattered in (False, True):
        for count in (0, 1000, 100_000):
            for what in ('MAP', 'UNMAP'):
                yield Mapping(what, count, scattered,
                              0.5 if count == 100_000 else 0)
    many = held(100_000, True)
    yield Whole('ATTACH to a domain with 100,000 mappings', attached,
                lambda subject: fill(subject, many))
    yield Whole('DETACH from it', detached,
                lambda subject: fill(subject, many))
    yield Whole('DETACH of its last endpoint', ended(many), quick=False)
    yield Whole('1 GiB mapped by 4-KiB requests', gigabyte(PAGE))
    yield Whole('1 GiB mapped by 2-MiB requests', gigabyte(MIB_2),
                quick=False)
    for scattered in (False, True):
        order = 'scattered' if scattered else 'contiguous'
        yield Listened(f'1 GiB mapped by 4-KiB requests, a listener, {order}',
                       map_gigabyte(scattered), quick=False)
        yield Listened(f'1 GiB unmapped by one request, a listener, {order}',
                       unmap_gigabyte(scattered), quick=False)
