"""Reading a pool: walks in four forms, pages, ranges, waiting for more."""

import base64
import threading
import time

import pytest

from support.client import split_frames

DATA = bytes(range(256)) * 40
FORMS = ["application/octet-stream", "application/x-ndjson", "application/x-record-frames",
         "application/json"]


@pytest.fixture(scope="module")
def pool(shared):
    """A pool with DATA in it, which no test changes."""
    with shared.new_client() as client:
        client.create("walked")
        client.append("walked", DATA)
    return "walked"


def read_chunks(answer):
    """The chunks of a walk in whatever form, as (offset, bytes), and the end object or page."""
    if answer.type == "application/x-record-frames":
        found, end = split_frames(answer.body)
        offsets = [sum(map(len, found[:index])) for index in range(len(found))]
        return list(zip(offsets, found)), end
    if answer.type == "application/x-ndjson":
        *chunks, end = answer.lines
    else:
        assert answer.type == "application/json"
        end = answer.json
        chunks = end["chunks"]
    decoded = [(chunk["offset"], base64.b64decode(chunk["b64"])) for chunk in chunks]
    assert [len(data) for _, data in decoded] == [chunk["length"] for chunk in chunks]
    return decoded, end


def test_default_is_bytes_with_length_position_and_etag(api, pool):
    answer = api.get(f"/v1/pools/{pool}/walk")
    assert answer.type == "application/octet-stream" and answer.body == DATA
    assert answer["Content-Length"] == answer["Log-Position"] == str(len(DATA))
    assert answer["ETag"] == api.item(pool)["etag"]


@pytest.mark.parametrize("form", FORMS[1:])
@pytest.mark.parametrize("size", [1, 7, 4096, len(DATA) - 1, len(DATA), len(DATA) + 1, 2**63 - 1])
def test_chunks_are_full_and_the_last_one_shorter(api, pool, form, size):
    answer = api.get(f"/v1/pools/{pool}/walk?chunk_size={size}", {"Accept": form})
    chunks, end = read_chunks(answer)
    expected = [(start, DATA[start:start + size]) for start in range(0, len(DATA), size)]
    if form == "application/json":
        expected = expected[:1000]
    assert chunks == expected
    assert end["position"] == sum(len(data) for _, data in chunks)


@pytest.mark.parametrize("form", FORMS[1:])
def test_chunk_size_zero_is_one_chunk_with_everything(api, pool, form):
    chunks, end = read_chunks(api.get(f"/v1/pools/{pool}/walk", {"Accept": form}))
    assert chunks == [(0, DATA)] and end["position"] == len(DATA)


@pytest.mark.parametrize("form", FORMS[1:])
def test_empty_pool_is_one_empty_chunk_without_a_size_and_none_with_one(api, name, form):
    pool = name + form[-4:]
    api.create(pool)
    accept = {"Accept": form}
    assert read_chunks(api.get(f"/v1/pools/{pool}/walk", accept))[0] == [(0, b"")]
    assert read_chunks(api.get(f"/v1/pools/{pool}/walk?chunk_size=5", accept))[0] == []


@pytest.mark.parametrize("form", FORMS[1:3])
def test_end_object_tells_what_was_sent_and_where_to_go_on(api, pool, form):
    answer = api.get(f"/v1/pools/{pool}/walk?chunk_size=100&limit=3", {"Accept": form})
    chunks, end = read_chunks(answer)
    assert len(chunks) == 3 and end["end"] is True
    assert (end["records"], end["bytes"], end["position"]) == (3, 300, 300)
    rest = api.get(f"/v1/pools/{pool}/walk?chunk_size=100&cont={end['next']}")
    assert rest.body == DATA[300:]


def test_from_and_limit_cut_the_bytes_too(api, pool):
    path = f"/v1/pools/{pool}/walk"
    assert api.get(f"{path}?from=100").body == DATA[100:]
    assert api.get(f"{path}?from={len(DATA)}").body == b""
    assert api.get(f"{path}?from=5&chunk_size=10&limit=2").body == DATA[5:25]
    assert api.get(f"{path}?chunk_size=10&limit={2**63 - 1}").body == DATA
    assert api.get(f"{path}?limit=1").body == DATA


def test_pages_of_json_make_the_whole_pool(api, pool):
    found, path = b"", f"/v1/pools/{pool}/walk?chunk_size=3"
    pages = 0
    while path:
        answer = api.get(path, {"Accept": "application/json"})
        chunks, page = read_chunks(answer)
        assert 0 < len(chunks) <= 1000 and chunks[0][0] == len(found)
        found += b"".join(data for _, data in chunks)
        assert page["position"] == len(found)
        token = page["next"]
        path = f"/v1/pools/{pool}/walk?chunk_size=3&cont={token}" if token else None
        pages += 1
    assert found == DATA and pages == -(-len(DATA) // 3000)


def test_page_of_json_holds_at_most_one_mebibyte(api, name):
    api.create(name)
    api.append(name, b"z" * (3 << 19))
    for query, most in (("?chunk_size=400000", 800_000), ("", 1 << 20), ("?chunk_size=1048577", 1 << 20)):
        page = api.get(f"/v1/pools/{name}/walk{query}", {"Accept": "application/json"}).json
        assert sum(chunk["length"] for chunk in page["chunks"]) == page["position"] == most
        assert page["next"]


def test_large_walk_in_every_form_is_complete(api, name):
    import os

    api.create(name, pool_size=12 << 20)
    data = os.urandom(7 << 20)
    api.append(name, data)
    assert api.walk(name) == data
    for form in FORMS[1:3]:
        for query in ("", "?chunk_size=100001"):
            chunks, end = read_chunks(api.get(f"/v1/pools/{name}/walk{query}", {"Accept": form}))
            assert b"".join(part for _, part in chunks) == data and end["bytes"] == len(data)


def test_walk_behind_the_end_is_416_with_the_length(api, pool):
    answer = api.get(f"/v1/pools/{pool}/walk?from={len(DATA) + 1}")
    assert answer.status == 416 and answer.code == "range_not_satisfiable"
    assert answer["Content-Range"] == f"bytes */{len(DATA)}"
    assert answer.json["position"] == len(DATA)


def test_token_of_another_pool_or_a_changed_one_is_400(api, pool, name):
    api.create(name)
    page = api.get(f"/v1/pools/{pool}/walk?chunk_size=1", {"Accept": "application/json"}).json
    token = page["next"]
    assert api.get(f"/v1/pools/{name}/walk?cont={token}").code == "bad_token"
    for bad in (token[:-1], token + "0", token.replace(".1000.", ".1001."), "x", ""):
        answer = api.get(f"/v1/pools/{pool}/walk?cont={bad}")
        assert answer.status == 400 and answer.code == "bad_token", bad


def test_token_of_before_a_rewind_is_410_with_the_oldest(api, name):
    api.create(name)
    api.append(name, b"x" * 10)
    page = api.get(
        f"/v1/pools/{name}/walk?chunk_size=1&limit=2", {"Accept": "application/x-ndjson"})
    token = page.lines[-1]["next"]
    assert api.get(f"/v1/pools/{name}/walk?cont={token}").body == b"x" * 8
    api.post(f"/v1/pools/{name}/rewind")
    answer = api.get(f"/v1/pools/{name}/walk?cont={token}")
    assert answer.status == 410 and answer.code == "position_gone" and answer.json["oldest"] == 0


def walk_in_background(shared, path):
    answers = []

    def walk():
        with shared.new_client() as client:
            answers.append((client.get(path), time.monotonic()))

    thread = threading.Thread(target=walk)
    thread.start()
    return thread, answers


def waiting(api):
    """Requests under way, this one not counted."""
    line = next(
        line for line in api.get("/metrics").body.decode().splitlines()
        if line.startswith("tidemark_http_requests_in_flight "))
    return int(line.split()[1]) - 1


def wait_for_waiting(api):
    from support.server import wait_until

    wait_until(lambda: waiting(api) >= 1, what="the walk to wait")


def test_waiting_walk_answers_when_something_comes(shared, api, name):
    api.create(name)
    api.append(name, b"old")
    thread, answers = walk_in_background(shared, f"/v1/pools/{name}/walk?from=3&wait_ms=30000")
    wait_for_waiting(api)
    assert not answers
    api.append(name, b"new")
    thread.join(5)
    assert answers[0][0].body == b"new"


def test_waiting_walk_without_news_is_empty_when_its_time_is_up(api, name):
    api.create(name)
    began = time.monotonic()
    answer = api.get(f"/v1/pools/{name}/walk?wait_ms=300")
    assert answer.status == 200 and answer.body == b""
    assert 0.28 <= time.monotonic() - began < 5


def test_walk_with_something_to_give_does_not_wait(api, pool):
    began = time.monotonic()
    assert api.get(f"/v1/pools/{pool}/walk?from=1&wait_ms=60000").body == DATA[1:]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("end", ["rewind", "close", "delete"])
def test_waiting_walk_ends_with_what_it_waits_for(shared, api, name, end):
    pool = name + end
    api.create(pool)
    api.append(pool, b"abc")
    thread, answers = walk_in_background(shared, f"/v1/pools/{pool}/walk?from=3&wait_ms=30000")
    wait_for_waiting(api)
    if end == "delete":
        assert api.delete(f"/v1/pools/{pool}").status == 204
    else:
        assert api.post(f"/v1/pools/{pool}/{end}").status == 200
    thread.join(5)
    assert answers, "the walk still waits"
    answer = answers[0][0]
    assert answer.status in ((410, 416) if end == "rewind" else (404,)), answer


def test_data_gives_ranges(api, pool):
    path = f"/v1/pools/{pool}/data"
    whole = api.get(path)
    assert whole.status == 200 and whole.body == DATA and whole["Accept-Ranges"] == "bytes"
    size = len(DATA)
    for text, first, last in (
        ("0-0", 0, 0), ("5-9", 5, 9), (f"{size - 1}-", size - 1, size - 1), ("-3", size - 3, size - 1),
        (f"100-{size * 9}", 100, size - 1), (f"-{size * 9}", 0, size - 1),
        (f"0-{2**63 - 1}", 0, size - 1),
    ):
        answer = api.get(path, {"Range": f"bytes={text}"})
        assert answer.status == 206, (text, answer)
        assert answer["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert answer.body == DATA[first:last + 1]


def test_range_behind_the_end_is_416_and_a_strange_one_is_passed_over(api, pool):
    path = f"/v1/pools/{pool}/data"
    for text in (f"{len(DATA)}-", "-0"):
        answer = api.get(path, {"Range": f"bytes={text}"})
        assert answer.status == 416 and answer["Content-Range"] == f"bytes */{len(DATA)}"
    for text in ("bytes=9-5", "bytes=a-b", "bytes=", "bytes=-", "items=0-1", "bytes=0-1,5-6"):
        assert api.get(path, {"Range": text}).status == 200, text


def test_if_range_and_if_none_match_compare_the_etag(api, pool):
    path = f"/v1/pools/{pool}/data"
    etag = api.get(path)["ETag"]
    part = {"Range": "bytes=0-9"}
    assert api.get(path, {**part, "If-Range": etag}).status == 206
    assert api.get(path, {**part, "If-Range": '"other.1-1"'}).status == 200
    unchanged = api.get(path, {"If-None-Match": etag})
    assert unchanged.status == 304 and unchanged.body == b"" and unchanged["ETag"] == etag
    assert api.get(path, {"If-None-Match": '"other.1-1"'}).status == 200


def test_if_none_match_star_is_304_where_there_is_a_pool(api, pool):
    assert api.get(f"/v1/pools/{pool}/data", {"If-None-Match": "*"}).status == 304


def test_rewind_in_the_middle_of_a_stream_is_told_of(start):
    from support.client import Raw

    api = (server := start()).client
    api.create("big", pool_size=66 << 20)
    for _ in range(8):
        api.append("big", b"x" * (8 << 20))
    with Raw(server.port, receive_buffer=4096) as raw:
        raw.send(
            b"GET /v1/pools/big/walk?chunk_size=65536 HTTP/1.1\r\nHost: h\r\n"
            b"Accept: application/x-ndjson\r\n\r\n")
        raw.fill()
        assert api.post("/v1/pools/big/rewind").status == 200
        body = raw.read_answer().body
    import json

    end = json.loads(body.splitlines()[-1])
    assert end["end"] is True and end["error"]["code"] == "position_gone"


def test_rewind_in_the_middle_of_bytes_cuts_the_connection(start):
    from support.client import Raw

    api = (server := start()).client
    api.create("big", pool_size=66 << 20)
    for _ in range(8):
        api.append("big", b"x" * (8 << 20))
    with Raw(server.port, receive_buffer=4096) as raw:
        raw.send(b"GET /v1/pools/big/walk HTTP/1.1\r\nHost: h\r\n\r\n")
        raw.fill()
        assert api.post("/v1/pools/big/rewind").status == 200
        api.append("big", b"new")
        body = raw.read_answer().body
        assert len(body) < 64 << 20 and set(body) == {ord("x")}, "bytes of the new data came"


def test_accept_chooses_the_form_by_quality(api, pool):
    path = f"/v1/pools/{pool}/walk?limit=1&chunk_size=5"
    for accept, form in (
        ("*/*", FORMS[0]), ("application/*", FORMS[0]),
        ("application/json;q=0.5, application/x-ndjson", FORMS[1]),
        ("text/html, application/x-record-frames;q=0.1", FORMS[2]),
        ("application/octet-stream;q=0, */*", FORMS[3]),
    ):
        assert api.get(path, {"Accept": accept}).type == form, accept
