#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows a Debian kernel behind an IOMMU model, and checks what it shows:
scripts/demo.sh sets up, builds and runs this."""

import argparse
import pathlib
import re
import shutil
import sys
import tempfile
import time

import amd
import checks
import intel
import nested
import rows
import run
import virtio
from vm import Nested

# One guest that does a little of everything. Two reads of each disk, so that
# there is something to hit.
GUEST = {
    'mode': 'lazy',
    'devices': 'vblk nvme e1000e testdev',
    'tests': 'disk:vblk disk:nvme net:e1000e:2 '
             'rogue:testdev:write:0xbad5000 rogue:testdev:read:0xbad7000 '
             'rogue:testdev:msi:0xfee00000 disk:vblk',
}

ROWS = {
    'vtd': rows.Row(
        'demo', iommu='aw-bits=48,intremap=on,eim=on', **GUEST,
        faults={'write': rows.WRITE, 'read': rows.READ, 'msi': rows.MSI}),
    'amdvi': amd.AmdRow(
        'demo', **GUEST,
        faults={'write': amd.WRITE, 'read': amd.READ, 'msi': amd.MSI}),
    # It leaves interrupts alone; and only newer kernels have domains for
    # devices without a driver.
    'virtio': virtio.VioRow(
        'demo', kernel='newest', **{**GUEST, 'tests': GUEST['tests'].replace(
            'rogue:testdev:msi:0xfee00000 ', '') + ' functions'},
        faults={'write': virtio.PAGE % 'W', 'read': virtio.PAGE % 'R'}),
    # A guest with a guest, which has its disk.
    'nested': nested.outer('vtd', nested.inner('vtd'), 'demo'),
}

MODELS = {'vtd': 'nyx-vtd', 'amdvi': 'nyx-amdvi',
          'virtio': 'nyx-virtio-iommu-pci', 'nested': 'nyx-vtd'}

FAULT_LINES = re.compile('|'.join(driver.FAULT_LINES.pattern for driver in
                                  (intel, amd, virtio)))

KERNEL_LINES = re.compile(
    r'(DMAR: IOMMU|DMAR: dmar0|DMAR-IR: Enabled|DMAR: Using Queued|'
    r'DMAR: Intel|AMD-Vi: (Found|Extended|Interrupt|X2APIC|Using)|'
    r'x2apic enabled|ACPI: VIOT 0x|virtio_iommu|iommu: Default|iommu: DMA domain|'
    r'Adding to iommu group)')

SUMS = {
    'read': '{}: read through the page cache',
    'direct': '{}: read with O_DIRECT',
    'back': '{}: written, read back after dropping caches',
    'tftp': '{}: file over TFTP',
    'tcp': '{}: 1 MiB received over TCP',
    'up': '{}: 128 KiB sent over TCP',
}

NAMES = {'vblk': 'virtio-blk', 'nvme': 'NVMe', 'e1000e': 'e1000e'}


class Paint:
    """Colours, on a terminal."""

    def __init__(self, stream):
        self.on = stream.isatty()

    def __call__(self, code, text):
        return f'\033[{code}m{text}\033[0m' if self.on else text

    def title(self, text):
        print('\n' + self('1', text), flush=True)

    def good(self, text):
        return self('32', text)

    def bad(self, text):
        return self('1;31', text)


# What the inner guest's sections are called.
INNER = 'The inner guest: '


class Show:
    """Prints the guest's console as a story, while it runs."""

    def __init__(self, paint, sums, directory):
        self.paint = paint
        self.sums = sums
        self.directory = directory
        self.section = None
        self.caught = False
        self.inner = False

    def begin(self):
        """The outer guest's first line, and the inner one's."""
        if self.section is None:
            show_command(self.directory / 'qemu0.cmdline', self.paint,
                         "An unmodified QEMU of Debian; the command, in short")
            self.section = ''
        if self.inner and self.section != 'inner' and \
                not self.section.startswith(INNER):
            show_command(self.directory / 'inner.cmdline', self.paint,
                         'In this guest, another QEMU, to which vfio-pci gives '
                         'the devices')
            self.section = 'inner'

    def enter(self, section):
        if self.inner:
            section = INNER + section
        if self.section != section:
            self.section = section
            self.paint.title(section)

    def line(self, line):
        self.inner = line.startswith(Nested.MARK)
        line = line.removeprefix(Nested.MARK)
        self.begin()
        text = re.sub(r'^\[ *[0-9.]+\] ', '', line)
        if text.startswith('NYX: '):
            words = text.split()[1:]
            method = getattr(self, 'say_' + words[0], None)
            if method:
                method(*words[1:])
        elif FAULT_LINES.search(text):
            if 'handling fault' not in text:
                self.enter('A device does DMA that nobody allowed; '
                           'the guest kernel says')
                self.show(self.paint.bad(text))
                self.caught = True
        elif KERNEL_LINES.search(text):
            self.enter("The guest's kernel")
            self.show(text)

    @staticmethod
    def show(text):
        print('  ' + text, flush=True)

    def say_group(self, number, kind, *devices):
        self.enter('IOMMU groups, as the guest has them in sysfs')
        self.show(f'group {number:3} {kind:8} {" ".join(devices)}')

    def say_rogue(self, function, operation, address):
        if self.inner:
            self.enter('DMA to where it has nothing mapped')
            self.show(f'{function} is told to {operation} at {address}')

    def say_sum(self, name, value=''):
        device, what = name.split('.')
        self.enter('The other devices go on working' if self.caught else
                   'Disk and network I/O through the IOMMU')
        same = value == self.sums.get(name)
        mark = self.paint.good('matches') if same else \
            self.paint.bad('DIFFERS')
        text = SUMS[what].format(NAMES[device])
        self.show(f'{text:54} sha256 {value[:12]}… {mark}')


# ------------------------------------------------------------ the statistics

def is_cache(value):
    return isinstance(value, dict) and {'hits', 'misses'} <= value.keys()


def rate(cache):
    looked = cache['hits'] + cache['misses']
    return f'{100 * cache["hits"] / looked:.1f} %' if looked else '-'


def table(header, lines):
    """Columns as wide as needed; what begins with a digit to the right."""
    cells = [header] + [[str(cell) for cell in line] for line in lines]
    columns = list(zip(*cells))
    widths = [max(map(len, column)) for column in columns]
    words = [not all(re.match('[0-9-]', cell) for cell in column[1:])
             for column in columns]
    for line in cells:
        print('  ' + '  '.join(
            cell.ljust(width) if i == 0 or words[i] else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths))).rstrip())


def spoken(name):
    return name.replace('-', ' ').replace('iotlb', 'IOTLB')


def show_stats(stats, paint):
    """Whatever a model counts: caches, structures of counters, lists of
    structures, and single numbers, each as a table of its own."""
    caches = {name: value for name, value in stats.items() if is_cache(value)}
    if caches:
        paint.title('Caches of the device')
        columns = sorted({key for cache in caches.values() for key in cache} -
                         {'hits', 'misses'})
        table(['cache', 'hits', 'misses', 'hit rate', *map(spoken, columns)],
              [[spoken(name), cache['hits'], cache['misses'], rate(cache),
                *(cache.get(key, '-') for key in columns)]
               for name, cache in sorted(caches.items())])
    for name, value in sorted(stats.items()):
        if isinstance(value, dict) and name not in caches:
            paint.title(spoken(name).capitalize())
            table([f'{"kind":30}', 'count'],
                  [[spoken(key), count] for key, count in sorted(
                      value.items())])
        elif isinstance(value, list) and value:
            paint.title(spoken(name).capitalize())
            show_list(value)
    numbers = [[spoken(name), value] for name, value in sorted(stats.items())
               if not isinstance(value, (dict, list))]
    if numbers:
        paint.title('Other counters')
        table([f'{"":30}', 'count'], numbers)


def show_list(entries):
    """A line for each structure; a cache in it is shown by its hit rate."""
    columns = [key for key, value in entries[0].items()
               if is_cache(value) or not isinstance(value, (dict, list))]
    # What an entry is about comes first.
    columns.sort(key=lambda key: (key not in ('sid', 'reason'), key))
    table([spoken(key) + (' hits' if is_cache(entries[0][key]) else '')
           for key in columns],
          [[rate(entry[key]) if is_cache(entry[key]) else entry[key]
            for key in columns] for entry in entries])


# ------------------------------------------------------------------ the whole

def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split(',')[0])
    run.add_setup_arguments(parser)
    parser.add_argument('model', nargs='?', default='vtd',
                        choices=sorted(MODELS), help='(default: vtd)')
    parser.add_argument('--device', help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.device = options.device or MODELS[options.model]
    options.verbose, options.timeout_scale = False, 1.0
    return options


def show_command(path, paint, title):
    """As a person would type it, without what only the test needs."""
    paint.title(title)
    words = path.read_text().rstrip('\n').split(' \\\n    ')
    lines = [pathlib.Path(words[0]).name]
    for option, value in zip(words[1:], words[2:]):
        value = value.replace(f'{path.parent}/', '')
        if option == '-kernel':
            value = pathlib.Path(value).name
        if option in ('-plugin', '-M', '-accel', '-device', '-kernel'):
            lines.append(f'    {option} {value}')
    print('  ' + ' \\\n  '.join(lines))


def main():
    options = parse_arguments()
    paint = Paint(sys.stdout)
    started = time.monotonic()
    row = ROWS[options.model]
    setup = run.prepare(options, [row])
    directory = pathlib.Path(tempfile.mkdtemp(prefix='nyx-demo-'))
    findings = checks.Findings()
    try:
        show = Show(paint, {}, directory)
        made, reports, lines, stderr = run.boot(
            row, setup, options.device, directory, show.line, show.sums)
        checks.judge(row, made, reports, lines, stderr, findings)
        if reports.inner:
            paint.title("What the inner IOMMU told the outer one's owner")
            table([f'{"kind":30}', 'count'],
                  [[spoken(name), count] for name, count in
                   reports.inner[1].stats['announced'].items()])
        if reports.stats:
            show_stats(reports.stats, paint)
    except (run.GuestError, run.QmpError, OSError) as err:
        findings.check('the guest ran', False, str(err))
    paint.title('Verdict')
    for problem in findings.failed:
        print('  ' + paint.bad(problem))
    seconds = time.monotonic() - started
    if findings.failed:
        print(f'  {len(findings.failed)} of the checks failed; '
              f'the console is in {directory}/serial.log')
        return 1
    shutil.rmtree(directory)
    print('  ' + paint.good(f'all {len(findings.passed)} checks passed') +
          f' in {seconds:.0f} s')
    return 0


if __name__ == '__main__':
    sys.exit(main())
