# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of the extended tier: a kernel of our own, built by kernel.sh."""

import functools

import amd
import nested
from rows import MEDIUM, NO_OPTION, PLAIN, PLAIN_TESTS, SCALABLE, SMALL
import rows as base
import virtio

Row = functools.partial(base.Row, kernel='own', unfit=NO_OPTION)
AmdRow = functools.partial(amd.AmdRow, kernel='own')
VioRow = functools.partial(virtio.guest, kernel='own')

# The kernel takes scalable mode whenever it is there.
LEGACY = 'intremap=on,eim=on,aw-bits=48'

# By the operations that nyx-iommufd names.
REFUSED = {
    operation: rf'\[DMA {kind} {who}\] Request device \[0000:{{device}}\] '
               rf'fault addr {{address}} \[fault reason {reason}\]'
    for operation, kind, who, reason in (
        ('first', 'Write', 'NO_PASID', '0x71'),
        ('second', 'Write', 'NO_PASID', '0x79'),
        ('beyond', 'Write', 'NO_PASID', '0x79'),
        ('tables', 'Write', 'NO_PASID', '0x79'),
        ('pasid', 'Write', 'PASID 0x[56]', '0x59'),
        ('sva-present', 'Write', 'PASID 0x[0-9a-f]+', '0x71'),
        ('sva-user', 'Read', 'PASID 0x[0-9a-f]+', '0x81'),
        ('sva-write', 'Write', 'PASID 0x[0-9a-f]+', '0x85'),
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


SELFTEST = {'devices': 'vblk testdev', 'seconds': 900, 'memory': '5G',
            'append': 'hugepages=128 hugepagesz=1G hugepages=1'}


def selftest(name, tests, devices='testdev', **more):
    return Row(f'selftest-{name}', iommu=more.pop('iommu', SCALABLE),
               **{**SELFTEST, 'devices': f'vblk {devices}'},
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


# -------------------------------------------------------------------- AMD-Vi

AMD = 'intremap=on,xtsup=on'
AMD_CPU = 'max,vendor=AuthenticAMD,la57='

# Flags: 001 GN, 004 US, 010 PR, 020 RW, 040 PE.  What the host's tables refuse
# has the guest's address: page 64 of the program's memory, or that of an entry
# in the first table.
AMD_REFUSED = {
    operation: r'{device}: AMD-Vi: Event logged \[IO_PAGE_FAULT '
               rf'domain={domain} address={address} flags={flags}\]'
    for operation, domain, address, flags in (
        ('first', '0x0000', '{address}', '0x0025'),
        ('second', '0x[0-9a-f]{{4}}', '{address}', '0x0020'),
        ('beyond', '0x[0-9a-f]{{4}}', '0x40040000', '0x0020'),
        ('tables', '0x[0-9a-f]{{4}}', '0x400007f8', '0x0020'),
        ('gcr3', '0x000[56]', '{address}', '0x0025'),
        ('sva-present', '0x[0-9a-f]{{4}}', '{address}', '0x0025'),
        ('sva-user', '0x[0-9a-f]{{4}}', '{address}', '0x0055'),
        ('sva-write', '0x[0-9a-f]{{4}}', '{address}', '0x0075'),
    )}


def amd_iommufd(name, tests, refused=(), options='', **more):
    return AmdRow(f'iommufd-amd-{name}', iommu=AMD + options,
                  devices=more.pop('devices', 'vblk testdev'),
                  tests=' '.join(f'iommufd:{test}' for test in tests.split()) +
                        ' disk:vblk',
                  faults={one: AMD_REFUSED[one] for one in refused}, **more)


def amd_iommufd_rows():
    # IOMMU_GET_HW_INFO warns of functions with PASIDs: AMD's driver enables
    # them later than iommufd thinks.
    for name, options in (('info', ''), ('info-gcr3-trp', ',gcr3-trp=on')):
        yield amd_iommufd(name, 'info', options=options,
                          devices='vblk testdev-plain')
    yield amd_iommufd('dirty', 'dirty dirty')
    yield amd_iommufd('unmap', 'unmap', ['second'])
    yield amd_iommufd('nested', 'nested nested',
                      ['first', 'beyond', 'tables'], ',gcr3-trp=on')
    yield amd_iommufd('guest-pasid', 'guest-pasid', ['gcr3'], ',gcr3-trp=on')
    for name, options, la57 in (
            ('sva', ',device-iotlb=on', 'off'),
            ('sva-la57', ',device-iotlb=on,guest-levels=5', 'on'),
            ('sva-sticky', ',device-iotlb=on,cache=sticky,np-cache=on', 'off'),
            ('sva-everything', ',profile=everything', 'off')):
        yield amd_iommufd(name, 'sva', ['sva-present', 'sva-user', 'sva-write'],
                          options, cpu=AMD_CPU + la57, domains=SVA_DOMAINS)
    # The driver answers without the PASID.
    for name, options in (('fault', ',device-iotlb=on'),
                          ('fault-everything', ',profile=everything')):
        yield amd_iommufd(name, 'fault', options=options,
                          devices='vblk testdev-group', cpu=AMD_CPU + 'off',
                          domains=SVA_DOMAINS)


# An address that is not mapped, in pieces.
AMD_PROVOKED = r'0000:00:05.0: AMD-Vi: Event logged \[IO_PAGE_FAULT ' \
               r'domain=0x[0-9a-f]{4} address=0x80000[0-9a-f]{3} ' \
               r'flags=0x00[02]0\]'

# A function that can use PASIDs is left alone otherwise.
SVA_DOMAINS = {'00:05.0': 'identity'}


def amd_debugfs_rows():
    for name, options, append in (
            ('v1', ',gcr3-trp=on', 'amd_iommu=pgtbl_v1'),
            ('v2', ',gcr3-trp=on', 'amd_iommu=pgtbl_v2'),
            ('perfmon', ',gcr3-trp=on,perfmon=on,msi-mmio=on', '')):
        yield AmdRow(f'debugfs-amd-{name}', iommu=AMD + options, append=append,
                     devices='vblk nvme testdev',
                     tests='disk:vblk disk:nvme debugfs:hold')
    yield AmdRow('debugfs-amd-pt', mode='pt', devices='vblk nvme',
                 tests='disk:vblk disk:nvme debugfs')
    yield AmdRow('debugfs-amd-everything', iommu='profile=everything',
                 append='amd_iommu=pgtbl_v2', devices='vblk nvme',
                 tests='disk:vblk disk:nvme debugfs')
    # Interrupt entries of 32 bits
    yield AmdRow('debugfs-amd-ga-off', iommu='ga=off', remap='xapic',
                 devices='vblk nvme', tests='disk:vblk disk:nvme debugfs')


def amd_io_rows():
    for tables in ('v1', 'v2'):
        for mode in ('strict', 'lazy'):
            yield AmdRow(f'newest-amd-{tables}-{mode}', mode=mode,
                         append=f'amd_iommu=pgtbl_{tables}')
    yield AmdRow('newest-amd-pt', mode='pt', **SMALL)
    yield AmdRow('newest-amd-everything', iommu='profile=everything',
                 append='amd_iommu=pgtbl_v2', **MEDIUM)


def amd_selftest_rows():
    for name, tests, more in (
            ('device', 'vfio_pci_device_test:testdev '
                       'vfio_iommufd_setup_test:testdev', {}),
            ('mapping', 'vfio_dma_mapping_test:testdev '
                        'vfio_dma_mapping_mmio_test:testdev', {}),
            ('driver', 'vfio_pci_driver_test:igb:iommufd', {
                'devices': 'vblk igb',
                'provoked': {'second': AMD_PROVOKED}})):
        yield AmdRow(f'selftest-amd-vfio-{name}', iommu=AMD,
                     **{**SELFTEST, **more},
                     tests=' '.join(f'selftest:{test}'
                                    for test in tests.split()) + ' disk:vblk')


# -------------------------------------------------------------- virtio-iommu

# VFIO wants to hear that interrupts are not remapped.
UNSAFE = 'vfio_iommu_type1.allow_unsafe_interrupts=1 ' \
         'iommufd.allow_unsafe_interrupts=1'


def virtio_rows():
    for mode in ('strict', 'lazy', 'pt'):
        yield VioRow(f'own-{mode}', mode=mode)
    for name, tests, more in (
            ('device', 'vfio_pci_device_test:testdev '
                       'vfio_iommufd_setup_test:testdev',
             # Several MSI vectors are for interrupt remapping only.
             {'broken': {'vfio_pci_device_test':
                         r'vfio_pci_irq_test\.msi\.enable_trigger_disable'}}),
            ('mapping', 'vfio_dma_mapping_test:testdev '
                        'vfio_dma_mapping_mmio_test:testdev', {}),
            ('driver', 'vfio_pci_driver_test:igb:iommufd', {
                'devices': 'vblk igb', 'unfit': virtio.NO_FLAGS,
                'provoked': {'second': r'page fault from EP 40 at '
                                       r'0x80000[0-9a-f]{3} \[[RW]\]'}})):
        yield VioRow(f'vfio-{name}', **{
            **SELFTEST, 'append': f'{SELFTEST["append"]} {UNSAFE}', **more},
            tests=' '.join(f'selftest:{test}' for test in tests.split()) +
                  ' disk:vblk')


def rows():
    return [*io_rows(), *iommufd_rows(), *debugfs_rows(), *selftest_rows(),
            *amd_io_rows(), *amd_iommufd_rows(), *amd_debugfs_rows(),
            *amd_selftest_rows(), *virtio_rows(), *nested.own()]
