"""Disks that fail under logs: every error is an answer, and nothing that was acknowledged suffers
(P10, P11, P12)."""

import errno
import os

import pytest

from support import logs
from support.client import frames
from support.faults import Faults, calls_in, chosen, fail_each
from support.machine import needs_root, small_disk
from support.problems import CODES, check_problem
from support.progress import progress
from support.server import Server, wait_until

# Of the calls of each kind, how many fail, picked anew each time; or all.
FAULTS = os.environ.get("TIDEMARK_LOG_FAULTS", "3")
FRAMES = "application/x-record-frames"
BYTES = "application/octet-stream"
KINDS = {
    "halt": {},
    "haltx": {"format": "external", "head": {"text": "HEAD"}},
    # So many files that nothing is overwritten.
    "wrap": {"type": "wrap", "size": {"max_no_bytes": 150, "max_no_files": 60},
             "head": {"text": "HEAD"}},
    "wrapx": {"type": "wrap", "format": "external",
              "size": {"max_no_bytes": 150, "max_no_files": 60}},
    "small": {"type": "wrap", "size": {"max_no_bytes": 100, "max_no_files": 2}},
    "rotate": {"type": "rotate", "size": {"max_no_bytes": 150, "max_no_files": 60}},
}


class Run:
    """One log's life with a call that fails in it, and what is known of each record."""

    def __init__(self, server, name, kind):
        self.server, self.api, self.name, self.kind = server, server.client, name, kind
        self.path = f"/v1/logs/{name}"
        self.options = {**KINDS[kind], "file": f"logs/{name}"}
        self.external = self.options.get("format") == "external" or kind == "rotate"
        # Acknowledged, and not removed since: position by record.
        self.kept = {}
        # Neither acknowledged nor refused; refused or removed.
        self.unknown, self.absent = set(), set()
        self.next = 0
        self.count = 0

    def ask(self, method, path, body=None, type=None):
        answer = self.api.request(method, self.path + path, body, type=type)
        if answer.status >= 400:
            document = check_problem(answer, answer.code, applied=answer.json.get("applied"))
            assert document["code"] in CODES and document["code"] != "internal", document
        return answer

    def open(self):
        return self.ask("PUT", "", self.options)

    def append(self, *sizes, durability="synced"):
        records = []
        for size in sizes:
            self.count += 1
            records.append(b"<%s:%d:%s>" % (self.name.encode(), self.count, b"r" * size))
        answer = self.ask("POST", f"/append?durability={durability}", frames(records), FRAMES)
        if answer.status == 200 or answer.json.get("applied") == "partial":
            count = answer.json["count"]
            assert 0 < count <= len(records)
            place = answer.json["first"]
            assert place >= self.next, f"positions go back from {self.next} to {place}"
            for record in records[:count]:
                self.kept[record] = place
                # With heads between, only the first one's place is certain.
                place = None
            self.absent |= set(records[count:])
            self.next = answer.json["next"]
        elif answer.json.get("applied") == "no" or answer.status == 409:
            self.absent |= set(records)
        else:
            self.unknown |= set(records)

    def empty(self, path, body=None):
        answer = self.ask("POST", path, body)
        if answer.status == 200:
            gone, self.kept = self.kept, {}
            if path == "/truncate":
                self.absent |= set(gone)
        elif answer.json.get("applied") != "no" and answer.status != 409:
            self.kept = {}

    def live(self):
        self.open()
        self.append(10)
        self.append(10, 60, 5, 90, 1, 60)
        self.append(40, durability="written")
        if self.kind not in ("halt", "haltx"):
            self.ask("POST", "/next_file")
        self.append(20)
        self.empty("/truncate", {"head": {"text": "new " * 20}})
        self.append(10, 90, 90)
        self.ask("PATCH", "", {"head": {"text": "other"}})
        if self.kind == "small":
            self.options["size"] = {"max_no_bytes": 120, "max_no_files": 3}
            self.ask("PATCH", "", {"size": self.options["size"]})
        self.ask("POST", "/sync")
        self.ask("POST", "/close")
        self.open()
        self.append(30)
        self.empty("/reopen", {"file": f"logs/{self.name}-old"})
        self.append(30, 80)

    def judge(self):
        """What is wrong once the disk is well again; None if nothing is."""
        self.api.post(self.path + "/close")
        answer = self.open()
        if answer.status not in (200, 201):
            return f"it does not open again: {answer}"
        found = logs.Found(self.api, self.name)
        if found.fault:
            return f"{found}: {found.fault}"
        if found.position < self.next:
            return f"{found} ends before {self.next}"
        everything = self.everything(found)
        for record, place in self.kept.items():
            here = place is None or place < found.oldest or self.at(found, place, record)
            if not here:
                return f"{record} is not at {place} in {found}"
            is_overwritten = self.kind == "small" and (place or 0) < found.oldest
            if record not in everything and not is_overwritten and self.kind != "small":
                return f"{record}, acknowledged at {place}, is lost: {found}"
        for record in self.absent:
            if record in everything:
                return f"{record} was refused or removed, and is there: {found}"
        answer = self.api.post(self.path + "/append", b"<works>", type=BYTES)
        if answer.status != 200:
            return f"it does not work again: {answer}"
        now = logs.Found(self.api, self.name)
        if now.fault or not self.at(now, answer.json["first"], b"<works>"):
            return f"<works> at {answer.json['first']} is not in {now}: {now.fault}"
        return None

    def at(self, found, place, record):
        if isinstance(found.records, dict):
            return found.records.get(place) == record
        return found.records[place - found.oldest:][:len(record)] == record

    def everything(self, found):
        if not self.external:
            return set(found.records.values())
        data = found.records
        if self.kind == "rotate":
            data = logs.rotated(self.server.data / "logs" / self.name)
        return data


CALLS = [("pwrite", errno.ENOSPC), ("pwrite", errno.EIO), ("ftruncate", errno.EIO),
         ("fsync", errno.EIO), ("fsync", errno.ENOSPC), ("rename", errno.ENOSPC),
         ("rename", errno.EIO), ("unlink", errno.EIO), ("open", errno.ENOSPC),
         ("open", errno.EMFILE), ("open", errno.EIO), ("open", errno.EACCES),
         ("pread", errno.EIO)]


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path / "faults")


@pytest.mark.parametrize("call, error", [
    pytest.param(call, error, id=f"{call}-{errno.errorcode[error]}") for call, error in CALLS])
@pytest.mark.parametrize("sticky", [False, True], ids=["once", "for good"])
def test_every_call_that_fails_is_an_answer_and_loses_nothing(
    start, faults, dice, call, error, sticky
):
    server = start(**faults.options)
    wrong = []
    for kind in progress(KINDS, "kind"):
        healthy = Run(server, f"{kind}-0", kind)
        calls = calls_in(faults, call, healthy)
        # Halt logs empty no file.
        assert calls > 0 or call in ("unlink", "ftruncate") and kind in ("halt", "haltx", "rotate")
        assert healthy.judge() is None, healthy.judge()
        assert not healthy.unknown and len(healthy.kept) == 2
        found = fail_each(
            faults, call, chosen(calls, FAULTS, dice),
            lambda nth: Run(server, f"{kind}-{nth}", kind), sticky=sticky, error=error)
        wrong += [f"{kind}, {fault}" for fault in found]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", ["halt", "wrap", "wrapx", "rotate"])
@pytest.mark.parametrize("sticky", [False, True], ids=["once", "for good"])
def test_log_goes_on_as_soon_as_there_are_descriptors_again(start, faults, kind, sticky):
    server = start(**faults.options)
    api, path = server.client, "/v1/logs/l"
    assert api.put(path, KINDS[kind]).status == 201
    kept, nth, answer = {}, 0, None
    while answer is None or answer.status != 200:
        nth += 1
        faults.arm("open", nth, sticky=sticky, error=errno.EMFILE, path=server.data.name)
        records = [b"<%d:%d:%s>" % (nth, part, b"r" * 60) for part in range(3)]
        answer = api.post(path + "/append", frames(records), type=FRAMES)
        assert answer.status == 200 or answer.json["applied"] != "unknown", answer
        synced = api.post(path + "/sync")
        assert synced.status in (200, 503), synced
        faults.disarm()
        again = api.post(path + "/append", b"<works %d>" % nth, type=BYTES)
        assert again.status == 200, (nth, answer, synced, again)
        kept[again.json["first"]] = b"<works %d>" % nth
    assert nth > 1 or kind == "halt"
    server.restart(kill=True)
    found = logs.Found(server.client, "l")
    assert found.fault is None
    for place, record in kept.items():
        held = found.records
        there = held[place] if isinstance(held, dict) else held[place - found.oldest:][:len(record)]
        assert kind == "rotate" or there == record, (place, found)


@pytest.mark.parametrize("kind", ["wrap", "wrapx"])
def test_directory_where_the_next_file_must_go_fails_moves_only(start, kind):
    server = start()
    api = server.client
    options = {**KINDS[kind], "size": {"max_no_bytes": 100, "max_no_files": 3}, "head": None}
    assert api.put("/v1/logs/l", options).status == 201
    first = api.post("/v1/logs/l/append", b"<first>", type=BYTES).json
    (server.data / "logs" / "l.LOG.2").mkdir()
    for _ in range(3):
        answer = api.post("/v1/logs/l/next_file")
        assert answer.status == 500 and answer.json["applied"] == "no", answer
        answer = api.post("/v1/logs/l/append", b"r" * 95, type=BYTES)
        assert answer.status == 500 and answer.json["applied"] == "no", answer
    second = api.post("/v1/logs/l/append", b"<2>", type=BYTES).json
    assert second["first"] == first["next"], "a move that failed has changed positions"
    (server.data / "logs" / "l.LOG.2").rmdir()
    assert api.post("/v1/logs/l/next_file").status == 200
    third = api.post("/v1/logs/l/append", b"<3>", type=BYTES).json
    assert third["first"] == second["next"]
    server.restart(kill=True)
    found = logs.Found(server.client, "l")
    assert found.fault is None and found.position == third["next"] and found.oldest == 0


@pytest.mark.parametrize("call", ["open", "pwrite", "fsync", "rename"])
@pytest.mark.parametrize("before, after", [(12, 4), (8, 3), (4, 12)])
def test_size_that_can_not_be_written_leaves_the_ring_in_order(start, faults, call, before, after):
    server = start(**faults.options)
    api, path = server.client, "/v1/logs/l"
    size = {"max_no_bytes": 100, "max_no_files": before}
    assert api.put(path, {"type": "wrap", "size": size}).status == 201

    def fill(files):
        for number in range(files):
            assert api.post(path + "/append", b"<%d>" % number, type=BYTES).status == 200
            assert api.post(path + "/next_file").status == 200

    # Beyond the smaller size, and around once.
    fill(before + 6)
    faults.arm(call, path=server.data.name)
    answer = api.request("PATCH", path, {"size": {"max_no_bytes": 200, "max_no_files": after}})
    assert answer.status == 500 and faults.hits(call) == 1, answer
    faults.disarm()
    item = api.get(path).json
    assert item["size"] == size
    if item["state"] == "failed":
        assert call == "fsync" and api.post(path + "/close").status == 200
        assert api.post(path + "/open").status == 200
    for _ in range(3):
        fill(before - 2)
        found = logs.Found(api, "l")
        assert found.fault is None, found.fault
    server.restart(kill=True)
    found = logs.Found(server.client, "l")
    assert found.fault is None and found.item["size"] == size, found.fault


# Lets every call be the first of those that fail until nothing is mended any more.
FOR_GOOD = [("open", errno.EMFILE), ("pwrite", errno.EIO), ("fsync", errno.EIO), ("rename", errno.EIO)]


@pytest.mark.parametrize("call, error", FOR_GOOD, ids=[call for call, _ in FOR_GOOD])
@pytest.mark.parametrize("format", ["internal", "external"])
@pytest.mark.parametrize("goes_on", [False, True], ids=["killed at once", "goes on"])
def test_move_that_is_not_taken_back_leaves_every_record_in_its_place(
        start, faults, dice, call, error, format, goes_on):
    server = start(**faults.options)
    path = "/v1/logs/l"
    ring = {"type": "wrap", "format": format, "size": {"max_no_bytes": 100, "max_no_files": 3}}
    assert server.client.put(path, ring).status == 201
    step = 1 if FAULTS == "all" else 5
    kept, number, nth, failures = {}, 0, 0, None

    def append():
        nonlocal number
        number += 1
        record = b"<%05d:%s>" % (number, b"r" * 30)
        answer = server.client.post(path + "/append", record, type=BYTES)
        if answer.status == 200:
            kept[answer.json["first"]] = record
        return answer.status == 200

    while failures != 0:
        # The first one fails in any case, then some of the others.
        nth += dice.randint(1, step) if nth else 1
        # Around the ring, and to the end of a file.
        while number % 8 != 2:
            assert append()
        faults.arm(call, nth, sticky=True, error=error, path=server.data.name)
        failures = [append() for _ in range(6)].count(False)
        if goes_on:
            faults.disarm()
            for _ in range(3):
                append()
        else:
            number += 1
        server.kill9()
        faults.disarm()
        server.start()
        found = logs.Found(server.client, "l")
        assert found.fault is None, (nth, found.fault)
        for place, record in kept.items():
            if place >= found.oldest:
                held = found.records
                there = held.get(place) if format == "internal" else (
                    held[place - found.oldest:][:len(record)])
                assert there == record, (nth, place, found)
        assert found.position > max(kept)
    assert nth > 1


@pytest.mark.parametrize("nth", range(1, 8))
def test_reopening_that_fails_half_way_is_carried_on_with(start, faults, nth):
    server = start(**faults.options)
    api, path = server.client, "/v1/logs/l"
    ring = {"type": "wrap", "size": {"max_no_bytes": 100, "max_no_files": 5}}
    assert api.put(path, ring).status == 201
    records = [b"<%d>" % number for number in range(5)]
    for record in records:
        assert api.post(path + "/append", record, type=BYTES).status == 200
        if record != records[-1]:
            assert api.post(path + "/next_file").status == 200
    faults.arm("rename", nth, path=server.data.name)
    answer = api.post(path + "/reopen", {"file": "logs/old"})
    faults.disarm()
    assert answer.code in ("log_stopped", "io_error") or answer.status == 200 and nth > 5, answer
    if answer.code == "log_stopped":
        wait_until(lambda: api.get(path).json["state"] != "open", what="its end")
    for _ in range(2):
        assert api.put(path, ring).status in (200, 201)
        here = logs.Found(api, "l")
        assert here.fault is None, here.fault
        api.put("/v1/logs/old", {**ring, "file": "logs/old"})
        there = logs.Found(api, "old")
        assert there.fault is None, there.fault
        both = sorted([*here.records.values(), *there.records.values()])
        assert both == records and (not here.records or not there.records), (here, there)
        assert api.delete("/v1/logs/old?keep_files=true").status == 204
        server.restart(kill=True)
        api = server.client


@needs_root
@pytest.mark.parametrize("kind", ["halt", "haltx", "wrap", "rotate"])
def test_full_disk_is_507_and_the_log_goes_on_when_there_is_room(tmp_path, kind):
    with small_disk(tmp_path / "disk", "3m") as disk, Server(disk) as server:
        api = server.client
        options = {**KINDS[kind]}
        if "size" in options:
            options["size"] = {"max_no_bytes": 20_000, "max_no_files": 50}
        assert api.put("/v1/logs/l", options).status == 201
        filler = disk / "filler"
        filler.write_bytes(bytes(os.statvfs(disk).f_bavail * 4096 - 100_000))
        kept, refused = {}, 0
        for number in range(60):
            record = b"<%d:%s>" % (number, b"r" * 6000)
            answer = api.post("/v1/logs/l/append", record, type=BYTES)
            if answer.status == 200:
                kept[answer.json["first"]] = record
            else:
                check_problem(answer, "no_space", applied="no")
                refused += 1
        assert kept and refused
        filler.unlink()
        answer = api.post("/v1/logs/l/append", b"<works>", type=BYTES)
        assert answer.status == 200, answer
        kept[answer.json["first"]] = b"<works>"
        server.restart(kill=True)
        found = logs.Found(server.client, "l")
        assert found.fault is None, (found, found.fault)
        for place, record in kept.items():
            if place < found.oldest:
                continue
            held = found.records
            there = held.get(place) if isinstance(held, dict) else (
                held[place - found.oldest:][:len(record)])
            assert there == record, place
