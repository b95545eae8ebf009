"""What libmicrohttpd lets pass or stumbles over, row by row, and mutated requests."""

import os
import re
import socket

import pytest

from support.client import Raw
from support.progress import progress

HEAD = "Host: h\r\n"
POST = "POST /v1/pools/raw/append HTTP/1.1\r\nHost: h\r\n"


@pytest.fixture(scope="module")
def port(shared):
    with shared.new_client() as client:
        client.create("raw", pool_size=16 << 20)
    return shared.port


def converse(port, request):
    """Sends bytes, half-closes, and gives all statuses that come."""
    with Raw(port, 5) as raw:
        try:
            raw.send(request).half_close()
        except OSError:
            pass
        try:
            while raw.fill():
                # The first bytes are waited for; more of them follow at once, if any do.
                raw.socket.settimeout(0.2)
        except TimeoutError:
            assert raw.buffer, f"neither an answer nor an end: {request[:200]!r}"
        return [int(text) for text in re.findall(rb"(?:^|\n)HTTP/1\.[01] (\d{3})", raw.buffer)]


def status_of(port, request):
    """The status of the answer, which must be whole; None if the connection was cut."""
    with Raw(port, 5) as raw:
        try:
            answer = raw.send(request).read_answer(request.split(b" ")[0].decode("latin-1"))
        except ConnectionError:
            return None
        return answer and answer.status


def refuse(port, request, *statuses):
    """The request is refused, the connection closed, and what follows it not executed."""
    if isinstance(request, str):
        request = request.encode("latin-1")
    with Raw(port, 5) as raw:
        raw.send(request)
        answer = raw.read_answer()
        assert answer is not None, "closed without an answer"
        assert answer.status in statuses, answer
        # Behind a refusal nothing may be read as another request.
        try:
            raw.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        except OSError:
            return answer
        assert raw.is_closed(), "the connection stays open"
        return answer


SMUGGLED = "POST /v1/pools/raw/rewind HTTP/1.1\r\nHost: h\r\n\r\n"


def test_length_and_chunked_is_400_and_nothing_smuggled_is_executed(port, api):
    api.append("raw", b"must stay")
    before = api.item("raw")
    inner = f"0\r\n\r\n{SMUGGLED}"
    for one, other in (("Content-Length: {}", "Transfer-Encoding: chunked"),
                       ("Transfer-Encoding: chunked", "Content-Length: {}")):
        headers = f"{one}\r\n{other}\r\n\r\n".format(len(inner))
        assert refuse(port, POST + headers + inner, 400).code == "bad_request"
    assert api.item("raw") == before


@pytest.mark.parametrize("headers, statuses", [
    ("Content-Length: 3\r\nContent-Length: 4\r\n", [400]),
    ("Content-Length: 3\r\nContent-Length: 3\r\n", [400]),
    ("Host: other\r\nContent-Length: 3\r\n", [400]),
    ("Transfer-Encoding: xchunked\r\n", [400, 501]),
    ("Transfer-Encoding: gzip, chunked\r\n", [400, 501]),
    ("Transfer-Encoding: identity\r\nContent-Length: 3\r\n", [400, 501]),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", [400, 501]),
    ("Transfer-Encoding: gzip\r\n", [400, 501]),
    ("Transfer-Encoding:\r\n", [400, 501]),
    ("Content-Length : 3\r\n", [400]),
    ("Content-Length\t: 3\r\n", [400]),
    ("Transfer-Encoding : chunked\r\n", [400]),
    ("Expect: teapot\r\nContent-Length: 3\r\n", [417]),
    ("Content-Length: +5\r\n", [400, 413]),
    ("Content-Length: -5\r\n", [400, 413]),
    ("Content-Length: 0x5\r\n", [400, 413]),
    ("Content-Length: 5, 5\r\n", [400, 413]),
    ("Content-Length: 5 6\r\n", [400, 413]),
    ("Content-Length:\r\n", [400, 413]),
    ("Content-Length: 18446744073709551621\r\n", [400, 413]),
    ("Content-Length: 3\r\nX: a\rb\r\n", [400]),
    ("no colon here\r\nContent-Length: 3\r\n", [400]),
], ids=repr)
def test_ambiguous_head_is_refused_and_the_connection_closed(port, api, headers, statuses):
    before = api.item("raw")
    refuse(port, POST + headers + "\r\nabc", *statuses)
    assert api.item("raw") == before


@pytest.mark.parametrize("line, statuses", [
    ("G\x01T /healthz HTTP/1.1", [400]), ("GET\x7f /healthz HTTP/1.1", [400]),
    ("GET /healthz HTTP/2.0", [505]), ("GET /healthz HTTP/9.9", [505]),
    ("GET healthz HTTP/1.1", [400, 404]), ("GET http://h/healthz HTTP/1.1", [400, 404, 200]),
], ids=repr)
def test_strange_request_line_is_refused(port, line, statuses):
    with Raw(port, 5) as raw:
        raw.send(f"{line}\r\n{HEAD}\r\n".encode("latin-1"))
        assert raw.read_answer().status in statuses


@pytest.mark.parametrize("request_", [
    b"GET /healthz\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n\r\n", b"\0" * 50 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
], ids=repr)
def test_what_is_hardly_http_is_refused_cut_or_waited_with(port, request_):
    with Raw(port, 0.5) as raw:
        try:
            answer = raw.send(request_).read_answer()
        except (TimeoutError, ConnectionError):
            answer = None
        assert answer is None or answer.status in (400, 404, 405, 431, 505)
    assert status_of(port, b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n") == 200


def test_missing_host_is_400(port):
    assert status_of(port, b"GET /healthz HTTP/1.1\r\n\r\n") == 400
    assert status_of(port, b"GET /healthz HTTP/1.0\r\n\r\n") == 200


def test_answer_to_a_missing_host_is_well_formed(port):
    with Raw(port, 5) as raw:
        answer = raw.send(b"GET /healthz HTTP/1.1\r\n\r\n").read_answer()
        assert not answer.body.startswith(b"HTTP/1.1") and raw.buffer == b""


@pytest.mark.parametrize("chunk", [
    b"0x5\r\nabcde\r\n0\r\n\r\n", b"-1\r\nabc\r\n0\r\n\r\n", b"11111111111111111\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabcdef\r\n0\r\n\r\n", b"\r\nabc\r\n0\r\n\r\n", b"zz\r\nabc\r\n0\r\n\r\n",
], ids=repr)
def test_broken_chunk_is_400_or_413_and_nothing_is_appended(port, api, chunk):
    before = api.item("raw")
    refuse(port, POST.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk, 400, 413)
    assert api.item("raw") == before


@pytest.mark.parametrize("size", [16 << 10, 40 << 10, 64 << 10])
def test_long_target_is_414_and_long_header_is_431(port, size):
    long = b"x" * size
    assert status_of(port, b"GET /" + long + b" HTTP/1.1\r\nHost: h\r\n\r\n") in (414, 431)
    assert status_of(port, b"GET / HTTP/1.1\r\nHost: h\r\nX: " + long + b"\r\n\r\n") == 431


def test_thousand_headers_are_431(port):
    many = b"".join(b"X-%d: some value that is not short\r\n" % number for number in range(1000))
    assert status_of(port, b"GET /healthz HTTP/1.1\r\nHost: h\r\n" + many + b"\r\n") == 431


@pytest.mark.parametrize("path", ["/healthz%00x", "/healthz%00", "/v1/pools/raw%00/tell"])
def test_zero_byte_in_the_path_is_404(port, path):
    assert status_of(port, f"GET {path} HTTP/1.1\r\n{HEAD}\r\n".encode()) == 404


def test_tolerated_forms_still_work_and_mean_the_same(port, api):
    api.post("/v1/pools/raw/rewind")
    assert status_of(port, b"GET /healthz HTTP/1.1\nHost: h\n\n") == 200
    assert status_of(
        port, POST.encode() + b"Transfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0\r\n\r\n"
    ) == 200
    assert api.walk("raw") == b"abc"


@pytest.mark.parametrize(
    "method", ["OPTIONS", "GET", "HEAD", "PATCH", "TRACE", "BREW", "DELETE"])
@pytest.mark.parametrize("body", [
    "Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
    ids=["length", "chunks"])
def test_body_where_none_belongs_gets_an_answer(port, method, body):
    status = status_of(port, f"{method} /v1/pools/raw/append HTTP/1.1\r\n{HEAD}{body}".encode())
    assert status in ((204, 400) if method == "OPTIONS" else (400, 405))


def test_pipelined_requests_are_answered_in_order(port, api):
    api.post("/v1/pools/raw/rewind")
    request = "".join(f"{POST}Content-Length: 1\r\n\r\n{number}" for number in range(10))
    with Raw(port) as raw:
        raw.send(request.encode())
        for number in range(10):
            assert raw.read_answer().json["first"] == number
    assert api.walk("raw") == b"0123456789"


def test_request_that_comes_byte_by_byte_is_answered(port):
    with Raw(port) as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in f"{POST}Content-Length: 3\r\n\r\nabc".encode():
            raw.send(bytes([byte]))
        assert raw.read_answer().status == 200


def test_client_that_leaves_in_the_middle_of_a_body_leaves_nothing(shared, port, api):
    from support.server import wait_until

    before = api.item("raw")
    for _ in range(20):
        with Raw(port) as raw:
            raw.send(f"{POST}Content-Length: 100\r\n\r\npart of it".encode())
    text = "tidemark_http_requests_in_flight 1\n"
    wait_until(lambda: text in api.get("/metrics").body.decode(), what="all to have ended")
    assert api.item("raw") == before


def test_connection_close_and_http_1_0_are_closed_after_the_answer(port):
    for request in (b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                    b"GET /healthz HTTP/1.0\r\n\r\n"):
        with Raw(port, 5) as raw:
            assert raw.send(request).read_answer().status == 200
            assert raw.is_closed()


def test_connections_that_clients_have_half_closed_and_left_do_not_linger(start):
    from support.server import wait_until

    server = start(http_idle_timeout_ms=60_000)
    for _ in range(15_000):
        with Raw(server.port) as raw:
            raw.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").half_close()
            assert raw.read_answer().status == 200
    text = "tidemark_http_connections 1\n"
    wait_until(lambda: text in server.client.get("/metrics").body.decode(), 8, "them to be gone")


SEEDS = [
    b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /v1/pools/raw/walk?chunk_size=10&from=0&limit=2 HTTP/1.1\r\nHost: h\r\n"
    b"Accept: application/x-ndjson;q=0.5, */*\r\n\r\n",
    b"GET /v1/pools/raw/data HTTP/1.1\r\nHost: h\r\nRange: bytes=0-9\r\n"
    b"If-Range: \"aaaaaaaa.1-5\"\r\nIf-None-Match: \"b.1-1\", *\r\n\r\n",
    b"PUT /v1/pools/mutant HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    b"Content-Length: 44\r\nIf-None-Match: *\r\n\r\n{\"pool_size\": 2097152, \"mode\": \"0600\"}      \n",
    b"POST /v1/pools/raw/append?at=0&durability=synced HTTP/1.1\r\nHost: h\r\nPrefer: return=minimal;"
    b"x=1, wait=5\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /v1/pools/raw/append HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1c\r\n{\"text\":\"a\"}\n{\"b64\":\"YQ==\"}\n\r\n0\r\n\r\n",
    b"POST /v1/pools/raw/append HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    b"Content-Length: 35\r\n\r\n{\"records\":[{\"json\":{\"a\":[1,2.5]}}]}",
    b"POST /v1/pools/raw/append HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-record-frames\r\n"
    b"Content-Length: 7\r\n\r\n\0\0\0\3abc",
    b"GET /v1/pools?limit=5&prefix=a&state=open&page_token=n1.6161 HTTP/1.1\r\nHost: h\r\n"
    b"Origin: http://h\r\nRequest-Id: abc\r\n\r\n",
    b"GET /v1/pools/raw/walk?cont=p1.aaaaaaaa.1.5.abc HTTP/1.1\r\nHost: h\r\n\r\n",
]
BITS = [b"\0", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b";", b",", b"=", b"\"", b"%00", b"%", b"\xff",
        b"*", b"-1", b"99999999999999999999", b"9223372036854775807", b"{", b"[", b"\\u0000", b"/../",
        b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n"]


def mutate(dice, data):
    data = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(data) + 1)
        end = min(len(data), place + dice.randint(1, 8))
        kind = dice.randrange(6)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << dice.randrange(8)
        elif kind == 1:
            del data[place:end]
        elif kind == 2:
            data[place:place] = dice.choice(BITS)
        elif kind == 3:
            data[place:end] = dice.choice(BITS)
        elif kind == 4:
            data[place:place] = data[place:end] * dice.randint(1, 50)
        else:
            other = dice.choice(SEEDS)
            start = dice.randrange(len(other))
            data[place:place] = other[start:start + dice.randint(1, 60)]
    return bytes(data)


def test_mutated_requests_never_meet_a_5xx_and_never_end_the_service(start, dice):
    server = start(http_header_timeout_ms=1000, http_body_timeout_ms=1000)
    server.client.create("raw")
    server.close_client()
    count = int(os.environ.get("TIDEMARK_MUTANTS", 2000))
    statuses = {}
    for number in progress(range(count), "request"):
        request = mutate(dice, dice.choice(SEEDS))
        try:
            found = converse(server.port, request)
        except OSError as error:
            found = []
            assert server.is_alive, f"request {number} ended the service ({error}): {request!r}"
        for status in found:
            statuses[status] = statuses.get(status, 0) + 1
            # 501 and 505 are refusals, 507 says that the pool is full.
            assert status < 500 or status in (501, 505, 507), (status, request)
    print(statuses)
    assert server.is_alive and server.client.get("/healthz").status == 200
    assert sum(statuses.values()) > count / 2
