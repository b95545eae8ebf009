"""Appending to logs: every form of a record, conditions, durability, room."""

import base64
import json
import re
import struct
import threading
import zlib

import pytest

from support.client import frames
from support.log import Log, ring, term
from support.problems import check_problem
from support.server import wait_until

FORM = "application/octet-stream"
ATOM_OK = b"\x83d\0\2ok"


@pytest.fixture
def log(api, name):
    return Log(api, name).made()


@pytest.fixture
def bytes_log(api, name):
    return Log(api, name + "x").made(format="external")


def encode(data):
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("type, body, count", [
    (FORM, b"\0\xffbytes", 1),
    ("text/plain", b"caf\xc3\xa9", 1),
    ("application/x-www-form-urlencoded", b"a=1&b=2", 1),
    (None, b"no type", 1),
    (FORM, b"", 1),
])
def test_plain_body_is_one_binary(log, type, body, count):
    answer = log.post("/append", body, type=type)
    assert answer.json == {"first": 0, "next": 1, "count": 1, "bytes": len(term(body)),
                           "durability": "synced", "duplicate": False}
    assert answer["Log-Position"] == "1" and answer["ETag"] == log.item["etag"]
    assert log.encoded == [term(body)]


@pytest.mark.parametrize("envelope, encoded", [
    ({"text": "é"}, term("é".encode())),
    ({"text": ""}, term(b"")),
    ({"b64": encode(b"\0\1")}, term(b"\0\1")),
    ({"b64": ""}, term(b"")),
    ({"json": None}, b"\x83d\0\4null"),
    ({"json": True}, b"\x83d\0\4true"),
    ({"json": 255}, b"\x83a\xff"),
    ({"json": -1}, b"\x83b\xff\xff\xff\xff"),
    ({"json": 1.0}, b"\x83F" + struct.pack(">d", 1.0)),
    ({"json": "text"}, term(b"text")),
    ({"json": [1, 2]}, b"\x83k\0\2\1\2"),
    ({"json": []}, b"\x83j"),
    ({"json": {"a": 1}}, b"\x83t\0\0\0\1" + term(b"a")[1:] + b"a\1"),
    ({"json": {"$tuple": [{"$atom": "ok"}]}}, b"\x83h\1d\0\2ok"),
    ({"json": {"$bin": encode(b"\xff")}}, term(b"\xff")),
    ({"json": {"$int": "18446744073709551616"}}, b"\x83n\x09\0" + b"\0" * 8 + b"\1"),
    ({"json": {"$str": "ab"}}, b"\x83k\0\2ab"),
    ({"json": {"$improper": [1], "tail": 2}}, b"\x83l\0\0\0\1a\1a\2"),
    ({"json": {"$etf": encode(ATOM_OK)}}, ATOM_OK),
    ({"term": "ok"}, ATOM_OK),
    ({"term": "{ok, <<\"x\">>}"}, b"\x83h\2d\0\2ok" + term(b"x")[1:]),
    ({"term": "[a|b]"}, b"\x83l\0\0\0\1d\0\1ad\0\1b"),
    ({"term": "'\u20ac'"}, b"\x83w\3\xe2\x82\xac"),
])
def test_envelope_becomes_its_term(log, envelope, encoded):
    assert log.try_append(envelope).status == 200
    assert log.encoded == [encoded]
    # As lines too.
    line = json.dumps(envelope).encode() + b"\n"
    assert log.post("/append", line * 2, type="application/x-ndjson").json["count"] == 2
    assert log.encoded == [encoded] * 3


@pytest.mark.parametrize("shape", ["json", "term", "b64"])
def test_what_was_read_can_be_written_again(log, shape):
    log.append({"term": "{[1,2.5,<<1:3>>,#{1=>2,a=>\"b\"}],'A b',-99999999999999999999,fun m:f/1}"})
    if shape != "term":
        # The text of a process is no term that could be read.
        pid = encode(b"\x83Xd\0\1n\0\0\0\1\0\0\0\0\0\0\0\0")
        log.append({"json": {"a": {"$etf": pid}}})
    before = log.encoded
    for record in log.chunk("start", f"&as={shape}")["records"]:
        assert log.try_append(record, query="?raw=true" if shape == "b64" else "").status == 200
    assert log.encoded == before * 2


def test_raw_bytes_are_the_encoded_term_and_are_checked(log):
    compressed = b"\x83P\0\0\0\x0a" + zlib.compress(b"m\0\0\0\5aaaaa")
    for each in (ATOM_OK, compressed, ATOM_OK + b"trailing"):
        assert log.post("/append?raw=true", each, type=FORM).status == 200
        assert log.try_append({"b64": encode(each)}, query="?raw=true").status == 200
        assert log.post("/append?raw=true", frames([each]),
                        type="application/x-record-frames").status == 200
    assert log.encoded == [each for each in (ATOM_OK, compressed, ATOM_OK + b"trailing")
                           for _ in range(3)]
    check_problem(log.post("/append?raw=true", b"\x83zz", type=FORM), "bad_record")
    # Text stays a text.
    log.append("plain", query="?raw=true")
    assert log.encoded[-1] == term(b"plain")


def test_raw_bytes_that_are_no_term_are_taken_only_unchecked(log):
    assert log.post("/append?raw=true&validate=false", b"junk", type=FORM).status == 200
    assert log.post("/append?raw=true&validate=false", b"", type=FORM).status == 200
    assert log.encoded == [b"junk", b""]
    check_problem(log.get("/chunk?as=json"), "corrupt_log_file")


def test_frames_are_binaries_and_empty_ones_count(log):
    records = [b"one", b"", b"three" * 1000]
    answer = log.post("/append", frames(records), type="application/x-record-frames")
    assert answer.json["count"] == 3 and answer.json["next"] == 3
    assert log.encoded == [term(record) for record in records]


@pytest.mark.parametrize("type, body", [
    ("application/json", b'{"records":[]}'), ("application/x-ndjson", b""),
    ("application/x-record-frames", b""),
])
def test_batch_of_nothing_is_taken_as_the_original_takes_it(log, type, body):
    answer = log.post("/append", body, type=type)
    assert answer.status == 200 and (answer.json["count"], answer.json["next"]) == (0, 0)
    assert log.item["position"] == 0


def test_external_log_takes_bytes_as_they_are(bytes_log):
    log = bytes_log
    log.post("/append", b"a\0", type=FORM)
    log.post("/append", frames([b"b", b"", b"cc"]), type="application/x-record-frames")
    assert log.append("d", {"b64": encode(b"\xff")}) == {
        "first": 5, "next": 7, "count": 2, "bytes": 2, "durability": "synced", "duplicate": False}
    assert log.get("/data").body == b"a\0bccd\xff" and log.item["items"] == 6


def test_batch_with_one_bad_record_changes_nothing(log):
    check_problem(log.try_append("a", {"term": "{"}, "b"), "bad_record")
    check_problem(log.post("/append", b'{"text":"a"}\n{"text":1}\n', type="application/x-ndjson"),
                  "bad_record")
    assert log.item["position"] == 0 and log.records() == []


def test_record_of_eight_mebibytes_is_the_largest(log, bytes_log):
    limit = 8 << 20
    for each, overhead in ((log, 6), (bytes_log, 0)):
        answer = each.post("/append", b"x" * (limit - overhead), type=FORM)
        assert answer.status == 200, answer
        answer = each.post("/append", b"x" * (limit - overhead + 1), type=FORM)
        assert check_problem(answer, "too_large")["limit"] == limit
    assert log.chunk()["records"][0]["json"] == "x" * (limit - 6)


def test_batch_has_ten_thousand_records_at_most(log):
    body = b'{"text":"a"}\n'
    assert log.post("/append", body * 10_000, type="application/x-ndjson").json["next"] == 10_000
    answer = log.post("/append", body * 10_001, type="application/x-ndjson")
    assert check_problem(answer, "too_large")["limit"] == 10_000
    assert log.item["position"] == 10_000


# Conditions


def test_at_appends_only_to_the_end_that_is_meant(log):
    log.append("a", query="?at=0")
    document = check_problem(log.try_append("b", query="?at=0"), "precondition_failed")
    assert document["position"] == 1 and document["etag"] == log.item["etag"]
    log.append("b", query="?at=1")
    assert log.records() == ["a", "b"]


def test_if_match_appends_only_to_the_state_that_is_meant(log):
    tag = log.item["etag"]
    answer = log.try_append("a", headers={"If-Match": tag})
    refused = log.try_append("b", headers={"If-Match": tag})
    check_problem(refused, "precondition_failed")
    assert refused["ETag"] == answer["ETag"]
    assert log.try_append("b", headers={"If-Match": f'"x", {answer["ETag"]}'}).status == 200
    assert log.try_append("c", headers={"If-Match": "*"}).status == 200
    tag = log.item["etag"]
    log.post("/truncate")
    log.append("d")
    check_problem(log.try_append("e", headers={"If-Match": tag}), "precondition_failed")
    assert log.item["position"] == 4 and log.records() == ["d"]


def test_truncate_and_patch_obey_if_match(log):
    old = log.item["etag"]
    log.append("a")
    check_problem(log.post("/truncate", headers={"If-Match": old}), "precondition_failed")
    check_problem(log.patch(headers={"If-Match": old}, size=100), "precondition_failed")
    tag = log.item["etag"]
    assert log.patch(headers={"If-Match": tag}, size=100).status == 200
    assert log.post("/truncate", headers={"If-Match": tag}).json["no_lost_items"] == 1


# Room


def test_atomic_batch_that_does_not_fit_is_refused_whole_and_the_log_is_full(log):
    assert log.patch(size=60).status == 200
    check_problem(log.try_append("a", "b", "c" * 50), "log_full")
    item = log.item
    assert item["full"] is True and item["position"] == 0
    check_problem(log.try_append("a"), "log_full")
    check_problem(log.post("/append", b'{"records":[]}', type="application/json"), "log_full")


def test_batch_that_need_not_be_atomic_is_written_as_far_as_it_fits(log):
    assert log.patch(size=45).status == 200
    log.append("0")
    answer = log.try_append("a", "b", "c" * 50, "d", query="?atomic=false")
    document = check_problem(answer, "log_full", applied="partial")
    assert (document["count"], document["first"], document["next"]) == (1, 1, 2)
    assert log.records() == ["0", "a"]
    answer = log.try_append("x", query="?atomic=false")
    assert "count" not in check_problem(answer, "log_full")


def test_truncated_log_is_full_no_more(log):
    assert log.patch(size=30).status == 200
    check_problem(log.try_append("a" * 30), "log_full")
    assert log.post("/truncate", {"head": {"text": "h"}}).json["no_lost_items"] == 0
    check_problem(log.try_append("a"), "log_full")
    log.post("/truncate")
    log.append("a")


def test_item_that_is_larger_than_a_file_of_the_ring_gets_a_file_of_its_own(api, name):
    log = Log(api, name).made("a" * 500, "b", "c" * 500, **ring(100, 5))
    assert log.item["current_file"] == 3
    assert [len(text) for text in log.records()] == [500, 1, 500]


# Durability


@pytest.mark.parametrize("level", ["written", "synced"])
def test_answer_says_how_safe_the_records_are(log, level):
    assert log.append("a", query=f"?durability={level}")["durability"] == level


def test_accepted_is_answered_at_once_and_read_back_at_once(log):
    for number in range(20):
        answer = log.try_append(str(number), "x", query="?durability=accepted")
        assert answer.status == 202 and answer.json == {"accepted": 2}
        if number % 5 == 0:
            assert log.records()[-2:] == [str(number), "x"]
    assert log.post("/sync").json == {"position": 40}
    assert log.item["position"] == 40


def test_who_has_more_accepted_than_fits_in_memory_is_not_refused(shared, log):
    """Each of several clients sends more than is kept for a log; their records stay in their order."""
    sent = {number: [f"{number}:{part}:" + "x" * 600_000 for part in range(6)]
            for number in range(4)}
    statuses = []

    def send(number):
        with shared.new_client() as client:
            mine = Log(client, log.name)
            for record in sent[number]:
                statuses.append(mine.try_append(record, query="?durability=accepted").status)

    clients = [threading.Thread(target=send, args=[number]) for number in sent]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert statuses == [202] * 24
    log.append("last", query="?durability=written")
    found = log.records()
    assert found[-1] == "last" and len(found) == 25
    for number, records in sent.items():
        assert [record for record in found if record.startswith(f"{number}:")] == records


@pytest.mark.parametrize("default", ["accepted", "written"])
def test_log_has_a_durability_of_its_own(api, name, default):
    log = Log(api, name).made(durability=default)
    assert log.item["durability"] == default
    assert log.try_append("a").status == (202 if default == "accepted" else 200)
    assert log.append("b", query="?durability=synced")["durability"] == "synced"
    assert log.records() == ["a", "b"]


def test_accepted_records_are_in_the_file_a_moment_later(shared, log):
    log.append("a", query="?durability=accepted")
    file = shared.data / "logs" / f"{log.name}.LOG"
    wait_until(lambda: file.read_bytes().endswith(term(b"a")), timeout=5, what="the bytes")


@pytest.mark.parametrize("level, kept", [("written", True), ("synced", True)])
def test_answered_records_outlive_the_service(start, level, kept):
    server = start()
    log = Log(server.client, "l").made()
    for number in range(10):
        log.append(str(number), query=f"?durability={level}")
    server.restart(kill=True)
    log = Log(server.client, "l")
    assert log.records() == [str(number) for number in range(10)]
    assert log.item["position"] == 10


def test_return_minimal_has_no_body(log):
    answer = log.try_append("a", headers={"Prefer": "return=minimal"})
    assert answer.status == 204 and answer.body == b""
    assert answer["Preference-Applied"] == "return=minimal" and answer["Log-Position"] == "1"
    assert answer["ETag"] == log.item["etag"]


def test_order_of_accepted_and_synced_appends_is_that_of_the_answers(log):
    for number in range(50):
        level = ("accepted", "written", "synced")[number % 3]
        log.append(str(number), query=f"?durability={level}")
    assert log.records() == [str(number) for number in range(50)]


def test_error_status_is_that_of_the_last_write(log):
    assert log.item["error_status"] == "ok"
    log.patch(size=30)
    check_problem(log.try_append("a" * 30), "log_full")
    assert "holds" in log.item["error_status"]
    # An asynchronous append that meets a full log is answered well, and clears it.
    assert log.try_append("b", query="?durability=accepted").status == 202
    wait_until(lambda: log.item["error_status"] == "ok", what="the status of the append")
    check_problem(log.try_append("c"), "log_full")
    log.post("/truncate")
    assert log.item["error_status"] == "ok"


def test_every_kind_counts_positions_through_wraps_and_truncations(api, name):
    log = Log(api, name).made(**ring(60, 3))
    for number in range(10):
        assert log.append("x" * 40)["next"] == number + 1
    item = log.item
    assert (item["position"], item["oldest_position"]) == (10, 7)
    assert item["no_overflows"]["since_opened"] == 9
    emptied = log.post("/truncate", {"head": {"text": "h"}}).json
    assert (emptied["no_lost_items"], emptied["position"]) == (3, 11)
    assert log.append("y")["first"] == 11
    reopened = log.post("/reopen", {"file": f"logs/{name}.OLD"}).json
    assert reopened["position"] == 12 and reopened["generation"] == emptied["generation"] + 1
    assert log.item["oldest_position"] == 12
    assert re.fullmatch(r'"[0-9a-f]{8}\.\d+-12"', log.item["etag"])


def test_next_file_moves_rings_and_rotates_archives(shared, api, name):
    log = Log(api, name).made("a", **ring(100, 3))
    assert log.post("/next_file").json == {"current_file": 2}
    assert log.post("/inc_wrap_file").json == {"current_file": 3}
    assert log.post("/inc_wrap_file").json == {"current_file": 1}
    rotate = Log(api, name + "r").made(type="rotate", size={"max_no_bytes": 100, "max_no_files": 2})
    for letter in "abc":
        rotate.append(letter)
        assert rotate.post("/next_file").status == 200
    archives = {number: zlib.decompress(
        (shared.data / "logs" / f"{name}r.LOG.{number}.gz").read_bytes(), 31)
        for number in range(2)}
    assert archives == {0: b"c", 1: b"b"}
    assert not (shared.data / "logs" / f"{name}r.LOG.2.gz").exists()
    assert rotate.item["format"] == "external" and rotate.get("/data").body == b""


@pytest.mark.parametrize("kind", ["logs", "journals"])
def test_who_prefers_not_to_wait_is_answered_once_it_is_accepted(api, name, kind):
    path = f"/v1/{kind}/{name}"
    assert api.put(path).status == 201
    body, prefers = {"records": [{"text": "a"}, {"text": "b"}]}, {"Prefer": "respond-async"}
    answer = api.post(path + "/append", body, prefers)
    assert (answer.status, answer.json) == (202, {"accepted": 2})
    assert answer["Preference-Applied"] == "respond-async"
    # What the request says itself counts more, and a name is only remembered of what was done.
    answer = api.post(path + "/append?durability=synced", body, prefers)
    assert answer.status == 200 and answer["Preference-Applied"] is None
    answer = api.post(path + "/append", body, {**prefers, "Idempotency-Key": "k"})
    assert answer.status == 200 and answer["Preference-Applied"] is None
    wait_until(lambda: len(re.findall(rb'"(json|message)":"a"', api.get(path + "/walk").body)) == 3,
               what="all records")
