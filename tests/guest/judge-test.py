#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows that each check of the guest tests can fail: a made-up run that passes
is spoilt in one place at a time, and the check named must say so.  No QEMU."""

import copy
import pathlib
import sys
import tempfile

import checks
import debugfs
import nested
import packets
import parts
import run
from canned import (
    AMD, INNER, NESTED, NESTED_FUNCTIONS, NESTED_STATS, USER, USER_STDERR,
    USER_TRACE, VIO, VIO_COUNTS, VTD)


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
        wanted = checks.expected_sums(row)
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
        findings = checks.Findings()
        checks.judge(self.row, self.made, self.reports(), self.lines, self.stderr,
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


# What was said by guests that ended in nothing, and by QEMU: whether such a
# row is run again.
ENDS = (
    ('serial.log', 'rcu: \tPossible timer handling issue on cpu=1 '
                   'timer-softirq=5', True),
    ('serial.log', 'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
     False),
    ('serial.log', 'nvme nvme0: I/O tag 8 QID 0 timeout, disable controller',
     False),
    ('qemu0.stderr', 'qemu-system-x86_64: system/physmem.c:2678: '
                     'iotlb_to_section: Assertion '
                     '`section_index < d->map.sections_nb\' failed.', True),
    ('qemu0.stderr', 'qemu-system-x86_64: ../system/memory.c:2416: '
                     'memory_access_size: Assertion `access_size\' failed.',
     False),
)


def end_results():
    for log, line, again in ENDS:
        with tempfile.TemporaryDirectory() as directory:
            place = pathlib.Path(directory) / 'nyx-vtd'
            place.mkdir()
            (place / log).write_text(f'[    9.0] {line}\n')
            why = checks.why_it_ended(pathlib.Path(directory))
            yield f'run again: {line}', bool(why) == again, ''


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
    results = list(verdict_results()) + list(end_results())
    print(f'1..{len(results)}')
    for number, (name, good, detail) in enumerate(results, 1):
        print(f'{"ok" if good else "not ok"} {number} - {name}')
        if not good:
            print(f'# {detail}')
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == '__main__':
    sys.exit(main())
