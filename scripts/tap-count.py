#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the test cases in meson's log: prints "passed failed skipped".

A program that speaks TAP counts once a case; any other counts once.  A
program that died counts as a failure whatever it had printed before.
"""

import json
import re
import sys

CASE = re.compile(r'^(not )?ok\b(?!.*#\s*SKIP)')
SKIP = re.compile(r'^ok\b.*#\s*SKIP', re.IGNORECASE)


def count(entry):
    lines = entry.get('stdout', '').splitlines()
    passed = sum(1 for line in lines
                 if CASE.match(line) and line.startswith('ok'))
    failed = sum(1 for line in lines if line.startswith('not ok'))
    skipped = sum(1 for line in lines if SKIP.match(line))
    good = entry['result'] in ('OK', 'EXPECTEDFAIL')
    if entry['result'] == 'SKIP' and not skipped:
        skipped = 1
    elif not good and entry['result'] != 'SKIP' and not failed:
        failed = 1
    elif good and not passed + failed + skipped:
        passed = 1
    return passed, failed, skipped


def main():
    totals = [0, 0, 0]
    with open(sys.argv[1], encoding='utf-8') as log:
        for line in log:
            for i, n in enumerate(count(json.loads(line))):
                totals[i] += n
    print(*totals)


if __name__ == '__main__':
    main()
