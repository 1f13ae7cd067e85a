# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests behind nyx-amdvi: the table of rows, and what is checked in a way of
its own because the kernel has another driver for it."""

import dataclasses
import re

import rows
from rows import DISKS, MEDIUM, PLAIN_TESTS, SMALL

FAULT_LINES = re.compile(r'AMD-Vi: Event logged')
BAD_LINES = re.compile(
    r'AMD-Vi:.*([Ff]ail|timed out|[Mm]ismatch|Unknown|[Ii]llegal|overflow|'
    r'not attached|already enabled|Disabling|Aborting|[Ii]nvalid)')

# What IOMMU_GET_HW_INFO returns.
HARDWARE_INFO = ('EFR', 'EFR2')

# What an EPYC has besides an IOMMU.
NOISE = re.compile(r'Speculative Return Stack Overflow')

# Without interrupt remapping no IOAPIC is in the table, and this is said.
NO_REMAP_LINES = re.compile(
    r'AMD-Vi: .*(IOAPIC.*not in IVRS|No southbridge IOAPIC found)|'
    r'AMD-Vi: Disabling interrupt remapping')

# What the kernel says of requests that no driver made.  Flags of an event: 20h
# is a write; not present both times.
DMA = r'{device}: AMD-Vi: Event logged \[IO_PAGE_FAULT ' \
      r'domain=0x[0-9a-f]+ address={address} flags=0x%04x\]'
WRITE = DMA % 0x20
READ = DMA % 0
# The driver has IntCtl = 0 for devices without interrupts.
MSI = r'AMD-Vi: Event logged \[INVALID_DEVICE_REQUEST device=0000:{device} ' \
      r'pasid=0x00000 address=0xfffffffdf8000000 flags=0x0a00\]'

# By operation: those of the helper, then those that nyx-iommufd makes.
FAULT_IDS = {'write': 'host-not-present', 'read': 'host-not-present',
             'readonly': 'host-permission', 'msi': 'interrupt-blocked',
             'first': 'guest-not-present', 'second': 'host-not-present',
             'beyond': 'host-not-present', 'tables': 'host-not-present',
             'gcr3': 'gcr3-not-valid', 'sva-present': 'guest-not-present',
             'sva-user': 'guest-permission', 'sva-write': 'guest-permission'}
MISTAKES = {'msi': 'amdvi.fault.interrupt'}

MODES = {
    'strict': 'iommu.strict=1',
    'lazy': 'iommu.strict=0',
    'pt': 'iommu=pt',
    'off': 'amd_iommu=off',
}


@dataclasses.dataclass
class AmdRow(rows.Row):
    """A guest with a processor and an IOMMU of AMD's."""

    iommu: str = 'intremap=on,xtsup=on'
    # With cmpxchg16b, which the driver needs.
    cpu: str = 'max,vendor=AuthenticAMD'

    vendor = 'amd'
    model = 'nyx-amdvi'
    page_requests = False
    units = 1

    @property
    def domain(self):
        if self.mode == 'pt':
            return 'identity'
        # "Using strict mode due to virtualization"
        batching = self.options.get('np-cache') != 'on'
        return 'DMA-FQ' if self.mode == 'lazy' and batching else 'DMA'

    @property
    def cmdline(self):
        return MODES[self.mode] + (' ' + self.append if self.append else '')


# ---------------------------------------------------------------- the matrix

MATRIX = (
    # kernel, mode,    NpCache, tables, interrupt remapping
    ('6.1',  'strict', 'off', 'v1', 'x2apic'),
    ('6.1',  'strict', 'on',  'v1', 'off'),
    ('6.1',  'lazy',   'on',  'v2', 'x2apic'),
    ('6.1',  'lazy',   'off', 'v2', 'xapic'),
    ('6.1',  'pt',     'on',  'v1', 'xapic'),
    ('6.1',  'pt',     'off', 'v2', 'off'),
    ('6.12', 'strict', 'on',  'v2', 'xapic'),
    ('6.12', 'strict', 'off', 'v1', 'x2apic'),
    ('6.12', 'lazy',   'off', 'v2', 'off'),
    ('6.12', 'lazy',   'on',  'v1', 'xapic'),
    ('6.12', 'pt',     'on',  'v2', 'x2apic'),
    ('6.12', 'pt',     'off', 'v1', 'off'),
    ('newest', 'strict', 'off', 'v2', 'x2apic'),
    ('newest', 'lazy',   'on',  'v1', 'off'),
    ('newest', 'pt',     'off', 'v1', 'xapic'),
    ('newest', 'lazy',   'off', 'v1', 'x2apic'),
)

REMAPPING = {'x2apic': 'intremap=on,xtsup=on',
             'xapic': 'intremap=on,xtsup=off',
             'off': 'intremap=off'}


def matrix_row(kernel, mode, np_cache, tables, remap):
    levels = 4 if tables == 'v2' else 0
    return AmdRow(name=f'amd-{kernel}-{mode}-np_{np_cache}-{tables}-{remap}',
                  kernel=kernel, mode=mode, remap=remap,
                  iommu=f'{REMAPPING[remap]},np-cache={np_cache},'
                        f'guest-levels={levels}',
                  append=f'amd_iommu=pgtbl_{tables}',
                  says=(r'AMD-Vi: V2 page table enabled',)
                  if tables == 'v2' and mode != 'pt' else ())


# --------------------------------------------------------------- single rows

GUEST = 'guest-levels=4'
IVMD = 'ivmd=vblk@0x30000000-0x300fffff:*@0x31000000-0x31000fff'


def rogue(name, device='testdev', **more):
    return AmdRow(f'amd-rogue-{name}', devices=f'vblk {device}',
                  tests=f'rogue:{device}:write:0xbad5000 '
                        f'rogue:{device}:read:0xbad7000 disk:vblk',
                  faults={'write': WRITE, 'read': READ}, **more)


SINGLE = (
    AmdRow('amd-pc-6.12', machine='pc'),
    AmdRow('amd-ovmf-6.12', firmware='ovmf', **SMALL),
    AmdRow('amd-epyc-6.12', cpu='EPYC-v4', **MEDIUM),
    # The driver has XTEn set all the same.
    AmdRow('amd-no-x2apic-cpu-6.12', **MEDIUM,
           cpu='max,vendor=AuthenticAMD,x2apic=off'),
    AmdRow('amd-memory-above-4g-6.12', memory='5G', append='iommu.forcedac=1',
           **SMALL),
    AmdRow('amd-defaults-6.12', iommu='addr=0.2', **MEDIUM,
           says=(r'Extended features \(0x13002f000049dd, 0x0\): '
                 r'PreF X2APIC NX GT IA GA HE',)),
    AmdRow('amd-off-6.12', mode='off', remap='off', **SMALL),
    AmdRow('amd-intremap-only-6.12', mode='pt', iommu='dma-remap=off',
           **SMALL),
    AmdRow('amd-force-6.12', append='amd_iommu=force_enable', **SMALL),
    AmdRow('amd-isolation-6.12', mode='strict', **SMALL,
           append='amd_iommu=force_isolation'),
    AmdRow('amd-legacy-irq-6.12', append='amd_iommu_intr=legacy', **SMALL),
    AmdRow('amd-ga-off-6.12', iommu='ga=off', remap='xapic', **SMALL),

    AmdRow('amd-minimal-6.12', iommu='profile=minimal', remap='xapic'),
    AmdRow('amd-minimal-6.1-lazy', kernel='6.1', mode='lazy', remap='xapic',
           iommu='profile=minimal', **SMALL),
    AmdRow('amd-client-6.12', iommu='profile=client', remap='xapic',
           devices='rp vblk-ats=vblk@rp nvme e1000e',
           tests='disk:vblk disk:nvme net:e1000e:2'),
    AmdRow('amd-server-6.12', iommu='profile=server', mode='lazy'),
    AmdRow('amd-server-newest-v2', kernel='newest', iommu='profile=server',
           append='amd_iommu=pgtbl_v2'),
    AmdRow('amd-everything-6.12', iommu='profile=everything'),
    AmdRow('amd-everything-6.1-pt', kernel='6.1', mode='pt',
           iommu='profile=everything', **SMALL),
    AmdRow('amd-v2-5-levels-6.12', cpu='max,vendor=AuthenticAMD,la57=on',
           iommu='guest-levels=5', append='amd_iommu=pgtbl_v2', **SMALL,
           says=(r'V2 page table enabled \(Paging mode : 5 level',)),

    AmdRow('amd-ivmd-6.12', iommu=IVMD + ',acpi-hid=AMDI0020/0@00:1f.7',
           says=(r'e820: .mem 0x0*30000000-0x0*300fffff. reserved',),
           devices='vblk nvme', tests='disk:vblk disk:nvme'),
    AmdRow('amd-ats-6.12', iommu='device-iotlb=on',
           devices='rp vblk-ats=vblk@rp vnet',
           tests='disk:vblk net:virtio_net:2'),

    # The kernel's own counters; the events that it asks for are the sources of
    # the specification.
    AmdRow('amd-sticky-6.12-lazy', mode='lazy', iommu='cache=sticky'),
    AmdRow('amd-sticky-6.1-np', kernel='6.1', iommu='cache=sticky,np-cache=on',
           **MEDIUM),
    AmdRow('amd-cache-off-6.12', iommu='cache=off', **SMALL),
    AmdRow('amd-iotlb-16-6.1', kernel='6.1', iommu='iotlb-entries=16',
           **MEDIUM),

    AmdRow('amd-bridge-6.1-lazy', kernel='6.1', mode='lazy',
           devices='rp=rp1 rp=rp2 nvme@rp1 pciebr=br@rp2 e1000@br vblk@br',
           tests='disk:vblk disk:nvme net:e1000:2'),
    AmdRow('amd-bridges-6.12', iommu='np-cache=on',
           devices='rp=rp1 rp=rp2 nvme@rp1 pciebr=br@rp2 pcibr=br2@br '
                   'e1000@br vblk@br2 ahci@br2',
           tests=f'{DISKS} net:e1000:2'),
    AmdRow('amd-hotplug-6.12',
           devices='rp=rp1 rp=rp2 vblk later=hvblk later=hnvme',
           tests='hotplug:hvblk hotplug:hnvme hotplug:hvblk disk:vblk'),
    AmdRow('amd-retype-6.12', mode='lazy', devices='vblk nvme',
           tests='retype:nvme retype:vblk disk:vblk disk:nvme'),
    AmdRow('amd-reset-6.12', reset=True, devices='vblk nvme e1000e',
           tests='disk:vblk disk:nvme net:e1000e:2'),
    AmdRow('amd-migrate-6.12', devices='vblk ahci e1000e', mode='lazy',
           tests='net_up:e1000e:2 busy:migrate:3:vblk:ahci net:e1000e:2 '
                 'busy:migrate:2:vblk'),
    AmdRow('amd-snapshot-6.12', devices='vblk ahci', qemu=('-snapshot',),
           tests='busy:savevm:3:vblk:ahci busy:loadvm:2:vblk:ahci'),

    AmdRow('amd-perf-6.12', iommu='intremap=on,xtsup=on,perfmon=on',
           devices='vblk nvme', tests='perf:nvme disk:nvme perf:vblk',
           says=(r'Detected AMD IOMMU #0 \(4 banks, 4 counters/bank\)',)),
    AmdRow('amd-perf-newest-v2', kernel='newest', devices='vblk',
           iommu='intremap=on,xtsup=on,perfmon=on',
           append='amd_iommu=pgtbl_v2', tests='disk:vblk perf:vblk'),

    rogue('6.1', kernel='6.1'),
    rogue('6.12-lazy', mode='lazy'),
    rogue('newest-np', kernel='newest', iommu='np-cache=on'),
    rogue('edu-6.12', 'edu'),
    AmdRow('amd-rogue-msi-6.12', devices='vblk testdev',
           tests='rogue:testdev:msi:0xfee00000 disk:vblk',
           faults={'msi': MSI}),
)


# As in rows.py.
SELDOM = (
    'amd-minimal-6.12', 'amd-everything-6.1-pt', 'amd-server-6.12',
    'amd-sticky-6.1-np', 'amd-legacy-irq-6.12', 'amd-isolation-6.12',
    'amd-epyc-6.12', 'amd-iotlb-16-6.1', 'amd-bridges-6.12',
    'amd-snapshot-6.12', 'amd-rogue-newest-np', 'amd-client-6.12',
    'amd-ga-off-6.12', 'amd-no-x2apic-cpu-6.12', 'amd-cache-off-6.12',
    'amd-intremap-only-6.12', 'amd-rogue-6.12-lazy',
)


def table():
    return [matrix_row(*row) for row in MATRIX] + list(SINGLE)


# -------------------------------------------------------------------- checks

def noise(row, line):
    """Whether a line that looks bad is none."""
    return bool(NOISE.search(line) or
                row.remap == 'off' and NO_REMAP_LINES.search(line))


def follows(_row, _line):
    """Whether a fault line is there only because of other, expected ones."""
    return False


def check_capabilities(row, lines, findings):
    """The options are in EFR; the kernel prints it."""
    found = [match for line in lines for match in re.finditer(
        r'AMD-Vi: Extended features \((?:0x)?([0-9a-f]+)', line)]
    # With no feature at all there is no such line.
    if row.mode == 'off' or row.options.get('profile') == 'minimal':
        return
    findings.check('one unit', bool(found), 'no line "Extended features"')
    if not found:
        return
    efr = int(found[0].group(1), 16)
    wanted = {'xtsup': 2, 'invalidate-all': 6, 'ga': 7}
    for option, value in row.options.items():
        if option in wanted:
            findings.check(option,
                           bool(efr >> wanted[option] & 1) == (value == 'on'),
                           f'EFR {efr:#x}')
    levels = row.options.get('dma-remap') != 'off' and \
        int(row.options.get('guest-levels', '4'))
    if 'profile' not in row.options:
        findings.check('guest tables', bool(efr >> 4 & 1) == bool(levels),
                       f'EFR {efr:#x}')


def check_boot(row, reports, lines, findings):
    check_capabilities(row, lines, findings)
    text = '\n'.join(lines)
    findings.check('interrupt remapping',
                   ('AMD-Vi: Interrupt remapping enabled' in text) ==
                   (row.remap != 'off'), f'wanted: {row.remap}')
    findings.check('remapping mode', ('AMD-Vi: X2APIC enabled' in text) ==
                   (row.remap == 'x2apic'), f'wanted: {row.remap}')
    # What the kernel hears of a fault it hears by an interrupt.
    own = [line for line in reports.irqs if 'AMD-Vi' in line]
    findings.check('interrupts of the IOMMU', not row.faults or any(
        int(word) for line in own for word in line.split()[1:3]), own)


def check_device(row, reports, findings):
    """The model's own account of the run must fit the guest's."""
    stats = reports.stats
    faults = {**row.faults, **row.provoked}
    rules = {mistake['rule'] for mistake in reports.mistakes}
    if row.provoked:
        # QEMU cuts a refused page in 1024 pieces, the log has room for half.
        rules -= {'amdvi.log.overflow'}
    findings.check('guest mistakes', rules == {
        MISTAKES.get(operation, 'amdvi.fault.dma') for operation in faults},
                   reports.mistakes)
    names = {fault['name'] for fault in stats['faults']}
    findings.check('faults counted', names == {
        FAULT_IDS[operation] for operation in faults}, sorted(names))
    orders = stats['invalidations']
    findings.check('command errors', orders['command-errors'] == 0, orders)
    findings.check('events lost', row.provoked or stats['events-lost'] == 0,
                   stats)
    findings.check('interrupts remapped',
                   (stats['interrupts-remapped'] > 0) == (row.remap != 'off'),
                   stats['interrupts-remapped'])
    if row.mode in ('strict', 'lazy'):
        hits = stats['iotlb']['hits'] > 0
        findings.check('IOTLB used', stats['iotlb']['misses'] > 0 and
                       hits == (row.options.get('cache') != 'off'),
                       stats['iotlb'])
        findings.check('IOTLB invalidated', orders['pages'] > 0, orders)
    # A QEMU that was migrated to counts anew.
    if row.mode != 'off' and 'migrate' not in row.tests:
        findings.check('entries invalidated',
                       orders['device-table-entry'] > 0, orders)
