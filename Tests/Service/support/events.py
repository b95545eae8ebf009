"""Server-sent events, one after the other."""

import json
import socket

from support import contract
from support.client import Answer, Raw
from support.machine import patient


class Event:
    def __init__(self, fields):
        self.id = fields.get("id")
        self.name = fields.get("event")
        self.data = json.loads(fields["data"]) if "data" in fields else None

    def __repr__(self):
        return f"<{self.id} {self.name} {self.data}>"


class Events:
    """A stream of events; a context manager that leaves as a client leaves."""

    def __init__(self, port, path, handle=None, query="", receive_buffer=None,
                 stream="notifications", last=None):
        self.raw = Raw(port, timeout=patient(15), receive_buffer=receive_buffer)
        named = f"Log-Handle: {handle}\r\n" if handle else ""
        named += f"Last-Event-ID: {last}\r\n" if last else ""
        self.raw.send(f"GET {path}/{stream}{query} HTTP/1.1\r\nHost: h\r\n{named}\r\n".encode())
        self.text = b""
        self.has_ended = False
        while b"\r\n\r\n" not in self.raw.buffer:
            assert self.raw.fill(), self.raw.buffer
        head, self.raw.buffer = self.raw.buffer.split(b"\r\n\r\n", 1)
        self.head = head.decode("latin-1")
        assert " 200 " in self.head.splitlines()[0], self.head + self.raw.buffer.decode()
        contract.observe(Answer(
            "GET", f"{path}/{stream}", 200, {"Content-Type": "text/event-stream"}, b""))
        assert self.block() == "retry: 2000"

    def block(self):
        """The next lines up to an empty one; None at the end of the stream."""
        while b"\n\n" not in self.text:
            if not self._chunk():
                return None
        block, self.text = self.text.split(b"\n\n", 1)
        return block.decode()

    def _chunk(self):
        while b"\r\n" not in self.raw.buffer:
            assert self.raw.fill(), "cut before the size of a chunk"
        line, self.raw.buffer = self.raw.buffer.split(b"\r\n", 1)
        size = int(line, 16)
        while len(self.raw.buffer) < size + 2:
            assert self.raw.fill(), "cut inside a chunk"
        self.text += self.raw.buffer[:size]
        self.raw.buffer = self.raw.buffer[size + 2:]
        self.has_ended = size == 0
        return not self.has_ended

    def next(self):
        """The next event; None at the end."""
        while True:
            block = self.block()
            if block is None:
                return None
            if not block.startswith(":"):
                return Event(dict(line.split(": ", 1) for line in block.split("\n")))

    def until(self, name):
        """The events up to the next of that name, which is the last one."""
        events = []
        while not events or events[-1].name != name:
            event = self.next()
            assert event, f"the stream ended before {name}: {events}"
            events.append(event)
        return events

    def close(self):
        try:
            self.raw.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.raw.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
