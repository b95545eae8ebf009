"""A clock that jumps and a disk that is slow delay nobody who does not need them (P14, P15)."""

import mmap
import struct
import threading

import pytest

from support.machine import build, needs_program
from support.resources import Resource
from support.server import Server, wait_until

HOUR = 3600


class Clock:
    """The time of day of a server that is started with it."""

    def __init__(self, folder):
        path = folder / "clock"
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 8)
        self.options = {"env": {"CLOCK": str(path)}, "preload": build("clock", folder)}

    def jump(self, seconds):
        self.memory[:8] = struct.pack("<q", seconds)


def hour_of_log(server):
    """The date and hour of the newest line of the service's log."""
    return server.lines[-1][:13]


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 400 * 24 * HOUR], ids=["on", "back", "a year on"])
def test_a_clock_that_jumps_ends_nothing_and_reorders_nothing(start, tmp_path, jump):
    clock = Clock(tmp_path)
    server = start(**clock.options, log_access="all")
    client, log = server.client, Resource("halt").create(server.client)
    client.put("/v1/journals/j")
    client.post("/v1/journals/j/append", b"message", type="text/plain")
    cursor = client.post("/v1/journals/j/cursors", {"ttl_ms": 60_000})["Location"]
    handle = client.post(f"{log.path}/handles", {"ttl_ms": 60_000}).json["handle"]
    assert log.append(client, ["<1:1:>"], "key").status == 200
    before = hour_of_log(server)
    waited = []

    def wait():
        with server.new_client() as waiter:
            waited.append(waiter.get(f"{log.path}/walk?from=1&wait_ms=30000"))

    waiter = threading.Thread(target=wait)
    waiter.start()
    clock.jump(jump)
    assert client.post(f"{cursor}/next").status == 200, "the cursor has expired"
    assert client.get(f"/v1/handles/{handle}").status == 200, "the handle has ended"
    wait_until(lambda: hour_of_log(server) != before, what="the new time in the log")
    assert not waited, "the wait ended with the jump"
    assert log.append(client, ["<1:1:>"], "key").json["duplicate"] is True
    assert log.append(client, ["<1:2:>"]).json["first"] == 1
    waiter.join()
    assert waited[0].status == 200 and waited[0].body
    server.restart(kill=True)
    assert log.records(server.client) == ["<1:1:>", "<1:2:>"]


@needs_program("strace")
@pytest.mark.parametrize("kind", ["pool", "halt", "journal"])
def test_a_slow_flush_keeps_nobody_else_waiting(tmp_path, kind):
    slow = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf",
            "-e", "trace=fdatasync,fsync,msync",
            "-e", "inject=fdatasync,fsync,msync:delay_enter=300000"]
    resource = Resource(kind)
    with Server(tmp_path / "data") as server:
        resource.create(server.client)
        server.client.put("/v1/pools/other")
        server.client.append("other", b"there")
        resource.append(server.client, ["<1:1:>"])
        server.stop()
    with Server(tmp_path / "data", prefix=slow, start_timeout=120) as server:
        server.client.put(resource.path, resource.options)
        assert server.client.walk("other") == b"there"
        answers = []

        def append():
            with server.new_client(timeout=120) as client:
                answers.append(resource.append(client, ["<1:2:>"]))

        thread = threading.Thread(target=append)
        thread.start()
        meanwhile = 0
        while not answers:
            assert server.client.get("/healthz").status == 200
            assert server.client.walk("other") == b"there"
            meanwhile += 1
        thread.join()
        assert answers[0].status == 200
        assert meanwhile >= 5, f"{meanwhile} rounds of others while one flush took its time"
