# SPDX-License-Identifier: GPL-2.0-or-later
"""What some guests have besides busybox and our programs: a QEMU of their own,
drivers in user space.  A payload is chosen by its name in a row."""

import pathlib
import re
import subprocess

from initramfs import Payload

HERE = pathlib.Path(__file__).resolve().parent

VFIO = ('vfio_pci', 'vfio_iommu_type1')

# Where a payload has its tests, functions of the shell that init reads.
TESTS = 'bin/nyx-tests'


def with_libraries(programs):
    """Programs of this machine by their paths in the guest, and the libraries
    they are linked with where their loader looks for them."""
    files = {target.lstrip('/'): pathlib.Path(source)
             for target, source in programs.items()}
    for program in set(files.values()):
        listing = subprocess.run(['ldd', program], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        for path in re.findall(r'(?:=> |^\s)(/\S+) \(', listing, re.M):
            files[path.lstrip('/')] = pathlib.Path(path)
    return files


# By name: what fetch.sh has to get, and a function that makes it of the name of
# a kernel and the files that were got.
PAYLOADS = {
    '': ((), lambda kernel, files: Payload()),
}


def needs(name):
    return PAYLOADS[name][0]


def make(name, kernel, files):
    return PAYLOADS[name][1](kernel, files)
