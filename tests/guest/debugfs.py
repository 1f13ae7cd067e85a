# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own dumps of an IOMMU and its tables (debugfs), compared with
what the device says of itself: VT-d, then AMD-Vi."""

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


# -------------------------------------------------------------------- AMD-Vi

# AMD's specification 3.2.1 "Capability Header" and 3.2.2: capability 0fh of
# type 3, then the base address, which has Enable in bit 0.
AMD_CAPABILITY, AMD_CAPABILITY_MASK = 0x0003000f, 0x000700ff
CMD_HEAD, CMD_TAIL = 0x2000, 0x2008
# The IOMMU's function, for which the driver has no entry.
AMD_OWN = '00:00.2'


def parse_offsets(lines):
    """By offset: value."""
    found = {}
    for line in lines:
        match = re.match(r'Offset:(0x[0-9a-f]+) Value:(0x[0-9a-f]+)$', line)
        if match:
            found[int(match[1], 0)] = int(match[2], 0)
    return found


def wide_registers(registers):
    """In words of 64 bits, though some registers have 32."""
    found = {}
    for row in registers:
        offset = int(row['offset'], 0)
        shift = offset % 8 * 8
        found[offset - offset % 8] = (found.get(offset - offset % 8, 0) |
                                      int(row['value'], 0) << shift)
    return found


def compare_mmio(lines, registers):
    ours = wide_registers(registers)
    theirs = parse_offsets(lines)
    missing = [hex(offset) for offset in ours
               if offset not in theirs and offset < 0x5000]
    if missing:
        yield f'mmio lacks {missing}'
    for offset, value in sorted(theirs.items()):
        if value != ours.get(offset, 0):
            yield f'register {offset:#x}: the kernel read {value:#x}, ' \
                  f'the device says {ours.get(offset, 0):#x}'


def compare_command_buffer(lines, registers):
    """In entries of 16 bytes."""
    ours = wide_registers(registers)
    wanted = f'CMD Buffer Head Offset:{ours.get(CMD_HEAD, 0) >> 4} ' \
             f'Tail Offset:{ours.get(CMD_TAIL, 0) >> 4}'
    if list(lines) != [wanted]:
        yield f'cmdbuf: {lines}, not {wanted}'


def compare_capability(lines):
    words = parse_offsets(lines)
    if sorted(words) != [0, 4, 8, 12, 16, 20]:
        yield f'capability has {sorted(words)}'
    elif words[0] & AMD_CAPABILITY_MASK != AMD_CAPABILITY:
        yield f'capability: {words[0]:#x}'


def parse_device_table(lines):
    """By requester: four words."""
    found = {}
    for line in lines:
        match = re.match(r'0000:(..:..\..) ((?:[0-9a-f]{16} ){4})iommu0$', line)
        if match:
            found[match[1]] = [int(word, 16)
                               for word in reversed(match[2].split())]
    return found


def parse_interrupt_tables(lines):
    """By requester and index: words.  What has no table is not here."""
    found = {}
    sid = None
    for line in lines:
        if match := re.match(r'DeviceId 0000:(..:..\..)$', line):
            sid = match[1]
        elif match := re.match(r'IRT\[(\d+)\] ([0-9a-f ]+)$', line):
            found[sid, int(match[1])] = [int(word, 16) for word in
                                         reversed(match[2].split())]
    return found


def our_interrupts(functions):
    return {(row['sid'], entry['index']): [int(word, 0)
                                           for word in entry['entry']]
            for row in functions if 'interrupts' in row
            for entry in row['interrupts']['entries']}


def compare_device_table(lines, functions):
    theirs = parse_device_table(lines)
    ours = {row['sid']: [int(word, 0) for word in row['device-table-entry']]
            for row in functions if 'pasid' not in row and
            row['sid'] != AMD_OWN}
    yield from differences('entry of', ours, theirs)


def compare_amd(dumps, registers, tables):
    functions = tables['functions']
    yield from compare_capability(dumps.get('capability', ()))
    yield from compare_mmio(dumps.get('mmio', ()), registers)
    yield from compare_command_buffer(dumps.get('cmdbuf', ()), registers)
    yield from compare_device_table(dumps.get('devtbl', ()), functions)
    yield from differences('interrupt', our_interrupts(functions),
                           parse_interrupt_tables(dumps.get('irqtbl', ())))


# ------------------------------------------------------------------ the whole

def compare_intel(dumps, registers, tables):
    functions = tables['functions']
    yield from compare_registers(dumps.get('iommu_regset', ()), registers)
    yield from compare_entries(dumps.get('dmar_translation_struct', ()),
                               functions)
    for name, lines in sorted(dumps.items()):
        place, slash, file = name.rpartition('/')
        if slash and file == 'domain_translation_struct':
            yield from compare_mappings(place, lines, functions)


def compare(vendor, dumps, registers, tables):
    """dumps: lines by file, with the directory's name before it.  Yields what
    differs."""
    if not tables['complete']:
        yield 'the device has more to show than it shows'
    how = {'intel': compare_intel, 'amd': compare_amd}[vendor]
    yield from how(dumps, registers, tables)
