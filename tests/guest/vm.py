# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest under test: QEMU's process, the guest's serial console, QMP."""

import os
import pathlib
import queue
import re
import socket
import subprocess
import threading
import time

from qmp import Qmp, QmpError


# KiB
MAPPING_MAX = 128 << 10


class GuestError(Exception):
    """The guest or QEMU did not do what was waited for."""


def write_command(path, argv):
    """A line each for options and values."""
    path.write_text(' \\\n    '.join(argv) + '\n')


class Process:
    """One QEMU; its console is our pipe and is also kept in a file."""

    running = set()

    @classmethod
    def kill_all(cls):
        """For a signal handler: leave no guest behind."""
        for process in list(cls.running):
            process.popen.kill()

    def __init__(self, argv, directory, name):
        self.qmp_path = str(directory / f'{name}.qmp')
        self.stderr_path = directory / f'{name}.stderr'
        argv = argv + ['-qmp', f'unix:{self.qmp_path},server=on,wait=off']
        write_command(directory / f'{name}.cmdline', argv)
        with open(self.stderr_path, 'wb') as stderr:
            self.popen = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=stderr, cwd=directory)
        self.running.add(self)
        self._qmp = None

    @property
    def qmp(self):
        if self._qmp is None:
            try:
                self._qmp = Qmp(self.qmp_path)
            except QmpError as err:
                raise GuestError(f'{err}\n{self.stderr()}') from err
        return self._qmp

    def stderr(self):
        return self.stderr_path.read_text(errors='replace')

    def memory(self):
        """KiB that it has in use, but for the guest's memory and for what TCG
        has translated, which are large mappings."""
        total = size = 0
        with open(f'/proc/{self.popen.pid}/smaps', encoding='ascii',
                  errors='replace') as file:
            for line in file:
                if found := re.match(r'(Size|Rss): +(\d+) kB', line):
                    size = int(found[2]) if found[1] == 'Size' else size
                    if found[1] == 'Rss' and size < MAPPING_MAX:
                        total += int(found[2])
        return total

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self.running.discard(self)
        self.popen.stdin.close()
        if self._qmp:
            self._qmp.close()


class Console:
    """The console of a guest, read by a thread of its own."""

    def __init__(self, log, deadline, on_line=None):
        self.deadline = deadline
        self.timeout = deadline - time.monotonic()
        self.on_line = on_line
        self.lines = []
        self.queue = queue.Queue()
        self.log = open(log, 'w', encoding='utf-8')

    def feed(self, stream):
        for raw in stream:
            # Firmware clears the screen and moves the cursor first.
            text = re.sub(r'\x1b[\[\]()=c]?[0-9;?]*[A-Za-z]?', '',
                          raw.decode(errors='replace'))
            self.queue.put(text.strip('\r\n'))
        stream.close()

    def fail(self, why):
        """Another thread has seen that nothing will come of it."""
        self.queue.put(GuestError(why))

    def next_line(self):
        """The next line of the console; None at its end."""
        left = self.deadline - time.monotonic()
        try:
            line = self.queue.get(timeout=max(left, 0.001))
        except queue.Empty:
            raise GuestError(
                f'nothing more came from the guest within '
                f'{self.timeout:.0f} s; '
                f'its last line: {self.lines[-1] if self.lines else "none"}'
            ) from None
        if isinstance(line, GuestError):
            raise line
        if line is not None:
            self.lines.append(line)
            self.log.write(line + '\n')
            self.log.flush()
            if self.on_line:
                self.on_line(line)
        return line

    def reports(self, on_ask):
        """What the guest reports, a list of words each, until the console
        ends.  on_ask(words) carries out what it asks for."""
        while (line := self.next_line()) is not None:
            found = re.search(r'\bNYX: (.*)', line)
            words = found.group(1).split() if found else ['']
            if words[0] == 'ask':
                self.tell(on_ask(words[1:]) or 'go')
            elif words[0]:
                yield words

    def property(self, name, device='iommu'):
        """A property of a device, or None for a model that has no such."""
        path = f'/machine/peripheral/{device}'
        names = {entry['name'] for entry in self.qmp.cmd('qom-list', path=path)}
        if name not in names:
            return None
        return self.qmp.cmd('qom-get', path=path, property=name)


class Guest(Console):
    """A guest from its start to its end, in one or more QEMU processes: a
    migration starts the next one and the console goes on there."""

    def __init__(self, argv, directory, timeout, on_line=None):
        self.directory = pathlib.Path(directory)
        super().__init__(self.directory / 'serial.log',
                         time.monotonic() + timeout, on_line)
        self.argv = argv
        self.processes = []
        self.start()

    def start(self, *extra):
        """Start a QEMU; the guest in it is the one we talk to from now on."""
        process = Process(self.argv + list(extra), self.directory,
                          f'qemu{len(self.processes)}')
        self.processes.append(process)
        threading.Thread(target=self._read, args=(process,),
                         daemon=True).start()

    @property
    def process(self):
        return self.processes[-1]

    @property
    def qmp(self):
        return self.process.qmp

    def _read(self, process):
        self.feed(process.popen.stdout)
        # The end of a QEMU that was migrated from is not the guest's.
        if process is self.process:
            self.queue.put(None)

    def tell(self, text):
        """Send a line to the guest's console."""
        try:
            self.process.popen.stdin.write(text.encode() + b'\n')
            self.process.popen.stdin.flush()
        except OSError as err:
            raise GuestError(f'QEMU is gone: {self.process.stderr()}') from err

    def reports(self, on_ask):
        yield from super().reports(on_ask)
        status = self.process.popen.wait(timeout=30)
        if status != 0:
            raise GuestError(f'QEMU ended with status {status}\n'
                             f'{self.process.stderr()}')

    # ------------------------------------------------- what rows ask of QEMU

    def migrate(self):
        """To a file, and from there into a new QEMU; the guest is in the
        middle of whatever it does."""
        target = f'file:{self.directory}/migration'
        self.qmp.cmd('migrate', uri=target)
        while True:
            info = self.qmp.cmd('query-migrate')
            if info['status'] == 'completed':
                break
            if info['status'] in ('failed', 'cancelled'):
                raise GuestError(
                    f"migration {info['status']}: {info.get('error-desc')}")
            time.sleep(0.05)
        # The images are free when the source has gone.
        source = self.process
        self.processes.append(None)
        source.qmp.cmd('quit')
        source.popen.wait(timeout=30)
        self.processes.pop()
        self.start('-incoming', target)
        while self.qmp.cmd('query-status')['status'] != 'running':
            if self.process.popen.poll() is not None:
                raise GuestError(f'no QEMU: {self.process.stderr()}')
            time.sleep(0.05)
        os.unlink(self.directory / 'migration')

    def close(self):
        for process in self.processes:
            process.kill()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Nested(Console):
    """A guest in a guest.  Its console and its QEMU's monitor are serial ports
    of the outer one, which are sockets here."""

    PORTS = ('inner', 'inner-qmp')
    # What its lines begin with where those of the outer guest are as well.
    MARK = 'inner: '

    @classmethod
    def arguments(cls, directory):
        """Of the outer QEMU.  The second of them has an interrupt of its
        own: it would share that of the outer console otherwise."""
        args = []
        for name, port in zip(cls.PORTS, ('0x2f8,irq=3', '0x3e8,irq=5')):
            args += ['-chardev', f'socket,id={name},path={directory}/{name},'
                                 f'server=on,wait=off',
                     '-device', f'isa-serial,chardev={name},iobase={port}']
        return args

    def __init__(self, outer):
        told = outer.on_line
        super().__init__(outer.directory / 'inner.log', outer.deadline,
                         told and (lambda line: told(self.MARK + line)))
        self.directory = outer.directory
        self.console, self.monitor = (
            self._connect(self.directory / name) for name in self.PORTS)
        self._qmp = None
        threading.Thread(target=self.feed, daemon=True,
                         args=(self.console.makefile('rb'),)).start()

    @staticmethod
    def _connect(path):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(str(path))
        return sock

    @property
    def qmp(self):
        if self._qmp is None:
            self._qmp = Qmp(self.monitor)
        return self._qmp

    def tell(self, text):
        self.console.sendall(text.encode() + b'\n')

    def reports(self, on_ask):
        """Until the outer guest says that the QEMU has gone."""
        for words in super().reports(on_ask):
            if words[0] == 'gone':
                break
            yield words
        if words[1] != '0':
            raise GuestError('\n'.join([
                f'the inner QEMU ended with status {words[1]}',
                *self.lines[-8:]]))

    def close(self):
        self.console.close()
        self.monitor.close()
        self.log.close()
