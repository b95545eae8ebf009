"""The process dies at each call that changes something, in a run of requests.

The calls are counted by a preloaded library, over all threads of the process, from its start to its
end. A script has its requests in `requests`, and `run(server)` makes them until the server is gone
and says how many were answered.
"""

import os
import shutil

from support.faults import Faults
from support.progress import progress
from support.server import Server, StartFailed

# How many of the calls, spread evenly and picked anew each time; or all.
DEATHS = os.environ.get("TIDEMARK_DEATHS", "12")


def count_calls(script, folder):
    """How many calls change something when nothing dies."""
    faults = Faults(folder / "faults")
    faults.die(0)
    with Server(folder / "data", **faults.options) as server:
        assert script.run(server) == len(script.requests)
    return faults.changes


def die(script, folder, nth, after):
    """How many requests were answered before the death at that call, and what was wrong with it."""
    faults = Faults(folder / "faults")
    faults.die(nth, after)
    try:
        with Server(folder / "data", **faults.options) as server:
            done = script.run(server)
            code = server.wait()
    except StartFailed as failure:
        done, code = 0, failure.code
    if code != -9 and (code != 0 or done != len(script.requests)):
        return done, f"it ended with {code} after {done} requests: {server.lines[-3:]}"
    return done, None


def die_everywhere(calls, tmp_path_factory, dice, die_and_look):
    """Fails with what `die_and_look(folder, number)` finds wrong; folders of others are removed."""
    numbers = range(1, calls + 1)
    if DEATHS != "all":
        count = int(DEATHS)
        numbers = [1 + (calls * place + dice.randrange(calls)) // count for place in range(count)]
    wrong = []
    for number in progress(numbers, "death"):
        folder = tmp_path_factory.mktemp("death", numbered=True)
        fault = die_and_look(folder, number)
        if fault:
            wrong.append(f"call {number}: {fault}")
        else:
            shutil.rmtree(folder)
        assert len(wrong) < 20, "\n".join(wrong)
    print(f"{len(numbers)} deaths at {calls} calls")
    assert not wrong, "\n".join(wrong)
