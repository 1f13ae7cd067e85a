# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of guest tests: one row, one guest, one line of output."""

import dataclasses
import itertools

DISKS = 'disk:vblk disk:nvme disk:ahci'
PLAIN = 'vblk nvme ahci e1000e'
PLAIN_TESTS = f'{DISKS} net:e1000e:2'

# Less of it, where something else than the devices is the point.
SMALL = {'devices': 'vblk nvme', 'tests': 'disk:vblk disk:nvme'}
MEDIUM = {'devices': 'vblk nvme e1000e',
          'tests': 'disk:vblk disk:nvme net:e1000e:2'}


@dataclasses.dataclass
class Row:
    """One guest: what it consists of, and what it must report."""

    name: str
    kernel: str = '6.12'
    machine: str = 'q35'
    # Options of the IOMMU, by the names that intel-iommu has for them.
    iommu: str = 'intremap=on,eim=on,aw-bits=48'
    # Kernel: strict, lazy, pt, or off, which leaves intel_iommu= out.
    mode: str = 'strict'
    # Interrupt remapping the kernel must find: x2apic, xapic or off.
    remap: str = 'x2apic'
    devices: str = PLAIN
    tests: str = PLAIN_TESTS
    append: str = ''
    cpu: str = 'max'
    memory: str = '1G'
    # What the guest has besides: see payloads.py.
    payload: str = ''
    # A guest in this one, which has its devices: a row, too.
    inner: 'Row' = None
    firmware: str = 'seabios'
    qemu: tuple = ()
    # That the guest is given.
    seconds: int = 180
    # Rogue requests: (what the kernel must say, by the helper's operation).
    faults: dict = dataclasses.field(default_factory=dict)
    # What the kernel must say besides, as patterns.
    says: tuple = ()
    # The whole guest again, after a system reset from outside.
    reset: bool = False
    # Faults that a program of the kernel's tree provokes: what the kernel must
    # say, by operation as in FAULT_REASONS.
    provoked: dict = dataclasses.field(default_factory=dict)
    # How many tests a selftest of the kernel's cannot do here.
    skips: dict = dataclasses.field(default_factory=dict)
    # Which of its tests fail whatever the hardware: a pattern of their names.
    broken: dict = dataclasses.field(default_factory=dict)
    # Types of groups' domains that are not the usual one, by function.
    domains: dict = dataclasses.field(default_factory=dict)
    # Run also with intel-iommu, and compare what the guests found.
    swap: bool = False
    # Devices have done DMA that was refused, before the kernel had its driver.
    blocked: bool = False
    # Why a model cannot run the row, by the model's name.
    unfit: dict = dataclasses.field(default_factory=dict)

    # The processor: see arm.py.
    arch = 'x86_64'
    # Whose driver the kernel has for it; the model, if it can be one only.
    vendor = 'intel'
    model = None

    def chosen(self, device):
        """The model for the row, where this one was asked for."""
        return self.model or device

    def device(self, model):
        """The argument of -device."""
        return f'{model},id=iommu,{self.iommu}'

    @property
    def options(self):
        """The options as a dictionary."""
        return dict(pair.split('=') for pair in self.iommu.split(','))

    @property
    def units(self):
        """Remapping units that the machine has."""
        return 1 + sum(name.startswith('unit') for name in self.options)

    @property
    def domain(self):
        """The type the groups' default domains must have."""
        if self.mode == 'pt':
            return 'identity'
        # In caching mode each map is an exit, and the kernel refuses to
        # batch the unmaps: "IOMMU batching disallowed due to virtualization".
        # Without pass-through 6.12 asks for plain DMA, whatever the policy.
        batching = self.options.get('caching-mode') != 'on' and not (
            self.options.get('pt') == 'off' and self.kernel != '6.1')
        return 'DMA-FQ' if self.mode == 'lazy' and batching else 'DMA'

    @property
    def first_stage(self):
        """Whether the kernel's own domains use first-stage tables."""
        default = 'off' if self.options.get('caching-mode') == 'on' else 'on'
        return (self.options.get('scalable-mode') == 'on' and
                self.options.get('flts', default) == 'on')

    @property
    def page_requests(self):
        """Whether the kernel has a queue for them."""
        rich = self.options.get('profile') in ('server', 'everything')
        auto = rich or (self.options.get('scalable-mode') == 'on' and
                        self.options.get('device-iotlb') == 'on')
        given = self.options.get('page-requests')
        return (given == 'on' if given else auto) and 'sm_off' not in self.append

    @property
    def cmdline(self):
        return {
            'strict': 'intel_iommu=on iommu.strict=1',
            'lazy': 'intel_iommu=on iommu.strict=0',
            'pt': 'intel_iommu=on iommu=pt',
            'off': 'intel_iommu=off',
        }[self.mode] + (' ' + self.append if self.append else '')


# ---------------------------------------------------------------- the matrix
# Each pair of values of two columns occurs in some row; check_pairs() says so.

MATRIX = (
    # kernel, mode,    caching, aw, interrupt remapping
    ('6.1',  'strict', 'off', 39, 'x2apic'),
    ('6.1',  'strict', 'on',  48, 'off'),
    ('6.1',  'lazy',   'on',  39, 'x2apic'),
    ('6.1',  'lazy',   'off', 48, 'xapic'),
    ('6.1',  'pt',     'on',  48, 'xapic'),
    ('6.1',  'pt',     'off', 39, 'off'),
    ('6.12', 'strict', 'on',  39, 'xapic'),
    ('6.12', 'strict', 'off', 48, 'x2apic'),
    ('6.12', 'lazy',   'off', 39, 'off'),
    ('6.12', 'lazy',   'on',  48, 'xapic'),
    ('6.12', 'pt',     'on',  39, 'x2apic'),
    ('6.12', 'pt',     'off', 48, 'off'),
    ('newest', 'strict', 'off', 39, 'x2apic'),
    ('newest', 'lazy',   'on',  48, 'off'),
    ('newest', 'pt',     'off', 48, 'xapic'),
)


def check_pairs():
    """A matrix that has lost a pair does not run."""
    for one, other in itertools.combinations(range(5), 2):
        wanted = set(itertools.product({row[one] for row in MATRIX},
                                       {row[other] for row in MATRIX}))
        missing = wanted - {(row[one], row[other]) for row in MATRIX}
        if missing:
            raise SystemExit(f'rows.py: the matrix lacks {sorted(missing)}')


def matrix_row(kernel, mode, caching, width, remap):
    remapping = {'x2apic': 'intremap=on,eim=on',
                 'xapic': 'intremap=on,eim=off',
                 'off': 'intremap=off'}[remap]
    return Row(name=f'matrix-{kernel}-{mode}-cm_{caching}-aw{width}-{remap}',
               kernel=kernel, mode=mode, remap=remap,
               iommu=f'{remapping},caching-mode={caching},aw-bits={width}',
               # IOVAs from the top of the address width down, not below
               # 4 GiB first: the only way that they use the width.
               append='iommu.forcedac=1' if caching == 'off' else '')


# --------------------------------------------------------------- single rows

NO_PC = {'intel-iommu': 'intel-iommu takes the machine q35 only'}
NO_OPTION = {'intel-iommu': 'an option of ours'}
NO_CFI = {'intel-iommu': 'intel-iommu lets compatibility-format interrupts by'}

FEATURES = 'intremap=on,eim=on,posted-interrupts=on,esrtps=on,esirtps=on,' \
           'abort-dma=on,vcmd=on,perfmon=on'

# Two buses below the PCI Express bridge: the kernel has an entry checked
# against the range from the first to the second, start bus in the high byte.
NO_SVT_BUS = {'intel-iommu':
              'intel-iommu swaps start and end of the bus range (SVT=2)'}

SCALABLE = 'scalable-mode=on,intremap=on'
PAGE_REQUESTS = SCALABLE + ',device-iotlb=on,page-requests=on'
SM_ON = 'intel_iommu=on,sm_on'

DMAR = 'intremap=on,eim=on,device-iotlb=on,numa-node=0,satc=vblk,' \
       'rmrr=nvme+far@0x30000000-0x300fffff:vblk@0x1000000000-0x1000000fff,' \
       'andd=\\_SB.PCI0.SF8.COM1@00:1f.7,sidp=nvme@0x8'
DMAR_LINES = (
    r'e820: .mem 0x0*30000000-0x0*300fffff. reserved',
    r'DMAR: RMRR base: 0x0*30000000 end: 0x0*300fffff',
    r'DMAR: RMRR base: 0x0*1000000000 end: 0x0*1000000fff',
    r'DMAR: ATSR flags: 0x1',
    r'DMAR: RHSA base: 0x0*fed90000 proximity domain: 0x0',
    r'DMAR: ANDD device: 1 name: \\_SB.PCI0.SF8.COM1',
    r'DMAR: SATC flags: 0x1',
    r'ACPI device "PNP0501:00" under DMAR at fed90000 as 00:1f.7',
)
UNITS = 'intremap=on,unit1=rp,unit2=nvme'
UNIT_DEVICES = 'rp vblk=far@rp vblk nvme e1000e'
UNIT_TESTS = 'disk:far disk:vblk disk:nvme net:e1000e:2'
UNIT_LINES = (
    r'DMAR: dmar0: reg_base_addr fed92000',
    r'DMAR: dmar1: reg_base_addr fed94000',
    r'DMAR: dmar2: reg_base_addr fed90000',
    r'IOAPIC id 0 under DRHD base  0xfed90000 IOMMU 2',
)
NO_QUEUE = (r'dmar0: Using Register based invalidation',)
ONE_NODE = ('-object', 'memory-backend-ram,id=node0,size=1G',
            '-numa', 'node,memdev=node0')

WRITE = r'\[DMA Write NO_PASID\] Request device \[{device}\] ' \
        r'fault addr {address} \[fault reason 0x05\]'
READ = r'\[DMA Read NO_PASID\] Request device \[{device}\] ' \
       r'fault addr {address} \[fault reason 0x06\]'
# A message in the compatibility format has no index; the kernel prints 0.
MSI = r'\[INTR-REMAP\] Request device \[{device}\] ' \
      r'fault index 0x0 \[fault reason 0x25\]'


def rogue(name, device='testdev', **more):
    return Row(f'rogue-{name}', devices=f'vblk {device}',
               tests=f'rogue:{device}:write:0xbad5000 '
                     f'rogue:{device}:read:0xbad7000 disk:vblk',
               faults={'write': WRITE, 'read': READ}, **more)


SINGLE = (
    # The same guest behind both models, with the same words.
    Row('swap-intel-iommu-6.1', kernel='6.1', swap=True, **MEDIUM,
        iommu='intremap=on,eim=on,caching-mode=on,device-iotlb=on,aw-bits=48,'
              'pt=on,snoop-control=off,dma-drain=on,dma-translation=on,'
              'version=0'),
    Row('swap-intel-iommu-6.12', swap=True, mode='lazy', **MEDIUM,
        iommu='intremap=on,eim=off,caching-mode=off,aw-bits=39,pt=off,'
              'snoop-control=on', remap='xapic'),

    # Other machines, firmware and processors.
    Row('pc-6.12', machine='pc', unfit=NO_PC),
    Row('pc-6.1-pt', kernel='6.1', machine='pc', mode='pt', unfit=NO_PC,
        **SMALL),
    Row('ovmf-6.12', firmware='ovmf', **SMALL),
    Row('ovmf-6.1-lazy', kernel='6.1', mode='lazy', firmware='ovmf', **SMALL),
    Row('no-x2apic-cpu-6.12', cpu='qemu64', remap='xapic', **MEDIUM),
    Row('memory-above-4g-6.12-pt', mode='pt', memory='5G', **SMALL),
    Row('memory-above-4g-6.12-strict', memory='5G',
        append='iommu.forcedac=1', **SMALL),

    # One feature of the unit each.
    Row('intremap-only-6.12', mode='off', **MEDIUM),
    Row('device-iotlb-6.12', iommu='intremap=on,eim=on,device-iotlb=on',
        devices='rp vblk-ats=vblk@rp vnet',
        tests='disk:vblk net:virtio_net:2'),
    # QEMU's own chooses eim=off where there is no KVM.
    Row('defaults-6.12', iommu='aw-bits=48', **MEDIUM,
        unfit={'intel-iommu': 'intel-iommu leaves x2APIC out by default'}),

    # Every structure of the DMAR table: the kernel reads them all, and wants
    # reserved memory to be in its map.
    Row('dmar-6.12', iommu=DMAR, unfit=NO_OPTION, qemu=ONE_NODE,
        says=DMAR_LINES,
        devices='rp vblk=far@rp vblk-ats=vblk nvme e1000e',
        tests='disk:far disk:vblk disk:nvme net:e1000e:2'),
    Row('dmar-6.1-scalable', kernel='6.1', unfit=NO_OPTION, qemu=ONE_NODE,
        says=DMAR_LINES, iommu=DMAR + ',scalable-mode=on', append=SM_ON,
        devices='rp vblk=far@rp vblk-ats=vblk nvme e1000e',
        tests='disk:far disk:vblk disk:nvme net:e1000e:2'),

    # OVMF reserves what is not RAM only.
    Row('dmar-ovmf-6.12', firmware='ovmf', unfit=NO_OPTION, **SMALL,
        iommu='intremap=on,rmrr=nvme@0x1000000000-0x1000000fff',
        says=(r'e820: .mem 0x0*1000000000-0x0*1000000fff. reserved',
              r'RMRR base: 0x0*1000000000 end: 0x0*1000000fff')),

    # Units like real parts, poor and rich.
    Row('profile-minimal-6.12', iommu='profile=minimal,intremap=off',
        remap='off', says=NO_QUEUE, unfit=NO_OPTION),
    Row('profile-minimal-6.12-lazy', mode='lazy', remap='off', says=NO_QUEUE,
        iommu='profile=minimal,pt=off', unfit=NO_OPTION, **MEDIUM),
    Row('profile-minimal-6.1', kernel='6.1', remap='off', says=NO_QUEUE,
        iommu='profile=minimal', unfit=NO_OPTION, **SMALL),
    Row('profile-client-6.12', iommu='profile=client,intremap=on,aw-bits=39',
        unfit=NO_OPTION),
    Row('profile-client-6.12-lazy', iommu='profile=client', mode='lazy',
        append='iommu.forcedac=1', unfit=NO_OPTION, **MEDIUM),
    Row('profile-server-6.12', unfit=NO_OPTION, append=SM_ON,
        iommu='profile=server,scalable-mode=on'),
    Row('profile-server-6.12-legacy', iommu='profile=server', mode='lazy',
        append='intel_iommu=on,sm_off iommu.forcedac=1', unfit=NO_OPTION,
        **MEDIUM),
    Row('profile-everything-6.12', unfit=NO_OPTION, append=SM_ON,
        iommu='profile=everything,scalable-mode=on'),
    Row('profile-everything-6.1-pt', kernel='6.1', mode='pt', append=SM_ON,
        iommu='profile=everything,scalable-mode=on', unfit=NO_OPTION, **SMALL),

    # Single bits that make a driver do something else.
    Row('poor-6.12', unfit=NO_OPTION,
        iommu='intremap=on,psi=off,rwbf=on,coherent=off,zlr=off,sslps=2m,'
              'domain-bits=6,mhmv=0'),

    # Several units: what is below a root port, a device, and the rest.
    Row('units-6.12', iommu=UNITS, unfit=NO_OPTION, says=UNIT_LINES,
        devices=UNIT_DEVICES, tests=UNIT_TESTS),
    Row('units-6.1-lazy-cm', kernel='6.1', mode='lazy', unfit=NO_OPTION,
        iommu=UNITS + ',caching-mode=on', says=UNIT_LINES,
        devices=UNIT_DEVICES, tests=UNIT_TESTS),
    Row('units-everything-6.12', unfit=NO_OPTION, append=SM_ON,
        iommu='profile=everything,scalable-mode=on,' + UNITS,
        devices=UNIT_DEVICES, tests=UNIT_TESTS),
    Row('units-minimal-6.12', remap='off', unfit=NO_OPTION,
        iommu='profile=minimal,unit1=rp,unit2=nvme',
        devices=UNIT_DEVICES, tests=UNIT_TESTS),
    Row('units-migrate-6.12', iommu='intremap=on,unit1=rp,unit2=vblk',
        unfit=NO_OPTION, devices='rp vblk=far@rp vblk ahci e1000e',
        tests='net_up:e1000e:2 busy:migrate:3:far:vblk:ahci net:e1000e:2 '
              'busy:migrate:2:far:vblk:ahci net:e1000e:2'),

    Row('units-hotplug-6.12', unfit=NO_OPTION, iommu='intremap=on,unit1=rp1',
        devices='rp=rp1 rp=rp2 vblk later=hvblk later=hnvme',
        tests='hotplug:hvblk hotplug:hnvme hotplug:hvblk disk:vblk'),
    Row('units-bridges-6.12', iommu='intremap=on,unit1=rp1,unit2=rp2',
        devices='rp=rp1 rp=rp2 nvme@rp1 pciebr=br@rp2 pcibr=br2@br e1000@br '
                'vblk@br2 ahci', mode='lazy',
        tests=f'{DISKS} net:e1000:2', unfit=NO_OPTION),

    # Both stages, of which the kernel's own domains use the first; then each
    # stage alone.
    Row('scalable-6.12', iommu=SCALABLE, append=SM_ON, unfit=NO_OPTION),
    Row('scalable-6.12-lazy', iommu=SCALABLE, mode='lazy', append=SM_ON,
        unfit=NO_OPTION, **MEDIUM),
    Row('scalable-pri-6.12', iommu=PAGE_REQUESTS, append=SM_ON,
        unfit=NO_OPTION, devices='rp vblk-ats=vblk@rp nvme e1000e testdev',
        tests='disk:vblk disk:nvme net:e1000e:2'),
    Row('scalable-pri-6.1-lazy', kernel='6.1', mode='lazy', append=SM_ON,
        iommu=PAGE_REQUESTS, unfit=NO_OPTION,
        devices='rp vblk-ats=vblk@rp', tests='disk:vblk'),
    Row('scalable-6.12-pt', iommu=SCALABLE, mode='pt', append=SM_ON,
        unfit=NO_OPTION, **SMALL),
    Row('scalable-second-6.12', iommu=SCALABLE + ',flts=off', append=SM_ON,
        unfit=NO_OPTION, **MEDIUM),
    Row('scalable-first-6.12', iommu=SCALABLE + ',ssts=off', append=SM_ON,
        unfit=NO_OPTION, **MEDIUM),
    Row('scalable-6.1', kernel='6.1', iommu=SCALABLE, append=SM_ON,
        unfit=NO_OPTION, **MEDIUM),

    Row('scalable-newest', kernel='newest', iommu=SCALABLE, append=SM_ON,
        unfit=NO_OPTION, **MEDIUM),
    Row('scalable-newest-lazy', kernel='newest', mode='lazy', iommu=SCALABLE,
        append=SM_ON, unfit=NO_OPTION, **MEDIUM),
    Row('scalable-second-newest', kernel='newest', append=SM_ON,
        iommu=SCALABLE + ',flts=off', unfit=NO_OPTION, **MEDIUM),

    # All that is off by default because a kernel has no use for it.
    Row('features-6.12', iommu=FEATURES, unfit=NO_OPTION,
        devices='vblk nvme e1000e',
        tests='disk:vblk perf:nvme disk:nvme net:e1000e:2 perf:vblk'),
    Row('features-newest', kernel='newest', iommu=FEATURES, unfit=NO_OPTION,
        devices='vblk', tests='disk:vblk perf:vblk'),
    Row('features-6.1-lazy', kernel='6.1', iommu=FEATURES, mode='lazy',
        unfit=NO_OPTION, **MEDIUM),
    Row('features-migrate-6.12', devices='vblk ahci e1000e', iommu=FEATURES,
        tests='net_up:e1000e:2 busy:migrate:3:vblk:ahci net:e1000e:2 '
              'perf:vblk', unfit=NO_OPTION),

    # Five levels of tables; no eviction ever; every walk; hardly any room.
    Row('aw57-6.12', iommu='intremap=on,eim=on,aw-bits=57', mode='lazy',
        append='iommu.forcedac=1', unfit=NO_OPTION, **MEDIUM),
    Row('aw57-6.1-cm', iommu='intremap=on,eim=on,aw-bits=57,caching-mode=on',
        kernel='6.1', append='iommu.forcedac=1', unfit=NO_OPTION, **SMALL),
    Row('cache-sticky-6.12-lazy', mode='lazy',
        iommu='intremap=on,eim=on,cache=sticky', unfit=NO_OPTION),
    Row('cache-sticky-6.1-cm', kernel='6.1', unfit=NO_OPTION, **MEDIUM,
        iommu='intremap=on,eim=on,cache=sticky,caching-mode=on'),
    Row('cache-off-6.12', iommu='intremap=on,eim=on,cache=off',
        unfit=NO_OPTION, **SMALL),
    Row('iotlb-16-6.1', kernel='6.1', unfit=NO_OPTION, **MEDIUM,
        iommu='intremap=on,eim=on,iotlb-entries=16'),

    # Requester IDs: a root port passes them on, bridges take them over.
    Row('bridge-6.1-lazy', kernel='6.1', mode='lazy',
        devices='rp=rp1 rp=rp2 nvme@rp1 pciebr=br@rp2 e1000@br vblk@br',
        tests='disk:vblk disk:nvme net:e1000:2'),
    Row('bridges-6.12', iommu='intremap=on,eim=on,caching-mode=on',
        devices='rp=rp1 rp=rp2 nvme@rp1 pciebr=br@rp2 pcibr=br2@br e1000@br '
                'vblk@br2 ahci@br2',
        tests=f'{DISKS} net:e1000:2', unfit=NO_SVT_BUS),

    # What changes while the guest runs.
    Row('hotplug-6.12', devices='rp=rp1 rp=rp2 vblk later=hvblk later=hnvme',
        tests='hotplug:hvblk hotplug:hnvme hotplug:hvblk disk:vblk'),
    Row('hotplug-6.1-lazy', kernel='6.1', mode='lazy',
        iommu='intremap=on,eim=off,caching-mode=on', remap='xapic',
        devices='rp=rp1 rp=rp2 vblk later=hvblk later=hnvme',
        tests='hotplug:hvblk hotplug:hnvme hotplug:hvblk disk:vblk'),
    Row('retype-6.12', mode='lazy', devices='vblk nvme',
        tests='retype:nvme retype:vblk disk:vblk disk:nvme'),
    Row('retype-6.1-cm', kernel='6.1', devices='vblk nvme',
        iommu='intremap=on,eim=on,caching-mode=on',
        tests='retype:nvme retype:vblk disk:vblk disk:nvme'),
    Row('reset-6.12', reset=True, devices='vblk nvme e1000e',
        tests='disk:vblk disk:nvme net:e1000e:2'),
    # QEMU does not migrate its NVMe.
    Row('migrate-6.12', devices='vblk ahci e1000e', mode='lazy',
        tests='net_up:e1000e:2 busy:migrate:3:vblk:ahci net:e1000e:2 '
              'busy:migrate:2:vblk'),
    Row('migrate-6.1', kernel='6.1', devices='vblk ahci e1000e',
        iommu='intremap=on,eim=on,caching-mode=on',
        tests='net_up:e1000e:2 busy:migrate:3:vblk:ahci net:e1000e:2'),
    # Back to a state whose mappings are not those of now.
    Row('snapshot-6.12', devices='vblk ahci', qemu=('-snapshot',),
        tests='busy:savevm:3:vblk:ahci busy:loadvm:2:vblk:ahci'),

    # Requests that no driver asked for, from our device and from QEMU's own.
    rogue('6.1', kernel='6.1'),
    rogue('6.12-lazy', mode='lazy'),
    rogue('6.12-cm', iommu='intremap=on,eim=on,caching-mode=on'),
    rogue('edu-6.12', 'edu'),
    Row('rogue-msi-6.12', devices='vblk testdev', unfit=NO_CFI,
        tests='rogue:testdev:msi:0xfee00000 disk:vblk', faults={'msi': MSI}),
)


# What others cover nearly as well: the extended tier has them.
SELDOM = (
    'pc-6.1-pt', 'ovmf-6.1-lazy', 'memory-above-4g-6.12-pt',
    'profile-minimal-6.12-lazy', 'profile-minimal-6.12',
    'profile-client-6.12-lazy', 'profile-server-6.12-legacy',
    'profile-everything-6.1-pt', 'units-minimal-6.12', 'units-everything-6.12',
    'units-bridges-6.12', 'units-migrate-6.12', 'scalable-pri-6.1-lazy',
    'scalable-6.12-lazy', 'scalable-newest-lazy', 'features-6.1-lazy',
    'features-migrate-6.12', 'aw57-6.1-cm', 'cache-sticky-6.1-cm',
    'hotplug-6.1-lazy', 'retype-6.1-cm', 'migrate-6.1', 'dmar-ovmf-6.12',
    'rogue-6.12-cm', 'profile-client-6.12', 'profile-server-6.12',
    'units-6.1-lazy-cm', 'scalable-6.1', 'scalable-second-6.12',
    'iotlb-16-6.1', 'no-x2apic-cpu-6.12', 'scalable-second-newest',
    'features-newest', 'rogue-6.12-lazy', 'cache-off-6.12',
    'dmar-6.1-scalable',
)


def rows():
    check_pairs()
    return [matrix_row(*row) for row in MATRIX] + list(SINGLE)
