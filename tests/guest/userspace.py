# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests whose network cards belong to drivers in user space: DPDK's testpmd
by way of VFIO."""

import packets
import amd
import rows
import virtio

VtdRow, AmdRow, VioRow = rows.Row, amd.AmdRow, virtio.guest

MOVED = len(packets.make('pcap'))

# What the kernel says of the card that receives into unmapped memory: its
# descriptors are read, then the packet is written.
CARD = '0000:02:00.0'
ANY = '0x[0-9a-f]+'
REFUSED = {
    VtdRow: {
        operation: rf'\[DMA {operation.title()} NO_PASID\] Request device '
                   rf'\[{CARD[5:]}\] fault addr {ANY} \[fault reason '
                   rf'{reason}\]'
        for operation, reason in (('read', '0x06'), ('write', '0x05'))},
    AmdRow: {
        'read': amd.DMA.format(device=CARD, address=ANY) % 0,
        'write': amd.DMA.format(device=CARD, address=ANY) % 0x20},
    VioRow: {
        operation: virtio.PAGE.format(endpoint=0x200, address=ANY) % letter
        for operation, letter in (('read', 'R'), ('write', 'W'))},
}


def cards(make, name, tests, kind='e1000e', memory='', **more):
    """Two cards and a cable."""
    return make(name, payload='dpdk',
                devices=f'rp=rp1 rp=rp2 pcap {kind}-cable@rp1 '
                        f'{kind}-cable@rp2',
                tests=' '.join({
                    'packets': f'packets:{kind}:pcap:{MOVED}:{memory}',
                }.get(test, f'{test}:{kind}:{memory}')
                    for test in tests.split()),
                provoked=REFUSED[make] if 'unmap' in tests else {}, **more)


def table():
    return [
        cards(VtdRow, 'dpdk-6.12', 'packets unmap'),
        cards(AmdRow, 'amd-dpdk-6.12', 'packets unmap'),
        cards(VioRow, 'dpdk-6.12', 'packets unmap'),
        cards(VtdRow, 'dpdk-dies-6.12', 'dies packets'),
    ]


SELDOM = ()


# -------------------------------------------------------------------- checks

def check(row, made, reports, findings):
    """Packets came as they went, and by way of the IOMMU."""
    for test in row.tests.split():
        kind, *args = test.split(':')
        if kind == 'packets':
            check_packets(row, made, reports, args[1], findings)
        elif kind == 'unmap':
            check_unmapped(reports, findings)


def check_packets(row, made, reports, disk, findings):
    problem = made.disks[disk].problem()
    findings.check(f'packets of {disk}', problem is None, problem)
    findings.check('functions of a driver in user space',
                   len(set(reports.users)) == row.devices.count('cable'),
                   reports.users)
    if not reports.stats:
        return
    translated = {one['sid']: one['iotlb']['hits'] + one['iotlb']['misses']
                  for one in reports.stats['requesters']}
    for function in set(reports.users):
        # Of each packet a descriptor and the data.
        count = translated.get(function[5:], 0)
        findings.check(f'translated for {function}', count >= 2 * MOVED, count)


def check_unmapped(reports, findings):
    before, after = (int(reports.facts.get(f'unmapped.{when}', -1))
                     for when in ('before', 'after'))
    findings.check('nothing is received into unmapped memory',
                   before == after > 0, f'{before}, {after}')
