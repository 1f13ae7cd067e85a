# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows about a listener such as VFIO: 1 GiB of 4-KiB entries announced to it,
and taken back."""

import dataclasses

import unit
from qvm import Refused
from subjects import VARIANTS, Result

GIB = 1 << 30
PAGES = GIB >> 12
MIB_2 = 2 << 20


# One in the middle of others.
ONE_PAGE = 100001


def one_command(of, there):
    """The tables change at one place; one command tells the unit."""
    if of.largest_range() < 18:
        raise Refused('no command for 1 GiB')
    of.set_gigabyte(there)
    return of.submit([of.pages(unit.DOMAIN, 0, 18)])


def many_commands(of, there):
    """The same, told in pieces of 2 MiB."""
    of.set_gigabyte(there)
    return of.submit([of.pages(unit.DOMAIN, at, 9)
                      for at in range(0, GIB, MIB_2)])


def one_page(of, there):
    """One entry of many changes."""
    of.set_page(ONE_PAGE, there)
    # Short enough for the test protocol to matter.
    return of.commands([of.pages(unit.DOMAIN, ONE_PAGE << 12)]) / 1e9


@dataclasses.dataclass
class Notify:
    """Entries that come or go while there are listeners."""

    what: str
    tell: object                 # changes the tables and says so
    there: bool = True           # what changes comes, or goes
    size: int = GIB              # of what changes
    scattered: bool = False
    devices: int = 1
    quick: bool = True
    goal: float = 0              # ratio of the numbers of MAP events
    variant: str = 'announcing'
    section: str = 'a listener, 1 GiB of 4-KiB entries'

    @property
    def name(self):
        order = 'scattered' if self.scattered else 'contiguous'
        devices = f', {self.devices} devices' if self.devices > 1 else ''
        return f'{self.what}, {order}{devices}'

    def set_back(self, of):
        """The tables as they are before the change; all caches dropped."""
        of.set_gigabyte(self.size < GIB or not self.there)
        of.set_page(ONE_PAGE, self.size == GIB or not self.there)
        of.forget()

    def expect(self, devices, changed):
        """What the listeners have been told is what is mapped."""
        want = (GIB if self.there == changed else 0) if self.size == GIB \
            else GIB - (0 if self.there == changed else self.size)
        for device in devices:
            mapped = device.read64('SHADOW_BYTES')
            if mapped != want:
                raise RuntimeError(f'{mapped} bytes are mapped, not {want}')

    def once(self, subject):
        """Seconds it takes, and the events."""
        devices = subject.machine.devices[:self.devices]
        self.set_back(subject.unit)
        try:
            for device in devices:
                device.listen()
            self.expect(devices, False)
            for device in devices:
                device.clear_events()
            spent = self.tell(subject.unit, self.there)
            self.expect(devices, True)
            return spent, add(device.events() for device in devices)
        finally:
            for device in devices:
                device.ignore()

    def measure(self, lab, rounds, quick):
        result = Result(self.section, self.name, 'ms', {},
                        VARIANTS[self.variant].titles, self.goal, 'maps')
        subjects = lab.get(self.variant)
        for subject in subjects:
            subject.unit.map(12, PAGES, 4, self.scattered)
            subject.unit.enable()
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
                f'{result.titles[subject.name]}: ')
            return
        result.samples.setdefault(subject.name, []).append(spent * 1e3)
        result.facts[subject.name] = events


class Replay(Notify):
    """All is mapped already when the listeners come."""

    def once(self, subject):
        devices = subject.machine.devices[:self.devices]
        self.set_back(subject.unit)
        subject.unit.set_gigabyte(True)
        subject.unit.forget()
        try:
            spent = sum(device.listen() for device in devices)
            self.expect(devices, True)
            return spent, add(device.events() for device in devices)
        finally:
            for device in devices:
                device.ignore()


def add(events):
    """The sums of several devices' numbers."""
    sums = {}
    for one in events:
        for what, number in one.items():
            sums[what] = sums.get(what, 0) + number
    return sums


def rows():
    for scattered in (False, True):
        yield Replay('replay', None, scattered=scattered)
        yield Notify('mapped, one command', one_command, scattered=scattered,
                     goal=0 if scattered else 0.01)
        yield Notify('mapped, 512 commands', many_commands, quick=False,
                     scattered=scattered)
        yield Notify('unmapped, one command', one_command, there=False,
                     scattered=scattered, quick=not scattered)
        for there in (False, True):
            yield Notify(f'one page {"more" if there else "less"}', one_page,
                         there=there, size=4096, scattered=scattered,
                         quick=False)
    yield Notify('mapped, one command', one_command, devices=4, quick=False)
