#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the guest's initramfs: busybox, our init and helper, kernel modules.

usage: initramfs.py KERNEL_DIR BUSYBOX CACHE_DIR [MODULE ...]

KERNEL_DIR is an unpacked kernel package, or what kernel.sh built: a kernel
without modules, with selftests, and with interfaces that our programs for them
are compiled with.  The name of the result is printed; it holds a hash of all
that went in, so a file that exists is never built again.
"""

import dataclasses
import hashlib
import lzma
import os
import pathlib
import re
import stat
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# What the rows plug in; what these need is found in the modules themselves.
MODULES = (
    'virtio_pci',
    # Where there is one: before what waits for it.
    'virtio_iommu',
    'virtio_blk',
    'virtio_net',
    'nvme',
    'ahci',
    'sd_mod',
    'e1000',
    'e1000e',
)

# 6.1 has no such driver.
OPTIONAL = ('virtio_iommu',)


def image(kernel_dir):
    """Where the kernel itself is, with its modules or in /boot."""
    return next(pathlib.Path(kernel_dir).rglob('vmlinuz*'))


class Modules:
    """The modules of one kernel package, found by name."""

    def __init__(self, kernel_dir):
        # Debian 13 has only /usr/lib, Debian 12's packages still say /lib.
        found = [path for top in ('lib', 'usr/lib')
                 for path in kernel_dir.glob(f'{top}/modules/*/kernel')]
        self.monolithic = (kernel_dir / 'config').exists()
        if self.monolithic:
            return
        if len(found) != 1:
            raise SystemExit(f'initramfs: no module tree in {kernel_dir}')
        self.files = {self._name(path): path
                      for path in found[0].rglob('*.ko*')}
        builtin = found[0].parent / 'modules.builtin'
        self.builtin = {self._name(line)
                        for line in builtin.read_text().split()}

    @staticmethod
    def _name(path):
        name = os.path.basename(path).partition('.ko')[0]
        return name.replace('-', '_')

    def read(self, name):
        """The ELF file; the guest's insmod is not asked to decompress."""
        data = self.files[name].read_bytes()
        return lzma.decompress(data) if self.files[name].suffix == '.xz' \
            else data

    def closure(self, wanted):
        """The modules to load, each after what it needs, with their bytes.

        The packages have no modules.dep (depmod makes it when a package is
        installed), so dependencies are read where depmod's users keep them:
        in the .modinfo section of each module.  A soft dependency
        (crc32c for libcrc32c and the like) is loaded when it exists.
        """
        order = {}
        if self.monolithic:
            return order

        def add(name, hard):
            if name in order or name in self.builtin:
                return
            if name not in self.files:
                if hard:
                    raise SystemExit(f'initramfs: no module {name}')
                return
            data = self.read(name)
            needs = re.search(rb'\0depends=([^\0]*)\0', data)
            soft = re.search(rb'\0softdep=pre: ([^\0]*)\0', data)
            for other in (soft.group(1).decode().split() if soft else ()):
                add(other.replace('-', '_'), False)
            for other in (needs.group(1).decode().split(',') if needs else ()):
                if other:
                    add(other.replace('-', '_'), True)
            order[name] = data

        for name in wanted:
            add(name, name not in OPTIONAL)
        return order


@dataclasses.dataclass
class Payload:
    """What some rows' guests have besides."""

    name: str = ''
    modules: tuple = ()
    # Paths here, by those in the guest.
    files: dict = dataclasses.field(default_factory=dict)

    def digest(self):
        digest = hashlib.sha256(' '.join(self.modules).encode())
        for target, source in sorted(self.files.items()):
            digest.update(target.encode() + b'\0')
            digest.update(hashlib.sha256(source.read_bytes()).digest())
        return digest.digest()


class Cpio:
    """An archive in the "newc" format that the kernel unpacks."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 0
        self.directories = set()

    def add_file(self, name, content):
        """A program or data, in directories that are made for it."""
        place = pathlib.PurePosixPath(name)
        for parent in reversed(place.parents[:-1]):
            self.add_directory(str(parent))
        self.add(name, stat.S_IFREG | 0o755, content)

    def add_directory(self, name):
        if name not in self.directories:
            self.directories.add(name)
            self.add(name, stat.S_IFDIR | 0o755)

    def add(self, name, mode, content=b'', device=(0, 0)):
        self.inode += 1
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0,
                  device[0], device[1], len(name) + 1, 0)
        self.data += b'070701' + b''.join(b'%08X' % f for f in fields)
        self.data += name.encode() + b'\0'
        self._pad()
        self.data += content
        self._pad()

    def _pad(self):
        self.data += bytes(-len(self.data) % 4)

    def finish(self):
        self.add('TRAILER!!!', 0)
        return bytes(self.data)


def compile_program(cache, name, *includes):
    """A static program of initramfs/, NAME.c and NAME-*.c, kept under the hash
    of its sources."""
    place = HERE / 'initramfs'
    sources = [place / f'{name}.c', *sorted(place.glob(f'{name}-*.c'))]
    headers = HERE.parents[1] / 'hw' / 'nyx-iommu'
    digest = hashlib.sha256(''.join(map(str, includes)).encode())
    for path in [*sources, *sorted(place.glob(f'{name}.h')),
                 headers / 'testdev-regs.h']:
        digest.update(path.read_bytes())
    target = cache / f'guest-{name}-{digest.hexdigest()[:16]}'
    if not target.exists():
        partial = target.with_suffix(f'.{os.getpid()}')
        compiler = os.environ.get('CC', 'cc').split()
        paths = [word for path in includes for word in ('-isystem', path)]
        subprocess.run(compiler + ['-static', '-O2', '-Wall', '-Wextra',
                                   '-Werror', '-I', headers, *paths, '-o',
                                   partial, *sources], check=True)
        partial.rename(target)
    return target.read_bytes()


def machine(program):
    """What an ELF file is for, as its header has it."""
    return program.read_bytes()[18:20]


def programs(kernel_dir, busybox, cache):
    """Our programs and the kernel's own, by the names they have in /bin."""
    if machine(busybox) != machine(pathlib.Path(sys.executable)):
        return {'nyx-helper': (HERE / 'initramfs/helper.sh').read_bytes()}
    made = {'nyx-helper': compile_program(cache, 'helper')}
    if (kernel_dir / 'include').exists():
        made['nyx-iommufd'] = compile_program(cache, 'iommufd',
                                              kernel_dir / 'include')
        made.update({path.name: path.read_bytes() for path in
                     sorted((kernel_dir / 'selftests').iterdir())})
    return made


def build(kernel_dir, busybox, cache, wanted=MODULES, payload=Payload()):
    """The path of an initramfs with all this in it."""
    cache.mkdir(parents=True, exist_ok=True)
    init = (HERE / 'initramfs' / 'init').read_bytes()
    binaries = programs(kernel_dir, busybox, cache)
    key = hashlib.sha256()
    for part in (pathlib.Path(__file__).read_bytes(), init,
                 *binaries.values(), busybox.read_bytes(),
                 str(kernel_dir.resolve()).encode(),
                 ' '.join([*wanted, *binaries]).encode(),
                 payload.digest()):
        key.update(hashlib.sha256(part).digest())
    target = cache / f'initramfs-{key.hexdigest()[:16]}.cpio'
    if target.exists():
        return target

    modules = Modules(kernel_dir).closure([*wanted, *payload.modules])
    cpio = Cpio()
    for name in ('bin', 'dev', 'proc', 'sys', 'tmp', 'modules'):
        cpio.add_directory(name)
    cpio.add('dev/console', stat.S_IFCHR | 0o600, device=(5, 1))
    cpio.add('init', stat.S_IFREG | 0o755, init)
    cpio.add('bin/busybox', stat.S_IFREG | 0o755, busybox.read_bytes())
    cpio.add('bin/sh', stat.S_IFLNK | 0o777, b'busybox')
    for name, binary in binaries.items():
        cpio.add_file(f'bin/{name}', binary)
    for name, path in sorted(payload.files.items()):
        cpio.add_file(name, path.read_bytes())
    for name, data in modules.items():
        cpio.add(f'modules/{name}.ko', stat.S_IFREG | 0o644, data)
    order = ''.join(f'{name}\n' for name in modules)
    cpio.add('modules/order', stat.S_IFREG | 0o644, order.encode())

    partial = target.with_suffix(f'.{os.getpid()}')
    partial.write_bytes(cpio.finish())
    partial.rename(target)
    return target


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__.strip())
    kernel_dir, busybox, cache = map(pathlib.Path, sys.argv[1:4])
    print(build(kernel_dir, busybox, cache, tuple(sys.argv[4:]) or MODULES))


if __name__ == '__main__':
    main()
