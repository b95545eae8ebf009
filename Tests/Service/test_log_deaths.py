"""Death at every single call that changes something, in a long run of requests to logs (P2, P8).

As test_deaths.py does for pools. What a request makes of a log is not modelled but seen, in a run
in which nothing dies: afterwards each log must be what it was before or after the request under way,
or between them if that came to several records or files.
"""

import contextlib
import gzip
import http.client
import itertools
import os
import random
import shutil

import pytest

from support import logs
from support.client import frames
from support.deaths import DEATHS, count_calls, die, die_everywhere
from support.faults import Faults
from support.server import Server, StartFailed

STEPS = 170
FRAMES = "application/x-record-frames"
BYTES = "application/octet-stream"
HEAD = b"HEAD"
KINDS = {
    "halt": {},
    "haltx": {"format": "external", "head": {"text": HEAD.decode()}},
    "far": {"file": "far/away/log", "head": {"text": HEAD.decode()}},
    "wrap": {"type": "wrap", "size": {"max_no_bytes": 200, "max_no_files": 3}},
    "wraph": {"type": "wrap", "size": {"max_no_bytes": 150, "max_no_files": 4},
              "head": {"text": HEAD.decode()}},
    "wrapx": {"type": "wrap", "format": "external",
              "size": {"max_no_bytes": 150, "max_no_files": 3}},
    "single": {"type": "wrap", "size": {"max_no_bytes": 120, "max_no_files": 1}},
    "rotate": {"type": "rotate", "size": {"max_no_bytes": 150, "max_no_files": 3}},
}


class Script:
    """Requests; the same in every run, so that a number always means the same call."""

    def __init__(self, steps):
        self.dice = random.Random(21)
        # Of the logs that are there: whether they are open.
        self.open = {}
        self.base = {}
        self.requests = []
        for name in KINDS:
            self.create(name)
        while len(self.requests) < steps:
            self.step()

    def step(self):
        kind = self.dice.choices(
            ["append", "batch", "truncate", "reopen", "size", "move", "close", "create", "head",
             "delete", "sync"],
            [12, 6, 3, 3, 3, 3, 3, 4, 1, 2, 1])[0]
        if kind == "create":
            names = [name for name in KINDS if not self.open.get(name)]
        elif kind == "delete":
            names = list(self.open)
        else:
            names = [name for name, is_open in self.open.items() if is_open]
        if kind in ("size", "move"):
            names = [name for name in names if "type" in KINDS[name]]
        if names:
            getattr(self, kind)(self.dice.choice(names))

    def add(self, name, method, path, body=None, type=None):
        self.requests.append((name, method, f"/v1/logs/{name}{path}", body, type))

    def data(self):
        return b"<%d:%s>" % (len(self.requests), b"x" * self.dice.choice([0, 5, 30, 90, 180]))

    def create(self, name):
        self.open[name] = True
        self.add(name, "PUT", "", KINDS[name])

    def append(self, name):
        query = self.dice.choice(["", "?durability=written"])
        self.add(name, "POST", "/append" + query, self.data(), BYTES)

    def batch(self, name):
        records = [b"%d" % part + self.data() for part in range(self.dice.choice([3, 9]))]
        self.add(name, "POST", "/append", frames(records), FRAMES)

    def truncate(self, name):
        text = self.dice.choice([None, "new", "new " * 60])
        self.add(name, "POST", "/truncate", {"head": {"text": text}} if text else None)

    def reopen(self, name):
        # Over what an earlier one left, now and then.
        file = f"old/{name}.{'ABC'[self.dice.randrange(3)]}"
        self.add(name, "POST", "/reopen", {"file": file})

    def size(self, name):
        size = {"max_no_bytes": self.dice.choice([100, 150, 300]),
                "max_no_files": self.dice.choice([1, 2, 3, 5])}
        self.add(name, "PATCH", "", {"size": size})

    def head(self, name):
        self.add(name, "PATCH", "", {"head": {"text": self.dice.choice(["one", "other"])}})

    def move(self, name):
        self.add(name, "POST", "/next_file")

    def sync(self, name):
        self.add(name, "POST", "/sync")

    def close(self, name):
        self.open[name] = False
        self.add(name, "POST", "/close")

    def delete(self, name):
        del self.open[name]
        self.add(name, "DELETE", "")

    def run(self, server, look=None):
        """Makes the requests until the server is gone; how many were answered."""
        done = 0
        try:
            for name, method, path, body, type in self.requests:
                answer = server.client.request(method, path, body, type=type)
                # A log that grew beyond a new size has it all the same, and a halt log has none.
                assert answer.status in (200, 201, 204), (done, answer)
                done += 1
                if look:
                    look(name)
            server.stop()
        except (OSError, http.client.HTTPException):
            server.close_client()
        return done


SCRIPT = Script(STEPS)


def find(server, name):
    """The log as it is; None if there is none."""
    if server.client.get(f"/v1/logs/{name}").status == 404:
        return None
    return logs.Found(server.client, name)


def laid_away(data, name):
    """What reopenings have moved away, by file name."""
    folder = data / "old"
    found = {}
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        if not path.name.startswith(name + "."):
            continue
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        if path.suffix in (".idx", ".siz"):
            continue
        found[path.name] = content if "x" in name or name == "rotate" else logs.items_of(content)
    return found


class Golden:
    """What each request makes of its log, when nothing dies."""

    def __init__(self, folder):
        self.states, self.away = [{}], [{}]
        with Server(folder / "data") as server:
            def look(name):
                self.states.append({**self.states[-1], name: find(server, name)})
                self.away.append({**self.away[-1], name: laid_away(server.data, name)})

            assert SCRIPT.run(server, look) == len(SCRIPT.requests)

    def fault(self, server, done):
        """What is wrong with all logs after so many answered requests."""
        for name in KINDS:
            before = self.states[done].get(name), self.away[done].get(name, {})
            is_next = done < len(SCRIPT.requests) and SCRIPT.requests[done][0] == name
            after = before
            if is_next and SCRIPT.requests[done][1] == "PUT":
                # Who was not answered asks again.
                answer = server.client.put(f"/v1/logs/{name}", SCRIPT.requests[done][3])
                if answer.status not in (200, 201):
                    return f"opening {name} again gives {answer}"
            if is_next:
                after = self.states[done + 1].get(name), self.away[done + 1].get(name, {})
            found = find(server, name), laid_away(server.data, name)
            fault = compare(found, before, after)
            if fault:
                step = shown(SCRIPT.requests[done]) if is_next else "nothing"
                return f"{name} with {step} under way: {fault}"
        return None


def shown(request):
    _, method, path, body, _ = request
    return method, path, body[:40] if isinstance(body, bytes) else body


def compare(found, before, after):
    """What is wrong with a log that was `before`, or on the way to `after`; None if nothing is."""
    for wanted in (before, after):
        if found == wanted:
            return None
    log, away = found
    if log is None or before[0] is None or after[0] is None:
        return f"there is {log}, not {before[0]} nor {after[0]}"
    if log.fault:
        return f"{log}: {log.fault}"
    if away not in (before[1], after[1]):
        return f"what was moved away is {away}, not {before[1]} nor {after[1]}"
    if before[1] != after[1]:
        emptied = away == after[1]
        wanted = after[0] if emptied else before[0]
        if log.records != wanted.records and not (emptied and log.oldest == log.position):
            return f"there is {log}, and moved away was {away}; not {wanted}"
    if not before[0].position <= log.position <= after[0].position:
        return f"there is {log}, not {before[0]} to {after[0]}"
    for place in range(log.oldest, log.position):
        # What is overwritten again by the end of the request was written by it.
        is_passing = before[0].position <= place < after[0].oldest
        if not is_passing and log.at(place) not in (before[0].at(place), after[0].at(place)):
            return f"position {place} has {log.at(place)} in {log}, not {before[0]} nor {after[0]}"
    for place in range(before[0].oldest, before[0].position):
        kept = before[0].at(place)
        if kept == after[0].at(place) and log.at(place) != kept:
            return f"position {place} is lost in {log}; it was {before[0]}, to be {after[0]}"
    return None


def die_and_look(golden, folder, nth, after, second=None):
    """What is wrong after the death at that call, in words; None if all is well.

    The server that finds it dies too, at its call number `second`.
    """
    done, fault = die(SCRIPT, folder, nth, after)
    if fault:
        return fault
    data = folder / "data"
    if second:
        die_again(data, Faults(folder / "again"), second, done)
    try:
        return look(golden, data, done)
    except AssertionError as failure:
        return f"after {done} requests {failure}"


def look(golden, data, done):
    """What is wrong with what the death after so many answered requests has left."""
    with Server(data) as server:
        fault = golden.fault(server, done)
        if fault:
            return f"after {done} requests {fault}"
        seen = {name: find(server, name) for name in KINDS}
        files = contents(data)
        # Found again, it is the same.
        server.restart(kill=True)
        for name, log in seen.items():
            again = find(server, name)
            if again != log:
                return f"after {done} requests, repaired twice: {log} became {again}"
        if contents(data) != files:
            return f"after {done} requests, repaired twice: other files"
        for name, log in seen.items():
            fault = log and goes_on(server, log)
            if fault:
                return f"after {done} requests {fault}"
        if os.listdir(data / ".tidemark" / "new"):
            return "something half made was left"
        return None


def die_again(data, faults, second, done):
    # A log whose making was cut short is not known for what it is, until it is asked for again.
    half_made = {name for name, method, *_ in SCRIPT.requests[done:done + 1] if method == "PUT"}
    faults.die(second)
    try:
        with Server(data, **faults.options) as server:
            for name in sorted(KINDS.keys() - half_made):
                find(server, name)
            server.kill9()
    except (StartFailed, OSError, http.client.HTTPException):
        pass



def contents(data):
    found = {}
    for folder in ("logs", "old", "far/away"):
        for path in sorted((data / folder).iterdir()) if (data / folder).exists() else ():
            # A closed log is marked while it is looked at.
            content = path.read_bytes()
            found[path.name] = content[:4] + content[8:]
    return found


def goes_on(server, log):
    """Takes one more record, which is found behind the others."""
    if log.state == "closed":
        assert server.client.put(log.path, KINDS[log.name]).status == 200
    answer = server.client.post(log.path + "/append", b"works", type=BYTES)
    if answer.status != 200:
        return f"appending to {log} gives {answer}"
    first = answer.json["first"]
    now = logs.Found(server.client, log.name)
    if first < log.position or now.fault or now.position != answer.json["next"]:
        return f"{log} became {now} with a record at {first}: {now.fault}"
    wanted = b"works" if isinstance(now.records, dict) else b"w"
    return None if now.at(first) == wanted else f"{now} has no record at {first}"


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    return Golden(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    return count_calls(SCRIPT, tmp_path_factory.mktemp("calls"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_death_at_any_call_leaves_the_state_before_or_after(
    golden, calls, tmp_path_factory, dice, after
):
    def die_maybe_twice(folder, number):
        # Every third time the one that mends it dies too.
        second = dice.randrange(1, 60) if number % 3 == 0 else None
        fault = die_and_look(golden, folder, number, after, second)
        return fault and f"then {second}: {fault}"

    die_everywhere(calls, tmp_path_factory, dice, die_maybe_twice)


@pytest.mark.parametrize("files", [1, 2, 4])
def test_death_at_any_call_of_a_truncation_leaves_all_or_nothing(tmp_path, files):
    """Of a ring that went round: a part of it would have other positions."""
    faults, path = Faults(tmp_path / "faults"), "/v1/logs/l"

    def make_and_truncate(api, nth):
        size = {"max_no_bytes": 100, "max_no_files": files}
        assert api.put(path, {"type": "wrap", "size": size}).status == 201
        for number in range(3 * files + nth % files):
            api.post(path + "/append", frames([b"%d" % number] * 3), type=FRAMES)
        before = logs.Found(api, "l")
        faults.die(nth)
        with contextlib.suppress(OSError, http.client.HTTPException):
            assert api.post(path + "/truncate").status == 200
        return before

    with Server(tmp_path / "data", **faults.options) as server:
        make_and_truncate(server.client, 0)
        calls = faults.changes
        assert calls > 5
        for nth in range(1, calls + 1):
            server.client.delete(path)
            before = make_and_truncate(server.client, nth)
            assert server.wait() == -9
            faults.die(0)
            server.start()
            found = logs.Found(server.client, "l")
            is_empty = found.oldest == found.position == before.position and not found.records
            # The generation may be a new one all the same.
            is_whole = (found.oldest, found.records) == (before.oldest, before.records)
            assert is_empty or is_whole, f"call {nth} of {calls}: {before} became {found}"


@pytest.mark.parametrize("kind", ["halt", "haltx", "wrap", "wrapx", "rotate"])
@pytest.mark.parametrize("request_of", ["reopen", "truncate"])
def test_death_of_who_mends_a_death_leaves_all_or_nothing(tmp_path, dice, kind, request_of):
    """All pairs of calls that the two may die at; some of them unless all are wanted."""
    faults, path, data = Faults(tmp_path / "faults"), "/v1/logs/l", tmp_path / "data"
    body = {"file": "old/l"} if request_of == "reopen" else None

    def die_in_request(nth):
        shutil.rmtree(data, ignore_errors=True)
        with Server(data, **faults.options) as server:
            api = server.client
            assert api.put(path, KINDS[kind]).status == 201
            for number in range(4):
                assert api.post(path + "/append", b"<%d>" % number, type=BYTES).status == 200
            before = logs.Found(api, "l")
            faults.die(nth)
            with contextlib.suppress(OSError, http.client.HTTPException):
                assert api.post(f"{path}/{request_of}", body).status == 200
            calls = faults.changes
            server.kill9()
        faults.die(0)
        return before, calls

    def die_while_mending(nth):
        faults.die(nth)
        with contextlib.suppress(StartFailed, OSError, http.client.HTTPException):
            with Server(data, **faults.options) as server:
                server.client.get(path)
                server.kill9()
                return False
        return True

    calls = die_in_request(0)[1]
    for first in range(1, calls + 1) if DEATHS == "all" else [dice.randint(1, calls)]:
        seconds = itertools.count(1) if DEATHS == "all" else sorted(dice.sample(range(1, 60), 4))
        for second in seconds:
            before, _ = die_in_request(first)
            has_died = die_while_mending(second)
            faults.die(0)
            with Server(data, **faults.options) as server:
                found = logs.Found(server.client, "l")
            is_empty = found.oldest == before.position and found.records in ({}, b"", HEAD)
            is_whole = (found.oldest, found.records) == (before.oldest, before.records)
            assert found.fault is None, (first, second, found.fault)
            assert is_empty or is_whole, f"{first}, then {second}: {before} became {found}"
            if not has_died:
                break


@pytest.mark.parametrize("kind", ["halt", "wrap", "rotate"])
def test_named_reopening_that_is_sent_again_after_a_death_overwrites_nothing(tmp_path, dice, kind):
    faults, path, body = Faults(tmp_path / "faults"), "/v1/logs/l", {"file": "old/l"}
    key = {"Idempotency-Key": "once"}

    def reopen(data, nth):
        with Server(data, **faults.options) as server:
            api = server.client
            assert api.put(path, KINDS[kind]).status == 201
            assert api.post(path + "/append", b"<kept>", type=BYTES).status == 200
            faults.die(nth)
            with contextlib.suppress(OSError, http.client.HTTPException):
                assert api.post(path + "/reopen", body, key).status == 200
            calls = faults.changes
            server.kill9()
        faults.die(0)
        return calls

    calls = reopen(tmp_path / "all", 0)
    numbers = range(1, calls + 1)
    for nth in numbers if DEATHS == "all" else sorted(dice.sample(numbers, min(calls, 12))):
        data = tmp_path / str(nth)
        reopen(data, nth)
        with Server(data, **faults.options) as server:
            assert server.client.post(path + "/reopen", body, key).status in (200, 409), nth
        files = [file.read_bytes() for folder in ("logs", "old") if (data / folder).exists()
                 for file in (data / folder).iterdir()]
        assert any(b"<kept>" in (gzip.decompress(file) if file[:2] == b"\x1f\x8b" else file)
                   for file in files), nth
