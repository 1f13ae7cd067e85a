# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests with a guest: the outer one gives its devices by VFIO to a QEMU of its
own, where they are behind another IOMMU.  The table of rows, the inner QEMU,
and what is checked in a way of its own."""

import re
import shlex

import amd
import parts
import payloads
import rows
import virtio

# Each character of the inner console is a way through two machines; what it is
# not told the test "log" tells.
QUIET = 'quiet loglevel=5'

# What the inner QEMU may say: QEMU's edu has no way to be reset.
NOISE = re.compile(r'vfio: Cannot reset device .*, no available reset mechanism')


class Given(parts.Parts):
    """Devices of the outer guest, by the names that the rows of both have for
    them; functions are what they are in the outer guest."""

    def __init__(self, row, outer, functions, directory):
        self.outer = outer
        self.functions = functions
        # Of the outer guest, by what they are here.
        self.origins = {}
        super().__init__(row.devices, row.machine, directory)
        self.sums = outer.sums

    def _give(self, name, bus, interrupt=None):
        if interrupt:
            # They are no driver's of the outer guest.
            self.outer.interrupts.remove(interrupt)
            self.interrupts.append(interrupt)
        if not bus:
            self.origins[f'00:{self.slot:02x}.0'] = self.functions[name]
        self._device(f'vfio-pci,id={name},host={self.functions[name]}', bus)

    def _add_nvme(self, name, bus):
        self.disks[name] = self.outer.disks[name]
        self._give(name, bus, 'nvme')

    def _add_edu(self, name, bus):
        self._give(name, bus)

    def _add_e1000e(self, name, bus):
        self._give(name, bus, 'eth')


def command(row, made, arguments):
    """What the outer guest has to run; the kernel's arguments are those that
    any guest has."""
    words = [f'/{payloads.INNER_QEMU}', '-plugin', f'/{payloads.INNER_PLUGIN}',
             '-M', row.machine, '-cpu', row.cpu,
             '-m', row.memory, '-display', 'none', '-nodefaults',
             '-serial', '/dev/ttyS1',
             '-chardev', 'serial,id=qmp,path=/dev/ttyS2',
             '-mon', 'chardev=qmp,mode=control',
             '-device', row.device(row.model), *made.args, *row.qemu,
             '-kernel', f'/{payloads.INNER_KERNEL}',
             '-initrd', f'/{payloads.INNER_INITRAMFS}',
             '-append', f'{arguments} {QUIET}']
    if not row.reset:
        words.append('-no-reboot')
    return shlex.join(words)


def faults(made, reports):
    """Requests that were refused, as the outer kernel knows them: it has the
    function that it gave away, and the address that the inner guest used."""
    for said in reports.rogues:
        function, operation, address = said.split()
        yield f'{made.origins[function][5:]} {operation} {address}'


# -------------------------------------------------------------------- checks

def check_device(_row, reports, findings):
    """What the inner device says of itself: devices that are given away have
    no translation to ask for, they were told of each mapping."""
    stats = reports.stats
    findings.check('guest mistakes', not reports.mistakes, reports.mistakes)
    findings.check('faults counted', not stats['faults'], stats['faults'])
    told = stats['announced']
    findings.check('mappings announced', told['maps'] > 0 and
                   told['unmaps'] > 0, told)


def check_tap(row, reports, findings):
    """All tests of a program were done, and none was skipped."""
    if 'nested_qtest' not in row.tests:
        return
    lines = reports.tap
    plans = [line for line in lines if line.startswith('1..')]
    passed = [line for line in lines
              if re.match(r'ok \d+ ', line) and '# SKIP' not in line]
    findings.check('tests in the guest', passed and
                   plans == [f'1..{len(passed)}'] and
                   len(lines) == len(passed) + 1, lines)


# ---------------------------------------------------------------- the rows

class VtdRow(rows.Row):
    """Whatever model others are run with."""

    model = 'nyx-vtd'


FAULTS = {
    'vtd': {'write': rows.WRITE, 'read': rows.READ},
    'amd': {'write': amd.WRITE, 'read': amd.READ},
    'virtio': {'write': virtio.PAGE % 'W', 'read': virtio.PAGE % 'R'},
}
ROWS = {'vtd': VtdRow, 'amd': amd.AmdRow, 'virtio': virtio.VioRow}

# The inner guest runs by KVM: QEMU's TCG has what kvm_amd needs, which looks at
# the vendor of the processor.
CPU = 'max,vendor=AuthenticAMD'
KVM = {'machine': 'q35,accel=kvm,kernel-irqchip=split', 'cpu': 'host',
       'memory': '256M'}

# What VFIO needs of them.  What has no driver has no domain behind
# virtio-iommu, and all of memory while it bypasses.
INNER = {
    'vtd': {'iommu': 'caching-mode=on,aw-bits=48,intremap=on,eim=on'},
    'amd': {'iommu': 'np-cache=on,intremap=on,xtsup=on'},
    'virtio': {'iommu': 'boot-bypass=off', 'qemu': virtio.NO_BOOT},
}

ROGUES = 'rogue:edu:write:0xbad5000 rogue:edu:read:0xbad7000'


def inner(model, **more):
    return ROWS[model]('inner', **{
        'devices': 'nvme edu', 'tests': f'log functions disk:nvme {ROGUES}',
        **KVM, **INNER[model], **more})


def outer(model, guest, name, **more):
    return ROWS[model](f'nested-{name}', **{
        'payload': 'nested', 'inner': guest, 'faults': FAULTS[model],
        'devices': 'nvme edu', 'tests': 'functions nested_linux:nvme:edu',
        'cpu': CPU, 'memory': '2G', 'seconds': 600, **more})


def table():
    return [outer(model, inner(model), f'{model}-6.12',
                  tests='functions nested_qtest:edu nested_linux:nvme:edu')
            for model in ROWS]


SELDOM = ()
