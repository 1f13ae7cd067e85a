# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests with a guest: the outer one gives its devices by VFIO to a QEMU of its
own, where they are behind another IOMMU.  The table of rows, the inner QEMU,
and what is checked in a way of its own."""

import dataclasses
import itertools
import re

import amd
import parts
import payloads
import rows
import virtio

# Each character of the inner console is a way through two machines; what it is
# not told the test "log" tells.
QUIET = 'quiet loglevel=5'

# What the inner QEMU may say: QEMU's edu has no way to be reset, and IOMMUFD
# maps no device's registers for others.
NOISE = re.compile(r'vfio: Cannot reset device .*, no available reset mechanism|'
                   r'IOMMU_IOAS_MAP failed: Bad address, PCI BAR\?|'
                   r'vfio_container_dma_map\(.*\) = -14 \(Bad address\)|'
                   r'PCI peer-to-peer transactions on BARs are not supported')

IOMMUFD = ('-object', 'iommufd,id=vfio')


class Given(parts.Parts):
    """Devices of the outer guest, by the names that the rows of both have for
    them; functions are what they are in the outer guest."""

    def __init__(self, row, outer, functions, directory):
        self.outer = outer
        self.functions = functions
        # Of the outer guest, by what they are here.
        self.origins = {}
        # Instead of a container of type 1.
        self.backend = ',iommufd=vfio' if IOMMUFD[1] in row.qemu else ''
        super().__init__(row.devices, row.machine, directory)
        self.sums = outer.sums

    def _give(self, name, bus, interrupt=None):
        if interrupt:
            # They are no driver's of the outer guest.
            self.outer.interrupts.remove(interrupt)
            self.interrupts.append(interrupt)
        if not bus:
            self.origins[f'00:{self.slot:02x}.0'] = self.functions[name]
        self._device(f'vfio-pci,id={name},host={self.functions[name]}'
                     f'{self.backend}', bus)

    def _add_nvme(self, name, bus):
        self.disks[name] = self.outer.disks[name]
        self._give(name, bus, 'nvme')

    def _add_later(self, name, _bus):
        self.disks[name] = self.outer.disks[name]
        self.outer.interrupts.remove(name)

    def hotplugged(self, name):
        return {'driver': 'vfio-pci', 'host': self.functions[name]}

    def after_unplug(self, _name):
        return None

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
    return words


def faults(made, reports):
    """Requests that were refused, as the outer kernel knows them: it has the
    function that it gave away, and the address that the inner guest used."""
    for said in reports.rogues:
        function, operation, address = said.split()
        yield f'{made.origins[function][5:]} {operation} {address}'


# -------------------------------------------------------------------- checks

def check_device(row, reports, findings):
    """What the inner device says of itself: devices that are given away have
    no translation to ask for, they were told of each mapping."""
    stats = reports.stats
    findings.check('guest mistakes', not reports.mistakes, reports.mistakes)
    findings.check('faults counted', not stats['faults'], stats['faults'])
    told = stats['announced']
    for what in ('maps', 'unmaps'):
        findings.check(f'{what} announced',
                       (told[what] > 0) == (row.mode != 'pt'), told)


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


# By the model outside.  Newer kernels give VT-d's function with its segment.  Of
# AMD's flags 10h says that there is a mapping, 40h that it does not permit this.
FAULTS = {
    'vtd': {operation: line.replace(r'\[{device}', r'\[(?:0000:)?{device}')
            for operation, line in (('write', rows.WRITE),
                                    ('read', rows.READ))},
    'amd': {'write': amd.WRITE.replace('0x0020', '0x00[27]0'),
            'read': amd.READ},
    'virtio': {'write': virtio.PAGE % 'W', 'read': virtio.PAGE % 'R'},
}
ROWS = {'vtd': VtdRow, 'amd': amd.AmdRow, 'virtio': virtio.VioRow}

# The inner guest runs by KVM: QEMU's TCG has what kvm_amd needs, which looks at
# the vendor of the processor.
CPU = 'max,vendor=AuthenticAMD'
KVM = {'machine': 'q35,sata=off,accel=kvm,kernel-irqchip=split', 'cpu': 'host',
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
        'devices': 'nvme edu', 'tests': f'log disk:nvme {ROGUES} functions',
        **KVM, **INNER[model], **more})


def outer(model, guest, name, **more):
    return ROWS[model](f'nested-{name}', **{
        'payload': 'nested', 'inner': guest, 'faults': FAULTS[model],
        'devices': 'nvme edu', 'tests': 'nested_linux:nvme:edu functions',
        'cpu': CPU, 'memory': '2G', 'seconds': 600, **more})


def with_qtest(model, name, backend='', kernel='6.12', **more):
    """What the program has the device do besides is refused as well; more of
    it than the kernel reports."""
    known = {'device': '00:05.0', 'address': '0x[0-9a-f]+', 'endpoint': 40}
    return outer(model, inner(model, kernel=kernel, **more), name,
                 kernel=kernel,
                 tests=f'nested_qtest:edu{backend} nested_linux:nvme:edu '
                       f'functions',
                 provoked={'readonly' if model != 'vtd' else 'write':
                           '|'.join(line.format(**known)
                                    for line in FAULTS[model].values())})


# What one model has to be told of another one that is outside: how wide its
# addresses are, where AMD's processors have HyperTransport.
TOLD = {
    ('vtd', 'amd'): {'iommu': INNER['amd']['iommu'] + ',va-bits=48'},
    ('virtio', 'amd'): {'iommu': INNER['amd']['iommu'] + ',va-bits=48'},
    ('amd', 'virtio'): {'host_reserved': {
        '00:04.0': ('0xfd00000000:0xffffffffff:0',)}},
}


def pair(outside, inside):
    """Of different models."""
    return outer(outside, inner(inside, **TOLD.get((outside, inside), {})),
                 f'{inside}-in-{outside}-6.12')


def inside(model, name, devices='nvme edu', outside='vtd', given=None, **more):
    """Something else in the inner guest."""
    given = given or devices.split()
    told = TOLD.get((outside, model), {})
    return outer(outside, inner(model, devices=devices, **{**told, **more}),
                 f'{model}-{name}-6.12', devices=' '.join(given),
                 tests=f'nested_linux:{":".join(given)} functions')


def others():
    for model in ROWS:
        yield inside(model, 'net', 'e1000e edu', outside=model,
                     tests=f'log net:e1000e:2 {ROGUES} functions')
        yield inside(model, 'lazy', mode='lazy')
        # All memory is mapped for what no driver has asked for.
        yield dataclasses.replace(
            inside(model, 'pt', 'nvme', mode='pt',
                   tests='log disk:nvme functions'), faults={})
        yield inside(model, 'reset', reset=True)
        yield inside(model, 'hotplug', 'rp=rp1 rp=rp2 later=nvme edu',
                     given=['nvme', 'edu'],
                     tests=f'log hotplug:nvme {ROGUES} hotplug:nvme functions')
    yield inside('vtd', 'scalable', append='intel_iommu=on,sm_on',
                 iommu='scalable-mode=on,caching-mode=on,intremap=on')


def own():
    """With the extended tier's kernel, outside and inside."""
    for model in ROWS:
        quick = INNER[model].get('qemu', ())
        yield with_qtest(model, f'iommufd-{model}', ':iommufd', kernel='own',
                         qemu=quick + IOMMUFD)
    # All of it emulated twice.
    yield outer('vtd', inner('vtd', kernel='own', cpu='max',
                             machine='q35,sata=off,accel=tcg'), 'tcg',
                kernel='own', seconds=1200)


def table():
    return [*(with_qtest(model, f'{model}-6.12') for model in ROWS),
            *(pair(outside, inside) for outside, inside in
              itertools.permutations(ROWS, 2)),
            *others()]


# As in rows.py.
SELDOM = tuple(row.name for row in table()[3:])
