# SPDX-License-Identifier: GPL-2.0-or-later
"""Good runs of guests, for judge-test.py to spoil: the rows, what the kernels
said and reported, and what the devices said of themselves."""

import copy
import dataclasses

import amd
import nested
import rows
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
