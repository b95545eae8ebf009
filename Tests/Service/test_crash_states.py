"""Every state that a power failure may leave of a small workload: it opens, with all that was
acknowledged (P4)."""

import itertools
import os
import pathlib
import shutil

import pytest

from support import crash_states, poolfile
from support.crash_states import Folder, calls_of, states
from support.journal import Journal, texts
from support.logs import CLOSED, OPENED, Found
from support.machine import build, needs_program
from support.progress import progress
from support.server import Server

SIZES = int(os.environ.get("TIDEMARK_SIZES", 2))
STATES = int(os.environ.get("TIDEMARK_STATES", 20))
HALT = ("logs", {"size": 100_000}, [
    "small", "large", "truncate", "reopen", "change_size", "close"])
WRAP = ("logs", {"type": "wrap", "size": {"max_no_bytes": 300, "max_no_files": 3}}, [
    "small", "large", "truncate", "reopen", "change_size", "inc_wrap_file", "close"])
KINDS = {
    "pool": ("pools", {"pool_size": 2 << 20}, ["small", "large", "rewind", "close"]),
    "halt": HALT,
    "wrap": WRAP,
    "external": ("logs", {**WRAP[1], "format": "external"}, WRAP[2]),
    "journal": ("journals", {"file_max": 102_400, "prealloc": False}, [
        "small", "large", "checkpoint", "change_size", "close"]),
}
pytestmark = needs_program("cc")


def text(number, operation):
    return b"<%d:%s>" % (number, b"x" * (10_000 if operation == "large" else 20))


class Workload:
    """A creation and a few operations, with the calls that they made and what was there behind each."""

    def __init__(self, kind, operations, folder, library, data):
        self.kind, self.operations = kind, operations
        self.folder, self.options, _ = KINDS[kind]
        self.path = f"/v1/{self.folder}/s"
        self.before, _ = Folder.of(data)
        trace = folder / "calls"
        trace.write_bytes(b"")
        root = folder / "data"
        inodes = self.copy(data, root)
        env = {"CALLS": str(trace), "CALLS_ROOT": str(root.resolve())}
        # How much of the trace there was when each was answered, and what is found from then on.
        answered, self.contents = [], [None]
        with Server(root, env=env, preload=library) as server:
            api = server.client
            assert api.put(self.path, self.options).status == 201
            answered.append(trace.stat().st_size)
            self.contents.append(self.read(api))
            for number, operation in enumerate(operations):
                self.run(api, number, operation)
                answered.append(trace.stat().st_size)
                content = self.contents[-1]
                self.contents.append(content if operation == "close" else self.read(api))
                if operation == "close":
                    assert api.post(self.path + "/open").status == 200
            server.kill9()
        data = trace.read_bytes()
        self.calls = calls_of(data, self.before, inodes)
        self.answered = [len(calls_of(data[:end], self.before, inodes)) for end in answered]

    def copy(self, data, root):
        shutil.copytree(data, root)
        inodes = {}
        for name, number in self.before.names.items():
            inodes[os.stat(root / name).st_ino] = number
        return inodes

    def run(self, api, number, operation):
        if operation in ("small", "large"):
            answer = api.post(self.path + "/append", text(number, operation), type="text/plain")
        elif operation == "reopen":
            answer = api.post(self.path + "/reopen", {"file": f"logs/old{number}"})
        elif operation == "change_size":
            size = {"pools": {}, "journals": {"durability": "synced"}}.get(self.folder)
            if size is None:
                size = {"size": {"max_no_bytes": 400, "max_no_files": 4 + number}}
                if self.kind == "halt":
                    size = {"size": 200_000 + number}
            answer = api.request("PATCH", self.path, size)
        else:
            answer = api.post(f"{self.path}/{operation}")
        assert answer.status == 200, (operation, answer)

    def read(self, api):
        """What a client finds; None if there is no such resource."""
        if api.get(self.path).status == 404:
            return None
        if self.folder == "pools":
            api.post(self.path + "/open")
            return api.walk("s")
        if self.folder == "journals":
            api.post(self.path + "/open")
            return list(texts(Journal(api, "s").rows()[0]).values())
        found = Found(api, "s")
        assert not found.fault, found.fault
        return found.records

    def fault(self, end, folder, place):
        """What is wrong with a state, in words."""
        shutil.rmtree(place, ignore_errors=True)
        folder.write(place)
        done = sum(answered <= end for answered in self.answered)
        allowed = self.contents[done:done + 2]
        with Server(place) as server:
            api = server.client
            try:
                if done == 0:
                    # Nobody was told that it is there: who asks again must get it.
                    answer = api.put(self.path, self.options)
                    if answer.status not in (200, 201):
                        return f"it cannot be made: {answer}"
                found = self.read(api)
            except AssertionError as problem:
                return str(problem)
            if self.kind == "external" and found and allowed[0] is not None:
                # Bytes without any form: of what was not acknowledged a part may be there, or zeros.
                done = allowed[0] if found.startswith(allowed[0]) else b""
                found = allowed[0] if done and len(found) <= len(allowed[-1]) else found
                if not allowed[0] and len(found) <= len(allowed[-1] or b""):
                    found = allowed[0]
            if found not in allowed:
                return f"{found!r:.200} is none of {allowed!r:.300}"
            if found is not None:
                api.post(self.path + "/open")
                answer = api.post(self.path + "/append", b"<more>", type="text/plain")
                if answer.status != 200:
                    return f"it takes nothing more: {answer}"
        return None


@pytest.fixture(scope="module")
def recorder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calls")
    with Server(folder / "empty"):
        pass
    return build("calls", folder), folder / "empty"


@pytest.fixture
def place(tmp_path):
    """Where states are written; in memory, since no power fails here."""
    shared = pathlib.Path("/dev/shm")
    folder = shared / f"states-{os.getpid()}" if os.access(shared, os.W_OK) else tmp_path / "state"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def workloads(kind):
    """All sequences of operations of up to that length, the shorter ones first."""
    return [each for size in range(1, SIZES + 1)
            for each in itertools.product(KINDS[kind][2], repeat=size)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_that_a_failure_may_leave_opens_with_all_that_was_acknowledged(
        kind, recorder, dice, tmp_path, place):
    every = workloads(kind)
    chosen = every if STATES > 40 * len(every) else dice.sample(
        every, min(len(every), max(2, STATES // 40)))
    wrong, count = [], 0
    for number, operations in enumerate(progress(chosen, "workload")):
        folder = tmp_path / str(number)
        folder.mkdir()
        workload = Workload(kind, operations, folder, *recorder)
        found = list(states(workload.before, workload.calls))
        limit = max(1, STATES // len(chosen))
        if len(found) > limit:
            found = [found[each] for each in sorted(dice.sample(range(len(found)), limit))]
        for end, what, state in found:
            count += 1
            fault = workload.fault(end, state, place)
            if fault:
                wrong.append(f"{operations}, {what}: {fault}")
            assert len(wrong) < 10, "\n".join(wrong)
        shutil.rmtree(folder)
    print(f"{count} states of {len(chosen)} workloads")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("torn", ["opening", "closing"])
def test_a_mark_that_was_written_in_part_is_of_a_file_that_was_not_closed(start, torn, count):
    server = start()
    options = {"halt": {}, "wrap": WRAP[1]}
    for name, body in options.items():
        assert server.client.put(f"/v1/logs/{name}", body).status == 201
        for number in range(20):
            assert server.client.post(
                f"/v1/logs/{name}/append", text(number, "small"), type="text/plain").status == 200
    before = {name: Found(server.client, name) for name in options}
    server.kill9()
    new, old = (OPENED, CLOSED) if torn == "opening" else (CLOSED, OPENED)
    files = [path for path in (server.data / "logs").iterdir() if path.name[-1] not in "xz"]
    assert len(files) == 4
    for path in files:
        poolfile.write_at(path, 4, new[:count] + old[count:])
    server.start()
    assert {name: Found(server.client, name) for name in options} == before
    server.kill9()
    assert (server.data / "logs/halt.LOG").read_bytes()[4:8] == OPENED


def test_a_ring_knows_its_size_wherever_its_reopening_was_cut_short(recorder, tmp_path, place):
    """Nobody has said the size since it was closed, and the file that says it goes with the others."""
    workload = Workload("wrap", ("close", "reopen"), tmp_path, *recorder)
    begin, end = workload.answered[1:3]
    folder = Folder(workload.before)
    for number, call in enumerate(workload.calls[:end], 1):
        folder.apply(call)
        if number > begin and call.kind == "rename":
            fault = workload.fault(number, folder, place)
            assert fault is None, f"after {call}: {fault}"


def test_a_pointer_that_goes_before_its_data_is_noticed(recorder, tmp_path, place):
    """The control: the write offset of a pool is flushed before the data."""
    workload = Workload("pool", ("large", "small"), tmp_path, *recorder)

    def is_data(call):
        return call.kind == "write" and call.path == "pools/s" and call.offset >= poolfile.DATA

    def is_pointer(call):
        return call.kind == "write" and call.path == "pools/s" and call.offset == poolfile.WRITE

    workload.calls = crash_states.swapped(workload.calls, is_data, is_pointer)
    wrong = [what for end, what, state in states(workload.before, workload.calls)
             if workload.answered[0] <= end and workload.fault(end, state, place)]
    assert wrong
