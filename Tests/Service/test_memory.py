"""Memory that is refused: an answer of 503 or a closed connection, nothing worse (P13)."""

import contextlib
import http.client
import mmap
import os
import pathlib
import struct
import threading
import time

import pytest

from support.journal import Journal, texts
from support.logs import Found
from support.machine import build, needs_program, needs_root, needs_speed
from support.problems import check_problem
from support.progress import progress

REFUSALS = os.environ.get("TIDEMARK_REFUSALS", "12")
SECONDS = float(os.environ.get("TIDEMARK_MEMORY_SECONDS", 2))
LIBRARIES = ["libjansson", "libmicrohttpd", "libpmemlog"]
pytestmark = needs_speed


class Memory:
    """The control file, and what to start a server with."""

    def __init__(self, folder, library):
        path = folder / "memory"
        path.write_bytes(bytes(4096))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 4096)
        self.options = {"env": {"MEMORY": str(path), "MEMORY_CALLERS": library},
                        "preload": build("memory", folder)}

    def refuse(self, nth, sticky=False):
        """The nth allocation from now on is refused, or all from it on; 0: none."""
        self.map[0:4] = bytes(4)
        struct.pack_into("<iiiqq", self.map, 4, nth, sticky, 0, 0, 0)
        if nth:
            self.map[0:4] = struct.pack("<i", 1)

    @property
    def seen(self):
        return struct.unpack_from("<q", self.map, 16)[0]

    @property
    def refused(self):
        return struct.unpack_from("<q", self.map, 24)[0]


def requests(number):
    """A run of requests that lead through the libraries: method, path, body."""
    record = {"records": [{"text": f"<{number}>"}]}
    return [
        ("POST", "/v1/pools/p/append", record), ("POST", "/v1/logs/l/append", record),
        ("POST", "/v1/journals/j/append", record), ("POST", "/v1/pools/p/close", None),
        ("POST", "/v1/pools/p/open", None), ("GET", "/v1/pools/p/data", None),
        ("GET", "/v1/logs/l/walk", None), ("PUT", f"/v1/pools/n{number % 4}", {"pool_size": 2 << 20}),
        ("DELETE", f"/v1/pools/n{number % 4}", None), ("GET", "/v1/pools/p/check?live=true", None),
    ]


def acknowledge(server, number, kept):
    """Makes the requests, each with a connection of its own, as one may be cut."""
    for method, path, body in requests(number):
        kind = path.split("/")[2]
        name = f"<{number}>"
        is_append = path.endswith("/append")
        try:
            with server.new_client(timeout=20) as client:
                answer = client.request(method, path, body)
        except (OSError, http.client.HTTPException):
            if is_append:
                kept[kind, name] = "unknown"
            continue
        if answer.status == 503:
            # A pool that was made may lack the memory to be opened: then asking again opens it.
            applied = ("no", "yes") if method == "PUT" else ("no",)
            assert answer.json["code"] == "overloaded" and answer.json["applied"] in applied, answer
        else:
            # A pool may be closed when its opening was refused.
            assert answer.status < 300 or answer.status in (404, 409), answer
        if is_append:
            kept[kind, name] = answer.status == 200


def judge(server, kept):
    """What was acknowledged is there, what was refused is not, and nothing twice."""
    server.client.post("/v1/pools/p/open")
    found = {
        "pools": server.client.walk("p").decode(),
        "logs": "".join(text.decode() for text in Found(server.client, "l").records.values()),
        "journals": "".join(
            text.decode() for text in texts(Journal(server.client, "j").rows()[0]).values()),
    }
    for (kind, name), answer in kept.items():
        count = found[kind].count(name)
        assert count <= 1 and (answer == "unknown" or count == int(answer)), (kind, name, answer)


@needs_program("cc")
@pytest.mark.parametrize("sticky", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_without_memory_refuses_and_damages_nothing(start, tmp_path, library, sticky):
    memory = Memory(tmp_path, library)
    server = start(**memory.options)
    for path in ("/v1/pools/p", "/v1/logs/l", "/v1/journals/j"):
        assert server.client.put(path).status == 201
    kept = {}
    memory.refuse(0)
    acknowledge(server, 0, kept)
    assert all(kept.values())
    total = memory.seen
    if library == "libpmemlog" and not total:
        pytest.skip("the library asks for no memory while it works")
    numbers = range(1, total + 1)
    if REFUSALS != "all":
        count = min(total, int(REFUSALS))
        numbers = [1 + total * place // count for place in range(count)]
    hits = aborts = 0
    for number in progress(numbers, "refusal"):
        memory.refuse(number, sticky)
        acknowledge(server, number, kept)
        hits += memory.refused > 0
        memory.refuse(0)
        with contextlib.suppress(OSError, http.client.HTTPException):
            server.new_client().get("/healthz")
            continue
        server.wait()
        if library == "libpmemlog":
            # The library itself ends the process (abort) at some of those that it needs to open a pool.
            assert server.process.returncode == -6
            aborts += 1
            server.start()
            continue
        pytest.fail(f"allocation {number}: it died: {server.lines[-5:]}")
    judge(server, kept)
    assert hits > len(numbers) // 2
    print(f"{hits} of {total} allocations refused, {aborts} ended the process")
    server.restart()
    judge(server, kept)


@contextlib.contextmanager
def memory_group(limit):
    """Command words that run what follows with so much memory; None where nothing can bound it."""
    old, new = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")
    root, file = (old, "memory.limit_in_bytes") if old.is_dir() else (new, "memory.max")
    group = root / f"tidemark-{os.getpid()}"
    try:
        group.mkdir()
        (group / file).write_text(str(limit))
    except OSError:
        yield None
        return
    try:
        yield ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
    finally:
        for _ in range(100):
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.05)  # the kernel lets go of the last process after a while


@needs_root
def test_a_steady_load_fits_into_64_mebibytes(start):
    """The page cache is of the group, too: reading and writing more than fits must not end it."""
    with memory_group(64 << 20) as prefix:
        if prefix is None:
            pytest.skip("needs a memory cgroup")
        server = start(prefix=prefix)
        for path in ("/v1/pools/p", "/v1/logs/l", "/v1/journals/j"):
            body = {"pool_size": 256 << 20} if "pools" in path else None
            assert server.client.put(path, body).status == 201
        end, kept, statuses, problems = time.monotonic() + SECONDS, {}, set(), []

        def load(writer):
            kind = ("pools/p", "logs/l", "journals/j")[writer % 3]
            number = 0
            try:
                with server.new_client(timeout=60) as client:
                    while time.monotonic() < end:
                        name = f"<{writer}-{number}>"
                        number += 1
                        answer = client.post(
                            f"/v1/{kind}/append", name.encode().ljust(50_000, b"."),
                            type="text/plain")
                        statuses.add(answer.status)
                        if answer.status != 200:
                            check_problem(answer, answer.code)
                            assert answer.status in (503, 507), answer
                        kept[kind, name] = answer.status == 200
                        if number % 20 == 0:
                            read = "data" if "pools" in kind else "walk"
                            assert client.get(f"/v1/{kind}/{read}").status == 200
            except Exception as problem:  # noqa: BLE001: shown by the test
                problems.append(f"writer {writer}: {problem!r}")

        threads = [threading.Thread(target=load, args=(writer,)) for writer in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.is_alive, "the kernel ended it"
        assert not problems, problems
        found = {
            "pools/p": server.client.walk("p"),
            "logs/l": b"".join(Found(server.client, "l").records.values()),
            "journals/j": b"".join(texts(Journal(server.client, "j").rows()[0]).values()),
        }
        for (kind, name), was_kept in kept.items():
            assert found[kind].count(name.encode()) == int(was_kept), (kind, name)
        print(f"{len(kept)} appends, answered {sorted(statuses)}")
        server.close()
