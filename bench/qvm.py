# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine without a guest: QEMU driven over the qtest protocol."""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'guest'))
from qmp import Qmp  # pylint: disable=wrong-import-position

CHUNK = 1 << 16


def constants(header):
    """The #defines of a C header whose values are numbers, by name."""
    found = {}
    pattern = re.compile(r'#define\s+(\w+)\s+\(?(0x[0-9a-fA-F]+|\d+)u?l*'
                         r'(?: << (\d+))?')
    with open(os.path.join(ROOT, header), encoding='ascii') as lines:
        for line in lines:
            match = pattern.match(line)
            if match:
                found[match[1]] = int(match[2], 0) << int(match[3] or 0)
    return found


TD = constants('hw/nyx-iommu/testdev-regs.h')


class Refused(Exception):
    """The IOMMU does not offer what is wanted; says why."""


class Machine:
    """A q35 with test devices, and perhaps an IOMMU in front of them."""

    FIRST_SLOT = 4
    FIRST_BAR = 0xe0000000
    # Mappings that a test device can keep; 1 GiB of pages and some more.
    SHADOW_MAX = 300000

    def __init__(self, qemu, iommu, devices=1, memory='2G'):
        self.folder = tempfile.mkdtemp(prefix='nyx-bench-')
        path = os.path.join(self.folder, 'qtest')
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(0.2)
        args = [qemu, '-M', 'q35', '-accel', 'tcg', '-S', '-m', memory,
                '-display', 'none', '-nodefaults',
                '-qtest', f'unix:{path}', '-qtest-log', '/dev/null',
                '-qmp', f'unix:{self.folder}/qmp,server=on,wait=off']
        if iommu:
            args += ['-device', f'{iommu},id=iommu']
        for slot in range(self.FIRST_SLOT, self.FIRST_SLOT + devices):
            args += ['-device', f'nyx-testdev,addr={slot},id=td{slot},'
                                f'shadow-max={self.SHADOW_MAX}']
        self.process = subprocess.Popen(args)
        try:
            self.link = self._accept(listener)
            self.devices = [
                TestDevice(self, slot, self.FIRST_BAR + i * 0x100000)
                for i, slot in enumerate(
                    range(self.FIRST_SLOT, self.FIRST_SLOT + devices))]
        except OSError:
            # It has said why on stderr.
            self.close()
            sys.exit('bench: QEMU does not start')

    def _accept(self, listener):
        """QEMU's connection."""
        end = time.monotonic() + 30
        while True:
            try:
                link = listener.accept()[0]
                link.settimeout(None)
                return link.makefile('rwb')
            except TimeoutError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

    def property(self, device, name):
        """A property of a device, by the monitor."""
        monitor = Qmp(f'{self.folder}/qmp')
        try:
            return monitor.cmd('qom-get', path=f'/machine/peripheral/{device}',
                               property=name)
        finally:
            monitor.close()

    def command(self, text):
        self.link.write(text.encode() + b'\n')
        self.link.flush()
        words = self.link.readline().decode().split()
        if not words or words[0] != 'OK':
            raise RuntimeError(f'{text[:60]}: {" ".join(words)}')
        return words[1] if len(words) > 1 else None

    def write8(self, addr, value):
        self.command(f'writeb {addr:#x} {value:#x}')

    def write16(self, addr, value):
        self.command(f'writew {addr:#x} {value:#x}')

    def write32(self, addr, value):
        self.command(f'writel {addr:#x} {value:#x}')

    def write64(self, addr, value):
        self.command(f'writeq {addr:#x} {value:#x}')

    def read8(self, addr):
        return int(self.command(f'readb {addr:#x}'), 0)

    def read16(self, addr):
        return int(self.command(f'readw {addr:#x}'), 0)

    def read32(self, addr):
        return int(self.command(f'readl {addr:#x}'), 0)

    def read64(self, addr):
        return int(self.command(f'readq {addr:#x}'), 0)

    def store(self, addr, data):
        for at in range(0, len(data), CHUNK):
            part = data[at:at + CHUNK]
            text = base64.b64encode(part).decode()
            self.command(f'b64write {addr + at:#x} {len(part):#x} {text}')

    def load(self, addr, size):
        """So many bytes, in one command."""
        return base64.b64decode(self.command(f'b64read {addr:#x} {size:#x}'))

    def config(self, slot, register, value):
        self.command(f'outl 0xcf8 {1 << 31 | slot << 11 | register:#x}')
        self.command(f'outl 0xcfc {value:#x}')

    def read_config(self, slot, register):
        self.command(f'outl 0xcf8 {1 << 31 | slot << 11 | register:#x}')
        return int(self.command('inl 0xcfc'), 0)


class TestDevice:
    """nyx-testdev, by its registers."""

    def __init__(self, machine, slot, bar):
        self.machine = machine
        self.slot = slot
        self.bar = bar
        machine.config(slot, 0x10, bar)
        machine.config(slot, 0x04, 0x6)
        if self.read32('MAGIC') != TD['NYX_TD_MAGIC_VALUE']:
            raise RuntimeError(f'no nyx-testdev in slot {slot}')

    def read32(self, name):
        return self.machine.read32(self.bar + TD['NYX_TD_' + name])

    def read64(self, name):
        return self.machine.read64(self.bar + TD['NYX_TD_' + name])

    def write32(self, name, value):
        self.machine.write32(self.bar + TD['NYX_TD_' + name], value)

    def write64(self, name, value):
        self.machine.write64(self.bar + TD['NYX_TD_' + name], value)

    def start(self, run):
        """Start a timed run; run maps register names to values."""
        for name in ('BASE', 'STRIDE', 'COUNT', 'SEED'):
            self.write64('RUN_' + name, run[name])
        for name in ('THREADS', 'OP', 'ATTR', 'SLOTS', 'LEN', 'PATTERN',
                     'FLAGS'):
            self.write32('RUN_' + name, run[name])
        self.write32('RUN_CTRL', 1)

    def wait(self):
        """Nanoseconds that the run took."""
        pause = 0.0001
        while self.read32('RUN_STATUS') & 1:
            time.sleep(pause)
            pause = min(2 * pause, 0.002)
        status = self.read32('RUN_STATUS')
        if not status & 2 or status & 0x3c:
            raise RuntimeError(f'run ended with status {status:#x}, first '
                               f'error at {self.read64("RUN_ERR_ADDR"):#x}')
        return self.read64('RUN_ELAPSED')

    def messages(self, addr, data, count):
        """Nanoseconds a message takes, over count of them."""
        self.write64('MSI_ADDR', addr)
        self.write32('MSI_DATA', data)
        self.write32('MSI_SEND', count)
        if self.read32('MSI_STATUS'):
            raise RuntimeError('a message was refused')
        return self.read64('MSI_NS') / count

    def poke(self, addr, value):
        """Nanoseconds a write to a register of another device takes."""
        self.write64('POKE_ADDR', addr)
        self.write32('POKE', value)
        if self.read32('POKE_MEMTX'):
            raise RuntimeError(f'a write to {addr:#x} was refused')
        return self.read64('POKE_NS')

    def listen(self):
        """Seconds it takes to register for MAP and UNMAP events and to get
        what is mapped; a refusal's reason is raised."""
        self.write32('NOTIFY_CTRL', 0)
        self.clear_events()
        start = time.perf_counter()
        self.write32('NOTIFY_CTRL', TD['NYX_TD_NOTIFY_MAP'] |
                     TD['NYX_TD_NOTIFY_UNMAP'])
        spent = time.perf_counter() - start
        status = self.read32('NOTIFY_STATUS')
        if status & 2:
            raise Refused(self.machine.property(f'td{self.slot}',
                                                'notify-error'))
        if not status & 1:
            raise RuntimeError('no IOMMU region to listen to')
        return spent

    def ignore(self):
        """Listen no more."""
        self.write32('NOTIFY_CTRL', 0)

    def clear_events(self):
        self.write32('NOTIFY_OP', TD['NYX_TD_NOTIFY_OP_CLEAR'])

    def events(self):
        """Numbers of MAP and UNMAP events; objections are raised."""
        if self.read32('NOTIFY_ERRORS'):
            raise RuntimeError(
                f'a wrong event for {self.read64("LAST_ERR_IOVA"):#x}, '
                f'code {self.read32("LAST_ERR")}')
        return {'maps': self.read64('NOTIFY_MAPS'),
                'unmaps': self.read64('NOTIFY_UNMAPS')}
