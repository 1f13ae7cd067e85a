#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows that each check of the guest tests can fail: a made-up run that passes
is spoilt in one place at a time, and the check named must say so.  No QEMU."""

import copy
import dataclasses
import pathlib
import sys
import tempfile

import amd
import debugfs
import nested
import packets
import parts
import rows
import run
import userspace
import virtio

ROW = rows.Row(
    'canned', devices='vblk e1000e testdev', mode='lazy',
    iommu='aw-bits=48,caching-mode=off,intremap=on,eim=on,pt=on,'
          'device-iotlb=off,snoop-control=on,unit1=vblk',
    tests='disk:vblk net:e1000e:2 busy:migrate:3:vblk '
          'rogue:testdev:write:0xbad5000 iommufd:info '
          'selftest:vfio_test debugfs',
    says=(r'DMAR: Host address width 40$',),
    skips={'vfio_test': 2}, broken={'vfio_test': r'\w\.known'},
    faults={'write': rows.WRITE})

# CAP: 48 bits. ECAP: snoop control, pass-through, x2APIC, remapping.
CONSOLE = """
[    0.051234] DMAR: IOMMU enabled
[    0.174685] DMAR: Host address width 40
[    0.175568] DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap 2f0666 ecap f050db
[    0.181048] DMAR-IR: Enabled IRQ remapping in x2apic mode
[    1.059944] DMAR: dmar0: Using Queued invalidation
[   19.580000] DMAR: DRHD: handling fault status reg 2
[   19.581436] DMAR: [DMA Write NO_PASID] Request device [00:06.0] \
fault addr 0xbad5000 [fault reason 0x05] PTE Write access is not set
""".strip().splitlines()

REPORTS = """
boot 6.12.95+deb12-amd64
group 0 DMA-FQ 0000:00:04.0
group 1 DMA-FQ 0000:00:05.0
group 2 DMA-FQ 0000:00:06.0
pass disk:vblk
pass net:e1000e:2
rounds vblk 2 5
pass busy:migrate:3:vblk
rogue 00:06.0 write 0xbad5000
pass rogue:testdev:write:0xbad5000
hwinfo CAP 0x2f0666
hwinfo ECAP 0xf050db
pass iommufd:info
broken vfio_test a.known
selftest vfio_test 23 2 20 1
pass selftest:vfio_test
pass debugfs
irq 0: 116 0 IR-IO-APIC 2-edge timer
irq 4: 1 0 IR-IO-APIC 4-edge ttyS0
irq 25: 0 0 IR-PCI-MSIX-0000:00:04.0 0-edge virtio0-config
irq 26: 355 0 IR-PCI-MSIX-0000:00:04.0 1-edge virtio0-req.0
irq 32: 0 917 IR-PCI-MSIX-0000:00:05.0 0-edge eth0-rx-0
done
""".strip().splitlines()

# What debugfs shows of a unit with one function, and the device of itself.
DUMPS = {
    'iommu_regset': ['IOMMU: dmar0 Register Base Address: fed90000'] + [
        f'R{n}  {4 * n:#x}  {0x1000 + n:#018x}' for n in range(25)],
    'dmar_translation_struct': [
        '00:04.0 0x0000000000000000:0x0000000002966001 '
        '0x0000000000000000:0x0000000002967401 0 '
        '0x0000000002974000:0x0000000000800003:0x0000000000000049'],
    '0000:00:04.0/domain_translation_struct': [
        'Device 0000:00:04.0 with pasid 0 @0x2974000',
        '0x00000000ffffc | 0x0000000000000000 0x000000000299e027 '
        '0x000000000299f027 0x00000000029a0027 0x00000000029a1065',
        '0x0000000040000 | 0x0000000000000000 0x000000000299e027 '
        '0x000000000299f027 0x00000000400000e7'],
}

SHOWN_REGISTERS = [
    {'name': f'R{n}', 'offset': hex(4 * n), 'value': hex(0x1000 + n)}
    for n in range(25)]

SHOWN_TABLES = {
    'complete': True,
    'functions': [{
        'sid': '00:04.0', 'pasid': 0, 'translation': 'first', 'domain': 3,
        'root-entry': ['0x2966001', '0x0'],
        'context-entry': ['0x2967401', '0x0', '0x0', '0x0'],
        'pasid-entry': ['0x49', '0x800003', '0x2974000'] + 5 * ['0x0'],
        'first-stage': [
            {'iova': '0xffffc000', 'addr': '0x29a1000', 'lg2': 12,
             'access': 'r'},
            {'iova': '0x40000000', 'addr': '0x40000000', 'lg2': 21,
             'access': 'rw'},
        ],
    }],
}

STATS = {
    'iotlb': {'hits': 16336, 'misses': 19564},
    'invalidations': {'iotlb-domain': 65, 'iotlb-page': 0, 'queue-errors': 0},
    'interrupts-remapped': 532,
    'faults': [{'reason': '0x5', 'count': 1}],
}

MISTAKES = [{'rule': 'vtd.fault.dma', 'count': 1}]


# The same behind an AMD-Vi.
AMD_ROW = amd.AmdRow(
    'canned-amd', devices='vblk testdev', mode='lazy',
    iommu='intremap=on,xtsup=on,np-cache=off,guest-levels=0',
    tests='disk:vblk rogue:testdev:write:0xbad5000 '
          'iommufd:info debugfs',
    says=(r'Using global IVHD EFR:0x9c5',), faults={'write': amd.WRITE})

AMD_CONSOLE = """
[    0.028000] AMD-Vi: Using global IVHD EFR:0x9c5, EFR2:0x0
[    1.541575] AMD-Vi: Extended features (0x9c5, 0x0): PreF X2APIC IA GA HE
[    1.541939] AMD-Vi: Interrupt remapping enabled
[    1.542033] AMD-Vi: X2APIC enabled
[   19.581436] nyx-testdev 0000:00:05.0: AMD-Vi: Event logged [IO_PAGE_FAULT \
domain=0x0005 address=0xbad5000 flags=0x0020]
""".strip().splitlines()

AMD_REPORTS = """
boot 6.12.95+deb12-amd64
group 0 DMA-FQ 0000:00:04.0
group 1 DMA-FQ 0000:00:05.0
pass disk:vblk
rogue 00:05.0 write 0xbad5000
pass rogue:testdev:write:0xbad5000
hwinfo EFR 0x9c5
hwinfo EFR2 0x8
pass iommufd:info
pass debugfs
irq 0: 116 0 IR-IO-APIC 2-edge timer
irq 4: 1 0 IR-IO-APIC 4-edge ttyS0
irq 24: 1 0 IOMMU-MSI 0-edge AMD-Vi0-Evt
irq 26: 355 0 IR-PCI-MSIX-0000:00:04.0 1-edge virtio0-req.0
done
""".strip().splitlines()

AMD_STATS = {
    'iotlb': {'hits': 16336, 'misses': 19564},
    'invalidations': {'pages': 65, 'device-table-entry': 9,
                      'command-errors': 0},
    'events-lost': 0,
    'interrupts-remapped': 532,
    'faults': [{'name': 'host-not-present', 'count': 1}],
}

AMD_MISTAKES = [{'rule': 'amdvi.fault.dma', 'count': 1}]

AMD_DUMPS = {
    'capability': [f'Offset:{4 * n:#x} Value:{value:#010x}' for n, value in
                   enumerate((0x190b640f, 0xfed80001, 0, 0, 0x203000, 0))],
    'mmio': [f'Offset:{8 * n:#x} Value:{0x1000 + n:#018x}'
             for n in range(100)] +
            ['Offset:0x2000 Value:0x0000000000000050',
             'Offset:0x2008 Value:0x0000000000000070',
             'Offset:0x2010 Value:0x0000000000000000'],
    'cmdbuf': ['CMD Buffer Head Offset:5 Tail Offset:7'],
    'devtbl': ['DeviceId QWORD[3] QWORD[2] QWORD[1] QWORD[0] iommu',
               '0000:00:03.0 0000000000000000 0000000000000001 '
               '0000000000000002 6000000002d3b603 iommu0',
               '0000:00:04.0 0000000000000000 2000000002d60013 '
               '0000000000000003 6000000002d3f603 iommu0'],
    'irqtbl': ['IRQ lookup table not set for 0000:00:03:0',
               'DeviceId 0000:00:04.0',
               'IRT[0000] 0000000000000022 0000000000000101',
               'IRT[0511] 0000000000000023 0000000000000201'],
}

# Two of 32 bits are one word to the kernel.
AMD_SHOWN_REGISTERS = [
    {'name': f'R{n}', 'offset': hex(8 * n), 'value': hex(0x1000 + n)}
    for n in range(100) if n != 42] + [
    {'name': 'LOW', 'offset': '0x150', 'value': '0x102a'},
    {'name': 'HIGH', 'offset': '0x154', 'value': '0x0'},
    {'name': 'HEAD', 'offset': '0x2000', 'value': '0x50'},
    {'name': 'TAIL', 'offset': '0x2008', 'value': '0x70'},
]

AMD_SHOWN_TABLES = {
    'complete': True,
    'functions': [
        {'sid': '00:03.0', 'interrupts': {'valid': 1, 'entries': []},
         'device-table-entry': ['0x6000000002d3b603', '0x2', '0x1', '0x0']},
        {'sid': '00:03.0', 'pasid': 0,
         'device-table-entry': ['0x6000000002d3b603', '0x2', '0x1', '0x0']},
        {'sid': '00:04.0',
         'device-table-entry': ['0x6000000002d3f603', '0x3',
                                '0x2000000002d60013', '0x0'],
         'interrupts': {'valid': 1, 'entries': [
             {'index': 0, 'entry': ['0x101', '0x22']},
             {'index': 511, 'entry': ['0x201', '0x23']}]}},
    ],
}

# The same behind a paravirtual IOMMU, which nothing of a kernel's dumps.
VIO_ROW = virtio.VioRow(
    'canned-virtio', devices='vblk later=hvblk testdev', mode='lazy',
    iommu='aw-bits=48,endpoints=vblk+testdev', outside='00:1f.2',
    reserved=('0xfffe0000:0xffffffff:0',), faults={'write': virtio.PAGE % 'W'},
    tests='disk:vblk hotplug:hvblk rogue:testdev:write:0xbad5000 '
          'cycles:vblk:50:400:400 functions')

VIO_CONSOLE = """
[    2.797862] virtio_iommu virtio0: input address: 48 bits
[    2.797949] virtio_iommu virtio0: page mask: 0xfffffffffffff000
[   19.581436] virtio_iommu virtio0: page fault from EP 40 at 0xbad5000 [W]
""".strip().splitlines()

VIO_REPORTS = """
boot 6.12.95+deb12-amd64
group 0 DMA-FQ 0000:00:04.0
group 1 DMA-FQ 0000:00:05.0
pass disk:vblk
plugged hvblk DMA-FQ
pass hotplug:hvblk
rogue 00:05.0 write 0xbad5000
pass rogue:testdev:write:0xbad5000
pass cycles:vblk:50:400:400
function 0000:00:01.0 0x1af4:0x1057 virtio-pci -
function 0000:00:04.0 0x1af4:0x1042 virtio-pci 0
function 0000:00:05.0 0x1234:0x4e79 - 1
function 0000:00:1f.0 0x8086:0x2918 - -
function 0000:00:1f.2 0x8086:0x2922 ahci -
region 0 0x00000000fee00000 0x00000000feefffff msi
region 0 0x00000000fffe0000 0x00000000ffffffff reserved
region 1 0x00000000fee00000 0x00000000feefffff msi
region 1 0x00000000fffe0000 0x00000000ffffffff reserved
pass functions
irq 0: 116 0 IO-APIC 2-edge timer
irq 4: 1 0 IO-APIC 4-edge ttyS0
irq 26: 355 0 PCI-MSIX-0000:00:04.0 1-edge virtio1-req.0
done
""".strip().splitlines()

VIO_STATS = {
    'iotlb': {'hits': 16336, 'misses': 19564},
    'requests': {'attach': 2, 'probe': 2, 'detach': 1, 'map': 120000,
                 'unmap': 119000, 'unanswered': 0},
    'statuses': {'ok': 239005, 'inval': 0, 'noent': 0},
    'events': {'mapping': 1, 'domain': 0, 'lost': 0},
    'faults': [{'name': 'unmapped', 'count': 1}],
    'endpoints': 2, 'domains': 2, 'mappings': 34, 'mapping-bytes': 6072,
}

VIO_MISTAKES = [{'rule': 'virtio-iommu.fault.dma', 'count': 1}]


def vio_count(map_requests, memory):
    return {**copy.deepcopy(VIO_STATS),
            'requests': {'map': map_requests, 'unmap': map_requests}}, memory


VIO_COUNTS = [vio_count(6550, 140040), vio_count(58000, 142200),
              vio_count(111350, 142210)]

# A guest that has given devices to a guest of its own.
NESTED_ROW = nested.VtdRow(
    'canned-nested', devices='vblk nvme edu', inner=nested.inner('vtd'),
    iommu='aw-bits=48,intremap=on,eim=on', faults=nested.FAULTS['vtd'],
    tests='disk:vblk nested_qtest:edu nested_linux:nvme:edu')

NESTED_FUNCTIONS = {'nvme': '0000:00:05.0', 'edu': '0000:00:06.0'}

NESTED_CONSOLE = CONSOLE[:2] + CONSOLE[2:5] + """
[   20.580000] DMAR: DRHD: handling fault status reg 2
[   20.581436] DMAR: [DMA Write NO_PASID] Request device [00:06.0] \
fault addr 0x40200000 [fault reason 0x05] PTE Write access is not set
[   30.581436] DMAR: [DMA Write NO_PASID] Request device [00:06.0] \
fault addr 0xbad5000 [fault reason 0x05] PTE Write access is not set
[   30.681436] DMAR: [DMA Read NO_PASID] Request device [00:06.0] \
fault addr 0xbad7000 [fault reason 0x06] PTE Read access is not set
""".strip().splitlines()

NESTED_REPORTS = """
boot 6.12.95+deb12-amd64
group 0 DMA 0000:00:04.0
pass disk:vblk
tap 1..2
tap ok 1 /x86_64/nyx-nested/vtd/copy
tap ok 2 /x86_64/nyx-nested/vtd/unmap
rogue 00:06.0 write 0x40200000
pass nested_qtest:edu
pass nested_linux:nvme:edu
irq 0: 116 0 IR-IO-APIC 2-edge timer
irq 4: 1 0 IR-IO-APIC 4-edge ttyS0
irq 26: 355 0 IR-PCI-MSIX-0000:00:04.0 1-edge virtio0-req.0
done
""".strip().splitlines()

# Drivers in user space, and a back end on the host.
USER_ROW = dataclasses.replace(
    ROW, name='canned-user', payload='vhost',
    devices='vblk pcap rp=rp1 rp=rp2 e1000e-cable@rp1 e1000e-cable@rp2 '
            'vhost=left vhost=right',
    tests='packets:e1000e:pcap:1: unmap:e1000e: vhost:vblk backend',
    iommu=ROW.iommu.replace('device-iotlb=off', 'device-iotlb=on'),
    provoked=userspace.REFUSED[userspace.VtdRow],
    faults={}, says=(), skips={}, broken={})

USER_CONSOLE = CONSOLE[:2] + """
[    0.175568] DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap 2f0666 ecap f050df
[    0.181048] DMAR-IR: Enabled IRQ remapping in x2apic mode
[   54.346802] DMAR: DRHD: handling fault status reg 2
[   54.347859] DMAR: [DMA Read NO_PASID] Request device [02:00.0] \
fault addr 0x101537000 [fault reason 0x06] PTE Read access is not set
[   54.351442] DMAR: [DMA Write NO_PASID] Request device [02:00.0] \
fault addr 0x101537000 [fault reason 0x05] PTE Write access is not set
""".strip().splitlines()

USER_REPORTS = """
boot 6.12.95+deb12-amd64
group 0 DMA-FQ 0000:00:04.0
user 0000:01:00.0
user 0000:02:00.0
pass packets:e1000e:pcap:1:
user 0000:02:00.0
fact unmapped.before 5
fact unmapped.after 5
pass unmap:e1000e:
pass vhost:vblk
pass backend
irq 0: 116 0 IR-IO-APIC 2-edge timer
irq 4: 1 0 IR-IO-APIC 4-edge ttyS0
irq 26: 355 0 IR-PCI-MSIX-0000:00:04.0 1-edge virtio0-req.0
done
""".strip().splitlines()

NESTED_STATS = {**STATS, 'faults': [{'reason': '0x5', 'count': 2},
                                    {'reason': '0x6', 'count': 1}]}

# CAP: the same, and caching mode.
INNER_CONSOLE = CONSOLE[:2] + ["""
[    0.175568] DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap 2f06e6 ecap f050db
""".strip()] + CONSOLE[3:5]

INNER_REPORTS = """
boot 6.12.95+deb12-amd64
group 0 DMA 0000:00:04.0
group 1 DMA 0000:00:05.0
pass log
pass disk:nvme
rogue 00:05.0 write 0xbad5000
pass rogue:edu:write:0xbad5000
rogue 00:05.0 read 0xbad7000
pass rogue:edu:read:0xbad7000
pass functions
irq 0: 116 IR-IO-APIC 2-edge timer
irq 4: 1 IR-IO-APIC 4-edge ttyS0
irq 26: 355 IR-PCI-MSIX-0000:00:04.0 1-edge nvme0q1
done
stderr qemu-system-x86_64: vfio: Cannot reset device 0000:00:06.0, \
no available reset mechanism.
""".strip().splitlines()

INNER_STATS = {'faults': [], 'announced': {'maps': 600, 'unmaps': 590}}

USER_STATS = {
    **STATS,
    'invalidations': {**STATS['invalidations'], 'device-tlb': 1000},
    'faults': [{'reason': '0x5', 'count': 3}, {'reason': '0x6', 'count': 3}],
    'requesters': [{'sid': sid, 'iotlb': {'hits': 20614, 'misses': 290}}
                   for sid in ('02:00.0', '01:00.0', '00:04.0')],
}

# What QEMU says, and its trace, of two functions.
USER_STDERR = 'qemu: info: QEMU waiting for connection on: ' \
              'disconnected:unix:left,server=on\n' \
              'qemu: Failed to set msg fds.\n'
USER_TRACE = ''.join(f'nyx_iommu_notify sid {sid} iova 0x{page}000 '
                     f'mask 0xfff type 4\n'
                     for page in range(200, 500) for sid in ('0x0100', '0x0200'))

# Of a good run: row, console, reports, statistics, mistakes, dumps, registers
# and tables to compare them with, registers of the hardware information.
VTD = (ROW, CONSOLE, REPORTS, STATS, MISTAKES, DUMPS, SHOWN_REGISTERS,
       SHOWN_TABLES, {'CAP': '0x2f0666', 'ECAP': '0xf050db'})
AMD = (AMD_ROW, AMD_CONSOLE, AMD_REPORTS, AMD_STATS, AMD_MISTAKES, AMD_DUMPS,
       AMD_SHOWN_REGISTERS, AMD_SHOWN_TABLES, {'EFR': '0x9c5', 'EFR2': '0x8'})
NESTED = (NESTED_ROW, NESTED_CONSOLE, NESTED_REPORTS, NESTED_STATS, MISTAKES,
          {}, [], {}, {})
INNER = (INNER_CONSOLE, INNER_REPORTS, INNER_STATS, [], {}, [], {}, {})
VIO = (VIO_ROW, VIO_CONSOLE, VIO_REPORTS, VIO_STATS, VIO_MISTAKES, {}, [], {},
       {})


USER = (USER_ROW, USER_CONSOLE, USER_REPORTS, USER_STATS, MISTAKES, {}, [], {},
        {})


class Canned:
    """A run that passes, to be spoilt."""

    def __init__(self, directory, run_of, made=None):
        row, lines, reported, stats, mistakes, *shows, info = run_of
        self.row = copy.deepcopy(row)
        self.made = made or parts.Parts(row.devices, row.machine, directory)
        self.inner = None
        if row.inner:
            self.inner = Canned(
                directory, (row.inner, *INNER),
                nested.Given(row.inner, self.made, NESTED_FUNCTIONS,
                             directory))
            self.row.inner = self.inner.row
        self.lines = list(lines)
        self.stderr = ''
        if row.payload == 'vhost':
            self.stderr = USER_STDERR
            (self.made.directory / 'trace').write_text(USER_TRACE)
        self.disk = next(iter(self.made.disks.values()))
        for disk in self.made.disks.values():
            with open(disk.path, 'r+b') as image:
                image.seek(len(disk.rotated))
                image.write(packets.encode(disk.wanted) if
                            isinstance(disk, parts.Capture) else disk.rotated)
        wanted = run.expected_sums(row)
        self.reported = reported + [f'sum {name} {self.made.sums[name]}'
                                   for name in sorted(wanted)]
        self.stats = copy.deepcopy(stats)
        self.mistakes = copy.deepcopy(mistakes)
        self.counts = copy.deepcopy(VIO_COUNTS)
        self.others = [copy.deepcopy(stats) for _ in range(row.units - 1)]
        for other in self.others:
            other['faults'] = []
        self.registers = [{'name': name, 'value': value}
                          for name, value in info.items()]
        self.dumps, self.shown_registers, self.shown_tables = \
            copy.deepcopy(shows)

    def replace(self, old, new):
        """In what the guest reported, once."""
        text = '\n'.join(self.reported)
        assert old in text, old
        self.reported = text.replace(old, new, 1).splitlines()

    def reports(self):
        reports = run.Reports()
        for line in self.reported:
            reports.add(line.split())
        reports.stats, reports.mistakes = self.stats, self.mistakes
        reports.others = self.others
        reports.counts = self.counts
        reports.registers = self.registers
        if self.dumps:
            reports.differences = list(debugfs.compare(
                self.row.vendor, self.dumps, self.shown_registers,
                self.shown_tables))
        if self.inner:
            reports.inner = (self.inner.made, self.inner.reports(),
                             self.inner.lines)
        return reports

    def judge(self):
        findings = run.Findings()
        run.judge(self.row, self.made, self.reports(), self.lines, self.stderr,
                  findings)
        return findings


def console(line):
    return lambda c: c.lines.append('[   20.0] ' + line)


def without(text):
    def spoil(c):
        assert any(text in line for line in c.lines), text
        c.lines = [line for line in c.lines if text not in line]
    return spoil


def guest(old, new):
    return lambda c: c.replace(old, new)


def option(name, value):
    return lambda c: setattr(c.row, 'iommu', c.row.iommu.replace(
        f'{name}={c.row.options[name]}', f'{name}={value}'))


def image(offset):
    """Change a byte of the image, counted from its start."""
    def spoil(c):
        with open(c.disk.path, 'r+b') as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ 1]))
    return spoil


def counted(path, value):
    def spoil(c):
        place = c.stats
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
    return spoil


def dumped(file, old, new):
    """In what the kernel shows, once."""
    def spoil(c):
        text = '\n'.join(c.dumps[file])
        assert old in text, old
        c.dumps[file] = text.replace(old, new, 1).splitlines()
    return spoil


def later(path, value):
    """In the statistics at the last of the points that the guest chose."""
    def spoil(c):
        place = c.counts[-1][0]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
    return spoil


def grown(*memory):
    return lambda c: setattr(c, 'counts', [
        (stats, kib) for (stats, _), kib in zip(c.counts, memory)])


def within(spoil):
    """In the inner guest."""
    return lambda c: spoil(c.inner)


def shown(key, value):
    """In what the device shows of the function."""
    return lambda c: c.shown_tables['functions'][0].update({key: value})


ENTRIES = 'dmar_translation_struct'
MAPPINGS = '0000:00:04.0/domain_translation_struct'

HALF = parts.DISK_HALF << 20

# What is spoilt, and the check that must find it.
SPOILT = (
    (guest('pass disk:vblk', 'fail disk:vblk'), 'disk:vblk'),
    (guest('pass disk:vblk', 'pass disk:vblk\nfail disk:vblk'), 'disk:vblk'),
    (guest('pass net:e1000e:2', 'note nothing'), 'net:e1000e:2'),
    (guest('done', 'note nothing'), 'end'),
    (guest('done', 'done\ndone'), 'end'),
    (guest('sum vblk.read ', 'sum vblk.read 0'), 'sum vblk.read'),
    (guest('sum vblk.direct ', 'sum vblk.direct 0'), 'sum vblk.direct'),
    (guest('sum vblk.back ', 'sum vblk.back 0'), 'sum vblk.back'),
    (guest('sum e1000e.tftp ', 'sum e1000e.tftp 0'), 'sum e1000e.tftp'),
    (guest('sum e1000e.up ', 'sum e1000e.up 0'), 'sum e1000e.up'),
    (guest('sum e1000e.tcp ', 'note '), 'all sums'),
    (guest('sum vblk.read ', 'sum vblk.read bad\nsum vblk.read '),
     'sum vblk.read'),
    (image(0), 'image vblk'),
    (image(HALF - 1), 'image vblk'),
    (image(HALF), 'image vblk'),
    (image(2 * HALF - 1), 'image vblk'),
    (guest('rounds vblk 2 5', 'rounds vblk 2 2'), 'rounds vblk'),
    (guest('rounds vblk 2 5', 'rounds vblk 0 5'), 'rounds vblk'),
    (guest('rounds vblk 2 5', 'note nothing'), 'rounds vblk'),
    (without('Host address width'), 'kernel says'),
    (without('[DMA Write'), 'fault reported'),
    (guest('rogue 00:06.0', 'rogue 00:07.0'), 'fault reported'),
    (guest('rogue 00:06.0 write 0xbad5000', 'rogue 00:06.0 write 0xbad6000'),
     'fault reported'),
    (guest('rogue 00:06.0 write 0xbad5000', 'note nothing'), 'rogues'),
    (console('DMAR: [DMA Read NO_PASID] Request device [00:06.0] fault addr '
             '0xbad5000 [fault reason 0x06] PTE Read access is not set'),
     'kernel log'),
    (console('DMAR: [INTR-REMAP] Request device [00:04.0] fault index 0x1 '
             '[fault reason 0x22]'), 'kernel log'),
    (console('dmar_fault: 12 callbacks suppressed'), 'kernel log'),
    (console('WARNING: CPU: 1 PID: 1 at drivers/iommu/x.c:1 f+0x1/0x2'),
     'kernel log'),
    (console('BUG: kernel NULL pointer dereference'), 'kernel log'),
    (console('Call Trace:'), 'kernel log'),
    (console('rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:'),
     'kernel log'),
    (console('nvme nvme0: I/O 0 QID 1 timeout, aborting'), 'kernel log'),
    (console('ata1.00: exception Emask 0x0 SAct 0x1 SErr 0x0'), 'kernel log'),
    (console('irq 9: nobody cared (try booting with "irqpoll")'),
     'kernel log'),
    (console('I/O error, dev vda, sector 0 op 0x0:(READ)'), 'kernel log'),
    (console('DMAR: Invalidation Queue Error (IQE) cleared'), 'kernel log'),
    (without('dmar0: reg_base'), 'one unit'),
    (option('aw-bits', '39'), 'aw-bits'),
    (option('caching-mode', 'on'), 'caching-mode'),
    (option('intremap', 'off'), 'intremap'),
    (option('eim', 'off'), 'eim'),
    (option('device-iotlb', 'on'), 'device-iotlb'),
    (option('snoop-control', 'off'), 'snoop-control'),
    (without('IOMMU enabled'), 'IOMMU enabled'),
    (without('x2apic mode'), 'remapping mode'),
    (lambda c: setattr(c.row, 'remap', 'xapic'), 'remapping mode'),
    (lambda c: setattr(c.row, 'remap', 'off'), 'remapping mode'),
    (lambda c: setattr(c.row, 'mode', 'off'), 'groups'),
    (guest('group 1 DMA-FQ', 'group 1 DMA'), 'group 1'),
    (guest('group 2 DMA-FQ', 'group 2 identity'), 'group 2'),
    (lambda c: setattr(c.row, 'iommu', c.row.iommu + ',page-requests=on'),
     'page-requests'),
    (lambda c: setattr(c.row, 'iommu', c.row.iommu + ',page-requests=on'),
     'page request queue'),
    (guest('irq 25:', 'irq 24: 0 0 IR-DMAR-MSI 2-edge dmar0-prq\nirq 25:'),
     'page request queue'),
    (guest('irq 26: 355 0', 'irq 26: 0 0'), 'interrupts virtio'),
    (guest('irq 32: 0 917', 'note 0'), 'interrupts eth'),
    (guest('irq 0: 116', 'irq 0: 0'), 'interrupts timer'),
    (guest('917 IR-PCI', '917 PCI'), 'interrupt chip eth'),
    (guest('1 0 IR-IO-APIC', '1 0 IO-APIC'), 'interrupt chip ttyS0'),
    (lambda c: setattr(c, 'stderr', 'qemu: something is wrong\n'),
     'QEMU is quiet'),
    (lambda c: c.mistakes.append({'rule': 'vtd.gcmd.pending'}),
     'guest mistakes'),
    (lambda c: c.mistakes.clear(), 'guest mistakes'),
    (lambda c: c.others.clear(), 'units'),
    (lambda c: c.others[0]['faults'].append({'reason': '0x5', 'count': 1}),
     'unit: no faults'),
    (lambda c: c.others[0]['invalidations'].update({'queue-errors': 1}),
     'unit: queue errors'),
    (lambda c: c.others[0].update({'interrupts-remapped': 0}),
     'unit: interrupts remapped'),
    (lambda c: c.others[0]['iotlb'].update(hits=0), 'unit: IOTLB used'),
    (counted(['faults'], []), 'faults counted'),
    (counted(['faults', 0, 'reason'], '0x6'), 'faults counted'),
    (counted(['invalidations', 'queue-errors'], 1), 'queue errors'),
    (counted(['interrupts-remapped'], 0), 'interrupts remapped'),
    (counted(['iotlb', 'hits'], 0), 'IOTLB used'),
    (counted(['invalidations', 'iotlb-domain'], 0), 'IOTLB invalidated'),
    (guest('hwinfo CAP 0x2f0666', 'note nothing'), 'hardware info CAP'),
    (guest('hwinfo ECAP 0xf050db', 'hwinfo ECAP 0xf050da'),
     'hardware info ECAP'),
    (lambda c: c.registers.clear(), 'hardware info CAP'),
    (guest('hwinfo CAP 0x2f0666\nhwinfo ECAP 0xf050db', 'note nothing'),
     'hardware info'),
    (guest('vfio_test 23 2 20 1', 'vfio_test 24 2 20 2'),
     'selftests of vfio_test'),
    (guest('vfio_test 23 2 20 1', 'vfio_test 24 2 20 1'),
     'selftests of vfio_test'),
    (guest('vfio_test 23 2 20 1', 'vfio_test 23 3 19 1'),
     'selftests of vfio_test'),
    (guest('vfio_test 23 2 20 1', 'vfio_test 3 2 0 1'),
     'selftests of vfio_test'),
    (guest('a.known', 'a.knowing'), 'selftests of vfio_test'),
    (guest('selftest vfio_test 23 2 20 1', 'note nothing'),
     'selftests of vfio_test'),
    (lambda c: c.dumps.clear(), 'dumps'),
    (dumped('iommu_regset', '1018', '1019'), 'dumps'),
    (lambda c: c.shown_registers.pop(), 'dumps'),
    (lambda c: c.dumps.update(iommu_regset=[]), 'dumps'),
    (dumped(ENTRIES, '7401 0 ', '7401 1 '), 'dumps'),
    (dumped(ENTRIES, '6001', '6000'), 'dumps'),
    (dumped(ENTRIES, '7401', '7501'), 'dumps'),
    (dumped(ENTRIES, '0003:', '0004:'), 'dumps'),
    (dumped(ENTRIES, '00:04.0', '-'), 'dumps'),
    (dumped(MAPPINGS, '1065', '1067'), 'dumps'),
    (dumped(MAPPINGS, '1065', '2065'), 'dumps'),
    (dumped(MAPPINGS, 'ffffc |', 'ffffd |'), 'dumps'),
    (dumped(MAPPINGS, '0x00000000ffffc', '-'), 'dumps'),
    (dumped(MAPPINGS, 'a0027 0x00000000029a1065', 'a10e7'), 'dumps'),
    (dumped(MAPPINGS, 'Device', 'no device'), 'dumps'),
    (shown('first-stage', []), 'dumps'),
    (shown('sid', '00:05.0'), 'dumps'),
    (shown('pasid', 1), 'dumps'),
    (lambda c: c.shown_tables.update(complete=False), 'dumps'),
)


AMD_SPOILT = (
    (without('Using global'), 'kernel says'),
    (without('Event logged'), 'fault reported'),
    (guest('rogue 00:05.0', 'rogue 00:06.0'), 'fault reported'),
    (guest('write 0xbad5000', 'write 0xbad6000'), 'fault reported'),
    (console('nyx-testdev 0000:00:05.0: AMD-Vi: Event logged [IO_PAGE_FAULT '
             'domain=0x0005 address=0xbad5000 flags=0x0000]'), 'kernel log'),
    (console('AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=00:04.0'),
     'kernel log'),
    (console('AMD-Vi: Completion-Wait loop timed out'), 'kernel log'),
    (console('AMD-Vi: [Firmware Bug]: : No southbridge IOAPIC found'),
     'kernel log'),
    (console('AMD-Vi: Disabling interrupt remapping'), 'kernel log'),
    (console('AMD-Vi: EFR mismatch. Use IVHD EFR'), 'kernel log'),
    (without('Extended features'), 'one unit'),
    (option('xtsup', 'off'), 'xtsup'),
    (option('guest-levels', '4'), 'guest tables'),
    (without('Interrupt remapping enabled'), 'interrupt remapping'),
    (without('X2APIC enabled'), 'remapping mode'),
    (lambda c: setattr(c.row, 'remap', 'xapic'), 'remapping mode'),
    (lambda c: setattr(c.row, 'remap', 'off'), 'interrupt remapping'),
    (option('np-cache', 'on'), 'group 0'),
    (lambda c: setattr(c.row, 'mode', 'pt'), 'group 1'),
    (guest('irq 24: 1', 'irq 24: 0'), 'interrupts of the IOMMU'),
    (guest('355 0 IR-PCI', '355 0 PCI'), 'interrupt chip virtio'),
    (lambda c: c.mistakes.append({'rule': 'amdvi.cmd.illegal'}),
     'guest mistakes'),
    (lambda c: c.mistakes.clear(), 'guest mistakes'),
    (counted(['faults'], []), 'faults counted'),
    (counted(['faults', 0, 'name'], 'host-read'), 'faults counted'),
    (counted(['invalidations', 'command-errors'], 1), 'command errors'),
    (counted(['events-lost'], 1), 'events lost'),
    (counted(['interrupts-remapped'], 0), 'interrupts remapped'),
    (counted(['iotlb', 'hits'], 0), 'IOTLB used'),
    (counted(['invalidations', 'pages'], 0), 'IOTLB invalidated'),
    (counted(['invalidations', 'device-table-entry'], 0),
     'entries invalidated'),
    (guest('hwinfo EFR 0x9c5', 'hwinfo EFR 0x9c4'), 'hardware info EFR'),
    (guest('hwinfo EFR2 0x8', 'note nothing'), 'hardware info EFR2'),
    (lambda c: setattr(c.row, 'domains', {'00:04.0': 'identity'}), 'group 0'),
    (lambda c: c.dumps.clear(), 'dumps'),
    (dumped('capability', '0x190b640f', '0x190a640f'), 'dumps'),
    (dumped('capability', '0x190b640f', '0x190b6408'), 'dumps'),
    (dumped('capability', 'Offset:0x14', 'no'), 'dumps'),
    (dumped('mmio', '1018', '1019'), 'dumps'),
    (dumped('mmio', 'Offset:0x8 ', 'no '), 'dumps'),
    (dumped('mmio', 'Offset:0x2010 Value:0x0000000000000000',
            'Offset:0x2010 Value:0x0000000000000010'), 'dumps'),
    (lambda c: c.shown_registers.pop(7), 'dumps'),
    (lambda c: c.shown_registers[-3].update(value='0x1'), 'dumps'),
    (dumped('cmdbuf', 'Head Offset:5', 'Head Offset:6'), 'dumps'),
    (dumped('cmdbuf', 'Tail Offset:7', 'Tail Offset:5'), 'dumps'),
    (dumped('devtbl', '02d3b603', '02d3b601'), 'dumps'),
    (dumped('devtbl', '0000000000000003 6', '0000000000000004 6'), 'dumps'),
    (dumped('devtbl', '02d60013', '02d60015'), 'dumps'),
    (dumped('devtbl', '04.0 0', '04.0 1'), 'dumps'),
    (dumped('devtbl', '0000:00:03.0', '0000:00:05.0'), 'dumps'),
    (lambda c: c.dumps.pop('devtbl'), 'dumps'),
    (dumped('irqtbl', '22 ', '23 '), 'dumps'),
    (dumped('irqtbl', '0101', '0103'), 'dumps'),
    (dumped('irqtbl', 'IRT[0511]', 'IRT[0510]'), 'dumps'),
    (dumped('irqtbl', 'DeviceId 0000:00:04.0', 'DeviceId 0000:00:03.0'),
     'dumps'),
    (lambda c: c.dumps.pop('irqtbl'), 'dumps'),
    (lambda c: c.shown_tables['functions'].pop(), 'dumps'),
    (lambda c: c.shown_tables.update(complete=False), 'dumps'),
)


VIO_SPOILT = (
    (without('page fault'), 'fault reported'),
    (guest('rogue 00:05.0', 'rogue 00:06.0'), 'fault reported'),
    (guest('write 0xbad5000', 'write 0xbad6000'), 'fault reported'),
    (lambda c: setattr(c, 'lines', [line.replace('[W]', '[R]')
                                    for line in c.lines]), 'fault reported'),
    (console('virtio_iommu virtio0: domain fault from EP 40 at 0xbad5000 [W]'),
     'kernel log'),
    (console('virtio_iommu virtio0: page fault from EP 32 at 0xbad5000 [W]'),
     'kernel log'),
    (console('virtio_iommu virtio0: device removed'), 'kernel log'),
    (console('virtio-pci 0000:00:04.0: deferred probe timeout, ignoring '
             'dependency'), 'kernel log'),
    (console('ACPI: VIOT: Could not find PCI IOMMU'), 'kernel log'),
    (console('nvme 0000:00:05.0: failed to parse viommu prop 0x1'),
     'kernel log'),
    (without('input address'), 'driver'),
    (option('aw-bits', '39'), 'aw-bits'),
    (guest('plugged hvblk DMA-FQ', 'plugged hvblk DMA'), 'domain of hvblk'),
    (guest('plugged hvblk DMA-FQ', 'note nothing'), 'domain of hvblk'),
    (guest('group 1 DMA-FQ', 'group 1 identity'), 'group 1'),
    (guest('virtio-pci 0\n', 'virtio-pci -\n'), 'functions in groups'),
    (guest('ahci -', 'ahci 2'), 'functions in groups'),
    (lambda c: setattr(c.row, 'outside', ''), 'functions in groups'),
    (lambda c: setattr(c.row, 'devices', 'vblk nvme ahci'), 'functions'),
    (guest('0x1057 virtio-pci -', '0x1057 virtio-pci 2'), 'IOMMU itself'),
    (guest('function 0000:00:01.0', 'note'), 'IOMMU itself'),
    (guest('region 1 0x00000000fee00000', 'region 1 0x00000000fef00000'),
     'regions of group 1'),
    (guest('feefffff msi', 'feefffff reserved'), 'regions of group 0'),
    (lambda c: setattr(c.row, 'reserved', ()), 'regions of group 0'),
    (lambda c: c.row.host_reserved.update({'00:05.0': ('0x1:0x2:0',)}),
     'regions of group 1'),
    (lambda c: setattr(c, 'reported', [
        line for line in c.reported if not line.startswith('region')]),
     'regions'),
    (lambda c: c.counts.pop(), 'counts'),
    (grown(140000, 141000, 142000), 'memory'),
    (later(['requests', 'map'], 60000), 'map cycles'),
    (later(['requests', 'unmap'], 60000), 'unmap cycles'),
    (later(['mappings'], 200), 'mappings kept'),
    (later(['mapping-bytes'], 60720), 'mapping-bytes kept'),
    (later(['domains'], 3), 'domains kept'),
    (later(['endpoints'], 3), 'endpoints kept'),
    (lambda c: c.mistakes.append({'rule': 'virtio-iommu.map.overlap'}),
     'guest mistakes'),
    (lambda c: c.mistakes.clear(), 'guest mistakes'),
    (lambda c: setattr(c.row, 'blocked', True), 'events lost'),
    (counted(['faults'], []), 'faults counted'),
    (counted(['faults', 0, 'name'], 'detached'), 'faults counted'),
    (counted(['statuses', 'noent'], 1), 'statuses'),
    (counted(['requests', 'unanswered'], 1), 'unanswered'),
    (counted(['requests', 'map'], 0), 'map requests'),
    (counted(['requests', 'unmap'], 0), 'unmap requests'),
    (counted(['requests', 'attach'], 0), 'attach requests'),
    (counted(['requests', 'detach'], 0), 'detach requests'),
    (lambda c: setattr(c.row, 'mode', 'pt'), 'map requests'),
    (counted(['events', 'mapping'], 2), 'events'),
    (counted(['events', 'mapping'], 0), 'events'),
    (counted(['events', 'lost'], 1), 'events lost'),
    (counted(['iotlb', 'hits'], 0), 'IOTLB used'),
    (counted(['endpoints'], 1), 'endpoints'),
    (counted(['endpoints'], 3), 'endpoints'),
)


NESTED_SPOILT = (
    (guest('tap ok 2', 'tap not ok 2'), 'tests in the guest'),
    (guest('tap ok 2', 'note'), 'tests in the guest'),
    (guest('vtd/unmap', 'vtd/unmap # SKIP why'), 'tests in the guest'),
    (guest('tap 1..2', 'note'), 'tests in the guest'),
    (guest('tap 1..2', 'tap 1..2\ntap 1..2'), 'tests in the guest'),
    (without('0x40200000'), 'fault reported'),
    (without('0xbad7000'), 'fault reported'),
    (console('DMAR: [DMA Write NO_PASID] Request device [00:05.0] fault addr '
             '0xbad5000 [fault reason 0x05] PTE Write access is not set'),
     'kernel log'),
    (counted(['faults'], NESTED_STATS['faults'][:1]), 'faults counted'),
    (guest('pass nested_linux', 'fail nested_linux'), 'nested_linux:nvme:edu'),
    (lambda c: setattr(c, 'inner', None), 'inner guest'),
    (within(guest('rogue 00:05.0 write 0xbad5000',
                  'rogue 00:05.0 write 0xbad6000')), 'fault reported'),
    (within(guest('rogue 00:05.0', 'rogue 00:04.0')), 'fault reported'),
    (within(guest('pass disk:nvme', 'fail disk:nvme')), 'inner disk:nvme'),
    (within(guest('sum nvme.read ', 'sum nvme.read 0')),
     'inner sum nvme.read'),
    (within(guest('sum nvme.back ', 'note ')), 'inner all sums'),
    (within(image(HALF)), 'inner image nvme'),
    (within(guest('group 1 DMA', 'group 1 identity')), 'inner group 1'),
    (within(guest('355 IR-PCI', '0 IR-PCI')), 'inner interrupts nvme'),
    (within(guest('355 IR-PCI', '355 PCI')), 'inner interrupt chip nvme'),
    (within(option('caching-mode', 'off')), 'inner caching-mode'),
    (within(without('dmar0: reg_base')), 'inner one unit'),
    (within(console('DMAR: [DMA Write NO_PASID] Request device [00:05.0] '
                    'fault addr 0xbad5000 [fault reason 0x05] PTE Write')),
     'inner kernel log'),
    (within(console('nvme nvme0: I/O 0 QID 1 timeout, aborting')),
     'inner kernel log'),
    (within(guest('Cannot reset', 'Could not map')), 'inner QEMU is quiet'),
    (within(guest('done', 'note nothing')), 'inner end'),
    (within(lambda c: c.mistakes.append({'rule': 'vtd.shadow.full'})),
     'inner guest mistakes'),
    (within(counted(['faults'], [{'reason': '0x5', 'count': 1}])),
     'inner faults counted'),
    (within(counted(['announced', 'maps'], 0)), 'inner maps announced'),
    (within(counted(['announced', 'unmaps'], 0)), 'inner unmaps announced'),
    (within(lambda c: setattr(c.row, 'mode', 'pt')), 'inner maps announced'),
    (within(lambda c: setattr(c, 'stats', None)), 'inner statistics'),
)


def captured(spoil_packets):
    """The packets that came are others."""
    def spoil(c):
        disk = c.made.disks['pcap']
        came = list(disk.wanted)
        spoil_packets(came)
        with open(disk.path, 'r+b') as f:
            f.seek(packets.SIZE)
            f.write(packets.encode(came) + bytes(packets.SIZE))
    return spoil


def traced(old, new):
    return lambda c: (c.made.directory / 'trace').write_text(
        USER_TRACE.replace(old, new))


USER_SPOILT = (
    (captured(lambda came: came.pop()), 'packets of pcap'),
    (captured(lambda came: came.pop(0)), 'packets of pcap'),
    (captured(lambda came: came.append(came[0])), 'packets of pcap'),
    (captured(lambda came: came.insert(7, came[7][:-1] + b'?')),
     'packets of pcap'),
    (captured(lambda came: came.clear()), 'packets of pcap'),
    (guest('user 0000:01:00.0', 'note nothing'),
     'functions of a driver in user space'),
    (guest('user 0000:01:00.0', 'note nothing'), 'functions with a back end'),
    # None of its own addresses was translated.
    (counted(['requesters', 0, 'sid'], '00:05.0'),
     'translated for 0000:02:00.0'),
    (counted(['requesters', 1, 'iotlb'], {'hits': 7, 'misses': 7}),
     'translated for 0000:01:00.0'),
    (guest('unmapped.after 5', 'unmapped.after 6'),
     'nothing is received into unmapped memory'),
    (guest('fact unmapped.before 5', 'note nothing'),
     'nothing is received into unmapped memory'),
    (without('[DMA Read'), 'fault reported'),
    (without('[DMA Write'), 'fault reported'),
    (console('DMAR: [DMA Read NO_PASID] Request device [01:00.0] fault addr '
             '0x101537000 [fault reason 0x06] PTE Read access is not set'),
     'kernel log'),
    (counted(['faults', 0, 'reason'], '0x6'), 'faults counted'),
    (guest('sum vblk.there ', 'sum vblk.there 0'), 'sum vblk.there'),
    (guest('sum vblk.again ', 'note '), 'all sums'),
    (guest('pass backend', 'fail backend'), 'backend'),
    (traced('0x0100', '0x0300'), '0000:01:00.0 was told'),
    (traced('type 4', 'type 1'), '0000:02:00.0 was told'),
    (lambda c: setattr(c.row, 'devices',
                       c.row.devices.replace('vhost', 'vhost-plain')),
     '0000:02:00.0 was told'),
    (lambda c: setattr(c.row, 'devices',
                       c.row.devices.replace('vhost', 'vhost-plain')),
     'device-TLB invalidated'),
    (counted(['invalidations', 'device-tlb'], 100), 'device-TLB invalidated'),
    (lambda c: setattr(c.row, 'tests', c.row.tests.replace(' backend', '')),
     'QEMU is quiet'),
    (lambda c: setattr(c, 'stderr', c.stderr + 'qemu: Failed to bind\n'),
     'QEMU is quiet'),
)


def cases():
    for run_of, spoilt in ((VTD, SPOILT), (AMD, AMD_SPOILT),
                           (VIO, VIO_SPOILT), (NESTED, NESTED_SPOILT),
                           (USER, USER_SPOILT)):
        for spoil, check in ((None, None),) + spoilt:
            yield run_of, spoil, check


# Consoles of guests that ended in nothing: whether such a row is run again.
CONSOLES = (
    ('rcu: \tPossible timer handling issue on cpu=1 timer-softirq=5', True),
    ('rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:', False),
    ('nvme nvme0: I/O tag 8 QID 0 timeout, disable controller', False),
)


def console_results():
    for line, again in CONSOLES:
        with tempfile.TemporaryDirectory() as directory:
            place = pathlib.Path(directory) / 'nyx-vtd'
            place.mkdir()
            (place / 'serial.log').write_text(f'[    9.0] {line}\n')
            yield (f'run again: {line}',
                   run.lost_its_timer(pathlib.Path(directory)) == again, '')


def verdict_results():
    for run_of, spoil, check in cases():
        with tempfile.TemporaryDirectory() as directory:
            canned = Canned(pathlib.Path(directory), run_of)
            if spoil:
                spoil(canned)
            failures = canned.judge().failed
        found = [text for text in failures
                 if text == check or text.startswith(f'{check}:')]
        yield (check or 'a good run passes',
               bool(found) if spoil else not failures, failures)


def main():
    results = list(verdict_results()) + list(console_results())
    print(f'1..{len(results)}')
    for number, (name, good, detail) in enumerate(results, 1):
        print(f'{"ok" if good else "not ok"} {number} - {name}')
        if not good:
            print(f'# {detail}')
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == '__main__':
    sys.exit(main())
