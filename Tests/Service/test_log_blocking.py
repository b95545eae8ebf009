"""Blocked logs: who is answered what, the order of those who waited, and how a block ends."""

import re
import threading

import pytest

from support.log import Log, ring
from support.problems import check_problem
from support.server import wait_until

DONE, BLOCKED, QUEUED, NOT_BY_PID = "done", "blocked_log", "queued", "not_blocked_by_pid"

# What each request is answered: a log blocked with false by another and by the caller, and with true
# by the caller and by another.
TABLE = {
    "log": (BLOCKED, BLOCKED, BLOCKED, QUEUED),
    "blog": (BLOCKED, BLOCKED, BLOCKED, QUEUED),
    "sync": (BLOCKED, BLOCKED, BLOCKED, QUEUED),
    "truncate": (BLOCKED, BLOCKED, BLOCKED, QUEUED),
    "change_header": (BLOCKED, BLOCKED, BLOCKED, QUEUED),
    "change_size": (BLOCKED, BLOCKED, BLOCKED, QUEUED),
    "inc_wrap_file": (BLOCKED, BLOCKED, BLOCKED, QUEUED),
    "next_file": (BLOCKED, BLOCKED, BLOCKED, QUEUED),
    "reopen": (BLOCKED, BLOCKED, BLOCKED, BLOCKED),
    "change_notify": (BLOCKED, BLOCKED, BLOCKED, QUEUED),
    "chunk": (BLOCKED, DONE, DONE, QUEUED),
    "chunk_step": (BLOCKED, DONE, DONE, QUEUED),
    "walk": (BLOCKED, DONE, DONE, QUEUED),
    "block": (BLOCKED, BLOCKED, BLOCKED, QUEUED),
    "unblock": (NOT_BY_PID, DONE, DONE, NOT_BY_PID),
    "item": (DONE, DONE, DONE, DONE),
    "info": (DONE, DONE, DONE, DONE),
    "close": (DONE, DONE, DONE, DONE),
    "open": (DONE, DONE, DONE, DONE),
    "put": (DONE, DONE, DONE, DONE),
    "handles": (DONE, DONE, DONE, DONE),
    "list_handles": (DONE, DONE, DONE, DONE),
}
STATES = ("false by another", "false by the caller", "true by the caller", "true by another")


def send(log, request, owner):
    """One request, which waits for 10 ms if it has to."""
    wait = "?wait_ms=10"
    match request:
        case "log": return log.try_append("x", query=wait)
        case "blog": return log.post("/append?raw=true&wait_ms=10", b"\x83j")
        case "sync" | "truncate" | "inc_wrap_file" | "next_file" | "block":
            return log.post(f"/{request}{wait}")
        case "change_header": return log.patch(wait, head={"text": "h"})
        case "change_size": return log.patch(wait, size={"max_no_bytes": 999, "max_no_files": 9})
        case "reopen": return log.post("/reopen", {"file": f"logs/{log.name}.OLD"})
        case "change_notify":
            return log.request("PATCH", f"/handles/{owner}{wait}", {"notify": True})
        case "chunk" | "walk": return log.get(f"/{request}{wait}")
        case "chunk_step": return log.get(f"/chunk_step{wait}&step=0")
        case "unblock" | "info" | "close" | "open": return log.post("/" + request)
        case "item": return log.get()
        case "put": return log.put()
        case "handles": return log.post("/handles")
        case "list_handles": return log.get("/handles")


@pytest.mark.parametrize("state", range(4), ids=STATES)
@pytest.mark.parametrize("request_", TABLE)
def test_request_to_a_blocked_log_is_answered_as_the_original_answers(api, name, request_, state):
    log = Log(api, name).made("a", **ring(1000, 3))
    blocker, other = log.by(log.new_handle()), log.by(log.new_handle())
    caller = blocker if state in (1, 2) else other
    queues = state >= 2
    assert blocker.post("/block", {"queue_log_records": queues}).status == 200
    assert log.item["status"] == {"blocked": {"queue_log_records": queues}}
    answer = send(caller, request_, other.handle)
    match TABLE[request_][state]:
        case "done": assert answer.status in (200, 201), answer
        case "queued": check_problem(answer, "wait_timeout")
        case code: check_problem(answer, code)
    assert log.item["position"] == 1


@pytest.mark.parametrize("state", range(4), ids=STATES)
def test_asynchronous_append_to_a_blocked_log_is_kept_or_passed_over(api, name, state):
    log = Log(api, name).made("a")
    blocker, other = log.by(log.new_handle()), log.by(log.new_handle())
    caller = blocker if state in (1, 2) else other
    queues = state >= 2
    blocker.post("/block", {"queue_log_records": queues})
    assert caller.try_append("b", query="?durability=accepted").status == 202
    assert blocker.records() == ["a"]
    assert blocker.post("/unblock").json == {"status": "ok"}
    assert log.records() == (["a", "b"] if queues else ["a"])


@pytest.mark.parametrize("mode, request_, code", [
    ("read_only", "log", "read_only_mode"), ("read_only", "sync", "read_only_mode"),
    ("read_only", "truncate", "read_only_mode"), ("read_only", "reopen", "read_only_mode"),
    ("read_only", "change_header", "read_only_mode"),
    ("read_only", "change_size", "read_only_mode"),
    ("read_only", "inc_wrap_file", "read_only_mode"), ("read_write", "inc_wrap_file", "halt_log"),
])
def test_mode_and_type_are_looked_at_before_the_block(api, name, mode, request_, code):
    log = Log(api, name).made("a")
    log.close()
    assert log.put(mode=mode).status == 200
    log.post("/block", {"queue_log_records": False})
    check_problem(send(log, request_, None), code)


def test_bytes_of_a_blocked_external_log_are_for_the_blocker(api, name):
    log = Log(api, name).made("a", format="external")
    blocker = log.by(log.post("/block", {"queue_log_records": False}).json["handle"])
    check_problem(log.get("/data"), "blocked_log")
    assert blocker.get("/data").body == b"a"


def test_blocked_log_is_blocked_first_and_external_then(api, name):
    log = Log(api, name).made("a", format="external")
    log.post("/block", {"queue_log_records": False})
    check_problem(log.post("/append", b'{"json":1}\n', type="application/x-ndjson"), "blocked_log")


# Waiting


@pytest.fixture
def crowd(shared, api):
    """Sends requests that wait: `crowd(log, request)` returns when it has arrived."""
    threads, answers = [], []

    def in_flight():
        text = api.get("/metrics").body.decode()
        return int(re.search(r"^tidemark_http_requests_in_flight (\d+)$", text, re.M)[1])

    def send_one(log, name, call):
        before = in_flight()

        def run():
            with shared.new_client() as client:
                answers.append((name, call(Log(client, log.name, log.handle))))

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        wait_until(lambda: in_flight() == before + 1, what=f"{name} to arrive")

    def finish():
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads), answers
        return dict(answers)

    send_one.finish = finish
    send_one.answers = answers
    yield send_one
    for thread in threads:
        thread.join(30)


def test_those_who_waited_are_served_in_the_order_of_their_arrival(api, name, crowd):
    log = Log(api, name).made("0")
    blocker = log.by(log.post("/block").json["handle"])
    for number in range(1, 9):
        if number % 3 == 0:
            log.append(str(number), query="?durability=accepted")
        else:
            crowd(log, number, lambda log, number=number: log.try_append(str(number)))
    crowd(log, "read", lambda log: [record["json"] for record in log.chunk()["records"]])
    crowd(log, "truncate", lambda log: log.post("/truncate"))
    crowd(log, "last", lambda log: log.try_append("last"))
    assert blocker.records() == ["0"] and not crowd.answers
    assert blocker.post("/unblock").status == 200
    answers = crowd.finish()
    assert answers["read"] == [str(number) for number in range(9)]
    assert [answers[number].json["first"] for number in (1, 2, 4, 5, 7, 8)] == [1, 2, 4, 5, 7, 8]
    assert answers["truncate"].json["no_lost_items"] == 9
    assert answers["last"].json["first"] == 9 and log.records() == ["last"]


def test_queued_block_takes_effect_in_its_turn(api, name, crowd):
    log = Log(api, name).made("0")
    first, second = log.by(log.new_handle()), log.by(log.new_handle())
    first.post("/block")
    crowd(log, "a", lambda log: log.try_append("a"))
    crowd(second, "block", lambda log: log.post("/block", {"queue_log_records": False}))
    crowd(log, "b", lambda log: log.try_append("b"))
    assert first.post("/unblock").status == 200
    wait_until(lambda: len(crowd.answers) == 2, what="the block of the second")
    assert log.item["status"] == {"blocked": {"queue_log_records": False}}
    assert second.records() == ["0", "a"]
    check_problem(log.try_append("c"), "blocked_log")
    check_problem(first.post("/unblock"), "not_blocked_by_pid")
    assert second.post("/unblock").status == 200
    assert crowd.finish()["b"].status == 200
    assert log.records() == ["0", "a", "b"]


def test_queued_block_of_a_handle_that_has_ended_is_none(api, name, crowd):
    log = Log(api, name).made("0")
    first, second = log.by(log.new_handle()), log.by(log.new_handle())
    first.post("/block")
    crowd(second, "block", lambda log: log.post("/block"))
    assert log.delete(f"/handles/{second.handle}").status == 204
    crowd(log, "a", lambda log: log.try_append("a"))
    assert first.post("/unblock").status == 200
    answers = crowd.finish()
    check_problem(answers["block"], "no_such_handle")
    assert answers["a"].status == 200
    assert log.item["status"] == "ok" and log.records() == ["0", "a"]


def test_request_whose_wait_ran_out_is_not_done_later(api, name):
    log = Log(api, name).made("a")
    blocker = log.by(log.post("/block").json["handle"])
    check_problem(log.try_append("b", query="?wait_ms=5"), "wait_timeout")
    check_problem(log.post("/truncate?wait_ms=5"), "wait_timeout")
    check_problem(log.post("/block?wait_ms=5"), "wait_timeout")
    blocker.post("/unblock")
    assert log.item["status"] == "ok" and log.records() == ["a"]
    # The handle that the third of them made is gone.
    assert log.get("/handles").json == {"handles": []}


# The end of a block


@pytest.mark.parametrize("how", ["unblock", "close", "delete", "expiry"])
@pytest.mark.parametrize("kind", ["owner", "user", "own"])
def test_block_ends_with_its_handle_and_those_who_waited_go_on(api, name, crowd, how, kind):
    log = Log(api, name).made("a")
    if kind == "own":
        if how == "expiry":
            pytest.skip("the handle that a block makes lives for a minute")
        handle = log.post("/block").json["handle"]
    else:
        handle = log.new_handle(owner=kind == "owner", ttl_ms=1000 if how == "expiry" else 60_000)
        assert log.by(handle).post("/block").json["handle"] == handle
    crowd(log, "b", lambda log: log.try_append("b"))
    match how:
        case "unblock": assert log.by(handle).post("/unblock").status == 200
        case "close": assert log.by(handle).post("/close").status == 200
        case "delete": assert log.delete(f"/handles/{handle}").status == 204
    assert crowd.finish()["b"].status == 200
    assert log.item["status"] == "ok"
    assert (handle in str(log.get("/handles").json)) == (how == "unblock" and kind != "own")


def test_handle_that_a_block_made_ends_with_the_block(api, name):
    log = Log(api, name).made("a")
    blocker = log.by(log.post("/block").json["handle"])
    assert log.get("/handles").json["handles"][0]["owner"] is False
    assert blocker.post("/unblock").status == 200
    check_problem(blocker.post("/info"), "no_such_handle")
    assert log.item["users"] == 0


@pytest.mark.parametrize("how", ["close", "delete"])
def test_those_who_wait_for_a_log_that_is_closed_are_told(api, name, crowd, how):
    log = Log(api, name).made("a")
    log.post("/block")
    crowd(log, "write", lambda log: log.try_append("b"))
    crowd(log, "read", lambda log: log.get("/chunk"))
    assert (log.post("/close") if how == "close" else log.delete()).status in (200, 204)
    answers = crowd.finish()
    check_problem(answers["write"], "no_such_log")
    check_problem(answers["read"], "no_such_log")


def test_closed_log_is_not_blocked_when_it_is_opened_again(api, name):
    log = Log(api, name).made("a")
    log.post("/block", {"queue_log_records": False})
    assert log.close()["state"] == "closed"
    assert log.put().json["status"] == "ok" and log.records() == ["a"]


def test_service_that_stops_does_not_wait_for_blocks(start):
    server = start()
    log = Log(server.client, "l").made("a")
    log.post("/block")
    log.append("kept", query="?durability=accepted")
    answers = []

    def wait():
        with server.new_client() as client:
            answers.append(Log(client, "l").try_append("b"))

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: "in_flight 2" in log.api.get("/metrics").body.decode(), what="it")
    assert server.stop(timeout=10) == 0
    thread.join(5)
    check_problem(answers[0], "wait_timeout")
    server.start()
    assert Log(server.client, "l").records()[0] == "a"


@pytest.mark.parametrize("format", ["internal", "external"])
def test_accepted_is_only_what_there_is_room_for_while_the_log_is_blocked(
    api, name, format
):
    log = Log(api, name).made(format=format)
    blocker = log.new_handle()
    log.by(blocker).post("/block", {"queue_log_records": True})
    answers = [log.post("/append?durability=accepted", b"%d" % number * (7 << 20),
                        type="application/octet-stream") for number in range(10)]
    assert [answer.status for answer in answers] == [202] * 9 + [503]
    assert check_problem(answers[-1], "overloaded")["applied"] == "no"
    assert log.by(blocker).post("/unblock").status == 200
    assert log.post("/sync").status == 200
    size = 7 << 20 if format == "external" else 1
    assert log.item["position"] == 9 * size
    assert log.item["error_status"] == "ok"


def test_what_was_accepted_for_a_blocked_log_is_there_for_who_reads_next(api, name):
    log = Log(api, name).made()
    blocker = log.by(log.post("/block").json["handle"])
    for _ in range(150):
        answer = log.post("/append?durability=accepted", b"x" * 200_000,
                          type="application/octet-stream")
        assert answer.status == 202
    assert blocker.post("/unblock").status == 200
    assert len(log.records()) == 150
