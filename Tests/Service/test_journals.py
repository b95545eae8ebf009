"""Journals and log cursors over HTTP."""

import threading
import time

import pytest

from support.journal import Journal, envelope
from support.server import wait_until

PUT = {"op": "row_put", "fileid": 1000, "key": {"text": "k"}, "value": {"text": "v"}}


@pytest.fixture
def journal(api, request):
    """A journal of the test's own."""
    name = request.node.name.split("[")[0][-100:]
    journal = Journal(api, name)
    yield journal
    journal.delete()


def key(row):
    return row[:3]


# Opening and closing

def test_put_makes_a_journal_and_opens_one_that_is_there(api):
    first = api.put("/v1/journals/made", {"file_max": 200_000, "archive": False})
    assert (first.status, first.json["open"]) == (201, {"result": "ok"})
    again = api.put("/v1/journals/made")
    assert (again.status, again.json["file_max"]) == (200, 200_000)
    other = api.put("/v1/journals/made", {"file_max": 300_000})
    assert (other.status, other.code, other.json["option"]) == (409, "arg_mismatch", "file_max")
    assert api.put("/v1/journals/made", None, {"If-None-Match": "*"}).status == 412
    assert api.delete("/v1/journals/made").status == 204
    assert api.get("/v1/journals/made").code == "no_such_journal"


@pytest.mark.parametrize("option, value", [
    ("file_max", 102_399), ("file_max", 2**31 + 1), ("path", "../j"), ("path", "pools/j"),
    ("compressor", "lz4"), ("mode", "append"), ("max_cursor_hold_ms", -1)])
def test_an_option_out_of_range_is_refused(api, option, value):
    answer = api.put("/v1/journals/refused", {option: value})
    assert (answer.status, answer.json["option"]) == (400, option)
    assert api.get("/v1/journals/refused").status == 404


def test_unknown_properties_and_parameters_are_refused(api, journal):
    assert api.put("/v1/journals/x", {"file_maxx": 1}).code == "unknown_property"
    assert api.get(f"{journal.path}/walk?frm=start").code == "unknown_parameter"
    assert api.post(f"{journal.path}/transactions", {"ops": [PUT | {"x": 1}]}).code == (
        "unknown_property")


def test_a_closed_journal_is_shown_and_opened_by_request_only(api, journal):
    journal.append(b"one")
    journal.close()
    item = api.get(journal.path).json
    assert item["state"] == "closed"
    refused = journal.append(b"two")
    assert (refused.code, refused.json["state"]) == ("no_such_journal", "closed")
    assert journal.call("open").json["state"] == "open"
    assert journal.append(b"two").json["first"] == {"file": 2, "offset": 256}


def test_the_list_names_all_with_their_states(api, journal):
    listed = api.get(f"/v1/journals?prefix={journal.name}").json["journals"]
    assert listed == [{"name": journal.name, "state": "open"}]
    journal.close()
    assert api.get("/v1/journals?state=closed&limit=1000").json["journals"].count(
        {"name": journal.name, "state": "closed"}) == 1


def test_settings_that_can_change_are_changed_and_kept(start):
    server = start()
    journal = Journal(server.client, "j")
    tag = journal.item()["etag"]
    changed = server.client.request(
        "PATCH", journal.path, {"archive": False, "durability": "written"},
        {"If-Match": tag}, type="application/merge-patch+json")
    assert (changed.status, changed.json["archive"], changed.json["generation"]) == (200, False, 2)
    stale = server.client.request("PATCH", journal.path, {"archive": True}, {"If-Match": tag})
    assert stale.code == "precondition_failed"
    assert journal.append(b"x").json["durability"] == "written"
    server.restart()
    journal.client = server.client
    assert journal.item()["durability"] == "written"
    assert server.client.request("PATCH", journal.path, {"file_max": 1}).code == "unknown_property"


def test_journals_are_open_again_after_a_restart_until_they_are_closed(start):
    server = start()
    for name in ("a", "b"):
        Journal(server.client, name).append(name.encode())
    server.client.post("/v1/journals/b/close")
    server.restart()
    states = {entry["name"]: entry["state"]
              for entry in server.client.get("/v1/journals").json["journals"]}
    assert states == {"a": "open", "b": "closed"}


# The seven rows of the original's example

def test_three_records_give_the_seven_rows_of_the_example(api, journal):
    journal.call("checkpoint")
    journal.commit(*(PUT | {"key": {"text": f"k{n}"}} for n in (1, 2, 3)))
    journal.commit(PUT | {"key": {"text": "k4"}})
    cursor = journal.cursor()
    rows, end = cursor.next(1000)
    assert end
    start = next(index for index, row in enumerate(rows) if row[:2] == (1, 256))
    seven = [row for row in rows[start:] if row[4] != 0]
    assert [row[2] for row in seven] == [0, 0, 1, 2, 3, 0, 1]
    assert [row[4] for row in seven] == [4, 1, 1, 1, 1, 1, 1]
    assert [row[5] for row in seven] == [0, 0, 4, 4, 4, 0, 4]
    assert [row[7] for row in seven] == [b"", b"", b"k1", b"k2", b"k3", b"", b"k4"]
    assert seven[1][3] + 1 == seven[5][3]


# Writing

def test_a_message_has_its_lsn_and_comes_back_with_its_text(api, journal):
    answer = api.post(f"{journal.path}/append", b"night run starts", type="text/plain")
    assert answer.json == {
        "first": {"file": 1, "offset": 256}, "last": {"file": 1, "offset": 256}, "count": 1,
        "bytes": 16, "durability": "synced", "duplicate": False}
    assert answer["Log-Position"] == "1,256"
    row = api.get(f"{journal.path}/records/1,256").json["rows"][0]
    assert (row["message"], row["rectype_name"]) == ("night run starts", "message")


def test_a_batch_is_contiguous_and_in_order(api, journal):
    answer = journal.append(*(b"m%d" % n for n in range(5))).json
    assert (answer["count"], answer["last"]["offset"] - answer["first"]["offset"]) == (5, 512)
    rows, _ = journal.walk(rectype="message")
    assert [row[8].split(b"\0")[0] for row in rows] == [b"m%d" % n for n in range(5)]


@pytest.mark.parametrize("body, type", [
    (b"a\0b", "text/plain"), (b'{"record":{"text":"a\\u0000"}}', "application/json"),
    (b'{"b64":"AA=="}\n', "application/x-ndjson"), (b"\0\0\0\1\0", "application/x-record-frames")])
def test_a_message_with_a_zero_byte_is_refused(api, journal, body, type):
    answer = api.post(f"{journal.path}/append", body, type=type)
    assert (answer.status, answer.code) == (400, "bad_record")


def test_an_empty_message_is_allowed_and_an_empty_batch_is_not(api, journal):
    assert api.post(f"{journal.path}/append", b"", type="text/plain").status == 200
    assert journal.append().code == "bad_record"


@pytest.mark.parametrize("operation, option", [
    ({"fileid": 1000}, "op"), ({"op": "row_put", "fileid": 0, "key": {"text": ""}}, "fileid"),
    ({"op": "row_put", "key": {"text": ""}}, "fileid"),
    ({"op": "row_put", "fileid": 1000, "key": {"text": ""}}, "value"),
    ({"op": "row_drop", "fileid": 1000}, "op"),
    ({"op": "col_put", "fileid": 1000, "recno": 0, "value": {"text": ""}}, "recno"),
    ({"op": "col_truncate", "fileid": 1000, "start": -1}, "start"),
    ({"op": "row_modify", "fileid": 1, "key": {"text": ""}, "value": {"text": ""},
      "changes": []}, "changes")])
def test_an_operation_that_is_not_whole_is_refused(api, journal, operation, option):
    answer = journal.commit(operation)
    assert (answer.status, answer.json.get("option")) == (400, option), answer
    assert journal.walk()[1]["records"] == 1


def test_a_transaction_holds_1_to_10000_operations(api, journal):
    assert journal.commit().code == "bad_parameter"
    assert journal.commit(*[PUT] * 10_001).code == "too_large"
    assert journal.commit(*[PUT] * 10_000).status == 200
    assert journal.walk(op="row_put", limit=20_000)[1]["records"] == 10_000


def test_at_lets_exactly_one_of_two_writers_through(api, journal):
    first = journal.append(b"one", at="0,0")
    assert first.status == 200
    lost = journal.append(b"other", at="0,0")
    assert (lost.status, lost.json["position"]) == (412, "1,256")
    assert journal.commit(PUT, at="1,256").json["lsn"] == {"file": 1, "offset": 384}
    tag = journal.item()["etag"]
    assert api.post(
        f"{journal.path}/append", b"x", {"If-Match": tag}, type="text/plain").status == 200
    stale = api.post(f"{journal.path}/append", b"x", {"If-Match": tag}, type="text/plain")
    assert stale.status == 412 and stale["ETag"] == stale.json["etag"]


def test_each_level_of_durability_is_told_and_moves_the_ends(api, journal):
    assert journal.append(b"a", durability="written").json["durability"] == "written"
    item = journal.item()
    assert item["synced_lsn"] == {"file": 1, "offset": 256}
    assert item["written_lsn"] == {"file": 1, "offset": 384}
    flushed = journal.call("log_flush", {"sync": "on"}).json
    assert flushed["synced_lsn"] == flushed["written_lsn"] == {"file": 1, "offset": 384}
    accepted = journal.append(b"b", durability="accepted")
    assert (accepted.status, accepted.json) == (202, {"accepted": 1})
    assert journal.call("log_flush", {"sync": "off"}).json["written_lsn"]["offset"] == 512
    assert journal.call("log_flush", {"sync": "background"}).status == 202
    assert journal.call("log_flush", {"sync": "maybe"}).json["option"] == "sync"
    minimal = api.post(
        f"{journal.path}/append", b"c", {"Prefer": "return=minimal"}, type="text/plain")
    assert (minimal.status, minimal["Log-Position"]) == (204, "1,512")
    assert journal.commit(PUT, durability="accepted").status == 202
    minimal = api.post(
        f"{journal.path}/transactions", {"ops": [PUT]}, {"Prefer": "return=minimal"})
    assert (minimal.status, minimal["Log-Position"]) == (204, "1,768")


def test_files_are_switched_at_their_size(api, shared):
    journal = Journal(api, "switched", file_max=102_400)
    for _ in range(3):
        journal.append(*[b"x" * 1000] * 60)
    files = sorted((shared.data / "journals" / "switched").glob("WiredTigerLog.*"))
    assert len(files) == 3
    assert journal.walk(rectype="message")[1]["records"] == 180
    assert all(file.stat().st_size <= 102_400 for file in files)
    journal.delete()
    assert not (shared.data / "journals" / "switched").exists()


def test_a_record_larger_than_a_file_is_taken(api):
    journal = Journal(api, "larger", file_max=102_400)
    journal.append(b"before")
    big = journal.append(b"y" * 5_000_000).json["first"]
    journal.append(b"behind")
    rows, _ = journal.walk(rectype="message")
    assert [row[8].rstrip(b"\0\xab") for row in rows] == [b"before", b"y" * 5_000_000, b"behind"]
    assert big["file"] == 2
    journal.delete()


# Cursors

def test_a_cursor_gives_its_last_row_again_until_it_is_reset(api, journal):
    journal.append(b"one")
    cursor = journal.cursor()
    assert api.get(cursor.path).code == "cursor_unpositioned"
    assert key(cursor.next()[0][0]) == (1, 128, 0)
    assert api.get(cursor.path).json["lsn"] == {"file": 1, "offset": 128}
    assert cursor.search(1, 256)[8].startswith(b"one\0")
    assert cursor.search(1, 384) == "wt_notfound"
    assert api.get(cursor.path).json["lsn"] == {"file": 1, "offset": 256}
    cursor.reset()
    assert api.get(cursor.path).code == "cursor_unpositioned"
    assert key(cursor.next()[0][0]) == (1, 128, 0)
    cursor.close()
    assert api.get(cursor.path).code == "no_such_cursor"


def test_a_search_is_followed_by_the_operations_of_the_record(api, journal):
    lsn = journal.commit(PUT, PUT | {"key": {"text": "l"}}).json["lsn"]
    cursor = journal.cursor()
    assert key(cursor.search(lsn["file"], lsn["offset"])) == (1, lsn["offset"], 0)
    assert [row[7] for row in cursor.next(2)[0]] == [b"k", b"l"]


def test_raw_mode_packs_key_and_value(api, journal):
    row = api.get(f"{journal.path}/records/1,128?raw=true").json["rows"][0]
    assert row["key_raw"] == {"b64": "gcBAgA=="}
    assert row["value_raw"]["b64"].startswith("gISAgIC")


def test_cursors_are_compared_by_record_and_rows_given(api, journal):
    journal.commit(PUT)
    left, right = journal.cursor(), journal.cursor()

    def order():
        return api.get(f"{left.path}/compare?with={right.id}").json["order"]

    assert order() == 0
    left.next()
    assert order() == 1
    right.next(2)
    assert order() == -1
    left.search(1, 256)
    assert order() == 0
    left.next()
    assert order() == 1
    assert api.get(f"{left.path}/compare?with=c_none").code == "no_such_cursor"


def test_a_cursor_at_the_end_sees_what_is_written_later(api, shared, journal):
    cursor = journal.cursor()
    cursor.next(10)
    assert cursor.next() == ([], True)

    def write():
        with shared.new_client() as client:
            wait_until(lambda: journal_is_waited_for(client), what="the waiting request")
            Journal(client, journal.name).append(b"late")

    def journal_is_waited_for(client):
        return "tidemark_http_requests_in_flight 2" in client.get("/metrics").body.decode()

    writer = threading.Thread(target=write)
    writer.start()
    rows, _ = cursor.next(wait_ms=20_000)
    writer.join()
    assert rows[0][8].startswith(b"late\0")


def test_a_wait_for_more_runs_out(api, journal):
    cursor = journal.cursor()
    cursor.next(10)
    begun = time.monotonic()
    assert cursor.next(wait_ms=200) == ([], True)
    assert time.monotonic() - begun >= 0.2


def test_a_repeated_next_gives_the_same_rows_if_it_says_after_which(api, journal):
    journal.commit(PUT, PUT)
    cursor = journal.cursor()
    first = cursor.next(2)[0]
    again = cursor.next(2, after="%d,%d,%d" % key(first[1]))[0]
    assert cursor.next(2, after="%d,%d,%d" % key(first[1]))[0] == again
    assert [row[2] for row in again] == [1, 2]
    answer = api.post(f"{cursor.path}/next?after=9,128,0")
    assert answer.code == "wt_notfound"


def test_a_cursor_that_is_not_used_expires(api, journal):
    cursor = journal.cursor(ttl_ms=1000)
    kept = journal.cursor(ttl_ms=60_000)

    def code():
        # Asking for another one's order does not use this one.
        listed = api.get(f"{journal.path}/cursors").json["cursors"]
        return cursor.id not in [entry["cursor"] for entry in listed]

    wait_until(code, what="the end of the cursor")
    assert api.post(f"{cursor.path}/next").code == "cursor_expired"
    assert kept.next()[0]


def test_a_journal_has_at_most_64_cursors(api, journal):
    cursors = [journal.cursor() for _ in range(64)]
    refused = journal.call("cursors")
    assert (refused.status, refused.code) == (429, "rate_limited")
    cursors[0].close()
    journal.cursor()


def test_many_cursors_read_side_by_side_while_records_are_written(api, shared, journal):
    journal.append(*(b"%d" % n for n in range(500)))
    found = []

    def read():
        with shared.new_client() as client:
            cursor = Journal(client, journal.name).cursor()
            rows = []
            while len(rows) < 1001:
                rows += cursor.next(50, wait_ms=10_000)[0]
            found.append([row[8].split(b"\0")[0] for row in rows[1:]])

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for number in range(500, 1000):
        journal.append(b"%d" % number, durability="written")
    for reader in readers:
        reader.join()
    assert found == [[b"%d" % n for n in range(1000)]] * 8


# Archiving

def filled(api, name, **options):
    journal = Journal(api, name, file_max=102_400, **options)
    for _ in range(4):
        journal.append(*[b"x" * 1000] * 60)
    return journal


def files(shared, journal):
    folder = shared.data / "journals" / journal.name
    return sorted(int(path.suffix[1:]) for path in folder.glob("WiredTigerLog.*"))


def test_a_checkpoint_lets_files_before_it_be_removed(api, shared):
    journal = filled(api, "archived", archive=False)
    assert files(shared, journal) == [1, 2, 3, 4]
    assert journal.call("archive").json == {"removed": [], "held_by_cursors": 0}
    checkpoint = journal.call("checkpoint").json
    assert journal.item()["checkpoint_lsn"] == checkpoint["start_lsn"]
    assert journal.call("archive").json == {"removed": [1, 2, 3], "held_by_cursors": 0}
    assert journal.item()["first_lsn"] == {"file": 4, "offset": 128}
    cursor = journal.cursor()
    assert key(cursor.next()[0][0]) == (4, 128, 0)
    assert cursor.search(1, 256) == "wt_notfound"
    gone = api.get(f"{journal.path}/walk?from=1,256")
    assert (gone.status, gone.code, gone.json["oldest"]) == (410, "position_gone", "4,128")
    journal.delete()


def test_an_open_cursor_holds_archiving_back_until_it_is_closed(api, shared):
    journal = filled(api, "held")
    cursor = journal.cursor()
    journal.call("checkpoint")
    assert journal.call("archive").json == {"removed": [], "held_by_cursors": 1}
    assert journal.item()["archive_held"] is not None
    seen = 0
    while not (page := cursor.next(1000))[1]:
        seen += len(page[0])
    assert seen + len(page[0]) == journal.walk()[1]["records"]
    cursor.close()
    wait_until(lambda: files(shared, journal) == [4], what="the removal")
    assert journal.item()["archive_held"] is None
    journal.delete()


def test_a_hold_that_lasts_too_long_ends(api, shared):
    journal = filled(api, "bounded", max_cursor_hold_ms=1)
    cursor = journal.cursor()
    wait_until(lambda: journal.call("checkpoint").json
               and files(shared, journal) == [4], what="the removal")
    answer = api.post(f"{cursor.path}/next")
    assert answer.status == 200, "it begins with the first record that is left"
    journal.delete()


def test_a_cursor_is_told_of_files_that_were_archived_under_it(api, shared):
    journal = filled(api, "overtaken", max_cursor_hold_ms=1)
    cursor = journal.cursor()
    assert api.post(f"{cursor.path}/next?n=1").status == 200
    wait_until(lambda: journal.call("checkpoint").json
               and files(shared, journal) == [4], what="the removal")
    answer, seen = None, 0
    while answer is None or answer.status == 200 and not answer.json["end"]:
        answer = api.post(f"{cursor.path}/next?n=1000")
        seen += 1
        assert seen < 1000
    assert answer.status == 410 and answer.code == "position_gone", answer
    assert answer.json["oldest"] == "4,128"
    journal.delete()


def test_the_last_checkpoint_is_remembered(start):
    server = start()
    journal = Journal(server.client, "j")
    journal.append(b"x")
    lsn = journal.call("checkpoint").json["start_lsn"]
    server.restart(kill=True)
    assert server.client.get(journal.path).json["checkpoint_lsn"] == lsn


# The end after a crash

def newest(server):
    return max((server.data / "journals" / "j").glob("WiredTigerLog.*"))


@pytest.mark.parametrize("garbage", [b"\x80", b"\xff" * 200, b"\x80\0\0\0" + b"x" * 300])
def test_what_a_crash_left_unfinished_is_cut_off_and_told(start, garbage):
    server = start()
    journal = Journal(server.client, "j")
    journal.append(b"one", b"two")
    server.kill9()
    path = newest(server)
    with open(path, "r+b") as file:
        file.seek(512)
        file.write(garbage)
    server.start()
    server.wait_line("journal j was not closed")
    journal.client = server.client
    rows, code = journal.rows()
    assert [row[8].split(b"\0")[0] for row in rows if row[4] == 3] == [b"one", b"two"]
    assert path.stat().st_size == 512
    assert journal.append(b"three").json["first"] == {"file": 2, "offset": 256}


def test_damage_of_what_was_durable_is_told_and_nothing_behind_it_is_lost(start):
    server = start()
    journal = Journal(server.client, "j")
    journal.append(*(b"m%d" % n for n in range(10)))
    server.kill9()
    path = newest(server)
    content = bytearray(path.read_bytes())
    content[256 + 3 * 128 + 20] ^= 1
    path.write_bytes(content)
    server.start()
    journal.client = server.client
    rows, end = journal.walk()
    assert (end["error"]["code"], end["error"]["position"]) == ("corrupt_log_file", "1,640")
    assert len(rows) == 4
    cursor = journal.cursor()
    assert cursor.search(1, 640) == "corrupt_log_file"
    assert cursor.search(1, 768)[8].startswith(b"m4\0")
    rows, _ = cursor.next(100)
    assert [row[8].split(b"\0")[0] for row in rows if row[4] == 3] == [
        b"m%d" % n for n in range(5, 10)]
    assert path.read_bytes()[:1536] == bytes(content)[:1536]


def test_an_end_of_an_earlier_file_that_is_lost_is_told_and_nothing_behind_it_is(start):
    server = start()
    journal = Journal(server.client, "j", file_max=102_400)
    for number in range(40):
        journal.append(b"%03d" % number * 3000)
    rows, _ = journal.rows()
    journal.close()
    path = newest(server).with_suffix(".0000000001")
    places = sorted({row[1] for row in rows if row[0] == 1})
    path.write_bytes(path.read_bytes()[:places[-3]])
    assert journal.call("open").status == 200
    found, end = journal.walk(**{"as": "b64"})
    assert found == [row for row in rows if row[:2] < (1, places[-3])]
    assert (end["error"]["code"], end["error"]["position"]) == (
        "corrupt_log_file", f"1,{places[-3]}")
    # The opening has begun a file of its own.
    assert journal.walk(**{"as": "b64", "from": "2,128"})[0][:-1] == [
        row for row in rows if row[0] > 1]
    assert journal.cursor().search(2, 128)[:2] == (2, 128)


def test_a_closed_journal_of_many_files_is_opened_by_its_newest_alone(start):
    server = start()
    journal = Journal(server.client, "j", file_max=102_400)
    for _ in range(5):
        journal.append(*[b"x" * 1000] * 60)
    journal.close()
    for path in sorted((server.data / "journals" / "j").glob("WiredTigerLog.*"))[:-1]:
        path.write_bytes(b"")
    assert journal.call("open").json["last_lsn"] is not None


@pytest.mark.parametrize("content, code", [
    (b"", "corrupt_log_file"), (b"x" * 4096, "corrupt_log_file"),
    (bytes.fromhex("80000000") + bytes(124), "corrupt_log_file")])
def test_a_newest_file_that_is_none_is_refused_and_left_alone(start, content, code):
    server = start()
    folder = server.data / "journals" / "j"
    folder.mkdir(parents=True)
    path = folder / "WiredTigerLog.0000000007"
    path.write_bytes(content)
    answer = server.client.put("/v1/journals/j")
    assert (answer.status, answer.code) == (500, code)
    assert path.read_bytes() == content
    assert server.client.get("/v1/journals/j").json["state"] == "failed"


def test_a_file_of_a_later_version_is_refused(start):
    server = start()
    Journal(server.client, "j").close()
    path = newest(server)
    content = bytearray(path.read_bytes())
    content[20] = 6
    path.write_bytes(content + b"x")
    answer = server.client.post("/v1/journals/j/open")
    assert (answer.code, answer.json["position"]) == ("corrupt_log_file", "1,0")


def test_a_read_only_journal_takes_no_writing_and_keeps_its_files(shared, api):
    journal = Journal(api, "readable")
    journal.append(b"x")
    journal.close()
    reader = Journal(api, "reader", mode="read_only", path="journals/readable")
    for call in ("log_flush", "checkpoint", "archive"):
        assert reader.call(call).code == "read_only_mode"
    assert reader.append(b"y").code == "read_only_mode"
    assert reader.commit(PUT).code == "read_only_mode"
    assert reader.delete().status == 204
    assert (shared.data / "journals" / "readable" / "WiredTigerLog.0000000001").exists()
    missing = api.put("/v1/journals/nothing", {"mode": "read_only"})
    assert (missing.status, missing.code) == (404, "no_such_file")
    (shared.data / "empty").mkdir()
    empty = Journal(api, "empty", mode="read_only", path="empty")
    assert empty.walk()[1]["error"]["code"] == "no_logging"
    assert empty.call(f"cursors/{empty.cursor().id}/next").code == "no_logging"
    journal.delete()


def test_two_journals_do_not_write_one_directory(api):
    journal = Journal(api, "sole")
    answer = api.put("/v1/journals/second", {"path": "journals/sole"})
    assert (answer.status, answer.code) == (423, "locked")
    journal.delete()


def test_statistics_count_records_and_bytes_as_the_original_does(api, journal):
    journal.append(b"abc")
    figures = api.get(f"{journal.path}/stat").json
    assert figures["log: log write operations"] == 1
    assert figures["log: log bytes of payload data"] == 21
    assert figures["log: log bytes written"] == 256 + 128
    journal.walk()
    figures = api.get(f"{journal.path}/stat").json
    assert figures["log: records processed by log scan"] >= 2


def test_modify_takes_changes_or_the_packed_list(api, journal):
    packed = (1).to_bytes(8, "little") + b"".join(
        n.to_bytes(8, "little") for n in (3, 16, 4)) + b"new"
    for form in ({"changes": [{"data": {"text": "new"}, "at": 16, "size": 4}]},
                 {"value": envelope(packed)}):
        lsn = journal.commit(
            {"op": "row_modify", "fileid": 1000, "key": {"text": "k"}} | form).json["lsn"]
        answer = api.get(f"{journal.path}/records/{lsn['file']},{lsn['offset']}?as=b64").json
        assert answer["rows"][1]["value"] == envelope(packed)
