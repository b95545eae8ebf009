"""Death at every single call that changes something, in a long run of requests to journals (P2).

What each record is, and where, is seen in a run in which nothing dies. Afterwards each journal must
hold what was acknowledged, and of the request under way all or nothing.
"""

import http.client
import random

import pytest

from support.deaths import count_calls, die, die_everywhere
from support.journal import Journal, envelope, texts
from support.server import Server
from support.wiredtiger import NOT_FOUND

STEPS = 90
OPTIONS = {"j": {"file_max": 102_400, "prealloc": False},
           "p": {"file_max": 102_400, "path": "far/away", "archive": False}}


class Script:
    """Requests; the same in every run, so that a number always means the same call."""

    def __init__(self, steps):
        self.dice = random.Random(11)
        self.requests = [(name, "PUT", "", options, []) for name, options in OPTIONS.items()]
        while len(self.requests) < steps:
            self.step(self.dice.choice(list(OPTIONS)))

    def step(self, name):
        kind = self.dice.choices(
            ["append", "commit", "batch", "large", "checkpoint", "close", "patch", "delete"],
            [10, 6, 6, 3, 3, 3, 1, 1])[0]
        number = len(self.requests)

        def add(method, path, body=None, sent=()):
            self.requests.append((name, method, path, body, list(sent)))

        text = b"<%d:%s>" % (number, b"x" * self.dice.choice([0, 5, 90, 300]))
        query = self.dice.choice(["", "?durability=written"])
        if kind == "append":
            add("POST", "/append" + query, {"record": envelope(text)}, [text])
        elif kind == "commit":
            add("POST", "/transactions" + query,
                {"ops": [{"op": "row_put", "fileid": 1000, "key": envelope(b"k"),
                          "value": envelope(text)}]}, [text])
        elif kind == "batch":
            all_texts = [b"%d" % part + text for part in range(9)]
            add("POST", "/append", {"records": [envelope(text) for text in all_texts]}, all_texts)
        elif kind == "large":
            text += b"y" * 45_000
            add("POST", "/append", {"record": envelope(text)}, [text])
        elif kind == "checkpoint":
            add("POST", "/checkpoint")
        elif kind == "patch":
            add("PATCH", "", {"durability": "synced"})
        elif kind == "close":
            add("POST", "/close")
            add("PUT", "", OPTIONS[name])
        else:
            add("DELETE", "")
            add("PUT", "", OPTIONS[name])

    def run(self, server):
        """Makes the requests until the server is gone; how many were answered."""
        done = 0
        try:
            for name, method, path, body, _ in self.requests:
                answer = server.client.request(method, f"/v1/journals/{name}{path}", body)
                assert answer.status in (200, 201, 204), (done, answer)
                done += 1
            server.stop()
        except (OSError, http.client.HTTPException):
            server.close_client()
        return done


SCRIPT = Script(STEPS)


def held(requests, name):
    """The texts that a journal has been sent since it was made, by request."""
    sent = []
    for which, method, _, _, all_texts in requests:
        if which == name:
            sent = [] if method == "DELETE" else sent + [all_texts]
    return sent


def fault_of(server, name, done):
    before = held(SCRIPT.requests[:done], name)
    under_way = SCRIPT.requests[done] if done < len(SCRIPT.requests) else None
    is_mine = under_way is not None and under_way[0] == name
    answer = server.client.get(f"/v1/journals/{name}")
    if answer.status == 404:
        was_made = any(request[0] == name for request in SCRIPT.requests[:done])
        last = [request for request in SCRIPT.requests[:done] if request[0] == name][-1:]
        is_going = is_mine and under_way[1] in ("DELETE", "PUT")
        if was_made and not is_going and last[0][1] != "DELETE":
            return f"{name} is gone"
        return None
    if answer.json["state"] == "closed":
        server.client.post(f"/v1/journals/{name}/open")
    journal = Journal.__new__(Journal)
    journal.client, journal.name = server.client, name
    journal.path = f"/v1/journals/{name}"
    rows, code = journal.rows()
    if code != NOT_FOUND:
        return f"{name}: the walk ends with {code}"
    found = list(texts(rows).values())
    wanted = [text for all_texts in before for text in all_texts]
    more = under_way[4] if is_mine else []
    # Archiving may have taken the first ones.
    start = next((index for index in range(len(wanted) + 1) if found[:1] == wanted[index:index + 1]),
                 len(wanted))
    rest = wanted[start:] if found else []
    complete = found[:len(rest)] == rest
    tail = found[len(rest):]
    if is_mine and under_way[1] == "DELETE" and not found:
        return None
    if not found and wanted and not any(
            request[2] == "/checkpoint" for request in SCRIPT.requests[:done + 1]):
        return f"{name} is empty, and was sent {len(wanted)}"
    if not complete or tail != more[:len(tail)]:
        return f"{name} holds {len(found)} records, not {len(wanted)} and some of {len(more)}"
    if journal.append(b"works").status != 200:
        return f"{name} takes nothing more"
    return None


def die_and_look(folder, nth, after):
    done, fault = die(SCRIPT, folder, nth, after)
    if fault:
        return fault
    with Server(folder / "data") as server:
        for name in OPTIONS:
            fault = fault_of(server, name, done)
            if fault:
                return f"after {done} requests, with {SCRIPT.requests[done:done + 1]}"[:200] + fault
        return None


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    return count_calls(SCRIPT, tmp_path_factory.mktemp("calls"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_death_at_any_call_leaves_the_state_before_or_after(
    calls, tmp_path_factory, dice, after
):
    die_everywhere(
        calls, tmp_path_factory, dice, lambda folder, number: die_and_look(folder, number, after))
