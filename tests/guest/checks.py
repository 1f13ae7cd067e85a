# SPDX-License-Identifier: GPL-2.0-or-later
"""What is checked of a guest: what it reported, its console, the device."""

import re

import amd
import arm
import intel
import nested
import userspace
import virtio

# What a kernel log must not hold. Faults are matched on their own.
BAD_LINES = re.compile(
    r'WARNING:|BUG:|Call Trace|Oops|rcu.*stall|Kernel panic|Firmware Bug|'
    r'nobody cared|hung_task|blocked for more than|NETDEV WATCHDOG|'
    r'nvme.*(timeout|abort)|ata\d+.*(exception|failed|timeout)|I/O error')

# What QEMU may say on stderr.
QEMU_NOISE = re.compile(r"warning: TCG doesn't support requested feature|"
                        r'warning: hub \d+ is not connected to host network')
# QEMU's own model says on stderr what it also reports to the guest.
QEMU_FAULTS = re.compile(r'vtd_iova_to_slpte:|vtd_iommu_translate:|'
                         r'virtio_iommu_translate |'
                         r'no buffer available in event queue')

# What Linux leaves when a tick of the 8259 comes between the switch to
# interrupt remapping and check_timer(): handle_edge_irq() unmasks the IOAPIC's
# timer entry, whose upper half is still zero. The unit blocks such interrupts,
# which are of the compatibility format; intel-iommu lets them by. It takes a
# hundred boots or more to see it, so such a row is simply run again.
TIMER_RACE = re.compile(
    r'kernel log: .*DMAR: (DRHD: handling fault status reg 2|\[INTR-REMAP\] '
    r'Request device \[ff:00\.0\] fault index 0x0 \[fault reason 0x25\].*)$|'
    r"guest mistakes: \[\{[^{]*\{[^{]*'sid': 'ff:00\.0', 'value': '0x25'\}"
    r"[^{]*\{[^{]*\}\}\]$|"
    r"faults counted: \['0x25'\]$|"
    r"guest mistakes: (?!.*'rule'.*'rule')(?=.*'sid': '00:14\.0')"
    r"(?=.*'amdvi\.fault\.interrupt').*'addr': '0xfffffffdf8000000'|"
    r"faults counted: \['irq-not-enabled'\]$|"
    r"events lost: .*'events-lost': 1\b")


# A processor that idles although the timer of its own APIC should have fired:
# TCG on a host that stood still while the kernel measured that timer. Such an
# interrupt passes no IOMMU.
LOST_TIMER = re.compile(r'rcu: \tPossible timer handling issue on cpu=\d')

# TCG's own: a processor still has the sections of a memory map that has been
# replaced and freed. It took a thousand rows on a busy machine to see it.
FREED_SECTIONS = re.compile(r'iotlb_to_section: Assertion .* failed')


# By the vendor of a row: the lines and checks of the kernel's driver.
DRIVERS = {'intel': intel, 'amd': amd, 'virtio': virtio}


class Findings:
    """The checks of one row."""

    def __init__(self):
        self.passed = []
        self.failed = []

    def check(self, name, good, detail=''):
        if good:
            self.passed.append(name)
        else:
            self.failed.append(f'{name}: {detail}' if detail else name)


def check_tests(row, reports, findings):
    for test in row.tests.split():
        if test in reports.passed and test not in reports.failed:
            findings.check(test, True)
        else:
            findings.check(test, False, '; '.join(
                note for note in reports.notes
                if note.startswith(test.split(':')[0])) or 'not passed')
    boots = 2 if row.reset else 1
    findings.check('end', reports.done == boots,
                   f'the guest came to its end {reports.done} times')


def expected_sums(row):
    """The names of the sums that the tests of a row must report."""
    names = set()
    for test in row.tests.split():
        kind, *args = test.split(':')
        if kind in ('disk', 'hotplug'):
            names |= {f'{args[0]}.{what}' for what in
                      ('read', 'direct', 'back')}
        elif kind == 'net':
            names |= {f'{args[0]}.{what}' for what in ('tftp', 'tcp', 'up')}
        elif kind == 'retype':
            names |= {f'{args[0]}.{what}' for what in
                      ('identity', 'DMA', 'DMA-FQ')}
        elif kind == 'vhost':
            names |= {f'{args[0]}.{what}' for what in ('there', 'again')}
        elif kind == 'busy':
            names |= {f'{disk}.{what}' for disk in args[2:]
                      for what in ('read', 'back')}
    return names


def check_sums(row, made, reports, findings):
    for name, value in reports.sums:
        findings.check(f'sum {name}', value == made.sums.get(name),
                       f'{value or "nothing"} is not {made.sums.get(name)}')
    missing = expected_sums(row) - {name for name, _ in reports.sums}
    findings.check('all sums', not missing, f'no {sorted(missing)}')
    if '-snapshot' in row.qemu:
        return
    for test in row.tests.split():
        kind, *args = test.split(':')
        for name in {'disk': args[:1], 'hotplug': args[:1],
                     'busy': args[2:]}.get(kind, ()):
            problem = made.disks[name].problem()
            findings.check(f'image {name}', problem is None, problem)


def check_log(row, reports, lines, findings):
    expected = []
    for said in reports.rogues:
        device, operation, address = said.split()
        expected.append(re.compile(row.faults[operation].format(
            device=re.escape(device), address=address,
            endpoint=virtio.endpoint(device))))
    expected += map(re.compile, row.provoked.values())
    for pattern in expected:
        findings.check('fault reported',
                       any(pattern.search(line) for line in lines),
                       f'no line {pattern.pattern}')
    for pattern in row.says:
        findings.check('kernel says',
                       any(re.search(pattern, line) for line in lines),
                       f'no line {pattern}')
    findings.check('rogues', bool(reports.rogues) == bool(row.faults),
                   f'rogue requests: {reports.rogues}')
    driver = DRIVERS[row.vendor]
    for line in lines:
        if driver.noise(row, line):
            continue
        bad = BAD_LINES.search(line) or driver.BAD_LINES.search(line)
        if driver.FAULT_LINES.search(line) and \
                not any(p.search(line) for p in expected):
            bad = bad or not driver.follows(row, line)
        if bad:
            findings.check('kernel log', False, line)
    findings.check('kernel log', True)


def check_boot(row, made, reports, lines, findings):
    DRIVERS[row.vendor].check_boot(row, reports, lines, findings)
    findings.check('groups', bool(reports.groups) ==
                   (row.mode != 'off'),
                   reports.groups)
    for number, (kind, devices) in reports.groups.items():
        wanted = row.domains.get(len(devices) == 1 and devices[0][5:],
                                 row.domain)
        findings.check(f'group {number}', kind == wanted,
                       f'{kind} instead of {wanted}: {devices}')
    check_interrupts(row, made, reports, findings)


def check_interrupts(row, made, reports, findings):
    """Interrupts came, and through the unit when it remaps."""
    prefix = '' if row.remap == 'off' else 'IR-'
    arch = arm.ARCHES[row.arch]
    for name in [*arch.interrupts, *made.interrupts]:
        lines = [line for line in reports.irqs
                 if re.search(rf'\b{name}', line.split(':', 1)[1])]
        count = sum(int(word) for line in lines
                    for word in line.split()[1:3] if word.isdigit())
        findings.check(f'interrupts {name}', count > 0, lines)
        wrong = [line for line in lines
                 if not re.search(rf'\s{prefix}{arch.chips}', line)]
        findings.check(f'interrupt chip {name}', not wrong, wrong)


def check_plugged(row, reports, findings):
    for test in row.tests.split():
        if test.startswith('hotplug:'):
            name = test.split(':')[1]
            findings.check(f'domain of {name}',
                           reports.plugged.get(name) == row.domain,
                           reports.plugged)


def check_rounds(row, reports, findings):
    for test in row.tests.split():
        if test.startswith('busy:'):
            for disk in test.split(':')[3:]:
                rounds = reports.rounds.get(disk, [(0, 0)])
                findings.check(f'rounds {disk}',
                               all(a > b > 0 for b, a in rounds), rounds)


def check_hwinfo(row, reports, findings):
    """IOMMU_GET_HW_INFO returned the registers, as the unit has them."""
    wanted = 'iommufd:info' in row.tests.split()
    findings.check('hardware info', bool(reports.hwinfo) == wanted)
    values = {entry['name']: int(entry['value'], 0)
              for entry in reports.registers}
    for name in DRIVERS[row.vendor].HARDWARE_INFO if wanted else ():
        findings.check(f'hardware info {name}',
                       reports.hwinfo.get(name) == values.get(name, -1),
                       f'{reports.hwinfo} {values.get(name)}')


def check_dumps(row, reports, findings):
    """What the kernel's debugfs shows is what the device shows."""
    if any(test.startswith('debugfs') for test in row.tests.split()):
        findings.check('dumps', not reports.differences,
                       '; '.join(reports.differences[:20]))


def check_selftests(row, reports, findings):
    """Programs of the kernel's tree: all their tests were done, none failed
    but those that a row knows to be broken, and none was skipped but as many
    as it says."""
    for test in row.tests.split():
        kind, name, *_ = test.split(':') + ['']
        if kind != 'selftest':
            continue
        planned, skipped, passed, failed = reports.selftests.get(
            name, (-1, 0, 0, 0))
        known = row.broken.get(name, r'(?!)')
        broken = [one for one in reports.broken.get(name, ())
                  if not re.fullmatch(known, one)]
        findings.check(f'selftests of {name}', passed and not broken and
                       failed == len(reports.broken.get(name, ())) and
                       skipped == row.skips.get(name, 0) and
                       planned == skipped + passed + failed,
                       f'{planned} planned, {passed} passed, {failed} failed, '
                       f'{skipped} skipped: {broken}')


def judge_inner(row, reports, findings):
    """The guest in the guest is judged like any other."""
    findings.check('inner guest', reports.inner)
    if not reports.inner:
        return
    found = Findings()
    made, inner, lines = reports.inner
    reports.rogues += nested.faults(made, inner)
    inner.rogues.clear()
    said = [line for line in inner.stderr if not nested.NOISE.search(line)]
    judge(row.inner, made, inner, lines, '\n'.join(said), found, device=nested)
    findings.check('inner statistics', inner.stats)
    findings.passed += [f'inner {name}' for name in found.passed]
    findings.failed += [f'inner {name}' for name in found.failed]


def judge(row, made, reports, lines, stderr, findings, device=None):
    device = device or DRIVERS[row.vendor]
    if row.inner:
        judge_inner(row, reports, findings)
    check_tests(row, reports, findings)
    check_sums(row, made, reports, findings)
    check_rounds(row, reports, findings)
    check_plugged(row, reports, findings)
    check_log(row, reports, lines, findings)
    check_boot(row, made, reports, lines, findings)
    check_hwinfo(row, reports, findings)
    check_dumps(row, reports, findings)
    check_selftests(row, reports, findings)
    nested.check_tap(row, reports, findings)
    userspace.check(row, made, reports, findings)
    if reports.stats:
        device.check_device(row, reports, findings)
    words = [line for line in stderr.splitlines()
             if line and not QEMU_NOISE.search(line) and
             not userspace.noise(row, line) and
             not ((row.faults or row.blocked) and QEMU_FAULTS.search(line))]
    findings.check('QEMU is quiet', not words, words)


def observed(reports, lines):
    """What must be the same when one model is swapped for another."""
    facts = {f'group of {device}': kind
             for kind, devices in reports.groups.values()
             for device in devices}
    facts['members'] = sorted(tuple(sorted(devices))
                              for _, devices in reports.groups.values())
    for line in lines:
        # Not the capabilities and flags, of which a model may have more, nor
        # the address width: ours is that of the processor.
        found = re.search(r'(DMAR(-IR)?: (?!dmar0|.* flags:|Host addr).*)',
                          line)
        if found:
            facts[found.group(1)] = True
    facts['sums'] = sorted(reports.sums)
    facts['interrupts'] = sorted(
        re.sub(r'^\d+:( +\d+)+ +', '', line) for line in reports.irqs)
    return facts


# ----------------------------------------------------------- whose fault it was

def is_timer_race(findings):
    return findings.failed and all(TIMER_RACE.match(line)
                                   for line in findings.failed)


def any_says(directory, logs, pattern):
    return any(pattern.search(log.read_text(errors='replace'))
               for log in directory.glob(f'*/{logs}'))


def why_it_ended(directory):
    """What ended a row's guest early, if it was none of ours."""
    if any_says(directory, 'serial.log', LOST_TIMER):
        return "a processor's own timer has stopped"
    if any_says(directory, 'qemu*.stderr', FREED_SECTIONS):
        return 'QEMU lost its memory map'
    return None
