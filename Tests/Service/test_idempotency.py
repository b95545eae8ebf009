"""Idempotency-Key: what is sent again is done once, whoever dies in between."""

import http.client
import itertools
import os
import threading
import time

import pytest

from support.faults import Faults
from support.problems import check_problem
from support.resources import KINDS, Resource
from support.server import wait_until

CYCLES = int(os.environ.get("TIDEMARK_CYCLES", 8))
DEATHS = os.environ.get("TIDEMARK_DEATHS", "14")


@pytest.fixture(params=KINDS)
def resource(request, api):
    resource = Resource(request.param)
    api.delete(resource.path)
    yield resource.create(api)
    api.delete(resource.path)


def record(client, number):
    return f"<{client}:{number}:{'x' * (number * 37 % 90)}>"


def test_the_same_request_is_answered_again_and_appended_once(api, resource):
    batch = [record(1, number) for number in range(3)]
    first = resource.append(api, batch, '"order-1"')
    assert (first.status, first["Idempotency-Replayed"]) == (200, None)
    resource.append(api, [record(2, 0)])
    again = resource.append(api, batch, "order-1")
    assert (again.status, again["Idempotency-Replayed"]) == (200, "true")
    assert again.json == {**first.json, "duplicate": True}
    assert (again["ETag"], again["Log-Position"]) == (first["ETag"], first["Log-Position"])
    assert resource.records(api) == batch + [record(2, 0)]
    minimal = resource.append(api, batch, "order-1", Prefer="return=minimal")
    assert (minimal.status, minimal["Idempotency-Replayed"]) == (204, "true")


def test_another_request_under_the_same_key_is_refused(api, resource):
    assert resource.append(api, [record(1, 0)], "k").status == 200
    for records, query in [([record(1, 1)], ""), ([record(1, 0)], "?durability=written"),
                           ([record(1, 0), record(1, 1)], "")]:
        document = check_problem(
            resource.append(api, records, "k", query), "idempotency_key_reused")
        assert document["applied"] == "no"
    assert resource.append(api, [record(1, 0)], "k", "?wait_ms=7").status in (200, 400)
    assert resource.records(api) == [record(1, 0)]


def test_a_refused_request_leaves_its_key_unused(api, resource):
    refused = resource.append(api, [record(1, 0)], "k", **{"If-Match": '"other.1-0"'})
    check_problem(refused, "precondition_failed")
    assert resource.append(api, [record(1, 1)], "k").json["duplicate"] is False
    assert resource.append(api, [record(1, 1)], "k").json["duplicate"] is True


def test_a_repetition_need_not_meet_what_was_asked_of_the_first(api, resource):
    tag = api.get(resource.path)["ETag"]
    conditions = {"If-Match": tag, "Fencing-Token": "3"}
    assert resource.append(api, [record(1, 0)], "k", **conditions).status == 200
    assert resource.append(api, [record(1, 1)], **{"Fencing-Token": "4"}).status == 200
    assert resource.append(api, [record(1, 0)], "k", **conditions).json["duplicate"] is True


@pytest.mark.parametrize("key", ['""', "a b", "x" * 256, "käse"])
def test_a_key_that_is_none_is_refused(api, resource, key):
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}
    answer = api.post(resource.path + "/append", b"x", headers, type="text/plain")
    assert check_problem(answer, "bad_parameter")["option"] == "Idempotency-Key"


def test_what_nobody_would_remember_takes_no_key(api, resource):
    answer = resource.append(api, [record(1, 0)], "k", "?durability=accepted")
    if resource.folder == "pools":
        assert answer.json["durability"] == "synced", "a pool keeps all that it takes"
        return
    assert check_problem(answer, "bad_parameter")["option"] == "durability"
    if resource.folder == "logs":
        answer = resource.append(api, [record(1, 0)], "k", "?atomic=false")
        assert check_problem(answer, "bad_parameter")["option"] == "atomic"
    assert resource.records(api) == []


def test_of_many_who_send_one_request_at_once_one_is_first(api, shared, resource):
    answers = []

    def send():
        with shared.new_client() as client:
            answers.append(resource.append(client, [record(1, 0)], "k"))

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.json["duplicate"] for answer in answers) == [False] + [True] * 15
    assert len({answer["Log-Position"] for answer in answers}) == 1
    assert resource.records(api) == [record(1, 0)]


def test_a_transaction_is_told_its_number_again(api, name):
    path = f"/v1/journals/{name}"
    assert api.put(path).status == 201
    body = {"ops": [{"op": "row_put", "fileid": 1000, "key": {"text": "k"}, "value": {"text": "v"}}]}
    key = {"Idempotency-Key": "t"}
    first = api.post(path + "/transactions", body, key)
    api.post(path + "/transactions", body)
    again = api.post(path + "/transactions", body, key)
    assert again.json == {**first.json, "duplicate": True}
    assert api.get(path + "/walk?as=b64").body.count(b'"rectype":1') == 4


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("kind", KINDS)
def test_keys_outlive_the_service_and_an_emptying_and_not_the_resource(start, kind, kill):
    server, resource = start(), Resource(kind)
    resource.create(server.client)
    first = resource.append(server.client, [record(1, 0)], "k")
    server.restart(kill=kill)
    again = resource.append(server.client, [record(1, 0)], "k")
    assert again.json == {**first.json, "duplicate": True}
    emptying = {"pools": "rewind", "logs": "truncate"}.get(resource.folder)
    if emptying:
        assert server.client.post(f"{resource.path}/{emptying}").status == 200
        again = resource.append(server.client, [record(1, 0)], "k")
        assert again.json == {**first.json, "duplicate": True}, "it was done, before the emptying"
    assert server.client.delete(resource.path).status == 204
    resource.create(server.client)
    assert resource.append(server.client, [record(1, 0)], "k").json["duplicate"] is False


def test_records_under_one_key_lie_in_one_file_of_a_ring(api, name):
    path = f"/v1/logs/{name}"
    api.put(path, {"type": "wrap", "format": "external",
                   "size": {"max_no_bytes": 100, "max_no_files": 3}})
    batch = {"records": [{"text": "x" * 30}] * 2}
    for number in range(3):
        assert api.post(path + "/append", batch, {"Idempotency-Key": f"k{number}"}).status == 200
    assert api.get(path).json["current_file"] == 3, "a third record of 30 would have fitted"
    answer = api.post(path + "/append", {"records": [{"text": "x" * 30}] * 4},
                      {"Idempotency-Key": "large"})
    assert check_problem(answer, "bad_parameter")["option"] == "Idempotency-Key"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pool"])
@pytest.mark.parametrize("left", [1, 2])
def test_a_batch_that_a_crash_has_cut_short_is_taken_out(start, kind, left):
    server, resource = start(), Resource(kind)
    resource.create(server.client)
    before, batch = [record(0, 1), record(0, 2)], [record(1, number) for number in range(3)]
    resource.append(server.client, before)
    assert resource.append(server.client, batch, "k", "?durability=written").status == 200
    server.kill9()
    # As a power loss may leave it: the first records, and a piece of the next.
    file, = [path for path in server.data.rglob("*")
             if path.is_file() and batch[left].encode() in path.read_bytes()]
    os.truncate(file, file.read_bytes().index(batch[left].encode()) + 4)
    server.start()
    assert resource.records(server.client) == before
    answer = resource.append(server.client, batch, "k", "?durability=written")
    assert (answer.status, answer.json["duplicate"]) == (200, False)
    assert resource.records(server.client) == before + batch


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_death_at_any_call_is_survived_by_sending_it_again(start, tmp_path, kind, after):
    """The batch is there once: not twice, not in part, and what stands around it stays."""
    faults = Faults(tmp_path / "faults")
    server, resource = start(**faults.options), Resource(kind)
    resource.create(server.client)
    expected = []
    deaths = itertools.count(1) if DEATHS == "all" else range(1, int(DEATHS) + 1)
    for nth in deaths:
        batch = [record(nth, number) for number in range(3)]
        faults.die(nth, after=after)
        died = False
        try:
            resource.append(server.client, batch, f"k{nth}")
        except (OSError, http.client.HTTPException):
            died = True
        faults.die(0)
        if died:
            wait_until(lambda: not server.is_alive, what="the death")
            server.kill9()
            server.start()
        answer = resource.append(server.client, batch, f"k{nth}")
        assert answer.status == 200, answer
        expected += batch
        assert resource.records(server.client) == expected, f"death {nth}, died: {died}"
        if not died:
            break


@pytest.mark.parametrize("kind", KINDS)
def test_clients_that_lose_answers_and_retry_append_each_record_once(start, dice, kind):
    """Servers are killed under clients that go on until they know; each name is also sent twice."""
    server, resource = start(), Resource(kind)
    resource.create(server.client)
    stop = threading.Event()
    acknowledged, problems = [], []
    lock = threading.Lock()

    def work(client):
        try:
            for number in itertools.count():
                if stop.is_set():
                    return
                size = 1 + (client + number) % 4
                batch = [record(client * 100_000 + number, place) for place in range(size)]
                sends = [
                    resource.append_anyhow(server.new_client, batch, f"{client}-{number}")
                    for _ in range(2 if number % 3 == 0 else 1)]
                for answer in sends:
                    assert answer.status == 200, answer
                assert len({answer["Log-Position"] for answer in sends}) == 1
                with lock:
                    acknowledged.append(batch)
        except Exception as problem:  # noqa: BLE001: shown by the test
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(client,)) for client in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(CYCLES):
        before = len(acknowledged)
        wait_until(lambda: len(acknowledged) > before + 20 or problems, what="appends", timeout=30)
        time.sleep(dice.uniform(0, 0.02))  # the moment is random on purpose
        server.kill9()
        server.start()
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems, problems
    found = resource.records(server.client)
    assert len(found) == len(set(found)), "a record is there twice"
    assert sorted(found) == sorted(each for batch in acknowledged for each in batch)
    place = {each: number for number, each in enumerate(found)}
    for batch in acknowledged:
        start_place = place[batch[0]]
        assert found[start_place:start_place + len(batch)] == batch
