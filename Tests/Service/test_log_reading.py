"""Reading logs: chunks, steps, walks, tokens, long polls, the bytes of external logs, damage."""

import base64
import json
import threading

import pytest

from support.client import Raw
from support.log import Log, ring, term
from support.machine import needs_speed
from support.problems import check_problem
from support.server import wait_until

NDJSON = "application/x-ndjson"
FRAMES = "application/x-record-frames"
MARK = bytes([6, 7, 8, 9])


@pytest.fixture
def log(api, name):
    return Log(api, name)


def numbers(first, last):
    return [str(number) for number in range(first, last)]


# Chunks


def test_chunks_go_on_where_the_last_one_ended(log):
    log.made(*numbers(0, 10))
    page = log.chunk(query="&n=4")
    assert [record["json"] for record in page["records"]] == numbers(0, 4)
    assert page["eof"] is False and page["badbytes"] == 0
    page = log.chunk(page["cont"])
    assert [record["json"] for record in page["records"]] == numbers(4, 10)
    end = log.chunk(page["cont"])
    assert end["eof"] is True and end["records"] == []
    log.append("more")
    assert log.chunk(end["cont"])["records"] == [{"json": "more"}]


def test_log_without_records_is_at_its_end(log):
    log.made()
    page = log.chunk()
    assert page["eof"] is True and page["records"] == [] and page["badbytes"] == 0
    assert len(page["cont"]) <= 512


def test_chunk_holds_what_64_kib_of_the_file_hold(log):
    log.made(*("x" * 1000 for _ in range(200)))
    count = len(log.chunk()["records"])
    assert count == (64 << 10) // (8 + 6 + 1000)
    assert log.records() == ["x" * 1000] * 200


def test_large_item_comes_alone(log):
    log.made("a", "b" * 100_000, "c", "d")
    sizes, cont = [], "start"
    while not (page := log.chunk(cont))["eof"]:
        sizes.append([len(record["json"]) for record in page["records"]])
        cont = page["cont"]
    assert sizes == [[1], [100_000], [1, 1]]


def test_chunk_of_a_ring_holds_records_of_one_file(log):
    log.made("a" * 20, "b" * 20, "c" * 20, **ring(80, 3))
    chunks, cont = [], "start"
    while not (page := log.chunk(cont))["eof"]:
        chunks.append([record["json"][0] for record in page["records"]])
        cont = page["cont"]
    assert chunks == [["a", "b"], ["c"]]


@pytest.mark.parametrize("shape, shown", [
    ("auto", [{"json": {"$tuple": [{"$atom": "a"}, 1]}}, {"json": "text"}, {"json": {"$bin": "/wA="}}]),
    ("json", [{"json": {"$tuple": [{"$atom": "a"}, 1]}}, {"json": "text"}, {"json": {"$bin": "/wA="}}]),
    ("term", [{"term": "{a,1}"}, {"term": '<<"text">>'}, {"term": "<<255,0>>"}]),
    ("text", [{"json": {"$tuple": [{"$atom": "a"}, 1]}}, {"text": "text"}, {"json": {"$bin": "/wA="}}]),
    ("b64", [{"b64": base64.b64encode(each).decode()} for each in (
        b"\x83h\2d\0\1aa\1", term(b"text"), term(b"\xff\0"))]),
])
def test_records_are_shown_in_the_form_that_was_asked_for(log, shape, shown):
    log.made({"term": "{a,1}"}, "text", {"b64": "/wA="}, head={"term": "{a,1}"})
    log.post("/truncate", {"head": {"text": "none of these"}})
    log.append({"term": "{a,1}"}, "text", {"b64": "/wA="})
    records = log.chunk(query=f"&as={shape}")["records"][1:]
    assert records == shown
    assert log.walk(f"?as={shape}")[0][1:] == shown
    assert log.get(f"?as={shape}").json["head"] == shown[0]
    assert log.get(f"/chunk?as={shape}", {"Accept": NDJSON}).lines[1:-1] == shown


def test_bytes_behind_a_binary_are_no_part_of_its_text(log):
    log.made()
    raw = base64.b64encode(term(b"a") + b"bc").decode()
    assert log.try_append({"b64": raw}, query="?raw=true").status == 200
    assert log.chunk(query="&as=text")["records"] == [{"text": "a"}]
    assert log.chunk(query="&as=b64")["records"] == [{"b64": raw}]


def test_frames_hold_encoded_terms(log):
    log.made("a", {"json": [1]})
    records, end = log.walk(accept=FRAMES)
    assert records == [term(b"a"), b"\x83k\0\1\1"]
    assert end["end"] and end["position"] == 2 and end["records"] == 2
    assert end["bytes"] == sum(map(len, records)) and end["eof"] is True
    answer = log.get("/chunk?n=1", {"Accept": FRAMES})
    assert term(b"a") in answer.body and b'"eof":false' in answer.body


# Walks


def test_walk_gives_everything_and_an_end_object(log):
    log.made(*numbers(0, 50), **ring(300, 10))
    records, end = log.walk()
    assert records == [{"json": text} for text in numbers(0, 50)]
    assert end == {"end": True, "next": end["next"], "position": 50, "records": 50,
                   "bytes": sum(len(term(text.encode())) for text in numbers(0, 50)),
                   "badbytes": 0, "eof": True}
    log.append("50")
    assert log.walk(f"?cont={end['next']}")[0] == [{"json": "50"}]


@pytest.mark.parametrize("first", [0, 1, 17, 49, 50])
def test_walk_starts_at_any_position(log, first):
    log.made(*numbers(0, 50), **ring(300, 10))
    records, end = log.walk(f"?from={first}")
    assert [record["json"] for record in records] == numbers(first, 50)
    assert end["position"] == 50


def test_walk_of_a_few_says_that_there_is_more(log):
    log.made(*numbers(0, 10))
    records, end = log.walk("?limit=3")
    assert len(records) == 3 and end["eof"] is False and end["position"] == 3
    records, end = log.walk(f"?limit=7&cont={end['next']}")
    assert len(records) == 7 and end["eof"] is True
    check_problem(log.get(f"/walk?from=1&cont={end['next']}"), "bad_parameter")
    check_problem(log.get("/walk?from=11"), "range_not_satisfiable")


def test_walk_from_what_was_overwritten_is_position_gone(log):
    log.made(*("x" * 40 for _ in range(6)), **ring(60, 3))
    assert check_problem(log.get("/walk?from=2"), "position_gone")["oldest"] == 3
    assert log.walk("?from=3")[1]["records"] == 3


@needs_speed
def test_walk_of_a_log_of_any_size_needs_no_memory(start):
    server = start()
    log = Log(server.client, "l").made(durability="written")
    body = json.dumps({"records": [{"text": "x" * (1 << 20)}] * 8}).encode()
    for _ in range(16):
        assert log.post("/append", body, type="application/json").status == 200
    before = server.resident("RssAnon")
    answer = log.get("/walk", {"Accept": FRAMES})
    assert len(answer.body) > 128 << 20
    assert server.resident("RssAnon") - before < 24 << 20


def test_walk_whose_records_are_overwritten_ends_with_position_gone(start):
    server = start()
    log = Log(server.client, "l").made(**ring(4 << 20, 5), durability="written")
    body = json.dumps({"records": [{"text": "x" * 10_000}] * 800}).encode()
    for _ in range(2):
        assert log.post("/append", body, type="application/json").status == 200
    with Raw(server.port, receive_buffer=4096) as slow:
        slow.send(b"GET /v1/logs/l/walk HTTP/1.1\r\nHost: h\r\n\r\n")
        assert slow.fill()
        for _ in range(4):
            assert log.post("/append", body, type="application/json").status == 200
        end = slow.read_answer().lines[-1]
    assert end["end"] and end["error"]["code"] == "position_gone"
    assert end["error"]["oldest"] <= log.item["oldest_position"]


# Tokens


def sealed(parts):
    """A token with these parts: its last one guards against slips, not against forgery."""
    text, code = ".".join(parts), 0xCBF29CE484222325
    for byte in text.encode():
        code = (code ^ byte) * 0x100000001B3 % 2**64
    digits, code = "", code & 0xFFFFFFFF
    while code:
        code, digit = divmod(code, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return f"{text}.{digits or 0}"


@pytest.mark.parametrize("offset, position", [
    (8, 2**63 - 1), (2**62, 2**62), (2**63 - 1, 0), (0, 0), (8, 1), (2**48, 0)])
def test_a_forged_token_is_refused_and_ends_nothing(log, offset, position):
    log.made("a", "b")
    parts = log.chunk(query="&n=1")["cont"].split(".")[:-1]
    assert log.get(f"/chunk?cont={sealed(parts)}").status == 200
    forged = sealed([*parts[:5], str(offset), str(position)])
    for path in ("/chunk?n=1&", "/chunk?wait_ms=100&", "/walk?", "/chunk_step?step=1&"):
        answer = log.get(f"{path}cont={forged}")
        assert answer.code in ("bad_token", "not_internal_wrap"), (path, answer)
    assert len(log.chunk()["records"]) == 2


def test_tokens_of_other_logs_and_changed_ones_are_refused(api, name, log):
    log.made("a", "b")
    other = Log(api, name + "b").made("a")
    token = other.chunk()["cont"]
    check_problem(log.get(f"/chunk?cont={token}"), "bad_token")
    check_problem(log.get(f"/walk?cont={token}"), "bad_token")
    check_problem(log.get(f"/chunk_info?cont={token}"), "bad_token")
    mine = log.chunk()["cont"]
    assert log.get(f"/chunk_info?cont={mine}").json == {"node": log.item["node"]}
    for place in range(len(mine)):
        changed = mine[:place] + ("1" if mine[place] != "1" else "2") + mine[place + 1:]
        check_problem(log.get(f"/chunk?cont={changed}"), "bad_token")
    check_problem(log.get(f"/chunk?cont={mine}0"), "bad_token")


def test_token_of_a_log_that_was_made_anew_is_refused(log):
    log.made("a")
    token = log.chunk()["cont"]
    assert log.delete().status == 204
    log.made("b")
    check_problem(log.get(f"/chunk?cont={token}"), "bad_token")


@pytest.mark.parametrize("operation, body", [
    ("truncate", None), ("reopen", {"file": "logs/older"}),
])
@pytest.mark.parametrize("options", [{}, ring(60, 3)])
def test_token_of_what_was_taken_away_is_position_gone(log, operation, body, options):
    log.made("a" * 40, "b" * 40, **options)
    token = log.chunk()["cont"]
    oldest = log.post("/" + operation, body).json["position"]
    for path in (f"/chunk?cont={token}", f"/walk?cont={token}"):
        assert check_problem(log.get(path), "position_gone")["oldest"] == oldest


def test_token_of_a_file_that_was_overwritten_is_position_gone(log):
    log.made(*("x" * 40 for _ in range(3)), **ring(60, 3))
    token = log.chunk()["cont"]
    log.append("y" * 40)
    assert check_problem(log.get(f"/chunk?cont={token}"), "position_gone")["oldest"] == 1
    check_problem(log.get(f"/chunk_step?cont={token}"), "position_gone")


@pytest.mark.parametrize("kill", [False, True])
@pytest.mark.parametrize("options", [{}, ring(200, 5)])
def test_tokens_outlive_the_service(start, kill, options):
    server = start()
    log = Log(server.client, "l").made(*numbers(0, 30), **options)
    tokens = {}
    cont = "start"
    while not (page := log.chunk(cont, "&n=3"))["eof"]:
        cont = page["cont"]
        tokens[cont] = len(tokens) * 3 + len(page["records"])
    last = page["cont"]
    walked = log.walk("?limit=7")[1]["next"]
    server.restart(kill=kill)
    log = Log(server.client, "l")
    assert [record["json"] for record in log.walk(f"?cont={walked}")[0]] == numbers(7, 30)
    seen = set()
    for token in tokens:
        rest = tuple(record["json"] for record in log.walk(f"?cont={token}")[0])
        assert list(rest) == numbers(30 - len(rest), 30)
        seen.add(len(rest))
    assert len(seen) == len(tokens)
    log.append("30")
    assert log.chunk(last)["records"] == [{"json": "30"}]


def test_token_outlives_repair_that_kept_everything_before_it(start):
    server = start()
    log = Log(server.client, "l").made(*numbers(0, 10))
    token = log.chunk(query="&n=5")["cont"]
    server.kill9()
    with open(server.data / "logs" / "l.LOG", "ab") as file:
        file.write(b"\0\0\0\x09bWLAcut")
    server.start()
    log = Log(server.client, "l")
    assert log.item["last_open"] == {"result": "repaired", "recovered": 10, "badbytes": 11}
    assert [record["json"] for record in log.walk(f"?cont={token}")[0]] == numbers(5, 10)


# Steps


def test_steps_go_to_the_beginnings_of_files(log):
    log.made(*(letter * 40 for letter in "abcde"), **ring(60, 4))
    # The files hold e, b, c, d; reading starts at b.
    def at(step, cont="start"):
        answer = log.get(f"/chunk_step?cont={cont}&step={step}")
        return log.chunk(answer.json["cont"])["records"][0]["json"][0]

    assert [at(step) for step in (-4, -3, -2, -1, 0, 1, 2, 3, 4, 5)] == list("bcdebcdebc")
    assert at(1, log.get("/chunk_step?step=2").json["cont"]) == "e"
    assert at(2**62) in "bcde"


def test_step_to_a_file_that_is_not_there_yet_is_the_end_of_the_log(log):
    log.made("a" * 40, "b" * 40, **ring(60, 5))
    assert log.get("/chunk_step?step=1").status == 200
    for step in (2, 3, 4, -1, -2):
        check_problem(log.get(f"/chunk_step?step={step}"), "end_of_log")


# Waiting


@pytest.mark.parametrize("path", ["/chunk?", "/walk?"])
def test_reader_at_the_end_waits_for_the_next_record(shared, log, path):
    log.made("a")
    cont = log.walk()[1]["next"]
    answers = []

    def wait():
        with shared.new_client() as client:
            answers.append(Log(client, log.name).get(f"{path}cont={cont}&wait_ms=20000"))

    reader = threading.Thread(target=wait)
    in_flight = 'tidemark_http_requests_in_flight 2'
    reader.start()
    wait_until(lambda: in_flight in log.api.get("/metrics").body.decode(), what="the reader")
    assert not answers
    log.append("b", query="?durability=accepted")
    reader.join(10)
    assert answers and b'"b"' in answers[0].body


def test_wait_for_records_runs_out_without_an_error(log):
    log.made("a")
    cont = log.walk()[1]["next"]
    page = log.chunk(cont, "&wait_ms=30")
    assert page["eof"] is True and page["records"] == []
    records, end = log.walk(f"?cont={cont}&wait_ms=30")
    assert records == [] and end["position"] == 1


def test_wait_ends_when_the_log_is_truncated_or_closed(shared, log):
    for operation, code in (("truncate", "position_gone"), ("close", "no_such_log")):
        log.put()
        log.append("a")
        cont = log.walk()[1]["next"]
        answers = []

        def wait():
            with shared.new_client() as client:
                answers.append(Log(client, log.name).get(f"/chunk?cont={cont}&wait_ms=20000"))

        reader = threading.Thread(target=wait)
        reader.start()
        wait_until(lambda: "in_flight 2" in log.api.get("/metrics").body.decode(), what="it")
        log.post("/" + operation)
        reader.join(10)
        assert answers, operation
        check_problem(answers[0], code)


# External logs


def test_bytes_of_an_external_log_by_range(log):
    log.made("hello ", "world", format="external")
    answer = log.get("/data")
    assert answer.body == b"hello world" and answer["Accept-Ranges"] == "bytes"
    assert answer["Log-Position"] == "11" and answer["ETag"] == log.item["etag"]
    for range, body, shown in (
        ("bytes=0-4", b"hello", "bytes 0-4/11"), ("bytes=6-", b"world", "bytes 6-10/11"),
        ("bytes=-5", b"world", "bytes 6-10/11"), ("bytes=6-99", b"world", "bytes 6-10/11"),
        ("bytes=10-10", b"d", "bytes 10-10/11"),
    ):
        answer = log.get("/data", {"Range": range})
        assert (answer.status, answer.body, answer["Content-Range"]) == (206, body, shown)
    answer = log.get("/data", {"Range": "bytes=11-"})
    check_problem(answer, "range_not_satisfiable")
    assert answer["Content-Range"] == "bytes */11"


def test_bytes_of_a_ring_come_oldest_file_first(log):
    log.made(*(letter * 50 for letter in "abcde"), **ring(60, 3), format="external")
    assert log.get("/data").body == b"c" * 50 + b"d" * 50 + b"e" * 50
    assert log.get("/data", {"Range": "bytes=48-51"}).body == b"ccdd"
    assert (log.item["oldest_position"], log.item["position"]) == (100, 250)


def test_head_request_of_bytes_has_their_length(log):
    log.made("hello", format="external")
    answer = log.request("HEAD", "/data")
    assert answer.status == 200 and answer["Content-Length"] == "5" and answer.body == b""


# Damage


def spoiled(shared, log, change, **options):
    """Makes a log of ten records, closes it and lets `change` have its bytes."""
    log.made(*numbers(0, 10), **options)
    log.close()
    file = shared.data / "logs" / f"{log.name}.LOG"
    data = bytearray(file.read_bytes())
    change(data)
    file.write_bytes(data)
    return file


def test_read_only_log_passes_over_damage_counts_it_and_changes_nothing(shared, log):
    def change(data):
        # The third item's magic, and a last item that is cut.
        data[8 + 2 * 15 + 4] ^= 1
        data += b"\0\0\0\x20bWLA123"
        data[4:8] = MARK

    file = spoiled(shared, log, change)
    before = file.read_bytes()
    assert log.put(mode="read_only").json["open"] == {"result": "ok"}
    cont, found, bad = "start", [], 0
    while not (page := log.chunk(cont))["eof"]:
        found += [record["json"] for record in page["records"]]
        bad += page["badbytes"]
        cont = page["cont"]
    assert found == [text for text in numbers(0, 10) if text != "2"]
    assert bad == 15 + 3
    check_problem(log.try_append("a"), "read_only_mode")
    log.close()
    assert file.read_bytes() == before


def test_walk_of_a_damaged_read_only_log_passes_over_the_damage(shared, log):
    def change(data):
        data[8 + 2 * 15 + 4] ^= 1

    spoiled(shared, log, change)
    log.put(mode="read_only")
    records, end = log.walk()
    assert [record["json"] for record in records] == [text for text in numbers(0, 10) if text != "2"]
    assert end["badbytes"] == 15 and end["eof"] is True


def test_check_counts_what_a_repair_would(shared, log):
    def change(data):
        data[8 + 2 * 15 + 4] ^= 1
        data += b"\0\0\0\x20bWLA123"
        data[4:8] = MARK

    spoiled(shared, log, change)
    log.put(mode="read_only")
    checked = log.get("/check").json
    assert checked["consistent"] is False and checked["items"] == 9
    log.close()
    opened = log.put().json["open"]
    assert opened == {"result": "repaired", "recovered": 9, "badbytes": checked["badbytes"]}
    assert log.get("/check").json == {
        "consistent": True, "items": 9, "badbytes": 0,
        "files": [{"file": f"logs/{log.name}.LOG", "items": 9, "badbytes": 0, "closed": False}]}


def test_check_of_a_ring_looks_at_every_file(log):
    log.made(*(letter * 40 for letter in "abcde"), **ring(60, 4))
    files = log.get("/check").json["files"]
    assert [(row["file"][-1], row["items"], row["closed"]) for row in files] == [
        ("2", 1, True), ("3", 1, True), ("4", 1, True), ("1", 1, False)]


def test_missing_file_of_a_ring_is_passed_over(shared, log):
    log.made(*(letter * 40 for letter in "abcd"), **ring(60, 4))
    (shared.data / "logs" / f"{log.name}.LOG.2").unlink()
    (shared.data / "logs" / f"{log.name}.LOG.3").write_bytes(b"what is this?")
    assert [text[0] for text in log.records()] == ["a", "d"]
    assert [record["json"][0] for record in log.walk()[0]] == ["a", "d"]


def test_check_reports_a_file_that_cannot_be_read(shared, log):
    log.made(*(letter * 40 for letter in "abcd"), **ring(60, 4))
    (shared.data / "logs" / f"{log.name}.LOG.2").unlink()
    (shared.data / "logs" / f"{log.name}.LOG.3").write_bytes(b"what is this?")
    checked = log.get("/check")
    assert checked.status == 200 and checked.json["consistent"] is False
    assert checked.json["items"] == 2


def test_read_only_ring_is_read_as_it_stands_while_another_name_writes_it(api, name, log):
    log.made("a" * 40, "b" * 40, **ring(60, 4))
    reader = Log(api, name + "r")
    assert reader.put(file=f"logs/{name}.LOG", mode="read_only", type="wrap").status == 200
    assert [text[0] for text in reader.records()] == ["a", "b"]
    check_problem(Log(api, name + "w").put(file=f"logs/{name}.LOG", type="wrap"), "locked")
