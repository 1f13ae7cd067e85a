# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows about commands of the invalidation queue.

One subject's commands go into the queue, then a test device rings the doorbell
and takes the time, so neither the test protocol nor the refill is in it."""

import dataclasses
import statistics

import unit
from rows_dma import IN_ORDER, Dma
from subjects import VARIANTS, Result, in_turns

# Commands at one doorbell: a unit may do the rest of more of them later.
BATCH = 200
PAGE = 4096


@dataclasses.dataclass
class Invalidation:
    """Commands of one kind, with so many translations cached."""

    what: str
    cached: int
    meets: bool                  # what it names is cached, so it goes
    goal: float = 0              # ratio to the peer, at most
    variant: str = 'commands'
    section: str = 'invalidation'

    @property
    def name(self):
        return (f'{self.what}, {self.cached} cached, '
                f'{"its own" if self.meets else "none of it"}')

    @property
    def quick(self):
        return self.cached != 1024

    def commands(self, of):
        """Different ones, as far as there are any to be met."""
        domain = unit.DOMAIN if self.meets else unit.OTHER_DOMAIN
        if self.what in ('one page', '512 pages'):
            lg2 = 0 if self.what == 'one page' else 9
            # The last ones: a small IOTLB has lost the first by then.
            last = max(1, self.cached >> lg2) if self.meets else BATCH
            return [of.pages(domain, at * PAGE << lg2, lg2)
                    for at in range(max(0, last - BATCH), last)]
        one = (of.EVERYTHING if self.what == 'global'
               else of.whole_domain(domain))
        # The first takes all; there is nothing left for a second.
        return [one] * (1 if self.meets else BATCH)

    def measure(self, lab, rounds, quick):
        # Scattered: an IOTLB may hold a run of leaves in one entry.
        fill = Dma('', slots=self.cached, pattern=IN_ORDER, scattered=True,
                   count=self.cached)
        repeats = 3 if quick else 7

        def once(subject):
            """Of one command, in a series of which each starts filled."""
            spent = []
            commands = self.commands(subject.unit)
            for _ in range(repeats):
                # From nothing: QEMU's own empties itself when it is full,
                # so what is left of a fill depends on where it began.
                subject.unit.submit([subject.unit.EVERYTHING])
                fill.run(subject)
                spent.append(subject.unit.commands(commands) / len(commands))
            return statistics.median(spent)

        subjects = lab.get(self.variant)
        for subject in subjects:
            fill.prepare(subject)
            once(subject)
        return Result(self.section, self.name, 'ns',
                      in_turns(once, subjects, rounds),
                      VARIANTS[self.variant].titles, self.goal)


def rows():
    for what, goal in (('one page', 0.05), ('512 pages', 0),
                       ('one domain', 0), ('global', 0)):
        for meets in (False, True):
            if what == 'global' and not meets:
                continue
            for cached in (16, 1024, 65536):
                yield Invalidation(what, cached, meets,
                                   goal if cached == 65536 else 0)
    for what in ('one page', 'one domain'):
        for cached in (16, 65536):
            yield Invalidation(what, cached, True, 0, 'amd-commands',
                               'invalidation, AMD-Vi')
