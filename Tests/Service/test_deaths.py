"""Death at every single call that changes something, in a long run of requests.

For each call the run is made anew in an empty folder, the process dies at it, and what is found
afterwards must be what was answered, with or without the request under way.
"""

import http.client
import os
import random

import pytest

from support import pmemlog
from support.client import frames
from support.deaths import count_calls, die, die_everywhere
from support.faults import Faults
from support.server import Server

STEPS = 200
SIZES = [1, 17, 100, 1000, 4000, 4096, 9000, 70_000]
FRAMES = "application/x-record-frames"


class Script:
    """Requests, and what the pools hold after each: the data, and whether closed by request."""

    def __init__(self, steps):
        # The same in every run, so that a number always means the same call.
        self.dice = random.Random(20)
        self.pools = {}
        self.requests, self.states = [], [{}]
        while len(self.requests) < steps:
            self.step()

    def step(self):
        opened = [name for name, (_, closed) in self.pools.items() if not closed]
        kind = self.dice.choices(
            ["create", "append", "batch", "refused", "rewind", "close", "open", "delete"],
            [3, 10, 3, 1, 2, 2, 3, 2])[0]
        names = {
            "create": ["a", "b", "c", "far-d", "far-e"],
            "open": [name for name in self.pools if name not in opened],
            "delete": list(self.pools),
        }.get(kind, opened)
        if names:
            getattr(self, kind)(self.dice.choice(names))

    def add(self, name, path, body=None, type=None, *, holds, closed=False, status=(200, 201, 204)):
        self.pools = {**self.pools, name: (holds, closed)}
        if holds is None:
            del self.pools[name]
        self.requests.append((path, body, type, status))
        self.states.append(self.pools)

    def holds(self, name):
        return self.pools.get(name, (b"", False))[0]

    def data(self):
        return bytes([65 + len(self.requests) % 26]) * self.dice.choice(SIZES)

    def create(self, name):
        options = None
        if name.startswith("far"):
            options = {"file": f"far/{name}", "mode": "0640"}
        self.add(name, ("PUT", f"/v1/pools/{name}"), options, holds=self.holds(name))

    def append(self, name):
        data = self.data()
        self.add(name, ("POST", f"/v1/pools/{name}/append"), data, holds=self.holds(name) + data)

    def batch(self, name):
        records = [self.data() for _ in range(3)]
        self.add(name, ("POST", f"/v1/pools/{name}/append"), frames(records), FRAMES,
                 holds=self.holds(name) + b"".join(records))

    def refused(self, name):
        self.add(name, ("POST", f"/v1/pools/{name}/append?at=2000000"), b"never",
                 holds=self.holds(name), status=(412,))

    def rewind(self, name):
        self.add(name, ("POST", f"/v1/pools/{name}/rewind"), holds=b"")

    def close(self, name):
        self.add(name, ("POST", f"/v1/pools/{name}/close"), holds=self.holds(name), closed=True)

    def open(self, name):
        self.add(name, ("POST", f"/v1/pools/{name}/open"), holds=self.holds(name))

    def delete(self, name):
        self.add(name, ("DELETE", f"/v1/pools/{name}"), holds=None)

    def run(self, server):
        """Makes the requests until the server is gone; how many were answered."""
        done = 0
        try:
            for (method, path), body, type, status in self.requests:
                answer = server.client.request(method, path, body, type=type)
                assert answer.status in status, (done, answer)
                done += 1
            server.stop()
        except (OSError, http.client.HTTPException):
            server.close_client()
        return done


SCRIPT = Script(STEPS)


def found(api):
    """What every pool holds, and whether it was closed by request."""
    pools = {}
    for pool in api.get("/v1/pools").json["pools"]:
        path = f"/v1/pools/{pool['name']}"
        answer = api.get(path + "/tell")
        closed = answer.code == "no_such_pool" and answer.json["state"] == "closed"
        assert closed or answer.status == 200, (pool, answer)
        if closed:
            assert api.post(path + "/open").status == 200
        pools[pool["name"]] = api.walk(pool["name"]), closed
    return pools


def summary(pools):
    return {name: (len(data), closed) for name, (data, closed) in pools.items()}


def die_and_look(folder, nth, after):
    """What is wrong after the death at that call, in words; None if all is well."""
    done, fault = die(SCRIPT, folder, nth, after)
    if fault:
        return fault
    data = folder / "data"
    for place in ("pools", "far"):
        for file in (data / place).iterdir() if (data / place).exists() else ():
            if pmemlog.check(file) is not True:
                return f"{file.name} is half made after {done} requests"
    with Server(data) as server:
        pools = found(server.client)
        if pools not in SCRIPT.states[done:done + 2]:
            allowed = [summary(state) for state in SCRIPT.states[done:done + 2]]
            return f"after {done} requests there is {summary(pools)}, not {allowed}"
        if os.listdir(data / ".tidemark" / "new"):
            return "something half made was left"
        server.client.create("later")
        server.client.append("later", b"works")
    return None


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    return count_calls(SCRIPT, tmp_path_factory.mktemp("calls"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_death_at_any_call_leaves_the_state_before_or_after(
    calls, tmp_path_factory, dice, after
):
    assert calls > 2 * STEPS
    die_everywhere(
        calls, tmp_path_factory, dice,
        lambda folder, number: die_and_look(folder, number, after))


def test_control_death_at_a_call_ends_the_process(tmp_path):
    """The rig kills where it says, before and after the call."""
    for after in (False, True):
        folder = tmp_path / str(after)
        faults = Faults(folder / "faults")
        with Server(folder / "data", **faults.options) as server:
            faults.die(1, after)
            with pytest.raises((OSError, http.client.HTTPException)):
                server.client.create("p")
                server.client.append("p", b"x")
            assert server.wait() == -9 and faults.changes == 1
