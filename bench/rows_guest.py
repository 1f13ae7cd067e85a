# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows about a whole guest: Debian's kernel under TCG, which reads from a
disk that is there at once, and maps and unmaps each request."""

import dataclasses
import pathlib
import shutil
import tempfile

import qvm  # pylint: disable=unused-import   # the path of the next ones
import initramfs
import run
import vm
from subjects import VARIANTS, Result

KERNEL = '6.12'
MODULES = ('virtio_pci', 'virtio_blk', 'virtio_iommu')
BOOT_SECONDS = 600


class ReadingGuest:
    """A guest that reads when it is told to."""

    def __init__(self, name, arguments, iommu):
        self.name = name
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='nyx-bench-'))
        if iommu:
            # Before the disk: what exists already is not behind it.
            arguments = [*arguments[:1], '-device', f'{iommu},id=iommu',
                         *arguments[1:]]
        self.guest = vm.Guest(arguments, self.directory, BOOT_SECONDS)

    def close(self):
        self.guest.close()
        shutil.rmtree(self.directory)

    def wait(self):
        """Until it stands and asks."""
        while (line := self.guest.next_line()) is not None:
            if 'NYX: ask reads' in line:
                return
            if 'NYX: fail' in line or 'NYX: note' in line:
                raise RuntimeError(line)
        raise RuntimeError(f'the guest has ended\n'
                           f'{self.guest.process.stderr()}')

    def counted(self, kind, name):
        """What a model has counted so far."""
        return self.guest.property('stats')[kind][name]

    def rate(self, count):
        """Reads a second, of so many."""
        self.guest.tell('go')
        while (line := self.guest.next_line()) is not None:
            _, found, rest = line.partition('NYX: read ')
            if found:
                self.wait()
                done, hundredths = map(int, rest.split())
                if done != count:
                    raise RuntimeError(f'{done} reads instead of {count}')
                return done / (hundredths / 100)
        raise RuntimeError('the guest has ended')


@dataclasses.dataclass
class Guests:
    """The same guest behind each model; all run, one of them reads."""

    length: int
    counter: tuple               # of a model's statistics: kind and name
    fact: str                    # what it counts
    section: str = 'a whole guest, strict'
    variant: str = 'usual'
    quick: bool = True

    @property
    def name(self):
        return f'{self.length // 1024} KiB direct reads, null backend'

    def arguments(self, qemu, count):
        files = run.fetch([KERNEL, 'busybox'])
        kernel = pathlib.Path(files[KERNEL])
        initrd = initramfs.build(kernel, pathlib.Path(files['busybox']),
                                 run.cache_directory(), MODULES)
        image = initramfs.image(kernel)
        return [
            str(pathlib.Path(qemu).resolve()), '-M', 'q35', '-accel', 'tcg',
            '-cpu', 'max', '-m', '512M', '-smp', '1', '-nographic',
            '-no-reboot', '-nodefaults', '-serial', 'stdio',
            '-blockdev', 'driver=null-co,node-name=null,size=1073741824,'
                         'latency-ns=0,read-zeroes=off',
            '-device', 'virtio-blk-pci,drive=null,serial=null,'
                       'iommu_platform=on,disable-legacy=on',
            '-kernel', str(image), '-initrd', str(initrd), '-append',
            f'{run.fixed_arguments("x86_64")} intel_iommu=on iommu.strict=1 '
            f'nyx.half=1 nyx.test=reads:null:{self.length}:{count}']

    def measure(self, lab, rounds, quick):
        count = 15000 if quick else 30000
        turns = 1 + rounds
        facts = {}
        arguments = self.arguments(lab.qemu, count)
        guests = []
        models = VARIANTS[self.variant].models
        try:
            for name in ('none', 'peer', 'nyx'):
                guests.append(ReadingGuest(name, arguments,
                                           models[name]))
            for guest in guests:
                guest.wait()
            samples = {guest.name: [] for guest in guests}
            # The first is for the kernel's own caches.
            for turn in range(turns):
                # None of them always comes after the same other one.
                for guest in guests if turn % 2 else guests[::-1]:
                    rate = guest.rate(count)
                    if turn:
                        samples[guest.name].append(rate)
            facts['nyx'] = {self.fact: round(
                guests[-1].counted(*self.counter) / (turns * count), 2)}
        finally:
            for guest in guests:
                guest.close()
        return Result(self.section, self.name, 'ops/s', samples,
                      VARIANTS[self.variant].titles, facts=facts)


def rows():
    yield Guests(4096, ('invalidations', 'iotlb-page'),
                 'page invalidations a read')
    yield Guests(4096, ('requests', 'unmap'), 'UNMAP requests a read',
                 'a whole guest, strict, virtio-iommu', 'virtio', False)
