# SPDX-License-Identifier: GPL-2.0-or-later
"""The devices a row can name: their QEMU arguments, their images and what the
guest must report of them."""

import hashlib
import random

import packets

# A disk has this many MiB of data, then as many of zeros to be written.
DISK_HALF = 4
NET_SIZE = 1 << 20
TFTP_SIZE = 128 << 10
VHOST_SIZE = 128 << 10

# Below are the bus numbers of the first root.
MAIN_ROOTS = 0x20

ROTATE = bytes((byte + 1) % 256 for byte in range(256))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def pattern(name, size):
    """Data that are different for each name and the same in each run."""
    return random.Random(name).randbytes(size)


class Disk:
    """An image of data and zeros, and the sums a guest must find."""

    def __init__(self, directory, name):
        self.name = name
        self.path = directory / f'{name}.img'
        data = pattern(name, DISK_HALF << 20)
        self.rotated = data.translate(ROTATE)
        with open(self.path, 'wb') as image:
            image.write(data)
            image.truncate(2 * len(data))
        self.written = False
        read, back = sha256(data), sha256(self.rotated)
        self.sums = {f'{name}.{what}': read for what in
                     ('read', 'direct', 'identity', 'DMA', 'DMA-FQ')}
        self.sums[f'{name}.back'] = back
        # By way of two network cards.
        part = sha256(data[:VHOST_SIZE])
        self.sums.update({f'{name}.{what}': part for what in
                          ('there', 'again')})

    def problem(self):
        """What is wrong with the image after the guest wrote to it."""
        with open(self.path, 'rb') as image:
            half = len(self.rotated)
            if image.read(half).translate(ROTATE) != self.rotated:
                return f'{self.name}: the data in the image have changed'
            if image.read() != self.rotated:
                return f'{self.name}: the image lacks what the guest wrote'
        return None


class Capture(Disk):
    """An image of a file with packets, and room for a file of those that came."""

    def __init__(self, directory, name):
        super().__init__(directory, name)
        self.wanted = packets.make(name)
        with open(self.path, 'r+b') as image:
            image.write(packets.encode(self.wanted))
            image.truncate(3 * packets.SIZE)

    def problem(self):
        with open(self.path, 'rb') as image:
            image.seek(packets.SIZE)
            return packets.difference(self.wanted,
                                      packets.decode(image.read()))


class Parts:
    """The devices of one row, made from its words KIND[=ID][@BUS]."""

    def __init__(self, words, machine, directory):
        self.machine = machine
        self.directory = directory
        self.args = []
        self.disks = {}
        self.sums = {}
        # Names of interrupts that must have come, as /proc/interrupts has them.
        self.interrupts = []
        self.subnet = 1
        # A slot each on bus 0: an extra device moves no other one.
        self.slot = 4
        self.ports = 0
        # Of further roots.
        self.root = MAIN_ROOTS
        for word in words.split():
            self._add(word)

    def _add(self, word):
        left, _, bus = word.partition('@')
        kind, _, name = left.partition('=')
        method = getattr(self, '_add_' + kind.replace('-', '_'))
        method(name or kind, bus)

    def _device(self, text, bus):
        if bus:
            text += f',bus={bus}'
        else:
            # QEMU would take the first bus with room, which can be a pxb's.
            if self.root > MAIN_ROOTS:
                text += ',bus=pcie.0'
            text += f',addr={self.slot:#x}'
            self.slot += 1
        self.args += ['-device', text]

    def blockdev(self, name, kind=Disk):
        """Backend "d-NAME", for a device that is or will be there."""
        disk = kind(self.directory, name)
        self.disks[name] = disk
        self.sums.update(disk.sums)
        self.args += ['-drive', f'if=none,id=d-{name},file={disk.path},'
                                f'format=raw,cache=writeback']
        return f'drive=d-{name},serial={name}'

    # -------------------------------------------------------------- disks

    def _add_vblk(self, name, bus, extra='', kind=Disk):
        self._device(f'virtio-blk-pci,id={name},{self.blockdev(name, kind)},'
                     f'iommu_platform=on,disable-legacy=on{extra}', bus)
        self.interrupts.append('virtio')

    def _add_vblk_ats(self, name, bus):
        self._add_vblk(name, bus, ',ats=on')

    def _add_pcap(self, name, bus):
        self._add_vblk(name, bus, kind=Capture)

    def _add_nvme(self, name, bus):
        self._device(f'nvme,id={name},{self.blockdev(name)}', bus)
        self.interrupts.append('nvme')

    def _add_ahci(self, name, bus):
        """A disk at the chipset's own controller, or at an added one."""
        if bus or self.machine != 'q35':
            self._device(f'ich9-ahci,id=c-{name}', bus)
            bus = f'c-{name}.0'
        else:
            bus = 'ide.0'
        self.args += ['-device', f'ide-hd,id={name},{self.blockdev(name)},'
                                 f'model={name},bus={bus}']
        self.interrupts.append('ahci')

    def _add_later(self, name, _bus):
        """A backend for a disk that the host plugs in during the run."""
        self.blockdev(name)

    # What the host gives to device_add, and to the monitor once it is gone.

    def hotplugged(self, name):
        """A disk, but for the place."""
        device = {'drive': f'd-{name}', 'serial': name}
        if 'nvme' in name:
            return {'driver': 'nvme', **device}
        return {'driver': 'virtio-blk-pci', 'iommu_platform': True,
                'disable-legacy': 'on', **device}

    def after_unplug(self, name):
        """The backend goes with the device; the next plug needs another."""
        return f'drive_add 0 if=none,id=d-{name},' \
               f'file={self.disks[name].path},format=raw,cache=writeback'

    # ------------------------------------------------------------ network

    def _net(self, device, driver, bus):
        self.subnet += 1
        net = f'10.0.{self.subnet}'
        tftp = self.directory / 'tftp'
        tftp.mkdir(exist_ok=True)
        small = pattern('tftp', TFTP_SIZE)
        large = pattern('tcp', NET_SIZE)
        (tftp / 'data').write_bytes(small)
        (self.directory / 'tcp').write_bytes(large)
        # Closed to the outside; what the guest is served comes from here.
        self.args += ['-netdev',
                      f'user,id=n{self.subnet},net={net}.0/24,restrict=on,'
                      f'tftp={tftp},'
                      f'guestfwd=tcp:{net}.100:80-cmd:cat '
                      f'{self.directory}/tcp,'
                      f'guestfwd=tcp:{net}.100:81-cmd:sha256sum']
        self._device(f'{device},netdev=n{self.subnet}', bus)
        self.sums[f'{driver}.tftp'] = sha256(small)
        self.sums[f'{driver}.tcp'] = sha256(large)
        self.sums[f'{driver}.up'] = sha256(small.translate(ROTATE))
        self.interrupts.append('virtio' if driver == 'virtio_net' else 'eth')

    def _add_e1000e(self, name, bus):
        self._net(f'e1000e,id={name}', 'e1000e', bus)

    def _add_e1000(self, name, bus):
        self._net(f'e1000,id={name}', 'e1000', bus)

    def _add_vnet(self, name, bus):
        self._net(f'virtio-net-pci,id={name},iommu_platform=on,'
                  f'disable-legacy=on', 'virtio_net', bus)

    def _cable(self, device, bus):
        """One of two cards at the ends of a cable; what they do is a driver's
        in user space."""
        self.subnet += 1
        net = f'n{self.subnet}'
        self.args += ['-netdev', f'hubport,id={net},hubid=0']
        self._device(f'{device},netdev={net},mac=02:00:00:00:00:'
                     f'{self.subnet:02x}', bus)

    def _add_e1000e_cable(self, _name, bus):
        self._cable('e1000e', bus)

    def _add_vnet_cable(self, _name, bus):
        self._cable('virtio-net-pci,iommu_platform=on,disable-legacy=on', bus)

    def _add_vhost(self, name, bus, extra=',ats=on'):
        """A card whose back end is a process that connects to us.  It computes
        no checksums."""
        self.args += ['-chardev', f'socket,id=c-{name},path={name},server=on',
                      '-netdev', f'vhost-user,id=n-{name},chardev=c-{name}']
        self._device(f'virtio-net-pci,id={name},netdev=n-{name},'
                     f'iommu_platform=on,disable-legacy=on,csum=off,'
                     f'guest_csum=off{extra}', bus)
        self.interrupts.append('virtio')

    def _add_vhost_plain(self, name, bus):
        """Without ATS"""
        self._add_vhost(name, bus, '')

    # -------------------------------------------------------------- buses

    def _add_rp(self, name, bus):
        """A root port; a slot number of its own makes it hot-pluggable."""
        self.ports += 1
        self._device(f'pcie-root-port,id={name},chassis={self.ports},'
                     f'slot={self.ports}', bus)

    def _add_pxb(self, name, bus):
        """A second root, with a bus number of its own."""
        self.root += 0x20
        self._device(f'pxb-pcie,id={name},bus_nr={self.root}',
                     bus or 'pcie.0')

    def _add_pciebr(self, name, bus):
        self._device(f'pcie-pci-bridge,id={name}', bus)

    def _add_pcibr(self, name, bus):
        self._device(f'pci-bridge,id={name},chassis_nr={self.slot}', bus)

    # -------------------------------------------------------------- rogues

    def _add_edu(self, name, bus):
        """QEMU's device for teaching; 32-bit DMA, 28 is its default."""
        self._device(f'edu,id={name},dma_mask=0xffffffff', bus)

    def _add_igb(self, name, bus):
        """A network card that the kernel's VFIO selftests have a driver for;
        the guest's kernel has none."""
        self.args += ['-netdev', f'user,id=n-{name},restrict=on']
        self._device(f'igb,id={name},netdev=n-{name}', bus)

    def _add_testdev(self, name, bus, extra=''):
        self._device(f'nyx-testdev,id={name}{extra}', bus)

    def _add_testdev_plain(self, name, bus):
        """Without PASIDs"""
        self._add_testdev(name, bus, ',pasid=off')

    def _add_testdev_group(self, name, bus):
        """Responses to its page requests are known by their group."""
        self._add_testdev(name, bus, ',pri-pasid=off')
