"""A long run: memory, threads and descriptors are at its end what they were early in it (P26)."""

import http.client
import os
import random
import shutil
import threading
import time

import pytest

from support import pmemlog
from support.client import Raw, envelope, frames
from support.machine import IS_SLOW
from support.progress import LOG
from support.server import Server, wait_until

OPERATIONS = int(os.environ.get("TIDEMARK_SOAK", 20_000))
# Gigabytes of the pool that is walked slowly; 0: none.
HUGE = float(os.environ.get("TIDEMARK_HUGE", 0))
CLIENTS = 6
POOLS = [f"s{number}" for number in range(8)]
FRAMES, LINES = "application/x-record-frames", "application/x-ndjson"


def figures(server):
    """The process's own memory in bytes, its threads and its descriptors."""
    folder = f"/proc/{server.pid}"
    return (server.resident("RssAnon"), len(os.listdir(f"{folder}/task")),
            len(os.listdir(f"{folder}/fd")))


class Worker:
    """A client that does a bit of everything; appends are most of it."""

    def __init__(self, server, seed):
        self.server, self.dice = server, random.Random(seed)
        self.client = server.new_client()
        self.unexpected = []
        self.own = f"own{seed % 10**6}"

    def run(self, count):
        for _ in range(count):
            try:
                self.one()
            except http.client.IncompleteRead:
                # A stream of bytes whose pool is rewound is cut.
                continue
            except Exception as error:  # noqa: BLE001
                self.unexpected.append(error)
                return

    def one(self):
        dice, pool = self.dice, f"/v1/pools/{self.dice.choice(POOLS)}"
        kind = dice.randrange(100)
        if kind < 50:
            self.expect(self.client.try_append(pool[10:], dice.randbytes(dice.randint(1, 400))))
        elif kind < 55:
            record = dice.randbytes(50)
            self.expect(self.client.post(f"{pool}/append", {"records": [envelope(record)] * 5}))
        elif kind < 58:
            body = frames([dice.randbytes(1000)] * 3)
            self.expect(self.client.post(f"{pool}/append", body, type=FRAMES))
        elif kind < 61:
            self.expect(self.client.try_append(pool[10:], b"x", "?at=99999999"), 412)
        elif kind < 66:
            position = dice.randrange(1, 4096)
            self.expect(self.client.get(
                f"{pool}/data", {"Range": f"bytes=0-{position}"}), 206, 416)
        elif kind < 70:
            kinds = {"Accept": dice.choice(["application/json", LINES, FRAMES])}
            self.expect(self.client.get(f"{pool}/walk?chunk_size=500&limit=20", kinds))
        elif kind < 72:
            self.expect(self.client.get(f"{pool}/walk?wait_ms=3&from=0"))
        elif kind < 84:
            self.expect(self.client.get(dice.choice([
                pool, pool + "/tell", "/v1/pools", "/healthz", "/readyz", "/metrics"])))
        elif kind < 88:
            self.expect(self.client.get("/v1/pools/absent/walk"), 404)
            self.expect(self.client.post(f"{pool}/append", {"nonsense": 1}), 400, 422)
        elif kind < 90:
            self.expect(self.client.post(f"{pool}/close"))
            self.expect(self.client.post(f"{pool}/open"))
        elif kind < 92:
            self.expect(self.client.post(f"{pool}/rewind"))
        elif kind < 93:
            own = f"/v1/pools/{self.own}"
            self.expect(self.client.put(own), 201)
            self.expect(self.client.try_append(self.own, b"short life"))
            self.expect(self.client.delete(own), 204)
        elif kind < 96:
            self.client.close()
        else:
            self.expect(self.client.get(f"{pool}/check?live=true"))

    def expect(self, answer, *statuses):
        # A pool may be closed by another client at the moment, full until one rewinds it, or be
        # rewound in the middle of a walk.
        if answer.status in (statuses or (200,)) or answer.code in ("pool_full", "position_gone"):
            return
        if answer.status == 404 and answer.json.get("state") == "closed":
            return
        self.unexpected.append(answer)


def work(workers, count):
    threads = [
        threading.Thread(target=worker.run, args=(count // len(workers),)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        assert worker.unexpected == []
        worker.client.close()


def settled(server):
    """The figures when nothing is under way any more."""
    in_flight = "tidemark_http_connections 1\n"
    wait_until(lambda: in_flight in server.client.get("/metrics").body.decode(), what="an end")
    time.sleep(0.2)
    return figures(server)


def test_many_operations_leave_memory_threads_and_descriptors_as_they_were(start, dice):
    server = start(http_threads=2)
    for pool in POOLS:
        server.client.create(pool)
    workers = [Worker(server, dice.randrange(2**32)) for _ in range(CLIENTS)]
    seen = []
    for tenth in range(1, 11):
        work(workers, OPERATIONS // 10)
        seen.append(settled(server))
        LOG.info("operation %d of %d: %d KiB, %d threads, %d descriptors",
                 OPERATIONS * tenth // 10, OPERATIONS, seen[-1][0] >> 10, *seen[-1][1:])
    print(seen)
    first, last = seen[0], seen[-1]
    if not IS_SLOW:
        # What an allocator keeps differs from moment to moment; what leaks grows with each tenth.
        assert last[0] - first[0] < max(2 << 20, first[0] // 20), seen
    assert last[1] - first[1] <= 4 and last[2] - first[2] <= 2, seen
    assert server.stop() == 0
    for pool in POOLS:
        assert pmemlog.check(server.data / "pools" / pool) is True


# P25: readers that are slow, of a pool that is larger than memory should be

BLOCK = 32 << 20
STAMP = 1 << 20
READERS = 8
MOST_MEMORY = 64 << 20


def block(number):
    """A block of which every megabyte begins with its number."""
    first = number * (BLOCK // STAMP)
    return b"".join(
        b"%016d" % (first + place) + bytes(STAMP - 16) for place in range(BLOCK // STAMP))


def read_slowly(server, size, faults):
    """Reads all, with a pause after each megabyte, and looks at the stamps."""
    buffer = bytearray(STAMP)
    view = memoryview(buffer)
    with Raw(server.port, 60, receive_buffer=65536) as raw:
        raw.send(b"GET /v1/pools/huge/walk HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += raw.socket.recv(1)
        if not head.startswith(b"HTTP/1.1 200") or b"chunked" in head:
            faults.append(head)
            return
        for number in range(size // STAMP):
            filled = 0
            while filled < STAMP:
                count = raw.socket.recv_into(view[filled:])
                if not count:
                    faults.append(f"cut in megabyte {number}")
                    return
                filled += count
            if buffer[:16] != b"%016d" % number:
                faults.append(f"megabyte {number} begins with {bytes(buffer[:16])}")
                return
            time.sleep(0.001)


@pytest.mark.skipif(not HUGE, reason="TIDEMARK_HUGE names no size")
def test_slow_readers_of_a_huge_pool_cost_little_memory(tmp_path):
    blocks = int(HUGE * (1 << 30)) // BLOCK
    size = blocks * BLOCK
    free = shutil.disk_usage(tmp_path).free
    if free < size + (1 << 30):
        pytest.skip(f"needs {(size >> 30) + 1} GiB of free disk; there are {free >> 30}")
    data = tmp_path / "data"
    try:
        with Server(data, http_body_bytes=BLOCK, append_record_bytes=BLOCK,
                    append_queue_bytes=4 * BLOCK) as server:
            server.client.timeout = 120
            server.client.create("huge", pool_size=size + 8192)
            for number in range(blocks):
                server.client.append("huge", block(number))
                if number % 32 == 31:
                    LOG.info("filled %d of %d MiB", (number + 1) * BLOCK >> 20, size >> 20)
        with Server(data) as server:
            assert server.client.tell("huge") == size
            walk_slowly(server, size)
            assert server.stop() == 0
    finally:
        shutil.rmtree(data, ignore_errors=True)


def walk_slowly(server, size):
    idle, faults, most = server.resident("RssAnon"), [], 0
    threads = [
        threading.Thread(target=read_slowly, args=(server, size, faults)) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    began = said = time.monotonic()
    while any(thread.is_alive() for thread in threads):
        most = max(most, server.resident("RssAnon") - idle)
        assert server.client.get("/healthz").status == 200
        time.sleep(0.05)
        if time.monotonic() - said > 15:
            said = time.monotonic()
            LOG.info("walked for %d s; %d KiB above idle", said - began, most >> 10)
    print(f"{READERS} readers of {size >> 20} MiB cost {most >> 10} KiB at most")
    assert faults == [] and most < MOST_MEMORY
