"""Many, slow and greedy clients; few descriptors; stopping under load; starting over much data."""

import contextlib
import http.client
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from support import pmemlog, poolfile
from support.client import Client, Raw
from support.history import History
from support.machine import IS_SLOW, needs_speed, patient
from support.server import Server, wait_until

CONNECTIONS = int(os.environ.get("TIDEMARK_CONNECTIONS", 2000))
STOPS = int(os.environ.get("TIDEMARK_STOPS", 5))
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
MANY = {"http_connections": CONNECTIONS + 100, "http_connections_per_address": CONNECTIONS + 100}


@pytest.fixture(scope="module", autouse=True)
def descriptors():
    """The client's side needs many of them too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connections(server):
    text = server.client.get("/metrics").body.decode()
    return int(re.search(r"^tidemark_http_connections (\d+)$", text, re.M)[1])


def usual(client, count=50):
    """The median time of a health check."""
    times = []
    for _ in range(count):
        began = time.monotonic()
        assert client.get("/healthz").status == 200
        times.append(time.monotonic() - began)
    return sorted(times)[count // 2]


def test_idle_connections_cost_little_and_nobody_notices(start):
    server = start(**MANY)
    server.client.get("/healthz")
    before, calm = server.resident(), usual(server.client)
    idle = []
    try:
        for _ in range(CONNECTIONS):
            idle.append(socket.create_connection(("127.0.0.1", server.port)))
        wait_until(lambda: connections(server) > CONNECTIONS, what="all connections")
        assert IS_SLOW or (server.resident() - before) / CONNECTIONS < 8192
        assert usual(server.client) < 5 * calm + patient(0.02)
        for one in idle[::100]:
            one.sendall(REQUEST)
            assert one.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        for one in idle:
            one.close()
    wait_until(lambda: connections(server) == 1, what="all to be gone")


# P24: slow senders are cut by absolute deadlines, whatever they dribble


def dribble(port, start, piece, seconds):
    """Sends a start, then a piece every 0.1 s; how long the server let it."""
    began = time.monotonic()
    with Raw(port, 5) as raw:
        raw.send(start)
        try:
            while time.monotonic() - began < seconds:
                raw.send(piece)
                raw.socket.settimeout(0.1)
                try:
                    if not raw.socket.recv(1000):
                        break
                except TimeoutError:
                    continue
        except ConnectionError:
            pass
    return time.monotonic() - began


SLOW = {"http_header_timeout_ms": 1000, "http_body_timeout_ms": 1500,
        "http_request_timeout_ms": 20_000, "http_idle_timeout_ms": 4000}
POST = b"POST /v1/pools/p/append HTTP/1.1\r\nHost: h\r\n"


@pytest.mark.parametrize("start_, piece, least, most", [
    pytest.param(b"GET /healthz HTTP/1.1\r\nHost: h\r\n", b"X: y\r\n", 0.8, 3, id="headers"),
    pytest.param(b"GET /", b"x", 0.8, 3, id="request line"),
    pytest.param(POST + b"Content-Length: 1000\r\n\r\n", b"x", 1.2, 4, id="body"),
    pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 1.2, 4, id="chunks"),
    pytest.param(b"", b"\r\n", 0.5, 6, id="line ends"),
])
def test_sender_that_dribbles_is_cut_at_the_deadline(start, start_, piece, least, most):
    server = start(**SLOW)
    server.client.create("p")
    assert least < dribble(server.port, start_, piece, 8) < patient(most)
    with server.new_client() as client:
        assert client.tell("p") == 0
        assert 'connections_cut_total 1' in client.get("/metrics").body.decode()


def test_idle_connection_is_closed_at_the_idle_deadline(start):
    server = start(http_idle_timeout_ms=1000)
    began = time.monotonic()
    with Raw(server.port, 5) as raw:
        assert raw.send(REQUEST).read_answer().status == 200
        assert raw.is_closed()
    assert 0.8 < time.monotonic() - began < patient(4)


def test_slow_senders_do_not_close_the_service_to_others(start):
    server = start(**SLOW, http_connections=300, http_connections_per_address=300)
    server.client.create("p")
    stop = threading.Event()
    reopened = []

    def hold():
        while not stop.is_set():
            try:
                dribble(server.port, b"GET /healthz HTTP/1.1\r\nHost: h\r\n", b"X: y\r\n", 4)
            except OSError:
                pass
            reopened.append(1)

    threads = [threading.Thread(target=hold) for _ in range(280)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        assert server.client.get("/healthz").status == 200
        assert server.client.try_append("p", b"x").status == 200
    stop.set()
    for thread in threads:
        thread.join()
    assert len(reopened) >= 280


@pytest.mark.skipif(not shutil.which("slowhttptest"), reason="needs slowhttptest")
@pytest.mark.parametrize("mode", ["-H", "-B"])
def test_slowhttptest_finds_the_service_available(start, mode, tmp_path):
    server = start(**SLOW, **MANY)
    server.client.create("p")
    server.close_client()
    done = subprocess.run(
        ["slowhttptest", mode, "-c", "300", "-r", "200", "-i", "1", "-l", "6", "-x", "10", "-p", "2",
         "-u", f"http://127.0.0.1:{server.port}/v1/pools/p/append", "-t", "POST"],
        capture_output=True, text=True, cwd=tmp_path)
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert set(re.findall(r"service available:\s+(\w+)", text)) == {"YES"}, text[-800:]
    # All were cut before the test's own end.
    assert "No open connections left" in text, text[-800:]
    assert server.client.get("/healthz").status == 200


@pytest.mark.parametrize("form", [
    "application/octet-stream", "application/x-ndjson", "application/x-record-frames"])
def test_clients_that_do_not_read_cost_bounded_memory(start, form):
    server = start()
    server.client.create("big", pool_size=66 << 20)
    for _ in range(8):
        server.client.append("big", b"x" * (8 << 20))
    before, calm = server.resident("RssAnon"), usual(server.client)
    readers = []
    try:
        for number in range(50):
            readers.append(Raw(server.port, receive_buffer=4096).send(
                f"GET /v1/pools/big/walk?chunk_size={[0, 1000][number % 2]} HTTP/1.1\r\n"
                f"Host: h\r\nAccept: {form}\r\n\r\n".encode()))
        for raw in readers:
            assert raw.fill()
        # What fits into the sockets is still being written.
        wait_until(lambda: usual(server.client) < 5 * calm + patient(0.02), what="calm")
        assert server.client.append("big", b"goes on")["bytes"] == 7
        assert IS_SLOW or (server.resident("RssAnon") - before) / 50 < 256 << 10
    finally:
        for raw in readers:
            raw.close()


def test_without_descriptors_accepting_pauses_and_what_is_open_goes_on(start):
    server = start(limits={resource.RLIMIT_NOFILE: 64})
    server.client.create("p")
    held = []
    try:
        for _ in range(200):
            held.append(socket.create_connection(("127.0.0.1", server.port)))
        for _ in range(20):
            assert server.client.try_append("p", b"x").status == 200
            answer = server.client.get("/v1/pools/other")
            assert answer.status in (404, 503), answer
        assert server.client.get("/healthz").status == 200
    finally:
        for one in held:
            one.close()

    def is_served():
        try:
            with Client(server.port, timeout=1) as client:
                return client.put("/v1/pools/after").status in (200, 201)
        except (OSError, http.client.HTTPException):
            return False

    wait_until(is_served, what="it to accept again")


# P30: stopping


def test_stop_under_load_answers_what_is_under_way_and_leaves_clean_files(start):
    server = start()
    server.client.create("p", pool_size=64 << 20)
    history = History(writers=6)
    for cycle in range(STOPS):
        stop = threading.Event()
        before = len(history.acknowledged)
        threads = history.run(server, "p", stop)
        wait_until(lambda before=before: len(history.acknowledged) > before + 20, what="load")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < patient(5)
        stop.set()
        for thread in threads:
            thread.join()
        path = server.data / "pools" / "p"
        assert poolfile.is_clean(path) and pmemlog.pmempool("check", path)[0] == 0
        assert history.judge(poolfile.used(path)) is None, f"cycle {cycle}"
        server.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_it_at_once(start, number):
    server = start()
    server.client.create("p")
    with Raw(server.port) as raw:
        raw.send(POST + b"Content-Length: 10\r\n\r\nhalf")
        in_flight = "tidemark_http_requests_in_flight 2"
        wait_until(lambda: in_flight in server.client.get("/metrics").body.decode(), what="it")
        server.signal(number)
        server.wait_line("draining")
        wait_until(lambda: server.client.get("/readyz").status == 503, what="the drain")
        began = time.monotonic()
        server.signal(number)
        assert server.wait(5) == 128 + number and time.monotonic() - began < patient(2)


def test_request_that_never_ends_is_cut_when_patience_ends(start):
    server = start(http_drain_timeout_ms=500)
    server.client.create("p")
    with Raw(server.port) as raw:
        raw.send(POST + b"Content-Length: 10\r\n\r\nhalf")
        in_flight = "tidemark_http_requests_in_flight 2"
        wait_until(lambda: in_flight in server.client.get("/metrics").body.decode(), what="it")
        began = time.monotonic()
        assert server.stop() == 0
        assert 0.4 < time.monotonic() - began < patient(4)
    assert poolfile.is_clean(server.data / "pools" / "p")


def answer_when_stopped(server, ask):
    """The answer to a request that waits, once the service stops, which it must do at once."""
    answers = []

    def wait():
        with server.new_client() as client, contextlib.suppress(http.client.HTTPException, OSError):
            answers.append(ask(client))

    waiter = threading.Thread(target=wait)
    waiter.start()
    in_flight = "tidemark_http_requests_in_flight 2"
    wait_until(lambda: in_flight in server.client.get("/metrics").body.decode(), what="the wait")
    began = time.monotonic()
    assert server.stop() == 0
    waiter.join()
    assert time.monotonic() - began < patient(3) and answers
    return answers[0]


def test_wait_for_a_pin_ends_when_the_service_stops(start):
    server = start(http_drain_timeout_ms=5000)
    api, pages = server.client, "/v1/mpools/p/files/f"
    assert api.put("/v1/mpools/p").status == 201
    assert api.put(pages, {"pagesize": 4096, "create": True}).status == 201
    held = api.post(pages + "/fget", {"flags": ["new"], "mode": "write"})
    assert held.status == 200, held
    answer = answer_when_stopped(server, lambda client: client.post(
        pages + "/fget", {"pgno": held.json["pgno"], "wait_ms": 60_000}))
    assert answer.code == "page_pinned"


def test_waiting_walk_is_answered_at_once_when_the_service_stops(start):
    server = start(http_drain_timeout_ms=5000)
    server.client.create("p")
    answer = answer_when_stopped(
        server, lambda client: client.get("/v1/pools/p/walk?wait_ms=30000"))
    assert answer.status == 200


# P31: starting


@needs_speed
def test_start_with_nothing_is_quick(start):
    assert start().ready_after < 1


@needs_speed
def test_start_over_ten_thousand_pools_takes_less_than_two_seconds(tmp_path):
    data = tmp_path / "data"
    with Server(data) as server:
        server.client.create("model")
        server.client.append("model", b"hello")
    model = (data / "pools" / "model").read_bytes()[:8192 + 4096]
    for number in range(10_000):
        with open(data / "pools" / f"n{number:05}", "wb") as file:
            file.write(model)
            file.truncate(2 << 20)
    with Server(data) as server:
        assert server.ready_after < 2
        began = time.monotonic()
        page = server.client.get("/v1/pools?limit=1000").json
        assert len(page["pools"]) == 1000 and page["next_page_token"]
        assert time.monotonic() - began < 5
        assert server.client.walk("n09999") == b"hello"
        assert server.resident() < 100 << 20
    shutil.rmtree(data)


@needs_speed
def test_start_over_a_large_pool_does_not_read_it(tmp_path):
    data = tmp_path / "data"
    with Server(data) as server:
        server.client.create("big", pool_size=512 << 20)
    with Server(data) as server:
        assert server.ready_after < 1
        began = time.monotonic()
        assert server.client.tell("big") == 0
        assert time.monotonic() - began < 1
        read = pathlib.Path(f"/proc/{server.pid}/io").read_text()
        assert int(re.search(r"rchar: (\d+)", read)[1]) < 64 << 20
