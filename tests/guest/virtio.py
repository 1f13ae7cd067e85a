# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests behind nyx-virtio-iommu-pci: the table of rows, and what is checked in
a way of its own because the kernel has another driver for it."""

import dataclasses
import json
import re

import rows
from rows import DISKS, MEDIUM, SMALL

FAULT_LINES = re.compile(r'virtio_iommu virtio\d+: \w+ fault from EP')
BAD_LINES = re.compile(
    r'virtio_iommu.*([Ff]ail|could not|granule|config changed|removed)|'
    r'viommu prop|unknown resv mem|'
    r'ACPI: VIOT: |deferred probe')
# A driver that its IOMMU came late for says so.
LATE_LINES = re.compile(r'deferred probe (timeout, ignoring dependency|pending)')

# Nothing of the kernel's IOMMUFD asks this driver for its hardware.
HARDWARE_INFO = ()

# What the kernel says of requests that no driver made: of an endpoint with
# mappings, and of one without a domain while bypass is off.
PAGE = r'virtio_iommu virtio\d+: page fault from EP {endpoint} at {address} ' \
       r'\[%s\]'
DOMAIN = PAGE.replace('page', 'domain')

MODES = {
    'strict': 'iommu.strict=1',
    'lazy': 'iommu.strict=0',
    'pt': 'iommu.passthrough=1',
    'off': '',
}

# Drivers wait ten seconds for their IOMMU's, which is not long on a loaded host.
PATIENCE = 'deferred_probe_timeout=-1'

# Drivers that do DMA; of those a row can have.
DMA_DRIVERS = ('virtio-pci', 'nvme', 'ahci', 'e1000e', 'e1000', 'vfio-pci')
# VIRTIO 1.3, 4.1.2.1 and 5.13.1
IOMMU_ID = '0x1af4:0x1057'

# QEMU's own model, where it is what is tested.
QEMU_MODELS = ('virtio-iommu-pci',)
NO_OPTION = {'virtio-iommu-pci': 'an option of ours'}
NO_FLAGS = {'virtio-iommu-pci':
            'virtio-iommu-pci does not say whether it was a read or a write'}
NO_ALIAS = {'virtio-iommu-pci': 'virtio-iommu-pci does not know what is behind '
                                'a bridge by its own id'}

NO_REGIONS = {'virtio-iommu-pci': 'the machine sets this option of '
                                  'virtio-iommu-pci, and QEMU aborts if it is '
                                  'given'}


@dataclasses.dataclass
class VioRow(rows.Row):
    """A guest with a paravirtual IOMMU, which remaps no interrupts."""

    iommu: str = 'aw-bits=48'
    remap: str = 'off'
    # Functions that are not behind it, or '*': whatever has a driver.
    outside: str = ''
    # How many requests are, by status.
    refused: dict = dataclasses.field(default_factory=dict)
    # START:END:TYPE of what is reserved besides the place of interrupts; and
    # besides that for functions of the host, by what they are here.
    reserved: tuple = ()
    host_reserved: dict = dataclasses.field(default_factory=dict)

    vendor = 'virtio'
    model = 'nyx-virtio-iommu-pci'
    # Interrupts go to where no memory is mapped.
    messages = '0xfee00000:0xfeefffff:1'
    page_requests = False
    units = 1

    def chosen(self, device):
        return device if device in QEMU_MODELS else self.model

    def device(self, model):
        if not self.reserved:
            return super().device(model)
        # The one option that is a list.
        options = {name: int(value) if value.isdigit() else value
                   for name, value in self.options.items()}
        return json.dumps({'driver': model, 'id': 'iommu', **options,
                           'reserved-regions': [*self.reserved, self.messages]})

    @property
    def domain(self):
        return {'pt': 'identity', 'lazy': 'DMA-FQ'}.get(self.mode, 'DMA')

    @property
    def cmdline(self):
        return ' '.join(filter(None, (
            MODES[self.mode], self.append,
            '' if 'deferred_probe' in self.append else PATIENCE)))


def guest(name, **more):
    """Which functions are in groups is asked for at the end of each."""
    made = VioRow(f'virtio-{name}', **more)
    made.tests += ' functions'
    return made


def matrix_row(kernel, mode, width):
    return guest(f'{kernel}-{mode}-aw{width}', kernel=kernel, mode=mode,
               iommu=f'aw-bits={width}')


MATRIX = (
    ('6.12',   'strict', 48),
    ('6.12',   'lazy',   39),
    ('6.12',   'pt',     64),
    ('newest', 'strict', 64),
    ('newest', 'lazy',   48),
    ('newest', 'pt',     39),
)


def rogue(name, pattern, **more):
    return guest(f'rogue-{name}', devices='vblk testdev',
               tests='rogue:testdev:write:0xbad5000 '
                     'rogue:testdev:read:0xbad7000 disk:vblk',
               faults={'write': pattern % 'W', 'read': pattern % 'R'},
               unfit=NO_FLAGS, **more)


# SeaBIOS asks disks for a boot sector, and waits for some of them for ever;
# with this it leaves alone what it shall not boot from.
NO_BOOT = ('-boot', 'strict=on')

# The driver of the IOMMU comes when all others have given up waiting for it.
LATE = 'deferred_probe_timeout=1 nyx.late=3'

SINGLE = (
    guest('pc-6.12', machine='pc', mode='lazy'),
    guest('ovmf-6.12', firmware='ovmf', **SMALL),
    guest('vnet-6.12', mode='lazy', devices='rp vblk@rp vnet',
        tests='disk:vblk net:virtio_net:2'),
    guest('memory-above-4g-6.12', memory='5G', append='iommu.forcedac=1',
        **SMALL),
    # 6.1 has no driver for it on x86: all goes as without an IOMMU.
    guest('no-driver-6.1', kernel='6.1', mode='off', **SMALL),

    guest('reserved-6.12', reserved=('0xfffe0000:0xffffffff:0',),
          unfit=NO_REGIONS, **MEDIUM),

    # Only what is listed is behind it; the chipset's AHCI has a driver, too.
    guest('outside-6.12', iommu='endpoints=vblk+nvme',
        outside='00:06.0 00:1f.2', unfit=NO_OPTION, mode='lazy'),
    guest('outside-newest', kernel='newest', unfit=NO_OPTION,
        iommu='endpoints=rp1+nvme', outside='00:06.0 00:1f.2',
        devices='rp=rp1 vblk@rp1 nvme e1000e',
        tests='disk:vblk disk:nvme net:e1000e:2'),

    # Aliases, and further roots.
    guest('bridges-6.12', mode='lazy',
        devices='rp=rp1 rp=rp2 nvme@rp1 pciebr=br@rp2 pcibr=br2@br e1000@br '
                'vblk@br2 ahci', tests=f'{DISKS} net:e1000:2',
        unfit=NO_ALIAS),
    guest('bridges-newest', kernel='newest',
        devices='rp=rp1 rp=rp2 nvme@rp1 pciebr=br@rp2 pcibr=br2@br e1000@br '
                'vblk@br2 ahci', tests=f'{DISKS} net:e1000:2',
        unfit=NO_ALIAS),
    guest('pxb-6.12', devices='pxb=x1 rp=rp1@x1 pxb=x2 rp=rp2@x2 vblk nvme@rp1 '
                            'e1000e@rp2',
        tests='disk:vblk disk:nvme net:e1000e:2'),

    guest('hotplug-6.12', devices='rp=rp1 rp=rp2 vblk later=hvblk later=hnvme',
        tests='hotplug:hvblk hotplug:hnvme hotplug:hvblk disk:vblk'),
    guest('hotplug-newest-lazy', kernel='newest', mode='lazy',
        devices='rp=rp1 rp=rp2 vblk later=hvblk later=hnvme',
        tests='hotplug:hvblk hotplug:hnvme hotplug:hvblk disk:vblk'),
    guest('retype-6.12', mode='lazy', devices='vblk nvme',
        tests='retype:nvme retype:vblk disk:vblk disk:nvme'),
    guest('retype-newest', kernel='newest', mode='lazy', devices='vblk nvme',
        tests='retype:nvme retype:vblk disk:vblk disk:nvme'),
    guest('reset-6.12', reset=True, devices='vblk nvme e1000e',
        tests='disk:vblk disk:nvme net:e1000e:2'),
    guest('migrate-6.12', devices='vblk ahci e1000e', mode='lazy',
        tests='net_up:e1000e:2 busy:migrate:3:vblk:ahci net:e1000e:2 '
              'busy:migrate:2:vblk'),
    guest('snapshot-6.12', devices='vblk ahci', qemu=('-snapshot',),
        tests='busy:savevm:3:vblk:ahci busy:loadvm:2:vblk:ahci'),

    # Firmware has no driver for it: it asks for the disk's boot sector, in
    # vain, and the kernel has the disk.
    guest('blocked-6.12', iommu='boot-bypass=off', blocked=True,
        devices='nvme', tests='disk:nvme'),
    guest('blocked-all-6.12', iommu='boot-bypass=off', blocked=True, mode='lazy',
        qemu=NO_BOOT),
    guest('blocked-newest', kernel='newest', iommu='boot-bypass=off',
        blocked=True, qemu=NO_BOOT, **MEDIUM),

    # The module, and drivers that have waited for it: since 6.13 or so for ten
    # seconds, and they do without an IOMMU then.
    guest('late-newest', kernel='newest', append=LATE, outside='*', **MEDIUM),
    guest('late-waits-newest', kernel='newest', **MEDIUM,
        append='deferred_probe_timeout=-1 nyx.late=3'),
    guest('late-6.12', append=LATE, **MEDIUM),

    # What has no driver has no domain either, in 6.12.
    rogue('6.12', DOMAIN, iommu='boot-bypass=off', blocked=True, qemu=NO_BOOT),
    rogue('newest', PAGE, kernel='newest'),
    rogue('newest-lazy', PAGE, kernel='newest', mode='lazy'),

    # 131 mappings come and go with each of 800 requests, after some more.
    guest('cycles-6.12', devices='vblk', tests='cycles:vblk:50:400:400 disk:vblk'),
    guest('cycles-newest-lazy', kernel='newest', mode='lazy', devices='vblk',
        tests='cycles:vblk:50:400:400 disk:vblk'),
)


# As in rows.py.
SELDOM = (
    'virtio-newest-pt-aw39', 'virtio-memory-above-4g-6.12', 'virtio-vnet-6.12',
    'virtio-bridges-6.12', 'virtio-hotplug-newest-lazy',
    'virtio-retype-newest', 'virtio-snapshot-6.12', 'virtio-blocked-all-6.12',
    'virtio-blocked-newest', 'virtio-late-waits-newest', 'virtio-late-6.12',
    'virtio-rogue-newest-lazy', 'virtio-cycles-newest-lazy',
    'virtio-no-driver-6.1', 'virtio-outside-6.12', 'virtio-newest-lazy-aw48',
    'virtio-rogue-6.12',
)


def table():
    return [matrix_row(*columns) for columns in MATRIX] + list(SINGLE)


# -------------------------------------------------------------------- checks

def noise(row, line):
    """Whether a line that looks bad is none."""
    return 'nyx.late' in row.append and bool(LATE_LINES.search(line))


def follows(_row, _line):
    """Whether a fault line is there only because of other, expected ones."""
    return False


def endpoint(function):
    """Of BUS:DEV.FN, as the kernel prints it."""
    bus, slot, number = re.fullmatch(r'(..):(..)\.(.)', function).groups()
    return int(bus, 16) << 8 | int(slot, 16) << 3 | int(number)


def check_boot(row, reports, lines, findings):
    found = [match for line in lines for match in
             re.finditer(r'virtio_iommu virtio\d+: input address: (\d+) bits',
                         line)]
    findings.check('driver', bool(found) == (row.mode != 'off'),
                   'no line "input address"')
    width = row.options.get('aw-bits')
    if found and width:
        findings.check('aw-bits', found[0].group(1) == width,
                       found[0].group(0))
    check_functions(row, reports, findings)
    check_regions(row, reports, findings)
    check_counts(row, reports, findings)


def check_functions(row, reports, findings):
    """What does DMA is in a group, but for what is not behind the IOMMU."""
    users = {name: group for name, (ids, driver, group) in
             reports.functions.items()
             if driver in DMA_DRIVERS and ids != IOMMU_ID}
    wanted = len(re.findall(r'\b(vblk|nvme|ahci|e1000e?|vnet)\b(?!-)',
                            re.sub(r'=\w+|@\w+', '', row.devices)))
    findings.check('functions', len(users) >= wanted, reports.functions)
    outside = set(users) if row.outside == '*' or row.mode == 'off' else \
        {f'0000:{name}' for name in row.outside.split()}
    alone = {name for name, group in users.items() if group == '-'}
    findings.check('functions in groups', alone == outside,
                   f'{sorted(alone)} are in none, {sorted(outside)} wanted')
    own = [group for ids, _, group in reports.functions.values()
           if ids == IOMMU_ID]
    findings.check('IOMMU itself', own == ['-'], own)


def check_regions(row, reports, findings):
    """They are shown as the option has them."""
    findings.check('regions', bool(reports.regions) == (row.mode != 'off'))
    hosts = {group: row.host_reserved[name[5:]]
             for name, (_, _, group) in reports.functions.items()
             if name[5:] in row.host_reserved}
    for group, regions in reports.regions.items():
        wanted = []
        for region in (*row.reserved, row.messages, *hosts.get(group, ())):
            start, end, kind = (int(word, 0) for word in region.split(':'))
            wanted.append((f'{start:#018x}', f'{end:#018x}',
                           ('reserved', 'msi')[kind]))
        findings.check(f'regions of group {group}', regions == sorted(wanted),
                       regions)


# KiB; now and then QEMU takes a large page for something else.
GROWTH = 512


def check_counts(row, reports, findings):
    """While mappings come and go nothing grows."""
    if not any(test.startswith('cycles:') for test in row.tests.split()):
        return
    findings.check('counts', len(reports.counts) == 3, reports.counts)
    memory = [kib for _, kib in reports.counts]
    growth = [after - before for before, after in zip(memory, memory[1:])]
    findings.check('memory', min(growth, default=0) < GROWTH, memory)
    stats = [stats for stats, _ in reports.counts if stats]
    if not stats:
        return
    for name in ('map', 'unmap'):
        done = stats[-1]['requests'][name] - stats[0]['requests'][name]
        findings.check(f'{name} cycles', done >= 100000, done)
    for name, more in (('mappings', 64), ('mapping-bytes', 4096),
                       ('domains', 0), ('endpoints', 0)):
        kept = [one[name] for one in stats]
        findings.check(f'{name} kept', kept[-1] <= kept[0] + more, kept)


def check_requests(row, stats, findings):
    """The driver did what its mode needs, and nothing was refused but what
    the row says."""
    requests, events = stats['requests'], stats['events']
    refused = {name: count for name, count in stats['statuses'].items()
               if count and name != 'ok'}
    findings.check('statuses', refused == row.refused, refused)
    findings.check('unanswered', not requests['unanswered'], requests)
    # A driver in user space has a domain of its own.
    translating = row.payload == 'dpdk' or \
        row.mode in ('strict', 'lazy') and row.outside != '*'
    for name, wanted in (('map', translating), ('unmap', translating),
                         # A QEMU that was migrated to counts anew.
                         ('attach', 'migrate' not in row.tests and
                          row.mode != 'off'),
                         ('detach', 'hotplug' in row.tests)):
        if not wanted and name in ('detach', 'attach'):
            continue
        findings.check(f'{name} requests', bool(requests[name]) == wanted,
                       requests)
    findings.check('events', events['mapping'] + events['domain'] ==
                   len(row.faults) or row.provoked, events)
    # Of many provoked faults the driver keeps up with some only.
    findings.check('events lost', bool(events['lost']) == row.blocked or
                   row.provoked, events)
    iotlb = stats['iotlb']
    findings.check('IOTLB used', not translating or
                   iotlb['hits'] > 0 and iotlb['misses'] > 0, iotlb)


def check_device(row, reports, findings):
    """The model's own account of the run must fit the guest's."""
    stats = reports.stats
    rules = set()
    if row.faults or row.provoked or row.blocked:
        rules.add('virtio-iommu.fault.dma')
    if row.blocked:
        rules.add('virtio-iommu.event.lost')
    if 'noent' in row.refused:
        rules.add('virtio-iommu.endpoint.unknown')
    found = {mistake['rule'] for mistake in reports.mistakes}
    if row.provoked:
        found -= {'virtio-iommu.event.lost'}
    findings.check('guest mistakes', found == rules, reports.mistakes)
    names = {fault['name'] for fault in stats['faults']}
    detached = row.blocked or any(
        'domain fault' in line for line in row.faults.values())
    wanted = {'detached'} if detached else \
        {'unmapped'} if row.faults or row.provoked else set()
    if 'readonly' in row.provoked:
        wanted.add('permission')
    findings.check('faults counted', names == wanted, sorted(names))
    check_requests(row, stats, findings)
    grouped = sum(group != '-' for _, _, group in reports.functions.values())
    # Behind a bridge there is an id more.
    findings.check('endpoints', stats['endpoints'] == grouped or
                   'br' in row.devices and stats['endpoints'] > grouped,
                   f"{stats['endpoints']}, {grouped} in groups")
