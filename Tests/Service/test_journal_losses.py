"""What must not happen to journals: hangs, lost answers, damage that passes for the end, and foreign
files that are taken for one's own (P6, P10)."""

import errno
import http.client
import socket
import threading

import pytest

from support import journal_format as form
from support.events import Events
from support.faults import Faults
from support.journal import Cursor, Journal, envelope
from support.machine import patient
from support.problems import check_problem
from support.server import wait_until

SMALL = {"file_max": 102_400}


@pytest.fixture
def server(start):
    return start()


def log_file(server, number, name="j"):
    return server.data / "journals" / name / form.name(number)


def put_files(server, files, name="j"):
    """Lays log files where a journal will look for them."""
    for number, content in files.items():
        path = log_file(server, number, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def restart(server, journal):
    """Starts a server that has ended, on another port."""
    server.start()
    journal.client = server.client


def test_closing_while_many_append_stops_nobody(server):
    path, over = "/v1/journals/j", threading.Event()
    assert server.client.put(path, SMALL).status == 201

    def append():
        with server.new_client() as client:
            while not over.is_set():
                answer = client.post(path + "/append", b"m" * 60_000)
                assert answer.status in (200, 404), answer

    writers = [threading.Thread(target=append) for _ in range(48)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(8):
            assert server.client.post(path + "/close").status == 200
            assert server.client.get("/v1/pools").status == 200
            assert server.client.post(path + "/open").status == 200
    finally:
        over.set()
        for writer in writers:
            writer.join(patient(60))
    assert server.stop() == 0


# Numbers that end

def test_a_transaction_of_the_largest_number_is_followed_by_others(server):
    operation = bytes([0x84, 0x8A, 0x82, 0x83]) + b"k1\0v1\0"
    put_files(server, {1: form.head(102_400) + form.commit(b"\x7f", operation)})
    journal = Journal(server.client)
    for _ in range(2):
        answer = journal.commit({"op": "row_put", "fileid": 1000, "key": envelope(b"k"),
                                 "value": envelope(b"v")})
        assert answer.status == 200 and 0 < answer.json["txnid"] < 10, answer


def test_the_last_number_of_a_file_is_the_last(server):
    put_files(server, {2**32 - 2: form.head(102_400) + form.message(b"hello")})
    journal = Journal(server.client, **SMALL)
    answers = [journal.append(b"x" * 50_000) for _ in range(4)]
    assert [answer.status for answer in answers[:2]] == [200, 200]
    assert check_problem(answers[-1], answers[-1].code)["status"] >= 400
    assert server.client.get("/healthz").status == 200


# Whose files they are

def test_log_files_without_their_database_are_not_written(server):
    folder = server.data / "db" / "journal"
    folder.mkdir(parents=True)
    content = form.head(1 << 20) + form.message(b"theirs") + bytes(100_000)
    (folder / form.name(1)).write_bytes(content)
    path = "/v1/journals/j"
    document = check_problem(
        server.client.put(path, {"path": "db/journal"}), "foreign_database")
    assert "read_only" in document["detail"]
    assert (folder / form.name(1)).read_bytes() == content
    check_problem(server.client.delete(path), "no_such_journal")
    assert server.client.put(path, {"path": "db/journal", "mode": "read_only"}).status == 201
    assert b"theirs" in b"".join(row[8] for row in Journal.rows(Journal(server.client))[0])


def test_a_first_opening_that_may_go_well_later_leaves_no_journal(start, tmp_path):
    faults = Faults(tmp_path / "faults")
    server = start(**faults.options)
    path, new = "/v1/journals/n", {"If-None-Match": "*"}
    faults.arm("pwrite", sticky=True, error=errno.ENOSPC, path="WiredTiger")
    check_problem(server.client.put(path, None, new), "no_space")
    faults.disarm()
    assert server.client.get("/v1/journals").json["journals"] == []
    assert server.client.put(path, None, new).status == 201


def test_an_opening_that_failed_for_a_time_is_tried_again(start, tmp_path):
    faults = Faults(tmp_path / "faults")
    server = start(**faults.options)
    journal = Journal(server.client)
    assert journal.append(b"one").status == 200
    server.kill9()
    faults.arm("pwrite", sticky=True, error=errno.ENOSPC, path="WiredTiger")
    server.start()
    check_problem(server.client.post(journal.path + "/append", b"x"), "no_space")
    faults.disarm()
    assert server.client.post(journal.path + "/append", b"two").status == 200


def test_a_change_beside_a_removal_brings_nothing_back(server):
    for turn in range(15):
        journal = Journal(server.client, f"g{turn}")
        clients = [server.new_client() for _ in range(4)]
        calls = [threading.Thread(target=clients[0].delete, args=(journal.path,))]
        calls += [threading.Thread(target=client.request, args=("PATCH", journal.path, {
            "archive": False})) for client in clients[1:]]
        for call in calls:
            call.start()
        for call in calls:
            call.join(patient(20))
        for client in clients:
            client.close()
    assert server.client.get("/v1/journals").json["journals"] == []


# What was flushed

def test_an_opening_flushes_the_newest_file_also_if_nothing_is_cut_off(start, tmp_path):
    faults = Faults(tmp_path / "faults")
    server = start(**faults.options)
    journal = Journal(server.client, **SMALL)
    # As large as the whole file: nothing lies behind it.
    assert journal.append(b"z" * 200_000, durability="written").status == 200
    server.kill9()
    faults.watch("fsync", path=form.name(1))
    restart(server, journal)
    assert journal.item()["synced_lsn"] == {"file": 2, "offset": 256}
    assert faults.seen("fsync") > 0


@pytest.mark.parametrize("damage", ["flipped", "zeros", "cut"])
def test_damage_to_the_last_flushed_record_is_told_and_cut_off_by_nobody(server, damage):
    journal = Journal(server.client)
    places = [journal.append(b"m%d" % number).json["first"]["offset"] for number in range(5)]
    server.kill9()
    path, last = log_file(server, 1), places[-1]
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[last + 20] ^= 1
    elif damage == "zeros":
        content[last:] = bytes(len(content) - last)
    else:
        del content[last:]
    path.write_bytes(content)
    restart(server, journal)
    opened = server.client.put(journal.path).json["open"]
    assert opened == {
        "result": "damaged", "damaged_at": {"file": 1, "offset": last}, "badbytes": 128}
    wait_until(lambda: any("damaged" in line for line in server.lines), what="the line of log")
    assert path.read_bytes()[:last + 128] == bytes(content[:last + 128])
    assert journal.append(b"behind it").json["first"]["file"] == 2
    assert server.stop() == 0
    restart(server, journal)
    rows, end = journal.walk()
    assert end["error"]["code"] == "corrupt_log_file" and rows[-1][1] == places[-2]


def test_a_newest_file_with_nothing_but_a_header_keeps_nobody_from_reading_on(server):
    header = form.head(102_400)[:128]
    put_files(server, {1: form.head(102_400) + form.message(b"one"), 2: header + bytes(102_272)})
    journal = Journal(server.client, **SMALL)
    assert journal.append(b"after").status == 200
    rows, end = journal.walk()
    assert "error" not in end and rows[-1][8].startswith(b"after\0")


def test_bytes_that_were_cut_off_are_counted_without_the_zeros_behind_them(server):
    journal = Journal(server.client)
    place = journal.append(b"x" * 100).json["first"]["offset"]
    server.kill9()
    with open(log_file(server, 1), "r+b") as file:
        file.seek(place + 128)
        file.write(b"junk" + bytes(20) + b"!")
    restart(server, journal)
    opened = server.client.put(journal.path).json["open"]
    assert opened["result"] == "repaired" and opened["badbytes"] == 25


# Answers

def test_a_wait_that_is_repeated_loses_no_record_to_the_one_before(server):
    journal = Journal(server.client)
    journal.append(b"m0")
    cursor = Cursor(journal, {})
    *_, last = cursor.next(n=100)[0]
    query = f"{cursor.path}/next?n=10&wait_ms=20000&after={last[0]},{last[1]},{last[2]}"
    gone = socket.create_connection(("127.0.0.1", server.port))
    gone.sendall(f"POST {query} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    wait_until(lambda: waiting(server) == 1)
    repeated = http.client.HTTPConnection("127.0.0.1", server.port, timeout=patient(30))
    repeated.request("POST", query)
    wait_until(lambda: waiting(server) == 2)
    gone.close()
    assert journal.append(b"R1").status == 200
    assert b"R1" in repeated.getresponse().read()


def waiting(server):
    """How many requests are under way besides the one that asks."""
    text = server.client.get("/metrics").body.decode()
    line = next(line for line in text.splitlines() if line.startswith("tidemark_http_requests_in_flight"))
    return int(float(line.split()[-1])) - 1


def test_a_walk_that_ends_archives_what_only_it_has_kept(server):
    journal = Journal(server.client, **SMALL)
    for _ in range(30):
        assert journal.append(b"y" * 90_000).status == 200
    walk = socket.socket()
    walk.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    walk.connect(("127.0.0.1", server.port))
    walk.sendall(f"GET {journal.path}/walk HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    wait_until(lambda: journal.item()["archive_held"])
    assert journal.call("checkpoint").status == 200
    assert log_file(server, 1).exists()
    walk.close()
    wait_until(lambda: not log_file(server, 1).exists())


def test_a_follower_that_has_seen_a_lost_record_goes_on_behind_it(server):
    journal = Journal(server.client, durability="written")
    places = [journal.append(b"m%d" % number).json["first"]["offset"] for number in range(3)]
    with Events(server.port, journal.path, stream="follow", query="?from=start") as events:
        told = events.until("caught_up")
    last = [event for event in told if event.name == "record"][-1]
    assert last.data["position"] == f"1,{places[-1]}"
    server.kill9()
    with open(log_file(server, 1), "r+b") as file:
        file.seek(places[-1])
        file.write(bytes(128))
    restart(server, journal)
    assert journal.append(b"new").status == 200
    with Events(server.port, journal.path, stream="follow", last=last.id) as events:
        lost, *rest = events.until("caught_up")
    assert (lost.name, lost.data["from"]) == ("lost", last.data["next"])
    assert "new" in str(rest[-2].data["rows"])
