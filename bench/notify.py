# SPDX-License-Identifier: GPL-2.0-or-later
"""What consumers of mappings are told, and how long it takes: nyx-vtd and
intel-iommu with listeners in the manner of VFIO behind them."""

import argparse
import struct
import sys
import time

import vtd
from qvm import Machine

PAGES = 1 << 18              # 1 GiB
LISTEN = 3                   # MAP and UNMAP
CLEAR, REPLAY = 1, 2


class Subject:
    """A model, its devices in one domain with an empty table."""

    def __init__(self, qemu, iommu, devices):
        self.machine = Machine(qemu, iommu + ',caching-mode=on', devices,
                               options=['-global', 'nyx-testdev.shadow-max='
                                        f'{2 * PAGES}'])
        self.vtd = vtd.Vtd(self.machine)
        self.vtd.map(12, PAGES, 3)
        self.empty()
        self.vtd.enable()
        for device in self.machine.devices:
            device.write32('NOTIFY_CTRL', LISTEN)
            if device.read32('NOTIFY_STATUS') & 7 != 1:
                raise RuntimeError('the listener was refused')

    def empty(self):
        """As many tables as before, and nothing in the lowest."""
        self.machine.store(vtd.TABLES, bytes(PAGES * 8))

    def count(self, function):
        """Events of all devices together, and milliseconds."""
        for device in self.machine.devices:
            device.write32('NOTIFY_OP', CLEAR)
        start = time.perf_counter()
        function()
        spent = time.perf_counter() - start
        events = 0
        for device in self.machine.devices:
            events += device.read64('NOTIFY_MAPS')
            events += device.read64('NOTIFY_UNMAPS')
            if device.read32('NOTIFY_ERRORS'):
                raise RuntimeError('the consumer objects')
        return events, spent * 1e3

    def flush(self, am, addr=0):
        command = (0x32 | vtd.DOMAIN << 16, addr | am)
        return self.count(lambda: self.vtd.submit([command]))

    def replay(self):
        return self.count(lambda: [device.write32('NOTIFY_OP', REPLAY)
                                   for device in self.machine.devices])

    def entry(self, page, value):
        self.machine.store(vtd.TABLES + page * 8, struct.pack('<Q', value))


def cases(subject):
    """Name, events and milliseconds of each step."""
    for scattered in (False, True):
        how = 'scattered' if scattered else 'contiguous'
        subject.vtd.map(12, PAGES, 3, scattered)
        yield f'map 1 GiB, {how}, one command', *subject.flush(18)
        yield f'the same again, {how}', *subject.flush(18)
        yield f'replay, {how}', *subject.replay()
        old = subject.machine.read64(vtd.TABLES + 8 * 100001)
        subject.entry(100001, 0)
        yield f'one page less, {how}', *subject.flush(0, 100001 << 12)
        subject.entry(100001, old)
        yield f'one page more, {how}', *subject.flush(0, 100001 << 12)
        subject.empty()
        yield f'unmap 1 GiB, {how}', *subject.flush(18)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--qemu', required=True, help='the wrapper')
    options = parser.parse_args()
    models = {'intel': 'intel-iommu,intremap=on',
              'nyx': 'nyx-vtd,intremap=on,eim=off',
              'apart': 'nyx-vtd,intremap=on,eim=off,coalesce=off'}

    for devices in (1, 4):
        rows = {}
        for name, iommu in models.items():
            subject = Subject(options.qemu, iommu, devices)
            try:
                for row, events, spent in cases(subject):
                    rows.setdefault(row, {})[name] = (events, spent)
            finally:
                subject.machine.close()
        print(f'{f"events and ms, devices: {devices}":44}'
              + ''.join(f'{name:>20}' for name in models))
        for row, results in rows.items():
            print(f'{row:44}' + ''.join(
                f'{events:10}{spent:10.2f}'
                for events, spent in (results[name] for name in models)),
                flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
