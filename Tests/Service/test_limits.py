"""Every limit at its bound less one, at its bound, and one beyond."""

import contextlib
import json
import socket
import struct

import pytest

from support.client import POOL_MINIMUM, Raw, envelope, frames
from support.problems import check_problem
from support.server import wait_until

OFFSETS = [-1, 0, 1]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A server with small limits, and a pool named p."""
    from support.server import Server

    with Server(
        tmp_path_factory.mktemp("data"), http_target_bytes=300, http_header_bytes=1024,
        http_body_bytes=5000, http_small_body_bytes=2000, append_batch_records=10,
        append_record_bytes=3000, http_wait_ms=500,
    ) as server:
        server.client.create("p")
        yield server
        assert server.is_alive


def verdict(answer, offset, code, limit=None):
    if offset <= 0:
        assert answer.status in (200, 201, 404), answer
    else:
        document = check_problem(answer, code)
        assert limit is None or document["limit"] == limit


@pytest.mark.parametrize("offset", OFFSETS)
def test_target_up_to_the_limit(small, offset):
    path = "/v1/pools?prefix="
    answer = small.client.get(path + "x" * (300 + offset - len(path)))
    verdict(answer, offset, "uri_too_long", 300)


@pytest.mark.parametrize("offset", OFFSETS)
def test_headers_up_to_the_limit(small, offset):
    # The size is that of the lines: names, values, colon, blank and line end.
    host = f"Host: 127.0.0.1:{small.port}\r\n"
    size = 1024 + offset - len(host) - len("A: \r\n")
    with Raw(small.port) as raw:
        raw.send(f"GET /healthz HTTP/1.1\r\n{host}A: {'x' * size}\r\n\r\n".encode())
        answer = raw.read_answer()
        if offset <= 0:
            assert answer.status == 200
        else:
            assert answer.status == 431 and answer.code == "headers_too_large"
            assert answer.json["limit"] == 1024


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("offset", OFFSETS)
def test_body_of_an_append_up_to_the_limit(small, offset, chunked):
    body = frames([b"x" * 2490, b"y" * (2502 + offset)])
    assert len(body) == 5000 + offset
    small.client.post("/v1/pools/p/rewind")
    answer = small.client.request(
        "POST", "/v1/pools/p/append", iter([body]) if chunked else body,
        type="application/x-record-frames", chunked=chunked)
    verdict(answer, offset, "too_large", 5000)
    assert small.client.tell("p") == (4992 + offset if offset <= 0 else 0)


@pytest.mark.parametrize("offset", OFFSETS)
def test_body_of_others_up_to_the_limit(small, offset):
    body = b'{"pool_size": 2097152}'.ljust(2000 + offset)
    answer = small.client.put("/v1/pools/p", body, type="application/json")
    verdict(answer, offset, "too_large", 2000)


@pytest.mark.parametrize("form", ["frames", "ndjson", "json"])
@pytest.mark.parametrize("offset", OFFSETS)
def test_records_of_a_batch_up_to_the_limit(small, offset, form):
    small.client.post("/v1/pools/p/rewind")
    count = 10 + offset
    if form == "frames":
        answer = small.client.try_append(
            "p", frames([b"r"] * count), type="application/x-record-frames")
    elif form == "ndjson":
        answer = small.client.try_append(
            "p", b'{"text":"r"}\n' * count, type="application/x-ndjson")
    else:
        answer = small.client.post("/v1/pools/p/append", {"records": [{"text": "r"}] * count})
    verdict(answer, offset, "too_large", 10)
    assert small.client.tell("p") == (count if offset <= 0 else 0)


@pytest.mark.parametrize("form", ["bytes", "frames", "json"])
@pytest.mark.parametrize("offset", OFFSETS)
def test_record_up_to_the_limit(small, offset, form):
    small.client.post("/v1/pools/p/rewind")
    record = b"r" * (3000 + offset)
    if form == "bytes":
        answer = small.client.try_append("p", record)
    elif form == "frames":
        answer = small.client.try_append(
            "p", frames([record]), type="application/x-record-frames")
    else:
        answer = small.client.post("/v1/pools/p/append", {"record": envelope(record)})
    verdict(answer, offset, "too_large", 3000)
    assert small.client.tell("p") == (len(record) if offset <= 0 else 0)


@pytest.mark.parametrize("offset", OFFSETS)
def test_wait_up_to_the_limit(small, offset):
    small.client.create("empty")
    answer = small.client.get(f"/v1/pools/empty/walk?wait_ms={500 + offset}")
    verdict(answer, offset, "bad_parameter")


@pytest.mark.parametrize("limit, good", [(0, False), (1, True), (999, True), (1000, True), (1001, False)])
def test_page_of_a_list_up_to_the_limit(small, limit, good):
    verdict(small.client.get(f"/v1/pools?limit={limit}"), 0 if good else 1, "bad_parameter")


@pytest.mark.parametrize("length", [1, 127, 128, 129])
def test_name_up_to_the_limit(api, length):
    name = "n" * length
    answer = api.put(f"/v1/pools/{name}")
    verdict(answer, length - 128, "bad_name")


@pytest.mark.parametrize("length", [127, 128, 129, 235, 236])
def test_file_name_stays_within_what_the_library_can_open_again(api, length):
    name = f"file{length}"
    answer = api.put(f"/v1/pools/{name}", {"file": "f" * length})
    verdict(answer, length - 128, "bad_parameter")
    if length <= 128:
        api.append(name, b"x")
        api.post(f"/v1/pools/{name}/close")
        assert api.get(f"/v1/pools/{name}/check").json["consistent"] is True


@pytest.mark.parametrize("depth", [7, 8, 9])
def test_path_of_a_file_up_to_the_limit(api, depth):
    path = "/".join([f"{depth}" * 128] * depth)
    verdict(api.put(f"/v1/pools/path{depth}", {"file": path}), depth - 8, "bad_parameter")


@pytest.mark.parametrize("size", [0, 1, POOL_MINIMUM - 1, POOL_MINIMUM, POOL_MINIMUM + 1])
def test_pool_size_down_to_the_minimum(api, size):
    answer = api.put(f"/v1/pools/size{size}", {"pool_size": size})
    verdict(answer, 0 if size >= POOL_MINIMUM else 1, "bad_parameter")
    assert size >= POOL_MINIMUM or answer.json["option"] == "pool_size"


BODIES = {
    "json": (b'{"record":{"json":%s}}', "application/json"),
    "records": (b'{"records":[{"json":%s}]}', "application/json"),
    "ndjson": (b'{"json":%s}\n', "application/x-ndjson"),
}


def nested(depth):
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize("depth", [511, 512, 513])
@pytest.mark.parametrize("form", ["json", "records", "ndjson"])
def test_nesting_of_a_records_json_up_to_the_limit(api, name, depth, form):
    pool = f"{name}{form}{depth}"
    api.create(pool)
    body, type = BODIES[form]
    answer = api.try_append(pool, body % nested(depth), type=type)
    verdict(answer, depth - 512, "bad_json")
    assert api.walk(pool) == (nested(depth) if depth <= 512 else b"")


@pytest.mark.parametrize("depth", [511, 512, 513])
@pytest.mark.parametrize("form", ["json", "records", "ndjson", "head"])
def test_nesting_of_the_json_of_a_logs_record_up_to_the_limit(api, name, depth, form):
    path = f"/v1/logs/{name}{form}{depth}"
    if form == "head":
        answer = api.put(path, b'{"head":{"json":%s}}' % nested(depth), type="application/json")
        return verdict(answer, depth - 512, "bad_json")
    assert api.put(path).status == 201
    body, type = BODIES[form]
    answer = api.post(path + "/append", body % nested(depth), type=type)
    verdict(answer, depth - 512, "bad_json")
    records = api.get(path + "/walk?as=json").body.splitlines()[:-1]
    assert records == ([b'{"json":%s}' % nested(depth)] if depth <= 512 else [])


@pytest.mark.parametrize("depth", [63, 64, 65])
def test_nesting_of_options_up_to_the_limit(api, name, depth):
    body = b'{"x":' * depth + b"1" + b"}" * depth
    answer = api.put(f"/v1/pools/{name}", body, type="application/json")
    check_problem(answer, "unknown_property" if depth <= 64 else "bad_json")


@pytest.mark.parametrize("offset", OFFSETS)
def test_line_of_ndjson_up_to_the_limit(api, name, offset):
    pool = f"{name}{offset + 1}"
    api.create(pool)
    line = b'{"text":"x"}'.ljust((8 << 20) + offset)
    verdict(api.try_append(pool, line + b"\n", type="application/x-ndjson"), offset, "too_large")


@pytest.mark.parametrize("length", [2**63 - 1, 2**63, 2**64 - 1])
def test_length_beyond_all_limits_is_refused_before_the_body(shared, api, name, length):
    api.create(f"{name}{length}")
    with Raw(shared.port, timeout=2) as raw:
        raw.send(
            f"POST /v1/pools/{name}{length}/append HTTP/1.1\r\nHost: h\r\n"
            f"Content-Length: {length}\r\n\r\n".encode())
        assert raw.read_answer().status == 413


def test_connections_that_are_reset_leave_room_for_others(start):
    server = start(http_connections_per_address=20, http_threads=1)
    for _ in range(200):
        reset = socket.create_connection(("127.0.0.1", server.port))
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()

    def are_served():
        held = [Raw(server.port, timeout=5) for _ in range(18)]
        try:
            answers = [raw.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").read_answer()
                       for raw in held]
            return all(answer is not None and answer.status == 200 for answer in answers)
        except OSError:
            return False
        finally:
            for raw in held:
                raw.close()

    wait_until(are_served, what="room for 18 connections")


@pytest.mark.parametrize("kind", ["http_connections", "http_connections_per_address"])
def test_connections_up_to_the_limit_and_beyond_it_the_others_go_on(start, kind):
    server = start(**{kind: 8}, http_threads=1)
    held = [Raw(server.port) for _ in range(8)]
    try:
        for raw in held:
            raw.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            assert raw.read_answer().status == 200
        with Raw(server.port, timeout=2) as beyond:
            try:
                answer = beyond.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").read_answer()
            except (ConnectionError, TimeoutError):
                answer = None
            assert answer is None or answer.status == 503
        figures = held[0].send(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").read_answer()
        assert b"tidemark_http_connections_refused_total 1\n" in figures.body
        for raw in held:
            raw.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            assert raw.read_answer().status == 200
        held.pop().close()

        def is_served():
            with Raw(server.port, timeout=2) as raw, contextlib.suppress(OSError):
                answer = raw.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").read_answer()
                return answer is not None and answer.status == 200

        from support.server import wait_until

        wait_until(is_served, what="a free place to be given away")
    finally:
        for raw in held:
            raw.close()


def test_queue_takes_one_append_larger_than_its_bytes(start):
    api = start(append_queue_bytes=1024).client
    api.create("p")
    assert api.append("p", b"x" * 100_000)["next"] == 100_000


@pytest.mark.parametrize("text", [
    b'{"\xc3\xa9":1,"e\xcc\x81":2}', b'{"\xe2\x84\xab":1,"\xc3\x85":2}',
])
def test_names_that_only_unicode_calls_equal_are_two_unknown_properties(start, text):
    json.loads(text)
    server = start()
    answer = server.client.put("/v1/pools/p", text, type="application/json")
    check_problem(answer, "unknown_property")


def test_memory_for_json_is_bounded_by_its_size(start):
    server = start()
    server.client.create("p")
    base = server.resident()
    body = b'{"record":{"json":{"%s":[%s]}}}' % (b"k" * 20_000, b",".join([b"0"] * 30_000))
    answer = server.client.try_append("p", body, type="application/json")
    assert answer.status == 200
    peak = server.resident("VmHWM")
    assert peak - base < 64 << 20, f"{len(body)} bytes of JSON took {(peak - base) >> 20} MiB"


def test_bodies_that_are_received_at_once_share_a_bound(start):
    server = start(http_bodies_bytes=1 << 20)
    server.client.create("p")
    head = "POST /v1/pools/p/append HTTP/1.1\r\nHost: h\r\nContent-Length: 700000\r\n\r\n".encode()
    with Raw(server.port) as first:
        first.send(head + b"a" * 699_999)
        held = "tidemark_http_request_bodies_held_bytes 699999\n"
        wait_until(lambda: held in server.client.get("/metrics").body.decode(), what="the body")
        refused = server.client.try_append("p", b"b" * 700_000)
        assert refused.code == "overloaded" and refused.headers["Retry-After"]
        assert refused.json["applied"] == "no"
        assert server.client.append("p", b"small")["bytes"] == 5
        assert first.send(b"a").read_answer().status == 200
    assert server.client.append("p", b"b" * 700_000)["bytes"] == 700_000


def test_pieces_of_imports_count_with_the_bodies(start):
    server = start(http_bodies_bytes=1 << 20)
    head = ("POST /v1/pools/p%d/import HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n"
            "Content-Type: application/octet-stream\r\n\r\n")

    def held():
        text = server.client.get("/metrics").body.decode()
        return int(text.split("\ntidemark_http_request_bodies_held_bytes ")[1].split("\n")[0])

    imports = [Raw(server.port) for _ in range(4)]
    for number, raw in enumerate(imports):
        raw.send((head % number).encode() + b"a" * 600_000)
    wait_until(lambda: 500_000 < held() <= 1 << 20, what="the pieces")
    for raw in imports:
        raw.send(b"b" * 3_400_000)
        assert raw.read_answer().code == "not_a_pool"
        raw.close()
    wait_until(lambda: held() == 0, what="the end of the pieces")
