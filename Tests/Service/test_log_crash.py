"""Logs killed at any moment: nothing acknowledged is lost, doubled or half there, and no position
means another record afterwards (P1)."""

import http.client
import os
import shutil
import threading
import time

import pytest

from support import logs
from support.disk_log import Erlang
from support.faults import Faults
from support.log_history import LogHistory, record
from support.machine import needs_program
from support.progress import progress

CYCLES = int(os.environ.get("TIDEMARK_CYCLES", 25))
# After so many kills the log is made anew, so that none becomes large.
CYCLES_A_LOG = 15
HEAD = {"head": {"text": "HEAD"}}
KINDS = {
    "halt": {**HEAD},
    "halt external": {"format": "external"},
    "wrap": {"type": "wrap", "size": {"max_no_bytes": 1500, "max_no_files": 4}, **HEAD},
    "wrap external": {"type": "wrap", "format": "external",
                      "size": {"max_no_bytes": 1500, "max_no_files": 4}},
    "wrap of one": {"type": "wrap", "size": {"max_no_bytes": 3000, "max_no_files": 1}, **HEAD},
    "rotate": {"type": "rotate", "size": {"max_no_bytes": 20_000, "max_no_files": 500}},
}
CHANGES = {
    "next": ("POST", "/next_file", None), "sync": ("POST", "/sync", None),
    "truncate": ("POST", "/truncate", None),
    "reopen": ("POST", "/reopen", {"file": "old/log"}),
    "larger": ("PATCH", "", {"size": {"max_no_bytes": 4000, "max_no_files": 7}}),
    "smaller": ("PATCH", "", {"size": {"max_no_bytes": 1000, "max_no_files": 2}}),
}


def change(server, name, kinds, until, dice):
    """Does what an administrator may do, until the server is gone."""
    try:
        with server.new_client(timeout=10) as client:
            while not until.wait(dice.uniform(0.0005, 0.01)):
                method, path, body = CHANGES[dice.choice(kinds)]
                client.request(method, f"/v1/logs/{name}{path}", body)
    except (OSError, http.client.HTTPException):
        return


def load_and_kill(server, history, changes, dice):
    stop = threading.Event()
    before = len(history.acknowledged)
    threads = history.run(server, stop)
    if changes:
        threads.append(threading.Thread(
            target=change, args=(server, history.name, changes, stop, dice)))
        threads[-1].start()
    while len(history.acknowledged) < before + 5:
        time.sleep(0.0005)
    time.sleep(dice.uniform(0, 0.02))
    server.kill9()
    stop.set()
    for thread in threads:
        thread.join()


def sum_of(history, kind, changes, server, real):
    """What is wrong after one more death."""
    if real:
        fault = judge_by_erlang(server.data, real, history, kind)
        if fault:
            return fault
    server.start()
    fault = history.judge_by_service(server.client)
    if fault or kind != "rotate" or changes:
        return fault
    data = logs.rotated(server.data / "logs" / "l.LOG")
    if len(data) != history.found.position:
        return f"its archives hold {len(data)} bytes of {history.found.position}"
    for (writer, number), place in history.acknowledged.items():
        if not data.startswith(record(writer, number), place):
            return f"{writer}:{number} is not at {place} of the archives"
    return None


def judge_by_erlang(data, real, history, kind):
    """Real Erlang opens what the dead server has left, and finds the newest records."""
    real.clear()
    for path in (data / "logs").iterdir():
        shutil.copy(path, real.directory / path.name.replace("l.LOG", "log"))
    options = '{size,{1500,4}},{type,wrap}' if "wrap" in kind else '{type,halt}'
    answer = real.result('{open,[{repair,true},%s]}' % options)
    if not ("{ok,l}" in answer or "{repaired,l" in answer):
        return f"Erlang answers {answer}"
    chunks = real.do("items")["chunks"]
    real.result("close")
    return None if chunks and chunks[-1] == "eof" else f"Erlang reads {chunks[-1:]}"


@pytest.mark.parametrize("changes", [
    (), ("next", "sync", "larger", "smaller"),
    ("next", "truncate", "reopen", "larger", "smaller")],
    ids=["appends", "moves", "all changes"])
@pytest.mark.parametrize("kind", KINDS)
def test_killed_under_load_no_acknowledged_record_is_lost(
    start, dice, tmp_path, kind, changes
):
    is_asked = shutil.which("escript") and kind in ("halt", "wrap")
    real = Erlang(tmp_path / "real") if is_asked else None
    server = start()
    count = max(3, CYCLES // 3)
    acknowledged = 0
    for cycle in progress(range(count), "kill"):
        if cycle % CYCLES_A_LOG == 0:
            server.client.delete("/v1/logs/l")
            assert server.client.put("/v1/logs/l", KINDS[kind]).status == 201
            history = LogHistory(
                "l", may_be_emptied="truncate" in changes,
                overwrites="wrap" in kind or kind == "rotate")
        load_and_kill(server, history, changes, dice)
        is_sample = cycle % 5 == 1 and "smaller" not in changes
        fault = sum_of(history, kind, changes, server, is_sample and real)
        assert fault is None, f"cycle {cycle}: {fault}"
        acknowledged += 1
    if real:
        real.close()


@pytest.mark.parametrize("format", ["internal", "external"])
@pytest.mark.parametrize("is_smaller", [False, True], ids=["stale", "cut off"])
def test_count_that_a_power_loss_kept_out_of_the_index_is_made_up_for(start, format, is_smaller):
    """The index is written in two places, and what is written last may be all that stays."""
    server = start()
    api, path = server.client, "/v1/logs/l"

    def append(number):
        answer = api.post(path + "/append", b"<%d>" % number * 15, type="application/octet-stream")
        assert answer.status == 200

    size = {"max_no_bytes": 70, "max_no_files": 7}
    assert api.put(path, {"type": "wrap", "format": format, "size": size}).status == 201
    for number in range(5):
        append(number)
    if is_smaller:
        # Files behind the first two belong to the ring until these are full.
        answer = api.request("PATCH", path, {"size": {**size, "max_no_files": 2}})
        assert answer.status == 200
        append(5)
    before = logs.Found(api, "l")
    index = server.data / "logs" / "l.LOG.idx"
    server.kill9()
    data = bytearray(index.read_bytes())
    current = int.from_bytes(data[6:10], "big")
    last = current - 1 or (len(data) - 10) // 8
    if is_smaller:
        assert current == 1 and last > 2
        del data[10 + 8 * (last - 1):]
    else:
        data[10 + 8 * (last - 1):10 + 8 * last] = (9).to_bytes(8, "big")
    index.write_bytes(data)
    server.start()
    found = logs.Found(server.client, "l")
    assert (found.fault, found.oldest, found.records) == (None, before.oldest, before.records)


@pytest.mark.parametrize("kind", ["halt", "wrap external"])
def test_control_server_whose_write_does_nothing_is_caught(start, tmp_path, kind, dice):
    faults = Faults(tmp_path / "faults")
    server = start(**faults.options)
    assert server.client.put("/v1/logs/l", KINDS[kind]).status == 201
    history = LogHistory("l", overwrites=True)
    faults.arm("pwrite", 2, error=0, path="l.LOG")
    load_and_kill(server, history, (), dice)
    assert faults.hits("pwrite") == 1
    faults.disarm()
    server.start()
    try:
        assert history.judge_by_service(server.client) is not None
    except AssertionError:
        pass


@needs_program("escript")
def test_judge_notices_what_it_must(start):
    server = start()
    api = server.client
    api.put("/v1/logs/l")
    history = LogHistory("l", writers=2)
    history.next = [2, 1]
    for place, (writer, number) in enumerate([(0, 0), (1, 0), (0, 1)]):
        answer = api.post("/v1/logs/l/append", record(writer, number),
                          type="application/octet-stream")
        history.acknowledged[writer, number] = place
        history.end = answer.json["next"]
    found = logs.Found(api, "l")
    assert history.judge(found) is None
    found.records = dict(sorted(found.records.items()))
    good = dict(found.records)

    def fault(**changes):
        found.records = {**good, **{int(key[1:]): value for key, value in changes.items()}}
        return history.judge(found)

    assert "twice" in fault(p1=good[0])
    assert "no whole" in fault(p1=good[1][:-1])
    assert "never sent" in fault(p1=record(1, 7))
    assert "not the acknowledged" in fault(p1=b"HEAD")
    assert fault() is None
    found.position = 2
    assert "ends at" in history.judge(found)
