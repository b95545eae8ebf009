"""The power fails: what was acknowledged as synced is on the disk."""

import contextlib
import http.client
import itertools
import threading
import time

from support import pmemlog, poolfile
from support.history import History
from support.power import CUTS, needs_power, seen
from support.progress import progress
from support.server import Server

# After so many cuts there is a new pool, so that none gets full.
CUTS_A_POOL = 40

pytestmark = needs_power


def cut_under_load(disk, server, cuts, dice):
    """What is wrong after each of the cuts, the good ones left out."""
    faults = []
    for first in progress(range(0, cuts, CUTS_A_POOL), f"{CUTS_A_POOL} cuts:"):
        numbers = range(first, min(cuts, first + CUTS_A_POOL))
        faults += cut_one_pool(disk, server, numbers, dice)
        assert server.client.delete("/v1/pools/p").status == 204
    return faults


def cut_one_pool(disk, server, numbers, dice):
    """What is wrong after cuts with these numbers, each of them of one pool."""
    server.client.create("p", pool_size=48 << 20)
    history, stop, faults = History(), threading.Event(), []
    threads = history.run(server, "p", stop)
    try:
        for number in numbers:
            time.sleep(dice.uniform(0.01, 0.1))
            before = seen(history)
            with disk.cut() as data:
                path = data / "pools" / "p"
                if not path.exists() or path.stat().st_size == 0:
                    faults.append("the pool is gone")
                    continue
                assert number % 3 or pmemlog.check(path) is True or server.env.get("LD_PRELOAD")
                fault = before.judge(poolfile.used(path))
                if fault is None and number % 5 == 0:
                    fault = judge_by_server(data, before)
                if fault:
                    faults.append(fault)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(history.acknowledged) > len(numbers)
    assert server.client.item("p")["tell"] < 46 << 20, "it got full in the middle"
    return faults


def judge_by_server(data, history):
    with Server(data) as server:
        return history.judge(server.client.walk("p"))


def test_no_acknowledged_record_is_lost(disk, dice):
    with Server(disk.mount / "data") as server:
        assert cut_under_load(disk, server, CUTS, dice) == []


def test_control_server_whose_flushes_do_nothing_is_caught(disk, no_flushes, dice):
    with Server(disk.mount / "data", preload=no_flushes) as server:
        assert cut_under_load(disk, server, 5, dice), "the rig notices nothing"


def test_what_was_acknowledged_as_made_emptied_or_removed_is_so(disk, dice):
    """Creations with their permissions, rewinds with their generation, removals, closings."""
    with Server(disk.mount / "data") as server:
        # What each pool holds, and since which moment, so that coming back to it shows.
        state, lock, stop = {}, threading.Lock(), threading.Event()
        moments = itertools.count()

        def change():
            with server.new_client() as client, contextlib.suppress(
                    OSError, http.client.HTTPException):
                number = 0
                while not stop.is_set():
                    number += 1
                    name, old = f"c{number}", f"c{number - 5}"
                    for step, result in (
                        (lambda: client.put(f"/v1/pools/{name}", {"mode": "0640"}), b""),
                        (lambda: client.try_append(name, b"lost"), b"lost"),
                        (lambda: client.post(f"/v1/pools/{name}/rewind"), b""),
                        (lambda: client.try_append(name, b"kept"), b"kept"),
                        (lambda: client.delete(f"/v1/pools/{old}"), None),
                    ):
                        which = name if result is not None else old
                        with lock:
                            state[which] = "changing", next(moments)
                        step()
                        with lock:
                            state[which] = result, next(moments)

        thread = threading.Thread(target=change)
        thread.start()
        for _ in progress(range(max(4, CUTS // 2)), "cut"):
            time.sleep(dice.uniform(0.02, 0.1))
            with lock:
                before = dict(state)
            with disk.cut() as data:
                with lock:
                    settled = {
                        name: entry[0] for name, entry in before.items()
                        if entry[0] != "changing" and state[name] == entry}
                for name, held in settled.items():
                    path = data / "pools" / name
                    if held is None:
                        assert not path.exists(), f"{name} is back"
                        continue
                    assert path.exists(), f"{name} is gone"
                    assert path.stat().st_mode & 0o7777 == 0o640
                    assert poolfile.used(path) == held, name
        stop.set()
        thread.join()
        assert len(state) > 5
