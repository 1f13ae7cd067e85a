# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of the extended tier: a kernel of our own, built by kernel.sh."""

import functools

from rows import MEDIUM, NO_OPTION, PLAIN, PLAIN_TESTS, SCALABLE, SMALL
import rows as base

Row = functools.partial(base.Row, kernel='newest', unfit=NO_OPTION)

# The kernel takes scalable mode whenever it is there.
LEGACY = 'intremap=on,eim=on,aw-bits=48'

# By the operations that nyx-iommufd names.
REFUSED = {
    operation: rf'\[DMA Write {who}\] Request device \[0000:{{device}}\] '
               rf'fault addr {{address}} \[fault reason {reason}\]'
    for operation, who, reason in (
        ('first', 'NO_PASID', '0x71'),
        ('second', 'NO_PASID', '0x79'),
        ('beyond', 'NO_PASID', '0x79'),
        ('tables', 'NO_PASID', '0x79'),
        ('pasid', 'PASID 0x[56]', '0x59'),
        ('sva-present', 'PASID 0x[0-9a-f]+', '0x71'),
        ('sva-user', 'PASID 0x[0-9a-f]+', '0x81'),
        ('sva-write', 'PASID 0x[0-9a-f]+', '0x85'),
    )}


def iommufd(name, tests, refused=(), **more):
    return Row(f'iommufd-{name}', iommu=more.pop('iommu', SCALABLE),
               devices='vblk testdev',
               tests=' '.join(f'iommufd:{test}' for test in tests.split()) +
                     ' disk:vblk',
               faults={one: REFUSED[one] for one in refused}, **more)


def iommufd_rows():
    """A program that drives nyx-testdev by way of IOMMUFD."""
    yield iommufd('info', 'info')
    yield iommufd('dirty', 'dirty dirty')
    yield iommufd('unmap', 'unmap', ['second'])
    yield iommufd('nested', 'nested nested', ['first', 'beyond', 'tables'])
    yield iommufd('pasid', 'pasid', ['pasid'])
    # The processor's own page tables, of four and of five levels. Linux wants
    # ATS for it.
    for name, cpu in (('sva', 'max,la57=off'), ('sva-la57', 'max')):
        yield iommufd(name, 'sva',
                      ['sva-present', 'sva-user', 'sva-write'], cpu=cpu,
                      iommu=SCALABLE + ',device-iotlb=on')
    # The device asks for pages that are not there, and the kernel brings them.
    yield iommufd('fault', 'fault', cpu='max,la57=off',
                  iommu=SCALABLE + ',device-iotlb=on')


def debugfs_rows():
    """The kernel's dumps of registers and tables, next to the device's."""
    for mode in ('strict', 'lazy', 'pt'):
        yield Row(f'debugfs-{mode}', iommu=SCALABLE, mode=mode,
                  devices='vblk nvme testdev',
                  tests='disk:vblk disk:nvme debugfs:hold')
    for name, options in (('second', SCALABLE + ',flts=off'),
                          ('legacy', LEGACY)):
        yield Row(f'debugfs-{name}', iommu=options, devices='vblk nvme',
                  tests='disk:vblk disk:nvme debugfs')


def selftest(name, tests, devices='testdev', **more):
    return Row(f'selftest-{name}', iommu=more.pop('iommu', SCALABLE),
               devices=f'vblk {devices}', seconds=900, memory='5G',
               append='hugepages=128 hugepagesz=1G hugepages=1',
               tests=' '.join(f'selftest:{test}' for test in tests.split()) +
                     ' disk:vblk', **more)


def selftest_rows():
    """Of the kernel's tree: those that need no device, those for any, and
    the one for devices that it has drivers of its own for."""
    # In 7.3 IOMMU_TEST_OP_DMABUF_GET of the kernel's mock returns 0 instead of
    # a file descriptor.  Variants without a vIOMMU skip what needs one.
    yield selftest('iommufd', 'iommufd', skips={'iommufd': 5}, broken={
        'iommufd': r'iommufd_ioas\.\w+\.dmabuf_(simple|revoke)'})
    yield selftest('iommufd-fail-nth', 'iommufd_fail_nth')
    yield selftest('vfio-device', 'vfio_pci_device_test:testdev '
                                  'vfio_iommufd_setup_test:testdev')
    yield selftest('vfio-mapping', 'vfio_dma_mapping_test:testdev '
                                   'vfio_dma_mapping_mmio_test:testdev')
    # It copies to and from an address that is not mapped, too.  One of its five
    # ways to VFIO, for each takes most of a minute.
    yield selftest('vfio-driver', 'vfio_pci_driver_test:igb:iommufd',
                   'igb', provoked={
        'first': r'\[DMA (Read|Write) NO_PASID\] Request device '
                 r'\[0000:00:05.0\] fault addr 0x80000000 '
                 r'\[fault reason 0x71\]'})


def io_rows():
    """The same as with Debian's kernels: I/O, and nothing to complain of."""
    for mode in ('strict', 'lazy'):
        yield Row(f'newest-legacy-{mode}', iommu=LEGACY, mode=mode)
        yield Row(f'newest-first-{mode}', iommu=SCALABLE, mode=mode)
        yield Row(f'newest-second-{mode}', iommu=SCALABLE + ',flts=off',
                  mode=mode)
    yield Row('newest-pt', iommu=SCALABLE, mode='pt', **SMALL)


def rows():
    return [*io_rows(), *iommufd_rows(), *debugfs_rows(),
            *selftest_rows()]
