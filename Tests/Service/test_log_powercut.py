"""The power fails under logs: what was acknowledged as synced is on the disk, at its position (P3)."""

import contextlib
import http.client
import threading
import time

from support import logs
from support.log_history import LogHistory
from support.power import CUTS, needs_power, seen
from support.progress import progress
from support.server import Server
from test_log_crash import HEAD, change

# After so many cuts the logs are made anew.
CUTS_A_LOG = 20

pytestmark = needs_power

KINDS = {
    "halt": {**HEAD},
    "external": {"format": "external"},
    "wrap": {"type": "wrap", "size": {"max_no_bytes": 1000, "max_no_files": 4}, **HEAD},
    "tiny": {"type": "wrap", "size": {"max_no_bytes": 200, "max_no_files": 5}},
    "wrapx": {"type": "wrap", "format": "external",
              "size": {"max_no_bytes": 1000, "max_no_files": 4}},
    "one": {"type": "wrap", "size": {"max_no_bytes": 2000, "max_no_files": 1}},
    "changed": {**HEAD},
    "changedwrap": {"type": "wrap", "size": {"max_no_bytes": 1000, "max_no_files": 4}, **HEAD},
}
CHANGES = {"changed": ["truncate", "reopen", "sync"],
           "changedwrap": ["truncate", "reopen", "next", "larger", "smaller"]}


def judge(data, histories):
    """What is wrong with each log of a disk whose power has failed."""
    faults = []
    with Server(data) as server:
        for history in histories:
            # More was sent when the power failed than when the history was looked at.
            history.next = [number + 10_000 for number in history.next]
            try:
                fault = history.judge(logs.Found(server.client, history.name))
            except AssertionError as failure:
                fault = str(failure)
            if fault:
                faults.append(f"{history.name}: {fault}")
    return faults


def cut_logs(disk, server, cuts, dice):
    histories, threads, stop, faults = [], [], threading.Event(), []
    for name, options in KINDS.items():
        server.client.delete(f"/v1/logs/{name}")
        assert server.client.put(f"/v1/logs/{name}", options).status == 201
        history = LogHistory(
            name, writers=2, durabilities=("synced",), may_be_emptied=name in CHANGES,
            overwrites="type" in options, tail_may_be_torn=True)
        histories.append(history)
        threads += history.run(server, stop)
        if name in CHANGES:
            kinds = CHANGES[name]
            threads.append(threading.Thread(
                target=change, args=(server, name, kinds, stop, dice)))
            threads[-1].start()
    try:
        for _ in range(cuts):
            time.sleep(dice.uniform(0.01, 0.1))
            before = [seen(history) for history in histories]
            with disk.cut() as data:
                faults += judge(data, before)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert all(history.acknowledged for history in histories)
    return faults


def test_no_synced_record_is_lost_nor_found_elsewhere(disk, dice):
    faults = []
    with Server(disk.mount / "data") as server:
        for first in progress(range(0, CUTS, CUTS_A_LOG), f"{CUTS_A_LOG} cuts:"):
            faults += cut_logs(disk, server, min(CUTS_A_LOG, CUTS - first), dice)
            assert len(faults) < 20, "\n".join(faults)
    assert not faults, "\n".join(faults)


def test_control_server_whose_flushes_do_nothing_is_caught(disk, no_flushes, dice):
    with Server(disk.mount / "data", preload=no_flushes) as server:
        assert cut_logs(disk, server, 4, dice), "the rig notices nothing"


def test_what_was_made_closed_or_removed_is_so(disk, dice):
    """Creations, closings with their marks and counts, deletions."""
    with Server(disk.mount / "data") as server:
        state, lock, stop = {}, threading.Lock(), threading.Event()

        def work():
            number = 0
            with server.new_client() as client, contextlib.suppress(
                    OSError, http.client.HTTPException):
                while not stop.is_set():
                    number += 1
                    name, old = f"c{number}", f"c{number - 4}"
                    options = KINDS["tiny"] if number % 2 else {}
                    for which, held, step in (
                        (name, [], lambda: client.put(f"/v1/logs/{name}", options)),
                        (name, [b"kept"], lambda: client.post(
                            f"/v1/logs/{name}/append", b"kept", type="application/octet-stream")),
                        (name, [b"kept"], lambda: client.post(f"/v1/logs/{name}/close")),
                        (old, None, lambda: client.delete(f"/v1/logs/{old}")),
                    ):
                        with lock:
                            state[which] = "changing"
                        step()
                        with lock:
                            state[which] = held

        thread = threading.Thread(target=work)
        thread.start()
        faults = []
        for _ in progress(range(max(4, CUTS // 2)), "cut"):
            time.sleep(dice.uniform(0.02, 0.1))
            with lock:
                before = dict(state)
            with disk.cut() as data:
                with lock:
                    settled = {name: held for name, held in before.items()
                               if held != "changing" and state[name] == held}
                with Server(data) as found:
                    for name, held in settled.items():
                        faults += judge_one(found.client, name, held)
        stop.set()
        thread.join()
        assert len(state) > 5 and not faults, "\n".join(faults)


def judge_one(api, name, held):
    answer = api.get(f"/v1/logs/{name}")
    if held is None:
        return [] if answer.status == 404 else [f"{name} is back: {answer}"]
    if answer.status != 200:
        return [f"{name} is gone: {answer}"]
    found = logs.Found(api, name)
    wanted = dict(enumerate(held))
    return [] if found.records == wanted and not found.fault else [f"{found}: {found.fault}"]
