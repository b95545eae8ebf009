"""Appending in every form that a body can have, and what the answer promises."""

import base64
import json

import pytest

from support.client import POOL_MINIMUM, envelope, frames

CAPACITY = POOL_MINIMUM - 8192
ALL_BYTES = bytes(range(256))


@pytest.mark.parametrize("type", [
    None, "application/octet-stream", "text/plain", "text/plain; charset=utf-8",
    "application/x-www-form-urlencoded", "Application/Octet-Stream",
])
def test_body_that_is_one_record_is_stored_as_it_is(api, name, type):
    pool = f"{name}{len(type or '')}"
    api.create(pool)
    answer = api.try_append(pool, ALL_BYTES, type=type)
    assert answer.status == 200
    assert answer.json == {
        "first": 0, "next": 256, "count": 1, "bytes": 256, "durability": "synced",
        "duplicate": False,
    }
    assert answer["Log-Position"] == "256" and answer["ETag"] == api.item(pool)["etag"]
    assert api.walk(pool) == ALL_BYTES


def test_chunked_body_is_one_record(api, name):
    api.create(name)
    answer = api.request(
        "POST", f"/v1/pools/{name}/append", iter([b"a" * 70_000, b"b", b"c" * 5]), chunked=True)
    assert answer.status == 200 and answer.json["count"] == 1
    assert api.walk(name) == b"a" * 70_000 + b"b" + b"c" * 5


@pytest.mark.parametrize("record, stored", [
    (envelope(ALL_BYTES), ALL_BYTES),
    (envelope(b"\0"), b"\0"),
    ({"text": "grüße\0\n"}, "grüße\0\n".encode()),
    ({"json": {"b": [1, 2.5, None, True, "ü\n"], "a": -1}}, None),
    ({"json": "text"}, b'"text"'), ({"json": None}, b"null"), ({"json": 0}, b"0"),
    ({"json": 9223372036854775807}, b"9223372036854775807"),
])
def test_envelope_is_stored_as_what_it_stands_for(api, name, record, stored):
    pool = f"{name}{len(json.dumps(record))}"
    api.create(pool)
    answer = api.post(f"/v1/pools/{pool}/append", {"record": record})
    assert answer.status == 200 and answer.json["count"] == 1, answer
    found = api.walk(pool)
    if stored is None:
        assert json.loads(found) == record["json"]
        assert b" " not in found and b"\n" not in found, "not compact"
    else:
        assert found == stored


def test_json_batch_is_contiguous_and_in_order(api, name):
    api.create(name)
    records = [{"text": "one,"}, envelope(b"\x00\xff,"), {"json": [3]}]
    answer = api.post(f"/v1/pools/{name}/append", {"records": records})
    assert answer.json["count"] == 3 and answer.json["bytes"] == 10
    assert api.walk(name) == b"one,\x00\xff,[3]"


@pytest.mark.parametrize("last_line_end", [b"\n", b""])
def test_ndjson_has_an_envelope_a_line(api, name, last_line_end):
    pool = f"{name}{len(last_line_end)}"
    api.create(pool)
    lines = [{"text": "a"}, envelope(b"\0b"), {"json": {"c": 1}}]
    body = b"\n".join(json.dumps(line).encode() for line in lines) + last_line_end
    answer = api.try_append(pool, body, type="application/x-ndjson")
    assert answer.json["count"] == 3
    assert api.walk(pool) == b'a\0b{"c":1}'


def test_frames_have_a_record_each(api, name):
    api.create(name)
    answer = api.try_append(
        name, frames([b"one", ALL_BYTES, b"3"]), type="application/x-record-frames")
    assert answer.json["count"] == 3 and answer.json["next"] == 260
    assert api.walk(name) == b"one" + ALL_BYTES + b"3"


def test_form_type_is_never_taken_apart(api, name):
    api.create(name)
    body = b"a=1&b=%20+plus&record=x"
    assert api.try_append(name, body, type="application/x-www-form-urlencoded").status == 200
    assert api.walk(name) == body


def test_positions_go_on_from_append_to_append(api, name):
    api.create(name)
    position = 0
    for size in (1, 4096, 7, 65536, 1):
        answer = api.append(name, b"x" * size)
        assert (answer["first"], answer["next"]) == (position, position + size)
        position += size
    assert api.tell(name) == position


def test_at_appends_only_at_exactly_this_position(api, name):
    api.create(name)
    assert api.try_append(name, b"abc", "?at=0").status == 200
    for wrong in (0, 2, 4):
        answer = api.try_append(name, b"no", f"?at={wrong}")
        assert answer.status == 412 and answer.code == "precondition_failed"
        assert answer.json["position"] == 3 and answer.json["applied"] == "no"
        assert answer.json["etag"] == answer["ETag"] == api.item(name)["etag"]
    assert api.try_append(name, b"def", "?at=3").status == 200
    assert api.walk(name) == b"abcdef"


def test_if_match_appends_only_to_that_state(api, name):
    etag = api.create(name)["etag"]
    first = api.try_append(name, b"abc", headers={"If-Match": etag})
    assert first.status == 200
    refused = api.try_append(name, b"no", headers={"If-Match": etag})
    assert refused.status == 412 and refused.json["etag"] == first["ETag"]
    either = f'"zzz.1-1", {first["ETag"]}'
    assert api.try_append(name, b"def", headers={"If-Match": either}).status == 200
    assert api.try_append(name, b"!", headers={"If-Match": "*"}).status == 200
    assert api.walk(name) == b"abcdef!"


def test_if_match_of_before_a_rewind_does_not_hold_after_it(api, name):
    etag = api.create(name)["etag"]
    api.post(f"/v1/pools/{name}/rewind")
    assert api.try_append(name, b"no", headers={"If-Match": etag}).status == 412


def test_of_many_appends_at_one_position_exactly_one_is_taken(shared, api, name):
    import threading

    api.create(name)
    answers = []

    def attempt(number):
        with shared.new_client() as client:
            answers.append(client.try_append(name, b"%02d" % number, "?at=0"))

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] + [412] * 15
    assert api.tell(name) == 2


def test_prefer_minimal_is_204_with_the_headers(api, name):
    api.create(name)
    answer = api.try_append(name, b"abc", headers={"Prefer": "return=minimal"})
    assert answer.status == 204 and answer.body == b""
    assert answer["Log-Position"] == "3" and answer["Preference-Applied"] == "return=minimal"
    assert answer["ETag"] == api.item(name)["etag"]


@pytest.mark.parametrize("level", ["accepted", "written", "synced"])
def test_durability_of_a_pool_is_always_synced(api, name, level):
    api.create(name + level)
    answer = api.try_append(name + level, b"x", f"?durability={level}")
    assert answer.status == 200 and answer.json["durability"] == "synced"


def test_append_up_to_the_last_byte_is_taken(api, name):
    api.create(name)
    assert api.append(name, b"x" * (CAPACITY - 1))["next"] == CAPACITY - 1
    assert api.append(name, b"y")["next"] == CAPACITY
    item = api.item(name)
    assert item["free"] == 0 and item["tell"] == item["nbyte"]
    assert api.walk(name) == b"x" * (CAPACITY - 1) + b"y"


def test_append_beyond_capacity_is_507_and_changes_nothing(api, name):
    api.create(name)
    api.append(name, b"x" * (CAPACITY - 10))
    etag = api.item(name)["etag"]
    answer = api.try_append(name, b"y" * 11)
    assert answer.status == 507 and answer.code == "pool_full"
    assert answer.json["applied"] == "no" and answer.json["reason"] == "ENOSPC"
    assert answer.json["position"] == CAPACITY - 10
    assert answer.json["capacity"] == CAPACITY and answer.json["free"] == 10
    assert api.item(name)["etag"] == etag
    assert api.append(name, b"z" * 10)["next"] == CAPACITY


def test_batch_that_does_not_fit_as_a_whole_leaves_nothing(api, name):
    api.create(name)
    api.append(name, b"x" * (CAPACITY - 10))
    answer = api.try_append(name, frames([b"12345"] * 3), type="application/x-record-frames")
    assert answer.status == 507 and api.tell(name) == CAPACITY - 10


def test_record_longer_than_the_whole_pool_is_413(api, name):
    api.create(name)
    answer = api.try_append(name, b"x" * (CAPACITY + 1))
    assert answer.status == 413 and answer.code == "too_large"
    assert answer.json["limit"] == CAPACITY and api.tell(name) == 0


def test_expect_100_continue_is_answered_before_the_body(shared, api, name):
    from support.client import Raw

    api.create(name)
    with Raw(shared.port) as raw:
        raw.send(
            f"POST /v1/pools/{name}/append HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
            "Expect: 100-continue\r\n\r\n".encode())
        assert raw.read_answer().status == 100
        assert raw.send(b"abc").read_answer().status == 200


def test_expect_100_continue_of_a_body_too_large_is_refused_before_it(shared, api, name):
    from support.client import Raw

    api.create(name)
    with Raw(shared.port) as raw:
        raw.send(
            f"POST /v1/pools/{name}/append HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n"
            "Expect: 100-continue\r\n\r\n".encode())
        answer = raw.read_answer()
        assert answer.status == 413 and answer.code == "too_large"
        assert raw.is_closed()


def test_records_of_concurrent_clients_are_whole_and_in_each_clients_order(shared, api, name):
    import threading

    api.create(name)

    def write(number):
        with shared.new_client() as client:
            for count in range(50):
                assert client.try_append(name, b"%d:%03d\n" % (number, count)).status == 200

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = api.walk(name).splitlines()
    assert len(found) == 400
    for number in range(8):
        mine = [line for line in found if line.startswith(b"%d:" % number)]
        assert mine == [b"%d:%03d" % (number, count) for count in range(50)]


def test_base64_without_padding_is_refused(api, name):
    api.create(name)
    for text in ("YQ", "YQ=", "Y Q=", "YQ==\n", "_-8=", base64.b64encode(b"x").decode() + "="):
        answer = api.post(f"/v1/pools/{name}/append", {"record": {"b64": text}})
        assert answer.status == 400 and answer.code == "bad_record", text
    assert api.tell(name) == 0


def test_position_and_entity_tag_must_both_hold_if_both_are_given(api):
    api.create("both")
    tag = api.item("both")["etag"]
    wrong = api.request("POST", "/v1/pools/both/append?at=1", b"x", headers={"If-Match": tag})
    assert wrong.status == 412
    stale = api.request("POST", "/v1/pools/both/append?at=0", b"x", headers={"If-Match": '"a.1-0"'})
    assert stale.status == 412
    both = api.request("POST", "/v1/pools/both/append?at=0", b"x", headers={"If-Match": tag})
    assert both.status == 200 and both.json["next"] == 1
