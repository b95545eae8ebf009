"""What the service reads again comes from its own buffer pool, which is bounded and shown."""

import os

import pytest

from support.journal import Journal, texts
from support.log import Log, ring
from support.server import wait_until


@pytest.fixture
def server(start):
    return start(mpool_service_cachesize=1 << 20)


def figures(client):
    answer = client.get("/v1/mpools/service/stat")
    assert answer.status == 200, answer
    return answer.json["global"]


def new_figures(client, before):
    after = figures(client)
    return {name: after[name] - before[name] for name in ("st_cache_hit", "st_cache_miss")}


def text(number):
    return b"%06d:" % number + b"j" * 500


def filled(client, count=400, **options):
    journal = Journal(client, "j", **options)
    for first in range(0, count, 50):
        answer = journal.append(*(text(number) for number in range(first, first + 50)))
        assert answer.status == 200, answer
    return journal, texts(journal.rows()[0])


def test_walks_and_searches_of_a_journal_go_past_the_pool(server):
    journal, records = filled(server.client)
    before = figures(server.client)
    journal.rows()
    cursor = journal.cursor()
    for place in list(records)[:20] * 3:
        assert records[place] in cursor.search(*place)[8]
    assert new_figures(server.client, before) == {"st_cache_hit": 0, "st_cache_miss": 0}


def test_all_records_that_are_searched_are_those_that_a_walk_finds(server):
    """Also those that were appended to a page that had been looked at, and after a new opening."""
    journal, records = filled(server.client, 300, file_max=102_400)
    for extra in range(3):
        cursor = journal.cursor()
        for place, content in records.items():
            assert content in cursor.search(*place)[8]
        cursor.close()
        journal.append(*(text(1000 * (extra + 1) + number) for number in range(40)))
        if extra == 1:
            journal.close()
            journal = Journal(server.client, "j")
        records = texts(journal.rows()[0])


def test_bytes_of_an_external_log_that_are_read_again_come_from_the_pool(server):
    log = Log(server.client, "x").made(format="external")
    data = os.urandom(200_000)
    answer = server.client.post(
        "/v1/logs/x/append", data, type="application/octet-stream")
    assert answer.status == 200, answer
    part = {"Range": "bytes=20000-39999"}
    assert log.get("/data", part).body == data[20_000:40_000]
    before = figures(server.client)
    for _ in range(5):
        assert log.get("/data", part).body == data[20_000:40_000]
    new = new_figures(server.client, before)
    assert new["st_cache_hit"] >= 5 and new["st_cache_miss"] == 0
    before = figures(server.client)
    assert log.get("/data").body == data
    assert new_figures(server.client, before) == {"st_cache_hit": 0, "st_cache_miss": 0}
    tail = {"Range": "bytes=190000-199999"}
    assert log.get("/data", tail).body == data[190_000:]
    server.client.post("/v1/logs/x/append", b"more", type="application/octet-stream")
    assert log.get("/data", {"Range": "bytes=190000-200003"}).body == data[190_000:] + b"more"


def removed_files(server):
    folder = f"/proc/{server.process.pid}/fd"
    names = []
    for descriptor in os.listdir(folder):
        try:
            names.append(os.readlink(f"{folder}/{descriptor}"))
        except OSError:
            pass
    return [name for name in names if name.endswith("(deleted)")
            and ("/logs/" in name or "/journals/" in name)]


def test_files_that_were_replaced_or_removed_give_their_disk_space_back(server):
    log = Log(server.client, "r").made(
        *("x" * 1000 for _ in range(100)), **ring(200_000, 3))
    for _ in range(12):
        log.append(*("y" * 1000 for _ in range(100)))
        page = log.chunk()
        while not page["eof"]:
            page = log.chunk(page["cont"])
    assert figures(server.client)["st_pages"] > 0
    # The current file may hide behind the one that was just replaced.
    wait_until(lambda: not removed_files(server), what="files to be let go of")
    journal, records = filled(server.client, file_max=102_400)
    cursor = journal.cursor()
    for place in records:
        cursor.search(*place)
    cursor.close()
    journal.call("checkpoint")
    journal.call("archive")
    wait_until(lambda: not removed_files(server), what="files to be let go of")
    journal.close()
    assert log.delete().status == 204
    assert figures(server.client)["st_pages"] == 0
