"""What owners of a log are told: every event, in order, over server-sent events."""

import base64

import pytest

from support.events import Events
from support.log import Log, ring, term
from support.problems import check_problem
from support.server import wait_until

ACCEPTED = "?durability=accepted"


@pytest.fixture
def log(api, name):
    return Log(api, name)


@pytest.fixture
def listen(shared):
    """Opens streams of a log's notices that end with the test."""
    streams = []

    def listen_to(log, **options):
        streams.append(Events(shared.port, log.path, handle=log.handle, **options))
        return streams[-1]

    yield listen_to
    for stream in streams:
        stream.close()


def names(events):
    return [event.name for event in events]


def test_stream_of_notices_is_not_kept_by_intermediaries(log, listen):
    log.made()
    head = listen(log).head.lower()
    assert "content-type: text/event-stream" in head and "cache-control: no-store" in head
    assert "x-accel-buffering: no" in head


def test_each_move_of_a_ring_is_told_with_what_was_lost(log, listen):
    log.made(head={"text": "h"}, **ring(60, 2))
    events = listen(log)
    log.append("a" * 10, "b" * 40, "c" * 40)
    assert log.post("/inc_wrap_file").status == 200
    told = [events.next() for _ in range(3)]
    assert names(told) == ["wrap"] * 3
    assert [event.data["no_lost_items"] for event in told] == [0, 2, 2]
    assert [event.id for event in told] == ["0", "1", "2"]
    assert told[0].data["log"] == log.name and told[0].data["node"] == log.item["node"]


def test_every_stream_of_a_handle_is_told_everything(log, listen):
    log.made(**ring(60, 2))
    owner = log.by(log.new_handle(notify=True))
    log.post("/next_file")
    streams = [listen(owner), listen(owner)]
    log.post("/next_file")
    log.post("/truncate")
    # What nobody has fetched goes to whoever comes first.
    assert streams[0].next().id == "0"
    for stream in streams:
        told = [stream.next(), stream.next()]
        assert [(event.id, event.name) for event in told] == [("1", "wrap"), ("2", "truncated")]
    streams[0].close()
    log.post("/next_file")
    assert streams[1].next().id == "3"


@pytest.mark.parametrize("options, count", [({}, 3), (ring(500, 3), 3)])
def test_truncation_and_reopening_are_told_with_what_was_lost(log, listen, options, count):
    log.made("a", "b", "c", **options)
    events = listen(log)
    log.post("/truncate", {"head": {"text": "h"}})
    log.append("d")
    log.post("/reopen", {"file": f"logs/{log.name}.OLD"})
    told = [events.next() for _ in range(2)]
    assert [(event.name, event.data["no_lost_items"]) for event in told] == [
        ("truncated", count), ("truncated", 2)]


def test_full_log_is_told_once_and_before_the_status(log, listen):
    log.made(size=60)
    events = listen(log)
    for _ in range(3):
        check_problem(log.try_append("a" * 60), "log_full")
    log.post("/truncate")
    log.append("b")
    check_problem(log.try_append("a" * 60), "log_full")
    log.post("/truncate")
    told = events.until("truncated") + events.until("truncated") + events.until("error_status")
    assert names(told) == ["full", "error_status", "truncated", "error_status",
                           "full", "error_status", "truncated", "error_status"]
    assert told[1].data["status"]["code"] == "log_full"
    assert told[1].data["status"]["reason"] == f"{{full,{log.name}}}"
    assert told[3].data["status"] == "ok"


def test_asynchronous_append_that_fills_a_log_tells_full_alone(log, listen):
    log.made(size=60)
    events = listen(log)
    assert log.try_append("a" * 60, query=ACCEPTED).status == 202
    wait_until(lambda: log.item["full"], what="the append")
    log.post("/truncate")
    assert names(events.until("truncated")) == ["full", "truncated"]


def test_asynchronous_append_to_a_read_only_log_is_told_with_its_items(log, listen):
    log.made("a")
    log.close()
    log.put(mode="read_only")
    auto, b64, text = listen(log), listen(log, query="?as=b64"), listen(log, query="?as=term")
    assert log.try_append("x", {"term": "{y,1}"}, query=ACCEPTED).status == 202
    event = auto.next()
    assert event.name == "read_only"
    assert event.data["items"] == [{"json": "x"}, {"json": {"$tuple": [{"$atom": "y"}, 1]}}]
    assert text.next().data["items"] == [{"term": '<<"x">>'}, {"term": "{y,1}"}]
    assert [base64.b64decode(item["b64"]) for item in b64.next().data["items"]] == [
        term(b"x"), b"\x83h\2d\0\1ya\1"]
    assert log.item["error_status"] == "ok" and log.records() == ["a"]


def test_asynchronous_append_to_a_blocked_log_is_told_with_its_items(log, listen):
    log.made()
    events = listen(log)
    log.post("/block", {"queue_log_records": False})
    log.try_append("x", "y", query=ACCEPTED)
    event = events.next()
    assert event.name == "blocked_log" and event.data["items"] == [{"json": "x"}, {"json": "y"}]


def test_term_that_an_external_log_cannot_take_is_told(log, listen):
    log.made(format="external")
    events = listen(log, query="?as=b64")
    assert log.try_append({"term": "a"}, query=ACCEPTED).status == 202
    assert log.try_append({"json": [1]}, query=ACCEPTED).status == 202
    for encoded in (b"\x83d\0\1a", b"\x83k\0\1\1"):
        event = events.next()
        assert event.name == "format_external"
        assert base64.b64decode(event.data["items"][0]["b64"]) == encoded
    assert log.item["position"] == 0


def test_failing_head_is_told_as_a_status(log, listen):
    log.made("a" * 40, **ring(60, 3))
    log.patch(head_func={"name": "template", "args": {"text": "${what}"}})
    events = listen(log)
    check_problem(log.try_append("b" * 40), "invalid_header")
    check_problem(log.try_append("b" * 40), "invalid_header")
    log.patch(head=None)
    log.append("b" * 40)
    told = events.until("wrap")
    told += events.until("error_status") if names(told).count("error_status") < 2 else []
    statuses = [event.data["status"] for event in told if event.name == "error_status"]
    assert [status if status == "ok" else status["code"] for status in statuses] == [
        "invalid_header", "ok"]


def test_synchronous_refusals_are_told_to_nobody_else(log, listen):
    log.made("a")
    events = listen(log)
    check_problem(log.try_append("b", query="?at=0"), "precondition_failed")
    check_problem(log.try_append({"term": "{"}), "bad_record")
    check_problem(log.post("/inc_wrap_file"), "halt_log")
    check_problem(log.patch(size=1), "new_size_too_small")
    log.post("/truncate")
    assert names(events.until("truncated")) == ["truncated"]


# Who is told


def test_every_owner_that_wants_to_know_is_told_and_no_other(log, listen):
    log.made(**ring(1000, 3))
    deaf, keen, user = log.new_handle(), log.new_handle(notify=True), log.new_handle(owner=False)
    streams = [listen(log), listen(log.by(keen)), listen(log)]
    check_problem(log.by(deaf).get("/notifications"), "not_owner")
    check_problem(log.by(user).get("/notifications"), "not_owner")
    assert len([owner for owner in log.item["owners"] if owner["notify"]]) == 3
    log.post("/inc_wrap_file")
    for stream in streams:
        assert stream.next().name == "wrap"


def test_owner_is_told_from_the_change_of_its_notify_on(log, listen):
    log.made(**ring(1000, 9))
    handle = log.new_handle()
    log.post("/inc_wrap_file")
    log.request("PATCH", f"/handles/{handle}", {"notify": True})
    events = listen(log.by(handle))
    log.post("/truncate")
    assert events.next().name == "truncated"
    log.request("PATCH", f"/handles/{handle}", {"notify": False})
    assert events.next() is None


def test_handle_outlives_its_stream_and_is_told_of_what_happened_meanwhile(log, listen):
    log.made(**ring(1000, 9))
    mine = log.by(log.new_handle(notify=True, ttl_ms=60_000))
    log.post("/inc_wrap_file")
    events = listen(mine)
    assert events.next().id == "0"
    events.close()
    in_flight = "tidemark_http_requests_in_flight 1\n"
    wait_until(lambda: in_flight in log.api.get("/metrics").body.decode(), what="the stream's end")
    log.post("/inc_wrap_file")
    log.post("/truncate")
    assert mine.post("/info").status == 200
    again = listen(mine)
    told = [again.next(), again.next()]
    assert [(event.id, event.name) for event in told] == [("1", "wrap"), ("2", "truncated")]


def test_stream_keeps_its_handle_alive(log, listen):
    log.made(**ring(1000, 9))
    events = listen(log.by(log.new_handle(notify=True, ttl_ms=1000)))
    log.new_handle(ttl_ms=1500)
    wait_until(lambda: len(log.item["owners"]) == 2, timeout=5, what="the idle handle's end")
    log.post("/inc_wrap_file")
    assert events.next().name == "wrap"


def test_end_of_a_stream_is_the_end_of_its_owner(log, listen):
    log.made(linkto="none")
    events = listen(log)
    assert len(log.item["owners"]) == 1 and log.item["owners"][0]["notify"] is True
    events.close()
    wait_until(lambda: not log.item["owners"], timeout=5, what="the owner's end")
    assert log.get("/handles").json == {"handles": []}


def test_log_that_only_a_stream_holds_is_closed_when_the_client_leaves(log, listen):
    log.made("a")
    events = listen(log)
    assert log.close() == {"state": "open", "owners": 1, "users": 0}
    events.close()
    wait_until(lambda: log.item["state"] == "closed", timeout=5, what="the log to be closed")


def test_nothing_is_missed_once_the_status_line_has_come(log, listen):
    log.made(**ring(1000, 3))
    for _ in range(20):
        events = listen(log)
        log.post("/inc_wrap_file")
        assert events.next().name == "wrap"
        events.close()


# More than fits, and the end


def test_notices_beyond_a_thousand_are_lost_and_counted(log, listen):
    log.made()
    mine = log.by(log.new_handle(notify=True))
    blocker = log.by(log.post("/block", {"queue_log_records": False}).json["handle"])
    for number in range(1010):
        assert log.try_append(str(number), query=ACCEPTED).status == 202
    assert blocker.post("/unblock").status == 200
    events = listen(mine)
    told = [events.next() for _ in range(1000)]
    assert [event.data["items"][0]["json"] for event in told] == [str(n) for n in range(1000)]
    log.post("/truncate")
    lost, after = events.next(), events.next()
    assert lost.name == "lost" and lost.data["count"] == 10
    assert after.name == "truncated" and after.id == "1010"


@pytest.mark.parametrize("notices", [0, 5])
def test_removal_of_the_log_is_told_and_ends_the_streams(log, listen, notices):
    log.made(**ring(1000, 9))
    streams = [listen(log), listen(log.by(log.new_handle(notify=True)))]
    for _ in range(notices):
        log.post("/inc_wrap_file")
    assert log.delete("?keep_files=true").status == 204
    for stream in streams:
        told = stream.until("deleted")
        assert names(told) == ["wrap"] * notices + ["deleted"]
        assert stream.next() is None


def test_log_that_stops_is_told_as_closed(shared, log, listen):
    log.made("a")
    events = listen(log)
    (shared.data / "logs" / f"{log.name}.dir" / "in").mkdir(parents=True)
    check_problem(log.post("/reopen", {"file": f"logs/{log.name}.dir"}), "log_stopped",
                  applied="unknown")
    assert events.until("closed") and events.next() is None


def test_stream_of_an_owner_that_closes_ends(log, listen):
    log.made()
    mine = log.by(log.new_handle(notify=True))
    events = listen(mine)
    assert mine.close()["state"] == "open"
    assert events.next() is None


def test_slow_listener_of_a_log_that_is_deleted_is_told_all_the_same(shared, log, listen):
    log.made()
    events = listen(log, receive_buffer=4096)
    log.post("/block", {"queue_log_records": False})
    for _ in range(3000):
        assert log.try_append("x" * 8000, query=ACCEPTED).status == 202
    assert log.delete().status == 204
    told = events.until("deleted")
    lost = sum(event.data["count"] for event in told if event.name == "lost")
    assert names(told).count("blocked_log") + lost == 3000
    assert lost > 0 and events.next() is None


def test_listener_that_reads_nothing_costs_little(start):
    server = start()
    log = Log(server.client, "l").made()
    with Events(server.port, log.path, receive_buffer=4096):
        log.post("/block", {"queue_log_records": False})
        body = b"x" * (1 << 20)
        log.post("/append" + ACCEPTED, body)
        before = server.resident("RssAnon")
        for _ in range(150):
            assert log.post("/append" + ACCEPTED, body).status == 202
        assert server.resident("RssAnon") - before < 100 << 20


def test_service_that_stops_tells_the_streams(start):
    server = start()
    log = Log(server.client, "l").made()
    with Events(server.port, log.path) as events:
        server.signal()
        told = events.until("error")
        assert told[-1].data["code"] == "draining" and events.next() is None
    assert server.wait() == 0
    server.start()
    assert Log(server.client, "l").put().json["open"] == {"result": "ok"}
