"""Idempotency-Key on calls that are no appends: answered again and not done again, whoever dies."""

import http.client
import itertools
import os
import threading

import pytest

from support import contract
from support.faults import Faults
from support.mpools import MPool
from support.problems import check_problem
from support.server import wait_until
from support.tokens import As

DEATHS = os.environ.get("TIDEMARK_DEATHS", "5")
WRAP = {"type": "wrap", "size": {"max_no_bytes": 100_000, "max_no_files": 5}}


def key(name, **headers):
    return {"Idempotency-Key": name, **headers}


def replayed(answer):
    return answer["Idempotency-Replayed"] == "true"


@pytest.fixture
def log(api, name):
    path = f"/v1/logs/{name}"
    assert api.put(path, WRAP).status == 201
    for number in range(3):
        assert api.post(path + "/append", b"%d" % number, type="text/plain").status == 200
    return path


@pytest.fixture
def journal(api, name):
    path = f"/v1/journals/{name}"
    assert api.put(path).status == 201
    for number in range(6):
        assert api.post(path + "/append", b"%d" % number, type="text/plain").status == 200
    return path


def test_every_post_takes_a_key_but_imports():
    for template, operations in contract.DOCUMENT["paths"].items():
        names = {row["name"] for row in operations.get("post", {}).get("parameters", [])}
        if "post" in operations:
            assert ("Idempotency-Key" in names) != template.endswith("/import"), template


def test_rows_of_a_cursor_are_given_again(api, journal):
    first = api.post(journal + "/cursors", {}, key("c"))
    again = api.post(journal + "/cursors", {}, key("c"))
    assert (first.status, again.status) == (201, 201)
    assert not replayed(first) and replayed(again) and again.json == first.json
    assert len(api.get(journal + "/cursors").json["cursors"]) == 1
    cursor = f"{journal}/cursors/{first.json['cursor']}"
    rows = [api.post(cursor + "/next?n=2", None, key(each)) for each in "aab"]
    assert rows[0].json == rows[1].json != rows[2].json
    assert [replayed(each) for each in rows] == [False, True, False]
    search = api.post(cursor + "/search", {"file": 1, "offset": 0}, key("s"))
    assert search.status == 200
    api.post(cursor + "/next")
    assert replayed(api.post(cursor + "/search", {"file": 1, "offset": 0}, key("s")))
    assert api.post(cursor + "/next", None, key("other")).json != search.json
    reset = [api.post(cursor + "/reset", None, key("r")) for _ in range(2)]
    assert [each.status for each in reset] == [204, 204] and replayed(reset[1])


def test_handles_and_blocks_are_made_once(api, log):
    first, again = (api.post(log + "/handles", {"owner": True}, key("h")) for _ in range(2))
    assert first.status == again.status == 201 and first.json == again.json, first
    handle = first.json.get("handle") or first.json.get("id")
    own = {"Log-Handle": handle}
    assert api.post(log + "/block", None, key("b", **own)).status == 200
    check_problem(api.post(log + "/block", None, key("b")), "idempotency_key_reused")
    assert api.post(log + "/unblock", None, key("u", **own)).status == 200
    assert replayed(api.post(log + "/unblock", None, key("u", **own)))


def test_pages_are_pinned_and_put_once(api, name):
    pool = MPool(api, name)
    pool.open()
    made = [api.post(pool.path + "/files/f/pages", bytes(4096), key("p"),
                     type="application/octet-stream") for _ in range(2)]
    assert made[0].status == 201 and replayed(made[1]), made
    assert made[0].json == made[1].json
    pins = [pool.fget(made[0].json["pgno"], headers=key("g")) for _ in range(2)]
    assert pins[0].status == 200 and pins[0].json["pin"] == pins[1].json["pin"], pins
    assert len(pool.pins) == 1
    puts = [pool.fput(pins[0].json["pin"], headers=key("put")) for _ in range(2)]
    assert puts[0].status == puts[1].status == 200 and replayed(puts[1]), puts
    assert pool.pins == []


def test_of_many_at_once_one_is_done(api, shared, journal, log):
    before = api.get(log).json["current_file"]
    answers = []

    def send(path):
        with shared.new_client() as client:
            answers.append(client.post(path, None, key("k")))

    threads = [threading.Thread(target=send, args=(path,))
               for path in [log + "/inc_wrap_file", journal + "/cursors"] * 16]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(replayed, answers)) == [False] * 2 + [True] * 30
    assert len({answer.body for answer in answers}) == 2
    assert api.get(log).json["current_file"] == before + 1
    assert len(api.get(journal + "/cursors").json["cursors"]) == 1


def test_another_request_under_the_same_key_is_refused(api, log):
    assert api.post(log + "/truncate", None, key("k")).status == 200
    problem = check_problem(
        api.post(log + "/inc_wrap_file", None, key("k")), "idempotency_key_reused")
    assert problem["applied"] == "no"
    assert api.post(log + "/sync", None, key("x" * 255)).status == 200
    for bad in ("", "a b", "x" * 256):
        check_problem(api.post(log + "/sync", None, key(bad)), "bad_parameter")


def test_a_refused_call_leaves_its_key_unused(api, log):
    refused = api.post(log + "/truncate", None, key("k", **{"If-Match": '"00000000.9-9"'}))
    check_problem(refused, "precondition_failed")
    answer = api.post(log + "/truncate", None, key("k"))
    assert answer.status == 200 and not replayed(answer)


@pytest.mark.parametrize("kind", ["logs", "journals", "mpools"])
def test_a_failure_that_may_have_changed_something_is_told_again(start, tmp_path, kind):
    faults = Faults(tmp_path / "faults")
    server = start(**faults.options)
    if kind == "mpools":
        pool = MPool(server.client, "r")
        pool.open()
        target = pool.path + "/sync"
        assert pool.put(0, bytes(4096)).status in (200, 201)
        folder = "mpools/"
    else:
        assert server.client.put(f"/v1/{kind}/r").status == 201
        answer = server.client.post(f"/v1/{kind}/r/append?durability=written", b"x")
        assert answer.status == 200, answer
        target = f"/v1/{kind}/r/{'sync' if kind == 'logs' else 'log_flush'}"
        folder = f"{kind}/r"
    faults.arm("fsync", sticky=True, path=folder)
    first = server.client.post(target, None, key("k"))
    assert first.json["applied"] == "unknown", first.body
    faults.disarm()
    faults.watch("fsync", path=folder)
    again = server.client.post(target, None, key("k"))
    assert (again.status, again.code, again.json["applied"]) == (
        first.status, first.code, "unknown"), again
    assert faults.seen("fsync") == 0


def test_what_is_not_there_leaves_nothing_behind(api, shared):
    for path in ("/v1/pools/none/rewind", "/v1/logs/none/truncate", "/v1/journals/none/archive"):
        assert api.post(path, None, key("k")).status == 404
        assert api.post(path, None, key("k")).status == 404
    assert not list((shared.data / ".tidemark/calls").glob("*none*"))
    check_problem(api.post("/v1/pools/..%2Fx/rewind", None, key("k")), "bad_name")


def test_keys_end_with_their_resource(start):
    client = start().client
    for kind, call in (("pools", "rewind"), ("logs", "truncate"), ("journals", "checkpoint")):
        path = f"/v1/{kind}/r"
        for _ in range(2):
            assert client.put(path).status == 201
            answers = [client.post(f"{path}/{call}", None, key("k")) for _ in range(2)]
            assert list(map(replayed, answers)) == [False, True], answers
            assert client.delete(path).status == 204


@pytest.mark.parametrize("kind, call", [("pools", "rewind"), ("logs", "truncate")])
def test_no_call_is_done_twice_on_what_is_being_made_anew(start, kind, call):
    """Nor is it answered, on the new one, as on the old."""
    server = start()
    path = f"/v1/{kind}/r"
    assert server.client.put(path).status == 201
    pairs, stop = [], threading.Event()

    def send(sender):
        with server.new_client() as client:
            number = 0
            while not stop.is_set():
                number += 1
                pairs.append([client.post(f"{path}/{call}", None, key(f"{sender}-{number}"))
                              for _ in range(2)])

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        assert server.client.delete(path).status == 204
        assert server.client.put(path).status == 201
    stop.set()
    for thread in threads:
        thread.join()
    same = 0
    for first, again in pairs:
        assert {first.status, again.status} <= {200, 404}, (first, again)
        if first.status == again.status == 200:
            is_same = first["ETag"].split(".")[0] == again["ETag"].split(".")[0]
            assert replayed(again) == is_same, (first, again, first["ETag"], again["ETag"])
            same += is_same
    assert same


def test_a_token_is_made_once_and_its_text_is_kept_nowhere(start):
    server = start()
    body = {"scope": ["admin"], "note": "first"}
    first = server.client.post("/v1/tokens", body)
    client = As(server, first.json["token"])
    made = client.post("/v1/tokens", {"scope": ["read"]}, key("t"))
    assert made.status == 201
    for _ in range(2):
        again = client.post("/v1/tokens", {"scope": ["read"]}, key("t"))
        check_problem(again, "already_exists", "yes")
        assert len(client.get("/v1/tokens").json["tokens"]) == 2
        server.restart(kill=True)
        client = As(server, first.json["token"])
    secret = made.json["token"].encode()
    assert not [path for path in server.data.rglob("*")
                if path.is_file() and secret in path.read_bytes()]


class Subject:
    """A resource, a call that must not be done twice, and how to see how often it was."""

    def __init__(self, client, kind, call, body=None):
        self.kind, self.call, self.body = kind, call, body
        self.path = f"/v1/{kind}/r"
        self.number = 0
        options = {"pools": {"pool_size": 8 << 20}, "logs": WRAP, "journals": {}}[kind]
        if call == "reopen":
            options = {}
        assert client.put(self.path, options).status == 201

    def append(self, client):
        self.number += 1
        answer = client.post(f"{self.path}/append", b"<%d>" % self.number, type="text/plain")
        assert answer.status == 200, answer

    def send(self, client, name):
        body = dict(self.body, file=f"logs/old-{name}") if self.body is not None else None
        return client.post(f"{self.path}/{self.call}", body, key(name))

    def state(self, client):
        """Changes with each time that the call is done, and with nothing else."""
        if self.call in ("inc_wrap_file", "next_file"):
            return client.get(self.path).json["current_file"]
        if self.call == "checkpoint":
            return client.get(self.path + "/walk").body.count(b'"rectype":0')
        suffix = "/walk?as=text" if self.kind == "logs" else "/walk"
        return client.get(self.path + suffix).body.count(b"<")


CALLS = {
    "rewind": ("pools", "rewind"), "truncate": ("logs", "truncate"),
    "reopen": ("logs", "reopen", {}), "inc_wrap_file": ("logs", "inc_wrap_file"),
    "checkpoint": ("journals", "checkpoint"),
}


@pytest.mark.parametrize("call", CALLS)
def test_answers_outlive_the_service(start, call):
    server = start()
    subject = Subject(server.client, *CALLS[call])
    subject.append(server.client)
    first = subject.send(server.client, "k")
    assert first.status == 200, first
    subject.append(server.client)
    state = subject.state(server.client)
    server.restart(kill=True)
    again = subject.send(server.client, "k")
    assert replayed(again) and again.json == first.json, again
    assert (again["ETag"], again["Log-Position"]) == (first["ETag"], first["Log-Position"])
    assert subject.state(server.client) == state


@pytest.mark.parametrize("kind", ["pools", "logs", "journals"])
def test_harmless_calls_outlive_the_service_too(start, kind):
    server = start()
    assert server.client.put(f"/v1/{kind}/r").status == 201
    calls = [("fence", {"token": 3})] + [("archive", None)] * (kind == "journals")
    first = [server.client.post(f"/v1/{kind}/r/{call}", body, key(call)) for call, body in calls]
    server.restart(kill=True)
    again = [server.client.post(f"/v1/{kind}/r/{call}", body, key(call)) for call, body in calls]
    assert [each.json for each in first] == [each.json for each in again]
    assert all(map(replayed, again))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_a_death_at_any_call_never_does_it_twice(start, tmp_path, call, after):
    """Sent again it is done, or was and is told again, or nobody knows and nothing is done."""
    faults = Faults(tmp_path / "faults")
    server = start(**faults.options)
    subject = Subject(server.client, *CALLS[call])
    ends = set()
    deaths = itertools.count(1) if DEATHS == "all" else range(1, 3 * int(DEATHS) + 1, 3)
    for nth in deaths:
        subject.append(server.client)
        before = subject.state(server.client)
        faults.die(nth, after=after)
        try:
            first = subject.send(server.client, f"k{nth}")
        except (OSError, http.client.HTTPException):
            first = None
        faults.die(0)
        if first is None:
            wait_until(lambda: not server.is_alive, what="the death")
            server.kill9()
            server.start()
        was_done = subject.state(server.client) != before
        subject.append(server.client)
        between = subject.state(server.client)
        again = subject.send(server.client, f"k{nth}")
        if again.status == 200:
            if was_done:
                assert replayed(again), f"death {nth}: done twice"
                assert subject.state(server.client) == between
        else:
            check_problem(again, "idempotency_in_progress", "unknown")
            assert subject.state(server.client) == between, f"death {nth}: done though unknown"
        ends.add((was_done, again.status, replayed(again)))
        if first is not None and DEATHS == "all":
            assert first.status == 200 and replayed(again)
            break
    if DEATHS == "all":
        assert len(ends) > 1, ends


def test_a_file_that_a_crash_has_cut_is_read_as_far_as_it_is_whole(start):
    server = start()
    assert server.client.put("/v1/pools/r").status == 201
    for number in range(3):
        assert server.client.post("/v1/pools/r/rewind", None, key(f"k{number}")).status == 200
    server.kill9()
    file = server.data / ".tidemark/calls/pools-r"
    os.truncate(file, file.stat().st_size - 5)
    server.start()
    answers = [server.client.post("/v1/pools/r/rewind", None, key(f"k{number}"))
               for number in range(3)]
    assert [replayed(each) for each in answers[:2]] == [True, True]
    # Of the last the intention is left, and the generation that the call found.
    assert check_problem(answers[2], "idempotency_in_progress", "unknown")
    assert server.client.get("/v1/pools/r").json["generation"] == 4
    assert server.client.post("/v1/pools/r/rewind", None, key("k3")).status == 200
    server.restart(kill=True)
    assert replayed(server.client.post("/v1/pools/r/rewind", None, key("k3")))
