# SPDX-License-Identifier: GPL-2.0-or-later
"""Captured packets, for drivers in user space: files of libpcap's format."""

import collections
import random
import struct

# Of a file with packets: a whole number of MiB, because that is what a guest
# can cut out of a disk.
SIZE = 4 << 20

# Magic, version 2.4, no time zone, no accuracy, length of snapshots, Ethernet.
HEADER = struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
# Micro- and nanoseconds.
MAGICS = (0xa1b2c3d4, 0xa1b23c4d)
RECORD = struct.Struct('<IIII')

SMALLEST, LARGEST = 60, 1514
# To everyone, from a number that nobody has, of a type for experiments.
ETHERNET = bytes.fromhex('ffffffffffff 020000004e79 88b5')


def make(name):
    """Packets that are different for each name and the same in each run, which
    fill a file to the last byte."""
    source = random.Random(name)
    left = SIZE - len(HEADER)
    packets = []
    while left:
        size = left - RECORD.size
        if size > LARGEST:
            # The rest must be one packet more, or two.
            size = source.randint(SMALLEST, min(
                LARGEST, size - SMALLEST - RECORD.size))
        packets.append(ETHERNET + source.randbytes(size - len(ETHERNET)))
        left -= size + RECORD.size
    return packets


def encode(packets):
    return HEADER + b''.join(RECORD.pack(0, 0, len(one), len(one)) + one
                             for one in packets)


def decode(data):
    """The packets of a file that zeros may follow."""
    packets = []
    if len(data) < len(HEADER) or \
            struct.unpack_from('<I', data)[0] not in MAGICS:
        return packets
    place = len(HEADER)
    while place + RECORD.size <= len(data):
        _, _, size, _ = RECORD.unpack_from(data, place)
        place += RECORD.size
        if not size or place + size > len(data):
            break
        packets.append(data[place:place + size])
        place += size
    return packets


def difference(wanted, found):
    """What is wrong with the packets that came, or None.  Those that had to wait
    for a card may come after later ones."""
    lost = collections.Counter(wanted)
    lost.subtract(found)
    more = sum(-count for count in lost.values() if count < 0)
    less = sum(count for count in lost.values() if count > 0)
    if less or more:
        return f'of {len(wanted)} packets {less} are lost, and {more} came ' \
               f'that nobody sent'
    return None
