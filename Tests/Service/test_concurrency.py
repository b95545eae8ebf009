"""Many clients doing everything to the same pools at once: no deadlock, no death, no nonsense."""

import contextlib
import http.client
import threading
import time

from support import pmemlog
from support.client import Raw, envelope
from support.machine import IS_SLOW, patient
from support.server import wait_until

NAMES = ["a", "b", "c"]


def random_request(dice):
    """A request about one of few pools; appends are the most frequent."""
    pool = f"/v1/pools/{dice.choice(NAMES)}"
    return dice.choice([
        ("PUT", pool, None), ("PUT", pool, None), ("DELETE", pool, None),
        ("DELETE", pool + "?keep_file=true", None), ("POST", pool + "/open", None),
        ("POST", pool + "/close", None), ("POST", pool + "/rewind", None), ("GET", pool, None),
        ("GET", pool + "/walk", None), ("GET", pool + "/walk?wait_ms=20", None),
        ("GET", pool + "/data", None), ("GET", pool + "/check?live=true", None),
        ("GET", pool + "/check", None), ("GET", pool + "/export", None), ("GET", "/v1/pools", None),
        ("GET", "/readyz", None), *[("POST", pool + "/append", b"r" * dice.randint(1, 5000))] * 12,
    ])


def test_everything_at_once_ends_in_answers_only(start, dice):
    server = start()
    seeds = [dice.randrange(2**32) for _ in range(10)]
    answers, faults, stop = {}, [], threading.Event()

    def work(seed):
        import random

        own = random.Random(seed)
        with server.new_client(timeout=patient(10)) as client:
            while not stop.is_set():
                method, path, body = random_request(own)
                try:
                    answer = client.request(method, path, body)
                except (http.client.IncompleteRead, http.client.RemoteDisconnected) as error:
                    # A stream of bytes whose pool goes is cut.
                    if not path.endswith(("/walk", "/data", "/export", "wait_ms=20")):
                        faults.append((method, path, repr(error)))
                    continue
                except OSError as error:
                    faults.append((method, path, repr(error)))
                    return
                key = answer.status, answer.code
                answers[key] = answers.get(key, 0) + 1
                if answer.status >= 500 and answer.code != "pool_full":
                    faults.append((method, path, answer))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in seeds]
    for thread in threads:
        thread.start()
    time.sleep(4)
    stop.set()
    for thread in threads:
        thread.join(patient(20))
        assert not thread.is_alive(), "a request hangs"
    print(answers)
    assert server.is_alive, server.lines
    assert faults == [] and sum(answers.values()) > (50 if IS_SLOW else 500)
    # Nobody outside holds a pool, and none is given under two names.
    assert not any(status == 423 for status, _ in answers), answers
    assert server.stop() == 0
    for file in (server.data / "pools").iterdir():
        assert pmemlog.check(file) is True


def test_pool_made_and_removed_by_many_is_never_half_there(start):
    server = start()
    counts, faults = [], []

    def work():
        with server.new_client() as client:
            mine = 0
            for _ in range(60):
                mine += client.put("/v1/pools/p", headers={"If-None-Match": "*"}).status == 201
                answer = client.try_append("p", b"x")
                if answer.status not in (200, 404):
                    faults.append(answer)
                mine -= client.delete("/v1/pools/p").status == 204
            counts.append(mine)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    is_there = server.client.get("/v1/pools/p").status == 200
    assert sum(counts) == is_there, "made and removed do not add up"


def test_readers_see_only_whole_batches(start):
    """A walk ends at an append's end, whatever is being appended meanwhile."""
    server = start()
    server.client.create("p", pool_size=64 << 20)
    stop = threading.Event()

    def write():
        batch = {"records": [envelope(b"<" + b"0123456789" * 50), envelope(b"middle"),
                             envelope(b"0123456789" * 50 + b">")]}
        with server.new_client() as client:
            while not stop.is_set():
                assert client.post("/v1/pools/p/append", batch).status == 200

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(60):
        data = server.client.walk("p")
        assert len(data) % 1008 == 0
        assert data.count(b"<") == data.count(b">") == len(data) // 1008
    stop.set()
    for writer in writers:
        writer.join()


def test_clients_that_leave_while_they_wait_are_forgotten(start):
    server = start()
    server.client.create("p")
    waiting = [Raw(server.port) for _ in range(50)]
    for raw in waiting:
        raw.send(b"GET /v1/pools/p/walk?wait_ms=60000 HTTP/1.1\r\nHost: h\r\n\r\n")

    def metrics(name):
        text = server.client.get("/metrics").body.decode()
        return next(
            int(line.split()[1]) for line in text.splitlines()
            if line.startswith(f"tidemark_{name} "))

    wait_until(lambda: metrics("http_requests_in_flight") == 51, what="all to wait")
    for raw in waiting:
        raw.close()
    server.client.append("p", b"news")
    wait_until(lambda: metrics("http_connections") == 1, what="them to be gone")
    assert metrics("http_requests_in_flight") == 1
    assert server.stop() == 0


def test_many_waiters_are_all_answered_by_one_append(start):
    server = start()
    server.client.create("p")
    answers = []

    def wait():
        with server.new_client() as client, contextlib.suppress(http.client.HTTPException):
            answers.append(client.get("/v1/pools/p/walk?wait_ms=30000").body)

    threads = [threading.Thread(target=wait) for _ in range(60)]
    for thread in threads:
        thread.start()
    text = "tidemark_http_requests_in_flight 61\n"
    wait_until(lambda: text in server.client.get("/metrics").body.decode(), what="all to wait")
    server.client.append("p", b"news")
    for thread in threads:
        thread.join(patient(10))
    assert answers == [b"news"] * 60


def test_as_many_requests_at_once_as_the_library_asks_events_for_are_all_answered(start):
    """libmicrohttpd waits for ever if exactly 128 events come at once; on any machine some do."""
    server = start(http_threads=1)
    server.client.create("p", pool_size=8 << 20)
    request = b"POST /v1/pools/p/append HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Raw(server.port, 20)) for _ in range(128)]
        for _ in range(60):
            for client in clients:
                client.send(request)
            for client in clients:
                assert client.read_answer().status == 200
    assert server.client.item("p")["tell"] == 128 * 60
