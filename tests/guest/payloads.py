# SPDX-License-Identifier: GPL-2.0-or-later
"""What some guests have besides busybox and our programs: a QEMU of their own,
drivers in user space.  A payload is chosen by its name in a row."""

import hashlib
import os
import pathlib
import re
import subprocess

import initramfs
from initramfs import Payload

HERE = pathlib.Path(__file__).resolve().parent

VFIO = ('vfio_pci', 'vfio_iommu_type1')

# What a guest has that is for a guest of its own.
INNER_QEMU = 'bin/qemu-system-x86_64'
INNER_PLUGIN = 'inner/nyx-iommu.so'
INNER_KERNEL = 'inner/kernel'
INNER_INITRAMFS = 'inner/initramfs'

# Where a payload has its tests, functions of the shell that init reads.
TESTS = 'bin/nyx-tests'


class Missing(Exception):
    """Something that a payload is made of; says what."""


def with_libraries(programs):
    """Programs of this machine by their paths in the guest, and the libraries
    they are linked with where their loader looks for them."""
    files = {target.lstrip('/'): pathlib.Path(source)
             for target, source in programs.items()}
    for program in set(files.values()):
        listing = subprocess.run(['ldd', program], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        for path in re.findall(r'(?:=> |^\s)(/\S+) \(', listing, re.M):
            files[path.lstrip('/')] = pathlib.Path(path)
    return files


# What an inner guest's rows give it; its own initramfs is unpacked by a processor
# that is emulated twice.
INNER_MODULES = ('virtio_pci', 'virtio_iommu', 'nvme', 'e1000e')

# Where Debian's QEMU looks for them.
FIRMWARE = ('bios-256k.bin', 'kvmvapic.bin', 'linuxboot_dma.bin', 'pvh.bin')
FIRMWARE_PLACES = ('/usr/share/seabios', '/usr/share/qemu')


def firmware(names):
    for name in names:
        found = [pathlib.Path(place, name) for place in FIRMWARE_PLACES
                 if pathlib.Path(place, name).exists()]
        if not found:
            raise SystemExit(f'payloads: no {name} in '
                             f'{" or ".join(FIRMWARE_PLACES)}')
        yield str(found[0])


def nested(kernel, files):
    """A QEMU with our module, and a guest for it of the same kernel."""
    kernel_dir = pathlib.Path(files[kernel])
    inner = initramfs.build(kernel_dir, pathlib.Path(files['busybox']),
                            pathlib.Path(files['cache']), INNER_MODULES)
    plugin = pathlib.Path(files['plugin'])
    program = plugin.parent / 'tests' / 'qtest' / 'nyx-nested-test'
    for path in (plugin, program):
        if not path.exists():
            raise Missing(f'no {path}: --plugin names that of a build')
    contents = with_libraries({INNER_QEMU: files['qemu'],
                               'bin/nyx-nested-test': program})
    contents.update({name.lstrip('/'): pathlib.Path(name)
                     for name in firmware(FIRMWARE)})
    contents.update({
        TESTS: HERE / 'initramfs' / 'nested.sh',
        INNER_PLUGIN: plugin,
        INNER_KERNEL: initramfs.image(kernel_dir),
        INNER_INITRAMFS: inner,
    })
    return Payload('nested', (*VFIO, 'kvm_amd'), contents)


# Drivers of DPDK, and the plain allocator of buffers.
DRIVERS = ('mempool_ring', 'net_e1000', 'net_pcap', 'net_vhost', 'net_virtio')


class Dpdk:
    """testpmd as fetch.sh has unpacked it: with a loader and a C library of its
    own, so that it runs anywhere."""

    def __init__(self, path):
        self.libraries = pathlib.Path(path) / 'usr/lib/x86_64-linux-gnu'
        self.testpmd = pathlib.Path(path) / 'usr/bin/dpdk-testpmd'
        self.command = [str(self.libraries / 'ld-linux-x86-64.so.2'),
                        '--inhibit-cache', '--library-path',
                        str(self.libraries)]

    def plugin(self, driver):
        return next(self.libraries.glob(f'librte_{driver}.so.*'))

    def needed(self):
        """The libraries that testpmd and the drivers load, by their names."""
        found = {'ld-linux-x86-64.so.2': pathlib.Path(self.command[0])}
        for program in [self.testpmd, *map(self.plugin, DRIVERS)]:
            listing = subprocess.run([*self.command, '--list', program],
                                     check=True, text=True,
                                     stdout=subprocess.PIPE).stdout
            for name, path in re.findall(r'(\S+) => (/\S+) \(', listing):
                found[name] = pathlib.Path(path)
        return found


def shared_object(source, place):
    """A library of initramfs/, kept under the hash of its source."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    target = place / f'guest-{source.stem}-{digest[:16]}.so'
    if not target.exists():
        partial = target.with_suffix(f'.{os.getpid()}')
        subprocess.run([*os.environ.get('CC', 'cc').split(), '-shared', '-fPIC',
                        '-O2', '-Wall', '-Wextra', '-Werror', '-o', partial,
                        source], check=True)
        partial.rename(target)
    return target


def dpdk(_kernel, files):
    made = Dpdk(files['dpdk'])
    return Payload('dpdk', VFIO, {
        TESTS: HERE / 'initramfs/dpdk.sh',
        'lib/dpdk/dpdk-testpmd': made.testpmd,
        'lib/dpdk/unmap.so': shared_object(
            HERE / 'initramfs/unmap.c', pathlib.Path(files['dpdk']).parent),
        **{f'lib/dpdk/{name}': path for name, path in made.needed().items()},
        **{f'lib/dpdk/plugins/{driver}.so': made.plugin(driver)
           for driver in DRIVERS}})


# By name: what fetch.sh has to get, and a function that makes it of the name of
# a kernel and the files that were got.
PAYLOADS = {
    '': ((), lambda kernel, files: Payload()),
    'nested': (('busybox',), nested),
    'dpdk': (('dpdk',), dpdk),
    # testpmd runs on the host.
    'vhost': (('dpdk',), lambda kernel, files: Payload('vhost', (), {
        TESTS: HERE / 'initramfs/vhost.sh'})),
}


def needs(name):
    return PAYLOADS[name][0]


def make(name, kernel, files):
    return PAYLOADS[name][1](kernel, files)
