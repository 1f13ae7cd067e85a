#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures IOMMU models side by side: the same tables and requests behind
each, taken in turns in one run; prints medians and ratios."""

import argparse
import fnmatch
import itertools
import sys

import output
import rows_dma
import rows_guest
import rows_invalidate
import rows_notify
import rows_requests
from subjects import Lab


def all_rows():
    return itertools.chain(rows_dma.rows(), rows_invalidate.rows(),
                           rows_notify.rows(), rows_requests.rows(),
                           rows_guest.rows())


def chosen(options):
    """The rows to run; a pattern may be any part of "section: name"."""
    for row in all_rows():
        name = f'{row.section}: {row.name}'.lower()
        if options.only:
            if any(fnmatch.fnmatchcase(name, f'*{pattern.lower()}*')
                   for pattern in options.only):
                yield row
        elif row.quick or not options.quick:
            yield row


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--qemu', required=True, help='the wrapper')
    parser.add_argument('--quick', action='store_true',
                        help='the main cases only, in under three minutes')
    parser.add_argument('--only', metavar='PATTERN', action='append',
                        help='these rows only; may be given again')
    parser.add_argument('--list', action='store_true', help='only list rows')
    parser.add_argument('--rounds', type=int, default=0,
                        help='default: 9, or 5 with --quick')
    parser.add_argument('--json', metavar='FILE', help='write results there')
    parser.add_argument('--plot', metavar='FILE.svg', help='draw them there')
    return parser.parse_args()


def main():
    options = parse_arguments()
    rounds = options.rounds or (5 if options.quick else 9)
    table = list(chosen(options))
    if not table:
        sys.exit('bench.py: no such row')
    if options.list:
        for row in table:
            print(f'{row.section}: {row.name}')
        return 0
    lines = output.Table(rounds)
    results = []
    lab = Lab(options.qemu)
    try:
        for row in table:
            results.append(row.measure(lab, rounds, options.quick))
            print('\n'.join(lines.lines(results[-1])), flush=True)
    finally:
        lab.close()
    if options.json:
        output.write_json(options.json, results, rounds, options.qemu)
    if options.plot:
        output.write_plot(options.plot, results)
    return 0


if __name__ == '__main__':
    sys.exit(main())
