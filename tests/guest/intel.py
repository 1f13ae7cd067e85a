# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests behind VT-d: what is checked in a way of its own because the kernel
has another driver for it."""

import re

FAULT_LINES = re.compile(r'DMAR: (\[|DRHD: handling fault)|'
                         r'dmar_fault: \d+ callbacks suppressed')
BAD_LINES = re.compile(
    r'DMAR:.*([Ff]ail|Invalid|broken|detected.*error)|'
    r'Translation .*already enabled|enabled prior to OS')

# What IOMMU_GET_HW_INFO returns.
HARDWARE_INFO = ('CAP', 'ECAP')

# Fault reasons of the rogue requests, VT-d specification 7.1.3: those of the
# helper, then those that nyx-iommufd makes in scalable mode.
FAULT_REASONS = {'write': '0x5', 'read': '0x6', 'msi': '0x25',
                 'first': '0x71', 'second': '0x79', 'beyond': '0x79',
                 'tables': '0x79', 'pasid': '0x59', 'sva-present': '0x71',
                 'sva-user': '0x81', 'sva-write': '0x85'}

# All others are vtd.fault.dma.
MISTAKES = {'msi': 'vtd.fault.interrupt'}

# Where an option shows in the capability registers, bit by bit: VT-d
# specification 11.4.2 "Capability Register", 11.4.3 "Extended Capability".
OPTION_BITS = {
    'caching-mode': ('cap', 7),
    'device-iotlb': ('ecap', 2),
    'intremap': ('ecap', 3),
    'eim': ('ecap', 4),
    'pt': ('ecap', 6),
    'snoop-control': ('ecap', 7),
    'page-requests': ('ecap', 29),
}


def noise(_row, _line):
    """Whether a line that looks bad is none."""
    return False


def follows(row, line):
    """Whether a fault line is there only because of other, expected ones."""
    # "handling fault status" comes before an expected fault, and of many
    # provoked ones the kernel does not print all.
    return bool(row.faults or row.provoked) and 'handling fault' in line or \
        bool(row.provoked) and 'suppressed' in line


def check_capabilities(row, lines, findings):
    """The options must be in the registers; the kernel prints these."""
    found = [match for line in lines for match in
             re.finditer(r'DMAR: dmar0: .* cap ([0-9a-f]+) ecap ([0-9a-f]+)',
                         line)]
    findings.check('one unit', bool(found), 'no line "DMAR: dmar0: ..."')
    if not found:
        return
    cap, ecap = (int(text, 16) for text in found[0].groups())
    for option, value in row.options.items():
        if option == 'aw-bits':
            width = (cap >> 16 & 0x3f) + 1
            findings.check(option, width == int(value), f'{width} bits')
        elif option in OPTION_BITS:
            register, bit = OPTION_BITS[option]
            word = {'cap': cap, 'ecap': ecap}[register]
            findings.check(option, bool(word >> bit & 1) == (value == 'on'),
                           f'{register} {word:#x}')


REMAP_LINES = {
    'x2apic': 'DMAR-IR: Enabled IRQ remapping in x2apic mode',
    'xapic': 'DMAR-IR: Enabled IRQ remapping in xapic mode',
    'off': 'DMAR-IR: Enabled IRQ remapping',
}


def check_boot(row, reports, lines, findings):
    check_capabilities(row, lines, findings)
    text = '\n'.join(lines)
    translating = row.mode != 'off'
    findings.check('IOMMU enabled',
                   ('DMAR: IOMMU enabled' in text) == translating)
    findings.check('remapping mode',
                   (REMAP_LINES[row.remap] in text) == (row.remap != 'off'),
                   f'wanted: {row.remap}')
    # The kernel asks for the interrupt when it has set the queue up.
    findings.check('page request queue',
                   any('dmar0-prq' in line for line in reports.irqs) ==
                   row.page_requests, reports.irqs)


def check_device(row, reports, findings):
    check_others(row, reports, findings)
    check_first(row, reports, findings)


def check_first(row, reports, findings):
    """The model's own account of the run must fit the guest's."""
    stats = reports.stats
    # A stock kernel makes no mistakes, and the rogue's are listed as faults.
    rules = {mistake['rule'] for mistake in reports.mistakes}
    findings.check('guest mistakes', rules == {
        MISTAKES.get(operation, 'vtd.fault.dma')
        for operation in {**row.faults, **row.provoked}}, reports.mistakes)
    reasons = {fault['reason'] for fault in stats['faults']}
    findings.check('faults counted', reasons == {
        FAULT_REASONS[operation]
        for operation in {**row.faults, **row.provoked}},
                   sorted(reasons))
    orders = stats['invalidations']
    findings.check('queue errors', orders['queue-errors'] == 0, orders)
    findings.check('interrupts remapped',
                   (stats['interrupts-remapped'] > 0) == (row.remap != 'off'),
                   stats['interrupts-remapped'])
    if row.mode in ('strict', 'lazy'):
        hits = stats['iotlb']['hits'] > 0
        findings.check('IOTLB used', stats['iotlb']['misses'] > 0 and
                       hits == (row.options.get('cache') != 'off'),
                       stats['iotlb'])
        kinds = (('pasid-iotlb-pasid', 'pasid-iotlb-page') if row.first_stage
                 else ('iotlb-domain', 'iotlb-page'))
        findings.check('IOTLB invalidated',
                       any(orders[kind] for kind in kinds), orders)


def check_others(row, reports, findings):
    """Units behind the first one have work of their own to do."""
    findings.check('units', len(reports.others) == row.units - 1,
                   reports.others)
    for stats in reports.others:
        findings.check('unit: no faults', not stats['faults'], stats)
        findings.check('unit: queue errors',
                       stats['invalidations']['queue-errors'] == 0, stats)
        findings.check('unit: interrupts remapped',
                       (stats['interrupts-remapped'] > 0) ==
                       (row.remap != 'off'), stats)
        findings.check('unit: IOTLB used', row.mode == 'pt' or
                       stats['iotlb']['hits'] > 0, stats)
