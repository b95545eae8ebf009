"""Logs under everything at once, and what many or large logs cost (P25, P26, P29, P31)."""

import http.client
import os
import random
import re
import threading
import time

from support import logs
from support.client import Raw, frames
from support.machine import IS_SLOW, needs_program, needs_speed
from support.server import Server, wait_until

# Seconds of everything at once; open logs; MiB of a log that is walked.
SECONDS = float(os.environ.get("TIDEMARK_LOG_SECONDS", "4"))
LOGS = int(os.environ.get("TIDEMARK_LOGS", "1000"))
LARGE = int(os.environ.get("TIDEMARK_LOG_MIB", "64"))
FRAMES = "application/x-record-frames"
BYTES = "application/octet-stream"
OPTIONS = {
    "a": {}, "b": {"size": 200_000}, "x": {"format": "external"},
    "w": {"type": "wrap", "size": {"max_no_bytes": 2000, "max_no_files": 4}},
    "v": {"type": "wrap", "format": "external", "size": {"max_no_bytes": 2000, "max_no_files": 3}},
    "r": {"type": "rotate", "size": {"max_no_bytes": 5000, "max_no_files": 3}},
}


class Chaos:
    """Clients that do everything to the same logs, each with dice of its own."""

    def __init__(self, server, seed):
        self.server, self.seed = server, seed
        self.stop = threading.Event()
        self.unexpected = []

    def client(self, number, weights):
        dice = random.Random(self.seed + number)
        kinds, chances = zip(*weights.items(), strict=True)
        api = self.server.new_client(timeout=60)
        while not self.stop.is_set():
            kind = dice.choices(kinds, chances)[0]
            name = dice.choice(list(OPTIONS))
            try:
                getattr(self, kind)(api, f"/v1/logs/{name}", name, dice)
            except (OSError, http.client.HTTPException) as failure:
                api.close()
                if not self.server.is_alive:
                    self.unexpected.append(repr(failure))
                    return

    def note(self, answer):
        # A log may be closed, removed, full, blocked or emptied at any moment; nothing may break.
        if answer.status >= 500 and answer.code not in ("overloaded", "wait_timeout"):
            self.unexpected.append(repr(answer))
        return answer

    def append(self, api, path, name, dice):
        records = [b"r" * dice.choice([1, 30, 400]) for _ in range(dice.choice([1, 1, 9]))]
        durability = dice.choice(["accepted", "written", "synced"])
        self.note(api.post(f"{path}/append?durability={durability}&wait_ms=20", frames(records),
                           type=FRAMES))

    def chunk(self, api, path, name, dice):
        cont = "start"
        for _ in range(4):
            wait = dice.choice([0, 0, 20])
            answer = self.note(api.get(f"{path}/chunk?cont={cont}&n=20&wait_ms={wait}"))
            if answer.status != 200:
                return
            cont = answer.json["cont"]

    def walk(self, api, path, name, dice):
        self.note(api.get(path + ("/data" if name in "xvr" else "/walk")))

    def look(self, api, path, name, dice):
        self.note(api.get(dice.choice([path, "/v1/logs", "/metrics", path + "/handles"])))

    def change(self, api, path, name, dice):
        kind = dice.choice(["truncate", "reopen", "next_file", "sync", "size", "info"])
        if kind == "size":
            size = 100_000 if name in "abx" else {
                "max_no_bytes": dice.choice([1000, 3000]), "max_no_files": dice.choice([2, 5])}
            self.note(api.request("PATCH", path, {"size": size}))
        else:
            body = {"file": f"old/{name}"} if kind == "reopen" else None
            self.note(api.post(f"{path}/{kind}", body))

    def hold(self, api, path, name, dice):
        handle = self.note(api.post(path + "/handles", {"ttl_ms": 1000, "notify": True}))
        if handle.status != 201:
            return
        headers = {"Log-Handle": handle.json["handle"]}
        self.note(api.post(path + "/block", {"queue_log_records": dice.random() < 0.5}, headers))
        self.note(api.get(path, headers))
        if dice.random() < 0.5:
            self.note(api.post(path + "/unblock", None, headers))
        if dice.random() < 0.5:
            self.note(api.delete(f"{path}/handles/{headers['Log-Handle']}"))

    def listen(self, api, path, name, dice):
        with Raw(self.server.port, timeout=0.2) as raw:
            raw.send(f"GET {path}/notifications HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            try:
                for _ in range(3):
                    raw.fill()
            except TimeoutError:
                pass

    def open(self, api, path, name, dice):
        self.note(api.put(path, OPTIONS[name]))

    def close(self, api, path, name, dice):
        self.note(api.post(path + "/close"))

    def remove(self, api, path, name, dice):
        self.note(api.delete(path + dice.choice(["", "?keep_files=true"])))


def test_everything_at_once_breaks_nothing(start, seed):
    server = start()
    for name, options in OPTIONS.items():
        assert server.client.put(f"/v1/logs/{name}", options).status == 201
    chaos = Chaos(server, seed)
    roles = [{"append": 8, "open": 1}, {"append": 8, "open": 1}, {"append": 4, "chunk": 4},
             {"chunk": 3, "walk": 3, "look": 2}, {"walk": 1, "chunk": 1, "change": 2},
             {"change": 3, "open": 2}, {"hold": 1, "open": 1}, {"listen": 1, "open": 1},
             {"open": 6, "close": 3, "remove": 1}]
    threads = [threading.Thread(target=chaos.client, args=row) for row in enumerate(roles)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS * (5 if IS_SLOW else 1))
    chaos.stop.set()
    for thread in threads:
        thread.join()
    assert server.is_alive and not chaos.unexpected, "\n".join(chaos.unexpected[:5])
    # Each log works, and is whole.
    for name, options in OPTIONS.items():
        path = f"/v1/logs/{name}"
        for handle in server.client.get(path + "/handles").json.get("handles", []):
            server.client.delete(f"{path}/handles/{handle['handle']}")
        answer = server.client.put(path, {
            key: value for key, value in options.items() if key != "size" or name == "r"})
        if answer.status not in (200, 201):
            answer = server.client.put(path, options)
        assert answer.status in (200, 201) or answer.code == "arg_mismatch", answer
        answer = server.client.post(path + "/append", b"works", type=BYTES)
        assert answer.status == 200 or answer.code == "log_full", answer
        found = logs.Found(server.client, name) if name not in "xvr" else None
        assert found is None or not found.fault, (found, found.fault)
    assert server.stop() == 0


@needs_speed
def test_open_logs_cost_little_and_delay_no_start(start):
    server = start(storage_free_bytes=0)
    client = server.client
    for number in range(50):
        assert client.put(f"/v1/logs/warm{number}").status == 201
    before = server.resident()
    for number in range(LOGS):
        assert client.put(f"/v1/logs/l{number}").status == 201
        assert client.post(f"/v1/logs/l{number}/append", b"record", type=BYTES).status == 200
    cost = (server.resident() - before) / LOGS
    print(f"{cost / 1024:.1f} KiB a log")
    assert cost < 64 * 1024
    for kill in (False, True):
        server.restart(kill=kill)
        print(f"ready after {server.ready_after:.3f} s")
        assert server.ready_after < 1
        # Nobody waits for those before it.
        began = time.monotonic()
        last = server.client.get(f"/v1/logs/l{LOGS - 1}")
        assert last.status == 200 and last.json["position"] == 1
        assert time.monotonic() - began < 1
        wait_until(lambda server=server: server.client.get("/readyz").status == 200, 120)


@needs_speed
def test_large_log_is_walked_and_opened_at_constant_cost(start, tmp_path):
    server = start()
    client = server.client
    client.put("/v1/logs/large")
    batch = frames([b"r" * 4000] * 250)
    for _ in range(LARGE):
        assert client.post("/v1/logs/large/append?durability=written", batch,
                           type=FRAMES).status == 200
    size = os.path.getsize(server.data / "logs" / "large.LOG")
    before = server.resident("VmHWM")
    for accept in ("application/x-ndjson", FRAMES):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/v1/logs/large/walk", headers={"Accept": accept})
        answer = connection.getresponse()
        seen = 0
        while piece := answer.read(1 << 20):
            seen += len(piece)
        assert seen > size * 0.9
        connection.close()
    grown = server.resident("VmHWM") - before
    print(f"{size >> 20} MiB walked with {grown / 2**20:.1f} MiB more")
    assert grown < 32 << 20
    server.stop()


@needs_program("strace")
@needs_speed
def test_log_that_was_closed_is_opened_without_reading_it(start, tmp_path):
    server = start()
    options = {"large": {}, "ring": {
        "type": "wrap", "size": {"max_no_bytes": 4 << 20, "max_no_files": 4}}}
    batch = frames([b"r" * 4000] * 250)
    for name, option in options.items():
        server.client.put(f"/v1/logs/{name}", option)
        for _ in range(12):
            assert server.client.post(f"/v1/logs/{name}/append?durability=written", batch,
                                      type=FRAMES).status == 200
    assert server.stop() == 0
    trace = tmp_path / "trace"
    prefix = ["strace", "-D", "-f", "-qq", "-y", "-o", trace, "-e", "trace=read,pread64,preadv2"]
    with Server(server.data, prefix=prefix, start_timeout=30) as traced:
        for name in options:
            item = traced.client.get(f"/v1/logs/{name}").json
            assert item["position"] == 3000 and item["last_open"]["result"] == "ok"
        traced.stop()
    amount = sum(
        int(done[1]) for done in re.finditer(
            r"pread\S*\(\d+<[^>]*/logs/[^>]*>.* = (\d+)$", trace.read_text(), re.M))
    print(f"{amount} bytes were read")
    assert amount < 64 * 1024
