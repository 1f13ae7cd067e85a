# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own dumps of the unit and its tables (debugfs), compared with
what the device says of itself."""

import re

# VT-d specification 9.7 and 9.8: bits of a paging entry.
READ, WRITE = 1, 2
ADDRESS = 0x000ffffffffff000
PAGE_LG2 = (12, 21, 30)

# The kernel prints these, and hardware without the capability has none of
# them; what is not there reads as zero.
OPTIONAL = re.compile(r'P(RS|ECTL|EDATA|EADDR|EUADDR|QH|QT|QA)$|MTRR')


def differences(name, ours, theirs):
    """Both are dictionaries."""
    for key in sorted(ours.keys() | theirs.keys(), key=str):
        if ours.get(key) != theirs.get(key):
            yield f'{name} {key}: {ours.get(key)} but the kernel has ' \
                  f'{theirs.get(key)}'


# -------------------------------------------------------------- iommu_regset

def parse_registers(lines):
    """By offset: name and value."""
    found = {}
    for line in lines:
        match = re.match(r'(\w+)\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+)$', line)
        if match:
            found[int(match[2], 0)] = (match[1], int(match[3], 0))
    return found


def compare_registers(lines, registers):
    """registers: the property, a list."""
    ours = {int(row['offset'], 0): int(row['value'], 0) for row in registers}
    theirs = parse_registers(lines)
    if len(theirs) < 20:
        yield f'iommu_regset has only {len(theirs)} registers'
    for offset, (name, value) in sorted(theirs.items()):
        wanted = ours.get(offset)
        if wanted is None and OPTIONAL.match(name):
            wanted = 0
        if name == 'GCMD':
            # Write-only.
            wanted = 0
        if value != wanted:
            yield f'{name} at {offset:#x}: the kernel read {value:#x}, ' \
                  f'the device says {wanted}'


# --------------------------------------------------- dmar_translation_struct

def parse_entries(lines):
    """By requester and PASID (-1 in legacy mode): root and context entry, and
    three words of the PASID's."""
    word = '(0x[0-9a-f]{16})'
    row = re.compile(rf'(..:..\..)\s+{word}:{word}\s+{word}:{word}\s+'
                     rf'(-?\d+)\s+{word}:{word}:{word}')
    found = {}
    for line in lines:
        match = row.match(line)
        if match:
            words = [int(text, 16) for text in match.groups()[1:5]]
            pasid = [int(text, 16) for text in match.groups()[6:]]
            found[match[1], int(match[6])] = words + pasid
    return found


def our_entries(functions):
    found = {}
    for row in functions:
        root, context, pasid = (
            [int(text, 0) for text in row.get(name, ['0'] * 3)]
            for name in ('root-entry', 'context-entry', 'pasid-entry'))
        # As the kernel prints them: the high word first.
        found[row['sid'], row.get('pasid', -1)] = [
            root[1], root[0], context[1], context[0],
            pasid[2], pasid[1], pasid[0]]
    return found


def compare_entries(lines, functions):
    theirs = parse_entries(lines)
    if not theirs:
        yield 'dmar_translation_struct has no entries'
    yield from differences('entries of', our_entries(functions), theirs)


# ------------------------------------------------- domain_translation_struct

def parse_mappings(lines):
    """By IOVA: address, size and access; the last entry of a line is the
    leaf's, in the column of its level."""
    found = {}
    for line in lines:
        match = re.match(r'(0x[0-9a-f]+) \|\s+(.*)$', line)
        if not match:
            continue
        entries = [int(text, 16) for text in match[2].split()]
        # PML5E, PML4E, PDPE, PDE, PTE
        lg2 = PAGE_LG2[5 - len(entries)]
        leaf = entries[-1]
        # Rights are what all levels grant; PML5E is zero without a fifth.
        rights = READ | WRITE
        for entry in entries:
            rights &= entry or rights
        access = ('r' if rights & READ else '') + \
                 ('w' if rights & WRITE else '')
        found[hex(int(match[1], 16) << 12)] = (
            hex(leaf & ADDRESS & -(1 << lg2)), lg2, access)
    return found


def our_mappings(function):
    """Of nested tables the kernel shows the second stage."""
    rows = function.get('second-stage', function.get('first-stage', ()))
    return {row['iova']: (row['addr'], row['lg2'], row['access'])
            for row in rows}


def compare_mappings(place, lines, functions):
    """place: DEVICE or DEVICE/PASID, a directory of debugfs."""
    device, _, pasid = place.partition('/')
    sid = device.partition(':')[2]
    rows = [row for row in functions if row['sid'] == sid and
            row.get('pasid', 0) == int(pasid or '0', 16)]
    if len(rows) != 1:
        yield f'{place}: {len(rows)} entries'
        return
    if rows[0]['translation'] != 'pass-through' and \
            not any('Device' in line for line in lines):
        yield f'{place}: the kernel shows no domain'
    yield from differences(f'mapping of {place}', our_mappings(rows[0]),
                           parse_mappings(lines))


# ------------------------------------------------------------------ the whole

def compare(dumps, registers, tables):
    """dumps: lines by file, with the directory's name before it.  Yields what
    differs."""
    if not tables['complete']:
        yield 'the device has more to show than it shows'
    functions = tables['functions']
    yield from compare_registers(dumps.get('iommu_regset', ()), registers)
    yield from compare_entries(dumps.get('dmar_translation_struct', ()),
                               functions)
    for name, lines in sorted(dumps.items()):
        place, slash, file = name.rpartition('/')
        if slash and file == 'domain_translation_struct':
            yield from compare_mappings(place, lines, functions)
