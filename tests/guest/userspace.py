# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests whose network cards belong to drivers in user space: DPDK's testpmd
by way of VFIO."""

import functools

import amd
import packets
import rows
import virtio

# VFIO wants to hear that interrupts are not remapped.
UNSAFE = 'vfio_iommu_type1.allow_unsafe_interrupts=1'

VtdRow = rows.Row
AmdRow = amd.AmdRow
VioRow = functools.partial(virtio.guest, append=UNSAFE)


def moved(name):
    return len(packets.make(name))


def cards(make, name, kind, memory='', **more):
    """Two cards and a cable."""
    return make(f'{name}', payload='dpdk',
                devices=f'pcap {kind}-cable {kind}-cable',
                tests=f'packets:{kind}:pcap:{moved("pcap")}:{memory}', **more)


def table():
    return [
        cards(VtdRow, 'dpdk-6.12', 'e1000e'),
        cards(AmdRow, 'amd-dpdk-6.12', 'igb'),
        cards(VioRow, 'dpdk-6.12', 'e1000e'),
    ]


SELDOM = ()


# -------------------------------------------------------------------- checks

def check(row, made, reports, findings):
    """Packets came as they went, and by way of the IOMMU."""
    for test in row.tests.split():
        kind, *args = test.split(':')
        if kind != 'packets':
            continue
        problem = made.disks[args[1]].problem()
        findings.check(f'packets of {args[1]}', problem is None, problem)
