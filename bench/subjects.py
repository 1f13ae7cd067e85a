# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured: IOMMU models, each in a machine that is started when the
first row wants it."""

import dataclasses

import vtd
from qvm import Machine

# Entries of the IOTLB that rows about a full one are made for: QEMU's own has
# so many, and no option for another number.
FULL = 1024

# Options of the models, by what a row needs of them.
VARIANTS = {
    'usual': {
        'none': None,
        'floor': None,
        'peer': 'intel-iommu,intremap=on',
        'nyx': 'nyx-vtd,aw-bits=57,intremap=on,eim=off',
    },
    # One device only is ever used in these: a command looks at each device
    # that was seen in its domain.
    'commands': {
        'peer': 'intel-iommu',
        'nyx': 'nyx-vtd',
    },
    # The tables' changes are announced to listeners.
    'announcing': {
        'peer': 'intel-iommu,caching-mode=on',
        'nyx': 'nyx-vtd,caching-mode=on',
    },
    'full': {
        'peer': 'intel-iommu',
        'nyx': f'nyx-vtd,iotlb-entries={FULL}',
    },
    # Scalable mode; QEMU's own has one stage or the other.
    'first': {
        'peer': 'intel-iommu,x-scalable-mode=on,x-flts=on',
        'nyx': 'nyx-vtd,scalable-mode=on',
    },
    'second': {
        'peer': 'intel-iommu,x-scalable-mode=on',
        'nyx': 'nyx-vtd,scalable-mode=on',
    },
}
SCALABLE = ('first', 'second')

# How they are called in what is printed.
TITLES = {'none': 'none', 'floor': 'floor', 'peer': 'intel', 'nyx': 'nyx-vtd'}


class Subject:
    """A model in its machine."""

    def __init__(self, name, machine, unit):
        self.name = name
        self.machine = machine
        self.vtd = unit


class Lab:
    """All subjects that have been started."""

    def __init__(self, qemu):
        self.qemu = qemu
        self.started = {}

    def get(self, variant, *names):
        """The subjects of a variant with these names, or all of them."""
        options = VARIANTS[variant]
        return [self._one(variant, name) for name in names or options]

    def _one(self, variant, name):
        if (variant, name) not in self.started:
            iommu = VARIANTS[variant][name]
            machine = Machine(self.qemu, iommu, devices=4)
            unit = vtd.Vtd(machine, variant in SCALABLE) if iommu else None
            self.started[variant, name] = Subject(name, machine, unit)
        return self.started[variant, name]

    def close(self):
        for subject in self.started.values():
            subject.machine.close()


@dataclasses.dataclass
class Result:
    """What came of a row; the dictionaries are by name of the subject."""

    section: str
    name: str
    unit: str                    # 'ns', 'ms' or 'ops/s'
    samples: dict
    goal: float = 0              # ratio to the peer, at most
    goal_of: str = ''            # a fact that the goal is for, not the time
    facts: dict = dataclasses.field(default_factory=dict)
    reasons: dict = dataclasses.field(default_factory=dict)


def in_turns(function, subjects, rounds):
    """Samples by subject, the subjects in turns."""
    samples = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            samples[subject.name].append(function(subject))
    return samples
