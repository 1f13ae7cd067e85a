# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows about a listener such as VFIO: 1 GiB of 4-KiB entries announced to it,
and taken back."""

import vtd
from qvm import Refused
from subjects import TITLES, Result

GIB = 1 << 30
PAGES = GIB >> 12
MIB_2 = 2 << 20


def one_command(unit, there):
    """The tables change at one place; one command tells the unit."""
    if unit.largest_range() < 18:
        raise Refused('no command for 1 GiB')
    unit.set_gigabyte(there)
    return unit.submit([vtd.pages(vtd.DOMAIN, 0, 18)])


def many_commands(unit, there):
    """The same, told in pieces of 2 MiB."""
    unit.set_gigabyte(there)
    return unit.submit([vtd.pages(vtd.DOMAIN, at, 9)
                        for at in range(0, GIB, MIB_2)])


def expect(device, there):
    mapped = device.read64('SHADOW_BYTES')
    if mapped != (GIB if there else 0):
        raise RuntimeError(f'{mapped} bytes are mapped')


def replay(subject):
    """All is mapped already when the listener comes."""
    device = subject.machine.devices[0]
    subject.vtd.set_gigabyte(True)
    subject.vtd.submit([(0x11, 0), vtd.EVERYTHING])
    spent = device.listen()
    expect(device, True)
    events = device.events()
    device.ignore()
    return spent, events


def change(tell, there):
    """The listener is there when it is mapped, or unmapped."""
    def once(subject):
        device, unit = subject.machine.devices[0], subject.vtd
        unit.set_gigabyte(not there)
        unit.submit([(0x11, 0), vtd.EVERYTHING])
        device.listen()
        expect(device, not there)
        device.clear_events()
        spent = tell(unit, there)
        expect(device, there)
        events = device.events()
        device.ignore()
        return spent, events
    return once


class Notify:
    """One way to announce 1 GiB."""

    section = 'a listener, 1 GiB of 4-KiB entries'

    def __init__(self, name, once, scattered, quick=True, goal=0):
        self.name = f'{name}, {"scattered" if scattered else "contiguous"}'
        self.once = once
        self.scattered = scattered
        self.quick = quick
        self.goal = goal

    def measure(self, lab, rounds, quick):
        result = Result(self.section, self.name, 'ms', {}, self.goal, 'maps')
        subjects = lab.get('announcing')
        for subject in subjects:
            subject.vtd.map(12, PAGES, 4, self.scattered)
            subject.vtd.enable()
        for _ in range(1 if quick else max(1, rounds // 2)):
            for subject in subjects:
                self._sample(subject, result)
        return result

    def _sample(self, subject, result):
        if subject.name in result.reasons:
            return
        try:
            spent, events = self.once(subject)
        except Refused as why:
            result.reasons[subject.name] = str(why).removeprefix(
                f'{TITLES[subject.name]}: ')
            subject.machine.devices[0].ignore()
            return
        result.samples.setdefault(subject.name, []).append(spent * 1e3)
        result.facts[subject.name] = events


def rows():
    for scattered in (False, True):
        yield Notify('replay', replay, scattered)
        yield Notify('mapped, one command', change(one_command, True),
                     scattered, goal=0 if scattered else 0.01)
        yield Notify('mapped, 512 commands', change(many_commands, True),
                     scattered, quick=False)
        yield Notify('unmapped, one command', change(one_command, False),
                     scattered, quick=not scattered)
