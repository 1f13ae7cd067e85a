#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Gather QEMU's header-only headers, and what they include, in a directory.

The QEMU-free part of the code is compiled with that directory in place of
QEMU's, so that including anything else of QEMU is an error at once and not
an undefined symbol when a test is linked.
"""

import argparse
import os
import shutil
import subprocess
import sys


def included(args):
    """Return the names of all files that the wanted headers include."""
    text = "".join(f'#include "{name}"\n' for name in args.header)
    command = args.compiler + [
        "-D_GNU_SOURCE", "-x", "c", "-M", "-MT", "x", "-",
    ]
    for directory in directories(args):
        command += ["-I", directory]
    flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0"],
                           check=True, stdout=subprocess.PIPE, text=True)
    command += flags.stdout.split()
    rule = subprocess.run(command, input=text, check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    # A make rule: continuation lines, and spaces in names escaped.
    rule = rule.replace("\\\n", " ").replace("\\ ", "\0")
    # A file reached by two spellings is named twice.
    return {os.path.normpath(name.replace("\0", " "))
            for name in rule.split()[1:]}


def directories(args):
    """Return QEMU's include directories, the most specific first."""
    return [
        args.build,
        os.path.join(args.source, "include"),
        os.path.join(args.source, "host/include/x86_64"),
        os.path.join(args.source, "host/include/generic"),
    ]


def main():
    """Make the directory anew and print its name."""
    argv = sys.argv[1:]
    # The compiler's command comes first and may hold options of its own.
    split = argv.index("--source")
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("header", nargs="+")
    args = parser.parse_args(argv[split:])
    args.compiler = argv[:split]

    shutil.rmtree(args.output, ignore_errors=True)
    for name in included(args):
        for directory in directories(args):
            if name.startswith(directory + os.sep):
                link = os.path.join(args.output,
                                    os.path.relpath(name, directory))
                os.makedirs(os.path.dirname(link), exist_ok=True)
                os.symlink(name, link)
                break
    print(args.output)


if __name__ == "__main__":
    main()
