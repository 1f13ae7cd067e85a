# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests of another processor: what is different about them, and the table of
rows."""

import dataclasses

import virtio


@dataclasses.dataclass(frozen=True)
class Arch:
    """What a processor and its machine make different."""

    # Of what fetch.sh gets; no QEMU is the one that is installed.
    busybox: str
    qemu: str | None
    # Arguments of all rows, for QEMU and for the kernel.
    arguments: tuple
    cmdline: str
    # Names of interrupts that must have come, and what chips may be between.
    interrupts: tuple
    chips: str


ARCHES = {
    'x86_64': Arch(
        busybox='busybox', qemu=None, arguments=(),
        # The kernel's timer check wants ten ticks in a time that a loaded host
        # doesn't give to a guest under TCG; that timer interrupts come is
        # checked afterwards.  The watchdog of Linux 7's clocksources can wait
        # for a processor that stop_machine() holds, by a clock that stands
        # still meanwhile; a slow host is enough.
        cmdline='console=ttyS0 no_timer_check tsc=nowatchdog',
        interrupts=('timer', 'ttyS0'), chips='(IO-APIC|PCI-MSI)'),
    'aarch64': Arch(
        busybox='busybox-arm64', qemu='qemu-arm',
        # The ROMs of cards are in packages that are not unpacked.
        arguments=('-global', 'pci-device.romfile='),
        cmdline='console=ttyAMA0',
        interrupts=('arch_timer',), chips='(GIC(v3|-0)|(ITS|GICv2m)-PCI-MSI)'),
}


def of_kernel(name):
    """The architecture of a kernel by its name in fetch.sh."""
    return ARCHES['aarch64' if name.endswith('-arm64') else 'x86_64']


@dataclasses.dataclass
class ArmRow(virtio.VioRow):
    """A guest on the machine "virt", which finds the IOMMU in the device
    tree."""

    kernel: str = '6.12-arm64'
    machine: str = 'virt,gic-version=3'
    cpu: str = 'cortex-a57'

    arch = 'aarch64'
    # Where the driver maps the interrupt controller's doorbell.
    messages = '0x8000000:0x80fffff:1'


def table():
    return [
        # What has no driver has no domain.
        ArmRow('virtio-arm-6.12', iommu='boot-bypass=off',
               devices='vblk rp=rp1 nvme@rp1 e1000e testdev',
               tests='disk:vblk disk:nvme net:e1000e:2 '
                     'rogue:testdev:write:0xbad5000 '
                     'rogue:testdev:read:0xbad7000 functions',
               faults={'write': virtio.DOMAIN % 'W',
                       'read': virtio.DOMAIN % 'R'},
               unfit=virtio.NO_FLAGS),
        # The tree cannot tell buses that have no number yet from each other:
        # the kernel asks the device, and leaves alone what is not behind it.
        ArmRow('virtio-arm-outside-6.12', iommu='endpoints=nvme+e1000e',
               devices='rp=rp1 nvme@rp1 rp=rp2 vblk@rp2 e1000e',
               tests='disk:vblk disk:nvme net:e1000e:2 functions',
               outside='02:00.0', refused={'noent': 1}, mode='lazy',
               unfit=virtio.NO_OPTION),
        # Firmware hides the tree; the kernel has the VIOT table.
        ArmRow('virtio-arm-uefi-6.12', firmware='efi-arm64',
               devices='vblk rp=rp1 nvme@rp1 e1000e',
               tests='disk:vblk disk:nvme net:e1000e:2 functions',
               says=(r'ACPI: VIOT 0x',)),
        ArmRow('virtio-arm-hotplug-6.12',
               devices='rp=rp1 vblk later=hvblk', mode='lazy', reset=True,
               tests='hotplug:hvblk disk:vblk functions'),
        ArmRow('virtio-arm-migrate-6.12', devices='vblk e1000e',
               tests='net_up:e1000e:2 busy:migrate:3:vblk net:e1000e:2 '
                     'functions'),
        ArmRow('virtio-arm-v2m-6.12', machine='virt,gic-version=2', mode='pt',
               devices='vblk e1000e',
               tests='disk:vblk net:e1000e:2 functions'),
    ]


# As in rows.py.
SELDOM = ('virtio-arm-hotplug-6.12', 'virtio-arm-migrate-6.12',
          'virtio-arm-outside-6.12', 'virtio-arm-uefi-6.12',
          'virtio-arm-v2m-6.12')
