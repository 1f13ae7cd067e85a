#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark itself: what it makes of numbers, and one short run of a row
of each kind.  Of how long anything takes, only that it is known.

usage: bench-test.py WRAPPER
"""

import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'bench'))
import output  # pylint: disable=wrong-import-position
from subjects import VTD, Result  # pylint: disable=wrong-import-position

FAST = Result('requests', 'fast', 'ns', {'none': [1], 'peer': [90, 100, 110],
                                         'nyx': [40, 30, 50]}, VTD,
              0.5)
SLOW = Result('a whole guest', 'slow', 'ops/s', {'peer': [200], 'nyx': [100]},
              VTD)
EVENTS = Result('a listener', 'few', 'ms', {'peer': [8], 'nyx': [4]}, VTD, 0.01,
                'maps', {'peer': {'maps': 1000}, 'nyx': {'maps': 11}})
REFUSED = Result('a listener', 'refused', 'ms', {'peer': [8]}, VTD, 0.01, 'maps',
                 {'peer': {'maps': 1000}}, {'nyx': 'does not want to'})

RUNS = (
    ('requests: 4 b read, one page', {'none', 'floor', 'peer', 'nyx'}),
    ('requests, amd-vi: 4 b read, one page',
     {'none', 'floor', 'peer', 'nyx'}),
    ('interrupts, amd-vi', {'none', 'peer', 'nyx'}),
    ('iotlb (1024 entries): 4 b read, 1152', {'peer', 'nyx'}),
    ('interrupts: one', {'none', 'peer', 'nyx'}),
    ('invalidation: one domain, 16 cached, its own', {'peer', 'nyx'}),
    (': mapped, one command, scattered', {'peer', 'nyx'}),
    ('requests, virtio-iommu: 4 b read, one page',
     {'none', 'floor', 'peer', 'nyx'}),
    ('map and unmap, virtio-iommu: map, 1,000 mapped, scattered',
     {'peer', 'nyx'}),
    ('2-mib requests', {'peer', 'nyx'}),
)


def run(qemu, *options):
    """The end status of the benchmark, and its JSON if it wrote any."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'json')
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, 'bench', 'bench.py'),
             '--qemu', qemu, '--quick', '--rounds', '2', '--json', path,
             *options], check=False, stdout=subprocess.DEVNULL)
        if not os.path.exists(path):
            return done.returncode, None
        with open(path, encoding='utf-8') as text:
            return done.returncode, json.load(text)


def known(written, names):
    """One row, with samples or a reason for each subject."""
    if written is None or len(written['results']) != 1:
        return False
    row = written['results'][0]
    return set(row['subjects']) | set(row['reasons']) == names and all(
        len(subject['samples']) in (1, 2) and subject['median'] > 0 and
        subject['min'] <= subject['median'] <= subject['max']
        for subject in row['subjects'].values())


def checks(qemu):
    """What is looked at, and whether it is good."""
    yield 'ratio of medians', output.ratio(FAST) == 0.4
    yield 'a goal met', output.verdict(FAST) == 'meets 0.5'
    yield 'a goal of events missed', \
        output.verdict(EVENTS) == 'misses 0.01 of the maps'
    yield 'no ratio without both', output.ratio(REFUSED) is None
    yield 'a reason is printed', \
        '    nyx-vtd: does not want to' in output.Table(1).lines(REFUSED)
    yield 'bars are times', [value for _, value in output.bars(
        [FAST, SLOW, EVENTS, REFUSED])] == [0.4, 2, 0.5]
    yield 'no such row', run(qemu, '--only', 'nothing of that name') == \
        (1, None)
    for pattern, names in RUNS:
        status, written = run(qemu, '--only', pattern)
        yield pattern, status == 0 and known(written, names)


def main():
    failed = number = 0
    for number, (name, good) in enumerate(checks(sys.argv[1]), 1):
        failed += not good
        print(f'{"ok" if good else "not ok"} {number} - {name}', flush=True)
    print(f'1..{number}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
