# SPDX-License-Identifier: GPL-2.0-or-later
"""What is made of results: lines of a table, JSON, a plot."""

import json
import os
import re
import shutil
import statistics
import subprocess

from qvm import ROOT

NAME_WIDTH = 52
CELL = 11
DIGITS = {'ns': 1, 'ms': 4, 'ops/s': 0}
# What takes less than this cannot be told from nothing.
FLOOR = {'ns': 0.5, 'ms': 0.001, 'ops/s': 0}


def medians(result):
    return {name: statistics.median(values)
            for name, values in result.samples.items()}


def ratio(result):
    """Ours to the peer's, or None."""
    middle = medians(result)
    if not {'peer', 'nyx'} <= set(middle):
        return None
    floor = FLOOR[result.unit]
    return max(middle['nyx'], floor) / max(middle['peer'], floor)


def verdict(result):
    """Whether the row's goal is met, in words."""
    value, of = ratio(result), ''
    if value is None or not result.goal:
        return ''
    if result.goal_of:
        of = f' of the {result.goal_of}'
        value = (result.facts['nyx'][result.goal_of] /
                 result.facts['peer'][result.goal_of])
    word = 'meets' if value <= result.goal else 'misses'
    return f'{word} {result.goal:g}{of}'


# ---------------------------------------------------------------------- table

class Table:
    """Lines for a terminal, a header when a section begins."""

    def __init__(self, rounds):
        self.rounds = rounds
        self.section = None

    def header(self, result):
        if result.section == self.section:
            return []
        first = self.section is None
        self.section = result.section
        title = f'{result.section} ({result.unit})'
        cells = ''.join(f'{title:>{CELL}}' for title in result.titles.values())
        return ([f'medians of {self.rounds} rounds'] if first else []) + \
            ['', f'{title:{NAME_WIDTH}}{cells}{"ratio":>8}']

    def lines(self, result):
        middle, value = medians(result), ratio(result)
        digits = DIGITS[result.unit]
        cells = ''.join(
            f'{middle[name]:{CELL}.{digits}f}' if name in middle
            else f'{"-":>{CELL}}'
            for name in result.titles)
        shown = f'{value:8.3g}' if value is not None else f'{"-":>8}'
        line = f'{result.name:{NAME_WIDTH}}{cells}{shown}  {verdict(result)}'
        return [*self.header(result), line.rstrip(), *self.remarks(result)]

    @staticmethod
    def remarks(result):
        """Counters, and why a column is empty."""
        for name, facts in result.facts.items():
            words = ', '.join(f'{value} {what}'
                              for what, value in facts.items())
            yield f'    {result.titles[name]}: {words}'
        for name, reason in result.reasons.items():
            yield f'    {result.titles[name]}: {reason}'


# ----------------------------------------------------------------------- JSON

def versions(qemu):
    """Of what was measured."""
    line = subprocess.run([qemu, '--version'], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.splitlines()[0]
    with open(os.path.join(ROOT, 'meson.build'), encoding='utf-8') as text:
        plugin = re.search(r"version: '([\d.]+)'", text.read())[1]
    commit = None
    if shutil.which('git'):
        commit = subprocess.run(['git', '-C', ROOT, 'describe', '--always',
                                 '--dirty'], check=False, text=True,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL).stdout.strip()
    return {'qemu': line, 'nyx-iommu': plugin, 'commit': commit or None}


def as_dict(result):
    return {
        'section': result.section,
        'name': result.name,
        'unit': result.unit,
        'goal': result.goal or None,
        'goal_of': (result.goal_of or 'time') if result.goal else None,
        'ratio': ratio(result),
        'titles': result.titles,
        'subjects': {
            name: {
                'median': statistics.median(values),
                'min': min(values),
                'max': max(values),
                'samples': values,
            } for name, values in result.samples.items()},
        'facts': result.facts,
        'reasons': result.reasons,
    }


def write_json(path, results, rounds, qemu):
    with open(path, 'w', encoding='utf-8') as out:
        json.dump({
            'versions': versions(qemu),
            'rounds': rounds,
            'cpus': os.cpu_count(),
            'results': [as_dict(result) for result in results],
        }, out, indent=1)
        out.write('\n')


# ----------------------------------------------------------------------- plot

# Colours that can be read on white and on black.
INK, FASTER, SLOWER = '#808080', '#3a87c8', '#d9772b'

PLOT = '''\
$bars << END
{bars}
END
set terminal svg size 900,{height} dynamic font "sans-serif,12" linewidth 1
set output "{output}"
set encoding utf8
unset key
set border 1 linecolor rgb "{ink}"
set logscale x
set xrange [{low}:{high}]
set yrange [{rows}:-1]
set xtics nomirror textcolor rgb "{ink}" ("1/1000" 0.001, "1/100" 0.01, \\
    "1/10" 0.1, "1/2" 0.5, "1" 1, "2" 2, "10" 10)
set ytics scale 0 textcolor rgb "{ink}" ({labels}) noenhanced
set lmargin 50
set rmargin 8
set title "Time of Nyx, QEMU's own device is 1" textcolor rgb "{ink}" noenhanced
set arrow from 1,-1 to 1,{rows} nohead linecolor rgb "{ink}"
set style fill solid noborder
plot $bars using (1):1:2:3:4:5:6 with boxxyerror linecolor rgb variable, \\
     $bars using 7:1:8 with labels left offset 0.5,0 textcolor rgb "{ink}" \\
     noenhanced
'''


def bars(results):
    """(section and name, cost compared with the peer's) of rows with both."""
    for result in results:
        value = ratio(result)
        if value:
            # More operations a second are less time for each.
            yield result, 1 / value if result.unit == 'ops/s' else value


def write_plot(path, results):
    """Horizontal bars, to the left of 1 where we are faster."""
    shown = list(bars(results))
    if not shown:
        raise SystemExit('--plot: no row has been measured with both models')
    values = [value for _, value in shown]
    low, high = min(values + [0.5]) / 2, max(values + [1.5]) * 2
    labels, lines = [], []
    for row, (result, value) in enumerate(shown):
        text = f'{result.section.partition(",")[0].partition(" (")[0]}: ' \
               f'{result.name}'
        labels.append(f'"{text}" {row}')
        colour = int((FASTER if value <= 1 else SLOWER)[1:], 16)
        lines.append(f'{row} {min(value, 1):g} {max(value, 1):g} '
                     f'{row - 0.35:g} {row + 0.35:g} {colour} '
                     f'{max(value, 1):g} {value:.2g}')
    script = PLOT.format(
        height=80 + 18 * len(shown), output=path, bars='\n'.join(lines),
        ink=INK, low=f'{low:g}', high=f'{high:g}', rows=len(shown),
        labels=', '.join(labels))
    subprocess.run(['gnuplot', '-'], input=script, text=True, check=True)
