"""Walks of journals that find nothing for long: clients may leave them, and so may the service."""

import struct
import time
import zlib

import pytest

from support.client import Raw
from support.journal import Journal
from support.mpools import crc32c
from support.server import patient, wait_until

# A checkpoint_start, two bytes long: none of a record's rows is smaller.
ROW = b"\x87\x82"
ROWS_PER_RECORD = 1 << 16
RECORDS = 12_800


def record(body, flags=0, mem_length=0):
    """A record as it stands in a log file."""
    plain = 16 + len(body)
    length = (plain + 127) // 128 * 128
    content = struct.pack("<IIHHI", length, 0, flags, 0, mem_length) + body
    content += bytes(length - plain)
    return content[:4] + struct.pack("<I", crc32c(content)) + content[8:]


@pytest.fixture
def endless(start):
    """A server with a journal of a small file that has 800 million rows, all of one kind."""
    server = start(http_drain_timeout_ms=20_000)
    folder = server.data / "endless"
    folder.mkdir()
    head = record(struct.pack("<IHHQ", 0x101064, 3, 0, 100 << 20) + bytes(96))
    head += record(b"\x84\x88\x84\x81\x80")
    body = b"\x81\x81" + ROW * ROWS_PER_RECORD
    packed = record(zlib.compress(body), flags=1, mem_length=16 + len(body))
    (folder / "WiredTigerLog.0000000001").write_bytes(head + packed * RECORDS)
    Journal(server.client, "endless", mode="read_only", path="endless", compressor="zlib")
    return server


def ask(server, query="op=row_put"):
    raw = Raw(server.port)
    raw.send(f"GET /v1/journals/endless/walk?{query} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    return raw


def in_flight(server, count):
    line = f"tidemark_http_requests_in_flight {count}\n"
    return line in server.client.get("/metrics").body.decode()


@pytest.mark.parametrize("query", ["op=row_put", "op=row_put&backwards=true"])
def test_a_walk_that_finds_nothing_ends_when_its_client_leaves(endless, query):
    walks = [ask(endless, query) for _ in range(8)]
    wait_until(lambda: in_flight(endless, 9), what="the walks to begin")
    for raw in walks:
        raw.close()
    wait_until(lambda: in_flight(endless, 1), timeout=20, what="the walks to end")


def test_a_walk_that_finds_nothing_ends_when_the_service_stops(endless):
    with ask(endless) as raw:
        wait_until(lambda: in_flight(endless, 2), what="the walk to begin")
        began = time.monotonic()
        assert endless.stop() == 0
        assert time.monotonic() - began < patient(10)
        answer = raw.read_answer()
    assert (answer.status, answer.lines[-1]["error"]["code"]) == (200, "draining")


def test_a_walk_that_waits_for_a_row_begins_when_its_time_is_up(endless):
    with ask(endless, "op=row_put&wait_ms=100") as raw:
        began = time.monotonic()
        while b"\r\n\r\n" not in raw.buffer:
            assert raw.fill()
        assert time.monotonic() - began < patient(5)
    wait_until(lambda: in_flight(endless, 1), what="the walk to end")


def test_a_rare_row_is_found_however_long_that_takes(start):
    server = start()
    journal = Journal(server.client, "rare")
    row = {"op": "col_remove", "fileid": 1000, "recno": 1}
    rare = {"op": "row_put", "fileid": 1001, "key": {"text": "k"}, "value": {"text": "v"}}
    for _ in range(20):
        journal.commit(*[row] * 10_000, durability="written")
    journal.commit(rare)
    journal.commit(*[row] * 10_000)
    for query in ({}, {"backwards": "true"}, {"wait_ms": "5000", "limit": "1"}):
        rows, end = journal.walk(op="row_put", **query)
        assert [row[6] for row in rows] == [1001] and end["records"] == 1, query
