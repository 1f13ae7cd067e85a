# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured: IOMMU models, each in a machine that is started when the
first row wants it."""

import dataclasses
import functools

from amdvi import Amdvi
from qvm import Machine
from viommu import SLOT, Virtio
from vtd import Vtd

# Entries of the IOTLB that rows about a full one are made for: QEMU's own has
# so many, and no option for another number.
FULL = 1024

# How models are called in what is printed.
VTD = {'none': 'none', 'floor': 'floor', 'peer': 'intel', 'nyx': 'nyx-vtd'}
AMD = {'none': 'none', 'floor': 'floor', 'peer': 'amd', 'nyx': 'nyx-amdvi'}
VIRTIO = {'none': 'none', 'floor': 'floor', 'peer': 'virtio',
          'nyx': 'nyx-virtio'}


@dataclasses.dataclass
class Variant:
    """Models that are compared."""

    unit: object                 # makes the unit of a machine
    titles: dict
    models: dict                 # options of the device, by name


SCALABLE = functools.partial(Vtd, scalable=True)

# By what a row needs of them.
VARIANTS = {
    'usual': Variant(Vtd, VTD, {
        'none': None,
        'floor': None,
        'peer': 'intel-iommu,intremap=on',
        'nyx': 'nyx-vtd,aw-bits=57,intremap=on,eim=off',
    }),
    # One device only is ever used in these: a command looks at each device
    # that was seen in its domain.
    'commands': Variant(Vtd, VTD, {
        'peer': 'intel-iommu',
        'nyx': 'nyx-vtd',
    }),
    # The tables' changes are announced to listeners.
    'announcing': Variant(Vtd, VTD, {
        'peer': 'intel-iommu,caching-mode=on',
        'nyx': 'nyx-vtd,caching-mode=on',
    }),
    'full': Variant(Vtd, VTD, {
        'peer': 'intel-iommu',
        'nyx': f'nyx-vtd,iotlb-entries={FULL}',
    }),
    # Scalable mode; QEMU's own has one stage or the other.
    'first': Variant(SCALABLE, VTD, {
        'peer': 'intel-iommu,x-scalable-mode=on,x-flts=on',
        'nyx': 'nyx-vtd,scalable-mode=on',
    }),
    'second': Variant(SCALABLE, VTD, {
        'peer': 'intel-iommu,x-scalable-mode=on',
        'nyx': 'nyx-vtd,scalable-mode=on',
    }),
    # Without pt=off QEMU's own does not translate.
    'amd': Variant(Amdvi, AMD, {
        'none': None,
        'floor': None,
        'peer': 'amd-iommu,pt=off,intremap=on',
        'nyx': 'nyx-amdvi,intremap=on',
    }),
    'amd-commands': Variant(Amdvi, AMD, {
        'peer': 'amd-iommu,pt=off',
        'nyx': 'nyx-amdvi',
    }),
    'amd-announcing': Variant(Amdvi, AMD, {
        'peer': 'amd-iommu,pt=off',
        'nyx': 'nyx-amdvi',
    }),
    'virtio': Variant(Virtio, VIRTIO, {
        'none': None,
        'floor': None,
        'peer': f'virtio-iommu-pci,addr={SLOT}',
        'nyx': f'nyx-virtio-iommu-pci,addr={SLOT}',
    }),
}


class Subject:
    """A model in its machine."""

    def __init__(self, name, machine, unit):
        self.name = name
        self.machine = machine
        self.unit = unit


class Lab:
    """All subjects that have been started."""

    def __init__(self, qemu):
        self.qemu = qemu
        self.started = {}

    def get(self, variant, *names):
        """The subjects of a variant with these names, or all of them."""
        models = VARIANTS[variant].models
        return [self._one(variant, name) for name in names or models]

    def _one(self, variant, name):
        if (variant, name) not in self.started:
            iommu = VARIANTS[variant].models[name]
            machine = Machine(self.qemu, iommu, devices=4)
            unit = VARIANTS[variant].unit(machine) if iommu else None
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
    titles: dict                 # of the subjects
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
