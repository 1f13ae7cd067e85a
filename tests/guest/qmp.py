#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small QMP client: a class for the guest tests and the demo, and a command
line: qmp.py SOCKET COMMAND [NAME=VALUE ...]; a VALUE is JSON, or else a string.
"""

import json
import socket
import sys
import time


class QmpError(Exception):
    """QEMU refused a command, or the connection is gone."""


class Qmp:
    """One connection to a QMP server, by the path of its Unix socket or by a
    socket that is connected."""

    def __init__(self, where, timeout=30):
        self.events = []
        self.sock = where if isinstance(where, socket.socket) else \
            self._connect(where, timeout)
        self.sock.settimeout(timeout)
        self.buffer = b''
        greeting = self._receive()
        if 'QMP' not in greeting:
            raise QmpError(f'not a QMP greeting: {greeting}')
        self.cmd('qmp_capabilities')

    @staticmethod
    def _connect(path, timeout):
        """QEMU makes the socket some time after it is started: try again."""
        end = time.monotonic() + timeout
        while True:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.connect(path)
                return sock
            except OSError as err:
                sock.close()
                if time.monotonic() > end:
                    raise QmpError(f'cannot connect to {path}: {err}') from err
                time.sleep(0.05)

    def _receive(self):
        """The next message, whatever it is."""
        while b'\n' not in self.buffer:
            try:
                data = self.sock.recv(65536)
            except TimeoutError as err:
                raise QmpError('no answer from QEMU in time') from err
            except OSError as err:
                raise QmpError(f'QMP connection lost: {err}') from err
            if not data:
                raise QmpError('QEMU closed the QMP connection')
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return json.loads(line)

    def cmd(self, command, arguments=None, **more):
        """Run a command and return its value, or raise QmpError with QEMU's
        own words.  In keyword arguments an underscore stands for a dash."""
        request = {'execute': command, 'arguments': dict(arguments or {})}
        request['arguments'].update(
            {name.replace('_', '-'): value for name, value in more.items()})
        try:
            self.sock.sendall(json.dumps(request).encode() + b'\n')
        except OSError as err:
            raise QmpError(f'{command}: {err}') from err
        while True:
            message = self._receive()
            if 'event' in message:
                self.events.append(message)
            elif 'error' in message:
                raise QmpError(f"{command}: {message['error']['desc']}")
            else:
                return message['return']

    def hmp(self, line):
        """Run a command of the human monitor; its answer as text."""
        return self.cmd('human-monitor-command', command_line=line)

    def wait_event(self, name, timeout=30, **data):
        """Wait for an event with these data; older ones count too, once."""
        end = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event['event'] == name and all(
                        event.get('data', {}).get(key) == value
                        for key, value in data.items()):
                    self.events.remove(event)
                    return event
            left = end - time.monotonic()
            if left <= 0:
                raise QmpError(f'no event {name} {data} in {timeout} s')
            self.sock.settimeout(left)
            message = self._receive()
            self.sock.settimeout(30)
            if 'event' in message:
                self.events.append(message)

    def close(self):
        self.sock.close()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    arguments = {}
    for word in sys.argv[3:]:
        name, _, text = word.partition('=')
        try:
            arguments[name] = json.loads(text)
        except ValueError:
            arguments[name] = text
    try:
        answer = Qmp(sys.argv[1], timeout=10).cmd(sys.argv[2], arguments)
    except QmpError as err:
        sys.exit(f'qmp: {err}')
    print(json.dumps(answer, indent=2))


if __name__ == '__main__':
    main()
