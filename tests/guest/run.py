#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the guest tests: boots Debian kernels behind an IOMMU model, under TCG.

One row of rows.py is one test and one line of output; the last line counts.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import fnmatch
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import amd
import arm
import checks
import debugfs
import extended
import initramfs
import nested
import parts
import payloads
import rows
import userspace
import virtio
from qmp import QmpError
from vm import Guest, GuestError, Nested, Process, write_command

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]

class Skip(Exception):
    """The row cannot be run here; says why."""


@dataclasses.dataclass
class Setup:
    """What all rows share."""

    qemu: str
    plugin: str
    device: str
    files: dict
    initrds: dict
    keep: bool
    verbose: bool
    scale: float


# ------------------------------------------------------------- command lines

def plugin_needed(row, device):
    return device.startswith('nyx-') or 'testdev' in row.devices


def fixed_arguments(arch):
    """The kernel's, in all rows."""
    return f'printk.devkmsg=on panic=-1 {arm.ARCHES[arch].cmdline}'


def program(row, setup):
    """QEMU for the row's processor, or the wrapper."""
    name = arm.ARCHES[row.arch].qemu
    if not name:
        return setup.qemu
    if name not in setup.files:
        raise Skip(f'no QEMU for {row.arch} that fits: fetch.sh found none')
    if setup.plugin or 'nyx' not in os.path.basename(setup.qemu):
        return setup.files[name]
    os.environ['NYX_QEMU_ARM'] = setup.files[name]
    return setup.qemu.replace('x86_64', row.arch)


def command_line(row, setup, device, made, directory):
    """QEMU's arguments for a row."""
    initrd = setup.initrds[row.kernel, row.payload]
    if isinstance(initrd, payloads.Missing):
        raise Skip(initrd)
    args = [program(row, setup), *arm.ARCHES[row.arch].arguments]
    if setup.plugin and plugin_needed(row, device):
        args += ['-plugin', setup.plugin]
    args += ['-M', row.machine, '-accel', 'tcg', '-cpu', row.cpu,
             '-m', row.memory, '-smp', '2', '-nographic', '-no-reboot',
             '-nodefaults', '-serial', 'stdio']
    if row.reset:
        args.remove('-no-reboot')
    if row.firmware == 'ovmf':
        ovmf = pathlib.Path(setup.files['ovmf'])
        shutil.copy(ovmf / 'OVMF_VARS_4M.fd', directory)
        for index, path in enumerate((ovmf / 'OVMF_CODE_4M.fd',
                                      directory / 'OVMF_VARS_4M.fd')):
            readonly = 'on' if index == 0 else 'off'
            args += ['-drive', f'if=pflash,unit={index},format=raw,'
                               f'readonly={readonly},file={path}']
    elif row.firmware == 'efi-arm64':
        args += ['-bios', setup.files[row.firmware]]
    # Before the other devices: those that exist already are not behind it.
    args += ['-device', row.device(device)]
    args += made.args + list(row.qemu)
    if row.inner:
        args += Nested.arguments(directory)
    args += ['-kernel', str(initramfs.image(setup.files[row.kernel])),
             '-initrd', str(initrd), '-append', kernel_arguments(row)]
    return args


def kernel_arguments(row):
    return f'{fixed_arguments(row.arch)} {row.cmdline} ' \
           f'nyx.half={parts.DISK_HALF} ' \
           f'nyx.test={",".join(row.tests.split())}'


# ----------------------------------------------------------------- one guest

class Reports:
    """What a guest has reported, sorted by kind."""

    def __init__(self):
        self.sums = []
        self.groups = {}
        self.facts = {}
        self.irqs = []
        self.passed = []
        self.failed = []
        self.notes = []
        self.rogues = []
        self.rounds = {}
        self.hwinfo = {}
        # PCI functions: vendor and device, driver, group.
        self.functions = {}
        # Functions that a driver in user space has had.
        self.users = []
        # Reserved regions by group, each (start, end, type).
        self.regions = {}
        # Type of the domain of disks that were plugged in.
        self.plugged = {}
        # Statistics and QEMU's memory, at the points that a guest chose.
        self.counts = []
        self.selftests = {}
        self.broken = {}
        self.dumps = {}
        # What differs between the kernel's dumps and the device's.
        self.differences = ['nothing was compared']
        self.done = 0
        self.stats = None
        self.registers = []
        self.mistakes = None
        # Statistics of the units behind the first one.
        self.others = []
        self.uname = '?'
        # A test program's lines, and those of the QEMU in the guest.
        self.tap = []
        self.stderr = []
        # Of the guest in this one: its parts, reports and log.
        self.inner = None

    def add(self, words):
        kind, rest = words[0], words[1:]
        if kind == 'sum':
            self.sums.append((rest[0], rest[1] if len(rest) > 1 else ''))
        elif kind == 'group':
            self.groups[rest[0]] = (rest[1], rest[2:])
        elif kind == 'fact':
            self.facts[rest[0]] = rest[1]
        elif kind == 'dump':
            self.dumps.setdefault(rest[0], []).append(' '.join(rest[1:]))
        elif kind == 'broken':
            self.broken.setdefault(rest[0], []).append(' '.join(rest[1:]))
        elif kind == 'selftest':
            self.selftests[rest[0]] = tuple(map(int, rest[1:]))
        elif kind == 'function':
            self.functions[rest[0]] = tuple(rest[1:])
        elif kind == 'region':
            self.regions.setdefault(rest[0], []).append(tuple(rest[1:]))
        elif kind == 'plugged':
            self.plugged[rest[0]] = rest[1]
        elif kind == 'hwinfo':
            self.hwinfo[rest[0]] = int(rest[1], 0)
        elif kind == 'rounds':
            self.rounds.setdefault(rest[0], []).append(
                (int(rest[1]), int(rest[2])))
        elif kind == 'boot':
            self.uname = rest[0]
            self.regions.clear()
        elif kind == 'done':
            self.done += 1
        else:
            {'irq': self.irqs, 'pass': self.passed, 'fail': self.failed,
             'note': self.notes, 'rogue': self.rogues, 'tap': self.tap,
             'stderr': self.stderr, 'user': self.users}[kind].append(
                 ' '.join(rest))


class Host:
    """The host's half of a test: does what the guest asks for."""

    def __init__(self, guest, row, reports, made, backend=None):
        self.guest = guest
        self.backend = backend
        self.row = row
        self.reports = reports
        self.made = made
        self.free_ports = re.findall(r'\brp=(\w+)', row.devices)
        self.resets = 1 if row.reset else 0
        self.loads = 1

    def __call__(self, words):
        return getattr(self, 'do_' + words[0])(*words[1:])

    def do_plug(self, name):
        port = self.free_ports.pop(0)
        # Each time another slot, so another requester ID; then the first one
        # again, for what may be left over of its first guest.
        self.free_ports.append(port)
        self.guest.qmp.cmd('device_add', {'id': name, 'bus': port,
                                          **self.made.hotplugged(name)})

    def do_unplug(self, name):
        self.guest.qmp.cmd('device_del', id=name)
        self.guest.qmp.wait_event('DEVICE_DELETED', device=name)
        if command := self.made.after_unplug(name):
            self.guest.qmp.hmp(command)

    def do_backend(self, what):
        {'kill': self.backend.kill, 'start': self.backend.start}[what]()

    def do_trace(self, event):
        # As a pattern, for QEMU's own models have no such events.
        self.guest.qmp.cmd('trace-event-set-state', name=f'{event}*',
                           enable=True)

    def do_migrate(self):
        self.guest.migrate()

    def do_savevm(self):
        self._monitor('savevm nyx')

    def do_loadvm(self):
        # The guest is back where it waits for savevm, and comes here again.
        if self.loads:
            self.loads -= 1
            self._monitor('loadvm nyx')

    def _monitor(self, command):
        answer = self.guest.qmp.hmp(command)
        if answer.strip():
            raise GuestError(f'{command}: {answer.strip()}')

    def do_count(self):
        self.reports.counts.append((self.guest.property('stats'),
                                    self.guest.process.memory()))

    def do_tables(self):
        """At the same moment as the guest's dumps: it does nothing else."""
        self.reports.differences = list(debugfs.compare(
            self.row.vendor, self.reports.dumps,
            self.guest.property('registers'), self.guest.property('tables')))

    def do_inner(self, *given):
        """The command line of the QEMU in the guest, to which it gives
        these: NAME=FUNCTION."""
        self.inner = Nested(self.guest)
        made = nested.Given(self.row.inner, self.made, dict(
            word.split('=') for word in given), self.guest.directory)
        self.reports.inner = (made, Reports(), self.inner.lines)
        words = nested.command(self.row.inner, made,
                               kernel_arguments(self.row.inner))
        write_command(self.guest.directory / 'inner.cmdline', words)
        return shlex.join(words)

    def do_inner_tests(self):
        made, reports, _ = self.reports.inner
        with contextlib.closing(self.inner):
            host = Host(self.inner, self.row.inner, reports, made)
            for words in self.inner.reports(host):
                reports.add(words)

    def do_end(self):
        if self.resets:
            self.resets -= 1
            self.guest.qmp.cmd('system_reset')
            return
        self.reports.stats = self.guest.property('stats')
        self.reports.mistakes = self.guest.property('guest-mistakes')
        for number in range(1, self.row.units):
            unit = f'iommu/units[{number}]'
            self.reports.others.append(self.guest.property('stats', unit))
            self.reports.mistakes += self.guest.property('guest-mistakes',
                                                         unit)
        self.reports.registers = self.guest.property('registers') or []
        (self.guest.directory / 'stats.json').write_text(json.dumps(
            [self.reports.stats, self.reports.mistakes], indent=2))


def boot(row, setup, device, directory, on_line=None, sums=None):
    """Run a guest from power on to power off: parts, reports and log.  What
    on_line does may look into sums."""
    made = parts.Parts(row.devices, row.machine, directory)
    if sums is not None:
        sums.update(made.sums)
    args = command_line(row, setup, device, made, directory)
    reports = Reports()
    seconds = row.seconds * setup.scale
    with userspace.Backend(row, setup.files, directory) as backend, \
            Guest(args, directory, seconds, on_line) as guest:
        backend.watch(guest)
        host = Host(guest, row, reports, made, backend)
        for words in guest.reports(host):
            reports.add(words)
        stderr = ''.join(process.stderr() for process in guest.processes)
        return made, reports, guest.lines, stderr


# ---------------------------------------------------------------------- rows

def run_row(row, setup, directory):
    """All checks of a row; raises Skip when it cannot be run."""
    model = row.chosen(setup.device)
    if model in row.unfit:
        raise Skip(row.unfit[model])
    if row.swap and model == 'intel-iommu':
        raise Skip('needs another model to swap with intel-iommu')
    if 'testdev' in row.devices and not provides_testdev(setup):
        raise Skip('needs nyx-testdev: no plugin was given')
    findings = checks.Findings()
    devices = ['intel-iommu'] if row.swap else []
    facts = []
    for device in devices + [model]:
        place = directory / device
        place.mkdir()
        made, reports, lines, stderr = boot(row, setup, device, place)
        checks.judge(row, made, reports, lines, stderr, findings)
        findings.check('statistics', bool(reports.stats) ==
                       device.startswith('nyx-'), reports.stats)
        facts.append(checks.observed(reports, lines))
    if row.swap:
        for name in sorted(facts[0].keys() | facts[1].keys()):
            findings.check('swapped', facts[0].get(name) == facts[1].get(name),
                           f'{name}: {facts[0].get(name)} with intel-iommu, '
                           f'{facts[1].get(name)} with {model}')
    return findings


def provides_testdev(setup):
    return setup.plugin or 'nyx' in os.path.basename(setup.qemu)


class Output:
    """Lines as rows end, which with two jobs is not their order."""

    def __init__(self, total, verbose):
        self.lock = threading.Lock()
        self.counts = {'passed': 0, 'failed': 0, 'skipped': 0}
        self.number = 0
        self.verbose = verbose
        print(f'1..{total}', flush=True)

    def row(self, row, result, comment, details=()):
        with self.lock:
            self.number += 1
            self.counts[result] += 1
            word = 'not ok' if result == 'failed' else 'ok'
            print(f'{word} {self.number} - guest {row.name} # {comment}')
            for line in details:
                print(f'#     {line}')
            sys.stdout.flush()


def last_lines(directory):
    """Of the console, for those who have nothing but this output."""
    lines = []
    for log in sorted(directory.glob('*/serial.log')):
        lines += [f'| {line}' for line in
                  log.read_text(errors='replace').splitlines()[-12:]]
    return lines


def run_row_again_if_raced(row, setup, directory):
    try:
        findings = run_row(row, setup, directory)
        if not checks.is_timer_race(findings):
            return findings
        why = 'Linux raced with its timer'
    except (GuestError, QmpError, OSError):
        why = checks.why_it_ended(directory)
        if not why:
            raise
    print(f'# guest {row.name}: again, {why}', flush=True)
    again = directory / 'again'
    again.mkdir()
    return run_row(row, setup, again)


def report_row(row, setup, output):
    directory = pathlib.Path(tempfile.mkdtemp(prefix='nyx-guest-'))
    start = time.monotonic()
    keep = setup.keep
    try:
        findings = run_row_again_if_raced(row, setup, directory)
        seconds = f'{time.monotonic() - start:.1f} s'
        good = [f'ok: {name}' for name in findings.passed] \
            if setup.verbose else []
        if findings.failed:
            keep = True
            output.row(row, 'failed', seconds,
                       good + findings.failed + [f'see {directory}'])
        else:
            output.row(row, 'passed',
                       f'{seconds}, {len(findings.passed)} checks', good)
    except Skip as why:
        output.row(row, 'skipped', f'SKIP {why}')
    except (GuestError, QmpError, OSError) as err:
        keep = True
        output.row(row, 'failed', f'{time.monotonic() - start:.1f} s',
                   str(err).splitlines() + last_lines(directory) +
                   [f'see {directory}'])
    except Exception:  # pylint: disable=broad-exception-caught
        # A mistake in the table, or ours: this row's failure, not the end.
        keep = True
        output.row(row, 'failed', f'{time.monotonic() - start:.1f} s',
                   traceback.format_exc().splitlines() +
                   [f'see {directory}'])
    finally:
        if not keep:
            shutil.rmtree(directory)


# ---------------------------------------------------------------------- main

# What else fetch.sh gets; the rest of the firmware comes with QEMU.
FIRMWARE = ('ovmf', 'efi-arm64')


def fetch(names):
    """Paths of kernels and so on, by name."""
    commands = [[HERE / 'fetch.sh', *(set(names) - {'own'})]]
    if 'own' in names:
        commands.append([HERE / 'kernel.sh'])
    found = {}
    for command in commands:
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE,
                              text=True)
        if done.returncode:
            sys.exit(done.returncode)
        found.update(line.split(' ', 1) for line in done.stdout.splitlines())
    return found


def cache_directory():
    """Where scripts/common.sh keeps things, too."""
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    cache = os.environ.get('NYX_CACHE') or os.path.join(base, 'nyx-iommu')
    return pathlib.Path(cache) / 'guest'


def stop(number, _frame):
    """Whoever ends us ends the guests: they would wait for us for ever."""
    Process.kill_all()
    os._exit(128 + number)


def wanted_files(chosen):
    """What fetch.sh and kernel.sh are to get for these rows."""
    arches = [arm.ARCHES[row.arch] for row in chosen]
    return sorted({row.kernel for row in chosen} |
                  {arch.busybox for arch in arches} |
                  {arch.qemu for arch in arches if arch.qemu} |
                  {row.firmware for row in chosen
                   if row.firmware in FIRMWARE} |
                  {name for row in chosen
                   for name in payloads.needs(row.payload)})


def build_initrds(chosen, files):
    """By the names of kernel and payload; or what is missing for them."""
    built = {}
    for kernel, payload in sorted({(row.kernel, row.payload)
                                   for row in chosen}):
        try:
            built[kernel, payload] = initramfs.build(
                pathlib.Path(files[kernel]),
                pathlib.Path(files[arm.of_kernel(kernel).busybox]),
                cache_directory(),
                payload=payloads.make(payload, kernel, files))
        except payloads.Missing as what:
            built[kernel, payload] = what
    return built


def prepare(options, chosen):
    """Fetch and build what the guests are made of."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    files = fetch(wanted_files(chosen))
    qemu = shutil.which(options.qemu)
    if not qemu:
        sys.exit(f'no {options.qemu}: run scripts/setup.sh, or name another '
                 f'with --qemu')
    plugin = os.path.abspath(options.plugin) if options.plugin else ''
    # For a QEMU in a guest, where there is no wrapper.
    files['qemu'] = os.environ.get('NYX_QEMU') or \
        shutil.which('qemu-system-x86_64')
    files['plugin'] = plugin or os.path.join(
        os.path.dirname(os.path.abspath(qemu)), 'nyx-iommu.so')
    files['cache'] = str(cache_directory())
    initrds = build_initrds(chosen, files)
    return Setup(os.path.abspath(qemu), plugin, options.device, files, initrds,
                 options.keep, options.verbose, options.timeout_scale)


def add_setup_arguments(parser):
    """The options that the demo has as well."""
    default = ROOT / 'build' / 'nyx-iommu.so'
    parser.add_argument('--qemu', default=os.environ.get(
        'NYX_QEMU', 'qemu-system-x86_64'), help='QEMU, or the wrapper')
    parser.add_argument('--plugin', default=os.environ.get(
        'NYX_PLUGIN', str(default) if default.exists() else ''),
        help='nyx-iommu.so; empty for none (default: that of build/)')
    parser.add_argument('--keep', action='store_true',
                        help='keep logs and images of rows that pass, too')


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add_setup_arguments(parser)
    parser.add_argument('--device', default='nyx-vtd',
                        help='the model under test (default: %(default)s)')
    # Guests leave a processor idle now and then.
    parser.add_argument('--jobs', type=int,
                        default=3 * (os.cpu_count() or 1) // 2,
                        help='guests at a time (default: %(default)s)')
    parser.add_argument('--timeout-scale', type=float, default=1.0,
                        help='stretch the time that a guest is given')
    parser.add_argument('--extended', action='store_true',
                        help='the rows of the extended tier instead: a kernel '
                             'is built for them')
    parser.add_argument('--list', action='store_true', help='only list rows')
    parser.add_argument('-v', '--verbose', action='store_true',
                        help='show each check of a row')
    parser.add_argument('rows', nargs='*', metavar='ROW',
                        help='names or patterns of rows (default: all)')
    return parser.parse_args()


# Rows besides those of rows.py.
TABLES = (amd, virtio, arm, nested, userspace)


def select(patterns, extended_tier):
    """Rows of a tier; those with names can be any of Debian's kernels."""
    seldom = {name for part in (rows, *TABLES) for name in part.SELDOM}
    debian = rows.rows() + [row for part in TABLES for row in part.table()]
    assert seldom <= {row.name for row in debian}
    if not patterns or extended_tier:
        debian = [row for row in debian
                  if (row.name in seldom) == extended_tier]
    table = (extended.rows() if extended_tier else []) + debian
    for pattern in patterns:
        if not fnmatch.filter([row.name for row in table], pattern):
            sys.exit(f'run.py: no row is called {pattern}')
    return [row for row in table if not patterns or
            any(fnmatch.fnmatch(row.name, one) for one in patterns)]


def main():
    options = parse_arguments()
    chosen = select(options.rows, options.extended)
    if options.list:
        for row in chosen:
            print(f'{row.name:40} {row.machine:4} {row.iommu}\n'
                  f'{"":40} {row.cmdline}\n{"":40} {row.devices}')
        return 0
    setup = prepare(options, chosen)
    output = Output(len(chosen), options.verbose)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for future in [pool.submit(report_row, row, setup, output)
                       for row in chosen]:
            future.result()
    print('{passed} passed, {failed} failed, {skipped} skipped'.format(
        **output.counts))
    return 1 if output.counts['failed'] else 0


if __name__ == '__main__':
    sys.exit(main())
