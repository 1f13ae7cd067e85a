# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests whose network cards belong to drivers in user space: DPDK's testpmd
by way of VFIO."""

import os
import re
import subprocess
import threading

import amd
import packets
import parts
import payloads
import rows
import virtio
from vm import Process

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


# ---------------------------------------------------------------- vhost-user

# Shared with the back end.
SHARED = ('-object', 'memory-backend-memfd,id=shared,size=1G,share=on',
          '-machine', 'memory-backend=shared', '-D', 'trace')


NO_ATS = {'virtio-iommu-pci': 'QEMU exits: virtio-iommu-pci refuses vhost with '
                              'ats=on'}


def vhost(make, name, tests, kind='vhost', **more):
    """Two cards whose data testpmd moves from one to the other."""
    if make is VioRow:
        more['unfit'] = NO_ATS
    # Each address is asked for, which takes long on a loaded host.
    return make(name, payload='vhost', qemu=SHARED, seconds=400,
                devices=f'rp=rp1 rp=rp2 vblk {kind}=left@rp1 '
                        f'{kind}=right@rp2', tests=tests, **more)


# A packet for a buffer whose address is not known yet would be lost otherwise,
# and in strict mode no buffer's is.
PATIENT = """set fwd io retry
set burst tx delay 100 retry 20000
"""


class Backend:
    """testpmd on the host, for rows that have cards with such a back end."""

    def __init__(self, row, files, directory):
        self.names = re.findall(r'\bvhost\S*=(\w+)', row.devices)
        self.files = files
        self.log = directory / 'backend.log'
        self.directory = directory
        self.popen = None
        self.over = threading.Event()

    def start(self):
        dpdk = payloads.Dpdk(self.files['dpdk'])
        drivers = ' '.join(dpdk.plugin(name).name
                           for name in ('mempool_ring', 'net_vhost'))
        cpus = ','.join(map(str, sorted(os.sched_getaffinity(0))))
        # As plugins they are refused below a directory that all may write to.
        args = [*dpdk.command, '--preload', drivers, dpdk.testpmd,
                '--lcores', f'0@({cpus}),1@({cpus})', '--no-huge',
                '--no-shconf', '-m', '64', '--no-pci', '--no-telemetry']
        for number, name in enumerate(self.names):
            args += ['--vdev', f'net_vhost{number},iface={name},client=1,'
                               f'iommu-support=1']
        args += ['--', '--total-num-mbufs=8192', '--no-numa',
                 '--disable-link-check', '--stats-period=1']
        orders = self.directory / 'backend.orders'
        orders.write_text(PATIENT)
        args += [f'--cmdline-file={orders}']
        with open(self.log, 'ab') as log:
            self.popen = subprocess.Popen(
                args, cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
                env={**os.environ, 'XDG_RUNTIME_DIR': str(self.directory)})
        Process.running.add(self)

    def watch(self, guest):
        """From now on the guest fails when the back end ends by itself: QEMU
        would wait for it."""
        if self.names:
            threading.Thread(target=self._watch, args=(guest,),
                             daemon=True).start()

    def _watch(self, guest):
        while not self.over.wait(0.5):
            popen = self.popen
            if popen and popen.poll() is not None and popen is self.popen:
                guest.fail('the back end has ended:\n' +
                           self.log.read_text(errors='replace'))
                return

    def kill(self):
        Process.running.discard(self)
        popen, self.popen = self.popen, None
        if popen:
            popen.kill()
            popen.wait()

    def __enter__(self):
        if self.names:
            self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.kill()


VHOST = 'vhost:vblk backend'
TWICE = 'vhost:vblk backend vhost:vblk backend'
DEVICE_TLB = {VtdRow: 'intremap=on,eim=on,device-iotlb=on',
              AmdRow: 'intremap=on,xtsup=on,device-iotlb=on',
              VioRow: 'aw-bits=48'}


MODELS = ((VtdRow, ''), (AmdRow, 'amd-'), (VioRow, ''))


def usual():
    for make, name in MODELS:
        yield cards(make, f'{name}dpdk-6.12', 'packets unmap')
        yield vhost(make, f'{name}vhost-6.12', VHOST, iommu=DEVICE_TLB[make])


def seldom_cards():
    yield cards(VtdRow, 'dpdk-huge-6.12', 'packets dies packets back',
                memory='huge', append='hugepages=64')
    yield cards(VtdRow, 'dpdk-scalable-huge-6.12', 'packets dies back',
                iommu=rows.SCALABLE, memory='huge',
                append=f'{rows.SM_ON} hugepages=64', unfit=rows.NO_OPTION)
    yield cards(VtdRow, 'dpdk-aw39-cm-6.12-pt', 'packets unmap back', mode='pt',
                iommu='intremap=on,eim=off,aw-bits=39,caching-mode=on',
                remap='xapic')
    yield cards(VtdRow, 'dpdk-vnet-newest', 'packets back',
                kind='vnet', kernel='newest')
    yield cards(AmdRow, 'amd-dpdk-v2-np-6.12', 'packets unmap back',
                iommu='intremap=on,xtsup=on,np-cache=on,guest-levels=4',
                append='amd_iommu=pgtbl_v2')
    yield cards(AmdRow, 'amd-dpdk-huge-newest-pt', 'dies packets back',
                kernel='newest', mode='pt', memory='huge',
                append='hugepages=64')
    yield cards(VioRow, 'dpdk-huge-6.12-pt', 'packets dies back', mode='pt',
                memory='huge', append='hugepages=64')
    yield cards(VioRow, 'dpdk-vnet-newest', 'packets back', kind='vnet',
                kernel='newest', iommu='aw-bits=64')


def seldom_vhost():
    # Without ATS vhost is told of what is unmapped as VFIO is.
    for make, name in MODELS[:2]:
        yield vhost(make, f'{name}vhost-plain-6.12', TWICE, 'vhost-plain')
    yield vhost(VtdRow, 'vhost-scalable-newest', TWICE, kernel='newest',
                iommu=f'{rows.SCALABLE},device-iotlb=on,page-requests=off',
                append=rows.SM_ON, unfit=rows.NO_OPTION)
    yield vhost(VtdRow, 'vhost-lazy-cm-6.1', TWICE, kernel='6.1', mode='lazy',
                iommu=f'{DEVICE_TLB[VtdRow]},caching-mode=on')
    yield vhost(AmdRow, 'amd-vhost-v2-newest', TWICE, kernel='newest',
                iommu=f'{DEVICE_TLB[AmdRow]},guest-levels=4',
                append='amd_iommu=pgtbl_v2')
    yield vhost(VioRow, 'vhost-newest', TWICE, kernel='newest',
                iommu='aw-bits=64')


def seldom():
    return [*seldom_cards(), *seldom_vhost()]


def table():
    return [*usual(), *seldom()]


# As in rows.py.
SELDOM = tuple(row.name for row in seldom())


# -------------------------------------------------------------------- checks

def check(row, made, reports, findings):
    """Packets came as they went, and by way of the IOMMU."""
    for test in row.tests.split():
        kind, *args = test.split(':')
        if kind == 'packets':
            check_packets(row, made, reports, args[1], findings)
        elif kind == 'unmap':
            check_unmapped(reports, findings)
    if row.payload == 'vhost' and reports.stats:
        check_vhost(row, made, reports, findings)


def check_packets(row, made, reports, disk, findings):
    problem = made.disks[disk].problem()
    findings.check(f'packets of {disk}', problem is None, problem)
    findings.check('functions of a driver in user space',
                   len(set(reports.users)) == row.devices.count('cable'),
                   reports.users)
    # Of each packet a descriptor and the data.
    if reports.stats:
        check_translated(reports, 2 * MOVED, findings)


def check_translated(reports, wanted, findings):
    """The functions' own addresses were translated, so often at least."""
    translated = {one['sid']: one['iotlb']['hits'] + one['iotlb']['misses']
                  for one in reports.stats['requesters']}
    for function in set(reports.users):
        count = translated.get(function[5:], 0)
        findings.check(f'translated for {function}', count >= wanted, count)


def check_unmapped(reports, findings):
    before, after = (int(reports.facts.get(f'unmapped.{when}', -1))
                     for when in ('before', 'after'))
    findings.check('nothing is received into unmapped memory',
                   before == after > 0, f'{before}, {after}')


# Of QEMU, while nobody is at the other end of a socket.
NOISE = re.compile(r'Unexpected end-of-file before all data were read|'
                   r'Failed to set msg fds|'
                   r'vhost VQ \d ring restore failed: -22')
WAITING = re.compile(r'info: QEMU waiting for connection on: disconnected:unix')

NOTIFIED = re.compile(r'nyx_iommu_notify sid (0x[0-9a-f]+) .*type (\d)')

# Packets of 1448 bytes that the data need at least, one way.
SENT = 2 * (parts.VHOST_SIZE // 1448)


def noise(row, line):
    """Whether what QEMU says belongs to a test."""
    return row.payload == 'vhost' and bool(
        WAITING.search(line) or 'backend' in row.tests and NOISE.search(line))


def check_vhost(row, made, reports, findings):
    """The back end asked for addresses, and was told when they were gone."""
    findings.check('functions with a back end', len(set(reports.users)) == 2,
                   reports.users)
    check_translated(reports, SENT, findings)
    # Linux's driver for virtio-iommu knows no ATS; 4 is a device-IOTLB's.
    ats = row.vendor != 'virtio' and 'plain' not in row.devices
    events = {}
    for line in (made.directory / 'trace').read_text().splitlines():
        if found := NOTIFIED.search(line):
            key = int(found[1], 16), found[2]
            events[key] = events.get(key, 0) + 1
    for function in set(reports.users):
        key = virtio.endpoint(function[5:]), '4' if ats else '1'
        findings.check(f'{function} was told', events.get(key, 0) >= SENT,
                       events)
    if row.vendor != 'virtio':
        orders = reports.stats['invalidations']
        findings.check('device-TLB invalidated',
                       (orders['device-tlb'] >= 2 * SENT) == ats, orders)
