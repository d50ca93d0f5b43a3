"""Streams of events: a reader that takes nothing holds up nobody, and goes on where it was."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager

import pytest

from shelflife.records.event_log import Progress
from shelflife.records.history import Trigger
from shelflife.records.records import open_records
from shelflife.testing import Storage
from shelflife.web import create_app
from shelflife.web.routes import events
from tests.integration.web.serving import served

_MANY = 4000
"""Events: more than all buffers between the service and a reader hold."""


class Reader(AbstractContextManager["Reader"]):
    """Reads a stream by hand."""

    def __init__(self, port: int, after: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", port))
        last = "" if after is None else f"Last-Event-ID: {after}\r\n"
        self.socket.sendall(f"GET /storage/events HTTP/1.1\r\nHost: localhost\r\n{last}\r\n".encode())
        self.ids: list[int] = []
        self._rest = b""
        while b"\r\n\r\n" not in self._rest:
            self._rest += self.socket.recv(4096)

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def read(self) -> bool:
        """Take what is there; return False at the end of the stream."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        self.ids += [int(line[4:]) for line in lines if line.startswith(b"id: ")]
        return bool(data)

    def read_up_to(self, number: int) -> None:
        while (not self.ids or self.ids[-1] < number) and self.read():
            pass


def test_a_reader_that_takes_nothing_is_cut_off_others_miss_nothing_and_it_resumes(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_SLOW", 2.0)
    with served(create_app(storage.settings), send_buffer=4096) as port:
        with open_records(storage.settings).open_journal() as journal:
            run = journal.runs.begin(trigger=Trigger.CLI, host="host", pid=1, at=0)
            first = journal.events.last()
            with Reader(port, first) as slow, Reader(port, first) as quick:
                for number in range(_MANY):
                    journal.events.tell_progress(run, Progress(0, "act", "temp", number, None, 0, "temp"))
                    if number % 100 == 99:
                        quick.read_up_to(first + number + 1)
                last = journal.events.last()
                assert quick.ids == list(range(first + 1, last + 1))
                while slow.read():  # what the buffers hold; then the end, for it was cut off
                    pass
                assert 0 < len(slow.ids) < _MANY
        with Reader(port, slow.ids[-1]) as again:
            again.read_up_to(last)
        assert slow.ids + again.ids == list(range(first + 1, last + 1))
